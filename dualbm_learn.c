// SPDX-License-Identifier: GPL-2.0-only
/*
 * Learning: what is free and what is allocated, exactly, on a running machine.
 *
 * One worker does it, at load and after every loss and CPU bracket, always the
 * same way: forget, settle, track, learn what is free, learn what is allocated.
 * docs/design.md has the argument for each step.
 */
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/timekeeping.h>
#include <linux/vmalloc.h>
#include <linux/workqueue.h>
#include <linux/irq_work.h>

#include "dualbm.h"
#include "dualbm_census.h"
#include "dualbm_chunks.h"
#include "dualbm_learn.h"
#include "dualbm_memory.h"
#include "dualbm_mode.h"
#include "dualbm_prove.h"
#include "dualbm_request.h"
#include "dualbm_rest.h"
#include "dualbm_source.h"
#include "dualbm_stop.h"
#include "dualbm_tasks.h"
#include "dualbm_watch.h"

/*
 * What one round of learning what is allocated takes, at most: 256 GiB on amd64,
 * for which it needs 8 MiB, and waits once for allocations that are under way.
 * The machine is stopped for 2 GiB at a time, or for less if that takes too long.
 */
#define WINDOW_CHUNKS	2048UL
#define SLICE_WORDS	(16UL * DUALBM_PLANE_WORDS)
/* Between two looks at the clock, with all CPUs stopped. */
#define TIMED_WORDS	64UL
/* How often, and how far apart, tasks inside an allocation are waited for: 12 s in all. */
#define DRAIN_TRIES	16
#define DRAIN_WAIT_MS	50U
#define DRAIN_WAIT_MAX_MS	1000U

static struct dualbm_window window_storage;

static struct work_struct rest_work;
static bool learned_once;

/* ---- what is free ---- */

/* @first is an index in the chunk. */
static void learn_range_free(unsigned long *planes, unsigned long first,
			     unsigned long frames)
{
	unsigned long end = min(first + frames, DUALBM_CHUNK_FRAMES);

	while (first < end) {
		/* PREEMPT_RT can be preempted with zone->lock held, in the middle of a word. */
		preempt_disable();
		dualbm_planes_learn(planes, first / BITS_PER_LONG,
				    dualbm_word_mask(first, end - first),
				    DUALBM_CODE_FREE);
		preempt_enable();
		first += BITS_PER_LONG - first % BITS_PER_LONG;
	}
}

/*
 * Under zone->lock a frame inside a PageBuddy block has no event to come but
 * those that find it free: the last free event came before it was put there,
 * and whoever takes it off fires an event or a hook after that.
 */
static void learn_block_free(struct dualbm_chunk *chunk, unsigned long pfn,
			     unsigned long end)
{
	while (pfn < end) {
		struct page *page = pfn_to_page(pfn);
		struct zone *zone = dualbm_zone_of(page);
		unsigned long flags;

		if (!zone) {
			pfn++;
			continue;
		}
		spin_lock_irqsave(&zone->lock, flags);
		for (; pfn < end; ) {
			unsigned long frames = 1;

			page = pfn_to_page(pfn);
			if (page_zone(page) != zone)
				break;
			if (PageBuddy(page) && page_private(page) <= DUALBM_MAX_ORDER) {
				frames = 1UL << page_private(page);
				learn_range_free(chunk->planes, pfn - chunk->start_pfn, frames);
			}
			pfn += frames;
		}
		spin_unlock_irqrestore(&zone->lock, flags);
	}
}

static void learn_chunk_free(struct dualbm_chunk *chunk, void *unused)
{
	unsigned long frame;

	for (frame = 0; frame < DUALBM_CHUNK_FRAMES; frame += PAGES_PER_SUBSECTION) {
		if (dualbm_subsection_present(chunk, frame))
			learn_block_free(chunk, chunk->start_pfn + frame,
					 chunk->start_pfn + frame + PAGES_PER_SUBSECTION);
		cond_resched();
	}
}

/* The same argument holds on a per-CPU list, while it may not change. */
static void learn_pcp_lists(void *data)
{
	struct per_cpu_pages *pcp = data;
	struct page *page;
	int index;

	for (index = 0; index < DUALBM_PCP_LISTS; index++)
		list_for_each_entry(page, &pcp->lists[index], lru) {
			unsigned long pfn = page_to_pfn(page);
			unsigned long *planes = dualbm_planes_at(pfn);

			if (planes)
				learn_range_free(planes, pfn % DUALBM_CHUNK_FRAMES,
						 1UL << dualbm_pcp_order(index));
		}
}

static void learn_pcp_free(struct zone *zone)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		mutex_lock(&dualbm_memory_lock);
		if (!dualbm_memory_leaving)
			dualbm_pcp_call(zone, cpu, learn_pcp_lists);
		mutex_unlock(&dualbm_memory_lock);
	}
}

static void learn_free(void)
{
	int nid, zone;

	dualbm_each_chunk(learn_chunk_free, NULL);
	for_each_online_node(nid)
		for (zone = 0; zone < MAX_NR_ZONES; zone++)
			if (populated_zone(&NODE_DATA(nid)->node_zones[zone]))
				learn_pcp_free(&NODE_DATA(nid)->node_zones[zone]);
}

/* ---- what is allocated ---- */

/*
 * Is a frame in use? Its own count says so, or for the tail of a compound page
 * the head's, or the mark of a page that has none. Wrong answers are harmless
 * here: an allocation that has its page but not yet its alloc event is waited for,
 * and a frame that is freed after this look is no candidate any more.
 *
 * A poisoned frame that was taken off the buddy lists has a count as well, and
 * goes back there without an event: put_page_back_buddy(), mm/page_alloc.c,
 * does that under zone->lock, which the caller holds, and only then is the page
 * poisoned no more. So the count is read before the flag.
 */
static bool frame_in_use(struct page *page)
{
	struct page *head = compound_head(page);

	if (PageBuddy(page) ||
	    (page_ref_count(head) <= 0 && !dualbm_page_is_marked(page, head)))
		return false;
	/* The count before the flag; see above. */
	smp_rmb();
	return !PageHWPoison(page);
}

static void weed_out_word(struct dualbm_chunk *chunk, unsigned long word,
			  unsigned long *candidates)
{
	unsigned long keep = dualbm_planes_untracked(chunk->planes, word) &
			     READ_ONCE(*candidates);
	struct page *pages = pfn_to_page(chunk->start_pfn + word * BITS_PER_LONG);
	unsigned long frames;
	struct zone *zone = keep ? dualbm_zone_of(pages + __ffs(keep)) : NULL;

	if (zone) {
		spin_lock_irq(&zone->lock);
		for (frames = keep; frames; frames &= frames - 1) {
			struct page *page = pages + __ffs(frames);

			if (page_zone(page) != zone || !frame_in_use(page))
				keep &= ~BIT(__ffs(frames));
		}
		spin_unlock_irq(&zone->lock);
	} else {
		keep = 0;
	}
	atomic_long_and(keep, (atomic_long_t *)candidates);
}

struct weeding {
	struct dualbm_window *window;
	bool any;
};

static void weed_out_chunk(struct dualbm_chunk *chunk, void *data)
{
	struct weeding *weeding = data;
	unsigned long word, offset = chunk->start_pfn - weeding->window->start_pfn;

	if (offset >= dualbm_window_frames(weeding->window))
		return;
	for (word = 0; word < DUALBM_PLANE_WORDS; word++) {
		unsigned long *candidates =
			&weeding->window->candidates[offset / BITS_PER_LONG + word];

		if (dualbm_subsection_present(chunk, word * BITS_PER_LONG))
			weed_out_word(chunk, word, candidates);
		else
			WRITE_ONCE(*candidates, 0);
		weeding->any |= READ_ONCE(*candidates);
	}
}

/* Returns false if no candidate is left in the window. */
static bool weed_out_window(struct dualbm_window *now)
{
	struct weeding weeding = { .window = now };

	dualbm_each_chunk(weed_out_chunk, &weeding);
	return weeding.any;
}

/*
 * Wait until no allocation that had its page at the time of the call still has
 * its alloc event to come. Between the two it runs or is preempted, in
 * __alloc_pages() or in a bulk allocation, or it sleeps in its cgroup charge:
 * dualbm_tasks_wait() waits for the first two, and a look at the stacks
 * shows the third. What that leaves open is looked at with all CPUs stopped.
 *
 * A livepatch may put another __alloc_pages() in the place of the one that stacks are
 * searched for. The kernel is tainted before it calls any, so whoever was looked at
 * before the kernel was found untainted was not inside such a one.
 */
static bool drain_allocations(unsigned long generation)
{
	unsigned int pause = DRAIN_WAIT_MS, tries;
	bool drained;

	dualbm_tasks_wait();
	synchronize_rcu();
	if (!dualbm_tasks_look())
		return false;
	for (tries = DRAIN_TRIES; tries; tries--) {
		drained = !dualbm_tasks_judge();
		/* The looks before the taint; see above. */
		smp_rmb();
		if (test_taint(TAINT_LIVEPATCH) || !dualbm_mode_current(generation))
			return false;
		if (drained)
			return true;
		schedule_timeout_uninterruptible(msecs_to_jiffies(pause));
		pause = min(pause * 2, DRAIN_WAIT_MAX_MS);
	}
	return false;
}

/* ---- the step itself ---- */

/*
 * Called with all CPUs stopped, so only an NMI's event can come, and that
 * forgets: it takes the candidate bits first. Either the second look below
 * sees that, or all stores of this word came before that event's.
 */
static void learn_word(unsigned long *planes, unsigned long word,
		       unsigned long *candidates)
{
	unsigned long learned, lost;

	learned = dualbm_planes_learn(planes, word, READ_ONCE(*candidates),
				      DUALBM_CODE_ALLOCATED);
	/* Stores of the planes before the second look; see above. */
	smp_mb();
	lost = learned & ~READ_ONCE(*candidates);
	while (lost) {
		dualbm_planes_forget(planes, word * BITS_PER_LONG + __ffs(lost), 1);
		lost &= lost - 1;
	}
}

/* What a stop is to do: some words of the window, from @word on, which it moves. */
struct slice {
	unsigned long generation;
	unsigned long word;
	unsigned long end;
};

/* The word after those that were done, or where @slice ends. */
static unsigned long learn_words(const struct slice *slice)
{
	u64 end = ktime_get_mono_fast_ns() + DUALBM_STOP_NS;
	unsigned long word, *planes = NULL, looks = 0;

	for (word = slice->word; word < slice->end; word++) {
		unsigned long *candidates = &dualbm_window->candidates[word];

		if (word == slice->word || word % DUALBM_PLANE_WORDS == 0)
			planes = dualbm_planes_at(dualbm_window->start_pfn + word * BITS_PER_LONG);
		if (!planes || !READ_ONCE(*candidates))
			continue;
		learn_word(planes, word % DUALBM_PLANE_WORDS, candidates);
		if (++looks % TIMED_WORDS == 0 && ktime_get_mono_fast_ns() >= end)
			return word + 1;
	}
	return word;
}

static int learn_slice_stopped(void *data)
{
	struct slice *slice = data;
	enum dualbm_mode mode;

	if (!dualbm_mode_current(slice->generation))
		return -EAGAIN;
	mode = dualbm_mode_pause();
	dualbm_nmi_wait();
	slice->word = learn_words(slice);
	/* An NMI's event that tracks again finds all that was learned. */
	smp_mb();
	dualbm_mode_resume(mode);
	return 0;
}

/* Goes on to the next word that has a candidate; false if there is none. */
static bool next_slice(struct slice *slice)
{
	unsigned long words = dualbm_window->chunks * DUALBM_PLANE_WORDS;

	while (slice->word < words && !READ_ONCE(dualbm_window->candidates[slice->word]))
		slice->word++;
	slice->end = min(slice->word + SLICE_WORDS, words);
	return slice->word < words;
}

static bool learn_slices(unsigned long generation)
{
	struct slice slice = { .generation = generation };

	while (next_slice(&slice)) {
		if (dualbm_stop(learn_slice_stopped, &slice))
			return false;
		/* Others have their turn between two stops. */
		schedule_timeout_uninterruptible(1);
	}
	return true;
}

/*
 * The frames of chunks that are there now are candidates. One that comes later has none:
 * whoever makes it finds the window, under the same lock, and disqualifies its frames.
 */
static void open_window(void)
{
	struct dualbm_chunk *chunk;

	memset(window_storage.candidates, 0, window_storage.chunks * DUALBM_PLANE_BYTES);
	mutex_lock(&dualbm_memory_lock);
	list_for_each_entry(chunk, &dualbm_chunks, list) {
		unsigned long offset = chunk->start_pfn - window_storage.start_pfn;

		if (offset < dualbm_window_frames(&window_storage))
			memset(&window_storage.candidates[offset / BITS_PER_LONG], 0xff,
			       DUALBM_PLANE_BYTES);
	}
	/* Pairs with the dependency in dualbm_disqualify(). */
	smp_store_release(&dualbm_window, &window_storage);
	mutex_unlock(&dualbm_memory_lock);
}

/* Returns false if it did not come to an end. */
static bool learn_window(unsigned long generation)
{
	bool complete = true;

	open_window();
	/* From here on every event that makes a frame untracked says so. */
	synchronize_rcu();
	if (weed_out_window(&window_storage))
		complete = drain_allocations(generation) && learn_slices(generation);
	dualbm_tasks_release();
	WRITE_ONCE(dualbm_window, NULL);
	synchronize_rcu();
	return complete;
}

static unsigned long last_pfn(void)
{
	unsigned long end = 0;

	mutex_lock(&dualbm_memory_lock);
	if (!list_empty(&dualbm_chunks))
		end = list_last_entry(&dualbm_chunks, struct dualbm_chunk, list)->start_pfn +
		      DUALBM_CHUNK_FRAMES;
	mutex_unlock(&dualbm_memory_lock);
	return end;
}

/* The first chunk at or after @pfn, or @end. */
static unsigned long next_chunk(unsigned long pfn, unsigned long end)
{
	struct dualbm_chunk *chunk;

	mutex_lock(&dualbm_memory_lock);
	list_for_each_entry(chunk, &dualbm_chunks, list)
		if (chunk->start_pfn >= pfn) {
			end = chunk->start_pfn;
			break;
		}
	mutex_unlock(&dualbm_memory_lock);
	return end;
}

/*
 * On a livepatched kernel what is in use becomes known by its next event. Returns false
 * if that or anything else has left candidates that another round could learn.
 */
static bool learn_allocated(unsigned long generation)
{
	unsigned long end = last_pfn(), pfn = next_chunk(0, end);
	bool complete = true;

	if (pfn == end || test_taint(TAINT_LIVEPATCH))
		return pfn == end;
	window_storage.chunks = min(WINDOW_CHUNKS, (end - pfn) / DUALBM_CHUNK_FRAMES);
	window_storage.candidates = vmalloc(window_storage.chunks * DUALBM_PLANE_BYTES);
	if (!window_storage.candidates)
		return false;
	for (; pfn < end && dualbm_mode_current(generation);
	     pfn = next_chunk(pfn + dualbm_window_frames(&window_storage), end)) {
		window_storage.start_pfn = pfn;
		complete &= learn_window(generation);
	}
	vfree(window_storage.candidates);
	return complete && pfn >= end;
}

void dualbm_learn_pass(void)
{
	unsigned long generation = dualbm_mode_generation();

	if (!generation)
		return;
	learn_free();
	dualbm_rest_count(learn_allocated(generation));
	dualbm_census_recount();
}

/* ---- the worker ---- */

static void relearn(struct work_struct *work)
{
	const char *lost, *dead, *why = dualbm_degraded_why();
	unsigned long generation;

	if (why)
		pr_warn("degraded: %s; learning again\n", why);
	do {
		/* An open CPU bracket asks again when it closes. */
		if (!dualbm_mode_begin(&generation))
			return;
		synchronize_rcu();
		dualbm_memory_forget_all();
		if (!dualbm_mode_advance(generation, DUALBM_SETTLING))
			continue;
		/* A call that entered a hooked function unseen has left it. */
		dualbm_tasks_wait();
		synchronize_rcu();
		lost = dualbm_hooks_watch();
		dead = dualbm_hooks_dead();
		if (dead) {
			/* Watching asks again when it fires again. */
			dualbm_mode_finish(generation, DUALBM_STATE_DEGRADED, dead);
			return;
		}
	} while (!dualbm_mode_advance(generation, DUALBM_TRACKING));

	if (learned_once)
		dualbm_count(DUALBM_STAT_RELEARNS);
	learned_once = true;
	dualbm_learn_pass();
	dualbm_mode_finish(generation, lost ? DUALBM_STATE_DEGRADED : DUALBM_STATE_ARMED, lost);
}

bool dualbm_is_relearning(void)
{
	return work_busy(&dualbm_relearn_work);
}

/*
 * Isolated pages that came back, and memory that compaction moved, are untracked until
 * their next event: learn them when they are 1 % more than what learning had to leave.
 */
static void learn_rest(struct work_struct *work)
{
	struct dualbm_census census;
	bool adopted = dualbm_memory_adopt();

	dualbm_memory_census(&census);
	if (adopted || dualbm_rest_is_due(&census))
		dualbm_learn_pass();
}

void dualbm_learn_rest(void)
{
	queue_work(dualbm_worker, &rest_work);
}

int dualbm_learn_init(void)
{
	int ret = dualbm_tasks_init();

	if (ret)
		return ret;
	INIT_WORK(&rest_work, learn_rest);
	ret = dualbm_request_init(relearn);
	if (ret)
		dualbm_tasks_exit();
	return ret;
}

void dualbm_learn_start(void)
{
	queue_work(dualbm_worker, &dualbm_relearn_work);
}

/*
 * A learning that begins after this finds that the module is stopping and ends at
 * once: dualbm_mode_begin(). So the hooks may go on asking for one.
 */
void dualbm_learn_stop(void)
{
	cancel_work_sync(&dualbm_relearn_work);
	cancel_work_sync(&rest_work);
}

void dualbm_learn_exit(void)
{
	dualbm_request_exit();
	dualbm_tasks_exit();
}
