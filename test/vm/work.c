// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whole workloads that allocate and free pages, as programs have them. On a machine whose
 * clock counts instructions, what is printed is instructions for each operation:
 *
 *	work RUNS
 *
 * prints a line "work NAME COUNT" for each workload, COUNT being the median of RUNS runs, and
 * "noise NAME PERMILLE", which is how far the runs lie apart.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MIB	(1024 * 1024UL)
#define PAGE	4096UL

static char buffer[65536];

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void child_and_wait(int exec)
{
	char * const arguments[] = { "work", "0", NULL };
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (!pid) {
		if (exec)
			execv("/proc/self/exe", arguments);
		_exit(0);
	}
	if (waitpid(pid, NULL, 0) != pid)
		die("waitpid");
}

static void fork_exec(unsigned int operations)
{
	while (operations--)
		child_and_wait(1);
}

static void fork_only(unsigned int operations)
{
	while (operations--)
		child_and_wait(0);
}

static char *map(size_t bytes, size_t align)
{
	char *area = mmap(NULL, bytes + align, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (area == MAP_FAILED)
		die("mmap");
	return area;
}

/* An operation is a page. */
static void page_faults(unsigned int operations)
{
	size_t bytes = operations * PAGE, i;
	char *area = map(bytes, 0);

	madvise(area, bytes, MADV_NOHUGEPAGE);
	for (i = 0; i < bytes; i += PAGE)
		area[i] = 1;
	munmap(area, bytes);
}

/* An operation is a huge page. */
static void huge_pages(unsigned int operations)
{
	size_t bytes = operations * 2 * MIB, i;
	char *area = map(bytes, 2 * MIB), *start;

	start = (char *)(((uintptr_t)area + 2 * MIB - 1) & ~(2 * MIB - 1));
	madvise(start, bytes, MADV_HUGEPAGE);
	for (i = 0; i < bytes; i += 2 * MIB)
		start[i] = 1;
	munmap(area, bytes + 2 * MIB);
}

/* An operation is 64 KiB of a file that is written, read, and removed. */
static void tmpfs(unsigned int operations)
{
	int file = open("/tmp/work", O_RDWR | O_CREAT | O_TRUNC, 0600);
	unsigned int i;

	if (file < 0)
		die("/tmp/work");
	for (i = 0; i < operations; i++)
		if (write(file, buffer, sizeof(buffer)) != sizeof(buffer))
			die("write");
	lseek(file, 0, SEEK_SET);
	for (i = 0; i < operations; i++)
		if (read(file, buffer, sizeof(buffer)) != sizeof(buffer))
			die("read");
	close(file);
	unlink("/tmp/work");
}

static void through(const int ends[2], unsigned int operations, size_t size)
{
	while (operations--)
		if (write(ends[1], buffer, size) != (ssize_t)size ||
		    read(ends[0], buffer, size) != (ssize_t)size)
			die("through");
}

static void pipes(unsigned int operations)
{
	int ends[2];

	if (pipe(ends))
		die("pipe");
	through(ends, operations, 32768);
	close(ends[0]);
	close(ends[1]);
}

static void sockets(unsigned int operations)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends))
		die("socketpair");
	through(ends, operations, 32768);
	close(ends[0]);
	close(ends[1]);
}

static const struct {
	const char *name;
	void (*run)(unsigned int operations);
	unsigned int operations;
} workloads[] = {
	{ "fork_exec", fork_exec, 60 },
	{ "fork", fork_only, 100 },
	{ "page_fault", page_faults, 16384 },
	{ "huge_page", huge_pages, 40 },
	{ "tmpfs", tmpfs, 400 },
	{ "pipe", pipes, 1000 },
	{ "socket", sockets, 1000 },
};

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC_RAW, &time);
	return time.tv_sec * 1000000000ULL + time.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	unsigned int runs = argc > 1 ? atoi(argv[1]) : 0, run;
	uint64_t counts[64];
	size_t i;

	if (runs > sizeof(counts) / sizeof(*counts))
		runs = sizeof(counts) / sizeof(*counts);
	memset(buffer, 1, sizeof(buffer));
	for (i = 0; runs && i < sizeof(workloads) / sizeof(*workloads); i++) {
		/* Once before, so that what is made once is made. */
		workloads[i].run(workloads[i].operations);
		for (run = 0; run < runs; run++) {
			uint64_t start = now();

			workloads[i].run(workloads[i].operations);
			counts[run] = (now() - start) / workloads[i].operations;
		}
		qsort(counts, runs, sizeof(*counts), compare);
		printf("work %s %llu\n", workloads[i].name,
		       (unsigned long long)counts[runs / 2]);
		printf("noise %s %llu\n", workloads[i].name,
		       (unsigned long long)((counts[runs - 1] - counts[0]) * 1000 /
					    counts[runs / 2]));
		fflush(stdout);
	}
	return 0;
}
