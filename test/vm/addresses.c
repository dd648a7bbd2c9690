// SPDX-License-Identifier: GPL-2.0-only
/*
 * A user without rights who has some addresses of the kernel wherever the kernel may keep
 * what a user says: in the registers of threads that run all the time, or that wait in a
 * system call, and on the kernel stacks of threads that sleep in select(). Runs until it is
 * killed.
 *
 *	addresses RUNNING SLEEPING WAITING ADDRESS
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NOBODY	65534
/* As many as select() keeps on the stack: FRONTEND_STACK_ALLOC, fs/select.c. */
#define FILES	320

static unsigned long address;

static void *run(void *unused)
{
	(void)unused;
#if defined(__x86_64__)
	__asm__ volatile("mov %0, %%rbx; mov %0, %%rcx; mov %0, %%rsi; mov %0, %%rdi\n"
			 "mov %0, %%r8; mov %0, %%r9; mov %0, %%r10; mov %0, %%r11\n"
			 "mov %0, %%r12; mov %0, %%r13; mov %0, %%r14; mov %0, %%r15\n"
			 "1: jmp 1b" : : "a"(address)
			 : "rbx", "rcx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13",
			   "r14", "r15");
#elif defined(__aarch64__)
	__asm__ volatile("mov x1, %0; mov x2, %0; mov x3, %0; mov x9, %0; mov x10, %0\n"
			 "mov x19, %0; mov x20, %0; mov x21, %0; mov x22, %0\n"
			 "1: b 1b" : : "r"(address)
			 : "x1", "x2", "x3", "x9", "x10", "x19", "x20", "x21", "x22");
#endif
	return NULL;
}

/*
 * sigsuspend(), for ever: the kernel keeps nothing of it but the registers, and has no array on
 * its stack where something may be left from an earlier call, as poll() has.
 */
static void *wait_with_it(void *unused)
{
	static const unsigned long none;

	(void)unused;
	for (;;) {
#if defined(__x86_64__)
		unsigned long call = __NR_rt_sigsuspend;

		__asm__ volatile("mov %1, %%rbx; mov %1, %%r9; mov %1, %%r12; mov %1, %%r13\n"
				 "mov %1, %%r14; mov %1, %%r15; mov %1, %%rdx; mov %1, %%r10\n"
				 "mov %2, %%rdi; mov $8, %%esi; syscall"
				 : "+a"(call) : "r"(address), "r"(&none)
				 : "rbx", "rcx", "rdx", "rsi", "rdi", "r9", "r10", "r11", "r12",
				   "r13", "r14", "r15", "memory");
#elif defined(__aarch64__)
		__asm__ volatile("mov x19, %0; mov x20, %0; mov x21, %0; mov x22, %0\n"
				 "mov x9, %0; mov x10, %0; mov x2, %0; mov x3, %0\n"
				 "mov x0, %2; mov x1, #8; mov x8, %1; svc #0"
				 : : "r"(address), "i"(__NR_rt_sigsuspend), "r"(&none)
				 : "x0", "x1", "x2", "x3", "x8", "x9", "x10", "x19", "x20", "x21",
				   "x22", "memory");
#endif
	}
	return NULL;
}

static void *sleep_with_it(void *unused)
{
	unsigned long sets[3][FD_SETSIZE / (8 * sizeof(long))] = { 0 };
	unsigned int set, word;

	(void)unused;
	for (set = 0; set < 3; set++)
		for (word = 0; word < FILES / (8 * sizeof(long)); word++)
			sets[set][word] = address;
	select(FILES, (fd_set *)sets[0], (fd_set *)sets[1], (fd_set *)sets[2], NULL);
	fprintf(stderr, "select() did not sleep\n");
	exit(1);
}

static void start(void *(*function)(void *), int nr)
{
	pthread_attr_t attributes;
	pthread_t thread;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, 64 * 1024);
	while (nr-- > 0)
		if (pthread_create(&thread, &attributes, function, NULL)) {
			perror("pthread_create");
			exit(1);
		}
}

int main(int argc, char **argv)
{
	int ends[2], fd;

	if (argc != 5) {
		fprintf(stderr, "usage: addresses RUNNING SLEEPING WAITING ADDRESS\n");
		return 2;
	}
	address = strtoul(argv[4], NULL, 16);
	/* Nothing to read, and it cannot be written: never ready. */
	if (pipe(ends) || setgid(NOBODY) || setuid(NOBODY))
		return 1;
	for (fd = 3; fd < FILES; fd++)
		if (fd != ends[0] && fd != ends[1] && dup2(ends[0], fd) != fd)
			return 1;
	for (fd = 0; fd < 2; fd++)
		dup2(ends[0], fd);
	if (ends[1] >= 0 && dup(ends[1]) >= 0)
		dup2(ends[0], ends[1]);
	start(sleep_with_it, atoi(argv[2]));
	start(wait_with_it, atoi(argv[3]));
	start(run, atoi(argv[1]));
	for (;;)
		pause();
}
