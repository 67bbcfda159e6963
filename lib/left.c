/* SPDX-License-Identifier: GPL-3.0-or-later */
/* left: asks a descriptor what is left to read, and takes nothing from it. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "left.h"

enum flow_left
flow_left_at(int fd)
{
	struct pollfd in = { .fd = fd, .events = POLLIN | POLLRDHUP };
	struct stat st;
	int bytes = 0;

	if (fstat(fd, &st) < 0)
		return FLOW_LEFT_NOTHING;
	if (S_ISREG(st.st_mode))
		return lseek(fd, 0, SEEK_CUR) < st.st_size ? FLOW_LEFT_SOME
							   : FLOW_LEFT_NOTHING;
	if (S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3))
		return FLOW_LEFT_NOTHING; /* /dev/null */
	if (poll(&in, 1, 0) <= 0)
		return FLOW_LEFT_MAYBE;
	/* a socket is ready for reading when there is but its end to read */
	if ((in.revents & POLLIN) &&
	    (!(in.revents & POLLRDHUP) || ioctl(fd, FIONREAD, &bytes) < 0 ||
	     bytes > 0))
		return FLOW_LEFT_SOME;
	return FLOW_LEFT_NOTHING;
}

/* As read(2) waits, without reading: 1, 0 at the end of file, or -1. */
static int
await_pipe(int fd)
{
	int aside[2];
	ssize_t got;

	if (pipe2(aside, O_CLOEXEC) < 0)
		return -1;
	do
		got = tee(fd, aside[1], 1, 0);
	while (got < 0 && errno == EINTR);
	close(aside[0]);
	close(aside[1]);
	return got < 0 ? -1 : got > 0;
}

bool
flow_left_await(const int *fds, size_t count)
{
	struct pollfd *waits = calloc(count + 1, sizeof(*waits));
	bool some = false, open = true;
	int one = -1;

	if (count == 1)
		one = await_pipe(fds[0]);
	if (one >= 0 || !waits) {
		free(waits);
		return one != 0;
	}
	while (open && !some) {
		open = false;
		for (size_t i = 0; i < count; i++) {
			enum flow_left left = flow_left_at(fds[i]);

			waits[i] = (struct pollfd){
				.fd = left == FLOW_LEFT_MAYBE ? fds[i] : -1,
				.events = POLLIN | POLLRDHUP,
			};
			open |= left == FLOW_LEFT_MAYBE;
			some |= left == FLOW_LEFT_SOME;
		}
		if (open && !some)
			poll(waits, count, -1);
	}
	free(waits);
	return some;
}
