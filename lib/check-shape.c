/* SPDX-License-Identifier: GPL-3.0-or-later */
/* check-shape: cycles, marked and not, and the branches that meet again. */
#include "config.h"

#include "check-private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shape.h"

/* Names of a cycle that a message shows before it says how many more there are. */
enum { SHOWN = 8 };

/* The edges that some question is about, as arcs between node ids. */
struct selection {
	struct flow_shape shape;
	struct flow_arc *arcs;
	struct flow_edge **edges; /* of each arc */
	size_t *numbers; /* room for an answer per node */
	bool *flags; /* room for an answer per edge */
};

static void
selection_free(struct selection *selection)
{
	free(selection->arcs);
	free(selection->edges);
	free(selection->numbers);
	free(selection->flags);
}

static int
selection_make(struct selection *selection, const struct flow_graph *graph,
	       bool (*wanted)(const struct flow_edge *edge))
{
	size_t count = 0, i;
	struct flow_edge *edge;

	selection->arcs =
		calloc(graph->edge_count + 1, sizeof *selection->arcs);
	selection->edges =
		calloc(graph->edge_count + 1, sizeof *selection->edges);
	selection->numbers =
		calloc(graph->node_count + 1, sizeof *selection->numbers);
	selection->flags =
		calloc(graph->edge_count + 1, sizeof *selection->flags);
	if (selection->arcs == NULL || selection->edges == NULL ||
	    selection->numbers == NULL || selection->flags == NULL) {
		selection_free(selection);
		return -1;
	}
	for (i = 0; i < graph->edge_count; i++) {
		edge = graph->edges[i];
		if (!wanted(edge))
			continue;
		selection->arcs[count].from = edge->tail->id;
		selection->arcs[count].to = edge->head->id;
		selection->edges[count++] = edge;
	}
	selection->shape.vertex_count = graph->node_count;
	selection->shape.arcs = selection->arcs;
	selection->shape.arc_count = count;
	return 0;
}

static bool
joins_processes(const struct flow_edge *edge)
{
	return edge->tail->kind == FLOW_NODE_PROCESS &&
	       edge->head->kind == FLOW_NODE_PROCESS;
}

static bool
is_unmarked(const struct flow_edge *edge)
{
	return joins_processes(edge) && !edge->back;
}

/*
 * A file is opened afresh by each of its readers, so it makes none of them wait,
 * unless its records are shared out.
 */
static bool
can_block(const struct flow_edge *edge)
{
	return edge->tail->kind != FLOW_NODE_FILE ||
	       edge->split != FLOW_SPLIT_COPY || edge->slow != FLOW_SLOW_BLOCK;
}

static bool
is_own_command(const struct flow_node *node)
{
	return !node->has_command && node->script == NULL;
}

/* TEXT as DOT wants it: quoted unless it is an identifier. */
static const char *
dot_word(struct flow_graph *graph, const char *text)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
	char *quoted, *out;

	if (text[strspn(text, plain)] == '\0' && (*text < '0' || *text > '9'))
		return text;
	quoted = out = flow_graph_alloc(graph, 2 * strlen(text) + 3);
	*out++ = '"';
	for (; *text != '\0'; text++) {
		if (*text == '"')
			*out++ = '\\';
		*out++ = *text;
	}
	*out++ = '"';
	*out = '\0';
	return quoted;
}

/* How to write a second process with NODE's command: "cat2 [cmd=cat]". */
static const char *
second_process(struct flow_graph *graph, const struct flow_node *node)
{
	int length = (int)strcspn(node->command, " \t\n'\"\\|;&<>$");
	unsigned number = 2;
	const char *name;

	do {
		name = flow_graph_printf(graph, "%.*s%u", length, node->command,
					 number++);
	} while (flow_graph_node(graph, name) != NULL);
	return flow_graph_printf(graph, "%s [cmd=%s]", dot_word(graph, name),
				 dot_word(graph, node->command));
}

/* "a -> b -> a" from LENGTH arcs. */
static const char *
cycle_text(struct flow_graph *graph, const struct selection *selection,
	   const size_t *cycle, size_t length)
{
	const char *text, *more;
	size_t i;

	text = selection->edges[cycle[0]]->tail->name;
	for (i = 0; i + 1 < length && i + 1 < SHOWN; i++)
		text = flow_graph_printf(
			graph, "%s -> %s", text,
			selection->edges[cycle[i]]->head->name);
	more = i + 1 < length ? flow_graph_printf(graph, " -> (%zu more)",
						  length - 1 - i)
			      : "";
	return flow_graph_printf(graph, "%s%s -> %s", text, more,
				 selection->edges[cycle[0]]->tail->name);
}

static void
refuse_cycle(struct flow_checking *checking, const struct selection *selection,
	     const size_t *cycle, size_t length)
{
	struct flow_graph *graph = checking->graph;
	const struct flow_node *node, *twice = NULL;
	const struct flow_edge *err = NULL, *last = NULL, *edge;
	const char *hint = "", *second;
	size_t i;

	for (i = 0; i < length; i++) {
		node = selection->edges[cycle[i]]->tail;
		if (twice == NULL && is_own_command(node))
			twice = node;
		if (selection->edges[cycle[i]]->implicit)
			err = selection->edges[cycle[i]];
		edge = selection->edges[cycle[i]];
		if (last == NULL ||
		    flow_check_edge_line(edge) > flow_check_edge_line(last))
			last = edge;
	}
	if (err != NULL) {
		hint = flow_graph_printf(
			graph,
			"; `%s` comes from err=: undo that with err=\"\", or "
			"write the edge",
			flow_check_edge_text(graph, err));
	} else if (twice != NULL) {
		second = second_process(graph, twice);
		hint = flow_graph_printf(graph,
					 "; for two processes of one command, "
					 "name the second: `%s`",
					 second);
	}
	flow_messages_add(checking->messages, 65,
			  flow_check_at_edge(checking, last),
			  "`%s` is a cycle; if it is meant, mark the edge that "
			  "closes it with back=true%s",
			  cycle_text(graph, selection, cycle, length), hint);
}

/*
 * The vertex that the message about a component begins at: its first node that
 * is its own command, since that is the one named twice by mistake, else its
 * first. Marks START[component]; NONE where a component has no cycle.
 */
static void
choose_starts(const struct flow_graph *graph, const struct selection *selection,
	      struct flow_node **starts)
{
	const size_t *component = selection->numbers;
	struct flow_node **start;
	size_t i;

	for (i = 0; i < selection->shape.arc_count; i++) {
		const struct flow_arc *arc = &selection->arcs[i];
		struct flow_node *node = graph->nodes[arc->from];

		if (component[arc->from] != component[arc->to])
			continue;
		start = &starts[component[arc->from]];
		if (*start == NULL ||
		    (is_own_command(node) && !is_own_command(*start)) ||
		    (is_own_command(node) == is_own_command(*start) &&
		     node->id < (*start)->id))
			*start = node;
	}
}

static int
check_unmarked(struct flow_checking *checking)
{
	struct flow_graph *graph = checking->graph;
	struct selection selection;
	struct flow_node **starts;
	size_t *cycle, i;
	ssize_t length;
	int result = -1;

	if (selection_make(&selection, graph, is_unmarked) < 0)
		return -1;
	starts = calloc(graph->node_count + 1, sizeof *starts);
	cycle = calloc(graph->node_count + 1, sizeof *cycle);
	if (starts == NULL || cycle == NULL ||
	    flow_shape_strong(&selection.shape, selection.numbers) < 0)
		goto free_all;
	choose_starts(graph, &selection, starts);
	for (i = 0; i < graph->node_count; i++) {
		if (starts[i] == NULL)
			continue;
		length = flow_shape_cycle(&selection.shape, starts[i]->id,
					  cycle);
		if (length < 0)
			goto free_all;
		if (length > 0)
			refuse_cycle(checking, &selection, cycle,
				     (size_t)length);
	}
	result = 0;
free_all:
	free(cycle);
	free(starts);
	selection_free(&selection);
	return result;
}

/* What the marks on EDGE promise, IN_CYCLE being the truth. */
static void
check_marks(struct flow_checking *checking, const struct flow_edge *edge,
	    bool in_cycle)
{
	const char *reason = NULL;

	if (edge->back && !in_cycle)
		flow_messages_add(
			checking->messages, 65,
			flow_check_at_edge(checking, edge),
			"`%s` is marked back=true and closes no cycle",
			flow_check_edge_text(checking->graph, edge));
	if (!edge->eof_exit)
		return;
	if (in_cycle)
		reason = "in a cycle, where each would wait for the other";
	else if (edge->via == FLOW_VIA_FIFO)
		reason = "with via=fifo, whose end of file nobody can hold "
			 "back";
	if (reason != NULL)
		flow_messages_add(checking->messages, 65,
				  flow_check_at_edge(checking, edge),
				  "`%s`: eof=exit cannot be kept %s",
				  flow_check_edge_text(checking->graph, edge),
				  reason);
}

static int
check_marked(struct flow_checking *checking)
{
	struct flow_graph *graph = checking->graph;
	struct selection selection;
	const struct flow_edge *edge;
	size_t i;
	int result = -1;

	if (selection_make(&selection, graph, joins_processes) < 0)
		return -1;
	if (flow_shape_strong(&selection.shape, selection.numbers) == 0) {
		for (i = 0; i < graph->edge_count; i++) {
			edge = graph->edges[i];
			check_marks(checking, edge,
				    selection.numbers[edge->tail->id] ==
					    selection.numbers[edge->head->id]);
		}
		result = 0;
	}
	selection_free(&selection);
	return result;
}

/*
 * Is NODE an end where all that comes is taken as it comes? merge=any never
 * waits for one of its inputs (but within a record of over 1 MiB), and what
 * goes on from there goes on to such ends too (FREE), so branches that meet
 * there do not block each other.
 */
static bool
is_free_end(const struct flow_node *node, const size_t *free_ends)
{
	if (node->in_count == 0)
		return false;
	for (size_t i = 0; i < node->in_count; i++)
		if (node->in[i]->merge != FLOW_MERGE_ANY ||
		    !flow_port_same(&node->in[i]->in, &node->in[0]->in))
			return false;
	for (size_t i = 0; i < node->out_count; i++)
		if (!free_ends[node->out[i]->head->id])
			return false;
	return true;
}

/* Gives every edge into a free end a vertex of its own to end in. */
static void
part_free_ends(const struct flow_graph *graph, struct selection *selection)
{
	size_t *free_ends = selection->numbers;
	bool changed = true;

	for (size_t i = 0; i < graph->node_count; i++)
		free_ends[i] = false;
	while (changed) {
		changed = false;
		/* from the end, as graphs are mostly written */
		for (size_t i = graph->node_count; i-- > 0;) {
			if (free_ends[i] ||
			    !is_free_end(graph->nodes[i], free_ends))
				continue;
			free_ends[i] = changed = true;
		}
	}
	for (size_t i = 0; i < selection->shape.arc_count; i++)
		if (free_ends[selection->arcs[i].to])
			selection->arcs[i].to = selection->shape.vertex_count++;
}

/* Does another edge leave by EDGE's port, so that a relay stands there anyway? */
static bool
is_split(const struct flow_edge *edge)
{
	const struct flow_node *tail = edge->tail;

	for (size_t i = 0; i < tail->out_count; i++)
		if (tail->out[i] != edge &&
		    flow_port_same(&tail->out[i]->out, &edge->out))
			return true;
	return false;
}

/*
 * Marks edges elastic. Where a relay stands anyway it costs nothing to be
 * strict; a relay only for the sake of branches that meet in a free end (as
 * with `node [err=log]`) would cost more than it is good for.
 */
static int
find_elastic(struct flow_graph *graph)
{
	struct selection selection;
	int result;
	size_t i;

	if (selection_make(&selection, graph, can_block) < 0)
		return -1;
	result = flow_shape_elastic(&selection.shape, selection.flags);
	for (i = 0; i < selection.shape.arc_count && result == 0; i++)
		selection.edges[i]->elastic =
			selection.flags[i] && is_split(selection.edges[i]);
	part_free_ends(graph, &selection);
	if (result == 0)
		result = flow_shape_elastic(&selection.shape, selection.flags);
	for (i = 0; i < selection.shape.arc_count && result == 0; i++)
		selection.edges[i]->elastic |= selection.flags[i];
	selection_free(&selection);
	return result;
}

void
flow_check_shape(struct flow_checking *checking)
{
	if (check_unmarked(checking) < 0 || check_marked(checking) < 0 ||
	    find_elastic(checking->graph) < 0)
		flow_check_out_of_memory(checking);
}
