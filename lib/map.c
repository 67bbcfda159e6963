/* SPDX-License-Identifier: GPL-3.0-or-later */
/* map: mapped objects under a guard against SIGBUS. */
#include "config.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "map.h"

enum {
	GUARDED = 64, /* maps at a time; more are mapped, but not guarded */
	NOT_GUARDED = GUARDED,
};

/* What the handler looks at. FROM is set last and cleared first. */
static struct {
	_Atomic uintptr_t from; /* 0: free; 1: being filled */
	_Atomic uintptr_t to;
	_Atomic bool broken;
} guarded[GUARDED];

/*
 * Zeros over the whole map: who looks at it sees bytes, goes on to where it
 * asks flow_map_broken, and touches nothing that is not its own meanwhile.
 */
static void
on_bus_error(int number, siginfo_t *info, void *context)
{
	uintptr_t fault = (uintptr_t)info->si_addr;
	struct sigaction plain = { .sa_handler = SIG_DFL };
	int saved = errno;

	(void)context;
	for (unsigned i = 0; i < GUARDED; i++) {
		uintptr_t from = atomic_load(&guarded[i].from);
		uintptr_t to = atomic_load(&guarded[i].to);

		if (from <= 1 || fault < from || fault >= to)
			continue;
		atomic_store(&guarded[i].broken, true);
		/* NOLINTNEXTLINE(performance-no-int-to-ptr) */
		if (mmap((void *)from, to - from, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED |
				 MAP_NORESERVE,
			 -1, 0) == MAP_FAILED)
			break;
		errno = saved;
		return;
	}
	/* the same instruction faults again, and ends us */
	sigaction(number, &plain, NULL);
}

void
flow_map_guard(void)
{
	struct sigaction action = {
		.sa_sigaction = on_bus_error,
		.sa_flags = SA_SIGINFO,
	};

	sigemptyset(&action.sa_mask);
	sigaction(SIGBUS, &action, NULL);
}

static unsigned
watch_over(uintptr_t from, size_t length)
{
	for (unsigned i = 0; i < GUARDED; i++) {
		uintptr_t none = 0;

		if (!atomic_compare_exchange_strong(&guarded[i].from, &none, 1))
			continue;
		atomic_store(&guarded[i].broken, false);
		atomic_store(&guarded[i].to, from + length);
		atomic_store(&guarded[i].from, from);
		return i;
	}
	return NOT_GUARDED;
}

bool
flow_map_broken(const struct flow_map *map)
{
	return map->place < GUARDED && atomic_load(&guarded[map->place].broken);
}

int
flow_map_open(struct flow_map *map, int fd, size_t header_size, size_t size,
	      bool doubled, bool writable)
{
	int access = PROT_READ | (writable ? PROT_WRITE : 0);
	/* small maps are filled at once, for a fault costs more than a page */
	int flags =
		MAP_SHARED | MAP_FIXED | (size <= 64 << 20 ? MAP_POPULATE : 0);
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t length, copies = doubled ? 2 : 1;
	unsigned char *base;
	struct stat st;

	if (header_size % page || size % page ||
	    size > (SIZE_MAX / 4 - header_size) || header_size + size == 0) {
		errno = EINVAL;
		return -1;
	}
	if (fstat(fd, &st))
		return -1;
	if (st.st_size < 0 || (uint64_t)st.st_size < header_size + size) {
		errno = EINVAL;
		return -1;
	}
	length = header_size + copies * size;
	base = mmap(NULL, length, PROT_NONE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (base == MAP_FAILED)
		return -1;
	if (mmap(base, header_size + size, access, flags, fd, 0) == MAP_FAILED)
		goto drop_base;
	if (doubled && size &&
	    mmap(base + header_size + size, size, access, flags, fd,
		 (off_t)header_size) == MAP_FAILED)
		goto drop_base;
	*map = (struct flow_map){
		.header = base,
		.header_size = header_size,
		.data = base + header_size,
		.size = size,
		.length = length,
		.writable = writable,
		.place = watch_over((uintptr_t)base, length),
	};
	return 0;

drop_base:;
	int saved = errno;
	munmap(base, length);
	errno = saved;
	return -1;
}

void
flow_map_close(struct flow_map *map)
{
	if (!map->header)
		return;
	if (map->place < GUARDED)
		atomic_store(&guarded[map->place].from, 0);
	munmap(map->header, map->length);
	*map = (struct flow_map){ .place = NOT_GUARDED };
}
