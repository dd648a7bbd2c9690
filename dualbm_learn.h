/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Learning (dualbm_learn.c), and what tasks are doing (dualbm_tasks.c).
 */
#ifndef DUALBM_LEARN_H
#define DUALBM_LEARN_H

#include <linux/workqueue.h>

#include "dualbm.h"

/**
 * dualbm_tasks_init() - find what reading the stack of another task needs
 *
 * Context: Module init; may sleep.
 *
 * Return: 0, or -ENOENT or -ENOMEM with a log line.
 */
int dualbm_tasks_init(void);

/**
 * dualbm_tasks_exit() - undo dualbm_tasks_init()
 *
 * Context: Module exit, or init that fails; the worker is gone.
 */
void dualbm_tasks_exit(void);

/**
 * dualbm_tasks_wait() - wait until no task runs where it ran at the time of the call
 *
 * As synchronize_rcu_tasks(), kernel/rcu/tasks.h: until every task has slept, been in
 * user mode, or been idle.
 *
 * Context: Process; sleeps, seconds on a busy machine, and is no hung task meanwhile.
 */
void dualbm_tasks_wait(void);

/**
 * dualbm_tasks_look() - look at every task that does not run
 *
 * Remembers, with a reference, the tasks that may have been inside __alloc_pages() since
 * before the call, for dualbm_tasks_judge(). All others have been outside meanwhile.
 *
 * Context: Worker; sleeps.
 *
 * Return: false if there is no memory for that, or if many came meanwhile.
 */
bool dualbm_tasks_look(void);

/**
 * dualbm_tasks_judge() - have those that were in doubt been outside since
 *
 * Who has been outside once is in doubt no more. Stops the machine if there are some of
 * which nothing can be said while others run: for %DUALBM_STOP_NS and one stack at most,
 * and as often as it takes to look at each of them once.
 *
 * Context: Worker; sleeps. After dualbm_tasks_look() returned true.
 *
 * Return: how many are still in doubt: 0 if each task has been outside of
 * __alloc_pages() at some time since that look began.
 */
unsigned int dualbm_tasks_judge(void);

/**
 * dualbm_tasks_release() - drop the references of dualbm_tasks_look()
 *
 * Context: Worker.
 */
void dualbm_tasks_release(void);

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
 * dualbm_learn_request() - ask the worker to relearn
 *
 * Context: Any, NMI included, and under any lock: an irq_work queues the work
 * (kernel/irq_work.c, irq_work_queue(), 6.1 and 6.12). Several requests may
 * become one learning.
 */
void dualbm_learn_request(void);

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

/* Why learning has left frames untracked; for "stats", in this order. */
enum dualbm_rest {
	DUALBM_REST_HUGETLB,	/* huge pages of hugetlbfs */
	DUALBM_REST_UNACCEPTED,	/* memory that a guest has not accepted yet */
	DUALBM_REST_POISONED,	/* hardware poison */
	DUALBM_REST_IN_USE,	/* in use, and learning did not come to an end */
	DUALBM_REST_MOVING,	/* free, but not when it was learned */
	DUALBM_REST_TAIL,	/* neither a count nor a mark */
	DUALBM_NR_RESTS
};

/**
 * dualbm_rest_of() - how many frames the last learning has left for a reason
 * @why: the reason
 *
 * Context: Any.
 *
 * Return: their number, as of the end of that learning.
 */
u64 dualbm_rest_of(enum dualbm_rest why);

/**
 * dualbm_rest_count() - count what learning has left, by reason
 * @complete: it came to its end, so that another one would leave as much
 *
 * Says in "state_reason" if it is a lot.
 *
 * Context: Worker; sleeps. Takes dualbm_memory_lock, for a chunk at a time.
 */
void dualbm_rest_count(bool complete);

struct dualbm_census;

/**
 * dualbm_rest_is_due() - is there more to learn than what learning has left
 * @census: what is untracked now
 *
 * Context: Worker.
 *
 * Return: true if it grew by 1 % of all memory, or if the last learning did not come to
 * its end and it is that much.
 */
bool dualbm_rest_is_due(const struct dualbm_census *census);

/* The one worker that learns. */
extern struct workqueue_struct *dualbm_worker;
extern struct work_struct dualbm_relearn_work;

/**
 * dualbm_request_init() - let learning be asked for
 * @relearn: what the worker then does
 *
 * Context: Module init; sleeps.
 *
 * Return: 0, or -ENOMEM with a line in the log.
 */
int dualbm_request_init(work_func_t relearn);

/**
 * dualbm_request_exit() - undo dualbm_request_init()
 *
 * Context: Module exit, or init that fails, when nobody asks any more; sleeps.
 */
void dualbm_request_exit(void);

#endif /* DUALBM_LEARN_H */
