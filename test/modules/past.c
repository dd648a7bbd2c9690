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
 * many=N: so many pages are allocated, where those of files are; many_give() gives each back.
 *
 * deep=N: a page is allocated and freed by N stacks, each another, that differ above who calls
 * the allocator; and after that from 512 places in code.
 *
 * way=WAY: a page is freed last in a way that it is about, and is then taken, and stays so:
 *	kept	by __free_page(); and then, taken again, by release_pages(), which nobody sees
 *	extra	by __free_page() with a reference more, and then by release_pages()
 *	far	by free_page(), which calls __free_pages()
 *	put	by put_page()
 *	above	through a function that has a name like one of the allocator's, after that has
 *		called another one, which freed a page by itself
 *
 * ms=N is how long the thief has it, pairs=N how many others allocate and free meanwhile.
 */
#include "testmod.h"

#include <linux/delay.h>
#include <linux/gfp.h>
#include <linux/list.h>
#include <linux/page_ref.h>
#include <linux/pagemap.h>

static unsigned int ms = 300;
module_param(ms, uint, 0444);
MODULE_PARM_DESC(ms, "between the fault and where it shows");

static unsigned int pairs = 100000;
module_param(pairs, uint, 0444);
MODULE_PARM_DESC(pairs, "allocations in that time");

static bool keep;
module_param(keep, bool, 0444);
MODULE_PARM_DESC(keep, "only allocate a page, and leave it");

static unsigned int many;
module_param(many, uint, 0444);
MODULE_PARM_DESC(many, "only allocate so many pages and free them");

static unsigned int deep;
module_param(deep, uint, 0444);
MODULE_PARM_DESC(deep, "only allocate and free a page with so many stacks");

static char *way;
module_param(way, charp, 0444);
MODULE_PARM_DESC(way, "only free a page: kept, extra, far, put or above");

static struct page *page;

static noinline void keep_take(void)
{
	page = alloc_page(TEST_GFP_TASK);
	pr_warn("pfn=0x%lx\n", page ? page_to_pfn(page) : 0);
}

static noinline void many_give(struct page *one)
{
	__free_page(one);
	test_own_name();
}

static int take_and_give_many(void)
{
	struct page *one, *next;
	LIST_HEAD(pages);
	unsigned int i;

	for (i = 0; i < many; i++) {
		one = alloc_page(GFP_HIGHUSER_MOVABLE | __GFP_NOWARN);
		if (!one)
			break;
		list_add(&one->lru, &pages);
		cond_resched();
	}
	list_for_each_entry_safe(one, next, &pages, lru) {
		list_del(&one->lru);
		many_give(one);
		cond_resched();
	}
	return i == many ? 0 : -ENOMEM;
}

static __always_inline void deep_down(unsigned int path, unsigned int levels);

static noinline void deep_left(unsigned int path, unsigned int levels)
{
	deep_down(path, levels);
	test_own_name();
}

static noinline void deep_middle(unsigned int path, unsigned int levels)
{
	deep_down(path, levels);
	test_own_name();
}

static noinline void deep_right(unsigned int path, unsigned int levels)
{
	deep_down(path, levels);
	test_own_name();
}

static noinline void deep_pair(void)
{
	struct page *one = alloc_page(TEST_GFP_TASK);

	if (one)
		__free_page(one);
	test_own_name();
}

/* The path's digits to the base of 3 say by whom. */
static __always_inline void deep_down(unsigned int path, unsigned int levels)
{
	if (!levels)
		deep_pair();
	else if (path % 3 == 0)
		deep_left(path / 3, levels - 1);
	else if (path % 3 == 1)
		deep_middle(path / 3, levels - 1);
	else
		deep_right(path / 3, levels - 1);
}

/* Each time that this is written it is two places more. */
#define PAIR() do {						\
	struct page *one = alloc_page(TEST_GFP_TASK);		\
								\
	if (one)						\
		__free_page(one);				\
} while (0)

#define PAIRS_4() do { PAIR(); PAIR(); PAIR(); PAIR(); } while (0)
#define PAIRS_16() do { PAIRS_4(); PAIRS_4(); PAIRS_4(); PAIRS_4(); } while (0)
#define PAIRS_64() do { PAIRS_16(); PAIRS_16(); PAIRS_16(); PAIRS_16(); } while (0)

static noinline void pairs_of_many_places(void)
{
	PAIRS_64();
	PAIRS_64();
	PAIRS_64();
	PAIRS_64();
}

static noinline void way_give(struct page *one)
{
	__free_page(one);
	test_own_name();
}

static noinline void far_give(struct page *one)
{
	free_page((unsigned long)page_address(one));
	test_own_name();
}

static noinline void put_give(struct page *one)
{
	put_page(one);
	test_own_name();
}

static noinline void free_pages_inner(struct page *one)
{
	__free_page(one);
	test_own_name();
}

static noinline void above_other(struct page *other)
{
	__free_page(other);
	test_own_name();
}

/* Both from one place. */
static noinline void free_pages_between(void (*give)(struct page *), struct page *one)
{
	give(one);
	test_own_name();
}

static noinline void above_give(struct page *one)
{
	struct page *other = alloc_page(TEST_GFP_FAULT);

	if (other)
		free_pages_between(above_other, other);
	free_pages_between(free_pages_inner, one);
	test_own_name();
}

/* 0 if the page was handed out again in between, as it has to be. */
static int give_in_a_way(struct page *one)
{
	int ret = 0;

	if (!strcmp(way, "kept")) {
		way_give(one);
		ret = test_take_page(one) ? 0 : -EBUSY;
		if (!ret)
			release_pages(&one, 1);
	} else if (!strcmp(way, "extra")) {
		get_page(one);
		way_give(one);
		release_pages(&one, 1);
	} else if (!strcmp(way, "far")) {
		far_give(one);
	} else if (!strcmp(way, "put")) {
		put_give(one);
	} else if (!strcmp(way, "above")) {
		above_give(one);
	} else {
		ret = -EINVAL;
	}
	return ret ?: (test_take_page(one) ? 0 : -EBUSY);
}

static int free_in_a_way(void)
{
	unsigned long flags;
	int ret = -ENOMEM;

	test_alone_begin(flags);
	page = alloc_page(TEST_GFP_FAULT);
	if (page && test_pcp_is_ours(test_local_pcp(page_zone(page))))
		ret = give_in_a_way(page);
	test_alone_end(flags);
	if (page)
		pr_warn("pfn=0x%lx\n", page_to_pfn(page));
	return ret;
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
	for (i = 0; i < deep; i++)
		deep_down(i, 7);
	if (deep) {
		pairs_of_many_places();
		return test_result(0, "past");
	}
	if (many)
		return test_result(take_and_give_many(), "past");
	if (way)
		return test_result(free_in_a_way(), "past");
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
