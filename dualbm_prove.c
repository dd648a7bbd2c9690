// SPDX-License-Identifier: GPL-2.0-only
/*
 * The witnesses: what the allocator itself says about a frame.
 *
 * A mismatch only makes dualbm look here. An owned frame never lies in a buddy
 * block or on a per-CPU list, and the event that frees a frame comes before it
 * is put there; so a frame found there while its owner is just freeing it was
 * free already. That holds whatever the planes say and whatever was lost.
 */
#include <linux/bitmap.h>
#include <linux/irqflags.h>
#include <linux/ktime.h>
#include <linux/preempt.h>

#include "dualbm.h"
#include "dualbm_chunks.h"
#include "dualbm_prove.h"
#include "dualbm_violation.h"

/*
 * How long locks are tried that may not be waited for. They are held for microseconds,
 * but a holder that this very context has interrupted never lets go, so there is an
 * end: an early one where nobody else gets this CPU meanwhile.
 */
#define TRIES_NS	(500 * NSEC_PER_MSEC)
#define SHORT_TRIES_NS	(20 * NSEC_PER_MSEC)
/* From another CPU's free event until the block is on its list. */
#define INSERTION_NS	(2 * NSEC_PER_MSEC)
/* How many blocks of an order are looked for at load. */
#define PCP_TRIES	8U

/**
 * struct look - a proof under way
 * @pfn: the frame that is looked for
 * @zone: its zone
 * @may_wait: for zone->lock; else it is tried
 * @irqs_on: interrupts were enabled when it began, and are between two steps
 * @missed: there is a lock that could not be had this time
 * @run: how many frames from @pfn on are recorded free
 * @began: when it began
 * @quiet: when @run last grew
 * @end: when locks are tried no more
 *
 * Times are of ktime_get_mono_fast_ns().
 */
struct look {
	unsigned long pfn;
	struct zone *zone;
	bool may_wait;
	bool irqs_on;
	bool missed;
	unsigned long run;
	u64 began;
	u64 quiet;
	u64 end;
};

static atomic64_t irqs_off_max = ATOMIC64_INIT(0);

u64 dualbm_prove_max_ns(void)
{
	return atomic64_read(&irqs_off_max);
}

/* Interrupts were disabled by a proof, since then. */
static void note_irqs_off(u64 since)
{
	s64 ns = ktime_get_mono_fast_ns() - since, max = atomic64_read(&irqs_off_max);

	while (ns > max && !atomic64_try_cmpxchg(&irqs_off_max, &max, ns))
		;
}

/* Mirrors page_zone(), include/linux/mm.h, but for flags that a wild write has hit. */
struct zone *dualbm_zone_of(const struct page *page)
{
	unsigned int nid, index;

	if (!page)
		return NULL;
	nid = page_to_nid(page);
	index = page_zonenum(page);
	if (nid >= MAX_NUMNODES || !node_online(nid) || index >= MAX_NR_ZONES)
		return NULL;
	return &NODE_DATA(nid)->node_zones[index];
}

/* Mirrors is_free_buddy_page(), mm/page_alloc.c, with the zone checked too. */
bool dualbm_buddy_covers(struct zone *zone, unsigned long pfn)
{
	unsigned int order;

	for (order = 0; order <= DUALBM_MAX_ORDER; order++) {
		struct page *head = pfn_to_online_page(pfn & ~((1UL << order) - 1));

		if (head && page_zone(head) == zone && PageBuddy(head) &&
		    page_private(head) >= order &&
		    page_private(head) <= DUALBM_MAX_ORDER)
			return true;
	}
	return false;
}

/* Mirrors pindex_to_order(), mm/page_alloc.c. */
unsigned int dualbm_pcp_order(unsigned int index)
{
	if (index >= DUALBM_PCP_LOW_LISTS)
		return pageblock_order;
	return index / MIGRATE_PCPTYPES;
}

static bool pcp_covers(struct per_cpu_pages *pcp, unsigned long pfn)
{
	unsigned int index;

	for (index = 0; index < DUALBM_PCP_LISTS; index++) {
		unsigned long frames = 1UL << dualbm_pcp_order(index);
		struct page *page;
		int left = READ_ONCE(pcp->count) + 1;

		list_for_each_entry(page, &pcp->lists[index], lru) {
			if (pfn - page_to_pfn(page) < frames)
				return true;
			/* A broken list may have no end. */
			if (!left--)
				break;
		}
	}
	return false;
}

/*
 * Of one CPU's lists. Nobody waits for their lock: who allocates or frees only tries it
 * and goes to the zone, so that it is never far from being free.
 */
static bool pcp_locked_covers(struct look *look, struct per_cpu_pages *pcp, int cpu)
{
	bool covers = false, off = DUALBM_PCP_NEEDS_IRQS_OFF && look->irqs_on;
	unsigned long flags = 0;
	u64 since = ktime_get_mono_fast_ns();

	if (off)
		local_irq_save(flags);
	if (dualbm_pcp_trylock(pcp, cpu)) {
		covers = pcp_covers(pcp, look->pfn);
		dualbm_pcp_unlock(pcp);
	} else if (DUALBM_PCP_OF_OTHERS &&
		   (cpu != raw_smp_processor_id() || since - look->began <= INSERTION_NS)) {
		/* This CPU's may be held by what this context has interrupted. */
		look->missed = true;
	}
	if (off) {
		local_irq_restore(flags);
		note_irqs_off(since);
	}
	return covers;
}

static bool pcp_lists_cover(struct look *look)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		struct per_cpu_pages *pcp = dualbm_pcp(look->zone, cpu);

		if (READ_ONCE(pcp->count) && pcp_locked_covers(look, pcp, cpu))
			return true;
	}
	return false;
}

/*
 * A lock that others queue for never looks free to who tries it. So who may wait
 * queues as well, for as long as the allocator itself would.
 */
static bool zone_locked_covers(struct look *look)
{
	struct zone *zone = look->zone;
	u64 since = ktime_get_mono_fast_ns();
	unsigned long flags;
	bool covers;

	if (look->may_wait) {
		spin_lock_irqsave(&zone->lock, flags);
	} else if (!spin_trylock_irqsave(&zone->lock, flags)) {
		look->missed = true;
		return false;
	}
	covers = dualbm_buddy_covers(zone, look->pfn);
	spin_unlock_irqrestore(&zone->lock, flags);
	if (look->irqs_on)
		note_irqs_off(since);
	return covers;
}

static enum dualbm_proof lists_cover(struct look *look)
{
	look->missed = false;
	if (zone_locked_covers(look))
		return DUALBM_PROOF_BUDDY;
	if (pcp_lists_cover(look))
		return DUALBM_PROOF_PCP;
	return DUALBM_UNPROVEN;
}

/* How many frames from @pfn on are recorded free, to the end of its chunk. */
static unsigned long free_run(unsigned long pfn)
{
	unsigned long first = pfn % DUALBM_CHUNK_FRAMES;
	unsigned long *planes = dualbm_planes_at(pfn);

	if (!planes)
		return 0;
	return find_next_zero_bit(dualbm_plane(planes, DUALBM_SECONDARY),
				  DUALBM_CHUNK_FRAMES, first) - first;
}

/*
 * Two CPUs that free a block at once: the first one's event has come, and the
 * block is on its way to a list. What this event frees is not, until it returns,
 * so to look again is as good a proof.
 *
 * __free_contig_range_common() (7.2 and later) has the events of up to a section, in
 * the order of its frames, before it inserts the first of them. While such a batch is
 * under way, the run of free frames that this one lies in grows; the time for its
 * insertion begins when that ends.
 */
static bool look_again(struct look *look)
{
	unsigned long run = free_run(look->pfn);
	u64 now;

	cpu_relax();
	now = ktime_get_mono_fast_ns();
	if (run > look->run)
		look->quiet = now;
	look->run = run;
	return now <= look->end && (look->missed || now - look->quiet <= INSERTION_NS);
}

enum dualbm_proof dualbm_prove_free(unsigned long pfn, bool may_wait)
{
	struct page *page = pfn_to_online_page(pfn);
	struct look look = {
		.pfn = pfn,
		.zone = dualbm_zone_of(page),
		.may_wait = may_wait,
		.irqs_on = !irqs_disabled(),
		.run = free_run(pfn),
		.began = ktime_get_mono_fast_ns(),
	};
	enum dualbm_proof proof;

	if (!look.zone)
		return DUALBM_UNPROVEN;
	dualbm_count(DUALBM_STAT_PROOFS);
	look.quiet = look.began;
	look.end = look.began + (may_wait && look.irqs_on ? TRIES_NS : SHORT_TRIES_NS);
	do {
		proof = lists_cover(&look);
	} while (proof == DUALBM_UNPROVEN && look_again(&look));
	if (!look.irqs_on)
		note_irqs_off(look.began);
	return proof;
}

/*
 * At its alloc event a page that was free bears no mark: free_pages_prepare()
 * took them off. Marks on a single page are those of an owner who still has it.
 */
static bool owner_left_marks(const struct dualbm_violation *v)
{
	struct page *page = pfn_to_online_page(v->first);

	if (!page || v->order || PageCompound(page))
		return false;
	return PageLRU(page) || READ_ONCE(page->mapping) ||
	       atomic_read(&page->_mapcount) != -1;
}

/*
 * Marks that an owner sets when the allocator has returned the page to it, and
 * takes off before it gives the page back.
 */
static bool owner_has_marks(const struct page *page, const struct page *head)
{
	return PageLRU((struct page *)head) || PageSlab((struct page *)head) ||
	       PageReserved((struct page *)page) || dualbm_page_is_frozen(head);
}

unsigned int dualbm_prove_witness(unsigned long pfn, enum dualbm_witness *witness)
{
	struct page *page = pfn_to_online_page(pfn), *head;
	struct zone *zone;
	bool covered;

	*witness = DUALBM_NO_WITNESS;
	zone = dualbm_zone_of(page);
	if (!zone || !spin_trylock(&zone->lock))
		return 0;
	covered = dualbm_buddy_covers(zone, pfn);
	spin_unlock(&zone->lock);
	if (covered) {
		*witness = DUALBM_WITNESS_BUDDY;
		return DUALBM_CODE_FREE;
	}
	head = compound_head(page);
	if (owner_has_marks(page, head)) {
		*witness = DUALBM_WITNESS_OWNER;
		return DUALBM_CODE_ALLOCATED;
	}
	/* Of a block that is no compound page only the first frame has a count. */
	if (page_ref_count(head) <= 0)
		return 0;
	*witness = DUALBM_WITNESS_COUNT;
	return DUALBM_CODE_ALLOCATED;
}

static enum dualbm_proof prove_either_end(const struct dualbm_violation *v)
{
	bool may_wait = dualbm_event_may_wait();
	enum dualbm_proof proof = dualbm_prove_free(v->first, may_wait);

	if (proof == DUALBM_UNPROVEN && v->last != v->first)
		proof = dualbm_prove_free(v->last, may_wait);
	return proof;
}

enum dualbm_proof dualbm_prove(const struct dualbm_violation *v)
{
	enum dualbm_proof proof;
	struct page *page;

	switch (v->class) {
	case DUALBM_DOUBLE_FREE:
	case DUALBM_BOUNDARY_DOUBLE_FREE:
		return prove_either_end(v);
	case DUALBM_DOUBLE_ALLOC:
		proof = prove_either_end(v);
		if (proof != DUALBM_UNPROVEN)
			return proof;
		return owner_left_marks(v) ? DUALBM_PROOF_OWNER : DUALBM_UNPROVEN;
	case DUALBM_ALLOCATOR_CORRUPTION:
		/* The event came with zone->lock held. */
		page = pfn_to_online_page(v->first);
		if (!page)
			return DUALBM_UNPROVEN;
		lockdep_assert_held(&page_zone(page)->lock);
		return dualbm_buddy_covers(page_zone(page), v->first) ?
		       DUALBM_PROOF_BUDDY : DUALBM_UNPROVEN;
	case DUALBM_PLANE_CORRUPTION:
		return v->proof == DUALBM_PROOF_STOPPED ? v->proof : DUALBM_PROOF_PLANES;
	case DUALBM_DIRECTORY_CORRUPTION:
		return DUALBM_PROOF_DIRECTORY;
	default:
		return DUALBM_UNPROVEN;
	}
}

bool dualbm_prove_is_partial(const struct dualbm_violation *v)
{
	return !DUALBM_PCP_OF_OTHERS &&
	       (v->proof == DUALBM_UNPROVEN || v->proof == DUALBM_PROOF_OWNER ||
		v->proof == DUALBM_PROOF_RECORD) &&
	       (v->class == DUALBM_DOUBLE_FREE || v->class == DUALBM_DOUBLE_ALLOC);
}

/* The first block of the largest order that a zone has free, or NULL. */
static struct page *some_free_block(struct zone *zone, unsigned int *order)
{
	int at, type;

	for (at = DUALBM_MAX_ORDER; at >= 0; at--)
		for (type = 0; type < MIGRATE_TYPES; type++) {
			struct list_head *list = &zone->free_area[at].free_list[type];

			*order = at;
			if (!list_empty(list))
				return list_first_entry(list, struct page, lru);
		}
	return NULL;
}

static bool zone_has_witness(struct zone *zone)
{
	unsigned int order;
	struct page *page;
	bool good = true;

	spin_lock_irq(&zone->lock);
	page = some_free_block(zone, &order);
	if (page)
		good = page_zone(page) == zone && PageBuddy(page) &&
		       page_private(page) == order && !page_ref_count(page) &&
		       dualbm_buddy_covers(zone, page_to_pfn(page)) &&
		       dualbm_buddy_covers(zone, page_to_pfn(page) + BIT(order) - 1);
	spin_unlock_irq(&zone->lock);
	return good;
}

/* A block by its first page, and on which of a CPU's lists it is: -1 if on none. */
static struct {
	const struct page *page;
	int index;
} looked_for;

static void look_for_page(void *lists)
{
	const struct per_cpu_pages *pcp = lists;
	const struct page *entry;
	int index;

	for (index = 0; index < DUALBM_PCP_LISTS; index++)
		list_for_each_entry(entry, &pcp->lists[index], lru)
			if (entry == looked_for.page)
				looked_for.index = index;
}

/*
 * A block that was just freed is on a list of its CPU, mostly, and its order is that of the list.
 * Where it is not found nothing is known; where it is found on another list once, somebody may have
 * had it in between.
 */
static bool pcp_has_order(unsigned int order)
{
	unsigned int tries, wrong = 0;

	for (tries = 0; tries < PCP_TRIES; tries++) {
		struct page *page = alloc_pages(GFP_KERNEL | __GFP_NOWARN, order);
		struct zone *zone;

		if (!page)
			return true;
		zone = page_zone(page);
		looked_for.page = page;
		looked_for.index = -1;
		migrate_disable();
		__free_pages(page, order);
		dualbm_pcp_call(zone, raw_smp_processor_id(), look_for_page);
		migrate_enable();
		if (looked_for.index < 0)
			continue;
		if (dualbm_pcp_order(looked_for.index) == order)
			return true;
		wrong++;
	}
	return wrong <= PCP_TRIES / 2;
}

int dualbm_prove_check(void)
{
	unsigned int order;
	int nid, index;

	for (order = 0; order <= PAGE_ALLOC_COSTLY_ORDER; order++) {
		if (pcp_has_order(order))
			continue;
		pr_err("blocks of order %u are not on the lists of a CPU where they are expected; not loaded\n",
		       order);
		return -EOPNOTSUPP;
	}
	for_each_online_node(nid)
		for (index = 0; index < MAX_NR_ZONES; index++) {
			struct zone *zone = &NODE_DATA(nid)->node_zones[index];

			if (!populated_zone(zone) || zone_has_witness(zone))
				continue;
			pr_err("free blocks of node %d, zone %s are not laid out as expected; not loaded\n",
			       nid, zone->name);
			return -EOPNOTSUPP;
		}
	return 0;
}
