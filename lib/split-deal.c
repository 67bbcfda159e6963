/* SPDX-License-Identifier: GPL-3.0-or-later */
/* split-deal: which record goes to which output of a split. */
#include "config.h"

#include <string.h>

#include "keys.h"
#include "split-inside.h"

/* As much as tells how long a record is. */
enum { HEAD = 4 };

/*
 * A key is looked for in so many of a record's bytes, be it passed on in pieces
 * or be it small enough to be kept: equal records stay equal.
 */
static const size_t KEYED = FLOW_SPLIT_LARGEST - 8;

static int
no_memory(const struct flow_splitter *split)
{
	flow_relay_note(split->relay, FLOW_NOTE_MEMORY, true, UINT32_MAX, 0);
	return -1;
}

static bool
drops(const struct flow_splitter *split)
{
	return split->relay->slow == FLOW_SLOW_DROP &&
	       split->relay->split != FLOW_SPLIT_ANY;
}

static bool
goes_to_all(const struct flow_splitter *split)
{
	return split->headers || split->relay->split == FLOW_SPLIT_COPY;
}

/* The next in turn that is still there; the caller knows that one is. */
static unsigned
take_turn(struct flow_splitter *split)
{
	unsigned turn = split->turn;

	while (!flow_outlet_is_open(&split->outlets[turn]))
		turn = (turn + 1) % split->count;
	split->turn = (turn + 1) % split->count;
	return turn;
}

/* Whoever has least to do, of those that have room; false when nobody has. */
static bool
find_room(struct flow_splitter *split, unsigned *found)
{
	size_t least = SIZE_MAX;

	for (unsigned i = 0; i < split->count && least; i++) {
		unsigned one = (split->turn + i) % split->count;
		const struct flow_branch *branch = &split->outlets[one].branch;
		size_t waiting;

		if (branch->state != FLOW_BRANCH_OPEN ||
		    flow_branch_holds(branch))
			continue;
		waiting = flow_move_waiting(branch->output->fd);
		if (waiting < least) {
			least = waiting;
			*found = one;
		}
	}
	split->nowhere = least == SIZE_MAX;
	if (!split->nowhere)
		split->turn = (*found + 1) % split->count;
	return !split->nowhere;
}

static unsigned
keyed(const struct flow_splitter *split, const char *data, size_t size)
{
	const struct flow_relay *relay = split->relay;
	uint64_t hash;

	if (relay->record.kind == FLOW_RECORD_LINE)
		size -= size && data[size - 1] == '\n';
	else
		flow_keys_content(&relay->record, &data, &size);
	hash = flow_keys_hash(&relay->keys, data, size < KEYED ? size : KEYED);
	return (unsigned)((hash >> 32) * split->count >> 32);
}

static void
move_on(struct flow_splitter *split, size_t length)
{
	split->begin += length;
	split->whole -= length < split->whole ? length : split->whole;
}

/*
 * Has outlet INDEX take what it has just been dealt, as far as it can. With
 * DROPPABLE the rest is dropped, and the records of it are counted.
 */
static int
hand_over(struct flow_splitter *split, unsigned index, bool droppable,
	  uint64_t *dropped)
{
	struct flow_outlet *outlet = &split->outlets[index];

	*dropped = 0;
	if (flow_outlet_advance(outlet) < 0)
		return -1;
	if (!droppable)
		return 0;
	if (flow_outlet_drop(outlet, &split->relay->record, dropped))
		return no_memory(split);
	flow_outlet_dropped(outlet, *dropped);
	return 0;
}

/* LENGTH bytes of whole records for outlet INDEX. */
static int
deal_block(struct flow_splitter *split, unsigned index, size_t length,
	   bool droppable)
{
	struct flow_outlet *outlet = &split->outlets[index];
	const struct flow_record *record = &split->relay->record;
	const char *data = split->data + split->begin;
	bool counted = flow_deals_wanted(&split->deals) && !split->headers;
	uint64_t records = 0, dropped;

	if (counted || outlet->finishing)
		records = flow_record_count(record, data, length);
	if (outlet->finishing) {
		flow_outlet_dropped(outlet, records);
		return 0;
	}
	flow_outlet_deal(outlet, data, length);
	if (hand_over(split, index, droppable, &dropped))
		return -1;
	if (counted && records > dropped)
		flow_deals_add(&split->deals, index, records - dropped);
	return 0;
}

static int
deal_to_all(struct flow_splitter *split, size_t length, bool droppable)
{
	for (unsigned i = 0; i < split->count; i++)
		if (flow_outlet_is_open(&split->outlets[i]) &&
		    deal_block(split, i, length, droppable))
			return -1;
	move_on(split, length);
	return 0;
}

/* An input may end before it has had them all. */
static void
tell_headers(struct flow_splitter *split)
{
	split->deals.headers =
		(uint32_t)(split->relay->header - split->headers);
}

static ssize_t
deal_headers(struct flow_splitter *split)
{
	const char *data = split->data + split->begin;
	uint64_t headers = split->headers;
	size_t length = 0;

	for (; headers && length < split->whole; headers--)
		length +=
			flow_record_first(&split->relay->record, data + length,
					  split->whole - length);
	if (deal_to_all(split, length, false))
		return -1;
	split->headers = headers;
	tell_headers(split);
	return (ssize_t)length;
}

static ssize_t
deal_any(struct flow_splitter *split)
{
	size_t length = split->whole, seen = 0, part;
	unsigned index;

	if (!find_room(split, &index))
		return 0;
	/* What its stage can take at once: nobody is to wait for this one. */
	part = (size_t)split->outlets[index].branch.stage_size;
	if (part < length)
		part = flow_record_whole(&split->relay->record,
					 split->data + split->begin, part,
					 &seen);
	if (part && part < length)
		length = part;
	if (deal_block(split, index, length, false))
		return -1;
	move_on(split, length);
	return (ssize_t)length;
}

/*
 * Gathers each record for its output. What is dropped is known only in the
 * end: where deals are to be told then, neighbours of one output at a time.
 */
static ssize_t
gather_all(struct flow_splitter *split)
{
	const struct flow_record *record = &split->relay->record;
	const char *begin = split->data + split->begin, *at = begin;
	const char *end = begin + split->whole;
	bool told = flow_deals_wanted(&split->deals);
	bool single = told && drops(split);
	unsigned last = UINT32_MAX;

	for (unsigned i = 0; i < split->count; i++)
		if (flow_outlet_is_open(&split->outlets[i]) &&
		    !split->outlets[i].finishing &&
		    flow_outlet_reserve(&split->outlets[i], split->whole))
			return no_memory(split);
	while (at < end) {
		size_t size = flow_record_first(record, at, (size_t)(end - at));
		unsigned index = keyed(split, at, size);
		struct flow_outlet *outlet = &split->outlets[index];

		if (single && last != UINT32_MAX && index != last)
			break;
		last = index;
		if (flow_outlet_is_open(outlet) && !outlet->finishing) {
			flow_outlet_gather(outlet, at, size);
			if (told && !single)
				flow_deals_add(&split->deals, index, 1);
		} else if (outlet->finishing) {
			flow_outlet_dropped(outlet, 1);
		}
		at += size;
	}
	return at - begin;
}

static ssize_t
deal_hash(struct flow_splitter *split)
{
	bool counted = drops(split) && flow_deals_wanted(&split->deals);
	ssize_t length = gather_all(split);

	if (length < 0)
		return -1;
	for (unsigned i = 0; i < split->count; i++) {
		struct flow_outlet *outlet = &split->outlets[i];
		uint64_t records = 0, dropped;

		if (!flow_outlet_is_open(outlet) || outlet->own_length == 0)
			continue;
		flow_outlet_deal_gathered(outlet);
		if (counted)
			records = flow_record_count(&split->relay->record,
						    outlet->next, outlet->left);
		if (hand_over(split, i, drops(split), &dropped))
			return -1;
		if (records > dropped)
			flow_deals_add(&split->deals, i, records - dropped);
	}
	move_on(split, (size_t)length);
	return length;
}

static ssize_t
deal_whole(struct flow_splitter *split)
{
	size_t length = split->whole;

	if (split->headers)
		return deal_headers(split);
	switch (split->relay->split) {
	case FLOW_SPLIT_ANY:
		return deal_any(split);
	case FLOW_SPLIT_HASH:
		return deal_hash(split);
	case FLOW_SPLIT_LINES:
		if (deal_block(split, take_turn(split), length, drops(split)))
			return -1;
		move_on(split, length);
		return (ssize_t)length;
	case FLOW_SPLIT_COPY:
	case FLOW_SPLIT_KEY:
		break;
	}
	return deal_to_all(split, length, drops(split)) ? -1 : (ssize_t)length;
}

/* Passes LENGTH bytes of a long record on to those that get it. */
static void
deal_piece(struct flow_splitter *split, size_t length)
{
	for (unsigned i = 0; i < split->count; i++) {
		struct flow_outlet *outlet = &split->outlets[i];

		if ((split->to == i || split->to == FLOW_SPLIT_ALL) &&
		    flow_outlet_is_open(outlet) && !outlet->passed_over)
			flow_outlet_deal(outlet, split->data + split->begin,
					 length);
	}
	move_on(split, length);
}

/* Who gets the long record that begins here? False: nobody has room. */
static bool
choose(struct flow_splitter *split)
{
	split->to = FLOW_SPLIT_ALL;
	if (goes_to_all(split))
		return true;
	if (split->relay->split == FLOW_SPLIT_ANY)
		return find_room(split, &split->to);
	if (split->relay->split == FLOW_SPLIT_LINES)
		split->to = take_turn(split);
	else
		split->to = keyed(split, split->data + split->begin,
				  split->end - split->begin);
	return true;
}

/* A record too long to be kept begins: the first bytes of it, or 0. */
static ssize_t
enter_record(struct flow_splitter *split)
{
	const struct flow_record *record = &split->relay->record;
	const char *data = split->data + split->begin;
	size_t have = split->end - split->begin;
	bool header = split->headers > 0, ended;

	if (!choose(split))
		return 0;
	for (unsigned i = 0; i < split->count; i++) {
		struct flow_outlet *outlet = &split->outlets[i];

		outlet->passed_over = false;
		if ((split->to != i && split->to != FLOW_SPLIT_ALL) ||
		    !flow_outlet_is_open(outlet))
			continue;
		/* Who is behind cannot take as much as this. */
		if (drops(split) && !header &&
		    (outlet->left || flow_branch_holds(&outlet->branch))) {
			outlet->passed_over = true;
			flow_outlet_dropped(outlet, 1);
		} else if (!header) {
			flow_deals_add(&split->deals, i, 1);
		}
	}
	split->headers -= header;
	tell_headers(split);
	flow_record_enter(record, data, HEAD, &split->place);
	have = HEAD + flow_record_pass(record, &split->place, data + HEAD,
				       have - HEAD, &ended);
	split->within = !ended;
	split->seen = 0;
	deal_piece(split, have);
	return (ssize_t)have;
}

static ssize_t
continue_record(struct flow_splitter *split)
{
	bool ended;
	size_t length = flow_record_pass(&split->relay->record, &split->place,
					 split->data + split->begin,
					 split->end - split->begin, &ended);

	split->within = !ended;
	deal_piece(split, length);
	return (ssize_t)length;
}

/* The input has ended: what is left is a record without its end, or a fault. */
static ssize_t
finish(struct flow_splitter *split)
{
	size_t left = split->end - split->begin;
	const char *delimiter;
	size_t delimiter_size;

	flow_record_delimiter(&split->relay->record, &delimiter,
			      &delimiter_size);
	if (delimiter_size == 0 && (split->within || left)) {
		flow_relay_note(split->relay, FLOW_NOTE_RECORD, false,
				split->input->pipe, left);
		split->status = FLOW_RELAY_DATA;
		split->within = false;
		split->begin = split->end;
		return 0;
	}
	if (split->within) {
		split->within = false;
		deal_piece(split, left);
		return (ssize_t)left;
	}
	split->whole = left;
	return left ? deal_whole(split) : 0;
}

ssize_t
flow_split_deal(struct flow_splitter *split)
{
	const struct flow_record *record = &split->relay->record;
	size_t have = split->end - split->begin;
	size_t whole;

	split->nowhere = false;
	if (split->within && have) {
		ssize_t length = continue_record(split);

		if (length || !split->ended)
			return length;
	}
	if (!split->within && have > split->whole) {
		whole = flow_record_whole(
			record, split->data + split->begin + split->whole,
			have - split->whole, &split->seen);
		split->whole += whole;
		split->seen -= whole < split->seen ? whole : split->seen;
	}
	if (!split->within && split->whole)
		return deal_whole(split);
	if (split->ended)
		return finish(split);
	if (!split->within && have >= FLOW_SPLIT_LARGEST)
		return enter_record(split);
	return 0;
}
