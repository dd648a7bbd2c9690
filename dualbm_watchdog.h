/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who looks whether the scrubber and the hooks go on (dualbm_watchdog.c).
 */
#ifndef DUALBM_WATCHDOG_H
#define DUALBM_WATCHDOG_H

#include "dualbm.h"

/**
 * dualbm_watchdog_init() - make the watchdog
 *
 * A thread, which does nothing until dualbm_watchdog_start(), and a queue.
 *
 * Context: Module init, after dualbm_hooks_attach(); sleeps.
 *
 * Return: 0; -ENOMEM; or what kthread_create() says, with a log line.
 */
int dualbm_watchdog_init(void);

/**
 * dualbm_watchdog_start() - look every second from now on
 *
 * Context: Module init, when nothing can fail any more. Any context.
 */
void dualbm_watchdog_start(void);

/**
 * dualbm_watchdog_exit() - look no more
 *
 * Context: Module exit, or init that fails: after dualbm_scrub_exit(), which may need its
 * help, and before the hooks go. Sleeps until what runs is done.
 */
void dualbm_watchdog_exit(void);

#endif /* DUALBM_WATCHDOG_H */
