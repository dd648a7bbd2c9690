// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whoever unloads a module hears late that a kernel thread it stopped has ended, as one
 * does that gets no CPU in between.
 */
#include "testmod.h"

#include <linux/delay.h>
#include <linux/kprobes.h>
#include <linux/kthread.h>

static unsigned int ms = 3000;
module_param(ms, uint, 0444);
MODULE_PARM_DESC(ms, "how late");

static unsigned int stops;
module_param(stops, uint, 0444);
MODULE_PARM_DESC(stops, "how often so far");

/* Its own call of kthread_stop() is the one that goes there. */
static struct task_struct *late_one;

static int stop_late(struct task_struct *thread)
{
	int ret;

	WRITE_ONCE(late_one, current);
	ret = kthread_stop(thread);
	WRITE_ONCE(late_one, NULL);
	msleep(ms);
	WRITE_ONCE(stops, stops + 1);
	return ret;
}

static int on_stop(struct kprobe *probe, struct pt_regs *regs)
{
	if (strcmp(current->comm, "rmmod") || READ_ONCE(late_one) == current)
		return 0;
	instruction_pointer_set(regs, (unsigned long)stop_late);
	return 1;
}

static struct kprobe probe = {
	.symbol_name = "kthread_stop",
	.pre_handler = on_stop,
	.post_handler = test_other_way,
};

static int __init late_init(void)
{
	return register_kprobe(&probe);
}
module_init(late_init);

static void __exit late_exit(void)
{
	unregister_kprobe(&probe);
}
module_exit(late_exit);

MODULE_DESCRIPTION("dualbm test: a thread's end that is heard late");
MODULE_LICENSE("GPL");
