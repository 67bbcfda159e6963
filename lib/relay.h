/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * relay: the processes that stand where edges split, merge or are elastic.
 * Each function below is the whole life of a forked child of the guardian: it
 * moves bytes until it is done and returns the status to _exit with. A relay
 * never prints; what went wrong goes to the guardian as a note.
 */
#ifndef FLOW_RELAY_H
#define FLOW_RELAY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "record.h"

/*
 * What is known of one pipe (an edge, or the part of one between two relays),
 * in memory that guardian and relays share. Written by relays alone, each
 * field by one relay at the pipe's read end (taken, waits_read) and one at its
 * write end (the others), with relaxed stores.
 */
struct flow_meter {
	_Atomic uint64_t put; /* bytes a relay has put into the pipe */
	_Atomic uint64_t taken; /* bytes a relay has taken out of it */
	_Atomic uint64_t spilled; /* bytes held beyond the pipe now */
	_Atomic uint64_t spilled_most; /* the most that was held at once */
	_Atomic uint32_t
		waits_read; /* its reader, a relay, sleeps until there is data */
	_Atomic uint32_t
		waits_write; /* its writer, a relay, sleeps until there is room */
};

/* What a relay or a child that could not exec tells the guardian; under PIPE_BUF, so atomic. */
enum flow_note_kind {
	FLOW_NOTE_EXEC, /* execve or what comes before it failed: error, text = what */
	FLOW_NOTE_READ, /* reading pipe N failed: error */
	FLOW_NOTE_WRITE, /* writing pipe N failed: error */
	FLOW_NOTE_SPILL, /* the spill file failed: error, pipe, number = bytes held */
	FLOW_NOTE_LIMIT, /* pipe N's spill limit is reached (the relay goes on, blocking); number = limit */
	FLOW_NOTE_RECORD, /* input from pipe N ended inside a record that cannot be completed */
	FLOW_NOTE_MEMORY, /* out of memory */
};

struct flow_note {
	uint32_t process; /* index in the plan */
	uint32_t kind;
	int32_t error; /* errno, or 0 */
	uint32_t pipe; /* index in the plan, or UINT32_MAX */
	uint64_t number;
	char text[96]; /* NUL-terminated */
};

struct flow_relay_input {
	int fd; /* taken; any kind of descriptor, normally a pipe's read end */
	uint32_t pipe; /* index of its meter, or UINT32_MAX */
	const char *prefix; /* tag only: written before each line, else NULL */
};

struct flow_relay_output {
	int fd; /* taken; any kind, normally a pipe's write end */
	uint32_t pipe; /* index of its meter, or UINT32_MAX */
	unsigned from; /* copy: index of the input that it is a copy of */
	bool elastic; /* may hold bytes beyond the pipe */
	uint64_t spill; /* at most so many */
};

struct flow_relay {
	uint32_t process; /* index in the plan, for notes */
	int notes; /* write end of the guardian's note pipe; borrowed */
	struct flow_meter *meters; /* shared, indexed by pipe */
	struct flow_relay_input *inputs;
	unsigned input_count;
	struct flow_relay_output *outputs;
	unsigned output_count;
	const char
		*spill_directory; /* for the unlinked file: $TMPDIR or /tmp */
	bool concat; /* merge: inputs one after the other, exact to the byte */
	struct flow_record record; /* merge=any */
};

/* Statuses a relay ends with. */
enum {
	FLOW_RELAY_DONE =
		0, /* every input ended and was delivered to every output still there */
	FLOW_RELAY_GONE =
		13, /* every reader had gone before the input ended (as SIGPIPE) */
	FLOW_RELAY_FAILED = 125, /* a note says why */
};

/*
 * Copies each input to all outputs that name it (split=copy, and elastic
 * edges: an input with one output). An output whose reader has gone is dropped;
 * when all of an input's outputs have gone that input is closed; when all have
 * gone the relay ends. A slow output holds its siblings back, unless it is
 * elastic and starves one of them.
 */
int flow_relay_copy(struct flow_relay *relay);

/* Merges all inputs into the one output: any (whole records) or concat. */
int flow_relay_merge(struct flow_relay *relay);

#endif
