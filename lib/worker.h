/* SPDX-License-Identifier: GPL-3.0-or-later */
/* worker: one process of a node with replicas, as the relay that runs it sees it. */
#ifndef FLOW_WORKER_H
#define FLOW_WORKER_H

#include <stdbool.h>
#include <sys/types.h>

#include "relay-inside.h"

struct flow_worker {
	pid_t pid; /* 0: not started, or reaped */
	int output; /* read end of its standard output; -1 */
	bool reaped;
	int status; /* once reaped, as a shell shows it */
	int signal; /* that ended it, or 0 */
};

/*
 * Starts relay->node with INPUT (taken) as its standard input, and a pipe of
 * CAPACITY bytes at its standard output. 0, or -1 after a note.
 */
int flow_worker_start(struct flow_worker *worker,
		      const struct flow_relay *relay, int input,
		      size_t capacity);

/* Notes the ends of those of COUNT WORKERS that have ended. */
void flow_workers_reap(struct flow_worker *workers, size_t count);

/* Is the status of a reaped WORKER a good one for its node? */
bool flow_worker_is_good(const struct flow_relay *relay,
			 const struct flow_worker *worker);

/* Ends all that still run: TERM, and after 2 s KILL; reaps them. */
void flow_workers_end(struct flow_worker *workers, size_t count);

#endif
