// SPDX-License-Identifier: GPL-2.0-only
/*
 * "dualbmctl report": what a ticket or an audit needs of dualbm on this machine, in one file. Only
 * what is named here goes in, all of it through mask.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <linux/magic.h>
#include <time.h>
#include <unistd.h>

#include "check.h"
#include "report.h"
#include "status.h"

#define REPORT_VERSION	1
#define MODULE		"/sys/module/dualbm"
#define DEFAULT_SECONDS	10
#define MAX_SECONDS	3600
/* Beside the seconds between two looks: what takes longer hangs. */
#define PATIENCE	120
#define MAX_FILES	64
#define RAW_FILE	0x100000u
/* 1 KiB for each 128 MiB of memory. */
#define MAP_FILE	0x1000000u

struct sample {
	bool there;
	uint64_t uptime_ms;
	char when[sizeof("2026-11-28T12:00:00Z")];
	struct buffer stats, hooks;	/* masked */
};

struct lacking {
	char *what, *why;
};

struct report {
	struct bundle *bundle;
	struct mask mask;
	struct check check;
	struct log log;
	const char *log_file;
	bool loaded, live, addresses;
	uint64_t seconds;
	struct sample samples[2];
	struct buffer violations;	/* masked */
	struct lacking *lacking;
	size_t nr_lacking;
};

/* ---- what could not be read ---- */

static void lack(struct report *report, const char *what, const char *format, ...)
	printf_like(3, 4);

static void lack(struct report *report, const char *what, const char *format, ...)
{
	va_list arguments;

	report->lacking = reallocate(report->lacking,
				     (report->nr_lacking + 1) * sizeof(*report->lacking));
	va_start(arguments, format);
	report->lacking[report->nr_lacking++] =
		(struct lacking){ mask_line(&report->mask, what, strlen(what)).data,
				  format_text_va(format, arguments) };
	va_end(arguments);
}

/*
 * The first @limit bytes of a file, masked; false, and a reason in the report, if it cannot be
 * read. A tree may hold anything under any name: only what is a plain file is read.
 */
static bool take(struct report *report, const char *path, size_t limit, struct buffer *out)
{
	int fd = root_open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY), ret;
	struct buffer raw = { NULL, 0 };
	struct stat stat;
	bool more = false;

	*out = (struct buffer){ NULL, 0 };
	if (fd < 0) {
		lack(report, path, "%s", strerror(-fd));
		return false;
	}
	ret = fstat(fd, &stat) ? -errno : !S_ISREG(stat.st_mode) ? -EINVAL :
	      fd_read_part(fd, &raw, limit, &more);
	close(fd);
	if (ret) {
		lack(report, path, "%s", ret == -EINVAL ? "it is no plain file" : strerror(-ret));
		return false;
	}
	if (more)
		lack(report, path, "only the first %s were taken", human_bytes(limit));
	*out = mask_text(&report->mask, raw.data, raw.size);
	buffer_free(&raw);
	return true;
}

static void add_file(struct report *report, const char *name, const struct buffer *buffer)
{
	if (!bundle_add(report->bundle, name, buffer->data, buffer->size))
		lack(report, name, "the archive is full");
}

/* Under its path, without the slash it begins with. */
static void add_raw(struct report *report, const char *path, size_t limit)
{
	struct buffer buffer;

	if (take(report, path, limit, &buffer))
		add_file(report, path + 1, &buffer);
	buffer_free(&buffer);
}

/* ---- counters, twice ---- */

static uint64_t uptime_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * UINT64_C(1000) + now.tv_nsec / 1000000;
}

static void wall_clock(time_t then, char text[sizeof("2026-11-28T12:00:00Z")])
{
	struct tm parts;

	*text = '\0';
	if (gmtime_r(&then, &parts))
		strftime(text, sizeof("2026-11-28T12:00:00Z"), "%Y-%m-%dT%H:%M:%SZ", &parts);
}

static void look(struct report *report, struct sample *sample)
{
	sample->uptime_ms = uptime_ms();
	wall_clock(time(NULL), sample->when);
	sample->there = take(report, SYSFS "/stats", RAW_FILE, &sample->stats);
	take(report, SYSFS "/hooks", RAW_FILE, &sample->hooks);
}

static void wait_until(uint64_t from, uint64_t milliseconds)
{
	const struct timespec pause = { 0, 100 * 1000 * 1000 };
	uint64_t now;

	while ((now = uptime_ms() - from) < milliseconds) {
		progress("looking twice", now, milliseconds);
		nanosleep(&pause, NULL);
	}
	progress_end();
}

static void json_sample(const struct sample *sample)
{
	char *copy, *rest, *line;
	uint64_t hits, missed;

	json_open(NULL, '{');
	json_string("when", sample->when);
	json_number("uptime_ms", sample->uptime_ms);
	json_stats(sample->stats.data ?: "");
	json_open("hooks", '[');
	copy = duplicate(sample->hooks.data ?: "");
	rest = copy;
	while ((line = next_line(&rest))) {
		char *words[6] = { NULL };
		size_t i;

		for (i = 0; i < ARRAY_SIZE(words); i++)
			words[i] = next_word(&line);
		if (!words[4] || !parse_number(words[2], &hits) || !parse_number(words[3], &missed))
			continue;
		json_open(NULL, '{');
		json_string("name", words[0]);
		json_string("mechanism", words[1]);
		json_number("hits", hits);
		json_number("missed", missed);
		json_bool("required", !strcmp(words[4], "required"));
		json_bool("silent", words[5] && !strcmp(words[5], "silent"));
		json_close();
	}
	free(copy);
	json_close();
	json_close();
}

/* How much each grew; a module that was loaded anew meanwhile began at 0 again. */
static void json_growth(const struct sample *from, const struct sample *to)
{
	char *copy = duplicate(to->stats.data), *rest = copy, *line, *name;
	uint64_t before, after;

	json_open("growth", '{');
	json_number("milliseconds", to->uptime_ms - from->uptime_ms);
	while ((line = next_line(&rest))) {
		name = next_word(&line);
		if (name && line && parse_number(line, &after) &&
		    line_number(from->stats.data, name, &before))
			json_signed(name, (int64_t)(after - before));
	}
	json_close();
	free(copy);
}

static void add_json(struct report *report, const char *name)
{
	struct buffer buffer;

	json_file_end(&buffer);
	add_file(report, name, &buffer);
	buffer_free(&buffer);
}

static void add_counters(struct report *report)
{
	const struct sample *samples = report->samples;

	json_file_begin("dualbm-report-counters", REPORT_VERSION);
	json_open("samples", '[');
	if (samples[0].there)
		json_sample(&samples[0]);
	if (samples[1].there)
		json_sample(&samples[1]);
	json_close();
	if (samples[0].there && samples[1].there)
		json_growth(&samples[0], &samples[1]);
	add_json(report, "counters.json");
	if (samples[0].there)
		add_file(report, "sys/kernel/dualbm/stats", &samples[0].stats);
	if (samples[0].hooks.data)
		add_file(report, "sys/kernel/dualbm/hooks", &samples[0].hooks);
}

/* ---- parameters, and where each is from ---- */

struct given {
	char *name, *value, *file;	/* no file is the command line */
};

struct givens {
	struct given *list;
	size_t nr;
};

static void take_given(void *data, const char *name, const char *value, const char *file)
{
	struct givens *givens = data;

	/* A file may hold a million lines of it. */
	if (!value || givens->nr >= 4096)
		return;
	givens->list = reallocate(givens->list, (givens->nr + 1) * sizeof(*givens->list));
	givens->list[givens->nr++] = (struct given){
		duplicate(name), duplicate(value), file ? duplicate(file) : NULL
	};
}

/* libkmod reads this machine's command line, and no other's. */
static void take_command_line(struct givens *givens)
{
	char *line = file_line("/proc/cmdline"), *rest = line, *word, *value;

	while (line && (word = next_word(&rest))) {
		value = strchr(word, '=');
		if (strncmp(word, "dualbm.", 7) || !value)
			continue;
		*value++ = '\0';
		take_given(givens, word + 7, value, NULL);
	}
	free(line);
}

static void json_masked(struct report *report, const char *name, const char *text)
{
	char *copy = text ? mask_line(&report->mask, text, strlen(text)).data : NULL;

	json_string(name, copy);
	free(copy);
}

/* Do commas in @list part @length bytes at @word from others, alone? */
static bool list_has(const char *list, const char *word, size_t length)
{
	while (*list) {
		size_t part = strcspn(list, ",");

		if (part == length && !memcmp(list, word, length))
			return true;
		list += part + (list[part] == ',');
	}
	return false;
}

/* Lists of several files add up: is all of @running in them? */
static bool all_given(const struct givens *givens, const char *running)
{
	while (*running) {
		size_t part = strcspn(running, ","), i;

		for (i = 0; i < givens->nr; i++)
			if (!strcmp(givens->list[i].name, "qualified") &&
			    list_has(givens->list[i].value, running, part))
				break;
		if (i == givens->nr)
			return false;
		running += part + (running[part] == ',');
	}
	return true;
}

/*
 * What is running is said of what was configured when this was asked: nobody keeps what modprobe
 * read at load.
 */
static const char *origin(const struct parameter *parameter, const struct givens *givens,
			  const struct given *last, const char *running, bool writable)
{
	if (!running)
		return "not-running";
	if (!strcmp(parameter->name, "qualified")) {
		if (!strcmp(running, "none"))
			return "default";
		return all_given(givens, running) ? "configured" : "load";
	}
	if (last && !strcmp(last->value, running))
		return last->file ? "modprobe.d" : "command-line";
	if (!last && !strcmp(running, parameter->value))
		return "default";
	/* On arm64, or with boundary=0. */
	if (!last && !strcmp(parameter->name, "history") && !strcmp(running, "off"))
		return "default-or-changed";
	return writable ? "load-or-changed" : "load";
}

static bool is_writable(const char *path)
{
	int fd = root_open(path, O_PATH);
	struct stat stat;
	bool writable = fd >= 0 && !fstat(fd, &stat) && stat.st_mode & 0200;

	if (fd >= 0)
		close(fd);
	return writable;
}

static void json_parameter(struct report *report, const struct parameter *parameter,
			   const struct givens *givens)
{
	char *path = format_text(MODULE "/parameters/%s", parameter->name);
	char *running = report->loaded ? file_line(path) : NULL;
	/* That one can be changed by a file of its own. */
	bool writable = is_writable(path) || !strcmp(parameter->name, "history");
	const struct given *last = NULL;
	size_t i;

	json_open(NULL, '{');
	json_string("name", parameter->name);
	json_masked(report, "running", running);
	json_string("default", parameter->value);
	json_bool("can_be_changed", writable);
	json_open("configured", '[');
	for (i = 0; i < givens->nr; i++) {
		if (strcmp(givens->list[i].name, parameter->name))
			continue;
		last = &givens->list[i];
		json_open(NULL, '{');
		json_masked(report, "value", last->value);
		json_masked(report, "file", last->file);
		json_string("from", last->file ? "modprobe.d" : "command-line");
		json_close();
	}
	json_close();
	json_string("origin", origin(parameter, givens, last, running, writable));
	json_close();
	free(running);
	free(path);
}

/* Build-ids are no addresses. Only what looks like one is kept: the file may hold anything. */
static void keep_identities(struct report *report, const char *list)
{
	while (*list) {
		size_t part = strcspn(list, ","), digits = strspn(list, "0123456789abcdef");

		if (part == digits && part >= 32) {
			char *identity = strndup(list, part);

			mask_keep(&report->mask, identity);
			free(identity);
		}
		list += part + (list[part] == ',');
	}
}

static void add_parameters(struct report *report, const struct givens *givens)
{
	const struct parameter *parameter;
	size_t i;

	json_file_begin("dualbm-report-parameters", REPORT_VERSION);
	json_open("parameters", '[');
	for (parameter = module_parameters; parameter->name; parameter++)
		json_parameter(report, parameter, givens);
	json_close();
	/* Words that the module does not know: the kernel drops them. */
	json_open("unknown", '[');
	for (i = 0; i < givens->nr; i++) {
		for (parameter = module_parameters; parameter->name; parameter++)
			if (!strcmp(parameter->name, givens->list[i].name))
				break;
		if (!parameter->name)
			json_masked(report, NULL, givens->list[i].name);
	}
	json_close();
	add_json(report, "parameters.json");
}

/* ---- findings ---- */

static void read_log(struct report *report)
{
	int ret;

	if (report->log_file) {
		ret = log_read_file(&report->log, &report->mask, report->log_file);
		if (ret)
			fail(STATUS_LACKING, "report: %s: %s", report->log_file, strerror(-ret));
	} else if (*options.root) {
		lack(report, "the kernel's log", "of another machine; --log FILE gives it");
	} else {
		ret = log_read_kernel(&report->log, &report->mask);
		if (ret)
			lack(report, "/dev/kmsg", "%s", strerror(-ret));
	}
	if (report->log.dropped)
		lack(report, "the kernel's log", "the oldest of it is lost, or was too much");
}

static void add_findings(struct report *report)
{
	struct buffer text = log_text(&report->log);
	char *records = duplicate(report->violations.data ?: "");

	json_file_begin("dualbm-report-findings", REPORT_VERSION);
	violations_json(records);
	log_json_blocks("log_blocks", &report->log);
	add_json(report, "findings.json");
	add_file(report, "log.txt", &text);
	buffer_free(&text);
	free(records);
}

/* ---- files as they are ---- */

/* A name that means nothing to a shell, a path or a terminal. */
static bool is_plain_name(const char *name)
{
	static const char letters[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";

	return *name && *name != '.' && strlen(name) < 64 && !name[strspn(name, letters)];
}

static void add_directory(struct report *report, const char *path, const char * const *but)
{
	char **list = directory_list(path);
	unsigned int nr = 0;
	size_t i, j;

	if (!list)
		lack(report, path, "%s", strerror(errno));
	for (i = 0; list && list[i]; i++) {
		char *file = format_text("%s/%s", path, list[i]);

		for (j = 0; but && but[j] && strcmp(but[j], list[i]); j++)
			;
		if (but && but[j])
			;
		else if (!is_plain_name(list[i]))
			lack(report, file, "a name that is none of the module's");
		else if (nr++ >= MAX_FILES)
			lack(report, file, "too many files");
		else
			add_raw(report, file, RAW_FILE);
		free(file);
	}
	list_free(list);
}

static void add_files(struct report *report)
{
	static const char * const module_files[] = {
		"version", "srcversion", "initstate", "taint", "coresize", "refcnt",
	};
	/* A line for each frame of the machine, and what is taken elsewhere. */
	static const char * const but[] = { "frames", "frames_history", "stats", "hooks", NULL };
	size_t i;

	if (!report->loaded)
		return;
	add_directory(report, SYSFS, but);
	add_directory(report, MODULE "/parameters", NULL);
	for (i = 0; i < ARRAY_SIZE(module_files); i++) {
		char *path = format_text(MODULE "/%s", module_files[i]);

		if (file_exists(path))
			add_raw(report, path, RAW_FILE);
		free(path);
	}
	if (take(report, DEBUGFS "/violations", RAW_FILE, &report->violations))
		add_file(report, "sys/kernel/debug/dualbm/violations", &report->violations);
	else
		take(report, SYSFS "/last_violation", RAW_FILE, &report->violations);
	add_raw(report, DEBUGFS "/map", MAP_FILE);
	/* Physical addresses of all that the module has. */
	if (report->addresses)
		add_raw(report, DEBUGFS "/planes", MAP_FILE);
}

/* ---- which machine, kernel and module ---- */

static char *module_build_id(void)
{
	struct buffer notes;
	char *id;

	if (file_read(MODULE "/notes/.note.gnu.build-id", &notes, SMALL_FILE))
		return NULL;
	id = notes_build_id(notes.data, notes.size);
	buffer_free(&notes);
	return id;
}

static void json_line(struct report *report, const char *name, const char *path)
{
	char *line = file_line(path);

	json_masked(report, name, line);
	free(line);
}

static void json_module(struct report *report)
{
	char *id = module_build_id();

	json_open("module", '{');
	json_bool("loaded", report->loaded);
	json_line(report, "version", MODULE "/version");
	json_line(report, "srcversion", MODULE "/srcversion");
	json_masked(report, "build_id", id);
	json_line(report, "taint", MODULE "/taint");
	json_line(report, "state", SYSFS "/state");
	json_line(report, "state_reason", SYSFS "/state_reason");
	json_line(report, "policy", SYSFS "/policy");
	json_line(report, "history", SYSFS "/history");
	json_close();
	free(id);
}

static void json_kernel(struct report *report)
{
	const struct check *check = &report->check;
	size_t i;

	json_open("kernel", '{');
	json_masked(report, "release", check->kernel);
	json_line(report, "version", "/proc/sys/kernel/version");
	json_masked(report, "identity", check->kernel_id);
	json_line(report, "kernel_id", SYSFS "/kernel_id");
	json_line(report, "tainted", "/proc/sys/kernel/tainted");
	json_bool("qualified", check->qualified);
	json_open("qualification", '[');
	for (i = 0; i < check->nr_findings; i++) {
		char *text = format_text("%s: %s", check->findings[i].subject,
					 check->findings[i].text);

		json_masked(report, NULL, text);
		free(text);
	}
	json_close();
	json_close();
}

/* A proof that failed is named in the log alone. */
static void json_proof(struct report *report)
{
	static const char failed[] = "dualbm: proof test failed: ";
	uint64_t passes;
	size_t i;

	json_open("proof", '{');
	if (report->samples[0].stats.data &&
	    line_number(report->samples[0].stats.data, "selftest_passes", &passes))
		json_number("passes", passes);
	else
		json_null("passes");
	json_open("failed", '[');
	for (i = report->log.first; i < report->log.nr; i++)
		if (!strncmp(report->log.lines[i].text, failed, sizeof(failed) - 1))
			json_string(NULL, report->log.lines[i].text + sizeof(failed) - 1);
	json_close();
	json_close();
}

static void json_placement(struct report *report)
{
	struct buffer placement;
	char *rest, *line;

	json_open("placement", '[');
	if (report->loaded && !file_read(SYSFS "/placement", &placement, RAW_FILE)) {
		rest = placement.data;
		while ((line = next_line(&rest)))
			json_masked(report, NULL, line);
		buffer_free(&placement);
	}
	json_close();
}

static void json_lacking(const struct report *report)
{
	size_t i;

	json_open("not_read", '[');
	for (i = 0; i < report->nr_lacking; i++) {
		json_open(NULL, '{');
		json_string("what", report->lacking[i].what);
		json_string("why", report->lacking[i].why);
		json_close();
	}
	json_close();
}

static void json_masks(const struct report *report)
{
	json_open("masked", '{');
	json_bool("with_addresses", report->addresses);
	json_number("addresses", report->mask.nr_masked_addresses);
	json_number("names", report->mask.nr_masked_names);
	json_number("bytes_escaped", report->mask.nr_bytes);
	json_number("lines_cut", report->mask.nr_cut);
	json_close();
}

/* Last, as it says what was not read and what was masked. */
static void add_summary(struct report *report)
{
	char when[sizeof(report->samples[0].when)];

	wall_clock(time(NULL), when);
	json_file_begin("dualbm-report", REPORT_VERSION);
	json_string("tool", DUALBM_VERSION);
	json_string("when", when);
	json_bool("root", !geteuid());
	json_bool("captured_tree", !report->live);
	json_module(report);
	json_kernel(report);
	json_proof(report);
	json_placement(report);
	json_lacking(report);
	json_masks(report);
	add_json(report, "report.json");
}

static void add_readme(struct report *report)
{
	static const char text[] =
		"Evidence of dualbm on one machine, made by \"dualbmctl report\".\n\n"
		"report.json      what it is about: versions, kernel, state, what was not read\n"
		"parameters.json  what is configured, what runs, and where that is from\n"
		"counters.json    counters, twice, and how much they grew\n"
		"findings.json    records, and the blocks of the log\n"
		"log.txt          what the module said in the kernel's log, and no other line\n"
		"sys/             files of the module\n"
		"MANIFEST         sha256sum --check MANIFEST\n\n"
		"dualbmctl(8) says what is in, and what is masked.\n";
	struct buffer buffer = { (char *)text, sizeof(text) - 1 };

	add_file(report, "README", &buffer);
}

/* ---- the command ---- */

/* A captured tree does not change while one looks. */
static bool is_live(void)
{
	struct statfs fs;
	int fd = root_open(SYSFS, O_PATH | O_DIRECTORY);
	bool live = !*options.root || (fd >= 0 && !fstatfs(fd, &fs) && fs.f_type == SYSFS_MAGIC);

	if (fd >= 0)
		close(fd);
	return live;
}

static void identify(struct report *report)
{
	struct check *check = &report->check;
	char *id = module_build_id(), *srcversion = file_line(MODULE "/srcversion");

	check->kernel = file_line("/proc/sys/kernel/osrelease");
	if (!check->kernel)
		check->kernel = duplicate("unknown");
	check->running = true;
	identify_running(check);
	check_qualified(check);
	if (check->kernel_id)
		keep_identities(report, check->kernel_id);
	if (id)
		keep_identities(report, id);
	/* 23 digits and letters, of which few are hexadecimal digits alone. */
	if (srcversion && strlen(srcversion) < 32 &&
	    strspn(srcversion, "0123456789ABCDEF") == strlen(srcversion))
		mask_keep(&report->mask, srcversion);
	free(srcversion);
	free(id);
}

static void collect(struct report *report)
{
	struct givens givens = { NULL, 0 };
	char *qualified = file_line(MODULE "/parameters/qualified");
	size_t i;

	identify(report);
	configured_options(&report->check, take_given, &givens);
	if (*options.root)
		take_command_line(&givens);
	if (qualified)
		keep_identities(report, qualified);
	for (i = 0; i < givens.nr; i++)
		if (!strcmp(givens.list[i].name, "qualified"))
			keep_identities(report, givens.list[i].value);
	free(qualified);
	if (report->loaded)
		look(report, &report->samples[0]);
	else
		lack(report, SYSFS, "dualbm is not loaded");
	add_files(report);
	add_parameters(report, &givens);
	if (report->loaded && report->seconds) {
		wait_until(report->samples[0].uptime_ms, report->seconds * 1000);
		look(report, &report->samples[1]);
	}
	read_log(report);
	add_counters(report);
	add_findings(report);
	add_readme(report);
	add_summary(report);
	for (i = 0; i < givens.nr; i++) {
		free(givens.list[i].name);
		free(givens.list[i].value);
		free(givens.list[i].file);
	}
	free(givens.list);
}

static void tell(const struct report *report, const char *path, uint64_t bytes,
		 unsigned int files)
{
	size_t i;

	if (options.json) {
		json_begin("report");
		json_string("file", path);
		json_number("bytes", bytes);
		json_number("files", files);
		json_bool("loaded", report->loaded);
		json_lacking(report);
		json_masks(report);
		json_end();
		return;
	}
	print_safe(stdout, path);
	printf(": %s, %u files; %" PRIu64 " addresses and %" PRIu64 " names are masked\n",
	       human_bytes(bytes), files, report->mask.nr_masked_addresses,
	       report->mask.nr_masked_names);
	for (i = 0; i < report->nr_lacking; i++) {
		fputs("not read: ", stdout);
		print_safe(stdout, report->lacking[i].what);
		fputs(": ", stdout);
		print_safe(stdout, report->lacking[i].why);
		putchar('\n');
	}
	if (geteuid() && report->loaded)
		puts("root would have read more");
}

static void free_report(struct report *report)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(report->samples); i++) {
		buffer_free(&report->samples[i].stats);
		buffer_free(&report->samples[i].hooks);
	}
	for (i = 0; i < report->nr_lacking; i++) {
		free(report->lacking[i].what);
		free(report->lacking[i].why);
	}
	free(report->lacking);
	buffer_free(&report->violations);
	log_free(&report->log);
	mask_free(&report->mask);
	check_free(&report->check);
}

int command_report(int argc, char **argv)
{
	static const struct option long_options[] = {
		{ "output", required_argument, NULL, 'o' },
		{ "seconds", required_argument, NULL, 's' },
		{ "log", required_argument, NULL, 'l' },
		{ "with-addresses", no_argument, NULL, 'a' },
		{ NULL, 0, NULL, 0 },
	};
	struct report report = { .seconds = DEFAULT_SECONDS };
	const char *output = NULL;
	bool asked = false;
	unsigned int files;
	uint64_t bytes;
	int option;

	opterr = 0;
	while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		switch (option) {
		case 'o':
			output = optarg;
			break;
		case 's':
			if (!parse_number(optarg, &report.seconds) || report.seconds > MAX_SECONDS)
				fail(STATUS_USAGE, "report: --seconds takes 0 to %d, not \"%s\"",
				     MAX_SECONDS, optarg);
			asked = true;
			break;
		case 'l':
			report.log_file = optarg;
			break;
		case 'a':
			report.addresses = true;
			break;
		default:
			bad_option("report", argv, long_options);
		}
	}
	if (optind < argc)
		fail(STATUS_USAGE, "report: \"%s\" is one argument too many", argv[optind]);
	if (!output)
		fail(STATUS_USAGE, "report: --output FILE.tar.zst is missing");
	report.bundle = bundle_begin(output);
	alarm(report.seconds + PATIENCE);
	mask_begin(&report.mask, !report.addresses);
	report.loaded = file_exists(SYSFS);
	report.live = is_live();
	if (!asked && !report.live)
		report.seconds = 0;
	collect(&report);
	bundle_finish(report.bundle, &bytes, &files);
	tell(&report, output, bytes, files);
	free_report(&report);
	return STATUS_YES;
}
