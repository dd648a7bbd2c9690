/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the kernel's own checks find (dualbm_kernel.c).
 */
#ifndef DUALBM_KERNEL_H
#define DUALBM_KERNEL_H

#include <linux/ftrace.h>

#include "dualbm.h"

struct dualbm_violation;

/**
 * dualbm_entry_bad_page() - the kernel's own checks have found a bad page
 * @regs: the arguments of bad_page(page, reason), mm/page_alloc.c, 5.10 to 7.3
 * @caller: where it returns to
 *
 * The kernel drops the page, so that no list holds it: the frame becomes untracked. It is
 * a finding unless that very call has been reported already.
 *
 * Context: The call's: freeing or allocating, in any context, perhaps with zone->lock or
 * the lock of a per-CPU list held; preemption disabled.
 */
void dualbm_entry_bad_page(struct ftrace_regs *regs, unsigned long caller);

/**
 * dualbm_mapping_report() - a call frees a page that is still in an address space
 * @call: the call, with its frame, caller and stack
 *
 * What the kernel itself would say of the page, had it looked: dualbm_page_keeps_mapping().
 * It frees the page all the same, and when it looks later, that is the same finding.
 *
 * Context: The call's, as dualbm_entry_bad_page().
 *
 * Return: true if it is reported; false if there is a finding of that frame already, or if the
 * module does nothing yet, or no more.
 */
bool dualbm_mapping_report(struct dualbm_violation *call);

/**
 * dualbm_mapping_put() - the last reference of a page that is still in an address space is gone
 * @page: any; it need not have planes
 *
 * Context: That of put_page(), in the hook at what it calls then; preemption disabled.
 */
void dualbm_mapping_put(struct page *page);

#endif /* DUALBM_KERNEL_H */
