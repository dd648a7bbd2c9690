/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who called the allocator (dualbm_caller.c).
 */
#ifndef DUALBM_CALLER_H
#define DUALBM_CALLER_H

#include "dualbm.h"

struct dualbm_violation;

/**
 * dualbm_caller_find() - who called the allocator, and in which direction
 * @v: stack, class, event, and entry and caller of a boundary probe filled in; caller is
 *	filled in, the stack is led through it, and of a bad page @v->event becomes
 *	%DUALBM_FREE, %DUALBM_ALLOC, or %DUALBM_FORGET where lists were emptied
 *
 * What lies between the allocator and this, dualbm's own functions and trampolines, is left
 * out of the stack. What no event found has neither caller nor stack: those would be of
 * whoever looked.
 *
 * Context: Any.
 */
void dualbm_caller_find(struct dualbm_violation *v);

/**
 * dualbm_caller_of_call() - whose call a probe of __free_pages() has seen
 * @v: entry, caller and stack are filled in
 * @regs: what the probe's handler was given
 * @address: where the probe is: at the first instruction, or behind the call to ftrace
 *
 * Context: The probe's handler.
 */
void dualbm_caller_of_call(struct dualbm_violation *v, struct pt_regs *regs,
			   unsigned long address);

/**
 * dualbm_caller_is_on_stack() - is this context inside a call that returns there
 * @caller: the return address
 *
 * Context: Any.
 *
 * Return: true if @caller is among the first %DUALBM_STACK_DEPTH entries of the stack.
 */
bool dualbm_caller_is_on_stack(unsigned long caller);

/**
 * dualbm_caller_is_allocator() - is this a function of the allocator's own
 * @address: in the function
 *
 * Also what an event goes through on its way from there to here.
 *
 * Context: Any.
 *
 * Return: true if so: whoever called it is the next function above.
 */
bool dualbm_caller_is_allocator(unsigned long address);

#endif /* DUALBM_CALLER_H */
