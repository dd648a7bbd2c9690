/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Places in code from which the allocator is called (dualbm_sites.c).
 */
#ifndef DUALBM_SITES_H
#define DUALBM_SITES_H

#include "dualbm.h"

/* A site's mark: 5 bits that tell who had its place in the table before, and the place. */
#define DUALBM_SITE_SHIFT	14
#define DUALBM_MARK_BITS	(DUALBM_SITE_SHIFT + 5)

/**
 * struct dualbm_site - a return address
 *
 * @address: 0, 1 or 2 if there is none
 * @mark: what stands for it; 0 if it has no name
 * @step: from where it lies to the next one, in bytes; %DUALBM_STEP_LAST if it is of
 *	whoever called the allocator
 * @generation: of those that have had this place
 */
struct dualbm_site {
	unsigned long address;
	u32 mark;
	u16 step;
	u16 generation;
};

#define DUALBM_STEP_LAST	U16_MAX

/* A hash table; read at will, written by dualbm_sites.c. */
extern struct dualbm_site *dualbm_sites;

static __always_inline unsigned long dualbm_site_place(unsigned long address)
{
	return (u32)address * 0x9e3779b1U >> (32 - DUALBM_SITE_SHIFT);
}

/**
 * dualbm_sites_init() - make the table of sites
 *
 * Context: Process; sleeps.
 *
 * Return: 0, -ENOMEM, or what register_module_notifier() says.
 */
int dualbm_sites_init(void);

/**
 * dualbm_sites_exit() - undo dualbm_sites_init()
 *
 * Context: Process, when nobody uses sites any more; sleeps.
 */
void dualbm_sites_exit(void);

/* Where the return address of this very function lies: amd64 has it above the frame pointer. */
#define DUALBM_OWN_SLOT	((unsigned long *)__builtin_frame_address(0) + 1)

/**
 * dualbm_site_caller() - who called the allocator
 * @slot: where the return address of a function lies that the allocator has called, on the
 *	stack of whoever asks
 *
 * Goes from return address to return address through the allocator's own functions. Where
 * the next one lies was learned from the unwinder, once for each of them, and holds for
 * each call from there: see docs/design.md.
 *
 * Context: Any, NMI included; preemption disabled. Takes no lock, allocates nothing.
 *
 * Return: the site's mark, 0 if it cannot be said.
 */
u32 dualbm_site_caller(unsigned long *slot);

/**
 * dualbm_site_mark() - the mark of any return address
 * @address: on some stack
 *
 * Context: As dualbm_site_caller().
 *
 * Return: the mark, 0 if it has no name.
 */
u32 dualbm_site_mark(unsigned long address);

/**
 * dualbm_site_at() - find a site at once
 * @address: where the allocator returns to
 * @mark: of the site, filled in
 *
 * Context: As dualbm_site_caller().
 *
 * Return: false if it is inside of the allocator, or takes longer to find: then
 * dualbm_site_caller() knows, in that very call.
 */
static __always_inline bool dualbm_site_at(unsigned long address, u32 *mark)
{
	const struct dualbm_site *site = &dualbm_sites[dualbm_site_place(address)];

	/* Pairs with find_far(), dualbm_sites.c: who finds the address finds the rest. */
	if (unlikely(smp_load_acquire(&site->address) != address ||
		     site->step != DUALBM_STEP_LAST))
		return false;
	*mark = site->mark;
	return true;
}

/**
 * dualbm_site_name() - function, offset and module of a site
 * @mark: what dualbm_site_caller() returned
 * @name: where it goes
 * @size: bytes there
 *
 * Of a module that has gone it is the name that it had.
 *
 * Context: Any, while the table is there.
 */
void dualbm_site_name(u32 mark, char *name, size_t size);

#endif /* DUALBM_SITES_H */
