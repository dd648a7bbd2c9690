/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Running numbers of all memory (dualbm_census.c).
 */
#ifndef DUALBM_CENSUS_H
#define DUALBM_CENSUS_H

#include "dualbm.h"

struct dualbm_chunk;

/**
 * struct dualbm_census - what the planes say in all
 * @managed: frames of all subsections that exist
 * @allocated: as in struct dualbm_counts, like the next three
 * @free: see there
 * @untracked: see there
 * @departing: see there
 * @bytes: what the planes and the flat map take
 * @age_ms: how long ago the oldest of it was counted, at most
 */
struct dualbm_census {
	u64 managed, allocated, free, untracked, departing, bytes, age_ms;
};

/**
 * dualbm_memory_census() - how many frames of all memory are what
 * @census: filled in
 *
 * Not counted now: each chunk was, when it was last surveyed, by the scrubber or at the end
 * of learning. The numbers go together: at no time is a chunk in two of them, or in none.
 *
 * Context: Process; takes no lock, and takes as long whatever memory there is.
 */
void dualbm_memory_census(struct dualbm_census *census);

/**
 * dualbm_census_count() - a chunk was surveyed
 * @chunk: the chunk
 * @counts: what its planes hold if all of it is present, or NULL to count here
 *
 * Context: dualbm_memory_lock held.
 */
void dualbm_census_count(struct dualbm_chunk *chunk, const struct dualbm_counts *counts);

/**
 * dualbm_census_complete() - all chunks have been surveyed
 * @began_ns: when the first of them was, by ktime_get_ns()
 *
 * Context: Process; takes no lock. The scrubber or the worker.
 */
void dualbm_census_complete(u64 began_ns);

/**
 * dualbm_census_recount() - survey all chunks now
 *
 * Context: Worker; sleeps. Takes dualbm_memory_lock, for a chunk at a time.
 */
void dualbm_census_recount(void);

/**
 * dualbm_census_add() - there is a new chunk, all of it untracked
 * @chunk: the chunk, in the list, with planes
 *
 * Context: dualbm_memory_lock held.
 */
void dualbm_census_add(struct dualbm_chunk *chunk);

/**
 * dualbm_census_remove() - a chunk has gone
 * @chunk: the chunk, not in the list any more
 *
 * dualbm_placement_recount() is due for its node.
 *
 * Context: dualbm_memory_lock held.
 */
void dualbm_census_remove(struct dualbm_chunk *chunk);

/**
 * dualbm_placement_recount() - look anew where the planes of a node's memory lie
 * @node: the node
 *
 * Walks the chunks, and for each of that node the page tables of its planes: 0.3 us for
 * a chunk, 40 ms for 16 TiB.
 *
 * Context: dualbm_memory_lock held.
 */
void dualbm_placement_recount(int node);

/**
 * dualbm_placement_show() - the text of the file "placement"
 * @buffer: a page
 *
 * Context: Process; takes no lock, and takes as long whatever memory there is.
 *
 * Return: its length.
 */
int dualbm_placement_show(char *buffer);

/**
 * dualbm_census_init() - room for the numbers of each node
 *
 * Context: Module init; sleeps.
 *
 * Return: 0 or -ENOMEM.
 */
int dualbm_census_init(void);

/**
 * dualbm_census_exit() - undo dualbm_census_init()
 *
 * Context: Module exit, or init that fails; no file is open any more.
 */
void dualbm_census_exit(void);

#endif /* DUALBM_CENSUS_H */
