// SPDX-License-Identifier: GPL-2.0-only
/*
 * What must not leave a machine in a file that people send around: kernel addresses, the name of
 * the machine and of those who work on it, and bytes that would act on a terminal.
 *
 * All text of a report goes through here once, before anything else is made of it.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "report.h"

/* Shorter ones are page frame numbers, sizes and times. */
#define ADDRESS_DIGITS	16
#define FIRST_USER	1000
#define NOBODY		65534
#define MAX_NAMES	4096
#define MAX_NAME	255

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

/* ---- what is masked ---- */

static int by_text(const void *a, const void *b)
{
	const struct mask_name *one = a, *other = b;

	return strcasecmp(one->text, other->text);
}

static void add_name(struct mask *mask, const char *name, size_t length, bool host)
{
	/* These say nothing of a machine, and the first begins each line of its log. */
	static const char * const common[] = { "dualbm", "root", "localhost", "(none)" };
	struct mask_name *new;
	size_t i;

	if (!length || length > MAX_NAME || mask->nr_names >= MAX_NAMES)
		return;
	for (i = 0; i < ARRAY_SIZE(common); i++)
		if (strlen(common[i]) == length && !strncasecmp(common[i], name, length))
			return;
	mask->names = reallocate(mask->names, (mask->nr_names + 1) * sizeof(*mask->names));
	new = &mask->names[mask->nr_names++];
	new->text = strndup(name, length);
	new->length = length;
	new->host = host;
	if (!new->text)
		fail(STATUS_LACKING, "out of memory");
}

static void add_host(struct mask *mask, const char *name)
{
	size_t length = strcspn(name, " \t\n");

	add_name(mask, name, length, true);
	/* Both forms, "one" and "one.example.org", may be told. */
	if (memchr(name, '.', length))
		add_name(mask, name, strcspn(name, "."), true);
}

/* People have numbers from 1000 on; the names below that are the same on all machines. */
static void add_users(struct mask *mask)
{
	struct buffer buffer;
	char *rest, *line;

	if (file_read("/etc/passwd", &buffer, SMALL_FILE))
		return;
	rest = buffer.data;
	while ((line = next_line(&rest))) {
		size_t length = strcspn(line, ":");
		const char *number = strchr(line, ':');
		unsigned long user;

		number = number ? strchr(number + 1, ':') : NULL;
		if (!number)
			continue;
		user = strtoul(number + 1, NULL, 10);
		if (user >= FIRST_USER && user != NOBODY)
			add_name(mask, line, length, false);
	}
	buffer_free(&buffer);
}

void mask_begin(struct mask *mask, bool addresses)
{
	static const char * const files[] = {
		"/proc/sys/kernel/hostname", "/proc/sys/kernel/domainname", "/etc/hostname",
	};
	/* Who became root: of a directory service there is no list to be read. */
	static const char * const variables[] = { "SUDO_USER", "LOGNAME", "USER" };
	size_t i;

	memset(mask, 0, sizeof(*mask));
	mask->addresses = addresses;
	for (i = 0; i < ARRAY_SIZE(files); i++) {
		char *line = file_line(files[i]);

		if (line)
			add_host(mask, line);
		free(line);
	}
	add_users(mask);
	for (i = 0; !*options.root && i < ARRAY_SIZE(variables); i++) {
		const char *name = getenv(variables[i]);

		if (name)
			add_name(mask, name, strlen(name), false);
	}
	if (mask->nr_names)
		qsort(mask->names, mask->nr_names, sizeof(*mask->names), by_text);
	for (i = mask->nr_names; i-- > 0;)
		mask->first[tolower((unsigned char)mask->names[i].text[0])] = i + 1;
}

void mask_keep(struct mask *mask, const char *identity)
{
	if (!identity || !*identity)
		return;
	mask->kept = reallocate(mask->kept, (mask->nr_kept + 1) * sizeof(*mask->kept));
	mask->kept[mask->nr_kept++] = duplicate(identity);
}

void mask_free(struct mask *mask)
{
	size_t i;

	for (i = 0; i < mask->nr_names; i++)
		free(mask->names[i].text);
	free(mask->names);
	for (i = 0; i < mask->nr_kept; i++)
		free(mask->kept[i]);
	free(mask->kept);
	memset(mask, 0, sizeof(*mask));
}

/* ---- words ---- */

static bool is_kept(const struct mask *mask, const char *digits, size_t length)
{
	size_t i;

	for (i = 0; i < mask->nr_kept; i++)
		if (strlen(mask->kept[i]) == length && !memcmp(mask->kept[i], digits, length))
			return true;
	return false;
}

/* Of @length digits at @digits, in a text that begins at @text. */
static bool is_address(const struct mask *mask, const char *text, const char *digits,
		       size_t length)
{
	static const char flags[] = "flags=0x";
	bool prefix = digits - text >= 2 && digits[-2] == '0' && (digits[-1] | 0x20) == 'x';
	size_t i;

	if (length < ADDRESS_DIGITS || is_kept(mask, digits, length))
		return false;
	/* What stands in struct page; a large machine's have that many digits. */
	if ((size_t)(digits - text) >= sizeof(flags) - 1 &&
	    !memcmp(digits - (sizeof(flags) - 1), flags, sizeof(flags) - 1))
		return false;
	/* Nanoseconds of a machine that has been up for weeks. */
	for (i = 0; i < length && isdigit((unsigned char)digits[i]); i++)
		;
	return prefix || i < length;
}

/* The longest name that stands at @at, as a word of its own; NULL if none does. */
static const struct mask_name *name_at(const struct mask *mask, const char *at, size_t left,
				       bool line_begins)
{
	unsigned char c = tolower((unsigned char)*at);
	const struct mask_name *best = NULL;
	size_t i;

	if (!mask->first[c])
		return NULL;
	for (i = mask->first[c] - 1; i < mask->nr_names; i++) {
		const struct mask_name *name = &mask->names[i];

		if (tolower((unsigned char)name->text[0]) != c)
			break;
		if (name->length > left || strncasecmp(name->text, at, name->length) ||
		    (name->length < left && is_word(at[name->length])))
			continue;
		/* A key of a record, which its reader needs. */
		if (line_begins && name->length < left && at[name->length] == '=')
			continue;
		if (!best || name->length > best->length)
			best = name;
	}
	return best;
}

/* "\012" as the module writes it, or "\x0a" as the kernel's log does. */
static bool is_escape(const char *at, size_t left)
{
	if (left < 4 || at[0] != '\\')
		return false;
	if (at[1] == 'x')
		return isxdigit((unsigned char)at[2]) && isxdigit((unsigned char)at[3]);
	return strspn(at + 1, "01234567") >= 3;
}

/* ---- the text ---- */

struct out {
	FILE *stream;
	size_t column;
};

static void put(struct out *out, const char *text, size_t size)
{
	fwrite(text, 1, size, out->stream);
	out->column += size;
}

static void put_text(struct out *out, const char *text)
{
	put(out, text, strlen(text));
}

static void put_byte(struct mask *mask, struct out *out, char c)
{
	if (c == '\t' || (c >= ' ' && c <= '~')) {
		put(out, &c, 1);
		return;
	}
	fprintf(out->stream, "\\%03o", (unsigned char)c);
	out->column += 4;
	mask->nr_bytes++;
}

/* How many bytes were taken of @left at @at; @word: the byte before is part of a word. */
static size_t mask_some(struct mask *mask, struct out *out, const char *text, const char *at,
			size_t left, bool word)
{
	const struct mask_name *name;
	size_t length;

	if (is_escape(at, left)) {
		put(out, at, 4);
		return 4;
	}
	name = word ? NULL : name_at(mask, at, left, at == text || at[-1] == ' ');
	if (name) {
		put_text(out, name->host ? "[masked-host]" : "[masked-user]");
		mask->nr_masked_names++;
		return name->length;
	}
	for (length = 0; length < left && isxdigit((unsigned char)at[length]); length++)
		;
	if (!length) {
		put_byte(mask, out, *at);
		return 1;
	}
	if (mask->addresses && is_address(mask, text, at, length)) {
		put_text(out, "[masked-address]");
		mask->nr_masked_addresses++;
	} else {
		put(out, at, length);
	}
	return length;
}

static struct buffer mask_bytes(struct mask *mask, const char *text, size_t size, bool lines)
{
	struct buffer buffer = { NULL, 0 };
	struct out out = { open_memstream(&buffer.data, &buffer.size), 0 };
	bool word = false;
	size_t at = 0, taken;

	if (!out.stream)
		fail(STATUS_LACKING, "out of memory");
	while (at < size) {
		if (lines && text[at] == '\n') {
			fputc('\n', out.stream);
			out.column = 0;
			word = false;
			at++;
			continue;
		}
		if (out.column >= MASK_LINE) {
			const char *end = lines ? memchr(text + at, '\n', size - at) : NULL;

			fputs(" [cut]", out.stream);
			mask->nr_cut++;
			at = end ? (size_t)(end - text) : size;
			continue;
		}
		taken = mask_some(mask, &out, text, text + at, size - at, word);
		word = is_word(text[at + taken - 1]) && !(taken == 4 && text[at] == '\\');
		at += taken;
	}
	if (fclose(out.stream))
		fail(STATUS_LACKING, "out of memory");
	return buffer;
}

struct buffer mask_text(struct mask *mask, const char *text, size_t size)
{
	return mask_bytes(mask, text, size, true);
}

struct buffer mask_line(struct mask *mask, const char *text, size_t size)
{
	return mask_bytes(mask, text, size, false);
}
