/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * include: a node with graph=FILE becomes the nodes and edges of that file.
 *
 *	x -> sub -> y		x -> sub/a -> sub/b -> y
 *	sub.gv: stdin -> a -> b	(b's descriptor 1 goes to stdout: port 1 of sub)
 *
 * The ports of the node are stdin (0), stdout (1) and stderr (2) of the file,
 * and the NAMEs in its edges from stdin:NAME and to stdout:NAME.
 */
#ifndef FLOW_INCLUDE_H
#define FLOW_INCLUDE_H

#include "error.h"
#include "graph.h"

/*
 * Puts the graphs of all nodes with graph= in their places, and theirs, to any
 * depth; does nothing where there are none. Between flow_graph_read and
 * flow_check. What is wrong is added to MESSAGES with the status it calls for:
 * 66, 71 and 77 for files that cannot be read, else 65. Returns 0, or -1 when
 * there were errors, after which GRAPH is only good to be freed.
 */
int flow_include(struct flow_graph *graph, struct flow_messages *messages);

#endif
