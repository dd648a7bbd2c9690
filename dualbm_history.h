/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The history on and off, and its probes (dualbm_history.c).
 */
#ifndef DUALBM_HISTORY_H
#define DUALBM_HISTORY_H

#include "dualbm.h"

#define DUALBM_HISTORY_MAX_MIB	(1024 * 1024)

/* What the parameter of this name says; read when the history is switched on. */
extern unsigned int dualbm_history_mib;

/**
 * dualbm_history_choose() - the parameter "history" at load
 * @text: "off", "frees", "callers" or "stacks", with or without a newline
 *
 * Context: Process, before dualbm_history_start().
 *
 * Return: 0 or -EINVAL.
 */
int dualbm_history_choose(const char *text);

/**
 * dualbm_history_start() - switch the history on, if the parameter says so
 *
 * Without the memory for it the module does all its work; a line in the log says so.
 *
 * Context: Module init, when the hooks are attached; sleeps.
 */
void dualbm_history_start(void);

/**
 * dualbm_history_exit() - end it
 *
 * Context: Module exit, or init that fails, when no file is there any more and before the
 * hooks are detached; sleeps.
 */
void dualbm_history_exit(void);

/**
 * dualbm_history_write() - switch it on and off
 * @text: "off", "frees", "callers" or "stacks", with or without a newline
 *
 * What was remembered is forgotten.
 *
 * Context: Process; sleeps.
 *
 * Return: 0, -EINVAL with a line in the log that says what is accepted, -ENOMEM, or what
 * tracepoint_probe_register_prio() says; then it is off.
 */
int dualbm_history_write(const char *text);

/**
 * dualbm_history_name() - the word for what it does
 *
 * Context: Any.
 *
 * Return: "off", "frees", "callers" or "stacks".
 */
const char *dualbm_history_name(void);

#endif /* DUALBM_HISTORY_H */
