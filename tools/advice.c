// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a state means, what is to be done about it, and where more is written: the words of
 * "status" for who has not read any of it.
 */
#include <string.h>

#include "status.h"

#define MANUAL	"dualbmctl(8), STATES: "

const struct advice advice_unloaded = {
	BAD,
	"The module is not loaded. Nothing is watched.",
	"See whether it will work here with \"dualbmctl check\". Load it with \"dualbmctl load\". If it was to be loaded at boot, the kernel's log says why it was not.",
	MANUAL "not loaded",
};

/* By the word of the file "state"; what was found comes before "armed". */
static const struct {
	const char *state;
	struct advice advice;
} states[] = {
	{ "learning", {
		DOUBTFUL,
		"What is free and what is allocated is being learned. Nothing is checked until that is done.",
		"Wait: it ends by itself, in seconds on most machines. If it takes minutes, look at \"relearns\" of \"dualbmctl --json status\".",
		MANUAL "learning" } },
	{ "unqualified", {
		DOUBTFUL,
		"Each allocation and each free is checked. But nobody has tried this build of the kernel, so nothing that is found will stop the machine.",
		"Qualify this kernel, or trust it untried with allow_untested=1.",
		MANUAL "unqualified" } },
	{ "degraded", {
		BAD,
		"Events may have been lost, or a part of the watch does not work. Faults can be missed meanwhile.",
		"End what the reason names. What was forgotten is learned again without your help.",
		MANUAL "degraded" } },
	{ "disarmed", {
		BAD,
		"The module is being loaded or unloaded. Nothing is checked.",
		"Look again in a moment.",
		MANUAL "disarmed" } },
};

static const struct advice healthy = {
	GOOD,
	"Each allocation and each free of a page of memory is checked. Nothing was found.",
	"None is needed.",
	MANUAL "armed",
};

static const struct advice found = {
	BAD,
	"Pages of memory were handed out or given back wrongly. Two owners may have written to the same page.",
	"See who is to be suspected with \"dualbmctl violations\". Trust no data that was written since then, and reboot when you can.",
	MANUAL "findings",
};

static const struct advice damaged = {
	BAD,
	"dualbm's own record was damaged: memory flips bits, or something wrote where it must not. No page was given away wrongly.",
	"See with \"dualbmctl violations\" where the damaged memory lies, and look for errors of that memory module.",
	MANUAL "damaged record",
};

static const struct advice unproven = {
	BAD,
	"Something did not agree with the record, and nothing proves that the kernel is at fault. It may be a fault of dualbm.",
	"Look at it with \"dualbmctl violations\", and report it. Stop a roll-out of dualbm.",
	MANUAL "unproven",
};

static const struct advice gaps = {
	BAD,
	"Allocations were made that no event had shown. dualbm does not see everything on this kernel.",
	"Report it, with the output of \"dualbmctl --json status\". Stop a roll-out of dualbm.",
	MANUAL "coverage gaps",
};

static const struct advice lost = {
	BAD,
	"A source of events that is required has missed some. What became of them was forgotten and learned again.",
	"If it happens again, find out what is slow or switched off below: tracing tools, and other probes.",
	MANUAL "degraded",
};

static const struct advice suspect = {
	DOUBTFUL,
	"Each allocation and each free is checked. Frees were seen that look wrong, and that nothing proves to be so.",
	"Look at them with \"dualbmctl violations\": a driver may free what is still in use.",
	MANUAL "suspects",
};

static const struct advice unknown = {
	DOUBTFUL,
	"The module says a state that this program does not know.",
	"Use the dualbmctl of the same version.",
	"dualbmctl(8), STATES",
};

/* What is found matters more than what may be lost, and both more than a state that passes. */
struct advice advice_of(const struct module_status *status)
{
	/* No violations, and nothing that "status" ends with 1 for. */
	static const char * const suspects[] = { "mapped_free", "piece_free" };
	uint64_t number;
	size_t i;

	number = status_number(status, "violations");
	if (number)
		return number == status_number(status, "plane_corruption") +
				 status_number(status, "directory_corruption") ? damaged : found;
	if (status_number(status, "unproven"))
		return unproven;
	for (i = 0; i < ARRAY_SIZE(states); i++)
		if (!strcmp(status->state, states[i].state))
			return states[i].advice;
	if (strcmp(status->state, "armed"))
		return unknown;
	if (status_number(status, "coverage_gaps"))
		return gaps;
	if (!status_is_well(status))
		return lost;
	for (i = 0; i < ARRAY_SIZE(suspects); i++)
		if (status_knows(status, suspects[i], &number) && number)
			return suspect;
	return healthy;
}
