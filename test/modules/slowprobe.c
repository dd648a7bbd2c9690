// SPDX-License-Identifier: GPL-2.0-only
/*
 * A stranger's kprobe with a slow handler. While it runs, its CPU loses every
 * other kprobe's hits, those of interrupts included; here a timer's softirq
 * that comes in the middle and allocates in bulk, as a network driver would.
 */
#include "testmod.h"

#include <linux/delay.h>
#include <linux/gfp.h>
#include <linux/hrtimer.h>
#include <linux/kprobes.h>
#include <linux/kthread.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>

static unsigned int seconds = 3;
module_param(seconds, uint, 0444);
MODULE_PARM_DESC(seconds, "for how long");

static unsigned int handler_ms = 5;
module_param(handler_ms, uint, 0444);
MODULE_PARM_DESC(handler_ms, "how long the handler takes");

#define PAGES	8

static bool in_handler;
static unsigned long calls, inside;
static struct page *pages[PAGES];
static struct hrtimer timer;

static noinline void slowprobe_victim(void)
{
	/* Or the compiler sees that calling it has no effect. */
	barrier();
}

static int slow_handler(struct kprobe *p, struct pt_regs *regs)
{
	WRITE_ONCE(in_handler, true);
	mdelay(handler_ms);
	WRITE_ONCE(in_handler, false);
	return 0;
}

static struct kprobe probe = {
	.symbol_name	= "slowprobe:slowprobe_victim",
	.pre_handler	= slow_handler,
};

static void free_all(void)
{
	unsigned int i;

	for (i = 0; i < PAGES; i++) {
		if (pages[i])
			__free_page(pages[i]);
		pages[i] = NULL;
	}
}

static enum hrtimer_restart bulk_in_softirq(struct hrtimer *t)
{
	free_all();
	test_bulk_array(TEST_GFP_ATOMIC, PAGES, pages);
	calls++;
	if (READ_ONCE(in_handler))
		inside++;
	hrtimer_forward_now(t, ms_to_ktime(2));
	return HRTIMER_RESTART;
}

/*
 * Before 6.4 softirqs wait for ksoftirqd once it is awake, and none comes inside the
 * handler. At real-time priority it is asleep again before the victim runs.
 */
static struct task_struct *ksoftirqd_of(unsigned int cpu)
{
	struct task_struct *task, *found = NULL;
	char name[TASK_COMM_LEN];

	snprintf(name, sizeof(name), "ksoftirqd/%u", cpu);
	rcu_read_lock();
	for_each_process(task)
		if ((task->flags & PF_KTHREAD) && !strcmp(task->comm, name)) {
			get_task_struct(task);
			found = task;
			break;
		}
	rcu_read_unlock();
	return found;
}

/* The timer has to fire on the CPU that the handler keeps busy. */
static int victim_main(void *unused)
{
	hrtimer_start(&timer, ms_to_ktime(2), HRTIMER_MODE_REL_PINNED_SOFT);
	while (!kthread_should_stop()) {
		slowprobe_victim();
		usleep_range(500, 1000);
	}
	hrtimer_cancel(&timer);
	return 0;
}

static int __init slowprobe_init(void)
{
	struct task_struct *task, *ksoftirqd;
	unsigned int waited, cpu = cpumask_last(cpu_online_mask);
	int ret;

	if (!TEST_HAVE_BULK)
		return test_result(-EOPNOTSUPP, "this kernel has no bulk allocator");
	if (!TEST_HAVE_INTERRUPTS)
		return test_result(-EOPNOTSUPP, "no softirq comes inside a handler");
	ret = register_kprobe(&probe);
	if (ret)
		return ret;
	test_hrtimer_setup(&timer, bulk_in_softirq, CLOCK_MONOTONIC,
			   HRTIMER_MODE_REL_PINNED_SOFT);
	task = kthread_create(victim_main, NULL, "slowprobe");
	if (IS_ERR(task)) {
		unregister_kprobe(&probe);
		return PTR_ERR(task);
	}
	ksoftirqd = ksoftirqd_of(cpu);
	if (ksoftirqd)
		sched_set_fifo_low(ksoftirqd);
	kthread_bind(task, cpu);
	wake_up_process(task);
	for (waited = 0; waited < 5 * seconds && (waited < seconds || !READ_ONCE(inside)); waited++)
		ssleep(1);
	kthread_stop(task);
	if (ksoftirqd) {
		sched_set_normal(ksoftirqd, 0);
		put_task_struct(ksoftirqd);
	}
	unregister_kprobe(&probe);
	free_all();
	return test_result(inside ? 0 : -ENODATA,
			   "bulk calls=%lu, of which inside the handler=%lu",
			   calls, inside);
}
module_init(slowprobe_init);

MODULE_DESCRIPTION("dualbm test: a slow probe of somebody else");
MODULE_LICENSE("GPL");
