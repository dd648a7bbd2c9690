/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The function that every ftrace hook has in its filter (dualbm_canary.c).
 */
#ifndef DUALBM_CANARY_H
#define DUALBM_CANARY_H

#include "dualbm.h"

/**
 * dualbm_hook_canary() - do nothing, and let ftrace see it
 *
 * The one function of the module that is traced. It is in the filter of every
 * ftrace hook, so each of them fires on a call, or is dead.
 *
 * Context: Any.
 */
void dualbm_hook_canary(void);

#endif /* DUALBM_CANARY_H */
