/* SPDX-License-Identifier: GPL-3.0-or-later */
/* join: two edges and a port between them become one edge, where they can. */
#include "config.h"

#include "join.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "store.h"

/* How many edges share EDGE's port at its tail (out) or head. */
static size_t
sharers(const struct flow_edge *edge, bool out)
{
	const struct flow_node *node = out ? edge->tail : edge->head;
	struct flow_edge *const *list = out ? node->out : node->in;
	size_t count = out ? node->out_count : node->in_count, same = 0;

	for (size_t i = 0; i < count; i++)
		same += flow_port_same(out ? &list[i]->out : &list[i]->in,
				       out ? &edge->out : &edge->in);
	return same;
}

/* The merge that counts where EDGE arrives: as its port's edges write it. */
static enum flow_merge
merge_there(const struct flow_join *join, const struct flow_edge *edge)
{
	const struct flow_node *head = edge->head;
	bool implicit = false;

	for (size_t i = 0; i < head->in_count; i++) {
		if (!flow_port_same(&head->in[i]->in, &edge->in))
			continue;
		if (head->in[i]->merge_written)
			return head->in[i]->merge;
		implicit |= head->in[i]->implicit;
	}
	if (head->kind != FLOW_NODE_PROCESS && head->merge >= 0)
		return (enum flow_merge)head->merge;
	if (implicit && join->graph->default_merge >= 0)
		return (enum flow_merge)join->graph->default_merge;
	return FLOW_MERGE_ANY;
}

static bool
same_record(const struct flow_edge *a, const struct flow_edge *b)
{
	const struct flow_record *one = &a->written_record;
	const struct flow_record *two = &b->written_record;

	if (!a->record_written || !b->record_written)
		return a->record_written == b->record_written;
	return one->kind == two->kind && one->number == two->number &&
	       (one->string == two->string ||
		(one->string != NULL && two->string != NULL &&
		 strcmp(one->string, two->string) == 0));
}

static bool
same_keys(const struct flow_edge *a, const struct flow_edge *b)
{
	const struct flow_keys *one = &a->written_keys, *two = &b->written_keys;

	return a->by_written == b->by_written && one->count == two->count &&
	       (one->count == 0 ||
		memcmp(one->by, two->by, one->count * sizeof(*one->by)) == 0) &&
	       one->delim == two->delim && one->numeric == two->numeric &&
	       one->reverse == two->reverse;
}

static bool
says_of_records(const struct flow_edge *edge)
{
	return edge->record_written || edge->by_written ||
	       edge->delim_written || edge->numeric_written ||
	       edge->reverse_written;
}

/*
 * record= and the keys of an edge count at both its ends. Would what A or B
 * says of records come to count where it did not?
 */
static bool
records_clash(const struct flow_edge *a, const struct flow_edge *b)
{
	if (same_record(a, b) && same_keys(a, b))
		return false;
	if (says_of_records(a) && says_of_records(b))
		return true;
	return sharers(a, true) > 1 && sharers(b, false) > 1;
}

/* A copy to each, which makes no difference between the edges. */
static bool
plain_split(const struct flow_edge *edge)
{
	return edge->split == FLOW_SPLIT_COPY && !edge->slow_written &&
	       !edge->header_written;
}

/* Several edges behind the one that comes: may all leave by its tail's port? */
static bool
can_fan_out(const struct flow_join *join, const struct flow_edge *before)
{
	const struct flow_node *tail = before->tail;

	if (sharers(before, true) == 1)
		return true;
	for (size_t i = 0; i < tail->out_count; i++)
		if (flow_port_same(&tail->out[i]->out, &before->out) &&
		    !plain_split(tail->out[i]))
			return false;
	for (size_t i = 0; i < join->behind_count; i++)
		if (!plain_split(join->behind[i]))
			return false;
	return true;
}

/* Several edges that come before the one behind: may all enter its head's port? */
static bool
can_fan_in(const struct flow_join *join, const struct flow_edge *behind)
{
	enum flow_merge merge = (enum flow_merge)join->merge, there;
	const struct flow_node *head = behind->head;

	if (sharers(behind, false) == 1)
		return head->kind == FLOW_NODE_PROCESS || head->merge < 0 ||
		       (enum flow_merge)head->merge == merge;
	there = merge_there(join, behind);
	if (merge != there ||
	    (merge != FLOW_MERGE_ANY && merge != FLOW_MERGE_CONCAT))
		return false;
	for (size_t i = 0; i < join->before_count; i++)
		if (join->before[i]->nth != LONG_MAX ||
		    !same_record(join->before[i], behind))
			return false;
	return behind->nth == LONG_MAX;
}

/* Would one edge instead of A and B mean something else? */
static bool
differs(const struct flow_join *join, const struct flow_edge *a,
	const struct flow_edge *b)
{
	if (records_clash(a, b))
		return true;
	/* one variable holds a FIFO's path, the other one a descriptor's */
	if (a->out.name != NULL && b->in.name != NULL && a->via != b->via)
		return true;
	/* an edge has one place in the file, and here both ports' order counts */
	return join->before_count == 1 && join->behind_count == 1 &&
	       sharers(a, true) > 1 && a->split != FLOW_SPLIT_COPY &&
	       sharers(b, false) > 1 && merge_there(join, b) != FLOW_MERGE_ANY;
}

static bool
needs_process(const struct flow_join *join)
{
	size_t i, j;

	if (join->before_count > 1 && join->behind_count > 1)
		return true;
	if (join->behind_count > 1 && !can_fan_out(join, join->before[0]))
		return true;
	if (join->before_count > 1 && !can_fan_in(join, join->behind[0]))
		return true;
	for (i = 0; i < join->before_count; i++)
		for (j = 0; j < join->behind_count; j++)
			if (differs(join, join->before[i], join->behind[j]))
				return true;
	return false;
}

/* The merge that counts for those that come, on each of them. */
static void
write_merge(struct flow_join *join)
{
	size_t i;

	for (i = 0; i < join->before_count; i++)
		if (join->before[i]->merge_written)
			join->merge = (int)join->before[i]->merge;
	if (join->merge < 0)
		join->merge = FLOW_MERGE_ANY;
	for (i = 0; i < join->before_count; i++) {
		if (join->before[i]->merge_written)
			continue;
		join->before[i]->merge = (enum flow_merge)join->merge;
		join->before[i]->merge_written = true;
	}
}

static void
set_process(struct flow_join *join)
{
	struct flow_node *node = flow_store_add_node(join->graph, join->name);
	size_t i;

	node->command = "cat";
	node->has_command = node->declared = true;
	node->line = join->line;
	node->inner = join->around;
	node->retries = -1;
	node->backoff = -1;
	for (i = 0; i < join->before_count; i++) {
		join->before[i]->head = node;
		join->before[i]->in = (struct flow_port){ .fd = 0 };
	}
	for (i = 0; i < join->behind_count; i++) {
		join->behind[i]->tail = node;
		join->behind[i]->out = (struct flow_port){ .fd = 1 };
	}
	flow_store_arrange(join->graph);
}

/* What A and B say of records, neither saying anything else than the other. */
static void
unite_records(struct flow_edge *edge, const struct flow_edge *a,
	      const struct flow_edge *b)
{
	const struct flow_edge *told = says_of_records(a) ? a : b;

	edge->record_written = told->record_written;
	edge->written_record = told->written_record;
	edge->by_written = told->by_written;
	edge->delim_written = told->delim_written;
	edge->numeric_written = told->numeric_written;
	edge->reverse_written = told->reverse_written;
	edge->written_keys = told->written_keys;
}

static void
unite_sizes(const struct flow_join *join, struct flow_edge *edge,
	    const struct flow_edge *a, const struct flow_edge *b)
{
	edge->capacity = a->capacity != 0 ? a->capacity : b->capacity;
	edge->spill = a->spill != FLOW_STORE_SPILL ? a->spill : b->spill;
	if ((b->capacity != 0 && b->capacity != edge->capacity) ||
	    (b->spill != FLOW_STORE_SPILL && b->spill != edge->spill))
		flow_messages_add(join->messages, 65, join->line,
				  "`%s`: the edges that meet there become one, "
				  "and differ in %s (lines %u and %u)",
				  join->name,
				  b->capacity != 0 &&
						  b->capacity != edge->capacity
					  ? "capacity"
					  : "spill",
				  a->line, b->line);
}

/* A and B as one edge. */
static struct flow_edge *
unite(const struct flow_join *join, const struct flow_edge *a,
      const struct flow_edge *b)
{
	struct flow_edge *edge = flow_graph_alloc(join->graph, sizeof(*edge));
	const struct flow_edge *split = join->behind_count > 1 ? b : a;
	const struct flow_edge *merge = join->before_count > 1 ? a : b;
	/* the one that somebody wrote; of two, the one in the outer file */
	const struct flow_edge *told = a->inner == join->around ? a : b;

	if (told->implicit)
		told = told == a ? b : a;
	*edge = *split;
	edge->tail = a->tail;
	edge->out = a->out;
	edge->head = b->head;
	edge->in = b->in;
	edge->line = told->line;
	edge->inner = told->inner;
	edge->implicit = a->implicit && b->implicit;
	edge->merge = merge->merge;
	edge->merge_written = merge->merge_written;
	edge->nth = merge->nth;
	edge->via =
		(a->out.name != NULL && a->via == FLOW_VIA_FIFO) ||
				(b->in.name != NULL && b->via == FLOW_VIA_FIFO)
			? FLOW_VIA_FIFO
			: FLOW_VIA_PIPE;
	edge->back = a->back || b->back;
	edge->eof_exit = a->eof_exit || b->eof_exit;
	unite_records(edge, a, b);
	unite_sizes(join, edge, a, b);
	return edge;
}

static int
by_nth(const void *one, const void *two)
{
	const struct flow_edge *a = *(struct flow_edge *const *)one;
	const struct flow_edge *b = *(struct flow_edge *const *)two;

	if (a->nth != b->nth)
		return a->nth < b->nth ? -1 : 1;
	return (a->id > b->id) - (a->id < b->id);
}

/*
 * All edges, those of the port replaced. An edge made of two stands where the
 * one behind stood, unless it is where it leaves that the order counts.
 */
static void
replace(struct flow_join *join)
{
	struct flow_graph *graph = join->graph;
	size_t made = join->before_count * join->behind_count, count = 0, i, j;
	struct flow_edge **edges =
		calloc(graph->edge_count + made, sizeof(struct flow_edge *));
	enum {
		STAYS,
		CAME,
		LEFT
	} *role = calloc(graph->edge_count, sizeof(*role));
	const struct flow_edge *first = join->before[0];
	bool early = join->behind_count == 1 && join->before_count == 1 &&
		     first->split != FLOW_SPLIT_COPY;

	if (edges == NULL || role == NULL)
		flow_error_no_memory();
	qsort(join->before, join->before_count, sizeof(*join->before), by_nth);
	for (i = 0; i < join->before_count; i++)
		role[join->before[i]->id] = CAME;
	for (i = 0; i < join->behind_count; i++)
		role[join->behind[i]->id] = LEFT;
	for (i = 0; i < graph->edge_count; i++) {
		if (role[i] == STAYS)
			edges[count++] = graph->edges[i];
		if (role[i] != (early ? CAME : LEFT))
			continue;
		for (j = 0; j < join->before_count; j++)
			edges[count++] = unite(join, join->before[j],
					       early ? join->behind[0]
						     : graph->edges[i]);
	}
	flow_store_set_edges(graph, edges, count);
	flow_store_arrange(graph);
	free(role);
	free(edges);
}

void
flow_join_port(struct flow_join *join)
{
	if (join->before_count > 1)
		write_merge(join);
	if (needs_process(join))
		set_process(join);
	else
		replace(join);
}
