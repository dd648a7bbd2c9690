// SPDX-License-Identifier: GPL-2.0-only
/*
 * Frames are cut into words: each frame of an event comes to the function of its word once, and no
 * other does, on a chunk of amd64. That function is replaced by one that notes what it gets; what
 * it does with it is proven in events.c.
 */
#include "proof.h"

static struct planes planes;
static struct dualbm_mismatch found;
static enum dualbm_event_type event;
/* One frame is watched, whichever, and how often it is handed over. */
static unsigned long watched;
static unsigned int times;

static void hand_over(unsigned long *to, enum dualbm_event_type type, unsigned long word,
		      unsigned long mask)
{
	PROVE("it is the chunk", to == planes.words);
	PROVE("it is the event", type == event);
	PROVE("the word is one of the chunk", word < WORDS);
	if (word == watched / 64)
		times += mask >> watched % 64 & 1;
}

/* In the place of move_word(). */
void noted_move(unsigned long *to, enum dualbm_event_type type, enum dualbm_plane from,
		enum dualbm_plane into, unsigned long word, unsigned long mask,
		struct dualbm_mismatch *told)
{
	PROVE("it is taken from where it should be, and given there",
	      type == DUALBM_ALLOC ? from == DUALBM_SECONDARY && into == DUALBM_PRIMARY :
	      type == DUALBM_FREE && from == DUALBM_PRIMARY && into == DUALBM_SECONDARY);
	PROVE("it is told to who asked", told == &found);
	hand_over(to, type, word, mask);
}

static void prove_cut(unsigned long first, unsigned long nr)
{
	PROVE("each frame of the event comes to its word once, and no other does",
	      times == (watched >= first && watched - first < nr));
	REACHED("the end");
	if (times)
		REACHED("the frame that is watched");
}

/* In the place of dualbm_move_part(): any of them may find something that it does not expect. */
bool noted_part(unsigned long *to, enum dualbm_event_type type, struct dualbm_part *part)
{
	unsigned long all = ~0UL >> (64 - part->frames);

	PROVE("a part lies where its size has it",
	      part->frames >= 1 && part->frames <= 64 && !(part->first % part->frames) &&
	      !(part->frames & (part->frames - 1)));
	part->gave = 0;
	part->took = nondet_number() & all;
	if (any_below(2) && part->took == all) {
		hand_over(to, type, part->first / 64, all << part->first % 64);
		return true;
	}
	if (part->took == all)
		part->gave = nondet_number() & all;
	return false;
}

/* In the place of not_there(), with which the part is done. */
void noted_absence(unsigned long *to, enum dualbm_event_type type, enum dualbm_plane into,
		   unsigned long word, unsigned long mask, unsigned long took,
		   struct dualbm_mismatch *told)
{
	PROVE("something is not there", took != mask && !(took & ~mask));
	PROVE("it is given where it should be",
	      into == (type == DUALBM_ALLOC ? DUALBM_PRIMARY : DUALBM_SECONDARY));
	hand_over(to, type, word, mask);
}

/* In the place of settle_move(), with which the part is done too. */
void noted_settling(unsigned long *to, enum dualbm_event_type type, unsigned long word,
		    unsigned long mask, unsigned long took, unsigned long gave,
		    unsigned long untracked, struct dualbm_mismatch *told)
{
	PROVE("all was taken", took == mask);
	PROVE("what was given is of the part", !(gave & ~mask));
	hand_over(to, type, word, mask);
}

#ifndef ORDER
#define ORDER	0
#endif

/* What dualbm_event.c does with a block of ORDER, which comes from the command line. */
void any_block(void)
{
	unsigned long first = any_below(FRAMES), nr = 1UL << ORDER;
	struct dualbm_part part;
	bool done;

	event = any_below(2) ? DUALBM_ALLOC : DUALBM_FREE;
	watched = any_below(FRAMES);
	__CPROVER_assume(first + nr <= FRAMES);
	done = dualbm_move_block(planes.words, event, first, ORDER, &part);
	if (done) {
		REACHED("all was as expected");
	} else if (!part.took && part.first == first) {
		times = 0;
		dualbm_planes_apply(planes.words, event, first, nr, &found);
		REACHED("nothing was taken");
	} else {
		dualbm_planes_moved(planes.words, event, first, nr, &part, &found);
		REACHED("a part was taken");
	}
	prove_cut(first, nr);
}
