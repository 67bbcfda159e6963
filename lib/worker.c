/* SPDX-License-Identifier: GPL-3.0-or-later */
/* worker: starting, reaping and ending the processes of a node with replicas. */
#include "config.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "graph.h"
#include "io.h"
#include "spawn.h"
#include "worker.h"

#define GRACE (2 * FLOW_SECOND)

/* A node that needs its own pipe to be told of needs no relay's. */
static void
pass_failure(const struct flow_relay *relay, const struct flow_spawn *spawn)
{
	if (spawn->failed)
		flow_io_write_all(relay->notes, &spawn->failure,
				  sizeof(spawn->failure));
}

int
flow_worker_start(struct flow_worker *worker, const struct flow_relay *relay,
		  int input, size_t capacity)
{
	struct flow_wire wires[] = {
		{ .from = input, .to = STDIN_FILENO },
		{ .to = STDOUT_FILENO },
		{ .from = STDERR_FILENO, .to = STDERR_FILENO },
	};
	struct flow_spawn spawn = {
		.process = relay->process,
		.group = relay->group,
		.notes = relay->notes,
		.wires = wires,
		.count = sizeof(wires) / sizeof(wires[0]),
		.descriptors = relay->descriptors,
	};
	int ends[2];
	int saved;

	*worker = (struct flow_worker){ .output = -1 };
	if (flow_io_pipe(ends, capacity, NULL) < 0)
		goto failed;
	wires[1].from = ends[1];
	worker->pid = flow_spawn_command(&spawn, relay->node);
	saved = errno;
	close(ends[1]);
	errno = saved;
	if (worker->pid < 0) {
		close(ends[0]);
		goto failed;
	}
	pass_failure(relay, &spawn);
	worker->output = ends[0];
	close(input);
	return 0;
failed:
	worker->pid = 0;
	flow_relay_note(relay, FLOW_NOTE_MEMORY, true, UINT32_MAX, 0);
	close(input);
	return -1;
}

static void
note_end(struct flow_worker *worker, int status)
{
	worker->pid = 0;
	worker->reaped = true;
	worker->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
	worker->status = WIFSIGNALED(status) ? 128 + WTERMSIG(status)
					     : WEXITSTATUS(status);
}

void
flow_workers_reap(struct flow_worker *workers, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		int status;

		if (workers[i].pid > 0 &&
		    waitpid(workers[i].pid, &status, WNOHANG) > 0)
			note_end(&workers[i], status);
	}
}

bool
flow_worker_is_good(const struct flow_relay *relay,
		    const struct flow_worker *worker)
{
	int status = worker->status;

	return status < 256 &&
	       (relay->node->ok[status / 8] & (1u << (status % 8)));
}

static size_t
signal_all(const struct flow_worker *workers, size_t count, int signal)
{
	size_t left = 0;

	for (size_t i = 0; i < count; i++) {
		if (workers[i].pid <= 0)
			continue;
		kill(workers[i].pid, signal);
		left++;
	}
	return left;
}

void
flow_workers_end(struct flow_worker *workers, size_t count)
{
	const struct timespec pause = { .tv_nsec = 1000 * 1000 };
	int64_t deadline = flow_now() + GRACE;
	int signal = SIGTERM;

	for (size_t i = 0; i < count; i++) {
		if (workers[i].output >= 0)
			close(workers[i].output);
		workers[i].output = -1;
	}
	while (signal_all(workers, count, signal) > 0) {
		signal = 0;
		nanosleep(&pause, NULL);
		flow_workers_reap(workers, count);
		if (flow_now() >= deadline)
			signal = SIGKILL;
	}
}
