// SPDX-License-Identifier: GPL-2.0-only
/*
 * Modes and states: when events are believed.
 *
 * The worker leads from forgetting to tracking; a loss or a CPU bracket throws
 * it back at any time. A generation tells the worker that this has happened.
 */
#include <linux/cpumask.h>
#include <linux/rcupdate.h>

#include "dualbm.h"
#include "dualbm_trace.h"

enum dualbm_mode dualbm_mode __read_mostly = DUALBM_OFF;

static DEFINE_RAW_SPINLOCK(mode_lock);
static unsigned long mode_generation;
static bool mode_stopping = true;
static struct cpumask bracketed;
static enum dualbm_state state = DUALBM_STATE_DISARMED;
/* On a kernel that nobody tested: never panic, and never say "armed". */
static bool panic_withheld;
/* What the worker has yet to log. */
static const char *degraded_why;

static const char * const state_names[] = {
	[DUALBM_STATE_DISARMED] = "disarmed",
	[DUALBM_STATE_LEARNING] = "learning",
	[DUALBM_STATE_ARMED] = "armed",
	[DUALBM_STATE_DEGRADED] = "degraded",
};

static const char *state_word(enum dualbm_state now)
{
	if (now == DUALBM_STATE_ARMED && panic_withheld)
		now = DUALBM_STATE_DEGRADED;
	return state_names[now];
}

void dualbm_set_state(enum dualbm_state next)
{
	enum dualbm_state last = xchg(&state, next);

	if (last == next)
		return;
	trace_state(state_word(last), state_word(next));
	if (next == DUALBM_STATE_ARMED)
		pr_info("%s, policy=%s%s\n", state_word(next),
			dualbm_reaction_name(dualbm_policy),
			panic_withheld ? ", panic withheld" : "");
}

void dualbm_mode_withhold(void)
{
	panic_withheld = true;
}

bool dualbm_reaction_is_panic(const enum dualbm_reaction *reaction)
{
	return READ_ONCE(*reaction) == DUALBM_PANIC && !panic_withheld;
}

enum dualbm_state dualbm_state_now(void)
{
	return READ_ONCE(state);
}

const char *dualbm_state_name(void)
{
	return state_word(READ_ONCE(state));
}

void dualbm_mode_start(void)
{
	mode_stopping = false;
	dualbm_set_state(DUALBM_STATE_LEARNING);
	WRITE_ONCE(dualbm_mode, DUALBM_SETTLING);
}

void dualbm_mode_stop(void)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&mode_lock, flags);
	mode_stopping = true;
	mode_generation++;
	WRITE_ONCE(dualbm_mode, DUALBM_OFF);
	raw_spin_unlock_irqrestore(&mode_lock, flags);
	dualbm_set_state(DUALBM_STATE_DISARMED);
	synchronize_rcu();
}

/* Returns false when the module is stopping and nothing is believed anyway. */
static bool mode_forget_locked(void)
{
	if (mode_stopping)
		return false;
	mode_generation++;
	WRITE_ONCE(dualbm_mode, DUALBM_FORGETTING);
	return true;
}

void dualbm_mode_forget(void)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&mode_lock, flags);
	if (mode_forget_locked() && dualbm_state_now() == DUALBM_STATE_ARMED)
		dualbm_set_state(DUALBM_STATE_LEARNING);
	raw_spin_unlock_irqrestore(&mode_lock, flags);
}

bool dualbm_mode_begin(unsigned long *generation)
{
	unsigned long flags;
	bool begun;

	raw_spin_lock_irqsave(&mode_lock, flags);
	begun = cpumask_empty(&bracketed) && mode_forget_locked();
	*generation = mode_generation;
	raw_spin_unlock_irqrestore(&mode_lock, flags);
	return begun;
}

bool dualbm_mode_advance(unsigned long generation, enum dualbm_mode mode)
{
	unsigned long flags;
	bool current_generation;

	raw_spin_lock_irqsave(&mode_lock, flags);
	current_generation = mode_generation == generation;
	if (current_generation)
		WRITE_ONCE(dualbm_mode, mode);
	raw_spin_unlock_irqrestore(&mode_lock, flags);
	return current_generation;
}

bool dualbm_mode_current(unsigned long generation)
{
	return READ_ONCE(mode_generation) == generation;
}

unsigned long dualbm_mode_generation(void)
{
	unsigned long generation = READ_ONCE(mode_generation);

	/* Pairs with mode_lock: the mode is stored after the generation. */
	smp_rmb();
	return READ_ONCE(dualbm_mode) == DUALBM_TRACKING ? generation : 0;
}

/*
 * While a CPU is not online in the kernel's masks, its tracepoints are skipped
 * without a count (include/linux/tracepoint.h, __DO_TRACE). What it allocates
 * or frees then is unknown, so nothing is believed until it has arrived.
 */
void dualbm_bracket_begin(unsigned int cpu)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&mode_lock, flags);
	cpumask_set_cpu(cpu, &bracketed);
	if (mode_forget_locked() && dualbm_state_now() == DUALBM_STATE_ARMED)
		dualbm_set_state(DUALBM_STATE_LEARNING);
	raw_spin_unlock_irqrestore(&mode_lock, flags);
	/* No event that still believes may meet one that this CPU hides. */
	synchronize_rcu();
}

void dualbm_bracket_end(unsigned int cpu)
{
	unsigned long flags;
	bool relearn;

	raw_spin_lock_irqsave(&mode_lock, flags);
	cpumask_clear_cpu(cpu, &bracketed);
	relearn = mode_forget_locked();
	raw_spin_unlock_irqrestore(&mode_lock, flags);
	if (relearn)
		dualbm_learn_request();
}

void dualbm_degrade(const char *why)
{
	unsigned long flags;
	bool forgetting;

	/* In an NMI the lock may be held below: the worker forgets, a moment later. */
	if (!dualbm_event_in_nmi()) {
		raw_spin_lock_irqsave(&mode_lock, flags);
		forgetting = mode_forget_locked();
		raw_spin_unlock_irqrestore(&mode_lock, flags);
		if (!forgetting)
			return;
	}
	dualbm_set_state(DUALBM_STATE_DEGRADED);
	if (dualbm_reaction_is_panic(&dualbm_on_degraded))
		panic("dualbm: degraded: %s", why);
	WRITE_ONCE(degraded_why, why);
	dualbm_learn_request();
}

const char *dualbm_degraded_why(void)
{
	return xchg(&degraded_why, NULL);
}
