// SPDX-License-Identifier: GPL-2.0-only
/*
 * On which nodes copies lie: pages of planes and of the directory, each copy away
 * from the others.
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
#include "dualbm_memory.h"

/* The nearest node with memory to @from that is not in @avoid. */
static int nearest_node(int from, const nodemask_t *avoid)
{
	int node, best = NUMA_NO_NODE;

	for_each_node_state(node, N_MEMORY) {
		if (node_isset(node, *avoid))
			continue;
		if (best == NUMA_NO_NODE ||
		    node_distance(from, node) < node_distance(from, best))
			best = node;
	}
	return best;
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

/*
 * One page of a block of @order, the first or the last one, whichever lies
 * farther from @other; the rest of the block goes back.
 */
static struct page *page_of_block(struct page *other, int node, gfp_t gfp,
				  unsigned int order)
{
	struct page *block = alloc_pages_node(node, gfp | __GFP_NOWARN | __GFP_NORETRY, order);
	unsigned long i, last = BIT(order) - 1, kept;

	if (!block)
		return NULL;
	split_page(block, order);
	kept = pfn_gap(block, other) > pfn_gap(block + last, other) ? 0 : last;
	for (i = 0; i <= last; i++)
		if (i != kept)
			__free_page(block + i);
	return block + kept;
}

/*
 * Of one node's pages, one that lies far from @other. Single pages come from
 * where the last ones came from; large blocks, and low memory, lie elsewhere.
 */
static struct page *page_far_from(struct page *other, int node)
{
	static const unsigned int orders[] = { 0, 6, 9, DUALBM_MAX_ORDER };
	struct page *best = NULL, *page;
	int i;

	for (i = 0; i < 2 * ARRAY_SIZE(orders); i++) {
		page = page_of_block(other, node, i % 2 ? GFP_KERNEL | GFP_DMA32 : GFP_KERNEL,
				     orders[i / 2]);
		if (!page)
			continue;
		if (best && pfn_gap(page, other) <= pfn_gap(best, other)) {
			__free_page(page);
			continue;
		}
		if (best)
			__free_page(best);
		best = page;
	}
	return best;
}

void *dualbm_copies_map(int node, int copies, int pages_each)
{
	int nr = copies * pages_each;
	struct page **pages;
	void *address;
	int i;

	pages = kvcalloc(nr, sizeof(*pages), GFP_KERNEL);
	if (!pages)
		return NULL;
	for (i = 0; i < pages_each; i++) {
		nodemask_t avoid = NODE_MASK_NONE;
		struct page **first = &pages[i], **second = &pages[pages_each + i];

		*first = page_away_from(node, &avoid);
		if (!*first)
			goto free_pages;
		node_set(page_to_nid(*first), avoid);
		if (num_node_state(N_MEMORY) > 1)
			*second = page_away_from(node, &avoid);
		else
			*second = page_far_from(*first, node);
		if (!*second)
			goto free_pages;
		if (copies < DUALBM_NR_PLANES)
			continue;
		node_set(page_to_nid(*second), avoid);
		if (nearest_node(node, &avoid) == NUMA_NO_NODE)
			nodes_clear(avoid);
		pages[2 * pages_each + i] = page_away_from(node, &avoid);
		if (!pages[2 * pages_each + i])
			goto free_pages;
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
