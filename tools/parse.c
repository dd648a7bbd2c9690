// SPDX-License-Identifier: GPL-2.0-only
/*
 * The formats of the module's files.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dualbmctl.h"

bool parse_number(const char *text, uint64_t *value)
{
	char *end;

	/* strtoull() takes blanks and signs, and 010 for 8. */
	if (!isdigit((unsigned char)text[0]))
		return false;
	errno = 0;
	*value = strtoull(text, &end, !strncasecmp(text, "0x", 2) ? 16 : 10);
	return !errno && !*end && !(end[-1] == 'x' || end[-1] == 'X');
}

char *next_line(char **text)
{
	char *line = *text, *end;

	if (!line || !*line)
		return NULL;
	end = strchr(line, '\n');
	if (end) {
		*end = '\0';
		*text = end + 1;
	} else {
		*text = NULL;
	}
	return line;
}

char *next_word(char **text)
{
	char *word = *text;

	if (!word)
		return NULL;
	word += strspn(word, " \t");
	if (!*word)
		return NULL;
	*text = word + strcspn(word, " \t");
	if (**text)
		*(*text)++ = '\0';
	return word;
}

bool line_number(const char *text, const char *name, uint64_t *value)
{
	size_t length = strlen(name);
	const char *line = text;
	char number[24];

	while (line) {
		if (!strncmp(line, name, length) && line[length] == ' ') {
			line += length + 1;
			length = strcspn(line, "\n");
			if (length >= sizeof(number))
				return false;
			memcpy(number, line, length);
			number[length] = '\0';
			return parse_number(number, value);
		}
		line = strchr(line, '\n');
		if (line)
			line++;
	}
	return false;
}

/* Where "key=" begins, at the start of the line or after a blank. */
static const char *find_key(const char *line, const char *key, bool last)
{
	size_t length = strlen(key);
	const char *at, *found = NULL;

	for (at = line; (at = strstr(at, key)); at++) {
		if ((at != line && at[-1] != ' ') || at[length] != '=')
			continue;
		found = at;
		if (!last)
			break;
	}
	return found;
}

char *word_value(const char *line, const char *key)
{
	const char *at = find_key(line, key, false);

	if (!at)
		return NULL;
	at += strlen(key) + 1;
	return strndup(at, strcspn(at, " \n"));
}

bool word_number(const char *line, const char *key, uint64_t *value)
{
	char *word = word_value(line, key);
	bool is_number = word && parse_number(word, value);

	free(word);
	return is_number;
}

/* ---- violations ---- */

static bool parse_signed(const char *text, int64_t *value)
{
	char *end;

	errno = 0;
	*value = strtoll(text, &end, 10);
	return *text && !*end && !errno;
}

static bool signed_number(const char *line, const char *key, int64_t *value)
{
	char *word = word_value(line, key);
	bool good = word && parse_signed(word, value);

	free(word);
	return good;
}

/* Where the next "key=" begins, with the blank before it: a symbol has no such word. */
static const char *next_key(const char *text)
{
	size_t length;

	while ((text = strchr(text, ' '))) {
		length = strspn(text + 1, "abcdefghijklmnopqrstuvwxyz_");
		if (length && text[1 + length] == '=')
			return text;
		text++;
	}
	return NULL;
}

unsigned int details_parse(const char *text, struct detail details[MAX_DETAILS])
{
	unsigned int nr = 0;

	for (text = next_key(text); text && nr < MAX_DETAILS; text = next_key(text + 1)) {
		const char *end = next_key(text + 1) ?: text + 1 + strcspn(text + 1, "\n");
		const char *sign = strchr(text, '=');

		while (end[-1] == ' ')
			end--;
		details[nr].key = strndup(text + 1, sign - text - 1);
		details[nr++].value = end > sign ? strndup(sign + 1, end - sign - 1) : strdup("");
	}
	return nr;
}

/* Behind the caller only the kernel has written. What is new there is shown as it is. */
static void parse_tail(const char *text, struct violation *v)
{
	bool have_flags = false, have_refcount = false, have_mapcount = false;
	int64_t number;

	while (*text == ' ') {
		const char *end = next_key(text + 1) ?: text + strcspn(text, "\n");
		const char *sign = strchr(text, '=');
		char *key, *value;

		key = strndup(text + 1, sign - text - 1);
		value = strndup(sign + 1, end - sign - 1);
		text = end;
		if (!strcmp(key, "flags")) {
			have_flags = parse_number(value, &v->flags);
		} else if (!strcmp(key, "refcount")) {
			have_refcount = parse_signed(value, &v->refcount);
		} else if (!strcmp(key, "mapcount")) {
			have_mapcount = parse_signed(value, &v->mapcount);
		} else if (!strcmp(key, "repaired") && parse_signed(value, &number)) {
			v->repaired = number;
		} else if (!strcmp(key, "known") && parse_signed(value, &number)) {
			/* Records of before there was that plane have none. */
			v->known = number;
			v->have_known = true;
		} else if (v->nr_details < MAX_DETAILS) {
			v->details[v->nr_details++] = (struct detail){ key, value };
			continue;
		}
		free(key);
		free(value);
	}
	v->have_page = have_flags && have_refcount && have_mapcount;
}

/*
 * A task's name may hold blanks and "key=": what stands before it is taken from
 * the left, what stands behind it from the right.
 */
int violation_parse(const char *line, struct violation *v, struct why *why)
{
	const char *comm, *time, *caller, *end;
	char *head;
	bool good;

	memset(v, 0, sizeof(*v));
	comm = find_key(line, "comm", false);
	time = find_key(line, "time_ns", true);
	caller = find_key(line, "caller", true);
	if (strncmp(line, "record=", 7) || !comm || !time || !caller || time < comm ||
	    caller < time)
		return refuse(why, "not a record of a violation");
	end = next_key(caller);
	if (!end)
		return refuse(why, "a record of a violation without an end");

	head = strndup(line, comm - line);
	good = head && word_number(head, "record", &v->number) &&
	       word_number(head, "pfn", &v->pfn) && word_number(head, "order", &v->order) &&
	       word_number(head, "frames", &v->frames) && word_number(head, "block", &v->block) &&
	       word_number(head, "primary", &v->primary) &&
	       word_number(head, "secondary", &v->secondary) &&
	       word_number(head, "untracked", &v->untracked) &&
	       signed_number(head, "node", &v->node) && signed_number(head, "cpu", &v->cpu) &&
	       signed_number(head, "pid", &v->pid);
	if (good) {
		v->class = word_value(head, "class");
		v->proof = word_value(head, "proof");
		v->event = word_value(head, "event");
		v->was = word_value(head, "was");
		v->zone = word_value(head, "zone");
		good = v->class && v->proof && v->event && v->was && v->zone;
	}
	free(head);
	if (!good || !word_number(time, "time_ns", &v->time_ns)) {
		violation_free(v);
		return refuse(why, "a record of a violation lacks a number");
	}
	comm += strlen("comm=");
	v->comm = strndup(comm, time > comm ? time - 1 - comm : 0);
	caller += strlen("caller=");
	v->caller = strndup(caller, end - caller);
	parse_tail(end, v);
	return 0;
}

void violation_free(struct violation *v)
{
	unsigned int i;

	free(v->class);
	free(v->proof);
	free(v->event);
	free(v->was);
	free(v->zone);
	free(v->comm);
	free(v->caller);
	for (i = 0; i < v->nr_details; i++) {
		free(v->details[i].key);
		free(v->details[i].value);
	}
	for (i = 0; i < v->depth; i++)
		free(v->stack[i]);
	memset(v, 0, sizeof(*v));
}

struct meaning {
	const char *word, *text;
};

static const char *meaning(const struct meaning *meanings, size_t nr, const char *word)
{
	size_t i;

	for (i = 0; i < nr; i++)
		if (word && !strcmp(meanings[i].word, word))
			return meanings[i].text;
	return "";
}

const char *violation_class_text(const char *class)
{
	static const struct meaning meanings[] = {
		{ "double_alloc", "the allocator handed out a frame that somebody has" },
		{ "double_free", "a frame was freed that was free already" },
		{ "boundary_double_free",
		  "a frame was freed that was free already, caught in the call itself" },
		{ "allocator_corruption", "a frame in use lay on the allocator's free lists" },
		{ "bad_page", "the kernel itself found a page that is not what it has to be" },
		{ "count_underflow",
		  "a reference was given back that nobody had, caught in the call itself" },
		{ "mapped_free",
		  "a process has a frame mapped that is free; nothing stops for it" },
		{ "piece_free",
		  "a frame was freed out of the middle of somebody's block; nothing stops for it" },
		{ "plane_corruption", "dualbm's own record was damaged" },
		{ "directory_corruption", "the index of dualbm's record was damaged" },
	};

	return meaning(meanings, ARRAY_SIZE(meanings), class);
}

const char *violation_proof_text(const char *proof)
{
	static const struct meaning meanings[] = {
		{ "none", "nothing proves it: a mismatch, and no violation" },
		{ "buddy", "the frame lay in a free block of the buddy allocator" },
		{ "pcp", "the frame lay on a per-CPU free list" },
		{ "owner", "the old owner's marks were in struct page" },
		{ "kernel", "the kernel says so itself" },
		{ "count", "the page's reference count was lower than what was given back" },
		{ "record", "the record says so, and no event was lost" },
		{ "planes", "the planes held no codeword at all" },
		{ "stopped", "it was still so when all CPUs had stopped" },
		{ "directory", "the map of the planes was wrong" },
	};

	return meaning(meanings, ARRAY_SIZE(meanings), proof);
}
