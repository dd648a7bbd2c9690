// SPDX-License-Identifier: GPL-2.0-only
/*
 * Is any task still inside __alloc_pages()? An allocation may sleep there with
 * its page, and without its alloc event, for any length of time. Who has been seen
 * outside once is not asked again.
 */
#include <linux/kallsyms.h>
#include <linux/llist.h>
#include <linux/module.h>
#include <linux/rcupdate_wait.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/sched/task_stack.h>
#include <linux/slab.h>
#include <linux/stacktrace.h>
#include <linux/static_call.h>
#include <linux/timekeeping.h>
#include <linux/uaccess.h>

#include "dualbm.h"
#include "dualbm_stop.h"
#include "dualbm_symbol.h"
#include "dualbm_tasks.h"

#define STACK_ENTRIES	128
#define STACK_WORDS	64
#define RETURN_PROBES	64	/* nested in one task */
/* So many stacks are taken in one stop, if they do not take longer than they may. */
#define BATCH		32

/*
 * A task that is in doubt: it may have been inside all the time. Only a stack that was
 * taken while all CPUs were stopped can tell, and one that has told that it is inside is
 * not taken again before the task has run.
 */
struct doubt {
	struct task_struct *task;
	unsigned long switches;
	bool inside;
};

/* What a stop finds out about one of them; it is judged when all CPUs run again. */
struct taken {
	struct doubt *doubt;
	unsigned long switches;
	unsigned int entries;
	bool outside;
	bool preempted;
	unsigned long stack[STACK_ENTRIES];
};

struct batch {
	unsigned int nr;
	unsigned int done;
	struct taken taken[BATCH];
};

/* Only the worker uses these, and the CPU that has stopped all others for it. */
static struct doubt *doubts;
static unsigned int nr_doubts, max_doubts;
static struct batch *batch;
static unsigned long stack_words[STACK_WORDS];

/* What return addresses that a return probe has taken away were replaced by. */
static unsigned long return_trampoline;

#if DUALBM_HAVE_STACK_OF_TASK
static unsigned int stack_of(struct task_struct *task, unsigned long *store, unsigned int size)
{
	return stack_trace_save_tsk(task, store, size, 0);
}

static bool find_stack_of(void)
{
	return true;
}
#else
static unsigned int no_stack(struct task_struct *task, unsigned long *store,
			     unsigned int size, unsigned int skip)
{
	return 0;
}

/*
 * Not through a pointer. A kernel with IBT wants an ENDBR where that leads, and the address is one
 * behind it, or it was taken away; one with kCFI wants the function's type in front of it. A
 * static call becomes a direct one, which nobody checks.
 */
DEFINE_STATIC_CALL(dualbm_stack_of, no_stack);

static unsigned int stack_of(struct task_struct *task, unsigned long *store, unsigned int size)
{
	return static_call(dualbm_stack_of)(task, store, size, 0);
}

static bool find_stack_of(void)
{
	typeof(no_stack) *found = (void *)dualbm_function_address("stack_trace_save_tsk");

	if (found)
		static_call_update(dualbm_stack_of, found);
	return found;
}
#endif

/*
 * synchronize_rcu_tasks() is uninterruptible, and a task that a busy machine does not let
 * run is waited for as long as that takes: hung_task_panic would call it a hang. The
 * callback is the kernel's own, so that the module may go when it has been called.
 */
void dualbm_tasks_wait(void)
{
	struct rcu_synchronize wait;

	init_rcu_head_on_stack(&wait.head);
	init_completion(&wait.completion);
	call_rcu_tasks(&wait.head, wakeme_after_rcu);
	while (!completion_done(&wait.completion))
		schedule_timeout_idle(1);
	destroy_rcu_head_on_stack(&wait.head);
}

static bool is_one_of(unsigned long address, const char * const names[], int nr)
{
	char name[KSYM_SYMBOL_LEN];
	int i;

	sprint_symbol_no_offset(name, address);
	for (i = 0; i < nr; i++)
		if (names[i] && strstarts(name, names[i]))
			return true;
	return false;
}

/*
 * A stack that was read to its end names the way into the kernel last. What
 * another return probe keeps, and what cannot be found there, is 0. Of a task that
 * was preempted there must be no interrupt in the middle either: it might have come
 * where a function has no frame yet, and in code that the unwinder does not know.
 */
static bool stack_is_whole(const struct taken *taken)
{
	static const char * const ends[] = { DUALBM_STACK_ENDS };
	static const char * const gaps[] = { DUALBM_STACK_GAPS };
	static const char * const interrupts[] = { DUALBM_STACK_INTERRUPTS };
	const unsigned long *stack = taken->stack;
	unsigned int last = taken->entries - 1, i;

	if (!taken->entries || taken->entries == STACK_ENTRIES)
		return false;
	for (i = 0; i <= last; i++)
		if (!stack[i] || is_one_of(stack[i], gaps, ARRAY_SIZE(gaps)) ||
		    (taken->preempted && i < last &&
		     is_one_of(stack[i], interrupts, ARRAY_SIZE(interrupts))))
			return false;
	return is_one_of(stack[last], ends, ARRAY_SIZE(ends));
}

/*
 * A return probe on what __alloc_pages() calls takes the return address away from
 * the stack, and keeps it in a list of the task's. That list may change under
 * this look if the task runs, hence the careful copy and the end.
 */
static bool return_probes_mention_allocation(struct task_struct *task)
{
	const struct llist_node *next = dualbm_return_probes(task);
	unsigned int left = RETURN_PROBES;
	struct dualbm_return_probe node;

	while (next) {
		if (!left-- ||
		    copy_from_kernel_nofault(&node, llist_entry(next, struct dualbm_return_probe,
								llist), sizeof(node)) ||
		    dualbm_inside_allocation((unsigned long)node.ret_addr))
			return true;
		next = node.llist.next;
	}
	return false;
}

/*
 * May a task that does not run be inside __alloc_pages(), by any word on its
 * stack? A task that is inside has one: the return address into it, or where an
 * interrupt found it, unless a return probe or the function graph tracer keeps
 * it elsewhere. A task that is outside may have such a word too, left from an
 * earlier call, or put there by a user: what a system call was given lies on the
 * stack as well.
 *
 * The registers that a user had when it entered the kernel are no part of the search.
 * They lie above all frames: each way in from user mode, system call, interrupt,
 * exception and NMI, begins to use the stack at task_pt_regs() (amd64:
 * cpu_current_top_of_stack, sync_regs() and the NMI entry; arm64: kernel_entry with an
 * empty stack), and a new task's stack begins there as well (copy_thread()). Kernel
 * threads have no such registers, and nothing lies there, but it costs nothing to look.
 *
 * The stack may go away meanwhile, hence the careful copy; it goes only with the
 * task.
 */
static bool stack_mentions_allocation(struct task_struct *task)
{
	unsigned long at = dualbm_task_sp(task);
	unsigned long end = task->flags & PF_KTHREAD ?
		(unsigned long)task_stack_page(task) + THREAD_SIZE :
		(unsigned long)task_pt_regs(task);
	unsigned long words, i;

	if (dualbm_task_is_graphed(task) || return_probes_mention_allocation(task) ||
	    (!DUALBM_HAVE_RETURN_PROBES && !return_trampoline))
		return true;
	if (at >= end || end - at > THREAD_SIZE || at % sizeof(long))
		return true;
	for (; at < end; at += words * sizeof(long)) {
		words = min_t(unsigned long, STACK_WORDS, (end - at) / sizeof(long));
		if (copy_from_kernel_nofault(stack_words, (void *)at, words * sizeof(long)))
			return true;
		for (i = 0; i < words; i++)
			if (dualbm_inside_allocation(dualbm_code_address(stack_words[i])) ||
			    (!DUALBM_HAVE_RETURN_PROBES &&
			     stack_words[i] == return_trampoline))
				return true;
	}
	return false;
}

static unsigned long switches_of(const struct task_struct *task)
{
	return READ_ONCE(task->nvcsw) + READ_ONCE(task->nivcsw);
}

/* It has switched away for the last time; its stack may be gone already. */
static bool task_is_gone(struct task_struct *task)
{
	return dualbm_task_state(task) == TASK_DEAD;
}

/*
 * False if the task is inside, or if nothing can be said while others run. It must
 * not have run while its stack was read: a task that runs is on a CPU, and before it
 * leaves that it counts a switch (kernel/sched/core.c, __schedule() and
 * finish_task(), 6.1 and 6.12). So the count is read first and last.
 */
static bool task_is_outside(struct task_struct *task)
{
	unsigned long switches = switches_of(task);
	bool mentions;

	if (task == current || task_is_gone(task))
		return true;
	/* The count before the CPU, and the CPU before the stack. */
	smp_rmb();
	if (READ_ONCE(task->on_cpu))
		return false;
	/* See above. */
	smp_rmb();
	mentions = stack_mentions_allocation(task);
	/* And back again. */
	smp_rmb();
	if (mentions || READ_ONCE(task->on_cpu))
		return false;
	/* See above. */
	smp_rmb();
	return switches == switches_of(task);
}

void dualbm_tasks_release(void)
{
	while (nr_doubts)
		put_task_struct(doubts[--nr_doubts].task);
	kvfree(doubts);
	doubts = NULL;
}

/* Some more than there are, as they go on being made. */
static bool make_room(void)
{
	struct task_struct *process, *task;

	max_doubts = 1024;
	rcu_read_lock();
	for_each_process_thread(process, task)
		max_doubts++;
	rcu_read_unlock();
	max_doubts += max_doubts / 4;
	doubts = kvcalloc(max_doubts, sizeof(*doubts), GFP_KERNEL);
	return doubts;
}

bool dualbm_tasks_look(void)
{
	struct task_struct *process, *task;
	bool room = true;

	dualbm_tasks_release();
	if (!make_room())
		return false;
	rcu_read_lock();
	for_each_process_thread(process, task) {
		if (task_is_outside(task))
			continue;
		room = nr_doubts < max_doubts;
		if (!room)
			goto unlock;
		get_task_struct(task);
		doubts[nr_doubts++].task = task;
	}
unlock:
	rcu_read_unlock();
	return room;
}

static void drop(struct doubt *doubt)
{
	put_task_struct(doubt->task);
	*doubt = doubts[--nr_doubts];
}

/*
 * Unwinds the stack: is the task really inside? Only with all CPUs stopped, as
 * unwinding a return probe of a task that wakes up is a warning to the kernel
 * (rethook_find_ret_addr(), kernel/trace/rethook.c, 6.1). It warns of a task that was
 * preempted as well, so of such a one with a return probe nothing is known.
 */
static void take_stack(struct taken *taken)
{
	struct task_struct *task = taken->doubt->task;

	taken->switches = switches_of(task);
	taken->entries = 0;
	/* Who runs now is a stopper; all others can be read. */
	taken->outside = task->on_cpu || task_is_gone(task) || !stack_mentions_allocation(task);
	if (taken->outside)
		return;
	taken->preempted = dualbm_task_state(task) == TASK_RUNNING;
	if (taken->preempted && dualbm_return_probes(task))
		return;
	taken->entries = stack_of(task, taken->stack, STACK_ENTRIES);
}

/* No name is looked for here, and one stack is all that may be taken too late. */
static int take_stacks_stopped(void *data)
{
	struct batch *now = data;
	u64 end = ktime_get_mono_fast_ns() + DUALBM_STOP_NS;

	do
		take_stack(&now->taken[now->done++]);
	while (now->done < now->nr && ktime_get_mono_fast_ns() < end);
	return 0;
}

static bool was_outside(const struct taken *taken)
{
	unsigned int i;

	if (taken->outside)
		return true;
	for (i = 0; i < taken->entries; i++)
		if (dualbm_inside_allocation(taken->stack[i]))
			return false;
	return stack_is_whole(taken);
}

/* Its stack is the one that was taken last, and has told all that it can. */
static bool is_still_inside(const struct doubt *doubt)
{
	return doubt->inside && !READ_ONCE(doubt->task->on_cpu) &&
	       doubt->switches == switches_of(doubt->task);
}

/* The next ones, down from @at, that a stop can tell something of. */
static unsigned int next_batch(unsigned int at)
{
	batch->nr = 0;
	batch->done = 0;
	while (at && batch->nr < BATCH)
		if (!is_still_inside(&doubts[--at]))
			batch->taken[batch->nr++].doubt = &doubts[at];
	return at;
}

/* Those of the batch come from the end of the list, the last one first. */
static void judge_batch(void)
{
	unsigned int i;

	for (i = 0; i < batch->done; i++) {
		struct taken *taken = &batch->taken[i];

		taken->doubt->switches = taken->switches;
		taken->doubt->inside = !was_outside(taken);
		if (!taken->doubt->inside)
			drop(taken->doubt);
	}
}

unsigned int dualbm_tasks_judge(void)
{
	unsigned int at;

	for (at = nr_doubts; at--;)
		if (task_is_outside(doubts[at].task))
			drop(&doubts[at]);
	at = nr_doubts;
	while (at) {
		at = next_batch(at);
		if (!batch->nr)
			break;
		dualbm_stop(take_stacks_stopped, batch);
		if (batch->done < batch->nr)
			at = batch->taken[batch->done].doubt - doubts + 1;
		judge_batch();
		schedule_timeout_uninterruptible(1);
	}
	return nr_doubts;
}

/* Returns to where its caller is, or to the trampoline if it has a return probe. */
static noinline unsigned long own_return_address(void)
{
	return (unsigned long)__builtin_return_address(0);
}

static int on_own_return(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	return 0;
}

/*
 * Where there is no list of the return probes of a task, the trampoline on its
 * stack puts it in doubt. The trampoline has no name that a module may use, so a
 * function with a return probe tells; if kprobes are switched off it cannot, and
 * all tasks are in doubt.
 */
static void find_return_trampoline(void)
{
	struct kretprobe probe = {
		.kp.addr = (kprobe_opcode_t *)own_return_address,
		.handler = on_own_return,
		.maxactive = 4,
	};
	unsigned long address;

	if (DUALBM_HAVE_RETURN_PROBES || register_kretprobe(&probe))
		return;
	address = own_return_address();
	if (!within_module(address, THIS_MODULE))
		return_trampoline = address;
	unregister_kretprobe(&probe);
}

int dualbm_tasks_init(void)
{
	int ret;

	if (!find_stack_of()) {
		pr_err("cannot find stack_trace_save_tsk, which learning needs\n");
		return -ENOENT;
	}
	batch = kvzalloc(sizeof(*batch), GFP_KERNEL);
	ret = batch ? 0 : -ENOMEM;
	if (ret)
		pr_err("not enough memory to look at tasks: %zu KiB needed\n",
		       sizeof(*batch) / 1024);
	else
		find_return_trampoline();
	return ret;
}

void dualbm_tasks_exit(void)
{
	kvfree(batch);
}
