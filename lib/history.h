/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * history: a report of a run read back, checked, and laid over its graph. What
 * is in a report is listed in mkfifo-graph(1); whoever wrote this one may have
 * meant harm, and what it lacks is unknown, not wrong.
 */
#ifndef FLOW_HISTORY_H
#define FLOW_HISTORY_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "graph.h"

#define FLOW_HISTORY_NONE UINT32_MAX /* no process, no edge */

/*
 * As fmax(3) and fmin(3), and a second of at least 0 in whole microseconds; not
 * theirs, for to load libm would be a 25th of what starting mkfifo-graph takes.
 */
static inline double
flow_larger(double a, double b)
{
	return a > b || b != b ? a : b;
}

static inline double
flow_smaller(double a, double b)
{
	return a < b || b != b ? a : b;
}

static inline long long
flow_microseconds(double seconds)
{
	return (long long)(seconds * 1e6 + 0.5);
}

/* What a process was at, in one sample. */
enum flow_doing {
	FLOW_DOING_NOTHING, /* not started, ended, or a word we do not know */
	FLOW_DOING_RUNNING,
	FLOW_DOING_READING, /* waits for input */
	FLOW_DOING_WRITING, /* waits for room in an output */
	FLOW_DOING_SLEEPING, /* for something else */
	FLOW_DOING_STOPPED,
};

/* Times are seconds, NAN where unknown; numbers are -1 where unknown. */
struct flow_past_process {
	const char *name;
	const char *command; /* NULL: unknown */
	const char *outcome; /* "ok", "failed", ...; NULL: unknown */
	const char *signal; /* "SIGTERM", or NULL */
	const struct flow_node *node; /* NULL: a relay */
	bool failed, ran, timed_out;
	long long line, pid, status, memory; /* bytes, at most */
	double start, wall, user, system;
	double running, waiting_input, waiting_output;
	json_t *json; /* all that the report says of it */
};

struct flow_past_edge {
	const char *from, *out, *to, *in;
	const struct flow_edge *edge;
	uint32_t writer, reader; /* processes; FLOW_HISTORY_NONE: an object */
	bool whole, dashed; /* dashed: it carries signals, not bytes */
	long long line, bytes, capacity, spilled;
	double writer_waited, reader_waited;
};

struct flow_past_file {
	const char *path;
	long long bytes;
	bool written;
};

struct flow_past_sample {
	double time; /* since the start */
	enum flow_doing *doing; /* one a node */
	uint32_t *at; /* one a node: the edge that it waits for, or NONE */
	long long *bytes, *waiting; /* one an edge: so far; in its pipe */
};

struct flow_history {
	json_t *root; /* the report; owned, and so are all texts */
	const char *source; /* what the report is, for messages; borrowed */
	const char *graph; /* its file; NULL: unknown */
	const char *failure; /* the line about it, or NULL */
	const char *ended_by;
	const char *bottleneck, *reason; /* a node, and why; or NULL */
	long long status;
	double wall;
	struct flow_past_process *processes; /* the nodes, then the relays */
	size_t node_count, process_count;
	struct flow_past_edge *edges;
	size_t edge_count;
	struct flow_past_file *files;
	size_t file_count;
	double interval; /* of the samples */
	struct flow_past_sample *samples;
	size_t sample_count;
	void *arena; /* what samples point to; owned */
};

/*
 * Reads the report in TEXT; SOURCE (borrowed for as long as HISTORY) names it
 * in messages. 0, or -1 with ERROR (65), and HISTORY is empty.
 */
int flow_history_read(struct flow_history *history, const char *text,
		      size_t length, const char *source,
		      struct flow_error *error);

/*
 * Finds each node and edge of the history in GRAPH (borrowed for as long), which
 * has been checked. 0, or -1 with ERROR (65) that names what does not fit.
 */
int flow_history_match(struct flow_history *history,
		       const struct flow_graph *graph,
		       struct flow_error *error);

void flow_history_clear(struct flow_history *history);

/* The index of PROCESS's first sample in which it does not do the same as in sample FROM. */
size_t flow_history_same(const struct flow_history *history, size_t process,
			 size_t from);

/* "exit 3", "killed by SIGSEGV", "timed out", "not run", ... into BUFFER; returns it. */
const char *flow_history_end(const struct flow_past_process *process,
			     char *buffer, size_t size);

/* SECONDS as "0.3 ms", "1.2 s", "3 min 20 s" into BUFFER; returns it. */
const char *flow_history_time(double seconds, char *buffer, size_t size);

/* WAITED as a share, 0 to 1, of PROCESS's time; 0 where either is unknown. */
double flow_history_share(const struct flow_history *history, uint32_t process,
			  double waited);

#endif
