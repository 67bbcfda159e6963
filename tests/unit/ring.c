/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * ring: both ends as threads of one process, each with its own open file
 * description. tests/shmcat-proof.bats builds this with ThreadSanitizer too.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "map.h"
#include "ring.h"
#include "ring-inside.h"

#include "tap.h"

static struct flow_error error;

/* A new object with a ring in it: its descriptor. */
static int
make(const struct flow_ring_shape *shape)
{
	int fd = memfd_create("ring", MFD_CLOEXEC);

	if (fd < 0 || ftruncate(fd, (off_t)flow_ring_bytes(shape)) ||
	    flow_ring_format(fd, shape))
		abort();
	return fd;
}

/* The ring in FD through an open file description of its own. */
static struct flow_ring *
ring_of(int fd, bool writable)
{
	char path[64];
	struct flow_ring *ring;
	int own;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	own = open(path, (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC);
	ring = flow_ring_open(own, writable, "ring", &error);
	if (!ring)
		tap_note("%s", error.text);
	return ring;
}

static int64_t
soon(void)
{
	return flow_now() + FLOW_SECOND / 50;
}

static int64_t
bound(void)
{
	return flow_now() + 20 * FLOW_SECOND;
}

static bool
put(struct flow_ring *ring, const char *text)
{
	size_t length = strlen(text);
	void *place;

	if (flow_ring_room(ring, length, length, &place, soon()) < 0)
		return false;
	memcpy(place, text, length);
	flow_ring_commit(ring, length);
	return true;
}

/* The next bytes of RING are TEXT, and are taken. */
static bool
gets(struct flow_ring *ring, const char *text)
{
	size_t length = strlen(text);
	const void *data;
	ssize_t got = flow_ring_data(ring, &data, 1 << 20, UINT64_MAX, soon());

	if (got != (ssize_t)length || memcmp(data, text, length)) {
		tap_note("got %zd bytes, errno %s", got, strerror(errno));
		return false;
	}
	flow_ring_consume(ring, length);
	return true;
}

static bool
fails(ssize_t result, int wanted)
{
	if (result < 0 && errno == wanted)
		return true;
	tap_note("result %zd, errno %s", result, strerror(errno));
	return false;
}

static void
test_simple(void)
{
	const struct flow_ring_shape shape = { .size = 1 };
	int fd = make(&shape), status;
	struct flow_ring *writer = ring_of(fd, true),
			 *other = ring_of(fd, true);
	struct flow_ring *one = ring_of(fd, true), *two = ring_of(fd, true);
	const void *data;
	bool torn;

	ok(flow_ring_shape(writer)->size == (uint64_t)sysconf(_SC_PAGESIZE),
	   "a size is rounded up to pages");
	ok(!flow_ring_write_join(writer), "a writer joins");
	ok(fails(flow_ring_write_join(other), EBUSY),
	   "a second one at a raw ring does not");
	ok(put(writer, "before "), "what is written before anybody reads");
	ok(!flow_ring_read_join(one, FLOW_RING_OLDEST, 0) &&
		   gets(one, "before "),
	   "is there for the first reader");
	ok(!flow_ring_read_join(two, FLOW_RING_NEWEST, 0) &&
		   fails(flow_ring_data(two, &data, 10, UINT64_MAX, soon()),
			 ETIMEDOUT),
	   "who starts at the newest waits, and not for ever");
	ok(put(writer, "now") && gets(one, "now") && gets(two, "now"),
	   "each reader gets what is written");
	ok(!flow_ring_done(writer), "the ring is in use");
	ok(!flow_ring_write_end(writer, 42, soon()), "the writer ends");
	ok(flow_ring_data(one, &data, 10, UINT64_MAX, soon()) == 0 &&
		   flow_ring_ended(one, &status, &torn) && status == 42 &&
		   !torn,
	   "a reader learns its status");
	ok(fails(flow_ring_write_join(other), ESHUTDOWN),
	   "a ring that has ended has no more writers");
	flow_ring_leave(one);
	ok(!flow_ring_done(one), "one reader is left");
	flow_ring_leave(two);
	ok(flow_ring_done(two), "when the last has left the ring is done");
	flow_ring_close(writer);
	flow_ring_close(other);
	flow_ring_close(one);
	flow_ring_close(two);
	close(fd);
}

static void
test_full(void)
{
	struct flow_ring_shape shape = { .size = 4096 };
	int fd = make(&shape);
	struct flow_ring *writer = ring_of(fd, true);
	struct flow_ring *fast = ring_of(fd, true), *slow = ring_of(fd, true);
	size_t size = (size_t)flow_ring_shape(writer)->size;
	const void *data;
	void *place;

	flow_ring_write_join(writer);
	ok(flow_ring_room(writer, 1, 2 * size, &place, soon()) == (ssize_t)size,
	   "there is room for all of an empty ring");
	ok(fails(flow_ring_room(writer, size + 1, size + 1, &place, soon()),
		 EMSGSIZE),
	   "and for no more, ever");
	memset(place, 'x', size);
	flow_ring_commit(writer, size);
	ok(fails(flow_ring_room(writer, 1, 1, &place, soon()), ETIMEDOUT),
	   "before the first reader nothing is written over");
	ok(flow_ring_room(writer, 0, 1, &place, INT64_MAX) == 0,
	   "room can be asked for without waiting");
	flow_ring_read_join(fast, FLOW_RING_OLDEST, 0);
	flow_ring_read_join(slow, FLOW_RING_OLDEST, 0);
	flow_ring_data(fast, &data, size, UINT64_MAX, soon());
	flow_ring_consume(fast, size);
	ok(fails(flow_ring_room(writer, 1, 1, &place, soon()), ETIMEDOUT),
	   "the writer waits for the slowest reader");
	flow_ring_consume(slow, 100);
	ok(flow_ring_room(writer, 1, size, &place, soon()) == 100,
	   "as much as it has read is free");
	memset(place, 'y', 100);
	flow_ring_commit(writer, 100);
	ok(flow_ring_data(slow, &data, 2 * size, UINT64_MAX, soon()) ==
			   (ssize_t)size &&
		   ((const char *)data)[size - 101] == 'x' &&
		   ((const char *)data)[size - 100] == 'y' &&
		   ((const char *)data)[size - 1] == 'y',
	   "what goes round the end is one piece of memory");
	flow_ring_leave(slow);
	ok(flow_ring_room(writer, 1, size, &place, soon()) ==
		   (ssize_t)size - 100,
	   "a reader that leaves holds nothing back");
	flow_ring_close(fast);
	flow_ring_close(slow);
	flow_ring_close(writer);
	close(fd);

	shape.full = FLOW_RING_FAIL;
	fd = make(&shape);
	writer = ring_of(fd, true);
	flow_ring_write_join(writer);
	flow_ring_room(writer, size, size, &place, soon());
	flow_ring_commit(writer, size);
	ok(fails(flow_ring_room(writer, 1, 1, &place, soon()), ENOBUFS),
	   "with fail the writer is told at once that the ring is full");
	flow_ring_close(writer);
	close(fd);
}

static void
test_drop(void)
{
	const struct flow_ring_shape shape = { .size = 4096,
					       .full = FLOW_RING_DROP,
					       .framing = FLOW_FRAMING_LINE };
	int fd = make(&shape), lines = 0;
	struct flow_ring *writer = ring_of(fd, true),
			 *reader = ring_of(fd, true);
	struct flow_ring_info info;
	const char *data = NULL;
	ssize_t got;
	char line[32];
	bool whole = true;

	flow_ring_write_join(writer);
	flow_ring_read_join(reader, FLOW_RING_OLDEST, 0);
	for (int i = 0; i < 2000; i++) {
		snprintf(line, sizeof(line), "line %d\n", i);
		flow_ring_turn(writer, soon());
		if (!put(writer, line))
			whole = false;
		flow_ring_pass(writer);
	}
	ok(whole, "with drop-oldest the writer never waits");
	got = flow_ring_data(reader, (const void **)&data, 1 << 20, UINT64_MAX,
			     soon());
	ok(got > 3000 && !memcmp(data, "line ", 5) && data[got - 1] == '\n',
	   "a reader that was overrun goes on with a whole record");
	for (ssize_t i = 0; i < got; i++)
		lines += data[i] == '\n';
	ok(sscanf(data, "line %d", &(int){ 0 }) == 1 &&
		   atoi(data + 5) == 2000 - lines,
	   "the oldest that is left");
	ok(flow_ring_lost(reader) + (uint64_t)got == flow_ring_head(writer),
	   "and is told how much it lost");
	ok(!flow_ring_look(reader, &info) && info.dropped > 0 &&
		   info.readers[0].lost > 0,
	   "others can see it");
	flow_ring_close(reader);
	flow_ring_close(writer);
	close(fd);
}

static void
test_records(void)
{
	const struct flow_ring_shape shape = { .size = 4096,
					       .framing = FLOW_FRAMING_LINE };
	int fd = make(&shape), status;
	struct flow_ring *a = ring_of(fd, true), *b = ring_of(fd, true);
	struct flow_ring *reader = ring_of(fd, true), *late = ring_of(fd, true);
	const void *data;
	bool torn;

	ok(!flow_ring_write_join(a) && !flow_ring_write_join(b),
	   "two writers of records");
	ok(!flow_ring_turn(a, soon()) &&
		   fails(flow_ring_turn(b, soon()), ETIMEDOUT),
	   "take turns");
	ok(put(a, "one\ntwo\n"), "whole records are written");
	flow_ring_pass(a);
	ok(!flow_ring_turn(b, soon()) && put(b, "three\n"), "by each");
	flow_ring_pass(b);
	flow_ring_read_join(reader, FLOW_RING_OLDEST, 0);
	ok(flow_ring_data(reader, &data, 5, UINT64_MAX, soon()) == 4,
	   "a reader gets as many whole records as it asked for bytes");
	ok(flow_ring_data(reader, &data, 2, UINT64_MAX, soon()) == 4,
	   "and one at least");
	ok(!flow_ring_read_join(late, FLOW_RING_AT, 5) && gets(late, "three\n"),
	   "who starts within a record starts at the next");
	ok(!flow_ring_write_end(a, 3, soon()) &&
		   !flow_ring_ended(reader, &status, &torn),
	   "a writer that ends does not end another's stream");
	ok(!flow_ring_write_end(b, 0, soon()) &&
		   flow_ring_ended(reader, &status, &torn) && status == 3,
	   "the last one does, with the first failure");
	flow_ring_close(a);
	flow_ring_close(b);
	flow_ring_close(late);
	late = ring_of(fd, true);
	ok(fails(flow_ring_read_join(late, FLOW_RING_AT, 15), ERANGE),
	   "nobody starts behind the end");
	flow_ring_close(late);
	flow_ring_close(reader);
	close(fd);
}

/* A child that does WORK on the ring in FD and is killed. */
static void
die_after(int fd, void (*work)(struct flow_ring *))
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		/* fork gave the child our description too, but not its locks */
		work(ring_of(fd, true));
		kill(getpid(), SIGKILL);
	}
	waitpid(pid, &status, 0);
}

static void
half_a_record(struct flow_ring *ring)
{
	void *place;

	flow_ring_write_join(ring);
	flow_ring_turn(ring, soon());
	put(ring, "whole\n");
	flow_ring_room(ring, 20, 20, &place, soon());
	memset(place, '?', 20);
}

static void
read_nothing(struct flow_ring *ring)
{
	flow_ring_read_join(ring, FLOW_RING_OLDEST, 0);
}

static void
write_nothing(struct flow_ring *ring)
{
	flow_ring_write_join(ring);
}

static void
test_deaths(void)
{
	struct flow_ring_shape shape = { .size = 4096,
					 .framing = FLOW_FRAMING_LINE };
	int fd = make(&shape), status;
	struct flow_ring *writer, *reader = ring_of(fd, true);
	const void *data;
	void *place;
	int64_t begin;
	bool torn;

	flow_ring_read_join(reader, FLOW_RING_OLDEST, 0);
	die_after(fd, half_a_record);
	ok(gets(reader, "whole\n"), "what a dead writer committed is read");
	begin = flow_now();
	ok(fails(flow_ring_data(reader, &data, 10, UINT64_MAX, bound()),
		 EOWNERDEAD) &&
		   flow_now() - begin < FLOW_SECOND,
	   "then the reader is told that the writer died");
	writer = ring_of(fd, true);
	ok(!flow_ring_write_join(writer) && !flow_ring_turn(writer, soon()) &&
		   put(writer, "next\n") && gets(reader, "next\n"),
	   "its turn, with half a record in it, goes to the next writer");
	flow_ring_pass(writer);
	ok(!flow_ring_write_end(writer, 0, soon()) &&
		   flow_ring_ended(reader, &status, &torn) && torn,
	   "but the stream is not whole");
	flow_ring_close(writer);
	flow_ring_close(reader);
	close(fd);

	shape.framing = FLOW_FRAMING_RAW;
	fd = make(&shape);
	writer = ring_of(fd, true);
	flow_ring_write_join(writer);
	die_after(fd, read_nothing);
	flow_ring_room(writer, 4096, 4096, &place, soon());
	flow_ring_commit(writer, 4096);
	ok(flow_ring_room(writer, 1, 1, &place, soon()) == 1,
	   "a dead reader holds nobody back");
	flow_ring_close(writer);
	close(fd);

	fd = make(&shape);
	die_after(fd, write_nothing);
	writer = ring_of(fd, true);
	ok(!flow_ring_write_join(writer), "a dead writer's place is taken");
	flow_ring_close(writer);
	close(fd);
}

/* --- both ends at once */

enum {
	MESSAGES = 20000,
	READERS = 3,
	WRITERS = 3,
};

struct end {
	int fd;
	unsigned number;
	uint64_t got, wrong;
	int failed; /* errno */
};

/* Two processors hide races: sometimes the other goes first. */
static void
maybe_yield(unsigned *seed)
{
	if (rand_r(seed) % 64 == 0)
		sched_yield();
}

/*
 * Handles of several processes map the object at several addresses. Threads
 * share one map here, or ThreadSanitizer would not know it for one memory.
 */
static struct flow_member *shared;

static struct flow_ring *
ring_shared(int fd)
{
	struct flow_ring *ring = ring_of(fd, true);
	struct flow_member *member = (struct flow_member *)ring;

	flow_map_close(&member->map);
	member->map = shared->map;
	member->memory = shared->memory;
	return ring;
}

static void
close_shared(struct flow_ring *ring)
{
	flow_ring_leave(ring);
	((struct flow_member *)ring)->map.header = NULL;
	flow_ring_close(ring);
}

/* Lines that say who wrote them and the how-manieth each is. */
static void *
write_all(void *data)
{
	struct end *end = data;
	struct flow_ring *ring = ring_shared(end->fd);
	unsigned seed = end->number;
	char line[64];

	if (flow_ring_write_join(ring) ||
	    flow_ring_await_readers(ring, bound()))
		end->failed = errno;
	for (unsigned i = 0; i < MESSAGES && !end->failed; i++) {
		size_t length =
			(size_t)snprintf(line, sizeof(line), "%u %u %.*s\n",
					 end->number, i, (int)(i % 37),
					 "abcdefghijklmnopqrstuvwxyz"
					 "0123456789");
		void *place;

		if (flow_ring_turn(ring, bound()) ||
		    flow_ring_room(ring, length, length, &place, bound()) < 0) {
			end->failed = errno;
			break;
		}
		maybe_yield(&seed);
		memcpy(place, line, length);
		flow_ring_commit(ring, length);
		flow_ring_pass(ring);
		maybe_yield(&seed);
	}
	if (flow_ring_write_end(ring, 0, bound()))
		end->failed = errno;
	close_shared(ring);
	return NULL;
}

static void *
read_all(void *data)
{
	struct end *end = data;
	struct flow_ring *ring = ring_shared(end->fd);
	unsigned next[WRITERS] = { 0 }, seed = 100 + end->number;

	if (flow_ring_read_join(ring, FLOW_RING_OLDEST, 0))
		end->failed = errno;
	while (!end->failed) {
		const char *bytes;
		ssize_t got = flow_ring_data(ring, (const void **)&bytes, 500,
					     UINT64_MAX, bound());

		if (got < 0)
			end->failed = errno;
		if (got <= 0)
			break;
		for (ssize_t at = 0; at < got;) {
			char *rest;
			unsigned long writer = strtoul(bytes + at, &rest, 10);
			unsigned long number = strtoul(rest, &rest, 10);

			if (writer >= WRITERS || number != next[writer]++)
				end->wrong++;
			end->got++;
			at = (const char *)memchr(
				     rest, '\n', (size_t)(bytes + got - rest)) +
			     1 - bytes;
		}
		maybe_yield(&seed);
		flow_ring_consume(ring, (size_t)got);
	}
	close_shared(ring);
	return NULL;
}

static void
test_threads(void)
{
	const struct flow_ring_shape shape = { .size = 4096,
					       .framing = FLOW_FRAMING_LINE,
					       .wanted = READERS };
	struct end writers[WRITERS] = { 0 }, readers[READERS] = { 0 };
	pthread_t threads[WRITERS + READERS];
	int fd = make(&shape);
	struct flow_ring *ring = ring_of(fd, true);
	int failed = 0;
	uint64_t wrong = 0;

	shared = (struct flow_member *)ring;
	/* so that no writer takes itself for the last one before all are there */
	flow_ring_write_join(ring);
	for (unsigned i = 0; i < WRITERS; i++) {
		writers[i] = (struct end){ .fd = fd, .number = i };
		pthread_create(&threads[i], NULL, write_all, &writers[i]);
	}
	for (unsigned i = 0; i < READERS; i++) {
		readers[i] = (struct end){ .fd = fd, .number = i };
		pthread_create(&threads[WRITERS + i], NULL, read_all,
			       &readers[i]);
	}
	for (unsigned i = 0; i < WRITERS; i++) {
		pthread_join(threads[i], NULL);
		failed |= writers[i].failed;
	}
	flow_ring_write_end(ring, 0, bound());
	for (unsigned i = 0; i < READERS; i++) {
		pthread_join(threads[WRITERS + i], NULL);
		failed |= readers[i].failed;
		wrong += readers[i].wrong;
		ok_number((intmax_t)readers[i].got, WRITERS * MESSAGES,
			  "a reader gets every record of three writers");
	}
	ok(!failed, "and nobody waits too long");
	ok_number((intmax_t)wrong, 0, "each writer's in its order, and whole");
	flow_ring_close(ring);
	close(fd);
}

/* --- what does not go well */

static struct flow_memory *
memory_of(int fd)
{
	return mmap(NULL, sizeof(struct flow_memory), PROT_READ | PROT_WRITE,
		    MAP_SHARED, fd, 0);
}

static void
test_damage(void)
{
	const struct flow_ring_shape shape = { .size = 8192 };
	int fd = make(&shape);
	struct flow_memory *memory = memory_of(fd);
	struct flow_ring *reader = ring_of(fd, true);
	struct flow_ring_info info;
	const void *data;

	flow_ring_read_join(reader, FLOW_RING_OLDEST, 0);
	memory->head = 8193;
	ok(fails(flow_ring_data(reader, &data, 10, UINT64_MAX, soon()),
		 EBADMSG),
	   "a head too far from oldest is damage");
	memory->oldest = 9000;
	ok(fails(flow_ring_look(reader, &info), EBADMSG),
	   "so is an oldest beyond the head");
	memory->head = memory->oldest = UINT64_MAX;
	ok(fails(flow_ring_data(reader, &data, 10, UINT64_MAX, soon()),
		 EBADMSG),
	   "so is an oldest beyond a reader of a lossless ring");
	flow_ring_close(reader);
	memory->fixed.size = 4096;
	ok(!ring_of(fd, true) && error.status == 65,
	   "a changed size has not its checksum");
	ok(!ftruncate(fd, 100) && !ring_of(fd, true) && error.status == 65,
	   "a ring that is cut off is refused");
	munmap(memory, sizeof(*memory));
	close(fd);

	fd = make(&shape);
	reader = ring_of(fd, true);
	flow_ring_read_join(reader, FLOW_RING_OLDEST, 0);
	if (ftruncate(fd, 0))
		abort();
	ok(fails(flow_ring_data(reader, &data, 10, UINT64_MAX, bound()),
		 EBADMSG),
	   "a ring that is cut off while it is read is damage, and no signal");
	flow_ring_close(reader);
	close(fd);
}

/* Who only may read looks on, and nobody waits for it. */
static void
test_onlooker(void)
{
	const struct flow_ring_shape shape = { .size = 4096, .open = true };
	int fd = make(&shape);
	struct flow_ring *writer = ring_of(fd, true),
			 *reader = ring_of(fd, true);
	struct flow_ring *onlooker = ring_of(fd, false);
	void *place;

	flow_ring_write_join(writer);
	flow_ring_read_join(reader, FLOW_RING_OLDEST, 0);
	ok(!flow_ring_read_join(onlooker, FLOW_RING_OLDEST, 0) &&
		   put(writer, "seen") && gets(onlooker, "seen") &&
		   gets(reader, "seen"),
	   "a reader that may not write sees the stream");
	for (int i = 0; i < 3; i++) {
		flow_ring_room(writer, 4000, 4000, &place, soon());
		memset(place, 'a' + i, 4000);
		flow_ring_commit(writer, 4000);
		flow_ring_consume(reader, 4000);
	}
	ok(put(writer, "end"), "the writer does not wait for it");
	{
		const char *data;
		ssize_t got = flow_ring_data(onlooker, (const void **)&data,
					     1 << 20, UINT64_MAX, soon());
		uint64_t lost = flow_ring_lost(onlooker);

		ok(got >= 3 && lost > 0 &&
			   lost + (uint64_t)got + 4 == flow_ring_head(writer) &&
			   !memcmp(data + got - 3, "end", 3),
		   "but tells it what it missed");
	}
	flow_ring_close(writer);
	flow_ring_close(reader);
	flow_ring_close(onlooker);
	close(fd);
}

int
main(void)
{
	flow_map_guard();
	test_simple();
	test_full();
	test_drop();
	test_records();
	test_deaths();
	test_onlooker();
	test_damage();
	test_threads();
	flow_error_clear(&error);
	return tap_done();
}
