// SPDX-License-Identifier: GPL-2.0-only
/*
 * "dualbmctl watch": the trace events as they come, from a trace instance of its
 * own, so that nobody else's tracing is disturbed. However it ends, the instance
 * goes with it; one that a killed program left is removed by the next.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dualbmctl.h"

#define INSTANCES	"/sys/kernel/tracing/instances"
#define NAME		"dualbmctl-"

static char *instance;
static int trace_pipe = -1;
static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
	(void)number;
	interrupted = 1;
}

static void remove_instance(void)
{
	char *path;

	if (!instance)
		return;
	/* An instance that somebody reads is not removed. */
	if (trace_pipe >= 0)
		close(trace_pipe);
	trace_pipe = -1;
	path = root_path(instance);
	rmdir(path);
	free(path);
	free(instance);
	instance = NULL;
}

/* Those whose program is gone: it was killed before it could remove them. */
static void remove_stale(void)
{
	char **list = directory_list(INSTANCES);
	size_t i;

	for (i = 0; list && list[i]; i++) {
		uint64_t pid;
		char *path;

		if (strncmp(list[i], NAME, strlen(NAME)) ||
		    !parse_number(list[i] + strlen(NAME), &pid))
			continue;
		if (!kill(pid, 0) || errno != ESRCH)
			continue;
		path = format_text("%s" INSTANCES "/%s", options.root, list[i]);
		if (!rmdir(path))
			warn("removed the trace instance %s, whose program is gone", list[i]);
		free(path);
	}
	list_free(list);
}

static void make_instance(void)
{
	char *path;
	int error;

	remove_stale();
	instance = format_text(INSTANCES "/" NAME "%d", getpid());
	path = root_path(instance);
	at_end = remove_instance;
	error = mkdir(path, 0700) ? errno : 0;
	free(path);
	if (!error)
		return;
	free(instance);
	instance = NULL;
	if (error == ENOENT || error == ENOTDIR || error == EOPNOTSUPP)
		fail(STATUS_LACKING,
		     INSTANCES " is not there: tracefs is not mounted (mount -t tracefs tracefs /sys/kernel/tracing), or this kernel has no trace instances");
	if (error == EACCES || error == EPERM)
		fail(STATUS_PERMISSION, INSTANCES ": %s; run this as root (or kernel lockdown forbids it)",
		     strerror(error));
	fail(STATUS_REFUSED, INSTANCES ": %s", strerror(error));
}

static void enable_events(void)
{
	static const char * const events[] = { "violation", "state", "scrub" };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(events); i++) {
		char *path = format_text("%s/events/dualbm/%s/enable", instance, events[i]);
		int ret = file_write(path, "1");

		free(path);
		if (ret)
			fail(STATUS_LACKING, "the trace event dualbm:%s cannot be enabled: %s",
			     events[i], strerror(-ret));
	}
}

/* "... [001] d..1.  12.345678: violation: number=1 ..."; names may hold anything. */
static const char *find_event(const char *line, const char **fields, double *time,
			      unsigned int *cpu)
{
	static const struct {
		const char *mark, *name;
	} events[] = {
		{ ": violation: ", "violation" }, { ": state: ", "state" },
		{ ": scrub: ", "scrub" },
	};
	const char *best = NULL, *name = NULL, *at, *bracket;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(events); i++) {
		for (at = line; (at = strstr(at, events[i].mark)); at++) {
			if (at < best)
				continue;
			best = at;
			name = events[i].name;
			*fields = at + strlen(events[i].mark);
		}
	}
	if (!best)
		return NULL;
	for (at = best; at > line && at[-1] != ' '; at--)
		;
	*time = strtod(at, NULL);
	bracket = memrchr(line, '[', best - line);
	*cpu = bracket ? strtoul(bracket + 1, NULL, 10) : 0;
	return name;
}

static void json_fields(const char *fields)
{
	char *copy = duplicate(fields), *caller, *rest, *word, *equals;
	uint64_t value;

	/* The last field, "function+0x1/0x2 [module]", has a blank. */
	caller = strstr(copy, " caller=");
	if (caller) {
		*caller = '\0';
		json_string("caller", caller + strlen(" caller="));
	}
	rest = copy;
	while ((word = next_word(&rest))) {
		equals = strchr(word, '=');
		if (!equals)
			continue;
		*equals++ = '\0';
		if (parse_number(equals, &value))
			json_number(word, value);
		else
			json_string(word, equals);
	}
	free(copy);
}

/* One line of the trace; false if it is none of the events. */
static bool show_line(const char *line)
{
	const char *fields = NULL, *name;
	unsigned int cpu;
	double when;

	name = find_event(line, &fields, &when, &cpu);
	if (!name)
		return false;
	if (options.json) {
		json_begin("watch");
		json_string("event", name);
		json_real("time", when);
		json_number("cpu", cpu);
		json_fields(fields);
		json_flush_line();
		return true;
	}
	printf("%14.6f  cpu %-3u %s%-9s%s  ", when, cpu,
	       colour(strcmp(name, "violation") ? BOLD : BAD), name, colour(PLAIN));
	print_safe(stdout, fields);
	putchar('\n');
	errno = 0;
	if (fflush(stdout) || ferror(stdout))
		output_broken();
	return true;
}

static void show_beginning(void)
{
	char *state = file_line(SYSFS "/state"), *reason = file_line(SYSFS "/state_reason");

	if (options.json) {
		json_begin("watch");
		json_string("event", "begin");
		json_string("state", state);
		if (reason && *reason)
			json_string("reason", reason);
		json_flush_line();
	} else {
		printf("dualbm is %s", state ? state : "?");
		if (reason && *reason)
			printf(" (%s)", reason);
		puts("; interrupt to end");
		errno = 0;
		if (fflush(stdout) || ferror(stdout))
			output_broken();
	}
	free(state);
	free(reason);
}

/* Whole lines out of what was read so far; the rest stays. */
static uint64_t show_lines(char *text, size_t *used, uint64_t wanted)
{
	uint64_t shown = 0;
	char *end;

	while (shown < wanted && (end = memchr(text, '\n', *used))) {
		*end = '\0';
		shown += show_line(text);
		*used -= end + 1 - text;
		memmove(text, end + 1, *used);
	}
	return shown;
}

static void follow(int fd, uint64_t wanted, const sigset_t *unblocked)
{
	const struct timespec second = { 1, 0 };
	static char text[65536];
	size_t used = 0;

	while (!interrupted && wanted) {
		struct pollfd polled[] = {
			{ .fd = fd, .events = POLLIN },
			{ .fd = STDOUT_FILENO, .events = 0 },
		};
		ssize_t got;
		int ready = ppoll(polled, ARRAY_SIZE(polled), &second, unblocked);

		if (ready < 0 && errno != EINTR)
			fail(STATUS_REFUSED, "poll: %s", strerror(errno));
		if (interrupted)
			break;
		if (ready > 0 && polled[1].revents & (POLLERR | POLLHUP)) {
			errno = EPIPE;
			output_broken();
		}
		got = read(fd, text + used, sizeof(text) - used);
		if (got < 0 && errno != EAGAIN && errno != EINTR)
			fail(STATUS_REFUSED, "trace_pipe: %s", strerror(errno));
		if (got > 0) {
			used += got;
			wanted -= show_lines(text, &used, wanted);
			/* No line of the kernel's is that long. */
			if (used == sizeof(text))
				used = 0;
		} else if (!file_exists(SYSFS)) {
			fail(STATUS_UNLOADED, "dualbm was unloaded");
		}
	}
}

int command_watch(int argc, char **argv)
{
	static const struct option long_options[] = {
		{ "count", required_argument, NULL, 'n' },
		{ NULL, 0, NULL, 0 },
	};
	struct sigaction action = { .sa_handler = on_signal };
	uint64_t wanted = UINT64_MAX;
	sigset_t blocked, unblocked;
	char *path;
	int option;

	opterr = 0;
	while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		if (option != 'n')
			bad_option("watch", argv, long_options);
		if (!parse_number(optarg, &wanted) || !wanted)
			fail(STATUS_USAGE, "watch: --count takes a number from 1 on, not \"%s\"",
			     optarg);
	}
	if (optind < argc)
		fail(STATUS_USAGE, "watch: \"%s\" is one argument too many", argv[optind]);
	need_loaded();

	/* Only ppoll() is interrupted: nothing between it and the check is. */
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGINT);
	sigaddset(&blocked, SIGTERM);
	sigaddset(&blocked, SIGHUP);
	sigprocmask(SIG_BLOCK, &blocked, &unblocked);
	sigdelset(&unblocked, SIGINT);
	sigdelset(&unblocked, SIGTERM);
	sigdelset(&unblocked, SIGHUP);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
	signal(SIGPIPE, SIG_IGN);

	make_instance();
	enable_events();
	path = format_text("%s/trace_pipe", instance);
	trace_pipe = root_open(path, O_RDONLY | O_NONBLOCK);
	free(path);
	if (trace_pipe < 0)
		fail(STATUS_LACKING, "trace_pipe: %s", strerror(-trace_pipe));
	show_beginning();
	follow(trace_pipe, wanted, &unblocked);
	remove_instance();
	return STATUS_YES;
}
