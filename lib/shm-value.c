/* SPDX-License-Identifier: GPL-3.0-or-later */
/* shm-value: values replaced and read as a whole. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "cell.h"
#include "child.h"
#include "clock.h"
#include "interrupt.h"
#include "io.h"
#include "shm.h"

enum {
	FIRST = 64 *
		1024, /* bytes read at first, and a small cell's capacity */
	TRIES = 1000, /* an object that is replaced whenever we come */
};

/* --- the new value */

/* All of FD. Owned, or NULL with errno. */
static char *
slurp(int fd, size_t *length)
{
	size_t room = FIRST;
	char *data = malloc(room);

	for (*length = 0; data;) {
		ssize_t got = flow_shm_get(fd, data + *length, room - *length);
		char *larger;

		if (got < 0) {
			int saved = errno;

			free(data);
			errno = saved;
			return NULL;
		}
		if (!got)
			return data;
		*length += (size_t)got;
		if (*length < room)
			continue;
		larger = reallocarray(data, room, 2);
		if (!larger)
			free(data);
		data = larger;
		room *= 2;
	}
	return NULL;
}

/* The value to be: standard input, or CMD's output if CMD succeeds. */
static int
take_input(struct flow_shm *shm, char **data, size_t *length,
	   struct flow_error *error)
{
	int fd = STDIN_FILENO, status = 0, saved;
	pid_t pid = 0;

	if (shm->command) {
		pid = flow_shm_start(shm, &fd, error);
		if (pid < 0)
			return error->status;
	}
	*length = 0;
	*data = slurp(fd, length);
	saved = errno;
	if (pid > 0) {
		close(fd);
		status = flow_shm_finish(pid, !*data);
	}
	if (*data && !status)
		return 0;
	if (*data) {
		free(*data);
		return status; /* CMD has spoken for itself */
	}
	if (saved == EINTR)
		return flow_shm_fail(shm, saved, error);
	flow_error_set(error, saved == ENOMEM ? EX_OSERR : EX_IOERR,
		       "read %s: %s",
		       shm->command ? shm->command[0] : "standard input",
		       strerror(saved));
	return error->status;
}

/* --- making a cell */

/*
 * A cell of its own for DATA, without a name yet, that goes on from OLD if that
 * is not NULL; its descriptor or -1.
 */
static int
make_cell(struct flow_shm *shm, const char *data, size_t length,
	  const struct flow_cell *old, struct flow_error *error)
{
	uint64_t capacity = shm->capacity > length ? shm->capacity : length;
	struct flow_cell *cell;
	uint64_t bytes;
	int fd;

	if (capacity < FIRST && !shm->capacity)
		capacity = FIRST;
	else if (!shm->capacity)
		capacity += capacity / 4; /* values grow */
	bytes = flow_cell_bytes(capacity);
	if (!bytes)
		return flow_error_set(error, EX_CANTCREAT,
				      "cannot create %s: too large",
				      shm->object.text);
	fd = flow_object_create(&shm->object, shm->mode, bytes, error);
	if (fd < 0)
		return -1;
	if (flow_cell_format(fd, capacity, old ? flow_cell_generation(old) : 0,
			     old ? flow_cell_identity(old) : 0,
			     flow_shm_is_open(shm->mode))) {
		flow_shm_fail(shm, errno, error);
		goto drop_fd;
	}
	cell = flow_cell_open(fd, true, shm->object.text, error);
	if (!cell)
		goto drop_fd;
	if (flow_cell_write(cell, data, length, shm->sync)) {
		flow_shm_fail(shm, errno, error);
		flow_cell_close(cell);
		goto drop_fd;
	}
	shm->done.position = flow_cell_generation(cell);
	flow_cell_close(cell);
	return fd;

drop_fd:
	close(fd);
	return -1;
}

static int
cannot_create(const struct flow_shm *shm, int errnum, struct flow_error *error)
{
	flow_error_set(error, flow_error_status_create(errnum),
		       "cannot create %s: %s", shm->object.text,
		       strerror(errnum));
	return error->status;
}

/* -1: there is one now. */
static int
make_first(struct flow_shm *shm, const char *data, size_t length,
	   struct flow_error *error)
{
	int fd = make_cell(shm, data, length, NULL, error), saved;

	if (fd < 0)
		return error->status;
	if (!flow_object_publish(&shm->object, fd, false)) {
		close(fd);
		return 0;
	}
	saved = errno;
	close(fd);
	return saved == EEXIST ? -1 : cannot_create(shm, saved, error);
}

/* With the turn of CELL, which is too small: another in its place. */
static int
outgrow(struct flow_shm *shm, struct flow_cell *cell, const char *data,
	size_t length, struct flow_error *error)
{
	struct stat st;
	int fd, saved;

	if (!shm->object.path) {
		flow_error_set(error, EX_CANTCREAT,
			       "%s: the value is too large, and a descriptor "
			       "cannot be given another object",
			       shm->object.text);
		return error->status;
	}
	if (flow_shm_lock_name(shm->object.fd))
		return flow_shm_fail(shm, errno, error);
	if (!flow_object_is(&shm->object, shm->object.fd))
		return -1; /* the lock goes with the descriptor */
	/* whoever may read the value may read the next one */
	if (!shm->mode_given && !fstat(shm->object.fd, &st))
		shm->mode = st.st_mode & 0777;
	fd = make_cell(shm, data, length, cell, error);
	if (fd < 0)
		return error->status;
	if (flow_object_publish(&shm->object, fd, true)) {
		saved = errno;
		close(fd);
		/* --remove took its name aside: look again */
		return saved == ENOENT ? -1 : cannot_create(shm, saved, error);
	}
	close(fd);
	flow_cell_retire(cell);
	return 0;
}

/* fd:N is made a cell when it is empty. */
static int
fill_given(struct flow_shm *shm, size_t length, struct flow_error *error)
{
	uint64_t capacity = shm->capacity > length ? shm->capacity : length;
	int fd = shm->object.fd, result;

	if (shm->object.path || lseek(fd, 0, SEEK_END) != 0)
		return 0;
	if (capacity < FIRST && !shm->capacity)
		capacity = FIRST;
	result = flow_cell_bytes(capacity)
			 ? posix_fallocate(fd, 0,
					   (off_t)flow_cell_bytes(capacity))
			 : EFBIG;
	if (result)
		return cannot_create(shm, result, error);
	return flow_cell_format(fd, capacity, 0, 0, false)
		       ? flow_shm_fail(shm, errno, error)
		       : 0;
}

/* -1: look again, for the object has been replaced. */
static int
write_into(struct flow_shm *shm, const char *data, size_t length,
	   struct flow_error *error)
{
	int status = fill_given(shm, length, error);
	struct flow_cell *cell;

	if (status)
		return status;
	cell = flow_cell_open(shm->object.fd, true, shm->object.text, error);
	if (!cell)
		return error->status;
	flow_cell_interrupt(cell, &flow_interrupted);
	if (flow_cell_turn(cell, flow_shm_deadline(shm))) {
		status = errno == ESHUTDOWN ? -1
					    : flow_shm_fail(shm, errno, error);
	} else if (!flow_object_is(&shm->object, shm->object.fd)) {
		/* whoever replaced it, with the turn, died before it said so */
		flow_cell_retire(cell);
		status = -1;
	} else if (!flow_cell_write(cell, data, length, shm->sync)) {
		shm->done.position = flow_cell_generation(cell);
	} else if (errno == EMSGSIZE) {
		status = outgrow(shm, cell, data, length, error);
	} else {
		status = flow_shm_fail(shm, errno, error);
	}
	flow_cell_close(cell);
	flow_object_close(&shm->object);
	return status;
}

int
flow_shm_value_write(struct flow_shm *shm, struct flow_error *error)
{
	size_t length = 0;
	char *data = NULL;
	int status = take_input(shm, &data, &length, error);

	if (status)
		return status;
	status = -1;
	for (int tries = 0; status < 0 && tries < TRIES; tries++) {
		status = flow_shm_open_own(shm, error);
		if (status == 0)
			status = write_into(shm, data, length, error);
		else if (status < 0)
			status = make_first(shm, data, length, error);
	}
	free(data);
	shm->done.bytes = length;
	if (status >= 0)
		return status;
	flow_error_set(error, EX_TEMPFAIL, "%s: comes and goes",
		       shm->object.text);
	return error->status;
}

/* --- reading */

/* The value and its generation; owned, or NULL with errno. */
static char *
read_value(struct flow_cell *cell, size_t *length, uint64_t *generation)
{
	size_t room = FIRST;

	for (;;) {
		char *data = malloc(room);
		ssize_t got;

		if (!data)
			flow_error_no_memory();
		got = flow_cell_read(cell, data, room, generation);
		if (got >= 0 && (size_t)got <= room) {
			*length = (size_t)got;
			return data;
		}
		free(data);
		if (got < 0)
			return NULL;
		room = (size_t)got;
	}
}

static struct flow_cell *
open_cell(struct flow_shm *shm, int *status, struct flow_error *error)
{
	struct flow_cell *cell;

	*status = shm->object.fd < 0 ? flow_shm_open(shm, false, error) : 0;
	if (*status)
		return NULL;
	cell = flow_cell_open(shm->object.fd, shm->object.writable,
			      shm->object.text, error);
	if (!cell) {
		*status = error->status;
		flow_object_close(&shm->object);
		return NULL;
	}
	flow_cell_interrupt(cell, &flow_interrupted);
	return cell;
}

/*
 * Waits for a generation above AFTER. A writer or remover that was killed may
 * have taken the name away and told nobody: then nothing more is written to
 * what we wait for, and the name is looked at now and then.
 */
static int
await_value(const struct flow_shm *shm, struct flow_cell *cell, uint64_t after)
{
	int64_t deadline = flow_shm_deadline(shm);

	for (;;) {
		int64_t look = flow_now() + FLOW_SECOND;
		bool last = deadline <= look;

		if (!flow_cell_await(cell, after, last ? deadline : look))
			return 0;
		if (errno != ETIMEDOUT)
			return -1;
		if (!flow_object_is(&shm->object, shm->object.fd)) {
			errno = ESHUTDOWN;
			return -1;
		}
		if (last) {
			errno = ETIMEDOUT;
			return -1;
		}
	}
}

/* What a reader has had. */
struct had {
	uint64_t generation;
	uint64_t identity; /* of the value that it counts; 0: not known */
};

/*
 * The value when its generation is above what was HAD, waiting for it if WAITS.
 * One that was removed and made again is new, though it counts from 1. -1: the
 * object was replaced, look again.
 */
static int
next_value(struct flow_shm *shm, struct had *had, bool waits, char **data,
	   size_t *length, uint64_t *generation, struct flow_error *error)
{
	int status;
	struct flow_cell *cell = open_cell(shm, &status, error);

	if (!cell)
		return status;
	if (had->identity && had->identity != flow_cell_identity(cell))
		had->generation = 0;
	had->identity = flow_cell_identity(cell);
	if (waits && await_value(shm, cell, had->generation))
		status = errno == ESHUTDOWN ? -1
					    : flow_shm_fail(shm, errno, error);
	if (!status) {
		*data = read_value(cell, length, generation);
		if (!*data)
			status = flow_shm_fail(shm, errno, error);
	}
	flow_cell_close(cell);
	flow_object_close(&shm->object);
	return status;
}

int
flow_shm_value_read(struct flow_shm *shm, struct flow_error *error)
{
	bool waits = shm->awaits || shm->waits;
	struct had had = { .generation = shm->awaits ? shm->after : 0 };
	size_t length = 0;
	char *data = NULL;
	int status;

	do
		status = next_value(shm, &had, waits, &data, &length,
				    &shm->done.position, error);
	while (status < 0);
	if (status)
		return status;
	if (flow_shm_put(shm, data, length)) {
		if (errno == EPIPE)
			atomic_store(&flow_interrupted, SIGPIPE);
		if (errno == EPIPE || errno == EINTR) {
			status = flow_shm_fail(shm, EINTR, error);
		} else {
			flow_error_set(error, EX_IOERR,
				       "write standard output: %s",
				       strerror(errno));
			status = error->status;
		}
	}
	free(data);
	return status;
}

/* CMD with the value as its standard input. */
static int
run_with(struct flow_shm *shm, const char *data, size_t length,
	 uint64_t generation, struct flow_error *error)
{
	/* a file, so that CMD may read it or not, and how it likes */
	int fd = memfd_create("value", MFD_CLOEXEC);
	char setting[64];
	pid_t pid;

	if (fd < 0)
		return flow_shm_fail(shm, errno, error);
	if (flow_io_write_all(fd, data, length) || lseek(fd, 0, SEEK_SET)) {
		close(fd);
		return flow_shm_fail(shm, errno, error);
	}
	snprintf(setting, sizeof(setting), "SHM_GENERATION=%llu",
		 (unsigned long long)generation);
	pid = flow_child_start(shm->command, fd, -1, setting, error);
	close(fd);
	return pid < 0 ? error->status : flow_shm_finish(pid, false);
}

int
flow_shm_value_each(struct flow_shm *shm, struct flow_error *error)
{
	struct had had = { .generation = shm->awaits ? shm->after : 0 };
	uint64_t generation = 0;
	uint64_t left = shm->count ? shm->count : UINT64_MAX;
	int status = 0;

	for (; left && !status; left--) {
		size_t length = 0;
		char *data = NULL;

		do
			status = next_value(shm, &had, true, &data, &length,
					    &generation, error);
		while (status < 0);
		if (status)
			break;
		status = run_with(shm, data, length, generation, error);
		if (!status && flow_interrupted)
			status = flow_shm_fail(shm, EINTR, error);
		free(data);
		shm->done.bytes += length;
		shm->done.position = had.generation = generation;
	}
	return status;
}
