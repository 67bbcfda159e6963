/* SPDX-License-Identifier: GPL-3.0-or-later */
/* check-private: the parts of check, in the order in which they run. */
#ifndef FLOW_CHECK_PRIVATE_H
#define FLOW_CHECK_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>

#include "error.h"
#include "graph.h"

struct flow_checking {
	struct flow_graph *graph;
	const struct flow_values *values;
	struct flow_messages *messages;
	bool inside; /* the graph is to be a node, so that it may have named ports */
	bool args_wrong; /* said already, so a missing $2 is no news */
};

/* Arguments, --cmd, and the values with references: file, cwd, env, timeout. */
void flow_check_values(struct flow_checking *checking);
/* Which ends may be joined; the edges that nobody wrote; files. */
void flow_check_edges(struct flow_checking *checking);
/* The edges that nobody wrote: of err=, then of descriptor 1. */
void flow_check_implicit(struct flow_checking *checking);
/* May its ends be joined? Says what is wrong. */
void flow_check_edge(struct flow_checking *checking,
		     const struct flow_edge *edge);
/* What the edges of one port have to agree on; their order. */
void flow_check_ports(struct flow_checking *checking);
/* What replicas=, restart= and merge=ordered want of the edges around them. */
void flow_check_operators(struct flow_checking *checking);
/* Cycles, eof=exit, elastic edges. */
void flow_check_shape(struct flow_checking *checking);
/* Scripts, shells and look-up: path and argv of every process. */
void flow_check_commands(struct flow_checking *checking);

/* The name nearest to NAME among GRAPH's nodes (processes alone, if so), or NULL. */
const char *flow_check_near_node(const struct flow_graph *graph,
				 const char *name, bool processes);
/* "; did you mean `NEAR`?", or "" when there is none; lives as long as GRAPH. */
const char *flow_check_hint(struct flow_graph *graph, const char *near);
/* "a:2 -> b" as one would write it; lives as long as GRAPH. */
const char *flow_check_edge_text(struct flow_graph *graph,
				 const struct flow_edge *edge);
/* The line of EDGE or, when nobody wrote it, of its tail. */
unsigned flow_check_edge_line(const struct flow_edge *edge);
/*
 * As a message's line: that of EDGE or NODE. The message then counts for the
 * file that the line is of.
 */
unsigned flow_check_at_edge(struct flow_checking *checking,
			    const struct flow_edge *edge);
unsigned flow_check_at_node(struct flow_checking *checking,
			    const struct flow_node *node);
/* $1... of the commands and values of INNER, or of the whole graph (NULL). */
char *const *flow_check_args(const struct flow_checking *checking,
			     const struct flow_inner *inner);
/* Says that memory ran out. */
void flow_check_out_of_memory(struct flow_checking *checking);

#endif
