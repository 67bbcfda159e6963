/* SPDX-License-Identifier: GPL-3.0-or-later */
/* source: one input of a copying relay, and the rounds that share it out. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <unistd.h>

#include "io.h"
#include "source.h"

enum {
	PUMP_CAPACITY = 1 << 20, /* bytes */
	MOST = 1 << 30, /* bytes asked of one system call */
};

int
flow_source_open(struct flow_source *source, const struct flow_relay *relay,
		 struct flow_relay_input *input, uint64_t *capacity)
{
	int ends[2], size;

	*source = (struct flow_source){
		.relay = relay,
		.input = input,
		.pipe = input->fd,
		.scratch = { -1, -1 },
		.pump_end = -1,
	};
	if (!flow_move_is_pipe(input->fd)) {
		if (flow_io_pipe(ends, PUMP_CAPACITY, NULL))
			return -1;
		source->pumped = true;
		source->pipe = ends[0];
		source->pump_end = ends[1];
		flow_move_init(&source->pump, input->fd, ends[1]);
	}
	size = fcntl(source->pipe, F_GETPIPE_SZ);
	source->capacity = size > 0 ? (uint64_t)size : 65536;
	*capacity = source->capacity;
	return 0;
}

void
flow_source_close(struct flow_source *source)
{
	int *all[] = { &source->pump_end, &source->scratch[0],
		       &source->scratch[1], &source->input->fd };

	if (source->pumped && source->pipe >= 0)
		close(source->pipe);
	source->pipe = -1;
	source->ended = true;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if (*all[i] >= 0)
			close(*all[i]);
		*all[i] = -1;
	}
}

bool
flow_source_prune(struct flow_source *source)
{
	size_t kept = 0, before = source->branch_count;

	for (size_t i = 0; i < source->branch_count; i++)
		if (source->branches[i]->state == FLOW_BRANCH_OPEN)
			source->branches[kept++] = source->branches[i];
	source->branch_count = kept;
	/* The producer must learn that nobody listens, by SIGPIPE. */
	if (kept == 0 && source->pipe >= 0)
		flow_source_close(source);
	return kept < before;
}

struct flow_branch *
flow_source_direct(const struct flow_source *source)
{
	struct flow_branch *only;

	if (source->branch_count != 1 || source->ended)
		return NULL;
	only = source->branches[0];
	return only->output->elastic || flow_branch_holds(only) ? NULL : only;
}

size_t
flow_source_room(const struct flow_source *source)
{
	size_t room = MOST;

	for (size_t i = 0; i < source->branch_count; i++) {
		size_t one = flow_branch_room(source->branches[i]);

		if (one < room)
			room = one;
	}
	return room;
}

static int
note_read(const struct flow_source *source)
{
	flow_relay_note(source->relay, FLOW_NOTE_READ, true,
			source->input->pipe, 0);
	return -1;
}

/* Fills the pump's pipe when it is empty, so that this never blocks on it. */
static ssize_t
pump(struct flow_source *source)
{
	ssize_t moved;

	if (source->pump_end < 0 || source->pump_filled || !source->pump_ready)
		return 0;
	source->pump_ready = false;
	moved = flow_move_some(&source->pump, PUMP_CAPACITY);
	if (moved < 0)
		return errno == EAGAIN ? 0 : note_read(source);
	if (moved == 0) {
		close(source->pump_end);
		source->pump_end = -1;
		source->ended = true;
		return 0;
	}
	source->ready = true;
	source->pump_filled = (size_t)moved;
	return moved;
}

static void
count_taken(struct flow_source *source, size_t bytes)
{
	flow_relay_taken(source->relay, source->input->pipe, bytes);
	if (source->pumped)
		source->pump_filled -= bytes;
}

/* Where BRANCH gets its bytes: its stage, or the scratch pipe. */
static int
target_of(struct flow_source *source, const struct flow_branch *branch)
{
	return flow_branch_holds(branch) ? source->scratch[1]
					 : branch->stage[1];
}

/* The scratch pipe is made only when something must be held. */
static int
prepare_scratch(struct flow_source *source)
{
	for (size_t i = 0; source->scratch[0] < 0 && i < source->branch_count;
	     i++)
		if (flow_branch_holds(source->branches[i]) &&
		    flow_io_pipe(source->scratch, source->capacity,
				 &source->scratch_size))
			return -1;
	return 0;
}

/*
 * The branch whose pipe is smallest goes first: what fits there fits in all
 * others, which are as empty, so that no branch ever gets a part of a round.
 */
static void
smallest_first(struct flow_source *source)
{
	struct flow_branch **list = source->branches;
	size_t smallest = 0;
	uint64_t least = UINT64_MAX;

	for (size_t i = 0; i < source->branch_count; i++) {
		uint64_t size = flow_branch_holds(list[i])
					? source->scratch_size
					: list[i]->stage_size;

		if (size < least) {
			least = size;
			smallest = i;
		}
	}
	if (smallest) {
		struct flow_branch *first = list[smallest];

		list[smallest] = list[0];
		list[0] = first;
	}
}

/* Gives BRANCH a copy of the next LENGTH bytes, or, when LAST, the bytes. */
static ssize_t
give(struct flow_source *source, struct flow_branch *branch, size_t length,
     bool last)
{
	int target = target_of(source, branch);
	ssize_t given;

	do
		given = last ? splice(source->pipe, NULL, target, NULL, length,
				      SPLICE_F_MOVE | SPLICE_F_NONBLOCK)
			     : tee(source->pipe, target, length,
				   SPLICE_F_NONBLOCK);
	while (given < 0 && errno == EINTR);
	if (given <= 0)
		return given;
	if (target != source->scratch[1])
		flow_branch_staged(branch, (size_t)given);
	else if (flow_branch_hold(branch, source->scratch[0], (size_t)given))
		return -2;
	return given;
}

/* One round: the same bytes to every branch. As flow_source_advance. */
static ssize_t
share(struct flow_source *source)
{
	size_t length = flow_source_room(source);
	size_t count = source->branch_count;

	if (length == 0 || !source->ready)
		return 0;
	if (prepare_scratch(source))
		return note_read(source);
	smallest_first(source);
	for (size_t i = 0; i < count; i++) {
		ssize_t given = give(source, source->branches[i], length,
				     i + 1 == count);

		if (given == -2)
			return -1;
		if (i == 0 && given == 0) {
			source->ended = true;
			return 0;
		}
		if (i == 0 && given < 0 && errno == EAGAIN) {
			source->ready = false;
			return 0;
		}
		if (i > 0 && given >= 0 && (size_t)given < length)
			errno = EIO;
		if (given < 0 || (i > 0 && (size_t)given < length))
			return note_read(source);
		length = (size_t)given;
	}
	count_taken(source, length);
	return (ssize_t)length;
}

/* A single branch needs no stage. As flow_source_advance. */
static ssize_t
move_directly(struct flow_source *source, struct flow_branch *branch)
{
	struct flow_move *way = &branch->way;
	ssize_t moved;

	if (!source->ready || !branch->ready)
		return 0;
	way->from = source->pipe;
	moved = flow_move_some(way, MOST);
	if (moved > 0) {
		count_taken(source, (size_t)moved);
		branch->put += (uint64_t)moved;
		flow_relay_put(source->relay, branch->output->pipe,
			       (uint64_t)moved);
		if (way->refused) /* reading on might block */
			source->ready = source->pump_filled > 0;
		return moved;
	}
	if (moved == 0) {
		source->ended = true;
	} else if (errno == EAGAIN) {
		/* Empty, or full? */
		if (flow_move_waiting(source->pipe))
			branch->ready = false;
		else
			source->ready = false;
	} else if (errno == EPIPE || errno == ECONNRESET) {
		flow_branch_close(branch, FLOW_BRANCH_GONE);
	} else {
		flow_relay_note(source->relay,
				way->reading ? FLOW_NOTE_READ : FLOW_NOTE_WRITE,
				true,
				way->reading ? source->input->pipe
					     : branch->output->pipe,
				0);
		return -1;
	}
	return 0;
}

ssize_t
flow_source_advance(struct flow_source *source)
{
	struct flow_branch *direct;
	ssize_t pumped, moved;

	if (source->ended)
		return 0;
	/* Known even while no branch has room for another round. */
	if (source->hung_up && !flow_move_waiting(source->pipe)) {
		source->ended = true;
		return 0;
	}
	pumped = pump(source);
	if (pumped < 0 || source->ended)
		return pumped;
	direct = flow_source_direct(source);
	moved = direct ? move_directly(source, direct) : share(source);
	return moved < 0 ? -1 : moved + pumped;
}
