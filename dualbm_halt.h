/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The end of the machine (dualbm_halt.c).
 */
#ifndef DUALBM_HALT_H
#define DUALBM_HALT_H

#include <linux/compiler.h>

/**
 * dualbm_halt() - panic
 * @what: "degraded: ", or "" for a violation
 * @why: the rest of the panic string, behind "dualbm: " and @what
 *
 * Who calls it has asked dualbm_reaction_is_panic().
 *
 * Context: Any. Does not return; objtool knows that of panic() alone, so it is no __noreturn.
 */
void __cold dualbm_halt(const char *what, const char *why);

#endif /* DUALBM_HALT_H */
