/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * dualbm: what the rooms of the module tell each other.
 *
 * Data flows one way: hook -> event -> planes -> verdict -> report -> policy.
 */
#ifndef DUALBM_H
#define DUALBM_H

#include <linux/atomic.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/mmzone.h>
#include <linux/mutex.h>
#include <linux/percpu.h>
#include <linux/sched.h>
#include <linux/types.h>

#include "dualbm_bitmap.h"
#include "dualbm_compat.h"

#undef pr_fmt
#define pr_fmt(fmt) "dualbm: " fmt

/* ------------------------------------------------------------------ */
/* Modes: what an event does (dualbm_event.c, dualbm_mode.c)           */
/* ------------------------------------------------------------------ */

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

/* Any context reads it; stored under a lock, or while all CPUs are stopped. */
extern enum dualbm_mode dualbm_mode;

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
 * dualbm_set_state() - change what the file "state" says
 * @state: the new state
 * @why: of degraded, what the file "state_reason" says, a constant; else NULL
 *
 * Emits the trace event dualbm:state on a change, and a log line when it is one
 * to armed.
 *
 * Context: Any; takes no lock.
 */
void dualbm_set_state(enum dualbm_state state, const char *why);

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
 * dualbm_state_reason() - why the state is not armed
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
 *
 * For a kernel that the tests do not go through: all is done but the panic, and
 * the file "state" says degraded where it would say armed.
 *
 * Context: Module init, before dualbm_mode_start().
 */
void dualbm_mode_withhold(void);

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
 * Return: "disarmed", "learning", "armed" or "degraded".
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

/* ------------------------------------------------------------------ */
/* Counters                                                            */
/* ------------------------------------------------------------------ */

/* The lines of "stats", in order; append only. */
enum dualbm_stat {
	DUALBM_STAT_ALLOC_EVENTS,
	DUALBM_STAT_ALLOC_PAGES,
	DUALBM_STAT_FREE_EVENTS,
	DUALBM_STAT_FREE_PAGES,
	DUALBM_STAT_FORGET_EVENTS,
	DUALBM_STAT_VIOLATIONS,
	DUALBM_STAT_DOUBLE_ALLOC,
	DUALBM_STAT_DOUBLE_FREE,
	DUALBM_STAT_BOUNDARY_DOUBLE_FREE,
	DUALBM_STAT_PLANE_CORRUPTION,
	DUALBM_STAT_DIRECTORY_CORRUPTION,
	DUALBM_STAT_ALLOCATOR_CORRUPTION,
	DUALBM_STAT_UNPROVEN,
	DUALBM_STAT_CORRECTED,
	DUALBM_STAT_HOOKS_MISSED,
	DUALBM_STAT_COVERAGE_GAPS,
	DUALBM_STAT_RELEARNS,
	DUALBM_STAT_PAGES_MANAGED,
	DUALBM_STAT_PAGES_ALLOCATED,
	DUALBM_STAT_PAGES_FREE,
	DUALBM_STAT_PAGES_UNTRACKED,
	DUALBM_STAT_PLANE_BYTES,
	DUALBM_STAT_SCRUB_PASSES,
	DUALBM_STAT_AUDIT_PASSES,
	DUALBM_STAT_SELFTEST_PASSES,
	DUALBM_NR_STATS
};

/* The sources of events; one row each in the hook table. */
enum dualbm_hook_id {
	DUALBM_HOOK_ALLOC,
	DUALBM_HOOK_FREE,
	DUALBM_HOOK_ISOLATE,
	DUALBM_HOOK_PUTBACK,
	DUALBM_HOOK_CHARGE,
	DUALBM_HOOK_DEPART,
	DUALBM_HOOK_BULK,
	DUALBM_HOOK_UNPOISON,
	DUALBM_HOOK_MEMORY,
	DUALBM_HOOK_CPU,
	DUALBM_HOOK_BOUNDARY_ALLOC,
	DUALBM_HOOK_BOUNDARY_FREE,
	DUALBM_NR_HOOKS
};

/* Blocks of 2^31 frames and more share a counter; there are none. */
#define DUALBM_COUNTED_ORDERS	32

struct dualbm_counters {
	u64 stat[DUALBM_NR_STATS];
	u64 alloc[DUALBM_COUNTED_ORDERS];	/* alloc events by order */
	u64 free[DUALBM_COUNTED_ORDERS];	/* free events by order */
	u64 hits[DUALBM_NR_HOOKS];	/* events that a hook delivered */
	u64 canary[DUALBM_NR_HOOKS];	/* canary calls that a hook delivered */
};

DECLARE_PER_CPU(struct dualbm_counters, dualbm_counters);

/**
 * dualbm_count() - add 1 to a line of "stats"
 * @id: which, of enum dualbm_stat
 *
 * Context: Any, NMI included: this_cpu_inc() is one instruction on amd64, and one
 * atomic operation on arm64 (asm/percpu.h of both, 6.1 and 6.12).
 */
#define dualbm_count(id)	this_cpu_inc(dualbm_counters.stat[id])

/**
 * dualbm_count_add() - add a number to a line of "stats"
 * @id: which, of enum dualbm_stat
 * @n: how much to add
 *
 * Context: As dualbm_count().
 */
#define dualbm_count_add(id, n)	this_cpu_add(dualbm_counters.stat[id], n)

/**
 * dualbm_count_order() - count an alloc or free event by its order
 * @which: alloc or free, the member of struct dualbm_counters
 * @order: any; counted modulo %DUALBM_COUNTED_ORDERS
 *
 * Context: As dualbm_count().
 */
#define dualbm_count_order(which, order) \
	this_cpu_inc(dualbm_counters.which[(order) % DUALBM_COUNTED_ORDERS])

/**
 * dualbm_hit() - count that a hook has delivered
 * @id: which, of enum dualbm_hook_id
 *
 * The two tracepoints count by dualbm_count_order() instead.
 *
 * Context: As dualbm_count().
 */
#define dualbm_hit(id)		this_cpu_inc(dualbm_counters.hits[id])

/* ------------------------------------------------------------------ */
/* Parameters (dualbm.c)                                               */
/* ------------------------------------------------------------------ */

enum dualbm_reaction { DUALBM_REPORT, DUALBM_PANIC };

/* What the parameters of these names say; most may change at any time. */
extern enum dualbm_reaction dualbm_policy;
extern enum dualbm_reaction dualbm_on_degraded;
extern bool dualbm_boundary;
extern bool dualbm_repair;
extern bool dualbm_inject;
extern bool dualbm_allow_untested;
extern unsigned int dualbm_scrub_interval_ms;

/**
 * dualbm_reaction_parse() - read "report" or "panic"
 * @what: whose value it is, for the message
 * @text: the word, with or without a newline at its end
 * @reaction: where it goes
 *
 * Mirrors __sysfs_match_string() (lib/string_helpers.c, 6.1 and 6.12).
 *
 * Context: Process; takes no lock.
 *
 * Return: 0, or -EINVAL with *@reaction unchanged and a log line that says what
 * is accepted.
 */
int dualbm_reaction_parse(const char *what, const char *text,
			  enum dualbm_reaction *reaction);

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
 * dualbm_reaction_name() - the word for a reaction
 * @reaction: the reaction
 *
 * Context: Any.
 *
 * Return: "report" or "panic".
 */
const char *dualbm_reaction_name(enum dualbm_reaction reaction);

/* ------------------------------------------------------------------ */
/* Memory: chunks and their directory (dualbm_memory.c)                */
/* ------------------------------------------------------------------ */

/**
 * struct dualbm_chunk - one memory section that is online
 * @list: in order of PFN, under dualbm_memory_lock; RCU for readers
 * @gone: where it waits for readers to leave, when its memory is offline
 * @start_pfn: its first frame
 * @present: a bit for each subsection (2 MiB) that exists
 * @node: the node of its memory
 * @planes: its planes
 * @check: a check value of @start_pfn and @planes, so that the record is a
 *	witness when the two copies of the directory disagree
 * @flags: %DUALBM_CHUNK_ACCUSED
 * @corrections: how often the scrubber found a page of each plane wrong
 * @untracked: how many frames of each word were untracked at the last scrub
 * @noted: the value of dualbm_learn_rounds then
 * @departing: a mask, by word, of frames that have been departing since
 *	@departing_time; NULL if there are none
 * @departing_time: in jiffies
 *
 * The last four are the scrubber's alone.
 */
struct dualbm_chunk {
	struct list_head list;
	struct list_head gone;
	unsigned long start_pfn;
	u64 present;
	int node;
	unsigned long *planes;
	unsigned long check;
	unsigned long flags;
	unsigned int corrections[DUALBM_NR_PLANES];
	u8 untracked[DUALBM_PLANE_WORDS];
	unsigned long noted;
	unsigned long *departing;
	unsigned long departing_time;
};

/* A bit of dualbm_chunk.flags: an event has reported its entry in the directory. */
#define DUALBM_CHUNK_ACCUSED	0

#define DUALBM_LEAF_SHIFT	(PAGE_SHIFT - 3)
#define DUALBM_LEAF_ENTRIES	BIT(DUALBM_LEAF_SHIFT)

/**
 * struct dualbm_directory - where a chunk's planes are
 * @leaves: how many leaves the two roots point to
 * @root: two roots, the second one complemented, on different nodes if possible
 *
 * A root entry points to a leaf: two pages in a row, each entry of the second
 * one the complement of the first one's. A wiped copy, or a flip in either, is
 * seen by the lookup before a pointer is followed.
 */
struct dualbm_directory {
	unsigned long leaves;
	unsigned long *root[2];
};

extern struct dualbm_directory dualbm_directory;
/* Guards dualbm_chunks and what a chunk says of itself, but not its planes. */
extern struct mutex dualbm_memory_lock;
extern struct list_head dualbm_chunks;

/* Counts the changes to the list of chunks, under dualbm_memory_lock. */
extern unsigned long dualbm_chunks_version;

/*
 * Memory is going offline now; under dualbm_memory_lock. A zone that loses its last
 * block loses its per-CPU lists: zone_pcp_reset(), mm/page_alloc.c.
 */
extern bool dualbm_memory_leaving;

/**
 * dualbm_copies_map() - copies of something, away from each other, mapped in a row
 * @node: near which the first copy shall lie
 * @copies: 2, or 3
 * @pages_each: how many pages a copy has
 *
 * The second copy goes to the nearest other node with memory, or far away on the only
 * one, and a third to a third node or beside the first.
 *
 * Context: Process; sleeps.
 *
 * Return: the first copy's address, for vfree(), or NULL without enough memory.
 */
void *dualbm_copies_map(int node, int copies, int pages_each);

/**
 * dualbm_mapped_phys() - where a byte of such memory lies
 * @address: its address
 *
 * Context: Any, as long as it is mapped.
 *
 * Return: the physical address.
 */
phys_addr_t dualbm_mapped_phys(const void *address);

/**
 * dualbm_check_value() - what goes with a pointer in a record
 * @key: what the record is for
 * @address: the pointer
 *
 * A flip in either of the two, or in the check value, makes them disagree.
 *
 * Context: Any.
 *
 * Return: the check value.
 */
static inline unsigned long dualbm_check_value(unsigned long key, const void *address)
{
	return key * 0x9e3779b97f4a7c15UL ^ ~(unsigned long)address;
}

/* What a lookup returns when the two copies of an entry disagree. */
#define DUALBM_LOOKUP_CORRUPT	((unsigned long *)1)

/**
 * dualbm_lookup_in() - the planes that hold a frame, by a given directory
 * @directory: dualbm_directory, or one for a test
 * @pfn: any number; frames of no memory are allowed
 *
 * A chunk is a section, and the directory has two levels as the kernel's own
 * has (include/linux/mmzone.h, __nr_to_section(), 6.1 and 6.12).
 *
 * Context: Any; takes no lock. While the result is used, preemption is
 * disabled, or rcu_read_lock() or dualbm_memory_lock held: memory that goes
 * offline frees its chunk after synchronize_rcu().
 *
 * Return: the planes of the frame's chunk, NULL if no chunk holds it, or
 * %DUALBM_LOOKUP_CORRUPT.
 */
static __always_inline unsigned long *
dualbm_lookup_in(const struct dualbm_directory *directory, unsigned long pfn)
{
	unsigned long section = pfn >> DUALBM_CHUNK_SHIFT;
	unsigned long leaf = section >> DUALBM_LEAF_SHIFT;
	unsigned long entry, *slot;

	if (unlikely(leaf >= directory->leaves))
		return NULL;
	entry = READ_ONCE(directory->root[0][leaf]);
	if (unlikely((entry ^ READ_ONCE(directory->root[1][leaf])) != ~0UL))
		return DUALBM_LOOKUP_CORRUPT;
	slot = (unsigned long *)entry + section % DUALBM_LEAF_ENTRIES;
	entry = READ_ONCE(slot[0]);
	if (unlikely((entry ^ READ_ONCE(slot[DUALBM_LEAF_ENTRIES])) != ~0UL))
		return DUALBM_LOOKUP_CORRUPT;
	return (unsigned long *)entry;
}

/**
 * dualbm_lookup() - the planes that hold a frame
 * @pfn: any number; frames of no memory are allowed
 *
 * Context: as dualbm_lookup_in().
 *
 * Return: as dualbm_lookup_in().
 */
static __always_inline unsigned long *dualbm_lookup(unsigned long pfn)
{
	return dualbm_lookup_in(&dualbm_directory, pfn);
}

/**
 * dualbm_chunk_record() - find a chunk without the directory
 * @pfn: any number; frames of no memory are allowed
 *
 * Walks the list of chunks: for when the directory's copies disagree.
 *
 * Context: as dualbm_lookup().
 *
 * Return: the chunk that holds the frame, if its check value is right, or NULL.
 */
struct dualbm_chunk *dualbm_chunk_record(unsigned long pfn);

/**
 * dualbm_planes_at() - the planes that hold a frame
 * @pfn: any number; frames of no memory are allowed
 *
 * Context: as dualbm_lookup().
 *
 * Return: the planes of the frame's chunk, from its record if the directory's
 * copies disagree; NULL if no chunk holds it.
 */
static __always_inline unsigned long *dualbm_planes_at(unsigned long pfn)
{
	unsigned long *planes = dualbm_lookup(pfn);
	const struct dualbm_chunk *chunk;

	if (likely(planes != DUALBM_LOOKUP_CORRUPT))
		return planes;
	chunk = dualbm_chunk_record(pfn);
	return chunk ? chunk->planes : NULL;
}

/**
 * struct dualbm_directory_fault - what dualbm_directory_check() found
 * @pfn: first frame that the entry is for
 * @frames: how many frames
 * @copies: a bit for each copy that was wrong
 * @phys: where the first of them lies
 * @repaired: it was put right
 */
struct dualbm_directory_fault {
	unsigned long pfn;
	unsigned long frames;
	unsigned int copies;
	phys_addr_t phys;
	bool repaired;
};

/**
 * dualbm_directory_check() - look at some entries of the directory
 * @position: where to begin, 0 at first; moved on
 * @fault: filled in if an entry was wrong
 *
 * An entry is judged by the record of its chunk or leaf, and put right.
 *
 * Context: Process; dualbm_memory_lock held. Some hundred entries at a time.
 *
 * Return: 1 if a fault was found, 0 if not, -ENOENT at the end of the directory.
 */
int dualbm_directory_check(unsigned long *position,
			   struct dualbm_directory_fault *fault);

/**
 * dualbm_directory_steps() - how many calls dualbm_directory_check() takes
 *
 * Context: Process; dualbm_memory_lock held.
 *
 * Return: the number, if there is no fault.
 */
unsigned long dualbm_directory_steps(void);

/**
 * dualbm_memory_renew() - move a chunk's planes to fresh pages
 * @pfn: the chunk's first frame
 * @plane: the plane of which a page is not to be used again
 * @byte: offset in the plane of any byte of that page
 * @phys: filled in with where that page lies
 *
 * The page is kept, out of use, until the module is unloaded. What the planes
 * say is copied while all CPUs are stopped.
 *
 * Context: The scrubber; sleeps. Takes dualbm_memory_lock.
 *
 * Return: 0, -ENOMEM, or -ENOENT if the chunk has gone.
 */
int dualbm_memory_renew(unsigned long pfn, enum dualbm_plane plane,
			unsigned long byte, phys_addr_t *phys);

/**
 * dualbm_planes_map() - memory for the planes of a chunk
 * @node: the node of the memory that they describe
 *
 * Context: Process; sleeps.
 *
 * Return: where they are, not filled in, to be freed by vfree(); or NULL.
 */
unsigned long *dualbm_planes_map(int node);

/**
 * dualbm_directory_set() - make the directory find planes, or nothing
 * @start_pfn: a chunk's first frame
 * @node: near which the entry shall lie, if it needs a new leaf
 * @planes: the planes, filled in, or NULL
 *
 * Context: Process; dualbm_memory_lock held; sleeps.
 *
 * Return: 0, -ENOMEM, or -ERANGE for a frame that the architecture cannot have.
 */
int dualbm_directory_set(unsigned long start_pfn, int node, unsigned long *planes);

/**
 * dualbm_directory_repoint() - exchange the planes of a chunk
 * @pfn: of any frame of the chunk
 * @planes: what is found from now on
 *
 * Context: All CPUs have stopped, and nobody holds dualbm_memory_lock.
 *
 * Return: 0, or -ENOENT if no leaf's record is right for it.
 */
int dualbm_directory_repoint(unsigned long pfn, unsigned long *planes);

/**
 * dualbm_directory_bytes() - what the directory takes
 *
 * Context: dualbm_memory_lock held.
 *
 * Return: the number of bytes.
 */
u64 dualbm_directory_bytes(void);

/**
 * dualbm_directory_init() - make an empty directory
 *
 * Context: Module init; sleeps.
 *
 * Return: 0, or -ENOMEM with a log line; then dualbm_directory_exit() is due too.
 */
int dualbm_directory_init(void);

/**
 * dualbm_directory_exit() - undo dualbm_directory_init()
 *
 * Context: Module exit, or init that fails, when no event comes any more.
 */
void dualbm_directory_exit(void);

/**
 * dualbm_directory_flip() - spoil the directory, for injection
 * @pfn: a frame; the entry of its chunk is meant
 * @copy: 0 or 1
 *
 * Context: Process; sleeps. Takes dualbm_memory_lock.
 *
 * Return: 0, or -ENXIO if no chunk holds the frame.
 */
int dualbm_directory_flip(unsigned long pfn, unsigned int copy);

/**
 * dualbm_planes_phys() - where a byte of a plane is
 * @planes: the chunk's planes
 * @plane: which of them
 * @byte: offset in the plane, below %DUALBM_PLANE_BYTES
 *
 * Context: Any; as long as the planes stay, see dualbm_lookup().
 *
 * Return: the physical address.
 */
phys_addr_t dualbm_planes_phys(unsigned long *planes, enum dualbm_plane plane,
			       unsigned long byte);

/**
 * dualbm_directory_confirm() - is a disagreement in the directory real
 * @pfn: the frame whose lookup said so
 *
 * An entry that the memory notifier is just storing disagrees too. Mirrors the
 * reader's side of a seqcount, without waiting (include/linux/seqlock.h,
 * raw_read_seqcount(), 6.1 and 6.12).
 *
 * Context: Any, NMI included.
 *
 * Return: true if it is still there and nobody stored entries meanwhile.
 */
bool dualbm_directory_confirm(unsigned long pfn);

/**
 * dualbm_memory_init() - make planes for all memory that is online
 *
 * Registers the memory notifier first, so that memory which comes meanwhile is
 * not missed: online_pages() calls it before the first frame is freed, and
 * offline_pages() after the last has gone (mm/memory_hotplug.c, 6.1 and 6.12).
 * From then on the notifier makes and drops chunks.
 *
 * Context: Module init; sleeps. Takes dualbm_memory_lock.
 *
 * Return: 0, -ENOMEM with a log line that says how much was needed, or with
 * another what register_memory_notifier() says. After an error nothing is left.
 */
int dualbm_memory_init(void);

/**
 * dualbm_memory_exit() - undo dualbm_memory_init()
 *
 * Context: Module exit, or init that fails; sleeps. Takes dualbm_memory_lock.
 * No handler may run any more, nor the worker.
 */
void dualbm_memory_exit(void);

/**
 * dualbm_subsection_present() - does a 2 MiB subsection of a chunk exist
 * @chunk: the chunk
 * @frame: index in the chunk of any frame of the subsection
 *
 * Mirrors pfn_section_valid() (include/linux/mmzone.h, 6.1 and 6.12), for
 * memory that is online.
 *
 * Context: dualbm_memory_lock held.
 *
 * Return: true if the subsection is online, or comes online now.
 */
static inline bool dualbm_subsection_present(const struct dualbm_chunk *chunk,
					     unsigned long frame)
{
	return chunk->present >> (frame / PAGES_PER_SUBSECTION) & 1;
}

/**
 * dualbm_plane_phys() - where a byte of a plane is, for placement and tests
 * @chunk: the chunk
 * @plane: which of its planes
 * @byte: offset in the plane, below %DUALBM_PLANE_BYTES
 *
 * Context: dualbm_memory_lock held, so that the chunk stays.
 *
 * Return: the physical address of the byte; neighbouring pages of a plane need
 * not be neighbours in memory.
 */
phys_addr_t dualbm_plane_phys(const struct dualbm_chunk *chunk,
			      enum dualbm_plane plane, unsigned long byte);

/**
 * struct dualbm_census - what the planes say in all
 * @managed: frames of all subsections that exist
 * @allocated: of them, frames with the codeword for allocated
 * @free: frames with the codeword for free
 * @untracked: frames that are not known, an illegal codeword with the untracked
 *	bit among them; other illegal codewords are in no number but @managed
 * @departing: frames with the codeword for departing
 * @bytes: what the planes and the directory take
 */
struct dualbm_census {
	u64 managed, allocated, free, untracked, departing, bytes;
};

/**
 * dualbm_memory_census() - count the frames of all chunks by state
 * @census: filled in
 *
 * Not a snapshot: events go on.
 *
 * Context: Process; sleeps. Takes dualbm_memory_lock.
 */
void dualbm_memory_census(struct dualbm_census *census);

/**
 * dualbm_memory_forget_all() - make every frame untracked
 *
 * Context: Worker, in mode forgetting, after synchronize_rcu(): events beside
 * it forget too, and stores of that kind go with each other in any order.
 * Sleeps; takes dualbm_memory_lock.
 */
void dualbm_memory_forget_all(void);

/* ------------------------------------------------------------------ */
/* Events (dualbm_event.c)                                             */
/* ------------------------------------------------------------------ */

/**
 * dualbm_event() - an event on 2^@order frames
 * @event: what happened
 * @pfn: first frame
 * @order: 0 to 18 and more, below %BITS_PER_LONG; a block may span chunks and
 *	need not be aligned
 *
 * Does what the mode says: nothing, forget, or carry out the rule table. A
 * broken rule goes to dualbm_verdict(); a frame that no chunk holds counts as
 * a coverage gap.
 *
 * Context: Any, NMI included. Allocates nothing, and takes no lock unless a
 * rule is broken. Before 7.0 the caller has preemption disabled; from then on,
 * and on PREEMPT_RT, this does it. The caller owns the frames: by the
 * allocator's own rules for the two tracepoints, under zone->lock for isolate
 * and putback.
 */
void dualbm_event(enum dualbm_event_type event, unsigned long pfn,
		  unsigned int order);

/**
 * dualbm_probe_alloc() - the probe of tracepoint mm_page_alloc
 * @data: unused
 * @page: first page of the block, NULL for an allocation that failed
 * @order: of the block
 * @gfp: unused
 * @migratetype: unused
 *
 * Mirrors trace_mm_page_alloc(), the last thing that __alloc_pages() (6.1) and
 * __alloc_pages_noprof() (6.12) do with a block before they return it
 * (mm/page_alloc.c; the prototype is that of include/trace/events/kmem.h).
 *
 * Context: Any. Before 7.0 the tracepoint disables preemption, from then on the
 * probe does.
 */
void dualbm_probe_alloc(void *data, struct page *page, unsigned int order,
			gfp_t gfp, int migratetype);

/**
 * dualbm_probe_free() - the probe of tracepoint mm_page_free
 * @data: unused
 * @page: first page of the block
 * @order: of the block
 *
 * Mirrors trace_mm_page_free() in free_pages_prepare() (mm/page_alloc.c, 6.1
 * and 6.12): once for each block, before it can reach any list. The same
 * function then drops a single HWPoison page instead of listing it.
 *
 * Context: As dualbm_probe_alloc().
 */
void dualbm_probe_free(void *data, struct page *page, unsigned int order);

/**
 * dualbm_forget_range() - make frames untracked
 * @pfn: first frame
 * @frames: how many; the range may span chunks, and frames of no chunk are
 *	passed over
 *
 * Always allowed, whoever owns the frames: see dualbm_planes_forget().
 *
 * Context: Any, NMI included; preemption disabled. Takes no lock.
 */
void dualbm_forget_range(unsigned long pfn, unsigned long frames);

/* ------------------------------------------------------------------ */
/* Verdict, proof and report                                           */
/* ------------------------------------------------------------------ */

enum dualbm_proof {
	DUALBM_UNPROVEN,
	DUALBM_PROOF_BUDDY,	/* a PageBuddy block covers it, under zone->lock */
	DUALBM_PROOF_PCP,	/* on a per-CPU list, under its lock */
	DUALBM_PROOF_OWNER,	/* the old owner's marks are in struct page */
	DUALBM_PROOF_RECORD,	/* no free event was lost since it was recorded */
	DUALBM_PROOF_PLANES,	/* the event owned the frame and found no codeword */
	DUALBM_PROOF_STOPPED,	/* still there when all CPUs had stopped */
	DUALBM_PROOF_DIRECTORY,	/* two copies of an entry disagree */
	DUALBM_NR_PROOFS
};

/* Who says what a frame really is, when its codeword is illegal. */
enum dualbm_witness {
	DUALBM_NO_WITNESS,
	DUALBM_WITNESS_BUDDY,	/* a PageBuddy block covers it */
	DUALBM_WITNESS_OWNER,	/* an owner's marks are in struct page */
	DUALBM_WITNESS_COUNT,	/* its reference count: not exact, but likely */
	DUALBM_WITNESS_EVENT,	/* the event that found it */
	DUALBM_NR_WITNESSES
};

#define DUALBM_STACK_DEPTH	24
#define DUALBM_CALLER_NAME	96

/**
 * struct dualbm_violation - all that is known of one finding
 *
 * @number: counts findings from 1; given when it goes into the ring
 * @time_ns: when, by ktime_get_mono_fast_ns()
 * @class: which rule was broken
 * @proof: the witness, or none
 * @event: what happened to the block
 * @code: the codeword that was found at @first
 * @order: of the block
 * @pfn: first frame of the block
 * @first: first frame that broke the rule; the frame that reports name
 * @last: last frame that broke the same rule
 * @frames: how many frames of the block broke it
 * @page_flags: struct page of @first, its flags
 * @page_refcount: struct page of @first, its reference count
 * @page_mapcount: struct page of @first, its _mapcount as stored, -1 for none
 * @node: the node of @first, or NUMA_NO_NODE
 * @cpu: where it was found
 * @pid: the task that ran there
 * @entry: where a boundary probe found it, or 0
 * @caller: address in the function that called the allocator, 0 if unknown
 * @stack_entries: how many of @stack are filled in
 * @have_page: @first is online, so the fields from struct page are valid
 * @repaired: what was wrong was put right
 * @what: of an allocator or directory corruption, what it is about; or NULL
 * @value: what was found there: a reference count, an order, a length
 * @witness: of a plane corruption, who says what the frame really is
 * @liars: a bit for each plane that may have lied, the likeliest one being @liar
 * @liar: the plane that lied, if @liars is not 0
 * @liar_phys: where the word with the wrong bit lies, 0 if that is not known
 * @zone: the name of the zone of @first, or "-"
 * @comm: the name of the task
 * @caller_name: @caller with its symbol, made while its module is there
 * @stack: return addresses, innermost first
 *
 * One record of the ring.
 */
struct dualbm_violation {
	u64 number;
	u64 time_ns;
	enum dualbm_class class;
	enum dualbm_proof proof;
	enum dualbm_event_type event;
	unsigned int code;
	unsigned int order;
	unsigned long pfn;
	unsigned long first;
	unsigned long last;
	unsigned long frames;
	unsigned long page_flags;
	int page_refcount;
	int page_mapcount;
	int node;
	int cpu;
	pid_t pid;
	unsigned long entry;
	unsigned long caller;
	unsigned int stack_entries;
	bool have_page;
	bool repaired;
	const char *what;
	long value;
	enum dualbm_witness witness;
	unsigned int liars;
	enum dualbm_plane liar;
	phys_addr_t liar_phys;
	char zone[8];
	char comm[TASK_COMM_LEN];
	char caller_name[DUALBM_CALLER_NAME];
	unsigned long stack[DUALBM_STACK_DEPTH];
};

/**
 * dualbm_verdict() - an event broke a rule: look, prove, react
 * @v: class, event, code, pfn, first, last, frames and order filled in
 *
 * What is proven is reported, the frames being what the event says. What is not
 * makes the block untracked, and is taken for a loss if a hook has lost events,
 * or else reported as unproven. Nothing is done about what the boundary probe
 * has reported already.
 *
 * Context: That of the event, preemption disabled; does not sleep. Takes
 * zone->lock and per-CPU list locks by bounded tries, unless @v->class is
 * %DUALBM_ALLOCATOR_CORRUPTION: that event comes with zone->lock held. Does not
 * return where the policy is to panic.
 */
void dualbm_verdict(struct dualbm_violation *v);

/**
 * dualbm_prove_free() - is a frame in the hands of the allocator
 * @pfn: any frame; of one that is not online nothing is proven
 *
 * Mirrors is_free_buddy_page() (mm/page_alloc.c, 6.1 and 6.12) and the lists of
 * struct per_cpu_pages (include/linux/mmzone.h).
 *
 * Context: Any but under zone->lock or the lock of a per-CPU list, while the
 * event that is being judged has not returned. Disables interrupts. Tries
 * zone->lock for 500 ms and the lock of each CPU's lists for 20 ms at most; a
 * lock that cannot be had proves nothing. Looks for 2 ms until it is proven.
 *
 * Return: %DUALBM_PROOF_BUDDY, %DUALBM_PROOF_PCP or %DUALBM_UNPROVEN.
 */
enum dualbm_proof dualbm_prove_free(unsigned long pfn);

/**
 * dualbm_zone_of() - the zone that a page says it is of
 * @page: the struct page of a frame that is online, or NULL
 *
 * Mirrors page_zone() (include/linux/mm.h, 6.12), which leads anywhere if the page's
 * flags are damaged; that is what the witnesses are asked about.
 *
 * Context: Any.
 *
 * Return: the zone, or NULL if there is no page, or no such node or zone.
 */
struct zone *dualbm_zone_of(const struct page *page);

/**
 * dualbm_buddy_covers() - does a block of the buddy lists cover a frame
 * @zone: the frame's zone
 * @pfn: the frame
 *
 * Mirrors is_free_buddy_page() (mm/page_alloc.c, 6.1 and 6.12), and takes the
 * word of a head only if it is online, in @zone and of a possible order.
 *
 * Context: Any, zone->lock held: without it the answer is not stable.
 *
 * Return: true if one does.
 */
bool dualbm_buddy_covers(struct zone *zone, unsigned long pfn);

/**
 * dualbm_pcp_order() - the order of the blocks on a per-CPU list
 * @index: index of the list in struct per_cpu_pages, below %DUALBM_PCP_LISTS
 *
 * Mirrors pindex_to_order() (mm/page_alloc.c): the lists of huge pages have
 * pageblock_order in 6.1 and HPAGE_PMD_ORDER, on amd64 the same, in 6.12.
 *
 * Context: Any.
 *
 * Return: the order.
 */
unsigned int dualbm_pcp_order(unsigned int index);

/**
 * dualbm_prove() - find the proof for a broken rule
 * @v: what was found; proof filled in if it was found with all CPUs stopped
 *
 * Context: As dualbm_prove_free(), but with zone->lock held for
 * %DUALBM_ALLOCATOR_CORRUPTION. May ask dualbm_hooks_lost().
 *
 * Return: the proof, or %DUALBM_UNPROVEN.
 */
enum dualbm_proof dualbm_prove(const struct dualbm_violation *v);

/**
 * dualbm_prove_witness() - what does the allocator say that a frame is
 * @pfn: the frame
 * @witness: filled in with who says so
 *
 * Context: stop_machine(), so that no event is under way; tries zone->lock, which
 * only on PREEMPT_RT somebody can hold then.
 *
 * Return: %DUALBM_CODE_FREE or %DUALBM_CODE_ALLOCATED, exactly if the witness is
 * the buddy lists or an owner's marks; 0 with nobody to ask.
 */
unsigned int dualbm_prove_witness(unsigned long pfn, enum dualbm_witness *witness);

/**
 * dualbm_prove_check() - is the allocator laid out as its witnesses need it
 *
 * Looks at a block that the allocator's own lists say is free: it has to be
 * found as such by the look that proves a violation.
 *
 * Context: Module init; takes zone->lock.
 *
 * Return: 0, or -EOPNOTSUPP with a log line.
 */
int dualbm_prove_check(void);

/**
 * dualbm_report() - record, log, tell, and do what the policy says
 * @v: the finding, proof filled in; number, who and where are filled in here
 *
 * Proven: ring, log, trace event, taint, uevent, and with policy=panic a panic.
 * Unproven: counted as such, ring, trace event, log up to three times in ten
 * seconds, and with on_degraded=panic a panic.
 *
 * Context: Any; allocates nothing and does not sleep. What that forbids is done
 * a moment later: the uevent, and the log of a proven finding whose event came
 * with zone->lock held.
 */
void dualbm_report(struct dualbm_violation *v);

/**
 * dualbm_report_rehearse() - go the way of a report, up to the panic
 * @class: the class to rehearse
 *
 * Describes a finding of that class and checks its log line, its line of
 * key=value, and what either policy would do. Nothing of it is kept or shown.
 *
 * Context: Process; sleeps.
 *
 * Return: 0, -ENOMEM, or -EILSEQ if something was not as it has to be.
 */
int dualbm_report_rehearse(enum dualbm_class class);

/**
 * dualbm_report_init() - prepare for findings
 *
 * Context: Module init, before the first finding can come.
 *
 * Return: 0.
 */
int dualbm_report_init(void);

/**
 * dualbm_report_exit() - end what is told of findings a moment later
 *
 * Logs that are due are written; a uevent that has not begun is dropped.
 *
 * Context: Module exit, or init that fails, when no finding can come any more;
 * sleeps. The kobject must still be there.
 */
void dualbm_report_exit(void);

/**
 * dualbm_report_last() - copy the newest record of the ring
 * @v: filled in
 *
 * Context: Any; takes no lock.
 *
 * Return: true, or false with *@v undefined if there is none, or if it is being
 * written.
 */
bool dualbm_report_last(struct dualbm_violation *v);

/**
 * dualbm_report_get() - copy a record of the ring
 * @index: which; 0 is the oldest that is kept
 * @v: filled in
 *
 * For a record that is being written the next one is copied, so the next @index
 * may give the same again; @v->number tells.
 *
 * Context: Any; takes no lock.
 *
 * Return: true, or false with *@v undefined at the end of the ring.
 */
bool dualbm_report_get(unsigned int index, struct dualbm_violation *v);

/**
 * dualbm_report_keys() - write a record as one line of key=value
 * @v: the record
 * @buffer: where it goes, with a newline
 * @size: bytes in @buffer; what is more is cut off
 *
 * Context: Any.
 *
 * Return: how many characters were written, as scnprintf().
 */
int dualbm_report_keys(const struct dualbm_violation *v, char *buffer, size_t size);

/* What files and reports call the planes. */
extern const char * const dualbm_plane_names[DUALBM_NR_PLANES];

/**
 * dualbm_code_name() - the word for a codeword
 * @code: the three bits, 0 to 7
 *
 * Context: Any.
 *
 * Return: the state, or "illegal-" and the bits of primary, secondary and
 * untracked.
 */
const char *dualbm_code_name(unsigned int code);

/* ------------------------------------------------------------------ */
/* Hooks (dualbm_hooks.c, dualbm_bulk.c, dualbm_boundary.c)            */
/* ------------------------------------------------------------------ */

/**
 * dualbm_hooks_attach() - attach every source of events
 *
 * Goes through the hook table in its order. An optional hook that is not there
 * is left out, as are the boundary probes with boundary=0. Also finds the range
 * that dualbm_inside_allocation() knows.
 *
 * Context: Module init, after dualbm_memory_init(); sleeps.
 *
 * Return: 0, or an error with a log line that names the hook: -ENOENT if the
 * kernel has none of its names, or what the kernel says that attaches it.
 * Nothing stays attached after an error but the memory notifier, which
 * dualbm_memory_exit() takes off.
 */
int dualbm_hooks_attach(void);

/**
 * dualbm_hooks_exercise() - see that every hook fires
 *
 * Allocates and frees a page, a vmalloc() area and a contiguous range, and
 * unpoisons a frame that does not exist. Of ftrace hooks that this does not
 * reach, the call in the function's code is looked for. An optional hook that
 * does not fire is marked as dead.
 *
 * Context: Module init, after dualbm_mode_start(); sleeps.
 *
 * Return: 0, or -ENODEV with a log line that names the required hook.
 */
int dualbm_hooks_exercise(void);

/**
 * dualbm_hooks_detach() - undo dualbm_hooks_attach()
 *
 * On return no handler runs, nor will, and nobody is in a trampoline or in the
 * wrapper around the bulk allocator. The memory notifier stays.
 *
 * Context: Module exit, or init that fails; sleeps, for as long as a bulk
 * allocation does.
 */
void dualbm_hooks_detach(void);

/**
 * dualbm_hooks_lost() - have hooks lost events since the last call
 *
 * Reads the loss counters of required hooks and calls the canary, which every
 * ftrace hook has to deliver. A loss is told to one caller only.
 *
 * Context: Any; takes no lock.
 *
 * Return: what was lost, as one constant line, or NULL.
 */
const char *dualbm_hooks_lost(void);

/**
 * dualbm_hooks_watch() - the same, and provoke the hooks that can go silent
 *
 * These are the tracepoints, the bulk allocator's exit and the boundary probes:
 * a page and a vmalloc() area are allocated and freed. One that does not fire
 * is marked as dead, counted as a miss and logged, required or not.
 *
 * Context: Worker; sleeps.
 *
 * Return: what was lost or is dead, as one constant line, or NULL.
 */
const char *dualbm_hooks_watch(void);

/**
 * dualbm_hooks_dead() - is there a required hook that does not fire
 *
 * Context: Any. What the last dualbm_hooks_watch() or dualbm_hooks_lost() saw.
 *
 * Return: true if so; events must not be believed then.
 */
bool dualbm_hooks_dead(void);

/**
 * dualbm_hooks_may_lose() - is a required hook carried by a return probe
 *
 * Context: Any.
 *
 * Return: true if so: it can lose events, and be switched off, uncounted.
 */
bool dualbm_hooks_may_lose(void);

/**
 * dualbm_hooks_missed() - how many events hooks have missed since loading
 *
 * Context: Any; takes no lock.
 *
 * Return: the sum of all hooks' loss counters, each time that a provoked hook
 * did not fire counted as one.
 */
u64 dualbm_hooks_missed(void);

/**
 * dualbm_hooks_show() - print the lines of "hooks"
 * @buffer: %PAGE_SIZE bytes; one line for each hook that is attached
 *
 * Context: Any; takes no lock.
 *
 * Return: the length.
 */
int dualbm_hooks_show(char *buffer);

/**
 * dualbm_inside_allocation() - is a code address inside an allocation
 * @address: from a stack
 *
 * Inside is __alloc_pages() (6.1) or __alloc_pages_noprof() (6.12), both in
 * mm/page_alloc.c: there a task that has its page may sleep in
 * __memcg_kmem_charge_page() with the alloc event still to come.
 *
 * Context: Any, after dualbm_hooks_attach().
 *
 * Return: true if it is.
 */
bool dualbm_inside_allocation(unsigned long address);

struct dualbm_hook;

/**
 * dualbm_bulk_attach() - attach to the bulk allocator's exit
 * @hook: its row; mechanism, symbol and missed are filled in
 *
 * Redirects __alloc_pages_bulk() (6.1), alloc_pages_bulk_noprof() (6.12), both
 * in mm/page_alloc.c. ftrace allows one such user for a function
 * (kernel/trace/ftrace.c, __ftrace_hash_update_ipmodify(), 6.1 and 6.12): where
 * a livepatch is that user, a return probe takes over, which may lose events
 * and counts them.
 *
 * Context: Module init; sleeps.
 *
 * Return: 0, -ENOENT if the kernel has none of the row's names, or what
 * register_ftrace_function() or register_kretprobe() says.
 */
int dualbm_bulk_attach(struct dualbm_hook *hook);

/**
 * dualbm_bulk_detach() - undo dualbm_bulk_attach()
 * @hook: its row
 *
 * Context: Module exit, or init that fails; sleeps until the last call has left
 * the wrapper.
 */
void dualbm_bulk_detach(struct dualbm_hook *hook);

/**
 * dualbm_boundary_attach() - attach one of the two boundary probes
 * @hook: its row, mechanism says which; symbol and missed are filled in
 *
 * A kprobe on the entry of __free_pages(), or a return probe on __alloc_pages()
 * (6.1) or __alloc_pages_noprof() (6.12), all in mm/page_alloc.c.
 *
 * Context: Module init; sleeps.
 *
 * Return: 0, -ENOENT if the row has no name, or what register_kprobe() or
 * register_kretprobe() says of the last name.
 */
int dualbm_boundary_attach(struct dualbm_hook *hook);

/**
 * dualbm_boundary_detach() - undo dualbm_boundary_attach()
 * @hook: its row
 *
 * Context: Module exit, or init that fails; sleeps.
 */
void dualbm_boundary_detach(struct dualbm_hook *hook);

/**
 * dualbm_boundary_reported() - has the boundary probe reported this call
 * @pfn: first frame of a free event that found frames free
 * @frames: how many
 *
 * __free_pages() frees the remains of a block whose count was 0 already
 * (mm/page_alloc.c, 6.1 and 6.12); the probe at its entry has reported the
 * whole block, and the events that follow are no second finding.
 *
 * Context: The event's; takes no lock.
 *
 * Return: true if the last report of the probe is the current task's and covers
 * all of them.
 */
bool dualbm_boundary_reported(unsigned long pfn, unsigned long frames);

/**
 * dualbm_hook_canary() - do nothing, and let ftrace see it
 *
 * The one function of the module that is traced. It is in the filter of every
 * ftrace hook, so each of them fires on a call, or is dead.
 *
 * Context: Any.
 */
void dualbm_hook_canary(void);

/* ------------------------------------------------------------------ */
/* Learning, watching and scrubbing (dualbm_learn.c, dualbm_scrub.c)   */
/* ------------------------------------------------------------------ */

/**
 * dualbm_tasks_init() - find what reading the stack of another task needs
 *
 * Context: Module init; may sleep.
 *
 * Return: 0, or -ENOENT or -ENOMEM with a log line.
 */
int dualbm_tasks_init(void);

/**
 * dualbm_tasks_exit() - undo dualbm_tasks_init()
 *
 * Context: Module exit, or init that fails; the worker is gone.
 */
void dualbm_tasks_exit(void);

/**
 * dualbm_tasks_wait() - wait until no task runs where it ran at the time of the call
 *
 * As synchronize_rcu_tasks(), kernel/rcu/tasks.h: until every task has slept, been in
 * user mode, or been idle.
 *
 * Context: Process; sleeps, seconds on a busy machine, and is no hung task meanwhile.
 */
void dualbm_tasks_wait(void);

/**
 * dualbm_tasks_look() - look at every task that does not run
 *
 * Context: Worker; may sleep before and after. Remembers, with a reference, the
 * tasks that may be inside __alloc_pages(), for dualbm_tasks_outside().
 *
 * Return: false if there are too many of them.
 */
bool dualbm_tasks_look(void);

/**
 * dualbm_tasks_outside() - are the tasks that were in doubt outside
 *
 * Context: stop_machine(), after dualbm_tasks_look() returned true.
 *
 * Return: true if no task has been inside __alloc_pages() all the time since
 * that look.
 */
bool dualbm_tasks_outside(void);

/**
 * dualbm_tasks_release() - drop the references of dualbm_tasks_look()
 *
 * Context: Worker.
 */
void dualbm_tasks_release(void);

/**
 * dualbm_learn_disqualify() - frames are not what learning took them for
 * @pfn: first frame
 * @frames: how many; those that learning has not in hand are passed over
 *
 * Fully ordered before the stores to the planes that follow.
 *
 * Context: Any, NMI included; preemption disabled, before the planes of these
 * frames are changed by an event other than alloc or free. Takes no lock.
 */
void dualbm_learn_disqualify(unsigned long pfn, unsigned long frames);

/**
 * dualbm_learn_init() - make the worker, and find out how to read stacks
 *
 * Before 6.5 stack_trace_save_tsk() (kernel/stacktrace.c) is not exported, and
 * a kprobe tells where it is.
 *
 * Context: Module init, before dualbm_mode_start(); sleeps.
 *
 * Return: 0, -ENOMEM, or what register_kprobe() says, with a log line.
 */
int dualbm_learn_init(void);

/**
 * dualbm_learn_exit() - stop and destroy the worker
 *
 * Context: Module exit, or init that fails, after dualbm_mode_stop() and
 * dualbm_scrub_exit(); sleeps until a learning that runs has ended.
 */
void dualbm_learn_exit(void);

/**
 * dualbm_learn_request() - ask the worker to relearn
 *
 * Context: Any, NMI included, and under any lock: an irq_work queues the work
 * (kernel/irq_work.c, irq_work_queue(), 6.1 and 6.12). Several requests may
 * become one learning.
 */
void dualbm_learn_request(void);

/**
 * dualbm_learn_start() - learn now, and watch the hooks every second
 *
 * Context: Module init, when nothing can fail any more.
 */
void dualbm_learn_start(void);

/**
 * dualbm_learn_rest() - ask the worker to learn what is untracked
 *
 * Context: Process. Does nothing while the mode is not %DUALBM_TRACKING, or less
 * than 1 % of the frames are untracked.
 */
void dualbm_learn_rest(void);

/**
 * dualbm_learn_pass() - learn what is untracked, as far as that is exact
 *
 * What lies in a PageBuddy block or on a per-CPU list is free; what is in use
 * while no task is inside an allocation is allocated. Does nothing while the
 * mode is not %DUALBM_TRACKING.
 *
 * Context: Worker; sleeps. Takes dualbm_memory_lock, and under it zone->lock
 * for at most a subsection at a time; takes the locks of per-CPU lists; stops
 * the machine once or more for every window of memory.
 */
void dualbm_learn_pass(void);

/* The one worker on which learning and watching take turns. */
extern struct workqueue_struct *dualbm_worker;
/* Goes on whenever a round of learning begins or ends. */
extern unsigned long dualbm_learn_rounds;

/**
 * dualbm_scrub_init() - start the scrubber
 *
 * A thread. It does nothing until dualbm_scrub_start().
 *
 * Context: Module init, after dualbm_learn_init(); sleeps.
 *
 * Return: 0, or what kthread_create() says, with a log line.
 */
int dualbm_scrub_init(void);

/**
 * dualbm_scrub_start() - let the scrubber begin its first pass
 *
 * Context: Module init, when nothing can fail any more.
 */
void dualbm_scrub_start(void);

/**
 * dualbm_scrub_cancel() - let nobody wait for the scrubber any more
 *
 * Whoever waits in dualbm_scrub_now() returns -ESHUTDOWN.
 *
 * Context: Module exit, before the files are closed.
 */
void dualbm_scrub_cancel(void);

/**
 * dualbm_scrub_exit() - stop the scrubber
 *
 * Context: Module exit, or init that fails, before dualbm_learn_exit(); sleeps
 * until the step that runs is done.
 */
void dualbm_scrub_exit(void);

/**
 * dualbm_scrub_now() - a full pass over everything, without a pause
 *
 * The pass begins after the call. Several callers may share one.
 *
 * Context: Process, not the scrubber; sleeps until the pass is done. A pass goes
 * on when a signal ends the wait.
 *
 * Return: 0, -ERESTARTSYS after a signal, -ESHUTDOWN if the module goes, or -EIO if the
 * scrubber has died.
 */
int dualbm_scrub_now(void);

/**
 * dualbm_scrub_hurry() - ask for a pass, and do not wait for it
 *
 * Context: Any but NMI, and not under zone->lock: takes the lock of a wait queue.
 */
void dualbm_scrub_hurry(void);

/**
 * dualbm_scrub_reschedule() - dualbm_scrub_interval_ms was changed
 *
 * Context: Any, NMI excepted, after dualbm_scrub_init(). Does not sleep.
 */
void dualbm_scrub_reschedule(void);

/**
 * dualbm_scrub_halt() - stop the scrubber as a fault would, or let it go on
 * @halt: which
 *
 * Context: Process; for injection. Sleeps until it does: a step that was begun is
 * ended first.
 *
 * Return: 0; or as dualbm_scrub_now(), and after a signal it will do so all the same.
 */
int dualbm_scrub_halt(bool halt);

/**
 * dualbm_scrub_trouble() - does the scrubber keep its pace
 *
 * It is judged by how many calls it took, not by a clock, which may jump when a
 * virtual machine is paused. Makes the scrubber's priority higher when it lags.
 *
 * Context: Worker, once a second.
 *
 * Return: NULL, or what is wrong, as one constant line.
 */
const char *dualbm_scrub_trouble(void);

/**
 * dualbm_scrub_show() - print what "scrub" shows
 * @buffer: that of a sysfs file, a whole page, as sysfs_emit() demands
 *
 * Context: Process; takes no lock.
 *
 * Return: the length.
 */
int dualbm_scrub_show(char *buffer);

/* ------------------------------------------------------------------ */
/* The scrubber's verdicts on planes (dualbm_trial.c)                  */
/* ------------------------------------------------------------------ */

/**
 * dualbm_trial_look() - look for suspects in the planes of a chunk
 * @chunk: the chunk
 *
 * Suspects are illegal codewords, and frames that have been departing for a whole
 * period of the scrubber. Where there are none, it is noted how many frames of each
 * word are untracked.
 *
 * Context: The scrubber; dualbm_memory_lock held. May allocate memory.
 *
 * Return: true if there are any; then dualbm_trial_judge() comes next.
 */
bool dualbm_trial_look(struct dualbm_chunk *chunk);

/**
 * dualbm_trial_judge() - confirm the suspects of the last look, and report them
 *
 * Waits for RCU, and stops all CPUs if there are suspects left. What is wrong becomes
 * untracked, or what an exact witness says with repair=1.
 *
 * Context: The scrubber, without dualbm_memory_lock; sleeps.
 *
 * Return: how many frames were wrong.
 */
unsigned long dualbm_trial_judge(void);

/* How often frames that were wrong have become untracked. Moves while all CPUs stand still. */
extern unsigned long dualbm_trials;

/**
 * dualbm_trial_settle() - wait until the findings made so far are reported
 *
 * Context: Process, not the scrubber; sleeps.
 */
void dualbm_trial_settle(void);

/* ------------------------------------------------------------------ */
/* Audit of the allocator (dualbm_audit.c)                             */
/* ------------------------------------------------------------------ */

/* How many frames are looked at under zone->lock in one go. */
#define DUALBM_AUDIT_FRAMES	BIT(DUALBM_MAX_ORDER)

/**
 * dualbm_audit_begin() - the audit begins at the beginning of memory
 *
 * A finding that the last round had as well is not reported again.
 *
 * Context: The scrubber.
 */
void dualbm_audit_begin(void);

/**
 * dualbm_audit_frames() - audit the buddy blocks in some frames of a chunk
 * @chunk: the chunk
 * @first: index of the first frame, a multiple of %DUALBM_AUDIT_FRAMES
 *
 * Every frame of a PageBuddy block is recorded free or untracked, and has a
 * reference count of 0; order, alignment, zone and list links are right. What is
 * untracked is learned as free.
 *
 * Context: The scrubber; dualbm_memory_lock held. Takes zone->lock.
 *
 * Return: how many findings were reported.
 */
unsigned int dualbm_audit_frames(struct dualbm_chunk *chunk, unsigned long first);

/**
 * dualbm_audit_lists() - audit the lists of one zone
 * @zone: the zone
 * @step: which lists: below %DUALBM_AUDIT_LISTS
 *
 * Free lists have as many blocks as the zone counts; the per-CPU lists have free
 * pages, as many as they count. Of a list that is longer than can be walked in
 * one go, what lies at its beginning is looked at.
 *
 * Context: The scrubber; dualbm_memory_lock held. Takes zone->lock, or the lock of
 * per-CPU lists.
 *
 * Return: how many findings were reported.
 */
unsigned int dualbm_audit_lists(struct zone *zone, unsigned int step);

/* A step for each order, and one for each CPU. */
#define DUALBM_AUDIT_LISTS	(DUALBM_MAX_ORDER + 1 + nr_cpu_ids)

/**
 * dualbm_audit_hold_ns() - the longest time that zone->lock was held
 *
 * Context: Any.
 *
 * Return: nanoseconds, since loading.
 */
u64 dualbm_audit_hold_ns(void);

/* ------------------------------------------------------------------ */
/* Control data (dualbm_guard.c)                                       */
/* ------------------------------------------------------------------ */

/**
 * dualbm_guard_add() - keep some data three times from now on
 * @name: what reports call it, a constant
 * @data: where it is; from now on changed by dualbm_guard_store() only
 * @size: bytes
 *
 * Context: Module init; takes a spinlock.
 *
 * Return: 0, or -ENOSPC with a log line.
 */
int dualbm_guard_add(const char *name, void *data, size_t size);

/**
 * dualbm_guard_store() - change data that may be kept three times
 * @data: where it is, with or without dualbm_guard_add()
 * @value: the new value
 * @size: bytes; as in dualbm_guard_add()
 *
 * Context: Any, NMI excepted: takes a spinlock with interrupts disabled.
 */
void dualbm_guard_store(void *data, const void *value, size_t size);

/**
 * dualbm_guard_check() - is all of it what was last stored
 *
 * Two of three copies put the third one right; a fault is reported, and events
 * are forgotten if it may have made some be lost.
 *
 * Context: The scrubber.
 *
 * Return: how many findings were reported.
 */
unsigned int dualbm_guard_check(void);

/* ------------------------------------------------------------------ */
/* Proof tests (dualbm_selftest.c)                                     */
/* ------------------------------------------------------------------ */

/**
 * dualbm_selftest_load() - does the machinery find what it has to find
 *
 * On scratch planes and a scratch directory: every rule, by a second table; every
 * class of violation; reports and policy up to the panic.
 *
 * Context: Module init; sleeps.
 *
 * Return: 0, -ENOMEM, or -EIO with a log line that names the part that failed.
 */
int dualbm_selftest_load(void);

/**
 * dualbm_selftest_proof() - the same, and on frames that the module owns
 *
 * Allocates a block and falsifies its bits in each plane: the event path has to
 * find that, and the scrubber. Protection goes on, and the policy does not fire.
 *
 * Context: Process, not the scrubber; sleeps.
 *
 * Return: 0, -ENOMEM, -EAGAIN while events are not believed, -ERESTARTSYS, or -EIO
 * after a log line that names the part that failed; the state is degraded then.
 */
int dualbm_selftest_proof(void);

/**
 * dualbm_selftest_takes() - is a finding about a proof test's own frames
 * @v: the finding
 *
 * Context: Any; takes no lock.
 *
 * Return: true if so: it is the proof test's, and nobody else's.
 */
bool dualbm_selftest_takes(const struct dualbm_violation *v);

/* ------------------------------------------------------------------ */
/* Files (dualbm_sysfs.c, dualbm_debugfs.c)                            */
/* ------------------------------------------------------------------ */

/**
 * dualbm_sysfs_init() - make the directory /sys/kernel/dualbm
 *
 * It is there before the first finding, whose uevent comes from it.
 *
 * Context: Module init; sleeps.
 *
 * Return: 0 or -ENOMEM.
 */
int dualbm_sysfs_init(void);

/**
 * dualbm_sysfs_open() - make the files in it
 *
 * Context: Module init, when all that they show works; sleeps.
 *
 * Return: 0, or what sysfs_create_group() says.
 */
int dualbm_sysfs_open(void);

/**
 * dualbm_sysfs_close() - undo dualbm_sysfs_open()
 *
 * Context: Module exit, before what they show ends; sleeps until nobody reads
 * or writes them any more.
 */
void dualbm_sysfs_close(void);

/**
 * dualbm_sysfs_exit() - undo dualbm_sysfs_init()
 *
 * Context: Module exit, or init that fails, after dualbm_report_exit(); sleeps.
 */
void dualbm_sysfs_exit(void);

/**
 * dualbm_debugfs_init() - make the files in /sys/kernel/debug/dualbm
 *
 * Cannot fail: without debugfs there are no files, and the module does all its
 * work.
 *
 * Context: Module init, when all that they show works; sleeps.
 */
void dualbm_debugfs_init(void);

/**
 * dualbm_debugfs_exit() - undo dualbm_debugfs_init()
 *
 * Context: Module exit, before what they show ends; sleeps until nobody reads
 * or writes them any more.
 */
void dualbm_debugfs_exit(void);

#endif /* DUALBM_H */
