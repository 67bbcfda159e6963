/* SPDX-License-Identifier: GPL-3.0-or-later */
/* restart: how often and how soon, and what is left to read. */
#include "config.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "left.h"
#include "restart.h"
#include "tap.h"

#define MS (FLOW_SECOND / 1000)

static const struct flow_node failing = {
	.restart = FLOW_RESTART_ON_FAILURE,
	.retries = -1,
	.backoff = -1,
};

static void
check_counts(void)
{
	struct flow_restart_count count = { 0 };
	struct flow_node node = failing;

	ok_number(flow_restart_failed(&node, &count, 0), 100 * MS,
		  "restart: the first wait is 100 ms");
	ok_number(flow_restart_failed(&node, &count, 0), 200 * MS,
		  "restart: the second is twice that");
	ok_number(flow_restart_failed(&node, &count, 0), 400 * MS,
		  "restart: the third is twice that again");
	ok_number(flow_restart_failed(&node, &count, 0), -1,
		  "restart: three times and no more");
	ok_number(count.failures, 3, "restart: what is refused is not counted");
	ok_number(flow_restart_succeeded(&node, &count, 0), -1,
		  "restart: on-failure does not start again what succeeded");

	count = (struct flow_restart_count){ 0 };
	node.retries = 0;
	ok_number(flow_restart_failed(&node, &count, 0), -1,
		  "restart: retries=0 is never");
	node.restart = FLOW_RESTART_NO;
	node.retries = 5;
	ok_number(flow_restart_failed(&node, &count, 0), -1,
		  "restart: restart=no is never");
}

static void
check_waits(void)
{
	struct flow_restart_count count = { 0 };
	struct flow_node node = failing;
	int64_t wait = 0;

	node.retries = 1000;
	for (int i = 0; i < 200; i++)
		wait = flow_restart_failed(&node, &count, 0);
	ok_number(wait, 30 * FLOW_SECOND,
		  "restart: no wait is longer than 30 s");
	ok_number(flow_restart_failed(&node, &count, 10 * FLOW_SECOND),
		  100 * MS, "restart: after 10 s waits begin anew");
	ok_number(flow_restart_failed(&node, &count, 10 * FLOW_SECOND - 1),
		  200 * MS, "restart: but not sooner");

	count = (struct flow_restart_count){ 0 };
	node.backoff = 60 * FLOW_SECOND;
	flow_restart_failed(&node, &count, 0);
	ok_number(flow_restart_failed(&node, &count, 0), 60 * FLOW_SECOND,
		  "restart: a first wait of more than 30 s stays as it is");
	count = (struct flow_restart_count){ 0 };
	node.backoff = INT64_MAX;
	flow_restart_failed(&node, &count, 0);
	ok_number(flow_restart_failed(&node, &count, 0), INT64_MAX,
		  "restart: the longest wait there is does not overflow");
	count = (struct flow_restart_count){ 0 };
	node.backoff = 0;
	flow_restart_failed(&node, &count, 0);
	ok_number(flow_restart_failed(&node, &count, 0), 0,
		  "restart: backoff=0 never waits");
}

static void
check_always(void)
{
	struct flow_restart_count count = { 0 };
	struct flow_node node = failing;

	node.restart = FLOW_RESTART_ALWAYS;
	ok_number(flow_restart_succeeded(&node, &count, 30 * MS), 70 * MS,
		  "restart: two starts are a wait apart");
	ok_number(flow_restart_succeeded(&node, &count, 100 * MS), 0,
		  "restart: who ran that long is started at once");
	for (int i = 0; i < 10; i++)
		flow_restart_succeeded(&node, &count, 0);
	ok_number(count.failures, 0, "restart: successes are not counted");
	flow_restart_failed(&node, &count, 0);
	flow_restart_failed(&node, &count, 0);
	flow_restart_succeeded(&node, &count, 0);
	ok_number(flow_restart_failed(&node, &count, 0), 100 * MS,
		  "restart: after a success waits begin anew");
	ok_number(flow_restart_failed(&node, &count, 0), -1,
		  "restart: but all failures count");
}

static void *
write_late(void *end)
{
	usleep(20000);
	if (write(*(int *)end, "x", 1) != 1)
		abort();
	return NULL;
}

static void
check_left(void)
{
	int pipe[2], other[2], pair[2], null = open("/dev/null", O_RDONLY);
	char path[] = "/tmp/flow-restart-XXXXXX", byte;
	int file = mkstemp(path);
	pthread_t thread;

	unlink(path);
	if (pipe2(pipe, O_CLOEXEC) < 0 || pipe2(other, O_CLOEXEC) < 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0 || file < 0)
		abort();
	ok_number(flow_left_at(pipe[0]), FLOW_LEFT_MAYBE,
		  "left: an empty pipe may have more");
	pthread_create(&thread, NULL, write_late, &pipe[1]);
	ok(flow_left_await((int[]){ pipe[0] }, 1), "left: input is waited for");
	pthread_join(thread, NULL);
	ok_number(flow_left_at(pipe[0]), FLOW_LEFT_SOME,
		  "left: and is still there then");
	close(pipe[1]);
	ok_number(flow_left_at(pipe[0]), FLOW_LEFT_SOME,
		  "left: also when its writer has gone");
	ok(read(pipe[0], &byte, 1) == 1 && byte == 'x',
	   "left: it is what was written");
	ok_number(flow_left_at(pipe[0]), FLOW_LEFT_NOTHING,
		  "left: a pipe that was read to its end has nothing");
	ok(!flow_left_await((int[]){ pipe[0] }, 1),
	   "left: the end of a pipe is no input");
	pthread_create(&thread, NULL, write_late, &other[1]);
	ok(flow_left_await((int[]){ pipe[0], other[0] }, 2),
	   "left: of several, one is enough");
	pthread_join(thread, NULL);
	close(other[1]);
	ok(read(other[0], &byte, 1) == 1 &&
		   !flow_left_await((int[]){ pipe[0], other[0] }, 2),
	   "left: when all have ended there is none");

	ok_number(flow_left_at(file), FLOW_LEFT_NOTHING,
		  "left: an empty file has nothing");
	ok(write(file, "abc", 3) == 3 && lseek(file, 2, SEEK_SET) == 2 &&
		   flow_left_at(file) == FLOW_LEFT_SOME,
	   "left: a file has what is behind its offset");
	ok(lseek(file, 3, SEEK_SET) == 3 &&
		   flow_left_at(file) == FLOW_LEFT_NOTHING,
	   "left: and nothing at its end");
	ok_number(flow_left_at(null), FLOW_LEFT_NOTHING,
		  "left: /dev/null has nothing");
	ok_number(flow_left_at(pair[0]), FLOW_LEFT_MAYBE,
		  "left: a quiet socket may have more");
	ok(write(pair[1], "x", 1) == 1 && close(pair[1]) == 0 &&
		   flow_left_at(pair[0]) == FLOW_LEFT_SOME,
	   "left: a closed socket still has what was sent");
	ok(read(pair[0], &byte, 1) == 1 &&
		   flow_left_at(pair[0]) == FLOW_LEFT_NOTHING,
	   "left: and then nothing");
	close(pair[0]);
	close(pipe[0]);
	close(other[0]);
	close(file);
	close(null);
}

int
main(void)
{
	check_counts();
	check_waits();
	check_always();
	check_left();
	return tap_done();
}
