/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Verdict, proof and report (dualbm_prove.c, dualbm_report.c, dualbm_caller.c).
 */
#ifndef DUALBM_REPORT_H
#define DUALBM_REPORT_H

#include <linux/atomic.h>
#include <linux/mmzone.h>
#include <linux/sched.h>

#include "dualbm.h"
#include "dualbm_history.h"

enum dualbm_proof {
	DUALBM_UNPROVEN,
	DUALBM_PROOF_BUDDY,	/* a PageBuddy block covers it, under zone->lock */
	DUALBM_PROOF_PCP,	/* on a per-CPU list, under its lock */
	DUALBM_PROOF_OWNER,	/* the old owner's marks are in struct page */
	DUALBM_PROOF_RECORD,	/* no free event was lost since it was recorded */
	DUALBM_PROOF_PLANES,	/* the event owned the frame and found no codeword */
	DUALBM_PROOF_STOPPED,	/* still there when all CPUs had stopped */
	DUALBM_PROOF_DIRECTORY,	/* two copies of what leads to the planes disagree */
	DUALBM_PROOF_KERNEL,	/* the kernel says so itself, and has dropped the page */
	DUALBM_PROOF_COUNT,	/* the count is lower than what the caller gives back */
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
#define DUALBM_REASON_LENGTH	48
#define DUALBM_MAPPER_LENGTH	320
/* A name that is all escapes. */
#define DUALBM_COMM_LENGTH	(4 * (TASK_COMM_LEN - 1) + 1)

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
 * @stack_entries: how many of @stack are filled in; if any are before it is reported, that is
 *	the stack of the report
 * @have_page: @first is online, so the fields from struct page are valid
 * @repaired: what was wrong was put right
 * @what: of an allocator or directory corruption, what it is about; or NULL
 * @value: what was found there: a reference count, an order, a length
 * @witness: of a plane corruption, who says what the frame really is
 * @liars: a bit for each plane that may have lied, the likeliest one being @liar
 * @liar: the plane that lied, if @liars is not 0
 * @liar_phys: where the word with the wrong bit lies, 0 if that is not known
 * @zone: the name of the zone of @first, or "-"
 * @comm: the name of the task, in which all but printing characters, and the blank, '"',
 *	'=' and '\\', are written as a backslash and three octal digits
 * @reason: of a bad page, what the kernel says of it, escaped as @comm is, but with "_" for
 *	a blank; or ""
 * @mapper: of a mapped free frame, who has it mapped and where, as keys whose values are escaped
 *	as @comm is; or ""
 * @caller_name: @caller with its symbol, made while its module is there
 * @stack: return addresses, innermost first
 * @past: what the history has of @first, without this event
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
	const char *page_type;		/* NULL: a page with a map count */
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
	char comm[DUALBM_COMM_LENGTH];
	char reason[DUALBM_REASON_LENGTH];
	char mapper[DUALBM_MAPPER_LENGTH];
	char caller_name[DUALBM_CALLER_NAME];
	unsigned long stack[DUALBM_STACK_DEPTH];
	struct dualbm_past past[DUALBM_NR_PASTS];
};

/**
 * dualbm_is_report_only() - is a finding true, and perhaps lawful
 * @v: the finding
 *
 * Of a mapped frame page tables and free lists say it, of a piece the history and the counts;
 * only whether it is wrong is open. It has a name and a counter, and no consequence.
 *
 * Context: Any.
 *
 * Return: true if so.
 */
static inline bool dualbm_is_report_only(const struct dualbm_violation *v)
{
	return v->class == DUALBM_MAPPED_FREE || v->class == DUALBM_PIECE_FREE;
}

/**
 * dualbm_is_mismatch() - does nothing prove a finding
 * @v: the finding
 *
 * Context: Any.
 *
 * Return: true if files and logs call it "unproven".
 */
static inline bool dualbm_is_mismatch(const struct dualbm_violation *v)
{
	return v->proof == DUALBM_UNPROVEN && !dualbm_is_report_only(v);
}

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
 * zone->lock and per-CPU list locks as dualbm_prove_free() does, unless @v->class is
 * %DUALBM_ALLOCATOR_CORRUPTION: that event comes with zone->lock held. Does not
 * return where the policy is to panic.
 */
void dualbm_verdict(struct dualbm_violation *v);

/**
 * dualbm_verdict_unproven() - what is to be done of a mismatch that nothing proves
 * @v: as for dualbm_verdict()
 *
 * Context: As dualbm_verdict().
 */
void dualbm_verdict_unproven(struct dualbm_violation *v);

/**
 * dualbm_prove_free() - is a frame in the hands of the allocator
 * @pfn: any frame; of one that is not online nothing is proven
 * @may_wait: the context may wait for zone->lock, as dualbm_event_may_wait() and
 *	dualbm_caller_may_wait() tell
 *
 * Mirrors is_free_buddy_page() (mm/page_alloc.c, 6.1 and 6.12) and the lists of
 * struct per_cpu_pages (include/linux/mmzone.h).
 *
 * Context: Any but under zone->lock or the lock of a per-CPU list, while the
 * event that is being judged has not returned; preemption disabled. Queues for
 * zone->lock or, where it may not, tries; the locks of CPUs' lists are always tried.
 * Looks for 2 ms until it is proven; for locks that cannot be had 20 ms at most, or
 * 500 ms where it may wait and interrupts are enabled. A lock that cannot be had
 * proves nothing. Where interrupts are enabled they are so again between two steps.
 *
 * Return: %DUALBM_PROOF_BUDDY, %DUALBM_PROOF_PCP or %DUALBM_UNPROVEN.
 */
enum dualbm_proof dualbm_prove_free(unsigned long pfn, bool may_wait);

/**
 * dualbm_prove_is_partial() - was there a list that nobody could look at
 * @v: a finding, proven or not
 *
 * Before 6.0 the lists of a CPU have no lock: only that CPU can look at them.
 *
 * Context: Any.
 *
 * Return: true if the lists of other CPUs might have been the witness.
 */
bool dualbm_prove_is_partial(const struct dualbm_violation *v);

/**
 * dualbm_prove_max_ns() - how long a proof has kept interrupts disabled
 *
 * Where they were disabled before, that is the whole of it.
 *
 * Context: Any; takes no lock.
 *
 * Return: the longest time since the module was loaded, in nanoseconds.
 */
u64 dualbm_prove_max_ns(void);

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
 * seconds, and with on_degraded=panic a panic. A mapped free frame and a piece: its own
 * counter, ring, trace event, uevent, log as of an unproven one, and never a taint or a panic.
 *
 * Context: Any; allocates nothing and does not sleep. What that forbids is done
 * a moment later: the uevent, and the log of a proven finding whose event came
 * with zone->lock held.
 */
void dualbm_report(struct dualbm_violation *v);

/**
 * dualbm_report_escape() - make text fit to be a value in a report
 * @out: where it goes, with a zero at its end
 * @size: bytes at @out, 5 at least; what does not fit is left out
 * @text: whatever it may be
 * @length: no more of it than that
 * @blank: what a blank becomes; 0 for its escape
 *
 * All but printing characters, and the blank, '"', '=' and '\\', become a backslash and
 * three octal digits. So it cannot end a word or a line, or begin a key.
 *
 * Context: Any.
 */
void dualbm_report_escape(char *out, size_t size, const char *text, size_t length, char blank);

/**
 * dualbm_report_has() - has this call been reported for that frame
 * @pfn: the frame
 *
 * That is: is there a proven finding of the allocator's use in the ring that covers it, from
 * the same task on the same CPU, no more than a second ago; or did an audit find its count to
 * be wrong, which it is until somebody allocates it.
 *
 * Context: Any; takes no lock.
 *
 * Return: true if so.
 */
bool dualbm_report_has(unsigned long pfn);

#define DUALBM_CLAIM_ORDER	7
#define DUALBM_CLAIM_FRAMES	BIT(DUALBM_CLAIM_ORDER)

/**
 * struct dualbm_claim - a block that a proof test has, and what was found about it
 * @task: who tests; NULL while nobody does
 * @pfn: its first frame, of %DUALBM_CLAIM_FRAMES
 * @classes: a bit for each class that the test's own events had
 * @by_scrub: the scrubber has found something
 */
struct dualbm_claim {
	struct task_struct *task;
	unsigned long pfn;
	unsigned long classes;
	bool by_scrub;
};

extern struct dualbm_claim dualbm_claim;

/**
 * dualbm_report_is_claimed() - is a finding about a proof test's own frames
 * @v: the finding
 *
 * Context: Any; takes no lock.
 *
 * Return: true if so: it is the proof test's, and nobody else's.
 */
bool dualbm_report_is_claimed(const struct dualbm_violation *v);

/**
 * dualbm_report_has_outer() - has the call been reported that this one is a part of
 * @call: the frame, and the stack of this call; if it has none, that is read here
 *
 * free_large_kmalloc() calls __free_pages() before 6.12 (mm/slab_common.c): both drop the
 * same reference.
 *
 * Context: The entry of a call that drops a reference; takes no lock.
 *
 * Return: true if a hook at the entry of a function has found the count of that frame too
 * low, and that function is on the stack.
 */
bool dualbm_report_has_outer(const struct dualbm_violation *call);

/**
 * dualbm_caller_find() - who called the allocator, and in which direction
 * @v: stack, class, event, and entry and caller of a boundary probe filled in; caller is
 *	filled in, the stack is led through it, and of a bad page @v->event becomes
 *	%DUALBM_FREE, %DUALBM_ALLOC, or %DUALBM_FORGET where lists were emptied
 *
 * What lies between the allocator and this, dualbm's own functions and trampolines, is left
 * out of the stack. What no event found has neither caller nor stack: those would be of
 * whoever looked.
 *
 * Context: Any.
 */
void dualbm_caller_find(struct dualbm_violation *v);

/**
 * dualbm_caller_of_call() - whose call a probe of __free_pages() has seen
 * @v: entry, caller and stack are filled in
 * @regs: what the probe's handler was given
 * @address: where the probe is: at the first instruction, or behind the call to ftrace
 *
 * Context: The probe's handler.
 */
void dualbm_caller_of_call(struct dualbm_violation *v, struct pt_regs *regs,
			   unsigned long address);

/**
 * dualbm_caller_is_on_stack() - is this context inside a call that returns there
 * @caller: the return address
 *
 * Context: Any.
 *
 * Return: true if @caller is among the first %DUALBM_STACK_DEPTH entries of the stack.
 */
bool dualbm_caller_is_on_stack(unsigned long caller);

/**
 * dualbm_caller_is_allocator() - is this a function of the allocator's own
 * @address: in the function
 *
 * Also what an event goes through on its way from there to here.
 *
 * Context: Any.
 *
 * Return: true if so: whoever called it is the next function above.
 */
bool dualbm_caller_is_allocator(unsigned long address);

/**
 * dualbm_class_name() - what files and logs call a class
 * @class: the class
 *
 * Context: Any.
 *
 * Return: a constant string.
 */
const char *dualbm_class_name(enum dualbm_class class);

/**
 * dualbm_words() - a finding in plain words
 * @v: the finding, described
 * @number: which line, from 0: what happened, whom to suspect and whom not, what to do next
 * @line: where the line goes, without a newline
 * @size: bytes there
 *
 * Context: Any.
 *
 * Return: the line's length, 0 where there is no such line.
 */
int dualbm_words(const struct dualbm_violation *v, unsigned int number, char *line, size_t size);

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

/* What files and reports call them (dualbm_names.c). */
extern const char * const dualbm_class_names[DUALBM_NR_CLASSES];
extern const char * const dualbm_proof_names[DUALBM_NR_PROOFS];
extern const char * const dualbm_witness_names[DUALBM_NR_WITNESSES];
extern const char * const dualbm_plane_names[DUALBM_NR_PLANES];
extern const char * const dualbm_event_names[DUALBM_NR_EVENTS];
extern const char * const dualbm_code_names[DUALBM_NR_CODES];

/**
 * dualbm_code_name() - the word for a codeword
 * @code: the four bits, 0 to 15
 *
 * Context: Any.
 *
 * Return: the state, or "illegal-" and the bits of primary, secondary, untracked and
 * untracked.
 */
const char *dualbm_code_name(unsigned int code);

#endif /* DUALBM_REPORT_H */
