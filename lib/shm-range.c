/* SPDX-License-Identifier: GPL-3.0-or-later */
/* shm-range: plain objects made and patched in place. */
#include "config.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "shm.h"

enum {
	WINDOW = 64 << 20, /* bytes mapped at a time */
};

int
flow_shm_create(struct flow_shm *shm, struct flow_error *error)
{
	int fd, saved;

	if (!shm->object.path) {
		flow_error_set(error, EX_USAGE,
			       "--create %s: wanted a name that does not exist",
			       shm->object.text);
		return error->status;
	}
	fd = flow_object_create(&shm->object, shm->mode, shm->length, error);
	if (fd < 0)
		return error->status;
	if (!flow_object_publish(&shm->object, fd, false) &&
	    (!shm->sync || !fsync(fd))) {
		close(fd);
		return 0;
	}
	saved = errno;
	close(fd);
	flow_error_set(error, flow_error_status_create(saved),
		       "cannot create %s: %s", shm->object.text,
		       strerror(saved));
	return error->status;
}

/* One window of the object, from FROM on. 0: input has ended; 1: the window is full. */
static int
patch_window(struct flow_shm *shm, int fd, uint64_t from, uint64_t until,
	     struct flow_error *error)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	uint64_t start = from / page * page, at = from;
	size_t length = (size_t)(until - start);
	char *map = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED,
			 shm->object.fd, (off_t)start);
	ssize_t got = 1;
	int saved;

	if (map == MAP_FAILED)
		return flow_error_set(error, EX_OSERR, "cannot map %s: %s",
				      shm->object.text, strerror(errno));
	/* read(2) writes into the mapped pages: a cut off one is EFAULT */
	while (at < until && got > 0) {
		got = flow_shm_get(fd, map + (at - start),
				   (size_t)(until - at));
		if (got > 0)
			at += (uint64_t)got;
	}
	saved = errno;
	if (got >= 0 && shm->sync && msync(map, length, MS_SYNC)) {
		saved = errno;
		got = -1;
	}
	munmap(map, length);
	shm->done.bytes += at - from;
	if (got >= 0)
		return got > 0;
	if (saved == EINTR || saved == EFAULT)
		flow_shm_fail(shm, saved, error);
	else
		flow_error_set(error, EX_IOERR, "read %s to %s: %s",
			       shm->command ? shm->command[0]
					    : "standard input",
			       shm->object.text, strerror(saved));
	return -1;
}

static int
patch(struct flow_shm *shm, int fd, struct flow_error *error)
{
	uint64_t from = shm->offset, end;
	struct stat st;
	char more;
	int full = 1;

	if (fstat(shm->object.fd, &st))
		return flow_shm_fail(shm, errno, error);
	end = (uint64_t)st.st_size;
	if (from > end ||
	    (shm->length != UINT64_MAX && shm->length > end - from)) {
		flow_error_set(error, EX_DATAERR,
			       "%s: has %llu bytes, which ends before that "
			       "range",
			       shm->object.text, (unsigned long long)end);
		return error->status;
	}
	if (shm->length != UINT64_MAX)
		end = from + shm->length;
	while (full > 0 && from < end) {
		uint64_t until = end - from > WINDOW ? from + WINDOW : end;

		full = patch_window(shm, fd, from, until, error);
		from = until;
	}
	if (full < 0)
		return error->status;
	/* what does not fit is not dropped in silence */
	if (full > 0 && flow_shm_get(fd, &more, 1) == 1) {
		flow_error_set(error, EX_DATAERR,
			       "%s: there is more input than room: %llu bytes "
			       "from %llu on were written",
			       shm->object.text,
			       (unsigned long long)shm->done.bytes,
			       (unsigned long long)shm->offset);
		return error->status;
	}
	return 0;
}

int
flow_shm_patch(struct flow_shm *shm, struct flow_error *error)
{
	int status = flow_shm_open_own(shm, error), fd = STDIN_FILENO, ended;
	pid_t pid = 0;

	if (status < 0) {
		flow_error_set(error, EX_NOINPUT, "cannot write %s: %s",
			       shm->object.text, strerror(ENOENT));
		return error->status;
	}
	if (status)
		return status;
	if (flow_ring_kind(shm->object.fd)) {
		flow_error_set(error, EX_DATAERR,
			       "%s: --seek is for plain objects, and this is a "
			       "ring or a value",
			       shm->object.text);
		return error->status;
	}
	if (shm->command) {
		pid = flow_shm_start(shm, &fd, error);
		if (pid < 0)
			return error->status;
	}
	status = patch(shm, fd, error);
	if (pid > 0) {
		close(fd);
		ended = flow_shm_finish(pid, status != 0);
		if (!status)
			status = ended;
	}
	return status;
}
