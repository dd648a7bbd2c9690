// SPDX-License-Identifier: GPL-2.0-only
/*
 * What faults of DRAM leave of a record: a small simulation. Where a fault changes
 * what the record says of a frame, and nothing shows it, a word is silently wrong.
 *
 * A node is one rank of 16 chips of 4 bits, with 16 banks of rows of 8 KiB; a page of a
 * plane is half a row. A fault damages a region: what was there becomes anything, all
 * zeroes, all ones, or its complement; or another row comes for one that was asked for.
 * covers: R-PLANE-1
 */
#include <stdio.h>

#include "unit.h"

#define CHUNKS		32
#define BANKS		16
#define BANK_ROWS	16
#define NODES		2
#define ROW_WORDS	1024
#define PAGE_WORDS	512
#define TRIALS		4

static uint64_t dram[NODES][BANKS][BANK_ROWS][ROW_WORDS];
static u8 spoilt[NODES][BANKS][BANK_ROWS];
/* What each frame is: for each legal codeword a bit per frame. */
enum { IS_FREE, IS_ALLOCATED, IS_UNTRACKED, IS_DEPARTING, STATES };
static uint64_t truth[CHUNKS][PAGE_WORDS][STATES];

/* Where a plane's page of a chunk lies: the chunk moves it on within this. */
struct place {
	u8 node, bank, row, half;
};

struct scheme {
	const char *name;
	unsigned int planes, states;
	u8 codes[STATES];
	struct place place[4];
};

static const struct scheme schemes[] = {
	{ "2 side by side", 2, 2, { 2, 1 }, { { 0, 0, 0, 0 }, { 0, 0, 0, 1 } } },
	{ "2 on 2 nodes", 2, 2, { 2, 1 }, { { 0, 0, 0, 0 }, { 1, 0, 0, 0 } } },
	{ "3 on 1 node", 3, 4, { 2, 1, 4, 7 },
	  { { 0, 0, 0, 0 }, { 0, 8, 8, 0 }, { 0, 0, 0, 1 } } },
	{ "3 on 2 nodes", 3, 4, { 2, 1, 4, 7 },
	  { { 0, 0, 0, 0 }, { 1, 0, 0, 0 }, { 0, 0, 0, 1 } } },
	{ "4 on 1 node", 4, 4,
	  { FREE_CODE, ALLOCATED_CODE, UNTRACKED_CODE, DEPARTING_CODE },
	  { { 0, 0, 0, 0 }, { 0, 4, 4, 0 }, { 0, 8, 8, 0 }, { 0, 12, 12, 0 } } },
	{ "4 on 2 nodes", 4, 4,
	  { FREE_CODE, ALLOCATED_CODE, UNTRACKED_CODE, DEPARTING_CODE },
	  { { 0, 0, 0, 0 }, { 1, 0, 0, 0 }, { 0, 8, 8, 0 }, { 1, 8, 8, 0 } } },
};

#define SCHEMES		(sizeof(schemes) / sizeof(schemes[0]))

enum mode { CELL, COLUMN, ROW, BANK, DEVICE, NODE, ALL, SWAP, MODES };

static const char * const mode_names[] = {
	"cell", "column", "row", "bank", "chip", "node", "all of memory wiped", "rows swapped"
};

enum kind { ANYTHING, ZEROES, ONES, INVERTED, KINDS };

/* Four chunks have their rows in the same banks, so that a bank has many of them. */
static uint64_t *word_of(const struct scheme *scheme, unsigned int plane,
			 unsigned int chunk, unsigned int word, u8 **spoilt_row)
{
	const struct place *place = &scheme->place[plane];
	unsigned int bank = (place->bank + chunk % 4) % BANKS;
	unsigned int row = (place->row + chunk / 4) % BANK_ROWS;

	*spoilt_row = &spoilt[place->node][bank][row];
	return &dram[place->node][bank][row][place->half * PAGE_WORDS + word];
}

/* Mostly free and allocated frames, with rows of the same as a machine has them. */
static void fill(const struct scheme *scheme, struct random *r)
{
	unsigned int chunk, word, plane, state;
	u8 *row;

	memset(spoilt, 0, sizeof(spoilt));
	for (chunk = 0; chunk < CHUNKS; chunk++) {
		for (word = 0; word < PAGE_WORDS; word++) {
			uint64_t *is = truth[chunk][word], other = 0, a = random_next(r);

			if (!random_below(r, 4))
				a = random_below(r, 2) ? ~0ull : 0;
			if (scheme->states == STATES && !random_below(r, 4))
				other = random_next(r) & random_next(r);
			is[IS_DEPARTING] = other & random_next(r) & random_next(r);
			is[IS_UNTRACKED] = other & ~is[IS_DEPARTING];
			is[IS_ALLOCATED] = a & ~other;
			is[IS_FREE] = ~a & ~other;
			for (plane = 0; plane < scheme->planes; plane++) {
				uint64_t bits = 0;

				for (state = 0; state < scheme->states; state++)
					if (scheme->codes[state] >> plane & 1)
						bits |= is[state];
				*word_of(scheme, plane, chunk, word, &row) = bits;
			}
		}
	}
}

static void spoil(struct random *r, enum kind how, unsigned int node, unsigned int bank,
		  unsigned int row, unsigned int word, uint64_t mask)
{
	uint64_t *bits = &dram[node][bank][row][word];

	spoilt[node][bank][row] = 1;
	switch (how) {
	case ZEROES:
		*bits &= ~mask;
		break;
	case ONES:
		*bits |= mask;
		break;
	case INVERTED:
		*bits ^= mask;
		break;
	default:
		*bits = (*bits & ~mask) | (random_next(r) & mask);
	}
}

static void strike(struct random *r, enum mode where, enum kind how)
{
	/* Of node 0: all schemes have something there. */
	unsigned int at_bank = random_below(r, 4), at_row = random_below(r, CHUNKS / 4);
	unsigned int at_word = random_below(r, ROW_WORDS), node, bank, row, word;
	unsigned int lane = random_below(r, 16), other = (at_row + 1) % (CHUNKS / 4);
	uint64_t bit = 1ull << random_below(r, 64), mask;

	for (node = 0; node < NODES; node++) {
		for (bank = 0; bank < BANKS; bank++) {
			for (row = 0; row < BANK_ROWS; row++) {
				bool here = where == ALL || !node;

				if (where <= BANK)
					here = here && bank == at_bank;
				if (where == CELL || where == ROW)
					here = here && row == at_row;
				if (!here || where == SWAP)
					continue;
				mask = where == CELL || where == COLUMN ? bit :
				       where == DEVICE ? 15ull << 4 * lane : ~0ull;
				for (word = 0; word < ROW_WORDS; word++)
					if ((where != CELL && where != COLUMN) || word == at_word)
						spoil(r, how, node, bank, row, word, mask);
			}
		}
	}
	for (word = 0; where == SWAP && word < ROW_WORDS; word++) {
		uint64_t was = dram[0][at_bank][at_row][word];

		dram[0][at_bank][at_row][word] = dram[0][at_bank][other][word];
		dram[0][at_bank][other][word] = was;
	}
	if (where == SWAP) {
		spoilt[0][at_bank][at_row] = 1;
		spoilt[0][at_bank][other] = 1;
	}
}

/* A legal codeword that is not what the frame is. */
static bool is_silently_wrong(const struct scheme *scheme, unsigned int chunk,
			      unsigned int word)
{
	unsigned int plane, state;
	uint64_t wrong = 0;
	u8 *row;

	for (state = 0; state < scheme->states; state++) {
		uint64_t looks = ~0ull;

		for (plane = 0; plane < scheme->planes; plane++) {
			uint64_t bits = *word_of(scheme, plane, chunk, word, &row);

			looks &= scheme->codes[state] >> plane & 1 ? bits : ~bits;
		}
		wrong |= looks & ~truth[chunk][word][state];
	}
	return wrong;
}

/* Of the words in what a fault has hit, how many in a thousand are silently wrong. */
static unsigned int silently_wrong(const struct scheme *scheme, enum mode mode, uint64_t seed)
{
	struct random r = { .state = seed + mode };
	unsigned long hit = 0, wrong = 0;
	unsigned int trial, kind, chunk, word, plane;

	for (trial = 0; trial < TRIALS; trial++) {
		for (kind = 0; kind < KINDS; kind++) {
			if (mode == ALL && kind != ZEROES && kind != ONES)
				continue;
			fill(scheme, &r);
			strike(&r, mode, kind);
			for (chunk = 0; chunk < CHUNKS; chunk++) {
				u8 *row, any = 0;

				for (plane = 0; plane < scheme->planes; plane++) {
					word_of(scheme, plane, chunk, 0, &row);
					any |= *row;
				}
				for (word = 0; any && word < PAGE_WORDS; word++) {
					hit++;
					wrong += is_silently_wrong(scheme, chunk, word);
				}
			}
		}
	}
	assert_true(hit);
	return wrong ? (wrong * 1000 + hit - 1) / hit : 0;
}

static void no_fault_of_one_node_is_silent(void **state)
{
	unsigned int mode, scheme, result;
	uint64_t seed = random_seed();
	char line[160];
	int length;

	length = snprintf(line, sizeof(line), "# words silently wrong, in 1000: ");
	for (scheme = 0; scheme < SCHEMES; scheme++)
		length += snprintf(line + length, sizeof(line) - length, "%15s",
				   schemes[scheme].name);
	print_message("%s\n", line);
	for (mode = 0; mode < MODES; mode++) {
		length = snprintf(line, sizeof(line), "# %31s ", mode_names[mode]);
		for (scheme = 0; scheme < SCHEMES; scheme++) {
			result = silently_wrong(&schemes[scheme], mode, seed);
			length += snprintf(line + length, sizeof(line) - length, "%15u", result);
			/* On one node a chip, and the node, have all copies of a frame. */
			if (scheme == SCHEMES - 1 ||
			    (scheme == SCHEMES - 2 && mode != DEVICE && mode != NODE))
				assert_int_equal(result, 0);
			/* The simulation sees what the fourth plane is for. */
			if (scheme == SCHEMES - 3 &&
			    (mode == ROW || mode == BANK || mode == NODE || mode == ALL))
				assert_in_range(result, 1, 1000);
		}
		print_message("%s\n", line);
	}
}

/* ---- a code in place: 57 bits for frames and 7 to check them, in one word ---- */

/* Each bit has one of the 64 syndromes of odd weight: a single error is put right. */
static unsigned int syndrome_of(uint64_t error)
{
	unsigned int bit, syndrome = 0, column;

	for (bit = 0; bit < 64; bit++) {
		if (!(error >> bit & 1))
			continue;
		column = bit << 1;
		column |= !(__builtin_popcount(column) & 1);
		syndrome ^= column;
	}
	return syndrome;
}

/* In what it becomes of an error: 0 right, 1 seen, 2 wrong without a word. */
static int decoded(uint64_t error)
{
	unsigned int syndrome = syndrome_of(error), bit;

	if (!syndrome)
		return error ? 2 : 0;
	if (!(__builtin_popcount(syndrome) & 1))
		return 1;
	for (bit = 0; bit < 64; bit++)
		if (syndrome_of(1ull << bit) == syndrome)
			break;
	return error ^ 1ull << bit ? 2 : 0;
}

static void a_code_in_place_is_fooled_by_a_chip(void **state)
{
	unsigned int lane, error, wrong = 0, all = 0;

	for (lane = 0; lane < 16; lane++) {
		for (error = 0; error < 16; error++, all++)
			wrong += decoded((uint64_t)error << 4 * lane) == 2;
	}
	print_message("# a (64,57) code, a chip's faults: %u of %u words are silently wrong\n",
		      wrong, all);
	assert_in_range(wrong, all / 5, all);
	/* All zeroes is a word of it, and so is any row that comes for another one. */
	assert_int_equal(decoded(0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_fault_of_one_node_is_silent),
		cmocka_unit_test(a_code_in_place_is_fooled_by_a_chip),
	};

	return cmocka_run_group_tests_name("dram", tests, NULL, NULL);
}
