/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * table: what is seen of a run, as text: a table of a given size, one line, or
 * the sums at the end. The columns are explained in mkfifo-graph(1), Progress.
 */
#ifndef FLOW_TABLE_H
#define FLOW_TABLE_H

#include <stdio.h>

#include "sight.h"

struct flow_table;

/* For a run of PLAN, borrowed. Returns owned; aborts when out of memory. */
struct flow_table *flow_table_make(const struct flow_plan *plan);
void flow_table_free(struct flow_table *table);

/*
 * Takes in what BOARD shows now; rates are those since the last time. False
 * when that was as old, or cannot be read.
 */
bool flow_table_take(struct flow_table *table, const struct flow_board *board);

/* Nanoseconds of the run at which what was taken in was seen. */
int64_t flow_table_at(const struct flow_table *table);

/* How many lines the whole table has. */
unsigned flow_table_height(const struct flow_table *table);

/*
 * The table, lines ended by a newline, none wider than WIDTH columns, not more
 * than HEIGHT (at least 6): where that is too few the rows that matter least are left
 * out, and their number is said.
 */
void flow_table_draw(const struct flow_table *table, unsigned width,
		     unsigned height, FILE *out);

/* All in one line, without a newline: the edges that move most, the bottleneck. */
void flow_table_line(const struct flow_table *table, FILE *out);

/* The sums, once the run is over; as flow_table_draw. */
void flow_table_sums(const struct flow_table *table, unsigned width,
		     unsigned height, FILE *out);

#endif
