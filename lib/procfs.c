/* SPDX-License-Identifier: GPL-3.0-or-later */
/* procfs: small files and lists of numbers below /proc. */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "procfs.h"

enum {
	PATH_ROOM = 64, /* "PID/task/TID/children" and the like */
	STATUS_ROOM = 4096,
};

int
flow_numbers_add(struct flow_numbers *list, int number)
{
	if (list->count == list->room) {
		size_t room = list->room ? 2 * list->room : 64;
		int *at = reallocarray(list->at, room, sizeof(*at));

		if (at == NULL)
			return -1;
		list->at = at;
		list->room = room;
	}
	list->at[list->count++] = number;
	return 0;
}

void
flow_numbers_free(struct flow_numbers *list)
{
	free(list->at);
	*list = (struct flow_numbers){ 0 };
}

int
flow_procfs_open(void)
{
	return open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static ssize_t
read_again(int fd, char *buffer, size_t size)
{
	ssize_t got;

	do
		got = read(fd, buffer, size);
	while (got < 0 && errno == EINTR);
	return got;
}

static void
close_quietly(int fd)
{
	int saved = errno;

	close(fd);
	errno = saved;
}

ssize_t
flow_procfs_read(int proc, const char *path, char *buffer, size_t size)
{
	int fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
	ssize_t got;

	if (fd < 0)
		return -1;
	/* One read gives all of a file that fits into a page. */
	got = read_again(fd, buffer, size - 1);
	close_quietly(fd);
	if (got >= 0)
		buffer[got] = '\0';
	return got;
}

/* The number a directory entry is named by, or -1. */
static int
entry_number(const char *name)
{
	char *end;
	long number;

	if (name[0] < '0' || name[0] > '9')
		return -1;
	number = strtol(name, &end, 10);
	return *end == '\0' ? (int)number : -1;
}

int
flow_procfs_entries(int directory, struct flow_numbers *list)
{
	_Alignas(struct dirent64) char entries[8192];
	ssize_t got;

	while ((got = getdents64(directory, entries, sizeof(entries))) > 0) {
		for (ssize_t i = 0; i < got;) {
			struct dirent64 *entry = (void *)(entries + i);
			int number = entry_number(entry->d_name);

			i += entry->d_reclen;
			if (number >= 0 && flow_numbers_add(list, number) < 0)
				return -1;
		}
	}
	return got < 0 ? -1 : 0;
}

int
flow_procfs_list(int proc, const char *path, struct flow_numbers *list)
{
	int fd = openat(proc, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int result;

	if (fd < 0)
		return -1;
	result = flow_procfs_entries(fd, list);
	close_quietly(fd);
	return result;
}

/* The number after LABEL, which stands at the beginning of a line. */
static uint64_t
field(const char *text, const char *label)
{
	const char *found = strstr(text, label);

	return found ? strtoull(found + strlen(label), NULL, 10) : 0;
}

int
flow_procfs_status(int proc, const char *path, struct flow_status *status)
{
	char text[STATUS_ROOM];
	const char *state;

	if (flow_procfs_read(proc, path, text, sizeof(text)) < 0)
		return -1;
	/* A name may hold "State:", but its newlines are escaped. */
	state = strstr(text, "\nState:\t");
	if (state == NULL) {
		errno = EPROTO;
		return -1;
	}
	*status = (struct flow_status){
		.state = state[8],
		.parent = (pid_t)field(state, "\nPPid:"),
		.threads = (unsigned)field(state, "\nThreads:"),
	};
	state = strstr(state, "\nvoluntary_ctxt_switches:");
	if (state != NULL)
		status->switches =
			field(state, "\nvoluntary_ctxt_switches:") +
			field(state, "\nnonvoluntary_ctxt_switches:");
	return 0;
}

static bool
ended(char state)
{
	return state == 'Z' || state == 'X';
}

/* The first thread of PID that has not ended, or -1. */
static pid_t
living_thread(int proc, pid_t pid)
{
	struct flow_numbers threads = { 0 };
	struct flow_status status;
	char path[PATH_ROOM];
	pid_t found = -1;

	snprintf(path, sizeof(path), "%d/task", (int)pid);
	if (flow_procfs_list(proc, path, &threads) == 0)
		for (size_t i = 0; i < threads.count && found < 0; i++) {
			snprintf(path, sizeof(path), "%d/task/%d/status",
				 (int)pid, threads.at[i]);
			if (flow_procfs_status(proc, path, &status) == 0 &&
			    !ended(status.state))
				found = threads.at[i];
		}
	flow_numbers_free(&threads);
	return found;
}

bool
flow_procfs_lives(int proc, pid_t pid)
{
	struct flow_status status;
	char path[PATH_ROOM];

	snprintf(path, sizeof(path), "%d/status", (int)pid);
	if (flow_procfs_status(proc, path, &status) < 0)
		return false;
	if (!ended(status.state))
		return true;
	return status.threads > 1 && living_thread(proc, pid) > 0;
}

char *
flow_procfs_thread(int proc, pid_t pid, char *buffer, size_t size)
{
	struct flow_status status;
	pid_t thread;

	snprintf(buffer, size, "%d/status", (int)pid);
	if (flow_procfs_status(proc, buffer, &status) == 0 &&
	    ended(status.state) && status.threads > 1 &&
	    (thread = living_thread(proc, pid)) > 0)
		snprintf(buffer, size, "%d/task/%d", (int)pid, (int)thread);
	else
		snprintf(buffer, size, "%d", (int)pid);
	return buffer;
}

/* Appends the numbers of a "children" file, however long it is. */
static int
append_children(int proc, const char *path, struct flow_numbers *list)
{
	int fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
	int number = 0;
	ssize_t got;

	if (fd < 0)
		return -1;
	do {
		char text[4096];

		got = read_again(fd, text, sizeof(text));
		for (ssize_t i = 0; i < got; i++) {
			if (text[i] >= '0' && text[i] <= '9') {
				number = 10 * number + (text[i] - '0');
				continue;
			}
			if (number > 0 && flow_numbers_add(list, number) < 0)
				got = -1;
			number = 0;
		}
	} while (got > 0);
	close_quietly(fd);
	return got < 0 ? -1 : 0;
}

/* Children belong to the thread that forked them. */
static int
children_of(int proc, pid_t pid, struct flow_numbers *list)
{
	struct flow_numbers threads = { 0 };
	struct stat directory;
	char path[PATH_ROOM];
	int result = 0;

	snprintf(path, sizeof(path), "%d/task", (int)pid);
	if (fstatat(proc, path, &directory, 0) < 0)
		return -1;
	/* The link count is 2 and the threads: most have but one. */
	if (directory.st_nlink == 3) {
		snprintf(path, sizeof(path), "%d/task/%d/children", (int)pid,
			 (int)pid);
		return append_children(proc, path, list);
	}
	if (flow_procfs_list(proc, path, &threads) < 0)
		result = -1;
	for (size_t i = 0; i < threads.count && result == 0; i++) {
		snprintf(path, sizeof(path), "%d/task/%d/children", (int)pid,
			 threads.at[i]);
		/* A thread that has ended has left its children to others. */
		if (append_children(proc, path, list) < 0 && errno == ENOMEM)
			result = -1;
	}
	flow_numbers_free(&threads);
	return result;
}

/* Without "children": everybody's parent, then the generations below ROOT. */
static int
descend_by_parents(int proc, pid_t root, struct flow_numbers *list)
{
	struct flow_numbers all = { 0 };
	size_t begin = list->count;
	pid_t *parents = NULL;
	pid_t parent = root;
	int result = -1;

	if (flow_procfs_list(proc, ".", &all) < 0)
		goto done;
	parents = calloc(all.count + 1, sizeof(*parents));
	if (parents == NULL)
		goto done;
	for (size_t i = 0; i < all.count; i++) {
		struct flow_status status = { 0 };
		char path[PATH_ROOM];

		snprintf(path, sizeof(path), "%d/status", all.at[i]);
		if (flow_procfs_status(proc, path, &status) == 0)
			parents[i] = status.parent;
	}
	for (size_t next = begin;; next++) {
		for (size_t i = 0; i < all.count; i++)
			if (parents[i] == parent &&
			    flow_numbers_add(list, all.at[i]) < 0)
				goto done;
		if (next == list->count)
			break;
		parent = list->at[next];
	}
	result = 0;
done:
	free(parents);
	flow_numbers_free(&all);
	return result;
}

int
flow_procfs_descend(int proc, pid_t root, struct flow_numbers *list)
{
	size_t next = list->count;

	if (faccessat(proc, "thread-self/children", R_OK, 0) < 0)
		return descend_by_parents(proc, root, list);
	if (children_of(proc, root, list) < 0)
		return -1;
	for (; next < list->count; next++)
		if (children_of(proc, list->at[next], list) < 0 &&
		    errno == ENOMEM)
			return -1;
	return 0;
}
