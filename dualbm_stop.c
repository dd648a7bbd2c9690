// SPDX-License-Identifier: GPL-2.0-only
/*
 * All CPUs stopped: for whom, how often, and for how long.
 */
#include <linux/stop_machine.h>
#include <linux/timekeeping.h>

#include "dualbm.h"
#include "dualbm_stop.h"

struct stop {
	int (*function)(void *data);
	void *data;
};

/* Changed only with all CPUs stopped. */
static u64 longest_ns;

static int stopped(void *data)
{
	const struct stop *stop = data;
	u64 took, start = ktime_get_mono_fast_ns();
	int ret = stop->function(stop->data);

	took = ktime_get_mono_fast_ns() - start;
	dualbm_count(DUALBM_STAT_STOPS);
	dualbm_count_add(DUALBM_STAT_STOPPED_NS, took);
	if (took > longest_ns)
		WRITE_ONCE(longest_ns, took);
	return ret;
}

int dualbm_stop(int (*function)(void *data), void *data)
{
	struct stop stop = { .function = function, .data = data };

	return stop_machine(stopped, &stop, NULL);
}

u64 dualbm_stopped_max_ns(void)
{
	return READ_ONCE(longest_ns);
}
