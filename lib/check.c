/* SPDX-License-Identifier: GPL-3.0-or-later */
/* check: the parts in their order, and the words that their messages share. */
#include "config.h"

#include "check.h"

#include <stdlib.h>

#include "check-private.h"
#include "near.h"

void
flow_check(struct flow_graph *graph, const struct flow_values *values,
	   struct flow_messages *messages)
{
	struct flow_checking checking = {
		.graph = graph,
		.values = values,
		.messages = messages,
	};

	flow_check_values(&checking);
	flow_check_edges(&checking);
	flow_check_ports(&checking);
	flow_check_operators(&checking);
	flow_check_shape(&checking);
	if (!values->names_only)
		flow_check_commands(&checking);
	messages->at = NULL;
}

const char *
flow_check_near_node(const struct flow_graph *graph, const char *name,
		     bool processes)
{
	const char **names = calloc(graph->node_count + 1, sizeof *names);
	const char *near;
	size_t count = 0, i;

	if (names == NULL)
		return NULL;
	for (i = 0; i < graph->node_count; i++) {
		if (!processes || graph->nodes[i]->kind == FLOW_NODE_PROCESS)
			names[count++] = graph->nodes[i]->name;
	}
	near = flow_near(name, names, count);
	free(names);
	return near;
}

const char *
flow_check_hint(struct flow_graph *graph, const char *near)
{
	if (near == NULL)
		return "";
	return flow_graph_printf(graph, "; did you mean `%s`?", near);
}

static const char *
port_text(struct flow_graph *graph, const struct flow_port *port, int usual)
{
	if (port->name != NULL)
		return flow_graph_printf(graph, ":%s", port->name);
	if (port->fd == usual)
		return "";
	return flow_graph_printf(graph, ":%d", port->fd);
}

const char *
flow_check_edge_text(struct flow_graph *graph, const struct flow_edge *edge)
{
	return flow_graph_printf(graph, "%s%s -> %s%s", edge->tail->name,
				 port_text(graph, &edge->out, 1),
				 edge->head->name,
				 port_text(graph, &edge->in, 0));
}

unsigned
flow_check_edge_line(const struct flow_edge *edge)
{
	return edge->line > 0 ? edge->line : edge->tail->line;
}

/* Inside, include has said already which file is being looked at. */
static void
set_file(struct flow_checking *checking, const struct flow_inner *inner)
{
	if (!checking->inside)
		checking->messages->at = inner != NULL ? inner->source : NULL;
}

unsigned
flow_check_at_edge(struct flow_checking *checking, const struct flow_edge *edge)
{
	set_file(checking, edge->line > 0 ? edge->inner : edge->tail->inner);
	return flow_check_edge_line(edge);
}

unsigned
flow_check_at_node(struct flow_checking *checking, const struct flow_node *node)
{
	set_file(checking, node->inner);
	return node->line;
}

char *const *
flow_check_args(const struct flow_checking *checking,
		const struct flow_inner *inner)
{
	return inner != NULL ? inner->args : checking->values->args;
}

void
flow_check_out_of_memory(struct flow_checking *checking)
{
	flow_messages_add(checking->messages, 71, 0, "out of memory");
}
