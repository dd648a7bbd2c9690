// SPDX-License-Identifier: GPL-2.0-only
/*
 * Claims the right to redirect the bulk allocator, as a live patch of it would,
 * and leaves it where it is. Nobody else can redirect it while this is loaded.
 */
#include "testmod.h"

#include <linux/ftrace.h>

static void notrace livepatchlike_callback(unsigned long ip, unsigned long parent_ip,
					   struct ftrace_ops *ops,
					   struct ftrace_regs *fregs)
{
}

static struct ftrace_ops livepatchlike_ops = {
	.func	= livepatchlike_callback,
	.flags	= TEST_FTRACE_REDIRECT,
};

static int __init livepatchlike_init(void)
{
	/* "mm: enable page allocation tagging" (6.10) renamed it. */
	static const char * const names[] = { "alloc_pages_bulk_noprof", "__alloc_pages_bulk" };
	unsigned int i;
	int ret = -ENOENT;

	if (!TEST_HAVE_BULK)
		return test_result(-EOPNOTSUPP, "this kernel has no bulk allocator");
	for (i = 0; i < ARRAY_SIZE(names) && ret; i++)
		ret = ftrace_set_filter(&livepatchlike_ops, (u8 *)names[i],
					strlen(names[i]), 1);
	if (ret)
		return ret;
	ret = register_ftrace_function(&livepatchlike_ops);
	if (ret)
		test_ftrace_free_filter(&livepatchlike_ops);
	return ret;
}

static void __exit livepatchlike_exit(void)
{
	unregister_ftrace_function(&livepatchlike_ops);
	test_ftrace_free_filter(&livepatchlike_ops);
}

module_init(livepatchlike_init);
module_exit(livepatchlike_exit);

MODULE_DESCRIPTION("dualbm test: a live patch of the bulk allocator");
MODULE_LICENSE("GPL");
