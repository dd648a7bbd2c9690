/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What differs between kernel releases, each with the change that caused it.
 *
 * What shows in the headers is probed (dualbm_probe.c, made into dualbm_probes.h
 * by Kbuild), because distributions take changes back to older releases. What
 * shows only in behaviour is a test of the version; no other file has one.
 */
#ifndef DUALBM_COMPAT_H
#define DUALBM_COMPAT_H

#include <linux/ftrace.h>
#include <linux/gfp.h>
#include <linux/kernel.h>
#include <linux/kprobes.h>
#include <linux/mm.h>
#include <linux/mmzone.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include <linux/smp.h>
#include <linux/spinlock.h>
#include <linux/version.h>

#ifdef CONFIG_X86_64
#include <asm/unwind.h>
#endif

/* "kernel.h: split out panic and oops helpers", 5.14. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(5, 14, 0)
#include <linux/panic_notifier.h>
#endif

#include "dualbm_probes.h"

/* ---- orders and lists of the allocator ---- */

/*
 * "mm, treewide: introduce NR_PAGE_ORDERS" and "rename MAX_ORDER to
 * MAX_PAGE_ORDER", 6.8: the name; "redefine MAX_ORDER sanely", 6.4: the largest
 * order instead of one more.
 */
#ifdef MAX_PAGE_ORDER
#define DUALBM_MAX_ORDER	MAX_PAGE_ORDER
#elif LINUX_VERSION_CODE >= KERNEL_VERSION(6, 4, 0)
#define DUALBM_MAX_ORDER	MAX_ORDER
#else
#define DUALBM_MAX_ORDER	(MAX_ORDER - 1)
#endif

/*
 * "mm/page_alloc: allow high-order pages to be stored on the per-cpu lists",
 * 5.14, and "disassociate the pcp->high from pcp->batch" with "split per cpu page
 * lists and zone stats" of the same release; "protect PCP lists with a spinlock",
 * 6.0: before, the lists of a CPU are its own, with interrupts disabled.
 *
 * dualbm_pcp_trylock() is for callers with interrupts disabled; before 6.0 it
 * gives the lists of the CPU that asks, and nobody can look at those of the others:
 * DUALBM_PCP_OF_OTHERS.
 *
 * "mm/page_alloc: leave IRQs enabled for per-cpu page allocations", 6.2: who has the
 * lock need not have them disabled, DUALBM_PCP_NEEDS_IRQS_OFF.
 */
#define DUALBM_PCP_NEEDS_IRQS_OFF	(LINUX_VERSION_CODE < KERNEL_VERSION(6, 2, 0))

#ifdef DUALBM_PROBED_PCP_LOCK
#define DUALBM_PCP_OF_OTHERS	true
#define DUALBM_PCP_LISTS	NR_PCP_LISTS
#define DUALBM_PCP_LOW_LISTS	NR_LOWORDER_PCP_LISTS

static inline struct per_cpu_pages *dualbm_pcp(struct zone *zone, int cpu)
{
	return per_cpu_ptr(zone->per_cpu_pageset, cpu);
}

static inline bool dualbm_pcp_trylock(struct per_cpu_pages *pcp, int cpu)
{
	return spin_trylock(&pcp->lock);
}

static inline void dualbm_pcp_unlock(struct per_cpu_pages *pcp)
{
	spin_unlock(&pcp->lock);
}

/* Call @function with a CPU's lists while nothing may change them; may sleep. */
static inline void dualbm_pcp_call(struct zone *zone, int cpu,
				   void (*function)(void *pcp))
{
	struct per_cpu_pages *pcp = dualbm_pcp(zone, cpu);
	unsigned long flags;

	spin_lock_irqsave(&pcp->lock, flags);
	function(pcp);
	spin_unlock_irqrestore(&pcp->lock, flags);
}
#else
#define DUALBM_PCP_OF_OTHERS	false
#define DUALBM_PCP_LISTS	MIGRATE_PCPTYPES
#define DUALBM_PCP_LOW_LISTS	MIGRATE_PCPTYPES

static inline struct per_cpu_pages *dualbm_pcp(struct zone *zone, int cpu)
{
	return &per_cpu_ptr(zone->pageset, cpu)->pcp;
}

static inline bool dualbm_pcp_trylock(struct per_cpu_pages *pcp, int cpu)
{
	return !IS_ENABLED(CONFIG_PREEMPT_RT) && cpu == raw_smp_processor_id();
}

static inline void dualbm_pcp_unlock(struct per_cpu_pages *pcp)
{
}

static inline void dualbm_pcp_call(struct zone *zone, int cpu,
				   void (*function)(void *pcp))
{
	if (!IS_ENABLED(CONFIG_PREEMPT_RT))
		smp_call_function_single(cpu, function, dualbm_pcp(zone, cpu), 1);
}
#endif

/* "mm: introduce memdesc_flags_t", 6.18: the flags of a page are in a struct. */
#ifdef DUALBM_PROBED_PAGE_FLAGS_WORD
#define dualbm_page_flags(page)	((page)->flags)
#else
#define dualbm_page_flags(page)	((page)->flags.f)
#endif

/*
 * Whoever frees a page has taken it out of the address space that it was in; bits mark what is no
 * address space. Every release looks for that, and drops the page (page_expected_state(),
 * mm/page_alloc.c). But before "mm, page_alloc: reduce page alloc/free sanity checks", 6.3, it
 * looks at single pages only when the list of their CPU gives them back, and not if the list hands
 * them out before that. Huge pages take it off later.
 */
static __always_inline bool dualbm_page_keeps_mapping(const struct page *page)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
	unsigned long mapping = (unsigned long)READ_ONCE(page->mapping);

	return mapping && !(mapping & PAGE_MAPPING_FLAGS);
#else
	return false;
#endif
}

/*
 * "mm: add folio allocation functions", 5.16: callers have folios. Before that, pages by the
 * function below theirs.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(5, 16, 0)
#define DUALBM_ALLOC_FOLIO	"__folio_alloc()"
static inline struct page *dualbm_alloc_folio(gfp_t gfp, unsigned int order, int nid)
{
	struct folio *folio = __folio_alloc(gfp, order, nid, NULL);

	return folio ? folio_page(folio, 0) : NULL;
}
#else
#define DUALBM_ALLOC_FOLIO	"__alloc_pages()"
static inline struct page *dualbm_alloc_folio(gfp_t gfp, unsigned int order, int nid)
{
	return __alloc_pages(gfp | __GFP_COMP, order, nid);
}
#endif

/*
 * "slab: allocate frozen pages for large objects", 6.15: what kmalloc() gives out without a slab
 * has a type, and no count. Whoever takes the type off frees it.
 */
#ifdef DUALBM_PROBED_LARGE_KMALLOC
#define DUALBM_HAVE_LARGE_TYPE	1
#define dualbm_page_is_large(page)	PageLargeKmalloc(page)
#else
#define DUALBM_HAVE_LARGE_TYPE	0
#define dualbm_page_is_large(page)	false
#endif

/*
 * Pages in use with a count of 0, whose mark says so: those that wait in a pool of
 * hugetlbfs (PageHuge(), all releases: the mark is set when hugetlb has the block, and
 * taken off before it gives it back, mm/hugetlb.c), and, "mm/page_alloc: add
 * __alloc_frozen_pages()" and "slab: allocate frozen pages", 6.15, those of slab and of
 * large kmalloc().
 */
static inline bool dualbm_page_is_frozen(const struct page *head)
{
#ifdef DUALBM_PROBED_LARGE_KMALLOC
	if (PageSlab(head) || PageLargeKmalloc(head))
		return true;
#endif
	return PageHuge((struct page *)head);
}

/*
 * The same of a single frame, with those that no one may have: reserved since boot, and
 * what drivers of virtual machines have taken away (PageOffline(), since 5.1). All of them
 * come back by a free event: free_reserved_page(), and generic_online_page() or
 * free_contig_range().
 */
static inline bool dualbm_page_is_marked(struct page *page, const struct page *head)
{
	return PageReserved(page) || PageOffline(page) || dualbm_page_is_frozen(head);
}

/*
 * "mm: introduce PageUnaccepted() page type", 6.12: the first frame of a block of the
 * largest order that a confidential guest has not accepted yet. It has had no event, and
 * comes to the free lists by a free event.
 */
static inline bool dualbm_page_is_unaccepted(struct page *block)
{
#ifdef DUALBM_PROBED_UNACCEPTED
	return PageUnaccepted(block);
#else
	return false;
#endif
}

/* ---- paths of the allocator ---- */

/*
 * "mm/compaction: add support for >0 order folio memory compaction", 6.9:
 * compaction_free() runs free_pages_prepare(), and so fires mm_page_free for a
 * page that goes back to compaction's own list. Before, it fired nothing.
 */
#define DUALBM_HAVE_DEPART \
	(IS_ENABLED(CONFIG_COMPACTION) && LINUX_VERSION_CODE >= KERNEL_VERSION(6, 9, 0))

/*
 * "mm/page_alloc: add a bulk page allocator", 5.13; "mm: enable page allocation
 * tagging", 6.10: it became alloc_pages_bulk_noprof(), with a macro of the old
 * name around it; "mm: alloc_pages_bulk_noprof: drop page_list argument", 6.14.
 */
#if defined(DUALBM_PROBED_BULK_LIST_NOPROF)
#define DUALBM_BULK_LIST_PARAMETER	struct list_head *list,
#define DUALBM_BULK_LIST_ARGUMENT	list
#define DUALBM_BULK_HAS_LIST		true
#define dualbm_call_bulk(gfp, nid, nodemask, nr, list, array) \
	alloc_pages_bulk_noprof(gfp, nid, nodemask, nr, list, array)
#elif defined(DUALBM_PROBED_BULK_LIST)
#define DUALBM_BULK_LIST_PARAMETER	struct list_head *list,
#define DUALBM_BULK_LIST_ARGUMENT	list
#define DUALBM_BULK_HAS_LIST		true
#define dualbm_call_bulk(gfp, nid, nodemask, nr, list, array) \
	__alloc_pages_bulk(gfp, nid, nodemask, nr, list, array)
#elif defined(DUALBM_PROBED_BULK_ARRAY_NOPROF)
#define DUALBM_BULK_LIST_PARAMETER
#define DUALBM_BULK_LIST_ARGUMENT	NULL
#define DUALBM_BULK_HAS_LIST		false
#define dualbm_call_bulk(gfp, nid, nodemask, nr, list, array) \
	alloc_pages_bulk_noprof(gfp, nid, nodemask, nr, array)
#else
#define DUALBM_HAVE_BULK	false
#define DUALBM_BULK_LIST_PARAMETER
#define DUALBM_BULK_LIST_ARGUMENT	NULL
#define DUALBM_BULK_HAS_LIST		false
#define dualbm_call_bulk(gfp, nid, nodemask, nr, list, array)	0UL
#endif
#ifndef DUALBM_HAVE_BULK
#define DUALBM_HAVE_BULK	true
#endif

/*
 * "mm/page_alloc: add support for initializing pageblock as isolated", 6.17, came
 * with flags in the place of a migrate type, of which 1 means another thing.
 */
#ifdef ACR_FLAGS_NONE
#define DUALBM_CONTIG_KIND	ACR_FLAGS_NONE
#else
#define DUALBM_CONTIG_KIND	MIGRATE_MOVABLE
#endif

/* Not every kernel is built with cgroups' accounting, compaction or HWPoison. */
#define DUALBM_HAVE_CHARGE \
	(IS_ENABLED(CONFIG_MEMCG_KMEM) || \
	 (IS_ENABLED(CONFIG_MEMCG) && LINUX_VERSION_CODE >= KERNEL_VERSION(6, 11, 0)))

#ifdef CONFIG_MEMORY_FAILURE
#define DUALBM_HAVE_UNPOISON	true
#define dualbm_call_unpoison(pfn)	unpoison_memory(pfn)
#else
#define DUALBM_HAVE_UNPOISON	false
#define dualbm_call_unpoison(pfn)	do { } while (0)
#endif

/*
 * With PREEMPT_RT zone->lock sleeps, and nobody who has preemption disabled may wait
 * for it. Else whoever frees or allocates may, whatever his context, because that very
 * call does (rmqueue_bulk(), free_one_page()).
 */
#define dualbm_caller_may_wait()	(!IS_ENABLED(CONFIG_PREEMPT_RT))

/*
 * "mm, bpf: introduce try_alloc_pages()", 6.15: pages are allocated and freed in
 * NMI, and under any lock, by calls that only try zone->lock; of a free event it does
 * not show. Before, no event comes so. Who has interrupts enabled is not under
 * zone->lock: that is held with interrupts disabled, by everybody and in all releases.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 15, 0)
#define dualbm_event_in_nmi()	in_nmi()
#define dualbm_event_may_wait() \
	(dualbm_caller_may_wait() && !in_nmi() && !irqs_disabled())
#else
#define dualbm_event_in_nmi()	false
#define dualbm_event_may_wait()	dualbm_caller_may_wait()
#endif

/* ---- page tables of processes ---- */

/*
 * "mm: new follow_pfnmap API", 6.12, which took the place of follow_pte(); that is exported
 * since 5.12 and stable releases of 5.10 ("mm: provide a saner PTE walking API for modules"), has
 * another first argument from 6.10 on, and sees no huge mapping.
 *
 * dualbm_mapping_begin(): with mmap_lock held, 0 if something is mapped at @address; then its
 * frame is @pfn, and it stays so until dualbm_mapping_end(), as the lock of the page table is held.
 */
struct dualbm_mapping {
#if defined(DUALBM_PROBED_FOLLOW_PFNMAP)
	struct follow_pfnmap_args args;
#elif defined(DUALBM_PROBED_FOLLOW_PTE)
	pte_t *pte;
	spinlock_t *lock;	/* the page table's */
#endif
	unsigned long pfn;
};

#if defined(DUALBM_PROBED_FOLLOW_PFNMAP)
#define DUALBM_HAVE_MAPPINGS	true

static inline int dualbm_mapping_begin(struct dualbm_mapping *mapping,
				       struct vm_area_struct *vma, unsigned long address)
{
	int ret;

	mapping->args = (struct follow_pfnmap_args){ .vma = vma, .address = address };
	ret = follow_pfnmap_start(&mapping->args);
	mapping->pfn = mapping->args.pfn;
	return ret;
}

static inline void dualbm_mapping_end(struct dualbm_mapping *mapping)
{
	follow_pfnmap_end(&mapping->args);
}
#elif defined(DUALBM_PROBED_FOLLOW_PTE)
#define DUALBM_HAVE_MAPPINGS	true

static inline int dualbm_mapping_begin(struct dualbm_mapping *mapping,
				       struct vm_area_struct *vma, unsigned long address)
{
	int ret = follow_pte(vma->vm_mm, address, &mapping->pte, &mapping->lock);

	if (!ret)
		mapping->pfn = pte_pfn(*mapping->pte);
	return ret;
}

static inline void dualbm_mapping_end(struct dualbm_mapping *mapping)
{
	/* For sparse, which does not know that follow_pte() has taken it. */
	__acquire(mapping->lock);
	pte_unmap_unlock(mapping->pte, mapping->lock);
}
#else
#define DUALBM_HAVE_MAPPINGS	false

static inline int dualbm_mapping_begin(struct dualbm_mapping *mapping,
				       struct vm_area_struct *vma, unsigned long address)
{
	return -EOPNOTSUPP;
}

static inline void dualbm_mapping_end(struct dualbm_mapping *mapping)
{
}
#endif

/* "pid: Export find_ge_pid()" came with 5.16 at the latest: before, what it is made of. */
static inline struct pid *dualbm_pid_at(int number)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(5, 16, 0)
	return find_ge_pid(number, &init_pid_ns);
#else
	return idr_get_next(&init_pid_ns.idr, &number);
#endif
}

/* ---- hooks ---- */

/*
 * "tracing: Guard __DECLARE_TRACE() use of __DO_TRACE_CALL() with SRCU-fast",
 * 7.0: a probe may be preempted. Before, the tracepoint disables preemption.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 0, 0) || defined(CONFIG_PREEMPT_RT)
#define dualbm_event_enter()	preempt_disable_notrace()
#define dualbm_event_leave()	preempt_enable_notrace()
#else
#define dualbm_event_enter()	do { } while (0)
#define dualbm_event_leave()	do { } while (0)
#endif

/*
 * "ftrace: Have the callbacks receive a struct ftrace_regs instead of pt_regs",
 * 5.11; and "ftrace: Reverse what the RECURSION flag means in the ftrace_ops" of
 * the same release: before, a callback that needs no protection says so.
 */
#ifndef DUALBM_PROBED_FTRACE_REGS
#define ftrace_regs		pt_regs

static inline struct pt_regs *ftrace_get_regs(struct pt_regs *regs)
{
	return regs;
}

#define DUALBM_FTRACE_UNPROTECTED	FTRACE_OPS_FL_RECURSION_SAFE
#else
#define DUALBM_FTRACE_UNPROTECTED	0
#endif

/*
 * "ftrace: arm64: move from REGS to ARGS", 6.2: there are no full registers any
 * more, and who asks for them is refused; a callback sees the arguments and may
 * change where the call goes all the same. amd64 has both.
 */
#ifdef CONFIG_DYNAMIC_FTRACE_WITH_REGS
#define DUALBM_FTRACE_FLAGS \
	(FTRACE_OPS_FL_SAVE_REGS | FTRACE_OPS_FL_PERMANENT | DUALBM_FTRACE_UNPROTECTED)

static inline unsigned long dualbm_ftrace_argument(struct ftrace_regs *regs, unsigned int n)
{
	return regs_get_kernel_argument(ftrace_get_regs(regs), n);
}

static inline void dualbm_ftrace_redirect(struct ftrace_regs *regs, unsigned long address)
{
	instruction_pointer_set(ftrace_get_regs(regs), address);
}
#else
#define DUALBM_FTRACE_FLAGS	(FTRACE_OPS_FL_PERMANENT | DUALBM_FTRACE_UNPROTECTED)

static inline unsigned long dualbm_ftrace_argument(struct ftrace_regs *regs, unsigned int n)
{
	return ftrace_regs_get_argument(regs, n);
}

static inline void dualbm_ftrace_redirect(struct ftrace_regs *regs, unsigned long address)
{
	ftrace_regs_set_instruction_pointer(regs, address);
}
#endif

/*
 * DUALBM_ENTRY_BYTES: how far from the address of a function its call to ftrace may
 * begin, in steps of an instruction or a landing pad, which have 4 bytes each. amd64:
 * behind an ENDBR64. arm64: behind a move of the link register, and a BTI if the
 * kernel is built with them.
 *
 * dualbm_entry_caller(): who called, at the first instruction of a function.
 *
 * DUALBM_FTRACE_NOTHING: what stands there while nobody is called. "x86: Remove dynamic NOP
 * selection", 5.13: before that it goes by the processor's model
 * (arch/x86/kernel/alternative.c).
 *
 * DUALBM_HAVE_JUMPS: a kprobe may become a jump; arm64 has only breakpoints.
 *
 * DUALBM_HAVE_STEPS: the unwinder's tables say how far one return address lies from the next.
 *
 * dualbm_stack_of_probe(): the stack of a function that was probed at @address, from there on. A
 * jump runs through code that was made for it, and that no unwinder knows: a stack that is read
 * from inside of the handler ends there. Returns how many addresses; 0 where a stack is read
 * through a probe, as arm64's is.
 */
#if defined(CONFIG_X86_64)
#define DUALBM_ENTRY_BYTES			4
#define DUALBM_FTRACE_SITE_IS_CALL(site)	(*(const u8 *)(site) == 0xe8)
#define DUALBM_FTRACE_NOTHING			{ { 0x0f, 0x1f, 0x44, 0x00, 0x00 }, \
						  { 0x66, 0x66, 0x66, 0x66, 0x90 } }
#define DUALBM_HAVE_JUMPS			IS_ENABLED(CONFIG_OPTPROBES)
#define DUALBM_HAVE_STEPS			IS_ENABLED(CONFIG_UNWINDER_ORC)
#define dualbm_entry_caller(regs)	(*(unsigned long *)kernel_stack_pointer(regs))

static inline unsigned int dualbm_stack_of_probe(const struct pt_regs *regs,
						 unsigned long address,
						 unsigned long *stack, unsigned int size)
{
	struct pt_regs there = *regs;
	struct unwind_state state;
	unsigned int entries = 0;

	/* A handler is told the address behind a breakpoint, where the stack may be another. */
	there.ip = address;
	stack[entries++] = address;
	for (unwind_start(&state, current, &there, NULL); entries < size && !unwind_done(&state);
	     unwind_next_frame(&state)) {
		stack[entries] = unwind_get_return_address(&state);
		if (!stack[entries])
			break;
		entries++;
	}
	return entries;
}
#elif defined(CONFIG_ARM64)
#define DUALBM_ENTRY_BYTES			8
#define DUALBM_FTRACE_SITE_IS_CALL(site)	(*(const u32 *)(site) >> 26 == 0x25)
#define DUALBM_FTRACE_NOTHING			{}
#define DUALBM_HAVE_JUMPS			false
#define DUALBM_HAVE_STEPS			0
#define dualbm_entry_caller(regs)	procedure_link_pointer(regs)

static inline unsigned int dualbm_stack_of_probe(const struct pt_regs *regs,
						 unsigned long address,
						 unsigned long *stack, unsigned int size)
{
	return 0;
}
#endif

/* ---- tasks and their stacks ---- */

/*
 * "stacktrace: export stack_trace_save_tsk", 6.5: modules may look at the stack
 * of another task. Before, its address is found through a kprobe.
 */
#define DUALBM_HAVE_STACK_OF_TASK \
	(LINUX_VERSION_CODE >= KERNEL_VERSION(6, 5, 0))

/*
 * "sched: Change task_struct::state", 5.14: the name, and task_is_running() of
 * "sched: Introduce task_is_running()" in the same release.
 */
#ifdef DUALBM_PROBED_TASK_STATE
#define dualbm_task_state(task)	READ_ONCE((task)->__state)
#else
#define dualbm_task_state(task)	READ_ONCE((task)->state)
#endif

/*
 * "function_graph: Convert ret_stack to a series of longs", 6.11: the index of
 * the last entry became the number of words in use. A task that has entries has
 * return addresses that its stack does not show.
 */
static inline bool dualbm_task_is_graphed(const struct task_struct *task)
{
#ifdef CONFIG_FUNCTION_GRAPH_TRACER
	int empty = LINUX_VERSION_CODE >= KERNEL_VERSION(6, 11, 0) ? 0 : -1;

	return READ_ONCE(task->ret_stack) && READ_ONCE(task->curr_ret_stack) != empty;
#else
	return false;
#endif
}

/*
 * "kprobes: Use rethook for kretprobe if possible", 5.19: the return probes that
 * a task is inside of are in a list of its own, and a stack can be read through
 * them. Before, the list is nobody's business, and a stack ends at the trampoline:
 * a return probe on __alloc_pages() would hide who called it, so dualbm has none.
 */
#if defined(DUALBM_PROBED_RETHOOK)
#include <linux/rethook.h>

#define DUALBM_HAVE_RETURN_PROBES	true
#define dualbm_return_probe		rethook_node

static inline const struct llist_node *dualbm_return_probes(const struct task_struct *task)
{
	return READ_ONCE(task->rethooks.first);
}
#elif defined(DUALBM_PROBED_KRETPROBE_LIST)
/*
 * arm64 has no rethook in 6.1 and 6.12: its list is of another kind, and it reads a
 * stack through return probes all the same ("arm64: Recover kretprobe modified return
 * address in stacktrace", 5.16).
 */
#define DUALBM_HAVE_RETURN_PROBES	true
#define dualbm_return_probe		kretprobe_instance

static inline const struct llist_node *dualbm_return_probes(const struct task_struct *task)
{
	return READ_ONCE(task->kretprobe_instances.first);
}
#else
#define DUALBM_HAVE_RETURN_PROBES	false

struct dualbm_return_probe {
	struct llist_node llist;
	unsigned long ret_addr;
};

static inline const struct llist_node *dualbm_return_probes(const struct task_struct *task)
{
	return NULL;
}
#endif

/*
 * "sysfs: constify bin_attribute argument of bin_attribute::read/write()", 6.17: what a
 * file's callback is given of the file.
 */
#ifdef DUALBM_PROBED_BIN_ATTRIBUTE_CONST
#define dualbm_bin_attribute	const struct bin_attribute
#else
#define dualbm_bin_attribute	struct bin_attribute
#endif

/*
 * Where a task that does not run has left its stack, and a return address as it may
 * be found there: arm64 signs those in the bits that all addresses of the kernel's
 * code and modules have set (CONFIG_ARM64_PTR_AUTH_KERNEL).
 *
 * DUALBM_STACK_ENDS: where the stack of a task that sleeps ends, if it is whole.
 * DUALBM_STACK_GAPS: what stands in it where a caller may be missing. On arm64 a
 * function that was interrupted may have its return address in a register still, and
 * a task may be preempted there.
 * DUALBM_STACK_INTERRUPTS: what stands in the middle of it where the kernel was
 * interrupted, by whatever; the way in from user mode may have the same name, at its end.
 */
#if defined(CONFIG_X86_64)
#define dualbm_task_sp(task)		READ_ONCE((task)->thread.sp)
#define dualbm_code_address(word)	(word)
#define DUALBM_STACK_ENDS \
	"ret_from_fork", "entry_SYS", "entry_INT80", "asm_", "__irqentry", \
	"secondary_startup", "common_startup", "start_kernel"
#define DUALBM_STACK_GAPS		NULL
#define DUALBM_STACK_INTERRUPTS		"asm_", "__irqentry"
#elif defined(CONFIG_ARM64)
#define dualbm_task_sp(task)		READ_ONCE((task)->thread.cpu_context.sp)
#define dualbm_code_address(word)	((word) | ~0UL << VA_BITS_MIN)
#define DUALBM_STACK_ENDS \
	"ret_from_fork", "el0t_", "__secondary_switched", "__primary_switched"
#define DUALBM_STACK_GAPS		"el1h_64_irq", "el1h_64_fiq"
#define DUALBM_STACK_INTERRUPTS		"el1h_"
#endif

#endif /* DUALBM_COMPAT_H */
