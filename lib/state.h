/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * state: what the guardian knows of a run while it lasts; shared by guard,
 * verdict and report, and by nothing else.
 */
#ifndef FLOW_STATE_H
#define FLOW_STATE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "clock.h" /* all times are its nanoseconds */
#include "files.h"
#include "plan.h"
#include "proc.h"
#include "relay.h"
#include "restart.h"
#include "run.h"

enum flow_outcome {
	FLOW_OUTCOME_NONE, /* not started, or still running */
	FLOW_OUTCOME_OK,
	FLOW_OUTCOME_GONE, /* its readers had gone: excused, but not whole */
	FLOW_OUTCOME_FAILED,
	FLOW_OUTCOME_STOPPED, /* the guardian ended it: no verdict on the node */
};

/* How a process ended that was started again. */
struct flow_try {
	pid_t pid;
	int status, signal; /* as below */
	int64_t started, ended;
	struct rusage usage;
};

/* Where a file stood when a process was started. */
struct flow_mark {
	off_t at, size;
};

/* restart=: of a process that may be started again. */
struct flow_again {
	bool due; /* it has ended, and is to be started again, */
	int64_t at; /*   at this time */
	int64_t gap; /* between looks for what it has left behind; 0: none yet */
	bool failed; /* when it ended */
	bool over; /* it is not started again any more */
	bool waits; /* it was started, and sleeps until there is input */
	bool nothing; /* and none came */
	bool lossy; /* it failed and was not undone: records may lack, or be torn */
	struct flow_restart_count count;
	unsigned long restarts; /* so often was it started again */
	struct flow_try
		*tries; /* how those before ended: the last ones; owned */
	size_t try_count;
	int *kept; /* one a place: what is held here for it alone, or -1; owned */
	struct flow_mark *marks; /* one a place; owned */
};

struct flow_process_state {
	pid_t pid; /* 0: not started */
	bool running;
	bool fresh; /* ended, and not judged yet */
	bool timed_out;
	bool stopped; /* the guardian ended it because of eof=exit */
	bool readers_gone; /* epipe=ok: one had gone before it ended */
	bool drained; /* stop=drain: told to end, which is no failure */
	bool noted; /* note says why it failed */
	struct flow_note note;
	enum flow_outcome outcome;
	int status; /* as a shell shows it: 0..255, 128+N for a signal */
	int signal; /* that killed it, or 0 */
	int64_t started, ended;
	int64_t deadline; /* timeout=; 0: none */
	int64_t kill_at; /* when TERM has to be followed by KILL; 0: never */
	pid_t *tree; /* what it had started when it was told to end; owned */
	ssize_t tree_count;
	struct rusage usage;
	struct flow_again again;
};

/* Has it not come to its last end? */
static inline bool
flow_process_lives(const struct flow_process_state *process)
{
	return process->running || process->again.due;
}

struct flow_pipe_state {
	bool made;
	int ends[2]; /* read, write; owned until their process has them for good; -1 */
	int held; /* eof=exit: a write end; -1 */
	int keeper; /* FIFO: open both ways until its process has opened it; -1 */
	int watch; /* FIFO: of inotify; -1 */
	char *path; /* FIFO */
	struct flow_inode inode;
	uint64_t capacity; /* bytes, as it was made; 0: unknown */
};

enum flow_reason {
	FLOW_REASON_NONE,
	FLOW_REASON_FAILURE, /* --fail-fast */
	FLOW_REASON_SIGNAL,
	FLOW_REASON_TIMEOUT,
	FLOW_REASON_DEADLOCK,
	FLOW_REASON_TROUBLE, /* our own failure: 125 */
	FLOW_REASON_FRONT, /* the front has gone */
};

struct flow_state {
	const struct flow_plan *plan;
	const struct flow_run_options *options;
	struct flow_process_state *processes;
	struct flow_pipe_state *pipes;
	struct flow_meter *meters; /* shared with the relays */
	struct flow_open_file *files;
	struct flow_sampler *sampler; /* NULL: nobody wants to see */
	bool *committed; /* one a file */
	bool *edge_gone; /* one an edge: its reader had gone when its writer ended */
	bool *tainted; /* one an edge: what it carried is not whole */
	uint32_t first_failure; /* process, or FLOW_NONE */
	unsigned failures; /* how many failed, the first included */
	bool stdout_gone; /* the reader of our standard output has gone */
	enum flow_reason reason; /* why the run was ended before its end */
	int signal; /* FLOW_REASON_SIGNAL */
	char *trouble; /* FLOW_REASON_TROUBLE: what; owned */
	int64_t started, ended;
	int status; /* of the run, once known */
};

#endif
