/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The boundary probes (dualbm_boundary.c).
 */
#ifndef DUALBM_BOUNDARY_H
#define DUALBM_BOUNDARY_H

#include <linux/sched.h>

#include "dualbm.h"
#include "dualbm_source.h"

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
 * dualbm_boundary_enable() - switch the first jump on
 *
 * It is the last call of a load that needs the lock of all probes, which the kernel's
 * optimizer keeps from then on until the jump is there: on a busy machine, for minutes. The second
 * jump is switched on by dualbm_boundary_watch() after that.
 *
 * Context: Module init; sleeps.
 */
void dualbm_boundary_enable(void);

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
 * The second jump is switched on when the first one is there. One that was a breakpoint at ten
 * looks in a row, or a jump that no call passes, as behind a live patch, becomes a probe at the
 * entry or at the return, for good, which is logged.
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

#endif /* DUALBM_BOUNDARY_H */
