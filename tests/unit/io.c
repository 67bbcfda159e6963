/* SPDX-License-Identifier: GPL-3.0-or-later */
/* io: whole reads and writes, whatever the pipe does meanwhile. */
#include "config.h"

#include "io.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tap.h"

enum {
	BULK = 1
	       << 20, /* bytes; more than a pipe holds, so that both ends wait */
	PIECE = 4099, /* bytes; divides no power of two */
};

/* Different at every place of a page and from page to page. */
static char *
make_bulk(void)
{
	char *data = malloc(BULK);

	if (!data)
		abort();
	for (size_t i = 0; i < BULK; i++)
		data[i] = (char)(i * 31 + i / 4096);
	return data;
}

static int
status_of(pid_t child)
{
	int status = -1;

	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

static void
make_pipe(int ends[2])
{
	if (flow_io_pipe(ends, 0, NULL))
		abort();
}

/* A reader or writer that does not wait must wait in poll, and lose nothing. */
static void
check_bulk(const char *name, bool nonblocking)
{
	char *data = make_bulk(), *copy = calloc(1, BULK);
	int ends[2];
	pid_t child;

	make_pipe(ends);
	if (nonblocking)
		for (int i = 0; i < 2; i++)
			fcntl(ends[i], F_SETFL, O_NONBLOCK);
	child = fork();
	if (!child) {
		close(ends[0]);
		_exit(flow_io_write_all(ends[1], data, BULK) ? 1 : 0);
	}
	close(ends[1]);
	ok(copy && flow_io_read_full(ends[0], copy, BULK) == BULK &&
		   !memcmp(data, copy, BULK),
	   "%s", name);
	close(ends[0]);
	ok_number(status_of(child), 0, "its writer has written all");
	free(data);
	free(copy);
}

static void
on_alarm(int signal)
{
	(void)signal;
}

/* Ten signals a millisecond interrupt both ends. */
static void
check_interruptions(void)
{
	struct sigaction action = { .sa_handler = on_alarm };
	pid_t parent = getpid(), pest;

	sigaction(SIGUSR1, &action, NULL);
	pest = fork();
	if (!pest)
		for (;;) {
			if (getppid() != parent)
				_exit(0);
			kill(parent, SIGUSR1);
			usleep(100);
		}
	check_bulk("read_full: signals cost no byte", false);
	kill(pest, SIGKILL);
	status_of(pest);
}

static void
check_end_of_file(void)
{
	char buffer[16];
	int ends[2];

	make_pipe(ends);
	flow_io_write_all(ends[1], "a\0b", 3);
	close(ends[1]);
	ok_number(flow_io_read_full(ends[0], buffer, sizeof(buffer)), 3,
		  "read_full: end of file ends it early");
	ok(!memcmp(buffer, "a\0b", 3), "read_full: NUL bytes arrive");
	ok_number(flow_io_read_full(ends[0], buffer, sizeof(buffer)), 0,
		  "read_full: end of file again is 0");
	close(ends[0]);
	errno = 0;
	ok(flow_io_read_full(-1, buffer, 1) == -1 && errno == EBADF,
	   "read_full: an error is -1 with its errno");
	ok_number(flow_io_read_full(-1, buffer, 0), 0,
		  "read_full: nothing wanted, nothing read");
}

static void
check_write_errors(void)
{
	int ends[2], full = open("/dev/full", O_WRONLY | O_CLOEXEC);

	errno = 0;
	ok(flow_io_write_all(full, "x", 1) == -1 && errno == ENOSPC,
	   "write_all: a full device is ENOSPC");
	close(full);
	ok_number(flow_io_write_all(-1, "", 0), 0,
		  "write_all: nothing to write succeeds");
	make_pipe(ends);
	close(ends[0]);
	signal(SIGPIPE, SIG_IGN);
	errno = 0;
	ok(flow_io_write_all(ends[1], "x", 1) == -1 && errno == EPIPE,
	   "write_all: no reader is EPIPE");
	signal(SIGPIPE, SIG_DFL);
	close(ends[1]);
}

/* Slurps LENGTH bytes with LIMIT: the text, or NULL with errno. Owned. */
static char *
slurp(const char *data, size_t length, size_t limit, size_t *got)
{
	char name[] = "/tmp/ipcflow-unit-io.XXXXXX";
	int saved, fd = mkstemp(name);
	char *text;

	if (fd < 0 || unlink(name) || flow_io_write_all(fd, data, length) ||
	    lseek(fd, 0, SEEK_SET))
		abort();
	errno = 0;
	text = flow_io_slurp(fd, limit, got);
	saved = errno;
	close(fd);
	errno = saved;
	return text;
}

static void
check_slurp(void)
{
	static const size_t lengths[] = { 0,	 1,	PIECE, 16383, 16384,
					  16385, 32767, 32768, BULK };
	char *data = make_bulk(), *text;
	size_t got;

	for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
		got = 1;
		text = slurp(data, lengths[i], lengths[i], &got);
		ok(text && got == lengths[i] && !text[got] &&
			   !memcmp(text, data, got),
		   "slurp: %zu bytes, as many as the limit", lengths[i]);
		free(text);
		if (!lengths[i])
			continue;
		text = slurp(data, lengths[i], lengths[i] - 1, &got);
		ok(!text && errno == EFBIG, "slurp: %zu bytes are one too many",
		   lengths[i]);
		free(text);
	}
	text = slurp("abc", 3, 10, NULL);
	ok_text(text, "abc", "slurp: the length need not be asked for");
	free(text);
	errno = 0;
	ok(!flow_io_slurp(-1, 10, &got) && errno == EBADF,
	   "slurp: an error is NULL with its errno");
	free(data);
}

static void
check_pipes(void)
{
	uint64_t granted, standard;
	int ends[2];

	ok(!flow_io_pipe(ends, 0, &standard) && standard > 0,
	   "pipe: without a wish the kernel's default");
	ok((fcntl(ends[0], F_GETFD) & FD_CLOEXEC) &&
		   (fcntl(ends[1], F_GETFD) & FD_CLOEXEC),
	   "pipe: both ends are close-on-exec");
	close(ends[0]);
	close(ends[1]);

	ok(!flow_io_pipe(ends, 8192, &granted) && granted == 8192,
	   "pipe: a small wish is granted");
	close(ends[0]);
	close(ends[1]);

	ok(!flow_io_pipe(ends, UINT64_MAX, &granted) && granted > 0,
	   "pipe: a wish that is refused still gives a pipe");
	ok((uint64_t)fcntl(ends[0], F_GETPIPE_SZ) == granted,
	   "pipe: what was granted is told");
	close(ends[0]);
	close(ends[1]);
}

int
main(void)
{
	check_bulk("read_full: more than the pipe holds arrives", false);
	check_bulk("read_full: a pipe that does not block is polled", true);
	check_interruptions();
	check_end_of_file();
	check_write_errors();
	check_slurp();
	check_pipes();
	return tap_done();
}
