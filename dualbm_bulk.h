/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The bulk allocator's exit (dualbm_bulk.c).
 */
#ifndef DUALBM_BULK_H
#define DUALBM_BULK_H

#include "dualbm.h"

struct dualbm_hook;

/**
 * dualbm_bulk_attach() - attach to the bulk allocator's exit
 * @hook: its row; mechanism, symbol and missed are filled in
 *
 * Redirects __alloc_pages_bulk() (6.1), alloc_pages_bulk_noprof() (6.12), both
 * in mm/page_alloc.c. ftrace allows one such user for a function
 * (kernel/trace/ftrace.c, __ftrace_hash_update_ipmodify(), 6.1 and 6.12): where
 * a livepatch is that user, a return probe takes over, which may lose events
 * and counts them.
 *
 * Context: Module init; sleeps.
 *
 * Return: 0, -ENOENT if the kernel has none of the row's names, or what
 * register_ftrace_function() or register_kretprobe() says.
 */
int dualbm_bulk_attach(struct dualbm_hook *hook);

/**
 * dualbm_bulk_detach() - undo dualbm_bulk_attach()
 * @hook: its row
 *
 * Context: Module exit, or init that fails; sleeps until the last call has left
 * the wrapper.
 */
void dualbm_bulk_detach(struct dualbm_hook *hook);

#endif /* DUALBM_BULK_H */
