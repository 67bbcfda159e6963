/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * plan: a checked graph lowered to what the system knows: pipes and files to
 * make, processes to start, and which descriptor of whom each end becomes.
 * Pure: it looks at nothing but the graph and the shape of standard input.
 *
 *	a -> b		a:1 ==pipe==> b:0
 *	a -> {b c}	a:1 ==pipe==> copy ==pipe==> b:0
 *				           ==pipe==> c:0
 *	{a b} -> c	a:1 ==pipe==> merge ==pipe==> c:0
 *			b:1 ==pipe==>
 *
 * Edges to and from files, stdin, stdout and stderr have no pipe: the process
 * (or relay) at the other end holds the object itself.
 */
#ifndef FLOW_PLAN_H
#define FLOW_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "graph.h"

/*
 * Bytes of a pipe where nothing else is said: measured 1.2 to 1.6 times as fast
 * as the kernel's 64 KiB; 1 MiB is no better, for it outgrows the cache.
 */
#define FLOW_PLAN_CAPACITY (256 << 10)

/* On both sides of a node with replicas, which takes and gives great steps. */
#define FLOW_PLAN_CAPACITY_WIDE (1 << 20)

/* Files of split=key that are open at once where nothing else is said. */
#define FLOW_PLAN_FILES 256

#define FLOW_NONE UINT32_MAX /* no process, no pipe */

enum flow_pipe_kind {
	FLOW_PIPE_ANONYMOUS,
	FLOW_PIPE_FIFO, /* has a name, for a named port with via=fifo */
};

struct flow_pipe {
	enum flow_pipe_kind kind;
	uint64_t capacity; /* bytes wanted; 0: the kernel's default */
	bool capacity_written; /* a refused capacity is an error */
	struct flow_edge
		*edge; /* that it carries; NULL: a part that several share */
	const char *from, *to; /* "a:1", "b:0": for messages */
	uint32_t writer, reader; /* processes */
	bool path_write,
		path_read; /* FIFO: that end is opened by name, by the process */
	bool hold; /* eof=exit: the guardian holds the write end too */
	bool probe; /* epipe=ok: so it does, until it has judged the writer */
};

enum flow_file_mode {
	FLOW_FILE_READ,
	FLOW_FILE_COMMIT, /* appears when whole */
	FLOW_FILE_APPEND, /* collected aside, appended when whole */
	FLOW_FILE_LIVE, /* written in place */
	FLOW_FILE_LIVE_APPEND,
};

struct flow_planned_file {
	enum flow_file_mode mode;
	const char *path;
	struct flow_node *node; /* NULL: the file of --output */
	unsigned line;
	uint32_t process; /* that holds it */
	bool keyed; /* of split=key: a file for each key that takes {key}'s place */
};

enum flow_thing {
	FLOW_THING_NULL, /* /dev/null */
	FLOW_THING_STANDARD, /* mkfifo-graph's own descriptor INDEX */
	FLOW_THING_STDIN_AGAIN, /* its standard input, a regular file, opened afresh */
	FLOW_THING_PIPE_READ, /* read end of pipe INDEX */
	FLOW_THING_PIPE_WRITE,
	FLOW_THING_FILE, /* file INDEX */
	FLOW_THING_DEALS_READ, /* of pipe INDEX, which carries struct flow_deal */
	FLOW_THING_DEALS_WRITE,
};

/* One descriptor of a process. */
struct flow_place {
	int fd; /* its number there; -1: a relay's (any), or a path only */
	const char *variable; /* of a named port, gets the path; else NULL */
	enum flow_thing thing;
	uint32_t index;
	struct flow_edge *edge; /* that it serves; NULL: several, or none */
};

enum flow_process_kind {
	FLOW_PROCESS_COMMAND,
	FLOW_PROCESS_COPY,
	FLOW_PROCESS_MERGE,
	FLOW_PROCESS_TAG, /* a merge of the nodes' standard errors */
	FLOW_PROCESS_SPLIT, /* shares records out to its outputs */
	FLOW_PROCESS_KEY, /* shares records out to files */
	FLOW_PROCESS_FARM, /* stands for a node with replicas=, and runs them */
};

/* What a relay's output is, beside its place. */
struct flow_branch {
	unsigned from; /* index of the input that it copies */
	bool elastic;
	uint64_t spill;
};

struct flow_process {
	enum flow_process_kind kind;
	const char *name; /* the node's, or "copy of a", "merge into b" */
	struct flow_node *
		node; /* the node itself; of a relay the one it serves, or NULL */
	struct flow_place *places;
	size_t place_count;
	/* relays: the first input_count places are inputs, the others outputs */
	size_t input_count;
	struct flow_branch *branches; /* one an output */
	enum flow_split split;
	enum flow_slow slow;
	uint64_t header;
	enum flow_merge merge;
	struct flow_keys keys;
	struct flow_record record;
	struct flow_record
		out_record; /* FLOW_PROCESS_FARM: of what it puts out */
	unsigned files_most; /* FLOW_PROCESS_KEY: open at once */
	int rank; /* none that feeds it has a higher one, cycles aside */
};

/* Which end of pipe INDEX PLACE is: 0 the read end, 1 the write end; -1: of none. */
static inline int
flow_place_end(const struct flow_place *place)
{
	switch (place->thing) {
	case FLOW_THING_PIPE_READ:
	case FLOW_THING_DEALS_READ:
		return 0;
	case FLOW_THING_PIPE_WRITE:
	case FLOW_THING_DEALS_WRITE:
		return 1;
	default:
		return -1;
	}
}

/* Does PROCESS stand for a node, as its command or as what runs its replicas? */
static inline bool
flow_process_is_node(const struct flow_process *process)
{
	return process->kind == FLOW_PROCESS_COMMAND ||
	       process->kind == FLOW_PROCESS_FARM;
}

/* May PROCESS be started again, so that its descriptors are held for it? */
static inline bool
flow_process_restarts(const struct flow_process *process)
{
	return process->kind == FLOW_PROCESS_COMMAND &&
	       process->node->restart != FLOW_RESTART_NO;
}

/* Who carries an edge: processes and pipe, each FLOW_NONE where there is none. */
struct flow_route {
	uint32_t source; /* the tail's own process */
	uint32_t copy; /* the relay after it: a copy or a split */
	uint32_t pipe; /* the pipe of this edge alone */
	uint32_t merge; /* the relay before the head */
	uint32_t merged; /* the pipe after that relay */
	uint32_t sink; /* the head's own process */
	uint32_t file; /* that the head became */
};

/* The pipe that the head reads, for an edge with this route. */
static inline uint32_t
flow_route_last_pipe(const struct flow_route *route)
{
	return route->merge != FLOW_NONE ? route->merged : route->pipe;
}

/* The process that takes the edge's bytes: the merge relay, else the head. */
static inline uint32_t
flow_route_reader(const struct flow_route *route)
{
	return route->merge != FLOW_NONE ? route->merge : route->sink;
}

struct flow_plan {
	struct flow_graph *graph;
	struct flow_route *routes; /* one an edge of the graph */
	struct flow_process *processes; /* in the order they are started */
	size_t process_count;
	struct flow_pipe *pipes;
	size_t pipe_count;
	struct flow_planned_file *files;
	size_t file_count;
	bool tag;
	bool cyclic; /* some edge is back=true */
	bool fifos; /* some pipe has a name */
	bool restarts; /* some process may be started again */
};

struct flow_plan_options {
	const char *output; /* file that stands for standard output, or NULL */
	bool tag; /* prefix the nodes' standard error with their names */
	bool stdin_regular; /* standard input is a regular file that can be opened again */
	uint64_t
		pipe_budget; /* bytes of capacity beyond the kernel's that a run may ask for */
};

/* Lowers GRAPH (borrowed, outlives the plan). Aborts when out of memory. */
struct flow_plan *flow_plan_make(struct flow_graph *graph,
				 const struct flow_plan_options *options);
void flow_plan_free(struct flow_plan *plan);

/* Is PLACE something that its process reads, and that can end? */
bool flow_place_is_input(const struct flow_plan *plan,
			 const struct flow_place *place);

/*
 * The most descriptors that are open at once while the processes are started
 * in order, and the most that one relay needs: the limit must allow both.
 */
size_t flow_plan_descriptors(const struct flow_plan *plan);

#endif
