/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * page: a run as one file of HTML that needs no network: the picture, the time
 * line, tables, and a script (page.js) that lets one ask. page.html has the
 * frame, page.css the looks; all three are compiled in.
 */
#ifndef FLOW_PAGE_H
#define FLOW_PAGE_H

#include "error.h"
#include "graph.h"
#include "history.h"

/* The page; owned, or NULL with ERROR. HISTORY matches GRAPH. */
char *flow_page(const struct flow_graph *graph,
		const struct flow_history *history, struct flow_error *error);

#endif
