/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What "dualbmctl journal" writes and "dualbmctl history" reads. The identifiers are those of the
 * catalog, dualbm.catalog, and never change.
 */
#ifndef EVENTS_H
#define EVENTS_H

#include "dualbmctl.h"

enum event_kind {
	EVENT_FINDING,		/* the log has a record */
	EVENT_STATE,
	EVENT_POLICY,
	EVENT_SCRUB,		/* a pass that found something */
	EVENT_LOAD,
	EVENT_UNLOAD,
	NR_EVENTS,
};

struct event_name {
	const char *word;
	const char *id;		/* MESSAGE_ID */
};

extern const struct event_name event_names[NR_EVENTS];

/* What each line of the module begins with in the kernel's log. */
#define LOG_PREFIX	"dualbm: "

/* How long the class is in "CLASS pfn=0x..."; 0 if a line, without its prefix, is none such. */
size_t event_class(const char *text);
/* Which kind a line of the log is, without its prefix; NR_EVENTS if it is none. */
enum event_kind event_of_line(const char *text);
/* The state that such a line tells; NULL if it is another line. */
const char *event_state(const char *text);

#endif /* EVENTS_H */
