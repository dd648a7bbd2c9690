// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the module says of itself and of what it found, read once: for "status" in words and
 * as JSON.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "status.h"

static char *first_line(struct buffer *buffer)
{
	buffer->data[strcspn(buffer->data, "\n")] = '\0';
	return buffer->data;
}

static void read_hooks(struct module_status *status)
{
	struct buffer buffer;
	char *rest, *line;

	module_read(SYSFS, "hooks", &buffer);
	rest = buffer.data;
	while ((line = next_line(&rest))) {
		char *name = next_word(&line), *mechanism = next_word(&line);
		char *hits = next_word(&line), *missed = next_word(&line);
		char *need = next_word(&line), *silent = next_word(&line);
		struct hook_line hook;

		if (!need || !parse_number(hits, &hook.hits) || !parse_number(missed, &hook.missed))
			fail(STATUS_FOREIGN, SYSFS "/hooks: not the lines that are expected");
		hook.name = duplicate(name);
		hook.mechanism = duplicate(mechanism);
		hook.required = !strcmp(need, "required");
		hook.silent = silent && !strcmp(silent, "silent");
		status->hooks = reallocate(status->hooks, (status->nr_hooks + 1) *
					   sizeof(*status->hooks));
		status->hooks[status->nr_hooks++] = hook;
	}
	buffer_free(&buffer);
}

/* Each line of "stats" is a name and a number, also those that nobody asks for here. */
static void check_stats(const struct module_status *status)
{
	char *copy = duplicate(status->stats.data), *rest = copy, *line, *name;
	uint64_t value;

	while ((line = next_line(&rest))) {
		name = next_word(&line);
		if (!name || !line || !parse_number(line, &value))
			fail(STATUS_FOREIGN, SYSFS "/stats: no number \"%s\"", name ? name : "");
	}
	free(copy);
}

/* What is for root: nothing, and false, for others. */
static bool read_private(const char *name, struct buffer *buffer)
{
	char *path = format_text("%s/%s", SYSFS, name);
	int ret = file_read(path, buffer, LARGE_FILE);

	free(path);
	if (ret == -EACCES) {
		memset(buffer, 0, sizeof(*buffer));
		return false;
	}
	if (ret)
		module_fail(SYSFS, name, -ret);
	return true;
}

/* Is a word of it, with commas between, this one? */
static bool is_listed(const char *list, const char *word)
{
	size_t length = strlen(word);

	while (*list) {
		size_t next = strcspn(list, ",");

		if (next == length && !strncmp(list, word, length))
			return true;
		list += next + (list[next] == ',');
	}
	return false;
}

/* By what the module that is loaded was given: files may have changed since then. */
static enum qualified read_qualified(const struct module_status *status)
{
	char *list = file_line("/sys/module/dualbm/parameters/qualified");
	char *trusted = file_line("/sys/module/dualbm/parameters/allow_untested");
	enum qualified qualified = QUALIFIED_UNKNOWN;

	if (list && status->kernel_id && is_listed(list, status->kernel_id))
		qualified = QUALIFIED;
	else if (list && status->kernel_id && trusted && !strcmp(trusted, "1"))
		qualified = QUALIFIED_TRUSTED;
	else if ((list && status->kernel_id) || !strcmp(status->state, "unqualified"))
		qualified = QUALIFIED_NOT;
	free(list);
	free(trusted);
	return qualified;
}

/* 0 if it is not known. */
static uint64_t read_uptime(void)
{
	char *line = file_line("/proc/uptime");
	uint64_t seconds, parts;
	uint64_t ms = 0;

	/* "seconds.hundredths ..." */
	if (line && sscanf(line, "%" SCNu64 ".%2" SCNu64, &seconds, &parts) == 2 &&
	    seconds < UINT64_MAX / 2000)
		ms = seconds * 1000 + parts * 10;
	free(line);
	return ms;
}

void status_read(struct module_status *status)
{
	struct buffer buffer;
	struct why why;

	memset(status, 0, sizeof(*status));
	need_loaded();
	module_read(SYSFS, "state", &buffer);
	status->state = first_line(&buffer);
	/* Newer modules say why. */
	status->reason = file_line(SYSFS "/state_reason");
	if (status->reason && !*status->reason) {
		free(status->reason);
		status->reason = NULL;
	}
	module_read(SYSFS, "policy", &buffer);
	status->policy = first_line(&buffer);
	status->version = file_line("/sys/module/dualbm/version");
	status->kernel_id = file_line(SYSFS "/kernel_id");
	status->release = file_line("/proc/sys/kernel/osrelease");
	status->qualified = read_qualified(status);
	status->uptime_ms = read_uptime();
	module_read(SYSFS, "stats", &status->stats);
	check_stats(status);
	read_private("placement", &status->placement);
	module_read(SYSFS, "scrub", &status->scrub);
	read_hooks(status);
	status->restricted = !read_private("last_violation", &buffer);
	if (buffer.size) {
		if (violation_parse(buffer.data, &status->last, &why))
			fail(STATUS_FOREIGN, SYSFS "/last_violation: %s", why.text);
		status->has_last = true;
	}
	buffer_free(&buffer);
}

void status_free(struct module_status *status)
{
	size_t i;

	for (i = 0; i < status->nr_hooks; i++) {
		free(status->hooks[i].name);
		free(status->hooks[i].mechanism);
	}
	free(status->hooks);
	free(status->state);
	free(status->reason);
	free(status->policy);
	free(status->version);
	free(status->kernel_id);
	free(status->release);
	buffer_free(&status->stats);
	buffer_free(&status->placement);
	buffer_free(&status->scrub);
	violation_free(&status->last);
}

uint64_t status_number(const struct module_status *status, const char *name)
{
	uint64_t value;

	if (!line_number(status->stats.data, name, &value))
		fail(STATUS_FOREIGN, SYSFS "/stats: no number \"%s\"", name);
	return value;
}

void json_stats(const char *text)
{
	char *copy = duplicate(text), *rest = copy, *line, *name;
	uint64_t value;

	json_open("stats", '{');
	while ((line = next_line(&rest))) {
		name = next_word(&line);
		if (name && line && parse_number(line, &value))
			json_number(name, value);
	}
	free(copy);
	json_close();
}

bool status_is_well(const struct module_status *status)
{
	size_t i;

	for (i = 0; i < status->nr_hooks; i++)
		if (status->hooks[i].required && status->hooks[i].missed)
			return false;
	return !strcmp(status->state, "armed") && !status_number(status, "violations") &&
	       !status_number(status, "unproven") && !status_number(status, "coverage_gaps");
}

bool status_knows(const struct module_status *status, const char *name, uint64_t *value)
{
	*value = 0;
	return line_number(status->stats.data, name, value);
}
