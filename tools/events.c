// SPDX-License-Identifier: GPL-2.0-only
/*
 * Kinds of what is worth keeping, and which lines of the module tell them.
 */
#include <string.h>

#include "events.h"

const struct event_name event_names[NR_EVENTS] = {
	[EVENT_FINDING] = { "finding", "ec1885aeb0e846618bb570d2aaff6f8b" },
	[EVENT_STATE] = { "state", "e0240ca914034893baffe488d14bbf00" },
	[EVENT_POLICY] = { "policy", "93ce9feba03b4889b43067d2fac0f70e" },
	[EVENT_SCRUB] = { "scrub", "d39a4909c6cc468d9bfa1a6d2d810bd1" },
	[EVENT_LOAD] = { "load", "b505a6792d374f16843f1349fad04827" },
	[EVENT_UNLOAD] = { "unload", "9a1cb8865f7c4406a4d589ab7b5da93f" },
};

size_t event_class(const char *text)
{
	size_t length = strspn(text, "abcdefghijklmnopqrstuvwxyz_");

	return length && !strncmp(text + length, " pfn=0x", 7) ? length : 0;
}

const char *event_state(const char *text)
{
	static const struct {
		const char *begin, *state;
	} lines[] = {
		{ "armed, policy=", "armed" }, { "unqualified, policy=", "unqualified" },
		{ "degraded, policy=", "degraded" }, { "degraded: ", "degraded" },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(lines); i++)
		if (!strncmp(text, lines[i].begin, strlen(lines[i].begin)))
			return lines[i].state;
	return NULL;
}

enum event_kind event_of_line(const char *text)
{
	if (event_class(text))
		return EVENT_FINDING;
	return event_state(text) ? EVENT_STATE : NR_EVENTS;
}
