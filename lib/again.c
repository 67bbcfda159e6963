/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * again: restart=. A process that has ended is started again while the ends of
 * its pipes are held here, when what it left behind is gone and there may be
 * something to do.
 */
#include "config.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "guard.h"
#include "left.h"
#include "restart.h"
#include "verdict.h"

/* Between looks for what an ended process has left behind. */
#define LEAVE_GAP (FLOW_SECOND / 100)
#define LEAVE_MOST (FLOW_SECOND / 2)
/* How many ends are remembered for the report. */
#define TRIES_MOST 100

/* --- what there is to do */

/* Is PLACE a standard error that no edge names? Nobody waits for its end. */
static bool
is_aside(const struct flow_place *place)
{
	return !place->edge && place->fd == STDERR_FILENO;
}

/* Has process INDEX inputs, and what is left there, of all of them the most? */
static bool
inputs_left(const struct flow_guard *guard, uint32_t index,
	    enum flow_left *most)
{
	size_t count = guard->state.plan->processes[index].place_count;
	bool any = false;

	*most = FLOW_LEFT_NOTHING;
	for (size_t i = 0; i < count; i++) {
		enum flow_left left;

		if (!flow_launch_awaits(guard, index, i))
			continue;
		any = true;
		left = flow_left_at(flow_launch_kept(guard, index, i));
		if (left > *most)
			*most = left;
	}
	return any;
}

static bool
all_read(const struct flow_guard *guard, uint32_t index)
{
	enum flow_left most;

	return inputs_left(guard, index, &most) && most == FLOW_LEFT_NOTHING;
}

/* Has process INDEX outputs, and has the reader of each gone? */
static bool
nobody_reads(const struct flow_guard *guard, uint32_t index)
{
	const struct flow_process *process =
		&guard->state.plan->processes[index];
	bool any = false;

	for (size_t i = 0; i < process->place_count; i++) {
		const struct flow_place *place = &process->places[i];
		struct pollfd end = { .fd = -1 };

		if (!place->edge ||
		    flow_place_is_input(guard->state.plan, place))
			continue;
		if (place->thing == FLOW_THING_PIPE_WRITE)
			end.fd = flow_launch_kept(guard, index, i);
		else if (place->thing == FLOW_THING_STANDARD)
			end.fd = (int)place->index;
		any = true;
		if (poll(&end, 1, 0) != 1 || !(end.revents & POLLERR))
			return false;
	}
	return any;
}

/* --- a try that can be undone: files in, and files that are collected, out */

static bool
is_regular(int fd)
{
	struct stat st;

	return fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

static bool
can_undo(const struct flow_guard *guard, uint32_t index)
{
	const struct flow_process *process =
		&guard->state.plan->processes[index];

	for (size_t i = 0; i < process->place_count; i++) {
		const struct flow_place *place = &process->places[i];

		if (place->thing == FLOW_THING_NULL || is_aside(place))
			continue;
		if (!flow_place_is_input(guard->state.plan, place) &&
		    (place->thing != FLOW_THING_FILE ||
		     !guard->state.files[place->index].commits))
			return false;
		if (!is_regular(flow_launch_kept(guard, index, i)))
			return false;
	}
	return true;
}

static void
undo(struct flow_guard *guard, uint32_t index)
{
	const struct flow_process *process =
		&guard->state.plan->processes[index];

	for (size_t i = 0; i < process->place_count; i++) {
		const struct flow_mark *mark =
			&guard->state.processes[index].again.marks[i];
		const struct flow_place *place = &process->places[i];
		int fd;

		if (place->thing == FLOW_THING_NULL || is_aside(place))
			continue;
		fd = flow_launch_kept(guard, index, i);
		lseek(fd, mark->at, SEEK_SET);
		/* our own temporary: it was as long as that, so it can be */
		if (!flow_place_is_input(guard->state.plan, place) &&
		    ftruncate(fd, mark->size) < 0)
			guard->state.processes[index].again.over = true;
	}
}

/* --- what it left behind */

/* Is file INDEX read by others too, so that who holds it may be theirs? */
static bool
is_shared(const struct flow_plan *plan, uint32_t index)
{
	for (size_t i = 0; i < plan->file_count; i++)
		if (i != index && plan->files[i].mode == FLOW_FILE_READ &&
		    strcmp(plan->files[i].path, plan->files[index].path) == 0)
			return true;
	return false;
}

/* The object behind FD, or none when it is a device, which many may hold. */
static struct flow_inode
object_at(int fd)
{
	struct flow_inode none = { 0 };
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || S_ISCHR(st.st_mode))
		return none;
	return (struct flow_inode){ st.st_dev, st.st_ino };
}

static bool
is_errors_too(const struct flow_inode *object)
{
	struct flow_inode errors = object_at(STDERR_FILENO);

	return errors.number == object->number &&
	       errors.device == object->device;
}

/* What only process INDEX, and what it started, holds at PLACE; else none. */
static struct flow_inode
own_object(const struct flow_guard *guard, uint32_t index, size_t i)
{
	const struct flow_plan *plan = guard->state.plan;
	const struct flow_place *place = &plan->processes[index].places[i];
	struct flow_inode object = { 0 };

	if (place->thing == FLOW_THING_NULL || is_aside(place) ||
	    place->thing == FLOW_THING_STDIN_AGAIN)
		return object;
	if (flow_place_end(place) >= 0)
		return guard->state.pipes[place->index].inode;
	if (place->thing == FLOW_THING_STANDARD && place->index > 0) {
		object = object_at((int)place->index);
		if (is_errors_too(&object))
			object.number = 0;
		return object;
	}
	if (place->thing == FLOW_THING_FILE &&
	    flow_place_is_input(guard->state.plan, place) &&
	    is_shared(plan, place->index))
		return object;
	return object_at(flow_launch_kept(guard, index, i));
}

/* The objects of process INDEX: what it reads, and behind those what it writes. */
static size_t
own_objects(const struct flow_guard *guard, uint32_t index,
	    struct flow_inode *objects, size_t *reads)
{
	const struct flow_process *process =
		&guard->state.plan->processes[index];
	size_t count = 0;

	for (int writes = 0; writes < 2; writes++) {
		for (size_t i = 0; i < process->place_count; i++) {
			if (flow_place_is_input(guard->state.plan,
						&process->places[i]) == writes)
				continue;
			objects[count] = own_object(guard, index, i);
			count += objects[count].number != 0;
		}
		if (!writes)
			*reads = count;
	}
	return count;
}

static void
add_pid(pid_t **pids, size_t *count, pid_t pid)
{
	pid_t *list = realloc(*pids, (*count + 1) * sizeof(*list));

	if (!list)
		abort();
	*pids = list;
	list[(*count)++] = pid;
}

/* All descendants but the processes of the plan that run and what is below them. */
static size_t
list_strays(const struct flow_guard *guard, pid_t **pids)
{
	FILE *children = fopen("/proc/thread-self/children", "re");
	size_t count = 0;
	int child;

	*pids = NULL;
	while (children && fscanf(children, "%d", &child) == 1) {
		pid_t *below = NULL;
		ssize_t number;

		if (flow_judge_process_of(guard, child) != FLOW_NONE)
			continue;
		add_pid(pids, &count, child);
		number = flow_proc_descendants(child, &below);
		for (ssize_t i = 0; i < number; i++)
			add_pid(pids, &count, below[i]);
		free(below);
	}
	if (children)
		fclose(children);
	return count;
}

/*
 * Those that still hold something of process INDEX, which has ended, get SIGNAL
 * (0: none). How many there are.
 */
static size_t
end_strays(const struct flow_guard *guard, uint32_t index, int signal)
{
	const struct flow_process *process =
		&guard->state.plan->processes[index];
	struct flow_inode *objects =
		calloc(process->place_count + 1, sizeof(*objects));
	size_t reads, count, found = 0;
	pid_t *pids = NULL;
	size_t strays = list_strays(guard, &pids);

	if (!objects)
		abort();
	count = own_objects(guard, index, objects, &reads);
	for (size_t i = 0; i < strays; i++) {
		if (flow_proc_holds(pids[i], objects, reads, true, false) <=
			    0 &&
		    flow_proc_holds(pids[i], objects + reads, count - reads,
				    false, true) <= 0)
			continue;
		found++;
		if (!signal)
			continue;
		kill(pids[i], signal);
		kill(pids[i], SIGCONT);
	}
	free(pids);
	free(objects);
	return found;
}

/* --- whether, and when */

/* "0.1 s", "at once" is said otherwise. */
static void
say_again(const struct flow_guard *guard, uint32_t index, int64_t wait)
{
	const struct flow_state *state = &guard->state;
	const struct flow_node *node = state->plan->processes[index].node;
	char *text = NULL, when[48] = "";
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		abort();
	flow_verdict_describe(out, state, index);
	if (wait > 0)
		snprintf(when, sizeof(when), " in %.2g s",
			 (double)wait / FLOW_SECOND);
	fprintf(out, "; started again%s (%ld of %ld)", when,
		state->processes[index].again.count.failures,
		flow_restart_retries(node));
	fclose(out);
	state->options->say("%s", text);
	free(text);
}

static void
say_all_read(const struct flow_guard *guard, uint32_t index)
{
	guard->state.options->say(
		"%s: not started again: it has read all of its input",
		guard->state.plan->processes[index].name);
}

/* It failed: how long to wait, or -1. */
static int64_t
wait_of_failure(struct flow_guard *guard, uint32_t index)
{
	struct flow_process_state *p = &guard->state.processes[index];
	const struct flow_node *node = guard->state.plan->processes[index].node;

	/* what cannot be run now cannot later; the terminal ends all there is */
	if (p->noted || p->signal == SIGINT || p->signal == SIGQUIT ||
	    p->again.count.failures >= flow_restart_retries(node))
		return -1;
	if (!can_undo(guard, index) && all_read(guard, index)) {
		say_all_read(guard, index);
		return -1;
	}
	return flow_restart_failed(node, &p->again.count,
				   p->ended - p->started);
}

static int64_t
wait_of_success(struct flow_guard *guard, uint32_t index)
{
	struct flow_process_state *p = &guard->state.processes[index];
	const struct flow_node *node = guard->state.plan->processes[index].node;

	if (node->restart != FLOW_RESTART_ALWAYS || all_read(guard, index) ||
	    nobody_reads(guard, index))
		return -1;
	return flow_restart_succeeded(node, &p->again.count,
				      p->ended - p->started);
}

bool
flow_again_wanted(struct flow_guard *guard, uint32_t index)
{
	struct flow_process_state *p = &guard->state.processes[index];
	bool failed = p->outcome == FLOW_OUTCOME_FAILED;
	int64_t wait;

	if (!flow_process_restarts(&guard->state.plan->processes[index]) ||
	    guard->ending || p->again.over || p->timed_out || p->stopped ||
	    p->drained || (!failed && p->outcome != FLOW_OUTCOME_OK))
		return false;
	wait = failed ? wait_of_failure(guard, index)
		      : wait_of_success(guard, index);
	if (wait < 0)
		return false;
	p->outcome = FLOW_OUTCOME_NONE;
	p->again.due = true;
	p->again.failed = failed;
	p->again.at = flow_now() + wait;
	p->again.gap = 0;
	guard->pending++;
	if (!failed)
		return true;
	say_again(guard, index, wait);
	end_strays(guard, index, SIGTERM);
	return true;
}

static void
remember(struct flow_process_state *p)
{
	struct flow_again *again = &p->again;

	if (!again->tries)
		again->tries = calloc(TRIES_MOST, sizeof(*again->tries));
	if (!again->tries)
		abort();
	if (again->try_count == TRIES_MOST)
		memmove(again->tries, again->tries + 1,
			--again->try_count * sizeof(*again->tries));
	again->tries[again->try_count++] = (struct flow_try){
		.pid = p->pid,
		.status = p->status,
		.signal = p->signal,
		.started = p->started,
		.ended = p->ended,
		.usage = p->usage,
	};
	again->restarts++;
}

void
flow_again_forget(struct flow_process_state *p)
{
	struct flow_again *again = &p->again;
	const struct flow_try *last = &again->tries[--again->try_count];

	p->pid = last->pid;
	p->status = last->status;
	p->signal = last->signal;
	p->started = last->started;
	p->ended = last->ended;
	p->usage = last->usage;
	again->restarts--;
	again->nothing = false;
	again->over = true;
}

/* Process INDEX is not started again after all: it is to be judged. */
static void
give_up(struct flow_guard *guard, uint32_t index)
{
	struct flow_process_state *p = &guard->state.processes[index];

	p->again.due = false;
	p->again.over = true;
	p->fresh = true;
	guard->pending--;
}

static void
start(struct flow_guard *guard, uint32_t index, bool waits)
{
	struct flow_process_state *p = &guard->state.processes[index];

	p->again.lossy |= p->again.failed;
	remember(p);
	p->again.due = false;
	p->readers_gone = p->noted = false;
	p->status = p->signal = 0;
	p->again.waits = waits;
	guard->pending--;
	if (flow_launch_again(guard, index, waits) < 0)
		flow_guard_end(guard, FLOW_REASON_TROUBLE);
}

/* While it waits: is there nothing left for it to do? */
static bool
is_done(struct flow_guard *guard, uint32_t index)
{
	const struct flow_again *again = &guard->state.processes[index].again;

	if (!again->failed)
		return all_read(guard, index) || nobody_reads(guard, index);
	if (can_undo(guard, index) || !all_read(guard, index))
		return false;
	say_all_read(guard, index);
	return true;
}

/* Its time has come. Starts it, puts it off, or gives it up. */
static void
try_start(struct flow_guard *guard, uint32_t index, int64_t now)
{
	struct flow_process_state *p = &guard->state.processes[index];
	struct flow_again *again = &p->again;
	bool kill = again->failed && now >= p->ended + FLOW_GRACE;
	bool waits = false;
	enum flow_left most;

	/* what succeeded may leave something to finish its work */
	if (end_strays(guard, index, kill ? SIGKILL : 0) > 0) {
		again->gap = again->gap ? 2 * again->gap : LEAVE_GAP;
		if (again->gap > LEAVE_MOST)
			again->gap = LEAVE_MOST;
		again->at = now + again->gap;
		return;
	}
	if (!again->failed) {
		waits = inputs_left(guard, index, &most);
	} else if (can_undo(guard, index)) {
		undo(guard, index);
		again->failed = false;
	}
	if (again->over)
		give_up(guard, index);
	else
		start(guard, index, waits);
}

void
flow_again(struct flow_guard *guard, int64_t now)
{
	bool over = false;

	for (uint32_t i = 0;
	     guard->pending && i < guard->state.plan->process_count; i++) {
		struct flow_process_state *p = &guard->state.processes[i];

		if (!p->again.due)
			continue;
		if (guard->ending || p->stopped || p->again.over ||
		    is_done(guard, i))
			give_up(guard, i);
		else if (now >= p->again.at)
			try_start(guard, i, now);
		over |= p->fresh;
	}
	if (over)
		flow_judge(guard);
}

int64_t
flow_again_next(const struct flow_guard *guard)
{
	int64_t next = INT64_MAX;

	for (uint32_t i = 0;
	     guard->pending && i < guard->state.plan->process_count; i++) {
		const struct flow_again *again =
			&guard->state.processes[i].again;

		if (again->due && again->at < next)
			next = again->at;
	}
	return next;
}
