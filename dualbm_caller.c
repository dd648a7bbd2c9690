// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who called the allocator: the first function of a stack that is not one of its own.
 */
#include <linux/kallsyms.h>
#include <linux/module.h>
#include <linux/stacktrace.h>
#include <linux/string.h>

#include "dualbm.h"
#include "dualbm_caller.h"
#include "dualbm_violation.h"

/*
 * The allocator's own functions: the first frame of the stack that is none of
 * them is the caller. What is missing here makes a report less apt, not wrong.
 */
static const char * const allocator_prefixes[] = {
	"__alloc_pages", "alloc_pages", "__alloc_frozen", "alloc_frozen",
	"__folio_alloc", "folio_alloc", "vma_alloc_folio", "get_page_from_freelist",
	"__get_free_pages", "get_zeroed_page", "get_free_pages", "__free_pages",
	"___free_pages", "free_unref", "__free_unref", "free_pages", "free_frozen",
	"__free_frozen", "free_pcp", "free_the_page", "__free_one_page",
	"free_contig_range", "__free_contig_range", "__put_page", "put_page", "__folio_put",
	"folios_put", "release_pages", "__page_cache_release", "__isolate_free_page",
	"trace_", "stack_trace_save", "free_page_is_bad", "free_tail_page",
	"check_new_page", "check_pcp_refill", "rmqueue", "__rmqueue", "bulkfree_pcp",
	"drain_", "page_frag_free", "__page_frag_cache",
};

/* These by their whole names: others begin with them. */
static const char * const allocator_names[] = {
	"bad_page", "kfree", "kvfree", "free_large_kmalloc",
};

/*
 * How an event comes here; a function without a name is a trampoline. arm64's breakpoints
 * are exceptions, which begin with el1.
 */
static const char * const trampoline_prefixes[] = {
	"0x", "__traceiter_", "arch_ftrace", "arch_rethook", "ftrace_", "kprobe_", "kretprobe_",
	"rethook_", "optimized_callback", "opt_pre_handler", "aggr_pre_handler",
	"bpf_trampoline_", "__kretprobe_trampoline", "el1", "do_el1_", "do_debug_exception",
	"brk_handler", "call_break_hook",
};

static bool begins_with_one_of(const char *name, const char * const *prefixes, int nr)
{
	while (nr--)
		if (strstarts(name, prefixes[nr]))
			return true;
	return false;
}

static bool is_trampoline(unsigned long address)
{
	char name[KSYM_SYMBOL_LEN];

	sprint_symbol_no_offset(name, address);
	return begins_with_one_of(name, trampoline_prefixes, ARRAY_SIZE(trampoline_prefixes));
}

bool dualbm_caller_is_allocator(unsigned long address)
{
	char name[KSYM_SYMBOL_LEN];
	int i;

	sprint_symbol_no_offset(name, address);
	for (i = 0; i < ARRAY_SIZE(allocator_names); i++)
		if (!strcmp(name, allocator_names[i]))
			return true;
	return begins_with_one_of(name, allocator_prefixes, ARRAY_SIZE(allocator_prefixes)) ||
	       begins_with_one_of(name, trampoline_prefixes, ARRAY_SIZE(trampoline_prefixes));
}

static unsigned long find_caller(const struct dualbm_violation *v)
{
	unsigned int i;

	for (i = 0; i < v->stack_entries; i++)
		if (!within_module(v->stack[i], THIS_MODULE) &&
		    !dualbm_caller_is_allocator(v->stack[i]))
			return v->stack[i];
	return v->stack_entries ? v->stack[v->stack_entries - 1] : 0;
}

/*
 * A kprobe is an exception on arm64, and its stack leads from the function that was
 * probed to its caller's caller: the return address is in a register still.
 */
static void lead_through_caller(struct dualbm_violation *v)
{
	unsigned int i, at = 0;

	for (i = 0; i < v->stack_entries; i++) {
		if (v->stack[i] == v->caller)
			return;
		if (v->stack[i] == v->entry)
			at = i + 1;
	}
	if (!at || at == DUALBM_STACK_DEPTH)
		return;
	v->stack_entries = min_t(unsigned int, v->stack_entries + 1, DUALBM_STACK_DEPTH);
	for (i = v->stack_entries - 1; i > at; i--)
		v->stack[i] = v->stack[i - 1];
	v->stack[at] = v->caller;
}

/*
 * The first of these that is on the stack says what the allocator was at when it looked at
 * the page. bad_page() is called when a page is freed, and then its caller's call is at fault;
 * when one is allocated, and, before 6.2, when a CPU's lists are emptied, and then it is not.
 */
static const struct {
	const char *prefix;
	enum dualbm_event_type event;
} directions[] = {
	{ "free_pcppages_bulk", DUALBM_FORGET },
	{ "free_page_is_bad", DUALBM_NR_EVENTS },	/* either of the two */
	{ "check_new_page", DUALBM_ALLOC },
	{ "check_pcp_refill", DUALBM_ALLOC },
	{ "rmqueue", DUALBM_ALLOC },
	{ "__rmqueue", DUALBM_ALLOC },
	{ "get_page_from_freelist", DUALBM_ALLOC },
	{ "__alloc", DUALBM_ALLOC },
	{ "alloc_", DUALBM_ALLOC },
	{ "free", DUALBM_FREE },
	{ "__free", DUALBM_FREE },
	{ "___free", DUALBM_FREE },
};

static enum dualbm_event_type direction_of(unsigned long address)
{
	char name[KSYM_SYMBOL_LEN];
	int i;

	sprint_symbol_no_offset(name, address);
	for (i = 0; i < ARRAY_SIZE(directions); i++)
		if (strstarts(name, directions[i].prefix))
			return directions[i].event;
	return DUALBM_NR_EVENTS;
}

static enum dualbm_event_type find_direction(const struct dualbm_violation *v)
{
	enum dualbm_event_type event;
	unsigned int i;

	for (i = 0; i < v->stack_entries; i++) {
		event = within_module(v->stack[i], THIS_MODULE) ? DUALBM_NR_EVENTS :
			direction_of(v->stack[i]);
		if (event != DUALBM_NR_EVENTS)
			return event;
	}
	return DUALBM_FORGET;
}

static bool is_on_the_way(unsigned long address)
{
	return within_module(address, THIS_MODULE) || is_trampoline(address);
}

static void leave_out_the_way(struct dualbm_violation *v)
{
	unsigned int i, left = 0;

	for (i = 0; i < v->stack_entries; i++)
		if (!is_on_the_way(v->stack[i]))
			v->stack[left++] = v->stack[i];
	v->stack_entries = left;
}

/*
 * Where a register has the return address, a return probe of somebody has replaced it if it had
 * its turn before. What that one has found is the first in the task's list; it may have been
 * another one's.
 */
static unsigned long behind_return_probes(unsigned long address)
{
	const struct llist_node *node = dualbm_return_probes(current);

	for (; node && is_trampoline(address); node = READ_ONCE(node->next))
		address = (unsigned long)llist_entry(node, struct dualbm_return_probe,
						     llist)->ret_addr;
	return address;
}

void dualbm_caller_of_call(struct dualbm_violation *v, struct pt_regs *regs,
			   unsigned long address)
{
	v->entry = instruction_pointer(regs);
	v->caller = behind_return_probes(dualbm_entry_caller(regs));
	v->stack_entries = dualbm_stack_of_probe(regs, address, v->stack, DUALBM_STACK_DEPTH);
	/* Where the stack has it, the unwinder knows. */
	if (v->stack_entries > 1)
		v->caller = v->stack[1];
}

bool dualbm_caller_is_on_stack(unsigned long caller)
{
	unsigned long stack[DUALBM_STACK_DEPTH];
	unsigned int i, entries = stack_trace_save(stack, ARRAY_SIZE(stack), 0);

	for (i = 0; i < entries; i++)
		if (stack[i] == caller)
			return true;
	return false;
}

void dualbm_caller_find(struct dualbm_violation *v)
{
	if (v->class == DUALBM_BAD_PAGE) {
		v->event = find_direction(v);
	} else if (v->event == DUALBM_FORGET) {
		v->stack_entries = 0;
		return;
	}
	if (v->caller)
		lead_through_caller(v);
	if (!v->caller || dualbm_caller_is_allocator(v->caller))
		v->caller = find_caller(v);
	leave_out_the_way(v);
}
