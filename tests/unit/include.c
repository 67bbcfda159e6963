/* SPDX-License-Identifier: GPL-3.0-or-later */
/* include: files with graphs in, one flat graph out. */
#include "config.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "graph.h"
#include "include.h"
#include "tap.h"

static char folder[] = "/tmp/include-XXXXXX";

static void
file_write(const char *name, const char *text)
{
	FILE *file = fopen(name, "w");

	if (!file || fputs(text, file) < 0 || fclose(file))
		abort();
}

/* All nodes and edges, or all messages: a text to compare; owned. */
static char *
picture(const struct flow_graph *graph, struct flow_messages *messages)
{
	char out_port[64], in_port[64], *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	flow_messages_sort(messages);
	for (size_t i = 0; i < messages->count; i++)
		fprintf(out, "%s:%u: %s;",
			messages->list[i].source ? messages->list[i].source
						 : messages->source,
			messages->list[i].line, messages->list[i].text);
	for (size_t i = 0; messages->errors == 0 && i < graph->edge_count;
	     i++) {
		const struct flow_edge *edge = graph->edges[i];

		flow_port_name(&edge->out, out_port, sizeof(out_port));
		flow_port_name(&edge->in, in_port, sizeof(in_port));
		fprintf(out, "%s:%s>%s:%s ", edge->tail->name, out_port,
			edge->head->name, in_port);
	}
	fclose(out);
	return text;
}

/* TEXT as outer graph, included and checked, pictured as WANTED. */
static void
becomes(const char *text, const char *wanted, const char *name)
{
	static char *none[] = { NULL };
	struct flow_values values = {
		.defines = none,
		.commands = none,
		.args = none,
		.program = "prog",
	};
	struct flow_messages messages = { .source = "outer.gv" };
	FILE *stream = fmemopen((char *)text, strlen(text), "r");
	struct flow_graph *graph =
		flow_graph_read(stream, "outer.gv", false, &messages);
	char *got;

	fclose(stream);
	if (flow_include(graph, &messages) == 0)
		flow_check(graph, &values, &messages);
	got = picture(graph, &messages);
	ok_text(got, wanted, name);
	free(got);
	flow_messages_clear(&messages);
	flow_graph_free(graph);
}

static void
ports_are_joined(void)
{
	file_write("one.gv", "digraph { stdin -> cat }");
	file_write("two.gv", "digraph { stdin -> {cat tac} }");
	becomes("digraph { x [cmd=cat]; x -> n; n [graph=\"one.gv\"] }",
		"n/cat:out>stdout:in x:out>n/cat:in ",
		"one edge at each side become one");
	becomes("digraph { x [cmd=cat]; x -> n -> y; y [cmd=tac] "
		"n [graph=\"two.gv\"] }",
		"n/cat:out>y:in n/tac:out>y:in y:out>stdout:in "
		"x:out>n/cat:in x:out>n/tac:in ",
		"one edge and two become two");
	becomes("digraph { {cat tac} -> n; n [graph=\"one.gv\"] }",
		"n/cat:out>stdout:in cat:out>n/cat:in tac:out>n/cat:in ",
		"two edges and one become two");
	becomes("digraph { {cat tac} -> n; n [graph=\"two.gv\"] }",
		"cat:out>n:in:in tac:out>n:in:in n/cat:out>stdout:in "
		"n/tac:out>stdout:in n:in:out>n/cat:in n:in:out>n/tac:in ",
		"two edges and two meet in a process");
	becomes("digraph { n [graph=\"one.gv\"] }",
		"n/cat:out>stdout:in n:in:out>n/cat:in ",
		"nothing that comes is /dev/null");
	becomes("digraph { cat -> n -> m; n [graph=\"one.gv\"] "
		"m [graph=\"one.gv\"] }",
		"m/cat:out>stdout:in cat:out>n/cat:in n/cat:out>m/cat:in ",
		"two graphs in a row, of one file");
	file_write("none.gv", "digraph { x [cmd=true]; x -> f; f [file=f] }");
	becomes("digraph { n [graph=\"none.gv\"] }", "n/x:out>n/f:in ",
		"what writes nothing has no implicit edge");
}

/* 2 to the 50th nodes: it must end soon, with an error. */
static void
grows_too_far(const char *text)
{
	struct flow_messages messages = { .source = "outer.gv" };
	FILE *stream = fmemopen((char *)text, strlen(text), "r");
	struct flow_graph *graph =
		flow_graph_read(stream, "outer.gv", false, &messages);
	bool said = false;

	fclose(stream);
	alarm(60);
	ok(flow_include(graph, &messages) < 0, "growth without end is refused");
	alarm(0);
	for (size_t i = 0; i < messages.count; i++)
		said |= strstr(messages.list[i].text, "too many graphs") !=
			NULL;
	ok(said, "and the message says so");
	flow_messages_clear(&messages);
	flow_graph_free(graph);
}

static void
depth_is_bounded(void)
{
	char name[32], text[64];

	file_write("self.gv", "digraph {\nn [graph=\"self.gv\"] }");
	becomes("digraph { n [graph=\"self.gv\"] }",
		"self.gv:2: node `n`: graph=`self.gv`: a graph cannot hold "
		"itself: self.gv -> self.gv;",
		"a graph in itself is refused");
	for (int i = 0; i < 50; i++) {
		snprintf(name, sizeof(name), "deep%d.gv", i);
		snprintf(text, sizeof(text),
			 i == 49 ? "digraph { cat }"
				 : "digraph { n [graph=\"deep%d.gv\"] }",
			 i + 1);
		file_write(name, text);
	}
	becomes("digraph { n [graph=\"deep48.gv\"] }", "n/n/cat:out>stdout:in ",
		"three files deep");
	for (int i = 0; i < 50; i++) {
		snprintf(name, sizeof(name), "wide%d.gv", i);
		snprintf(text, sizeof(text),
			 "digraph { node [graph=\"wide%d.gv\"] a; b }", i + 1);
		file_write(name, text);
	}
	file_write("wide50.gv", "digraph { cat }");
	grows_too_far("digraph { n [graph=\"wide0.gv\"] }");
	becomes("digraph { a [graph=\"one.gv\"]; b [cmd=cat]; "
		"\"a/cat\" [cmd=cat] }",
		"outer.gv:1: node `a`: graph=`one.gv`: two nodes would be "
		"called `a/cat`;",
		"no two nodes have one name");
}

static void
capacities_are_united(void)
{
	file_write("cap.gv", "digraph {\nstdin -> cat [capacity=\"64K\"] }");
	becomes("digraph { x [cmd=cat]\nx -> n [capacity=\"64K\"]\n"
		"n [graph=\"cap.gv\"] }",
		"n/cat:out>stdout:in x:out>n/cat:in ", "equal capacities");
	becomes("digraph { x [cmd=cat]\nx -> n [capacity=\"128K\"]\n"
		"n [graph=\"cap.gv\"] }",
		"outer.gv:2: `n:in`: the edges that meet there become one, and "
		"differ in capacity (lines 2 and 2);",
		"different capacities are refused");
}

int
main(void)
{
	if (!mkdtemp(folder) || chdir(folder))
		abort();
	ports_are_joined();
	depth_is_bounded();
	capacities_are_united();
	if (chdir("/") || system("exec rm -r /tmp/include-??????") < 0)
		abort();
	return tap_done();
}
