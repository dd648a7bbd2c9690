/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Functions and tracepoints of the kernel that are not exported (dualbm_symbol.c).
 */
#ifndef DUALBM_SYMBOL_H
#define DUALBM_SYMBOL_H

#include <linux/types.h>

#include "dualbm.h"

struct tracepoint;

/**
 * dualbm_function_address() - find a function that is not exported
 * @symbol: its name
 *
 * Context: May sleep. Registers a kprobe there that is not armed, and takes it off again.
 *
 * Return: its address, behind an ENDBR if it begins with one (6.12); 0 if it
 * cannot be probed.
 */
unsigned long dualbm_function_address(const char *symbol);

/**
 * dualbm_tracepoint_find() - find a tracepoint of the kernel
 * @name: as in include/trace/events
 *
 * Context: May sleep.
 *
 * Return: it, or NULL if this kernel has none of that name.
 */
struct tracepoint *dualbm_tracepoint_find(const char *name);

/**
 * dualbm_allocation_find() - find __alloc_pages(), for those who look at stacks
 * @symbols: the names that kernels give it, with NULL at the end
 *
 * Context: Module init; sleeps.
 *
 * Return: 0, or -ENOENT with a line in the log.
 */
int dualbm_allocation_find(const char * const *symbols);

/**
 * dualbm_allocation_code() - where __alloc_pages() is, as dualbm_inside_allocation() has it
 * @start: filled in with its first byte's address
 * @end: filled in with that behind its last byte
 *
 * Context: Any, after dualbm_allocation_find().
 */
void dualbm_allocation_code(unsigned long *start, unsigned long *end);

/**
 * dualbm_inside_allocation() - is a code address inside an allocation
 * @address: from a stack
 *
 * Inside is __alloc_pages() (6.1) or __alloc_pages_noprof() (6.12), both in
 * mm/page_alloc.c: there a task that has its page may sleep in
 * __memcg_kmem_charge_page() with the alloc event still to come.
 *
 * Context: Any, after dualbm_allocation_find().
 *
 * Return: true if it is.
 */
bool dualbm_inside_allocation(unsigned long address);

#endif /* DUALBM_SYMBOL_H */
