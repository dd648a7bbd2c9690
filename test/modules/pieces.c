// SPDX-License-Identifier: GPL-2.0-only
/*
 * Blocks that are freed in pieces.
 *
 * op=split	split_page(), and each page is freed by itself
 * op=exact	alloc_pages_exact() of all pages of a block but one, and free_pages_exact()
 * op=extra	__free_pages() while somebody has a reference, who then puts the first page
 * op=compound	a compound block, freed whole
 * op=whole	a block, freed whole
 * op=hand	of many blocks counts are set by hand, and then each page is freed by itself
 * op=put	a reference of a page in the middle is taken and dropped, which is the fault; the
 *		rest of the block is leaked
 */
#include "testmod.h"

#include <linux/delay.h>
#include <linux/gfp.h>
#include <linux/page_ref.h>

static char *op = "";
module_param(op, charp, 0444);
MODULE_PARM_DESC(op, "what to do");

static unsigned int order = 4;
module_param(order, uint, 0444);
MODULE_PARM_DESC(order, "of the block, 2 or more");

/* Within one tick nobody can tell which event was the later one. */
static void next_tick(void)
{
	msleep(20);
}

static noinline void free_each(struct page *page)
{
	unsigned int i;

	for (i = BIT(order); i--;)
		__free_page(page + i);
}

static void split(struct page *page)
{
	split_page(page, order);
	next_tick();
	free_each(page);
}

static void extra(struct page *page)
{
	get_page(page);
	__free_pages(page, order);
	next_tick();
	put_page(page);
}

/* Many, as who had a frame before decides whether its free is looked at. */
#define HAND_BLOCKS	32

static int by_hand(void)
{
	struct page *blocks[HAND_BLOCKS];
	unsigned int taken, i;

	for (taken = 0; taken < HAND_BLOCKS; taken++) {
		blocks[taken] = alloc_pages(TEST_GFP_TASK, order);
		if (!blocks[taken])
			break;
	}
	next_tick();
	for (i = 0; i < taken; i++) {
		unsigned int page;

		for (page = 1; page < BIT(order); page++)
			set_page_count(blocks[i] + page, 1);
		free_each(blocks[i]);
	}
	return taken == HAND_BLOCKS ? 0 : -ENOMEM;
}

static noinline void piece_put(struct page *page)
{
	struct page *piece = page + BIT(order) / 2 + 1;

	pr_warn("pfn=0x%lx block=0x%lx\n", page_to_pfn(piece), page_to_pfn(page));
	get_page(piece);
	put_page(piece);
	asm volatile("");
}

static int exact(void)
{
	size_t size = PAGE_SIZE * (BIT(order) - 1);
	void *memory = alloc_pages_exact(size, TEST_GFP_TASK);

	if (!memory)
		return -ENOMEM;
	next_tick();
	free_pages_exact(memory, size);
	return 0;
}

static noinline int work(void)
{
	bool compound = !strcmp(op, "compound");
	struct page *page;

	if (!strcmp(op, "exact"))
		return exact();
	if (!strcmp(op, "hand"))
		return by_hand();
	/* What became free just now was not freed in this tick. */
	next_tick();
	page = alloc_pages(TEST_GFP_TASK | (compound ? __GFP_COMP : 0), order);
	if (!page)
		return -ENOMEM;
	next_tick();
	if (!strcmp(op, "split"))
		split(page);
	else if (!strcmp(op, "extra"))
		extra(page);
	else if (!strcmp(op, "put"))
		piece_put(page);
	else if (compound || !strcmp(op, "whole"))
		__free_pages(page, order);
	else
		return -EINVAL;
	return 0;
}

static int __init pieces_init(void)
{
	if (order < 2 || order > TEST_MAX_ORDER)
		return test_result(-EINVAL, "order=%u", order);
	return test_result(work(), "op=%s", op);
}

module_init(pieces_init);

MODULE_DESCRIPTION("dualbm test: blocks that are freed in pieces");
MODULE_LICENSE("GPL");
