// SPDX-License-Identifier: GPL-2.0-only
/*
 * Takes pages of its own out of service, as a machine does with memory that
 * begins to fail, and prints their frame numbers.
 *
 *	softoffline soft|hard PAGES
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MADV_SOFT_OFFLINE
#define MADV_SOFT_OFFLINE 101
#endif

#define PAGE 4096UL

int main(int argc, char **argv)
{
	unsigned long i, pages, offlined = 0;
	int fd, advice;
	char *memory;

	if (argc != 3) {
		fprintf(stderr, "usage: softoffline soft|hard PAGES\n");
		return 2;
	}
	advice = strcmp(argv[1], "hard") ? MADV_SOFT_OFFLINE : MADV_HWPOISON;
	pages = strtoul(argv[2], NULL, 0);
	/* What a process gets for touching a page that is gone. */
	signal(SIGBUS, SIG_IGN);
	fd = open("/proc/self/pagemap", O_RDONLY);
	memory = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (fd < 0 || memory == MAP_FAILED) {
		perror("softoffline");
		return 1;
	}
	madvise(memory, pages * PAGE, MADV_NOHUGEPAGE);
	memset(memory, 1, pages * PAGE);
	for (i = 0; i < pages; i++) {
		char *page = memory + i * PAGE;
		uint64_t entry;

		if (pread(fd, &entry, sizeof(entry), (uintptr_t)page / PAGE * 8) != 8 ||
		    !(entry >> 63))
			continue;
		if (madvise(page, PAGE, advice)) {
			perror("madvise");
			continue;
		}
		printf("0x%llx\n", (unsigned long long)(entry & ((1ULL << 55) - 1)));
		offlined++;
	}
	return !offlined;
}
