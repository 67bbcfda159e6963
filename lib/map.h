/* SPDX-License-Identifier: GPL-3.0-or-later */
/* map: a shared object in memory, which its other users may truncate. */
#ifndef FLOW_MAP_H
#define FLOW_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * file:   | header, whole pages | data, whole pages |
 * memory: | header | data | the same data once more (if doubled) |
 *
 * so that any stretch of the data, also one that runs over its end, is one
 * piece of memory for read(2) and write(2).
 */
struct flow_map {
	unsigned char *header;
	size_t header_size; /* bytes */
	unsigned char *data; /* just behind header */
	size_t size; /* bytes, once */
	size_t length; /* bytes of address space */
	bool writable;
	unsigned place; /* among those that are guarded */
};

/*
 * Maps FD (borrowed), whose header and data have these sizes, multiples of a
 * page; SIZE may be 0. 0, or -1 with errno: EINVAL when FD is shorter.
 */
int flow_map_open(struct flow_map *map, int fd, size_t header_size, size_t size,
		  bool doubled, bool writable);
void flow_map_close(struct flow_map *map);

/*
 * Installs a handler of SIGBUS for the process: where another process has cut
 * off what a map shows, zeros stand from then on, and flow_map_broken is true.
 * Elsewhere a SIGBUS ends the process as ever. The command's choice; without
 * it a SIGBUS ends the process always.
 */
void flow_map_guard(void);

/* Has a page of MAP gone? Ask after looking at its bytes, before believing them. */
bool flow_map_broken(const struct flow_map *map);

#endif
