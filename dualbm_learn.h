/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Learning (dualbm_learn.c).
 */
#ifndef DUALBM_LEARN_H
#define DUALBM_LEARN_H

#include "dualbm.h"

/**
 * dualbm_learn_init() - make the worker, and find out how to read stacks
 *
 * Before 6.5 stack_trace_save_tsk() (kernel/stacktrace.c) is not exported, and
 * a kprobe tells where it is.
 *
 * Context: Module init, before dualbm_hooks_attach(), as hooks ask for learning; sleeps.
 *
 * Return: 0, -ENOMEM, or what register_kprobe() says, with a log line.
 */
int dualbm_learn_init(void);

/**
 * dualbm_learn_stop() - learn no more
 *
 * On return nobody looks at the hooks, so they may go. They may ask for learning until
 * they are gone: that does nothing.
 *
 * Context: Module exit, or init that fails, after dualbm_mode_stop() and
 * dualbm_watchdog_exit(); sleeps until a learning that runs has ended.
 */
void dualbm_learn_stop(void);

/**
 * dualbm_learn_exit() - destroy the worker
 *
 * Context: Module exit, or init that fails, after dualbm_learn_stop() and
 * dualbm_hooks_detach(), when nobody calls dualbm_learn_request() any more; sleeps.
 */
void dualbm_learn_exit(void);

/**
 * dualbm_is_relearning() - does the worker relearn, or is it about to
 *
 * Context: Any. The answer may be old at once.
 *
 * Return: true if it does.
 */
bool dualbm_is_relearning(void);

/**
 * dualbm_learn_start() - learn now
 *
 * Context: Module init, when nothing can fail any more.
 */
void dualbm_learn_start(void);

/**
 * dualbm_learn_rest() - ask the worker to learn what is untracked
 *
 * Context: Process. Does nothing while the mode is not %DUALBM_TRACKING, or unless 1 % of
 * all frames are untracked beyond those that the last learning to come to its end had left.
 */
void dualbm_learn_rest(void);

/**
 * dualbm_learn_pass() - learn what is untracked, as far as that is exact
 *
 * What lies in a PageBuddy block or on a per-CPU list is free; what is in use
 * while no task is inside an allocation is allocated. Does nothing while the
 * mode is not %DUALBM_TRACKING.
 *
 * Context: Worker; sleeps. Takes dualbm_memory_lock, and under it zone->lock
 * for at most a subsection at a time; takes the locks of per-CPU lists; stops
 * the machine where there is something to learn, each time for %DUALBM_STOP_NS and
 * little more.
 */
void dualbm_learn_pass(void);

#endif /* DUALBM_LEARN_H */
