// SPDX-License-Identifier: GPL-2.0-only
/*
 * The one function of the module that ftrace may trace: every ftrace hook has
 * it in its filter, so calling it shows that the hook still delivers.
 */
#include "dualbm.h"
#include "dualbm_canary.h"

noinline void dualbm_hook_canary(void)
{
	/* Keeps the call: without a side effect it could be dropped. */
	asm volatile("");
}
