/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * visit: asks graphs that run about themselves, through their doors (door.h).
 * Who owns a door is not taken from its name but from the credentials of its
 * answer. RUN is an ID as in the list, or the file or the name of a graph where
 * only one of this user's runs has it.
 */
#ifndef FLOW_VISIT_H
#define FLOW_VISIT_H

#include <stdbool.h>
#include <stdio.h>

#include "error.h"

/*
 * Prints this user's runs (root: all), one a line behind a heading, or with JSON an array.
 * How many, or -1 with ERROR.
 */
int flow_visit_list(bool json, FILE *out, struct flow_error *error);

/*
 * What waits in the pipe of WHAT, "RUN:EDGE", goes to OUT, and stays where it
 * is. 0, or -1 with ERROR: status 1 no such run, 65 no such edge, 69 it has no pipe, or it cannot
 * be looked into now.
 */
int flow_visit_peek(const char *what, FILE *out, struct flow_error *error);

/* WHAT is "RUN:NODE:SIGNAL". 0, or -1 with ERROR: 1 no such run, or the node has ended; 64, 65, 77. */
int flow_visit_signal(const char *what, struct flow_error *error);

#endif
