/* SPDX-License-Identifier: GPL-3.0-or-later */
/* watch: samples a run from outside, for deadlocks and for silence. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "guard.h"
#include "verdict.h"

/* Between the two looks of a proof: long enough for anything to have moved. */
#define PROOF_GAP (FLOW_SECOND / 10)
#define SAMPLE_FIRST (FLOW_SECOND / 2)
#define SAMPLE_MOST (10 * FLOW_SECOND)
#define QUIET_FIRST (5 * FLOW_SECOND)
#define QUIET_GAP (30 * FLOW_SECOND)
#define QUIET_NAMED 5 /* processes named in the warning */

/* What stuck wants to know of the pipes, with the memory behind it. */
struct view {
	struct flow_stuck stuck;
	struct flow_stuck_pipe *pipes;
	pid_t *upstream; /* all live processes, for held ends */
};

static pid_t
relay_pid(const struct flow_state *state, uint32_t process)
{
	if (process == FLOW_NONE ||
	    flow_process_is_node(&state->plan->processes[process]) ||
	    !state->processes[process].running)
		return 0;
	return state->processes[process].pid;
}

/* Of a process that is to be started again it is 0. */
static pid_t
live_pid(const struct flow_state *state, uint32_t process)
{
	const struct flow_process_state *p = &state->processes[process];

	return p->running ? p->pid : 0;
}

/* Does the guardian hold END of PIPE for a process that may be started again? */
static bool
is_kept(const struct flow_state *state, uint32_t pipe, int end)
{
	const struct flow_pipe *plan = &state->plan->pipes[pipe];
	uint32_t process = end ? plan->writer : plan->reader;

	return state->pipes[pipe].ends[end] >= 0 && process != FLOW_NONE &&
	       flow_process_restarts(&state->plan->processes[process]);
}

/*
 * For a held end every live process but the reader counts as one that the
 * guardian waits for: more than there are, which can only spoil a proof.
 */
static size_t
list_upstream(const struct flow_state *state, uint32_t reader, pid_t *list)
{
	size_t count = 0;

	for (size_t i = 0; i < state->plan->process_count; i++)
		if (flow_process_lives(&state->processes[i]) && i != reader)
			list[count++] = live_pid(state, (uint32_t)i);
	return count;
}

static void
make_view(const struct flow_state *state, struct view *view)
{
	const struct flow_plan *plan = state->plan;
	size_t held = 0;

	for (uint32_t i = 0; i < plan->pipe_count; i++)
		held += state->pipes[i].held >= 0 || is_kept(state, i, 1);
	view->pipes = calloc(plan->pipe_count + 1, sizeof(*view->pipes));
	view->upstream =
		calloc(held * plan->process_count + 1, sizeof(*view->upstream));
	if (!view->pipes || !view->upstream)
		abort();
	held = 0;
	for (uint32_t i = 0; i < plan->pipe_count; i++) {
		const struct flow_pipe *pipe = &plan->pipes[i];
		bool ends = state->pipes[i].held >= 0 && pipe->hold;

		view->pipes[i] = (struct flow_stuck_pipe){
			.inode = state->pipes[i].inode,
			.from = pipe->from,
			.to = pipe->to,
			.relay_from = relay_pid(state, pipe->writer),
			.relay_to = relay_pid(state, pipe->reader),
		};
		if (is_kept(state, i, 0)) {
			view->pipes[i].read_held = true;
			view->pipes[i].read_held_for =
				live_pid(state, pipe->reader);
		}
		if (state->pipes[i].held < 0 && !is_kept(state, i, 1))
			continue;
		view->pipes[i].held_for = view->upstream + held;
		if (!ends) { /* held for its writer alone */
			view->upstream[held++] = live_pid(state, pipe->writer);
			view->pipes[i].held_count = 1;
			continue;
		}
		view->pipes[i].held_count = list_upstream(
			state, pipe->reader, view->upstream + held);
		held += view->pipes[i].held_count;
	}
	view->stuck = (struct flow_stuck){
		.root = getpid(),
		.pipes = view->pipes,
		.pipe_count = plan->pipe_count,
		.meters = state->meters,
	};
}

static void
free_view(struct view *view)
{
	free(view->pipes);
	free(view->upstream);
}

/* The second look: is it a deadlock? */
static void
try_proof(struct flow_guard *guard, const struct view *view)
{
	struct flow_stuck_look *now = flow_stuck_look(&view->stuck);
	char *text = NULL;

	if (now &&
	    flow_stuck_proof(&view->stuck, guard->look, now, &text) == 1) {
		char *rest = text, *line;

		guard->state.options->say(
			"deadlock: each of these waits for the next, and "
			"nothing else can move:");
		while ((line = strsep(&rest, "\n")))
			if (*line)
				guard->state.options->say("%s", line);
		for (size_t i = 0; i < guard->state.plan->pipe_count; i++)
			if (atomic_load(&guard->state.meters[i].spilled) > 0)
				guard->state.options->say(
					"%s -> %s holds all that its spill= "
					"allows (%llu bytes)",
					view->pipes[i].from, view->pipes[i].to,
					(unsigned long long)atomic_load(
						&guard->state.meters[i]
							 .spilled));
		flow_guard_end(guard, FLOW_REASON_DEADLOCK);
	}
	free(text);
	flow_stuck_look_free(now);
	flow_stuck_look_free(guard->look);
	guard->look = NULL;
}

static void
sample(struct flow_guard *guard, const struct view *view, int64_t now)
{
	if (guard->look) {
		try_proof(guard, view);
		guard->sample_gap *= 2;
		if (guard->sample_gap > SAMPLE_MOST)
			guard->sample_gap = SAMPLE_MOST;
		guard->sample_at = now + guard->sample_gap;
		return;
	}
	guard->look = flow_stuck_look(&view->stuck);
	if (guard->look)
		guard->sample_at = now + PROOF_GAP;
	else
		guard->watching = false; /* /proc tells nothing here */
}

static void
warn_quiet(struct flow_guard *guard, const struct view *view,
	   const struct flow_stuck_look *look)
{
	const struct flow_state *state = &guard->state;
	char *text = NULL, doing[256];
	unsigned named = 0;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		abort();
	for (size_t i = 0; i < state->plan->process_count; i++) {
		const struct flow_process *process = &state->plan->processes[i];

		if (!state->processes[i].running ||
		    !flow_process_is_node(process))
			continue;
		if (named++ >= QUIET_NAMED)
			continue;
		fprintf(out, "%s%s %s", named > 1 ? ", " : "", process->name,
			flow_stuck_describe(&view->stuck, look,
					    state->processes[i].pid, doing,
					    sizeof(doing)));
	}
	if (named > QUIET_NAMED)
		fprintf(out, " and %u more", named - QUIET_NAMED);
	fclose(out);
	state->options->say("warning: nothing has moved for 30 s: %s", text);
	free(text);
	guard->warned = true;
}

static void
listen_for_quiet(struct flow_guard *guard, const struct view *view, int64_t now)
{
	struct flow_stuck_look *look = flow_stuck_look(&view->stuck);

	if (!look) {
		guard->warned = true; /* nothing can be seen here */
		return;
	}
	if (guard->quiet &&
	    flow_stuck_quiet(&view->stuck, guard->quiet, look)) {
		warn_quiet(guard, view, look);
		/* with /proc at hand a deadlock may as well be looked for */
		guard->sample_at = now;
		guard->sample_gap = SAMPLE_MOST / 2;
		sample(guard, view, now);
	}
	flow_stuck_look_free(guard->quiet);
	guard->quiet = look;
	guard->quiet_at = now + QUIET_GAP;
}

void
flow_watch(struct flow_guard *guard, int64_t now)
{
	bool sampling, listening;
	struct view view;

	if (guard->watching && !guard->sample_at) {
		guard->sample_gap = SAMPLE_FIRST;
		guard->sample_at = guard->state.started + guard->sample_gap;
	}
	if (!guard->quiet_at)
		guard->quiet_at = guard->state.started + QUIET_FIRST;
	sampling = (guard->watching || guard->look) && now >= guard->sample_at;
	listening = !guard->warned && now >= guard->quiet_at;
	if (listening && guard->pending) { /* it is known what is waited for */
		flow_stuck_look_free(guard->quiet);
		guard->quiet = NULL;
		guard->quiet_at = now + QUIET_GAP;
		listening = false;
	}
	if (!sampling && !listening)
		return;
	make_view(&guard->state, &view);
	if (sampling)
		sample(guard, &view, now);
	if (listening && !guard->ending)
		listen_for_quiet(guard, &view, now);
	free_view(&view);
}

int64_t
flow_watch_next(const struct flow_guard *guard)
{
	int64_t next = INT64_MAX;

	if ((guard->watching || guard->look) && guard->sample_at < next)
		next = guard->sample_at;
	if (!guard->warned && guard->quiet_at < next)
		next = guard->quiet_at;
	return next;
}

void
flow_watch_free(struct flow_guard *guard)
{
	flow_stuck_look_free(guard->look);
	flow_stuck_look_free(guard->quiet);
	guard->look = guard->quiet = NULL;
}
