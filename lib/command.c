/* SPDX-License-Identifier: GPL-3.0-or-later */
/* command: just enough of the shell's grammar to know when not to need it. */
#include "config.h"

#include "command.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "expand.h"

static const char safe[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
			   "abcdefghijklmnopqrstuvwxyz"
			   "0123456789_@%+=:,./ -";

/* Builtins and reserved words of dash and bash, in the order of strcmp(3). */
static const char *const shell_words[] = {
	"!",	   ".",	       ":",	  "[",	     "[[",	  "]]",
	"alias",   "bg",       "bind",	  "break",   "builtin",	  "caller",
	"case",	   "cd",       "chdir",	  "command", "compgen",	  "complete",
	"compopt", "continue", "coproc",  "declare", "dirs",	  "disown",
	"do",	   "done",     "echo",	  "elif",    "else",	  "enable",
	"esac",	   "eval",     "exec",	  "exit",    "export",	  "false",
	"fc",	   "fg",       "fi",	  "for",     "function",  "getopts",
	"hash",	   "help",     "history", "if",	     "in",	  "jobs",
	"kill",	   "let",      "local",	  "logout",  "mapfile",	  "popd",
	"printf",  "pushd",    "pwd",	  "read",    "readarray", "readonly",
	"return",  "select",   "set",	  "shift",   "shopt",	  "source",
	"suspend", "test",     "then",	  "time",    "times",	  "trap",
	"true",	   "type",     "typeset", "ulimit",  "umask",	  "unalias",
	"unset",   "until",    "wait",	  "while",   "{",	  "}",
};

static int
compare_words(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool
is_shell_word(const char *word)
{
	/* bash resumes the job that a word like %1 names. */
	return *word == '%' ||
	       bsearch(&word, shell_words,
		       sizeof shell_words / sizeof *shell_words,
		       sizeof *shell_words, compare_words) != NULL;
}

bool
flow_command_simple(const char *command)
{
	char *first;
	size_t length;
	bool simple;

	if (command[strspn(command, safe)] != '\0')
		return false;
	command += strspn(command, " ");
	length = strcspn(command, " ");
	if (length == 0 || memchr(command, '=', length) != NULL)
		return false;
	first = strndup(command, length);
	simple = first != NULL && !is_shell_word(first);
	free(first);
	return simple;
}

/* Behind blanks, empty lines and comments. */
static const char *
skip_to_command(const char *text)
{
	for (;;) {
		text += strspn(text, " \t\n");
		if (*text != '#')
			return text;
		text += strcspn(text, "\n");
	}
}

/* Is the word at TEXT an assignment, NAME=... or NAME+=...? */
static bool
is_assignment(const char *text)
{
	size_t name = flow_expand_name_length(text);

	return name > 0 && (text[name] == '=' ||
			    (text[name] == '+' && text[name + 1] == '='));
}

/* What follows a word and makes it no command: f() defines, 2> redirects. */
static bool
is_command_place(const char *text, size_t length)
{
	const char *next = text + length;

	if (next[strspn(next, " \t")] == '(')
		return false;
	return (*next != '<' && *next != '>') ||
	       strspn(text, "0123456789") < length;
}

char *
flow_command_word(const char *command)
{
	static const char ends[] = " \t\n;&|<>()";
	static const char unclear[] = "'\"\\$`*?[]{}~!";
	const char *text = skip_to_command(command);
	size_t length;
	char *word;

	for (;;) {
		length = strcspn(text, ends);
		if (length == 0 || strcspn(text, unclear) < length ||
		    *text == '#')
			return NULL;
		if (!is_assignment(text))
			break;
		if (strncmp(text, "PATH", 4) == 0 &&
		    flow_expand_name_length(text) == 4)
			return NULL;
		/* A newline stays, so that an assignment of its own ends here. */
		text += length;
		text += strspn(text, " \t");
	}
	if (!is_command_place(text, length))
		return NULL;
	word = strndup(text, length);
	if (word != NULL && is_shell_word(word)) {
		free(word);
		return NULL;
	}
	return word;
}

char **
flow_command_split(const char *command)
{
	struct flow_error error = { 0 };
	char **words = flow_expand_words(command, NULL, &error);

	flow_error_clear(&error);
	return words;
}

char **
flow_command_join(const char *const *const *lists, size_t count)
{
	size_t total = 0, i, j;
	char **joined;

	for (i = 0; i < count; i++)
		for (j = 0; lists[i] != NULL && lists[i][j] != NULL; j++)
			total++;
	joined = malloc((total + 1) * sizeof *joined);
	if (joined == NULL)
		return NULL;
	total = 0;
	for (i = 0; i < count; i++)
		for (j = 0; lists[i] != NULL && lists[i][j] != NULL; j++)
			joined[total++] = (char *)lists[i][j];
	joined[total] = NULL;
	return joined;
}

bool
flow_command_is_sh(const char *program)
{
	static const char *const known[] = { "sh", "dash", "ash", "bash" };
	const char *slash = strrchr(program, '/');
	size_t i;

	if (slash != NULL)
		program = slash + 1;
	for (i = 0; i < sizeof known / sizeof *known; i++)
		if (strcmp(program, known[i]) == 0)
			return true;
	return false;
}

static bool
starts_natively(int directory, const char *path)
{
	char start[4];
	int fd = openat(directory, path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	ssize_t got;

	if (fd < 0)
		return true;
	got = read(fd, start, sizeof start);
	close(fd);
	return got < 0 || (got >= 2 && memcmp(start, "#!", 2) == 0) ||
	       (got == 4 && memcmp(start, "\177ELF", 4) == 0);
}

/* 0 when PATH is an executable file, else -1 with ENOENT, EACCES or EISDIR. */
static int
examine(int directory, const char *path)
{
	struct stat status;

	if (fstatat(directory, path, &status, 0) < 0) {
		if (errno != EACCES)
			errno = ENOENT;
		return -1;
	}
	if (S_ISREG(status.st_mode) &&
	    faccessat(directory, path, X_OK, AT_EACCESS) == 0)
		return 0;
	errno = S_ISREG(status.st_mode) ? EACCES : EISDIR;
	return -1;
}

/* WORD in the first folder of SEARCH that has it; owned, or NULL with errno. */
static char *
search_path(int directory, const char *word, const char *search)
{
	bool denied = false;
	size_t length;
	char *path;

	for (;; search += length + 1) {
		length = strcspn(search, ":");
		if (asprintf(&path, "%.*s/%s", length > 0 ? (int)length : 1,
			     length > 0 ? search : ".", word) < 0)
			return NULL;
		if (examine(directory, path) == 0)
			return path;
		/* A folder that may not be searched has no command for us. */
		denied |= errno == EACCES &&
			  faccessat(directory, path, F_OK, AT_EACCESS) == 0;
		free(path);
		if (search[length] == '\0')
			break;
	}
	errno = denied ? EACCES : ENOENT;
	return NULL;
}

static char *
find_from(int directory, const char *word)
{
	const char *search = getenv("PATH");

	if (strchr(word, '/') == NULL)
		return search_path(directory, word,
				   search != NULL ? search : "/bin:/usr/bin");
	if (examine(directory, word) == 0)
		return strdup(word);
	if (errno == EISDIR)
		errno = EACCES;
	return NULL;
}

int
flow_command_find(const char *word, const char *directory,
		  struct flow_command_file *file)
{
	int at = AT_FDCWD, saved;

	file->path = NULL;
	file->native = false;
	if (*word == '\0') {
		errno = ENOENT;
		return -1;
	}
	if (directory != NULL) {
		at = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
		/* That it is not there is for the run to say, of the folder. */
		if (at < 0 && (*word == '/' || strchr(word, '/') == NULL)) {
			directory = NULL;
			at = AT_FDCWD;
		} else if (at < 0) {
			errno = errno == EACCES ? EACCES : ENOENT;
			return -1;
		}
	}
	file->path = find_from(at, word);
	if (file->path != NULL)
		file->native = starts_natively(at, file->path);
	saved = errno;
	if (directory != NULL)
		close(at);
	errno = saved;
	return file->path != NULL ? 0 : -1;
}
