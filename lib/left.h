/* SPDX-License-Identifier: GPL-3.0-or-later */
/* left: is there anything left to read? */
#ifndef FLOW_LEFT_H
#define FLOW_LEFT_H

#include <stdbool.h>
#include <stddef.h>

enum flow_left {
	FLOW_LEFT_NOTHING, /* it has ended: a read(2) would return 0 */
	FLOW_LEFT_MAYBE, /* nothing yet: a read(2) would wait */
	FLOW_LEFT_SOME,
};

/* What is left at FD (borrowed), which is not read; of a file, behind its offset. */
enum flow_left flow_left_at(int fd);

/*
 * Sleeps until there is something at one of the COUNT descriptors FDS
 * (borrowed), which are not read. False when all of them have ended first.
 * With one pipe it sleeps in tee(2), which stuck knows to judge.
 */
bool flow_left_await(const int *fds, size_t count);

#endif
