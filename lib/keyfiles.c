/* SPDX-License-Identifier: GPL-3.0-or-later */
/* keyfiles: what split=key has collected, and the names it gets. */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "keyfiles.h"

const char flow_key_mark[] = "{key}";

const char *
flow_keyfiles_last(const char *pattern)
{
	const char *slash = strrchr(pattern, '/');

	return slash ? slash + 1 : pattern;
}

static bool
is_name(const char *key, size_t length)
{
	bool dots = length <= 2 && strncmp(key, "..", length) == 0;

	return length > 0 && !dots && !memchr(key, '/', length) &&
	       !memchr(key, '\0', length);
}

char *
flow_keyfiles_name(const char *last, const char *key, size_t length)
{
	char *name, *to;

	if (!is_name(key, length) || length > NAME_MAX)
		return NULL;
	/* each mark is replaced: with room for as many as there may be */
	name = malloc(strlen(last) * (length + 1) + 1);
	if (!name)
		abort();
	to = name;
	while (*last) {
		if (strncmp(last, flow_key_mark, strlen(flow_key_mark)) == 0) {
			to = mempcpy(to, key, length);
			last += strlen(flow_key_mark);
		} else {
			*to++ = *last++;
		}
	}
	*to = '\0';
	if (to - name <= NAME_MAX)
		return name;
	free(name);
	return NULL;
}

static char *
join(const char *folder, size_t length, const char *name)
{
	char *path;

	if (asprintf(&path, "%.*s%s", (int)length, folder, name) < 0)
		abort();
	return path;
}

/* Does STEP, which gets one collected file at a time, for all in the folder of FILE. */
static int
each(const struct flow_open_file *file,
     int (*step)(struct flow_open_file *one, struct flow_error *error),
     struct flow_error *error)
{
	const char *pattern = file->planned->path;
	size_t folder = (size_t)(flow_keyfiles_last(pattern) - pattern);
	size_t aside = strlen(file->temporary);
	int copy = openat(file->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = copy < 0 ? NULL : fdopendir(copy);
	const struct dirent *entry;
	int result = 0;

	if (!dir)
		return flow_error_set(error, EX_OSERR, "cannot read `%s`: %s",
				      file->temporary, strerror(errno));
	while (result == 0 && (entry = readdir(dir))) {
		struct flow_planned_file planned = *file->planned;
		struct flow_open_file one = { .planned = &planned };
		char *base, *path;

		if (strcmp(entry->d_name, ".") == 0 ||
		    strcmp(entry->d_name, "..") == 0)
			continue;
		base = join("/", 1, entry->d_name);
		path = join(pattern, folder, entry->d_name);
		planned.path = path;
		one.temporary = join(file->temporary, aside, base);
		one.appending = file->appending;
		one.commits = true;
		one.named =
			true; /* it is in the folder, which goes as a whole */
		one.fd = openat(file->fd, entry->d_name,
				O_RDWR | O_NOFOLLOW | O_CLOEXEC);
		result = step(&one, error);
		if (one.fd >= 0)
			close(one.fd);
		free(one.target);
		free(one.temporary);
		free(path);
		free(base);
	}
	closedir(dir);
	return result;
}

int
flow_keyfiles_prepare(const struct flow_open_file *file,
		      struct flow_error *error)
{
	return each(file, flow_file_prepare_one, error);
}

int
flow_keyfiles_publish(const struct flow_open_file *file,
		      struct flow_error *error)
{
	return each(file, flow_file_publish_one, error);
}
