// SPDX-License-Identifier: GPL-2.0-only
/*
 * What learning leaves untracked: how much, why, and when it is worth another try.
 */
#include <linux/mm.h>

#include "dualbm.h"
#include "dualbm_census.h"
#include "dualbm_chunks.h"
#include "dualbm_mode.h"
#include "dualbm_prove.h"
#include "dualbm_rest.h"

/* As much more of all memory than there was makes another try worth it. */
#define GROWN_PERCENT		1
/* As much of it is told in "state_reason". */
#define UNKNOWN_PERCENT		10

#define UNKNOWN	"more than 10 % of memory is untracked, most of it "

static const char * const unknown_because[] = {
	[DUALBM_REST_HUGETLB] = UNKNOWN "huge pages that learning did not get to",
	[DUALBM_REST_UNACCEPTED] = UNKNOWN "memory that the guest has not accepted yet",
	[DUALBM_REST_POISONED] = UNKNOWN "poisoned by hardware",
	[DUALBM_REST_IN_USE] = UNKNOWN "in use, while learning that did not come to an end",
	[DUALBM_REST_MOVING] = UNKNOWN "free, and not so when it was learned",
	[DUALBM_REST_TAIL] = UNKNOWN "frames that have neither a count nor a mark",
};

static_assert(ARRAY_SIZE(unknown_because) == DUALBM_NR_RESTS);

/* Stored by the worker only. */
static u64 rests[DUALBM_NR_RESTS];
/* What was left by the last learning that came to its end. */
static u64 left_over;

u64 dualbm_rest_of(enum dualbm_rest why)
{
	return READ_ONCE(rests[why]);
}

/* A guess from what may change meanwhile, for people; nothing is decided by it. */
static enum dualbm_rest rest_of_frame(unsigned long pfn)
{
	struct page *page = pfn_to_page(pfn), *head = compound_head(page);
	struct page *block = pfn_to_online_page(round_down(pfn, 1UL << DUALBM_MAX_ORDER));
	struct zone *zone = dualbm_zone_of(page);

	if (PageHWPoison(page))
		return DUALBM_REST_POISONED;
	if (block && dualbm_page_is_unaccepted(block))
		return DUALBM_REST_UNACCEPTED;
	if (PageHuge(head))
		return DUALBM_REST_HUGETLB;
	if (zone && dualbm_buddy_covers(zone, pfn))
		return DUALBM_REST_MOVING;
	if (page_ref_count(head) > 0 || dualbm_page_is_marked(page, head))
		return DUALBM_REST_IN_USE;
	return DUALBM_REST_TAIL;
}

struct counting {
	u64 counts[DUALBM_NR_RESTS];
	u64 managed;
};

static void count_chunk(struct dualbm_chunk *chunk, void *data)
{
	struct counting *counting = data;
	unsigned long word, frames;

	for (word = 0; word < DUALBM_PLANE_WORDS; word++) {
		if (!dualbm_subsection_present(chunk, word * BITS_PER_LONG))
			continue;
		counting->managed += BITS_PER_LONG;
		for (frames = dualbm_planes_untracked(chunk->planes, word); frames;
		     frames &= frames - 1)
			counting->counts[rest_of_frame(chunk->start_pfn +
						       word * BITS_PER_LONG +
						       __ffs(frames))]++;
	}
}

static bool is_above(u64 frames, u64 managed, unsigned int percent)
{
	return frames * 100 > managed * percent;
}

void dualbm_rest_count(bool complete)
{
	struct counting counting = { .managed = 0 };
	const u64 *counts = counting.counts;
	enum dualbm_rest why, most = 0;
	u64 all = 0;

	dualbm_each_chunk(count_chunk, &counting);
	for (why = 0; why < DUALBM_NR_RESTS; why++) {
		WRITE_ONCE(rests[why], counts[why]);
		all += counts[why];
		if (counts[why] > counts[most])
			most = why;
	}
	left_over = complete ? all : 0;
	dualbm_set_unknown(is_above(all, counting.managed, UNKNOWN_PERCENT) ?
			   unknown_because[most] : NULL);
}

bool dualbm_rest_is_due(const struct dualbm_census *census)
{
	u64 left = min(left_over, census->untracked);

	left_over = left;
	if (!is_above(census->untracked, census->managed, UNKNOWN_PERCENT))
		dualbm_set_unknown(NULL);
	return is_above(census->untracked - left, census->managed, GROWN_PERCENT);
}
