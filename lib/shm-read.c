/* SPDX-License-Identifier: GPL-3.0-or-later */
/* shm-read: a ring's stream, or the bytes of an object, to standard output. */
#include "config.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "interrupt.h"
#include "shm.h"

enum {
	CHUNK = 256 * 1024, /* bytes written at once, and then given back */
	GATHER = 64 * 1024, /* bytes of records in another framing */
};

static int
cannot_write(const struct flow_shm *shm, struct flow_error *error)
{
	switch (errno) {
	case EINTR:
	case EFAULT:
		return flow_shm_fail(shm, errno, error);
	case EPIPE:
		/* the reader has gone, and we end as if by the signal */
		atomic_store(&flow_interrupted, SIGPIPE);
		return flow_shm_fail(shm, EINTR, error);
	default:
		flow_error_set(error, EX_IOERR, "write standard output: %s",
			       strerror(errno));
		return error->status;
	}
}

/* --- records in another framing */

struct gather {
	char data[GATHER];
	size_t have; /* bytes */
};

static int
flush(struct flow_shm *shm, struct gather *gather)
{
	size_t have = gather->have;

	gather->have = 0;
	return flow_shm_put(shm, gather->data, have);
}

static int
add(struct flow_shm *shm, struct gather *gather, const char *data, size_t size)
{
	if (size > GATHER - gather->have && flush(shm, gather))
		return -1;
	if (size > GATHER)
		return flow_shm_put(shm, data, size);
	memcpy(gather->data + gather->have, data, size);
	gather->have += size;
	return 0;
}

/* LENGTH bytes of whole records of RING. 0, or the status. */
static int
put_reframed(struct flow_shm *shm, struct flow_ring *ring, const char *data,
	     size_t length, struct flow_error *error)
{
	static struct gather gather;
	enum flow_framing framing = flow_ring_shape(ring)->framing;

	for (size_t at = 0, size; at < length; at += size) {
		const char *message;
		struct flow_frame frame;
		size_t bytes;

		size = flow_record_first(flow_ring_record(ring), data + at,
					 length - at);
		message = flow_frame_message(framing, data + at, size, &bytes);
		if (flow_frame_make(shm->framing, message, bytes, &frame)) {
			flush(shm, &gather);
			flow_error_set(error, EX_DATAERR,
				       "%s: a record cannot be -F %s: %s",
				       shm->object.text,
				       flow_framing_name(shm->framing),
				       errno == EILSEQ
					       ? "the delimiter stands in it"
					       : "it is too long");
			return error->status;
		}
		if (add(shm, &gather, frame.before, frame.before_size) ||
		    add(shm, &gather, message, bytes) ||
		    add(shm, &gather, frame.behind, frame.behind_size))
			return cannot_write(shm, error);
	}
	return flush(shm, &gather) ? cannot_write(shm, error) : 0;
}

/* --- a ring */

/* The first of LEFT records in LENGTH bytes: their size; LEFT goes down. */
static size_t
count_off(const struct flow_record *record, const char *data, size_t length,
	  uint64_t *left)
{
	size_t at = 0;

	for (; at < length && *left; (*left)--)
		at += flow_record_first(record, data + at, length - at);
	return at;
}

static int
copy_out(struct flow_shm *shm, struct flow_ring *ring, uint64_t until,
	 struct flow_error *error)
{
	bool same =
		!shm->framed || shm->framing == flow_ring_shape(ring)->framing;
	uint64_t left = shm->count;

	for (;;) {
		const void *data;
		ssize_t got;
		size_t length;
		int status = 0;

		got = flow_ring_data(ring, &data, CHUNK, until,
				     flow_shm_deadline(shm));
		shm->done.lost += flow_ring_lost(ring);
		if (got < 0)
			return flow_shm_fail(shm, errno, error);
		if (!got)
			return 0;
		length = (size_t)got;
		if (shm->count)
			length = count_off(flow_ring_record(ring), data, length,
					   &left);
		if (!same)
			status = put_reframed(shm, ring, data, length, error);
		else if (flow_shm_put(shm, data, length))
			status = cannot_write(shm, error);
		if (status)
			return status;
		flow_ring_consume(ring, length);
		if (shm->count && !left)
			return 0;
	}
}

/* What the end of the stream says, when we came there. */
static int
judge_end(struct flow_shm *shm, struct flow_ring *ring,
	  struct flow_error *error)
{
	int status;
	bool torn;

	if (!flow_ring_ended(ring, &status, &torn) ||
	    flow_ring_position(ring) != flow_ring_head(ring))
		return 0;
	if (torn) {
		flow_error_set(error, EX_PROTOCOL,
			       "%s: one of its writers died without ending its "
			       "part",
			       shm->object.text);
		return error->status;
	}
	if (status)
		flow_error_set(error, status,
			       "%s: its writer ended with status %d",
			       shm->object.text, status);
	return status;
}

static int
read_ring(struct flow_shm *shm, struct flow_error *error)
{
	struct flow_ring *ring = flow_ring_open(
		shm->object.fd, shm->object.writable, shm->object.text, error);
	enum flow_framing framing;
	uint64_t until = UINT64_MAX;
	int status = 0;

	if (!ring)
		return error->status;
	framing = flow_ring_shape(ring)->framing;
	flow_ring_interrupt(ring, &flow_interrupted);
	if (framing == FLOW_FRAMING_RAW &&
	    (shm->count || (shm->framed && shm->framing != framing))) {
		flow_error_set(error, EX_DATAERR,
			       "%s: a stream without records (-F raw); %s "
			       "wants some",
			       shm->object.text, shm->count ? "-c" : "-F");
		status = error->status;
	} else if (!shm->object.writable && !flow_ring_shape(ring)->open) {
		flow_error_set(error, EX_NOPERM,
			       "%s: may be read, but was not made for readers "
			       "who cannot write it; see --mode",
			       shm->object.text);
		status = error->status;
	} else if (flow_ring_read_join(ring, shm->from, shm->at)) {
		status = flow_shm_fail(shm, errno, error);
	}
	if (status) {
		flow_ring_close(ring);
		return status;
	}
	if (shm->to_present)
		until = flow_ring_head(ring);
	status = copy_out(shm, ring, until, error);
	if (!status)
		status = judge_end(shm, ring, error);
	shm->done.position = flow_ring_position(ring);
	flow_ring_leave(ring);
	if (shm->object.writable && flow_ring_done(ring))
		flow_object_unlink(&shm->object, shm->object.fd);
	flow_ring_close(ring);
	if (!status && shm->done.lost && !shm->lossy) {
		flow_error_set(error, EX_PROTOCOL,
			       "%s: lost %llu bytes, which were overwritten "
			       "before they were read",
			       shm->object.text,
			       (unsigned long long)shm->done.lost);
		status = error->status;
	}
	return status;
}

/* --- any other object */

/*
 * The kernel reads the mapped pages, so that a file which is cut off meanwhile
 * is an error (EFAULT) and no signal.
 */
static int
read_bytes(struct flow_shm *shm, struct flow_error *error)
{
	uint64_t size, from = shm->offset, until, page = CHUNK;
	struct stat st;

	if (fstat(shm->object.fd, &st))
		return flow_shm_fail(shm, errno, error);
	size = (uint64_t)st.st_size;
	if (from > size ||
	    (shm->length != UINT64_MAX && shm->length > size - from)) {
		flow_error_set(error, EX_DATAERR,
			       "%s: has %llu bytes, which ends before that "
			       "range",
			       shm->object.text, (unsigned long long)size);
		return error->status;
	}
	until = shm->length == UINT64_MAX ? size : from + shm->length;
	while (from < until) {
		uint64_t start = from / page * page;
		uint64_t end =
			until - start > 64 * page ? start + 64 * page : until;
		char *map = mmap(NULL, (size_t)(end - start), PROT_READ,
				 MAP_SHARED, shm->object.fd, (off_t)start);
		int result, saved;

		if (map == MAP_FAILED)
			return flow_shm_fail(shm, errno, error);
		result = flow_shm_put(shm, map + (from - start),
				      (size_t)(end - from));
		saved = errno;
		munmap(map, (size_t)(end - start));
		errno = saved;
		if (result)
			return cannot_write(shm, error);
		from = end;
	}
	return 0;
}

int
flow_shm_read(struct flow_shm *shm, struct flow_error *error)
{
	int status = flow_shm_open(shm, false, error), kind;
	bool range = shm->offset || shm->length != UINT64_MAX;

	if (status)
		return status;
	kind = flow_ring_kind(shm->object.fd);
	if (kind < 0)
		return flow_shm_fail(shm, errno, error);
	if (!kind)
		return read_bytes(shm, error);
	if (range) {
		flow_error_set(error, EX_DATAERR,
			       "%s: --offset and --length are for plain "
			       "objects, and this is a %s",
			       shm->object.text, kind == 1 ? "ring" : "value");
		return error->status;
	}
	if (kind == 2)
		return flow_shm_value_read(shm, error);
	return read_ring(shm, error);
}
