// SPDX-License-Identifier: GPL-2.0-only
/*
 * The audit of the allocator: what its own metadata says, where that is exact.
 *
 * Under zone->lock a frame inside a PageBuddy block has no event to come, belongs
 * to nobody, and has a reference count of 0; the block is on the list of its order
 * in its zone. A second put_page() of a free frame shows here only: its count goes
 * from 0 to -1, and no event comes.
 */
#include <linux/ktime.h>
#include <linux/list.h>

#include "dualbm.h"
#include "dualbm_audit.h"
#include "dualbm_chunks.h"
#include "dualbm_memory.h"
#include "dualbm_mode.h"
#include "dualbm_prove.h"
#include "dualbm_report.h"
#include "dualbm_violation.h"

/*
 * A lock is held for no more than 100 microseconds, and each block may be a cache miss or
 * three: longer lists are not counted, and memory in more pieces is looked at in parts.
 */
#define LIST_BLOCKS	256
#define CPU_BLOCKS	512
#define MEMORY_BLOCKS	128
#define FINDINGS	8
#define REMEMBERED	64

struct finding {
	const char *what;
	unsigned long pfn;
	unsigned int order;
	unsigned long frames;
	long value;
	enum dualbm_proof proof;
	unsigned long round;	/* in which it was last seen */
};

/* Filled under a lock, reported when it is released. The scrubber's alone. */
static struct finding findings[FINDINGS];
static unsigned int nr_findings;
/* What has been reported, and is still there: one fault is one report. */
static struct finding remembered[REMEMBERED];
static unsigned int nr_remembered;
static unsigned long round_number;
static u64 hold_ns;

static void find(const char *what, unsigned long pfn, unsigned int order,
		 unsigned long frames, long value)
{
	if (nr_findings < FINDINGS)
		findings[nr_findings++] = (struct finding) {
			.what = what,
			.pfn = pfn,
			.order = order,
			.frames = frames,
			.value = value,
			.proof = DUALBM_PROOF_BUDDY,
		};
}

static bool is_remembered(const struct finding *finding)
{
	struct finding *old;
	bool known;

	for (old = remembered; old < remembered + REMEMBERED; old++) {
		if (old->what != finding->what || old->pfn != finding->pfn ||
		    old->value != finding->value)
			continue;
		known = old->round + 1 >= round_number;
		old->round = round_number;
		return known;
	}
	old = &remembered[nr_remembered++ % REMEMBERED];
	*old = *finding;
	old->round = round_number;
	return false;
}

void dualbm_audit_begin(void)
{
	round_number++;
}

static unsigned int report_findings(void)
{
	unsigned int i, reported = 0;

	for (i = 0; i < nr_findings; i++) {
		const struct finding *finding = &findings[i];
		struct dualbm_violation v = {
			.class = DUALBM_ALLOCATOR_CORRUPTION,
			.proof = finding->proof,
			.event = DUALBM_FORGET,
			.code = DUALBM_CODE_FREE,
			.pfn = finding->pfn,
			.first = finding->pfn,
			.last = finding->pfn,
			.frames = finding->frames,
			.order = finding->order,
			.what = finding->what,
			.value = finding->value,
		};

		if (is_remembered(finding))
			continue;
		reported++;
		dualbm_report(&v);
	}
	nr_findings = 0;
	return reported;
}

static void note_hold(u64 since)
{
	u64 held = ktime_get_mono_fast_ns() - since;

	if (held > READ_ONCE(hold_ns))
		WRITE_ONCE(hold_ns, held);
}

u64 dualbm_audit_hold_ns(void)
{
	return READ_ONCE(hold_ns);
}

/* ---- links ---- */

static bool is_list_of(const struct zone *zone, unsigned int order,
		       const struct list_head *entry)
{
	int type;

	for (type = 0; type < MIGRATE_TYPES; type++)
		if (entry == &zone->free_area[order].free_list[type])
			return true;
	return false;
}

/*
 * The page that a list entry lies in, if that is a page of memory. It need not be
 * online: mm/memory_hotplug.c frees blocks before it marks their section online, and
 * takes them off the lists after it has marked it offline.
 */
static struct page *page_of_entry(struct list_head *entry)
{
	struct page *page = container_of(entry, struct page, lru);
	unsigned long pfn = page_to_pfn(page);

	/* Nothing is read through a pointer that does not point to a struct page. */
	return pfn_valid(pfn) && pfn_to_page(pfn) == page ? page : NULL;
}

static bool is_block_of(const struct zone *zone, unsigned int order, struct page *page)
{
	return page && page_zone(page) == zone && PageBuddy(page) &&
	       page_private(page) == order;
}

/* What a block's links lead to: the list of its order, or a block of that order. */
static bool links_fit(const struct zone *zone, unsigned int order, struct page *page)
{
	struct list_head *entry = &page->lru;
	struct list_head *next = READ_ONCE(entry->next), *prev = READ_ONCE(entry->prev);

	return (is_list_of(zone, order, next) ||
		is_block_of(zone, order, page_of_entry(next))) &&
	       (is_list_of(zone, order, prev) ||
		is_block_of(zone, order, page_of_entry(prev))) &&
	       READ_ONCE(next->prev) == entry && READ_ONCE(prev->next) == entry;
}

/* ---- blocks ---- */

/* A count that is not 0: someone took or dropped a reference to a free frame. */
static void check_counts(struct page *head, unsigned long pfn, unsigned int order)
{
	unsigned long i, frames = 0, first = 0;

	for (i = 0; i < BIT(order); i++)
		if (page_ref_count(head + i) && !PageHWPoison(head + i) && !frames++)
			first = i;
	if (frames)
		find("refcount", pfn + first, order, frames, page_ref_count(head + first));
}

static unsigned long overlap_in(struct page *head, unsigned int order)
{
	unsigned long i;

	for (i = 1; i < BIT(order); i++)
		if (PageBuddy(head + i))
			return i;
	return 0;
}

/* Nobody has a frame of the block, and none is the first of another: nearly always. */
static bool is_plain(struct page *head, unsigned int order)
{
	struct page *page, *end = head + BIT(order);

	for (page = head + 1; page < end; page++)
		if (unlikely(page_ref_count(page) || PageBuddy(page)))
			return false;
	return !page_ref_count(head);
}

/* Frames of a free block that are recorded otherwise, in one word of the planes. */
static void check_word(struct dualbm_chunk *chunk, unsigned long word, unsigned long mask,
		       unsigned int order)
{
	unsigned long wrong = ~dualbm_planes_illegal(chunk->planes, word) & mask &
			      dualbm_planes_owned(chunk->planes, word);
	unsigned long first = word * BITS_PER_LONG;

	if (likely(!wrong)) {
		/* PREEMPT_RT can be preempted with zone->lock held, in the middle of a word. */
		preempt_disable();
		dualbm_planes_learn(chunk->planes, word, mask, DUALBM_CODE_FREE);
		preempt_enable();
		return;
	}
	find("state", chunk->start_pfn + first + __ffs(wrong), order, hweight_long(wrong),
	     dualbm_planes_code(chunk->planes, first + __ffs(wrong)));
	preempt_disable();
	for (; wrong; wrong &= wrong - 1)
		dualbm_forget_range(chunk->start_pfn + first + __ffs(wrong), 1);
	preempt_enable();
}

/* Believed only while events are: the mode does not change under RCU unnoticed. */
static void check_state(struct dualbm_chunk *chunk, unsigned long pfn,
			unsigned int order)
{
	unsigned long first = pfn - chunk->start_pfn;
	unsigned long end = min(first + BIT(order), DUALBM_CHUNK_FRAMES);

	if (dualbm_mode_now() != DUALBM_TRACKING)
		return;
	while (first < end) {
		check_word(chunk, first / BITS_PER_LONG,
			   dualbm_word_mask(first, end - first), order);
		first += BITS_PER_LONG - first % BITS_PER_LONG;
	}
}

/* A block that is not what it seems says nothing of its frames. */
static unsigned long check_block(struct dualbm_chunk *chunk, struct zone *zone,
				 struct page *head, unsigned long pfn)
{
	unsigned long order = page_private(head), overlap;

	if (order > DUALBM_MAX_ORDER) {
		find("order", pfn, 0, 1, order);
		return 1;
	}
	if (pfn & (BIT(order) - 1)) {
		find("alignment", pfn, order, 1, order);
		return 1;
	}
	/* As where a link leads to: it need not be online. */
	if (!pfn_valid(pfn + BIT(order) - 1) ||
	    page_zone(pfn_to_page(pfn + BIT(order) - 1)) != zone) {
		find("zone", pfn, order, BIT(order), order);
		return 1;
	}
	if (!links_fit(zone, order, head)) {
		find("links", pfn, order, BIT(order), order);
		return 1;
	}
	if (!is_plain(head, order)) {
		overlap = overlap_in(head, order);
		if (overlap) {
			find("overlap", pfn + overlap, order, 1, overlap);
			return overlap;
		}
		check_counts(head, pfn, order);
	}
	check_state(chunk, pfn, order);
	return BIT(order);
}

/*
 * Up to the end of a subsection, the smallest piece that is online or not as a
 * whole, to a block of another zone, or for as many blocks as a lock may be held.
 * Most frames are not the first of a free block, so what is done for each of them
 * is what an audit costs. Returns where to go on.
 */
static unsigned long audit_subsection(struct dualbm_chunk *chunk, struct zone *zone,
				      unsigned long pfn, unsigned long end)
{
	unsigned int blocks = 0;
	struct page *page;
	unsigned long flags;
	u64 since;

	rcu_read_lock();
	spin_lock_irqsave(&zone->lock, flags);
	since = ktime_get_mono_fast_ns();
	if (!pfn_to_online_page(pfn))
		pfn = end;
	while (pfn < end && blocks < MEMORY_BLOCKS) {
		page = pfn_to_page(pfn);
		if (!PageBuddy(page)) {
			pfn++;
			continue;
		}
		if (page_zone(page) != zone)
			break;
		pfn += check_block(chunk, zone, page, pfn);
		blocks++;
	}
	note_hold(since);
	spin_unlock_irqrestore(&zone->lock, flags);
	rcu_read_unlock();
	return pfn;
}

unsigned int dualbm_audit_frames(struct dualbm_chunk *chunk, unsigned long first)
{
	unsigned long pfn = chunk->start_pfn + first, end = pfn + DUALBM_AUDIT_FRAMES;

	lockdep_assert_held(&dualbm_memory_lock);
	while (pfn < end) {
		unsigned long stop = min(end, round_up(pfn + 1, PAGES_PER_SUBSECTION));
		struct page *page = pfn_to_online_page(pfn);
		struct zone *zone = dualbm_zone_of(page);

		if (zone) {
			pfn = audit_subsection(chunk, zone, pfn, stop);
		} else if (page) {
			find("zone", pfn, 0, 1, page_zonenum(page));
			pfn++;
		} else {
			pfn = stop;
		}
	}
	return report_findings();
}

/* ---- lists ---- */

/* How many blocks are on a list; more than @most if it is too long or broken. */
static unsigned long count_blocks(const struct zone *zone, unsigned int order,
				  struct list_head *list, unsigned long most)
{
	struct list_head *entry = READ_ONCE(list->next);
	unsigned long blocks = 0;

	while (entry != list && blocks <= most) {
		struct page *page = page_of_entry(entry);

		if (!is_block_of(zone, order, page)) {
			find("links", page ? page_to_pfn(page) : zone->zone_start_pfn, order,
			     1, order);
			return most + 1;
		}
		blocks++;
		entry = READ_ONCE(entry->next);
	}
	return blocks;
}

static void audit_free_lists(struct zone *zone, unsigned int order)
{
	struct free_area *area = &zone->free_area[order];
	unsigned long flags, blocks = 0;
	int type;
	u64 since;

	spin_lock_irqsave(&zone->lock, flags);
	since = ktime_get_mono_fast_ns();
	for (type = 0; type < MIGRATE_TYPES && blocks <= LIST_BLOCKS; type++)
		blocks += count_blocks(zone, order, &area->free_list[type],
				       LIST_BLOCKS - blocks);
	if (blocks <= LIST_BLOCKS && blocks != area->nr_free)
		find("length", zone->zone_start_pfn, order, blocks,
		     (long)(area->nr_free - blocks));
	note_hold(since);
	spin_unlock_irqrestore(&zone->lock, flags);
}

static void check_listed(struct page *page, unsigned int order)
{
	unsigned long pfn = page_to_pfn(page), first = pfn % DUALBM_CHUNK_FRAMES;
	unsigned long *planes = dualbm_planes_at(pfn);

	if (page_ref_count(page) && !PageHWPoison(page))
		find("refcount", pfn, order, 1, page_ref_count(page));
	if (planes && dualbm_mode_now() == DUALBM_TRACKING &&
	    dualbm_planes_code(planes, first) == DUALBM_CODE_ALLOCATED) {
		find("state", pfn, order, 1, DUALBM_CODE_ALLOCATED);
		/* As in check_word(). */
		preempt_disable();
		dualbm_forget_range(pfn, 1);
		preempt_enable();
	}
}

/* The caller holds the lock of the lists, with interrupts disabled. */
static void audit_cpu_lists(struct per_cpu_pages *pcp)
{
	unsigned long blocks = 0;
	unsigned int index;
	long pages = 0;

	for (index = 0; index < DUALBM_PCP_LISTS; index++) {
		unsigned int order = dualbm_pcp_order(index);
		struct list_head *list = &pcp->lists[index], *entry;

		for (entry = READ_ONCE(list->next); entry != list;
		     entry = READ_ONCE(entry->next)) {
			struct page *page = page_of_entry(entry);

			if (!page) {
				find("links", 0, order, 1, index);
				return;
			}
			if (++blocks > CPU_BLOCKS)
				return;
			check_listed(page, order);
			pages += BIT(order);
		}
	}
	if (pages != READ_ONCE(pcp->count))
		find("length", 0, 0, pages, READ_ONCE(pcp->count) - pages);
}

static void audit_pcp(struct zone *zone, int cpu)
{
	unsigned int before = nr_findings;
	struct per_cpu_pages *pcp;
	unsigned long flags;

	if (!cpu_possible(cpu) || dualbm_memory_leaving)
		return;
	pcp = dualbm_pcp(zone, cpu);
	rcu_read_lock();
	local_irq_save(flags);
	/* One that is in use now is audited in the next round. */
	if (dualbm_pcp_trylock(pcp, cpu)) {
		audit_cpu_lists(pcp);
		dualbm_pcp_unlock(pcp);
	}
	local_irq_restore(flags);
	rcu_read_unlock();
	for (; before < nr_findings; before++)
		findings[before].proof = DUALBM_PROOF_PCP;
}

unsigned int dualbm_audit_lists(struct zone *zone, unsigned int step)
{
	lockdep_assert_held(&dualbm_memory_lock);
	if (step <= DUALBM_MAX_ORDER)
		audit_free_lists(zone, step);
	else
		audit_pcp(zone, step - DUALBM_MAX_ORDER - 1);
	return report_findings();
}
