/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Stacks that the history remembers, each of them once (dualbm_stacks.c).
 */
#ifndef DUALBM_STACKS_H
#define DUALBM_STACKS_H

#include "dualbm.h"
#include "dualbm_violation.h"

/* What the table takes for each stack. */
#define DUALBM_STACK_BYTES	(DUALBM_PAST_LEVELS * sizeof(u32) + sizeof(u32))

/**
 * dualbm_stacks_init() - make the table of stacks
 * @bits: for 2^@bits of them, or fewer, as a number of one fits %DUALBM_MARK_BITS
 *
 * Context: Process; sleeps.
 *
 * Return: for how many it is, those of a caller alone among them; 0 if there is no memory.
 */
unsigned long dualbm_stacks_init(unsigned int bits);

/**
 * dualbm_stacks_exit() - undo dualbm_stacks_init()
 *
 * Context: Process, when nobody uses stacks any more; sleeps. Nothing to do without a table.
 */
void dualbm_stacks_exit(void);

/**
 * dualbm_stack_now() - the stack above the allocator
 * @slot: as of dualbm_site_caller()
 *
 * Unwinds. A stack for which there is no place has its first level only.
 *
 * Context: Any, NMI included; preemption disabled. Takes no lock, allocates nothing.
 *
 * Return: its number, 0 if the caller cannot be said.
 */
u32 dualbm_stack_now(unsigned long *slot);

/**
 * dualbm_stack_get() - the sites of a stack
 * @number: what dualbm_stack_now() returned, or any other
 * @levels: their marks, innermost first, 0 where there is none
 *
 * Context: Any, while the table is there.
 */
void dualbm_stack_get(u32 number, u32 levels[DUALBM_PAST_LEVELS]);

#endif /* DUALBM_STACKS_H */
