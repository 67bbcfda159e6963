/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * ring: whatever stands in the memory of a ring or a value, all that can be
 * done with it ends, at once here (every wait is over before it begins), and
 * touches nothing that is not its own. The object is made well and then
 * patched, as a hostile process would do:
 *
 *	byte 0	bits: a value; framing (2); what when full (2); seal the header
 *		again; patch again after joining; cut the object off
 *	then	patches: u16 where, u8 how many, so many bytes
 */
#include "config.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cell.h"
#include "map.h"
#include "ring-inside.h"
#include "ring.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ROUNDS = 40 };

static void
patch(int fd, const uint8_t *data, size_t size, off_t length)
{
	while (size > 3) {
		off_t where = (data[0] | data[1] << 8) % length;
		size_t count = data[2] % 32;

		data += 3;
		size -= 3;
		if (count > size)
			count = size;
		if (pwrite(fd, data, count, where) < 0)
			abort();
		data += count;
		size -= count;
	}
}

static int
own(int fd)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, O_RDWR | O_CLOEXEC);
}

static void
use_ring(int fd, const uint8_t *data, size_t size, off_t length)
{
	struct flow_error error = { 0 };
	int one = own(fd), two = own(fd), status;
	struct flow_ring *reader = flow_ring_open(one, true, "fuzz", &error);
	struct flow_ring *writer =
		flow_ring_open(two, data[0] & 1, "fuzz", &error);
	struct flow_ring_info info;
	uint64_t sum = 0;
	bool torn;

	if (!reader || !writer) {
		/* no refusal without a word about it */
		if (!error.text || !error.status)
			abort();
		goto drop_rings;
	}
	flow_ring_spin(reader, 0);
	flow_ring_spin(writer, 0);
	flow_ring_read_join(reader, data[0] % 3, data[0] * 16);
	if (data[0] & 1 && !flow_ring_write_join(writer)) {
		if (data[0] & 64)
			patch(fd, data + 1, size - 1, length);
		for (int i = 0; i < ROUNDS; i++) {
			const char record[] = "\0\0\0\003abc\n";
			ssize_t room;
			void *place;

			if (flow_ring_turn(writer, INT64_MIN))
				break;
			room = flow_ring_room(writer, sizeof(record) - 1, 500,
					      &place, INT64_MIN);
			if (room < (ssize_t)sizeof(record) - 1)
				break;
			for (size_t j = 0; j < sizeof(record) - 1; j++)
				((char *)place)[j] = record[j];
			flow_ring_commit(writer, sizeof(record) - 1);
			flow_ring_pass(writer);
		}
	}
	for (int i = 0; i < ROUNDS; i++) {
		const unsigned char *bytes;
		ssize_t got =
			flow_ring_data(reader, (const void **)&bytes,
				       data[0] + 1, UINT64_MAX, INT64_MIN);

		if (got <= 0)
			break;
		for (ssize_t j = 0; j < got; j++)
			sum += bytes[j];
		flow_ring_consume(reader, (size_t)got);
	}
	flow_ring_look(writer, &info);
	flow_ring_write_end(writer, (int)(sum & 1), INT64_MIN);
	flow_ring_ended(reader, &status, &torn);
	flow_ring_leave(reader);
	flow_ring_done(reader);

drop_rings:
	flow_ring_close(reader);
	flow_ring_close(writer);
	close(one);
	close(two);
	flow_error_clear(&error);
}

static void
use_cell(int fd, const uint8_t *data, size_t size, off_t length)
{
	struct flow_error error = { 0 };
	int one = own(fd);
	struct flow_cell *cell = flow_cell_open(one, true, "fuzz", &error);
	struct flow_cell_info info;
	uint64_t generation;
	static char buffer[1 << 16];

	if (!cell) {
		if (!error.text || !error.status)
			abort();
		goto drop_fd;
	}
	flow_cell_look(cell, &info);
	flow_cell_read(cell, buffer, sizeof(buffer), &generation);
	if (!flow_cell_turn(cell, INT64_MIN)) {
		if (data[0] & 64)
			patch(fd, data + 1, size - 1, length);
		flow_cell_write(cell, data, size, false);
		flow_cell_pass(cell);
	}
	flow_cell_read(cell, buffer, sizeof(buffer), &generation);
	flow_cell_await(cell, 3, INT64_MIN);
	flow_cell_close(cell);

drop_fd:
	close(one);
	flow_error_clear(&error);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct flow_ring_shape shape = { .size = 4096 };
	struct flow_fixed fixed;
	bool value;
	int fd;
	off_t length;

	if (size < 1)
		return 0;
	value = data[0] & 2;
	shape.framing = data[0] >> 2 & 3;
	shape.full = (data[0] >> 4 & 3) % 3;
	length = (off_t)(value ? flow_cell_bytes(4096)
			       : flow_ring_bytes(&shape));
	fd = memfd_create("fuzz", MFD_CLOEXEC);
	if (fd < 0 || ftruncate(fd, length) ||
	    (value ? flow_cell_format(fd, 4096, 0, 0, false)
		   : flow_ring_format(fd, &shape)))
		abort();
	flow_map_guard();
	patch(fd, data + 1, size - 1, length);
	if (pread(fd, &fixed, sizeof(fixed), 0) == sizeof(fixed) &&
	    !(data[0] & 128) && flow_fixed_write(fd, &fixed))
		abort();
	if (size > 3 && data[1] == 255 && ftruncate(fd, data[2] * 16))
		abort();
	if (value)
		use_cell(fd, data, size, length);
	else
		use_ring(fd, data, size, length);
	close(fd);
	return 0;
}
