// SPDX-License-Identifier: GPL-2.0-only
/*
 * The record of the chunks: a list in the order of their frames, and an index by section. What
 * is asked of frames wherever they lie is here too.
 */
#include <linux/list.h>
#include <linux/rculist.h>
#include <linux/sched.h>
#include <linux/xarray.h>

#include "dualbm.h"
#include "dualbm_chunks.h"
#include "dualbm_placement.h"

/* Guards the list of chunks: the notifier changes it, sweeps walk it. */
DEFINE_MUTEX(dualbm_memory_lock);
LIST_HEAD(dualbm_chunks);
unsigned long dualbm_chunks_version;

/* The chunks once more, by the number of their section. */
static DEFINE_XARRAY(chunk_index);

struct dualbm_chunk *dualbm_chunk_record(unsigned long pfn)
{
	unsigned long start_pfn = round_down(pfn, DUALBM_CHUNK_FRAMES);
	struct dualbm_chunk *chunk = xa_load(&chunk_index, pfn >> DUALBM_CHUNK_SHIFT);

	if (!chunk || chunk->start_pfn != start_pfn ||
	    chunk->check != dualbm_check_value(start_pfn, chunk->planes))
		return NULL;
	return chunk;
}

unsigned long *dualbm_planes_record(unsigned long pfn)
{
	const struct dualbm_chunk *chunk = dualbm_chunk_record(pfn);

	return chunk ? chunk->planes : NULL;
}

int dualbm_chunk_insert(struct dualbm_chunk *new)
{
	struct dualbm_chunk *chunk;
	int ret;

	lockdep_assert_held(&dualbm_memory_lock);
	/* Whoever finds the planes finds them filled in: xa_store() is a release. */
	ret = xa_err(xa_store(&chunk_index, new->start_pfn >> DUALBM_CHUNK_SHIFT, new, GFP_KERNEL));
	if (ret)
		return ret;
	list_for_each_entry_reverse(chunk, &dualbm_chunks, list)
		if (chunk->start_pfn < new->start_pfn)
			break;
	list_add_rcu(&new->list, &chunk->list);
	dualbm_chunks_version++;
	return 0;
}

void dualbm_chunk_remove(struct dualbm_chunk *chunk)
{
	lockdep_assert_held(&dualbm_memory_lock);
	xa_erase(&chunk_index, chunk->start_pfn >> DUALBM_CHUNK_SHIFT);
	list_del_rcu(&chunk->list);
	dualbm_chunks_version++;
}

struct dualbm_chunk *dualbm_walk_at(struct dualbm_walk *walk)
{
	struct dualbm_chunk *chunk;

	lockdep_assert_held(&dualbm_memory_lock);
	if (walk->chunk && walk->version == dualbm_chunks_version)
		return walk->chunk;
	walk->version = dualbm_chunks_version;
	walk->chunk = NULL;
	list_for_each_entry(chunk, &dualbm_chunks, list)
		if (chunk->start_pfn >= walk->pfn) {
			walk->chunk = chunk;
			walk->pfn = chunk->start_pfn;
			break;
		}
	return walk->chunk;
}

void dualbm_walk_on(struct dualbm_walk *walk)
{
	struct dualbm_chunk *chunk = walk->chunk;

	lockdep_assert_held(&dualbm_memory_lock);
	walk->pfn = chunk->start_pfn + DUALBM_CHUNK_FRAMES;
	walk->chunk = NULL;
	if (list_is_last(&chunk->list, &dualbm_chunks))
		return;
	walk->chunk = list_next_entry(chunk, list);
	walk->pfn = walk->chunk->start_pfn;
}

void dualbm_each_chunk(void (*visit)(struct dualbm_chunk *chunk, void *data), void *data)
{
	struct dualbm_walk walk = { .pfn = 0 };
	struct dualbm_chunk *chunk;

	do {
		mutex_lock(&dualbm_memory_lock);
		chunk = dualbm_walk_at(&walk);
		if (chunk) {
			visit(chunk, data);
			dualbm_walk_on(&walk);
		}
		mutex_unlock(&dualbm_memory_lock);
		cond_resched();
	} while (chunk);
}

phys_addr_t dualbm_planes_phys(unsigned long *planes, enum dualbm_plane plane,
			       unsigned long byte)
{
	return dualbm_mapped_phys((void *)dualbm_plane(planes, plane) + byte);
}

phys_addr_t dualbm_plane_phys(const struct dualbm_chunk *chunk,
			      enum dualbm_plane plane, unsigned long byte)
{
	lockdep_assert_held(&dualbm_memory_lock);
	return dualbm_planes_phys(chunk->planes, plane, byte);
}

/* Where an event finds planes: see dualbm_flat.c and, of the limit, dualbm_mode.c. */
struct dualbm_flat dualbm_flat __read_mostly;

/* ---- frames, wherever they lie ---- */

struct dualbm_window *dualbm_window;

void dualbm_disqualify(unsigned long pfn, unsigned long frames)
{
	struct dualbm_window *now = READ_ONCE(dualbm_window);
	unsigned long first, last;

	if (likely(!now))
		return;
	first = max(pfn, now->start_pfn);
	last = min(pfn + frames, now->start_pfn + dualbm_window_frames(now));
	while (first < last) {
		unsigned long index = first - now->start_pfn;
		unsigned long mask = dualbm_word_mask(index, last - first);

		/* Fully ordered before the planes' stores: see learn_word(). */
		atomic_long_fetch_andnot(mask, (atomic_long_t *)
					 &now->candidates[index / BITS_PER_LONG]);
		first += BITS_PER_LONG - index % BITS_PER_LONG;
	}
}

void dualbm_forget_range(unsigned long pfn, unsigned long frames)
{
	dualbm_disqualify(pfn, frames);
	while (frames) {
		unsigned long first = pfn % DUALBM_CHUNK_FRAMES;
		unsigned long nr = min(frames, DUALBM_CHUNK_FRAMES - first);
		unsigned long *planes = dualbm_planes_at(pfn);

		if (planes)
			dualbm_planes_forget(planes, first, nr);
		pfn += nr;
		frames -= nr;
	}
}
