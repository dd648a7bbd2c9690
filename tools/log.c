// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the module has said in the kernel's log, from /dev/kmsg or from a file. Nobody else's lines
 * are taken: they are no evidence of a page, and may say anything of the machine.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "events.h"
#include "report.h"

/* A record of /dev/kmsg is no longer. */
#define KMSG_RECORD	8192
/* Somebody may write as fast as it is read. */
#define KMSG_RECORDS	0x100000u
#define LOG_FILE	0x4000000u
#define LOG_LINES	0x10000u
#define LOG_BYTES	0x400000u
/* A block has three lines of words before its first line for programs. */
#define BLOCK_WORDS	3
#define BLOCK_LINES	400

static void drop_oldest(struct log *log)
{
	struct log_line *line = &log->lines[log->first++];

	log->bytes -= strlen(line->text);
	free(line->text);
	line->text = NULL;
	log->dropped++;
}

static void add_line(struct log *log, struct mask *mask, const char *text, size_t length,
		     bool timed, uint64_t usec)
{
	/* A newline in it would be a line that the module has not said. */
	struct buffer masked = mask_line(mask, text, length);

	/* What was dropped is in front; it is moved over when that is half of it. */
	if (log->first > 1024 && log->first > log->nr / 2) {
		log->nr -= log->first;
		memmove(log->lines, log->lines + log->first, log->nr * sizeof(*log->lines));
		log->first = 0;
	}
	if (!(log->nr & 1023))
		log->lines = reallocate(log->lines, (log->nr + 1024) * sizeof(*log->lines));
	log->lines[log->nr++] = (struct log_line){ timed, usec, masked.data };
	log->bytes += masked.size;
	while (log->nr - log->first > LOG_LINES || log->bytes > LOG_BYTES)
		drop_oldest(log);
}

/* ---- /dev/kmsg ---- */

/* "\x5c" is a byte, in place; the length that is left. */
static size_t unescape(char *text)
{
	char *from = text, *to = text;

	while (*from && *from != '\n') {
		unsigned int byte;

		if (from[0] == '\\' && from[1] == 'x' && isxdigit((unsigned char)from[2]) &&
		    isxdigit((unsigned char)from[3]) && sscanf(from + 2, "%2x", &byte) == 1) {
			*to++ = byte;
			from += 4;
		} else {
			*to++ = *from++;
		}
	}
	return to - text;
}

/* "PRIORITY,SEQUENCE,MICROSECONDS,FLAGS[,...];TEXT" */
bool kmsg_parse(char *line, struct kmsg *record)
{
	unsigned long long priority, sequence, usec;
	char *text = strchr(line, ';');
	int end = 0;

	if (!text || sscanf(line, "%llu,%llu,%llu,%n", &priority, &sequence, &usec, &end) != 3 ||
	    !end || line + end > text)
		return false;
	text++;
	*record = (struct kmsg){ .sequence = sequence, .usec = usec };
	/* The facility is 0 for the kernel alone: root may write here too, and is another. */
	if (priority >> 3 || strncmp(text, LOG_PREFIX, strlen(LOG_PREFIX)))
		return true;
	record->text = text;
	record->length = unescape(text);
	return true;
}

static bool take_record(struct log *log, struct mask *mask, char *line)
{
	struct kmsg record;

	if (!kmsg_parse(line, &record))
		return false;
	if (record.text)
		add_line(log, mask, record.text, record.length, true, record.usec);
	return true;
}

int log_read_kernel(struct log *log, struct mask *mask)
{
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC), ret = 0;
	char record[KMSG_RECORD + 1];
	unsigned int nr;

	if (fd < 0)
		return -errno;
	for (nr = 0; nr < KMSG_RECORDS; nr++) {
		ssize_t got = read(fd, record, KMSG_RECORD);

		if (got > 0) {
			record[got] = '\0';
			take_record(log, mask, record);
		} else if (got < 0 && errno == EPIPE) {
			log->dropped++;
		} else if (!got || errno != EINTR) {
			ret = got && errno != EAGAIN ? -errno : 0;
			break;
		}
	}
	close(fd);
	return ret;
}

/* ---- a file ---- */

/* Does the module's prefix begin at @at, behind what dmesg and syslog put before it? */
static bool is_prefix(const char *line, const char *at)
{
	size_t before = at - line;

	return !before || (before >= 2 && !memcmp(at - 2, "] ", 2)) || at[-1] == '>' ||
	       (before >= 8 && !memcmp(at - 8, "kernel: ", 8));
}

/* The last "[   12.345678]" before @at. */
static bool find_time(const char *line, const char *at, uint64_t *usec)
{
	const char *bracket = memrchr(line, '[', at - line);
	unsigned long long seconds, part;
	int end = 0;

	if (!bracket || sscanf(bracket, "[%llu.%6llu]%n", &seconds, &part, &end) != 2 || !end ||
	    bracket + end > at || seconds > UINT64_MAX / 2000000)
		return false;
	*usec = seconds * 1000000 + part;
	return true;
}

static void take_line(struct log *log, struct mask *mask, char *line, size_t length)
{
	const char *at = line, *end = line + length;
	uint64_t usec = 0;
	bool timed;

	line[length] = '\0';
	/* As /dev/kmsg itself has it. */
	if (take_record(log, mask, line))
		return;
	while ((at = memmem(at, end - at, LOG_PREFIX, strlen(LOG_PREFIX)))) {
		if (is_prefix(line, at)) {
			timed = find_time(line, at, &usec);
			add_line(log, mask, at, end - at, timed, usec);
			return;
		}
		at++;
	}
}

int log_read_file(struct log *log, struct mask *mask, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY), ret;
	char *at, *end, *stop;
	struct buffer buffer;
	struct stat stat;
	bool more;

	if (fd < 0)
		return -errno;
	/* Of one that is too large, the end. */
	if (!fstat(fd, &stat) && S_ISREG(stat.st_mode) && stat.st_size > LOG_FILE) {
		lseek(fd, stat.st_size - LOG_FILE, SEEK_SET);
		log->dropped++;
	}
	ret = fd_read_part(fd, &buffer, LOG_FILE, &more);
	close(fd);
	if (ret)
		return ret;
	log->dropped += more;
	end = buffer.data + buffer.size;
	for (at = buffer.data; at < end; at = stop + 1) {
		stop = memchr(at, '\n', end - at);
		if (!stop)
			stop = end;
		take_line(log, mask, at, stop - at);
	}
	buffer_free(&buffer);
	return 0;
}

void log_free(struct log *log)
{
	size_t i;

	for (i = log->first; i < log->nr; i++)
		free(log->lines[i].text);
	free(log->lines);
	memset(log, 0, sizeof(*log));
}

/* ---- what is made of it ---- */

struct buffer log_text(const struct log *log)
{
	struct buffer buffer = { NULL, 0 };
	FILE *stream = open_memstream(&buffer.data, &buffer.size);
	size_t i;

	if (!stream)
		fail(STATUS_LACKING, "out of memory");
	for (i = log->first; i < log->nr; i++) {
		const struct log_line *line = &log->lines[i];

		if (line->timed)
			fprintf(stream, "[%5" PRIu64 ".%06" PRIu64 "] ", line->usec / 1000000,
				line->usec % 1000000);
		fprintf(stream, "%s\n", line->text);
	}
	if (fclose(stream))
		fail(STATUS_LACKING, "out of memory");
	return buffer;
}

static const char *said(const struct log *log, size_t i)
{
	return log->lines[i].text + strlen(LOG_PREFIX);
}

static bool record_end(const char *text, uint64_t *number)
{
	static const char end[] = "  end of record ";

	return !strncmp(text, end, sizeof(end) - 1) && parse_number(text + sizeof(end) - 1, number);
}

/* Where the words before the line @class begin. */
static size_t block_begin(const struct log *log, size_t class)
{
	size_t begin = class;

	/* All lines of a block but those before its first one are set in. */
	while (begin > log->first && class - begin < BLOCK_WORDS &&
	       said(log, begin - 1)[0] != ' ' && !event_class(said(log, begin - 1)))
		begin--;
	return begin;
}

static size_t json_block(const struct log *log, size_t class)
{
	size_t i, begin = block_begin(log, class), stop = class + 1;
	const struct log_line *first = &log->lines[class];
	uint64_t number;
	bool whole = false;
	char *name;

	while (!whole && stop < log->nr && stop - class < BLOCK_LINES &&
	       !event_class(said(log, stop)))
		whole = record_end(said(log, stop++), &number);
	json_open(NULL, '{');
	name = strndup(said(log, class), event_class(said(log, class)));
	json_string("class", name);
	free(name);
	if (whole)
		json_number("record", number);
	else
		json_null("record");
	json_bool("whole", whole);
	if (first->timed)
		json_number("time_us", first->usec);
	else
		json_null("time_us");
	json_open("lines", '[');
	for (i = begin; i < stop; i++)
		json_string(NULL, log->lines[i].text);
	json_close();
	json_close();
	return stop;
}

void log_json_blocks(const char *name, const struct log *log)
{
	size_t i = log->first;

	json_open(name, '[');
	while (i < log->nr) {
		if (event_class(said(log, i)))
			i = json_block(log, i);
		else
			i++;
	}
	json_close();
}
