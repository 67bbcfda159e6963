/* SPDX-License-Identifier: GPL-3.0-or-later */
/* check-edges: which ends may be joined, and the edges that nobody wrote. */
#include "config.h"

#include "check-private.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

static void
refuse(struct flow_checking *checking, const struct flow_edge *edge,
       const char *reason)
{
	flow_messages_add(checking->messages, 65,
			  flow_check_at_edge(checking, edge), "`%s`: %s",
			  flow_check_edge_text(checking->graph, edge), reason);
}

/*
 * Why the ports of EDGE cannot be, where an object is: a name on stdin or
 * stdout is a port of the graph as a whole, when it is a node of another.
 */
static const char *
port_fault(const struct flow_checking *checking, const struct flow_edge *edge)
{
	const struct flow_node *tail = edge->tail, *head = edge->head;
	const char *own = NULL, *none = NULL;

	if (tail->kind == FLOW_NODE_STDIN && edge->out.name != NULL)
		own = edge->out.name;
	else if (tail->kind != FLOW_NODE_PROCESS && edge->out.fd != 1)
		none = tail->name;
	if (head->kind == FLOW_NODE_STDOUT && edge->in.name != NULL)
		own = edge->in.name;
	else if (head->kind != FLOW_NODE_PROCESS && edge->in.fd != 0)
		none = head->name;
	if (none != NULL)
		return flow_graph_printf(checking->graph,
					 "`%s` is no process and has no ports",
					 none);
	if (own == NULL || checking->inside)
		return NULL;
	return flow_graph_printf(
		checking->graph,
		"`%s` is a port of this graph, which only a "
		"graph that has it as a node (graph=) can join",
		own);
}

/* The ends of EDGE at objects; false when something was wrong. */
static bool
check_objects(struct flow_checking *checking, const struct flow_edge *edge)
{
	struct flow_graph *graph = checking->graph;
	const struct flow_node *tail = edge->tail, *head = edge->head;
	const char *reason = NULL;

	if (tail->kind == FLOW_NODE_STDOUT || tail->kind == FLOW_NODE_STDERR)
		reason = flow_graph_printf(graph, "`%s` can only be written",
					   tail->name);
	else if (head->kind == FLOW_NODE_STDIN)
		reason = "`stdin` can only be read";
	else if (port_fault(checking, edge) != NULL)
		reason = port_fault(checking, edge);
	else if (tail->kind != FLOW_NODE_PROCESS &&
		 head->kind != FLOW_NODE_PROCESS)
		reason = flow_graph_printf(
			graph,
			"only a process moves bytes; put one between, as in "
			"`%s -> cat -> %s`",
			tail->name, head->name);
	if (reason != NULL)
		refuse(checking, edge, reason);
	return reason == NULL;
}

void
flow_check_edge(struct flow_checking *checking, const struct flow_edge *edge)
{
	struct flow_graph *graph = checking->graph;

	if (!check_objects(checking, edge))
		return;
	if (edge->out.name == NULL && edge->out.fd == 0)
		refuse(checking, edge,
		       flow_graph_printf(graph,
					 "descriptor 0 of `%s` is its input",
					 edge->tail->name));
	if (edge->in.name == NULL && (edge->in.fd == 1 || edge->in.fd == 2))
		refuse(checking, edge,
		       flow_graph_printf(graph,
					 "descriptor %d of `%s` is an output",
					 edge->in.fd, edge->head->name));
}

/* The first written edge out of NODE's descriptor FD, or NULL. */
static const struct flow_edge *
edge_out_of(const struct flow_node *node, int fd)
{
	size_t i;

	for (i = 0; i < node->out_count; i++)
		if (node->out[i]->out.name == NULL &&
		    node->out[i]->out.fd == fd)
			return node->out[i];
	return NULL;
}

/* The node that err=NAME means, or NULL. */
static struct flow_node *
find_target(struct flow_graph *graph, const char *name)
{
	struct flow_node *node = flow_graph_node(graph, name);

	if (node == NULL && strcmp(name, "stdout") == 0)
		return flow_graph_standard(graph, FLOW_NODE_STDOUT);
	if (node == NULL && strcmp(name, "stderr") == 0)
		return flow_graph_standard(graph, FLOW_NODE_STDERR);
	return node;
}

/* Did an earlier node name the same? A default falls on many, one message is enough. */
static bool
was_named(const struct flow_graph *graph, const struct flow_node *node)
{
	size_t i;

	for (i = 0; i < node->id; i++)
		if (graph->nodes[i]->err != NULL &&
		    strcmp(graph->nodes[i]->err, node->err) == 0)
			return true;
	return false;
}

static struct flow_edge *
add_edge(struct flow_checking *checking, struct flow_node *tail, int out,
	 struct flow_node *head)
{
	struct flow_edge *edge =
		flow_graph_add_edge(checking->graph, tail, out, head, 0);

	edge->implicit = true;
	edge->nth = LONG_MAX;
	return edge;
}

static void
add_err(struct flow_checking *checking, struct flow_node *node)
{
	const struct flow_edge *other;
	struct flow_node *target;

	/* The default err= of all nodes does not fall on the one it names. */
	if (node->err == NULL || *node->err == '\0' ||
	    strcmp(node->err, node->name) == 0)
		return;
	target = find_target(checking->graph, node->err);
	if (target == NULL) {
		if (!was_named(checking->graph, node))
			flow_messages_add(
				checking->messages, 65,
				flow_check_at_node(checking, node),
				"node `%s`: err: there is no node `%s`%s",
				node->name, node->err,
				flow_check_hint(checking->graph,
						flow_check_near_node(
							checking->graph,
							node->err, false)));
		return;
	}
	other = edge_out_of(node, 2);
	if (other != NULL) {
		flow_messages_add(checking->messages, 65,
				  flow_check_at_edge(checking, other),
				  "`%s`: descriptor 2 of `%s` has err=`%s` too "
				  "(line %u); use one of them (err=\"\" undoes "
				  "a default)",
				  flow_check_edge_text(checking->graph, other),
				  node->name, node->err, node->line);
		return;
	}
	add_edge(checking, node, 2, target);
}

void
flow_check_implicit(struct flow_checking *checking)
{
	struct flow_graph *graph = checking->graph;
	size_t count = graph->node_count, i;
	struct flow_node *node;

	for (i = 0; i < count; i++)
		if (graph->nodes[i]->kind == FLOW_NODE_PROCESS)
			add_err(checking, graph->nodes[i]);
	/* they are edges now, and looking again would find them twice */
	for (i = 0; i < count; i++)
		graph->nodes[i]->err = NULL;
	for (i = 0; i < count; i++) {
		node = graph->nodes[i];
		if (node->kind == FLOW_NODE_PROCESS &&
		    edge_out_of(node, 1) == NULL)
			add_edge(checking, node, 1,
				 flow_graph_standard(graph, FLOW_NODE_STDOUT));
	}
}

static int
compare_files(const void *a, const void *b)
{
	const struct flow_node *one = *(struct flow_node *const *)a;
	const struct flow_node *two = *(struct flow_node *const *)b;
	int order = strcmp(one->file, two->file);

	return order != 0 ? order : one->id < two->id ? -1 : one->id > two->id;
}

/* COUNT nodes of one path. */
static void
check_path(struct flow_checking *checking, struct flow_node **nodes,
	   size_t count)
{
	const struct flow_node *reader = NULL, *writer = NULL;
	size_t i;

	for (i = 0; i < count; i++) {
		if (nodes[i]->out_count > 0)
			reader = nodes[i];
		if (nodes[i]->in_count == 0)
			continue;
		if (writer != NULL)
			flow_messages_add(
				checking->messages, 65,
				flow_check_at_node(checking, nodes[i]),
				"node `%s`: file `%s` is written by node `%s` "
				"(line %u) too; write both to one node",
				nodes[i]->name, nodes[i]->file, writer->name,
				writer->line);
		writer = nodes[i];
	}
	if (reader != NULL && writer != NULL)
		flow_messages_add(checking->messages, 65,
				  flow_check_at_node(checking, writer),
				  "node `%s`: file `%s` is both read (line %u) "
				  "and written (line %u)",
				  writer->name, writer->file,
				  reader->out[0]->line, writer->in[0]->line);
}

static void
check_files(struct flow_checking *checking)
{
	struct flow_graph *graph = checking->graph;
	struct flow_node **files = calloc(graph->node_count + 1, sizeof *files);
	size_t count = 0, first, i;

	if (files == NULL) {
		flow_check_out_of_memory(checking);
		return;
	}
	/* Devices are there to be shared. */
	for (i = 0; i < graph->node_count; i++)
		if (graph->nodes[i]->kind == FLOW_NODE_FILE &&
		    graph->nodes[i]->file != NULL &&
		    strncmp(graph->nodes[i]->file, "/dev/", 5) != 0)
			files[count++] = graph->nodes[i];
	qsort(files, count, sizeof *files, compare_files);
	for (first = 0, i = 1; i <= count; i++) {
		if (i < count &&
		    strcmp(files[i]->file, files[first]->file) == 0)
			continue;
		check_path(checking, files + first, i - first);
		first = i;
	}
	free(files);
}

void
flow_check_edges(struct flow_checking *checking)
{
	struct flow_graph *graph = checking->graph;
	size_t i;

	flow_check_implicit(checking);
	for (i = 0; i < graph->edge_count; i++)
		flow_check_edge(checking, graph->edges[i]);
	check_files(checking);
}
