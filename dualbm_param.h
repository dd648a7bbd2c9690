/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Parameters, and the words that they take (dualbm_param.c).
 */
#ifndef DUALBM_PARAM_H
#define DUALBM_PARAM_H

#include <linux/types.h>

enum dualbm_reaction { DUALBM_REPORT, DUALBM_PANIC };

/* What the parameters of these names say; most may change at any time. */
extern enum dualbm_reaction dualbm_policy;
extern enum dualbm_reaction dualbm_on_degraded;
extern bool dualbm_boundary;
extern bool dualbm_repair;
extern bool dualbm_inject;
extern bool dualbm_allow_untested;
extern bool dualbm_audit_mappings;
extern unsigned int dualbm_scrub_interval_ms;

/**
 * dualbm_reaction_parse() - read "report" or "panic"
 * @what: whose value it is, for the message
 * @text: the word, with or without a newline at its end
 * @reaction: where it goes
 *
 * Mirrors __sysfs_match_string() (lib/string_helpers.c, 6.1 and 6.12).
 *
 * Context: Process; takes no lock.
 *
 * Return: 0, or -EINVAL with *@reaction unchanged and a log line that says what
 * is accepted.
 */
int dualbm_reaction_parse(const char *what, const char *text,
			  enum dualbm_reaction *reaction);

/**
 * dualbm_reaction_name() - the word for a reaction
 * @reaction: the reaction
 *
 * Context: Any.
 *
 * Return: "report" or "panic".
 */
const char *dualbm_reaction_name(enum dualbm_reaction reaction);

/**
 * dualbm_param_refuse() - say in one line what was wrong and what is accepted
 * @what: the parameter's name
 * @text: what was written
 * @accepted: what is accepted, in words
 *
 * Context: Process.
 *
 * Return: -EINVAL.
 */
int dualbm_param_refuse(const char *what, const char *text, const char *accepted);

#endif /* DUALBM_PARAM_H */
