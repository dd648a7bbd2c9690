/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The flat map, by which events find planes (dualbm_flat.c).
 */
#ifndef DUALBM_FLAT_H
#define DUALBM_FLAT_H

#include "dualbm.h"

struct dualbm_chunk;

/**
 * struct dualbm_flat_fault - what dualbm_flat_check() found
 * @pfn: first frame that is looked for there
 * @frames: how many frames
 * @copies: bit 0 for a wrong base, bit 1 for a wrong check value; 0 for a page that was not
 *	the right one
 * @phys: where the first of them lies; or where that page lies
 * @repaired: it was put right
 */
struct dualbm_flat_fault {
	unsigned long pfn;
	unsigned long frames;
	unsigned int copies;
	phys_addr_t phys;
	bool repaired;
};

/**
 * dualbm_flat_check() - compare some of the flat map with the record of the chunks
 * @position: where to begin, 0 at first; moved on
 * @fault: filled in if something was wrong
 *
 * What is wrong is put right.
 *
 * Context: Process; dualbm_memory_lock held. Some hundred pages at a time.
 *
 * Return: 1 if a fault was found, 0 if not, -ENOENT at the end.
 */
int dualbm_flat_check(unsigned long *position, struct dualbm_flat_fault *fault);

/**
 * dualbm_flat_steps() - how many calls dualbm_flat_check() takes
 *
 * Context: Process; dualbm_memory_lock held.
 *
 * Return: the number, if there is no fault.
 */
unsigned long dualbm_flat_steps(void);

/**
 * dualbm_flat_accuse() - has somebody to report a broken base or check value now
 *
 * What is just stored is broken for a moment. Mirrors the reader's side of a
 * seqcount, without waiting (include/linux/seqlock.h, raw_read_seqcount(), 6.1 and 6.12).
 *
 * Context: Any, NMI included.
 *
 * Return: true if it is broken, and nobody has been told so since it was last right.
 */
bool dualbm_flat_accuse(void);

/**
 * dualbm_flat_update() - map what chunks there are
 *
 * Without memory for it there is no map, and events find planes by the record.
 *
 * Context: Process; dualbm_memory_lock held; sleeps. On return nobody uses a chunk any more
 * that is not in the list.
 */
void dualbm_flat_update(void);

/**
 * dualbm_flat_build() - make a map for dualbm_flat_exchange()
 * @other: a chunk that gets other planes
 * @planes: those, or NULL for zeroes
 *
 * Context: Process; dualbm_memory_lock held; sleeps.
 *
 * Return: the map, for vunmap(); NULL without memory, or if there is no map now either.
 */
void *dualbm_flat_build(const struct dualbm_chunk *other, const unsigned long *planes);

/**
 * dualbm_flat_exchange() - put another map in the place of the one that there is
 * @map: from dualbm_flat_build(), with chunks as they are
 *
 * Context: All CPUs have stopped, and nobody holds dualbm_memory_lock.
 *
 * Return: the old map, for vunmap() after synchronize_rcu().
 */
void *dualbm_flat_exchange(void *map);

/**
 * dualbm_flat_bytes() - what the page tables of the flat map take
 *
 * Context: Any; takes no lock.
 *
 * Return: the number of bytes.
 */
u64 dualbm_flat_bytes(void);

/* The members of struct dualbm_flat, for injection. */
enum dualbm_flat_part {
	DUALBM_FLAT_BASE,
	DUALBM_FLAT_CHECK,
	DUALBM_FLAT_LIMIT,
};

/**
 * dualbm_flat_flip() - spoil what leads events to planes, for injection
 * @pfn: a frame that is found by it
 * @part: what to spoil
 *
 * Context: Process; sleeps. Takes dualbm_memory_lock.
 *
 * Return: 0, or -ENXIO if no chunk holds the frame, or if there is no map.
 */
int dualbm_flat_flip(unsigned long pfn, enum dualbm_flat_part part);

/**
 * dualbm_flat_misplace() - map a page of zeroes for the planes of a chunk, for injection
 * @pfn: of any frame of the chunk
 *
 * Context: Process; sleeps. Takes dualbm_memory_lock.
 *
 * Return: 0, or -ENXIO if no chunk holds the frame, or if there is no map.
 */
int dualbm_flat_misplace(unsigned long pfn);

/**
 * dualbm_flat_init() - what a map needs
 *
 * Context: Module init; sleeps.
 *
 * Return: 0 or -ENOMEM.
 */
int dualbm_flat_init(void);

/**
 * dualbm_flat_exit() - undo all of it
 *
 * Context: Module exit, or init that fails, when no event comes any more.
 */
void dualbm_flat_exit(void);

#endif /* DUALBM_FLAT_H */
