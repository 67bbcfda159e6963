/* SPDX-License-Identifier: GPL-3.0-or-later */
/* size: durations and sizes as people write them. */
#ifndef FLOW_SIZE_H
#define FLOW_SIZE_H

#include <stdint.h>

/*
 * Reads "1.5", "500ms", "2m", "1h", "3s", "1d", "10us" as nanoseconds; a bare
 * number is seconds. What is finer than a nanosecond is rounded up, so that
 * only zero is zero. Returns 0, or -1 with errno EINVAL (not a duration,
 * negative, empty) or ERANGE (over 292 years).
 */
int flow_duration_parse(const char *text, int64_t *nanoseconds);

/*
 * Reads "4096", "64K", "1M", "2G" "1T" (powers of 1024; "64KiB" too) and "1kB",
 * "5MB" (powers of 1000) as bytes; fractions only with a unit, rounded up to a
 * whole byte. Returns 0, or -1 with errno EINVAL or ERANGE.
 */
int flow_size_parse(const char *text, uint64_t *bytes);

/* Writes BYTES as "1.5 MiB" into BUFFER (at least 16 bytes); returns BUFFER. */
char *flow_size_format(uint64_t bytes, char *buffer, unsigned long size);

#endif
