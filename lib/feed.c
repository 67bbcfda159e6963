/* SPDX-License-Identifier: GPL-3.0-or-later */
/* feed: inputs as whole records, and an output that gathers them. */
#include "config.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "feed.h"
#include "io.h"

/* Bytes. */
enum {
	GATHERED = 256 << 10, /* of output, written at once */
	SMALLEST = 128 << 10, /* a buffer at first */
	READ_MOST = 1 << 20, /* asked of one read */
	LARGEST =
		1
		<< 20, /* so much of an unfinished record is kept to pass it whole */
	HEAD = 4, /* as much as tells how long a record is */
};

int
flow_sink_open(struct flow_sink *sink, const struct flow_relay *relay)
{
	*sink = (struct flow_sink){ .relay = relay, .output = relay->outputs };
	flow_record_delimiter(&relay->record, &sink->delimiter,
			      &sink->delimiter_size);
	sink->data = malloc(GATHERED);
	if (sink->data)
		return 0;
	flow_relay_note(relay, FLOW_NOTE_MEMORY, true, UINT32_MAX, GATHERED);
	return FLOW_RELAY_FAILED;
}

static int
write_out(struct flow_sink *sink, const char *data, size_t length)
{
	const struct flow_relay *relay = sink->relay;
	uint32_t pipe = sink->output->pipe;
	int failed;

	flow_relay_waits(relay, pipe, FLOW_WAIT_WRITE, true);
	failed = flow_io_write_all(sink->output->fd, data, length);
	flow_relay_waits(relay, pipe, FLOW_WAIT_WRITE, false);
	if (!failed) {
		flow_relay_put(relay, pipe, length);
		return 0;
	}
	if (errno == EPIPE || errno == ECONNRESET)
		return FLOW_RELAY_GONE;
	flow_relay_note(relay, FLOW_NOTE_WRITE, true, pipe, 0);
	return FLOW_RELAY_FAILED;
}

int
flow_sink_flush(struct flow_sink *sink)
{
	size_t length = sink->length;

	sink->length = 0;
	return length ? write_out(sink, sink->data, length) : 0;
}

int
flow_sink_more(struct flow_sink *sink, const char *data, size_t length)
{
	int status = 0;

	if (sink->length + length > GATHERED)
		status = flow_sink_flush(sink);
	if (status)
		return status;
	if (length >= GATHERED / 2)
		return sink->length && (status = flow_sink_flush(sink))
			       ? status
			       : write_out(sink, data, length);
	memcpy(sink->data + sink->length, data, length);
	sink->length += length;
	return 0;
}

int
flow_sink_put(struct flow_sink *sink, const char *data, size_t length)
{
	int status = 0;

	if (length == 0)
		return 0;
	if (sink->owed)
		status = flow_sink_more(sink, sink->delimiter,
					sink->delimiter_size);
	sink->owed = false;
	return status ? status : flow_sink_more(sink, data, length);
}

void
flow_sink_owe(struct flow_sink *sink)
{
	sink->owed = sink->delimiter_size > 0;
}

int
flow_sink_close(struct flow_sink *sink, int status)
{
	if (status == 0)
		status = flow_sink_flush(sink);
	else if (status != FLOW_RELAY_GONE && sink->data)
		flow_sink_flush(sink); /* what came before the trouble */
	free(sink->data);
	close(sink->output->fd);
	sink->output->fd = -1;
	return status;
}

void
flow_feed_open(struct flow_feed *feed, const struct flow_relay *relay,
	       struct flow_relay_input *input)
{
	*feed = (struct flow_feed){ .relay = relay, .input = input };
}

/* Room for a read behind what is there: by moving, or by growing. */
static int
make_room(struct flow_feed *feed)
{
	size_t start = feed->begin - feed->keep;
	size_t held = feed->end - start;
	char *data;

	if (feed->size - feed->end >= SMALLEST / 2)
		return 0;
	if (start && held <= feed->size / 2) {
		memmove(feed->data, feed->data + start, held);
		feed->begin -= start;
		feed->end -= start;
		return 0;
	}
	data = realloc(feed->data, feed->size ? 2 * feed->size : SMALLEST);
	if (!data) {
		flow_relay_note(feed->relay, FLOW_NOTE_MEMORY, true,
				feed->input->pipe, feed->size);
		return FLOW_RELAY_FAILED;
	}
	feed->data = data;
	feed->size = feed->size ? 2 * feed->size : SMALLEST;
	return 0;
}

static void
find_whole(struct flow_feed *feed)
{
	size_t length = feed->end - feed->begin;

	feed->whole = length == 0 ? 0
				  : flow_record_whole(&feed->relay->record,
						      feed->data + feed->begin,
						      length, &feed->seen);
}

/* The input has ended: what is left is a last record, if it may be one. */
static int
finish(struct flow_feed *feed)
{
	const char *delimiter;
	size_t size;

	feed->ended = true;
	feed->seen = 0; /* what came since the last look counts too */
	find_whole(feed);
	if (feed->whole == feed->end - feed->begin)
		return 0;
	flow_record_delimiter(&feed->relay->record, &delimiter, &size);
	if (size == 0) {
		flow_relay_note(feed->relay, FLOW_NOTE_RECORD, false,
				feed->input->pipe, feed->end - feed->begin);
		return FLOW_RELAY_DATA;
	}
	feed->whole = feed->end - feed->begin;
	return 0;
}

static int
read_once(struct flow_feed *feed)
{
	size_t room;
	ssize_t got;

	if (make_room(feed))
		return FLOW_RELAY_FAILED;
	room = feed->size - feed->end;
	do
		got = read(feed->input->fd, feed->data + feed->end,
			   room < READ_MOST ? room : READ_MOST);
	while (got < 0 && errno == EINTR);
	if (got < 0 && errno == EAGAIN)
		return 0;
	if (got < 0) {
		flow_relay_note(feed->relay, FLOW_NOTE_READ, true,
				feed->input->pipe, 0);
		return FLOW_RELAY_FAILED;
	}
	if (got == 0)
		return finish(feed);
	flow_relay_taken(feed->relay, feed->input->pipe, (uint64_t)got);
	feed->end += (size_t)got;
	if (feed->whole == 0)
		find_whole(feed);
	return 0;
}

static bool
is_asked(const struct flow_feed *feed, size_t most)
{
	return !feed->ended && (most == 0 || feed->end - feed->begin < most);
}

static void
tell(const struct flow_feed *feeds, size_t count, size_t most, bool waits)
{
	for (size_t i = 0; i < count; i++)
		if (is_asked(&feeds[i], most))
			flow_relay_waits(feeds[i].relay, feeds[i].input->pipe,
					 FLOW_WAIT_READ, waits);
}

int
flow_feed_wait(struct flow_feed *feeds, size_t count, size_t most,
	       struct flow_sink *sink, int extra, bool *extra_ready)
{
	struct pollfd *polled = calloc(count + 2, sizeof(*polled));
	int changed, status = 0;

	if (!polled) {
		flow_relay_note(sink->relay, FLOW_NOTE_MEMORY, true, UINT32_MAX,
				0);
		return FLOW_RELAY_FAILED;
	}
	polled[count] = (struct pollfd){ .fd = sink->output->fd };
	polled[count + 1] = (struct pollfd){ .fd = extra, .events = POLLIN };
	for (size_t i = 0; i < count; i++)
		polled[i] = (struct pollfd){
			.fd = is_asked(&feeds[i], most) ? feeds[i].input->fd
							: -1,
			.events = POLLIN,
		};
	changed = poll(polled, count + 2, 0);
	if (changed == 0) {
		status = flow_sink_flush(sink);
		tell(feeds, count, most, true);
		do
			changed = status ? 0 : poll(polled, count + 2, -1);
		while (changed < 0 && errno == EINTR);
		tell(feeds, count, most, false);
	}
	if (status == 0 && changed > 0 &&
	    flow_relay_reader_gone(polled[count].revents))
		status = FLOW_RELAY_GONE;
	for (size_t i = 0; i < count && status == 0; i++)
		if (polled[i].revents)
			status = read_once(&feeds[i]);
	if (extra_ready)
		*extra_ready = polled[count + 1].revents != 0;
	free(polled);
	return status;
}

int
flow_feed_fill(struct flow_feed *feed, struct flow_sink *sink)
{
	int status = 0;

	while (status == 0 && feed->whole == 0 && !feed->ended)
		status = flow_feed_wait(feed, 1, 0, sink, -1, NULL);
	return status;
}

void
flow_feed_take(struct flow_feed *feed, size_t length)
{
	feed->begin += length;
	feed->whole -= length;
	feed->seen = feed->seen > length ? feed->seen - length : 0;
	if (feed->whole == 0) {
		feed->seen = 0;
		find_whole(feed);
		if (feed->ended)
			feed->whole = feed->end - feed->begin;
	}
}

/* Forgets LENGTH bytes of the record under way; what follows is no record's start. */
static void
skip(struct flow_feed *feed, size_t length)
{
	feed->begin += length;
	feed->whole = 0;
	feed->seen = feed->end - feed->begin;
}

/* The input has ended within the record that was under way. */
static int
end_within(struct flow_feed *feed, struct flow_sink *sink, char last, bool drop)
{
	if (sink->delimiter_size == 0) {
		flow_relay_note(feed->relay, FLOW_NOTE_RECORD, false,
				feed->input->pipe, 0);
		return FLOW_RELAY_DATA;
	}
	if (!drop && last != *sink->delimiter)
		flow_sink_owe(sink);
	return 0;
}

/* A record larger than LARGEST: in pieces, as they come. */
static int
pass_large(struct flow_feed *feed, struct flow_sink *sink, bool drop)
{
	const struct flow_record *record = &feed->relay->record;
	struct flow_record_place place;
	bool ended = false;
	char last = '\0';
	int status;

	flow_record_enter(record, feed->data + feed->begin, HEAD, &place);
	status = drop ? 0 : flow_sink_put(sink, feed->data + feed->begin, HEAD);
	skip(feed, HEAD);
	while (status == 0 && !ended) {
		const char *data = feed->data + feed->begin;
		size_t length = flow_record_pass(
			record, &place, data, feed->end - feed->begin, &ended);

		if (feed->ended && !ended)
			length = feed->end - feed->begin;
		if (length > 0)
			last = data[length - 1];
		if (!drop)
			status = flow_sink_more(sink, data, length);
		skip(feed, length);
		if (status || ended)
			break;
		if (feed->ended)
			return end_within(feed, sink, last, drop);
		status = flow_feed_wait(feed, 1, 0, sink, -1, NULL);
	}
	feed->seen = 0;
	flow_feed_take(feed, 0);
	return status;
}

int
flow_feed_pass(struct flow_feed *feed, struct flow_sink *sink, bool drop)
{
	const struct flow_record *record = &feed->relay->record;
	const char *data;
	size_t length;
	int status = 0;

	while (status == 0 && feed->whole == 0 && !feed->ended &&
	       feed->end - feed->begin < LARGEST)
		status = flow_feed_wait(feed, 1, 0, sink, -1, NULL);
	if (status || flow_feed_over(feed))
		return status;
	if (feed->whole == 0)
		return pass_large(feed, sink, drop);
	data = feed->data + feed->begin;
	length = flow_record_first(record, data, feed->whole);
	if (!drop) {
		status = flow_sink_put(sink, data, length);
		if (sink->delimiter_size &&
		    data[length - 1] != *sink->delimiter)
			flow_sink_owe(sink);
	}
	flow_feed_take(feed, length);
	return status;
}

void
flow_feed_close(struct flow_feed *feed)
{
	free(feed->data);
	feed->data = NULL;
	if (feed->input->fd >= 0)
		close(feed->input->fd);
	feed->input->fd = -1;
}
