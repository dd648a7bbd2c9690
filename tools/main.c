// SPDX-License-Identifier: GPL-2.0-only
/*
 * dualbmctl: look at dualbm, and at a machine that it shall protect.
 */
#include <getopt.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "dualbmctl.h"

static const struct command {
	const char *name;
	int (*function)(int argc, char **argv);
	const char *help;
} commands[] = {
	{ "check", command_check,
	  "[--kernel RELEASE] [--image FILE] [--module FILE]\n"
	  "        will dualbm work here, and why" },
	{ "status", command_status,
	  "\n        state, policy, coverage, hooks, placement, findings" },
	{ "watch", command_watch,
	  "[--count N]\n        violations, changes of state and scrubs as they come" },
	{ "violations", command_violations, "[--last]\n        what was found, with stacks" },
	{ "frame", command_frame,
	  "PFN | phys:ADDRESS | PID:ADDRESS\n"
	  "        what dualbm and the kernel know of a page frame" },
	{ "map", command_map,
	  "[--output FILE.svg|FILE.png] [--width COLUMNS] [--capture FILE | --from FILE |\n"
	  "      --record FILE [--every SECONDS --count N] | --compare OLD NEW [--threshold PERCENT]]\n"
	  "        a picture of physical memory" },
	{ "report", command_report,
	  "--output FILE.tar.zst [--seconds N] [--log FILE] [--with-addresses]\n"
	  "        all that a ticket or an audit needs, in one file without addresses and names" },
	{ "history", command_history,
	  "[--since WHEN]\n"
	  "        findings, states, policies, loads and unloads that the journal has" },
	{ "journal", command_journal,
	  "[--once]\n        write them there as they come; a service runs it" },
	{ "scrub", command_scrub, "\n        check all of dualbm's record now" },
	{ "proof", command_proof, "\n        ask for the module's proof of itself" },
	{ "load", command_load,
	  "[--force] [--module FILE] [PARAMETER=VALUE...]\n"
	  "        load the module and wait until it is armed" },
	{ "unload", command_unload, "\n        unload the module" },
	{ "policy", command_policy, "[report | panic]\n        show the policy, or set it" },
};

static void usage(FILE *stream)
{
	size_t i;

	fputs("Usage: dualbmctl [--json] [--root DIR] [--color WHEN] COMMAND ...\n", stream);
	for (i = 0; i < ARRAY_SIZE(commands); i++)
		fprintf(stream, "  %s %s\n", commands[i].name, commands[i].help);
	fputs("  --version, --help; dualbmctl(8) has the rest\n", stream);
}

static bool wants_colour(const char *when)
{
	const char *term = getenv("TERM");

	if (!strcmp(when, "always"))
		return true;
	if (!strcmp(when, "never"))
		return false;
	if (strcmp(when, "auto"))
		fail(STATUS_USAGE, "--color takes auto, always or never, not \"%s\"", when);
	return isatty(STDOUT_FILENO) && !getenv("NO_COLOR") && term && strcmp(term, "dumb");
}

static void look_at_terminal(const char *colour_when)
{
	const char *term = getenv("TERM"), *columns = getenv("COLUMNS");
	struct winsize window;
	uint64_t number;

	options.colour = wants_colour(colour_when);
	options.terminal = isatty(STDERR_FILENO) && term && strcmp(term, "dumb");
	if (columns && parse_number(columns, &number) && number >= 20 && number <= 1000)
		options.columns = number;
	else if ((!ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) ||
		  !ioctl(STDERR_FILENO, TIOCGWINSZ, &window)) && window.ws_col >= 20)
		options.columns = window.ws_col;
}

/* The same tree, however it is written; "" for the machine itself. */
static const char *clean_root(const char *root)
{
	size_t length = strlen(root);
	char *copy;

	while (length && root[length - 1] == '/')
		length--;
	copy = strndup(root, length);
	return copy ? copy : "";
}

/* These stand behind the command as well, where people put them. */
static int take_late_options(int argc, char **argv, int at, const char **root, const char **when)
{
	const struct {
		const char *name;
		const char **value;
	} names[] = { { "--root", root }, { "--color", when }, { "--colour", when } };
	int taken;
	size_t i;

	while (at < argc) {
		taken = 0;
		if (!strcmp(argv[at], "--json")) {
			options.json = true;
			taken = 1;
		} else if (!strcmp(argv[at], "--help")) {
			usage(stdout);
			exit(output_end(STATUS_YES));
		}
		for (i = 0; !taken && i < ARRAY_SIZE(names); i++) {
			size_t length = strlen(names[i].name);

			if (strncmp(argv[at], names[i].name, length))
				continue;
			if (argv[at][length] == '=') {
				*names[i].value = argv[at] + length + 1;
				taken = 1;
			} else if (!argv[at][length] && at + 1 < argc) {
				*names[i].value = argv[at + 1];
				taken = 2;
			}
		}
		if (!taken) {
			at++;
			continue;
		}
		memmove(&argv[at], &argv[at + taken], (argc - at - taken + 1) * sizeof(*argv));
		argc -= taken;
	}
	return argc;
}

int main(int argc, char **argv)
{
	static const struct option long_options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "root", required_argument, NULL, 'r' },
		{ "color", required_argument, NULL, 'c' },
		{ "colour", required_argument, NULL, 'c' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'v' },
		{ NULL, 0, NULL, 0 },
	};
	const char *root = getenv("DUALBMCTL_ROOT"), *when = "auto";
	int option, i;

	setlocale(LC_CTYPE, "");
	opterr = 0;
	/* "+": what follows the command is the command's. */
	while ((option = getopt_long(argc, argv, "+hV", long_options, NULL)) != -1) {
		switch (option) {
		case 'j':
			options.json = true;
			break;
		case 'r':
			root = optarg;
			break;
		case 'c':
			when = optarg;
			break;
		case 'h':
			usage(stdout);
			return output_end(STATUS_YES);
		case 'v':
		case 'V':
			puts("dualbmctl " DUALBM_VERSION);
			return output_end(STATUS_YES);
		default:
			bad_option("dualbmctl", argv);
		}
	}
	argc = take_late_options(argc, argv, optind + 1, &root, &when);
	look_at_terminal(when);
	if (root && *root)
		options.root = clean_root(root);
	argc -= optind;
	argv += optind;
	if (!argc) {
		usage(stderr);
		return STATUS_USAGE;
	}
	for (i = 0; i < (int)ARRAY_SIZE(commands); i++) {
		if (strcmp(argv[0], commands[i].name))
			continue;
		json_command = commands[i].name;
		optind = 0;
		return output_end(commands[i].function(argc, argv));
	}
	fail(STATUS_USAGE, "\"%s\" is no command; see dualbmctl --help", argv[0]);
}
