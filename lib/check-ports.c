/* SPDX-License-Identifier: GPL-3.0-or-later */
/* check-ports: the edges of one port have one policy and one order. */
#include "config.h"

#include "check-private.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "expand.h"
#include "keyfiles.h"

/* One end of an edge at the node in hand. */
struct end {
	struct flow_edge *edge;
	const struct flow_port *port;
	bool incoming;
};

/* The COUNT edges of one port in one direction. */
struct group {
	struct flow_checking *checking;
	const struct flow_node *node;
	const struct end *ends;
	size_t count;
};

static int
compare_ports(const struct flow_port *a, const struct flow_port *b)
{
	if (a->name != NULL && b->name != NULL)
		return strcmp(a->name, b->name);
	return (a->fd > b->fd) - (a->fd < b->fd);
}

/* By port, then direction, then nth, then creation. */
static int
compare_ends(const void *one, const void *two)
{
	const struct end *a = one, *b = two;
	int order = compare_ports(a->port, b->port);

	if (order != 0)
		return order;
	if (a->incoming != b->incoming)
		return a->incoming ? 1 : -1;
	if (a->incoming && a->edge->nth != b->edge->nth)
		return a->edge->nth < b->edge->nth ? -1 : 1;
	return (a->edge->id > b->edge->id) - (a->edge->id < b->edge->id);
}

/* "`b:3`", or "`b`" for the usual port. */
static const char *
place(const struct group *group)
{
	struct flow_graph *graph = group->checking->graph;
	const struct end *end = group->ends;

	if (end->port->name != NULL)
		return flow_graph_printf(graph, "`%s:%s`", group->node->name,
					 end->port->name);
	if (end->port->fd == (end->incoming ? 0 : 1))
		return flow_graph_printf(graph, "`%s`", group->node->name);
	return flow_graph_printf(graph, "`%s:%d`", group->node->name,
				 end->port->fd);
}

/* A and B disagree on WHAT; A was first. */
static void
refuse_two(const struct group *group, const char *what,
	   const struct flow_edge *a, const struct flow_edge *b)
{
	unsigned line_a = flow_check_edge_line(a);
	unsigned line_b = flow_check_edge_line(b);

	flow_messages_add(
		group->checking->messages, 65,
		flow_check_at_edge(group->checking, line_a > line_b ? a : b),
		"two policies on one port: the edges %s %s at lines "
		"%u and %u differ in %s",
		group->ends->incoming ? "into" : "out of", place(group),
		line_a < line_b ? line_a : line_b,
		line_a > line_b ? line_a : line_b, what);
}

static void
settle_split(const struct group *group)
{
	const struct flow_edge *first = NULL;
	struct flow_edge *edge;
	size_t i;

	for (i = 0; i < group->count; i++) {
		edge = group->ends[i].edge;
		if (!edge->split_written)
			continue;
		if (first == NULL)
			first = edge;
		else if (edge->split != first->split)
			refuse_two(group, "split", first, edge);
	}
	for (i = 0; i < group->count; i++)
		group->ends[i].edge->split =
			first != NULL ? first->split : FLOW_SPLIT_COPY;
}

/* What applies to an in-port none of whose edges has a merge of its own. */
static enum flow_merge
unwritten_merge(const struct group *group)
{
	int fallback = group->checking->graph->default_merge;
	size_t i;

	if (group->node->kind != FLOW_NODE_PROCESS && group->node->merge >= 0)
		return (enum flow_merge)group->node->merge;
	for (i = 0; i < group->count && fallback >= 0; i++)
		if (group->ends[i].edge->implicit)
			return (enum flow_merge)fallback;
	return FLOW_MERGE_ANY;
}

static void
settle_merge(const struct group *group)
{
	const struct flow_edge *first = NULL;
	struct flow_edge *edge;
	enum flow_merge merge;
	size_t i;

	for (i = 0; i < group->count; i++) {
		edge = group->ends[i].edge;
		if (!edge->merge_written)
			continue;
		if (first == NULL)
			first = edge;
		else if (edge->merge != first->merge)
			refuse_two(group, "merge", first, edge);
	}
	if (first != NULL && group->node->kind != FLOW_NODE_PROCESS &&
	    group->node->merge >= 0 &&
	    first->merge != (enum flow_merge)group->node->merge)
		flow_messages_add(
			group->checking->messages, 65,
			flow_check_at_edge(group->checking, first),
			"two policies on one port: merge= of `%s` "
			"and of node `%s` (line %u) differ",
			flow_check_edge_text(group->checking->graph, first),
			group->node->name, group->node->line);
	merge = first != NULL ? first->merge : unwritten_merge(group);
	for (i = 0; i < group->count; i++)
		group->ends[i].edge->merge = merge;
}

static bool
same_record(const struct flow_record *a, const struct flow_record *b)
{
	if (a->kind != b->kind || a->number != b->number)
		return false;
	return a->string == b->string ||
	       (a->string != NULL && b->string != NULL &&
		strcmp(a->string, b->string) == 0);
}

/* The record= of a group's edges goes to the side that the group is on. */
static void
settle_record(const struct group *group)
{
	bool incoming = group->ends[0].incoming;
	const struct flow_edge *first = NULL;
	struct flow_record record;
	struct flow_edge *edge;
	size_t i;

	for (i = 0; i < group->count; i++) {
		edge = group->ends[i].edge;
		if (!edge->record_written)
			continue;
		if (first == NULL)
			first = edge;
		else if (!same_record(&edge->written_record,
				      &first->written_record))
			refuse_two(group, "record", first, edge);
	}
	record = first != NULL
			 ? first->written_record
			 : (struct flow_record){ .kind = FLOW_RECORD_LINE };
	for (i = 0; i < group->count; i++)
		*(incoming ? &group->ends[i].edge->record
			   : &group->ends[i].edge->out_record) = record;
}

static bool
same_fields(const struct flow_keys *a, const struct flow_keys *b)
{
	return a->count == b->count &&
	       (a->count == 0 ||
		memcmp(a->by, b->by, a->count * sizeof *a->by) == 0);
}

/*
 * What by=, delim=, numeric= and reverse= say on any of a group's edges counts
 * for all of them.
 */
static void
settle_keys(const struct group *group)
{
	bool incoming = group->ends[0].incoming;
	struct flow_keys keys = { .delim = '\t' };
	const struct flow_edge *by = NULL, *delim = NULL;
	struct flow_edge *edge;
	size_t i;

	for (i = 0; i < group->count; i++) {
		const struct flow_keys *written;

		edge = group->ends[i].edge;
		written = &edge->written_keys;
		if (edge->by_written && by != NULL &&
		    !same_fields(written, &keys))
			refuse_two(group, "by", by, edge);
		if (edge->delim_written && delim != NULL &&
		    written->delim != keys.delim)
			refuse_two(group, "delim", delim, edge);
		if (edge->by_written && by == NULL) {
			by = edge;
			keys.by = written->by;
			keys.count = written->count;
		}
		if (edge->delim_written && delim == NULL) {
			delim = edge;
			keys.delim = written->delim;
		}
		keys.numeric |= written->numeric;
		keys.reverse |= written->reverse;
	}
	for (i = 0; i < group->count; i++)
		*(incoming ? &group->ends[i].edge->keys
			   : &group->ends[i].edge->out_keys) = keys;
}

/* slow= and header= of a split. */
static void
settle_branches(const struct group *group)
{
	const struct flow_edge *slow = NULL, *header = NULL;
	unsigned max_open = 0;
	struct flow_edge *edge;
	size_t i;

	for (i = 0; i < group->count; i++) {
		edge = group->ends[i].edge;
		if (edge->slow_written && slow != NULL &&
		    edge->slow != slow->slow)
			refuse_two(group, "slow", slow, edge);
		if (edge->header_written && header != NULL &&
		    edge->header != header->header)
			refuse_two(group, "header", header, edge);
		if (edge->slow_written && slow == NULL)
			slow = edge;
		if (edge->header_written && header == NULL)
			header = edge;
		if (edge->max_open > max_open)
			max_open = edge->max_open;
	}
	for (i = 0; i < group->count; i++) {
		edge = group->ends[i].edge;
		edge->slow = slow != NULL ? slow->slow : FLOW_SLOW_BLOCK;
		edge->header = header != NULL ? header->header : 0;
		edge->max_open = max_open;
	}
}

/* Do the first, or with LAST the last, characters of A and B agree, as far as both go? */
static bool
agree(const char *a, size_t a_size, const char *b, size_t b_size, bool last)
{
	size_t common = a_size < b_size ? a_size : b_size;

	return last ? memcmp(a + a_size - common, b + b_size - common,
			     common) == 0
		    : memcmp(a, b, common) == 0;
}

/* May keys make one file by both PATTERNS of one folder, or is OTHER a file of PATTERN? */
static bool
is_clash(const char *pattern, const char *other)
{
	const char *mark = strstr(pattern, flow_key_mark);
	const char *behind = mark + strlen(flow_key_mark);
	const char *other_mark = strstr(other, flow_key_mark);
	size_t before = (size_t)(mark - pattern), tail = strlen(behind);
	size_t folder = (size_t)(flow_keyfiles_last(pattern) - pattern);
	size_t other_before, other_tail;

	if (folder != (size_t)(flow_keyfiles_last(other) - other) ||
	    memcmp(pattern, other, folder) != 0)
		return false;
	if (!other_mark)
		return strlen(other) > before + tail &&
		       strncmp(other, pattern, before) == 0 &&
		       strcmp(other + strlen(other) - tail, behind) == 0;
	other_before = (size_t)(other_mark - other);
	other_tail = strlen(other_mark + strlen(flow_key_mark));
	return agree(pattern, before, other, other_before, false) &&
	       agree(behind, tail, other_mark + strlen(flow_key_mark),
		     other_tail, true);
}

/* A file that is written, and that a key may make by PATTERN too; or NULL. */
static const struct flow_node *
find_clash(const struct flow_graph *graph, const struct flow_node *pattern)
{
	for (size_t i = 0; i < graph->node_count; i++) {
		const struct flow_node *node = graph->nodes[i];

		if (node != pattern && node->kind == FLOW_NODE_FILE &&
		    node->file && node->in_count &&
		    is_clash(pattern->file, node->file))
			return node;
	}
	return NULL;
}

/* Where the files of the keys will be: no folders are made, nothing is written twice. */
static void
check_key_path(struct flow_checking *checking, const struct flow_node *node)
{
	const struct flow_node *clash;
	unsigned line = flow_check_at_node(checking, node);

	if (strchr(strstr(node->file, flow_key_mark), '/')) {
		flow_messages_add(checking->messages, 65, line,
				  "`%s`: {key} may stand only in the last part "
				  "of a path, for no folders are made: `%s`",
				  node->name, node->file);
		return;
	}
	clash = find_clash(checking->graph, node);
	if (clash)
		flow_messages_add(checking->messages, 65, line,
				  "`%s`: a key could make `%s`, which is "
				  "written by node `%s` too",
				  node->file, clash->file, clash->name);
}

static bool
leads_to_keys(const struct flow_edge *edge)
{
	const struct flow_node *head = edge->head;

	return head->kind == FLOW_NODE_FILE && head->file != NULL &&
	       strstr(head->file, flow_key_mark) != NULL;
}

/* Does an edge of EDGE's own line lead to the files, as in a -> b -> f [split=key]? */
static bool
is_in_chain(const struct flow_graph *graph, const struct flow_edge *edge)
{
	for (size_t i = 0; i < graph->edge_count; i++)
		if (graph->edges[i]->line == edge->line &&
		    graph->edges[i]->split == FLOW_SPLIT_KEY &&
		    leads_to_keys(graph->edges[i]))
			return true;
	return false;
}

/* split=key and file="...{key}..." belong together. */
static void
check_key(const struct group *group)
{
	struct flow_checking *checking = group->checking;
	struct flow_edge *edge = group->ends[0].edge;
	const struct flow_node *head = edge->head;
	bool to_files = leads_to_keys(edge);

	if (edge->split != FLOW_SPLIT_KEY)
		return;
	if (group->count == 1 && !to_files &&
	    is_in_chain(checking->graph, edge)) {
		edge->split = FLOW_SPLIT_COPY;
		return;
	}
	if (group->count > 1)
		flow_messages_add(
			checking->messages, 65,
			flow_check_at_edge(checking, group->ends[1].edge),
			"split=key has one edge, to a file node with "
			"{key} in its path; out of %s go %zu",
			place(group), group->count);
	else if (!to_files)
		flow_messages_add(checking->messages, 65,
				  flow_check_at_edge(checking, edge),
				  "split=key wants a file node with {key} in "
				  "its path, such as file=\"by/{key}.tsv\"; "
				  "`%s` is none",
				  head->name);
	else if (head->in_count > 1)
		flow_messages_add(
			checking->messages, 65,
			flow_check_at_edge(checking, head->in[1]),
			"`%s` is written by split=key, so by one edge "
			"alone; merge the others before the split",
			head->name);
	else
		check_key_path(checking, head);
}

/* A file of each key that nobody splits. */
static void
check_unsplit_key(struct flow_checking *checking, const struct flow_node *node)
{
	if (node->kind != FLOW_NODE_FILE || node->file == NULL ||
	    strstr(node->file, flow_key_mark) == NULL)
		return;
	for (size_t i = 0; i < node->in_count; i++)
		if (node->in[i]->split != FLOW_SPLIT_KEY)
			flow_messages_add(
				checking->messages, 65,
				flow_check_at_edge(checking, node->in[i]),
				"`%s` has {key} in its path; the edge "
				"into it wants split=key",
				node->name);
}

static void
check_nth(const struct group *group)
{
	const struct flow_edge *a, *b;
	size_t i;

	for (i = 1; i < group->count; i++) {
		a = group->ends[i - 1].edge;
		b = group->ends[i].edge;
		if (a->nth != LONG_MAX && a->nth == b->nth)
			flow_messages_add(
				group->checking->messages, 65,
				flow_check_at_edge(group->checking, b),
				"nth=%ld is written on two edges "
				"into %s (lines %u and %u)",
				a->nth, place(group), flow_check_edge_line(a),
				flow_check_edge_line(b));
	}
}

/* A variable can hold one path: of a FIFO or of a descriptor, in no other one's name. */
static void
check_named(const struct group *group)
{
	const struct flow_edge *first = group->ends[0].edge, *edge;
	struct flow_checking *checking = group->checking;
	const char *name = group->ends[0].port->name, *taken = NULL;
	size_t length = strlen(name), i;

	for (i = 1; i < group->count; i++) {
		edge = group->ends[i].edge;
		if (edge->via != first->via)
			refuse_two(group, "via", first, edge);
	}
	if (name[strcspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ")] != '\0')
		flow_messages_add(checking->messages, 65,
				  flow_check_at_edge(checking, first),
				  "port %s: a name with capitals could be a "
				  "variable that programs know; use small "
				  "letters",
				  place(group));
	if (flow_expand_find(group->node->environment, name, length) != NULL)
		taken = "env=";
	else if (flow_expand_find(checking->values->defines, name, length) !=
		 NULL)
		taken = "-D";
	if (taken != NULL)
		flow_messages_add(checking->messages, 65,
				  flow_check_at_edge(checking, first),
				  "port %s: %s sets a variable of that name",
				  place(group), taken);
}

static void
check_group(const struct group *group)
{
	if (group->ends[0].incoming) {
		settle_merge(group);
		check_nth(group);
	} else {
		settle_split(group);
		settle_branches(group);
		check_key(group);
	}
	settle_record(group);
	settle_keys(group);
	if (group->ends[0].port->name != NULL &&
	    group->node->kind == FLOW_NODE_PROCESS)
		check_named(group);
}

/* One port, once for what goes out, once for what comes in. */
static void
refuse_both(const struct group *out, const struct group *in)
{
	const struct flow_edge *a = out->ends[0].edge, *b = in->ends[0].edge;

	/* Descriptors 0 to 2 have their direction, and have been checked. */
	if (out->ends[0].port->name == NULL && out->ends[0].port->fd <= 2)
		return;
	flow_messages_add(
		out->checking->messages, 65,
		flow_check_at_edge(out->checking, b),
		"port %s is an output (`%s`, line %u) and an input "
		"(`%s`); give them different %s",
		place(out), flow_check_edge_text(out->checking->graph, a),
		flow_check_edge_line(a),
		flow_check_edge_text(out->checking->graph, b),
		out->ends[0].port->name != NULL ? "names" : "numbers");
}

static size_t
list_ends(const struct flow_node *node, struct end *ends)
{
	size_t count = 0, i;

	for (i = 0; i < node->out_count; i++)
		ends[count++] =
			(struct end){ node->out[i], &node->out[i]->out, false };
	for (i = 0; i < node->in_count; i++)
		ends[count++] =
			(struct end){ node->in[i], &node->in[i]->in, true };
	qsort(ends, count, sizeof *ends, compare_ends);
	return count;
}

static void
check_node(struct flow_checking *checking, const struct flow_node *node,
	   struct end *ends)
{
	struct group before = { 0 }, group = { checking, node, ends, 0 };
	size_t count = list_ends(node, ends), i;

	for (i = 0; i < count; i++) {
		group.count++;
		if (i + 1 < count && ends[i + 1].incoming == ends[i].incoming &&
		    compare_ports(ends[i + 1].port, ends[i].port) == 0)
			continue;
		check_group(&group);
		if (before.count > 0 && group.ends[0].incoming &&
		    !before.ends[0].incoming &&
		    node->kind == FLOW_NODE_PROCESS &&
		    compare_ports(before.ends[0].port, group.ends[0].port) == 0)
			refuse_both(&before, &group);
		before = group;
		group.ends = ends + i + 1;
		group.count = 0;
	}
}

static int
compare_in(const void *one, const void *two)
{
	const struct flow_edge *a = *(struct flow_edge *const *)one;
	const struct flow_edge *b = *(struct flow_edge *const *)two;

	if (a->nth != b->nth)
		return a->nth < b->nth ? -1 : 1;
	return (a->id > b->id) - (a->id < b->id);
}

void
flow_check_ports(struct flow_checking *checking)
{
	struct flow_graph *graph = checking->graph;
	struct end *ends = calloc(2 * graph->edge_count + 1, sizeof *ends);
	struct flow_node *node;
	size_t i;

	if (ends == NULL) {
		flow_check_out_of_memory(checking);
		return;
	}
	for (i = 0; i < graph->node_count; i++) {
		node = graph->nodes[i];
		if (node->in_count > 1)
			qsort(node->in, node->in_count, sizeof *node->in,
			      compare_in);
		check_node(checking, node, ends);
	}
	for (i = 0; i < graph->node_count; i++)
		check_unsplit_key(checking, graph->nodes[i]);
	free(ends);
}
