// SPDX-License-Identifier: GPL-2.0-only
/*
 * The sources of events, as they do now: what they have lost, and which are silent. Their table,
 * and how they are attached, is above.
 */
#include "dualbm.h"
#include "dualbm_canary.h"
#include "dualbm_source.h"

/* A row for each; filled in before the first of them is attached. */
static struct dualbm_hook *sources;

void dualbm_source_use(struct dualbm_hook *table)
{
	sources = table;
}

/*
 * Does every ftrace hook still deliver? The canary is in the filter of each;
 * the call is counted on this CPU, or not at all. Returns a required one that
 * does not.
 */
const char *dualbm_source_silent(void)
{
	u64 before[DUALBM_NR_HOOKS];
	const char *silent = NULL;
	int id;

	preempt_disable_notrace();
	for (id = 0; id < DUALBM_NR_HOOKS; id++)
		before[id] = this_cpu_read(dualbm_counters.canary[id]);
	dualbm_hook_canary();
	for (id = 0; id < DUALBM_NR_HOOKS; id++) {
		struct dualbm_hook *hook = &sources[id];

		if (!hook->attached || !hook->ops.func)
			continue;
		hook->dead = before[id] == this_cpu_read(dualbm_counters.canary[id]);
		if (hook->dead && hook->required)
			silent = hook->symbol;
	}
	preempt_enable_notrace();
	return silent;
}

/* This kernel's function is another one than the hook is for: what other calls say may be wrong. */
static const char *strange(void)
{
	int id;

	for (id = 0; id < DUALBM_NR_HOOKS; id++)
		if (atomic64_read(&sources[id].strange))
			return "a hooked function was called with what is no block of frames";
	return NULL;
}

u64 dualbm_hook_missed(const struct dualbm_hook *hook)
{
	u64 missed = hook->silent + atomic64_read(&hook->strange);

	if (hook->attached && hook->missed)
		missed += hook->missed();
	return missed;
}

u64 dualbm_hooks_missed(void)
{
	u64 missed = 0;
	int id;

	for (id = 0; id < DUALBM_NR_HOOKS; id++)
		missed += dualbm_hook_missed(&sources[id]);
	return missed;
}

const char *dualbm_hooks_lost(void)
{
	const char *lost = NULL;
	int id;

	for (id = 0; id < DUALBM_NR_HOOKS; id++) {
		struct dualbm_hook *hook = &sources[id];
		u64 missed;

		if (!hook->attached || !hook->required || !hook->missed)
			continue;
		missed = hook->missed();
		if (xchg(&hook->seen, missed) != missed)
			lost = "a required hook has missed events";
	}
	if (dualbm_source_silent())
		lost = "an ftrace hook does not fire";
	return strange() ?: lost;
}

const char *dualbm_hooks_dead(void)
{
	int id;

	for (id = 0; id < DUALBM_NR_HOOKS; id++)
		if (sources[id].required && sources[id].dead)
			return "a required hook does not fire";
	return strange();
}

bool dualbm_hooks_may_lose(void)
{
	return sources[DUALBM_HOOK_BULK].mechanism == DUALBM_KRETPROBE;
}
