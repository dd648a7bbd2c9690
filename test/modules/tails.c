// SPDX-License-Identifier: GPL-2.0-only
/*
 * Blocks that are no compound pages, held while it is loaded: only the first frame of
 * each has a count.
 */
#include "testmod.h"

#include <linux/list.h>

#define ORDER	8

static unsigned int mib = 64;
module_param(mib, uint, 0444);
MODULE_PARM_DESC(mib, "how much");

static LIST_HEAD(blocks);

static void give_back(void)
{
	struct page *page, *next;

	list_for_each_entry_safe(page, next, &blocks, lru) {
		list_del(&page->lru);
		__free_pages(page, ORDER);
	}
}

static int __init tails_init(void)
{
	unsigned long blocks_left = ((unsigned long)mib << 20 >> PAGE_SHIFT) >> ORDER;
	struct page *page;

	while (blocks_left--) {
		page = alloc_pages(GFP_KERNEL | __GFP_NOWARN, ORDER);
		if (!page) {
			give_back();
			return -ENOMEM;
		}
		list_add(&page->lru, &blocks);
		cond_resched();
	}
	return 0;
}

static void __exit tails_exit(void)
{
	give_back();
}

module_init(tails_init);
module_exit(tails_exit);

MODULE_DESCRIPTION("dualbm test: frames without a count");
MODULE_LICENSE("GPL");
