/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * restart: may a process that has ended be started again, and how long is that
 * put off? Pure: it counts and reckons, and looks at nothing.
 */
#ifndef FLOW_RESTART_H
#define FLOW_RESTART_H

#include <stdbool.h>
#include <stdint.h>

#include "clock.h"
#include "graph.h"

#define FLOW_RESTART_RETRIES 3 /* where retries= does not say */
#define FLOW_RESTART_BACKOFF (FLOW_SECOND / 10) /* where backoff= does not */
#define FLOW_RESTART_MOST (30 * FLOW_SECOND) /* so far waits are doubled */
#define FLOW_RESTART_WELL (10 * FLOW_SECOND) /* who ran so long ran well */

/* What has come to pass so far; begins as zeroes. */
struct flow_restart_count {
	long failures; /* after which it was started again */
	bool waited; /* the last start was put off by wait */
	int64_t wait; /* nanoseconds */
};

long flow_restart_retries(const struct flow_node *node);
int64_t flow_restart_backoff(const struct flow_node *node);

/*
 * NODE's process failed after it had run for RAN nanoseconds. Returns how many
 * to wait before it is started again, which is counted, or -1: not again.
 */
int64_t flow_restart_failed(const struct flow_node *node,
			    struct flow_restart_count *count, int64_t ran);

/* The same when it succeeded. */
int64_t flow_restart_succeeded(const struct flow_node *node,
			       struct flow_restart_count *count, int64_t ran);

#endif
