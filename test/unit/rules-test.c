// SPDX-License-Identifier: GPL-2.0-only
/*
 * The rule table, and single frames: each codeword, each event, each flip.
 */
#include "unit.h"

/* Word edges, the middle of a word, and both ends of the chunk. */
static const unsigned long places[] = {
	0, 1, 31, 63, 64, 127, 12345, FRAMES - 64, FRAMES - 2, FRAMES - 1
};

/* Different neighbours on all sides, so that a stray bit shows. */
static unsigned long *motley_planes(void)
{
	static const unsigned int codes[] = {
		FREE_CODE, ALLOCATED_CODE, UNTRACKED_CODE, DEPARTING_CODE, FREE_CODE
	};
	unsigned long *planes = planes_new();
	unsigned long frame;

	for (frame = 0; frame < FRAMES; frame++)
		planes_set(planes, frame, codes[frame % 5]);
	return planes;
}

static unsigned long *copy_of(const unsigned long *planes)
{
	unsigned long *copy = planes_new();

	memcpy(copy, planes, DUALBM_NR_PLANES * DUALBM_PLANE_BYTES);
	return copy;
}

static void assert_same(const unsigned long *planes, const unsigned long *other)
{
	assert_memory_equal(planes, other, DUALBM_NR_PLANES * DUALBM_PLANE_BYTES);
}

static void table_equals_the_design(void **state)
{
	unsigned int event, code;

	for (event = 0; event < DUALBM_NR_EVENTS; event++) {
		for (code = 0; code < DUALBM_NR_CODES; code++) {
			struct expectation expect = expected(event, code);

			assert_int_equal(dualbm_rule(event, code).next, expect.next);
			assert_int_equal(dualbm_rule(event, code).class, expect.class);
		}
	}
}

/* What a witness leaves open, written out: 000, 110, 101 and 011 by planes p, s, u. */
static void liars_are_what_the_witness_leaves(void **state)
{
	static const struct {
		unsigned int code, truth, liars;
	} cases[] = {
		{ 0, FREE_CODE, 2 | 4 }, { 0, ALLOCATED_CODE, 1 | 4 }, { 0, 0, 1 | 2 | 4 },
		{ 3, FREE_CODE, 1 }, { 3, ALLOCATED_CODE, 2 }, { 3, 0, 1 | 2 },
		{ 5, FREE_CODE, 1 }, { 5, ALLOCATED_CODE, 1 | 4 }, { 5, 0, 1 | 4 },
		{ 6, FREE_CODE, 2 | 4 }, { 6, ALLOCATED_CODE, 2 }, { 6, 0, 2 | 4 },
	};
	unsigned int i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(dualbm_code_liars(cases[i].code, cases[i].truth),
				 cases[i].liars);
}

static void words_tell_departing_and_owned_frames(void **state)
{
	unsigned long *planes = planes_new();
	unsigned long frame;

	for (frame = 64; frame < 128; frame++)
		planes_set(planes, frame, FREE_CODE);
	planes_set(planes, 70, DEPARTING_CODE);
	planes_set(planes, 71, ALLOCATED_CODE);
	planes_set(planes, 72, UNTRACKED_CODE);
	assert_int_equal(dualbm_planes_departing(planes, 1), 1UL << 6);
	assert_int_equal(dualbm_planes_owned(planes, 1), 1UL << 6 | 1UL << 7);
	assert_int_equal(dualbm_planes_untracked(planes, 1), 1UL << 8);
	free(planes);
}

static void survey_sees_what_is_not_plain(void **state)
{
	unsigned long *planes = planes_new();
	unsigned char untracked[WORDS];
	struct dualbm_counts counts;
	unsigned long frame;
	unsigned int code;

	(void)state;
	for (frame = 0; frame < FRAMES; frame++)
		planes_set(planes, frame, frame % 3 ? FREE_CODE : ALLOCATED_CODE);
	for (code = 0; code < 8; code++) {
		frame = code * 4001;
		planes_set(planes, frame, code);
		assert_int_equal(dualbm_planes_survey(planes, untracked, &counts),
				 code_is_legal(code) && code != DEPARTING_CODE);
		planes_set(planes, frame, FREE_CODE);
	}
	for (frame = 130; frame < 170; frame++)
		planes_set(planes, frame, UNTRACKED_CODE);
	assert_true(dualbm_planes_survey(planes, untracked, &counts));
	assert_int_equal(untracked[1], 0);
	assert_int_equal(untracked[2], 40);
	assert_int_equal(untracked[WORDS - 1], 0);
	free(planes);
}

/* What is counted by the word is what is counted frame by frame. */
static void counts_are_those_of_the_frames(void **state)
{
	unsigned long *planes = planes_new();
	unsigned char untracked[WORDS];
	struct dualbm_counts counts, all = { .managed = 0 };
	unsigned int codes[8] = { 0 };
	unsigned long frame;

	(void)state;
	for (frame = 0; frame < FRAMES; frame++) {
		static const unsigned int legal[] = { FREE_CODE, ALLOCATED_CODE, UNTRACKED_CODE };
		unsigned int code = legal[frame * 2654435761UL % 97 % 3];

		planes_set(planes, frame, code);
		codes[code]++;
	}
	assert_true(dualbm_planes_survey(planes, untracked, &counts));
	dualbm_planes_count(planes, 0, FRAMES / 2, &all);
	dualbm_planes_count(planes, FRAMES / 2, FRAMES / 2, &all);
	assert_memory_equal(&counts, &all, sizeof(counts));
	assert_int_equal(counts.managed, FRAMES);
	assert_int_equal(counts.allocated, codes[ALLOCATED_CODE]);
	assert_int_equal(counts.free, codes[FREE_CODE]);
	assert_int_equal(counts.untracked, codes[UNTRACKED_CODE]);
	assert_int_equal(counts.departing, 0);
	/* A word of all codes, legal or not. */
	for (frame = 0; frame < 64; frame++)
		planes_set(planes, frame, frame % 8);
	memset(&counts, 0, sizeof(counts));
	dualbm_planes_count(planes, 0, 64, &counts);
	assert_int_equal(counts.managed, 64);
	assert_int_equal(counts.allocated, 8);
	assert_int_equal(counts.free, 8);
	assert_int_equal(counts.departing, 8);
	assert_int_equal(counts.untracked, 24);
	free(planes);
}

static void codewords_are_those_with_odd_parity(void **state)
{
	unsigned int code, event;

	assert_int_equal(DUALBM_CODE_ALLOCATED, ALLOCATED_CODE);
	assert_int_equal(DUALBM_CODE_FREE, FREE_CODE);
	assert_int_equal(DUALBM_CODE_UNTRACKED, UNTRACKED_CODE);
	assert_int_equal(DUALBM_CODE_DEPARTING, DEPARTING_CODE);
	for (code = 0; code < DUALBM_NR_CODES; code++)
		assert_int_equal(__builtin_popcount(code) & 1, code_is_legal(code));
	/* Every event heals: what it leaves is legal, whatever it found. */
	for (event = 0; event < DUALBM_NR_EVENTS; event++)
		for (code = 0; code < DUALBM_NR_CODES; code++)
			assert_true(code_is_legal(dualbm_rule(event, code).next));
}

static void assert_event(unsigned long *planes, unsigned int event,
			 unsigned long frame, unsigned int code)
{
	struct expectation expect = expected(event, code);
	struct dualbm_mismatch found;
	unsigned long *should;
	bool fine;

	planes_set(planes, frame, code);
	should = copy_of(planes);
	planes_set(should, frame, expect.next);
	fine = dualbm_planes_apply(planes, event, frame, 1, &found);
	assert_int_equal(fine, expect.class == DUALBM_NO_VIOLATION);
	if (!fine) {
		assert_int_equal(found.class, expect.class);
		assert_int_equal(found.code, code);
		assert_int_equal(found.first, frame);
		assert_int_equal(found.last, frame);
		assert_int_equal(found.frames, 1);
	}
	assert_same(planes, should);
	free(should);
}

static void single_frame_obeys_every_rule(void **state)
{
	unsigned long *planes = motley_planes();
	unsigned int event, code;
	size_t i;

	for (i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		for (event = 0; event < DUALBM_NR_EVENTS; event++)
			for (code = 0; code < DUALBM_NR_CODES; code++)
				assert_event(planes, event, places[i], code);
	free(planes);
}

static void every_single_flip_is_seen(void **state)
{
	unsigned long *planes = motley_planes();
	unsigned int event, code, plane;
	size_t i;

	for (i = 0; i < WORDS; i++)
		assert_int_equal(dualbm_planes_illegal(planes, i), 0);
	for (i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		unsigned long frame = places[i];
		unsigned int was = planes_get(planes, frame);

		for (code = 0; code < DUALBM_NR_CODES; code++) {
			if (!code_is_legal(code))
				continue;
			for (plane = 0; plane < 3; plane++) {
				unsigned int flipped = code ^ 1u << plane;

				assert_false(code_is_legal(flipped));
				planes_set(planes, frame, flipped);
				assert_int_equal(dualbm_planes_illegal(planes, frame / 64),
						 1UL << frame % 64);
				assert_int_equal(dualbm_planes_code(planes, frame), flipped);
				/* ... and by the next event, whichever it is. */
				for (event = 0; event < DUALBM_NR_EVENTS; event++) {
					assert_event(planes, event, frame, flipped);
					assert_int_equal(dualbm_planes_illegal(planes,
									       frame / 64), 0);
				}
			}
		}
		planes_set(planes, frame, was);
	}
	free(planes);
}

static void region_of_zeroes_is_illegal(void **state)
{
	unsigned long *planes = motley_planes();
	struct dualbm_mismatch found;
	unsigned long word;
	unsigned int plane;

	for (plane = 0; plane < 3; plane++)
		memset(planes + plane * WORDS + 8, 0, 16 * sizeof(long));
	for (word = 0; word < 32; word++)
		assert_int_equal(dualbm_planes_illegal(planes, word),
				 word >= 8 && word < 24 ? ~0UL : 0);
	assert_false(dualbm_planes_apply(planes, DUALBM_ALLOC, 8 * 64, 1024, &found));
	assert_int_equal(found.class, DUALBM_PLANE_CORRUPTION);
	assert_int_equal(found.code, 0);
	assert_int_equal(found.first, 8 * 64);
	assert_int_equal(found.last, 24 * 64 - 1);
	assert_int_equal(found.frames, 1024);
	free(planes);
}

/*
 * A region of ones is legal for an event: all of it is departing. What finds it
 * is that a departing frame does not stay so for a scrub period.
 */
/* Nobody will give back what was wiped: one wait shows it for the whole block. */
static void region_of_zeroes_is_waited_for_once(void **state)
{
	unsigned long *planes = planes_new();
	struct dualbm_mismatch found;

	(void)state;
	relax_calls = 0;
	memset(planes, 0, DUALBM_NR_PLANES * DUALBM_PLANE_BYTES);
	assert_false(dualbm_planes_alloc(planes, 0, 512, &found));
	assert_int_equal(found.class, DUALBM_PLANE_CORRUPTION);
	assert_int_equal(found.frames, 512);
	assert_in_range(relax_calls, 1, DUALBM_TOKEN_TRIES / DUALBM_TOKEN_LOOKS + 1);
	free(planes);
}

static void region_of_ones_is_departing(void **state)
{
	unsigned long *planes = motley_planes();
	unsigned long frame;
	unsigned int plane;

	for (plane = 0; plane < 3; plane++)
		memset(planes + plane * WORDS + 8, 0xff, 16 * sizeof(long));
	for (frame = 8 * 64; frame < 24 * 64; frame++)
		assert_int_equal(dualbm_planes_code(planes, frame), DEPARTING_CODE);
	for (frame = 0; frame < 32; frame++)
		assert_int_equal(dualbm_planes_illegal(planes, frame), 0);
	free(planes);
}

static void fast_path_agrees_with_the_block_path(void **state)
{
	static const unsigned int events[] = { DUALBM_ALLOC, DUALBM_FREE };
	unsigned long *planes = motley_planes();
	unsigned int code, i, j;

	for (i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		for (code = 0; code < DUALBM_NR_CODES; code++) {
			for (j = 0; j < 2; j++) {
				unsigned int event = events[j];
				bool alloc = event == DUALBM_ALLOC;
				struct dualbm_mismatch one = { 0 }, other = { 0 };
				unsigned long *fast, *block;
				unsigned int old;
				bool fine = true;

				planes_set(planes, places[i], code);
				fast = copy_of(planes);
				block = copy_of(planes);
				old = dualbm_move_frame(fast, alloc ? DUALBM_SECONDARY :
							DUALBM_PRIMARY,
							alloc ? DUALBM_PRIMARY :
							DUALBM_SECONDARY, places[i]);
				/* It is done if, and only if, all was as expected. */
				assert_int_equal(old == (alloc ? FREE_CODE : ALLOCATED_CODE),
						 code == (alloc ? FREE_CODE : ALLOCATED_CODE));
				if (old != (alloc ? FREE_CODE : ALLOCATED_CODE))
					fine = dualbm_planes_moved(fast, event, places[i],
								   old, &one);
				assert_int_equal(fine, dualbm_planes_apply(block, event,
									   places[i], 1,
									   &other));
				assert_same(fast, block);
				if (!fine) {
					assert_int_equal(one.class, other.class);
					assert_int_equal(one.code, other.code);
					assert_int_equal(one.first, other.first);
					assert_int_equal(one.last, other.last);
					assert_int_equal(one.frames, other.frames);
				}
				free(fast);
				free(block);
			}
		}
	}
	free(planes);
}

static void forget_makes_anything_untracked(void **state)
{
	unsigned long *planes = motley_planes();
	unsigned int code;
	size_t i;

	for (i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		for (code = 0; code < DUALBM_NR_CODES; code++) {
			unsigned long *should;

			planes_set(planes, places[i], code);
			should = copy_of(planes);
			planes_set(should, places[i], UNTRACKED_CODE);
			dualbm_planes_forget(planes, places[i], 1);
			assert_same(planes, should);
			free(should);
		}
	}
	free(planes);
}

/* All codewords, legal and not, in one word; a mask that leaves some out. */
static void learning_changes_untracked_frames_only(void **state)
{
	static const unsigned int codes[] = { DUALBM_CODE_FREE, DUALBM_CODE_ALLOCATED };
	static const unsigned long masks[] = {
		~0UL, 0, 0xf0f0f0f00f0f0f0fUL, 1, 1UL << 63, 0x5555555555555555UL
	};
	unsigned int i, j;

	for (i = 0; i < 2; i++) {
		for (j = 0; j < sizeof(masks) / sizeof(masks[0]); j++) {
			unsigned long *planes = motley_planes(), *should;
			unsigned long frame, learned = 0;

			for (frame = 64; frame < 128; frame++)
				planes_set(planes, frame, frame * 7 / 3 % 8);
			should = copy_of(planes);
			for (frame = 64; frame < 128; frame++) {
				if (!(masks[j] >> frame % 64 & 1) ||
				    planes_get(planes, frame) != UNTRACKED_CODE)
					continue;
				planes_set(should, frame, codes[i]);
				learned |= 1UL << frame % 64;
			}
			assert_int_equal(dualbm_planes_learn(planes, 1, masks[j], codes[i]),
					 learned);
			assert_same(planes, should);
			free(planes);
			free(should);
		}
	}
}

static void word_masks_end_with_the_word(void **state)
{
	unsigned long first, nr, bit;

	for (first = 0; first < 64; first++) {
		for (nr = 1; nr <= 130; nr++) {
			unsigned long mask = 0;

			for (bit = first; bit < 64 && bit < first + nr; bit++)
				mask |= 1UL << bit;
			assert_int_equal(dualbm_word_mask(first, nr), mask);
			assert_int_equal(dualbm_word_mask(first + 640, nr), mask);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table_equals_the_design),
		cmocka_unit_test(codewords_are_those_with_odd_parity),
		cmocka_unit_test(liars_are_what_the_witness_leaves),
		cmocka_unit_test(words_tell_departing_and_owned_frames),
		cmocka_unit_test(survey_sees_what_is_not_plain),
		cmocka_unit_test(counts_are_those_of_the_frames),
		cmocka_unit_test(single_frame_obeys_every_rule),
		cmocka_unit_test(every_single_flip_is_seen),
		cmocka_unit_test(region_of_zeroes_is_illegal),
		cmocka_unit_test(region_of_zeroes_is_waited_for_once),
		cmocka_unit_test(region_of_ones_is_departing),
		cmocka_unit_test(fast_path_agrees_with_the_block_path),
		cmocka_unit_test(forget_makes_anything_untracked),
		cmocka_unit_test(learning_changes_untracked_frames_only),
		cmocka_unit_test(word_masks_end_with_the_word),
	};

	return cmocka_run_group_tests_name("rules", tests, NULL, NULL);
}
