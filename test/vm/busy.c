// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a user can do to whoever watches memory, each until it is killed:
 *
 *	busy spin N         N threads that never sleep
 *	busy futex N        N threads that sleep on a futex and wake each other
 *	busy clone          tasks that come and go
 *	busy ptrace N       N tasks that are stopped by their tracer at each system call
 *	busy uffd N         N threads whose fault nobody answers
 *	busy pages          pages faulted in and given back
 *	busy pipes          pages that are charged to the cgroup, one by one, without an end
 *	busy hold MIB       memory in pages of its own, kept
 *
 * and for measuring: busy read FILE N, the shortest time of N reads of it, in ns.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SIZE	(16UL << 20)

static uint32_t word;

static void *spin(void *unused)
{
	for (;;)
		__asm__ volatile("" : : "r"(unused) : "memory");
	return NULL;
}

static void *futex(void *unused)
{
	struct timespec moment = { .tv_nsec = 1000000 };

	for (;;) {
		syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, &moment, NULL, 0);
		syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
	}
	return unused;
}

static void *touch(void *memory)
{
	__asm__ volatile("" : : "r"(*(char *)memory));
	return NULL;
}

static void threads(void *(*function)(void *), void *argument, int nr)
{
	pthread_attr_t attributes;
	pthread_t thread;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, 64 * 1024);
	while (nr-- > 0)
		if (pthread_create(&thread, &attributes, function, argument))
			return;
}

static void forks(void)
{
	for (;;) {
		if (!fork())
			_exit(0);
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
	}
}

static void traced(int nr)
{
	int status, child;

	while (nr-- > 0) {
		child = fork();
		if (!child) {
			ptrace(PTRACE_TRACEME, 0, NULL, NULL);
			raise(SIGSTOP);
			for (;;)
				syscall(SYS_getppid);
		}
	}
	for (;;) {
		child = waitpid(-1, &status, __WALL);
		if (child < 0)
			pause();
		usleep(2000);
		ptrace(PTRACE_SYSCALL, child, NULL, NULL);
	}
}

static int unanswered(int nr)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range;
	char *memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY);

	if (fd < 0 || memory == MAP_FAILED || ioctl(fd, UFFDIO_API, &api))
		return 1;
	range = (struct uffdio_register){ .range = { (uintptr_t)memory, SIZE },
					  .mode = UFFDIO_REGISTER_MODE_MISSING };
	if (ioctl(fd, UFFDIO_REGISTER, &range))
		return 1;
	while (nr-- > 0)
		threads(touch, memory + nr * 4096, 1);
	for (;;)
		pause();
}

static void faults(void)
{
	char *memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	size_t at;

	for (;;) {
		for (at = 0; at < SIZE; at += 4096)
			memory[at] = 1;
		madvise(memory, SIZE, MADV_DONTNEED);
	}
}

static void pipes(void)
{
	static char buffer[65536];
	int ends[2];

	if (pipe2(ends, O_NONBLOCK))
		return;
	for (;;) {
		while (write(ends[1], buffer, sizeof(buffer)) > 0)
			;
		while (read(ends[0], buffer, sizeof(buffer)) > 0)
			;
	}
}

static void hold(size_t size)
{
	char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	memset(memory, 1, size);
	for (;;)
		pause();
}

static int reads(const char *path, int nr)
{
	struct timespec before, after;
	char buffer[4096];
	long ns, best = -1;
	int fd = open(path, O_RDONLY);

	while (fd >= 0 && nr-- > 0) {
		clock_gettime(CLOCK_MONOTONIC, &before);
		if (pread(fd, buffer, sizeof(buffer), 0) <= 0)
			return 1;
		clock_gettime(CLOCK_MONOTONIC, &after);
		ns = (after.tv_sec - before.tv_sec) * 1000000000 + after.tv_nsec - before.tv_nsec;
		if (best < 0 || ns < best)
			best = ns;
	}
	printf("%ld\n", best);
	return best < 0;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	int nr = argc > 2 ? atoi(argv[2]) : 1;

	if (!strcmp(what, "read") && argc == 4)
		return reads(argv[2], atoi(argv[3]));
	if (!strcmp(what, "spin"))
		threads(spin, NULL, nr);
	else if (!strcmp(what, "futex"))
		threads(futex, NULL, nr);
	else if (!strcmp(what, "clone"))
		forks();
	else if (!strcmp(what, "ptrace"))
		traced(nr);
	else if (!strcmp(what, "uffd"))
		return unanswered(nr);
	else if (!strcmp(what, "pages"))
		faults();
	else if (!strcmp(what, "pipes"))
		pipes();
	else if (!strcmp(what, "hold"))
		hold((size_t)nr << 20);
	else
		return 2;
	for (;;)
		pause();
}
