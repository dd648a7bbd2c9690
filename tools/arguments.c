// SPDX-License-Identifier: GPL-2.0-only
/*
 * What commands say of arguments that they do not take, and what may have been meant.
 */
#include <getopt.h>
#include <string.h>

#include "dualbmctl.h"

/* Longer words are no names of ours. */
#define LONGEST	32

static unsigned int least(unsigned int a, unsigned int b)
{
	return a < b ? a : b;
}

/* How many letters were left out, added, taken for others, or put in the wrong order. */
static unsigned int distance(const char *a, const char *b)
{
	unsigned int d[LONGEST + 1][LONGEST + 1];
	size_t la = strlen(a), lb = strlen(b), i, j;

	if (la > LONGEST || lb > LONGEST)
		return LONGEST;
	for (i = 0; i <= la; i++)
		d[i][0] = i;
	for (j = 0; j <= lb; j++)
		d[0][j] = j;
	for (i = 1; i <= la; i++)
		for (j = 1; j <= lb; j++) {
			d[i][j] = least(least(d[i - 1][j], d[i][j - 1]) + 1,
					d[i - 1][j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				d[i][j] = least(d[i][j], d[i - 2][j - 2] + 1);
		}
	return d[la][lb];
}

const char *did_you_mean(const char *word, const char * const *names, size_t nr, size_t step)
{
	/* A third of the letters may be wrong: with more it would be a guess. */
	unsigned int best = least(strlen(word) / 3 + 1, 4), far;
	const char *found = NULL, *name;
	size_t i;

	for (i = 0; i < nr; i++) {
		name = *(const char * const *)((const char *)names + i * step);
		far = distance(word, name);
		if (strlen(word) >= 3 && !strncmp(word, name, strlen(word)))
			far = least(far, 1);
		if (far < best) {
			best = far;
			found = name;
		}
	}
	return found;
}

/* For every command. */
static const char * const everywhere[] = { "json", "root", "color", "help" };

static _Noreturn void no_such_option(const char *command, const char *word,
				     const struct option *list)
{
	char name[LONGEST + 1] = "";
	const char *meant = NULL;
	size_t nr = 0;

	if (!strncmp(word, "--", 2)) {
		snprintf(name, sizeof(name), "%.*s", (int)strcspn(word + 2, "="), word + 2);
		while (list && list[nr].name)
			nr++;
		if (nr)
			meant = did_you_mean(name, &list[0].name, nr, sizeof(*list));
		if (!meant)
			meant = did_you_mean(name, everywhere, ARRAY_SIZE(everywhere),
					     sizeof(*everywhere));
	}
	if (meant)
		fail(STATUS_USAGE, "%s%s\"%s\" is no option; did you mean \"--%s\"?", command,
		     *command ? ": " : "", word, meant);
	fail(STATUS_USAGE, "%s%s\"%s\" is no option; see \"dualbmctl help%s%s\"", command,
	     *command ? ": " : "", word, *command ? " " : "", command);
}

void no_options(int argc, char **argv, const char *command)
{
	int i;

	for (i = 1; i < argc; i++)
		if (argv[i][0] == '-')
			no_such_option(command, argv[i], NULL);
}

void no_arguments(int argc, char **argv, const char *command)
{
	no_options(argc, argv, command);
	if (argc > 1)
		fail(STATUS_USAGE, "%s takes no arguments, and was given \"%s\"", command, argv[1]);
}

_Noreturn void bad_option(const char *command, char **argv, const struct option *options_taken)
{
	const char *word = argv[optind - 1];
	char letter[] = { '-', optopt, '\0' };
	const struct option *option;

	/* Of a row of letters it has not passed all yet. */
	if (optopt && strncmp(word, "--", 2))
		no_such_option(command, letter, options_taken);
	/* One that it knows it tells by its value. */
	for (option = options_taken; optopt && option->name; option++)
		if (option->val == optopt)
			fail(STATUS_USAGE, "%s%s\"--%s\" %s", command, *command ? ": " : "",
			     option->name, option->has_arg ? "lacks its argument" : "takes no argument");
	no_such_option(command, word, options_taken);
}
