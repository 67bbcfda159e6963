/* SPDX-License-Identifier: GPL-3.0-or-later */
/* progress: the process that shows a run on standard error. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "progress.h"
#include "screen.h"
#include "start.h"
#include "table.h"

#define TABLE_GAP (FLOW_SECOND / 2)
#define LINE_GAP FLOW_SECOND
#define LINE_GAP_LATER (5 * FLOW_SECOND)
#define LATER (10 * FLOW_SECOND) /* from when on lines come less often */
#define LOOK_GAP (FLOW_SECOND / 10) /* until there is something to show */

enum {
	PAUSE_MOST = 500, /* milliseconds to wait for the terminal */
	END_MOST = 2000,
	SUMS_WIDTH = 100, /* where there is no terminal to tell */
	SUMS_MOST = 60,
};

/* What the front says. */
enum order { PAUSE = 'p', RESUME = 'r', END = 'e' };

struct display {
	int socket, signals;
	int out; /* standard error, not blocking where that can be had */
	struct flow_screen *screen; /* NULL: lines */
	struct flow_table *table;
	const struct flow_board *board;
	bool paused;
	int64_t due;
};

/*
 * Standard error by a descriptor of its own, which alone does not block: the
 * one we have is shared with all nodes. A file never blocks, and reopened it
 * would be written from its beginning.
 */
static int
open_output(void)
{
	struct stat st;
	int fd = -1;

	if (fstat(STDERR_FILENO, &st) == 0 &&
	    (S_ISFIFO(st.st_mode) || isatty(STDERR_FILENO)))
		fd = open("/proc/self/fd/2",
			  O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd >= 0)
		return fd;
	/* it may block: then nobody must have to wait for us */
	if (!S_ISREG(st.st_mode))
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	return STDERR_FILENO;
}

/* Writes TEXT, waiting for END_MOST at most. */
static void
print(const struct display *d, const char *text, size_t length)
{
	struct pollfd fd = { .fd = d->out, .events = POLLOUT };

	while (length > 0) {
		ssize_t wrote = write(d->out, text, length);

		if (wrote < 0 && errno == EINTR)
			continue;
		if (wrote < 0 &&
		    (errno != EAGAIN || poll(&fd, 1, END_MOST) <= 0))
			return;
		if (wrote > 0) {
			text += wrote;
			length -= (size_t)wrote;
		}
	}
}

static void
show_table(struct display *d)
{
	unsigned height = flow_table_height(d->table);
	size_t size;
	char *text = NULL;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		abort();
	if (height > flow_screen_most(d->screen))
		height = flow_screen_most(d->screen);
	flow_table_draw(d->table, flow_screen_width(d->screen), height, out);
	fclose(out);
	flow_screen_show(d->screen, text, height);
	free(text);
}

/* One call, one write: lines of several processes do not mix. */
static void
show_line(const struct display *d)
{
	size_t size;
	char *text = NULL;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		abort();
	fprintf(out, "%s: ", program_invocation_short_name);
	flow_table_line(d->table, out);
	putc('\n', out);
	fclose(out);
	/* what does not go is left out: the next line tells more */
	(void)!write(d->out, text, size);
	free(text);
}

static void
show(struct display *d, int64_t now)
{
	bool fresh = flow_table_take(d->table, d->board);

	if (!flow_table_at(d->table)) {
		d->due = now + LOOK_GAP;
		return;
	}
	if (d->screen) {
		show_table(d);
		d->due = now + TABLE_GAP;
		return;
	}
	if (fresh)
		show_line(d);
	d->due = now +
		 (flow_table_at(d->table) < LATER ? LINE_GAP : LINE_GAP_LATER);
}

static void
show_sums(struct display *d)
{
	unsigned width = SUMS_WIDTH, height = SUMS_MOST;
	struct winsize window;
	size_t size;
	char *text = NULL;
	FILE *out;

	flow_table_take(d->table, d->board);
	if (!flow_table_at(d->table))
		return; /* nothing was ever seen */
	if (ioctl(d->out, TIOCGWINSZ, &window) == 0 && window.ws_col > 20)
		width = window.ws_col - 1u;
	if (ioctl(d->out, TIOCGWINSZ, &window) == 0 && window.ws_row > 10)
		height = window.ws_row - 2u;
	if (height < SUMS_MOST / 2)
		height = SUMS_MOST / 2;
	out = open_memstream(&text, &size);
	if (!out)
		abort();
	flow_table_sums(d->table, width, height, out);
	fclose(out);
	print(d, text, size);
	free(text);
}

/* Takes one order; false when there will be no more. */
static bool
obey(struct display *d)
{
	char order = 0;
	ssize_t got = recv(d->socket, &order, 1, MSG_DONTWAIT);

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	switch (got == 1 ? order : 0) {
	case PAUSE:
		d->paused = true;
		if (d->screen)
			flow_screen_leave(d->screen);
		send(d->socket, &order, 1, MSG_DONTWAIT | MSG_NOSIGNAL);
		return true;
	case RESUME:
		d->paused = false;
		if (d->screen)
			flow_screen_again(d->screen);
		d->due = 0;
		return true;
	case END:
		if (d->screen)
			flow_screen_leave(d->screen);
		show_sums(d);
		return false;
	default: /* the front has gone */
		if (d->screen)
			flow_screen_leave(d->screen);
		return false;
	}
}

static void
hear(struct display *d)
{
	struct signalfd_siginfo info;

	while (read(d->signals, &info, sizeof(info)) == sizeof(info))
		if (info.ssi_signo == SIGWINCH && d->screen && !d->paused) {
			flow_screen_again(d->screen);
			d->due = 0;
		}
}

static void
run(struct display *d)
{
	for (;;) {
		int64_t now = flow_now();
		struct pollfd fds[] = {
			{ .fd = d->socket, .events = POLLIN },
			{ .fd = d->signals, .events = POLLIN },
			{ .fd = d->screen && flow_screen_pending(d->screen)
					? d->out
					: -1,
			  .events = POLLOUT },
		};

		if (!d->paused && now >= d->due)
			show(d, now);
		poll(fds, 3,
		     d->paused ? -1 : (int)((d->due - now) / 1000000) + 1);
		if (fds[1].revents)
			hear(d);
		if (fds[2].revents)
			flow_screen_flush(d->screen);
		if (fds[0].revents && !obey(d))
			return;
	}
}

static _Noreturn void
be_display(int socket, const struct flow_plan *plan,
	   const struct flow_board *board)
{
	struct display d = { .socket = socket, .board = board };
	sigset_t all, window;

	prctl(PR_SET_NAME, "flow-progress");
	if (socket > 3)
		close_range(3, (unsigned)socket - 1, 0);
	close_range((unsigned)socket + 1, ~0u, 0);
	sigfillset(&all); /* a Ctrl-C is for the nodes; we end after them */
	sigprocmask(SIG_SETMASK, &all, NULL);
	sigemptyset(&window);
	sigaddset(&window, SIGWINCH);
	d.signals = signalfd(-1, &window, SFD_CLOEXEC | SFD_NONBLOCK);
	d.out = open_output();
	d.screen = flow_screen_open(d.out);
	d.table = flow_table_make(plan);
	d.due = flow_now() + LOOK_GAP;
	if (!d.screen)
		d.due = flow_now() + LINE_GAP;
	run(&d);
	_exit(0);
}

int
flow_progress_start(struct flow_progress *progress,
		    const struct flow_plan *plan,
		    const struct flow_board *board)
{
	int sockets[2];

	*progress = (struct flow_progress){ .socket = -1 };
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) < 0)
		return -1;
	progress->pid = fork();
	if (progress->pid == 0) {
		close(sockets[0]);
		be_display(sockets[1], plan, board);
	}
	close(sockets[1]);
	if (progress->pid < 0) {
		progress->pid = 0;
		close(sockets[0]);
		return -1;
	}
	progress->socket = sockets[0];
	return 0;
}

static void
order(const struct flow_progress *progress, char what)
{
	send(progress->socket, &what, 1, MSG_NOSIGNAL | MSG_DONTWAIT);
}

void
flow_progress_pause(struct flow_progress *progress)
{
	struct pollfd fd = { .fd = progress->socket, .events = POLLIN };
	char answer;

	if (!progress->pid)
		return;
	order(progress, PAUSE);
	if (poll(&fd, 1, PAUSE_MOST) == 1 &&
	    recv(progress->socket, &answer, 1, MSG_DONTWAIT) < 0)
		return;
}

void
flow_progress_resume(struct flow_progress *progress)
{
	if (progress->pid)
		order(progress, RESUME);
}

void
flow_progress_reaped(struct flow_progress *progress, pid_t pid)
{
	if (progress->pid == pid)
		progress->pid = 0;
}

void
flow_progress_end(struct flow_progress *progress)
{
	struct pollfd fd = { .fd = progress->socket, .events = POLLIN };

	if (progress->pid) {
		order(progress, END);
		/* it closes its end when it goes */
		if (poll(&fd, 1, END_MOST) != 1)
			kill(progress->pid, SIGKILL);
		while (waitpid(progress->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	progress->pid = 0;
	if (progress->socket >= 0)
		close(progress->socket);
	progress->socket = -1;
}
