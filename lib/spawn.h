/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * spawn: starting one process of a run. The only file that knows libpipeline
 * (arguments, environment, directory, niceness); forking and waiting are ours.
 */
#ifndef FLOW_SPAWN_H
#define FLOW_SPAWN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "graph.h"
#include "relay.h"

/* One descriptor of the child to be. */
struct flow_wire {
	int from; /* ours; borrowed. -1: the child opens path */
	int to; /* its number in the child; -1: any (relays) */
	const char *path; /* opened in the child, where opening may block */
	int flags; /* for open(2) */
	const char *variable; /* gets the path of the stream, or NULL */
	const char *value; /* that path; NULL: /dev/fd/TO */
	bool awaited; /* with waits: input is waited for here */
};

struct flow_spawn {
	uint32_t process; /* index in the plan, for notes */
	pid_t group; /* process group to join */
	int notes; /* where the child tells what failed; close-on-exec */
	struct flow_wire *wires;
	size_t count;
	const struct rlimit
		*descriptors; /* that the child gets back, or NULL */
	bool waits; /* the child sleeps until there is input, and ends if none comes */
	bool failed; /* set when the child failed before we went on */
	struct flow_note failure; /* and why */
};

/*
 * Makes this process fit to be forked from: default dispositions (an ignored
 * SIGHUP stays), every signal blocked, and everything above 2 close-on-exec.
 */
void flow_spawn_prepare(void);

/*
 * Forks a child that runs NODE's command with exactly the descriptors of SPAWN
 * open, default signals and an empty mask. Returns its pid, or -1 with errno.
 * What fails in the child comes as FLOW_NOTE_EXEC, by the pipe or in SPAWN, and
 * its status is 126 or 127. One that waits sends FLOW_NOTE_BEGUN when there is
 * input, or FLOW_NOTE_NOTHING and ends with 0.
 */
pid_t flow_spawn_command(struct flow_spawn *spawn,
			 const struct flow_node *node);

/*
 * Forks a child that is RELAY and does RUN, called NAME in lists of processes.
 * Wires are its inputs and outputs in order, from which its descriptors are
 * set; one more is its deals or, with relay->node, its standard error or, with
 * relay->files, the folder that collects them.
 */
pid_t flow_spawn_relay(struct flow_spawn *spawn, struct flow_relay *relay,
		       flow_relay_run *run, const char *name);

#endif
