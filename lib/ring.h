/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * ring: a stream of bytes in memory that processes share; one writer at a
 * time, or several that take turns with whole records; many readers, each at
 * its own pace.
 *
 *	positions count the bytes of the stream from its beginning, 64 bits:
 *
 *	   oldest          reader         head          oldest + size
 *	--- | -- still there - | - its lag - | --- room --- |
 *
 * A writer fills the room first and stores head (release) last: what a dead
 * writer had not committed is never seen, and the next one writes over it.
 * Before it fills what older bytes stand in, it stores how far `oldest` will
 * be, then looks at every reader's position again; a reader that joins stores
 * its position, then looks at `oldest` again. One of the two sees the other,
 * and waits or moves on. Nothing else is exclusive but the writers' turn, which
 * orders them and protects no data: it is taken from a dead holder.
 *
 * All that stands in the memory may be forged. What never changes is checked
 * once and then used from a copy; positions are checked each time.
 *
 * A handle is one thread's. The errno values of all functions:
 *	EBADMSG		the object is damaged, or was cut off
 *	EBUSY		the ring has a writer, and no records to take turns with
 *	EINTR		*interrupted is set
 *	EMSGSIZE	more than the ring can ever hold
 *	ENOBUFS		full, and FLOW_RING_FAIL
 *	EOWNERDEAD	every writer died and none ended the stream
 *	ESHUTDOWN	the ring has ended
 *	ETIMEDOUT	the deadline is over
 *	EUSERS		every place is taken
 */
#ifndef FLOW_RING_H
#define FLOW_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "error.h"
#include "frame.h"

enum flow_ring_full {
	FLOW_RING_BLOCK, /* the writer waits for the slowest reader */
	FLOW_RING_DROP, /* the oldest bytes go; whoever missed them is told */
	FLOW_RING_FAIL, /* the writer is told */
};

struct flow_ring;

/* What a ring is for all its life. */
struct flow_ring_shape {
	uint64_t size; /* bytes of data; rounded up to whole pages */
	enum flow_framing framing; /* raw: bytes, one writer */
	enum flow_ring_full full;
	uint32_t wanted; /* readers before the first byte */
	bool keep; /* the name stays when all have left */
	bool open; /* some may read it who may not write it */
};

/* The size of the object that a ring of SHAPE needs, in bytes; 0: too large. */
uint64_t flow_ring_bytes(const struct flow_ring_shape *shape);

/* Writes the beginning of an empty ring into FD, zeros of that many bytes. 0, or -1 with errno. */
int flow_ring_format(int fd, const struct flow_ring_shape *shape);

/* Does the object of FD begin as a ring does (1), a value (2), or neither (0)? -1 with errno. */
int flow_ring_kind(int fd);

/*
 * Opens the ring in FD, borrowed for as long as it is open and alone in its
 * open file description (flow_object_open makes it so). Returns owned, or NULL
 * with ERROR (65; NAME is what it is called there).
 */
struct flow_ring *flow_ring_open(int fd, bool writable, const char *name,
				 struct flow_error *error);
/* Leaves, and frees RING; NULL is nothing. */
void flow_ring_close(struct flow_ring *ring);

const struct flow_ring_shape *flow_ring_shape(const struct flow_ring *ring);
/* How records end in it; only for framings other than FLOW_FRAMING_RAW. */
const struct flow_record *flow_ring_record(const struct flow_ring *ring);

/* Waits end with EINTR once this word, set by a signal's handler, is not 0; borrowed. */
void flow_ring_interrupt(struct flow_ring *ring, const _Atomic uint32_t *word);
/* How often to look before sleeping; 0 where there is one processor. */
void flow_ring_spin(struct flow_ring *ring, unsigned turns);

/* --- writing */

/* Takes a writer's place. 0, or -1: EUSERS, EBUSY, ESHUTDOWN, EBADMSG. */
int flow_ring_write_join(struct flow_ring *ring);

/*
 * Takes the turn, which lasts until flow_ring_pass; a raw ring's writer has it
 * from its joining on. 0, or -1: ETIMEDOUT, EINTR, ESHUTDOWN.
 */
int flow_ring_turn(struct flow_ring *ring, int64_t deadline);
void flow_ring_pass(struct flow_ring *ring);

/* Waits until as many readers as the ring wants are there. 0, or -1: ETIMEDOUT, EINTR. */
int flow_ring_await_readers(struct flow_ring *ring, int64_t deadline);

/*
 * Waits for room for LEAST bytes at the head. Returns how many there is room
 * for, of WANTED at most, and *PLACE where (one piece, however the ring goes
 * round). With LEAST 0 it does not wait. With FLOW_RING_DROP ask for what will
 * be written and no more, for as much is lost. -1: EMSGSIZE, ENOBUFS,
 * ETIMEDOUT, EINTR, EBADMSG.
 */
ssize_t flow_ring_room(struct flow_ring *ring, size_t least, size_t wanted,
		       void **place, int64_t deadline);
/* Makes the next LENGTH bytes of the room part of the stream; whole records. */
void flow_ring_commit(struct flow_ring *ring, size_t length);

/*
 * Leaves with STATUS (0-255). The last writer to leave ends the stream with
 * the first status that was not 0; readers that come to the end learn it.
 */
int flow_ring_write_end(struct flow_ring *ring, int status, int64_t deadline);
/* Everything written so far is on the disk. 0, or -1 with errno. */
int flow_ring_sync(struct flow_ring *ring);

/* --- reading */

enum flow_ring_from { FLOW_RING_OLDEST, FLOW_RING_NEWEST, FLOW_RING_AT };

/*
 * Takes a reader's place, where the ring may be written, and starts: at the
 * oldest record, behind the newest, or at position AT (the first record from
 * there on; what has gone counts as lost). -1: EUSERS, ERANGE (AT is behind
 * the head), EBADMSG.
 */
int flow_ring_read_join(struct flow_ring *ring, enum flow_ring_from from,
			uint64_t at);

/*
 * Waits for bytes at the reader's position. Returns how many there are, at
 * most MOST unless the first record is longer, whole records only; *DATA is in
 * the ring itself when nothing can overwrite it, else in a copy, until the next
 * call. 0: the stream has ended here (flow_ring_status), or UNTIL is reached
 * (UINT64_MAX: none). -1: EOWNERDEAD, ETIMEDOUT, EINTR, EBADMSG.
 */
ssize_t flow_ring_data(struct flow_ring *ring, const void **data, size_t most,
		       uint64_t until, int64_t deadline);
/* Goes on by LENGTH bytes of them: whole records, unless the ring is raw. */
void flow_ring_consume(struct flow_ring *ring, size_t length);

/* Bytes that went before this reader could have them, since the last call. */
uint64_t flow_ring_lost(struct flow_ring *ring);
uint64_t flow_ring_position(const struct flow_ring *ring);
uint64_t flow_ring_head(const struct flow_ring *ring);
/* Has the stream ended? With its STATUS; TORN: a writer died while others went on. */
bool flow_ring_ended(const struct flow_ring *ring, int *status, bool *torn);

/* Gives the place back. */
void flow_ring_leave(struct flow_ring *ring);
/* Would nobody miss the name: ended, not to be kept, readers have come and none is left? */
bool flow_ring_done(struct flow_ring *ring);

/* --- looking from outside */

struct flow_ring_user {
	unsigned place;
	bool alive;
	uint32_t pid; /* as it calls itself; to be shown, never to be trusted */
	uint64_t position; /* readers */
	uint64_t lost; /* bytes, readers */
	int64_t since; /* nanoseconds of CLOCK_REALTIME */
};

struct flow_ring_info {
	uint64_t head, oldest, identity;
	int64_t created; /* nanoseconds of CLOCK_REALTIME */
	uint64_t dropped; /* bytes that FLOW_RING_DROP wrote over unread */
	uint32_t joined; /* readers so far */
	uint32_t deaths; /* writers that left without a word */
	bool ended, torn;
	int status;
	unsigned reader_count, writer_count;
	struct flow_ring_user readers[112], writers[16];
};

/* 0, or -1 with errno EBADMSG. */
int flow_ring_look(struct flow_ring *ring, struct flow_ring_info *info);

#endif
