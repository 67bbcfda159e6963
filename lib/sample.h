/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sample: looks at a run from outside while it lasts: what each node does, what
 * waits in each pipe, how much has gone over each edge. The guardian does it,
 * which is an ancestor of all it looks at; it only ever reads below /proc.
 *
 * Nodes, from proc_pid_stat(5) and proc_pid_syscall(5) of a node's process and
 * all that it has started: when one of them runs the node runs; else when one
 * is blocked writing to an edge the node waits for that; else for the edge that
 * one is blocked reading from. A relay says itself what it waits for. Where
 * several edges share a port, the one named is that at which their relay waits,
 * and otherwise the first.
 *
 * Pipes, by FIONREAD on the read end, opened through /proc/PID/fd/N for the few
 * microseconds that takes. Opening sleeps while somebody has locked the pipe, as
 * one does who splices from it to a terminal or a socket that takes no more:
 * so it is not done when anybody at the pipe was seen in splice(2), tee(2) or
 * sendfile(2), asked immediately before. Nor is it done for a FIFO that somebody
 * has still to open, nor when the reader has gone: its writer must get SIGPIPE.
 *
 * Bytes: where a relay or a file stands at an end, that tells, exactly. For a
 * pipe between two programs proc_pid_io(5) tells all that each has read and
 * written. The writer's count stands when this is the node's only output, it
 * never had a child and never was seen to splice (which is not counted there).
 * It may have written other files, too: then, as its reader has come to the end
 * and has read less, the reader's count stands, under the same conditions; this
 * holds some KiB more for the start of that program. Else nothing is said, and
 * neither is it when the writer seems to have written next to nothing of all that
 * its reader got.
 */
#ifndef FLOW_SAMPLE_H
#define FLOW_SAMPLE_H

#include "sight.h"
#include "state.h"
#include "timeline.h"

struct flow_sampler;

/*
 * For the run of STATE (borrowed), which is about to be launched: standard
 * input and output are still there. BOARD, or NULL, shows each look; with LINE
 * a time line is kept. Without /proc little is known, but all of this works.
 * Returns owned; aborts when out of memory.
 */
struct flow_sampler *flow_sampler_make(const struct flow_state *state,
				       struct flow_board *board, bool line);
void flow_sampler_free(struct flow_sampler *sampler);

/* When the next look is due. SAMPLER may be NULL: never (INT64_MAX). */
int64_t flow_sampler_next(const struct flow_sampler *sampler);

/* Looks, if it is due at NOW. SAMPLER may be NULL. */
void flow_sampler_look(struct flow_sampler *sampler, int64_t now);

/* Process INDEX has been started. */
void flow_sampler_note_start(struct flow_sampler *sampler, uint32_t index);

/* Process INDEX has ended and is not yet reaped: its counts are final now. */
void flow_sampler_note_end(struct flow_sampler *sampler, uint32_t index);

/* It has written so many BYTES to the guardian, before it became a command. */
void flow_sampler_note_told(struct flow_sampler *sampler, uint32_t index,
			    size_t bytes);

/* All has ended: the last look. */
void flow_sampler_finish(struct flow_sampler *sampler);

/* What is known, for the report; borrowed. The time line has moments if it was wanted. */
const struct flow_node_sight *
flow_sampler_nodes(const struct flow_sampler *sampler);
const struct flow_edge_sight *
flow_sampler_edges(const struct flow_sampler *sampler);
const struct flow_timeline *
flow_sampler_line(const struct flow_sampler *sampler);

/*
 * The bottleneck of the whole run, a node of the graph by its id, or FLOW_NONE;
 * why goes to BUFFER.
 */
uint32_t flow_sampler_bottleneck(const struct flow_sampler *sampler,
				 char *buffer, size_t size);

#endif
