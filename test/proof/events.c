// SPDX-License-Identifier: GPL-2.0-only
/*
 * Each event is its row of the design's rule table, for all words of all planes, and for any
 * frames of a word. EVENT comes from the command line.
 */
#include "kernel_shim.h"

/*
 * How many bits of a word are set is the compiler's to say. Here it is any number, but for none:
 * what is proven is that the right bits are counted, and that the number is the one told.
 */
#undef hweight_long
#define hweight_long(word)	weigh(word)
/* The same for the lowest and the highest bit: what they are says it all. */
#undef __ffs
#define __ffs(word)		lowest(word)
#undef __fls
#define __fls(word)		highest(word)

static unsigned long weigh(unsigned long word);
static unsigned long lowest(unsigned long word);
static unsigned long highest(unsigned long word);

#include "proof.h"

static unsigned long weighed, weight;

static unsigned long weigh(unsigned long word)
{
	weighed = word;
	weight = word ? 1 + any_below(64) : 0;
	return weight;
}

static unsigned long lowest(unsigned long word)
{
	unsigned long bit = any_below(64);

	PROVE("a word has a bit that is looked for", word);
	__CPROVER_assume(word >> bit & 1 && !(word & ((1UL << bit) - 1)));
	return bit;
}

static unsigned long highest(unsigned long word)
{
	unsigned long bit = any_below(64);

	PROVE("a word has a bit that is looked for", word);
	__CPROVER_assume(word >> bit == 1);
	return bit;
}

/* The word that is looked at; what lies before and behind it is looked at too. */
#define WORD	1UL

/* An event on frames of that word, as the design has it. */
struct asked {
	struct planes was;
	unsigned long mask;	/* its frames: any, so also those of a block */
	bool plain;	/* an alloc or free event that finds what it expects, but for known */
};

static unsigned int code_at(const struct planes *planes, unsigned long bit)
{
	const unsigned long *word = planes->words + WORD;

	return (word[0] >> bit & 1) | (word[STRIDE] >> bit & 1) << 1 |
	       (word[2 * STRIDE] >> bit & 1) << 2 | (word[3 * STRIDE] >> bit & 1) << 3;
}

static bool is_asked(const struct asked *asked, unsigned long bit)
{
	return asked->mask >> bit & 1;
}

static unsigned int class_of(const struct asked *asked, unsigned long bit)
{
	if (asked->plain || !is_asked(asked, bit))
		return DUALBM_NO_VIOLATION;
	return design[EVENT][code_at(&asked->was, bit)].class;
}

static unsigned int next_of(const struct asked *asked, unsigned long bit)
{
	unsigned int code = code_at(&asked->was, bit);

	if (!is_asked(asked, bit))
		return code;
	return asked->plain ? code ^ 3 : design[EVENT][code].next;
}

/* "Known is not looked at as long as the three others are as expected". */
static bool is_plain(const struct asked *asked)
{
	const unsigned long *word = asked->was.words + WORD;
	unsigned long expected = EVENT == DUALBM_ALLOC ? word[STRIDE] & ~word[0] :
							 word[0] & ~word[STRIDE];

	return (EVENT == DUALBM_ALLOC || EVENT == DUALBM_FREE) &&
	       !(asked->mask & ~(expected & ~word[2 * STRIDE]));
}

static void prove_row(const struct asked *asked, const struct planes *now,
		      const struct dualbm_mismatch *found)
{
	unsigned long bit = any_below(64), first = found->first - 64 * WORD,
		      last = found->last - 64 * WORD, i;

	PROVE("a frame becomes what its row says, and no other changes",
	      code_at(now, bit) == next_of(asked, bit));
	for (i = 0; i < 4 * STRIDE; i++)
		if (i % STRIDE != WORD)
			PROVE("no other word changes", now->words[i] == asked->was.words[i]);
	if (!found->frames) {
		PROVE("what broke a rule is told", class_of(asked, bit) == DUALBM_NO_VIOLATION);
		return;
	}
	PROVE("what is told is one of the frames", first < 64 && last < 64);
	PROVE("it has a class", found->class != DUALBM_NO_VIOLATION);
	PROVE("the first frame has that class", class_of(asked, first) == found->class);
	PROVE("the last frame has that class", class_of(asked, last) == found->class);
	PROVE("the first frame had that codeword", found->code == code_at(&asked->was, first));
	if (class_of(asked, bit) != DUALBM_NO_VIOLATION)
		PROVE("no frame before the first broke a rule", bit >= first);
	if (class_of(asked, bit) == found->class)
		PROVE("no frame of the class is behind the last", bit <= last);
	PROVE("the frames of that class were counted, and no others",
	      (weighed >> bit & 1) == (class_of(asked, bit) == found->class));
	PROVE("so many were told", found->frames == weight);
}

static void before_event(struct asked *asked, unsigned long mask)
{
	asked->mask = mask;
	asked->plain = is_plain(asked);
}

static void after_event(const struct asked *asked, const struct planes *now,
			const struct dualbm_mismatch *found)
{
	REACHED("the end");
	if (found->frames)
		REACHED("a rule that was broken");
	prove_row(asked, now, found);
}

void any_frames_of_a_word(void)
{
	struct dualbm_mismatch found = { .frames = 0 };
	unsigned long mask = nondet_number();
	struct asked asked;
	struct planes now = asked.was;

	__CPROVER_assume(mask);
	before_event(&asked, mask);
	if (EVENT == DUALBM_ALLOC || EVENT == DUALBM_FREE)
		move_word(now.words, EVENT, dualbm_move_from(EVENT), dualbm_move_to(EVENT), WORD,
			  mask, &found);
	else
		rewrite_word(now.words, EVENT, WORD, mask, &found);
	after_event(&asked, &now, &found);
}

#ifdef ORDER
/* A part of a block where PLACE has it in the word, and nobody else's bits. */
static void prove_exchange(unsigned long place)
{
	struct dualbm_part part = { .first = 64 * WORD + place, .frames = 1UL << ORDER };
	unsigned long all = ~0UL >> (64 - part.frames), with = any_below(2) ? all : 0;
	unsigned long read, took, i, mask = all << place;
	struct planes was, now = was;
	unsigned long *plane = now.words + STRIDE;

	read = dualbm_part_read(plane, &part);
	took = dualbm_part_exchange(plane, &part, with);
	PROVE("something is read where something is", !read == !(was.words[STRIDE + WORD] & mask));
	PROVE("what was there is told", took == (was.words[STRIDE + WORD] >> place & all));
	for (i = 0; i < 4 * STRIDE; i++)
		PROVE("it is what it should be, and nothing else changes", now.words[i] ==
		      (i != STRIDE + WORD ? was.words[i] :
		       (was.words[i] & ~mask) | (with ? mask : 0)));
}

void any_part_of_a_word(void)
{
	unsigned long place, chosen = any_below(64);

	/* Not any at once: addresses that are known are quicker. */
	for (place = 0; place < 64; place += 1UL << ORDER)
		if (place == chosen)
			prove_exchange(place);
	REACHED("the end");
}

/*
 * A block that is no larger than a word, as dualbm_event.c has it, in the word's last place but
 * where only one fits. Larger ones are words that are exchanged as a block of 64 frames is (cut.c).
 */
void any_block_of_a_word(void)
{
	unsigned long nr = 1UL << ORDER, first = 64 * WORD + 64 - nr;
	struct dualbm_mismatch found = { .frames = 0 };
	struct dualbm_part part;
	struct asked asked;
	struct planes now = asked.was;

	before_event(&asked, dualbm_word_mask(first, nr));
	if (dualbm_move_block(now.words, EVENT, first, ORDER, &part)) {
		REACHED("all was as expected");
		PROVE("that is a block of which three planes are as expected", asked.plain);
	} else if (!part.took && part.first == first) {
		REACHED("nothing was taken");
		move_word(now.words, EVENT, dualbm_move_from(EVENT), dualbm_move_to(EVENT), WORD,
			  asked.mask, &found);
	} else {
		REACHED("something was taken");
		dualbm_planes_moved(now.words, EVENT, first, nr, &part, &found);
	}
	after_event(&asked, &now, &found);
}
#endif
