/* SPDX-License-Identifier: GPL-3.0-or-later */
/* timeline: samples over the time of a run, thinned out as they become many. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "timeline.h"

enum {
	SAMPLES_MOST = 512,
	SAMPLES_LEAST = 4,
	VALUES_MOST = 50000, /* nodes and edges in all samples together */
};

void
flow_timeline_init(struct flow_timeline *line, size_t nodes, size_t edges,
		   int64_t interval)
{
	size_t most = VALUES_MOST / (nodes + edges + 1);

	if (most > SAMPLES_MOST)
		most = SAMPLES_MOST;
	if (most < SAMPLES_LEAST)
		most = SAMPLES_LEAST;
	*line = (struct flow_timeline){
		.node_count = nodes,
		.edge_count = edges,
		.most = most / 2 * 2,
		.interval = interval,
	};
}

bool
flow_timeline_due(const struct flow_timeline *line, int64_t at)
{
	int64_t last = line->count ? line->moments[line->count - 1].at : 0;

	/* by the clock, not by the last one: they do not drift */
	return at / line->interval > last / line->interval;
}

static void
free_moment(struct flow_moment *moment)
{
	free(moment->nodes);
	free(moment->edges);
}

/* Keeps the second, fourth, ...: those at whole numbers of the new interval. */
static void
thin_out(struct flow_timeline *line)
{
	size_t kept = 0;

	for (size_t i = 0; i < line->count; i++) {
		if (i % 2 == 0)
			free_moment(&line->moments[i]);
		else
			line->moments[kept++] = line->moments[i];
	}
	line->count = kept;
	line->interval *= 2;
}

static void *
copy(const void *from, size_t count, size_t size)
{
	void *to = calloc(count + 1, size);

	if (to && count)
		memcpy(to, from, count * size);
	return to;
}

void
flow_timeline_add(struct flow_timeline *line, int64_t at,
		  const struct flow_node_sight *nodes,
		  const struct flow_edge_sight *edges)
{
	struct flow_moment moment = { .at = at };

	if (!line->moments)
		line->moments = calloc(line->most + 1, sizeof(*line->moments));
	if (!line->moments)
		return;
	moment.nodes = copy(nodes, line->node_count, sizeof(*nodes));
	moment.edges = copy(edges, line->edge_count, sizeof(*edges));
	if (moment.nodes && moment.edges)
		line->moments[line->count++] = moment;
	else
		free_moment(&moment);
	if (line->count ==
	    line->most) /* the next one is due by the new interval */
		thin_out(line);
}

void
flow_timeline_free(struct flow_timeline *line)
{
	for (size_t i = 0; i < line->count; i++)
		free_moment(&line->moments[i]);
	free(line->moments);
	*line = (struct flow_timeline){ 0 };
}
