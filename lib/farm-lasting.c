/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * farm-lasting: order=records and order=no: processes that last, each in a lane
 * of its own. Blocks of whole records are dealt to lanes that have room; every
 * lane's output is read as it comes, so none can hold up the others, and put
 * out in the order of the deals, or as it comes.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "farm.h"
#include "io.h"

enum {
	BLOCK = 256 << 10, /* bytes dealt at once, and asked of one read */
	PIPE = 512 << 10, /* bytes of a worker's pipes, where that is granted */
	AHEAD = 64 << 20, /* bytes read of a lane whose turn has not come */
	LITTLE = 64 << 10, /* bytes in one round that call for a nap */
	LAZY = 100, /* microseconds that pipes may fill meanwhile */
};

struct bytes {
	char *data;
	size_t begin, end, size;
};

struct lane {
	struct flow_worker worker;
	int input; /* write end of its standard input; -1: closed */
	struct bytes in; /* dealt, and not yet written there */
	struct bytes out; /* its output */
	size_t whole, seen; /* bytes of out: whole records; without an end */
	bool over; /* its output has ended */
};

/* So many records come next from that lane. */
struct turn {
	struct lane *lane;
	uint64_t records;
};

struct lasting {
	struct flow_farm *farm;
	struct lane *lanes;
	size_t count; /* of lanes */
	size_t next; /* lane to be dealt to */
	struct bytes in; /* what has been read, whole and not */
	size_t whole, seen;
	bool input_ended;
	struct turn *turns; /* order=records */
	size_t begin, end, room; /* of turns */
	uint64_t record; /* the next one's number, from 1 */
	const char *delimiter; /* of what is put out */
	size_t delimiter_size;
	bool owed; /* the delimiter, before anything else */
	struct pollfd *polled;
};

static size_t
held(const struct bytes *bytes)
{
	return bytes->end - bytes->begin;
}

/* Room for at least LEAST more bytes. 0, or -1. */
static int
make_room(struct bytes *bytes, size_t least)
{
	size_t size = bytes->size ? bytes->size : 2 * BLOCK;
	char *data;

	if (bytes->begin == bytes->end)
		bytes->begin = bytes->end = 0;
	if (bytes->size - bytes->end >= least)
		return 0;
	if (bytes->begin > 0 && bytes->begin >= held(bytes)) {
		memcpy(bytes->data, bytes->data + bytes->begin, held(bytes));
		bytes->end -= bytes->begin;
		bytes->begin = 0;
	}
	while (size - bytes->end < least)
		size *= 2;
	if (size == bytes->size)
		return 0;
	data = realloc(bytes->data, size);
	if (!data)
		return -1;
	bytes->data = data;
	bytes->size = size;
	return 0;
}

/* --- lanes: what goes in */

static int
open_lane(struct lasting *l, struct lane *lane)
{
	int ends[2];

	*lane = (struct lane){ .input = -1, .worker.output = -1 };
	if (flow_io_pipe(ends, PIPE, NULL) < 0)
		return flow_farm_trouble(l->farm);
	if (flow_worker_start(&lane->worker, l->farm->relay, ends[0], PIPE) <
	    0) {
		close(ends[1]);
		return FLOW_RELAY_FAILED;
	}
	lane->input = ends[1];
	fcntl(lane->input, F_SETFL, O_NONBLOCK); /* nobody shares that end */
	return 0;
}

static void
close_input(struct lane *lane)
{
	if (lane->input >= 0)
		close(lane->input);
	lane->input = -1;
	lane->in.begin = lane->in.end = 0;
}

/* Writes what was dealt, as far as there is room. The bytes. */
static size_t
feed_lane(struct lane *lane)
{
	size_t moved = 0;

	while (held(&lane->in) > 0) {
		ssize_t put = write(lane->input, lane->in.data + lane->in.begin,
				    held(&lane->in));

		if (put < 0 && errno == EAGAIN)
			return moved;
		if (put <
		    0) { /* it reads no more: judged by what it puts out */
			close_input(lane);
			return BLOCK;
		}
		lane->in.begin += (size_t)put;
		moved += (size_t)put;
	}
	return moved;
}

static struct lane *
free_lane(struct lasting *l)
{
	for (size_t i = 0; i < l->count; i++) {
		struct lane *lane = &l->lanes[(l->next + i) % l->count];

		if (lane->input < 0 || held(&lane->in) > 0)
			continue;
		l->next = (l->next + i + 1) % l->count;
		return lane;
	}
	return NULL;
}

static int
note_turn(struct lasting *l, struct lane *lane, uint64_t records)
{
	if (l->begin == l->end)
		l->begin = l->end = 0;
	if (l->end == l->room) {
		size_t room = l->room ? 2 * l->room : 64;
		struct turn *turns =
			reallocarray(l->turns, room, sizeof(*turns));

		if (!turns)
			return flow_farm_trouble(l->farm);
		l->turns = turns;
		l->room = room;
	}
	l->turns[l->end++] = (struct turn){ lane, records };
	return 0;
}

/* The first LENGTH bytes of the input go to LANE, which takes their buffer. */
static int
give(struct lasting *l, struct lane *lane, size_t length)
{
	const struct flow_record *record = &l->farm->relay->record;
	size_t rest = held(&l->in) - length;
	struct bytes empty = lane->in;
	int status = 0;

	if (l->farm->relay->order == FLOW_ORDER_RECORDS)
		status = note_turn(l, lane,
				   flow_record_count(record,
						     l->in.data + l->in.begin,
						     length));
	empty.begin = empty.end = 0;
	if (make_room(&empty, rest + BLOCK) < 0)
		return flow_farm_trouble(l->farm);
	if (rest > 0)
		memcpy(empty.data, l->in.data + l->in.begin + length, rest);
	empty.end = rest;
	lane->in = l->in;
	lane->in.end = lane->in.begin + length;
	l->in = empty;
	l->whole -= length;
	l->seen = l->seen > length ? l->seen - length : 0;
	feed_lane(lane);
	return status;
}

/* Deals what there is, if somebody has room. Adds the bytes to *MOVED. */
static int
deal(struct lasting *l, size_t *moved)
{
	struct lane *lane;

	if (l->input_ended && held(&l->in) > l->whole) {
		const char *delimiter;
		size_t size;

		flow_record_delimiter(&l->farm->relay->record, &delimiter,
				      &size);
		if (size == 0) {
			flow_relay_note(l->farm->relay, FLOW_NOTE_RECORD, false,
					l->farm->input->pipe, 0);
			return FLOW_RELAY_DATA;
		}
		l->whole = held(&l->in);
	}
	if (l->whole == 0 || !(lane = free_lane(l)))
		return 0;
	*moved += l->whole;
	return give(l, lane, l->whole);
}

static int
read_input(struct lasting *l)
{
	struct flow_farm *farm = l->farm;
	ssize_t got;

	if (make_room(&l->in, BLOCK) < 0)
		return flow_farm_trouble(farm);
	got = read(farm->input->fd, l->in.data + l->in.end, BLOCK);
	if (got < 0 && (errno == EINTR || errno == EAGAIN))
		return 0;
	if (got < 0) {
		flow_relay_note(farm->relay, FLOW_NOTE_READ, true,
				farm->input->pipe, 0);
		return FLOW_RELAY_FAILED;
	}
	if (got == 0) {
		l->input_ended = true;
		return 0;
	}
	flow_relay_taken(farm->relay, farm->input->pipe, (uint64_t)got);
	l->in.end += (size_t)got;
	if (l->whole == 0)
		l->whole = flow_record_whole(&farm->relay->record,
					     l->in.data + l->in.begin,
					     held(&l->in), &l->seen);
	return 0;
}

/* --- lanes: what comes out */

static int
put(struct lasting *l, struct lane *lane, size_t length)
{
	const char *data = lane->out.data + lane->out.begin;
	int status = 0;

	if (length == 0)
		return 0;
	if (l->owed)
		status = flow_farm_write(l->farm, l->delimiter,
					 l->delimiter_size);
	l->owed = l->delimiter_size && data[length - 1] != *l->delimiter;
	if (status == 0)
		status = flow_farm_write(l->farm, data, length);
	lane->out.begin += length;
	lane->whole -= length;
	lane->seen = lane->seen > length ? lane->seen - length : 0;
	return status;
}

/* What LANE has put out by now. */
static void
find_whole(const struct lasting *l, struct lane *lane)
{
	if (lane->over && l->delimiter_size)
		lane->whole = held(&lane->out);
	else if (held(&lane->out) > lane->whole)
		lane->whole =
			flow_record_whole(&l->farm->relay->record,
					  lane->out.data + lane->out.begin,
					  held(&lane->out), &lane->seen)
				?: lane->whole;
}

static int
miscount(const struct lasting *l)
{
	flow_relay_note(l->farm->relay, FLOW_NOTE_COUNT, false,
			l->farm->output->pipe, l->record);
	return FLOW_RELAY_DATA;
}

/* The first COUNT records, or as many as are whole: their bytes; and how many. */
static size_t
measure(const struct lasting *l, const struct lane *lane, uint64_t *count)
{
	const struct flow_record *record = &l->farm->relay->out_record;
	const char *data = lane->out.data + lane->out.begin;
	uint64_t there = flow_record_count(record, data, lane->whole);
	size_t length = 0;

	if (there <= *count) {
		*count = there;
		return lane->whole;
	}
	for (uint64_t i = 0; i < *count; i++)
		length += flow_record_first(record, data + length,
					    lane->whole - length);
	return length;
}

static bool
failed(const struct lasting *l, const struct lane *lane)
{
	return lane->worker.reaped &&
	       !flow_worker_is_good(l->farm->relay, &lane->worker);
}

/* order=records: what comes next goes out as far as it is there. */
static int
put_in_order(struct lasting *l)
{
	int status = 0;

	while (status == 0 && l->begin < l->end) {
		struct turn *turn = &l->turns[l->begin];
		uint64_t count = turn->records;
		size_t length;

		find_whole(l, turn->lane);
		length = measure(l, turn->lane, &count);
		if (length == 0 && turn->lane->over) {
			if (!turn->lane->worker.reaped)
				return 0; /* its status says more than a count */
			return failed(l, turn->lane) ? 0 : miscount(l);
		}
		if (length == 0)
			return 0;
		status = put(l, turn->lane, length);
		turn->records -= count;
		l->record += count;
		l->begin += turn->records == 0;
	}
	/* a worker that puts out more and more for nothing waits for no turn */
	for (size_t i = 0; i < l->count && l->begin == l->end; i++)
		if (status == 0 && held(&l->lanes[i].out) >= AHEAD)
			return miscount(l);
	return status;
}

static int
put_as_it_comes(struct lasting *l)
{
	int status = 0;

	for (size_t i = 0; i < l->count && status == 0; i++) {
		find_whole(l, &l->lanes[i]);
		status = put(l, &l->lanes[i], l->lanes[i].whole);
	}
	return status;
}

/* May what LANE puts out go out at once, however much a record is? */
static bool
is_next(const struct lasting *l, const struct lane *lane)
{
	return l->farm->relay->order != FLOW_ORDER_RECORDS ||
	       (l->begin < l->end && l->turns[l->begin].lane == lane);
}

static bool
wants_output(const struct lasting *l, const struct lane *lane)
{
	return !lane->over && (held(&lane->out) < AHEAD || is_next(l, lane));
}

/* Reads what LANE has put out. 0, or a status. */
static int
read_lane(struct lasting *l, struct lane *lane, size_t *moved)
{
	ssize_t got;

	if (make_room(&lane->out, BLOCK) < 0)
		return flow_farm_trouble(l->farm);
	got = read(lane->worker.output, lane->out.data + lane->out.end,
		   lane->out.size - lane->out.end);
	if (got < 0)
		return errno == EINTR ? 0 : flow_farm_trouble(l->farm);
	*moved += (size_t)got;
	lane->out.end += (size_t)got;
	lane->over = got == 0;
	if (got == 0 && held(&lane->out) > lane->whole &&
	    l->delimiter_size == 0) {
		find_whole(l, lane);
		if (held(&lane->out) > lane->whole) {
			flow_relay_note(l->farm->relay, FLOW_NOTE_RECORD, false,
					UINT32_MAX, 0);
			return FLOW_RELAY_DATA;
		}
	}
	return 0;
}

/* --- the loop */

/* Sleeps until something can be done, and does the reading. */
static int
wait_for_work(struct lasting *l, size_t *moved)
{
	struct flow_farm *farm = l->farm;
	struct pollfd *in = &l->polled[0], *out = &l->polled[1],
		      *signals = &l->polled[2], *lanes = &l->polled[3];
	bool wanted = !l->input_ended && l->whole == 0;
	char drop[sizeof(uint64_t) * 64];
	int status = 0;

	*in = (struct pollfd){ .fd = wanted ? farm->input->fd : -1,
			       .events = POLLIN };
	*out = (struct pollfd){ .fd = farm->output->fd };
	*signals = (struct pollfd){ .fd = farm->signals, .events = POLLIN };
	for (size_t i = 0; i < l->count; i++) {
		struct lane *lane = &l->lanes[i];

		lanes[2 * i] = (struct pollfd){
			.fd = held(&lane->in) > 0 ? lane->input : -1,
			.events = POLLOUT,
		};
		lanes[2 * i + 1] = (struct pollfd){
			.fd = wants_output(l, lane) ? lane->worker.output : -1,
			.events = POLLIN,
		};
	}
	if (wanted)
		flow_relay_waits(farm->relay, farm->input->pipe, FLOW_WAIT_READ,
				 l->begin == l->end);
	if (poll(l->polled, 3 + 2 * l->count, -1) < 0 && errno != EINTR)
		status = flow_farm_trouble(farm);
	flow_relay_waits(farm->relay, farm->input->pipe, FLOW_WAIT_READ, false);
	if (status == 0 && flow_relay_reader_gone(out->revents))
		return FLOW_RELAY_GONE;
	while (signals->revents && read(farm->signals, drop, sizeof(drop)) > 0)
		;
	for (size_t i = 0; i < l->count && status == 0; i++) {
		if (lanes[2 * i].revents)
			*moved += feed_lane(&l->lanes[i]);
		if (lanes[2 * i + 1].revents)
			status = read_lane(l, &l->lanes[i], moved);
	}
	if (status == 0 && in->revents) {
		*moved += BLOCK;
		status = read_input(l);
	}
	return status;
}

/* The status of a worker that has failed, or 0. */
static int
reap(struct lasting *l)
{
	for (size_t i = 0; i < l->count; i++) {
		struct lane *lane = &l->lanes[i];

		flow_workers_reap(&lane->worker, 1);
		if (failed(l, lane))
			return flow_farm_failed(l->farm, &lane->worker);
	}
	return 0;
}

/* Once all has been dealt the workers see the end. */
static void
close_inputs(struct lasting *l)
{
	if (!l->input_ended || held(&l->in) > 0)
		return;
	for (size_t i = 0; i < l->count; i++)
		if (held(&l->lanes[i].in) == 0)
			close_input(&l->lanes[i]);
}

static bool
all_over(const struct lasting *l)
{
	for (size_t i = 0; i < l->count; i++)
		if (!l->lanes[i].over || !l->lanes[i].worker.reaped)
			return false;
	return true;
}

/* After the end: nothing may be left that belongs to no record dealt. */
static int
check_rest(const struct lasting *l)
{
	if (l->farm->relay->order != FLOW_ORDER_RECORDS)
		return 0;
	for (size_t i = 0; i < l->count; i++)
		if (held(&l->lanes[i].out) > 0)
			return miscount(l);
	if (l->begin < l->end || held(&l->in) > 0)
		return miscount(l);
	return 0;
}

static int
run(struct lasting *l)
{
	const struct timespec nap = { .tv_nsec = LAZY * 1000 };
	bool ordered = l->farm->relay->order == FLOW_ORDER_RECORDS;
	int status = 0;

	while (status == 0) {
		size_t moved = 0;

		status = wait_for_work(l, &moved);
		if (status == 0)
			status = deal(l, &moved);
		if (status == 0)
			status = reap(l);
		if (status == 0)
			status = ordered ? put_in_order(l) : put_as_it_comes(l);
		close_inputs(l);
		if (status == 0 && all_over(l))
			return check_rest(l);
		/* waking for every little write costs more than it moves */
		if (moved > 0 && moved < LITTLE)
			nanosleep(&nap, NULL);
	}
	return status;
}

int
flow_farm_lasting(struct flow_farm *farm)
{
	struct lasting l = {
		.farm = farm,
		.count = farm->relay->replicas,
		.record = 1,
	};
	size_t opened = 0;
	int status = 0;

	flow_record_delimiter(&farm->relay->out_record, &l.delimiter,
			      &l.delimiter_size);
	l.lanes = calloc(l.count, sizeof(*l.lanes));
	l.polled = calloc(3 + 2 * l.count, sizeof(*l.polled));
	if (!l.lanes || !l.polled)
		return flow_farm_trouble(farm);
	while (status == 0 && opened < l.count)
		status = open_lane(&l, &l.lanes[opened++]);
	if (status == 0)
		status = run(&l);
	for (size_t i = 0; i < opened; i++) {
		close_input(&l.lanes[i]);
		flow_workers_end(&l.lanes[i].worker, 1);
		free(l.lanes[i].in.data);
		free(l.lanes[i].out.data);
	}
	free(l.in.data);
	free(l.turns);
	free(l.polled);
	free(l.lanes);
	return status;
}
