// SPDX-License-Identifier: GPL-2.0-only
/*
 * A way out that no event tells of: release_pages() does nothing where dualbm calls it. What it
 * is called with stays allocated for good.
 */
#include "testmod.h"

#include <linux/ftrace.h>
#include <linux/kallsyms.h>
#include <linux/string.h>

static void notrace swallow_nothing(void)
{
}

static void notrace swallow_callback(unsigned long ip, unsigned long parent_ip,
				     struct ftrace_ops *ops, struct ftrace_regs *regs)
{
	char caller[KSYM_SYMBOL_LEN];

	sprint_symbol(caller, parent_ip);
	if (strstr(caller, "[dualbm]"))
		test_ftrace_redirect(regs, swallow_nothing);
}

static struct ftrace_ops swallow_ops = {
	.func	= swallow_callback,
	.flags	= TEST_FTRACE_REDIRECT,
};

static int __init swallow_init(void)
{
	char name[] = "release_pages";
	int ret = ftrace_set_filter(&swallow_ops, (u8 *)name, strlen(name), 1);

	if (ret)
		return ret;
	ret = register_ftrace_function(&swallow_ops);
	if (ret)
		test_ftrace_free_filter(&swallow_ops);
	return ret;
}

static void __exit swallow_exit(void)
{
	unregister_ftrace_function(&swallow_ops);
	test_ftrace_free_filter(&swallow_ops);
}

module_init(swallow_init);
module_exit(swallow_exit);

MODULE_DESCRIPTION("dualbm test: pages that are released, and nobody is told");
MODULE_LICENSE("GPL");
