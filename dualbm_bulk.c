// SPDX-License-Identifier: GPL-2.0-only
/*
 * The exit of the bulk allocator, whose fast path fires no event at all.
 *
 * Redirect: an ftrace_ops that may change the instruction pointer sends every
 * call to bulk_call() below, which calls the real function and then knows what
 * it has returned. It loses nothing, and is not limited in depth. The kernel
 * allows one such user for a function, so a livepatch of it excludes this; then
 * a return probe takes over, which can lose events but counts them.
 */
#include <linux/delay.h>
#include <linux/gfp.h>

#include "dualbm.h"
#include "dualbm_bulk.h"
#include "dualbm_event.h"
#include "dualbm_ftrace.h"
#include "dualbm_past.h"
#include "dualbm_source.h"
#include "dualbm_tasks.h"

/* Slots that can be told apart at the exit; callers ask for fewer. */
#define BULK_SLOTS	512
/* The fallback path sleeps with its instance held. */
#define BULK_MAXACTIVE	4096

/*
 * What bulk_call() asks for, so that its own call is known: a bit that no allocation has. Both
 * ways through the allocator look at bits by their names until they take away what is not in
 * gfp_allowed_mask (mm/page_alloc.c, __alloc_pages_bulk() and __alloc_pages(), 6.1 and 6.12).
 * Where the call came from does not tell: on arm64 a return probe of somebody is at the first
 * instruction, before ftrace, and has replaced the link register by then.
 */
#define BULK_OWN_CALL	((__force gfp_t)BIT(31))

static_assert(__GFP_BITS_SHIFT < 31);

/* What a call looked like at its entry: which slots were empty. */
struct bulk {
	struct page **array;
	struct list_head *list;
	unsigned long slots;
	DECLARE_BITMAP(empty, BULK_SLOTS);
};

static DEFINE_PER_CPU(long, bulk_inside);

static void bulk_entry(struct bulk *bulk, int nr_pages, struct list_head *list,
		       struct page **array)
{
	unsigned long slot;

	bulk->array = array;
	bulk->list = list;
	bulk->slots = max(nr_pages, 0);
	if (!array)
		return;
	bitmap_zero(bulk->empty, BULK_SLOTS);
	for (slot = 0; slot < min_t(unsigned long, bulk->slots, BULK_SLOTS); slot++)
		if (!array[slot])
			__set_bit(slot, bulk->empty);
}

static void bulk_page(struct page *page, enum dualbm_event_type event)
{
	dualbm_count(DUALBM_STAT_ALLOC_EVENTS);
	dualbm_count(DUALBM_STAT_ALLOC_PAGES);
	dualbm_event(event, page_to_pfn(page), 0);
	/* A single page has had its tracepoint. */
	if (static_branch_unlikely(&dualbm_history_on) && event != DUALBM_BULK_SINGLE)
		dualbm_history_bulk(page);
}

/*
 * mm/page_alloc.c, __alloc_pages_bulk(): the fallback to __alloc_pages() is for
 * exactly one page, and that has had its alloc event. Two or more new pages
 * have had none. Of slots beyond those that were looked at nothing is known.
 */
static void bulk_exit_array(const struct bulk *bulk)
{
	unsigned long known = min_t(unsigned long, bulk->slots, BULK_SLOTS);
	enum dualbm_event_type event = DUALBM_ALLOC;
	unsigned long slot, new = 0;

	for_each_set_bit(slot, bulk->empty, known)
		if (bulk->array[slot])
			new++;
	if (new < 2)
		event = DUALBM_BULK_SINGLE;
	for_each_set_bit(slot, bulk->empty, known)
		if (bulk->array[slot])
			bulk_page(bulk->array[slot], event);
	for (slot = known; slot < bulk->slots; slot++)
		if (bulk->array[slot])
			bulk_page(bulk->array[slot], DUALBM_CHARGE);
}

/* New pages are put at the head of the list. */
static void bulk_exit_list(const struct bulk *bulk, unsigned long new)
{
	enum dualbm_event_type event = new == 1 ? DUALBM_BULK_SINGLE : DUALBM_ALLOC;
	struct page *page;

	list_for_each_entry(page, bulk->list, lru) {
		if (!new--)
			break;
		bulk_page(page, event);
	}
}

static void bulk_exit(const struct bulk *bulk, unsigned long populated)
{
	if (bulk->array)
		bulk_exit_array(bulk);
	else if (bulk->list)
		bulk_exit_list(bulk, populated);
}

/* ---- redirect ---- */

/* Called in the place of the bulk allocator, with its arguments. */
static noinline unsigned long bulk_call(gfp_t gfp, int nid, nodemask_t *nodemask,
					int nr_pages, DUALBM_BULK_LIST_PARAMETER
					struct page **array)
{
	unsigned long populated;
	struct bulk bulk;

	this_cpu_inc(bulk_inside);
	dualbm_hit(DUALBM_HOOK_BULK);
	bulk_entry(&bulk, nr_pages, DUALBM_BULK_LIST_ARGUMENT, array);
	populated = dualbm_call_bulk(gfp | BULK_OWN_CALL, nid, nodemask, nr_pages, list, array);
	preempt_disable_notrace();
	bulk_exit(&bulk, populated);
	preempt_enable_notrace();
	this_cpu_dec(bulk_inside);
	return populated;
}

static void on_bulk(unsigned long ip, unsigned long parent_ip,
		    struct ftrace_ops *ops, struct ftrace_regs *fregs)
{
	struct dualbm_hook *hook = container_of(ops, struct dualbm_hook, ops);

	if (dualbm_ftrace_is_canary(hook, ip))
		return;
	if (dualbm_ftrace_argument(fregs, 0) & (__force unsigned long)BULK_OWN_CALL)
		return;
	dualbm_ftrace_redirect(fregs, (unsigned long)bulk_call);
}

/*
 * Nobody enters bulk_call() any more; wait for those who sleep in it, then for
 * those between its last count and its return.
 */
static void redirect_drain(void)
{
	long inside;
	int cpu;

	do {
		dualbm_tasks_wait();
		inside = 0;
		for_each_possible_cpu(cpu)
			inside += READ_ONCE(per_cpu(bulk_inside, cpu));
		if (inside)
			msleep(20);
	} while (inside);
	dualbm_tasks_wait();
	synchronize_rcu();
}

/* ---- return probe ---- */

static int bulk_probe_entry(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	struct list_head *list = NULL;
	unsigned int last = 4;

	if (DUALBM_BULK_HAS_LIST) {
		list = (struct list_head *)regs_get_kernel_argument(regs, 4);
		last = 5;
	}
	bulk_entry((struct bulk *)instance->data, regs_get_kernel_argument(regs, 3),
		   list, (struct page **)regs_get_kernel_argument(regs, last));
	return 0;
}

static int bulk_probe_exit(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	dualbm_hit(DUALBM_HOOK_BULK);
	bulk_exit((struct bulk *)instance->data, regs_return_value(regs));
	return 0;
}

static struct kretprobe bulk_probe;

static u64 bulk_probe_missed(void)
{
	return bulk_probe.nmissed + bulk_probe.kp.nmissed;
}

static int probe_attach(struct dualbm_hook *hook)
{
	int i, ret = -ENOENT;

	for (i = 0; i < DUALBM_MAX_ALTERNATES && hook->symbols[i]; i++) {
		bulk_probe = (struct kretprobe) {
			.kp.symbol_name = hook->symbols[i],
			.entry_handler = bulk_probe_entry,
			.handler = bulk_probe_exit,
			.data_size = sizeof(struct bulk),
			.maxactive = BULK_MAXACTIVE,
		};
		ret = register_kretprobe(&bulk_probe);
		if (!ret) {
			hook->symbol = hook->symbols[i];
			hook->mechanism = DUALBM_KRETPROBE;
			hook->missed = bulk_probe_missed;
			hook->seen = 0;
			break;
		}
	}
	return ret;
}

int dualbm_bulk_attach(struct dualbm_hook *hook)
{
	int ret;

	hook->mechanism = DUALBM_REDIRECT;
	ret = dualbm_ftrace_attach(hook, on_bulk, FTRACE_OPS_FL_IPMODIFY);
	if (ret == -EBUSY) {
		pr_notice("%s is livepatched: using a return probe, which may lose events\n",
			  hook->symbol);
		ret = probe_attach(hook);
	}
	return ret;
}

void dualbm_bulk_detach(struct dualbm_hook *hook)
{
	if (hook->mechanism == DUALBM_KRETPROBE) {
		unregister_kretprobe(&bulk_probe);
		return;
	}
	dualbm_ftrace_detach(hook);
	redirect_drain();
}
