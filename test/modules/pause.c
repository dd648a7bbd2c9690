// SPDX-License-Identifier: GPL-2.0-only
/*
 * Makes a window wide: where a function begins, or where it returns, its CPU does
 * nothing for a while, interrupts included.
 */
#include "testmod.h"

#include <linux/kprobes.h>
#include <linux/timekeeping.h>

static char *symbol = "";
module_param(symbol, charp, 0444);
MODULE_PARM_DESC(symbol, "the function");

static bool at_return;
module_param(at_return, bool, 0444);
MODULE_PARM_DESC(at_return, "where it returns, not where it begins");

static unsigned int ms = 20;
module_param(ms, uint, 0644);
MODULE_PARM_DESC(ms, "for how long");

static unsigned int pauses;
module_param(pauses, uint, 0444);
MODULE_PARM_DESC(pauses, "how often so far");

static void pause(void)
{
	unsigned long flags;
	u64 end;

	local_irq_save(flags);
	/* By the clock: an emulated second CPU counts its delay loops wrong. */
	end = ktime_get_mono_fast_ns() + (u64)ms * NSEC_PER_MSEC;
	while (ktime_get_mono_fast_ns() < end)
		cpu_relax();
	pauses++;
	local_irq_restore(flags);
}

static int pause_entry(struct kprobe *p, struct pt_regs *regs)
{
	pause();
	return 0;
}

static int pause_return(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	pause();
	return 0;
}

static struct kprobe entry_probe = { .pre_handler = pause_entry };
static struct kretprobe return_probe = { .handler = pause_return };

static int __init pause_init(void)
{
	entry_probe.symbol_name = symbol;
	return_probe.kp.symbol_name = symbol;
	return at_return ? register_kretprobe(&return_probe) : register_kprobe(&entry_probe);
}
module_init(pause_init);

static void __exit pause_exit(void)
{
	if (at_return)
		unregister_kretprobe(&return_probe);
	else
		unregister_kprobe(&entry_probe);
}
module_exit(pause_exit);

MODULE_DESCRIPTION("dualbm test: make a window wide");
MODULE_LICENSE("GPL");
