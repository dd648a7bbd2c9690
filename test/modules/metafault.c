// SPDX-License-Identifier: GPL-2.0-only
/*
 * One fault in the allocator's own data, and no event: a free block of the largest
 * order is spoiled while the module is loaded, and put right when it goes.
 *
 *   what=refcount  put_page() of a frame that is free
 *   what=order     the block says that it is smaller
 *   what=bigorder  the block says that it is larger than any
 *   what=flags     the block's mark as a free one is gone
 *   what=links     the list's next entry is not the block's neighbour
 *   what=count     the zone counts one block more
 *   what=zone      the block says that it is of a zone that there is not
 *   what=node      and of such a node
 *
 * "pfn" is the frame, or the block's first one.
 */
#include "testmod.h"

static char *what = "";
module_param(what, charp, 0444);
static int node = 1;
module_param(node, int, 0444);
static ulong pfn;
module_param(pfn, ulong, 0444);

static struct zone *zone;
static struct page *block;
static struct list_head *saved;
static unsigned long saved_flags;

/* The last one: the allocator takes the first. The caller holds zone->lock. */
static struct page *last_block(void)
{
	struct list_head *list = &zone->free_area[TEST_MAX_ORDER].free_list[MIGRATE_MOVABLE];

	return list_empty(list) ? NULL : list_last_entry(list, struct page, buddy_list);
}

static int spoil(void)
{
	struct list_head *list;

	if (!strcmp(what, "refcount")) {
		pfn += 37;
		put_page(block + 37);
	} else if (!strcmp(what, "order")) {
		set_page_private(block, TEST_MAX_ORDER - 1);
	} else if (!strcmp(what, "bigorder")) {
		set_page_private(block, TEST_MAX_ORDER + 30);
	} else if (!strcmp(what, "flags")) {
		__ClearPageBuddy(block);
	} else if (!strcmp(what, "links")) {
		list = &zone->free_area[TEST_MAX_ORDER].free_list[MIGRATE_MOVABLE];
		saved = block->buddy_list.next;
		block->buddy_list.next = list->next;
	} else if (!strcmp(what, "count")) {
		zone->free_area[TEST_MAX_ORDER].nr_free++;
	} else if (!strcmp(what, "zone") || !strcmp(what, "node")) {
		test_page_flags(block) |= *what == 'z' ? ZONES_MASK << ZONES_PGSHIFT :
							 NODES_MASK << NODES_PGSHIFT;
	} else {
		return -EINVAL;
	}
	return 0;
}

static void put_right(void)
{
	test_page_flags(block) = saved_flags;
	if (!strcmp(what, "refcount"))
		set_page_count(block + 37, 0);
	else if (!strcmp(what, "order") || !strcmp(what, "bigorder"))
		set_page_private(block, TEST_MAX_ORDER);
	else if (!strcmp(what, "flags"))
		__SetPageBuddy(block);
	else if (!strcmp(what, "links"))
		block->buddy_list.next = saved;
	else if (!strcmp(what, "count"))
		zone->free_area[TEST_MAX_ORDER].nr_free--;
}

static int __init metafault_init(void)
{
	int index, ret = -ENOENT;

	if (!node_online(node))
		return -EINVAL;
	for (index = MAX_NR_ZONES - 1; index >= 0 && !block; index--) {
		zone = &NODE_DATA(node)->node_zones[index];
		if (!populated_zone(zone))
			continue;
		spin_lock_irq(&zone->lock);
		block = last_block();
		if (block) {
			pfn = page_to_pfn(block);
			saved_flags = test_page_flags(block);
			ret = spoil();
		}
		spin_unlock_irq(&zone->lock);
	}
	return ret;
}

static void __exit metafault_exit(void)
{
	spin_lock_irq(&zone->lock);
	put_right();
	spin_unlock_irq(&zone->lock);
}

module_init(metafault_init);
module_exit(metafault_exit);

MODULE_DESCRIPTION("dualbm test: a fault in the allocator's own data");
MODULE_LICENSE("GPL");
