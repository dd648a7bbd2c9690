// SPDX-License-Identifier: GPL-2.0-only
/*
 * Healthy calls of what drops references: buffers of the network, whose memory are fragments
 * of pages, pages of fragments that a driver has many references of, large objects, and
 * blocks of all orders. Beside that another CPU takes references of these pages that it was
 * not given, as lookups without a lock do, and drops them.
 */
#include "testmod.h"

#include <linux/gfp.h>
#include <linux/kthread.h>
#include <linux/page_ref.h>
#include <linux/sched.h>
#include <linux/skbuff.h>
#include <linux/slab.h>

/* What a driver takes at once. */
#define BIAS	64

static uint rounds = 1000;
module_param(rounds, uint, 0444);
MODULE_PARM_DESC(rounds, "how often all of it");

static uint more;
module_param(more, uint, 0444);
MODULE_PARM_DESC(more, "so many of the cheapest of each, too, in each round");

/* The page that the other CPU looks at, nearly always one in use. */
static struct page *target;
static unsigned long taken;

static int take_references(void *unused)
{
	while (!kthread_should_stop()) {
		struct page *page = READ_ONCE(target);

		if (page && get_page_unless_zero(page)) {
			taken++;
			put_page(page);
		}
		cond_resched();
	}
	return 0;
}

static bool buffers(unsigned long *calls)
{
	struct sk_buff *skb[16];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(skb); i++)
		skb[i] = netdev_alloc_skb(NULL, 1500);
	for (i = 0; i < ARRAY_SIZE(skb); i++) {
		if (!skb[i])
			return false;
		WRITE_ONCE(target, virt_to_head_page(skb[i]->head));
		kfree_skb(skb[i]);
	}
	*calls += ARRAY_SIZE(skb);
	return true;
}

static bool fragments(unsigned long *calls)
{
	struct page *page = alloc_pages(TEST_GFP_TASK | __GFP_COMP, 3);
	unsigned int i;

	if (!page)
		return false;
	WRITE_ONCE(target, page);
	page_ref_add(page, BIAS - 1);
	for (i = 0; i < BIAS / 2; i++)
		page_frag_free(page_address(page) + i * 1024);
	__page_frag_cache_drain(page, BIAS / 2);
	*calls += BIAS / 2 + 1;
	return true;
}

static bool large_objects(unsigned long *calls)
{
	void *object[8];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(object); i++)
		object[i] = kmalloc(16384 << i % 3, TEST_GFP_TASK);
	for (i = 0; i < ARRAY_SIZE(object); i++) {
		if (object[i])
			WRITE_ONCE(target, virt_to_head_page(object[i]));
		kfree(object[i]);
	}
	*calls += ARRAY_SIZE(object);
	return true;
}

static bool blocks(unsigned int round, unsigned long *calls)
{
	unsigned int order, i;

	for (order = 0; order <= TEST_MAX_ORDER; order++) {
		gfp_t comp = round & 1 ? __GFP_COMP : 0;
		/* A large block costs more to clear than all of the others. */
		unsigned int times = order < 4 ? 16 : round % 64 == order;

		for (i = 0; i < times; i++) {
			struct page *page = alloc_pages(TEST_GFP_TASK | comp, order);

			if (!page)
				break;
			WRITE_ONCE(target, page);
			__free_pages(page, order);
			++*calls;
		}
	}
	return true;
}

/* A single page, a fragment of a page, and of the large objects, which cost most, fewer. */
static bool cheapest(unsigned long *calls)
{
	struct page *page = alloc_page(TEST_GFP_TASK);
	unsigned int i;

	if (!page)
		return false;
	WRITE_ONCE(target, page);
	for (i = 0; i < more; i++) {
		struct page *other = alloc_page(TEST_GFP_TASK);

		if (other)
			__free_pages(other, 0);
		page_ref_inc(page);
		page_frag_free(page_address(page));
		*calls += 2;
		if (i % 8)
			continue;
		kfree(kmalloc(16384, TEST_GFP_TASK));
		++*calls;
	}
	__free_page(page);
	return true;
}

static int __init references_init(void)
{
	struct task_struct *other = kthread_run(take_references, NULL, "references");
	unsigned long calls = 0;
	unsigned int i;
	bool done = true;

	if (IS_ERR(other))
		return PTR_ERR(other);
	for (i = 0; i < rounds && done; i++) {
		done = buffers(&calls) && fragments(&calls) && large_objects(&calls) &&
		       blocks(i, &calls) && cheapest(&calls);
		cond_resched();
	}
	WRITE_ONCE(target, NULL);
	kthread_stop(other);
	return test_result(done ? 0 : -ENOMEM, "calls=%lu taken=%lu", calls, taken);
}
module_init(references_init);

MODULE_DESCRIPTION("dualbm test: references that are dropped as they should");
MODULE_LICENSE("GPL");
