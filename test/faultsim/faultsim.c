// SPDX-License-Identifier: GPL-2.0-only
/*
 * The fault study: each scheme, with what a machine's memory corrects by itself, against each
 * mode of faults.
 *
 *	faultsim [--divisor N] [--seed N] [--jobs N]
 *
 * tries as many faults of each mode as test/faultsim/geometry.h says, divided by the divisor, and
 * prints a line "cell ECC SCHEME MODE FAULTS CORRECTED DETECTED SILENT WITH_WRONG
 * CHANGED_WORDS WRONG_WORDS UNNOTICED_WORDS" for each, a line "mode MODE FIT NAME" and
 * "scheme SCHEME STATES BITS LOCKED: NAME" for each of these, and "weighed ECC SCHEME
 * CORRECTED DETECTED WRONG", which are failures in 10^9 hours of a rank. The same seed gives
 * the same lines.
 */
#include <getopt.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "codes.h"
#include "faultsim.h"

#define SEED		20120101
#define MAX_SCHEMES	32

static struct result results[NR_ECC][MAX_SCHEMES][NR_MODES];
static unsigned int next_cell, divisor = 1;
static uint64_t seed = SEED;

/* The largest regions first, so that the last of the workers is not late. */
static void *work(void *data)
{
	struct memory *m = malloc(sizeof(*m));
	unsigned int cell, all = NR_ECC * nr_schemes * NR_MODES;

	if (!m)
		abort();
	while ((cell = __atomic_fetch_add(&next_cell, 1, __ATOMIC_RELAXED)) < all) {
		enum ecc ecc = cell % NR_ECC;
		unsigned int scheme = cell / NR_ECC % nr_schemes;
		enum mode mode = NR_MODES - 1 - cell / NR_ECC / nr_schemes;

		results[ecc][scheme][mode] = study(m, scheme, ecc, mode, seed, divisor);
	}
	free(m);
	return NULL;
}

/* How likely a fault of a rank finds some of a record of so many pages. */
static double finds_record(enum mode mode, double pages)
{
	double miss = 1, banks = mode == MULTI_BANK ? BANKS / 2.0 : 1;
	int page;

	switch (mode) {
	case ONE_BIT:
	case ONE_WORD:
		return pages / (RANK_ROWS * ROW_WORDS / PAGE_WORDS);
	case ONE_ROW:
		return pages / RANK_ROWS;
	case ONE_COLUMN:
		/* One word of each row of a bank: half of the pages there do not have it. */
		for (page = 0; page < pages / BANKS; page++)
			miss /= 2;
		return 1 - miss;
	default:
		/* A bank without any page of the record. */
		for (page = 0; page < pages; page++)
			miss *= 1 - banks / BANKS;
		return 1 - miss;
	}
}

static void print_weighed(enum ecc ecc, unsigned int scheme)
{
	double corrected = 0, detected = 0, wrong = 0;
	enum mode mode;

	for (mode = 0; mode < NR_MODES; mode++) {
		const struct result *result = &results[ecc][scheme][mode];
		double rate = modes[mode].fit * DEVICES / result->faults *
			      finds_record(mode, RANK_CHUNKS * schemes[scheme].bits / 1000.0);

		corrected += rate * result->corrected;
		detected += rate * (result->detected + result->silent - result->with_wrong);
		wrong += rate * result->with_wrong;
	}
	printf("weighed %u %u %.2f %.2f %.2f\n", ecc, scheme, corrected, detected, wrong);
}

static void print_results(void)
{
	unsigned int scheme;
	enum mode mode;
	enum ecc ecc;

	printf("seed %llu divisor %u faults %u %u %u\n", (unsigned long long)seed, divisor,
	       SMALL_FAULTS / divisor, LARGE_FAULTS / divisor, LEAST_FAULTS / divisor);
	for (mode = 0; mode < NR_MODES; mode++)
		printf("mode %u %.1f %s\n", mode, modes[mode].fit, modes[mode].name);
	for (scheme = 0; scheme < nr_schemes; scheme++)
		printf("scheme %u %u %.3f %s: %s\n", scheme, schemes[scheme].states,
		       schemes[scheme].bits / 1000.0, schemes[scheme].locked,
		       schemes[scheme].name);
	for (ecc = 0; ecc < NR_ECC; ecc++) {
		for (scheme = 0; scheme < nr_schemes; scheme++) {
			for (mode = 0; mode < NR_MODES; mode++) {
				const struct result *r = &results[ecc][scheme][mode];

				printf("cell %u %u %u %u %u %u %u %u %llu %llu %llu\n", ecc,
				       scheme, mode, r->faults, r->corrected, r->detected,
				       r->silent, r->with_wrong,
				       (unsigned long long)r->changed_words,
				       (unsigned long long)r->wrong_words,
				       (unsigned long long)r->unnoticed_words);
			}
			print_weighed(ecc, scheme);
		}
	}
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "divisor", required_argument, NULL, 'd' },
		{ "seed", required_argument, NULL, 's' },
		{ "jobs", required_argument, NULL, 'j' },
		{ }
	};
	pthread_t threads[16];
	unsigned int jobs = 2, i;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'd':
			divisor = strtoul(optarg, NULL, 0);
			break;
		case 's':
			seed = strtoull(optarg, NULL, 0);
			break;
		case 'j':
			jobs = strtoul(optarg, NULL, 0);
			break;
		default:
			return 2;
		}
	}
	if (optind != argc || !divisor || divisor > LEAST_FAULTS || !jobs ||
	    jobs > sizeof(threads) / sizeof(threads[0]) || nr_schemes > MAX_SCHEMES) {
		fprintf(stderr,
			"usage: faultsim [--divisor 1 to %u] [--seed N] [--jobs 1 to 16]\n",
			LEAST_FAULTS);
		return 2;
	}
	codes_init();
	for (i = 0; i < jobs; i++)
		if (pthread_create(&threads[i], NULL, work, NULL))
			abort();
	for (i = 0; i < jobs; i++)
		pthread_join(threads[i], NULL);
	print_results();
	return 0;
}
