/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What all proofs share: values that CBMC picks, and planes that it picks. A local variable that
 * is not initialised is any value.
 */
#ifndef PROOF_H
#define PROOF_H

#include "../../dualbm_bitmap.c"

/* Nobody else runs, so whoever waits goes on as he was. */
_Thread_local unsigned long relax_calls;

int sched_yield(void)
{
	return 0;
}

/* Made from docs/design.md by design.awk. */
struct design_rule {
	unsigned char next;
	unsigned char class;
};

#include "design.h"

#define WORDS		DUALBM_PLANE_WORDS
#define STRIDE		DUALBM_PLANE_STRIDE
#define FRAMES		DUALBM_CHUNK_FRAMES

/* The four planes of a chunk, in a row, as they may lie in memory. */
struct planes {
	unsigned long words[4 * STRIDE];
};

unsigned long nondet_number(void);

static inline unsigned long any_below(unsigned long limit)
{
	unsigned long number = nondet_number();

	__CPROVER_assume(number < limit);
	return number;
}

/*
 * Has to be found false: it shows that the proof comes here, that what it assumes can be, and so
 * that what it proves is not proven of nothing.
 */
#define REACHED(where)	__CPROVER_assert(0, "reached: " where)
#define PROVE(what, is)	__CPROVER_assert(is, what)

/* Written without the code under test. */
static inline unsigned int code_of(const struct planes *planes, unsigned long frame)
{
	const unsigned long *word = planes->words + frame / 64;
	unsigned int bit = frame % 64;

	return (word[0] >> bit & 1) | (word[STRIDE] >> bit & 1) << 1 |
	       (word[2 * STRIDE] >> bit & 1) << 2 | (word[3 * STRIDE] >> bit & 1) << 3;
}

static inline bool is_good(unsigned int code)
{
	return code == 9 || code == 10 || code == 4 || code == 7;
}

#endif /* PROOF_H */
