// SPDX-License-Identifier: GPL-2.0-only
/*
 * Messages, colours, the progress bar, and JSON.
 *
 * What comes from the kernel or from files may hold anything: a task's name is
 * sixteen bytes that any user may choose. It reaches a terminal without control
 * characters, and JSON as valid UTF-8.
 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dualbmctl.h"

struct options options = { .root = "", .columns = 80 };

/* It rises when a key goes or means something else; a new key is no new version. */
#define SCHEMA_VERSION	1

static FILE *json;
static char *json_text;
static size_t json_size;
const char *json_command = "";
/* The closing brackets of what is open, and whether it has an element yet. */
static char json_stack[16];
static bool json_filled[16];
static int json_depth;

static void vmessage(const char *format, va_list arguments)
{
	char *text;

	if (vasprintf(&text, format, arguments) < 0)
		return;
	progress_end();
	fputs("dualbmctl: ", stderr);
	print_safe(stderr, text);
	fputc('\n', stderr);
	free(text);
}

void warn(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vmessage(format, arguments);
	va_end(arguments);
}

static void json_begin_as(const char *schema, const char *command);

static void json_drop(void)
{
	if (!json)
		return;
	fclose(json);
	free(json_text);
	json = NULL;
	json_text = NULL;
	json_depth = 0;
}

static void json_failure(enum status status, const char *format, va_list arguments)
{
	char *text;

	if (vasprintf(&text, format, arguments) < 0)
		return;
	json_drop();
	json_begin_as("error", json_command);
	json_string("error", text);
	json_number("status", status);
	json_end();
	free(text);
}

_Noreturn void fail(enum status status, const char *format, ...)
{
	va_list arguments, again;

	va_start(arguments, format);
	va_copy(again, arguments);
	vmessage(format, arguments);
	if (options.json)
		json_failure(status, format, again);
	va_end(again);
	va_end(arguments);
	if (at_end)
		at_end();
	exit(output_end(status));
}

int refuse(struct why *why, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(why->text, sizeof(why->text), format, arguments);
	va_end(arguments);
	return -1;
}

void *allocate(size_t size)
{
	void *data = calloc(1, size ? size : 1);

	if (!data)
		fail(STATUS_LACKING, "out of memory");
	return data;
}

void *reallocate(void *data, size_t size)
{
	void *larger = realloc(data, size ? size : 1);

	if (!larger)
		fail(STATUS_LACKING, "out of memory");
	return larger;
}

char *duplicate(const char *text)
{
	char *copy = strdup(text);

	if (!copy)
		fail(STATUS_LACKING, "out of memory");
	return copy;
}

char *format_text_va(const char *format, va_list arguments)
{
	char *text;

	if (vasprintf(&text, format, arguments) < 0)
		fail(STATUS_LACKING, "out of memory");
	return text;
}

char *format_text(const char *format, ...)
{
	va_list arguments;
	char *text;

	va_start(arguments, format);
	text = format_text_va(format, arguments);
	va_end(arguments);
	return text;
}

void (*at_end)(void);

_Noreturn void output_broken(void)
{
	int error = errno;

	if (at_end)
		at_end();
	errno = error;
	if (errno == EPIPE) {
		/* The reader has all it wants. */
		signal(SIGPIPE, SIG_DFL);
		raise(SIGPIPE);
		_exit(128 + SIGPIPE);
	}
	fprintf(stderr, "dualbmctl: cannot write standard output: %s\n", strerror(errno));
	_exit(STATUS_OUTPUT);
}

int output_end(int status)
{
	errno = 0;
	if (fflush(stdout) || ferror(stdout)) {
		if (!errno)
			errno = EIO;
		output_broken();
	}
	return status;
}

const char *colour(enum colour which)
{
	static const char * const codes[] = {
		[PLAIN] = "\033[0m", [GOOD] = "\033[32m", [BAD] = "\033[31;1m",
		[DOUBTFUL] = "\033[33m", [FAINT] = "\033[2m", [BOLD] = "\033[1m",
	};

	return options.colour ? codes[which] : "";
}

/* The length of the character of valid UTF-8 at @text; 0 if there is none. */
static size_t utf8_length(const unsigned char *text)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	uint32_t value;
	size_t length, i;

	if (text[0] < 0x80)
		return 1;
	if (text[0] >= 0xc2 && text[0] < 0xe0)
		length = 2;
	else if (text[0] >= 0xe0 && text[0] < 0xf0)
		length = 3;
	else if (text[0] >= 0xf0 && text[0] < 0xf5)
		length = 4;
	else
		return 0;
	value = text[0] & (0x7f >> length);
	for (i = 1; i < length; i++) {
		if ((text[i] & 0xc0) != 0x80)
			return 0;
		value = value << 6 | (text[i] & 0x3f);
	}
	if (value < least[length] || value > 0x10ffff ||
	    (value >= 0xd800 && value < 0xe000))
		return 0;
	return length;
}

void print_safe(FILE *stream, const char *text)
{
	const unsigned char *at = (const unsigned char *)text;

	while (*at) {
		size_t length = utf8_length(at);
		/* C0, DEL, and C1, which some terminals obey as well. */
		bool control = *at < 0x20 || *at == 0x7f || (*at == 0xc2 && at[1] < 0xa0);

		if (!length || (control && *at != '\t' && *at != '\n')) {
			fprintf(stream, "\\x%02x", *at++);
			continue;
		}
		fwrite(at, 1, length, stream);
		at += length;
	}
}

const char *human_bytes(uint64_t bytes)
{
	static const char * const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	static char text[8][32];
	static unsigned int turn;
	char *out = text[turn++ % ARRAY_SIZE(text)];
	double value = bytes;
	unsigned int unit = 0;

	while (value >= 1024 && unit + 1 < ARRAY_SIZE(units)) {
		value /= 1024;
		unit++;
	}
	snprintf(out, sizeof(text[0]), value == floor(value) ? "%.0f %s" : "%.1f %s", value,
		 units[unit]);
	return out;
}

const char *human_time(uint64_t milliseconds)
{
	static const struct {
		uint64_t ms;
		const char *name;
	} units[] = { { 86400000, "d" }, { 3600000, "h" }, { 60000, "min" }, { 1000, "s" } };
	static char text[8][64];
	static unsigned int turn;
	char *out = text[turn++ % ARRAY_SIZE(text)];
	size_t i = 0, length;
	uint64_t rest;

	if (milliseconds < 10000) {
		snprintf(out, sizeof(text[0]), "%" PRIu64 ".%" PRIu64 " s", milliseconds / 1000,
			 milliseconds / 100 % 10);
		return out;
	}
	while (milliseconds < units[i].ms)
		i++;
	length = snprintf(out, sizeof(text[0]), "%" PRIu64 " %s", milliseconds / units[i].ms,
			  units[i].name);
	if (i + 1 == ARRAY_SIZE(units))
		return out;
	rest = milliseconds % units[i].ms / units[i + 1].ms;
	if (rest)
		snprintf(out + length, sizeof(text[0]) - length, " %" PRIu64 " %s", rest,
			 units[i + 1].name);
	return out;
}

const char *human_count(uint64_t number, const char *one, const char *many)
{
	static char text[8][96];
	static unsigned int turn;
	char *out = text[turn++ % ARRAY_SIZE(text)];

	snprintf(out, sizeof(text[0]), "%" PRIu64 " %s", number, number == 1 ? one : many);
	return out;
}

const char *human_share(uint64_t part, uint64_t all)
{
	static char text[8][16];
	static unsigned int turn;
	char *out = text[turn++ % ARRAY_SIZE(text)];
	double percent = all ? 100.0 * part / all : 0;

	if (part && percent < 0.01)
		return "less than 0.01 %";
	snprintf(out, sizeof(text[0]), part == all ? "%.0f %%" : "%.2f %%",
		 part < all && percent > 99.99 ? 99.99 : percent);
	return out;
}

/* ---- progress ---- */

static bool progress_shown;

void progress(const char *what, uint64_t done, uint64_t all)
{
	int width = options.columns - (int)strlen(what) - 10, full, i;
	double part = all ? (double)done / all : 0;

	if (!options.terminal)
		return;
	if (part > 1)
		part = 1;
	if (width > 50)
		width = 50;
	fprintf(stderr, "\r%s ", what);
	if (width > 4) {
		full = part * width;
		fputc('[', stderr);
		for (i = 0; i < width; i++)
			fputc(i < full ? '#' : '.', stderr);
		fputs("] ", stderr);
	}
	fprintf(stderr, "%3.0f%%", part * 100);
	progress_shown = true;
}

void progress_end(void)
{
	if (!progress_shown)
		return;
	fputs("\r\033[K", stderr);
	progress_shown = false;
}

/* ---- JSON ---- */

static void json_quote(const char *text)
{
	const unsigned char *at = (const unsigned char *)text;

	fputc('"', json);
	while (*at) {
		size_t length = utf8_length(at);

		if (!length) {
			/* The replacement character, for a byte that is no text. */
			fputs("\\ufffd", json);
			at++;
		} else if (*at == '"' || *at == '\\') {
			fprintf(json, "\\%c", *at++);
		} else if (*at < 0x20 || *at == 0x7f) {
			fprintf(json, "\\u%04x", *at++);
		} else {
			fwrite(at, 1, length, json);
			at += length;
		}
	}
	fputc('"', json);
}

static void json_name(const char *name)
{
	if (json_depth && json_filled[json_depth - 1])
		fputc(',', json);
	if (json_depth)
		json_filled[json_depth - 1] = true;
	if (name) {
		json_quote(name);
		fputc(':', json);
	}
}

void json_open(const char *name, char bracket)
{
	json_name(name);
	fputc(bracket, json);
	json_stack[json_depth] = bracket == '{' ? '}' : ']';
	json_filled[json_depth++] = false;
}

void json_close(void)
{
	fputc(json_stack[--json_depth], json);
}

static void json_begin_as(const char *schema, const char *command)
{
	char name[64];

	json = open_memstream(&json_text, &json_size);
	if (!json)
		exit(STATUS_LACKING);
	snprintf(name, sizeof(name), "dualbmctl.%s", schema);
	json_open(NULL, '{');
	json_open("schema", '{');
	json_string("name", name);
	json_number("version", SCHEMA_VERSION);
	json_close();
	json_string("command", command);
}

void json_begin(const char *command)
{
	json_begin_as(command, command);
}

void json_end(void)
{
	while (json_depth)
		json_close();
	fflush(json);
	fwrite(json_text, 1, json_size, stdout);
	fputc('\n', stdout);
	json_drop();
}

void json_file_begin(const char *schema, unsigned int version)
{
	json = open_memstream(&json_text, &json_size);
	if (!json)
		exit(STATUS_LACKING);
	json_open(NULL, '{');
	json_string("schema", schema);
	json_number("version", version);
}

void json_file_end(struct buffer *out)
{
	while (json_depth)
		json_close();
	fputc('\n', json);
	if (fclose(json))
		exit(STATUS_LACKING);
	*out = (struct buffer){ json_text, json_size };
	json = NULL;
	json_text = NULL;
}

void json_flush_line(void)
{
	json_end();
	errno = 0;
	if (fflush(stdout) || ferror(stdout))
		output_broken();
}

void json_string(const char *name, const char *value)
{
	if (!value) {
		json_null(name);
		return;
	}
	json_name(name);
	json_quote(value);
}

void json_number(const char *name, uint64_t value)
{
	json_name(name);
	fprintf(json, "%llu", (unsigned long long)value);
}

void json_signed(const char *name, int64_t value)
{
	json_name(name);
	fprintf(json, "%lld", (long long)value);
}

void json_real(const char *name, double value)
{
	json_name(name);
	fprintf(json, "%.6f", value);
}

void json_bool(const char *name, bool value)
{
	json_name(name);
	fputs(value ? "true" : "false", json);
}

void json_null(const char *name)
{
	json_name(name);
	fputs("null", json);
}
