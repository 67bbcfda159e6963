/* SPDX-License-Identifier: GPL-3.0-or-later */
/* bytes: streams that can be made and checked at any place; always the same chance. */
#ifndef FLOW_TEST_BYTES_H
#define FLOW_TEST_BYTES_H

#include <stdint.h>

static uint64_t random_state = 88172645463325252u;

static uint64_t __attribute__((unused)) random_next(uint64_t below)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state % below;
}

/* The byte at OFFSET of the stream SEED; every value occurs, NUL too. */
static inline char
stream_byte(uint64_t seed, uint64_t offset)
{
	uint64_t mixed = (offset / 8 + 1) * 0x9e3779b97f4a7c15u + seed;

	mixed = (mixed ^ mixed >> 29) * 0xbf58476d1ce4e5b9u;
	return (char)(mixed >> (offset % 8 * 8));
}

#endif
