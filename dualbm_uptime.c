// SPDX-License-Identifier: GPL-2.0-only
/*
 * For how long has it protected, and when did the last pass end? Whoever changes the mode or
 * ends a pass does not stop to note the time: this looks once a second, and what it cannot
 * vouch for counts as unprotected. The clock is the one of the machine's uptime.
 */
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/seqlock.h>

#include "dualbm.h"
#include "dualbm_mode.h"
#include "dualbm_uptime.h"

/* What the last look found. */
struct look {
	unsigned long generation;	/* 0 if events were not believed */
	u64 since;	/* from when on that is vouched for */
	u64 until;	/* up to when */
	u64 earlier;	/* the sum of all such times before */
	u64 passes;	/* of the scrubber, and when that number was new */
	u64 scrubbed;
};

static struct look last;
/* Written by the watchdog's work alone. */
static seqcount_t last_sequence = SEQCNT_ZERO(last_sequence);

static u64 scrub_passes(void)
{
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu) {
		const struct dualbm_counters *counters = per_cpu_ptr(&dualbm_counters, cpu);

		sum += READ_ONCE(counters->stat[DUALBM_STAT_SCRUB_PASSES]);
	}
	return sum;
}

/*
 * A time that ends is asked for before the generation, and one that begins after it: so no
 * moment is counted in which the generation was another one.
 */
static void bring_up_to_now(struct look *look)
{
	u64 passes = scrub_passes(), now = ktime_get_boottime_ns();
	unsigned long generation = dualbm_mode_generation();

	/* An NMI may have lost events that are forgotten a moment later. */
	if (dualbm_state_now() != DUALBM_STATE_ARMED)
		generation = 0;
	if (generation && generation == look->generation) {
		look->until = now;
	} else {
		look->earlier += look->until - look->since;
		look->generation = generation;
		look->since = ktime_get_boottime_ns();
		look->until = look->since;
	}
	if (passes != look->passes) {
		look->passes = passes;
		look->scrubbed = now;
	}
}

void dualbm_uptime_look(void)
{
	struct look look = last;

	bring_up_to_now(&look);
	preempt_disable();
	write_seqcount_begin(&last_sequence);
	last = look;
	write_seqcount_end(&last_sequence);
	preempt_enable();
}

void dualbm_uptime_read(struct dualbm_uptime *uptime)
{
	unsigned int sequence;
	struct look look, now;

	do {
		sequence = read_seqcount_begin(&last_sequence);
		look = last;
	} while (read_seqcount_retry(&last_sequence, sequence));
	now = look;
	bring_up_to_now(&now);
	/*
	 * Only what a look has vouched for: what is told here never becomes less, and what comes
	 * before the next look may yet be lost.
	 */
	uptime->protected = div_u64(look.earlier + look.until - look.since, NSEC_PER_MSEC);
	uptime->unbroken = now.generation && now.generation == look.generation ?
		div_u64(look.until - look.since, NSEC_PER_MSEC) : 0;
	uptime->scrubbed = now.passes ?
		div_u64(ktime_get_boottime_ns() - now.scrubbed, NSEC_PER_MSEC) : 0;
}
