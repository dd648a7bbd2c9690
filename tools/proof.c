// SPDX-License-Identifier: GPL-2.0-only
/*
 * "dualbmctl proof": what the module has proven of itself and of this kernel, at load and
 * when it was asked for, part by part.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "dualbmctl.h"

struct proof {
	char *name, *when, *result;
	uint64_t took_ns, ago_ms;
};

struct proofs {
	struct proof *all;
	size_t nr;
};

/* What docs/interface.md says of each. A newer module may have others: those have a name. */
static const char *meaning(const char *name)
{
	static const struct {
		const char *name, *meaning;
	} meanings[] = {
		{ "ways", "each way to a page and back is told by its event" },
		{ "lists", "the allocator's lists are laid out as expected" },
		{ "rules", "each event on each codeword, by a second table" },
		{ "blocks", "events of blocks of each order" },
		{ "codewords", "what is no codeword is seen" },
		{ "base", "a flip in the base of the map is seen" },
		{ "reports", "a report of each class, up to the panic" },
		{ "hooks", "each hook fires" },
		{ "events", "events find violations, and flips in each plane" },
		{ "scrubber", "the scrubber finds flips in each plane" },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(meanings); i++)
		if (!strcmp(name, meanings[i].name))
			return meanings[i].meaning;
	return "";
}

/* False if this module has no such file. */
static bool read_proofs(struct proofs *proofs)
{
	struct buffer buffer;
	char *rest, *line;

	proofs->all = NULL;
	proofs->nr = 0;
	if (!file_exists(SYSFS "/proof"))
		return false;
	module_read(SYSFS, "proof", &buffer);
	rest = buffer.data;
	while ((line = next_line(&rest))) {
		struct proof proof = {
			.name = word_value(line, "proof"),
			.when = word_value(line, "when"),
			.result = word_value(line, "result"),
		};

		if (!proof.name || !proof.when || !proof.result ||
		    !word_number(line, "took_ns", &proof.took_ns) ||
		    !word_number(line, "ago_ms", &proof.ago_ms))
			fail(STATUS_FOREIGN, SYSFS "/proof: not the lines that are expected");
		proofs->all = reallocate(proofs->all, (proofs->nr + 1) * sizeof(*proofs->all));
		proofs->all[proofs->nr++] = proof;
	}
	buffer_free(&buffer);
	return true;
}

static void free_proofs(struct proofs *proofs)
{
	size_t i;

	for (i = 0; i < proofs->nr; i++) {
		free(proofs->all[i].name);
		free(proofs->all[i].when);
		free(proofs->all[i].result);
	}
	free(proofs->all);
}

static bool has_passed(const struct proof *proof)
{
	return !strcmp(proof->result, "passed");
}

static bool all_passed(const struct proofs *proofs)
{
	size_t i;

	for (i = 0; i < proofs->nr; i++)
		if (!has_passed(&proofs->all[i]))
			return false;
	return true;
}

static void print_proof(const struct proof *proof)
{
	printf("  %s", colour(has_passed(proof) ? GOOD : BAD));
	print_safe(stdout, proof->result);
	printf("%s  %-9.20s  %-48s %6.*f ms\n", colour(PLAIN), proof->name, meaning(proof->name),
	       proof->took_ns < 10000000 ? 3 : 1, proof->took_ns / 1e6);
}

/* Those of one occasion; the time is the same for all of them. */
static void print_occasion(const struct proofs *proofs, const char *when, const char *title,
			   const char *none)
{
	uint64_t took = 0;
	size_t i, nr = 0, passed = 0;

	for (i = 0; i < proofs->nr; i++) {
		if (strcmp(proofs->all[i].when, when))
			continue;
		if (!nr++)
			printf("%s, %s ago:\n", title, human_time(proofs->all[i].ago_ms));
		passed += has_passed(&proofs->all[i]);
		took += proofs->all[i].took_ns;
		print_proof(&proofs->all[i]);
	}
	if (nr)
		printf("  %s%zu of %zu passed%s, in %.1f ms\n", colour(passed == nr ? GOOD : BAD),
		       passed, nr, colour(PLAIN), took / 1e6);
	else
		puts(none);
}

static void print_proofs(const struct proofs *proofs)
{
	print_occasion(proofs, "load", "At load", "At load: the module says nothing.");
	putchar('\n');
	print_occasion(proofs, "request", "When it was asked for last",
		       "It was not asked for a proof since then; \"dualbmctl proof\" does that.");
}

static void json_proofs(const struct proofs *proofs, const char *scrub)
{
	size_t i;

	json_begin("proof");
	if (scrub)
		json_string("result", scrub);
	json_bool("passed", all_passed(proofs));
	json_open("proofs", '[');
	for (i = 0; i < proofs->nr; i++) {
		const struct proof *proof = &proofs->all[i];

		json_open(NULL, '{');
		json_string("name", proof->name);
		json_string("when", proof->when);
		json_bool("passed", has_passed(proof));
		json_number("took_ns", proof->took_ns);
		json_number("ago_ms", proof->ago_ms);
		json_close();
	}
	json_close();
	json_end();
}

static void ask(void)
{
	int ret = scrub_write("proof", "proof", 0);
	struct proofs proofs;

	if (!ret)
		return;
	if (ret == -EINVAL)
		fail(STATUS_LACKING, "the loaded dualbm does not know \"proof\" (" SYSFS "/scrub: %s)",
		     strerror(EINVAL));
	if (ret == -EIO && !options.json && read_proofs(&proofs)) {
		print_proofs(&proofs);
		free_proofs(&proofs);
	}
	module_fail(SYSFS, "scrub", -ret);
}

int command_proof(int argc, char **argv)
{
	static const struct option long_options[] = {
		{ "list", no_argument, NULL, 'l' },
		{ NULL, 0, NULL, 0 },
	};
	bool list = false, known;
	struct buffer scrub = { 0 };
	struct proofs proofs;
	int option, ret;

	opterr = 0;
	while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		if (option != 'l')
			bad_option("proof", argv, long_options);
		list = true;
	}
	if (optind < argc)
		fail(STATUS_USAGE, "proof takes no arguments, and was given \"%s\"", argv[optind]);
	need_loaded();
	if (!list)
		ask();
	known = read_proofs(&proofs);
	if (list && !known)
		fail(STATUS_LACKING, SYSFS "/proof is not there: the loaded dualbm is older than this program");
	if (!list)
		module_read(SYSFS, "scrub", &scrub);
	if (options.json)
		json_proofs(&proofs, scrub.data);
	else if (known)
		print_proofs(&proofs);
	else
		print_safe(stdout, scrub.data);
	ret = all_passed(&proofs) ? STATUS_YES : STATUS_NO;
	free_proofs(&proofs);
	buffer_free(&scrub);
	return ret;
}
