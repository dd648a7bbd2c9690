// SPDX-License-Identifier: GPL-2.0-only
/*
 * Running numbers of all memory: the census, and where the planes lie.
 *
 * Everybody may ask for the census, at any time and as often as they like. So it is kept up
 * by who looks at memory anyway: the scrubber, learning, and whoever makes or drops a
 * chunk, all under dualbm_memory_lock. Readers take no lock, and walk nothing that
 * grows with memory.
 */
#include <linux/ktime.h>
#include <linux/seqlock.h>
#include <linux/slab.h>
#include <linux/sysfs.h>

#include "dualbm.h"
#include "dualbm_census.h"
#include "dualbm_chunks.h"
#include "dualbm_flat.h"

/* The distance of copies that share no node. */
#define NOWHERE		PHYS_ADDR_MAX

/*
 * Where the planes of one node's memory really lie, page by page: on which nodes, how
 * far the nearest two copies of a frame on one node are from each other, and whether
 * primary and secondary share a node anywhere.
 */
struct placement {
	nodemask_t nodes[DUALBM_NR_PLANES];
	phys_addr_t distance;
	unsigned long chunks;
	bool shared;
};

/*
 * Stored to under dualbm_memory_lock, and for some instructions only, with preemption
 * disabled: a reader never waits for longer. Not a seqcount_mutex_t, whose readers take
 * the mutex on PREEMPT_RT (include/linux/seqlock.h, 5.10 and later).
 */
static seqcount_t numbers_stores = SEQCNT_ZERO(numbers_stores);
static struct dualbm_census census;
static struct placement *placements;	/* nr_node_ids of them */
/* When the last survey of all memory began. */
static u64 surveyed_ns;

static void store_begin(void)
{
	preempt_disable();
	raw_write_seqcount_begin(&numbers_stores);
}

static void store_end(void)
{
	raw_write_seqcount_end(&numbers_stores);
	preempt_enable();
}

/* ---- the census ---- */

static void census_replace(struct dualbm_chunk *chunk, const struct dualbm_counts *counts)
{
	const struct dualbm_counts *old = &chunk->counts;

	store_begin();
	census.managed += (u64)counts->managed - old->managed;
	census.allocated += (u64)counts->allocated - old->allocated;
	census.free += (u64)counts->free - old->free;
	census.untracked += (u64)counts->untracked - old->untracked;
	census.departing += (u64)counts->departing - old->departing;
	store_end();
	chunk->counts = *counts;
}

static void count_chunk(const struct dualbm_chunk *chunk, struct dualbm_counts *counts)
{
	unsigned long frame;

	for (frame = 0; frame < DUALBM_CHUNK_FRAMES; frame += PAGES_PER_SUBSECTION)
		if (dualbm_subsection_present(chunk, frame))
			dualbm_planes_count(chunk->planes, frame, PAGES_PER_SUBSECTION, counts);
}

void dualbm_census_count(struct dualbm_chunk *chunk, const struct dualbm_counts *counts)
{
	struct dualbm_counts own = { .managed = 0 };

	lockdep_assert_held(&dualbm_memory_lock);
	if (!counts || hweight64(chunk->present) * PAGES_PER_SUBSECTION != DUALBM_CHUNK_FRAMES) {
		count_chunk(chunk, &own);
		counts = &own;
	}
	census_replace(chunk, counts);
}

void dualbm_census_complete(u64 began_ns)
{
	/* Of two that end at once the earlier one may be stored last: that says too little. */
	WRITE_ONCE(surveyed_ns, max(READ_ONCE(surveyed_ns), began_ns));
}

static void recount_chunk(struct dualbm_chunk *chunk, void *unused)
{
	dualbm_census_count(chunk, NULL);
}

void dualbm_census_recount(void)
{
	u64 began_ns = ktime_get_ns();

	dualbm_each_chunk(recount_chunk, NULL);
	dualbm_census_complete(began_ns);
}

void dualbm_memory_census(struct dualbm_census *now)
{
	unsigned int seq;

	do {
		seq = read_seqcount_begin(&numbers_stores);
		*now = census;
	} while (read_seqcount_retry(&numbers_stores, seq));
	now->bytes += dualbm_flat_bytes();
	now->age_ms = div_u64(ktime_get_ns() - READ_ONCE(surveyed_ns), NSEC_PER_MSEC);
}

/* ---- placement ---- */

static void place_chunk(const struct dualbm_chunk *chunk, struct placement *placement)
{
	unsigned long byte;
	int plane, other;

	if (!placement->chunks)
		placement->distance = NOWHERE;
	for (byte = 0; byte < DUALBM_PLANE_BYTES; byte += PAGE_SIZE) {
		phys_addr_t phys[DUALBM_NR_PLANES], gap;
		int node[DUALBM_NR_PLANES];

		for (plane = 0; plane < DUALBM_NR_PLANES; plane++) {
			phys[plane] = dualbm_plane_phys(chunk, plane, byte);
			node[plane] = pfn_to_nid(PHYS_PFN(phys[plane]));
			node_set(node[plane], placement->nodes[plane]);
			for (other = 0; other < plane; other++) {
				if (node[plane] != node[other])
					continue;
				gap = max(phys[plane], phys[other]) -
				      min(phys[plane], phys[other]);
				placement->distance = min(placement->distance, gap);
			}
		}
		if (node[DUALBM_PRIMARY] == node[DUALBM_SECONDARY])
			placement->shared = true;
	}
	placement->chunks++;
}

static void store_placement(int node, const struct placement *placement)
{
	store_begin();
	placements[node] = *placement;
	store_end();
}

void dualbm_placement_recount(int node)
{
	struct placement placement = { .chunks = 0 };
	const struct dualbm_chunk *chunk;

	lockdep_assert_held(&dualbm_memory_lock);
	list_for_each_entry(chunk, &dualbm_chunks, list)
		if (chunk->node == node)
			place_chunk(chunk, &placement);
	store_placement(node, &placement);
}

int dualbm_placement_show(char *buffer)
{
	struct placement placement;
	int nid, length = 0;
	unsigned int seq;

	for (nid = 0; nid < nr_node_ids; nid++) {
		do {
			seq = read_seqcount_begin(&numbers_stores);
			placement = placements[nid];
		} while (read_seqcount_retry(&numbers_stores, seq));
		if (!placement.chunks)
			continue;
		length += sysfs_emit_at(buffer, length,
			"node=%d primary=%*pbl secondary=%*pbl untracked=%*pbl chunks=%lu separation=%s",
			nid, nodemask_pr_args(&placement.nodes[DUALBM_PRIMARY]),
			nodemask_pr_args(&placement.nodes[DUALBM_SECONDARY]),
			nodemask_pr_args(&placement.nodes[DUALBM_UNTRACKED]),
			placement.chunks,
			placement.shared ? "single-node" : "distinct-node");
		if (placement.distance != NOWHERE)
			length += sysfs_emit_at(buffer, length, " distance=0x%llx",
						(u64)placement.distance);
		length += sysfs_emit_at(buffer, length, " known=%*pbl\n",
					nodemask_pr_args(&placement.nodes[DUALBM_KNOWN]));
	}
	return length;
}

/* ---- chunks that come and go ---- */

void dualbm_census_add(struct dualbm_chunk *chunk)
{
	struct placement placement = placements[chunk->node];

	lockdep_assert_held(&dualbm_memory_lock);
	place_chunk(chunk, &placement);
	store_placement(chunk->node, &placement);
	dualbm_census_count(chunk, NULL);
	store_begin();
	census.bytes += DUALBM_CHUNK_BYTES;
	store_end();
}

void dualbm_census_remove(struct dualbm_chunk *chunk)
{
	static const struct dualbm_counts none;

	lockdep_assert_held(&dualbm_memory_lock);
	census_replace(chunk, &none);
	store_begin();
	census.bytes -= DUALBM_CHUNK_BYTES;
	store_end();
}

int dualbm_census_init(void)
{
	surveyed_ns = ktime_get_ns();
	placements = kvcalloc(nr_node_ids, sizeof(*placements), GFP_KERNEL);
	if (placements)
		return 0;
	pr_err("not enough memory to count by node: %zu bytes needed\n",
	       nr_node_ids * sizeof(*placements));
	return -ENOMEM;
}

void dualbm_census_exit(void)
{
	kvfree(placements);
	placements = NULL;
}
