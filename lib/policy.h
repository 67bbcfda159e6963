/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * policy: how edges of one port share what passes there, as graph, plan and
 * relays all know it. See mkfifo-graph(5), Splits and merges.
 */
#ifndef FLOW_POLICY_H
#define FLOW_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What an out-port with several edges does. The order is that of the words of split=. */
enum flow_split {
	FLOW_SPLIT_COPY, /* each edge gets everything */
	FLOW_SPLIT_LINES, /* blocks of whole records, dealt in turn */
	FLOW_SPLIT_ANY, /* blocks of whole records, to whoever has room */
	FLOW_SPLIT_HASH, /* each record by its key: equal keys, equal edge */
	FLOW_SPLIT_KEY, /* each record into the file of its key */
};

/* What an in-port with several edges does; the words of merge=. */
enum flow_merge {
	FLOW_MERGE_ANY, /* whole records, as they come */
	FLOW_MERGE_CONCAT, /* one input after the other, exact to the byte */
	FLOW_MERGE_ORDERED, /* in the order in which a split dealt them */
	FLOW_MERGE_SORTED, /* inputs are sorted, so is the output */
	FLOW_MERGE_ZIP, /* one record of each input in turn */
};

/* What a branch that cannot take more does to the others; the words of slow=. */
enum flow_slow {
	FLOW_SLOW_BLOCK, /* they wait */
	FLOW_SLOW_SPILL, /* its part is kept, in memory and then in a file */
	FLOW_SLOW_DROP, /* its part is dropped by whole records, and counted */
};

/* What the replicas of a node may do to the order; the words of order=. */
enum flow_order {
	FLOW_ORDER_BLOCKS, /* a fresh process a block, outputs in order */
	FLOW_ORDER_RECORDS, /* lasting processes, one record out for one in */
	FLOW_ORDER_NO, /* lasting processes, whole records as they come */
};

/*
 * Which part of a record is its key: the fields BY, in that order, or the whole
 * record (without its delimiter) when there are none. Fields are parted by
 * single bytes DELIM and counted from 1; a field that is missing is empty.
 */
struct flow_keys {
	const unsigned *by;
	size_t count; /* of by; 0: the whole record */
	char delim; /* a tab where nothing else is said */
	bool numeric; /* sorted: by the number that each field begins with, as sort -n */
	bool reverse; /* sorted: greatest first */
};

/* A split tells a merge=ordered of each block it has dealt, through a pipe. */
struct flow_deal {
	uint32_t
		output; /* of the split; the merge's input of the same number */
	uint32_t headers; /* records of header= that stand before those */
	uint64_t records; /* whole ones, and an unterminated last one */
};

#endif
