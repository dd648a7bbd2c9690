// SPDX-License-Identifier: GPL-2.0-only
/*
 * References to page-cache pages, held while it is loaded: whoever migrates
 * such a page has taken a target for it by then, fails, and returns the target.
 * Anonymous pages would not do: compaction does not even try pinned ones.
 */
#include "testmod.h"

#include <linux/page_ref.h>
#include <linux/pagemap.h>
#include <linux/vmalloc.h>

static unsigned int every = 2;
module_param(every, uint, 0444);
MODULE_PARM_DESC(every, "pin one of so many pages");

static unsigned long pinned;
module_param(pinned, ulong, 0444);
MODULE_PARM_DESC(pinned, "how many pages are pinned");

#define MAX_PINNED	(512UL * 1024)

static struct page **pages;

static bool pin(struct page *page)
{
	if (!PageLRU(page) || PageAnon(page) || PageCompound(page) ||
	    !get_page_unless_zero(page))
		return false;
	/* It may have changed hands before there was a reference. */
	if (PageLRU(page) && !PageAnon(page) && !PageCompound(page) &&
	    READ_ONCE(page->mapping))
		return true;
	put_page(page);
	return false;
}

static int __init pinned_init(void)
{
	unsigned long pfn, seen = 0;
	int nid;

	pages = vzalloc(MAX_PINNED * sizeof(*pages));
	if (!pages)
		return -ENOMEM;
	every = every ?: 1;
	for_each_online_node(nid) {
		for (pfn = node_start_pfn(nid); pfn < node_end_pfn(nid); pfn++) {
			struct page *page = pfn_to_online_page(pfn);

			if (!page || pinned == MAX_PINNED || !pin(page))
				continue;
			if (seen++ % every)
				put_page(page);
			else
				pages[pinned++] = page;
			if (pfn % 4096 == 0)
				cond_resched();
		}
	}
	pr_info("holding %lu pages\n", pinned);
	return 0;
}

static void __exit pinned_exit(void)
{
	while (pinned)
		put_page(pages[--pinned]);
	vfree(pages);
}

module_init(pinned_init);
module_exit(pinned_exit);

MODULE_DESCRIPTION("dualbm test: pages that cannot be migrated");
MODULE_LICENSE("GPL");
