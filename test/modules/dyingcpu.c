// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pages that change hands on a CPU that is not online any more.
 *
 * A CPU on its way down runs what was still queued on it, and there the
 * kernel's tracepoints are silent. This queues work that allocates some pages
 * and frees others, which nobody sees; each then takes its other half of the
 * way where everybody looks.
 */
#include "testmod.h"

#include <linux/cpu.h>
#include <linux/cpuhotplug.h>
#include <linux/gfp.h>
#include <linux/irq_work.h>
#include <linux/mutex.h>
#include <linux/smp.h>

/*
 * Between "not online" and the flush of pending work there are only states
 * with fixed numbers, each with an owner. This one's is another architecture.
 */
#define STATE_BEFORE_FLUSH	CPUHP_AP_ARM_CACHE_B15_RAC_DYING

#define PAGES	8

static unsigned long rounds;
module_param(rounds, ulong, 0444);
MODULE_PARM_DESC(rounds, "how often the work ran on a CPU that was not online");

static unsigned long online;
module_param(online, ulong, 0444);
MODULE_PARM_DESC(online, "how often it ran on one that was: should be 0");

static struct page *before[PAGES];	/* allocated before, freed there */
static struct page *inside[PAGES];	/* allocated there, freed afterwards */
static int before_state, after_state;

static void free_all(struct page **pages)
{
	unsigned int i;

	for (i = 0; i < PAGES; i++) {
		if (pages[i])
			__free_page(pages[i]);
		pages[i] = NULL;
	}
}

static void alloc_all(struct page **pages)
{
	unsigned int i;

	for (i = 0; i < PAGES; i++)
		if (!pages[i])
			pages[i] = alloc_page(TEST_GFP_ATOMIC);
}

static void dyingcpu_work(struct irq_work *work)
{
	if (cpu_online(raw_smp_processor_id())) {
		online++;
		return;
	}
	/* In this order, or it would only get its own pages back. */
	alloc_all(inside);
	free_all(before);
	rounds++;
}

/* Lazy: nothing is to interrupt a CPU whose interrupt controller goes away. */
static struct irq_work work = IRQ_WORK_INIT_LAZY(dyingcpu_work);

/* The CPU is not online, and runs this with interrupts off. */
static int dyingcpu_dying(unsigned int cpu)
{
	irq_work_queue(&work);
	return 0;
}

/* In the task that takes the CPU down, before it is marked. */
static int dyingcpu_down(unsigned int cpu)
{
	alloc_all(before);
	return 0;
}

/* In the task that took it down, on another CPU. */
static int dyingcpu_dead(unsigned int cpu)
{
	free_all(inside);
	return 0;
}

static int __init dyingcpu_init(void)
{
	int ret;

	/* It runs there with interrupts off. */
	if (!TEST_HAVE_INTERRUPTS)
		return test_result(-EOPNOTSUPP, "nobody allocates on a dying CPU");
	ret = cpuhp_setup_state_nocalls(CPUHP_BP_PREPARE_DYN, "dyingcpu:after",
					NULL, dyingcpu_dead);
	if (ret < 0)
		return ret;
	after_state = ret;
	ret = cpuhp_setup_state_nocalls(CPUHP_AP_ONLINE_DYN, "dyingcpu:before",
					NULL, dyingcpu_down);
	if (ret < 0)
		goto remove_after;
	before_state = ret;
	ret = cpuhp_setup_state_nocalls(STATE_BEFORE_FLUSH, "dyingcpu:dying",
					NULL, dyingcpu_dying);
	if (ret < 0)
		goto remove_before;
	return 0;

remove_before:
	cpuhp_remove_state_nocalls(before_state);
remove_after:
	cpuhp_remove_state_nocalls(after_state);
	return ret;
}

static void __exit dyingcpu_exit(void)
{
	cpuhp_remove_state_nocalls(STATE_BEFORE_FLUSH);
	cpuhp_remove_state_nocalls(before_state);
	cpuhp_remove_state_nocalls(after_state);
	irq_work_sync(&work);
	free_all(before);
	free_all(inside);
}

module_init(dyingcpu_init);
module_exit(dyingcpu_exit);

MODULE_DESCRIPTION("dualbm test: allocations on a CPU that is going down");
MODULE_LICENSE("GPL");
