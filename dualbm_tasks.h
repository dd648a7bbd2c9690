/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What tasks are doing (dualbm_tasks.c).
 */
#ifndef DUALBM_TASKS_H
#define DUALBM_TASKS_H

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

#endif /* DUALBM_TASKS_H */
