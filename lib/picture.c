/* SPDX-License-Identifier: GPL-3.0-or-later */
/* picture: what mkfifo-graph-draw makes of the DOT of a run. */
#include "config.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "draw.h"
#include "io.h"
#include "markup.h"
#include "picture.h"

#define HELPER "mkfifo-graph-draw"

enum { LARGEST_PICTURE = 1 << 30 };

extern char **environ;

/* The colours of a picture on a dark page. */
static const char picture_css[] =
#include "picture.css.inc"
	;

/* --- the helper */

/* FOLDER and REST into PATH; is there a program? */
static bool
is_helper(char path[PATH_MAX], const char *folder, const char *rest)
{
	int length = snprintf(path, PATH_MAX, "%s/%s" HELPER, folder, rest);

	return length < PATH_MAX && access(path, X_OK) == 0;
}

/*
 * Its path into PATH: next to us, as in a build tree; where it was installed;
 * or where it is when all that was installed has been moved.
 */
static int
find_helper(char path[PATH_MAX], struct flow_error *error)
{
	char ours[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", ours, sizeof(ours) - 1);

	ours[length > 0 ? length : 0] = '\0';
	*(length > 0 ? strrchr(ours, '/') : ours) = '\0';
	if (is_helper(path, ours, "") || is_helper(path, PKGLIBEXECDIR, "") ||
	    is_helper(path, ours, "../libexec/" PACKAGE "/"))
		return 0;
	return flow_error_set(error, EX_UNAVAILABLE,
			      "cannot draw: %s is neither next to this "
			      "program nor in %s",
			      HELPER, PKGLIBEXECDIR);
}

int
flow_picture_possible(struct flow_error *error)
{
	char path[PATH_MAX];

	return find_helper(path, error);
}

/* Descriptors 0, 1 and 2 of the helper: memory, so that nobody waits for a pipe. */
struct streams {
	int fds[3];
};

static int
open_streams(struct streams *streams)
{
	int result = 0;

	for (int i = 0; i < 3; i++) {
		streams->fds[i] = memfd_create(HELPER, MFD_CLOEXEC);
		if (streams->fds[i] < 0)
			result = -1;
	}
	return result;
}

static void
close_streams(struct streams *streams)
{
	for (int i = 0; i < 3; i++)
		if (streams->fds[i] >= 0)
			close(streams->fds[i]);
}

/* The pid, or -1 with errno. Signals are as in a fresh process. */
static pid_t
start(const char *path, const char *format, const struct streams *streams)
{
	char name[] = HELPER, word[8];
	char *argv[] = { name, word, NULL };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none, all;
	pid_t pid = -1;

	snprintf(word, sizeof(word), "%s", format);
	sigemptyset(&none);
	sigfillset(&all);
	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attributes);
	for (int i = 0; i < 3; i++)
		posix_spawn_file_actions_adddup2(&actions, streams->fds[i], i);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK |
						      POSIX_SPAWN_SETSIGDEF);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &all);
	errno = posix_spawn(&pid, path, &actions, &attributes, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attributes);
	return errno == 0 ? pid : -1;
}

/* All that was written to FD; owned, or NULL with errno. */
static char *
take_all(int fd, size_t *length)
{
	if (lseek(fd, 0, SEEK_SET) < 0)
		return NULL;
	return flow_io_slurp(fd, LARGEST_PICTURE, length);
}

/* Says why there is no picture: in the last words of the helper, if it had any. */
static int
say_why(const struct streams *streams, int status, struct flow_error *error)
{
	char *said = take_all(streams->fds[2], NULL), *last = said;

	for (char *c = said; c && *c; c++) {
		if (*c != '\n')
			continue;
		*c = '\0';
		if (c[1])
			last = c + 1;
	}
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
		flow_error_set(error, EX_UNAVAILABLE,
			       "cannot draw: Graphviz has not laid the graph "
			       "out in %d s; it may be too large or too dense",
			       FLOW_PICTURE_SECONDS);
	else if (WIFSIGNALED(status))
		flow_error_set(error, EX_UNAVAILABLE,
			       "cannot draw: %s was killed by signal %d",
			       HELPER, WTERMSIG(status));
	else
		flow_error_set(error, EX_UNAVAILABLE,
			       "cannot draw: %s ended with status %d: %s",
			       HELPER, WEXITSTATUS(status),
			       last && *last ? last : "it did not say why");
	free(said);
	return -1;
}

/* The picture of the DOT in streams->fds[0]; owned, or NULL with ERROR. */
static char *
run_helper(const struct streams *streams, const char *format, size_t *length,
	   struct flow_error *error)
{
	char path[PATH_MAX], *picture;
	int status = 0;
	pid_t pid, got;

	if (find_helper(path, error) < 0)
		return NULL;
	pid = start(path, format, streams);
	if (pid < 0) {
		flow_error_set(error, EX_OSERR, "cannot start %s: %s", path,
			       strerror(errno));
		return NULL;
	}
	do
		got = waitpid(pid, &status, 0);
	while (got < 0 && errno == EINTR);
	if (got != pid || status != 0) {
		say_why(streams, status, error);
		return NULL;
	}
	picture = take_all(streams->fds[1], length);
	if (!picture)
		flow_error_set(error, EX_OSERR, "cannot read the picture: %s",
			       strerror(errno));
	return picture;
}

static int
write_dot(const struct flow_graph *graph, const struct flow_history *history,
	  bool frame, int fd)
{
	char *text = NULL;
	size_t length = 0;
	FILE *out = open_memstream(&text, &length);
	int result;

	if (!out)
		flow_error_no_memory();
	flow_draw_dot(graph, history, frame, out);
	if (fclose(out) != 0)
		flow_error_no_memory();
	result = flow_io_write_all(fd, text, length);
	free(text);
	if (result == 0 && lseek(fd, 0, SEEK_SET) < 0)
		result = -1;
	return result;
}

static char *
render(const struct flow_graph *graph, const struct flow_history *history,
       bool frame, const char *format, size_t *length, struct flow_error *error)
{
	struct streams streams;
	char *picture = NULL;

	if (open_streams(&streams) < 0 ||
	    write_dot(graph, history, frame, streams.fds[0]) < 0)
		flow_error_set(error, EX_OSERR, "cannot draw: %s",
			       strerror(errno));
	else
		picture = run_helper(&streams, format, length, error);
	close_streams(&streams);
	return picture;
}

char *
flow_picture_png(const struct flow_graph *graph,
		 const struct flow_history *history, size_t *length,
		 struct flow_error *error)
{
	return render(graph, history, true, "png", length, error);
}

/* --- SVG as Graphviz writes it, made ours */

/* What is between AFTER and BEFORE in TEXT; NULL when it is not there. */
static const char *
between(const char *text, const char *after, const char *before, size_t *length)
{
	const char *start = strstr(text, after), *end;

	if (!start)
		return NULL;
	start += strlen(after);
	end = strstr(start, before);
	if (!end)
		return NULL;
	*length = (size_t)(end - start);
	return start;
}

/*
 * Copies SVG from its root element on, each <title>, which is a name of DOT,
 * replaced by what happened to the element that it is of.
 */
static void
copy_with_titles(const struct flow_graph *graph,
		 const struct flow_history *history, const char *svg, FILE *out)
{
	static const char open[] = "<title>", close[] = "</title>";
	const char *title;
	size_t length;

	while ((title = between(svg, open, close, &length))) {
		const char *element = title;
		char id[32] = "", *words;

		while (element > svg && strncmp(element, "<g id=\"", 7) != 0)
			element--;
		if (sscanf(element, "<g id=\"%31[a-z0-9]\"", id) != 1)
			id[0] = '\0';
		fwrite(svg, 1, (size_t)(title - strlen(open) - svg), out);
		words = flow_draw_describe(graph, history, id);
		if (words) {
			fputs(open, out);
			flow_markup_text(out, words);
			fputs(close, out);
		}
		free(words);
		svg = title + length + strlen(close);
	}
	fputs(svg, out);
}

char *
flow_picture_svg(const struct flow_graph *graph,
		 const struct flow_history *history, bool alone,
		 struct flow_error *error)
{
	char *text = NULL, *svg;
	const char *root, *inside;
	size_t length;
	FILE *out;

	svg = render(graph, history, alone, "svg", &length, error);
	if (!svg)
		return NULL;
	root = strstr(svg, "<svg ");
	inside = root ? strchr(root, '>') : NULL;
	if (!inside) {
		flow_error_set(error, EX_UNAVAILABLE,
			       "cannot draw: Graphviz made no SVG");
		free(svg);
		return NULL;
	}
	out = open_memstream(&text, &length);
	if (!out)
		flow_error_no_memory();
	if (alone)
		fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n", out);
	fwrite(root, 1, (size_t)(inside + 1 - root), out);
	if (alone)
		fprintf(out, "\n<style>\n%s</style>", picture_css);
	copy_with_titles(graph, history, inside + 1, out);
	if (fclose(out) != 0)
		flow_error_no_memory();
	free(svg);
	return text;
}
