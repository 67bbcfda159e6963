/* SPDX-License-Identifier: GPL-3.0-or-later */
/* append: a file added to the end of another, or nothing of it. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "append.h"
#include "io.h"

struct flow_appending {
	_Atomic int64_t
		start; /* bytes of the file before; -1: nothing is under way */
	int64_t most; /* bytes to be appended */
	char path[PATH_MAX];
};

struct flow_appending *
flow_append_share(void)
{
	struct flow_appending *appending =
		mmap(NULL, sizeof(*appending), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (appending == MAP_FAILED)
		return NULL;
	atomic_store(&appending->start, -1);
	return appending;
}

/* Cuts what is under way, at most what there was to append, off TO. errno is kept. */
static void
take_back(struct flow_appending *appending, int to)
{
	int64_t start = atomic_load(&appending->start);
	int saved = errno;
	struct stat st;

	if (fstat(to, &st) == 0 && st.st_size > start &&
	    st.st_size - start <= appending->most && ftruncate(to, start) < 0)
		errno = EIO;
	else
		errno = saved;
}

static int
copy_all(int from, int to)
{
	static char block[256 << 10];
	off_t at = 0;
	ssize_t got;

	while ((got = pread(from, block, sizeof(block), at)) > 0) {
		if (flow_io_write_all(to, block, (size_t)got) < 0)
			return -1;
		at += got;
	}
	return got < 0 ? -1 : 0;
}

int
flow_append(struct flow_appending *appending, int from, const char *target)
{
	struct stat st;
	int to, result;

	if (strlen(target) >= sizeof(appending->path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	to = open(target, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
	if (to < 0)
		return -1;
	flock(to, LOCK_EX);
	if (fstat(from, &st) < 0) {
		close(to);
		return -1;
	}
	strcpy(appending->path, target);
	appending->most = st.st_size;
	atomic_store(&appending->start, lseek(to, 0, SEEK_END));
	result = copy_all(from, to);
	if (result < 0)
		take_back(appending, to);
	atomic_store(&appending->start, -1);
	return close(to) < 0 ? -1 : result;
}

void
flow_append_take_back(struct flow_appending *appending)
{
	int to;

	if (atomic_load(&appending->start) < 0)
		return;
	to = open(appending->path, O_WRONLY | O_CLOEXEC);
	if (to < 0)
		return;
	flock(to, LOCK_EX);
	take_back(appending, to);
	close(to);
}
