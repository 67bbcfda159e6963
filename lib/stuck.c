/* SPDX-License-Identifier: GPL-3.0-or-later */
/* stuck: is a run deadlocked, and was it all the time between two looks? */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "cycle.h"
#include "procfs.h"
#include "block.h"

static bool
same_process(const struct flow_stuck_look *a,
	     const struct flow_look_process *in_a,
	     const struct flow_stuck_look *b,
	     const struct flow_look_process *in_b)
{
	if (in_a->threads != in_b->threads)
		return false;
	for (size_t i = 0; i < in_a->threads; i++)
		if (!flow_look_same(&a->threads[in_a->thread + i],
				    &b->threads[in_b->thread + i]))
			return false;
	return true;
}

/* Waits are compared by descriptor: pipes of nodes have no lasting number. */
static bool
same_waits(const struct flow_blocks *a, size_t in_a,
	   const struct flow_blocks *b, size_t in_b)
{
	if (a->of[in_a].waits != b->of[in_b].waits)
		return false;
	for (size_t i = 0; i < a->of[in_a].waits; i++) {
		const struct flow_block *left = &a->waits[a->of[in_a].wait + i];
		const struct flow_block *right =
			&b->waits[b->of[in_b].wait + i];

		if (left->kind != right->kind || left->fd != right->fd ||
		    left->target_fd != right->target_fd)
			return false;
	}
	return true;
}

/* Only members of BEFORE that have not moved remain candidates in AFTER. */
static void
keep_unmoved(struct flow_blocks *after, const struct flow_blocks *before)
{
	for (size_t i = 0; i < after->look->process_count; i++) {
		const struct flow_look_process *now =
			&after->look->processes[i];
		const struct flow_look_process *then =
			flow_look_find(before->look, now->pid);
		size_t index;

		if (!after->of[i].member)
			continue;
		index = then ? (size_t)(then - before->look->processes) : 0;
		after->of[i].member =
			then != NULL && before->of[index].member &&
			same_process(before->look, then, after->look, now) &&
			same_waits(before, index, after, i);
	}
}

/* A member that splices waits for bytes if there are none, else for room. */
static void
decide_splices(struct flow_blocks *waits)
{
	for (size_t p = 0; p < waits->look->process_count; p++) {
		struct flow_blocks_process *of = &waits->of[p];

		for (size_t i = 0; of->member && i < of->waits; i++) {
			struct flow_block *wait = &waits->waits[of->wait + i];
			long bytes;

			if (wait->kind != FLOW_BLOCK_EITHER)
				continue;
			bytes = flow_blocks_fill(waits, p, wait->pipe,
						 wait->fd);
			if (bytes < 0) {
				of->member = false;
			} else if (bytes == 0) {
				wait->kind = FLOW_BLOCK_READ;
			} else {
				wait->kind = FLOW_BLOCK_WRITE;
				wait->pipe = wait->target;
				wait->fd = wait->target_fd;
			}
		}
	}
}

/*
 * Do the pipes themselves agree: empty where read, not empty where written? A
 * relay may have fallen asleep before its reader took the last byte.
 */
static bool
pipes_agree(const struct flow_blocks *waits)
{
	for (size_t p = 0; p < waits->look->process_count; p++) {
		const struct flow_blocks_process *of = &waits->of[p];

		for (size_t i = 0; of->member && i < of->waits; i++) {
			const struct flow_block *wait =
				&waits->waits[of->wait + i];
			long bytes;

			if (wait->kind == FLOW_BLOCK_CHILDREN)
				continue;
			bytes = flow_blocks_fill(waits, p, wait->pipe,
						 wait->fd);
			if (bytes < 0 ||
			    (bytes == 0) != (wait->kind == FLOW_BLOCK_READ))
				return false;
		}
	}
	return true;
}

/* Is every thread of every member asleep still, and has it not run? */
static bool
members_still_sleep(const struct flow_blocks *waits, int proc)
{
	const struct flow_stuck_look *look = waits->look;

	for (size_t p = 0; p < look->process_count; p++) {
		const struct flow_look_process *process = &look->processes[p];

		for (size_t i = 0; waits->of[p].member && i < process->threads;
		     i++) {
			const struct flow_look_thread *thread =
				&look->threads[process->thread + i];
			struct flow_status status;
			char path[64];

			snprintf(path, sizeof(path), "%d/task/%d/status",
				 (int)process->pid, (int)thread->tid);
			if (flow_procfs_status(proc, path, &status) < 0 ||
			    status.state != thread->state ||
			    status.switches != thread->switches)
				return false;
		}
	}
	return true;
}

/* Could somebody hold a pipe without our having seen it? */
static bool
complete(const struct flow_stuck_look *look)
{
	if (look->unsettled)
		return false;
	for (size_t i = 0; i < look->process_count; i++)
		if (look->processes[i].hidden)
			return false;
	return true;
}

/* Are the members of AFTER, which all wait for members, stuck for good? */
static int
prove(struct flow_blocks *after, char **text)
{
	bool still;
	int proc;

	decide_splices(after);
	if (flow_blocks_settle(after) == 0 || !pipes_agree(after))
		return 0;
	proc = flow_procfs_open();
	if (proc < 0)
		return -1;
	still = members_still_sleep(after, proc);
	close(proc);
	if (!still)
		return 0;
	*text = flow_cycle_text(after);
	return *text ? 1 : -1;
}

int
flow_stuck_proof(const struct flow_stuck *stuck,
		 const struct flow_stuck_look *before,
		 const struct flow_stuck_look *after, char **text)
{
	struct flow_blocks then, now;
	int result = 0, saved;

	*text = NULL;
	if (!complete(before) || !complete(after))
		return 0;
	if (flow_blocks_open(&then, stuck, before) < 0)
		return -1;
	if (flow_blocks_settle(&then) == 0)
		goto close_then;
	if (flow_blocks_open(&now, stuck, after) < 0) {
		result = -1;
		goto close_then;
	}
	keep_unmoved(&now, &then);
	if (flow_blocks_settle(&now) > 0)
		result = prove(&now, text);
	saved = errno;
	flow_blocks_close(&now);
	errno = saved;
close_then:
	saved = errno;
	flow_blocks_close(&then);
	errno = saved;
	return result;
}

static bool
is_relay(const struct flow_stuck *stuck, pid_t pid)
{
	for (size_t i = 0; i < stuck->pipe_count; i++)
		if (stuck->pipes[i].relay_from == pid ||
		    stuck->pipes[i].relay_to == pid)
			return true;
	return false;
}

bool
flow_stuck_quiet(const struct flow_stuck *stuck,
		 const struct flow_stuck_look *before,
		 const struct flow_stuck_look *after)
{
	if (before->unsettled || after->unsettled ||
	    before->process_count != after->process_count)
		return false;
	for (size_t p = 0; p < after->process_count; p++) {
		const struct flow_look_process *then = &before->processes[p];
		const struct flow_look_process *now = &after->processes[p];

		if (then->pid != now->pid || then->threads != now->threads)
			return false;
		for (size_t i = 0;
		     !is_relay(stuck, now->pid) && i < now->threads; i++) {
			const struct flow_look_thread *a =
				&before->threads[then->thread + i];
			const struct flow_look_thread *b =
				&after->threads[now->thread + i];

			if (a->tid != b->tid || a->switches != b->switches ||
			    b->state == 'R')
				return false;
		}
	}
	return true;
}
