/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Do the events tell of what is done (dualbm_witness.c).
 */
#ifndef DUALBM_WITNESS_H
#define DUALBM_WITNESS_H

/**
 * dualbm_events_witness() - see that each way to a page and back is told by its event
 *
 * Allocates and frees some pages by the functions that callers have, up to blocks of order 3,
 * and listens to mm_page_alloc and mm_page_free (include/trace/events/kmem.h, all releases).
 * Each has to come in the call, with that page and that order. A kernel that lacks one of the
 * events passes: whoever hooks it says so.
 *
 * Context: Module init, before anything is hooked; sleeps, and waits for RCU.
 *
 * Return: 0; -ENODEV, with a line in the log, if a way is silent or an event has other arguments;
 * -ENOMEM, with a line, if there is no memory for it.
 */
int dualbm_events_witness(void);

#endif /* DUALBM_WITNESS_H */
