// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whoever looks finds "armed" only while events are believed. Where dualbm stores its
 * state, its CPU waits, and another one has everything forgotten meanwhile, if it can:
 * what is then stored, or still shown, must not be "armed" while nothing is believed.
 */
#include "testmod.h"

#include <linux/delay.h>
#include <linux/kprobes.h>
#include <linux/kthread.h>
#include <linux/timekeeping.h>

#define WAIT_MS		200
/* The second parameter of change_state(), dualbm_mode.c: enum dualbm_state, dualbm_mode.h. */
#define ARMED		2

static bool waits, done;
static unsigned int armed, wrong;
/* Of dualbm, once they are found. */
static const char *no_name(void)
{
	return "";
}

static void nothing(void)
{
}

static unsigned long no_number(void)
{
	return 0;
}

DEFINE_STATIC_CALL(state_name, no_name);
DEFINE_STATIC_CALL(mode_generation, no_number);
DEFINE_STATIC_CALL(mode_forget, nothing);
DEFINE_STATIC_CALL(learn_request, nothing);

static bool wait_for_it(bool *what)
{
	u64 end = ktime_get_mono_fast_ns() + (u64)WAIT_MS * NSEC_PER_MSEC;

	while (!READ_ONCE(*what) && ktime_get_mono_fast_ns() < end)
		cpu_relax();
	return READ_ONCE(*what);
}

static int on_change_state(struct kprobe *p, struct pt_regs *regs)
{
	bool arms = (unsigned int)regs_get_kernel_argument(regs, 1) == ARMED;

	if (arms && !armed++) {
		WRITE_ONCE(waits, true);
		wait_for_it(&done);
	}
	if ((arms || !strcmp(static_call(state_name)(), "armed")) &&
	    !static_call(mode_generation)())
		wrong++;
	return 0;
}

static struct kprobe probe = {
	.symbol_name = "dualbm:change_state",
	.pre_handler = on_change_state,
};

/* As the hook of unpoison_memory() does. */
static void have_all_forgotten(void)
{
	static_call(mode_forget)();
	static_call(learn_request)();
}

static int forget(void *unused)
{
	while (!kthread_should_stop() && !READ_ONCE(done)) {
		if (READ_ONCE(waits)) {
			have_all_forgotten();
			WRITE_ONCE(done, true);
		}
		usleep_range(100, 200);
	}
	while (!kthread_should_stop())
		msleep(20);
	return 0;
}

static int __init learnrace_init(void)
{
	struct task_struct *task;
	int ret, waited;

	if (!test_find(state_name, no_name, "dualbm_state_name") ||
	    !test_find(mode_generation, no_number, "dualbm_mode_generation") ||
	    !test_find(mode_forget, nothing, "dualbm_mode_forget") ||
	    !test_find(learn_request, nothing, "dualbm_learn_request"))
		return -ENOENT;
	ret = register_kprobe(&probe);
	if (ret)
		return ret;
	task = kthread_run(forget, NULL, "learnrace");
	if (IS_ERR(task)) {
		unregister_kprobe(&probe);
		return PTR_ERR(task);
	}
	/* It learns once, is stopped where it arms itself, and may learn again. */
	have_all_forgotten();
	for (waited = 0; waited < 60 && !READ_ONCE(done); waited++)
		ssleep(1);
	kthread_stop(task);
	unregister_kprobe(&probe);
	return test_result(armed && done && !wrong ? 0 : -EILSEQ,
			   "armed=%u, forgotten meanwhile=%u, \"armed\" while nothing is believed=%u",
			   armed, done, wrong);
}
module_init(learnrace_init);

MODULE_DESCRIPTION("dualbm test: forget where it says that it is armed");
MODULE_LICENSE("GPL");
