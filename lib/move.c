/* SPDX-License-Identifier: GPL-3.0-or-later */
/* move: bytes from one descriptor to another, by splice(2) where it can. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io.h"
#include "move.h"

bool
flow_move_is_pipe(int fd)
{
	struct stat status;

	return fstat(fd, &status) == 0 && S_ISFIFO(status.st_mode);
}

/*
 * splice(2) keeps a regular file's offset without its lock, so that what
 * another process writes to the same open file would be lost. Only a file
 * without a name, one that the run collects, is known to have one writer.
 */
static bool
is_shared_file(int fd)
{
	struct stat status;

	return fstat(fd, &status) == 0 && S_ISREG(status.st_mode) &&
	       status.st_nlink > 0;
}

void
flow_move_init(struct flow_move *move, int from, int to)
{
	move->from = from;
	move->to = to;
	move->from_pipe = flow_move_is_pipe(from);
	move->to_pipe = flow_move_is_pipe(to);
	move->refused =
		(!move->from_pipe && !move->to_pipe) || is_shared_file(to);
	move->reading = false;
}

static ssize_t
read_and_write(struct flow_move *move, size_t most)
{
	/* No more than an empty pipe of the smallest usual size takes at once. */
	char buffer[65536];
	ssize_t got;

	if (most > sizeof(buffer))
		most = sizeof(buffer);
	do
		got = read(move->from, buffer, most);
	while (got < 0 && errno == EINTR);
	move->reading = got < 0;
	if (got <= 0)
		return got;
	return flow_io_write_all(move->to, buffer, (size_t)got) ? -1 : got;
}

ssize_t
flow_move_some(struct flow_move *move, size_t most)
{
	ssize_t moved;

	if (move->refused)
		return read_and_write(move, most);
	do
		moved = splice(move->from, NULL, move->to, NULL, most,
			       SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
	while (moved < 0 && errno == EINTR);
	/* O_APPEND, terminals, some file systems and devices. */
	if (moved < 0 && (errno == EINVAL || errno == ENOSYS)) {
		move->refused = true;
		return read_and_write(move, most);
	}
	move->reading = moved < 0 && !move->from_pipe;
	return moved;
}

size_t
flow_move_waiting(int fd)
{
	int bytes;

	return ioctl(fd, FIONREAD, &bytes) == 0 && bytes > 0 ? (size_t)bytes
							     : 0;
}
