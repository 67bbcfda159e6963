/* SPDX-License-Identifier: GPL-3.0-or-later */
/* command: when a shell is needed, what it will look for, and where that is. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "command.h"
#include "tap.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static void
check_simple(void)
{
	static const char *const simple[] = {
		"cat",		 " sort -u ",
		"dd if=x bs=1M", "/bin/cat a.b,c:d@e%f+g",
		"tr a-z A-Z",	 "./echo",
		"env A=1",
	};
	static const char *const others[] = {
		"",	   "   ",      "A=1 cat",     "echo x",	     "cd /",
		"true",	   "time cat", "if x",	      "test -f x",   "%1",
		"select",  "cat\tx",   "cat\n",	      "a | b",	     "a;b",
		"cat *",   "cat 'x'",  "cat $1",      "cat ~",	     "[ a ]",
		"cat #x",  "cat \\x",  "caf\303\251", "{ cat",	     "! cat",
		": x",	   ". x",      "printf x",    "readarray x", "chdir x",
		"local x",
	};
	size_t i;

	for (i = 0; i < COUNT(simple); i++)
		ok(flow_command_simple(simple[i]), "simple: `%s`", simple[i]);
	for (i = 0; i < COUNT(others); i++) {
		bool got = flow_command_simple(others[i]);

		ok(!got, "for the shell: case %zu", i);
		if (got)
			tap_note("%s", others[i]);
	}
}

static void
check_word(void)
{
	static const struct {
		const char *command, *wanted;
	} cases[] = {
		{ "sort -u", "sort" },
		{ "  \n# a comment\n\n  sort", "sort" },
		{ "A=1 B+=2 sort", "sort" },
		{ "sort|uniq", "sort" },
		{ "sort>out", "sort" },
		{ "sort >out", "sort" },
		{ "sort 2>out", "sort" },
		{ "sort; x", "sort" },
		{ "./a/b c", "./a/b" },
		{ "awk '{ print }'", "awk" },
		{ "/usr/bin/x-y_z.1 | q", "/usr/bin/x-y_z.1" },
		{ "caf\303\251 x", "caf\303\251" },
		{ "", NULL },
		{ "# only a comment", NULL },
		{ "A=1", NULL },
		{ "A=1\nsort", NULL },
		{ "A=1 # x", NULL },
		{ "A='x y' sort", NULL },
		{ "A=$(x) sort", NULL },
		{ "A=(x y)", NULL },
		{ "PATH=/x sort", NULL },
		{ "set -e; sort", NULL },
		{ "while read x; do y; done", NULL },
		{ "(sort)", NULL },
		{ "{ sort; }", NULL },
		{ "! sort", NULL },
		{ "<in sort", NULL },
		{ "2>err sort", NULL },
		{ "f() { x; }; f", NULL },
		{ "f () { x; }; f", NULL },
		{ "'sort' x", NULL },
		{ "s\\ort", NULL },
		{ "$SORT", NULL },
		{ "~/bin/x", NULL },
		{ "/usr/*/x", NULL },
		{ "[ -f x ]", NULL },
		{ "[[ -f x ]]", NULL },
		{ "command -v x", NULL },
	};
	char *got;
	size_t i;

	for (i = 0; i < COUNT(cases); i++) {
		char name[64];

		snprintf(name, sizeof name, "the first word, case %zu", i);
		got = flow_command_word(cases[i].command);
		if (!ok_text(got, cases[i].wanted, name))
			tap_note("%s", cases[i].command);
		free(got);
	}
}

static void
put_file(int folder, const char *name, mode_t mode, const char *text)
{
	int fd = openat(folder, name, O_CREAT | O_WRONLY | O_CLOEXEC, mode);

	if (fd < 0 || fchmod(fd, mode) < 0 ||
	    write(fd, text, strlen(text)) != (ssize_t)strlen(text)) {
		printf("Bail out! %s\n", name);
		exit(1);
	}
	close(fd);
}

/* WANTED is a path, or NULL with ERROR. */
static void
check_one(const char *word, const char *directory, const char *wanted,
	  int error, bool native, const char *name)
{
	struct flow_command_file file;
	int result;

	errno = 0;
	result = flow_command_find(word, directory, &file);
	if (wanted == NULL) {
		ok_number(result == 0 ? 0 : errno, error, name);
	} else if (ok_text(result == 0 ? file.path : NULL, wanted, name)) {
		ok(file.native == native, "%s: by whom it is run", name);
	}
	free(file.path);
}

static void
check_find(const char *top)
{
	char path[256];
	int at = open(top, O_PATH | O_DIRECTORY | O_CLOEXEC);

	mkdirat(at, "one", 0700);
	mkdirat(at, "two", 0700);
	mkdirat(at, "one/folder", 0700);
	put_file(at, "one/plain", 0600, "x");
	put_file(at, "two/plain", 0700, "#!/bin/sh\n");
	put_file(at, "one/denied", 0600, "x");
	put_file(at, "two/bare", 0700, "echo no first line\n");
	put_file(at, "here", 0700, "#!/bin/sh\n");
	snprintf(path, sizeof path, "%s/one:%s/two", top, top);
	setenv("PATH", path, 1);
	snprintf(path, sizeof path, "%s/two/plain", top);
	check_one("plain", NULL, path, 0, true, "the first executable on PATH");
	snprintf(path, sizeof path, "%s/two/bare", top);
	check_one("bare", NULL, path, 0, false, "a script without #!");
	check_one("denied", NULL, NULL, EACCES, false, "a file without x");
	check_one("folder", NULL, NULL, ENOENT, false, "a folder on PATH");
	check_one("absent", NULL, NULL, ENOENT, false, "nothing of that name");
	check_one("", NULL, NULL, ENOENT, false, "no name");
	check_one("./here", top, "./here", 0, true, "a slash, from a folder");
	check_one("./here", "/", NULL, ENOENT, false, "from another folder");
	check_one("two/plain", top, "two/plain", 0, true, "a relative path");
	check_one("./one", top, NULL, EACCES, false, "a folder is no command");
	check_one("./x", "/nowhere", NULL, ENOENT, false, "from no folder");
	setenv("PATH", ":one", 1);
	check_one("here", top, "./here", 0, true, "an empty entry of PATH");
	close(at);
}

static void
check_join(void)
{
	static const char *const a[] = { "a", "b", NULL }, *const b[] = {
		NULL
	};
	static const char *const c[] = { "c", NULL };
	const char *const *lists[] = { a, NULL, b, c };
	char **got = flow_command_join(lists, COUNT(lists));

	ok(got != NULL && !strcmp(got[0], "a") && !strcmp(got[1], "b") &&
		   !strcmp(got[2], "c") && got[3] == NULL,
	   "lists are joined in their order");
	free(got);
	got = flow_command_split("  tr a-z  A-Z ");
	ok(got != NULL && !strcmp(got[0], "tr") && !strcmp(got[1], "a-z") &&
		   !strcmp(got[2], "A-Z") && got[3] == NULL,
	   "a simple command is split at blanks");
	free(got);
	ok(flow_command_is_sh("bash") && flow_command_is_sh("/bin/dash") &&
		   !flow_command_is_sh("python3") &&
		   !flow_command_is_sh("sh/x"),
	   "shells are known by their last part");
}

static void
remove_all(const char *top)
{
	static const char *const names[] = {
		"one/folder", "one/plain", "one/denied", "two/plain",
		"two/bare",   "here",	   "one",	 "two",
	};
	int at = open(top, O_PATH | O_DIRECTORY | O_CLOEXEC);
	size_t i;

	for (i = 0; i < COUNT(names); i++)
		if (unlinkat(at, names[i], 0) < 0)
			unlinkat(at, names[i], AT_REMOVEDIR);
	close(at);
	rmdir(top);
}

int
main(void)
{
	char top[] = "/tmp/flow-command-XXXXXX";

	if (mkdtemp(top) == NULL) {
		puts("Bail out! mkdtemp");
		return 1;
	}
	check_simple();
	check_word();
	check_find(top);
	check_join();
	remove_all(top);
	return tap_done();
}
