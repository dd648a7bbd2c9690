/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The systemd journal, as far as "journal" and "history" need it.
 */
#ifndef JOURNAL_H
#define JOURNAL_H

#include "events.h"

struct entry {
	enum event_kind kind;
	bool of_kernel;		/* the kernel's own line, and not what "journal" made of it */
	uint64_t when;		/* microseconds since 1970 */
	uint64_t usec;		/* since boot, as the log has it; 0 if not known */
	char boot[33];
	char *text;		/* without the prefix; as it was found */
	char *class, *state, *policy;
	uint64_t sequence;	/* in the log; 0 if it is none of its lines */
	uint64_t pass;
};

/**
 * journal_read() - what the journal below the root has of dualbm
 * @boot: only of that boot; NULL for all
 * @since: microseconds since 1970
 * @kernel: the kernel's own lines too
 * @take: gets each in turn, oldest first, and owns what is allocated in it
 * @data: for @take
 *
 * Only what root or the kernel has written counts: others can write whatever they like.
 *
 * Return: 0 or -errno; -EOPNOTSUPP if this was built without libsystemd.
 */
int journal_read(const char *boot, uint64_t since, bool kernel,
		 void (*take)(void *data, struct entry *entry), void *data);
void entry_free(struct entry *entry);

struct field {
	const char *name, *value;
};

/* Sends an entry of that kind; the text gets the module's prefix. 0 or -errno. */
int journal_send(enum event_kind kind, int priority, const char *text, const struct field *fields,
		 size_t nr);

#endif /* JOURNAL_H */
