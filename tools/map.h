/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A map of memory as it is shown: cells added up to squares, node by node. What draws it and
 * what prints it share this.
 */
#ifndef DUALBMCTL_MAP_H
#define DUALBMCTL_MAP_H

#include "dualbmctl.h"

/* What a square, a node, or all memory adds up to, in frames. */
struct sums {
	uint64_t frames, allocated, free, untracked;
	uint64_t runs;		/* rows of free frames; they end where a cell does */
	uint64_t whole;		/* free, in cells that are free as wholes */
};

struct square {
	uint64_t pfn;		/* a multiple of the view's square_frames */
	bool present;		/* in the newer map, or in the only one */
	bool was_present;
	uint8_t planes;		/* a bit for each plane that has pages here */
	bool violation;
	struct sums now, before;
};

struct node_map {
	int node;
	size_t nr;
	struct square *squares;
	struct sums now, before;
	/* The pages of the planes of this node's memory: how many lie on other_nodes[i]. */
	size_t nr_others;
	struct placed {
		int node;
		uint64_t pages[NR_PLANES];
	} *others;
};

struct view {
	const struct map *map, *before;	/* before is NULL if there is nothing to compare */
	uint64_t square_frames;
	unsigned int columns;		/* squares in a row; a power of two */
	unsigned int order;		/* a free cell is a block of this order */
	double threshold;		/* of a square, in per cent; smaller changes do not count */
	uint64_t changed;		/* squares */
	size_t nr_nodes;
	struct node_map *nodes;		/* in the order of their numbers */
	uint16_t *index;		/* of a node's number: its place in nodes, from 1, or 0 */
};

/* How much a view may have; a hostile map asks for any number of squares. */
struct view_limits {
	unsigned int columns, squares, rows;
};

enum change { SAME, MORE_FREE, LESS_FREE, UNTRACKED_CHANGED, NEW, GONE };

/**
 * view_square_frames() - the smallest square, in frames, with which @map stays within @limits
 *
 * A map with more nodes than rows are allowed gets as few rows as there can be: one for each.
 */
uint64_t view_square_frames(const struct map *map, const struct view_limits *limits);

/**
 * view_make() - add up cells to squares of @square_frames
 * @before: the older map, or NULL; it has cells and pages of the same size
 * @threshold: in per cent of a square; 0 if every change counts
 */
void view_make(struct view *view, const struct map *map, const struct map *before,
	       uint64_t square_frames, unsigned int columns, double threshold);
void view_free(struct view *view);

/* The row of a square, counted from frame 0, and its place in it. */
uint64_t view_row(const struct view *view, const struct square *square);
unsigned int view_column(const struct view *view, const struct square *square);
/* The square that has @pfn; NULL if that node has none there. */
struct square *view_find(const struct node_map *node, const struct view *view, uint64_t pfn);

/* What changed in it, as far as it reaches the threshold. */
enum change square_change(const struct view *view, const struct square *square);
/* Most of what is there is untracked. */
bool square_untracked(const struct sums *sums);
/* How long free runs are on average, as an order from 0; -1 where nothing is free. */
double sums_order(const struct sums *sums);
/* The share of what is free that is not in cells that are free as wholes, in per cent. */
double sums_broken(const struct sums *sums);
/* 0: what is free is one run; 1: no two free frames lie side by side. */
double sums_fragmentation(const struct sums *sums);

/* Words that text and pictures share; allocated. */
char *view_when(const struct map *map);
char *view_gib(uint64_t frames, const struct map *map);
/* The names of the zones of @node that begin in the row, with commas; NULL if none does. */
char *view_row_zones(const struct view *view, int node, uint64_t row);
/* The letters of the planes of @node's memory on another one, as "P U"; NULL if none is there. */
char *view_planes_on(const struct node_map *node, int other);

/* ---- mapdraw.c ---- */

/* Ends the program if the picture cannot be written; @path ends with .svg or .png. */
void draw_map(const struct view *view, const char *path);
/* Moments of one machine, the oldest first, each with squares of the same size. */
void draw_strip(const struct view *views, size_t nr, const char *path);

#endif /* DUALBMCTL_MAP_H */
