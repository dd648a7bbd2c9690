// SPDX-License-Identifier: GPL-2.0-only
/*
 * A finding in plain words, for whoever reads the log at night: what happened, whom to
 * suspect and whom not, and what to do next. The same holds for all findings of a class, and
 * docs/runbook.md has it at length.
 */
#include <linux/kernel.h>

#include "dualbm.h"
#include "dualbm_names.h"
#include "dualbm_past.h"
#include "dualbm_violation.h"
#include "dualbm_words.h"

/* Whose call was it that found the frame so? */
static bool found_by_nobody(const struct dualbm_violation *v)
{
	return v->event == DUALBM_FORGET;
}

static int say_what(const struct dualbm_violation *v, char *line, size_t size)
{
	switch (v->class) {
	case DUALBM_DOUBLE_ALLOC:
		return scnprintf(line, size,
				 "page frame 0x%lx was handed out while somebody has it", v->first);
	case DUALBM_DOUBLE_FREE:
	case DUALBM_BOUNDARY_DOUBLE_FREE:
		return scnprintf(line, size,
				 "page frame 0x%lx was freed while it was free", v->first);
	case DUALBM_PLANE_CORRUPTION:
		return scnprintf(line, size,
				 "dualbm's own record of page frame 0x%lx was damaged", v->first);
	case DUALBM_DIRECTORY_CORRUPTION:
		return scnprintf(line, size, "dualbm's own control data were damaged (%s)",
				 v->what ?: "-");
	case DUALBM_ALLOCATOR_CORRUPTION:
		if (!found_by_nobody(v))
			return scnprintf(line, size,
					 "page frame 0x%lx lay on a free list while somebody has it",
					 v->first);
		return scnprintf(line, size,
				 "what the page allocator says of its free page frame 0x%lx is not true (%s)",
				 v->first, v->what ?: "-");
	case DUALBM_BAD_PAGE:
		if (v->what)
			return scnprintf(line, size,
					 "page frame 0x%lx was freed while it is still in an address space",
					 v->first);
		return scnprintf(line, size,
				 "the kernel found page frame 0x%lx as it cannot be, and dropped it",
				 v->first);
	case DUALBM_COUNT_UNDERFLOW:
		return scnprintf(line, size,
				 "a reference of page frame 0x%lx was given back that nobody had",
				 v->first);
	case DUALBM_MAPPED_FREE:
		return scnprintf(line, size,
				 "page frame 0x%lx is free, and a process still has it mapped",
				 v->first);
	case DUALBM_PIECE_FREE:
		return scnprintf(line, size,
				 "page frame 0x%lx was freed out of the middle of a block that is still allocated",
				 v->first);
	default:
		return scnprintf(line, size, "page frame 0x%lx is not what it was", v->first);
	}
}

/* Where the history has nothing, what stands here is true all the same. */
static int say_past(const struct dualbm_violation *v, const char *before, const char *after,
		    enum dualbm_past_kind kind, char *line, size_t size)
{
	const struct dualbm_past *past = &v->past[kind];

	if (!dualbm_past_is_named(past))
		return 0;
	return scnprintf(line, size, "%s%s%s", before, past->name, after);
}

static int say_whom_of(const struct dualbm_violation *v, char *line, size_t size)
{
	const char *caller = v->caller_name;

	switch (v->class) {
	case DUALBM_DOUBLE_ALLOC:
		return scnprintf(line, size,
				 "suspect who has it, or freed it and goes on using it; not %s, which was given it",
				 caller);
	case DUALBM_DOUBLE_FREE:
	case DUALBM_BOUNDARY_DOUBLE_FREE:
		return scnprintf(line, size,
				 "one free is too many: the one by %s, or one before it; if that, this caller had a right to it and is the victim",
				 caller);
	case DUALBM_PLANE_CORRUPTION:
	case DUALBM_DIRECTORY_CORRUPTION:
		return scnprintf(line, size,
				 "suspect memory that loses bits, or a stray write; nobody who allocates or frees, nor who ran when it was found");
	case DUALBM_ALLOCATOR_CORRUPTION:
		return scnprintf(line, size,
				 "suspect who had the page frame last, or a stray write; not who ran when it was found");
	case DUALBM_BAD_PAGE:
		if (v->what)
			return scnprintf(line, size,
					 "suspect %s, which freed it, or who had the frame before and left that in it",
					 caller);
		if (v->event == DUALBM_FREE)
			return scnprintf(line, size,
					 "suspect %s, which freed it, then who else uses its pages",
					 caller);
		return scnprintf(line, size,
				 "suspect who had the page frame before; not %s, which only came past",
				 caller);
	case DUALBM_COUNT_UNDERFLOW:
		return scnprintf(line, size,
				 "suspect %s, which gave it back, then who else gives back such pages",
				 caller);
	case DUALBM_MAPPED_FREE:
		if (v->caller)
			return scnprintf(line, size,
					 "suspect %s, which freed it while it was mapped; not the process: %s",
					 caller, v->mapper);
		return scnprintf(line, size,
				 "suspect the driver of what is mapped there, which freed it first; not the process: %s",
				 v->mapper);
	case DUALBM_PIECE_FREE:
		return scnprintf(line, size,
				 "suspect %s, which freed it; not the owner of the block, who will free it too",
				 caller);
	default:
		return scnprintf(line, size, "nobody is to be suspected");
	}
}

/* Who else may have done it, by name. */
static int say_others(const struct dualbm_violation *v, char *line, size_t size)
{
	int length;

	switch (v->class) {
	case DUALBM_DOUBLE_FREE:
	case DUALBM_BOUNDARY_DOUBLE_FREE:
	case DUALBM_COUNT_UNDERFLOW:
	case DUALBM_ALLOCATOR_CORRUPTION:
	case DUALBM_BAD_PAGE:
		length = say_past(v, "; before it, ", " freed it", DUALBM_FREED, line, size);
		return length + say_past(v, ", and before that ", "", DUALBM_FREED_BEFORE,
					 line + length, size - length);
	case DUALBM_DOUBLE_ALLOC:
		length = say_past(v, "; ", " had allocated it", DUALBM_ALLOCATED, line, size);
		return length + say_past(v, ", and ", " freed it last", DUALBM_FREED,
					 line + length, size - length);
	case DUALBM_MAPPED_FREE:
		return say_past(v, "; ", " freed it last", DUALBM_FREED, line, size);
	case DUALBM_PIECE_FREE:
		return say_past(v, "; ", " had allocated the block", DUALBM_ALLOCATED, line, size);
	default:
		return 0;
	}
}

static int say_whom(const struct dualbm_violation *v, char *line, size_t size)
{
	int length = say_whom_of(v, line, size);

	return length + say_others(v, line + length, size - length);
}

static int say_next(const struct dualbm_violation *v, char *line, size_t size)
{
	const char *name = dualbm_is_mismatch(v) ? "unproven" :
			   dualbm_class_names[v->class];

	switch (v->class) {
	case DUALBM_PLANE_CORRUPTION:
	case DUALBM_DIRECTORY_CORRUPTION:
		return scnprintf(line, size,
				 "next: look for memory errors (EDAC, rasdaemon) where liar_phys is; runbook: %s",
				 name);
	default:
		return scnprintf(line, size,
				 "next: keep this block and, if there is one, the dump; runbook: %s",
				 name);
	}
}

int dualbm_words(const struct dualbm_violation *v, unsigned int number, char *line, size_t size)
{
	int length = 0;

	switch (number) {
	case 0:
		if (dualbm_is_mismatch(v))
			length = scnprintf(line, size, "not proven: ");
		return length + say_what(v, line + length, size - length);
	case 1:
		return say_whom(v, line, size);
	case 2:
		return say_next(v, line, size);
	default:
		return 0;
	}
}
