/* SPDX-License-Identifier: GPL-3.0-or-later */
/* shm-write: standard input, or a command's output, into a ring. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "interrupt.h"
#include "lock.h"
#include "shm.h"

enum {
	CHUNK = 256 * 1024, /* bytes read at once */
	ASIDE = 4096, /* bytes read when there is no room, to see the end */
	TRIES = 1000, /* an object that goes whenever we come */
};

/* --- getting a ring to write into */

/* Are records to be counted where there are none? The status, or 0. */
static int
refuse_count(const struct flow_shm *shm, const struct flow_ring_shape *shape,
	     struct flow_error *error)
{
	if (!shm->count || shape->framing != FLOW_FRAMING_RAW)
		return 0;
	flow_error_set(error, EX_USAGE,
		       "%s: -c counts records, and -F raw has none",
		       shm->object.text);
	return error->status;
}

/* The object just made by MAKER, or NULL with *STATUS. */
static struct flow_ring *
make_ring(struct flow_shm *shm, int *fd, int *status, struct flow_error *error)
{
	uint64_t bytes = flow_ring_bytes(&shm->shape);
	struct flow_ring *ring;

	*status = refuse_count(shm, &shm->shape, error);
	if (*status)
		return NULL;
	if (!bytes) {
		flow_error_set(error, EX_CANTCREAT,
			       "cannot create %s: too large", shm->object.text);
		*status = error->status;
		return NULL;
	}
	*fd = flow_object_create(&shm->object, shm->mode, bytes, error);
	if (*fd < 0) {
		*status = error->status;
		return NULL;
	}
	if (flow_ring_format(*fd, &shm->shape)) {
		*status = flow_shm_fail(shm, errno, error);
		goto drop_fd;
	}
	ring = flow_ring_open(*fd, true, shm->object.text, error);
	*status = error->status;
	if (!ring)
		goto drop_fd;
	/* before it has a name, so that nobody finds it without a writer */
	if (!flow_ring_write_join(ring))
		return ring;
	*status = flow_shm_fail(shm, errno, error);
	flow_ring_close(ring);

drop_fd:
	close(*fd);
	*fd = -1;
	return NULL;
}

/* fd:N is what it is: a ring is made in it when it is empty. */
static int
fill_given(struct flow_shm *shm, struct flow_error *error)
{
	uint64_t bytes = flow_ring_bytes(&shm->shape);
	int fd = shm->object.fd, result;

	if (lseek(fd, 0, SEEK_END) != 0)
		return 0;
	result = bytes ? posix_fallocate(fd, 0, (off_t)bytes) : EFBIG;
	if (result) {
		flow_error_set(error, flow_error_status_create(result),
			       "cannot create %s of %llu bytes: %s",
			       shm->object.text, (unsigned long long)bytes,
			       strerror(result));
		return error->status;
	}
	return flow_ring_format(fd, &shm->shape)
		       ? flow_shm_fail(shm, errno, error)
		       : 0;
}

/* Has the stream ended, or has its last writer died? Then it is over. */
static bool
is_over(struct flow_ring *ring)
{
	struct flow_ring_info info;

	if (flow_ring_look(ring, &info))
		return false;
	if (info.ended)
		return true;
	for (unsigned i = 0; i < info.writer_count; i++)
		if (info.writers[i].alive)
			return false;
	return info.writer_count || info.deaths || info.head;
}

/* A new ring under the name of the one that is over; -1: look again. */
static int
replace(struct flow_shm *shm, struct flow_ring **ring, struct flow_error *error)
{
	int old = shm->object.fd, fd = -1, status;

	if (!shm->object.path) {
		flow_error_set(error, EX_DATAERR,
			       "%s: the stream in it is over, and a descriptor "
			       "cannot be given another object",
			       shm->object.text);
		return error->status;
	}
	if (flow_shm_lock_name(old))
		return flow_shm_fail(shm, errno, error);
	if (!flow_object_is(&shm->object, old)) {
		close(old); /* with the lock */
		shm->object.fd = -1;
		return -1;
	}
	*ring = make_ring(shm, &fd, &status, error);
	if (*ring && flow_object_publish(&shm->object, fd, true)) {
		status = -1; /* --remove took its name aside: look again */
		if (errno != ENOENT) {
			flow_error_set(error, flow_error_status_create(errno),
				       "cannot replace %s: %s",
				       shm->object.text, strerror(errno));
			status = error->status;
		}
		flow_ring_close(*ring);
		close(fd);
		*ring = NULL;
	}
	close(old);
	shm->object.fd = *ring ? fd : -1;
	return *ring ? 0 : status;
}

/* A new ring where there is none; -1: there is one now. */
static int
make_first(struct flow_shm *shm, struct flow_ring **ring,
	   struct flow_error *error)
{
	int fd = -1, status;

	*ring = make_ring(shm, &fd, &status, error);
	if (!*ring)
		return status;
	if (!flow_object_publish(&shm->object, fd, false)) {
		shm->object.fd = fd;
		return 0;
	}
	status = errno;
	flow_ring_close(*ring);
	close(fd);
	*ring = NULL;
	if (status == EEXIST)
		return -1;
	flow_error_set(error, flow_error_status_create(status),
		       "cannot create %s: %s", shm->object.text,
		       strerror(status));
	return error->status;
}

/* Takes part in the ring that is there; -1: look again. */
static int
join_ring(struct flow_shm *shm, struct flow_ring **ring,
	  struct flow_error *error)
{
	const struct flow_ring_shape *shape;
	int status;

	if (!shm->object.path && (status = fill_given(shm, error)))
		return status;
	*ring = flow_ring_open(shm->object.fd, true, shm->object.text, error);
	if (!*ring)
		return error->status;
	shape = flow_ring_shape(*ring);
	if (is_over(*ring)) {
		flow_ring_close(*ring);
		*ring = NULL;
		return replace(shm, ring, error);
	}
	if (shm->framed && shape->framing != shm->framing) {
		flow_error_set(error, EX_DATAERR,
			       "%s: its records are -F %s, not -F %s",
			       shm->object.text,
			       flow_framing_name(shape->framing),
			       flow_framing_name(shm->framing));
		status = error->status;
	} else if (refuse_count(shm, shape, error)) {
		status = error->status;
	} else if (!flow_ring_write_join(*ring)) {
		return 0;
	} else {
		status = errno == ESHUTDOWN ? -1
					    : flow_shm_fail(shm, errno, error);
	}
	flow_ring_close(*ring);
	*ring = NULL;
	flow_object_close(&shm->object);
	return status;
}

static int
open_ring(struct flow_shm *shm, struct flow_ring **ring,
	  struct flow_error *error)
{
	int status;

	for (int tries = 0; tries < TRIES; tries++) {
		status = flow_shm_open_own(shm, error);
		if (status == 0)
			status = join_ring(shm, ring, error);
		else if (status < 0)
			status = make_first(shm, ring, error);
		if (status >= 0)
			return status;
	}
	flow_error_set(error, EX_TEMPFAIL, "%s: comes and goes",
		       shm->object.text);
	return error->status;
}

/* --- bytes */

static int
cannot_read(const struct flow_shm *shm, struct flow_error *error)
{
	if (errno == EINTR)
		return flow_shm_fail(shm, errno, error);
	if (errno == EFAULT)
		return flow_shm_fail(shm, EBADMSG, error);
	flow_error_set(error, EX_IOERR, "read %s: %s",
		       shm->command ? shm->command[0] : "standard input",
		       strerror(errno));
	return error->status;
}

/* Puts LENGTH bytes at DATA into the ring. 0, or the status. */
static int
put(struct flow_shm *shm, struct flow_ring *ring, const char *data,
    size_t length, struct flow_error *error)
{
	void *place;

	if (flow_ring_room(ring, length, length, &place,
			   flow_shm_deadline(shm)) < 0) {
		if (errno != EMSGSIZE)
			return flow_shm_fail(shm, errno, error);
		flow_error_set(error, EX_DATAERR,
			       "%s: a record of %zu bytes is larger than the "
			       "ring; see -m",
			       shm->object.text, length);
		return error->status;
	}
	memcpy(place, data, length);
	flow_ring_commit(ring, length);
	shm->done.bytes += length;
	return 0;
}

/*
 * read(2) writes straight into the ring. Where it is full a little is read
 * aside, for the end of the input must be seen even then.
 */
static int
write_raw(struct flow_shm *shm, struct flow_ring *ring, int fd,
	  struct flow_error *error)
{
	static char aside[ASIDE];
	const size_t chunk = CHUNK;

	for (;;) {
		ssize_t room, got;
		void *place;
		int status;

		room = flow_ring_room(ring, 0, chunk, &place, INT64_MAX);
		if (room < 0)
			return flow_shm_fail(shm, errno, error);
		got = room ? flow_shm_get(fd, place, (size_t)room)
			   : flow_shm_get(fd, aside, sizeof(aside));
		if (got < 0)
			return cannot_read(shm, error);
		if (!got)
			return 0;
		if (room) {
			flow_ring_commit(ring, (size_t)got);
			shm->done.bytes += (uint64_t)got;
		} else {
			status = put(shm, ring, aside, (size_t)got, error);
			if (status)
				return status;
		}
	}
}

/* What is written over is lost, so no more is asked for than has come. */
static int
write_dropping(struct flow_shm *shm, struct flow_ring *ring, int fd,
	       struct flow_error *error)
{
	uint64_t size = flow_ring_shape(ring)->size;
	size_t most = size / 4 < CHUNK ? (size_t)size / 4 : CHUNK;
	char *buffer = malloc(most);
	int status = 0;

	if (!buffer)
		flow_error_no_memory();
	while (!status) {
		ssize_t got = flow_shm_get(fd, buffer, most);

		if (got < 0)
			status = cannot_read(shm, error);
		else if (got)
			status = put(shm, ring, buffer, (size_t)got, error);
		if (got <= 0)
			break;
	}
	free(buffer);
	return status;
}

/* --- records */

/* Input that has come and is not in the ring yet. */
struct pending {
	char *data;
	size_t start, have, room; /* bytes */
	size_t seen; /* of the unfinished record, without its end */
};

/* The size of the first records at DATA up to MOST of them, of LENGTH whole ones. */
static size_t
count_off(const struct flow_record *record, const char *data, size_t length,
	  uint64_t most, uint64_t *counted)
{
	size_t at = 0;

	for (*counted = 0; at < length && *counted < most; (*counted)++)
		at += flow_record_first(record, data + at, length - at);
	return at;
}

/* LENGTH bytes of whole records, in pieces of which each is seen at once. */
static int
put_records(struct flow_shm *shm, struct flow_ring *ring, const char *data,
	    size_t length, struct flow_error *error)
{
	const struct flow_record *record = flow_ring_record(ring);
	uint64_t size = flow_ring_shape(ring)->size;
	size_t most = size / 4 < CHUNK ? (size_t)size / 4 : CHUNK;
	int status = 0;

	if (flow_ring_turn(ring, flow_shm_deadline(shm)))
		return flow_shm_fail(shm, errno, error);
	while (length && !status) {
		size_t seen = 0, piece = length;

		if (length > most) {
			piece = flow_record_whole(record, data, most, &seen);
			if (!piece)
				piece = flow_record_first(record, data, length);
		}
		status = put(shm, ring, data, piece, error);
		data += piece;
		length -= piece;
	}
	flow_ring_pass(ring);
	return status;
}

/* Room at the end for a read; the status when a record fits in no ring. */
static int
make_place(struct flow_shm *shm, struct flow_ring *ring, struct pending *in,
	   struct flow_error *error)
{
	uint64_t size = flow_ring_shape(ring)->size;

	if (in->start) {
		memmove(in->data, in->data + in->start, in->have);
		in->start = 0;
	}
	if (in->have < in->room)
		return 0;
	if (in->have > size) {
		flow_error_set(error, EX_DATAERR,
			       "%s: a record of more than %llu bytes is larger "
			       "than the ring; see -m",
			       shm->object.text, (unsigned long long)size);
		return error->status;
	}
	in->room = in->room ? 2 * in->room : CHUNK;
	in->data = realloc(in->data, in->room);
	if (!in->data)
		flow_error_no_memory();
	return 0;
}

/* The input has ended: what is left is a record when it can be finished. */
static int
put_last(struct flow_shm *shm, struct flow_ring *ring, struct pending *in,
	 struct flow_error *error)
{
	const char *delimiter;
	size_t bytes;
	int status;

	if (!in->have)
		return 0;
	if (flow_frame_finish(flow_ring_shape(ring)->framing, in->have,
			      &delimiter, &bytes)) {
		flow_error_set(error, EX_DATAERR,
			       "%s: the input ends within a record",
			       shm->object.text);
		return error->status;
	}
	status = make_place(shm, ring, in, error);
	if (status)
		return status;
	memcpy(in->data + in->have, delimiter, bytes);
	return put_records(shm, ring, in->data, in->have + bytes, error);
}

static int
write_records(struct flow_shm *shm, struct flow_ring *ring, int fd,
	      struct flow_error *error)
{
	const struct flow_record *record = flow_ring_record(ring);
	uint64_t left = shm->count ? shm->count : UINT64_MAX, counted;
	struct pending in = { 0 };
	int status = 0;

	while (!status && left) {
		size_t whole;
		ssize_t got;

		status = make_place(shm, ring, &in, error);
		if (status)
			break;
		got = flow_shm_get(fd, in.data + in.have, in.room - in.have);
		if (got < 0)
			status = cannot_read(shm, error);
		else if (!got)
			status = put_last(shm, ring, &in, error);
		if (got <= 0)
			break;
		in.have += (size_t)got;
		whole = flow_record_whole(record, in.data, in.have, &in.seen);
		if (!whole)
			continue;
		if (shm->count) {
			whole = count_off(record, in.data, whole, left,
					  &counted);
			left -= counted;
		}
		status = put_records(shm, ring, in.data, whole, error);
		in.start = whole;
		in.have -= whole;
		in.seen = 0;
	}
	shm->done.enough = !left;
	free(in.data);
	return status;
}

/* --- the whole */

static int
copy_in(struct flow_shm *shm, struct flow_ring *ring, int fd,
	struct flow_error *error)
{
	const struct flow_ring_shape *shape = flow_ring_shape(ring);

	if (shape->wanted &&
	    flow_ring_await_readers(ring, flow_shm_deadline(shm)))
		return flow_shm_fail(shm, errno, error);
	if (shape->framing != FLOW_FRAMING_RAW)
		return write_records(shm, ring, fd, error);
	if (shape->full == FLOW_RING_DROP)
		return write_dropping(shm, ring, fd, error);
	return write_raw(shm, ring, fd, error);
}

/* Ends the stream; the status, which is STATUS unless that fails. */
static int
end_stream(struct flow_shm *shm, struct flow_ring *ring, int status,
	   struct flow_error *error)
{
	if (shm->sync && flow_ring_sync(ring) && !status)
		status = flow_shm_fail(shm, errno, error);
	if (flow_ring_write_end(ring, status, flow_shm_deadline(shm)) &&
	    !status)
		status = flow_shm_fail(shm, errno, error);
	if (shm->sync && flow_ring_sync(ring) && !status)
		status = flow_shm_fail(shm, errno, error);
	if (flow_ring_done(ring))
		flow_object_unlink(&shm->object, shm->object.fd);
	return status;
}

int
flow_shm_write(struct flow_shm *shm, struct flow_error *error)
{
	struct flow_ring *ring = NULL;
	int fd = STDIN_FILENO, status, ended;
	pid_t pid = 0;

	status = open_ring(shm, &ring, error);
	if (status)
		return status;
	flow_ring_interrupt(ring, &flow_interrupted);
	if (shm->command)
		pid = flow_shm_start(shm, &fd, error);
	status = pid < 0 ? error->status : copy_in(shm, ring, fd, error);
	if (pid > 0) {
		close(fd);
		ended = flow_shm_finish(pid, status != 0);
		/* what has been told to end is not at fault */
		if (!status && !(shm->done.enough && ended == 128 + SIGPIPE))
			status = ended;
	}
	status = end_stream(shm, ring, status, error);
	flow_ring_close(ring);
	return status;
}
