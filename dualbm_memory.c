// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where the planes live: a chunk for each memory section that is online.
 */
#include <linux/memory.h>
#include <linux/memory_hotplug.h>
#include <linux/rculist.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "dualbm.h"
#include "dualbm_census.h"
#include "dualbm_chunks.h"
#include "dualbm_flat.h"
#include "dualbm_memory.h"
#include "dualbm_mode.h"
#include "dualbm_placement.h"
#include "dualbm_stop.h"

#define PLANE_PAGES	DIV_ROUND_UP(DUALBM_PLANE_BYTES, PAGE_SIZE)

bool dualbm_memory_leaving;

/* A page of a plane that was wrong too often. */
struct retired_page {
	struct list_head list;
	struct page *page;
};

static LIST_HEAD(retired);

/* A section that is online, or comes online now, without planes. */
struct unmanaged_section {
	struct list_head list;
	unsigned long start_pfn;
	u64 present;
	int node;
};

static LIST_HEAD(unmanaged);
unsigned long dualbm_unmanaged_frames;

unsigned long *dualbm_planes_map(int node)
{
	return dualbm_copies_map(node, DUALBM_NR_PLANES, PLANE_PAGES);
}

/* Piece by piece: whoever stops all CPUs finds no update half done. */
static void forget_chunk(struct dualbm_chunk *chunk)
{
	unsigned long frame;

	for (frame = 0; frame < DUALBM_CHUNK_FRAMES; frame += PAGES_PER_SUBSECTION) {
		preempt_disable();
		dualbm_disqualify(chunk->start_pfn + frame, PAGES_PER_SUBSECTION);
		dualbm_planes_forget(chunk->planes, frame, PAGES_PER_SUBSECTION);
		preempt_enable();
	}
}

/*
 * The chunk at @start_pfn, all of it untracked; made if there is none. Learning that is
 * at work on that range does not have it in hand: it looks at the list of chunks, and
 * says so, under dualbm_memory_lock.
 */
static int chunk_create(unsigned long start_pfn, int node, u64 present)
{
	struct dualbm_chunk *chunk = dualbm_chunk_record(start_pfn);
	int ret;

	if (chunk) {
		forget_chunk(chunk);
		chunk->present |= present;
		dualbm_census_count(chunk, NULL);
		return 0;
	}
	chunk = kzalloc(sizeof(*chunk), GFP_KERNEL);
	if (!chunk)
		return -ENOMEM;
	chunk->start_pfn = start_pfn;
	chunk->node = node;
	chunk->present = present;
	chunk->planes = dualbm_planes_map(node);
	if (!chunk->planes) {
		ret = -ENOMEM;
		goto free_chunk;
	}
	memset(dualbm_plane(chunk->planes, DUALBM_PRIMARY), 0, DUALBM_PLANE_BYTES);
	memset(dualbm_plane(chunk->planes, DUALBM_SECONDARY), 0, DUALBM_PLANE_BYTES);
	memset(dualbm_plane(chunk->planes, DUALBM_UNTRACKED), 0xff, DUALBM_PLANE_BYTES);
	memset(dualbm_plane(chunk->planes, DUALBM_KNOWN), 0, DUALBM_PLANE_BYTES);
	chunk->check = dualbm_check_value(start_pfn, chunk->planes);
	preempt_disable();
	dualbm_disqualify(start_pfn, DUALBM_CHUNK_FRAMES);
	preempt_enable();
	ret = dualbm_chunk_insert(chunk);
	if (ret)
		goto free_planes;
	dualbm_census_add(chunk);
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

static unsigned long frames_of(u64 present)
{
	return hweight64(present) * PAGES_PER_SUBSECTION;
}

/* What is not managed shows in the state; how much that is, in "stats". */
static void count_unmanaged(unsigned long frames)
{
	WRITE_ONCE(dualbm_unmanaged_frames, frames);
	dualbm_set_lacking(frames ? "memory is online that there are no planes for" : NULL);
}

/* Without a note of it, it stays unmanaged, and counted, until the module goes. */
static void note_unmanaged(unsigned long start_pfn, int node, u64 present)
{
	struct unmanaged_section *section = kzalloc(sizeof(*section), GFP_KERNEL);

	if (section) {
		section->start_pfn = start_pfn;
		section->present = present;
		section->node = node;
		list_add_tail(&section->list, &unmanaged);
	}
	count_unmanaged(dualbm_unmanaged_frames + frames_of(present));
}

static void drop_unmanaged(struct unmanaged_section *section)
{
	count_unmanaged(dualbm_unmanaged_frames - frames_of(section->present));
	list_del(&section->list);
	kfree(section);
}

/*
 * Whoever watches does not refuse: memory for which there are no planes comes online
 * without, and its events are no gap in the coverage of the rest.
 */
static void memory_going_online(unsigned long start, unsigned long end)
{
	unsigned long pfn, without = 0, version = dualbm_chunks_version;

	for (pfn = round_down(start, DUALBM_CHUNK_FRAMES); pfn < end;
	     pfn += DUALBM_CHUNK_FRAMES) {
		u64 present = subsections_of(pfn, start, end);
		int node = pfn_to_nid(max(pfn, start));

		if (!chunk_create(pfn, node, present))
			continue;
		note_unmanaged(pfn, node, present);
		without++;
	}
	if (dualbm_chunks_version != version)
		dualbm_flat_update();
	if (without)
		pr_warn("memory at pfn 0x%lx comes online unmanaged: %zu KiB needed for its planes\n",
			start, DUALBM_CHUNK_BYTES / 1024 * without);
}

static void unmanaged_gone(unsigned long start, unsigned long end)
{
	struct unmanaged_section *section, *next;

	list_for_each_entry_safe(section, next, &unmanaged, list)
		if (section->start_pfn < end &&
		    section->start_pfn + DUALBM_CHUNK_FRAMES > start)
			drop_unmanaged(section);
}

/*
 * All of a chunk that is made here is untracked, and the frames' events may go on
 * meanwhile: each finds the planes, or none. Memory that goes before it was noted is
 * taken out of the list of chunks by the notifier, which waits for the lock.
 */
bool dualbm_memory_adopt(void)
{
	struct unmanaged_section *section, *next;
	unsigned long adopted = 0;

	if (!READ_ONCE(dualbm_unmanaged_frames))
		return false;
	mutex_lock(&dualbm_memory_lock);
	list_for_each_entry_safe(section, next, &unmanaged, list) {
		if (chunk_create(section->start_pfn, section->node, section->present))
			break;
		adopted += frames_of(section->present);
		drop_unmanaged(section);
	}
	if (adopted)
		dualbm_flat_update();
	mutex_unlock(&dualbm_memory_lock);
	if (adopted)
		pr_info("%lu frames that came online unmanaged are managed now\n", adopted);
	return adopted;
}

/* Frames of memory that has gone have no events; a late look waits for RCU. */
static void memory_gone(unsigned long start, unsigned long end)
{
	nodemask_t nodes = NODE_MASK_NONE;
	struct dualbm_chunk *chunk, *next;
	LIST_HEAD(gone);
	int node;

	unmanaged_gone(start, end);
	list_for_each_entry_safe(chunk, next, &dualbm_chunks, list) {
		if (chunk->start_pfn >= end ||
		    chunk->start_pfn + DUALBM_CHUNK_FRAMES <= start)
			continue;
		dualbm_chunk_remove(chunk);
		list_add(&chunk->gone, &gone);
		dualbm_census_remove(chunk);
		node_set(chunk->node, nodes);
	}
	for_each_node_mask(node, nodes)
		dualbm_placement_recount(node);
	/* Waits for who found one of them. */
	if (!list_empty(&gone))
		dualbm_flat_update();
	list_for_each_entry_safe(chunk, next, &gone, gone) {
		vfree(chunk->planes);
		kfree(chunk->departing);
		kfree(chunk);
	}
}

static void count_bracket(void)
{
	dualbm_hit(DUALBM_HOOK_MEMORY);
	dualbm_count(DUALBM_STAT_FORGET_EVENTS);
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

	mutex_lock(&dualbm_memory_lock);
	switch (action) {
	case MEM_GOING_ONLINE:
		count_bracket();
		memory_going_online(start, end);
		break;
	case MEM_CANCEL_ONLINE:
		count_bracket();
		memory_gone(start, end);
		break;
	case MEM_GOING_OFFLINE:
		dualbm_memory_leaving = true;
		break;
	case MEM_CANCEL_OFFLINE:
		dualbm_memory_leaving = false;
		break;
	case MEM_OFFLINE:
		dualbm_memory_leaving = false;
		count_bracket();
		memory_gone(start, end);
		break;
	}
	mutex_unlock(&dualbm_memory_lock);
	return NOTIFY_OK;
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

		if (!present || dualbm_chunk_record(pfn))
			continue;
		*needed += DUALBM_CHUNK_BYTES / PAGE_SIZE;
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
	if (!ret)
		dualbm_flat_update();
	mutex_unlock(&dualbm_memory_lock);
	if (ret)
		pr_err("not enough memory for the planes: %lu KiB needed\n",
		       needed * PAGE_SIZE / 1024);
	return ret;
}

/* ---- fresh pages for planes that were wrong too often ---- */

struct renewal {
	unsigned long pfn;
	unsigned long *planes;
	void *map;
	unsigned long version;		/* of the list of chunks that @map is for */
};

/*
 * Only an NMI's event can come now, and it forgets. One that came meanwhile may
 * have stored to the old planes after they were copied: then nothing is known.
 */
static int renew_stopped(void *data)
{
	struct renewal *renewal = data;
	struct dualbm_chunk *chunk = dualbm_chunk_record(renewal->pfn);
	enum dualbm_mode mode;
	unsigned int begun;

	/* Its holder has stopped as well, in the middle of whatever it does. */
	if (mutex_is_locked(&dualbm_memory_lock) || renewal->version != dualbm_chunks_version)
		return -EAGAIN;
	if (!chunk)
		return -ENOENT;
	mode = dualbm_mode_pause();
	begun = dualbm_nmi_begun();
	dualbm_nmi_wait();
	memcpy(renewal->planes, chunk->planes, DUALBM_CHUNK_BYTES);
	swap(renewal->planes, chunk->planes);
	chunk->check = dualbm_check_value(chunk->start_pfn, chunk->planes);
	if (renewal->map)
		renewal->map = dualbm_flat_exchange(renewal->map);
	dualbm_nmi_wait();
	if (dualbm_nmi_begun() != begun) {
		dualbm_disqualify(renewal->pfn, DUALBM_CHUNK_FRAMES);
		dualbm_planes_forget(chunk->planes, 0, DUALBM_CHUNK_FRAMES);
	}
	dualbm_mode_resume(mode);
	return 0;
}

/* vfree() drops one reference to each page; the second one keeps it. */
static void retire_page(struct retired_page *page, const void *address)
{
	page->page = vmalloc_to_page(address);
	get_page(page->page);
	list_add(&page->list, &retired);
}

/* Both are ready before all CPUs stop: the new planes, and a map that shows them. */
static int renew(struct renewal *renewal)
{
	const struct dualbm_chunk *chunk;
	bool mapped = false;
	int ret;

	mutex_lock(&dualbm_memory_lock);
	chunk = dualbm_chunk_record(renewal->pfn);
	if (chunk) {
		mapped = dualbm_flat_bytes();
		renewal->map = dualbm_flat_build(chunk, renewal->planes);
		renewal->version = dualbm_chunks_version;
	}
	mutex_unlock(&dualbm_memory_lock);
	if (!chunk)
		return -ENOENT;
	if (mapped && !renewal->map)
		return -ENOMEM;
	ret = dualbm_stop(renew_stopped, renewal);
	/* Whoever found the old ones has left them. */
	synchronize_rcu();
	vunmap(renewal->map);
	return ret;
}

int dualbm_memory_renew(unsigned long pfn, enum dualbm_plane plane,
			unsigned long byte, phys_addr_t *phys)
{
	struct renewal renewal = { .pfn = pfn };
	struct retired_page *page = kmalloc(sizeof(*page), GFP_KERNEL);
	struct dualbm_chunk *chunk;
	int ret = -ENOMEM, node = NUMA_NO_NODE;

	mutex_lock(&dualbm_memory_lock);
	chunk = dualbm_chunk_record(pfn);
	if (chunk)
		node = chunk->node;
	mutex_unlock(&dualbm_memory_lock);
	if (page && node != NUMA_NO_NODE)
		renewal.planes = dualbm_planes_map(node);
	if (renewal.planes) {
		do {
			ret = renew(&renewal);
		} while (ret == -EAGAIN && !schedule_timeout_uninterruptible(1));
	}
	if (ret) {
		vfree(renewal.planes);
		kfree(page);
		return ret;
	}
	byte = round_down(byte, PAGE_SIZE);
	*phys = dualbm_planes_phys(renewal.planes, plane, byte);
	mutex_lock(&dualbm_memory_lock);
	dualbm_placement_recount(node);
	retire_page(page, (void *)dualbm_plane(renewal.planes, plane) + byte);
	mutex_unlock(&dualbm_memory_lock);
	vfree(renewal.planes);
	return 0;
}

static void give_back_retired(void)
{
	struct retired_page *page, *next;

	list_for_each_entry_safe(page, next, &retired, list) {
		pr_notice("the retired page at 0x%llx goes back to the kernel\n",
			  (u64)PFN_PHYS(page_to_pfn(page->page)));
		__free_page(page->page);
		kfree(page);
	}
}

static void forget_and_count(struct dualbm_chunk *chunk, void *unused)
{
	forget_chunk(chunk);
	dualbm_census_count(chunk, NULL);
}

void dualbm_memory_forget_all(void)
{
	dualbm_each_chunk(forget_and_count, NULL);
}

int __init dualbm_memory_init(void)
{
	int ret;

	ret = dualbm_census_init() ?: dualbm_flat_init();
	if (ret)
		goto free_flat;
	ret = register_memory_notifier(&memory_notifier);
	if (ret) {
		pr_err("cannot register the memory notifier: %d\n", ret);
		goto free_flat;
	}
	ret = boot_chunks();
	if (ret) {
		dualbm_memory_exit();
		return ret;
	}
	return 0;

free_flat:
	dualbm_flat_exit();
	dualbm_census_exit();
	return ret;
}

void dualbm_memory_exit(void)
{
	unregister_memory_notifier(&memory_notifier);
	mutex_lock(&dualbm_memory_lock);
	memory_gone(0, ULONG_MAX);
	mutex_unlock(&dualbm_memory_lock);
	give_back_retired();
	dualbm_flat_exit();
	dualbm_census_exit();
}
