/* SPDX-License-Identifier: GPL-3.0-or-later */
/* command: what a command's text tells before any shell has seen it. */
#ifndef FLOW_COMMAND_H
#define FLOW_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

/*
 * May COMMAND be run without a shell, with the same result? It may when every
 * character is one of [A-Za-z0-9_@%+=:,./ -] and the first word holds no `=`
 * and is neither a reserved word nor a builtin of sh (of dash or of bash).
 */
bool flow_command_simple(const char *command);

/*
 * The program that a shell will look up first when it runs COMMAND, behind
 * comments and assignments: owned, or NULL when that cannot be told without
 * the shell (builtins, compound commands, quotes, expansions, patterns,
 * redirections, an assignment to PATH) and when there is no memory.
 */
char *flow_command_word(const char *command);

/* The blank-separated words of a simple command; one owned block, or NULL. */
char **flow_command_split(const char *command);

/* The LISTS (COUNT of them, NULL-terminated, NULL: empty) as one owned list of borrowed words. */
char **flow_command_join(const char *const *const *lists, size_t count);

/* Is PROGRAM (its last part) a shell whose syntax flow_command_word knows? */
bool flow_command_is_sh(const char *program);

struct flow_command_file {
	char *path; /* owned; holds a slash; relative to the directory searched from */
	bool native; /* execve(2) takes it: it begins with #! or is ELF, or its start cannot be read */
};

/*
 * Looks WORD up as a process in DIRECTORY (NULL: this one) would: on PATH, or
 * by itself when it holds a slash. PATH unset is the system's own path. 0, or
 * -1 with errno: ENOENT (nowhere), EACCES (found, but not an executable
 * file), ENOMEM.
 */
int flow_command_find(const char *word, const char *directory,
		      struct flow_command_file *file);

#endif
