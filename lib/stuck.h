/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * stuck: proof that a run is deadlocked. A run is stuck when there is a set of
 * processes, each blocked (every thread of it) in read or write on an edge all
 * of whose holders at the other end are in the set, or waiting for children
 * all of which are in it, or a relay sleeping on such edges only; and when
 * none of them ran between two looks (same system call, same stack pointer,
 * same count of context switches).
 */
#ifndef FLOW_STUCK_H
#define FLOW_STUCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "proc.h"
#include "relay.h"

/* One pipe of the run, as the guardian knows it. */
struct flow_stuck_pipe {
	struct flow_inode inode;
	const char *from, *to; /* names for the message: "a:1", "b:0" */
	pid_t relay_from; /* the relay at its write end, or 0 */
	pid_t relay_to; /* the relay at its read end, or 0 */
	const pid_t
		*held_for; /* live processes whose end the guardian waits for */
	size_t held_count; /*   before it closes the write end that it holds */
	bool read_held; /* so it does with the read end */
	pid_t read_held_for; /*   for this one */
	/* a pid of 0 is one that is still to be started: it can always move */
};

struct flow_stuck {
	pid_t root; /* the guardian: all its descendants are looked at */
	const struct flow_stuck_pipe *pipes;
	size_t pipe_count;
	const struct flow_meter *meters; /* as many as pipes */
};

/* One look; opaque. */
struct flow_stuck_look;

/*
 * Looks at every descendant once. Returns owned, or NULL with errno (EACCES or
 * ENOENT: /proc does not tell here, so nothing can be proven).
 */
struct flow_stuck_look *flow_stuck_look(const struct flow_stuck *stuck);
void flow_stuck_look_free(struct flow_stuck_look *look);

/*
 * Is there a deadlock that held all the time from BEFORE to AFTER (two looks
 * at least 50 ms apart)? Returns 1 and writes one closed cycle to *TEXT
 * (owned), several lines, one a process:
 *   "  a (pid 12) is blocked writing to b: 65536 bytes wait in the pipe (a:1 -> b:0)"
 * or 0, or -1 with errno.
 */
int flow_stuck_proof(const struct flow_stuck *stuck,
		     const struct flow_stuck_look *before,
		     const struct flow_stuck_look *after, char **text);

/*
 * Did any descendant run between the looks (quiet: none did)? Relays do not
 * count: one that is blocked looks about now and then.
 */
bool flow_stuck_quiet(const struct flow_stuck *stuck,
		      const struct flow_stuck_look *before,
		      const struct flow_stuck_look *after);

/*
 * What LOOK shows process PID doing, into BUFFER, for the warning about a
 * quiet run: "waits for input from a", "waits for room to b", "sleeps".
 */
char *flow_stuck_describe(const struct flow_stuck *stuck,
			  const struct flow_stuck_look *look, pid_t pid,
			  char *buffer, size_t size);

#endif
