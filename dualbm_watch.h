/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Do the hooks fire (dualbm_watch.c).
 */
#ifndef DUALBM_WATCH_H
#define DUALBM_WATCH_H

#include "dualbm.h"

/**
 * dualbm_hooks_exercise() - see that every hook fires
 *
 * Allocates and frees a page, a vmalloc() area and a contiguous range, and
 * unpoisons a frame that does not exist. Of ftrace hooks that this does not
 * reach, the call in the function's code is looked for. An optional hook that
 * does not fire is marked as dead, and said to be so.
 *
 * Context: Module init, after dualbm_mode_start(); sleeps.
 *
 * Return: 0, or -ENODEV with a log line that names the required hook.
 */
int dualbm_hooks_exercise(void);

/**
 * dualbm_hooks_watch() - the same, and provoke the hooks that can go silent
 *
 * These are the tracepoints, the bulk allocator's exit and the boundary probes:
 * a page and a vmalloc() area are allocated and freed. One that does not fire
 * is marked as dead, counted as a miss and logged, required or not.
 *
 * Context: Process, as long as hooks are attached; sleeps. Callers take turns.
 *
 * Return: what was lost, or the required hook that is dead, as one constant line, or
 * NULL: an optional one that is dead loses its check, and no event.
 */
const char *dualbm_hooks_watch(void);

#endif /* DUALBM_WATCH_H */
