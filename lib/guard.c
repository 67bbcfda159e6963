/* SPDX-License-Identifier: GPL-3.0-or-later */
/* guard: waits for the processes of a run, judges their ends, ends the run. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "door.h"
#include "guard.h"
#include "report.h"
#include "sample.h"
#include "verdict.h"

#define HOLD_GAP (FLOW_SECOND / 20)

void
flow_guard_end(struct flow_guard *guard, enum flow_reason reason)
{
	int64_t now = flow_now();

	if (guard->ending)
		return;
	guard->ending = true;
	guard->state.reason = reason;
	guard->term_at = now;
	guard->kill_at = now + FLOW_GRACE;
	if (reason == FLOW_REASON_FRONT)
		guard->kill_at = now; /* nobody is left to wait for us */
}

/* A process that was started again has waited for input. */
static void
hear_waiting(struct flow_guard *guard, const struct flow_note *note)
{
	struct flow_process_state *p = &guard->state.processes[note->process];
	const struct flow_node *node =
		guard->state.plan->processes[note->process].node;

	p->again.waits = false;
	p->again.nothing = note->kind == FLOW_NOTE_NOTHING;
	if (p->again.nothing)
		return;
	flow_launch_trace(guard, node);
	p->started = (int64_t)note->number;
	if (node->timeout) {
		p->deadline = p->started + node->timeout;
		guard->has_timeouts = true;
	}
}

/* Takes every note there is; a process's notes precede its end. */
void
flow_guard_take_notes(struct flow_guard *guard)
{
	struct flow_note note;

	while (read(guard->notes[0], &note, sizeof(note)) == sizeof(note)) {
		struct flow_process_state *p;

		if (note.process >= guard->state.plan->process_count)
			continue;
		flow_sampler_note_told(guard->state.sampler, note.process,
				       sizeof(note));
		note.text[sizeof(note.text) - 1] = '\0';
		if (note.kind == FLOW_NOTE_LIMIT) {
			guard->watching = true; /* it may block for ever now */
			guard->sample_gap = FLOW_SECOND / 4;
			guard->sample_at = flow_now();
			continue;
		}
		p = &guard->state.processes[note.process];
		if (note.kind == FLOW_NOTE_BEGUN ||
		    note.kind == FLOW_NOTE_NOTHING) {
			hear_waiting(guard, &note);
			continue;
		}
		p->noted = true;
		p->note = note;
	}
}

/* Reaps all that has ended; false when we have no child at all any more. */
static bool
reap(struct flow_guard *guard)
{
	bool childless;
	pid_t pid;

	while ((pid = flow_judge_reap(guard, P_ALL, 0)) > 0)
		;
	childless = pid < 0 && errno == ECHILD;
	flow_guard_take_notes(guard);
	flow_judge(guard);
	return !childless;
}

/* stop=drain: the sources are told to end, and what they wrote is finished. */
static void
drain(struct flow_guard *guard)
{
	const struct flow_plan *plan = guard->state.plan;

	guard->draining = true;
	for (uint32_t i = 0; i < plan->process_count; i++) {
		const struct flow_process *process = &plan->processes[i];
		bool source = flow_process_is_node(process);

		for (size_t j = 0; source && j < process->node->in_count; j++)
			source = process->node->in[j]->tail->kind !=
				 FLOW_NODE_PROCESS;
		if (source && guard->state.processes[i].again.due)
			guard->state.processes[i].again.over = true;
		if (!source || !guard->state.processes[i].running)
			continue;
		guard->state.processes[i].drained = true;
		flow_hold_signal_tree(guard->state.processes[i].pid, SIGTERM);
	}
}

static void
obey(struct flow_guard *guard, int signal, bool everyone)
{
	if (signal == SIGTERM && guard->state.plan->graph->stop_drain &&
	    !guard->draining) {
		drain(guard);
		return;
	}
	if (guard->ending)
		return;
	guard->state.signal = signal;
	flow_guard_end(guard, FLOW_REASON_SIGNAL);
	if (everyone) /* they have it already: a second one would hurry them */
		guard->term_at += FLOW_GRACE / 2;
}

static void
hear_front(struct flow_guard *guard)
{
	struct flow_passed_signal order;
	ssize_t got = recv(guard->front, &order, sizeof(order), MSG_DONTWAIT);

	if (got == sizeof(order)) {
		obey(guard, order.signal, order.everyone);
	} else if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) {
		close(guard->front);
		guard->front = -1;
#ifndef FLOW_UNGUARDED /* the negative control of the kill test */
		guard->ending = false; /* whatever else was going on */
		flow_guard_end(guard, FLOW_REASON_FRONT);
#endif
	}
}

static void
hear_signal(struct flow_guard *guard)
{
	struct signalfd_siginfo info;

	while (read(guard->signals, &info, sizeof(info)) == sizeof(info))
		/* the front hears the others too, and tells us which count */
		if (info.ssi_signo == SIGTERM && info.ssi_pid != 0 &&
		    info.ssi_code <= 0)
			obey(guard, SIGTERM, false);
}

/* What is due to single nodes: time-outs, and KILL after TERM. */
static void
keep_times(struct flow_guard *guard, int64_t now)
{
	for (uint32_t i = 0; i < guard->state.plan->process_count; i++) {
		struct flow_process_state *p = &guard->state.processes[i];

		if (!p->running) {
			if (p->kill_at && now >= p->kill_at)
				flow_hold_kill_rest(guard, i);
			continue;
		}
		if (p->deadline && now >= p->deadline && !p->timed_out) {
			p->timed_out = true;
			flow_hold_end_process(guard, i);
		}
		if (p->kill_at && now >= p->kill_at) {
			flow_hold_signal_tree(p->pid, SIGKILL);
			p->kill_at = now + FLOW_GRACE;
		}
	}
}

static void
keep_ending(struct flow_guard *guard, int64_t now)
{
	if (guard->term_at && now >= guard->term_at) {
		guard->term_at = 0;
		if (guard->state.reason != FLOW_REASON_FRONT)
			flow_proc_signal_all(getpid(), SIGTERM);
		flow_proc_signal_all(getpid(), SIGCONT);
	}
	if (guard->kill_at && now >= guard->kill_at) {
		flow_proc_signal_all(getpid(), SIGKILL);
		guard->kill_at = now + FLOW_SECOND / 20; /* for newborn ones */
	}
}

static void
keep_due(struct flow_guard *guard)
{
	const struct flow_run_options *options = guard->state.options;
	int64_t now = flow_now();

	if (options->timeout && !guard->ending &&
	    now >= guard->state.started + options->timeout)
		flow_guard_end(guard, FLOW_REASON_TIMEOUT);
	if (guard->has_timeouts || guard->has_holds)
		keep_times(guard, now);
	if (guard->ending)
		keep_ending(guard, now);
	if (guard->orphans_at && now >= guard->orphans_at)
		flow_launch_free_orphans(guard);
	if (guard->hold_pending)
		flow_hold_settle(guard);
	if (guard->running || guard->pending)
		flow_sampler_look(guard->state.sampler, now);
	if (!guard->ending && guard->running)
		flow_watch(guard, now);
}

static void
sooner(int64_t *next, int64_t at)
{
	if (at && at < *next)
		*next = at;
}

/* Milliseconds until the next thing is due; -1: nothing is. */
static int
wait_time(const struct flow_guard *guard)
{
	const struct flow_state *state = &guard->state;
	int64_t next = INT64_MAX, now = flow_now();

	if (state->options->timeout && !guard->ending)
		sooner(&next, state->started + state->options->timeout);
	if (guard->ending) {
		sooner(&next, guard->term_at);
		sooner(&next, guard->kill_at);
	}
	if (guard->has_timeouts || guard->has_holds) {
		for (size_t i = 0; i < state->plan->process_count; i++) {
			const struct flow_process_state *p =
				&state->processes[i];

			if (p->running && !p->timed_out)
				sooner(&next, p->deadline);
			sooner(&next, p->kill_at);
		}
	}
	if (guard->hold_pending)
		sooner(&next, now + HOLD_GAP);
	sooner(&next, guard->orphans_at);
	sooner(&next, flow_again_next(guard));
	if (guard->running || guard->pending)
		sooner(&next, flow_sampler_next(state->sampler));
	if (guard->running && !guard->ending)
		sooner(&next, flow_watch_next(guard));
	if (!guard->running && !guard->pending)
		sooner(&next, guard->linger_at);
	if (next == INT64_MAX)
		return -1;
	if (next <= now)
		return 0;
	next = (next - now) / 1000000 + 1;
	return next > INT_MAX ? INT_MAX : (int)next;
}

static void
wait_for_something(struct flow_guard *guard)
{
	struct pollfd fds[] = {
		{ .fd = guard->signals, .events = POLLIN },
		{ .fd = guard->front, .events = POLLIN },
		{ .fd = guard->notes[0], .events = POLLIN },
		{ .fd = guard->inotify, .events = POLLIN },
		{ .fd = guard->door, .events = POLLIN },
	};

	if (poll(fds, sizeof(fds) / sizeof(fds[0]), wait_time(guard)) < 0 &&
	    errno != EINTR) {
		/* nothing can be waited for: end it, by the clock alone */
		if (!guard->state.trouble &&
		    asprintf(&guard->state.trouble,
			     "cannot wait for the nodes: %s",
			     strerror(errno)) < 0)
			abort();
		flow_guard_end(guard, FLOW_REASON_TROUBLE);
		usleep(10000);
	}
	if (fds[0].revents)
		hear_signal(guard);
	if (fds[1].revents)
		hear_front(guard);
	if (fds[2].revents)
		flow_guard_take_notes(guard);
	if (fds[3].revents)
		flow_launch_opened(guard);
	if (fds[4].revents)
		flow_door_answer(guard);
}

/* Puts files in their places; a failure there is the run's. */
static void
commit(struct flow_guard *guard)
{
	struct flow_state *state = &guard->state;
	size_t count = state->plan->file_count;
	struct flow_error error = { 0 };
	bool *good = calloc(count + 1, sizeof(*good));
	bool bad = false;

	if (!good)
		abort();
	flow_verdict_taint(state);
	for (size_t i = 0; i < count; i++) {
		if (!state->files[i].commits || !flow_verdict_commits(state, i))
			continue;
		good[i] = flow_file_prepare(&state->files[i], &error) == 0;
		bad |= !good[i];
	}
	for (size_t i = 0; i < count; i++) {
		if (!good[i] || (bad && state->plan->graph->commit_all))
			continue;
		state->committed[i] =
			flow_file_publish(&state->files[i], &error) == 0;
		bad |= !state->committed[i];
	}
	free(good);
	if (bad && state->reason == FLOW_REASON_NONE) {
		state->reason = FLOW_REASON_TROUBLE;
		free(state->trouble);
		state->trouble = error.text;
	} else {
		flow_error_clear(&error);
	}
}

/* To FD, if there is one; a report that is not whole is a failure of the run. */
static void
report(struct flow_state *state, const char *line, int fd)
{
	if (fd < 0 || flow_report_write(state, line, fd) == 0)
		return;
	state->options->say("cannot write the report: %s", strerror(errno));
	if (state->status == 0)
		state->status = 125;
}

/* What slow=drop has cost. */
static void
say_dropped(const struct flow_state *state)
{
	const struct flow_graph *graph = state->plan->graph;
	char port[64];

	for (size_t i = 0; i < graph->edge_count; i++) {
		const struct flow_edge *edge = graph->edges[i];
		uint64_t dropped = flow_verdict_dropped(state, edge);

		if (dropped > 0)
			state->options->say(
				"warning: %llu records for %s:%s were dropped "
				"(slow=drop, line %u)",
				(unsigned long long)dropped, edge->head->name,
				flow_port_name(&edge->in, port, sizeof(port)),
				edge->line);
	}
}

static int
conclude(struct flow_guard *guard)
{
	struct flow_state *state = &guard->state;
	struct flow_answer answer;
	char *line;

	state->ended = flow_now();
	commit(guard);
	state->status = flow_verdict_status(state);
	line = flow_verdict_line(state);
	if (state->sampler)
		flow_sampler_finish(state->sampler);
	report(state, line, state->options->memory);
	report(state, line, state->options->report);
	if (line && state->reason != FLOW_REASON_SIGNAL)
		state->options->say("%s", line);
	free(line);
	line = flow_verdict_warning(state);
	if (line)
		state->options->say("%s", line);
	free(line);
	say_dropped(state);
	flow_watch_free(guard);
	flow_sampler_free(state->sampler);
	free(guard->lingers);
	flow_files_close(state->files, state->plan->file_count);
	flow_rundir_remove(guard->rundir);
	answer.status = state->status;
	if (guard->front >= 0)
		send(guard->front, &answer, sizeof(answer), MSG_NOSIGNAL);
	return 0;
}

static int
open_ears(struct flow_guard *guard)
{
	sigset_t wanted;

	sigemptyset(&wanted);
	sigaddset(&wanted, SIGCHLD);
	sigaddset(&wanted, SIGTERM);
	guard->signals = signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK);
	if (guard->signals < 0 || pipe2(guard->notes, O_CLOEXEC) < 0)
		return -1;
	fcntl(guard->notes[0], F_SETFL, O_NONBLOCK); /* our end alone */
	guard->door = flow_door_open();
	return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
}

/* A run that cannot be seen is run all the same. */
static void
open_eyes(struct flow_state *state)
{
	bool line = state->options->report >= 0 || state->options->memory >= 0;

	if (line || state->options->board)
		state->sampler =
			flow_sampler_make(state, state->options->board, line);
}

int
flow_guard_run(struct flow_guard *guard)
{
	guard->state.started = flow_now();
	open_eyes(&guard->state);
	if (open_ears(guard) < 0 || flow_launch(guard) < 0) {
		if (!guard->state.trouble &&
		    asprintf(&guard->state.trouble, "cannot start: %s",
			     strerror(errno)) < 0)
			abort();
		flow_guard_end(guard, FLOW_REASON_TROUBLE);
	}
	guard->watching =
		guard->state.plan->cyclic || guard->state.plan->restarts;
	for (;;) {
		bool childless = !reap(guard);

		flow_again(guard, flow_now());
		if (childless && !guard->running && !guard->pending)
			break; /* not one child is left */
		if (!guard->running && !guard->pending)
			flow_linger(guard, flow_now());
		keep_due(guard);
		wait_for_something(guard);
	}
	return conclude(guard);
}
