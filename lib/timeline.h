/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * timeline: what was seen of a run over its time, in bounded memory. When it
 * is full every other sample is dropped, and from then on they are taken half
 * as often.
 */
#ifndef FLOW_TIMELINE_H
#define FLOW_TIMELINE_H

#include "sight.h"

struct flow_moment {
	int64_t at; /* nanoseconds since the run began */
	struct flow_node_sight *nodes;
	struct flow_edge_sight *edges;
};

struct flow_timeline {
	size_t node_count, edge_count;
	size_t most; /* samples at a time */
	int64_t interval; /* nanoseconds between two of them */
	struct flow_moment *moments;
	size_t count;
};

/*
 * The first samples are INTERVAL nanoseconds apart. At most 512 are kept, and
 * fewer of a great graph.
 */
void flow_timeline_init(struct flow_timeline *line, size_t nodes, size_t edges,
			int64_t interval);

/* Is it time for one more, at AT? */
bool flow_timeline_due(const struct flow_timeline *line, int64_t at);

/* Adds a copy. What cannot be stored for lack of memory is left out. */
void flow_timeline_add(struct flow_timeline *line, int64_t at,
		       const struct flow_node_sight *nodes,
		       const struct flow_edge_sight *edges);

void flow_timeline_free(struct flow_timeline *line);

#endif
