/* SPDX-License-Identifier: GPL-3.0-or-later */
/* spawn: fork, place descriptors, exec. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <pipeline.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "clock.h"
#include "io.h"
#include "left.h"
#include "spawn.h"

extern char **environ;

void
flow_spawn_prepare(void)
{
	struct sigaction plain = { .sa_handler = SIG_DFL }, was;
	const unsigned long kernel[8] = { 0 }; /* its own struct: all default */
	sigset_t all;

	const int fatal[] = { SIGABRT, SIGBUS,	SIGFPE,	 SIGILL,
			      SIGSEGV, SIGSYS,	SIGTRAP, SIGXCPU,
			      SIGUSR1, SIGUSR2, SIGALRM };

	sigfillset(&all);
	for (size_t i = 0; i < sizeof(fatal) / sizeof(fatal[0]); i++)
		sigdelset(&all, fatal[i]);
	sigprocmask(SIG_BLOCK, &all, NULL);
	for (int i = 1; i < NSIG; i++) {
		if (i == SIGKILL || i == SIGSTOP)
			continue;
		if (i == SIGHUP && sigaction(i, NULL, &was) == 0 &&
		    was.sa_handler == SIG_IGN)
			continue; /* nohup */
		/* glibc keeps two for itself, which a careless parent may ignore */
		if (sigaction(i, &plain, NULL) < 0)
			syscall(SYS_rt_sigaction, i, kernel, NULL, NSIG / 8);
	}
	close_range(3, ~0u, CLOSE_RANGE_CLOEXEC);
}

static _Noreturn void
give_up(struct flow_spawn *spawn, const char *what)
{
	struct flow_note note = {
		.process = spawn->process,
		.kind = FLOW_NOTE_EXEC,
		.error = errno,
		.pipe = UINT32_MAX,
	};

	snprintf(note.text, sizeof(note.text), "%s", what);
	/* with vfork the parent sleeps, and could not empty a full pipe */
	if (spawn->notes >= 0)
		flow_io_write_all(spawn->notes, &note, sizeof(note));
	spawn->failure = note;
	spawn->failed = true;
	_exit(note.error == ENOENT ? 127 : 126);
}

static void
clean_signals(void)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Opens what only the child may open, for it may block. */
static void
open_late(struct flow_spawn *spawn)
{
	for (size_t i = 0; i < spawn->count; i++) {
		struct flow_wire *wire = &spawn->wires[i];

		if (wire->from >= 0 || !wire->path)
			continue;
		wire->from = open(wire->path, wire->flags | O_CLOEXEC);
		if (wire->from < 0)
			give_up(spawn, wire->path);
	}
}

/* Gives every wire its number; the sources stand clear of the numbers first. */
static void
place_wires(struct flow_spawn *spawn)
{
	int most = 2;

	for (size_t i = 0; i < spawn->count; i++)
		if (spawn->wires[i].to > most)
			most = spawn->wires[i].to;
	if (spawn->notes >= 0 && spawn->notes <= most) {
		int notes = fcntl(spawn->notes, F_DUPFD_CLOEXEC, most + 1);

		if (notes < 0)
			give_up(spawn, "descriptors");
		spawn->notes = notes;
	}
	for (size_t i = 0; i < spawn->count; i++) {
		struct flow_wire *wire = &spawn->wires[i];

		if (wire->from < 0 || wire->from > most ||
		    wire->from == wire->to)
			continue;
		wire->from = fcntl(wire->from, F_DUPFD_CLOEXEC, most + 1);
		if (wire->from < 0)
			give_up(spawn, "descriptors");
	}
	for (size_t i = 0; i < spawn->count; i++) {
		const struct flow_wire *wire = &spawn->wires[i];

		if (wire->to < 0)
			continue;
		if (wire->from == wire->to ? fcntl(wire->to, F_SETFD, 0) < 0
					   : dup2(wire->from, wire->to) < 0)
			give_up(spawn, "descriptors");
	}
}

static void
set_environment(pipecmd *command, const struct flow_spawn *spawn,
		const struct flow_node *node)
{
	for (size_t i = 0; node->environment[i]; i++) {
		char *name = strdup(node->environment[i]);
		char *value = name ? strchr(name, '=') : NULL;

		if (!value)
			abort();
		*value++ = '\0';
		pipecmd_setenv(command, name, value);
		free(name);
	}
	for (size_t i = 0; i < spawn->count; i++) {
		const struct flow_wire *wire = &spawn->wires[i];
		char path[32];

		if (!wire->variable)
			continue;
		snprintf(path, sizeof(path), "/dev/fd/%d", wire->to);
		pipecmd_setenv(command, wire->variable,
			       wire->value ? wire->value : path);
	}
}

struct execution {
	struct flow_spawn *spawn;
	const struct flow_node *node;
};

/*
 * The exec itself is ours: libpipeline would make argv[0] the last part of the
 * path, which breaks programs that look for their files by it.
 */
static void
execute(void *data)
{
	const struct execution *execution = data;

	execve(execution->node->path, execution->node->argv, environ);
	give_up(execution->spawn, execution->node->path);
}

static int
compare_fds(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* Closes what is not SPAWN's, where close-on-exec helps not at all or too late. */
static void
close_others(struct flow_spawn *spawn)
{
	int *keep = calloc(spawn->count + 2, sizeof(*keep));
	int from = 0;

	if (!keep)
		give_up(spawn, "memory");
	for (size_t i = 0; i < spawn->count; i++)
		keep[i] = spawn->wires[i].from;
	keep[spawn->count] = spawn->notes;
	keep[spawn->count + 1] = STDERR_FILENO; /* sanitizers speak there */
	qsort(keep, spawn->count + 2, sizeof(*keep), compare_fds);
	for (size_t i = 0; i < spawn->count + 2; i++) {
		if (keep[i] < 0)
			continue; /* still to be opened */
		if (keep[i] > from)
			close_range((unsigned)from, (unsigned)keep[i] - 1, 0);
		if (keep[i] >= from)
			from = keep[i] + 1;
	}
	close_range((unsigned)from, ~0u, 0);
	free(keep);
}

/* Sleeps until there is input; ends when there will be none. */
static void
await_input(struct flow_spawn *spawn)
{
	int *fds = calloc(spawn->count + 1, sizeof(*fds));
	struct flow_note note = {
		.process = spawn->process,
		.kind = FLOW_NOTE_NOTHING,
		.pipe = UINT32_MAX,
	};
	size_t count = 0;

	if (!fds)
		give_up(spawn, "memory");
	prctl(PR_SET_NAME, "flow-again");
	for (size_t i = 0; i < spawn->count; i++)
		if (spawn->wires[i].awaited)
			fds[count++] = spawn->wires[i].from;
	if (flow_left_await(fds, count))
		note.kind = FLOW_NOTE_BEGUN;
	free(fds);
	note.number = (uint64_t)flow_now();
	flow_io_write_all(spawn->notes, &note, sizeof(note));
	if (note.kind == FLOW_NOTE_NOTHING)
		_exit(0);
}

static bool
has_late(const struct flow_spawn *spawn)
{
	for (size_t i = 0; i < spawn->count; i++)
		if (spawn->wires[i].from < 0 && spawn->wires[i].path)
			return true;
	return false;
}

/* What every command's child does; nothing here touches the parent's memory but SPAWN. */
static void
become_child(struct flow_spawn *spawn, const struct flow_node *node)
{
	setpgid(0, spawn->group);
	if (spawn->waits || has_late(spawn)) {
		/* it may wait long: it must not keep others' pipes open meanwhile */
		clean_signals();
		close_others(spawn);
		if (spawn->waits)
			await_input(spawn);
		open_late(spawn);
	}
	place_wires(spawn);
	/* libpipeline would print and exit by itself on a missing folder */
	if (node->cwd && chdir(node->cwd) < 0)
		give_up(spawn, node->cwd);
	if (spawn->descriptors)
		setrlimit(RLIMIT_NOFILE, spawn->descriptors);
	clean_signals();
}

static _Noreturn void
run_command(struct flow_spawn *spawn, const struct flow_node *node)
{
	struct execution execution = { spawn, node };
	pipecmd *command;

	become_child(spawn, node);
	command = pipecmd_new_function(node->name, execute, NULL, &execution);
	set_environment(command, spawn, node);
	if (node->nice)
		pipecmd_nice(command, node->nice);
	pipecmd_exec(command);
}

/* Does NODE need nothing that libpipeline does in the child? */
static bool
is_plain(const struct flow_spawn *spawn, const struct flow_node *node)
{
	if (spawn->waits)
		return false; /* and we would wait with it */
	for (size_t i = 0; i < spawn->count; i++)
		if (spawn->wires[i].variable || spawn->wires[i].path)
			return false;
	return !node->environment[0] && !node->nice;
}

/*
 * vfork: the child runs in our memory until it execs, which makes the start
 * of a great graph a good part cheaper. It gets wires of its own to change.
 */
static pid_t
start_plain(struct flow_spawn *spawn, const struct flow_node *node)
{
	struct flow_spawn copy = *spawn;
	pid_t pid;

	copy.wires = calloc(spawn->count + 1, sizeof(*copy.wires));
	if (!copy.wires)
		return -1;
	memcpy(copy.wires, spawn->wires, spawn->count * sizeof(*spawn->wires));
	copy.notes = -1;
	pid = vfork();
	if (pid == 0) {
		become_child(&copy, node);
		execve(node->path, node->argv, environ);
		give_up(&copy, node->path);
	}
	spawn->failed = copy.failed;
	spawn->failure = copy.failure;
	free(copy.wires);
	return pid;
}

pid_t
flow_spawn_command(struct flow_spawn *spawn, const struct flow_node *node)
{
	pid_t pid;

	if (is_plain(spawn, node))
		return start_plain(spawn, node);
	pid = fork();
	if (pid == 0)
		run_command(spawn, node);
	return pid;
}

static _Noreturn void
run_relay(struct flow_spawn *spawn, struct flow_relay *relay,
	  flow_relay_run *run, const char *name)
{
	size_t piped = relay->input_count + relay->output_count;
	sigset_t mask;

	setpgid(0, spawn->group);
	prctl(PR_SET_NAME, name);
	/*
	 * A relay outlives an interrupt from the terminal, so that nodes which
	 * end on their own terms are still heard; it ends with its inputs.
	 */
	sigemptyset(&mask);
	sigaddset(&mask, SIGINT);
	sigaddset(&mask, SIGQUIT);
	sigprocmask(SIG_SETMASK, &mask, NULL);
	close_others(spawn);
	open_late(spawn);
	for (unsigned i = 0; i < relay->input_count; i++)
		relay->inputs[i].fd = spawn->wires[i].from;
	for (unsigned i = 0; i < relay->output_count; i++)
		relay->outputs[i].fd =
			spawn->wires[relay->input_count + i].from;
	if (piped < spawn->count && relay->node)
		dup2(spawn->wires[piped].from, STDERR_FILENO);
	else if (piped < spawn->count && relay->files)
		relay->collected = spawn->wires[piped].from;
	else if (piped < spawn->count)
		relay->deals = spawn->wires[piped].from;
	_exit(run(relay));
}

pid_t
flow_spawn_relay(struct flow_spawn *spawn, struct flow_relay *relay,
		 flow_relay_run *run, const char *name)
{
	pid_t pid = fork();

	if (pid == 0)
		run_relay(spawn, relay, run, name);
	return pid;
}
