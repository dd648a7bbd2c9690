// SPDX-License-Identifier: GPL-2.0-only
/*
 * Kinds of page bugs, as drivers have them: each as the mechanism of many reports, in a few lines.
 * Nothing is undone: what comes of it is what would come of it there. The function at
 * fault is called culprit_...(); others that free or put have a right to it.
 *
 * kind=NAME makes one, and says first which frame it is about.
 */
#include "testmod.h"

#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/gfp.h>
#include <linux/irq_work.h>
#include <linux/page-flags.h>
#include <linux/page_ref.h>
#include <linux/rcupdate.h>
#include <linux/shmem_fs.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include <linux/workqueue.h>

static char *kind = "";
module_param(kind, charp, 0444);
MODULE_PARM_DESC(kind, "which kind");

static struct page *page;
static void *memory;
static DECLARE_COMPLETION(over);

static int about(struct page *which)
{
	page = which;
	if (!page)
		return -ENOMEM;
	pr_warn("kind=%s pfn=0x%lx\n", kind, page_to_pfn(page));
	return 0;
}

static int about_page(unsigned int order, gfp_t more)
{
	return about(alloc_pages(TEST_GFP_TASK | more, order));
}

static noinline void owner_free(void)
{
	__free_page(page);
	test_own_name();
}

static noinline bool victim_take(void)
{
	bool found = test_take_page(page);

	test_own_name();
	return found;
}

static noinline void victim_free(void)
{
	__free_page(page);
	test_own_name();
}

/* ---- freed twice ---- */

/* An error path frees what its caller frees as well. */
static noinline void culprit_twice(void)
{
	__free_page(page);
	test_own_name();
}

static int twice(void)
{
	int ret = about_page(0, 0);

	if (ret)
		return ret;
	owner_free();
	culprit_twice();
	return 0;
}

static noinline void culprit_block(unsigned int order)
{
	__free_pages(page, order);
	test_own_name();
}

static int block_twice(void)
{
	int ret = about_page(3, 0);

	if (ret)
		return ret;
	__free_pages(page, 3);
	culprit_block(3);
	return 0;
}

/* A delayed work, and an RCU callback, and an interrupt, that free what was freed before. */
static noinline void culprit_late(struct work_struct *work)
{
	__free_page(page);
	test_own_name();
}

static DECLARE_DELAYED_WORK(late, culprit_late);

static int work_twice(void)
{
	int ret = about_page(0, 0);

	if (ret)
		return ret;
	owner_free();
	schedule_delayed_work(&late, HZ / 10);
	msleep(300);
	flush_delayed_work(&late);
	return 0;
}

static noinline void culprit_callback(struct rcu_head *head)
{
	__free_page(page);
	test_own_name();
	complete(&over);
}

static int rcu_twice(void)
{
	static struct rcu_head head;
	int ret = about_page(0, 0);

	if (ret)
		return ret;
	owner_free();
	call_rcu(&head, culprit_callback);
	wait_for_completion(&over);
	rcu_barrier();
	return 0;
}

static noinline void culprit_interrupt(struct irq_work *work)
{
	__free_page(page);
	test_own_name();
}

static int interrupt_twice(void)
{
	static struct irq_work work;
	int ret = about_page(0, 0);

	if (ret)
		return ret;
	init_irq_work(&work, culprit_interrupt);
	owner_free();
	irq_work_queue(&work);
	irq_work_sync(&work);
	return 0;
}

/* The same once the page has a new owner, who is the one that is caught then. */
static noinline void culprit_stale(void)
{
	__free_page(page);
	test_own_name();
}

static int stale_free(void)
{
	unsigned long flags;
	int ret = about_page(0, 0);
	bool taken;

	if (ret)
		return ret;
	test_alone_begin(flags);
	owner_free();
	taken = victim_take();
	test_alone_end(flags);
	if (!taken)
		return -EBUSY;
	msleep(50);
	culprit_stale();
	msleep(50);
	victim_free();
	return 0;
}

static noinline void culprit_kfree(void)
{
	kfree(memory);
	test_own_name();
}

static int kfree_twice(void)
{
	memory = kmalloc(64 * 1024, GFP_KERNEL);
	if (!memory || about(virt_to_page(memory)))
		return -ENOMEM;
	kfree(memory);
	culprit_kfree();
	return 0;
}

static noinline void culprit_frag(void)
{
	page_frag_free(memory);
	test_own_name();
}

static int frag_twice(void)
{
	int ret = about_page(0, __GFP_COMP);

	if (ret)
		return ret;
	memory = page_address(page);
	page_frag_free(memory);
	culprit_frag();
	return 0;
}

/* ---- a reference too many ---- */

static noinline void culprit_put(void)
{
	put_page(page);
	test_own_name();
}

/* A packet and the ring that it came from both drop the one reference. */
static int put_free(void)
{
	int ret = about_page(0, 0);

	if (ret)
		return ret;
	put_page(page);
	culprit_put();
	return 0;
}

static noinline void culprit_unpin(void)
{
	put_page(page);
	put_page(page);
	test_own_name();
}

/* Pinned once and unpinned twice: the second takes the owner's reference. */
static int unpin_twice(void)
{
	int ret = about_page(0, 0);

	if (ret)
		return ret;
	get_page(page);
	culprit_unpin();
	msleep(50);
	owner_free();
	return 0;
}

static noinline void culprit_revive(void)
{
	page_ref_inc(page);
	put_page(page);
	test_own_name();
}

/* Who has kept a pointer takes a reference of a page that is free, and gives it back. */
static int revived(void)
{
	unsigned long flags;
	int ret = about_page(0, 0);

	if (ret)
		return ret;
	test_alone_begin(flags);
	owner_free();
	culprit_revive();
	test_alone_end(flags);
	return 0;
}

static noinline void culprit_wrong(void)
{
	__free_page(page);
	test_own_name();
}

/* Somebody else's page, by a wrong index or address. Its owner is the one that is caught then. */
static int wrong_page(void)
{
	int ret = about_page(0, 0);

	if (ret)
		return ret;
	culprit_wrong();
	msleep(50);
	owner_free();
	return 0;
}

static noinline void culprit_cache(void)
{
	put_page(page);
	put_page(page);
	test_own_name();
}

/* A page of a file: what is put is the page cache's reference. The file stays, as it cannot go. */
static int cache_put(void)
{
	struct file *file = shmem_file_setup("kinds", PAGE_SIZE, TEST_NO_VMA_FLAGS);
	struct page *cached;

	if (IS_ERR(file))
		return PTR_ERR(file);
	cached = shmem_read_mapping_page(file->f_mapping, 0);
	if (IS_ERR(cached) || about(cached))
		return -ENOMEM;
	culprit_cache();
	return 0;
}

/* ---- another block than was allocated ---- */

static noinline void culprit_tail(void)
{
	__free_page(page + 1);
	test_own_name();
}

static int compound_tail(void)
{
	int ret = about_page(3, __GFP_COMP);

	if (ret)
		return ret;
	culprit_tail();
	msleep(50);
	__free_pages(page, 3);
	return 0;
}

static int block_piece(void)
{
	int ret = about_page(2, 0);

	if (ret)
		return ret;
	culprit_tail();
	msleep(50);
	__free_pages(page, 2);
	return 0;
}

static noinline void culprit_piece(void)
{
	get_page(page + 1);
	put_page(page + 1);
	test_own_name();
}

/* A part of a block that is not compound has no reference of its own until somebody takes one. */
static int piece_put(void)
{
	int ret = about_page(2, 0);

	if (ret)
		return ret;
	culprit_piece();
	msleep(50);
	__free_pages(page, 2);
	return 0;
}

static noinline void culprit_large(void)
{
	__free_pages(page, 2);
	test_own_name();
}

/* The neighbours are somebody else's, who has them still. */
static int order_too_large(void)
{
	struct page *block = alloc_pages(TEST_GFP_TASK, 2);

	if (!block || about(block))
		return -ENOMEM;
	split_page(block, 2);
	culprit_large();
	msleep(50);
	__free_page(block + 1);
	__free_page(block + 2);
	__free_page(block + 3);
	return 0;
}

static noinline void culprit_small(void)
{
	__free_page(page);
	test_own_name();
}

/* The rest is lost. That is a leak, and nobody is given what somebody has. */
static int order_too_small(void)
{
	int ret = about_page(2, 0);

	if (ret)
		return ret;
	culprit_small();
	return 0;
}

static noinline void culprit_exact(size_t size)
{
	free_pages_exact(memory, size);
	test_own_name();
}

/* Three pages of four; the fourth was given back when they were allocated. */
static int exact_too_large(void)
{
	memory = alloc_pages_exact(3 * PAGE_SIZE, GFP_KERNEL);
	if (!memory || about(virt_to_page(memory) + 3))
		return -ENOMEM;
	culprit_exact(4 * PAGE_SIZE);
	return 0;
}

/* ---- memory of another kind ---- */

static noinline void culprit_slab_frag(void)
{
	page_frag_free(memory);
	test_own_name();
}

static noinline void culprit_slab_page(void)
{
	free_page((unsigned long)memory & PAGE_MASK);
	test_own_name();
}

static int slab(void (*culprit)(void))
{
	memory = kmalloc(2048, GFP_KERNEL);
	if (!memory || about(virt_to_head_page(memory)))
		return -ENOMEM;
	culprit();
	return 0;
}

static int slab_frag(void)
{
	return slab(culprit_slab_frag);
}

static int slab_page(void)
{
	return slab(culprit_slab_page);
}

static noinline void culprit_vmalloc(void)
{
	__free_page(vmalloc_to_page(memory));
	test_own_name();
}

static int vmalloc_page(void)
{
	memory = vmalloc(4 * PAGE_SIZE);
	if (!memory || about(vmalloc_to_page(memory)))
		return -ENOMEM;
	culprit_vmalloc();
	msleep(50);
	vfree(memory);
	return 0;
}

/* ---- as it may not be when it is freed ---- */

static noinline void culprit_mapping(void)
{
	page->mapping = (void *)0xffff888000001000UL;
	__free_page(page);
	test_own_name();
}

static int freed_with_mapping(void)
{
	int ret = about_page(0, 0);

	if (!ret)
		culprit_mapping();
	return ret;
}

static noinline void culprit_locked(void)
{
	__SetPageLocked(page);
	__free_page(page);
	test_own_name();
}

static int freed_locked(void)
{
	int ret = about_page(0, 0);

	if (!ret)
		culprit_locked();
	return ret;
}

static noinline void culprit_extra(void)
{
	page_ref_add(page + 1, 1);
	__free_pages(page, 1);
	test_own_name();
}

/* A part of the block is still used by somebody who took a reference of that part. */
static int freed_in_use(void)
{
	int ret = about_page(1, 0);

	if (!ret)
		culprit_extra();
	return ret;
}

/* ---- stray writes ---- */

static noinline void culprit_stray(void)
{
	set_page_count(page, 3);
	test_own_name();
}

/* Found by whoever looks: it was no call. */
static int stray_count(void)
{
	int ret = about_page(0, 0);

	if (ret)
		return ret;
	owner_free();
	culprit_stray();
	return 0;
}

static const struct {
	const char *name;
	int (*make)(void);
	const char *what;	/* in docs/kinds.md */
} kinds[] = {
	{ "twice", twice,
	  "an error path frees what its caller frees" },
	{ "block-twice", block_twice,
	  "the same with a block of order 3" },
	{ "work-twice", work_twice,
	  "freed, and 100 ms later by a delayed work" },
	{ "rcu-twice", rcu_twice,
	  "freed, and again by an RCU callback" },
	{ "interrupt-twice", interrupt_twice,
	  "freed, and again in an interrupt" },
	{ "stale-free", stale_free,
	  "freed again when it has a new owner, who frees it later" },
	{ "kfree-twice", kfree_twice,
	  "kfree() of 64 KiB twice" },
	{ "frag-twice", frag_twice,
	  "page_frag_free() twice" },
	{ "put-free", put_free,
	  "put_page() of a page that is free" },
	{ "unpin-twice", unpin_twice,
	  "pinned once and unpinned twice; the owner frees it later" },
	{ "wrong-page", wrong_page,
	  "another's page is freed, who frees it later" },
	{ "cache-put", cache_put,
	  "put_page() of a page of a file, twice for one reference" },
	{ "revived", revived,
	  "get_page() and put_page() of a page that is free" },
	{ "compound-tail", compound_tail,
	  "the second page of a compound block is freed, later the block" },
	{ "block-piece", block_piece,
	  "the second page of a block is freed, later the block" },
	{ "piece-put", piece_put,
	  "get_page() and put_page() of the second page of a block, later the block is freed" },
	{ "order-too-large", order_too_large,
	  "a page is freed as a block of order 2; its neighbours later" },
	{ "order-too-small", order_too_small,
	  "a block of order 2 is freed as a page: a leak" },
	{ "exact-too-large", exact_too_large,
	  "free_pages_exact() of more than was allocated" },
	{ "slab-frag", slab_frag,
	  "memory of kmalloc() is freed as a page fragment" },
	{ "slab-page", slab_page,
	  "memory of kmalloc() is freed as a page" },
	{ "vmalloc-page", vmalloc_page,
	  "a page of vmalloc() is freed, later the area" },
	{ "mapping", freed_with_mapping,
	  "freed while page->mapping is set" },
	{ "locked", freed_locked,
	  "freed while it is locked" },
	{ "in-use", freed_in_use,
	  "a block is freed while somebody has a reference of its second page" },
	{ "stray-count", stray_count,
	  "a stray write to the count of a page that is free" },
};

static int __init kinds_init(void)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(kinds); i++)
		if (!strcmp(kind, kinds[i].name))
			return test_result(kinds[i].make(), "kind=%s: %s", kind, kinds[i].what);
	return test_result(-EINVAL, "kind=%s", kind);
}

module_init(kinds_init);

MODULE_DESCRIPTION("dualbm test: kinds of page bugs");
MODULE_LICENSE("GPL");
