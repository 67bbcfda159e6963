/* SPDX-License-Identifier: GPL-3.0-or-later */
/* timeline: a time line is evenly spaced, and never grows without bound. */
#include "config.h"

#include "clock.h"
#include "tap.h"
#include "timeline.h"

#define TENTH (FLOW_SECOND / 10)

static bool
is_even(const struct flow_timeline *line)
{
	for (size_t i = 0; i < line->count; i++)
		if (line->moments[i].at != (int64_t)(i + 1) * line->interval)
			return false;
	return true;
}

/* Ticks each tenth of a second until SECONDS; the most moments there were. */
static size_t
run(struct flow_timeline *line, size_t nodes, size_t edges, int seconds)
{
	struct flow_node_sight node[4] = { { .doing = FLOW_DOES_RUNNING } };
	struct flow_edge_sight edge[4] = { { .bytes = 1 } };
	size_t most = 0;

	flow_timeline_init(line, nodes, edges, TENTH);
	for (int64_t at = TENTH; at <= seconds * FLOW_SECOND; at += TENTH) {
		if (!flow_timeline_due(line, at))
			continue;
		node[0].cpu = at;
		flow_timeline_add(line, at, node, edge);
		if (line->count > most)
			most = line->count;
	}
	return most;
}

static void
check_growth(void)
{
	struct flow_timeline line;

	ok_number((intmax_t)run(&line, 2, 1, 51), 510,
		  "a tenth of a second apart at first");
	ok(line.interval == TENTH && is_even(&line), "all of them kept");
	flow_timeline_free(&line);

	ok(run(&line, 2, 1, 100000) < 512, "always fewer than 512");
	ok(line.count >= 256, "and half of that at least, after a day");
	ok(line.interval == 256 * FLOW_SECOND / 10 * 8,
	   "the interval has doubled as often as it had to");
	ok(is_even(&line), "and all are at whole numbers of it");
	ok(line.moments[3].nodes[0].cpu == line.moments[3].at,
	   "with what was seen then");
	flow_timeline_free(&line);
	ok(line.count == 0, "freed");
}

static void
check_great_graph(void)
{
	struct flow_timeline line;

	flow_timeline_init(&line, 1000, 1000, TENTH);
	ok(line.most < 512 && line.most >= 4 && line.most * 2000 <= 60000,
	   "a great graph has fewer samples");
	flow_timeline_free(&line);
	flow_timeline_init(&line, 100000, 100000, TENTH);
	ok_number((intmax_t)line.most, 4, "but always some");
	flow_timeline_free(&line);
}

static void
check_due(void)
{
	struct flow_node_sight node = { 0 };
	struct flow_edge_sight edge = { 0 };
	struct flow_timeline line;

	flow_timeline_init(&line, 1, 1, TENTH);
	ok(!flow_timeline_due(&line, TENTH / 2), "not before its time");
	ok(flow_timeline_due(&line, TENTH), "at its time");
	flow_timeline_add(&line, TENTH + TENTH / 2, &node, &edge);
	ok(!flow_timeline_due(&line, 2 * TENTH - 1), "once for each tenth");
	ok(flow_timeline_due(&line, 2 * TENTH),
	   "a late one does not put off the next");
	flow_timeline_free(&line);
}

int
main(void)
{
	check_growth();
	check_great_graph();
	check_due();
	return tap_done();
}
