// SPDX-License-Identifier: GPL-2.0-only
/*
 * The scrubber: a thread that looks at everything at a steady pace, also where no
 * event comes for months. Here is its pace; what a pass looks at is made elsewhere.
 */
#include <linux/cpu.h>
#include <linux/kthread.h>
#include <linux/sched.h>
#include <linux/sched/task.h>
#include <linux/wait.h>

#include "dualbm.h"
#include "dualbm_audit.h"
#include "dualbm_freer.h"
#include "dualbm_guard.h"
#include "dualbm_learn.h"
#include "dualbm_mapped.h"
#include "dualbm_pass.h"
#include "dualbm_report.h"
#include "dualbm_scrub.h"
#include "dualbm_trace.h"

/*
 * Calls of the watchdog, one a second, without a sign of life. A kernel that is busy
 * with itself can keep synchronize_rcu() waiting for seconds, and is not broken.
 */
#define STALLED_CALLS	60
#define LAGGING_CALLS	3
/* Who has the lock that it waits for is late, and not it; but nobody has it as long as this. */
#define WAITING_CALLS	600
/* To wake up costs as much as a step does: not for less than this. */
#define NAP		(HZ / 50)
/*
 * The watchdog may look at it until it is gone, under the lock: one that nobody has who can
 * be kept from a CPU, as the watchdog is there for him.
 */
static struct task_struct *scrubber;
static bool told_to_end;
static DEFINE_SPINLOCK(scrubber_lock);
static struct cpumask scrubber_home;
static int scrubber_node = NUMA_NO_NODE;
static DECLARE_WAIT_QUEUE_HEAD(pass_wait);
/* Of the passes that were asked for: those that are served by the one that runs, and done. */
static long serving;
static long served;
static bool started, halted, standing, cancelled, rescheduled;

/* What the watchdog and the file "scrub" look at. */
static unsigned long beats;
static unsigned long pass_number;
static bool running, paced;
static u64 last_words, last_found, last_ms;

/*
 * No CPU may be on its way out meanwhile: a thread that is to move to it stays where it must
 * not be (migration_cpu_stop(), kernel/sched/core.c), and with PREEMPT_RT migrate_enable()
 * warns of that when it gives the next lock back (seen on 6.1). Who cannot be moved now may
 * be another time.
 */
static void move_thread(struct task_struct *thread, const struct cpumask *mask)
{
	if (!cpumask_intersects(mask, cpu_online_mask))
		mask = &scrubber_home;
	set_cpus_allowed_ptr(thread, mask);
}

/* Run near the memory that is looked at, where the kernel lets such threads run. */
static void move_to_node(int node)
{
	static struct cpumask near;

	if (node == scrubber_node || node == NUMA_NO_NODE || !cpus_read_trylock())
		return;
	scrubber_node = node;
	cpumask_and(&near, &scrubber_home, cpumask_of_node(node));
	move_thread(current, &near);
	cpus_read_unlock();
}

/* ---- the pace ---- */

static bool hurried(void)
{
	return atomic_long_read(&dualbm_scrub_asked) != served || kthread_should_stop();
}

static bool disturbed(void)
{
	return hurried() || READ_ONCE(rescheduled) || READ_ONCE(halted);
}

/*
 * A scrubber that was never started, or whose interval is years, looks at nothing, and so not
 * at these either.
 */
static void look_at_orders(void)
{
	if (dualbm_guard_restore(&started) | dualbm_guard_restore(&dualbm_scrub_interval_ms))
		WRITE_ONCE(rescheduled, true);
}

/* Sleep until @when, in slices, so that the watchdog sees signs of life. */
static void sleep_until(unsigned long when)
{
	while (time_before(jiffies, when) && !disturbed()) {
		look_at_orders();
		WRITE_ONCE(beats, beats + 1);
		wait_event_interruptible_timeout(dualbm_scrubber_wait, disturbed(),
						 min_t(unsigned long, when - jiffies, HZ));
	}
}

/* An injected halt: alive, and deaf. */
static void stand_still(void)
{
	if (likely(!READ_ONCE(halted)))
		return;
	WRITE_ONCE(standing, true);
	wake_up_all(&pass_wait);
	while (READ_ONCE(halted) && !kthread_should_stop())
		schedule_timeout_interruptible(HZ / 10);
	WRITE_ONCE(standing, false);
	wake_up_all(&pass_wait);
}

/*
 * Idle priority is for passes that nobody waits for; beside a machine's work it may
 * take minutes to a pass of seconds. Who asks comes at any time, so each step looks.
 */
static void keep_priority(void)
{
	if (hurried() && task_nice(current) > 0)
		sched_set_normal(current, 0);
}

/* The work is spread over the interval; whoever waits for a pass gets it at once. */
static void keep_pace(unsigned long start, unsigned long interval)
{
	unsigned long due = start + mult_frac(interval, dualbm_pass.steps_done,
					       dualbm_pass.steps_all);

	WRITE_ONCE(beats, beats + 1);
	stand_still();
	keep_priority();
	if (interval && time_before(jiffies + NAP, due))
		sleep_until(due);
	/*
	 * Without a nap between its steps this thread is never seen to leave the kernel, and
	 * whoever waits for that, learning and ftrace among them, would wait for the pass.
	 */
	cond_resched_tasks_rcu_qs();
}

static void begin_pass(void)
{
	serving = atomic_long_read(&dualbm_scrub_asked);
	keep_priority();
	/* One that was asked for looks at all of memory at once, and has no pace to keep. */
	WRITE_ONCE(paced, serving == served);
	dualbm_pass_begin(serving != served);
	dualbm_freer_watch(READ_ONCE(dualbm_audit_mappings));
	WRITE_ONCE(rescheduled, false);
	WRITE_ONCE(pass_number, pass_number + 1);
	WRITE_ONCE(running, true);
}

static void end_pass(unsigned long start)
{
	dualbm_count(DUALBM_STAT_SCRUB_PASSES);
	last_words = dualbm_pass.words;
	last_found = dualbm_pass.found;
	last_ms = jiffies_to_msecs(jiffies - start);
	WRITE_ONCE(running, false);
	trace_scrub(pass_number, last_words, last_found);
	/* The watchdog may have raised it, or somebody who waited for this pass. */
	sched_set_normal(current, MAX_NICE);
	/* Whoever waits finds the result of the pass it waited for. */
	smp_store_release(&served, serving);
	wake_up_all(&pass_wait);
}

/* Returns false if the thread has to stop in the middle. */
static bool run_pass(void)
{
	unsigned long start = jiffies;

	begin_pass();
	while (dualbm_pass_step()) {
		move_to_node(dualbm_pass.node);
		if (kthread_should_stop())
			return false;
		keep_pace(start, msecs_to_jiffies(READ_ONCE(dualbm_scrub_interval_ms)));
	}
	end_pass(start);
	dualbm_learn_rest();
	return true;
}

static int scrub(void *unused)
{
	unsigned long next = jiffies, interval;

	cpumask_copy(&scrubber_home, current->cpus_ptr);
	sched_set_normal(current, MAX_NICE);
	while (!kthread_should_stop()) {
		interval = msecs_to_jiffies(READ_ONCE(dualbm_scrub_interval_ms));
		stand_still();
		if (!hurried() && (!READ_ONCE(started) || !interval)) {
			WRITE_ONCE(rescheduled, false);
			next = jiffies + HZ;
			sleep_until(next);
			next = jiffies;
			continue;
		}
		if (!hurried() && time_before(jiffies, next)) {
			sleep_until(next);
			if (READ_ONCE(rescheduled))
				next = jiffies;
			WRITE_ONCE(rescheduled, false);
			continue;
		}
		next = jiffies + interval;
		if (!run_pass())
			break;
	}
	return 0;
}

static bool is_served(long ticket)
{
	/* Pairs with end_pass(): the pass's result is there. */
	return smp_load_acquire(&served) - ticket >= 0;
}

/*
 * An oops kills the thread, wherever that does not stop the machine. At unload it ends
 * too, and this may look before dualbm_scrub_exit() hears of it.
 */
static bool has_died(void)
{
	bool died;

	spin_lock(&scrubber_lock);
	died = scrubber && !told_to_end && READ_ONCE(scrubber->exit_state);
	spin_unlock(&scrubber_lock);
	return died;
}

/* Whoever is dead wakes nobody, so this looks at that every second. */
static int wait_for_scrubber(bool (*is_so)(long what), long what)
{
	long left;

	do
		left = wait_event_interruptible_timeout(pass_wait,
							READ_ONCE(cancelled) || is_so(what), HZ);
	while (!left && !has_died());
	if (left <= 0)
		return left ?: -EIO;
	return READ_ONCE(cancelled) ? -ESHUTDOWN : 0;
}

int dualbm_scrub_now(void)
{
	long ticket = atomic_long_inc_return(&dualbm_scrub_asked);

	/* In the middle of a step it may be far from its next look at who waits. */
	sched_set_normal(scrubber, 0);
	wake_up(&dualbm_scrubber_wait);
	return wait_for_scrubber(is_served, ticket);
}

void dualbm_scrub_reschedule(void)
{
	WRITE_ONCE(rescheduled, true);
	wake_up(&dualbm_scrubber_wait);
}

static bool is_standing(long halt)
{
	return READ_ONCE(standing) == halt;
}

int dualbm_scrub_halt(bool halt)
{
	WRITE_ONCE(halted, halt);
	wake_up(&dualbm_scrubber_wait);
	return wait_for_scrubber(is_standing, halt);
}

/*
 * Where it may run so that it gets a CPU: not on its node, where a more urgent task may have
 * its CPU for good, nor, if there is but one node, on the same CPU. The planes are read from
 * far until the pass comes to another node.
 */
static const struct cpumask *elsewhere(const struct task_struct *thread)
{
	static struct cpumask mask;
	int cpu = task_cpu(thread);

	if (!cpumask_andnot(&mask, &scrubber_home, cpumask_of_node(cpu_to_node(cpu))))
		cpumask_andnot(&mask, &scrubber_home, cpumask_of(cpu));
	return &mask;
}

/*
 * It may have dualbm_memory_lock, and wait for a CPU behind tasks that are more urgent than
 * any normal one; or for a timer of such a CPU, so it is woken.
 */
static void help_along(bool stuck)
{
	struct task_struct *thread;

	spin_lock(&scrubber_lock);
	thread = scrubber;
	if (thread)
		get_task_struct(thread);
	spin_unlock(&scrubber_lock);
	if (!thread)
		return;
	sched_set_normal(thread, MIN_NICE);
	if (cpus_read_trylock()) {
		move_thread(thread, stuck ? elsewhere(thread) : &scrubber_home);
		cpus_read_unlock();
	}
	if (stuck)
		wake_up(&dualbm_scrubber_wait);
	put_task_struct(thread);
}

const char *dualbm_scrub_trouble(void)
{
	static unsigned long seen_beats, seen_pass, silent, late, waits;
	bool wait = READ_ONCE(dualbm_pass.waiting);
	unsigned int interval = READ_ONCE(dualbm_scrub_interval_ms);
	unsigned long now = READ_ONCE(beats);

	/* Between two waits there is a beat, or it has got the lock, which is nearly as good. */
	waits = wait && now == seen_beats ? waits + 1 : 0;
	silent = now == seen_beats ? silent + !wait : 0;
	late = READ_ONCE(running) && READ_ONCE(paced) &&
	       READ_ONCE(pass_number) == seen_pass ? late + !wait : 0;
	seen_beats = now;
	seen_pass = READ_ONCE(pass_number);
	/* Idle priority is for a machine that has idle time. */
	if (silent && silent % LAGGING_CALLS == 0)
		help_along(true);
	else if (interval && late == interval / 1000 + 2)
		help_along(false);
	if (has_died())
		return "the scrubber has died";
	/* Whoever unloads may get no CPU for as long, and hear late that it ended. */
	if (READ_ONCE(told_to_end))
		return NULL;
	if (waits >= WAITING_CALLS)
		return "the scrubber does not get the lock of the chunks";
	if (silent >= STALLED_CALLS)
		return "the scrubber has stalled";
	if (interval && late > max(2 * (interval / 1000) + 2, (unsigned int)STALLED_CALLS))
		return "a scrub pass takes longer than twice its interval";
	return NULL;
}

int dualbm_scrub_show(char *buffer)
{
	bool now = READ_ONCE(running);
	unsigned long all = max(READ_ONCE(dualbm_pass.steps_all), 1UL);
	unsigned long frames = max(READ_ONCE(dualbm_pass.audit_all), 1UL);

	return sysfs_emit(buffer,
			  "running=%d interval_ms=%u pass=%lu progress=%lu%% audit=%lu%% blocks=%llu hold_max_ns=%llu last_ms=%llu last_result=%s words=%llu found=%llu mappings=%llu mappings_ns=%llu\n",
			  now, READ_ONCE(dualbm_scrub_interval_ms), READ_ONCE(pass_number),
			  now ? READ_ONCE(dualbm_pass.steps_done) * 100 / all : 100,
			  min(READ_ONCE(dualbm_pass.audit_done) * 100 / frames, 100UL),
			  READ_ONCE(dualbm_pass.audited) / DUALBM_AUDIT_FRAMES,
			  dualbm_audit_hold_ns(), READ_ONCE(last_ms),
			  READ_ONCE(last_found) ? "findings" : "clean",
			  READ_ONCE(last_words), READ_ONCE(last_found),
			  dualbm_mapped_looks(), dualbm_mapped_ns());
}

int dualbm_scrub_init(void)
{
	struct task_struct *thread;
	int ret;

	ret = dualbm_guard_add("scrubber", &started, sizeof(started)) ?:
	      dualbm_guard_add("scrub_interval_ms", &dualbm_scrub_interval_ms,
			       sizeof(dualbm_scrub_interval_ms));
	if (ret)
		return ret;
	thread = kthread_run(scrub, NULL, "dualbm_scrub");
	if (IS_ERR(thread)) {
		pr_err("cannot start the scrubber: error %ld\n", PTR_ERR(thread));
		return PTR_ERR(thread);
	}
	get_task_struct(thread);
	scrubber = thread;
	return 0;
}

void dualbm_scrub_start(void)
{
	const bool start = true;

	dualbm_guard_store(&started, &start, sizeof(start));
	wake_up(&dualbm_scrubber_wait);
}

void dualbm_scrub_cancel(void)
{
	WRITE_ONCE(cancelled, true);
	wake_up_all(&pass_wait);
}

void dualbm_scrub_exit(void)
{
	struct task_struct *thread = scrubber;

	spin_lock(&scrubber_lock);
	WRITE_ONCE(told_to_end, true);
	spin_unlock(&scrubber_lock);
	kthread_stop(thread);
	dualbm_freer_watch(false);
	spin_lock(&scrubber_lock);
	scrubber = NULL;
	spin_unlock(&scrubber_lock);
	put_task_struct(thread);
}
