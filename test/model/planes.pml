/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who may change a frame: one frame's codeword under its own events, the
 * worker's sweeps and learning, CPU brackets and NMIs.
 *
 * A frame is four bits in four words. Neighbours in a word cannot disturb it,
 * because every store is an atomic operation on some bits; what can is a second
 * party in the middle of another's steps. So one frame is enough, every
 * operation on one of its bits is one step here, and Spin tries every order of
 * the steps. The allocator's own rules (at any time one party holds the frame)
 * stand in the claims: an atomic step that finds the frame at a resting place
 * and makes it BUSY.
 *
 * Step of the model		Implementation
 * -----------------------	-------------------------------------------
 * rule()			dualbm_bitmap.c: dualbm_rule()
 * move()			move_word(), dualbm_move_part()
 * rewrite()			rewrite_word()
 * settle()			settle_word()
 * forget()			dualbm_planes_forget()
 * act(), event(), nmi_event()	dualbm_event.c: move_event(), dualbm_event()
 * disqualify()			dualbm_chunks.c: dualbm_disqualify()
 * cpu(), nmi()			the allocator and those who own frames
 * unpoison()			dualbm_hooks.c: entry_unpoison()
 * bracket()			dualbm_mode.c: dualbm_bracket_begin(), _end()
 * set_mode(), stale		dualbm_mode_advance(), the generation
 * worker(), relearn		dualbm_learn.c: relearn(), and the sweep
 *				dualbm_memory_forget_all()
 * learn_free()			learn_block_free(), learn_pcp_free(), and
 *				dualbm_planes_learn()
 * worker(), learn allocated	learn_window(): weed_out_word(),
 *				drain_allocations(), learn_slice_stopped(),
 *				learn_word()
 * worker(), scrub		dualbm_trial.c: judge_stopped()
 * synchronize_rcu()		each handler is a section with preemption off
 * synchronize_rcu_tasks()	nobody sleeps between two events of one call
 *				(depart and free) or in a bulk allocation
 *
 * What must hold, always:
 * - no event finds what the rule table calls a violation: rule() asserts it;
 * - a frame that nobody is working on has a legal codeword;
 * - while tracking, a frame at rest that is recorded free is not owned, and
 *   one that is recorded allocated is owned: both in monitor().
 *
 * The steps are sequentially consistent. So are the kernel's where it matters:
 * value-returning atomics, and plain reads that one of them orders.
 *
 * Not modelled: events that a hook loses by a fault of its own (a missed kprobe);
 * a mismatch then is looked into before it is believed. Nor what happens after a
 * violation.
 *
 * Each macro BREAK_* takes one exclusion out; the model must then fail, and
 * ../30-model.t sees to it.
 * covers: R-EVENT-7 R-LOSS-3 R-LOSS-4 R-LEARN-1 R-LEARN-2 R-LEARN-3
 */

/* Bits of a codeword; the planes' names as in the design. */
#define A	9	/* allocated: primary, known */
#define F	10	/* free: secondary, known */
#define U	4	/* untracked */
#define D	7	/* departing: all but known */
#define LEGAL(c)	((c) == A || (c) == F || (c) == U || (c) == D)

bit p, s, u = 1, k;
#define CODE	(p + 2 * s + 4 * u + 8 * k)

/* Events. */
#define ALLOC		0
#define FREE		1
#define ISOLATE		2
#define PUTBACK		3
#define CHARGE		4
#define DEPART		5
#define BULK		6
#define FREE_POISONED	7
#define UNPOISON	8

/* Where the frame is. */
#define BUDDY		0	/* in a buddy list */
#define PCP		1	/* on a per-CPU list, which has its own lock */
#define PRIVATE		2	/* isolated, or in compaction's own list */
#define OWNED		3	/* its alloc event has come, or none will */
#define BUSY		4	/* somebody holds it, on the way */
#define OFF_BUDDY	5	/* poisoned, taken out of its buddy block */
#define DROPPED		6	/* poisoned, its free ended nowhere */

byte place;
bit refcount;		/* 1 from its preparation to the last put */
bit poison;		/* PageHWPoison */
bit in_flight;		/* an allocation holds it, its alloc event to come */
bit old_flight;		/* ... and did so when the worker last looked */
bit zone_lock;
bit pcp_lock;

/* What the handlers do. */
#define OFF		0
#define FORGET		1
#define SETTLE		2
#define TRACK		3

byte mode = OFF;
bit stale;		/* the generation is not the one the worker began with */
bit open;		/* a bracket is open */
bit candidate;
bit stopped;		/* stop_machine() */
bit working;		/* the worker's plane stores are half done */
bit nmi_active;
bit nmi_since;		/* an NMI's event began since the worker last looked */

#define NMI		2
bit handler[3];		/* in a section that synchronize_rcu() waits for */
bit inside[2];		/* in a hooked function that has events inside */

/*
 * The rule table, for a single frame: sets want. A violation ends the search.
 */
inline rule(e, old)
{
	d_step {
		assert(LEGAL(old));
		assert(!(e == ALLOC && old == A));
		assert(!(e == FREE && old == F));
		assert(!(e == ISOLATE && old == A));
		if
		:: e == ALLOC || e == BULK -> want = A
		:: e == FREE && old == D -> want = U
		:: e == FREE && old != D -> want = F
		:: e == ISOLATE || e == FREE_POISONED || e == UNPOISON -> want = U
		:: e == PUTBACK -> want = F
		:: e == CHARGE && old == F -> want = U
		:: e == CHARGE && old != F -> want = old
		:: e == DEPART -> want = D
		fi
	}
}

/* Bring the planes from now to want, one word at a time. */
inline settle()
{
	if
	:: (want & 1) != (now & 1) -> p = 1 - p
	:: else
	fi;
	if
	:: (want & 2) != (now & 2) -> s = 1 - s
	:: else
	fi;
	if
	:: (want & 4) != (now & 4) -> u = 1 - u
	:: else
	fi;
	if
	:: (want & 8) != (now & 8) -> k = 1 - k
	:: else
	fi
}

/*
 * An alloc or free event: take the token, give it, look at the third plane. Only if
 * one of them is not as expected the fourth one is read, and the rule looked up.
 */
inline move(e)
{
	if
	:: e == ALLOC ->
		d_step { old = 2 * s; s = 0 };
		d_step { old = old + p; p = 1 };
		old = old + 4 * u;
		want = 2;
		now = 1
	:: else ->
		d_step { old = p; p = 0 };
		d_step { old = old + 2 * s; s = 1 };
		old = old + 4 * u;
		want = 1;
		now = 2
	fi;
	if
	:: old != want ->
		old = old + 8 * k;
		now = (old & 12) + now;
		rule(e, old);
		settle()
	:: else
	fi
}

/* Every other event: look, then write what differs. */
inline rewrite(e)
{
	old = p;
	old = old + 2 * s;
	old = old + 4 * u;
	old = old + 8 * k;
	now = old;
	rule(e, old);
	settle()
}

/* Every store goes the same way, so any number may run at once. */
inline forget()
{
	u = 1;
	p = 0;
	s = 0;
	k = 0
}

inline disqualify()
{
#ifndef BREAK_DISQUALIFY
	candidate = 0
#else
	skip
#endif
}

/* What a handler does, once it has read the mode into m. */
inline act(e)
{
	if
	:: m == OFF
	:: m == FORGET || (m == SETTLE && e != DEPART) ->
#ifdef BREAK_DISQUALIFY_ORDER
		forget();
		disqualify()
#else
		disqualify();
		forget()
#endif
	:: m == SETTLE && e == DEPART ->
		disqualify();
		rewrite(e)
	:: m == TRACK && (e == ALLOC || e == FREE) ->
		move(e)
	:: m == TRACK && e != ALLOC && e != FREE ->
		disqualify();
		rewrite(e)
	fi;
	d_step { m = 0; old = 0; now = 0; want = 0 }
}

/*
 * An event, with preemption off. While a bracket is open it may be lost:
 * on one CPU in truth, on either one here.
 */
inline event(e)
{
	if
	:: open
	:: atomic { !stopped -> handler[me] = 1 };
		m = mode;
		act(e);
		handler[me] = 0
	fi
}

/* The same in an NMI, which no stop_machine() holds up. */
inline nmi_event(e)
{
	if
	:: open
	:: atomic { nmi_active = 1; nmi_since = 1 };
		m = mode;
		act(e);
		nmi_active = 0
	fi
}

/*
 * Whoever unpoisons a frame does not own it: no event of the frame, but the
 * end of believing any.
 */
inline unpoison()
{
#ifdef BREAK_UNPOISON
	event(UNPOISON)
#else
	atomic { !stopped -> mode = FORGET; stale = 1 }
#endif
}

/* The allocator, and the owners of the frame, on a CPU. */
proctype cpu(bit me)
{
	byte m, old, now, want;

end:
	do
	/* Lists: between buddy and per-CPU lists without any event. */
	:: atomic { place == BUDDY && !zone_lock && !pcp_lock -> place = PCP }
	:: atomic { place == PCP && !zone_lock && !pcp_lock -> place = BUDDY }

	/* An allocation; it may sleep anywhere before its alloc event. */
	:: atomic {
			(place == BUDDY && !zone_lock) ||
			(place == PCP && !pcp_lock) ->
			place = BUSY;
			in_flight = 1
		};
		refcount = 1;
		if
		:: event(CHARGE);
			if
			:: refcount = 0;	/* the charge failed */
				event(FREE);
				atomic {
					!pcp_lock;
					in_flight = 0;
					old_flight = 0;
					place = PCP
				};
				goto end
			:: skip
			fi
		:: skip
		fi;
		event(ALLOC);
		atomic { in_flight = 0; old_flight = 0; place = OWNED }

	/*
	 * The bulk allocator: prepared, and handed out at its exit. A single
	 * page is a case of its own, and so is one beyond the known slots.
	 */
	:: atomic { place == PCP && !pcp_lock -> place = BUSY; inside[me] = 1 };
		refcount = 1;
		if
		:: event(ALLOC)
		:: event(BULK)
		:: event(CHARGE)
		fi;
		atomic { place = OWNED; inside[me] = 0 }

	/* Isolation hooks the entry: it can still fail, and the block stays. */
	:: atomic { place == BUDDY && !zone_lock -> zone_lock = 1 };
		event(ISOLATE);
		atomic {
			if
			:: place = PRIVATE
			:: skip
			fi;
			zone_lock = 0
		}
	:: atomic { place == PRIVATE && !zone_lock -> place = BUSY; zone_lock = 1 };
		event(PUTBACK);
		atomic { place = BUDDY; zone_lock = 0 }

	/* Compaction hands a frame of its own list out, without an event. */
	:: atomic { place == PRIVATE -> refcount = 1; place = OWNED }

	/* ... and takes one back; another reference may hold it up. */
	:: atomic { place == OWNED -> place = BUSY; inside[me] = 1 };
		event(DEPART);
		if
		:: refcount = 0;
			event(FREE);
			atomic { place = PRIVATE; inside[me] = 0 }
		:: atomic { place = OWNED; inside[me] = 0 }
		fi

	/* Soft offlining takes a free frame out, or has one freed to nowhere. */
	:: atomic { place == BUDDY && !zone_lock -> place = BUSY };
		poison = 1;
		refcount = 1;
		place = OFF_BUDDY
	:: atomic { place == OWNED -> place = BUSY };
		poison = 1;
		refcount = 0;
		event(FREE_POISONED);
		refcount = 1;
		place = DROPPED

	/* The hook at the entry of unpoisoning, for any frame at any time. */
	:: unpoison()

	/* Unpoisoning puts the frame back silently, or frees it once more. */
	:: atomic { place == OFF_BUDDY && !zone_lock -> place = BUSY; zone_lock = 1 };
		refcount = 0;
		poison = 0;
		atomic { place = BUDDY; zone_lock = 0 }
	:: atomic { place == DROPPED -> place = BUSY };
		poison = 0;
		refcount = 0;
		event(FREE);
		atomic { !pcp_lock -> place = PCP }

	/* An owner accounts a frame to a cgroup, or frees it. */
	:: atomic { place == OWNED -> place = BUSY };
		event(CHARGE);
		place = OWNED
	:: atomic { place == OWNED -> place = BUSY };
		refcount = 0;
		event(FREE);
		if
		:: atomic { !pcp_lock -> place = PCP }
		:: atomic { !zone_lock -> place = BUDDY }
		fi
	od
}

/*
 * An NMI that allocates or frees. It takes zone->lock only if it is free.
 * To RCU it is a handler as a whole.
 */
proctype nmi()
{
	byte m, old, now, want;

end:
	do
	:: atomic {
			(place == BUDDY && !zone_lock) ||
			(place == PCP && !pcp_lock) ->
			place = BUSY;
			handler[NMI] = 1
		};
		refcount = 1;
		if
		:: nmi_event(CHARGE);
			if
			:: refcount = 0;
				nmi_event(FREE);
				atomic { place = PCP; handler[NMI] = 0 };
				goto end
			:: skip
			fi
		:: skip
		fi;
		nmi_event(ALLOC);
		atomic { place = OWNED; handler[NMI] = 0 }
	:: atomic { place == OWNED -> place = BUSY; handler[NMI] = 1 };
		refcount = 0;
		nmi_event(FREE);
		atomic { place = PCP; handler[NMI] = 0 }
	od
}

/*
 * A CPU goes down, or a system sleeps. The mode comes first: an event can only
 * be lost after it.
 */
proctype bracket()
{
end:
	do
	:: atomic { !open && !stopped -> open = 1; mode = FORGET; stale = 1 };
		atomic { !stopped -> open = 0; mode = FORGET; stale = 1 }
	od
}

/* Handlers that have begun come to an end, one after the other. */
inline synchronize_rcu()
{
	!handler[0];
	!handler[1];
	!handler[NMI]
}

inline synchronize_rcu_tasks()
{
	!inside[0];
	!inside[1]
}

/* A change of mode is a compare-and-set with the generation. */
inline set_mode(to)
{
	atomic {
		if
#ifndef BREAK_GENERATION
		:: stale -> goto relearn
#endif
		:: else -> mode = to
		fi
	}
}

/* The four words of a codeword, one after the other. */
inline look()
{
	c = 4 * u;
	c = c + p;
	c = c + 2 * s;
	c = c + 8 * k
}

inline learn_free(list)
{
	if
	:: place == list ->
		look();
		if
		:: c == U ->
			working = 1;
			s = 1;
			u = 0;
			k = 1;
			working = 0
		:: else
		fi;
		c = 0
	:: else
	fi
}

#ifndef BREAK_LIST_LOCK
#define LOCK(lock)	atomic { !lock -> lock = 1 }
#define UNLOCK(lock)	lock = 0
#else
#define LOCK(lock)	skip
#define UNLOCK(lock)	skip
#endif

proctype worker()
{
	byte c;
	bit mine;

relearn:
	/* The generation is only worth something when no bracket is open. */
	atomic {
#ifndef BREAK_OPEN_BRACKET
		!open;
#endif
		stale = 0;
		mode = FORGET
	};
#ifndef BREAK_FORGET_RCU
	synchronize_rcu();
#endif
	/* The sweep: handlers that run now do the same stores. */
	working = 1;
	forget();
	working = 0;
#ifndef BREAK_SETTLE
	set_mode(SETTLE);
#endif
#ifndef BREAK_SETTLE_DRAIN
	synchronize_rcu_tasks();
	synchronize_rcu();
#endif
	set_mode(TRACK);

end:
	do
	/* A loss was counted, or a bracket: from the beginning. */
	:: goto relearn

	/* Learn free: what lies on a list cannot have an event, under its lock. */
	:: LOCK(zone_lock);
		learn_free(BUDDY);
		UNLOCK(zone_lock)
	:: LOCK(pcp_lock);
		learn_free(PCP);
		UNLOCK(pcp_lock)

	/* Learn allocated: publish a candidate, look for evidence. */
	:: candidate = 1;
#ifndef BREAK_CANDIDATE_RCU
		synchronize_rcu();
#endif
#ifndef BREAK_EVIDENCE_LOCK
		atomic { !zone_lock -> zone_lock = 1 };
#endif
		look();
		if
#ifndef BREAK_EVIDENCE_CODE
		:: c != U || !refcount -> candidate = 0
#else
		:: (c & U) == 0 || !refcount -> candidate = 0
#endif
		:: else
		fi;
		c = 0;
		/* A poisoned frame returns to its list, silently, under the lock. */
#ifndef BREAK_POISON_EVIDENCE
		if
		:: poison -> candidate = 0
		:: else
		fi;
#endif
#ifndef BREAK_EVIDENCE_LOCK
		zone_lock = 0;
#endif
		if
		:: !candidate -> goto end
		:: else
		fi;
		/* A reference count is no evidence while an allocation runs. */
#ifndef BREAK_FLIGHT_DRAIN
		old_flight = in_flight;
		!old_flight;
#endif
#ifndef BREAK_BULK_DRAIN
		synchronize_rcu_tasks();
#endif
		synchronize_rcu();
#ifndef BREAK_STOP_MACHINE
		atomic { !handler[0] && !handler[1] -> stopped = 1 };
#endif
		if
#ifndef BREAK_GENERATION
		:: stale ->
			atomic { candidate = 0; stopped = 0 };
			goto relearn
#endif
		:: else
		fi;
#ifndef BREAK_NMI_FORGET
		mode = FORGET;
#endif
#ifndef BREAK_NMI_WAIT
		!nmi_active;
#endif
		mine = candidate;
		mine = mine && u;
		mine = mine && !p;
		mine = mine && !s;
		mine = mine && !k;
		if
		:: mine ->
			working = 1;
			p = 1;
			u = 0;
			k = 1;
#ifndef BREAK_RECHECK
			/* An NMI came in between: it has, or will have, the last word. */
			if
			:: !candidate -> forget()
			:: else
			fi;
#endif
			working = 0
		:: else
		fi;
		mine = 0;
		atomic {
			if
			:: !stale -> mode = TRACK
			:: else
			fi;
			candidate = 0;
			stopped = 0
		}

	/* Scrub: an illegal codeword that stays is one; others are on their way. */
	:: look();
		if
		:: LEGAL(c) -> goto looked
		:: else
		fi;
		synchronize_rcu();
		look();
		if
		:: LEGAL(c) -> goto looked
		:: else
		fi;
#ifndef BREAK_SCRUB_STOP
		atomic { !handler[0] && !handler[1] -> stopped = 1 };
#endif
		nmi_since = 0;
		!nmi_active;
		look();
#ifdef BREAK_SCRUB_NMI
		assert(LEGAL(c));
#else
		assert(LEGAL(c) || nmi_since);
#endif
		stopped = 0;
looked:
		c = 0
	od
}

#define QUIET	(!handler[0] && !handler[1] && !handler[NMI] && !working)

/* Each line can only be taken when something is wrong. */
proctype monitor()
{
end:
	if
	:: atomic { QUIET && !LEGAL(CODE) -> assert(false) }
	:: atomic { mode == TRACK && QUIET && CODE == F &&
		    (place == OWNED || place == PRIVATE) -> assert(false) }
	:: atomic { mode == TRACK && QUIET && CODE == A &&
		    (place == BUDDY || place == PCP || place == PRIVATE) ->
		    assert(false) }
	fi
}

init
{
	atomic {
		/* The module is loaded: any frame, nothing known. */
		if
		:: place = BUDDY
		:: place = PCP
		:: place = PRIVATE
		:: place = OWNED; refcount = 1
		fi;
		/* Handlers begin to work when all hooks are there, as settling. */
		if
		:: mode = OFF
		:: mode = SETTLE
		fi;
		run cpu(0);
		run cpu(1);
		run nmi();
		run bracket();
		run worker();
		run monitor()
	}
}
