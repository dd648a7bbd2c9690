// SPDX-License-Identifier: GPL-2.0-only
/*
 * dualbm: page frame ownership, checked with complementary bitmaps.
 *
 * Parameters, and the order in which the parts come and go.
 */
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/utsname.h>

#include "dualbm.h"
#include "dualbm_debugfs.h"
#include "dualbm_guard.h"
#include "dualbm_history.h"
#include "dualbm_hooks.h"
#include "dualbm_learn.h"
#include "dualbm_memory.h"
#include "dualbm_mode.h"
#include "dualbm_prove.h"
#include "dualbm_proven.h"
#include "dualbm_qualified.h"
#include "dualbm_report.h"
#include "dualbm_scrub.h"
#include "dualbm_selftest.h"
#include "dualbm_sysfs.h"
#include "dualbm_watch.h"
#include "dualbm_watchdog.h"

static int reaction_set(const char *text, const struct kernel_param *param)
{
	return dualbm_reaction_parse(param->name, text, param->arg);
}

static int reaction_get(char *buffer, const struct kernel_param *param)
{
	return sysfs_emit(buffer, "%s\n",
			  dualbm_reaction_name(*(enum dualbm_reaction *)param->arg));
}

static const struct kernel_param_ops reaction_ops = {
	.set = reaction_set,
	.get = reaction_get,
};

static int switch_set(const char *text, const struct kernel_param *param)
{
	if (!sysfs_streq(text, "0") && !sysfs_streq(text, "1"))
		return dualbm_param_refuse(param->name, text, "0 or 1");
	WRITE_ONCE(*(bool *)param->arg, text[0] == '1');
	return 0;
}

static int switch_get(char *buffer, const struct kernel_param *param)
{
	return sysfs_emit(buffer, "%d\n", *(bool *)param->arg);
}

static const struct kernel_param_ops switch_ops = {
	.set = switch_set,
	.get = switch_get,
};

static int mappings_set(const char *text, const struct kernel_param *param)
{
	if (!DUALBM_HAVE_MAPPINGS && sysfs_streq(text, "1")) {
		pr_err("%s: this kernel lets no module look at page tables\n", param->name);
		return -EOPNOTSUPP;
	}
	return switch_set(text, param);
}

static const struct kernel_param_ops mappings_ops = {
	.set = mappings_set,
	.get = switch_get,
};

static int interval_set(const char *text, const struct kernel_param *param)
{
	unsigned int interval;

	if (kstrtouint(text, 10, &interval) || interval > INT_MAX)
		return dualbm_param_refuse(param->name, text, "milliseconds, 0 to 2147483647");
	dualbm_guard_store(&dualbm_scrub_interval_ms, &interval, sizeof(interval));
	/* Before the scrubber is there, and after it has gone, that wakes nobody. */
	dualbm_scrub_reschedule();
	return 0;
}

static const struct kernel_param_ops interval_ops = {
	.set = interval_set,
	.get = param_get_uint,
};

static int history_set(const char *text, const struct kernel_param *param)
{
	return dualbm_history_choose(text);
}

static int history_get(char *buffer, const struct kernel_param *param)
{
	return sysfs_emit(buffer, "%s\n", dualbm_history_name());
}

static const struct kernel_param_ops history_ops = {
	.set = history_set,
	.get = history_get,
};

static int qualified_set(const char *text, const struct kernel_param *param)
{
	return dualbm_qualified_add(param->name, text);
}

static int qualified_get(char *buffer, const struct kernel_param *param)
{
	return scnprintf(buffer, PAGE_SIZE, "%s\n", dualbm_qualified_list());
}

static const struct kernel_param_ops qualified_ops = {
	.set = qualified_set,
	.get = qualified_get,
};

static int history_mib_set(const char *text, const struct kernel_param *param)
{
	unsigned int mib;

	if (kstrtouint(text, 10, &mib) || mib > DUALBM_HISTORY_MAX_MIB)
		return dualbm_param_refuse(param->name, text, "MiB, 0 to 1048576");
	dualbm_history_mib = mib;
	return 0;
}

static const struct kernel_param_ops history_mib_ops = {
	.set = history_mib_set,
	.get = param_get_uint,
};

module_param_cb(policy, &reaction_ops, &dualbm_policy, 0644);
MODULE_PARM_DESC(policy, "on a proven violation: report (default) or panic");
module_param_cb(on_degraded, &reaction_ops, &dualbm_on_degraded, 0644);
MODULE_PARM_DESC(on_degraded, "on a loss of events or an unproven mismatch: report (default) or panic");
module_param_cb(boundary, &switch_ops, &dualbm_boundary, 0444);
MODULE_PARM_DESC(boundary, "kprobes where callers enter and leave the allocator: 0 or 1 (default)");
module_param_cb(scrub_interval_ms, &interval_ops, &dualbm_scrub_interval_ms, 0644);
MODULE_PARM_DESC(scrub_interval_ms, "time that one full pass of the scrubber takes (default 60000); 0 is off");
module_param_cb(repair, &switch_ops, &dualbm_repair, 0644);
MODULE_PARM_DESC(repair, "put a bad codeword right where the allocator says what it was: 0 (default) or 1");
module_param_cb(inject, &switch_ops, &dualbm_inject, 0444);
MODULE_PARM_DESC(inject, "allow faults to be injected through debugfs: 0 (default) or 1");
module_param_cb(allow_untested, &switch_ops, &dualbm_allow_untested, 0444);
MODULE_PARM_DESC(allow_untested, "panic also on a kernel that is not qualified: 0 (default) or 1");
module_param_cb(qualified, &qualified_ops, NULL, 0444);
MODULE_PARM_DESC(qualified, "kernels that were tried, as kernel_id has them, with commas between; may be given many times");
module_param_cb(history, &history_ops, NULL, 0444);
MODULE_PARM_DESC(history, "who had a frame before: off, frees (default with boundary=1 on amd64), callers or stacks");
module_param_cb(history_mib, &history_mib_ops, &dualbm_history_mib, 0444);
MODULE_PARM_DESC(history_mib, "memory for the history in MiB; 0 (default) is what suits the memory");
module_param_cb(audit_mappings, &mappings_ops, &dualbm_audit_mappings, 0644);
MODULE_PARM_DESC(audit_mappings, "look for free frames that processes have mapped: 0 (default) or 1");

#ifdef DUALBM_TEST_HOOKS
/* A build for tests: fail at the given step of init. */
static int fail_at;
module_param(fail_at, int, 0444);
MODULE_PARM_DESC(fail_at, "step of init that fails (test build only)");
#define step(number, call)	((fail_at == (number)) ? -ECANCELED : (call))
#else
#define step(number, call)	(call)
#endif

static void __init look_at_kernel(void)
{
	const char *why = "not qualified: nobody has tried this kernel; panic is withheld";

	dualbm_kernel_identify();
	if (dualbm_kernel_is_qualified() || dualbm_allow_untested)
		return;
	if (dualbm_qualified_any())
		why = "not qualified: other kernels were tried, not this one; panic is withheld";
	dualbm_mode_withhold(why);
}

/* Once it is loaded: what is refused says that, and nothing else. */
static void __init tell_of_kernel(void)
{
	if (dualbm_panic_is_withheld())
		pr_warn("kernel %s (%s) is not qualified, panic is withheld; qualify it, or trust it with allow_untested=1\n",
			init_utsname()->release, dualbm_kernel_identity());
	else if (!dualbm_kernel_is_qualified())
		pr_notice("kernel %s is not qualified, and allow_untested=1 trusts it\n",
			  init_utsname()->release);
}

static int __init prove(enum dualbm_part_proven part, int (*proof)(void))
{
	u64 began = dualbm_proven_begin();
	int ret = proof();

	dualbm_proven_end(DUALBM_AT_LOAD, part, began, !ret);
	return ret;
}

static int __init dualbm_init(void)
{
	int ret;

	look_at_kernel();
	if (!DUALBM_HAVE_MAPPINGS)
		pr_info("audit_mappings is not to be had: this kernel lets no module look at page tables\n");
	ret = dualbm_mode_init();
	if (ret)
		return ret;
	ret = step(1, dualbm_sysfs_init());
	if (ret)
		return ret;
	ret = step(2, dualbm_report_init());
	if (ret)
		goto exit_sysfs;
	ret = step(3, dualbm_memory_init());
	if (ret)
		goto exit_report;
	/* What a hook asks for is there before the first hook, and goes after the last. */
	ret = step(4, dualbm_learn_init());
	if (ret)
		goto exit_memory;
	ret = step(5, dualbm_hooks_attach());
	if (ret)
		goto exit_learn;
	ret = step(6, dualbm_watchdog_init());
	if (ret)
		goto detach_hooks;
	ret = step(7, dualbm_scrub_init());
	if (ret)
		goto exit_watchdog;
	ret = step(8, prove(DUALBM_PROVEN_LISTS, dualbm_prove_check));
	if (ret)
		goto exit_scrub;
	ret = step(9, dualbm_selftest_load());
	if (ret)
		goto exit_scrub;
	dualbm_mode_start();
	ret = step(10, prove(DUALBM_PROVEN_HOOKS, dualbm_hooks_exercise));
	if (ret)
		goto stop;
	ret = step(11, dualbm_sysfs_open());
	if (ret)
		goto stop;
	dualbm_debugfs_init();
	dualbm_history_start();
	dualbm_learn_start();
	dualbm_scrub_start();
	dualbm_watchdog_start();
	tell_of_kernel();
	return 0;

stop:
	dualbm_mode_stop();
exit_scrub:
	dualbm_scrub_exit();
exit_watchdog:
	dualbm_watchdog_exit();
detach_hooks:
	dualbm_learn_stop();
	dualbm_hooks_detach();
exit_learn:
	dualbm_learn_exit();
exit_memory:
	dualbm_memory_exit();
exit_report:
	dualbm_report_exit();
exit_sysfs:
	dualbm_sysfs_exit();
	return ret;
}

/*
 * First whoever comes from outside, by a file, then belief in events, then those who
 * look at the hooks, then the hooks, and only then what a hook asks for: each step is
 * in the table of docs/design.md, with what may still come after it.
 */
static void __exit dualbm_exit(void)
{
	dualbm_scrub_cancel();
	dualbm_debugfs_exit();
	dualbm_sysfs_close();
	dualbm_mode_stop();
	dualbm_history_exit();
	dualbm_scrub_exit();
	dualbm_watchdog_exit();
	dualbm_learn_stop();
	dualbm_hooks_detach();
	dualbm_learn_exit();
	dualbm_memory_exit();
	dualbm_report_exit();
	dualbm_sysfs_exit();
}

module_init(dualbm_init);
module_exit(dualbm_exit);

MODULE_AUTHOR("The dualbm developers");
MODULE_DESCRIPTION("Page frame ownership checked with complementary bitmaps");
MODULE_LICENSE("GPL");
MODULE_VERSION(DUALBM_VERSION);
