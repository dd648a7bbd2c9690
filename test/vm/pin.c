// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory of processes that the kernel pins, as for a virtual machine or a device: it outlives
 * its mapping, and whoever has the last reference frees it.
 *
 *	pin SECONDS	buffers that are registered with io_uring, and pages that lie in a
 *			pipe; meanwhile their process forks, writes, gives some back and
 *			unmaps the rest. Says how many pages were pinned
 *
 * Exit status 2: the kernel cannot do that.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SIZE	(4UL << 20)
#define PARTS	8
#define MANY	(16UL * 4096)

static unsigned long pinned;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void write_all(char *memory, size_t bytes)
{
	size_t at;

	for (at = 0; at < bytes; at += 4096)
		memory[at]++;
}

/* Every other time in huge pages, if there are any. */
static char *map(unsigned int round)
{
	char *memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		die("mmap");
	madvise(memory, SIZE, round & 1 ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
	write_all(memory, SIZE);
	return memory;
}

/* What a process does with memory that is pinned, all of which makes pages change owners. */
static void disturb(char *memory, unsigned int round)
{
	pid_t child = fork();

	if (child < 0)
		die("fork");
	if (!child) {
		write_all(memory, SIZE);
		_exit(0);
	}
	write_all(memory, SIZE / 2);
	if (round & 2)
		madvise(memory + SIZE / 4, SIZE / 4, MADV_DONTNEED);
	/* Pages that are pinned do not move, and the others do. */
	if (round & 4)
		mremap(memory, SIZE, SIZE, 0);
	waitpid(child, NULL, 0);
	munmap(memory, SIZE);
}

static void register_buffers(int ring, unsigned int round)
{
	struct iovec parts[PARTS];
	char *memory = map(round);
	int i;

	for (i = 0; i < PARTS; i++) {
		parts[i].iov_base = memory + i * (SIZE / PARTS);
		parts[i].iov_len = SIZE / PARTS;
	}
	if (syscall(SYS_io_uring_register, ring, IORING_REGISTER_BUFFERS, parts, PARTS))
		die("IORING_REGISTER_BUFFERS");
	pinned += SIZE / 4096;
	disturb(memory, round);
	/* Now nothing maps them, and this gives them back. */
	if (syscall(SYS_io_uring_register, ring, IORING_UNREGISTER_BUFFERS, NULL, 0))
		die("IORING_UNREGISTER_BUFFERS");
}

static void into_pipe(unsigned int round)
{
	char *memory = map(round), buffer[4096];
	struct iovec part = { memory, MANY };
	int ends[2];
	ssize_t got;

	if (pipe(ends))
		die("pipe");
	got = vmsplice(ends[1], &part, 1, round & 8 ? SPLICE_F_GIFT : 0);
	if (got <= 0)
		die("vmsplice");
	pinned += got / 4096;
	disturb(memory, round);
	close(ends[1]);
	/* Half of it is read, and the rest goes with the pipe. */
	for (got /= 2; got > 0 && read(ends[0], buffer, sizeof(buffer)) > 0; got -= sizeof(buffer))
		;
	close(ends[0]);
}

int main(int argc, char **argv)
{
	struct io_uring_params params;
	unsigned int round;
	time_t end;
	int ring;

	if (argc != 2)
		return 1;
	end = time(NULL) + strtol(argv[1], NULL, 10);
	memset(&params, 0, sizeof(params));
	ring = syscall(SYS_io_uring_setup, 8, &params);
	if (ring < 0) {
		perror("io_uring_setup");
		return errno == EINVAL ? 1 : 2;
	}
	for (round = 0; time(NULL) < end; round++) {
		register_buffers(ring, round);
		into_pipe(round);
	}
	printf("pinned %lu\n", pinned);
	return 0;
}
