/* SPDX-License-Identifier: GPL-3.0-or-later */
/* run: the front. Opens what may be missing, forks the guardian, waits. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "guard.h"
#include "memory.h"
#include "progress.h"
#include "report.h"
#include "spawn.h"

/* Room for DESCRIPTORS at once: the soft limit is raised, the hard one is not ours. */
static int
raise_limit(struct flow_guard *guard, size_t descriptors,
	    struct flow_error *error)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return flow_error_set(
			error, EX_OSERR,
			"cannot ask for the limit on descriptors: %s",
			strerror(errno));
	guard->descriptors = limit;
	if (descriptors <= limit.rlim_cur)
		return 0;
	if (descriptors > limit.rlim_max)
		return flow_error_set(
			error, EX_OSERR,
			"this graph needs %zu descriptors at once; the hard "
			"limit is %llu (raise it with `ulimit -Hn %zu` as "
			"root, or in limits.conf)",
			descriptors, (unsigned long long)limit.rlim_max,
			descriptors);
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		return flow_error_set(
			error, EX_OSERR,
			"cannot raise the limit on descriptors to %llu: %s",
			(unsigned long long)limit.rlim_max, strerror(errno));
	guard->limit_raised = true;
	return 0;
}

static int
make_state(struct flow_state *state, const struct flow_plan *plan,
	   const struct flow_run_options *options, struct flow_error *error)
{
	size_t edges = plan->graph->edge_count;

	state->plan = plan;
	state->options = options;
	state->first_failure = FLOW_NONE;
	state->processes = flow_memory_zeroed(plan->process_count,
					      sizeof(*state->processes));
	state->pipes =
		flow_memory_zeroed(plan->pipe_count, sizeof(*state->pipes));
	for (size_t i = 0; i < plan->pipe_count; i++) {
		struct flow_pipe_state *p = &state->pipes[i];

		p->ends[0] = p->ends[1] = p->held = p->keeper = p->watch = -1;
	}
	state->committed = flow_memory_zeroed(plan->file_count, sizeof(bool));
	state->edge_gone = flow_memory_zeroed(edges, sizeof(bool));
	state->tainted = flow_memory_zeroed(edges, sizeof(bool));
	state->meters =
		mmap(NULL, (plan->pipe_count + 1) * sizeof(*state->meters),
		     PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (state->meters == MAP_FAILED)
		return flow_error_set(error, EX_OSERR,
				      "cannot share memory with the relays: %s",
				      strerror(errno));
	return 0;
}

/* The guardian died without an answer: what it left is ours to end. */
static int
clean_up_after(struct flow_guard *guard, int status, struct flow_error *error)
{
	size_t left = 0;

#ifndef FLOW_UNGUARDED /* the negative control of the kill test */
	left = flow_proc_kill_all();
#endif
	flow_files_abandon(guard->state.files, guard->state.plan->file_count);
	flow_rundir_remove(guard->rundir);
	flow_error_set(
		error, 125, "the guardian %s %d: everything it ran was ended%s",
		WIFSIGNALED(status) ? "was killed by signal"
				    : "ended with status",
		WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status),
		left ? ", but some processes could not be" : "");
	if (guard->state.options->report >= 0)
		flow_report_write_lost(&guard->state, error->text,
				       guard->state.options->report);
	return 125;
}

/* Ctrl-Z: as it would be without a display, which gives the terminal back first. */
static void
stop(struct flow_progress *progress)
{
	sigset_t set;

	flow_progress_pause(progress);
	sigemptyset(&set);
	sigaddset(&set, SIGTSTP);
	raise(SIGTSTP);
	sigprocmask(SIG_UNBLOCK, &set, NULL); /* here we are stopped */
	sigprocmask(SIG_BLOCK, &set, NULL);
	flow_progress_resume(progress);
}

/* Passes on what came; returns the last signal that asks us to end, or LAST. */
static int
pass_signals(int signals, int guardian, struct flow_progress *progress,
	     int last)
{
	struct signalfd_siginfo info;

	while (read(signals, &info, sizeof(info)) == sizeof(info)) {
		struct flow_passed_signal order = {
			.signal = (int)info.ssi_signo,
			.everyone = info.ssi_code > 0, /* from the kernel */
		};

		if (order.signal == SIGCHLD)
			continue;
		if (order.signal == SIGTSTP) {
			stop(progress);
			continue;
		}
		last = order.signal;
		send(guardian, &order, sizeof(order),
		     MSG_NOSIGNAL | MSG_DONTWAIT);
	}
	return last;
}

/* Reaps; true once the guardian PID is among them, its status in *STATUS. */
static bool
reaped(pid_t pid, struct flow_progress *progress, int *status)
{
	int one;
	pid_t got;

	while ((got = waitpid(-1, &one, WNOHANG)) > 0) {
		flow_progress_reaped(progress, got);
		if (got == pid) {
			*status = one;
			return true;
		}
	}
	return false;
}

/* The front's life: passes signals on until the guardian has ended. */
static int
attend(struct flow_guard *guard, pid_t pid, int guardian, int signals,
       struct flow_progress *progress, struct flow_error *error)
{
	struct flow_answer answer;
	int status = 0, signal = 0;
	ssize_t got;

	while (!reaped(pid, progress, &status)) {
		struct pollfd fd = { .fd = signals, .events = POLLIN };

		if (poll(&fd, 1, -1) == 1)
			signal = pass_signals(signals, guardian, progress,
					      signal);
	}
	flow_progress_end(progress);
	do /* an order that it no longer read comes back as an error, once */
		got = recv(guardian, &answer, sizeof(answer), MSG_DONTWAIT);
	while (got < 0 && errno == ECONNRESET);
	signal = pass_signals(signals, guardian, progress, signal);
	if (got == sizeof(answer)) {
		/* the nodes had it too, and were sooner than the order */
		if (answer.status > 0 && signal &&
		    !(signal == SIGTERM &&
		      guard->state.plan->graph->stop_drain))
			return -signal;
		return answer.status;
	}
	return clean_up_after(guard, status, error);
}

static int
listen_to_signals(bool display)
{
	struct sigaction hangup;
	sigset_t wanted;

	sigemptyset(&wanted);
	sigaddset(&wanted, SIGCHLD);
	sigaddset(&wanted, SIGINT);
	sigaddset(&wanted, SIGTERM);
	sigaddset(&wanted, SIGQUIT);
	sigaction(SIGHUP, NULL, &hangup);
	if (hangup.sa_handler !=
	    SIG_IGN) /* blocked, it would be heard anyway */
		sigaddset(&wanted, SIGHUP);
	if (display) {
		sigaddset(&wanted, SIGTSTP);
		sigprocmask(SIG_BLOCK, &wanted, NULL);
	}
	return signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* What stops us from the terminal has to stop us, so it is not blocked. */
static void
unblock_job_control(void)
{
	sigset_t stops;

	sigemptyset(&stops);
	sigaddset(&stops, SIGTSTP);
	sigaddset(&stops, SIGTTIN);
	sigaddset(&stops, SIGTTOU);
	sigprocmask(SIG_UNBLOCK, &stops, NULL);
}

/*
 * The front keeps names to clean up, but no descriptor that data flows
 * through: who is at the other end must see it close when the nodes close it.
 */
static void
let_go_of_data(struct flow_state *state)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (size_t i = 0; i < state->plan->file_count; i++) {
		if (state->files[i].fd >= 0)
			close(state->files[i].fd);
		state->files[i].fd = -1;
	}
	if (null >= 0) {
		dup2(null, STDIN_FILENO);
		dup2(null, STDOUT_FILENO);
		close(null);
	}
}

static int
fork_guardian(struct flow_guard *guard, struct flow_error *error)
{
	const struct flow_run_options *options = guard->state.options;
	struct flow_progress progress = { .socket = -1 };
	int sockets[2], signals;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) <
		    0 ||
	    (signals = listen_to_signals(options->board != NULL)) < 0 ||
	    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0 ||
	    (pid = fork()) < 0) {
		flow_error_set(error, EX_OSERR, "cannot start the guardian: %s",
			       strerror(errno));
		flow_files_close(guard->state.files,
				 guard->state.plan->file_count);
		flow_rundir_remove(guard->rundir);
		return EX_OSERR;
	}
	if (pid == 0) {
		prctl(PR_SET_NAME, "flow-guardian");
		/* what kills the whole group must leave one to clean up */
		guard->group = getpgrp();
		setpgid(0, 0);
		close(sockets[0]);
		close(signals);
		guard->front = sockets[1];
		_exit(flow_guard_run(guard));
	}
	close(sockets[1]);
	let_go_of_data(&guard->state);
	if (options->board && flow_progress_start(&progress, guard->state.plan,
						  options->board) < 0)
		options->say("warning: cannot show the progress: %s",
			     strerror(errno));
	return attend(guard, pid, sockets[0], signals, &progress, error);
}

int
flow_run(const struct flow_plan *plan, const struct flow_run_options *options,
	 struct flow_error *error)
{
	struct flow_rundir rundir = { .fd = -1 };
	struct flow_guard guard = {
		.rundir = &rundir, .front = -1, .door = -1, .inotify = -1
	};

	if (raise_limit(&guard, flow_plan_descriptors(plan), error) < 0 ||
	    make_state(&guard.state, plan, options, error) < 0)
		return error->status;
	flow_spawn_prepare();
	unblock_job_control();
	if (plan->fifos && flow_rundir_make(&rundir, error) < 0)
		return error->status;
	guard.state.files = flow_files_open(plan, &rundir, error);
	if (!guard.state.files) {
		flow_rundir_remove(&rundir);
		return error->status;
	}
	return fork_guardian(&guard, error);
}
