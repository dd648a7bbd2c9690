// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ways in which pages leave the allocator and come back, one per op=,
 * repeated by several threads for some seconds, in the context ctx= names.
 * Every page is freed again, each by its rightful owner, exactly once.
 */
#include "testmod.h"

#include <linux/delay.h>
#include <linux/gfp.h>
#include <linux/interrupt.h>
#include <linux/irq_work.h>
#include <linux/kthread.h>
#include <linux/prandom.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

static char *op = "pool";
module_param(op, charp, 0444);
MODULE_PARM_DESC(op, "what to do: a name of paths[] below");

static char *ctx = "task";
module_param(ctx, charp, 0444);
MODULE_PARM_DESC(ctx, "task, softirq or hardirq");

static unsigned int seconds = 2;
module_param(seconds, uint, 0444);
MODULE_PARM_DESC(seconds, "for how long");

static unsigned int threads = 3;
module_param(threads, uint, 0444);
MODULE_PARM_DESC(threads, "how many threads; 0: the loading task, in its own cgroup");

#define BLOCKS	48
#define PAGES	64

enum kind {
	EMPTY,
	PLAIN,		/* alloc_pages(), __free_pages() */
	ADDRESS,	/* __get_free_pages(), free_pages() */
	SPECULATED,	/* freed while somebody holds a reference to its head */
	COMPOUND,	/* __GFP_COMP, returned in one of three ways */
	EXACT,		/* alloc_pages_exact() */
	SPLIT,		/* split_page(), each page freed by itself */
	SLAB,		/* a kmalloc() that is too large for slab */
	FRAG,		/* page_frag_alloc() */
	NR_KINDS
};

struct block {
	enum kind kind;
	unsigned int order;
	size_t size;
	struct page *page;
	void *addr;
};

/* What one thread holds. Its steps do not overlap, whatever context they run in. */
struct worker {
	struct task_struct *task;
	struct rnd_state rnd;
	int result;
	unsigned long steps;
	unsigned long blocks;		/* blocks or pages that were obtained */
	unsigned long failures;		/* allocations that failed */
	struct block block[BLOCKS];
	struct page *page[PAGES];
	struct page_frag_cache frags;
	struct tasklet_struct tasklet;
	struct irq_work work;
};

static const struct alloc_path {
	const char *name;
	int (*step)(struct worker *w, gfp_t gfp);
	unsigned long kinds;
	bool sleeps;			/* can only run in a task */
	bool must_fail;			/* has to see an allocation fail */
	bool missing;			/* this kernel has no such path */
} *path;

static u32 below(struct worker *w, u32 limit)
{
	return prandom_u32_state(&w->rnd) % limit;
}

/* Mostly small, sometimes what the per-CPU lists do not hold, rarely all. */
static unsigned int some_order(struct worker *w)
{
	u32 dice = below(w, 100);

	if (dice < 70)
		return below(w, PAGE_ALLOC_COSTLY_ORDER + 1);
	if (dice < 96)
		return 4 + below(w, 5);
	return 9 + below(w, TEST_MAX_ORDER - 8);
}

static void free_split(struct worker *w, struct block *b)
{
	unsigned int i, nr = 1U << b->order, first = below(w, nr);
	LIST_HEAD(list);

	/* From a random one on, so that buddies do not meet in order. */
	for (i = 0; i < nr; i++) {
		struct page *page = b->page + (first + i) % nr;

		switch (i % 3) {
		case 0:
			__free_page(page);
			break;
		case 1:
			put_page(page);
			break;
		default:
			list_add(&page->lru, &list);
		}
	}
	test_put_pages_list(&list);
}

static void free_compound(struct worker *w, struct block *b)
{
	LIST_HEAD(list);

	switch (below(w, 4)) {
	case 0:
		__free_pages(b->page, b->order);
		break;
	case 1:
		test_folio_put(b->page);
		break;
	case 2:
		/* Whoever had a reference last returns all of it. */
		get_page(b->page);
		__free_pages(b->page, b->order);
		put_page(b->page);
		break;
	default:
		list_add(&b->page->lru, &list);
		test_put_pages_list(&list);
	}
}

static void give_back(struct worker *w, struct block *b)
{
	switch (b->kind) {
	case PLAIN:
		__free_pages(b->page, b->order);
		break;
	case ADDRESS:
		free_pages((unsigned long)b->addr, b->order);
		break;
	case SPECULATED:
		get_page(b->page);
		__free_pages(b->page, b->order);
		put_page(b->page);
		break;
	case COMPOUND:
		free_compound(w, b);
		break;
	case EXACT:
		free_pages_exact(b->addr, b->size);
		break;
	case SPLIT:
		free_split(w, b);
		break;
	case SLAB:
		kfree(b->addr);
		break;
	case FRAG:
		page_frag_free(b->addr);
		break;
	default:
		break;
	}
	b->kind = EMPTY;
}

static bool take(struct worker *w, struct block *b, enum kind kind, gfp_t gfp)
{
	b->order = some_order(w);
	b->page = NULL;
	b->addr = NULL;

	switch (kind) {
	case SPECULATED:
		/* An order-0 page has no tails that are freed at once. */
		b->order = b->order ?: 1;
		fallthrough;
	case PLAIN:
		b->page = alloc_pages(gfp, b->order);
		break;
	case ADDRESS:
		b->addr = (void *)__get_free_pages(gfp, b->order);
		break;
	case COMPOUND:
		b->page = alloc_pages(gfp | __GFP_COMP, b->order);
		break;
	case EXACT:
		b->size = (1 + below(w, 300)) * 2048UL;
		b->addr = alloc_pages_exact(b->size, gfp);
		break;
	case SPLIT:
		b->order = min(b->order, 6U);
		b->page = alloc_pages(gfp, b->order);
		if (b->page)
			split_page(b->page, b->order);
		break;
	case SLAB:
		b->addr = kmalloc(KMALLOC_MAX_CACHE_SIZE + 1 + below(w, 100000), gfp);
		break;
	case FRAG:
		b->addr = page_frag_alloc(&w->frags, 1 + below(w, PAGE_SIZE), gfp);
		break;
	default:
		break;
	}
	if (!b->page && !b->addr)
		return false;
	b->kind = kind;
	return true;
}

/* A random block of the pool changes hands. */
static int step_pool(struct worker *w, gfp_t gfp)
{
	struct block *b = &w->block[below(w, BLOCKS)];
	enum kind kind;

	if (b->kind != EMPTY) {
		give_back(w, b);
		return 0;
	}
	do {
		kind = 1 + below(w, NR_KINDS - 1);
	} while (!(path->kinds & BIT(kind)));
	if (take(w, b, kind, gfp))
		w->blocks++;
	else
		w->failures++;
	return 0;
}

/* Holes in random places, or a single one, among pages that stay. */
static int step_bulk_array(struct worker *w, gfp_t gfp)
{
	unsigned int i, only = below(w, PAGES), style = below(w, 4);
	unsigned int nr = style == 1 ? 1 + below(w, PAGES) : PAGES;
	struct page *before[PAGES];
	unsigned long got;

	for (i = 0; i < PAGES; i++) {
		bool empty = style == 0 ? i == only :
			     style == 1 ? true : below(w, 2);

		if (empty && w->page[i]) {
			__free_page(w->page[i]);
			w->page[i] = NULL;
		}
		before[i] = w->page[i];
	}
	/* With __GFP_ACCOUNT it always takes its fallback. */
	if (below(w, 8) == 0)
		gfp |= __GFP_ACCOUNT;
	got = test_bulk_array(gfp, nr, w->page);
	for (i = 0; i < PAGES; i++) {
		if (before[i] && w->page[i] != before[i]) {
			pr_err("bulk array: a filled slot was changed\n");
			return -EIO;
		}
		if (!before[i] && w->page[i])
			w->blocks++;
	}
	if (got < nr)
		w->failures++;
	return 0;
}

static int step_bulk_list(struct worker *w, gfp_t gfp)
{
	unsigned long got, wanted = 1 + below(w, PAGES);
	struct page *page, *next;
	LIST_HEAD(list);

	got = test_bulk_list(gfp, wanted, &list);
	/* Again, onto a list that is not empty. */
	got += test_bulk_list(gfp, wanted, &list);
	list_for_each_entry_safe(page, next, &list, lru) {
		list_del(&page->lru);
		__free_page(page);
		got--;
		w->blocks++;
	}
	return got ? -EIO : 0;
}

static int step_vmalloc(struct worker *w, gfp_t gfp)
{
	void *addr[4] = {};
	int i;

	for (i = 0; i < 4; i++) {
		unsigned long size = (1 + below(w, 200)) * PAGE_SIZE;

		switch (below(w, 4)) {
		case 0:
			addr[i] = test_vmalloc_huge(SZ_2M + size, gfp);
			break;
		case 1:
			addr[i] = __vmalloc(size, gfp | __GFP_ACCOUNT);
			break;
		default:
			addr[i] = __vmalloc(size, gfp);
		}
		if (addr[i])
			w->blocks++;
		else
			w->failures++;
	}
	for (i = 0; i < 4; i++)
		vfree(addr[i]);
	return 0;
}

/* Where memory can be emptied best: in the highest zone that there is. */
static unsigned long some_pfn(struct worker *w, unsigned long align)
{
	unsigned long first = ULONG_MAX, end = 0;
	int type, nid;

	for (type = ZONE_MOVABLE; type >= ZONE_DMA32 && !end; type--) {
		for_each_online_node(nid) {
			struct zone *zone = &NODE_DATA(nid)->node_zones[type];

			if (!populated_zone(zone))
				continue;
			first = min(first, zone->zone_start_pfn);
			end = max(end, zone_end_pfn(zone));
		}
	}
	if (!end || first + 2 * align >= end)
		return 0;
	return ALIGN(first + prandom_u32_state(&w->rnd) % (end - first - align), align);
}

/* What CMA, virtio-mem and gigantic pages do. A busy range is no failure. */
static int step_contig(struct worker *w, gfp_t gfp)
{
	unsigned long nr = below(w, 2) ? pageblock_nr_pages : 1UL << below(w, 9);
	unsigned long pfn, i;
	struct page *first, *last;
	int tries;

	pfn = some_pfn(w, nr);
	first = pfn_to_online_page(pfn);
	last = pfn_to_online_page(pfn + nr - 1);
	if (!pfn || !first || !last || page_zone(first) != page_zone(last))
		return 0;
	for (tries = 0; tries < 9; tries++) {
		int ret = test_alloc_contig(pfn, pfn + nr, gfp & ~__GFP_NORETRY);

		if (ret) {
			w->failures++;
			if (ret != -EBUSY && ret != -EINTR && ret != -ENOMEM)
				return ret;
			continue;
		}
		w->blocks++;
		if (below(w, 2)) {
			free_contig_range(pfn, nr);
			continue;
		}
		for (i = 0; i < nr; i++)
			__free_page(pfn_to_page(pfn + i));
	}
	return 0;
}

/* In a small cgroup the charge fails, and the page goes back before its event. */
static int step_charge(struct worker *w, gfp_t gfp)
{
	unsigned int i;

	gfp = below(w, 2) ? gfp : GFP_NOWAIT | __GFP_NOWARN;
	for (i = 0; i < BLOCKS; i++) {
		struct block *b = &w->block[i];

		if (b->kind != EMPTY)
			continue;
		b->order = below(w, 7);
		b->page = alloc_pages(gfp | __GFP_ACCOUNT, b->order);
		if (!b->page) {
			w->failures++;
			continue;
		}
		b->kind = PLAIN;
		w->blocks++;
	}
	for (i = 0; i < BLOCKS; i++)
		if (below(w, 4) == 0)
			give_back(w, &w->block[i]);
	return 0;
}

#define ANY_KIND (GENMASK(NR_KINDS - 1, 0) & ~BIT(EMPTY))

static const struct alloc_path paths[] = {
	{ "pool",	step_pool,	ANY_KIND },
	{ "plain",	step_pool,	BIT(PLAIN) | BIT(ADDRESS) },
	{ "speculated",	step_pool,	BIT(SPECULATED) },
	{ "compound",	step_pool,	BIT(COMPOUND) },
	{ "exact",	step_pool,	BIT(EXACT) },
	{ "split",	step_pool,	BIT(SPLIT) },
	{ "kmalloc",	step_pool,	BIT(SLAB) },
	{ "frag",	step_pool,	BIT(FRAG) },
	{ "bulk_array",	step_bulk_array, .missing = !TEST_HAVE_BULK },
	{ "bulk_list",	step_bulk_list,	.missing = !TEST_HAVE_BULK_LIST },
	{ "vmalloc",	step_vmalloc,	.sleeps = true },
	{ "contig",	step_contig,	.sleeps = true },
	{ "charge",	step_charge,	.sleeps = true, .must_fail = true },
};

static void worker_atomic_step(struct worker *w)
{
	int i;

	/* Several: getting into the context costs more than a step. */
	for (i = 0; i < 8 && !w->result; i++) {
		w->result = path->step(w, TEST_GFP_ATOMIC);
		w->steps++;
	}
}

static void worker_tasklet(struct tasklet_struct *t)
{
	worker_atomic_step(container_of(t, struct worker, tasklet));
}

static void worker_irq_work(struct irq_work *work)
{
	worker_atomic_step(container_of(work, struct worker, work));
}

static void worker_step(struct worker *w)
{
	if (!strcmp(ctx, "softirq")) {
		tasklet_schedule(&w->tasklet);
		tasklet_kill(&w->tasklet);
	} else if (!strcmp(ctx, "hardirq")) {
		irq_work_queue(&w->work);
		irq_work_sync(&w->work);
	} else {
		w->result = path->step(w, TEST_GFP_TASK);
		w->steps++;
	}
	cond_resched();
}

static void worker_empty(struct worker *w)
{
	unsigned int i;

	for (i = 0; i < BLOCKS; i++)
		give_back(w, &w->block[i]);
	for (i = 0; i < PAGES; i++)
		if (w->page[i])
			__free_page(w->page[i]);
	test_page_frag_drain(&w->frags);
}

static int worker_main(void *data)
{
	struct worker *w = data;

	while (!kthread_should_stop())
		if (w->result)
			schedule_timeout_interruptible(1);
		else
			worker_step(w);
	return 0;
}

static struct worker *worker_new(unsigned int seed)
{
	struct worker *w = kvzalloc(sizeof(*w), GFP_KERNEL);

	if (!w)
		return NULL;
	prandom_seed_state(&w->rnd, 0x9e3779b97f4a7c15ULL * (seed + 1));
	tasklet_setup(&w->tasklet, worker_tasklet);
	w->work = IRQ_WORK_INIT(worker_irq_work);
	return w;
}

static int run_here(void)
{
	unsigned long end = jiffies + seconds * HZ;
	struct worker *w = worker_new(0);
	int result;

	if (!w)
		return -ENOMEM;
	while (time_before(jiffies, end) && !w->result &&
	       !fatal_signal_pending(current))
		worker_step(w);
	worker_empty(w);
	result = w->result;
	if (!result && (!w->blocks || (path->must_fail && !w->failures)))
		result = -ENODATA;
	result = test_result(result, "op=%s ctx=%s steps=%lu blocks=%lu failures=%lu",
			     op, ctx, w->steps, w->blocks, w->failures);
	kvfree(w);
	return result;
}

static int run_threads(void)
{
	unsigned long steps = 0, blocks = 0, failures = 0;
	struct worker *w[16] = {};
	unsigned int i;
	int result = 0;

	threads = min_t(unsigned int, threads, ARRAY_SIZE(w));
	for (i = 0; i < threads; i++) {
		w[i] = worker_new(i);
		if (!w[i])
			break;
		w[i]->task = kthread_run(worker_main, w[i], "paths/%u", i);
		if (IS_ERR(w[i]->task)) {
			kvfree(w[i]);
			break;
		}
	}
	threads = i;
	ssleep(seconds);
	for (i = 0; i < threads; i++) {
		kthread_stop(w[i]->task);
		worker_empty(w[i]);
		result = result ?: w[i]->result;
		steps += w[i]->steps;
		blocks += w[i]->blocks;
		failures += w[i]->failures;
		kvfree(w[i]);
	}
	if (!result && !blocks)
		result = -ENODATA;
	return test_result(result, "op=%s ctx=%s steps=%lu blocks=%lu failures=%lu",
			   op, ctx, steps, blocks, failures);
}

static int __init paths_init(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(paths); i++)
		if (!strcmp(op, paths[i].name))
			path = &paths[i];
	if (!path || (path->sleeps && strcmp(ctx, "task"))) {
		pr_err("op=%s ctx=%s: no such path\n", op, ctx);
		return -EINVAL;
	}
	if (path->missing || (!TEST_HAVE_INTERRUPTS && !strcmp(ctx, "hardirq")))
		return test_result(-EOPNOTSUPP, "op=%s ctx=%s: not with this kernel",
				   op, ctx);
	return threads ? run_threads() : run_here();
}
module_init(paths_init);

MODULE_DESCRIPTION("dualbm test: the paths of the page allocator");
MODULE_LICENSE("GPL");
