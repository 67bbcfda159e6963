/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * procfs: small files and lists of numbers below /proc, read with few system
 * calls and no stdio. PROC is a descriptor of /proc, borrowed; paths are
 * relative to it.
 */
#ifndef FLOW_PROCFS_H
#define FLOW_PROCFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* A list of process, thread or descriptor numbers; starts as { 0 }. */
struct flow_numbers {
	int *at;
	size_t count;
	size_t room;
};

/* What "status" says of one thread. */
struct flow_status {
	char state; /* R S D T t Z X, proc_pid_status(5) */
	pid_t parent;
	unsigned threads; /* of its process */
	uint64_t switches; /* context switches of both kinds */
};

/* /proc itself; returns owned, or -1 with errno. */
int flow_procfs_open(void);

/*
 * All of a small file, up to SIZE - 1 bytes and a NUL. Returns how many bytes,
 * or -1 with errno (ENOENT, ESRCH: gone; EACCES, EPERM: not ours to see).
 */
ssize_t flow_procfs_read(int proc, const char *path, char *buffer, size_t size);

/* Appends the numeric names in directory PATH. 0, or -1 with errno. */
int flow_procfs_list(int proc, const char *path, struct flow_numbers *list);

/* The same for an open DIRECTORY, borrowed. */
int flow_procfs_entries(int directory, struct flow_numbers *list);

/* PATH is ".../status". 0, or -1 with errno. */
int flow_procfs_status(int proc, const char *path, struct flow_status *status);

/* Does process PID still run (a zombie does not, unless threads outlive it)? */
bool flow_procfs_lives(int proc, pid_t pid);

/*
 * "PID" or "PID/task/TID": the first thread of PID that has not ended, which is
 * what to ask for descriptors when the main thread has. Returns BUFFER.
 */
char *flow_procfs_thread(int proc, pid_t pid, char *buffer, size_t size);

/*
 * Appends in one pass, parents before children, all descendants of ROOT, dead
 * ones too. What is born meanwhile may be missed: the next pass finds it. 0, or
 * -1 with errno.
 */
int flow_procfs_descend(int proc, pid_t root, struct flow_numbers *list);

/* 0, or -1 with ENOMEM. */
int flow_numbers_add(struct flow_numbers *list, int number);
void flow_numbers_free(struct flow_numbers *list);

#endif
