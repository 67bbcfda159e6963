/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * farm-blocks: order=blocks: each block of whole records is the standard input
 * of a fresh process, and what they put out goes out in the order of the blocks.
 *
 *	input -> memfd of a block -> process -> pipe -> output, when its turn has come
 *
 * A process has all of its input when it starts, so the first one in the order
 * can always go on; the others wait when their pipes are full and what is read
 * ahead of them is at its limit. Nothing can block for ever.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "farm.h"
#include "io.h"
#include "move.h"

enum {
	BLOCK = 4 << 20, /* bytes; a block is cut when it has so many */
	STEP = 1 << 20, /* bytes asked of one move */
	PIPE = 1 << 20, /* bytes of a worker's pipe, where that is granted */
	STAGES = 8, /* pipes more that take up what has to wait for its turn */
	IDLE = 20, /* milliseconds after which a block is cut as it is */
	LAZY = 300, /* microseconds to let a worker fill its pipe */
};

/*
 * The records that come next, in a file without a name that becomes a process's
 * input: spliced there, so that they are copied once, and looked at where they
 * lie. A fresh one a block, since its pages may be referenced downstream.
 */
struct block {
	int fd;
	const char *data; /* mapped */
	size_t mapped, length; /* bytes of data; that are there */
	size_t whole; /* bytes that are whole records */
	size_t seen;
	struct flow_move way; /* from the input */
};

/* A block's process; while it waits for its turn, stages empty its pipe. */
struct task {
	struct flow_worker worker;
	int stages[STAGES][2];
	size_t first, count; /* of stages: to be put out; opened */
	bool over; /* its output has ended */
};

struct blocks {
	struct flow_farm *farm;
	struct block block;
	bool input_ended;
	bool any; /* a block has been cut */
	int64_t since; /* when the oldest uncut record came; 0: there is none */
	struct task *tasks; /* a ring, in the order of the blocks */
	size_t first, count, room; /* of the ring */
};

static struct task *
task_at(const struct blocks *b, size_t i)
{
	return &b->tasks[(b->first + i) % b->room];
}

/* Makes BLOCK begin with LENGTH bytes of DATA. 0, or -1. */
static int
begin_block(struct blocks *b, struct block *block, const char *data,
	    size_t length)
{
	*block = (struct block){
		.fd = memfd_create("block", MFD_CLOEXEC),
		.mapped = 2 * BLOCK + length,
		.length = length,
	};
	if (block->fd < 0)
		return -1;
	block->data =
		mmap(NULL, block->mapped, PROT_READ, MAP_SHARED, block->fd, 0);
	if (block->data == MAP_FAILED ||
	    flow_io_write_all(block->fd, data, length) < 0) {
		close(block->fd);
		block->fd = -1;
		return -1;
	}
	flow_move_init(&block->way, b->farm->input->fd, block->fd);
	return 0;
}

static void
end_block(struct block *block)
{
	if (block->fd < 0)
		return;
	munmap((void *)block->data, block->mapped);
	close(block->fd);
}

/* Starts a process on the first LENGTH bytes of the block. 0, or a status. */
static int
cut(struct blocks *b, size_t length)
{
	struct block block = b->block;
	struct task *task = task_at(b, b->count);

	if (begin_block(b, &b->block, block.data + length,
			block.length - length) < 0 ||
	    ftruncate(block.fd, (off_t)length) < 0 ||
	    lseek(block.fd, 0, SEEK_SET) < 0) {
		end_block(&block);
		return flow_farm_trouble(b->farm);
	}
	munmap((void *)block.data, block.mapped);
	b->any = true;
	b->since = 0;
	*task = (struct task){ .worker.output = -1 };
	b->count++;
	return flow_worker_start(&task->worker, b->farm->relay, block.fd,
				 PIPE) < 0
		       ? FLOW_RELAY_FAILED
		       : 0;
}

/* Room to look at STEP bytes more. */
static int
make_room(struct block *block)
{
	void *data;

	if (block->mapped - block->length >= STEP)
		return 0;
	data = mremap((void *)block->data, block->mapped, 2 * block->mapped,
		      MREMAP_MAYMOVE);
	if (data == MAP_FAILED)
		return -1;
	block->data = data;
	block->mapped *= 2;
	return 0;
}

/* How many processes run now. */
static size_t
running(const struct blocks *b)
{
	size_t count = 0;

	for (size_t i = 0; i < b->count; i++)
		count += task_at(b, i)->worker.pid > 0;
	return count;
}

static bool
may_start(const struct blocks *b)
{
	return b->count < b->room && running(b) < b->farm->relay->replicas;
}

/* Cuts a block if there is one to cut and a process may be started on it. */
static int
try_cut(struct blocks *b)
{
	struct block *block = &b->block;
	bool due = b->since && flow_now() - b->since >= IDLE * 1000000LL;
	const char *delimiter;
	size_t size;

	if (!may_start(b))
		return 0;
	if (b->input_ended) {
		if (block->length == 0 && b->any)
			return 0; /* an empty input is one empty block */
		flow_record_delimiter(&b->farm->relay->record, &delimiter,
				      &size);
		if (block->length > block->whole && size == 0) {
			flow_relay_note(b->farm->relay, FLOW_NOTE_RECORD, false,
					b->farm->input->pipe, 0);
			return FLOW_RELAY_DATA;
		}
		return cut(b, block->length);
	}
	if (block->whole >= BLOCK || (due && block->whole > 0))
		return cut(b, block->whole);
	return 0;
}

/* Is there room for more input before a block has to be cut? */
static bool
wants_input(const struct blocks *b)
{
	return !b->input_ended && b->block.whole < BLOCK;
}

static int
read_input(struct blocks *b)
{
	struct flow_farm *farm = b->farm;
	struct block *block = &b->block;
	size_t more;
	ssize_t got;

	if (make_room(block) < 0)
		return flow_farm_trouble(farm);
	got = flow_move_some(&block->way, STEP);
	if (got < 0 && errno == EAGAIN)
		return 0;
	if (got < 0 && !block->way.reading)
		return flow_farm_trouble(farm);
	if (got < 0) {
		flow_relay_note(farm->relay, FLOW_NOTE_READ, true,
				farm->input->pipe, 0);
		return FLOW_RELAY_FAILED;
	}
	if (got == 0) {
		b->input_ended = true;
		close(farm->input->fd);
		farm->input->fd = -1;
		return 0;
	}
	flow_relay_taken(farm->relay, farm->input->pipe, (uint64_t)got);
	block->length += (size_t)got;
	more = flow_record_whole(&farm->relay->record,
				 block->data + block->whole,
				 block->length - block->whole, &block->seen);
	block->whole += more;
	block->seen = block->seen > more ? block->seen - more : 0;
	b->since = flow_now();
	return 0;
}

/*
 * Moves what is in TASK's pipe, when that is filling, to a stage: pages change
 * hands, nothing is copied. When all stages are full the process has to wait.
 */
static void
stage(struct task *task)
{
	while (!task->over &&
	       flow_move_waiting(task->worker.output) >= PIPE / 2) {
		ssize_t moved = -1;

		if (task->count > 0)
			moved = splice(task->worker.output, NULL,
				       task->stages[task->count - 1][1], NULL,
				       PIPE, SPLICE_F_NONBLOCK);
		if (moved > 0)
			continue;
		if (task->count == STAGES ||
		    flow_io_pipe(task->stages[task->count], PIPE, NULL) < 0)
			return;
		task->count++;
	}
}

/* The output is full. 0 when it has room again, or a status. */
static int
await_room(struct flow_farm *farm)
{
	struct pollfd out = { .fd = farm->output->fd, .events = POLLOUT };

	flow_relay_waits(farm->relay, farm->output->pipe, FLOW_WAIT_WRITE,
			 true);
	poll(&out, 1, -1);
	flow_relay_waits(farm->relay, farm->output->pipe, FLOW_WAIT_WRITE,
			 false);
	return flow_relay_reader_gone(out.revents) ? FLOW_RELAY_GONE : 0;
}

/*
 * Puts out what is in pipe FROM. *MOVED: there was something; *OVER: it has
 * ended. 0, or a status.
 */
static int
put_out(struct flow_farm *farm, int from, bool *moved, bool *over)
{
	struct flow_move way;
	int status = 0;

	flow_move_init(&way, from, farm->output->fd);
	while (status == 0) {
		struct pollfd in = { .fd = from, .events = POLLIN };
		ssize_t count;

		if (poll(&in, 1, 0) <= 0)
			return 0;
		count = flow_move_some(&way, PIPE);
		if (count > 0) {
			*moved = true;
			flow_relay_put(farm->relay, farm->output->pipe,
				       (uint64_t)count);
		} else if (count == 0) {
			*over = true;
			return 0;
		} else if (errno == EAGAIN) {
			status = await_room(farm);
		} else if (!way.reading &&
			   (errno == EPIPE || errno == ECONNRESET)) {
			status = FLOW_RELAY_GONE;
		} else {
			flow_relay_note(farm->relay, FLOW_NOTE_WRITE, true,
					farm->output->pipe, 0);
			status = FLOW_RELAY_FAILED;
		}
	}
	return status;
}

static void
close_stage(int ends[2])
{
	close(ends[0]);
	close(ends[1]);
}

/* Moves what the first TASK has put out. *MOVED: there was something. */
static int
drain(struct blocks *b, struct task *task, bool *moved)
{
	int status = 0;

	while (status == 0 && task->first < task->count) {
		bool over = false;

		/* open for writing, so only empty at the end, never over */
		status = put_out(b->farm, task->stages[task->first][0], moved,
				 &over);
		if (status == 0)
			close_stage(task->stages[task->first++]);
	}
	if (status == 0 && !task->over)
		status = put_out(b->farm, task->worker.output, moved,
				 &task->over);
	return status;
}

/* Those at the front that are over go. 0, or the status of one that failed. */
static int
retire(struct blocks *b)
{
	while (b->count > 0) {
		struct task *task = task_at(b, 0);

		if (!task->over || !task->worker.reaped)
			return 0;
		close(task->worker.output);
		task->worker.output = -1;
		b->first = (b->first + 1) % b->room;
		b->count--;
		if (!flow_worker_is_good(b->farm->relay, &task->worker))
			return flow_farm_failed(b->farm, &task->worker);
	}
	return 0;
}

/* Sleeps until there is something to do. *LAZY: let the first one's pipe fill. */
static int
wait_for_work(struct blocks *b, bool lazy)
{
	struct flow_farm *farm = b->farm;
	bool ahead = b->count > 1;
	struct timespec nap = { .tv_nsec = LAZY * 1000 };
	int64_t due = b->since + IDLE * 1000000LL - flow_now();
	bool timed = lazy || ahead || (b->since && may_start(b));
	struct pollfd polled[] = {
		{ .fd = farm->signals, .events = POLLIN },
		{ .fd = farm->output->fd },
		{ .fd = wants_input(b) ? farm->input->fd : -1,
		  .events = POLLIN },
		{ .fd = b->count > 0 && !lazy && !task_at(b, 0)->over
				? task_at(b, 0)->worker.output
				: -1,
		  .events = POLLIN },
	};
	char signals[sizeof(uint64_t) * 64];
	int status = 0, changed;

	if (!lazy && ahead)
		nap.tv_nsec = 2000000;
	else if (!lazy && b->since)
		nap.tv_nsec = due > 0 ? due : 0;
	if (wants_input(b))
		flow_relay_waits(farm->relay, farm->input->pipe, FLOW_WAIT_READ,
				 b->count == 0);
	changed = ppoll(polled, sizeof(polled) / sizeof(polled[0]),
			timed ? &nap : NULL, NULL);
	flow_relay_waits(farm->relay, farm->input->pipe, FLOW_WAIT_READ, false);
	if (changed < 0 && errno != EINTR)
		return flow_farm_trouble(farm);
	if (changed <= 0)
		return 0;
	while (polled[0].revents &&
	       read(farm->signals, signals, sizeof(signals)) > 0)
		;
	if (flow_relay_reader_gone(polled[1].revents))
		return FLOW_RELAY_GONE;
	if (polled[2].revents)
		status = read_input(b);
	return status;
}

static void
reap(struct blocks *b)
{
	for (size_t i = 0; i < b->count; i++)
		flow_workers_reap(&task_at(b, i)->worker, 1);
}

static int
run(struct blocks *b)
{
	bool moved = false;
	int status = 0;

	while (status == 0) {
		reap(b);
		status = try_cut(b);
		if (status == 0 && b->count > 0)
			status = drain(b, task_at(b, 0), &moved);
		for (size_t i = 1; i < b->count; i++)
			stage(task_at(b, i));
		if (status == 0)
			status = retire(b);
		if (status || (b->input_ended && b->count == 0 &&
			       b->block.length == 0 && b->any))
			break;
		if (may_start(b) &&
		    (b->input_ended || b->block.whole >= BLOCK) &&
		    (b->block.length > 0 || !b->any))
			continue;
		status = wait_for_work(b, moved && b->count > 0);
		moved = false;
	}
	return status;
}

int
flow_farm_blocks(struct flow_farm *farm)
{
	struct blocks b = {
		.farm = farm,
		.room = 2 * (size_t)farm->relay->replicas + 1,
	};
	int status;

	b.tasks = calloc(b.room, sizeof(*b.tasks));
	if (!b.tasks)
		return flow_farm_trouble(farm);
	status = begin_block(&b, &b.block, "", 0) < 0 ? flow_farm_trouble(farm)
						      : run(&b);
	for (size_t i = 0; i < b.count; i++)
		if (task_at(&b, i)->worker.pid > 0)
			kill(task_at(&b, i)->worker.pid, SIGTERM);
	for (size_t i = 0; i < b.count; i++)
		flow_workers_end(&task_at(&b, i)->worker, 1);
	end_block(&b.block);
	free(b.tasks);
	return status;
}
