/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The fault study: memory that has a record (memory.c), what faults do to it (faults.c), and
 * what becomes of the record under each scheme (schemes.c).
 */
#ifndef FAULTSIM_H
#define FAULTSIM_H

#include <stdbool.h>
#include <stdint.h>

#include "geometry.h"

/* ---- random numbers: the same on every machine ---- */

struct random {
	uint64_t state;
};

/* splitmix64, which any seed will do for. */
static inline uint64_t random_next(struct random *r)
{
	uint64_t z = r->state += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

static inline unsigned int random_below(struct random *r, unsigned int limit)
{
	return (random_next(r) >> 32) * limit >> 32;
}

/* ---- schemes ---- */

#define MAX_PARTS	6
/* Frames of one word of the record, at most. */
#define WORD_FRAMES	64

/* Where a part of a section's record lies. */
enum spot {
	ANYWHERE,		/* of the node: any rank, bank and row, away from the others */
	SAME_ROW,		/* the other half of the first part's row */
	NEXT_ROW,		/* the row after the first part's */
	RANK_OF_ITS_OWN		/* another rank than all others; @node is the rank */
};

struct part {
	uint8_t node;
	uint8_t spot;
};

enum form {
	PLANES,			/* a bit of each part is a frame's codeword */
	HAMMING_IN_PLACE,	/* a page of words, and their check bytes behind it */
	HAMMING_SPREAD,		/* 72 bits of a word in 72 devices of five ranks */
	HAMMING_IN_WORD		/* 57 frames and 7 check bits */
};

enum state {
	IS_FREE,
	IS_ALLOCATED,
	IS_UNTRACKED,
	IS_DEPARTING,
	STATES
};

struct scheme {
	const char *name;
	enum form form;
	unsigned int parts;
	unsigned int states;		/* how many a frame can be in */
	unsigned int part_words;	/* of each part, for a section */
	unsigned int words;		/* words of frames of a section */
	bool folded;			/* the address of a word is in its check bits */
	/* Bits of memory for each 1000 frames. */
	unsigned int bits;
	const char *locked;		/* locked operations of an alloc or free event */
	uint8_t codes[STATES];		/* PLANES: bit n stands for part n */
	struct part part[MAX_PARTS];
};

extern const struct scheme schemes[];
extern const unsigned int nr_schemes;

/* ---- what memory itself corrects ---- */

enum ecc {
	NO_ECC,
	ECC_SECDED,
	ECC_CHIPKILL,
	NR_ECC
};

/* ---- memory ---- */

/* Only rows that have something of the record are stored: slots. */
#define MAX_SLOTS	(CHUNKS * MAX_PARTS)

struct place {
	uint8_t rank, bank, row;
	uint16_t slot, first;		/* the word of the row where it begins */
};

struct row {
	uint8_t rank, bank, row;
	bool dirty;			/* a fault was here */
	/* Chunks that have something in the row's halves, or -1. */
	int16_t chunk[2];
};

struct memory {
	const struct scheme *scheme;
	enum ecc ecc;
	struct random random;
	unsigned int slots;
	struct row row[MAX_SLOTS];
	int16_t slot_of[RANKS][BANKS][ROWS];
	struct place place[CHUNKS][MAX_PARTS];
	/* For each state a bit per frame: what is true. */
	uint64_t truth[CHUNKS][PAGE_WORDS][STATES];
	/* Data and the machine's check bits: as they were stored, and as a fault has left them. */
	uint64_t good[MAX_SLOTS][ROW_WORDS], data[MAX_SLOTS][ROW_WORDS];
	uint8_t good_check[MAX_SLOTS][ROW_WORDS], check[MAX_SLOTS][ROW_WORDS];
};

/**
 * memory_fill() - a layout and contents, drawn anew
 * @m: memory; its scheme, ecc and random are set
 */
void memory_fill(struct memory *m);

/**
 * memory_seal() - make the machine's check bits of a word what its data want
 * @m: memory
 * @slot: the row
 * @word: in it; with chipkill the other word of its pair is sealed too
 *
 * That is what a store by the CPU does, also a wrong one.
 */
void memory_seal(struct memory *m, unsigned int slot, unsigned int word);

/**
 * memory_read() - a word as the CPU is given it
 * @m: memory
 * @slot: the row
 * @word: in it
 * @bits: where it goes
 *
 * Return: true, or false if the machine says that it cannot be corrected.
 */
bool memory_read(const struct memory *m, unsigned int slot, unsigned int word, uint64_t *bits);

/**
 * memory_mend() - undo a fault
 * @m: memory
 */
void memory_mend(struct memory *m);

/* ---- faults ---- */

enum mode {
	/* Of DRAM, or what leads to it. */
	ONE_BIT,
	ONE_WORD,
	ONE_COLUMN,
	ONE_ROW,
	TWO_ROWS,
	ONE_BANK,
	MULTI_BANK,
	ONE_DEVICE,
	ONE_LANE,
	MULTI_RANK,
	ONE_CHANNEL,
	WRONG_ROW,
	/* Of software. */
	STRAY_STORE,
	PAGE_ZEROES,
	PAGE_ONES,
	PAGE_5A,
	PAGE_COPIED,
	PAGES_SWAPPED,
	SECTIONS_SWAPPED,
	ALL_ZEROES,
	ALL_ONES,
	ALL_5A,
	NR_MODES
};

struct mode_facts {
	const char *name;
	unsigned int faults;	/* how many of them are tried */
	double fit;		/* of a device, 0 if nobody has published it */
};

extern const struct mode_facts modes[NR_MODES];

/* What a fault of DRAM leaves in its region. */
enum kind {
	ANYTHING,
	ZEROES,
	ONES,
	COMPLEMENT,
	KINDS
};

/**
 * fault_strike() - one fault where some of the record is
 * @m: memory
 * @mode: which
 * @kind: what is left, if the mode does not say it
 */
void fault_strike(struct memory *m, enum mode mode, enum kind kind);

/* ---- results ---- */

struct result {
	unsigned int faults;		/* that changed a bit of the record */
	unsigned int corrected;		/* all is right, by the machine's code or the record's */
	unsigned int detected;		/* somebody says so: the machine, or who reads the record */
	unsigned int silent;		/* something is wrong, and nobody says anything */
	unsigned int with_wrong;	/* silent, or detected with words silently wrong besides */
	uint64_t changed_words;
	uint64_t wrong_words;		/* a frame of it is silently wrong */
	uint64_t unnoticed_words;	/* that, and nothing at all is seen in the word */
};

/**
 * judge() - what becomes of the record after a fault
 * @m: memory
 * @result: counts; all are added to
 */
void judge(const struct memory *m, struct result *result);

/**
 * study() - one scheme, one kind of memory, one mode
 * @m: memory, which is overwritten
 * @scheme: its number
 * @ecc: what the machine has
 * @mode: the fault's
 * @seed: of the whole study
 * @divisor: of the number of faults
 *
 * Return: the counts.
 */
struct result study(struct memory *m, unsigned int scheme, enum ecc ecc, enum mode mode,
		    uint64_t seed, unsigned int divisor);

/**
 * part_word() - where a word of the record is
 * @m: memory
 * @chunk: its section
 * @part: of the record
 * @word: in the part
 *
 * Return: the word of the row; the row is that of the place.
 */
static inline unsigned int part_word(const struct memory *m, unsigned int chunk,
				     unsigned int part, unsigned int word)
{
	return m->place[chunk][part].first + word;
}

/**
 * record_store() - put what is true into the record of a section
 * @m: memory
 * @chunk: the section
 */
void record_store(struct memory *m, unsigned int chunk);

#endif /* FAULTSIM_H */
