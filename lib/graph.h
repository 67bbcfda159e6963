/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * graph: the graph language as data. Read from DOT by libcgraph; no system
 * calls but reading. See mkfifo-graph(5).
 */
#ifndef FLOW_GRAPH_H
#define FLOW_GRAPH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "error.h"
#include "policy.h"
#include "record.h"

enum flow_node_kind {
	FLOW_NODE_PROCESS,
	FLOW_NODE_FILE,
	FLOW_NODE_STDIN,
	FLOW_NODE_STDOUT,
	FLOW_NODE_STDERR,
};

enum flow_commit {
	FLOW_COMMIT_RENAME, /* appears when whole (default) */
	FLOW_COMMIT_NO, /* written in place, live */
};

enum flow_via { FLOW_VIA_PIPE, FLOW_VIA_FIFO };
enum flow_restart {
	FLOW_RESTART_NO,
	FLOW_RESTART_ON_FAILURE,
	FLOW_RESTART_ALWAYS
};

/* One end of an edge: a descriptor, or a named port whose variable holds a path. */
struct flow_port {
	int fd; /* >= 0; -1 for a named port */
	const char *name; /* of a named port, else NULL */
};

/* A graph that is a node of another: what its file says of all that is in it. */
struct flow_inner {
	struct flow_inner *next; /* in order, outer ones before inner ones */
	struct flow_inner
		*outer; /* that it is a node of; NULL: the run's graph */
	const char *name; /* of the node, with those around it: "a/b" */
	const char *source; /* FILE, relative to the current folder */
	unsigned line; /* of the node, in the outer file */
	const char *written_args; /* args= of the node, not yet expanded */
	char **args; /* set by check: $1..., NULL-terminated */
	bool args_wrong; /* set by check: they do not fit, which was said */
	const char *usage; /* args= of the inner graph, or NULL */
	const char *default_shell; /* its shell=, or NULL */
	bool names_declared; /* its names=declared */
};

struct flow_edge {
	unsigned
		id; /* index in graph.edges: the order of creation, implicit ones last */
	unsigned line; /* where it was written; 0 for an implicit one */
	struct flow_inner
		*inner; /* whose file that is; NULL: the run's graph */
	struct flow_node *tail, *head;
	struct flow_port out,
		in; /* out: of the tail; in: of the head. fd 1 / 0 on objects */
	enum flow_via via;
	enum flow_split split;
	enum flow_merge merge;
	struct flow_record record; /* of its in-port */
	struct flow_record out_record; /* of its out-port */
	struct flow_record
		written_record; /* as read: check gives it to the ports */
	enum flow_slow slow;
	struct flow_keys written_keys; /* as read */
	struct flow_keys keys; /* of its in-port: merge=sorted */
	struct flow_keys out_keys; /* of its out-port: split=hash, split=key */
	uint64_t header; /* records that go to every branch of the split */
	unsigned
		max_open; /* files of split=key that are open at once; 0: the default */
	uint64_t capacity; /* bytes; 0: the default */
	uint64_t spill; /* bytes an elastic edge may hold beyond its pipe */
	bool split_written, merge_written, record_written, slow_written,
		by_written, delim_written, numeric_written, reverse_written,
		header_written; /* set by the reader: on */
	/* the edge or by an edge default, so not the built-in value */
	long nth; /* place among the edges of its in-port; LONG_MAX: none written */
	bool back; /* closes a cycle */
	bool eof_exit; /* eof=exit */
	bool implicit; /* descriptor 1 to stdout, or err= : nobody wrote the edge */
	bool elastic; /* set by check: reconverges, so its relay may spill */
	struct flow_edge *
		dealt; /* set by check, merge=ordered: the edge of the split that this continues */
};

struct flow_node {
	unsigned id; /* index in graph.nodes */
	const char *name;
	enum flow_node_kind kind;
	unsigned line; /* first named here */
	struct flow_inner *inner; /* that it is of, its lines too; or NULL */
	bool declared; /* set by the reader: has a node statement of its own */
	struct flow_edge **in,
		**out; /* in order of creation (in: of nth, then creation) */
	size_t in_count, out_count;

	/* objects */
	const char *file; /* PATH, expanded; NULL when not a file */
	bool append;
	enum flow_commit commit;
	int merge; /* policy written on the object itself for its in-port, or -1 */

	/* processes */
	const char *
		command; /* the text that sh -c gets (cmd=, script=, or the name) */
	bool has_command; /* cmd= or script= was written */
	const char *path; /* set by check: what to execve(2) */
	char **argv; /* set by check: NULL-terminated, shell and stdbuf included */
	bool shell; /* set by check: argv is a shell that gets the command, so 141 means SIGPIPE */
	const char *
		script; /* FILE of script=, or NULL; check reads it into command */
	const char *written_shell; /* shell= of the node, or NULL */
	const char *written_env; /* env=, not yet expanded, or NULL */
	const char *written_timeout; /* timeout=, not yet expanded, or NULL */
	bool buffer_line; /* buffer=line: argv is wrapped in stdbuf -oL */
	const char *cwd; /* or NULL; check expands it, as it does file */
	char **environment; /* NULL-terminated "NAME=VALUE", never NULL */
	unsigned char ok
		[32]; /* bit set of statuses that count as success; bit 0 set by default */
	bool epipe_ok;
	int64_t timeout; /* nanoseconds; 0: none */
	int nice; /* added niceness */
	const char *written_replicas; /* replicas=, not yet expanded, or NULL */
	unsigned
		replicas; /* set by check: processes at a time; 0: no replicas= */
	enum flow_order order;
	enum flow_restart restart;
	long retries; /* how often it is started again; -1: not written */
	int64_t backoff; /* nanoseconds before the first time; -1: not written */
	const char *graph_file; /* graph=FILE: not a process but that graph */
	const char *graph_args; /* its arguments, as written, or NULL */
	const char *err; /* name of the node that gets descriptor 2, or NULL */
};

struct flow_graph {
	const char *source; /* file name, or "-e" */
	const char *name; /* of the digraph, or "" */
	struct flow_node **nodes; /* in order of creation */
	size_t node_count;
	struct flow_edge **edges;
	size_t edge_count;
	bool commit_all; /* graph [commit=all] */
	bool stop_drain; /* graph [stop=drain] */
	bool names_declared; /* graph [names=declared] */
	const char *args; /* graph [args="FILE [TOP]"], or NULL */
	const char *default_shell; /* graph [shell=...], or NULL */
	int default_merge; /* edge [merge=...] at the top, for implicit edges, or -1 */
	struct flow_inner *inners; /* graphs that are nodes, or NULL */
	void *agraph; /* libcgraph's own, for --dot; owned */
	void *arena; /* all strings and structs above; owned */
};

/* -D NAME=VALUE, --cmd NAME=COMMAND and the graph's arguments. All borrowed. */
struct flow_values {
	char *const *defines; /* "NAME=VALUE", NULL-terminated; never NULL */
	char *const *commands; /* "NAME=COMMAND", NULL-terminated; never NULL */
	char *const *args; /* $1..., NULL-terminated; never NULL */
	const char *program; /* for the usage line */
	bool names_only; /* --make: nodes need not be commands */
};

/*
 * Reads one graph from STREAM (borrowed), SOURCE being its name in messages.
 * With EXPRESSION, "digraph { }" may be left out. Everything wrong is added to
 * MESSAGES: syntax, kinds of graph, unknown attributes and bad values, with
 * lines. Returns the graph (also when there were semantic errors, so that
 * check can report more), or NULL when nothing could be read.
 */
struct flow_graph *flow_graph_read(FILE *stream, const char *source,
				   bool expression,
				   struct flow_messages *messages);
void flow_graph_free(struct flow_graph *graph);

/* Memory that lives as long as GRAPH; aborts when there is none. */
void *flow_graph_alloc(struct flow_graph *graph, size_t bytes);
char *flow_graph_strdup(struct flow_graph *graph, const char *text);
char *flow_graph_printf(struct flow_graph *graph, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Adds an edge that nobody wrote; for check. */
struct flow_edge *flow_graph_add_edge(struct flow_graph *graph,
				      struct flow_node *tail, int out,
				      struct flow_node *head, int in);
/* The node of that name, or NULL. */
struct flow_node *flow_graph_node(const struct flow_graph *graph,
				  const char *name);
/* stdin, stdout or stderr, made when the file did not name it. */
struct flow_node *flow_graph_standard(struct flow_graph *graph,
				      enum flow_node_kind kind);

/* "out", "2" or the port's name into BUFFER: for messages. Returns BUFFER. */
const char *flow_port_name(const struct flow_port *port, char *buffer,
			   size_t size);
bool flow_port_same(const struct flow_port *a, const struct flow_port *b);

#endif
