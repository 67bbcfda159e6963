/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * nodes: processes for unit tests of what a guardian sees: each is a forked
 * function that holds the descriptors named and no other.
 */
#ifndef FLOW_NODES_H
#define FLOW_NODES_H

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* What cannot be prepared cannot be tested. */
static void __attribute__((unused, noreturn)) give_up(const char *what)
{
	printf("Bail out! %s: %s\n", what, strerror(errno));
	exit(1);
}

static void
pause_ms(long ms)
{
	struct timespec time = { ms / 1000, ms % 1000 * 1000000 };

	while (nanosleep(&time, &time) < 0 && errno == EINTR)
		;
}

/* In a child: descriptors KEEP (ends with -1) and 1, 2 remain. */
static void
close_others(const int *keep)
{
	for (int fd = 0; fd < 1024; fd++) {
		bool kept = fd == 2;

		for (const int *at = keep; *at >= 0; at++)
			kept |= *at == fd;
		if (!kept)
			close(fd);
	}
}

/* Starts BODY(ARGUMENT) with the descriptors KEEP; returns its pid. */
static pid_t
node(void (*body)(void *argument), void *argument, const int *keep)
{
	pid_t pid = fork();

	if (pid < 0)
		give_up("fork");
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close_others(keep);
		body(argument);
		_exit(0);
	}
	return pid;
}

#define KEEP(...) ((const int[]){ __VA_ARGS__, -1 })

/* The state letter of PID, or 0. */
static char
state_of(pid_t pid)
{
	char path[64], text[512], *end;
	FILE *file;
	size_t got;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	file = fopen(path, "re");
	if (file == NULL)
		return 0;
	got = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[got] = '\0';
	end = strrchr(text, ')');
	return end ? end[2] : 0;
}

/* Waits, 5 s at most, until PID is in STATE. */
static bool __attribute__((unused)) wait_state(pid_t pid, char state)
{
	for (int i = 0; i < 5000 && state_of(pid) != state; i++)
		pause_ms(1);
	return state_of(pid) == state;
}

/* Ends the direct child PID. */
static void __attribute__((unused)) end_node(pid_t pid)
{
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

#endif
