// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory: where a record lies in it, what is stored there, and what the machine's own code
 * makes of it when it is read.
 */
#include <stdlib.h>
#include <string.h>

#include "codes.h"
#include "faultsim.h"

/* A part has half a row, or all of it; false if somebody has that. */
static bool take_place(struct memory *m, unsigned int chunk, unsigned int part,
		       unsigned int rank, unsigned int bank, unsigned int row, unsigned int half)
{
	struct place *place = &m->place[chunk][part];
	bool whole = m->scheme->part_words > PAGE_WORDS;
	int slot = m->slot_of[rank][bank][row];

	if (slot < 0) {
		slot = m->slots++;
		m->slot_of[rank][bank][row] = slot;
		m->row[slot] = (struct row) { rank, bank, row, false, { -1, -1 } };
	}
	if (m->row[slot].chunk[half] >= 0 || (whole && m->row[slot].chunk[!half] >= 0))
		return false;
	m->row[slot].chunk[half] = chunk;
	if (whole)
		m->row[slot].chunk[!half] = chunk;
	*place = (struct place) { rank, bank, row, slot, whole ? 0 : half * PAGE_WORDS };
	return true;
}

static bool is_near(const struct memory *m, unsigned int chunk, unsigned int part,
		    unsigned int rank, unsigned int bank, unsigned int row)
{
	unsigned int other;

	for (other = 0; other < part; other++) {
		const struct place *place = &m->place[chunk][other];

		if (place->rank == rank && place->bank == bank &&
		    abs((int)place->row - (int)row) < ROWS_APART)
			return true;
	}
	return false;
}

/* False if there is no room beside the first part. */
static bool place_part(struct memory *m, unsigned int chunk, unsigned int part)
{
	const struct part *want = &m->scheme->part[part];
	const struct place *first = &m->place[chunk][0];
	unsigned int rank, bank, row, half, tries;

	if (want->spot == SAME_ROW || want->spot == NEXT_ROW) {
		half = first->first != 0;
		if (want->spot == SAME_ROW)
			return take_place(m, chunk, part, first->rank, first->bank, first->row,
					  !half);
		return take_place(m, chunk, part, first->rank, first->bank, first->row + 1, half);
	}
	for (tries = 0; tries < 100; tries++) {
		half = random_below(&m->random, 2);
		rank = want->node * NODE_RANKS + random_below(&m->random, NODE_RANKS);
		if (want->spot == RANK_OF_ITS_OWN)
			rank = want->node;
		bank = random_below(&m->random, BANKS);
		/* The last row has no next one. */
		row = random_below(&m->random, ROWS - 1);
		if (!is_near(m, chunk, part, rank, bank, row) &&
		    take_place(m, chunk, part, rank, bank, row, half))
			return true;
	}
	return false;
}

static bool lay_out(struct memory *m)
{
	unsigned int chunk, part;

	m->slots = 0;
	memset(m->slot_of, -1, sizeof(m->slot_of));
	for (chunk = 0; chunk < CHUNKS; chunk++)
		for (part = 0; part < m->scheme->parts; part++)
			if (!place_part(m, chunk, part))
				return false;
	return true;
}

static void draw_truth(struct memory *m)
{
	struct random *r = &m->random;
	unsigned int chunk, word;

	for (chunk = 0; chunk < CHUNKS; chunk++) {
		for (word = 0; word < m->scheme->words; word++) {
			uint64_t *is = m->truth[chunk][word];
			uint64_t allocated = random_next(r), unknown = 0;

			if (!random_below(r, UNIFORM_OF))
				allocated = random_below(r, 2) ? ~0ull : 0;
			if (m->scheme->states == STATES && !random_below(r, UNKNOWN_OF))
				unknown = random_next(r) & random_next(r);
			is[IS_DEPARTING] = unknown & random_next(r) & random_next(r);
			is[IS_UNTRACKED] = unknown & ~is[IS_DEPARTING];
			is[IS_ALLOCATED] = allocated & ~unknown;
			is[IS_FREE] = ~allocated & ~unknown;
		}
	}
}

void memory_seal(struct memory *m, unsigned int slot, unsigned int word)
{
	if (m->ecc == ECC_SECDED)
		m->check[slot][word] = hsiao_check(m->data[slot][word]);
	else if (m->ecc == ECC_CHIPKILL)
		chipkill_check(&m->data[slot][word & ~1u], &m->check[slot][word & ~1u]);
}

bool memory_read(const struct memory *m, unsigned int slot, unsigned int word, uint64_t *bits)
{
	uint64_t pair[2];
	bool fine = true;

	*bits = m->data[slot][word];
	if (m->ecc == ECC_SECDED) {
		fine = hsiao_decode(bits, m->check[slot][word]) != CODE_UNCORRECTABLE;
	} else if (m->ecc == ECC_CHIPKILL) {
		memcpy(pair, &m->data[slot][word & ~1u], sizeof(pair));
		fine = chipkill_decode(pair, &m->check[slot][word & ~1u]) != CODE_UNCORRECTABLE;
		*bits = pair[word & 1];
	}
	return fine;
}

void memory_fill(struct memory *m)
{
	unsigned int chunk, slot, word;

	/* Where one does not fit all are drawn again, or the layouts that fit would be favoured. */
	while (!lay_out(m))
		;
	draw_truth(m);
	/* What else is in those rows is somebody's data. */
	for (slot = 0; slot < m->slots; slot++)
		for (word = 0; word < ROW_WORDS; word++)
			m->data[slot][word] = random_next(&m->random);
	for (chunk = 0; chunk < CHUNKS; chunk++)
		record_store(m, chunk);
	for (slot = 0; slot < m->slots; slot++)
		for (word = 0; word < ROW_WORDS; word += 1 + (m->ecc == ECC_CHIPKILL))
			memory_seal(m, slot, word);
	memcpy(m->good, m->data, m->slots * sizeof(m->data[0]));
	memcpy(m->good_check, m->check, m->slots * sizeof(m->check[0]));
}

void memory_mend(struct memory *m)
{
	unsigned int slot;

	for (slot = 0; slot < m->slots; slot++) {
		if (!m->row[slot].dirty)
			continue;
		memcpy(m->data[slot], m->good[slot], sizeof(m->data[0]));
		memcpy(m->check[slot], m->good_check[slot], sizeof(m->check[0]));
		m->row[slot].dirty = false;
	}
}
