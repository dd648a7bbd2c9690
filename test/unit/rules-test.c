// SPDX-License-Identifier: GPL-2.0-only
/*
 * The rule table, and single frames: each codeword, each event, each flip.
 */
#include "unit.h"

/* Word edges, the middle of a word, and both ends of the chunk. */
static const unsigned long places[] = {
	0, 1, 31, 63, 64, 127, 12345 % FRAMES, FRAMES - 64, FRAMES - 2, FRAMES - 1
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

	memcpy(copy, planes, DUALBM_CHUNK_BYTES);
	return copy;
}

static void assert_same(const unsigned long *planes, const unsigned long *other)
{
	assert_memory_equal(planes, other, DUALBM_CHUNK_BYTES);
}

/* covers: R-RULE-1 R-RULE-2 R-RULE-3 R-RULE-4 R-RULE-5 R-RULE-6 R-RULE-7 R-RULE-8 R-RULE-9 */
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

/* What a witness leaves open, written out by planes p, s, u, k. */
/* covers: R-PLANE-4 */
static void liars_are_what_the_witness_leaves(void **state)
{
	enum { P = 1, S = 2, N = 4, K = 8 };
	/* For each illegal codeword: with a witness for free, for allocated, without one. */
	static const struct {
		unsigned int code, free, allocated, unknown;
	} cases[] = {
		{ 0, N, N, N },			/* untracked has lost its bit */
		{ P, K, K, K },			/* allocated, known lost */
		{ S, K, K, K },
		{ P | S, P | K, S | K, N },	/* departing, or two are wrong */
		{ P | N, P, P, P },
		{ S | N, S, S, S },
		{ K, S, P, P | S },		/* only a witness tells these two */
		{ P | S | K, P, S, P | S },
		{ N | K, K, K, K },
		{ P | N | K, N, N, N },
		{ S | N | K, N, N, N },
		{ P | S | N | K, P | N, S | N, K },
	};
	unsigned int i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(dualbm_code_liars(cases[i].code, FREE_CODE), cases[i].free);
		assert_int_equal(dualbm_code_liars(cases[i].code, ALLOCATED_CODE),
				 cases[i].allocated);
		assert_int_equal(dualbm_code_liars(cases[i].code, 0), cases[i].unknown);
	}
	assert_int_equal(i, DUALBM_NR_CODES - 4);
}

/*
 * Which planes a fault may hit, whatever it does to them, without making one legal
 * codeword of another: all that leave two codewords no way to differ.
 */
static bool is_seen_on(unsigned int planes)
{
	static const unsigned int legal[] = {
		FREE_CODE, ALLOCATED_CODE, UNTRACKED_CODE, DEPARTING_CODE
	};
	unsigned int i, bits;

	for (i = 0; i < 4; i++) {
		for (bits = 0; bits < DUALBM_NR_CODES; bits++) {
			unsigned int now = (legal[i] & ~planes) | (bits & planes);

			if (now != legal[i] && dualbm_code_legal(now))
				return false;
		}
	}
	return true;
}

/* covers: R-PLANE-1 */
static void any_damage_to_one_or_two_planes_is_illegal(void **state)
{
	enum { P = 1, S = 2, N = 4, K = 8 };
	unsigned int planes;

	/* All single planes, all pairs but the one that alloc and free store to. */
	for (planes = 0; planes < DUALBM_NR_CODES; planes++)
		if (__builtin_popcount(planes) <= 2)
			assert_int_equal(is_seen_on(planes), planes != (P | S));
	/* So both ways to lay them on two nodes are good. */
	assert_true(is_seen_on(P | N) && is_seen_on(S | K));
	assert_true(is_seen_on(P | K) && is_seen_on(S | N));
	/* Three planes on one node are too many. */
	assert_false(is_seen_on(P | N | K) || is_seen_on(S | N | K));
}

/* Zeroes or ones in any planes, and rows of two planes exchanged. */
/* covers: R-PLANE-1 */
static void wipes_and_swaps_are_illegal(void **state)
{
	static const unsigned int legal[] = {
		FREE_CODE, ALLOCATED_CODE, UNTRACKED_CODE, DEPARTING_CODE
	};
	unsigned int i, planes, one, other;

	for (i = 0; i < 4; i++) {
		for (planes = 1; planes < DUALBM_NR_CODES; planes++) {
			unsigned int zeroes = legal[i] & ~planes, ones = legal[i] | planes;

			/* What takes these two with it takes all. */
			if ((planes & 3) == 3 && planes != 15)
				continue;
			assert_true(zeroes == legal[i] || !dualbm_code_legal(zeroes));
			assert_true(ones == legal[i] || !dualbm_code_legal(ones));
		}
		for (one = 0; one < 4; one++) {
			for (other = 0; other < one; other++) {
				unsigned int a = legal[i] >> one & 1, b = legal[i] >> other & 1;
				unsigned int now = legal[i] ^ ((a ^ b) << one | (a ^ b) << other);

				/* These two never share a row, nor a node if possible. */
				if (other == DUALBM_PRIMARY && one == DUALBM_SECONDARY)
					continue;
				assert_true(now == legal[i] || !dualbm_code_legal(now));
			}
		}
	}
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

/* covers: R-SCRUB-1 */
static void survey_sees_what_is_not_plain(void **state)
{
	unsigned long *planes = planes_new();
	struct dualbm_counts counts;
	unsigned long frame;
	unsigned int code;

	(void)state;
	for (frame = 0; frame < FRAMES; frame++)
		planes_set(planes, frame, frame % 3 ? FREE_CODE : ALLOCATED_CODE);
	for (code = 0; code < DUALBM_NR_CODES; code++) {
		frame = code * 2001 % FRAMES;
		planes_set(planes, frame, code);
		assert_int_equal(dualbm_planes_survey(planes, &counts),
				 code_is_legal(code) && code != DEPARTING_CODE);
		planes_set(planes, frame, FREE_CODE);
	}
	for (frame = 130; frame < 170; frame++)
		planes_set(planes, frame, UNTRACKED_CODE);
	assert_true(dualbm_planes_survey(planes, &counts));
	assert_int_equal(counts.untracked, 40);
	free(planes);
}

/* What is counted by the word is what is counted frame by frame. */
static void counts_are_those_of_the_frames(void **state)
{
	static const unsigned int legal[] = { FREE_CODE, ALLOCATED_CODE, UNTRACKED_CODE };
	unsigned int codes[DUALBM_NR_CODES] = { 0 };
	struct dualbm_counts counts, all = { .managed = 0 };
	unsigned long *planes = planes_new();
	unsigned long frame;

	(void)state;
	/* Some words are full of what is known, and some groups of words. */
	for (frame = 0; frame < FRAMES; frame++) {
		unsigned long one = frame * 2654435761UL % 97;
		unsigned int code = legal[frame / 512 % 3 ? one % 2 : one % 3];

		planes_set(planes, frame, code);
		codes[code]++;
	}
	assert_true(dualbm_planes_survey(planes, &counts));
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
		planes_set(planes, frame, frame % DUALBM_NR_CODES);
	memset(&counts, 0, sizeof(counts));
	dualbm_planes_count(planes, 0, 64, &counts);
	assert_int_equal(counts.managed, 64);
	assert_int_equal(counts.allocated, 4);
	assert_int_equal(counts.free, 4);
	assert_int_equal(counts.departing, 4);
	assert_int_equal(counts.untracked, 28);
	free(planes);
}

static void codewords_are_those_of_the_design(void **state)
{
	unsigned int code, event;

	assert_int_equal(DUALBM_CODE_ALLOCATED, ALLOCATED_CODE);
	assert_int_equal(DUALBM_CODE_FREE, FREE_CODE);
	assert_int_equal(DUALBM_CODE_UNTRACKED, UNTRACKED_CODE);
	assert_int_equal(DUALBM_CODE_DEPARTING, DEPARTING_CODE);
	for (code = 0; code < DUALBM_NR_CODES; code++)
		assert_int_equal(dualbm_code_legal(code), code_is_legal(code));
	/* Every event heals: what it leaves is legal, whatever it found. */
	for (event = 0; event < DUALBM_NR_EVENTS; event++)
		for (code = 0; code < DUALBM_NR_CODES; code++)
			assert_true(code_is_legal(dualbm_rule(event, code).next));
}

static void assert_event(unsigned long *planes, unsigned int event,
			 unsigned long frame, unsigned int code)
{
	struct dualbm_mismatch found;
	struct expectation expect;
	unsigned long *should;
	u8 was = code;
	bool fine;

	expected_word(event, &was, 1, &expect);

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

/* covers: R-RULE-1 R-RULE-2 R-RULE-3 R-RULE-4 R-RULE-5 R-RULE-6 R-RULE-7 R-RULE-8 R-RULE-9 */
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

/* covers: R-RULE-10 R-PLANE-1 */
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
			for (plane = 0; plane < 4; plane++) {
				unsigned int flipped = code ^ 1u << plane;

				assert_false(code_is_legal(flipped));
				planes_set(planes, frame, flipped);
				assert_int_equal(dualbm_planes_illegal(planes, frame / 64),
						 1UL << frame % 64);
				assert_int_equal(dualbm_planes_code(planes, frame), flipped);
				/*
				 * ... and by the next event, whichever it is; but for
				 * known, which alloc and free do without, and leave
				 * as wrong as it is.
				 */
				for (event = 0; event < DUALBM_NR_EVENTS; event++) {
					bool passed = plane == DUALBM_KNOWN &&
						((event == DUALBM_ALLOC && code == FREE_CODE) ||
						 (event == DUALBM_FREE &&
						  code == ALLOCATED_CODE));

					assert_event(planes, event, frame, flipped);
					assert_int_equal(dualbm_planes_illegal(planes, frame / 64),
							 passed ? 1UL << frame % 64 : 0);
				}
			}
		}
		planes_set(planes, frame, was);
	}
	free(planes);
}

static void assert_wiped(int byte, unsigned int code)
{
	struct dualbm_counts counts;
	unsigned int event, plane;
	unsigned long word;

	for (event = 0; event < DUALBM_NR_EVENTS; event++) {
		unsigned long *planes = motley_planes();
		struct dualbm_mismatch found;

		for (plane = 0; plane < 4; plane++)
			memset(planes + plane * STRIDE + 8, byte, 16 * sizeof(long));
		for (word = 0; word < 32; word++)
			assert_int_equal(dualbm_planes_illegal(planes, word),
					 word >= 8 && word < 24 ? ~0UL : 0);
		assert_false(dualbm_planes_survey(planes, &counts));
		assert_false(dualbm_planes_apply(planes, event, 8 * 64, 1024, &found));
		assert_int_equal(found.class, DUALBM_PLANE_CORRUPTION);
		assert_int_equal(found.code, code);
		assert_int_equal(found.first, 8 * 64);
		assert_int_equal(found.last, 24 * 64 - 1);
		assert_int_equal(found.frames, 1024);
		free(planes);
	}
}

static void region_of_zeroes_is_illegal(void **state)
{
	assert_wiped(0, 0);
}

static void region_of_ones_is_illegal(void **state)
{
	assert_wiped(0xff, 15);
}

/* Nobody will give back what was wiped: one wait shows it for the whole block. */
static void region_of_zeroes_is_waited_for_once(void **state)
{
	unsigned long *planes = planes_new();
	struct dualbm_mismatch found;

	(void)state;
	relax_calls = 0;
	memset(planes, 0, DUALBM_CHUNK_BYTES);
	assert_false(dualbm_planes_apply(planes, DUALBM_ALLOC, 0, 512, &found));
	assert_int_equal(found.class, DUALBM_PLANE_CORRUPTION);
	assert_int_equal(found.frames, 512);
	assert_in_range(relax_calls, 1, DUALBM_TOKEN_TRIES / DUALBM_TOKEN_LOOKS + 1);
	free(planes);
}

/* A block of all that the event expects, but for one frame. */
static void assert_ways_agree(enum dualbm_event_type event, unsigned long first,
			      unsigned int order, unsigned long odd, unsigned int code)
{
	unsigned long nr = 1ul << order, i;
	unsigned long *planes = motley_planes(), *fast, *slow;
	struct dualbm_mismatch one = { 0 }, other = { 0 };
	bool fine, alone;

	for (i = first; i < first + nr; i++)
		planes_set(planes, i, event == DUALBM_ALLOC ? FREE_CODE : ALLOCATED_CODE);
	planes_set(planes, first + odd, code);
	fast = copy_of(planes);
	slow = copy_of(planes);
	fine = event_path(fast, event, first, order, &one, &alone);
	/* It is done if, and only if, all was as expected. */
	assert_int_equal(alone, (code & 7) == (event == DUALBM_ALLOC ? 2 : 1));
	assert_int_equal(fine, dualbm_planes_apply(slow, event, first, nr, &other));
	assert_same(fast, slow);
	if (!fine) {
		assert_int_equal(one.class, other.class);
		assert_int_equal(one.code, other.code);
		assert_int_equal(one.first, other.first);
		assert_int_equal(one.last, other.last);
		assert_int_equal(one.frames, other.frames);
	}
	free(fast);
	free(slow);
	free(planes);
}

/* covers: R-RULE-12 */
static void event_path_agrees_with_the_long_way(void **state)
{
	unsigned int order, code, event;
	size_t i;

	(void)state;
	for (order = 0; order <= 10; order++)
		for (code = 0; code < DUALBM_NR_CODES; code++)
			for (event = DUALBM_ALLOC; event <= DUALBM_FREE; event++) {
				assert_ways_agree(event, 4096, order, 0, code);
				assert_ways_agree(event, 4096, order, (1ul << order) / 2, code);
				assert_ways_agree(event, 4096, order, (1ul << order) - 1, code);
			}
	for (i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		for (order = 0; order < 6; order++)
			for (code = 0; code < DUALBM_NR_CODES; code++)
				for (event = DUALBM_ALLOC; event <= DUALBM_FREE; event++)
					assert_ways_agree(event, places[i] >> order << order,
							  order, 0, code);
}

/* What the event path does by itself, and what it leaves to others. */
/* covers: R-RULE-12 */
static void event_path_does_what_is_expected_only(void **state)
{
	unsigned int order, code;
	unsigned long i;

	(void)state;
	for (order = 0; order <= 10; order++)
		for (code = 0; code < DUALBM_NR_CODES; code++) {
			unsigned long *planes = motley_planes();
			struct dualbm_part part;
			bool done;

			for (i = 0; i < 1ul << order; i++)
				planes_set(planes, 4096 + i, code);
			done = dualbm_move_block(planes, DUALBM_FREE, 4096, order, &part);
			assert_int_equal(done, (code & 7) == 1);
			if (!done)
				assert_int_equal(part.first, 4096);
			if (!(code & 1)) {
				assert_int_equal(part.took, 0);
				for (i = 0; i < 1ul << order; i++)
					assert_int_equal(planes_get(planes, 4096 + i), code);
			}
			free(planes);
		}
}

/* covers: R-RULE-9 */
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
				planes_set(planes, frame, frame * 7 / 3 % 16);
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

/* covers: R-RULE-11 */
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

/* So that each copy of a frame lies on a page, and a node, that was chosen for it. */
/* covers: R-PLANE-2 */
static void each_plane_has_pages_of_its_own(void **state)
{
	unsigned long *planes = planes_new();
	unsigned int plane;

	(void)state;
	for (plane = 0; plane < DUALBM_NR_PLANES; plane++)
		assert_int_equal((dualbm_plane(planes, plane) - planes) * sizeof(long),
				 plane * ((DUALBM_PLANE_BYTES + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1)));
	free(planes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table_equals_the_design),
		cmocka_unit_test(codewords_are_those_of_the_design),
		cmocka_unit_test(any_damage_to_one_or_two_planes_is_illegal),
		cmocka_unit_test(wipes_and_swaps_are_illegal),
		cmocka_unit_test(liars_are_what_the_witness_leaves),
		cmocka_unit_test(words_tell_departing_and_owned_frames),
		cmocka_unit_test(survey_sees_what_is_not_plain),
		cmocka_unit_test(counts_are_those_of_the_frames),
		cmocka_unit_test(single_frame_obeys_every_rule),
		cmocka_unit_test(every_single_flip_is_seen),
		cmocka_unit_test(region_of_zeroes_is_illegal),
		cmocka_unit_test(region_of_zeroes_is_waited_for_once),
		cmocka_unit_test(region_of_ones_is_illegal),
		cmocka_unit_test(event_path_agrees_with_the_long_way),
		cmocka_unit_test(event_path_does_what_is_expected_only),
		cmocka_unit_test(forget_makes_anything_untracked),
		cmocka_unit_test(learning_changes_untracked_frames_only),
		cmocka_unit_test(word_masks_end_with_the_word),
		cmocka_unit_test(each_plane_has_pages_of_its_own),
	};

	return cmocka_run_group_tests_name("rules", tests, NULL, NULL);
}
