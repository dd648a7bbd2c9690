// SPDX-License-Identifier: GPL-2.0-only
/*
 * A function of one pointer finds no memory: it is not called, and returns NULL.
 */
#include "testmod.h"

#include <linux/kprobes.h>

static char *symbol = "";
module_param(symbol, charp, 0444);
MODULE_PARM_DESC(symbol, "the function");

static unsigned int starved;
module_param(starved, uint, 0444);
MODULE_PARM_DESC(starved, "how often so far");

/* In the place of the function. */
static void *find_nothing(void)
{
	return NULL;
}

static int on_call(struct kprobe *probe, struct pt_regs *regs)
{
	starved++;
	instruction_pointer_set(regs, (unsigned long)find_nothing);
	return 1;
}

static struct kprobe probe = { .pre_handler = on_call, .post_handler = test_other_way };

static int __init starve_init(void)
{
	probe.symbol_name = symbol;
	return register_kprobe(&probe);
}
module_init(starve_init);

static void __exit starve_exit(void)
{
	unregister_kprobe(&probe);
}
module_exit(starve_exit);

MODULE_DESCRIPTION("dualbm test: no memory for something");
MODULE_LICENSE("GPL");
