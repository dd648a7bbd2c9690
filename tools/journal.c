// SPDX-License-Identifier: GPL-2.0-only
/*
 * "dualbmctl journal": what the module says and does, into the systemd journal, in fields and with
 * identifiers, so that it is there when the module, or the machine, has gone. Of what was written
 * in this boot nothing is written again.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "journal.h"
#include "report.h"

#define KMSG_RECORD	8192
/* Milliseconds; what sysfs says wakes nobody. */
#define LOOK_AGAIN	5000

/* What the journal has, or is about to have. */
struct known {
	bool loaded;
	char *state, *policy;
	uint64_t pass, sequence;	/* of the last scrub and line; the last is from 1 */
	ino_t directory;		/* of sysfs: another one when it is loaded again */
};

static void learn(char **text, const char *value)
{
	free(*text);
	*text = value ? duplicate(value) : NULL;
}

static void take_known(void *data, struct entry *entry)
{
	struct known *known = data;

	if (entry->kind == EVENT_LOAD || entry->kind == EVENT_UNLOAD) {
		known->loaded = entry->kind == EVENT_LOAD;
		learn(&known->state, NULL);
		learn(&known->policy, NULL);
		known->pass = 0;
	}
	if (entry->state)
		learn(&known->state, entry->state);
	if (entry->policy)
		learn(&known->policy, entry->policy);
	if (entry->pass)
		known->pass = entry->pass;
	if (entry->sequence > known->sequence)
		known->sequence = entry->sequence;
	entry_free(entry);
}

/* Of this boot, as the journal spells it; NULL if it cannot be told. */
static char *this_boot(void)
{
	char *text = file_line("/proc/sys/kernel/random/boot_id"), *from, *to;

	if (!text)
		return NULL;
	for (from = to = text; *from; from++)
		if (*from != '-')
			*to++ = *from;
	*to = '\0';
	return text;
}

static void read_known(struct known *known)
{
	char *boot = this_boot();
	int ret = boot ? journal_read(boot, 0, false, take_known, known) : -ENOENT;

	free(boot);
	if (ret == -EOPNOTSUPP)
		fail(STATUS_LACKING, "journal: this dualbmctl was built without libsystemd");
	if (ret)
		warn("journal: what it has of this boot cannot be read (%s): it may be written twice",
		     strerror(-ret));
}

static void send(enum event_kind kind, int priority, const char *text, const struct field *fields,
		 size_t nr)
{
	int ret = journal_send(kind, priority, text, fields, nr);

	if (ret < 0)
		warn("journal: %s: %s", event_names[kind].word, strerror(-ret));
}

/* ---- what the log says ---- */

static void send_finding(const char *text, const struct field *number)
{
	char *class = strndup(text, event_class(text));
	char *pfn = word_value(text, "pfn"), *proof = word_value(text, "proof");
	const struct field fields[] = {
		number[0], number[1],
		{ "DUALBM_CLASS", class }, { "DUALBM_PFN", pfn ?: "" },
		{ "DUALBM_PROOF", proof ?: "none" },
	};

	send(EVENT_FINDING, LOG_CRIT, text, fields, ARRAY_SIZE(fields));
	free(class);
	free(pfn);
	free(proof);
}

static void send_said_state(struct known *known, const char *text, const struct field *number)
{
	const char *state = event_state(text);
	const struct field fields[] = { number[0], number[1], { "DUALBM_STATE", state } };

	learn(&known->state, state);
	send(EVENT_STATE, strcmp(state, "degraded") ? LOG_NOTICE : LOG_WARNING, text, fields,
	     ARRAY_SIZE(fields));
}

static void take_line(struct known *known, struct kmsg *record)
{
	struct mask mask = { .addresses = false };
	struct buffer text;
	char *sequence, *usec;

	/* The kernel counts from 0. */
	if (record->sequence + 1 <= known->sequence)
		return;
	text = mask_line(&mask, record->text + strlen(LOG_PREFIX),
			 record->length - strlen(LOG_PREFIX));
	sequence = format_text("%" PRIu64, record->sequence + 1);
	usec = format_text("%" PRIu64, record->usec);
	const struct field number[] = {
		{ "DUALBM_LOG_SEQUENCE", sequence }, { "DUALBM_LOG_USEC", usec },
	};

	switch (event_of_line(text.data)) {
	case EVENT_FINDING:
		send_finding(text.data, number);
		break;
	case EVENT_STATE:
		send_said_state(known, text.data, number);
		break;
	default:
		break;
	}
	free(sequence);
	free(usec);
	buffer_free(&text);
}

/* All there is now. */
static void read_log(struct known *known, int fd)
{
	char data[KMSG_RECORD + 1], *rest, *line;
	struct kmsg record;
	ssize_t got;

	for (;;) {
		got = read(fd, data, KMSG_RECORD);
		if (got < 0 && (errno == EINTR || errno == EPIPE))
			continue;
		if (got <= 0)
			return;
		data[got] = '\0';
		/* One record; of a file that was copied from it, as many as fit. */
		rest = data;
		while ((line = next_line(&rest)))
			if (kmsg_parse(line, &record) && record.text)
				take_line(known, &record);
	}
}

/* ---- what sysfs says ---- */

static ino_t directory(void)
{
	int fd = root_open(SYSFS, O_PATH | O_DIRECTORY);
	struct stat stat;
	ino_t inode = 0;

	if (fd >= 0 && !fstat(fd, &stat))
		inode = stat.st_ino;
	if (fd >= 0)
		close(fd);
	return inode;
}

static void say_unload(struct known *known)
{
	known->loaded = false;
	known->pass = 0;
	learn(&known->state, NULL);
	learn(&known->policy, NULL);
	send(EVENT_UNLOAD, LOG_NOTICE, "unloaded", NULL, 0);
}

static void say_load(struct known *known)
{
	char *version = file_line("/sys/module/dualbm/version");
	char *text = format_text("loaded, version %s", version ?: "unknown");
	const struct field field = { "DUALBM_MODULE_VERSION", version ?: "unknown" };

	known->loaded = true;
	send(EVENT_LOAD, LOG_NOTICE, text, &field, 1);
	free(text);
	free(version);
}

static void look_at_state(struct known *known)
{
	char *state = file_line(SYSFS "/state"), *reason = file_line(SYSFS "/state_reason"), *text;

	if (state && (!known->state || strcmp(state, known->state))) {
		const struct field fields[] = {
			{ "DUALBM_STATE", state }, { "DUALBM_REASON", reason ?: "" },
		};

		text = format_text("state is %s%s%s", state, reason && strcmp(reason, "none") ?
				   ": " : "", reason && strcmp(reason, "none") ? reason : "");
		learn(&known->state, state);
		send(EVENT_STATE, strcmp(state, "degraded") ? LOG_NOTICE : LOG_WARNING, text,
		     fields, ARRAY_SIZE(fields));
		free(text);
	}
	free(state);
	free(reason);
}

static void look_at_policy(struct known *known)
{
	char *policy = file_line(SYSFS "/policy"), *text;

	if (policy && (!known->policy || strcmp(policy, known->policy))) {
		const struct field field = { "DUALBM_POLICY", policy };

		text = format_text("policy is %s%s%s", policy, known->policy ? ", was " : "",
				   known->policy ?: "");
		learn(&known->policy, policy);
		send(EVENT_POLICY, LOG_NOTICE, text, &field, 1);
		free(text);
	}
	free(policy);
}

static void look_at_scrub(struct known *known)
{
	char *line = file_line(SYSFS "/scrub");
	char *result = line ? word_value(line, "last_result") : NULL;
	uint64_t pass, running, found = 0;

	/* The result is of the pass before the one that runs. */
	if (result && !strcmp(result, "findings") && word_number(line, "pass", &pass) &&
	    word_number(line, "running", &running) && pass - !!running > known->pass) {
		char *number, *count, *text;

		pass -= !!running;
		word_number(line, "found", &found);
		number = format_text("%" PRIu64, pass);
		count = format_text("%" PRIu64, found);
		text = format_text("pass %s of the scrubber found %s", number, count);
		const struct field fields[] = {
			{ "DUALBM_PASS", number }, { "DUALBM_FOUND", count },
		};

		known->pass = pass;
		send(EVENT_SCRUB, LOG_WARNING, text, fields, ARRAY_SIZE(fields));
		free(number);
		free(count);
		free(text);
	}
	free(result);
	free(line);
}

static void look(struct known *known)
{
	ino_t now = directory();

	if (known->loaded && (!now || (known->directory && known->directory != now)))
		say_unload(known);
	known->directory = now;
	if (!now)
		return;
	if (!known->loaded)
		say_load(known);
	look_at_state(known);
	look_at_policy(known);
	look_at_scrub(known);
}

int command_journal(int argc, char **argv)
{
	static const struct option long_options[] = {
		{ "once", no_argument, NULL, '1' },
		{ NULL, 0, NULL, 0 },
	};
	struct known known = { 0 };
	bool once = false;
	struct pollfd poll_log;
	struct stat stat;
	int option, fd;

	opterr = 0;
	while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		if (option != '1')
			bad_option("journal", argv, long_options);
		once = true;
	}
	if (optind < argc)
		fail(STATUS_USAGE, "journal: \"%s\" is one argument too many", argv[optind]);
	fd = root_open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		fail(fd == -EPERM || fd == -EACCES ? STATUS_PERMISSION : STATUS_LACKING,
		     "journal: /dev/kmsg: %s", strerror(-fd));
	/* A copy of it says no more, and there is no waiting for that. */
	once |= !fstat(fd, &stat) && S_ISREG(stat.st_mode);
	read_known(&known);
	poll_log = (struct pollfd){ .fd = fd, .events = POLLIN };
	for (;;) {
		/* Loaded before anything that it says; the other way round at its end. */
		if (!known.loaded && directory())
			look(&known);
		read_log(&known, fd);
		look(&known);
		if (once)
			break;
		/* Who loads it makes the kernel say so. */
		poll(&poll_log, 1, known.loaded ? LOOK_AGAIN : -1);
	}
	close(fd);
	learn(&known.state, NULL);
	learn(&known.policy, NULL);
	return STATUS_YES;
}
