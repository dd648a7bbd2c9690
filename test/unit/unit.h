/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Shared by the unit tests: planes on the heap, where the address sanitizer
 * guards both ends, and the rules once more, written down from the design.
 */
#ifndef UNIT_H
#define UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dualbm_bitmap.h"

#define FRAMES	DUALBM_CHUNK_FRAMES
#define WORDS	DUALBM_PLANE_WORDS
#define STRIDE	DUALBM_PLANE_STRIDE

#define FREE_CODE	10u
#define ALLOCATED_CODE	9u
#define UNTRACKED_CODE	4u
#define DEPARTING_CODE	7u

static inline bool code_is_legal(unsigned int code)
{
	return code == FREE_CODE || code == ALLOCATED_CODE ||
	       code == UNTRACKED_CODE || code == DEPARTING_CODE;
}

struct expectation {
	unsigned int next;
	enum dualbm_class class;
};

/* What the design says: an independent copy of the rule table (unit.c). */
struct expectation expected(enum dualbm_event_type event, unsigned int code);

/*
 * The same for frames of one word together: where all of them are what an alloc or
 * free event expects in three planes, the known bit is neither looked at nor stored.
 */
void expected_word(enum dualbm_event_type event, const u8 *codes, unsigned long nr,
		   struct expectation *expect);

unsigned long *planes_new(void);
void planes_set(unsigned long *planes, unsigned long frame, unsigned int code);
unsigned int planes_get(const unsigned long *planes, unsigned long frame);

/*
 * An alloc or free event of a block, as the event path has it (dualbm_event.c, move_event()).
 * @alone: set to whether nothing else had to finish it; or NULL.
 */
bool event_path(unsigned long *planes, enum dualbm_event_type event, unsigned long first,
		unsigned int order, struct dualbm_mismatch *found, bool *alone);

/* xorshift64*: the same numbers on every machine, from a seed that is printed. */
struct random {
	uint64_t state;
};

static inline uint64_t random_next(struct random *r)
{
	r->state ^= r->state >> 12;
	r->state ^= r->state << 25;
	r->state ^= r->state >> 27;
	return r->state * 0x2545f4914f6cdd1dull;
}

static inline unsigned long random_below(struct random *r, unsigned long limit)
{
	return (random_next(r) >> 16) % limit;
}

uint64_t random_seed(void);

#endif /* UNIT_H */
