// SPDX-License-Identifier: GPL-2.0-only
/*
 * Modes and states: when events are believed.
 *
 * The worker leads from forgetting to tracking; a loss or a CPU bracket throws
 * it back at any time. A generation tells the worker that this has happened.
 */
#include <linux/atomic.h>
#include <linux/bits.h>
#include <linux/cpumask.h>
#include <linux/rcupdate.h>

#include "dualbm.h"
#include "dualbm_chunks.h"
#include "dualbm_guard.h"
#include "dualbm_mode.h"
#include "dualbm_request.h"
#include "dualbm_trace.h"

static enum dualbm_mode mode_now __read_mostly = DUALBM_OFF;

/* The mode again, and its complement, so that a flip in one of the three shows. */
static unsigned int mode_copy;
static unsigned int mode_complement = ~DUALBM_OFF;

static DEFINE_RAW_SPINLOCK(mode_lock);
/* How many frames the flat map has room for; the limit is judged by it, so it is guarded. */
static unsigned long span;
static unsigned long mode_generation;
static bool mode_stopping = true;
static struct cpumask bracketed;
/*
 * The state, and whether an NMI has lost events that are yet to be forgotten: until they are,
 * nothing is armed. An NMI may take no lock, so the two are one word.
 */
#define LOSS_BY_NMI	BIT(8)
static atomic_t state = ATOMIC_INIT(DUALBM_STATE_DISARMED);
/* On a kernel that is not qualified: never panic, and never say "armed". */
static bool panic_withheld;
static const char *withheld_why = "panic is withheld";
/* What the worker has yet to log. */
static const char *degraded_why;
/* Why the state is degraded, and why it is although events are believed. */
static const char *state_why;
static const char *trouble;
/* What a state that is armed all the same has to say. */
static const char *unknown;
/* What is not watched, though all that is watched is believed. */
static const char *lacking;

static const char * const state_names[] = {
	[DUALBM_STATE_DISARMED] = "disarmed",
	[DUALBM_STATE_LEARNING] = "learning",
	[DUALBM_STATE_ARMED] = "armed",
	[DUALBM_STATE_DEGRADED] = "degraded",
};

/* @word as it is in state. */
static enum dualbm_state state_of(int word)
{
	enum dualbm_state now = word & ~LOSS_BY_NMI;

	/* A flip may make it something else. */
	if (word == (DUALBM_STATE_ARMED | LOSS_BY_NMI) || now >= ARRAY_SIZE(state_names))
		return DUALBM_STATE_DEGRADED;
	return now;
}

static const char *state_name(enum dualbm_state now)
{
	if (now != DUALBM_STATE_ARMED)
		return state_names[now];
	if (READ_ONCE(trouble) || READ_ONCE(lacking))
		return state_names[DUALBM_STATE_DEGRADED];
	/* Events may have been lost, and nobody has tried this kernel: two things, two words. */
	return READ_ONCE(panic_withheld) ? "unqualified" : state_names[now];
}

const char *dualbm_state_reason(void)
{
	const char *why;

	switch (dualbm_state_now()) {
	case DUALBM_STATE_DISARMED:
		return "the module is being loaded or unloaded";
	case DUALBM_STATE_LEARNING:
		return "what is free and what is allocated is being learned";
	case DUALBM_STATE_DEGRADED:
		why = READ_ONCE(state_why);
		return why ?: "events were lost";
	default:
		why = READ_ONCE(trouble);
		if (!why)
			why = READ_ONCE(lacking);
		if (why)
			return why;
		if (panic_withheld)
			return withheld_why;
		why = READ_ONCE(unknown);
		return why ?: "none";
	}
}

void dualbm_set_trouble(const char *why)
{
	const char *before = dualbm_state_name(), *last = xchg(&trouble, why);

	if (last == why)
		return;
	trace_state(before, dualbm_state_name());
	if (!why) {
		pr_info("no more: %s\n", last);
		return;
	}
	pr_warn("degraded: %s\n", why);
	dualbm_panic_if(&dualbm_on_degraded, "degraded: ", why);
}

void dualbm_set_unknown(const char *why)
{
	if (xchg(&unknown, why) != why && why)
		pr_notice("%s\n", why);
}

void dualbm_set_lacking(const char *why)
{
	const char *before = dualbm_state_name();

	if (xchg(&lacking, why) != why)
		trace_state(before, dualbm_state_name());
}

/* What events look at first: whether their frame is tracked, and found in the flat map. */
static unsigned long limit_of(enum dualbm_mode mode)
{
	return mode == DUALBM_TRACKING ? span : 0;
}

static void write_mode(enum dualbm_mode mode)
{
	WRITE_ONCE(mode_now, mode);
	WRITE_ONCE(dualbm_flat.limit, limit_of(mode));
}

/* Under mode_lock. */
static void store_mode(enum dualbm_mode mode)
{
	write_mode(mode);
	mode_copy = mode;
	mode_complement = ~mode;
}

/* Events that came by NMI: those inside now, and those that ever began. */
static atomic_t nmi_events = ATOMIC_INIT(0);
static atomic_t nmi_begun = ATOMIC_INIT(0);

void dualbm_nmi_enter(void)
{
	atomic_inc(&nmi_events);
	atomic_inc(&nmi_begun);
	/* Counted before the mode is read: dualbm_nmi_wait() has the other half. */
	smp_mb__after_atomic();
}

void dualbm_nmi_leave(void)
{
	atomic_dec_return_release(&nmi_events);
}

unsigned int dualbm_nmi_begun(void)
{
	/* What was looked at before was looked at before this count. */
	smp_mb();
	return atomic_read(&nmi_begun);
}

void dualbm_nmi_wait(void)
{
	/* The mode was stored before the count is read: dualbm_nmi_enter() has the other half. */
	smp_mb();
	while (atomic_read_acquire(&nmi_events))
		cpu_relax();
}

enum dualbm_mode dualbm_mode_now(void)
{
	return READ_ONCE(mode_now);
}

enum dualbm_mode dualbm_mode_pause(void)
{
	enum dualbm_mode mode = READ_ONCE(mode_now);

	if (mode == DUALBM_TRACKING)
		write_mode(DUALBM_FORGETTING);
	return mode;
}

void dualbm_mode_resume(enum dualbm_mode mode)
{
	write_mode(mode);
}

void dualbm_mode_flip(void)
{
	write_mode(READ_ONCE(mode_now) ^ 1);
}

void dualbm_mode_span(unsigned long frames)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&mode_lock, flags);
	dualbm_guard_store(&span, &frames, sizeof(span));
	WRITE_ONCE(dualbm_flat.limit, limit_of(READ_ONCE(mode_now)));
	raw_spin_unlock_irqrestore(&mode_lock, flags);
}

bool dualbm_mode_check(void)
{
	unsigned int stored, right;
	unsigned long flags;

	raw_spin_lock_irqsave(&mode_lock, flags);
	dualbm_guard_restore(&span);
	stored = READ_ONCE(mode_now);
	right = (stored & mode_copy) | (stored & ~mode_complement) |
		(mode_copy & ~mode_complement);
	if (stored == right && mode_copy == right && mode_complement == ~right &&
	    READ_ONCE(dualbm_flat.limit) == limit_of(right)) {
		raw_spin_unlock_irqrestore(&mode_lock, flags);
		return true;
	}
	store_mode(right);
	raw_spin_unlock_irqrestore(&mode_lock, flags);
	return false;
}

/*
 * Under mode_lock, as all that changes it but an NMI. False, with nothing changed, if it is
 * not @last any more: an NMI has lost events.
 */
static noinline bool change_state(int last, int next)
{
	if (atomic_cmpxchg(&state, last, next) != last)
		return false;
	if (state_of(last) != state_of(next))
		trace_state(state_name(state_of(last)), state_name(state_of(next)));
	return true;
}

/* What an NMI has said stays said. */
static void set_state(enum dualbm_state next)
{
	int last;

	do
		last = atomic_read(&state);
	while (!change_state(last, next | (last & LOSS_BY_NMI)));
}

void dualbm_mode_withhold(const char *why)
{
	const bool withheld = true;

	withheld_why = why;
	dualbm_guard_store(&panic_withheld, &withheld, sizeof(withheld));
}

bool dualbm_panic_is_withheld(void)
{
	return READ_ONCE(panic_withheld);
}

bool dualbm_reaction_is_panic(const enum dualbm_reaction *reaction)
{
	return READ_ONCE(*reaction) == DUALBM_PANIC && !panic_withheld;
}

void dualbm_panic_if(const enum dualbm_reaction *reaction, const char *what, const char *text)
{
	if (dualbm_reaction_is_panic(reaction))
		panic("dualbm: %s%s", what, text);
}

enum dualbm_state dualbm_state_now(void)
{
	return state_of(atomic_read(&state));
}

const char *dualbm_state_name(void)
{
	return state_name(dualbm_state_now());
}

int dualbm_mode_init(void)
{
	return dualbm_guard_add("policy", &dualbm_policy, sizeof(dualbm_policy)) ?:
	       dualbm_guard_add("on_degraded", &dualbm_on_degraded,
				sizeof(dualbm_on_degraded)) ?:
	       dualbm_guard_add("panic_withheld", &panic_withheld, sizeof(panic_withheld)) ?:
	       dualbm_guard_add("limit", &span, sizeof(span)) ?:
	       dualbm_guard_add("stopping", &mode_stopping, sizeof(mode_stopping));
}

static void set_stopping(bool stopping)
{
	dualbm_guard_store(&mode_stopping, &stopping, sizeof(stopping));
}

void dualbm_mode_start(void)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&mode_lock, flags);
	set_stopping(false);
	set_state(DUALBM_STATE_LEARNING);
	store_mode(DUALBM_SETTLING);
	raw_spin_unlock_irqrestore(&mode_lock, flags);
}

static void mode_end_locked(enum dualbm_mode mode)
{
	store_mode(mode);
	/*
	 * Whoever finds the new generation finds that it does not track yet;
	 * dualbm_mode_generation() has the other half.
	 */
	smp_wmb();
	WRITE_ONCE(mode_generation, mode_generation + 1);
}

void dualbm_mode_stop(void)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&mode_lock, flags);
	set_stopping(true);
	set_state(DUALBM_STATE_DISARMED);
	mode_end_locked(DUALBM_OFF);
	raw_spin_unlock_irqrestore(&mode_lock, flags);
	synchronize_rcu();
}

/*
 * What is armed says otherwise before anything is forgotten, and dualbm_mode_finish()
 * says so again under the same lock: "armed" is never shown while nothing is believed.
 * Returns false when the module is stopping and nothing is believed anyway.
 */
static bool mode_forget_locked(void)
{
	if (mode_stopping)
		return false;
	if ((atomic_read(&state) & ~LOSS_BY_NMI) == DUALBM_STATE_ARMED)
		set_state(DUALBM_STATE_LEARNING);
	mode_end_locked(DUALBM_FORGETTING);
	return true;
}

void dualbm_mode_forget(void)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&mode_lock, flags);
	mode_forget_locked();
	raw_spin_unlock_irqrestore(&mode_lock, flags);
}

bool dualbm_mode_begin(unsigned long *generation)
{
	unsigned long flags;
	bool begun;
	int last;

	raw_spin_lock_irqsave(&mode_lock, flags);
	begun = cpumask_empty(&bracketed) && !mode_stopping;
	last = atomic_read(&state);
	/* All that was lost so far is forgotten now; what comes later asks again. */
	if (begun && last & LOSS_BY_NMI)
		change_state(last, DUALBM_STATE_DEGRADED);
	/* Asked for once more while it learned, it finds itself armed. */
	if (begun)
		mode_forget_locked();
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
		store_mode(mode);
	raw_spin_unlock_irqrestore(&mode_lock, flags);
	return current_generation;
}

bool dualbm_mode_finish(unsigned long generation, enum dualbm_state next, const char *why)
{
	unsigned long flags;
	bool finished;
	int last;

	raw_spin_lock_irqsave(&mode_lock, flags);
	last = atomic_read(&state);
	finished = mode_generation == generation && !(last & LOSS_BY_NMI);
	if (finished && why)
		WRITE_ONCE(state_why, why);
	finished = finished && change_state(last, next);
	raw_spin_unlock_irqrestore(&mode_lock, flags);
	/* Not under the lock: a console may do what has events. */
	if (finished && next == DUALBM_STATE_ARMED)
		pr_info("%s, policy=%s%s\n", state_name(next),
			dualbm_reaction_name(dualbm_policy),
			panic_withheld ? ", panic withheld" : "");
	return finished;
}

bool dualbm_mode_current(unsigned long generation)
{
	return READ_ONCE(mode_generation) == generation;
}

unsigned long dualbm_mode_generation(void)
{
	unsigned long generation = READ_ONCE(mode_generation);

	/*
	 * Pairs with mode_end_locked(). Of a mode that is newer than the generation
	 * nothing comes but a generation that is over.
	 */
	smp_rmb();
	return READ_ONCE(mode_now) == DUALBM_TRACKING ? generation : 0;
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
	mode_forget_locked();
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
	if (dualbm_event_in_nmi()) {
		WRITE_ONCE(state_why, why);
		atomic_or(LOSS_BY_NMI, &state);
	} else {
		raw_spin_lock_irqsave(&mode_lock, flags);
		if (!mode_stopping) {
			WRITE_ONCE(state_why, why);
			set_state(DUALBM_STATE_DEGRADED);
		}
		forgetting = mode_forget_locked();
		raw_spin_unlock_irqrestore(&mode_lock, flags);
		if (!forgetting)
			return;
	}
	dualbm_panic_if(&dualbm_on_degraded, "degraded: ", why);
	WRITE_ONCE(degraded_why, why);
	dualbm_learn_request();
}

const char *dualbm_degraded_why(void)
{
	return xchg(&degraded_why, NULL);
}
