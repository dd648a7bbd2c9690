// SPDX-License-Identifier: GPL-2.0-only
/*
 * Schemes: how a record of frames may be kept, how it is stored, and what whoever reads it
 * next believes, sees or puts right.
 */
#include <string.h>

#include "codes.h"
#include "dualbm_bitmap.h"
#include "faultsim.h"

/* The module's own codewords; what it had before its fourth plane are their first three bits. */
#define FOUR	{ DUALBM_CODE_FREE, DUALBM_CODE_ALLOCATED,			\
		  DUALBM_CODE_UNTRACKED, DUALBM_CODE_DEPARTING }
#define THREE	{ DUALBM_CODE_FREE & 7, DUALBM_CODE_ALLOCATED & 7,		\
		  DUALBM_CODE_UNTRACKED & 7, DUALBM_CODE_DEPARTING & 7 }
#define PAIR	{ 2, 1 }
#define MIRROR	{ 0, 3 }

#define BITMAPS(parts, states, locked)						\
	PLANES, parts, states, PAGE_WORDS, PAGE_WORDS, false, 1000 * (parts), locked

const struct scheme schemes[] = {
	{ "one bitmap", BITMAPS(1, 2, "1"), { 0, 1 }, { { 0, ANYWHERE } } },
	{ "a pair in one row", BITMAPS(2, 2, "2"), PAIR, { { 0, ANYWHERE }, { 0, SAME_ROW } } },
	{ "a pair in rows side by side", BITMAPS(2, 2, "2"), PAIR,
	  { { 0, ANYWHERE }, { 0, NEXT_ROW } } },
	{ "a pair on two nodes", BITMAPS(2, 2, "2"), PAIR, { { 0, ANYWHERE }, { 1, ANYWHERE } } },
	{ "a mirror on two nodes", BITMAPS(2, 2, "2"), MIRROR,
	  { { 0, ANYWHERE }, { 1, ANYWHERE } } },
	{ "three planes, one node", BITMAPS(3, 4, "2"), THREE,
	  { { 0, ANYWHERE }, { 0, ANYWHERE }, { 0, SAME_ROW } } },
	{ "three planes, two nodes", BITMAPS(3, 4, "2"), THREE,
	  { { 0, ANYWHERE }, { 1, ANYWHERE }, { 0, SAME_ROW } } },
	/* Where dualbm_placement.c puts them: untracked with primary, known with secondary. */
	{ "dualbm, one node", BITMAPS(4, 4, "2"), FOUR,
	  { { 0, ANYWHERE }, { 0, ANYWHERE }, { 0, ANYWHERE }, { 0, ANYWHERE } } },
	{ "dualbm, two nodes", BITMAPS(4, 4, "2"), FOUR,
	  { { 0, ANYWHERE }, { 1, ANYWHERE }, { 0, ANYWHERE }, { 1, ANYWHERE } } },
	{ "dualbm, three nodes", BITMAPS(4, 4, "2"), FOUR,
	  { { 0, ANYWHERE }, { 1, ANYWHERE }, { 2, ANYWHERE }, { 1, ANYWHERE } } },
	{ "SECDED in place", HAMMING_IN_PLACE, 1, 2, PAGE_WORDS * 9 / 8, PAGE_WORDS, false, 1125,
	  "1, a lock", {}, { { 0, ANYWHERE } } },
	{ "SECDED over 72 devices", HAMMING_SPREAD, 5, 2, PAGE_WORDS / 4, PAGE_WORDS, false, 1250,
	  "1, a lock", {}, { { 0, RANK_OF_ITS_OWN }, { 1, RANK_OF_ITS_OWN },
	    { 2, RANK_OF_ITS_OWN }, { 3, RANK_OF_ITS_OWN }, { 4, RANK_OF_ITS_OWN } } },
	{ "SECDED in place, with the address", HAMMING_IN_PLACE, 1, 2, PAGE_WORDS * 9 / 8,
	  PAGE_WORDS, true, 1125, "1, a lock", {}, { { 0, ANYWHERE } } },
	{ "(64,57) in one word", HAMMING_IN_WORD, 1, 2, PAGE_WORDS, PAGE_WORDS, false, 1123, "1",
	  {}, { { 0, ANYWHERE } } },
};

const unsigned int nr_schemes = sizeof(schemes) / sizeof(schemes[0]);

#define INWORD_FRAMES	((1ull << 57) - 1)
/* The bits that word @n of four has in a word that they share. */
#define SPREAD_MASK(n)	(0x1111111111111111ull << (n))

/* Even, so that one of another address is never taken for a single error. */
static uint8_t signature(const struct scheme *scheme, unsigned int chunk, unsigned int word)
{
	struct random mix = { chunk * PAGE_WORDS + word };
	unsigned int bits;

	if (!scheme->folded)
		return 0;
	bits = random_next(&mix) & 127;
	return bits << 1 | (__builtin_popcount(bits) & 1);
}

static unsigned int check_word(unsigned int word)
{
	return PAGE_WORDS + word / 8;
}

static void store_word(struct memory *m, unsigned int chunk, unsigned int part,
		       unsigned int word, uint64_t mask, uint64_t bits)
{
	uint64_t *data = &m->data[m->place[chunk][part].slot][part_word(m, chunk, part, word)];

	*data = (*data & ~mask) | bits;
}

static void store_spread(struct memory *m, unsigned int chunk, unsigned int word)
{
	uint64_t frames = m->truth[chunk][word][IS_ALLOCATED];
	unsigned int check = hsiao_check(frames), part, device;

	for (part = 0; part < m->scheme->parts; part++) {
		unsigned int sixteen = part < 4 ? frames >> 16 * part & 0xffff : check;
		uint64_t bits = 0;

		for (device = 0; device < DEVICES; device++)
			bits |= (uint64_t)(sixteen >> device & 1) << 4 * device;
		store_word(m, chunk, part, word / 4, SPREAD_MASK(word % 4), bits << word % 4);
	}
}

void record_store(struct memory *m, unsigned int chunk)
{
	const struct scheme *scheme = m->scheme;
	unsigned int word, part, state;

	for (word = 0; word < scheme->words; word++) {
		const uint64_t *is = m->truth[chunk][word];
		unsigned int byte = 8 * (word % 8);

		switch (scheme->form) {
		case PLANES:
			for (part = 0; part < scheme->parts; part++) {
				uint64_t bits = 0;

				for (state = 0; state < scheme->states; state++)
					if (scheme->codes[state] >> part & 1)
						bits |= is[state];
				store_word(m, chunk, part, word, ~0ull, bits);
			}
			break;
		case HAMMING_IN_PLACE:
			store_word(m, chunk, 0, word, ~0ull, is[IS_ALLOCATED]);
			store_word(m, chunk, 0, check_word(word), 0xffull << byte,
				   (uint64_t)(hsiao_check(is[IS_ALLOCATED]) ^
					      signature(scheme, chunk, word)) << byte);
			break;
		case HAMMING_SPREAD:
			store_spread(m, chunk, word);
			break;
		case HAMMING_IN_WORD:
			store_word(m, chunk, 0, word, ~0ull,
				   inword_encode(is[IS_ALLOCATED] & INWORD_FRAMES));
			break;
		}
	}
}

/* What a reader is given for one word of frames. */
struct reading {
	uint64_t bits[MAX_PARTS];
	uint8_t check;			/* of a code in place */
	bool changed;			/* something of it is not as it was stored */
	bool fine;			/* the machine has nothing to say */
};

static uint64_t read_part(const struct memory *m, unsigned int chunk, unsigned int part,
			  unsigned int word, uint64_t mask, struct reading *reading)
{
	unsigned int slot = m->place[chunk][part].slot, at = part_word(m, chunk, part, word);
	uint64_t bits = m->data[slot][at];

	if (!m->row[slot].dirty)
		return bits;
	if ((bits ^ m->good[slot][at]) & mask)
		reading->changed = true;
	if (!memory_read(m, slot, at, &bits))
		reading->fine = false;
	return bits;
}

static void read_record(const struct memory *m, unsigned int chunk, unsigned int word,
			struct reading *reading)
{
	const struct scheme *scheme = m->scheme;
	unsigned int part;

	reading->changed = false;
	reading->fine = true;
	if (scheme->form == HAMMING_IN_PLACE) {
		unsigned int byte = 8 * (word % 8);

		reading->bits[0] = read_part(m, chunk, 0, word, ~0ull, reading);
		reading->check = read_part(m, chunk, 0, check_word(word), 0xffull << byte,
					   reading) >> byte;
		return;
	}
	for (part = 0; part < scheme->parts; part++)
		reading->bits[part] = scheme->form == HAMMING_SPREAD ?
			read_part(m, chunk, part, word / 4, SPREAD_MASK(word % 4), reading) :
			read_part(m, chunk, part, word, ~0ull, reading);
}

static enum verdict decode_spread(const struct reading *reading, unsigned int word,
				  uint64_t *frames)
{
	unsigned int part, device, check = 0;

	*frames = 0;
	for (part = 0; part < 5; part++) {
		uint64_t sixteen = 0;

		for (device = 0; device < DEVICES; device++)
			sixteen |= (reading->bits[part] >> (4 * device + word % 4) & 1) << device;
		if (part < 4)
			*frames |= sixteen << 16 * part;
		else
			check = sixteen & 0xff;
	}
	return hsiao_decode(frames, check);
}

/* Frames of a word that are believed to be what they are not, and those that accuse the record. */
struct belief {
	uint64_t wrong, seen;
};

static struct belief believe_planes(const struct scheme *scheme, const struct reading *reading,
				    const uint64_t truth[STATES])
{
	struct belief belief = { 0, ~0ull };
	unsigned int state, part;

	for (state = 0; state < scheme->states; state++) {
		uint64_t looks = ~0ull;

		for (part = 0; part < scheme->parts; part++)
			looks &= scheme->codes[state] >> part & 1 ? reading->bits[part] :
								    ~reading->bits[part];
		belief.wrong |= looks & ~truth[state];
		belief.seen &= ~looks;
	}
	return belief;
}

static struct belief believe_code(const struct scheme *scheme, const struct reading *reading,
				  unsigned int chunk, unsigned int word,
				  const uint64_t truth[STATES])
{
	uint64_t frames = reading->bits[0], is = truth[IS_ALLOCATED];
	enum verdict verdict;

	if (scheme->form == HAMMING_IN_PLACE) {
		verdict = hsiao_decode(&frames, reading->check ^ signature(scheme, chunk, word));
	} else if (scheme->form == HAMMING_SPREAD) {
		verdict = decode_spread(reading, word, &frames);
	} else {
		verdict = inword_decode(reading->bits[0], &frames);
		is &= INWORD_FRAMES;
	}
	if (verdict == CODE_UNCORRECTABLE)
		return (struct belief) { 0, ~0ull };
	return (struct belief) { frames ^ is, 0 };
}

void judge(const struct memory *m, struct result *result)
{
	const struct scheme *scheme = m->scheme;
	unsigned int chunk, word, part;
	bool changed = false, wrong = false, seen = false;

	for (chunk = 0; chunk < CHUNKS; chunk++) {
		bool dirty = false;

		for (part = 0; part < scheme->parts; part++)
			dirty |= m->row[m->place[chunk][part].slot].dirty;
		for (word = 0; dirty && word < scheme->words; word++) {
			struct reading reading;
			struct belief belief = { 0, ~0ull };

			read_record(m, chunk, word, &reading);
			if (reading.fine && scheme->form == PLANES)
				belief = believe_planes(scheme, &reading, m->truth[chunk][word]);
			else if (reading.fine)
				belief = believe_code(scheme, &reading, chunk, word,
						      m->truth[chunk][word]);
			changed |= reading.changed;
			wrong |= belief.wrong != 0;
			seen |= belief.seen != 0;
			result->changed_words += reading.changed || belief.wrong;
			result->wrong_words += belief.wrong != 0;
			result->unnoticed_words += belief.wrong && !belief.seen;
		}
	}
	if (!changed)
		return;
	result->faults++;
	result->detected += seen;
	result->silent += wrong && !seen;
	result->corrected += !wrong && !seen;
	result->with_wrong += wrong;
}

struct result study(struct memory *m, unsigned int scheme, enum ecc ecc, enum mode mode,
		    uint64_t seed, unsigned int divisor)
{
	struct random mix = { seed + (scheme * NR_ECC + ecc) * NR_MODES + mode };
	unsigned int faults = modes[mode].faults / divisor, fault;
	struct result result = { 0 };

	m->scheme = &schemes[scheme];
	m->ecc = ecc;
	m->random.state = random_next(&mix);
	for (fault = 0; result.faults < faults; fault++) {
		if (fault % (modes[mode].faults / LAYOUTS) == 0)
			memory_fill(m);
		fault_strike(m, mode, random_below(&m->random, KINDS));
		judge(m, &result);
		memory_mend(m);
	}
	return result;
}
