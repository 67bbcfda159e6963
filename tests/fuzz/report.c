/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * report: whatever a report says, reading it ends, with a message or with a
 * history; and what matches the graph below is told as DOT and as a trace that
 * is JSON.
 */
#include "config.h"

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "draw.h"
#include "graph.h"
#include "history.h"
#include "trace.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* a -> b -> stdout: the graph that all these reports are of. */
static struct flow_graph *
make_graph(void)
{
	static char text[] = "digraph { a -> b }";
	static char *none[] = { NULL };
	const struct flow_values values = { .defines = none,
					    .commands = none,
					    .args = none,
					    .program = "fuzz",
					    .names_only = true };
	struct flow_messages messages = { .source = "fuzz" };
	FILE *stream = fmemopen(text, strlen(text), "r");
	struct flow_graph *graph =
		flow_graph_read(stream, "fuzz", false, &messages);

	fclose(stream);
	flow_check(graph, &values, &messages);
	if (messages.errors)
		abort();
	return graph;
}

static void
tell(const struct flow_graph *graph, const struct flow_history *history)
{
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);
	json_t *trace;

	flow_draw_dot(graph, history, true, out);
	fclose(out);
	free(text);
	out = open_memstream(&text, &length);
	flow_trace_write(history, out);
	fclose(out);
	trace = json_loadb(text, length, 0, NULL);
	if (!trace)
		abort();
	json_decref(trace);
	free(text);
	for (size_t i = 0; i < history->edge_count; i++) {
		char id[32];

		snprintf(id, sizeof(id), "e%zu", i);
		free(flow_draw_describe(graph, history, id));
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct flow_graph *graph;
	struct flow_error error = { 0 };
	struct flow_history history;

	if (!graph)
		graph = make_graph();
	if (flow_history_read(&history, (const char *)data, size, "fuzz",
			      &error) == 0) {
		if (flow_history_match(&history, graph, &error) == 0)
			tell(graph, &history);
		flow_history_clear(&history);
	}
	flow_error_clear(&error);
	return 0;
}
