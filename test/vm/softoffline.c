// SPDX-License-Identifier: GPL-2.0-only
/*
 * Takes pages of its own out of service, as a machine does with memory that
 * fails (hard) or begins to (soft), and prints their frame numbers.
 *
 *	softoffline soft|hard PAGES
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef MADV_SOFT_OFFLINE
#define MADV_SOFT_OFFLINE 101
#endif

#define PAGE 4096UL

static int take_one_out(int advice)
{
	int fd = open("/proc/self/pagemap", O_RDONLY);
	uint64_t entry;
	char *page;

	page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (fd < 0 || page == MAP_FAILED) {
		perror("softoffline");
		return 1;
	}
	memset(page, 1, PAGE);
	if (pread(fd, &entry, sizeof(entry), (uintptr_t)page / PAGE * 8) != 8)
		return 1;
	/* Before: the kernel may kill whoever had the page. */
	printf("0x%llx\n", (unsigned long long)(entry & ((1ULL << 55) - 1)));
	fflush(stdout);
	return madvise(page, PAGE, advice) != 0;
}

int main(int argc, char **argv)
{
	int i, advice, pages;

	if (argc != 3) {
		fprintf(stderr, "usage: softoffline soft|hard PAGES\n");
		return 2;
	}
	advice = strcmp(argv[1], "hard") ? MADV_SOFT_OFFLINE : MADV_HWPOISON;
	pages = atoi(argv[2]);
	for (i = 0; i < pages; i++) {
		if (fork() == 0)
			_exit(take_one_out(advice));
		wait(NULL);
	}
	return 0;
}
