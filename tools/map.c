// SPDX-License-Identifier: GPL-2.0-only
/*
 * "dualbmctl map": physical memory node by node, in the terminal, as SVG or as PNG; of now, of
 * a captured moment, of several, or of what changed between two.
 *
 * A square is a number of cells, a cell what the module counts: 2 MiB.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "map.h"

/* A picture has 64 squares in a row; this is what one page of paper can show. */
#define PICTURE_COLUMNS	64
#define PICTURE_SQUARES	8192
#define PICTURE_ROWS	1024
/* Of each of several moments. */
#define MOMENT_SQUARES	2048
#define MOMENT_ROWS	96
#define MAX_MOMENTS	20
/* A screen or two of text. */
#define TEXT_ROWS	32
#define LABEL		8
#define NOTE		37
#define MAX_SECONDS	86400
#define MAX_COUNT	100000

struct request {
	const char *output, *capture, *from, *record;
	bool compare, have_threshold;
	double threshold;
	uint64_t every, count;
};

/* ---- the terminal ---- */

/* By how much is free: from '#', nothing, to '.', all. */
static char state_letter(const struct sums *sums)
{
	static const char letters[] = "#%=-.";

	if (square_untracked(sums))
		return '?';
	if (!sums->free)
		return '#';
	if (sums->free == sums->frames)
		return '.';
	return letters[1 + sums->free * 3 / (sums->frames + 1)];
}

static char square_letter(const struct square *square)
{
	static const char planes[] = "PSUK";

	if (!square->present)
		return ' ';
	if (square->violation)
		return '!';
	if (square->planes & (square->planes - 1))
		return '&';
	if (square->planes)
		return planes[__builtin_ctz(square->planes)];
	return state_letter(&square->now);
}

/* How long runs of free frames are: an order, '+' for one of two digits. */
static char order_letter(const struct square *square)
{
	double order = round(sums_order(&square->now));

	if (!square->present)
		return ' ';
	if (order < 0)
		return square_untracked(&square->now) ? '?' : '#';
	return order > 9 ? '+' : '0' + (char)order;
}

static char change_letter(const struct view *view, const struct square *square)
{
	static const char letters[] = {
		[SAME] = '.', [MORE_FREE] = '+', [LESS_FREE] = '-', [UNTRACKED_CHANGED] = '~',
		[NEW] = 'n', [GONE] = 'x',
	};

	if (!square->present && !square->was_present)
		return ' ';
	return letters[square_change(view, square)];
}

static enum colour letter_colour(char letter)
{
	switch (letter) {
	case '#':
	case 'P':
	case 'S':
	case 'U':
	case 'K':
	case '&':
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
	case '!':
		return BAD;
	default:
		return PLAIN;
	}
}

static void put_letters(const char *letters, size_t nr)
{
	size_t i;

	for (i = 0; i < nr; i++)
		if (letters[i] == ' ' || !options.colour)
			putchar(letters[i]);
		else
			printf("%s%c%s", colour(letter_colour(letters[i])), letters[i],
			       colour(PLAIN));
}

/* How a terminal's columns are used: one panel or two, and a note at the end of each row. */
struct layout {
	unsigned int columns;
	bool two, note;
};

static struct layout text_layout(bool compare)
{
	int width = options.columns - LABEL, each = width;
	struct layout layout = { 0 };

	layout.two = !compare && (width - 2) / 2 >= PICTURE_COLUMNS;
	if (layout.two)
		each = (width - 2) / 2;
	/* A row begins at an address that is easy to read. */
	for (layout.columns = 4; (int)layout.columns * 2 <= each; layout.columns *= 2)
		;
	width -= layout.columns * (layout.two ? 2 : 1) + (layout.two ? 2 : 0);
	layout.note = !compare && width >= NOTE;
	return layout;
}

static void print_row(const struct view *view, const struct node_map *node, size_t first,
		      size_t end, const struct layout *layout)
{
	uint64_t row = view_row(view, &node->squares[first]);
	char *label = view_gib(row * view->columns * view->square_frames, view->map), *zones;
	char *letters = allocate(2 * view->columns), *orders = letters + view->columns;
	size_t used = 0, i;
	struct sums sums = { 0 };

	memset(letters, ' ', 2 * view->columns);
	for (i = first; i < end; i++) {
		const struct square *square = &node->squares[i];
		unsigned int column = view_column(view, square);

		letters[column] = view->before ? change_letter(view, square) :
						 square_letter(square);
		orders[column] = order_letter(square);
		sums.frames += square->now.frames;
		sums.free += square->now.free;
		sums.whole += square->now.whole;
		if (letters[column] != ' ')
			used = column + 1;
	}
	printf("%*s ", LABEL - 1, label);
	put_letters(letters, layout->two || layout->note ? view->columns : used);
	if (layout->two) {
		fputs("  ", stdout);
		put_letters(orders, layout->note ? view->columns : used);
	}
	if (layout->note) {
		zones = view_row_zones(view, node->node, row);
		printf("  %-9.9s %3.0f %% free %3.0f %% < order %u", zones ? zones : "",
		       sums.frames ? 100.0 * sums.free / sums.frames : 0, sums_broken(&sums),
		       view->order);
		free(zones);
	}
	putchar('\n');
	free(letters);
	free(label);
}

static void print_node_head(const struct view *view, const struct node_map *node)
{
	const struct sums *now = &node->now, *before = &node->before;
	uint64_t page = view->map->page_size;
	bool first = true;
	char *text;
	size_t i;

	printf("%snode %d%s  ", colour(BOLD), node->node, colour(PLAIN));
	if (view->before) {
		printf("free %s -> %s, allocated %s -> %s\n", human_bytes(before->free * page),
		       human_bytes(now->free * page), human_bytes(before->allocated * page),
		       human_bytes(now->allocated * page));
		printf("        untracked %s -> %s, %.0f %% -> %.0f %% of what is free below order %u\n",
		       human_bytes(before->untracked * page), human_bytes(now->untracked * page),
		       sums_broken(before), sums_broken(now), view->order);
		return;
	}
	printf("%s: allocated %s, free %s, untracked %s\n", human_bytes(now->frames * page),
	       human_bytes(now->allocated * page), human_bytes(now->free * page),
	       human_bytes(now->untracked * page));
	printf("        %.0f %% of what is free is in blocks below order %u, in %" PRIu64 " runs\n",
	       sums_broken(now), view->order, now->runs - now->whole / view->map->cell_frames);
	for (i = 0; i < view->map->nr_zones; i++) {
		const struct map_zone *zone = &view->map->zones[i];

		if (zone->node != node->node)
			continue;
		/* Frame 0 is of no zone, and the first begins behind it. */
		text = format_text("%.4g", (double)(zone->pfn * page >> 20) / 1024);
		printf("%s%s from %s", first ? "        zones: " : ", ", zone->name, text);
		free(text);
		first = false;
	}
	if (!first)
		puts(" GiB");
	if (!node->nr_others)
		return;
	fputs("        its planes:", stdout);
	for (i = 0; i < node->nr_others; i++) {
		text = view_planes_on(node, node->others[i].node);
		printf("%s %s on node %d", i ? "," : "", text ? text : "none",
		       node->others[i].node);
		free(text);
	}
	putchar('\n');
}

static void print_legend(const struct view *view, const struct layout *layout)
{
	printf("a square is %s, addresses are GiB\n",
	       human_bytes(view->square_frames * view->map->page_size));
	if (view->before) {
		puts("+ more is free  - less is free  ~ untracked changed  . as before  n new  x gone");
		if (view->threshold)
			printf("%" PRIu64 " squares changed by %g %% or more; what changed less is as before\n",
			       view->changed, view->threshold);
		else
			printf("%" PRIu64 " squares changed\n", view->changed);
		return;
	}
	puts("# all allocated  % = - more and more free  . all free  ? untracked");
	if (view->map->nr_planes || view->map->nr_violations)
		puts("P S U K its planes: primary, secondary, untracked, known; & several  ! violation");
	if (layout->note)
		printf("at the end of a row: how much is free, and how much of that is in blocks below order %u\n",
		       view->order);
	if (layout->two)
		puts("on the right: how long runs of free frames are on average, as an order; # nothing free");
}

static void print_map(const struct view *view, const struct layout *layout)
{
	char *text = view_when(view->map);
	size_t i, j, first;

	print_safe(stdout, text);
	free(text);
	if (view->before) {
		text = view_when(view->before);
		fputs("\ncompared with ", stdout);
		print_safe(stdout, text);
		free(text);
	}
	putchar('\n');
	print_legend(view, layout);
	for (i = 0; i < view->nr_nodes; i++) {
		const struct node_map *node = &view->nodes[i];

		print_node_head(view, node);
		for (first = 0, j = 1; j <= node->nr; j++) {
			if (j < node->nr && view_row(view, &node->squares[j]) ==
			    view_row(view, &node->squares[first]))
				continue;
			print_row(view, node, first, j, layout);
			first = j;
		}
	}
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
	json_real("fragmentation", sums_fragmentation(sums));
}

static void json_before(const struct view *view, const struct sums *before)
{
	if (!view->before)
		return;
	json_open("before", '{');
	json_sums(before);
	json_close();
}

static void json_square(const struct view *view, const struct square *square)
{
	enum plane plane;

	json_open(NULL, '{');
	json_number("pfn", square->pfn);
	json_sums(&square->now);
	if (view->before)
		json_bool("changed", square_change(view, square) != SAME);
	json_before(view, &square->before);
	if (square->planes) {
		json_open("planes", '[');
		for (plane = 0; plane < NR_PLANES; plane++)
			if (square->planes >> plane & 1)
				json_string(NULL, plane_names[plane]);
		json_close();
	}
	if (square->violation)
		json_bool("violation", true);
	json_close();
}

static void json_node(const struct view *view, const struct node_map *node)
{
	enum plane plane;
	size_t i;

	json_open(NULL, '{');
	json_signed("node", node->node);
	json_sums(&node->now);
	json_before(view, &node->before);
	json_open("zones", '[');
	for (i = 0; i < view->map->nr_zones; i++) {
		const struct map_zone *zone = &view->map->zones[i];

		if (zone->node != node->node)
			continue;
		json_open(NULL, '{');
		json_string("zone", zone->name);
		json_number("pfn", zone->pfn);
		json_number("frames", zone->frames);
		json_close();
	}
	json_close();
	/* Pages of the planes of this node's memory, by the node that they lie on. */
	json_open("planes", '[');
	for (i = 0; i < node->nr_others; i++) {
		json_open(NULL, '{');
		json_signed("on", node->others[i].node);
		for (plane = 0; plane < NR_PLANES; plane++)
			json_number(plane_names[plane], node->others[i].pages[plane]);
		json_close();
	}
	json_close();
	json_open("squares", '[');
	for (i = 0; i < node->nr; i++)
		if (node->squares[i].present || node->squares[i].was_present)
			json_square(view, &node->squares[i]);
	json_close();
	json_close();
}

static void json_moment(const struct view *view)
{
	size_t i;

	json_open(NULL, '{');
	json_number("captured", view->map->captured);
	json_open("nodes", '[');
	for (i = 0; i < view->nr_nodes; i++) {
		json_open(NULL, '{');
		json_signed("node", view->nodes[i].node);
		json_sums(&view->nodes[i].now);
		json_close();
	}
	json_close();
	json_close();
}

static void json_map(const struct view *view, const struct view *moments, size_t nr_moments)
{
	const struct map *map = view->map;
	size_t i;

	json_begin("map");
	json_string("release", map->release);
	json_number("captured", map->captured);
	json_number("page_size", map->page_size);
	json_number("square_frames", view->square_frames);
	json_number("whole_order", view->order);
	if (view->before) {
		json_real("threshold", view->threshold);
		json_number("changed", view->changed);
	}
	json_open("nodes", '[');
	for (i = 0; i < view->nr_nodes; i++)
		json_node(view, &view->nodes[i]);
	json_close();
	json_open("violations", '[');
	for (i = 0; i < map->nr_violations; i++) {
		json_open(NULL, '{');
		json_number("record", map->violations[i].record);
		json_string("class", map->violations[i].class);
		json_number("pfn", map->violations[i].pfn);
		json_number("frames", map->violations[i].frames);
		json_close();
	}
	json_close();
	if (nr_moments > 1) {
		json_open("moments", '[');
		for (i = 0; i < nr_moments; i++)
			json_moment(&moments[i]);
		json_close();
	}
	json_end();
}

/* ---- files ---- */

/* What a map can do without: a file that is not there, or that nobody can read, is left out. */
static void add_file(struct map *map, const char *path,
		     int (*function)(struct map *map, char *text, struct why *why))
{
	struct buffer buffer;
	struct why why;

	if (file_read(path, &buffer, LARGE_FILE))
		return;
	if (function(map, buffer.data, &why))
		warn("%s: %s; the map is without the rest of it", path, why.text);
	buffer_free(&buffer);
}

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
	add_file(map, "/proc/zoneinfo", map_add_zones);
	add_file(map, DEBUGFS "/planes", map_add_planes);
	add_file(map, DEBUGFS "/violations", map_add_violations);
}

/* Maps of one file, one behind the other. */
struct recording {
	const char *path;
	struct buffer buffer;
	size_t nr, *starts;
};

static void open_recording(struct recording *recording, const char *path)
{
	int ret = caller_read(path, &recording->buffer, LARGE_FILE);
	size_t at = 0, size;

	if (ret)
		fail(ret == -EACCES ? STATUS_PERMISSION : STATUS_LACKING, "%s: %s", path,
		     strerror(-ret));
	recording->path = path;
	recording->nr = 0;
	recording->starts = NULL;
	size = recording->buffer.size;
	do {
		if (!(recording->nr & (recording->nr - 1)))
			recording->starts = reallocate(recording->starts, (recording->nr * 2 + 1) *
						       sizeof(*recording->starts));
		recording->starts[recording->nr++] = at;
		at += map_first(recording->buffer.data + at, size - at);
	} while (at < size);
}

static void close_recording(struct recording *recording)
{
	buffer_free(&recording->buffer);
	free(recording->starts);
}

static void load_moment(const struct recording *recording, size_t i, struct map *map)
{
	const char *at = recording->buffer.data + recording->starts[i];
	size_t end = i + 1 < recording->nr ? recording->starts[i + 1] : recording->buffer.size;
	struct why why;

	if (!map_load(at, end - recording->starts[i], map, &why))
		return;
	if (recording->nr > 1)
		fail(STATUS_FOREIGN, "%s: map %zu of %zu: %s", recording->path, i + 1,
		     recording->nr, why.text);
	fail(STATUS_FOREIGN, "%s: %s", recording->path, why.text);
}

/* The last one of a file: what it says now. */
static void read_captured(const char *path, struct map *map)
{
	struct recording recording;

	open_recording(&recording, path);
	load_moment(&recording, recording.nr - 1, map);
	close_recording(&recording);
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

/* Nothing is added to what is no recording, nor behind half a map. */
static bool ends_well(int fd, off_t size)
{
	char first[12] = "", last[64] = "", *line;
	ssize_t got;

	if (!size)
		return true;
	if (pread(fd, first, sizeof(first) - 1, 0) != sizeof(first) - 1 ||
	    strcmp(first, "dualbm-map "))
		return false;
	got = pread(fd, last, sizeof(last) - 1,
		    size > (off_t)sizeof(last) - 1 ? size - (off_t)sizeof(last) + 1 : 0);
	if (got < 2 || last[got - 1] != '\n')
		return false;
	last[got - 1] = '\0';
	line = strrchr(last, '\n');
	return line && !strncmp(line + 1, "end ", 4);
}

/* One more map at the end of a file: as a whole, or the file stays as it was. */
static void record(const char *path, const struct map *map)
{
	int fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK, 0666);
	struct buffer buffer;
	struct stat status;
	FILE *stream;
	ssize_t done;
	int error;

	if (fd < 0 || flock(fd, LOCK_EX) || fstat(fd, &status))
		fail(STATUS_OUTPUT, "%s: %s", path, strerror(errno));
	if (!S_ISREG(status.st_mode) || !ends_well(fd, status.st_size))
		fail(STATUS_FOREIGN, "%s: not a recording, or its last map is not whole", path);
	stream = open_memstream(&buffer.data, &buffer.size);
	if (!stream || map_save(stream, map) | fclose(stream))
		fail(STATUS_LACKING, "out of memory");
	done = write(fd, buffer.data, buffer.size);
	error = done < 0 ? errno : ENOSPC;
	if (done != (ssize_t)buffer.size) {
		if (ftruncate(fd, status.st_size))
			error = errno;
		fail(STATUS_OUTPUT, "%s: %s", path, strerror(error));
	}
	if (close(fd))
		fail(STATUS_OUTPUT, "%s: %s", path, strerror(errno));
	free(buffer.data);
}

static void check_same_kind(const struct map *map, const struct map *before)
{
	if (map->cell_frames != before->cell_frames || map->page_size != before->page_size)
		fail(STATUS_FOREIGN, "map: the two have cells or pages of different sizes");
}

/* ---- one map, or two ---- */

static uint64_t common_square(const struct map *map, const struct map *before,
			      const struct view_limits *limits)
{
	uint64_t square = view_square_frames(map, limits);
	uint64_t other = before ? view_square_frames(before, limits) : 0;

	return other > square ? other : square;
}

static uint64_t show(const struct map *map, const struct map *before,
		     const struct request *request, bool text)
{
	struct view_limits limits = { PICTURE_COLUMNS, PICTURE_SQUARES, PICTURE_ROWS };
	struct layout layout = text_layout(before);
	uint64_t changed;
	struct view view;

	view_make(&view, map, before, common_square(map, before, &limits), limits.columns,
		  request->threshold);
	changed = view.changed;
	if (request->output)
		draw_map(&view, request->output);
	if (options.json)
		json_map(&view, NULL, 0);
	view_free(&view);
	if (options.json || !text)
		return changed;
	limits = (struct view_limits){ layout.columns, TEXT_ROWS * layout.columns, 2 * TEXT_ROWS };
	view_make(&view, map, before, common_square(map, before, &limits), limits.columns,
		  request->threshold);
	print_map(&view, &layout);
	changed = view.changed;
	view_free(&view);
	return changed;
}

/* ---- several moments ---- */

struct moments {
	size_t nr, of;
	struct map *maps;
	struct view *views;
};

/* Of so many, which is the @i-th that is shown: the first and the last are among them. */
static size_t chosen(size_t i, const struct moments *moments)
{
	return moments->nr < 2 ? 0 : i * (moments->of - 1) / (moments->nr - 1);
}

/* Each map is read twice, and its cells forgotten: a recording may be longer than memory. */
static void read_moments(const struct recording *recording, struct moments *moments)
{
	const struct view_limits limits = { PICTURE_COLUMNS, MOMENT_SQUARES, MOMENT_ROWS };
	uint64_t square = 0, other;
	size_t i, j;

	moments->of = recording->nr;
	moments->nr = recording->nr < MAX_MOMENTS ? recording->nr : MAX_MOMENTS;
	moments->maps = allocate(moments->nr * sizeof(*moments->maps));
	moments->views = allocate(moments->nr * sizeof(*moments->views));
	for (i = 0; i < moments->nr; i++) {
		struct map map;

		load_moment(recording, chosen(i, moments), &map);
		other = view_square_frames(&map, &limits);
		if (other > square)
			square = other;
		map_free(&map);
	}
	for (i = 0; i < moments->nr; i++) {
		struct map *map = &moments->maps[i];

		load_moment(recording, chosen(i, moments), map);
		check_same_kind(map, &moments->maps[0]);
		view_make(&moments->views[i], map, NULL, square, limits.columns, 0);
		for (j = 0; j < map->nr_chunks; j++) {
			free(map->chunks[j].cells);
			map->chunks[j].cells = NULL;
			map->chunks[j].nr_cells = 0;
		}
	}
}

static void free_moments(struct moments *moments)
{
	size_t i;

	for (i = 0; i < moments->nr; i++) {
		view_free(&moments->views[i]);
		map_free(&moments->maps[i]);
	}
	free(moments->maps);
	free(moments->views);
}

static void print_moments(const struct moments *moments)
{
	size_t i, j;

	printf("%zu of %zu moments\n%-24s %5s %11s %11s %11s %8s\n", moments->nr, moments->of,
	       "", "node", "free", "allocated", "untracked", "< order");
	for (i = 0; i < moments->nr; i++) {
		const struct view *view = &moments->views[i];
		uint64_t page = view->map->page_size;
		char *when = view_when(view->map), *comma = strrchr(when, ',');

		for (j = 0; j < view->nr_nodes; j++) {
			const struct sums *now = &view->nodes[j].now;

			printf("%-24s %5d %11s %11s %11s %2u: %2.0f %%\n",
			       j ? "" : comma ? comma + 2 : when, view->nodes[j].node,
			       human_bytes(now->free * page), human_bytes(now->allocated * page),
			       human_bytes(now->untracked * page), view->order, sums_broken(now));
		}
		free(when);
	}
}

/* A file with one map is that map. */
static void show_file(const struct request *request, bool text)
{
	struct recording recording;
	struct moments moments;
	struct map map;

	open_recording(&recording, request->from);
	if (recording.nr == 1) {
		load_moment(&recording, 0, &map);
		show(&map, NULL, request, text);
		map_free(&map);
		close_recording(&recording);
		return;
	}
	read_moments(&recording, &moments);
	if (request->output)
		draw_strip(moments.views, moments.nr, request->output);
	if (options.json)
		json_map(&moments.views[moments.nr - 1], moments.views, moments.nr);
	else if (text)
		print_moments(&moments);
	free_moments(&moments);
	close_recording(&recording);
}

/* ---- the command ---- */

static void read_number(const char *text, const char *name, uint64_t most, uint64_t *value)
{
	if (!parse_number(text, value) || !*value || *value > most)
		fail(STATUS_USAGE, "map --%s takes a number from 1 to %" PRIu64 ", not \"%s\"",
		     name, most, text);
}

static double read_percent(const char *text)
{
	char *end;
	double value = strtod(text, &end);

	if (!*text || *end || !(value >= 0 && value <= 100))
		fail(STATUS_USAGE, "map --threshold takes a number from 0 to 100, not \"%s\"",
		     text);
	return value;
}

static void read_options(int argc, char **argv, struct request *request)
{
	static const struct option long_options[] = {
		{ "output", required_argument, NULL, 'o' },
		{ "capture", required_argument, NULL, 'c' },
		{ "from", required_argument, NULL, 'f' },
		{ "compare", no_argument, NULL, 'd' },
		{ "threshold", required_argument, NULL, 't' },
		{ "record", required_argument, NULL, 'r' },
		{ "every", required_argument, NULL, 'e' },
		{ "count", required_argument, NULL, 'n' },
		{ "width", required_argument, NULL, 'w' },
		{ NULL, 0, NULL, 0 },
	};
	uint64_t width;
	int option;

	opterr = 0;
	while ((option = getopt_long(argc, argv, "o:", long_options, NULL)) != -1) {
		switch (option) {
		case 'o':
			request->output = optarg;
			break;
		case 'c':
			request->capture = optarg;
			break;
		case 'f':
			request->from = optarg;
			break;
		case 'd':
			request->compare = true;
			break;
		case 't':
			request->threshold = read_percent(optarg);
			request->have_threshold = true;
			break;
		case 'r':
			request->record = optarg;
			break;
		case 'e':
			read_number(optarg, "every", MAX_SECONDS, &request->every);
			break;
		case 'n':
			read_number(optarg, "count", MAX_COUNT, &request->count);
			break;
		case 'w':
			read_number(optarg, "width", 1000, &width);
			options.columns = width < 20 ? 20 : width;
			break;
		default:
			bad_option("map", argv, long_options);
		}
	}
}

static void check_request(const struct request *request, int arguments, char **argv)
{
	if (request->compare && (arguments != 2 || request->from || request->capture))
		fail(STATUS_USAGE, "map --compare takes two captured files, the older one first");
	if (!request->compare && arguments)
		fail(STATUS_USAGE, "map: \"%s\" is one argument too many", argv[optind]);
	if (request->from && request->capture)
		fail(STATUS_USAGE, "map: --capture keeps what is now, and --from reads what was kept");
	if (request->record && (request->compare || request->from || request->capture))
		fail(STATUS_USAGE, "map: --record keeps what is now, and takes no other file than its own and --output");
	if (request->have_threshold && !request->compare)
		fail(STATUS_USAGE, "map: --threshold is for --compare");
	if ((request->every || request->count) && !request->record)
		fail(STATUS_USAGE, "map: --every and --count are for --record");
	if (!request->every != !request->count)
		fail(STATUS_USAGE, "map: --every and --count go together");
	if (request->output && !pictures_built())
		fail(STATUS_LACKING, "map: built without pictures");
	if (request->output && !picture_kind(request->output))
		fail(STATUS_OUTPUT, "%s: a picture's name ends with .svg or .png", request->output);
}

static void record_all(const struct request *request)
{
	uint64_t i, count = request->count ? request->count : 1;
	struct map map;

	for (i = 0; i < count; i++) {
		if (i)
			sleep(request->every);
		read_now(&map);
		record(request->record, &map);
		map_free(&map);
	}
}

int command_map(int argc, char **argv)
{
	struct map map = { 0 }, before = { 0 };
	struct request request = { 0 };
	uint64_t changed;
	bool text;

	read_options(argc, argv, &request);
	check_request(&request, argc - optind, argv);
	text = !request.output && !request.capture && !request.record;
	if (request.record) {
		record_all(&request);
		request.from = request.record;
		if (!request.output && !options.json)
			return STATUS_YES;
	}
	if (request.from) {
		show_file(&request, text);
		return STATUS_YES;
	}
	if (request.compare) {
		read_captured(argv[optind], &before);
		read_captured(argv[optind + 1], &map);
		check_same_kind(&map, &before);
	} else {
		read_now(&map);
	}
	if (request.capture)
		capture(request.capture, &map);
	changed = show(&map, request.compare ? &before : NULL, &request, text);
	map_free(&map);
	map_free(&before);
	/* As diff(1): is it as it was? */
	return request.have_threshold && changed ? STATUS_NO : STATUS_YES;
}
