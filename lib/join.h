/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * join: what comes to a port of an inner graph goes on along the edges behind
 * it, as if the port were a pipe. See mkfifo-graph(5), graph=.
 */
#ifndef FLOW_JOIN_H
#define FLOW_JOIN_H

#include "graph.h"

/* One port of an inner graph, in one direction. */
struct flow_join {
	struct flow_graph *graph; /* arranged */
	struct flow_messages *messages;
	struct flow_inner *around; /* whose file names the node, or NULL */
	unsigned line; /* of the node */
	const char *name; /* "NODE:PORT", for what has to stand there */
	struct flow_edge **before,
		**behind; /* that come to it, that leave it */
	size_t before_count, behind_count;
	int merge; /* what counts for BEFORE when none of them says so, or -1 */
};

/*
 * Makes one edge of each that comes and each that leaves, where one of the
 * sides has a single one; where both have several, or where one edge could not
 * mean what the two did, a process `cat` named NAME stands between. GRAPH is
 * arranged afterwards. BEFORE_COUNT and BEHIND_COUNT are at least 1.
 */
void flow_join_port(struct flow_join *join);

#endif
