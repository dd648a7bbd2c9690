// SPDX-License-Identifier: GPL-2.0-only
/*
 * Is any task still inside __alloc_pages()? An allocation may sleep there with
 * its page, and without its alloc event, for any length of time.
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
#include <linux/uaccess.h>

#include "dualbm.h"
#include "dualbm_hooks.h"
#include "dualbm_learn.h"

/*
 * Tasks that only a look with all CPUs stopped can judge. Each costs a few
 * microseconds there; more than this end the round, and the next may have fewer.
 */
#define DOUBTFUL_TASKS	8192
#define STACK_ENTRIES	128
#define STACK_WORDS	64
#define RETURN_PROBES	64	/* nested in one task */

/* Only the worker uses these, and the CPU that has stopped all others for it. */
static struct task_struct **doubtful;
static unsigned int nr_doubtful;
static unsigned long stack_entries[STACK_ENTRIES];
static unsigned long stack_words[STACK_WORDS];

static unsigned int (*save_stack_of)(struct task_struct *task, unsigned long *store,
				     unsigned int size, unsigned int skip);
/* What return addresses that a return probe has taken away were replaced by. */
static unsigned long return_trampoline;

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
 * another return probe keeps, and what cannot be found there, is 0.
 */
static bool stack_is_whole(unsigned int entries)
{
	static const char * const ends[] = { DUALBM_STACK_ENDS };
	static const char * const gaps[] = { DUALBM_STACK_GAPS };
	unsigned int i;

	if (!entries || entries == STACK_ENTRIES)
		return false;
	for (i = 0; i < entries; i++)
		if (!stack_entries[i] || is_one_of(stack_entries[i], gaps, ARRAY_SIZE(gaps)))
			return false;
	return is_one_of(stack_entries[entries - 1], ends, ARRAY_SIZE(ends));
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
 * earlier call.
 *
 * The stack may go away meanwhile, hence the careful copy; it goes only with the
 * task.
 */
static bool stack_mentions_allocation(struct task_struct *task)
{
	unsigned long at = dualbm_task_sp(task);
	unsigned long end = (unsigned long)task_stack_page(task) + THREAD_SIZE;
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

/*
 * Unwinds the stack: is the task really inside? Only with all CPUs stopped, as
 * unwinding a return probe of a task that wakes up is a warning to the kernel
 * (rethook_find_ret_addr(), kernel/trace/rethook.c, 6.1), and not of a task that
 * was preempted, for the same reason.
 */
static bool stack_is_outside(struct task_struct *task)
{
	unsigned int entries, i;

	if (dualbm_task_state(task) == TASK_RUNNING)
		return false;
	entries = save_stack_of(task, stack_entries, STACK_ENTRIES, 0);
	for (i = 0; i < entries; i++)
		if (dualbm_inside_allocation(stack_entries[i]))
			return false;
	return stack_is_whole(entries);
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
	unsigned long switches = READ_ONCE(task->nvcsw) + READ_ONCE(task->nivcsw);
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
	return switches == READ_ONCE(task->nvcsw) + READ_ONCE(task->nivcsw);
}

void dualbm_tasks_release(void)
{
	while (nr_doubtful)
		put_task_struct(doubtful[--nr_doubtful]);
}

bool dualbm_tasks_look(void)
{
	struct task_struct *process, *task;
	bool room = true;

	dualbm_tasks_release();
	rcu_read_lock();
	for_each_process_thread(process, task) {
		if (task_is_outside(task))
			continue;
		room = nr_doubtful < DOUBTFUL_TASKS;
		if (!room)
			goto unlock;
		get_task_struct(task);
		doubtful[nr_doubtful++] = task;
	}
unlock:
	rcu_read_unlock();
	return room;
}

bool dualbm_tasks_outside(void)
{
	unsigned int i;

	/* Who runs now is a stopper; all others can be read. */
	for (i = 0; i < nr_doubtful; i++)
		if (!doubtful[i]->on_cpu && !task_is_gone(doubtful[i]) &&
		    stack_mentions_allocation(doubtful[i]) &&
		    !stack_is_outside(doubtful[i]))
			return false;
	return true;
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

#if DUALBM_HAVE_STACK_OF_TASK
	save_stack_of = stack_trace_save_tsk;
#else
	save_stack_of = (void *)dualbm_function_address("stack_trace_save_tsk");
#endif
	if (!save_stack_of) {
		pr_err("cannot find stack_trace_save_tsk, which learning needs\n");
		return -ENOENT;
	}
	doubtful = kvcalloc(DOUBTFUL_TASKS, sizeof(*doubtful), GFP_KERNEL);
	ret = doubtful ? 0 : -ENOMEM;
	if (ret)
		pr_err("not enough memory to look at tasks: %zu KiB needed\n",
		       DOUBTFUL_TASKS * sizeof(*doubtful) / 1024);
	else
		find_return_trampoline();
	return ret;
}

void dualbm_tasks_exit(void)
{
	kvfree(doubtful);
}
