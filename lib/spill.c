/* SPDX-License-Identifier: GPL-3.0-or-later */
/* spill: bytes that a pipe could not take, in memory and then in a file. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "spill.h"

/* Space is given back in steps: a hole a page would cost more than it frees. */
enum { FREE_STEP = 4 << 20 };

void
flow_spill_init(struct flow_spill *spill, const char *directory,
		uint64_t memory_most)
{
	*spill = (struct flow_spill){
		.directory = directory,
		.memory_most = memory_most,
		.memory = { .fd = -1 },
		.file = { .fd = -1 },
	};
}

static uint64_t
log_held(const struct flow_spill_log *spill_log)
{
	return spill_log->written - spill_log->read;
}

uint64_t
flow_spill_held(const struct flow_spill *spill)
{
	return log_held(&spill->memory) + log_held(&spill->file);
}

/* Returns owned, or -1 with errno. */
static int
open_unnamed(const char *directory)
{
	char *path;
	int fd = open(directory, O_TMPFILE | O_RDWR | O_EXCL | O_CLOEXEC, 0600);

	/* EISDIR: a kernel, EOPNOTSUPP: a file system without O_TMPFILE. */
	if (fd >= 0 || (errno != EISDIR && errno != EOPNOTSUPP &&
			errno != EINVAL && errno != ENOSYS))
		return fd;
	if (asprintf(&path, "%s/ipcflow-XXXXXX", directory) < 0) {
		errno = ENOMEM;
		return -1;
	}
	fd = mkostemp(path, O_CLOEXEC);
	if (fd >= 0)
		unlink(path);
	free(path);
	return fd;
}

/* The log that the next bytes belong to, made if it has to be. */
static struct flow_spill_log *
writable_log(struct flow_spill *spill, size_t length)
{
	struct flow_spill_log *memory = &spill->memory, *file = &spill->file;

	if (log_held(file) == 0 &&
	    log_held(memory) + length <= spill->memory_most) {
		if (memory->fd < 0)
			memory->fd = memfd_create("ipcflow", MFD_CLOEXEC);
		if (memory->fd >= 0)
			return memory;
		/* Without memfd the file alone will do. */
	}
	if (file->fd < 0)
		file->fd = open_unnamed(spill->directory);
	return file->fd >= 0 ? file : NULL;
}

/* For file systems that splice(2) cannot write to. */
static ssize_t
copy_to_log(struct flow_spill_log *spill_log, int pipe, size_t length)
{
	char buffer[65536];
	ssize_t got, put, done = 0;

	got = read(pipe, buffer,
		   length < sizeof(buffer) ? length : sizeof(buffer));
	while (got > 0 && done < got) {
		put = pwrite(spill_log->fd, buffer + done, (size_t)(got - done),
			     (off_t)spill_log->written + done);
		if (put < 0 && errno == EINTR)
			continue;
		if (put == 0)
			errno = ENOSPC;
		if (put <= 0)
			return -1;
		done += put;
	}
	return got;
}

int
flow_spill_append(struct flow_spill *spill, int pipe, size_t length)
{
	struct flow_spill_log *spill_log = writable_log(spill, length);

	if (!spill_log)
		return -1;
	while (length > 0) {
		loff_t offset = (loff_t)spill_log->written;
		ssize_t moved = splice(pipe, NULL, spill_log->fd, &offset,
				       length, SPLICE_F_NONBLOCK);

		if (moved < 0 && errno == EINVAL)
			moved = copy_to_log(spill_log, pipe, length);
		if (moved < 0 && errno == EINTR)
			continue;
		if (moved == 0)
			errno = EIO;
		if (moved <= 0)
			return -1;
		spill_log->written += (uint64_t)moved;
		length -= (size_t)moved;
	}
	return 0;
}

/*
 * What has been read is copied out, never spliced: a page spliced from here
 * would stay referenced by pipes downstream for longer than anyone can tell,
 * and a hole punched, or the file written again from its beginning, would
 * change bytes already delivered.
 */
static void
give_back(struct flow_spill_log *spill_log)
{
	if (log_held(spill_log) == 0) {
		if (ftruncate(spill_log->fd, 0) == 0)
			spill_log->read = spill_log->written =
				spill_log->freed = 0;
	} else if (spill_log->read - spill_log->freed >= FREE_STEP) {
		uint64_t whole = (spill_log->read - spill_log->freed) /
				 FREE_STEP * FREE_STEP;

		/* Not every file system can; the file is only larger then. */
		fallocate(spill_log->fd,
			  FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			  (off_t)spill_log->freed, (off_t)whole);
		spill_log->freed += whole;
	}
}

ssize_t
flow_spill_take(struct flow_spill *spill, void *data, size_t length)
{
	struct flow_spill_log *spill_log =
		log_held(&spill->memory) ? &spill->memory : &spill->file;
	ssize_t got;

	if (length > log_held(spill_log))
		length = (size_t)log_held(spill_log);
	if (length == 0)
		return 0;
	do
		got = pread(spill_log->fd, data, length,
			    (off_t)spill_log->read);
	while (got < 0 && errno == EINTR);
	if (got == 0) {
		errno = EIO;
		return -1;
	}
	if (got > 0) {
		spill_log->read += (uint64_t)got;
		give_back(spill_log);
	}
	return got;
}

void
flow_spill_close(struct flow_spill *spill)
{
	if (spill->memory.fd >= 0)
		close(spill->memory.fd);
	if (spill->file.fd >= 0)
		close(spill->file.fd);
	flow_spill_init(spill, spill->directory, spill->memory_most);
}
