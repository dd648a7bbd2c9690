// SPDX-License-Identifier: GPL-2.0-only
/*
 * A map of memory: the lines of debugfs "map", and the file that keeps one of
 * a moment. The file is text; its last line counts the others and has their
 * CRC, so that a truncated one is known.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "dualbmctl.h"

#define FIRST_LINE	"dualbm-map 1"
#define MAX_CELLS	4096
#define MAX_FRAMES	((uint64_t)1 << 28)

/* "allocated/free/untracked/runs", or "-" */
static bool parse_cell(const char *word, uint64_t frames, struct cell *cell)
{
	uint32_t *fields[] = { &cell->allocated, &cell->free, &cell->untracked, &cell->runs };
	const char *at = word;
	size_t i;

	memset(cell, 0, sizeof(*cell));
	if (!strcmp(word, "-"))
		return true;
	for (i = 0; i < ARRAY_SIZE(fields); i++) {
		char number[12];
		size_t length = strspn(at, "0123456789");
		uint64_t value;

		if (!length || length >= sizeof(number) || at[length] != (i == 3 ? '\0' : '/'))
			return false;
		memcpy(number, at, length);
		number[length] = '\0';
		if (!parse_number(number, &value) || value > frames)
			return false;
		*fields[i] = value;
		at += length + 1;
	}
	cell->present = true;
	return (uint64_t)cell->allocated + cell->free + cell->untracked <= frames &&
	       cell->runs <= cell->free && !cell->runs == !cell->free;
}

static bool parse_chunk(char *line, struct map *map, struct map_chunk *chunk)
{
	uint64_t cell, node;
	char *word;
	size_t i;

	if (!word_number(line, "pfn", &chunk->pfn) ||
	    !word_number(line, "frames", &chunk->frames) ||
	    !word_number(line, "node", &node) || !word_number(line, "cell", &cell))
		return false;
	if (!cell || cell > MAX_FRAMES || !chunk->frames || chunk->frames > MAX_FRAMES ||
	    chunk->frames % cell || chunk->frames / cell > MAX_CELLS || node > 4095 ||
	    chunk->pfn % chunk->frames || chunk->pfn > UINT64_MAX / 2 ||
	    (map->cell_frames && map->cell_frames != cell))
		return false;
	map->cell_frames = cell;
	chunk->node = node;
	chunk->nr_cells = chunk->frames / cell;
	chunk->cells = allocate(chunk->nr_cells * sizeof(*chunk->cells));
	for (i = 0; i < 4; i++)
		next_word(&line);
	for (i = 0; i < chunk->nr_cells; i++) {
		word = next_word(&line);
		if (!word || !parse_cell(word, cell, &chunk->cells[i]))
			return false;
	}
	return !next_word(&line);
}

int map_parse(const char *text, size_t size, struct map *map, struct why *why)
{
	const char *at = text, *end = text + size;
	size_t room = 0, number = 0;

	memset(map, 0, sizeof(*map));
	while (at < end) {
		const char *stop = memchr(at, '\n', end - at);
		struct map_chunk *chunk;
		char *line;
		bool good;

		number++;
		if (!stop) {
			map_free(map);
			return refuse(why, "line %zu of the map has no end: truncated", number);
		}
		if (map->nr_chunks == room) {
			room = room ? room * 2 : 64;
			map->chunks = reallocate(map->chunks, room * sizeof(*map->chunks));
		}
		chunk = &map->chunks[map->nr_chunks++];
		memset(chunk, 0, sizeof(*chunk));
		line = strndup(at, stop - at);
		good = line && parse_chunk(line, map, chunk) &&
		       (map->nr_chunks == 1 || chunk[-1].pfn + chunk[-1].frames <= chunk->pfn);
		free(line);
		if (!good) {
			map_free(map);
			return refuse(why, "line %zu is not one of a map", number);
		}
		at = stop + 1;
	}
	return map->nr_chunks ? 0 : refuse(why, "the map is empty");
}

/* Everything that is written counts for the last line. */
struct sum {
	FILE *stream;
	unsigned long crc;
	size_t lines;
};

static void put(struct sum *sum, const char *format, ...) printf_like(2, 3);
static void put(struct sum *sum, const char *format, ...)
{
	va_list arguments;
	size_t length;
	char *text;

	va_start(arguments, format);
	text = format_text_va(format, arguments);
	va_end(arguments);
	length = strlen(text);
	sum->crc = crc32(sum->crc, (unsigned char *)text, length);
	sum->lines += length && text[length - 1] == '\n';
	fputs(text, sum->stream);
	free(text);
}

int map_save(FILE *stream, const struct map *map)
{
	struct sum sum = { .stream = stream, .crc = crc32(0, NULL, 0) };
	size_t i, j;

	put(&sum, FIRST_LINE "\n");
	put(&sum, "release %s\n", map->release ? map->release : "?");
	put(&sum, "captured %" PRIu64 "\n", map->captured);
	put(&sum, "page_size %" PRIu64 "\n", map->page_size);
	for (i = 0; i < map->nr_chunks; i++) {
		const struct map_chunk *chunk = &map->chunks[i];

		put(&sum, "pfn=0x%" PRIx64 " frames=%" PRIu64 " node=%d cell=%" PRIu64,
		    chunk->pfn, chunk->frames, chunk->node, map->cell_frames);
		for (j = 0; j < chunk->nr_cells; j++) {
			const struct cell *cell = &chunk->cells[j];

			if (cell->present)
				put(&sum, " %u/%u/%u/%u", cell->allocated, cell->free,
				    cell->untracked, cell->runs);
			else
				put(&sum, " -");
		}
		put(&sum, "\n");
	}
	fprintf(stream, "end %zu %08lx\n", sum.lines, sum.crc);
	return ferror(stream) ? -1 : 0;
}

/* Where the last line begins; it has to be "end LINES CRC". */
static const char *check_end(const char *text, size_t size, struct why *why)
{
	const char *end = text + size, *last = end, *at;
	unsigned long crc;
	size_t lines = 0;
	char wanted[64];

	if (!size || end[-1] != '\n') {
		refuse(why, "truncated");
		return NULL;
	}
	for (last--; last > text && last[-1] != '\n'; last--)
		;
	for (at = text; at < last; at++)
		lines += *at == '\n';
	crc = crc32(crc32(0, NULL, 0), (const unsigned char *)text, last - text);
	snprintf(wanted, sizeof(wanted), "end %zu %08lx\n", lines, crc);
	if (strlen(wanted) != (size_t)(end - last) || memcmp(last, wanted, end - last)) {
		refuse(why, strncmp(last, "end ", 4) ? "truncated: it has no last line" :
		       "damaged: its last line does not agree with the others");
		return NULL;
	}
	return last;
}

/* "name value" as the next line of the file; allocated. */
static char *header_line(const char **at, const char *end, const char *name)
{
	const char *stop = memchr(*at, '\n', end - *at);
	size_t length = strlen(name);
	char *value;

	if (!stop || (size_t)(stop - *at) <= length || memcmp(*at, name, length) ||
	    (*at)[length] != ' ')
		return NULL;
	value = strndup(*at + length + 1, stop - *at - length - 1);
	*at = stop + 1;
	return value;
}

int map_load(const char *text, size_t size, struct map *map, struct why *why)
{
	const char *at = text + sizeof(FIRST_LINE), *last;
	char *release, *captured, *page_size;
	uint64_t when = 0, page = 0;
	int ret;

	memset(map, 0, sizeof(*map));
	if (size < sizeof(FIRST_LINE) || memcmp(text, FIRST_LINE "\n", sizeof(FIRST_LINE)))
		return refuse(why, "not a map that \"dualbmctl map --capture\" wrote");
	last = check_end(text, size, why);
	if (!last)
		return -1;
	release = header_line(&at, last, "release");
	captured = release ? header_line(&at, last, "captured") : NULL;
	page_size = captured ? header_line(&at, last, "page_size") : NULL;
	if (!page_size || !parse_number(captured, &when) || !parse_number(page_size, &page) ||
	    page < 4096 || page > 1 << 20 || page & (page - 1))
		ret = refuse(why, "its header is not one of a map");
	else
		ret = map_parse(at, last - at, map, why);
	free(captured);
	free(page_size);
	if (ret) {
		free(release);
		return ret;
	}
	map->release = release;
	map->captured = when;
	map->page_size = page;
	return 0;
}

void map_free(struct map *map)
{
	size_t i;

	for (i = 0; i < map->nr_chunks; i++)
		free(map->chunks[i].cells);
	free(map->chunks);
	free(map->release);
	memset(map, 0, sizeof(*map));
}
