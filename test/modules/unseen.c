// SPDX-License-Identifier: GPL-2.0-only
/*
 * A way out of the allocator that dualbm does not know: while its probe is off the
 * tracepoint of allocations, pages are allocated. They are kept until this is unloaded.
 */
#include "testmod.h"

#include <linux/gfp.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/tracepoint.h>

static unsigned int pages = 4096;
module_param(pages, uint, 0444);
MODULE_PARM_DESC(pages, "how many");

static struct page **held;
static unsigned int nr_held;
static struct tracepoint *tracepoint;
static struct tracepoint_func unhooked;

static void find_tracepoint(struct tracepoint *each, void *data)
{
	if (!strcmp(each->name, "mm_page_alloc"))
		tracepoint = each;
}

static bool find_probe(void)
{
	char name[KSYM_SYMBOL_LEN];
	const struct tracepoint_func *func;
	bool found = false;

	rcu_read_lock();
	for (func = rcu_dereference_raw(tracepoint->funcs); func && func->func && !found; func++) {
		sprint_symbol(name, (unsigned long)func->func);
		found = strstr(name, "[dualbm]");
		unhooked = *func;
	}
	rcu_read_unlock();
	return found;
}

static void free_all(void)
{
	while (nr_held)
		__free_page(held[--nr_held]);
	kvfree(held);
}

static int __init unseen_init(void)
{
	for_each_kernel_tracepoint(find_tracepoint, NULL);
	if (!tracepoint || !find_probe())
		return -ENOENT;
	held = kvcalloc(pages, sizeof(*held), GFP_KERNEL);
	if (!held)
		return -ENOMEM;
	if (tracepoint_probe_unregister(tracepoint, unhooked.func, unhooked.data)) {
		kvfree(held);
		return -EBUSY;
	}
	while (nr_held < pages && (held[nr_held] = alloc_page(TEST_GFP_TASK)))
		nr_held++;
	if (tracepoint_probe_register(tracepoint, unhooked.func, unhooked.data))
		pr_err("dualbm's probe is lost\n");
	pr_info("%u pages were allocated unseen\n", nr_held);
	return 0;
}
module_init(unseen_init);

static void __exit unseen_exit(void)
{
	free_all();
}
module_exit(unseen_exit);

MODULE_DESCRIPTION("dualbm test: allocate what the hooks do not see");
MODULE_LICENSE("GPL");
