/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * block: what the processes of one look wait for, and the greatest set of them
 * that wait for each other only. Internal to stuck.
 */
#ifndef FLOW_BLOCK_H
#define FLOW_BLOCK_H

#include <stdbool.h>
#include <stddef.h>

#include "look.h"

enum flow_block_kind {
	FLOW_BLOCK_OTHER, /* runs, or waits for what we cannot judge */
	FLOW_BLOCK_NEUTRAL, /* ended, or waits for a thread of its own process */
	FLOW_BLOCK_READ, /* for bytes in pipe */
	FLOW_BLOCK_WRITE, /* for room in pipe */
	FLOW_BLOCK_EITHER, /* splices: for bytes in pipe or room in target */
	FLOW_BLOCK_CHILDREN, /* for a child to end */
};

struct flow_block {
	enum flow_block_kind kind;
	int pipe, fd; /* of look->pipes, and the descriptor it is held by */
	int target, target_fd; /* EITHER: where the bytes go */
};

struct flow_blocks_process {
	size_t wait, waits; /* its part of waits; none: not a candidate */
	bool member; /* of the set */
	bool locks; /* may sleep with a pipe locked: do not touch its pipes */
};

struct flow_holder {
	size_t process; /* index in look->processes */
	bool reads, writes;
};

struct flow_blocks {
	const struct flow_stuck *stuck;
	const struct flow_stuck_look *look;
	struct flow_blocks_process *of; /* as many as look->processes */
	struct flow_block *waits;
	size_t wait_count, wait_room;
	struct flow_holder *holders; /* of pipe N: [first[N], first[N + 1]) */
	size_t *first;
};

/* What one thread waits for; the result's kind is never anything to free. */
struct flow_block flow_block_of(const struct flow_stuck_look *look,
				const struct flow_look_process *process,
				const struct flow_look_thread *thread);

/* Is PROCESS a relay of the run that sleeps until a pipe of its is ready? */
bool flow_block_polls(const struct flow_stuck *stuck,
		      const struct flow_stuck_look *look,
		      const struct flow_look_process *process);

/* All waits of LOOK, every candidate a member. 0, or -1 with ENOMEM. */
int flow_blocks_open(struct flow_blocks *waits, const struct flow_stuck *stuck,
		     const struct flow_stuck_look *look);
void flow_blocks_close(struct flow_blocks *waits);

/*
 * Drops members until all that are left wait for members only (the greatest
 * fixed point). Returns how many are left.
 */
size_t flow_blocks_settle(struct flow_blocks *waits);

/*
 * Bytes in the pipe that process INDEX has at descriptor FD, or -1 when it
 * cannot be asked without disturbing somebody.
 */
long flow_blocks_fill(const struct flow_blocks *waits, size_t index, int pipe,
		      int fd);

#endif
