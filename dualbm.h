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

extern enum dualbm_mode dualbm_mode;

/**
 * dualbm_mode_start() - begin to handle events, as settling
 *
 * Context: Module init, after every hook is attached.
 */
void dualbm_mode_start(void);

/**
 * dualbm_mode_stop() - handle no event any more
 *
 * Context: Module exit; may sleep. No handler is inside an event on return.
 */
void dualbm_mode_stop(void);

/**
 * dualbm_mode_forget() - forget every event until the worker has relearned
 *
 * Context: Any, NMI excepted. Ends a relearning that runs: what it began with
 * no longer holds.
 */
void dualbm_mode_forget(void);

/**
 * dualbm_mode_begin() - the worker starts to relearn
 * @generation: what dualbm_mode_advance() wants to see again
 *
 * Return: false while a CPU bracket is open or the module is stopping; the end
 * of the bracket calls the worker again.
 */
bool dualbm_mode_begin(unsigned long *generation);

/**
 * dualbm_mode_advance() - the worker goes on to the next mode
 * @generation: from dualbm_mode_begin()
 * @mode: the mode to go to
 *
 * Return: false, with nothing changed, if something was forgotten meanwhile.
 */
bool dualbm_mode_advance(unsigned long generation, enum dualbm_mode mode);

/**
 * dualbm_mode_current() - does what the worker began with still hold
 * @generation: from dualbm_mode_begin()
 *
 * Return: true if no bracket, loss or stop has come since.
 */
bool dualbm_mode_current(unsigned long generation);

/**
 * dualbm_mode_generation() - what distinguishes this time of tracking
 *
 * Context: Any.
 *
 * Return: a number that changes whenever something is forgotten as a whole, or
 * 0 while the mode is another.
 */
unsigned long dualbm_mode_generation(void);

/**
 * dualbm_bracket_begin() - a CPU starts to go up or down
 * @cpu: that CPU
 *
 * Context: cpuhp callback; sleeps. On return every event forgets, on all CPUs.
 */
void dualbm_bracket_begin(unsigned int cpu);

/**
 * dualbm_bracket_end() - a CPU has arrived where it went, or has come back
 * @cpu: that CPU
 *
 * Context: cpuhp callback. Asks the worker to relearn.
 */
void dualbm_bracket_end(unsigned int cpu);

/**
 * dualbm_degrade() - events were or may have been lost
 * @why: one line for the log
 *
 * Context: Any, NMI excepted. Every event forgets from here on, the worker is
 * asked to relearn, and with on_degraded=panic the machine stops.
 */
void dualbm_degrade(const char *why);

/**
 * dualbm_set_state() - change what the file "state" says
 * @state: the new state
 *
 * Context: Any. Emits the trace event dualbm:state on a change.
 */
void dualbm_set_state(enum dualbm_state state);

/**
 * dualbm_state_name() - the word for the present state
 *
 * Return: "disarmed", "learning", "armed" or "degraded".
 */
const char *dualbm_state_name(void);

/* The state itself, for those that go on what it is. */
enum dualbm_state dualbm_state_now(void);

/**
 * dualbm_nmi_wait() - wait for events that arrived by NMI
 *
 * Context: stop_machine(), after the mode was changed: NMI handlers that read
 * the old mode have finished on return.
 */
void dualbm_nmi_wait(void);

/**
 * dualbm_nmi_begun() - how many events have come by NMI
 *
 * Context: Any. Ordered after all that the caller did before.
 *
 * Return: a number that moves when one begins.
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

/* One instruction each, safe in any context. */
#define dualbm_count(id)	this_cpu_inc(dualbm_counters.stat[id])
#define dualbm_count_add(id, n)	this_cpu_add(dualbm_counters.stat[id], n)
#define dualbm_count_order(which, order) \
	this_cpu_inc(dualbm_counters.which[(order) % DUALBM_COUNTED_ORDERS])
#define dualbm_hit(id)		this_cpu_inc(dualbm_counters.hits[id])

/**
 * dualbm_stats_read() - collect every line of "stats"
 * @values: %DUALBM_NR_STATS values, in the order of enum dualbm_stat
 *
 * Context: May sleep. Counts the frames of every plane.
 */
void dualbm_stats_read(u64 *values);

/* The name of a line of "stats". */
const char *dualbm_stat_name(enum dualbm_stat stat);

/* ------------------------------------------------------------------ */
/* Parameters (dualbm.c)                                               */
/* ------------------------------------------------------------------ */

enum dualbm_reaction { DUALBM_REPORT, DUALBM_PANIC };

extern enum dualbm_reaction dualbm_policy;
extern enum dualbm_reaction dualbm_on_degraded;
extern bool dualbm_boundary;
extern bool dualbm_repair;
extern bool dualbm_inject;
extern unsigned int dualbm_scrub_interval_ms;

/**
 * dualbm_reaction_parse() - read "report" or "panic"
 * @what: whose value it is, for the message
 * @text: the word, with or without a newline
 * @reaction: where it goes
 *
 * Return: 0, or -EINVAL with a log line that says what is accepted.
 */
int dualbm_reaction_parse(const char *what, const char *text,
			  enum dualbm_reaction *reaction);

/* The word for a reaction. */
const char *dualbm_reaction_name(enum dualbm_reaction reaction);

/* ------------------------------------------------------------------ */
/* Memory: chunks and their directory (dualbm_memory.c)                */
/* ------------------------------------------------------------------ */

/* 4 MiB: no buddy block crosses it, so it is the unit of a zone->lock hold. */
#define DUALBM_BLOCK_FRAMES	((unsigned long)MAX_ORDER_NR_PAGES)

/**
 * struct dualbm_chunk - one memory section that is online
 * @list: in order of PFN, under dualbm_memory_lock
 * @start_pfn: its first frame
 * @present: a bit for each subsection (2 MiB) that exists
 * @node: the node of its memory
 * @planes: its planes
 */
struct dualbm_chunk {
	struct list_head list;
	unsigned long start_pfn;
	u64 present;
	int node;
	unsigned long *planes;
};

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
extern struct mutex dualbm_memory_lock;
extern struct list_head dualbm_chunks;

/* What a lookup returns when the two copies of an entry disagree. */
#define DUALBM_LOOKUP_CORRUPT	((unsigned long *)1)

/**
 * dualbm_lookup() - the planes that hold a frame
 * @pfn: any number; frames of no memory are allowed
 *
 * Context: Any, preemption disabled while the result is used: a chunk is freed
 * after synchronize_rcu().
 *
 * Return: the planes of the frame's chunk, NULL if no chunk holds it, or
 * %DUALBM_LOOKUP_CORRUPT.
 */
static __always_inline unsigned long *dualbm_lookup(unsigned long pfn)
{
	unsigned long section = pfn >> DUALBM_CHUNK_SHIFT;
	unsigned long leaf = section >> DUALBM_LEAF_SHIFT;
	unsigned long entry, *slot;

	if (unlikely(leaf >= dualbm_directory.leaves))
		return NULL;
	entry = READ_ONCE(dualbm_directory.root[0][leaf]);
	if (unlikely((entry ^ READ_ONCE(dualbm_directory.root[1][leaf])) != ~0UL))
		return DUALBM_LOOKUP_CORRUPT;
	slot = (unsigned long *)entry + section % DUALBM_LEAF_ENTRIES;
	entry = READ_ONCE(slot[0]);
	if (unlikely((entry ^ READ_ONCE(slot[DUALBM_LEAF_ENTRIES])) != ~0UL))
		return DUALBM_LOOKUP_CORRUPT;
	return (unsigned long *)entry;
}

/**
 * dualbm_directory_confirm() - is a disagreement in the directory real
 * @pfn: the frame whose lookup said so
 *
 * Context: Any. An entry that the notifier is just storing disagrees too.
 *
 * Return: true if it is still there and nobody stores entries.
 */
bool dualbm_directory_confirm(unsigned long pfn);

/**
 * dualbm_memory_init() - make planes for all memory that is online
 *
 * Context: Module init. Registers the memory notifier first, so that memory
 * which comes meanwhile is not missed.
 *
 * Return: 0, or -ENOMEM with a log line that says how much was needed.
 */
int dualbm_memory_init(void);

/* Undo dualbm_memory_init(). No handler may run any more. */
void dualbm_memory_exit(void);

/**
 * dualbm_subsection_present() - does a 2 MiB subsection of a chunk exist
 * @chunk: the chunk
 * @frame: index of any frame of the subsection
 */
static inline bool dualbm_subsection_present(const struct dualbm_chunk *chunk,
					     unsigned long frame)
{
	return chunk->present >> (frame / PAGES_PER_SUBSECTION) & 1;
}

/* The physical address of a byte of a plane, for placement and tests. */
phys_addr_t dualbm_plane_phys(const struct dualbm_chunk *chunk,
			      enum dualbm_plane plane, unsigned long byte);

/* What the planes say in all: frames by state, and the bytes that they take. */
struct dualbm_census {
	u64 managed, allocated, free, untracked, departing, bytes;
};

/**
 * dualbm_memory_census() - count the frames of all chunks by state
 * @census: filled in
 *
 * Context: May sleep; takes dualbm_memory_lock. Not a snapshot: events go on.
 */
void dualbm_memory_census(struct dualbm_census *census);

/**
 * dualbm_memory_forget_all() - make every frame untracked
 *
 * Context: Worker, in mode forgetting, after synchronize_rcu().
 */
void dualbm_memory_forget_all(void);

/* ------------------------------------------------------------------ */
/* Events (dualbm_event.c)                                             */
/* ------------------------------------------------------------------ */

/**
 * dualbm_event() - an event on 2^@order frames
 * @event: what happened
 * @pfn: first frame
 * @order: 0 to 18 and more; a block may span chunks and need not be aligned
 *
 * Context: Any. Takes no lock, allocates nothing, disables preemption itself
 * where the hook does not.
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
 * Context: Any; the tracepoint disables preemption up to 6.x.
 */
void dualbm_probe_alloc(void *data, struct page *page, unsigned int order,
			gfp_t gfp, int migratetype);

/**
 * dualbm_probe_free() - the probe of tracepoint mm_page_free
 * @data: unused
 * @page: first page of the block
 * @order: of the block
 *
 * Context: as dualbm_probe_alloc().
 */
void dualbm_probe_free(void *data, struct page *page, unsigned int order);

/**
 * dualbm_forget_range() - make frames untracked
 * @pfn: first frame
 * @frames: how many
 *
 * Context: Any, preemption disabled.
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

#define DUALBM_STACK_DEPTH	24

/**
 * struct dualbm_violation - all that is known of one finding
 *
 * One record of the ring. @code is the codeword that was found; @frames counts
 * the frames of the block that broke the same rule, @first is the first.
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
	unsigned long caller;
	unsigned int stack_entries;
	bool have_page;
	bool repaired;
	char zone[8];
	char comm[TASK_COMM_LEN];
	char caller_name[96];	/* its module may be gone when the ring is read */
	unsigned long stack[DUALBM_STACK_DEPTH];
};

/**
 * dualbm_verdict() - an event broke a rule: look, prove, react
 * @v: class, event, code, pfn, first, last, frames and order filled in
 *
 * Context: That of the event. Takes zone->lock and per-CPU list locks by
 * bounded tries, unless the event came with zone->lock held.
 */
void dualbm_verdict(struct dualbm_violation *v);

/**
 * dualbm_prove_free() - is a frame in the hands of the allocator
 * @pfn: a frame that a chunk holds
 *
 * Context: Any but under zone->lock or a per-CPU list's lock of this CPU.
 * Mirrors is_free_buddy_page() and the lists of struct per_cpu_pages.
 *
 * Return: %DUALBM_PROOF_BUDDY, %DUALBM_PROOF_PCP or %DUALBM_UNPROVEN.
 */
enum dualbm_proof dualbm_prove_free(unsigned long pfn);

/**
 * dualbm_buddy_covers() - does a block of the buddy lists cover a frame
 * @zone: the frame's zone, locked
 * @pfn: the frame
 */
bool dualbm_buddy_covers(struct zone *zone, unsigned long pfn);

/**
 * dualbm_pcp_order() - the order of the blocks on a per-CPU list
 * @index: index of the list in struct per_cpu_pages
 */
unsigned int dualbm_pcp_order(unsigned int index);

/**
 * dualbm_prove() - find the proof for a broken rule
 * @v: what was found
 *
 * Return: the proof, or %DUALBM_UNPROVEN.
 */
enum dualbm_proof dualbm_prove(const struct dualbm_violation *v);

/**
 * dualbm_report() - record, log, tell, and do what the policy says
 * @v: the finding, proof filled in
 *
 * Context: Any. Does not return under policy=panic for a proven finding.
 */
void dualbm_report(struct dualbm_violation *v);

/**
 * dualbm_describe() - fill in who, where and what struct page says
 * @v: the finding; pfn filled in
 */
void dualbm_describe(struct dualbm_violation *v);

int dualbm_report_init(void);
void dualbm_report_exit(void);

/* Copy the newest record, or return false. */
bool dualbm_report_last(struct dualbm_violation *v);

/* Copy record @index, oldest first, or return false at the end. */
bool dualbm_report_get(unsigned int index, struct dualbm_violation *v);

/* The first log line and panic string, after "dualbm: ", for a record. */
int dualbm_report_line(const struct dualbm_violation *v, char *buffer, size_t size);

/* The line of key=value for a record, with a newline. */
int dualbm_report_keys(const struct dualbm_violation *v, char *buffer, size_t size);

const char *dualbm_class_name(enum dualbm_class class);
const char *dualbm_code_name(unsigned int code);

/* ------------------------------------------------------------------ */
/* Hooks (dualbm_hooks.c, dualbm_bulk.c, dualbm_boundary.c)            */
/* ------------------------------------------------------------------ */

/**
 * dualbm_hooks_attach() - attach every source of events
 *
 * Context: Module init.
 *
 * Return: 0, or an error with a log line that names the hook. Nothing stays
 * attached after an error.
 */
int dualbm_hooks_attach(void);

/**
 * dualbm_hooks_exercise() - see that every hook fires
 *
 * Context: Module init, events are handled. Allocates and frees.
 *
 * Return: 0, or -ENODEV with a log line that names the hook.
 */
int dualbm_hooks_exercise(void);

/* Undo dualbm_hooks_attach(); on return no handler runs, nor will. */
void dualbm_hooks_detach(void);

/**
 * dualbm_hooks_lost() - have hooks lost events since the last call
 *
 * Context: Any. Reads the loss counters of required hooks and calls the canary
 * through every ftrace hook.
 *
 * Return: what was lost, one line, or NULL.
 */
const char *dualbm_hooks_lost(void);

/**
 * dualbm_hooks_watch() - the same, and provoke the hooks that kprobes carry
 *
 * Context: Worker; allocates and frees.
 *
 * Return: what was lost or is dead, or NULL.
 */
const char *dualbm_hooks_watch(void);

/* All events that hooks lost since loading. */
u64 dualbm_hooks_missed(void);

/* Print the lines of "hooks"; returns the length. */
int dualbm_hooks_show(char *buffer);

/* Is a code address inside __alloc_pages(), where an allocation may sleep. */
bool dualbm_inside_allocation(unsigned long address);

struct dualbm_hook;

int dualbm_bulk_attach(struct dualbm_hook *hook);
void dualbm_bulk_detach(struct dualbm_hook *hook);
/**
 * dualbm_boundary_reported() - has the boundary probe reported this call
 * @pfn: first frame of a free event that found frames free
 * @frames: how many
 *
 * Context: The event's. __free_pages() frees the remains of a block whose count
 * was 0 already; the probe at its entry has reported the whole block.
 *
 * Return: true if the current task's last report of the probe covers them.
 */
bool dualbm_boundary_reported(unsigned long pfn, unsigned long frames);

int dualbm_boundary_attach(struct dualbm_hook *hook);
void dualbm_boundary_detach(struct dualbm_hook *hook);

/* Never traced away, called to see that ftrace delivers (dualbm_canary.c). */
void dualbm_hook_canary(void);

/* ------------------------------------------------------------------ */
/* Learning and scrubbing (dualbm_learn.c, dualbm_scrub.c)             */
/* ------------------------------------------------------------------ */

/**
 * dualbm_learn_disqualify() - frames are not what learning took them for
 * @pfn: first frame
 * @frames: how many
 *
 * Context: Any, preemption disabled, before the planes of these frames are
 * changed by an event other than alloc or free.
 */
void dualbm_learn_disqualify(unsigned long pfn, unsigned long frames);

int dualbm_learn_init(void);
void dualbm_learn_exit(void);

/* Ask the worker to relearn; any context. */
void dualbm_learn_request(void);

/* Run the worker now and then, beginning now. Module init, last step. */
void dualbm_learn_start(void);

/**
 * dualbm_learn_pass() - learn what is untracked, as far as that is exact
 *
 * Context: Worker, tracking.
 */
void dualbm_learn_pass(void);

/* The one worker on which learning, scrubbing and watching take turns. */
extern struct workqueue_struct *dualbm_worker;

int dualbm_scrub_init(void);
void dualbm_scrub_exit(void);

/**
 * dualbm_scrub_now() - a full pass over the planes
 *
 * Context: Process; sleeps until the pass is done.
 *
 * Return: 0, or -EINTR.
 */
int dualbm_scrub_now(void);

/* The interval was changed. */
void dualbm_scrub_reschedule(void);

/* Print what "scrub" shows; returns the length. */
int dualbm_scrub_show(char *buffer);

/* The kobject comes before the first finding can, its files when all works. */
int dualbm_sysfs_init(void);
int dualbm_sysfs_open(void);
void dualbm_sysfs_close(void);
void dualbm_sysfs_exit(void);
struct kobject *dualbm_sysfs_kobject(void);
void dualbm_debugfs_init(void);
void dualbm_debugfs_exit(void);

#endif /* DUALBM_H */
