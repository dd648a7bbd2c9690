/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A pass of the scrubber (dualbm_pass.c).
 */
#ifndef DUALBM_PASS_H
#define DUALBM_PASS_H

#include <linux/types.h>

/**
 * struct dualbm_pass - how far the pass is, and what it has seen
 * @steps_done: its steps
 * @steps_all: about how many it will have
 * @words: of the planes
 * @found: findings, and what was put right
 * @audited: frames that were compared with the allocator
 * @audit_done: frames of the audit's round, which takes several passes
 * @audit_all: how many that round has
 * @node: whose memory it looks at, or NUMA_NO_NODE
 * @waiting: it waits for dualbm_memory_lock
 *
 * The scrubber changes it; others read @steps_done, @steps_all, @audited, @audit_done,
 * @audit_all and @waiting, which may be of different moments.
 */
struct dualbm_pass {
	unsigned long steps_done;
	unsigned long steps_all;
	u64 words;
	u64 found;
	u64 audited;
	unsigned long audit_done;
	unsigned long audit_all;
	int node;
	bool waiting;
};

extern struct dualbm_pass dualbm_pass;

/**
 * dualbm_pass_begin() - plan a pass, and begin it
 * @full: of all memory, also of the allocator; else the audit takes its share
 *
 * Context: The scrubber; takes dualbm_memory_lock, sleeps.
 */
void dualbm_pass_begin(bool full);

/**
 * dualbm_pass_step() - make one step of the pass that was begun
 *
 * At most 2 MiB of planes, a block of the audit, or a part of a list. Findings are
 * reported.
 *
 * Context: The scrubber; takes dualbm_memory_lock, sleeps.
 *
 * Return: true, or false if nothing was left to do.
 */
bool dualbm_pass_step(void);

#endif /* DUALBM_PASS_H */
