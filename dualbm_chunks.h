/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The record of the chunks, and what is asked of frames wherever they lie (dualbm_chunks.c).
 */
#ifndef DUALBM_CHUNKS_H
#define DUALBM_CHUNKS_H

#include <linux/list.h>
#include <linux/mm.h>
#include <linux/mutex.h>

#include "dualbm.h"

/**
 * struct dualbm_chunk - one memory section that is online
 * @list: in order of PFN, under dualbm_memory_lock; RCU for readers
 * @gone: where it waits for readers to leave, when its memory is offline
 * @start_pfn: its first frame
 * @present: a bit for each subsection (2 MiB) that exists
 * @node: the node of its memory
 * @planes: its planes
 * @check: a check value of @start_pfn and @planes, so that the record is a
 *	witness of what the flat map says
 * @counts: what its planes held when they were last surveyed; in the census
 * @corrections: how often the scrubber found a page of each plane wrong
 * @departing: a mask, by word, of frames that have been departing since
 *	@departing_time; NULL if there are none
 * @departing_time: in jiffies
 *
 * The last two are the scrubber's alone.
 */
struct dualbm_chunk {
	struct list_head list;
	struct list_head gone;
	unsigned long start_pfn;
	u64 present;
	int node;
	unsigned long *planes;
	unsigned long check;
	struct dualbm_counts counts;
	unsigned int corrections[DUALBM_NR_PLANES];
	unsigned long *departing;
	unsigned long departing_time;
};

/**
 * struct dualbm_flat - where the planes of all chunks are, in the order of their frames
 * @limit: frames below it are looked for here; 0 while events are not tracked
 * @base: the planes of frame 0
 * @check: what makes the sum of all three 0, unless @limit is
 *
 * A flip in any of them is seen before an address is used. It makes events go the long way
 * until the scrubber has put it right.
 */
struct dualbm_flat {
	unsigned long limit;
	unsigned long base;
	unsigned long check;
};

extern struct dualbm_flat dualbm_flat;
/* Guards dualbm_chunks and what a chunk says of itself, but not its planes. */
extern struct mutex dualbm_memory_lock;
extern struct list_head dualbm_chunks;

/* Counts the changes to the list of chunks, under dualbm_memory_lock. */
extern unsigned long dualbm_chunks_version;

/**
 * dualbm_check_value() - what goes with a pointer in a record
 * @key: what the record is for
 * @address: the pointer
 *
 * A flip in either of the two, or in the check value, makes them disagree.
 *
 * Context: Any.
 *
 * Return: the check value.
 */
static inline unsigned long dualbm_check_value(unsigned long key, const void *address)
{
	return key * 0x9e3779b97f4a7c15UL ^ ~(unsigned long)address;
}

/**
 * dualbm_flat_broken() - does it say where planes are, and wrongly
 * @flat: dualbm_flat, or one for a test
 *
 * Context: Any.
 *
 * Return: true if it is broken, or just stored.
 */
static __always_inline bool dualbm_flat_broken(const struct dualbm_flat *flat)
{
	unsigned long limit = READ_ONCE(flat->limit);

	return limit && limit + READ_ONCE(flat->base) + READ_ONCE(flat->check);
}

/**
 * dualbm_frame_index() - where a frame is in its chunk
 * @pfn: any number
 *
 * Context: Any.
 *
 * Return: the index. The compiler does not know where it comes from: of the event path two
 * instructions are saved where @pfn and it are used together.
 */
static __always_inline unsigned long dualbm_frame_index(unsigned long pfn)
{
	unsigned long frame = pfn % DUALBM_CHUNK_FRAMES;

	OPTIMIZER_HIDE_VAR(frame);
	return frame;
}

/**
 * dualbm_flat_offset() - where the planes of a chunk begin in the flat map
 * @first: its first frame
 *
 * Context: Any.
 *
 * Return: how many bytes are before them: one shift, as both sizes are powers of two.
 */
static __always_inline unsigned long dualbm_flat_offset(unsigned long first)
{
	return DUALBM_CHUNK_BYTES / DUALBM_CHUNK_FRAMES ?
	       first * (DUALBM_CHUNK_BYTES / DUALBM_CHUNK_FRAMES) :
	       first / DIV_ROUND_UP(DUALBM_CHUNK_FRAMES, DUALBM_CHUNK_BYTES);
}

/**
 * dualbm_flat_find() - where the planes of a frame are, if it has any
 * @pfn: any number; frames of no memory are allowed
 * @frame: dualbm_frame_index() of it
 * @planes: filled in with the planes, or a page of zeroes in the place of each, in which
 *	nothing but zeroes may be stored
 *
 * Context: Any; takes no lock. While the result is used, preemption is disabled, or
 * rcu_read_lock() or dualbm_memory_lock held: see dualbm_planes_at().
 *
 * Return: false while events are not tracked, beyond all memory, or if what is here is broken.
 */
static __always_inline bool dualbm_flat_find(unsigned long pfn, unsigned long frame,
					     unsigned long **planes)
{
	/* The values that are looked at are the values that are used. */
	unsigned long limit = READ_ONCE(dualbm_flat.limit), base;

	if (unlikely(pfn >= limit))
		return false;
	base = READ_ONCE(dualbm_flat.base);
	if (unlikely(limit + base + READ_ONCE(dualbm_flat.check)))
		return false;
	*planes = (unsigned long *)(base + dualbm_flat_offset(pfn - frame));
	return true;
}

/**
 * dualbm_chunk_insert() - let a chunk be found
 * @new: filled in, planes too
 *
 * Context: Process, dualbm_memory_lock held; sleeps.
 *
 * Return: 0 or -ENOMEM.
 */
int dualbm_chunk_insert(struct dualbm_chunk *new);

/**
 * dualbm_chunk_remove() - let a chunk be found no more
 * @chunk: it is freed after synchronize_rcu()
 *
 * Context: Process, dualbm_memory_lock held.
 */
void dualbm_chunk_remove(struct dualbm_chunk *chunk);

/**
 * dualbm_chunk_record() - find the chunk of a frame
 * @pfn: any number; frames of no memory are allowed
 *
 * Context: as dualbm_planes_at().
 *
 * Return: the chunk that holds the frame, if its check value is right, or NULL.
 */
struct dualbm_chunk *dualbm_chunk_record(unsigned long pfn);

/**
 * dualbm_planes_record() - the planes that hold a frame, without the flat map
 * @pfn: any number; frames of no memory are allowed
 *
 * Context: as dualbm_planes_at().
 *
 * Return: as dualbm_planes_at().
 */
unsigned long *dualbm_planes_record(unsigned long pfn);

/**
 * dualbm_planes_at() - the planes that hold a frame
 * @pfn: any number; frames of no memory are allowed
 *
 * A chunk is a section (include/linux/mmzone.h, pfn_to_section_nr()).
 *
 * Context: Any; takes no lock. While the result is used, preemption is disabled, or
 * rcu_read_lock() or dualbm_memory_lock held: memory that goes offline frees its chunk
 * after synchronize_rcu().
 *
 * Return: the planes of the frame's chunk; NULL if no chunk holds it.
 */
static __always_inline unsigned long *dualbm_planes_at(unsigned long pfn)
{
	unsigned long frame = dualbm_frame_index(pfn), *planes;

	/* One of the two says something of each frame that there is. */
	if (likely(dualbm_flat_find(pfn, frame, &planes) &&
		   (test_bit(frame, dualbm_plane(planes, DUALBM_KNOWN)) ||
		    test_bit(frame, dualbm_plane(planes, DUALBM_UNTRACKED)))))
		return planes;
	return dualbm_planes_record(pfn);
}

/**
 * dualbm_frame_code() - what the record says of a frame
 * @pfn: any number; frames of no memory are allowed
 *
 * Context: as dualbm_planes_at().
 *
 * Return: its codeword; %DUALBM_CODE_UNTRACKED if no chunk holds it.
 */
static inline unsigned int dualbm_frame_code(unsigned long pfn)
{
	unsigned long *planes = dualbm_planes_at(pfn);

	return planes ? dualbm_planes_code(planes, pfn % DUALBM_CHUNK_FRAMES) :
			DUALBM_CODE_UNTRACKED;
}

/**
 * dualbm_planes_phys() - where a byte of a plane is
 * @planes: the chunk's planes
 * @plane: which of them
 * @byte: offset in the plane, below %DUALBM_PLANE_BYTES
 *
 * Context: Any; as long as the planes stay, see dualbm_planes_at().
 *
 * Return: the physical address.
 */
phys_addr_t dualbm_planes_phys(unsigned long *planes, enum dualbm_plane plane,
			       unsigned long byte);

/**
 * dualbm_subsection_present() - does a 2 MiB subsection of a chunk exist
 * @chunk: the chunk
 * @frame: index in the chunk of any frame of the subsection
 *
 * Mirrors pfn_section_valid() (include/linux/mmzone.h, 6.1 and 6.12), for
 * memory that is online.
 *
 * Context: dualbm_memory_lock held.
 *
 * Return: true if the subsection is online, or comes online now.
 */
static inline bool dualbm_subsection_present(const struct dualbm_chunk *chunk,
					     unsigned long frame)
{
	return chunk->present >> (frame / PAGES_PER_SUBSECTION) & 1;
}

/**
 * dualbm_plane_phys() - where a byte of a plane is, for placement and tests
 * @chunk: the chunk
 * @plane: which of its planes
 * @byte: offset in the plane, below %DUALBM_PLANE_BYTES
 *
 * Context: dualbm_memory_lock held, so that the chunk stays.
 *
 * Return: the physical address of the byte; neighbouring pages of a plane need
 * not be neighbours in memory.
 */
phys_addr_t dualbm_plane_phys(const struct dualbm_chunk *chunk,
			      enum dualbm_plane plane, unsigned long byte);

/**
 * struct dualbm_walk - a place in the list of chunks, from one hold of the lock to the next
 * @pfn: where to go on; 0 at first
 * @chunk: the chunk there, as long as @version is dualbm_chunks_version
 * @version: of the list that @chunk was found in
 */
struct dualbm_walk {
	unsigned long pfn;
	struct dualbm_chunk *chunk;
	unsigned long version;
};

/**
 * dualbm_walk_at() - the chunk that a walk has come to
 * @walk: zeroed at first; its @pfn is moved to that chunk
 *
 * Context: dualbm_memory_lock held.
 *
 * Return: the first chunk that does not end before, or NULL at the end.
 */
struct dualbm_chunk *dualbm_walk_at(struct dualbm_walk *walk);

/**
 * dualbm_walk_on() - go on to the next chunk
 * @walk: where dualbm_walk_at() has just found one
 *
 * Context: dualbm_memory_lock held since then.
 */
void dualbm_walk_on(struct dualbm_walk *walk);

/**
 * dualbm_each_chunk() - do something to all chunks, each with one hold of the lock
 * @visit: what to do; it holds dualbm_memory_lock
 * @data: for @visit
 *
 * Whoever waits for the lock waits for one chunk, not for all of memory. Memory that
 * comes meanwhile may be visited or not.
 *
 * Context: Process; sleeps. Takes dualbm_memory_lock.
 */
void dualbm_each_chunk(void (*visit)(struct dualbm_chunk *chunk, void *data), void *data);

/**
 * struct dualbm_window - frames that learning has in hand
 * @start_pfn: the first one
 * @chunks: how many chunks of frames
 * @candidates: a bit for each frame: it may be learned as allocated
 *
 * An event that makes a frame untracked takes its candidate bit away before it changes the
 * planes.
 */
struct dualbm_window {
	unsigned long start_pfn;
	unsigned long chunks;
	unsigned long *candidates;
};

/* While learning has one; read by RCU. */
extern struct dualbm_window *dualbm_window;

static inline unsigned long dualbm_window_frames(const struct dualbm_window *now)
{
	return now->chunks * DUALBM_CHUNK_FRAMES;
}

/**
 * dualbm_disqualify() - frames are not what learning took them for
 * @pfn: first frame
 * @frames: how many; those that learning has not in hand are passed over
 *
 * Fully ordered before the stores to the planes that follow.
 *
 * Context: Any, NMI included; preemption disabled, before the planes of these
 * frames are changed by an event other than alloc or free. Takes no lock.
 */
void dualbm_disqualify(unsigned long pfn, unsigned long frames);

/**
 * dualbm_forget_range() - make frames untracked
 * @pfn: first frame
 * @frames: how many; the range may span chunks, and frames of no chunk are
 *	passed over
 *
 * Always allowed, whoever owns the frames: see dualbm_planes_forget().
 *
 * Context: Any, NMI included; preemption disabled. Takes no lock.
 */
void dualbm_forget_range(unsigned long pfn, unsigned long frames);

#endif /* DUALBM_CHUNKS_H */
