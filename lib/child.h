/* SPDX-License-Identifier: GPL-3.0-or-later */
/* child: a command that one of ours runs, as env(1) and timeout(1) do. */
#ifndef FLOW_CHILD_H
#define FLOW_CHILD_H

#include <sys/types.h>

#include "error.h"

/*
 * Starts ARGV, looked up on PATH, with default signals (but an ignored SIGHUP
 * stays) and an empty mask. INPUT and OUTPUT (borrowed; -1: ours) become its
 * 0 and 1; everything close-on-exec is closed. SETTING ("NAME=VALUE", or NULL)
 * is put into its environment. Returns its pid, or -1 with ERROR: 127 not
 * found, 126 cannot be executed, 125 no process could be made.
 */
pid_t flow_child_start(char *const argv[], int input, int output,
		       const char *setting, struct flow_error *error);

/*
 * Waits for it. Its exit status, 128+N after signal N; -1 with errno: EINTR
 * when a signal's handler has run here.
 */
int flow_child_wait(pid_t pid);

#endif
