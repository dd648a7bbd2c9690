// SPDX-License-Identifier: GPL-2.0-only
/*
 * "dualbmctl history": what happened, over unloads and reboots, from the systemd journal: what
 * "dualbmctl journal" wrote, and the kernel's own lines where nobody did.
 */
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "journal.h"

/* The newest; a machine of years may have more. */
#define MAX_ENTRIES	100000

struct past {
	struct entry *entries;
	size_t nr, first;
	uint64_t since, dropped;
};

static void take(void *data, struct entry *entry)
{
	struct past *past = data;

	/* The journal has it from when it was sent. */
	if (entry->when < past->since) {
		entry_free(entry);
		return;
	}
	if (past->nr - past->first == MAX_ENTRIES) {
		entry_free(&past->entries[past->first++]);
		past->dropped++;
	}
	if (past->first == MAX_ENTRIES) {
		past->nr -= past->first;
		memmove(past->entries, past->entries + past->first,
			past->nr * sizeof(*past->entries));
		past->first = 0;
	}
	if (!(past->nr & 1023))
		past->entries = reallocate(past->entries,
					   (past->nr + 1024) * sizeof(*past->entries));
	past->entries[past->nr++] = *entry;
}

/* The same line of the same boot; the kernel's stands behind what was made of it. */
static int by_line(const void *a, const void *b)
{
	const struct entry *one = a, *other = b;
	int order = strcmp(one->boot, other->boot);

	if (!order)
		order = (one->usec > other->usec) - (one->usec < other->usec);
	if (!order)
		order = one->kind - other->kind;
	return order ? order : one->of_kernel - other->of_kernel;
}

static int by_time(const void *a, const void *b)
{
	const struct entry *one = a, *other = b;
	int order = (one->when > other->when) - (one->when < other->when);

	/* Loads come first of what was seen in one look. */
	return order ? order : (other->kind == EVENT_LOAD) - (one->kind == EVENT_LOAD);
}

static bool is_repeated(const struct entry *before, const struct entry *entry)
{
	return entry->of_kernel && !before->of_kernel && entry->usec &&
	       before->usec == entry->usec && before->kind == entry->kind &&
	       !strcmp(before->boot, entry->boot);
}

static void put_in_order(struct past *past)
{
	struct entry *entries = past->entries + past->first;
	size_t nr = past->nr - past->first, kept = 0, i;

	if (!nr)
		return;
	qsort(entries, nr, sizeof(*entries), by_line);
	for (i = 0; i < nr; i++) {
		if (kept && is_repeated(&entries[kept - 1], &entries[i]))
			entry_free(&entries[i]);
		else
			entries[kept++] = entries[i];
	}
	past->nr = past->first + kept;
	qsort(entries, kept, sizeof(*entries), by_time);
}

/* ---- since when ---- */

/* "3d", "12h", "30m" or "90s" */
static bool parse_age(const char *text, uint64_t *seconds)
{
	static const struct {
		char letter;
		uint64_t seconds;
	} units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 } };
	size_t length = strspn(text, "0123456789"), i;
	char number[12];
	uint64_t value;

	if (!length || length >= sizeof(number) || !text[length] || text[length + 1])
		return false;
	memcpy(number, text, length);
	number[length] = '\0';
	if (!parse_number(number, &value))
		return false;
	for (i = 0; i < ARRAY_SIZE(units); i++) {
		if (units[i].letter != text[length])
			continue;
		*seconds = value * units[i].seconds;
		return true;
	}
	return false;
}

/* An age, or a date and a time of UTC: microseconds since 1970. */
static uint64_t parse_since(const char *text)
{
	static const char * const formats[] = {
		"%Y-%m-%d", "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M",
	};
	uint64_t seconds;
	time_t now = time(NULL), then;
	size_t i;

	if (parse_age(text, &seconds))
		return (uint64_t)now > seconds ? (now - seconds) * UINT64_C(1000000) : 0;
	for (i = 0; i < ARRAY_SIZE(formats); i++) {
		struct tm parts = { 0 };
		const char *end = strptime(text, formats[i], &parts);

		if (!end || *end)
			continue;
		then = timegm(&parts);
		if (then >= 0)
			return then * UINT64_C(1000000);
	}
	fail(STATUS_USAGE, "history: --since takes 2026-12-01, \"2026-12-01 10:30:00\" (UTC) or an age as 90s, 30m, 12h or 3d, not \"%s\"",
	     text);
}

/* ---- what is shown ---- */

static void wall_clock(uint64_t usec, char text[sizeof("2026-11-28T12:00:00Z")])
{
	time_t then = usec / 1000000;
	struct tm parts;

	*text = '\0';
	if (gmtime_r(&then, &parts))
		strftime(text, sizeof("2026-11-28T12:00:00Z"), "%Y-%m-%dT%H:%M:%SZ", &parts);
}

static void json_entry(const struct entry *entry)
{
	char when[sizeof("2026-11-28T12:00:00Z")];

	wall_clock(entry->when, when);
	json_open(NULL, '{');
	json_string("when", when);
	json_number("usec", entry->when);
	json_string("boot", entry->boot);
	json_string("kind", event_names[entry->kind].word);
	json_string("text", entry->text);
	if (entry->class)
		json_string("class", entry->class);
	if (entry->state)
		json_string("state", entry->state);
	if (entry->policy)
		json_string("policy", entry->policy);
	if (entry->pass)
		json_number("pass", entry->pass);
	json_string("source", entry->of_kernel ? "kernel" : "dualbmctl");
	json_close();
}

static void print_entry(const struct entry *entry)
{
	char when[sizeof("2026-11-28T12:00:00Z")];
	bool bad = entry->kind == EVENT_FINDING || entry->kind == EVENT_SCRUB ||
		   (entry->state && !strcmp(entry->state, "degraded"));

	wall_clock(entry->when, when);
	printf("%s  %s%-7s%s  ", when, colour(bad ? BAD : PLAIN), event_names[entry->kind].word,
	       colour(PLAIN));
	print_safe(stdout, entry->text);
	putchar('\n');
}

int command_history(int argc, char **argv)
{
	static const struct option long_options[] = {
		{ "since", required_argument, NULL, 's' },
		{ NULL, 0, NULL, 0 },
	};
	struct past past = { 0 };
	int option, ret;
	size_t i;

	opterr = 0;
	while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		if (option != 's')
			bad_option("history", argv, long_options);
		past.since = parse_since(optarg);
	}
	if (optind < argc)
		fail(STATUS_USAGE, "history: \"%s\" is one argument too many", argv[optind]);
	ret = journal_read(NULL, past.since, true, take, &past);
	if (ret == -EOPNOTSUPP)
		fail(STATUS_LACKING, "history: this dualbmctl was built without libsystemd");
	if (ret)
		fail(ret == -EACCES || ret == -EPERM ? STATUS_PERMISSION : STATUS_LACKING,
		     "history: the journal cannot be read: %s", strerror(-ret));
	put_in_order(&past);
	if (options.json) {
		json_begin("history");
		json_open("entries", '[');
		for (i = past.first; i < past.nr; i++)
			json_entry(&past.entries[i]);
		json_close();
		json_number("dropped", past.dropped);
		json_end();
	} else {
		for (i = past.first; i < past.nr; i++)
			print_entry(&past.entries[i]);
		if (past.nr == past.first)
			puts("the journal has nothing of dualbm");
		if (past.dropped)
			printf("and %" PRIu64 " that are older\n", past.dropped);
	}
	/* The journal shows a user only what is his own. */
	if (geteuid() && !*options.root && past.nr == past.first)
		warn("root, and the group systemd-journal, may see more");
	for (i = past.first; i < past.nr; i++)
		entry_free(&past.entries[i]);
	free(past.entries);
	return STATUS_YES;
}
