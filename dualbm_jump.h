/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Probes inside of a function, which the kernel makes jumps (dualbm_jump.c).
 */
#ifndef DUALBM_JUMP_H
#define DUALBM_JUMP_H

#include <linux/kprobes.h>

#include "dualbm.h"

/**
 * dualbm_jump_behind_entry() - find the place behind a function's call to ftrace
 * @address: of __free_pages(), as dualbm_function_address() has it
 *
 * The arguments are in their registers there, and the return address is on top of the
 * stack. It is proven by calls that allocate and free.
 *
 * Context: Module init; sleeps.
 *
 * Return: its address, or 0 if there is none, or this machine's probes are no jumps.
 */
unsigned long dualbm_jump_behind_entry(unsigned long address);

/**
 * dualbm_jump_before_exit() - find the place before a function's only exit
 * @start: where the function begins, of __alloc_pages()
 * @end: where it ends
 *
 * What it returns is in its register there. It is proven by calls that allocate.
 *
 * Context: Module init; sleeps.
 *
 * Return: its address, or 0 if there is none, or more than one exit, or this machine's
 * probes are no jumps.
 */
unsigned long dualbm_jump_before_exit(unsigned long start, unsigned long end);

/* What such a probe is at present. */
enum dualbm_jump {
	DUALBM_JUMP_OFF,	/* kprobes are switched off, and the code is as it was */
	DUALBM_JUMP_BREAKPOINT,
	DUALBM_JUMP_MADE,
};

/**
 * dualbm_jump_look() - what is in the code now
 * @probe: a probe that is registered
 *
 * The kernel makes it a jump a moment after it was registered (kernel/kprobes.c,
 * kprobe_optimizer(), 5.10 to 7.3), unless another probe is in the way, or
 * debug.kprobes-optimization is 0.
 *
 * Context: Any.
 *
 * Return: what it is; it may be another at once.
 */
enum dualbm_jump dualbm_jump_look(const struct kprobe *probe);

#endif /* DUALBM_JUMP_H */
