// SPDX-License-Identifier: GPL-2.0-only
/*
 * Wakes ksoftirqd of a CPU, as interrupts do that leave it much to do. Where a more urgent
 * task has that CPU it stays woken.
 */
#include "testmod.h"

#include <linux/rcupdate.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>

static struct task_struct *thread_of(unsigned int cpu)
{
	struct task_struct *task, *found = NULL;
	char name[TASK_COMM_LEN];

	snprintf(name, sizeof(name), "ksoftirqd/%u", cpu);
	rcu_read_lock();
	for_each_process(task)
		if (task->flags & PF_KTHREAD && !strcmp(task->comm, name))
			found = task;
	if (found)
		get_task_struct(found);
	rcu_read_unlock();
	return found;
}

static int wake(const char *value, const struct kernel_param *param)
{
	struct task_struct *thread;
	unsigned int cpu;
	int ret = kstrtouint(value, 10, &cpu);

	if (ret)
		return ret;
	thread = thread_of(cpu);
	if (!thread)
		return -ESRCH;
	wake_up_process(thread);
	put_task_struct(thread);
	return 0;
}

static const struct kernel_param_ops cpu_ops = { .set = wake };
module_param_cb(cpu, &cpu_ops, NULL, 0200);
MODULE_PARM_DESC(cpu, "whose ksoftirqd is woken");

static int __init softirqd_init(void)
{
	return 0;
}
module_init(softirqd_init);

static void __exit softirqd_exit(void)
{
}
module_exit(softirqd_exit);

MODULE_DESCRIPTION("dualbm test: a ksoftirqd that is woken");
MODULE_LICENSE("GPL");
