// SPDX-License-Identifier: GPL-2.0-only
/*
 * One flipped bit anywhere in what leads events to planes: in the base, the limit and the check
 * value of the flat map, in what these were made from, and in the copies of that. No event is led
 * to memory that is no part of the map, and what was made is what is acted on.
 */
#include "kernel.h"

#undef DUALBM_GUARD_H
#include "../../dualbm_guard.c"
#undef ITEMS
#undef BYTES

#include "../../dualbm_chunks.h"

struct dualbm_flat dualbm_flat;
struct mutex dualbm_memory_lock;
struct list_head dualbm_chunks;

#define DUALBM_PLACEMENT_H
phys_addr_t dualbm_mapped_phys(const void *address);

#include "../../dualbm_flat.c"

#include "proof.h"

/* dualbm_mode.c keeps the limit, by a guard of its own; while events are tracked it is this. */
void dualbm_mode_span(unsigned long frames)
{
	dualbm_flat.limit = frames;
}

phys_addr_t dualbm_mapped_phys(const void *address)
{
	return nondet_number();
}

/* A map of any size at any place of the kernel's half, as dualbm_flat_update() stores it. */
static unsigned long map_bytes(unsigned long *base, unsigned long *chunks)
{
	*base = nondet_number();
	*chunks = 1 + any_below(1UL << 20);
	__CPROVER_assume(*base >= 1UL << 63 && !(*base % PAGE_SIZE));
	__CPROVER_assume(*base + *chunks * DUALBM_CHUNK_BYTES > *base);
	store((void *)*base, *chunks);
	return *chunks * DUALBM_CHUNK_BYTES;
}

static void flip(void *data, size_t size)
{
	unsigned long byte = any_below(size);

	((u8 *)data)[byte] ^= 1u << any_below(8);
}

/* Where an event of any frame would go. */
static void prove_events_stay(unsigned long base, unsigned long size)
{
	unsigned long pfn = nondet_number(), frame = dualbm_frame_index(pfn), *planes;

	if (!dualbm_flat_find(pfn, frame, &planes)) {
		REACHED("an event goes the long way");
		return;
	}
	PROVE("what an event is led to is the planes of a chunk in the map",
	      (unsigned long)planes >= base &&
	      (unsigned long)planes - base <= size - DUALBM_CHUNK_BYTES &&
	      !(((unsigned long)planes - base) % DUALBM_CHUNK_BYTES));
	PROVE("it is that of its frame",
	      ((unsigned long)planes - base) / DUALBM_CHUNK_BYTES == pfn / DUALBM_CHUNK_FRAMES);
	REACHED("an event finds planes");
}

void as_it_is(void)
{
	unsigned long base, chunks, size = map_bytes(&base, &chunks);

	PROVE("it is not broken", !dualbm_flat_broken(&dualbm_flat));
	PROVE("nobody is accused", !wrong_copies());
	prove_events_stay(base, size);
}

/* What an event reads. */
void flipped_map(void)
{
	unsigned long base, chunks, size = map_bytes(&base, &chunks);
	struct dualbm_flat_fault fault;
	unsigned long pfn = nondet_number(), *planes;

	flip(&dualbm_flat, sizeof(dualbm_flat));
	PROVE("no event is led anywhere",
	      !dualbm_flat_find(pfn, dualbm_frame_index(pfn), &planes));
	REACHED("the end");
	if (dualbm_flat.limit != chunks << DUALBM_CHUNK_SHIFT)
		return;
	PROVE("it is accused", dualbm_flat_accuse());
	PROVE("nobody says so twice", !dualbm_flat_accuse());
	PROVE("the scrubber finds it", base_is_wrong(&fault));
	PROVE("it is right then", dualbm_flat.base == base && !wrong_copies() &&
	      !dualbm_flat_broken(&dualbm_flat));
	REACHED("what was put right");
}

/* What the base and the check value are judged by, in any of its three copies. */
void flipped_copy(void)
{
	unsigned long base, chunks, size, which = any_below(3);
	struct dualbm_flat_fault fault;
	bool wrong;

	PROVE("there is room for it", !dualbm_guard_add("map", &made, sizeof(made)));
	size = map_bytes(&base, &chunks);
	flip(which == 0 ? (void *)&made : which == 1 ? (void *)copies : (void *)complements,
	     sizeof(made));
	prove_events_stay(base, size);
	wrong = dualbm_guard_restore(&made);
	PROVE("it is put right", (unsigned long)made.map == base && made.chunks == chunks);
	PROVE("that is told", wrong);
	PROVE("it is right in all copies", !dualbm_guard_restore(&made));
	PROVE("nobody is accused for it", !base_is_wrong(&fault));
	prove_events_stay(base, size);
}

#ifdef ORDER
/* Nothing but zeroes is stored where there is no chunk, so that the long way begins anew. */
void page_of_zeroes(void)
{
	enum dualbm_event_type event = any_below(2) ? DUALBM_ALLOC : DUALBM_FREE;
	struct planes zeroes = { { 0 } };
	unsigned long first = any_below(FRAMES), i;
	struct dualbm_part part;

	__CPROVER_assume(first + (1UL << ORDER) <= FRAMES);
	PROVE("an event of zeroes is not done by itself",
	      !dualbm_move_block(zeroes.words, event, first, ORDER, &part));
	PROVE("it begins anew", !part.took && part.first == first);
	for (i = 0; i < 4 * STRIDE; i++)
		PROVE("what was zero is zero", !zeroes.words[i]);
	REACHED("the end");
}
#endif
