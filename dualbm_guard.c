// SPDX-License-Identifier: GPL-2.0-only
/*
 * Control data that one flipped bit could turn into silence: policies,
 * the table of hooks. It is kept three times, once complemented;
 * the scrubber compares, and two of three put the third one right.
 */
#include <linux/spinlock.h>
#include <linux/string.h>

#include "dualbm.h"
#include "dualbm_guard.h"

#define ITEMS	64
#define BYTES	4096

struct item {
	const char *name;
	u8 *data;
	size_t size;
	size_t offset;	/* in both copies */
	unsigned int restored;	/* bytes, since the last vote on all */
};

static struct item items[ITEMS];
static unsigned int nr_items;
static size_t bytes;
static u8 copies[BYTES];
static u8 complements[BYTES];
/* Raw, as items are stored with preemption disabled, and with all CPUs stopped. */
static DEFINE_RAW_SPINLOCK(guard_lock);

static void copy_item(const struct item *item)
{
	size_t i;

	for (i = 0; i < item->size; i++) {
		copies[item->offset + i] = item->data[i];
		complements[item->offset + i] = ~item->data[i];
	}
}

int dualbm_guard_add(const char *name, void *data, size_t size)
{
	unsigned long flags;
	int ret = -ENOSPC;

	raw_spin_lock_irqsave(&guard_lock, flags);
	if (nr_items < ITEMS && bytes + size <= BYTES) {
		items[nr_items] = (struct item) { name, data, size, bytes, 0 };
		copy_item(&items[nr_items++]);
		bytes += size;
		ret = 0;
	}
	raw_spin_unlock_irqrestore(&guard_lock, flags);
	if (ret)
		pr_err("no room to guard %s: %zu bytes needed\n", name, size);
	return ret;
}

void dualbm_guard_store(void *data, const void *value, size_t size)
{
	unsigned long flags;
	unsigned int i;

	raw_spin_lock_irqsave(&guard_lock, flags);
	memcpy(data, value, size);
	for (i = 0; i < nr_items; i++)
		if (items[i].data == data)
			copy_item(&items[i]);
	raw_spin_unlock_irqrestore(&guard_lock, flags);
}

/* Bit by bit, what two of the three say. Returns how many bytes were wrong in one. */
static unsigned int vote(const struct item *item)
{
	unsigned int wrong = 0;
	size_t i;

	for (i = 0; i < item->size; i++) {
		u8 *data = &item->data[i], *copy = &copies[item->offset + i];
		u8 *complement = &complements[item->offset + i];
		u8 other = ~*complement;
		u8 right = (*data & *copy) | (*data & other) | (*copy & other);

		if (likely(*data == right && *copy == right && other == right))
			continue;
		*data = right;
		*copy = right;
		*complement = ~right;
		wrong++;
	}
	return wrong;
}

bool dualbm_guard_restore(const void *data)
{
	unsigned int i, wrong = 0;
	unsigned long flags;

	raw_spin_lock_irqsave(&guard_lock, flags);
	for (i = 0; i < nr_items; i++)
		if (items[i].data == data) {
			wrong = vote(&items[i]);
			items[i].restored += wrong;
		}
	raw_spin_unlock_irqrestore(&guard_lock, flags);
	return wrong;
}

unsigned int dualbm_guard_vote(void (*wrong)(const char *name, unsigned int bytes))
{
	unsigned int i, found = 0;

	for (i = 0; i < nr_items; i++) {
		unsigned long flags;
		unsigned int bytes;

		raw_spin_lock_irqsave(&guard_lock, flags);
		bytes = vote(&items[i]) + items[i].restored;
		items[i].restored = 0;
		raw_spin_unlock_irqrestore(&guard_lock, flags);
		if (!bytes)
			continue;
		found++;
		wrong(items[i].name, bytes);
	}
	return found;
}
