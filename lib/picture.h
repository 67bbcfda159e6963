/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * picture: what mkfifo-graph-draw, a program of our own that knows Graphviz,
 * makes of the DOT of a run.
 */
#ifndef FLOW_PICTURE_H
#define FLOW_PICTURE_H

#include <stdbool.h>
#include <stddef.h>

#include "error.h"
#include "graph.h"
#include "history.h"

/* As long as Graphviz gets: some graphs it would take days to lay out. */
#define FLOW_PICTURE_SECONDS 60

/* Is there such a program? 0, or -1 with ERROR (69). */
int flow_picture_possible(struct flow_error *error);

/*
 * A PNG. Returns owned, *LENGTH bytes, or NULL with ERROR (69 when Graphviz
 * fails, 71).
 */
char *flow_picture_png(const struct flow_graph *graph,
		       const struct flow_history *history, size_t *length,
		       struct flow_error *error);

/*
 * An SVG document that looks right on light and on dark; or, for a page of
 * HTML, ALONE false, only its element without heading, legend and style. Each
 * node and edge has a <title> that says what happened. Returns owned,
 * NUL-terminated.
 */
char *flow_picture_svg(const struct flow_graph *graph,
		       const struct flow_history *history, bool alone,
		       struct flow_error *error);

#endif
