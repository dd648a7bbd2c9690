// SPDX-License-Identifier: GPL-2.0-only
/*
 * A frame with a past: of its last owners each has a function of its own, and so a name.
 *
 * owner_unmap() gives it back, and victim_take() is given it. late_release() gives it back once
 * more, which is the fault, and thief_take() is given what the victim has. Some time
 * and some allocations later thief_give() gives it back, and then victim_give() does,
 * which had a right to it: that call is a double free.
 *
 * keep=1: a page is allocated, and stays so after the module has gone.
 *
 * ms=N is how long the thief has it, pairs=N how many others allocate and free meanwhile.
 */
#include "testmod.h"

#include <linux/delay.h>
#include <linux/gfp.h>
#include <linux/page_ref.h>

static unsigned int ms = 300;
module_param(ms, uint, 0444);
MODULE_PARM_DESC(ms, "between the fault and where it shows");

static unsigned int pairs = 100000;
module_param(pairs, uint, 0444);
MODULE_PARM_DESC(pairs, "allocations in that time");

static bool keep;
module_param(keep, bool, 0444);
MODULE_PARM_DESC(keep, "only allocate a page, and leave it");

static struct page *page;

static noinline void keep_take(void)
{
	page = alloc_page(TEST_GFP_TASK);
	pr_warn("pfn=0x%lx\n", page ? page_to_pfn(page) : 0);
}

static noinline void owner_unmap(void)
{
	__free_page(page);
	test_own_name();
}

static noinline bool victim_take(void)
{
	bool found = test_take_page(page);

	test_own_name();
	return found;
}

static noinline void late_release(void)
{
	__free_page(page);
	test_own_name();
}

static noinline bool thief_take(void)
{
	bool found = test_take_page(page);

	test_own_name();
	return found;
}

static noinline void thief_give(void)
{
	__free_page(page);
	test_own_name();
}

static noinline void victim_give(void)
{
	__free_page(page);
	test_own_name();
}

static int set_up(void)
{
	unsigned long flags;
	int ret = -ENOMEM;

	test_alone_begin(flags);
	page = alloc_page(TEST_GFP_FAULT);
	if (page && test_pcp_is_ours(test_local_pcp(page_zone(page)))) {
		pr_warn("pfn=0x%lx\n", page_to_pfn(page));
		owner_unmap();
		ret = victim_take() ? 0 : -EBUSY;
		if (!ret) {
			late_release();
			if (!thief_take())
				ret = -EIO;
		}
	}
	test_alone_end(flags);
	return ret;
}

static void show(void)
{
	unsigned long flags;

	test_alone_begin(flags);
	thief_give();
	victim_give();
	/* Undone: the page is free, and nobody has it. */
	set_page_count(page, 0);
	test_alone_end(flags);
}

static int __init past_init(void)
{
	unsigned int i;
	int ret;

	if (keep) {
		keep_take();
		return test_result(page ? 0 : -ENOMEM, "past");
	}
	ret = set_up();
	if (!ret) {
		for (i = 0; i < pairs; i++) {
			struct page *other = alloc_page(TEST_GFP_TASK);

			if (other)
				__free_page(other);
			cond_resched();
		}
		msleep(ms);
		show();
	}
	return test_result(ret, "past");
}

module_init(past_init);

MODULE_DESCRIPTION("dualbm test: a frame with a past");
MODULE_LICENSE("GPL");
