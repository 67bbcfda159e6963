/* SPDX-License-Identifier: GPL-3.0-or-later */
/* screen: the lowest lines of a terminal, kept apart from the rest. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "screen.h"

/* Below these there is no room for a table and for what the nodes print. */
enum { ROWS_LEAST = 12, WIDTH_LEAST = 40, OTHERS_LEAST = 4 };

/*
 * ECMA-48 and what the VT100 added, as all terminals have it that are in use:
 * to look them up in terminfo(5) would make every start of a run slower by one
 * more library. Rows are counted from 1.
 */
#define SAVE                                                                   \
	"\x1b"                                                                 \
	"7" /* the cursor's place */
#define RESTORE                                                                \
	"\x1b"                                                                 \
	"8"
#define CLEAR_LINE "\x1b[K" /* from the cursor on, as the next one */
#define CLEAR_DOWN "\x1b[J"

/* Those that do not, by the beginnings of TERM. */
static const char *const others[] = { "dumb",	"unknown", "emacs", "network",
				      "cons25", "sun",	   "ansi",  "vt52",
				      "tvi",	"wy",	   "adm",   "hp" };

struct flow_screen {
	int fd;
	unsigned rows, width;
	unsigned kept; /* rows of ours; 0: none are set apart */
	char *out; /* what is to be written; owned */
	size_t length, written, room;
};

static void
put_text(struct flow_screen *s, const char *text, size_t length)
{
	while (s->room - s->length < length) {
		s->room = s->room ? 2 * s->room : 4096;
		s->out = realloc(s->out, s->room);
		if (!s->out)
			abort();
	}
	if (length)
		memcpy(s->out + s->length, text, length);
	s->length += length;
}

static void
put(struct flow_screen *s, const char *string)
{
	put_text(s, string, strlen(string));
}

/* A sequence with a number in it: BEFORE and AFTER stand around that. */
static void
put_number(struct flow_screen *s, const char *before, unsigned number,
	   const char *after)
{
	char text[32];

	snprintf(text, sizeof(text), "%s%u%s", before, number, after);
	put(s, text);
}

/* Rows 1 to LAST scroll; moves the cursor. */
static void
set_region(struct flow_screen *s, unsigned last)
{
	put_number(s, "\x1b[1;", last, "r");
}

static bool
measure(struct flow_screen *s)
{
	struct winsize size;

	if (ioctl(s->fd, TIOCGWINSZ, &size) < 0)
		return false;
	s->rows = size.ws_row;
	s->width = size.ws_col;
	return s->rows >= ROWS_LEAST && s->width >= WIDTH_LEAST;
}

/* Can the terminal be trusted to do what is asked of it? */
static bool
is_able(void)
{
	const char *term = getenv("TERM");

	if (!term || !*term)
		return false;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (strncmp(term, others[i], strlen(others[i])) == 0)
			return false;
	return true;
}

struct flow_screen *
flow_screen_open(int fd)
{
	struct flow_screen *s;

	if (!isatty(fd) || !is_able())
		return NULL;
	s = calloc(1, sizeof(*s));
	if (!s)
		abort();
	s->fd = fd;
	if (measure(s))
		return s;
	free(s);
	return NULL;
}

void
flow_screen_free(struct flow_screen *s)
{
	if (!s)
		return;
	free(s->out);
	free(s);
}

unsigned
flow_screen_width(const struct flow_screen *s)
{
	/* the last column is left free: some terminals go on to the next line */
	return s->width - 1;
}

unsigned
flow_screen_most(const struct flow_screen *s)
{
	return s->rows > 2 * OTHERS_LEAST + ROWS_LEAST
		       ? s->rows - 2 * OTHERS_LEAST
		       : s->rows - OTHERS_LEAST;
}

bool
flow_screen_pending(const struct flow_screen *s)
{
	return s->written < s->length;
}

void
flow_screen_flush(struct flow_screen *s)
{
	while (s->written < s->length) {
		ssize_t wrote = write(s->fd, s->out + s->written,
				      s->length - s->written);

		if (wrote < 0 && errno == EINTR)
			continue;
		if (wrote < 0 && errno != EAGAIN)
			s->written = s->length; /* it has gone */
		if (wrote <= 0)
			return;
		s->written += (size_t)wrote;
	}
	s->length = s->written = 0;
}

/* Sets COUNT lines apart; what stands there moves up. */
static void
keep(struct flow_screen *s, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		put(s, "\n");
	put_number(s, "\x1b[", count, "A");
	put(s, SAVE);
	set_region(s, s->rows - count);
	put(s, RESTORE);
	s->kept = count;
}

static void
let_go(struct flow_screen *s)
{
	if (!s->kept)
		return;
	/* below the cursor, where the others write, there is nothing but ours */
	put(s, SAVE);
	set_region(s, s->rows);
	put(s, RESTORE CLEAR_DOWN);
	s->kept = 0;
}

void
flow_screen_leave(struct flow_screen *s)
{
	let_go(s);
	flow_screen_flush(s);
}

void
flow_screen_again(struct flow_screen *s)
{
	measure(s);
	let_go(s);
}

/* A job in the background would write over what the shell shows. */
static bool
is_ours(const struct flow_screen *s)
{
	pid_t group = tcgetpgrp(s->fd);

	return group < 0 || group == getpgrp();
}

void
flow_screen_show(struct flow_screen *s, const char *text, unsigned rows)
{
	if (flow_screen_pending(s) || !is_ours(s) ||
	    s->rows < rows + OTHERS_LEAST)
		return;
	if (s->kept != rows) {
		let_go(s);
		keep(s, rows);
	}
	put(s, SAVE);
	for (unsigned i = 0; i < rows; i++) {
		size_t length = strcspn(text, "\n");

		put_number(s, "\x1b[", s->rows - rows + i + 1, ";1H");
		put_text(s, text, length);
		put(s, CLEAR_LINE);
		text += length + (text[length] == '\n');
	}
	put(s, RESTORE);
	flow_screen_flush(s);
}
