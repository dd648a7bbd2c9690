// SPDX-License-Identifier: GPL-2.0-only
/*
 * "dualbmctl status": on one screen, or as JSON.
 */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "status.h"

/* key=value words, of whatever keys there are. */
static void json_words(const char *text)
{
	char *copy = duplicate(text), *rest = copy, *word, *equals;
	uint64_t value;

	while ((word = next_word(&rest))) {
		equals = strchr(word, '=');
		if (!equals)
			continue;
		*equals++ = '\0';
		equals[strcspn(equals, "\n")] = '\0';
		if (parse_number(equals, &value))
			json_number(word, value);
		else
			json_string(word, equals);
	}
	free(copy);
}

/* What "status" says in words, for who shows that elsewhere. */
static void json_advice(const struct module_status *status)
{
	struct advice advice = advice_of(status);
	uint64_t value;

	json_string("meaning", advice.meaning);
	json_string("action", advice.action);
	json_string("see", advice.see);
	json_string("kernel", status->release);
	if (status->qualified == QUALIFIED_UNKNOWN)
		json_null("qualified");
	else
		json_bool("qualified", status->qualified == QUALIFIED);
	if (status->uptime_ms)
		json_real("uptime_seconds", status->uptime_ms / 1e3);
	else
		json_null("uptime_seconds");
	if (status_knows(status, "protected_ms", &value))
		json_real("protected_seconds", value / 1e3);
	else
		json_null("protected_seconds");
}

static void json_status(const struct module_status *status)
{
	char *copy, *rest, *line;
	size_t i;

	json_begin("status");
	json_string("state", status->state);
	if (status->reason)
		json_string("reason", status->reason);
	json_string("policy", status->policy);
	json_string("version", status->version);
	if (status->kernel_id)
		json_string("kernel_id", status->kernel_id);
	json_bool("well", status_is_well(status));
	json_stats(status->stats.data);
	json_open("hooks", '[');
	for (i = 0; i < status->nr_hooks; i++) {
		json_open(NULL, '{');
		json_string("name", status->hooks[i].name);
		json_string("mechanism", status->hooks[i].mechanism);
		json_number("hits", status->hooks[i].hits);
		json_number("missed", status->hooks[i].missed);
		json_bool("required", status->hooks[i].required);
		json_bool("silent", status->hooks[i].silent);
		json_close();
	}
	json_close();
	json_open("placement", '[');
	copy = duplicate(status->placement.data ? status->placement.data : "");
	rest = copy;
	while ((line = next_line(&rest))) {
		json_open(NULL, '{');
		json_words(line);
		json_close();
	}
	free(copy);
	json_close();
	json_open("scrub", '{');
	json_words(status->scrub.data);
	json_close();
	if (status->has_last)
		violation_json("last_violation", &status->last);
	else
		json_null("last_violation");
	json_bool("restricted", status->restricted);
	json_advice(status);
	json_end();
}

int command_status(int argc, char **argv)
{
	static const struct option long_options[] = {
		{ "verbose", no_argument, NULL, 'v' },
		{ NULL, 0, NULL, 0 },
	};
	struct module_status status;
	bool verbose = false;
	int option, ret;

	opterr = 0;
	while ((option = getopt_long(argc, argv, "v", long_options, NULL)) != -1) {
		if (option != 'v')
			bad_option("status", argv, long_options);
		verbose = true;
	}
	if (optind < argc)
		fail(STATUS_USAGE, "status takes no arguments, and was given \"%s\"", argv[optind]);
	if (!options.json && is_unloaded()) {
		screen_show_unloaded();
		return STATUS_UNLOADED;
	}
	status_read(&status);
	ret = status_is_well(&status) ? STATUS_YES : STATUS_NO;
	if (options.json)
		json_status(&status);
	else
		screen_show(&status, verbose);
	status_free(&status);
	return ret;
}
