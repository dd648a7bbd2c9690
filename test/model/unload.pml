/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Unload: dualbm_exit() step by step, next to everybody who may still come: what the
 * table in docs/design.md says of each of them, tried in every order.
 *
 * Step of the model	Implementation
 * --------------------	---------------------------------------------------
 * unload()		dualbm.c: dualbm_exit()
 * hook()		an entry hook that asks (entry_unpoison()): its handler runs
 *			with preemption disabled
 * bracket()		dualbm_bracket_begin(), _end(): a callback that sleeps, and
 *			asks a while after it has looked
 * file()		a store to a file of the module's own that asks the scrubber
 * parameter()		a store to /sys/module/dualbm/parameters: possible until the
 *			kernel has taken the module's directory, after dualbm_exit()
 * scrubber()		dualbm_scrub.c: scrub()
 * worker()		dualbm_learn.c: relearn(), learn_rest()
 * watch()		dualbm_watchdog.c: watch(), for as long as run() asks for it
 * interrupt()		relearn_irq_work
 * late_report()	dualbm_report.c: late_work and uevent_work
 *
 * What must hold, always:
 * - nothing is put into a queue, and no thread is asked, that is no more;
 * - nobody looks at hooks that are being taken off, nor reads planes that are freed;
 * - when the module's memory goes nobody runs in it, and nothing is left that would.
 *
 * Each macro BREAK_* takes one step out, or puts two in the wrong order; the model must
 * then fail, and ../30-model.t sees to it.
 * covers: R-LOAD-1
 */

bool stopping;		/* mode_stopping, under mode_lock */
bool tracking = true;	/* the mode is not off */
bool files = true;	/* in sysfs and debugfs */
byte in_file;		/* active references to them */
bool parameters = true;	/* the module's own directory */
byte in_parameter;
bool hooks = true;	/* are attached */
byte in_hook;		/* handlers that run, which synchronize_rcu() waits for */
bool callbacks = true;	/* cpuhp states are there */
bool in_callback;	/* which their removal waits for */
bool queue = true;	/* dualbm_worker */
bool planes = true;
bool module = true;	/* its memory */
bool raised;		/* relearn_irq_work is on its way */
bool relearn_pending, rest_pending;
bool worker_runs;
bool watch_armed = true, watch_runs, watch_cancelled;
bool thread = true;	/* the scrubber */
bool thread_told;
bool report_raised, uevent_pending;

/* An irq_work that is raised already is raised once. */
inline ask()
{
	assert(module);
	raised = true
}

/* A handler of a hook: unpoison_memory() at any time, an event that finds something. */
proctype hook()
{
end:
	do
	:: atomic { hooks -> in_hook++ };
		if
		:: atomic { ask(); in_hook-- }
		:: atomic { tracking -> skip };
			/* A verdict looks at the planes, and may report. */
			atomic { assert(module && planes); report_raised = true; in_hook-- }
		:: atomic { !tracking -> assert(module); in_hook-- }
		fi
	od
}

/* A CPU that has arrived: under the lock it hears whether to ask, and then asks. */
proctype bracket()
{
end:
	do
	:: atomic { callbacks -> in_callback = true };
		if
		:: atomic { !stopping -> skip };
			ask()
		:: stopping
		fi;
		atomic { assert(module); in_callback = false }
	od
}

/* "now" into the file "scrub", and whoever reads the planes through a file. */
proctype file()
{
end:
	do
	:: atomic { files -> in_file++ };
		atomic { assert(module && thread && planes); in_file-- }
	od
}

/* It wakes whoever waits, if anybody does; all it touches is static. */
proctype parameter()
{
end:
	do
	:: atomic { parameters -> in_parameter++ };
		atomic { assert(module); in_parameter-- }
	od
}

/* It finds something, or asks for what is untracked to be learned, or for all of it. */
proctype scrubber()
{
end:
	do
	:: atomic { thread_told -> thread = false; break }
	:: atomic { !thread_told -> assert(module && planes) };
		if
		:: atomic { assert(queue && module && planes); rest_pending = true }
		:: atomic { assert(module && planes); report_raised = true }
		:: ask()
		fi
	od
}

/* The one worker of the queue. */
proctype worker()
{
end:
	do
	:: atomic { relearn_pending && queue -> relearn_pending = false; worker_runs = true };
		/* dualbm_mode_begin() */
		if
		:: atomic { !stopping -> skip };
			/* dualbm_hooks_watch(), and the sweeps */
			atomic { assert(module && planes && hooks); worker_runs = false }
		:: atomic { stopping -> assert(module); worker_runs = false }
		fi
	:: atomic { rest_pending && queue -> rest_pending = false; worker_runs = true };
		atomic { assert(module && planes); worker_runs = false }
	od
}

proctype watch()
{
end:
	do
	:: atomic { watch_armed -> watch_armed = false; watch_runs = true };
		if
		:: atomic { assert(module && hooks); ask() }
		:: skip
		fi;
		atomic {
			assert(module && hooks);
			watch_armed = !watch_cancelled;
			watch_runs = false
		}
	od
}

proctype interrupt()
{
end:
	do
	:: atomic { raised -> assert(module && queue); raised = false; relearn_pending = true }
	od
}

proctype late_report()
{
end:
	do
	:: atomic { report_raised -> assert(module); report_raised = false; uevent_pending = true }
	:: atomic { uevent_pending -> assert(module); uevent_pending = false }
	od
}

inline close_files()
{
	files = false;
	in_file == 0
}

inline mode_stop()
{
	atomic { stopping = true; tracking = false };
	in_hook == 0
}

inline scrub_exit()
{
	thread_told = true;
	!thread
}

inline watchdog_exit()
{
#ifndef BREAK_WATCH_CANCEL
	/* The watchdog ends, then what it has put into the queue. */
	atomic { watch_cancelled = true; watch_armed = false };
	!watch_runs
#else
	skip
#endif
}

inline learn_stop()
{
	/* A learning that begins later finds that the module is stopping. */
#ifndef BREAK_LEARN_CANCEL
	atomic { relearn_pending = false; rest_pending = false };
	!worker_runs
#else
	skip
#endif
}

inline hooks_detach()
{
	callbacks = false;
	!in_callback;
	hooks = false;
#ifndef BREAK_DETACH_RCU
	in_hook == 0
#else
	skip
#endif
}

inline learn_exit()
{
#ifndef BREAK_IRQ_SYNC
	!raised;
#endif
	/* destroy_workqueue() drains. */
	atomic { !relearn_pending && !rest_pending && !worker_runs -> queue = false }
}

inline memory_exit()
{
	planes = false
}

inline report_exit()
{
#ifndef BREAK_REPORT_SYNC
	!report_raised && !uevent_pending
#else
	skip
#endif
}

proctype unload()
{
#ifndef BREAK_FILES
	close_files();
#endif
#ifndef BREAK_STOP
	mode_stop();
#endif
#ifndef BREAK_SCRUB
	scrub_exit();
#endif
	watchdog_exit();
	learn_stop();
#ifdef BREAK_QUEUE_FIRST
	learn_exit();
	hooks_detach();
#else
	hooks_detach();
	learn_exit();
#endif
	memory_exit();
#ifdef BREAK_FILES
	close_files();
#endif
#ifdef BREAK_SCRUB
	scrub_exit();
#endif
	report_exit();
	/* free_module(): mod_sysfs_teardown(), and then the memory. */
	parameters = false;
	in_parameter == 0;
	atomic {
		assert(in_hook == 0 && !in_callback && in_file == 0);
		assert(!raised && !worker_runs && !watch_runs && !watch_armed);
		assert(!report_raised && !uevent_pending && !thread);
		module = false
	}
}

init
{
	atomic {
		run hook();
		run bracket();
		run file();
		run parameter();
		run scrubber();
		run worker();
		run watch();
		run interrupt();
		run late_report();
		run unload()
	}
}
