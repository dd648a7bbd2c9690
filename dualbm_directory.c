// SPDX-License-Identifier: GPL-2.0-only
/*
 * The directory finds a chunk's planes. Two levels, each entry twice, once
 * complemented, and a record of each leaf and chunk that says which copy is right.
 */
#include <linux/seqlock.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "dualbm.h"
#include "dualbm_memory.h"

/* Not read-only: it is kept three times, and put right if it has to be. */
struct dualbm_directory dualbm_directory __read_mostly;
/* Odd while an entry is stored: its two copies disagree for a moment. */
static seqcount_t directory_stores = SEQCNT_ZERO(directory_stores);
static unsigned long *empty_leaf;
static u64 directory_bytes;

/* What the root's copies are judged by. Leaves stay until the module goes. */
struct leaf_record {
	struct list_head list;
	unsigned long index;
	unsigned long *leaf;
	unsigned long check;
};

static LIST_HEAD(leaves);

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

static struct leaf_record *leaf_record(unsigned long index)
{
	struct leaf_record *record;

	list_for_each_entry(record, &leaves, list)
		if (record->index == index &&
		    record->check == dualbm_check_value(index, record->leaf))
			return record;
	return NULL;
}

/* The complement lies DUALBM_LEAF_ENTRIES behind it. */
static unsigned long *leaf_slot(const struct leaf_record *record, unsigned long pfn)
{
	return record->leaf + (pfn >> DUALBM_CHUNK_SHIFT) % DUALBM_LEAF_ENTRIES;
}

static void leaf_store(const struct leaf_record *record, unsigned long pfn,
		       const unsigned long *planes)
{
	unsigned long *slot = leaf_slot(record, pfn);

	directory_store(slot, slot + DUALBM_LEAF_ENTRIES, planes);
}

static struct leaf_record *leaf_record_of(unsigned long pfn)
{
	return leaf_record(pfn >> DUALBM_CHUNK_SHIFT >> DUALBM_LEAF_SHIFT);
}

static void leaf_init(unsigned long *leaf)
{
	memset(leaf, 0, PAGE_SIZE);
	memset(leaf + DUALBM_LEAF_ENTRIES, 0xff, PAGE_SIZE);
}

int dualbm_directory_set(unsigned long start_pfn, int node, unsigned long *planes)
{
	unsigned long index = start_pfn >> DUALBM_CHUNK_SHIFT >> DUALBM_LEAF_SHIFT;
	struct leaf_record *record;
	unsigned long *leaf;

	if (index >= dualbm_directory.leaves)
		return -ERANGE;
	record = leaf_record(index);
	if (!record) {
		record = kmalloc(sizeof(*record), GFP_KERNEL);
		if (!record)
			return -ENOMEM;
		leaf = dualbm_copies_map(node, 2, 1);
		if (!leaf) {
			kfree(record);
			return -ENOMEM;
		}
		leaf_init(leaf);
		record->index = index;
		record->leaf = leaf;
		record->check = dualbm_check_value(index, leaf);
		list_add(&record->list, &leaves);
		WRITE_ONCE(directory_bytes, directory_bytes + 2 * PAGE_SIZE);
		/* A reader that finds the leaf finds it filled in. */
		smp_wmb();
		directory_store(&dualbm_directory.root[0][index],
				&dualbm_directory.root[1][index], leaf);
	}
	leaf_store(record, start_pfn, planes);
	return 0;
}

int dualbm_directory_repoint(unsigned long pfn, unsigned long *planes)
{
	struct leaf_record *record = leaf_record_of(pfn);

	if (!record)
		return -ENOENT;
	leaf_store(record, pfn, planes);
	return 0;
}

u64 dualbm_directory_bytes(void)
{
	return READ_ONCE(directory_bytes);
}

int __init dualbm_directory_init(void)
{
	size_t bytes;
	unsigned long i;

	dualbm_directory.leaves = DIV_ROUND_UP(1UL << (MAX_PHYSMEM_BITS - SECTION_SIZE_BITS),
					       DUALBM_LEAF_ENTRIES);
	bytes = dualbm_directory.leaves * sizeof(long);
	empty_leaf = dualbm_copies_map(first_memory_node, 2, 1);
	dualbm_directory.root[0] = dualbm_copies_map(first_memory_node, 2,
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

void dualbm_directory_exit(void)
{
	struct leaf_record *record, *next;

	list_for_each_entry_safe(record, next, &leaves, list) {
		vfree(record->leaf);
		kfree(record);
	}
	vfree(dualbm_directory.root[0]);
	vfree(empty_leaf);
}

/* ---- the directory, judged by what its entries stand for ---- */

/*
 * Compare two copies of an entry with what they have to say. Under
 * dualbm_memory_lock nobody stores entries.
 */
static bool entry_is_wrong(unsigned long *slot, unsigned long *complement,
			   const void *right, struct dualbm_directory_fault *fault)
{
	unsigned int copies = 0;

	if (READ_ONCE(*slot) != (unsigned long)right)
		copies |= BIT(0);
	if (READ_ONCE(*complement) != ~(unsigned long)right)
		copies |= BIT(1);
	if (likely(!copies))
		return false;
	fault->copies = copies;
	fault->phys = dualbm_mapped_phys(copies & BIT(0) ? slot : complement);
	directory_store(slot, complement, right);
	fault->repaired = true;
	return true;
}

static bool root_is_wrong(unsigned long index, struct dualbm_directory_fault *fault)
{
	const struct leaf_record *record = leaf_record(index);

	fault->pfn = index << (DUALBM_LEAF_SHIFT + DUALBM_CHUNK_SHIFT);
	fault->frames = DUALBM_CHUNK_FRAMES << DUALBM_LEAF_SHIFT;
	return entry_is_wrong(&dualbm_directory.root[0][index],
			      &dualbm_directory.root[1][index],
			      record ? record->leaf : empty_leaf, fault);
}

static bool leaf_is_wrong(const struct leaf_record *record, unsigned long entry,
			  struct dualbm_directory_fault *fault)
{
	unsigned long *slot = record->leaf + entry;
	unsigned long *complement = slot + DUALBM_LEAF_ENTRIES;
	unsigned long section = (record->index << DUALBM_LEAF_SHIFT) + entry;
	struct dualbm_chunk *chunk = NULL;

	fault->pfn = section << DUALBM_CHUNK_SHIFT;
	fault->frames = DUALBM_CHUNK_FRAMES;
	/* No chunk, says either copy, and it is so; or one of them is wrong. */
	if (READ_ONCE(*slot) || ~READ_ONCE(*complement))
		chunk = dualbm_chunk_record(fault->pfn);
	if (!entry_is_wrong(slot, complement, chunk ? chunk->planes : NULL, fault))
		return false;
	if (chunk)
		clear_bit(DUALBM_CHUNK_ACCUSED, &chunk->flags);
	return true;
}

/* One step is one leaf, or as many entries of the root. */
static unsigned long root_steps(void)
{
	return DIV_ROUND_UP(dualbm_directory.leaves, DUALBM_LEAF_ENTRIES);
}

unsigned long dualbm_directory_steps(void)
{
	const struct leaf_record *record;
	unsigned long steps = root_steps();

	list_for_each_entry(record, &leaves, list)
		steps++;
	return steps;
}

int dualbm_directory_check(unsigned long *position,
			   struct dualbm_directory_fault *fault)
{
	unsigned long step = *position / DUALBM_LEAF_ENTRIES;
	unsigned long entry = *position % DUALBM_LEAF_ENTRIES;
	unsigned long skip = root_steps();
	const struct leaf_record *record = NULL, *each;
	bool wrong;

	if (step >= skip) {
		list_for_each_entry(each, &leaves, list)
			if (skip++ == step) {
				record = each;
				break;
			}
		if (!record)
			return -ENOENT;
	}
	for (; entry < DUALBM_LEAF_ENTRIES; entry++) {
		if (record)
			wrong = leaf_is_wrong(record, entry, fault);
		else if (step * DUALBM_LEAF_ENTRIES + entry < dualbm_directory.leaves)
			wrong = root_is_wrong(step * DUALBM_LEAF_ENTRIES + entry, fault);
		else
			break;
		if (wrong) {
			*position = step * DUALBM_LEAF_ENTRIES + entry + 1;
			return 1;
		}
	}
	*position = (step + 1) * DUALBM_LEAF_ENTRIES;
	return 0;
}

int dualbm_directory_flip(unsigned long pfn, unsigned int copy)
{
	struct leaf_record *record;
	int ret = -ENXIO;

	mutex_lock(&dualbm_memory_lock);
	record = leaf_record_of(pfn);
	if (record && dualbm_chunk_record(pfn)) {
		change_bit(21, leaf_slot(record, pfn) + copy * DUALBM_LEAF_ENTRIES);
		ret = 0;
	}
	mutex_unlock(&dualbm_memory_lock);
	return ret;
}
