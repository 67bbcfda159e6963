/* SPDX-License-Identifier: GPL-3.0-or-later */
/* verdict: taint, statuses and the line about a failure. */
#include "config.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "verdict.h"

static bool
spoiled(const struct flow_state *state, uint32_t process)
{
	enum flow_outcome outcome;

	if (process == FLOW_NONE)
		return false;
	outcome = state->processes[process].outcome;
	return outcome == FLOW_OUTCOME_FAILED ||
	       outcome == FLOW_OUTCOME_STOPPED;
}

/* Is EDGE spoiled by the processes that carry it, whatever came in? */
static bool
spoiled_itself(const struct flow_state *state, const struct flow_edge *edge)
{
	const struct flow_route *route = &state->plan->routes[edge->id];

	if (spoiled(state, route->source) || spoiled(state, route->copy) ||
	    spoiled(state, route->merge))
		return true;
	return route->source != FLOW_NONE &&
	       state->processes[route->source].outcome == FLOW_OUTCOME_GONE &&
	       !state->edge_gone[edge->id];
}

/* Marks every edge downstream of a marked one. */
static void
spread(const struct flow_graph *graph, bool *marks)
{
	struct flow_edge **queue =
		malloc((graph->edge_count + 1) * sizeof(struct flow_edge *));
	size_t head = 0, tail = 0;

	if (!queue)
		abort();
	for (size_t i = 0; i < graph->edge_count; i++)
		if (marks[i])
			queue[tail++] = graph->edges[i];
	while (head < tail) {
		const struct flow_node *node = queue[head++]->head;

		for (size_t i = 0; i < node->out_count; i++) {
			struct flow_edge *e = node->out[i];

			if (marks[e->id])
				continue;
			marks[e->id] = true;
			queue[tail++] = e;
		}
	}
	free(queue);
}

void
flow_verdict_taint(struct flow_state *state)
{
	const struct flow_graph *graph = state->plan->graph;

	for (size_t i = 0; i < graph->edge_count; i++)
		state->tainted[i] = spoiled_itself(state, graph->edges[i]);
	spread(graph, state->tainted);
}

uint64_t
flow_verdict_dropped(const struct flow_state *state,
		     const struct flow_edge *edge)
{
	uint32_t pipe = state->plan->routes[edge->id].pipe;

	return pipe == FLOW_NONE || edge->slow != FLOW_SLOW_DROP
		       ? 0
		       : atomic_load(&state->meters[pipe].dropped);
}

void
flow_verdict_patched(const struct flow_state *state, bool *patched)
{
	const struct flow_graph *graph = state->plan->graph;

	for (size_t i = 0; i < graph->edge_count; i++) {
		uint32_t source = state->plan->routes[i].source;

		patched[i] = (source != FLOW_NONE &&
			      state->processes[source].again.lossy) ||
			     flow_verdict_dropped(state, graph->edges[i]) > 0;
	}
	spread(graph, patched);
}

static bool
running(const struct flow_state *state, uint32_t process)
{
	return process != FLOW_NONE &&
	       flow_process_lives(&state->processes[process]);
}

void
flow_verdict_open(const struct flow_state *state, bool *open)
{
	const struct flow_graph *graph = state->plan->graph;

	for (size_t i = 0; i < graph->edge_count; i++) {
		const struct flow_route *route = &state->plan->routes[i];

		open[i] = running(state, route->source) ||
			  running(state, route->copy) ||
			  running(state, route->merge);
	}
	spread(graph, open);
}

bool
flow_verdict_commits(const struct flow_state *state, size_t index)
{
	const struct flow_plan *plan = state->plan;
	const struct flow_graph *graph = plan->graph;

	if (state->reason != FLOW_REASON_NONE)
		return false;
	if (graph->commit_all &&
	    (state->first_failure != FLOW_NONE || state->stdout_gone))
		return false;
	/* --output has the run's result, so the run has to have one */
	if (!plan->files[index].node && state->first_failure != FLOW_NONE)
		return false;
	for (size_t i = 0; i < graph->edge_count; i++)
		if (plan->routes[i].file == index && state->tainted[i])
			return false;
	return true;
}

int
flow_verdict_status(const struct flow_state *state)
{
	switch (state->reason) {
	case FLOW_REASON_SIGNAL:
		return -state->signal;
	case FLOW_REASON_TIMEOUT:
		return 124;
	case FLOW_REASON_DEADLOCK:
	case FLOW_REASON_TROUBLE:
	case FLOW_REASON_FRONT:
		return 125;
	default:
		break;
	}
	/* with ok=1 a node may have failed by ending with 0 */
	if (state->first_failure != FLOW_NONE)
		return state->processes[state->first_failure].status ?: 1;
	return state->stdout_gone ? 128 + SIGPIPE : 0;
}

/* What happened to relay or command P, as words after its name. */
static void
describe(FILE *out, const struct flow_state *state, uint32_t index)
{
	const struct flow_process_state *p = &state->processes[index];
	const struct flow_plan *plan = state->plan;
	double seconds = (double)(p->ended - p->started) / FLOW_SECOND;
	const struct flow_note *note = &p->note;
	const char *from = "", *to = "";

	if (p->noted && note->pipe < plan->pipe_count) {
		from = plan->pipes[note->pipe].from;
		to = plan->pipes[note->pipe].to;
	}
	if (p->noted) {
		const char *reason = strerror(note->error);

		switch ((enum flow_note_kind)note->kind) {
		case FLOW_NOTE_EXEC:
			fprintf(out, "cannot run %s: %s", note->text, reason);
			break;
		case FLOW_NOTE_READ:
			fprintf(out, "cannot read %s: %s",
				*from ? from : "its input", reason);
			break;
		case FLOW_NOTE_WRITE:
			fprintf(out, "cannot write to %s: %s",
				*to ? to : "its output", reason);
			break;
		case FLOW_NOTE_SPILL:
			fprintf(out,
				"cannot spill %s -> %s, which holds %llu "
				"bytes: %s",
				from, to, (unsigned long long)note->number,
				reason);
			break;
		case FLOW_NOTE_RECORD:
			fprintf(out, "%s ended inside a record",
				*from ? from : "an input");
			break;
		case FLOW_NOTE_COUNT:
			fprintf(out,
				"%s gave more or fewer records than it got, "
				"as record %llu shows",
				*from ? from : "its output",
				(unsigned long long)note->number);
			break;
		case FLOW_NOTE_ORDER:
			fprintf(out, "%s is not sorted: record %llu",
				*from ? from : "an input",
				(unsigned long long)note->number);
			break;
		case FLOW_NOTE_FILE:
			fprintf(out, "cannot write %s: %s", note->text, reason);
			break;
		case FLOW_NOTE_KEY:
			fprintf(out, "record %llu: key `%s` cannot name a file",
				(unsigned long long)note->number, note->text);
			break;
		case FLOW_NOTE_MEMORY:
			fputs("out of memory", out);
			break;
		case FLOW_NOTE_LIMIT:
		case FLOW_NOTE_BEGUN:
		case FLOW_NOTE_NOTHING:
			break;
		}
	} else if (p->timed_out) {
		fprintf(out, "timed out after %.3g s",
			(double)plan->processes[index].node->timeout /
				FLOW_SECOND);
	} else if (p->signal) {
		fprintf(out, "killed by SIG%s after %.2g s",
			sigabbrev_np(p->signal) ? sigabbrev_np(p->signal) : "?",
			seconds);
	} else {
		fprintf(out, "exit %d after %.2g s", p->status, seconds);
	}
}

/* "BEFORE x, y not written", or nothing when all was written. */
static bool
list_unwritten(FILE *out, const struct flow_state *state, const char *before)
{
	const struct flow_plan *plan = state->plan;

	for (size_t i = 0; i < plan->file_count; i++) {
		if (!state->files[i].commits || state->committed[i])
			continue;
		fprintf(out, "%s%s", before,
			plan->files[i].node ? plan->files[i].node->name
					    : plan->files[i].path);
		before = ", ";
	}
	if (strcmp(before, ", ") != 0)
		return false;
	fputs(" not written", out);
	return true;
}

void
flow_verdict_describe(FILE *out, const struct flow_state *state, uint32_t index)
{
	const struct flow_process *process = &state->plan->processes[index];
	unsigned long restarts = state->processes[index].again.restarts;

	fprintf(out, "%s: ", process->name);
	describe(out, state, index);
	if (process->node && process->node->line)
		fprintf(out, " (line %u%s%s)", process->node->line,
			process->node->inner ? " of " : "",
			process->node->inner ? process->node->inner->source
					     : "");
	if (restarts && !flow_process_lives(&state->processes[index]))
		fprintf(out, ", started again %lu time%s before", restarts,
			restarts == 1 ? "" : "s");
}

static const char *
reason_text(const struct flow_state *state)
{
	switch (state->reason) {
	case FLOW_REASON_TIMEOUT:
		return "time ran out";
	case FLOW_REASON_DEADLOCK:
		return "deadlock: the run was ended";
	case FLOW_REASON_TROUBLE:
		return state->trouble;
	default:
		return NULL;
	}
}

char *
flow_verdict_line(const struct flow_state *state)
{
	uint32_t first = state->first_failure;
	const char *reason = reason_text(state);
	char *text = NULL;
	size_t size;
	FILE *out;

	if (!reason && first == FLOW_NONE)
		return NULL;
	out = open_memstream(&text, &size);
	if (!out)
		abort();
	if (reason) {
		fprintf(out, "%s", reason);
		if (state->reason == FLOW_REASON_TIMEOUT)
			fprintf(out, " after %.3g s",
				(double)state->options->timeout / FLOW_SECOND);
	}
	if (first != FLOW_NONE) {
		if (reason)
			fputs("; ", out);
		flow_verdict_describe(out, state, first);
		if (state->failures > 1)
			fprintf(out, "; %u more failed", state->failures - 1);
	}
	list_unwritten(out, state, "; ");
	fclose(out);
	return text;
}

char *
flow_verdict_warning(const struct flow_state *state)
{
	char *text = NULL;
	bool missing;
	size_t size;
	FILE *out;

	if (state->reason != FLOW_REASON_NONE ||
	    state->first_failure != FLOW_NONE)
		return NULL;
	out = open_memstream(&text, &size);
	if (!out)
		abort();
	missing = list_unwritten(out, state, "warning: ");
	fputs(": a reader upstream had seen enough, so what came there is not "
	      "whole",
	      out);
	fclose(out);
	if (missing)
		return text;
	free(text);
	return NULL;
}
