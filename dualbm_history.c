// SPDX-License-Identifier: GPL-2.0-only
/*
 * The history on and off: probes of its own on both tracepoints, which are there only while it
 * is on, and come after those of the events: what a report prints was before the event that is
 * wrong.
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

#define DEFAULT_MAX_MIB	1024

enum history_mode { HISTORY_OFF, HISTORY_CALLERS };

static const char * const mode_names[] = {
	[HISTORY_OFF] = "off",
	[HISTORY_CALLERS] = "callers",
};

unsigned int dualbm_history_mib;

static enum history_mode chosen, mode;
static DEFINE_MUTEX(mode_lock);

static noinline void history_alloc(void *data, struct page *page, unsigned int order,
				   gfp_t gfp, int migratetype)
{
	if (unlikely(!page))
		return;
	dualbm_event_enter();
	dualbm_past_alloc(page, order, DUALBM_OWN_SLOT);
	dualbm_event_leave();
}

static noinline void history_free(void *data, struct page *page, unsigned int order)
{
	dualbm_event_enter();
	dualbm_past_free(page, order, DUALBM_OWN_SLOT, dualbm_piece_freed);
	dualbm_event_leave();
}

/* A bucket for each frame, but no more than a GiB; or what was asked for. */
static unsigned int wanted_bits(void)
{
	unsigned long most = (u64)DEFAULT_MAX_MIB * SZ_1M / DUALBM_PAST_BYTES;

	if (dualbm_history_mib)
		return ilog2((u64)dualbm_history_mib * SZ_1M / DUALBM_PAST_BYTES);
	return ilog2(min(roundup_pow_of_two(totalram_pages()), most));
}

/* After the probes of the events: what is noted is not yet there when these find a fault. */
static int attach(void)
{
	const int after = TRACEPOINT_DEFAULT_PRIO - 1;
	int ret;

	ret = tracepoint_probe_register_prio(dualbm_hooks[DUALBM_HOOK_ALLOC].tracepoint,
					     history_alloc, NULL, after);
	if (ret)
		return ret;
	ret = tracepoint_probe_register_prio(dualbm_hooks[DUALBM_HOOK_FREE].tracepoint,
					     history_free, NULL, after);
	if (ret)
		tracepoint_probe_unregister(dualbm_hooks[DUALBM_HOOK_ALLOC].tracepoint,
					    history_alloc, NULL);
	return ret;
}

static void detach(void)
{
	tracepoint_probe_unregister(dualbm_hooks[DUALBM_HOOK_FREE].tracepoint, history_free,
				    NULL);
	tracepoint_probe_unregister(dualbm_hooks[DUALBM_HOOK_ALLOC].tracepoint, history_alloc,
				    NULL);
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
	detach();
	static_branch_disable(&dualbm_history_on);
	free_table();
	mode = HISTORY_OFF;
}

static int switch_on(void)
{
	const struct dualbm_hook *split = &dualbm_hooks[DUALBM_HOOK_SPLIT];
	unsigned int bits = wanted_bits();
	unsigned long frames;
	int ret;

	frames = dualbm_past_open(bits, split->attached && !READ_ONCE(split->dead));
	if (!frames) {
		pr_err("history: no memory for %zu MiB; off\n",
		       (DUALBM_PAST_BYTES << bits) / SZ_1M);
		return -ENOMEM;
	}
	ret = attach();
	if (ret) {
		pr_err("history: the tracepoints say %d; off\n", ret);
		free_table();
		return ret;
	}
	static_branch_enable(&dualbm_history_on);
	mode = HISTORY_CALLERS;
	pr_info("history: callers, %zu MiB, for %lu frames\n",
		frames * DUALBM_PAST_BYTES / SZ_1M, frames);
	return 0;
}

static int parse(const char *text)
{
	int word = __sysfs_match_string(mode_names, ARRAY_SIZE(mode_names), text);

	if (word < 0)
		pr_err("history: \"%*pE\" is not accepted; use \"off\" or \"callers\"\n",
		       (int)min_t(size_t, strcspn(text, "\n"), 32), text);
	return word;
}

int dualbm_history_choose(const char *text)
{
	int word = parse(text);

	if (word < 0)
		return -EINVAL;
	chosen = word;
	return 0;
}

int dualbm_history_write(const char *text)
{
	int word = parse(text), ret = 0;

	if (word < 0)
		return -EINVAL;
	mutex_lock(&mode_lock);
	if (word != mode && word == HISTORY_OFF)
		switch_off();
	else if (word != mode)
		ret = switch_on();
	mutex_unlock(&mode_lock);
	return ret;
}

void dualbm_history_start(void)
{
	mutex_lock(&mode_lock);
	if (chosen != mode)
		switch_on();
	mutex_unlock(&mode_lock);
}

void dualbm_history_exit(void)
{
	mutex_lock(&mode_lock);
	if (mode != HISTORY_OFF)
		switch_off();
	mutex_unlock(&mode_lock);
}

const char *dualbm_history_name(void)
{
	return mode_names[READ_ONCE(mode)];
}
