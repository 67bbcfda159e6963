/* SPDX-License-Identifier: GPL-3.0-or-later */
/* branch: one output of a copying relay. */
#include "config.h"

#include <errno.h>
#include <stdint.h>
#include <unistd.h>

#include "branch.h"
#include "io.h"

enum {
	FIRST_GRANT = 1 << 20, /* bytes */
	REFILL = 256 << 10, /* bytes taken from the spill at once */
};

/* Bytes that an elastic branch holds in memory before it makes a file. */
static const uint64_t MEMORY_MOST = 64 << 20;

int
flow_branch_open(struct flow_branch *branch, const struct flow_relay *relay,
		 struct flow_relay_output *output, uint64_t capacity)
{
	*branch = (struct flow_branch){
		.relay = relay,
		.output = output,
		.stage = { -1, -1 },
		.ready = true,
		.grant = FIRST_GRANT,
	};
	flow_spill_init(&branch->spill, relay->spill_directory, MEMORY_MOST);
	if (capacity &&
	    flow_io_pipe(branch->stage, capacity, &branch->stage_size))
		return -1;
	flow_move_init(&branch->way, branch->stage[0], output->fd);
	return 0;
}

bool
flow_branch_holds(const struct flow_branch *branch)
{
	return branch->staged || branch->held;
}

size_t
flow_branch_room(const struct flow_branch *branch)
{
	if (!flow_branch_holds(branch))
		return SIZE_MAX;
	return branch->allowed > branch->held
		       ? (size_t)(branch->allowed - branch->held)
		       : 0;
}

void
flow_branch_staged(struct flow_branch *branch, size_t length)
{
	branch->staged += length;
}

static void
set_held(struct flow_branch *branch)
{
	branch->held = flow_spill_held(&branch->spill);
	flow_relay_spilled(branch->relay, branch->output->pipe, branch->held);
}

/* The note that the spill file failed; -1. */
static int
spill_failed(struct flow_branch *branch)
{
	flow_relay_note(branch->relay, FLOW_NOTE_SPILL, true,
			branch->output->pipe, branch->held);
	return -1;
}

int
flow_branch_hold(struct flow_branch *branch, int scratch, size_t length)
{
	int result = flow_spill_append(&branch->spill, scratch, length);

	set_held(branch);
	return result ? spill_failed(branch) : 0;
}

/* The empty stage takes up what has been held longest. 0, or -1 after a note. */
static int
refill_stage(struct flow_branch *branch)
{
	char data[REFILL];
	size_t most = branch->stage_size < sizeof(data)
			      ? (size_t)branch->stage_size
			      : sizeof(data);
	ssize_t got = flow_spill_take(&branch->spill, data, most);

	if (got < 0 || flow_io_write_all(branch->stage[1], data, (size_t)got))
		return spill_failed(branch);
	branch->staged = (size_t)got;
	set_held(branch);
	if (branch->held == 0) {
		branch->grant = FIRST_GRANT;
		branch->allowed = 0;
	}
	return 0;
}

static int
push_failed(struct flow_branch *branch)
{
	if (errno == EAGAIN) {
		branch->ready = false;
		return 0;
	}
	if (errno == EPIPE || errno == ECONNRESET) {
		flow_branch_close(branch, FLOW_BRANCH_GONE);
		return 0;
	}
	flow_relay_note(branch->relay, FLOW_NOTE_WRITE, true,
			branch->output->pipe, 0);
	return -1;
}

ssize_t
flow_branch_push(struct flow_branch *branch)
{
	ssize_t total = 0;

	while (branch->ready && flow_branch_holds(branch)) {
		ssize_t moved;

		if (branch->staged == 0 && refill_stage(branch))
			return -1;
		moved = flow_move_some(&branch->way, branch->staged);
		if (moved <= 0)
			return push_failed(branch) ? -1 : total;
		branch->staged -= (size_t)moved;
		branch->put += (uint64_t)moved;
		total += moved;
		flow_relay_put(branch->relay, branch->output->pipe,
			       (uint64_t)moved);
		/* The reader moves again: what it was granted is over. */
		branch->allowed = 0;
		branch->reader_since = 0;
		/* What splice left behind did not fit. */
		if (branch->staged && branch->way.to_pipe)
			branch->ready = false;
	}
	return total;
}

void
flow_branch_close(struct flow_branch *branch, enum flow_branch_state state)
{
	branch->state = state;
	for (int end = 0; end < 2; end++) {
		if (branch->stage[end] >= 0)
			close(branch->stage[end]);
		branch->stage[end] = -1;
	}
	flow_spill_close(&branch->spill);
	branch->staged = 0;
	set_held(branch);
	close(branch->output->fd);
	branch->output->fd = -1;
}

bool
flow_branch_is_empty(const struct flow_branch *branch)
{
	return branch->way.to_pipe && !flow_branch_holds(branch) &&
	       flow_move_waiting(branch->output->fd) == 0;
}

int64_t
flow_branch_idle(struct flow_branch *branch, int64_t now)
{
	uint64_t reader_at =
		branch->put - flow_move_waiting(branch->output->fd);

	if (branch->reader_at != reader_at || branch->reader_since == 0) {
		branch->reader_at = reader_at;
		branch->reader_since = now;
	}
	return now - branch->reader_since;
}

bool
flow_branch_at_limit(const struct flow_branch *branch)
{
	return branch->limit_noted && branch->allowed >= branch->output->spill;
}

void
flow_branch_grant(struct flow_branch *branch, int64_t now)
{
	uint64_t most = branch->output->spill;

	/* The next one is due after as long a time as this one was. */
	branch->reader_since = now;
	if (branch->held >= most) {
		branch->allowed = most;
		if (!branch->limit_noted)
			flow_relay_note(branch->relay, FLOW_NOTE_LIMIT, false,
					branch->output->pipe, most);
		branch->limit_noted = true;
		return;
	}
	branch->allowed = most - branch->held > branch->grant
				  ? branch->held + branch->grant
				  : most;
	if (branch->grant <= UINT64_MAX / 2)
		branch->grant *= 2;
}
