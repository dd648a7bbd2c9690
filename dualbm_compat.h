/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What differs between kernel releases, each with the change that caused it.
 * No other file tests a version.
 */
#ifndef DUALBM_COMPAT_H
#define DUALBM_COMPAT_H

#include <linux/gfp.h>
#include <linux/mmzone.h>
#include <linux/preempt.h>
#include <linux/version.h>

/*
 * "mm, treewide: introduce NR_PAGE_ORDERS" and "rename MAX_ORDER to
 * MAX_PAGE_ORDER", 6.8: the name; "redefine MAX_ORDER sanely", 6.4: the largest
 * order instead of one more.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 8, 0)
#define DUALBM_MAX_ORDER	MAX_PAGE_ORDER
#elif LINUX_VERSION_CODE >= KERNEL_VERSION(6, 4, 0)
#define DUALBM_MAX_ORDER	MAX_ORDER
#else
#define DUALBM_MAX_ORDER	(MAX_ORDER - 1)
#endif

/*
 * "mm/compaction: add support for >0 order folio memory compaction", 6.9:
 * compaction_free() runs free_pages_prepare(), and so fires mm_page_free for a
 * page that goes back to compaction's own list. Before, it fired nothing.
 */
#define DUALBM_HAVE_DEPART	(LINUX_VERSION_CODE >= KERNEL_VERSION(6, 9, 0))

/*
 * "mm: enable page allocation tagging", 6.10: the bulk allocator became
 * alloc_pages_bulk_noprof(), with a macro of the old name around it.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 10, 0)
#define dualbm_call_bulk	alloc_pages_bulk_noprof
#else
#define dualbm_call_bulk	__alloc_pages_bulk
#endif

/*
 * "mm, bpf: introduce try_alloc_pages()", 6.15: pages are allocated and freed in
 * NMI. Before, no event comes in one.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 15, 0)
#define dualbm_event_in_nmi()	in_nmi()
#else
#define dualbm_event_in_nmi()	false
#endif

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
 * "stacktrace: export stack_trace_save_tsk", 6.5: modules may look at the stack
 * of another task. Before, its address is found through a kprobe.
 */
#define DUALBM_HAVE_STACK_OF_TASK \
	(LINUX_VERSION_CODE >= KERNEL_VERSION(6, 5, 0))

/* Where a task that does not run has left its stack. */
#ifdef CONFIG_X86_64
#define dualbm_task_sp(task)	READ_ONCE((task)->thread.sp)
#endif

/*
 * "function_graph: Convert ret_stack to a series of longs", 6.11: the index of
 * the last entry became the number of words in use. A task that has entries has
 * return addresses that its stack does not show.
 */
#ifdef CONFIG_FUNCTION_GRAPH_TRACER
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 11, 0)
#define DUALBM_GRAPH_EMPTY	0
#else
#define DUALBM_GRAPH_EMPTY	(-1)
#endif
#define dualbm_task_is_graphed(task) \
	(READ_ONCE((task)->ret_stack) && \
	 READ_ONCE((task)->curr_ret_stack) != DUALBM_GRAPH_EMPTY)
#else
#define dualbm_task_is_graphed(task)	false
#endif

/*
 * "kprobes: Use rethook for kretprobe if possible", 5.19: return probes that a
 * task is inside of are in a list of its own.
 */
#define dualbm_return_probes(task)	READ_ONCE((task)->rethooks.first)

/* Where the stack of a task that sleeps ends, if it is whole. */
#ifdef CONFIG_X86_64
#define DUALBM_STACK_ENDS \
	"ret_from_fork", "entry_SYS", "entry_INT80", "asm_", "__irqentry", \
	"secondary_startup", "common_startup", "start_kernel"
#define DUALBM_FTRACE_SITE_IS_CALL(site)	(*(const u8 *)(site) == 0xe8)
#define DUALBM_ENTRY_INSN_BYTES			4	/* ENDBR64 before the site */
#endif

#endif /* DUALBM_COMPAT_H */
