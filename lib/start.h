/* SPDX-License-Identifier: GPL-3.0-or-later */
/* start: what every command does first, and last. */
#ifndef FLOW_START_H
#define FLOW_START_H

#include "error.h"

/*
 * The first line of every main: opens a missing descriptor 0, 1 or 2 on
 * /dev/null, sets the locale and argp's version and bug-address hooks, takes
 * the program's name from ARGV0, and arranges that a standard output that
 * could not be written is noticed at exit (status 74).
 */
void flow_start(const char *argv0);

/* Prints "PROGRAM: text" on standard error. */
void flow_complain(const char *format, ...)
	__attribute__((format(printf, 1, 2)));
/* Prints every message as "PROGRAM: SOURCE:LINE: [warning: ]text". */
void flow_complain_all(struct flow_messages *messages);

#endif
