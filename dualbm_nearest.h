/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The rule by which each copy of something gets a node. The module goes by it, and "dualbmctl
 * check" says before that where copies will lie: both from here.
 */
#ifndef DUALBM_NEAREST_H
#define DUALBM_NEAREST_H

/**
 * dualbm_nearest_node() - the nearest of the nodes that may be taken
 * @nr_nodes: they are numbered from 0
 * @distance: how far away a node is; 0: it may not be taken
 * @context: for @distance
 *
 * Context: Any.
 *
 * Return: the node, the first of those that are as near; -1 if none may be taken.
 */
static inline int dualbm_nearest_node(int nr_nodes, int (*distance)(int node, const void *context),
				      const void *context)
{
	int node, this, best = -1, best_distance = 0;

	for (node = 0; node < nr_nodes; node++) {
		this = distance(node, context);
		if (this && (best < 0 || this < best_distance)) {
			best = node;
			best_distance = this;
		}
	}
	return best;
}

/**
 * dualbm_copy_beside() - with which other one a copy shares a node if there is none left
 * @copy: 1, 2 or 3
 *
 * Untracked is with primary then, and known with secondary. Two planes that are lost together
 * are seen as lost, if they are not primary and secondary.
 *
 * Context: Any.
 *
 * Return: the other copy.
 */
static inline int dualbm_copy_beside(int copy)
{
	return copy > 2 ? copy - 2 : 0;
}

#endif /* DUALBM_NEAREST_H */
