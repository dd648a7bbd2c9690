// SPDX-License-Identifier: GPL-2.0-only
/*
 * Calls a function that dualbm hooks as if a back-port had changed its prototype. The function
 * itself never sees these calls: they are led away behind the hooks.
 */
#include "testmod.h"

#include <linux/ftrace.h>
#include <linux/gfp.h>
#include <linux/string.h>

static char *function = "__isolate_free_page";
module_param(function, charp, 0444);
MODULE_PARM_DESC(function, "which one: its first argument is a page, its last an order");

/* The order is the second argument of some, and the third of others. */
static void strange_none(const void *page, unsigned long second, unsigned long third)
{
}

DEFINE_STATIC_CALL(strange_call, strange_none);

static void notrace strange_nothing(void)
{
}

static void notrace strange_callback(unsigned long ip, unsigned long parent_ip,
				     struct ftrace_ops *ops, struct ftrace_regs *regs)
{
	if (within_module(parent_ip, THIS_MODULE))
		test_ftrace_redirect(regs, strange_nothing);
}

static struct ftrace_ops strange_ops = {
	.func	= strange_callback,
	.flags	= TEST_FTRACE_REDIRECT,
};

static void call(const void *page, unsigned long order)
{
	static_call(strange_call)(page, order, order);
	test_own_name();
}

static int __init strange_init(void)
{
	struct page *page = alloc_pages(TEST_GFP_TASK, 1);
	char name[KSYM_NAME_LEN];
	int ret;

	if (!page)
		return -ENOMEM;
	ret = -ENOENT;
	if (!test_find(strange_call, strange_none, function))
		goto out;
	strscpy(name, function, sizeof(name));
	ret = ftrace_set_filter(&strange_ops, (u8 *)name, strlen(name), 1);
	if (ret)
		goto out;
	ret = register_ftrace_function(&strange_ops);
	if (ret)
		goto out_filter;
	call(page_zone(page), (unsigned long)page);
	call(NULL, 0);
	call(page, TEST_MAX_ORDER + 1);
	call(page + 1, 1);
	call((void *)page + 1, 0);
	unregister_ftrace_function(&strange_ops);
out_filter:
	test_ftrace_free_filter(&strange_ops);
out:
	__free_pages(page, 1);
	return test_result(ret, "%s was called with 5 blocks that are none", function);
}
module_init(strange_init);

MODULE_DESCRIPTION("dualbm test: a hooked function with other arguments");
MODULE_LICENSE("GPL");
