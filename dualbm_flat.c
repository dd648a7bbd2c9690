// SPDX-License-Identifier: GPL-2.0-only
/*
 * The flat map: the planes of all chunks once more, one behind the other in the order of
 * their frames, so that an event finds those of its frame by a shift and an addition.
 *
 * It is a second view of the same pages, and made anew when chunks come or go. Between them
 * lies, as often as it takes, one page of zeroes. Zeroes are no codeword, and an event
 * takes before it gives, so nothing but zeroes is ever stored there: an event that finds
 * zeroes, or finds no map, goes the long way, by the record of the chunks.
 */
#include <linux/log2.h>
#include <linux/rculist.h>
#include <linux/seqlock.h>
#include <linux/vmalloc.h>

#include "dualbm.h"
#include "dualbm_chunks.h"
#include "dualbm_flat.h"
#include "dualbm_guard.h"
#include "dualbm_mode.h"
#include "dualbm_placement.h"

#define CHUNK_PAGES	(DUALBM_CHUNK_BYTES / PAGE_SIZE)
/* So many chunks are compared in a step. */
#define CHECK_CHUNKS	128

/*
 * What the base and the check value are made from: the map, and how many chunks it has room for;
 * and the page of zeroes. All else is judged by these, so they are guarded, and nobody who acts
 * on them goes by a flipped bit.
 */
static struct {
	void *map;
	unsigned long chunks;
	struct page *hole;
} made;
/* Odd while they are stored: they disagree for a moment. */
static seqcount_t stores = SEQCNT_ZERO(stores);
/* An event has said so already. */
static atomic_t accused = ATOMIC_INIT(0);

static unsigned long right_check(void)
{
	return -((unsigned long)made.map + (made.chunks << DUALBM_CHUNK_SHIFT));
}

static void store(void *map, unsigned long chunks)
{
	const typeof(made) now = { map, chunks, made.hole };

	preempt_disable();
	raw_write_seqcount_begin(&stores);
	dualbm_guard_store(&made, &now, sizeof(made));
	WRITE_ONCE(dualbm_flat.base, (unsigned long)map);
	WRITE_ONCE(dualbm_flat.check, right_check());
	dualbm_mode_span(chunks << DUALBM_CHUNK_SHIFT);
	raw_write_seqcount_end(&stores);
	preempt_enable();
}

static unsigned int wrong_copies(void)
{
	unsigned int copies = 0;

	if (READ_ONCE(dualbm_flat.base) != (unsigned long)made.map)
		copies |= BIT(0);
	if (READ_ONCE(dualbm_flat.check) != right_check())
		copies |= BIT(1);
	return copies;
}

bool dualbm_flat_accuse(void)
{
	unsigned int seq = raw_read_seqcount(&stores);
	bool broken = wrong_copies();

	return broken && !(seq & 1) && !read_seqcount_retry(&stores, seq) &&
	       !atomic_xchg(&accused, 1);
}

static unsigned long chunks_needed(void)
{
	const struct dualbm_chunk *last;

	if (list_empty(&dualbm_chunks))
		return 0;
	last = list_last_entry(&dualbm_chunks, struct dualbm_chunk, list);
	return (last->start_pfn >> DUALBM_CHUNK_SHIFT) + 1;
}

static void set_pages(struct page **pages, const struct dualbm_chunk *chunk,
		      const unsigned long *planes)
{
	unsigned long first = (chunk->start_pfn >> DUALBM_CHUNK_SHIFT) * CHUNK_PAGES, i;

	for (i = 0; i < CHUNK_PAGES; i++)
		pages[first + i] = planes ?
			vmalloc_to_page((const void *)planes + i * PAGE_SIZE) : made.hole;
}

/* The map as it is to be, with other planes, or none, for one of the chunks. */
static void *build(unsigned long chunks, const struct dualbm_chunk *other,
		   const unsigned long *planes)
{
	struct page **pages = vmalloc(array3_size(chunks, CHUNK_PAGES, sizeof(*pages)));
	const struct dualbm_chunk *chunk;
	unsigned long i;
	void *map;

	if (!pages)
		return NULL;
	for (i = 0; i < chunks * CHUNK_PAGES; i++)
		pages[i] = made.hole;
	list_for_each_entry(chunk, &dualbm_chunks, list)
		set_pages(pages, chunk, chunk == other ? planes : chunk->planes);
	map = vmap(pages, chunks * CHUNK_PAGES, VM_MAP, PAGE_KERNEL);
	vfree(pages);
	return map;
}

void *dualbm_flat_build(const struct dualbm_chunk *other, const unsigned long *planes)
{
	lockdep_assert_held(&dualbm_memory_lock);
	dualbm_guard_restore(&made);
	return made.map ? build(made.chunks, other, planes) : NULL;
}

void *dualbm_flat_exchange(void *map)
{
	void *old;

	dualbm_guard_restore(&made);
	old = made.map;
	store(map, made.chunks);
	return old;
}

/*
 * It never gets smaller: an event that has read the old limit, and meets the new check value,
 * goes the long way. Without a map the limit is 0, and nobody looks at the base.
 */
void dualbm_flat_update(void)
{
	unsigned long needed = chunks_needed(), chunks;
	void *map, *old;

	lockdep_assert_held(&dualbm_memory_lock);
	dualbm_guard_restore(&made);
	chunks = needed ? max(needed, made.chunks) : 0;
	map = chunks ? build(chunks, NULL, NULL) : NULL;
	old = made.map;
	if (chunks && !map)
		pr_warn("no room to map the planes in a row, %lu KiB: events take the long way\n",
			chunks * CHUNK_PAGES * (PAGE_SIZE / 1024));
	store(map, map ? chunks : 0);
	/* Whoever found the old one has left it. */
	synchronize_rcu();
	vunmap(old);
}

u64 dualbm_flat_bytes(void)
{
	return READ_ONCE(made.chunks) * CHUNK_PAGES * sizeof(pte_t);
}

/* ---- the map, judged by the record of the chunks ---- */

unsigned long dualbm_flat_steps(void)
{
	lockdep_assert_held(&dualbm_memory_lock);
	dualbm_guard_restore(&made);
	return 1 + DIV_ROUND_UP(made.chunks, CHECK_CHUNKS);
}

static bool base_is_wrong(struct dualbm_flat_fault *fault)
{
	fault->copies = wrong_copies();
	if (likely(!fault->copies))
		return false;
	fault->pfn = 0;
	fault->frames = made.chunks << DUALBM_CHUNK_SHIFT;
	fault->phys = dualbm_mapped_phys(fault->copies & BIT(0) ? &dualbm_flat.base :
								 &dualbm_flat.check);
	store(made.map, made.chunks);
	atomic_set(&accused, 0);
	fault->repaired = true;
	return true;
}

static bool chunk_is_wrong(unsigned long index, struct dualbm_flat_fault *fault)
{
	const struct dualbm_chunk *chunk = dualbm_chunk_record(index << DUALBM_CHUNK_SHIFT);
	const void *flat = made.map + index * DUALBM_CHUNK_BYTES;
	unsigned long i;

	for (i = 0; i < CHUNK_PAGES; i++, flat += PAGE_SIZE) {
		const struct page *right = chunk ?
			vmalloc_to_page((void *)chunk->planes + i * PAGE_SIZE) : made.hole;

		if (likely(vmalloc_to_page(flat) == right))
			continue;
		fault->pfn = index << DUALBM_CHUNK_SHIFT;
		fault->frames = DUALBM_CHUNK_FRAMES;
		fault->copies = 0;
		fault->phys = dualbm_mapped_phys(flat);
		return true;
	}
	return false;
}

/* What was stored by a wrong entry is not in the planes, and not where it was stored. */
static void map_anew(struct dualbm_flat_fault *fault)
{
	dualbm_flat_update();
	fault->repaired = made.map;
}

int dualbm_flat_check(unsigned long *position, struct dualbm_flat_fault *fault)
{
	unsigned long index, end;

	lockdep_assert_held(&dualbm_memory_lock);
	dualbm_guard_restore(&made);
	if (!*position) {
		*position = 1;
		return base_is_wrong(fault);
	}
	index = *position - 1;
	if (index >= made.chunks)
		return -ENOENT;
	end = min(index + CHECK_CHUNKS, made.chunks);
	for (; index < end; index++) {
		if (likely(!chunk_is_wrong(index, fault)))
			continue;
		map_anew(fault);
		*position = index + 2;
		return 1;
	}
	*position = end + 1;
	return 0;
}

int dualbm_flat_flip(unsigned long pfn, enum dualbm_flat_part part)
{
	static unsigned long * const members[] = {
		[DUALBM_FLAT_BASE] = &dualbm_flat.base,
		[DUALBM_FLAT_CHECK] = &dualbm_flat.check,
		[DUALBM_FLAT_LIMIT] = &dualbm_flat.limit,
	};
	int ret = -ENXIO;

	mutex_lock(&dualbm_memory_lock);
	if (made.map && dualbm_chunk_record(pfn)) {
		/* Without a look at the sum, the planes of a neighbour. */
		change_bit(ilog2(DUALBM_CHUNK_BYTES), members[part]);
		ret = 0;
	}
	mutex_unlock(&dualbm_memory_lock);
	return ret;
}

int dualbm_flat_misplace(unsigned long pfn)
{
	const struct dualbm_chunk *chunk;
	int ret = -ENXIO;
	void *map;

	mutex_lock(&dualbm_memory_lock);
	chunk = dualbm_chunk_record(pfn);
	map = chunk ? dualbm_flat_build(chunk, NULL) : NULL;
	if (map) {
		map = dualbm_flat_exchange(map);
		synchronize_rcu();
		vunmap(map);
		ret = 0;
	}
	mutex_unlock(&dualbm_memory_lock);
	return ret;
}

int __init dualbm_flat_init(void)
{
	made.hole = alloc_page(GFP_KERNEL | __GFP_ZERO);
	return made.hole ? dualbm_guard_add("map", &made, sizeof(made)) : -ENOMEM;
}

void dualbm_flat_exit(void)
{
	dualbm_guard_restore(&made);
	vunmap(made.map);
	made.map = NULL;
	if (made.hole)
		__free_page(made.hole);
}
