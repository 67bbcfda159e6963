/* SPDX-License-Identifier: GPL-3.0-or-later */
/* task: what the threads of a run's nodes do now. */
#include "config.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "clock.h"
#include "plan.h"
#include "procfs.h"
#include "task.h"

enum {
	PATH_ROOM = 64,
	THREADS_MOST = 64, /* of one process that are looked at */
	POLLED_MOST = 64, /* descriptors of one poll or select */
};

/* Whose a process is; a slot of a table by pid. */
struct owned {
	pid_t pid; /* 0: free */
	uint32_t index;
	unsigned long long born;
};

struct table {
	struct owned *slots;
	size_t size, count; /* size: a power of two */
};

struct flow_tasks {
	int proc;
	pid_t *pids;
	size_t count;
	struct table now, before;
	struct flow_numbers all, threads;
};

static struct owned *
slot_of(const struct table *table, pid_t pid)
{
	size_t at = ((uint32_t)pid * UINT32_C(2654435761)) & (table->size - 1);

	while (table->slots[at].pid && table->slots[at].pid != pid)
		at = (at + 1) & (table->size - 1);
	return &table->slots[at];
}

/* Empties TABLE and makes room for COUNT. */
static void
clear(struct table *table, size_t count)
{
	size_t size = 64;

	while (size < 4 * count)
		size *= 2;
	if (size > table->size) {
		free(table->slots);
		table->slots = malloc(size * sizeof(*table->slots));
		if (!table->slots)
			abort();
		table->size = size;
	}
	memset(table->slots, 0, table->size * sizeof(*table->slots));
	table->count = 0;
}

static void
own(struct table *table, pid_t pid, uint32_t index, unsigned long long born)
{
	*slot_of(table, pid) = (struct owned){ pid, index, born };
	table->count++;
}

struct flow_tasks *
flow_tasks_make(int proc, size_t count)
{
	struct flow_tasks *tasks = calloc(1, sizeof(*tasks));

	if (tasks)
		tasks->pids = calloc(count + 1, sizeof(*tasks->pids));
	if (!tasks || !tasks->pids)
		abort();
	tasks->proc = proc;
	tasks->count = count;
	clear(&tasks->now, 0);
	clear(&tasks->before, 0);
	return tasks;
}

void
flow_tasks_free(struct flow_tasks *tasks)
{
	if (!tasks)
		return;
	flow_numbers_free(&tasks->all);
	flow_numbers_free(&tasks->threads);
	free(tasks->now.slots);
	free(tasks->before.slots);
	free(tasks->pids);
	free(tasks);
}

void
flow_tasks_set(struct flow_tasks *tasks, uint32_t index, pid_t pid)
{
	tasks->pids[index] = pid;
}

/* Fields of "stat" behind the state, by their numbers in proc_pid_stat(5). */
enum {
	PARENT = 4,
	CHILD_FAULTS = 11,
	USER = 14,
	SYSTEM = 15,
	CHILD_USER = 16,
	CHILD_SYSTEM = 17,
	THREADS = 20,
	BORN = 22,
	RESIDENT = 24,
	FIELDS,
};

static int
read_stat(int proc, const char *path, struct flow_task *task)
{
	static long tick, page;
	unsigned long long field[FIELDS] = { 0 };
	char text[1024], *at;

	if (!tick) {
		tick = (long)(FLOW_SECOND / sysconf(_SC_CLK_TCK));
		page = sysconf(_SC_PAGESIZE);
	}
	if (flow_procfs_read(proc, path, text, sizeof(text)) <= 0)
		return -1;
	at = strrchr(text, ')'); /* the name before it may hold anything */
	if (!at || at[1] != ' ')
		return -1;
	*task = (struct flow_task){ .state = at[2] };
	at += 3;
	for (int i = PARENT; i < FIELDS; i++)
		field[i] = strtoull(at, &at, 10);
	task->parent = (pid_t)field[PARENT];
	task->dead_children = field[CHILD_FAULTS] > 0;
	task->cpu = (int64_t)(field[USER] + field[SYSTEM] + field[CHILD_USER] +
			      field[CHILD_SYSTEM]) *
		    tick;
	task->threads = (unsigned)field[THREADS];
	task->born = field[BORN];
	task->memory = field[RESIDENT] * (unsigned long long)page;
	return 0;
}

int
flow_task_read(int proc, pid_t pid, struct flow_task *task)
{
	char path[PATH_ROOM];

	snprintf(path, sizeof(path), "%d/stat", (int)pid);
	return read_stat(proc, path, task);
}

/* The call and its arguments; false when it runs, is none, or is not told. */
static bool
read_call(int proc, const char *path, long *call, uint64_t argument[6])
{
	char text[256], *at;

	if (flow_procfs_read(proc, path, text, sizeof(text)) <= 0 ||
	    text[0] < '0' || text[0] > '9')
		return false;
	*call = strtol(text, &at, 10);
	for (int i = 0; i < 6; i++)
		argument[i] = strtoull(at, &at, 16);
	return *at == ' '; /* the stack pointer follows */
}

static bool
is_splice(long call)
{
	return call == SYS_splice || call == SYS_tee || call == SYS_vmsplice ||
	       call == SYS_sendfile;
}

int
flow_task_splices(int proc, pid_t pid)
{
	char path[PATH_ROOM], text[256];

	snprintf(path, sizeof(path), "%d/syscall", (int)pid);
	if (flow_procfs_read(proc, path, text, sizeof(text)) <= 0)
		return -1;
	return is_splice(strtol(text, NULL, 10));
}

static void
add_wait(int proc, pid_t pid, uint64_t fd, bool to_write,
	 struct flow_task *task)
{
	char path[PATH_ROOM];

	if (task->wait_count == FLOW_TASK_WAITS)
		return;
	/* descriptors are ints: the upper half may be anything */
	snprintf(path, sizeof(path), "%d/fd/%d", (int)pid, (int)(uint32_t)fd);
	if (fstatat(proc, path, &task->waits[task->wait_count].object, 0) < 0)
		return;
	task->waits[task->wait_count++].to_write = to_write;
}

/* SIZE bytes of PID's memory at ADDRESS, which its parent may read. */
static bool
peek(pid_t pid, uint64_t address, void *to, size_t size)
{
	struct iovec here = { to, size };
	struct iovec there = { (void *)(uintptr_t)address, size };

	return address != 0 &&
	       process_vm_readv(pid, &here, 1, &there, 1, 0) == (ssize_t)size;
}

static void
add_polled(int proc, pid_t pid, const uint64_t *argument,
	   struct flow_task *task)
{
	struct pollfd fds[POLLED_MOST];
	size_t count = argument[1] < POLLED_MOST ? argument[1] : POLLED_MOST;

	if (count == 0 || !peek(pid, argument[0], fds, count * sizeof(*fds)))
		return;
	for (size_t i = 0; i < count; i++) {
		if (fds[i].fd < 0)
			continue;
		if (fds[i].events & POLLOUT)
			add_wait(proc, pid, (uint64_t)fds[i].fd, true, task);
		if (fds[i].events & POLLIN)
			add_wait(proc, pid, (uint64_t)fds[i].fd, false, task);
	}
}

static void
add_selected(int proc, pid_t pid, const uint64_t *argument,
	     struct flow_task *task)
{
	uint64_t count = argument[0] < POLLED_MOST ? argument[0] : POLLED_MOST;
	unsigned long bits;

	_Static_assert(POLLED_MOST <= 8 * sizeof(bits), "one word of a set");
	for (int set = 1; set <= 2; set++) {
		if (!peek(pid, argument[set], &bits, sizeof(bits)))
			continue;
		for (uint64_t fd = 0; fd < count; fd++)
			if (bits & (1UL << fd))
				add_wait(proc, pid, fd, set == 2, task);
	}
}

/* Whatever TASK, which sleeps, waits for. PATH is of its "syscall". */
static void
read_waits(int proc, pid_t pid, const char *path, struct flow_task *task)
{
	uint64_t argument[6];
	long call;

	if (!read_call(proc, path, &call, argument))
		return;
	task->splices = is_splice(call);
	switch (call) {
	case SYS_read:
	case SYS_readv:
	case SYS_preadv2:
		add_wait(proc, pid, argument[0], false, task);
		break;
	case SYS_write:
	case SYS_writev:
	case SYS_pwritev2:
		add_wait(proc, pid, argument[0], true, task);
		break;
#ifdef SYS_poll
	case SYS_poll:
#endif
	case SYS_ppoll:
		add_polled(proc, pid, argument, task);
		break;
#ifdef SYS_select
	case SYS_select:
#endif
	case SYS_pselect6:
		add_selected(proc, pid, argument, task);
		break;
	default:
		break;
	}
}

/* All threads of PID but what FIRST says of it. */
static void
each_thread(struct flow_tasks *tasks, pid_t pid, uint32_t index,
	    const struct flow_task *first,
	    void (*each)(void *data, uint32_t index,
			 const struct flow_task *task),
	    void *data)
{
	struct flow_numbers *list = &tasks->threads;
	char path[PATH_ROOM];

	snprintf(path, sizeof(path), "%d/task", (int)pid);
	list->count = 0;
	if (flow_procfs_list(tasks->proc, path, list) < 0)
		return;
	for (size_t i = 0; i < list->count && i < THREADS_MOST; i++) {
		struct flow_task task;

		if (list->at[i] == pid)
			continue;
		snprintf(path, sizeof(path), "%d/task/%d/stat", (int)pid,
			 list->at[i]);
		if (read_stat(tasks->proc, path, &task) < 0)
			continue;
		task.itself = first->itself;
		if (task.state == 'S') {
			snprintf(path, sizeof(path), "%d/task/%d/syscall",
				 (int)pid, list->at[i]);
			read_waits(tasks->proc, pid, path, &task);
		}
		each(data, index, &task);
	}
}

/* Whose PID is, or FLOW_NONE. */
static uint32_t
owner(const struct flow_tasks *tasks, pid_t pid, const struct flow_task *task)
{
	const struct owned *slot = slot_of(&tasks->now, pid);

	if (slot->pid)
		return slot->index; /* the process itself */
	slot = slot_of(&tasks->now, task->parent);
	if (slot->pid)
		return slot->index;
	slot = slot_of(&tasks->before, pid);
	return slot->pid && slot->born == task->born ? slot->index : FLOW_NONE;
}

static void
look_at(struct flow_tasks *tasks, pid_t pid,
	void (*each)(void *data, uint32_t index, const struct flow_task *task),
	void *data)
{
	struct flow_task task;
	char path[PATH_ROOM];
	uint32_t index;

	if (flow_task_read(tasks->proc, pid, &task) < 0)
		return;
	index = owner(tasks, pid, &task);
	if (index == FLOW_NONE)
		return;
	task.first = true;
	task.itself = tasks->pids[index] == pid;
	if (!slot_of(&tasks->now, pid)->pid)
		own(&tasks->now, pid, index, task.born);
	if (task.state == 'S') {
		snprintf(path, sizeof(path), "%d/syscall", (int)pid);
		read_waits(tasks->proc, pid, path, &task);
	}
	each(data, index, &task);
	if (task.threads > 1)
		each_thread(tasks, pid, index, &task, each, data);
}

void
flow_tasks_look(struct flow_tasks *tasks,
		void (*each)(void *data, uint32_t index,
			     const struct flow_task *task),
		void *data)
{
	struct table swap = tasks->before;

	tasks->all.count = 0;
	if (flow_procfs_descend(tasks->proc, getpid(), &tasks->all) < 0)
		return;
	tasks->before = tasks->now;
	tasks->now = swap;
	clear(&tasks->now, tasks->all.count + tasks->count);
	for (uint32_t i = 0; i < tasks->count; i++)
		if (tasks->pids[i] > 0)
			own(&tasks->now, tasks->pids[i], i, 0);
	/* parents come before their children */
	for (size_t i = 0; i < tasks->all.count; i++)
		look_at(tasks, tasks->all.at[i], each, data);
}
