/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ring-inside: how rings and values lie in memory; what ring.c and cell.c share. */
#ifndef FLOW_RING_INSIDE_H
#define FLOW_RING_INSIDE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "error.h"
#include "event.h"
#include "map.h"

#define FLOW_MEMORY_MAGIC "ipcflow" /* with its NUL eight bytes */

enum {
	FLOW_MEMORY_VERSION = 1,
	FLOW_MEMORY_RING = 1,
	FLOW_MEMORY_VALUE = 2,
	FLOW_READERS =
		112, /* with a few words more a wait on all is one call */
	FLOW_WRITERS = 16,
	FLOW_AREAS = 4, /* of a value, at most */
};

enum {
	FLOW_FLAG_KEEP = 1,
	FLOW_FLAG_OPEN = 2, /* wake also those who cannot say that they sleep */
	FLOW_FLAGS = 3,
};

/* What never changes, at the very beginning; then a checksum of all before. */
struct flow_fixed {
	char magic[8];
	uint32_t version;
	uint32_t kind;
	uint64_t header; /* bytes before the data, whole pages */
	uint64_t size; /* bytes of data; of one area of a value */
	uint32_t framing; /* ring */
	uint32_t full; /* ring */
	uint32_t areas; /* value */
	uint32_t wanted; /* ring */
	uint32_t flags;
	uint32_t readers; /* places */
	uint32_t writers;
	uint32_t spare;
	uint64_t identity; /* a random number */
	int64_t created; /* nanoseconds of CLOCK_REALTIME */
	uint64_t checksum; /* FNV-1a */
};

/* The place of a reader or a writer; owned by whoever holds its lock. */
struct flow_place {
	_Alignas(64) flow_word state; /* a counter, and PLACE_USED */
	flow_word doorbell; /* event.h */
	_Atomic uint64_t position; /* reader */
	_Atomic uint64_t lost; /* reader: bytes */
	_Atomic int64_t since; /* nanoseconds of CLOCK_REALTIME */
	_Atomic uint32_t pid; /* to be shown */
};

enum { FLOW_PLACE_USED = 1 };

/* One of the copies of a value. */
struct flow_area {
	_Atomic uint64_t generation; /* 0: being written */
	_Atomic uint64_t length; /* bytes */
};

struct flow_memory {
	struct flow_fixed fixed;

	/* written by whoever has the turn */
	_Alignas(64) _Atomic uint64_t head; /* value: the generation */
	_Atomic uint64_t oldest;
	_Atomic uint64_t dropped; /* bytes */
	struct flow_area areas[FLOW_AREAS];

	_Alignas(64) flow_word news; /* head or ended has changed */
	flow_word ended; /* FLOW_ENDED, FLOW_TORN, status << 8 */

	_Alignas(64) flow_word space; /* a reader has moved, come or gone */
	_Atomic uint64_t sought; /* the position of readers that makes room */

	_Alignas(64) _Atomic uint64_t
		turn; /* counter << 8 | place + 1, 0: free */
	flow_word turns; /* the turn was given back */
	flow_word deaths; /* writers that did not leave */
	flow_word failure; /* the first status that was not 0 */
	flow_word joined; /* readers so far */
	flow_word reader_top; /* no reader has had a place from here on */

	struct flow_place readers[FLOW_READERS];
	struct flow_place writers[FLOW_WRITERS];
};

enum {
	FLOW_ENDED = 1,
	FLOW_TORN = 2,
};

/* The bytes of the header: whole pages. */
uint64_t flow_memory_header(void);
/* Fills FIXED but for what makes a ring or a value what it is. */
void flow_fixed_fill(struct flow_fixed *fixed, uint32_t kind);
/* Writes FIXED, sealed, to the beginning of FD. 0, or -1 with errno. */
int flow_fixed_write(int fd, struct flow_fixed *fixed);
/* Reads and checks it. -1 with ERROR (65): NAME is not what KIND wants. */
int flow_fixed_read(int fd, uint32_t kind, const char *name,
		    struct flow_fixed *fixed, struct flow_error *error);

/* One process's part in an object; rings and values begin with it. */
struct flow_member {
	int fd; /* borrowed */
	struct flow_map map;
	struct flow_memory *memory;
	struct flow_fixed fixed; /* the copy that was checked */
	int reader, writer; /* our places; -1: none */
	uint64_t turn; /* the word when we have the turn; 0: we have not */
	const flow_word *interrupted; /* or NULL */
	unsigned spin;
};

int flow_member_open(struct flow_member *member, int fd, bool writable,
		     bool doubled, uint32_t kind, const char *name,
		     struct flow_error *error);
void flow_member_close(struct flow_member *member);
bool flow_member_broken(const struct flow_member *member);

/* Takes a free place, or a dead one's. Its number, or -1 with errno EUSERS. */
int flow_place_take(struct flow_member *member, bool writer);
/* Says that our place is used: from now on others heed it. */
void flow_place_use(struct flow_member *member, bool writer);
void flow_place_give(struct flow_member *member, bool writer);
/* Is the place used, and does its owner live? */
bool flow_place_alive(struct flow_member *member, bool writer, unsigned index);
/* Declares a dead one's place free; counts dead writers. True when it was dead. */
bool flow_place_bury(struct flow_member *member, bool writer, unsigned index);

int flow_turn_take(struct flow_member *member, int64_t deadline);
void flow_turn_give(struct flow_member *member);

/* Adds to WAIT what every wait heeds; then flow_member_sleep sleeps. */
void flow_member_heed(const struct flow_member *member, struct flow_wait *wait);
/* -1 with errno EINTR, ETIMEDOUT or EBADMSG. */
int flow_member_sleep(const struct flow_member *member,
		      const struct flow_wait *wait, int64_t deadline);
bool flow_member_signals_all(const struct flow_member *member);

#endif
