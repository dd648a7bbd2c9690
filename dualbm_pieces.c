// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pieces: frees that begin inside of a block that was allocated as one.
 *
 * A block that is not compound has one count, that of its first frame. Who takes a reference of
 * another one and drops it frees a frame out of the middle of it, and no check of the kernel sees
 * that. The history knows where blocks begin; here is what has to be seen besides.
 */
#include <linux/mm.h>
#include <linux/page_ref.h>

#include "dualbm.h"
#include "dualbm_chunks.h"
#include "dualbm_mode.h"
#include "dualbm_pieces.h"
#include "dualbm_report.h"
#include "dualbm_violation.h"

/*
 * All that was not freed now is recorded allocated, nothing of it is compound, and of at
 * least half of it the count is 0. Of a block that its owner has taken apart by setting
 * counts, which no hook sees, each frame that somebody still has would have one.
 */
static bool is_whole(unsigned long pfn, unsigned int order, unsigned long block,
		     unsigned int block_order)
{
	unsigned long frame, others = 0, unused = 0;

	for (frame = block; frame < block + BIT(block_order); frame++) {
		if (frame - pfn < BIT(order))
			continue;
		/* What is untracked may have no struct page by now. */
		if (dualbm_frame_code(frame) != DUALBM_CODE_ALLOCATED ||
		    PageCompound(pfn_to_page(frame)))
			return false;
		if (frame == block)
			continue;
		others++;
		unused += !page_ref_count(pfn_to_page(frame));
	}
	return unused * 2 >= others;
}

void dualbm_piece_freed(unsigned long pfn, unsigned int order, unsigned long block,
			unsigned int block_order)
{
	struct dualbm_violation v = {
		.class = DUALBM_PIECE_FREE,
		.proof = DUALBM_UNPROVEN,
		.event = DUALBM_FREE,
		.code = DUALBM_CODE_ALLOCATED,
		.pfn = block,
		.first = pfn,
		.last = pfn + BIT(order) - 1,
		.frames = BIT(order),
		.order = order,
		.what = "block",
		.value = block_order,
	};

	if (dualbm_mode_now() != DUALBM_TRACKING ||
	    !is_whole(pfn, order, block, block_order))
		dualbm_count(DUALBM_STAT_PIECE_FREE_DOUBTS);
	else
		dualbm_report(&v);
}
