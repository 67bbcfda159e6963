/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fill: how many bytes wait in a pipe of the run. */
#include "config.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fill.h"
#include "procfs.h"
#include "task.h"

enum {
	PATH_ROOM = 64,
	PLACES_MOST = 4096, /* of a relay whose descriptors are looked for */
};

struct flow_fills {
	int proc;
	const struct flow_state *state;
	bool *searched; /* one a process: its descriptors have been looked for */
	int (*ends)[2]; /* of each pipe: the numbers at reader and writer; -1 */
};

struct flow_fills *
flow_fills_make(int proc, const struct flow_state *state)
{
	const struct flow_plan *plan = state->plan;
	struct flow_fills *fills = calloc(1, sizeof(*fills));

	if (fills) {
		fills->searched = calloc(plan->process_count + 1, sizeof(bool));
		fills->ends =
			calloc(plan->pipe_count + 1, sizeof(*fills->ends));
	}
	if (!fills || !fills->searched || !fills->ends)
		abort();
	fills->proc = proc;
	fills->state = state;
	for (size_t i = 0; i < plan->pipe_count; i++)
		fills->ends[i][0] = fills->ends[i][1] = -1;
	for (size_t i = 0; i < plan->process_count; i++) {
		const struct flow_process *process = &plan->processes[i];

		for (size_t j = 0; j < process->place_count; j++) {
			const struct flow_place *place = &process->places[j];
			int end = flow_place_end(place);

			if (end >= 0 && process->kind == FLOW_PROCESS_COMMAND)
				fills->ends[place->index][end] = place->fd;
		}
	}
	return fills;
}

void
flow_fills_free(struct flow_fills *fills)
{
	if (!fills)
		return;
	free(fills->ends);
	free(fills->searched);
	free(fills);
}

/* A relay has its ends at any numbers, always the same. */
static void
search(struct flow_fills *fills, uint32_t index)
{
	const struct flow_state *state = fills->state;
	const struct flow_process *process = &state->plan->processes[index];
	struct flow_numbers list = { 0 };
	char path[PATH_ROOM];

	if (fills->searched[index] || process->kind == FLOW_PROCESS_COMMAND ||
	    process->place_count > PLACES_MOST)
		return;
	fills->searched[index] = true;
	snprintf(path, sizeof(path), "%d/fd", (int)state->processes[index].pid);
	if (flow_procfs_list(fills->proc, path, &list) < 0)
		list.count = 0;
	for (size_t i = 0; i < list.count; i++) {
		struct stat st;

		snprintf(path, sizeof(path), "%d/fd/%d",
			 (int)state->processes[index].pid, list.at[i]);
		if (fstatat(fills->proc, path, &st, 0) < 0 ||
		    !S_ISFIFO(st.st_mode))
			continue;
		for (size_t j = 0; j < process->place_count; j++) {
			const struct flow_place *place = &process->places[j];
			int end = flow_place_end(place);

			if (end >= 0 &&
			    state->pipes[place->index].inode.number ==
				    st.st_ino)
				fills->ends[place->index][end] = list.at[i];
		}
	}
	flow_numbers_free(&list);
}

/* Asks through descriptor FD of process PID. */
static int64_t
ask_through(const struct flow_fills *fills, pid_t pid, int fd, uint32_t pipe,
	    uint64_t *capacity)
{
	const struct flow_inode *inode = &fills->state->pipes[pipe].inode;
	char path[PATH_ROOM];
	int64_t result = -1;
	struct stat st;
	int opened, bytes, size;

	snprintf(path, sizeof(path), "%d/fd/%d", (int)pid, fd);
	/* looked at before it is opened: it may be a terminal by now */
	if (fstatat(fills->proc, path, &st, 0) < 0 ||
	    st.st_ino != inode->number || st.st_dev != inode->device)
		return -1;
	opened = openat(fills->proc, path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (opened < 0)
		return -1;
	if (fstat(opened, &st) == 0 && st.st_ino == inode->number &&
	    ioctl(opened, FIONREAD, &bytes) == 0) {
		result = bytes;
		size = fcntl(opened, F_GETPIPE_SZ);
		if (size > 0)
			*capacity = (uint64_t)size;
	}
	close(opened);
	return result;
}

int64_t
flow_fills_ask(struct flow_fills *fills, uint32_t pipe, uint64_t *capacity)
{
	const struct flow_state *state = fills->state;
	const struct flow_pipe *plan = &state->plan->pipes[pipe];
	const struct flow_process_state *reader =
		&state->processes[plan->reader];
	const struct flow_process_state *writer =
		&state->processes[plan->writer];
	int64_t result;

	/* without a reader the writer has to get SIGPIPE */
	if (!reader->running || !state->pipes[pipe].made ||
	    state->pipes[pipe].keeper >= 0)
		return -1;
	if (plan->kind == FLOW_PIPE_FIFO && plan->path_read && plan->path_write)
		return -1; /* one of them may still have to open it */
	if (flow_task_splices(fills->proc, reader->pid) != 0 ||
	    (writer->running &&
	     flow_task_splices(fills->proc, writer->pid) != 0))
		return -1;
	search(fills, plan->reader);
	if (fills->ends[pipe][0] >= 0) {
		result = ask_through(fills, reader->pid, fills->ends[pipe][0],
				     pipe, capacity);
		if (result >= 0)
			return result;
	}
	if (plan->path_read || !writer->running)
		return -1;
	search(fills, plan->writer);
	if (fills->ends[pipe][1] < 0)
		return -1;
	return ask_through(fills, writer->pid, fills->ends[pipe][1], pipe,
			   capacity);
}
