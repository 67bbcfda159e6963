/* SPDX-License-Identifier: GPL-3.0-or-later */
/* memory: for those who can do nothing without it. */
#ifndef FLOW_MEMORY_H
#define FLOW_MEMORY_H

#include <stddef.h>
#include <stdlib.h>

/* Zeros for COUNT elements of SIZE bytes and one more; aborts when there is none. */
static inline void *
flow_memory_zeroed(size_t count, size_t size)
{
	void *memory = calloc(count + 1, size);

	if (!memory)
		abort();
	return memory;
}

#endif
