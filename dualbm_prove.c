// SPDX-License-Identifier: GPL-2.0-only
/*
 * The witnesses: what the allocator itself says about a frame.
 *
 * A mismatch only makes dualbm look here. An owned frame never lies in a buddy
 * block or on a per-CPU list, and the event that frees a frame comes before it
 * is put there; so a frame found there while its owner is just freeing it was
 * free already. That holds whatever the planes say and whatever was lost.
 */
#include <linux/ktime.h>

#include "dualbm.h"
#include "dualbm_report.h"

/*
 * The locks are held for microseconds. A holder that this very context has
 * interrupted never lets go, so the wait has an end.
 */
#define ZONE_LOCK_NS	(500 * NSEC_PER_MSEC)
#define PCP_LOCK_NS	(20 * NSEC_PER_MSEC)
/* From another CPU's free event until the block is on its list. */
#define INSERTION_NS	(2 * NSEC_PER_MSEC)

/* Between two tries; false when @end has passed. */
static bool wait_until(u64 end)
{
	cpu_relax();
	return ktime_get_mono_fast_ns() <= end;
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

static bool pcp_locked_covers(struct per_cpu_pages *pcp, int cpu, unsigned long pfn)
{
	u64 end = ktime_get_mono_fast_ns() + PCP_LOCK_NS;
	bool covers;

	while (!dualbm_pcp_trylock(pcp, cpu))
		if (!wait_until(end))
			return false;
	covers = pcp_covers(pcp, pfn);
	dualbm_pcp_unlock(pcp);
	return covers;
}

static bool pcp_lists_cover(struct zone *zone, unsigned long pfn)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		struct per_cpu_pages *pcp = dualbm_pcp(zone, cpu);

		if (READ_ONCE(pcp->count) && pcp_locked_covers(pcp, cpu, pfn))
			return true;
	}
	return false;
}

static bool zone_locked_covers(struct zone *zone, unsigned long pfn)
{
	u64 end = ktime_get_mono_fast_ns() + ZONE_LOCK_NS;
	bool covers;

	while (!spin_trylock(&zone->lock))
		if (!wait_until(end))
			return false;
	covers = dualbm_buddy_covers(zone, pfn);
	spin_unlock(&zone->lock);
	return covers;
}

static enum dualbm_proof lists_cover(struct zone *zone, unsigned long pfn)
{
	enum dualbm_proof proof = DUALBM_UNPROVEN;
	unsigned long flags;

	local_irq_save(flags);
	if (zone_locked_covers(zone, pfn))
		proof = DUALBM_PROOF_BUDDY;
	else if (pcp_lists_cover(zone, pfn))
		proof = DUALBM_PROOF_PCP;
	local_irq_restore(flags);
	return proof;
}

/*
 * Two CPUs that free a block at once: the first one's event has come, and the
 * block is on its way to a list. What this event frees is not, until it returns,
 * so to look again is as good a proof.
 */
enum dualbm_proof dualbm_prove_free(unsigned long pfn)
{
	struct page *page = pfn_to_online_page(pfn);
	struct zone *zone = dualbm_zone_of(page);
	u64 end = ktime_get_mono_fast_ns() + INSERTION_NS;
	enum dualbm_proof proof;

	if (!zone)
		return DUALBM_UNPROVEN;
	do {
		proof = lists_cover(zone, pfn);
	} while (proof == DUALBM_UNPROVEN && wait_until(end));
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
	enum dualbm_proof proof = dualbm_prove_free(v->first);

	if (proof == DUALBM_UNPROVEN && v->last != v->first)
		proof = dualbm_prove_free(v->last);
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
		if (page && dualbm_buddy_covers(page_zone(page), v->first))
			return DUALBM_PROOF_BUDDY;
		return DUALBM_UNPROVEN;
	case DUALBM_PLANE_CORRUPTION:
		return v->proof == DUALBM_PROOF_STOPPED ? v->proof : DUALBM_PROOF_PLANES;
	case DUALBM_DIRECTORY_CORRUPTION:
		return DUALBM_PROOF_DIRECTORY;
	default:
		return DUALBM_UNPROVEN;
	}
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

int dualbm_prove_check(void)
{
	int nid, index;

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
