/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Events (dualbm_event.c).
 */
#ifndef DUALBM_EVENT_H
#define DUALBM_EVENT_H

#include <linux/mm.h>

#include "dualbm.h"

/**
 * dualbm_event() - an event on 2^@order frames
 * @event: what happened
 * @pfn: first frame
 * @order: 0 to 18 and more, below %BITS_PER_LONG; a block may span chunks and
 *	need not be aligned
 *
 * Does what the mode says: nothing, forget, or carry out the rule table. A
 * broken rule goes to dualbm_verdict(); a frame that no chunk holds counts as
 * a coverage gap.
 *
 * Context: Any, NMI included. Allocates nothing, and takes no lock unless a
 * rule is broken. Before 7.0 the caller has preemption disabled; from then on,
 * and on PREEMPT_RT, this does it. The caller owns the frames: by the
 * allocator's own rules for the two tracepoints, under zone->lock for isolate
 * and putback.
 */
void dualbm_event(enum dualbm_event_type event, unsigned long pfn,
		  unsigned int order);

/**
 * dualbm_probe_alloc() - the probe of tracepoint mm_page_alloc
 * @data: unused
 * @page: first page of the block, NULL for an allocation that failed
 * @order: of the block
 * @gfp: unused
 * @migratetype: unused
 *
 * Mirrors trace_mm_page_alloc(), the last thing that __alloc_pages() (6.1) and
 * __alloc_pages_noprof() (6.12) do with a block before they return it
 * (mm/page_alloc.c; the prototype is that of include/trace/events/kmem.h).
 *
 * Context: Any. Before 7.0 the tracepoint disables preemption, from then on the
 * probe does.
 */
void dualbm_probe_alloc(void *data, struct page *page, unsigned int order,
			gfp_t gfp, int migratetype);

/**
 * dualbm_probe_free() - the probe of tracepoint mm_page_free
 * @data: unused
 * @page: first page of the block
 * @order: of the block
 *
 * Mirrors trace_mm_page_free() in free_pages_prepare() (mm/page_alloc.c, 6.1
 * and 6.12): once for each block, before it can reach any list. The same
 * function then drops a single HWPoison page instead of listing it.
 *
 * Context: As dualbm_probe_alloc().
 */
void dualbm_probe_free(void *data, struct page *page, unsigned int order);

/**
 * dualbm_probe_free_noted() - the same while %dualbm_frees_on is set
 * @data: not used
 * @page: the block's first page
 * @order: of the block
 *
 * Context: Called by dualbm_probe_free() only, which would be dearer if this were a part of it.
 */
void dualbm_probe_free_noted(void *data, struct page *page, unsigned int order);

#endif /* DUALBM_EVENT_H */
