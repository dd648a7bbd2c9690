// SPDX-License-Identifier: GPL-2.0-only
/*
 * Runs a program on a terminal of its own, and copies what it shows there.
 *
 *	terminal PROGRAM ARGUMENTS...
 */
#include <pty.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct winsize window = { .ws_row = 24, .ws_col = 80 };
	char data[4096];
	int master, status;
	ssize_t got;
	pid_t child;

	if (argc < 2)
		return 2;
	child = forkpty(&master, NULL, NULL, &window);
	if (child < 0)
		return 1;
	if (!child) {
		execvp(argv[1], argv + 1);
		_exit(127);
	}
	/* The end of it all is an error: EIO. */
	while ((got = read(master, data, sizeof(data))) > 0)
		fwrite(data, 1, got, stdout);
	waitpid(child, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
