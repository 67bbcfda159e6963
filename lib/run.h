/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * run: carries a plan out. Two processes: the front, which is the caller, and
 * the guardian, its child, which parents every node. Either kills all that is
 * left when the other dies; see mkfifo-graph(1).
 */
#ifndef FLOW_RUN_H
#define FLOW_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "error.h"
#include "plan.h"

struct flow_board;

struct flow_run_options {
	int64_t timeout; /* nanoseconds; 0: none */
	bool fail_fast; /* end the run at the first failure */
	bool trace; /* say each command as it is started */
	int report; /* descriptor that gets the run as JSON, or -1; borrowed */
	int memory; /* another that gets it, to be drawn, or -1; borrowed */
	struct flow_board *board; /* shows the run while it lasts, or NULL */
	void (*say)(const char *format, ...)
		__attribute__((format(printf, 1,
				      2))); /* one line to the user */
};

/*
 * Runs PLAN to its end and returns the exit status, or the negative of the
 * signal to die of (an interrupt from outside). Before anything was started a
 * failure fills ERROR and returns its status. Changes this process: its signal
 * mask and dispositions, its limit on descriptors, close-on-exec of all above 2.
 */
int flow_run(const struct flow_plan *plan,
	     const struct flow_run_options *options, struct flow_error *error);

#endif
