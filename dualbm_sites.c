// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sites: the places in code from which the allocator is called, found without unwinding.
 *
 * A tracepoint's callback knows where its own return address lies. What called the allocator
 * is some functions above. How far the next return address lies from that of a function is
 * fixed by the compiler, so it is asked of the unwinder once for each return address inside
 * the allocator, and remembered beside it. Then a step is a load and a comparison. A site is
 * remembered by its number, so an entry of the history need not have its address, and when a
 * module goes, its sites are given the names that they had.
 */
#include <linux/kallsyms.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/notifier.h>
#include <linux/stacktrace.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>

#include "dualbm.h"
#include "dualbm_caller.h"
#include "dualbm_sites.h"
#include "dualbm_violation.h"

#if DUALBM_HAVE_STEPS
#include <asm/unwind.h>
#endif

#define NR_SITES	BIT(DUALBM_SITE_SHIFT)
/* How far from where its address leads a site may lie. */
#define SITE_WINDOW	8
/* Functions of the allocator, one inside the other. */
#define SITE_LEVELS	16
#define DEAD_NAMES	1024

/* What is no address: a place never used, one whose module has gone, one being filled in. */
#define SITE_EMPTY	0UL
#define SITE_DEAD	1UL
#define SITE_CLAIMED	2UL

/* Bytes to the next return address, unless it is the caller, a return probe's, or not known yet. */
#define STEP_MAX	4096
#define STEP_RETHOOK	(DUALBM_STEP_LAST - 1)
#define STEP_UNKNOWN	(DUALBM_STEP_LAST - 2)

/* No generation is 0, so this is no site's. */
#define MARK_UNKNOWN	0

struct dead_name {
	u32 mark;
	char name[DUALBM_PAST_NAME];
};

struct dualbm_site *dualbm_sites;
static struct dead_name *dead_names;
static unsigned int next_dead;
/* Two modules may come or go at once: the notifier chain is locked for readers only. */
static DEFINE_MUTEX(dead_lock);

/* ---- learning a site ---- */

#if DUALBM_HAVE_STEPS
/*
 * How far above the return address at @slot the next one lies, or %DUALBM_STEP_LAST if that is not
 * fixed. The unwinder's tables (ORC, arch/x86/kernel/unwind_orc.c) count it from the stack
 * pointer, and then it is a constant of the code; or from another register, and then
 * unwinding with that register falsified comes out elsewhere.
 */
static u16 step_from(unsigned long address, const unsigned long *slot)
{
	unsigned long at = (unsigned long)slot + sizeof(*slot), step;
	struct unwind_state state, other;

	for (unwind_start(&state, current, NULL, NULL); !unwind_done(&state) && state.sp != at;
	     unwind_next_frame(&state))
		;
	if (unwind_done(&state) || unwind_error(&state) || state.regs ||
	    unwind_get_return_address(&state) != address)
		return DUALBM_STEP_LAST;
	other = state;
	other.bp ^= 0x5a5a0;
	/* What goes wrong with it shall not be told. */
	other.error = true;
	unwind_next_frame(&state);
	unwind_next_frame(&other);
	step = state.sp - at;
	if (unwind_done(&state) || unwind_error(&state) || state.regs || unwind_done(&other) ||
	    other.sp != state.sp || step > STEP_MAX || step % sizeof(long))
		return DUALBM_STEP_LAST;
	return step;
}
#else
static u16 step_from(unsigned long address, const unsigned long *slot)
{
	return sizeof(long);
}
#endif

/* Two CPUs that do this at once come to the same. */
static void learn_step(struct dualbm_site *site, unsigned long address, const unsigned long *slot)
{
	u16 step = step_from(address, slot);

	/* Were it taken for the caller, the allocator would be. */
	if (step == DUALBM_STEP_LAST)
		WRITE_ONCE(site->mark, MARK_UNKNOWN);
	WRITE_ONCE(site->step, step);
}

/* Of generated code nothing is kept, as nobody says when it goes. */
static bool is_generated(const char *symbol)
{
	return strstarts(symbol, "0x") || strstr(symbol, " [bpf]") ||
	       strstr(symbol, " [__builtin__") || strstarts(symbol, "return_to_handler");
}

static void learn_into(struct dualbm_site *site, unsigned long address, const unsigned long *slot)
{
	char symbol[KSYM_SYMBOL_LEN];

	/* 0 is no generation: no mark is 0. */
	site->generation = site->generation % (BIT(DUALBM_MARK_BITS - DUALBM_SITE_SHIFT) - 1) + 1;
	site->mark = (u32)site->generation << DUALBM_SITE_SHIFT | (site - dualbm_sites);
	site->step = DUALBM_STEP_LAST;
	sprint_symbol(symbol, address);
	if (strstarts(symbol, "arch_rethook_trampoline")) {
		site->mark = MARK_UNKNOWN;
		site->step = STEP_RETHOOK;
	} else if (is_generated(symbol)) {
		site->mark = MARK_UNKNOWN;
	} else if (within_module(address, THIS_MODULE) || dualbm_caller_is_allocator(address)) {
		site->step = STEP_UNKNOWN;
		if (slot)
			learn_step(site, address, slot);
	}
}

/*
 * Further from its first place, or new. Of two CPUs that learn one at once both do. Without
 * @slot a step is left for who comes with one.
 */
static noinline struct dualbm_site *find_far(unsigned long address, const unsigned long *slot)
{
	unsigned long place = dualbm_site_place(address), seen, free_seen = 0;
	struct dualbm_site *site, *free = NULL;
	unsigned int i;

	/* Such a word is no return address. */
	if (address <= SITE_CLAIMED)
		return NULL;
	for (i = 0; i < SITE_WINDOW; i++) {
		site = &dualbm_sites[(place + i) % NR_SITES];
		/* Pairs with the store below. */
		seen = smp_load_acquire(&site->address);
		if (seen == address)
			return site;
		if (!free && seen <= SITE_DEAD) {
			free = site;
			free_seen = seen;
		}
		if (seen == SITE_EMPTY)
			break;
	}
	if (!free || cmpxchg(&free->address, free_seen, SITE_CLAIMED) != free_seen)
		return NULL;
	learn_into(free, address, slot);
	/*
	 * Pairs with the loads here and in dualbm_site_caller(): who finds the address finds
	 * the rest.
	 */
	smp_store_release(&free->address, address);
	return free;
}

/* ---- from a return address to the caller's ---- */

#if DUALBM_HAVE_STEPS
/* kernel/trace/rethook.c: the address that a return probe has replaced, or 0. */
static unsigned long replaced_address(const unsigned long *slot)
{
#ifdef DUALBM_PROBED_RETHOOK
	const struct llist_node *node = dualbm_return_probes(current);
	unsigned int level;

	for (level = 0; node && level < SITE_LEVELS; level++, node = READ_ONCE(node->next)) {
		const struct dualbm_return_probe *probe =
			llist_entry(node, struct dualbm_return_probe, llist);

		if (probe->frame == (unsigned long)slot)
			return probe->ret_addr;
	}
#endif
	return 0;
}

/*
 * A distance that were wrong all the same, at the top of a stack, would lead to its guard page:
 * then the caller is unknown, and nothing else.
 */
static __always_inline bool load(const unsigned long *slot, unsigned long *address)
{
	__get_kernel_nofault(address, slot, unsigned long, fault);
	return true;
fault:
	return false;
}

static u32 go_on(struct dualbm_site *site, unsigned long *slot, unsigned int level);

static __always_inline u32 walk(unsigned long *slot, unsigned int level)
{
	struct dualbm_site *site, *table = dualbm_sites;
	unsigned long address;

	do {
		if (unlikely(!load(slot, &address)))
			return 0;
		site = &table[dualbm_site_place(address)];
		/* Pairs with find_far(). */
		if (unlikely(smp_load_acquire(&site->address) != address)) {
			site = find_far(address, slot);
			if (!site)
				return 0;
		}
		if (site->step > STEP_MAX)
			break;
		slot = (void *)slot + site->step;
	} while (likely(--level));
	if (likely(site->step == DUALBM_STEP_LAST))
		return site->mark;
	return go_on(site, slot, level);
}

static noinline u32 walk_again(unsigned long *slot, unsigned int level)
{
	return walk(slot, level);
}

/* What is rare: a step that nobody has learned yet, and a return probe's trampoline. */
static noinline u32 go_on(struct dualbm_site *site, unsigned long *slot, unsigned int level)
{
	unsigned long address;

	if (!level || !--level)
		return 0;
	if (site->step == STEP_UNKNOWN) {
		learn_step(site, site->address, slot);
		return walk_again(slot, level);
	}
	address = replaced_address(slot);
	site = find_far(address, slot);
	if (!site)
		return 0;
	if (site->step == STEP_UNKNOWN)
		learn_step(site, address, slot);
	if (site->step > STEP_MAX)
		return site->mark;
	return walk_again((void *)slot + site->step, level);
}

u32 dualbm_site_caller(unsigned long *slot)
{
	return walk(slot, SITE_LEVELS);
}
#else
u32 dualbm_site_caller(unsigned long *slot)
{
	unsigned long stack[SITE_LEVELS];
	unsigned int i, entries = stack_trace_save(stack, SITE_LEVELS, 1);

	for (i = 0; i < entries; i++) {
		struct dualbm_site *site = find_far(stack[i], slot);

		if (!site)
			return 0;
		if (site->step == DUALBM_STEP_LAST)
			return site->mark;
	}
	return 0;
}
#endif

u32 dualbm_site_mark(unsigned long address)
{
	const struct dualbm_site *site = &dualbm_sites[dualbm_site_place(address)];

	/* Pairs with find_far(). */
	if (smp_load_acquire(&site->address) != address)
		site = find_far(address, NULL);
	return site ? READ_ONCE(site->mark) : MARK_UNKNOWN;
}

/* ---- names ---- */

static bool dead_site_name(u32 mark, char *name, size_t size)
{
	unsigned int i;

	for (i = 0; i < DEAD_NAMES; i++) {
		const struct dead_name *dead = &dead_names[i];

		/* Pairs with bury(): the mark stands for a whole name. */
		if (smp_load_acquire(&dead->mark) != mark)
			continue;
		strscpy(name, dead->name, size);
		/* Pairs with bury(): it was not overwritten meanwhile. */
		smp_rmb();
		if (READ_ONCE(dead->mark) == mark)
			return true;
	}
	return false;
}

void dualbm_site_name(u32 mark, char *name, size_t size)
{
	const struct dualbm_site *site = &dualbm_sites[mark % NR_SITES];
	/* Pairs with find_far(): it is the address of that mark. */
	unsigned long address = smp_load_acquire(&site->address);

	if (address > SITE_CLAIMED && READ_ONCE(site->mark) == mark) {
		scnprintf(name, size, "%pS", (void *)address);
		/* Pairs with bury(): its module may have gone in the middle of that. */
		if (smp_load_acquire(&site->address) == address)
			return;
	}
	if (mark == MARK_UNKNOWN)
		strscpy(name, "unknown", size);
	else if (!dead_site_name(mark, name, size))
		strscpy(name, "[module gone]", size);
}

static void bury(struct dualbm_site *site)
{
	struct dead_name *dead = &dead_names[next_dead++ % DEAD_NAMES];

	if (site->mark != MARK_UNKNOWN) {
		WRITE_ONCE(dead->mark, 0);
		/* Pairs with dead_site_name(): no mark while the name is stored. */
		smp_wmb();
		scnprintf(dead->name, sizeof(dead->name), "%pS", (void *)site->address);
		/* Pairs with dead_site_name(). */
		smp_store_release(&dead->mark, site->mark);
	}
	/* Pairs with dualbm_site_name(): by then there is the name. */
	smp_store_release(&site->address, SITE_DEAD);
}

/*
 * A module's code goes when it is unloaded, and what it has for its start only when that is
 * done; both are told while names can still be had. Where another module comes to lie there
 * may be leftovers of generated code.
 */
static int module_changes(struct notifier_block *notifier, unsigned long state, void *data)
{
	const struct module *module = data;
	unsigned long i;

	mutex_lock(&dead_lock);
	for (i = 0; i < NR_SITES; i++) {
		unsigned long address = READ_ONCE(dualbm_sites[i].address);

		if (address <= SITE_CLAIMED)
			continue;
		if (state == MODULE_STATE_LIVE ? within_module_init(address, module) :
		    within_module(address, module))
			bury(&dualbm_sites[i]);
	}
	mutex_unlock(&dead_lock);
	return NOTIFY_DONE;
}

static struct notifier_block module_notifier = { .notifier_call = module_changes };

int dualbm_sites_init(void)
{
	int ret = -ENOMEM;

	dualbm_sites = vzalloc(NR_SITES * sizeof(*dualbm_sites));
	dead_names = vzalloc(DEAD_NAMES * sizeof(*dead_names));
	if (dualbm_sites && dead_names)
		ret = register_module_notifier(&module_notifier);
	if (ret) {
		vfree(dualbm_sites);
		vfree(dead_names);
	}
	return ret;
}

void dualbm_sites_exit(void)
{
	unregister_module_notifier(&module_notifier);
	vfree(dualbm_sites);
	vfree(dead_names);
}
