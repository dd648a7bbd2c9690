// SPDX-License-Identifier: GPL-2.0-only
/*
 * "dualbmctl scrub": a write to the file of that name returns when the pass is done, so a
 * child writes, and the parent reads how far it is. "dualbmctl proof" is such a write too.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "dualbmctl.h"

static uint64_t scrub_value(const char *key)
{
	char *line = file_line(SYSFS "/scrub");
	uint64_t value = 0;

	if (line)
		word_number(line, key, &value);
	free(line);
	return value;
}

static uint64_t stat_value(const char *name)
{
	struct buffer buffer;
	uint64_t value = 0;

	module_read(SYSFS, "stats", &buffer);
	line_number(buffer.data, name, &value);
	buffer_free(&buffer);
	return value;
}

/* How many words a pass looks at: those of the last, or what "planes" says. */
static uint64_t words_of_pass(void)
{
	uint64_t frames, words = scrub_value("words"), all = 0;
	struct buffer buffer;
	char *rest, *line;

	if (words && !scrub_value("running"))
		return words;
	if (file_read(DEBUGFS "/planes", &buffer, LARGE_FILE))
		return 0;
	rest = buffer.data;
	while ((line = next_line(&rest)))
		if (strstr(line, "plane=primary") && word_number(line, "frames", &frames))
			all += frames / 64;
	buffer_free(&buffer);
	return all;
}

int scrub_write(const char *text, const char *what, uint64_t words)
{
	const struct timespec pause = { 0, 100 * 1000 * 1000 };
	int status;
	pid_t child;

	fflush(stdout);
	child = fork();
	if (child < 0)
		return -errno;
	if (!child)
		_exit(-file_write(SYSFS "/scrub", text));
	if (words)
		progress(what, 0, words);
	while (!waitpid(child, &status, WNOHANG)) {
		if (options.terminal && words)
			progress(what, scrub_value("words"), words);
		nanosleep(&pause, NULL);
	}
	progress_end();
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -EINTR;
}

int command_scrub(int argc, char **argv)
{
	uint64_t before, found, violations, passes;
	struct timespec begin, end;
	char *line;
	double took;
	int ret;

	no_arguments(argc, argv, "scrub");
	need_loaded();
	before = stat_value("violations");
	clock_gettime(CLOCK_MONOTONIC, &begin);
	ret = scrub_write("now", "scrub", words_of_pass());
	clock_gettime(CLOCK_MONOTONIC, &end);
	if (ret)
		module_fail(SYSFS, "scrub", -ret);
	took = end.tv_sec - begin.tv_sec + (end.tv_nsec - begin.tv_nsec) / 1e9;
	line = file_line(SYSFS "/scrub");
	if (!line || !word_number(line, "found", &found))
		fail(STATUS_FOREIGN, SYSFS "/scrub: not the line that is expected");
	violations = stat_value("violations") - before;
	passes = stat_value("scrub_passes");
	if (options.json) {
		json_begin("scrub");
		json_number("found", found);
		json_number("violations", violations);
		json_number("words", scrub_value("words"));
		json_number("passes", passes);
		json_real("seconds", took);
		json_end();
	} else {
		printf("%s, %.1f s: %s%s%s\n", line, took, colour(found ? BAD : GOOD),
		       found ? "something was found; see dualbmctl violations" : "nothing was found",
		       colour(PLAIN));
	}
	free(line);
	return found || violations ? STATUS_NO : STATUS_YES;
}
