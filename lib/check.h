/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * check: is this graph one that can run, and what exactly does it mean?
 * Expands values, adds the implicit edges, settles policies, finds cycles and
 * reconvergent branches, and looks commands up.
 */
#ifndef FLOW_CHECK_H
#define FLOW_CHECK_H

#include "graph.h"

/*
 * Checks GRAPH and completes it (see the fields "set by check"). Everything
 * wrong is added to MESSAGES with the status it calls for: 64 for arguments
 * that do not fit args=, 65 for the graph, 126 and 127 for commands, 66, 71 and
 * 77 for the files named by script=. Looks at these, at PATH and at commands
 * written with a slash, at nothing else.
 */
void flow_check(struct flow_graph *graph, const struct flow_values *values,
		struct flow_messages *messages);

#endif
