/* SPDX-License-Identifier: GPL-3.0-or-later */
/* shm: what the modes of shmcat share. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "child.h"
#include "clock.h"
#include "interrupt.h"
#include "io.h"
#include "lock.h"
#include "shm.h"

enum {
	TIME_RAN_OUT = 124,
	PIPE_BYTES = 1 << 20, /* between CMD and us */
};

int64_t
flow_shm_deadline(const struct flow_shm *shm)
{
	int64_t now;

	if (shm->timeout == INT64_MAX)
		return INT64_MAX;
	now = flow_now();
	return shm->timeout > INT64_MAX - now ? INT64_MAX : now + shm->timeout;
}

int
flow_shm_fail(const struct flow_shm *shm, int errnum, struct flow_error *error)
{
	const char *name = shm->object.text;

	switch (errnum) {
	case EAGAIN:
		flow_error_set(error, 1, "%s: there is no value yet", name);
		break;
	case EBADMSG:
	case EFAULT: /* the kernel met a page that has gone */
		flow_error_set(error, EX_DATAERR,
			       "%s: damaged, or cut off while in use", name);
		break;
	case EBUSY:
		flow_error_set(error, EX_TEMPFAIL,
			       "%s: has a writer, and no records to take turns "
			       "with; -F makes them",
			       name);
		break;
	case EINTR:
		flow_error_set(error, 128 + (int)flow_interrupted,
			       "%s: interrupted", name);
		break;
	case ENOBUFS:
		flow_error_set(error, EX_TEMPFAIL, "%s: full", name);
		break;
	case EOWNERDEAD:
		flow_error_set(error, EX_PROTOCOL,
			       "%s: the writer died without ending the stream",
			       name);
		break;
	case ERANGE:
		flow_error_set(error, EX_DATAERR,
			       "%s: position %llu is beyond the end", name,
			       (unsigned long long)shm->at);
		break;
	case ETIMEDOUT:
		flow_error_set(error, TIME_RAN_OUT, "%s: time ran out", name);
		break;
	case EUSERS:
		flow_error_set(error, EX_TEMPFAIL,
			       "%s: no place for one more at a time", name);
		break;
	default:
		flow_error_set(error, EX_OSERR, "%s: %s", name,
			       strerror(errnum));
	}
	return error->status;
}

int
flow_shm_open(struct flow_shm *shm, bool writable, struct flow_error *error)
{
	int64_t deadline = flow_shm_deadline(shm);

	for (;;) {
		if (!flow_object_open(&shm->object, writable, error))
			return 0;
		if (error->status != EX_NOINPUT || !shm->waits ||
		    !shm->object.path)
			return error->status;
		if (flow_object_await(&shm->object, deadline,
				      &flow_interrupted))
			return flow_shm_fail(shm, errno, error);
	}
}

int
flow_shm_open_own(struct flow_shm *shm, struct flow_error *error)
{
	struct stat st;

	if (flow_object_open(&shm->object, true, error)) {
		if (error->status != EX_NOINPUT || !shm->object.path)
			return error->status;
		flow_error_clear(error);
		return -1;
	}
	if (shm->foreign || (!fstat(shm->object.fd, &st) &&
			     (st.st_uid == geteuid() || st.st_uid == 0)))
		return 0;
	/* who made it could have what we write */
	flow_object_close(&shm->object);
	flow_error_set(error, EX_NOPERM,
		       "cannot write %s: it belongs to another user; "
		       "--foreign permits that",
		       shm->object.text);
	return error->status;
}

bool
flow_shm_is_open(mode_t mode)
{
	return ((mode & S_IRGRP) && !(mode & S_IWGRP)) ||
	       ((mode & S_IROTH) && !(mode & S_IWOTH));
}

/* Others may have set O_NONBLOCK on what we share. 0, or -1 with errno. */
static int
wait_until_ready(int fd, short events)
{
	struct pollfd one = { .fd = fd, .events = events };

	return poll(&one, 1, -1) < 0 && (errno != EINTR || flow_interrupted)
		       ? -1
		       : 0;
}

int
flow_shm_put(struct flow_shm *shm, const void *data, size_t length)
{
	const char *rest = data;

	while (length) {
		ssize_t wrote = write(STDOUT_FILENO, rest, length);

		if (wrote >= 0) {
			rest += wrote;
			length -= (size_t)wrote;
			shm->done.bytes += (uint64_t)wrote;
		} else if (errno == EAGAIN) {
			if (wait_until_ready(STDOUT_FILENO, POLLOUT))
				return -1;
		} else if (errno != EINTR || flow_interrupted) {
			return -1;
		}
	}
	return 0;
}

ssize_t
flow_shm_get(int fd, void *data, size_t length)
{
	for (;;) {
		ssize_t got;

		/* where nothing ever blocks there is no EINTR */
		if (flow_interrupted) {
			errno = EINTR;
			return -1;
		}
		got = read(fd, data, length);

		if (got >= 0)
			return got;
		if (errno == EAGAIN) {
			if (wait_until_ready(fd, POLLIN))
				return -1;
		} else if (errno != EINTR || flow_interrupted) {
			return -1;
		}
	}
}

pid_t
flow_shm_start(const struct flow_shm *shm, int *fd, struct flow_error *error)
{
	int ends[2];
	pid_t pid;

	if (flow_io_pipe(ends, PIPE_BYTES, NULL))
		return flow_error_set(error, EX_OSERR, "cannot make a pipe: %s",
				      strerror(errno));
	pid = flow_child_start(shm->command, -1, ends[1], NULL, error);
	close(ends[1]);
	if (pid < 0)
		close(ends[0]);
	else
		*fd = ends[0];
	return pid;
}

/* Has it ended, or does it within SPAN nanoseconds? */
static bool
ends_within(pid_t pid, int64_t span)
{
	const struct timespec short_while = { .tv_nsec = 5000000 };
	int64_t end = flow_now() + span;
	siginfo_t info = { 0 };

	while (!waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT)) {
		if (info.si_pid)
			return true;
		if (flow_now() >= end)
			return false;
		nanosleep(&short_while, NULL);
	}
	return true;
}

int
flow_shm_finish(pid_t pid, bool stop)
{
	int status;

	for (;;) {
		if (stop || flow_interrupted) {
			kill(pid, stop ? SIGTERM : (int)flow_interrupted);
			if (!ends_within(pid, 2 * FLOW_SECOND))
				kill(pid, SIGKILL);
		}
		status = flow_child_wait(pid);
		if (status >= 0 || errno != EINTR)
			return status < 0 ? EX_OSERR : status;
	}
}

int
flow_shm_lock_name(int fd)
{
	const struct timespec short_while = { .tv_nsec = 1000000 };

	/* held for the few calls that change a name */
	for (int tries = 0; tries < 5000; tries++) {
		if (flow_lock_take(fd, FLOW_LOCK_NAME))
			return 0;
		if (flow_interrupted) {
			errno = EINTR;
			return -1;
		}
		nanosleep(&short_while, NULL);
	}
	errno = ETIMEDOUT;
	return -1;
}
