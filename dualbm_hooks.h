/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hooks: the sources of events (dualbm_hooks.c, dualbm_watch.c, dualbm_bulk.c,
 * dualbm_boundary.c, dualbm_counts.c, dualbm_kernel.c, dualbm_canary.c).
 */
#ifndef DUALBM_HOOKS_H
#define DUALBM_HOOKS_H

#include <linux/ftrace.h>
#include <linux/kprobes.h>
#include <linux/tracepoint.h>

#include "dualbm.h"

struct dualbm_violation;

/* ------------------------------------------------------------------ */
/* What the rest of the module calls                                   */
/* ------------------------------------------------------------------ */

/**
 * dualbm_hooks_attach() - attach every source of events
 *
 * Goes through the hook table in its order. An optional hook that is not there
 * is left out, as are the boundary probes with boundary=0. Also finds the range
 * that dualbm_inside_allocation() knows.
 *
 * Context: Module init, after dualbm_memory_init(); sleeps.
 *
 * Return: 0, or an error with a log line that names the hook: -ENOENT if the
 * kernel has none of its names, or what the kernel says that attaches it.
 * Nothing stays attached after an error but the memory notifier, which
 * dualbm_memory_exit() takes off.
 */
int dualbm_hooks_attach(void);

/**
 * dualbm_hooks_exercise() - see that every hook fires
 *
 * Allocates and frees a page, a vmalloc() area and a contiguous range, and
 * unpoisons a frame that does not exist. Of ftrace hooks that this does not
 * reach, the call in the function's code is looked for. An optional hook that
 * does not fire is marked as dead, and said to be so.
 *
 * Context: Module init, after dualbm_mode_start(); sleeps.
 *
 * Return: 0, or -ENODEV with a log line that names the required hook.
 */
int dualbm_hooks_exercise(void);

/**
 * dualbm_hooks_detach() - undo dualbm_hooks_attach()
 *
 * On return no handler runs, nor will, and nobody is in a trampoline or in the
 * wrapper around the bulk allocator. The memory notifier stays.
 *
 * Context: Module exit, or init that fails; sleeps, for as long as a bulk
 * allocation does.
 */
void dualbm_hooks_detach(void);

/**
 * dualbm_hooks_lost() - have hooks lost events since the last call
 *
 * Reads the loss counters of required hooks and calls the canary, which each of them
 * that is on ftrace has to deliver. A loss is told to one caller only.
 *
 * Context: Any; takes no lock.
 *
 * Return: what was lost, as one constant line, or NULL.
 */
const char *dualbm_hooks_lost(void);

/**
 * dualbm_hooks_watch() - the same, and provoke the hooks that can go silent
 *
 * These are the tracepoints, the bulk allocator's exit and the boundary probes:
 * a page and a vmalloc() area are allocated and freed. One that does not fire
 * is marked as dead, counted as a miss and logged, required or not.
 *
 * Context: Process, as long as hooks are attached; sleeps. Callers take turns.
 *
 * Return: what was lost, or the required hook that is dead, as one constant line, or
 * NULL: an optional one that is dead loses its check, and no event.
 */
const char *dualbm_hooks_watch(void);

/**
 * dualbm_hooks_dead() - is there a required hook that does not fire
 *
 * Context: Any. What the last dualbm_hooks_watch() or dualbm_hooks_lost() saw.
 *
 * Return: true if so; events must not be believed then.
 */
bool dualbm_hooks_dead(void);

/**
 * dualbm_hooks_may_lose() - is a required hook carried by a return probe
 *
 * Context: Any.
 *
 * Return: true if so: it can lose events, and be switched off, uncounted.
 */
bool dualbm_hooks_may_lose(void);

/**
 * dualbm_hooks_missed() - how many events hooks have missed since loading
 *
 * Context: Any; takes no lock.
 *
 * Return: the sum of all hooks' loss counters, each time that a provoked hook
 * did not fire counted as one.
 */
u64 dualbm_hooks_missed(void);

/**
 * dualbm_hooks_show() - print the lines of "hooks"
 * @buffer: %PAGE_SIZE bytes; one line for each hook that is attached
 *
 * Context: Any; takes no lock.
 *
 * Return: the length.
 */
int dualbm_hooks_show(char *buffer);

/**
 * dualbm_boundary_reported() - has the boundary probe reported this call
 * @pfn: first frame of a free event that found frames free
 * @frames: how many
 *
 * __free_pages() frees the remains of a block whose count was 0 already
 * (mm/page_alloc.c, 6.1 and 6.12); the probe at its entry has reported the
 * whole block, and the events that follow are no second finding.
 *
 * Context: The event's; takes a raw spinlock while a call that was reported has not
 * ended.
 *
 * Return: true if the probe has reported the call of __free_pages() that this event is
 * inside of, and that report covers all of them.
 */
bool dualbm_boundary_reported(unsigned long pfn, unsigned long frames);

/* ------------------------------------------------------------------ */
/* The table's row, for the files that attach one of its mechanisms    */
/* ------------------------------------------------------------------ */

enum dualbm_mechanism {
	DUALBM_TRACEPOINT,	/* the kernel's own event */
	DUALBM_FTRACE,		/* raw ftrace_ops at the entry: loses nothing */
	DUALBM_REDIRECT,	/* ftrace_ops that sends the call through a wrapper */
	DUALBM_JUMP,		/* a kprobe that the kernel makes a jump, or what takes its place */
	DUALBM_KPROBE,
	DUALBM_KRETPROBE,
	DUALBM_NOTIFIER,
	DUALBM_CPUHP,
};

#define DUALBM_MAX_ALTERNATES	5	/* and an end */

/**
 * struct dualbm_hook - one source of events
 * @id: its row, for its counters
 * @symbols: the names that kernels give it, newest first; the first that is
 *	there is used
 * @mechanism: how it is attached
 * @absent: kernels of this release have no such source
 * @required: without it events are not exact, and the load is refused
 * @without: of an optional one, what the log says if it cannot be attached; NULL for nothing
 * @attach: attach it; tries the alternates of @symbols through @symbol
 * @detach: undo that
 * @entry: for %DUALBM_FTRACE: turns the call's arguments into an event
 * @probe: for %DUALBM_TRACEPOINT: the probe function
 * @missed: events that are known to be lost
 * @seen: @missed when it was last looked at
 * @silent: how often it was provoked and did not fire
 * @symbol: the name in use
 * @attached: it is
 * @dead: it was seen not to fire
 * @ops: for %DUALBM_FTRACE and %DUALBM_REDIRECT: what ftrace knows it by
 * @tracepoint: for %DUALBM_TRACEPOINT: what @symbol names
 */
struct dualbm_hook {
	/* These do not change once it is attached, and are kept three times. */
	enum dualbm_hook_id id;
	const char *symbols[DUALBM_MAX_ALTERNATES];
	enum dualbm_mechanism mechanism;
	bool absent;
	bool required;
	bool attached;
	const char *without;
	int (*attach)(struct dualbm_hook *hook);
	void (*detach)(struct dualbm_hook *hook);
	void (*entry)(struct ftrace_regs *regs);
	void *probe;
	u64 (*missed)(void);
	const char *symbol;
	struct tracepoint *tracepoint;

	/* These do. */
	bool dead;
	u64 seen;
	u64 silent;
	struct ftrace_ops ops;
};

extern struct dualbm_hook dualbm_hooks[DUALBM_NR_HOOKS];

/**
 * dualbm_source_use() - say where the table of hooks is
 * @table: %DUALBM_NR_HOOKS rows
 *
 * Context: Module init, before any of them is attached.
 */
void dualbm_source_use(struct dualbm_hook *table);

/**
 * dualbm_source_silent() - does every ftrace hook still deliver
 *
 * The canary is in the filter of each; what does not deliver it is marked as dead.
 *
 * Context: Any; takes no lock.
 *
 * Return: the name of a required one that does not, or NULL.
 */
const char *dualbm_source_silent(void);

/**
 * dualbm_hook_missed() - the events that a hook is known to have lost
 * @hook: the hook
 *
 * Context: Any.
 *
 * Return: the number since loading, with the times it did not fire when provoked.
 */
u64 dualbm_hook_missed(const struct dualbm_hook *hook);

/**
 * dualbm_ftrace_attach() - put a hook's ftrace_ops on its symbol and the canary
 * @hook: the hook; symbol is filled in with the first name that the kernel has
 * @callback: called at the entry of the function, and of the canary, in the
 *	context of the call
 * @flags: beyond %DUALBM_FTRACE_FLAGS
 *
 * PERMANENT makes "sysctl kernel.ftrace_enabled=0" fail for as long as the hook
 * is there (kernel/trace/ftrace.c, is_permanent_ops_registered(), 6.1 and
 * 6.12).
 *
 * Context: Process; sleeps.
 *
 * Return: 0, -ENOENT if no alternate exists, or what ftrace_set_filter() or
 * register_ftrace_function() says: -EBUSY if @flags has IPMODIFY and another
 * user has it too. Nothing stays attached after an error.
 */
int dualbm_ftrace_attach(struct dualbm_hook *hook, ftrace_func_t callback,
			 unsigned long flags);

/**
 * dualbm_ftrace_detach() - undo dualbm_ftrace_attach()
 * @hook: the hook
 *
 * The callback does not run on return: unregister_ftrace_function() waits for
 * it (kernel/trace/ftrace.c, ftrace_shutdown(), 6.1 and 6.12).
 *
 * Context: Process; sleeps.
 */
void dualbm_ftrace_detach(struct dualbm_hook *hook);

/**
 * dualbm_ftrace_is_canary() - was this the canary, and count it
 * @hook: the hook that fired
 * @ip: where, as ftrace says: at most %DUALBM_ENTRY_BYTES behind the function's
 *	address
 *
 * Context: The callback of @hook.
 *
 * Return: true if it was.
 */
bool dualbm_ftrace_is_canary(struct dualbm_hook *hook, unsigned long ip);

/**
 * dualbm_bulk_attach() - attach to the bulk allocator's exit
 * @hook: its row; mechanism, symbol and missed are filled in
 *
 * Redirects __alloc_pages_bulk() (6.1), alloc_pages_bulk_noprof() (6.12), both
 * in mm/page_alloc.c. ftrace allows one such user for a function
 * (kernel/trace/ftrace.c, __ftrace_hash_update_ipmodify(), 6.1 and 6.12): where
 * a livepatch is that user, a return probe takes over, which may lose events
 * and counts them.
 *
 * Context: Module init; sleeps.
 *
 * Return: 0, -ENOENT if the kernel has none of the row's names, or what
 * register_ftrace_function() or register_kretprobe() says.
 */
int dualbm_bulk_attach(struct dualbm_hook *hook);

/**
 * dualbm_bulk_detach() - undo dualbm_bulk_attach()
 * @hook: its row
 *
 * Context: Module exit, or init that fails; sleeps until the last call has left
 * the wrapper.
 */
void dualbm_bulk_detach(struct dualbm_hook *hook);

/**
 * dualbm_boundary_attach() - attach one of the two boundary probes
 * @hook: its row; symbol and missed are filled in
 *
 * A kprobe in __free_pages(), behind its call to ftrace, or in __alloc_pages() (6.1),
 * __alloc_pages_noprof() (6.12), before its exit, all in mm/page_alloc.c. Where that is no
 * jump: a kprobe at the entry of the one, or a return probe on the other.
 *
 * Context: Module init; sleeps.
 *
 * Return: 0, -ENOENT if the row has no name, -EOPNOTSUPP if a return probe is needed and would
 * end stacks on this kernel, or what register_kprobe() or register_kretprobe() says.
 */
int dualbm_boundary_attach(struct dualbm_hook *hook);

/**
 * dualbm_boundary_mechanism() - what a boundary probe is now
 * @hook: its row, attached
 *
 * Context: Any.
 *
 * Return: %DUALBM_JUMP, %DUALBM_KPROBE or %DUALBM_KRETPROBE.
 */
enum dualbm_mechanism dualbm_boundary_mechanism(const struct dualbm_hook *hook);

/**
 * dualbm_boundary_watch() - see whether the probe is a jump
 * @hook: its row, attached
 *
 * One that was a breakpoint at ten looks in a row, or a jump that no call passes, as behind a
 * live patch, becomes a probe at the entry or at the return, for good, which is logged.
 *
 * Context: Process, one caller at a time; sleeps.
 */
void dualbm_boundary_watch(const struct dualbm_hook *hook);

/**
 * dualbm_boundary_provoke() - let a return probe follow each call of a task
 * @task: the current one, or NULL for nobody
 *
 * Context: Any; the callers take turns.
 */
void dualbm_boundary_provoke(const struct task_struct *task);

/**
 * dualbm_boundary_detach() - undo dualbm_boundary_attach()
 * @hook: its row
 *
 * Context: Module exit, or init that fails; sleeps.
 */
void dualbm_boundary_detach(struct dualbm_hook *hook);

/**
 * dualbm_entry_bad_page() - the kernel's own checks have found a bad page
 * @regs: the arguments of bad_page(page, reason), mm/page_alloc.c, 5.10 to 7.3
 *
 * The kernel drops the page, so that no list holds it: the frame becomes untracked. It is
 * a finding unless that very call has been reported already.
 *
 * Context: The call's: freeing or allocating, in any context, perhaps with zone->lock or
 * the lock of a per-CPU list held; preemption disabled.
 */
void dualbm_entry_bad_page(struct ftrace_regs *regs);

/**
 * dualbm_entry_frag_free() - somebody gives a reference of a page fragment back
 * @regs: the arguments of page_frag_free(address), mm/page_alloc.c, since 6.13
 *	mm/page_frag_cache.c, 5.10 to 7.3
 *
 * It drops one reference of the page that @address lies in. A count that has none is a
 * finding: a fragment freed once too often, or memory that is none.
 *
 * Context: The call's, any; preemption disabled.
 */
void dualbm_entry_frag_free(struct ftrace_regs *regs);

/**
 * dualbm_entry_frag_drain() - who has a page of fragments gives the rest of it back
 * @regs: the arguments of __page_frag_cache_drain(page, count), where page_frag_free() is
 *
 * It drops @count references; a count that is lower is a finding.
 *
 * Context: As dualbm_entry_frag_free().
 */
void dualbm_entry_frag_drain(struct ftrace_regs *regs);

/**
 * dualbm_entry_large_kfree() - somebody frees a large object of kmalloc()
 * @regs: the arguments of free_large_kmalloc(folio, object), mm/slab_common.c, since 6.6
 *	mm/slub.c, 5.17 to 6.14
 *
 * It drops one reference, before 6.12 by __free_pages(): one finding all the same.
 *
 * Context: As dualbm_entry_frag_free().
 */
void dualbm_entry_large_kfree(struct ftrace_regs *regs);

/**
 * dualbm_large_has_count() - do the pages of a large object have a count on this kernel
 *
 * Context: Module init; sleeps.
 *
 * Return: true if so; false if they are frozen, as from 6.15 on, or if there is no memory.
 */
bool dualbm_large_has_count(void);

/**
 * dualbm_count_report() - a call drops a reference of a page that has none
 * @call: event, frame, order, and what dualbm_caller_of_call() fills in; the rest is filled in here
 * @count: the count that was found
 *
 * Context: The call's, any; preemption disabled. Does not return where the policy is to panic.
 *
 * Return: false if nothing is reported: this frame has been already, or nothing is tracked.
 */
bool dualbm_count_report(struct dualbm_violation *call, int count);

/**
 * dualbm_hook_canary() - do nothing, and let ftrace see it
 *
 * The one function of the module that is traced. It is in the filter of every
 * ftrace hook, so each of them fires on a call, or is dead.
 *
 * Context: Any.
 */
void dualbm_hook_canary(void);

#endif /* DUALBM_HOOKS_H */
