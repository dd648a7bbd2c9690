/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hooks at the entry of functions (dualbm_ftrace.c).
 */
#ifndef DUALBM_FTRACE_H
#define DUALBM_FTRACE_H

#include <linux/ftrace.h>

#include "dualbm.h"

struct dualbm_hook;

/**
 * dualbm_ftrace_attach() - put a hook's ftrace_ops on its symbol and the canary
 * @hook: the hook; symbol is filled in with the first name that the kernel has
 * @callback: called at the entry of the function, and of the canary, in the
 *	context of the call
 * @flags: beyond %DUALBM_FTRACE_FLAGS
 *
 * PERMANENT makes "sysctl kernel.ftrace_enabled=0" fail for as long as the hook
 * is there (kernel/trace/ftrace.c, is_permanent_ops_registered(), 6.1 and
 * 6.12).
 *
 * Context: Process; sleeps.
 *
 * Return: 0, -ENOENT if no alternate exists, or what ftrace_set_filter() or
 * register_ftrace_function() says: -EBUSY if @flags has IPMODIFY and another
 * user has it too. Nothing stays attached after an error.
 */
int dualbm_ftrace_attach(struct dualbm_hook *hook, ftrace_func_t callback,
			 unsigned long flags);

/**
 * dualbm_ftrace_detach() - undo dualbm_ftrace_attach()
 * @hook: the hook
 *
 * The callback does not run on return: unregister_ftrace_function() waits for
 * it (kernel/trace/ftrace.c, ftrace_shutdown(), 6.1 and 6.12).
 *
 * Context: Process; sleeps.
 */
void dualbm_ftrace_detach(struct dualbm_hook *hook);

/**
 * dualbm_ftrace_is_canary() - was this the canary, and count it
 * @hook: the hook that fired
 * @ip: where, as ftrace says: at most %DUALBM_ENTRY_BYTES behind the function's
 *	address
 *
 * Context: The callback of @hook.
 *
 * Return: true if it was.
 */
bool dualbm_ftrace_is_canary(struct dualbm_hook *hook, unsigned long ip);

#endif /* DUALBM_FTRACE_H */
