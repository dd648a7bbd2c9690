// SPDX-License-Identifier: GPL-2.0-only
/*
 * What commands say of arguments that they do not take.
 */
#include <getopt.h>

#include "dualbmctl.h"

void no_arguments(int argc, char **argv, const char *command)
{
	if (argc > 1)
		fail(STATUS_USAGE, "%s takes no arguments, and was given \"%s\"", command, argv[1]);
}

_Noreturn void bad_option(const char *command, char **argv)
{
	fail(STATUS_USAGE, "%s: \"%s\" is no option, or lacks its argument; see dualbmctl --help",
	     command, argv[optind - 1]);
}
