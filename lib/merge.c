/* SPDX-License-Identifier: GPL-3.0-or-later */
/* merge: the relay of merge=any: whole records, as they come. */
#include "config.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io.h"
#include "relay-inside.h"

/* Bytes. */
enum {
	SMALLEST = 64 << 10, /* a buffer at first */
	BUSY = 256 << 10, /* a buffer of an input that fills it */
	LARGEST = 1 << 20, /* so much of an unfinished record is kept */
	TAGGED = 64 << 10, /* of prefixed lines, written at once */
};

struct feed {
	struct flow_relay_input *input;
	char *data; /* begins at the start of a record, or within the one held */
	size_t length, size;
	size_t seen; /* bytes of data known to hold no record's end */
};

struct merge {
	struct flow_relay *relay;
	struct flow_relay_output *output;
	struct feed *feeds;
	size_t feed_count; /* those that have not ended */
	struct pollfd *polled; /* the output's, then the feeds' */
	struct feed
		*holder; /* its record is too long: others wait for its end */
	struct flow_record_place place; /* in that record */
	const char *delimiter;
	size_t delimiter_size; /* bytes: 0 or 1 */
	bool owed; /* the delimiter, before anything else */
	char last; /* byte written */
	char *tagged; /* TAGGED bytes, to put prefixes in */
};

/* Writes as it is. 0, or the status to end with. */
static int
put_plain(struct merge *merge, const char *data, size_t length)
{
	struct flow_relay *relay = merge->relay;
	uint32_t pipe = merge->output->pipe;
	int failed;

	if (length == 0)
		return 0;
	flow_relay_waits(relay, pipe, FLOW_WAIT_WRITE, true);
	failed = flow_io_write_all(merge->output->fd, data, length);
	flow_relay_waits(relay, pipe, FLOW_WAIT_WRITE, false);
	if (!failed) {
		flow_relay_put(relay, pipe, length);
		merge->last = data[length - 1];
		return 0;
	}
	if (errno == EPIPE || errno == ECONNRESET)
		return FLOW_RELAY_GONE;
	flow_relay_note(relay, FLOW_NOTE_WRITE, true, pipe, 0);
	return FLOW_RELAY_FAILED;
}

/* Writes LENGTH bytes that begin at the start of a line, each line prefixed. */
static int
put_tagged(struct merge *merge, const char *prefix, const char *data,
	   size_t length)
{
	size_t prefix_size = strlen(prefix), filled = 0;
	const char *end = data + length;
	int status = 0;

	while (data < end && status == 0) {
		const char *newline = memchr(data, '\n', (size_t)(end - data));
		size_t line = (size_t)((newline ? newline + 1 : end) - data);

		if (filled + prefix_size + line > TAGGED) {
			status = put_plain(merge, merge->tagged, filled);
			filled = 0;
		}
		if (status == 0 && prefix_size + line > TAGGED) {
			status = put_plain(merge, prefix, prefix_size);
			if (status == 0)
				status = put_plain(merge, data, line);
		} else if (status == 0) {
			memcpy(merge->tagged + filled, prefix, prefix_size);
			memcpy(merge->tagged + filled + prefix_size, data,
			       line);
			filled += prefix_size + line;
		}
		data += line;
	}
	return status ? status : put_plain(merge, merge->tagged, filled);
}

/* Writes what begins a record of FEED, after what is owed. */
static int
put_records(struct merge *merge, const struct feed *feed, size_t length)
{
	int status = 0;

	if (length == 0)
		return 0;
	if (merge->owed)
		status = put_plain(merge, merge->delimiter,
				   merge->delimiter_size);
	merge->owed = false;
	if (status)
		return status;
	return feed->input->prefix ? put_tagged(merge, feed->input->prefix,
						feed->data, length)
				   : put_plain(merge, feed->data, length);
}

static void
drop_front(struct feed *feed, size_t length)
{
	feed->length -= length;
	feed->seen = feed->seen > length ? feed->seen - length : 0;
	if (length && feed->length)
		memmove(feed->data, feed->data + length, feed->length);
}

/* A buffer that is full of an unfinished record, or always full, grows. */
static int
make_room(struct merge *merge, struct feed *feed)
{
	size_t size = feed->size ? feed->size * 2 : SMALLEST;
	char *data;

	if (feed->length < feed->size)
		return 0;
	data = realloc(feed->data, size);
	if (!data) {
		flow_relay_note(merge->relay, FLOW_NOTE_MEMORY, true,
				feed->input->pipe, size);
		return FLOW_RELAY_FAILED;
	}
	feed->data = data;
	feed->size = size;
	return 0;
}

/* Passes on what FEED has of the record that holds the output. */
static int
continue_record(struct merge *merge, struct feed *feed, size_t offset)
{
	bool ended;
	size_t more = flow_record_pass(&merge->relay->record, &merge->place,
				       feed->data + offset,
				       feed->length - offset, &ended);
	int status = offset ? put_records(merge, feed, offset + more)
			    : put_plain(merge, feed->data, more);

	drop_front(feed, offset + more);
	feed->seen = 0;
	merge->holder = ended ? NULL : feed;
	return status;
}

/* Writes the whole records that FEED has. */
static int
forward(struct merge *merge, struct feed *feed)
{
	const struct flow_record *record = &merge->relay->record;
	/* As much as tells how long the record is. */
	enum { HEAD = 4 };
	size_t whole;
	int status;

	if (merge->holder) {
		status = continue_record(merge, feed, 0);
		if (status || merge->holder)
			return status;
	}
	whole = flow_record_whole(record, feed->data, feed->length,
				  &feed->seen);
	status = put_records(merge, feed, whole);
	drop_front(feed, whole);
	if (status || feed->length < LARGEST)
		return status;
	flow_record_enter(record, feed->data, HEAD, &merge->place);
	return continue_record(merge, feed, HEAD);
}

/* FEED is at its end. 0, or the status to end with. */
static int
finish(struct merge *merge, struct feed *feed)
{
	bool within = merge->holder == feed;
	int status = 0;

	if ((feed->length || within) && merge->delimiter_size == 0) {
		flow_relay_note(merge->relay, FLOW_NOTE_RECORD, false,
				feed->input->pipe, feed->length);
		return FLOW_RELAY_DATA;
	}
	if (feed->length || within) {
		status = within ? put_plain(merge, feed->data, feed->length)
				: put_records(merge, feed, feed->length);
		merge->owed = merge->last != *merge->delimiter;
		if (status == 0 && merge->owed && feed->input->prefix) {
			status = put_plain(merge, merge->delimiter, 1);
			merge->owed = false;
		}
	}
	merge->holder = NULL;
	close(feed->input->fd);
	feed->input->fd = -1;
	free(feed->data);
	feed->data = NULL;
	return status;
}

/* Reads once from FEED, which has something. *ENDED: that was its end. */
static int
serve(struct merge *merge, struct feed *feed, bool *ended)
{
	int status = make_room(merge, feed);
	size_t room;
	ssize_t got;

	*ended = false;
	if (status)
		return status;
	room = feed->size - feed->length;
	got = read(feed->input->fd, feed->data + feed->length, room);
	if (got < 0 && (errno == EINTR || errno == EAGAIN))
		return 0;
	if (got < 0) {
		flow_relay_note(merge->relay, FLOW_NOTE_READ, true,
				feed->input->pipe, 0);
		return FLOW_RELAY_FAILED;
	}
	if (got == 0) {
		*ended = true;
		return finish(merge, feed);
	}
	flow_relay_taken(merge->relay, feed->input->pipe, (uint64_t)got);
	feed->length += (size_t)got;
	if (feed->length == feed->size && feed->size < BUSY)
		status = make_room(merge, feed);
	return status ? status : forward(merge, feed);
}

static bool
wanted(const struct merge *merge, const struct feed *feed)
{
	return !merge->holder || merge->holder == feed;
}

/* Sleeps until an input that is wanted has something. 0, or a status. */
static int
wait_for_input(struct merge *merge)
{
	struct flow_relay *relay = merge->relay;
	int changed;

	merge->polled[0].fd = merge->output->fd;
	merge->polled[0].events = 0;
	for (size_t i = 0; i < merge->feed_count; i++) {
		struct feed *feed = &merge->feeds[i];
		bool want = wanted(merge, feed);

		merge->polled[1 + i].fd = want ? feed->input->fd : -1;
		merge->polled[1 + i].events = POLLIN;
		if (want)
			flow_relay_waits(relay, feed->input->pipe,
					 FLOW_WAIT_READ, true);
	}
	do
		changed = poll(merge->polled, 1 + merge->feed_count, -1);
	while (changed < 0 && errno == EINTR);
	for (size_t i = 0; i < merge->feed_count; i++)
		if (wanted(merge, &merge->feeds[i]))
			flow_relay_waits(relay, merge->feeds[i].input->pipe,
					 FLOW_WAIT_READ, false);
	if (changed < 0) {
		flow_relay_note(relay, FLOW_NOTE_MEMORY, true, UINT32_MAX, 0);
		return FLOW_RELAY_FAILED;
	}
	return flow_relay_reader_gone(merge->polled[0].revents)
		       ? FLOW_RELAY_GONE
		       : 0;
}

/* Every input that has something is read once: none can starve another. */
static int
serve_all(struct merge *merge)
{
	size_t kept = 0;
	int status = 0;

	for (size_t i = 0; i < merge->feed_count; i++) {
		struct feed *feed = &merge->feeds[i];
		bool ended = false;

		if (status == 0 && merge->polled[1 + i].revents &&
		    wanted(merge, feed))
			status = serve(merge, feed, &ended);
		if (ended)
			continue;
		if (merge->holder == feed)
			merge->holder = &merge->feeds[kept];
		merge->feeds[kept++] = *feed;
	}
	merge->feed_count = kept;
	return status;
}

static int
prepare(struct merge *merge)
{
	struct flow_relay *relay = merge->relay;
	size_t count = relay->input_count;

	merge->feeds = calloc(count + 1, sizeof(*merge->feeds));
	merge->polled = calloc(count + 1, sizeof(*merge->polled));
	merge->tagged = malloc(TAGGED);
	if (!merge->feeds || !merge->polled || !merge->tagged) {
		flow_relay_note(relay, FLOW_NOTE_MEMORY, true, UINT32_MAX, 0);
		return FLOW_RELAY_FAILED;
	}
	for (size_t i = 0; i < count; i++)
		merge->feeds[i].input = &relay->inputs[i];
	merge->feed_count = count;
	flow_record_delimiter(&relay->record, &merge->delimiter,
			      &merge->delimiter_size);
	return 0;
}

int
flow_merge_any(struct flow_relay *relay)
{
	struct merge merge = { .relay = relay, .output = relay->outputs };
	int status = prepare(&merge);

	while (status == 0 && merge.feed_count > 0) {
		status = wait_for_input(&merge);
		if (status == 0)
			status = serve_all(&merge);
	}
	for (size_t i = 0; i < merge.feed_count; i++) {
		free(merge.feeds[i].data);
		close(merge.feeds[i].input->fd);
		merge.feeds[i].input->fd = -1;
	}
	free(merge.tagged);
	free(merge.polled);
	free(merge.feeds);
	close(relay->outputs->fd);
	relay->outputs->fd = -1;
	return status;
}
