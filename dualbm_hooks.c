// SPDX-License-Identifier: GPL-2.0-only
/*
 * The hook table: every source of events, how it is attached, and how its
 * arguments become an event.
 *
 * Events rest on tracepoints and on raw ftrace_ops at function entry. Neither
 * loses a call to another probe's handler, as kprobes do.
 */
#include <linux/cpuhotplug.h>
#include <linux/kallsyms.h>
#include <linux/memory_hotplug.h>
#include <linux/module.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "dualbm.h"
#include "dualbm_boundary.h"
#include "dualbm_bulk.h"
#include "dualbm_counts.h"
#include "dualbm_event.h"
#include "dualbm_ftrace.h"
#include "dualbm_guard.h"
#include "dualbm_hook_names.h"
#include "dualbm_hooks.h"
#include "dualbm_kernel.h"
#include "dualbm_mode.h"
#include "dualbm_past.h"
#include "dualbm_request.h"
#include "dualbm_source.h"
#include "dualbm_symbol.h"
#include "dualbm_tasks.h"
#include "dualbm_witness.h"

static unsigned long argument(struct ftrace_regs *regs, unsigned int n)
{
	return dualbm_ftrace_argument(regs, n);
}

static bool is_block(const struct page *page, unsigned int order)
{
	unsigned long pfn = page_to_pfn(page);

	/* To the compiler any pointer is one to a whole struct page. */
	OPTIMIZER_HIDE_VAR(pfn);
	return order <= DUALBM_MAX_ORDER && pfn_valid(pfn) && pfn_to_page(pfn) == page &&
	       IS_ALIGNED(pfn, 1UL << order);
}

/*
 * No header has the prototypes of these functions. One that was changed by a back-port shows here
 * at its first call: a block as the buddy allocator knows it is not what any other argument is.
 */
static void block_event(enum dualbm_hook_id id, enum dualbm_event_type event,
			const struct page *page, unsigned int order)
{
	if (likely(is_block(page, order)))
		dualbm_event(event, page_to_pfn(page), order);
	else
		atomic64_inc(&dualbm_hooks[id].strange);
}

/* mm/page_alloc.c, __isolate_free_page(page, order): zone->lock is held. */
static void entry_isolate(struct ftrace_regs *regs, unsigned long caller)
{
	block_event(DUALBM_HOOK_ISOLATE, DUALBM_ISOLATE, (struct page *)argument(regs, 0),
		    argument(regs, 1));
}

/* mm/page_alloc.c, __putback_isolated_page(page, order, mt): zone->lock is held. */
static void entry_putback(struct ftrace_regs *regs, unsigned long caller)
{
	block_event(DUALBM_HOOK_PUTBACK, DUALBM_PUTBACK, (struct page *)argument(regs, 0),
		    argument(regs, 1));
}

/*
 * mm/memcontrol.c, __memcg_kmem_charge_page(page, gfp, order): if it fails,
 * __alloc_pages() frees the block again, before its alloc event.
 */
static void entry_charge(struct ftrace_regs *regs, unsigned long caller)
{
	block_event(DUALBM_HOOK_CHARGE, DUALBM_CHARGE, (struct page *)argument(regs, 0),
		    argument(regs, 2));
}

/*
 * mm/compaction.c, compaction_free(folio, data): its mm_page_free is for a page
 * that goes back to compaction's own list, and is handed out again silently.
 */
static void entry_depart(struct ftrace_regs *regs, unsigned long caller)
{
	struct page *page = (struct page *)argument(regs, 0);

	block_event(DUALBM_HOOK_DEPART, DUALBM_DEPART, page,
		    is_block(page, 0) ? compound_order(page) : 0);
}

/*
 * mm/memory-failure.c, unpoison_memory(pfn): gives a frame back that an event
 * freed, or that was taken off the buddy lists without one. The caller need not
 * own the frame, so an event of its own would race with those of an owner; this
 * is rare, and everything is forgotten and learned again instead.
 */
static void entry_unpoison(struct ftrace_regs *regs, unsigned long caller)
{
	struct page *page = pfn_to_online_page(argument(regs, 0));

	if (!page || (!PageHWPoison(page) && !PageHWPoison(compound_head(page))))
		return;
	dualbm_count(DUALBM_STAT_FORGET_EVENTS);
	dualbm_mode_forget();
	dualbm_learn_request();
}

/*
 * mm/memcontrol.c, split_page_memcg(page, ...), 5.10 to 7.3: what split_page() and
 * make_alloc_exact() both call before any part of the block can be freed by itself. The other
 * arguments are another thing in nearly each release.
 */
static void entry_split(struct ftrace_regs *regs, unsigned long caller)
{
	if (static_branch_unlikely(&dualbm_history_on))
		dualbm_history_split((struct page *)argument(regs, 0));
}

/*
 * mm/swap.c, __folio_put(folio), __put_page(page) before 5.18: the count is 0 by now, and what
 * it was the last reference of will be freed.
 */
static void entry_put(struct ftrace_regs *regs, unsigned long caller)
{
	struct page *page = (struct page *)argument(regs, 0);

	if (unlikely(dualbm_page_keeps_mapping(page)))
		dualbm_mapping_put(page);
	if (static_branch_likely(&dualbm_frees_on))
		dualbm_past_call(page, caller);
}

static int tracepoint_attach(struct dualbm_hook *hook);
static void tracepoint_detach(struct dualbm_hook *hook);
static int entry_attach(struct dualbm_hook *hook);
static int memory_attach(struct dualbm_hook *hook);
static void memory_detach(struct dualbm_hook *hook);
static int large_kfree_attach(struct dualbm_hook *hook);
static int cpu_attach(struct dualbm_hook *hook);
static void cpu_detach(struct dualbm_hook *hook);

#define TRACEPOINT(function)					\
	.mechanism = DUALBM_TRACEPOINT, .probe = function,	\
	.attach = tracepoint_attach, .detach = tracepoint_detach
#define ENTRY(function)						\
	.mechanism = DUALBM_FTRACE, .entry = function,		\
	.attach = entry_attach, .detach = dualbm_ftrace_detach

struct dualbm_hook dualbm_hooks[DUALBM_NR_HOOKS] = {
	[DUALBM_HOOK_ALLOC] = {
		.symbols = { DUALBM_NAMES_ALLOC }, .required = true,
		TRACEPOINT(dualbm_probe_alloc),
	},
	[DUALBM_HOOK_FREE] = {
		.symbols = { DUALBM_NAMES_FREE }, .required = true,
		TRACEPOINT(dualbm_probe_free),
	},
	[DUALBM_HOOK_ISOLATE] = {
		.symbols = { DUALBM_NAMES_ISOLATE }, .required = true,
		ENTRY(entry_isolate),
	},
	[DUALBM_HOOK_PUTBACK] = {
		.symbols = { DUALBM_NAMES_PUTBACK },
		ENTRY(entry_putback),
	},
	[DUALBM_HOOK_CHARGE] = {
		.absent = !DUALBM_HAVE_CHARGE,
		.symbols = { DUALBM_NAMES_CHARGE }, .required = true,
		ENTRY(entry_charge),
	},
	[DUALBM_HOOK_DEPART] = {
		.absent = !DUALBM_HAVE_DEPART,
		.symbols = { DUALBM_NAMES_DEPART }, .required = true,
		ENTRY(entry_depart),
	},
	[DUALBM_HOOK_BULK] = {
		.absent = !DUALBM_HAVE_BULK,
		.symbols = { DUALBM_NAMES_BULK },
		.required = true, .mechanism = DUALBM_REDIRECT,
		.attach = dualbm_bulk_attach, .detach = dualbm_bulk_detach,
	},
	[DUALBM_HOOK_UNPOISON] = {
		.absent = !DUALBM_HAVE_UNPOISON,
		.symbols = { DUALBM_NAMES_UNPOISON }, .required = true,
		ENTRY(entry_unpoison),
	},
	[DUALBM_HOOK_MEMORY] = {
		.symbols = { "memory_hotplug" }, .required = true,
		.mechanism = DUALBM_NOTIFIER,
		.attach = memory_attach, .detach = memory_detach,
	},
	[DUALBM_HOOK_CPU] = {
		.symbols = { "cpu_hotplug" }, .required = true,
		.mechanism = DUALBM_CPUHP,
		.attach = cpu_attach, .detach = cpu_detach,
	},
	[DUALBM_HOOK_BAD_PAGE] = {
		.symbols = { DUALBM_NAMES_BAD_PAGE },
		.without = "bad pages are in the log only; panic_on_taint=0x20 covers them",
		ENTRY(dualbm_entry_bad_page),
	},
	[DUALBM_HOOK_SPLIT] = {
		.symbols = { DUALBM_NAMES_SPLIT },
		.without = "a free inside of a block is told by nobody (history=callers)",
		ENTRY(entry_split),
	},
	[DUALBM_HOOK_BOUNDARY_ALLOC] = {
		.symbols = { DUALBM_NAMES_BOUNDARY_ALLOC },
		.mechanism = DUALBM_JUMP,
		.attach = dualbm_boundary_attach, .detach = dualbm_boundary_detach,
	},
	[DUALBM_HOOK_BOUNDARY_FREE] = {
		.symbols = { DUALBM_NAMES_BOUNDARY_FREE },
		.mechanism = DUALBM_JUMP,
		.attach = dualbm_boundary_attach, .detach = dualbm_boundary_detach,
	},
	[DUALBM_HOOK_FRAG_FREE] = {
		.symbols = { DUALBM_NAMES_FRAG_FREE },
		ENTRY(dualbm_entry_frag_free),
	},
	[DUALBM_HOOK_FRAG_DRAIN] = {
		.symbols = { DUALBM_NAMES_FRAG_DRAIN },
		ENTRY(dualbm_entry_frag_drain),
	},
	[DUALBM_HOOK_LARGE_KFREE] = {
		.symbols = { DUALBM_NAMES_LARGE_KFREE },
		.mechanism = DUALBM_FTRACE, .entry = dualbm_entry_large_kfree,
		.attach = large_kfree_attach, .detach = dualbm_ftrace_detach,
	},
	[DUALBM_HOOK_PUT] = {
		.symbols = { DUALBM_NAMES_PUT },
		ENTRY(entry_put),
	},
};

static const char * const mechanism_names[] = {
	[DUALBM_TRACEPOINT] = "tracepoint",
	[DUALBM_FTRACE] = "ftrace",
	[DUALBM_REDIRECT] = "redirect",
	[DUALBM_JUMP] = "jump",
	[DUALBM_KPROBE] = "kprobe",
	[DUALBM_KRETPROBE] = "kretprobe",
	[DUALBM_NOTIFIER] = "notifier",
	[DUALBM_CPUHP] = "cpuhp",
};

static int cpu_state_online, cpu_state_prepare;

/* ---- tracepoints ---- */

static int tracepoint_attach(struct dualbm_hook *hook)
{
	int ret;

	hook->tracepoint = dualbm_tracepoint_find(hook->symbols[0]);
	if (!hook->tracepoint)
		return -ENOENT;
	ret = tracepoint_probe_register(hook->tracepoint, hook->probe, NULL);
	if (!ret)
		hook->symbol = hook->symbols[0];
	return ret;
}

static void tracepoint_detach(struct dualbm_hook *hook)
{
	tracepoint_probe_unregister(hook->tracepoint, hook->probe, NULL);
	tracepoint_synchronize_unregister();
}

/* ---- ftrace ---- */

static void on_entry(unsigned long ip, unsigned long parent_ip,
		     struct ftrace_ops *ops, struct ftrace_regs *fregs)
{
	struct dualbm_hook *hook = container_of(ops, struct dualbm_hook, ops);

	preempt_disable_notrace();
	if (!dualbm_ftrace_is_canary(hook, ip)) {
		dualbm_hit(hook->id);
		hook->entry(fregs, parent_ip);
	}
	preempt_enable_notrace();
}

static int entry_attach(struct dualbm_hook *hook)
{
	return dualbm_ftrace_attach(hook, on_entry, 0);
}

/*
 * "mm/slab: allocate frozen pages", 6.15: the pages of a large object have no count any more,
 * but a type. The kernel is asked, as others have taken half of that into older releases.
 */
static int large_kfree_attach(struct dualbm_hook *hook)
{
	return dualbm_large_is_told() ? entry_attach(hook) : -ENOENT;
}

/* ---- memory notifier: dualbm_memory.c has it for as long as there are chunks ---- */

static int memory_attach(struct dualbm_hook *hook)
{
	hook->symbol = hook->symbols[0];
	return 0;
}

static void memory_detach(struct dualbm_hook *hook)
{
}

/* ---- CPU bracket ---- */

static int cpu_bracket_begin(unsigned int cpu)
{
	dualbm_hit(DUALBM_HOOK_CPU);
	dualbm_count(DUALBM_STAT_FORGET_EVENTS);
	dualbm_bracket_begin(cpu);
	return 0;
}

static int cpu_bracket_end(unsigned int cpu)
{
	dualbm_hit(DUALBM_HOOK_CPU);
	dualbm_bracket_end(cpu);
	return 0;
}

/*
 * Going up, "prepare" comes first and "online" last; going down it is the other
 * way round. Between the two the CPU may run without being online. A way that
 * is broken off runs back through the same states.
 */
static int cpu_attach_locked(void)
{
	int ret;

	ret = cpuhp_setup_state_nocalls_cpuslocked(CPUHP_BP_PREPARE_DYN, "dualbm:prepare",
						   cpu_bracket_begin, cpu_bracket_end);
	if (ret < 0)
		return ret;
	cpu_state_prepare = ret;
	ret = cpuhp_setup_state_nocalls_cpuslocked(CPUHP_AP_ONLINE_DYN, "dualbm:online",
						   cpu_bracket_end, cpu_bracket_begin);
	if (ret < 0) {
		__cpuhp_remove_state_cpuslocked(cpu_state_prepare, false);
		return ret;
	}
	cpu_state_online = ret;
	return 0;
}

/*
 * Both states at once: a CPU that comes while only the first is there opens a bracket
 * that nobody closes, and learning would wait for ever.
 */
static int cpu_attach(struct dualbm_hook *hook)
{
	int ret;

	cpus_read_lock();
	ret = cpu_attach_locked();
	cpus_read_unlock();
	if (!ret)
		hook->symbol = hook->symbols[0];
	return ret;
}

static void cpu_detach(struct dualbm_hook *hook)
{
	cpus_read_lock();
	__cpuhp_remove_state_cpuslocked(cpu_state_online, false);
	__cpuhp_remove_state_cpuslocked(cpu_state_prepare, false);
	cpus_read_unlock();
}

/* ---- the table as a whole ---- */

static void detach_from(int id)
{
	while (id-- > 0) {
		struct dualbm_hook *hook = &dualbm_hooks[id];

		if (hook->attached && id != DUALBM_HOOK_MEMORY) {
			hook->detach(hook);
			hook->attached = false;
		}
	}
	/* Whoever was in a trampoline or a probe has left it. */
	dualbm_tasks_wait();
	synchronize_rcu();
}

/* An ops that is PERMANENT, and not IPMODIFY, is refused as busy for one reason. */
static const char *why_refused(const struct dualbm_hook *hook, int error)
{
	if (hook->mechanism == DUALBM_FTRACE && error == -EBUSY)
		return ", ftrace is switched off (kernel.ftrace_enabled=0)";
	return "";
}

/* A flip in the table could make a hook deliver nothing, or be taken for absent. */
static int guard_hooks(void)
{
	int id, ret = 0;

	for (id = 0; id < DUALBM_NR_HOOKS && !ret; id++) {
		struct dualbm_hook *hook = &dualbm_hooks[id];

		ret = dualbm_guard_add("hooks", hook, offsetof(struct dualbm_hook, dead));
		if (!ret && hook->attached && hook->ops.func)
			ret = dualbm_guard_add("hooks", &hook->ops.func,
					       sizeof(hook->ops.func));
	}
	return ret;
}

int dualbm_hooks_attach(void)
{
	int id, ret;

	ret = dualbm_events_witness();
	if (ret)
		return ret;
	dualbm_source_use(dualbm_hooks);
	ret = dualbm_allocation_find(dualbm_hooks[DUALBM_HOOK_BOUNDARY_ALLOC].symbols);
	if (ret)
		return ret;
	for (id = 0; id < DUALBM_NR_HOOKS; id++) {
		struct dualbm_hook *hook = &dualbm_hooks[id];

		hook->id = id;
		if (hook->absent || (!dualbm_boundary && id >= DUALBM_HOOK_BOUNDARY_ALLOC))
			continue;
		ret = hook->attach(hook);
		hook->attached = !ret;
		if (!ret)
			continue;
		if (hook->required) {
			pr_err("cannot hook %s%s%s (%s): error %d%s; not loaded\n",
			       hook->symbols[0], hook->symbols[1] ? " or " : "",
			       hook->symbols[1] ?: "", mechanism_names[hook->mechanism],
			       ret, why_refused(hook, ret));
			detach_from(id);
			return ret;
		}
		if (hook->without)
			pr_notice("cannot hook %s (%s): error %d%s; %s\n", hook->symbols[0],
				  mechanism_names[hook->mechanism], ret,
				  why_refused(hook, ret), hook->without);
		else
			pr_debug("optional hook %s is absent: %d\n", hook->symbols[0], ret);
	}
	ret = guard_hooks();
	if (ret)
		detach_from(DUALBM_NR_HOOKS);
	return ret;
}

void dualbm_hooks_detach(void)
{
	detach_from(DUALBM_NR_HOOKS);
}

static const char *mechanism_now(const struct dualbm_hook *hook)
{
	return mechanism_names[hook->mechanism == DUALBM_JUMP ?
			       dualbm_boundary_mechanism(hook) : hook->mechanism];
}

int dualbm_hooks_show(char *buffer)
{
	int id, length = 0;

	for (id = 0; id < DUALBM_NR_HOOKS; id++) {
		const struct dualbm_hook *hook = &dualbm_hooks[id];

		if (!hook->attached)
			continue;
		length += scnprintf(buffer + length, PAGE_SIZE - length,
				    "%s %s %llu %llu %s%s\n",
				    hook->symbol ?: hook->symbols[0],
				    mechanism_now(hook),
				    dualbm_hook_hits(id), dualbm_hook_missed(hook),
				    hook->required ? "required" : "optional",
				    READ_ONCE(hook->dead) ? " silent" : "");
	}
	return length;
}
