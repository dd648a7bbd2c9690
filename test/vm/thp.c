// SPDX-License-Identifier: GPL-2.0-only
/*
 * Touches memory that wants to be huge pages, again and again, and prints how
 * many it got.
 *
 *	thp MIB SECONDS
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#define HUGE (2UL << 20)

static long faults(void)
{
	FILE *f = fopen("/proc/vmstat", "r");
	char line[128];
	long value = 0;

	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, "thp_fault_alloc ", 16))
			value = atol(line + 16);
	if (f)
		fclose(f);
	return value;
}

int main(int argc, char **argv)
{
	size_t size, at;
	time_t end;
	long before;

	if (argc != 3) {
		fprintf(stderr, "usage: thp MIB SECONDS\n");
		return 2;
	}
	size = strtoul(argv[1], NULL, 0) << 20;
	end = time(NULL) + atol(argv[2]);
	before = faults();
	do {
		char *memory = mmap(NULL, size + HUGE, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		char *first = (char *)(((unsigned long)memory + HUGE - 1) & ~(HUGE - 1));

		if (memory == MAP_FAILED)
			return 1;
		madvise(first, size, MADV_HUGEPAGE);
		for (at = 0; at < size; at += 4096)
			first[at] = 1;
		munmap(memory, size + HUGE);
	} while (time(NULL) < end);
	printf("%ld\n", faults() - before);
	return 0;
}
