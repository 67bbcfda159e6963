/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * fill: how many bytes wait in a pipe of the run, without disturbing anybody.
 * See sample.h for when that is not asked.
 */
#ifndef FLOW_FILL_H
#define FLOW_FILL_H

#include "state.h"

struct flow_fills;

/* For the run of STATE, borrowed as is PROC (procfs.h). Aborts when out of memory. */
struct flow_fills *flow_fills_make(int proc, const struct flow_state *state);
void flow_fills_free(struct flow_fills *fills);

/*
 * Bytes that wait in PIPE of the plan, or -1: not to be known now. *CAPACITY
 * is set with them.
 */
int64_t flow_fills_ask(struct flow_fills *fills, uint32_t pipe,
		       uint64_t *capacity);

#endif
