/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The four planes of a chunk: codewords, events and the rule table.
 *
 * This is pure logic: it knows frames by their index in a chunk, and nothing
 * of zones, hooks or policies. It also builds in userspace, where the unit
 * tests drive it against a one-byte-per-frame model.
 */
#ifndef DUALBM_BITMAP_H
#define DUALBM_BITMAP_H

#ifdef __KERNEL__
#include <linux/atomic.h>
#include <linux/bitops.h>
#include <linux/minmax.h>
#include <linux/mmzone.h>
#include <linux/types.h>
#define DUALBM_CHUNK_SHIFT	PFN_SECTION_SHIFT
#else
#include "kernel_shim.h"
#endif

/* A plane holds one bit per frame; a frame's four bits are its codeword. */
enum dualbm_plane {
	DUALBM_PRIMARY,
	DUALBM_SECONDARY,
	DUALBM_UNTRACKED,
	DUALBM_KNOWN,
	DUALBM_NR_PLANES
};

/*
 * The four legal codewords, bit n standing for plane n. Of the first three bits an
 * odd number is set, and the fourth one is the complement of the third. Two legal
 * codewords that differ in primary and secondary only are there, because alloc and
 * free store to nothing else. Otherwise whatever is done to one plane or to two of
 * them makes a codeword illegal, or leaves it as it was; and zeroes or ones in all
 * planes are illegal (docs/design.md, "What a fault can do").
 */
#define DUALBM_CODE_ALLOCATED	0x9u	/* primary, known */
#define DUALBM_CODE_FREE	0xau	/* secondary, known */
#define DUALBM_CODE_UNTRACKED	0x4u	/* untracked */
#define DUALBM_CODE_DEPARTING	0x7u	/* all but known */
#define DUALBM_NR_CODES		16u

/*
 * How often an event looks for a token that another CPU has in its hands, and after
 * how many looks it pauses: a pause takes 140 cycles on some processors. Under a
 * hypervisor it can be an exit to it, after which another CPU of the machine, if it
 * is busy, runs for up to 100 ms; and each event on a wiped page waits.
 */
#ifndef DUALBM_TOKEN_TRIES
#define DUALBM_TOKEN_TRIES	4000
#endif
#define DUALBM_TOKEN_LOOKS	1000

/* What can happen to the frames of a block; one row each in the rule table. */
enum dualbm_event_type {
	DUALBM_ALLOC,		/* the allocator hands the block out */
	DUALBM_FREE,		/* the owner gives the block back */
	DUALBM_FREE_POISONED,	/* a HWPoison frame is freed, and dropped */
	DUALBM_ISOLATE,		/* leaves the buddy lists without an alloc event */
	DUALBM_PUTBACK,		/* returns to the buddy lists without a free event */
	DUALBM_CHARGE,		/* may be freed again before its alloc event */
	DUALBM_DEPART,		/* its next free event does not make it free */
	DUALBM_BULK_SINGLE,	/* handed out in bulk, its alloc event may have come */
	DUALBM_FORGET,		/* nothing is known any more */
	DUALBM_NR_EVENTS
};

enum dualbm_class {
	DUALBM_NO_VIOLATION,
	DUALBM_DOUBLE_ALLOC,
	DUALBM_DOUBLE_FREE,
	DUALBM_BOUNDARY_DOUBLE_FREE,
	DUALBM_PLANE_CORRUPTION,
	DUALBM_DIRECTORY_CORRUPTION,
	DUALBM_ALLOCATOR_CORRUPTION,
	DUALBM_BAD_PAGE,	/* no rule: the kernel found it */
	DUALBM_COUNT_UNDERFLOW,	/* no rule: the count says it */
	DUALBM_MAPPED_FREE,	/* no rule: page tables say it */
	DUALBM_PIECE_FREE,	/* no rule: the history says where blocks begin */
	DUALBM_NR_CLASSES
};

struct dualbm_rule {
	u8 next;		/* the codeword that the event leaves behind */
	u8 class;		/* what a frame found so accuses, or none */
};

/**
 * dualbm_rule() - look a rule up
 * @event: what happened to the frame
 * @code: the codeword that was found, 0 to 15
 *
 * Context: Any.
 *
 * Return: the rule; illegal codewords have one too.
 */
struct dualbm_rule dualbm_rule(enum dualbm_event_type event, unsigned int code);

/**
 * dualbm_code_legal() - is this one of the four codewords
 * @code: 0 to 15
 *
 * Context: Any.
 *
 * Return: true if it is.
 */
static inline bool dualbm_code_legal(unsigned int code)
{
	return code == DUALBM_CODE_ALLOCATED || code == DUALBM_CODE_FREE ||
	       code == DUALBM_CODE_UNTRACKED || code == DUALBM_CODE_DEPARTING;
}

/*
 * A chunk is one memory section: on amd64 128 MiB, 2^15 frames, and a plane of
 * it one page. Outside the kernel DUALBM_CHUNK_SHIFT comes from the build.
 */
#define DUALBM_CHUNK_FRAMES	BIT(DUALBM_CHUNK_SHIFT)
#define DUALBM_PLANE_WORDS	(DUALBM_CHUNK_FRAMES / BITS_PER_LONG)
#define DUALBM_PLANE_BYTES	(DUALBM_PLANE_WORDS * sizeof(long))
/*
 * From a plane to the next one, in words: each has pages of its own, which may lie on any node,
 * also where a page is larger than a plane, as with pages of 16 or 64 KiB.
 */
#define DUALBM_PLANE_STRIDE \
	(DIV_ROUND_UP(DUALBM_PLANE_BYTES, PAGE_SIZE) * (PAGE_SIZE / sizeof(long)))
#define DUALBM_CHUNK_BYTES	(DUALBM_NR_PLANES * DUALBM_PLANE_STRIDE * sizeof(long))

/**
 * struct dualbm_mismatch - what the rule table did not expect, per event
 * @class: the class of the first such frame
 * @code: the codeword that was found there
 * @first: index of the first such frame in its chunk
 * @last: index of the last such frame of the same class in its chunk
 * @frames: how many frames of that class were found
 *
 * A block that breaks the rules in two ways is reported for the first.
 */
struct dualbm_mismatch {
	enum dualbm_class class;
	unsigned int code;
	unsigned long first;
	unsigned long last;
	unsigned long frames;
};

/**
 * dualbm_plane() - one of a chunk's planes
 * @planes: the chunk's planes, in the order of enum dualbm_plane in a row
 * @plane: which
 *
 * Context: Any.
 *
 * Return: its first word, of %DUALBM_PLANE_WORDS.
 */
static inline unsigned long *dualbm_plane(unsigned long *planes,
					  enum dualbm_plane plane)
{
	return planes + plane * DUALBM_PLANE_STRIDE;
}

/**
 * dualbm_word_mask() - the bits of some frames, as far as they lie in one word
 * @first: index of the first frame; its word is meant
 * @nr: number of frames; those beyond the word are passed over
 *
 * Context: Any.
 *
 * Return: the mask in the word.
 */
static inline unsigned long dualbm_word_mask(unsigned long first,
					     unsigned long nr)
{
	unsigned long bit = first % BITS_PER_LONG;
	unsigned long room = BITS_PER_LONG - bit;

	return nr >= room ? ~0UL << bit : ((1UL << nr) - 1) << bit;
}

/**
 * dualbm_planes_apply() - carry out one event on frames of one chunk
 * @planes: the chunk's planes, in a row
 * @event: what happened to the frames
 * @first: index of the first frame in the chunk
 * @nr: number of frames; @first + @nr must not go past the chunk's end
 * @found: filled in when the function returns false, undefined otherwise
 *
 * Loops over words, never over frames.
 *
 * Context: Any, preemption disabled; takes no lock. The caller must be the only party that may
 * change these frames (docs/design.md, "Who may change a frame"); neighbours in
 * the same word may change at the same time. Where the caller is not, because
 * two CPUs allocate or free a block at once, the second one waits, some
 * microseconds at most, until the first one's update of a word is whole.
 *
 * Return: true if every frame was as the rule table expects, or false with
 * the first broken rule in *@found. Either way the frames are then what the
 * event says.
 */
bool dualbm_planes_apply(unsigned long *planes, enum dualbm_event_type event,
			 unsigned long first, unsigned long nr,
			 struct dualbm_mismatch *found);

/**
 * struct dualbm_part - a part of a block, as large as can be exchanged at once
 * @first: index of its first frame in the chunk
 * @frames: how many, at most a word's
 * @took: a bit for each frame whose token was there, and was taken
 * @gave: a bit for each frame that had one already where it goes; 0 as long as nothing is
 *	given, as @took is not all
 */
struct dualbm_part {
	unsigned long first;
	unsigned long frames;
	unsigned long took;
	unsigned long gave;
};

/**
 * dualbm_planes_moved() - finish what dualbm_move_block() began
 * @planes: the chunk's planes
 * @event: %DUALBM_ALLOC or %DUALBM_FREE
 * @first: index of the block's first frame in the chunk
 * @nr: number of frames
 * @part: where dualbm_move_block() stopped
 * @found: filled in when the function returns false
 *
 * Context: As dualbm_planes_apply().
 *
 * Return: As dualbm_planes_apply().
 */
bool dualbm_planes_moved(unsigned long *planes, enum dualbm_event_type event,
			 unsigned long first, unsigned long nr,
			 const struct dualbm_part *part, struct dualbm_mismatch *found);

/**
 * dualbm_planes_forget() - make frames untracked, whatever they were
 * @planes: the chunk's planes
 * @first: index of the first frame in the chunk
 * @nr: number of frames; @first + @nr must not go past the chunk's end
 *
 * Every store sets an untracked bit or clears another plane's bit, so any
 * number of these may run at once on the same frame, in any order: all end in
 * untracked. In between, codewords are illegal.
 *
 * Context: Any, NMI included, preemption disabled; takes no lock.
 */
void dualbm_planes_forget(unsigned long *planes, unsigned long first,
			  unsigned long nr);

/**
 * dualbm_planes_learn() - give untracked frames of one word a state
 * @planes: the chunk's planes
 * @word: index of the word in the planes
 * @mask: the frames in that word that the caller has evidence for
 * @code: %DUALBM_CODE_FREE or %DUALBM_CODE_ALLOCATED
 *
 * Frames with any other codeword than untracked stay as they are.
 *
 * Context: Any, preemption disabled; takes no lock. The caller excludes the events of these frames:
 * by zone->lock or a per-CPU list's lock that they are under, or with all CPUs
 * stopped.
 *
 * Return: the frames that were untracked and now are what @code says.
 */
unsigned long dualbm_planes_learn(unsigned long *planes, unsigned long word,
				  unsigned long mask, unsigned int code);

/**
 * dualbm_planes_untracked() - which frames of a word are untracked
 * @planes: the chunk's planes
 * @word: index of the word in the planes
 *
 * Context: Any; takes no lock. Exact only for frames that nobody changes
 * meanwhile.
 *
 * Return: a bit for each frame whose codeword is %DUALBM_CODE_UNTRACKED.
 */
unsigned long dualbm_planes_untracked(unsigned long *planes, unsigned long word);

/**
 * dualbm_planes_owned() - which frames of a word are in use
 * @planes: the chunk's planes
 * @word: index of the word in the planes
 *
 * Context: As dualbm_planes_untracked().
 *
 * Return: a bit for each frame whose codeword is %DUALBM_CODE_ALLOCATED or
 * %DUALBM_CODE_DEPARTING, or one of the illegal ones.
 */
unsigned long dualbm_planes_owned(unsigned long *planes, unsigned long word);

/**
 * dualbm_planes_departing() - which frames of a word are departing
 * @planes: the chunk's planes
 * @word: index of the word in the planes
 *
 * Context: As dualbm_planes_untracked().
 *
 * Return: a bit for each frame whose codeword is %DUALBM_CODE_DEPARTING.
 */
unsigned long dualbm_planes_departing(unsigned long *planes, unsigned long word);

/**
 * dualbm_planes_code() - the codeword of one frame
 * @planes: the chunk's planes
 * @frame: index of the frame in the chunk
 *
 * Context: Any; takes no lock. Exact only for a frame that nobody changes
 * meanwhile.
 *
 * Return: the four bits, 0 to 15.
 */
unsigned int dualbm_planes_code(unsigned long *planes, unsigned long frame);

/**
 * dualbm_planes_illegal() - which frames of a word have no legal codeword
 * @planes: the chunk's planes
 * @word: index of the word in the planes
 *
 * Context: Any; takes no lock. A bit that is set while events run may be an
 * update half done.
 *
 * Return: a bit for each frame whose codeword is none of the four.
 */
unsigned long dualbm_planes_illegal(unsigned long *planes, unsigned long word);

/**
 * struct dualbm_counts - how many frames are what
 * @managed: frames that were looked at
 * @allocated: of them, frames with the codeword for allocated
 * @free: frames with the codeword for free
 * @untracked: frames that are not known, an illegal codeword with the untracked
 *	bit among them; other illegal codewords are in no number but @managed
 * @departing: frames with the codeword for departing
 */
struct dualbm_counts {
	unsigned int managed, allocated, free, untracked, departing;
};

/**
 * dualbm_planes_count() - count some frames of a chunk by state
 * @planes: the chunk's planes
 * @first: index of the first frame, of a whole word
 * @nr: number of frames, whole words
 * @counts: what is found is added
 *
 * Context: As dualbm_planes_illegal().
 */
void dualbm_planes_count(const unsigned long *planes, unsigned long first,
			 unsigned long nr, struct dualbm_counts *counts);

/**
 * dualbm_planes_survey() - all words of a chunk at a glance
 * @planes: the chunk's planes
 * @counts: filled with what the whole chunk holds, if true is returned
 *
 * Context: As dualbm_planes_illegal().
 *
 * Return: true if every frame is free, allocated or untracked; false if the words
 * have to be looked at one by one, for illegal or departing ones.
 */
bool dualbm_planes_survey(const unsigned long *planes, struct dualbm_counts *counts);

/**
 * dualbm_code_liars() - which planes can have made a codeword illegal
 * @code: an illegal codeword
 * @truth: what a witness says that the frame is, %DUALBM_CODE_FREE or
 *	%DUALBM_CODE_ALLOCATED, or 0 without one
 *
 * A wrong untracked or known bit shows as such. A wrong primary or secondary bit of
 * a known frame can be either: these are told apart by the witness, or by the frames
 * around it. A departing frame is one for microseconds only, and is thought of last.
 *
 * Context: Any.
 *
 * Return: a bit for each plane that explains @code if its bit alone is wrong, as the
 * witness has it or else without him. Where no plane alone can: those that disagree
 * with the witness, or of a frame that has been departing the one that is wrong.
 */
unsigned int dualbm_code_liars(unsigned int code, unsigned int truth);

/**
 * dualbm_move_from() - which plane the rule table expects a block in
 * @event: %DUALBM_ALLOC or %DUALBM_FREE
 *
 * Context: Any.
 *
 * Return: the plane.
 */
static __always_inline enum dualbm_plane dualbm_move_from(enum dualbm_event_type event)
{
	return event == DUALBM_ALLOC ? DUALBM_SECONDARY : DUALBM_PRIMARY;
}

/**
 * dualbm_move_to() - which plane a block goes to
 * @event: %DUALBM_ALLOC or %DUALBM_FREE
 *
 * Context: Any.
 *
 * Return: the plane.
 */
static __always_inline enum dualbm_plane dualbm_move_to(enum dualbm_event_type event)
{
	return event == DUALBM_ALLOC ? DUALBM_PRIMARY : DUALBM_SECONDARY;
}

/*
 * What a block has for itself, a byte or more of a plane, is exchanged as a whole; of less,
 * bits. All architectures that dualbm knows have the low byte of a word first, and atomic
 * operations on a byte and on its word that see each other whole, as those of
 * include/asm-generic/qspinlock_types.h have it (xchg_tail(), 6.1 and 6.12).
 */
static __always_inline unsigned long dualbm_part_exchange(unsigned long *plane,
							  const struct dualbm_part *part,
							  unsigned long with)
{
	unsigned int shift = part->first % BITS_PER_LONG;
	void *address = (u8 *)plane + part->first / 8;
	unsigned long mask;
	atomic_long_t *word;

	switch (part->frames) {
	case 1:
		return with ? test_and_set_bit(part->first, plane) :
			      test_and_clear_bit(part->first, plane);
	case 8:
		return xchg((u8 *)address, (u8)with);
	case 16:
		return xchg((u16 *)address, (u16)with);
	case 32:
		return xchg((u32 *)address, (u32)with);
	case 64:
		return xchg((unsigned long *)address, with);
	default:
		word = (atomic_long_t *)(plane + part->first / BITS_PER_LONG);
		mask = (BIT(part->frames) - 1) << shift;
		mask &= with ? atomic_long_fetch_or(mask, word) :
			       atomic_long_fetch_andnot(mask, word);
		return mask >> shift;
	}
}

static __always_inline unsigned long dualbm_part_read(unsigned long *plane,
						      const struct dualbm_part *part)
{
	void *address = (u8 *)plane + part->first / 8;

	switch (part->frames) {
	case 1:
		return test_bit(part->first, plane);
	case 8:
		return READ_ONCE(*(u8 *)address);
	case 16:
		return READ_ONCE(*(u16 *)address);
	case 32:
		return READ_ONCE(*(u32 *)address);
	case 64:
		return READ_ONCE(*(unsigned long *)address);
	default:
		return READ_ONCE(plane[part->first / BITS_PER_LONG]) &
		       (BIT(part->frames) - 1) << (part->first % BITS_PER_LONG);
	}
}

/*
 * The token is taken before it is given: of two CPUs that free one frame at once, by a bug,
 * one finds it gone. What is as expected in three planes is believed without the fourth
 * one; nobody is accused without it.
 */
static __always_inline bool dualbm_move_part(unsigned long *planes,
					     enum dualbm_event_type event,
					     struct dualbm_part *part)
{
	const unsigned long all = ~0UL >> (BITS_PER_LONG - part->frames);

	part->gave = 0;
	part->took = dualbm_part_exchange(dualbm_plane(planes, dualbm_move_from(event)), part, 0);
	if (unlikely(part->took != all))
		return false;
	part->gave = dualbm_part_exchange(dualbm_plane(planes, dualbm_move_to(event)), part, all);
	/* A bit is a flag of the CPU, a word is a register: asked at once, or together. */
	if (part->frames == 1 && unlikely(part->gave))
		return false;
	return likely(!(part->gave |
			dualbm_part_read(dualbm_plane(planes, DUALBM_UNTRACKED), part)));
}

/* Of what is not where blocks are, nothing is taken. */
static __always_inline bool dualbm_move_only(unsigned long *planes,
					     enum dualbm_event_type event, unsigned long frames,
					     struct dualbm_part *part)
{
	part->frames = frames;
	return likely(!(part->first % frames)) && dualbm_move_part(planes, event, part);
}

/**
 * dualbm_move_block() - an alloc or free event, as long as all is as expected
 * @planes: the chunk's planes
 * @event: %DUALBM_ALLOC or %DUALBM_FREE; a constant
 * @first: index of the block's first frame in the chunk
 * @order: its order; any, and the block need not lie where blocks are
 * @part: filled in when the function returns false
 *
 * Context: As dualbm_planes_apply().
 *
 * Return: true if the event is done. Else, if @part says that something was taken, or is not
 * the first of the block, dualbm_planes_moved() has to finish it; else nothing is done yet.
 */
static __always_inline bool dualbm_move_block(unsigned long *planes,
					      enum dualbm_event_type event,
					      unsigned long first, unsigned int order,
					      struct dualbm_part *part)
{
	unsigned long end;

	part->first = first;
	part->took = 0;
	part->gave = 0;
	switch (order) {
	case 0:
		return dualbm_move_only(planes, event, 1, part);
	case 1:
		return dualbm_move_only(planes, event, 2, part);
	case 2:
		return dualbm_move_only(planes, event, 4, part);
	case 3:
		return dualbm_move_only(planes, event, 8, part);
	case 4:
		return dualbm_move_only(planes, event, 16, part);
	case 5:
		return dualbm_move_only(planes, event, 32, part);
	default:
		if (unlikely(order >= DUALBM_CHUNK_SHIFT || first & (BIT(order) - 1)))
			return false;
		part->frames = 64;
		for (end = first + BIT(order); part->first < end; part->first += 64)
			if (unlikely(!dualbm_move_part(planes, event, part)))
				return false;
		return true;
	}
}

#endif /* DUALBM_BITMAP_H */
