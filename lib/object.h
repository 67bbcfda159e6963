/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * object: shared memory and files by their address (shm:/NAME, file:PATH,
 * fd:N). An object gets its name when it is whole: nobody ever opens one that
 * is only half made.
 */
#ifndef FLOW_OBJECT_H
#define FLOW_OBJECT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "addr.h"
#include "error.h"

struct flow_object {
	const char *text; /* as it was written, for messages; borrowed */
	struct flow_addr addr;
	char *path; /* owned; NULL: fd:N */
	int fd; /* owned, close-on-exec; -1: not open */
	bool writable; /* fd is */
};

/* Reads TEXT, which must outlive OBJECT. 0, or -1 with ERROR (64). */
int flow_object_name(struct flow_object *object, const char *text,
		     struct flow_error *error);
void flow_object_close(struct flow_object *object);
void flow_object_clear(struct flow_object *object);

/*
 * Opens what has the name now, for writing too where that is allowed or, with
 * WRITABLE, wanted. Also fd:N gets an open file description of its own. 0, or
 * -1 with ERROR: 66 when there is nothing, 77, 65 when it is no object.
 */
int flow_object_open(struct flow_object *object, bool writable,
		     struct flow_error *error);

/*
 * Waits until something has the name; nothing is polled where inotify(7) can
 * be had. 0, or -1 with errno ETIMEDOUT after DEADLINE, EINTR when a signal's
 * handler has set *INTERRUPTED.
 */
int flow_object_await(const struct flow_object *object, int64_t deadline,
		      const _Atomic uint32_t *interrupted);

/*
 * Makes BYTES of zeros without a name, where OBJECT will be; every byte has
 * its memory or disk block (posix_fallocate(3)). Returns owned, or -1 with
 * ERROR (73, 77; 64: the name is one of ours, as of flow_object_aside).
 */
int flow_object_create(const struct flow_object *object, mode_t mode,
		       uint64_t bytes, struct flow_error *error);

/*
 * Gives FD (borrowed) the name. With OVER whatever has it now is replaced in
 * one step. 0, or -1 with errno; EEXIST without OVER when the name is taken.
 */
int flow_object_publish(const struct flow_object *object, int fd, bool over);

/*
 * The name that one has for an instant which replaces OBJECT; it stays when who
 * replaces it is killed then. Owned.
 */
char *flow_object_aside(const struct flow_object *object);

/* Removes the name if it is still that of FD. 0, or -1 with errno. */
int flow_object_unlink(const struct flow_object *object, int fd);
/* Does the name still lead to FD? */
bool flow_object_is(const struct flow_object *object, int fd);

/* Where shared memory objects are. */
#define FLOW_OBJECT_SHM "/dev/shm"

#endif
