/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * pictures: the files of --draw and --perfetto. They are opened before the run,
 * so that one that cannot be made costs no run, and appear when they are whole.
 */
#ifndef FLOW_PICTURES_H
#define FLOW_PICTURES_H

#include "error.h"
#include "graph.h"
#include "history.h"

struct flow_pictures;

/* Is PATH one of a picture: does it end in .svg, .png or .html? */
bool flow_pictures_known(const char *path);

/*
 * Opens the files DRAW (NULL-terminated) and TRACE (or NULL); all paths
 * are borrowed. Owned, or NULL with ERROR: 73 or 77 with the file's name, 69 when
 * there is no Graphviz.
 */
struct flow_pictures *flow_pictures_open(char *const *draw, const char *trace,
					 struct flow_error *error);

/*
 * Draws GRAPH with HISTORY, which matches it, into every file, and puts them in
 * their places. 0, or -1 with the first ERROR (69, 71, 73, 74): those files are
 * as they were before.
 */
int flow_pictures_write(struct flow_pictures *pictures,
			const struct flow_graph *graph,
			const struct flow_history *history,
			struct flow_error *error);

/* Also removes what was not put in its place. */
void flow_pictures_close(struct flow_pictures *pictures);

#endif
