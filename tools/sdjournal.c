// SPDX-License-Identifier: GPL-2.0-only
/*
 * The journal through libsystemd.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "journal.h"

void entry_free(struct entry *entry)
{
	free(entry->text);
	free(entry->class);
	free(entry->state);
	free(entry->policy);
	memset(entry, 0, sizeof(*entry));
}

#ifdef HAVE_LIBSYSTEMD

/* Where this source lies is nobody's business. */
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <sys/uio.h>
#include <systemd/sd-id128.h>
#include <systemd/sd-journal.h>

/* No line of the module is longer; a field may be as large as its writer likes. */
#define FIELD_BYTES	8192

/* Its value, allocated, without what is behind a NUL; NULL if there is none. */
static char *get(sd_journal *journal, const char *field)
{
	size_t length, name = strlen(field) + 1;
	const void *data;

	if (sd_journal_get_data(journal, field, &data, &length) < 0 || length < name)
		return NULL;
	length -= name;
	if (length > FIELD_BYTES)
		length = FIELD_BYTES;
	return strndup((const char *)data + name, length);
}

static uint64_t get_number(sd_journal *journal, const char *field)
{
	char *text = get(journal, field);
	uint64_t value;

	if (!text || !parse_number(text, &value))
		value = 0;
	free(text);
	return value;
}

static bool is_own(sd_journal *journal, struct entry *entry)
{
	char *id = get(journal, "MESSAGE_ID"), *transport = get(journal, "_TRANSPORT");
	enum event_kind kind = NR_EVENTS;

	if (id && transport && !strcmp(transport, "journal"))
		for (kind = 0; kind < NR_EVENTS; kind++)
			if (!strcmp(id, event_names[kind].id))
				break;
	free(id);
	free(transport);
	entry->kind = kind;
	return kind < NR_EVENTS;
}

static char *get_text(sd_journal *journal)
{
	char *message = get(journal, "MESSAGE"), *text = NULL;
	const size_t prefix = strlen(LOG_PREFIX);

	if (message && !strncmp(message, LOG_PREFIX, prefix))
		text = duplicate(message + prefix);
	free(message);
	return text;
}

static bool read_entry(sd_journal *journal, struct entry *entry)
{
	uint64_t monotonic = 0;
	sd_id128_t boot;

	memset(entry, 0, sizeof(*entry));
	entry->text = get_text(journal);
	if (!entry->text || sd_journal_get_realtime_usec(journal, &entry->when) < 0 ||
	    sd_journal_get_monotonic_usec(journal, &monotonic, &boot) < 0)
		return false;
	sd_id128_to_string(boot, entry->boot);
	if (is_own(journal, entry)) {
		entry->class = get(journal, "DUALBM_CLASS");
		entry->state = get(journal, "DUALBM_STATE");
		entry->policy = get(journal, "DUALBM_POLICY");
		entry->sequence = get_number(journal, "DUALBM_LOG_SEQUENCE");
		entry->pass = get_number(journal, "DUALBM_PASS");
		entry->usec = get_number(journal, "DUALBM_LOG_USEC");
		/* It was sent later than it was said: as the machine booted, by minutes. */
		if (entry->usec && entry->usec < monotonic && monotonic - entry->usec < entry->when)
			entry->when -= monotonic - entry->usec;
		return true;
	}
	entry->kind = event_of_line(entry->text);
	if (entry->kind == NR_EVENTS)
		return false;
	entry->of_kernel = true;
	entry->usec = get_number(journal, "_SOURCE_MONOTONIC_TIMESTAMP");
	if (event_state(entry->text))
		entry->state = duplicate(event_state(entry->text));
	if (event_class(entry->text))
		entry->class = strndup(entry->text, event_class(entry->text));
	return true;
}

static int match(sd_journal *journal, const char *field, const char *value)
{
	char *text = format_text("%s=%s", field, value);
	int ret = sd_journal_add_match(journal, text, 0);

	free(text);
	return ret;
}

/* Fields that begin with "_" are written by journald alone. */
static int choose(sd_journal *journal, const char *boot, bool kernel)
{
	int ret = match(journal, "_UID", "0");
	size_t i;

	for (i = 0; ret >= 0 && i < NR_EVENTS; i++)
		ret = match(journal, "MESSAGE_ID", event_names[i].id);
	if (ret >= 0 && kernel)
		ret = sd_journal_add_disjunction(journal);
	if (ret >= 0 && kernel)
		ret = match(journal, "_TRANSPORT", "kernel");
	if (ret >= 0 && boot)
		ret = sd_journal_add_conjunction(journal);
	if (ret >= 0 && boot)
		ret = match(journal, "_BOOT_ID", boot);
	return ret;
}

int journal_read(const char *boot, uint64_t since, bool kernel,
		 void (*take)(void *data, struct entry *entry), void *data)
{
	struct entry entry;
	sd_journal *journal;
	int ret;

	if (*options.root)
		ret = sd_journal_open_directory(&journal, options.root, SD_JOURNAL_OS_ROOT);
	else
		ret = sd_journal_open(&journal, SD_JOURNAL_LOCAL_ONLY);
	if (ret < 0)
		return ret;
	ret = choose(journal, boot, kernel);
	if (ret >= 0)
		ret = sd_journal_seek_realtime_usec(journal, since);
	while (ret >= 0 && (ret = sd_journal_next(journal)) > 0) {
		if (read_entry(journal, &entry))
			take(data, &entry);
		else
			entry_free(&entry);
	}
	sd_journal_close(journal);
	return ret < 0 ? ret : 0;
}

int journal_send(enum event_kind kind, int priority, const char *text, const struct field *fields,
		 size_t nr)
{
	struct iovec *parts = allocate((nr + 6) * sizeof(*parts));
	size_t used = 0, i;
	int ret;

#define part(...)	({ char *line = format_text(__VA_ARGS__); \
			   parts[used++] = (struct iovec){ line, strlen(line) }; })
	part("MESSAGE=" LOG_PREFIX "%s", text);
	part("MESSAGE_ID=%s", event_names[kind].id);
	part("PRIORITY=%d", priority);
	part("SYSLOG_IDENTIFIER=dualbmctl");
	part("DUALBM_KIND=%s", event_names[kind].word);
	part("DUALBM_VERSION=" DUALBM_VERSION);
	for (i = 0; i < nr; i++)
		part("%s=%s", fields[i].name, fields[i].value);
#undef part
	ret = sd_journal_sendv(parts, used);
	for (i = 0; i < used; i++)
		free(parts[i].iov_base);
	free(parts);
	return ret;
}

#else /* HAVE_LIBSYSTEMD */

int journal_read(const char *boot, uint64_t since, bool kernel,
		 void (*take)(void *data, struct entry *entry), void *data)
{
	(void)boot;
	(void)since;
	(void)kernel;
	(void)take;
	(void)data;
	return -EOPNOTSUPP;
}

int journal_send(enum event_kind kind, int priority, const char *text, const struct field *fields,
		 size_t nr)
{
	(void)kind;
	(void)priority;
	(void)text;
	(void)fields;
	(void)nr;
	return -EOPNOTSUPP;
}

#endif /* HAVE_LIBSYSTEMD */
