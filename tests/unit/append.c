/* SPDX-License-Identifier: GPL-3.0-or-later */
/* append: whoever is killed while it appends, nothing of it stays. */
#include "config.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "append.h"
#include "io.h"
#include "keyfiles.h"
#include "tap.h"

enum { LENGTH = 64 << 20 }; /* bytes: a kill finds it under way */

static const char target[] = "target";

static off_t
size_of(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? st.st_size : -1;
}

static int
make_source(void)
{
	static char block[1 << 20];
	int fd = memfd_create("source", MFD_CLOEXEC);

	memset(block, 'x', sizeof(block));
	for (int i = 0; i < LENGTH / (int)sizeof(block); i++)
		if (flow_io_write_all(fd, block, sizeof(block)) < 0)
			exit(1);
	return fd;
}

static void
put_old(void)
{
	int fd = open(target, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (flow_io_write_all(fd, "old\n", 4) < 0)
		exit(1);
	close(fd);
}

/* Kills a child while it appends; true when it was under way. */
static bool
kill_within(struct flow_appending *appending, int source)
{
	pid_t pid;
	int status;

	put_old();
	pid = fork();
	if (pid == 0)
		_exit(flow_append(appending, source, target) < 0);
	while (size_of(target) <= 4 && waitpid(pid, &status, WNOHANG) == 0)
		;
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	return size_of(target) > 4 && size_of(target) < 4 + LENGTH;
}

static void
check_append(void)
{
	struct flow_appending *appending = flow_append_share();
	int source = make_source();
	bool within = false;

	put_old();
	ok(flow_append(appending, source, target) == 0 &&
		   size_of(target) == 4 + LENGTH,
	   "all of it is added");
	flow_append_take_back(appending);
	ok_number(size_of(target), 4 + LENGTH, "and what is whole stays");
	for (int i = 0; i < 100 && !within; i++)
		within = kill_within(appending, source);
	ok(within, "a kill leaves a part");
	flow_append_take_back(appending);
	ok_number(size_of(target), 4, "which is taken back");
	ok(flow_append(appending, source, "no/such/folder") < 0,
	   "a target that cannot be is refused");
	unlink(target);
}

static void
names(const char *last, const char *key, const char *wanted)
{
	char *name = flow_keyfiles_name(last, key, strlen(key));

	ok_text(name, wanted, last);
	free(name);
}

static void
check_names(void)
{
	char *name;

	names("{key}.tsv", "oslo", "oslo.tsv");
	names("{key}-{key}", "a", "a-a");
	names("x{key", "a", "x{key");
	names("{key}", "{key}", "{key}");
	names("{key}", "..a", "..a");
	names("{key}", "", NULL);
	names("{key}", ".", NULL);
	names("{key}", "..", NULL);
	names("{key}", "a/b", NULL);
	name = flow_keyfiles_name("{key}", "a\0b", 3);
	ok(!name, "no NUL byte stands in a name");
	ok_text(flow_keyfiles_last("by/{key}.tsv"), "{key}.tsv",
		"the last part of a path");
	ok_text(flow_keyfiles_last("{key}"), "{key}", "of one part too");
}

int
main(void)
{
	char folder[] = "/tmp/append.XXXXXX";

	if (!mkdtemp(folder) || chdir(folder) < 0)
		return 1;
	check_append();
	check_names();
	rmdir(folder);
	return tap_done();
}
