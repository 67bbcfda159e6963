/* SPDX-License-Identifier: GPL-3.0-or-later */
/* files: opening what is read, collecting what is written, committing it. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sysexits.h>
#include <unistd.h>

#include "append.h"
#include "files.h"
#include "io.h"
#include "keyfiles.h"

#define LINKS_MOST 40 /* as the kernel's own limit */

static char *
print(const char *format, ...)
{
	va_list list;
	char *text;

	va_start(list, format);
	if (vasprintf(&text, format, list) < 0)
		abort();
	va_end(list);
	return text;
}

static char *
folder_of(const char *path)
{
	char *copy = print("%s", path);
	char *folder = print("%s", dirname(copy));

	free(copy);
	return folder;
}

/* "file `out/x.gz` (line 3)" */
static int
fail(struct flow_error *error, int status, const struct flow_planned_file *file,
     const char *what, int errnum, const char *advice)
{
	const struct flow_inner *inner = file->node ? file->node->inner : NULL;

	if (!file->line)
		return flow_error_set(
			error, status, "cannot %s file `%s`: %s%s", what,
			file->path, strerror(errnum), advice ? advice : "");
	return flow_error_set(error, status,
			      "cannot %s file `%s` (line %u%s%s): %s%s", what,
			      file->path, file->line, inner ? " of " : "",
			      inner ? inner->source : "", strerror(errnum),
			      advice ? advice : "");
}

/*
 * The path that PATH's symbolic links lead to, also when the last of them
 * leads nowhere yet. Owned, or NULL with errno.
 */
static char *
resolve(const char *path)
{
	char *now = print("%s", path), link[PATH_MAX];

	for (int i = 0; i < LINKS_MOST; i++) {
		ssize_t length = readlink(now, link, sizeof(link) - 1);
		char *folder, *next;

		if (length < 0) /* no link, or not there: this is it */
			return now;
		link[length] = '\0';
		folder = folder_of(now);
		next = link[0] == '/' ? print("%s", link)
				      : print("%s/%s", folder, link);
		free(folder);
		free(now);
		now = next;
	}
	free(now);
	errno = ELOOP;
	return NULL;
}

static int
connect_socket(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd;

	if (strlen(path) >= sizeof(address.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	strcpy(address.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		int saved = errno;

		close(fd);
		errno = saved;
		return -1;
	}
	return fd;
}

static int
open_read(struct flow_open_file *file, struct flow_error *error)
{
	const char *path = file->planned->path;
	struct stat st;

	if (stat(path, &st) == 0 && S_ISFIFO(st.st_mode)) {
		file->late = true;
		file->flags = O_RDONLY;
		return 0;
	}
	if (stat(path, &st) == 0 && S_ISSOCK(st.st_mode))
		file->fd = connect_socket(path);
	else
		file->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (file->fd < 0)
		return fail(error, flow_error_status_read(errno), file->planned,
			    "read", errno, NULL);
	if (fstat(file->fd, &st) == 0 && S_ISDIR(st.st_mode))
		return fail(error, EX_NOINPUT, file->planned, "read", EISDIR,
			    NULL);
	return 0;
}

static int
open_live(struct flow_open_file *file, mode_t mode, struct flow_error *error)
{
	enum flow_file_mode wanted = file->planned->mode;
	bool append =
		wanted == FLOW_FILE_APPEND || wanted == FLOW_FILE_LIVE_APPEND;
	int flags = O_WRONLY | O_CREAT | (append ? O_APPEND : O_TRUNC);
	struct stat st;

	if (S_ISFIFO(mode)) {
		file->late = true;
		file->flags = O_WRONLY;
		return 0;
	}
	if (S_ISSOCK(mode))
		file->fd = connect_socket(file->planned->path);
	else
		file->fd = open(file->planned->path,
				flags | O_CLOEXEC | O_NOCTTY, 0666);
	if (file->fd < 0)
		return fail(error, flow_error_status_create(errno),
			    file->planned, "write", errno, NULL);
	if (fstat(file->fd, &st) == 0 && S_ISREG(st.st_mode))
		file->inode = (struct flow_inode){ st.st_dev, st.st_ino };
	return 0;
}

/* A named temporary, noted in the run folder so that it goes in any case. */
static int
open_named(struct flow_open_file *file, unsigned number,
	   struct flow_rundir *rundir, int access, struct flow_error *error)
{
	char absolute[PATH_MAX], *folder = folder_of(file->temporary);
	char *base = strrchr(file->temporary, '/') + 1, *full;

	if (rundir->fd < 0 && flow_rundir_make(rundir, error) < 0) {
		free(folder);
		return -1;
	}
	if (!realpath(folder, absolute))
		strcpy(absolute, ".");
	free(folder);
	full = print("%s/%s", absolute, base);
	if (flow_rundir_note(rundir, number, full) < 0)
		file->fd = -1;
	else
		file->fd =
			open(full, access | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	free(full);
	if (file->fd < 0)
		return fail(error, flow_error_status_create(errno),
			    file->planned, "create", errno, NULL);
	file->named = true;
	return 0;
}

/* By chance, not by pid: two containers may share the folder. */
static char *
temporary_name(const char *folder, unsigned number)
{
	uint64_t chance;

	if (getentropy(&chance, sizeof(chance)) < 0)
		chance = (uint64_t)getpid();
	return print("%s/.ipcflow-%016" PRIx64 "-%u", folder, chance, number);
}

static int
open_commit(struct flow_open_file *file, unsigned number,
	    struct flow_rundir *rundir, struct flow_error *error)
{
	int access =
		file->planned->mode == FLOW_FILE_APPEND ? O_RDWR : O_WRONLY;
	char *folder;
	struct stat st;

	file->target = resolve(file->planned->path);
	if (!file->target)
		return fail(error, EX_CANTCREAT, file->planned, "create", errno,
			    NULL);
	if (file->exists &&
	    faccessat(AT_FDCWD, file->target, W_OK, AT_EACCESS) < 0)
		return fail(error, flow_error_status_create(errno),
			    file->planned, "write", errno, NULL);
	folder = folder_of(file->target);
	file->temporary = temporary_name(folder, number);
	file->fd = open(folder, O_TMPFILE | access | O_CLOEXEC, 0600);
	free(folder);
	if (file->fd < 0 &&
	    (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL)) {
		if (open_named(file, number, rundir, access, error) < 0)
			return -1;
	} else if (file->fd < 0) {
		return fail(error, flow_error_status_create(errno),
			    file->planned, "create", errno,
			    file->exists && (errno == EACCES || errno == EPERM)
				    ? " (its folder takes no new file; "
				      "commit=no writes in place)"
				    : NULL);
	}
	file->commits = true;
	if (fstat(file->fd, &st) == 0)
		file->inode = (struct flow_inode){ st.st_dev, st.st_ino };
	return 0;
}

/*
 * A file a key: a folder to collect them in, noted as a named temporary is; or
 * nothing but a look at where they will be made, when they are written in place.
 */
static int
open_keyed(struct flow_open_file *file, unsigned number,
	   struct flow_rundir *rundir, struct flow_error *error)
{
	enum flow_file_mode mode = file->planned->mode;
	char absolute[PATH_MAX], *folder = folder_of(file->planned->path);
	bool missing = faccessat(AT_FDCWD, folder, W_OK | X_OK, AT_EACCESS) < 0;

	if (missing || mode == FLOW_FILE_LIVE ||
	    mode == FLOW_FILE_LIVE_APPEND || !realpath(folder, absolute)) {
		free(folder);
		return missing ? fail(error, flow_error_status_create(errno),
				      file->planned, "create", errno, NULL)
			       : 0;
	}
	free(folder);
	file->temporary = temporary_name(absolute, number);
	if (rundir->fd < 0 && flow_rundir_make(rundir, error) < 0)
		return -1;
	if (flow_rundir_note(rundir, number, file->temporary) == 0 &&
	    mkdir(file->temporary, 0700) == 0) {
		file->named = true;
		file->fd =
			open(file->temporary,
			     O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	}
	if (file->fd < 0)
		return fail(error, flow_error_status_create(errno),
			    file->planned, "create", errno, NULL);
	file->commits = true;
	return 0;
}

static int
open_one(struct flow_open_file *file, unsigned number,
	 struct flow_rundir *rundir, struct flow_error *error)
{
	enum flow_file_mode mode = file->planned->mode;
	struct stat st = { 0 };

	if (mode == FLOW_FILE_READ)
		return open_read(file, error);
	if (file->planned->keyed)
		return open_keyed(file, number, rundir, error);
	file->exists = stat(file->planned->path, &st) == 0;
	if (file->exists && S_ISDIR(st.st_mode))
		return fail(error, EX_CANTCREAT, file->planned, "write", EISDIR,
			    NULL);
	if (mode == FLOW_FILE_LIVE || mode == FLOW_FILE_LIVE_APPEND ||
	    (file->exists && !S_ISREG(st.st_mode)))
		return open_live(file, st.st_mode, error);
	return open_commit(file, number, rundir, error);
}

static int
opening_pass(enum flow_file_mode mode)
{
	if (mode == FLOW_FILE_READ)
		return 0;
	return mode == FLOW_FILE_LIVE || mode == FLOW_FILE_LIVE_APPEND ? 2 : 1;
}

/* What a path stands for: a regular file, or a name to be in a folder; else zero. */
struct identity {
	struct flow_inode object; /* the file, or the folder */
	const char *name; /* in the folder; NULL: the file itself */
};

static struct identity
identify(const char *path)
{
	const char *slash = strrchr(path, '/');
	struct identity identity = { .name = NULL };
	struct stat st;
	char *folder;

	if (stat(path, &st) == 0) {
		if (S_ISREG(st.st_mode))
			identity.object =
				(struct flow_inode){ st.st_dev, st.st_ino };
		return identity;
	}
	folder = folder_of(path);
	if (stat(folder, &st) == 0) {
		identity.object = (struct flow_inode){ st.st_dev, st.st_ino };
		identity.name = slash ? slash + 1 : path;
	}
	free(folder);
	return identity;
}

static bool
is_same(const struct identity *a, const struct identity *b)
{
	return a->object.number && a->object.number == b->object.number &&
	       a->object.device == b->object.device && !a->name == !b->name &&
	       (!a->name || strcmp(a->name, b->name) == 0);
}

/* One file under two names, written at least once: refused before it is lost. */
static int
refuse_twins(const struct flow_plan *plan, struct flow_error *error)
{
	struct identity *all = calloc(plan->file_count + 1, sizeof(*all));
	int result = 0;

	if (!all)
		abort();
	for (size_t i = 0; i < plan->file_count; i++)
		all[i] = identify(plan->files[i].path);
	for (size_t i = 0; i < plan->file_count && result == 0; i++) {
		if (plan->files[i].mode == FLOW_FILE_READ)
			continue;
		for (size_t j = 0; j < plan->file_count && result == 0; j++) {
			bool reads = plan->files[j].mode == FLOW_FILE_READ;

			/* --output may: the old file is read till the end */
			if (j == i || !is_same(&all[i], &all[j]) ||
			    (reads && !plan->files[i].node))
				continue;
			result = flow_error_set(
				error, EX_DATAERR,
				"`%s` and `%s` are one file, which would be %s",
				plan->files[j].path, plan->files[i].path,
				reads ? "read and written" : "written twice");
		}
	}
	free(all);
	return result;
}

struct flow_open_file *
flow_files_open(const struct flow_plan *plan, struct flow_rundir *rundir,
		struct flow_error *error)
{
	struct flow_open_file *files =
		calloc(plan->file_count + 1, sizeof(*files));
	struct flow_appending *appending = NULL;

	if (!files)
		abort();
	for (size_t i = 0; i < plan->file_count; i++) {
		files[i].planned = &plan->files[i];
		files[i].fd = -1;
		if (plan->files[i].mode != FLOW_FILE_APPEND)
			continue;
		if (!appending && !(appending = flow_append_share())) {
			flow_error_set(error, EX_OSERR,
				       "cannot share memory: %s",
				       strerror(errno));
			free(files);
			return NULL;
		}
		files[i].appending = appending;
	}
	if (refuse_twins(plan, error) < 0) {
		free(files);
		return NULL;
	}
	/* what truncates comes last: a missing input must not have cost an output */
	for (int pass = 0; pass < 3; pass++) {
		for (size_t i = 0; i < plan->file_count; i++) {
			if (opening_pass(plan->files[i].mode) != pass)
				continue;
			if (open_one(&files[i], (unsigned)i, rundir, error) <
			    0) {
				flow_files_close(files, plan->file_count);
				return NULL;
			}
		}
	}
	return files;
}

/* The mode of the target, or of a new file; the owner where we may. */
static int
take_over_mode(struct flow_open_file *file)
{
	struct stat st;
	mode_t mask;

	if (stat(file->target, &st) == 0) {
		file->exists = true;
		/* owner first: a change of owner clears set-id bits */
		if (fchown(file->fd, st.st_uid, st.st_gid) < 0 &&
		    fchown(file->fd, (uid_t)-1, st.st_gid) < 0 &&
		    errno != EPERM)
			return -1;
		return fchmod(file->fd, st.st_mode & 07777);
	}
	file->exists = false;
	mask = umask(0);
	umask(mask);
	return fchmod(file->fd, 0666 & ~mask);
}

/* One of the files of split=key: what is where it will be is seen only now. */
int
flow_file_prepare_one(struct flow_open_file *file, struct flow_error *error)
{
	struct stat st;

	file->target = resolve(file->planned->path);
	if (!file->target || file->fd < 0)
		return fail(error, EX_CANTCREAT, file->planned, "commit", errno,
			    NULL);
	if (stat(file->target, &st) < 0)
		return flow_file_prepare(file, error);
	if (!S_ISREG(st.st_mode))
		return flow_error_set(error, EX_CANTCREAT,
				      "cannot commit file `%s` (line %u): it "
				      "is there and is no regular file",
				      file->planned->path, file->planned->line);
	if (faccessat(AT_FDCWD, file->target, W_OK, AT_EACCESS) < 0)
		return fail(error, flow_error_status_create(errno),
			    file->planned, "write", errno, NULL);
	return flow_file_prepare(file, error);
}

int
flow_file_publish_one(struct flow_open_file *file, struct flow_error *error)
{
	file->target = resolve(file->planned->path);
	if (!file->target || file->fd < 0)
		return fail(error, EX_CANTCREAT, file->planned, "commit", errno,
			    NULL);
	return flow_file_publish(file, error);
}

int
flow_file_prepare(struct flow_open_file *file, struct flow_error *error)
{
	struct stat st;
	char path[64];

	if (file->planned->keyed && !file->target)
		return flow_keyfiles_prepare(file, error);
	if (stat(file->target, &st) == 0 && S_ISDIR(st.st_mode))
		return fail(error, EX_CANTCREAT, file->planned, "commit",
			    EISDIR, NULL);

	if (file->planned->mode == FLOW_FILE_APPEND)
		return 0;
	if (take_over_mode(file) < 0)
		return fail(error, EX_CANTCREAT, file->planned, "commit", errno,
			    NULL);
	if (file->named)
		return 0;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", file->fd);
	/* without /proc: for root, or for all since Linux 6.10 */
	if (linkat(AT_FDCWD, path, AT_FDCWD, file->temporary,
		   AT_SYMLINK_FOLLOW) < 0 &&
	    linkat(file->fd, "", AT_FDCWD, file->temporary, AT_EMPTY_PATH) < 0)
		return fail(error, EX_CANTCREAT, file->planned, "commit", errno,
			    NULL);
	file->named = true;
	return 0;
}

int
flow_file_publish(struct flow_open_file *file, struct flow_error *error)
{
	int bad;

	if (file->planned->keyed && !file->target)
		return flow_keyfiles_publish(file, error);
	bad = file->planned->mode == FLOW_FILE_APPEND
		      ? flow_append(file->appending, file->fd, file->target)
		      : rename(file->temporary, file->target);

	if (bad < 0)
		return fail(error, EX_CANTCREAT, file->planned, "commit", errno,
			    NULL);
	if (file->planned->mode != FLOW_FILE_APPEND)
		file->named = false; /* nothing is left to remove */
	return 0;
}

long long
flow_file_size(const struct flow_open_file *file)
{
	struct stat st;

	if (file->fd < 0 || fstat(file->fd, &st) < 0 || !S_ISREG(st.st_mode))
		return -1;
	return st.st_size;
}

bool
flow_file_tells(const struct flow_open_file *file)
{
	struct stat st;

	return file->planned->mode == FLOW_FILE_READ && file->fd >= 0 &&
	       fstat(file->fd, &st) == 0 && S_ISREG(st.st_mode);
}

void
flow_files_close(struct flow_open_file *files, size_t count)
{
	if (!files)
		return;
	for (size_t i = 0; i < count; i++) {
		if (files[i].named)
			flow_rundir_remove_temporary(files[i].temporary);
		if (files[i].fd >= 0)
			close(files[i].fd);
		free(files[i].target);
		free(files[i].temporary);
	}
	free(files);
}

void
flow_files_abandon(struct flow_open_file *files, size_t count)
{
	for (size_t i = 0; files && i < count; i++) {
		if (files[i].temporary)
			flow_rundir_remove_temporary(files[i].temporary);
		if (files[i].appending)
			flow_append_take_back(files[i].appending);
	}
}
