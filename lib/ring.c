/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ring: the stream in shared memory; ring.h says what it promises. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sysexits.h>
#include <unistd.h>

#include "clock.h"
#include "ring-inside.h"
#include "ring.h"

struct flow_ring {
	struct flow_member member; /* first: see ring-inside.h */
	struct flow_ring_shape shape;
	struct flow_record record;

	/* the writer who has the turn */
	uint64_t head; /* what memory->head is; nobody else changes it */
	uint64_t free_until; /* every reader is at least here, and will be */

	/* the reader */
	uint64_t position;
	uint64_t seen; /* the head that was seen last */
	uint64_t lost; /* bytes */
	char *copy; /* what can be overwritten is looked at in a copy */
	size_t room; /* bytes at copy */
};

/* --- making one */

static uint64_t
whole_pages(uint64_t bytes)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

	if (bytes > (uint64_t)INT64_MAX / 16 - page)
		return 0;
	return bytes ? (bytes + page - 1) / page * page : page;
}

uint64_t
flow_ring_bytes(const struct flow_ring_shape *shape)
{
	uint64_t data = whole_pages(shape->size);

	return data ? flow_memory_header() + data : 0;
}

int
flow_ring_format(int fd, const struct flow_ring_shape *shape)
{
	struct flow_fixed fixed;

	flow_fixed_fill(&fixed, FLOW_MEMORY_RING);
	fixed.size = whole_pages(shape->size);
	fixed.framing = shape->framing;
	fixed.full = shape->full;
	fixed.wanted = shape->wanted;
	fixed.flags = (shape->keep ? FLOW_FLAG_KEEP : 0) |
		      (shape->open ? FLOW_FLAG_OPEN : 0);
	return flow_fixed_write(fd, &fixed);
}

int
flow_ring_kind(int fd)
{
	struct {
		char magic[8];
		uint32_t version, kind;
	} start;
	ssize_t got = pread(fd, &start, sizeof(start), 0);

	if (got < 0)
		return -1;
	if (got < 8 || memcmp(start.magic, FLOW_MEMORY_MAGIC, 8))
		return 0;
	return got == sizeof(start) && start.kind == FLOW_MEMORY_VALUE
		       ? FLOW_MEMORY_VALUE
		       : FLOW_MEMORY_RING;
}

struct flow_ring *
flow_ring_open(int fd, bool writable, const char *name,
	       struct flow_error *error)
{
	struct flow_ring *ring = calloc(1, sizeof(*ring));
	const struct flow_fixed *fixed;

	if (!ring)
		flow_error_no_memory();
	if (flow_member_open(&ring->member, fd, writable, true,
			     FLOW_MEMORY_RING, name, error)) {
		free(ring);
		return NULL;
	}
	fixed = &ring->member.fixed;
	ring->shape = (struct flow_ring_shape){
		.size = fixed->size,
		.framing = fixed->framing,
		.full = fixed->full,
		.wanted = fixed->wanted,
		.keep = fixed->flags & FLOW_FLAG_KEEP,
		.open = fixed->flags & FLOW_FLAG_OPEN,
	};
	ring->record = *flow_framing_record(ring->shape.framing);
	return ring;
}

void
flow_ring_close(struct flow_ring *ring)
{
	if (!ring)
		return;
	flow_ring_leave(ring);
	flow_member_close(&ring->member);
	free(ring->copy);
	free(ring);
}

const struct flow_ring_shape *
flow_ring_shape(const struct flow_ring *ring)
{
	return &ring->shape;
}

const struct flow_record *
flow_ring_record(const struct flow_ring *ring)
{
	return &ring->record;
}

void
flow_ring_interrupt(struct flow_ring *ring, const _Atomic uint32_t *word)
{
	ring->member.interrupted = word;
}

void
flow_ring_spin(struct flow_ring *ring, unsigned turns)
{
	ring->member.spin = turns;
}

static int
fail(int errnum)
{
	errno = errnum;
	return -1;
}

static unsigned char *
at(const struct flow_ring *ring, uint64_t position)
{
	/* not 0: see is_sound in member.c */
	/* NOLINTNEXTLINE(clang-analyzer-core.DivideZero) */
	return ring->member.map.data + position % ring->shape.size;
}

static bool
is_used(const struct flow_place *place)
{
	return atomic_load(&place->state) & FLOW_PLACE_USED;
}

/* --- where records begin */

/* The end of the record at FROM, or 0 when it makes no sense before END. */
static uint64_t
after_len32(const struct flow_ring *ring, uint64_t from, uint64_t end)
{
	const unsigned char *byte = at(ring, from);
	uint64_t length;

	if (end - from < 4)
		return 0;
	length = 4 + ((uint64_t)byte[0] << 24 | (uint64_t)byte[1] << 16 |
		      (uint64_t)byte[2] << 8 | byte[3]);
	return length > end - from ? 0 : from + length;
}

/*
 * The first beginning of a record at or after WANTED, up to END, which is one,
 * as FROM is. What makes no sense is taken for one record up to END.
 */
static uint64_t
boundary(const struct flow_ring *ring, uint64_t from, uint64_t wanted,
	 uint64_t end)
{
	const unsigned char *found;

	if (wanted <= from)
		return from;
	if (wanted >= end || end - from > ring->shape.size)
		return end;
	switch (ring->shape.framing) {
	case FLOW_FRAMING_LINE:
	case FLOW_FRAMING_NUL:
		/* the byte before the record ends the one before it */
		found = memchr(at(ring, wanted - 1),
			       ring->shape.framing == FLOW_FRAMING_LINE ? '\n'
									: '\0',
			       (size_t)(end - wanted + 1));
		return found ? wanted + (uint64_t)(found - at(ring, wanted - 1))
			     : end;
	case FLOW_FRAMING_LEN32:
		while (from < wanted) {
			uint64_t next = after_len32(ring, from, end);

			if (!next)
				return end;
			from = next;
		}
		return from;
	default:
		return wanted;
	}
}

/* --- writing */

int
flow_ring_write_join(struct flow_ring *ring)
{
	struct flow_member *member = &ring->member;
	struct flow_memory *memory = member->memory;
	int saved = ESHUTDOWN;

	if (flow_place_take(member, true) < 0)
		return -1;
	flow_place_use(member, true);
	/* the last writer looks for others, then ends; one sees the other */
	if (atomic_load(&memory->ended) & FLOW_ENDED)
		goto drop_place;
	if (ring->shape.framing != FLOW_FRAMING_RAW)
		return 0;
	/* the turn of one who lives lasts as long as it does */
	if (flow_ring_turn(ring, INT64_MIN)) {
		saved = errno == ETIMEDOUT ? EBUSY : errno;
		goto drop_place;
	}
	if (!(atomic_load(&memory->ended) & FLOW_ENDED))
		return 0;
	flow_turn_give(member);

drop_place:
	flow_place_give(member, true);
	return fail(saved);
}

int
flow_ring_turn(struct flow_ring *ring, int64_t deadline)
{
	struct flow_memory *memory = ring->member.memory;
	uint64_t oldest;

	if (ring->member.turn)
		return 0;
	if (flow_turn_take(&ring->member, deadline))
		return -1;
	ring->head = atomic_load(&memory->head);
	oldest = atomic_load(&memory->oldest);
	if (oldest > ring->head || ring->head - oldest > ring->shape.size) {
		flow_turn_give(&ring->member);
		return fail(EBADMSG);
	}
	return 0;
}

void
flow_ring_pass(struct flow_ring *ring)
{
	if (ring->shape.framing != FLOW_FRAMING_RAW)
		flow_turn_give(&ring->member);
}

/* So many places have ever been taken. */
static unsigned
reader_top(const struct flow_ring *ring)
{
	uint32_t top = atomic_load(&ring->member.memory->reader_top);

	return top < FLOW_READERS ? top : FLOW_READERS;
}

/* How many readers are there and live. */
static unsigned
count_readers(struct flow_ring *ring)
{
	unsigned count = 0, top = reader_top(ring);

	for (unsigned i = 0; i < top; i++)
		if (flow_place_alive(&ring->member, false, i))
			count++;
	return count;
}

int
flow_ring_await_readers(struct flow_ring *ring, int64_t deadline)
{
	struct flow_memory *memory = ring->member.memory;

	for (;;) {
		struct flow_wait wait = { 0 };
		uint32_t value;

		atomic_store(&memory->sought, 0);
		value = flow_event_announce(&memory->space, true);
		/* the first byte has been written: they were there */
		if (count_readers(ring) >= ring->shape.wanted ||
		    atomic_load(&memory->head) > 0)
			return 0;
		flow_wait_add(&wait, &memory->space, value, false);
		flow_member_heed(&ring->member, &wait);
		if (flow_member_sleep(&ring->member, &wait, deadline))
			return -1;
	}
}

/*
 * The lowest position of a reader, or the head. Before the first reader has
 * come nothing may go.
 */
static uint64_t
slowest(const struct flow_ring *ring)
{
	struct flow_memory *memory = ring->member.memory;
	uint64_t lowest = ring->head;
	unsigned top = reader_top(ring);

	if (!atomic_load(&memory->joined))
		return 0;
	for (unsigned i = 0; i < top; i++) {
		uint64_t position;

		if (!is_used(&memory->readers[i]))
			continue;
		position = atomic_load(&memory->readers[i].position);
		if (position < lowest)
			lowest = position;
	}
	return lowest;
}

/* Frees the places of the dead who are behind NEEDED; true if there was one. */
static bool
bury_slow(struct flow_ring *ring, uint64_t needed)
{
	struct flow_memory *memory = ring->member.memory;
	unsigned top = reader_top(ring);
	bool found = false;

	for (unsigned i = 0; i < top; i++)
		if (is_used(&memory->readers[i]) &&
		    atomic_load(&memory->readers[i].position) < needed &&
		    flow_place_bury(&ring->member, false, i))
			found = true;
	return found;
}

/* Sleeps until readers may have come as far as NEEDED, or SOUGHT if they can. */
static int
await_space(struct flow_ring *ring, uint64_t needed, uint64_t sought,
	    int64_t deadline)
{
	struct flow_memory *memory = ring->member.memory;
	struct flow_wait wait = { 0 };
	bool held = false;
	uint32_t value;
	unsigned top;

	for (unsigned i = 0; i < ring->member.spin; i++) {
		if (slowest(ring) >= needed)
			return 0;
		flow_pause();
	}
	atomic_store(&memory->sought, sought);
	value = flow_event_announce(&memory->space, true);
	flow_wait_add(&wait, &memory->space, value, false);
	flow_member_heed(&ring->member, &wait);
	/*
	 * Whoever holds us back now is listened to; who comes to do so later
	 * does not matter while these do, and they will say so.
	 */
	top = reader_top(ring);
	for (unsigned i = 0; i < top; i++) {
		struct flow_place *place = &memory->readers[i];
		uint32_t bell = atomic_load(&place->doorbell);

		if (!is_used(place) || atomic_load(&place->position) >= needed)
			continue;
		if (flow_place_bury(&ring->member, false, i))
			return 0;
		flow_wait_add(&wait, &place->doorbell, bell, false);
		held = true;
	}
	if (!held && atomic_load(&memory->joined))
		return 0;
	return flow_member_sleep(&ring->member, &wait, deadline);
}

/* The position up to which bytes may go: all before TARGET, whole records. */
static int
let_go(struct flow_ring *ring, uint64_t target)
{
	struct flow_memory *memory = ring->member.memory;
	uint64_t oldest = atomic_load(&memory->oldest);

	if (oldest > ring->head || ring->head - oldest > ring->shape.size)
		return fail(EBADMSG);
	if (target > oldest) {
		target = boundary(ring, oldest, target, ring->head);
		if (ring->shape.full == FLOW_RING_DROP) {
			uint64_t least = slowest(ring);

			if (target > least)
				atomic_fetch_add(&memory->dropped,
						 target - (least > oldest
								   ? least
								   : oldest));
		}
		atomic_store(&memory->oldest, target);
	}
	/* before any byte is changed, and before readers are looked at again */
	atomic_thread_fence(memory_order_seq_cst);
	return 0;
}

/*
 * Lets go what every reader has passed, a step beyond NEEDED at most: room is
 * made in large steps, for each costs a look at all readers.
 */
static int
extend(struct flow_ring *ring, uint64_t needed)
{
	uint64_t step = ring->shape.size / 8, least = slowest(ring);

	if (ring->shape.full == FLOW_RING_DROP)
		least = needed;
	else if (least > needed && least - needed > step)
		least = needed + step;
	if (least <= ring->free_until)
		return 0;
	if (let_go(ring, least))
		return -1;
	least = atomic_load(&ring->member.memory->oldest);
	/* one who joined meanwhile saw the old `oldest', and moves on */
	if (ring->shape.full == FLOW_RING_DROP || slowest(ring) >= least)
		ring->free_until = least;
	return 0;
}

/* How many bytes there is room for without looking at any reader. */
static uint64_t
room_known(const struct flow_ring *ring)
{
	uint64_t used = ring->head - ring->free_until;

	/* free_until may be that of an earlier turn */
	return used > ring->shape.size ? 0 : ring->shape.size - used;
}

/* Waits until it is worthwhile to look for room for LEAST bytes again. */
static int
await_room(struct flow_ring *ring, size_t least, int64_t deadline)
{
	uint64_t size = ring->shape.size;
	uint64_t needed = ring->head + least - size, sought;
	uint64_t oldest = atomic_load(&ring->member.memory->oldest);

	if (needed < oldest)
		needed = oldest;
	if (ring->shape.full == FLOW_RING_FAIL) {
		if (bury_slow(ring, needed))
			return 0;
		return fail(ENOBUFS);
	}
	/* woken for a byte it would sleep again at once */
	sought = ring->head > size - size / 4 ? ring->head - (size - size / 4)
					      : 0;
	return await_space(ring, needed, sought > needed ? sought : needed,
			   deadline);
}

ssize_t
flow_ring_room(struct flow_ring *ring, size_t least, size_t wanted,
	       void **place, int64_t deadline)
{
	uint64_t size = ring->shape.size, room;

	if (least > size)
		return fail(EMSGSIZE);
	if (wanted > size)
		wanted = size;
	if (ring->shape.full == FLOW_RING_DROP)
		wanted = least;
	for (;;) {
		room = room_known(ring);
		if (room < wanted) {
			if (extend(ring, ring->head + wanted - size))
				return -1;
			room = room_known(ring);
		}
		if (room >= least)
			break;
		if (await_room(ring, least, deadline))
			return -1;
	}
	if (flow_member_broken(&ring->member))
		return fail(EBADMSG);
	*place = at(ring, ring->head);
	if (room > wanted)
		room = wanted;
#ifdef FLOW_UNGUARDED
	/* for the torture's negative control: committed before it is there */
	atomic_store(&ring->member.memory->head, ring->head + room);
#endif
	return (ssize_t)room;
}

void
flow_ring_commit(struct flow_ring *ring, size_t length)
{
	struct flow_memory *memory = ring->member.memory;

	ring->head += length;
	atomic_store_explicit(&memory->head, ring->head, memory_order_release);
	flow_event_signal(&memory->news,
			  flow_member_signals_all(&ring->member));
}

int
flow_ring_write_end(struct flow_ring *ring, int status, int64_t deadline)
{
	struct flow_member *member = &ring->member;
	struct flow_memory *memory = member->memory;
	uint32_t none = 0, ended = FLOW_ENDED;
	bool others = false;

	if (member->writer < 0)
		return 0;
	if (status)
		atomic_compare_exchange_strong(&memory->failure, &none,
					       (uint32_t)status & 0xff);
	/* whoever ends it does so when no record is half written */
	if (flow_turn_take(member, deadline))
		return -1;
	for (unsigned i = 0; i < FLOW_WRITERS; i++) {
		if ((int)i == member->writer)
			continue;
		if (flow_place_alive(member, true, i))
			others = true;
		else
			flow_place_bury(member, true, i);
	}
	/* another who is at a raw ring is only about to learn that it is taken */
	if (!others || ring->shape.framing == FLOW_FRAMING_RAW) {
		if (atomic_load(&memory->deaths))
			ended |= FLOW_TORN;
		ended |= (atomic_load(&memory->failure) & 0xff) << 8;
		none = 0;
		atomic_compare_exchange_strong(&memory->ended, &none, ended);
	}
	/*
	 * Who has the turn next must not take us for one who goes on, or none
	 * of us would end the stream; a reader that finds no writer looks
	 * whether it has ended.
	 */
	flow_place_give(member, true);
	flow_turn_give(member);
	flow_event_signal(&memory->news, flow_member_signals_all(member));
	return flow_member_broken(member) ? fail(EBADMSG) : 0;
}

int
flow_ring_sync(struct flow_ring *ring)
{
	const struct flow_map *map = &ring->member.map;

	/* the data before what says that it is there */
	if (msync(map->data, map->size, MS_SYNC))
		return -1;
	return msync(map->header, map->header_size, MS_SYNC);
}

/* --- reading */

static struct flow_place *
reader_place(const struct flow_ring *ring)
{
	return ring->member.reader < 0
		       ? NULL
		       : &ring->member.memory->readers[ring->member.reader];
}

/* Can what we look at be overwritten? */
static bool
is_unstable(const struct flow_ring *ring)
{
	return ring->shape.full == FLOW_RING_DROP || ring->member.reader < 0;
}

static void
publish_position(struct flow_ring *ring)
{
	struct flow_memory *memory = ring->member.memory;
	struct flow_place *place = reader_place(ring);

	if (!place)
		return;
	/* all that we read we have read before */
	atomic_store(&place->position, ring->position);
	/* in order: a writer stores what it seeks, then looks at positions */
	if (ring->position >= atomic_load(&memory->sought))
		flow_event_signal(&memory->space, false);
}

/* Looks at head and oldest, which must make sense together. -1: EBADMSG. */
static int
look_at_head(struct flow_ring *ring, uint64_t *oldest)
{
	const int most =
		10000; /* a whole ring would be written between two loads */
	struct flow_memory *memory = ring->member.memory;
	uint64_t head;
	int tries = 0;

	/* the younger of the two is oldest, so that they are not too far apart */
	do {
		head = atomic_load_explicit(&memory->head,
					    memory_order_acquire);
		*oldest = atomic_load(&memory->oldest);
	} while (*oldest > head && ++tries < most);
	if (*oldest > head || head - *oldest > ring->shape.size ||
	    head < ring->seen || flow_member_broken(&ring->member))
		return fail(EBADMSG);
	ring->seen = head;
	return 0;
}

int
flow_ring_read_join(struct flow_ring *ring, enum flow_ring_from from,
		    uint64_t position)
{
	struct flow_member *member = &ring->member;
	struct flow_memory *memory = member->memory;
	struct flow_place *place = NULL;
	uint64_t oldest, wanted;

	if (member->map.writable) {
		int index = flow_place_take(member, false);

		if (index < 0)
			return -1;
		place = &memory->readers[index];
	}
	if (look_at_head(ring, &oldest))
		goto drop_place;
	ring->position = from == FLOW_RING_NEWEST ? ring->seen : oldest;
	if (place) {
		/* see the drawing in ring.h: then look whether it still is */
		atomic_store(&place->position, ring->position);
		flow_place_use(member, false);
		for (;;) {
			atomic_thread_fence(memory_order_seq_cst);
			if (look_at_head(ring, &oldest))
				goto drop_place;
			if (ring->position >= oldest)
				break;
			ring->position = oldest;
			atomic_store(&place->position, oldest);
		}
	}
	if (from == FLOW_RING_AT) {
		if (position > ring->seen) {
			errno = ERANGE;
			goto drop_place;
		}
		wanted = position;
		if (wanted < ring->position)
			ring->lost = ring->position - wanted;
		else
			ring->position = boundary(ring, ring->position, wanted,
						  ring->seen);
		if (place)
			atomic_store(&place->position, ring->position);
	}
	if (place) {
		/* a writer that sleeps is to know our doorbell before we count */
		flow_event_signal(&memory->space, false);
		atomic_fetch_add(&memory->joined, 1);
		flow_event_signal(&memory->space, false);
	}
	return 0;

drop_place:
	wanted = (uint64_t)errno;
	flow_place_give(member, false);
	return fail((int)wanted);
}

/* Moves on to OLDEST, which the writer has left behind us. */
static void
fall_back(struct flow_ring *ring, uint64_t oldest)
{
	struct flow_place *place = reader_place(ring);

	ring->lost += oldest - ring->position;
	if (place)
		atomic_fetch_add(&place->lost, oldest - ring->position);
	ring->position = oldest;
	publish_position(ring);
}

/* Of the AVAILABLE bytes at DATA as many whole records as fit in MOST, but one at least. */
static size_t
whole_records(const struct flow_ring *ring, const void *data, size_t available,
	      size_t most)
{
	size_t seen = 0, whole;

	if (available <= most)
		return available;
	if (ring->shape.framing == FLOW_FRAMING_RAW)
		return most;
	whole = flow_record_whole(&ring->record, data, most, &seen);
	return whole ? whole
		     : flow_record_first(&ring->record, data, available);
}

/*
 * The same from our own memory, where it is looked at when it is certain that
 * nothing has been written over it. 0: something was; look again.
 */
static ssize_t
copy_records(struct flow_ring *ring, size_t available, size_t most,
	     const void **data)
{
	uint64_t from = ring->position, oldest;
	size_t length = available < most ? available : most, seen = 0, whole;

	for (;;) {
		if (ring->room < length) {
			free(ring->copy);
			ring->copy = malloc(length);
			ring->room = length;
			if (!ring->copy)
				flow_error_no_memory();
		}
		memcpy(ring->copy, at(ring, from), length);
		/* what was overwritten before this was let go before it */
		atomic_thread_fence(memory_order_acquire);
		oldest = atomic_load_explicit(&ring->member.memory->oldest,
					      memory_order_relaxed);
		if (oldest > from) {
			if (look_at_head(ring, &oldest))
				return -1;
			fall_back(ring, oldest);
			return 0;
		}
		*data = ring->copy;
		if (ring->shape.framing == FLOW_FRAMING_RAW)
			return (ssize_t)length;
		if (length == available)
			return (ssize_t)whole_records(ring, *data, length,
						      most);
		whole = flow_record_whole(&ring->record, *data, length, &seen);
		if (whole)
			return (ssize_t)whole;
		/* a record longer than MOST: all of it, for it is there now */
		length = available;
	}
}

/* Sleeps until there is news. */
static int
await_news(struct flow_ring *ring, int64_t deadline)
{
	struct flow_member *member = &ring->member;
	struct flow_memory *memory = member->memory;
	struct flow_wait wait = { 0 };
	bool living = false;
	uint32_t value;

	for (unsigned i = 0; i < member->spin; i++) {
		if (atomic_load_explicit(&memory->head, memory_order_relaxed) !=
			    ring->seen ||
		    atomic_load_explicit(&memory->ended, memory_order_relaxed) &
			    FLOW_ENDED)
			return 0;
		flow_pause();
	}
	value = flow_event_announce(&memory->news, member->map.writable);
	flow_wait_add(&wait, &memory->news, value, false);
	flow_member_heed(member, &wait);
	for (unsigned i = 0; i < FLOW_WRITERS; i++) {
		uint32_t bell = atomic_load(&memory->writers[i].doorbell);

		if (!flow_place_alive(member, true, i))
			continue;
		living = true;
		flow_wait_add(&wait, &memory->writers[i].doorbell, bell, false);
	}
	/* a writer stores first and leaves then */
	if (atomic_load(&memory->head) != ring->seen ||
	    atomic_load(&memory->ended) & FLOW_ENDED)
		return 0;
	if (!living)
		return fail(EOWNERDEAD);
	return flow_member_sleep(member, &wait, deadline);
}

ssize_t
flow_ring_data(struct flow_ring *ring, const void **data, size_t most,
	       uint64_t until, int64_t deadline)
{
	for (;;) {
		uint32_t ended = atomic_load(&ring->member.memory->ended);
		uint64_t oldest, available;
		ssize_t got;

		if (look_at_head(ring, &oldest))
			return -1;
		if (oldest > ring->position) {
			/* a lossless writer never leaves a place behind */
			if (!is_unstable(ring))
				return fail(EBADMSG);
			fall_back(ring, oldest);
		}
		if (ring->position >= until)
			return 0;
		available = ring->seen - ring->position;
		if (available > until - ring->position)
			available = until - ring->position;
		if (!available) {
			if (ended & FLOW_ENDED)
				return 0;
			if (await_news(ring, deadline))
				return -1;
			continue;
		}
		if (is_unstable(ring)) {
			got = copy_records(ring, (size_t)available, most, data);
			if (!got)
				continue;
		} else {
			*data = at(ring, ring->position);
			got = (ssize_t)whole_records(ring, *data,
						     (size_t)available, most);
		}
		if (flow_member_broken(&ring->member))
			return fail(EBADMSG);
		return got;
	}
}

void
flow_ring_consume(struct flow_ring *ring, size_t length)
{
	ring->position += length;
	publish_position(ring);
}

uint64_t
flow_ring_lost(struct flow_ring *ring)
{
	uint64_t lost = ring->lost;

	ring->lost = 0;
	return lost;
}

uint64_t
flow_ring_position(const struct flow_ring *ring)
{
	return ring->position;
}

uint64_t
flow_ring_head(const struct flow_ring *ring)
{
	return atomic_load(&ring->member.memory->head);
}

bool
flow_ring_ended(const struct flow_ring *ring, int *status, bool *torn)
{
	uint32_t ended = atomic_load(&ring->member.memory->ended);

	*status = (int)(ended >> 8 & 0xff);
	*torn = ended & FLOW_TORN;
	return ended & FLOW_ENDED;
}

void
flow_ring_leave(struct flow_ring *ring)
{
	struct flow_member *member = &ring->member;

	flow_turn_give(member);
	if (member->reader >= 0) {
		flow_place_give(member, false);
		flow_event_signal(&member->memory->space, false);
	}
	/* a writer that leaves like this has not ended the stream */
	if (member->writer >= 0) {
		atomic_fetch_add(&member->memory->deaths, 1);
		flow_place_give(member, true);
		flow_event_signal(&member->memory->news,
				  flow_member_signals_all(member));
	}
}

bool
flow_ring_done(struct flow_ring *ring)
{
	struct flow_memory *memory = ring->member.memory;

	return (atomic_load(&memory->ended) & FLOW_ENDED) &&
	       !ring->shape.keep && atomic_load(&memory->joined) &&
	       count_readers(ring) == 0;
}

/* --- looking from outside */

static void
look_at_place(const struct flow_place *place, unsigned index, bool alive,
	      struct flow_ring_user *user)
{
	*user = (struct flow_ring_user){
		.place = index,
		.alive = alive,
		.pid = atomic_load(&place->pid),
		.position = atomic_load(&place->position),
		.lost = atomic_load(&place->lost),
		.since = atomic_load(&place->since),
	};
}

int
flow_ring_look(struct flow_ring *ring, struct flow_ring_info *info)
{
	struct flow_memory *memory = ring->member.memory;
	uint32_t ended = atomic_load(&memory->ended);

	*info = (struct flow_ring_info){
		.identity = ring->member.fixed.identity,
		.created = ring->member.fixed.created,
		.dropped = atomic_load(&memory->dropped),
		.joined = atomic_load(&memory->joined),
		.deaths = atomic_load(&memory->deaths),
		.ended = ended & FLOW_ENDED,
		.torn = ended & FLOW_TORN,
		.status = (int)(ended >> 8 & 0xff),
	};
	if (look_at_head(ring, &info->oldest))
		return -1;
	info->head = ring->seen;
	for (unsigned i = 0; i < FLOW_READERS; i++)
		if (is_used(&memory->readers[i]))
			look_at_place(&memory->readers[i], i,
				      flow_place_alive(&ring->member, false, i),
				      &info->readers[info->reader_count++]);
	for (unsigned i = 0; i < FLOW_WRITERS; i++)
		if (is_used(&memory->writers[i]))
			look_at_place(&memory->writers[i], i,
				      flow_place_alive(&ring->member, true, i),
				      &info->writers[info->writer_count++]);
	return flow_member_broken(&ring->member) ? fail(EBADMSG) : 0;
}
