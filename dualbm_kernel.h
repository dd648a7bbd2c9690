/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the kernel's own checks find (dualbm_kernel.c).
 */
#ifndef DUALBM_KERNEL_H
#define DUALBM_KERNEL_H

#include <linux/ftrace.h>

#include "dualbm.h"

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

#endif /* DUALBM_KERNEL_H */
