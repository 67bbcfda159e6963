/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * tap: what a unit test prints (the Test Anything Protocol). A check program
 * calls ok() once a promise and ends with "return tap_done();".
 */
#ifndef FLOW_TAP_H
#define FLOW_TAP_H

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static unsigned tap_count, tap_failed;

/* "# ..." on standard output: what a reader of a failure wants to know. */
static void __attribute__((format(printf, 1, 2), unused))
tap_note(const char *format, ...)
{
	va_list arguments;

	fputs("# ", stdout);
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	putchar('\n');
}

/* One promise; returns whether it was kept. Flushed, so that a crash keeps what came before. */
static bool __attribute__((format(printf, 2, 3), unused))
ok(bool kept, const char *format, ...)
{
	va_list arguments;

	printf("%sok %u - ", kept ? "" : "not ", ++tap_count);
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	putchar('\n');
	fflush(stdout);
	if (!kept)
		tap_failed++;
	return kept;
}

static bool __attribute__((unused))
ok_text(const char *got, const char *wanted, const char *name)
{
	bool same = got && wanted ? !strcmp(got, wanted) : got == wanted;

	if (!ok(same, "%s", name)) {
		tap_note("got    %s", got ? got : "(null)");
		tap_note("wanted %s", wanted ? wanted : "(null)");
	}
	return same;
}

static bool __attribute__((unused))
ok_number(intmax_t got, intmax_t wanted, const char *name)
{
	if (!ok(got == wanted, "%s", name))
		tap_note("got %" PRIdMAX ", wanted %" PRIdMAX, got, wanted);
	return got == wanted;
}

/* The promises that cannot be tried here; counted as skipped. */
static void __attribute__((unused)) tap_skip(const char *name, const char *why)
{
	printf("ok %u - %s # SKIP %s\n", ++tap_count, name, why);
}

/* Prints the plan; the exit status of the check program. */
static int __attribute__((unused)) tap_done(void)
{
	printf("1..%u\n", tap_count);
	return fflush(stdout) || tap_failed ? 1 : 0;
}

#endif
