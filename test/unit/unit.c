// SPDX-License-Identifier: GPL-2.0-only
/*
 * The design's rule table, written down a second time, and planes as plain
 * memory: but for event_path(), nothing here uses the code under test.
 */
#include <stdio.h>

#include "unit.h"

_Thread_local unsigned long relax_calls;

#define F	FREE_CODE
#define A	ALLOCATED_CODE
#define U	UNTRACKED_CODE
#define D	DEPARTING_CODE
#define ok	DUALBM_NO_VIOLATION

/* The design's section 3: free, allocated, untracked, departing. */
static const struct expectation legal[DUALBM_NR_EVENTS][4] = {
	[DUALBM_ALLOC] = {
		{ A, ok }, { A, DUALBM_DOUBLE_ALLOC }, { A, ok }, { A, ok } },
	[DUALBM_FREE] = {
		{ F, DUALBM_DOUBLE_FREE }, { F, ok }, { F, ok }, { U, ok } },
	[DUALBM_FREE_POISONED] = {
		{ U, ok }, { U, ok }, { U, ok }, { U, ok } },
	[DUALBM_ISOLATE] = {
		{ U, ok }, { U, DUALBM_ALLOCATOR_CORRUPTION }, { U, ok }, { U, ok } },
	[DUALBM_PUTBACK] = {
		{ F, ok }, { F, ok }, { F, ok }, { F, ok } },
	[DUALBM_CHARGE] = {
		{ U, ok }, { A, ok }, { U, ok }, { D, ok } },
	[DUALBM_DEPART] = {
		{ D, ok }, { D, ok }, { D, ok }, { D, ok } },
	[DUALBM_BULK_SINGLE] = {
		{ A, ok }, { A, ok }, { A, ok }, { A, ok } },
	[DUALBM_FORGET] = {
		{ U, ok }, { U, ok }, { U, ok }, { U, ok } },
};

/* After an illegal codeword: what the event would leave an untracked frame in. */
static const unsigned int illegal[DUALBM_NR_EVENTS] = {
	[DUALBM_ALLOC] = A,
	[DUALBM_FREE] = F,
	[DUALBM_FREE_POISONED] = U,
	[DUALBM_ISOLATE] = U,
	[DUALBM_PUTBACK] = F,
	[DUALBM_CHARGE] = U,
	[DUALBM_DEPART] = D,
	[DUALBM_BULK_SINGLE] = A,
	[DUALBM_FORGET] = U,
};

struct expectation expected(enum dualbm_event_type event, unsigned int code)
{
	switch (code) {
	case F:
		return legal[event][0];
	case A:
		return legal[event][1];
	case U:
		return legal[event][2];
	case D:
		return legal[event][3];
	default:
		return (struct expectation) {
			illegal[event], DUALBM_PLANE_CORRUPTION };
	}
}

void expected_word(enum dualbm_event_type event, const u8 *codes, unsigned long nr,
		   struct expectation *expect)
{
	unsigned int from = event == DUALBM_ALLOC ? 2 : 1;
	bool plain = event == DUALBM_ALLOC || event == DUALBM_FREE;
	unsigned long i;

	for (i = 0; i < nr; i++)
		plain = plain && (codes[i] & 7) == from;
	for (i = 0; i < nr; i++)
		expect[i] = plain ? (struct expectation) { codes[i] ^ 3, ok } :
				    expected(event, codes[i]);
}

unsigned long *planes_new(void)
{
	unsigned long *planes = calloc(1, DUALBM_CHUNK_BYTES);

	assert_non_null(planes);
	memset(planes + 2 * STRIDE, 0xff, DUALBM_PLANE_BYTES);
	return planes;
}

void planes_set(unsigned long *planes, unsigned long frame, unsigned int code)
{
	unsigned long bit = 1UL << frame % BITS_PER_LONG;
	unsigned int plane;

	for (plane = 0; plane < 4; plane++) {
		unsigned long *word = planes + plane * STRIDE + frame / BITS_PER_LONG;

		if (code >> plane & 1)
			*word |= bit;
		else
			*word &= ~bit;
	}
}

unsigned int planes_get(const unsigned long *planes, unsigned long frame)
{
	unsigned int code = 0, plane;

	for (plane = 0; plane < 4; plane++)
		code |= (planes[plane * STRIDE + frame / BITS_PER_LONG] >>
			 frame % BITS_PER_LONG & 1) << plane;
	return code;
}

bool event_path(unsigned long *planes, enum dualbm_event_type event, unsigned long first,
		unsigned int order, struct dualbm_mismatch *found, bool *alone)
{
	struct dualbm_part part;
	bool done = event == DUALBM_ALLOC ?
		dualbm_move_block(planes, DUALBM_ALLOC, first, order, &part) :
		dualbm_move_block(planes, DUALBM_FREE, first, order, &part);

	if (alone)
		*alone = done;
	if (done)
		return true;
	if (!part.took && part.first == first)
		return dualbm_planes_apply(planes, event, first, 1ul << order, found);
	return dualbm_planes_moved(planes, event, first, 1ul << order, &part, found);
}

/* The same every time, unless UNIT_SEED says otherwise. */
uint64_t random_seed(void)
{
	const char *text = getenv("UNIT_SEED");
	uint64_t seed = text ? strtoull(text, NULL, 0) : 0;

	if (!seed)
		seed = 0x9e3779b97f4a7c15ull;
	fprintf(stderr, "# UNIT_SEED=%#llx\n", (unsigned long long)seed);
	return seed;
}
