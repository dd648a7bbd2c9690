// SPDX-License-Identifier: GPL-2.0-only
/*
 * A map of memory: the lines of debugfs "map", what else is known of that memory, and the
 * file that keeps all of it as it was at a moment. The file is text; its last line counts
 * the others and has their CRC, so that a truncated one is known. Several of them, one behind
 * the other, are a recording.
 *
 * A file may come from anywhere: what it can make this program allocate is bounded.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "dualbmctl.h"

/* Version 1 had chunks only. Both lines have the same length. */
#define FIRST_LINE	"dualbm-map 2"
#define OLD_FIRST_LINE	"dualbm-map 1"
#define MAX_CELLS	4096
/* Of all chunks: 32 TiB. */
#define MAX_ALL_CELLS	((uint64_t)1 << 24)
#define MAX_FRAMES	((uint64_t)1 << 28)
#define MAX_PFN		(UINT64_MAX / 2)
#define MAX_NODE	4095
#define MAX_ZONES	16384
#define MAX_PLANES	0x200000
/* As many as the module keeps, many times over. */
#define MAX_VIOLATIONS	4096

const char * const plane_names[NR_PLANES] = { "primary", "secondary", "untracked", "known" };

/* Room for one more element, all zeroes, behind the @nr that @array has; it grows by doubling. */
static void *grown(void *array, size_t nr, size_t size)
{
	if (!(nr & (nr - 1)))
		array = reallocate(array, (nr * 2 + 1) * size);
	memset((char *)array + nr * size, 0, size);
	return array;
}

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
	    chunk->frames % cell || chunk->frames / cell > MAX_CELLS || node > MAX_NODE ||
	    chunk->pfn % chunk->frames || chunk->pfn > MAX_PFN ||
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
	uint64_t cells = 0;
	size_t number = 0;

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
		map->chunks = grown(map->chunks, map->nr_chunks, sizeof(*map->chunks));
		chunk = &map->chunks[map->nr_chunks++];
		line = strndup(at, stop - at);
		good = line && parse_chunk(line, map, chunk) &&
		       (map->nr_chunks == 1 || chunk[-1].pfn + chunk[-1].frames <= chunk->pfn);
		free(line);
		cells += chunk->nr_cells;
		if (!good || cells > MAX_ALL_CELLS) {
			map_free(map);
			return good ? refuse(why, "the map has more cells than any machine") :
			       refuse(why, "line %zu is not one of a map", number);
		}
		at = stop + 1;
	}
	return map->nr_chunks ? 0 : refuse(why, "the map is empty");
}

const struct map_chunk *map_chunk_at(const struct map *map, uint64_t pfn)
{
	size_t low = 0, high = map->nr_chunks;

	while (low < high) {
		size_t middle = (low + high) / 2;
		const struct map_chunk *chunk = &map->chunks[middle];

		if (pfn < chunk->pfn)
			high = middle;
		else if (pfn - chunk->pfn >= chunk->frames)
			low = middle + 1;
		else
			return chunk;
	}
	return NULL;
}

/* ---- zones, planes, violations ---- */

/* A name that is a word, so that a line which has it is read as it was written. */
static bool copy_word(char *to, size_t room, const char *from)
{
	size_t length = strspn(from, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-");

	if (!length || from[length] || length >= room)
		return false;
	memcpy(to, from, length + 1);
	return true;
}

static bool add_zone(struct map *map, uint64_t node, const char *name, uint64_t pfn,
		     uint64_t frames)
{
	struct map_zone *zone;

	if (node > MAX_NODE || pfn > MAX_PFN || frames > MAX_PFN || map->nr_zones >= MAX_ZONES)
		return false;
	map->zones = grown(map->zones, map->nr_zones, sizeof(*map->zones));
	zone = &map->zones[map->nr_zones++];
	zone->node = node;
	zone->pfn = pfn;
	zone->frames = frames;
	return copy_word(zone->name, sizeof(zone->name), name);
}

int map_add_zones(struct map *map, char *text, struct why *why)
{
	unsigned long long spanned = 0, value;
	char *line, name[17] = "";
	unsigned int node = 0, other;

	/* Its "spanned" comes first, its "start_pfn" last. A zone without memory has no pfn. */
	while ((line = next_line(&text))) {
		if (sscanf(line, "Node %u, zone %16s", &other, name) == 2) {
			node = other;
			spanned = 0;
		} else if (sscanf(line, " spanned %llu", &value) == 1) {
			spanned = value;
		} else if (sscanf(line, " start_pfn: %llu", &value) == 1 && spanned &&
			   !add_zone(map, node, name, value, spanned)) {
			return refuse(why, "a zone has no name, or no place");
		}
	}
	return 0;
}

static bool add_plane(struct map *map, const char *name, uint64_t of, uint64_t pfn,
		      uint64_t frames)
{
	struct map_plane *last = map->nr_planes ? &map->planes[map->nr_planes - 1] : NULL;
	enum plane plane;

	for (plane = 0; plane < NR_PLANES && strcmp(plane_names[plane], name); plane++)
		;
	if (plane == NR_PLANES || !frames || pfn > MAX_PFN || frames > MAX_FRAMES ||
	    map->nr_planes >= MAX_PLANES || !map_chunk_at(map, of))
		return false;
	if (last && last->plane == plane && last->of == of && last->pfn + last->frames == pfn &&
	    last->frames + frames <= MAX_FRAMES) {
		last->frames += frames;
		return true;
	}
	map->planes = grown(map->planes, map->nr_planes, sizeof(*map->planes));
	last = &map->planes[map->nr_planes++];
	*last = (struct map_plane){ plane, of, pfn, frames };
	return true;
}

int map_add_planes(struct map *map, char *text, struct why *why)
{
	char *line, *word, *name;
	uint64_t of, phys;
	bool good = true;

	while (good && (line = next_line(&text))) {
		name = word_value(line, "plane");
		good = name && word_number(line, "pfn", &of);
		/* Memory may have come or gone since the map was read. */
		while (good && map_chunk_at(map, of) && (word = next_word(&line)))
			if (!strncmp(word, "phys=", 5))
				good = parse_number(word + 5, &phys) &&
				       add_plane(map, name, of, phys / map->page_size, 1);
		free(name);
	}
	return good ? 0 : refuse(why, "a line is not one of a plane");
}

static bool add_violation(struct map *map, const char *class, uint64_t record, uint64_t pfn,
			  uint64_t frames)
{
	struct map_violation *violation;

	if (map->nr_violations >= MAX_VIOLATIONS || pfn > MAX_PFN || frames > MAX_PFN)
		return false;
	map->violations = grown(map->violations, map->nr_violations, sizeof(*map->violations));
	violation = &map->violations[map->nr_violations++];
	violation->record = record;
	violation->pfn = pfn;
	violation->frames = frames;
	return copy_word(violation->class, sizeof(violation->class), class);
}

int map_add_violations(struct map *map, char *text, struct why *why)
{
	struct violation v;
	bool good = true;
	char *line;

	while (good && (line = next_line(&text))) {
		/* A stack stands behind the record that it is of. */
		if (*line == ' ')
			continue;
		if (violation_parse(line, &v, why))
			return -1;
		good = add_violation(map, v.class, v.number, v.pfn, v.frames);
		violation_free(&v);
	}
	return good ? 0 : refuse(why, "a record of a violation has no place");
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
	for (i = 0; i < map->nr_zones; i++)
		put(&sum, "zone name=%s node=%d pfn=0x%" PRIx64 " frames=%" PRIu64 "\n",
		    map->zones[i].name, map->zones[i].node, map->zones[i].pfn,
		    map->zones[i].frames);
	for (i = 0; i < map->nr_planes; i++)
		put(&sum, "plane name=%s of=0x%" PRIx64 " pfn=0x%" PRIx64 " frames=%" PRIu64 "\n",
		    plane_names[map->planes[i].plane], map->planes[i].of, map->planes[i].pfn,
		    map->planes[i].frames);
	for (i = 0; i < map->nr_violations; i++)
		put(&sum, "violation name=%s record=%" PRIu64 " pfn=0x%" PRIx64 " frames=%" PRIu64
		    "\n", map->violations[i].class, map->violations[i].record,
		    map->violations[i].pfn, map->violations[i].frames);
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

/* A line behind the chunks. */
static bool parse_more(struct map *map, const char *line)
{
	uint64_t pfn, frames, other;
	char *name = word_value(line, "name");
	bool good = name && word_number(line, "pfn", &pfn) && word_number(line, "frames", &frames);

	if (good && !strncmp(line, "zone ", 5))
		good = word_number(line, "node", &other) &&
		       add_zone(map, other, name, pfn, frames);
	else if (good && !strncmp(line, "plane ", 6))
		good = word_number(line, "of", &other) && add_plane(map, name, other, pfn, frames);
	else if (good && !strncmp(line, "violation ", 10))
		good = word_number(line, "record", &other) &&
		       add_violation(map, name, other, pfn, frames);
	else
		good = false;
	free(name);
	return good;
}

/* The chunks, and what stands behind them: their lines begin with another word than "pfn=". */
static int parse_body(const char *at, const char *end, struct map *map, struct why *why)
{
	const char *more = at, *stop;
	bool good;
	char *line;

	while (more < end && !strncmp(more, "pfn=", 4)) {
		stop = memchr(more, '\n', end - more);
		more = stop ? stop + 1 : end;
	}
	if (map_parse(at, more - at, map, why))
		return -1;
	for (; more < end; more = stop + 1) {
		stop = memchr(more, '\n', end - more);
		line = stop ? strndup(more, stop - more) : NULL;
		good = line && parse_more(map, line);
		free(line);
		if (!good) {
			map_free(map);
			return refuse(why, "a line behind its chunks is not one of a map");
		}
	}
	return 0;
}

size_t map_first(const char *text, size_t size)
{
	const char *at = text, *end = text + size, *stop;

	/* No other line of a map begins so. */
	for (; at < end; at = stop + 1) {
		stop = memchr(at, '\n', end - at);
		if (!stop)
			return size;
		if (stop - at > 4 && !memcmp(at, "end ", 4))
			return stop + 1 - text;
	}
	return size;
}

int map_load(const char *text, size_t size, struct map *map, struct why *why)
{
	const char *at = text + sizeof(FIRST_LINE), *last;
	char *release, *captured, *page_size;
	uint64_t when = 0, page = 0;
	int ret;

	memset(map, 0, sizeof(*map));
	if (size < sizeof(FIRST_LINE) ||
	    (memcmp(text, FIRST_LINE "\n", sizeof(FIRST_LINE)) &&
	     memcmp(text, OLD_FIRST_LINE "\n", sizeof(FIRST_LINE))))
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
		ret = parse_body(at, last, map, why);
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
	free(map->zones);
	free(map->planes);
	free(map->violations);
	free(map->release);
	memset(map, 0, sizeof(*map));
}
