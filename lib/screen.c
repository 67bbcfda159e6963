/* SPDX-License-Identifier: GPL-3.0-or-later */
/* screen: the lowest lines of a terminal, kept apart from the rest. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <term.h> /* names of terminfo(5) as macros: rows and width, not lines and columns */

#include "screen.h"

/* Below these there is no room for a table and for what the nodes print. */
enum { ROWS_LEAST = 12, WIDTH_LEAST = 40, OTHERS_LEAST = 4 };

struct flow_screen {
	int fd;
	unsigned rows, width;
	unsigned kept; /* lines of ours; 0: none are set apart */
	const char *region, *move, *save, *restore, *clear_line, *clear_down,
		*up;
	char *out; /* what is to be written; owned */
	size_t length, written, room;
};

static struct flow_screen *writing; /* tputs(3) has no other way */

static int
put(int c)
{
	struct flow_screen *s = writing;

	if (s->length == s->room) {
		s->room = s->room ? 2 * s->room : 4096;
		s->out = realloc(s->out, s->room);
		if (!s->out)
			abort();
	}
	s->out[s->length++] = (char)c;
	return c;
}

static void
put_string(struct flow_screen *s, const char *string)
{
	writing = s;
	if (string)
		tputs(string, 1, put);
}

static void
put_text(struct flow_screen *s, const char *text, size_t length)
{
	writing = s;
	for (size_t i = 0; i < length; i++)
		put(text[i]);
}

static void
move_to(struct flow_screen *s, unsigned line)
{
	put_string(s, tparm(s->move, (int)line, 0));
}

static const char *
capability(const char *name)
{
	char *string = tigetstr((char *)name);

	return string && string != (char *)-1 && *string ? string : NULL;
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

struct flow_screen *
flow_screen_open(int fd)
{
	struct flow_screen *s;
	int error;

	if (!isatty(fd) || setupterm(NULL, fd, &error) != 0 /* OK */)
		return NULL;
	s = calloc(1, sizeof(*s));
	if (!s)
		abort();
	s->fd = fd;
	s->region = capability("csr");
	s->move = capability("cup");
	s->save = capability("sc");
	s->restore = capability("rc");
	s->clear_line = capability("el");
	s->clear_down = capability("ed");
	s->up = capability("cuu1");
	if (!s->region || !s->move || !s->save || !s->restore ||
	    !s->clear_line || !s->clear_down || !s->up || !measure(s)) {
		free(s);
		return NULL;
	}
	return s;
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
	return s->rows > 2 * OTHERS_LEAST + ROWS_LEAST ?
		       s->rows - 2 * OTHERS_LEAST :
		       s->rows - OTHERS_LEAST;
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
		put_text(s, "\n", 1);
	for (unsigned i = 0; i < count; i++)
		put_string(s, s->up);
	put_string(s, s->save);
	put_string(s, tparm(s->region, 0, (int)(s->rows - count - 1)));
	put_string(s, s->restore);
	s->kept = count;
}

static void
let_go(struct flow_screen *s)
{
	if (!s->kept)
		return;
	/* below the cursor, where the others write, there is nothing but ours */
	put_string(s, s->save);
	put_string(s, tparm(s->region, 0, (int)(s->rows - 1)));
	put_string(s, s->restore);
	put_string(s, s->clear_down);
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
	put_string(s, s->save);
	for (unsigned i = 0; i < rows; i++) {
		size_t length = strcspn(text, "\n");

		move_to(s, s->rows - rows + i);
		put_text(s, text, length);
		put_string(s, s->clear_line);
		text += length + (text[length] == '\n');
	}
	put_string(s, s->restore);
	flow_screen_flush(s);
}
