/* SPDX-License-Identifier: GPL-3.0-or-later */
/* block: what the processes of one look are blocked on. */
#include "config.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "block.h"

/* Threads that wait for ever for a thread of the same process. */
static bool
waits_for_own_thread(const struct flow_stuck_look *look,
		     const struct flow_look_process *process,
		     const struct flow_look_thread *thread)
{
	uint64_t operation = thread->argument[1];

	switch (operation & FUTEX_CMD_MASK) {
	case FUTEX_WAIT:
	case FUTEX_WAIT_BITSET:
	case FUTEX_LOCK_PI:
		break;
	default:
		return false;
	}
	if (thread->argument[3] != 0) /* a time-out */
		return false;
	if (operation & FUTEX_PRIVATE_FLAG)
		return true;
	/* pthread_join: the futex is shared and holds the thread's number. */
	for (size_t i = 0; i < process->threads; i++)
		if (look->threads[process->thread + i].tid ==
		    (pid_t)(uint32_t)thread->argument[2])
			return true;
	return false;
}

/* Bytes go from descriptor IN to descriptor OUT inside the kernel. */
static struct flow_block
wait_of_splice(const struct flow_stuck_look *look,
	       const struct flow_look_process *process, uint64_t in,
	       uint64_t out)
{
	const struct flow_look_hold *from = flow_look_hold(look, process, in);
	const struct flow_look_hold *to = flow_look_hold(look, process, out);
	struct flow_block wait = { .kind = FLOW_BLOCK_OTHER };

	if (from == NULL || to == NULL)
		return wait;
	if (from->pipe != FLOW_NO_PIPE && to->pipe != FLOW_NO_PIPE)
		return (struct flow_block){ FLOW_BLOCK_EITHER, from->pipe,
					    from->fd, to->pipe, to->fd };
	if (from->pipe != FLOW_NO_PIPE)
		return (struct flow_block){ .kind = FLOW_BLOCK_READ,
					    .pipe = from->pipe,
					    .fd = from->fd };
	if (to->pipe != FLOW_NO_PIPE)
		return (struct flow_block){ .kind = FLOW_BLOCK_WRITE,
					    .pipe = to->pipe,
					    .fd = to->fd };
	return wait;
}

static struct flow_block
wait_of_transfer(const struct flow_stuck_look *look,
		 const struct flow_look_process *process, uint64_t fd,
		 enum flow_block_kind kind)
{
	const struct flow_look_hold *hold = flow_look_hold(look, process, fd);
	struct flow_block wait = { .kind = FLOW_BLOCK_OTHER };

	if (hold == NULL || hold->pipe == FLOW_NO_PIPE)
		return wait;
	wait.kind = kind;
	wait.pipe = hold->pipe;
	wait.fd = hold->fd;
	return wait;
}

/*
 * A program for a 32-bit machine numbers its system calls otherwise. Its stack
 * gives it away.
 */
static bool
foreign(const struct flow_look_thread *thread)
{
	return sizeof(long) == 8 && thread->stack < (UINT64_C(1) << 32);
}

struct flow_block
flow_block_of(const struct flow_stuck_look *look,
	      const struct flow_look_process *process,
	      const struct flow_look_thread *thread)
{
	struct flow_block wait = { .kind = FLOW_BLOCK_OTHER };
	const uint64_t *argument = thread->argument;

	if (thread->state == 'Z' || thread->state == 'X') {
		wait.kind = FLOW_BLOCK_NEUTRAL;
		return wait;
	}
	/* Pipes let their waiters be interrupted; a stopped one is T. */
	if (thread->state != 'S' || !thread->told || foreign(thread))
		return wait;
	switch (thread->call) {
	case SYS_read:
	case SYS_readv:
	case SYS_preadv2:
		return wait_of_transfer(look, process, argument[0],
					FLOW_BLOCK_READ);
	case SYS_write:
	case SYS_writev:
	case SYS_pwritev2:
	case SYS_vmsplice:
		return wait_of_transfer(look, process, argument[0],
					FLOW_BLOCK_WRITE);
	case SYS_splice:
		return wait_of_splice(look, process, argument[0], argument[2]);
	case SYS_tee:
		return wait_of_splice(look, process, argument[0], argument[1]);
	case SYS_sendfile:
		return wait_of_splice(look, process, argument[1], argument[0]);
	case SYS_wait4:
	case SYS_waitid:
		wait.kind = FLOW_BLOCK_CHILDREN;
		return wait;
	case SYS_futex:
		if (waits_for_own_thread(look, process, thread))
			wait.kind = FLOW_BLOCK_NEUTRAL;
		return wait;
	default:
		return wait;
	}
}

/* Splicing to or from a terminal or socket sleeps with the pipe locked. */
static bool
may_lock(const struct flow_look_thread *thread, const struct flow_block *wait)
{
	switch (thread->call) {
	case SYS_splice:
	case SYS_tee:
	case SYS_sendfile:
		return wait->kind == FLOW_BLOCK_OTHER;
	default:
		return false;
	}
}

static bool
is_relay_end(const struct flow_stuck *stuck, const struct flow_stuck_look *look,
	     pid_t pid, const struct flow_look_hold *hold)
{
	if (hold->pipe == FLOW_NO_PIPE || (size_t)hold->pipe >= look->run_pipes)
		return false;
	return (hold->reads && stuck->pipes[hold->pipe].relay_to == pid) ||
	       (hold->writes && stuck->pipes[hold->pipe].relay_from == pid);
}

/* A time-out does not matter: what a relay says it waits for is all it needs. */
static bool
polls(const struct flow_look_thread *thread)
{
	if (thread->state != 'S' || !thread->told || foreign(thread))
		return false;
	switch (thread->call) {
#ifdef SYS_poll
	case SYS_poll:
#endif
	case SYS_ppoll:
	case SYS_restart_syscall: /* poll, after SIGSTOP and SIGCONT */
		return true;
	default:
		return false;
	}
}

bool
flow_block_polls(const struct flow_stuck *stuck,
		 const struct flow_stuck_look *look,
		 const struct flow_look_process *process)
{
	if (process->threads != 1 || !polls(&look->threads[process->thread]))
		return false;
	for (size_t i = 0; i < process->holds; i++)
		if (is_relay_end(stuck, look, process->pid,
				 &look->holds[process->hold + i]))
			return true;
	return false;
}

static int
add_wait(struct flow_blocks *waits, struct flow_block wait)
{
	if (waits->wait_count == waits->wait_room) {
		size_t room = waits->wait_room ? 2 * waits->wait_room : 64;
		struct flow_block *at =
			reallocarray(waits->waits, room, sizeof(*at));

		if (at == NULL)
			return -1;
		waits->waits = at;
		waits->wait_room = room;
	}
	waits->waits[waits->wait_count++] = wait;
	return 0;
}

/* What a relay says it waits for. */
static int
add_relay(struct flow_blocks *waits, const struct flow_look_process *process)
{
	const struct flow_stuck_look *look = waits->look;

	for (size_t i = 0; i < process->holds; i++) {
		const struct flow_look_hold *hold =
			&look->holds[process->hold + i];
		struct flow_block wait = { .pipe = hold->pipe, .fd = hold->fd };
		unsigned said;

		if (!is_relay_end(waits->stuck, look, process->pid, hold))
			continue;
		said = look->waits[hold->pipe];
		wait.kind = FLOW_BLOCK_READ;
		if (hold->reads && (said & FLOW_WAITS_READ) &&
		    add_wait(waits, wait) < 0)
			return -1;
		wait.kind = FLOW_BLOCK_WRITE;
		if (hold->writes && (said & FLOW_WAITS_WRITE) &&
		    add_wait(waits, wait) < 0)
			return -1;
	}
	return 0;
}

/* One thread that we cannot judge makes its process no candidate. */
static int
add_threads(struct flow_blocks *waits, size_t index)
{
	const struct flow_look_process *process =
		&waits->look->processes[index];
	struct flow_blocks_process *of = &waits->of[index];
	bool other = false;

	for (size_t i = 0; i < process->threads; i++) {
		const struct flow_look_thread *thread =
			&waits->look->threads[process->thread + i];
		struct flow_block wait =
			flow_block_of(waits->look, process, thread);

		of->locks |= may_lock(thread, &wait);
		other |= wait.kind == FLOW_BLOCK_OTHER;
		if (wait.kind > FLOW_BLOCK_NEUTRAL && add_wait(waits, wait) < 0)
			return -1;
	}
	if (other)
		waits->wait_count = of->wait;
	return 0;
}

static int
add_waits(struct flow_blocks *waits)
{
	for (size_t i = 0; i < waits->look->process_count; i++) {
		const struct flow_look_process *process =
			&waits->look->processes[i];
		struct flow_blocks_process *of = &waits->of[i];

		of->wait = waits->wait_count;
		if (flow_block_polls(waits->stuck, waits->look, process)
			    ? add_relay(waits, process) < 0
			    : add_threads(waits, i) < 0)
			return -1;
		of->waits = waits->wait_count - of->wait;
		of->member = of->waits > 0;
	}
	return 0;
}

/* Who holds each pipe: count, sum up, fill in from behind. */
static int
add_holders(struct flow_blocks *waits)
{
	const struct flow_stuck_look *look = waits->look;

	waits->first = calloc(look->pipe_count + 2, sizeof(*waits->first));
	waits->holders = calloc(look->hold_count + 1, sizeof(*waits->holders));
	if (waits->first == NULL || waits->holders == NULL)
		return -1;
	for (size_t i = 0; i < look->hold_count; i++)
		if (look->holds[i].pipe != FLOW_NO_PIPE)
			waits->first[look->holds[i].pipe]++;
	for (size_t i = 0; i < look->pipe_count; i++)
		waits->first[i + 1] += waits->first[i];
	for (size_t p = 0; p < look->process_count; p++) {
		const struct flow_look_process *process = &look->processes[p];

		for (size_t i = 0; i < process->holds; i++) {
			const struct flow_look_hold *hold =
				&look->holds[process->hold + i];

			if (hold->pipe == FLOW_NO_PIPE)
				continue;
			waits->holders[--waits->first[hold->pipe]] =
				(struct flow_holder){ p, hold->reads,
						      hold->writes };
		}
	}
	return 0;
}

int
flow_blocks_open(struct flow_blocks *waits, const struct flow_stuck *stuck,
		 const struct flow_stuck_look *look)
{
	*waits = (struct flow_blocks){ .stuck = stuck, .look = look };
	waits->of = calloc(look->process_count + 1, sizeof(*waits->of));
	if (waits->of == NULL || add_waits(waits) < 0 ||
	    add_holders(waits) < 0) {
		flow_blocks_close(waits);
		return -1;
	}
	return 0;
}

void
flow_blocks_close(struct flow_blocks *waits)
{
	free(waits->of);
	free(waits->waits);
	free(waits->holders);
	free(waits->first);
	*waits = (struct flow_blocks){ 0 };
}

static bool
member_by_pid(const struct flow_blocks *waits, pid_t pid)
{
	const struct flow_look_process *process =
		flow_look_find(waits->look, pid);

	return process != NULL &&
	       waits->of[process - waits->look->processes].member;
}

/*
 * Has PIPE holders of its write (or read) end, and are all of them members?
 * With no holder the waiter is about to be told so by the kernel.
 */
static bool
held_by_members(const struct flow_blocks *waits, int pipe, bool writers)
{
	bool held = false;

	if (!waits->look->pipes[pipe].inside)
		return false;
	for (size_t i = waits->first[pipe]; i < waits->first[pipe + 1]; i++) {
		const struct flow_holder *holder = &waits->holders[i];

		if (!(writers ? holder->writes : holder->reads))
			continue;
		if (!waits->of[holder->process].member)
			return false;
		held = true;
	}
	if (writers && (size_t)pipe < waits->look->run_pipes) {
		const struct flow_stuck_pipe *run = &waits->stuck->pipes[pipe];

		for (size_t i = 0; i < run->held_count; i++) {
			if (!member_by_pid(waits, run->held_for[i]))
				return false;
			held = true;
		}
	}
	if (!writers && (size_t)pipe < waits->look->run_pipes &&
	    waits->stuck->pipes[pipe].read_held) {
		if (!member_by_pid(waits,
				   waits->stuck->pipes[pipe].read_held_for))
			return false;
		held = true;
	}
	return held;
}

static bool
children_are_members(const struct flow_blocks *waits, pid_t parent)
{
	bool any = false;

	for (size_t i = 0; i < waits->look->process_count; i++) {
		if (waits->look->processes[i].parent != parent)
			continue;
		if (!waits->of[i].member)
			return false;
		any = true;
	}
	return any;
}

static bool
waits_for_members(const struct flow_blocks *waits, size_t index)
{
	const struct flow_blocks_process *of = &waits->of[index];

	for (size_t i = 0; i < of->waits; i++) {
		const struct flow_block *wait = &waits->waits[of->wait + i];
		bool closed = false;

		switch (wait->kind) {
		case FLOW_BLOCK_READ:
			closed = held_by_members(waits, wait->pipe, true);
			break;
		case FLOW_BLOCK_WRITE:
			closed = held_by_members(waits, wait->pipe, false);
			break;
		case FLOW_BLOCK_EITHER:
			closed = held_by_members(waits, wait->pipe, true) ||
				 held_by_members(waits, wait->target, false);
			break;
		case FLOW_BLOCK_CHILDREN:
			closed = children_are_members(
				waits, waits->look->processes[index].pid);
			break;
		case FLOW_BLOCK_OTHER:
		case FLOW_BLOCK_NEUTRAL:
			break;
		}
		if (!closed)
			return false;
	}
	return of->waits > 0;
}

size_t
flow_blocks_settle(struct flow_blocks *waits)
{
	size_t left, dropped;

	do {
		left = dropped = 0;
		for (size_t i = 0; i < waits->look->process_count; i++) {
			if (!waits->of[i].member)
				continue;
			if (waits_for_members(waits, i)) {
				left++;
			} else {
				waits->of[i].member = false;
				dropped++;
			}
		}
	} while (dropped > 0);
	return left;
}

/*
 * The pipe is opened once more for an instant. That would let somebody go on
 * who waits in open(2) for a reader, so there must be one; and it sleeps while
 * the pipe is locked, so nobody may be doing that.
 */
long
flow_blocks_fill(const struct flow_blocks *waits, size_t index, int pipe,
		 int fd)
{
	bool read = false, written = false;
	char path[64];
	int opened, bytes;

	for (size_t i = waits->first[pipe]; i < waits->first[pipe + 1]; i++) {
		const struct flow_holder *holder = &waits->holders[i];

		if (waits->of[holder->process].locks)
			return -1;
		read |= holder->reads;
		written |= holder->writes;
	}
	if ((size_t)pipe < waits->look->run_pipes &&
	    waits->stuck->pipes[pipe].held_count > 0)
		written = true;
	if ((size_t)pipe < waits->look->run_pipes &&
	    waits->stuck->pipes[pipe].read_held)
		read = true;
	if (!read || !written)
		return -1;
	snprintf(path, sizeof(path), "/proc/%d/fd/%d",
		 (int)waits->look->processes[index].pid, fd);
	opened = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (opened < 0)
		return -1;
	if (ioctl(opened, FIONREAD, &bytes) < 0)
		bytes = -1;
	close(opened);
	return bytes;
}
