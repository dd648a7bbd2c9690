/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What learning leaves, and why (dualbm_rest.c).
 */
#ifndef DUALBM_REST_H
#define DUALBM_REST_H

#include "dualbm.h"

struct dualbm_census;

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

#endif /* DUALBM_REST_H */
