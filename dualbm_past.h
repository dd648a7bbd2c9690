/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is remembered of a frame (dualbm_past.c).
 */
#ifndef DUALBM_PAST_H
#define DUALBM_PAST_H

#include <linux/jump_label.h>
#include <linux/mm.h>

#include "dualbm.h"
#include "dualbm_violation.h"

/* All that is remembered, or the last free only: at most one of the two. */
DECLARE_STATIC_KEY_FALSE(dualbm_history_on);
DECLARE_STATIC_KEY_FALSE(dualbm_frees_on);

/* What is remembered of a frame, or of all frames that share its place. */
#define DUALBM_PAST_BYTES	(DUALBM_NR_PASTS * DUALBM_PAST_FREE_BYTES)
#define DUALBM_PAST_FREE_BYTES	(2 * sizeof(u64))

/* The last call on a CPU that gives back the only reference of a page. */
struct dualbm_free_call {
	struct page *page;	/* NULL: none, or it had its event */
	unsigned long caller;	/* where it returns to */
};

DECLARE_PER_CPU(struct dualbm_free_call, dualbm_free_call);

/*
 * Called where a free of 2^@order frames begins inside of a block that was allocated as one and
 * not taken apart.
 */
typedef void dualbm_piece_found(unsigned long pfn, unsigned int order, unsigned long block,
				unsigned int block_order);

/**
 * dualbm_past_open() - make the table
 * @bytes: for a frame: %DUALBM_PAST_BYTES, or %DUALBM_PAST_FREE_BYTES for its last free only
 * @bits: for 2^@bits frames, or more where fewer could not be told apart
 * @splits: a hook says which blocks are taken apart
 * @with_stacks: marks are numbers of stacks, for which there is a table as well
 *
 * Context: Process; sleeps.
 *
 * Return: for how many frames it is; 0 if there is no memory.
 */
unsigned long dualbm_past_open(size_t bytes, unsigned int bits, bool splits, bool with_stacks);

/**
 * dualbm_past_bytes() - what the tables take that are there now
 *
 * Context: Process, between dualbm_past_open() and dualbm_past_close().
 *
 * Return: bytes.
 */
size_t dualbm_past_bytes(void);

/**
 * dualbm_past_close() - undo dualbm_past_open()
 *
 * Context: Process, when nobody notes or reads any more; sleeps.
 */
void dualbm_past_close(void);

/**
 * dualbm_past_alloc() - note that a block is allocated
 * @page: its first page
 * @order: of the block
 * @mark: who, by dualbm_site_caller(), or dualbm_stack_now() where stacks are kept
 *
 * Context: Any, NMI included; preemption disabled.
 */
void dualbm_past_alloc(struct page *page, unsigned int order, u32 mark);

/**
 * dualbm_past_free() - note that a block is freed
 * @page: its first page
 * @order: of the block
 * @mark: as of dualbm_past_alloc()
 * @found: called before that, if it begins inside of another block
 *
 * Context: As dualbm_past_alloc().
 */
void dualbm_past_free(struct page *page, unsigned int order, u32 mark,
		      dualbm_piece_found *found);

/**
 * dualbm_past_call() - a call begins that will free a page, and names itself to its event
 * @page: the page
 * @caller: where the call returns to
 *
 * The count is such that the call frees the page. If it does not, as somebody took another
 * reference in between, the next call on this CPU takes its place.
 *
 * Context: Any but NMI, at the entry of the call, while %dualbm_frees_on is set; preemption
 * disabled.
 */
static __always_inline void dualbm_past_call(struct page *page, unsigned long caller)
{
	this_cpu_write(dualbm_free_call.page, page);
	this_cpu_write(dualbm_free_call.caller, caller);
}

/**
 * dualbm_past_note() - note that a page is freed, and by whom if it is in such a call
 * @page: the page
 *
 * Context: Any, NMI included, when the event of the free has been judged, while
 * %dualbm_frees_on is set.
 */
void dualbm_past_note(struct page *page);

/**
 * dualbm_past_note_block() - the same of a block
 * @page: its first page
 * @order: of the block
 *
 * Context: As dualbm_past_note().
 */
void dualbm_past_note_block(struct page *page, unsigned int order);

/**
 * dualbm_history_bulk() - the bulk allocator has handed out a page, which no tracepoint shows
 * @page: the page
 *
 * Context: As dualbm_event(), while %dualbm_history_on is set.
 */
void dualbm_history_bulk(struct page *page);

/**
 * dualbm_history_split() - a block is made into single pages
 * @page: its first one
 *
 * From here on each may be freed by itself.
 *
 * Context: Any, while %dualbm_history_on is set; preemption disabled.
 */
void dualbm_history_split(struct page *page);

/**
 * dualbm_history_of() - what is remembered of a frame
 * @pfn: any number
 * @past: filled in
 *
 * An entry that is half written, damaged, or of another frame is left out: a history may
 * have less than there was, and nothing else. It is never the reason of a finding.
 *
 * Context: Any; takes no lock.
 *
 * Return: false if there is no history.
 */
bool dualbm_history_of(unsigned long pfn, struct dualbm_past past[DUALBM_NR_PASTS]);

/**
 * dualbm_history_falsify() - is a damaged entry taken for one
 * @pfn: the first frame of a block that there are entries of
 * @believed: how many were, filled in
 *
 * Tries it on copies, with each bit of each entry flipped.
 *
 * Context: Any; takes no lock.
 *
 * Return: how many were tried.
 */
unsigned int dualbm_history_falsify(unsigned long pfn, unsigned int *believed);

/**
 * dualbm_past_is_named() - is it known who that was
 * @past: an event, or none
 *
 * Context: Any.
 *
 * Return: true if @past has the name of a function.
 */
bool dualbm_past_is_named(const struct dualbm_past *past);

/**
 * dualbm_past_level() - a function of the stack of an event
 * @past: an event, or none
 * @level: 0 is the caller of the allocator, 1 is who called that
 * @name: where its name goes
 * @size: bytes there
 *
 * Context: Any; takes no lock.
 *
 * Return: false if there is none; so too when the history was switched since, as its names are
 * gone then.
 */
bool dualbm_past_level(const struct dualbm_past *past, unsigned int level, char *name,
		       size_t size);

/**
 * dualbm_past_line() - one event of the past in words
 * @kind: which
 * @past: the event
 * @line: where it goes, without a newline
 * @size: bytes there
 *
 * Context: Any.
 *
 * Return: the line's length, 0 if there is no such event.
 */
int dualbm_past_line(enum dualbm_past_kind kind, const struct dualbm_past *past,
		     char *line, size_t size);

/**
 * dualbm_past_keys() - the same as keys and values
 * @past: all of them
 * @buffer: where they go, each behind a blank
 * @size: bytes there
 *
 * Context: Any.
 *
 * Return: how many characters were written.
 */
int dualbm_past_keys(const struct dualbm_past past[DUALBM_NR_PASTS], char *buffer, size_t size);

#endif /* DUALBM_PAST_H */
