/* SPDX-License-Identifier: GPL-3.0-or-later */
/* spill: what was held comes back in order, and space is given back. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bytes.h"
#include "io.h"
#include "spill.h"
#include "tap.h"

static uint64_t
blocks_of(int fd)
{
	struct stat status;

	return fd >= 0 && fstat(fd, &status) == 0
		       ? (uint64_t)status.st_blocks * 512
		       : 0;
}

static bool
append(struct flow_spill *spill, int *ends, uint64_t at, size_t length)
{
	char data[65536];

	for (size_t i = 0; i < length; i++)
		data[i] = stream_byte(1, at + i);
	return flow_io_write_all(ends[1], data, length) == 0 &&
	       flow_spill_append(spill, ends[0], length) == 0;
}

static bool
take(struct flow_spill *spill, uint64_t *at, size_t length)
{
	char data[65536];
	ssize_t got = flow_spill_take(spill, data, length);
	bool same = got > 0;

	for (ssize_t i = 0; same && i < got; i++)
		same = data[i] == stream_byte(1, *at + (uint64_t)i);
	*at += got > 0 ? (uint64_t)got : 0;
	return same;
}

/* Appends and takes at random, so that memory and file take turns. */
static void
order(int *ends, uint64_t memory)
{
	struct flow_spill spill;
	uint64_t in = 0, out = 0, most = 0;
	bool same = true;

	flow_spill_init(&spill, "/tmp", memory);
	while (same && in < 64 << 20) {
		/* For a while more comes than goes, then the other way. */
		if (random_next(100) < (in >> 22 & 1 ? 35u : 65u)) {
			size_t size = 1 + (size_t)random_next(65536);

			same = append(&spill, ends, in, size);
			in += size;
		} else if (in > out) {
			same = take(&spill, &out, 1 + random_next(65536));
		}
		same &= flow_spill_held(&spill) == in - out;
		most = in - out > most ? in - out : most;
	}
	while (same && out < in)
		same = take(&spill, &out, 65536);
	ok(same && flow_spill_held(&spill) == 0,
	   "order is kept with %ju bytes of memory, up to %ju held",
	   (uintmax_t)memory, (uintmax_t)most);
	ok(blocks_of(spill.memory.fd) + blocks_of(spill.file.fd) == 0,
	   "nothing held takes no space");
	flow_spill_close(&spill);
}

static void
space(int *ends, uint64_t memory, const char *where)
{
	struct flow_spill spill;
	uint64_t in = 0, out = 0;
	bool same = true;

	flow_spill_init(&spill, "/tmp", memory);
	for (; same && in < 32 << 20; in += 65536)
		same = append(&spill, ends, in, 65536);
	while (same && out < 24 << 20)
		same = take(&spill, &out, 65536);
	ok(same && blocks_of(spill.memory.fd) + blocks_of(spill.file.fd) <=
			   17 << 20,
	   "space behind the reader is given back, in %s", where);
	flow_spill_close(&spill);
}

static void
failures(int *ends)
{
	struct flow_spill spill;
	struct flow_spill_log broken;
	char data[16];

	flow_spill_init(&spill, "/nonexistent", 0);
	errno = 0;
	ok(!append(&spill, ends, 0, 100) && errno == ENOENT,
	   "a directory that is not there is an error");
	ok(flow_io_read_full(ends[0], data, 10) == 10,
	   "what could not be held is still in the pipe");
	ok(flow_spill_take(&spill, data, sizeof(data)) == 0,
	   "nothing comes out of nothing");
	flow_spill_close(&spill);
	flow_spill_init(&spill, "/tmp", 1 << 20);
	broken = (struct flow_spill_log){ .fd = open("/dev/full",
						     O_RDWR | O_CLOEXEC) };
	spill.memory = broken;
	errno = 0;
	ok(!append(&spill, ends, 0, 100) && errno == ENOSPC,
	   "a full device is an error");
	flow_spill_close(&spill);
}

int
main(void)
{
	int ends[2];

	alarm(60);
	if (flow_io_pipe(ends, 65536, NULL))
		return 1;
	order(ends, 64 << 20);
	order(ends, 1 << 20);
	order(ends, 0);
	space(ends, 64 << 20, "memory");
	space(ends, 0, "a file");
	failures(ends);
	return tap_done();
}
