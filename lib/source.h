/* SPDX-License-Identifier: GPL-3.0-or-later */
/* source: one input of a copying relay, and the rounds that share it out. */
#ifndef FLOW_SOURCE_H
#define FLOW_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "branch.h"
#include "move.h"
#include "relay-inside.h"

struct flow_source {
	const struct flow_relay *relay;
	struct flow_relay_input *input;
	struct flow_branch **branches; /* those that are open */
	size_t branch_count;
	int pipe; /* what is shared out: the input, or the pump's pipe; -1 when over */
	uint64_t capacity; /* of the pipe, in bytes */
	int scratch[2]; /* carries what is to be held; -1: not needed */
	uint64_t scratch_size; /* bytes */
	bool ready; /* the pipe may have data */
	bool hung_up; /* nobody writes any more, but there was data yet */
	bool ended; /* the pipe is at its end */

	/* an input that is no pipe is pumped into one */
	bool pumped;
	int pump_end; /* the write end; -1 when the input has ended */
	size_t pump_filled; /* bytes in the pump's pipe */
	bool pump_ready; /* the input may have data */
	struct flow_move pump;
};

/* Takes INPUT's descriptor; *CAPACITY: what a stage should have. 0, or -1 with errno. */
int flow_source_open(struct flow_source *source, const struct flow_relay *relay,
		     struct flow_relay_input *input, uint64_t *capacity);

/* Shares out what is there, as far as all branches have room. The bytes, or -1 after a note. */
ssize_t flow_source_advance(struct flow_source *source);

/* The one branch that is fed straight from the source, or NULL. */
struct flow_branch *flow_source_direct(const struct flow_source *source);

/* What the slowest branch can be given. */
size_t flow_source_room(const struct flow_source *source);

/* Drops the branches that are over, and the input when none is left; true if any. */
bool flow_source_prune(struct flow_source *source);

void flow_source_close(struct flow_source *source);

#endif
