// SPDX-License-Identifier: GPL-2.0-only
/*
 * A live patch, to the kernel a real one, of any functions with up to six
 * arguments: what takes their place does what they do, because it calls them
 * behind the place where they are patched. That is no place for an indirect
 * call on a machine with IBT, which an emulated one does not have.
 */
#include "testmod.h"

#ifdef CONFIG_LIVEPATCH
#include <linux/kprobes.h>
#include <linux/livepatch.h>

#define FUNCTIONS	6
#define SITE_BYTES	5

typedef unsigned long (*function_t)(unsigned long a, unsigned long b, unsigned long c,
				    unsigned long d, unsigned long e, unsigned long f);

static char *functions[FUNCTIONS];
static unsigned int nr_functions;
module_param_array(functions, charp, &nr_functions, 0444);
MODULE_PARM_DESC(functions, "what to patch");

static unsigned long calls;
module_param(calls, ulong, 0444);
MODULE_PARM_DESC(calls, "how often a patch was called, about");

static function_t originals[FUNCTIONS];

#define REPLACEMENT(n)								\
static unsigned long replacement_##n(unsigned long a, unsigned long b,		\
				     unsigned long c, unsigned long d,		\
				     unsigned long e, unsigned long f)		\
{										\
	calls++;								\
	return originals[n](a, b, c, d, e, f);					\
}

REPLACEMENT(0)
REPLACEMENT(1)
REPLACEMENT(2)
REPLACEMENT(3)
REPLACEMENT(4)
REPLACEMENT(5)

static const function_t replacements[FUNCTIONS] = {
	replacement_0, replacement_1, replacement_2,
	replacement_3, replacement_4, replacement_5,
};

/* And an end. */
static struct klp_func patched[FUNCTIONS + 1];

static struct klp_object objects[2] = {
	{ .funcs = patched },
};

static struct klp_patch patch = {
	.mod = THIS_MODULE,
	.objs = objects,
};

/* Where the call of ftrace is, behind an ENDBR if there is one. */
static unsigned long site_of(const char *name)
{
	struct kprobe probe = { .symbol_name = name };
	unsigned long address;

	if (register_kprobe(&probe))
		return 0;
	address = (unsigned long)probe.addr;
	unregister_kprobe(&probe);
	return address;
}

static int __init livepatch_init(void)
{
	unsigned int i;

	for (i = 0; i < nr_functions; i++) {
		unsigned long site = site_of(functions[i]);

		if (!site)
			return -ENOENT;
		originals[i] = (function_t)(site + SITE_BYTES);
		patched[i].old_name = functions[i];
		patched[i].new_func = replacements[i];
	}
	return klp_enable_patch(&patch);
}

MODULE_INFO(livepatch, "Y");
#else
static int __init livepatch_init(void)
{
	return test_result(-EOPNOTSUPP, "this kernel has no live patches");
}
#endif

static void __exit livepatch_exit(void)
{
}

module_init(livepatch_init);
module_exit(livepatch_exit);

MODULE_DESCRIPTION("dualbm test: a live patch that changes nothing");
MODULE_LICENSE("GPL");
