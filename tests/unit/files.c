/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * files: what stands in a folder before, while and after files are written
 * and committed there; and the folders of runs that live and that died.
 */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "files.h"
#include "rundir.h"
#include "tap.h"

static char folder[] = "/tmp/flow-files-XXXXXX";
static struct flow_node node; /* any: a file without one is --output's */

static void __attribute__((noreturn)) give_up(const char *what)
{
	printf("Bail out! %s: %s\n", what, strerror(errno));
	exit(1);
}

/* NAME in our folder; one of eight buffers in turn. */
static const char *
in_folder(const char *name)
{
	static char paths[8][256];
	static unsigned next;
	char *path = paths[next++ % 8];

	snprintf(path, sizeof paths[0], "%s/%s", folder, name);
	return path;
}

static void
put(const char *name, const char *text, mode_t mode)
{
	FILE *file = fopen(in_folder(name), "we");

	if (file == NULL || fputs(text, file) < 0 || fclose(file) != 0 ||
	    chmod(in_folder(name), mode) < 0)
		give_up(name);
}

/* What NAME holds, or NULL when it is not there; in a buffer of its own. */
static const char *
held(const char *name)
{
	static char text[256];
	FILE *file = fopen(in_folder(name), "re");

	if (file == NULL)
		return NULL;
	text[fread(text, 1, sizeof text - 1, file)] = '\0';
	fclose(file);
	return text;
}

/* How many names there are in PATH; with REMOVE, none afterwards. */
static size_t
names_in(const char *path, bool remove)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	size_t count = 0;

	if (dir == NULL)
		give_up(path);
	while ((entry = readdir(dir)) != NULL) {
		if (strcmp(entry->d_name, ".") == 0 ||
		    strcmp(entry->d_name, "..") == 0)
			continue;
		count++;
		if (remove && unlinkat(dirfd(dir), entry->d_name, 0) < 0 &&
		    unlinkat(dirfd(dir), entry->d_name, AT_REMOVEDIR) < 0)
			give_up(entry->d_name);
	}
	closedir(dir);
	return count;
}

static size_t
names(void)
{
	return names_in(folder, false);
}

static mode_t
mode_of(const char *name)
{
	struct stat st;

	return stat(in_folder(name), &st) < 0 ? 0 : st.st_mode & 07777;
}

static void
say(const struct flow_open_file *file, const char *text)
{
	if (write(file->fd, text, strlen(text)) != (ssize_t)strlen(text))
		give_up("write");
}

/* The files of one run; what is planned stays where it is, for it is pointed at. */
struct run {
	struct flow_plan plan;
	struct flow_rundir rundir;
	struct flow_error error;
	struct flow_open_file *files;
};

static void
run_add(struct run *run, enum flow_file_mode mode, const char *name)
{
	if (run->plan.files == NULL)
		run->plan.files = calloc(2, sizeof *run->plan.files);
	if (run->plan.files == NULL)
		give_up("calloc");
	run->plan.files[run->plan.file_count++] = (struct flow_planned_file){
		.mode = mode,
		.path = in_folder(name),
		.node = &node,
		.line = 3,
	};
}

static bool
run_open(struct run *run)
{
	run->rundir.fd = -1;
	run->files = flow_files_open(&run->plan, &run->rundir, &run->error);
	return run->files != NULL;
}

static void
run_close(struct run *run)
{
	flow_files_close(run->files, run->plan.file_count);
	flow_rundir_remove(&run->rundir);
	flow_error_clear(&run->error);
	free(run->plan.files);
}

static bool
commit(struct run *run, size_t index)
{
	struct flow_open_file *file = &run->files[index];

	return flow_file_prepare(file, &run->error) == 0 &&
	       flow_file_publish(file, &run->error) == 0;
}

/* One file NAME, opened in MODE. */
static struct run
run_of(enum flow_file_mode mode, const char *name)
{
	struct run run = { .files = NULL };

	run_add(&run, mode, name);
	if (!run_open(&run)) {
		printf("Bail out! %s\n", run.error.text);
		exit(1);
	}
	return run;
}

static void
check_commit(void)
{
	struct run run = run_of(FLOW_FILE_COMMIT, "new");
	mode_t mask = umask(027);

	say(run.files, "whole");
	ok(run.files->commits && names() == 0,
	   "what is collected has no name yet");
	ok_number(flow_file_size(run.files), 5, "but a size");
	ok(flow_file_prepare(run.files, &run.error) == 0 &&
		   held("new") == NULL && names() == 1,
	   "prepared, it has one of its own");
	ok(flow_file_publish(run.files, &run.error) == 0 && names() == 1,
	   "published, it has its target's alone");
	run_close(&run);
	ok_text(held("new"), "whole", "and all that was written");
	ok_number(mode_of("new"), 0640, "with the mode that umask leaves");
	umask(mask);

	put("old", "before", 0604);
	run = run_of(FLOW_FILE_COMMIT, "old");
	say(run.files, "after");
	ok_text(held("old"), "before", "an old file stays until then");
	ok(commit(&run, 0), "it is replaced");
	run_close(&run);
	ok_text(held("old"), "after", "as a whole");
	ok_number(mode_of("old"), 0604, "and keeps its mode");
	names_in(folder, true);
}

static void
check_dropped(void)
{
	struct run run;

	put("old", "before", 0644);
	run = run_of(FLOW_FILE_COMMIT, "old");
	say(run.files, "half");
	run_close(&run);
	ok(names() == 1 && strcmp(held("old"), "before") == 0,
	   "what is not committed leaves nothing");
	run = run_of(FLOW_FILE_COMMIT, "old");
	ok(flow_file_prepare(run.files, &run.error) == 0 && names() == 2,
	   "another is prepared");
	run_close(&run);
	ok(names() == 1 && strcmp(held("old"), "before") == 0,
	   "what is prepared and not published goes too");
	run = run_of(FLOW_FILE_COMMIT, "old");
	flow_file_prepare(run.files, &run.error);
	flow_files_abandon(run.files, 1);
	ok(names() == 1, "abandoned by the front, it is gone");
	flow_files_abandon(run.files, 1);
	run_close(&run);
	ok_text(held("old"), "before", "twice is harmless");
	names_in(folder, true);
}

static void
check_append(void)
{
	struct run run;

	put("log", "one\n", 0600);
	run = run_of(FLOW_FILE_APPEND, "log");
	say(run.files, "two\n");
	ok_text(held("log"), "one\n", "what is appended is collected first");
	ok(commit(&run, 0), "it is appended");
	run_close(&run);
	ok_text(held("log"), "one\ntwo\n", "behind what was there");
	ok(names() == 1 && mode_of("log") == 0600, "and nothing is left");
	run = run_of(FLOW_FILE_APPEND, "log");
	say(run.files, "half");
	run_close(&run);
	ok_text(held("log"), "one\ntwo\n", "or not at all");
	run = run_of(FLOW_FILE_APPEND, "fresh");
	say(run.files, "first");
	ok(names() == 1 && commit(&run, 0), "to a file that was not there");
	run_close(&run);
	ok_text(held("fresh"), "first", "it is made");
	names_in(folder, true);
}

static void
check_live(void)
{
	struct run run;

	put("live", "before", 0644);
	run = run_of(FLOW_FILE_LIVE, "live");
	ok(!run.files->commits, "a live file needs no commit");
	ok_text(held("live"), "", "it is empty at once");
	say(run.files, "now");
	ok_text(held("live"), "now", "and has what is written at once");
	run_close(&run);
	run = run_of(FLOW_FILE_LIVE_APPEND, "live");
	say(run.files, " more");
	ok_text(held("live"), "now more", "live, and appended");
	run_close(&run);
	if (mkfifo(in_folder("fifo"), 0600) < 0)
		give_up("mkfifo");
	run = run_of(FLOW_FILE_COMMIT, "fifo");
	ok(!run.files->commits && run.files->late && run.files->fd < 0,
	   "a FIFO is left to its process, and never replaced");
	run_close(&run);
	names_in(folder, true);
}

static void
link_to(const char *to, const char *name)
{
	if (symlink(to, in_folder(name)) < 0)
		give_up(name);
}

static bool
is_link(const char *name)
{
	struct stat st;

	return lstat(in_folder(name), &st) == 0 && S_ISLNK(st.st_mode);
}

static void
check_links(void)
{
	struct run run;

	put("real", "before", 0640);
	link_to("real", "middle");
	link_to(in_folder("middle"), "link");
	run = run_of(FLOW_FILE_COMMIT, "link");
	say(run.files, "after");
	ok(commit(&run, 0) && is_link("link") && is_link("middle"),
	   "links stay links");
	run_close(&run);
	ok_text(held("real"), "after", "and their target is replaced");
	ok_number(mode_of("real"), 0640, "with its mode");
	link_to("nothing", "dangling");
	run = run_of(FLOW_FILE_COMMIT, "dangling");
	say(run.files, "made");
	ok(commit(&run, 0) && is_link("dangling"), "a link that led nowhere");
	run_close(&run);
	ok_text(held("nothing"), "made", "leads to what was written");
	link_to("loop", "loop");
	run = (struct run){ .files = NULL };
	run_add(&run, FLOW_FILE_COMMIT, "loop");
	ok(!run_open(&run) && run.error.status == EX_CANTCREAT,
	   "a loop of links is an error");
	run_close(&run);
	names_in(folder, true);
}

/* Two files opened together are refused, with STATUS and a text that has PART. */
static void
refuses(const char *promise, enum flow_file_mode mode, const char *name,
	enum flow_file_mode other_mode, const char *other, int status,
	const char *part)
{
	struct run run = { .files = NULL };
	bool opened;

	run_add(&run, mode, name);
	run_add(&run, other_mode, other);
	opened = run_open(&run);
	if (!ok(!opened && run.error.status == status &&
			strstr(run.error.text, part) != NULL,
		"%s", promise))
		tap_note("%d %s", run.error.status,
			 run.error.text ? run.error.text : "(null)");
	run_close(&run);
}

static void
check_refused(void)
{
	struct run run = { .files = NULL };
	size_t before;

	put("one", "kept", 0644);
	link_to("one", "soft");
	if (link(in_folder("one"), in_folder("hard")) < 0 ||
	    mkdir(in_folder("sub"), 0700) < 0)
		give_up("link");
	before = names();
	refuses("one file by two links, written twice", FLOW_FILE_COMMIT, "one",
		FLOW_FILE_COMMIT, "soft", EX_DATAERR, "written twice");
	refuses("read, and written by a hard link", FLOW_FILE_READ, "hard",
		FLOW_FILE_LIVE, "one", EX_DATAERR, "read and written");
	refuses("one name that is not there yet", FLOW_FILE_COMMIT, "x",
		FLOW_FILE_APPEND, "sub/../x", EX_DATAERR, "written twice");
	refuses("an input that is missing costs no output", FLOW_FILE_LIVE,
		"one", FLOW_FILE_READ, "missing", EX_NOINPUT, "(line 3)");
	refuses("a folder is not read", FLOW_FILE_LIVE, "one", FLOW_FILE_READ,
		"sub", EX_NOINPUT, "Is a directory");
	refuses("nor written", FLOW_FILE_READ, "one", FLOW_FILE_COMMIT, "sub",
		EX_CANTCREAT, "Is a directory");
	refuses("a folder that is missing is not made", FLOW_FILE_READ, "one",
		FLOW_FILE_COMMIT, "no/x", EX_CANTCREAT, "No such file");
	ok(names() == before && strcmp(held("one"), "kept") == 0,
	   "whatever is refused, nothing has changed");
	run_add(&run, FLOW_FILE_READ, "one");
	run_add(&run, FLOW_FILE_COMMIT, "one");
	run.plan.files[1].node = NULL;
	ok(run_open(&run), "--output may be an input");
	say(&run.files[1], "new");
	ok(commit(&run, 1), "which is read until the end");
	run_close(&run);
	ok(strcmp(held("one"), "new") == 0 && strcmp(held("hard"), "kept") == 0,
	   "and replaced, not written over");
	names_in(folder, true);
}

/* A folder as another run would have left it; returns a descriptor of it. */
static int
other_run(const char *name)
{
	int fd;

	if (mkdir(in_folder(name), 0700) < 0)
		give_up(name);
	fd = open(in_folder(name), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || mkfifoat(fd, "fifo", 0600) < 0)
		give_up(name);
	return fd;
}

static bool
is_there(const char *name)
{
	return access(in_folder(name), F_OK) == 0;
}

static void
check_rundir(void)
{
	struct flow_rundir rundir = { .fd = -1 }, again = { .fd = -1 };
	struct flow_error error = { .text = NULL };
	struct stat st;

	ok(flow_rundir_make(&rundir, &error) == 0 && rundir.path != NULL &&
		   strncmp(rundir.path, folder, strlen(folder)) == 0,
	   "a run's folder is made where the environment says");
	ok(stat(rundir.path, &st) == 0 && S_ISDIR(st.st_mode) &&
		   (st.st_mode & 07777) == 0700,
	   "nobody else may look into it");
	ok((fcntl(rundir.fd, F_GETFD) & FD_CLOEXEC) != 0,
	   "its lock is not inherited by programs");
	ok(flow_rundir_make(&again, &error) == 0 && names() == 2,
	   "a second run leaves the first one's alone");
	put(".ipcflow-temporary", "", 0600);
	put("result", "", 0600);
	ok(flow_rundir_note(&again, 0, in_folder(".ipcflow-temporary")) == 0 &&
		   flow_rundir_note(&again, 1, in_folder("result")) == 0 &&
		   names_in(again.path, false) == 2,
	   "files are noted");
	flow_rundir_remove(&again);
	ok(!is_there(".ipcflow-temporary"),
	   "a noted temporary goes with the folder");
	ok(is_there("result"), "what is no temporary of ours does not");
	flow_rundir_remove(&rundir);
	flow_rundir_remove(&rundir);
	ok(names() == 1 && rundir.path == NULL && rundir.fd == -1,
	   "nothing is left, and twice is harmless");
	flow_error_clear(&error);
	names_in(folder, true);
}

static void
check_sweep(void)
{
	struct flow_rundir rundir = { .fd = -1 };
	struct flow_error error = { .text = NULL };
	int dead, live, open_to_all;

	dead = other_run("ipcflow-dead00");
	live = other_run("ipcflow-live00");
	open_to_all = other_run("ipcflow-mode00");
	put(".ipcflow-stale", "", 0600);
	if (symlinkat(in_folder(".ipcflow-stale"), dead, "temporary.0") < 0 ||
	    flock(live, LOCK_EX | LOCK_NB) < 0 ||
	    fchmod(open_to_all, 0755) < 0 ||
	    mkdir(in_folder("ipcflow-else"), 0700) < 0)
		give_up("other runs");
	close(dead);
	ok(flow_rundir_make(&rundir, &error) == 0, "a run begins");
	ok(!is_there("ipcflow-dead00") && !is_there(".ipcflow-stale"),
	   "what a dead run left is swept, with what it had noted");
	ok(is_there("ipcflow-live00/fifo"), "a live one's is left alone");
	ok(is_there("ipcflow-mode00/fifo") && is_there("ipcflow-else"),
	   "and what no run can have made");
	flow_rundir_remove(&rundir);
	flow_error_clear(&error);
	close(live);
	close(open_to_all);
	unlink(in_folder("ipcflow-live00/fifo"));
	unlink(in_folder("ipcflow-mode00/fifo"));
	names_in(folder, true);
}

int
main(void)
{
	if (mkdtemp(folder) == NULL)
		give_up(folder);
	setenv("XDG_RUNTIME_DIR", folder, 1);
	umask(022);
	check_commit();
	check_dropped();
	check_append();
	check_live();
	check_links();
	check_refused();
	check_rundir();
	check_sweep();
	rmdir(folder);
	return tap_done();
}
