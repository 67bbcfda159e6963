/* SPDX-License-Identifier: GPL-3.0-or-later */
/* report: a finished run as JSON; the fields are listed in mkfifo-graph(1). */
#ifndef FLOW_REPORT_H
#define FLOW_REPORT_H

#include "state.h"

/*
 * Writes the run to FD (borrowed) as one JSON object and a newline. LINE is
 * the line about its failure, or NULL. 0, or -1 with errno.
 */
int flow_report_write(const struct flow_state *state, const char *line, int fd);

/*
 * The report of a run whose guardian was killed, which alone knew the rest: TEXT
 * says so. Takes the place of what the guardian may have written. 0, or -1 with errno.
 */
int flow_report_write_lost(const struct flow_state *state, const char *text,
			   int fd);

#endif
