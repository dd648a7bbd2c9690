// SPDX-License-Identifier: GPL-2.0-only
/*
 * Double frees while all CPUs want zone->lock: a thread on each allocates and frees blocks
 * that no CPU keeps in lists of its own, and this one frees frames of a free block again.
 * CPUs that are emulated by turns would never meet at the lock. So each also takes it and
 * pauses, where its turn ends: then the others come and queue, as all at once would.
 * Their count is 0 already, so the allocator does nothing about it, and nothing has to be
 * undone but that count. Interrupts are on, or with off=1 off.
 *
 * With held_ms=N no thread does that, but one takes the lock before each free and has it for
 * N ms: to who only tries, the lock then looks as it does where the next one always waits.
 *
 * What the kernel itself waits for the lock, at the same time and by the same clock, is
 * told too: an emulated CPU that has the lock may not be run for a long time.
 */
#include "testmod.h"

#include <linux/delay.h>
#include <linux/gfp.h>
#include <linux/kthread.h>
#include <linux/page_ref.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/timekeeping.h>

static unsigned int faults = 120;
module_param(faults, uint, 0444);
MODULE_PARM_DESC(faults, "how many");

static bool off;
module_param(off, bool, 0444);
MODULE_PARM_DESC(off, "with interrupts off");

static unsigned int held_ms;
module_param(held_ms, uint, 0444);
MODULE_PARM_DESC(held_ms, "instead of a load: the lock is held this long beside each");

/* Blocks that go to the zone at once, and are there when they are asked for. */
#define LOAD_ORDER	5
/* How many dualbm logs in a minute. */
#define LOGGED		60

static unsigned int made;
static u64 waited_max, took_max;
static unsigned long loads;
static struct task_struct *tasks[NR_CPUS];

static int load(void *unused)
{
	while (!kthread_should_stop()) {
		struct page *page = alloc_pages(TEST_GFP_TASK, LOAD_ORDER);
		unsigned long flags;

		if (page) {
			struct zone *zone = page_zone(page);

			spin_lock_irqsave(&zone->lock, flags);
			cpu_relax();
			spin_unlock_irqrestore(&zone->lock, flags);
			__free_pages(page, LOAD_ORDER);
		}
		/* About: threads may lose each other's. */
		loads++;
		cond_resched();
	}
	return 0;
}

/*
 * The zone whose lock shall be held, whether it is, and how often it was: who is not run for
 * longer than it is held must still see that it was.
 */
static struct zone *wanted;
static bool held;
static unsigned int times_held;

static int hold(void *unused)
{
	while (!kthread_should_stop()) {
		struct zone *zone = READ_ONCE(wanted);
		unsigned long flags;

		/* Who wants it spins, and this CPU has nothing else to do. */
		if (!zone) {
			cpu_relax();
			cond_resched_tasks_rcu_qs();
			continue;
		}
		spin_lock_irqsave(&zone->lock, flags);
		WRITE_ONCE(held, true);
		WRITE_ONCE(times_held, times_held + 1);
		mdelay(held_ms);
		WRITE_ONCE(wanted, NULL);
		spin_unlock_irqrestore(&zone->lock, flags);
		WRITE_ONCE(held, false);
	}
	return 0;
}

static void have_it_held(struct zone *zone)
{
	unsigned int before;

	while (READ_ONCE(held))
		usleep_range(200, 400);
	before = READ_ONCE(times_held);
	WRITE_ONCE(wanted, zone);
	while (READ_ONCE(times_held) == before)
		cpu_relax();
}

static bool is_free_block(struct page *page)
{
	unsigned long flags;
	u64 since = ktime_get_mono_fast_ns(), waited;
	bool free;

	spin_lock_irqsave(&page_zone(page)->lock, flags);
	free = PageBuddy(page) && page_private(page) == TEST_MAX_ORDER;
	spin_unlock_irqrestore(&page_zone(page)->lock, flags);
	waited = ktime_get_mono_fast_ns() - since;
	if (waited > waited_max)
		waited_max = waited;
	return free;
}

static noinline void contend_free_again(struct page *page)
{
	__free_pages(page, 0);
	/* Not a tail call: this function's name belongs in the stack. */
	barrier();
}

/* The largest blocks are the last that others take: nearly always it stays where it is. */
static void make_faults(struct page *block)
{
	unsigned int i;

	__free_pages(block, TEST_MAX_ORDER);
	for (i = 1; i < (1U << TEST_MAX_ORDER) && made < faults; i++) {
		struct page *page = block + i;
		unsigned long flags;
		u64 since;

		if (!is_free_block(block) || page_ref_count(page))
			return;
		if (held_ms)
			have_it_held(page_zone(page));
		if (off)
			local_irq_save(flags);
		since = ktime_get_mono_fast_ns();
		contend_free_again(page);
		since = ktime_get_mono_fast_ns() - since;
		if (off)
			local_irq_restore(flags);
		set_page_count(page, 0);
		/* Those before are logged, which takes its time. */
		if (++made > LOGGED && since > took_max)
			took_max = since;
		cond_resched();
	}
}

static void start(int (*what)(void *unused), unsigned int cpu)
{
	struct task_struct *task = kthread_create(what, NULL, "contend/%u", cpu);

	if (IS_ERR(task))
		return;
	kthread_bind(task, cpu);
	tasks[cpu] = task;
	wake_up_process(task);
}

static int __init contend_init(void)
{
	unsigned int cpu, tries;

	/* Who holds the lock must not wait for the CPU of who wants it. */
	if (held_ms) {
		set_cpus_allowed_ptr(current, cpumask_of(0));
		start(hold, 1);
		if (!tasks[1])
			return test_result(-ENODEV, "CPU 1 is wanted");
	} else {
		for_each_online_cpu(cpu)
			start(load, cpu);
	}
	msleep(200);
	for (tries = 0; tries < 100 && made < faults; tries++) {
		struct page *block = alloc_pages(TEST_GFP_TASK, TEST_MAX_ORDER);

		if (block)
			make_faults(block);
		else
			msleep(20);
	}
	for_each_possible_cpu(cpu)
		if (tasks[cpu])
			kthread_stop(tasks[cpu]);
	/* Who had come while it was held would have waited as long. */
	waited_max = max(waited_max, (u64)held_ms * NSEC_PER_MSEC);
	return test_result(made == faults ? 0 : -ENOMEM,
			   "made=%u waited_max_ns=%llu took_max_ns=%llu loads=%lu",
			   made, waited_max, took_max, loads);
}
module_init(contend_init);

MODULE_DESCRIPTION("dualbm test: double frees beside CPUs that all want the zone's lock");
MODULE_LICENSE("GPL");
