/* SPDX-License-Identifier: GPL-3.0-or-later */
/* trace: a run in the Trace Event format, which Perfetto and Chromium show. */
#ifndef FLOW_TRACE_H
#define FLOW_TRACE_H

#include <stdio.h>

#include "history.h"

/*
 * Writes HISTORY to OUT as one JSON object: a thread for each process, with its
 * life and below it what it waited for; a counter for each edge; an instant for
 * each failure. Times are microseconds since the start of the run.
 */
void flow_trace_write(const struct flow_history *history, FILE *out);

#endif
