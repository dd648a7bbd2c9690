// SPDX-License-Identifier: GPL-2.0-only
/*
 * Stacks of the history: each is kept once, by the marks of its sites, so that it has names when
 * a module has gone, and an entry of the history needs no more than its number.
 *
 * The kernel has a store of its own for this (lib/stackdepot.c). It never gives memory back, takes
 * a lock that an NMI may have interrupted (before 6.8), asks the page allocator for memory or
 * forgets, and warns when it is full, which stops a machine with panic_on_warn=1.
 */
#include <linux/jhash.h>
#include <linux/stacktrace.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#include "dualbm.h"
#include "dualbm_sites.h"
#include "dualbm_stacks.h"

/* Functions from the probe to the caller, mostly, and those that are kept: each of them costs. */
#define UNWOUND		(8 + DUALBM_PAST_LEVELS)
/* How far from where its hash leads a stack may lie. */
#define WINDOW		16
/*
 * Callers alone have places of their own, behind those of stacks: however many stacks there are,
 * who called is known. A kernel has some hundred of them.
 */
#define NR_CALLERS	4096UL

/* States of a place: never used, being filled in, or the stack's hash, which is neither. */
#define EMPTY		0U
#define CLAIMED		1U
#define HASHED		2U

struct stack {
	u32 levels[DUALBM_PAST_LEVELS];
};

static_assert(sizeof(struct stack) + sizeof(u32) == DUALBM_STACK_BYTES);
static_assert(BIT(DUALBM_MARK_BITS - 1) + NR_CALLERS < BIT(DUALBM_MARK_BITS));

static struct stack *stacks;
static u32 *states;
static unsigned long nr_stacks;

/* Two CPUs that meet a new one at once may both store it. */
static u32 number_of(const struct stack *stack)
{
	u32 hash = jhash2(stack->levels, DUALBM_PAST_LEVELS, 0) | HASHED;
	bool deep = stack->levels[1];
	unsigned long first = deep ? 0 : nr_stacks, mask = (deep ? nr_stacks : NR_CALLERS) - 1;
	unsigned int i;

	for (i = 0; i < WINDOW; i++) {
		unsigned long place = first + (((hash >> 2) + i) & mask);
		/* Pairs with the store below: who finds the hash finds the stack. */
		u32 state = smp_load_acquire(&states[place]);

		if (state == hash && !memcmp(&stacks[place], stack, sizeof(*stack)))
			return place + 1;
		if (state != EMPTY)
			continue;
		if (cmpxchg(&states[place], EMPTY, CLAIMED) != EMPTY)
			continue;
		stacks[place] = *stack;
		/* Pairs with the load above, and with dualbm_stack_get(). */
		smp_store_release(&states[place], hash);
		return place + 1;
	}
	return 0;
}

u32 dualbm_stack_now(unsigned long *slot)
{
	u32 caller = dualbm_site_caller(slot), number, mark;
	struct stack stack = {}, alone = { { caller } };
	unsigned long unwound[UNWOUND];
	unsigned int entries, i, level = 0;

	if (!caller)
		return 0;
	entries = stack_trace_save(unwound, UNWOUND, 1);
	for (i = 0; i < entries && level < DUALBM_PAST_LEVELS; i++) {
		mark = dualbm_site_mark(unwound[i]);
		/* Below the caller is the allocator; and some code has no name. */
		if (mark && (level || mark == caller))
			stack.levels[level++] = mark;
	}
	number = level ? number_of(&stack) : 0;
	return number ?: number_of(&alone);
}

void dualbm_stack_get(u32 number, u32 levels[DUALBM_PAST_LEVELS])
{
	unsigned long place = number - 1UL;

	/* Pairs with number_of(). */
	if (place < nr_stacks + NR_CALLERS && smp_load_acquire(&states[place]) >= HASHED)
		memcpy(levels, stacks[place].levels, sizeof(stacks[place].levels));
	else
		memset(levels, 0, DUALBM_PAST_LEVELS * sizeof(*levels));
}

unsigned long dualbm_stacks_init(unsigned int bits)
{
	unsigned long nr_places;

	/* Numbers begin with 1. */
	nr_stacks = BIT(min_t(unsigned int, bits, DUALBM_MARK_BITS - 1));
	nr_places = nr_stacks + NR_CALLERS;
	stacks = vzalloc(nr_places * sizeof(*stacks));
	states = vzalloc(nr_places * sizeof(*states));
	if (stacks && states)
		return nr_places;
	dualbm_stacks_exit();
	return 0;
}

void dualbm_stacks_exit(void)
{
	vfree(stacks);
	vfree(states);
	stacks = NULL;
	states = NULL;
	nr_stacks = 0;
}
