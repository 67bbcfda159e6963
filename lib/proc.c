/* SPDX-License-Identifier: GPL-3.0-or-later */
/* proc: who our descendants are, what they hold, and how to end them. */
#include "config.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "proc.h"
#include "procfs.h"

enum {
	PATH_ROOM = 64,
	PASSES_MOST = 64, /* a process that forks for ever ends the search */
	KILL_SECONDS = 10,
};

static int
compare_numbers(const void *a, const void *b)
{
	int left = *(const int *)a, right = *(const int *)b;

	return (left > right) - (left < right);
}

/* Keeps of PIDS what is not in KNOWN (sorted). */
static void
keep_new(struct flow_numbers *pids, const struct flow_numbers *known)
{
	size_t kept = 0;

	for (size_t i = 0; i < pids->count; i++)
		if (known->count == 0 ||
		    bsearch(&pids->at[i], known->at, known->count,
			    sizeof(*known->at), compare_numbers) == NULL)
			pids->at[kept++] = pids->at[i];
	pids->count = kept;
}

/*
 * Walks the tree until a pass finds nobody new. ALL ends up sorted, LIVE in
 * the order found, without zombies.
 */
static int
search(int proc, pid_t root, struct flow_numbers *all,
       struct flow_numbers *live)
{
	struct flow_numbers pass = { 0 };
	int result = -1;

	for (int passes = 0; passes < PASSES_MOST; passes++) {
		pass.count = 0;
		if (flow_procfs_descend(proc, root, &pass) < 0)
			goto done;
		keep_new(&pass, all);
		if (pass.count == 0)
			break;
		for (size_t i = 0; i < pass.count; i++) {
			if (flow_numbers_add(all, pass.at[i]) < 0)
				goto done;
			if (flow_procfs_lives(proc, pass.at[i]) &&
			    flow_numbers_add(live, pass.at[i]) < 0)
				goto done;
		}
		qsort(all->at, all->count, sizeof(*all->at), compare_numbers);
	}
	result = 0;
done:
	flow_numbers_free(&pass);
	return result;
}

ssize_t
flow_proc_descendants(pid_t root, pid_t **pids)
{
	struct flow_numbers all = { 0 }, live = { 0 };
	int proc = flow_procfs_open();
	int saved, result;

	*pids = NULL;
	if (proc < 0)
		return -1;
	result = search(proc, root, &all, &live);
	saved = errno;
	close(proc);
	flow_numbers_free(&all);
	if (result < 0) {
		flow_numbers_free(&live);
		errno = saved;
		return -1;
	}
	_Static_assert(sizeof(pid_t) == sizeof(int), "pids are ints");
	*pids = live.at;
	return (ssize_t)live.count;
}

static bool
among(const struct stat *object, const struct flow_inode *objects, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (objects[i].number == object->st_ino &&
		    objects[i].device == object->st_dev)
			return true;
	return false;
}

int
flow_proc_holds(pid_t pid, const struct flow_inode *objects, size_t count,
		bool for_reading, bool for_writing)
{
	struct flow_numbers fds = { 0 };
	char thread[PATH_ROOM], path[2 * PATH_ROOM];
	int proc = flow_procfs_open();
	int saved, result = -1;

	if (proc < 0)
		return -1;
	flow_procfs_thread(proc, pid, thread, sizeof(thread));
	snprintf(path, sizeof(path), "%s/fd", thread);
	if (flow_procfs_list(proc, path, &fds) < 0) {
		if (errno == ENOENT)
			errno = ESRCH;
		goto done;
	}
	result = 0;
	for (size_t i = 0; i < fds.count && result == 0; i++) {
		struct stat object, link;

		snprintf(path, sizeof(path), "%s/fd/%d", thread, fds.at[i]);
		if (fstatat(proc, path, &object, 0) < 0 ||
		    !among(&object, objects, count) ||
		    fstatat(proc, path, &link, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		/* The link's own bits are the access mode, proc_pid_fd(5). */
		if ((for_reading && (link.st_mode & S_IRUSR)) ||
		    (for_writing && (link.st_mode & S_IWUSR)))
			result = 1;
	}
done:
	saved = errno;
	flow_numbers_free(&fds);
	close(proc);
	errno = saved;
	return result;
}

char *
flow_proc_command(pid_t pid, char *buffer, size_t size)
{
	char path[PATH_ROOM];
	int proc = flow_procfs_open();
	ssize_t got = -1;

	if (proc >= 0) {
		snprintf(path, sizeof(path), "%d/cmdline", (int)pid);
		got = flow_procfs_read(proc, path, buffer, size);
		if (got == 0) {
			/* Arguments gone or overwritten: the name is left. */
			snprintf(path, sizeof(path), "%d/comm", (int)pid);
			got = flow_procfs_read(proc, path, buffer, size);
		}
		close(proc);
	}
	if (got <= 0) {
		snprintf(buffer, size, "?");
		return buffer;
	}
	for (ssize_t i = 0; i < got; i++)
		if (!isprint((unsigned char)buffer[i]))
			buffer[i] = ' ';
	while (got > 0 && buffer[got - 1] == ' ')
		buffer[--got] = '\0';
	return buffer;
}

/* How many of PIDS got SIGNAL. */
static size_t
signal_each(const struct flow_numbers *pids, int signal)
{
	size_t reached = 0;

	for (size_t i = 0; i < pids->count; i++)
		if (kill(pids->at[i], signal) == 0)
			reached++;
	return reached;
}

size_t
flow_proc_signal_all(pid_t root, int signal)
{
	struct flow_numbers pids = { 0 };
	size_t reached = 0;
	ssize_t count = flow_proc_descendants(root, &pids.at);

	if (count > 0) {
		pids.count = (size_t)count;
		reached = signal_each(&pids, signal);
	}
	flow_numbers_free(&pids);
	return reached;
}

/* How many ended children were ours to wait for. */
static size_t
reap(void)
{
	size_t reaped = 0;
	pid_t pid;

	while ((pid = waitpid(-1, NULL, WNOHANG)) > 0 ||
	       (pid < 0 && errno == EINTR))
		reaped += pid > 0;
	return reaped;
}

static size_t
count_living(int proc, const struct flow_numbers *pids)
{
	size_t living = 0;

	for (size_t i = 0; i < pids->count; i++)
		living += flow_procfs_lives(proc, pids->at[i]);
	return living;
}

/* The same processes as in the pass before: they are dying, nobody forks. */
static bool
same_list(const struct flow_numbers *a, const struct flow_numbers *b)
{
	return a->count == b->count &&
	       memcmp(a->at, b->at, a->count * sizeof(*a->at)) == 0;
}

size_t
flow_proc_kill_all(void)
{
	const struct timespec pause = { .tv_nsec = 1000 * 1000 };
	struct flow_numbers pids = { 0 }, before = { 0 };
	int64_t deadline = flow_now() + KILL_SECONDS * FLOW_SECOND;
	int proc = flow_procfs_open();
	size_t survivors = 0;

	/*
	 * No pause while new ones turn up: who forks in a loop must lose. One
	 * empty pass is not enough: an orphan may have been on its way to us.
	 */
	for (int empty = 0; empty < 2;) {
		struct flow_numbers swap = before;

		before = pids;
		pids = swap;
		pids.count = 0;
		if (proc < 0 || flow_procfs_descend(proc, getpid(), &pids) < 0)
			break;
		empty = pids.count == 0 ? empty + 1 : 0;
		signal_each(&pids, SIGKILL);
		if (reap() == 0 && pids.count > 0 && same_list(&pids, &before))
			nanosleep(&pause, NULL);
		if (flow_now() > deadline) {
			survivors = count_living(proc, &pids);
			break;
		}
	}
	flow_numbers_free(&pids);
	flow_numbers_free(&before);
	if (proc >= 0)
		close(proc);
	return survivors;
}

int
flow_proc_stat(pid_t pid, struct flow_proc_stat *result)
{
	enum { PF_EXITING = 4 }; /* linux/sched.h */
	unsigned long long user, system;
	unsigned long flags;
	char path[48], text[1024], *after;

	snprintf(path, sizeof(path), "/proc/%ld/stat", (long)pid);
	if (flow_procfs_read(AT_FDCWD, path, text, sizeof(text)) < 0)
		return -1;
	after = strrchr(text, ')'); /* the name before it may hold anything */
	if (!after ||
	    sscanf(after + 1,
		   " %c %*d %*d %*d %*d %*d %lu %*u %*u %*u %*u %llu %llu",
		   &result->state, &flags, &user, &system) != 4) {
		errno = EPROTO;
		return -1;
	}
	result->exiting = flags & PF_EXITING;
	result->ticks = user + system;
	return 0;
}

bool
flow_proc_reads(pid_t pid, const struct flow_inode *object)
{
	char path[PATH_ROOM], text[256];
	unsigned long fd;
	struct stat held;
	long call;

	snprintf(path, sizeof(path), "/proc/%ld/syscall", (long)pid);
	if (flow_procfs_read(AT_FDCWD, path, text, sizeof(text)) < 0 ||
	    sscanf(text, "%ld %lx", &call, &fd) != 2 || call != SYS_read)
		return false;
	snprintf(path, sizeof(path), "/proc/%ld/fd/%lu", (long)pid, fd);
	return stat(path, &held) == 0 && among(&held, object, 1);
}
