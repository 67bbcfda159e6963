/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * screen: the lowest lines of a terminal, kept apart from the lines above, in
 * which all others go on writing: those scroll by themselves (a scroll region,
 * DECSTBM). Nothing here ever waits for the terminal.
 */
#ifndef FLOW_SCREEN_H
#define FLOW_SCREEN_H

#include <stdbool.h>
#include <stddef.h>

struct flow_screen;

/*
 * The terminal at FD, borrowed, which should not block. NULL when it is none, is
 * too small, or cannot do what is needed (TERM=dumb). Returns owned.
 */
struct flow_screen *flow_screen_open(int fd);

/* Columns, and lines for a table at most; changes when the window does. */
unsigned flow_screen_width(const struct flow_screen *screen);
unsigned flow_screen_most(const struct flow_screen *screen);

/* The window has another size now, or others have had the terminal meanwhile. */
void flow_screen_again(struct flow_screen *screen);

/*
 * Shows TEXT, lines that end in a newline, in the lowest ROWS lines; those
 * that are too wide have been cut. Left out while an earlier one is still on its
 * way, or while the terminal is for others (we are in the background).
 */
void flow_screen_show(struct flow_screen *screen, const char *text,
		      unsigned rows);

/* Is there something that the terminal has not yet taken? */
bool flow_screen_pending(const struct flow_screen *screen);
/* Writes more of that, as much as goes without waiting. */
void flow_screen_flush(struct flow_screen *screen);

/* Gives the lines back and clears them; the rest is as it was. */
void flow_screen_leave(struct flow_screen *screen);
void flow_screen_free(struct flow_screen *screen);

#endif
