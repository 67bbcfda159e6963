/* SPDX-License-Identifier: GPL-3.0-or-later */
/* proc: descendants are found, told apart by what they hold, and ended. */
#include "config.h"

#include <pthread.h>
#include <sys/stat.h>

#include "proc.h"
#include "tap.h"

#include "nodes.h"

static void
sleep_on(void *argument)
{
	(void)argument;
	for (;;)
		pause();
}

/* A child and a grandchild that sleep too; then a byte to *ARGUMENT. */
static void
three_generations(void *argument)
{
	int *ready = argument;

	if (fork() > 0)
		sleep_on(NULL);
	if (fork() > 0)
		sleep_on(NULL);
	if (write(*ready, "x", 1) != 1)
		_exit(1);
	sleep_on(NULL);
}

static void *
fork_from_thread(void *argument)
{
	int *ready = argument;

	if (fork() == 0) {
		if (write(*ready, "x", 1) != 1)
			_exit(1);
		sleep_on(NULL);
	}
	sleep_on(NULL);
	return NULL;
}

/* The main thread ends, another lives on and has a child. */
static void
headless(void *argument)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, fork_from_thread, argument) == 0)
		pthread_exit(NULL);
	_exit(1);
}

/* A new child does the same, for ever; its parent goes. */
static void
run_away(void *argument)
{
	int *ready = argument;

	if (write(*ready, "x", 1) != 1)
		_exit(1);
	close(*ready);
	for (;;)
		if (fork() > 0)
			_exit(0);
}

static void
leave_orphan(void *argument)
{
	int *ready = argument;

	if (fork() == 0) {
		setsid();
		if (write(*ready, "x", 1) != 1)
			_exit(1);
		sleep_on(NULL);
	}
}

static void
ignore_term(void *argument)
{
	int *ready = argument;

	signal(SIGTERM, SIG_IGN);
	if (write(*ready, "x", 1) != 1)
		_exit(1);
	sleep_on(NULL);
}

static void
await_byte(const int *ends)
{
	char byte;

	if (read(ends[0], &byte, 1) != 1)
		give_up("read");
}

static ssize_t
count_descendants(void)
{
	pid_t *pids;
	ssize_t count = flow_proc_descendants(getpid(), &pids);

	free(pids);
	return count;
}

static void
check_descendants(int *ends)
{
	pid_t pid, *pids;
	ssize_t count;
	bool found = false;

	ok_number(count_descendants(), 0, "nobody is found where nobody is");
	pid = node(three_generations, &ends[1], KEEP(ends[1]));
	await_byte(ends);
	count = flow_proc_descendants(getpid(), &pids);
	ok_number(count, 3, "children of children are found");
	for (ssize_t i = 0; i < count; i++)
		found |= pids[i] == getpid();
	ok(count > 0 && pids[0] == pid && !found,
	   "parents come before children, and the root is not among them");
	free(pids);
	kill(pid, SIGKILL);
	ok(wait_state(pid, 'Z') && count_descendants() == 2,
	   "a zombie is no descendant, its orphans are");
	ok_number((intmax_t)flow_proc_kill_all(), 0, "kill_all ends them");
	ok_number(count_descendants(), 0, "and nobody is left");
	ok(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD,
	   "and no zombie either");
}

static void
check_threads(int *ends)
{
	struct flow_inode object;
	struct stat stat;
	pid_t pid = node(headless, &ends[1], KEEP(ends[1]));

	await_byte(ends);
	ok(wait_state(pid, 'Z') && count_descendants() == 2,
	   "a process whose main thread ended is found, and its child");
	if (fstat(ends[1], &stat) < 0)
		give_up("fstat");
	object = (struct flow_inode){ stat.st_dev, stat.st_ino };
	ok_number(flow_proc_holds(pid, &object, 1, false, true), 1,
		  "and what it holds");
	ok_number((intmax_t)flow_proc_kill_all(), 0, "and is ended");
}

static void
check_holds(int *ends)
{
	struct flow_inode objects[2] = { { 0, 1 } };
	struct stat stat;
	pid_t pid = node(sleep_on, NULL, KEEP(ends[1]));

	if (fstat(ends[0], &stat) < 0)
		give_up("fstat");
	objects[1] = (struct flow_inode){ stat.st_dev, stat.st_ino };
	/* Until the child has closed the end that it does not keep. */
	for (int i = 0; i < 5000; i++) {
		if (flow_proc_holds(pid, objects, 2, true, false) == 0)
			break;
		pause_ms(1);
	}
	ok_number(flow_proc_holds(pid, objects, 2, true, false), 0,
		  "a write end is not held for reading");
	ok_number(flow_proc_holds(pid, objects, 2, false, true), 1,
		  "a write end is held for writing");
	ok_number(flow_proc_holds(pid, objects, 1, true, true), 0,
		  "another object is not held");
	end_node(pid);
	errno = 0;
	ok(flow_proc_holds(pid, objects, 2, true, true) == -1 && errno == ESRCH,
	   "who has gone is ESRCH");
}

static void
exec_sleep(void *argument)
{
	(void)argument;
	execlp("sleep", "sleep", "100", "\t1", (char *)NULL);
}

static void
check_command(int *ends)
{
	char text[64] = "", small[6];
	pid_t pid = node(exec_sleep, NULL, KEEP(ends[0]));

	/* The pid has our own name until exec has happened. */
	for (int i = 0; i < 5000 && strncmp(text, "sleep", 5) != 0; i++) {
		flow_proc_command(pid, text, sizeof(text));
		pause_ms(1);
	}
	ok_text(text, "sleep 100  1", "a command is shown printable");
	end_node(pid);
	flow_proc_command(getpid(), small, sizeof(small));
	ok(strlen(small) <= 5, "a long command is cut");
	ok_text(flow_proc_command(pid, text, sizeof(text)), "?",
		"who has gone is ?");
}

static void
check_ends(int *ends)
{
	pid_t pid;

	node(run_away, &ends[1], KEEP(ends[1]));
	await_byte(ends);
	ok_number((intmax_t)flow_proc_kill_all(), 0,
		  "who forks for ever loses");
	pid = node(leave_orphan, &ends[1], KEEP(ends[1]));
	await_byte(ends);
	ok(wait_state(pid, 'Z') && count_descendants() == 1,
	   "an orphan in a session of its own is found");
	ok_number((intmax_t)flow_proc_kill_all(), 0, "and ended");
	pid = node(ignore_term, &ends[1], KEEP(ends[1]));
	await_byte(ends);
	ok_number((intmax_t)flow_proc_signal_all(getpid(), SIGTERM), 1,
		  "a signal reaches who ignores it");
	ok_number(count_descendants(), 1, "who lives on");
	kill(pid, SIGSTOP);
	wait_state(pid, 'T');
	ok_number((intmax_t)flow_proc_kill_all(), 0, "stopped, it is ended");
}

int
main(void)
{
	int ends[2];

	alarm(60);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	if (pipe2(ends, O_CLOEXEC) < 0)
		give_up("pipe2");
	check_descendants(ends);
	check_threads(ends);
	check_holds(ends);
	check_command(ends);
	check_ends(ends);
	return tap_done();
}
