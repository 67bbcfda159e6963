/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * draw: a graph with what happened in its run, as DOT for Graphviz to lay out.
 * Process I of the history is node "pI", edge I is "eI", other nodes are "oID";
 * these are also the ids in the SVG that comes of it.
 *
 * The edge from a writer to a reader has two halves; each has the colour of how
 * long the process at its end waited for the other:
 *
 *	writer ===orange===---gray---> reader	the pipe was full: a slow reader
 *	writer ---gray---===blue===> reader	it was empty: a slow writer
 */
#ifndef FLOW_DRAW_H
#define FLOW_DRAW_H

#include <stdbool.h>
#include <stdio.h>

#include "history.h"

/*
 * Colours that mean something; page.css and picture.css know them too. None is
 * one that Graphviz would write by a name.
 */
#define FLOW_DRAW_PAPER "#fefefe"
#define FLOW_DRAW_INK "#1c2430"
#define FLOW_DRAW_FAINT "#66717f"
#define FLOW_DRAW_LINE "#9aa5b1"
#define FLOW_DRAW_TRACK "#e6eaef" /* of the bar in a node: not yet, no more */
#define FLOW_DRAW_WORK "#2e9e6b" /* running */
#define FLOW_DRAW_EMPTY "#2b7de1" /* waited for input */
#define FLOW_DRAW_FULL "#ef8a17" /* waited for room in an output */
#define FLOW_DRAW_BAD "#cf2a3b"
#define FLOW_DRAW_BAD_PAPER "#fdecee"
#define FLOW_DRAW_SLOW "#7a3fc4" /* the bottleneck */

/*
 * Writes the DOT of GRAPH to OUT. HISTORY must match it. With FRAME, a heading
 * is above and a legend is below the graph.
 */
void flow_draw_dot(const struct flow_graph *graph,
		   const struct flow_history *history, bool frame, FILE *out);

/* Points: the width of an edge that carried BYTES, where the busiest carried MOST. */
double flow_draw_width(long long bytes, long long most);

/* The most bytes that one edge carried; at least 1. */
long long flow_draw_most(const struct flow_history *history);

/* Does it say of any edge who waited? */
bool flow_draw_knows_waits(const struct flow_history *history);

/* What element ID of the picture is, in one line of plain text; owned, or NULL. */
char *flow_draw_describe(const struct flow_graph *graph,
			 const struct flow_history *history, const char *id);

#endif
