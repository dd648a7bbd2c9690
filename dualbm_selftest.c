// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proof tests: the machinery finds what it has to find. At load on scratch planes,
 * and whenever asked for on frames that the module owns, with everything at work.
 */
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "dualbm.h"
#include "dualbm_chunks.h"
#include "dualbm_event.h"
#include "dualbm_memory.h"
#include "dualbm_mode.h"
#include "dualbm_proven.h"
#include "dualbm_report.h"
#include "dualbm_scrub.h"
#include "dualbm_selftest.h"
#include "dualbm_trial.h"

/* The block of a proof: more than a word of frames, and a part of another. */
#define PROOF_ORDER	DUALBM_CLAIM_ORDER
#define PROOF_FRAMES	DUALBM_CLAIM_FRAMES

#define A	DUALBM_CODE_ALLOCATED
#define F	DUALBM_CODE_FREE
#define U	DUALBM_CODE_UNTRACKED
#define D	DUALBM_CODE_DEPARTING

/*
 * The rules once more, by the codeword that is found: what is left, and the class
 * of a violation. Not the table that the event path goes by: a flip in either shows.
 */
struct expectation {
	enum dualbm_event_type event;
	u8 next[DUALBM_NR_CODES];
	u8 class[DUALBM_NR_CODES];
};

#define PC	DUALBM_PLANE_CORRUPTION
#define DA	DUALBM_DOUBLE_ALLOC
#define DF	DUALBM_DOUBLE_FREE
#define AC	DUALBM_ALLOCATOR_CORRUPTION

/* Codewords: 4 U, 7 D, 9 A, 10 F, all others illegal. */
static const struct expectation expectations[] = {
	{ DUALBM_ALLOC, { A, A, A, A, A, A, A, A, A, A, A, A, A, A, A, A },
	  { PC, PC, PC, PC, 0, PC, PC, 0, PC, DA, 0, PC, PC, PC, PC, PC } },
	{ DUALBM_FREE, { F, F, F, F, F, F, F, U, F, F, F, F, F, F, F, F },
	  { PC, PC, PC, PC, 0, PC, PC, 0, PC, 0, DF, PC, PC, PC, PC, PC } },
	{ DUALBM_FREE_POISONED, { U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U },
	  { PC, PC, PC, PC, 0, PC, PC, 0, PC, 0, 0, PC, PC, PC, PC, PC } },
	{ DUALBM_ISOLATE, { U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U },
	  { PC, PC, PC, PC, 0, PC, PC, 0, PC, AC, 0, PC, PC, PC, PC, PC } },
	{ DUALBM_PUTBACK, { F, F, F, F, F, F, F, F, F, F, F, F, F, F, F, F },
	  { PC, PC, PC, PC, 0, PC, PC, 0, PC, 0, 0, PC, PC, PC, PC, PC } },
	{ DUALBM_CHARGE, { U, U, U, U, U, U, U, D, U, A, U, U, U, U, U, U },
	  { PC, PC, PC, PC, 0, PC, PC, 0, PC, 0, 0, PC, PC, PC, PC, PC } },
	{ DUALBM_DEPART, { D, D, D, D, D, D, D, D, D, D, D, D, D, D, D, D },
	  { PC, PC, PC, PC, 0, PC, PC, 0, PC, 0, 0, PC, PC, PC, PC, PC } },
	{ DUALBM_BULK_SINGLE, { A, A, A, A, A, A, A, A, A, A, A, A, A, A, A, A },
	  { PC, PC, PC, PC, 0, PC, PC, 0, PC, 0, 0, PC, PC, PC, PC, PC } },
	{ DUALBM_FORGET, { U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U },
	  { PC, PC, PC, PC, 0, PC, PC, 0, PC, 0, 0, PC, PC, PC, PC, PC } },
};

#undef PC
#undef DA
#undef DF
#undef AC

/* Single frames, a part of a word, a word, and blocks across words. */
static const struct { unsigned int first, nr; } spans[] = {
	{ 0, 1 }, { 63, 1 }, { 64, 2 }, { 96, 32 }, { 128, 64 }, { 192, 128 }, { 60, 130 },
};

static DEFINE_MUTEX(proof_lock);

/* ---- scratch planes ---- */

static void set_codes(unsigned long *planes, unsigned long first, unsigned long nr,
		      unsigned int code)
{
	unsigned long frame;
	int plane;

	for (frame = first; frame < first + nr; frame++)
		for (plane = 0; plane < DUALBM_NR_PLANES; plane++)
			if (code & BIT(plane))
				set_bit(frame, dualbm_plane(planes, plane));
			else
				clear_bit(frame, dualbm_plane(planes, plane));
}

static bool codes_are(unsigned long *planes, unsigned long first, unsigned long nr,
		      unsigned int code)
{
	unsigned long frame;

	for (frame = first; frame < first + nr; frame++)
		if (dualbm_planes_code(planes, frame) != code)
			return false;
	return true;
}

static bool rule_holds(unsigned long *planes, const struct expectation *expected,
		       unsigned int code, unsigned long first, unsigned long nr)
{
	struct dualbm_mismatch found = { .frames = 0 };
	unsigned int class = expected->class[code];
	bool as_expected;

	/* Neighbours that must not change. */
	set_codes(planes, 0, first + nr + BITS_PER_LONG, U);
	set_codes(planes, first, nr, code);
	preempt_disable();
	as_expected = dualbm_planes_apply(planes, expected->event, first, nr, &found);
	preempt_enable();
	if (as_expected != !class)
		return false;
	if (class && (found.class != class || found.code != code || found.first != first ||
		      found.last != first + nr - 1 || found.frames != nr))
		return false;
	return codes_are(planes, 0, first, U) &&
	       codes_are(planes, first, nr, expected->next[code]) &&
	       codes_are(planes, first + nr, BITS_PER_LONG, U);
}

/*
 * An alloc or free event waits for an illegal codeword to become a legal one, word
 * by word, which takes its time in an emulator: one word of one of them is enough,
 * as the rule itself is looked up for all.
 */
static bool rule_holds_on_spans(unsigned long *planes, const struct expectation *expected,
				unsigned int code)
{
	bool waits = !dualbm_code_legal(code) &&
		     (expected->event == DUALBM_ALLOC || expected->event == DUALBM_FREE);
	struct dualbm_rule rule = dualbm_rule(expected->event, code);
	unsigned int span;

	if (rule.next != expected->next[code] || rule.class != expected->class[code])
		return false;
	for (span = 0; span < ARRAY_SIZE(spans); span++) {
		if (waits && (span != 3 || code))
			continue;
		if (!rule_holds(planes, expected, code, spans[span].first, spans[span].nr))
			return false;
	}
	return true;
}

static const char *test_rules(unsigned long *planes)
{
	unsigned int i, code;

	for (i = 0; i < ARRAY_SIZE(expectations); i++)
		for (code = 0; code < DUALBM_NR_CODES; code++) {
			if (!rule_holds_on_spans(planes, &expectations[i], code))
				return "the rule table";
			cond_resched();
		}
	return NULL;
}

/* An alloc event as the event path has it. */
static bool alloc_moves(unsigned long *planes, unsigned int order, struct dualbm_mismatch *found)
{
	struct dualbm_part part;
	bool expected;

	preempt_disable();
	expected = dualbm_move_block(planes, DUALBM_ALLOC, PROOF_FRAMES, order, &part) ||
		   dualbm_planes_moved(planes, DUALBM_ALLOC, PROOF_FRAMES, BIT(order), &part,
				       found);
	preempt_enable();
	return expected;
}

static bool move_is_right(unsigned long *planes, unsigned int order, unsigned int code)
{
	struct dualbm_mismatch found = { .frames = 0 };
	unsigned int class = expectations[0].class[code];

	set_codes(planes, 0, 3 * PROOF_FRAMES, U);
	set_codes(planes, PROOF_FRAMES, BIT(order), code);
	if (alloc_moves(planes, order, &found) != !class)
		return false;
	return (!class || (found.class == class && found.frames == BIT(order))) &&
	       codes_are(planes, 0, PROOF_FRAMES, U) &&
	       codes_are(planes, PROOF_FRAMES, BIT(order), A) &&
	       codes_are(planes, PROOF_FRAMES + BIT(order), PROOF_FRAMES, U);
}

/* It neither needs the known bit nor hides that it is wrong. */
static bool move_without_known(unsigned long *planes)
{
	struct dualbm_mismatch found;

	set_codes(planes, PROOF_FRAMES, 1, F ^ BIT(DUALBM_KNOWN));
	return alloc_moves(planes, 0, &found) &&
	       codes_are(planes, PROOF_FRAMES, 1, A ^ BIT(DUALBM_KNOWN));
}

/* The event path's own way for blocks of any order. */
static const char *test_moves(unsigned long *planes)
{
	unsigned int order, code;

	for (order = 0; order <= PROOF_ORDER; order++)
		for (code = 0; code < DUALBM_NR_CODES; code++) {
			/* Of those that are illegal, the first only: see above. */
			if (!dualbm_code_legal(code) && (code || order))
				continue;
			if (!move_is_right(planes, order, code))
				return "the event of a block";
		}
	return move_without_known(planes) ? NULL : "the event of a block";
}

static const char *test_illegal(unsigned long *planes)
{
	struct dualbm_counts counts;
	unsigned int code;

	for (code = 0; code < DUALBM_NR_CODES; code++) {
		bool legal = code == F || code == A || code == U || code == D;
		unsigned long illegal = legal ? 0 : BIT(6);

		set_codes(planes, 0, 2 * BITS_PER_LONG, F);
		set_codes(planes, 70, 1, code);
		if (dualbm_planes_illegal(planes, 1) != illegal ||
		    dualbm_planes_illegal(planes, 0))
			return "the rule for codewords";
	}
	memset(planes, 0, DUALBM_CHUNK_BYTES);
	if (dualbm_planes_illegal(planes, 3) != ~0UL || dualbm_planes_survey(planes, &counts))
		return "the rule for codewords on zeroes";
	memset(planes, 0xff, DUALBM_CHUNK_BYTES);
	if (dualbm_planes_illegal(planes, 3) != ~0UL || dualbm_planes_survey(planes, &counts))
		return "the rule for codewords on ones";
	return NULL;
}

/* A flip in the base, its check value or the limit is seen before an address is used. */
static const char *test_base(unsigned long *planes)
{
	const struct dualbm_flat good = {
		.limit = 3, .base = BIT(40), .check = -(BIT(40) + 3),
	};
	struct dualbm_flat flat;
	int bit;

	if (dualbm_flat_broken(&good))
		return "the base of the flat map";
	for (bit = 0; bit < 3 * BITS_PER_LONG; bit++) {
		flat = good;
		change_bit(bit % BITS_PER_LONG, bit < BITS_PER_LONG ? &flat.base :
			   bit < 2 * BITS_PER_LONG ? &flat.check : &flat.limit);
		if (!dualbm_flat_broken(&flat))
			return "a flip in the base of the flat map";
	}
	return NULL;
}

static const char *test_reports(unsigned long *planes)
{
	int class;

	for (class = DUALBM_NO_VIOLATION + 1; class < DUALBM_NR_CLASSES; class++)
		if (dualbm_report_rehearse(class))
			return "a report";
	return NULL;
}

static const struct {
	enum dualbm_part_proven part;
	const char *(*test)(unsigned long *planes);
} scratch_tests[] = {
	{ DUALBM_PROVEN_RULES, test_rules },
	{ DUALBM_PROVEN_BLOCKS, test_moves },
	{ DUALBM_PROVEN_CODEWORDS, test_illegal },
	{ DUALBM_PROVEN_BASE, test_base },
	{ DUALBM_PROVEN_REPORTS, test_reports },
};

static int test_scratch(enum dualbm_occasion occasion, const char **failed)
{
	unsigned long *planes = dualbm_planes_map(first_memory_node);
	unsigned int i;
	u64 began;

	if (!planes) {
		pr_err("not enough memory for the proof test: %zu KiB needed\n",
		       DUALBM_CHUNK_BYTES / 1024);
		return -ENOMEM;
	}
	*failed = NULL;
	for (i = 0; i < ARRAY_SIZE(scratch_tests) && !*failed; i++) {
		began = dualbm_proven_begin();
		*failed = scratch_tests[i].test(planes);
		dualbm_proven_end(occasion, scratch_tests[i].part, began, !*failed);
	}
	vfree(planes);
	return 0;
}

int dualbm_selftest_load(void)
{
	const char *failed;
	int ret = test_scratch(DUALBM_AT_LOAD, &failed);

	if (ret)
		return ret;
	if (failed) {
		pr_err("proof test failed: %s; not loaded\n", failed);
		return -EIO;
	}
	dualbm_count(DUALBM_STAT_SELFTEST_PASSES);
	return 0;
}

static void flip(unsigned long pfn, int plane)
{
	unsigned long *planes;

	rcu_read_lock();
	planes = dualbm_planes_at(pfn);
	if (planes)
		change_bit(pfn % DUALBM_CHUNK_FRAMES, dualbm_plane(planes, plane));
	rcu_read_unlock();
}

/* An event on the block as a hook delivers it, and what the event path found. */
static unsigned long classes_of(enum dualbm_event_type event)
{
	dualbm_claim.classes = 0;
	/* Whoever stops all CPUs finds no update half done. */
	preempt_disable();
	dualbm_event(event, dualbm_claim.pfn, PROOF_ORDER);
	preempt_enable();
	return dualbm_claim.classes;
}

/*
 * The scrubber must not come between a flip and the event that has to find it:
 * what it sees is a suspect only, until synchronize_rcu() has waited for this.
 */
static unsigned long classes_after_flip(int plane, enum dualbm_event_type event)
{
	unsigned long classes;

	rcu_read_lock();
	flip(dualbm_claim.pfn + 77, plane);
	classes = classes_of(event);
	rcu_read_unlock();
	return classes;
}

static const char *prove_event_path(void)
{
	static const char * const names[] = {
		"a flip in the primary plane, by an event",
		"a flip in the secondary plane, by an event",
		"a flip in the untracked plane, by an event",
		"a flip in the known plane, by an event",
	};
	enum dualbm_event_type event;
	int plane;

	/* The block is ours, so it is recorded allocated, whatever came before. */
	classes_of(DUALBM_BULK_SINGLE);
	if (classes_of(DUALBM_ALLOC) != BIT(DUALBM_DOUBLE_ALLOC))
		return "double_alloc";
	if (classes_of(DUALBM_ISOLATE) != BIT(DUALBM_ALLOCATOR_CORRUPTION))
		return "allocator_corruption";
	if (classes_of(DUALBM_FREE) || classes_of(DUALBM_FREE) != BIT(DUALBM_DOUBLE_FREE))
		return "double_free";
	if (classes_of(DUALBM_ALLOC))
		return "an event that is as it has to be";
	for (plane = 0; plane < DUALBM_NR_PLANES; plane++) {
		/* A free event does without the known bit. */
		event = plane == DUALBM_KNOWN ? DUALBM_PUTBACK : DUALBM_FREE;
		if (classes_after_flip(plane, event) != BIT(DUALBM_PLANE_CORRUPTION))
			return names[plane];
		if (classes_of(DUALBM_ALLOC))
			return "an event after a fault";
		cond_resched();
	}
	return NULL;
}

static int prove_scrubber(const char **failed)
{
	static const char * const names[] = {
		"a flip in the primary plane, by the scrubber",
		"a flip in the secondary plane, by the scrubber",
		"a flip in the untracked plane, by the scrubber",
		"a flip in the known plane, by the scrubber",
	};
	int plane, ret;

	for (plane = 0; plane < DUALBM_NR_PLANES && !*failed; plane++) {
		WRITE_ONCE(dualbm_claim.by_scrub, false);
		flip(dualbm_claim.pfn + 77, plane);
		ret = dualbm_scrub_now();
		if (!READ_ONCE(dualbm_claim.by_scrub) && !ret)
			*failed = names[plane];
		/* Right again, whether it was found or not. */
		classes_of(DUALBM_FORGET);
		classes_of(DUALBM_BULK_SINGLE);
		if (ret)
			return ret;
	}
	return 0;
}

/* Events that were not believed prove nothing, neither way. */
static bool still_believed(unsigned long generation, const char **failed)
{
	if (dualbm_mode_current(generation))
		return true;
	*failed = NULL;
	return false;
}

/* With the block, that no other party touches. */
static int prove_live(const char **failed)
{
	unsigned long generation = dualbm_mode_generation();
	u64 began = dualbm_proven_begin();
	int ret;

	if (!generation)
		return -EAGAIN;
	*failed = prove_event_path();
	if (!still_believed(generation, failed))
		return -EAGAIN;
	dualbm_proven_end(DUALBM_ON_REQUEST, DUALBM_PROVEN_EVENTS, began, !*failed);
	if (*failed)
		return 0;
	began = dualbm_proven_begin();
	ret = prove_scrubber(failed);
	if (!still_believed(generation, failed))
		return ret ?: -EAGAIN;
	if (!ret)
		dualbm_proven_end(DUALBM_ON_REQUEST, DUALBM_PROVEN_SCRUBBER, began, !*failed);
	return ret;
}

int dualbm_selftest_proof(void)
{
	const char *failed;
	struct page *block;
	int ret;

	if (mutex_lock_interruptible(&proof_lock))
		return -ERESTARTSYS;
	dualbm_proven_forget(DUALBM_ON_REQUEST);
	ret = test_scratch(DUALBM_ON_REQUEST, &failed);
	if (ret || failed)
		goto out;
	block = alloc_pages(GFP_KERNEL, PROOF_ORDER);
	if (!block) {
		pr_err("not enough memory for the proof test: %lu KiB needed in one piece\n",
		       PROOF_FRAMES * PAGE_SIZE / 1024);
		ret = -ENOMEM;
		goto out;
	}
	dualbm_claim.pfn = page_to_pfn(block);
	/* Whoever sees the task sees its block. */
	smp_store_release(&dualbm_claim.task, current);
	ret = prove_live(&failed);
	/* What the scrubber may have found of it by now has been reported. */
	dualbm_trial_settle();
	WRITE_ONCE(dualbm_claim.task, NULL);
	__free_pages(block, PROOF_ORDER);
out:
	mutex_unlock(&proof_lock);
	if (!ret && failed) {
		pr_err("proof test failed: %s\n", failed);
		dualbm_degrade("a proof test failed");
		return -EIO;
	}
	if (!ret)
		dualbm_count(DUALBM_STAT_SELFTEST_PASSES);
	return ret;
}
