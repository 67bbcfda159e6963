/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * dot: DOT through libcgraph, with the line of every object and what libcgraph
 * would have let pass refused.
 */
#ifndef FLOW_DOT_H
#define FLOW_DOT_H

#include <cgraph.h>
#include <stdbool.h>
#include <stddef.h>

#include "attributes.h"
#include "error.h"

/* The value of one of our attributes that nobody has written. */
#define FLOW_DOT_UNSET "\001unset"

struct flow_dot_node {
	Agnode_t *node;
	unsigned line; /* first named here */
	bool declared; /* has a statement of its own */
};

struct flow_dot_edge {
	Agedge_t *edge;
	unsigned
		line; /* of its head or, in braces that cannot be told, its arrow */
	unsigned
		braces; /* 0, or the line of braces that Graphviz orders otherwise */
};

/* One of our attributes written in a node's own statement. */
struct flow_dot_own {
	size_t node; /* index in nodes */
	const struct flow_attribute *attribute;
	unsigned line;
};

/* All arrays are in order of creation; AGSEQ(object) is its index plus 1. */
struct flow_dot {
	Agraph_t *graph;
	char *name; /* owned */
	struct flow_dot_node *nodes;
	struct flow_dot_edge *edges;
	struct flow_dot_own *owns;
	size_t node_count, edge_count, own_count;
	/* ours, by flow_attribute_id, or NULL where none is written */
	Agsym_t *on_graph[FLOW_ATTRIBUTE_COUNT];
	Agsym_t *on_node[FLOW_ATTRIBUTE_COUNT];
	Agsym_t *on_edge[FLOW_ATTRIBUTE_COUNT];
	Agsym_t *tailport, *headport;
};

/*
 * Reads the LENGTH bytes at TEXT (borrowed) as one digraph; with EXPRESSION,
 * "digraph { }" may be left out. What is wrong is added to MESSAGES. 0 (also
 * when attributes were wrong), or -1 when it is no graph, DOT being empty.
 */
int flow_dot_read(const char *text, size_t length, bool expression,
		  struct flow_messages *messages, struct flow_dot *dot);

/* Frees DOT, but not its graph, which is given away. */
void flow_dot_clear(struct flow_dot *dot);

#endif
