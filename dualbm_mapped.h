/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The audit of what processes have mapped (dualbm_mapped.c).
 */
#ifndef DUALBM_MAPPED_H
#define DUALBM_MAPPED_H

#include "dualbm.h"

/* What a step may look at: each process, area and address is one. */
#define DUALBM_MAPPED_UNITS	512

/**
 * dualbm_mapped_begin() - begin a round at the first process
 *
 * Context: The scrubber.
 */
void dualbm_mapped_begin(void);

/**
 * dualbm_mapped_step() - go on with the round, for up to %DUALBM_MAPPED_UNITS looks
 * @done: set to true at the end of the round; the next one begins at the first process
 *
 * Looks at areas with VM_PFNMAP of all processes. Frames in those are mapped without a
 * reference (vm_normal_page(), mm/memory.c, 5.10 to 7.3), so nobody but their driver knows. An
 * mm whose lock cannot be had is left for the next round.
 *
 * Context: The scrubber; dualbm_memory_lock held. Tries mmap_lock, and takes page-table locks and
 * zone->lock under it. May sleep.
 *
 * Return: how many findings were reported.
 */
unsigned int dualbm_mapped_step(bool *done);

/**
 * dualbm_mapped_steps() - how many steps the last whole round had
 *
 * Context: The scrubber.
 *
 * Return: the number, 1 before there was one.
 */
unsigned long dualbm_mapped_steps(void);

/**
 * dualbm_mapped_looks() - how many addresses the last whole round has found mapped
 *
 * Context: Any.
 *
 * Return: the number.
 */
u64 dualbm_mapped_looks(void);

/**
 * dualbm_mapped_ns() - how long the steps of the last whole round took together
 *
 * Context: Any.
 *
 * Return: nanoseconds.
 */
u64 dualbm_mapped_ns(void);

#endif /* DUALBM_MAPPED_H */
