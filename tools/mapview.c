// SPDX-License-Identifier: GPL-2.0-only
/*
 * A map of memory as it is shown: cells are added up to squares, as few cells to a square as
 * the limits of what shows it allow. Chunks come in the order of their frames, and so do the
 * squares of each node.
 */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "map.h"

/* The parser lets no other numbers through. */
#define MAX_NODES	4096
/* The module puts each plane on the node next to hand: one, or a few when that has no memory. */
#define MAX_OTHERS	64
/* So that a row's frames are a number of 64 bits. */
#define MAX_SQUARE	((uint64_t)1 << 52)

/* ---- sums ---- */

static void add_cell(struct sums *sums, const struct cell *cell, uint64_t frames)
{
	sums->frames += frames;
	sums->allocated += cell->allocated;
	sums->free += cell->free;
	sums->untracked += cell->untracked;
	sums->runs += cell->runs;
	if (cell->free == frames)
		sums->whole += frames;
}

bool square_untracked(const struct sums *sums)
{
	return sums->untracked * 2 > sums->frames || !(sums->allocated + sums->free);
}

double sums_order(const struct sums *sums)
{
	return sums->runs ? log2((double)sums->free / sums->runs) : -1;
}

double sums_broken(const struct sums *sums)
{
	return sums->free ? 100.0 * (sums->free - sums->whole) / sums->free : 0;
}

double sums_fragmentation(const struct sums *sums)
{
	if (sums->free < 2 || !sums->runs)
		return 0;
	return (double)(sums->runs - 1) / (sums->free - 1);
}

/* ---- how large a square is ---- */

struct extent {
	uint64_t squares, rows;
};

static struct extent measure(const struct map *map, uint64_t square, unsigned int columns)
{
	/* One more than the last one of each node; 0 if there was none yet. */
	uint64_t *next_square = allocate(MAX_NODES * sizeof(*next_square));
	uint64_t *next_row = allocate(MAX_NODES * sizeof(*next_row));
	struct extent extent = { 0 };
	size_t i;

	for (i = 0; i < map->nr_chunks; i++) {
		const struct map_chunk *chunk = &map->chunks[i];
		uint64_t first = chunk->pfn / square;
		uint64_t end = (chunk->pfn + chunk->frames - 1) / square + 1;
		uint64_t row = first / columns, end_row = (end - 1) / columns + 1;

		if (first < next_square[chunk->node])
			first = next_square[chunk->node];
		if (row < next_row[chunk->node])
			row = next_row[chunk->node];
		extent.squares += end - first;
		extent.rows += end_row - row;
		next_square[chunk->node] = end;
		next_row[chunk->node] = end_row;
	}
	free(next_square);
	free(next_row);
	return extent;
}

uint64_t view_square_frames(const struct map *map, const struct view_limits *limits)
{
	uint64_t square = map->cell_frames;
	struct extent extent;

	for (; square < MAX_SQUARE; square *= 2) {
		extent = measure(map, square, limits->columns);
		if (extent.squares <= limits->squares && extent.rows <= limits->rows)
			break;
	}
	return square;
}

/* ---- squares ---- */

uint64_t view_row(const struct view *view, const struct square *square)
{
	return square->pfn / view->square_frames / view->columns;
}

unsigned int view_column(const struct view *view, const struct square *square)
{
	return square->pfn / view->square_frames % view->columns;
}

static struct node_map *find_node(const struct view *view, int node)
{
	return view->index[node] ? &view->nodes[view->index[node] - 1] : NULL;
}

static void mark_nodes(struct view *view, const struct map *map)
{
	size_t i;

	for (i = 0; i < map->nr_chunks; i++)
		view->index[map->chunks[i].node] = 1;
}

/* All that have memory, in the order of their numbers. */
static void make_nodes(struct view *view)
{
	size_t nr = 0;
	int node;

	view->index = allocate(MAX_NODES * sizeof(*view->index));
	mark_nodes(view, view->map);
	if (view->before)
		mark_nodes(view, view->before);
	for (node = 0; node < MAX_NODES; node++)
		nr += view->index[node];
	view->nodes = allocate(nr * sizeof(*view->nodes));
	for (node = 0; node < MAX_NODES; node++) {
		if (!view->index[node])
			continue;
		view->nodes[view->nr_nodes++].node = node;
		view->index[node] = view->nr_nodes;
	}
}

/* Where a square with @pfn is, or would be. */
static size_t square_index(const struct node_map *node, uint64_t pfn)
{
	size_t low = 0, high = node->nr;

	/* Most of the time it is the last, or comes behind it. */
	if (node->nr && node->squares[node->nr - 1].pfn <= pfn)
		low = node->nr - (node->squares[node->nr - 1].pfn == pfn);
	while (low < high) {
		size_t middle = (low + high) / 2;

		if (node->squares[middle].pfn < pfn)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct square *view_find(const struct node_map *node, const struct view *view, uint64_t pfn)
{
	size_t at;

	pfn -= pfn % view->square_frames;
	at = square_index(node, pfn);
	return at < node->nr && node->squares[at].pfn == pfn ? &node->squares[at] : NULL;
}

static struct square *need_square(struct node_map *node, const struct view *view, uint64_t pfn)
{
	struct square *found = view_find(node, view, pfn);
	size_t at;

	if (found)
		return found;
	pfn -= pfn % view->square_frames;
	at = square_index(node, pfn);
	if (!(node->nr & (node->nr - 1)))
		node->squares = reallocate(node->squares, (node->nr * 2 + 1) *
					   sizeof(*node->squares));
	memmove(&node->squares[at + 1], &node->squares[at],
		(node->nr - at) * sizeof(*node->squares));
	node->nr++;
	node->squares[at] = (struct square){ .pfn = pfn };
	return &node->squares[at];
}

static void add_cells(struct view *view, const struct map *map, bool before)
{
	uint64_t frames = map->cell_frames;
	size_t i, j;

	for (i = 0; i < map->nr_chunks; i++) {
		const struct map_chunk *chunk = &map->chunks[i];
		struct node_map *node = find_node(view, chunk->node);

		for (j = 0; j < chunk->nr_cells; j++) {
			const struct cell *cell = &chunk->cells[j];
			struct square *square = need_square(node, view, chunk->pfn + j * frames);

			if (!cell->present)
				continue;
			if (before)
				square->was_present = true;
			else
				square->present = true;
			add_cell(before ? &square->before : &square->now, cell, frames);
			add_cell(before ? &node->before : &node->now, cell, frames);
		}
	}
}

static struct square *square_of(const struct view *view, uint64_t pfn)
{
	const struct map_chunk *chunk = map_chunk_at(view->map, pfn);
	const struct node_map *node = chunk ? find_node(view, chunk->node) : NULL;

	return node ? view_find(node, view, pfn) : NULL;
}

static void add_planes(struct view *view)
{
	const struct map *map = view->map;
	size_t i, j;

	for (i = 0; i < map->nr_planes; i++) {
		const struct map_plane *plane = &map->planes[i];
		const struct map_chunk *of = map_chunk_at(map, plane->of);
		const struct map_chunk *in = map_chunk_at(map, plane->pfn);
		struct node_map *node = of ? find_node(view, of->node) : NULL;
		struct square *square = square_of(view, plane->pfn);

		if (square)
			square->planes |= 1 << plane->plane;
		square = square_of(view, plane->pfn + plane->frames - 1);
		if (square)
			square->planes |= 1 << plane->plane;
		/* Memory that the map does not have is of no node. */
		if (!node || !in)
			continue;
		for (j = 0; j < node->nr_others && node->others[j].node != in->node; j++)
			;
		if (j == MAX_OTHERS)
			continue;
		if (j == node->nr_others) {
			node->others = reallocate(node->others, ++node->nr_others *
						  sizeof(*node->others));
			node->others[j] = (struct placed){ .node = in->node };
		}
		node->others[j].pages[plane->plane] += plane->frames;
	}
}

static void add_violations(struct view *view)
{
	size_t i, j, k;

	for (i = 0; i < view->map->nr_violations; i++) {
		const struct map_violation *v = &view->map->violations[i];
		uint64_t end = v->pfn + (v->frames ? v->frames : 1);

		/* However many frames it claims: only squares that are there are looked at. */
		for (j = 0; j < view->nr_nodes; j++) {
			struct node_map *node = &view->nodes[j];

			for (k = square_index(node, v->pfn - v->pfn % view->square_frames);
			     k < node->nr && node->squares[k].pfn < end; k++)
				node->squares[k].violation = true;
		}
	}
}

enum change square_change(const struct view *view, const struct square *square)
{
	const struct sums *now = &square->now, *before = &square->before;
	double least = now->frames * view->threshold / 100;
	double freed = (double)now->free - before->free;
	double untracked = (double)now->untracked - before->untracked;

	if (!square->present)
		return square->was_present ? GONE : SAME;
	if (!square->was_present)
		return NEW;
	if (freed && fabs(freed) >= least)
		return freed > 0 ? MORE_FREE : LESS_FREE;
	return untracked && fabs(untracked) >= least ? UNTRACKED_CHANGED : SAME;
}

void view_make(struct view *view, const struct map *map, const struct map *before,
	       uint64_t square_frames, unsigned int columns, double threshold)
{
	uint64_t frames;
	size_t i, j;

	memset(view, 0, sizeof(*view));
	view->map = map;
	view->before = before;
	view->square_frames = square_frames;
	view->columns = columns;
	view->threshold = threshold;
	for (frames = map->cell_frames; frames > 1; frames /= 2)
		view->order++;
	make_nodes(view);
	add_cells(view, map, false);
	if (before)
		add_cells(view, before, true);
	add_planes(view);
	add_violations(view);
	for (i = 0; before && i < view->nr_nodes; i++)
		for (j = 0; j < view->nodes[i].nr; j++)
			view->changed += square_change(view, &view->nodes[i].squares[j]) != SAME;
}

void view_free(struct view *view)
{
	size_t i;

	for (i = 0; i < view->nr_nodes; i++) {
		free(view->nodes[i].squares);
		free(view->nodes[i].others);
	}
	free(view->nodes);
	free(view->index);
	memset(view, 0, sizeof(*view));
}

/* ---- words ---- */

char *view_when(const struct map *map)
{
	time_t time = map->captured;
	char text[64] = "?";
	struct tm tm;

	if (map->captured && gmtime_r(&time, &tm))
		strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S UTC", &tm);
	/* No kernel's release is longer than 64 bytes; a file may say anything. */
	return format_text("Linux %.64s, %s", map->release ? map->release : "?", text);
}

char *view_gib(uint64_t frames, const struct map *map)
{
	return format_text("%.6g", (double)frames * map->page_size / (1 << 30));
}

char *view_row_zones(const struct view *view, int node, uint64_t row)
{
	uint64_t frames = view->columns * view->square_frames;
	char *text = NULL, *more;
	size_t i;

	for (i = 0; i < view->map->nr_zones; i++) {
		const struct map_zone *zone = &view->map->zones[i];

		if (zone->node != node || zone->pfn / frames != row)
			continue;
		more = format_text("%s%s%s", text ? text : "", text ? "," : "", zone->name);
		free(text);
		text = more;
		/* Four names are more than any node has. */
		if (strlen(text) > 4 * sizeof(zone->name))
			break;
	}
	return text;
}

char *view_planes_on(const struct node_map *node, int other)
{
	static const char letters[NR_PLANES] = "PSUK";
	char text[2 * NR_PLANES + 1] = "";
	enum plane plane;
	size_t i, at = 0;

	for (i = 0; i < node->nr_others; i++) {
		if (node->others[i].node != other)
			continue;
		for (plane = 0; plane < NR_PLANES; plane++) {
			if (!node->others[i].pages[plane])
				continue;
			if (at)
				text[at++] = ' ';
			text[at++] = letters[plane];
		}
		text[at] = '\0';
	}
	return at ? duplicate(text) : NULL;
}
