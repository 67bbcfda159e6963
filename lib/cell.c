/* SPDX-License-Identifier: GPL-3.0-or-later */
/* cell: the value in shared memory; cell.h says what it promises. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cell.h"
#include "ring-inside.h"

struct flow_cell {
	struct flow_member member;
};

enum {
	/* large values have two areas, lest they take four times the memory */
	SMALL = 1 << 20, /* bytes */
};

static unsigned
areas_for(uint64_t capacity)
{
	return capacity > SMALL ? 2 : FLOW_AREAS;
}

static uint64_t
whole_pages(uint64_t bytes)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

	if (bytes > (uint64_t)INT64_MAX / 32)
		return 0;
	return bytes ? (bytes + page - 1) / page * page : page;
}

uint64_t
flow_cell_bytes(uint64_t capacity)
{
	uint64_t area = whole_pages(capacity);

	return area ? flow_memory_header() + areas_for(area) * area : 0;
}

int
flow_cell_format(int fd, uint64_t capacity, uint64_t generation,
		 uint64_t identity, bool open)
{
	struct flow_fixed fixed;

	flow_fixed_fill(&fixed, FLOW_MEMORY_VALUE);
	fixed.size = whole_pages(capacity);
	fixed.areas = areas_for(fixed.size);
	if (identity)
		fixed.identity = identity;
	fixed.flags = open ? FLOW_FLAG_OPEN : 0;
	if (pwrite(fd, &generation, sizeof(generation),
		   offsetof(struct flow_memory, head)) != sizeof(generation))
		return -1;
	return flow_fixed_write(fd, &fixed);
}

struct flow_cell *
flow_cell_open(int fd, bool writable, const char *name,
	       struct flow_error *error)
{
	struct flow_cell *cell = calloc(1, sizeof(*cell));

	if (!cell)
		flow_error_no_memory();
	if (flow_member_open(&cell->member, fd, writable, false,
			     FLOW_MEMORY_VALUE, name, error)) {
		free(cell);
		return NULL;
	}
	return cell;
}

void
flow_cell_close(struct flow_cell *cell)
{
	if (!cell)
		return;
	flow_cell_pass(cell);
	flow_member_close(&cell->member);
	free(cell);
}

void
flow_cell_interrupt(struct flow_cell *cell, const _Atomic uint32_t *word)
{
	cell->member.interrupted = word;
}

static int
fail(int errnum)
{
	errno = errnum;
	return -1;
}

static unsigned char *
data_of(const struct flow_cell *cell, uint64_t generation)
{
	const struct flow_fixed *fixed = &cell->member.fixed;

	return cell->member.map.data + generation % fixed->areas * fixed->size;
}

static struct flow_area *
area_of(const struct flow_cell *cell, uint64_t generation)
{
	return &cell->member.memory
			->areas[generation % cell->member.fixed.areas];
}

uint64_t
flow_cell_generation(const struct flow_cell *cell)
{
	return atomic_load_explicit(&cell->member.memory->head,
				    memory_order_acquire);
}

uint64_t
flow_cell_identity(const struct flow_cell *cell)
{
	return cell->member.fixed.identity;
}

ssize_t
flow_cell_read(struct flow_cell *cell, void *buffer, size_t room,
	       uint64_t *generation)
{
	/* writers that write as fast as they can have been seen to cost two */
	const unsigned most = 1000000;

	for (unsigned tries = 0; tries < most; tries++) {
		uint64_t now = flow_cell_generation(cell), length;
		const struct flow_area *area = area_of(cell, now);

		if (!now)
			return flow_member_broken(&cell->member) ? fail(EBADMSG)
								 : fail(EAGAIN);
		if (atomic_load_explicit(&area->generation,
					 memory_order_acquire) != now) {
			flow_pause();
			continue;
		}
		length = atomic_load_explicit(&area->length,
					      memory_order_relaxed);
		if (length > cell->member.fixed.size)
			return fail(EBADMSG);
		if (length <= room)
			memcpy(buffer, data_of(cell, now), (size_t)length);
		/* a writer marks the area before it changes a byte of it */
		atomic_thread_fence(memory_order_acquire);
		if (flow_member_broken(&cell->member))
			return fail(EBADMSG);
		if (atomic_load_explicit(&area->generation,
					 memory_order_relaxed) != now)
			continue;
		*generation = now;
		return (ssize_t)length;
	}
	return fail(EBADMSG);
}

int
flow_cell_await(struct flow_cell *cell, uint64_t after, int64_t deadline)
{
	struct flow_memory *memory = cell->member.memory;

	for (;;) {
		struct flow_wait wait = { 0 };
		uint32_t value = flow_event_announce(&memory->news,
						     cell->member.map.writable);

		if (flow_cell_generation(cell) > after)
			return 0;
		if (atomic_load(&memory->ended))
			return fail(ESHUTDOWN);
		flow_wait_add(&wait, &memory->news, value, false);
		flow_member_heed(&cell->member, &wait);
		if (flow_member_sleep(&cell->member, &wait, deadline))
			return -1;
	}
}

int
flow_cell_turn(struct flow_cell *cell, int64_t deadline)
{
	struct flow_member *member = &cell->member;

	if (flow_place_take(member, true) < 0)
		return -1;
	flow_place_use(member, true);
	if (flow_turn_take(member, deadline)) {
		int saved = errno;

		flow_place_give(member, true);
		return fail(saved);
	}
	if (atomic_load(&member->memory->ended)) {
		flow_cell_pass(cell);
		return fail(ESHUTDOWN);
	}
	return 0;
}

void
flow_cell_pass(struct flow_cell *cell)
{
	flow_turn_give(&cell->member);
	flow_place_give(&cell->member, true);
}

static int
sync_part(void *start, size_t length)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	uintptr_t skew = (uintptr_t)start % page;

	return length ? msync((char *)start - skew, length + skew, MS_SYNC) : 0;
}

int
flow_cell_write(struct flow_cell *cell, const void *data, size_t length,
		bool sync)
{
	struct flow_member *member = &cell->member;
	uint64_t next = flow_cell_generation(cell) + 1;
	struct flow_area *area = area_of(cell, next);
	unsigned char *place = data_of(cell, next);

	if (length > member->fixed.size)
		return fail(EMSGSIZE);
	atomic_store_explicit(&area->generation, 0, memory_order_relaxed);
	atomic_thread_fence(memory_order_seq_cst);
	memcpy(place, data, length);
	atomic_store_explicit(&area->length, length, memory_order_relaxed);
	if (sync && sync_part(place, length))
		return -1;
	if (flow_member_broken(member))
		return fail(EBADMSG);
	atomic_store_explicit(&area->generation, next, memory_order_release);
	atomic_store_explicit(&member->memory->head, next,
			      memory_order_release);
	if (sync && sync_part(member->memory, sizeof(*member->memory)))
		return -1;
	flow_event_signal(&member->memory->news,
			  flow_member_signals_all(member));
	return 0;
}

void
flow_cell_retire(struct flow_cell *cell)
{
	struct flow_memory *memory = cell->member.memory;

	atomic_store(&memory->ended, FLOW_ENDED);
	flow_event_signal(&memory->news,
			  flow_member_signals_all(&cell->member));
}

int
flow_cell_look(struct flow_cell *cell, struct flow_cell_info *info)
{
	const struct flow_fixed *fixed = &cell->member.fixed;

	*info = (struct flow_cell_info){
		.generation = flow_cell_generation(cell),
		.capacity = fixed->size,
		.areas = fixed->areas,
		.identity = fixed->identity,
		.created = fixed->created,
		.replaced = atomic_load(&cell->member.memory->ended),
	};
	if (info->generation)
		info->length =
			atomic_load(&area_of(cell, info->generation)->length);
	if (info->length > fixed->size || flow_member_broken(&cell->member))
		return fail(EBADMSG);
	return 0;
}
