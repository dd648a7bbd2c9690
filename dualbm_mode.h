/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Modes: what an event does (dualbm_mode.c).
 */
#ifndef DUALBM_MODE_H
#define DUALBM_MODE_H

#include "dualbm.h"

/**
 * enum dualbm_mode - what the event path does with an event
 * @DUALBM_OFF: nothing
 * @DUALBM_FORGETTING: every event makes its frames untracked. All stores then
 *	go one way, so a sweep that forgets may run beside them
 * @DUALBM_SETTLING: as above, but a depart event is carried out, so that calls
 *	which began now are known when tracking starts
 * @DUALBM_TRACKING: the rule table
 */
enum dualbm_mode {
	DUALBM_OFF,
	DUALBM_FORGETTING,
	DUALBM_SETTLING,
	DUALBM_TRACKING,
};

/* What the file "state" says. */
enum dualbm_state {
	DUALBM_STATE_DISARMED,
	DUALBM_STATE_LEARNING,
	DUALBM_STATE_ARMED,
	DUALBM_STATE_DEGRADED,
};

/**
 * dualbm_mode_now() - what an event does now
 *
 * It is stored under a lock, or while all CPUs are stopped; whoever needs it to stay what it is
 * reads it under RCU, with preemption disabled, or in an event.
 *
 * Context: Any.
 *
 * Return: the mode.
 */
enum dualbm_mode dualbm_mode_now(void);

/**
 * dualbm_mode_pause() - believe no event while all CPUs are stopped
 *
 * Those that can come then come by NMI; dualbm_nmi_wait() is for those that have begun.
 *
 * Context: All CPUs have stopped.
 *
 * Return: the mode, for dualbm_mode_resume().
 */
enum dualbm_mode dualbm_mode_pause(void);

/**
 * dualbm_mode_resume() - undo dualbm_mode_pause()
 * @mode: what that returned
 *
 * Context: All CPUs have stopped.
 */
void dualbm_mode_resume(enum dualbm_mode mode);

/**
 * dualbm_mode_flip() - spoil the mode, for injection
 *
 * Context: Any.
 */
void dualbm_mode_flip(void);

/**
 * dualbm_mode_span() - say how far the flat map goes
 * @frames: how many frames it has room for, from frame 0 on; 0 for none
 *
 * Context: Any, NMI excepted: takes a raw spinlock with interrupts disabled.
 */
void dualbm_mode_span(unsigned long frames);

/**
 * dualbm_mode_start() - begin to handle events, as settling
 *
 * The state becomes learning.
 *
 * Context: Module init, after every hook is attached and before the worker is
 * asked for anything. Does not sleep.
 */
void dualbm_mode_start(void);

/**
 * dualbm_mode_stop() - handle no event any more
 *
 * The state becomes disarmed. Losses and CPU brackets have no effect any more.
 *
 * Context: Module exit, or init that fails; sleeps. No handler is inside an
 * event on return: synchronize_rcu() waits for all code that runs with
 * preemption disabled, as handlers do (kernel/rcu/tree.c, 6.1 and 6.12).
 */
void dualbm_mode_stop(void);

/**
 * dualbm_mode_forget() - forget every event until the worker has relearned
 *
 * Ends a relearning that runs: what it began with no longer holds. The worker
 * is asked by dualbm_learn_request(), after this. Handlers that have read the
 * old mode are through after synchronize_rcu(). Has no effect while the module
 * is stopping.
 *
 * Context: Any, NMI excepted: takes a raw spinlock with interrupts disabled.
 */
void dualbm_mode_forget(void);

/**
 * dualbm_mode_begin() - the worker starts to relearn
 * @generation: filled in with what dualbm_mode_advance() wants to see again
 *
 * Events forget from here on; handlers that have read the old mode are through
 * after synchronize_rcu().
 *
 * Context: Worker; takes a raw spinlock, does not sleep.
 *
 * Return: true, or false with nothing changed while a CPU bracket is open or
 * the module is stopping; the end of the bracket calls the worker again.
 */
bool dualbm_mode_begin(unsigned long *generation);

/**
 * dualbm_mode_advance() - the worker goes on to the next mode
 * @generation: from dualbm_mode_begin()
 * @mode: the mode to go to
 *
 * Context: Worker; takes a raw spinlock, does not sleep.
 *
 * Return: true, or false with nothing changed if something was forgotten
 * meanwhile.
 */
bool dualbm_mode_advance(unsigned long generation, enum dualbm_mode mode);

/**
 * dualbm_mode_finish() - the worker says how its relearning ended
 * @generation: from dualbm_mode_begin()
 * @state: the new state
 * @why: of degraded, what the file "state_reason" says, a constant; else NULL
 *
 * One step with whatever forgets, so that "armed" is never shown while a loss is being
 * forgotten. Logs a line for armed.
 *
 * Context: Worker; takes a raw spinlock, does not sleep.
 *
 * Return: true, or false with nothing changed if something was forgotten or lost
 * meanwhile.
 */
bool dualbm_mode_finish(unsigned long generation, enum dualbm_state state, const char *why);

/**
 * dualbm_mode_current() - does what the worker began with still hold
 * @generation: from dualbm_mode_begin() or dualbm_mode_generation()
 *
 * Context: Any; takes no lock. What it says may be over at once, unless all
 * CPUs are stopped.
 *
 * Return: true if no bracket, loss or stop has come since.
 */
bool dualbm_mode_current(unsigned long generation);

/**
 * dualbm_mode_generation() - what distinguishes this time of tracking
 *
 * Context: Any; takes no lock.
 *
 * Return: a number that changes whenever all frames are to be forgotten, or 0
 * while the mode is not %DUALBM_TRACKING.
 */
unsigned long dualbm_mode_generation(void);

/**
 * dualbm_bracket_begin() - a CPU starts to go up or down
 * @cpu: that CPU
 *
 * On return every event forgets, on all CPUs. Mirrors the condition of every
 * tracepoint: one on a CPU that is not cpu_online() is skipped and not counted
 * (include/linux/tracepoint.h, DECLARE_TRACE(), 6.1 and 6.12).
 *
 * Context: cpuhp callback, the startup of a state before the CPU runs or the
 * teardown of one while it is online; sleeps in synchronize_rcu().
 */
void dualbm_bracket_begin(unsigned int cpu);

/**
 * dualbm_bracket_end() - a CPU has arrived where it went, or has come back
 * @cpu: that CPU
 *
 * Asks the worker to relearn, unless the module is stopping. With another
 * CPU's bracket open, the worker waits for the end of that one.
 *
 * Context: cpuhp callback; takes a raw spinlock, does not sleep.
 */
void dualbm_bracket_end(unsigned int cpu);

/**
 * dualbm_degrade() - events were or may have been lost
 * @why: what happened, for the log, without a newline; a constant
 *
 * Every event forgets from here on, the state becomes degraded and the worker
 * is asked to log that and to relearn; with on_degraded=panic the machine stops
 * instead. Has no effect while the module is stopping.
 *
 * Context: Any: takes a raw spinlock with interrupts disabled, but not in an NMI,
 * for which the worker forgets a moment later. May be under zone->lock, where
 * nothing may be logged: a console may allocate.
 */
void dualbm_degrade(const char *why);

/**
 * dualbm_degraded_why() - what has to be logged about a degradation
 *
 * Context: Worker.
 *
 * Return: what dualbm_degrade() was last given, once, or NULL.
 */
const char *dualbm_degraded_why(void);

/**
 * dualbm_set_trouble() - events are believed, but something else is wrong
 * @why: what, a constant; NULL when it is over
 *
 * Where the state would be armed, it is degraded as long as that lasts. A change
 * is logged; with on_degraded=panic the machine stops.
 *
 * Context: Process; takes no lock.
 */
void dualbm_set_trouble(const char *why);

/**
 * dualbm_set_lacking() - some memory is not watched, and nothing is wrong
 * @why: what, a constant; NULL when it is over
 *
 * Where the state would be armed, it is degraded as long as that lasts. That stops no
 * machine: nothing was lost.
 *
 * Context: Process; takes no lock.
 */
void dualbm_set_lacking(const char *why);

/**
 * dualbm_set_unknown() - a lot of memory is untracked, for good
 * @why: how much and why, a constant; NULL when it is over
 *
 * The state stays what it is: what is known is protected, and a user may have a lot of
 * memory that cannot be known. The file "state_reason" says it, if nothing else has to be
 * said there, and so does the log, once.
 *
 * Context: Process; takes no lock.
 */
void dualbm_set_unknown(const char *why);

/**
 * dualbm_state_reason() - why the state is not armed, or is worth less than it looks
 *
 * Context: Any.
 *
 * Return: one line, "none" while it is.
 */
const char *dualbm_state_reason(void);

/**
 * dualbm_mode_check() - is the mode what was last stored
 *
 * It is kept three times; two of them put the third one right.
 *
 * Context: Any, NMI excepted: takes a raw spinlock with interrupts disabled.
 *
 * Return: true, or false after it was put right.
 */
bool dualbm_mode_check(void);

/**
 * dualbm_mode_init() - let what decides about a panic be kept three times
 *
 * Context: Module init.
 *
 * Return: 0 or -ENOSPC.
 */
int dualbm_mode_init(void);

/**
 * dualbm_mode_withhold() - never panic, and never say "armed"
 * @why: what the file "state_reason" says of it, a constant
 *
 * For a kernel that is not qualified: all is done but the panic, and the file "state"
 * says unqualified where it would say armed.
 *
 * Context: Module init, before dualbm_mode_start().
 */
void dualbm_mode_withhold(const char *why);

/**
 * dualbm_reaction_is_panic() - is the machine to stop
 * @reaction: dualbm_policy or dualbm_on_degraded
 *
 * Context: Any.
 *
 * Return: true if that says panic, and panic is not withheld.
 */
bool dualbm_reaction_is_panic(const enum dualbm_reaction *reaction);

/**
 * dualbm_panic_if() - stop the machine, if that is what somebody asked for
 * @reaction: the policy, or what a loss shall lead to
 * @what: how the panic string begins, behind "dualbm: "
 * @text: and how it goes on
 *
 * All that stops a machine goes through here.
 *
 * Context: Any. Does not return if dualbm_reaction_is_panic().
 */
void dualbm_panic_if(const enum dualbm_reaction *reaction, const char *what, const char *text);

/**
 * dualbm_panic_is_withheld() - has dualbm_mode_withhold() been called
 *
 * Context: Any.
 *
 * Return: true if so.
 */
bool dualbm_panic_is_withheld(void);

/**
 * dualbm_state_name() - the word for the present state
 *
 * Context: Any.
 *
 * Return: "disarmed", "learning", "armed", "unqualified" or "degraded".
 */
const char *dualbm_state_name(void);

/**
 * dualbm_state_now() - the present state itself, for those that go by it
 *
 * Context: Any.
 *
 * Return: the state; it may be another at once.
 */
enum dualbm_state dualbm_state_now(void);

/**
 * dualbm_nmi_enter() - an event that came by NMI begins
 *
 * It counts itself before it reads the mode.
 *
 * Context: NMI.
 */
void dualbm_nmi_enter(void);

/**
 * dualbm_nmi_leave() - it has ended
 *
 * Context: NMI.
 */
void dualbm_nmi_leave(void);

/**
 * dualbm_nmi_wait() - wait for events that arrived by NMI
 *
 * On return, NMI handlers that read the old mode have finished. There are none
 * on kernels before 6.15, which neither allocate nor free pages in an NMI.
 *
 * Context: stop_machine() callback with all other CPUs stopped, after the mode
 * was changed. Spins; an NMI cannot be kept waiting by this CPU.
 */
void dualbm_nmi_wait(void);

/**
 * dualbm_nmi_begun() - how many events have come by NMI
 *
 * An event counts itself before it reads the mode.
 *
 * Context: Any; takes no lock. Ordered after all that the caller did before.
 *
 * Return: a number that moves when one begins, and wraps.
 */
unsigned int dualbm_nmi_begun(void);

#endif /* DUALBM_MODE_H */
