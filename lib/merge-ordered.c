/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * merge-ordered: the order in which a split dealt its records, from what it
 * told of each block. Inputs whose turn has not come are read ahead, so that
 * their writers go on meanwhile.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "feed.h"

enum {
	AHEAD = 4 << 20, /* bytes that an input is read before its turn */
	FEW = 256, /* records that are better walked than counted */
};

struct ordered {
	struct flow_relay *relay;
	struct flow_feed *feeds;
	struct flow_sink sink;
	struct flow_deal *deals; /* told, and not yet done */
	size_t begin, end, room; /* of deals */
	bool heard; /* one has been told */
	bool told; /* all of them */
	bool headed; /* the header has been put */
	uint64_t record; /* the next one's number, from 1 */
};

static int
no_memory(const struct flow_relay *relay)
{
	flow_relay_note(relay, FLOW_NOTE_MEMORY, true, UINT32_MAX, 0);
	return FLOW_RELAY_FAILED;
}

/* What came from FEED is not what went in there. */
static int
miscount(const struct ordered *ordered, const struct flow_feed *feed)
{
	flow_relay_note(ordered->relay, FLOW_NOTE_COUNT, false,
			feed->input->pipe, ordered->record);
	return FLOW_RELAY_DATA;
}

/* Reads what the split has told; the pipe is known to have something. */
static int
hear(struct ordered *ordered)
{
	struct flow_deal deals[256];
	ssize_t got;
	size_t count;

	do
		got = read(ordered->relay->deals, deals, sizeof(deals));
	while (got < 0 && errno == EINTR);
	if (got <= 0) {
		ordered->told = true;
		return 0;
	}
	count = (size_t)got / sizeof(*deals); /* written whole, so read whole */
	if (ordered->begin == ordered->end)
		ordered->begin = ordered->end = 0;
	if (ordered->end + count > ordered->room) {
		size_t room = 2 * (ordered->end + count);
		void *grown = reallocarray(ordered->deals, room,
					   sizeof(*ordered->deals));

		if (!grown)
			return no_memory(ordered->relay);
		ordered->deals = grown;
		ordered->room = room;
	}
	ordered->heard = true;
	memcpy(ordered->deals + ordered->end, deals, (size_t)got);
	ordered->end += count;
	return 0;
}

/* Sleeps until something has come from anywhere. */
static int
wait_for_any(struct ordered *ordered, struct flow_feed *head)
{
	size_t most = AHEAD;
	bool heard = false;
	int status;

	/* Of a header nothing is told before all have all of it, however long. */
	if (!ordered->heard)
		most = SIZE_MAX;
	/* The head may hold a record larger than all others may be ahead. */
	else if (head && head->end - head->begin >= most)
		most = head->end - head->begin + 1;
	status = flow_feed_wait(ordered->feeds, ordered->relay->input_count,
				most, &ordered->sink,
				ordered->told ? -1 : ordered->relay->deals,
				&heard);
	return status == 0 && heard ? hear(ordered) : status;
}

static int
await_records(struct ordered *ordered, struct flow_feed *feed)
{
	int status = 0;

	while (status == 0 && feed->whole == 0 && !feed->ended)
		status = wait_for_any(ordered, feed);
	if (status == 0 && flow_feed_over(feed))
		return miscount(ordered, feed);
	return status;
}

/* The first LENGTH bytes of FEED go on. */
static int
put(struct ordered *ordered, struct flow_feed *feed, size_t length)
{
	struct flow_sink *sink = &ordered->sink;
	const char *data = feed->data + feed->begin;
	int status = flow_sink_put(sink, data, length);

	if (sink->delimiter_size && data[length - 1] != *sink->delimiter)
		flow_sink_owe(sink);
	flow_feed_take(feed, length);
	return status;
}

/* The size of the first COUNT records that FEED has whole, or of all; how many. */
static size_t
measure(const struct flow_relay *relay, const struct flow_feed *feed,
	uint64_t *count)
{
	const char *data = feed->data + feed->begin;
	uint64_t wanted = *count, there = 0;
	size_t length = 0;

	/* counting all is fast, but not for each of many small deals */
	if (wanted >= FEW)
		there = flow_record_count(&relay->record, data, feed->whole);
	if (there > 0 && there <= wanted) {
		*count = there;
		return feed->whole;
	}
	for (*count = 0; *count < wanted && length < feed->whole; ++*count)
		length += flow_record_first(&relay->record, data + length,
					    feed->whole - length);
	return length;
}

/* The headers of a branch: one copy is put, the others are dropped. */
static int
do_headers(struct ordered *ordered, struct flow_feed *feed, uint32_t count)
{
	int status = 0;

	for (uint32_t i = 0; i < count && status == 0; i++) {
		size_t length;

		status = await_records(ordered, feed);
		if (status)
			break;
		length = flow_record_first(&ordered->relay->record,
					   feed->data + feed->begin,
					   feed->whole);
		if (ordered->headed)
			flow_feed_take(feed, length);
		else
			status = put(ordered, feed, length);
	}
	ordered->headed |= count > 0;
	return status;
}

static int
do_deal(struct ordered *ordered, const struct flow_deal *deal)
{
	struct flow_feed *feed;
	uint64_t left = deal->records;
	int status;

	if (deal->output >= ordered->relay->input_count)
		return FLOW_RELAY_FAILED;
	feed = &ordered->feeds[deal->output];
	status = do_headers(ordered, feed, deal->headers);
	while (status == 0 && left > 0) {
		uint64_t count = left;
		size_t length;

		status = await_records(ordered, feed);
		if (status)
			break;
		length = measure(ordered->relay, feed, &count);
		status = put(ordered, feed, length);
		left -= count;
		ordered->record += count;
	}
	return status;
}

/* After the last deal nothing may be left. */
static int
check_ends(struct ordered *ordered)
{
	int status = 0;

	for (size_t i = 0; i < ordered->relay->input_count && status == 0;
	     i++) {
		struct flow_feed *feed = &ordered->feeds[i];

		status = flow_feed_fill(feed, &ordered->sink);
		if (status == 0 && !flow_feed_over(feed))
			status = miscount(ordered, feed);
	}
	return status;
}

static int
merge(struct ordered *ordered)
{
	int status = 0;

	while (status == 0) {
		if (ordered->begin < ordered->end) {
			struct flow_deal deal =
				ordered->deals[ordered->begin++];

			status = do_deal(ordered, &deal);
		} else if (ordered->told) {
			return check_ends(ordered);
		} else {
			status = wait_for_any(ordered, NULL);
		}
	}
	return status;
}

int
flow_merge_ordered(struct flow_relay *relay)
{
	struct ordered ordered = { .relay = relay, .record = 1 };
	int status = flow_sink_open(&ordered.sink, relay);

	ordered.feeds = calloc(relay->input_count + 1, sizeof(*ordered.feeds));
	if (!ordered.feeds)
		return no_memory(relay);
	for (size_t i = 0; i < relay->input_count; i++)
		flow_feed_open(&ordered.feeds[i], relay, &relay->inputs[i]);
	if (status == 0)
		status = merge(&ordered);
	for (size_t i = 0; i < relay->input_count; i++)
		flow_feed_close(&ordered.feeds[i]);
	free(ordered.feeds);
	free(ordered.deals);
	close(relay->deals);
	return flow_sink_close(&ordered.sink, status);
}
