/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who frees what a process has mapped (dualbm_freer.c).
 */
#ifndef DUALBM_FREER_H
#define DUALBM_FREER_H

#include "dualbm.h"

struct dualbm_violation;

/**
 * dualbm_freer_watch() - begin or end to look at each free
 * @on: begin
 *
 * Frames that were noted before are forgotten. Without memory for it, or without the tracepoint,
 * frees are not looked at, and a finding has no name; it is tried again by the next call.
 *
 * Context: Process; sleeps. One caller at a time, without dualbm_memory_lock.
 */
void dualbm_freer_watch(bool on);

/**
 * dualbm_freer_note() - a frame is mapped, and not free
 * @pfn: the frame
 *
 * Context: Any, between two calls of dualbm_freer_watch().
 */
void dualbm_freer_note(unsigned long pfn);

/**
 * dualbm_freer_find() - who freed a frame that was noted
 * @pfn: the frame
 * @v: its event, stack, CPU and task are filled in
 *
 * Context: As dualbm_freer_note().
 *
 * Return: false with *@v as it was if nobody knows.
 */
bool dualbm_freer_find(unsigned long pfn, struct dualbm_violation *v);

#endif /* DUALBM_FREER_H */
