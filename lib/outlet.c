/* SPDX-License-Identifier: GPL-3.0-or-later */
/* outlet: one output of a split. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io.h"
#include "outlet.h"

enum {
	GATHERED = 64 << 10, /* bytes of a buffer at first */
	SCRATCH =
		64
		<< 10, /* bytes held at once; every pipe of 16 pages takes them */
};

int
flow_outlet_open(struct flow_outlet *outlet, const struct flow_relay *relay,
		 struct flow_relay_output *output, uint64_t capacity,
		 int scratch[2])
{
	*outlet = (struct flow_outlet){ .scratch = scratch };
	if (flow_branch_open(&outlet->branch, relay, output, capacity))
		return -1;
	/* Nobody else has the stage. */
	return fcntl(outlet->branch.stage[1], F_SETFL, O_NONBLOCK);
}

void
flow_outlet_deal(struct flow_outlet *outlet, const char *data, size_t length)
{
	outlet->dealt = outlet->next = data;
	outlet->left = length;
}

int
flow_outlet_reserve(struct flow_outlet *outlet, size_t length)
{
	size_t needed = outlet->own_length + length + FLOW_OUTLET_SLACK;
	size_t size = outlet->own_size ? outlet->own_size : GATHERED;
	char *own;

	if (needed <= outlet->own_size)
		return 0;
	while (size < needed)
		size *= 2;
	own = realloc(outlet->own, size);
	if (!own)
		return -1;
	outlet->own = own;
	outlet->own_size = size;
	return 0;
}

void
flow_outlet_deal_gathered(struct flow_outlet *outlet)
{
	flow_outlet_deal(outlet, outlet->own, outlet->own_length);
	outlet->own_length = 0;
}

/* Into the stage, as far as it has room; not past what is held already. */
static ssize_t
stage_some(struct flow_outlet *outlet)
{
	struct flow_branch *branch = &outlet->branch;
	ssize_t wrote;

	if (branch->held)
		return 0;
	do
		wrote = write(branch->stage[1], outlet->next, outlet->left);
	while (wrote < 0 && errno == EINTR);
	if (wrote < 0 && errno == EAGAIN)
		return 0;
	if (wrote < 0) {
		flow_relay_note(branch->relay, FLOW_NOTE_WRITE, true,
				branch->output->pipe, 0);
		return -1;
	}
	flow_branch_staged(branch, (size_t)wrote);
	return wrote;
}

/* How much it may hold beyond what it holds. */
static uint64_t
room_to_hold(struct flow_branch *branch)
{
	uint64_t most = branch->output->spill;

	if (branch->relay->slow != FLOW_SLOW_SPILL)
		return flow_branch_room(branch);
	if (branch->held < most)
		return most - branch->held;
	if (!branch->limit_noted)
		flow_relay_note(branch->relay, FLOW_NOTE_LIMIT, false,
				branch->output->pipe, most);
	branch->limit_noted = true;
	return 0;
}

/* Into the spill, as far as that is allowed. */
static ssize_t
hold_some(struct flow_outlet *outlet)
{
	struct flow_branch *branch = &outlet->branch;
	uint64_t room = flow_branch_holds(branch) ? room_to_hold(branch) : 0;
	size_t length = outlet->left < SCRATCH ? outlet->left : SCRATCH;
	ssize_t wrote;

	if (room == 0)
		return 0;
	if (room < length)
		length = (size_t)room;
	if (outlet->scratch[0] < 0) {
		if (flow_io_pipe(outlet->scratch, SCRATCH, NULL) ||
		    fcntl(outlet->scratch[1], F_SETFL, O_NONBLOCK))
			goto failed;
	}
	do
		wrote = write(outlet->scratch[1], outlet->next, length);
	while (wrote < 0 && errno == EINTR);
	if (wrote < 0)
		goto failed;
	if (flow_branch_hold(branch, outlet->scratch[0], (size_t)wrote))
		return -1;
	return wrote;

failed:
	flow_relay_note(branch->relay, FLOW_NOTE_SPILL, true,
			branch->output->pipe, branch->held);
	return -1;
}

ssize_t
flow_outlet_advance(struct flow_outlet *outlet)
{
	struct flow_branch *branch = &outlet->branch;
	ssize_t total = 0;

	for (;;) {
		ssize_t pushed = flow_branch_push(branch), taken = 0;

		if (pushed < 0)
			return -1;
		if (!flow_outlet_is_open(outlet)) {
			outlet->left = 0;
			outlet->own_length = 0;
			return total + pushed;
		}
		if (outlet->left)
			taken = stage_some(outlet);
		if (taken == 0 && outlet->left)
			taken = hold_some(outlet);
		if (taken < 0)
			return -1;
		outlet->next += taken;
		outlet->left -= (size_t)taken;
		if (outlet->left == 0)
			outlet->finishing = false;
		total += pushed + taken;
		if (taken == 0)
			return total;
	}
}

int
flow_outlet_drop(struct flow_outlet *outlet, const struct flow_record *record,
		 uint64_t *records)
{
	const char *dealt = outlet->dealt;
	size_t taken = (size_t)(outlet->next - dealt);
	size_t size = taken + outlet->left;
	size_t seen = 0, end;

	*records = 0;
	if (outlet->left == 0)
		return 0;
	/* The end of the record that the last byte taken belongs to. */
	end = flow_record_whole(record, dealt, taken, &seen);
	while (end < taken)
		end += flow_record_first(record, dealt + end, size - end);
	*records = flow_record_count(record, dealt + end, size - end);
	outlet->left = end - taken;
	outlet->finishing = outlet->left > 0;
	/* The buffer of what was dealt is needed for what comes next. */
	if (outlet->left && outlet->dealt != outlet->own) {
		outlet->own_length = 0;
		if (flow_outlet_reserve(outlet, outlet->left))
			return -1;
		memcpy(outlet->own, outlet->next, outlet->left);
		outlet->next = outlet->own;
	}
	return 0;
}

void
flow_outlet_dropped(const struct flow_outlet *outlet, uint64_t records)
{
	const struct flow_branch *branch = &outlet->branch;
	struct flow_meter *meter;

	if (branch->output->pipe == UINT32_MAX || records == 0)
		return;
	meter = &branch->relay->meters[branch->output->pipe];
	records += atomic_load_explicit(&meter->dropped, memory_order_relaxed);
	atomic_store_explicit(&meter->dropped, records, memory_order_relaxed);
}
