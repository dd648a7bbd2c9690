// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tasks that sleep inside the page allocator, many times each, as those do
 * that wait for memory of their cgroup. A return probe needs an instance of its
 * pool for each such call.
 *
 * The cgroup's charge function is redirected, for these tasks only, to one that
 * allocates again, until the stack is deep enough, and then waits.
 */
#include "testmod.h"

#include <linux/delay.h>
#include <linux/ftrace.h>
#include <linux/gfp.h>
#include <linux/kthread.h>
#include <linux/vmalloc.h>
#include <linux/wait.h>

static unsigned int threads = 600;
module_param(threads, uint, 0444);
MODULE_PARM_DESC(threads, "how many tasks");

static unsigned int depth = 12;
module_param(depth, uint, 0444);
MODULE_PARM_DESC(depth, "calls of the allocator on each one's stack");

static bool bulk;
module_param(bulk, bool, 0444);
MODULE_PARM_DESC(bulk, "allocate through the bulk allocator");

static atomic_t held = ATOMIC_INIT(0);

static int held_get(char *buffer, const struct kernel_param *kp)
{
	return sysfs_emit(buffer, "%d\n", atomic_read(&held));
}

static const struct kernel_param_ops held_ops = { .get = held_get };
module_param_cb(held, &held_ops, NULL, 0444);
MODULE_PARM_DESC(held, "calls that are inside the allocator now");

static DECLARE_WAIT_QUEUE_HEAD(release_wait);
static bool released;

struct hog {
	struct task_struct *task;
	unsigned int depth;
};

static struct hog *hogs;

static noinline void hog_alloc(void)
{
	struct page *page = NULL;

	/* An accounted page makes the bulk allocator take its fallback. */
	if (bulk)
		test_bulk_array(GFP_KERNEL_ACCOUNT, 1, &page);
	else
		page = alloc_page(GFP_KERNEL_ACCOUNT);
	if (page)
		__free_page(page);
}

/* Nothing left on the stack that tells of earlier calls. */
static noinline void wipe_stack(void)
{
	char room[1536];

	memset(room, 0, sizeof(room));
	barrier_data(room);
}

static noinline void hog_wait(struct hog *hog)
{
	atomic_inc(&held);
	if (++hog->depth < depth)
		hog_alloc();
	else
		wait_event(release_wait, READ_ONCE(released));
	hog->depth--;
	atomic_dec(&held);
}

/*
 * Stands in for __memcg_kmem_charge_page(): says yes and charges nobody. It has
 * no variables of its own, whose place could hold what was there before.
 */
static int hog_charge(struct page *page, gfp_t gfp, int order)
{
	wipe_stack();
	hog_wait(kthread_data(current));
	return 0;
}

static int hog_main(void *data)
{
	hog_alloc();
	while (!kthread_should_stop())
		schedule_timeout_interruptible(1);
	return 0;
}

static void notrace redirect(unsigned long ip, unsigned long parent_ip,
			     struct ftrace_ops *ops, struct ftrace_regs *fregs)
{
	if ((current->flags & PF_KTHREAD) && in_task() &&
	    kthread_func(current) == hog_main)
		test_ftrace_redirect(fregs, hog_charge);
}

static struct ftrace_ops redirect_ops = {
	.func	= redirect,
	.flags	= TEST_FTRACE_REDIRECT,
};

static void poolhog_stop(void)
{
	unsigned int i;

	WRITE_ONCE(released, true);
	wake_up_all(&release_wait);
	for (i = 0; i < threads; i++)
		if (hogs[i].task)
			kthread_stop(hogs[i].task);
	unregister_ftrace_function(&redirect_ops);
	test_ftrace_free_filter(&redirect_ops);
	vfree(hogs);
}

static int __init poolhog_init(void)
{
	static const char name[] = "__memcg_kmem_charge_page";
	unsigned int i;
	int ret;

	if (bulk && !TEST_HAVE_BULK)
		return test_result(-EOPNOTSUPP, "this kernel has no bulk allocator");
	hogs = vzalloc(threads * sizeof(*hogs));
	if (!hogs)
		return -ENOMEM;
	ret = ftrace_set_filter(&redirect_ops, (u8 *)name, strlen(name), 1);
	if (!ret)
		ret = register_ftrace_function(&redirect_ops);
	if (ret) {
		test_ftrace_free_filter(&redirect_ops);
		vfree(hogs);
		return ret;
	}
	for (i = 0; i < threads; i++) {
		struct task_struct *task = kthread_run(hog_main, &hogs[i], "hog/%u", i);

		if (IS_ERR(task)) {
			poolhog_stop();
			return PTR_ERR(task);
		}
		hogs[i].task = task;
	}
	for (i = 0; i < 1000 && atomic_read(&held) < threads * depth; i++)
		msleep(20);
	pr_info("holding %d calls inside the allocator\n", atomic_read(&held));
	if (atomic_read(&held))
		return 0;
	/* Charges are made only after a cgroup was. */
	poolhog_stop();
	return -ENODATA;
}

static void __exit poolhog_exit(void)
{
	poolhog_stop();
}

module_init(poolhog_init);
module_exit(poolhog_exit);

MODULE_DESCRIPTION("dualbm test: many calls inside the allocator");
MODULE_LICENSE("GPL");
