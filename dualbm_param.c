// SPDX-License-Identifier: GPL-2.0-only
/*
 * Parameters: what they say, and how words are read. Who takes them from the kernel is dualbm.c.
 */
#include <linux/string.h>

#include "dualbm.h"
#include "dualbm_guard.h"

enum dualbm_reaction dualbm_policy = DUALBM_REPORT;
enum dualbm_reaction dualbm_on_degraded = DUALBM_REPORT;
bool dualbm_boundary = true;
bool dualbm_repair;
bool dualbm_inject;
bool dualbm_allow_untested;
bool dualbm_audit_mappings;
unsigned int dualbm_scrub_interval_ms = 60000;

static const char * const reaction_names[] = {
	[DUALBM_REPORT] = "report",
	[DUALBM_PANIC] = "panic",
};

const char *dualbm_reaction_name(enum dualbm_reaction reaction)
{
	/* A flip makes it something else, until the scrubber has put it right. */
	return reaction < ARRAY_SIZE(reaction_names) ? reaction_names[reaction] : "corrupt";
}

/* One line that says what was wrong and what is accepted, whatever was written. */
int dualbm_param_refuse(const char *what, const char *text, const char *accepted)
{
	int length = min_t(size_t, strcspn(text, "\n"), 32);

	pr_err("%s: \"%*pE\" is not accepted; use %s\n", what, length, text, accepted);
	return -EINVAL;
}

int dualbm_reaction_parse(const char *what, const char *text,
			  enum dualbm_reaction *reaction)
{
	int word = __sysfs_match_string(reaction_names, ARRAY_SIZE(reaction_names), text);
	enum dualbm_reaction value = word;

	if (word < 0)
		return dualbm_param_refuse(what, text, "\"report\" or \"panic\"");
	dualbm_guard_store(reaction, &value, sizeof(value));
	return 0;
}
