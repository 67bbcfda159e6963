/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * files: the files of a run. One that is written appears under its name only
 * when it is whole: it is collected in an unnamed temporary (O_TMPFILE) in the
 * target's folder, or a named one where the file system has no unnamed ones.
 */
#ifndef FLOW_FILES_H
#define FLOW_FILES_H

#include <stdbool.h>
#include <stddef.h>

#include "append.h"
#include "error.h"
#include "plan.h"
#include "proc.h"
#include "rundir.h"

struct flow_open_file {
	const struct flow_planned_file *planned;
	int fd; /* owned; -1: opened by its process (see late), or closed; of split=key, the folder in which its files are collected */
	bool late; /* a FIFO: opening may block, so its process does it */
	int flags; /* for open(2), when late */
	bool commits; /* collected aside until it is whole */
	char *target; /* commits: the path with links resolved; owned */
	char *temporary; /* name beside the target; owned */
	bool named; /* the temporary has its name already (no O_TMPFILE here) */
	bool exists; /* the target was there before */
	struct flow_appending *appending; /* append: shared; of all the run's */
	struct flow_inode
		inode; /* of what is written, if regular: the temporary, or in place */
};

/*
 * Opens every file of PLAN: those that are read, those written in place, and
 * the temporaries of the others. Returns owned, COUNT as in the plan, or NULL
 * with ERROR naming file and line (66, 73, 77, 71). RUNDIR is made when a named temporary
 * needs it.
 */
struct flow_open_file *flow_files_open(const struct flow_plan *plan,
				       struct flow_rundir *rundir,
				       struct flow_error *error);

/*
 * Two steps, so that several files appear together or not at all as far as
 * can be known before: prepare does everything that may fail for lack of space
 * or permission, publish renames. Each 0, or -1 with ERROR.
 */
int flow_file_prepare(struct flow_open_file *file, struct flow_error *error);
int flow_file_publish(struct flow_open_file *file, struct flow_error *error);

/* The same for one of the files that split=key has collected; for keyfiles. */
int flow_file_prepare_one(struct flow_open_file *file,
			  struct flow_error *error);
int flow_file_publish_one(struct flow_open_file *file,
			  struct flow_error *error);

/* Bytes collected, or -1. */
long long flow_file_size(const struct flow_open_file *file);

/* Is it a regular file that is read? Then its offset is that of its reader, and it may stay open. */
bool flow_file_tells(const struct flow_open_file *file);

/* Closes FILES and removes every temporary that was not published. */
void flow_files_close(struct flow_open_file *files, size_t count);

/*
 * For the front, after the guardian was killed: removes every temporary there
 * may be, whatever the guardian had got to, and takes back what it had appended
 * in part.
 */
void flow_files_abandon(struct flow_open_file *files, size_t count);

#endif
