/* SPDX-License-Identifier: GPL-3.0-or-later */
/* judge: what the end of each process means, taken together with the others. */
#include "config.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guard.h"
#include "sample.h"
#include "verdict.h"

#define AWAIT_TRIES 250
#define AWAIT_STEP 200 /* microseconds */

/* Does PID, or anything it started, hold the reading end of INODE's pipe? */
static bool
is_held_by(pid_t pid, const struct flow_inode *inode)
{
	pid_t *pids = NULL;
	ssize_t count;
	bool held = flow_proc_holds(pid, inode, 1, true, false) > 0;

	if (held)
		return true;
	count = flow_proc_descendants(pid, &pids);
	for (ssize_t i = 0; i < count && !held; i++)
		held = flow_proc_holds(pids[i], inode, 1, true, false) > 0;
	free(pids);
	return held;
}

/*
 * Has a relay ended otherwise than with its inputs, reaped or not? While it
 * lives and holds the pipe INPUT it reads on. When it has closed that, either
 * its readers have gone, and it is about to end, or the input had ended.
 */
static bool
relay_broke_off(const struct flow_process_state *relay,
		const struct flow_inode *input)
{
	struct flow_proc_stat stat;
	siginfo_t ended;

	if (!relay->running)
		return relay->status != FLOW_RELAY_DONE;
	for (int tries = 0; tries < AWAIT_TRIES; tries++) {
		ended.si_pid = 0;
		if (waitid(P_PID, (id_t)relay->pid, &ended,
			   WEXITED | WNOHANG | WNOWAIT) == 0 &&
		    ended.si_pid)
			return ended.si_code != CLD_EXITED ||
			       ended.si_status != FLOW_RELAY_DONE;
		if (flow_proc_stat(relay->pid, &stat) == 0 && !stat.exiting &&
		    flow_proc_holds(relay->pid, input, 1, true, false) > 0)
			return false;
		usleep(AWAIT_STEP);
	}
	return false;
}

/* Is the pipe that EDGE's head side reads without any reader by now? */
static bool
reader_gone(const struct flow_guard *guard, const struct flow_edge *edge)
{
	const struct flow_state *state = &guard->state;
	const struct flow_route *route = &state->plan->routes[edge->id];
	uint32_t reader = flow_route_reader(route);

	if (reader == FLOW_NONE) /* an object: only our own output can go */
		return edge->head->kind == FLOW_NODE_STDOUT &&
		       state->stdout_gone;
	if (!flow_process_is_node(&state->plan->processes[reader]) &&
	    route->pipe != FLOW_NONE)
		return relay_broke_off(&state->processes[reader],
				       &state->pipes[route->pipe].inode);
	if (!flow_process_lives(&state->processes[reader]))
		return true;
	if (flow_process_restarts(&state->plan->processes[reader]))
		return false; /* its end is held here as long as it lives */
	if (route->pipe == FLOW_NONE)
		return false;
	return !is_held_by(state->processes[reader].pid,
			   &state->pipes[route->pipe].inode) &&
	       !(flow_has_strays(guard) &&
		 is_held_by(getpid(), &state->pipes[route->pipe].inode));
}

static bool
our_output_broken(void)
{
	struct pollfd out = { .fd = STDOUT_FILENO };

	return poll(&out, 1, 0) == 1 && (out.revents & (POLLERR | POLLHUP));
}

/* Notes which of a node's edges have lost their readers, and says if one has. */
static bool
note_gone(struct flow_guard *guard, const struct flow_node *node)
{
	bool any = false;

	if (our_output_broken())
		for (size_t i = 0; i < node->out_count; i++)
			guard->state.stdout_gone |=
				node->out[i]->head->kind == FLOW_NODE_STDOUT;
	for (size_t i = 0; i < node->out_count; i++) {
		const struct flow_edge *e = node->out[i];

		guard->state.edge_gone[e->id] = reader_gone(guard, e);
		any |= guard->state.edge_gone[e->id];
	}
	return any;
}

/*
 * epipe=ok: had a reader of process INDEX gone before it ended? While its
 * write ends are held here no reader can have gone because of an end of file.
 */
static bool
probe_gone(struct flow_guard *guard, uint32_t index)
{
	const struct flow_plan *plan = guard->state.plan;
	bool gone = false;

	for (size_t i = 0; i < plan->processes[index].place_count; i++) {
		const struct flow_place *place =
			&plan->processes[index].places[i];
		struct pollfd end = { .fd = -1 };

		if (place->thing != FLOW_THING_PIPE_WRITE)
			continue;
		end.fd = guard->state.pipes[place->index].held;
		gone |= poll(&end, 1, 0) == 1 && (end.revents & POLLERR);
	}
	return gone;
}

/* Lets the ends go that were held for the verdict on process INDEX. */
static void
drop_probes(struct flow_guard *guard, uint32_t index)
{
	const struct flow_plan *plan = guard->state.plan;

	for (size_t i = 0; i < plan->processes[index].place_count; i++) {
		const struct flow_place *place =
			&plan->processes[index].places[i];
		struct flow_pipe_state *pipe;

		if (place->thing != FLOW_THING_PIPE_WRITE ||
		    plan->pipes[place->index].hold)
			continue;
		pipe = &guard->state.pipes[place->index];
		if (pipe->held >= 0)
			close(pipe->held);
		pipe->held = -1;
	}
}

/* Has a copying relay that NODE writes to broken off? */
static bool
relay_gone(const struct flow_guard *guard, const struct flow_node *node)
{
	const struct flow_state *state = &guard->state;

	for (size_t i = 0; i < node->out_count; i++) {
		uint32_t copy = state->plan->routes[node->out[i]->id].copy;
		const struct flow_place *input;

		if (copy == FLOW_NONE)
			continue;
		input = &state->plan->processes[copy].places[0];
		if (relay_broke_off(&state->processes[copy],
				    &state->pipes[input->index].inode))
			return true;
	}
	return false;
}

static bool
is_ok(const struct flow_node *node, int status)
{
	return node->ok[status / 8] & (1u << (status % 8));
}

/* Looks like the end of a writer whose readers have gone; have they? */
static void
probe(struct flow_guard *guard, uint32_t index, int signal, int status)
{
	const struct flow_process *process =
		&guard->state.plan->processes[index];
	struct flow_process_state *p = &guard->state.processes[index];
	const struct flow_node *node = process->node;

	if (!flow_process_is_node(process))
		return;
	if (signal == SIGPIPE || (node->shell && status == 128 + SIGPIPE))
		p->readers_gone =
			note_gone(guard, node) || relay_gone(guard, node);
	else if (node->epipe_ok && !signal && status &&
		 probe_gone(guard, index))
		p->readers_gone = note_gone(guard, node);
}

static enum flow_outcome
judge_command(struct flow_guard *guard, uint32_t index)
{
	struct flow_process_state *p = &guard->state.processes[index];
	const struct flow_node *node = guard->state.plan->processes[index].node;

	if (p->timed_out) {
		p->status = 124;
		return FLOW_OUTCOME_FAILED;
	}
	if (p->stopped || guard->ending)
		return p->status == 0 ? FLOW_OUTCOME_OK : FLOW_OUTCOME_STOPPED;
	if (p->noted)
		return FLOW_OUTCOME_FAILED;
	if (!p->signal && is_ok(node, p->status))
		return FLOW_OUTCOME_OK;
	if (p->readers_gone)
		return FLOW_OUTCOME_GONE;
	return p->drained ? FLOW_OUTCOME_OK : FLOW_OUTCOME_FAILED;
}

static enum flow_outcome
judge_relay(struct flow_guard *guard, uint32_t index)
{
	struct flow_process_state *p = &guard->state.processes[index];
	const struct flow_process *process =
		&guard->state.plan->processes[index];

	if (!p->signal && p->status == FLOW_RELAY_DONE)
		return FLOW_OUTCOME_OK;
	if (!p->signal && p->status == FLOW_RELAY_GONE) {
		for (size_t i = process->input_count; i < process->place_count;
		     i++)
			guard->state.stdout_gone |=
				process->places[i].thing ==
					FLOW_THING_STANDARD &&
				process->places[i].index == 1;
		return FLOW_OUTCOME_GONE;
	}
	if (guard->ending)
		return FLOW_OUTCOME_STOPPED;
	if (p->signal || p->status != FLOW_RELAY_DATA)
		p->status = 125;
	return FLOW_OUTCOME_FAILED;
}

static void
note_end(struct flow_guard *guard, uint32_t index, int status,
	 const struct rusage *usage)
{
	struct flow_process_state *p = &guard->state.processes[index];

	p->running = false;
	p->fresh = true;
	p->ended = flow_now();
	p->usage = *usage;
	p->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
	p->status = p->signal ? 128 + p->signal : WEXITSTATUS(status);
	guard->running--;
	flow_hold_end_rest(guard, index);
}

uint32_t
flow_judge_process_of(const struct flow_guard *guard, pid_t pid)
{
	for (uint32_t i = 0; i < guard->state.plan->process_count; i++)
		if (guard->state.processes[i].pid == pid &&
		    guard->state.processes[i].running)
			return i;
	return FLOW_NONE;
}

pid_t
flow_judge_reap(struct flow_guard *guard, int which, pid_t pid)
{
	siginfo_t ended = { .si_pid = 0 };
	struct rusage usage;
	uint32_t index;
	bool killed;
	int status;

	if (waitid((idtype_t)which, (id_t)pid, &ended,
		   WEXITED | WNOHANG | WNOWAIT) < 0)
		return -1;
	if (!ended.si_pid)
		return 0;
	index = flow_judge_process_of(guard, ended.si_pid);
	killed = ended.si_code != CLD_EXITED;
	flow_sampler_note_end(guard->state.sampler, index);
	if (index != FLOW_NONE)
		probe(guard, index, killed ? ended.si_status : 0,
		      killed ? 0 : ended.si_status);
	if (wait4(ended.si_pid, &status, 0, &usage) > 0 && index != FLOW_NONE)
		note_end(guard, index, status, &usage);
	return ended.si_pid;
}

/*
 * Before the first failure is named: a process that ended before it, and so
 * caused it, may still be on its way out. Takes in all that are.
 */
static void
await_exiting(struct flow_guard *guard)
{
	struct flow_state *state = &guard->state;
	struct flow_proc_stat stat;

	for (uint32_t i = 0; i < state->plan->process_count; i++) {
		struct flow_process_state *p = &state->processes[i];

		if (!p->running || flow_proc_stat(p->pid, &stat) < 0 ||
		    !stat.exiting)
			continue;
		/* never for long: it may be one thread of several that exits */
		for (int tries = 0; tries < AWAIT_TRIES; tries++) {
			if (flow_judge_reap(guard, P_PID, p->pid) == p->pid)
				break;
			usleep(AWAIT_STEP);
		}
	}
}

/*
 * Once nobody of ours writes to our standard output any more, we let go of it
 * too: who reads it must see the end when the writers end.
 */
static void
release_output(struct flow_guard *guard)
{
	const struct flow_plan *plan = guard->state.plan;
	int null;

	for (uint32_t i = 0; i < plan->process_count; i++) {
		const struct flow_process *process = &plan->processes[i];

		for (size_t j = 0;
		     flow_process_lives(&guard->state.processes[i]) &&
		     j < process->place_count;
		     j++)
			if (process->places[j].thing == FLOW_THING_STANDARD &&
			    process->places[j].index == 1)
				return;
	}
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0)
		return;
	dup2(null, STDOUT_FILENO);
	close(null);
}

/* Judges those that ended together; the furthest upstream failed first. */
void
flow_judge(struct flow_guard *guard)
{
	struct flow_state *state = &guard->state;
	uint32_t first = FLOW_NONE;
	bool fresh = false, failing = false, relay_failed = false;

	for (uint32_t i = 0; i < state->plan->process_count; i++) {
		const struct flow_process_state *p = &state->processes[i];

		fresh |= p->fresh;
		failing |= p->fresh && p->status != 0 &&
			   p->status != 128 + SIGPIPE;
	}
	if (!fresh)
		return;
	if (failing && state->first_failure == FLOW_NONE) {
		await_exiting(guard);
		flow_guard_take_notes(guard);
	}
	for (uint32_t i = 0; i < state->plan->process_count; i++) {
		const struct flow_process *process = &state->plan->processes[i];
		struct flow_process_state *p = &state->processes[i];

		if (!p->fresh)
			continue;
		p->fresh = false;
		if (p->again.nothing)
			flow_again_forget(p);
		p->outcome = flow_process_is_node(process)
				     ? judge_command(guard, i)
				     : judge_relay(guard, i);
		if (flow_again_wanted(guard, i))
			continue;
		drop_probes(guard, i);
		flow_launch_drop(guard, i);
		flow_launch_let_go(guard, i);
		if (p->outcome != FLOW_OUTCOME_FAILED)
			continue;
		state->failures++;
		relay_failed |= !flow_process_is_node(process);
		if (first == FLOW_NONE ||
		    process->rank < state->plan->processes[first].rank)
			first = i;
	}
	if (state->first_failure == FLOW_NONE)
		state->first_failure = first;
	/* without a relay the rest may go on for ever, for nothing */
	if (relay_failed || (first != FLOW_NONE && state->options->fail_fast))
		flow_guard_end(guard, FLOW_REASON_FAILURE);
	release_output(guard);
	flow_hold_settle(guard);
}
