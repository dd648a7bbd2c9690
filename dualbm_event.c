// SPDX-License-Identifier: GPL-2.0-only
/*
 * The event path: from a block of frames to the planes, and to a verdict when
 * a rule is broken. It runs on every allocation and free, in any context; it
 * takes no lock and allocates nothing.
 */
#include <linux/page-flags.h>

#include "dualbm.h"
#include "dualbm_boundary.h"
#include "dualbm_chunks.h"
#include "dualbm_event.h"
#include "dualbm_flat.h"
#include "dualbm_memory.h"
#include "dualbm_mode.h"
#include "dualbm_past.h"
#include "dualbm_verdict.h"
#include "dualbm_violation.h"

/*
 * An event that comes by NMI counts itself before it reads the mode; pairs with
 * the barrier in dualbm_nmi_wait(), which changes the mode before it counts.
 */
static __always_inline bool event_begin(void)
{
	dualbm_event_enter();
	if (dualbm_event_in_nmi()) {
		dualbm_nmi_enter();
		return true;
	}
	return false;
}

static __always_inline void event_end(bool nmi)
{
	if (nmi)
		dualbm_nmi_leave();
	dualbm_event_leave();
}

/*
 * The flat map's base and its check value disagree. The record of the chunks says where
 * planes are, so that no event is lost; the scrubber puts the base right. The first event
 * that comes by reports it.
 */
static noinline void base_broken(enum dualbm_event_type event, unsigned long pfn,
				 unsigned int order)
{
	struct dualbm_violation v = {
		.class = DUALBM_DIRECTORY_CORRUPTION,
		.event = event,
		.pfn = pfn,
		.first = pfn,
		.last = pfn,
		.frames = 1,
		.order = order,
		.what = "directory",
	};

	if (dualbm_flat_accuse())
		dualbm_verdict(&v);
}

static noinline void rule_broken(enum dualbm_event_type event, unsigned long pfn,
				 unsigned int order, unsigned long chunk_pfn,
				 const struct dualbm_mismatch *found)
{
	struct dualbm_violation v = {
		.class = found->class,
		.event = event,
		.code = found->code,
		.pfn = pfn,
		.first = chunk_pfn + found->first,
		.last = chunk_pfn + found->last,
		.frames = found->frames,
		.order = order,
	};

	/* What a call of __free_pages() frees that was found at its entry is found already. */
	if (v.class != DUALBM_DOUBLE_FREE ||
	    !dualbm_boundary_reported(v.first, v.last - v.first + 1))
		dualbm_verdict(&v);
}

/* While nothing may be believed, an event only says that its frames changed. */
static noinline void event_untracked(enum dualbm_mode mode,
				     enum dualbm_event_type event,
				     unsigned long pfn, unsigned long frames)
{
	struct dualbm_mismatch found;
	unsigned long *planes;

	if (mode == DUALBM_OFF)
		return;
	if (mode == DUALBM_SETTLING && event == DUALBM_DEPART) {
		/* A folio of compaction: it lies in one buddy block, so in one chunk. */
		dualbm_disqualify(pfn, frames);
		planes = dualbm_planes_at(pfn);
		if (planes)
			dualbm_planes_apply(planes, event, pfn % DUALBM_CHUNK_FRAMES,
					    frames, &found);
		return;
	}
	dualbm_forget_range(pfn, frames);
}

/* Of memory without planes nothing is known; of all other memory, that is a gap. */
static noinline void event_unseen(void)
{
	if (READ_ONCE(dualbm_unmanaged_frames))
		dualbm_count(DUALBM_STAT_UNMANAGED_EVENTS);
	else
		dualbm_count(DUALBM_STAT_COVERAGE_GAPS);
}

/* The rule table, chunk by chunk. */
static void event_tracked(enum dualbm_event_type event, unsigned long pfn,
			  unsigned long frames, unsigned int order)
{
	struct dualbm_mismatch found;

	if (unlikely(dualbm_flat_broken(&dualbm_flat)))
		base_broken(event, pfn, order);
	if (event != DUALBM_ALLOC && event != DUALBM_FREE)
		dualbm_disqualify(pfn, frames);
	while (frames) {
		unsigned long first = pfn % DUALBM_CHUNK_FRAMES;
		unsigned long nr = min(frames, DUALBM_CHUNK_FRAMES - first);
		unsigned long *planes = dualbm_planes_at(pfn);

		if (unlikely(!planes))
			event_unseen();
		else if (!dualbm_planes_apply(planes, event, first, nr, &found))
			rule_broken(event, pfn, order, pfn - first, &found);
		pfn += nr;
		frames -= nr;
	}
}

/* Cold for those below, which would keep registers for it if it were a part of them. */
noinline void dualbm_event(enum dualbm_event_type event, unsigned long pfn,
			   unsigned int order)
{
	bool nmi = event_begin();
	enum dualbm_mode mode = dualbm_mode_now();

	if (likely(mode == DUALBM_TRACKING))
		event_tracked(event, pfn, 1UL << order, order);
	else
		event_untracked(mode, event, pfn, 1UL << order);
	event_end(nmi);
}

/*
 * Nothing was stored yet if no token of the first part was there. A page of zeroes has none,
 * and then the record says where planes are.
 */
static noinline void move_unexpected(enum dualbm_event_type event, unsigned long pfn,
				     unsigned int order, unsigned long at,
				     unsigned long took, unsigned long gave)
{
	unsigned long first = pfn % DUALBM_CHUNK_FRAMES, nr = 1UL << order;
	const struct dualbm_part part = {
		.first = at,
		.frames = min(nr, BITS_PER_LONG + 0UL),
		.took = took,
		.gave = gave,
	};
	struct dualbm_mismatch found;

	if (!took && at == first)
		event_tracked(event, pfn, nr, order);
	else if (!dualbm_planes_moved(dualbm_planes_record(pfn), event, first, nr, &part, &found))
		rule_broken(event, pfn, order, pfn - first, &found);
}

/* Nearly all events end here. What is out of the way goes the long way. */
static __always_inline void move_event(enum dualbm_event_type event, unsigned long pfn,
				       unsigned int order)
{
	unsigned long first = dualbm_frame_index(pfn), *planes;
	bool nmi = event_begin();
	struct dualbm_part part;

	if (unlikely(!dualbm_flat_find(pfn, first, &planes)))
		dualbm_event(event, pfn, order);
	else if (unlikely(!dualbm_move_block(planes, event, first, order, &part)))
		move_unexpected(event, pfn, order, part.first, part.took, part.gave);
	event_end(nmi);
}

static noinline void alloc_block(unsigned long pfn, unsigned int order)
{
	move_event(DUALBM_ALLOC, pfn, order);
}

static noinline void free_block(unsigned long pfn, unsigned int order)
{
	move_event(DUALBM_FREE, pfn, order);
}

/* mm/page_alloc.c, __alloc_pages(): the last thing before the block is returned. */
void dualbm_probe_alloc(void *data, struct page *page, unsigned int order,
			gfp_t gfp, int migratetype)
{
	if (unlikely(!page))
		return;
	if (unlikely(order)) {
		dualbm_count_order(alloc, order);
		alloc_block(page_to_pfn(page), order);
		return;
	}
	dualbm_count_order(alloc, 0);
	move_event(DUALBM_ALLOC, page_to_pfn(page), 0);
}

static __always_inline void free_event(struct page *page)
{
	dualbm_count_order(free, 0);
	/* It is then dropped, and not listed. */
	if (unlikely(PageHWPoison(page)))
		dualbm_event(DUALBM_FREE_POISONED, page_to_pfn(page), 0);
	else
		move_event(DUALBM_FREE, page_to_pfn(page), 0);
}

static noinline void free_block_noted(struct page *page, unsigned int order)
{
	dualbm_count_order(free, order);
	move_event(DUALBM_FREE, page_to_pfn(page), order);
	dualbm_past_note_block(page, order);
}

/* What is noted is not yet there when the event finds a fault. */
void dualbm_probe_free_noted(void *data, struct page *page, unsigned int order)
{
	if (unlikely(order)) {
		free_block_noted(page, order);
		return;
	}
	free_event(page);
	dualbm_past_note(page);
}

/*
 * mm/page_alloc.c, free_pages_prepare(): once for each block that is freed, and
 * before it can reach any list.
 */
void dualbm_probe_free(void *data, struct page *page, unsigned int order)
{
	if (static_branch_unlikely(&dualbm_frees_on)) {
		/* All registers are as they are to be. */
		dualbm_probe_free_noted(data, page, order);
		return;
	}
	if (unlikely(order)) {
		dualbm_count_order(free, order);
		free_block(page_to_pfn(page), order);
		return;
	}
	free_event(page);
}
