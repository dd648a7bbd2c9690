// SPDX-License-Identifier: GPL-2.0-only
/*
 * The scrubber's verdicts on planes: suspects, who lied, and what is put right.
 *
 * What breaks the parity rule at a glance is a suspect: it may be an update half
 * done. It is confirmed after synchronize_rcu(), and finally while all CPUs have
 * stopped, when none can be.
 */
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>

#include "dualbm.h"
#include "dualbm_census.h"
#include "dualbm_chunks.h"
#include "dualbm_memory.h"
#include "dualbm_mode.h"
#include "dualbm_names.h"
#include "dualbm_prove.h"
#include "dualbm_report.h"
#include "dualbm_stop.h"
#include "dualbm_trial.h"
#include "dualbm_violation.h"

/* Of a chunk's wrong frames, so many have their struct page asked for the truth. */
#define WITNESSED	512
/* A page of a plane that had to be corrected so often is not used any more. */
#define RENEW_AFTER	3
/* A departing frame is one for microseconds; this is the least that is too long. */
#define LINGER		(60 * HZ)

/* Planes, and those for departing frames, which accuse no plane. */
#define NOBODY		DUALBM_NR_PLANES
#define NR_ACCUSED	(DUALBM_NR_PLANES + 1)

/*
 * What speaks against a plane: the frames that it explains, and those that it is
 * likeliest for. What exact witnesses say comes first. Where they do not decide, guesses
 * do, which the fault itself can mislead: of a word that has lost its free frames only
 * owned ones are left.
 */
enum weight { EXACT_COVER, EXACT_LIKELY, GUESSED_COVER, GUESSED_LIKELY, NR_WEIGHTS };

/* What one plane of a chunk is accused of. */
struct accusation {
	unsigned long first;
	unsigned long last;
	unsigned long frames;
	unsigned long restored;
	unsigned int code;	/* the first frame's */
	unsigned int liars;	/* who else could have been it */
	enum dualbm_witness witness;	/* of the first such frame that has an exact one */
};

/* One frame, and what can be said of it. */
struct testimony {
	u8 code;
	u8 truth;
	u8 liars;	/* all that it can have been */
	u8 likely;	/* those that the frames around it leave */
	u8 witness;
};

/* The suspects of one chunk; the scrubber has one at a time. */
struct trial {
	unsigned long pfn;
	unsigned long suspects[DUALBM_PLANE_WORDS];
	unsigned long lingering[DUALBM_PLANE_WORDS];	/* of them, departing ones */
	unsigned int stride;	/* every so many of them is witnessed */
	struct testimony testimony[WITNESSED];
	unsigned int weights[DUALBM_NR_PLANES][NR_WEIGHTS];
	struct accusation accused[NR_ACCUSED];
};

static struct trial trial;
/* From the verdict on suspects until it is reported. */
static DEFINE_MUTEX(trial_lock);

static unsigned long linger_time(void)
{
	return max_t(unsigned long, LINGER,
		     msecs_to_jiffies(READ_ONCE(dualbm_scrub_interval_ms)));
}

/*
 * The frames of one word that were departing at every look for a whole period. A
 * departing frame is rare, so most chunks never have a mask of them.
 */
static unsigned long lingering(struct dualbm_chunk *chunk, unsigned long word, bool first)
{
	unsigned long departing = dualbm_planes_departing(chunk->planes, word);

	if (likely(!departing && !chunk->departing))
		return 0;
	if (!chunk->departing) {
		chunk->departing = kzalloc(DUALBM_PLANE_BYTES, GFP_KERNEL);
		chunk->departing_time = jiffies;
		if (!chunk->departing)
			return 0;
	}
	if (first) {
		chunk->departing[word] = departing;
		return 0;
	}
	if (time_before(jiffies, chunk->departing_time + linger_time())) {
		chunk->departing[word] &= departing;
		return 0;
	}
	return chunk->departing[word] & departing;
}

/* Look for them from now on again. */
static void end_linger(struct dualbm_chunk *chunk)
{
	if (!chunk->departing ||
	    time_before(jiffies, chunk->departing_time + linger_time()))
		return;
	kfree(chunk->departing);
	chunk->departing = NULL;
}

bool dualbm_trial_look(struct dualbm_chunk *chunk)
{
	bool plain, any = false, first = !chunk->departing;
	struct dualbm_counts counts;
	unsigned long word;

	lockdep_assert_held(&dualbm_memory_lock);
	plain = dualbm_planes_survey(chunk->planes, &counts);
	dualbm_census_count(chunk, plain ? &counts : NULL);
	if (plain && !chunk->departing)
		return false;
	trial.pfn = chunk->start_pfn;
	for (word = 0; word < DUALBM_PLANE_WORDS; word++) {
		unsigned long frames = dualbm_planes_illegal(chunk->planes, word);

		/* Nearly all are updates half done. */
		if (unlikely(frames))
			frames &= dualbm_planes_illegal(chunk->planes, word);
		trial.lingering[word] = lingering(chunk, word, first);
		trial.suspects[word] = frames | trial.lingering[word];
		any |= trial.suspects[word];
	}
	end_linger(chunk);
	return any;
}

/* A whole page of free frames may begin with some that nobody knows anything of. */
static void spread_witnesses(void)
{
	unsigned long word, all = 0;

	for (word = 0; word < DUALBM_PLANE_WORDS; word++)
		all += hweight_long(trial.suspects[word]);
	trial.stride = max(DIV_ROUND_UP(all, WITNESSED), 1UL);
}

static bool still_suspect(unsigned long *planes)
{
	unsigned long word, any = 0;

	for (word = 0; word < DUALBM_PLANE_WORDS; word++) {
		if (likely(!trial.suspects[word]))
			continue;
		trial.suspects[word] &= dualbm_planes_illegal(planes, word) |
			(dualbm_planes_departing(planes, word) & trial.lingering[word]);
		any |= trial.suspects[word];
	}
	return any;
}

/*
 * Without a witness a frame is likely to be what most frames around it are; @sure is
 * set if there are some, and none is anything else.
 */
static unsigned int likely_truth(unsigned long *planes, unsigned long word, bool *sure)
{
	unsigned long legal = ~dualbm_planes_illegal(planes, word);
	unsigned long owned = legal & dualbm_planes_owned(planes, word);
	unsigned long free = legal & ~owned & ~dualbm_planes_untracked(planes, word);

	*sure = !owned != !free;
	return hweight_long(owned) >= hweight_long(free) ? DUALBM_CODE_ALLOCATED :
							   DUALBM_CODE_FREE;
}

static bool is_exact(enum dualbm_witness witness)
{
	return witness == DUALBM_WITNESS_BUDDY || witness == DUALBM_WITNESS_OWNER;
}

static void testify(struct testimony *testimony, unsigned long *planes,
		    unsigned long frame)
{
	enum dualbm_witness witness;
	unsigned int plane, truth;
	bool sure, exact;

	testimony->code = dualbm_planes_code(planes, frame);
	testimony->truth = dualbm_prove_witness(trial.pfn + frame, &witness);
	testimony->witness = witness;
	exact = is_exact(witness);
	testimony->liars = 0;
	testimony->likely = 0;
	if (testimony->code == DUALBM_CODE_DEPARTING)
		return;
	testimony->liars = dualbm_code_liars(testimony->code, testimony->truth);
	truth = likely_truth(planes, frame / BITS_PER_LONG, &sure);
	if (testimony->truth)
		truth = testimony->truth;
	testimony->likely = dualbm_code_liars(testimony->code,
					      testimony->truth || sure ? truth : 0);
	for (plane = 0; plane < DUALBM_NR_PLANES; plane++) {
		if (!(testimony->likely & BIT(plane)))
			continue;
		trial.weights[plane][exact ? EXACT_COVER : GUESSED_COVER]++;
		if ((testimony->code ^ BIT(plane)) == truth)
			trial.weights[plane][exact ? EXACT_LIKELY : GUESSED_LIKELY]++;
	}
}

static bool weighs_more(unsigned int plane, unsigned int other)
{
	unsigned int i;

	for (i = 0; i < NR_WEIGHTS; i++)
		if (trial.weights[plane][i] != trial.weights[other][i])
			return trial.weights[plane][i] > trial.weights[other][i];
	return false;
}

/*
 * One fault lies in one plane, so the plane that explains most of the frames is
 * accused, and of two such the one that is likeliest.
 */
static unsigned int accuse(unsigned int liars)
{
	unsigned int plane, best = NOBODY;

	for (plane = 0; plane < DUALBM_NR_PLANES; plane++) {
		if (!(liars & BIT(plane)))
			continue;
		if (best == NOBODY || weighs_more(plane, best))
			best = plane;
	}
	return best;
}

/* The frame becomes untracked, or what an exact witness says. */
static bool sentence(unsigned long *planes, unsigned long frame,
		     const struct testimony *testimony)
{
	/* Learning must not take it for what it was when it was looked at. */
	dualbm_disqualify(trial.pfn + frame, 1);
	dualbm_planes_forget(planes, frame, 1);
	if (!dualbm_repair || !testimony || !is_exact(testimony->witness))
		return false;
	return dualbm_planes_learn(planes, frame / BITS_PER_LONG, BIT(frame % BITS_PER_LONG),
				   testimony->truth);
}

static void record(unsigned long *planes, unsigned long frame,
		   const struct testimony *testimony)
{
	unsigned int code = dualbm_planes_code(planes, frame);
	unsigned int liars = testimony ? testimony->liars : dualbm_code_liars(code, 0);
	unsigned int likely = testimony ? testimony->likely : liars;
	struct accusation *accused;

	if (code == DUALBM_CODE_DEPARTING) {
		liars = 0;
		likely = 0;
	}
	accused = &trial.accused[accuse(likely)];
	if (!accused->frames++) {
		accused->first = frame;
		accused->code = code;
		accused->liars = liars;
		accused->witness = testimony ? testimony->witness : DUALBM_NO_WITNESS;
	} else if (testimony && code == accused->code && is_exact(testimony->witness) &&
		   !is_exact(accused->witness)) {
		accused->liars = liars;
		accused->witness = testimony->witness;
	}
	accused->last = frame;
	accused->restored += sentence(planes, frame, testimony);
}

/* First hear what can be said of all of them, then @judge. */
static void each_suspect(unsigned long *planes, bool judge)
{
	unsigned long word, frames;
	unsigned int nr = 0;

	for (word = 0; word < DUALBM_PLANE_WORDS; word++) {
		for (frames = trial.suspects[word]; frames; frames &= frames - 1) {
			unsigned long frame = word * BITS_PER_LONG + __ffs(frames);
			struct testimony *testimony = nr % trial.stride ?
				NULL : &trial.testimony[nr / trial.stride];

			nr++;
			if (judge)
				record(planes, frame, testimony);
			else if (testimony)
				testify(testimony, planes, frame);
		}
	}
}

static void forget_suspects(unsigned long *planes)
{
	unsigned long word, frames;
	unsigned int plane;

	for (word = 0; word < DUALBM_PLANE_WORDS; word++)
		for (frames = trial.suspects[word]; frames; frames &= frames - 1)
			dualbm_planes_forget(planes, word * BITS_PER_LONG + __ffs(frames), 1);
	for (plane = 0; plane < NR_ACCUSED; plane++)
		trial.accused[plane].restored = 0;
}

/*
 * No handler is inside an update now, and those that come by NMI forget. What
 * is still illegal is a fault. An NMI's event may be in the middle of a word: then
 * its frames are no suspects, and what has been put right is forgotten.
 */
static int judge_stopped(void *data)
{
	struct dualbm_chunk *chunk = dualbm_chunk_record(trial.pfn);
	enum dualbm_mode mode;
	unsigned int begun;

	if (!chunk)
		return -ENOENT;
	mode = dualbm_mode_pause();
	do {
		begun = dualbm_nmi_begun();
		dualbm_nmi_wait();
		still_suspect(chunk->planes);
	} while (dualbm_nmi_begun() != begun);
	spread_witnesses();
	each_suspect(chunk->planes, false);
	each_suspect(chunk->planes, true);
	if (dualbm_nmi_begun() != begun) {
		dualbm_nmi_wait();
		forget_suspects(chunk->planes);
	}
	dualbm_mode_resume(mode);
	return 0;
}

static void renew_page(unsigned int plane, unsigned long frame)
{
	phys_addr_t phys;

	if (!dualbm_memory_renew(trial.pfn, plane, frame / BITS_PER_BYTE, &phys))
		pr_warn("%s plane of pfn 0x%lx moved to fresh memory; the page at 0x%llx was wrong %u times and is not used any more\n",
			dualbm_plane_names[plane], trial.pfn, (u64)phys, RENEW_AFTER);
}

/* A correction is one of a page, however many frames of it were wrong. */
static bool worn_out(unsigned int plane)
{
	struct dualbm_chunk *chunk;
	bool worn = false;

	mutex_lock(&dualbm_memory_lock);
	chunk = dualbm_chunk_record(trial.pfn);
	if (chunk && ++chunk->corrections[plane] >= RENEW_AFTER) {
		chunk->corrections[plane] = 0;
		worn = true;
	}
	mutex_unlock(&dualbm_memory_lock);
	return worn;
}

/* Returns how many frames were wrong, those of a proof test excepted. */
static unsigned long report_accused(unsigned int plane)
{
	const struct accusation *accused = &trial.accused[plane];
	struct dualbm_violation v = {
		.class = DUALBM_PLANE_CORRUPTION,
		.proof = DUALBM_PROOF_STOPPED,
		.event = DUALBM_FORGET,
		.code = accused->code,
		.pfn = trial.pfn + accused->first,
		.first = trial.pfn + accused->first,
		.last = trial.pfn + accused->last,
		.frames = accused->frames,
		.witness = accused->witness,
		.repaired = accused->restored == accused->frames,
		.liars = accused->liars,
		.liar = plane,
	};

	/* Where no witness contradicts it, a departing frame is only strange. */
	if (plane == NOBODY && !is_exact(accused->witness))
		v.proof = DUALBM_UNPROVEN;
	if (dualbm_report_is_claimed(&v))
		return 0;
	dualbm_count_add(DUALBM_STAT_CORRECTED, accused->restored);
	dualbm_report(&v);
	if (plane != NOBODY && accused->restored && worn_out(plane))
		renew_page(plane, accused->first);
	return accused->frames;
}

unsigned long dualbm_trial_judge(void)
{
	unsigned long *planes, found = 0;
	unsigned int plane;
	bool any;

	synchronize_rcu();
	rcu_read_lock();
	planes = dualbm_planes_at(trial.pfn);
	any = planes && still_suspect(planes);
	rcu_read_unlock();
	if (!any)
		return 0;
	memset(trial.weights, 0, sizeof(trial.weights));
	memset(trial.accused, 0, sizeof(trial.accused));
	mutex_lock(&trial_lock);
	if (!dualbm_stop(judge_stopped, NULL))
		for (plane = 0; plane < NR_ACCUSED; plane++)
			if (trial.accused[plane].frames)
				found += report_accused(plane);
	mutex_unlock(&trial_lock);
	return found;
}

void dualbm_trial_settle(void)
{
	mutex_lock(&trial_lock);
	mutex_unlock(&trial_lock);
}
