// SPDX-License-Identifier: GPL-2.0-only
/*
 * A kernel thread of one name ends where it calls a function, as one does that has an oops
 * there.
 */
#include "testmod.h"

#include <linux/kprobes.h>
#include <linux/kthread.h>

static char *symbol = "";
module_param(symbol, charp, 0444);
MODULE_PARM_DESC(symbol, "the function");

static char *thread = "";
module_param(thread, charp, 0444);
MODULE_PARM_DESC(thread, "the thread's name");

/* In the place of the function, and it does not come back. */
static void leave(void)
{
	test_kthread_exit();
}

static int on_call(struct kprobe *probe, struct pt_regs *regs)
{
	if (strcmp(current->comm, thread))
		return 0;
	instruction_pointer_set(regs, (unsigned long)leave);
	return 1;
}

static struct kprobe probe = { .pre_handler = on_call, .post_handler = test_other_way };

static int __init leave_init(void)
{
	probe.symbol_name = symbol;
	return register_kprobe(&probe);
}
module_init(leave_init);

static void __exit leave_exit(void)
{
	unregister_kprobe(&probe);
}
module_exit(leave_exit);

MODULE_DESCRIPTION("dualbm test: a kernel thread that ends where it should not");
MODULE_LICENSE("GPL");
