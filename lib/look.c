/* SPDX-License-Identifier: GPL-3.0-or-later */
/* look: what /proc shows of all descendants at one time. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "look.h"
#include "procfs.h"

enum {
	PATH_ROOM = 64,
	PASSES_MOST = 8,
};

/* One look while it is being taken. */
struct taking {
	struct flow_stuck_look *look;
	int proc;
	dev_t pipefs; /* where anonymous pipes live */
	struct flow_numbers numbers; /* threads or descriptors; used again */
	bool outside; /* the pipes met now are the guardian's own */
	size_t told, refused; /* system calls read and not */
	int refusal; /* errno of the last one refused */
};

/* Room for one more element of SIZE bytes in the array that *ARRAY points to. */
static int
grow(void *array, size_t count, size_t *room, size_t size)
{
	size_t more = *room ? 2 * *room : 64;
	void *at;

	if (count < *room)
		return 0;
	memcpy(&at, array, sizeof(at));
	at = reallocarray(at, more, size);
	if (at == NULL)
		return -1;
	memcpy(array, &at, sizeof(at));
	*room = more;
	return 0;
}

static size_t
hash(const struct flow_inode *inode, size_t slots)
{
	uint64_t mixed =
		(uint64_t)inode->number ^ ((uint64_t)inode->device << 40);

	mixed *= UINT64_C(0x9e3779b97f4a7c15);
	return (size_t)(mixed >> 32) & (slots - 1);
}

/* The slot that holds INODE, or the empty one where it belongs. */
static int *
slot_of(struct flow_stuck_look *look, const struct flow_inode *inode)
{
	size_t at = hash(inode, look->slot_count);

	while (look->slots[at] != 0) {
		struct flow_look_pipe *pipe = &look->pipes[look->slots[at] - 1];

		if (pipe->inode.number == inode->number &&
		    pipe->inode.device == inode->device)
			break;
		at = (at + 1) & (look->slot_count - 1);
	}
	return &look->slots[at];
}

static int
rehash(struct flow_stuck_look *look)
{
	size_t count = 1024;
	int *slots;

	while (count < 4 * look->pipe_count)
		count *= 2;
	slots = calloc(count, sizeof(*slots));
	if (slots == NULL)
		return -1;
	free(look->slots);
	look->slots = slots;
	look->slot_count = count;
	for (size_t i = 0; i < look->pipe_count; i++)
		*slot_of(look, &look->pipes[i].inode) = (int)i + 1;
	return 0;
}

static int
add_pipe(struct flow_stuck_look *look, const struct flow_inode *inode,
	 bool inside)
{
	if (grow(&look->pipes, look->pipe_count, &look->pipe_room,
		 sizeof(*look->pipes)) < 0)
		return -1;
	look->pipes[look->pipe_count++] =
		(struct flow_look_pipe){ .inode = *inode, .inside = inside };
	return 0;
}

/* The index of the pipe that STAT is of, made when new; -1 with ENOMEM. */
static int
pipe_index(struct taking *taking, const struct stat *stat)
{
	struct flow_stuck_look *look = taking->look;
	struct flow_inode inode = { stat->st_dev, stat->st_ino };
	int *slot = slot_of(look, &inode);

	if (*slot == 0) {
		/* Who is to open a FIFO by its name is not to be known. */
		bool inside =
			!taking->outside && stat->st_dev == taking->pipefs;

		if (add_pipe(look, &inode, inside) < 0)
			return -1;
		*slot = (int)look->pipe_count;
		if (2 * look->pipe_count > look->slot_count && rehash(look) < 0)
			return -1;
		return (int)look->pipe_count - 1;
	}
	return *slot - 1;
}

/* Regular files and /dev/null never make anybody wait for somebody. */
static bool
always_ready(const struct stat *stat)
{
	return S_ISREG(stat->st_mode) ||
	       (S_ISCHR(stat->st_mode) && stat->st_rdev == makedev(1, 3));
}

static int
add_hold(struct taking *taking, int directory, int fd)
{
	struct flow_stuck_look *look = taking->look;
	struct flow_look_hold hold = { .fd = fd, .pipe = FLOW_NO_PIPE };
	struct stat object, link;
	char name[16];

	snprintf(name, sizeof(name), "%d", fd);
	if (fstatat(directory, name, &object, 0) < 0)
		return 0; /* closed meanwhile */
	if (S_ISFIFO(object.st_mode)) {
		/* The link's own bits are the access mode, proc_pid_fd(5). */
		if (fstatat(directory, name, &link, AT_SYMLINK_NOFOLLOW) < 0)
			return 0;
		hold.pipe = pipe_index(taking, &object);
		if (hold.pipe < 0)
			return -1;
		hold.reads = link.st_mode & S_IRUSR;
		hold.writes = link.st_mode & S_IWUSR;
	} else if (!always_ready(&object)) {
		return 0;
	}
	if (grow(&look->holds, look->hold_count, &look->hold_room,
		 sizeof(*look->holds)) < 0)
		return -1;
	look->holds[look->hold_count++] = hold;
	return 0;
}

/*
 * All descriptors of the process or thread at /proc/WHOSE. 0, or 1 when they
 * could not be read, or -1, both with errno.
 */
static int
add_holds(struct taking *taking, const char *whose)
{
	struct flow_numbers *fds = &taking->numbers;
	char path[2 * PATH_ROOM];
	int directory, result, saved;

	snprintf(path, sizeof(path), "%s/fd", whose);
	directory =
		openat(taking->proc, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (directory < 0)
		return 1;
	fds->count = 0;
	result = flow_procfs_entries(directory, fds) == 0 ? 0
		 : errno == ENOMEM			  ? -1
							  : 1;
	for (size_t i = 0; result == 0 && i < fds->count; i++)
		result = add_hold(taking, directory, fds->at[i]);
	saved = errno;
	close(directory);
	errno = saved;
	return result;
}

/* "NR 0xarg ... 0xsp 0xpc", "-1 0xsp 0xpc" or "running". */
static void
parse_call(struct flow_look_thread *thread, char *text)
{
	uint64_t value[8];
	size_t count = 0;
	char *end;

	thread->told = true;
	thread->call = -1;
	if (text[0] == 'r') {
		thread->state = 'R';
		return;
	}
	thread->call = strtol(text, &end, 10);
	while (count < 8 && *end == ' ')
		value[count++] = strtoull(end, &end, 16);
	if (count == 8)
		memcpy(thread->argument, value, sizeof(thread->argument));
	if (count >= 2) {
		thread->stack = value[count - 2];
		thread->code = value[count - 1];
	}
	if (count != 8)
		thread->call = -1;
}

/*
 * Status before system call: who ran between the two has another count of
 * switches at the next look, whichever it was seen in.
 */
static int
add_thread(struct taking *taking, const char *path, pid_t tid,
	   const struct flow_status *status)
{
	struct flow_stuck_look *look = taking->look;
	struct flow_look_thread thread = {
		.tid = tid,
		.state = status->state,
		.call = -1,
		.switches = status->switches,
	};
	char text[256];

	if (status->state != 'Z' && status->state != 'X') {
		if (flow_procfs_read(taking->proc, path, text, sizeof(text)) >
		    0) {
			parse_call(&thread, text);
			taking->told++;
		} else if (errno != ESRCH) {
			taking->refusal = errno;
			taking->refused++;
		}
	}
	if (grow(&look->threads, look->thread_count, &look->thread_room,
		 sizeof(*look->threads)) < 0)
		return -1;
	look->threads[look->thread_count++] = thread;
	return 0;
}

static int
add_threads(struct taking *taking, pid_t pid, const struct flow_status *first)
{
	struct flow_status status = *first;
	char path[PATH_ROOM];

	if (first->threads == 1) {
		snprintf(path, sizeof(path), "%d/syscall", (int)pid);
		return add_thread(taking, path, pid, first);
	}
	snprintf(path, sizeof(path), "%d/task", (int)pid);
	taking->numbers.count = 0;
	if (flow_procfs_list(taking->proc, path, &taking->numbers) < 0)
		return errno == ENOMEM ? -1 : 0;
	for (size_t i = 0; i < taking->numbers.count; i++) {
		pid_t tid = taking->numbers.at[i];

		snprintf(path, sizeof(path), "%d/task/%d/status", (int)pid,
			 (int)tid);
		if (flow_procfs_status(taking->proc, path, &status) < 0)
			status.state = 0;
		snprintf(path, sizeof(path), "%d/task/%d/syscall", (int)pid,
			 (int)tid);
		if (add_thread(taking, path, tid, &status) < 0)
			return -1;
	}
	return 0;
}

static int
add_process(struct taking *taking, pid_t pid)
{
	struct flow_stuck_look *look = taking->look;
	struct flow_look_process process = { .pid = pid };
	struct flow_status status;
	char path[PATH_ROOM];
	int held;

	snprintf(path, sizeof(path), "%d/status", (int)pid);
	if (flow_procfs_status(taking->proc, path, &status) < 0)
		return 0; /* gone */
	if ((status.state == 'Z' || status.state == 'X') && status.threads <= 1)
		return 0;
	process.parent = status.parent;
	process.thread = look->thread_count;
	if (add_threads(taking, pid, &status) < 0)
		return -1;
	process.threads = look->thread_count - process.thread;
	process.hold = look->hold_count;
	if (status.state == 'Z' || status.state == 'X')
		flow_procfs_thread(taking->proc, pid, path, sizeof(path));
	else
		snprintf(path, sizeof(path), "%d", (int)pid);
	held = add_holds(taking, path);
	if (held < 0)
		return -1;
	process.hidden = held > 0 && errno != ENOENT && errno != ESRCH;
	process.holds = look->hold_count - process.hold;
	if (grow(&look->processes, look->process_count, &look->process_room,
		 sizeof(*look->processes)) < 0)
		return -1;
	look->processes[look->process_count++] = process;
	return 0;
}

static int
compare_processes(const void *a, const void *b)
{
	const struct flow_look_process *left = a, *right = b;

	return (left->pid > right->pid) - (left->pid < right->pid);
}

static int
compare_numbers(const void *a, const void *b)
{
	int left = *(const int *)a, right = *(const int *)b;

	return (left > right) - (left < right);
}

/*
 * A process is looked at after it was found and its children are asked for
 * again after that: a holder that forks and goes is met itself or its heir is.
 * All is seen when a pass finds nobody new.
 */
static int
add_processes(struct taking *taking, pid_t root)
{
	struct flow_numbers pass = { 0 }, all = { 0 };
	int result = -1;

	taking->look->unsettled = true;
	for (int passes = 0; passes < PASSES_MOST; passes++) {
		size_t known = all.count;

		pass.count = 0;
		if (flow_procfs_descend(taking->proc, root, &pass) < 0)
			goto done;
		for (size_t i = 0; i < pass.count; i++) {
			if (known > 0 &&
			    bsearch(&pass.at[i], all.at, known, sizeof(*all.at),
				    compare_numbers) != NULL)
				continue;
			if (flow_numbers_add(&all, pass.at[i]) < 0 ||
			    add_process(taking, pass.at[i]) < 0)
				goto done;
		}
		if (all.count == known) {
			taking->look->unsettled = false;
			break;
		}
		qsort(all.at, all.count, sizeof(*all.at), compare_numbers);
	}
	if (taking->look->process_count > 0)
		qsort(taking->look->processes, taking->look->process_count,
		      sizeof(*taking->look->processes), compare_processes);
	result = 0;
done:
	flow_numbers_free(&pass);
	flow_numbers_free(&all);
	return result;
}

static int
add_run(struct taking *taking, const struct flow_stuck *stuck)
{
	struct flow_stuck_look *look = taking->look;

	look->waits = calloc(stuck->pipe_count + 1, 1);
	if (look->waits == NULL)
		return -1;
	for (size_t i = 0; i < stuck->pipe_count; i++) {
		const struct flow_meter *meter = &stuck->meters[i];

		if (add_pipe(look, &stuck->pipes[i].inode, true) < 0)
			return -1;
		if (atomic_load_explicit(&meter->waits_read,
					 memory_order_relaxed))
			look->waits[i] |= FLOW_WAITS_READ;
		if (atomic_load_explicit(&meter->waits_write,
					 memory_order_relaxed))
			look->waits[i] |= FLOW_WAITS_WRITE;
	}
	look->run_pipes = look->pipe_count;
	return rehash(look);
}

/* What the guardian holds besides the run's pipes may be held by anybody. */
static int
add_outside(struct taking *taking, pid_t root)
{
	char path[PATH_ROOM];
	int held;

	snprintf(path, sizeof(path), "%d", (int)root);
	taking->outside = true;
	held = add_holds(taking, path);
	taking->outside = false;
	taking->look->hold_count = 0;
	if (held > 0)
		errno = EACCES;
	return held == 0 ? 0 : -1;
}

static int
find_pipefs(dev_t *device)
{
	int ends[2];
	struct stat stat;
	int result;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -1;
	result = fstat(ends[0], &stat);
	close(ends[0]);
	close(ends[1]);
	*device = stat.st_dev;
	return result;
}

struct flow_stuck_look *
flow_stuck_look(const struct flow_stuck *stuck)
{
	struct taking taking = { .proc = flow_procfs_open() };
	int saved;

	if (taking.proc < 0)
		return NULL;
	taking.look = calloc(1, sizeof(*taking.look));
	if (taking.look == NULL || find_pipefs(&taking.pipefs) < 0 ||
	    add_run(&taking, stuck) < 0 ||
	    add_outside(&taking, stuck->root) < 0 ||
	    add_processes(&taking, stuck->root) < 0)
		goto failed;
	if (taking.refused > 0 && taking.told == 0) {
		errno = taking.refusal;
		goto failed;
	}
	flow_numbers_free(&taking.numbers);
	close(taking.proc);
	return taking.look;

failed:
	saved = errno;
	flow_numbers_free(&taking.numbers);
	flow_stuck_look_free(taking.look);
	close(taking.proc);
	errno = saved;
	return NULL;
}

void
flow_stuck_look_free(struct flow_stuck_look *look)
{
	if (look == NULL)
		return;
	free(look->processes);
	free(look->threads);
	free(look->holds);
	free(look->pipes);
	free(look->slots);
	free(look->waits);
	free(look);
}

const struct flow_look_process *
flow_look_find(const struct flow_stuck_look *look, pid_t pid)
{
	struct flow_look_process key = { .pid = pid };

	if (look->process_count == 0)
		return NULL;
	return bsearch(&key, look->processes, look->process_count, sizeof(key),
		       compare_processes);
}

const struct flow_look_hold *
flow_look_hold(const struct flow_stuck_look *look,
	       const struct flow_look_process *process, uint64_t fd)
{
	for (size_t i = 0; i < process->holds; i++) {
		const struct flow_look_hold *hold =
			&look->holds[process->hold + i];

		/* Descriptors are ints: the upper half may be anything. */
		if (hold->fd == (int)(uint32_t)fd)
			return hold;
	}
	return NULL;
}

bool
flow_look_same(const struct flow_look_thread *a,
	       const struct flow_look_thread *b)
{
	return a->tid == b->tid && a->state == b->state && a->told == b->told &&
	       a->call == b->call &&
	       memcmp(a->argument, b->argument, sizeof(a->argument)) == 0 &&
	       a->stack == b->stack && a->code == b->code &&
	       a->switches == b->switches;
}
