/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Proof: what the allocator says of a frame (dualbm_prove.c).
 */
#ifndef DUALBM_PROVE_H
#define DUALBM_PROVE_H

#include <linux/mmzone.h>

#include "dualbm.h"
#include "dualbm_violation.h"

/**
 * dualbm_prove_free() - is a frame in the hands of the allocator
 * @pfn: any frame; of one that is not online nothing is proven
 * @may_wait: the context may wait for zone->lock, as dualbm_event_may_wait() and
 *	dualbm_caller_may_wait() tell
 *
 * Mirrors is_free_buddy_page() (mm/page_alloc.c, 6.1 and 6.12) and the lists of
 * struct per_cpu_pages (include/linux/mmzone.h).
 *
 * Context: Any but under zone->lock or the lock of a per-CPU list, while the
 * event that is being judged has not returned; preemption disabled. Queues for
 * zone->lock or, where it may not, tries; the locks of CPUs' lists are always tried.
 * Looks for 2 ms until it is proven; for locks that cannot be had 20 ms at most, or
 * 500 ms where it may wait and interrupts are enabled. A lock that cannot be had
 * proves nothing. Where interrupts are enabled they are so again between two steps.
 *
 * Return: %DUALBM_PROOF_BUDDY, %DUALBM_PROOF_PCP or %DUALBM_UNPROVEN.
 */
enum dualbm_proof dualbm_prove_free(unsigned long pfn, bool may_wait);

/**
 * dualbm_prove_is_partial() - was there a list that nobody could look at
 * @v: a finding, proven or not
 *
 * Before 6.0 the lists of a CPU have no lock: only that CPU can look at them.
 *
 * Context: Any.
 *
 * Return: true if the lists of other CPUs might have been the witness.
 */
bool dualbm_prove_is_partial(const struct dualbm_violation *v);

/**
 * dualbm_prove_max_ns() - how long a proof has kept interrupts disabled
 *
 * Where they were disabled before, that is the whole of it.
 *
 * Context: Any; takes no lock.
 *
 * Return: the longest time since the module was loaded, in nanoseconds.
 */
u64 dualbm_prove_max_ns(void);

/**
 * dualbm_zone_of() - the zone that a page says it is of
 * @page: the struct page of a frame that is online, or NULL
 *
 * Mirrors page_zone() (include/linux/mm.h, 6.12), which leads anywhere if the page's
 * flags are damaged; that is what the witnesses are asked about.
 *
 * Context: Any.
 *
 * Return: the zone, or NULL if there is no page, or no such node or zone.
 */
struct zone *dualbm_zone_of(const struct page *page);

/**
 * dualbm_buddy_covers() - does a block of the buddy lists cover a frame
 * @zone: the frame's zone
 * @pfn: the frame
 *
 * Mirrors is_free_buddy_page() (mm/page_alloc.c, 6.1 and 6.12), and takes the
 * word of a head only if it is online, in @zone and of a possible order.
 *
 * Context: Any. Without zone->lock the answer is good for statistics only.
 *
 * Return: true if one does.
 */
bool dualbm_buddy_covers(struct zone *zone, unsigned long pfn);

/**
 * dualbm_pcp_order() - the order of the blocks on a per-CPU list
 * @index: index of the list in struct per_cpu_pages, below %DUALBM_PCP_LISTS
 *
 * Mirrors pindex_to_order() (mm/page_alloc.c): the lists of huge pages have
 * pageblock_order in 6.1 and HPAGE_PMD_ORDER, on amd64 the same, in 6.12.
 *
 * Context: Any.
 *
 * Return: the order.
 */
unsigned int dualbm_pcp_order(unsigned int index);

/**
 * dualbm_prove() - find the proof for a broken rule
 * @v: what was found; proof filled in if it was found with all CPUs stopped
 *
 * Context: As dualbm_prove_free(), but with zone->lock held for
 * %DUALBM_ALLOCATOR_CORRUPTION. May ask dualbm_hooks_lost().
 *
 * Return: the proof, or %DUALBM_UNPROVEN.
 */
enum dualbm_proof dualbm_prove(const struct dualbm_violation *v);

/**
 * dualbm_prove_witness() - what does the allocator say that a frame is
 * @pfn: the frame
 * @witness: filled in with who says so
 *
 * Context: stop_machine(), so that no event is under way; tries zone->lock, which
 * only on PREEMPT_RT somebody can hold then.
 *
 * Return: %DUALBM_CODE_FREE or %DUALBM_CODE_ALLOCATED, exactly if the witness is
 * the buddy lists or an owner's marks; 0 with nobody to ask.
 */
unsigned int dualbm_prove_witness(unsigned long pfn, enum dualbm_witness *witness);

/**
 * dualbm_prove_check() - is the allocator laid out as its witnesses need it
 *
 * Looks at a block that the allocator's own lists say is free: it has to be
 * found as such by the look that proves a violation. And blocks that were just
 * freed have to be on those lists of a CPU that have their order.
 *
 * Context: Module init; sleeps, takes zone->lock and a CPU's lists.
 *
 * Return: 0, or -EOPNOTSUPP with a log line.
 */
int dualbm_prove_check(void);

#endif /* DUALBM_PROVE_H */
