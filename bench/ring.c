/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * ring: what lib/ring and lib/cell take without a command around them, beside
 * a pipe of 64 KiB. The writer copies blocks in, the reader looks at every cache
 * line, in the ring itself or in what read(2) copied. Prints "NAME NUMBER" lines: microseconds for a work, and
 * nanoseconds for a round trip and for a read. Usage: bench/ring BYTES
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cell.h"
#include "clock.h"
#include "io.h"
#include "ring.h"

enum {
	BLOCK = 64 * 1024, /* bytes moved at once */
	RING = 1 << 20, /* bytes */
	MESSAGE = 64, /* bytes of a round trip */
	TRIPS = 20000, /* of a batch */
	BATCHES = 11,
	READS = 1000000,
	SPIN = 1000000, /* a round trip never sleeps */
};

static _Noreturn void
die(const char *what)
{
	fprintf(stderr, "ring: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int
new_ring(void)
{
	const struct flow_ring_shape shape = { .size = RING };
	int fd = memfd_create("ring", MFD_CLOEXEC);

	if (fd < 0 || posix_fallocate(fd, 0, (off_t)flow_ring_bytes(&shape)) ||
	    flow_ring_format(fd, &shape))
		die("memory");
	return fd;
}

static struct flow_ring *
open_ring(int fd)
{
	struct flow_error error = { 0 };
	char path[64];
	struct flow_ring *ring;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ring = flow_ring_open(open(path, O_RDWR | O_CLOEXEC), true, "ring",
			      &error);
	if (!ring)
		die(error.text);
	return ring;
}

struct work {
	int fd; /* a ring's, or an end of a pipe */
	uint64_t bytes;
};

static void *
fill_ring(void *data)
{
	static char block[BLOCK];
	struct work *work = data;
	struct flow_ring *ring = open_ring(work->fd);

	if (flow_ring_write_join(ring))
		die("join");
	for (uint64_t done = 0; done < work->bytes; done += BLOCK) {
		void *place;

		if (flow_ring_room(ring, BLOCK, BLOCK, &place, INT64_MAX) < 0)
			die("room");
		memcpy(place, block, BLOCK);
		flow_ring_commit(ring, BLOCK);
	}
	flow_ring_write_end(ring, 0, INT64_MAX);
	flow_ring_close(ring);
	return NULL;
}

/* The reader's work: a look at every cache line. */
static void
look_at(const void *data, size_t length)
{
	const unsigned char *byte = data;
	uint64_t sum = 0;

	for (size_t i = 0; i < length; i += 64)
		sum += byte[i];
	__asm__ volatile("" : : "r"(sum));
}

static void
drain_ring(int fd)
{
	struct flow_ring *ring = open_ring(fd);
	const void *place;
	ssize_t got;

	if (flow_ring_read_join(ring, FLOW_RING_OLDEST, 0))
		die("join");
	/* the writer joins later */
	while ((got = flow_ring_data(ring, &place, BLOCK, UINT64_MAX,
				     INT64_MAX)) != 0) {
		if (got < 0 && errno == EOWNERDEAD)
			continue;
		if (got < 0)
			die("data");
		look_at(place, (size_t)got);
		flow_ring_consume(ring, (size_t)got);
	}
	flow_ring_close(ring);
}

static void *
fill_pipe(void *data)
{
	static char block[BLOCK];
	struct work *work = data;

	for (uint64_t done = 0; done < work->bytes; done += BLOCK)
		if (flow_io_write_all(work->fd, block, BLOCK))
			die("write");
	close(work->fd);
	return NULL;
}

static void
drain_pipe(int fd)
{
	static char block[BLOCK];
	ssize_t got;

	while ((got = read(fd, block, BLOCK)) > 0)
		look_at(block, (size_t)got);
	close(fd);
}

/* WRITE in a process or a thread of its own; READ here; microseconds. */
static int64_t
time_of(void *(*write)(void *), struct work *work, void (*read)(int), int fd,
	bool thread)
{
	int64_t begin = flow_now();
	pthread_t other;
	pid_t pid = 0;

	if (thread) {
		pthread_create(&other, NULL, write, work);
	} else {
		pid = fork();
		if (pid == 0) {
			write(work);
			_exit(0);
		}
		if (read == drain_pipe)
			close(work->fd);
	}
	read(fd);
	if (thread)
		pthread_join(other, NULL);
	else
		waitpid(pid, NULL, 0);
	return (flow_now() - begin) / 1000;
}

static void
measure_stream(uint64_t bytes, bool thread)
{
	struct work work = { new_ring(), bytes };
	int ends[2];

	printf("%s-ring %lld\n", thread ? "thread" : "process",
	       (long long)time_of(fill_ring, &work, drain_ring, work.fd,
				  thread));
	close(work.fd);
	if (flow_io_pipe(ends, 65536, NULL))
		die("pipe");
	work.fd = ends[1];
	printf("%s-pipe %lld\n", thread ? "thread" : "process",
	       (long long)time_of(fill_pipe, &work, drain_pipe, ends[0],
				  thread));
}

/* --- round trips */

static void
send_one(struct flow_ring *ring)
{
	void *place;

	if (flow_ring_room(ring, MESSAGE, MESSAGE, &place, INT64_MAX) < 0)
		die("room");
	memset(place, 'x', MESSAGE);
	flow_ring_commit(ring, MESSAGE);
}

static void
take_one(struct flow_ring *ring)
{
	const void *data;
	ssize_t got;

	do
		got = flow_ring_data(ring, &data, MESSAGE, UINT64_MAX,
				     INT64_MAX);
	while (got < 0 && errno == EOWNERDEAD);
	if (got != MESSAGE)
		die("data");
	flow_ring_consume(ring, MESSAGE);
}

static void
pin_to(int processor)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(processor, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static int
by_size(const void *left, const void *right)
{
	int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;

	return (a > b) - (a < b);
}

static void
measure_round_trip(void)
{
	int there = new_ring(), back = new_ring();
	int64_t batches[BATCHES];
	struct flow_ring *out, *in;
	pid_t pid = fork();

	out = open_ring(pid ? there : back);
	in = open_ring(pid ? back : there);
	flow_ring_spin(out, SPIN);
	flow_ring_spin(in, SPIN);
	if (flow_ring_write_join(out) ||
	    flow_ring_read_join(in, FLOW_RING_OLDEST, 0))
		die("join");
	pin_to(pid ? 0 : 1);
	for (int i = 0; i < BATCHES; i++) {
		int64_t begin = flow_now();

		for (int j = 0; j < TRIPS; j++) {
			if (pid)
				send_one(out);
			take_one(in);
			if (!pid)
				send_one(out);
		}
		batches[i] = (flow_now() - begin) / TRIPS;
	}
	if (!pid)
		_exit(0);
	waitpid(pid, NULL, 0);
	qsort(batches, BATCHES, sizeof(*batches), by_size);
	printf("round-trip %lld\n", (long long)batches[BATCHES / 2]);
	flow_ring_close(out);
	flow_ring_close(in);
}

static void
measure_value(void)
{
	struct flow_error error = { 0 };
	int fd = memfd_create("cell", MFD_CLOEXEC);
	char value[MESSAGE] = { 0 };
	struct flow_cell *cell;
	uint64_t generation;
	int64_t begin;

	if (fd < 0 || ftruncate(fd, (off_t)flow_cell_bytes(MESSAGE)) ||
	    flow_cell_format(fd, MESSAGE, 0, 0, false))
		die("memory");
	cell = flow_cell_open(fd, true, "cell", &error);
	if (!cell || flow_cell_turn(cell, INT64_MAX) ||
	    flow_cell_write(cell, value, sizeof(value), false))
		die("cell");
	flow_cell_pass(cell);
	begin = flow_now();
	for (int i = 0; i < READS; i++)
		if (flow_cell_read(cell, value, sizeof(value), &generation) !=
		    sizeof(value))
			die("read");
	printf("value-read %lld\n", (long long)(flow_now() - begin) / READS);
	flow_cell_close(cell);
	close(fd);
}

int
main(int argc, char **argv)
{
	uint64_t bytes = argc == 2 ? strtoull(argv[1], NULL, 10) : 0;

	if (bytes < BLOCK) {
		fputs("usage: bench/ring BYTES\n", stderr);
		return 64;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	measure_stream(bytes, false);
	measure_stream(bytes, true);
	measure_value();
	if (sysconf(_SC_NPROCESSORS_ONLN) > 1)
		measure_round_trip();
	return 0;
}
