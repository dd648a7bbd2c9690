/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What differs between kernels for the test modules, each with the change that
 * caused it. What a kernel does not have at all is TEST_HAVE_... = false, and the
 * module that needs it ends with SKIP.
 */
#ifndef TESTMOD_COMPAT_H
#define TESTMOD_COMPAT_H

#include <linux/ftrace.h>
#include <linux/gfp.h>
#include <linux/hrtimer.h>
#include <linux/huge_mm.h>
#include <linux/irq_work.h>
#include <linux/kthread.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/mmzone.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/version.h>
#include <linux/vmalloc.h>
#include <linux/vmstat.h>

/* "mm: move the page fragment allocator from page_alloc into its own file", 6.13. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
#include <linux/page_frag_cache.h>
#endif

/* By 7.2 the flags of a file in memory have a type of their own. */
#ifdef EMPTY_VMA_FLAGS
#define TEST_NO_VMA_FLAGS	EMPTY_VMA_FLAGS
#else
#define TEST_NO_VMA_FLAGS	0
#endif

/* ---- orders and lists of the allocator ---- */

/*
 * "mm, treewide: redefine MAX_ORDER sanely", 6.4: the largest order instead of
 * one more; "mm, treewide: rename MAX_ORDER to MAX_PAGE_ORDER", 6.8.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 8, 0)
#define TEST_MAX_ORDER	MAX_PAGE_ORDER
#elif LINUX_VERSION_CODE >= KERNEL_VERSION(6, 4, 0)
#define TEST_MAX_ORDER	MAX_ORDER
#else
#define TEST_MAX_ORDER	(MAX_ORDER - 1)
#endif

/*
 * "mm/page_alloc: add page->buddy_list and page->pcp_list", 6.0: names for what
 * page->lru is while a page is free.
 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 0, 0)
#define buddy_list	lru
#define pcp_list	lru
#endif

/* "mm: introduce memdesc_flags_t", 6.18. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 18, 0)
#define test_page_flags(page)	((page)->flags.f)
#else
#define test_page_flags(page)	((page)->flags)
#endif

/*
 * "exit: Rename complete_and_exit to kthread_complete_and_exit", 5.17; do_exit() was
 * a module's to call until then.
 */
static inline void test_kthread_exit(void)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(5, 17, 0)
	kthread_complete_and_exit(NULL, 0);
#else
	do_exit(0);
#endif
}

/* "mm/page_alloc: split per cpu page lists and zone stats", 5.14. */
static inline struct per_cpu_pages *test_local_pcp(struct zone *zone)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(5, 14, 0)
	return this_cpu_ptr(zone->per_cpu_pageset);
#else
	return &this_cpu_ptr(zone->pageset)->pcp;
#endif
}

/*
 * "mm/page_alloc: protect PCP lists with a spinlock", 6.0: before, it is enough
 * to have interrupts off on the lists' CPU, as every caller of this has.
 *
 * "mm/page_alloc: leave IRQs enabled for per-cpu page allocations", 6.2: whoever has the
 * lock may be interrupted, so no interrupt may wait for it. A caller with interrupts off asks
 * once whether that is so; if not, who has it is another CPU, for a moment. With
 * PREEMPT_RT nobody is interrupted so.
 */
static inline bool test_pcp_is_ours(struct per_cpu_pages *pcp)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 0, 0) && !defined(CONFIG_PREEMPT_RT)
	int tries = 1000000;

	while (!spin_trylock(&pcp->lock)) {
		if (!tries--)
			return false;
		cpu_relax();
	}
	spin_unlock(&pcp->lock);
#endif
	return true;
}

static inline void test_pcp_lock(struct per_cpu_pages *pcp)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 0, 0)
#ifdef CONFIG_PREEMPT_RT
	spin_lock(&pcp->lock);
#else
	while (!spin_trylock(&pcp->lock))
		cpu_relax();
#endif
#endif
}

static inline void test_pcp_unlock(struct per_cpu_pages *pcp)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 0, 0)
	spin_unlock(&pcp->lock);
#endif
}

/*
 * "mm/page_alloc: allow high-order pages to be stored on the per-cpu lists",
 * 5.14: before, only single pages are. Huge pages are where there are any, and
 * with PREEMPT_RT there are none.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(5, 14, 0)
#define TEST_PCP_LISTS	NR_PCP_LISTS
#define TEST_PCP_ORDER	PAGE_ALLOC_COSTLY_ORDER
#else
#define TEST_PCP_LISTS	MIGRATE_PCPTYPES
#define TEST_PCP_ORDER	0
#endif

/* Blocks of these orders are freed to, and allocated from, per-CPU lists. */
static inline bool test_on_pcp(unsigned int order)
{
#ifdef CONFIG_TRANSPARENT_HUGEPAGE
	if (TEST_PCP_ORDER && order == HPAGE_PMD_ORDER)
		return true;
#endif
	return order <= TEST_PCP_ORDER;
}

/*
 * "mm: page_alloc: remove pcppage migratetype caching", 6.10: before, a page on a
 * per-CPU list remembers in page->index to which free list it would go back.
 */
static inline void test_set_pcp_type(struct page *page, int type)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 10, 0)
	page->index = type;
#endif
}

/*
 * A block came to a free list, or left one (sign -1).
 * "mm: page_alloc: defrag_mode kswapd/kcompactd watermarks", 6.15: large blocks
 * are counted once more.
 */
static inline void test_count_free(struct zone *zone, unsigned int order, long sign)
{
	long frames = sign * (1L << order);

	zone->free_area[order].nr_free += sign;
	mod_zone_page_state(zone, NR_FREE_PAGES, frames);
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 15, 0)
	if (order >= pageblock_order)
		mod_zone_page_state(zone, NR_FREE_PAGES_BLOCKS, frames);
#endif
}

/*
 * "mm/page_alloc: let page freeing clear any set page type", 6.17: a block on a
 * free list is freed again without the page check seeing its mark.
 */
#define TEST_FREE_SEES_BUDDY	(LINUX_VERSION_CODE < KERNEL_VERSION(6, 17, 0))

/* "mm/slab: allocate frozen pages", 6.15: large objects have had a count before. */
#define TEST_LARGE_HAS_COUNT	(LINUX_VERSION_CODE < KERNEL_VERSION(6, 15, 0))
/* Of an object that no slab is made for. */
#define TEST_LARGE_ORDER	4

/*
 * "mm, page_alloc: reduce page alloc/free sanity checks", 6.3: where the checks are on at
 * all, as they are with init_on_alloc=1, a page is checked when it is allocated.
 */
#define TEST_ALLOC_SEES_COUNT	(LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0))

/*
 * "mm/page_alloc: use existing highatomic reserves on the buddy fastpath", 7.3:
 * a block of GFP_ATOMIC may come from the reserve first, and not from the list
 * where a fault has put one.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 3, 0)
#define TEST_GFP_FAULT	(GFP_NOWAIT | __GFP_NOWARN)
#else
#define TEST_GFP_FAULT	(GFP_ATOMIC | __GFP_NOWARN)
#endif

/* ---- ways to allocate and to free ---- */

/*
 * "mm/page_alloc: add a bulk page allocator", 5.13; "mm: alloc_pages_bulk_noprof:
 * drop page_list argument" and "mm: alloc_pages_bulk: rename API", 6.14.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 14, 0)
#define TEST_HAVE_BULK		true
#define TEST_HAVE_BULK_LIST	false
#define test_bulk_array(gfp, nr, array)	alloc_pages_bulk(gfp, nr, array)
#elif LINUX_VERSION_CODE >= KERNEL_VERSION(5, 13, 0)
#define TEST_HAVE_BULK		true
#define TEST_HAVE_BULK_LIST	true
#define test_bulk_array(gfp, nr, array)	alloc_pages_bulk_array(gfp, nr, array)
#define test_bulk_list(gfp, nr, list)	alloc_pages_bulk_list(gfp, nr, list)
#else
#define TEST_HAVE_BULK		false
#define TEST_HAVE_BULK_LIST	false
static inline unsigned long test_bulk_array(gfp_t gfp, unsigned long nr,
					    struct page **array)
{
	return 0;
}
#endif

#ifndef test_bulk_list
static inline unsigned long test_bulk_list(gfp_t gfp, unsigned long nr,
					   struct list_head *list)
{
	return 0;
}
#endif

/* "mm: Add folio_put()", 5.16. */
static inline void test_folio_put(struct page *page)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(5, 16, 0)
	folio_put(page_folio(page));
#else
	put_page(page);
#endif
}

/*
 * "mm: delete the unused put_pages_list()", 6.13. What it called for a batch of
 * pages is where release_pages() ends, too.
 */
static inline void test_put_pages_list(struct list_head *list)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
	struct page *page, *next, *batch[16];
	int nr = 0;

	list_for_each_entry_safe(page, next, list, lru) {
		list_del(&page->lru);
		batch[nr++] = page;
		if (nr == ARRAY_SIZE(batch)) {
			release_pages(batch, nr);
			nr = 0;
		}
	}
	release_pages(batch, nr);
#else
	put_pages_list(list);
#endif
}

/*
 * "net: introduce page_frag_cache_drain()", 6.9; "mm: page_frag: reuse existing
 * space for 'size' and 'pfmemalloc'", 6.13, took away the members.
 */
static inline void test_page_frag_drain(struct page_frag_cache *frags)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 9, 0)
	page_frag_cache_drain(frags);
#else
	if (frags->va)
		__page_frag_cache_drain(virt_to_head_page(frags->va),
					frags->pagecnt_bias);
#endif
}

/* "vmalloc: replace VM_NO_HUGE_VMAP with VM_ALLOW_HUGE_VMAP", 5.18. */
static inline void *test_vmalloc_huge(unsigned long size, gfp_t gfp)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(5, 18, 0)
	return vmalloc_huge(size, gfp);
#else
	return __vmalloc(size, gfp);
#endif
}

/*
 * "mm/page_isolation: remove migratetype parameter from more functions", 6.17:
 * flags in the type's place, of which MIGRATE_MOVABLE's number is the one for CMA.
 */
static inline int test_alloc_contig(unsigned long start, unsigned long end, gfp_t gfp)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 17, 0)
	return alloc_contig_range(start, end, ACR_FLAGS_NONE, gfp);
#else
	return alloc_contig_range(start, end, MIGRATE_MOVABLE, gfp);
#endif
}

/* ---- contexts ---- */

/*
 * With PREEMPT_RT the allocator's locks sleep: nobody allocates in a hard
 * interrupt, and a softirq is a thread, which does not come in between.
 */
#define TEST_HAVE_INTERRUPTS	(!IS_ENABLED(CONFIG_PREEMPT_RT))

/*
 * Between alone_begin and alone_end nobody else comes to this CPU's lists. With
 * PREEMPT_RT interrupts have to stay on: the task cannot leave its CPU, and no
 * other task gets that, since this one is urgent, from long before.
 */
#ifdef CONFIG_PREEMPT_RT
#define test_alone_begin(flags)		\
	do { (flags) = 0; migrate_disable(); } while (0)
#define test_alone_end(flags)		\
	do { (void)(flags); migrate_enable(); } while (0)

static inline void test_urgent_begin(void)
{
	sched_set_fifo(current);
}

static inline void test_urgent_end(void)
{
	sched_set_normal(current, task_nice(current));
}
#else
#define test_alone_begin(flags)		local_irq_save(flags)
#define test_alone_end(flags)		local_irq_restore(flags)

static inline void test_urgent_begin(void)
{
}

static inline void test_urgent_end(void)
{
}
#endif

/* "irq_work: Cleanup", 5.11: initializers for each kind. */
#ifndef IRQ_WORK_INIT
#define TEST_IRQ_WORK(function, kind) \
	{ .flags = ATOMIC_INIT(kind), .func = (function) }
#define IRQ_WORK_INIT(function) \
	((struct irq_work)TEST_IRQ_WORK(function, 0))
#define IRQ_WORK_INIT_LAZY(function) \
	((struct irq_work)TEST_IRQ_WORK(function, IRQ_WORK_LAZY))
#endif

/* "hrtimers: Introduce hrtimer_setup() to replace hrtimer_init()", 6.13. */
static inline void test_hrtimer_setup(struct hrtimer *timer,
				      enum hrtimer_restart (*function)(struct hrtimer *),
				      clockid_t clock, enum hrtimer_mode mode)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
	hrtimer_setup(timer, function, clock, mode);
#else
	hrtimer_init(timer, clock, mode);
	timer->function = function;
#endif
}

/*
 * "ftrace: Have the callbacks receive a struct ftrace_regs instead of pt_regs",
 * 5.11.
 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 11, 0)
#define ftrace_regs	pt_regs

static inline struct pt_regs *ftrace_get_regs(struct pt_regs *regs)
{
	return regs;
}
#endif

/* "cfi: Define __nocfi" came with clang's CFI, 5.13. */
#ifndef __nocfi
#define __nocfi
#endif

/*
 * "ftrace: arm64: move from REGS to ARGS", 6.2: the call can be sent elsewhere
 * without full registers, and has to be.
 */
#ifdef CONFIG_DYNAMIC_FTRACE_WITH_REGS
#define TEST_FTRACE_REDIRECT	(FTRACE_OPS_FL_SAVE_REGS | FTRACE_OPS_FL_IPMODIFY)

static inline void test_ftrace_redirect(struct ftrace_regs *regs, void *function)
{
	if (ftrace_get_regs(regs))
		instruction_pointer_set(ftrace_get_regs(regs), (unsigned long)function);
}
#else
#define TEST_FTRACE_REDIRECT	FTRACE_OPS_FL_IPMODIFY

static inline void test_ftrace_redirect(struct ftrace_regs *regs, void *function)
{
	ftrace_regs_set_instruction_pointer(regs, (unsigned long)function);
}
#endif

/*
 * "ftrace: Export ftrace_free_filter() to modules", 6.2 and stable releases of
 * 6.1: before, an empty filter in its place, which takes no memory either.
 */
static inline void test_ftrace_free_filter(struct ftrace_ops *ops)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 1, 0)
	ftrace_free_filter(ops);
#else
	ftrace_set_filter(ops, NULL, 0, 1);
#endif
}

#endif /* TESTMOD_COMPAT_H */
