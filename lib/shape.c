/* SPDX-License-Identifier: GPL-3.0-or-later */
/* shape: depth-first searches on an explicit stack. */
#include "config.h"

#include "shape.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define NONE SIZE_MAX

/* The arcs at each vertex: those of v are list[first[v]] to list[first[v + 1] - 1]. */
struct incidence {
	size_t *first;
	size_t *list;
};

/* COUNT elements of the arrays that a search works on, all NONE. */
static size_t *
make_array(size_t count)
{
	size_t *array = malloc((count + 1) * sizeof *array);

	if (array != NULL)
		memset(array, 0xff, (count + 1) * sizeof *array);
	return array;
}

static void
incidence_free(struct incidence *incidence)
{
	free(incidence->first);
	free(incidence->list);
}

/* With BOTH an arc is listed at its two ends, else at its tail alone. */
static int
incidence_make(struct incidence *incidence, const struct flow_shape *shape,
	       bool both)
{
	size_t n = shape->vertex_count, i;
	const struct flow_arc *arc;

	incidence->first = calloc(n + 2, sizeof *incidence->first);
	incidence->list = make_array(2 * shape->arc_count);
	if (incidence->first == NULL || incidence->list == NULL) {
		incidence_free(incidence);
		return -1;
	}
	/* Counted two places on, so that filling moves each start into place. */
	for (i = 0; i < shape->arc_count; i++) {
		arc = &shape->arcs[i];
		incidence->first[arc->from + 2]++;
		if (both)
			incidence->first[arc->to + 2]++;
	}
	for (i = 2; i <= n; i++)
		incidence->first[i] += incidence->first[i - 1];
	for (i = 0; i < shape->arc_count; i++) {
		arc = &shape->arcs[i];
		incidence->list[incidence->first[arc->from + 1]++] = i;
		if (both)
			incidence->list[incidence->first[arc->to + 1]++] = i;
	}
	return 0;
}

/* A depth-first search in progress; "path" is the stack from the root. */
struct search {
	const struct flow_shape *shape;
	struct incidence at;
	size_t *next; /* per vertex: place in at.list to go on from */
	size_t *order; /* per vertex: when it was found, or NONE */
	size_t *low; /* per vertex: the earliest found that can be reached */
	size_t *came; /* per vertex: the arc it was found by, or NONE */
	size_t *path;
	size_t depth;
	size_t *open; /* vertices or arcs that belong to no component yet */
	size_t open_count;
	size_t found; /* vertices so far */
	size_t *result;
	size_t components;
};

static void
search_free(struct search *search)
{
	incidence_free(&search->at);
	free(search->next);
	free(search->order);
	free(search->low);
	free(search->came);
	free(search->path);
	free(search->open);
}

static int
search_make(struct search *search, const struct flow_shape *shape, bool both,
	    size_t *result)
{
	size_t n = shape->vertex_count;

	memset(search, 0, sizeof *search);
	search->shape = shape;
	search->result = result;
	if (incidence_make(&search->at, shape, both) < 0)
		return -1;
	search->next = make_array(n);
	search->order = make_array(n);
	search->low = make_array(n);
	search->came = make_array(n);
	search->path = make_array(n);
	search->open = make_array(n + shape->arc_count);
	if (search->next == NULL || search->order == NULL ||
	    search->low == NULL || search->came == NULL ||
	    search->path == NULL || search->open == NULL) {
		search_free(search);
		return -1;
	}
	return 0;
}

static void
search_enter(struct search *search, size_t vertex, size_t arc)
{
	search->next[vertex] = search->at.first[vertex];
	search->order[vertex] = search->low[vertex] = search->found++;
	search->came[vertex] = arc;
	search->path[search->depth++] = vertex;
}

/* The next arc to look at from the end of the path, or NONE. */
static size_t
search_next(struct search *search, size_t vertex)
{
	if (search->next[vertex] == search->at.first[vertex + 1])
		return NONE;
	return search->at.list[search->next[vertex]++];
}

static void
lower(size_t *low, size_t to)
{
	if (to < *low)
		*low = to;
}

/* Leaves VERTEX for good; what it reached its parent reaches. Returns the parent or NONE. */
static size_t
search_leave(struct search *search, size_t vertex)
{
	size_t parent;

	search->depth--;
	if (search->depth == 0)
		return NONE;
	parent = search->path[search->depth - 1];
	lower(&search->low[parent], search->low[vertex]);
	return parent;
}

static void
strong_from(struct search *search, size_t root)
{
	size_t vertex, arc, to, last;

	search_enter(search, root, NONE);
	search->open[search->open_count++] = root;
	while (search->depth > 0) {
		vertex = search->path[search->depth - 1];
		arc = search_next(search, vertex);
		if (arc != NONE) {
			to = search->shape->arcs[arc].to;
			if (search->order[to] == NONE) {
				search_enter(search, to, arc);
				search->open[search->open_count++] = to;
			} else if (search->result[to] == NONE) {
				lower(&search->low[vertex], search->order[to]);
			}
			continue;
		}
		if (search->low[vertex] == search->order[vertex]) {
			do {
				last = search->open[--search->open_count];
				search->result[last] = search->components;
			} while (last != vertex);
			search->components++;
		}
		search_leave(search, vertex);
	}
}

int
flow_shape_strong(const struct flow_shape *shape, size_t *component)
{
	struct search search;
	size_t v;

	if (search_make(&search, shape, false, component) < 0)
		return -1;
	for (v = 0; v < shape->vertex_count; v++)
		component[v] = NONE;
	for (v = 0; v < shape->vertex_count; v++) {
		if (search.order[v] == NONE)
			strong_from(&search, v);
	}
	search_free(&search);
	return 0;
}

/* The arcs from the open stack down to LAST are one block. */
static void
close_block(struct search *search, size_t last)
{
	size_t arc;

	do {
		arc = search->open[--search->open_count];
		search->result[arc] = search->components;
	} while (arc != last);
	search->components++;
}

/* Looks at ARC from VERTEX; an arc is acted on once, from where it is met first. */
static void
blocks_look(struct search *search, size_t vertex, size_t arc, bool *met)
{
	const struct flow_arc *ends = &search->shape->arcs[arc];
	size_t to = ends->from == vertex ? ends->to : ends->from;

	if (met[arc])
		return;
	met[arc] = true;
	search->open[search->open_count++] = arc;
	if (to == vertex)
		close_block(search, arc);
	else if (search->order[to] == NONE)
		search_enter(search, to, arc);
	else
		lower(&search->low[vertex], search->order[to]);
}

static void
blocks_from(struct search *search, size_t root, bool *met)
{
	size_t vertex, arc, parent;

	search_enter(search, root, NONE);
	while (search->depth > 0) {
		vertex = search->path[search->depth - 1];
		arc = search_next(search, vertex);
		if (arc != NONE) {
			blocks_look(search, vertex, arc, met);
			continue;
		}
		parent = search_leave(search, vertex);
		if (parent != NONE &&
		    search->low[vertex] >= search->order[parent])
			close_block(search, search->came[vertex]);
	}
}

int
flow_shape_blocks(const struct flow_shape *shape, size_t *block)
{
	bool *met = calloc(shape->arc_count + 1, sizeof *met);
	struct search search;
	size_t v;

	if (met == NULL)
		return -1;
	if (search_make(&search, shape, true, block) < 0) {
		free(met);
		return -1;
	}
	for (v = 0; v < shape->vertex_count; v++) {
		if (search.order[v] == NONE)
			blocks_from(&search, v, met);
	}
	search_free(&search);
	free(met);
	return 0;
}

/* Writes the arcs that lead from START to the tail of LAST, then LAST. */
static ssize_t
trace_back(const struct flow_shape *shape, const size_t *came, size_t start,
	   size_t last, size_t *cycle)
{
	size_t length = 1, vertex, i;

	for (vertex = shape->arcs[last].from; vertex != start;
	     vertex = shape->arcs[came[vertex]].from)
		length++;
	i = length;
	cycle[--i] = last;
	for (vertex = shape->arcs[last].from; vertex != start;
	     vertex = shape->arcs[came[vertex]].from)
		cycle[--i] = came[vertex];
	return (ssize_t)length;
}

ssize_t
flow_shape_cycle(const struct flow_shape *shape, size_t start, size_t *cycle)
{
	size_t *came = make_array(shape->vertex_count);
	size_t *queue = make_array(shape->vertex_count);
	size_t taken = 0, put = 0, vertex, to, i;
	struct incidence at = { NULL, NULL };
	ssize_t length = -1;

	if (came == NULL || queue == NULL ||
	    incidence_make(&at, shape, false) < 0)
		goto free_arrays;
	length = 0;
	queue[put++] = start;
	while (taken < put && length == 0) {
		vertex = queue[taken++];
		for (i = at.first[vertex]; i < at.first[vertex + 1]; i++) {
			to = shape->arcs[at.list[i]].to;
			if (to == start) {
				length = trace_back(shape, came, start,
						    at.list[i], cycle);
				break;
			}
			if (came[to] == NONE) {
				came[to] = at.list[i];
				queue[put++] = to;
			}
		}
	}
	incidence_free(&at);
free_arrays:
	free(queue);
	free(came);
	return length;
}

int
flow_shape_elastic(const struct flow_shape *shape, bool *elastic)
{
	size_t *block = make_array(shape->arc_count);
	size_t *rival = make_array(shape->arc_count);
	struct incidence at = { NULL, NULL };
	size_t v, i, arc, here;
	int result = -1;

	if (block == NULL || rival == NULL ||
	    flow_shape_blocks(shape, block) < 0 ||
	    incidence_make(&at, shape, false) < 0)
		goto free_arrays;
	memset(elastic, 0, shape->arc_count * sizeof *elastic);
	/* rival[b]: an arc in block b out of the vertex at hand, if any. */
	for (v = 0; v < shape->vertex_count; v++) {
		for (i = at.first[v]; i < at.first[v + 1]; i++) {
			arc = at.list[i];
			here = block[arc];
			if (rival[here] != NONE &&
			    shape->arcs[rival[here]].from == v)
				elastic[arc] = elastic[rival[here]] = true;
			rival[here] = arc;
		}
	}
	incidence_free(&at);
	result = 0;
free_arrays:
	free(rival);
	free(block);
	return result;
}
