/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Words for what the code has numbers for (dualbm_names.c).
 */
#ifndef DUALBM_NAMES_H
#define DUALBM_NAMES_H

#include "dualbm.h"
#include "dualbm_violation.h"

/**
 * dualbm_report_escape() - make text fit to be a value in a report
 * @out: where it goes, with a zero at its end
 * @size: bytes at @out, 5 at least; what does not fit is left out
 * @text: whatever it may be
 * @length: no more of it than that
 * @blank: what a blank becomes; 0 for its escape
 *
 * All but printing characters, and the blank, '"', '=' and '\\', become a backslash and
 * three octal digits. So it cannot end a word or a line, or begin a key.
 *
 * Context: Any.
 */
void dualbm_report_escape(char *out, size_t size, const char *text, size_t length, char blank);

/*
 * What files and logs call them. A codeword that is none is "illegal-" and its bits of primary,
 * secondary, untracked and known.
 */
extern const char * const dualbm_class_names[DUALBM_NR_CLASSES];
extern const char * const dualbm_proof_names[DUALBM_NR_PROOFS];
extern const char * const dualbm_witness_names[DUALBM_NR_WITNESSES];
extern const char * const dualbm_plane_names[DUALBM_NR_PLANES];
extern const char * const dualbm_event_names[DUALBM_NR_EVENTS];
extern const char * const dualbm_code_names[DUALBM_NR_CODES];

#endif /* DUALBM_NAMES_H */
