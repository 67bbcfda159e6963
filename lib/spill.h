/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * spill: bytes that a pipe could not take, kept in order: in memory first,
 * beyond that in a file that has no name.
 */
#ifndef FLOW_SPILL_H
#define FLOW_SPILL_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* A log in a file: written at its end, read from its beginning. */
struct flow_spill_log {
	int fd; /* or -1: not made yet */
	uint64_t read, written; /* offsets */
	uint64_t freed; /* the file holds nothing before this offset */
};

/*
 * MEMORY is always older than FILE. Zeroed descriptors are not empty: use
 * flow_spill_init.
 */
struct flow_spill {
	const char *directory; /* for the file; borrowed */
	uint64_t
		memory_most; /* so much is kept in memory before a file is made */
	struct flow_spill_log memory, file;
};

void flow_spill_init(struct flow_spill *spill, const char *directory,
		     uint64_t memory_most);
uint64_t flow_spill_held(const struct flow_spill *spill);

/* Moves LENGTH bytes, all there already, out of PIPE. 0, or -1 with errno (ENOSPC...). */
int flow_spill_append(struct flow_spill *spill, int pipe, size_t length);

/* The oldest bytes, at most LENGTH, leave SPILL for DATA. The count, or -1 with errno. */
ssize_t flow_spill_take(struct flow_spill *spill, void *data, size_t length);

/* Forgets everything. */
void flow_spill_close(struct flow_spill *spill);

#endif
