/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The hook table's row, for the files that attach one of its mechanisms.
 */
#ifndef DUALBM_HOOKS_H
#define DUALBM_HOOKS_H

#include <linux/ftrace.h>
#include <linux/kprobes.h>
#include <linux/tracepoint.h>

#include "dualbm.h"

enum dualbm_mechanism {
	DUALBM_TRACEPOINT,	/* the kernel's own event */
	DUALBM_FTRACE,		/* raw ftrace_ops at the entry: loses nothing */
	DUALBM_REDIRECT,	/* ftrace_ops that sends the call through a wrapper */
	DUALBM_KPROBE,
	DUALBM_KRETPROBE,
	DUALBM_NOTIFIER,
	DUALBM_CPUHP,
};

#define DUALBM_MAX_ALTERNATES	5	/* and an end */

/**
 * struct dualbm_hook - one source of events
 * @symbols: the names that kernels give it, newest first; the first that is
 *	there is used
 * @mechanism: how it is attached
 * @absent: kernels of this release have no such source
 * @required: without it events are not exact, and the load is refused
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
	const char *symbols[DUALBM_MAX_ALTERNATES];
	enum dualbm_mechanism mechanism;
	bool absent;
	bool required;
	bool attached;
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
 * dualbm_hook_id() - which row a hook is, for its counters
 * @hook: a row of dualbm_hooks
 *
 * Context: Any.
 *
 * Return: the index of the row.
 */
static inline enum dualbm_hook_id dualbm_hook_id(const struct dualbm_hook *hook)
{
	return hook - dualbm_hooks;
}

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
 * dualbm_function_address() - find a function that is not exported
 * @symbol: its name
 *
 * Context: May sleep. Registers a kprobe there that is not armed, and takes it off again.
 *
 * Return: its address, behind an ENDBR if it begins with one (6.12); 0 if it
 * cannot be probed.
 */
unsigned long dualbm_function_address(const char *symbol);

/**
 * dualbm_hook_hits() - the events that a hook delivered
 * @id: its row
 *
 * Context: Any. The sum over all CPUs, while they go on counting.
 *
 * Return: the number since loading.
 */
u64 dualbm_hook_hits(enum dualbm_hook_id id);

/**
 * dualbm_hook_missed() - the events that a hook is known to have lost
 * @hook: the hook
 *
 * Context: Any.
 *
 * Return: the number since loading, with the times it did not fire when provoked.
 */
u64 dualbm_hook_missed(const struct dualbm_hook *hook);

#endif /* DUALBM_HOOKS_H */
