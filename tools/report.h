/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of "dualbmctl report" share: what is masked, the kernel's log, and the archive.
 */
#ifndef REPORT_H
#define REPORT_H

#include "dualbmctl.h"

/* ---- mask.c ---- */

/* The longest line of a report; the rest of one is cut off. */
#define MASK_LINE	8192

struct mask_name {
	char *text;
	size_t length;
	bool host;		/* of the machine, and not of somebody on it */
};

struct mask {
	bool addresses;		/* are masked */
	struct mask_name *names;
	size_t nr_names, first[256];
	char **kept;
	size_t nr_kept;
	/* What was done. */
	uint64_t nr_masked_addresses, nr_masked_names, nr_bytes, nr_cut;
};

/**
 * mask_begin() - read what is to be masked below the root
 * @mask: for mask_free()
 * @addresses: mask kernel addresses too
 */
void mask_begin(struct mask *mask, bool addresses);
/* Digits that are no address, as a build-id; NULL is none. */
void mask_keep(struct mask *mask, const char *identity);
/**
 * mask_text() - a text without what must not leave the machine
 * @mask: counts what it has masked
 * @text: any bytes
 * @size: of @text
 *
 * Return: ASCII, with newlines and tabs as the only control characters; a NUL follows. What does
 * not print is a backslash and three octal digits.
 */
struct buffer mask_text(struct mask *mask, const char *text, size_t size);
/* The same of one line: a newline in it does not print either. */
struct buffer mask_line(struct mask *mask, const char *text, size_t size);
void mask_free(struct mask *mask);

/* ---- log.c ---- */

/* A record of /dev/kmsg. */
struct kmsg {
	uint64_t sequence, usec;
	char *text;		/* NULL if it is not of the module */
	size_t length;
};

/* False if it is no such record. Changes the line, which the text is part of. */
bool kmsg_parse(char *line, struct kmsg *record);

struct log_line {
	bool timed;
	uint64_t usec;		/* since boot */
	char *text;		/* from "dualbm: " on, masked */
};

/* What the module said, the newest lines where there are too many. */
struct log {
	struct log_line *lines;
	size_t nr, first, bytes;
	uint64_t dropped;	/* older lines, and records that the kernel has overwritten */
};

/**
 * log_read_kernel() - the module's lines of the log of the running kernel
 * @log: zeroed; for log_free()
 * @mask: for the text
 *
 * Return: 0 or -errno.
 */
int log_read_kernel(struct log *log, struct mask *mask);
/* The same of a file that dmesg, journalctl or a serial console has written. */
int log_read_file(struct log *log, struct mask *mask, const char *path);
void log_free(struct log *log);
/* "[   12.345678] dualbm: ...", line by line. */
struct buffer log_text(const struct log *log);
/* The blocks of its findings, as an array of that name. */
void log_json_blocks(const char *name, const struct log *log);

/* ---- bundle.c ---- */

struct bundle;

/**
 * bundle_begin() - a file beside @path that becomes it when it is whole
 * @path: must not be there; its name ends with .tar.zst
 *
 * Ends the program with a message if that cannot be; nothing is left behind then, nor by a signal.
 */
struct bundle *bundle_begin(const char *path);
/* False if the archive has no room for it. */
bool bundle_add(struct bundle *bundle, const char *name, const char *data, size_t size);
/* Adds the list of check sums, gives the file its name, and says what it has; frees @bundle. */
void bundle_finish(struct bundle *bundle, uint64_t *bytes, unsigned int *files);

#endif /* REPORT_H */
