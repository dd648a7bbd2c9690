/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the test modules share.
 *
 * A module that only does something ends its init with -EAGAIN when that went
 * well, so it never stays loaded; any other error is a failure, -EOPNOTSUPP
 * that the kernel or the machine cannot do it. Each prints one line that begins
 * with PASS, SKIP or FAIL.
 */
#ifndef TESTMOD_H
#define TESTMOD_H

#undef pr_fmt
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/kprobes.h>
#include <linux/mm.h>
#include <linux/mmzone.h>
#include <linux/module.h>
#include <linux/printk.h>
#include <linux/static_call.h>

#include "testmod_compat.h"

/* The end of an init that did its work: result is 0, -EOPNOTSUPP or an error. */
#define test_result(result, fmt, ...)					\
({									\
	int __result = (result);					\
									\
	pr_info("%s " fmt "\n",						\
		!__result ? "PASS" :					\
		__result == -EOPNOTSUPP ? "SKIP" : "FAIL",		\
		##__VA_ARGS__);						\
	__result ?: -EAGAIN;						\
})

/* An allocation that fails is no finding, and must not fill the log. */
#define TEST_GFP_TASK	(GFP_KERNEL | __GFP_NOWARN | __GFP_NORETRY)
#define TEST_GFP_ATOMIC	(GFP_ATOMIC | __GFP_NOWARN)

/*
 * At the end of a function whose name has to be in a stack: what it called is no tail call, and its
 * code is not the same as another function's, which the compiler would make one.
 */
#define test_own_name()		({ asm volatile("" : : "i" (__LINE__)); })

/*
 * Is a page that was freed handed out again: those that were freed last on this CPU come first. The
 * others that came before it are given back.
 */
static __always_inline bool test_take_page(const struct page *page)
{
	struct page *tried[64];
	bool found = false;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(tried) && !found; i++) {
		tried[i] = alloc_page(TEST_GFP_FAULT);
		found = tried[i] == page;
	}
	if (found)
		i--;
	while (i--)
		if (tried[i])
			__free_page(tried[i]);
	return found;
}

/*
 * Where a function begins, behind an ENDBR if there is one, which is no place for an indirect
 * call on a machine with IBT: see test_find().
 */
static inline void *test_address_of(const char *name)
{
	struct kprobe at = { .symbol_name = name };
	void *address;

	if (register_kprobe(&at))
		return NULL;
	address = at.addr;
	unregister_kprobe(&at);
	return address;
}

/*
 * Finds a function that is not exported, for a static call whose own function is @none. By its
 * address a kernel with IBT or kCFI would not let it be called.
 */
#define test_find(call, none, symbol)					\
({									\
	typeof(none) *found_ = test_address_of(symbol);			\
									\
	if (found_)							\
		static_call_update(call, found_);			\
	found_;								\
})

/*
 * The post_handler of a probe that takes another way: one that has it is not optimized into
 * a jump, which would not.
 */
static inline void test_other_way(struct kprobe *probe, struct pt_regs *regs,
				  unsigned long flags)
{
}

#endif /* TESTMOD_H */
