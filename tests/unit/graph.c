/* SPDX-License-Identifier: GPL-3.0-or-later */
/* graph: what flow_graph_read makes of a text, and what it says of a wrong one. */
#include "config.h"

#include "graph.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tap.h"

static struct flow_messages messages;

static struct flow_graph *
read_bytes(const char *text, size_t length, bool expression)
{
	FILE *stream = fmemopen((void *)text, length, "r");
	struct flow_graph *graph;

	/* fmemopen(3) refuses a size of 0 in some versions. */
	if (stream == NULL)
		stream = fopen("/dev/null", "re");
	flow_messages_clear(&messages);
	messages.source = "test";
	graph = flow_graph_read(stream, "test", expression, &messages);
	flow_messages_sort(&messages);
	fclose(stream);
	return graph;
}

static struct flow_graph *
read_text(const char *text)
{
	return read_bytes(text, strlen(text), false);
}

static struct flow_graph *
read_expression(const char *text)
{
	return read_bytes(text, strlen(text), true);
}

/* --- what is wrong, and where */

/* TEXT (an expression) has an error, or a warning, that says PART of LINE. */
static void
says(const char *text, bool error, unsigned line, const char *part)
{
	struct flow_graph *graph = read_expression(text);
	bool found = false;
	size_t i;

	for (i = 0; i < messages.count; i++)
		found |= messages.list[i].line == line &&
			 messages.list[i].status == (error ? 65 : 0) &&
			 strstr(messages.list[i].text, part) != NULL;
	if (!ok(found, "graph: line %u: %s", line, part))
		for (i = 0; i < messages.count; i++)
			tap_note("%u: %s", messages.list[i].line,
				 messages.list[i].text);
	flow_graph_free(graph);
}

static void
is_right(const char *text, const char *name)
{
	struct flow_graph *graph = read_expression(text);

	if (!ok(graph != NULL && messages.count == 0, "graph: %s", name) &&
	    messages.count > 0)
		tap_note("%s", messages.list[0].text);
	flow_graph_free(graph);
}

static void
check_kinds(void)
{
	says("strict digraph { a }", true, 1, "`strict` would merge edges");
	says("graph { a -- b }", true, 1, "write `digraph`");
	says("a\n-- b", true, 2, "`--` has no direction");
	says("digraph { a }\ndigraph { b }", true, 2,
	     "more text after the end of the graph");
	says("digraph a b { }", true, 1, "`{` is wanted");
	says("digraph", true, 1, "`{` is wanted");
	says("a [label=<<b>x</b>>]", true, 1, "HTML strings are not part");
	is_right("DIGRAPH { Node [shell=x] a }", "words of DOT in any case");
	is_right("graph [shell=x] a", "`graph [` is no kind of graph");
	is_right("#!/usr/bin/env mkfifo-graph\n\t# {\ndigraph { a\n# }\n}",
		 "lines that begin with # are comments");
}

static void
check_syntax(void)
{
	says("a [timeout=10s]", true, 1, "`10s` needs quotes");
	says("a [restart=on-failure]", true, 1, "`on-failure` needs quotes");
	says("a\n[at=mq:/x]", true, 2, "`mq:/x` needs quotes");
	says("a [at=mq:x]", true, 1, "`mq:x` needs quotes");
	says("a -> b.c", true, 1, "`b.c` needs quotes");
	says("a -> node", true, 1, "needs quotes where it is a name");
	says("a -> -> b", true, 1, "syntax error at `->`");
	says("a\n\n-> {b", true, 3, "without its last `}`");
	says("a [cmd=\"x", true, 1, "without its closing quote");
	says("a [cmd=x", true, 1, "without its last `]`");
	says("a /* b", true, 1, "without its */");
	says("a }", true, 1, "syntax error at `}`");
}

static void
check_attributes(void)
{
	says("a [\ncapactiy=1]", true, 2, "did you mean `capacity`?");
	says("a [coler=red]", true, 1, "did you mean `color`?");
	says("a [qqqqq=red]", true, 1, "unknown attribute `qqqqq`");
	says("a -> b [cwd=x]", true, 1, "not of edges");
	says("a [merge=any]", true, 1, "node `a` is a process");
	says("stdin [cmd=x]", true, 1, "`stdin` is mkfifo-graph's own");
	says("f [file=x, cwd=y]", true, 1, "node `f` is a file");
	says("f [file=x]\nf [cmd=y]", true, 2, "both a file (file=) and");
	says("a [cmd=x, script=y]", true, 1, "cmd= and script=");
	says("a [file=x, at=\"file:y\"]", true, 1, "use one of them");
	says("node [file=x]", true, 1, "cannot be a default");
	says("subgraph { shell=x }", true, 1, "on a subgraph means nothing");
	says("shell=x\ncmd=y", true, 2, "not of the graph");
	says("a -> b\n[key=x]", true, 2, "the edge's own name");
	says("edge [key=x]", true, 1, "the edge's own name");
	says("{a b} [cwd=x]", true, 1, "attributes after braces");
	says("a -> b [size=x]", false, 1, "did you mean `capacity`?");
	says("a -> b [sep=x]", false, 1, "did you mean `record`?");
	says("a [mode=x]", false, 1, "did you mean `commit`?");
	is_right("size=\"7,5\" a [label=x, shape=box, color=red] "
		 "a -> b [arrowhead=none]",
		 "Graphviz's own attributes are left to it");
	is_right("node [cwd=x, nice=3] a -> f -> stdout f [file=x]",
		 "node defaults do not fall on files and stdout");
}

static void
check_values(void)
{
	says("a -> b [merge=concta]", true, 1, "did you mean `concat`?");
	says("a -> b [via=tube]", true, 1, "pipe or fifo is wanted");
	says("a -> b [capacity=lots]", true, 1, "a size such as");
	says("a -> b [capacity=0]", true, 1, "a size such as");
	says("a -> b [nth=x]", true, 1, "a whole number");
	says("a -> b [record=lines]", true, 1, "line, line:N");
	says("a -> b [back=maybe]", true, 1, "back=`maybe`");
	says("a -> b [eof=never]", true, 1, "eof=`never`");
	says("a [ok=\"0 256\"]", true, 1, "statuses from 0 to 255");
	says("a [nice=20]", true, 1, "from -20 to 19");
	says("a [buffer=none]", true, 1, "line is wanted");
	says("a [epipe=no]", true, 1, "ok is wanted");
	says("f [file=x, commit=all]", true, 1, "no or yes is wanted");
	says("commit=no", true, 1, "all is wanted");
	says("stop=now", true, 1, "drain is wanted");
	says("names=any", true, 1, "declared is wanted");
	says("a [at=nowhere]", true, 1, "file:PATH");
	is_right("node [err=x, ok=\"1\"] edge [merge=concat] a [err=\"\", "
		 "ok=\"\"] a -> b [merge=\"\"]",
		 "an empty value undoes a default");
}

static void
check_later(void)
{
	static const char *const texts[] = {
		"a -> b [via=shm]",    "a -> b [via=mq]",
		"a -> b [via=socket]", "a -> b [via=signal]",
		"a -> b [via=rpc]",    "a [host=h]",
		"a [queue=q]",	       "a [dead=q]",
		"a [at=\"mq:/x\"]",    "a [at=\"tcp:h:1\"]",
		"a [at=\"fd:3\"]",     "a [at=\"-\"]",
		"a [idle=5]",	       "a [count=5]",
		"a [until=end]",
	};
	size_t i;

	for (i = 0; i < sizeof texts / sizeof *texts; i++)
		says(texts[i], true, 1, "is not supported yet");
}

static void
check_ports(void)
{
	says("a:X -> b", true, 1, "small letters");
	says("a -> b:e:w", true, 1, "one port, not two");
	says("a -> b:\"in put\"", true, 1, "small letters, digits and _");
	says("a -> b:-1", true, 1, "small letters, digits and _");
	says("a -> b:99999", true, 1, "no such descriptor");
	says("a -> {b\nc:2}", true, 2, "a port without an arrow");
	says("a:2;", true, 1, "a port without an arrow");
}

/* --- what is right */

static const struct flow_edge *
edge(const struct flow_graph *graph, size_t at)
{
	static const struct flow_node nobody = { .name = "(none)" };
	static const struct flow_edge none = {
		.tail = (struct flow_node *)&nobody,
		.head = (struct flow_node *)&nobody,
	};

	return graph != NULL && at < graph->edge_count ? graph->edges[at]
						       : &none;
}

static unsigned
line_of(const struct flow_graph *graph, const char *name)
{
	const struct flow_node *node =
		graph != NULL ? flow_graph_node(graph, name) : NULL;

	return node != NULL ? node->line : 0;
}

static void
check_lines(void)
{
	struct flow_graph *graph =
		read_text("#!/usr/bin/env mkfifo-graph\n"
			  "digraph x { // {\n"
			  "  a\n"
			  "  b [cmd=\"x\n"
			  "y\"] /* -> \n"
			  " */ c -> d ->\n"
			  "  e -> {\n"
			  "    f\n"
			  "    g } -> \"h\" + \"i\" [merge=concat\n"
			  "  ]\n"
			  "  j;k;l->m;n\n"
			  "  subgraph cluster { o\n"
			  "  }\n"
			  "  p}\n");

	ok_number((intmax_t)messages.count, 0, "graph: lines: no message");
	ok_number(line_of(graph, "a"), 3, "graph: line of a bare node");
	ok_number(line_of(graph, "b"), 4, "graph: line of a node with a list");
	ok_number(line_of(graph, "c"), 6, "graph: line after a comment");
	ok_number(line_of(graph, "e"), 7, "graph: line within a chain");
	ok_number(line_of(graph, "g"), 9, "graph: line within braces");
	ok_number(line_of(graph, "hi"), 9, "graph: line of a joined name");
	ok_number(line_of(graph, "k"), 11, "graph: line without blanks");
	ok_number(line_of(graph, "n"), 11, "graph: last node of a line");
	ok_number(line_of(graph, "o"), 12, "graph: line in a subgraph");
	ok_number(line_of(graph, "p"), 14, "graph: line before the last brace");
	ok_number(edge(graph, 0)->line, 6, "graph: line of c -> d");
	ok_number(edge(graph, 1)->line, 7, "graph: line of d -> e");
	ok_number(edge(graph, 2)->line, 8, "graph: line of e -> f in braces");
	ok_number(edge(graph, 3)->line, 9, "graph: line of e -> g in braces");
	ok_number(edge(graph, 5)->line, 9, "graph: line of g -> hi");
	ok_number(edge(graph, 6)->line, 11, "graph: line of l -> m");
	ok_text(graph != NULL ? graph->name : NULL, "x", "graph: its name");
	flow_graph_free(graph);
}

static void
check_edges(void)
{
	struct flow_graph *graph = read_expression(
		"a:2 -> b:3 [capacity=\"1M\", spill=\"2K\", nth=7]\n"
		"a:out -> c:old [via=fifo, back=true, eof=exit]\n"
		"x:err -> y:n [record=\"start:>\", merge=any, split=copy]\n"
		"a -> a; a -> b; a -> b\n");
	const struct flow_edge *first = edge(graph, 0);
	const struct flow_edge *second = edge(graph, 1);
	const struct flow_edge *third = edge(graph, 2);

	ok_number((intmax_t)messages.count, 0, "graph: edges: no message");
	ok(graph != NULL && graph->edge_count == 6,
	   "graph: an edge written twice is two edges");
	ok(first->out.fd == 2 && first->in.fd == 3,
	   "graph: ports that are numbers");
	ok(first->capacity == 1 << 20 && first->spill == 2048 &&
		   first->nth == 7,
	   "graph: capacity, spill, nth");
	ok(second->out.fd == 1 && second->in.fd == -1,
	   "graph: out is 1 and a name is none");
	ok_text(second->in.name, "old", "graph: a named port");
	ok(second->via == FLOW_VIA_FIFO && second->back && second->eof_exit,
	   "graph: via, back, eof");
	ok(second->nth == LONG_MAX && !second->merge_written,
	   "graph: what is not written");
	ok_text(third->in.name, "n", "graph: a compass point is a name");
	ok(third->out.fd == 2 && third->record_written &&
		   third->merge_written && third->split_written &&
		   third->written_record.kind == FLOW_RECORD_START,
	   "graph: written policies are marked");
	ok_text(third->written_record.string, ">",
		"graph: the text of a record");
	flow_graph_free(graph);
}

static void
check_nodes(void)
{
	struct flow_graph *graph = read_expression(
		"args=\"A [B]\" eof=exit names=declared stop=drain commit=all\n"
		"shell=\"bash -c\" edge [merge=concat]\n"
		"a [cwd=\"$1\", env=\"A=1\", ok=\"1,255\", epipe=ok, nice=-3,\n"
		"   timeout=\"${T}\", buffer=line, err=log, shell=\"\"]\n"
		"f [file=\"${X:-y}\", append=true, commit=no, merge=any]\n"
		"g [at=\"file+:h\"] b [script=\"s.sh\"] \"sort -u\" -> "
		"stdout\n");
	const struct flow_node *a, *f, *g;

	if (!ok(graph != NULL && messages.count == 0, "graph: nodes are read"))
		return;
	a = flow_graph_node(graph, "a");
	f = flow_graph_node(graph, "f");
	g = flow_graph_node(graph, "g");
	ok_text(graph->args, "A [B]", "graph: args");
	ok(graph->names_declared && graph->stop_drain && graph->commit_all &&
		   graph->default_merge == FLOW_MERGE_CONCAT,
	   "graph: attributes of the graph");
	ok_text(graph->default_shell, "bash -c", "graph: shell of the graph");
	ok_text(a->cwd, "$1", "graph: cwd stays as written");
	ok_text(a->written_env, "A=1", "graph: env stays as written");
	ok_text(a->written_timeout, "${T}", "graph: timeout stays as written");
	ok(a->ok[0] == 2 && a->ok[31] == 128 && a->epipe_ok && a->nice == -3 &&
		   a->buffer_line && a->written_shell == NULL,
	   "graph: ok, epipe, nice, buffer, an empty shell");
	ok_text(a->err, "log", "graph: err");
	ok_text(a->command, "a", "graph: a name is a command");
	ok(a->declared && !flow_graph_node(graph, "stdout")->declared,
	   "graph: an arrow declares nothing");
	ok(f->kind == FLOW_NODE_FILE && f->append &&
		   f->commit == FLOW_COMMIT_NO && f->merge == FLOW_MERGE_ANY,
	   "graph: a file and its attributes");
	ok_text(f->file, "${X:-y}", "graph: file stays as written");
	ok(g->append && strcmp(g->file, "h") == 0, "graph: at=file+:PATH");
	ok_text(flow_graph_node(graph, "b")->script, "s.sh", "graph: script");
	ok(edge(graph, 0)->head->kind == FLOW_NODE_STDOUT &&
		   !edge(graph, 0)->eof_exit,
	   "graph: eof=exit of the graph is for edges to processes");
	ok(flow_graph_standard(graph, FLOW_NODE_STDIN)->kind ==
			   FLOW_NODE_STDIN &&
		   flow_graph_node(graph, "stdin") != NULL,
	   "graph: stdin is made when it is asked for");
	flow_graph_free(graph);
}

static const char *
command_of(struct flow_graph *graph, const char *name)
{
	const struct flow_node *node =
		graph != NULL ? flow_graph_node(graph, name) : NULL;

	return node != NULL ? node->command : NULL;
}

static void
check_quoting(void)
{
	struct flow_graph *graph =
		read_expression("a [cmd=\"tr '\\n' \\\"x\\\" \\\\\"]\n"
				"b [cmd=\"x\\\\\\\"y\"]\n"
				"c [cmd=\"one\\\ntwo\"]\n"
				"d [cmd=\"x # // /* y\"]\n"
				"e [cmd=\"\"]\n"
				"g [cmd=\"a\" + \"b\"]\n");

	ok_text(command_of(graph, "a"), "tr '\\n' \"x\" \\\\",
		"graph: only a quote is escaped");
	ok_text(command_of(graph, "b"), "x\\\"y",
		"graph: a backslash before a quote");
	ok_text(command_of(graph, "c"), "onetwo", "graph: a line goes on");
	ok_text(command_of(graph, "d"), "x # // /* y",
		"graph: no comments in strings");
	ok_text(command_of(graph, "e"), "", "graph: empty is not unset");
	ok_text(command_of(graph, "g"), "ab", "graph: strings are joined");
	flow_graph_free(graph);
}

static void
check_scope(void)
{
	struct flow_graph *graph = read_expression(
		"a; node [nice=1] b; subgraph { node [nice=2] c; b } d\n"
		"edge [nth=1] a -> b; { edge [nth=2] b -> c } c -> d\n");

	if (!ok(graph != NULL && messages.count == 0, "graph: defaults"))
		return;
	ok_number(flow_graph_node(graph, "a")->nice, 0,
		  "graph: no default for what was named before");
	ok_number(flow_graph_node(graph, "b")->nice, 1,
		  "graph: a node keeps its first default");
	ok_number(flow_graph_node(graph, "c")->nice, 2,
		  "graph: a default in a subgraph");
	ok_number(flow_graph_node(graph, "d")->nice, 1,
		  "graph: a default ends with its braces");
	ok_number(edge(graph, 1)->nth, 2, "graph: an edge default in braces");
	ok_number(edge(graph, 2)->nth, 1, "graph: and behind them");
	flow_graph_free(graph);
}

static void
check_order(void)
{
	struct flow_graph *graph;

	says("a b {b a} -> c [merge=concat]", false, 1, "in another order");
	is_right("a b {a b} -> c [merge=concat]", "braces in order");
	is_right("a b {b a} -> c", "order that does not matter");
	graph = read_expression("z -> x; y -> x; z -> y; a -> x");
	ok(strcmp(edge(graph, 0)->tail->name, "z") == 0 &&
		   strcmp(edge(graph, 1)->tail->name, "y") == 0 &&
		   strcmp(edge(graph, 3)->tail->name, "a") == 0 &&
		   edge(graph, 3)->id == 3,
	   "graph: edges in the order of the file");
	ok(edge(graph, 0)->head->in_count == 3 &&
		   edge(graph, 0)->head->in[2] == edge(graph, 3),
	   "graph: edges into a node in order");
	flow_graph_free(graph);
}

/* --- what nobody should write */

static void
check_hostile(void)
{
	static const char with_nul[] = "digraph {\n a \0 }";
	struct flow_graph *graph;
	char *deep = malloc(200002);

	graph = read_bytes(with_nul, sizeof with_nul - 1, false);
	ok(graph == NULL && messages.errors == 1 && messages.list[0].line == 2,
	   "graph: a NUL byte is refused with its line");
	flow_graph_free(graph);
	graph = read_text("");
	ok(graph == NULL && messages.errors == 1, "graph: an empty file");
	flow_graph_free(graph);
	graph = read_text("\xEF\xBB\xBF"
			  "digraph { \xFF\xFE -> \"a\nb\" }");
	ok(graph != NULL && messages.count == 0 && graph->node_count == 2,
	   "graph: any bytes are names");
	flow_graph_free(graph);
	memset(deep, '{', 200000);
	memcpy(deep, "digraph ", 8);
	deep[200000] = '\0';
	graph = read_text(deep);
	ok(graph == NULL && messages.errors == 1, "graph: 200,000 braces");
	flow_graph_free(graph);
	free(deep);
	is_right("a -> b", "a right text after wrong ones");
}

/* 1,000 nodes and 10,000 edges: the processor's time, as the machine may be busy. */
static void
check_large(void)
{
	size_t size = 0;
	char *text = NULL;
	FILE *stream = open_memstream(&text, &size);
	struct flow_graph *graph;
	clock_t start;
	double ms;
	int i;

	fputs("digraph {\n", stream);
	for (i = 0; i < 10000; i++)
		fprintf(stream, "n%d -> n%d [capacity=\"1M\"]\n", i % 1000,
			(i * 7 + 1) % 1000);
	fputs("}\n", stream);
	fclose(stream);
	start = clock();
	graph = read_bytes(text, size, false);
	ms = (double)(clock() - start) * 1e3 / CLOCKS_PER_SEC;
	ok(graph != NULL && graph->edge_count == 10000 &&
		   graph->node_count == 1000 &&
		   graph->edges[9999]->line == 10001,
	   "graph: 1,000 nodes and 10,000 edges");
	tap_note("in %.0f ms", ms);
	flow_graph_free(graph);
	free(text);
	text = NULL;
	stream = open_memstream(&text, &size);
	fputs("digraph { n", stream);
	for (i = 0; i < 1700; i++)
		fprintf(stream, " -> n%d", i);
	fputs(" }", stream);
	fclose(stream);
	graph = read_bytes(text, size, false);
	ok(graph != NULL && graph->edge_count == 1700,
	   "graph: a chain of 1,700 arrows");
	flow_graph_free(graph);
	free(text);
}

int
main(void)
{
	check_kinds();
	check_syntax();
	check_attributes();
	check_values();
	check_later();
	check_ports();
	check_lines();
	check_edges();
	check_nodes();
	check_quoting();
	check_scope();
	check_order();
	check_hostile();
	check_large();
	flow_messages_clear(&messages);
	return tap_done();
}
