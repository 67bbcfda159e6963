/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * attributes: the words that may stand before `=`: ours, those of later
 * versions, and Graphviz's own.
 */
#ifndef FLOW_ATTRIBUTES_H
#define FLOW_ATTRIBUTES_H

#include <stdbool.h>
#include <stddef.h>

#include "error.h"

/* What an attribute may stand on, a set. */
enum {
	FLOW_ON_GRAPH = 1,
	FLOW_ON_PROCESS = 2,
	FLOW_ON_FILE = 4,
	FLOW_ON_STANDARD = 8, /* stdin, stdout, stderr */
	FLOW_ON_EDGE = 16,
	FLOW_ON_NODE = FLOW_ON_PROCESS | FLOW_ON_FILE | FLOW_ON_STANDARD,
};

/* Ours, in the order of the table; the values are those of flow_attributes. */
enum flow_attribute_id {
	FLOW_ATTRIBUTE_APPEND,
	FLOW_ATTRIBUTE_ARGS,
	FLOW_ATTRIBUTE_AT,
	FLOW_ATTRIBUTE_BACK,
	FLOW_ATTRIBUTE_BACKOFF,
	FLOW_ATTRIBUTE_BUFFER,
	FLOW_ATTRIBUTE_BY,
	FLOW_ATTRIBUTE_CAPACITY,
	FLOW_ATTRIBUTE_CMD,
	FLOW_ATTRIBUTE_COMMIT,
	FLOW_ATTRIBUTE_CWD,
	FLOW_ATTRIBUTE_DELIM,
	FLOW_ATTRIBUTE_ENV,
	FLOW_ATTRIBUTE_EOF,
	FLOW_ATTRIBUTE_EPIPE,
	FLOW_ATTRIBUTE_ERR,
	FLOW_ATTRIBUTE_FILE,
	FLOW_ATTRIBUTE_GRAPH,
	FLOW_ATTRIBUTE_HEADER,
	FLOW_ATTRIBUTE_MAX_OPEN,
	FLOW_ATTRIBUTE_MERGE,
	FLOW_ATTRIBUTE_NAMES,
	FLOW_ATTRIBUTE_NICE,
	FLOW_ATTRIBUTE_NTH,
	FLOW_ATTRIBUTE_NUMERIC,
	FLOW_ATTRIBUTE_OK,
	FLOW_ATTRIBUTE_ORDER,
	FLOW_ATTRIBUTE_RECORD,
	FLOW_ATTRIBUTE_REPLICAS,
	FLOW_ATTRIBUTE_RESTART,
	FLOW_ATTRIBUTE_RETRIES,
	FLOW_ATTRIBUTE_REVERSE,
	FLOW_ATTRIBUTE_SCRIPT,
	FLOW_ATTRIBUTE_SHELL,
	FLOW_ATTRIBUTE_SLOW,
	FLOW_ATTRIBUTE_SPILL,
	FLOW_ATTRIBUTE_SPLIT,
	FLOW_ATTRIBUTE_STOP,
	FLOW_ATTRIBUTE_TIMEOUT,
	FLOW_ATTRIBUTE_VIA,
	FLOW_ATTRIBUTE_COUNT,
};

/*
 * What a value must be: one of WORDS or, when there are none, what FITS takes.
 * LATER lists the words that a later version brings.
 */
struct flow_attribute {
	const char *name;
	unsigned on;
	const char *const *words; /* NULL-terminated, or NULL */
	const char *const *later; /* NULL-terminated, or NULL */
	bool (*fits)(const char *value); /* or NULL: any text */
	const char *wanted; /* what fits, for the message */
};

extern const struct flow_attribute flow_attributes[FLOW_ATTRIBUTE_COUNT];

/* What `NAME=` stands behind. */
struct flow_attribute_place {
	unsigned on; /* FLOW_ON_GRAPH, _NODE or _EDGE */
	bool subgraph; /* of a subgraph, not of the graph itself */
	bool defaults; /* in `node [...]` or `edge [...]` */
	unsigned line;
};

/*
 * Judges NAME=VALUE as it is written at PLACE and adds what is wrong to
 * MESSAGES. Returns ours, when it is one, or NULL.
 */
const struct flow_attribute *
flow_attribute_judge(const char *name, const char *value,
		     const struct flow_attribute_place *place,
		     struct flow_messages *messages);

/* An empty value undoes a default; else the word's index in words, or -1. */
int flow_attribute_word(enum flow_attribute_id id, const char *value);

/* "a process", "an edge": what ON means, for messages. */
const char *flow_attribute_on(unsigned on);

#endif
