/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lock: single bytes locked by open file descriptions. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>

#include "lock.h"

static struct flock
byte_lock(short type, unsigned byte)
{
	return (struct flock){
		.l_type = type,
		.l_whence = SEEK_SET,
		/* behind any file's end, and not where others might lock */
		.l_start = ((off_t)1 << 62) + byte,
		.l_len = 1,
	};
}

bool
flow_lock_take(int fd, unsigned byte)
{
	struct flock lock = byte_lock(F_WRLCK, byte);
	int result;

	do
		result = fcntl(fd, F_OFD_SETLK, &lock);
	while (result < 0 && errno == EINTR);
	return result == 0;
}

void
flow_lock_drop(int fd, unsigned byte)
{
	struct flock lock = byte_lock(F_UNLCK, byte);

	fcntl(fd, F_OFD_SETLK, &lock);
}

bool
flow_lock_held(int fd, unsigned byte)
{
	struct flock lock = byte_lock(F_WRLCK, byte);

	/* where it cannot be asked nobody is declared dead */
	return fcntl(fd, F_OFD_GETLK, &lock) != 0 || lock.l_type != F_UNLCK;
}
