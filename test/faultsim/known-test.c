// SPDX-License-Identifier: GPL-2.0-only
/*
 * Known answers for the fault study: what is proven of its codes, where its faults may reach,
 * and that it judges the module's planes as the module does.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "codes.h"
#include "dualbm_bitmap.h"
#include "faultsim.h"

_Thread_local unsigned long relax_calls;

static struct random r;

/* ---- codes ---- */

/* In a word of Hsiao's code with these bits wrong, what a decoder says; true if it is right. */
static bool hsiao_with(const int *bits, unsigned int nr, enum verdict *verdict)
{
	uint64_t is = random_next(&r), data = is;
	uint8_t check = hsiao_check(is);

	while (nr--) {
		if (bits[nr] < 64)
			data ^= 1ull << bits[nr];
		else
			check ^= 1 << (bits[nr] - 64);
	}
	*verdict = hsiao_decode(&data, check);
	return data == is;
}

static void hsiao_corrects_one_and_sees_two(void **state)
{
	enum verdict verdict;
	int bit[2] = { 0 };

	assert_true(hsiao_with(bit, 0, &verdict));
	assert_int_equal(verdict, CODE_FINE);
	for (bit[0] = 0; bit[0] < 72; bit[0]++) {
		assert_true(hsiao_with(bit, 1, &verdict));
		assert_int_equal(verdict, CODE_CORRECTED);
		for (bit[1] = 0; bit[1] < bit[0]; bit[1]++) {
			hsiao_with(bit, 2, &verdict);
			assert_int_equal(verdict, CODE_UNCORRECTABLE);
		}
	}
}

/* Three errors are corrected into something else in 56.3 % of all cases. */
static void hsiao_is_wrong_about_three_as_often_as_is_known(void **state)
{
	unsigned int all = 0, wrong = 0;
	enum verdict verdict;
	int bit[3] = { 0 };

	for (bit[0] = 0; bit[0] < 72; bit[0]++) {
		for (bit[1] = 0; bit[1] < bit[0]; bit[1]++) {
			for (bit[2] = 0; bit[2] < bit[1]; bit[2]++) {
				hsiao_with(bit, 3, &verdict);
				assert_int_not_equal(verdict, CODE_FINE);
				wrong += verdict == CODE_CORRECTED;
				all++;
			}
		}
	}
	print_message("# of %u triple errors %.2f %% are corrected wrongly\n", all,
		      100.0 * wrong / all);
	assert_int_equal(all, 72 * 71 * 70 / 6);
	assert_in_range(100000ull * wrong / all, 56100, 56500);
}

/* The columns of bits in the word itself: all 64 of odd weight, so three always look like one. */
static void a_code_in_a_word_corrects_one_sees_two_and_is_wrong_about_three(void **state)
{
	const uint64_t all = (1ull << 57) - 1;
	uint64_t data, is = random_next(&r) & all, word = inword_encode(is), one, two, three;
	int a, b, c;

	assert_int_equal(inword_decode(word, &data), CODE_FINE);
	assert_true(data == is);
	for (a = 0; a < 57; a++) {
		assert_int_equal(inword_decode(inword_encode(1ull << a), &data), CODE_FINE);
		assert_true(data == 1ull << a);
	}
	for (a = 0; a < 64; a++) {
		one = word ^ 1ull << a;
		assert_int_equal(inword_decode(one, &data), CODE_CORRECTED);
		assert_true(data == is);
		for (b = 0; b < a; b++) {
			two = one ^ 1ull << b;
			assert_int_equal(inword_decode(two, &data), CODE_UNCORRECTABLE);
			for (c = 0; c < b; c++) {
				three = two ^ 1ull << c;
				assert_int_equal(inword_decode(three, &data), CODE_CORRECTED);
				assert_true(three != word);
			}
		}
	}
}

static void zeroes_are_a_word_of_every_linear_code(void **state)
{
	static const uint64_t pair[2];
	uint64_t data = 0, two[2] = { 0 };
	uint8_t check[2] = { 1, 1 };

	assert_int_equal(hsiao_decode(&data, 0), CODE_FINE);
	assert_int_equal(inword_decode(0, &data), CODE_FINE);
	assert_true(data == 0);
	chipkill_check(pair, check);
	assert_int_equal(check[0] | check[1], 0);
	assert_int_equal(chipkill_decode(two, check), CODE_FINE);
	/* And of this one so is a word of ones. */
	assert_int_equal(inword_decode(~0ull, &data), CODE_FINE);
}

static void chipkill_corrects_whatever_one_device_does(void **state)
{
	unsigned int device, error;

	for (device = 0; device < 18; device++) {
		for (error = 1; error < 256; error++) {
			uint64_t is[2] = { random_next(&r), random_next(&r) };
			uint64_t data[2] = { is[0], is[1] };
			unsigned int half;
			uint8_t check[2];

			chipkill_check(is, check);
			assert_int_equal(chipkill_decode(data, check), CODE_FINE);
			for (half = 0; half < 2; half++) {
				uint64_t bits = error >> 4 * half & 15;

				if (device < 16)
					data[half] ^= bits << 4 * device;
				else
					check[half] ^= bits << 4 * (device - 16);
			}
			assert_int_equal(chipkill_decode(data, check), CODE_CORRECTED);
			assert_memory_equal(data, is, sizeof(is));
		}
	}
}

/* Of 2^16 syndromes one says that nothing is wrong, and 18 * 255 name a device. */
static void chipkill_believes_noise_as_often_as_it_must(void **state)
{
	const unsigned int tries = 200000;
	unsigned int believed = 0, i;

	for (i = 0; i < tries; i++) {
		uint64_t data[2] = { random_next(&r), random_next(&r) };
		uint8_t check[2] = { random_next(&r), random_next(&r) };

		believed += chipkill_decode(data, check) != CODE_UNCORRECTABLE;
	}
	print_message("# chipkill believes %.2f %% of noise; %.2f %% is what it must\n",
		      100.0 * believed / tries, 100 * (1 + 18 * 255) / 65536.0);
	assert_in_range(believed, tries / 100000.0 * 6800, tries / 100000.0 * 7200);
}

/* ---- memory and faults ---- */

static unsigned int scheme_of(const char *name)
{
	unsigned int i;

	for (i = 0; i < nr_schemes; i++)
		if (!strcmp(schemes[i].name, name))
			return i;
	fail_msg("there is no scheme %s", name);
	return 0;
}

static struct memory *memory_of(const char *name, enum ecc ecc)
{
	struct memory *m = test_malloc(sizeof(*m));

	m->scheme = &schemes[scheme_of(name)];
	m->ecc = ecc;
	m->random.state = random_next(&r);
	memory_fill(m);
	return m;
}

static void what_was_stored_is_believed(void **state)
{
	unsigned int scheme, slot;
	enum ecc ecc;

	for (scheme = 0; scheme < nr_schemes; scheme++) {
		for (ecc = 0; ecc < NR_ECC; ecc++) {
			struct memory *m = memory_of(schemes[scheme].name, ecc);
			struct result result = { 0 }, nothing = { 0 };

			for (slot = 0; slot < m->slots; slot++)
				m->row[slot].dirty = true;
			judge(m, &result);
			assert_memory_equal(&result, &nothing, sizeof(result));
			test_free(m);
		}
	}
}

/* How far the parts of one section's record are from each other. */
static void copies_lie_where_the_scheme_has_them(void **state)
{
	static const char * const names[] = { "dualbm, one node", "dualbm, two nodes" };
	unsigned int i, chunk, a, b;

	for (i = 0; i < 2; i++) {
		struct memory *m = memory_of(names[i], NO_ECC);

		for (chunk = 0; chunk < CHUNKS; chunk++) {
			struct place *p = m->place[chunk];

			for (a = 0; a < 4; a++) {
				for (b = 0; b < a; b++) {
					bool apart = p[a].rank / NODE_RANKS !=
						     p[b].rank / NODE_RANKS;

					assert_int_equal(apart, i && a % 2 != b % 2);
					assert_true(p[a].rank != p[b].rank ||
						    p[a].bank != p[b].bank ||
						    abs(p[a].row - p[b].row) >= ROWS_APART);
				}
			}
		}
		test_free(m);
	}
}

/* What a fault has changed: how many of each. */
enum unit {
	OF_NODES,
	OF_RANKS,
	OF_BANKS,
	OF_ROWS,
	OF_WORDS,
	OF_DEVICES,
	OF_BITS,
	UNITS
};

struct extent {
	unsigned int of[UNITS];
};

static unsigned int count(const uint8_t *flags, unsigned int nr)
{
	unsigned int sum = 0;

	while (nr--)
		sum += flags[nr];
	return sum;
}

static struct extent extent_of(const struct memory *m)
{
	static uint8_t node[NODES], rank[RANKS], bank[RANKS * BANKS], word[ROW_WORDS];
	struct extent extent = { 0 };
	unsigned int slot, w, device;
	uint64_t all = 0;

	memset(node, 0, sizeof(node));
	memset(rank, 0, sizeof(rank));
	memset(bank, 0, sizeof(bank));
	memset(word, 0, sizeof(word));
	for (slot = 0; slot < m->slots; slot++) {
		const struct row *row = &m->row[slot];
		uint64_t changed = 0;

		for (w = 0; w < ROW_WORDS; w++) {
			changed |= m->data[slot][w] ^ m->good[slot][w];
			word[w] |= m->data[slot][w] != m->good[slot][w];
		}
		if (!changed)
			continue;
		/* What has no mark is not mended. */
		assert_true(row->dirty);
		all |= changed;
		node[row->rank / NODE_RANKS] = 1;
		rank[row->rank] = 1;
		bank[row->rank * BANKS + row->bank] = 1;
		extent.of[OF_ROWS]++;
	}
	extent.of[OF_NODES] = count(node, NODES);
	extent.of[OF_RANKS] = count(rank, RANKS);
	extent.of[OF_BANKS] = count(bank, RANKS * BANKS);
	extent.of[OF_WORDS] = count(word, ROW_WORDS);
	extent.of[OF_BITS] = __builtin_popcountll(all);
	for (device = 0; device < DEVICES; device++)
		extent.of[OF_DEVICES] += (all >> DEVICE_BITS * device & 15) != 0;
	return extent;
}

static void a_fault_reaches_as_far_as_its_mode_and_no_farther(void **state)
{
	/* The most of each; a bank's rows that are stored are fewer than it has. */
	static const struct extent most[NR_MODES] = {
		[ONE_BIT]	= { { 1, 1, 1, 1, 1, 1, 1 } },
		[ONE_WORD]	= { { 1, 1, 1, 1, 1, 1, 4 } },
		[ONE_COLUMN]	= { { 1, 1, 1, ROWS, 1, 1, 1 } },
		[ONE_ROW]	= { { 1, 1, 1, 1, ROW_WORDS, 1, 4 } },
		[TWO_ROWS]	= { { 1, 1, 1, 2, ROW_WORDS, 1, 4 } },
		[ONE_BANK]	= { { 1, 1, 1, ROWS, ROW_WORDS, 1, 4 } },
		[MULTI_BANK]	= { { 1, 1, BANKS, BANKS * ROWS, ROW_WORDS, 1, 4 } },
		[ONE_DEVICE]	= { { 1, 1, BANKS, BANKS * ROWS, ROW_WORDS, 1, 4 } },
		[ONE_LANE]	= { { 1, 2, 2 * BANKS, 2 * BANKS * ROWS, ROW_WORDS, 1, 1 } },
		[MULTI_RANK]	= { { 1, 2, 2 * BANKS, 2 * BANKS * ROWS, ROW_WORDS, 1, 4 } },
		[ONE_CHANNEL]	= { { 1, 2, 2 * BANKS, 2 * BANKS * ROWS, ROW_WORDS, 16, 64 } },
		[WRONG_ROW]	= { { 1, 1, 1, 1, ROW_WORDS, 16, 64 } },
		[STRAY_STORE]	= { { 1, 1, 1, 1, 1, 16, 64 } },
		[PAGE_ZEROES]	= { { 1, 1, 1, 1, PAGE_WORDS, 16, 64 } },
		[PAGE_ONES]	= { { 1, 1, 1, 1, PAGE_WORDS, 16, 64 } },
		[PAGE_5A]	= { { 1, 1, 1, 1, PAGE_WORDS, 16, 64 } },
		[PAGE_COPIED]	= { { 1, 1, 1, 1, PAGE_WORDS, 16, 64 } },
		[PAGES_SWAPPED]	= { { 2, 2, 2, 2, ROW_WORDS, 16, 64 } },
		[SECTIONS_SWAPPED] = { { 2, 4, 8, 8, ROW_WORDS, 16, 64 } },
		[ALL_ZEROES]	= { { 2, 4, 4 * BANKS, 4 * BANKS * ROWS, ROW_WORDS, 16, 64 } },
		[ALL_ONES]	= { { 2, 4, 4 * BANKS, 4 * BANKS * ROWS, ROW_WORDS, 16, 64 } },
		[ALL_5A]	= { { 2, 4, 4 * BANKS, 4 * BANKS * ROWS, ROW_WORDS, 16, 64 } },
	};
	struct memory *m = memory_of("dualbm, two nodes", NO_ECC);
	enum mode mode;
	enum unit unit;
	unsigned int i;

	for (mode = 0; mode < NR_MODES; mode++) {
		struct extent largest = { 0 };

		for (i = 0; i < 60; i++) {
			struct extent extent;

			fault_strike(m, mode, COMPLEMENT);
			extent = extent_of(m);
			for (unit = 0; unit < UNITS; unit++) {
				if (extent.of[unit] > most[mode].of[unit])
					fail_msg("%s: %u of unit %u", modes[mode].name,
						 extent.of[unit], unit);
				if (extent.of[unit] > largest.of[unit])
					largest.of[unit] = extent.of[unit];
			}
			memory_mend(m);
			assert_memory_equal(m->data, m->good, m->slots * sizeof(m->data[0]));
		}
		/* And it does reach that far; a bank's rows, and a second one, are by chance. */
		assert_int_equal(largest.of[OF_NODES], most[mode].of[OF_NODES]);
		assert_int_equal(largest.of[OF_RANKS], most[mode].of[OF_RANKS]);
		assert_int_equal(largest.of[OF_DEVICES], most[mode].of[OF_DEVICES]);
		/* Some of what software stores is what was there; of one word half of the bits. */
		if (mode < STRAY_STORE)
			assert_int_equal(largest.of[OF_WORDS], most[mode].of[OF_WORDS]);
		assert_in_range(largest.of[OF_WORDS], most[mode].of[OF_WORDS] * 3 / 4, ROW_WORDS);
		if (mode != STRAY_STORE)
			assert_int_equal(largest.of[OF_BITS], most[mode].of[OF_BITS]);
	}
	test_free(m);
}

/* What the CPU stores has right check bits, so the machine has nothing to say about it. */
static void memory_believes_what_software_stores(void **state)
{
	enum mode mode;
	enum ecc ecc;

	for (ecc = ECC_SECDED; ecc < NR_ECC; ecc++) {
		struct memory *m = memory_of("a pair in one row", ecc);

		for (mode = WRONG_ROW; mode < NR_MODES; mode++) {
			unsigned int slot, word;

			fault_strike(m, mode, ANYTHING);
			for (slot = 0; slot < m->slots; slot++) {
				for (word = 0; word < ROW_WORDS; word++) {
					uint64_t bits;

					assert_true(memory_read(m, slot, word, &bits));
					assert_true(bits == m->data[slot][word]);
				}
			}
			memory_mend(m);
		}
		test_free(m);
	}
}

/* ---- judgement ---- */

/* The same counts from the module's own functions, frame by frame. */
static void judge_as_module(const struct memory *m, struct result *result)
{
	unsigned long *planes = aligned_alloc(PAGE_SIZE, DUALBM_CHUNK_BYTES);
	unsigned int chunk, word, frame, plane;

	assert_non_null(planes);
	for (chunk = 0; chunk < CHUNKS; chunk++) {
		for (plane = 0; plane < DUALBM_NR_PLANES; plane++) {
			const struct place *place = &m->place[chunk][plane];

			memcpy(dualbm_plane(planes, plane), &m->data[place->slot][place->first],
			       PAGE_WORDS * 8);
		}
		for (word = 0; word < PAGE_WORDS; word++) {
			unsigned long illegal = dualbm_planes_illegal(planes, word), wrong = 0;

			for (frame = 0; frame < 64; frame++) {
				static const unsigned int codes[STATES] = {
					[IS_FREE] = DUALBM_CODE_FREE,
					[IS_ALLOCATED] = DUALBM_CODE_ALLOCATED,
					[IS_UNTRACKED] = DUALBM_CODE_UNTRACKED,
					[IS_DEPARTING] = DUALBM_CODE_DEPARTING,
				};
				unsigned int code = dualbm_planes_code(planes, word * 64 + frame);
				unsigned int is;

				for (is = 0; !(m->truth[chunk][word][is] >> frame & 1);)
					assert_true(++is < STATES);
				assert_int_equal(illegal >> frame & 1, !dualbm_code_legal(code));
				if (dualbm_code_legal(code) && code != codes[is])
					wrong |= 1ul << frame;
			}
			result->wrong_words += wrong != 0;
			result->unnoticed_words += wrong && !illegal;
		}
	}
	free(planes);
}

static void planes_are_judged_as_the_module_judges_them(void **state)
{
	static const enum mode some[] = { ONE_ROW, ONE_DEVICE, ONE_CHANNEL, WRONG_ROW,
					  STRAY_STORE, PAGES_SWAPPED, SECTIONS_SWAPPED };
	struct memory *m = memory_of("dualbm, one node", NO_ECC);
	struct result ours = { 0 }, theirs = { 0 };
	unsigned int i, kind;

	for (i = 0; i < sizeof(some) / sizeof(some[0]); i++) {
		for (kind = 0; kind < KINDS; kind++) {
			fault_strike(m, some[i], kind);
			judge(m, &ours);
			judge_as_module(m, &theirs);
			assert_true(ours.wrong_words == theirs.wrong_words);
			assert_true(ours.unnoticed_words == theirs.unnoticed_words);
			memory_mend(m);
		}
	}
	/* There was something to judge. */
	assert_in_range(ours.unnoticed_words, 1, ours.wrong_words - 1);
	test_free(m);
}

static struct result after(const char *scheme, enum mode mode, unsigned int faults)
{
	struct memory *m = memory_of(scheme, NO_ECC);
	struct result result = { 0 };

	while (result.faults < faults) {
		fault_strike(m, mode, ANYTHING);
		judge(m, &result);
		memory_mend(m);
	}
	test_free(m);
	return result;
}

/*
 * Three planes, the third in the row of the first: noise in four bits of each is seen unless
 * both bits of each frame flip, or none. Of 255 changes 15 are so. The second's row is alone.
 */
static void three_planes_miss_of_a_row_what_can_be_counted(void **state)
{
	struct result r = { 0 };
	unsigned int i;

	for (i = 0; i < 10; i++) {
		struct result some = after("three planes, two nodes", ONE_ROW, 20);

		r.changed_words += some.changed_words;
		r.unnoticed_words += some.unnoticed_words;
		r.with_wrong += some.with_wrong;
	}
	print_message("# three planes: %.1f %% of the words of a row are silent\n",
		      100.0 * r.unnoticed_words / r.changed_words);
	/* Two of three pages lie in the row that is shared. */
	assert_in_range(r.with_wrong, 100, 165);
	/* The second's rows have words too, as many, and none of these is silent. */
	assert_in_range(1000 * r.unnoticed_words / r.changed_words, 36, 59);
	assert_int_equal(after("dualbm, two nodes", ONE_ROW, 100).wrong_words, 0);
	assert_int_equal(after("dualbm, one node", ONE_ROW, 100).wrong_words, 0);
}

/* Noise in four bits of a word: three of them wrong, or four, may look like one. */
static void a_code_in_place_misses_some_of_a_row(void **state)
{
	struct result r = { 0 };
	unsigned int i;

	for (i = 0; i < 10; i++) {
		struct result some = after("SECDED in place", ONE_ROW, 20);

		r.changed_words += some.changed_words;
		r.wrong_words += some.wrong_words;
	}
	print_message("# SECDED in place: %.1f %% of the words of a row are silent\n",
		      100.0 * r.wrong_words / r.changed_words);
	assert_in_range(1000 * r.wrong_words / r.changed_words, 150, 210);
}

static void the_same_seed_gives_the_same_counts(void **state)
{
	struct memory *m = test_malloc(sizeof(*m));
	struct result one = study(m, 5, ECC_SECDED, ONE_BANK, 7, 40);
	struct result two = study(m, 5, ECC_SECDED, ONE_BANK, 7, 40);
	struct result other = study(m, 5, ECC_SECDED, ONE_BANK, 8, 40);

	assert_memory_equal(&one, &two, sizeof(one));
	assert_memory_not_equal(&one, &other, sizeof(one));
	test_free(m);
}

static int setup(void **state)
{
	codes_init();
	r.state = 20120101;
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hsiao_corrects_one_and_sees_two),
		cmocka_unit_test(hsiao_is_wrong_about_three_as_often_as_is_known),
		cmocka_unit_test(a_code_in_a_word_corrects_one_sees_two_and_is_wrong_about_three),
		cmocka_unit_test(zeroes_are_a_word_of_every_linear_code),
		cmocka_unit_test(chipkill_corrects_whatever_one_device_does),
		cmocka_unit_test(chipkill_believes_noise_as_often_as_it_must),
		cmocka_unit_test(what_was_stored_is_believed),
		cmocka_unit_test(copies_lie_where_the_scheme_has_them),
		cmocka_unit_test(a_fault_reaches_as_far_as_its_mode_and_no_farther),
		cmocka_unit_test(memory_believes_what_software_stores),
		cmocka_unit_test(planes_are_judged_as_the_module_judges_them),
		cmocka_unit_test(three_planes_miss_of_a_row_what_can_be_counted),
		cmocka_unit_test(a_code_in_place_misses_some_of_a_row),
		cmocka_unit_test(the_same_seed_gives_the_same_counts),
	};

	return cmocka_run_group_tests_name("faultsim", tests, setup, NULL);
}
