/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * append: a file is added to the end of another in one go: beside others who
 * do the same, and so that nothing of it stays if it does not come to its end.
 */
#ifndef FLOW_APPEND_H
#define FLOW_APPEND_H

/*
 * What is under way, in memory that front and guardian share, so that the one
 * can take back what the other had done when it was killed. Opaque.
 */
struct flow_appending;

/* For one file at a time, as long as the process lives. NULL with errno. */
struct flow_appending *flow_append_share(void);

/*
 * Appends all of FROM (a regular file; borrowed) to the file TARGET, which is
 * made if it is not there. 0, or -1 with errno, and TARGET as it was before.
 */
int flow_append(struct flow_appending *appending, int from, const char *target);

/* The one who appended has been killed: TARGET as it was before. */
void flow_append_take_back(struct flow_appending *appending);

#endif
