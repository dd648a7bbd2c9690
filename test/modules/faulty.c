// SPDX-License-Identifier: GPL-2.0-only
/*
 * The faults that dualbm exists to find, one per fault=, each made on purpose by
 * a function whose name a report can give.
 *
 * Whoever goes on after such a fault (policy=report) does so with a broken
 * allocator. So each one is made alone on its CPU, on frames that nobody else
 * has seen yet, and undone behind the allocator's back right after, unless
 * leave=1: the machine lives on, and dualbm sees the fault and nothing else.
 *
 * fault=double_free [order=N] [comp=1] [via=address]
 *	A block is freed twice with __free_pages(), or by its address, with free_pages(),
 *	which 7.2 leads past the other. Of order 0, and of any first
 *	frame, the second one only takes the reference count to -1, without any
 *	event; the tails of a higher order are freed again.
 * fault=reset_free [order=N] [via=put]
 *	A freed block's reference count is set to 1 again, and it is freed again:
 *	a whole second free, as of a corrupted count. via=put: with put_page().
 * fault=wrong_order [checked=0]
 *	The owner of one page frees two, then the neighbour's owner frees its own.
 *	The kernel's page check sees that the neighbour is in use, and drops both
 *	of the first free; with checked=0 it is made not to see it.
 *	So the kernel finds a bad page, and says so.
 * fault=bad_alloc
 *	A page is put twice, and then allocated: the kernel finds its count, and drops it.
 * fault=unlisted
 *	A freed page is taken off its list, and freed again: nothing can prove that.
 * fault=handed_out_twice [order=N]
 *	A block in use is put on a free list, order 0 on a per-CPU list, order 4
 *	and more on a buddy list, and allocated until it comes back.
 * fault=listed [order=N]
 *	As before, but nobody allocates: for an audit to find. Not undone: whoever
 *	gets the block has it alone.
 * fault=left_over [order=N]
 *	A freed block is freed again, by a call that frees nothing in the end, as its count is
 *	2 and it looks like a compound one. Then one of its frames is put, by another call.
 * fault=tail_free [order=N] [times=N]
 *	A page inside a compound block is freed with __free_pages(), which takes its count from
 *	0 to -1 and does nothing else.
 * fault=bad_again
 *	Of two pages one is given to the kernel with the other's order, which it finds wrong,
 *	and drops both. Then the other is freed, which has no reference any more.
 * fault=large_kfree [times=N] | frag_free | frag_drain
 *	A large object, a fragment, the rest of a page of fragments is given back, where there
 *	is no reference, or one too few, to give.
 * fault=frag_slab
 *	A small object of kmalloc() is given back as if it were a fragment of a page.
 * fault=in_mapping [via=put]
 *	A page is freed, or its last reference dropped, while page->mapping says that it is in
 *	an address space.
 * fault=put_page_twice
 *	A page is put twice. No event shows it; an audit finds the count of -1.
 */
#include "testmod.h"

#include <linux/delay.h>
#include <linux/gfp.h>
#include <linux/interrupt.h>
#include <linux/irq_work.h>
#include <linux/page_ref.h>
#include <linux/slab.h>
#include <linux/vmstat.h>

static char *fault = "";
module_param(fault, charp, 0444);
MODULE_PARM_DESC(fault, "which fault");

static unsigned int order;
module_param(order, uint, 0444);
MODULE_PARM_DESC(order, "of the block");

static bool comp;
module_param(comp, bool, 0444);
MODULE_PARM_DESC(comp, "double_free: a compound block");

static char *via = "pages";
module_param(via, charp, 0444);
MODULE_PARM_DESC(via, "reset_free: pages or put; double_free: pages or address");

static bool checked = true;
module_param(checked, bool, 0444);
MODULE_PARM_DESC(checked, "wrong_order: leave the kernel's page check its chance");

static uint times = 1;
module_param(times, uint, 0444);
MODULE_PARM_DESC(times, "tail_free, large_kfree: how often");

static bool leave;
module_param(leave, bool, 0444);
MODULE_PARM_DESC(leave, "do not undo the damage");

static bool stay;
module_param(stay, bool, 0444);
MODULE_PARM_DESC(stay, "stay loaded, so that addresses in reports have names");

static char *ctx = "task";
module_param(ctx, charp, 0444);
MODULE_PARM_DESC(ctx, "task, softirq or hardirq");

static int result = -EINVAL;

static struct per_cpu_pages *local_pcp(struct page *page)
{
	return test_local_pcp(page_zone(page));
}

/*
 * A block to make the fault with, or NULL if there was none. In an interrupt, whoever was
 * interrupted may have the lists of this CPU locked: then the fault is for later, and the
 * block is leaked. With interrupts off nobody here locks them after that.
 */
static bool begin(struct page *page)
{
	result = -ENOMEM;
	if (!page)
		return false;
	result = -EBUSY;
	if (!test_pcp_is_ours(local_pcp(page)))
		return false;
	/* Tell the log what is coming: after a panic nobody can. */
	pr_warn("fault=%s order=%u ctx=%s pfn=0x%lx\n", fault, order, ctx,
		page_to_pfn(page));
	result = 0;
	return true;
}

static bool unlink_from_buddy(struct page *page, unsigned int ord)
{
	struct zone *zone = page_zone(page);
	bool found;

	spin_lock(&zone->lock);
	found = PageBuddy(page) && page_private(page) == ord;
	if (found) {
		list_del(&page->buddy_list);
		__ClearPageBuddy(page);
		set_page_private(page, 0);
		test_count_free(zone, ord, -1);
	}
	spin_unlock(&zone->lock);
	return found;
}

/* The caller has the lists locked. */
static bool lies_on_pcp(struct page *page)
{
	struct per_cpu_pages *pcp = local_pcp(page);
	struct list_head *entry;
	unsigned int i;

	for (i = 0; i < TEST_PCP_LISTS; i++)
		list_for_each(entry, &pcp->lists[i])
			if (entry == &page->pcp_list)
				return true;
	return false;
}

static bool unlink_from_pcp(struct page *page, unsigned int ord)
{
	struct per_cpu_pages *pcp = local_pcp(page);
	bool found;

	test_pcp_lock(pcp);
	found = lies_on_pcp(page);
	if (found) {
		list_del(&page->pcp_list);
		pcp->count -= 1 << ord;
	}
	test_pcp_unlock(pcp);
	return found;
}

/* Take back a block that lies on a list and should not. Its frames are leaked. */
static void unlink_block(struct page *page, unsigned int ord)
{
	if (leave)
		return;
	if (!unlink_from_buddy(page, ord) && !unlink_from_pcp(page, ord)) {
		pr_err("cannot undo: pfn=0x%lx is on no list\n", page_to_pfn(page));
		result = -EIO;
	}
}

static __always_inline void free_block(struct page *page)
{
	if (!strcmp(via, "address"))
		free_pages((unsigned long)page_address(page), order);
	else
		__free_pages(page, order);
}

static noinline void faulty_double_free(void)
{
	struct page *page = alloc_pages(TEST_GFP_FAULT | (comp ? __GFP_COMP : 0),
					order);
	unsigned int ord = order;

	if (!begin(page))
		return;
	free_block(page);
	free_block(page);
	if (leave)
		return;
	set_page_count(page, 0);
	while (ord-- > 0)
		unlink_block(page + (1 << ord), ord);
}

static noinline void free_again(struct page *page)
{
	set_page_count(page, 1);
	if (!strcmp(via, "put"))
		put_page(page);
	else
		__free_pages(page, order);
	/* Not a tail call: this function's name belongs in the stack. */
	barrier();
}

/*
 * The block is on its per-CPU list twice: at the head, and where it was. Give
 * the list back the links that it had, from before.
 */
static void undo_second_entry(struct page *page, struct list_head *prev,
			      struct list_head *next)
{
	struct per_cpu_pages *pcp = local_pcp(page);
	struct list_head *entry = &page->pcp_list;

	test_pcp_lock(pcp);
	entry->prev->next = entry->next;
	entry->next->prev = entry->prev;
	entry->prev = prev;
	entry->next = next;
	prev->next = entry;
	next->prev = entry;
	pcp->count -= 1 << order;
	test_pcp_unlock(pcp);
}

/*
 * A kernel that does not see the mark of a free block would link it into a list
 * while it is in one, and stop at that. So take it out, and leave only the mark.
 * Linked to itself, it can still be taken by a neighbour that merges with it.
 */
static void leave_the_mark(struct page *page)
{
	struct zone *zone = page_zone(page);

	spin_lock(&zone->lock);
	if (PageBuddy(page)) {
		list_del_init(&page->buddy_list);
		test_count_free(zone, page_private(page), -1);
	}
	spin_unlock(&zone->lock);
}

static noinline void faulty_reset_free(void)
{
	struct page *page = alloc_pages(TEST_GFP_FAULT, order);
	struct page *other = alloc_pages(TEST_GFP_FAULT, order);
	struct list_head *prev, *next;
	struct per_cpu_pages *pcp;
	bool head, listed;

	if (!begin(other ? page : NULL))
		return;
	__free_pages(page, order);
	/* The list checks of the kernel see an entry that is added to itself. */
	__free_pages(other, order);
	/* A per-CPU list that is full may have been emptied into the buddy lists. */
	head = PageBuddy(page);
	pcp = local_pcp(page);
	test_pcp_lock(pcp);
	listed = lies_on_pcp(page);
	test_pcp_unlock(pcp);
	if (head && !TEST_FREE_SEES_BUDDY)
		leave_the_mark(page);
	prev = page->pcp_list.prev;
	next = page->pcp_list.next;
	free_again(page);
	if (leave)
		return;
	if (listed)
		undo_second_entry(page, prev, next);
	else if (!head)
		unlink_block(page, order);
	else if (TEST_FREE_SEES_BUDDY)
		/* The kernel dropped the second free, and the mark with it. */
		__SetPageBuddy(page);
	/* Or else it has come back to a list by that, and is there once. */
}

static noinline void faulty_wrong_order(void)
{
	struct page *page = alloc_pages(TEST_GFP_FAULT, 1);

	if (!begin(page))
		return;
	split_page(page, 1);
	if (!checked)
		set_page_count(page + 1, 0);
	__free_pages(page, 1);
	if (!checked)
		set_page_count(page + 1, 1);
	/* The neighbour's rightful owner. */
	__free_page(page + 1);
	if (!checked)
		unlink_block(page + 1, 0);
}

/* Make a block in use look free, and put it where the next one comes from. */
static noinline bool list_block(struct page *page)
{
	struct zone *zone = page_zone(page);
	struct per_cpu_pages *pcp = local_pcp(page);

	if (order && test_on_pcp(order))
		return false;
	set_page_count(page, 0);
	if (!order) {
		test_set_pcp_type(page, MIGRATE_UNMOVABLE);
		test_pcp_lock(pcp);
		list_add(&page->pcp_list, &pcp->lists[MIGRATE_UNMOVABLE]);
		pcp->count++;
		test_pcp_unlock(pcp);
		return true;
	}
	spin_lock(&zone->lock);
	set_page_private(page, order);
	__SetPageBuddy(page);
	list_add(&page->buddy_list,
		 &zone->free_area[order].free_list[MIGRATE_UNMOVABLE]);
	test_count_free(zone, order, 1);
	spin_unlock(&zone->lock);
	return true;
}

static noinline void faulty_hand_out_twice(void)
{
	struct page *page = alloc_pages(TEST_GFP_FAULT, order), *again[8] = {};
	unsigned int i;

	if (!begin(page))
		return;
	result = -ENOMEM;
	if (!list_block(page)) {
		result = -EINVAL;
		return;
	}
	if (!strcmp(fault, "listed")) {
		result = 0;
		return;
	}
	for (i = 0; i < ARRAY_SIZE(again) && result; i++) {
		again[i] = alloc_pages(TEST_GFP_FAULT, order);
		if (again[i] == page)
			result = 0;
	}
	/* Two owners, one of whom returns it. */
	while (i--)
		if (again[i])
			__free_pages(again[i], order);
}

static noinline void left_over_put(struct page *page)
{
	set_page_count(page, 1);
	put_page(page);
	/* Not a tail call: this function's name belongs in the stack. */
	barrier();
}

static noinline void faulty_left_over(void)
{
	struct page *page = alloc_pages(TEST_GFP_FAULT, order);

	if (!begin(page))
		return;
	__free_pages(page, order);
	set_page_count(page, 2);
	__SetPageHead(page);
	__free_pages(page, order);
	ClearPageHead(page);
	set_page_count(page, 0);
	left_over_put(page + 1);
	unlink_block(page + 1, 0);
}

static noinline void faulty_put_page_twice(void)
{
	struct page *page = alloc_page(TEST_GFP_FAULT);

	if (!begin(page))
		return;
	put_page(page);
	put_page(page);
	if (!leave)
		set_page_count(page, 0);
}

static noinline void faulty_tail_free(void)
{
	struct page *page = alloc_pages(TEST_GFP_FAULT | __GFP_COMP, order);
	unsigned int i;

	if (!begin(page))
		return;
	for (i = 0; i < times; i++)
		__free_page(page + 1);
	set_page_count(page + 1, 0);
	__free_pages(page, order);
}

static noinline void faulty_bad_again(void)
{
	struct page *page = alloc_pages(TEST_GFP_FAULT, 1);

	if (!begin(page))
		return;
	split_page(page, 1);
	__free_pages(page, 1);
	set_page_count(page + 1, 0);
	/* The log of a bad page comes a moment later. */
	msleep(20);
	__free_page(page + 1);
	/* What the kernel has dropped goes to no list again. */
	set_page_count(page + 1, 0);
}

static noinline void faulty_large_kfree(void)
{
	struct page *page = alloc_pages(TEST_GFP_FAULT | __GFP_COMP, TEST_LARGE_ORDER);
	unsigned int i;

	if (!begin(page))
		return;
	/* Where the type tells, the kernel frees nothing. */
	for (i = 0; i < times; i++) {
		if (TEST_LARGE_HAS_COUNT)
			set_page_count(page, 0);
		kfree(page_address(page));
	}
	set_page_count(page, 1);
	__free_pages(page, TEST_LARGE_ORDER);
}

static noinline void faulty_frag_free(void)
{
	struct page *page = alloc_page(TEST_GFP_FAULT);

	if (!begin(page))
		return;
	set_page_count(page, 0);
	page_frag_free(page_address(page));
	set_page_count(page, 1);
	__free_page(page);
}

static noinline void faulty_frag_drain(void)
{
	struct page *page = alloc_page(TEST_GFP_FAULT);

	if (!begin(page))
		return;
	__page_frag_cache_drain(page, 2);
	set_page_count(page, 1);
	__free_page(page);
}

/* Interrupts are off: the page lies on this CPU's list, unless the kernel has dropped it. */
static noinline void faulty_in_mapping(void)
{
	struct page *page = alloc_page(TEST_GFP_FAULT);

	if (!begin(page))
		return;
	page->mapping = (struct address_space *)ALIGN((unsigned long)&result, 8);
	if (!strcmp(via, "put"))
		put_page(page);
	else
		__free_page(page);
	page->mapping = NULL;
}

/* Two more references, so that the page stays slab's, whether slab has one of its own or not. */
static noinline void faulty_frag_slab(void)
{
	void *object = kmalloc(2048, TEST_GFP_FAULT);
	struct page *page = object ? virt_to_head_page(object) : NULL;

	if (!begin(page))
		return;
	page_ref_add(page, 2);
	page_frag_free(object);
	page_ref_dec(page);
	kfree(object);
}

/* The next allocation of this CPU would get the page, and gets another one. */
static noinline void bad_alloc_victim(void)
{
	struct page *page = alloc_page(TEST_GFP_FAULT);

	if (page)
		__free_page(page);
	barrier();
}

static noinline void faulty_bad_alloc(void)
{
	struct page *page = alloc_page(TEST_GFP_FAULT);

	if (!begin(page))
		return;
	result = -EOPNOTSUPP;
	if (!TEST_ALLOC_SEES_COUNT) {
		put_page(page);
		return;
	}
	result = 0;
	put_page(page);
	put_page(page);
	bad_alloc_victim();
}

static noinline void faulty_unlisted(void)
{
	struct page *page = alloc_page(TEST_GFP_FAULT);

	if (!begin(page))
		return;
	put_page(page);
	unlink_block(page, 0);
	set_page_count(page, 1);
	put_page(page);
	barrier();
}

/*
 * Allocations halve what a per-CPU list remembers of frees in a row. With that
 * left over, the next free may flush the list, and the kernel's list check would
 * stop the machine at a page that is on it twice.
 */
#define CALMING_PAGES	16

static void make_fault(void)
{
	struct page *calm[CALMING_PAGES];
	unsigned long flags;
	int i;

	test_alone_begin(flags);
	for (i = 0; i < CALMING_PAGES; i++)
		calm[i] = alloc_page(TEST_GFP_FAULT);
	result = 0;
	if (!strcmp(fault, "double_free"))
		faulty_double_free();
	else if (!strcmp(fault, "reset_free"))
		faulty_reset_free();
	else if (!strcmp(fault, "wrong_order"))
		faulty_wrong_order();
	else if (!strcmp(fault, "handed_out_twice") || !strcmp(fault, "listed"))
		faulty_hand_out_twice();
	else if (!strcmp(fault, "left_over"))
		faulty_left_over();
	else if (!strcmp(fault, "put_page_twice"))
		faulty_put_page_twice();
	else if (!strcmp(fault, "tail_free"))
		faulty_tail_free();
	else if (!strcmp(fault, "bad_again"))
		faulty_bad_again();
	else if (!strcmp(fault, "in_mapping"))
		faulty_in_mapping();
	else if (!strcmp(fault, "frag_slab"))
		faulty_frag_slab();
	else if (!strcmp(fault, "large_kfree"))
		faulty_large_kfree();
	else if (!strcmp(fault, "frag_free"))
		faulty_frag_free();
	else if (!strcmp(fault, "frag_drain"))
		faulty_frag_drain();
	else if (!strcmp(fault, "bad_alloc"))
		faulty_bad_alloc();
	else if (!strcmp(fault, "unlisted"))
		faulty_unlisted();
	else
		result = -EINVAL;
	for (i = 0; i < CALMING_PAGES; i++)
		if (calm[i])
			__free_page(calm[i]);
	test_alone_end(flags);
}

static void fault_tasklet(struct tasklet_struct *t)
{
	make_fault();
}

static void fault_irq_work(struct irq_work *w)
{
	make_fault();
}

static DECLARE_TASKLET(tasklet, fault_tasklet);
static struct irq_work work = IRQ_WORK_INIT(fault_irq_work);

/* With PREEMPT_RT in this task, which is urgent, and not in some other's. */
static void run_tasklet(void)
{
	if (IS_ENABLED(CONFIG_PREEMPT_RT))
		local_bh_disable();
	tasklet_schedule(&tasklet);
	if (IS_ENABLED(CONFIG_PREEMPT_RT))
		local_bh_enable();
	tasklet_kill(&tasklet);
}

static int __init faulty_init(void)
{
	int tries = 100;

	if (order > TEST_MAX_ORDER)
		return -EINVAL;
	if (!TEST_HAVE_INTERRUPTS && !strcmp(ctx, "hardirq"))
		return test_result(-EOPNOTSUPP, "fault=%s ctx=%s: not with this kernel",
				   fault, ctx);
	test_urgent_begin();
	do {
		if (!strcmp(ctx, "softirq")) {
			run_tasklet();
		} else if (!strcmp(ctx, "hardirq")) {
			irq_work_queue(&work);
			irq_work_sync(&work);
		} else {
			make_fault();
		}
	} while (result == -EBUSY && tries--);
	test_urgent_end();
	result = test_result(result, "fault=%s", fault);
	return stay && result == -EAGAIN ? 0 : result;
}

static void __exit faulty_exit(void)
{
}

module_init(faulty_init);
module_exit(faulty_exit);

MODULE_DESCRIPTION("dualbm test: faults made on purpose");
MODULE_LICENSE("GPL");
