// SPDX-License-Identifier: GPL-2.0-only
/*
 * Codes that correct: Hsiao's (72,64), a (64,57) inside one word, and Reed-Solomon over the
 * devices of a rank.
 */
#include "codes.h"

#define PARITY(bits)	(__builtin_popcount(bits) & 1)

/* ---- (72,64): columns of odd weight, so that two errors never look like one ---- */

static uint8_t columns[72];
/* Which bit an odd syndrome names, or -1. */
static int8_t bit_of[256];
/* The check bits that a byte of data contributes. */
static uint8_t share[8][256];

static void hsiao_init(void)
{
	unsigned int value, bit = 0, byte, i;

	/* All 56 columns of weight 3, then eight of weight 5 that use all rows alike. */
	for (value = 0; value < 256; value++)
		if (__builtin_popcount(value) == 3)
			columns[bit++] = value;
	for (i = 0; i < 8; i++)
		columns[bit++] = 0x1f << i | 0x1f >> (8 - i);
	for (i = 0; i < 8; i++)
		columns[bit++] = 1 << i;
	for (value = 0; value < 256; value++)
		bit_of[value] = -1;
	for (bit = 0; bit < 72; bit++)
		bit_of[columns[bit]] = bit;
	for (byte = 0; byte < 8; byte++) {
		for (value = 0; value < 256; value++) {
			share[byte][value] = 0;
			for (i = 0; i < 8; i++)
				if (value >> i & 1)
					share[byte][value] ^= columns[8 * byte + i];
		}
	}
}

uint8_t hsiao_column(unsigned int bit)
{
	return columns[bit];
}

uint8_t hsiao_check(uint64_t data)
{
	uint8_t check = 0;
	unsigned int byte;

	for (byte = 0; byte < 8; byte++)
		check ^= share[byte][data >> 8 * byte & 255];
	return check;
}

enum verdict hsiao_decode(uint64_t *data, uint8_t check)
{
	uint8_t syndrome = hsiao_check(*data) ^ check;
	int bit = bit_of[syndrome];

	if (!syndrome)
		return CODE_FINE;
	if (bit < 0)
		return CODE_UNCORRECTABLE;
	if (bit < 64)
		*data ^= 1ull << bit;
	return CODE_CORRECTED;
}

/* ---- (64,57): all 64 columns of 7 bits that have an odd weight ---- */

/* Bit n's column is n and, above it, what makes its weight odd. */
static unsigned int inword_syndrome(uint64_t word)
{
	static const uint64_t rows[] = {
		0xaaaaaaaaaaaaaaaaull, 0xccccccccccccccccull, 0xf0f0f0f0f0f0f0f0ull,
		0xff00ff00ff00ff00ull, 0xffff0000ffff0000ull, 0xffffffff00000000ull,
	};
	unsigned int syndrome = 0, row;

	for (row = 0; row < 6; row++)
		syndrome |= __builtin_parityll(word & rows[row]) << row;
	/* The sum of all columns' weights has the parity of the number of bits. */
	return syndrome | (__builtin_parityll(word) ^ PARITY(syndrome)) << 6;
}

/*
 * Check bits are where seven columns are independent of each other: no bit of a number, its
 * lowest one, its lowest two and so on. Between these bits lie runs of 1, 3, 7, 15 and 31.
 */
static uint64_t inword_spread(uint64_t data)
{
	return (data & 0x1) << 2 | (data & 0xe) << 3 | (data & 0x7f0) << 4 |
	       (data & 0x3fff800) << 5 | (data & 0x1fffffffc000000) << 6;
}

static uint64_t inword_gather(uint64_t word)
{
	return (word >> 2 & 0x1) | (word >> 3 & 0xe) | (word >> 4 & 0x7f0) |
	       (word >> 5 & 0x3fff800) | (word >> 6 & 0x1fffffffc000000);
}

/* For each syndrome the check bits that bring it to 0. */
static uint64_t inword_fix[128];

static void inword_init(void)
{
	static const unsigned int bits[] = { 0, 1, 3, 7, 15, 31, 63 };
	unsigned int choice, i;

	for (choice = 0; choice < 128; choice++) {
		uint64_t word = 0;

		for (i = 0; i < 7; i++)
			if (choice >> i & 1)
				word |= 1ull << bits[i];
		inword_fix[inword_syndrome(word)] = word;
	}
}

uint64_t inword_encode(uint64_t data)
{
	uint64_t word = inword_spread(data);

	return word | inword_fix[inword_syndrome(word)];
}

enum verdict inword_decode(uint64_t word, uint64_t *data)
{
	unsigned int syndrome = inword_syndrome(word);
	enum verdict verdict = CODE_FINE;

	if (syndrome && !PARITY(syndrome)) {
		verdict = CODE_UNCORRECTABLE;
	} else if (syndrome) {
		word ^= 1ull << (syndrome & 63);
		verdict = CODE_CORRECTED;
	}
	*data = inword_gather(word);
	return verdict;
}

/* ---- chipkill: two checks over bytes, the plain sum and one weighted by powers of 2 ---- */

#define SYMBOLS	18

static uint8_t power[512];
static uint16_t logarithm[256];

static void chipkill_init(void)
{
	unsigned int value = 1, i;

	/* The field of 256 elements by x^8 + x^4 + x^3 + x^2 + 1, in which 2 makes all others. */
	for (i = 0; i < 255; i++) {
		power[i] = value;
		power[i + 255] = value;
		logarithm[value] = i;
		value = value << 1 ^ (value & 0x80 ? 0x11d : 0);
	}
}

/* @value times 2 to the @exponent, up to 255. */
static uint8_t scaled(uint8_t value, unsigned int exponent)
{
	return value ? power[logarithm[value] + exponent] : 0;
}

static uint8_t symbol_of(const uint64_t data[2], unsigned int device)
{
	return (data[0] >> 4 * device & 15) | (data[1] >> 4 * device & 15) << 4;
}

static void sums_of(const uint64_t data[2], uint8_t *plain, uint8_t *weighted)
{
	unsigned int device;

	*plain = 0;
	*weighted = 0;
	for (device = 0; device < 16; device++) {
		uint8_t symbol = symbol_of(data, device);

		*plain ^= symbol;
		*weighted ^= scaled(symbol, device);
	}
}

void chipkill_check(const uint64_t data[2], uint8_t check[2])
{
	uint8_t plain, weighted, first, second;

	sums_of(data, &plain, &weighted);
	/* first + second = plain, and 2^16 first + 2^17 second = weighted. */
	second = weighted ^ scaled(plain, 16);
	second = scaled(second, 255 - logarithm[power[16] ^ power[17]]);
	first = plain ^ second;
	check[0] = (first & 15) | (second & 15) << 4;
	check[1] = first >> 4 | (second >> 4) << 4;
}

enum verdict chipkill_decode(uint64_t data[2], const uint8_t check[2])
{
	uint8_t first = (check[0] & 15) | (check[1] & 15) << 4;
	uint8_t second = check[0] >> 4 | (check[1] >> 4) << 4;
	uint8_t plain, weighted;
	unsigned int device;

	sums_of(data, &plain, &weighted);
	plain ^= first ^ second;
	weighted ^= scaled(first, 16) ^ scaled(second, 17);
	if (!plain && !weighted)
		return CODE_FINE;
	if (!plain || !weighted)
		return CODE_UNCORRECTABLE;
	device = (logarithm[weighted] + 255 - logarithm[plain]) % 255;
	if (device >= SYMBOLS)
		return CODE_UNCORRECTABLE;
	if (device < 16) {
		data[0] ^= (uint64_t)(plain & 15) << 4 * device;
		data[1] ^= (uint64_t)(plain >> 4) << 4 * device;
	}
	return CODE_CORRECTED;
}

void codes_init(void)
{
	hsiao_init();
	inword_init();
	chipkill_init();
}
