/* SPDX-License-Identifier: GPL-3.0-or-later */
/* split: the relay that shares records out to its outputs. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "split-inside.h"

/* Milliseconds; as a copying relay has them. */
enum {
	PATIENCE = 50, /* a reader that took nothing for so long is stuck */
	LOOK_MOST = 800, /* between looks whether a sibling has become empty */
};

static const int64_t MILLISECOND = 1000000;

/* Bytes of a stage, and of the buffer at first: a block and what is left of one. */
static const size_t STAGE = FLOW_SPLIT_BLOCK;
static const size_t BUFFER = FLOW_SPLIT_BLOCK + (64 << 10);

static int
note_failure(const struct flow_splitter *split)
{
	flow_relay_note(split->relay, FLOW_NOTE_MEMORY, true, UINT32_MAX, 0);
	return -1;
}

static int
open_all(struct flow_splitter *split)
{
	struct flow_relay *relay = split->relay;
	size_t count = relay->output_count;

	split->outlets = calloc(count + 1, sizeof(*split->outlets));
	split->polled = calloc(count + 1, sizeof(*split->polled));
	split->awaited = calloc(count + 1, sizeof(*split->awaited));
	split->data = malloc(BUFFER + FLOW_OUTLET_SLACK);
	split->size = BUFFER;
	if (!split->outlets || !split->polled || !split->awaited ||
	    !split->data || flow_deals_open(&split->deals, relay->deals, count))
		return -1;
	for (unsigned i = 0; i < count; i++)
		if (flow_outlet_open(&split->outlets[i], relay,
				     &relay->outputs[i], STAGE, split->scratch))
			return -1;
	return 0;
}

static void
close_input(struct flow_splitter *split)
{
	if (split->input->fd >= 0)
		close(split->input->fd);
	split->input->fd = -1;
	split->ready = false;
	split->ended = true;
}

/* Closes what is over; true when everything is. */
static bool
settle(struct flow_splitter *split)
{
	bool dealt =
		split->ended && split->begin == split->end && !split->within;
	bool over = true;

	if (dealt && split->deals.begun)
		flow_deals_close(&split->deals);
	for (unsigned i = 0; i < split->count; i++) {
		struct flow_outlet *outlet = &split->outlets[i];

		if (!flow_outlet_is_open(outlet))
			continue;
		if (dealt && outlet->left == 0 &&
		    !flow_branch_holds(&outlet->branch))
			flow_branch_close(&outlet->branch,
					  FLOW_BRANCH_DELIVERED);
		else
			over = false;
	}
	if (over) /* the producer must learn that nobody listens */
		close_input(split);
	return over;
}

/* Room for a block at least, behind what has not been dealt. */
static int
make_room(struct flow_splitter *split)
{
	size_t have = split->end - split->begin;
	size_t size = split->size;
	char *data;

	if (split->begin && have)
		memmove(split->data, split->data + split->begin, have);
	split->begin = 0;
	split->end = have;
	while (size - have < FLOW_SPLIT_BLOCK)
		size *= 2;
	if (size == split->size)
		return 0;
	data = realloc(split->data, size + FLOW_OUTLET_SLACK);
	if (!data)
		return note_failure(split);
	split->data = data;
	split->size = size;
	return 0;
}

/* Is there more, so that no reader would wait for what is there already? */
static bool
has_more(const struct flow_splitter *split)
{
	struct pollfd one = { .fd = split->input->fd, .events = POLLIN };

	return poll(&one, 1, 0) > 0;
}

/* Reads once. The bytes, or -1 after a note. */
static ssize_t
read_some(struct flow_splitter *split)
{
	ssize_t got;

	if (make_room(split))
		return -1;
	do
		got = read(split->input->fd, split->data + split->end,
			   FLOW_SPLIT_BLOCK);
	while (got < 0 && errno == EINTR);
	if (got < 0 && errno == EAGAIN) {
		split->ready = false;
		return 0;
	}
	if (got < 0) {
		flow_relay_note(split->relay, FLOW_NOTE_READ, true,
				split->input->pipe, 0);
		return -1;
	}
	if (got == 0) {
		close_input(split);
		return 0;
	}
	flow_relay_taken(split->relay, split->input->pipe, (uint64_t)got);
	split->end += (size_t)got;
	split->ready = has_more(split);
	return got;
}

static bool
held_up(const struct flow_splitter *split)
{
	for (unsigned i = 0; i < split->count; i++)
		if (flow_outlet_holds_up(&split->outlets[i]))
			return true;
	return false;
}

/* Is it worth reading before more is dealt? Under load, until there is a block. */
static bool
wants_more(const struct flow_splitter *split)
{
	return !split->ended && split->end - split->begin < FLOW_SPLIT_BLOCK;
}

static bool
any_open(const struct flow_splitter *split)
{
	for (unsigned i = 0; i < split->count; i++)
		if (flow_outlet_is_open(&split->outlets[i]))
			return true;
	return false;
}

/* Moves what can be moved now: the bytes, or -1 after a note. */
static ssize_t
step(struct flow_splitter *split)
{
	ssize_t total = 0, some;

	for (unsigned i = 0; i < split->count; i++) {
		if (!flow_outlet_is_open(&split->outlets[i]))
			continue;
		some = flow_outlet_advance(&split->outlets[i]);
		if (some < 0)
			return -1;
		total += some;
	}
	if (held_up(split) || !any_open(split))
		return total;
	while (split->ready && wants_more(split)) {
		some = read_some(split);
		if (some < 0)
			return -1;
		total += some;
	}
	some = flow_split_deal(split);
	if (some < 0)
		return -1;
	total += some;
	/* An unfinished record may be all there is. */
	if (some == 0 && split->ready && !split->nowhere && !held_up(split)) {
		some = read_some(split);
		if (some < 0)
			return -1;
		/* Its end is a change, too. */
		total += some + split->ended;
	}
	return total;
}

static void
await(struct flow_splitter *split, size_t index, int fd, short events)
{
	split->polled[index].fd = fd;
	split->polled[index].events = events;
	split->awaited[index] = events != 0;
}

/* Is a reader of another output starving while ONE cannot deliver? */
static bool
sibling_starves(const struct flow_splitter *split,
		const struct flow_outlet *one)
{
	for (unsigned i = 0; i < split->count; i++) {
		const struct flow_outlet *outlet = &split->outlets[i];

		if (outlet != one && flow_outlet_is_open(outlet) &&
		    flow_branch_is_empty(&outlet->branch))
			return true;
	}
	return false;
}

/*
 * The full and elastic OUTLET holds its siblings up. Says how long (in
 * milliseconds) to sleep before looking again, or -1 for ever, or 0 when it
 * has just been granted room.
 */
static int
consider_grant(struct flow_splitter *split, struct flow_outlet *outlet,
	       bool *asleep)
{
	int64_t now = flow_now();
	int64_t idle = flow_branch_idle(&outlet->branch, now);

	if (flow_branch_at_limit(&outlet->branch))
		return -1;
	if (!sibling_starves(split, outlet)) {
		/* Any reader that empties its pipe changes the picture. */
		for (unsigned i = 0; i < split->count; i++)
			split->awaited[1 + i] =
				flow_outlet_is_open(&split->outlets[i]);
		return split->look;
	}
	if (idle >= PATIENCE * MILLISECOND) {
		flow_branch_grant(&outlet->branch, now);
		return 0;
	}
	/* Help is due: this is no sleep that could be part of a deadlock. */
	*asleep = false;
	return (int)(PATIENCE - idle / MILLISECOND);
}

/* Decides what to wait for, and for how long: milliseconds, or -1. */
static int
prepare_wait(struct flow_splitter *split, bool *asleep)
{
	bool up = held_up(split);
	bool wants =
		!split->ended && !up && (!split->nowhere || wants_more(split));
	int timeout = -1;

	*asleep = true;
	await(split, 0, wants ? split->input->fd : -1, wants ? POLLIN : 0);
	for (unsigned i = 0; i < split->count; i++) {
		struct flow_branch *branch = &split->outlets[i].branch;
		bool open = branch->state == FLOW_BRANCH_OPEN;

		/* With no events: its reader going is heard all the time. */
		await(split, 1 + i, open ? branch->output->fd : -1,
		      open && !branch->ready ? POLLOUT : 0);
	}
	for (unsigned i = 0; up && i < split->count; i++) {
		struct flow_outlet *outlet = &split->outlets[i];
		int wait;

		if (!flow_outlet_holds_up(outlet) || outlet->branch.ready ||
		    !outlet->branch.output->elastic ||
		    split->relay->slow == FLOW_SLOW_SPILL)
			continue;
		wait = consider_grant(split, outlet, asleep);
		if (wait >= 0 && (timeout < 0 || wait < timeout))
			timeout = wait;
	}
	return timeout;
}

/* Lets the guardian know on which pipes we sleep, or no longer do. */
static void
tell(const struct flow_splitter *split, bool asleep)
{
	const struct flow_relay *relay = split->relay;

	if (split->awaited[0])
		flow_relay_waits(relay, split->input->pipe, FLOW_WAIT_READ,
				 asleep);
	for (unsigned i = 0; i < split->count; i++)
		if (split->awaited[1 + i])
			flow_relay_waits(relay, relay->outputs[i].pipe,
					 FLOW_WAIT_WRITE, asleep);
}

/* Sleeps until something can be moved. 0, or -1 after a note. */
static int
wait_for_change(struct flow_splitter *split)
{
	bool asleep;
	int timeout = prepare_wait(split, &asleep), changed;

	if (timeout == 0) /* somebody was granted room */
		return 0;
	flow_deals_flush(&split->deals);
	if (asleep)
		tell(split, true);
	changed = poll(split->polled, 1 + split->count, timeout);
	if (asleep)
		tell(split, false);
	if (changed < 0 && errno != EINTR)
		return note_failure(split);
	if (changed <= 0) {
		split->look = split->look * 2 < LOOK_MOST ? split->look * 2
							  : LOOK_MOST;
		return 0;
	}
	split->ready |= split->polled[0].revents != 0;
	for (unsigned i = 0; i < split->count; i++) {
		short events = split->polled[1 + i].revents;

		if (events & POLLOUT)
			split->outlets[i].branch.ready = true;
		else if (flow_relay_reader_gone(events)) {
			flow_branch_close(&split->outlets[i].branch,
					  FLOW_BRANCH_GONE);
			split->outlets[i].left = 0;
			split->outlets[i].finishing = false;
		}
	}
	return 0;
}

static int
status_of(const struct flow_splitter *split)
{
	for (unsigned i = 0; i < split->count; i++)
		if (split->outlets[i].branch.state == FLOW_BRANCH_DELIVERED)
			return split->status;
	return FLOW_RELAY_GONE;
}

int
flow_relay_split(struct flow_relay *relay)
{
	struct flow_splitter split = {
		.relay = relay,
		.input = relay->inputs,
		.count = relay->output_count,
		.headers = relay->header,
		.scratch = { -1, -1 },
		.status = FLOW_RELAY_DONE,
		.look = PATIENCE,
	};

	flow_relay_begin();
	if (open_all(&split)) {
		note_failure(&split);
		return FLOW_RELAY_FAILED;
	}
	for (;;) {
		ssize_t moved = step(&split);

		if (moved < 0)
			return FLOW_RELAY_FAILED;
		if (settle(&split))
			return status_of(&split);
		if (moved > 0) {
			split.look = PATIENCE;
			continue;
		}
		if (wait_for_change(&split))
			return FLOW_RELAY_FAILED;
		if (settle(&split))
			return status_of(&split);
	}
}
