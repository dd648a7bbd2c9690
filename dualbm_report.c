// SPDX-License-Identifier: GPL-2.0-only
/*
 * From a finding to its consequences: the ring, the log block, the trace event,
 * the uevent, the taint, and then what the policy says.
 */
#include <linux/irq_work.h>
#include <linux/kexec.h>
#include <linux/kobject.h>
#include <linux/module.h>
#include <linux/notifier.h>
#include <linux/printk.h>
#include <linux/ratelimit.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/sched/clock.h>
#include <linux/stacktrace.h>
#include <linux/ktime.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "dualbm.h"
#include "dualbm_caller.h"
#include "dualbm_chunks.h"
#include "dualbm_mode.h"
#include "dualbm_names.h"
#include "dualbm_past.h"
#include "dualbm_prove.h"
#include "dualbm_report.h"
#include "dualbm_violation.h"
#include "dualbm_words.h"
#include "dualbm_trace.h"

#define RING_RECORDS	64

static const enum dualbm_stat class_stats[DUALBM_NR_CLASSES] = {
	[DUALBM_DOUBLE_ALLOC] = DUALBM_STAT_DOUBLE_ALLOC,
	[DUALBM_DOUBLE_FREE] = DUALBM_STAT_DOUBLE_FREE,
	[DUALBM_BOUNDARY_DOUBLE_FREE] = DUALBM_STAT_BOUNDARY_DOUBLE_FREE,
	[DUALBM_PLANE_CORRUPTION] = DUALBM_STAT_PLANE_CORRUPTION,
	[DUALBM_DIRECTORY_CORRUPTION] = DUALBM_STAT_DIRECTORY_CORRUPTION,
	[DUALBM_ALLOCATOR_CORRUPTION] = DUALBM_STAT_ALLOCATOR_CORRUPTION,
	[DUALBM_BAD_PAGE] = DUALBM_STAT_BAD_PAGE,
	[DUALBM_COUNT_UNDERFLOW] = DUALBM_STAT_COUNT_UNDERFLOW,
	[DUALBM_MAPPED_FREE] = DUALBM_STAT_MAPPED_FREE,
	[DUALBM_PIECE_FREE] = DUALBM_STAT_PIECE_FREE,
};

/*
 * A record is written by its event and read by files. @sequence is the number
 * of the record that is whole, 0 while one is written.
 */
struct ring_slot {
	u64 sequence;
	struct dualbm_violation record;
};

static struct ring_slot ring[RING_RECORDS];
static atomic64_t ring_next = ATOMIC64_INIT(0);
static u64 ring_logged;
static bool scrub_wanted;
static struct irq_work late_work;
static struct work_struct uevent_work;
/* Bound to no CPU, as the one of the event may be taken by a more urgent task for good. */
static struct workqueue_struct *uevent_queue;

/* Passes of the scrubber that were asked for, and where it waits. */
atomic_long_t dualbm_scrub_asked = ATOMIC_LONG_INIT(0);
DECLARE_WAIT_QUEUE_HEAD(dualbm_scrubber_wait);

/* ---- what others ask of it ---- */

void dualbm_scrub_hurry(void)
{
	atomic_long_inc(&dualbm_scrub_asked);
	wake_up(&dualbm_scrubber_wait);
}

/* What a proof test has; @task's own events are about it. */
struct dualbm_claim dualbm_claim;

/* ---- live frames ---- */

bool dualbm_report_is_claimed(const struct dualbm_violation *v)
{
	struct task_struct *task = READ_ONCE(dualbm_claim.task);

	if (likely(!task) || v->first - dualbm_claim.pfn >= DUALBM_CLAIM_FRAMES ||
	    v->last - dualbm_claim.pfn >= DUALBM_CLAIM_FRAMES)
		return false;
	/* The scrubber's findings, and the events of the proof itself. */
	if (v->event != DUALBM_FORGET && current != task)
		return false;
	if (v->event == DUALBM_FORGET)
		WRITE_ONCE(dualbm_claim.by_scrub, true);
	else
		set_bit(v->class, &dualbm_claim.classes);
	return true;
}

/* What an event says that its frames were, if that leaves no choice. */
static unsigned int event_truth(enum dualbm_event_type event)
{
	switch (event) {
	case DUALBM_ALLOC:
	case DUALBM_ISOLATE:
	case DUALBM_CHARGE:
		return DUALBM_CODE_FREE;
	case DUALBM_FREE:
	case DUALBM_DEPART:
		return DUALBM_CODE_ALLOCATED;
	default:
		return 0;
	}
}

/*
 * Which plane lied. The scrubber has said so already; for an event the planes are
 * at hand, and what was tracked is likelier than what was not.
 */
static void name_liar(struct dualbm_violation *v)
{
	unsigned long *planes = dualbm_planes_at(v->first);
	unsigned int plane, truth = event_truth(v->event);

	if (!v->liars) {
		v->liars = dualbm_code_liars(v->code, truth);
		v->witness = truth ? DUALBM_WITNESS_EVENT : DUALBM_NO_WITNESS;
		for (plane = 0; plane < DUALBM_NR_PLANES; plane++)
			if (v->liars & BIT(plane) &&
			    (!(v->liars & BIT(v->liar)) || (v->code ^ BIT(plane)) == truth))
				v->liar = plane;
	}
	if (planes && v->liars)
		v->liar_phys = dualbm_planes_phys(planes, v->liar,
						  v->first % DUALBM_CHUNK_FRAMES /
						  BITS_PER_LONG * sizeof(long));
}

/* Where the map count stands there are other things in a page that cannot be mapped. */
static const char *type_of(struct page *page)
{
	if (PageBuddy(page))
		return "buddy";
	if (PageOffline(page))
		return "offline";
	if (PageTable(page))
		return "table";
	return PageSlab(page) ? "slab" : NULL;
}

/* Who, where, and what struct page says. */
static void describe(struct dualbm_violation *v)
{
	struct page *page = pfn_to_online_page(v->first);
	struct zone *zone = dualbm_zone_of(page);

	v->time_ns = ktime_get_mono_fast_ns();
	v->cpu = raw_smp_processor_id();
	v->pid = current->pid;
	/* A task may call itself anything, a newline and what looks like a key included. */
	dualbm_report_escape(v->comm, sizeof(v->comm), current->comm, TASK_COMM_LEN - 1, 0);
	if (!v->stack_entries)
		v->stack_entries = stack_trace_save(v->stack, DUALBM_STACK_DEPTH, 1);
	dualbm_caller_find(v);
	if (v->caller)
		scnprintf(v->caller_name, sizeof(v->caller_name), "%pS", (void *)v->caller);
	else
		strscpy(v->caller_name, "-", sizeof(v->caller_name));
	if (v->class == DUALBM_PLANE_CORRUPTION && v->code != DUALBM_CODE_DEPARTING) {
		rcu_read_lock();
		name_liar(v);
		rcu_read_unlock();
	}
	/* That class is about no frame. */
	if (v->class != DUALBM_DIRECTORY_CORRUPTION)
		dualbm_history_of(v->first, v->past);
	v->have_page = page;
	v->node = NUMA_NO_NODE;
	strscpy(v->zone, "-", sizeof(v->zone));
	if (!page)
		return;
	v->page_flags = dualbm_page_flags(page);
	v->page_refcount = page_ref_count(page);
	v->page_mapcount = atomic_read(&page->_mapcount);
	v->page_type = type_of(page);
	if (!zone)
		return;
	v->node = page_to_nid(page);
	strscpy(v->zone, zone->name, sizeof(v->zone));
}

/* What is only said of some classes. */
static int report_details(const struct dualbm_violation *v, char *buffer, size_t size)
{
	int plane, length = 0;

	if (dualbm_prove_is_partial(v))
		length += scnprintf(buffer, size, " unseen=pcp");
	if (v->what)
		length += scnprintf(buffer + length, size - length, " what=%s value=%ld",
				    v->what, v->value);
	if (*v->reason)
		length += scnprintf(buffer + length, size - length, " reason=%s", v->reason);
	if (*v->mapper)
		length += scnprintf(buffer + length, size - length, " %s", v->mapper);
	if (v->liars) {
		length += scnprintf(buffer + length, size - length, " witness=%s liar=%s",
				    dualbm_witness_names[v->witness], dualbm_plane_names[v->liar]);
		for (plane = 0; plane < DUALBM_NR_PLANES; plane++)
			if (v->liars & BIT(plane) && plane != v->liar)
				length += scnprintf(buffer + length, size - length, "|%s",
						    dualbm_plane_names[plane]);
	}
	if (v->liar_phys)
		length += scnprintf(buffer + length, size - length,
				    " liar_node=%d liar_phys=0x%llx",
				    pfn_to_nid(PHYS_PFN(v->liar_phys)), (u64)v->liar_phys);
	return length;
}

static int report_line(const struct dualbm_violation *v, char *buffer, size_t size)
{
	bool unproven = dualbm_is_mismatch(v);
	int length;

	length = scnprintf(buffer, size, "%s pfn=0x%lx order=%u proof=%s",
			   unproven ? "unproven" : dualbm_class_names[v->class],
			   v->first, v->order, dualbm_proof_names[v->proof]);
	if (unproven)
		length += scnprintf(buffer + length, size - length, " class=%s",
				    dualbm_class_names[v->class]);
	if (v->what)
		length += scnprintf(buffer + length, size - length, " what=%s value=%ld",
				    v->what, v->value);
	if (*v->reason)
		length += scnprintf(buffer + length, size - length, " reason=%s", v->reason);
	length += scnprintf(buffer + length, size - length,
		" caller=%s event=%s was=%s block=0x%lx frames=%lu node=%d zone=%s cpu=%d pid=%d comm=%s",
		v->caller_name, dualbm_event_names[v->event], dualbm_code_names[v->code],
		v->pfn, v->frames, v->node, v->zone, v->cpu, v->pid, v->comm);
	/* The stack of a panic is the caller's: whom it does not show is in its line. */
	if (*v->past[DUALBM_FREED].name)
		length += scnprintf(buffer + length, size - length, " freed_by=%s",
				    v->past[DUALBM_FREED].name);
	return length;
}

int dualbm_report_keys(const struct dualbm_violation *v, char *buffer, size_t size)
{
	int length = scnprintf(buffer, size,
		"record=%llu class=%s pfn=0x%lx order=%u proof=%s frames=%lu block=0x%lx event=%s was=%s primary=%u secondary=%u untracked=%u node=%d zone=%s cpu=%d pid=%d comm=%s time_ns=%llu caller=%s",
		v->number, dualbm_class_names[v->class], v->first, v->order,
		dualbm_proof_names[v->proof], v->frames, v->pfn, dualbm_event_names[v->event],
		dualbm_code_names[v->code], v->code & 1, v->code >> 1 & 1, v->code >> 2 & 1,
		v->node, v->zone, v->cpu, v->pid, v->comm, v->time_ns,
		v->caller_name);

	if (v->have_page)
		length += scnprintf(buffer + length, size - length,
				    " flags=0x%lx refcount=%d mapcount=%d",
				    v->page_flags, v->page_refcount, v->page_mapcount);
	length += report_details(v, buffer + length, size - length);
	length += scnprintf(buffer + length, size - length, " repaired=%d known=%u",
			    v->repaired, v->code >> 3 & 1);
	length += dualbm_past_keys(v->past, buffer + length, size - length);
	return length + scnprintf(buffer + length, size - length, "\n");
}

static void ring_store(struct dualbm_violation *v)
{
	struct ring_slot *slot;

	v->number = atomic64_inc_return(&ring_next);
	slot = &ring[v->number % RING_RECORDS];
	WRITE_ONCE(slot->sequence, 0);
	/* Pairs with ring_copy(): no number while the record is stored. */
	smp_wmb();
	slot->record = *v;
	/* Pairs with ring_copy(): the number stands for a whole record. */
	smp_store_release(&slot->sequence, v->number);
}

static bool ring_copy(u64 number, struct dualbm_violation *v)
{
	struct ring_slot *slot = &ring[number % RING_RECORDS];

	/* Pairs with ring_store(): the number stands for a whole record. */
	if (smp_load_acquire(&slot->sequence) != number)
		return false;
	*v = slot->record;
	/* Pairs with ring_store(): it was not overwritten meanwhile. */
	smp_rmb();
	return READ_ONCE(slot->sequence) == number;
}

bool dualbm_report_last(struct dualbm_violation *v)
{
	u64 number = atomic64_read(&ring_next);

	return number && ring_copy(number, v);
}

/* Of one call: it is the same task on the same CPU, and a moment ago. */
#define SAME_CALL_NS	NSEC_PER_SEC

static bool covers(const struct dualbm_violation *v, unsigned long pfn,
		   const struct dualbm_violation *call)
{
	switch (v->class) {
	case DUALBM_ALLOCATOR_CORRUPTION:
		return v->event == DUALBM_FORGET && v->what && !strcmp(v->what, "refcount") &&
		       pfn - v->first < v->frames;
	case DUALBM_COUNT_UNDERFLOW:
		/* The kernel goes on counting below 0, and notices that later, if at all. */
		if (pfn == v->pfn && page_ref_count(pfn_to_page(pfn)) < 0)
			return true;
		fallthrough;
	case DUALBM_DOUBLE_ALLOC:
	case DUALBM_DOUBLE_FREE:
	case DUALBM_BOUNDARY_DOUBLE_FREE:
	case DUALBM_BAD_PAGE:
		return v->proof != DUALBM_UNPROVEN && pfn - v->pfn < BIT(v->order) &&
		       v->cpu == raw_smp_processor_id() && v->pid == current->pid &&
		       ktime_get_mono_fast_ns() - v->time_ns < SAME_CALL_NS;
	default:
		return false;
	}
}

static bool leads_through(const struct dualbm_violation *call, unsigned long caller)
{
	unsigned int i;

	for (i = 0; i < call->stack_entries; i++)
		if (call->stack[i] == caller)
			return true;
	return !call->stack_entries && dualbm_caller_is_on_stack(caller);
}

/*
 * Is @call a part of the call that was found, as the address to which that returns is on its
 * stack. The next call from the same place comes by the same hook, and is found by it.
 */
static bool is_inside(const struct dualbm_violation *v, unsigned long pfn,
		      const struct dualbm_violation *call)
{
	return v->class == DUALBM_COUNT_UNDERFLOW && !v->entry && v->pfn == pfn &&
	       v->pid == current->pid && leads_through(call, v->caller);
}

static bool ring_has(bool (*matches)(const struct dualbm_violation *v, unsigned long pfn,
				     const struct dualbm_violation *call),
		     unsigned long pfn, const struct dualbm_violation *call)
{
	u64 last = atomic64_read(&ring_next), number;

	for (number = last; number && number + RING_RECORDS > last; number--) {
		const struct ring_slot *slot = &ring[number % RING_RECORDS];
		bool found;

		/* As ring_copy(), but in its place: a record is large. */
		if (smp_load_acquire(&slot->sequence) != number)
			continue;
		found = matches(&slot->record, pfn, call);
		/* Pairs with ring_store(): it was not overwritten meanwhile. */
		smp_rmb();
		if (found && READ_ONCE(slot->sequence) == number)
			return true;
	}
	return false;
}

bool dualbm_report_has(unsigned long pfn)
{
	return ring_has(covers, pfn, NULL);
}

bool dualbm_report_has_outer(const struct dualbm_violation *call)
{
	return ring_has(is_inside, call->pfn, call);
}

bool dualbm_report_get(unsigned int index, struct dualbm_violation *v)
{
	u64 last = atomic64_read(&ring_next);
	u64 number = last > RING_RECORDS ? last - RING_RECORDS : 0;

	for (number += index + 1; number <= last; number++)
		if (ring_copy(number, v))
			return true;
	return false;
}

/*
 * Quietly: into the log, and to consoles with whatever is said next. That is
 * printk_deferred() of kernel/printk/printk.c, which is not for modules.
 */
static __printf(2, 3) void say(bool quietly, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	if (quietly)
		vprintk_emit(0, LOGLEVEL_SCHED, NULL, format, arguments);
	else
		vprintk(format, arguments);
	va_end(arguments);
}

static void log_page(const struct dualbm_violation *v, bool quietly)
{
	if (v->page_type)
		say(quietly,
		    KERN_EMERG pr_fmt("  page: flags=0x%lx names=%pGp refcount=%d type=%s\n"),
		    v->page_flags, &v->page_flags, v->page_refcount, v->page_type);
	else
		say(quietly,
		    KERN_EMERG pr_fmt("  page: flags=0x%lx names=%pGp refcount=%d mapcount=%d\n"),
		    v->page_flags, &v->page_flags, v->page_refcount, v->page_mapcount);
}

static void log_block(const struct dualbm_violation *v, bool quietly)
{
	char line[512];
	unsigned int i;

	for (i = 0; dualbm_words(v, i, line, sizeof(line)); i++)
		say(quietly, KERN_EMERG pr_fmt("%s\n"), line);
	report_line(v, line, sizeof(line));
	say(quietly, KERN_EMERG pr_fmt("%s\n"), line);
	if (report_details(v, line, sizeof(line)))
		say(quietly, KERN_EMERG pr_fmt(" %s\n"), line);
	scnprintf(line, sizeof(line),
		  "record=%llu planes: primary=%u secondary=%u untracked=%u known=%u%s",
		  v->number, v->code & 1, v->code >> 1 & 1, v->code >> 2 & 1,
		  v->code >> 3 & 1, v->repaired ? " corrected" : "");
	say(quietly, KERN_EMERG pr_fmt("  %s\n"), line);
	if (v->have_page)
		log_page(v, quietly);
	for (i = 0; i < DUALBM_NR_PASTS; i++)
		if (dualbm_past_line(i, &v->past[i], line, sizeof(line)))
			say(quietly, KERN_EMERG pr_fmt("  %s\n"), line);
	say(quietly, KERN_EMERG pr_fmt("  stack:%s\n"),
	    v->stack_entries ? "" : " none, as it would be of who looked");
	for (i = 0; i < v->stack_entries; i++)
		say(quietly, KERN_EMERG pr_fmt("    %pS\n"), (void *)v->stack[i]);
	say(quietly, KERN_EMERG pr_fmt("  end of record %llu\n"), v->number);
}

/*
 * One fault of a plane can have as many events as a page of it has frames, and a slow
 * console would stand in the way of all of them, and of the pass that ends it. As many
 * are logged as bad_page() in mm/page_alloc.c allows itself; each is counted, traced,
 * and in the ring.
 */
static void log_limited(const struct dualbm_violation *v)
{
	static DEFINE_RATELIMIT_STATE(burst, 60 * HZ, 60);

	if (__ratelimit(&burst))
		log_block(v, false);
}

/* The record that stops the machine from this CPU, until its block is in the log. */
static DEFINE_PER_CPU(u64, last_words);

static int say_last_words(struct notifier_block *notifier, unsigned long event, void *text)
{
	static struct dualbm_violation v;
	u64 number = this_cpu_read(last_words);

	if (number && ring_copy(number, &v))
		log_block(&v, false);
	return NOTIFY_DONE;
}

/* First of all: others may not come back. */
static struct notifier_block last_words_notifier = {
	.notifier_call = say_last_words,
	.priority = INT_MAX,
};

/*
 * The panic comes first. A console may wait, or allocate with zone->lock held here; it is
 * panic() that knows how to go on all the same, and calls its notifiers when all other
 * CPUs have stopped. A kernel that was loaded for the crash is started before that, so
 * then the block goes into the log, which the dump has, and to no console.
 */
static void __noreturn stop_with(const struct dualbm_violation *v)
{
	char line[512];

	preempt_disable();
	if (kexec_crash_loaded())
		log_block(v, true);
	else
		this_cpu_write(last_words, v->number);
	report_line(v, line, sizeof(line));
	panic("dualbm: %s", line);
}

static void send_uevents(struct work_struct *work)
{
	static struct dualbm_violation v;
	char line[96];
	char *environment[2] = { line };

	if (!dualbm_report_last(&v))
		return;
	/* Everybody hears it: no address, no frame, and nothing that a task has chosen. */
	scnprintf(line, sizeof(line), "DUALBM_VIOLATION=%s record=%llu proof=%s",
		  dualbm_is_mismatch(&v) ? "unproven" : dualbm_class_names[v.class],
		  v.number, dualbm_proof_names[v.proof]);
	/* Only a kobject in a kset has uevents; the module's own is in one. */
	kobject_uevent_env(&THIS_MODULE->mkobj.kobj, KOBJ_CHANGE, environment);
}

/* Such an event comes from inside the allocator, and its log has to wait. */
static bool under_zone_lock(const struct dualbm_violation *v)
{
	return v->class == DUALBM_BAD_PAGE || v->event == DUALBM_ISOLATE ||
	       v->event == DUALBM_PUTBACK;
}

/*
 * What the event's context does not allow: a console driver may allocate, which
 * must not happen under zone->lock, and a uevent sleeps.
 */
static void report_late(struct irq_work *work)
{
	static struct dualbm_violation v;
	u64 last = atomic64_read(&ring_next);

	while (ring_logged < last)
		if (ring_copy(++ring_logged, &v) && under_zone_lock(&v))
			log_limited(&v);
	if (xchg(&scrub_wanted, false))
		dualbm_scrub_hurry();
	queue_work(uevent_queue, &uevent_work);
}

static void react_unproven(struct dualbm_violation *v)
{
	static DEFINE_RATELIMIT_STATE(burst, 10 * HZ, 3);

	dualbm_count(DUALBM_STAT_UNPROVEN);
	ring_store(v);
	trace_violation(v);
	if (dualbm_reaction_is_panic(&dualbm_on_degraded))
		stop_with(v);
	if (under_zone_lock(v))
		irq_work_queue(&late_work);
	else if (__ratelimit(&burst))
		log_block(v, false);
}

/* The scrubber looks at all there is a moment later: a fault rarely comes alone. */
static bool calls_for_scrub(const struct dualbm_violation *v)
{
	return v->event != DUALBM_FORGET && (v->class == DUALBM_PLANE_CORRUPTION ||
					     v->class == DUALBM_DIRECTORY_CORRUPTION);
}

int dualbm_report_rehearse(enum dualbm_class class)
{
	const enum dualbm_reaction report = DUALBM_REPORT, panic = DUALBM_PANIC;
	struct dualbm_violation *v = kzalloc(sizeof(*v), GFP_KERNEL);
	char *line = kmalloc(PAGE_SIZE, GFP_KERNEL);
	int ret = -ENOMEM, length;

	if (!v || !line)
		goto free;
	v->class = class;
	v->proof = DUALBM_PROOF_BUDDY;
	v->event = DUALBM_FREE;
	v->pfn = 0x1234;
	v->first = 0x1236;
	v->order = 4;
	describe(v);
	ret = -EILSEQ;
	length = report_line(v, line, PAGE_SIZE);
	if (!strstarts(line, dualbm_class_names[class]) ||
	    !strstarts(line + strlen(dualbm_class_names[class]),
		       " pfn=0x1236 order=4 proof=buddy ") ||
	    length != strlen(line) || !v->stack_entries)
		goto free;
	dualbm_report_keys(v, line, PAGE_SIZE);
	if (!strstr(line, dualbm_class_names[class]) || !strstr(line, " pfn=0x1236 order=4 ") ||
	    class_stats[class] < DUALBM_STAT_DOUBLE_ALLOC)
		goto free;
	if (dualbm_reaction_is_panic(&report) || dualbm_reaction_is_panic(&panic) ==
	    dualbm_panic_is_withheld())
		goto free;
	ret = 0;
free:
	kfree(line);
	kfree(v);
	return ret;
}

/* With panic_on_taint=0x20 the kernel stops in add_taint(), and then the block is due. */
static void taint(const struct dualbm_violation *v)
{
	preempt_disable();
	this_cpu_write(last_words, v->number);
	add_taint(TAINT_BAD_PAGE, LOCKDEP_STILL_OK);
	this_cpu_write(last_words, 0);
	preempt_enable();
}

/*
 * Neither a violation nor a mismatch, whatever the parameters say: nothing is tainted, as
 * panic_on_taint would stop the machine for that, and it goes on.
 */
static void react_without_proof(struct dualbm_violation *v)
{
	static DEFINE_RATELIMIT_STATE(burst, 10 * HZ, 3);

	dualbm_count(class_stats[v->class]);
	ring_store(v);
	trace_violation(v);
	if (__ratelimit(&burst))
		log_block(v, false);
	irq_work_queue(&late_work);
}

void dualbm_report(struct dualbm_violation *v)
{
	bool stop = dualbm_reaction_is_panic(&dualbm_policy);

	if (dualbm_report_is_claimed(v))
		return;
	describe(v);
	if (dualbm_is_report_only(v)) {
		react_without_proof(v);
		return;
	}
	if (v->proof == DUALBM_UNPROVEN) {
		react_unproven(v);
		return;
	}
	dualbm_count(DUALBM_STAT_VIOLATIONS);
	dualbm_count(class_stats[v->class]);
	ring_store(v);
	trace_violation(v);
	taint(v);
	if (stop)
		stop_with(v);
	if (!under_zone_lock(v))
		log_limited(v);
	if (calls_for_scrub(v))
		WRITE_ONCE(scrub_wanted, true);
	irq_work_queue(&late_work);
}

int dualbm_report_init(void)
{
	int ret;

	init_irq_work(&late_work, report_late);
	INIT_WORK(&uevent_work, send_uevents);
	uevent_queue = alloc_ordered_workqueue("dualbm_uevent", 0);
	if (!uevent_queue) {
		pr_err("no memory for the queue of uevents\n");
		return -ENOMEM;
	}
	ret = atomic_notifier_chain_register(&panic_notifier_list, &last_words_notifier);
	if (ret)
		destroy_workqueue(uevent_queue);
	return ret;
}

void dualbm_report_exit(void)
{
	atomic_notifier_chain_unregister(&panic_notifier_list, &last_words_notifier);
	irq_work_sync(&late_work);
	destroy_workqueue(uevent_queue);
}
