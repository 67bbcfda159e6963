/* SPDX-License-Identifier: GPL-3.0-or-later */
/* graph: memory, nodes and edges. read.c fills it. */
#include "config.h"

#include "graph.h"

#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "dot.h"
#include "store.h"

enum { BLOCK = 64 << 10 };

struct block {
	struct block *next;
	max_align_t data[];
};

struct store {
	struct block *blocks; /* the first one is being filled */
	size_t used, size; /* of it */
	size_t node_room, edge_room;
	struct flow_node **table; /* by name; a power of two */
	size_t table_size;
	bool eof_exit; /* graph [eof=exit] */
};

struct flow_graph *
flow_store_new(void)
{
	struct flow_graph *graph = calloc(1, sizeof *graph);
	struct store *store = calloc(1, sizeof *store);

	if (graph == NULL || store == NULL)
		flow_error_no_memory();
	graph->arena = store;
	graph->default_merge = -1;
	return graph;
}

void
flow_store_eof_exit(struct flow_graph *graph)
{
	struct store *store = graph->arena;

	store->eof_exit = true;
}

void
flow_graph_free(struct flow_graph *graph)
{
	struct store *store;
	struct block *block, *next;

	if (graph == NULL)
		return;
	store = graph->arena;
	if (graph->agraph != NULL)
		agclose(graph->agraph);
	for (block = store->blocks; block != NULL; block = next) {
		next = block->next;
		free(block);
	}
	free(store->table);
	free(store);
	free(graph->nodes);
	free(graph->edges);
	free(graph);
}

void *
flow_graph_alloc(struct flow_graph *graph, size_t bytes)
{
	const size_t unit = sizeof(max_align_t);
	struct store *store = graph->arena;
	struct block *block;
	void *memory;

	if (bytes > SIZE_MAX / 2)
		flow_error_no_memory();
	bytes = (bytes + unit - 1) / unit * unit;
	if (store->blocks == NULL || bytes > store->size - store->used) {
		store->size = bytes > BLOCK ? bytes : BLOCK;
		block = calloc(1, sizeof *block + store->size);
		if (block == NULL)
			flow_error_no_memory();
		block->next = store->blocks;
		store->blocks = block;
		store->used = 0;
	}
	memory = (char *)store->blocks->data + store->used;
	store->used += bytes;
	return memory;
}

char *
flow_graph_strdup(struct flow_graph *graph, const char *text)
{
	size_t size = strlen(text) + 1;

	return memcpy(flow_graph_alloc(graph, size), text, size);
}

char *
flow_graph_printf(struct flow_graph *graph, const char *format, ...)
{
	va_list arguments;
	char *printed, *text;

	va_start(arguments, format);
	if (vasprintf(&printed, format, arguments) < 0)
		flow_error_no_memory();
	va_end(arguments);
	text = flow_graph_strdup(graph, printed);
	free(printed);
	return text;
}

/* --- nodes */

/* Where the node NAME is or would be in the table. */
static size_t
slot_of(const struct store *store, const char *name)
{
	size_t hash = 5381, slot;
	const char *at;

	for (at = name; *at != '\0'; at++)
		hash = hash * 33 + (unsigned char)*at;
	slot = (hash ^ hash >> 17) & (store->table_size - 1);
	while (store->table[slot] != NULL &&
	       strcmp(store->table[slot]->name, name) != 0)
		slot = (slot + 1) & (store->table_size - 1);
	return slot;
}

/* Keeps the table at most half full. */
static void
enlarge_table(struct flow_graph *graph)
{
	struct store *store = graph->arena;
	size_t i;

	if (graph->node_count * 2 < store->table_size)
		return;
	free(store->table);
	store->table_size = store->table_size == 0 ? 64 : store->table_size * 2;
	store->table = calloc(store->table_size, sizeof *store->table);
	if (store->table == NULL)
		flow_error_no_memory();
	for (i = 0; i < graph->node_count; i++)
		store->table[slot_of(store, graph->nodes[i]->name)] =
			graph->nodes[i];
}

/* One more place at the end of an array of pointers that is malloced. */
static void *
make_place(void *array, size_t count, size_t *room)
{
	if (count < *room)
		return array;
	*room = *room == 0 ? 64 : *room * 2;
	array = reallocarray(array, *room, sizeof(void *));
	if (array == NULL)
		flow_error_no_memory();
	return array;
}

struct flow_node *
flow_store_add_node(struct flow_graph *graph, const char *name)
{
	struct store *store = graph->arena;
	struct flow_node *node = flow_graph_alloc(graph, sizeof *node);
	static char *none[] = { NULL };

	graph->nodes =
		make_place(graph->nodes, graph->node_count, &store->node_room);
	enlarge_table(graph);
	*node = (struct flow_node){
		.id = (unsigned)graph->node_count,
		.name = flow_graph_strdup(graph, name),
		.merge = -1,
		.environment = none,
	};
	node->ok[0] = 1;
	node->kind = strcmp(name, "stdin") == 0	   ? FLOW_NODE_STDIN
		     : strcmp(name, "stdout") == 0 ? FLOW_NODE_STDOUT
		     : strcmp(name, "stderr") == 0 ? FLOW_NODE_STDERR
						   : FLOW_NODE_PROCESS;
	graph->nodes[graph->node_count++] = node;
	store->table[slot_of(store, node->name)] = node;
	return node;
}

struct flow_node *
flow_graph_node(const struct flow_graph *graph, const char *name)
{
	const struct store *store = graph->arena;

	if (store->table_size == 0)
		return NULL;
	return store->table[slot_of(store, name)];
}

struct flow_node *
flow_graph_standard(struct flow_graph *graph, enum flow_node_kind kind)
{
	const char *name = kind == FLOW_NODE_STDIN    ? "stdin"
			   : kind == FLOW_NODE_STDOUT ? "stdout"
						      : "stderr";
	struct flow_node *node = flow_graph_node(graph, name);

	return node != NULL ? node : flow_store_add_node(graph, name);
}

/* --- edges */

/* Appends EDGE to a list whose room is the next power of two. */
static struct flow_edge **
append(struct flow_graph *graph, struct flow_edge **list, size_t *count,
       struct flow_edge *edge)
{
	struct flow_edge **longer = list;

	if ((*count & (*count - 1)) == 0) {
		longer = flow_graph_alloc(
			graph, (*count == 0 ? 1 : *count * 2) * sizeof *longer);
		if (*count > 0)
			memcpy(longer, list, *count * sizeof *longer);
	}
	longer[(*count)++] = edge;
	return longer;
}

struct flow_edge *
flow_graph_add_edge(struct flow_graph *graph, struct flow_node *tail, int out,
		    struct flow_node *head, int in)
{
	struct store *store = graph->arena;
	struct flow_edge *edge = flow_graph_alloc(graph, sizeof *edge);

	graph->edges =
		make_place(graph->edges, graph->edge_count, &store->edge_room);
	*edge = (struct flow_edge){
		.id = (unsigned)graph->edge_count,
		.tail = tail,
		.head = head,
		.out.fd = out,
		.in.fd = in,
		.spill = FLOW_STORE_SPILL,
		.nth = LONG_MAX,
		.eof_exit = store->eof_exit && head->kind == FLOW_NODE_PROCESS,
		.implicit = true,
	};
	graph->edges[graph->edge_count++] = edge;
	tail->out = append(graph, tail->out, &tail->out_count, edge);
	head->in = append(graph, head->in, &head->in_count, edge);
	return edge;
}

/* --- graphs that become part of another */

void
flow_store_absorb(struct flow_graph *graph, const struct flow_node *at,
		  struct flow_graph *inner)
{
	struct store *store = graph->arena;
	size_t after = at->id + 1, more = inner->node_count;

	while (graph->node_count + more > store->node_room)
		graph->nodes = make_place(graph->nodes, store->node_room,
					  &store->node_room);
	memmove(graph->nodes + after + more, graph->nodes + after,
		(graph->node_count - after) * sizeof(*graph->nodes));
	if (more > 0)
		memcpy(graph->nodes + after, inner->nodes,
		       more * sizeof(*graph->nodes));
	graph->node_count += more;
	while (graph->edge_count + inner->edge_count > store->edge_room)
		graph->edges = make_place(graph->edges, store->edge_room,
					  &store->edge_room);
	if (inner->edge_count > 0)
		memcpy(graph->edges + graph->edge_count, inner->edges,
		       inner->edge_count * sizeof(*graph->edges));
	graph->edge_count += inner->edge_count;
	flow_store_keep(graph, inner);
}

void
flow_store_keep(struct flow_graph *graph, struct flow_graph *inner)
{
	struct store *store = graph->arena, *other = inner->arena;
	struct block **last = &store->blocks;

	while (*last != NULL)
		last = &(*last)->next;
	*last = other->blocks;
	other->blocks = NULL;
	flow_graph_free(inner);
}

void
flow_store_set_edges(struct flow_graph *graph, struct flow_edge *const *edges,
		     size_t count)
{
	struct store *store = graph->arena;

	while (count > store->edge_room)
		graph->edges = make_place(graph->edges, store->edge_room,
					  &store->edge_room);
	if (count > 0)
		memcpy(graph->edges, edges, count * sizeof(*edges));
	graph->edge_count = count;
}

void
flow_store_drop_node(struct flow_graph *graph, const struct flow_node *node)
{
	size_t kept = 0, i;

	for (i = 0; i < graph->node_count; i++)
		if (graph->nodes[i] != node)
			graph->nodes[kept++] = graph->nodes[i];
	graph->node_count = kept;
}

/* The room of a list that append has made. */
static size_t
room_of(size_t count)
{
	size_t room = 1;

	if (count == 0)
		return 0;
	while (room < count)
		room *= 2;
	return room;
}

/* A list for COUNT edges, empty; LIST when it is long enough. */
static struct flow_edge **
empty_list(struct flow_graph *graph, struct flow_edge **list, size_t before,
	   size_t count)
{
	if (room_of(count) <= room_of(before))
		return list;
	return flow_graph_alloc(graph, room_of(count) * sizeof(*list));
}

void
flow_store_arrange(struct flow_graph *graph)
{
	size_t *counts = calloc(2 * graph->node_count + 1, sizeof(*counts));
	struct flow_node *node;
	struct flow_edge *edge;
	size_t i;

	if (counts == NULL)
		flow_error_no_memory();
	for (i = 0; i < graph->node_count; i++)
		graph->nodes[i]->id = (unsigned)i;
	for (i = 0; i < graph->edge_count; i++) {
		counts[2 * graph->edges[i]->tail->id]++;
		counts[2 * graph->edges[i]->head->id + 1]++;
	}
	for (i = 0; i < graph->node_count; i++) {
		node = graph->nodes[i];
		node->out = empty_list(graph, node->out, node->out_count,
				       counts[2 * i]);
		node->in = empty_list(graph, node->in, node->in_count,
				      counts[2 * i + 1]);
		node->out_count = node->in_count = 0;
	}
	for (i = 0; i < graph->edge_count; i++) {
		edge = graph->edges[i];
		edge->id = (unsigned)i;
		edge->tail->out[edge->tail->out_count++] = edge;
		edge->head->in[edge->head->in_count++] = edge;
	}
	free(counts);
}

struct flow_node *
flow_store_rename(struct flow_graph *graph)
{
	struct store *store = graph->arena;
	struct flow_node *twice = NULL;
	size_t slot, i;

	free(store->table);
	store->table_size = 64;
	while (store->table_size < 2 * graph->node_count + 2)
		store->table_size *= 2;
	store->table = calloc(store->table_size, sizeof *store->table);
	if (store->table == NULL)
		flow_error_no_memory();
	for (i = 0; i < graph->node_count; i++) {
		slot = slot_of(store, graph->nodes[i]->name);
		if (store->table[slot] != NULL)
			twice = graph->nodes[i];
		store->table[slot] = graph->nodes[i];
	}
	return twice;
}

/* --- ports */

const char *
flow_port_name(const struct flow_port *port, char *buffer, size_t size)
{
	static const char *const names[] = { "in", "out", "err" };

	if (port->name != NULL)
		snprintf(buffer, size, "%s", port->name);
	else if (port->fd >= 0 && port->fd <= 2)
		snprintf(buffer, size, "%s", names[port->fd]);
	else
		snprintf(buffer, size, "%d", port->fd);
	return buffer;
}

bool
flow_port_same(const struct flow_port *a, const struct flow_port *b)
{
	if (a->name != NULL || b->name != NULL)
		return a->name != NULL && b->name != NULL &&
		       strcmp(a->name, b->name) == 0;
	return a->fd == b->fd;
}
