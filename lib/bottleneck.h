/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * bottleneck: the node that all others wait for. Pure.
 *
 * At one instant a node waits for at most one other: when it waits for input
 * from an edge, for the tail of that; when it waits for room in one, for its
 * head. These waits are followed from each node that waits until one is met
 * that does not wait for an edge: that one holds the first one up. Nobody is
 * blamed when the way leads in a circle, or to a node that has ended or has not
 * been started.
 *
 *	seq ==full==> sort <==empty== head	seq -> sort, head -> sort: sort has 2
 *
 * Each instant counts with the time that it stands for. The bottleneck is the
 * node that has held up the others most, if that is at least half of all that was
 * held up by anybody, and at least a tenth of the time of all nodes together that
 * were there; else there is none.
 */
#ifndef FLOW_BOTTLENECK_H
#define FLOW_BOTTLENECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One node at one instant; nodes are numbered from 0. */
struct flow_waiter {
	bool there; /* started and not ended; what is no process is there, too */
	bool process; /* its time counts as that of a node */
	uint32_t for_whom; /* FLOW_NONE: does not wait for an edge */
};

/*
 * Adds DURATION to WEIGHTS[i] once for each node that node i holds up, and to
 * *TIME once for each process that is there.
 */
void flow_bottleneck_add(const struct flow_waiter *waiters, size_t count,
			 double duration, double *weights, double *time);

/* The bottleneck, or FLOW_NONE. */
uint32_t flow_bottleneck_find(const double *weights, size_t count, double time);

/* What is known of the bottleneck itself, over the same time. */
struct flow_bottleneck_facts {
	bool process; /* no file, not the run's own input or output */
	double cpu; /* processors that it kept busy */
	double slept; /* share of its time it slept, or waited for what is no edge */
	double stopped; /* share of its time that it was stopped */
	bool input_full; /* an edge into it was full, and its writer waited */
	bool output_empty; /* an edge out of it was empty, and its reader waited */
};

/* "uses 1.0 CPU; its input is full, its readers wait" into BUFFER. Returns BUFFER. */
char *flow_bottleneck_reason(const struct flow_bottleneck_facts *facts,
			     char *buffer, size_t size);

#endif
