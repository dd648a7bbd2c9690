// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a pair of allocation and free costs. With QEMU's -icount shift=0 the
 * clock counts instructions, and the result repeats to the instruction;
 * anywhere else it is noise.
 */
#include "testmod.h"

#include <linux/gfp.h>
#include <linux/ktime.h>
#include <linux/page_ref.h>
#include <linux/slab.h>

static unsigned int pairs = 2000;
module_param(pairs, uint, 0444);
MODULE_PARM_DESC(pairs, "pairs per measurement");

static unsigned int runs = 5;
module_param(runs, uint, 0444);
MODULE_PARM_DESC(runs, "measurements, of which the smallest counts");

static u64 measure(unsigned int order)
{
	unsigned long flags;
	unsigned int i;
	u64 start, end;

	test_alone_begin(flags);
	start = ktime_get_mono_fast_ns();
	for (i = 0; i < pairs; i++) {
		struct page *page = alloc_pages(TEST_GFP_ATOMIC, order);

		if (!page)
			break;
		__free_pages(page, order);
	}
	end = ktime_get_mono_fast_ns();
	test_alone_end(flags);
	return i == pairs ? end - start : U64_MAX;
}

/* A reference that is taken, and given back as that of a fragment. */
static u64 measure_frag(struct page *page)
{
	unsigned long flags;
	unsigned int i;
	u64 start, end;

	test_alone_begin(flags);
	start = ktime_get_mono_fast_ns();
	for (i = 0; i < pairs; i++) {
		page_ref_inc(page);
		page_frag_free(page_address(page));
	}
	end = ktime_get_mono_fast_ns();
	test_alone_end(flags);
	return end - start;
}

static int bench_frag(void)
{
	struct page *page = alloc_page(TEST_GFP_TASK);
	u64 best = U64_MAX;
	unsigned int run;

	if (!page)
		return -ENOMEM;
	for (run = 0; run < runs; run++)
		best = min(best, measure_frag(page));
	__free_page(page);
	pr_info("call=page_frag_free ns_per_pair=%llu\n", div_u64(best, pairs));
	return 0;
}

static int __init bench_init(void)
{
	static const unsigned int orders[] = { 0, 3, 9 };
	unsigned int i, run;
	int result = 0;

	if (!pairs)
		return -EINVAL;
	test_urgent_begin();
	for (i = 0; i < ARRAY_SIZE(orders); i++) {
		u64 best = U64_MAX;

		for (run = 0; run < runs; run++) {
			best = min(best, measure(orders[i]));
			cond_resched();
		}
		if (best == U64_MAX)
			result = -ENOMEM;
		else
			pr_info("order=%u ns_per_pair=%llu\n", orders[i],
				div_u64(best, pairs));
	}
	result = bench_frag() ?: result;
	test_urgent_end();
	return test_result(result, "pairs=%u", pairs);
}
module_init(bench_init);

MODULE_DESCRIPTION("dualbm test: the cost of an allocation and a free");
MODULE_LICENSE("GPL");
