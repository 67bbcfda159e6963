/* SPDX-License-Identifier: GPL-3.0-or-later */
/* error: what went wrong, carried up to the command, which alone prints. */
#ifndef FLOW_ERROR_H
#define FLOW_ERROR_H

#include <stdbool.h>
#include <stddef.h>

/*
 * One failure. STATUS is the exit status it calls for (sysexits(3), 124-127);
 * TEXT is one line without the program's name and without a newline, owned by
 * the struct. A zeroed struct is empty.
 */
struct flow_error {
	int status;
	char *text;
};

/* Fills ERROR (freeing what it held) and returns -1, so that it can be returned. */
int flow_error_set(struct flow_error *error, int status, const char *format,
		   ...) __attribute__((format(printf, 3, 4)));
void flow_error_clear(struct flow_error *error);

/*
 * The exit status that errno ERRNUM calls for when a file was to be read
 * (66 missing, 77 permission, 71 otherwise) or created (73, 77).
 */
int flow_error_status_read(int errnum);
int flow_error_status_create(int errnum);

/*
 * For the functions that cannot fail: says "out of memory" and ends the process
 * with 71, without running what exit(3) runs. Not for use once nodes run.
 */
_Noreturn void flow_error_no_memory(void);

/* Makes TEXT one printable line: control characters become spaces or marks. */
void flow_error_printable(char *text);

/* A list of diagnostics about one input, such as a graph file. */
struct flow_message {
	int status; /* 0: a warning */
	unsigned line; /* 1-based; 0: no line */
	unsigned order; /* as it was added; ties between equal lines */
	const char
		*source; /* what the line is of; NULL: the list's; borrowed */
	char *text;
};

struct flow_messages {
	const char *
		source; /* what the lines are of: a file's name, or "-e"; borrowed */
	const char *at; /* what is being added about; NULL: source; borrowed */
	struct flow_message *list;
	size_t count;
	size_t errors; /* how many of them are errors */
};

/*
 * Adds an error (STATUS != 0) or a warning (0); out of memory ends the process
 * (flow_error_no_memory). Control characters in the text are made printable.
 */
void flow_messages_add(struct flow_messages *messages, int status,
		       unsigned line, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/*
 * Sorts by source (the list's own first) and line, drops exact repeats; call
 * once before printing.
 */
void flow_messages_sort(struct flow_messages *messages);
/* The status of the first error after sorting, or 0. */
int flow_messages_status(const struct flow_messages *messages);
void flow_messages_clear(struct flow_messages *messages);

#endif
