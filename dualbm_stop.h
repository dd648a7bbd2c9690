/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * All CPUs stopped, and for how long (dualbm_stop.c).
 */
#ifndef DUALBM_STOP_H
#define DUALBM_STOP_H

#include <linux/types.h>

#include "dualbm.h"

/* What may take as long as there is of it goes on in the next stop after so long. */
#define DUALBM_STOP_NS	(200 * NSEC_PER_USEC)

/**
 * dualbm_stop() - call a function while all CPUs are stopped
 * @function: called on one CPU, with interrupts disabled everywhere; only an NMI can come
 * @data: for @function
 *
 * As stop_machine(), kernel/stop_machine.c, 6.1 and 6.12, and counted: how often, and the
 * time from when all CPUs have stopped until they may go on.
 *
 * Context: Process; sleeps. Takes the CPU hotplug lock.
 *
 * Return: what @function returned.
 */
int dualbm_stop(int (*function)(void *data), void *data);

/**
 * dualbm_stopped_max_ns() - the longest time with all CPUs stopped
 *
 * Context: Any.
 *
 * Return: nanoseconds, since the load.
 */
u64 dualbm_stopped_max_ns(void);

#endif /* DUALBM_STOP_H */
