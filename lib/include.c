/* SPDX-License-Identifier: GPL-3.0-or-later */
/* include: reads the graphs of graph=, and joins their ports to the edges. */
#include "config.h"

#include "include.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check-private.h"
#include "join.h"
#include "near.h"
#include "store.h"

/* Two lines of each file could name the next one twice, and so on. */
enum { MOST_GRAPHS = 10000, DEEPEST = 200 };

/* The files around the one in hand. */
struct chain {
	const struct chain *outer;
	const char *source;
	unsigned depth;
	bool known; /* it is a file, with these two */
	dev_t device;
	ino_t inode;
};

struct including {
	struct flow_messages *messages;
	unsigned graphs; /* read so far */
};

/* One node with graph=, while its graph takes its place. */
struct placing {
	struct including *including;
	struct flow_graph *graph; /* the outer one */
	struct flow_node *node;
	struct flow_inner *inner;
	struct flow_node *standard[3]; /* of the inner graph, or NULL */
};

static int expand(struct including *including, struct flow_graph *graph,
		  const struct chain *chain, bool inside);

static bool
is_graph(const struct flow_node *node)
{
	return node->kind == FLOW_NODE_PROCESS && node->graph_file != NULL &&
	       *node->graph_file != '\0';
}

static int
refuse(struct including *including, const struct flow_node *node, int status,
       const char *reason)
{
	flow_messages_add(including->messages, status, node->line,
			  "node `%s`: graph=`%s`: %s", node->name,
			  node->graph_file, reason);
	return -1;
}

/* --- reading */

/* FILE of NODE, which is relative to the folder of the graph file. */
static const char *
find_path(struct flow_graph *graph, const struct flow_node *node)
{
	const char *slash = strrchr(graph->source, '/');

	if (node->graph_file[0] == '/' || slash == NULL)
		return flow_graph_strdup(graph, node->graph_file);
	return flow_graph_printf(graph, "%.*s/%s", (int)(slash - graph->source),
				 graph->source, node->graph_file);
}

static bool
same_file(const struct chain *a, const struct chain *b)
{
	return a->known && b->known && a->device == b->device &&
	       a->inode == b->inode;
}

/* "a.gv -> b.gv" from the file in which the cycle begins to LINK itself. */
static const char *
chain_text(struct flow_graph *graph, const struct chain *link)
{
	const char *text = link->source;
	const struct chain *at = link;

	do {
		at = at->outer;
		text = flow_graph_printf(graph, "%s -> %s", at->source, text);
	} while (!same_file(at, link));
	return text;
}

/* 0, or -1 when it was said why LINK cannot stand within its outer ones. */
static int
check_chain(struct including *including, struct flow_graph *graph,
	    const struct flow_node *node, const struct chain *link)
{
	const struct chain *at;

	for (at = link->outer; at != NULL; at = at->outer)
		if (same_file(at, link))
			return refuse(
				including, node, 65,
				flow_graph_printf(graph,
						  "a graph cannot hold itself: "
						  "%s",
						  chain_text(graph, link)));
	if (link->depth > DEEPEST)
		return refuse(including, node, 65,
			      "graphs are nested too deep");
	if (++including->graphs > MOST_GRAPHS)
		return refuse(including, node, 65,
			      "too many graphs within graphs");
	return 0;
}

/* The file of LINK, which is filled in; NULL when it was said why not. */
static FILE *
open_graph(struct including *including, const struct flow_node *node,
	   struct chain *link)
{
	/* a FIFO must not stop us, so no file is waited for */
	int fd = open(link->source,
		      O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat status;
	FILE *stream = NULL;

	if (fd >= 0 && fstat(fd, &status) == 0) {
		if (S_ISREG(status.st_mode))
			stream = fdopen(fd, "r");
		else
			errno = S_ISDIR(status.st_mode) ? EISDIR : EINVAL;
	}
	if (stream == NULL) {
		refuse(including, node, flow_error_status_read(errno),
		       strerror(errno));
		if (fd >= 0)
			close(fd);
		return NULL;
	}
	link->known = true;
	link->device = status.st_dev;
	link->inode = status.st_ino;
	return stream;
}

/* What only the whole run can do. */
static void
check_whole(struct including *including, const struct flow_graph *inner)
{
	const char *word = inner->commit_all   ? "commit=all"
			   : inner->stop_drain ? "stop=drain"
					       : NULL;

	if (word != NULL)
		flow_messages_add(including->messages, 65, 0,
				  "%s is for a whole run; write it on the "
				  "outer graph",
				  word);
}

/* The graph of NODE with all that is in it, or NULL when it was said why not. */
static struct flow_graph *
read_inner(struct including *including, struct flow_graph *graph,
	   const struct flow_node *node, const struct chain *chain)
{
	struct flow_messages *messages = including->messages;
	struct chain link = { .outer = chain,
			      .source = find_path(graph, node),
			      .depth = chain->depth + 1 };
	const char *before = messages->at;
	struct flow_graph *inner = NULL;
	size_t errors;
	FILE *stream;

	stream = open_graph(including, node, &link);
	if (stream == NULL)
		return NULL;
	if (check_chain(including, graph, node, &link) < 0) {
		fclose(stream);
		return NULL;
	}
	messages->at = link.source;
	errors = messages->errors;
	inner = flow_graph_read(stream, link.source, false, messages);
	fclose(stream);
	if (inner != NULL) {
		check_whole(including, inner);
		if (messages->errors == errors)
			expand(including, inner, &link, true);
	}
	if (inner != NULL && messages->errors > errors) {
		/* messages name files whose names are kept there */
		flow_store_keep(graph, inner);
		inner = NULL;
	}
	messages->at = before;
	return inner;
}

/* --- ports */

/* "sub:in": how messages, and what has to stand at the port, name it. */
static const char *
port_text(const struct placing *placing, const struct flow_port *port)
{
	char buffer[64];

	return flow_graph_printf(placing->graph, "%s:%s", placing->node->name,
				 flow_port_name(port, buffer, sizeof(buffer)));
}

/* The port of the node that EDGE, from its stdin or to its stdout, is about. */
static struct flow_port
port_of(const struct placing *placing, const struct flow_edge *edge)
{
	struct flow_port port = { .fd = 0 };

	if (edge->tail == placing->standard[0])
		return edge->out.name != NULL ? edge->out : port;
	port.fd = edge->head == placing->standard[2] ? 2 : 1;
	return edge->in.name != NULL ? edge->in : port;
}

/*
 * Lists the edges at PORT: of the node itself (OUTER) or of its standard nodes,
 * those that carry INPUT or output of the node. Owned; how many in COUNT.
 */
static struct flow_edge **
list_edges(const struct placing *placing, const struct flow_port *port,
	   bool input, bool outer, size_t *count)
{
	struct flow_node *const *standard = placing->standard;
	struct flow_edge **found;
	size_t i, j;

	found = calloc(placing->graph->edge_count + 1, sizeof(*found));
	if (found == NULL)
		flow_error_no_memory();
	*count = 0;
	for (i = 0; i < 3; i++) {
		const struct flow_node *node =
			outer ? placing->node : standard[i];
		bool out = outer ? !input : input;
		size_t most;

		if (node == NULL || (outer && i > 0))
			continue;
		most = out ? node->out_count : node->in_count;
		for (j = 0; j < most; j++) {
			struct flow_edge *edge =
				out ? node->out[j] : node->in[j];
			struct flow_port at = !outer ? port_of(placing, edge)
					      : out  ? edge->out
						     : edge->in;

			if (flow_port_same(&at, port))
				found[(*count)++] = edge;
		}
	}
	return found;
}

/* The names of all ports in one direction, for a hint. */
static const char *
nearest_port(const struct placing *placing, const char *name, bool input)
{
	size_t room = placing->graph->edge_count, count = 0;
	const char **names = calloc(room + 1, sizeof(*names)), *near;
	const struct flow_node *node = placing->standard[input ? 0 : 1];

	if (names == NULL)
		flow_error_no_memory();
	for (size_t i = 0;
	     node != NULL && i < (input ? node->out_count : node->in_count);
	     i++) {
		const struct flow_edge *edge =
			input ? node->out[i] : node->in[i];
		const char *port = input ? edge->out.name : edge->in.name;

		if (port != NULL)
			names[count++] = port;
	}
	near = flow_near(name, names, count);
	if (near == NULL && count == 1)
		near = names[0];
	free(names);
	return flow_check_hint(placing->graph, near);
}

/* EDGE is at a port that the inner graph does not have. */
static void
refuse_port(const struct placing *placing, const struct flow_edge *edge,
	    const struct flow_port *port, bool input)
{
	const char *source = placing->inner->source, *reason;
	struct flow_graph *graph = placing->graph;

	if (port->name != NULL)
		reason = flow_graph_printf(
			graph, "`%s` has no %s port `%s`%s", source,
			input ? "input" : "output", port->name,
			nearest_port(placing, port->name, input));
	else if (port->fd == 0 && input)
		reason = flow_graph_printf(
			graph, "no edge of `%s` leaves stdin", source);
	else if (port->fd == 1 && !input)
		reason = flow_graph_printf(
			graph, "nothing in `%s` writes to stdout", source);
	else
		reason = flow_graph_printf(
			graph,
			"descriptor %d of `%s` is no %s of a graph; ports of "
			"graphs are in, out, err, and names",
			port->fd, placing->node->name,
			input ? "input" : "output");
	flow_messages_add(placing->including->messages, 65,
			  flow_check_edge_line(edge), "`%s`: %s",
			  flow_check_edge_text(graph, edge), reason);
}

/* COUNT edges at a port of the node that is none inside. */
static void
refuse_ports(struct placing *placing, struct flow_edge *const *edges,
	     size_t count, const struct flow_port *port, bool input)
{
	/* a graph that writes nothing has no implicit edge either */
	for (size_t i = 0; i < count; i++)
		if (input || !edges[i]->implicit)
			refuse_port(placing, edges[i], port, input);
}

/* Takes out EDGES, which could not be joined, so that the others can be. */
static void
drop_edges(struct flow_graph *graph, struct flow_edge *const *edges,
	   size_t count)
{
	size_t kept, i, j;

	for (j = 0; j < count; j++) {
		for (kept = i = 0; i < graph->edge_count; i++)
			if (graph->edges[i] != edges[j])
				graph->edges[kept++] = graph->edges[i];
		graph->edge_count = kept;
	}
	flow_store_arrange(graph);
}

/* Nothing comes to the input PORT: stdin is /dev/null then, as for a process. */
static void
feed_nothing(struct placing *placing, const struct flow_port *port,
	     struct flow_edge **edges, size_t count)
{
	struct flow_node *node;

	if (port->name != NULL) {
		flow_messages_add(placing->including->messages, 65,
				  placing->node->line,
				  "node `%s`: no edge leads to port `%s` of "
				  "`%s` (line %u there)",
				  placing->node->name, port->name,
				  placing->inner->source, edges[0]->line);
		return;
	}
	node = flow_store_add_node(placing->graph, port_text(placing, port));
	node->kind = FLOW_NODE_FILE;
	node->file = "/dev/null";
	node->line = edges[0]->line;
	node->inner = placing->inner;
	node->declared = true;
	for (size_t i = 0; i < count; i++) {
		edges[i]->tail = node;
		edges[i]->out = (struct flow_port){ .fd = 1 };
	}
	flow_store_arrange(placing->graph);
}

/* Nobody reads the output PORT: stdout and stderr go on as those of a process do. */
static bool
leads_out(struct placing *placing, const struct flow_port *port,
	  const struct flow_edge *edge)
{
	struct flow_graph *graph = placing->graph;

	if (port->name == NULL) {
		flow_graph_add_edge(
			graph, placing->node, port->fd,
			flow_graph_standard(graph, port->fd == 2
							   ? FLOW_NODE_STDERR
							   : FLOW_NODE_STDOUT),
			0);
		return true;
	}
	flow_messages_add(placing->including->messages, 65, placing->node->line,
			  "node `%s`: no edge leaves port `%s` of `%s` (line "
			  "%u there); a file node with file=\"/dev/null\" "
			  "would take it",
			  placing->node->name, port->name,
			  placing->inner->source, edge->line);
	return false;
}

/* Joins the edges at PORT; with none inside, those outside are refused. */
static void
join_port(struct placing *placing, struct flow_port port, bool input, int merge)
{
	struct flow_messages *messages = placing->including->messages;
	size_t inside_count, outside_count, errors = messages->errors;
	struct flow_edge **inside, **outside;
	struct flow_join join = {
		.graph = placing->graph,
		.messages = messages,
		.line = placing->node->line,
		.merge = input ? -1 : merge,
	};

	inside = list_edges(placing, &port, input, false, &inside_count);
	outside = list_edges(placing, &port, input, true, &outside_count);
	if (inside_count == 0) {
		refuse_ports(placing, outside, outside_count, &port, input);
	} else if (outside_count == 0 && input) {
		feed_nothing(placing, &port, inside, inside_count);
	} else if (outside_count == 0 && leads_out(placing, &port, inside[0])) {
		free(outside);
		outside =
			list_edges(placing, &port, false, true, &outside_count);
	}
	if (messages->errors > errors || inside_count == 0) {
		drop_edges(placing->graph, inside, inside_count);
		drop_edges(placing->graph, outside, outside_count);
	} else if (outside_count > 0) {
		join.name = port_text(placing, &port);
		join.before = input ? outside : inside;
		join.before_count = input ? outside_count : inside_count;
		join.behind = input ? inside : outside;
		join.behind_count = input ? inside_count : outside_count;
		flow_join_port(&join);
	}
	free(inside);
	free(outside);
}

/* --- placing */

/* A port of the node that has edges yet, inside or outside. */
static bool
next_port(const struct placing *placing, struct flow_port *port, bool *input)
{
	const struct flow_node *node = placing->node;
	const struct flow_node *in = placing->standard[0];
	const struct flow_node *out = placing->standard[1];

	*input = true;
	if (node->in_count > 0)
		*port = node->in[0]->in;
	else if (in != NULL && in->out_count > 0)
		*port = port_of(placing, in->out[0]);
	else
		*input = false;
	if (*input)
		return true;
	if (node->out_count > 0)
		*port = node->out[0]->out;
	else if (out != NULL && out->in_count > 0)
		*port = port_of(placing, out->in[0]);
	else
		return false;
	return true;
}

static void
join_ports(struct placing *placing)
{
	struct flow_node *const *standard = placing->standard;
	struct flow_port port;
	bool input;

	/* what the node writes may come back to it, so its outputs are first */
	join_port(placing, (struct flow_port){ .fd = 1 }, false,
		  standard[1] != NULL ? standard[1]->merge : -1);
	join_port(placing, (struct flow_port){ .fd = 2 }, false,
		  standard[2] != NULL ? standard[2]->merge : -1);
	join_port(placing, (struct flow_port){ .fd = 0 }, true, -1);
	while (next_port(placing, &port, &input))
		join_port(placing, port, input, -1);
}

static bool
has_output(const struct flow_node *node, int fd)
{
	for (size_t i = 0; i < node->out_count; i++)
		if (node->out[i]->out.name == NULL &&
		    node->out[i]->out.fd == fd)
			return true;
	return false;
}

/* Where the node's descriptor 2 leads elsewhere, so do those that inherit it. */
static void
lead_errors(const struct placing *placing, struct flow_graph *inner)
{
	struct flow_node *error;

	if (!has_output(placing->node, 2))
		return;
	error = flow_graph_standard(inner, FLOW_NODE_STDERR);
	for (size_t i = 0; i < inner->node_count; i++)
		if (inner->nodes[i]->kind == FLOW_NODE_PROCESS &&
		    !has_output(inner->nodes[i], 2))
			flow_graph_add_edge(inner, inner->nodes[i], 2, error,
					    0);
}

/* What INNER's file says of all that is in it, for when they are outside. */
static struct flow_inner *
keep_scope(const struct placing *placing, const struct flow_graph *inner)
{
	struct flow_graph *graph = placing->graph;
	struct flow_inner *scope = flow_graph_alloc(graph, sizeof(*scope));
	struct flow_inner **last = &graph->inners, *within;

	*scope = (struct flow_inner){
		.name = placing->node->name,
		.source = inner->source,
		.line = placing->node->line,
		.written_args = placing->node->graph_args,
		.usage = inner->args,
		.default_shell = inner->default_shell,
		.names_declared = inner->names_declared,
		.next = inner->inners,
	};
	for (within = inner->inners; within != NULL; within = within->next) {
		within->name = flow_graph_printf(graph, "%s/%s", scope->name,
						 within->name);
		if (within->outer == NULL)
			within->outer = scope;
	}
	while (*last != NULL)
		last = &(*last)->next;
	*last = scope;
	return scope;
}

/* INNER's nodes and edges as they are to stand in the outer graph. */
static void
name_parts(struct placing *placing, struct flow_graph *inner)
{
	size_t i;

	for (i = 0; i < inner->node_count; i++) {
		struct flow_node *node = inner->nodes[i];

		if (node->kind == FLOW_NODE_STDIN)
			placing->standard[0] = node;
		else if (node->kind == FLOW_NODE_STDOUT)
			placing->standard[1] = node;
		else if (node->kind == FLOW_NODE_STDERR)
			placing->standard[2] = node;
		node->name = flow_graph_printf(placing->graph, "%s/%s",
					       placing->node->name, node->name);
		if (node->inner == NULL)
			node->inner = placing->inner;
	}
	for (i = 0; i < inner->edge_count; i++)
		if (inner->edges[i]->inner == NULL)
			inner->edges[i]->inner = placing->inner;
}

/* Puts INNER, which is taken, where NODE of GRAPH is. */
static int
place(struct including *including, struct flow_graph *graph,
      struct flow_node *node, struct flow_graph *inner)
{
	struct placing placing = { .including = including,
				   .graph = graph,
				   .node = node };
	size_t errors = including->messages->errors;
	const struct flow_node *twice;

	lead_errors(&placing, inner);
	placing.inner = keep_scope(&placing, inner);
	name_parts(&placing, inner);
	flow_store_absorb(graph, node, inner);
	flow_store_arrange(graph);
	twice = flow_store_rename(graph);
	if (twice != NULL)
		refuse(including, node, 65,
		       flow_graph_printf(graph,
					 "two nodes would be called `%s`",
					 twice->name));
	else
		join_ports(&placing);
	if (including->messages->errors > errors)
		return -1;
	flow_store_drop_node(graph, node);
	for (size_t i = 0; i < 3; i++)
		if (placing.standard[i] != NULL)
			flow_store_drop_node(graph, placing.standard[i]);
	flow_store_arrange(graph);
	flow_store_rename(graph);
	return 0;
}

/* --- one file */

/* Do the edges between its own standard nodes and the rest stand as they are? */
static void
check_ends(struct flow_checking *checking)
{
	struct flow_graph *graph = checking->graph;
	const struct flow_node *out = flow_graph_node(graph, "stdout");

	for (size_t i = 0; i < graph->edge_count; i++) {
		const struct flow_edge *edge = graph->edges[i];

		if (edge->tail->kind != FLOW_NODE_PROCESS ||
		    edge->head->kind != FLOW_NODE_PROCESS)
			flow_check_edge(checking, edge);
		if (edge->tail->kind != FLOW_NODE_STDIN ||
		    edge->out.name == NULL || out == NULL)
			continue;
		for (size_t j = 0; j < out->in_count; j++)
			if (flow_port_same(&out->in[j]->in, &edge->out))
				flow_messages_add(
					checking->messages, 65,
					out->in[j]->line,
					"port `%s` is both an input (line %u) "
					"and an output of the graph",
					edge->out.name, edge->line);
	}
}

/* The merge of edges that nobody wrote is their own file's, not the run's. */
static void
settle_implicit(struct flow_graph *graph)
{
	for (size_t i = 0; i < graph->edge_count; i++) {
		struct flow_edge *edge = graph->edges[i];
		const struct flow_node *head = edge->head;
		bool written = false;

		if (!edge->implicit ||
		    (head->kind != FLOW_NODE_PROCESS && head->merge >= 0))
			continue;
		for (size_t j = 0; j < head->in_count; j++)
			written |= !head->in[j]->implicit &&
				   head->in[j]->merge_written &&
				   flow_port_same(&head->in[j]->in, &edge->in);
		if (written)
			continue;
		edge->merge = graph->default_merge >= 0
				      ? (enum flow_merge)graph->default_merge
				      : FLOW_MERGE_ANY;
		edge->merge_written = true;
	}
}

/* All nodes of GRAPH with graph=, CHAIN being its file. 0, or -1. */
static int
expand(struct including *including, struct flow_graph *graph,
       const struct chain *chain, bool inside)
{
	struct flow_checking checking = { .graph = graph,
					  .messages = including->messages,
					  .inside = inside };
	size_t errors = including->messages->errors, count = 0, i;
	struct flow_node **nodes =
		calloc(graph->node_count + 1, sizeof(struct flow_node *));

	if (nodes == NULL)
		flow_error_no_memory();
	for (i = 0; i < graph->node_count; i++)
		if (is_graph(graph->nodes[i]))
			nodes[count++] = graph->nodes[i];
	if (inside)
		check_ends(&checking);
	if (inside || count > 0)
		flow_check_implicit(&checking);
	if (inside)
		settle_implicit(graph);
	for (i = 0; i < count; i++) {
		struct flow_graph *inner =
			read_inner(including, graph, nodes[i], chain);

		if (inner != NULL)
			place(including, graph, nodes[i], inner);
	}
	free(nodes);
	return including->messages->errors > errors ? -1 : 0;
}

int
flow_include(struct flow_graph *graph, struct flow_messages *messages)
{
	struct including including = { .messages = messages };
	struct chain chain = { .source = graph->source };
	struct stat status;

	if (stat(graph->source, &status) == 0) {
		chain.known = true;
		chain.device = status.st_dev;
		chain.inode = status.st_ino;
	}
	return expand(&including, graph, &chain, false);
}
