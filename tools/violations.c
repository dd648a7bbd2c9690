// SPDX-License-Identifier: GPL-2.0-only
/*
 * "dualbmctl violations": what was found. First how often what was done by whom, then
 * each record, the newest first.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dualbmctl.h"

/* The module keeps 64; a captured tree may hold whatever somebody has put there. */
struct ring {
	struct violation *records;
	size_t nr, foreign;
};

static bool is_proven(const struct violation *v)
{
	return strcmp(v->proof, "none");
}

/*
 * When it was by the clock on the wall, in UTC, if that can be known: a captured tree is of
 * another machine, or of another day. The module counts from boot without what the
 * machine slept, so before the last sleep it is late by that.
 */
static const char *wall_clock(const struct violation *v)
{
	static char text[sizeof("2026-11-28T12:00:00Z")];
	struct timespec now, since_boot;
	time_t then;
	struct tm parts;

	if (*options.root || clock_gettime(CLOCK_REALTIME, &now) ||
	    clock_gettime(CLOCK_MONOTONIC, &since_boot))
		return NULL;
	then = now.tv_sec - since_boot.tv_sec + v->time_ns / 1000000000;
	if (!gmtime_r(&then, &parts) ||
	    !strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &parts))
		return NULL;
	return text;
}

/* Of "<f<g<h", from where it is left. The length of a name, 0 behind the last one. */
static size_t next_level(const char **levels)
{
	*levels += strspn(*levels, "<");
	return strcspn(*levels, "<");
}

static void json_levels(const char *key, const char *levels)
{
	size_t length;

	json_open(key, '[');
	for (; (length = next_level(&levels)); levels += length) {
		char *name = strndup(levels, length);

		json_string(NULL, name);
		free(name);
	}
	json_close();
}

static void print_levels(const char *levels, int indent)
{
	size_t length;

	for (; (length = next_level(&levels)); levels += length) {
		char *name = strndup(levels, length);

		printf("%*s", indent, "");
		print_safe(stdout, name);
		putchar('\n');
		free(name);
	}
}

/* What is only said of some classes: numbers are numbers, stacks lists, all else is a text. */
void json_detail(const struct detail *detail)
{
	static const char * const numbers[] = {
		"value", "liar_node", "liar_phys", "_order", "_ms", "_cpu", "_pid", "_interrupt"
	};
	char *end;
	long long number;
	size_t i;

	if (is_past(detail) && strstr(detail->key, "_stack")) {
		json_levels(detail->key, detail->value);
		return;
	}
	for (i = 0; i < ARRAY_SIZE(numbers); i++) {
		if (*numbers[i] == '_' ? !is_past(detail) || !strstr(detail->key, numbers[i]) :
		    !!strcmp(detail->key, numbers[i]))
			continue;
		number = strtoll(detail->value, &end, 0);
		if (*detail->value && !*end) {
			json_signed(detail->key, number);
			return;
		}
	}
	json_string(detail->key, detail->value);
}

/* ---- the history ---- */

static const char * const pasts[] = { "allocated", "freed", "freed_before", "allocated_before" };

static const char * const past_names[] = {
	"allocated by", "freed by", "freed before by", "allocated before by",
};

static const char * const past_parts[] = {
	"by", "order", "ms", "cpu", "pid", "interrupt", "comm", "stack",
};

/* "freed_by" is "by" of "freed"; NULL if @key is of something else. */
static const char *part_of(const char *key, const char *past)
{
	size_t length = strlen(past), i;

	if (strncmp(key, past, length) || key[length] != '_')
		return NULL;
	for (i = 0; i < ARRAY_SIZE(past_parts); i++)
		if (!strcmp(key + length + 1, past_parts[i]))
			return past_parts[i];
	return NULL;
}

bool is_past(const struct detail *detail)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(pasts); i++)
		if (part_of(detail->key, pasts[i]))
			return true;
	return false;
}

static const char *past_value(const struct detail *details, unsigned int nr, const char *past,
			      const char *part)
{
	const char *found;
	unsigned int i;

	for (i = 0; i < nr; i++) {
		found = part_of(details[i].key, past);
		if (found && !strcmp(found, part))
			return details[i].value;
	}
	return "";
}

void print_past(const struct detail *details, unsigned int nr, const char *indent)
{
	static const struct {
		const char *part, *before, *behind;
	} texts[] = {
		{ "order", ", order ", "" }, { "ms", ", ", " ms before" }, { "cpu", ", CPU ", "" },
		{ "pid", ", task ", "" }, { "comm", " ", "" },
	};
	const char *value;
	size_t i, j;

	for (i = 0; i < ARRAY_SIZE(pasts); i++) {
		value = past_value(details, nr, pasts[i], "by");
		if (!*value)
			continue;
		printf("%s%s ", indent, past_names[i]);
		print_safe(stdout, value);
		for (j = 0; j < ARRAY_SIZE(texts); j++) {
			value = past_value(details, nr, pasts[i], texts[j].part);
			if (!*value)
				continue;
			fputs(texts[j].before, stdout);
			print_safe(stdout, value);
			fputs(texts[j].behind, stdout);
		}
		if (!strcmp(past_value(details, nr, pasts[i], "interrupt"), "1"))
			fputs(", in an interrupt", stdout);
		putchar('\n');
		print_levels(past_value(details, nr, pasts[i], "stack"), strlen(indent) + 2);
	}
}

/* ---- one record ---- */

void violation_json(const char *name, const struct violation *v)
{
	const char *when = wall_clock(v);
	unsigned int i;

	json_open(name, '{');
	json_number("record", v->number);
	json_string("class", v->class);
	json_string("meaning", violation_class_text(v->class));
	json_string("proof", v->proof);
	json_bool("proven", is_proven(v));
	json_string("proof_meaning", violation_proof_text(v->proof));
	json_number("pfn", v->pfn);
	json_number("order", v->order);
	json_number("frames", v->frames);
	json_number("block", v->block);
	json_string("event", v->event);
	json_string("was", v->was);
	json_number("primary", v->primary);
	json_number("secondary", v->secondary);
	json_number("untracked", v->untracked);
	if (v->have_known)
		json_number("known", v->known);
	json_signed("node", v->node);
	json_string("zone", v->zone);
	json_signed("cpu", v->cpu);
	json_signed("pid", v->pid);
	json_string("comm", v->comm);
	json_number("time_ns", v->time_ns);
	if (when)
		json_string("wall_clock", when);
	else
		json_null("wall_clock");
	json_string("caller", v->caller);
	if (v->have_page) {
		json_number("flags", v->flags);
		json_signed("refcount", v->refcount);
		json_signed("mapcount", v->mapcount);
	}
	for (i = 0; i < v->nr_details; i++)
		json_detail(&v->details[i]);
	json_bool("repaired", v->repaired);
	json_open("stack", '[');
	for (i = 0; i < v->depth; i++)
		json_string(NULL, v->stack[i]);
	json_close();
	json_close();
}

static void print_violation(const struct violation *v)
{
	const char *when = wall_clock(v);
	bool any = false;
	unsigned int i;

	printf("%s#%" PRIu64 " %s%s: %s\n", colour(BAD), v->number,
	       is_proven(v) ? v->class : "unproven", colour(PLAIN),
	       violation_class_text(v->class));
	printf("  frame    0x%" PRIx64 " (%" PRIu64 " of a block of order %" PRIu64 " at 0x%"
	       PRIx64 "), node %" PRId64 ", zone %s\n", v->pfn, v->frames, v->order, v->block,
	       v->node, v->zone);
	printf("  event    %s of a frame that was %s (bits %" PRIu64 "%" PRIu64 "%" PRIu64
	       "%s); proof: %s\n", v->event, v->was, v->primary, v->secondary, v->untracked,
	       !v->have_known ? "" : v->known ? "1" : "0",
	       *violation_proof_text(v->proof) ? violation_proof_text(v->proof) : v->proof);
	printf("  at       %s%s%.6f s%s, CPU %" PRId64 ", task %" PRId64 " (", when ?: "",
	       when ? ", " : "", v->time_ns / 1e9, when ? " after boot" : "", v->cpu, v->pid);
	print_safe(stdout, v->comm);
	fputs(")\n  caller   ", stdout);
	print_safe(stdout, v->caller);
	putchar('\n');
	if (v->have_page)
		printf("  page     flags=0x%" PRIx64 " refcount=%" PRId64 " mapcount=%" PRId64 "\n",
		       v->flags, v->refcount, v->mapcount);
	print_past(v->details, v->nr_details, "  ");
	for (i = 0; i < v->nr_details; i++) {
		if (is_past(&v->details[i]))
			continue;
		fputs(any ? " " : "  details  ", stdout);
		print_safe(stdout, v->details[i].key);
		putchar('=');
		print_safe(stdout, v->details[i].value);
		any = true;
	}
	if (any)
		putchar('\n');
	if (v->repaired)
		puts("  the record was put right");
	for (i = 0; i < v->depth; i++) {
		fputs(i ? "           " : "  stack    ", stdout);
		print_safe(stdout, v->stack[i]);
		putchar('\n');
	}
}

/* ---- who did what, how often ---- */

static bool is_alike(const struct violation *a, const struct violation *b)
{
	return !strcmp(a->class, b->class) && is_proven(a) == is_proven(b) &&
	       !strcmp(a->caller, b->caller);
}

/* Calls @show for each kind, as the newest of it comes: with that one, and how many there are. */
static void each_kind(const struct ring *ring,
		      void (*show)(const struct violation *newest, size_t count))
{
	size_t i, other, count;

	for (i = ring->nr; i-- > 0;) {
		for (other = i + 1; other < ring->nr; other++)
			if (is_alike(&ring->records[i], &ring->records[other]))
				break;
		if (other < ring->nr)
			continue;
		for (count = 0, other = 0; other <= i; other++)
			count += is_alike(&ring->records[i], &ring->records[other]);
		show(&ring->records[i], count);
	}
}

static void json_kind(const struct violation *newest, size_t count)
{
	json_open(NULL, '{');
	json_string("class", newest->class);
	json_bool("proven", is_proven(newest));
	json_string("caller", newest->caller);
	json_number("count", count);
	json_number("last_record", newest->number);
	json_close();
}

static void print_kind(const struct violation *newest, size_t count)
{
	printf("%4zu  %s%s%s%s  ", count, colour(BAD), is_proven(newest) ? "" : "unproven ",
	       newest->class, colour(PLAIN));
	print_safe(stdout, newest->caller);
	printf("  last #%" PRIu64 "\n", newest->number);
}

/* ---- the ring ---- */

/* Of an older module, a task's name may hold a newline: the record goes on behind it. */
static bool parse_record(char *line, char **text, struct violation *v, bool quiet)
{
	struct why why;

	while (violation_parse(line, v, &why)) {
		if (strncmp(line, "record=", 7) || !*text || !strncmp(*text, "record=", 7)) {
			if (!quiet)
				warn("violations: a line is passed over: %s", why.text);
			return false;
		}
		line[strlen(line)] = '\n';
		if (strchr(*text, '\n'))
			next_line(text);
		else
			*text = NULL;
	}
	return true;
}

/*
 * The lines of a record: "record=...", then its stack, each line after two blanks. A line
 * that is none of these hides no other record.
 */
static void read_ring(char *text, struct ring *ring, bool quiet)
{
	struct violation *v = NULL;
	char *line;

	while ((line = next_line(&text))) {
		if (!strncmp(line, "  ", 2) && v) {
			if (v->depth < MAX_STACK)
				v->stack[v->depth++] = duplicate(line + 2);
			continue;
		}
		ring->records = reallocate(ring->records,
					   (ring->nr + 1) * sizeof(*ring->records));
		v = &ring->records[ring->nr];
		if (parse_record(line, &text, v, quiet)) {
			ring->nr++;
		} else {
			v = NULL;
			ring->foreign++;
		}
	}
}

static void free_ring(struct ring *ring)
{
	size_t i;

	for (i = 0; i < ring->nr; i++)
		violation_free(&ring->records[i]);
	free(ring->records);
}

static void json_ring(const struct ring *ring)
{
	size_t i;

	/* A script that has read them in this order goes on doing so. */
	json_open("violations", '[');
	for (i = 0; i < ring->nr; i++)
		violation_json(NULL, &ring->records[i]);
	json_close();
	json_open("summary", '[');
	each_kind(ring, json_kind);
	json_close();
	json_number("foreign_lines", ring->foreign);
}

size_t violations_json(char *text)
{
	struct ring ring = { 0 };
	size_t nr;

	read_ring(text, &ring, true);
	json_ring(&ring);
	nr = ring.nr;
	free_ring(&ring);
	return nr;
}

static void show_ring(const struct ring *ring, bool last)
{
	size_t i;

	if (options.json) {
		json_begin("violations");
		json_ring(ring);
		json_end();
		return;
	}
	if (!ring->nr && !ring->foreign)
		puts("no violations");
	if (ring->nr && !last) {
		each_kind(ring, print_kind);
		putchar('\n');
	}
	for (i = ring->nr; i-- > 0;)
		print_violation(&ring->records[i]);
}

int command_violations(int argc, char **argv)
{
	static const struct option long_options[] = {
		{ "last", no_argument, NULL, 'l' },
		{ NULL, 0, NULL, 0 },
	};
	struct ring ring = { 0 };
	struct buffer buffer;
	bool last = false;
	int option, ret;

	opterr = 0;
	while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		if (option != 'l')
			bad_option("violations", argv, long_options);
		last = true;
	}
	if (optind < argc)
		fail(STATUS_USAGE, "violations: \"%s\" is one argument too many", argv[optind]);
	need_loaded();
	/* The last one is in sysfs, and stacks are in debugfs; both are for root. */
	if (last)
		module_read(SYSFS, "last_violation", &buffer);
	else
		module_read(DEBUGFS, "violations", &buffer);
	read_ring(buffer.data, &ring, false);
	buffer_free(&buffer);
	show_ring(&ring, last);
	ret = ring.foreign ? STATUS_FOREIGN : ring.nr ? STATUS_NO : STATUS_YES;
	free_ring(&ring);
	return ret;
}
