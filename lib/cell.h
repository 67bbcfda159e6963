/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * cell: a value in memory that processes share, replaced as a whole and read as
 * a whole. There are several areas for it; a writer fills the one that is
 * longest out of use, and then counts the generation on, in one store. A reader
 * copies the area of the generation that it sees, then looks whether a writer
 * has come round to that area meanwhile: then it copies again.
 *
 * As with rings (ring.h): everything in the memory may be forged; writers take
 * turns, and the turn protects no data; a handle is one thread's. errno:
 *	EAGAIN		there is no value yet
 *	EBADMSG		the object is damaged, or was cut off
 *	EINTR		*interrupted is set
 *	EMSGSIZE	the value is larger than an area
 *	ESHUTDOWN	the object has been replaced or removed: open it anew
 *	ETIMEDOUT	the deadline is over
 *	EUSERS		too many writers at a time
 */
#ifndef FLOW_CELL_H
#define FLOW_CELL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "error.h"

struct flow_cell;

struct flow_cell_info {
	uint64_t generation; /* 0: there is no value yet */
	uint64_t length; /* bytes */
	uint64_t capacity; /* bytes of an area */
	unsigned areas;
	uint64_t identity;
	int64_t created; /* nanoseconds of CLOCK_REALTIME */
	bool replaced;
};

/* The size of the object for values of up to CAPACITY bytes; 0: too large. */
uint64_t flow_cell_bytes(uint64_t capacity);
/*
 * Makes FD, zeros of that many bytes, a cell whose next value is GENERATION + 1
 * of the value IDENTITY, which another object was before it; 0: a new value.
 * OPEN: some may read it who may not write it. 0, or -1 with errno.
 */
int flow_cell_format(int fd, uint64_t capacity, uint64_t generation,
		     uint64_t identity, bool open);

/* Opens the cell in FD (borrowed). Owned, or NULL with ERROR (65; NAME is its name there). */
struct flow_cell *flow_cell_open(int fd, bool writable, const char *name,
				 struct flow_error *error);
void flow_cell_close(struct flow_cell *cell);
void flow_cell_interrupt(struct flow_cell *cell, const _Atomic uint32_t *word);

/*
 * Copies the value to BUFFER and its generation to *GENERATION. Returns its
 * length; when that is more than ROOM nothing was copied. -1: EAGAIN, EBADMSG.
 */
ssize_t flow_cell_read(struct flow_cell *cell, void *buffer, size_t room,
		       uint64_t *generation);

/* Waits for a generation higher than AFTER. 0, or -1: ESHUTDOWN, ETIMEDOUT, EINTR, EBADMSG. */
int flow_cell_await(struct flow_cell *cell, uint64_t after, int64_t deadline);

/*
 * Takes a place and the turn, until flow_cell_pass. 0, or -1: ESHUTDOWN,
 * ETIMEDOUT, EINTR, EUSERS, EBADMSG. The generation stands still meanwhile.
 */
int flow_cell_turn(struct flow_cell *cell, int64_t deadline);
void flow_cell_pass(struct flow_cell *cell);
/* With the turn: makes DATA the value. 0, or -1: EMSGSIZE, EBADMSG. SYNC: it is on the disk. */
int flow_cell_write(struct flow_cell *cell, const void *data, size_t length,
		    bool sync);
/* Tells all who wait that the object is no longer the one of its name. */
void flow_cell_retire(struct flow_cell *cell);

uint64_t flow_cell_generation(const struct flow_cell *cell);
/* Whose generations these are: another value's count from 1 again. */
uint64_t flow_cell_identity(const struct flow_cell *cell);
/* 0, or -1 with errno EBADMSG. */
int flow_cell_look(struct flow_cell *cell, struct flow_cell_info *info);

#endif
