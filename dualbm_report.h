/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reports, and what they lead to (dualbm_report.c).
 */
#ifndef DUALBM_REPORT_H
#define DUALBM_REPORT_H

#include <linux/atomic.h>
#include <linux/wait.h>

#include "dualbm.h"

struct dualbm_violation;

/**
 * dualbm_report() - record, log, tell, and do what the policy says
 * @v: the finding, proof filled in; number, who and where are filled in here
 *
 * Proven: ring, log, trace event, taint, uevent, and with policy=panic a panic.
 * Unproven: counted as such, ring, trace event, log up to three times in ten
 * seconds, and with on_degraded=panic a panic. A mapped free frame and a piece: its own
 * counter, ring, trace event, uevent, log as of an unproven one, and never a taint or a panic.
 *
 * Context: Any; allocates nothing and does not sleep. What that forbids is done
 * a moment later: the uevent, and the log of a proven finding whose event came
 * with zone->lock held.
 */
void dualbm_report(struct dualbm_violation *v);

/**
 * dualbm_report_has() - has this call been reported for that frame
 * @pfn: the frame
 *
 * That is: is there a proven finding of the allocator's use in the ring that covers it, from
 * the same task on the same CPU, no more than a second ago; or did an audit find its count to
 * be wrong, which it is until somebody allocates it.
 *
 * Context: Any; takes no lock.
 *
 * Return: true if so.
 */
bool dualbm_report_has(unsigned long pfn);

#define DUALBM_CLAIM_ORDER	7
#define DUALBM_CLAIM_FRAMES	BIT(DUALBM_CLAIM_ORDER)

/**
 * struct dualbm_claim - a block that a proof test has, and what was found about it
 * @task: who tests; NULL while nobody does
 * @pfn: its first frame, of %DUALBM_CLAIM_FRAMES
 * @classes: a bit for each class that the test's own events had
 * @by_scrub: the scrubber has found something
 */
struct dualbm_claim {
	struct task_struct *task;
	unsigned long pfn;
	unsigned long classes;
	bool by_scrub;
};

extern struct dualbm_claim dualbm_claim;

/**
 * dualbm_report_is_claimed() - is a finding about a proof test's own frames
 * @v: the finding
 *
 * Context: Any; takes no lock.
 *
 * Return: true if so: it is the proof test's, and nobody else's.
 */
bool dualbm_report_is_claimed(const struct dualbm_violation *v);

/**
 * dualbm_report_has_outer() - has the call been reported that this one is a part of
 * @call: the frame, and the stack of this call; if it has none, that is read here
 *
 * free_large_kmalloc() calls __free_pages() before 6.12 (mm/slab_common.c): both drop the
 * same reference.
 *
 * Context: The entry of a call that drops a reference; takes no lock.
 *
 * Return: true if a hook at the entry of a function has found the count of that frame too
 * low, and that function is on the stack.
 */
bool dualbm_report_has_outer(const struct dualbm_violation *call);

/**
 * dualbm_report_rehearse() - go the way of a report, up to the panic
 * @class: the class to rehearse
 *
 * Describes a finding of that class and checks its log line, its line of
 * key=value, and what either policy would do. Nothing of it is kept or shown.
 *
 * Context: Process; sleeps.
 *
 * Return: 0, -ENOMEM, or -EILSEQ if something was not as it has to be.
 */
int dualbm_report_rehearse(enum dualbm_class class);

/**
 * dualbm_report_init() - prepare for findings
 *
 * Context: Module init, before the first finding can come.
 *
 * Return: 0.
 */
int dualbm_report_init(void);

/**
 * dualbm_report_exit() - end what is told of findings a moment later
 *
 * Logs that are due are written; a uevent that has not begun is dropped.
 *
 * Context: Module exit, or init that fails, when no finding can come any more;
 * sleeps. The kobject must still be there.
 */
void dualbm_report_exit(void);

/**
 * dualbm_report_last() - copy the newest record of the ring
 * @v: filled in
 *
 * Context: Any; takes no lock.
 *
 * Return: true, or false with *@v undefined if there is none, or if it is being
 * written.
 */
bool dualbm_report_last(struct dualbm_violation *v);

/**
 * dualbm_report_get() - copy a record of the ring
 * @index: which; 0 is the oldest that is kept
 * @v: filled in
 *
 * For a record that is being written the next one is copied, so the next @index
 * may give the same again; @v->number tells.
 *
 * Context: Any; takes no lock.
 *
 * Return: true, or false with *@v undefined at the end of the ring.
 */
bool dualbm_report_get(unsigned int index, struct dualbm_violation *v);

/**
 * dualbm_scrub_hurry() - ask for a pass, and do not wait for it
 *
 * Context: Any but NMI, and not under zone->lock: takes the lock of a wait queue.
 */
void dualbm_scrub_hurry(void);

/* Passes that were asked for, and where the scrubber waits (dualbm_report.c). */
extern atomic_long_t dualbm_scrub_asked;
extern wait_queue_head_t dualbm_scrubber_wait;

#endif /* DUALBM_REPORT_H */
