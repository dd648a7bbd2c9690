// SPDX-License-Identifier: GPL-2.0-only
/*
 * The history on and off. The last frees are noted by the events themselves, behind a static key;
 * who allocated and freed a frame by probes of its own on both tracepoints, which are there only
 * while it is on. Both come after the event: what a report prints was before the one that is wrong.
 */
#include <linux/jump_label.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/sizes.h>
#include <linux/string.h>
#include <linux/tracepoint.h>

#include "dualbm.h"
#include "dualbm_history.h"
#include "dualbm_hooks.h"
#include "dualbm_past.h"
#include "dualbm_pieces.h"
#include "dualbm_sites.h"
#include "dualbm_source.h"
#include "dualbm_stacks.h"

enum history_mode { HISTORY_OFF, HISTORY_FREES, HISTORY_CALLERS, HISTORY_STACKS };

/* What there is of each: for a frame, and for all of them if nobody says how much. */
static const struct {
	const char *name;
	size_t bytes;
	unsigned int max_mib;
} modes[] = {
	[HISTORY_OFF] = { "off" },
	[HISTORY_FREES] = { "frees", DUALBM_PAST_FREE_BYTES, 64 },
	[HISTORY_CALLERS] = { "callers", DUALBM_PAST_BYTES, 1024 },
	[HISTORY_STACKS] = { "stacks", DUALBM_PAST_BYTES, 1024 },
};

unsigned int dualbm_history_mib;

static enum history_mode chosen, mode;
static bool is_chosen;
static DEFINE_MUTEX(mode_lock);

static noinline void history_alloc(void *data, struct page *page, unsigned int order,
				   gfp_t gfp, int migratetype)
{
	if (unlikely(!page))
		return;
	dualbm_event_enter();
	dualbm_past_alloc(page, order, dualbm_site_caller(DUALBM_OWN_SLOT));
	dualbm_event_leave();
}

static noinline void history_free(void *data, struct page *page, unsigned int order)
{
	dualbm_event_enter();
	dualbm_past_free(page, order, dualbm_site_caller(DUALBM_OWN_SLOT), dualbm_piece_freed);
	dualbm_event_leave();
}

static noinline void history_alloc_stack(void *data, struct page *page, unsigned int order,
					 gfp_t gfp, int migratetype)
{
	if (unlikely(!page))
		return;
	dualbm_event_enter();
	dualbm_past_alloc(page, order, dualbm_stack_now(DUALBM_OWN_SLOT));
	dualbm_event_leave();
}

static noinline void history_free_stack(void *data, struct page *page, unsigned int order)
{
	dualbm_event_enter();
	dualbm_past_free(page, order, dualbm_stack_now(DUALBM_OWN_SLOT), dualbm_piece_freed);
	dualbm_event_leave();
}

/* A place for each frame, as far as they go; or what was asked for. */
static unsigned int wanted_bits(enum history_mode wanted)
{
	size_t bytes = modes[wanted].bytes;
	unsigned long most = (u64)modes[wanted].max_mib * SZ_1M / bytes;

	if (dualbm_history_mib)
		return ilog2((u64)dualbm_history_mib * SZ_1M / bytes);
	return ilog2(min(roundup_pow_of_two(totalram_pages()), most));
}

/* What each notes by. */
static const struct {
	void *alloc, *free;
} probes[] = {
	[HISTORY_CALLERS] = { history_alloc, history_free },
	[HISTORY_STACKS] = { history_alloc_stack, history_free_stack },
};

/* After the probes of the events: what is noted is not yet there when these find a fault. */
static int attach(enum history_mode wanted)
{
	const int after = TRACEPOINT_DEFAULT_PRIO - 1;
	int ret;

	ret = tracepoint_probe_register_prio(dualbm_hooks[DUALBM_HOOK_ALLOC].tracepoint,
					     probes[wanted].alloc, NULL, after);
	if (ret)
		return ret;
	ret = tracepoint_probe_register_prio(dualbm_hooks[DUALBM_HOOK_FREE].tracepoint,
					     probes[wanted].free, NULL, after);
	if (ret)
		tracepoint_probe_unregister(dualbm_hooks[DUALBM_HOOK_ALLOC].tracepoint,
					    probes[wanted].alloc, NULL);
	return ret;
}

static void detach(void)
{
	tracepoint_probe_unregister(dualbm_hooks[DUALBM_HOOK_FREE].tracepoint,
				    probes[mode].free, NULL);
	tracepoint_probe_unregister(dualbm_hooks[DUALBM_HOOK_ALLOC].tracepoint,
				    probes[mode].alloc, NULL);
}

/* Nobody writes or reads any more: the key is off, and no probe is there. */
static void free_table(void)
{
	tracepoint_synchronize_unregister();
	synchronize_rcu();
	dualbm_past_close();
}

static void switch_off(void)
{
	if (mode == HISTORY_OFF)
		return;
	if (mode == HISTORY_FREES) {
		static_branch_disable(&dualbm_frees_on);
	} else {
		detach();
		static_branch_disable(&dualbm_history_on);
	}
	free_table();
	mode = HISTORY_OFF;
}

static int switch_on(enum history_mode wanted)
{
	const struct dualbm_hook *split = &dualbm_hooks[DUALBM_HOOK_SPLIT];
	unsigned int bits = wanted_bits(wanted);
	unsigned long frames;
	int ret;

	frames = dualbm_past_open(modes[wanted].bytes, bits,
				  split->attached && !READ_ONCE(split->dead),
				  wanted == HISTORY_STACKS);
	if (!frames) {
		pr_err("history: no memory for %zu MiB; off\n",
		       (modes[wanted].bytes << bits) / SZ_1M);
		return -ENOMEM;
	}
	if (wanted == HISTORY_FREES) {
		static_branch_enable(&dualbm_frees_on);
	} else {
		ret = attach(wanted);
		if (ret) {
			pr_err("history: the tracepoints say %d; off\n", ret);
			free_table();
			return ret;
		}
		static_branch_enable(&dualbm_history_on);
	}
	mode = wanted;
	pr_info("history: %s, %zu MiB, for %lu frames\n", modes[mode].name,
		dualbm_past_bytes() / SZ_1M, frames);
	return 0;
}

static int parse(const char *text)
{
	int word;

	for (word = 0; word < ARRAY_SIZE(modes); word++)
		if (sysfs_streq(text, modes[word].name))
			return word;
	pr_err("history: \"%*pE\" is not accepted; use \"off\", \"frees\", \"callers\" or \"stacks\"\n",
	       (int)min_t(size_t, strcspn(text, "\n"), 32), text);
	return -EINVAL;
}

int dualbm_history_choose(const char *text)
{
	int word = parse(text);

	if (word < 0)
		return word;
	chosen = word;
	is_chosen = true;
	return 0;
}

int dualbm_history_write(const char *text)
{
	int word = parse(text), ret = 0;

	if (word < 0)
		return word;
	mutex_lock(&mode_lock);
	if (word != mode) {
		switch_off();
		if (word != HISTORY_OFF)
			ret = switch_on(word);
	}
	mutex_unlock(&mode_lock);
	return ret;
}

/* By default it is what costs little: the boundary probes know who calls. */
void dualbm_history_start(void)
{
	mutex_lock(&mode_lock);
	if (!is_chosen && dualbm_boundary && DUALBM_HAVE_STEPS)
		chosen = HISTORY_FREES;
	if (chosen != mode)
		switch_on(chosen);
	mutex_unlock(&mode_lock);
}

void dualbm_history_exit(void)
{
	mutex_lock(&mode_lock);
	switch_off();
	mutex_unlock(&mode_lock);
}

const char *dualbm_history_name(void)
{
	return modes[READ_ONCE(mode)].name;
}
