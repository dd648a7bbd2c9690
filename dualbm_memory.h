/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Chunks that come and go (dualbm_memory.c).
 */
#ifndef DUALBM_MEMORY_H
#define DUALBM_MEMORY_H

#include "dualbm.h"

/*
 * Frames that are online and have no planes, as there was no memory for them: their
 * events are no coverage gap. Written under dualbm_memory_lock.
 */
extern unsigned long dualbm_unmanaged_frames;

/*
 * Memory is going offline now; under dualbm_memory_lock. A zone that loses its last
 * block loses its per-CPU lists: zone_pcp_reset(), mm/page_alloc.c.
 */
extern bool dualbm_memory_leaving;

/**
 * dualbm_memory_renew() - move a chunk's planes to fresh pages
 * @pfn: the chunk's first frame
 * @plane: the plane of which a page is not to be used again
 * @byte: offset in the plane of any byte of that page
 * @phys: filled in with where that page lies
 *
 * The page is kept, out of use, until the module is unloaded. What the planes
 * say is copied while all CPUs are stopped.
 *
 * Context: The scrubber; sleeps. Takes dualbm_memory_lock.
 *
 * Return: 0, -ENOMEM, or -ENOENT if the chunk has gone.
 */
int dualbm_memory_renew(unsigned long pfn, enum dualbm_plane plane,
			unsigned long byte, phys_addr_t *phys);

/**
 * dualbm_planes_map() - memory for the planes of a chunk
 * @node: the node of the memory that they describe
 *
 * Context: Process; sleeps.
 *
 * Return: where they are, not filled in, to be freed by vfree(); or NULL.
 */
unsigned long *dualbm_planes_map(int node);

/**
 * dualbm_memory_init() - make planes for all memory that is online
 *
 * Registers the memory notifier first, so that memory which comes meanwhile is
 * not missed: online_pages() calls it before the first frame is freed, and
 * offline_pages() after the last has gone (mm/memory_hotplug.c, 6.1 and 6.12).
 * From then on the notifier makes and drops chunks.
 *
 * Context: Module init; sleeps. Takes dualbm_memory_lock.
 *
 * Return: 0, -ENOMEM with a log line that says how much was needed, or with
 * another what register_memory_notifier() says. After an error nothing is left.
 */
int dualbm_memory_init(void);

/**
 * dualbm_memory_exit() - undo dualbm_memory_init()
 *
 * Context: Module exit, or init that fails; sleeps. Takes dualbm_memory_lock.
 * No handler may run any more, nor the worker.
 */
void dualbm_memory_exit(void);

/**
 * dualbm_memory_adopt() - make planes for memory that came online without
 *
 * What it makes is untracked.
 *
 * Context: Worker; sleeps. Takes dualbm_memory_lock.
 *
 * Return: true if there is something new to be learned.
 */
bool dualbm_memory_adopt(void);

/**
 * dualbm_memory_forget_all() - make every frame untracked
 *
 * Context: Worker, in mode forgetting, after synchronize_rcu(): events beside
 * it forget too, and stores of that kind go with each other in any order.
 * Sleeps; takes dualbm_memory_lock, for a chunk at a time.
 */
void dualbm_memory_forget_all(void);

#endif /* DUALBM_MEMORY_H */
