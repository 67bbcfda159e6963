/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * look: what /proc shows of all descendants at one time: their threads' system
 * calls, the pipes they hold, what relays say they wait for. Taken by stuck,
 * which draws the conclusions.
 */
#ifndef FLOW_LOOK_H
#define FLOW_LOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "proc.h"
#include "stuck.h"

enum { FLOW_NO_PIPE = -1 };

/* One thread: "syscall" and "status" of it. */
struct flow_look_thread {
	pid_t tid;
	char state; /* as in struct flow_status; 0 when it vanished */
	bool told; /* its system call could be read and is below */
	long call; /* SYS_..., or -1 when blocked elsewhere */
	uint64_t argument[6];
	uint64_t stack, code; /* where it stands */
	uint64_t switches;
};

/* A descriptor on a pipe, or on a file that is ready at any time. */
struct flow_look_hold {
	int fd;
	int pipe; /* index in pipes, or FLOW_NO_PIPE for a file */
	bool reads, writes;
};

struct flow_look_process {
	pid_t pid, parent;
	bool hidden; /* its descriptors could not be read */
	size_t thread, threads; /* its part of look->threads */
	size_t hold, holds; /* its part of look->holds */
};

/*
 * A pipe that somebody holds. The first ones are those of the run, in its
 * order; then come those that nodes made for themselves (a shell's "a | b").
 */
struct flow_look_pipe {
	struct flow_inode inode;
	bool inside; /* only descendants can hold it, so their word is all */
};

struct flow_stuck_look {
	struct flow_look_process *processes; /* sorted by pid */
	size_t process_count, process_room;
	struct flow_look_thread *threads;
	size_t thread_count, thread_room;
	struct flow_look_hold *holds;
	size_t hold_count, hold_room;
	struct flow_look_pipe *pipes;
	size_t pipe_count, pipe_room;
	size_t run_pipes; /* how many of them are the run's */
	int *slots; /* hash of pipes by inode: index + 1, or 0 */
	size_t slot_count; /* a power of two */
	unsigned char *waits; /* for each pipe of the run, WAITS_ bits */
	bool unsettled; /* processes came and went faster than we looked */
};

enum { FLOW_WAITS_READ = 1, FLOW_WAITS_WRITE = 2 };

/* PID in LOOK, or NULL. */
const struct flow_look_process *
flow_look_find(const struct flow_stuck_look *look, pid_t pid);

/* PROCESS's pipe or file at descriptor FD, or NULL. */
const struct flow_look_hold *
flow_look_hold(const struct flow_stuck_look *look,
	       const struct flow_look_process *process, uint64_t fd);

/* Do threads A and B stand at the very same place, not having run since? */
bool flow_look_same(const struct flow_look_thread *a,
		    const struct flow_look_thread *b);

#endif
