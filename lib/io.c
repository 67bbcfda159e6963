/* SPDX-License-Identifier: GPL-3.0-or-later */
/* io: whole reads and writes, and pipes of a wanted capacity. */
#include "config.h"

#include "io.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	SLURP_FIRST = 16 * 1024, /* bytes; most files fit */
};

/* Others may have set O_NONBLOCK on what we share. 0, or -1 with errno. */
static int
wait_until_ready(int fd, short events)
{
	struct pollfd one = { .fd = fd, .events = events };

	if (poll(&one, 1, -1) < 0 && errno != EINTR)
		return -1;
	return 0;
}

int
flow_io_write_all(int fd, const void *data, size_t length)
{
	const char *rest = data;

	while (length) {
		ssize_t wrote = write(fd, rest, length);

		if (wrote >= 0) {
			rest += wrote;
			length -= wrote;
		} else if (errno == EAGAIN) {
			if (wait_until_ready(fd, POLLOUT))
				return -1;
		} else if (errno != EINTR) {
			return -1;
		}
	}
	return 0;
}

ssize_t
flow_io_read_full(int fd, void *data, size_t length)
{
	char *place = data;
	size_t have = 0;

	while (have < length) {
		ssize_t got = read(fd, place + have, length - have);

		if (got > 0) {
			have += got;
		} else if (!got) {
			break;
		} else if (errno == EAGAIN) {
			if (wait_until_ready(fd, POLLIN))
				return -1;
		} else if (errno != EINTR) {
			return -1;
		}
	}
	return have;
}

static void
free_keeping_errno(void *memory)
{
	int saved = errno;

	free(memory);
	errno = saved;
}

char *
flow_io_slurp(int fd, size_t limit, size_t *length)
{
	size_t room = SLURP_FIRST, have = 0;
	char *data = malloc(room);

	while (data) {
		/* One byte is kept for the NUL. */
		size_t wanted = room - have - 1;
		ssize_t got = flow_io_read_full(fd, data + have, wanted);
		char *larger;

		if (got < 0)
			goto drop_data;
		have += got;
		if (have > limit) {
			errno = EFBIG;
			goto drop_data;
		}
		if ((size_t)got < wanted) {
			data[have] = '\0';
			if (length)
				*length = have;
			return data;
		}
		larger = reallocarray(data, room, 2);
		if (!larger)
			goto drop_data;
		data = larger;
		room *= 2;
	}
	return NULL;

drop_data:
	free_keeping_errno(data);
	return NULL;
}

int
flow_io_pipe(int ends[2], uint64_t capacity, uint64_t *granted)
{
	/* What F_SETPIPE_SZ takes at most, far over any pipe-max-size. */
	const uint64_t most = UINT64_C(1) << 30;
	int size;

	if (pipe2(ends, O_CLOEXEC))
		return -1;
	/*
	 * Refused (EPERM over the user's share, ENOMEM) the pipe is as good
	 * as before, only smaller.
	 */
	if (capacity)
		(void)fcntl(ends[1], F_SETPIPE_SZ,
			    (int)(capacity < most ? capacity : most));
	if (granted) {
		size = fcntl(ends[1], F_GETPIPE_SZ);
		*granted = size < 0 ? 0 : size;
	}
	return 0;
}
