/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a finding has, and its lines (dualbm_record.c).
 */
#ifndef DUALBM_RECORD_H
#define DUALBM_RECORD_H

#include "dualbm.h"

struct dualbm_violation;

/**
 * dualbm_record_describe() - fill in who, where, and what struct page says
 * @v: the finding; its stack, if it has none
 *
 * Context: Any; takes no lock, allocates nothing.
 */
void dualbm_record_describe(struct dualbm_violation *v);

/**
 * dualbm_record_line() - the line that a panic says, and that stands in the log
 * @v: the finding, described
 * @buffer: where it goes, without a newline
 * @size: bytes in @buffer; what is more is cut off
 *
 * Context: Any.
 *
 * Return: how many characters were written, as scnprintf().
 */
int dualbm_record_line(const struct dualbm_violation *v, char *buffer, size_t size);

/**
 * dualbm_record_keys() - write a record as one line of key=value
 * @v: the record
 * @buffer: where it goes, with a newline
 * @size: bytes in @buffer; what is more is cut off
 *
 * Context: Any.
 *
 * Return: how many characters were written, as scnprintf().
 */
int dualbm_record_keys(const struct dualbm_violation *v, char *buffer, size_t size);

/**
 * dualbm_record_log() - write the block of a record into the log
 * @v: the finding, described, with its number
 * @quietly: to no console now, but with whatever is said next
 *
 * Unless @quietly, a kernel with CONFIG_PAGE_OWNER adds what it knows of the page: dump_page().
 *
 * Context: Any, with @quietly; without, where a console may be.
 */
void dualbm_record_log(const struct dualbm_violation *v, bool quietly);

#endif /* DUALBM_RECORD_H */
