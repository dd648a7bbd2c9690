// SPDX-License-Identifier: GPL-2.0-only
/*
 * What an alloc or free event of one frame costs in time with each scheme: one thread, a record
 * of one section in the caches of this CPU, its frames in an order that is drawn. Each event
 * looks whether what it finds is as it should be.
 *
 *	update
 *
 * prints a line "update NANOSECONDS: NAME" for each way, the least of many rounds.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "codes.h"
#include "dualbm_bitmap.h"
#include "faultsim.h"

#define FRAMES	DUALBM_CHUNK_FRAMES
#define WORDS	(FRAMES / 64)
#define ROUNDS	60
#define INWORD	57

_Thread_local unsigned long relax_calls;

static uint32_t order[FRAMES];
static uint64_t bits[8 * WORDS] __attribute__((aligned(4096)));
static uint8_t checks[2 * WORDS];
static uint64_t inword_flip[INWORD];
static unsigned long *planes;
static unsigned char locks[64];

/* The caller says what is wrong with a frame by returning false. */
typedef bool event_fn(unsigned long frame, bool alloc);

static bool give(uint64_t *word, uint64_t mask)
{
	return !(__atomic_fetch_or(word, mask, __ATOMIC_SEQ_CST) & mask);
}

static bool take(uint64_t *word, uint64_t mask)
{
	return __atomic_fetch_and(word, ~mask, __ATOMIC_SEQ_CST) & mask;
}

static bool one_bitmap(unsigned long frame, bool alloc)
{
	uint64_t *word = bits + frame / 64, mask = 1ull << frame % 64;

	return alloc ? give(word, mask) : take(word, mask);
}

static bool pair(unsigned long frame, bool alloc)
{
	uint64_t *word = bits + frame / 64, mask = 1ull << frame % 64;

	return alloc ? take(word + WORDS, mask) && give(word, mask) :
		       take(word, mask) && give(word + WORDS, mask);
}

static bool mirror(unsigned long frame, bool alloc)
{
	uint64_t *word = bits + frame / 64, mask = 1ull << frame % 64;

	return alloc ? give(word, mask) && give(word + WORDS, mask) :
		       take(word, mask) && take(word + WORDS, mask);
}

/* What the module did before its fourth plane is what it does with it, as long as all is well. */
static bool module(unsigned long frame, bool alloc)
{
	struct dualbm_part part;

	return alloc ? dualbm_move_block(planes, DUALBM_ALLOC, frame, 0, &part) :
		       dualbm_move_block(planes, DUALBM_FREE, frame, 0, &part);
}

/* 72 bits are more than one locked operation changes. */
static void lock(unsigned long word)
{
	while (__atomic_exchange_n(&locks[word % 64], 1, __ATOMIC_ACQUIRE))
		;
}

static void unlock(unsigned long word)
{
	__atomic_store_n(&locks[word % 64], 0, __ATOMIC_RELEASE);
}

static bool in_place_of(unsigned long frame, bool alloc, uint8_t signature)
{
	unsigned long word = frame / 64;
	uint64_t data, mask = 1ull << frame % 64;
	bool fine;

	lock(word);
	data = bits[word];
	fine = hsiao_decode(&data, checks[word] ^ signature) == CODE_FINE &&
	       !(data & mask) == alloc;
	bits[word] = data ^ mask;
	checks[word] ^= hsiao_column(frame % 64);
	unlock(word);
	return fine;
}

static bool in_place(unsigned long frame, bool alloc)
{
	return in_place_of(frame, alloc, 0);
}

static uint8_t signature_of(unsigned long word)
{
	unsigned int seven = word * 0x9e3779b97f4a7c15ull >> 57;

	return seven << 1 | (__builtin_popcount(seven) & 1);
}

static bool with_address(unsigned long frame, bool alloc)
{
	return in_place_of(frame, alloc, signature_of(frame / 64));
}

/* Every fourth bit of a word, from the lowest. */
static uint64_t fourths(uint64_t word)
{
	word &= 0x1111111111111111ull;
	word = (word | word >> 3) & 0x0303030303030303ull;
	word = (word | word >> 6) & 0x000f000f000f000full;
	word = (word | word >> 12) & 0x000000ff000000ffull;
	return (word | word >> 24) & 0xffff;
}

static bool spread(unsigned long frame, bool alloc)
{
	unsigned long word = frame / 64, bit = frame % 64, shift = word % 4, part;
	uint64_t *at = bits + word / 4, data = 0;
	uint8_t column = hsiao_column(bit);
	bool fine;

	lock(word / 4);
	for (part = 0; part < 4; part++)
		data |= fourths(at[part * WORDS] >> shift) << 16 * part;
	fine = hsiao_decode(&data, fourths(at[4 * WORDS] >> shift)) == CODE_FINE &&
	       !(data >> bit & 1) == alloc;
	at[bit / 16 * WORDS] ^= 1ull << (4 * (bit % 16) + shift);
	for (part = 0; part < 8; part++)
		at[4 * WORDS] ^= (uint64_t)(column >> part & 1) << (4 * part + shift);
	unlock(word / 4);
	return fine;
}

static bool in_word(unsigned long frame, bool alloc)
{
	uint64_t *word = bits + frame / INWORD, old = *word, data;
	unsigned int bit = frame % INWORD;

	do {
		if (inword_decode(old, &data) != CODE_FINE || !(data >> bit & 1) != alloc)
			return false;
	} while (!__atomic_compare_exchange_n(word, &old, old ^ inword_flip[bit], false,
					      __ATOMIC_SEQ_CST, __ATOMIC_RELAXED));
	return true;
}

/* All frames are allocated at first, in a form that each way can begin with. */
static void allocate_all(event_fn *event)
{
	unsigned long word, frame;

	memset(bits, 0, sizeof(bits));
	for (word = 0; word < WORDS; word++) {
		checks[word] = event == with_address ? signature_of(word) : 0;
		if (event == pair)
			bits[WORDS + word] = ~0ull;
	}
	for (frame = 0; frame < FRAMES; frame++)
		if (event != module && !event(frame, true))
			abort();
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1e9 + time.tv_nsec;
}

static __attribute__((always_inline)) inline double measure(event_fn *event)
{
	double best = 1e9, begin, took;
	unsigned int round, i;

	allocate_all(event);
	for (round = 0; round < ROUNDS; round++) {
		begin = now();
		for (i = 0; i < FRAMES; i++)
			if (!event(order[i], false))
				abort();
		for (i = 0; i < FRAMES; i++)
			if (!event(order[i], true))
				abort();
		took = (now() - begin) / (2 * FRAMES);
		if (took < best)
			best = took;
	}
	return best;
}

int main(void)
{
	struct dualbm_mismatch found;
	struct random r = { 1 };
	unsigned long i;

	codes_init();
	for (i = 0; i < INWORD; i++)
		inword_flip[i] = inword_encode(1ull << i);
	for (i = 0; i < FRAMES; i++) {
		unsigned long other = random_below(&r, i + 1);

		order[i] = order[other];
		order[other] = i;
	}
	planes = aligned_alloc(PAGE_SIZE, DUALBM_CHUNK_BYTES);
	if (!planes)
		return 1;
	memset(planes, 0, DUALBM_CHUNK_BYTES);
	dualbm_planes_forget(planes, 0, FRAMES);
	dualbm_planes_apply(planes, DUALBM_ALLOC, 0, FRAMES, &found);

	printf("update %.1f: one bitmap\n", measure(one_bitmap));
	printf("update %.1f: a pair of bitmaps\n", measure(pair));
	printf("update %.1f: a mirror\n", measure(mirror));
	printf("update %.1f: dualbm, three planes or four\n", measure(module));
	printf("update %.1f: SECDED in place\n", measure(in_place));
	printf("update %.1f: SECDED over 72 devices\n", measure(spread));
	printf("update %.1f: SECDED in place, with the address\n", measure(with_address));
	printf("update %.1f: (64,57) in one word\n", measure(in_word));
	free(planes);
	return 0;
}
