/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * merge-sorted: sorted inputs into one sorted output. The inputs stand in the
 * order of their first records; what the first of them has up to the second's
 * record goes out in one piece.
 */
#include "config.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "feed.h"
#include "keys.h"

/* What a record is compared by. */
struct key {
	const char *record; /* its content, for keys of several fields */
	size_t size;
	const char *text; /* the first field of the key, or the content */
	size_t length;
	uint64_t prefix; /* how text begins, to be compared as a number */
};

struct run {
	struct flow_feed feed;
	size_t index; /* of the input: equal records come in that order */
	size_t length; /* of the record at the front; 0: the input is over */
	struct key key; /* of that record */
	uint64_t number; /* of that record, from 1 */
};

struct sorted {
	struct flow_relay *relay;
	struct run *runs;
	struct run **order; /* those that are not over, smallest first */
	size_t count; /* of order */
	struct flow_sink sink;
	bool plain; /* keys are one field, compared as bytes, ascending */
	int delimiter; /* one byte ends a record and is no content; -1: no */
};

/* The first eight bytes of TEXT, zeros where it is shorter. */
static inline uint64_t
prefix_of(const char *text, size_t length)
{
	uint64_t prefix = 0;

	if (length >= 8)
		memcpy(&prefix, text, 8);
	else
		memcpy(&prefix, text, length);
	return be64toh(prefix);
}

static inline struct key
key_of(const struct sorted *sorted, const char *data, size_t size)
{
	const struct flow_keys *keys = &sorted->relay->keys;
	struct key key = { .record = data, .size = size };

	if (sorted->delimiter >= 0)
		key.size -= size && data[size - 1] == (char)sorted->delimiter;
	else
		flow_keys_content(&sorted->relay->record, &key.record,
				  &key.size);
	key.text = key.record;
	key.length = key.size;
	if (!sorted->plain)
		return key;
	if (keys->count)
		key.text = flow_keys_field(keys, 0, key.record, key.size,
					   &key.length);
	key.prefix = prefix_of(key.text, key.length);
	return key;
}

/* Less than 0, 0 or more, as A belongs before, with or behind B. */
static inline int
compare(const struct sorted *sorted, const struct key *a, const struct key *b)
{
	size_t common;
	int order = 0;

	if (!sorted->plain)
		return flow_keys_compare(&sorted->relay->keys, a->record,
					 a->size, b->record, b->size);
	if (a->prefix != b->prefix)
		return a->prefix < b->prefix ? -1 : 1;
	common = a->length < b->length ? a->length : b->length;
	if (common > 8)
		order = memcmp(a->text + 8, b->text + 8, common - 8);
	if (order == 0)
		order = (a->length > b->length) - (a->length < b->length);
	return order;
}

static inline const char *
front(const struct run *run)
{
	return run->feed.data + run->feed.begin;
}

/* Does KEY of input INDEX come before the front of RUN? */
static inline bool
before(const struct sorted *sorted, const struct key *key, size_t index,
       const struct run *run)
{
	int order = compare(sorted, key, &run->key);

	return order != 0 ? order < 0 : index < run->index;
}

/* RUN's next record is at its front, or it is over. 0, or a status. */
static int
look(struct sorted *sorted, struct run *run)
{
	int status = flow_feed_fill(&run->feed, &sorted->sink);

	run->length = 0;
	if (status || flow_feed_over(&run->feed))
		return status;
	run->length = flow_record_first(&sorted->relay->record, front(run),
					run->feed.whole);
	run->key = key_of(sorted, front(run), run->length);
	return 0;
}

static int
unsorted(const struct sorted *sorted, const struct run *run)
{
	flow_relay_note(sorted->relay, FLOW_NOTE_ORDER, false,
			run->feed.input->pipe, run->number);
	return FLOW_RELAY_DATA;
}

/*
 * Puts the first records of RUN, those which come before the front of NEXT (all
 * that are there when there is none), in one piece. 0, or a status.
 */
static int
put_up_to(struct sorted *sorted, struct run *run, const struct run *next)
{
	const char *begin = front(run);
	size_t whole = run->feed.whole, length = run->length;
	struct flow_sink *sink = &sorted->sink;
	int status;

	while (length < whole) {
		size_t size = flow_record_first(&sorted->relay->record,
						begin + length, whole - length);
		struct key key = key_of(sorted, begin + length, size);

		if (compare(sorted, &run->key, &key) > 0) {
			run->number++;
			return unsorted(sorted, run);
		}
		if (next && !before(sorted, &key, run->index, next))
			break;
		run->key = key;
		run->number++;
		run->length = size;
		length += size;
	}
	status = flow_sink_put(sink, begin, length);
	if (sink->delimiter_size && begin[length - 1] != *sink->delimiter)
		flow_sink_owe(sink);
	/* the last one stays, to be compared with the one behind it */
	run->feed.keep = run->length;
	flow_feed_take(&run->feed, length);
	return status;
}

/* The next record of RUN after what was put. 0, or a status. */
static int
advance(struct sorted *sorted, struct run *run)
{
	size_t kept = run->feed.keep;
	bool moved = run->feed.whole == 0; /* maybe, to be filled */
	struct key last = run->key;
	int status = look(sorted, run);

	run->number++;
	if (status == 0 && run->length > 0) {
		if (moved)
			last = key_of(sorted, front(run) - kept, kept);
		if (compare(sorted, &last, &run->key) > 0)
			status = unsorted(sorted, run);
	}
	run->feed.keep = 0;
	return status;
}

/* Moves the first of the order to where it belongs now. */
static void
reorder(struct sorted *sorted)
{
	struct run *run = sorted->order[0];
	size_t low = 1, high = sorted->count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (!before(sorted, &run->key, run->index,
			    sorted->order[middle]))
			low = middle + 1;
		else
			high = middle;
	}
	memmove(sorted->order, sorted->order + 1,
		(low - 1) * sizeof(*sorted->order));
	sorted->order[low - 1] = run;
}

static int
merge(struct sorted *sorted)
{
	struct run *run;
	int status = 0;

	while (status == 0 && sorted->count > 0 && (run = sorted->order[0])) {
		status = put_up_to(sorted, run,
				   sorted->count > 1 ? sorted->order[1] : NULL);
		if (status == 0)
			status = advance(sorted, run);
		if (status)
			break;
		if (run->length > 0)
			reorder(sorted);
		else
			memmove(sorted->order, sorted->order + 1,
				--sorted->count * sizeof(*sorted->order));
	}
	return status;
}

/* Every input's first record, in order. */
static int
line_up(struct sorted *sorted)
{
	int status = 0;

	for (size_t i = 0; i < sorted->relay->input_count; i++) {
		struct run *run = &sorted->runs[i];

		run->index = i;
		run->number = 1;
		flow_feed_open(&run->feed, sorted->relay,
			       &sorted->relay->inputs[i]);
	}
	for (size_t i = sorted->relay->input_count; i-- > 0 && status == 0;) {
		struct run *run = &sorted->runs[i];

		status = look(sorted, run);
		if (status || run->length == 0)
			continue;
		memmove(sorted->order + 1, sorted->order,
			sorted->count++ * sizeof(*sorted->order));
		sorted->order[0] = run;
		reorder(sorted);
	}
	return status;
}

int
flow_merge_sorted(struct flow_relay *relay)
{
	struct sorted sorted = {
		.relay = relay,
		.plain = !relay->keys.numeric && !relay->keys.reverse &&
			 relay->keys.count <= 1,
		.delimiter = relay->record.kind == FLOW_RECORD_LINE  ? '\n'
			     : relay->record.kind == FLOW_RECORD_NUL ? '\0'
								     : -1,
	};
	int status = flow_sink_open(&sorted.sink, relay);

	sorted.runs = calloc(relay->input_count + 1, sizeof(*sorted.runs));
	sorted.order = calloc(relay->input_count + 1, sizeof(*sorted.order));
	if (!sorted.runs || !sorted.order) {
		flow_relay_note(relay, FLOW_NOTE_MEMORY, true, UINT32_MAX, 0);
		return FLOW_RELAY_FAILED;
	}
	if (status == 0)
		status = line_up(&sorted);
	if (status == 0)
		status = merge(&sorted);
	for (size_t i = 0; i < relay->input_count; i++)
		if (sorted.runs[i].feed.input)
			flow_feed_close(&sorted.runs[i].feed);
	free(sorted.order);
	free(sorted.runs);
	return flow_sink_close(&sorted.sink, status);
}
