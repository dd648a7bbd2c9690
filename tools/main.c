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

static int command_help(int argc, char **argv);

static const struct command {
	const char *name;
	int (*function)(int argc, char **argv);
	const char *arguments;
	const char *summary;
	const char *help;
} commands[] = {
	{ "check", command_check, "[--kernel RELEASE] [--image FILE] [--module FILE]",
	  "will dualbm work here, and why",
	  "Without options: on the running kernel, with the module that is installed.\n"
	  "  --kernel RELEASE   a kernel that is installed, and does not run yet\n"
	  "  --image FILE       a kernel image: bzImage, Image, zboot or ELF\n"
	  "  --module FILE      the file of a module\n"
	  "Ends with 0 for yes, 1 for no, and 6 if it cannot be told." },
	{ "status", command_status, "[-v]",
	  "is all well, what it means if not, and what to do",
	  "The state and what it means, what to do and where to read on; then the kernel,\n"
	  "the time that was protected, how much memory is covered, findings, planes and\n"
	  "the last scrub.\n"
	  "  -v, --verbose      also the hooks, and on which nodes the planes lie\n"
	  "Ends with 0 if it is armed and nothing was found, with 3 if it is not loaded,\n"
	  "else with 1." },
	{ "watch", command_watch, "[--count N]",
	  "violations, changes of state and scrubs as they come",
	  "For root. Until it is interrupted.\n"
	  "  --count N          end after N events" },
	{ "violations", command_violations, "[--last]",
	  "what was found, with stacks",
	  "For root. Who did what, how often; then each record, the newest first.\n"
	  "  --last             the last one only, without its stack\n"
	  "Ends with 1 if there are any." },
	{ "frame", command_frame, "PFN | phys:ADDRESS | PID:ADDRESS",
	  "what dualbm and the kernel know of a page frame",
	  "For root. The frame is given by its number, by a physical address, or by an\n"
	  "address in the memory of a task; each is decimal or 0x...\n"
	  "Ends with 1 if the record and the kernel contradict each other." },
	{ "map", command_map,
	  "[OPTION...]",
	  "a picture of physical memory",
	  "For root, unless it only reads files.\n"
	  "  --output FILE      a picture, FILE.svg or FILE.png, instead of text\n"
	  "  --width COLUMNS    how wide it is\n"
	  "  --capture FILE     keep the map of this moment\n"
	  "  --from FILE        show one that was kept\n"
	  "  --record FILE --every SECONDS --count N\n"
	  "                     keep several of them\n"
	  "  --compare OLD NEW  what has changed between two\n"
	  "  --threshold PERCENT\n"
	  "                     a smaller change is none; ends with 1 if there is one" },
	{ "report", command_report,
	  "--output FILE.tar.zst [--seconds N] [--log FILE]",
	  "what a ticket or an audit needs, in one file without addresses",
	  "For root. Kernel addresses and the names of the machine and of its users are\n"
	  "masked; dualbmctl(8) says what is left in.\n"
	  "  --output FILE.tar.zst\n"
	  "  --seconds N        the time between two looks at the counters\n"
	  "  --log FILE         the kernel log from this file\n"
	  "  --with-addresses   addresses too" },
	{ "history", command_history, "[--since WHEN]",
	  "findings, states, policies, loads that the journal has",
	  "  --since WHEN       only what came after that" },
	{ "journal", command_journal, "[--once]",
	  "write them there as they come; a service runs it",
	  "For root.\n"
	  "  --once             write what is new, and end" },
	{ "scrub", command_scrub, "",
	  "check all of dualbm's record now",
	  "For root. Ends with 1 if anything was found." },
	{ "proof", command_proof, "[--list]",
	  "the module's proofs of itself: ask for them, and list them",
	  "For root. The module proves on frames of its own that it finds what it has to\n"
	  "find. Then all parts are listed, those at load too, with how long each took.\n"
	  "  --list             only list them; for everybody\n"
	  "Ends with 1 if a part that is listed has failed, with 7 if one fails now." },
	{ "load", command_load, "[--force] [--module FILE] [PARAMETER=VALUE...]",
	  "load the module, and wait until it is armed",
	  "For root. As modprobe does it, after a look at what would be in the way.\n"
	  "  --force            try it all the same\n"
	  "  --module FILE      this file, not the one that is installed\n"
	  "dualbm(4) has the parameters. Ends with 1 if it did not come to armed." },
	{ "unload", command_unload, "", "unload the module", "For root." },
	{ "policy", command_policy, "[report | panic]",
	  "show what a violation does, or set it",
	  "For root, if it is set. It holds until the next load." },
	{ "help", command_help, "[COMMAND]", "this, or a command's own", "" },
};

static void usage(FILE *stream)
{
	size_t i;

	fputs("Usage: dualbmctl [--json] [--root DIR] [--color WHEN] COMMAND ...\n\n", stream);
	for (i = 0; i < ARRAY_SIZE(commands); i++)
		fprintf(stream, "  %-11s %s\n", commands[i].name, commands[i].summary);
	fputs("\n\"dualbmctl help COMMAND\" says more of one, dualbmctl(8) has all of it.\n"
	      "  -V, --version; -h, --help\n", stream);
}

static const struct command *find_command(const char *name)
{
	const char *meant;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(commands); i++)
		if (!strcmp(name, commands[i].name))
			return &commands[i];
	meant = did_you_mean(name, &commands[0].name, ARRAY_SIZE(commands), sizeof(*commands));
	if (meant)
		fail(STATUS_USAGE, "\"%s\" is no command; did you mean \"%s\"?", name, meant);
	fail(STATUS_USAGE, "\"%s\" is no command; see \"dualbmctl help\"", name);
}

static void help_of(const struct command *command)
{
	printf("Usage: dualbmctl %s%s%s\n\n%s: %s.\n", command->name,
	       *command->arguments ? " " : "", command->arguments, command->name,
	       command->summary);
	if (*command->help)
		puts(command->help);
}

static int command_help(int argc, char **argv)
{
	no_options(argc, argv, "help");
	if (argc > 2)
		fail(STATUS_USAGE, "help takes one command");
	if (argc == 2)
		help_of(find_command(argv[1]));
	else
		usage(stdout);
	return STATUS_YES;
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
		} else if (!strcmp(argv[at], "--help") || !strcmp(argv[at], "-h")) {
			help_of(find_command(argv[optind]));
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
	const struct command *command;
	int option;

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
			bad_option("", argv, long_options);
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
	command = find_command(argv[0]);
	json_command = command->name;
	optind = 0;
	return output_end(command->function(argc, argv));
}
