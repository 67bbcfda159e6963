/* SPDX-License-Identifier: GPL-3.0-or-later */
/* object: opening, making, naming and removing what processes share. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "clock.h"
#include "lock.h"
#include "object.h"

int
flow_object_name(struct flow_object *object, const char *text,
		 struct flow_error *error)
{
	int made = 0;

	*object = (struct flow_object){ .text = text, .fd = -1 };
	if (flow_addr_parse(text, FLOW_ADDR_SHM, &object->addr, error))
		return -1;
	switch (object->addr.kind) {
	case FLOW_ADDR_SHM:
		made = asprintf(&object->path, FLOW_OBJECT_SHM "%s",
				object->addr.rest);
		break;
	case FLOW_ADDR_FILE:
		object->path = strdup(object->addr.rest);
		break;
	case FLOW_ADDR_FD:
		return 0;
	default:
		flow_addr_clear(&object->addr);
		return flow_error_set(
			error, EX_USAGE,
			"%s: wanted /NAME, shm:/NAME, file:PATH or fd:N", text);
	}
	if (made < 0 || !object->path)
		flow_error_no_memory();
	return 0;
}

void
flow_object_close(struct flow_object *object)
{
	if (object->fd >= 0)
		close(object->fd);
	object->fd = -1;
}

void
flow_object_clear(struct flow_object *object)
{
	flow_object_close(object);
	free(object->path);
	object->path = NULL;
	flow_addr_clear(&object->addr);
}

/* The last part of a shared memory object's path must not be a link. */
static int
open_flags(const struct flow_object *object, bool writable)
{
	return (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NONBLOCK |
	       O_NOCTTY | (object->addr.kind == FLOW_ADDR_SHM ? O_NOFOLLOW : 0);
}

/*
 * Locks belong to an open file description, and fd:N shares one with whoever
 * gave it to us; /proc makes a second.
 */
static int
open_once(const struct flow_object *object, bool writable)
{
	char path[64];

	if (object->path)
		return open(object->path, open_flags(object, writable));
	if (fcntl(object->addr.fd, F_GETFD) < 0)
		return -1;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", object->addr.fd);
	return open(path, open_flags(object, writable));
}

int
flow_object_open(struct flow_object *object, bool writable,
		 struct flow_error *error)
{
	struct stat st;
	int saved;

	object->writable = true;
	object->fd = open_once(object, true);
	saved = errno;
	if (object->fd < 0 && !writable && saved != ENOENT) {
		object->writable = false;
		object->fd = open_once(object, false);
		saved = errno;
	}
	if (object->fd < 0) {
		const char *verb = writable ? "write" : "read";

		if (saved == ELOOP)
			return flow_error_set(
				error, EX_NOPERM,
				"cannot %s %s: it is a symbolic link", verb,
				object->text);
		if (saved == EISDIR)
			return flow_error_set(
				error, EX_DATAERR,
				"%s: neither shared memory nor a regular file",
				object->text);
		return flow_error_set(error,
				      saved == EBADF
					      ? EX_NOINPUT
					      : flow_error_status_read(saved),
				      "cannot %s %s: %s", verb, object->text,
				      strerror(saved));
	}
	if (fstat(object->fd, &st) || !S_ISREG(st.st_mode)) {
		flow_object_close(object);
		return flow_error_set(
			error, EX_DATAERR,
			"%s: neither shared memory nor a regular file",
			object->text);
	}
	return 0;
}

/* The directory of PATH, owned; the name in it is *NAME. */
static char *
directory_of(const char *path, const char **name)
{
	const char *slash = strrchr(path, '/');
	char *directory;

	*name = slash ? slash + 1 : path;
	if (!slash)
		directory = strdup(".");
	else if (slash == path)
		directory = strdup("/");
	else
		directory = strndup(path, (size_t)(slash - path));
	if (!directory)
		flow_error_no_memory();
	return directory;
}

static bool
is_there(const struct flow_object *object)
{
	struct stat st;

	/* a link that leads nowhere yet is not */
	return stat(object->path, &st) == 0;
}

int
flow_object_await(const struct flow_object *object, int64_t deadline,
		  const _Atomic uint32_t *interrupted)
{
	const int64_t longest = FLOW_SECOND;
	const char *name;
	char *directory, events[4096];
	int watch, result = -1;

	if (!object->path)
		return 0;
	directory = directory_of(object->path, &name);
	watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	/* without it the name is looked for now and then */
	if (watch >= 0 &&
	    inotify_add_watch(watch, directory, IN_CREATE | IN_MOVED_TO) < 0) {
		close(watch);
		watch = -1;
	}
	free(directory);
	for (;;) {
		int64_t left = deadline - flow_now();
		struct pollfd one = { .fd = watch, .events = POLLIN };
		int most = watch < 0 ? 20 : (int)(longest / 1000000);

		if (is_there(object)) {
			result = 0;
			break;
		}
		if (interrupted && atomic_load(interrupted)) {
			errno = EINTR;
			break;
		}
		if (left <= 0) {
			errno = ETIMEDOUT;
			break;
		}
		left = left / 1000000 + 1;
		poll(&one, 1, left < most ? (int)left : most);
		while (watch >= 0 && read(watch, events, sizeof(events)) > 0)
			;
	}
	if (watch >= 0) {
		int saved = errno;

		close(watch);
		errno = saved;
	}
	return result;
}

/* How names beside others end, which no object of a user's may have. */
static const char ours[] = ".ipcflow";

/* A name beside that of OBJECT, for one that has not got it yet; owned. */
static char *
name_aside(const struct flow_object *object, const char *suffix)
{
	const char *name;
	char *directory = directory_of(object->path, &name), *path;
	uint32_t hash = 2166136261; /* FNV-1a */
	int length;

	for (const char *c = name; *c; c++)
		hash = (hash ^ (unsigned char)*c) * 16777619;
	/* a name may be as long as the system allows; this one must be too */
	if (strlen(name) > 200)
		length = asprintf(&path, "%s/.%.200s-%08x%s%s", directory, name,
				  hash, suffix, ours);
	else
		length = asprintf(&path, "%s/.%s%s%s", directory, name, suffix,
				  ours);
	if (length < 0)
		flow_error_no_memory();
	free(directory);
	return path;
}

char *
flow_object_aside(const struct flow_object *object)
{
	return name_aside(object, ".next");
}

static bool
is_ours(const char *name)
{
	size_t length = strlen(name), end = strlen(ours);

	return *name == '.' && length > end &&
	       strcmp(name + length - end, ours) == 0;
}

/* Where the file system has no files without a name, one with a name aside. */
static int
create_aside(const struct flow_object *object)
{
	char suffix[64], *path;
	int fd;

	snprintf(suffix, sizeof(suffix), ".%ld", (long)getpid());
	path = name_aside(object, suffix);
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
		  0600);
	free(path);
	return fd;
}

static void
drop_aside(const struct flow_object *object)
{
	char suffix[64], *path;

	snprintf(suffix, sizeof(suffix), ".%ld", (long)getpid());
	path = name_aside(object, suffix);
	unlink(path);
	free(path);
}

static int
allocate(int fd, uint64_t bytes)
{
	int result;

	if (bytes > INT64_MAX)
		return EFBIG;
	do
		result = bytes ? posix_fallocate(fd, 0, (off_t)bytes) : 0;
	while (result == EINTR);
	return result;
}

int
flow_object_create(const struct flow_object *object, mode_t mode,
		   uint64_t bytes, struct flow_error *error)
{
	const char *name;
	char *directory = directory_of(object->path, &name);
	int result, fd;

	if (is_ours(name)) {
		free(directory);
		return flow_error_set(
			error, EX_USAGE,
			"cannot create %s: names that begin with a point and "
			"end in %s are those of objects under way",
			object->text, ours);
	}
	fd = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	free(directory);
	if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR ||
		       errno == EINVAL || errno == ENOENT))
		fd = create_aside(object);
	if (fd < 0)
		return flow_error_set(error, flow_error_status_create(errno),
				      "cannot create %s: %s", object->text,
				      strerror(errno));
	result = allocate(fd, bytes);
	if (!result && fchmod(fd, mode))
		result = errno;
	if (result) {
		close(fd);
		drop_aside(object);
		return flow_error_set(error, flow_error_status_create(result),
				      "cannot create %s of %llu bytes: %s",
				      object->text, (unsigned long long)bytes,
				      strerror(result));
	}
	return fd;
}

/* A second name, PATH, for FD. */
static int
link_to(const struct flow_object *object, int fd, const char *path)
{
	char from[64], suffix[64], *aside;
	struct stat st;
	int result;

	if (fstat(fd, &st))
		return -1;
	if (st.st_nlink == 0) {
		snprintf(from, sizeof(from), "/proc/self/fd/%d", fd);
		return linkat(AT_FDCWD, from, AT_FDCWD, path,
			      AT_SYMLINK_FOLLOW);
	}
	snprintf(suffix, sizeof(suffix), ".%ld", (long)getpid());
	aside = name_aside(object, suffix);
	result = link(aside, path);
	free(aside);
	return result;
}

static bool
leads_nowhere(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && S_ISLNK(st.st_mode) &&
	       stat(path, &st) < 0;
}

int
flow_object_publish(const struct flow_object *object, int fd, bool over)
{
	char *aside = NULL;
	int result, saved;

	if (over) {
		aside = flow_object_aside(object);
		unlink(aside); /* of one who was killed where we are now */
		result = link_to(object, fd, aside);
		if (!result) {
			result = rename(aside, object->path);
			if (result) {
				saved = errno;
				unlink(aside);
				errno = saved;
			}
		}
	} else {
		result = link_to(object, fd, object->path);
		/* a link that leads nowhere is there, and never to be opened */
		if (result && errno == EEXIST && leads_nowhere(object->path))
			errno = ENOENT;
	}
	saved = errno;
	free(aside);
	drop_aside(object);
	errno = saved;
	return result;
}

bool
flow_object_is(const struct flow_object *object, int fd)
{
	struct stat named, opened;

	if (!object->path)
		return true;
	return fstat(fd, &opened) == 0 && stat(object->path, &named) == 0 &&
	       named.st_dev == opened.st_dev && named.st_ino == opened.st_ino;
}

int
flow_object_unlink(const struct flow_object *object, int fd)
{
	int result = 0;

	if (!object->path || !flow_object_is(object, fd))
		return 0;
	/* whoever replaces the object holds this lock of the old one */
	if (!flow_lock_take(fd, FLOW_LOCK_NAME))
		return 0;
	if (flow_object_is(object, fd))
		result = unlink(object->path);
	flow_lock_drop(fd, FLOW_LOCK_NAME);
	return result;
}
