/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * linger: descendants that are still there when every node has ended. One that
 * holds an edge or a file of the run, or still works, is waited for; one that
 * does neither is ended and named.
 */
#include "config.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "guard.h"

#define LINGER_GAP (FLOW_SECOND / 10)
#define QUIET_MOST (30 * FLOW_SECOND)
/* After a failure what was left behind has so long to go by itself. */
#define FAILED_MOST (FLOW_SECOND / 2)
#define IDLE_MOST                                                              \
	(2 * FLOW_SECOND) /* so long one may rest and count as working */

static struct flow_linger *
find_linger(struct flow_guard *guard, pid_t pid)
{
	struct flow_linger *list;

	for (size_t i = 0; i < guard->linger_count; i++)
		if (guard->lingers[i].pid == pid)
			return &guard->lingers[i];
	list = realloc(guard->lingers,
		       (guard->linger_count + 1) * sizeof(*list));
	if (!list)
		abort();
	guard->lingers = list;
	list[guard->linger_count] = (struct flow_linger){ .pid = pid };
	return &list[guard->linger_count++];
}

/* Drops those that the last look did not see: their pids may come again. */
static void
forget_unseen(struct flow_guard *guard)
{
	size_t kept = 0;

	for (size_t i = 0; i < guard->linger_count; i++) {
		if (!guard->lingers[i].seen)
			continue;
		guard->lingers[kept] = guard->lingers[i];
		guard->lingers[kept++].seen = false;
	}
	guard->linger_count = kept;
}

/* Everything of the run that a descendant may still be at work for. */
static bool
holds_something(const struct flow_guard *guard, pid_t pid)
{
	const struct flow_plan *plan = guard->state.plan;
	struct flow_inode *objects = calloc(
		plan->pipe_count + plan->file_count + 2, sizeof(*objects));
	size_t count = 0;
	bool held;

	if (!objects)
		abort();
	for (size_t i = 0; i < plan->pipe_count; i++)
		objects[count++] = guard->state.pipes[i].inode;
	for (size_t i = 0; i < plan->file_count; i++)
		if (guard->state.files[i].inode.number)
			objects[count++] = guard->state.files[i].inode;
	if (guard->output.number)
		objects[count++] = guard->output;
	held = flow_proc_holds(pid, objects, count, true, true) > 0;
	free(objects);
	return held;
}

/* Does it run, wait for a disk, or has it used the processor since last time? */
static bool
works(struct flow_linger *linger)
{
	struct flow_proc_stat stat;
	bool moved;

	if (flow_proc_stat(linger->pid, &stat) < 0)
		return false;
	moved = stat.state == 'R' || stat.state == 'D' ||
		stat.ticks != linger->ticks;
	linger->ticks = stat.ticks;
	return moved;
}

/* Sends what is due to one that is not waited for. */
static void
send_off(struct flow_guard *guard, struct flow_linger *linger, int64_t now)
{
	char name[128];

	if (!linger->told) {
		guard->state.options->say(
			"warning: ended `%s` (pid %ld), which a node had left "
			"running",
			flow_proc_command(linger->pid, name, sizeof(name)),
			(long)linger->pid);
		linger->told = now;
		kill(linger->pid, SIGTERM);
		kill(linger->pid, SIGCONT);
	} else if (now >= linger->told + FLOW_GRACE) {
		kill(linger->pid, SIGKILL);
	}
}

/* Nodes are gone, and what they left is waited for: it is said, once. */
static void
warn_quiet(struct flow_guard *guard, pid_t pid, int64_t now)
{
	const struct flow_linger *linger = find_linger(guard, pid);
	char name[128];

	if (guard->lingering_warned || now < linger->moved + QUIET_MOST ||
	    linger->told)
		return;
	guard->lingering_warned = true;
	guard->state.options->say(
		"warning: every node has ended; waiting for `%s` (pid %ld), "
		"which one has left running and which holds what it had open",
		flow_proc_command(pid, name, sizeof(name)), (long)pid);
}

void
flow_linger(struct flow_guard *guard, int64_t now)
{
	bool failed = guard->state.first_failure != FLOW_NONE;
	pid_t *pids = NULL;
	ssize_t count;

	if (guard->ending || now < guard->linger_at)
		return; /* when ending, TERM and KILL go to all of them */
	forget_unseen(guard);
	count = flow_proc_descendants(getpid(), &pids);
	for (ssize_t i = 0; i < count; i++) {
		struct flow_linger *linger = find_linger(guard, pids[i]);

		if (!linger->since)
			linger->since = now;
		if (works(linger) || !linger->moved)
			linger->moved = now;
		linger->seen = true;
		if (linger->told ||
		    ((failed ? now >= linger->since + FAILED_MOST
			     : now >= linger->moved + IDLE_MOST) &&
		     !holds_something(guard, pids[i])))
			send_off(guard, linger, now);
	}
	if (count > 0)
		warn_quiet(guard, pids[0], now);
	free(pids);
	guard->linger_at = now + LINGER_GAP;
}
