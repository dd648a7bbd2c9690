/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What looks where no event comes: the scrubber (dualbm_scrub.c), its verdicts on
 * planes (dualbm_trial.c) and its audit of the allocator (dualbm_audit.c).
 */
#ifndef DUALBM_SCRUB_H
#define DUALBM_SCRUB_H

#include <linux/mmzone.h>

#include "dualbm.h"

struct dualbm_chunk;

/* ------------------------------------------------------------------ */
/* The scrubber (dualbm_scrub.c)                                       */
/* ------------------------------------------------------------------ */

/**
 * dualbm_scrub_init() - start the scrubber
 *
 * A thread. It does nothing until dualbm_scrub_start().
 *
 * Context: Module init, after dualbm_learn_init(); sleeps.
 *
 * Return: 0, or what kthread_create() says, with a log line.
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
 * dualbm_scrub_hurry() - ask for a pass, and do not wait for it
 *
 * Context: Any but NMI, and not under zone->lock: takes the lock of a wait queue.
 */
void dualbm_scrub_hurry(void);

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

/* ------------------------------------------------------------------ */
/* Its verdicts on planes (dualbm_trial.c)                             */
/* ------------------------------------------------------------------ */

/**
 * dualbm_trial_look() - look for suspects in the planes of a chunk
 * @chunk: the chunk
 *
 * Suspects are illegal codewords, and frames that have been departing for a whole
 * period of the scrubber.
 *
 * Context: The scrubber; dualbm_memory_lock held. May allocate memory.
 *
 * Return: true if there are any; then dualbm_trial_judge() comes next.
 */
bool dualbm_trial_look(struct dualbm_chunk *chunk);

/**
 * dualbm_trial_judge() - confirm the suspects of the last look, and report them
 *
 * Waits for RCU, and stops all CPUs if there are suspects left. What is wrong becomes
 * untracked, or what an exact witness says with repair=1.
 *
 * Context: The scrubber, without dualbm_memory_lock; sleeps.
 *
 * Return: how many frames were wrong.
 */
unsigned long dualbm_trial_judge(void);

/**
 * dualbm_trial_settle() - wait until the findings made so far are reported
 *
 * Context: Process, not the scrubber; sleeps.
 */
void dualbm_trial_settle(void);

/* ------------------------------------------------------------------ */
/* Its audit of the allocator (dualbm_audit.c)                         */
/* ------------------------------------------------------------------ */

/* How many frames are looked at under zone->lock in one go. */
#define DUALBM_AUDIT_FRAMES	BIT(DUALBM_MAX_ORDER)

/**
 * dualbm_audit_begin() - the audit begins at the beginning of memory
 *
 * A finding that the last round had as well is not reported again.
 *
 * Context: The scrubber.
 */
void dualbm_audit_begin(void);

/**
 * dualbm_audit_frames() - audit the buddy blocks in some frames of a chunk
 * @chunk: the chunk
 * @first: index of the first frame, a multiple of %DUALBM_AUDIT_FRAMES
 *
 * Every frame of a PageBuddy block is recorded free or untracked, and has a
 * reference count of 0; order, alignment, zone and list links are right. What is
 * untracked is learned as free.
 *
 * Context: The scrubber; dualbm_memory_lock held. Takes zone->lock.
 *
 * Return: how many findings were reported.
 */
unsigned int dualbm_audit_frames(struct dualbm_chunk *chunk, unsigned long first);

/**
 * dualbm_audit_lists() - audit the lists of one zone
 * @zone: the zone
 * @step: which lists: below %DUALBM_AUDIT_LISTS
 *
 * Free lists have as many blocks as the zone counts; the per-CPU lists have free
 * pages, as many as they count. Of a list that is longer than can be walked in
 * one go, what lies at its beginning is looked at.
 *
 * Context: The scrubber; dualbm_memory_lock held. Takes zone->lock, or the lock of
 * per-CPU lists.
 *
 * Return: how many findings were reported.
 */
unsigned int dualbm_audit_lists(struct zone *zone, unsigned int step);

/* A step for each order, and one for each CPU. */
#define DUALBM_AUDIT_LISTS	(DUALBM_MAX_ORDER + 1 + nr_cpu_ids)

/**
 * dualbm_audit_hold_ns() - the longest time that zone->lock was held
 *
 * Context: Any.
 *
 * Return: nanoseconds, since loading.
 */
u64 dualbm_audit_hold_ns(void);

/* Passes that were asked for, and where the scrubber waits (dualbm_report.c). */
extern atomic_long_t dualbm_scrub_asked;
extern wait_queue_head_t dualbm_scrubber_wait;

#endif /* DUALBM_SCRUB_H */
