// SPDX-License-Identifier: GPL-2.0-only
/*
 * "status" in words: one screen of 24 lines where all is well.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "status.h"

/* ---- fields ---- */

#define LABEL_WIDTH	11

static void begin_field(const char *label, enum colour how)
{
	printf("%*s%s ", LABEL_WIDTH, label, *label ? ":" : " ");
	fputs(colour(how), stdout);
}

/*
 * "label: text", broken at blanks so that it fits the terminal; what goes on stands below
 * the text. A newline in it begins a line.
 */
printf_like(3, 4)
static void print_field(const char *label, enum colour how, const char *format, ...)
{
	int room = options.columns - LABEL_WIDTH - 2, used = 0;
	char *text, *rest, *line, *word;
	va_list arguments;

	va_start(arguments, format);
	text = format_text_va(format, arguments);
	va_end(arguments);
	rest = text;
	begin_field(label, how);
	while ((line = next_line(&rest))) {
		while ((word = next_word(&line))) {
			int length = strlen(word);

			if (used && used + 1 + length > room) {
				printf("%s\n", colour(PLAIN));
				begin_field("", how);
				used = 0;
			}
			used += length + !!used;
			if (used > length)
				putchar(' ');
			print_safe(stdout, word);
		}
		if (rest) {
			printf("%s\n", colour(PLAIN));
			begin_field("", how);
			used = 0;
		}
	}
	printf("%s\n", colour(PLAIN));
	free(text);
}

/* Words are put together in memory, as print_field() breaks them into lines. */
struct words {
	FILE *stream;
	char *text;
	size_t size;
};

static void words_begin(struct words *words)
{
	words->stream = open_memstream(&words->text, &words->size);
	if (!words->stream)
		fail(STATUS_LACKING, "out of memory");
}

static char *words_end(struct words *words)
{
	fclose(words->stream);
	return words->text;
}

static void words_show(struct words *words, const char *label, enum colour how)
{
	char *text = words_end(words);

	if (*text)
		print_field(label, how, "%s", text);
	free(text);
}

/* ---- the state ---- */

/* Of a state that passes by itself the reason is no more than what the state means. */
static bool has_reason(const char *state, const char *reason)
{
	return strcmp(reason, "none") && strcmp(state, "learning") && strcmp(state, "disarmed");
}

static void show_advice(const char *state, const char *reason, const struct advice *advice)
{
	print_field("state", advice->how, "%s", state);
	print_field("status", PLAIN, "%s", advice->meaning);
	if (reason && has_reason(state, reason))
		print_field("reason", PLAIN, "%s", reason);
	print_field("action", PLAIN, "%s", advice->action);
	print_field("see", PLAIN, "%s", advice->see);
	putchar('\n');
}

static void show_kernel(const struct module_status *status)
{
	static const char * const words[] = {
		[QUALIFIED_UNKNOWN] = "whether it is qualified is not known",
		[QUALIFIED] = "qualified",
		[QUALIFIED_TRUSTED] = "not qualified, but trusted (allow_untested=1)",
		[QUALIFIED_NOT] = "not qualified",
	};

	print_field("kernel", PLAIN, "%s, %s", status->release ? status->release : "unknown",
		    words[status->qualified]);
}

static void show_module(const struct module_status *status)
{
	struct words words;

	words_begin(&words);
	fprintf(words.stream, "%s, policy %s: a violation ",
		status->version ? status->version : "of an unknown version", status->policy);
	if (strcmp(status->policy, "panic"))
		fputs("is reported and stops nothing", words.stream);
	else if (status->qualified == QUALIFIED_NOT)
		fputs("would stop the machine, but panic is withheld", words.stream);
	else
		fputs("stops the machine", words.stream);
	words_show(&words, "module", PLAIN);
}

static void show_protection(const struct module_status *status)
{
	uint64_t unbroken, protected, uptime = status->uptime_ms;
	struct words words;
	bool begun;

	if (uptime)
		print_field("uptime", PLAIN, "%s", human_time(uptime));
	/* An older module says nothing of it. */
	if (!status_knows(status, "protected_age_ms", &unbroken) ||
	    !status_knows(status, "protected_ms", &protected))
		return;
	words_begin(&words);
	/* It is a second late. */
	begun = !strcmp(status->state, "armed") || !strcmp(status->state, "unqualified");
	if (unbroken)
		fprintf(words.stream, "for %s without a break; ", human_time(unbroken));
	else
		fputs(begun ? "just begun; " : "not now; ", words.stream);
	if (uptime && uptime >= protected)
		fprintf(words.stream, "%s of the uptime", human_share(protected, uptime));
	else
		fprintf(words.stream, "%s in all", human_time(protected));
	words_show(&words, "protected", unbroken || begun ? PLAIN : DOUBTFUL);
}

/* ---- what is covered ---- */

/* Why, as of the end of the last learning. */
static void say_untracked(FILE *stream, const struct module_status *status, uint64_t managed)
{
	static const struct {
		const char *name, *text;
	} reasons[] = {
		{ "untracked_hugetlb", "in huge pages that learning did not get to" },
		{ "untracked_unaccepted", "not accepted yet by this confidential guest" },
		{ "untracked_poisoned", "poisoned by hardware" },
		{ "untracked_in_use", "in use while learning did not come to its end" },
		{ "untracked_moving", "on their way when they were looked at" },
		{ "untracked_tail", "in large blocks that drivers had before the load" },
	};
	size_t i, lines = 0;
	uint64_t frames;

	for (i = 0; i < ARRAY_SIZE(reasons); i++) {
		if (!status_knows(status, reasons[i].name, &frames) || !frames)
			continue;
		fprintf(stream, "%s\n%" PRIu64 " (%s) %s", lines ? "," : "; when last learned:",
			frames, human_share(frames, managed), reasons[i].text);
		lines++;
	}
}

static void show_coverage(const struct module_status *status)
{
	uint64_t managed = status_number(status, "pages_managed"), unmanaged;
	uint64_t untracked = status_number(status, "pages_untracked");
	uint64_t gaps = status_number(status, "coverage_gaps");
	struct words words;

	words_begin(&words);
	fprintf(words.stream, "%s, ", human_count(managed, "page", "pages"));
	if (untracked) {
		fprintf(words.stream, "%" PRIu64 " (%s) not known yet", untracked,
			human_share(untracked, managed));
		say_untracked(words.stream, status, managed);
	} else {
		fputs("each of them known", words.stream);
	}
	if (status_knows(status, "pages_unmanaged", &unmanaged) && unmanaged)
		fprintf(words.stream, "\n%s are online and not watched: there was no memory for their record",
			human_count(unmanaged, "page", "pages"));
	words_show(&words, "coverage", PLAIN);
	if (gaps)
		print_field("gaps", BAD, "%s came from memory without a record, or unannounced",
			    human_count(gaps, "allocation", "allocations"));
}

/* ---- what was found ---- */

/* "1 double_free, 2 bad_page": of those that have any. */
static void say_classes(FILE *stream, const struct module_status *status, const char *before,
			const char * const *classes, size_t nr)
{
	uint64_t number;
	size_t i;

	for (i = 0; i < nr; i++) {
		if (!status_knows(status, classes[i], &number) || !number)
			continue;
		fprintf(stream, "%s%" PRIu64 " %s", before, number, classes[i]);
		before = ", ";
	}
}

static const char *detail_of(const struct violation *v, const char *key)
{
	unsigned int i;

	for (i = 0; i < v->nr_details; i++)
		if (!strcmp(v->details[i].key, key))
			return v->details[i].value;
	return NULL;
}

/* Who allocates, or meets a list that is damaged, is most likely an innocent. */
static bool is_the_callers(const char *class)
{
	static const char * const frees[] = {
		"double_free", "boundary_double_free", "count_underflow", "mapped_free", "piece_free",
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(frees); i++)
		if (!strcmp(class, frees[i]))
			return true;
	return false;
}

static void show_newest(const struct violation *v)
{
	const char *freed_by = detail_of(v, "freed_by"), *liar = detail_of(v, "liar");
	struct words words;

	words_begin(&words);
	fprintf(words.stream, "#%" PRIu64 " %s, page frame 0x%" PRIx64 ", %s after boot", v->number,
		strcmp(v->proof, "none") ? v->class : "unproven", v->pfn,
		human_time(v->time_ns / 1000000));
	if (strcmp(v->caller, "-"))
		fprintf(words.stream, ",\n%s %s in task %" PRId64 " (%s)",
			is_the_callers(v->class) ? "by" : "seen in the call of", v->caller, v->pid,
			v->comm);
	else
		fputs(",\nfound by a look, in nobody's call", words.stream);
	if (liar)
		fprintf(words.stream, "; the %s plane was wrong", liar);
	if (freed_by && strcmp(freed_by, "unknown"))
		fprintf(words.stream, "; freed before by %s", freed_by);
	words_show(&words, "newest", BAD);
}

static void show_findings(const struct module_status *status)
{
	static const char * const proven[] = {
		"double_alloc", "double_free", "boundary_double_free", "plane_corruption",
		"directory_corruption", "allocator_corruption", "bad_page", "count_underflow",
	}, * const others[] = { "unproven", "mapped_free", "piece_free" };
	uint64_t violations = status_number(status, "violations"), corrected, relearns, number;
	struct words words;
	bool any = violations;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(others); i++)
		any |= status_knows(status, others[i], &number) && number;
	words_begin(&words);
	if (violations)
		fputs(human_count(violations, "violation", "violations"), words.stream);
	else
		fputs("none", words.stream);
	say_classes(words.stream, status, ": ", proven, ARRAY_SIZE(proven));
	say_classes(words.stream, status, "; not proven: ", others, ARRAY_SIZE(others));
	if (status_knows(status, "corrected", &corrected) && corrected)
		fprintf(words.stream, "; %s of its own data put right",
			human_count(corrected, "piece", "pieces"));
	if (status_knows(status, "relearns", &relearns) && relearns)
		fprintf(words.stream, "; learned again %s", human_count(relearns, "time", "times"));
	words_show(&words, "findings", violations ? BAD : any ? DOUBTFUL : PLAIN);
	if (status->has_last)
		show_newest(&status->last);
	else if (status->restricted && any)
		print_field("newest", PLAIN, "run this as root to see it");
}

/* ---- the record, and who looks after it ---- */

static void mark_node(void *nodes, unsigned int id)
{
	((bool *)nodes)[id] = true;
}

static void show_planes(const struct module_status *status)
{
	static const char * const planes[] = { "primary", "secondary", "untracked", "known" };
	char *copy = duplicate(status->placement.data ? status->placement.data : "");
	bool *nodes = allocate(MAX_NODE_IDS * sizeof(*nodes));
	char *rest = copy, *line, *value;
	size_t nr_nodes = 0, lines = 0, apart = 0, i;
	struct words words;

	while ((line = next_line(&rest))) {
		for (i = 0; i < ARRAY_SIZE(planes); i++) {
			value = word_value(line, planes[i]);
			if (value && !parse_list(value, mark_node, nodes))
				fail(STATUS_FOREIGN, SYSFS "/placement: not the lines that are expected");
			free(value);
		}
		value = word_value(line, "separation");
		lines++;
		apart += value && !strcmp(value, "distinct-node");
		free(value);
	}
	for (i = 0; i < MAX_NODE_IDS; i++)
		nr_nodes += nodes[i];
	words_begin(&words);
	fprintf(words.stream, "%s", human_bytes(status_number(status, "plane_bytes")));
	if (lines)
		fprintf(words.stream, " on %s; %s", human_count(nr_nodes, "node", "nodes"),
			apart == lines ? "primary and secondary lie on different ones" :
			nr_nodes == 1 ? "all of it on the same one" :
			"primary and secondary share one");
	else
		fputs("; run this as root to see on which nodes", words.stream);
	words_show(&words, "planes", PLAIN);
	free(nodes);
	free(copy);
}

static void say_last_pass(FILE *stream, const struct module_status *status)
{
	uint64_t ago, took, found = 0;

	fputs("last pass ", stream);
	if (status_knows(status, "scrub_age_ms", &ago))
		fprintf(stream, "ended %s ago, ", human_time(ago));
	if (word_number(status->scrub.data, "last_ms", &took))
		fprintf(stream, "took %s, ", human_time(took));
	if (word_number(status->scrub.data, "found", &found) && found)
		fprintf(stream, "%s found", human_count(found, "fault", "faults"));
	else
		fputs("nothing found", stream);
}

static void show_scrub(const struct module_status *status)
{
	uint64_t interval = 0, running = 0, found = 0;
	const char *scrub = status->scrub.data;
	struct words words;
	char *progress;
	bool ever = status_number(status, "scrub_passes");

	word_number(scrub, "running", &running);
	words_begin(&words);
	if (ever)
		say_last_pass(words.stream, status);
	else
		fputs("no pass has ended yet", words.stream);
	if (running) {
		progress = word_value(scrub, "progress");
		fprintf(words.stream, "; one is running%s%s%s", progress ? " (" : "",
			progress ? progress : "", progress ? ")" : "");
		free(progress);
	}
	if (word_number(scrub, "interval_ms", &interval) && interval)
		fprintf(words.stream, "; interval %s", human_time(interval));
	else
		fputs("; only on request", words.stream);
	word_number(scrub, "found", &found);
	words_show(&words, "scrub", ever && found ? BAD : PLAIN);
}

/* ---- hooks ---- */

static bool is_wrong(const struct hook_line *hook)
{
	return hook->silent || (hook->required && hook->missed);
}

static void say_hook(FILE *stream, const struct hook_line *hook)
{
	fprintf(stream, "%s (%s, %s): %s", hook->name, hook->mechanism,
		hook->required ? "required" : "optional",
		human_count(hook->hits, "event", "events"));
	if (hook->missed)
		fprintf(stream, ", %" PRIu64 " missed", hook->missed);
	if (hook->silent)
		fputs(", does not fire", stream);
}

/* Only what is wrong, or all of them. */
static void show_hooks(const struct module_status *status, bool verbose)
{
	const char *label = "hooks";
	struct words words;
	size_t i;

	for (i = 0; i < status->nr_hooks; i++) {
		const struct hook_line *hook = &status->hooks[i];

		if (!verbose && !is_wrong(hook))
			continue;
		words_begin(&words);
		say_hook(words.stream, hook);
		words_show(&words, label, hook->required && is_wrong(hook) ? BAD : PLAIN);
		label = "";
	}
}

static void say_word(FILE *stream, const char *line, const char *key, const char *before)
{
	char *value = word_value(line, key);

	fprintf(stream, "%s%s", before, value ? value : "unknown");
	free(value);
}

/* A line of "placement". */
static void show_node(const char *label, const char *line)
{
	struct words words;
	uint64_t distance;

	words_begin(&words);
	say_word(words.stream, line, "chunks", "");
	say_word(words.stream, line, "node", " chunks of memory on node ");
	say_word(words.stream, line, "primary", ": primary plane on ");
	say_word(words.stream, line, "secondary", ", secondary on ");
	say_word(words.stream, line, "untracked", ", untracked on ");
	say_word(words.stream, line, "known", ", known on ");
	if (word_number(line, "distance", &distance))
		fprintf(words.stream, "; copies on one node are %s apart at least",
			human_bytes(distance));
	words_show(&words, label, PLAIN);
}

static void show_nodes(const struct module_status *status)
{
	char *copy = duplicate(status->placement.data ? status->placement.data : "");
	char *rest = copy, *line;
	const char *label = "nodes";

	while ((line = next_line(&rest))) {
		show_node(label, line);
		label = "";
	}
	free(copy);
}

void screen_show(const struct module_status *status, bool verbose)
{
	struct advice advice = advice_of(status);

	show_advice(status->state, status->reason, &advice);
	show_kernel(status);
	show_module(status);
	show_protection(status);
	show_coverage(status);
	show_findings(status);
	show_planes(status);
	show_scrub(status);
	show_hooks(status, verbose);
	if (verbose)
		show_nodes(status);
}

void screen_show_unloaded(void)
{
	char *release = file_line("/proc/sys/kernel/osrelease");

	show_advice("not loaded", NULL, &advice_unloaded);
	print_field("kernel", PLAIN, "%s", release ? release : "unknown");
	free(release);
}
