/* SPDX-License-Identifier: GPL-3.0-or-later */
/* split-inside: the parts of the relay of split=; for them alone. */
#ifndef FLOW_SPLIT_INSIDE_H
#define FLOW_SPLIT_INSIDE_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "deals.h"
#include "outlet.h"

/* Bytes. */
enum {
	FLOW_SPLIT_BLOCK = 256
			   << 10, /* dealt at once under load; read at once */
	FLOW_SPLIT_LARGEST =
		1 << 20, /* so much of an unfinished record is kept */
};

/*
 * The input's bytes. A prefix of them are whole records; all before BEGIN has
 * been dealt, and taken once no outlet holds the others up.
 */
struct flow_splitter {
	struct flow_relay *relay;
	struct flow_relay_input *input;
	struct flow_outlet *outlets; /* as many as relay outputs */
	unsigned count; /* of outlets */
	char *data;
	size_t begin, end, size; /* bytes of data */
	size_t whole; /* bytes from begin on known to be whole records */
	size_t seen; /* bytes behind those known to hold no record's end */
	bool ready; /* the input may have data */
	bool ended; /* the input is at its end */
	bool nowhere; /* split=any: nobody has room for what is to be dealt */
	unsigned turn; /* the outlet that is next */
	uint64_t headers; /* records that still go to every output */

	/* a record too long to be kept passes on in pieces */
	bool within;
	unsigned to; /* the outlet that gets it, or FLOW_SPLIT_ALL */
	struct flow_record_place place;

	struct flow_deals deals;
	int scratch[2];
	int status; /* to end with when all has been delivered */

	struct pollfd *polled; /* the input's, then the outlets' */
	bool *awaited; /* as polled: a true sleep on it, told by its meter */
	int look; /* milliseconds to the next look at siblings */
};

static const unsigned FLOW_SPLIT_ALL = UINT32_MAX;

/*
 * Deals what can be dealt of the bytes that are there; no outlet may be holding
 * up. Returns the bytes dealt, or -1 after a note.
 */
ssize_t flow_split_deal(struct flow_splitter *split);

#endif
