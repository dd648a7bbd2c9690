// SPDX-License-Identifier: GPL-2.0-only
/*
 * How the event path scales: the module's own source, with threads of this machine that make
 * alloc and free events of frames of their own. Either the frames of each thread lie in memory
 * of its own, as those of a CPU's lists mostly do, or those of all threads lie side by side in
 * one word, which is the worst that there can be.
 *
 *	scale MS
 *
 * prints a line "scale apart|near THREADS EVENTS" for each, in millions a second.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "dualbm_bitmap.h"

#define MAX_THREADS	16
/* A line of a plane. */
#define LINE_FRAMES	512UL

_Thread_local unsigned long relax_calls;

static unsigned long *planes;
static pthread_barrier_t barrier;
static bool near, stop;

struct worker {
	pthread_t thread;
	unsigned long number;
	/* Of this thread alone: another one's is lines away. */
	_Alignas(256) unsigned long events;
};

static void *run(void *data)
{
	struct worker *worker = data;
	unsigned long frame = near ? worker->number : 2 * worker->number * LINE_FRAMES;
	struct dualbm_part part;

	pthread_barrier_wait(&barrier);
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		if (!dualbm_move_block(planes, DUALBM_FREE, frame, 0, &part) ||
		    !dualbm_move_block(planes, DUALBM_ALLOC, frame, 0, &part))
			abort();
		worker->events += 2;
	}
	return NULL;
}

static double measure(unsigned int threads, unsigned int ms)
{
	const struct timespec time = { ms / 1000, ms % 1000 * 1000000L };
	static struct worker workers[MAX_THREADS];
	unsigned long events = 0;
	unsigned int i;

	memset(workers, 0, sizeof(workers));
	stop = false;
	pthread_barrier_init(&barrier, NULL, threads + 1);
	for (i = 0; i < threads; i++) {
		workers[i].number = i;
		if (pthread_create(&workers[i].thread, NULL, run, &workers[i]))
			abort();
	}
	pthread_barrier_wait(&barrier);
	nanosleep(&time, NULL);
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	for (i = 0; i < threads; i++) {
		pthread_join(workers[i].thread, NULL);
		events += workers[i].events;
	}
	pthread_barrier_destroy(&barrier);
	return events / (ms * 1000.0);
}

int main(int argc, char **argv)
{
	unsigned int ms = argc > 1 ? atoi(argv[1]) : 500, threads;
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	struct dualbm_mismatch found;

	planes = aligned_alloc(PAGE_SIZE, DUALBM_CHUNK_BYTES);
	if (!planes)
		return 1;
	memset(planes, 0, DUALBM_CHUNK_BYTES);
	dualbm_planes_forget(planes, 0, DUALBM_CHUNK_FRAMES);
	/* What is untracked becomes allocated by its first event. */
	dualbm_planes_apply(planes, DUALBM_ALLOC, 0, DUALBM_CHUNK_FRAMES, &found);
	for (near = false;; near = true) {
		for (threads = 1; threads <= MAX_THREADS && threads <= cpus; threads++)
			printf("scale %s %u %.1f\n", near ? "near" : "apart", threads,
			       measure(threads, ms));
		if (near)
			break;
	}
	free(planes);
	return 0;
}
