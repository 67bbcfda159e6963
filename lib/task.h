/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * task: what the threads of a run's nodes do now, with few system calls each:
 * /proc/PID/stat, and for one that sleeps /proc/PID/syscall and what its
 * descriptors are. See proc_pid_stat(5), proc_pid_syscall(5).
 */
#ifndef FLOW_TASK_H
#define FLOW_TASK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

enum {
	FLOW_TASK_WAITS = 8
}; /* so many descriptors of a poll(2) are looked at */

/* A thread, and for the first one of a process what holds for all of that. */
struct flow_task {
	char state; /* R S D T t Z X */
	bool itself; /* of the node's own process, not of one that it started */
	bool first;
	bool splices; /* is in splice(2), tee(2), vmsplice(2) or sendfile(2) */
	bool dead_children; /* its process has waited for one, at least */
	int64_t cpu; /* nanoseconds, waited-for children included */
	uint64_t memory; /* resident bytes */
	unsigned threads;
	pid_t parent;
	unsigned long long born; /* clock ticks since boot */
	/* the objects that it waits for: one, or any of several */
	struct {
		struct stat object;
		bool to_write;
	} waits[FLOW_TASK_WAITS];
	unsigned wait_count;
};

/* Of PID's stat alone. PROC: see procfs.h. 0, or -1 with errno. */
int flow_task_read(int proc, pid_t pid, struct flow_task *task);

/* Is PID, or its first thread, in one of the calls that `splices` means? 1, 0, or -1 with errno. */
int flow_task_splices(int proc, pid_t pid);

/* Looks at several processes and all that they have started. */
struct flow_tasks;

/* For COUNT processes; PROC is borrowed. Aborts when out of memory. */
struct flow_tasks *flow_tasks_make(int proc, size_t count);
void flow_tasks_free(struct flow_tasks *tasks);

/* Process INDEX is PID, a child of ours that has not been reaped; 0: none is looked at. */
void flow_tasks_set(struct flow_tasks *tasks, uint32_t index, pid_t pid);

/*
 * Calls EACH once for every thread of every process and its descendants, INDEX
 * being whose they are. Who has lost its parent is known again from the last look.
 */
void flow_tasks_look(struct flow_tasks *tasks,
		     void (*each)(void *data, uint32_t index,
				  const struct flow_task *task),
		     void *data);

#endif
