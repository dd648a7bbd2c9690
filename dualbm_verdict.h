/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Verdicts (dualbm_verdict.c).
 */
#ifndef DUALBM_VERDICT_H
#define DUALBM_VERDICT_H

#include "dualbm.h"

struct dualbm_violation;

/**
 * dualbm_verdict() - an event broke a rule: look, prove, react
 * @v: class, event, code, pfn, first, last, frames and order filled in
 *
 * What is proven is reported, the frames being what the event says. What is not
 * makes the block untracked, and is taken for a loss if a hook has lost events,
 * or else reported as unproven. What a proof test claims is nobody else's.
 *
 * Context: That of the event, preemption disabled; does not sleep. Takes
 * zone->lock and per-CPU list locks as dualbm_prove_free() does, unless @v->class is
 * %DUALBM_ALLOCATOR_CORRUPTION: that event comes with zone->lock held. Does not
 * return where the policy is to panic.
 */
void dualbm_verdict(struct dualbm_violation *v);

/**
 * dualbm_verdict_unproven() - what is to be done of a mismatch that nothing proves
 * @v: as for dualbm_verdict()
 *
 * Context: As dualbm_verdict().
 */
void dualbm_verdict_unproven(struct dualbm_violation *v);

#endif /* DUALBM_VERDICT_H */
