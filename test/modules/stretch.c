// SPDX-License-Identifier: GPL-2.0-only
/*
 * Makes something happen at each step of a module's init and exit: before and after each
 * call that a task of one name makes to one of these functions, a poisoned page is
 * unpoisoned in vain and a CPU goes and comes back. And what a CPU that has come back asks
 * of dualbm is asked late.
 */
#include "testmod.h"

#include <linux/completion.h>
#include <linux/cpu.h>
#include <linux/cpuhotplug.h>
#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/ftrace.h>
#include <linux/irq_work.h>
#include <linux/kallsyms.h>
#include <linux/kprobes.h>
#include <linux/kthread.h>
#include <linux/memory.h>
#include <linux/sysfs.h>
#include <linux/tracepoint.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

static char *thread = "rmmod";
module_param(thread, charp, 0444);
MODULE_PARM_DESC(thread, "whose calls");

static int cpu = -1;
module_param(cpu, int, 0444);
MODULE_PARM_DESC(cpu, "the CPU that goes and comes back, or -1");

static unsigned int late_ms;
module_param(late_ms, uint, 0444);
MODULE_PARM_DESC(late_ms, "how late a CPU that has come back asks");

static unsigned int steps;
module_param(steps, uint, 0444);
MODULE_PARM_DESC(steps, "calls so far");

static unsigned int happened;
module_param(happened, uint, 0444);
MODULE_PARM_DESC(happened, "how often the page was unpoisoned so far");

static unsigned int moved;
module_param(moved, uint, 0444);
MODULE_PARM_DESC(moved, "how often the CPU came back so far");

static bool quiet;
module_param(quiet, bool, 0444);
MODULE_PARM_DESC(quiet, "nothing happens at the steps");

static unsigned int too_late;
module_param(too_late, uint, 0444);
MODULE_PARM_DESC(too_late, "what was asked of a queue that is no more");

static unsigned int late;
module_param(late, uint, 0444);
MODULE_PARM_DESC(late, "what was asked late so far");

static char last[1024];
module_param_string(last, last, sizeof(last), 0444);
MODULE_PARM_DESC(last, "the steps");

typedef unsigned long (*call_t)(unsigned long, unsigned long, unsigned long,
				unsigned long, unsigned long, unsigned long);

struct target {
	const char *name;
	void *function;
	struct kprobe probe;
};

#define TARGET(function)	{ #function, function }

static struct target targets[] = {
	TARGET(register_memory_notifier),
	TARGET(tracepoint_probe_register),
	TARGET(register_ftrace_function),
	TARGET(register_kretprobe),
	TARGET(__cpuhp_setup_state),
	TARGET(__cpuhp_setup_state_cpuslocked),
	TARGET(sysfs_create_group),
	TARGET(debugfs_remove),
	TARGET(sysfs_remove_group),
	TARGET(kthread_stop),
	TARGET(cancel_delayed_work_sync),
	TARGET(irq_work_sync),
	TARGET(cancel_work_sync),
	TARGET(destroy_workqueue),
	TARGET(tracepoint_probe_unregister),
	TARGET(unregister_ftrace_function),
	TARGET(unregister_kprobe),
	TARGET(unregister_kretprobe),
	TARGET(__cpuhp_remove_state),
	TARGET(__cpuhp_remove_state_cpuslocked),
	TARGET(unregister_memory_notifier),
	TARGET(vfree),
};

static struct target asked = TARGET(irq_work_queue);

static struct page *page;
static struct target *now;
/*
 * The thread has waited for the interrupt that asks for learning, and has destroyed a queue
 * after that: the learning's own.
 */
static bool synced, destroyed;
/* Inside a call that was taken already, or making it. */
static struct task_struct *inside, *asking;

/* ---- what happens ---- */

static struct task_struct *doer;
static DECLARE_WAIT_QUEUE_HEAD(doer_wait);
static bool wanted;
static struct completion done;

/*
 * With a reference too many it stays poisoned, and may be tried again. A kernel without
 * memory failures (Debian's of the cloud) has nothing to unpoison: there only CPUs come.
 */
static void unpoison(void)
{
#ifdef CONFIG_MEMORY_FAILURE
	int ret = unpoison_memory(page_to_pfn(page));

	if (ret != -EBUSY)
		pr_info("FAIL unpoison_memory() said %d\n", ret);
	WRITE_ONCE(happened, happened + 1);
#endif
}

static int do_it(void *unused)
{
	while (!kthread_should_stop()) {
		wait_event_interruptible(doer_wait, READ_ONCE(wanted) || kthread_should_stop());
		if (!xchg(&wanted, false))
			continue;
		unpoison();
		if (cpu >= 0 && !remove_cpu(cpu)) {
			add_cpu(cpu);
			WRITE_ONCE(moved, moved + 1);
		}
		complete(&done);
	}
	return 0;
}

/* Whoever is at this step may hold what a CPU needs to go: then it comes a little later. */
static void make_it_happen(void)
{
	if (quiet)
		return;
	unpoison();
	reinit_completion(&done);
	WRITE_ONCE(wanted, true);
	wake_up(&doer_wait);
	wait_for_completion_timeout(&done, HZ);
}

/* ---- when ---- */

/* Whatever the function's own type is: kCFI would ask for it. */
static unsigned long __nocfi stretched(unsigned long a, unsigned long b, unsigned long c,
				       unsigned long d, unsigned long e, unsigned long f)
{
	struct target *target = now;
	unsigned long ret;

	make_it_happen();
	if (target->function == irq_work_sync)
		synced = true;
	if (synced && target->function == destroy_workqueue)
		WRITE_ONCE(destroyed, true);
	ret = ((call_t)target->function)(a, b, c, d, e, f);
	make_it_happen();
	steps++;
	if (!strstr(last, target->name)) {
		strlcat(last, target->name, sizeof(last));
		strlcat(last, " ", sizeof(last));
	}
	WRITE_ONCE(inside, NULL);
	return ret;
}

static bool is_dualbm(unsigned long address)
{
	char name[KSYM_SYMBOL_LEN];

	sprint_symbol(name, address);
	return strstr(name, "[dualbm]");
}

/* At the entry of a function. */
static unsigned long caller(struct pt_regs *regs)
{
#ifdef CONFIG_X86
	return *(unsigned long *)kernel_stack_pointer(regs);
#else
	return procedure_link_pointer(regs);
#endif
}

static int on_call(struct kprobe *probe, struct pt_regs *regs)
{
	if (READ_ONCE(inside) == current || strcmp(current->comm, thread) ||
	    in_serving_softirq() || !is_dualbm(caller(regs)))
		return 0;
	WRITE_ONCE(inside, current);
	now = container_of(probe, struct target, probe);
	instruction_pointer_set(regs, (unsigned long)stretched);
	return 1;
}

static unsigned long ask_late(unsigned long work)
{
	unsigned long ret;

	msleep(late_ms);
	late++;
	if (READ_ONCE(destroyed))
		too_late++;
	ret = irq_work_queue((struct irq_work *)work);
	WRITE_ONCE(asking, NULL);
	return ret;
}

static int on_ask(struct kprobe *probe, struct pt_regs *regs)
{
	if (!late_ms || READ_ONCE(asking) == current || strncmp(current->comm, "cpuhp/", 6) ||
	    !is_dualbm(regs_get_kernel_argument(regs, 0)))
		return 0;
	WRITE_ONCE(asking, current);
	instruction_pointer_set(regs, (unsigned long)ask_late);
	return 1;
}

static int probe_put(struct target *target, kprobe_pre_handler_t handler)
{
	target->probe.symbol_name = target->name;
	target->probe.pre_handler = handler;
	target->probe.post_handler = test_other_way;
	return register_kprobe(&target->probe);
}

static void probes_drop(int nr)
{
	while (nr--)
		unregister_kprobe(&targets[nr].probe);
}

static void page_drop(void)
{
	ClearPageHWPoison(page);
	put_page(page);
	__free_page(page);
}

static int __init stretch_init(void)
{
	int nr, ret;

	page = alloc_page(GFP_KERNEL);
	if (!page)
		return -ENOMEM;
	get_page(page);
	SetPageHWPoison(page);
	init_completion(&done);
	doer = kthread_run(do_it, NULL, "stretch");
	if (IS_ERR(doer)) {
		page_drop();
		return PTR_ERR(doer);
	}
	ret = probe_put(&asked, on_ask);
	for (nr = 0; !ret && nr < ARRAY_SIZE(targets); nr++) {
		ret = probe_put(&targets[nr], on_call);
		if (ret)
			pr_info("FAIL cannot probe %s: %d\n", targets[nr].name, ret);
	}
	if (!ret)
		return 0;
	probes_drop(nr - 1);
	unregister_kprobe(&asked.probe);
	kthread_stop(doer);
	page_drop();
	return ret;
}
module_init(stretch_init);

static void __exit stretch_exit(void)
{
	probes_drop(ARRAY_SIZE(targets));
	unregister_kprobe(&asked.probe);
	kthread_stop(doer);
	page_drop();
}
module_exit(stretch_exit);

MODULE_DESCRIPTION("dualbm test: events at each step of init and exit");
MODULE_LICENSE("GPL");
