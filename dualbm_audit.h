/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The scrubber's audit of the allocator's own data (dualbm_audit.c).
 */
#ifndef DUALBM_AUDIT_H
#define DUALBM_AUDIT_H

#include <linux/mmzone.h>

#include "dualbm.h"

struct dualbm_chunk;

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

#endif /* DUALBM_AUDIT_H */
