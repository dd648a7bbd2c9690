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
#include <linux/slab.h>
#include <linux/ktime.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "dualbm.h"
#include "dualbm_caller.h"
#include "dualbm_mode.h"
#include "dualbm_names.h"
#include "dualbm_record.h"
#include "dualbm_report.h"
#include "dualbm_violation.h"
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
	case DUALBM_BAD_PAGE:
		/* What was left in the page is found again, of owners who never set it. */
		if (v->class == DUALBM_BAD_PAGE && v->what && pfn == v->pfn &&
		    dualbm_page_keeps_mapping(pfn_to_page(pfn)))
			return true;
		fallthrough;
	case DUALBM_DOUBLE_ALLOC:
	case DUALBM_DOUBLE_FREE:
	case DUALBM_BOUNDARY_DOUBLE_FREE:
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
 * One fault of a plane can have as many events as a page of it has frames, and a slow
 * console would stand in the way of all of them, and of the pass that ends it. As many
 * are logged as bad_page() in mm/page_alloc.c allows itself; each is counted, traced,
 * and in the ring.
 */
static void log_limited(const struct dualbm_violation *v)
{
	static DEFINE_RATELIMIT_STATE(burst, 60 * HZ, 60);

	if (__ratelimit(&burst))
		dualbm_record_log(v, false);
}

/* The record that stops the machine from this CPU, until its block is in the log. */
static DEFINE_PER_CPU(u64, last_words);

static int say_last_words(struct notifier_block *notifier, unsigned long event, void *text)
{
	static struct dualbm_violation v;
	u64 number = this_cpu_read(last_words);

	if (number && ring_copy(number, &v))
		dualbm_record_log(&v, false);
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
static void stop_with(const struct dualbm_violation *v, const enum dualbm_reaction *reaction)
{
	char line[512];

	preempt_disable();
	if (kexec_crash_loaded())
		dualbm_record_log(v, true);
	else
		this_cpu_write(last_words, v->number);
	dualbm_record_line(v, line, sizeof(line));
	dualbm_panic_if(reaction, "", line);
	/* Somebody has asked for something else just now. */
	this_cpu_write(last_words, 0);
	preempt_enable();
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
		stop_with(v, &dualbm_on_degraded);
	if (under_zone_lock(v))
		irq_work_queue(&late_work);
	else if (__ratelimit(&burst))
		dualbm_record_log(v, false);
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
	dualbm_record_describe(v);
	ret = -EILSEQ;
	length = dualbm_record_line(v, line, PAGE_SIZE);
	if (!strstarts(line, dualbm_class_names[class]) ||
	    !strstarts(line + strlen(dualbm_class_names[class]),
		       " pfn=0x1236 order=4 proof=buddy ") ||
	    length != strlen(line) || !v->stack_entries)
		goto free;
	dualbm_record_keys(v, line, PAGE_SIZE);
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
		dualbm_record_log(v, false);
	irq_work_queue(&late_work);
}

void dualbm_report(struct dualbm_violation *v)
{
	bool stop = dualbm_reaction_is_panic(&dualbm_policy);

	if (dualbm_report_is_claimed(v))
		return;
	dualbm_record_describe(v);
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
		stop_with(v, &dualbm_policy);
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
