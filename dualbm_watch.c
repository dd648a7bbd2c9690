// SPDX-License-Identifier: GPL-2.0-only
/*
 * Do the hooks fire? Each is provoked at load, and the ones that can be switched
 * off or silenced again and again; what they have lost is counted.
 */
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>

#include "dualbm.h"
#include "dualbm_boundary.h"
#include "dualbm_hooks.h"
#include "dualbm_source.h"
#include "dualbm_symbol.h"
#include "dualbm_watch.h"

/* The worker and the watch provoke hooks, one after the other. */
static DEFINE_MUTEX(watch_lock);

/* Is the call to ftrace in the function's code? For hooks nothing provokes. */
static bool site_is_live(const struct dualbm_hook *hook)
{
	unsigned long site = dualbm_function_address(hook->symbol);
	u8 code[DUALBM_ENTRY_BYTES + 4];
	int at;

	if (!site || copy_from_kernel_nofault(code, (void *)site, sizeof(code)))
		return false;
	for (at = 0; at <= DUALBM_ENTRY_BYTES; at += 4)
		if (DUALBM_FTRACE_SITE_IS_CALL(code + at))
			return true;
	return false;
}

/*
 * Isolates free pages as any user of contiguous ranges does: takes a block that
 * was just free, and gives it back.
 */
static void exercise_isolate(void)
{
	struct page *page = alloc_pages(GFP_HIGHUSER_MOVABLE | __GFP_NOWARN |
					__GFP_NORETRY, pageblock_order);
	unsigned long pfn, frames = 1UL << pageblock_order;

	if (!page)
		return;
	pfn = page_to_pfn(page);
	__free_pages(page, pageblock_order);
	if (!alloc_contig_range(pfn, pfn + frames, DUALBM_CONTIG_KIND,
				GFP_KERNEL | __GFP_NOWARN))
		free_contig_range(pfn, frames);
}

/*
 * More than one page at a time, so that vmalloc() asks the bulk allocator; one
 * more than a block, because since 6.19 it takes blocks first ("mm/vmalloc:
 * request large order pages from buddy allocator").
 */
static bool exercise_bulk(void)
{
	void *area = vmalloc(9 * PAGE_SIZE);

	vfree(area);
	return area;
}

static bool exercise_pages(void)
{
	struct page *page;

	dualbm_boundary_provoke(current);
	page = alloc_page(GFP_KERNEL_ACCOUNT);
	if (page)
		__free_page(page);
	dualbm_boundary_provoke(NULL);
	return page;
}

/* One that is optional is no loss of events: a check is off, and the log has it once. */
static void note_silence(struct dualbm_hook *hook, bool silent)
{
	if (silent)
		hook->silent++;
	if (silent != hook->dead && !hook->required)
		pr_notice("the optional hook %s %s\n", hook->symbol,
			  silent ? "does not fire: what it checks is not checked" :
				   "fires again");
	hook->dead = silent;
}

int dualbm_hooks_exercise(void)
{
	const char *silent = dualbm_source_silent();
	bool live[DUALBM_NR_HOOKS] = {};
	u64 before[DUALBM_NR_HOOKS];
	int id;

	if (silent) {
		pr_err("hook %s was attached but does not fire; not loaded\n", silent);
		return -ENODEV;
	}
	/* To look at them registers probes: before the jumps are switched on. */
	for (id = 0; id < DUALBM_NR_HOOKS; id++)
		live[id] = dualbm_hooks[id].attached &&
			   dualbm_hooks[id].mechanism == DUALBM_FTRACE &&
			   site_is_live(&dualbm_hooks[id]);
	dualbm_boundary_enable();
	for (id = 0; id < DUALBM_NR_HOOKS; id++)
		before[id] = dualbm_hook_hits(id);
	if (!exercise_pages() || !exercise_bulk()) {
		pr_err("not enough memory to exercise the hooks: 36 KiB needed\n");
		return -ENOMEM;
	}
	exercise_isolate();
	dualbm_call_unpoison(ULONG_MAX);
	for (id = 0; id < DUALBM_NR_HOOKS; id++) {
		struct dualbm_hook *hook = &dualbm_hooks[id];

		if (atomic64_read(&hook->strange)) {
			pr_err("hook %s is called with what is no block of frames; not loaded\n",
			       hook->symbol);
			return -ENODEV;
		}
		if (!hook->attached || dualbm_hook_hits(id) != before[id] ||
		    hook->mechanism == DUALBM_NOTIFIER || hook->mechanism == DUALBM_CPUHP)
			continue;
		/* These fire in places that nothing reaches without side effects. */
		if (live[id])
			continue;
		if (hook->required) {
			pr_err("hook %s was attached but does not fire; not loaded\n",
			       hook->symbol);
			return -ENODEV;
		}
		note_silence(hook, true);
	}
	return 0;
}

/*
 * Provoke the hooks that a switch or another probe can silence. Returns a required one
 * that is.
 */
static const char *kprobes_silent(void)
{
	static const enum dualbm_hook_id ids[] = {
		DUALBM_HOOK_ALLOC, DUALBM_HOOK_FREE, DUALBM_HOOK_BULK,
		DUALBM_HOOK_BOUNDARY_ALLOC, DUALBM_HOOK_BOUNDARY_FREE,
	};
	u64 before[ARRAY_SIZE(ids)];
	const char *silent = NULL;
	int i;

	/* A hook that counts the call as missed is not dead. */
	for (i = 0; i < ARRAY_SIZE(ids); i++)
		before[i] = dualbm_hook_hits(ids[i]) + dualbm_hook_missed(&dualbm_hooks[ids[i]]);
	/* Without memory nothing was provoked, and silence says nothing. */
	if (!exercise_pages() || !exercise_bulk())
		return NULL;
	for (i = 0; i < ARRAY_SIZE(ids); i++) {
		struct dualbm_hook *hook = &dualbm_hooks[ids[i]];

		if (!hook->attached)
			continue;
		note_silence(hook, dualbm_hook_hits(ids[i]) + dualbm_hook_missed(hook) ==
				   before[i]);
		if (hook->dead && hook->required)
			silent = hook->symbol;
	}
	return silent;
}

const char *dualbm_hooks_watch(void)
{
	const char *lost, *silent;
	int id;

	mutex_lock(&watch_lock);
	lost = dualbm_hooks_lost();
	for (id = 0; id < DUALBM_NR_HOOKS; id++)
		if (dualbm_hooks[id].attached && dualbm_hooks[id].mechanism == DUALBM_JUMP)
			dualbm_boundary_watch(&dualbm_hooks[id]);
	silent = kprobes_silent();
	mutex_unlock(&watch_lock);
	if (silent)
		pr_warn_ratelimited("hook %s does not fire\n", silent);
	return silent ? "a hook does not fire" : lost;
}
