/* SPDX-License-Identifier: GPL-3.0-or-later */
/* start: what every command does first, and last. */
#include "config.h"

#include "start.h"

#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

static const char *program = PACKAGE_NAME;

/*
 * Standard output is opened for reading: what is written to an output that the
 * caller closed is an error to report, not a success to pretend.
 */
static void
open_missing_descriptors(void)
{
	static const int modes[] = { O_RDONLY, O_RDONLY, O_RDWR };

	/* The lowest free number is the one that is missing. */
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0 &&
		    open("/dev/null", modes[fd]) != fd)
			_exit(EX_OSERR);
}

/* A write error whose errno is long gone: was it only that the reader left? */
static bool
reader_has_gone(int fd)
{
	struct pollfd end = { .fd = fd };

	return poll(&end, 1, 0) == 1 && (end.revents & POLLERR);
}

/* NFS and quotas may report a lost write only at close; the copy's will do. */
static int
close_copy(int fd)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);

	return copy < 0 ? -1 : close(copy);
}

/* At exit. A forked child ends with _exit and does not come here. */
static void
close_standard_output(void)
{
	bool failed_before = ferror(stdout);
	int fd = fileno(stdout);

	errno = 0;
	if (!fflush(stdout) && !failed_before && !close_copy(fd))
		return;
	if (errno == EPIPE || reader_has_gone(fd))
		return;
	if (errno)
		flow_complain("write to standard output: %s", strerror(errno));
	else
		flow_complain("write to standard output failed");
	_exit(EX_IOERR);
}

void
flow_start(const char *argv0)
{
	static char version[128];
	const char *slash;

	open_missing_descriptors();
	if (argv0 && *argv0) {
		slash = strrchr(argv0, '/');
		program = slash ? slash + 1 : argv0;
	}
	setlocale(LC_ALL, "");
	/* "4.1 s" reads back as a duration wherever it was written. */
	setlocale(LC_NUMERIC, "C");

	snprintf(version, sizeof(version), "%s (%s) %s", program, PACKAGE_NAME,
		 PACKAGE_VERSION);
	argp_program_version = version;
#ifdef PACKAGE_BUGREPORT
	if (*PACKAGE_BUGREPORT)
		argp_program_bug_address = PACKAGE_BUGREPORT;
#endif
	argp_err_exit_status = EX_USAGE;

	if (atexit(close_standard_output))
		_exit(EX_OSERR);
}

void
flow_complain(const char *format, ...)
{
	va_list arguments;
	char *text;
	int length;

	va_start(arguments, format);
	length = vasprintf(&text, format, arguments);
	va_end(arguments);
	if (length >= 0)
		flow_error_printable(text);
	/* One call, one write: lines of several processes do not mix. */
	fprintf(stderr, "%s: %s\n", program,
		length < 0 ? "out of memory" : text);
	if (length >= 0)
		free(text);
}

void
flow_complain_all(struct flow_messages *messages)
{
	flow_messages_sort(messages);
	for (size_t i = 0; i < messages->count; i++) {
		const struct flow_message *message = &messages->list[i];
		const char *kind = message->status ? "" : "warning: ";
		const char *source =
			message->source ? message->source : messages->source;

		if (message->line)
			flow_complain("%s:%u: %s%s", source, message->line,
				      kind, message->text);
		else
			flow_complain("%s: %s%s", source, kind, message->text);
	}
}
