/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sight: the words for what is seen of a run, and the board it is shown on. */
#include "config.h"

#include <sched.h>
#include <string.h>
#include <sys/mman.h>

#include "sight.h"

enum { READ_TRIES = 1000 };

size_t
flow_sight_nodes(const struct flow_plan *plan)
{
	size_t count = 0;

	for (size_t i = 0; i < plan->process_count; i++)
		count += flow_process_is_node(&plan->processes[i]);
	return count;
}

const char *
flow_sight_word(enum flow_does doing)
{
	static const char *const words[] = {
		[FLOW_DOES_NOTHING_YET] = "not started",
		[FLOW_DOES_RUNNING] = "running",
		[FLOW_DOES_READING] = "reading",
		[FLOW_DOES_WRITING] = "writing",
		[FLOW_DOES_SLEEPING] = "sleeping",
		[FLOW_DOES_STOPPED] = "stopped",
		[FLOW_DOES_ENDED] = "ended",
	};

	return words[doing];
}

static size_t
board_size(size_t nodes, size_t edges)
{
	return sizeof(struct flow_board) +
	       nodes * sizeof(struct flow_node_sight) +
	       edges * sizeof(struct flow_edge_sight);
}

struct flow_board *
flow_board_make(const struct flow_plan *plan)
{
	size_t nodes = flow_sight_nodes(plan), edges = plan->graph->edge_count;
	struct flow_board *board =
		mmap(NULL, board_size(nodes, edges), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (board == MAP_FAILED)
		return NULL;
	board->node_count = nodes;
	board->edge_count = edges;
	board->bottleneck = FLOW_NONE;
	for (size_t i = 0; i < nodes; i++)
		flow_board_nodes(board)[i].edge = FLOW_NONE;
	for (size_t i = 0; i < edges; i++)
		flow_board_edges(board)[i].bytes =
			flow_board_edges(board)[i].waiting = -1;
	return board;
}

size_t
flow_board_size(const struct flow_board *board)
{
	return board_size(board->node_count, board->edge_count);
}

struct flow_node_sight *
flow_board_nodes(struct flow_board *board)
{
	return (void *)board->rest;
}

struct flow_edge_sight *
flow_board_edges(struct flow_board *board)
{
	return (void *)(flow_board_nodes(board) + board->node_count);
}

bool
flow_board_read(const struct flow_board *board, struct flow_board *copy)
{
	size_t head = offsetof(struct flow_board, over);

	for (int tries = 0; tries < READ_TRIES; tries++) {
		uint32_t before = atomic_load_explicit(&board->sequence,
						       memory_order_acquire);

		if (before % 2 == 0) {
			memcpy((char *)copy + head, (const char *)board + head,
			       flow_board_size(board) - head);
			atomic_thread_fence(memory_order_acquire);
			if (atomic_load_explicit(&board->sequence,
						 memory_order_relaxed) ==
			    before)
				return true;
		}
		sched_yield();
	}
	return false;
}
