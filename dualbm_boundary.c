// SPDX-License-Identifier: GPL-2.0-only
/*
 * The boundary probes: kprobes where callers enter and leave the allocator. Where the kernel
 * makes a probe a jump, they are inside of the two functions, behind the first instruction and
 * before the last ones; elsewhere, or if it stays a breakpoint, at the entry and at the return.
 *
 * They deliver no event: a lost one loses one check and nothing else. The free
 * side sees what the allocator itself never notices, a second __free_pages() of
 * a page whose count is 0 already, and sees it in the culprit's own call. The
 * alloc side sees a path out of the allocator that the hooks do not know.
 */
#include <linux/completion.h>
#include <linux/percpu.h>
#include <linux/rcupdate_wait.h>
#include <linux/sched.h>
#include <linux/spinlock.h>

#include "dualbm.h"
#include "dualbm_boundary.h"
#include "dualbm_caller.h"
#include "dualbm_chunks.h"
#include "dualbm_counts.h"
#include "dualbm_jump.h"
#include "dualbm_kernel.h"
#include "dualbm_mode.h"
#include "dualbm_past.h"
#include "dualbm_prove.h"
#include "dualbm_report.h"
#include "dualbm_source.h"
#include "dualbm_symbol.h"
#include "dualbm_tasks.h"
#include "dualbm_verdict.h"
#include "dualbm_violation.h"

/* Return probes at once: one call in 64 needs one, and may sleep in reclaim; more is counted. */
#define BOUNDARY_MAXACTIVE	1024
#define SAMPLE_BITS		6
/* One look is a second: so long the kernel may take to make a probe a jump. */
#define USELESS_LOOKS		10

/* One of the two, and what it is now. */
struct boundary {
	enum dualbm_mechanism mechanism;
	const char *symbol;
	struct kprobe jump;
	bool placed;		/* @jump is registered, and switched on if that is the mechanism */
	struct kprobe entry;
	struct kretprobe exit;
	unsigned long missed;	/* by an @entry that was there before */
	unsigned int useless;	/* looks in a row that saw a breakpoint, or no call pass */
};

static struct boundary free_side, alloc_side;

/*
 * To make a probe a jump, or no jump any more, the kernel's optimizer waits for all tasks with the
 * lock of all probes held (kernel/kprobes.c, kprobe_optimizer(), 5.10 to 7.3). A machine whose
 * users let no task with less priority run takes minutes for that, and whoever registers,
 * enables or unregisters a probe meanwhile is a hung task. So what wakes the optimizer is the last
 * call, and the next one comes when it has been seen to be through: the jump is there, or tasks
 * have been waited for.
 */
static struct rcu_synchronize settling;
static bool is_settling;
/* How often the free side became another mechanism: calls passed unseen meanwhile. */
static unsigned long free_changes;

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
	unsigned long unseen;
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

static u64 free_missed(void)
{
	return free_side.jump.nmissed + free_side.entry.nmissed + free_side.missed;
}

static u64 alloc_missed(void)
{
	return alloc_side.jump.nmissed + alloc_side.exit.nmissed + alloc_side.exit.kp.nmissed;
}

/* Moves when a call may have passed unseen. */
static unsigned long free_unseen(void)
{
	return free_missed() + READ_ONCE(free_changes);
}

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
	if (call && call->unseen == free_unseen() && pfn >= call->pfn &&
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

static bool is_recorded_free(unsigned long pfn)
{
	return dualbm_mode_now() == DUALBM_TRACKING &&
	       dualbm_frame_code(pfn) == DUALBM_CODE_FREE;
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

/* The call frees what is still in an address space. Others may have references of such a page. */
static __always_inline bool is_freed_mapped(struct page *page)
{
	return dualbm_page_keeps_mapping(page) && page_ref_count(page) == 1;
}

static void suspect_call(struct page *page, unsigned int order, struct pt_regs *regs,
			 unsigned long address)
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
	};
	struct reported_call call = {
		.context = context_now(true),
		.unseen = free_unseen(),
		.pfn = pfn,
		.frames = frames,
		.left = frames - (count != 1),
	};
	bool recorded_free = is_recorded_free(pfn), reported;

	dualbm_caller_of_call(&v, regs, address);
	call.caller = v.caller;
	reported = recorded_free && report_recorded_free(page, count, &v);
	if (!reported && count <= 0)
		reported = dualbm_count_report(&v, count);
	/* Its frames are the caller's, and their events are as they should be. */
	if (!recorded_free && is_freed_mapped(page))
		dualbm_mapping_report(&v);
	if (reported)
		reported_add(&call);
}

/* Cold: nothing of a call that looks healthy at a glance comes here. */
static noinline void look_at_call(struct page *page, struct pt_regs *regs,
				  const struct kprobe *probe)
{
	unsigned long pfn = page_to_pfn(page);

	if (READ_ONCE(reported_calls))
		reported_none(context_now(true));
	/* The pointer of a caller at fault may lead anywhere: what has planes is a page. */
	if (dualbm_planes_at(pfn) && (is_recorded_free(pfn) || page_ref_count(page) <= 0 ||
				      is_freed_mapped(page)))
		suspect_call(page, regs_get_kernel_argument(regs, 1), regs,
			     (unsigned long)probe->addr);
}

/*
 * The caller must own the block, and have a reference. If its first frame is recorded free
 * and lies in the allocator, or its count is 0, he does not. The report is for the
 * whole call.
 */
static int on_free_pages(struct kprobe *probe, struct pt_regs *regs)
{
	struct page *page = (struct page *)regs_get_kernel_argument(regs, 0);
	unsigned long pfn = page_to_pfn(page), frame = dualbm_frame_index(pfn), *planes;
	int count = 0;

	dualbm_hit(DUALBM_HOOK_BOUNDARY_FREE);
	/* Only a page that is recorded allocated has this bit, so that its count can be read. */
	if (likely(dualbm_flat_find(pfn, frame, &planes) &&
		   test_bit(frame, dualbm_plane(planes, DUALBM_PRIMARY))))
		count = page_ref_count(page);
	if (unlikely(count <= 0 || READ_ONCE(reported_calls) ||
		     (count == 1 && dualbm_page_keeps_mapping(page))))
		look_at_call(page, regs, probe);
	else if (static_branch_likely(&dualbm_frees_on) && count == 1)
		dualbm_past_call(page, dualbm_entry_caller(regs));
	return 0;
}

static noinline void look_for_gap(unsigned long pfn)
{
	if (is_recorded_free(pfn))
		dualbm_count(DUALBM_STAT_COVERAGE_GAPS);
}

/*
 * A page that leaves the allocator is recorded allocated by its event, and nobody else has an
 * event of it yet. What is untracked, for whatever reason, is no gap: only one that is still
 * recorded free has come by a way that the hooks do not know.
 */
static __always_inline void look_at_returned(const struct page *page)
{
	unsigned long pfn = page_to_pfn(page), frame = dualbm_frame_index(pfn), *planes;

	dualbm_hit(DUALBM_HOOK_BOUNDARY_ALLOC);
	/* No page is none that the map knows. */
	if (unlikely(!dualbm_flat_find(pfn, frame, &planes) ||
		     test_bit(frame, dualbm_plane(planes, DUALBM_SECONDARY))))
		look_for_gap(pfn);
}

static int on_alloc_pages_jump(struct kprobe *probe, struct pt_regs *regs)
{
	look_at_returned((struct page *)regs_return_value(regs));
	return 0;
}

/*
 * A return probe costs most where a call returns, so it follows one call in 64, by chance, lest
 * a workload have the same rhythm; and each call of the task that provokes it.
 */
static DEFINE_PER_CPU(u32, draws);
static const struct task_struct *provoker;

static int on_alloc_pages_entry(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	u32 draw = this_cpu_read(draws) * 1664525 + 1013904223;

	this_cpu_write(draws, draw);
	return draw >> (32 - SAMPLE_BITS) && READ_ONCE(provoker) != current;
}

static int on_alloc_pages_exit(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	look_at_returned((struct page *)regs_return_value(regs));
	return 0;
}

void dualbm_boundary_provoke(const struct task_struct *task)
{
	WRITE_ONCE(provoker, task);
}

static enum dualbm_mechanism plain_mechanism(const struct boundary *side)
{
	return side == &free_side ? DUALBM_KPROBE : DUALBM_KRETPROBE;
}

static struct boundary *side_of(const struct dualbm_hook *hook)
{
	return hook->id == DUALBM_HOOK_BOUNDARY_FREE ? &free_side : &alloc_side;
}

enum dualbm_mechanism dualbm_boundary_mechanism(const struct dualbm_hook *hook)
{
	return READ_ONCE(side_of(hook)->mechanism);
}

/* A probe inside of the function that begins at @entry: 0, or -EOPNOTSUPP if it has no place. */
static int attach_jump(struct boundary *side, unsigned long entry)
{
	unsigned long place, start, end;
	int ret;

	if (side == &free_side) {
		place = dualbm_jump_behind_entry(entry);
	} else {
		dualbm_allocation_code(&start, &end);
		place = dualbm_jump_before_exit(start, end);
	}
	if (!place)
		return -EOPNOTSUPP;
	side->jump.addr = (kprobe_opcode_t *)place;
	side->jump.pre_handler = side == &free_side ? on_free_pages : on_alloc_pages_jump;
	/* Switched on by dualbm_boundary_enable(), or later by the watch. */
	side->jump.flags = KPROBE_FLAG_DISABLED;
	ret = register_kprobe(&side->jump);
	side->placed = !ret;
	return ret;
}

/* A probe at the entry, or at the return: on any machine. @flags: of a kprobe. */
static int attach_plain(struct boundary *side, u32 flags)
{
	if (side == &free_side) {
		side->missed += side->entry.nmissed;
		side->entry = (struct kprobe){
			.symbol_name = side->symbol,
			.pre_handler = on_free_pages,
			.flags = flags,
		};
		return register_kprobe(&side->entry);
	}
	if (!DUALBM_HAVE_RETURN_PROBES)
		return -EOPNOTSUPP;
	side->exit = (struct kretprobe){
		.kp.symbol_name = side->symbol,
		.kp.flags = flags,
		.entry_handler = on_alloc_pages_entry,
		.handler = on_alloc_pages_exit,
		.maxactive = BOUNDARY_MAXACTIVE,
	};
	return register_kretprobe(&side->exit);
}

int dualbm_boundary_attach(struct dualbm_hook *hook)
{
	struct boundary *side = side_of(hook);
	unsigned long entry = 0;
	int i;

	for (i = 0; i < DUALBM_MAX_ALTERNATES && hook->symbols[i] && !entry; i++) {
		hook->symbol = hook->symbols[i];
		entry = dualbm_function_address(hook->symbol);
	}
	if (!entry)
		return -ENOENT;
	hook->missed = side == &free_side ? free_missed : alloc_missed;
	side->symbol = hook->symbol;
	/* One jump is made at a time: the other side waits for it as what it can be at once. */
	if (!attach_jump(side, entry) && alloc_side.mechanism != DUALBM_JUMP) {
		side->mechanism = DUALBM_JUMP;
		return 0;
	}
	side->mechanism = plain_mechanism(side);
	return attach_plain(side, 0);
}

static void enable_jump(struct boundary *side)
{
	int ret = enable_kprobe(&side->jump);

	if (ret)
		pr_notice("the probe inside of %s cannot be switched on: error %d\n",
			  side->symbol, ret);
}

void dualbm_boundary_enable(void)
{
	if (alloc_side.mechanism == DUALBM_JUMP)
		enable_jump(&alloc_side);
	else if (free_side.mechanism == DUALBM_JUMP)
		enable_jump(&free_side);
}

/* The other side's jump is there, so that the optimizer has nothing to do. */
static void take_jump(struct boundary *side)
{
	WRITE_ONCE(free_changes, free_changes + 1);
	unregister_kprobe(&side->entry);
	WRITE_ONCE(side->mechanism, DUALBM_JUMP);
	enable_jump(side);
}

/* A call that passes both in between is reported by both. */
static void leave_jump(struct boundary *side)
{
	enum dualbm_mechanism plain = plain_mechanism(side);

	if (attach_plain(side, 0))
		return;
	if (side == &free_side)
		WRITE_ONCE(free_changes, free_changes + 1);
	WRITE_ONCE(side->mechanism, plain);
	side->placed = false;
	pr_notice("the probe inside of %s is no jump, or no call passes it: it is at the %s now\n",
		  side->symbol, plain == DUALBM_KPROBE ? "entry" : "return");
	unregister_kprobe(&side->jump);
}

/* Has every task been waited for since this was first asked? */
static bool is_settled(void)
{
	if (!is_settling) {
		init_completion(&settling.completion);
		call_rcu_tasks(&settling.head, wakeme_after_rcu);
		is_settling = true;
	}
	if (!completion_done(&settling.completion))
		return false;
	is_settling = false;
	return true;
}

/* A live patch leads around what is inside of a function, and not around its entry. */
void dualbm_boundary_watch(const struct dualbm_hook *hook)
{
	struct boundary *side = side_of(hook);
	enum dualbm_jump now;

	if (side->mechanism != DUALBM_JUMP) {
		if (side->placed && alloc_side.mechanism == DUALBM_JUMP &&
		    dualbm_jump_look(&alloc_side.jump) == DUALBM_JUMP_MADE)
			take_jump(side);
		return;
	}
	now = dualbm_jump_look(&side->jump);
	if (now == DUALBM_JUMP_OFF || (now == DUALBM_JUMP_MADE && !hook->dead)) {
		side->useless = 0;
	} else if (side->useless < USELESS_LOOKS) {
		side->useless++;
	} else if (is_settled()) {
		side->useless = 0;
		leave_jump(side);
	}
}

/* Both at once: the optimizer that the first one wakes would keep the second one waiting. */
static void detach_jumps(void)
{
	struct boundary *sides[] = { &alloc_side, &free_side };
	struct kprobe *jumps[ARRAY_SIZE(sides)];
	bool wait = false;
	int i, nr = 0;

	for (i = 0; i < ARRAY_SIZE(sides); i++) {
		if (!sides[i]->placed)
			continue;
		wait |= dualbm_jump_look(&sides[i]->jump) == DUALBM_JUMP_BREAKPOINT;
		jumps[nr++] = &sides[i]->jump;
		sides[i]->placed = false;
	}
	if (wait)
		dualbm_tasks_wait();
	unregister_kprobes(jumps, nr);
}

/* The row of the free side comes first, whose plain probe wakes nobody. */
void dualbm_boundary_detach(struct dualbm_hook *hook)
{
	struct boundary *side = side_of(hook);

	while (is_settling && !is_settled())
		schedule_timeout_idle(1);
	if (side->mechanism == DUALBM_KPROBE)
		unregister_kprobe(&side->entry);
	else if (side->mechanism == DUALBM_KRETPROBE)
		unregister_kretprobe(&side->exit);
	detach_jumps();
}
