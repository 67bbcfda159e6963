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
#include <sys/types.h>

#include "policy.h"
#include "record.h"

struct flow_node;
struct flow_planned_file;
struct rlimit;

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
	_Atomic uint64_t dropped; /* records that slow=drop did not put */
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
	FLOW_NOTE_COUNT, /* what came from pipe N is not one record for each that went in; number = record from which on */
	FLOW_NOTE_ORDER, /* merge=sorted: pipe N is not sorted; number = the record that comes too late, from 1 */
	FLOW_NOTE_FILE, /* split=key: file TEXT failed: error */
	FLOW_NOTE_KEY, /* split=key: record NUMBER has a key that is no file's name: text = the key */
	FLOW_NOTE_BEGUN, /* who waited for input becomes the command; number = when, by flow_now() */
	FLOW_NOTE_NOTHING, /* who waited for input saw its end: none came */
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
	struct flow_record record; /* all but concat and copy */
	enum flow_split split;
	enum flow_slow slow; /* what a slow output does to the others */
	uint64_t header; /* so many first records go to every output */
	enum flow_merge merge;
	struct flow_keys keys; /* hash, key, sorted */
	int deals; /* split: write end, ordered: read end, of the pipe of struct flow_deal; -1 */

	/* replicas */
	const struct flow_node *node; /* that has them; borrowed */
	struct flow_record
		out_record; /* of what they put out; RECORD is of what they get */
	unsigned replicas; /* how many at a time */
	enum flow_order order;
	pid_t group; /* process group of the nodes */
	const struct rlimit *descriptors; /* that the workers get, or NULL */

	/* split=key */
	const struct flow_planned_file
		*files; /* where they will be; borrowed */
	int collected; /* the folder in which they are collected; -1: they are written in place */
	unsigned files_most; /* so many are held open at once */
};

/* A relay's whole life, one of the functions below. */
typedef int flow_relay_run(struct flow_relay *relay);

/* Statuses a relay ends with. */
enum {
	FLOW_RELAY_DONE =
		0, /* every input ended and was delivered to every output still there */
	FLOW_RELAY_GONE =
		13, /* every reader had gone before the input ended (as SIGPIPE) */
	FLOW_RELAY_DATA = 65, /* the data broke a promise; a note says how */
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

/* Merges all inputs into the one output, as relay->merge says. */
int flow_relay_merge(struct flow_relay *relay);

/*
 * Shares the one input out to the outputs by whole records, as relay->split
 * says (with FLOW_SPLIT_COPY: all to each, where slow= is not block). A last
 * record without its delimiter stays whole and gets none. Outputs that have gone
 * are as in flow_relay_copy; what was meant for one is dropped with it.
 */
int flow_relay_split(struct flow_relay *relay);

/* split=key: shares the one input out to files, by whole records. */
int flow_relay_key(struct flow_relay *relay);

/*
 * Runs relay->replicas processes of relay->node between the one input and the
 * one output, in the order relay->order promises. Returns the status of the
 * first block or worker that failed (128+N for a signal), 0 when none did;
 * raises SIGPIPE when the reader of its output has gone.
 */
int flow_relay_farm(struct flow_relay *relay);

#endif
