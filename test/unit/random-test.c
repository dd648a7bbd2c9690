// SPDX-License-Identifier: GPL-2.0-only
/*
 * Blocks of all sizes against a model that has one byte per frame.
 *
 * The memory is larger than a chunk, and a block is carried out chunk by chunk,
 * as the event path does; so order 18 is tried whatever the chunk's size is.
 * covers: R-RULE-11 R-RULE-12
 */
#include <stdio.h>

#include "unit.h"

#define MAX_ORDER	18
#define MEMORY		(1UL << (MAX_ORDER + 1))
#define CHUNKS		(MEMORY / FRAMES)
#ifndef TRANSITIONS
#define TRANSITIONS	4000000ul
#endif
#define EVERY(n, i)	(!((i) % (n)))

static unsigned long *chunks[CHUNKS];
static u8 model[MEMORY];
static u8 snapshot[MEMORY];

static int memory_new(void **state)
{
	unsigned long i;

	for (i = 0; i < CHUNKS; i++)
		chunks[i] = planes_new();
	memset(model, UNTRACKED_CODE, sizeof(model));
	return 0;
}

static int memory_free(void **state)
{
	unsigned long i;

	for (i = 0; i < CHUNKS; i++)
		free(chunks[i]);
	return 0;
}

static void set_frame(unsigned long pfn, unsigned int code)
{
	planes_set(chunks[pfn / FRAMES], pfn % FRAMES, code);
	model[pfn] = code;
}

/* All frames of the words that the range touches, and of a word on each side. */
static void assert_words(unsigned long pfn, unsigned long frames)
{
	unsigned long word = pfn / 64 ? pfn / 64 - 1 : 0;
	unsigned long last = min((pfn + frames - 1) / 64 + 1, MEMORY / 64 - 1);

	for (; word <= last; word++) {
		const unsigned long *planes = chunks[word / WORDS] + word % WORDS;
		const u8 *codes = model + word * 64;
		unsigned long should[4] = { 0 };
		unsigned int bit;

		for (bit = 0; bit < 64; bit++) {
			should[0] |= (codes[bit] & 1ul) << bit;
			should[1] |= (codes[bit] >> 1 & 1ul) << bit;
			should[2] |= (codes[bit] >> 2 & 1ul) << bit;
			should[3] |= (codes[bit] >> 3 & 1ul) << bit;
		}
		assert_int_equal(planes[0], should[0]);
		assert_int_equal(planes[STRIDE], should[1]);
		assert_int_equal(planes[2 * STRIDE], should[2]);
		assert_int_equal(planes[3 * STRIDE], should[3]);
		assert_int_equal(dualbm_planes_illegal(chunks[word / WORDS], word % WORDS),
				 ~(should[0] ^ should[1] ^ should[2]) |
				 ~(should[2] ^ should[3]));
	}
}

static void assert_memory(void)
{
	assert_words(0, MEMORY);
}

/* What the model says of a part of a block that lies in one chunk. */
static void model_part(unsigned int event, unsigned long pfn, unsigned long frames,
		       struct dualbm_mismatch *found)
{
	struct expectation word[64];
	unsigned long i;

	found->frames = 0;
	for (i = pfn; i < pfn + frames; i++) {
		struct expectation expect;

		if (i == pfn || !(i % 64))
			expected_word(event, model + i, min(64 - i % 64, pfn + frames - i),
				      word + i % 64);
		expect = word[i % 64];
		if (expect.class != DUALBM_NO_VIOLATION && !found->frames) {
			found->class = expect.class;
			found->code = model[i];
			found->first = i % FRAMES;
		}
		if (expect.class != DUALBM_NO_VIOLATION &&
		    expect.class == found->class) {
			found->last = i % FRAMES;
			found->frames++;
		}
		model[i] = expect.next;
	}
}

static struct random ways = { 1 };

static bool apply_part(unsigned int event, unsigned long pfn, unsigned long frames,
		       struct dualbm_mismatch *found)
{
	unsigned long *planes = chunks[pfn / FRAMES];
	unsigned long frame = pfn % FRAMES;

	/* The event path's own way, half of the time; also for what lies where no block does. */
	if (!(frames & (frames - 1)) && event <= DUALBM_FREE && random_below(&ways, 2))
		return event_path(planes, event, frame, __builtin_ctzl(frames), found, NULL);
	return dualbm_planes_apply(planes, event, frame, frames, found);
}

static void assert_event(unsigned int event, unsigned long pfn, unsigned long frames)
{
	unsigned long part, left, start = pfn;

	for (left = frames; left; left -= part, pfn += part) {
		struct dualbm_mismatch found = { 0 }, should = { 0 };
		bool fine;

		part = min(left, FRAMES - pfn % FRAMES);
		model_part(event, pfn, part, &should);
		fine = apply_part(event, pfn, part, &found);
		assert_int_equal(fine, !should.frames);
		if (fine)
			continue;
		assert_int_equal(found.class, should.class);
		assert_int_equal(found.code, should.code);
		assert_int_equal(found.first, should.first);
		assert_int_equal(found.last, should.last);
		assert_int_equal(found.frames, should.frames);
	}
	assert_words(start, frames);
}

static void assert_forget(unsigned long pfn, unsigned long frames)
{
	unsigned long part, left, start = pfn;

	for (left = frames; left; left -= part, pfn += part) {
		part = min(left, FRAMES - pfn % FRAMES);
		dualbm_planes_forget(chunks[pfn / FRAMES], pfn % FRAMES, part);
		memset(model + pfn, UNTRACKED_CODE, part);
	}
	assert_words(start, frames);
}

static void assert_learn(unsigned long word, unsigned long mask, unsigned int code)
{
	unsigned long learned = 0;
	unsigned int bit;

	for (bit = 0; bit < 64; bit++) {
		if (!(mask >> bit & 1) || model[word * 64 + bit] != UNTRACKED_CODE)
			continue;
		model[word * 64 + bit] = code;
		learned |= 1ul << bit;
	}
	assert_int_equal(dualbm_planes_learn(chunks[word / WORDS], word % WORDS, mask,
					     code), learned);
	assert_words(word * 64, 64);
}

/* Every frame different from its neighbours, all of them legal. */
static void motley_memory(void)
{
	static const u8 codes[] = {
		FREE_CODE, ALLOCATED_CODE, UNTRACKED_CODE, DEPARTING_CODE, FREE_CODE
	};
	unsigned long pfn;

	for (pfn = 0; pfn < MEMORY; pfn++)
		set_frame(pfn, codes[pfn % 5]);
}

/* One event on one range, with a look at all of the memory. */
static void assert_range(unsigned long pfn, unsigned long frames)
{
	unsigned long i;

	memcpy(snapshot, model, MEMORY);
	assert_event(DUALBM_DEPART, pfn, frames);
	for (i = 0; i < MEMORY; i++) {
		bool inside = i - pfn < frames;

		assert_int_equal(model[i], inside ? DEPARTING_CODE : snapshot[i]);
	}
	assert_memory();
	assert_event(DUALBM_ALLOC, pfn, frames);
	assert_event(DUALBM_FREE, pfn, frames);
	assert_event(DUALBM_CHARGE, pfn, frames);
	assert_forget(pfn, frames);
	assert_memory();
}

static void every_order_changes_its_own_frames_only(void **state)
{
	unsigned int order;

	motley_memory();
	for (order = 0; order <= MAX_ORDER; order++) {
		unsigned long frames = 1ul << order;

		assert_range(0, frames);
		assert_range(MEMORY - frames, frames);
		assert_range((MEMORY / 2 + 4096) / frames * frames, frames);
	}
}

static void blocks_need_no_alignment(void **state)
{
	static const unsigned long odd[] = { 1, 31, 63, 65 };
	unsigned int order;
	size_t i;

	motley_memory();
	for (order = 0; order <= MAX_ORDER; order += 3) {
		for (i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
			/* Over the edge of a chunk, and ending off a word's edge. */
			assert_range(FRAMES - odd[i], 1ul << order);
			assert_range(2 * FRAMES > MEMORY / 2 ? 64 + odd[i] :
				     2 * FRAMES + odd[i], (1ul << order) + odd[i]);
		}
	}
}

/* All ranges in and around three words. */
static void short_ranges_at_every_bit(void **state)
{
	unsigned long first, frames;

	motley_memory();
	for (first = FRAMES - 96; first < FRAMES + 96; first++) {
		for (frames = 1; frames <= 192; frames += frames < 70 ? 1 : 61) {
			assert_event(DUALBM_PUTBACK, first, frames);
			assert_event(DUALBM_ALLOC, first, frames);
			assert_event(DUALBM_FREE, first, frames);
			assert_event(DUALBM_ISOLATE, first, frames);
			assert_event(DUALBM_BULK_SINGLE, first, frames);
		}
	}
	assert_memory();
}

/* A block is reported for the first frame that breaks a rule. */
static void first_broken_frame_decides(void **state)
{
	struct dualbm_mismatch found;

	memory_free(NULL);
	memory_new(NULL);
	assert_true(dualbm_planes_apply(chunks[0], DUALBM_BULK_SINGLE, 0, 256, &found));
	/* Freed twice, then broken planes: the lower codeword comes later. */
	planes_set(chunks[0], 70, FREE_CODE);
	planes_set(chunks[0], 75, 0);
	planes_set(chunks[0], 80, FREE_CODE);
	planes_set(chunks[0], 200, FREE_CODE);
	assert_false(dualbm_planes_apply(chunks[0], DUALBM_FREE, 0, 256, &found));
	assert_int_equal(found.class, DUALBM_DOUBLE_FREE);
	assert_int_equal(found.code, FREE_CODE);
	assert_int_equal(found.first, 70);
	assert_int_equal(found.last, 200);
	assert_int_equal(found.frames, 3);
	/* One class, several codewords. */
	assert_true(dualbm_planes_apply(chunks[0], DUALBM_ALLOC, 0, 256, &found));
	planes_set(chunks[0], 3, 6);
	planes_set(chunks[0], 9, 3);
	planes_set(chunks[0], 5, 0);
	assert_false(dualbm_planes_apply(chunks[0], DUALBM_FREE, 0, 256, &found));
	assert_int_equal(found.class, DUALBM_PLANE_CORRUPTION);
	assert_int_equal(found.code, 6);
	assert_int_equal(found.first, 3);
	assert_int_equal(found.last, 9);
	assert_int_equal(found.frames, 3);
}

static unsigned int random_order(struct random *r, unsigned long turn)
{
	if (EVERY(16384, turn))
		return 10 + random_below(r, MAX_ORDER - 9);
	if (EVERY(8, turn))
		return random_below(r, 10);
	return __builtin_ctzl(random_next(r) | 1ul << 9);
}

static unsigned int random_event(struct random *r, unsigned long pfn)
{
	if (random_below(r, 4))		/* what a healthy machine does */
		return model[pfn] == ALLOCATED_CODE ? DUALBM_FREE : DUALBM_ALLOC;
	return random_below(r, DUALBM_NR_EVENTS);
}

static void random_turn(struct random *r, unsigned long turn)
{
	unsigned long frames = 1ul << random_order(r, turn);
	unsigned long pfn = random_below(r, MEMORY / frames) * frames;
	unsigned int event = random_event(r, pfn);

	/* Often the same few words, so that histories grow. */
	if (turn & 1 && frames < 4096)
		pfn = FRAMES - 4096 + pfn % 8192;
	if (EVERY(7, turn)) {		/* any range */
		pfn = random_below(r, MEMORY);
		frames = min(1 + random_below(r, 300), MEMORY - pfn);
	}
	if (EVERY(61, turn))
		assert_forget(pfn, frames);
	else if (EVERY(53, turn))
		assert_learn(pfn / 64, random_next(r),
			     turn & 2 ? FREE_CODE : ALLOCATED_CODE);
	else
		assert_event(event, pfn, frames);
	if (EVERY(31, turn)) {		/* a fault in the planes */
		unsigned long frame = pfn + random_below(r, frames);

		set_frame(frame, model[frame] ^ 1u << random_below(r, 4));
	}
}

static void millions_of_random_transitions(void **state)
{
	struct random r = { .state = random_seed() };
	unsigned long turn;

	motley_memory();
	for (turn = 1; turn <= TRANSITIONS; turn++) {
		random_turn(&r, turn);
		if (EVERY(TRANSITIONS / 32, turn))
			assert_memory();
	}
}

#define test(function) \
	cmocka_unit_test_setup_teardown(function, memory_new, memory_free)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(every_order_changes_its_own_frames_only),
		test(blocks_need_no_alignment),
		test(short_ranges_at_every_bit),
		test(first_broken_frame_decides),
		test(millions_of_random_transitions),
	};

	return cmocka_run_group_tests_name("random", tests, NULL, NULL);
}
