/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What was proven, and how long it took (dualbm_proven.c).
 */
#ifndef DUALBM_PROVEN_H
#define DUALBM_PROVEN_H

#include <linux/types.h>

/* When something is proven: what is proven at load stays true to its kernel. */
enum dualbm_occasion {
	DUALBM_AT_LOAD,
	DUALBM_ON_REQUEST,
	DUALBM_NR_OCCASIONS
};

/* The parts, in the order in which they are proven. The file "proof" names them. */
enum dualbm_part_proven {
	DUALBM_PROVEN_WAYS,
	DUALBM_PROVEN_LISTS,
	DUALBM_PROVEN_RULES,
	DUALBM_PROVEN_BLOCKS,
	DUALBM_PROVEN_CODEWORDS,
	DUALBM_PROVEN_BASE,
	DUALBM_PROVEN_REPORTS,
	DUALBM_PROVEN_HOOKS,
	DUALBM_PROVEN_EVENTS,
	DUALBM_PROVEN_SCRUBBER,
	DUALBM_NR_PROVEN
};

/**
 * dualbm_proven_begin() - a part is about to be proven
 *
 * Context: Any.
 *
 * Return: what dualbm_proven_end() wants to have.
 */
u64 dualbm_proven_begin(void);

/**
 * dualbm_proven_end() - a part was proven, or was not
 * @occasion: when
 * @part: which
 * @began: from dualbm_proven_begin()
 * @passed: whether it was found to be as it has to be
 *
 * Context: Process; one at a time.
 */
void dualbm_proven_end(enum dualbm_occasion occasion, enum dualbm_part_proven part, u64 began,
		       bool passed);

/**
 * dualbm_proven_forget() - what was said of an occasion is not so any more
 * @occasion: which
 *
 * Context: Process; as dualbm_proven_end().
 */
void dualbm_proven_forget(enum dualbm_occasion occasion);

/**
 * dualbm_proven_show() - the text of the file "proof"
 * @buffer: a page
 *
 * Context: Process; takes no lock.
 *
 * Return: its length.
 */
int dualbm_proven_show(char *buffer);

#endif /* DUALBM_PROVEN_H */
