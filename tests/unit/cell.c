/* SPDX-License-Identifier: GPL-3.0-or-later */
/* cell: values written and read by threads, each with its own description. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cell.h"
#include "clock.h"
#include "map.h"
#include "ring-inside.h"

#include "tap.h"

static struct flow_error error;

static int
make(uint64_t capacity)
{
	int fd = memfd_create("cell", MFD_CLOEXEC);

	if (fd < 0 || ftruncate(fd, (off_t)flow_cell_bytes(capacity)) ||
	    flow_cell_format(fd, capacity, 0, 0, false))
		abort();
	return fd;
}

static struct flow_cell *
cell_of(int fd)
{
	char path[64];
	struct flow_cell *cell;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	cell = flow_cell_open(open(path, O_RDWR | O_CLOEXEC), true, "cell",
			      &error);
	if (!cell)
		tap_note("%s", error.text);
	return cell;
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

static int
set(struct flow_cell *cell, const void *data, size_t length)
{
	int result, saved;

	if (flow_cell_turn(cell, bound()))
		return -1;
	result = flow_cell_write(cell, data, length, false);
	saved = errno;
	flow_cell_pass(cell);
	errno = saved;
	return result;
}

static void
test_simple(void)
{
	int fd = make(10);
	struct flow_cell *a = cell_of(fd), *b = cell_of(fd);
	uint64_t generation = 0;
	char data[64];
	char large[8192] = { 0 };

	ok(flow_cell_read(b, data, sizeof(data), &generation) < 0 &&
		   errno == EAGAIN,
	   "at first there is no value");
	ok(flow_cell_await(b, 0, soon()) < 0 && errno == ETIMEDOUT,
	   "one can wait for it, and not for ever");
	ok(!set(a, "one", 3) && !flow_cell_await(b, 0, soon()) &&
		   flow_cell_read(b, data, sizeof(data), &generation) == 3 &&
		   !memcmp(data, "one", 3) && generation == 1,
	   "the first value");
	ok(!set(b, "", 0) &&
		   flow_cell_read(a, data, sizeof(data), &generation) == 0 &&
		   generation == 2,
	   "an empty one");
	for (int i = 0; i < 9; i++)
		set(a, &(char){ (char)('0' + i) }, 1);
	ok(flow_cell_read(a, data, sizeof(data), &generation) == 1 &&
		   *data == '8' && generation == 11,
	   "the last of many");
	ok(set(a, large, sizeof(large)) < 0 && errno == EMSGSIZE,
	   "one that is too large is refused");
	ok(flow_cell_read(a, data, 0, &generation) == 1,
	   "a reader learns how much room it wants");
	ok(!flow_cell_turn(a, soon()) && flow_cell_turn(b, soon()) < 0 &&
		   errno == ETIMEDOUT,
	   "writers take turns");
	flow_cell_retire(a);
	flow_cell_pass(a);
	ok(flow_cell_await(b, 11, soon()) < 0 && errno == ESHUTDOWN,
	   "who waits learns that the object is no longer the one");
	flow_cell_close(a);
	flow_cell_close(b);
	close(fd);
}

enum {
	LENGTH = 3000, /* bytes */
	READERS = 2,
	WRITES = 20000,
};

static _Atomic bool finished;

struct end {
	int fd;
	char letter;
	uint64_t reads, torn, back;
};

static void *
write_all(void *data)
{
	struct end *end = data;
	struct flow_cell *cell = cell_of(end->fd);
	char value[LENGTH];

	for (unsigned i = 0; i < WRITES; i++) {
		size_t length = 1 + i % LENGTH;

		memset(value, end->letter + (int)(i % 26), length);
		if (set(cell, value, length))
			end->torn++;
	}
	flow_cell_close(cell);
	return NULL;
}

static void *
read_all(void *data)
{
	struct end *end = data;
	struct flow_cell *cell = cell_of(end->fd);
	char value[LENGTH];
	uint64_t last = 0, generation = 0;

	while (!atomic_load(&finished)) {
		ssize_t got =
			flow_cell_read(cell, value, sizeof(value), &generation);

		if (got < 0)
			continue;
		end->reads++;
		if (generation < last)
			end->back++;
		last = generation;
		for (ssize_t i = 1; i < got; i++)
			if (value[i] != value[0]) {
				end->torn++;
				break;
			}
	}
	flow_cell_close(cell);
	return NULL;
}

static void
test_threads(void)
{
	int fd = make(LENGTH);
	struct end writers[2] = { { .fd = fd, .letter = 'a' },
				  { .fd = fd, .letter = 'A' } };
	struct end readers[READERS] = { { .fd = fd }, { .fd = fd } };
	struct flow_cell *cell = cell_of(fd);
	pthread_t threads[4];

	for (int i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, write_all, &writers[i]);
	for (int i = 0; i < READERS; i++)
		pthread_create(&threads[2 + i], NULL, read_all, &readers[i]);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	atomic_store(&finished, true);
	for (int i = 0; i < READERS; i++)
		pthread_join(threads[2 + i], NULL);
	ok_number((intmax_t)(writers[0].torn + writers[1].torn), 0,
		  "two writers at once write all their values");
	ok_number((intmax_t)flow_cell_generation(cell), 2 * WRITES,
		  "each is a generation");
	ok(readers[0].reads > 0 && readers[1].reads > 0,
	   "readers read meanwhile");
	ok_number((intmax_t)(readers[0].torn + readers[1].torn), 0,
		  "and never a torn value");
	ok_number((intmax_t)(readers[0].back + readers[1].back), 0,
		  "nor an older one than before");
	flow_cell_close(cell);
	close(fd);
}

static void
test_damage(void)
{
	int fd = make(100);
	struct flow_memory *memory =
		mmap(NULL, sizeof(*memory), PROT_READ | PROT_WRITE, MAP_SHARED,
		     fd, 0);
	struct flow_cell *cell = cell_of(fd);
	uint64_t generation;
	char data[64];

	set(cell, "x", 1);
	memory->areas[1].length = 1 << 30;
	ok(flow_cell_read(cell, data, sizeof(data), &generation) < 0 &&
		   errno == EBADMSG,
	   "a length that cannot be is damage");
	memory->areas[1].length = 1;
	if (ftruncate(fd, 0))
		abort();
	ok(flow_cell_read(cell, data, sizeof(data), &generation) < 0 &&
		   errno == EBADMSG,
	   "so is a value that was cut off, and no signal");
	munmap(memory, sizeof(*memory));
	flow_cell_close(cell);
	close(fd);
}

int
main(void)
{
	flow_map_guard();
	test_simple();
	test_threads();
	test_damage();
	flow_error_clear(&error);
	return tap_done();
}
