// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fills a file with pages and punches holes into it, so that on a tmpfs the
 * free memory lies in small pieces between pages in use: what compaction works on.
 *
 *	fragment FILE MIB HOLE_KIB
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	static char buffer[1 << 20];
	long mib, hole, at;
	int fd;

	if (argc != 4) {
		fprintf(stderr, "usage: fragment FILE MIB HOLE_KIB\n");
		return 2;
	}
	mib = atol(argv[2]);
	hole = atol(argv[3]) << 10;
	fd = open(argv[1], O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (fd < 0 || hole <= 0) {
		perror(argv[1]);
		return 1;
	}
	for (at = 0; at < mib; at++)
		if (write(fd, buffer, sizeof(buffer)) != sizeof(buffer)) {
			perror("write");
			return 1;
		}
	for (at = 0; at + hole <= mib << 20; at += 2 * hole)
		if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, at, hole)) {
			perror("fallocate");
			return 1;
		}
	close(fd);
	return 0;
}
