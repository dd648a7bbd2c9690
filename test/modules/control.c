// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where in physical memory the words lie by which events find planes, and those that could
 * silence the module, for those who flip bits in them from outside.
 */
#include "testmod.h"

#include <linux/vmalloc.h>

/* "kallsyms: unexport kallsyms_lookup_name()", 5.7: a probe still finds it. */
static unsigned long no_address(const char *name)
{
	return 0;
}

DEFINE_STATIC_CALL(lookup_name, no_address);

static ulong limit, base, check, span, map, chunks, hole, stopping, started, interval;
module_param(limit, ulong, 0444);
module_param(base, ulong, 0444);
module_param(check, ulong, 0444);
module_param(span, ulong, 0444);
module_param(map, ulong, 0444);
module_param(chunks, ulong, 0444);
module_param(hole, ulong, 0444);
module_param(stopping, ulong, 0444);
module_param(started, ulong, 0444);
module_param(interval, ulong, 0444);

/* 0 if there is no such word. */
static unsigned long phys_of(const char *symbol, unsigned int word)
{
	unsigned long at = static_call(lookup_name)(symbol);

	if (!at)
		return 0;
	at += word * sizeof(long);
	return PFN_PHYS(vmalloc_to_pfn((void *)at)) + offset_in_page(at);
}

static int __init control_init(void)
{
	if (!test_find(lookup_name, no_address, "kallsyms_lookup_name"))
		return -ENOENT;
	limit = phys_of("dualbm:dualbm_flat", 0);
	base = phys_of("dualbm:dualbm_flat", 1);
	check = phys_of("dualbm:dualbm_flat", 2);
	span = phys_of("dualbm:span", 0);
	map = phys_of("dualbm:made", 0);
	chunks = phys_of("dualbm:made", 1);
	hole = phys_of("dualbm:made", 2);
	stopping = phys_of("dualbm:mode_stopping", 0);
	started = phys_of("dualbm:started", 0);
	interval = phys_of("dualbm:dualbm_scrub_interval_ms", 0);
	if (!stopping || !started || !interval)
		return -ENOENT;
	return limit && base && check && span && map && chunks && hole ? 0 : -ENOENT;
}
module_init(control_init);

static void __exit control_exit(void)
{
}
module_exit(control_exit);

MODULE_DESCRIPTION("dualbm test: where its control data lies");
MODULE_LICENSE("GPL");
