/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The scrubber's verdicts on planes (dualbm_trial.c).
 */
#ifndef DUALBM_TRIAL_H
#define DUALBM_TRIAL_H

#include "dualbm.h"

struct dualbm_chunk;

/**
 * dualbm_trial_look() - look for suspects in the planes of a chunk
 * @chunk: the chunk
 *
 * Suspects are illegal codewords, and frames that have been departing for a whole
 * period of the scrubber.
 *
 * Context: The scrubber; dualbm_memory_lock held. May allocate memory.
 *
 * Return: true if there are any; then dualbm_trial_judge() comes next.
 */
bool dualbm_trial_look(struct dualbm_chunk *chunk);

/**
 * dualbm_trial_judge() - confirm the suspects of the last look, and report them
 *
 * Waits for RCU, and stops all CPUs if there are suspects left. What is wrong becomes
 * untracked, or what an exact witness says with repair=1.
 *
 * Context: The scrubber, without dualbm_memory_lock; sleeps.
 *
 * Return: how many frames were wrong.
 */
unsigned long dualbm_trial_judge(void);

/**
 * dualbm_trial_settle() - wait until the findings made so far are reported
 *
 * Context: Process, not the scrubber; sleeps.
 */
void dualbm_trial_settle(void);

#endif /* DUALBM_TRIAL_H */
