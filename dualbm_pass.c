// SPDX-License-Identifier: GPL-2.0-only
/*
 * A pass of the scrubber, step by step: control data, the map of the planes, planes and
 * audit of each chunk, the allocator's lists, mappings. The verdicts are made elsewhere.
 */
#include <linux/ktime.h>
#include <linux/mutex.h>
#include <linux/sched.h>

#include "dualbm.h"
#include "dualbm_audit.h"
#include "dualbm_census.h"
#include "dualbm_chunks.h"
#include "dualbm_flat.h"
#include "dualbm_guard.h"
#include "dualbm_mapped.h"
#include "dualbm_mode.h"
#include "dualbm_pass.h"
#include "dualbm_report.h"
#include "dualbm_trial.h"
#include "dualbm_violation.h"

/*
 * The audit reads every struct page, and those are 170 times as big as the planes. So
 * that it stays cheap it takes a 128th of memory in each pass, or 8 GiB if that is
 * more; a pass that was asked for takes all of it.
 */
#define AUDIT_SHARE	128
#define AUDIT_LEAST	((8UL << 30) / PAGE_SIZE)

/*
 * Steps of the audit of mappings in a pass, of up to DUALBM_MAPPED_UNITS looks each; a pass
 * that was asked for takes all of them.
 */
#define MAPPING_STEPS	1024

/* What a pass still has to do, in this order. */
enum stage { CONTROL, MAP, CHUNKS, LISTS, MAPPINGS, DONE };

struct position {
	enum stage stage;
	unsigned long map;
	struct dualbm_walk walk;
	u64 walk_ns;			/* when it began */
	unsigned long frame;		/* audited next; the planes come before 0 */
	bool planes_done;
	int node;
	int zone;
	unsigned int list;
	unsigned long mappings;		/* steps of that stage */
};

/* Only the scrubber changes these. */
static struct position position;
struct dualbm_pass dualbm_pass;
/* Where the audit goes on, and with how many frames in this pass. */
static unsigned long audit_pfn, audit_left;
/* How many steps of processes a pass may take. */
static unsigned long mappings_left;

/*
 * Who only tries a lock that others queue for may never get it, so it queues as well. But
 * not at idle priority: the lock would be handed to it long before it gets to run, and
 * whoever has to change the chunks would wait as long. The end of the pass takes
 * the priority back.
 */
static void lock_memory(void)
{
	if (mutex_trylock(&dualbm_memory_lock))
		return;
	if (task_nice(current) > 0)
		sched_set_normal(current, 0);
	WRITE_ONCE(dualbm_pass.waiting, true);
	mutex_lock(&dualbm_memory_lock);
	WRITE_ONCE(dualbm_pass.waiting, false);
}

static void report_map(const struct dualbm_flat_fault *fault)
{
	struct dualbm_violation v = {
		.class = DUALBM_DIRECTORY_CORRUPTION,
		.proof = DUALBM_PROOF_DIRECTORY,
		.event = DUALBM_FORGET,
		.pfn = fault->pfn,
		.first = fault->pfn,
		.last = fault->pfn + fault->frames - 1,
		.frames = fault->frames,
		.repaired = fault->repaired,
		.what = "directory",
		.value = fault->copies,
		.liar_phys = fault->phys,
	};

	dualbm_pass.found++;
	if (fault->repaired)
		dualbm_count(DUALBM_STAT_CORRECTED);
	dualbm_report(&v);
}

static void map_step(void)
{
	struct dualbm_flat_fault fault = { .frames = 0 };
	int ret;

	lock_memory();
	ret = dualbm_flat_check(&position.map, &fault);
	mutex_unlock(&dualbm_memory_lock);
	if (ret > 0) {
		report_map(&fault);
	} else if (ret) {
		position.stage = CHUNKS;
		position.walk_ns = ktime_get_ns();
	}
}

/* The chunk at or after the position, or NULL. */
static struct dualbm_chunk *chunk_at(void)
{
	unsigned long pfn = position.walk.pfn;
	struct dualbm_chunk *chunk = dualbm_walk_at(&position.walk);

	lockdep_assert_held(&dualbm_memory_lock);
	/* Another one than the one that was begun: from its beginning. */
	if (chunk && chunk->start_pfn != pfn) {
		position.frame = 0;
		position.planes_done = false;
	}
	return chunk;
}

/* Is this chunk's turn to be audited in this pass? */
static bool is_audited(const struct dualbm_chunk *chunk)
{
	return audit_left && chunk->start_pfn >= audit_pfn;
}

/* Has the audit come to the end of memory? */
static bool is_audit_done(void)
{
	lockdep_assert_held(&dualbm_memory_lock);
	return list_empty(&dualbm_chunks) ||
	       list_last_entry(&dualbm_chunks, struct dualbm_chunk, list)->start_pfn < audit_pfn;
}

static void next_chunk(void)
{
	dualbm_walk_on(&position.walk);
	position.frame = 0;
	position.planes_done = false;
}

static void audit_step(struct dualbm_chunk *chunk)
{
	if (dualbm_subsection_present(chunk, position.frame)) {
		dualbm_pass.found += dualbm_audit_frames(chunk, position.frame);
		WRITE_ONCE(dualbm_pass.audited, dualbm_pass.audited + DUALBM_AUDIT_FRAMES);
	}
	position.frame += DUALBM_AUDIT_FRAMES;
	if (position.frame < DUALBM_CHUNK_FRAMES)
		return;
	audit_pfn = chunk->start_pfn + DUALBM_CHUNK_FRAMES;
	audit_left -= min(audit_left, DUALBM_CHUNK_FRAMES);
	WRITE_ONCE(dualbm_pass.audit_done, dualbm_pass.audit_done + DUALBM_CHUNK_FRAMES);
	next_chunk();
}

static void chunk_step(void)
{
	struct dualbm_chunk *chunk;
	bool suspects = false;

	lock_memory();
	chunk = chunk_at();
	if (!chunk) {
		dualbm_census_complete(position.walk_ns);
		position.stage = is_audit_done() ? LISTS : MAPPINGS;
		position.node = first_online_node;
	} else if (!position.planes_done) {
		dualbm_pass.node = chunk->node;
		suspects = dualbm_trial_look(chunk);
		dualbm_pass.words += DUALBM_PLANE_WORDS;
		position.planes_done = true;
		if (!is_audited(chunk))
			next_chunk();
	} else {
		audit_step(chunk);
	}
	mutex_unlock(&dualbm_memory_lock);
	if (suspects)
		dualbm_pass.found += dualbm_trial_judge();
}

static void list_step(void)
{
	struct zone *zone;

	if (position.node >= MAX_NUMNODES) {
		position.stage = MAPPINGS;
		audit_pfn = 0;
		dualbm_count(DUALBM_STAT_AUDIT_PASSES);
		return;
	}
	zone = &NODE_DATA(position.node)->node_zones[position.zone];
	if (populated_zone(zone) && position.list < DUALBM_AUDIT_LISTS) {
		lock_memory();
		dualbm_pass.found += dualbm_audit_lists(zone, position.list++);
		mutex_unlock(&dualbm_memory_lock);
		return;
	}
	position.list = 0;
	if (++position.zone < MAX_NR_ZONES)
		return;
	position.zone = 0;
	position.node = next_online_node(position.node);
}

/* Its memory may not leave while a frame of it is looked at. */
static void mapping_step(void)
{
	bool done = true;

	if (READ_ONCE(dualbm_audit_mappings)) {
		lock_memory();
		dualbm_pass.found += dualbm_mapped_step(&done);
		mutex_unlock(&dualbm_memory_lock);
	}
	if (done || ++position.mappings >= mappings_left)
		position.stage = DONE;
}

static void control_wrong(const char *name, unsigned int bytes)
{
	struct dualbm_violation v = {
		.class = DUALBM_DIRECTORY_CORRUPTION,
		.proof = DUALBM_PROOF_DIRECTORY,
		.event = DUALBM_FORGET,
		.what = name,
		.value = bytes,
		.repaired = true,
	};

	dualbm_count(DUALBM_STAT_CORRECTED);
	dualbm_report(&v);
}

/* What is kept three times; events may have been lost while it was wrong. */
static unsigned int control_step(void)
{
	unsigned int wrong = 0;

	if (!dualbm_mode_check()) {
		wrong++;
		control_wrong("mode", 1);
	}
	wrong += dualbm_guard_vote(control_wrong);
	if (wrong)
		dualbm_degrade("control data was wrong, and put right");
	return wrong;
}

static unsigned long count_list_steps(void)
{
	unsigned long steps = 0;
	int node, zone;

	for_each_online_node(node)
		for (zone = 0; zone < MAX_NR_ZONES; zone++)
			if (populated_zone(&NODE_DATA(node)->node_zones[zone]))
				steps += DUALBM_AUDIT_LISTS;
	return steps;
}

/*
 * How much a pass audits, and about how many steps it has: for its pace, and for those
 * who watch it. One that somebody asked for begins at the beginning, and takes all.
 */
static void plan(bool full)
{
	unsigned long frames = 0, rest = 0, steps;
	struct dualbm_chunk *chunk;

	if (full)
		audit_pfn = 0;
	if (!audit_pfn) {
		dualbm_audit_begin();
		WRITE_ONCE(dualbm_pass.audit_done, 0);
	}
	lock_memory();
	steps = 2 + dualbm_flat_steps();
	list_for_each_entry(chunk, &dualbm_chunks, list) {
		frames += DUALBM_CHUNK_FRAMES;
		if (chunk->start_pfn >= audit_pfn)
			rest += DUALBM_CHUNK_FRAMES;
	}
	mutex_unlock(&dualbm_memory_lock);
	WRITE_ONCE(dualbm_pass.audit_all, frames);
	audit_left = full ? ULONG_MAX : max(frames / AUDIT_SHARE, AUDIT_LEAST);
	steps += frames / DUALBM_CHUNK_FRAMES +
		 round_up(min(audit_left, rest), DUALBM_CHUNK_FRAMES) / DUALBM_AUDIT_FRAMES;
	if (rest <= audit_left)
		steps += count_list_steps();
	if (full)
		dualbm_mapped_begin();
	mappings_left = full ? ULONG_MAX : MAPPING_STEPS;
	if (READ_ONCE(dualbm_audit_mappings))
		steps += min(mappings_left, dualbm_mapped_steps());
	WRITE_ONCE(dualbm_pass.steps_all, steps);
}

void dualbm_pass_begin(bool full)
{
	position = (struct position){ .stage = CONTROL };
	dualbm_pass.node = NUMA_NO_NODE;
	WRITE_ONCE(dualbm_pass.steps_done, 0);
	WRITE_ONCE(dualbm_pass.audited, 0);
	dualbm_pass.words = 0;
	dualbm_pass.found = 0;
	plan(full);
}

bool dualbm_pass_step(void)
{
	switch (position.stage) {
	case CONTROL:
		dualbm_pass.found += control_step();
		position.stage = MAP;
		break;
	case MAP:
		map_step();
		break;
	case CHUNKS:
		chunk_step();
		break;
	case LISTS:
		list_step();
		break;
	case MAPPINGS:
		mapping_step();
		break;
	case DONE:
		return false;
	}
	if (dualbm_pass.steps_done < dualbm_pass.steps_all)
		WRITE_ONCE(dualbm_pass.steps_done, dualbm_pass.steps_done + 1);
	return true;
}
