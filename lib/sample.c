/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sample: looks at a run from outside while it lasts. */
#include "config.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "bottleneck.h"
#include "fill.h"
#include "memory.h"
#include "procfs.h"
#include "sample.h"
#include "task.h"

#define LINE_INTERVAL (FLOW_SECOND / 10)
#define GAP_MOST FLOW_SECOND /* the time line may be wider, the sums are not */
#define GAP_BOARD (FLOW_SECOND / 4)
/* Looking costs at most this part of a processor. */
#define COST_PART 50
#define RECENT_SECONDS 3.0
/* A count of a reader may be so much higher: it reads itself when it starts. */
#define START_SLACK (64 << 10)
/* While they run both are not asked in one instant: so much may lie between. */
#define TIME_SLACK (8 << 20)
#define DESCRIPTORS_SPARED 32
/* Share of the time that an edge has to be waited at to count for the reason. */
#define NOTABLE 0.2

/* What is summed up over some time, for the bottleneck and its reason. */
struct tally {
	double time; /* seconds looked at */
	double node_time; /* of all nodes that were there together */
	double *weights; /* one a node of the graph, as are the next */
	double *cpu, *slept, *stopped, *there;
	double *readers, *writers; /* one an edge */
};

/* What a process has used, read and written. */
struct counts {
	int64_t cpu; /* nanoseconds */
	int64_t read, written; /* bytes; -1: unknown */
};

/* What is known of one process of the plan beyond its sight. */
struct watched {
	size_t node; /* index among the nodes, or SIZE_MAX for a relay */
	bool parent; /* it has or had children */
	bool splices; /* was seen moving bytes that are not counted */
	bool splicing; /* now: do not open its pipes */
	pid_t pid; /* whose counts these are; 0: not started */
	struct counts now; /* its own; cpu: of all of it that is there */
	/* restart=: of those before it, and the same before the last start */
	struct counts past, before;
	pid_t pid_before;
	int64_t told; /* bytes of what it wrote that went to the guardian */
	int io; /* its /proc/PID/io; owned; -1 */
};

struct flow_sampler {
	const struct flow_state *state;
	struct flow_board *board;
	bool line_wanted;
	int proc;
	size_t descriptors; /* so many more may be opened, beyond the plan's */
	int64_t gap, due, looked; /* looked: when, in nanoseconds of the run */
	struct watched *watched; /* one a process of the plan */
	uint32_t *process_of; /* of each node */
	struct flow_node_sight *nodes;
	struct flow_edge_sight *edges;
	uint32_t *
		read_file; /* one an edge: the file that its head reads, or FLOW_NONE */
	int input; /* our standard input, when it is a regular file; -1 */
	off_t input_start;
	struct flow_inode standard[3]; /* what our own descriptors are */
	struct flow_tasks *tasks;
	struct flow_fills *fills;
	struct flow_waiter *waiters; /* one a node of the graph */
	struct tally whole, recent;
	struct flow_timeline line;
};

static void
make_tally(struct tally *tally, const struct flow_graph *graph)
{
	size_t nodes = graph->node_count, edges = graph->edge_count;

	tally->weights = flow_memory_zeroed(nodes, sizeof(double));
	tally->cpu = flow_memory_zeroed(nodes, sizeof(double));
	tally->slept = flow_memory_zeroed(nodes, sizeof(double));
	tally->stopped = flow_memory_zeroed(nodes, sizeof(double));
	tally->there = flow_memory_zeroed(nodes, sizeof(double));
	tally->readers = flow_memory_zeroed(edges, sizeof(double));
	tally->writers = flow_memory_zeroed(edges, sizeof(double));
}

static void
free_tally(struct tally *tally)
{
	free(tally->weights);
	free(tally->cpu);
	free(tally->slept);
	free(tally->stopped);
	free(tally->there);
	free(tally->readers);
	free(tally->writers);
}

/* All sums of TALLY times FACTOR. */
static void
fade(struct tally *tally, const struct flow_graph *graph, double factor)
{
	tally->time *= factor;
	tally->node_time *= factor;
	for (size_t i = 0; i < graph->node_count; i++) {
		tally->weights[i] *= factor;
		tally->cpu[i] *= factor;
		tally->slept[i] *= factor;
		tally->stopped[i] *= factor;
		tally->there[i] *= factor;
	}
	for (size_t i = 0; i < graph->edge_count; i++) {
		tally->readers[i] *= factor;
		tally->writers[i] *= factor;
	}
}

static void
note_standard(struct flow_sampler *sampler)
{
	struct stat st;

	for (int fd = 0; fd < 3; fd++)
		if (fstat(fd, &st) == 0)
			sampler->standard[fd] =
				(struct flow_inode){ st.st_dev, st.st_ino };
	sampler->input = -1;
	if (fstat(STDIN_FILENO, &st) < 0 || !S_ISREG(st.st_mode))
		return;
	sampler->input = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
	sampler->input_start = lseek(sampler->input, 0, SEEK_CUR);
}

/* Which file each edge is read from. */
static void
note_files(struct flow_sampler *sampler)
{
	const struct flow_plan *plan = sampler->state->plan;

	for (size_t i = 0; i < plan->graph->edge_count; i++)
		sampler->read_file[i] = FLOW_NONE;
	for (size_t i = 0; i < plan->process_count; i++) {
		const struct flow_process *process = &plan->processes[i];

		for (size_t j = 0; j < process->place_count; j++) {
			const struct flow_place *place = &process->places[j];

			if (place->thing == FLOW_THING_FILE && place->edge &&
			    plan->files[place->index].mode == FLOW_FILE_READ)
				sampler->read_file[place->edge->id] =
					place->index;
		}
	}
}

/* How many descriptors the limit leaves beside those that the run needs. */
static size_t
spare_descriptors(const struct flow_plan *plan)
{
	size_t needed = flow_plan_descriptors(plan) + DESCRIPTORS_SPARED;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur < needed)
		return 0;
	return (size_t)limit.rlim_cur - needed;
}

struct flow_sampler *
flow_sampler_make(const struct flow_state *state, struct flow_board *board,
		  bool line)
{
	const struct flow_plan *plan = state->plan;
	const struct flow_graph *graph = plan->graph;
	struct flow_sampler *sampler = flow_memory_zeroed(1, sizeof(*sampler));
	size_t nodes = flow_sight_nodes(plan), node = 0;

	sampler->proc = flow_procfs_open();
	sampler->state = state;
	sampler->board = board;
	sampler->line_wanted = line;
	sampler->watched =
		flow_memory_zeroed(plan->process_count, sizeof(struct watched));
	sampler->process_of = flow_memory_zeroed(nodes, sizeof(uint32_t));
	sampler->nodes =
		flow_memory_zeroed(nodes, sizeof(struct flow_node_sight));
	sampler->edges = flow_memory_zeroed(graph->edge_count,
					    sizeof(struct flow_edge_sight));
	sampler->read_file =
		flow_memory_zeroed(graph->edge_count, sizeof(uint32_t));
	sampler->waiters = flow_memory_zeroed(graph->node_count,
					      sizeof(struct flow_waiter));
	for (uint32_t i = 0; i < plan->process_count; i++) {
		sampler->watched[i] = (struct watched){ .node = SIZE_MAX,
							.io = -1,
							.now.read = -1,
							.now.written = -1 };
		if (!flow_process_is_node(&plan->processes[i]))
			continue;
		sampler->watched[i].node = node;
		sampler->nodes[node].edge = FLOW_NONE;
		sampler->process_of[node++] = i;
	}
	for (size_t i = 0; i < graph->edge_count; i++)
		sampler->edges[i].bytes = sampler->edges[i].waiting = -1;
	note_standard(sampler);
	note_files(sampler);
	sampler->descriptors = spare_descriptors(plan);
	make_tally(&sampler->whole, graph);
	make_tally(&sampler->recent, graph);
	sampler->tasks = flow_tasks_make(sampler->proc, plan->process_count);
	sampler->fills = flow_fills_make(sampler->proc, state);
	flow_timeline_init(&sampler->line, nodes, graph->edge_count,
			   LINE_INTERVAL);
	sampler->gap = LINE_INTERVAL;
	sampler->due = state->started + sampler->gap;
	return sampler;
}

void
flow_sampler_free(struct flow_sampler *sampler)
{
	if (!sampler)
		return;
	flow_timeline_free(&sampler->line);
	flow_fills_free(sampler->fills);
	flow_tasks_free(sampler->tasks);
	free_tally(&sampler->recent);
	free_tally(&sampler->whole);
	free(sampler->waiters);
	free(sampler->read_file);
	free(sampler->edges);
	free(sampler->nodes);
	free(sampler->process_of);
	for (size_t i = 0; i < sampler->state->plan->process_count; i++)
		if (sampler->watched[i].io >= 0)
			close(sampler->watched[i].io);
	free(sampler->watched);
	if (sampler->input >= 0)
		close(sampler->input);
	if (sampler->proc >= 0)
		close(sampler->proc);
	free(sampler);
}

static bool
same_object(const struct stat *st, const struct flow_inode *inode)
{
	return inode->number == st->st_ino && inode->device == st->st_dev;
}

/* Does the relay at an end of EDGE's own pipe say that it waits there? */
static bool
relay_waits(const struct flow_sampler *sampler, const struct flow_edge *edge,
	    bool to_write)
{
	const struct flow_state *state = sampler->state;
	uint32_t pipe = state->plan->routes[edge->id].pipe, process;
	const struct flow_meter *meter;

	if (pipe == FLOW_NONE)
		return false;
	process = to_write ? state->plan->pipes[pipe].writer
			   : state->plan->pipes[pipe].reader;
	if (process == FLOW_NONE || !state->processes[process].running ||
	    state->plan->processes[process].kind == FLOW_PROCESS_COMMAND)
		return false;
	meter = &state->meters[pipe];
	return atomic_load_explicit(to_write ? &meter->waits_write
					     : &meter->waits_read,
				    memory_order_relaxed);
}

/* Is there still somebody who may put something into EDGE? */
static bool
is_fed(const struct flow_sampler *sampler, const struct flow_edge *edge)
{
	uint32_t source = sampler->state->plan->routes[edge->id].source;

	return source == FLOW_NONE ||
	       flow_process_lives(&sampler->state->processes[source]);
}

/* Of the edges that share the port of FIRST, the one at which there is a wait. */
static uint32_t
choose_edge(const struct flow_sampler *sampler, const struct flow_edge *first,
	    bool to_write)
{
	const struct flow_node *node = to_write ? first->tail : first->head;
	size_t count = to_write ? node->out_count : node->in_count;
	uint32_t fed = FLOW_NONE;

	for (size_t i = 0; i < count; i++) {
		const struct flow_edge *e =
			to_write ? node->out[i] : node->in[i];

		if (!flow_port_same(to_write ? &e->out : &e->in,
				    to_write ? &first->out : &first->in))
			continue;
		if (!to_write && !is_fed(sampler, e))
			continue;
		if (relay_waits(sampler, e, to_write))
			return e->id;
		if (fed == FLOW_NONE)
			fed = e->id;
	}
	return fed == FLOW_NONE ? first->id : fed;
}

static uint32_t
edge_of_place(const struct flow_sampler *sampler,
	      const struct flow_place *place, bool to_write)
{
	const struct flow_plan *plan = sampler->state->plan;

	if (flow_place_end(place) >= 0 && plan->pipes[place->index].edge)
		return plan->pipes[place->index].edge->id;
	return place->edge ? choose_edge(sampler, place->edge, to_write)
			   : FLOW_NONE;
}

/* Which edge of process INDEX the object ST is, or FLOW_NONE. */
static uint32_t
edge_of_object(const struct flow_sampler *sampler, uint32_t index,
	       const struct stat *st, bool to_write)
{
	const struct flow_process *process =
		&sampler->state->plan->processes[index];

	for (size_t i = 0; i < process->place_count; i++) {
		const struct flow_place *place = &process->places[i];
		bool same = false;

		if (place->thing == FLOW_THING_STANDARD)
			same = (place->index != 0) == to_write &&
			       same_object(st,
					   &sampler->standard[place->index]);
		else if (flow_place_end(place) == (int)to_write)
			same = same_object(
				st, &sampler->state->pipes[place->index].inode);
		if (same)
			return edge_of_place(sampler, place, to_write);
	}
	return FLOW_NONE;
}

/* The node waits at EDGE, as far as is known by now. */
static void
note_wait(struct flow_node_sight *node, uint32_t edge, bool to_write)
{
	enum flow_does doing = to_write ? FLOW_DOES_WRITING : FLOW_DOES_READING;

	if (edge == FLOW_NONE || node->doing == FLOW_DOES_RUNNING ||
	    node->doing == FLOW_DOES_WRITING)
		return;
	node->doing = doing;
	node->edge = edge;
}

/* One thread of the node of process INDEX. */
static void
note_thread(struct flow_sampler *sampler, uint32_t index,
	    const struct flow_task *task)
{
	struct watched *watched = &sampler->watched[index];
	struct flow_node_sight *node = &sampler->nodes[watched->node];

	watched->splicing |= task->splices;
	watched->splices |= task->splices;
	if (task->state == 'R' || task->state == 'D') {
		node->doing = FLOW_DOES_RUNNING;
		node->edge = FLOW_NONE;
	}
	for (unsigned i = 0; i < task->wait_count; i++)
		note_wait(node,
			  edge_of_object(sampler, index, &task->waits[i].object,
					 task->waits[i].to_write),
			  task->waits[i].to_write);
}

static void
note_process(void *data, uint32_t index, const struct flow_task *task)
{
	struct flow_sampler *sampler = data;
	struct watched *watched = &sampler->watched[index];
	struct flow_node_sight *node = &sampler->nodes[watched->node];

	if (task->first) {
		watched->parent |= task->dead_children || !task->itself;
		node->memory += task->memory;
		watched->now.cpu += task->cpu;
	}
	if (task->state != 'Z' && task->state != 'X')
		note_thread(sampler, index, task);
	if (task->itself && task->state == 'T' &&
	    node->doing == FLOW_DOES_SLEEPING)
		node->doing = FLOW_DOES_STOPPED;
}

/* A farm's relay says itself what it waits for. */
static void
note_farm(struct flow_sampler *sampler, uint32_t index)
{
	const struct flow_process *process =
		&sampler->state->plan->processes[index];
	struct flow_node_sight *node =
		&sampler->nodes[sampler->watched[index].node];

	for (size_t i = 0; i < process->place_count; i++) {
		const struct flow_place *place = &process->places[i];
		const struct flow_meter *meter;
		int end = flow_place_end(place);

		if (end < 0)
			continue;
		meter = &sampler->state->meters[place->index];
		if (atomic_load_explicit(end ? &meter->waits_write
					     : &meter->waits_read,
					 memory_order_relaxed))
			note_wait(node, edge_of_place(sampler, place, end),
				  end);
	}
}

/* Of two counts; unknown when one of them is. */
static int64_t
sum(int64_t a, int64_t b)
{
	return a < 0 || b < 0 ? -1 : a + b;
}

/* Is process INDEX another one than at the last look, started again? */
static void
follow(struct flow_sampler *sampler, uint32_t index)
{
	struct watched *watched = &sampler->watched[index];
	pid_t pid = sampler->state->processes[index].pid;

	if (pid == watched->pid)
		return;
	if (watched->pid && pid == watched->pid_before) {
		/* the one before was the last: the next had nothing to do */
		watched->past = watched->before;
	} else if (watched->pid) {
		watched->before = watched->past;
		watched->pid_before = watched->pid;
		watched->past.cpu += watched->now.cpu;
		watched->past.read = sum(watched->past.read, watched->now.read);
		watched->past.written =
			sum(watched->past.written, watched->now.written);
	}
	watched->pid = pid;
	watched->now = (struct counts){ .read = -1, .written = -1 };
}

/* What all nodes do now, and what they have used since. */
static void
look_at_nodes(struct flow_sampler *sampler, double *cpu)
{
	const struct flow_state *state = sampler->state;
	const struct flow_plan *plan = state->plan;
	size_t count = sampler->line.node_count;

	for (uint32_t i = 0; i < plan->process_count; i++) {
		sampler->watched[i].splicing = false;
		follow(sampler, i);
		if (state->processes[i].running)
			sampler->watched[i].now.cpu = 0;
		/* relays say themselves what they do */
		flow_tasks_set(sampler->tasks, i,
			       state->processes[i].running &&
					       sampler->watched[i].node !=
						       SIZE_MAX
				       ? state->processes[i].pid
				       : 0);
	}
	for (size_t i = 0; i < count; i++) {
		const struct flow_process_state *p =
			&state->processes[sampler->process_of[i]];
		struct flow_node_sight *node = &sampler->nodes[i];

		node->doing = flow_process_lives(p) ? FLOW_DOES_SLEEPING
			      : p->pid		    ? FLOW_DOES_ENDED
						    : FLOW_DOES_NOTHING_YET;
		node->edge = FLOW_NONE;
		node->memory = 0;
	}
	flow_tasks_look(sampler->tasks, note_process, sampler);
	for (size_t i = 0; i < count; i++) {
		uint32_t index = sampler->process_of[i];
		const struct flow_process_state *p = &state->processes[index];
		struct flow_node_sight *node = &sampler->nodes[i];
		int64_t used = sampler->watched[index].now.cpu;

		if (p->running &&
		    plan->processes[index].kind == FLOW_PROCESS_FARM)
			note_farm(sampler, index);
		if (!p->running && p->pid)
			used = (p->usage.ru_utime.tv_sec +
				p->usage.ru_stime.tv_sec) *
				       FLOW_SECOND +
			       (p->usage.ru_utime.tv_usec +
				p->usage.ru_stime.tv_usec) *
				       1000LL;
		used += sampler->watched[index].past.cpu;
		cpu[i] = used > node->cpu
				 ? (double)(used - node->cpu) / FLOW_SECOND
				 : 0;
		if (used > node->cpu) /* what orphans used may drop out */
			node->cpu = used;
	}
}

/*
 * All that process INDEX has read and written so far. The file was opened while
 * it lived: that of one that has ended and is not reaped yet belongs to root.
 */
static void
count_bytes_of(struct flow_sampler *sampler, uint32_t index)
{
	struct watched *watched = &sampler->watched[index];
	unsigned long long got, put;
	char text[512];
	ssize_t length;

	if (watched->io < 0)
		return;
	length = pread(watched->io, text, sizeof(text) - 1, 0);
	if (length <= 0)
		return; /* it was let become another user's: what was known stays */
	text[length] = '\0';
	if (sscanf(text, "rchar: %llu wchar: %llu", &got, &put) != 2)
		return;
	watched->now.read = (int64_t)got;
	watched->now.written = (int64_t)put;
}

/* The only one whose count can be that of one edge: not a relay, with one edge there. */
static const struct watched *
sole(const struct flow_sampler *sampler, uint32_t process, size_t edges)
{
	const struct watched *watched;

	if (process == FLOW_NONE || edges != 1 ||
	    sampler->state->plan->processes[process].kind !=
		    FLOW_PROCESS_COMMAND)
		return NULL;
	watched = &sampler->watched[process];
	return watched->parent || watched->splices ? NULL : watched;
}

/* Have both ends come to a good end, so that all that was written has been read? */
static bool
is_read_to_end(const struct flow_sampler *sampler,
	       const struct flow_route *route)
{
	const struct flow_process_state *processes = sampler->state->processes;

	return processes[route->source].outcome == FLOW_OUTCOME_OK &&
	       processes[route->sink].outcome == FLOW_OUTCOME_OK;
}

/* All that it has put out, or -1. */
static int64_t
written_by(const struct watched *watched)
{
	int64_t all = sum(watched->past.written, watched->now.written);

	return all > watched->told ? all - watched->told : all < 0 ? -1 : 0;
}

/* By the counts of the programs at both ends. */
static void
count_by_programs(const struct flow_sampler *sampler,
		  const struct flow_edge *edge, struct flow_edge_sight *sight,
		  bool final)
{
	const struct flow_route *route =
		&sampler->state->plan->routes[edge->id];
	const struct watched *writer = sole(
		sampler, route->copy == FLOW_NONE ? route->source : FLOW_NONE,
		edge->tail->out_count);
	const struct watched *reader = sole(
		sampler, route->merge == FLOW_NONE ? route->sink : FLOW_NONE,
		edge->head->in_count);
	int64_t put = writer ? written_by(writer) : -1;
	int64_t got = reader ? sum(reader->past.read, reader->now.read) : -1;

	if (put >= 0 && got >= 0) {
		/* hardly anything was written and much was read: it spliced */
		if (put < START_SLACK && got > put + START_SLACK)
			return;
		/* a writer has other files, where a reader takes what it can */
		if (put > got + (final ? 0 : TIME_SLACK) &&
		    (!final || is_read_to_end(sampler, route))) {
			if (got < START_SLACK)
				return; /* or the reader splices */
			put = -1;
		}
	}
	if (put >= 0) {
		sight->bytes = put;
		sight->from = FLOW_BYTES_WRITER;
	} else if (got >= 0) {
		sight->bytes = got;
		sight->from = FLOW_BYTES_READER;
	}
}

static uint64_t
load(const _Atomic uint64_t *field)
{
	return atomic_load_explicit(field, memory_order_relaxed);
}

/* Is the process at that end of PIPE one that counts? */
static bool
counts(const struct flow_plan *plan, uint32_t process)
{
	return process != FLOW_NONE &&
	       plan->processes[process].kind != FLOW_PROCESS_COMMAND;
}

/* By the offset of the file, or of our own input, that the head reads. */
static int64_t
read_offset(const struct flow_sampler *sampler, const struct flow_edge *edge)
{
	uint32_t file = sampler->read_file[edge->id];
	off_t at, start = 0;
	struct stat st;
	int fd = -1;

	if (file != FLOW_NONE) {
		fd = sampler->state->files[file].fd;
	} else if (edge->tail->kind == FLOW_NODE_STDIN &&
		   edge->tail->out_count == 1) {
		fd = sampler->input;
		start = sampler->input_start;
	}
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return -1;
	at = lseek(fd, 0, SEEK_CUR);
	/* who maps the file into memory leaves it where it was */
	if (at < start || (at == start && st.st_size > start))
		return -1;
	return at - start;
}

static void
count_edge(const struct flow_sampler *sampler, const struct flow_edge *edge,
	   bool final)
{
	const struct flow_state *state = sampler->state;
	const struct flow_route *route = &state->plan->routes[edge->id];
	struct flow_edge_sight *sight = &sampler->edges[edge->id];
	const struct flow_pipe *pipe =
		route->pipe == FLOW_NONE ? NULL
					 : &state->plan->pipes[route->pipe];
	int64_t bytes = -1;

	sight->bytes = -1;
	sight->from = FLOW_BYTES_UNKNOWN;
	if (pipe && counts(state->plan, pipe->writer)) {
		bytes = (int64_t)load(&state->meters[route->pipe].put);
		sight->from = FLOW_BYTES_RELAY;
	} else if (pipe && counts(state->plan, pipe->reader)) {
		bytes = (int64_t)load(&state->meters[route->pipe].taken);
		sight->from = FLOW_BYTES_RELAY;
	} else if (route->file != FLOW_NONE && route->merge == FLOW_NONE) {
		bytes = flow_file_size(&state->files[route->file]);
		sight->from = FLOW_BYTES_FILE;
	} else if (!pipe && route->copy == FLOW_NONE) {
		bytes = read_offset(sampler, edge);
		sight->from = FLOW_BYTES_FILE;
	}
	sight->bytes = bytes;
	if (bytes >= 0)
		return;
	sight->from = FLOW_BYTES_UNKNOWN;
	count_by_programs(sampler, edge, sight, final);
}

/* Which of the nodes at EDGE's ends wait at it now? */
static void
find_waits(const struct flow_sampler *sampler, const struct flow_edge *edge,
	   bool *reader, bool *writer)
{
	const struct flow_route *route =
		&sampler->state->plan->routes[edge->id];
	const struct flow_node_sight *node;

	*reader = relay_waits(sampler, edge, false) && is_fed(sampler, edge);
	*writer = relay_waits(sampler, edge, true);
	if (route->merge == FLOW_NONE && route->sink != FLOW_NONE) {
		node = &sampler->nodes[sampler->watched[route->sink].node];
		*reader |= node->doing == FLOW_DOES_READING &&
			   node->edge == edge->id;
	}
	if (route->source != FLOW_NONE) {
		node = &sampler->nodes[sampler->watched[route->source].node];
		*writer |= node->doing == FLOW_DOES_WRITING &&
			   node->edge == edge->id;
	}
}

static bool
splicing(const struct flow_sampler *sampler, uint32_t process)
{
	return process != FLOW_NONE && sampler->watched[process].splicing;
}

static void
look_at_edges(struct flow_sampler *sampler, int64_t passed)
{
	const struct flow_state *state = sampler->state;
	const struct flow_graph *graph = state->plan->graph;
	double seconds = (double)passed / FLOW_SECOND;

	for (uint32_t i = 0; i < state->plan->process_count; i++)
		if (state->processes[i].running &&
		    state->plan->processes[i].kind == FLOW_PROCESS_COMMAND)
			count_bytes_of(sampler, i);
	for (size_t i = 0; i < graph->edge_count; i++) {
		struct flow_edge_sight *sight = &sampler->edges[i];
		uint32_t pipe = state->plan->routes[i].pipe;
		bool reader, writer;

		count_edge(sampler, graph->edges[i], false);
		find_waits(sampler, graph->edges[i], &reader, &writer);
		if (reader) {
			sight->reader_waited += passed;
			sampler->whole.readers[i] += seconds;
			sampler->recent.readers[i] += seconds;
		}
		if (writer) {
			sight->writer_waited += passed;
			sampler->whole.writers[i] += seconds;
			sampler->recent.writers[i] += seconds;
		}
		if (pipe == FLOW_NONE)
			continue;
		sight->waiting = -1;
		if (!splicing(sampler, state->plan->pipes[pipe].writer) &&
		    !splicing(sampler, state->plan->pipes[pipe].reader))
			sight->waiting = flow_fills_ask(sampler->fills, pipe,
							&sight->capacity);
		if (!sight->capacity)
			sight->capacity = state->pipes[pipe].capacity;
	}
}

/* Does the relay between wait at OTHER, an edge of the same port as EDGE? */
static bool
waits_elsewhere(const struct flow_sampler *sampler,
		const struct flow_edge *edge, const struct flow_edge *other,
		bool at_head)
{
	const struct flow_port *port = at_head ? &edge->in : &edge->out;

	return other != edge &&
	       flow_port_same(at_head ? &other->in : &other->out, port) &&
	       relay_waits(sampler, other, !at_head) &&
	       (!at_head || is_fed(sampler, other));
}

/*
 * For whom somebody waits at EDGE. A merge does not take from it while it waits
 * for another of its inputs, a split gives it nothing while it waits at another
 * of its outputs: then it is for the node there.
 */
static uint32_t
whom(const struct flow_sampler *sampler, const struct flow_edge *edge,
     bool to_write)
{
	const struct flow_route *route =
		&sampler->state->plan->routes[edge->id];
	const struct flow_node *node = to_write ? edge->head : edge->tail;
	size_t count = to_write ? node->in_count : node->out_count;

	if ((to_write ? route->merge : route->copy) == FLOW_NONE)
		return node->id;
	for (size_t i = 0; i < count; i++) {
		const struct flow_edge *other =
			to_write ? node->in[i] : node->out[i];

		if (waits_elsewhere(sampler, edge, other, to_write))
			return to_write ? other->tail->id : other->head->id;
	}
	return node->id;
}

/* Who waits for whom now. */
static void
list_waiters(struct flow_sampler *sampler)
{
	const struct flow_plan *plan = sampler->state->plan;
	const struct flow_graph *graph = plan->graph;

	for (size_t i = 0; i < graph->node_count; i++)
		sampler->waiters[i] = (struct flow_waiter){
			.there = true,
			.for_whom = FLOW_NONE,
		};
	for (size_t i = 0; i < sampler->line.node_count; i++) {
		const struct flow_node_sight *node = &sampler->nodes[i];
		uint32_t id = plan->processes[sampler->process_of[i]].node->id;
		struct flow_waiter *waiter = &sampler->waiters[id];

		waiter->process = true;
		waiter->there = node->doing != FLOW_DOES_ENDED &&
				node->doing != FLOW_DOES_NOTHING_YET;
		if (node->doing == FLOW_DOES_READING ||
		    node->doing == FLOW_DOES_WRITING)
			waiter->for_whom =
				whom(sampler, graph->edges[node->edge],
				     node->doing == FLOW_DOES_WRITING);
	}
}

static void
add_up(struct flow_sampler *sampler, struct tally *tally, double seconds,
       const double *cpu)
{
	const struct flow_plan *plan = sampler->state->plan;

	tally->time += seconds;
	flow_bottleneck_add(sampler->waiters, plan->graph->node_count, seconds,
			    tally->weights, &tally->node_time);
	for (size_t i = 0; i < sampler->line.node_count; i++) {
		enum flow_does doing = sampler->nodes[i].doing;
		uint32_t id = plan->processes[sampler->process_of[i]].node->id;

		tally->cpu[id] += cpu[i];
		if (doing == FLOW_DOES_SLEEPING)
			tally->slept[id] += seconds;
		if (doing == FLOW_DOES_STOPPED)
			tally->stopped[id] += seconds;
		if (doing != FLOW_DOES_NOTHING_YET && doing != FLOW_DOES_ENDED)
			tally->there[id] += seconds;
	}
}

static void
sum_up(struct flow_sampler *sampler, int64_t passed, const double *cpu)
{
	double seconds = (double)passed / FLOW_SECOND;

	for (size_t i = 0; i < sampler->line.node_count; i++) {
		struct flow_node_sight *node = &sampler->nodes[i];

		if (node->doing == FLOW_DOES_RUNNING)
			node->running += passed;
		if (node->doing == FLOW_DOES_READING)
			node->waited_in += passed;
		if (node->doing == FLOW_DOES_WRITING)
			node->waited_out += passed;
	}
	list_waiters(sampler);
	add_up(sampler, &sampler->whole, seconds, cpu);
	add_up(sampler, &sampler->recent, seconds, cpu);
}

static uint32_t
find_bottleneck(const struct flow_sampler *sampler, const struct tally *tally,
		char *buffer, size_t size)
{
	const struct flow_graph *graph = sampler->state->plan->graph;
	uint32_t id = flow_bottleneck_find(tally->weights, graph->node_count,
					   tally->node_time);
	struct flow_bottleneck_facts facts = { 0 };
	const struct flow_node *node;

	*buffer = '\0';
	if (id == FLOW_NONE)
		return id;
	node = graph->nodes[id];
	facts.process = node->kind == FLOW_NODE_PROCESS;
	if (tally->there[id] > 0) {
		facts.cpu = tally->cpu[id] / tally->there[id];
		facts.slept = tally->slept[id] / tally->there[id];
		facts.stopped = tally->stopped[id] / tally->there[id];
	}
	for (size_t i = 0; i < node->in_count; i++)
		facts.input_full |= tally->writers[node->in[i]->id] >=
				    NOTABLE * tally->time;
	for (size_t i = 0; i < node->out_count; i++)
		facts.output_empty |= tally->readers[node->out[i]->id] >=
				      NOTABLE * tally->time;
	flow_bottleneck_reason(&facts, buffer, size);
	return id;
}

static void
show(struct flow_sampler *sampler, bool over)
{
	struct flow_board *board = sampler->board;
	uint32_t sequence;

	if (!board)
		return;
	sequence = atomic_load_explicit(&board->sequence, memory_order_relaxed);
	atomic_store_explicit(&board->sequence, sequence + 1,
			      memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
	board->over = over;
	board->at = sampler->looked;
	board->bottleneck = find_bottleneck(
		sampler, over ? &sampler->whole : &sampler->recent,
		board->reason, sizeof(board->reason));
	memcpy(flow_board_nodes(board), sampler->nodes,
	       board->node_count * sizeof(*sampler->nodes));
	memcpy(flow_board_edges(board), sampler->edges,
	       board->edge_count * sizeof(*sampler->edges));
	atomic_store_explicit(&board->sequence, sequence + 2,
			      memory_order_release);
}

static int64_t
processor_time(void)
{
	struct timespec time;

	if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time) < 0)
		return 0;
	return time.tv_sec * FLOW_SECOND + time.tv_nsec;
}

int64_t
flow_sampler_next(const struct flow_sampler *sampler)
{
	return sampler ? sampler->due : INT64_MAX;
}

void
flow_sampler_look(struct flow_sampler *sampler, int64_t now)
{
	int64_t passed, began, cost;
	double *cpu;

	if (!sampler || now < sampler->due)
		return;
	began = processor_time();
	now -= sampler->state->started;
	passed = now - sampler->looked;
	sampler->looked = now;
	cpu = flow_memory_zeroed(sampler->line.node_count, sizeof(*cpu));
	look_at_nodes(sampler, cpu);
	fade(&sampler->recent, sampler->state->plan->graph,
	     1 / (1 + (double)passed / FLOW_SECOND / RECENT_SECONDS));
	sum_up(sampler, passed, cpu);
	look_at_edges(sampler, passed);
	free(cpu);
	show(sampler, false);
	if (sampler->line_wanted && flow_timeline_due(&sampler->line, now))
		flow_timeline_add(&sampler->line, now, sampler->nodes,
				  sampler->edges);
	sampler->gap =
		sampler->line_wanted ? sampler->line.interval : GAP_BOARD;
	if (sampler->board && sampler->gap > GAP_BOARD)
		sampler->gap = GAP_BOARD;
	if (sampler->gap > GAP_MOST)
		sampler->gap = GAP_MOST;
	cost = COST_PART * (processor_time() - began);
	if (sampler->gap < cost)
		sampler->gap = cost;
	now = flow_now() - sampler->state->started;
	sampler->due = sampler->state->started +
		       (now / sampler->gap + 1) * sampler->gap;
}

/* Can the counts of process INDEX be those of an edge? */
static bool
may_count(const struct flow_sampler *sampler, uint32_t index)
{
	const struct flow_process *process =
		&sampler->state->plan->processes[index];

	return process->kind == FLOW_PROCESS_COMMAND &&
	       (process->node->in_count == 1 || process->node->out_count == 1);
}

void
flow_sampler_note_start(struct flow_sampler *sampler, uint32_t index)
{
	struct watched *watched;
	char path[64];

	if (!sampler || !sampler->descriptors || !may_count(sampler, index))
		return;
	watched = &sampler->watched[index];
	follow(sampler, index);
	snprintf(path, sizeof(path), "%d/io",
		 (int)sampler->state->processes[index].pid);
	watched->io = openat(sampler->proc, path, O_RDONLY | O_CLOEXEC);
	sampler->descriptors -= watched->io >= 0;
}

void
flow_sampler_note_end(struct flow_sampler *sampler, uint32_t index)
{
	struct flow_task task;

	if (!sampler || index == FLOW_NONE ||
	    sampler->watched[index].node == SIZE_MAX)
		return;
	follow(sampler, index);
	count_bytes_of(sampler, index);
	if (sampler->watched[index].io >= 0) {
		close(sampler->watched[index].io);
		sampler->watched[index].io = -1;
		sampler->descriptors++;
	}
	if (flow_task_read(sampler->proc, sampler->state->processes[index].pid,
			   &task) < 0)
		return;
	sampler->watched[index].parent |= task.dead_children;
	sampler->watched[index].now.cpu = task.cpu;
}

void
flow_sampler_note_told(struct flow_sampler *sampler, uint32_t index,
		       size_t bytes)
{
	if (sampler)
		sampler->watched[index].told += (int64_t)bytes;
}

void
flow_sampler_finish(struct flow_sampler *sampler)
{
	const struct flow_state *state = sampler->state;
	const struct flow_graph *graph = state->plan->graph;
	double *cpu =
		flow_memory_zeroed(sampler->line.node_count, sizeof(*cpu));

	sampler->looked = state->ended - state->started;
	look_at_nodes(sampler, cpu);
	free(cpu);
	for (size_t i = 0; i < graph->edge_count; i++) {
		uint32_t pipe = state->plan->routes[i].pipe;

		count_edge(sampler, graph->edges[i], true);
		if (pipe == FLOW_NONE)
			continue;
		sampler->edges[i].waiting = 0; /* the pipe has gone */
		if (!sampler->edges[i].capacity)
			sampler->edges[i].capacity =
				state->pipes[pipe].capacity;
	}
	show(sampler, true);
	if (sampler->line_wanted)
		flow_timeline_add(&sampler->line, sampler->looked,
				  sampler->nodes, sampler->edges);
	sampler->due = INT64_MAX;
}

const struct flow_node_sight *
flow_sampler_nodes(const struct flow_sampler *sampler)
{
	return sampler->nodes;
}

const struct flow_edge_sight *
flow_sampler_edges(const struct flow_sampler *sampler)
{
	return sampler->edges;
}

const struct flow_timeline *
flow_sampler_line(const struct flow_sampler *sampler)
{
	return &sampler->line;
}

uint32_t
flow_sampler_bottleneck(const struct flow_sampler *sampler, char *buffer,
			size_t size)
{
	return find_bottleneck(sampler, &sampler->whole, buffer, size);
}
