// SPDX-License-Identifier: GPL-2.0-only
/*
 * The history: which of its entries are believed, and that what is freed as it was allocated is no
 * piece of a block. The table holds anything.
 */
#include "kernel.h"

#undef DUALBM_NAMES_H
#define MAX_PHYSMEM_BITS	41

#include "../../dualbm_past.c"

#include "proof.h"

/* One step of time, task and CPU, any of them. */
unsigned long jiffies;
static struct task_struct task;
struct task_struct *current = &task;
static bool is_task;
static int processor;

bool in_task(void)
{
	return is_task;
}

int raw_smp_processor_id(void)
{
	return processor;
}

static unsigned long pfn_of_page;

unsigned long page_to_pfn(const struct page *page)
{
	return pfn_of_page;
}

bool PageHead(const struct page *page)
{
	return page->is_head;
}

/* Each frame has a bucket of its own here, or shares it with others, as the table is small. */
#define BUCKET_BITS	3

static struct bucket table[1 << BUCKET_BITS];

static void any_table(void)
{
	struct bucket any[1 << BUCKET_BITS];
	unsigned int i;

	for (i = 0; i < 1 << BUCKET_BITS; i++)
		table[i] = any[i];
	bucket_bits = BUCKET_BITS;
	bucket_mask = BIT(BUCKET_BITS) - 1;
	buckets = table;
	splits_are_known = any_below(2);
}

static void any_time(void)
{
	jiffies = nondet_number();
	task.pid = any_below(PID_MAX_LIMIT);
	processor = any_below(CONFIG_NR_CPUS);
	is_task = any_below(2);
}

/* In the place of check_of(): a function of both words, whichever. */
u64 __CPROVER_uninterpreted_check(u64 when, u64 who);

u64 any_check(u64 when, u64 who)
{
	return __CPROVER_uninterpreted_check(when, who) << CHECK_SHIFT;
}

/* What is noted is believed, of each frame of the block and of no other. */
void what_is_noted_is_believed(void)
{
	unsigned int order = any_below(BIT(ORDER_BITS));
	unsigned long frame = any_below(BIT(29));
	struct page page = { any_below(2) };
	const struct entry *there;
	struct entry entry;

	any_table();
	any_time();
	pfn_of_page = any_below(BIT(29)) >> order << order;
	dualbm_past_alloc(&page, order, any_below(BIT(DUALBM_MARK_BITS)));
	there = entry_at(pfn_of_page, DUALBM_ALLOCATED);
	/* An entry of a single frame with nothing to say of it has apart set. */
	PROVE("frames of the block, and no others, are covered",
	      entry_covers(there, frame, pfn_of_page, &entry) ==
	      (frame >= pfn_of_page && frame - pfn_of_page < BIT(order)));
	PROVE("the order is told", order_of(there) == order);
	PROVE("it is now", !ticks_since(there));
	REACHED("the end");
}

/* In the place of look_for_block(): a frame that is freed as it was allocated is nobody's piece. */
void nobody_looks(unsigned long pfn, unsigned int order, dualbm_piece_found *found)
{
	PROVE("nobody looks for a block", false);
}

void allocated_and_freed(void)
{
	unsigned int order = any_below(BIT(ORDER_BITS));
	struct page page = { any_below(2) };

	any_table();
	any_time();
	pfn_of_page = any_below(BIT(29)) >> order << order;
	dualbm_past_alloc(&page, order, any_below(BIT(DUALBM_MARK_BITS)));
	any_time();
	dualbm_past_free(&page, order, any_below(BIT(DUALBM_MARK_BITS)), NULL);
	REACHED("the end");
}

/*
 * In the place of check_of(): a product with a constant is linear, so that of a sum that is one
 * power of two away is as far away as the constant times that; no more is known of it.
 */
static u64 noted_sum, noted_product;
static bool is_noted;

u64 linear_check(u64 when, u64 who)
{
	u64 sum = when + who, product;
	bool is_near = false;
	unsigned int bit;

	if (!is_noted) {
		noted_sum = sum;
		noted_product = nondet_number();
		is_noted = true;
	}
	product = noted_product;
	for (bit = 0; bit < 64; bit++) {
		if (sum - noted_sum == BIT(bit)) {
			product = noted_product + (GOLDEN_RATIO_64 << bit);
			is_near = true;
		} else if (noted_sum - sum == BIT(bit)) {
			product = noted_product - (GOLDEN_RATIO_64 << bit);
			is_near = true;
		}
	}
	PROVE("the sum is the same, or one power of two away", is_near || sum == noted_sum);
	return product >> CHECK_SHIFT << CHECK_SHIFT;
}

void no_flip_is_believed(void)
{
	u64 when = nondet_number() & (BIT(CHECK_SHIFT) - 1), who = nondet_number();
	struct entry entry = { when | linear_check(when, who), who }, copy;
	unsigned long pfn = any_below(BIT(29)), head = any_below(BIT(29));
	u64 flip = BIT(any_below(64));

	any_table();
	if (entry_covers(&entry, pfn, head, &copy))
		REACHED("an entry that is believed");
	if (any_below(2))
		entry.when ^= flip;
	else
		entry.who ^= flip;
	PROVE("no flipped bit is believed", !entry_covers(&entry, pfn, head, &copy));
	REACHED("the end");
}
