/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A violation, and what its report has.
 */
#ifndef DUALBM_VIOLATION_H
#define DUALBM_VIOLATION_H

#include <linux/mmzone.h>
#include <linux/sched.h>

#include "dualbm.h"

/* A name that is all escapes: DUALBM_COMM_LENGTH of dualbm_report.h. */
#define DUALBM_PAST_COMM	61
#define DUALBM_PAST_NAME	72
#define DUALBM_PAST_LEVELS	8
#define DUALBM_PAST_LINE	256

/* What is remembered of a frame, as reports print it. */
enum dualbm_past_kind {
	DUALBM_ALLOCATED,
	DUALBM_FREED,
	DUALBM_FREED_BEFORE,
	DUALBM_ALLOCATED_BEFORE,
	DUALBM_NR_PASTS
};

/**
 * struct dualbm_past - one event of the past
 *
 * @name: function, offset and module of who called the allocator, or "unknown"; "" if there
 *	is no such event
 * @comm: the task's name as it is now, escaped; "" if the task is no more
 * @age_ms: how long ago
 * @pid: the task
 * @cpu: where, -1 if that was not kept
 * @order: of the block
 * @interrupt: it was not the task itself, but an interrupt in the middle of it
 * @era: of the history that has names for @levels
 * @levels: sites of the stack, the caller of the allocator first; none unless stacks are kept
 */
struct dualbm_past {
	char name[DUALBM_PAST_NAME];
	char comm[DUALBM_PAST_COMM];
	u64 age_ms;
	pid_t pid;
	short cpu;
	unsigned char order;
	bool interrupt;
	unsigned int era;
	u32 levels[DUALBM_PAST_LEVELS];
};

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
	bool task_is_known;		/* cpu, pid and comm are of an event that is over */
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

#endif /* DUALBM_VIOLATION_H */
