/* SPDX-License-Identifier: GPL-3.0-or-later */
/* plan: lowering of a checked graph to processes, pipes and files. */
#include "config.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plan.h"

/* Named ports start here: shells keep 3 to 9 for the user's own redirections. */
#define NAMED_FIRST 10
/* Descriptors that replicas cost the relay that runs them, each. */
#define FARM_FDS 8

/* How many edges share each end's port with this one, and which is the first. */
struct sharing {
	size_t out_first, out_same; /* out_first: place in the tail's out */
	size_t in_first, in_same; /* in_first: place in the head's in */
};

struct maker {
	struct flow_plan *plan;
	struct sharing *sharing; /* one an edge */
	const struct flow_plan_options *options;
	uint64_t budget;
	uint32_t *of_node; /* process of each node, or FLOW_NONE */
	uint32_t *copy_of; /* copy relay of each node, or FLOW_NONE */
	uint32_t *
		edge_split; /* split relay that each edge leaves, or FLOW_NONE */
	uint32_t *edge_pipe; /* pipe that carries each edge, or FLOW_NONE */
	uint32_t *
		edge_merge; /* merge relay that takes each edge, or FLOW_NONE */
	uint32_t *node_file; /* file that each written file node became */
	uint32_t output_file; /* of --output */
};

static void *
grow(void *list, size_t count, size_t size)
{
	/* powers of two, so that the length is enough to know the space */
	if (count & (count - 1))
		return list;
	list = realloc(list, (count ? 2 * count : 1) * size);
	if (!list)
		abort();
	return list;
}

static uint32_t
add_process(struct maker *m, enum flow_process_kind kind, const char *name,
	    struct flow_node *node)
{
	struct flow_plan *plan = m->plan;

	plan->processes = grow(plan->processes, plan->process_count,
			       sizeof(*plan->processes));
	plan->processes[plan->process_count] = (struct flow_process){
		.kind = kind, .name = name, .node = node
	};
	return (uint32_t)plan->process_count++;
}

static struct flow_place *
add_place(struct flow_process *process, int fd, enum flow_thing thing,
	  uint32_t index)
{
	process->places = grow(process->places, process->place_count,
			       sizeof(*process->places));
	process->places[process->place_count] =
		(struct flow_place){ .fd = fd, .thing = thing, .index = index };
	return &process->places[process->place_count++];
}

static void
add_branch(struct flow_process *relay, unsigned from,
	   const struct flow_edge *edge)
{
	size_t n = relay->place_count - relay->input_count;

	relay->branches = grow(relay->branches, n, sizeof(*relay->branches));
	relay->branches[n] = (struct flow_branch){
		.from = from,
		.elastic = edge && edge->elastic,
		.spill = edge ? edge->spill : 0,
	};
}

static uint32_t
add_file(struct maker *m, enum flow_file_mode mode, const char *path,
	 struct flow_node *node, unsigned line)
{
	struct flow_plan *plan = m->plan;

	plan->files = grow(plan->files, plan->file_count, sizeof(*plan->files));
	plan->files[plan->file_count] = (struct flow_planned_file){
		.mode = mode,
		.path = path,
		.node = node,
		.line = line,
		.process = FLOW_NONE,
	};
	return (uint32_t)plan->file_count++;
}

/* "node:port" as messages and pictures show it. */
static const char *
end_name(struct maker *m, const struct flow_node *node,
	 const struct flow_port *port)
{
	char buffer[64];

	return flow_graph_printf(m->plan->graph, "%s:%s", node->name,
				 flow_port_name(port, buffer, sizeof(buffer)));
}

/* EDGE tells capacity and kind, also for a pipe that carries several. */
static uint32_t
add_pipe(struct maker *m, const struct flow_edge *edge, bool named_tail,
	 bool named_head)
{
	struct flow_plan *plan = m->plan;
	struct flow_pipe *p;
	uint64_t capacity = edge->capacity;

	if (!capacity && !edge->back && m->budget >= FLOW_PLAN_CAPACITY) {
		capacity = FLOW_PLAN_CAPACITY;
		m->budget -= capacity;
	}
	plan->pipes = grow(plan->pipes, plan->pipe_count, sizeof(*plan->pipes));
	p = &plan->pipes[plan->pipe_count];
	*p = (struct flow_pipe){
		.capacity = capacity,
		.capacity_written = edge->capacity != 0,
		.from = end_name(m, edge->tail, &edge->out),
		.to = end_name(m, edge->head, &edge->in),
		.writer = FLOW_NONE,
		.reader = FLOW_NONE,
	};
	if (edge->via == FLOW_VIA_FIFO && (named_tail || named_head)) {
		p->kind = FLOW_PIPE_FIFO;
		p->path_write = named_tail;
		p->path_read = named_head;
		plan->fifos = true;
	}
	return (uint32_t)plan->pipe_count++;
}

static bool
is_process(const struct flow_node *node)
{
	return node->kind == FLOW_NODE_PROCESS;
}

static bool
is_sink(const struct flow_node *node)
{
	return node->kind == FLOW_NODE_FILE || node->kind == FLOW_NODE_STDOUT ||
	       node->kind == FLOW_NODE_STDERR;
}

/*
 * Notes for each of a node's edges on one side which share its port. Nodes
 * have few ports, so the ports found so far are searched one by one.
 */
static void
find_sharing(struct maker *m, struct flow_edge *const *edges, size_t count,
	     bool out)
{
	size_t *firsts = calloc(count + 1, sizeof(*firsts)), ports = 0;
	size_t *same = calloc(count + 1, sizeof(*same));

	if (!firsts || !same)
		abort();
	for (size_t i = 0; i < count; i++) {
		const struct flow_port *port =
			out ? &edges[i]->out : &edges[i]->in;
		size_t p = 0;

		while (p < ports && !flow_port_same(out ? &edges[firsts[p]]->out
							: &edges[firsts[p]]->in,
						    port))
			p++;
		if (p == ports)
			firsts[ports++] = i;
		same[p]++;
		if (out)
			m->sharing[edges[i]->id].out_first = p;
		else
			m->sharing[edges[i]->id].in_first = p;
	}
	for (size_t i = 0; i < count; i++) {
		struct sharing *s = &m->sharing[edges[i]->id];
		size_t p = out ? s->out_first : s->in_first;

		*(out ? &s->out_first : &s->in_first) = firsts[p];
		*(out ? &s->out_same : &s->in_same) = same[p];
	}
	free(same);
	free(firsts);
}

static bool
is_merged(const struct maker *m, const struct flow_edge *edge)
{
	return m->sharing[edge->id].in_same > 1;
}

/* Is the port of EDGE shared out by records, so that a relay has to look at them? */
static bool
is_parted(const struct maker *m, const struct flow_edge *edge)
{
	if (edge->split == FLOW_SPLIT_KEY)
		return true;
	return m->sharing[edge->id].out_same > 1 &&
	       (edge->split != FLOW_SPLIT_COPY ||
		edge->slow != FLOW_SLOW_BLOCK);
}

static bool
is_copied(const struct maker *m, const struct flow_edge *edge)
{
	const struct flow_node *tail = edge->tail;

	if (is_parted(m, edge))
		return false;
	if (tail->kind == FLOW_NODE_FILE ||
	    (tail->kind == FLOW_NODE_STDIN && m->options->stdin_regular))
		return false; /* each reader opens it for itself */
	return edge->elastic || m->sharing[edge->id].out_same > 1;
}

/* Does a relay stand behind the tail of EDGE? */
static bool
is_relayed(const struct maker *m, const struct flow_edge *edge)
{
	return is_parted(m, edge) || is_copied(m, edge);
}

/* Does the tail of EDGE hold the object at its head, with nothing between? */
static bool
is_direct_sink(const struct maker *m, const struct flow_edge *edge)
{
	return is_sink(edge->head) && !is_merged(m, edge);
}

static bool
is_direct_source(const struct maker *m, const struct flow_edge *edge)
{
	return !is_process(edge->tail) && !is_relayed(m, edge);
}

static enum flow_file_mode
written_mode(const struct flow_node *node)
{
	if (node->commit == FLOW_COMMIT_NO)
		return node->append ? FLOW_FILE_LIVE_APPEND : FLOW_FILE_LIVE;
	return node->append ? FLOW_FILE_APPEND : FLOW_FILE_COMMIT;
}

/* The thing that stands for sink NODE, held by process HOLDER. */
static void
sink_thing(struct maker *m, struct flow_node *node, uint32_t holder,
	   enum flow_thing *thing, uint32_t *index)
{
	*thing = FLOW_THING_STANDARD;
	*index = node->kind == FLOW_NODE_STDERR ? 2 : 1;
	if (node->kind == FLOW_NODE_FILE) {
		*thing = FLOW_THING_FILE;
		*index = add_file(m, written_mode(node), node->file, node,
				  node->line);
		m->node_file[node->id] = *index;
		m->plan->files[*index].process = holder;
	} else if (node->kind == FLOW_NODE_STDOUT && m->options->output) {
		*thing = FLOW_THING_FILE;
		if (m->output_file == FLOW_NONE)
			m->output_file = add_file(m, FLOW_FILE_COMMIT,
						  m->options->output, NULL, 0);
		*index = m->output_file;
		m->plan->files[*index].process = holder;
	}
}

static void
source_thing(struct maker *m, const struct flow_edge *edge, uint32_t holder,
	     enum flow_thing *thing, uint32_t *index)
{
	struct flow_node *tail = edge->tail;

	*index = 0;
	if (tail->kind == FLOW_NODE_FILE) {
		*thing = FLOW_THING_FILE;
		*index = add_file(m, FLOW_FILE_READ, tail->file, tail,
				  tail->line);
		m->plan->files[*index].process = holder;
		return;
	}
	*thing = FLOW_THING_STANDARD;
	if (m->options->stdin_regular && tail->out_count > 1)
		*thing = FLOW_THING_STDIN_AGAIN;
}

/* Gives PROCESS one end of pipe INDEX and says so in the pipe. */
static struct flow_place *
place_pipe(struct maker *m, uint32_t process, int fd, uint32_t index,
	   bool write)
{
	struct flow_pipe *p = &m->plan->pipes[index];

	if (write) {
		const struct flow_process *writer =
			&m->plan->processes[process];

		p->writer = process;
		p->probe =
			flow_process_is_node(writer) && writer->node->epipe_ok;
	} else
		p->reader = process;
	return add_place(&m->plan->processes[process], fd,
			 write ? FLOW_THING_PIPE_WRITE : FLOW_THING_PIPE_READ,
			 index);
}

/*
 * One port of a node's own process: EDGE is the first of the port's edges,
 * thing and index what it holds there.
 */
static void
place_port(struct maker *m, uint32_t process, const struct flow_port *port,
	   struct flow_edge *edge, enum flow_thing thing, uint32_t index)
{
	struct flow_place *place;

	if (thing == FLOW_THING_PIPE_READ || thing == FLOW_THING_PIPE_WRITE)
		place = place_pipe(m, process, port->fd, index,
				   thing == FLOW_THING_PIPE_WRITE);
	else
		place = add_place(&m->plan->processes[process], port->fd, thing,
				  index);
	place->variable = port->name;
	place->edge = edge;
}

/*
 * The relay that copies what NODE's ports put out, where a port is split or
 * an edge elastic; its outputs are placed, its inputs' pipes made.
 */
static void
make_copy(struct maker *m, struct flow_node *node, uint32_t *port_pipe)
{
	struct flow_graph *graph = m->plan->graph;
	uint32_t relay = FLOW_NONE;
	unsigned inputs = 0;

	for (size_t i = 0; i < node->out_count; i++) {
		struct flow_edge *e = node->out[i];

		if (!is_copied(m, e) || m->sharing[e->id].out_first != i)
			continue;
		if (relay == FLOW_NONE)
			relay = add_process(m, FLOW_PROCESS_COPY,
					    flow_graph_printf(graph,
							      "copy of %s",
							      node->name),
					    node);
		if (is_process(node)) {
			port_pipe[i] =
				add_pipe(m, e, e->out.name != NULL, false);
			m->plan->pipes[port_pipe[i]].to = flow_graph_printf(
				graph, "copy of %s", node->name);
			place_pipe(m, relay, -1, port_pipe[i], false);
		} else {
			add_place(&m->plan->processes[relay], -1,
				  FLOW_THING_STANDARD, 0);
		}
		inputs++;
	}
	m->copy_of[node->id] = relay;
	if (relay != FLOW_NONE)
		m->plan->processes[relay].input_count = inputs;
}

/* The outputs of NODE's copy relay, once every edge's pipe or sink is known. */
static void
place_copy_outputs(struct maker *m, struct flow_node *node)
{
	uint32_t relay = m->copy_of[node->id];
	unsigned input = 0;

	if (relay == FLOW_NONE)
		return;
	for (size_t i = 0; i < node->out_count; i++) {
		struct flow_edge *first = node->out[i];

		if (!is_copied(m, first) ||
		    m->sharing[first->id].out_first != i)
			continue;
		for (size_t j = i; j < node->out_count; j++) {
			struct flow_edge *e = node->out[j];
			struct flow_process *process =
				&m->plan->processes[relay];
			struct flow_place *place;
			enum flow_thing thing;
			uint32_t index;

			if (m->sharing[e->id].out_first != i)
				continue;
			add_branch(process, input, e);
			if (m->edge_pipe[e->id] != FLOW_NONE) {
				place = place_pipe(m, relay, -1,
						   m->edge_pipe[e->id], true);
			} else {
				sink_thing(m, e->head, relay, &thing, &index);
				place = add_place(process, -1, thing, index);
			}
			place->edge = e;
		}
		input++;
	}
}

/*
 * A relay for each of NODE's ports that is shared out by records; its input is
 * placed, and noted for its edges.
 */
static void
make_splits(struct maker *m, struct flow_node *node, uint32_t *port_pipe)
{
	for (size_t i = 0; i < node->out_count; i++) {
		struct flow_edge *e = node->out[i];
		struct flow_process *process;
		enum flow_thing thing;
		uint32_t relay, index;
		const char *name;

		if (!is_parted(m, e) || m->sharing[e->id].out_first != i)
			continue;
		name = flow_graph_printf(m->plan->graph, "split of %s",
					 node->name);
		relay = add_process(m,
				    e->split == FLOW_SPLIT_KEY
					    ? FLOW_PROCESS_KEY
					    : FLOW_PROCESS_SPLIT,
				    name, node);
		if (is_process(node)) {
			port_pipe[i] =
				add_pipe(m, e, e->out.name != NULL, false);
			m->plan->pipes[port_pipe[i]].to = name;
			place_pipe(m, relay, -1, port_pipe[i], false);
		} else {
			source_thing(m, e, relay, &thing, &index);
			add_place(&m->plan->processes[relay], -1, thing, index);
		}
		process = &m->plan->processes[relay];
		process->input_count = 1;
		process->split = e->split;
		process->slow = e->slow;
		process->header = e->header;
		process->keys = e->out_keys;
		process->record = e->out_record;
		if (process->kind == FLOW_PROCESS_KEY)
			process->files_most =
				e->max_open ? e->max_open : FLOW_PLAN_FILES;
		for (size_t j = i; j < node->out_count; j++)
			if (m->sharing[node->out[j]->id].out_first == i)
				m->edge_split[node->out[j]->id] = relay;
	}
}

/* The outputs of NODE's split relays, once every edge's pipe or sink is known. */
static void
place_split_outputs(struct maker *m, struct flow_node *node)
{
	for (size_t i = 0; i < node->out_count; i++) {
		struct flow_edge *e = node->out[i];
		uint32_t relay = m->edge_split[e->id];
		struct flow_process *process;
		struct flow_place *place;
		enum flow_thing thing;
		uint32_t index;

		if (relay == FLOW_NONE)
			continue;
		process = &m->plan->processes[relay];
		if (process->kind == FLOW_PROCESS_KEY) {
			/* no output, but the folder of what it collects */
			sink_thing(m, e->head, relay, &thing, &index);
			m->plan->files[index].keyed = true;
			place = add_place(process, -1, thing, index);
			place->edge = e;
			continue;
		}
		add_branch(process, 0, e);
		if (m->edge_pipe[e->id] != FLOW_NONE) {
			place = place_pipe(m, relay, -1, m->edge_pipe[e->id],
					   true);
		} else {
			sink_thing(m, e->head, relay, &thing, &index);
			place = add_place(process, -1, thing, index);
		}
		place->edge = e;
	}
}

/* A pipe for each edge that has something of ours or a process at both ends. */
static void
make_edge_pipes(struct maker *m)
{
	struct flow_graph *graph = m->plan->graph;

	for (size_t i = 0; i < graph->edge_count; i++) {
		struct flow_edge *e = graph->edges[i];
		bool relayed = is_relayed(m, e), merged = is_merged(m, e);

		m->edge_pipe[i] = FLOW_NONE;
		m->edge_merge[i] = FLOW_NONE;
		if (is_direct_source(m, e) || is_direct_sink(m, e))
			continue;
		m->edge_pipe[i] = add_pipe(
			m, e, !relayed && is_process(e->tail) && e->out.name,
			!merged && is_process(e->head) && e->in.name);
		m->plan->pipes[m->edge_pipe[i]].edge = e;
		m->plan->cyclic |= e->back;
	}
}

static int
compare_dealt(const void *one, const void *two)
{
	const struct flow_edge *a = *(struct flow_edge *const *)one;
	const struct flow_edge *b = *(struct flow_edge *const *)two;

	return (a->dealt->id > b->dealt->id) - (a->dealt->id < b->dealt->id);
}

/*
 * The edges into the port of NODE's in-edge AT, in the order of the merge's
 * inputs: with merge=ordered that of the split's outputs. NULL-terminated,
 * owned.
 */
static struct flow_edge **
order_inputs(const struct maker *m, const struct flow_node *node, size_t at)
{
	struct flow_edge **order = calloc(node->in_count + 1, sizeof(*order));
	size_t count = 0;

	if (!order)
		abort();
	for (size_t i = at; i < node->in_count; i++)
		if (m->sharing[node->in[i]->id].in_first == at)
			order[count++] = node->in[i];
	if (node->in[at]->merge == FLOW_MERGE_ORDERED)
		qsort(order, count, sizeof(*order), compare_dealt);
	return order;
}

/* The relay that merges what comes into the port of NODE's in-edge AT. */
static uint32_t
make_merge(struct maker *m, struct flow_node *node, size_t at)
{
	struct flow_edge **order = order_inputs(m, node, at);
	struct flow_edge *first = node->in[at];
	struct flow_process *process;
	uint32_t relay = add_process(
		m, FLOW_PROCESS_MERGE,
		flow_graph_printf(m->plan->graph, "merge into %s", node->name),
		node);
	unsigned inputs = 0;

	m->plan->processes[relay].merge = first->merge;
	m->plan->processes[relay].keys = first->keys;
	m->plan->processes[relay].record = first->record;
	for (size_t i = 0; order[i]; i++) {
		struct flow_edge *e = order[i];
		struct flow_place *place;
		enum flow_thing thing;
		uint32_t index;

		m->edge_merge[e->id] = relay;
		if (m->edge_pipe[e->id] != FLOW_NONE) {
			place = place_pipe(m, relay, -1, m->edge_pipe[e->id],
					   false);
		} else {
			source_thing(m, e, relay, &thing, &index);
			place = add_place(&m->plan->processes[relay], -1, thing,
					  index);
		}
		place->edge = e;
		inputs++;
	}
	free(order);
	process = &m->plan->processes[relay];
	process->input_count = inputs;
	add_branch(process, 0, NULL);
	return relay;
}

/* Merges into NODE, with the pipe or the sink that they put out to. */
static void
make_merges(struct maker *m, struct flow_node *node, uint32_t *port_pipe)
{
	for (size_t i = 0; i < node->in_count; i++) {
		struct flow_edge *e = node->in[i];
		enum flow_thing thing;
		uint32_t relay, index;

		port_pipe[i] = FLOW_NONE;
		if (!is_merged(m, e) || m->sharing[e->id].in_first != i)
			continue;
		relay = make_merge(m, node, i);
		if (is_process(node)) {
			port_pipe[i] =
				add_pipe(m, e, false, e->in.name != NULL);
			m->plan->pipes[port_pipe[i]].from = flow_graph_printf(
				m->plan->graph, "merge into %s", node->name);
			place_pipe(m, relay, -1, port_pipe[i], true);
		} else {
			sink_thing(m, node, relay, &thing, &index);
			add_place(&m->plan->processes[relay], -1, thing, index);
		}
	}
}

static void
place_inputs(struct maker *m, struct flow_node *node, uint32_t process,
	     const uint32_t *port_pipe)
{
	for (size_t i = 0; i < node->in_count; i++) {
		struct flow_edge *e = node->in[i];
		enum flow_thing thing = FLOW_THING_PIPE_READ;
		uint32_t index = m->edge_pipe[e->id];

		if (m->sharing[e->id].in_first != i)
			continue;
		if (port_pipe[i] != FLOW_NONE)
			index = port_pipe[i];
		else if (index == FLOW_NONE)
			source_thing(m, e, process, &thing, &index);
		place_port(m, process, &e->in, e, thing, index);
	}
}

static void
place_outputs(struct maker *m, struct flow_node *node, uint32_t process,
	      const uint32_t *port_pipe)
{
	for (size_t i = 0; i < node->out_count; i++) {
		struct flow_edge *e = node->out[i];
		enum flow_thing thing = FLOW_THING_PIPE_WRITE;
		uint32_t index = m->edge_pipe[e->id];

		if (m->sharing[e->id].out_first != i)
			continue;
		if (port_pipe[i] != FLOW_NONE)
			index = port_pipe[i];
		else if (index == FLOW_NONE)
			sink_thing(m, e->head, process, &thing, &index);
		place_port(m, process, &e->out, e, thing, index);
	}
}

static bool
has_fd(const struct flow_process *process, int fd)
{
	for (size_t i = 0; i < process->place_count; i++)
		if (process->places[i].fd == fd)
			return true;
	return false;
}

/* Descriptors 0 to 2 that no edge names, and numbers for named ports. */
static void
complete_places(struct maker *m, uint32_t index)
{
	struct flow_process *process = &m->plan->processes[index];
	int next = NAMED_FIRST;

	for (size_t i = 0; i < process->place_count; i++) {
		struct flow_place *place = &process->places[i];
		bool path = false;

		if (!place->variable)
			continue;
		if (place->thing == FLOW_THING_PIPE_READ)
			path = m->plan->pipes[place->index].path_read;
		if (place->thing == FLOW_THING_PIPE_WRITE)
			path = m->plan->pipes[place->index].path_write;
		if (path)
			continue;
		while (has_fd(process, next))
			next++;
		place->fd = next++;
	}
	if (!has_fd(process, 0))
		add_place(process, 0, FLOW_THING_NULL, 0);
	if (!has_fd(process,
		    1)) /* only a node cut off from stdout: none today */
		add_place(process, 1, FLOW_THING_STANDARD, 1);
	if (!has_fd(process, 2) && !m->options->tag)
		add_place(process, 2, FLOW_THING_STANDARD, 2);
}

static int
compare_places(const void *one, const void *two)
{
	const struct flow_place *a = one, *b = two;

	return (a->fd > b->fd) - (a->fd < b->fd);
}

/* The pipe at PLACE, if it is one and nothing else was said, gets more room. */
static void
widen(struct maker *m, const struct flow_place *place)
{
	const uint64_t more = FLOW_PLAN_CAPACITY_WIDE - FLOW_PLAN_CAPACITY;
	struct flow_pipe *pipe;

	if (flow_place_end(place) < 0)
		return;
	pipe = &m->plan->pipes[place->index];
	if (pipe->capacity != FLOW_PLAN_CAPACITY || pipe->capacity_written ||
	    m->budget < more)
		return;
	pipe->capacity = FLOW_PLAN_CAPACITY_WIDE;
	m->budget -= more;
}

/* The places of a node with replicas=, as a relay has them: input, output, errors. */
static void
make_farm(struct maker *m, uint32_t index)
{
	struct flow_process *process = &m->plan->processes[index];
	const struct flow_node *node = process->node;

	if (process->place_count > 0)
		qsort(process->places, process->place_count,
		      sizeof(*process->places), compare_places);
	process->input_count = 1;
	process->record = (struct flow_record){ .kind = FLOW_RECORD_LINE };
	if (node->in_count > 0)
		process->record = node->in[0]->record;
	process->out_record = process->record;
	for (size_t i = 0; i < node->out_count; i++)
		if (node->out[i]->out.fd == 1 && node->out[i]->record_written)
			process->out_record = node->out[i]->out_record;
	for (size_t i = 0; i < 2 && i < process->place_count; i++)
		widen(m, &process->places[i]);
	process->branches =
		calloc(process->place_count + 1, sizeof(*process->branches));
	if (!process->branches)
		abort();
}

/* Between each split and the merge=ordered that undoes it: what was dealt. */
static void
make_deals(struct maker *m)
{
	struct flow_plan *plan = m->plan;
	struct flow_graph *graph = plan->graph;

	for (size_t i = 0; i < graph->edge_count; i++) {
		const struct flow_edge *e = graph->edges[i];
		uint32_t merge = m->edge_merge[i], split, index;
		struct flow_process *to;

		if (merge == FLOW_NONE || !e->dealt)
			continue;
		to = &plan->processes[merge];
		if (to->places[to->place_count - 1].thing ==
		    FLOW_THING_DEALS_READ)
			continue; /* another edge of the same merge */
		split = m->edge_split[e->dealt->id];
		index = add_pipe(m,
				 &(struct flow_edge){ .tail = e->dealt->tail,
						      .head = e->head,
						      .back = true },
				 false, false);
		plan->pipes[index].from = plan->processes[split].name;
		plan->pipes[index].to = to->name;
		plan->pipes[index].writer = split;
		plan->pipes[index].reader = merge;
		add_place(to, -1, FLOW_THING_DEALS_READ, index);
		add_place(&plan->processes[split], -1, FLOW_THING_DEALS_WRITE,
			  index);
	}
}

/* --tag: the nodes' standard errors, each with its name, into ours. */
static void
make_tag(struct maker *m)
{
	struct flow_graph *graph = m->plan->graph;
	uint32_t relay =
		add_process(m, FLOW_PROCESS_TAG, "tag of stderr", NULL);
	unsigned inputs = 0;

	for (size_t i = 0; i < relay; i++) {
		struct flow_process *process = &m->plan->processes[i];
		struct flow_edge
			edge = { .back = true /* no great capacity */ };
		struct flow_node *node = process->node;
		uint32_t index;

		if (!flow_process_is_node(process) || has_fd(process, 2))
			continue;
		edge.tail = edge.head = node;
		edge.out.fd = edge.in.fd = 2;
		index = add_pipe(m, &edge, false, false);
		m->plan->pipes[index].to = flow_graph_printf(graph, "stderr");
		place_pipe(m, (uint32_t)i, 2, index, true);
		place_pipe(m, relay, -1, index, false);
		inputs++;
	}
	m->plan->processes[relay].input_count = inputs;
	flow_record_parse("line", &m->plan->processes[relay].record);
	add_branch(&m->plan->processes[relay], 0, NULL);
	add_place(&m->plan->processes[relay], -1, FLOW_THING_STANDARD, 2);
}

static void
make_routes(struct maker *m)
{
	struct flow_plan *plan = m->plan;
	struct flow_graph *graph = plan->graph;

	plan->routes = calloc(graph->edge_count + 1, sizeof(*plan->routes));
	if (!plan->routes)
		abort();
	for (size_t i = 0; i < graph->edge_count; i++) {
		struct flow_edge *e = graph->edges[i];
		struct flow_route *route = &plan->routes[i];

		*route = (struct flow_route){
			.source = m->of_node[e->tail->id],
			.copy = is_copied(m, e) ? m->copy_of[e->tail->id]
						: m->edge_split[i],
			.pipe = m->edge_pipe[i],
			.merge = m->edge_merge[i],
			.merged = FLOW_NONE,
			.sink = m->of_node[e->head->id],
			.file = m->node_file[e->head->id],
		};
		if (e->head->kind == FLOW_NODE_STDOUT)
			route->file = m->output_file;
		if (route->merge != FLOW_NONE && route->sink != FLOW_NONE) {
			struct flow_process *relay =
				&plan->processes[route->merge];

			route->merged = relay->places[relay->input_count].index;
		}
	}
}

/* eof=exit: the guardian holds the write end that its reader looks at. */
static void
mark_holds(struct flow_plan *plan)
{
	for (size_t i = 0; i < plan->graph->edge_count; i++) {
		struct flow_route *route = &plan->routes[i];
		uint32_t pipe = flow_route_last_pipe(route);

		if (plan->graph->edges[i]->eof_exit && pipe != FLOW_NONE &&
		    route->sink != FLOW_NONE)
			plan->pipes[pipe].hold = true;
	}
}

/* Longest distance from a source, back edges aside (the rest is acyclic). */
static void
rank_processes(struct maker *m)
{
	struct flow_graph *graph = m->plan->graph;
	unsigned *rank = calloc(graph->node_count + 1, sizeof(*rank));
	unsigned *waits = calloc(graph->node_count + 1, sizeof(*waits));
	struct flow_node **queue =
		calloc(graph->node_count + 1, sizeof(struct flow_node *));
	size_t head = 0, tail = 0;

	if (!rank || !waits || !queue)
		abort();
	for (size_t i = 0; i < graph->edge_count; i++)
		waits[graph->edges[i]->head->id] += !graph->edges[i]->back;
	for (size_t i = 0; i < graph->node_count; i++)
		if (!waits[i])
			queue[tail++] = graph->nodes[i];
	while (head < tail) {
		struct flow_node *node = queue[head++];

		for (size_t i = 0; i < node->out_count; i++) {
			struct flow_edge *e = node->out[i];

			if (e->back)
				continue;
			if (rank[e->head->id] < rank[node->id] + 1)
				rank[e->head->id] = rank[node->id] + 1;
			if (--waits[e->head->id] == 0)
				queue[tail++] = e->head;
		}
	}
	for (size_t i = 0; i < m->plan->process_count; i++) {
		struct flow_process *process = &m->plan->processes[i];
		int r = process->node ? 4 * (int)rank[process->node->id]
				      : INT_MAX; /* --tag: all feed it */

		if (process->kind == FLOW_PROCESS_MERGE)
			r--; /* just before its node */
		else if (process->node && !flow_process_is_node(process))
			r++; /* just behind it */
		process->rank = r;
	}
	free(queue);
	free(waits);
	free(rank);
}

static void
lower_node(struct maker *m, struct flow_node *node)
{
	uint32_t *out_pipe = calloc(node->out_count + 1, sizeof(*out_pipe));
	uint32_t *in_pipe = calloc(node->in_count + 1, sizeof(*in_pipe));
	uint32_t process = FLOW_NONE;

	if (!out_pipe || !in_pipe)
		abort();
	for (size_t i = 0; i < node->out_count; i++)
		out_pipe[i] = FLOW_NONE;
	make_merges(m, node, in_pipe);
	if (is_process(node)) {
		process = add_process(m,
				      node->replicas ? FLOW_PROCESS_FARM
						     : FLOW_PROCESS_COMMAND,
				      node->name, node);
		m->of_node[node->id] = process;
		m->plan->restarts |=
			flow_process_restarts(&m->plan->processes[process]);
	}
	make_copy(m, node, out_pipe);
	make_splits(m, node, out_pipe);
	if (process != FLOW_NONE) {
		place_inputs(m, node, process, in_pipe);
		place_outputs(m, node, process, out_pipe);
		complete_places(m, process);
		if (node->replicas)
			make_farm(m, process);
	}
	place_copy_outputs(m, node);
	place_split_outputs(m, node);
	free(in_pipe);
	free(out_pipe);
}

static uint32_t *
table(size_t count)
{
	uint32_t *list = malloc((count + 1) * sizeof(*list));

	if (!list)
		abort();
	for (size_t i = 0; i < count; i++)
		list[i] = FLOW_NONE;
	return list;
}

struct flow_plan *
flow_plan_make(struct flow_graph *graph,
	       const struct flow_plan_options *options)
{
	struct maker m = {
		.options = options,
		.sharing = calloc(graph->edge_count + 1, sizeof(*m.sharing)),
		.budget = options->pipe_budget,
		.of_node = table(graph->node_count),
		.copy_of = table(graph->node_count),
		.edge_split = table(graph->edge_count),
		.edge_pipe = table(graph->edge_count),
		.edge_merge = table(graph->edge_count),
		.node_file = table(graph->node_count),
		.output_file = FLOW_NONE,
	};

	m.plan = calloc(1, sizeof(*m.plan));
	if (!m.plan || !m.sharing)
		abort();
	m.plan->graph = graph;
	m.plan->tag = options->tag;
	for (size_t i = 0; i < graph->node_count; i++) {
		struct flow_node *node = graph->nodes[i];

		find_sharing(&m, node->out, node->out_count, true);
		find_sharing(&m, node->in, node->in_count, false);
	}
	make_edge_pipes(&m);
	for (size_t i = 0; i < graph->node_count; i++)
		lower_node(&m, graph->nodes[i]);
	make_deals(&m);
	if (options->tag)
		make_tag(&m);
	if (options->output && m.output_file == FLOW_NONE)
		add_file(&m, FLOW_FILE_COMMIT, options->output, NULL, 0);
	make_routes(&m);
	mark_holds(m.plan);
	rank_processes(&m);
	free(m.node_file);
	free(m.edge_merge);
	free(m.edge_pipe);
	free(m.edge_split);
	free(m.copy_of);
	free(m.of_node);
	free(m.sharing);
	return m.plan;
}

void
flow_plan_free(struct flow_plan *plan)
{
	if (!plan)
		return;
	for (size_t i = 0; i < plan->process_count; i++) {
		free(plan->processes[i].places);
		free(plan->processes[i].branches);
	}
	free(plan->processes);
	free(plan->routes);
	free(plan->pipes);
	free(plan->files);
	free(plan);
}

bool
flow_place_is_input(const struct flow_plan *plan,
		    const struct flow_place *place)
{
	switch (place->thing) {
	case FLOW_THING_PIPE_READ:
	case FLOW_THING_DEALS_READ:
	case FLOW_THING_STDIN_AGAIN:
		return true;
	case FLOW_THING_STANDARD:
		return place->index == 0;
	case FLOW_THING_FILE:
		return plan->files[place->index].mode == FLOW_FILE_READ;
	case FLOW_THING_NULL:
	case FLOW_THING_PIPE_WRITE:
	case FLOW_THING_DEALS_WRITE:
		break;
	}
	return false;
}

size_t
flow_plan_descriptors(const struct flow_plan *plan)
{
	bool *made = calloc(plan->pipe_count + 1, sizeof(*made));
	size_t open = 32 + plan->file_count, most = open, relay = 0;

	if (!made)
		abort();
	for (size_t i = 0; i < plan->process_count; i++) {
		const struct flow_process *process = &plan->processes[i];
		size_t need;

		for (size_t j = 0; j < process->place_count; j++) {
			const struct flow_place *place = &process->places[j];

			if (flow_place_end(place) < 0 || made[place->index])
				continue;
			made[place->index] = true;
			open += 2 + (plan->pipes[place->index].hold ||
				     plan->pipes[place->index].probe);
		}
		if (open > most)
			most = open;
		/* those of one that may be started again are held, with its input */
		open += flow_process_restarts(process);
		for (size_t j = 0; j < process->place_count &&
				   !flow_process_restarts(process);
		     j++)
			open -= flow_place_end(&process->places[j]) >= 0;
		if (process->kind == FLOW_PROCESS_COMMAND) {
			/* all numbers, with as many free ones above */
			for (size_t j = 0; j < process->place_count; j++)
				if (process->places[j].fd >= 0 &&
				    (size_t)process->places[j].fd +
						    process->place_count + 3 >
					    relay)
					relay = (size_t)process->places[j].fd +
						process->place_count + 3;
			continue;
		}
		need = process->place_count + 32 + process->files_most;
		if (process->kind == FLOW_PROCESS_FARM)
			need += (size_t)FARM_FDS * process->node->replicas;
		/* a private pipe an output, and logs of what is held */
		for (size_t j = process->input_count;
		     (process->kind == FLOW_PROCESS_COPY ||
		      process->kind == FLOW_PROCESS_SPLIT) &&
		     j < process->place_count;
		     j++)
			need += 4;
		if (need > relay)
			relay = need;
	}
	free(made);
	/* a relay closes what is not its own before it opens more */
	return most > relay ? most : relay;
}
