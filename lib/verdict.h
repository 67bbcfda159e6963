/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * verdict: what the ends of a run's processes mean: what is whole, what
 * failed first, what the run's status is. Pure.
 */
#ifndef FLOW_VERDICT_H
#define FLOW_VERDICT_H

#include <stdio.h>

#include "state.h"

/*
 * Sets state->tainted: an edge is tainted when its writer failed or was
 * stopped, when its writer was ended by SIGPIPE while this edge still had a
 * reader, when a relay of it failed, or when anything tainted flows into its
 * writer.
 */
void flow_verdict_taint(struct flow_state *state);

/*
 * Sets PATCHED of each edge that is not tainted for it, but that has gaps or
 * may have: its writer, or one upstream of it, failed and was started again, or
 * slow=drop has dropped records.
 */
void flow_verdict_patched(const struct flow_state *state, bool *patched);

/* How many records slow=drop has kept from EDGE. */
uint64_t flow_verdict_dropped(const struct flow_state *state,
			      const struct flow_edge *edge);

/* Sets OPEN of each edge that something upstream of its head still works at. */
void flow_verdict_open(const struct flow_state *state, bool *open);

/* May file INDEX be committed? Call after flow_verdict_taint. */
bool flow_verdict_commits(const struct flow_state *state, size_t index);

/* The exit status of the whole run, or the negative of the signal to die of. */
int flow_verdict_status(const struct flow_state *state);

/*
 * Writes how process INDEX ended to OUT: "trim: exit 2 after 4.1 s (line 12)",
 * and how often it was started again before.
 */
void flow_verdict_describe(FILE *out, const struct flow_state *state,
			   uint32_t index);

/*
 * The one line about a run that failed, such as
 * "trim: exit 2 after 4.1 s (line 12); gz not written", or NULL when there is
 * nothing to say. Returns owned.
 */
char *flow_verdict_line(const struct flow_state *state);

/*
 * Nothing failed, and yet a file was not written: its writer was ended by
 * SIGPIPE when another of its readers had seen enough. The warning that says
 * so, owned, or NULL.
 */
char *flow_verdict_warning(const struct flow_state *state);

#endif
