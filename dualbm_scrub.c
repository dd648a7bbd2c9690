// SPDX-License-Identifier: GPL-2.0-only
/*
 * Scrubbing: every word of the planes obeys the parity rule, also where no
 * event comes for months.
 */
#include <linux/rcupdate.h>
#include <linux/stop_machine.h>
#include <linux/workqueue.h>

#include "dualbm.h"
#include "dualbm_trace.h"

/* More suspects than this in one pass are looked at in the next. */
#define SUSPECTS	64

/* A word of the planes with a codeword that broke the rule at a glance. */
struct suspect {
	unsigned long pfn;	/* the word's first frame */
	unsigned long frames;	/* those that broke the rule, as a mask */
	unsigned int code;	/* the first one's, when all CPUs had stopped */
};

struct suspects {
	unsigned int nr;
	struct suspect word[SUSPECTS];
};

/* Only the worker uses it. */
static struct suspects suspects;
static struct work_struct scrub_work;
static struct delayed_work scrub_timer;

/* What the file "scrub" shows. */
static u64 scrub_found;
static u64 scrub_words;
static atomic_t scrub_running;

static void look_at_chunk(const struct dualbm_chunk *chunk)
{
	unsigned long word, frames;

	for (word = 0; word < DUALBM_PLANE_WORDS; word++) {
		frames = dualbm_planes_illegal(chunk->planes, word);
		if (unlikely(frames) && suspects.nr < SUSPECTS)
			suspects.word[suspects.nr++] = (struct suspect) {
				.pfn = chunk->start_pfn + word * BITS_PER_LONG,
				.frames = frames,
			};
	}
	scrub_words += DUALBM_PLANE_WORDS;
}

/*
 * No handler is inside an update now, and those that come by NMI forget. What
 * is still illegal is a fault; the frames become untracked, so that one fault
 * is one report.
 */
static int confirm_stopped(void *data)
{
	enum dualbm_mode mode = READ_ONCE(dualbm_mode);
	unsigned int i, begun;

	if (mode == DUALBM_TRACKING)
		WRITE_ONCE(dualbm_mode, DUALBM_FORGETTING);
	dualbm_nmi_wait();
	for (i = 0; i < suspects.nr; i++) {
		struct suspect *suspect = &suspects.word[i];
		unsigned long *planes = dualbm_planes_at(suspect->pfn);
		unsigned long first = suspect->pfn % DUALBM_CHUNK_FRAMES;
		unsigned long frames;

		if (!planes) {
			suspect->frames = 0;
			continue;
		}
		/* An NMI's event that forgets may be in the middle of this word. */
		begun = dualbm_nmi_begun();
		dualbm_nmi_wait();
		suspect->frames &= dualbm_planes_illegal(planes, first / BITS_PER_LONG);
		if (dualbm_nmi_begun() != begun)
			suspect->frames = 0;
		frames = suspect->frames;
		if (frames)
			suspect->code = dualbm_planes_code(planes, first + __ffs(frames));
		for (; frames; frames &= frames - 1)
			dualbm_planes_forget(planes, first + __ffs(frames), 1);
	}
	if (mode == DUALBM_TRACKING)
		WRITE_ONCE(dualbm_mode, DUALBM_TRACKING);
	return 0;
}

/* With repair=1: a frame in a buddy block is free, says the allocator itself. */
static bool repair(const struct suspect *suspect)
{
	unsigned long first = suspect->pfn % DUALBM_CHUNK_FRAMES;
	unsigned long frames, repaired = 0;

	if (!dualbm_repair)
		return false;
	for (frames = suspect->frames; frames; frames &= frames - 1) {
		unsigned long frame = __ffs(frames);
		struct page *page = pfn_to_online_page(suspect->pfn + frame);
		unsigned long *planes;
		struct zone *zone;

		if (!page)
			continue;
		zone = page_zone(page);
		spin_lock_irq(&zone->lock);
		planes = dualbm_planes_at(suspect->pfn);
		if (planes && dualbm_buddy_covers(zone, suspect->pfn + frame))
			repaired |= dualbm_planes_learn(planes, first / BITS_PER_LONG,
							BIT(frame), DUALBM_CODE_FREE);
		spin_unlock_irq(&zone->lock);
	}
	if (repaired)
		dualbm_count_add(DUALBM_STAT_CORRECTED, hweight_long(repaired));
	return repaired == suspect->frames;
}

static void report_suspect(const struct suspect *suspect)
{
	struct dualbm_violation v = {
		.class = DUALBM_PLANE_CORRUPTION,
		.proof = DUALBM_PROOF_STOPPED,
		.event = DUALBM_FORGET,
		.code = suspect->code,
		.pfn = suspect->pfn + __ffs(suspect->frames),
		.first = suspect->pfn + __ffs(suspect->frames),
		.last = suspect->pfn + __fls(suspect->frames),
		.frames = hweight_long(suspect->frames),
	};

	v.repaired = repair(suspect);
	dualbm_report(&v);
}

/* An entry of the directory whose two copies disagree hides a whole chunk. */
static void check_directory(const struct dualbm_chunk *chunk)
{
	struct dualbm_violation v = {
		.class = DUALBM_DIRECTORY_CORRUPTION,
		.proof = DUALBM_PROOF_DIRECTORY,
		.event = DUALBM_FORGET,
		.pfn = chunk->start_pfn,
		.first = chunk->start_pfn,
		.last = chunk->start_pfn + DUALBM_CHUNK_FRAMES - 1,
		.frames = DUALBM_CHUNK_FRAMES,
	};

	if (dualbm_lookup(chunk->start_pfn) == chunk->planes)
		return;
	scrub_found++;
	dualbm_report(&v);
}

static void scrub_pass(void)
{
	struct dualbm_chunk *chunk;
	unsigned int i;

	atomic_set(&scrub_running, 1);
	scrub_found = 0;
	scrub_words = 0;
	suspects.nr = 0;
	mutex_lock(&dualbm_memory_lock);
	list_for_each_entry(chunk, &dualbm_chunks, list) {
		check_directory(chunk);
		look_at_chunk(chunk);
		cond_resched();
	}
	mutex_unlock(&dualbm_memory_lock);
	if (suspects.nr) {
		synchronize_rcu();
		stop_machine(confirm_stopped, NULL, NULL);
		for (i = 0; i < suspects.nr; i++) {
			if (!suspects.word[i].frames)
				continue;
			scrub_found += hweight_long(suspects.word[i].frames);
			report_suspect(&suspects.word[i]);
		}
	}
	dualbm_count(DUALBM_STAT_SCRUB_PASSES);
	atomic_set(&scrub_running, 0);
	trace_scrub(READ_ONCE(scrub_words), scrub_words, scrub_found);
}

/*
 * Isolated pages that came back, and memory that compaction moved, are
 * untracked until their next event: learn them when they are more than 1 %.
 */
static void learn_the_rest(void)
{
	struct dualbm_census census;

	dualbm_memory_census(&census);
	if (census.untracked * 100 > census.managed)
		dualbm_learn_pass();
}

static void scrub(struct work_struct *work)
{
	scrub_pass();
}

static void scrub_timed(struct work_struct *work)
{
	scrub_pass();
	learn_the_rest();
	dualbm_scrub_reschedule();
}

int dualbm_scrub_now(void)
{
	queue_work(dualbm_worker, &scrub_work);
	flush_work(&scrub_work);
	return 0;
}

void dualbm_scrub_reschedule(void)
{
	unsigned int interval = READ_ONCE(dualbm_scrub_interval_ms);

	if (interval)
		mod_delayed_work(dualbm_worker, &scrub_timer, msecs_to_jiffies(interval));
	else
		cancel_delayed_work(&scrub_timer);
}

int dualbm_scrub_show(char *buffer)
{
	return sysfs_emit(buffer, "running=%d interval_ms=%u words=%llu found=%llu\n",
			  atomic_read(&scrub_running), dualbm_scrub_interval_ms,
			  READ_ONCE(scrub_words), READ_ONCE(scrub_found));
}

int dualbm_scrub_init(void)
{
	INIT_WORK(&scrub_work, scrub);
	INIT_DELAYED_WORK(&scrub_timer, scrub_timed);
	return 0;
}

void dualbm_scrub_exit(void)
{
	/* The work arms itself again: an interval of 0 keeps it from that. */
	WRITE_ONCE(dualbm_scrub_interval_ms, 0);
	cancel_delayed_work_sync(&scrub_timer);
	cancel_work_sync(&scrub_work);
}
