/* SPDX-License-Identifier: GPL-3.0-or-later */
/* cycle: a set of processes that wait for each other, in words. */
#ifndef FLOW_CYCLE_H
#define FLOW_CYCLE_H

#include "block.h"

/*
 * One closed cycle among the members of WAITS, a line a process, as stuck.h
 * shows it. Returns owned, or NULL with ENOMEM.
 */
char *flow_cycle_text(const struct flow_blocks *waits);

#endif
