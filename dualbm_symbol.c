// SPDX-License-Identifier: GPL-2.0-only
/*
 * Functions and tracepoints of the kernel that are not exported: where they are.
 */
#include <linux/kallsyms.h>
#include <linux/kprobes.h>
#include <linux/string.h>
#include <linux/tracepoint.h>

#include "dualbm.h"
#include "dualbm_symbol.h"

static unsigned long allocation_start, allocation_end;

unsigned long dualbm_function_address(const char *symbol)
{
	/* It is never armed: no code is changed for it. */
	struct kprobe probe = { .symbol_name = symbol, .flags = KPROBE_FLAG_DISABLED };
	unsigned long address;

	if (register_kprobe(&probe))
		return 0;
	address = (unsigned long)probe.addr;
	unregister_kprobe(&probe);
	return address;
}

struct tracepoint_search {
	const char *name;
	struct tracepoint *found;
};

static void match_tracepoint(struct tracepoint *tracepoint, void *data)
{
	struct tracepoint_search *search = data;

	if (!strcmp(tracepoint->name, search->name))
		search->found = tracepoint;
}

struct tracepoint *dualbm_tracepoint_find(const char *name)
{
	struct tracepoint_search search = { .name = name };

	for_each_kernel_tracepoint(match_tracepoint, &search);
	return search.found;
}

int dualbm_allocation_find(const char * const *symbols)
{
	char text[KSYM_SYMBOL_LEN];
	unsigned long offset, size;
	char *plus;
	int i;

	for (i = 0; symbols[i]; i++) {
		unsigned long address = dualbm_function_address(symbols[i]);

		if (!address)
			continue;
		/* "name+0xoffset/0xsize" is the one way for a module to learn the size. */
		sprint_symbol(text, address);
		plus = strrchr(text, '+');
		if (!plus || sscanf(plus, "+0x%lx/0x%lx", &offset, &size) != 2)
			continue;
		allocation_start = address - offset;
		allocation_end = allocation_start + size;
		return 0;
	}
	pr_err("cannot find %s, or what older kernels call it, which learning needs\n",
	       symbols[0]);
	return -ENOENT;
}

void dualbm_allocation_code(unsigned long *start, unsigned long *end)
{
	*start = allocation_start;
	*end = allocation_end;
}

bool dualbm_inside_allocation(unsigned long address)
{
	return address - allocation_start < allocation_end - allocation_start;
}
