// SPDX-License-Identifier: GPL-2.0-only
/*
 * Holds a mutex of another module for as long as it is loaded: who waits for it, and who
 * does not?
 */
#include "testmod.h"

#include <linux/completion.h>
#include <linux/err.h>
#include <linux/kprobes.h>
#include <linux/kthread.h>
#include <linux/mutex.h>

static char *symbol = "dualbm_memory_lock";
module_param(symbol, charp, 0444);
MODULE_PARM_DESC(symbol, "the mutex");

static DECLARE_COMPLETION(held);
static struct task_struct *holder;

/* A mutex is given back by the one who has taken it. */
static int hold(void *mutex)
{
	mutex_lock(mutex);
	complete(&held);
	while (!kthread_should_stop())
		schedule_timeout_interruptible(HZ / 10);
	mutex_unlock(mutex);
	return 0;
}

/* "kallsyms: unexport kallsyms_lookup_name()", 5.7: a probe still finds its address. */
static unsigned long no_address(const char *name)
{
	return 0;
}

DEFINE_STATIC_CALL(lookup_name, no_address);

static unsigned long lookup(const char *name)
{
	if (!test_find(lookup_name, no_address, "kallsyms_lookup_name"))
		return 0;
	return static_call(lookup_name)(name);
}

static int __init hold_init(void)
{
	unsigned long mutex = lookup(symbol);

	if (!mutex)
		return -ENOENT;
	holder = kthread_run(hold, (void *)mutex, "hold");
	if (IS_ERR(holder))
		return PTR_ERR(holder);
	wait_for_completion(&held);
	return 0;
}
module_init(hold_init);

static void __exit hold_exit(void)
{
	kthread_stop(holder);
}
module_exit(hold_exit);

MODULE_DESCRIPTION("dualbm test: hold a mutex");
MODULE_LICENSE("GPL");
