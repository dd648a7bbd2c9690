/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The nodes and rows that copies lie on (dualbm_placement.c).
 */
#ifndef DUALBM_PLACEMENT_H
#define DUALBM_PLACEMENT_H

#include "dualbm.h"

/**
 * dualbm_copies_map() - copies of something, away from each other, mapped in a row
 * @node: near which the first copy shall lie
 * @copies: 2, or %DUALBM_NR_PLANES
 * @pages_each: how many pages a copy has
 *
 * Each copy goes to the nearest node with memory that has none yet. Where there are not
 * as many, a third copy goes to the node of the first, and a fourth to that of the
 * second; and copies that share a node lie far apart there.
 *
 * Context: Process; sleeps.
 *
 * Return: the first copy's address, for vfree(), or NULL without enough memory.
 */
void *dualbm_copies_map(int node, int copies, int pages_each);

/**
 * dualbm_mapped_phys() - where a byte of such memory lies
 * @address: its address
 *
 * Context: Any, as long as it is mapped.
 *
 * Return: the physical address.
 */
phys_addr_t dualbm_mapped_phys(const void *address);

#endif /* DUALBM_PLACEMENT_H */
