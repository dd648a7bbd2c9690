/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who had a frame before: what is remembered (dualbm_past.c), the probes that note it
 * (dualbm_history.c), and the places in code from which the allocator is called (dualbm_sites.c).
 */
#ifndef DUALBM_HISTORY_H
#define DUALBM_HISTORY_H

#include <linux/jump_label.h>
#include <linux/mm.h>

#include "dualbm.h"

/* A name that is all escapes: DUALBM_COMM_LENGTH of dualbm_report.h. */
#define DUALBM_PAST_COMM	61
#define DUALBM_PAST_NAME	72
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
 * @cpu: where
 * @order: of the block
 * @interrupt: it was not the task itself, but an interrupt in the middle of it
 */
struct dualbm_past {
	char name[DUALBM_PAST_NAME];
	char comm[DUALBM_PAST_COMM];
	u64 age_ms;
	pid_t pid;
	unsigned short cpu;
	unsigned char order;
	bool interrupt;
};

#define DUALBM_HISTORY_MAX_MIB	(1024 * 1024)

/* What the parameter of this name says; read when the history is switched on. */
extern unsigned int dualbm_history_mib;

DECLARE_STATIC_KEY_FALSE(dualbm_history_on);

/**
 * dualbm_history_choose() - the parameter "history" at load
 * @text: "off" or "callers", with or without a newline
 *
 * Context: Process, before dualbm_history_start().
 *
 * Return: 0 or -EINVAL.
 */
int dualbm_history_choose(const char *text);

/**
 * dualbm_history_start() - switch the history on, if the parameter says so
 *
 * Without the memory for it the module does all its work; a line in the log says so.
 *
 * Context: Module init, when the hooks are attached; sleeps.
 */
void dualbm_history_start(void);

/**
 * dualbm_history_exit() - end it
 *
 * Context: Module exit, or init that fails, when no file is there any more and before the
 * hooks are detached; sleeps.
 */
void dualbm_history_exit(void);

/**
 * dualbm_history_write() - switch it on and off
 * @text: "off" or "callers", with or without a newline
 *
 * What was remembered is forgotten.
 *
 * Context: Process; sleeps.
 *
 * Return: 0, -EINVAL with a line in the log that says what is accepted, -ENOMEM, or what
 * tracepoint_probe_register_prio() says; then it is off.
 */
int dualbm_history_write(const char *text);

/**
 * dualbm_history_name() - the word for what it does
 *
 * Context: Any.
 *
 * Return: "off" or "callers".
 */
const char *dualbm_history_name(void);

/* What is remembered of a frame, or of all frames that share its place. */
#define DUALBM_PAST_BYTES	(DUALBM_NR_PASTS * 2 * sizeof(u64))

/*
 * Called where a free of 2^@order frames begins inside of a block that was allocated as one and
 * not taken apart.
 */
typedef void dualbm_piece_found(unsigned long pfn, unsigned int order, unsigned long block,
				unsigned int block_order);

/**
 * dualbm_past_open() - make the table
 * @bits: for 2^@bits frames, or more where fewer could not be told apart
 * @splits: a hook says which blocks are taken apart
 *
 * Context: Process; sleeps.
 *
 * Return: for how many frames it is; 0 if there is no memory.
 */
unsigned long dualbm_past_open(unsigned int bits, bool splits);

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
 * @slot: as of dualbm_site_caller()
 *
 * Context: Any, NMI included; preemption disabled.
 */
void dualbm_past_alloc(struct page *page, unsigned int order, unsigned long *slot);

/**
 * dualbm_past_free() - note that a block is freed
 * @page: its first page
 * @order: of the block
 * @slot: as of dualbm_site_caller()
 * @found: called before that, if it begins inside of another block
 *
 * Context: As dualbm_past_alloc().
 */
void dualbm_past_free(struct page *page, unsigned int order, unsigned long *slot,
		      dualbm_piece_found *found);

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

/* ---- sites: places in code ---- */

/* A site's mark: 5 bits that tell who had its place in the table before, and the place. */
#define DUALBM_SITE_SHIFT	14
#define DUALBM_MARK_BITS	(DUALBM_SITE_SHIFT + 5)

/**
 * dualbm_sites_init() - make the table of sites
 *
 * Context: Process; sleeps.
 *
 * Return: 0, -ENOMEM, or what register_module_notifier() says.
 */
int dualbm_sites_init(void);

/**
 * dualbm_sites_exit() - undo dualbm_sites_init()
 *
 * Context: Process, when nobody uses sites any more; sleeps.
 */
void dualbm_sites_exit(void);

/**
 * dualbm_site_caller() - who called the allocator
 * @slot: where the return address of a function lies that the allocator has called, on the
 *	stack of whoever asks
 *
 * Goes from return address to return address through the allocator's own functions. Where
 * the next one lies was learned from the unwinder, once for each of them, and holds for
 * each call from there: see docs/design.md.
 *
 * Context: Any, NMI included; preemption disabled. Takes no lock, allocates nothing.
 *
 * Return: the site's mark, 0 if it cannot be said.
 */
u32 dualbm_site_caller(unsigned long *slot);

/**
 * dualbm_site_name() - function, offset and module of a site
 * @mark: what dualbm_site_caller() returned
 * @name: where it goes
 * @size: bytes there
 *
 * Of a module that has gone it is the name that it had.
 *
 * Context: Any, while the table is there.
 */
void dualbm_site_name(u32 mark, char *name, size_t size);

#endif /* DUALBM_HISTORY_H */
