/* SPDX-License-Identifier: GPL-3.0-or-later */
/* clock: the one clock by which everything here is timed. */
#ifndef FLOW_CLOCK_H
#define FLOW_CLOCK_H

#include <stdint.h>

#define FLOW_SECOND 1000000000LL

/* Nanoseconds of CLOCK_MONOTONIC. */
int64_t flow_now(void);

#endif
