// SPDX-License-Identifier: GPL-2.0-only
/*
 * Probes inside of a function, at places where the kernel makes them jumps: a breakpoint
 * costs five times as much.
 *
 * A place is suggested by the code's bytes, refused by the kernel if no instruction begins
 * there, and proven by calls: each has to pass it once, with the right value in the register.
 */
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/topology.h>
#include <linux/uaccess.h>

#include "dualbm.h"
#include "dualbm_jump.h"

/* A call to ftrace, a jump over it, and the jump that a probe becomes have as many. */
#define JUMP_BYTES	5
#define OPCODE_JUMP	0xe9
#define OPCODE_RETURN	0xc3
#define OPCODE_BREAK	0xcc
/* No function of the allocator is that long. */
#define MAX_BYTES	65536
/* An interrupt's call passes the same place. */
#define PROOF_TRIES	10

/* A probe that only looks: whose calls, and what they had there. */
struct witness {
	struct kprobe probe;
	const struct task_struct *task;
	bool at_exit;
	unsigned int passes;
	unsigned long value;
};

static int on_pass(struct kprobe *probe, struct pt_regs *regs)
{
	struct witness *witness = container_of(probe, struct witness, probe);

	if (current == witness->task) {
		witness->passes++;
		witness->value = witness->at_exit ? regs_return_value(regs) :
						    regs_get_kernel_argument(regs, 0);
	}
	return 0;
}

/*
 * A probe that has one is never made a jump. While the kernel makes one, it waits for all tasks
 * with its lock held, and whoever registers the next probe waits for that.
 */
static void on_passed(struct kprobe *probe, struct pt_regs *regs, unsigned long flags)
{
}

/* Returns whether the calls that were made since the last look passed once, with @page. */
static bool has_seen(struct witness *witness, const struct page *page)
{
	return xchg(&witness->passes, 0) == 1 &&
	       READ_ONCE(witness->value) == (unsigned long)page;
}

static bool call_is_seen(struct witness *witness, gfp_t gfp, unsigned int order)
{
	struct page *page;
	bool allocated, freed;

	WRITE_ONCE(witness->passes, 0);
	page = alloc_pages_node(numa_mem_id(), gfp | __GFP_NOWARN, order);
	if (!page)
		return false;
	allocated = has_seen(witness, page);
	__free_pages(page, order);
	freed = has_seen(witness, page);
	return witness->at_exit ? allocated : freed;
}

/* Calls of different shapes: from a CPU's lists, of blocks, zeroed, charged to a cgroup. */
static bool calls_are_seen(struct witness *witness)
{
	static const struct {
		gfp_t gfp;
		unsigned int order;
	} calls[] = {
		{ GFP_KERNEL, 0 },
		{ GFP_KERNEL, 1 },
		{ GFP_KERNEL, 3 },
		{ GFP_KERNEL | __GFP_ZERO, 0 },
		{ GFP_KERNEL | __GFP_COMP, 2 },
		{ GFP_KERNEL_ACCOUNT, 0 },
		{ GFP_NOWAIT, 0 },
	};
	unsigned int i, tries;

	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		for (tries = 0; tries < PROOF_TRIES; tries++)
			if (call_is_seen(witness, calls[i].gfp, calls[i].order))
				break;
		if (tries == PROOF_TRIES)
			return false;
	}
	return true;
}

/* Returns -ERANGE if calls do not pass there, or what register_kprobe() says. */
static int prove(unsigned long address, bool at_exit)
{
	struct witness *witness = kzalloc(sizeof(*witness), GFP_KERNEL);
	int ret;

	if (!witness)
		return -ENOMEM;
	witness->task = current;
	witness->at_exit = at_exit;
	witness->probe.addr = (kprobe_opcode_t *)address;
	witness->probe.pre_handler = on_pass;
	witness->probe.post_handler = on_passed;
	ret = register_kprobe(&witness->probe);
	if (!ret) {
		if (!calls_are_seen(witness))
			ret = -ERANGE;
		unregister_kprobe(&witness->probe);
	}
	kfree(witness);
	return ret;
}

/* While somebody is called there, or nobody is. */
static bool is_ftrace_site(const u8 *code)
{
	static const u8 nothing[][JUMP_BYTES] = DUALBM_FTRACE_NOTHING;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(nothing); i++)
		if (!memcmp(code, nothing[i], sizeof(nothing[i])))
			return true;
	return DUALBM_FTRACE_SITE_IS_CALL(code);
}

unsigned long dualbm_jump_behind_entry(unsigned long address)
{
	u8 code[DUALBM_ENTRY_BYTES + JUMP_BYTES];
	int at;

	if (!DUALBM_HAVE_JUMPS ||
	    copy_from_kernel_nofault(code, (void *)address, sizeof(code)))
		return 0;
	for (at = 0; at <= DUALBM_ENTRY_BYTES; at += 4)
		if (is_ftrace_site(code + at))
			break;
	address += at + JUMP_BYTES;
	return at <= DUALBM_ENTRY_BYTES && !prove(address, false) ? address : 0;
}

/* How long the pop of a register that callees keep is that ends before @end, or 0. */
static unsigned int pop_before(const u8 *code, unsigned int end)
{
	/* rbx, rbp; r12 to r15 */
	if (end >= 2 && code[end - 2] == 0x41 && code[end - 1] >= 0x5c && code[end - 1] <= 0x5f)
		return 2;
	return end >= 1 && (code[end - 1] == 0x5b || code[end - 1] == 0x5d);
}

/* Where the pops begin that @end, a return, comes after. */
static unsigned int first_pop(const u8 *code, unsigned int end)
{
	unsigned int length;

	while ((length = pop_before(code, end)))
		end -= length;
	return end;
}

/*
 * A function's only exit: pops, and a return or a jump to the kernel's own return. Of several
 * one alone would be seen. Returns where its pops begin, and @end, where they end; or 0.
 */
static unsigned int only_exit(const u8 *code, unsigned int size, unsigned int *end)
{
	unsigned int at, pops, found = 0;

	for (at = 0; at < size; at++) {
		if (code[at] != OPCODE_RETURN && code[at] != OPCODE_JUMP)
			continue;
		pops = first_pop(code, at);
		if (at - pops < JUMP_BYTES)
			continue;
		if (found)
			return 0;
		found = pops;
		*end = at;
	}
	return found;
}

/* The byte before the pops may look like one: then the next of them is the first. */
static unsigned long prove_exit(unsigned long start, const u8 *code, unsigned int size)
{
	unsigned int at, end;
	int ret;

	at = only_exit(code, size, &end);
	while (at && end - at >= JUMP_BYTES) {
		ret = prove(start + at, true);
		if (!ret)
			return start + at;
		if (ret != -EILSEQ && ret != -EINVAL)
			break;
		at += code[at] == 0x41 ? 2 : 1;
	}
	return 0;
}

unsigned long dualbm_jump_before_exit(unsigned long start, unsigned long end)
{
	unsigned long size = end - start, address = 0;
	u8 *code;

	if (!DUALBM_HAVE_JUMPS || size > MAX_BYTES)
		return 0;
	code = kvmalloc(size, GFP_KERNEL);
	if (code && !copy_from_kernel_nofault(code, (void *)start, size))
		address = prove_exit(start, code, size);
	kvfree(code);
	return address;
}

enum dualbm_jump dualbm_jump_look(const struct kprobe *probe)
{
	u8 code;

	if (copy_from_kernel_nofault(&code, probe->addr, sizeof(code)))
		return DUALBM_JUMP_OFF;
	if (code == OPCODE_JUMP)
		return DUALBM_JUMP_MADE;
	return code == OPCODE_BREAK ? DUALBM_JUMP_BREAKPOINT : DUALBM_JUMP_OFF;
}
