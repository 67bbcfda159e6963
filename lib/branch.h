/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * branch: one output of a copying relay, with its stage, a private pipe that
 * a round fills at once however full the output itself is, and, when it is
 * elastic, with what it holds beyond that.
 *
 *	input --tee--> stage ------------splice--> output
 *	          \-> scratch -> spill -> stage, while something is held
 */
#ifndef FLOW_BRANCH_H
#define FLOW_BRANCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "move.h"
#include "relay-inside.h"
#include "spill.h"

enum flow_branch_state {
	FLOW_BRANCH_OPEN,
	FLOW_BRANCH_DELIVERED, /* everything there was; closed */
	FLOW_BRANCH_GONE, /* its reader went before that; closed */
};

struct flow_branch {
	const struct flow_relay *relay;
	struct flow_relay_output *output;
	enum flow_branch_state state;
	int stage[2]; /* or -1 */
	uint64_t stage_size; /* bytes: a page a slot */
	size_t staged; /* bytes in the stage */
	bool ready; /* the output may have room */
	struct flow_move way; /* stage to output */

	/* elastic only */
	struct flow_spill spill;
	uint64_t held; /* bytes in spill */
	uint64_t
		allowed; /* it may hold so many while the grant lasts, else 0 */
	uint64_t grant; /* the size of the next grant */
	uint64_t put; /* bytes put into the output */
	uint64_t reader_at; /* bytes its reader had taken when last looked at */
	int64_t reader_since; /* nanoseconds: when the reader got there */
	bool limit_noted;
};

/*
 * Takes OUTPUT's descriptor. CAPACITY: of the input, for the stage; 0: no
 * stage. 0, or -1 with errno.
 */
int flow_branch_open(struct flow_branch *branch, const struct flow_relay *relay,
		     struct flow_relay_output *output, uint64_t capacity);

/* How many bytes may be given to the branch now; 0 while it has to deliver first. */
size_t flow_branch_room(const struct flow_branch *branch);

/* LENGTH bytes were put into the stage, or lie in the pipe SCRATCH to be held. */
void flow_branch_staged(struct flow_branch *branch, size_t length);
int flow_branch_hold(struct flow_branch *branch, int scratch, size_t length);

/* Would what is given now have to be held rather than staged? */
bool flow_branch_holds(const struct flow_branch *branch);

/*
 * Moves on what there is, as far as there is room. Returns the bytes moved, or
 * -1 after a note. A reader that has gone makes the branch FLOW_BRANCH_GONE.
 */
ssize_t flow_branch_push(struct flow_branch *branch);

void flow_branch_close(struct flow_branch *branch,
		       enum flow_branch_state state);

/* Nothing on its way to the output's reader: that reader may be starving. */
bool flow_branch_is_empty(const struct flow_branch *branch);

/* Nanoseconds for which the reader of a full output has taken nothing at NOW. */
int64_t flow_branch_idle(struct flow_branch *branch, int64_t now);

/* May hold no more, for ever or until the reader moves; noted once. */
bool flow_branch_at_limit(const struct flow_branch *branch);

/* Lets the branch hold more, or notes that the limit has been reached. */
void flow_branch_grant(struct flow_branch *branch, int64_t now);

#endif
