// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is not an event of the rule table: forgetting, learning, surveys and questions are what the
 * design says of each frame, for all words of all planes; and no damage that the design names is
 * taken for a codeword.
 */
#include "kernel_shim.h"

/* How many bits are set is the compiler's to say: of one word always as many, and of 0 none. */
#undef hweight_long
#define hweight_long(word)	weigh(word)

unsigned long __CPROVER_uninterpreted_weight(unsigned long word);

static unsigned long weigh(unsigned long word)
{
	return word ? 1 + (__CPROVER_uninterpreted_weight(word) & 63) : 0;
}

#include "proof.h"

#define ALLOCATED	9
#define FREE		10
#define UNTRACKED	4
#define DEPARTING	7

/* A frame of the chunk, and what all four planes have of each. */
void mask_of_some_frames(void)
{
	unsigned long first = any_below(FRAMES), nr = 1 + any_below(FRAMES), bit = any_below(64);
	unsigned long frame = first / 64 * 64 + bit;

	PROVE("a mask has the frames that were asked for and are in the first one's word",
	      (dualbm_word_mask(first, nr) >> bit & 1) == (frame >= first && frame - first < nr));
	REACHED("the end");
}

void forget_any_frames(void)
{
	unsigned long first = any_below(FRAMES), nr = any_below(FRAMES + 1);
	unsigned long frame = any_below(FRAMES);
	struct planes was, now;

	__CPROVER_assume(first + nr <= FRAMES);
	now = was;
	dualbm_planes_forget(now.words, first, nr);
	PROVE("what is forgotten is untracked, and no other frame changes",
	      code_of(&now, frame) == (frame >= first && frame - first < nr ? UNTRACKED :
				       code_of(&was, frame)));
	REACHED("the end");
}

void learn_any_frames_of_a_word(void)
{
	unsigned long word = any_below(WORDS), mask = nondet_number(), frame = any_below(FRAMES);
	unsigned int code = any_below(2) ? FREE : ALLOCATED, old;
	bool asked = frame / 64 == word && mask >> frame % 64 & 1;
	struct planes was, now = was;
	unsigned long learned = dualbm_planes_learn(now.words, word, mask, code);

	old = code_of(&was, frame);
	PROVE("what is untracked is learned, if asked for, and no other frame changes",
	      code_of(&now, frame) == (asked && old == UNTRACKED ? code : old));
	if (frame / 64 == word)
		PROVE("what was learned is told",
		      (learned >> frame % 64 & 1) == (asked && old == UNTRACKED));
	REACHED("the end");
	if (learned)
		REACHED("something was learned");
}

void ask_of_any_frame(void)
{
	unsigned long frame = any_below(FRAMES), word = frame / 64, bit = frame % 64;
	unsigned int code;
	struct planes now;

	code = code_of(&now, frame);
	PROVE("the codeword is told", dualbm_planes_code(now.words, frame) == code);
	PROVE("untracked frames are told",
	      (dualbm_planes_untracked(now.words, word) >> bit & 1) == (code == UNTRACKED));
	PROVE("departing frames are told",
	      (dualbm_planes_departing(now.words, word) >> bit & 1) == (code == DEPARTING));
	PROVE("illegal codewords are told, and no other",
	      (dualbm_planes_illegal(now.words, word) >> bit & 1) == !is_good(code));
	PROVE("so they are one by one", dualbm_code_legal(code) == is_good(code));
	REACHED("the end");
}

/* How many frames of the chunk have a codeword, the weight of a word being what it is. */
static unsigned int count_of(const struct planes *planes, unsigned int code)
{
	unsigned int count = 0, word, plane;

	for (word = 0; word < WORDS; word++) {
		unsigned long such = ~0UL;

		for (plane = 0; plane < 4; plane++)
			such &= code >> plane & 1 ? planes->words[plane * STRIDE + word] :
						    ~planes->words[plane * STRIDE + word];
		count += hweight_long(such);
	}
	return count;
}

void survey_a_chunk(void)
{
	unsigned long frame = any_below(FRAMES);
	struct dualbm_counts counts;
	struct planes planes;
	unsigned int code;
	bool fine;

	code = code_of(&planes, frame);
	fine = dualbm_planes_survey(planes.words, &counts);
	PROVE("all frames are looked at", counts.managed == FRAMES);
	if (fine) {
		PROVE("what is illegal or departing is seen",
		      code == FREE || code == ALLOCATED || code == UNTRACKED);
		PROVE("allocated frames are counted",
		      counts.allocated == count_of(&planes, ALLOCATED));
		PROVE("untracked frames are counted",
		      counts.untracked == count_of(&planes, UNTRACKED));
		PROVE("the rest is free",
		      counts.free ==
		      (unsigned int)(FRAMES - counts.allocated - counts.untracked));
		REACHED("nothing out of the way");
	} else {
		REACHED("something to look at");
	}
}

/* The other way round, which needs a frame that is the reason. */
void survey_complains_with_reason(void)
{
	struct dualbm_counts counts;
	struct planes planes;
	unsigned long word, i;

	for (word = 0; word < WORDS; word++) {
		unsigned long *plane = planes.words + word;

		__CPROVER_assume(!(~(plane[0] ^ plane[STRIDE] ^ plane[2 * STRIDE]) |
				   ~(plane[3 * STRIDE] ^ plane[2 * STRIDE]) |
				   (plane[0] & plane[STRIDE])));
	}
	i = any_below(FRAMES);
	PROVE("these are the plain ones", code_of(&planes, i) == FREE ||
	      code_of(&planes, i) == ALLOCATED || code_of(&planes, i) == UNTRACKED);
	PROVE("plain frames are no reason to look again",
	      dualbm_planes_survey(planes.words, &counts));
	REACHED("the end");
}

/* "What a fault can do", for each codeword, and each bit. */
void damage_is_no_codeword(void)
{
	unsigned int code = any_below(16), hit = any_below(16), bits = any_below(16);
	unsigned int now = (code & ~hit) | (bits & hit);
	unsigned int several = hit & (hit - 1);

	__CPROVER_assume(is_good(code));
	PROVE("no bit is flipped unseen", hit && !several ? !dualbm_code_legal(code ^ hit) : true);
	PROVE("nothing in one or two planes is, but in both that alloc and free store to",
	      (several & (several - 1)) || hit == 3 || now == code || !dualbm_code_legal(now));
	PROVE("zeroes are no codeword", !dualbm_code_legal(0));
	PROVE("ones are no codeword", !dualbm_code_legal(15));
	REACHED("the end");
	if (now != code && !(several & (several - 1)))
		REACHED("damage");
}
