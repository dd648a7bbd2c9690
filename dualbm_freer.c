// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who frees what a process has mapped: a table of the frames that the audit of mappings has seen,
 * and a probe of its own on the free event that looks whether a frame is one of them. Nothing is
 * found by it: the audit finds, and asks here for a name.
 */
#include <linux/atomic.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/smp.h>
#include <linux/stacktrace.h>
#include <linux/string.h>
#include <linux/tracepoint.h>
#include <linux/vmalloc.h>

#include "dualbm.h"
#include "dualbm_freer.h"
#include "dualbm_hooks.h"
#include "dualbm_names.h"
#include "dualbm_source.h"
#include "dualbm_violation.h"

/* 1 GiB of mapped pages of 4 KiB, if they lie in a row; what has the same place displaces. */
#define NR_FRAMES	BIT(18)
/* Calls that freed such frames. */
#define NR_CALLS	BIT(10)

/*
 * A frame: its number and one, of up to 40 bits, and below that the number of the call that
 * freed it, 0 while nobody has. So it is changed as a whole.
 */
#define CALL_BITS	22
#define CALL_MASK	(BIT(CALL_BITS) - 1)

struct call {
	u32 number;	/* 0 while it is written */
	int cpu;
	pid_t pid;
	unsigned int entries;
	unsigned long stack[DUALBM_STACK_DEPTH];
	char comm[TASK_COMM_LEN];
};

static u64 *frames;
static struct call *calls;
static atomic_t last_call = ATOMIC_INIT(0);

static u64 noted(unsigned long pfn)
{
	return (u64)(pfn + 1) << CALL_BITS;
}

static u64 *place_of(unsigned long pfn)
{
	return &frames[pfn % NR_FRAMES];
}

/* ---- the free event ---- */

static u32 note_call(void)
{
	u32 number = (atomic_inc_return(&last_call) & CALL_MASK) ?: 1;
	struct call *call = &calls[number % NR_CALLS];

	WRITE_ONCE(call->number, 0);
	/* Pairs with dualbm_freer_find(): no number while the rest is stored. */
	smp_wmb();
	call->cpu = raw_smp_processor_id();
	call->pid = current->pid;
	call->entries = stack_trace_save(call->stack, DUALBM_STACK_DEPTH, 1);
	memcpy(call->comm, current->comm, TASK_COMM_LEN);
	/* Pairs with dualbm_freer_find(): the number stands for all of it. */
	smp_store_release(&call->number, number);
	return number;
}

/* Nearly always nothing of it is noted. */
static noinline void on_free(void *data, struct page *page, unsigned int order)
{
	unsigned long pfn = page_to_pfn(page), end = pfn + BIT(order);
	u32 number = 0;

	dualbm_event_enter();
	for (; pfn < end; pfn++) {
		u64 *frame = place_of(pfn);

		if (likely(READ_ONCE(*frame) != noted(pfn)))
			continue;
		if (!number)
			number = note_call();
		cmpxchg64(frame, noted(pfn), noted(pfn) | number);
	}
	dualbm_event_leave();
}

/* ---- the audit of mappings ---- */

void dualbm_freer_note(unsigned long pfn)
{
	if (frames && READ_ONCE(*place_of(pfn)) != noted(pfn))
		WRITE_ONCE(*place_of(pfn), noted(pfn));
}

bool dualbm_freer_find(unsigned long pfn, struct dualbm_violation *v)
{
	const struct call *call;
	struct call copy;
	u64 frame;
	u32 number;

	if (!frames)
		return false;
	frame = READ_ONCE(*place_of(pfn));
	number = frame & CALL_MASK;
	if (frame - number != noted(pfn) || !number)
		return false;
	call = &calls[number % NR_CALLS];
	/* Pairs with note_call(): the number stands for all of it. */
	if (smp_load_acquire(&call->number) != number)
		return false;
	copy = *call;
	/* Pairs with note_call(): it was not overwritten meanwhile. */
	smp_rmb();
	if (READ_ONCE(call->number) != number)
		return false;
	v->event = DUALBM_FREE;
	v->task_is_known = true;
	v->cpu = copy.cpu;
	v->pid = copy.pid;
	dualbm_report_escape(v->comm, sizeof(v->comm), copy.comm, TASK_COMM_LEN - 1, 0);
	v->stack_entries = min_t(unsigned int, copy.entries, DUALBM_STACK_DEPTH);
	memcpy(v->stack, copy.stack, sizeof(v->stack));
	return true;
}

/* ---- on and off ---- */

static void drop(void)
{
	vfree(frames);
	vfree(calls);
	frames = NULL;
	calls = NULL;
}

/* Behind the event's own probe: what is wrong with the free is found first. */
static void begin(void)
{
	const struct dualbm_hook *hook = &dualbm_hooks[DUALBM_HOOK_FREE];

	frames = vzalloc(NR_FRAMES * sizeof(*frames));
	calls = vzalloc(NR_CALLS * sizeof(*calls));
	if (!frames || !calls ||
	    tracepoint_probe_register_prio(hook->tracepoint, on_free, NULL,
					   TRACEPOINT_DEFAULT_PRIO - 1)) {
		pr_notice_once("audit_mappings: frees are not looked at, so findings have no name\n");
		drop();
	}
}

static void end(void)
{
	tracepoint_probe_unregister(dualbm_hooks[DUALBM_HOOK_FREE].tracepoint, on_free, NULL);
	/* Whoever is in on_free() has left it. */
	tracepoint_synchronize_unregister();
	drop();
}

void dualbm_freer_watch(bool on)
{
	if (on && !frames)
		begin();
	else if (!on && frames)
		end();
}
