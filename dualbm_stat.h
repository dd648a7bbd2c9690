/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Counters (dualbm_stat.c): of each CPU its own, added up by who reads them.
 */
#ifndef DUALBM_STAT_H
#define DUALBM_STAT_H

#include <linux/percpu.h>
#include <linux/types.h>

/* The lines of "stats", in order; append only. */
enum dualbm_stat {
	DUALBM_STAT_ALLOC_EVENTS,
	DUALBM_STAT_ALLOC_PAGES,
	DUALBM_STAT_FREE_EVENTS,
	DUALBM_STAT_FREE_PAGES,
	DUALBM_STAT_FORGET_EVENTS,
	DUALBM_STAT_VIOLATIONS,
	DUALBM_STAT_DOUBLE_ALLOC,
	DUALBM_STAT_DOUBLE_FREE,
	DUALBM_STAT_BOUNDARY_DOUBLE_FREE,
	DUALBM_STAT_PLANE_CORRUPTION,
	DUALBM_STAT_DIRECTORY_CORRUPTION,
	DUALBM_STAT_ALLOCATOR_CORRUPTION,
	DUALBM_STAT_UNPROVEN,
	DUALBM_STAT_CORRECTED,
	DUALBM_STAT_HOOKS_MISSED,
	DUALBM_STAT_COVERAGE_GAPS,
	DUALBM_STAT_RELEARNS,
	DUALBM_STAT_PAGES_MANAGED,
	DUALBM_STAT_PAGES_ALLOCATED,
	DUALBM_STAT_PAGES_FREE,
	DUALBM_STAT_PAGES_UNTRACKED,
	DUALBM_STAT_PLANE_BYTES,
	DUALBM_STAT_SCRUB_PASSES,
	DUALBM_STAT_AUDIT_PASSES,
	DUALBM_STAT_SELFTEST_PASSES,
	DUALBM_STAT_UNTRACKED_HUGETLB,
	DUALBM_STAT_UNTRACKED_UNACCEPTED,
	DUALBM_STAT_UNTRACKED_POISONED,
	DUALBM_STAT_UNTRACKED_IN_USE,
	DUALBM_STAT_UNTRACKED_MOVING,
	DUALBM_STAT_UNTRACKED_TAIL,
	DUALBM_STAT_STOPS,
	DUALBM_STAT_STOPPED_NS,
	DUALBM_STAT_STOPPED_MAX_NS,
	DUALBM_STAT_PROOFS,
	DUALBM_STAT_PROOF_MAX_NS,
	DUALBM_STAT_PAGES_UNMANAGED,
	DUALBM_STAT_UNMANAGED_EVENTS,
	DUALBM_STAT_CENSUS_AGE_MS,
	DUALBM_STAT_BAD_PAGE,
	DUALBM_STAT_COUNT_UNDERFLOW,
	DUALBM_STAT_MAPPED_FREE,
	DUALBM_STAT_PIECE_FREE,
	DUALBM_STAT_PIECE_FREE_DOUBTS,
	DUALBM_STAT_PROTECTED_MS,
	DUALBM_STAT_PROTECTED_AGE_MS,
	DUALBM_STAT_SCRUB_AGE_MS,
	DUALBM_NR_STATS
};

/* The sources of events; one row each in the hook table. */
enum dualbm_hook_id {
	DUALBM_HOOK_ALLOC,
	DUALBM_HOOK_FREE,
	DUALBM_HOOK_ISOLATE,
	DUALBM_HOOK_PUTBACK,
	DUALBM_HOOK_CHARGE,
	DUALBM_HOOK_DEPART,
	DUALBM_HOOK_BULK,
	DUALBM_HOOK_UNPOISON,
	DUALBM_HOOK_MEMORY,
	DUALBM_HOOK_CPU,
	DUALBM_HOOK_BAD_PAGE,
	DUALBM_HOOK_SPLIT,
	DUALBM_HOOK_BOUNDARY_ALLOC,
	DUALBM_HOOK_BOUNDARY_FREE,
	DUALBM_HOOK_FRAG_FREE,
	DUALBM_HOOK_FRAG_DRAIN,
	DUALBM_HOOK_LARGE_KFREE,
	DUALBM_HOOK_PUT,
	DUALBM_NR_HOOKS
};

/* Blocks of 2^31 frames and more share a counter; there are none. */
#define DUALBM_COUNTED_ORDERS	32

struct dualbm_counters {
	u64 stat[DUALBM_NR_STATS];
	u64 alloc[DUALBM_COUNTED_ORDERS];	/* alloc events by order */
	u64 free[DUALBM_COUNTED_ORDERS];	/* free events by order */
	u64 hits[DUALBM_NR_HOOKS];	/* events that a hook delivered */
	u64 canary[DUALBM_NR_HOOKS];	/* canary calls that a hook delivered */
};

DECLARE_PER_CPU(struct dualbm_counters, dualbm_counters);

/**
 * dualbm_count() - add 1 to a line of "stats"
 * @id: which, of enum dualbm_stat
 *
 * Context: Any, NMI included: this_cpu_inc() is one instruction on amd64, and one
 * atomic operation on arm64 (asm/percpu.h of both, 6.1 and 6.12).
 */
#define dualbm_count(id)	this_cpu_inc(dualbm_counters.stat[id])

/**
 * dualbm_count_add() - add a number to a line of "stats"
 * @id: which, of enum dualbm_stat
 * @n: how much to add
 *
 * Context: As dualbm_count().
 */
#define dualbm_count_add(id, n)	this_cpu_add(dualbm_counters.stat[id], n)

/**
 * dualbm_count_order() - count an alloc or free event by its order
 * @which: alloc or free, the member of struct dualbm_counters
 * @order: any; counted modulo %DUALBM_COUNTED_ORDERS
 *
 * Context: As dualbm_count().
 */
#define dualbm_count_order(which, order) \
	this_cpu_inc(dualbm_counters.which[(order) % DUALBM_COUNTED_ORDERS])

/**
 * dualbm_hit() - count that a hook has delivered
 * @id: which, of enum dualbm_hook_id
 *
 * The two tracepoints count by dualbm_count_order() instead.
 *
 * Context: As dualbm_count().
 */
#define dualbm_hit(id)		this_cpu_inc(dualbm_counters.hits[id])

/**
 * dualbm_hook_hits() - the events that a hook delivered
 * @id: its row
 *
 * Context: Any. The sum over all CPUs, while they go on counting.
 *
 * Return: the number since loading.
 */
u64 dualbm_hook_hits(enum dualbm_hook_id id);

#endif /* DUALBM_STAT_H */
