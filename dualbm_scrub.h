/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The scrubber (dualbm_scrub.c).
 */
#ifndef DUALBM_SCRUB_H
#define DUALBM_SCRUB_H

#include "dualbm.h"

/**
 * dualbm_scrub_init() - start the scrubber
 *
 * A thread. It does nothing until dualbm_scrub_start().
 *
 * Context: Module init, after dualbm_learn_init(); sleeps.
 *
 * Return: 0, -ENOSPC, or what kthread_create() says, with a log line.
 */
int dualbm_scrub_init(void);

/**
 * dualbm_scrub_start() - let the scrubber begin its first pass
 *
 * Context: Module init, when nothing can fail any more.
 */
void dualbm_scrub_start(void);

/**
 * dualbm_scrub_cancel() - let nobody wait for the scrubber any more
 *
 * Whoever waits in dualbm_scrub_now() returns -ESHUTDOWN.
 *
 * Context: Module exit, before the files are closed.
 */
void dualbm_scrub_cancel(void);

/**
 * dualbm_scrub_exit() - stop the scrubber
 *
 * Context: Module exit, or init that fails, before dualbm_learn_exit(); sleeps
 * until the step that runs is done.
 */
void dualbm_scrub_exit(void);

/**
 * dualbm_scrub_now() - a full pass over everything, without a pause
 *
 * The pass begins after the call. Several callers may share one.
 *
 * Context: Process, not the scrubber; sleeps until the pass is done. A pass goes
 * on when a signal ends the wait.
 *
 * Return: 0, -ERESTARTSYS after a signal, -ESHUTDOWN if the module goes, or -EIO if the
 * scrubber has died.
 */
int dualbm_scrub_now(void);

/**
 * dualbm_scrub_reschedule() - dualbm_scrub_interval_ms was changed
 *
 * Context: Any, NMI excepted, after dualbm_scrub_init(). Does not sleep.
 */
void dualbm_scrub_reschedule(void);

/**
 * dualbm_scrub_halt() - stop the scrubber as a fault would, or let it go on
 * @halt: which
 *
 * Context: Process; for injection. Sleeps until it does: a step that was begun is
 * ended first.
 *
 * Return: 0; or as dualbm_scrub_now(), and after a signal it will do so all the same.
 */
int dualbm_scrub_halt(bool halt);

/**
 * dualbm_scrub_trouble() - does the scrubber keep its pace
 *
 * It is judged by how many calls it took, not by a clock, which may jump when a
 * virtual machine is paused. When the scrubber lags, it gets a higher priority, and
 * may run far from the memory that it looks at. A pass that was asked for has no pace
 * to keep, and a scrubber that was told to end is not judged. Nor is one that waits for
 * dualbm_memory_lock, for the first ten minutes: that is somebody else's fault.
 *
 * Context: The watchdog, once a second; sleeps.
 *
 * Return: NULL, or what is wrong, as one constant line.
 */
const char *dualbm_scrub_trouble(void);

/**
 * dualbm_scrub_show() - print what "scrub" shows
 * @buffer: that of a sysfs file, a whole page, as sysfs_emit() demands
 *
 * Context: Process; takes no lock.
 *
 * Return: the length.
 */
int dualbm_scrub_show(char *buffer);

#endif /* DUALBM_SCRUB_H */
