// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fills pipes, whose pages are charged to the cgroup, and forks, until there is
 * no more to be had or somebody kills it.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <unistd.h>

int main(void)
{
	static char buffer[65536];
	int i, ends[2];

	for (i = 0; i < 400; i++) {
		if (pipe2(ends, O_NONBLOCK))
			break;
		while (write(ends[1], buffer, sizeof(buffer)) > 0)
			;
		if (i % 8 == 0 && fork() == 0) {
			pause();
			_exit(0);
		}
	}
	return 0;
}
