// SPDX-License-Identifier: GPL-2.0-only
/*
 * A block whose frame number a script can read, so that a bit of that very
 * frame can be flipped, and whose next event the script decides.
 *
 * how=contig takes it from the allocator without an allocation event, so the
 * frame is untracked until it is freed.
 */
#include "testmod.h"

#include <linux/gfp.h>

static unsigned int order;
module_param(order, uint, 0444);
MODULE_PARM_DESC(order, "of the block");

static char *how = "buddy";
module_param(how, charp, 0444);
MODULE_PARM_DESC(how, "buddy or contig");

static unsigned long pfn;
module_param(pfn, ulong, 0444);
MODULE_PARM_DESC(pfn, "first frame of the block, also after it was freed");

static struct page *page;

static struct page *frame_from_contig(void)
{
	unsigned long nr = 1UL << order, start, end;
	int nid;

	for_each_online_node(nid) {
		end = ALIGN_DOWN(node_end_pfn(nid), pageblock_nr_pages);
		for (start = end - pageblock_nr_pages; start > node_start_pfn(nid);
		     start -= pageblock_nr_pages) {
			if (!pfn_to_online_page(start))
				continue;
			if (!test_alloc_contig(start, start + nr,
					       GFP_KERNEL | __GFP_NOWARN))
				return pfn_to_page(start);
		}
	}
	return NULL;
}

static noinline int frame_alloc(void)
{
	if (page)
		return -EBUSY;
	page = strcmp(how, "contig") ? alloc_pages(TEST_GFP_TASK, order) :
				       frame_from_contig();
	if (!page)
		return -ENOMEM;
	pfn = page_to_pfn(page);
	return 0;
}

static noinline int frame_free(void)
{
	if (!page)
		return -ENOENT;
	if (strcmp(how, "contig"))
		__free_pages(page, order);
	else
		free_contig_range(pfn, 1UL << order);
	page = NULL;
	return 0;
}

static int frame_action(const char *text, const struct kernel_param *kp)
{
	if (sysfs_streq(text, "alloc"))
		return frame_alloc();
	if (sysfs_streq(text, "free"))
		return frame_free();
	return -EINVAL;
}

static const struct kernel_param_ops action_ops = { .set = frame_action };
module_param_cb(action, &action_ops, NULL, 0200);
MODULE_PARM_DESC(action, "write alloc or free");

static int __init frame_init(void)
{
	return frame_alloc();
}

static void __exit frame_exit(void)
{
	frame_free();
}

module_init(frame_init);
module_exit(frame_exit);

MODULE_DESCRIPTION("dualbm test: a block under a script's control");
MODULE_LICENSE("GPL");
