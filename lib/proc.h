/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * proc: what /proc tells of our descendants: who they are, what they hold,
 * what they are blocked on.
 */
#ifndef FLOW_PROC_H
#define FLOW_PROC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* A kernel object by what fstat(2) says. */
struct flow_inode {
	dev_t device;
	ino_t number;
};

/*
 * All live (not zombie) descendants of ROOT, walking
 * /proc/PID/task/TID/children until nothing new is found; ROOT itself is not among
 * them. *PIDS is owned by the caller (free). Returns how many, or -1 with
 * errno (ENOENT: this kernel or mount has no "children").
 */
ssize_t flow_proc_descendants(pid_t root, pid_t **pids);

/*
 * Does PID hold one of the COUNT objects open (any descriptor)? FOR_WRITING
 * and FOR_READING say which access modes count. 1, 0, or -1 with errno (ESRCH,
 * EACCES).
 */
int flow_proc_holds(pid_t pid, const struct flow_inode *objects, size_t count,
		    bool for_reading, bool for_writing);

/* What /proc/PID/stat says, proc_pid_stat(5). */
struct flow_proc_stat {
	char state; /* R S D T t Z X */
	bool exiting; /* has begun to exit: its descriptors may be closed by now */
	unsigned long long ticks; /* processor time used, in clock ticks */
};

/* 0, or -1 with errno when there is no such process. */
int flow_proc_stat(pid_t pid, struct flow_proc_stat *result);

/* Is PID (its first thread) in a read(2) of OBJECT? False if that is unknown. */
bool flow_proc_reads(pid_t pid, const struct flow_inode *object);

/* The first words of PID's command line into BUFFER, printable, or "?". Returns BUFFER. */
char *flow_proc_command(pid_t pid, char *buffer, size_t size);

/*
 * Sends SIGNAL to every descendant of ROOT, deepest last; how many got it.
 * flow_proc_kill_all repeats SIGKILL, reaping what becomes ours, until none is
 * left or 10 s have passed; how many survived.
 */
size_t flow_proc_signal_all(pid_t root, int signal);
size_t flow_proc_kill_all(void);

#endif
