// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every second: does the scrubber go on, and do the hooks fire? Whoever asks that must not
 * be held up by what holds up the others. A task that is more urgent than any normal one
 * may keep a CPU for good. Then the normal threads that were there last may not go on, nor,
 * on 6.1, the timers that were armed there: those wait for ksoftirqd once it was woken
 * (invoke_softirq(), kernel/softirq.c), and that is a normal thread. So this is a thread of
 * the lowest real-time priority, which the scheduler takes to any CPU that has no real-time
 * task, and it sleeps by a timer that expires in a hard interrupt.
 */
#include <linux/hrtimer.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/sched.h>
#include <linux/workqueue.h>

#include "dualbm.h"
#include "dualbm_learn.h"
#include "dualbm_mode.h"
#include "dualbm_request.h"
#include "dualbm_scrub.h"
#include "dualbm_uptime.h"
#include "dualbm_watch.h"
#include "dualbm_watchdog.h"

#define PERIOD_NS	NSEC_PER_SEC
#define SLACK_NS	(50 * NSEC_PER_MSEC)

static struct task_struct *watchdog;
/*
 * To provoke hooks takes memory, and so perhaps long: that is no work for an urgent thread.
 * It waits behind no learning, and is bound to no CPU and no node.
 */
static struct workqueue_struct *watch_queue;
static struct work_struct watch_work;

/*
 * Also while the worker learns for minutes: do the hooks still fire, has one lost anything?
 * A loss is told once, here or to the worker. Where events are not believed there is
 * nothing to take back: a learning that has yet to believe them begins with frames of which
 * nothing is known, and a hook that is still silent then ends it.
 */
static void watch(struct work_struct *work)
{
	const char *lost;

	dualbm_uptime_look();
	lost = dualbm_hooks_watch();
	if (lost && dualbm_mode_generation())
		dualbm_degrade(lost);
	else if (!lost && dualbm_state_now() == DUALBM_STATE_DEGRADED && !dualbm_is_relearning())
		dualbm_learn_request();
}

static int run(void *unused)
{
	ktime_t period = ns_to_ktime(PERIOD_NS);

	sched_set_fifo_low(current);
	while (!kthread_should_stop()) {
		set_current_state(TASK_INTERRUPTIBLE);
		if (!kthread_should_stop())
			schedule_hrtimeout_range(&period, SLACK_NS, HRTIMER_MODE_REL);
		__set_current_state(TASK_RUNNING);
		dualbm_set_trouble(dualbm_scrub_trouble());
		queue_work(watch_queue, &watch_work);
	}
	return 0;
}

int dualbm_watchdog_init(void)
{
	INIT_WORK(&watch_work, watch);
	watch_queue = alloc_ordered_workqueue("dualbm_watch", 0);
	if (!watch_queue) {
		pr_err("no memory for the queue of the watch\n");
		return -ENOMEM;
	}
	/* It runs when it is woken first; one that never was can be stopped as well. */
	watchdog = kthread_create(run, NULL, "dualbm_watchdog");
	if (!IS_ERR(watchdog))
		return 0;
	pr_err("cannot start the watchdog: error %ld\n", PTR_ERR(watchdog));
	destroy_workqueue(watch_queue);
	return PTR_ERR(watchdog);
}

void dualbm_watchdog_start(void)
{
	wake_up_process(watchdog);
}

void dualbm_watchdog_exit(void)
{
	kthread_stop(watchdog);
	/* It asks no more; what it asked for last is ended here. */
	destroy_workqueue(watch_queue);
}
