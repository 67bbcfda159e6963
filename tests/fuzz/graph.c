/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * graph: whatever the text, reading and checking it ends, with a message or
 * with a graph, and touches nothing that is not its own. The first byte says
 * whether the text is an expression (odd) or a file.
 */
#include "config.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "check.h"
#include "graph.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char *none[] = { NULL };
	static char *args[] = { "one", "two", NULL };
	const struct flow_values values = { none, none, args, "fuzz" };
	struct flow_messages messages = { .source = "fuzz" };
	struct flow_graph *graph;
	FILE *stream;

	if (size < 2)
		return 0;
	stream = fmemopen((void *)(data + 1), size - 1, "r");
	if (stream == NULL)
		abort();
	graph = flow_graph_read(stream, "fuzz", data[0] & 1, &messages);
	fclose(stream);
	/* No graph without a word about it. */
	if (graph == NULL && messages.errors == 0)
		abort();
	if (graph != NULL)
		flow_check(graph, &values, &messages);
	flow_messages_sort(&messages);
	flow_messages_clear(&messages);
	flow_graph_free(graph);
	return 0;
}
