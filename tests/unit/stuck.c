/* SPDX-License-Identifier: GPL-3.0-or-later */
/* stuck: deadlocks are proven; what only waits is never taken for one. */
#include "config.h"

#include <poll.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "stuck.h"
#include "tap.h"

#include "nodes.h"

/* The pipes of a run; the guardian's own ends are closed by seal(). */
enum { PIPES = 3 };

struct run {
	int ends[PIPES][2];
	struct flow_stuck_pipe pipes[PIPES];
	struct flow_stuck stuck;
	struct flow_meter *meters; /* shared with relays */
};

static const char *const names[PIPES][2] = {
	{ "a:1", "b:0" },
	{ "b:1", "a:0" },
	{ "c:1", "d:0" },
};

static void
begin(struct run *run)
{
	*run = (struct run){ 0 };
	run->meters =
		mmap(NULL, PIPES * sizeof(*run->meters), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (run->meters == MAP_FAILED)
		give_up("mmap");
	for (int i = 0; i < PIPES; i++) {
		struct stat stat;

		if (pipe2(run->ends[i], O_CLOEXEC) < 0 ||
		    fstat(run->ends[i][0], &stat) < 0)
			give_up("pipe2");
		run->pipes[i] = (struct flow_stuck_pipe){
			.inode = { stat.st_dev, stat.st_ino },
			.from = names[i][0],
			.to = names[i][1],
		};
	}
	run->stuck =
		(struct flow_stuck){ getpid(), run->pipes, PIPES, run->meters };
}

/* The nodes have their ends. */
static void
seal(struct run *run)
{
	for (int i = 0; i < PIPES; i++)
		for (int end = 0; end < 2; end++)
			if (run->ends[i][end] >= 0) {
				close(run->ends[i][end]);
				run->ends[i][end] = -1;
			}
}

static void
end(struct run *run)
{
	seal(run);
	if (flow_proc_kill_all() != 0)
		give_up("kill_all");
	munmap(run->meters, PIPES * sizeof(*run->meters));
}

/* Two looks and the verdict; the text goes to *TEXT. */
static int
verdict(const struct run *run, char **text)
{
	struct flow_stuck_look *before, *after;
	int result;

	before = flow_stuck_look(&run->stuck);
	pause_ms(50);
	after = flow_stuck_look(&run->stuck);
	if (before == NULL || after == NULL)
		give_up("flow_stuck_look");
	result = flow_stuck_proof(&run->stuck, before, after, text);
	flow_stuck_look_free(before);
	flow_stuck_look_free(after);
	return result;
}

/* Asks until the verdict is a deadlock, for 5 s. */
static bool
proves(struct run *run, char **text)
{
	for (int i = 0; i < 100; i++)
		if (verdict(run, text) == 1)
			return true;
	return false;
}

/* Does the description of PID become WANTED? */
static bool
becomes(const struct run *run, pid_t pid, const char *wanted)
{
	char text[128] = "";

	for (int i = 0; i < 1000; i++) {
		struct flow_stuck_look *look = flow_stuck_look(&run->stuck);

		if (look == NULL)
			give_up("flow_stuck_look");
		flow_stuck_describe(&run->stuck, look, pid, text, sizeof(text));
		flow_stuck_look_free(look);
		if (strcmp(text, wanted) == 0)
			return true;
		pause_ms(2);
	}
	tap_note("wanted %s, is %s", wanted, text);
	return false;
}

static bool
never_proves(struct run *run)
{
	for (int i = 0; i < 4; i++) {
		char *text;
		int result = verdict(run, &text);

		if (result != 0) {
			tap_note("%s", text ? text : "error");
			free(text);
			return false;
		}
	}
	return true;
}

static bool
matches(const char *text, const char *part)
{
	bool found = strstr(text, part) != NULL;

	if (!found)
		tap_note("no \"%s\" in\n%s", part, text);
	return found;
}

static void
sleep_on(void *argument)
{
	(void)argument;
	for (;;)
		pause();
}

static void
fill(void *argument)
{
	static const char block[4096];

	while (write(*(int *)argument, block, sizeof(block)) > 0)
		;
}

static void
drain(void *argument)
{
	static char block[4096];

	while (read(*(int *)argument, block, sizeof(block)) > 0)
		;
}

/* A parent in waitpid over a child that fills. */
static void
fill_below(void *argument)
{
	pid_t pid = fork();

	if (pid == 0)
		fill(argument);
	waitpid(pid, NULL, 0);
}

/* A parent in waitpid over a child that lives. */
static void
sleep_below(void *argument)
{
	pid_t pid = fork();

	if (pid == 0) {
		close_others(KEEP(2));
		sleep_on(argument);
	}
	waitpid(pid, NULL, 0);
}

static void *
drain_in_thread(void *argument)
{
	drain(argument);
	return NULL;
}

/* One thread reads, the other joins it. */
static void
drain_threaded(void *argument)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, drain_in_thread, argument) == 0)
		pthread_join(thread, NULL);
}

static void *
sleep_in_thread(void *argument)
{
	sleep_on(argument);
	return NULL;
}

/* One thread reads, another sleeps in something else. */
static void
drain_beside_sleeper(void *argument)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, sleep_in_thread, NULL) == 0)
		drain(argument);
}

static void
splice_on(void *argument)
{
	int *ends = argument;

	while (splice(ends[0], NULL, ends[1], NULL, 65536, 0) > 0)
		;
}

/* As a relay: sleeps in poll, and says so. */
struct relay_argument {
	struct pollfd polled[2];
	nfds_t count;
	int timeout;
	struct flow_meter *reads, *writes;
};

static void
relay_on(void *argument)
{
	struct relay_argument *relay = argument;

	if (relay->reads)
		atomic_store(&relay->reads->waits_read, 1);
	if (relay->writes)
		atomic_store(&relay->writes->waits_write, 1);
	for (;;)
		poll(relay->polled, relay->count, relay->timeout);
}

static void
check_pair(void)
{
	struct run run;
	char *text, wanted[128];
	pid_t a, b;

	begin(&run);
	a = node(fill, &run.ends[0][1], KEEP(run.ends[0][1], run.ends[1][0]));
	b = node(fill, &run.ends[1][1], KEEP(run.ends[1][1], run.ends[0][0]));
	seal(&run);
	if (ok(proves(&run, &text), "two that write to each other are stuck")) {
		snprintf(wanted, sizeof(wanted), "  a (pid %d, ", (int)a);
		ok(matches(text, wanted), "the first is named");
		ok(matches(text, " is blocked writing to b: 65536 bytes wait "
				 "in the pipe (a:1 -> b:0)\n"),
		   "and what it is blocked on");
		snprintf(wanted, sizeof(wanted), "  b (pid %d, ", (int)b);
		ok(matches(text, wanted), "and the second");
		tap_note("%s", text);
		free(text);
	}
	ok(becomes(&run, a, "waits for room to b"), "a writer is described");
	kill(a, SIGSTOP);
	wait_state(a, 'T');
	ok(never_proves(&run), "not while one of them is stopped");
	ok(becomes(&run, a, "is stopped"), "which is described");
	kill(a, SIGCONT);
	ok(proves(&run, &text), "but again when it goes on");
	free(text);
	end(&run);
}

static void
check_bystanders(void)
{
	struct run run;
	pid_t reader;

	begin(&run);
	node(fill, &run.ends[0][1], KEEP(run.ends[0][1], run.ends[1][0]));
	node(fill, &run.ends[1][1], KEEP(run.ends[1][1], run.ends[0][0]));
	node(sleep_on, NULL, KEEP(run.ends[0][0]));
	seal(&run);
	ok(never_proves(&run), "a third who could read: no proof");
	end(&run);

	begin(&run);
	reader = node(drain, &run.ends[0][0], KEEP(run.ends[0][0]));
	node(sleep_on, NULL, KEEP(run.ends[0][1]));
	seal(&run);
	ok(becomes(&run, reader, "waits for input from a"),
	   "a reader is described");
	ok(never_proves(&run), "a writer that sleeps: no proof");
	end(&run);
}

static void
check_self(void)
{
	struct run run;
	char *text;
	pid_t parent;

	begin(&run);
	node(drain, &run.ends[0][0], KEEP(run.ends[0][0], run.ends[0][1]));
	seal(&run);
	if (ok(proves(&run, &text), "who reads its own pipe is stuck")) {
		ok(matches(text, " is blocked reading from a: the pipe is "
				 "empty (a:1 -> b:0)\n"),
		   "an empty pipe is called so");
		free(text);
	}
	end(&run);

	begin(&run);
	parent = node(fill_below, &run.ends[0][1],
		      KEEP(run.ends[0][0], run.ends[0][1]));
	seal(&run);
	ok(proves(&run, &text),
	   "a parent that waits for a stuck child is stuck with it");
	free(text);
	ok(becomes(&run, parent, "waits for its children"), "and is described");
	end(&run);

	begin(&run);
	parent = node(sleep_below, NULL, KEEP(run.ends[0][1]));
	node(drain, &run.ends[0][0], KEEP(run.ends[0][0]));
	seal(&run);
	ok(becomes(&run, parent, "waits for its children") &&
		   never_proves(&run),
	   "a parent that waits for one that lives: no proof");
	end(&run);
}

static void
check_threads(void)
{
	struct run run;
	char *text;

	begin(&run);
	node(drain_threaded, &run.ends[0][0],
	     KEEP(run.ends[0][0], run.ends[1][1]));
	node(drain, &run.ends[1][0], KEEP(run.ends[1][0], run.ends[0][1]));
	seal(&run);
	ok(proves(&run, &text), "a thread that joins a stuck one is stuck");
	free(text);
	end(&run);

	begin(&run);
	node(drain_beside_sleeper, &run.ends[0][0],
	     KEEP(run.ends[0][0], run.ends[1][1]));
	node(drain, &run.ends[1][0], KEEP(run.ends[1][0], run.ends[0][1]));
	seal(&run);
	ok(never_proves(&run), "a thread that sleeps elsewhere: no proof");
	end(&run);
}

static void
check_splice(void)
{
	struct run run;
	int through[2];
	char *text;

	begin(&run);
	through[0] = run.ends[0][0];
	through[1] = run.ends[1][1];
	node(splice_on, through, KEEP(through[0], through[1]));
	node(drain, &run.ends[1][0], KEEP(run.ends[1][0], run.ends[0][1]));
	seal(&run);
	ok(proves(&run, &text), "a splice whose source is dry is stuck");
	free(text);
	end(&run);

	begin(&run);
	through[0] = run.ends[0][0];
	through[1] = run.ends[1][1];
	node(splice_on, through, KEEP(through[0], through[1]));
	node(fill, &run.ends[0][1], KEEP(run.ends[0][1], run.ends[1][0]));
	seal(&run);
	if (ok(proves(&run, &text), "a splice whose target is full is stuck")) {
		ok(matches(text, "b (pid "), "the splicing node is named");
		ok(matches(text, "writing to a: 65536 bytes"),
		   "and that it waits for room");
		free(text);
	}
	end(&run);

	/* Its source is dry, and only its target is in the hands of a member. */
	begin(&run);
	through[0] = run.ends[0][0];
	through[1] = run.ends[1][1];
	node(splice_on, through, KEEP(through[0], through[1]));
	node(drain, &run.ends[1][0], KEEP(run.ends[1][0]));
	node(sleep_on, NULL, KEEP(run.ends[0][1]));
	seal(&run);
	ok(never_proves(&run), "a splice whose source may flow: no proof");
	end(&run);
}

/* A relay from a, and from c when it LISTENS to that too; b closes the cycle. */
static void
check_relay(int timeout, bool says, bool listens, bool wanted, const char *name)
{
	struct relay_argument relay = { .timeout = timeout };
	struct run run;
	char *text = NULL;
	pid_t pid;

	begin(&run);
	relay.polled[0] = (struct pollfd){ run.ends[0][0], POLLIN, 0 };
	relay.polled[1] = (struct pollfd){ run.ends[2][0], POLLIN, 0 };
	relay.count = listens ? 2 : 1;
	relay.reads = says ? &run.meters[0] : NULL;
	if (listens)
		atomic_store(&run.meters[2].waits_read, 1);
	pid = node(relay_on, &relay,
		   KEEP(run.ends[0][0], run.ends[2][0], run.ends[1][1]));
	run.pipes[0].relay_to = run.pipes[2].relay_to = pid;
	run.pipes[1].relay_from = pid;
	node(drain, &run.ends[1][0], KEEP(run.ends[1][0], run.ends[0][1]));
	node(sleep_on, NULL, KEEP(run.ends[2][1]));
	seal(&run);
	if (wanted)
		ok(proves(&run, &text), "%s", name);
	else
		ok(becomes(&run, pid,
			   says ? "waits for input from a" : "sleeps") &&
			   never_proves(&run),
		   "%s", name);
	free(text);
	end(&run);
}

/* Its word is that there is no room, but the pipe is empty. */
static void
check_hasty_relay(void)
{
	struct relay_argument relay = { .timeout = 60000 };
	struct run run;
	pid_t pid;

	begin(&run);
	relay.writes = &run.meters[1];
	pid = node(relay_on, &relay, KEEP(run.ends[0][0], run.ends[1][1]));
	run.pipes[0].relay_to = run.pipes[1].relay_from = pid;
	node(drain, &run.ends[1][0], KEEP(run.ends[1][0], run.ends[0][1]));
	seal(&run);
	ok(becomes(&run, pid, "waits for room to a") && never_proves(&run),
	   "a relay that has not seen its pipe emptied: no proof");
	end(&run);
}

static void
check_held(void)
{
	struct run run;
	char *text;
	int guardian;
	pid_t a, other;

	/* a waits for itself, by way of the end that is held for it. */
	begin(&run);
	guardian = fcntl(run.ends[0][1], F_DUPFD_CLOEXEC, 100);
	a = node(drain, &run.ends[0][0], KEEP(run.ends[0][0]));
	run.pipes[0].held_for = &a;
	run.pipes[0].held_count = 1;
	seal(&run);
	ok(proves(&run, &text), "an end held for a stuck process is stuck");
	free(text);
	other = node(sleep_on, NULL, KEEP(2));
	run.pipes[0].held_for = &other;
	ok(never_proves(&run), "held for one that lives: no proof");
	end_node(other);
	ok(never_proves(&run), "held for one that has ended: no proof");
	run.pipes[0].held_count = 0;
	ok(never_proves(&run), "held for nobody: no proof");
	close(guardian);
	end(&run);
}

static void
check_held_for_reading(void)
{
	struct run run;
	char *text;
	int guardian;
	pid_t a, other;

	/* a fills a pipe that is held for b alone, and b waits for a. */
	begin(&run);
	guardian = fcntl(run.ends[0][0], F_DUPFD_CLOEXEC, 100);
	a = node(fill, &run.ends[0][1], KEEP(run.ends[0][1], run.ends[1][1]));
	other = node(drain, &run.ends[1][0], KEEP(run.ends[1][0]));
	run.pipes[0].read_held = true;
	run.pipes[0].read_held_for = other;
	seal(&run);
	ok(proves(&run, &text), "a reading end held for a stuck one is stuck");
	ok(strstr(text, "is blocked writing to b: ") != NULL &&
		   strstr(text, "is blocked reading from b: ") != NULL,
	   "and its reader is on the cycle");
	free(text);
	run.pipes[0].read_held_for = 0;
	ok(never_proves(&run), "held for one still to be started: no proof");
	run.pipes[0].read_held_for = a;
	ok(proves(&run, &text), "held for its own writer, it is stuck");
	free(text);
	end_node(other);
	run.pipes[0].read_held_for = other;
	ok(never_proves(&run), "held for one that has ended: no proof");
	close(guardian);
	end(&run);
}

/* The pipe between the two is one that the nodes made. */
static void
check_inner(bool guardian_holds)
{
	struct run run;
	int inner[2];
	char *text;

	begin(&run);
	if (pipe2(inner, O_CLOEXEC) < 0)
		give_up("pipe2");
	node(drain, &run.ends[0][0], KEEP(run.ends[0][0], inner[1]));
	node(drain, &inner[0], KEEP(inner[0], run.ends[0][1]));
	seal(&run);
	close(inner[1]);
	if (!guardian_holds)
		close(inner[0]);
	if (guardian_holds)
		ok(never_proves(&run),
		   "a pipe that others may hold too: no proof");
	else if (ok(proves(&run, &text),
		    "a pipe inside a node closes a cycle")) {
		ok(matches(text, ": the pipe is empty (its descriptor "),
		   "and is told by its descriptor");
		free(text);
	}
	if (guardian_holds)
		close(inner[0]);
	end(&run);
}

static void
check_fifo(void)
{
	char directory[] = "/tmp/stuck-XXXXXX", path[64];
	struct run run;
	struct stat stat;
	int ends[2];
	char *text;

	if (mkdtemp(directory) == NULL)
		give_up("mkdtemp");
	snprintf(path, sizeof(path), "%s/fifo", directory);
	begin(&run);
	if (mkfifo(path, 0600) < 0 ||
	    (ends[0] = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)) < 0 ||
	    (ends[1] = open(path, O_WRONLY | O_CLOEXEC)) < 0 ||
	    fcntl(ends[0], F_SETFL, 0) < 0 || fstat(ends[0], &stat) < 0)
		give_up(path);
	node(drain, &ends[0], KEEP(ends[0], run.ends[0][1]));
	node(drain, &run.ends[0][0], KEEP(run.ends[0][0], ends[1]));
	seal(&run);
	close(ends[0]);
	close(ends[1]);
	ok(never_proves(&run), "a FIFO that is no edge: no proof");
	run.pipes[1].inode = (struct flow_inode){ stat.st_dev, stat.st_ino };
	ok(proves(&run, &text), "a FIFO that is an edge closes a cycle");
	free(text);
	end(&run);
	unlink(path);
	rmdir(directory);
}

static void
spin(void *argument)
{
	(void)argument;
	for (;;)
		__asm__ volatile("" ::: "memory");
}

static bool
quiet(const struct run *run)
{
	struct flow_stuck_look *before = flow_stuck_look(&run->stuck);
	struct flow_stuck_look *after;
	bool result;

	pause_ms(50);
	after = flow_stuck_look(&run->stuck);
	if (before == NULL || after == NULL)
		give_up("flow_stuck_look");
	result = flow_stuck_quiet(&run->stuck, before, after);
	flow_stuck_look_free(before);
	flow_stuck_look_free(after);
	return result;
}

static void
check_quiet(void)
{
	struct run run;
	bool was = false;
	pid_t pid;

	begin(&run);
	node(sleep_on, NULL, KEEP(2));
	seal(&run);
	for (int i = 0; i < 100 && !was; i++)
		was = quiet(&run);
	ok(was, "sleepers are quiet");
	pid = node(spin, NULL, KEEP(2));
	ok(becomes(&run, pid, "runs") && !quiet(&run), "who runs is not");
	end_node(pid);
	ok(becomes(&run, pid, "has ended"), "who has ended is described");
	end(&run);
}

/* A ring of which each reads from the one before. */
static void
check_crowd(unsigned count)
{
	struct flow_stuck_look *look;
	struct timespec start, stop;
	struct run run;
	int first[2], left, pair[2];
	char *text;
	long us;

	begin(&run);
	if (pipe2(first, O_CLOEXEC) < 0)
		give_up("pipe2");
	left = first[0];
	for (unsigned i = 1; i < count; i++) {
		if (pipe2(pair, O_CLOEXEC) < 0)
			give_up("pipe2");
		node(drain, &left, KEEP(left, pair[1]));
		close(left);
		close(pair[1]);
		left = pair[0];
	}
	node(drain, &left, KEEP(left, first[1]));
	close(left);
	close(first[1]);
	seal(&run);
	ok(proves(&run, &text), "a ring of %u is stuck", count);
	free(text);
	clock_gettime(CLOCK_MONOTONIC, &start);
	look = flow_stuck_look(&run.stuck);
	clock_gettime(CLOCK_MONOTONIC, &stop);
	flow_stuck_look_free(look);
	us = (stop.tv_sec - start.tv_sec) * 1000000 +
	     (stop.tv_nsec - start.tv_nsec) / 1000;
	tap_note("one look at %u processes: %ld us", count, us);
	ok(us < 2000000, "and is looked at quickly");
	end(&run);
}

int
main(int argc, char **argv)
{
	struct run run;
	struct flow_stuck_look *look;

	alarm(120);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	begin(&run);
	node(sleep_on, NULL, KEEP(2));
	look = flow_stuck_look(&run.stuck);
	if (look == NULL && (errno == EACCES || errno == EPERM)) {
		tap_skip("stuck", "/proc does not tell here");
		end(&run);
		return tap_done();
	}
	flow_stuck_look_free(look);
	end(&run);
	begin(&run);
	ok(never_proves(&run), "nobody is not stuck");
	end(&run);
	check_pair();
	check_bystanders();
	check_self();
	check_threads();
	check_splice();
	check_relay(-1, true, false, true,
		    "a relay that sleeps on the cycle is stuck");
	check_relay(60000, true, false, true,
		    "a relay that sleeps with a time-out is too");
	check_relay(-1, true, true, false,
		    "a relay with another source: no proof");
	check_relay(60000, false, false, false,
		    "a relay that does not say it waits: no proof");
	check_hasty_relay();
	check_held();
	check_held_for_reading();
	check_inner(false);
	check_inner(true);
	check_fifo();
	check_quiet();
	check_crowd(argc > 1 ? (unsigned)atoi(argv[1]) : 300);
	return tap_done();
}
