/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * rundir: the folder that holds the names a run makes (FIFOs, and notes of
 * named temporary files). It is owned by flock(2), not by a pid: the lock is
 * shared by front and guardian and goes with the last of them, so that the
 * next run knows what is stale and sweeps it.
 */
#ifndef FLOW_RUNDIR_H
#define FLOW_RUNDIR_H

#include "error.h"

struct flow_rundir {
	char *path; /* absolute; owned; NULL: none was made */
	int fd; /* the folder, locked; owned; -1: none */
};

/*
 * Makes ipcflow-XXXXXX, mode 0700, in $XDG_RUNTIME_DIR, else $TMPDIR, else
 * /tmp, and removes what dead runs of this user left there. 0, or -1 with
 * ERROR (73).
 */
int flow_rundir_make(struct flow_rundir *rundir, struct flow_error *error);

/* Notes that the named temporary file PATH is to be removed with the folder. -1 with errno. */
int flow_rundir_note(struct flow_rundir *rundir, unsigned number,
		     const char *path);

/*
 * Removes the temporary PATH, a file or a folder of files, if it is one of ours:
 * by its name, its owner, and with no link followed. errno is lost.
 */
void flow_rundir_remove_temporary(const char *path);

/* Removes the folder, all in it, and every file noted in it. Harmless twice. */
void flow_rundir_remove(struct flow_rundir *rundir);

#endif
