/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * hold: ending single processes with all they started, and the ends of file
 * that eof=exit holds back until it is known that they are true.
 */
#include "config.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "guard.h"
#include "verdict.h"

/*
 * All are stopped first, so that none sees another's end before it has got the
 * signal itself; to PID first, for a shell that lives on would complain.
 */
void
flow_hold_signal_tree(pid_t pid, int signal)
{
	const int steps[] = { SIGSTOP, signal, SIGCONT };
	pid_t *pids = NULL;
	ssize_t count;

	kill(pid,
	     SIGSTOP); /* before it is asked for its children: no more come */
	count = flow_proc_descendants(pid, &pids);

	for (size_t step = 0; step < sizeof(steps) / sizeof(steps[0]); step++) {
		kill(pid, steps[step]);
		for (ssize_t i = 0; i < count; i++)
			kill(pids[i], steps[step]);
	}
	free(pids);
}

void
flow_hold_end_process(struct flow_guard *guard, uint32_t index)
{
	struct flow_process_state *p = &guard->state.processes[index];

	if (!p->running || p->kill_at)
		return;
	p->kill_at = flow_now() + FLOW_GRACE;
	guard->has_timeouts = true;
	p->tree_count = flow_proc_descendants(p->pid, &p->tree);
	flow_hold_signal_tree(p->pid, SIGTERM);
}

/* Does PID hold what process INDEX alone had: its side of one of its pipes? */
static bool
holds_side(const struct flow_guard *guard, uint32_t index, pid_t pid)
{
	const struct flow_process *process =
		&guard->state.plan->processes[index];

	for (size_t i = 0; i < process->place_count; i++) {
		const struct flow_place *place = &process->places[i];
		bool write = place->thing == FLOW_THING_PIPE_WRITE;

		if (!write && place->thing != FLOW_THING_PIPE_READ)
			continue;
		if (flow_proc_holds(pid,
				    &guard->state.pipes[place->index].inode, 1,
				    !write, write) > 0)
			return true;
	}
	return false;
}

/* Sends SIGNAL to what process INDEX, which has ended, has left behind. */
static void
signal_rest(struct flow_guard *guard, uint32_t index, int signal)
{
	struct flow_process_state *p = &guard->state.processes[index];
	pid_t *pids = NULL;
	ssize_t count = flow_proc_descendants(getpid(), &pids);

	for (ssize_t i = 0; i < count; i++) {
		bool ours = false;

		if (flow_judge_process_of(guard, pids[i]) != FLOW_NONE)
			continue;
		for (ssize_t j = 0; j < p->tree_count && !ours; j++)
			ours = p->tree[j] == pids[i];
		if (!ours && !holds_side(guard, index, pids[i]))
			continue;
		/* KILL also to what it has started since */
		if (signal == SIGKILL)
			flow_hold_signal_tree(pids[i], signal);
		else
			kill(pids[i], signal);
	}
	free(pids);
}

void
flow_hold_end_rest(struct flow_guard *guard, uint32_t index)
{
	struct flow_process_state *p = &guard->state.processes[index];

	if (!p->timed_out)
		p->kill_at = 0;
	else
		signal_rest(guard, index, SIGTERM);
}

void
flow_hold_kill_rest(struct flow_guard *guard, uint32_t index)
{
	struct flow_process_state *p = &guard->state.processes[index];

	p->kill_at = 0;
	signal_rest(guard, index, SIGKILL);
	free(p->tree);
	p->tree = NULL;
	p->tree_count = 0;
}

/* Kills what holds the reading end of INODE's pipe; was there anything? */
static bool
kill_holders(const struct flow_inode *inode)
{
	pid_t *pids = NULL;
	ssize_t count = flow_proc_descendants(getpid(), &pids);
	bool held = false;

	for (ssize_t i = 0; i < count; i++) {
		if (flow_proc_holds(pids[i], inode, 1, true, false) <= 0)
			continue;
		kill(pids[i], SIGKILL);
		held = true;
	}
	free(pids);
	return held;
}

/* What the edges of a held pipe say together. */
struct hold {
	bool open; /* something upstream still runs */
	bool tainted;
};

static struct hold *
look_at_holds(struct flow_state *state)
{
	const struct flow_plan *plan = state->plan;
	size_t edges = plan->graph->edge_count;
	struct hold *holds = calloc(plan->pipe_count + 1, sizeof(*holds));
	bool *open = calloc(edges + 1, sizeof(*open));

	if (!holds || !open)
		abort();
	flow_verdict_taint(state);
	flow_verdict_open(state, open);
	for (size_t i = 0; i < edges; i++) {
		uint32_t pipe = flow_route_last_pipe(&plan->routes[i]);

		if (!plan->graph->edges[i]->eof_exit || pipe == FLOW_NONE)
			continue;
		holds[pipe].open |= open[i];
		holds[pipe].tainted |= state->tainted[i];
	}
	free(open);
	return holds;
}

/*
 * A shell that got the signal in the middle of starting a program waits for it
 * first; the program, which did not get it, would wait for input until KILL.
 */
static void
signal_waiting(const struct flow_process_state *reader,
	       const struct flow_inode *pipe)
{
	pid_t *pids = NULL;
	ssize_t count = flow_proc_descendants(reader->pid, &pids);

	for (ssize_t i = 0; i < count; i++)
		if (flow_proc_reads(pids[i], pipe))
			kill(pids[i], SIGTERM);
	free(pids);
}

/* Settles one; true when it has to be looked at again soon. */
static bool
settle(struct flow_guard *guard, uint32_t index, const struct hold *hold)
{
	struct flow_state *state = &guard->state;
	struct flow_pipe_state *pipe = &state->pipes[index];
	uint32_t index_of_reader = state->plan->pipes[index].reader;
	struct flow_process_state *reader = &state->processes[index_of_reader];

	if (hold->tainted && reader->again.due) {
		reader->stopped = true; /* before it has begun */
		return true;
	}
	if (hold->tainted && reader->running) {
		if (reader->stopped)
			signal_waiting(reader, &pipe->inode);
		reader->stopped = true;
		flow_hold_end_process(guard, index_of_reader);
		return true;
	}
	if (hold->tainted ? kill_holders(&pipe->inode) : hold->open)
		return hold->tainted;
	close(pipe->held);
	pipe->held = -1;
	return false;
}

void
flow_hold_settle(struct flow_guard *guard)
{
	bool any = false;
	struct hold *holds;

	/* while all is being ended no end of file is a true one */
	if (!guard->has_holds || guard->ending)
		return;
	holds = look_at_holds(&guard->state);
	guard->hold_pending = false;
	for (uint32_t i = 0; i < guard->state.plan->pipe_count; i++) {
		if (guard->state.pipes[i].held < 0 ||
		    !guard->state.plan->pipes[i].hold)
			continue;
		guard->hold_pending |= settle(guard, i, &holds[i]);
		any |= guard->state.pipes[i].held >= 0;
	}
	guard->has_holds = any;
	free(holds);
}
