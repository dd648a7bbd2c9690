/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What "status" has read, and what it makes of that.
 */
#ifndef STATUS_H
#define STATUS_H

#include "dualbmctl.h"

/* Was this kernel tried? */
enum qualified {
	QUALIFIED_UNKNOWN,	/* the module does not say */
	QUALIFIED,
	QUALIFIED_TRUSTED,	/* it was not, and allow_untested=1 */
	QUALIFIED_NOT,
};

struct hook_line {
	char *name, *mechanism;
	uint64_t hits, missed;
	bool required, silent;
};

struct module_status {
	char *state, *reason, *policy, *version, *kernel_id, *release;
	enum qualified qualified;
	uint64_t uptime_ms;	/* of the machine; 0 if it is not known */
	struct buffer stats, placement, scrub;
	struct hook_line *hooks;
	size_t nr_hooks;
	struct violation last;
	bool has_last;
	bool restricted;	/* some of it is for root */
};

/* ---- status_read.c ---- */

/* Reads all of it, or ends with the reason why not. */
void status_read(struct module_status *status);
void status_free(struct module_status *status);
/* A line of "stats" that every module has had; ends with a message if it is not there. */
uint64_t status_number(const struct module_status *status, const char *name);
/* One that an older module may not have: false, and 0, then. */
bool status_knows(const struct module_status *status, const char *name, uint64_t *value);
/* What "stats" has, as the object of that name; a line that is no number is left out. */
void json_stats(const char *text);
/* Is there nothing that would make somebody look: not armed, something found, something lost. */
bool status_is_well(const struct module_status *status);

/* ---- advice.c ---- */

struct advice {
	enum colour how;
	const char *meaning, *action;
	const char *see;	/* of dualbmctl(8) */
};

/* What the state and what was found mean, and what is to be done. */
struct advice advice_of(const struct module_status *status);
/* The same where there is no module. */
extern const struct advice advice_unloaded;

/* ---- screen.c ---- */

/* In words, on one screen; @verbose has all hooks and nodes too. */
void screen_show(const struct module_status *status, bool verbose);
/* The screen of a machine whose module is not loaded. */
void screen_show_unloaded(void);

#endif /* STATUS_H */
