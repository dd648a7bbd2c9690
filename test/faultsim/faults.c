// SPDX-License-Identifier: GPL-2.0-only
/*
 * Faults: what is hit, and what is left there. One always begins where some of the record is,
 * each word of it as likely as another.
 */
#include <string.h>

#include "faultsim.h"

const struct mode_facts modes[NR_MODES] = {
	[ONE_BIT]	= { "one bit", SMALL_FAULTS, FIT_BIT },
	[ONE_WORD]	= { "one word of a device", SMALL_FAULTS, FIT_WORD },
	[ONE_COLUMN]	= { "one column of a device", SMALL_FAULTS, FIT_COLUMN },
	[ONE_ROW]	= { "one row of a device", LARGE_FAULTS, FIT_ROW },
	[TWO_ROWS]	= { "two rows of a device", LARGE_FAULTS, 0 },
	[ONE_BANK]	= { "one bank of a device", LARGE_FAULTS, FIT_BANK },
	[MULTI_BANK]	= { "several banks of a device", LARGE_FAULTS, FIT_MULTI_BANK },
	[ONE_DEVICE]	= { "one device", LARGE_FAULTS, 0 },
	[ONE_LANE]	= { "one data line, both ranks", LARGE_FAULTS, 0 },
	[MULTI_RANK]	= { "a device's lines, both ranks", LARGE_FAULTS, FIT_MULTI_RANK },
	[ONE_CHANNEL]	= { "a channel", LARGE_FAULTS, 0 },
	[WRONG_ROW]	= { "another row comes", LARGE_FAULTS, 0 },
	[STRAY_STORE]	= { "a stray store", SMALL_FAULTS, 0 },
	[PAGE_ZEROES]	= { "a page of 0x00", LARGE_FAULTS, 0 },
	[PAGE_ONES]	= { "a page of 0xff", LARGE_FAULTS, 0 },
	[PAGE_5A]	= { "a page of 0x5a", LARGE_FAULTS, 0 },
	[PAGE_COPIED]	= { "a page copied over another", LARGE_FAULTS, 0 },
	[PAGES_SWAPPED]	= { "two pages exchanged", LARGE_FAULTS, 0 },
	[SECTIONS_SWAPPED] = { "two sections exchanged", LARGE_FAULTS, 0 },
	[ALL_ZEROES]	= { "all of the record 0x00", LEAST_FAULTS, 0 },
	[ALL_ONES]	= { "all of the record 0xff", LEAST_FAULTS, 0 },
	[ALL_5A]	= { "all of the record 0x5a", LEAST_FAULTS, 0 },
};

/* Bits of a word and of its check byte become what the fault makes of them. */
static void spoil(struct memory *m, enum kind kind, unsigned int slot, unsigned int word,
		  uint64_t mask, uint8_t check_mask)
{
	uint64_t *data = &m->data[slot][word], noise;
	uint8_t *check = &m->check[slot][word];

	m->row[slot].dirty = true;
	switch (kind) {
	case ZEROES:
		*data &= ~mask;
		*check &= ~check_mask;
		break;
	case ONES:
		*data |= mask;
		*check |= check_mask;
		break;
	case COMPLEMENT:
		*data ^= mask;
		*check ^= check_mask;
		break;
	default:
		noise = random_next(&m->random);
		*data = (*data & ~mask) | (noise & mask);
		if (check_mask)
			*check = (*check & ~check_mask) |
				 (random_next(&m->random) & check_mask);
	}
}

/* What a fault of DRAM spans: everything that agrees with where it began, as far as it goes. */
struct region {
	bool same_rank, same_node, same_row, same_column;
	bool bank[BANKS];
	/* A second row of the bank. */
	int other_row;
	uint64_t mask;
	uint8_t check_mask;
};

static void spoil_region(struct memory *m, const struct region *region,
			 enum kind kind, const struct place *at, unsigned int word)
{
	unsigned int slot, w;

	for (slot = 0; slot < m->slots; slot++) {
		const struct row *row = &m->row[slot];

		if ((region->same_rank && row->rank != at->rank) ||
		    (region->same_node && row->rank / NODE_RANKS != at->rank / NODE_RANKS) ||
		    (region->same_row && row->row != at->row && row->row != region->other_row) ||
		    !region->bank[row->bank])
			continue;
		if (region->same_column)
			spoil(m, kind, slot, word, region->mask, region->check_mask);
		for (w = 0; !region->same_column && w < ROW_WORDS; w++)
			spoil(m, kind, slot, w, region->mask, region->check_mask);
	}
}

static void strike_dram(struct memory *m, enum mode mode, enum kind kind,
			const struct place *at, unsigned int word)
{
	unsigned int device = random_below(&m->random, DEVICES), bank;
	unsigned int bit = device * DEVICE_BITS + random_below(&m->random, DEVICE_BITS);
	struct region region = {
		.same_rank = mode != ONE_LANE && mode != MULTI_RANK && mode != ONE_CHANNEL,
		.same_node = true,
		.same_row = mode == ONE_BIT || mode == ONE_WORD || mode == ONE_ROW ||
			    mode == TWO_ROWS,
		.same_column = mode == ONE_BIT || mode == ONE_WORD || mode == ONE_COLUMN,
		.other_row = mode == TWO_ROWS ? at->row + 1 : -1,
		.mask = 15ull << device * DEVICE_BITS,
	};

	if (mode == ONE_BIT || mode == ONE_COLUMN || mode == ONE_LANE)
		region.mask = 1ull << bit;
	if (mode == ONE_CHANNEL) {
		region.mask = ~0ull;
		region.check_mask = 255;
	}
	for (bank = 0; bank < BANKS; bank++) {
		region.bank[bank] = bank == at->bank || mode >= ONE_DEVICE;
		if (mode == MULTI_BANK)
			region.bank[bank] |= random_below(&m->random, 2);
	}
	spoil_region(m, &region, kind, at, word);
}

/* A word of whatever belongs to the record is stored, as the CPU does it. */
static void store(struct memory *m, unsigned int slot, unsigned int word, uint64_t bits)
{
	m->row[slot].dirty = true;
	m->data[slot][word] = bits;
	memory_seal(m, slot, word);
}

static void fill_page(struct memory *m, const struct place *at, uint64_t bits)
{
	unsigned int word;

	for (word = 0; word < m->scheme->part_words; word++)
		store(m, at->slot, at->first + word, bits);
}

static void copy_page(struct memory *m, const struct place *to, const struct place *from,
		      bool swap)
{
	unsigned int word;

	for (word = 0; word < m->scheme->part_words; word++) {
		uint64_t was = m->data[to->slot][to->first + word];

		store(m, to->slot, to->first + word, m->data[from->slot][from->first + word]);
		if (swap)
			store(m, from->slot, from->first + word, was);
	}
}

/*
 * The address or the command was wrong: what comes is whole, with its check bits, and is
 * another row of that bank: of the record if there is one, or somebody's data.
 */
static void take_other_row(struct memory *m, const struct place *at)
{
	unsigned int slot, word;
	int other = -1;

	for (slot = 0; slot < m->slots; slot++)
		if (slot != at->slot && m->row[slot].rank == at->rank &&
		    m->row[slot].bank == at->bank && (other < 0 || random_below(&m->random, 2)))
			other = slot;
	m->row[at->slot].dirty = true;
	if (other >= 0 && random_below(&m->random, 2)) {
		memcpy(m->data[at->slot], m->good[other], sizeof(m->data[0]));
		memcpy(m->check[at->slot], m->good_check[other], sizeof(m->check[0]));
		return;
	}
	for (word = 0; word < ROW_WORDS; word++)
		store(m, at->slot, word, random_next(&m->random));
}

static void strike_software(struct memory *m, enum mode mode, unsigned int chunk,
			    unsigned int part, unsigned int word)
{
	unsigned int other = (chunk + 1 + random_below(&m->random, CHUNKS - 1)) % CHUNKS, p, c;
	unsigned int other_part = random_below(&m->random, m->scheme->parts);
	const struct place *at = &m->place[chunk][part];
	static const uint64_t fills[] = { 0, ~0ull, 0x5a5a5a5a5a5a5a5aull };

	switch (mode) {
	case STRAY_STORE:
		store(m, at->slot, word, random_next(&m->random));
		break;
	case PAGE_ZEROES:
	case PAGE_ONES:
	case PAGE_5A:
		fill_page(m, at, fills[mode - PAGE_ZEROES]);
		break;
	case PAGE_COPIED:
	case PAGES_SWAPPED:
		/* Any two pages of the record. */
		copy_page(m, at, &m->place[other][other_part], mode == PAGES_SWAPPED);
		break;
	case SECTIONS_SWAPPED:
		for (p = 0; p < m->scheme->parts; p++)
			copy_page(m, &m->place[chunk][p], &m->place[other][p], true);
		break;
	default:
		for (c = 0; c < CHUNKS; c++)
			for (p = 0; p < m->scheme->parts; p++)
				fill_page(m, &m->place[c][p], fills[mode - ALL_ZEROES]);
	}
}

void fault_strike(struct memory *m, enum mode mode, enum kind kind)
{
	unsigned int chunk = random_below(&m->random, CHUNKS);
	unsigned int part = random_below(&m->random, m->scheme->parts);
	const struct place *at = &m->place[chunk][part];
	unsigned int word = at->first + random_below(&m->random, m->scheme->part_words);

	if (mode == WRONG_ROW)
		take_other_row(m, at);
	else if (mode < STRAY_STORE)
		strike_dram(m, mode, kind, at, word);
	else
		strike_software(m, mode, chunk, part, word);
}
