/* SPDX-License-Identifier: GPL-3.0-or-later */
/* clock: nanoseconds of CLOCK_MONOTONIC. */
#include "config.h"

#include <time.h>

#include "clock.h"

int64_t
flow_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * FLOW_SECOND + now.tv_nsec;
}
