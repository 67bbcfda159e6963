/* SPDX-License-Identifier: GPL-3.0-or-later */
/* streams: for tests of relays: real pipes, and children at their ends. */
#ifndef FLOW_TEST_STREAMS_H
#define FLOW_TEST_STREAMS_H

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bytes.h"
#include "io.h"
#include "relay.h"
#include "tap.h"

enum {
	ENDS_MOST = 320, /* inputs or outputs of one relay */
	BOUND = 20, /* seconds any process of a test may live */
};

/* A relay under test; the test's ends of its pipes. */
struct streams {
	struct flow_relay relay;
	struct flow_relay_input inputs[ENDS_MOST];
	struct flow_relay_output outputs[ENDS_MOST];
	int feed[ENDS_MOST]; /* write end towards input N, or -1 */
	int drain[ENDS_MOST]; /* read end of output N, or -1 */
	int notes; /* read end */
	pid_t pid; /* of the relay */
};

static void
streams_open(struct streams *streams)
{
	int ends[2];

	memset(streams, 0, sizeof(*streams));
	for (int i = 0; i < ENDS_MOST; i++)
		streams->feed[i] = streams->drain[i] = -1;
	if (pipe2(ends, O_CLOEXEC))
		abort();
	streams->notes = ends[0];
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	streams->relay.notes = ends[1];
	streams->relay.meters =
		mmap(NULL, 2 * ENDS_MOST * sizeof(struct flow_meter),
		     PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	streams->relay.inputs = streams->inputs;
	streams->relay.outputs = streams->outputs;
	streams->relay.spill_directory = "/tmp";
}

/* The pipe's number is that of its meter. Takes FD. */
static unsigned
input_fd(struct streams *streams, int fd)
{
	unsigned index = streams->relay.input_count++;

	streams->inputs[index].fd = fd;
	streams->inputs[index].pipe = index;
	return index;
}

static unsigned
output_fd(struct streams *streams, int fd)
{
	unsigned index = streams->relay.output_count++;

	streams->outputs[index].fd = fd;
	streams->outputs[index].pipe = ENDS_MOST + index;
	return index;
}

static unsigned
input_pipe(struct streams *streams, uint64_t capacity)
{
	int ends[2];
	unsigned index;

	if (flow_io_pipe(ends, capacity, NULL))
		abort();
	index = input_fd(streams, ends[0]);
	streams->feed[index] = ends[1];
	return index;
}

static unsigned
output_pipe(struct streams *streams, uint64_t capacity)
{
	int ends[2];
	unsigned index;

	if (flow_io_pipe(ends, capacity, NULL))
		abort();
	index = output_fd(streams, ends[1]);
	streams->drain[index] = ends[0];
	return index;
}

static __attribute__((unused)) struct flow_meter *
output_meter(struct streams *streams, unsigned index)
{
	return &streams->relay.meters[streams->outputs[index].pipe];
}

/* A child that keeps of our pipes only what KEEP names. */
static pid_t
fork_keeping(const int *keep, size_t count)
{
	pid_t pid = fork();

	if (pid < 0)
		abort();
	if (pid > 0)
		return pid;
	alarm(BOUND);
	for (int fd = 3; fd < 1024; fd++) {
		bool kept = false;

		for (size_t i = 0; i < count; i++)
			kept |= keep[i] == fd;
		if (!kept)
			close(fd);
	}
	return 0;
}

/* The relay runs in a child; the ends it has are closed here. */
static void
streams_start(struct streams *streams, int (*run)(struct flow_relay *))
{
	struct flow_relay *relay = &streams->relay;
	int keep[2 * ENDS_MOST + 1];
	size_t count = 0;

	keep[count++] = relay->notes;
	for (unsigned i = 0; i < relay->input_count; i++)
		keep[count++] = streams->inputs[i].fd;
	for (unsigned i = 0; i < relay->output_count; i++)
		keep[count++] = streams->outputs[i].fd;
	streams->pid = fork_keeping(keep, count);
	if (streams->pid == 0)
		_exit(run(relay));
	for (size_t i = 1; i < count; i++)
		close(keep[i]);
}

/* The status PID ends with; 1000 and the signal if by one. */
static int
end_of(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status)
				 : 1000 + WTERMSIG(status);
}

static void
close_end(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* The relay's status; everything that is still open here is closed. */
static int
streams_end(struct streams *streams)
{
	int status = end_of(streams->pid);

	for (int i = 0; i < ENDS_MOST; i++) {
		close_end(&streams->feed[i]);
		close_end(&streams->drain[i]);
	}
	close(streams->relay.notes);
	return status;
}

/* The next note; .kind is UINT32_MAX if there is none. */
static struct flow_note
next_note(struct streams *streams)
{
	struct flow_note note;

	if (read(streams->notes, &note, sizeof(note)) != sizeof(note))
		note.kind = UINT32_MAX;
	return note;
}

static void
streams_forget(struct streams *streams)
{
	close(streams->notes);
	munmap(streams->relay.meters,
	       2 * ENDS_MOST * sizeof(struct flow_meter));
}

/* What became of the bytes a child was to read. */
enum { EXACT = 0, WRONG = 1 };

/* Sleeps up to MOST microseconds now and then: a slow process. */
static void
dawdle(unsigned most)
{
	if (most && random_next(8) == 0)
		usleep((useconds_t)random_next(most));
}

/* A child writes TOTAL bytes of stream SEED to input INDEX, in pieces of up to PIECE. */
static pid_t __attribute__((unused))
feed(struct streams *streams, unsigned index, uint64_t seed, uint64_t total,
     size_t piece, unsigned slow)
{
	int fd = streams->feed[index];
	pid_t pid = fork_keeping(&fd, 1);
	char *data;

	if (pid) {
		close_end(&streams->feed[index]);
		return pid;
	}
	random_state += seed;
	data = malloc(piece);
	for (uint64_t done = 0; done < total;) {
		size_t size = 1 + (size_t)random_next(piece);

		if (size > total - done)
			size = (size_t)(total - done);
		for (size_t i = 0; i < size; i++)
			data[i] = stream_byte(seed, done + i);
		if (flow_io_write_all(fd, data, size))
			_exit(WRONG);
		done += size;
		dawdle(slow);
	}
	_exit(EXACT);
}

/* Reads FD: are these exactly bytes FROM to END of stream SEED, and then the end? */
static bool __attribute__((unused))
same_stream(int fd, uint64_t seed, uint64_t from, uint64_t end, size_t piece,
	    unsigned slow)
{
	char *data = malloc(piece);
	bool same = true;

	while (same) {
		ssize_t got = read(fd, data, piece);

		if (got <= 0) {
			same = got == 0 && from == end;
			break;
		}
		for (ssize_t i = 0; same && i < got; i++)
			same = from + (uint64_t)i < end &&
			       data[i] == stream_byte(seed, from + (uint64_t)i);
		from += (uint64_t)got;
		dawdle(slow);
	}
	free(data);
	return same;
}

/* A child reads output INDEX to its end and compares. */
static pid_t __attribute__((unused))
drain(struct streams *streams, unsigned index, uint64_t seed, uint64_t total,
      size_t piece, unsigned slow)
{
	int fd = streams->drain[index];
	pid_t pid = fork_keeping(&fd, 1);

	if (pid) {
		close_end(&streams->drain[index]);
		return pid;
	}
	random_state += index + 1;
	_exit(same_stream(fd, seed, 0, total, piece, slow) ? EXACT : WRONG);
}

#endif
