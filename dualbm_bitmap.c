// SPDX-License-Identifier: GPL-2.0-only
/*
 * The planes of a chunk: the rule table, and the word-wise updates that obey it.
 *
 * A set bit is a token. A transition takes it out of one plane and puts it
 * into another with atomic operations that return the old bits; which plane
 * it came from is the verdict. Neighbours in a word belong to others, so no
 * word is ever stored to as a whole unless all of its frames are the event's.
 */
#ifdef __KERNEL__
#include <linux/lockdep.h>
#include <linux/string.h>

#include <asm/processor.h>
#else
#include <string.h>
#endif

#include "dualbm_bitmap.h"

#define A	DUALBM_CODE_ALLOCATED
#define F	DUALBM_CODE_FREE
#define U	DUALBM_CODE_UNTRACKED
#define D	DUALBM_CODE_DEPARTING

#define OK(code)	{ (code), DUALBM_NO_VIOLATION }
#define BAD(code, cls)	{ (code), DUALBM_##cls }

/* A row: what the event finds in the planes -> what it leaves there. */
#define ROW(free, allocated, untracked, departing)		\
	{							\
		[DUALBM_CODE_FREE] = free,			\
		[DUALBM_CODE_ALLOCATED] = allocated,		\
		[DUALBM_CODE_UNTRACKED] = untracked,		\
		[DUALBM_CODE_DEPARTING] = departing,		\
	}

/* The rules. Columns: free, allocated, untracked, departing. */
static const struct dualbm_rule rules[DUALBM_NR_EVENTS][DUALBM_NR_CODES] = {
	[DUALBM_ALLOC]		= ROW(OK(A), BAD(A, DOUBLE_ALLOC), OK(A), OK(A)),
	[DUALBM_FREE]		= ROW(BAD(F, DOUBLE_FREE), OK(F), OK(F), OK(U)),
	[DUALBM_FREE_POISONED]	= ROW(OK(U), OK(U), OK(U), OK(U)),
	[DUALBM_ISOLATE]	= ROW(OK(U), BAD(U, ALLOCATOR_CORRUPTION), OK(U), OK(U)),
	[DUALBM_PUTBACK]	= ROW(OK(F), OK(F), OK(F), OK(F)),
	[DUALBM_CHARGE]		= ROW(OK(U), OK(A), OK(U), OK(D)),
	[DUALBM_DEPART]		= ROW(OK(D), OK(D), OK(D), OK(D)),
	[DUALBM_BULK_SINGLE]	= ROW(OK(A), OK(A), OK(A), OK(A)),
	[DUALBM_FORGET]		= ROW(OK(U), OK(U), OK(U), OK(U)),
};

#undef A
#undef F
#undef U
#undef D

/*
 * Any codeword but the four accuses the planes, and the frame becomes what the event
 * says of one that was not known.
 */
struct dualbm_rule dualbm_rule(enum dualbm_event_type event, unsigned int code)
{
	struct dualbm_rule rule = rules[event][code];

	if (!dualbm_code_legal(code)) {
		rule = rules[event][DUALBM_CODE_UNTRACKED];
		rule.class = DUALBM_PLANE_CORRUPTION;
	}
	return rule;
}

static inline unsigned long read_word(unsigned long *planes,
				      enum dualbm_plane plane,
				      unsigned long word)
{
	return READ_ONCE(dualbm_plane(planes, plane)[word]);
}

static inline unsigned long take(unsigned long *planes, enum dualbm_plane plane,
				 unsigned long word, unsigned long mask)
{
	unsigned long *bits = dualbm_plane(planes, plane) + word;

	if (mask == ~0UL)
		return xchg(bits, 0UL);
	return atomic_long_fetch_andnot(mask, (atomic_long_t *)bits) & mask;
}

static inline unsigned long give(unsigned long *planes, enum dualbm_plane plane,
				 unsigned long word, unsigned long mask)
{
	unsigned long *bits = dualbm_plane(planes, plane) + word;

	if (mask == ~0UL)
		return xchg(bits, ~0UL);
	return atomic_long_fetch_or(mask, (atomic_long_t *)bits) & mask;
}

/*
 * Note the frames of a word that broke a rule. A block is reported for the first
 * of them, so the lowest frame decides, whatever its codeword. @bad has the
 * frames by class.
 */
static void note_mismatch(struct dualbm_mismatch *found, enum dualbm_event_type event,
			  unsigned long word,
			  const unsigned long old[DUALBM_NR_PLANES],
			  const unsigned long bad[DUALBM_NR_CLASSES])
{
	unsigned long base = word * BITS_PER_LONG;
	unsigned long frames = 0;
	unsigned int code = 0;
	int class, plane;

	if (!found->frames) {
		for (class = DUALBM_NO_VIOLATION + 1; class < DUALBM_NR_CLASSES; class++)
			frames |= bad[class];
		if (!frames)
			return;
		for (plane = 0; plane < DUALBM_NR_PLANES; plane++)
			if (old[plane] & BIT(__ffs(frames)))
				code |= BIT(plane);
		found->class = dualbm_rule(event, code).class;
		found->code = code;
		found->first = base + __ffs(frames);
	}
	frames = bad[found->class];
	if (frames) {
		found->last = base + __fls(frames);
		found->frames += hweight_long(frames);
	}
}

/*
 * Carry the rule table out for the frames of one word. @old holds the bits
 * that the planes had, @now those that they have: the two differ where an alloc
 * or free event has moved tokens already.
 */
static noinline void settle_word(unsigned long *planes, enum dualbm_event_type event,
				 unsigned long word, unsigned long mask,
				 const unsigned long old[DUALBM_NR_PLANES],
				 const unsigned long now[DUALBM_NR_PLANES],
				 struct dualbm_mismatch *found)
{
	unsigned long want[DUALBM_NR_PLANES] = { 0 };
	unsigned long bad[DUALBM_NR_CLASSES] = { 0 };
	unsigned int code;
	int plane;

	for (code = 0; code < DUALBM_NR_CODES; code++) {
		const struct dualbm_rule rule = dualbm_rule(event, code);
		unsigned long frames = mask;

		for (plane = 0; plane < DUALBM_NR_PLANES; plane++) {
			frames &= code & BIT(plane) ? old[plane] : ~old[plane];
			if (!frames)
				break;
		}
		if (!frames)
			continue;
		for (plane = 0; plane < DUALBM_NR_PLANES; plane++)
			if (rule.next & BIT(plane))
				want[plane] |= frames;
		bad[rule.class] |= frames;
	}
	note_mismatch(found, event, word, old, bad);
	for (plane = 0; plane < DUALBM_NR_PLANES; plane++) {
		if (want[plane] & ~now[plane])
			give(planes, plane, word, want[plane] & ~now[plane]);
		if (now[plane] & ~want[plane])
			take(planes, plane, word, now[plane] & ~want[plane]);
	}
}

/*
 * A move was not what the rule table expects: carry it out for what was found.
 * @took, @gave and @untracked are the bits that the planes had.
 */
static noinline void settle_move(unsigned long *planes, enum dualbm_event_type event,
				 unsigned long word, unsigned long mask,
				 unsigned long took, unsigned long gave,
				 unsigned long untracked,
				 struct dualbm_mismatch *found)
{
	unsigned long known = read_word(planes, DUALBM_KNOWN, word) & mask;
	bool alloc = event == DUALBM_ALLOC;
	const unsigned long old[DUALBM_NR_PLANES] = {
		[DUALBM_PRIMARY] = alloc ? gave : took,
		[DUALBM_SECONDARY] = alloc ? took : gave,
		[DUALBM_UNTRACKED] = untracked,
		[DUALBM_KNOWN] = known,
	};
	const unsigned long now[DUALBM_NR_PLANES] = {
		[DUALBM_PRIMARY] = alloc ? mask : 0,
		[DUALBM_SECONDARY] = alloc ? 0 : mask,
		[DUALBM_UNTRACKED] = untracked,
		[DUALBM_KNOWN] = known,
	};

	settle_word(planes, event, word, mask, old, now, found);
}

/*
 * Tokens that are not where they should be may be in the hands of another CPU,
 * which has taken them and will give them in a moment; until then their codewords
 * are illegal. A codeword that stays so is a fault of the planes, and where one was
 * @found nothing is waited for any more: a wiped page would take as long as all of
 * its words.
 */
static void await_tokens(unsigned long *planes, unsigned long word, unsigned long mask,
			 const struct dualbm_mismatch *found)
{
	unsigned int tries = DUALBM_TOKEN_TRIES;

	if (found->frames && found->class == DUALBM_PLANE_CORRUPTION)
		return;
	while ((dualbm_planes_illegal(planes, word) & mask) && tries--)
		if (!(tries % DUALBM_TOKEN_LOOKS))
			cpu_relax();
}

/* Not what the rule table expects of a move: @took is what was taken, nothing was given yet. */
static noinline void not_there(unsigned long *planes, enum dualbm_event_type event,
			       enum dualbm_plane to, unsigned long word, unsigned long mask,
			       unsigned long took, struct dualbm_mismatch *found)
{
	unsigned long gave;

	await_tokens(planes, word, mask & ~took, found);
	gave = give(planes, to, word, mask);
	settle_move(planes, event, word, mask, took, gave,
		    read_word(planes, DUALBM_UNTRACKED, word) & mask, found);
}

/* What dualbm_move_part() does, for any frames of a word, and to the end. */
static void move_word(unsigned long *planes, enum dualbm_event_type event,
		      enum dualbm_plane from, enum dualbm_plane to,
		      unsigned long word, unsigned long mask, struct dualbm_mismatch *found)
{
	unsigned long took = take(planes, from, word, mask);
	unsigned long gave, untracked;

	if (unlikely(took != mask)) {
		not_there(planes, event, to, word, mask, took, found);
		return;
	}
	gave = give(planes, to, word, mask);
	untracked = read_word(planes, DUALBM_UNTRACKED, word) & mask;
	if (unlikely(gave | untracked))
		settle_move(planes, event, word, mask, took, gave, untracked, found);
}

static void rewrite_word(unsigned long *planes, enum dualbm_event_type event,
			 unsigned long word, unsigned long mask,
			 struct dualbm_mismatch *found)
{
	unsigned long old[DUALBM_NR_PLANES];
	int plane;

	for (plane = 0; plane < DUALBM_NR_PLANES; plane++)
		old[plane] = read_word(planes, plane, word) & mask;
	settle_word(planes, event, word, mask, old, old, found);
}

static void move_words(unsigned long *planes, enum dualbm_event_type event,
		       unsigned long first, unsigned long nr, struct dualbm_mismatch *found)
{
	enum dualbm_plane from = dualbm_move_from(event), to = dualbm_move_to(event);

	while (nr) {
		unsigned long step = min(nr, BITS_PER_LONG - first % BITS_PER_LONG);

		move_word(planes, event, from, to, first / BITS_PER_LONG,
			  dualbm_word_mask(first, step), found);
		first += step;
		nr -= step;
	}
}

static void rewrite_words(unsigned long *planes, enum dualbm_event_type event,
			  unsigned long first, unsigned long nr,
			  struct dualbm_mismatch *found)
{
	while (nr) {
		unsigned long step = min(nr, BITS_PER_LONG - first % BITS_PER_LONG);

		rewrite_word(planes, event, first / BITS_PER_LONG,
			     dualbm_word_mask(first, step), found);
		first += step;
		nr -= step;
	}
}

bool dualbm_planes_apply(unsigned long *planes, enum dualbm_event_type event,
			 unsigned long first, unsigned long nr,
			 struct dualbm_mismatch *found)
{
	/* Whoever stops all CPUs must not find a codeword half done. */
	lockdep_assert_preemption_disabled();
	found->frames = 0;
	if (event == DUALBM_ALLOC || event == DUALBM_FREE)
		move_words(planes, event, first, nr, found);
	else
		rewrite_words(planes, event, first, nr, found);
	return !found->frames;
}

bool dualbm_planes_moved(unsigned long *planes, enum dualbm_event_type event,
			 unsigned long first, unsigned long nr,
			 const struct dualbm_part *part, struct dualbm_mismatch *found)
{
	unsigned long word = part->first / BITS_PER_LONG, shift = part->first % BITS_PER_LONG;
	unsigned long mask = dualbm_word_mask(part->first, part->frames);
	unsigned long took = part->took << shift, next = part->first + part->frames;

	lockdep_assert_preemption_disabled();
	found->frames = 0;
	if (took != mask)
		not_there(planes, event, dualbm_move_to(event), word, mask, took, found);
	else
		settle_move(planes, event, word, mask, took, part->gave << shift,
			    read_word(planes, DUALBM_UNTRACKED, word) & mask, found);
	move_words(planes, event, next, first + nr - next, found);
	return !found->frames;
}

void dualbm_planes_forget(unsigned long *planes, unsigned long first,
			  unsigned long nr)
{
	lockdep_assert_preemption_disabled();
	while (nr) {
		unsigned long word = first / BITS_PER_LONG;
		unsigned long mask = dualbm_word_mask(first, nr);
		unsigned long step = min(nr, BITS_PER_LONG - first % BITS_PER_LONG);

		give(planes, DUALBM_UNTRACKED, word, mask);
		take(planes, DUALBM_PRIMARY, word, mask);
		take(planes, DUALBM_SECONDARY, word, mask);
		take(planes, DUALBM_KNOWN, word, mask);
		first += step;
		nr -= step;
	}
}

unsigned long dualbm_planes_learn(unsigned long *planes, unsigned long word,
				  unsigned long mask, unsigned int code)
{
	enum dualbm_plane to = code == DUALBM_CODE_FREE ? DUALBM_SECONDARY :
							  DUALBM_PRIMARY;

	lockdep_assert_preemption_disabled();
	mask &= dualbm_planes_untracked(planes, word);
	if (!mask)
		return 0;
	give(planes, to, word, mask);
	take(planes, DUALBM_UNTRACKED, word, mask);
	give(planes, DUALBM_KNOWN, word, mask);
	return mask;
}

unsigned long dualbm_planes_untracked(unsigned long *planes, unsigned long word)
{
	return read_word(planes, DUALBM_UNTRACKED, word) &
	       ~read_word(planes, DUALBM_PRIMARY, word) &
	       ~read_word(planes, DUALBM_SECONDARY, word) &
	       ~read_word(planes, DUALBM_KNOWN, word);
}

unsigned long dualbm_planes_departing(unsigned long *planes, unsigned long word)
{
	return read_word(planes, DUALBM_PRIMARY, word) &
	       read_word(planes, DUALBM_SECONDARY, word) &
	       read_word(planes, DUALBM_UNTRACKED, word) &
	       ~read_word(planes, DUALBM_KNOWN, word);
}

unsigned long dualbm_planes_owned(unsigned long *planes, unsigned long word)
{
	return read_word(planes, DUALBM_PRIMARY, word);
}

unsigned int dualbm_code_liars(unsigned int code, unsigned int truth)
{
	unsigned int liars = 0, possible = 0, departing = 0, right;
	int plane;

	for (plane = 0; plane < DUALBM_NR_PLANES; plane++) {
		right = code ^ BIT(plane);
		if (right == DUALBM_CODE_DEPARTING)
			departing |= BIT(plane);
		else if (dualbm_code_legal(right))
			possible |= BIT(plane);
		if (right == truth)
			liars |= BIT(plane);
	}
	if (truth && liars)
		return liars;
	if (possible)
		return possible;
	return truth ? code ^ truth : departing;
}

unsigned int dualbm_planes_code(unsigned long *planes, unsigned long frame)
{
	unsigned int code = 0;
	int plane;

	for (plane = 0; plane < DUALBM_NR_PLANES; plane++)
		if (test_bit(frame, dualbm_plane(planes, plane)))
			code |= BIT(plane);
	return code;
}

unsigned long dualbm_planes_illegal(unsigned long *planes, unsigned long word)
{
	unsigned long untracked = read_word(planes, DUALBM_UNTRACKED, word);

	return ~(read_word(planes, DUALBM_PRIMARY, word) ^
		 read_word(planes, DUALBM_SECONDARY, word) ^ untracked) |
	       ~(read_word(planes, DUALBM_KNOWN, word) ^ untracked);
}

void dualbm_planes_count(const unsigned long *planes, unsigned long first,
			 unsigned long nr, struct dualbm_counts *counts)
{
	unsigned long word, end = (first + nr) / BITS_PER_LONG;

	for (word = first / BITS_PER_LONG; word < end; word++) {
		unsigned long p = READ_ONCE(planes[word]);
		unsigned long s = READ_ONCE(planes[word + DUALBM_PLANE_STRIDE]);
		unsigned long u = READ_ONCE(planes[word + 2 * DUALBM_PLANE_STRIDE]);
		unsigned long k = READ_ONCE(planes[word + 3 * DUALBM_PLANE_STRIDE]);

		counts->managed += BITS_PER_LONG;
		counts->allocated += hweight_long(p & ~s & ~u & k);
		counts->free += hweight_long(s & ~p & ~u & k);
		counts->departing += hweight_long(p & s & u & ~k);
		counts->untracked += hweight_long(u & ~(p & s & ~k));
	}
}

/* So many words are looked at together. */
#define SURVEY_WORDS	4

/* Takes from @plain what is neither free nor allocated, but for what is then in @unknown. */
static __always_inline void survey_word(const unsigned long *word, unsigned long *plain,
					unsigned long *unknown, unsigned long *allocated)
{
	unsigned long p = READ_ONCE(word[0]);

	*allocated += hweight_long(p);
	*plain &= p ^ READ_ONCE(word[DUALBM_PLANE_STRIDE]);
	*unknown |= READ_ONCE(word[2 * DUALBM_PLANE_STRIDE]);
	*plain &= READ_ONCE(word[3 * DUALBM_PLANE_STRIDE]);
	/* Done before the next word: four at once do not fit into the registers. */
	asm volatile("" : "+r" (*plain), "+r" (*unknown), "+r" (*allocated));
}

/* Four words in which some frames are not plain. Return: those that are not untracked. */
static unsigned long survey_again(const unsigned long *word, unsigned long *allocated,
				  unsigned long *untracked)
{
	unsigned long odd = 0;
	int i;

	for (i = 0; i < SURVEY_WORDS; i++, word++) {
		unsigned long p = READ_ONCE(word[0]);
		unsigned long s = READ_ONCE(word[DUALBM_PLANE_STRIDE]);
		unsigned long u = READ_ONCE(word[2 * DUALBM_PLANE_STRIDE]);
		unsigned long k = READ_ONCE(word[3 * DUALBM_PLANE_STRIDE]);

		*allocated += hweight_long(p);
		*untracked += hweight_long(u);
		odd |= ~(p ^ s ^ u) | ~(u ^ k) | (p & s);
	}
	return odd;
}

/*
 * The scrubber's inner loop. Nearly every word is full of free and allocated frames,
 * and four at a time take fewer instructions. What is counted comes from the same loads
 * as the verdict: of legal codewords the primary bit says that a frame is allocated, and
 * of others nobody asks.
 */
bool dualbm_planes_survey(const unsigned long *planes, struct dualbm_counts *counts)
{
	const unsigned long *word, *end = planes + DUALBM_PLANE_WORDS;
	unsigned long odd = 0, allocated = 0, untracked = 0;

	for (word = planes; word < end; word += SURVEY_WORDS) {
		unsigned long plain = ~0UL, unknown = 0, here = 0;

		survey_word(word, &plain, &unknown, &here);
		survey_word(word + 1, &plain, &unknown, &here);
		survey_word(word + 2, &plain, &unknown, &here);
		survey_word(word + 3, &plain, &unknown, &here);
		if (likely(!(~plain | unknown)))
			allocated += here;
		else
			odd |= survey_again(word, &allocated, &untracked);
	}
	counts->managed = DUALBM_CHUNK_FRAMES;
	counts->allocated = allocated;
	counts->untracked = untracked;
	counts->free = DUALBM_CHUNK_FRAMES - allocated - untracked;
	counts->departing = 0;
	return !odd;
}
