// SPDX-License-Identifier: GPL-2.0-only
/*
 * "dualbmctl map": physical memory node by node, in the terminal, as SVG or as
 * PNG; of now, of a captured moment, or of what changed between two.
 *
 * A square is a number of cells, a cell what the module counts: 2 MiB.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "dualbmctl.h"

#define COLUMNS		64
/* More squares than this, of one node, and each takes more cells. */
#define MAX_SQUARES	8192
#define SQUARE		12
#define MARGIN		16
#define LINE		18
#define LLU(number)	((unsigned long long)(number))

static const struct rgb blue = { 0x2b, 0x5c, 0x9e }, green = { 0xc8, 0xe6, 0xb0 },
	amber = { 0xf0, 0xa0, 0x20 }, grey = { 0xe4, 0xe4, 0xe4 }, red = { 0xc0, 0x20, 0x20 },
	dark_green = { 0x20, 0x90, 0x30 }, violet = { 0x80, 0x40, 0xa0 },
	black = { 0x30, 0x30, 0x30 };

/* What a square, a node, or all memory adds up to. */
struct sums {
	uint64_t frames, allocated, free, untracked, runs, whole;
};

struct square {
	bool present;			/* in the newer map, or in the only one */
	bool was_present;
	uint64_t pfn;
	struct sums now, before;
};

struct node_map {
	int node;
	struct square *squares;
	size_t nr;
	struct sums now, before;
};

struct view {
	const struct map *map, *before;	/* before is NULL if there is nothing to compare */
	uint64_t per_square;		/* cells */
	struct node_map *nodes;
	size_t nr_nodes;
};

static void add_cell(struct sums *sums, const struct cell *cell, uint64_t frames)
{
	sums->frames += frames;
	sums->allocated += cell->allocated;
	sums->free += cell->free;
	sums->untracked += cell->untracked;
	sums->runs += cell->runs;
	/* Free memory that is free in cells as wholes. */
	if (cell->free == frames)
		sums->whole += frames;
}

/* 0: one run; 1: no two free frames side by side. */
static double fragmentation(const struct sums *sums)
{
	if (sums->free < 2 || !sums->runs)
		return 0;
	return (double)(sums->runs - 1) / (sums->free - 1);
}

static struct node_map *find_node_map(struct view *view, int node)
{
	size_t i;

	for (i = 0; i < view->nr_nodes; i++)
		if (view->nodes[i].node == node)
			return &view->nodes[i];
	view->nodes = reallocate(view->nodes, (view->nr_nodes + 1) * sizeof(*view->nodes));
	view->nodes[view->nr_nodes] = (struct node_map){ .node = node };
	return &view->nodes[view->nr_nodes++];
}

static struct square *find_square(struct node_map *node, uint64_t pfn)
{
	size_t low = 0, high = node->nr;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (node->squares[middle].pfn < pfn)
			low = middle + 1;
		else
			high = middle;
	}
	if (low < node->nr && node->squares[low].pfn == pfn)
		return &node->squares[low];
	if (!(node->nr & (node->nr - 1)) || !node->nr)
		node->squares = reallocate(node->squares, (node->nr * 2 + 1) *
					   sizeof(*node->squares));
	memmove(&node->squares[low + 1], &node->squares[low],
		(node->nr - low) * sizeof(*node->squares));
	node->nr++;
	node->squares[low] = (struct square){ .pfn = pfn };
	return &node->squares[low];
}

static void fill_view(struct view *view, const struct map *map, bool before)
{
	size_t i, j;

	for (i = 0; i < map->nr_chunks; i++) {
		const struct map_chunk *chunk = &map->chunks[i];
		struct node_map *node = find_node_map(view, chunk->node);

		for (j = 0; j < chunk->nr_cells; j++) {
			uint64_t frames = map->cell_frames;
			uint64_t pfn = chunk->pfn + j * frames;
			struct square *square;

			square = find_square(node, pfn / (frames * view->per_square) *
					     (frames * view->per_square));
			if (!chunk->cells[j].present)
				continue;
			if (before)
				square->was_present = true;
			else
				square->present = true;
			add_cell(before ? &square->before : &square->now, &chunk->cells[j], frames);
			add_cell(before ? &node->before : &node->now, &chunk->cells[j], frames);
		}
	}
}

static int by_node(const void *a, const void *b)
{
	return ((const struct node_map *)a)->node - ((const struct node_map *)b)->node;
}

/* As few cells for a square as let the largest node have MAX_SQUARES of them. */
static void make_view(struct view *view, const struct map *map, const struct map *before,
		      uint64_t squares)
{
	uint64_t cells[2] = { 0, 0 };
	size_t i;

	for (i = 0; i < map->nr_chunks; i++)
		cells[0] += map->chunks[i].nr_cells;
	for (i = 0; before && i < before->nr_chunks; i++)
		cells[1] += before->chunks[i].nr_cells;
	if (cells[1] > cells[0])
		cells[0] = cells[1];
	memset(view, 0, sizeof(*view));
	view->map = map;
	view->before = before;
	for (view->per_square = 1; cells[0] / view->per_square > squares; view->per_square *= 2)
		;
	fill_view(view, map, false);
	if (before)
		fill_view(view, before, true);
	qsort(view->nodes, view->nr_nodes, sizeof(*view->nodes), by_node);
}

static void free_view(struct view *view)
{
	size_t i;

	for (i = 0; i < view->nr_nodes; i++)
		free(view->nodes[i].squares);
	free(view->nodes);
}

/* ---- words ---- */

static char *when_text(const struct map *map)
{
	time_t time = map->captured;
	char text[64] = "?";
	struct tm tm;

	if (map->captured && gmtime_r(&time, &tm))
		strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S UTC", &tm);
	return format_text("Linux %s, %s", map->release ? map->release : "?", text);
}

static char *node_text(const struct view *view, const struct node_map *node)
{
	uint64_t page = view->map->page_size;
	const struct sums *sums = &node->now;

	if (view->before)
		return format_text("node %d: free %s -> %s, allocated %s -> %s, untracked %s -> %s, runs %llu -> %llu",
				   node->node, human_bytes(node->before.free * page),
				   human_bytes(sums->free * page),
				   human_bytes(node->before.allocated * page),
				   human_bytes(sums->allocated * page),
				   human_bytes(node->before.untracked * page),
				   human_bytes(sums->untracked * page),
				   LLU(node->before.runs),
				   LLU(sums->runs));
	return format_text("node %d: %s, allocated %s, free %s in %" PRIu64 " runs (%.0f%% in whole cells), untracked %s",
			   node->node, human_bytes(sums->frames * page),
			   human_bytes(sums->allocated * page), human_bytes(sums->free * page),
			   sums->runs, sums->free ? 100.0 * sums->whole / sums->free : 0,
			   human_bytes(sums->untracked * page));
}

static char *scale_text(const struct view *view)
{
	return format_text("a square is %s",
			   human_bytes(view->per_square * view->map->cell_frames *
				       view->map->page_size));
}

/* ---- the terminal ---- */

/* By how much is free: from '#', nothing, to '.', all. */
static char square_letter(const struct square *square)
{
	static const char letters[] = "#%=-.";
	const struct sums *sums = &square->now;
	uint64_t known = sums->allocated + sums->free;

	if (!square->present)
		return ' ';
	if (sums->untracked * 2 > sums->frames || !known)
		return '?';
	if (!sums->free)
		return '#';
	if (sums->free == sums->frames)
		return '.';
	return letters[1 + sums->free * 3 / (sums->frames + 1)];
}

static char change_letter(const struct square *square)
{
	if (!square->present)
		return square->was_present ? 'x' : ' ';
	if (!square->was_present)
		return 'n';
	if (square->now.free == square->before.free)
		return square->now.allocated == square->before.allocated ? '.' : '~';
	return square->now.free > square->before.free ? '+' : '-';
}

static enum colour letter_colour(char letter)
{
	switch (letter) {
	case '#':
		return BOLD;
	case '?':
	case '~':
		return DOUBTFUL;
	case '.':
		return FAINT;
	case '+':
	case 'n':
		return GOOD;
	case 'x':
		return BAD;
	default:
		return PLAIN;
	}
}

static void print_map(const struct view *view)
{
	unsigned int columns = options.columns > 18 ? options.columns - 14 : 4;
	char *text = when_text(view->map), *scale = scale_text(view);
	size_t i, j;

	print_safe(stdout, text);
	free(text);
	if (view->before) {
		text = when_text(view->before);
		fputs("\ncompared with ", stdout);
		print_safe(stdout, text);
		free(text);
	}
	printf("\n%s: %s\n", scale, view->before ?
	       "+ more is free  - less is free  ~ untracked changed  . as before  n new  x gone" :
	       "# all allocated  % = - more and more free  . all free  ? untracked");
	free(scale);
	/* A row begins at an address that is easy to read. */
	while (columns & (columns - 1))
		columns &= columns - 1;
	for (i = 0; i < view->nr_nodes; i++) {
		const struct node_map *node = &view->nodes[i];
		uint64_t row_frames = columns * view->per_square * view->map->cell_frames;
		uint64_t row = UINT64_MAX;

		text = node_text(view, node);
		printf("%s%s%s\n", colour(BOLD), text, colour(PLAIN));
		free(text);
		for (j = 0; j < node->nr; j++) {
			const struct square *square = &node->squares[j];
			char letter = view->before ? change_letter(square) : square_letter(square);
			uint64_t skip;

			if (square->pfn / row_frames != row) {
				if (row != UINT64_MAX)
					putchar('\n');
				row = square->pfn / row_frames;
				printf("%12" PRIx64 " ", row * row_frames * view->map->page_size);
				skip = square->pfn % row_frames /
				       (view->per_square * view->map->cell_frames);
				while (skip--)
					putchar(' ');
			}
			if (letter == ' ' || !options.colour)
				putchar(letter);
			else
				printf("%s%c%s", colour(letter_colour(letter)), letter,
				       colour(PLAIN));
		}
		putchar('\n');
	}
}

/* ---- the picture ---- */

static struct rgb mix(struct rgb a, struct rgb b, double share)
{
	return (struct rgb){
		a.r + (b.r - a.r) * share, a.g + (b.g - a.g) * share, a.b + (b.b - a.b) * share,
	};
}

static struct rgb square_rgb(const struct square *square)
{
	const struct sums *sums = &square->now;
	uint64_t known = sums->allocated + sums->free;
	struct rgb colour = blue;

	if (known)
		colour = mix(blue, green, (double)sums->free / known);
	if (sums->frames)
		colour = mix(colour, amber, 1 - (double)known / sums->frames);
	return colour;
}

static struct rgb change_rgb(const struct square *square)
{
	double change;

	if (!square->present)
		return black;
	if (!square->was_present)
		return violet;
	change = ((double)square->now.free - square->before.free) / square->now.frames;
	if (!change)
		return square->now.allocated == square->before.allocated ? grey :
		       mix(grey, amber, 0.5);
	/* The smallest change can be seen. */
	return change > 0 ? mix(grey, dark_green, 0.2 + 0.8 * change) :
	       mix(grey, red, 0.2 - 0.8 * change);
}

static void draw_square(struct picture *picture, const struct view *view,
			const struct square *square, unsigned int x, unsigned int y)
{
	const struct sums *now = &square->now;
	unsigned int stripe;
	char *title;

	if (!square->present && !square->was_present)
		return;
	title = view->before ?
		format_text("pfn 0x%llx: free %llu -> %llu, allocated %llu -> %llu",
			    LLU(square->pfn), LLU(square->before.free), LLU(now->free),
			    LLU(square->before.allocated), LLU(now->allocated)) :
		format_text("pfn 0x%llx: %llu allocated, %llu free in %llu runs, %llu untracked",
			    LLU(square->pfn), LLU(now->allocated), LLU(now->free),
			    LLU(now->runs), LLU(now->untracked));
	picture_box(picture, x, y, SQUARE - 1, SQUARE - 1,
		    view->before ? change_rgb(square) : square_rgb(square), title);
	free(title);
	if (view->before || !square->present)
		return;
	stripe = fragmentation(now) * (SQUARE - 1) + 0.5;
	if (stripe)
		picture_box(picture, x, y + SQUARE - 3, stripe, 2, red, NULL);
}

static size_t node_rows(const struct view *view, const struct node_map *node)
{
	uint64_t row_frames = COLUMNS * view->per_square * view->map->cell_frames, row = UINT64_MAX;
	size_t rows = 0, i;

	for (i = 0; i < node->nr; i++) {
		rows += node->squares[i].pfn / row_frames != row;
		row = node->squares[i].pfn / row_frames;
	}
	return rows;
}

static unsigned int draw_legend(struct picture *picture, const struct view *view, unsigned int y)
{
	static const struct {
		const struct rgb *colour;
		const char *text;
	} plain[] = {
		{ &blue, "allocated" }, { &green, "free" }, { &amber, "untracked" },
		{ &red, "stripe: how fragmented what is free is" },
	}, change[] = {
		{ &dark_green, "more is free" }, { &red, "less is free" }, { &grey, "as before" },
		{ &violet, "new" }, { &black, "gone" },
	};
	unsigned int x = MARGIN;
	size_t i, nr = view->before ? ARRAY_SIZE(change) : ARRAY_SIZE(plain);

	for (i = 0; i < nr; i++) {
		const char *text = view->before ? change[i].text : plain[i].text;

		picture_box(picture, x, y + 2, SQUARE - 1, SQUARE - 1,
			    view->before ? *change[i].colour : *plain[i].colour, NULL);
		picture_text(picture, x + SQUARE + 4, y, text);
		x += SQUARE + 24 + 8 * strlen(text);
	}
	return y + LINE + 6;
}

static struct picture *draw(const struct view *view)
{
	const unsigned int label = 7 * 14, width = 2 * MARGIN + label + COLUMNS * SQUARE;
	unsigned int height = 2 * MARGIN + 4 * LINE + 6, y = MARGIN;
	struct picture *picture;
	char *text, *more;
	size_t i, j;

	for (i = 0; i < view->nr_nodes; i++)
		height += 2 * LINE + node_rows(view, &view->nodes[i]) * SQUARE;
	picture = picture_new(width, height);
	text = when_text(view->map);
	more = scale_text(view);
	picture_text(picture, MARGIN, y, text);
	free(text);
	y += LINE;
	if (view->before) {
		text = when_text(view->before);
		picture_text(picture, MARGIN, y, "compared with");
		picture_text(picture, MARGIN + 8 * 14, y, text);
		free(text);
		y += LINE;
	}
	picture_text(picture, MARGIN, y, more);
	free(more);
	y = draw_legend(picture, view, y + LINE);
	for (i = 0; i < view->nr_nodes; i++) {
		const struct node_map *node = &view->nodes[i];
		uint64_t square_frames = view->per_square * view->map->cell_frames;
		uint64_t row = UINT64_MAX;

		text = node_text(view, node);
		picture_text(picture, MARGIN, y, text);
		free(text);
		y += LINE - SQUARE + 2;
		for (j = 0; j < node->nr; j++) {
			const struct square *square = &node->squares[j];
			uint64_t at = square->pfn / square_frames;

			if (at / COLUMNS != row) {
				row = at / COLUMNS;
				y += SQUARE;
				text = format_text("%12" PRIx64, row * COLUMNS * square_frames *
						   view->map->page_size);
				picture_text(picture, MARGIN, y - 1, text + strspn(text, " "));
				free(text);
			}
			draw_square(picture, view, square,
				    MARGIN + label + at % COLUMNS * SQUARE, y);
		}
		y += SQUARE + LINE;
	}
	return picture;
}

/* ---- JSON ---- */

static void json_sums(const struct sums *sums)
{
	json_number("frames", sums->frames);
	json_number("allocated", sums->allocated);
	json_number("free", sums->free);
	json_number("untracked", sums->untracked);
	json_number("runs", sums->runs);
	json_number("free_in_whole_cells", sums->whole);
	json_real("fragmentation", fragmentation(sums));
}

static void json_map(const struct view *view)
{
	size_t i, j;

	json_begin("map");
	json_string("release", view->map->release);
	json_number("captured", view->map->captured);
	json_number("page_size", view->map->page_size);
	json_number("square_frames", view->per_square * view->map->cell_frames);
	json_open("nodes", '[');
	for (i = 0; i < view->nr_nodes; i++) {
		const struct node_map *node = &view->nodes[i];

		json_open(NULL, '{');
		json_signed("node", node->node);
		json_sums(&node->now);
		if (view->before) {
			json_open("before", '{');
			json_sums(&node->before);
			json_close();
		}
		json_open("squares", '[');
		for (j = 0; j < node->nr; j++) {
			const struct square *square = &node->squares[j];

			if (!square->present && !square->was_present)
				continue;
			json_open(NULL, '{');
			json_number("pfn", square->pfn);
			json_sums(&square->now);
			if (view->before) {
				json_open("before", '{');
				json_sums(&square->before);
				json_close();
			}
			json_close();
		}
		json_close();
		json_close();
	}
	json_close();
	json_end();
}

/* ---- files ---- */

static void read_now(struct map *map)
{
	struct buffer buffer;
	struct why why;
	int ret;

	need_loaded();
	module_read(DEBUGFS, "map", &buffer);
	ret = map_parse(buffer.data, buffer.size, map, &why);
	buffer_free(&buffer);
	if (ret)
		fail(STATUS_FOREIGN, DEBUGFS "/map: %s", why.text);
	map->page_size = sysconf(_SC_PAGESIZE);
	map->captured = time(NULL);
	map->release = file_line("/proc/sys/kernel/osrelease");
}

static void read_captured(const char *path, struct map *map)
{
	struct buffer buffer;
	struct why why;
	int ret = caller_read(path, &buffer, LARGE_FILE);

	if (ret)
		fail(ret == -EACCES ? STATUS_PERMISSION : STATUS_LACKING, "%s: %s", path,
		     strerror(-ret));
	ret = map_load(buffer.data, buffer.size, map, &why);
	buffer_free(&buffer);
	if (ret)
		fail(STATUS_FOREIGN, "%s: %s", path, why.text);
}

/* Whole or not at all: another name first. */
static void capture(const char *path, const struct map *map)
{
	char *other = format_text("%s.new", path);
	FILE *stream = fopen(other, "we");
	int ret;

	if (!stream)
		fail(STATUS_OUTPUT, "%s: %s", other, strerror(errno));
	ret = map_save(stream, map);
	if (fclose(stream) | ret) {
		int error = errno;

		unlink(other);
		fail(STATUS_OUTPUT, "%s: %s", other, strerror(error ? error : EIO));
	}
	if (rename(other, path)) {
		int error = errno;

		unlink(other);
		fail(STATUS_OUTPUT, "%s: %s", path, strerror(error));
	}
	free(other);
}

static void check_same_kind(const struct map *map, const struct map *before)
{
	if (map->cell_frames != before->cell_frames || map->page_size != before->page_size)
		fail(STATUS_FOREIGN, "map: the two have cells or pages of different sizes");
}

static void output(const struct map *map, const struct map *before, const char *path)
{
	struct picture *picture;
	struct view view;
	struct why why;
	int ret;

	make_view(&view, map, before, MAX_SQUARES);
	picture = draw(&view);
	ret = picture_write(picture, path, &why);
	picture_free(picture);
	free_view(&view);
	if (ret)
		fail(STATUS_OUTPUT, "%s: %s", path, why.text);
}

int command_map(int argc, char **argv)
{
	static const struct option long_options[] = {
		{ "output", required_argument, NULL, 'o' },
		{ "capture", required_argument, NULL, 'c' },
		{ "from", required_argument, NULL, 'f' },
		{ "compare", no_argument, NULL, 'd' },
		{ NULL, 0, NULL, 0 },
	};
	const char *to = NULL, *keep = NULL, *from = NULL;
	struct map map = { 0 }, before = { 0 };
	bool compare = false;
	struct view view;
	int option;

	opterr = 0;
	while ((option = getopt_long(argc, argv, "o:", long_options, NULL)) != -1) {
		switch (option) {
		case 'o':
			to = optarg;
			break;
		case 'c':
			keep = optarg;
			break;
		case 'f':
			from = optarg;
			break;
		case 'd':
			compare = true;
			break;
		default:
			bad_option("map", argv);
		}
	}
	if (compare && (argc - optind != 2 || from || keep))
		fail(STATUS_USAGE, "map --compare takes two captured files, the older one first");
	if (!compare && optind < argc)
		fail(STATUS_USAGE, "map: \"%s\" is one argument too many", argv[optind]);
	if (from && keep)
		fail(STATUS_USAGE, "map: --capture keeps what is now, and --from reads what was kept");
	if (compare) {
		read_captured(argv[optind], &before);
		read_captured(argv[optind + 1], &map);
		check_same_kind(&map, &before);
	} else if (from) {
		read_captured(from, &map);
	} else {
		read_now(&map);
	}
	if (keep)
		capture(keep, &map);
	if (to)
		output(&map, compare ? &before : NULL, to);
	if (options.json || (!to && !keep)) {
		/* On a terminal, about twenty rows for all of memory. */
		make_view(&view, &map, compare ? &before : NULL,
			  options.json ? MAX_SQUARES : 20 * 64);
		if (options.json)
			json_map(&view);
		else
			print_map(&view);
		free_view(&view);
	}
	map_free(&map);
	map_free(&before);
	return STATUS_YES;
}
