/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Mode and state: what events do, and what people are told, while events are lost, CPUs
 * come and go, hooks fall silent, and the module is unloaded, in every order.
 *
 * Step of the model	Implementation
 * --------------------	---------------------------------------------------
 * worker()		dualbm_learn.c: relearn()
 * begin() .. finish()	dualbm_mode_begin(), _advance(), _finish(), each under mode_lock
 * loss()		dualbm_degrade() outside of an NMI
 * nmi()		dualbm_degrade() in an NMI, which may take no lock
 * cpu()		dualbm_bracket_begin(), _end(): in between events are hidden
 * watch()		dualbm_watchdog.c: a hook that was silent fires again
 * unload()		dualbm_mode_stop(), dualbm_learn_stop()
 * monitor(), reader()	dualbm_state_name()
 *
 * An atomic step is what mode_lock makes one, or one access to one variable. The record is
 * stale from when events are known to be lost until all has been forgotten after that.
 *
 * What must hold, always:
 * - "armed" is not shown while the record is stale;
 * - events are not believed while it is, but for what an NMI has lost, until the worker runs;
 * - the mode is off if, and only if, the state is disarmed;
 * and at the end: what is not unloaded is armed.
 *
 * Each macro BREAK_* takes one step out, or puts two in the wrong order; the model must
 * then fail, and ../30-model.t sees to it.
 * covers: R-EVENT-6 R-HOOK-4 R-LOSS-1 R-LOSS-2
 */

#define OFF		0
#define FORGETTING	1
#define SETTLING	2
#define TRACKING	3

#define DISARMED	0
#define LEARNING	1
#define ARMED		2
#define DEGRADED	3

byte mode = SETTLING;
bool current;		/* mode_generation is still what the worker began with */
bool stopping;
byte bracketed;

/* Two parts of one word: what is said, and that an NMI has lost events. */
byte state = LEARNING;
bool nmi_loss;

bool pending = true, running;
bool silent;		/* a required hook does not fire */
byte silences = 1;	/* how often one falls silent */

/* What nobody knows but the model. */
bool stale, stale_by_nmi;

#define SHOWN_ARMED	(state == ARMED && !nmi_loss)

inline forget()
{
#ifdef BREAK_STOP
	if
	:: true ->
#else
	if
	:: stopping -> skip
	:: else ->
#endif
#ifndef BREAK_FORGET_ARMED
		if
		:: state == ARMED -> state = LEARNING
		:: else
		fi;
#endif
		mode = FORGETTING;
		current = false
	fi
}

/* How it comes into the queue is in unload.pml. */
inline ask()
{
	pending = true
}

proctype loss()
{
	bool asks;

	atomic {
		asks = !stopping;
		if
		:: !stopping -> state = DEGRADED; stale = true
		:: else
		fi;
		forget()
	};
#ifndef BREAK_LOSS_ASK
	if
	:: asks -> ask()
	:: else
	fi
#endif
}

proctype nmi()
{
	atomic { nmi_loss = true; stale_by_nmi = true };
	ask()
}

proctype cpu()
{
	bool asks;

	atomic {
		bracketed++;
#ifndef BREAK_BRACKET_FORGET
		forget()
#endif
	};
	/* Nobody who still believes is inside: synchronize_rcu(). What comes now is hidden. */
	atomic { stale = !stopping || stale };
	atomic {
		bracketed--;
		asks = !stopping;
		forget()
	};
#ifndef BREAK_BRACKET_ASK
	if
	:: asks -> ask()
	:: else
	fi
#endif
}

proctype worker()
{
	bool begun, goes_on;

end:
	do
	:: atomic { pending -> pending = false; running = true };
again:
		atomic {
#ifdef BREAK_OPEN_BRACKET
			begun = !stopping;
#else
			begun = !bracketed && !stopping;
#endif
			if
			:: begun ->
				if
				:: nmi_loss -> state = DEGRADED; nmi_loss = false
				:: else
				fi;
				forget()
			:: else
			fi;
			current = true
		};
		if
		:: !begun -> goto out
		:: else
		fi;
		/* dualbm_memory_forget_all() */
		atomic { stale = false; stale_by_nmi = false };
		atomic {
			goes_on = current;
			if
			:: goes_on -> mode = SETTLING
			:: else
			fi
		};
		if
		:: !goes_on -> goto again
		:: else
		fi;
		/* dualbm_hooks_watch() */
		if
		:: silences > 0 ->
			atomic {
				silences--;
				silent = true;
#ifdef BREAK_SILENT
			};
			atomic {
				state = DEGRADED
#else
				if
				:: current && !nmi_loss -> state = DEGRADED
				:: else
				fi
#endif
			};
			goto out
		:: skip
		fi;
		atomic {
#ifdef BREAK_ADVANCE
			goes_on = true;
#else
			goes_on = current;
#endif
			if
			:: goes_on -> mode = TRACKING
			:: else
			fi
		};
		if
		:: !goes_on -> goto again
		:: else
		fi;
		/* dualbm_learn_pass() */
#ifdef BREAK_FINISH_UNLOCKED
		goes_on = current;
		atomic {
			if
			:: goes_on && !nmi_loss -> state = ARMED
			:: else
			fi
		};
#else
		atomic {
			if
#ifdef BREAK_FINISH_GENERATION
			:: !nmi_loss -> state = ARMED
#else
#ifdef BREAK_FINISH_LOSS
			/* A word is stored as one. */
			:: current -> state = ARMED; nmi_loss = false
#else
			:: current && !nmi_loss -> state = ARMED
#endif
#endif
			:: else
			fi
		};
#endif
out:
		atomic { begun = false; goes_on = false; running = false }
	od
}

proctype watch()
{
end:
	do
	:: atomic { silent && !running -> silent = false };
		ask()
	od
}

proctype unload()
{
	if
	:: skip
	:: atomic {
			stopping = true;
			state = DISARMED;
			mode = OFF;
			current = false
		};
		atomic { pending = false };
		!running
	fi
}

/* One look at one word is what the monitor takes; this one is two, while a loss is known. */
#ifdef BREAK_LOSS_APART
proctype reader()
{
	byte seen;

	atomic { stale_by_nmi -> seen = state };
	atomic { assert(seen != ARMED || nmi_loss || !stale_by_nmi) }
}
#endif

#define RIGHT	((!SHOWN_ARMED || !(stale || stale_by_nmi)) && \
		 (mode != TRACKING || !stale) && \
		 ((mode == OFF) == (state == DISARMED)))
#define ENDED	(stopping || (SHOWN_ARMED && mode == TRACKING))

proctype monitor()
{
end:
	do
	:: atomic { !RIGHT -> assert(RIGHT) }
	:: timeout -> assert(ENDED); break
	od
}

init {
	atomic {
		run worker();
		run watch();
		run loss();
		run nmi();
		run cpu();
		run cpu();
		run unload();
#ifdef BREAK_LOSS_APART
		run reader();
#endif
		run monitor()
	}
}
