// SPDX-License-Identifier: GPL-2.0-only
/*
 * "dualbmctl status": what the module says of itself and of what it found, on one
 * screen or as JSON.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "dualbmctl.h"

struct hook_line {
	char *name, *mechanism, *need;
	uint64_t hits, missed;
};

struct module_status {
	char *state, *reason, *policy, *version, *kernel_id;
	struct buffer stats, placement, scrub;
	struct hook_line *hooks;
	size_t nr_hooks;
	struct violation last;
	bool has_last;
	bool restricted;	/* some of it is for root */
};

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
		char *need = next_word(&line);
		struct hook_line hook;

		if (!need || !parse_number(hits, &hook.hits) || !parse_number(missed, &hook.missed))
			fail(STATUS_FOREIGN, SYSFS "/hooks: not the lines that are expected");
		hook.name = duplicate(name);
		hook.mechanism = duplicate(mechanism);
		hook.need = duplicate(need);
		status->hooks = reallocate(status->hooks, (status->nr_hooks + 1) *
					   sizeof(*status->hooks));
		status->hooks[status->nr_hooks++] = hook;
	}
	buffer_free(&buffer);
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

static void read_status(struct module_status *status)
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
	module_read(SYSFS, "stats", &status->stats);
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

static void free_status(struct module_status *status)
{
	size_t i;

	for (i = 0; i < status->nr_hooks; i++) {
		free(status->hooks[i].name);
		free(status->hooks[i].mechanism);
		free(status->hooks[i].need);
	}
	free(status->hooks);
	free(status->state);
	free(status->reason);
	free(status->policy);
	free(status->version);
	free(status->kernel_id);
	buffer_free(&status->stats);
	buffer_free(&status->placement);
	buffer_free(&status->scrub);
	violation_free(&status->last);
}

static uint64_t stat_of(const struct module_status *status, const char *name)
{
	uint64_t value;

	if (!line_number(status->stats.data, name, &value))
		fail(STATUS_FOREIGN, SYSFS "/stats: no number \"%s\"", name);
	return value;
}

/* What would make somebody look: not armed, something found, something lost. */
static bool all_is_well(const struct module_status *status)
{
	size_t i;

	for (i = 0; i < status->nr_hooks; i++)
		if (!strcmp(status->hooks[i].need, "required") && status->hooks[i].missed)
			return false;
	return !strcmp(status->state, "armed") && !stat_of(status, "violations") &&
	       !stat_of(status, "unproven") && !stat_of(status, "coverage_gaps");
}

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

static void json_status(struct module_status *status)
{
	char *rest, *line, *name;
	size_t i;

	json_begin("status");
	json_string("state", status->state);
	if (status->reason)
		json_string("reason", status->reason);
	json_string("policy", status->policy);
	json_string("version", status->version);
	if (status->kernel_id)
		json_string("kernel_id", status->kernel_id);
	json_bool("well", all_is_well(status));
	json_open("stats", '{');
	rest = status->stats.data;
	while ((line = next_line(&rest))) {
		uint64_t value;

		name = next_word(&line);
		if (name && line && parse_number(line, &value))
			json_number(name, value);
	}
	json_close();
	json_open("hooks", '[');
	for (i = 0; i < status->nr_hooks; i++) {
		json_open(NULL, '{');
		json_string("name", status->hooks[i].name);
		json_string("mechanism", status->hooks[i].mechanism);
		json_number("hits", status->hooks[i].hits);
		json_number("missed", status->hooks[i].missed);
		json_bool("required", !strcmp(status->hooks[i].need, "required"));
		json_close();
	}
	json_close();
	json_open("placement", '[');
	rest = status->placement.data;
	while ((line = next_line(&rest))) {
		json_open(NULL, '{');
		json_words(line);
		json_close();
	}
	json_close();
	json_open("scrub", '{');
	json_words(status->scrub.data);
	json_close();
	if (status->has_last)
		violation_json("last_violation", &status->last);
	else
		json_null("last_violation");
	json_bool("restricted", status->restricted);
	json_end();
}

static void print_violation_short(const struct violation *v)
{
	printf("%s%s%s pfn=0x%" PRIx64 " order=%" PRIu64 " proof=%s caller=", colour(BAD),
	       strcmp(v->proof, "none") ? v->class : "unproven", colour(PLAIN), v->pfn,
	       v->order, v->proof);
	print_safe(stdout, v->caller);
	putchar('\n');
}

static enum colour state_colour(const char *state)
{
	if (!strcmp(state, "armed"))
		return GOOD;
	/* Nothing is lost while the module learns, or on a kernel that nobody has tried. */
	return strcmp(state, "learning") && strcmp(state, "unqualified") ? BAD : DOUBTFUL;
}

/* Why, as of the end of the last learning; a module that is older does not say. */
static void print_untracked(const struct module_status *status)
{
	static const struct {
		const char *name, *text;
	} reasons[] = {
		{ "untracked_hugetlb", "in huge pages" },
		{ "untracked_unaccepted", "not accepted" },
		{ "untracked_poisoned", "poisoned" },
		{ "untracked_in_use", "in use" },
		{ "untracked_moving", "moving" },
		{ "untracked_tail", "without a count" },
	};
	const char *before = "\n           untracked when last learned: ";
	size_t i;

	for (i = 0; i < ARRAY_SIZE(reasons); i++) {
		uint64_t frames = stat_of(status, reasons[i].name);

		if (!frames)
			continue;
		printf("%s%" PRIu64 " %s", before, frames, reasons[i].text);
		before = ", ";
	}
}

static void print_coverage(const struct module_status *status)
{
	uint64_t managed = stat_of(status, "pages_managed"), gaps = stat_of(status, "coverage_gaps");
	uint64_t untracked = stat_of(status, "pages_untracked");

	printf("coverage   %" PRIu64 " frames, %" PRIu64 " allocated, %" PRIu64 " free, %" PRIu64
	       " untracked (%.2f %%)", managed, stat_of(status, "pages_allocated"),
	       stat_of(status, "pages_free"), untracked,
	       managed ? 100.0 * untracked / managed : 0);
	if (gaps)
		printf(", %s%" PRIu64 " coverage gaps%s", colour(BAD), gaps, colour(PLAIN));
	print_untracked(status);
	printf("\nmemory     %s for planes and their map\n",
	       human_bytes(stat_of(status, "plane_bytes")));
}

/* Of the optional ones that missed nothing only their names: all of it is to be one screen. */
static bool needs_no_line(const struct hook_line *hook)
{
	return !hook->missed && strcmp(hook->need, "required");
}

static void print_hooks(const struct module_status *status)
{
	size_t i, lines = 0;
	int width = 0;

	for (i = 0; i < status->nr_hooks; i++) {
		const struct hook_line *hook = &status->hooks[i];
		bool bad = hook->missed && !strcmp(hook->need, "required");

		if (needs_no_line(hook))
			continue;
		printf("%s%-28s %-10s %12" PRIu64 " hits", lines++ ? "           " : "hooks      ",
		       hook->name, hook->mechanism, hook->hits);
		if (hook->missed)
			printf("  %s%" PRIu64 " missed%s", colour(bad ? BAD : FAINT), hook->missed,
			       colour(PLAIN));
		puts(strcmp(hook->need, "required") ? "  optional" : "");
	}
	for (i = 0; i < status->nr_hooks; i++) {
		const char *name = status->hooks[i].name;

		if (!needs_no_line(&status->hooks[i]))
			continue;
		if (!width)
			printf("           optional, nothing missed:");
		width += printf(" %s", name);
	}
	if (width)
		puts("");
}

static void print_findings(const struct module_status *status)
{
	static const char * const classes[] = {
		"double_alloc", "double_free", "boundary_double_free", "plane_corruption",
		"directory_corruption", "allocator_corruption", "bad_page", "count_underflow",
		"mapped_free", "piece_free", "unproven", "corrected",
	};
	uint64_t violations = stat_of(status, "violations"), value;
	size_t i;

	printf("findings   %s%" PRIu64 " violation%s%s", colour(violations ? BAD : GOOD),
	       violations, violations == 1 ? "" : "s", colour(PLAIN));
	for (i = 0; i < ARRAY_SIZE(classes); i++) {
		value = stat_of(status, classes[i]);
		if (value)
			printf(", %s %" PRIu64, classes[i], value);
	}
	value = stat_of(status, "relearns");
	if (value)
		printf(", learned again %" PRIu64 " times", value);
	putchar('\n');
	if (status->has_last) {
		fputs("last       ", stdout);
		print_violation_short(&status->last);
	} else if (status->restricted && violations) {
		puts("last       run this as root to see it");
	}
}

static void print_status(struct module_status *status)
{
	char *rest, *line;
	const char *label = "placement  ";

	printf("dualbm %s  %s%s%s", status->version ? status->version : "",
	       colour(state_colour(status->state)), status->state, colour(PLAIN));
	if (status->reason) {
		fputs(" (", stdout);
		print_safe(stdout, status->reason);
		fputs(")", stdout);
	}
	printf("  policy=%s\n", status->policy);
	print_coverage(status);
	print_hooks(status);
	rest = status->placement.data;
	while ((line = next_line(&rest))) {
		printf("%s%s\n", label, line);
		label = "           ";
	}
	printf("scrub      %.*s, %" PRIu64 " passes\n",
	       (int)strcspn(status->scrub.data, "\n"), status->scrub.data,
	       stat_of(status, "scrub_passes"));
	print_findings(status);
}

int command_status(int argc, char **argv)
{
	struct module_status status;
	int ret;

	no_arguments(argc, argv, "status");
	read_status(&status);
	ret = all_is_well(&status) ? STATUS_YES : STATUS_NO;
	if (options.json)
		json_status(&status);
	else
		print_status(&status);
	free_status(&status);
	return ret;
}
