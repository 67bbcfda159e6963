/* SPDX-License-Identifier: GPL-3.0-or-later */
/* rundir: a private folder a run, locked while the run lives. */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rundir.h"

#define PREFIX "ipcflow-"
#define NOTE "temporary."
/* What files.c names its temporaries: nothing else is ever removed by a note. */
#define TEMPORARY ".ipcflow-*"

static const char *
base_folder(void)
{
	const char *names[] = { "XDG_RUNTIME_DIR", "TMPDIR" };
	struct stat st;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *path = getenv(names[i]);

		if (path && path[0] == '/' && stat(path, &st) == 0 &&
		    S_ISDIR(st.st_mode) && access(path, W_OK | X_OK) == 0)
			return path;
	}
	return "/tmp";
}

/* Removes the file that note NAME in folder FD points at, if it is one of ours. */
static void empty_folder(int fd);
static int open_own_folder(int base, const char *name);

void
flow_rundir_remove_temporary(const char *path)
{
	const char *base = strrchr(path, '/');
	struct stat st;
	int fd;

	base = base ? base + 1 : path;
	if (fnmatch(TEMPORARY, base, FNM_PERIOD) != 0 || lstat(path, &st) < 0 ||
	    st.st_uid != geteuid())
		return;
	if (S_ISREG(st.st_mode))
		unlink(path);
	if (!S_ISDIR(st.st_mode))
		return;
	fd = open_own_folder(AT_FDCWD, path);
	if (fd < 0)
		return;
	empty_folder(fd);
	close(fd);
	rmdir(path);
}

static void
remove_noted(int fd, const char *name)
{
	char path[4096];
	ssize_t length = readlinkat(fd, name, path, sizeof(path) - 1);

	if (length <= 0)
		return;
	path[length] = '\0';
	flow_rundir_remove_temporary(path);
}

static void
empty_folder(int fd)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	DIR *dir = copy < 0 ? NULL : fdopendir(copy);
	struct dirent *entry;

	if (!dir) {
		if (copy >= 0)
			close(copy);
		return;
	}
	rewinddir(dir);
	while ((entry = readdir(dir))) {
		if (strcmp(entry->d_name, ".") == 0 ||
		    strcmp(entry->d_name, "..") == 0)
			continue;
		if (strncmp(entry->d_name, NOTE, strlen(NOTE)) == 0)
			remove_noted(fd, entry->d_name);
		unlinkat(fd, entry->d_name, 0);
	}
	closedir(dir);
}

static int
open_own_folder(int base, const char *name)
{
	int fd = openat(base, name,
			O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return -1;
	if (fstat(fd, &st) < 0 || st.st_uid != geteuid() ||
	    (st.st_mode & 07777) != 0700) {
		close(fd);
		return -1;
	}
	return fd;
}

/* Removes the folders of runs that nobody holds the lock of any more. */
static void
sweep(const char *base)
{
	DIR *dir = opendir(base);
	struct dirent *entry;

	if (!dir)
		return;
	while ((entry = readdir(dir))) {
		int fd;

		if (fnmatch(PREFIX "??????", entry->d_name, 0) != 0)
			continue;
		fd = open_own_folder(dirfd(dir), entry->d_name);
		if (fd < 0)
			continue;
		if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
			empty_folder(fd);
			unlinkat(dirfd(dir), entry->d_name, AT_REMOVEDIR);
		}
		close(fd);
	}
	closedir(dir);
}

/* Is the folder still there under its name, or did a sweep take it newborn? */
static bool
still_there(const struct flow_rundir *rundir)
{
	struct stat held, named;

	return fstat(rundir->fd, &held) == 0 &&
	       lstat(rundir->path, &named) == 0 &&
	       held.st_ino == named.st_ino && held.st_dev == named.st_dev;
}

int
flow_rundir_make(struct flow_rundir *rundir, struct flow_error *error)
{
	const char *base = base_folder();

	rundir->fd = -1;
	rundir->path = NULL;
	sweep(base);
	for (int tries = 0; tries < 16; tries++) {
		if (asprintf(&rundir->path, "%s/" PREFIX "XXXXXX", base) < 0)
			abort();
		if (!mkdtemp(rundir->path))
			break;
		rundir->fd = open_own_folder(AT_FDCWD, rundir->path);
		if (rundir->fd >= 0 && flock(rundir->fd, LOCK_EX) == 0 &&
		    still_there(rundir))
			return 0;
		if (rundir->fd >= 0)
			close(rundir->fd);
		else
			rmdir(rundir->path); /* no sweep has it yet */
		rundir->fd = -1;
		free(rundir->path);
		rundir->path = NULL;
	}
	flow_error_set(error, flow_error_status_create(errno),
		       "cannot make a run folder in %s: %s", base,
		       strerror(errno));
	free(rundir->path);
	rundir->path = NULL;
	return -1;
}

int
flow_rundir_note(struct flow_rundir *rundir, unsigned number, const char *path)
{
	char name[32];

	snprintf(name, sizeof(name), NOTE "%u", number);
	return symlinkat(path, rundir->fd, name);
}

void
flow_rundir_remove(struct flow_rundir *rundir)
{
	if (rundir->fd >= 0) {
		empty_folder(rundir->fd);
		rmdir(rundir->path);
		close(rundir->fd);
	}
	free(rundir->path);
	rundir->path = NULL;
	rundir->fd = -1;
}
