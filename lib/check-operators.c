/* SPDX-License-Identifier: GPL-3.0-or-later */
/* check-operators: what replicas=, restart= and merge=ordered want of the edges around them. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "check-private.h"

/* The ports that replicas can share: input, output, and errors as they come. */
static bool
is_shared_port(const struct flow_port *port, int usual)
{
	return port->name == NULL && port->fd == usual;
}

static void
check_replicated(struct flow_checking *checking, const struct flow_node *node)
{
	const struct flow_edge *wrong = NULL;
	size_t i;

	for (i = 0; i < node->in_count && wrong == NULL; i++)
		if (!is_shared_port(&node->in[i]->in, 0))
			wrong = node->in[i];
	for (i = 0; i < node->out_count && wrong == NULL; i++)
		if (!is_shared_port(&node->out[i]->out, 1) &&
		    !is_shared_port(&node->out[i]->out, 2))
			wrong = node->out[i];
	if (wrong != NULL)
		flow_messages_add(checking->messages, 65,
				  flow_check_at_edge(checking, wrong),
				  "`%s`: node `%s` has replicas=, which share "
				  "descriptors 0, 1 and 2 alone",
				  flow_check_edge_text(checking->graph, wrong),
				  node->name);
}

/* Whose ends the guardian cannot hold, or whose work it cannot take up, is refused. */
static void
check_restarted(struct flow_checking *checking, const struct flow_node *node)
{
	const struct flow_edge *wrong = NULL;
	size_t i;

	if (node->replicas > 0)
		flow_messages_add(checking->messages, 65,
				  flow_check_at_node(checking, node),
				  "node `%s` has replicas= and restart=; what "
				  "replicas have read ahead would be lost, so "
				  "they cannot be started again",
				  node->name);
	for (i = 0; i < node->in_count && wrong == NULL; i++)
		if (node->in[i]->via == FLOW_VIA_FIFO &&
		    node->in[i]->in.name != NULL)
			wrong = node->in[i];
	for (i = 0; i < node->out_count && wrong == NULL; i++)
		if (node->out[i]->via == FLOW_VIA_FIFO &&
		    node->out[i]->out.name != NULL)
			wrong = node->out[i];
	if (wrong != NULL)
		flow_messages_add(
			checking->messages, 65,
			flow_check_at_edge(checking, wrong),
			"`%s`: node `%s` has restart=, for which the "
			"stream is held open, but with via=fifo it "
			"ends when `%s` closes it; leave out via=fifo",
			flow_check_edge_text(checking->graph, wrong),
			node->name, node->name);
}

/* Is EDGE one of several out of one port, by whole records? */
static bool
is_dealt(const struct flow_edge *edge)
{
	const struct flow_node *tail = edge->tail;
	size_t same = 0, i;

	for (i = 0; i < tail->out_count; i++)
		same += flow_port_same(&tail->out[i]->out, &edge->out);
	return same > 1 && edge->split != FLOW_SPLIT_COPY;
}

/*
 * The edge of a split that EDGE continues: by nodes that read it at descriptor
 * 0 alone. NULL when there is none; a cycle ends the search.
 */
static struct flow_edge *
trace_back(const struct flow_graph *graph, struct flow_edge *edge)
{
	size_t steps;

	for (steps = 0; steps <= graph->node_count; steps++) {
		const struct flow_node *node = edge->tail;
		struct flow_edge *before = NULL;
		size_t i;

		if (is_dealt(edge))
			return edge;
		if (node->kind != FLOW_NODE_PROCESS)
			return NULL;
		for (i = 0; i < node->in_count; i++) {
			if (!is_shared_port(&node->in[i]->in, 0))
				continue;
			if (before != NULL)
				return NULL; /* a merge: no telling which */
			before = node->in[i];
		}
		if (before == NULL)
			return NULL;
		edge = before;
	}
	return NULL;
}

static size_t
count_port(struct flow_edge *const *edges, size_t count,
	   const struct flow_port *port, bool out)
{
	size_t same = 0, i;

	for (i = 0; i < count; i++)
		same += flow_port_same(out ? &edges[i]->out : &edges[i]->in,
				       port);
	return same;
}

/* Do the in-edges of FIRST's port continue the edges of one split, one each? */
static const char *
ordered_fault(const struct flow_graph *graph, const struct flow_edge *first)
{
	const struct flow_node *node = first->head;
	const struct flow_edge *split = NULL;
	size_t i, j;

	for (i = 0; i < node->in_count; i++) {
		struct flow_edge *edge = node->in[i];

		if (!flow_port_same(&edge->in, &first->in))
			continue;
		edge->dealt = trace_back(graph, edge);
		if (edge->dealt == NULL)
			return "does not come from a split by records, by one "
			       "chain of nodes";
		if (split == NULL)
			split = edge->dealt;
		if (edge->dealt->tail != split->tail ||
		    !flow_port_same(&edge->dealt->out, &split->out))
			return "comes from another split than the first";
		for (j = 0; j < i; j++)
			if (flow_port_same(&node->in[j]->in, &first->in) &&
			    node->in[j]->dealt == edge->dealt)
				return "continues the same branch as another";
	}
	if (split == NULL ||
	    count_port(node->in, node->in_count, &first->in, false) !=
		    count_port(split->tail->out, split->tail->out_count,
			       &split->out, true))
		return "has not all branches of the split beside it";
	return NULL;
}

static void
check_ordered(struct flow_checking *checking, const struct flow_node *node)
{
	size_t i, j;

	for (i = 0; i < node->in_count; i++) {
		struct flow_edge *edge = node->in[i];
		const char *fault;

		if (edge->merge != FLOW_MERGE_ORDERED)
			continue;
		for (j = 0; j < i; j++)
			if (flow_port_same(&node->in[j]->in, &edge->in))
				break;
		if (j < i ||
		    count_port(node->in, node->in_count, &edge->in, false) < 2)
			continue;
		fault = ordered_fault(checking->graph, edge);
		if (fault != NULL)
			flow_messages_add(
				checking->messages, 65,
				flow_check_at_edge(checking, edge),
				"merge=ordered into `%s` puts the records of "
				"one split=lines, any or hash back in order; "
				"an edge of it %s",
				node->name, fault);
	}
}

/* A split can tell one merge alone in which order it dealt. */
static void
check_one_order(struct flow_checking *checking)
{
	const struct flow_graph *graph = checking->graph;
	const struct flow_edge **first =
		calloc(graph->edge_count + 1, sizeof *first);
	size_t i;

	if (first == NULL) {
		flow_check_out_of_memory(checking);
		return;
	}
	for (i = 0; i < graph->edge_count; i++) {
		const struct flow_edge *edge = graph->edges[i];

		if (edge->dealt == NULL)
			continue;
		if (first[edge->dealt->id] != NULL)
			flow_messages_add(
				checking->messages, 65,
				flow_check_at_edge(checking, edge),
				"merge=ordered into `%s`: `%s` puts the same "
				"split back in order",
				edge->head->name,
				first[edge->dealt->id]->head->name);
		first[edge->dealt->id] = edge;
	}
	free(first);
}

void
flow_check_operators(struct flow_checking *checking)
{
	size_t i;

	for (i = 0; i < checking->graph->node_count; i++) {
		const struct flow_node *node = checking->graph->nodes[i];

		if (node->replicas > 0)
			check_replicated(checking, node);
		if (node->restart != FLOW_RESTART_NO)
			check_restarted(checking, node);
		check_ordered(checking, node);
	}
	check_one_order(checking);
}
