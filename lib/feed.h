/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * feed: one input of a relay as whole records, and sink: its output, gathered.
 * Internal to the merges that choose record by record.
 */
#ifndef FLOW_FEED_H
#define FLOW_FEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "relay-inside.h"

struct flow_sink {
	const struct flow_relay *relay;
	struct flow_relay_output *output;
	char *data; /* gathered, not yet written */
	size_t length;
	const char *delimiter;
	size_t delimiter_size; /* bytes: 0 or 1 */
	bool owed; /* the delimiter, before anything else */
};

struct flow_feed {
	const struct flow_relay *relay;
	struct flow_relay_input *input;
	char *data;
	size_t size; /* of data */
	size_t begin, end; /* what is there and not yet taken */
	size_t keep; /* bytes before begin that must stay where they are */
	size_t whole; /* bytes from begin that are whole records */
	size_t seen; /* bytes from begin known to hold no record's end */
	bool ended; /* no more will come; whole is all, the last may lack its delimiter */
};

/* 0, or the status that the relay ends with, after a note. */
int flow_sink_open(struct flow_sink *sink, const struct flow_relay *relay);
/* Puts LENGTH bytes that begin at the start of a record. 0, or a status. */
int flow_sink_put(struct flow_sink *sink, const char *data, size_t length);
/* Puts a part of a record that is under way. */
int flow_sink_more(struct flow_sink *sink, const char *data, size_t length);
/* The record just put lacked its delimiter: it is due before the next. */
void flow_sink_owe(struct flow_sink *sink);
/* Writes what is gathered. 0, or a status. */
int flow_sink_flush(struct flow_sink *sink);
/* Flushes, unless STATUS says that all is over, and closes; STATUS or what failed. */
int flow_sink_close(struct flow_sink *sink, int status);

void flow_feed_open(struct flow_feed *feed, const struct flow_relay *relay,
		    struct flow_relay_input *input);
/*
 * Sleeps until one of COUNT FEEDS that has not ended and holds less than MOST
 * bytes has something, or EXTRA (a descriptor, or -1) has; then reads once from
 * each that has. The sink is flushed before sleeping. With MOST 0 the first
 * alone is asked, however much it holds. *EXTRA_READY (may be NULL) tells of
 * EXTRA. 0, or a status.
 */
int flow_feed_wait(struct flow_feed *feeds, size_t count, size_t most,
		   struct flow_sink *sink, int extra, bool *extra_ready);
/* Until FEED has a whole record or has ended. 0, or a status. */
int flow_feed_fill(struct flow_feed *feed, struct flow_sink *sink);
/* Takes LENGTH bytes, whole records, off the front. */
void flow_feed_take(struct flow_feed *feed, size_t length);
/*
 * Passes one record on to SINK, or nowhere when DROP, however large it is, in
 * pieces if need be. FEED must not be at its end. 0, or a status.
 */
int flow_feed_pass(struct flow_feed *feed, struct flow_sink *sink, bool drop);
/* Is there nothing more? True after flow_feed_fill only. */
static inline bool
flow_feed_over(const struct flow_feed *feed)
{
	return feed->ended && feed->begin == feed->end;
}
void flow_feed_close(struct flow_feed *feed);

#endif
