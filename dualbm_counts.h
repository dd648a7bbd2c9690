/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Counts that cannot pay for a call (dualbm_counts.c).
 */
#ifndef DUALBM_COUNTS_H
#define DUALBM_COUNTS_H

#include <linux/ftrace.h>

#include "dualbm.h"

struct dualbm_violation;

/**
 * dualbm_entry_frag_free() - somebody gives a reference of a page fragment back
 * @regs: the arguments of page_frag_free(address), mm/page_alloc.c, since 6.13
 * @caller: where it returns to
 *	mm/page_frag_cache.c, 5.10 to 7.3
 *
 * It drops one reference of the page that @address lies in. A count that has none is a
 * finding: a fragment freed once too often, or memory that is none.
 *
 * Context: The call's, any; preemption disabled.
 */
void dualbm_entry_frag_free(struct ftrace_regs *regs, unsigned long caller);

/**
 * dualbm_entry_frag_drain() - who has a page of fragments gives the rest of it back
 * @regs: the arguments of __page_frag_cache_drain(page, count), where page_frag_free() is
 * @caller: where it returns to
 *
 * It drops @count references; a count that is lower is a finding.
 *
 * Context: As dualbm_entry_frag_free().
 */
void dualbm_entry_frag_drain(struct ftrace_regs *regs, unsigned long caller);

/**
 * dualbm_entry_large_kfree() - somebody frees a large object of kmalloc()
 * @regs: the arguments of free_large_kmalloc(folio, object), mm/slab_common.c and mm/slub.c,
 *	5.17 to 6.14, or (page, object), mm/slub.c, since 6.15
 * @caller: where it returns to
 *
 * It drops one reference, before 6.12 by __free_pages(): one finding all the same. Since 6.15
 * such a page has no count, but a type; the kernel frees nothing that has another, and says so
 * once.
 *
 * Context: As dualbm_entry_frag_free().
 */
void dualbm_entry_large_kfree(struct ftrace_regs *regs, unsigned long caller);

/**
 * dualbm_large_is_told() - can the pages of a large object be told from others on this kernel
 *
 * Context: Module init; sleeps.
 *
 * Return: true if they have a count, or a type of their own; false if neither, or if there is no
 * memory.
 */
bool dualbm_large_is_told(void);

/**
 * dualbm_count_report() - a call drops a reference of a page that has none
 * @call: event, frame, order, and what dualbm_caller_of_call() fills in; the rest is filled in here
 * @count: the count that was found
 *
 * Context: The call's, any; preemption disabled. Does not return where the policy is to panic.
 *
 * Return: false if nothing is reported: this frame has been already, or nothing is tracked.
 */
bool dualbm_count_report(struct dualbm_violation *call, int count);

#endif /* DUALBM_COUNTS_H */
