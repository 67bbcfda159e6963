/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * progress: the process that shows a run on standard error while it lasts. It
 * is a child of the front and only reads the board, which the guardian writes:
 * a terminal that takes nothing (Ctrl-S) holds up neither of them.
 */
#ifndef FLOW_PROGRESS_H
#define FLOW_PROGRESS_H

#include "sight.h"

struct flow_progress {
	pid_t pid; /* 0: none, or it has ended */
	int socket; /* to it; owned; -1 */
};

/*
 * Starts it: a table on a terminal that can do that, else a line each second,
 * and after 10 s each 5 s. It wants nothing but standard error: call it when what
 * data flows through has been closed; it closes all above 2 in the child. 0, or -1 with errno.
 */
int flow_progress_start(struct flow_progress *progress,
			const struct flow_plan *plan,
			const struct flow_board *board);

/* Gives the terminal back before we are stopped (Ctrl-Z), takes it again after. */
void flow_progress_pause(struct flow_progress *progress);
void flow_progress_resume(struct flow_progress *progress);

/* PID has been reaped: was it this one? */
void flow_progress_reaped(struct flow_progress *progress, pid_t pid);

/* The run is over: the sums are shown, for 2 s at most, and the process ends. */
void flow_progress_end(struct flow_progress *progress);

#endif
