/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Frees inside of blocks (dualbm_pieces.c).
 */
#ifndef DUALBM_PIECES_H
#define DUALBM_PIECES_H

#include "dualbm.h"

/**
 * dualbm_piece_freed() - judge a free that begins inside of a block
 * @pfn: its first frame
 * @order: its order
 * @block: the first frame of the block
 * @block_order: its order; it was not compound, and nobody has split it
 *
 * What holds no frame by now, or is as a block that its owner takes apart by himself would
 * be, is counted and not reported.
 *
 * Context: The event's, behind the rule table; preemption disabled.
 */
void dualbm_piece_freed(unsigned long pfn, unsigned int order, unsigned long block,
			unsigned int block_order);

#endif /* DUALBM_PIECES_H */
