// SPDX-License-Identifier: GPL-2.0-only
/*
 * Counters: of each CPU its own, added up by who reads them.
 */
#include "dualbm.h"

DEFINE_PER_CPU(struct dualbm_counters, dualbm_counters);

u64 dualbm_hook_hits(enum dualbm_hook_id id)
{
	u64 sum = 0;
	int cpu, order;

	for_each_possible_cpu(cpu) {
		const struct dualbm_counters *counters = per_cpu_ptr(&dualbm_counters, cpu);

		sum += READ_ONCE(counters->hits[id]);
		for (order = 0; order < DUALBM_COUNTED_ORDERS; order++) {
			if (id == DUALBM_HOOK_ALLOC)
				sum += READ_ONCE(counters->alloc[order]);
			if (id == DUALBM_HOOK_FREE)
				sum += READ_ONCE(counters->free[order]);
		}
	}
	return sum;
}
