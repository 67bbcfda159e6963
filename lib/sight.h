/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sight: what can be seen of a run at one time; the words that sampler, time
 * line, table and report share. Nodes are the processes of the plan that stand
 * for nodes, in its order; edges are those of the graph, in its order.
 */
#ifndef FLOW_SIGHT_H
#define FLOW_SIGHT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "plan.h"

enum flow_does {
	FLOW_DOES_NOTHING_YET, /* not started */
	FLOW_DOES_RUNNING, /* a thread of it runs, is ready to, or waits for a disk */
	FLOW_DOES_READING, /* waits for input from an edge */
	FLOW_DOES_WRITING, /* waits for room in an edge */
	FLOW_DOES_SLEEPING, /* waits for something that is no edge, or unknown */
	FLOW_DOES_STOPPED, /* by a signal */
	FLOW_DOES_ENDED,
};

/* Where the count of an edge's bytes comes from. */
enum flow_bytes_from {
	FLOW_BYTES_UNKNOWN,
	FLOW_BYTES_RELAY, /* a relay at one end counted them: exact */
	FLOW_BYTES_FILE, /* size or offset of the file at one end */
	FLOW_BYTES_WRITER, /* all that the writer, which has no other edge, wrote */
	FLOW_BYTES_READER, /* all that the reader, which has no other edge, read: its own start included */
};

/* One node; a node is its process and all that this has started. */
struct flow_node_sight {
	enum flow_does doing;
	uint32_t edge; /* READING, WRITING: which; else FLOW_NONE */
	int64_t cpu; /* processor time used so far, nanoseconds */
	uint64_t memory; /* resident bytes now */
	/* how long it was seen so, nanoseconds */
	int64_t running, waited_in, waited_out;
};

struct flow_edge_sight {
	int64_t bytes; /* so far; -1: unknown */
	enum flow_bytes_from from;
	int64_t waiting; /* bytes in its pipe now; -1: unknown, or no pipe */
	uint64_t capacity; /* of its pipe, bytes; 0: no pipe, or unknown */
	/* how long its reader was seen to wait for bytes, its writer for room */
	int64_t reader_waited, writer_waited;
};

/*
 * The newest sight, in memory that the guardian shares with the process that
 * shows it. Odd SEQUENCE: it is being written.
 */
struct flow_board {
	_Atomic uint32_t sequence;
	bool over; /* the run has ended */
	int64_t at; /* nanoseconds since the run began */
	uint32_t bottleneck; /* id of a node of the graph, or FLOW_NONE */
	char reason[192]; /* why that one */
	size_t node_count, edge_count;
	/* node_count of struct flow_node_sight, edge_count of struct flow_edge_sight */
	char rest[] __attribute__((aligned(8)));
};

/* How many processes of PLAN stand for nodes. */
size_t flow_sight_nodes(const struct flow_plan *plan);

/* "running", "reading", ... as in the report. */
const char *flow_sight_word(enum flow_does doing);

/* Shared memory for PLAN, all zero; lives as long as the processes do. NULL with errno. */
struct flow_board *flow_board_make(const struct flow_plan *plan);
struct flow_node_sight *flow_board_nodes(struct flow_board *board);
struct flow_edge_sight *flow_board_edges(struct flow_board *board);
size_t flow_board_size(const struct flow_board *board);

/*
 * Copies BOARD to COPY, which is as large, when nobody writes it. False when
 * somebody seems to have died while writing.
 */
bool flow_board_read(const struct flow_board *board, struct flow_board *copy);

#endif
