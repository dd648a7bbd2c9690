// SPDX-License-Identifier: GPL-2.0-only
/*
 * At a function that dualbm calls when it listens to events:
 *
 * at=release_pages: a way out that no event tells of. It does nothing, and what it is called with
 *	stays allocated for good.
 * at=__folio_alloc, noise=N: N pages are allocated and freed before, as by a task that has to free
 *	memory first.
 */
#include "testmod.h"

#include <linux/ftrace.h>
#include <linux/gfp.h>
#include <linux/kallsyms.h>
#include <linux/string.h>

static char *at = "release_pages";
module_param(at, charp, 0444);
MODULE_PARM_DESC(at, "the function");

static unsigned int noise;
module_param(noise, uint, 0444);
MODULE_PARM_DESC(noise, "how many pages are allocated and freed there");

static void notrace swallow_nothing(void)
{
}

static void notrace swallow_callback(unsigned long ip, unsigned long parent_ip,
				     struct ftrace_ops *ops, struct ftrace_regs *regs)
{
	char caller[KSYM_SYMBOL_LEN];
	unsigned int i;

	sprint_symbol(caller, parent_ip);
	if (!strstr(caller, "[dualbm]"))
		return;
	for (i = 0; i < noise; i++) {
		struct page *page = alloc_page(TEST_GFP_FAULT);

		if (page)
			__free_page(page);
	}
	if (!noise)
		test_ftrace_redirect(regs, swallow_nothing);
}

static struct ftrace_ops swallow_ops = {
	.func	= swallow_callback,
	.flags	= TEST_FTRACE_REDIRECT,
};

static int __init swallow_init(void)
{
	char name[KSYM_NAME_LEN];
	int ret;

	/* "mm: enable page allocation tagging" (6.10) renamed what allocates. */
	snprintf(name, sizeof(name), "%s*", at);
	ret = ftrace_set_filter(&swallow_ops, (u8 *)name, strlen(name), 1);
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
