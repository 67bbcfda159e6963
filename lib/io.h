/* SPDX-License-Identifier: GPL-3.0-or-later */
/* io: whole reads and writes, and pipes of a wanted capacity. */
#ifndef FLOW_IO_H
#define FLOW_IO_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Writes all LENGTH bytes; 0, or -1 with errno. Borrows FD. EINTR is retried, EAGAIN polled. */
int flow_io_write_all(int fd, const void *data, size_t length);
/* Reads until LENGTH bytes or end of file; the count, or -1 with errno. Borrows FD. */
ssize_t flow_io_read_full(int fd, void *data, size_t length);
/* Reads all of FD to memory, NUL-terminated, at most LIMIT bytes (EFBIG). Returns owned, or NULL. */
char *flow_io_slurp(int fd, size_t limit, size_t *length);

/*
 * Makes an anonymous pipe, close-on-exec both ends, of at least CAPACITY bytes
 * where that is granted; 0 leaves the kernel's default. Returns owned ends[0]
 * (read) and ends[1] (write). 0, or -1 with errno. A refused capacity (EPERM)
 * is not an error; *GRANTED (may be NULL) tells what it is.
 */
int flow_io_pipe(int ends[2], uint64_t capacity, uint64_t *granted);

#endif
