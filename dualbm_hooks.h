/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The hook table (dualbm_hooks.c).
 */
#ifndef DUALBM_HOOKS_H
#define DUALBM_HOOKS_H

#include "dualbm.h"
#include "dualbm_source.h"

/**
 * dualbm_hooks_attach() - attach every source of events
 *
 * Goes through the hook table in its order. An optional hook that is not there
 * is left out, as are the boundary probes with boundary=0. Also finds the range
 * that dualbm_inside_allocation() knows.
 *
 * Context: Module init, after dualbm_memory_init(); sleeps.
 *
 * Return: 0, or an error with a log line that names the hook: -ENOENT if the
 * kernel has none of its names, or what the kernel says that attaches it.
 * Nothing stays attached after an error but the memory notifier, which
 * dualbm_memory_exit() takes off.
 */
int dualbm_hooks_attach(void);

/**
 * dualbm_hooks_detach() - undo dualbm_hooks_attach()
 *
 * On return no handler runs, nor will, and nobody is in a trampoline or in the
 * wrapper around the bulk allocator. The memory notifier stays.
 *
 * Context: Module exit, or init that fails; sleeps, for as long as a bulk
 * allocation does.
 */
void dualbm_hooks_detach(void);

/**
 * dualbm_hooks_show() - print the lines of "hooks"
 * @buffer: %PAGE_SIZE bytes; one line for each hook that is attached
 *
 * Context: Any; takes no lock.
 *
 * Return: the length.
 */
int dualbm_hooks_show(char *buffer);

extern struct dualbm_hook dualbm_hooks[DUALBM_NR_HOOKS];

#endif /* DUALBM_HOOKS_H */
