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

#endif
