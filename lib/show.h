/* SPDX-License-Identifier: GPL-3.0-or-later */
/* show: a plan as text, as a picture, and as FIFOs for a script. */
#ifndef FLOW_SHOW_H
#define FLOW_SHOW_H

#include <stdio.h>

#include "error.h"
#include "plan.h"

/* --dry-run: processes, objects, and who gets which descriptor. */
void flow_show_plan(const struct flow_plan *plan, FILE *out);

/* --dot: the graph as it will run, in DOT that dot(1) draws without a warning. */
void flow_show_dot(const struct flow_plan *plan, FILE *out);

/*
 * NAME of something in INNER (or NULL), whose own name stands on the cluster
 * around it, without that.
 */
const char *flow_show_name_within(const struct flow_inner *inner,
				  const char *name);

/*
 * --make: makes a FIFO in FOLDER (made when missing, 0700) for every edge
 * between processes and prints "node_port='path'" for both its ends; nothing
 * is left when one fails. --unmake removes exactly these, and the folder when it
 * is empty then. 0, or -1 with ERROR.
 */
int flow_make_fifos(const struct flow_graph *graph, const char *folder,
		    FILE *out, struct flow_error *error);
int flow_unmake_fifos(const struct flow_graph *graph, const char *folder,
		      struct flow_error *error);

#endif
