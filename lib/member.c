/* SPDX-License-Identifier: GPL-3.0-or-later */
/* member: taking part in an object: its header, the places, the turn. */
#include "config.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "lock.h"
#include "ring-inside.h"

enum {
	SPIN = 400, /* looks before a sleep, each a pause of the processor */
};

/* --- the header */

static uint64_t
checksum(const struct flow_fixed *fixed)
{
	const unsigned char *byte = (const unsigned char *)fixed;
	uint64_t sum = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < offsetof(struct flow_fixed, checksum); i++)
		sum = (sum ^ byte[i]) * UINT64_C(0x100000001b3);
	return sum;
}

uint64_t
flow_memory_header(void)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

	return (sizeof(struct flow_memory) + page - 1) / page * page;
}

void
flow_fixed_fill(struct flow_fixed *fixed, uint32_t kind)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	memset(fixed, 0, sizeof(*fixed));
	memcpy(fixed->magic, FLOW_MEMORY_MAGIC, sizeof(fixed->magic));
	fixed->version = FLOW_MEMORY_VERSION;
	fixed->kind = kind;
	fixed->header = flow_memory_header();
	fixed->readers = FLOW_READERS;
	fixed->writers = FLOW_WRITERS;
	fixed->created = now.tv_sec * FLOW_SECOND + now.tv_nsec;
	/* only to tell objects apart */
	if (getrandom(&fixed->identity, sizeof(fixed->identity),
		      GRND_NONBLOCK) != sizeof(fixed->identity))
		fixed->identity = (uint64_t)fixed->created;
}

int
flow_fixed_write(int fd, struct flow_fixed *fixed)
{
	ssize_t wrote;

	fixed->checksum = checksum(fixed);
	wrote = pwrite(fd, fixed, sizeof(*fixed), 0);
	if (wrote == sizeof(*fixed))
		return 0;
	if (wrote >= 0)
		errno = EIO;
	return -1;
}

static int
damaged(struct flow_error *error, const char *name, const char *what)
{
	return flow_error_set(error, EX_DATAERR, "%s: %s", name, what);
}

/* Is every number what flow_ring_format or flow_cell_format can have written? */
static bool
is_sound(const struct flow_fixed *fixed)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	uint64_t most = (uint64_t)INT64_MAX / 16;

	if (fixed->header != flow_memory_header() || fixed->size == 0 ||
	    fixed->size % page || fixed->size > most ||
	    fixed->flags > FLOW_FLAGS || fixed->readers != FLOW_READERS ||
	    fixed->writers != FLOW_WRITERS)
		return false;
	if (fixed->kind == FLOW_MEMORY_RING)
		return fixed->framing < 4 && fixed->full < 3 &&
		       fixed->wanted <= FLOW_READERS && fixed->areas == 0;
	return fixed->areas > 1 && fixed->areas <= FLOW_AREAS;
}

int
flow_fixed_read(int fd, uint32_t kind, const char *name,
		struct flow_fixed *fixed, struct flow_error *error)
{
	ssize_t got = pread(fd, fixed, sizeof(*fixed), 0);
	uint64_t data;
	struct stat st;

	if (got < 0 || fstat(fd, &st))
		return flow_error_set(error, EX_IOERR, "cannot read %s: %s",
				      name, strerror(errno));
	if (got < 8 || memcmp(fixed->magic, FLOW_MEMORY_MAGIC, 8))
		return damaged(error, name, "neither a ring nor a value");
	if (got < (ssize_t)sizeof(*fixed))
		return damaged(error, name, "the object is cut off");
	if (fixed->version != FLOW_MEMORY_VERSION)
		return damaged(error, name,
			       "made by another version of ipcflow");
	if (fixed->checksum != checksum(fixed))
		return damaged(error, name, "the header is damaged");
	if (fixed->kind != kind)
		return damaged(error, name,
			       fixed->kind == FLOW_MEMORY_VALUE
				       ? "a value, not a ring; see --value"
				       : "a ring, not a value");
	if (!is_sound(fixed))
		return damaged(error, name, "the header makes no sense here");
	data = fixed->size * (kind == FLOW_MEMORY_VALUE ? fixed->areas : 1);
	if ((uint64_t)st.st_size < fixed->header + data)
		return damaged(error, name, "the object is cut off");
	return 0;
}

int
flow_member_open(struct flow_member *member, int fd, bool writable,
		 bool doubled, uint32_t kind, const char *name,
		 struct flow_error *error)
{
	cpu_set_t processors;
	uint64_t data;

	*member = (struct flow_member){ .fd = fd, .reader = -1, .writer = -1 };
	if (flow_fixed_read(fd, kind, name, &member->fixed, error))
		return -1;
	data = member->fixed.size *
	       (kind == FLOW_MEMORY_VALUE ? member->fixed.areas : 1);
	if (flow_map_open(&member->map, fd, (size_t)member->fixed.header,
			  (size_t)data, doubled, writable)) {
		if (errno == EINVAL)
			return damaged(error, name, "the object is cut off");
		return flow_error_set(error, EX_OSERR, "cannot map %s: %s",
				      name, strerror(errno));
	}
	member->memory = (struct flow_memory *)member->map.header;
	if (sched_getaffinity(0, sizeof(processors), &processors) == 0 &&
	    CPU_COUNT(&processors) > 1)
		member->spin = SPIN;
	return 0;
}

void
flow_member_close(struct flow_member *member)
{
	flow_map_close(&member->map);
}

bool
flow_member_broken(const struct flow_member *member)
{
	return flow_map_broken(&member->map);
}

/* --- places */

static struct flow_place *
place_of(const struct flow_member *member, bool writer, unsigned index)
{
	return writer ? &member->memory->writers[index]
		      : &member->memory->readers[index];
}

static unsigned
lock_of(bool writer, unsigned index)
{
	return (writer ? FLOW_LOCK_WRITERS : FLOW_LOCK_READERS) + index;
}

static bool
is_ours(const struct flow_member *member, bool writer, unsigned index)
{
	return (writer ? member->writer : member->reader) == (int)index;
}

/* STATE is that of a used place; does whoever set it live? */
static bool
owner_lives(const struct flow_member *member, bool writer, unsigned index)
{
	const struct flow_place *place = place_of(member, writer, index);

	if (is_ours(member, writer, index))
		return true;
	/* the kernel rings before it drops the locks */
	if (atomic_load(&place->doorbell) & FLOW_DOORBELL_RUNG)
		return false;
	return flow_lock_held(member->fd, lock_of(writer, index));
}

bool
flow_place_alive(struct flow_member *member, bool writer, unsigned index)
{
	const struct flow_place *place = place_of(member, writer, index);

	return (atomic_load(&place->state) & FLOW_PLACE_USED) &&
	       owner_lives(member, writer, index);
}

bool
flow_place_bury(struct flow_member *member, bool writer, unsigned index)
{
	struct flow_place *place = place_of(member, writer, index);
	uint32_t state = atomic_load(&place->state);

	if (!(state & FLOW_PLACE_USED) || owner_lives(member, writer, index))
		return false;
	/*
	 * Whoever takes the place in between counts the state on, and then
	 * this is not the state that we saw.
	 */
	if (member->map.writable &&
	    atomic_compare_exchange_strong(&place->state, &state, state + 1) &&
	    writer)
		atomic_fetch_add(&member->memory->deaths, 1);
	return true;
}

/*
 * A dead writer may have had the turn. Whoever gets its place would look alive
 * in its stead, and know nothing of a turn.
 */
static void
free_turn_of(struct flow_member *member, unsigned index)
{
	struct flow_memory *memory = member->memory;
	uint64_t turn = atomic_load(&memory->turn);

	if ((turn & 0xff) == index + 1 &&
	    atomic_compare_exchange_strong(&memory->turn, &turn,
					   turn & ~UINT64_C(0xff)))
		flow_event_signal(&memory->turns, false);
}

int
flow_place_take(struct flow_member *member, bool writer)
{
	unsigned count = writer ? FLOW_WRITERS : FLOW_READERS;
	struct timespec now;

	for (unsigned i = 0; i < count; i++) {
		struct flow_place *place = place_of(member, writer, i);
		uint32_t state;

		if (!flow_lock_take(member->fd, lock_of(writer, i)))
			continue;
		/* the lock is ours: who used the place has died */
		if (writer)
			free_turn_of(member, i);
		state = atomic_load(&place->state);
		if (state & FLOW_PLACE_USED) {
			if (atomic_compare_exchange_strong(&place->state,
							   &state, state + 1) &&
			    writer)
				atomic_fetch_add(&member->memory->deaths, 1);
		}
		clock_gettime(CLOCK_REALTIME, &now);
		atomic_store(&place->doorbell, 0);
		atomic_store(&place->position, 0);
		atomic_store(&place->lost, 0);
		atomic_store(&place->pid, (uint32_t)getpid());
		atomic_store(&place->since,
			     now.tv_sec * FLOW_SECOND + now.tv_nsec);
		flow_doorbell_hang(&place->doorbell);
		if (writer)
			member->writer = (int)i;
		else
			member->reader = (int)i;
		return (int)i;
	}
	errno = EUSERS;
	return -1;
}

void
flow_place_use(struct flow_member *member, bool writer)
{
	unsigned index = (unsigned)(writer ? member->writer : member->reader);
	struct flow_place *place = place_of(member, writer, index);
	flow_word *top = &member->memory->reader_top;
	uint32_t seen = atomic_load(top);

	while (!writer && seen <= index &&
	       !atomic_compare_exchange_weak(top, &seen, index + 1))
		;
	atomic_store(&place->state,
		     (atomic_load(&place->state) + 2) | FLOW_PLACE_USED);
}

/* Only for a used place, or one that is just taken. */
void
flow_place_give(struct flow_member *member, bool writer)
{
	int index = writer ? member->writer : member->reader;
	struct flow_place *place;
	uint32_t state;

	if (index < 0)
		return;
	place = place_of(member, writer, (unsigned)index);
	state = atomic_load(&place->state);
	if (state & FLOW_PLACE_USED)
		atomic_store(&place->state, state + 1);
	flow_doorbell_remove(&place->doorbell);
	flow_lock_drop(member->fd, lock_of(writer, (unsigned)index));
	if (writer)
		member->writer = -1;
	else
		member->reader = -1;
}

/* --- waiting */

void
flow_member_heed(const struct flow_member *member, struct flow_wait *wait)
{
	if (member->interrupted)
		flow_wait_add(wait, member->interrupted, 0, true);
}

int
flow_member_sleep(const struct flow_member *member,
		  const struct flow_wait *wait, int64_t deadline)
{
	struct stat st;
	uint64_t data = member->map.header_size + member->map.size;

	if (flow_wait_sleep(wait, deadline))
		return -1;
	if (member->interrupted && atomic_load(member->interrupted)) {
		errno = EINTR;
		return -1;
	}
	/* a page that is cut off may be one that we do not look at */
	if (flow_member_broken(member) || fstat(member->fd, &st) ||
	    (uint64_t)st.st_size < data) {
		errno = EBADMSG;
		return -1;
	}
	return 0;
}

bool
flow_member_signals_all(const struct flow_member *member)
{
	return member->fixed.flags & FLOW_FLAG_OPEN;
}

/* --- the writers' turn */

int
flow_turn_take(struct flow_member *member, int64_t deadline)
{
	struct flow_memory *memory = member->memory;
	unsigned looks = 0;

	if (member->turn)
		return 0;
	for (;;) {
		struct flow_wait wait = { 0 };
		uint64_t turn = atomic_load(&memory->turn), mine;
		unsigned holder = (unsigned)(turn & 0xff);
		uint32_t value;

		mine = ((turn >> 8) + 1) << 8 | (unsigned)(member->writer + 1);
		if (holder > FLOW_WRITERS) {
			errno = EBADMSG;
			return -1;
		}
		/* from nobody, or from a dead one, who cannot give it back */
		if (!holder || !flow_place_alive(member, true, holder - 1)) {
			if (!atomic_compare_exchange_strong(&memory->turn,
							    &turn, mine))
				continue;
			if (holder)
				flow_place_bury(member, true, holder - 1);
			member->turn = mine;
			return 0;
		}
		if (looks++ < member->spin) {
			flow_pause();
			continue;
		}
		value = flow_event_announce(&memory->turns, true);
		if (atomic_load(&memory->turn) != turn)
			continue;
		flow_wait_add(&wait, &memory->turns, value, false);
		flow_wait_add(
			&wait, &memory->writers[holder - 1].doorbell,
			atomic_load(&memory->writers[holder - 1].doorbell),
			false);
		flow_member_heed(member, &wait);
		if (!flow_place_alive(member, true, holder - 1))
			continue;
		if (flow_member_sleep(member, &wait, deadline))
			return -1;
	}
}

void
flow_turn_give(struct flow_member *member)
{
	uint64_t turn = member->turn;

	if (!turn)
		return;
	member->turn = 0;
	/* it is not ours any more only when somebody forged that */
	if (atomic_compare_exchange_strong(&member->memory->turn, &turn,
					   turn & ~UINT64_C(0xff)))
		flow_event_signal(&member->memory->turns, false);
}
