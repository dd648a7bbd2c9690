// SPDX-License-Identifier: GPL-2.0-only
/*
 * Do the events tell of what is done? A version number does not say what was ported back to a
 * kernel. So before anything is hooked pages are allocated and freed in each way that callers
 * have, and each has to be told by its event, with that page and with that order. Where one way
 * is silent no record can be kept.
 */
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include <linux/tracepoint.h>

#include "dualbm.h"
#include "dualbm_hook_names.h"
#include "dualbm_proven.h"
#include "dualbm_symbol.h"
#include "dualbm_witness.h"

enum kind { ALLOCATED, FREED, NR_KINDS };

static const char * const event_names[NR_KINDS] = {
	[ALLOCATED] = DUALBM_NAMES_ALLOC,
	[FREED] = DUALBM_NAMES_FREE,
};

/*
 * What the events of one call said last. Who allocates may have to free a lot before that, and its
 * own event is the last of all.
 */
#define MAX_TOLD	64U

static struct told {
	enum kind kind;
	const struct page *page;
	unsigned int order;
} told[MAX_TOLD];
static unsigned int nr_told;
/* Whose calls count; its interrupts are somebody else's. */
static struct task_struct *listening;

static noinline void hear(enum kind kind, const struct page *page, unsigned int order)
{
	if (READ_ONCE(listening) == current && in_task())
		told[nr_told++ % MAX_TOLD] = (struct told){ kind, page, order };
}

static noinline void hear_alloc(void *data, struct page *page, unsigned int order,
				gfp_t gfp, int migratetype)
{
	hear(ALLOCATED, page, order);
}

static noinline void hear_free(void *data, struct page *page, unsigned int order)
{
	hear(FREED, page, order);
}

static void * const listeners[NR_KINDS] = {
	[ALLOCATED] = hear_alloc,
	[FREED] = hear_free,
};

/* ---- the ways ---- */

#define WITNESS_ORDER	3U
#define GFP_WITNESS	(GFP_KERNEL | __GFP_NOWARN)

static struct page *by_alloc_pages(unsigned int order)
{
	return alloc_pages(GFP_WITNESS, order);
}

static struct page *by_alloc_compound(unsigned int order)
{
	return alloc_pages(GFP_WITNESS | __GFP_COMP, order);
}

static struct page *by_alloc_node(unsigned int order)
{
	return alloc_pages_node(numa_mem_id(), GFP_WITNESS | __GFP_COMP, order);
}

static struct page *by_alloc_folio(unsigned int order)
{
	return dualbm_alloc_folio(GFP_WITNESS, order, numa_mem_id());
}

static struct page *by_get_free_pages(unsigned int order)
{
	unsigned long address = __get_free_pages(GFP_WITNESS | __GFP_COMP, order);

	return address ? virt_to_page((void *)address) : NULL;
}

static void by_free_pages(struct page *page, unsigned int order)
{
	__free_pages(page, order);
}

static void by_address(struct page *page, unsigned int order)
{
	free_pages((unsigned long)page_address(page), order);
}

static void by_put_page(struct page *page, unsigned int order)
{
	put_page(page);
}

static void by_release_pages(struct page *page, unsigned int order)
{
	release_pages(&page, 1);
}

/* Each way to a page, and each back, twice: a page, and a block. */
static const struct way {
	unsigned int order;
	const char *alloc_name;
	struct page *(*alloc)(unsigned int order);
	const char *free_name;
	void (*free)(struct page *page, unsigned int order);
} ways[] = {
	{ 0, "alloc_pages()", by_alloc_pages, "__free_pages()", by_free_pages },
	{ WITNESS_ORDER, "alloc_pages()", by_alloc_pages, "__free_pages()", by_free_pages },
	{ 0, "alloc_pages_node()", by_alloc_node, "put_page()", by_put_page },
	{ WITNESS_ORDER, "alloc_pages_node()", by_alloc_node, "put_page()", by_put_page },
	{ 0, "__get_free_pages()", by_get_free_pages, "free_pages()", by_address },
	{ WITNESS_ORDER, "__get_free_pages()", by_get_free_pages, "free_pages()", by_address },
	{ 0, DUALBM_ALLOC_FOLIO, by_alloc_folio, "release_pages()", by_release_pages },
	{ WITNESS_ORDER, DUALBM_ALLOC_FOLIO, by_alloc_folio, "release_pages()", by_release_pages },
	{ WITNESS_ORDER, "alloc_pages(__GFP_COMP)", by_alloc_compound,
	  "__free_pages()", by_free_pages },
};

static bool was_told(enum kind kind, const struct page *page, unsigned int order)
{
	unsigned int i;

	for (i = 0; i < min(nr_told, MAX_TOLD); i++)
		if (told[i].kind == kind && told[i].page == page && told[i].order == order)
			return true;
	return false;
}

static int refuse(enum kind kind, const char *name, unsigned int order)
{
	pr_err("event %s does not tell of %s, order %u, on this kernel; not loaded\n",
	       event_names[kind], name, order);
	return -ENODEV;
}

static int try_way(const struct way *way)
{
	struct page *page;
	bool heard;

	nr_told = 0;
	page = way->alloc(way->order);
	/* A block is not to be had at any time. */
	if (!page && way->order)
		return 0;
	if (!page) {
		pr_err("not enough memory to listen to events: %lu KiB needed\n",
		       PAGE_SIZE / 1024);
		return -ENOMEM;
	}
	heard = was_told(ALLOCATED, page, way->order);
	nr_told = 0;
	way->free(page, way->order);
	if (!heard)
		return refuse(ALLOCATED, way->alloc_name, way->order);
	if (!was_told(FREED, page, way->order))
		return refuse(FREED, way->free_name, way->order);
	return 0;
}

/* ---- listening ---- */

static struct tracepoint *tracepoints[NR_KINDS];

/* In reverse, those before @nr. */
static void stop_listening(int nr)
{
	while (nr--)
		tracepoint_probe_unregister(tracepoints[nr], listeners[nr], NULL);
	/* The module may go. */
	tracepoint_synchronize_unregister();
}

static int start_listening(void)
{
	int kind, ret;

	for (kind = 0; kind < NR_KINDS; kind++) {
		ret = tracepoint_probe_register(tracepoints[kind], listeners[kind], NULL);
		if (ret) {
			pr_err("cannot listen to event %s: error %d; not loaded\n",
			       event_names[kind], ret);
			stop_listening(kind);
			return ret;
		}
	}
	return 0;
}

int dualbm_events_witness(void)
{
	unsigned int i;
	int kind, ret;
	u64 began;

	for (kind = 0; kind < NR_KINDS; kind++) {
		tracepoints[kind] = dualbm_tracepoint_find(event_names[kind]);
		if (!tracepoints[kind])
			return 0;
	}
	ret = start_listening();
	if (ret)
		return ret;
	began = dualbm_proven_begin();
	WRITE_ONCE(listening, current);
	for (i = 0; i < ARRAY_SIZE(ways) && !ret; i++)
		ret = try_way(&ways[i]);
	WRITE_ONCE(listening, NULL);
	dualbm_proven_end(DUALBM_AT_LOAD, DUALBM_PROVEN_WAYS, began, !ret);
	stop_listening(NR_KINDS);
	return ret;
}
