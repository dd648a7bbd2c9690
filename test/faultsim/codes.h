/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Codes that correct: those that a record could have, and those that memory has (codes.c).
 */
#ifndef CODES_H
#define CODES_H

#include <stdbool.h>
#include <stdint.h>

enum verdict {
	CODE_FINE,		/* a word of the code */
	CODE_CORRECTED,		/* it was not, and one symbol was changed */
	CODE_UNCORRECTABLE
};

/**
 * codes_init() - make the tables; once, before anything else here
 */
void codes_init(void);

/**
 * hsiao_column() - a column of the parity check matrix
 * @bit: 0 to 63 for data, 64 to 71 for the check bits
 *
 * Return: the syndrome of an error in that bit.
 */
uint8_t hsiao_column(unsigned int bit);

/**
 * hsiao_check() - the check bits of Hsiao's (72,64) code, SECDED
 * @data: 64 bits
 *
 * Return: its 8 check bits.
 */
uint8_t hsiao_check(uint64_t data);

/**
 * hsiao_decode() - what a decoder makes of a word
 * @data: 64 bits, corrected there
 * @check: 8 check bits, with what was folded into them taken out
 *
 * Return: the verdict; a wrong correction is one as well.
 */
enum verdict hsiao_decode(uint64_t *data, uint8_t check);

/**
 * inword_encode() - the (64,57) code: single errors corrected, double ones found
 * @data: 57 bits
 *
 * Return: the word, with its check bits in bits 0, 1, 3, 7, 15, 31 and 63.
 */
uint64_t inword_encode(uint64_t data);

/**
 * inword_decode() - what a decoder makes of such a word
 * @word: 64 bits
 * @data: where the 57 bits go
 *
 * Return: the verdict.
 */
enum verdict inword_decode(uint64_t word, uint64_t *data);

/**
 * chipkill_check() - check bits of two words that make one Reed-Solomon code word, (18,16)
 * of bytes: a device's byte is its bits of both
 * @data: two words of 64 bits
 * @check: where their 8 check bits each go, in which two devices have 4 bits each
 */
void chipkill_check(const uint64_t data[2], uint8_t check[2]);

/**
 * chipkill_decode() - what memory with chipkill (SDDC) makes of them
 * @data: corrected there
 * @check: 8 check bits each
 *
 * Return: the verdict.
 */
enum verdict chipkill_decode(uint64_t data[2], const uint8_t check[2]);

#endif /* CODES_H */
