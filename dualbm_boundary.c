// SPDX-License-Identifier: GPL-2.0-only
/*
 * The boundary probes: kprobes where callers enter and leave the allocator.
 *
 * They deliver no event: a lost one loses one check and nothing else. The free
 * side sees what the allocator itself never notices, a second __free_pages() of
 * a page whose count is 0 already, and sees it in the culprit's own call. The
 * alloc side sees a path out of the allocator that the hooks do not know.
 */
#include <linux/percpu.h>
#include <linux/sched.h>
#include <linux/spinlock.h>

#include "dualbm.h"
#include "dualbm_hooks.h"
#include "dualbm_memory.h"
#include "dualbm_mode.h"
#include "dualbm_report.h"
#include "dualbm_scrub.h"

/* The deepest nesting of allocations that sleep in reclaim; more is counted. */
#define BOUNDARY_MAXACTIVE	1024

/* What a call to __alloc_pages() found at its entry. */
struct boundary_call {
	unsigned long generation;
	unsigned long trials;
	long doubts;
};

/*
 * A call that has been reported: what the same call frees of its block is no second
 * finding. That is the whole block if its count is 1, once more; if the count is 0
 * already, each frame but the first.
 *
 * Whose call it is: a task's own, wherever it runs, or that of the interrupt, soft or
 * hard, which a CPU is in. Each of them is in one call of __free_pages() at a time, as
 * that does not call itself, and neither kind of interrupt comes inside its own kind. So
 * a call is over, at the latest, when the probe sees the next one of the same context;
 * until then, an event is this call's only if the stack still leads through where that
 * returns to. What frees the same frames later, and not through __free_pages(), has no
 * such stack; another call from the same place has passed the probe, or was counted as
 * missed by it. A task's address that is used again is no more than one more call.
 */
struct reported_call {
	const void *context;
	unsigned long caller;
	unsigned long missed;
	unsigned long pfn;
	unsigned long frames;
	unsigned long left;
};

/* As many at once; of more, the oldest would be found a second time. */
static struct reported_call reported[8];
static unsigned int reported_next;
/* How many of them are in use: nearly always none. */
static unsigned int reported_calls;
static DEFINE_RAW_SPINLOCK(reported_lock);

/* An address for each kind of interrupt on each CPU. */
static DEFINE_PER_CPU(char, interrupt_contexts[2]);

static struct kprobe free_probe;

/*
 * Where the probe is a breakpoint, its handler counts as an NMI in a hard interrupt
 * (exc_int3(), arch/x86/kernel/traps.c, 5.8 and later): @breakpoint.
 */
static const void *context_now(bool breakpoint)
{
	unsigned long hard = hardirq_count();

	if (breakpoint && in_nmi())
		hard -= HARDIRQ_OFFSET;
	if (hard)
		return raw_cpu_ptr(&interrupt_contexts[1]);
	if (in_serving_softirq())
		return raw_cpu_ptr(&interrupt_contexts[0]);
	return current;
}

static struct reported_call *reported_by(const void *context)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(reported); i++)
		if (reported[i].context == context)
			return &reported[i];
	return NULL;
}

static void reported_end(struct reported_call *call)
{
	call->context = NULL;
	WRITE_ONCE(reported_calls, reported_calls - 1);
}

/* The probe is at a call that @context begins: the one before is over. */
static void reported_none(const void *context)
{
	struct reported_call *call;
	unsigned long flags;

	raw_spin_lock_irqsave(&reported_lock, flags);
	call = reported_by(context);
	if (call)
		reported_end(call);
	raw_spin_unlock_irqrestore(&reported_lock, flags);
}

static void reported_add(const struct reported_call *new)
{
	struct reported_call *call;
	unsigned long flags;

	if (!new->left)
		return;
	raw_spin_lock_irqsave(&reported_lock, flags);
	call = &reported[reported_next++ % ARRAY_SIZE(reported)];
	if (call->context)
		reported_end(call);
	*call = *new;
	WRITE_ONCE(reported_calls, reported_calls + 1);
	raw_spin_unlock_irqrestore(&reported_lock, flags);
}

bool dualbm_boundary_reported(unsigned long pfn, unsigned long frames)
{
	struct reported_call *call;
	bool known = false;
	unsigned long flags;

	/* No NMI calls __free_pages(), and one may have interrupted who has the lock. */
	if (!READ_ONCE(reported_calls) || dualbm_event_in_nmi())
		return false;
	raw_spin_lock_irqsave(&reported_lock, flags);
	call = reported_by(context_now(false));
	if (call && call->missed == free_probe.nmissed && pfn >= call->pfn &&
	    pfn + frames <= call->pfn + call->frames && frames <= call->left &&
	    dualbm_caller_is_on_stack(call->caller)) {
		known = true;
		call->left -= frames;
		if (!call->left)
			reported_end(call);
	}
	raw_spin_unlock_irqrestore(&reported_lock, flags);
	return known;
}

static bool is_recorded_free(unsigned long *planes, struct page *page)
{
	return READ_ONCE(dualbm_mode) == DUALBM_TRACKING &&
	       dualbm_planes_code(planes, page_to_pfn(page) % DUALBM_CHUNK_FRAMES) ==
	       DUALBM_CODE_FREE;
}

/*
 * The record alone proves nothing. What the call frees has an event that is judged, but
 * if there is more than one reference it frees nothing.
 */
static bool report_recorded_free(struct page *page, int count, struct dualbm_violation *v)
{
	v->class = DUALBM_BOUNDARY_DOUBLE_FREE;
	v->code = DUALBM_CODE_FREE;
	v->proof = dualbm_prove_free(v->pfn, dualbm_caller_may_wait());
	if (v->proof != DUALBM_UNPROVEN) {
		dualbm_report(v);
		return true;
	}
	if (count > 1)
		dualbm_verdict_unproven(v);
	return false;
}

static noinline void suspect_call(struct page *page, unsigned int order, struct pt_regs *regs)
{
	unsigned long pfn = page_to_pfn(page), frames = 1UL << order;
	int count = page_ref_count(page);
	struct dualbm_violation v = {
		.event = DUALBM_FREE,
		.pfn = pfn,
		.first = pfn,
		.last = pfn,
		.frames = 1,
		.order = order,
		.entry = instruction_pointer(regs),
		.caller = dualbm_entry_caller(regs),
	};
	struct reported_call call = {
		.context = context_now(true),
		.caller = v.caller,
		.missed = free_probe.nmissed,
		.pfn = pfn,
		.frames = frames,
		.left = frames - (count != 1),
	};
	unsigned long *planes = dualbm_planes_at(pfn);
	bool reported;

	reported = planes && is_recorded_free(planes, page) &&
		   report_recorded_free(page, count, &v);
	if (!reported && count <= 0)
		reported = dualbm_count_report(page, order, count, v.entry, v.caller);
	if (reported)
		reported_add(&call);
}

/*
 * The caller must own the block, and have a reference. If its first frame is recorded free
 * and lies in the allocator, or its count is 0, he does not. The report is for the
 * whole call.
 */
static int on_free_pages(struct kprobe *probe, struct pt_regs *regs)
{
	struct page *page = (struct page *)regs_get_kernel_argument(regs, 0);
	unsigned int order = regs_get_kernel_argument(regs, 1);
	unsigned long *planes = dualbm_planes_at(page_to_pfn(page));

	dualbm_hit(DUALBM_HOOK_BOUNDARY_FREE);
	if (unlikely(READ_ONCE(reported_calls)))
		reported_none(context_now(true));
	/* The pointer of a caller at fault may lead anywhere: what has planes is a page. */
	if (planes && (is_recorded_free(planes, page) || page_ref_count(page) <= 0))
		suspect_call(page, order, regs);
	return 0;
}

static int on_alloc_pages_entry(struct kretprobe_instance *instance,
				struct pt_regs *regs)
{
	struct boundary_call *call = (struct boundary_call *)instance->data;

	call->generation = dualbm_mode_generation();
	call->trials = READ_ONCE(dualbm_trials);
	call->doubts = atomic_long_read(&dualbm_doubts);
	return 0;
}

static int on_alloc_pages_exit(struct kretprobe_instance *instance,
			       struct pt_regs *regs)
{
	struct boundary_call *call = (struct boundary_call *)instance->data;
	struct page *page = (struct page *)regs_return_value(regs);
	unsigned int code;

	dualbm_hit(DUALBM_HOOK_BOUNDARY_ALLOC);
	if (!page)
		return 0;
	/* Memory without planes: its alloc event has been counted. */
	if (!dualbm_planes_at(page_to_pfn(page)))
		return 0;
	code = dualbm_frame_code(page_to_pfn(page));
	/* Nobody else has an event of this frame: an illegal one is a fault of the planes. */
	if (code == DUALBM_CODE_ALLOCATED || !dualbm_code_legal(code))
		return 0;
	/*
	 * Read after the code: if a loss, a bracket, a fault of the planes or a mismatch
	 * without a proof has made the frame untracked since, these tell. A generation that
	 * does not track is 0.
	 */
	smp_rmb();
	if (call->generation && call->generation == dualbm_mode_generation() &&
	    call->trials == READ_ONCE(dualbm_trials) &&
	    call->doubts == atomic_long_read(&dualbm_doubts))
		dualbm_count(DUALBM_STAT_COVERAGE_GAPS);
	return 0;
}

static struct kretprobe alloc_probe;

static u64 free_missed(void)
{
	return free_probe.nmissed;
}

static u64 alloc_missed(void)
{
	return alloc_probe.nmissed + alloc_probe.kp.nmissed;
}

static int attach_one(struct dualbm_hook *hook, const char *symbol)
{
	if (hook->mechanism == DUALBM_KPROBE) {
		free_probe = (struct kprobe) {
			.symbol_name = symbol,
			.pre_handler = on_free_pages,
		};
		return register_kprobe(&free_probe);
	}
	alloc_probe = (struct kretprobe) {
		.kp.symbol_name = symbol,
		.entry_handler = on_alloc_pages_entry,
		.handler = on_alloc_pages_exit,
		.data_size = sizeof(struct boundary_call),
		.maxactive = BOUNDARY_MAXACTIVE,
	};
	return register_kretprobe(&alloc_probe);
}

int dualbm_boundary_attach(struct dualbm_hook *hook)
{
	int i, ret = -ENOENT;

	for (i = 0; i < DUALBM_MAX_ALTERNATES && hook->symbols[i]; i++) {
		ret = attach_one(hook, hook->symbols[i]);
		if (!ret) {
			hook->symbol = hook->symbols[i];
			hook->missed = hook->mechanism == DUALBM_KPROBE ?
				       free_missed : alloc_missed;
			break;
		}
	}
	return ret;
}

void dualbm_boundary_detach(struct dualbm_hook *hook)
{
	if (hook->mechanism == DUALBM_KPROBE)
		unregister_kprobe(&free_probe);
	else
		unregister_kretprobe(&alloc_probe);
}
