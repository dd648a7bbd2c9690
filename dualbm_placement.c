// SPDX-License-Identifier: GPL-2.0-only
/*
 * On which nodes copies lie: pages of planes, each copy away from the others.
 *
 * The pages are taken from the node they shall be on, and mapped in a row into
 * vmalloc space: unlike vmalloc_node(), which may take pages of any node when the
 * wanted one is short, this fails visibly and tries the next best node. vfree()
 * gives them back.
 */
#include <linux/mm.h>
#include <linux/nodemask.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "dualbm.h"
#include "dualbm_nearest.h"
#include "dualbm_placement.h"

/*
 * Neighbouring rows of a bank lie as far apart in physical addresses as one row of
 * each bank, rank and channel takes, some MiB. Frames that are so far apart share
 * neither a row nor neighbours with each other, and nothing is gained by more.
 */
#define FAR_ENOUGH	((256UL << 20) >> PAGE_SHIFT)

struct search {
	int from;
	const nodemask_t *avoid;
};

static int distance(int node, const void *context)
{
	const struct search *search = context;

	return node_state(node, N_MEMORY) && !node_isset(node, *search->avoid) ?
		node_distance(search->from, node) : 0;
}

/* The nearest node with memory to @from that is not in @avoid, or NUMA_NO_NODE. */
static int nearest_node(int from, const nodemask_t *avoid)
{
	struct search search = { .from = from, .avoid = avoid };

	BUILD_BUG_ON(NUMA_NO_NODE != -1);
	return dualbm_nearest_node(nr_node_ids, distance, &search);
}

/*
 * A page on the best node for it: @wanted if that is not in @avoid, else the
 * nearest that is not; when there is none, or none has memory, any node.
 */
static struct page *page_away_from(int wanted, const nodemask_t *avoid)
{
	nodemask_t tried = *avoid;
	struct page *page;
	int node;

	while ((node = nearest_node(wanted, &tried)) != NUMA_NO_NODE) {
		page = alloc_pages_node(node, GFP_KERNEL | __GFP_THISNODE |
					__GFP_NOWARN | __GFP_NORETRY, 0);
		if (page)
			return page;
		node_set(node, tried);
	}
	return alloc_pages_node(wanted, GFP_KERNEL, 0);
}

static unsigned long pfn_gap(struct page *a, struct page *b)
{
	unsigned long x = page_to_pfn(a), y = page_to_pfn(b);

	return x > y ? x - y : y - x;
}

/* From the nearest of the copies that are there already, and on the same node. */
static unsigned long least_gap(struct page *page, struct page **others, int nr)
{
	unsigned long gap = ULONG_MAX;
	int i;

	for (i = 0; i < nr; i++)
		if (page_to_nid(others[i]) == page_to_nid(page))
			gap = min(gap, pfn_gap(page, others[i]));
	return gap;
}

/*
 * One page of a block of @order, the first or the last one, whichever lies
 * farther from the others; the rest of the block goes back.
 */
static struct page *page_of_block(struct page **others, int nr, int node, gfp_t gfp,
				  unsigned int order)
{
	struct page *block = alloc_pages_node(node, gfp | __GFP_THISNODE | __GFP_NOWARN |
					      __GFP_NORETRY, order);
	unsigned long i, last = BIT(order) - 1, kept;

	if (!block)
		return NULL;
	split_page(block, order);
	kept = least_gap(block, others, nr) > least_gap(block + last, others, nr) ? 0 : last;
	for (i = 0; i <= last; i++)
		if (i != kept)
			__free_page(block + i);
	return block + kept;
}

/*
 * Of one node's pages, one that lies far from the copies that are there. Single
 * pages come from where the last ones came from; large blocks, and low memory, lie
 * elsewhere.
 */
static struct page *page_far_from(struct page **others, int nr, int node)
{
	static const unsigned int orders[] = { 0, 6, 9, DUALBM_MAX_ORDER };
	struct page *tried[2 * ARRAY_SIZE(orders)], *best = NULL;
	int i, tries = 0;

	for (i = 0; i < ARRAY_SIZE(tried); i++) {
		struct page *page = page_of_block(others, nr, node,
						  i % 2 ? GFP_KERNEL | GFP_DMA32 : GFP_KERNEL,
						  orders[i / 2]);

		if (!page)
			continue;
		/* Kept until the end, or the next try would be given the same. */
		tried[tries++] = page;
		if (!best || least_gap(page, others, nr) > least_gap(best, others, nr))
			best = page;
		if (least_gap(best, others, nr) >= FAR_ENOUGH)
			break;
	}
	while (tries--)
		if (tried[tries] != best)
			__free_page(tried[tries]);
	return best;
}

/* The node for one more copy: the nearest that has none of them, or else that of another. */
static int node_for_copy(int node, struct page **others, int nr)
{
	nodemask_t avoid = NODE_MASK_NONE;
	int i, best;

	for (i = 0; i < nr; i++)
		node_set(page_to_nid(others[i]), avoid);
	best = nearest_node(node, &avoid);
	if (best != NUMA_NO_NODE)
		return best;
	return page_to_nid(others[dualbm_copy_beside(nr)]);
}

static struct page *page_for_copy(int node, struct page **others, int nr)
{
	nodemask_t avoid = NODE_MASK_NONE;
	struct page *page;

	if (nr) {
		page = page_far_from(others, nr, node_for_copy(node, others, nr));
		if (page)
			return page;
	}
	/* That node is full: any but the one of the copy that this one is to make up for. */
	if (nr % 2)
		node_set(page_to_nid(others[nr - 1]), avoid);
	return page_away_from(node, &avoid);
}

void *dualbm_copies_map(int node, int copies, int pages_each)
{
	int nr = copies * pages_each;
	struct page **pages;
	void *address;
	int i, copy;

	pages = kvcalloc(nr, sizeof(*pages), GFP_KERNEL);
	if (!pages)
		return NULL;
	for (i = 0; i < pages_each; i++) {
		struct page *page[DUALBM_NR_PLANES];

		for (copy = 0; copy < copies; copy++) {
			page[copy] = page_for_copy(node, page, copy);
			if (!page[copy])
				goto free_pages;
			pages[copy * pages_each + i] = page[copy];
		}
	}
	address = vmap(pages, nr, VM_MAP | VM_MAP_PUT_PAGES, PAGE_KERNEL);
	if (address)
		return address;
free_pages:
	for (i = 0; i < nr; i++)
		if (pages[i])
			__free_page(pages[i]);
	kvfree(pages);
	return NULL;
}

phys_addr_t dualbm_mapped_phys(const void *address)
{
	return PFN_PHYS(vmalloc_to_pfn(address)) + offset_in_page(address);
}
