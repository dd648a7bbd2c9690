/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For how long has it protected, and when did the last pass end (dualbm_uptime.c).
 */
#ifndef DUALBM_UPTIME_H
#define DUALBM_UPTIME_H

#include <linux/types.h>

/**
 * struct dualbm_uptime - times, in milliseconds
 * @protected: how long events were believed since the module was loaded, at least
 * @unbroken: how long they have been by now without a break, at least; 0 if they are not
 * @scrubbed: how long ago the last pass of the scrubber ended, a second less at most; 0 if
 *	there was none
 */
struct dualbm_uptime {
	u64 protected, unbroken, scrubbed;
};

/**
 * dualbm_uptime_look() - take note of what is so now
 *
 * What is between two looks counts only if nothing was forgotten between them.
 *
 * Context: The watchdog's work, every second; one at a time. Sleeps not.
 */
void dualbm_uptime_look(void);

/**
 * dualbm_uptime_read() - the times up to the last look
 * @uptime: filled in; @protected never becomes less
 *
 * Context: Process; takes no lock.
 */
void dualbm_uptime_read(struct dualbm_uptime *uptime);

#endif /* DUALBM_UPTIME_H */
