// SPDX-License-Identifier: GPL-2.0-only
/*
 * Raw ftrace_ops at the entry of functions: how they come and go, and the canary's calls.
 */
#include <linux/ftrace.h>
#include <linux/kallsyms.h>
#include <linux/string.h>

#include "dualbm.h"
#include "dualbm_canary.h"
#include "dualbm_ftrace.h"
#include "dualbm_source.h"
#include "dualbm_symbol.h"
#include "dualbm_tasks.h"

#define ATTACH_TRIES	1000

bool dualbm_ftrace_is_canary(struct dualbm_hook *hook, unsigned long ip)
{
	if (likely(ip - (unsigned long)dualbm_hook_canary > DUALBM_ENTRY_BYTES))
		return false;
	this_cpu_inc(dualbm_counters.canary[hook->id]);
	return true;
}

/*
 * By address: to compare a name with that of each function that ftrace knows takes
 * many milliseconds for each hook. A function that kprobes may not touch, and one that
 * shares its name, has no address here; ftrace finds it by its name.
 */
static int filter_add(struct ftrace_ops *ops, const char *symbol, unsigned long address)
{
	char name[KSYM_NAME_LEN];

	if (address && !ftrace_set_filter_ip(ops, address, 0, 0))
		return 0;
	/* ftrace_set_filter() writes to its argument. */
	strscpy(name, symbol, sizeof(name));
	return ftrace_set_filter(ops, name, strlen(name), 0);
}

/* ftrace_free_filter() is not for modules before 6.2; an empty filter takes no memory. */
static void filter_free(struct ftrace_ops *ops)
{
	ftrace_set_filter(ops, NULL, 0, 1);
	memset(ops, 0, sizeof(*ops));
}

/*
 * PERMANENT: "sysctl kernel.ftrace_enabled=0" is refused while the hook is
 * there, instead of blinding it.
 */
int dualbm_ftrace_attach(struct dualbm_hook *hook, ftrace_func_t callback,
			 unsigned long flags)
{
	int i, tries = ATTACH_TRIES, ret = -ENOENT;

	hook->ops.func = callback;
	hook->ops.flags = DUALBM_FTRACE_FLAGS | flags;
	for (i = 0; i < DUALBM_MAX_ALTERNATES && hook->symbols[i]; i++) {
		ret = filter_add(&hook->ops, hook->symbols[i],
				 dualbm_function_address(hook->symbols[i]));
		if (!ret) {
			hook->symbol = hook->symbols[i];
			ret = filter_add(&hook->ops, "dualbm_hook_canary",
					 (unsigned long)dualbm_hook_canary);
			break;
		}
		ret = -ENOENT;
	}
	/*
	 * "Try again" is for IPMODIFY while a BPF program comes to the function, or
	 * goes; it comes after a millisecond's sleep (bpf_tramp_ftrace_ops_func(),
	 * kernel/bpf/trampoline.c, 6.0).
	 */
	if (!ret)
		do
			ret = register_ftrace_function(&hook->ops);
		while (ret == -EAGAIN && tries--);
	if (ret) {
		/*
		 * A registration that is refused for IPMODIFY was in ftrace's
		 * list for a moment, and is taken out of it without waiting: a
		 * CPU that walks the list may still be at it. With its filter
		 * gone it would match every function.
		 */
		dualbm_tasks_wait();
		synchronize_rcu();
		filter_free(&hook->ops);
	}
	return ret;
}

void dualbm_ftrace_detach(struct dualbm_hook *hook)
{
	unregister_ftrace_function(&hook->ops);
	filter_free(&hook->ops);
}
