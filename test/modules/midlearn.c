// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory that comes while what is allocated is learned. Everything is forgotten, and the
 * learning after that waits, with its window open, until somebody brings memory online.
 * That waits in its turn, when planes for it are there and before its frames are given to
 * the allocator, until the learning has ended: nobody has these frames then.
 */
#include "testmod.h"

#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/kprobes.h>
#include <linux/memory.h>
#include <linux/rcupdate.h>

#define WAIT_S	60

static bool met;
module_param(met, bool, 0444);
MODULE_PARM_DESC(met, "memory came while the window was open, and waited for its end");

static bool passed_on;
static DECLARE_COMPLETION(window_open);
static DECLARE_COMPLETION(coming);
static DECLARE_COMPLETION(given);

/* Of dualbm, once they are found. */
static const char *no_name(void)
{
	return "";
}

static void nothing(void)
{
}

DEFINE_STATIC_CALL(state_name, no_name);
DEFINE_STATIC_CALL(mode_forget, nothing);
DEFINE_STATIC_CALL(learn_request, nothing);

/*
 * In the place of dualbm_tasks_wait(). A learning calls it twice, and has its window open
 * at the second call. Its callers wait for nothing else here.
 */
static void wait_with_window(void)
{
	synchronize_rcu_tasks();
	if (!passed_on) {
		passed_on = true;
		return;
	}
	complete(&window_open);
	wait_for_completion_timeout(&coming, WAIT_S * HZ);
}

static int on_wait(struct kprobe *probe, struct pt_regs *regs)
{
	instruction_pointer_set(regs, (unsigned long)wait_with_window);
	return 1;
}

static struct kprobe wait_probe = {
	.symbol_name = "dualbm_tasks_wait",
	.pre_handler = on_wait,
	.post_handler = test_other_way,
};

static int memory_event(struct notifier_block *notifier, unsigned long action, void *data)
{
	unsigned int tenths;

	if (action != MEM_GOING_ONLINE || !try_wait_for_completion(&window_open))
		return NOTIFY_DONE;
	complete(&coming);
	for (tenths = 0; tenths < WAIT_S * 10 && !met; tenths++) {
		msleep(100);
		met = !strcmp(static_call(state_name)(), "armed");
	}
	wait_for_completion_timeout(&given, WAIT_S * HZ);
	return NOTIFY_DONE;
}

/* After that of dualbm. */
static struct notifier_block notifier = {
	.notifier_call = memory_event,
	.priority = INT_MIN,
};

/* Who has looked at the frames says so. */
static int give(const char *value, const struct kernel_param *parameter)
{
	complete(&given);
	return 0;
}

static const struct kernel_param_ops give_ops = { .set = give };

module_param_cb(give, &give_ops, NULL, 0200);
MODULE_PARM_DESC(give, "written: the frames may be given to the allocator");

static int __init midlearn_init(void)
{
	int ret;

	if (!test_find(state_name, no_name, "dualbm_state_name") ||
	    !test_find(mode_forget, nothing, "dualbm_mode_forget") ||
	    !test_find(learn_request, nothing, "dualbm_learn_request"))
		return -ENOENT;
	ret = register_kprobe(&wait_probe);
	if (ret)
		return ret;
	ret = register_memory_notifier(&notifier);
	if (ret) {
		unregister_kprobe(&wait_probe);
		return ret;
	}
	/* As the hook of unpoison_memory() does. */
	static_call(mode_forget)();
	static_call(learn_request)();
	if (wait_for_completion_timeout(&window_open, WAIT_S * HZ)) {
		complete(&window_open);
		return 0;
	}
	unregister_memory_notifier(&notifier);
	complete(&coming);
	unregister_kprobe(&wait_probe);
	return -ETIMEDOUT;
}
module_init(midlearn_init);

static void __exit midlearn_exit(void)
{
	unregister_memory_notifier(&notifier);
	unregister_kprobe(&wait_probe);
}
module_exit(midlearn_exit);

MODULE_DESCRIPTION("dualbm test: memory that comes while it is learned");
MODULE_LICENSE("GPL");
