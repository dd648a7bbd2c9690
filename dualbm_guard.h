/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Control data that is kept three times (dualbm_guard.c).
 */
#ifndef DUALBM_GUARD_H
#define DUALBM_GUARD_H

#include "dualbm.h"

/**
 * dualbm_guard_add() - keep some data three times from now on
 * @name: what reports call it, a constant
 * @data: where it is; from now on changed by dualbm_guard_store() only
 * @size: bytes
 *
 * Context: Module init; takes a spinlock.
 *
 * Return: 0, or -ENOSPC with a log line.
 */
int dualbm_guard_add(const char *name, void *data, size_t size);

/**
 * dualbm_guard_store() - change data that may be kept three times
 * @data: where it is, with or without dualbm_guard_add()
 * @value: the new value
 * @size: bytes; as in dualbm_guard_add()
 *
 * Context: Any, NMI excepted: takes a spinlock with interrupts disabled.
 */
void dualbm_guard_store(void *data, const void *value, size_t size);

/**
 * dualbm_guard_restore() - put one item right, before somebody acts on it
 * @data: where it is
 *
 * Two of three copies put the third one right; the next vote on all reports it.
 *
 * Context: Any, NMI excepted: takes a spinlock with interrupts disabled.
 *
 * Return: true if it was wrong.
 */
bool dualbm_guard_restore(const void *data);

/**
 * dualbm_guard_vote() - is all of it what was last stored
 * @wrong: called with the name of what was not, and how many bytes were wrong
 *
 * Two of three copies put the third one right. What dualbm_guard_restore() has put right
 * meanwhile was wrong as well.
 *
 * Context: The scrubber.
 *
 * Return: how much was not.
 */
unsigned int dualbm_guard_vote(void (*wrong)(const char *name, unsigned int bytes));

#endif /* DUALBM_GUARD_H */
