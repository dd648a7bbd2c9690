// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where the planes live: a chunk for each memory section that is online, and
 * the directory that finds it.
 *
 * The pages of each plane are taken from the node they shall be on, and mapped
 * in a row into vmalloc space: unlike vmalloc_node(), which may take pages of
 * any node when the wanted one is short, this fails visibly and tries the next
 * best node. vfree() gives them back.
 */
#include <linux/memory.h>
#include <linux/memory_hotplug.h>
#include <linux/seqlock.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "dualbm.h"
#include "dualbm_hooks.h"

#define PLANE_PAGES	DIV_ROUND_UP(DUALBM_PLANE_BYTES, PAGE_SIZE)
#define CHUNK_PAGES	(DUALBM_NR_PLANES * PLANE_PAGES)

struct dualbm_directory dualbm_directory __ro_after_init;
/* Guards the list of chunks: the notifier changes it, sweeps walk it. */
DEFINE_MUTEX(dualbm_memory_lock);
LIST_HEAD(dualbm_chunks);

/* Odd while an entry is stored: its two copies disagree for a moment. */
static seqcount_t directory_stores = SEQCNT_ZERO(directory_stores);
static unsigned long *empty_leaf;
static u64 directory_bytes;

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

/*
 * Two copies of something, one page each, on different nodes if there are two,
 * mapped in a row. @copies is 2 or 3: the planes have a third, which goes to a
 * third node or beside the first.
 */
static void *map_copies(int node, int copies, int pages_each)
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

static unsigned long *directory_leaf(unsigned long leaf)
{
	return (unsigned long *)READ_ONCE(dualbm_directory.root[0][leaf]);
}

static void directory_store(unsigned long *slot, unsigned long *complement,
			    const void *value)
{
	preempt_disable();
	raw_write_seqcount_begin(&directory_stores);
	WRITE_ONCE(*slot, (unsigned long)value);
	WRITE_ONCE(*complement, ~(unsigned long)value);
	raw_write_seqcount_end(&directory_stores);
	preempt_enable();
}

bool dualbm_directory_confirm(unsigned long pfn)
{
	unsigned int seq = raw_read_seqcount(&directory_stores);
	unsigned long *planes = dualbm_lookup(pfn);

	return !(seq & 1) && !read_seqcount_retry(&directory_stores, seq) &&
	       planes == DUALBM_LOOKUP_CORRUPT;
}

static void leaf_init(unsigned long *leaf)
{
	memset(leaf, 0, PAGE_SIZE);
	memset(leaf + DUALBM_LEAF_ENTRIES, 0xff, PAGE_SIZE);
}

/* Make the directory find @planes, or nothing, at a chunk's first frame. */
static int directory_set(unsigned long start_pfn, int node, unsigned long *planes)
{
	unsigned long section = start_pfn >> DUALBM_CHUNK_SHIFT;
	unsigned long index = section >> DUALBM_LEAF_SHIFT;
	unsigned long *leaf;

	if (index >= dualbm_directory.leaves)
		return -ERANGE;
	leaf = directory_leaf(index);
	if (leaf == empty_leaf) {
		leaf = map_copies(node, 2, 1);
		if (!leaf)
			return -ENOMEM;
		leaf_init(leaf);
		directory_bytes += 2 * PAGE_SIZE;
		/* A reader that finds the leaf finds it filled in. */
		smp_wmb();
		directory_store(&dualbm_directory.root[0][index],
				&dualbm_directory.root[1][index], leaf);
	}
	leaf += section % DUALBM_LEAF_ENTRIES;
	directory_store(leaf, leaf + DUALBM_LEAF_ENTRIES, planes);
	return 0;
}

static int __init directory_init(void)
{
	size_t bytes;
	unsigned long i;

	dualbm_directory.leaves = DIV_ROUND_UP(1UL << (MAX_PHYSMEM_BITS - SECTION_SIZE_BITS),
					       DUALBM_LEAF_ENTRIES);
	bytes = dualbm_directory.leaves * sizeof(long);
	empty_leaf = map_copies(first_memory_node, 2, 1);
	dualbm_directory.root[0] = map_copies(first_memory_node, 2,
					      DIV_ROUND_UP(bytes, PAGE_SIZE));
	if (!empty_leaf || !dualbm_directory.root[0]) {
		pr_err("not enough memory for the directory: %zu KiB needed\n",
		       (2 * PAGE_ALIGN(bytes) + 2 * PAGE_SIZE) / 1024);
		return -ENOMEM;
	}
	dualbm_directory.root[1] = dualbm_directory.root[0] +
				   PAGE_ALIGN(bytes) / sizeof(long);
	leaf_init(empty_leaf);
	for (i = 0; i < dualbm_directory.leaves; i++)
		directory_store(&dualbm_directory.root[0][i],
				&dualbm_directory.root[1][i], empty_leaf);
	directory_bytes = 2 * PAGE_ALIGN(bytes) + 2 * PAGE_SIZE;
	return 0;
}

static void directory_exit(void)
{
	unsigned long i;

	for (i = 0; dualbm_directory.root[1] && i < dualbm_directory.leaves; i++)
		if (directory_leaf(i) != empty_leaf)
			vfree(directory_leaf(i));
	vfree(dualbm_directory.root[0]);
	vfree(empty_leaf);
}

static struct dualbm_chunk *chunk_find(unsigned long start_pfn)
{
	struct dualbm_chunk *chunk;

	/* Spares the walk where there is none, that is for all memory at load. */
	if (!dualbm_lookup(start_pfn))
		return NULL;
	list_for_each_entry(chunk, &dualbm_chunks, list)
		if (chunk->start_pfn == start_pfn)
			return chunk;
	return NULL;
}

static void chunk_insert(struct dualbm_chunk *new)
{
	struct dualbm_chunk *chunk;

	list_for_each_entry_reverse(chunk, &dualbm_chunks, list)
		if (chunk->start_pfn < new->start_pfn)
			break;
	list_add(&new->list, &chunk->list);
}

/* The chunk at @start_pfn, all of it untracked; made if there is none. */
static int chunk_create(unsigned long start_pfn, int node, u64 present)
{
	struct dualbm_chunk *chunk = chunk_find(start_pfn);
	int ret;

	if (chunk) {
		/* Whoever stops all CPUs finds no update half done. */
		preempt_disable();
		dualbm_planes_forget(chunk->planes, 0, DUALBM_CHUNK_FRAMES);
		preempt_enable();
		chunk->present |= present;
		return 0;
	}
	chunk = kzalloc(sizeof(*chunk), GFP_KERNEL);
	if (!chunk)
		return -ENOMEM;
	chunk->start_pfn = start_pfn;
	chunk->node = node;
	chunk->present = present;
	chunk->planes = map_copies(node, DUALBM_NR_PLANES, PLANE_PAGES);
	if (!chunk->planes) {
		ret = -ENOMEM;
		goto free_chunk;
	}
	memset(dualbm_plane(chunk->planes, DUALBM_PRIMARY), 0, DUALBM_PLANE_BYTES);
	memset(dualbm_plane(chunk->planes, DUALBM_SECONDARY), 0, DUALBM_PLANE_BYTES);
	memset(dualbm_plane(chunk->planes, DUALBM_UNTRACKED), 0xff, DUALBM_PLANE_BYTES);
	/* Whoever finds the planes finds them filled in. */
	smp_wmb();
	ret = directory_set(start_pfn, node, chunk->planes);
	if (ret)
		goto free_planes;
	chunk_insert(chunk);
	return 0;

free_planes:
	vfree(chunk->planes);
free_chunk:
	kfree(chunk);
	return ret;
}

/* The subsections from @start to @end, as far as they lie in a section. */
static u64 subsections_of(unsigned long section_pfn, unsigned long start,
			  unsigned long end)
{
	u64 present = 0;
	unsigned long pfn;

	for (pfn = section_pfn; pfn < section_pfn + DUALBM_CHUNK_FRAMES;
	     pfn += PAGES_PER_SUBSECTION)
		if (pfn + PAGES_PER_SUBSECTION > start && pfn < end)
			present |= BIT_ULL((pfn - section_pfn) / PAGES_PER_SUBSECTION);
	return present;
}

static int memory_going_online(unsigned long start, unsigned long end)
{
	unsigned long pfn;
	int ret = 0;

	for (pfn = round_down(start, DUALBM_CHUNK_FRAMES); pfn < end && !ret;
	     pfn += DUALBM_CHUNK_FRAMES)
		ret = chunk_create(pfn, pfn_to_nid(max(pfn, start)),
				   subsections_of(pfn, start, end));
	if (ret)
		pr_err("memory at pfn 0x%lx stays offline: %zu KiB needed for its planes\n",
		       start, CHUNK_PAGES * PAGE_SIZE / 1024 *
		       DIV_ROUND_UP(end - start, DUALBM_CHUNK_FRAMES));
	return ret;
}

/* Frames of memory that has gone have no events; a late look waits for RCU. */
static void memory_gone(unsigned long start, unsigned long end)
{
	struct dualbm_chunk *chunk, *next;
	LIST_HEAD(gone);

	list_for_each_entry_safe(chunk, next, &dualbm_chunks, list) {
		if (chunk->start_pfn >= end ||
		    chunk->start_pfn + DUALBM_CHUNK_FRAMES <= start)
			continue;
		directory_set(chunk->start_pfn, chunk->node, NULL);
		list_move(&chunk->list, &gone);
	}
	synchronize_rcu();
	list_for_each_entry_safe(chunk, next, &gone, list) {
		vfree(chunk->planes);
		kfree(chunk);
	}
}

/*
 * mm/memory_hotplug.c, online_pages() and offline_pages(): frames leave without
 * an event, and come back with a free event for each block. A new chunk is
 * there, untracked, before the first of them; actions that later kernels added
 * are not ours.
 */
static int memory_event(struct notifier_block *nb, unsigned long action, void *data)
{
	struct memory_notify *memory = data;
	unsigned long start = memory->start_pfn;
	unsigned long end = start + memory->nr_pages;
	int ret = 0;

	if (action != MEM_GOING_ONLINE && action != MEM_CANCEL_ONLINE &&
	    action != MEM_OFFLINE)
		return NOTIFY_DONE;
	mutex_lock(&dualbm_memory_lock);
	dualbm_hit(DUALBM_HOOK_MEMORY);
	dualbm_count(DUALBM_STAT_FORGET_EVENTS);
	if (action == MEM_GOING_ONLINE)
		ret = memory_going_online(start, end);
	else
		memory_gone(start, end);
	mutex_unlock(&dualbm_memory_lock);
	return notifier_from_errno(ret);
}

static struct notifier_block memory_notifier = { .notifier_call = memory_event };

/* The subsections of a section that are online, and the node of the first. */
static u64 subsections_online(unsigned long section_pfn, int *node)
{
	u64 present = 0;
	unsigned long pfn;
	struct page *page;

	for (pfn = section_pfn; pfn < section_pfn + DUALBM_CHUNK_FRAMES;
	     pfn += PAGES_PER_SUBSECTION) {
		page = pfn_to_online_page(pfn);
		if (!page)
			continue;
		if (!present)
			*node = page_to_nid(page);
		present |= BIT_ULL((pfn - section_pfn) / PAGES_PER_SUBSECTION);
	}
	return present;
}

static int __init node_chunks(int nid, unsigned long *needed)
{
	unsigned long start = round_down(node_start_pfn(nid), DUALBM_CHUNK_FRAMES);
	unsigned long pfn, end = node_end_pfn(nid);
	int ret = 0;

	for (pfn = start; pfn < end; pfn += DUALBM_CHUNK_FRAMES) {
		int node = nid;
		u64 present = subsections_online(pfn, &node);

		if (!present || chunk_find(pfn))
			continue;
		*needed += CHUNK_PAGES;
		if (!ret)
			ret = chunk_create(pfn, node, present);
		cond_resched();
	}
	return ret;
}

static int __init boot_chunks(void)
{
	unsigned long needed = 0;
	int nid, failed, ret = 0;

	mutex_lock(&dualbm_memory_lock);
	for_each_online_node(nid) {
		failed = node_chunks(nid, &needed);
		if (!ret)
			ret = failed;
	}
	mutex_unlock(&dualbm_memory_lock);
	if (ret)
		pr_err("not enough memory for the planes: %lu KiB needed\n",
		       needed * PAGE_SIZE / 1024);
	return ret;
}

int __init dualbm_memory_init(void)
{
	int ret;

	ret = directory_init();
	if (ret)
		goto free_directory;
	ret = register_memory_notifier(&memory_notifier);
	if (ret) {
		pr_err("cannot register the memory notifier: %d\n", ret);
		goto free_directory;
	}
	dualbm_hooks[DUALBM_HOOK_MEMORY].attached = true;
	ret = boot_chunks();
	if (ret) {
		dualbm_memory_exit();
		return ret;
	}
	return 0;

free_directory:
	directory_exit();
	return ret;
}

void dualbm_memory_exit(void)
{
	unregister_memory_notifier(&memory_notifier);
	dualbm_hooks[DUALBM_HOOK_MEMORY].attached = false;
	mutex_lock(&dualbm_memory_lock);
	memory_gone(0, ULONG_MAX);
	mutex_unlock(&dualbm_memory_lock);
	directory_exit();
}

phys_addr_t dualbm_plane_phys(const struct dualbm_chunk *chunk,
			      enum dualbm_plane plane, unsigned long byte)
{
	void *address = (void *)dualbm_plane(chunk->planes, plane) + byte;

	return PFN_PHYS(vmalloc_to_pfn(address)) + offset_in_page(address);
}

static void chunk_census(struct dualbm_chunk *chunk, struct dualbm_census *census)
{
	unsigned long word;

	for (word = 0; word < DUALBM_PLANE_WORDS; word++) {
		unsigned long p = READ_ONCE(dualbm_plane(chunk->planes, DUALBM_PRIMARY)[word]);
		unsigned long s = READ_ONCE(dualbm_plane(chunk->planes, DUALBM_SECONDARY)[word]);
		unsigned long u = READ_ONCE(dualbm_plane(chunk->planes, DUALBM_UNTRACKED)[word]);

		if (!dualbm_subsection_present(chunk, word * BITS_PER_LONG))
			continue;
		census->managed += BITS_PER_LONG;
		census->allocated += hweight_long(p & ~s & ~u);
		census->free += hweight_long(s & ~p & ~u);
		census->departing += hweight_long(p & s & u);
		census->untracked += hweight_long(u & ~(p & s));
	}
}

void dualbm_memory_census(struct dualbm_census *census)
{
	struct dualbm_chunk *chunk;

	memset(census, 0, sizeof(*census));
	mutex_lock(&dualbm_memory_lock);
	list_for_each_entry(chunk, &dualbm_chunks, list) {
		chunk_census(chunk, census);
		census->bytes += CHUNK_PAGES * PAGE_SIZE;
		cond_resched();
	}
	census->bytes += directory_bytes;
	mutex_unlock(&dualbm_memory_lock);
}

void dualbm_memory_forget_all(void)
{
	struct dualbm_chunk *chunk;

	mutex_lock(&dualbm_memory_lock);
	list_for_each_entry(chunk, &dualbm_chunks, list) {
		dualbm_planes_forget(chunk->planes, 0, DUALBM_CHUNK_FRAMES);
		cond_resched();
	}
	mutex_unlock(&dualbm_memory_lock);
}
