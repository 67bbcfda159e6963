/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * door: where others ask a run about itself: a datagram socket of the guardian,
 * in the abstract namespace, so that nothing is left in any folder (unix(7)).
 * Its name is ipcflow-UID-ID; ID is the pid of mkfifo-graph, with "-N" behind
 * it when that name is taken. Whoever asks is known by SCM_CREDENTIALS: only
 * the same user and root are heard, all else is dropped. Nothing is remembered of
 * who asked, and no answer is waited for: nobody can hold up the run.
 *
 *	request: struct flow_request, of which TEXT is sent as far as it goes
 *	answer: one JSON object, text, at most FLOW_ANSWER_MOST bytes
 *
 * An answer has "error" (text), "status" (the exit status for it) and perhaps
 * "known" (names) when the request was refused; else for
 *	STATUS	"graph", "name", "seconds", "state", "nodes", "running"
 *	PEEK	"device", "inode", "pids": of the pipe, and who may hold it
 *	SIGNAL	"pid": who got it
 */
#ifndef FLOW_DOOR_H
#define FLOW_DOOR_H

#include <stddef.h>
#include <stdint.h>

#include "guard.h"

#define FLOW_DOOR_PREFIX "ipcflow-"

enum { FLOW_REQUEST_MAGIC = 0x66637069, FLOW_ANSWER_MOST = 32768 };

enum flow_request_kind {
	FLOW_REQUEST_STATUS,
	FLOW_REQUEST_PEEK, /* text: an edge */
	FLOW_REQUEST_SIGNAL, /* text: a node */
};

struct flow_request {
	uint32_t magic;
	uint32_t kind;
	int32_t signal;
	char text[4096]; /* without a NUL at its end */
};

/* Opens the door. The socket, owned, or -1 with errno: a run does without it. */
int flow_door_open(void);

/* Answers all who have asked. */
void flow_door_answer(struct flow_guard *guard);

#endif
