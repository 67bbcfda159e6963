/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * shm: what shmcat does, a function for each of its modes. A function returns
 * the exit status; where that is not 0 ERROR says why, unless it is a child's.
 */
#ifndef FLOW_SHM_H
#define FLOW_SHM_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "error.h"
#include "object.h"
#include "ring.h"

struct flow_shm {
	struct flow_object object;
	char *const *command; /* CMD...; NULL: standard input, output */
	int64_t timeout; /* nanoseconds for one wait; INT64_MAX: no limit */
	bool waits; /* -t was given: wait for an object too */
	mode_t mode; /* of a new object */
	bool mode_given;
	bool sync, foreign, json;

	/* rings */
	struct flow_ring_shape shape; /* a new one's */
	bool framed; /* -F was given */
	enum flow_framing framing; /* -F */
	enum flow_ring_from from;
	uint64_t at; /* position, with FLOW_RING_AT */
	uint64_t count; /* records, runs of CMD; 0: no limit */
	bool to_present, lossy;

	/* values */
	uint64_t capacity; /* bytes of a new one; 0: as needed */
	uint64_t after; /* generation */
	bool awaits; /* --after was given */

	/* ranges */
	uint64_t offset, length; /* bytes; UINT64_MAX: to the end */

	/* what was done, for -v */
	struct {
		uint64_t bytes; /* read or written */
		uint64_t
			position; /* where a reader ended; a value's generation */
		uint64_t lost; /* bytes */
		bool enough; /* -c was reached */
	} done;
};

int flow_shm_write(struct flow_shm *shm, struct flow_error *error);
/* A ring's stream, or the bytes of any other object. */
int flow_shm_read(struct flow_shm *shm, struct flow_error *error);

int flow_shm_value_write(struct flow_shm *shm, struct flow_error *error);
int flow_shm_value_read(struct flow_shm *shm, struct flow_error *error);
int flow_shm_value_each(struct flow_shm *shm, struct flow_error *error);

/* An object of LENGTH zeros. */
int flow_shm_create(struct flow_shm *shm, struct flow_error *error);
/* Standard input over the bytes from OFFSET on, in place. */
int flow_shm_patch(struct flow_shm *shm, struct flow_error *error);

int flow_shm_list(struct flow_shm *shm, FILE *out, struct flow_error *error);
int flow_shm_info(struct flow_shm *shm, FILE *out, struct flow_error *error);
int flow_shm_remove(struct flow_shm *shm, struct flow_error *error);

/* --- what these share */

/* The moment at which a wait that begins now is over. */
int64_t flow_shm_deadline(const struct flow_shm *shm);
/* ERROR for errno ERRNUM of ring.h and cell.h; returns its status. */
int flow_shm_fail(const struct flow_shm *shm, int errnum,
		  struct flow_error *error);
/* Opens the object, waiting for it with -t. 0, or the status. */
int flow_shm_open(struct flow_shm *shm, bool writable,
		  struct flow_error *error);
/*
 * Opens it to write into: one of another user is refused. 0, the status, or -1
 * when there is none yet.
 */
int flow_shm_open_own(struct flow_shm *shm, struct flow_error *error);
/* May some read what is made with this mode who may not write it? */
bool flow_shm_is_open(mode_t mode);
/* write(2) of all to standard output. 0, or -1 with errno. */
int flow_shm_put(struct flow_shm *shm, const void *data, size_t length);
/* One read(2) from FD; errno EINTR only when a signal asked us to end. */
ssize_t flow_shm_get(int fd, void *data, size_t length);
/* Starts CMD with its output in a pipe, whose other end is *FD. Its pid or -1. */
pid_t flow_shm_start(const struct flow_shm *shm, int *fd,
		     struct flow_error *error);
/*
 * Waits for it, and returns its status; a signal that asks us to end is passed
 * on. With STOP it is asked to end, and killed when it has not after 2 s.
 */
int flow_shm_finish(pid_t pid, bool stop);
/* Takes the lock under which an object's name is changed. 0, or -1 with errno. */
int flow_shm_lock_name(int fd);

#endif
