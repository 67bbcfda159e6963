/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * lock: whose place is whose, and who still lives. A process that holds a
 * place of an object holds the write lock of one byte, far behind its end, by
 * the open file description (fcntl(2), F_OFD_SETLK): the kernel drops it when
 * the last descriptor goes, however the process ends, and no number of a
 * process is ever guessed at. Others ask who holds it; they never wait for it,
 * since whoever is stopped while it has what others wait for stops them too.
 */
#ifndef FLOW_LOCK_H
#define FLOW_LOCK_H

#include <stdbool.h>
#include <stdint.h>

enum {
	FLOW_LOCK_NAME = 0, /* who changes what the name stands for */
	FLOW_LOCK_WRITERS = 1024, /* one for each writer's place */
	FLOW_LOCK_READERS = 2048, /* one for each reader's place */
};

/* Takes the lock of BYTE by FD (borrowed, open for writing); false: it is another's, or errno. */
bool flow_lock_take(int fd, unsigned byte);
void flow_lock_drop(int fd, unsigned byte);
/* Does another open file description than FD's hold it? */
bool flow_lock_held(int fd, unsigned byte);

#endif
