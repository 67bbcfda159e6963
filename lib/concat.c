/* SPDX-License-Identifier: GPL-3.0-or-later */
/* concat: the relay of merge=concat: one input after the other, to the byte. */
#include "config.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "move.h"
#include "relay-inside.h"

enum { MOST = 1 << 30 }; /* bytes asked of one system call */

/*
 * Sleeps until the input has something, or the output room when FULL; the
 * output's reader going is heard in either case. Returns 0, or the status to
 * end with.
 */
static int
wait_for(const struct flow_relay *relay, const struct flow_relay_input *input,
	 bool full)
{
	const struct flow_relay_output *output = relay->outputs;
	struct pollfd polled[2] = {
		{ .fd = output->fd, .events = full ? POLLOUT : 0 },
		{ .fd = full ? -1 : input->fd, .events = POLLIN },
	};
	uint32_t pipe = full ? output->pipe : input->pipe;
	enum flow_wait side = full ? FLOW_WAIT_WRITE : FLOW_WAIT_READ;
	int changed;

	do {
		flow_relay_waits(relay, pipe, side, true);
		changed = poll(polled, 2, -1);
		flow_relay_waits(relay, pipe, side, false);
	} while (changed < 0 && errno == EINTR);
	if (changed < 0) {
		flow_relay_note(relay, FLOW_NOTE_MEMORY, true, UINT32_MAX, 0);
		return FLOW_RELAY_FAILED;
	}
	if (flow_relay_reader_gone(polled[0].revents))
		return FLOW_RELAY_GONE;
	return 0;
}

static int
move_failed(const struct flow_relay *relay,
	    const struct flow_relay_input *input, const struct flow_move *move)
{
	if (!move->reading && (errno == EPIPE || errno == ECONNRESET))
		return FLOW_RELAY_GONE;
	flow_relay_note(relay, move->reading ? FLOW_NOTE_READ : FLOW_NOTE_WRITE,
			true,
			move->reading ? input->pipe : relay->outputs->pipe, 0);
	return FLOW_RELAY_FAILED;
}

/* Moves all of INPUT. 0, or the status to end with. */
static int
move_all(const struct flow_relay *relay, const struct flow_relay_input *input)
{
	struct flow_move move;

	flow_move_init(&move, input->fd, relay->outputs->fd);
	for (;;) {
		ssize_t moved = 1;
		int status = 0;

		/* Only splice(2) on a pipe can be tried without knowing. */
		if (move.refused || !move.from_pipe)
			status = wait_for(relay, input, false);
		if (status == 0)
			moved = flow_move_some(&move, MOST);
		if (status)
			return status;
		if (moved == 0)
			return 0;
		if (moved > 0) {
			flow_relay_taken(relay, input->pipe, (uint64_t)moved);
			flow_relay_put(relay, relay->outputs->pipe,
				       (uint64_t)moved);
			continue;
		}
		if (errno != EAGAIN)
			return move_failed(relay, input, &move);
		status = wait_for(relay, input,
				  !move.from_pipe ||
					  flow_move_waiting(input->fd) > 0);
		if (status)
			return status;
	}
}

int
flow_merge_concat(struct flow_relay *relay)
{
	int status = 0;

	for (unsigned i = 0; i < relay->input_count; i++) {
		struct flow_relay_input *input = &relay->inputs[i];

		if (status == 0)
			status = move_all(relay, input);
		close(input->fd);
		input->fd = -1;
	}
	close(relay->outputs->fd);
	relay->outputs->fd = -1;
	return status;
}
