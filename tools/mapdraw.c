// SPDX-License-Identifier: GPL-2.0-only
/*
 * The pictures of "dualbmctl map".
 *
 * Colours are chosen so that people who do not tell red from green read them, and so that they
 * can be printed: each scale goes one way from light to dark, and what is not on the scale is
 * grey and has a pattern. Red is for violations alone, and has a shape of its own, a ring.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "map.h"

#define MARGIN		20
#define SQUARE		10
/* Without the line between two. */
#define CELL		(SQUARE - 1)
#define COLUMNS		64
#define PANEL		(COLUMNS * SQUARE)
#define AXIS		56
#define ZONES		72
#define LEFT_X		(MARGIN + AXIS)
#define RIGHT_X		(LEFT_X + PANEL + ZONES)
#define WIDTH		(RIGHT_X + PANEL + MARGIN)
#define TEXT		12
#define SMALL		11
#define LINE_HEIGHT	18
/* Between rows where the node has no memory. */
#define GAP		8
/* Base lines of two labels that stand one below the other. */
#define LABEL_STEP	13
/* More are said, and not drawn. */
#define MAX_NODES	64
#define MAX_RECORDS	12
/* Of zones, for each node. */
#define MAX_NAMES	8
#define MAX_MATRIX	16
#define NR_STEPS	11
#define LLU(number)	((unsigned long long)(number))

static const struct rgb black = { 0x10, 0x10, 0x10 }, white = { 0xff, 0xff, 0xff },
	red = { 0xd0, 0x00, 0x20 }, grey = { 0xc4, 0xc4, 0xc4 }, dark_grey = { 0x6a, 0x6a, 0x6a },
	middle_grey = { 0x98, 0x98, 0x98 }, pale_grey = { 0xe2, 0xe2, 0xe2 };

#define NR_POINTS	5

/*
 * Points of a scale; what is between them is mixed. Their lightness falls from first to last.
 * What is allocated is shown by five points of viridis, which was made for this by N. Smith and
 * S. van der Walt, and is free of rights.
 */
struct scale {
	struct rgb points[NR_POINTS];
};

static const struct scale occupancy_scale = { {
	{ 0xfd, 0xe7, 0x25 }, { 0x5e, 0xc9, 0x62 }, { 0x21, 0x91, 0x8c }, { 0x3b, 0x52, 0x8b },
	{ 0x44, 0x01, 0x54 },
} }, broken_scale = { {
	{ 0xfd, 0xd4, 0xa8 }, { 0xf6, 0x9b, 0x55 }, { 0xd5, 0x5f, 0x15 }, { 0x93, 0x38, 0x05 },
	{ 0x4a, 0x1c, 0x04 },
} }, more_scale = { {
	{ 0xf6, 0xdb, 0xb4 }, { 0xee, 0xba, 0x77 }, { 0xe6, 0x9a, 0x3a }, { 0xc4, 0x77, 0x1f },
	{ 0xa2, 0x55, 0x05 },
} }, less_scale = { {
	{ 0xc9, 0xdc, 0xee }, { 0x9a, 0xbf, 0xdf }, { 0x6b, 0xa3, 0xd0 }, { 0x43, 0x7c, 0xb2 },
	{ 0x1b, 0x55, 0x94 },
} };

static struct rgb on_scale(const struct scale *scale, double share)
{
	double at = fmin(fmax(share, 0), 1) * (NR_POINTS - 1);
	size_t i = at >= NR_POINTS - 1 ? NR_POINTS - 2 : (size_t)at;
	const struct rgb *a = &scale->points[i], *b = &scale->points[i + 1];

	at -= i;
	return (struct rgb){
		lround(a->r + (b->r - a->r) * at), lround(a->g + (b->g - a->g) * at),
		lround(a->b + (b->b - a->b) * at),
	};
}

/* In steps, so that a colour is found again in the legend. */
static struct rgb stepped(const struct scale *scale, double share)
{
	return on_scale(scale, round(share * (NR_STEPS - 1)) / (NR_STEPS - 1));
}

/* ---- what a square looks like ---- */

enum look { PLAIN_LOOK, HATCHED, CROSSED, NOTHING_FREE };

static enum look occupancy(const struct view *view, const struct square *square,
			   struct rgb *colour)
{
	const struct sums *now = &square->now;

	(void)view;
	*colour = grey;
	if (!square->present)
		return CROSSED;
	if (square_untracked(now))
		return HATCHED;
	*colour = stepped(&occupancy_scale, (double)now->allocated / (now->allocated + now->free));
	return PLAIN_LOOK;
}

static enum look brokenness(const struct view *view, const struct square *square,
			    struct rgb *colour)
{
	double order = sums_order(&square->now);

	*colour = grey;
	if (!square->present)
		return CROSSED;
	if (order < 0)
		return square_untracked(&square->now) ? HATCHED : NOTHING_FREE;
	*colour = on_scale(&broken_scale, 1 - round(order) / (view->order ? view->order : 1));
	return PLAIN_LOOK;
}

/* Both scales begin at the smallest change that can be seen. */
static struct rgb change_rgb(double change)
{
	return change > 0 ? stepped(&more_scale, change) : stepped(&less_scale, -change);
}

static enum look free_change(const struct view *view, const struct square *square,
			     struct rgb *colour)
{
	const struct sums *now = &square->now;

	switch (square_change(view, square)) {
	case MORE_FREE:
	case LESS_FREE:
		*colour = change_rgb(((double)now->free - square->before.free) / now->frames);
		return PLAIN_LOOK;
	case UNTRACKED_CHANGED:
		*colour = grey;
		return HATCHED;
	case NEW:
		*colour = dark_grey;
		return PLAIN_LOOK;
	case GONE:
		return CROSSED;
	default:
		if (!square->present)
			return CROSSED;
		*colour = pale_grey;
		return PLAIN_LOOK;
	}
}

static enum look order_change(const struct view *view, const struct square *square,
			      struct rgb *colour)
{
	double now = sums_order(&square->now), before = sums_order(&square->before);
	enum change change = square_change(view, square);
	unsigned int orders = view->order ? view->order : 1;

	*colour = change == NEW ? dark_grey : pale_grey;
	if (!square->present)
		return CROSSED;
	if (change == SAME || change == NEW)
		return PLAIN_LOOK;
	if (now < 0 && before < 0)
		return NOTHING_FREE;
	/* Nothing free is neither whole nor broken: what was free, or is, counts from order 0. */
	if (round(now) != round(before))
		*colour = change_rgb((fmax(now, 0) - fmax(before, 0)) / orders ?:
				     (now > before ? 1.0 : -1.0) / orders);
	return PLAIN_LOOK;
}

typedef enum look look_function(const struct view *, const struct square *, struct rgb *);

static void draw_look(struct picture *picture, double x, double y, double size, enum look look)
{
	double half = size / 2, inset = size / 5;

	switch (look) {
	case HATCHED:
		picture_line(picture, x, y + half, x + half, y, 1, dark_grey);
		picture_line(picture, x, y + size, x + size, y, 1, dark_grey);
		picture_line(picture, x + half, y + size, x + size, y + half, 1, dark_grey);
		break;
	case CROSSED:
		picture_line(picture, x + inset, y + inset, x + size - inset, y + size - inset, 1,
			     middle_grey);
		picture_line(picture, x + inset, y + size - inset, x + size - inset, y + inset, 1,
			     middle_grey);
		break;
	case NOTHING_FREE:
		picture_outline(picture, x + 1.5, y + 1.5, size - 3, size - 3, 1, middle_grey);
		break;
	default:
		break;
	}
}

/* A corner for each plane, in a frame that stands out from any colour. */
static void draw_planes(struct picture *picture, double x, double y, double size,
			unsigned int planes)
{
	double third = size / 3;
	unsigned int i;

	picture_box(picture, x, y, size, size, white, NULL);
	picture_outline(picture, x - 0.5, y - 0.5, size + 1, size + 1, 2, black);
	for (i = 0; i < NR_PLANES; i++)
		if (planes >> i & 1)
			picture_box(picture, i % 2 ? x + size - third : x,
				    i / 2 ? y + size - third : y, third, third, black, NULL);
}

static void draw_ring(struct picture *picture, double x, double y, double size)
{
	/* Its edges are seen on any colour, and by who sees no red. */
	picture_outline(picture, x - 2, y - 2, size + 4, size + 4, 7, black);
	picture_outline(picture, x - 2, y - 2, size + 4, size + 4, 5.5, white);
	picture_outline(picture, x - 2, y - 2, size + 4, size + 4, 3, red);
}

/* ---- squares in their rows ---- */

/* Where a node's rows are: those that have no square are left out. */
struct grid {
	double x, y, size;
	double line;			/* between two squares */
	size_t nr;
	uint64_t *rows;
	double *tops;
	double bottom;
};

static void make_grid(struct grid *grid, const struct view *view, const struct node_map *node,
		      double x, double y, double size, double line)
{
	double at = y;
	size_t i;

	*grid = (struct grid){ .x = x, .y = y, .size = size, .line = line };
	grid->rows = allocate(node->nr * sizeof(*grid->rows));
	grid->tops = allocate(node->nr * sizeof(*grid->tops));
	for (i = 0; i < node->nr; i++) {
		uint64_t row = view_row(view, &node->squares[i]);

		if (grid->nr && grid->rows[grid->nr - 1] == row)
			continue;
		if (grid->nr)
			at += size + (grid->rows[grid->nr - 1] + 1 == row ? 0 : GAP);
		grid->rows[grid->nr] = row;
		grid->tops[grid->nr++] = at;
	}
	grid->bottom = at + size;
}

static void free_grid(struct grid *grid)
{
	free(grid->rows);
	free(grid->tops);
}

/* The title of a square and of all that follow it in its row and have the same in them. */
static size_t squares_alike(const struct view *view, const struct node_map *node, size_t i)
{
	const struct square *first = &node->squares[i];
	size_t j;

	for (j = i + 1; j < node->nr; j++) {
		const struct square *square = &node->squares[j];

		if (square->pfn != first->pfn + (j - i) * view->square_frames ||
		    view_row(view, square) != view_row(view, first) ||
		    square->present != first->present ||
		    square->was_present != first->was_present ||
		    square->planes != first->planes || square->violation != first->violation ||
		    memcmp(&square->now, &first->now, sizeof(first->now)) ||
		    memcmp(&square->before, &first->before, sizeof(first->before)))
			break;
	}
	return j;
}

static char *square_title(const struct view *view, const struct square *square, size_t nr)
{
	const struct sums *now = &square->now, *before = &square->before;
	uint64_t last = square->pfn + nr * view->square_frames - 1;
	const char *each = nr > 1 ? " each" : "";

	if (view->before)
		return format_text("pfn 0x%llx-0x%llx:%s free %llu -> %llu, allocated %llu -> %llu, untracked %llu -> %llu",
				   LLU(square->pfn), LLU(last), each, LLU(before->free),
				   LLU(now->free), LLU(before->allocated), LLU(now->allocated),
				   LLU(before->untracked), LLU(now->untracked));
	if (!square->present)
		return format_text("pfn 0x%llx-0x%llx: offline, or no memory", LLU(square->pfn),
				   LLU(last));
	return format_text("pfn 0x%llx-0x%llx:%s %llu allocated, %llu free in %llu runs, %llu untracked%s%s",
			   LLU(square->pfn), LLU(last), each, LLU(now->allocated), LLU(now->free),
			   LLU(now->runs), LLU(now->untracked),
			   square->planes ? ", has planes" : "",
			   square->violation ? ", violation" : "");
}

/* A square as it is drawn: where it is, and what it looks like. */
struct drawn {
	double x, y;
	enum look look;
	struct rgb colour;
};

static int by_colour(const void *a, const void *b)
{
	const struct drawn *first = a, *second = b;

	return memcmp(&first->colour, &second->colour, sizeof(first->colour));
}

/* Between two squares of a row there is no memory, or it is offline. */
static void draw_missing(struct picture *picture, const struct drawn *from, const struct drawn *to,
			 const struct grid *grid)
{
	double x;

	for (x = from->x + grid->size; from->y == to->y && x < to->x - grid->size / 2;
	     x += grid->size)
		draw_look(picture, x, from->y, grid->size - grid->line, CROSSED);
}

static void draw_squares(struct picture *picture, const struct view *view,
			 const struct node_map *node, const struct grid *grid, look_function *look,
			 bool titles)
{
	struct drawn *drawn = allocate(node->nr * sizeof(*drawn));
	double cell = grid->size - grid->line;
	size_t i, row = 0, same = 0;
	char *title = NULL;

	for (i = 0; i < node->nr; i++) {
		const struct square *square = &node->squares[i];

		while (grid->rows[row] != view_row(view, square))
			row++;
		drawn[i].x = grid->x + view_column(view, square) * grid->size;
		drawn[i].y = grid->tops[row];
		drawn[i].look = look(view, square, &drawn[i].colour);
		if (drawn[i].look == CROSSED || drawn[i].look == NOTHING_FREE)
			drawn[i].colour = white;
		if (!titles)
			continue;
		if (i == same) {
			free(title);
			same = squares_alike(view, node, i);
			title = square_title(view, square, same - i);
		}
		picture_box(picture, drawn[i].x, drawn[i].y, cell, cell, drawn[i].colour, title);
	}
	free(title);
	for (i = 1; i < node->nr; i++)
		draw_missing(picture, &drawn[i - 1], &drawn[i], grid);
	/* Without titles, all of a colour are one shape in the file. */
	if (!titles)
		qsort(drawn, node->nr, sizeof(*drawn), by_colour);
	for (i = 0; !titles && i < node->nr; i++)
		picture_box(picture, drawn[i].x, drawn[i].y, cell, cell, drawn[i].colour, NULL);
	for (i = 0; i < node->nr; i++)
		draw_look(picture, drawn[i].x, drawn[i].y, cell, drawn[i].look);
	free(drawn);
}

/* What lies over the squares. */
static void draw_marks(struct picture *picture, const struct view *view,
		       const struct node_map *node, const struct grid *grid, bool planes)
{
	size_t i, row;
	int rings;

	for (rings = 0; rings < 2; rings++) {
		for (row = 0, i = 0; i < node->nr; i++) {
			const struct square *square = &node->squares[i];
			double x = grid->x + view_column(view, square) * grid->size;

			while (grid->rows[row] != view_row(view, square))
				row++;
			if (!rings && planes && square->planes)
				draw_planes(picture, x, grid->tops[row], grid->size - grid->line,
					    square->planes);
			if (rings && square->violation)
				draw_ring(picture, x, grid->tops[row],
					  grid->size - grid->line);
		}
	}
}

/* A zone's beginning: a line between it and what is before it, as on a map of countries. */
static void draw_zones(struct picture *picture, const struct view *view,
		       const struct node_map *node, const struct grid *grid)
{
	size_t i, row;

	for (i = 0; i < view->map->nr_zones; i++) {
		const struct map_zone *zone = &view->map->zones[i];
		uint64_t square = zone->pfn / view->square_frames;
		double x = grid->x + square % view->columns * grid->size - 0.5;
		double end = grid->x + view->columns * grid->size - 0.5, top;

		if (zone->node != node->node || !node->nr || zone->pfn <= node->squares[0].pfn +
		    view->square_frames)
			continue;
		for (row = 0; row < grid->nr && grid->rows[row] < square / view->columns; row++)
			;
		if (row == grid->nr || grid->rows[row] != square / view->columns)
			continue;
		top = grid->tops[row] - 0.5;
		picture_line(picture, x, top, end, top, 1.5, black);
		if (!(square % view->columns))
			continue;
		picture_line(picture, x, top, x, top + grid->size, 1.5, black);
		picture_line(picture, grid->x - 0.5, top + grid->size, x, top + grid->size, 1.5,
			     black);
	}
}

/* How far from each other labels are: the first power of two of rows that leaves room. */
static uint64_t label_rows(const struct view *view, const struct grid *grid)
{
	uint64_t row_bytes = view->columns * view->square_frames * view->map->page_size, rows = 1;

	while (rows * grid->size < 2 * LABEL_STEP && rows < UINT32_MAX)
		rows *= 2;
	/* Whole GiB, if more than a few of them are there. */
	while (rows * row_bytes < 1ull << 30 && grid->nr >= 8 * rows)
		rows *= 2;
	return rows;
}

static void draw_axis(struct picture *picture, const struct view *view, const struct grid *grid,
		      bool unit)
{
	uint64_t step = label_rows(view, grid);
	double last = -LABEL_STEP;
	size_t row;
	char *text;

	for (row = 0; row < grid->nr; row++) {
		bool first = !row || grid->rows[row - 1] + 1 != grid->rows[row];
		double y = grid->tops[row];

		if ((!first && grid->rows[row] % step) || y < last + LABEL_STEP)
			continue;
		last = y;
		text = view_gib(grid->rows[row] * view->columns * view->square_frames, view->map);
		picture_text(picture, grid->x - 8, y + SMALL - 1, SMALL, false, RIGHT, AXIS, text);
		picture_line(picture, grid->x - 5, y, grid->x - 1, y, 1, dark_grey);
		free(text);
	}
	if (unit)
		picture_text(picture, grid->x - 8, grid->y - 10, SMALL, false, RIGHT, AXIS, "GiB");
}

/* Beside the rows that they begin in; says where the last one ends. */
static double draw_zone_names(struct picture *picture, const struct view *view,
			      const struct node_map *node, const struct grid *grid, double x)
{
	uint64_t frames = view->columns * view->square_frames;
	double last = -LABEL_STEP;
	size_t i, row, nr = 0;

	for (i = 0; i < view->map->nr_zones; i++) {
		const struct map_zone *zone = &view->map->zones[i];
		double y, at;

		/* The first row that has some of it: there may be no memory where it begins. */
		for (row = 0; row < grid->nr && grid->rows[row] < zone->pfn / frames; row++)
			;
		if (zone->node != node->node || row == grid->nr ||
		    grid->rows[row] * frames >= zone->pfn + zone->frames)
			continue;
		y = grid->tops[row];
		/* Pushed down by the one above it: a line leads to its row. */
		at = fmax(y, last + LABEL_STEP);
		picture_line(picture, x, y + 0.5, x + 5, at + SMALL / 2.0, 1, dark_grey);
		picture_text(picture, x + 7, at + SMALL - 1, SMALL, false, LEFT, ZONES - 12,
			     zone->name);
		last = at;
		if (++nr == MAX_NAMES)
			break;
	}
	return last + LABEL_STEP;
}

/* ---- the legend ---- */

static double key(struct picture *picture, double x, double y, enum look look,
		  struct rgb fill, const char *text)
{
	picture_box(picture, x, y, 13, 13, look == CROSSED || look == NOTHING_FREE ? white : fill,
		    NULL);
	draw_look(picture, x, y, 13, look);
	picture_text(picture, x + 18, y + 11, SMALL, false, LEFT, PANEL, text);
	return x + 18 + picture_text_width(text, SMALL, false) + 18;
}

struct scale_label {
	double at;			/* of 0 to 1 */
	const char *text;
};

typedef struct rgb step_function(double share);

/* A bar of @steps boxes, with words below it. */
static void draw_scale(struct picture *picture, double x, double y, unsigned int steps,
		       step_function *step, const struct scale_label *labels, size_t nr)
{
	const double width = 24;
	unsigned int i;
	size_t j;

	for (i = 0; i < steps; i++)
		picture_box(picture, x + i * width, y, width, 13,
			    step((double)i / (steps - 1)), NULL);
	for (j = 0; j < nr; j++)
		picture_text(picture, x + labels[j].at * (steps - 1) * width + width / 2, y + 26,
			     SMALL, false, CENTRE, PANEL, labels[j].text);
}

static struct rgb occupancy_step(double share)
{
	return on_scale(&occupancy_scale, share);
}

static struct rgb broken_step(double share)
{
	return on_scale(&broken_scale, 1 - share);
}

static struct rgb change_step(double share)
{
	double change = 2 * share - 1;

	return fabs(change) < 0.01 ? pale_grey : change_rgb(change);
}

#define LEGEND_HEIGHT	84

static void violation_key(struct picture *picture, double x, double y)
{
	draw_ring(picture, x + 3, y + 3, 7);
	picture_text(picture, x + 20, y + 11, SMALL, false, LEFT, PANEL, "violation");
}

static void draw_change_legend(struct picture *picture, const struct view *view, double y)
{
	static const struct scale_label free_labels[] = {
		{ 0, "-100 %" }, { 0.5, "as before" }, { 1, "+100 %" },
	};
	char *orders[] = { format_text("-%u", view->order), format_text("+%u", view->order) };
	const struct scale_label order_labels[] = {
		{ 0, orders[0] }, { 0.5, "as before" }, { 1, orders[1] },
	};
	double x = LEFT_X;

	picture_text(picture, LEFT_X, y, TEXT, true, LEFT, PANEL, "Change of what is free, of each square");
	draw_scale(picture, x, y + 10, 11, change_step, free_labels, ARRAY_SIZE(free_labels));
	x = LEFT_X;
	x = key(picture, x, y + 48, PLAIN_LOOK, dark_grey, "new");
	x = key(picture, x, y + 48, CROSSED, white, "gone, offline or no memory");
	x = key(picture, x, y + 48, HATCHED, grey, "only what is untracked changed");
	violation_key(picture, x, y + 48);
	picture_text(picture, RIGHT_X, y, TEXT, true, LEFT, PANEL,
		     "Change of how long runs of free frames are, in orders (powers of two)");
	draw_scale(picture, RIGHT_X, y + 10, 11, change_step, order_labels,
		   ARRAY_SIZE(order_labels));
	key(picture, RIGHT_X, y + 48, NOTHING_FREE, white, "nothing free, now and before");
	free(orders[0]);
	free(orders[1]);
}

static void draw_state_legend(struct picture *picture, double y, bool planes)
{
	static const struct scale_label shares[] = {
		{ 0, "0 %" }, { 0.5, "50 %" }, { 1, "100 %" },
	};
	double x = LEFT_X + 11 * 24 + 20;

	picture_text(picture, LEFT_X, y, TEXT, true, LEFT, PANEL, "Allocated, of what is tracked");
	draw_scale(picture, LEFT_X, y + 10, NR_STEPS, occupancy_step, shares, ARRAY_SIZE(shares));
	x = key(picture, x, y + 10, HATCHED, grey, "untracked");
	x = key(picture, x, y + 10, CROSSED, white, "offline or no memory");
	violation_key(picture, x, y + 10);
	if (planes) {
		draw_planes(picture, LEFT_X, y + 44, 21, 15);
		picture_text(picture, LEFT_X + 28, y + 59, SMALL, false, LEFT, PANEL - 28,
			     "has pages of planes; a corner each: primary (top left), secondary (top right), untracked, known");
	}
}

static void draw_broken_legend(struct picture *picture, const struct view *view, double y)
{
	unsigned int orders = view->order, i;
	uint64_t page = view->map->page_size;
	struct scale_label sizes[3];
	double x;

	picture_text(picture, RIGHT_X, y, TEXT, true, LEFT, PANEL,
		     "Fragmentation: how long runs of free frames are, on average");
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		unsigned int order = orders * i / (ARRAY_SIZE(sizes) - 1);

		sizes[i].at = orders ? (double)order / orders : 0;
		sizes[i].text = human_bytes(page << order);
	}
	if (orders)
		draw_scale(picture, RIGHT_X, y + 10, orders + 1, broken_step, sizes,
			   ARRAY_SIZE(sizes));
	x = RIGHT_X + 24 * (orders + 1) + 20;
	x = key(picture, x, y + 10, NOTHING_FREE, white, "nothing free");
	key(picture, x, y + 10, HATCHED, grey, "untracked");
}

/* ---- below the maps ---- */

/* How the sentence below the planes ends, of the first node that it is not true of. */
static char *separation_text(const struct view *view)
{
	size_t i, j, known = 0;

	for (i = 0; i < view->nr_nodes; i++) {
		const struct node_map *node = &view->nodes[i];

		known += node->nr_others > 0;
		for (j = 0; j < node->nr_others; j++)
			if (node->others[j].pages[PRIMARY] && node->others[j].pages[SECONDARY])
				return format_text("Primary and secondary of node %d's memory both have pages on node %d.",
						   node->node, node->others[j].node);
	}
	if (known < view->nr_nodes)
		return duplicate("Where the planes of some memory are is not known.");
	return duplicate("Primary and secondary are on different nodes for all memory.");
}

static double draw_matrix(struct picture *picture, const struct view *view, double y)
{
	const double column = 68, row = 24, x = LEFT_X + 78;
	size_t nr = view->nr_nodes < MAX_MATRIX ? view->nr_nodes : MAX_MATRIX, i, j;
	char *text;

	picture_text(picture, LEFT_X, y, TEXT, true, LEFT, PANEL,
		     "Where the planes are: P primary, S secondary, U untracked, K known");
	for (j = 0; j < nr; j++) {
		text = format_text("on node %d", view->nodes[j].node);
		picture_text(picture, x + j * column + column / 2, y + 22, SMALL,
			     false, CENTRE, column - 2, text);
		free(text);
	}
	y += 30;
	for (i = 0; i < nr; i++) {
		text = format_text("of node %d", view->nodes[i].node);
		picture_text(picture, LEFT_X, y + i * row + 16, SMALL, false, LEFT, 74, text);
		free(text);
		for (j = 0; j < nr; j++) {
			text = view_planes_on(&view->nodes[i], view->nodes[j].node);
			picture_outline(picture, x + j * column + 0.5, y + i * row + 0.5, column,
					row, 1, grey);
			if (text)
				picture_text(picture, x + j * column + column / 2, y + i * row + 16,
					     SMALL, true, CENTRE, column - 2, text);
			free(text);
		}
	}
	y += nr * row + 18;
	text = separation_text(view);
	picture_text(picture, LEFT_X, y, SMALL, false, LEFT, PANEL, text);
	free(text);
	return y + 8;
}

static double draw_records(struct picture *picture, const struct view *view, double y)
{
	const struct map *map = view->map;
	size_t i, nr = map->nr_violations < MAX_RECORDS ? map->nr_violations : MAX_RECORDS;
	char *text;

	text = format_text("Violations: %zu", map->nr_violations);
	picture_text(picture, RIGHT_X, y, TEXT, true, LEFT, PANEL, text);
	free(text);
	/* The newest come last in the file, and first here. */
	for (i = 0; i < nr; i++) {
		const struct map_violation *v = &map->violations[map->nr_violations - 1 - i];
		const struct map_chunk *chunk = map_chunk_at(map, v->pfn);
		char *gib = view_gib(v->pfn, map);

		text = chunk ? format_text("#%llu %s: pfn 0x%llx, frames: %llu, node %d at %s GiB",
					   LLU(v->record), v->class, LLU(v->pfn), LLU(v->frames),
					   chunk->node, gib) :
			format_text("#%llu %s: pfn 0x%llx, frames: %llu, not in the map",
				    LLU(v->record), v->class, LLU(v->pfn), LLU(v->frames));
		y += 16;
		picture_text(picture, RIGHT_X, y + 4, SMALL, false, LEFT, PANEL, text);
		free(text);
		free(gib);
	}
	return y + 12;
}

/* ---- pictures ---- */

/* @other: the moment that it is compared with, or the last of several; or NULL. */
static double draw_head(struct picture *picture, const struct view *view, const char *title,
			const char *joint, const struct map *other)
{
	char *text, *when = view_when(view->map), *more = other ? view_when(other) : NULL;
	uint64_t page = view->map->page_size;
	double y = MARGIN + 14;

	picture_text(picture, LEFT_X, y, 17, true, LEFT, WIDTH - LEFT_X - MARGIN, title);
	y += 20;
	text = format_text("%s%s%s", when, more ? joint : "", more ? more : "");
	free(when);
	free(more);
	picture_text(picture, LEFT_X, y, TEXT, false, LEFT, WIDTH - LEFT_X - MARGIN, text);
	free(text);
	y += 17;
	text = format_text("A square is %s, a row %s. Addresses are in GiB.",
			   human_bytes(view->square_frames * page),
			   human_bytes(view->columns * view->square_frames * page));
	picture_text(picture, LEFT_X, y, TEXT, false, LEFT, PANEL, text);
	free(text);
	if (view->before) {
		text = view->threshold ?
			format_text("%llu squares changed by %g %% or more; what changed less is as before.",
				    LLU(view->changed), view->threshold) :
			format_text("%llu squares changed.", LLU(view->changed));
		picture_text(picture, RIGHT_X, y, TEXT, false, LEFT, PANEL, text);
		free(text);
	}
	return y + 28;
}

static void draw_node_head(struct picture *picture, const struct view *view,
			   const struct node_map *node, double y)
{
	const struct sums *now = &node->now, *before = &node->before;
	uint64_t page = view->map->page_size;
	char *name = format_text("Node %d", node->node), *left, *right;
	double x = LEFT_X + 10 + picture_text_width(name, TEXT + 1, true);

	if (view->before) {
		left = format_text("free %s -> %s, allocated %s -> %s",
				   human_bytes(before->free * page), human_bytes(now->free * page),
				   human_bytes(before->allocated * page),
				   human_bytes(now->allocated * page));
		right = format_text("of what is free, %.0f %% -> %.0f %% is in blocks below order %u (%s)",
				    sums_broken(before), sums_broken(now), view->order,
				    human_bytes(view->map->cell_frames * page));
	} else {
		left = format_text("%s: allocated %s, free %s, untracked %s",
				   human_bytes(now->frames * page),
				   human_bytes(now->allocated * page),
				   human_bytes(now->free * page),
				   human_bytes(now->untracked * page));
		right = now->free ?
			format_text("%.0f %% of what is free is in blocks below order %u (%s)",
				    sums_broken(now), view->order,
				    human_bytes(view->map->cell_frames * page)) :
			duplicate("nothing is free");
	}
	picture_text(picture, LEFT_X, y, TEXT + 1, true, LEFT, PANEL, name);
	picture_text(picture, x, y, TEXT, false, LEFT, LEFT_X + PANEL - x, left);
	picture_text(picture, RIGHT_X, y, TEXT, false, LEFT, PANEL, right);
	free(name);
	free(left);
	free(right);
}

static void finish(struct picture *picture, double height, const char *path)
{
	struct why why;
	int ret = picture_write(picture, height, path, &why);

	picture_free(picture);
	if (ret)
		fail(STATUS_OUTPUT, "%s: %s", path, why.text);
}

void draw_map(const struct view *view, const char *path)
{
	struct picture *picture = picture_new(WIDTH);
	const struct map *map = view->map;
	double y, below, names;
	size_t i;

	y = draw_head(picture, view, view->before ? "Physical memory: what changed" :
						    "Physical memory",
		      ", compared with ", view->before);
	if (view->before) {
		draw_change_legend(picture, view, y);
	} else {
		draw_state_legend(picture, y, map->nr_planes);
		draw_broken_legend(picture, view, y);
	}
	y += LEGEND_HEIGHT;
	for (i = 0; i < view->nr_nodes && i < MAX_NODES; i++) {
		const struct node_map *node = &view->nodes[i];
		struct grid left, right;

		draw_node_head(picture, view, node, y);
		y += 12;
		make_grid(&left, view, node, LEFT_X, y, SQUARE, SQUARE - CELL);
		make_grid(&right, view, node, RIGHT_X, y, SQUARE, SQUARE - CELL);
		draw_squares(picture, view, node, &left, view->before ? free_change : occupancy,
			     true);
		draw_squares(picture, view, node, &right,
			     view->before ? order_change : brokenness, false);
		draw_zones(picture, view, node, &left);
		draw_zones(picture, view, node, &right);
		draw_axis(picture, view, &left, true);
		names = draw_zone_names(picture, view, node, &left, LEFT_X + PANEL);
		draw_marks(picture, view, node, &left, !view->before);
		draw_marks(picture, view, node, &right, false);
		y = fmax(left.bottom, names) + 30;
		free_grid(&left);
		free_grid(&right);
	}
	if (view->nr_nodes > MAX_NODES) {
		picture_text(picture, LEFT_X, y, TEXT, false, LEFT, PANEL,
			     "There are more nodes, which are not drawn.");
		y += LINE_HEIGHT;
	}
	below = map->nr_planes ? draw_matrix(picture, view, y + 4) : y;
	y = draw_records(picture, view, y + 4);
	finish(picture, fmax(y, below) + MARGIN, path);
}

/* ---- moments, one beside the other ---- */

#define SMALL_SQUARE	4
#define MULTIPLE	(COLUMNS * SMALL_SQUARE)
#define ACROSS		5
#define MULTIPLE_GAP	18

static char *clock_text(const struct view *view, const struct view *first)
{
	char *when = view_when(view->map), *comma = strrchr(when, ',');
	uint64_t seconds = view->map->captured - first->map->captured;
	char *text;

	text = view == first || view->map->captured < first->map->captured ?
		duplicate(comma ? comma + 2 : when) :
		format_text("+%llu:%02u:%02u", LLU(seconds / 3600),
			    (unsigned int)(seconds / 60 % 60), (unsigned int)(seconds % 60));
	free(when);
	return text;
}

static double draw_moment(struct picture *picture, const struct view *view,
			  const struct view *first, double x, double y)
{
	struct sums all = { 0 };
	struct grid grid;
	char *text;
	size_t i;

	for (i = 0; i < view->nr_nodes; i++) {
		all.free += view->nodes[i].now.free;
		all.whole += view->nodes[i].now.whole;
	}
	text = clock_text(view, first);
	picture_text(picture, x, y, TEXT, true, LEFT, MULTIPLE, text);
	free(text);
	text = format_text("free %s, %.0f %% below order %u",
			   human_bytes(all.free * view->map->page_size), sums_broken(&all),
			   view->order);
	picture_text(picture, x, y + 15, SMALL, false, LEFT, MULTIPLE, text);
	free(text);
	y += 24;
	for (i = 0; i < view->nr_nodes && i < MAX_NODES; i++) {
		const struct node_map *node = &view->nodes[i];

		text = format_text("node %d", node->node);
		picture_text(picture, x, y + 10, SMALL, false, LEFT, MULTIPLE, text);
		free(text);
		make_grid(&grid, view, node, x, y + 15, SMALL_SQUARE, 0);
		draw_squares(picture, view, node, &grid, occupancy, false);
		draw_marks(picture, view, node, &grid, false);
		if (x == LEFT_X)
			draw_axis(picture, view, &grid, !i);
		y = grid.bottom + 5;
		free_grid(&grid);
	}
	return y;
}

void draw_strip(const struct view *views, size_t nr, const char *path)
{
	struct picture *picture = picture_new(WIDTH);
	double y, bottom = 0;
	char *title;
	size_t i;

	title = format_text("Physical memory at %zu moments", nr);
	y = draw_head(picture, &views[0], title, ", to ", views[nr - 1].map);
	free(title);
	draw_state_legend(picture, y, false);
	y += LEGEND_HEIGHT - 20;
	for (i = 0; i < nr; i++) {
		if (i && !(i % ACROSS))
			y = bottom + MULTIPLE_GAP;
		bottom = fmax(bottom, draw_moment(picture, &views[i], &views[0],
						  LEFT_X + i % ACROSS * (MULTIPLE + MULTIPLE_GAP),
						  y));
	}
	finish(picture, bottom + MARGIN, path);
}
