/* SPDX-License-Identifier: GPL-3.0-or-later */
/* child: posix_spawn and waitpid with the statuses of env(1). */
#include "config.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"

extern char **environ;

enum { OWN_FAILURE = 125, NOT_EXECUTABLE = 126, NOT_FOUND = 127 };

/* ENVIRON with SETTING in front of it; owned, its strings are not. */
static char **
environment_with(const char *setting)
{
	size_t count = 0, name = strcspn(setting, "=") + 1, kept = 1;
	char **list;

	while (environ[count])
		count++;
	list = calloc(count + 2, sizeof(*list));
	if (!list)
		flow_error_no_memory();
	list[0] = (char *)setting;
	for (size_t i = 0; i < count; i++)
		if (strncmp(environ[i], setting, name))
			list[kept++] = environ[i];
	return list;
}

static void
set_signals(posix_spawnattr_t *attributes)
{
	struct sigaction hup;
	sigset_t all, none;

	sigfillset(&all);
	if (!sigaction(SIGHUP, NULL, &hup) && hup.sa_handler == SIG_IGN)
		sigdelset(&all, SIGHUP); /* nohup */
	sigemptyset(&none);
	posix_spawnattr_setsigdefault(attributes, &all);
	posix_spawnattr_setsigmask(attributes, &none);
	posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGDEF |
						     POSIX_SPAWN_SETSIGMASK);
}

/* adddup2 onto itself clears close-on-exec, as is wanted here. */
static int
place(posix_spawn_file_actions_t *actions, int fd, int number)
{
	return fd < 0 ? 0
		      : posix_spawn_file_actions_adddup2(actions, fd, number);
}

/*
 * A directory on PATH that we may not look into makes "permission denied" of
 * what is nowhere. Is there a file called NAME that it can be about?
 */
static bool
is_on_path(const char *name)
{
	const char *path = getenv("PATH");
	bool found = strchr(name, '/') != NULL;

	for (; path && *path && !found; path += strcspn(path, ":")) {
		char *file;

		path += *path == ':';
		if (asprintf(&file, "%.*s/%s", (int)strcspn(path, ":"), path,
			     name) < 0)
			flow_error_no_memory();
		found = access(file, F_OK) == 0;
		free(file);
	}
	return found;
}

pid_t
flow_child_start(char *const argv[], int input, int output, const char *setting,
		 struct flow_error *error)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	char **environment = setting ? environment_with(setting) : environ;
	pid_t pid = -1;
	int result;

	if (posix_spawn_file_actions_init(&actions) ||
	    posix_spawnattr_init(&attributes))
		flow_error_no_memory();
	set_signals(&attributes);
	result = place(&actions, input, STDIN_FILENO);
	if (!result)
		result = place(&actions, output, STDOUT_FILENO);
	if (!result)
		result = posix_spawnp(&pid, argv[0], &actions, &attributes,
				      argv, environment);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	if (setting)
		free(environment);
	if (!result)
		return pid;
	if (result == EACCES && !is_on_path(argv[0]))
		result = ENOENT;
	flow_error_set(error,
		       result == ENOENT || result == ENOTDIR  ? NOT_FOUND
		       : result == EAGAIN || result == ENOMEM ? OWN_FAILURE
							      : NOT_EXECUTABLE,
		       "cannot run %s: %s", argv[0], strerror(result));
	return -1;
}

int
flow_child_wait(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) < 0)
		return -1;
	if (WIFSIGNALED(status))
		return 128 + WTERMSIG(status);
	return WEXITSTATUS(status);
}
