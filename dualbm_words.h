/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A report in plain words (dualbm_words.c).
 */
#ifndef DUALBM_WORDS_H
#define DUALBM_WORDS_H

#include "dualbm.h"

struct dualbm_violation;

/**
 * dualbm_words() - a finding in plain words
 * @v: the finding, described
 * @number: which line, from 0: what happened, whom to suspect and whom not, what to do next
 * @line: where the line goes, without a newline
 * @size: bytes there
 *
 * Context: Any.
 *
 * Return: the line's length, 0 where there is no such line.
 */
int dualbm_words(const struct dualbm_violation *v, unsigned int number, char *line, size_t size);

#endif /* DUALBM_WORDS_H */
