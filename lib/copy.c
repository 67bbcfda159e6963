/* SPDX-License-Identifier: GPL-3.0-or-later */
/* copy: the relay of split=copy and of elastic edges. */
#include "config.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "branch.h"
#include "clock.h"
#include "relay-inside.h"
#include "source.h"

/* Milliseconds. */
enum {
	PATIENCE = 50, /* a reader that took nothing for so long is stuck */
	LOOK_MOST = 800, /* between looks whether a sibling has become empty */
};

static const int64_t MILLISECOND = 1000000;

struct copy {
	struct flow_relay *relay;
	struct flow_source *sources; /* as many as relay inputs */
	struct flow_branch *branches; /* as many as relay outputs */
	struct pollfd *polled; /* the sources', then the branches' */
	bool *awaited; /* as polled: a true sleep on it, told by its meter */
	int look; /* milliseconds to the next look at siblings */
};

static unsigned
branches_from(const struct flow_relay *relay, unsigned input)
{
	unsigned count = 0;

	for (unsigned i = 0; i < relay->output_count; i++)
		count += relay->outputs[i].from == input;
	return count;
}

/* Opens the source of input INDEX and its branches. 0, or -1 with errno. */
static int
open_input(struct copy *copy, unsigned index)
{
	struct flow_relay *relay = copy->relay;
	struct flow_source *source = &copy->sources[index];
	unsigned count = branches_from(relay, index);
	uint64_t capacity;

	if (flow_source_open(source, relay, &relay->inputs[index], &capacity))
		return -1;
	source->branches = calloc(count + 1, sizeof(*source->branches));
	if (!source->branches)
		return -1;
	for (unsigned i = 0; i < relay->output_count; i++) {
		struct flow_relay_output *output = &relay->outputs[i];
		bool staged = count > 1 || output->elastic;

		if (output->from != index)
			continue;
		if (flow_branch_open(&copy->branches[i], relay, output,
				     staged ? capacity : 0))
			return -1;
		source->branches[source->branch_count++] = &copy->branches[i];
	}
	return 0;
}

static int
open_all(struct copy *copy)
{
	size_t inputs = copy->relay->input_count;
	size_t outputs = copy->relay->output_count;

	copy->sources = calloc(inputs + 1, sizeof(*copy->sources));
	copy->branches = calloc(outputs + 1, sizeof(*copy->branches));
	copy->polled = calloc(inputs + outputs + 1, sizeof(*copy->polled));
	copy->awaited = calloc(inputs + outputs + 1, sizeof(*copy->awaited));
	if (!copy->sources || !copy->branches || !copy->polled ||
	    !copy->awaited)
		return -1;
	for (unsigned i = 0; i < inputs; i++)
		if (open_input(copy, i))
			return -1;
	return 0;
}

/* Moves what can be moved now: the bytes, or -1 after a note. */
static ssize_t
step(struct copy *copy)
{
	ssize_t total = 0;

	for (unsigned i = 0; i < copy->relay->input_count; i++) {
		struct flow_source *source = &copy->sources[i];
		ssize_t moved = flow_source_advance(source);

		if (moved < 0)
			return -1;
		total += moved;
	}
	for (unsigned i = 0; i < copy->relay->output_count; i++) {
		struct flow_branch *branch = &copy->branches[i];
		ssize_t moved;

		if (branch->state != FLOW_BRANCH_OPEN)
			continue;
		moved = flow_branch_push(branch);
		if (moved < 0)
			return -1;
		total += moved;
	}
	return total;
}

/* Closes what is over; true when everything is. *CHANGED: something was. */
static bool
settle(struct copy *copy, bool *changed)
{
	bool over = true;

	*changed = false;
	for (unsigned i = 0; i < copy->relay->output_count; i++) {
		struct flow_branch *branch = &copy->branches[i];

		if (branch->state != FLOW_BRANCH_OPEN)
			continue;
		if (copy->sources[branch->output->from].ended &&
		    !flow_branch_holds(branch))
			flow_branch_close(branch, FLOW_BRANCH_DELIVERED);
		else
			over = false;
	}
	for (unsigned i = 0; i < copy->relay->input_count; i++)
		*changed |= flow_source_prune(&copy->sources[i]);
	return over;
}

/* Is a reader of another output starving while ONE cannot deliver? */
static bool
sibling_starves(const struct copy *copy, const struct flow_branch *one)
{
	for (unsigned i = 0; i < copy->relay->output_count; i++) {
		const struct flow_branch *branch = &copy->branches[i];

		if (branch != one && branch->state == FLOW_BRANCH_OPEN &&
		    flow_branch_is_empty(branch))
			return true;
	}
	return false;
}

static void
await(struct copy *copy, size_t index, int fd, short events)
{
	copy->polled[index].fd = fd;
	copy->polled[index].events = events;
	copy->awaited[index] = events != 0;
}

static void
await_source(struct copy *copy, const struct flow_source *source)
{
	size_t index = (size_t)(source - copy->sources);

	if (!source->pumped)
		await(copy, index, source->pipe, POLLIN);
	else if (!source->pump_filled)
		await(copy, index, source->input->fd, POLLIN);
}

/* Whether or not there is room, an input's end must be heard: branches wait for it. */
static void
await_end(struct copy *copy, const struct flow_source *source)
{
	if (source->pumped)
		await_source(copy, source);
	else if (!source->hung_up)
		await(copy, (size_t)(source - copy->sources), source->pipe, 0);
}

/*
 * The full and elastic BRANCH holds its siblings back. Says how long (in
 * milliseconds) to sleep before looking again, or -1 for ever, or 0 when it
 * has just been granted room.
 */
static int
consider_grant(struct copy *copy, struct flow_branch *branch, int64_t now,
	       bool *asleep)
{
	struct flow_source *source = &copy->sources[branch->output->from];
	int64_t idle = flow_branch_idle(branch, now);

	if (source->ended || flow_branch_room(branch) > 0)
		return -1;
	if (!source->pumped ? !flow_move_waiting(source->pipe)
			    : !source->pump_filled) {
		await_source(copy, source);
		return -1;
	}
	if (flow_branch_at_limit(branch))
		return -1;
	if (!sibling_starves(copy, branch)) {
		/* Any reader that empties its pipe changes the picture. */
		for (unsigned i = 0; i < copy->relay->output_count; i++)
			copy->awaited[copy->relay->input_count + i] =
				copy->branches[i].state == FLOW_BRANCH_OPEN;
		return copy->look;
	}
	if (idle >= PATIENCE * MILLISECOND) {
		flow_branch_grant(branch, now);
		return 0;
	}
	/* Help is due: this is no sleep that could be part of a deadlock. */
	*asleep = false;
	return (int)(PATIENCE - idle / MILLISECOND);
}

/* Decides what to wait for, and for how long: milliseconds, or -1. */
static int
prepare_wait(struct copy *copy, bool *asleep)
{
	size_t inputs = copy->relay->input_count;
	int timeout = -1;

	*asleep = true;
	for (size_t i = 0; i < inputs; i++) {
		struct flow_source *source = &copy->sources[i];

		await(copy, i, -1, 0);
		if (source->ended)
			continue;
		if (flow_source_direct(source) ? !source->ready
					       : flow_source_room(source) > 0)
			await_source(copy, source);
		else
			await_end(copy, source);
	}
	for (size_t i = 0; i < copy->relay->output_count; i++) {
		struct flow_branch *branch = &copy->branches[i];
		bool open = branch->state == FLOW_BRANCH_OPEN;

		/* With no events: its reader going is heard all the time. */
		await(copy, inputs + i, open ? branch->output->fd : -1,
		      open && !branch->ready ? POLLOUT : 0);
	}
	for (size_t i = 0; i < copy->relay->output_count; i++) {
		struct flow_branch *branch = &copy->branches[i];
		int wait;

		if (branch->state != FLOW_BRANCH_OPEN || branch->ready ||
		    !branch->output->elastic || !flow_branch_holds(branch))
			continue;
		wait = consider_grant(copy, branch, flow_now(), asleep);
		if (wait >= 0 && (timeout < 0 || wait < timeout))
			timeout = wait;
	}
	return timeout;
}

/* Lets the guardian know on which pipes we sleep, or no longer do. */
static void
tell(const struct copy *copy, bool asleep)
{
	const struct flow_relay *relay = copy->relay;

	for (size_t i = 0; i < relay->input_count; i++)
		if (copy->awaited[i])
			flow_relay_waits(relay, relay->inputs[i].pipe,
					 FLOW_WAIT_READ, asleep);
	for (size_t i = 0; i < relay->output_count; i++)
		if (copy->awaited[relay->input_count + i])
			flow_relay_waits(relay, relay->outputs[i].pipe,
					 FLOW_WAIT_WRITE, asleep);
}

static void
hear_source(struct flow_source *source, short events)
{
	if (!events || source->pipe < 0)
		return;
	if (source->pumped) {
		source->pump_ready = true;
		return;
	}
	/* Read before what is there is looked at: nothing can come later. */
	if (events & (POLLHUP | POLLERR))
		source->hung_up = true;
	source->ready = true;
}

/* Sleeps until something can be moved. 0, or -1 after a note. */
static int
wait_for_change(struct copy *copy)
{
	size_t inputs = copy->relay->input_count;
	size_t outputs = copy->relay->output_count;
	bool asleep;
	int timeout = prepare_wait(copy, &asleep);
	int changed;

	if (timeout == 0) /* somebody was granted room */
		return 0;
	if (asleep)
		tell(copy, true);
	changed = poll(copy->polled, inputs + outputs, timeout);
	if (asleep)
		tell(copy, false);
	if (changed < 0 && errno != EINTR) {
		flow_relay_note(copy->relay, FLOW_NOTE_MEMORY, true, UINT32_MAX,
				0);
		return -1;
	}
	if (changed <= 0) {
		copy->look =
			copy->look * 2 < LOOK_MOST ? copy->look * 2 : LOOK_MOST;
		return 0;
	}
	for (size_t i = 0; i < inputs; i++)
		hear_source(&copy->sources[i], copy->polled[i].revents);
	for (size_t i = 0; i < outputs; i++) {
		short events = copy->polled[inputs + i].revents;

		if (events & POLLOUT)
			copy->branches[i].ready = true;
		else if (flow_relay_reader_gone(events))
			flow_branch_close(&copy->branches[i], FLOW_BRANCH_GONE);
	}
	return 0;
}

static int
status_of(const struct copy *copy)
{
	for (unsigned i = 0; i < copy->relay->output_count; i++)
		if (copy->branches[i].state == FLOW_BRANCH_DELIVERED)
			return FLOW_RELAY_DONE;
	return FLOW_RELAY_GONE;
}

int
flow_relay_copy(struct flow_relay *relay)
{
	struct copy copy = { .relay = relay, .look = PATIENCE };

	flow_relay_begin();
	if (open_all(&copy)) {
		flow_relay_note(relay, FLOW_NOTE_MEMORY, true, UINT32_MAX, 0);
		return FLOW_RELAY_FAILED;
	}
	for (;;) {
		ssize_t moved = step(&copy);
		bool changed;

		if (moved < 0)
			return FLOW_RELAY_FAILED;
		if (settle(&copy, &changed))
			return status_of(&copy);
		if (moved > 0)
			copy.look = PATIENCE;
		/* A branch that has gone may be what the others waited for. */
		if (moved > 0 || changed)
			continue;
		if (wait_for_change(&copy))
			return FLOW_RELAY_FAILED;
		if (settle(&copy, &changed))
			return status_of(&copy);
	}
}
