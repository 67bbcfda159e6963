/* SPDX-License-Identifier: GPL-3.0-or-later */
/* store: how the reader fills a graph. */
#ifndef FLOW_STORE_H
#define FLOW_STORE_H

#include "graph.h"

/* What an elastic edge may hold when nobody wrote spill=, in bytes. */
#define FLOW_STORE_SPILL (UINT64_C(4) << 30)

/* An empty graph, owned. */
struct flow_graph *flow_store_new(void);
/* graph [eof=exit]: counts for every edge made from now on that leads to a process. */
void flow_store_eof_exit(struct flow_graph *graph);
/* A node that is not there yet; stdin, stdout and stderr get their kinds. */
struct flow_node *flow_store_add_node(struct flow_graph *graph,
				      const char *name);

/*
 * Puts INNER's nodes behind the node AT of GRAPH, its edges behind all edges,
 * takes its memory, and frees what is left of it. To be arranged then.
 */
void flow_store_absorb(struct flow_graph *graph, const struct flow_node *at,
		       struct flow_graph *inner);
/* Takes INNER's memory, so that what points there lasts, and frees the rest. */
void flow_store_keep(struct flow_graph *graph, struct flow_graph *inner);
/* Replaces all edges; copies the list. To be arranged then. */
void flow_store_set_edges(struct flow_graph *graph,
			  struct flow_edge *const *edges, size_t count);
/* Takes NODE, which has no edges left, out of the graph. To be arranged then. */
void flow_store_drop_node(struct flow_graph *graph,
			  const struct flow_node *node);
/* Numbers nodes and edges as they stand, and lists the edges of each node. */
void flow_store_arrange(struct flow_graph *graph);
/* Names have changed; returns a node with another one's name, or NULL. */
struct flow_node *flow_store_rename(struct flow_graph *graph);

#endif
