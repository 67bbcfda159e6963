/* SPDX-License-Identifier: GPL-3.0-or-later */
/* move: bytes from one descriptor to another, by splice(2) where it can. */
#ifndef FLOW_MOVE_H
#define FLOW_MOVE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* The way from one descriptor to another. Borrows both. */
struct flow_move {
	int from, to;
	bool from_pipe, to_pipe;
	bool refused; /* splice is not possible here: read and write */
	bool reading; /* after a failure: it was FROM that failed */
};

bool flow_move_is_pipe(int fd);
void flow_move_init(struct flow_move *move, int from, int to);

/*
 * Moves what is there, at most MOST bytes. Never blocks on an empty or full
 * pipe that splice(2) serves; where splice is refused, FROM must be known to be
 * readable, and TO may block. Returns the count, 0 at the end of FROM, or -1
 * with errno: EAGAIN (FROM is empty or TO is full), EPIPE, or what the system
 * says, with move->reading telling the side. O_NONBLOCK is never set.
 */
ssize_t flow_move_some(struct flow_move *move, size_t most);

/* Bytes waiting in pipe or socket FD (either end of a pipe), or 0. */
size_t flow_move_waiting(int fd);

#endif
