/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * shape: what the shape of a graph alone tells. Pure algorithms over vertices
 * 0..N-1 and arcs between them; several arcs may join the same two. All run in
 * time linear in vertices and arcs, without recursion. They return -1 (errno
 * ENOMEM) only when memory runs out.
 */
#ifndef FLOW_SHAPE_H
#define FLOW_SHAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct flow_arc {
	size_t from, to;
};

struct flow_shape {
	size_t vertex_count;
	const struct flow_arc *arcs; /* borrowed */
	size_t arc_count;
};

/*
 * Numbers the strongly connected components: COMPONENT[v] for each vertex.
 * An arc lies on a directed cycle exactly when both its ends are in one
 * component (Tarjan 1972).
 */
int flow_shape_strong(const struct flow_shape *shape, size_t *component);

/*
 * A shortest directed cycle through START into CYCLE (room for vertex_count
 * arcs), as indices of arcs in their order. Its length, 0 when there is none.
 */
ssize_t flow_shape_cycle(const struct flow_shape *shape, size_t start,
			 size_t *cycle);

/*
 * Numbers the biconnected components, or blocks, of the graph taken without
 * directions: BLOCK[a] for each arc. Two arcs lie on a common undirected
 * simple cycle exactly when they are in one block (Hopcroft and Tarjan 1973).
 * An arc from a vertex to itself is a block of its own.
 */
int flow_shape_blocks(const struct flow_shape *shape, size_t *block);

/*
 * Which arcs have to be elastic so that no run can block on the graph's shape:
 * ELASTIC[a] when another arc out of the same vertex is in the same block.
 *
 * Why this is enough. Bounded pipes block for ever only where waiting goes
 * round: each of some processes waits for the next, because a pipe to it is
 * full or a pipe from it is empty. That ring is a cycle of the undirected
 * graph. Follow it: where the waits turn from "its pipe is empty" to "its pipe
 * is full" there is a vertex with two arcs of the ring going out, a source of
 * the ring, that is held by the full one while the empty one starves. (A ring
 * without a source is a directed cycle: full all round or empty all round. Its
 * marked arc is known to the user, who answers for what is written into it.)
 * The two arcs of a source lie on one undirected cycle, so in one block, so
 * both are elastic: the full one takes more, the source goes on and feeds the
 * empty one. Since every source of every such ring can push on, no ring can
 * close, while the pipes of a chain or a tree, which close none, stay plain.
 */
int flow_shape_elastic(const struct flow_shape *shape, bool *elastic);

#endif
