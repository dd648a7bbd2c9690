/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sources of events, as they do now (dualbm_source.c).
 */
#ifndef DUALBM_SOURCE_H
#define DUALBM_SOURCE_H

#include <linux/ftrace.h>
#include <linux/kprobes.h>
#include <linux/tracepoint.h>

#include "dualbm.h"

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
 * dualbm_hooks_dead() - is there a hook whose events must not be believed
 *
 * A required one that does not fire, as the last dualbm_hooks_watch() or dualbm_hooks_lost()
 * saw; or any that was called with what is no block of frames.
 *
 * Context: Any.
 *
 * Return: what is wrong with it, as one constant line, or NULL.
 */
const char *dualbm_hooks_dead(void);

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
 * @strange: calls whose arguments were not what this function has
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
	void (*entry)(struct ftrace_regs *regs, unsigned long caller);
	void *probe;
	u64 (*missed)(void);
	const char *symbol;
	struct tracepoint *tracepoint;

	/* These do. */
	bool dead;
	u64 seen;
	u64 silent;
	atomic64_t strange;
	struct ftrace_ops ops;
};

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
 * Return: the number since loading, with the times it did not fire when provoked, and the calls
 * whose arguments made no event.
 */
u64 dualbm_hook_missed(const struct dualbm_hook *hook);

#endif /* DUALBM_SOURCE_H */
