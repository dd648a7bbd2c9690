// SPDX-License-Identifier: GPL-2.0-only
/*
 * What was proven, and how long it took: for people, nothing goes by it. Whoever proves
 * says so here, and refuses to load, or degrades the state, by himself.
 */
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/sysfs.h>

#include "dualbm.h"
#include "dualbm_proven.h"

static const char * const part_names[] = {
	[DUALBM_PROVEN_WAYS] = "ways",
	[DUALBM_PROVEN_LISTS] = "lists",
	[DUALBM_PROVEN_RULES] = "rules",
	[DUALBM_PROVEN_BLOCKS] = "blocks",
	[DUALBM_PROVEN_CODEWORDS] = "codewords",
	[DUALBM_PROVEN_BASE] = "base",
	[DUALBM_PROVEN_REPORTS] = "reports",
	[DUALBM_PROVEN_HOOKS] = "hooks",
	[DUALBM_PROVEN_EVENTS] = "events",
	[DUALBM_PROVEN_SCRUBBER] = "scrubber",
};

static_assert(ARRAY_SIZE(part_names) == DUALBM_NR_PROVEN);

static const char * const occasion_names[] = {
	[DUALBM_AT_LOAD] = "load",
	[DUALBM_ON_REQUEST] = "request",
};

static_assert(ARRAY_SIZE(occasion_names) == DUALBM_NR_OCCASIONS);

/*
 * The time that it took, shifted, beside whether it passed: one word, so that a reader gets
 * both of the same proof. 0 if there was none; a proof takes a nanosecond at least.
 */
#define PASSED	BIT_ULL(0)

static u64 outcomes[DUALBM_NR_OCCASIONS][DUALBM_NR_PROVEN];
/* When each occasion's last part ended. */
static u64 ended[DUALBM_NR_OCCASIONS];

u64 dualbm_proven_begin(void)
{
	return ktime_get_ns();
}

void dualbm_proven_end(enum dualbm_occasion occasion, enum dualbm_part_proven part, u64 began,
		       bool passed)
{
	u64 now = ktime_get_ns();

	WRITE_ONCE(ended[occasion], now);
	WRITE_ONCE(outcomes[occasion][part],
		   max(now - began, 1ULL) << 1 | (passed ? PASSED : 0));
}

void dualbm_proven_forget(enum dualbm_occasion occasion)
{
	int part;

	for (part = 0; part < DUALBM_NR_PROVEN; part++)
		WRITE_ONCE(outcomes[occasion][part], 0);
}

int dualbm_proven_show(char *buffer)
{
	int occasion, part, length = 0;

	for (occasion = 0; occasion < DUALBM_NR_OCCASIONS; occasion++) {
		u64 ago = ktime_get_ns() - READ_ONCE(ended[occasion]);

		for (part = 0; part < DUALBM_NR_PROVEN; part++) {
			u64 outcome = READ_ONCE(outcomes[occasion][part]);

			if (!outcome)
				continue;
			length += sysfs_emit_at(buffer, length,
						"proof=%s when=%s result=%s took_ns=%llu ago_ms=%llu\n",
						part_names[part], occasion_names[occasion],
						outcome & PASSED ? "passed" : "failed",
						outcome >> 1, div_u64(ago, NSEC_PER_MSEC));
		}
	}
	return length;
}
