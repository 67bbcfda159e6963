/* SPDX-License-Identifier: GPL-3.0-or-later */
/* check: text of a graph in, messages and the completed graph out. */
#include "config.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "check.h"
#include "graph.h"
#include "tap.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static char *none[] = { NULL };

/* A graph that was read and checked, and what was said about it. */
struct checked {
	struct flow_graph *graph;
	struct flow_messages messages;
};

static struct checked
check_text(const char *text, char **args, char **defines, char **commands)
{
	struct flow_values values = {
		.defines = defines != NULL ? defines : none,
		.commands = commands != NULL ? commands : none,
		.args = args != NULL ? args : none,
		.program = "prog",
	};
	struct checked checked = { .messages.source = "g" };
	FILE *stream = fmemopen((char *)text, strlen(text), "r");

	checked.graph = flow_graph_read(stream, "g", false, &checked.messages);
	fclose(stream);
	if (checked.graph != NULL)
		flow_check(checked.graph, &values, &checked.messages);
	flow_messages_sort(&checked.messages);
	return checked;
}

static void
checked_free(struct checked *checked)
{
	flow_messages_clear(&checked->messages);
	flow_graph_free(checked->graph);
}

/* All messages, "STATUS LINE TEXT" each, joined with newlines; owned. */
static char *
all_messages(const struct flow_messages *messages)
{
	const struct flow_message *message;
	char *text = NULL;
	size_t size, i;
	FILE *out = open_memstream(&text, &size);

	for (i = 0; i < messages->count; i++) {
		message = &messages->list[i];
		fprintf(out, "%s%d %u %s", i > 0 ? "\n" : "", message->status,
			message->line, message->text);
	}
	fclose(out);
	return text;
}

/* A graph of BODY, whose first line is line 2, gives exactly the messages WANTED. */
static void
says(const char *promise, const char *body, const char *wanted)
{
	struct checked checked;
	char *text, *got;

	if (asprintf(&text, "digraph {\n%s\n}\n", body) < 0)
		exit(1);
	checked = check_text(text, NULL, NULL, NULL);
	got = all_messages(&checked.messages);
	if (!ok(strcmp(got, wanted) == 0, "%s", promise)) {
		tap_note("got:    %s", got);
		tap_note("wanted: %s", wanted);
	}
	free(got);
	checked_free(&checked);
	free(text);
}

static void
check_cycles(void)
{
	says("a chain is right", "cat -> sort -> tac", "");
	says("an unmarked cycle is named, with how to name two processes",
	     "cat -> sort -> cat",
	     "65 2 `cat -> sort -> cat` is a cycle; if it is meant, mark the "
	     "edge that closes it with back=true; for two processes of one "
	     "command, name the second: `cat2 [cmd=cat]`");
	says("the new name is free and quoted",
	     "\"sort -u\" -> sort2 -> \"sort -u\"\nsort2 [cmd=tac]",
	     "65 2 `sort -u -> sort2 -> sort -u` is a cycle; if it is meant, "
	     "mark the edge that closes it with back=true; for two processes "
	     "of one command, name the second: `sort3 [cmd=\"sort -u\"]`");
	says("a cycle of named processes has no second one to name",
	     "a [cmd=cat]\nb [cmd=cat]\na -> b\nb -> a",
	     "65 5 `a -> b -> a` is a cycle; if it is meant, mark the edge "
	     "that closes it with back=true");
	says("an edge to itself is a cycle", "a [cmd=cat]\na -> a",
	     "65 3 `a -> a` is a cycle; if it is meant, mark the edge that "
	     "closes it with back=true");
	says("a long cycle is not told in full",
	     "node [cmd=cat]\n"
	     "a -> b -> c -> d -> e -> f -> g -> h -> i -> j -> a",
	     "65 3 `a -> b -> c -> d -> e -> f -> g -> h -> (2 more) -> a` is "
	     "a cycle; if it is meant, mark the edge that closes it with "
	     "back=true");
	says("two cycles are two errors", "node [cmd=cat]\na -> a\nb -> b",
	     "65 3 `a -> a` is a cycle; if it is meant, mark the edge that "
	     "closes it with back=true\n"
	     "65 4 `b -> b` is a cycle; if it is meant, mark the edge that "
	     "closes it with back=true");
	says("a cycle that err= closes says so",
	     "node [cmd=cat]\nlog -> fmt\nfmt [err=log]",
	     "65 3 `log -> fmt -> log` is a cycle; if it is meant, mark the "
	     "edge that closes it with back=true; `fmt:2 -> log` comes from "
	     "err=: undo that with err=\"\", or write the edge");
	says("a marked cycle is right",
	     "cat -> sort\nsort -> cat [back=true]\nsort:2 -> stdout", "");
	says("a mark that closes nothing is an error",
	     "cat -> sort [back=true]",
	     "65 2 `cat -> sort` is marked back=true and closes no cycle");
	says("eof=exit in a cycle cannot be kept",
	     "cat -> sort [eof=exit]\nsort -> cat [back=true]",
	     "65 2 `cat -> sort`: eof=exit cannot be kept in a cycle, where "
	     "each would wait for the other");
	says("eof=exit with a FIFO cannot be kept",
	     "cat -> paste:x [via=fifo, eof=exit]",
	     "65 2 `cat -> paste:x`: eof=exit cannot be kept with via=fifo, "
	     "whose end of file nobody can hold back");
}

static void
check_ends(void)
{
	says("descriptor 0 gives nothing", "cat:0 -> sort",
	     "65 2 `cat:0 -> sort`: descriptor 0 of `cat` is its input");
	says("descriptor 1 takes nothing", "cat -> sort:1",
	     "65 2 `cat -> sort:1`: descriptor 1 of `sort` is an output");
	says("stdin is not written", "cat -> stdin",
	     "65 2 `cat -> stdin`: `stdin` can only be read");
	says("stdout is not read", "stdout -> cat",
	     "65 2 `stdout -> cat`: `stdout` can only be written");
	says("two objects need a process between", "stdin -> stdout",
	     "65 2 `stdin -> stdout`: only a process moves bytes; put one "
	     "between, as in `stdin -> cat -> stdout`");
	says("a file has no ports", "f [file=\"/tmp/x\"]\ncat -> f:a",
	     "65 3 `cat -> f:a`: `f` is no process and has no ports");
	says("one descriptor is not both", "cat:3 -> sort\ntac -> cat:3",
	     "65 3 port `cat:3` is an output (`cat:3 -> sort`, line 2) and an "
	     "input (`tac -> cat:3`); give them different numbers");
	says("one name is not both", "cat:x -> sort\ntac -> cat:x",
	     "65 3 port `cat:x` is an output (`cat:x -> sort`, line 2) and an "
	     "input (`tac -> cat:x`); give them different names");
	says("one name for two inputs is a merge",
	     "cat -> sort:x\ntac -> sort:x", "");
	says("a name that env= sets is refused",
	     "sort [env=\"x=1\"]\ncat -> sort:x",
	     "65 3 port `sort:x`: env= sets a variable of that name");
	says("one named port is not a FIFO and a descriptor",
	     "cat -> sort:x [via=fifo]\ntac -> sort:x",
	     "65 3 two policies on one port: the edges into `sort:x` at lines "
	     "2 and 3 differ in via");
}

static void
check_files(void)
{
	says("files read and written, each once, are right",
	     "i [file=\"/tmp/i\"]\no [file=\"/tmp/o\"]\n"
	     "i -> cat -> o\ni -> sort -> o",
	     "");
	says("a file is not read and written",
	     "f [file=\"/tmp/x\"]\nf -> cat\ntac -> f",
	     "65 2 node `f`: file `/tmp/x` is both read (line 3) and written "
	     "(line 4)");
	says("not by two nodes either",
	     "a [file=\"/tmp/x\"]\nb [file=\"/tmp/x\"]\na -> cat -> b",
	     "65 3 node `b`: file `/tmp/x` is both read (line 4) and written "
	     "(line 4)");
	says("two nodes do not write one file",
	     "a [file=\"/tmp/x\"]\nb [file=\"/tmp/x\"]\ncat -> a\ntac -> b",
	     "65 3 node `b`: file `/tmp/x` is written by node `a` (line 2) "
	     "too; write both to one node");
	says("a device is there to be shared",
	     "a [file=\"/dev/null\"]\nb [file=\"/dev/null\"]\n"
	     "a -> cat -> b\na -> tac -> a",
	     "");
}

static void
check_policies(void)
{
	says("two merges on one port",
	     "cat -> tac [merge=concat]\nsort -> tac [merge=any]",
	     "65 3 two policies on one port: the edges into `tac` at lines 2 "
	     "and 3 differ in merge");
	says("two records on one port",
	     "cat -> tac [record=nul]\nsort -> tac [record=\"line:2\"]",
	     "65 3 two policies on one port: the edges into `tac` at lines 2 "
	     "and 3 differ in record");
	says("one place for two edges",
	     "cat -> tac [nth=1]\nsort -> tac [nth=1]",
	     "65 3 nth=1 is written on two edges into `tac` (lines 2 and 3)");
	says("also when others stand between",
	     "cat -> d [nth=2]\nsort -> d [nth=1]\ntac -> d [nth=2]\n"
	     "d [cmd=cat]",
	     "65 4 nth=2 is written on two edges into `d` (lines 2 and 4)");
	says("the same place on two ports is no matter",
	     "cat -> tac [nth=1]\nsort -> tac:x [nth=1]", "");
}

/* The same for a BODY whose nodes are all cats. */
static void
says_of_cats(const char *promise, const char *body, const char *wanted)
{
	char *text;

	if (asprintf(&text, "node [cmd=cat] %s", body) < 0)
		exit(1);
	says(promise, text, wanted);
	free(text);
}

static void
check_splits(void)
{
	says_of_cats("the policies of splits",
		     "a -> b [split=lines slow=drop]\n"
		     "a -> c [split=hash slow=spill]",
		     "65 3 two policies on one port: the edges out of `a` at "
		     "lines 2 "
		     "and 3 differ in split\n"
		     "65 3 two policies on one port: the edges out of `a` at "
		     "lines 2 "
		     "and 3 differ in slow");
	says_of_cats("split=key goes to files", "a -> b [split=key]",
		     "65 2 split=key wants a file node with {key} in its path, "
		     "such as "
		     "file=\"by/{key}.tsv\"; `b` is none");
	says_of_cats(
		"split=key is alone at its port",
		"f [file=\"x/{key}\"]\na -> {f b} [split=key]",
		"65 3 split=key has one edge, to a file node with {key} in its "
		"path; out of `a` go 2");
	says_of_cats("a path with {key} wants split=key",
		     "f [file=\"x/{key}\"]\na -> f",
		     "65 3 `f` has {key} in its path; the edge into it wants "
		     "split=key");
	says_of_cats(
		"wrong values are told",
		"a -> {b c} [split=hash by=\"0\"]\n"
		"d -> {e f} [split=hash delim=\"ab\"]",
		"65 2 by=`0`: numbers of fields such as \"2,3\" is wanted\n"
		"65 3 delim=`ab`: one byte, or \\t is wanted");
}

#define ORDERED(what)                                                          \
	"merge=ordered into `d` puts the records of one split=lines, any or "  \
	"hash back in order; an edge of it " what

static void
check_ordered(void)
{
	says_of_cats("merge=ordered undoes a split",
		     "a -> {b c} [split=lines]\n"
		     "{b c} -> d [merge=ordered]",
		     "");
	says_of_cats("also behind longer chains",
		     "a -> {b c} [split=any]\n"
		     "b -> e -> d [merge=ordered]\nc -> d [merge=ordered]",
		     "");
	says_of_cats(
		"merge=ordered wants a split", "{b c} -> d [merge=ordered]",
		"65 2 " ORDERED("does not come from a split by records, by one "
				"chain of nodes"));
	says_of_cats(
		"a copy is no split by records",
		"a -> {b c}\n"
		"{b c} -> d [merge=ordered]",
		"65 3 " ORDERED("does not come from a split by records, by one "
				"chain of nodes"));
	says_of_cats(
		"of all its branches",
		"a -> {b c e} [split=lines]\n"
		"{b c} -> d [merge=ordered]",
		"65 3 " ORDERED("has not all branches of the split beside it"));
	says_of_cats(
		"and of one split alone",
		"a -> {b e} [split=lines]\n"
		"x -> {c y} [split=lines]\n{b c} -> d [merge=ordered]",
		"65 4 " ORDERED("comes from another split than the first"));
}

static void
check_replicas(void)
{
	says_of_cats("replicas are a number", "a [replicas=0]\nb [replicas=x]",
		     "65 2 node `a`: replicas=`0`: a number from 1 to 1024, or "
		     "cpus, "
		     "is wanted\n"
		     "65 3 node `b`: replicas=`x`: a number from 1 to 1024, or "
		     "cpus, "
		     "is wanted");
	says_of_cats("replicas share three descriptors",
		     "a -> b:3\nb [replicas=2]",
		     "65 2 `a -> b:3`: node `b` has replicas=, which share "
		     "descriptors 0, 1 and 2 alone");
	says_of_cats("replicas=cpus is a number", "a [replicas=cpus]", "");
}

static void
check_err(void)
{
	says("err= without such a node", "log [cmd=cat]\ncat [err=lgo]",
	     "65 3 node `cat`: err: there is no node `lgo`; did you mean "
	     "`log`?");
	says("err= and an edge on descriptor 2",
	     "log [cmd=tac]\ncat [err=log]\ncat:2 -> sort",
	     "65 4 `cat:2 -> sort`: descriptor 2 of `cat` has err=`log` too "
	     "(line 3); use one of them (err=\"\" undoes a default)");
}

static void
check_words(void)
{
	says("a misspelt name is a new node; the message says so",
	     "cat -> sort\ncat -> srot",
	     "127 3 `srot`, first named at line 3, is no command; did you "
	     "mean node `sort`?");
	says("one wrong name is no hint for another", "srot -> srob",
	     "127 2 `srot`, first named at line 2, is no command\n"
	     "127 2 `srob`, first named at line 2, is no command");
	says("or a misspelt command", "x [cmd=\"sort -u\"]\nx -> \"srot -n\"",
	     "127 3 `srot -n`, first named at line 3, is no command; did you "
	     "mean `sort`?");
	says("a command that is not found", "x [cmd=\"no-such-command -x\"]",
	     "127 2 node `x`: command `no-such-command` not found");
	says("behind assignments", "x [cmd=\"A=1 no-such-command\"]",
	     "127 2 node `x`: command `no-such-command` not found");
	says("a path is looked at from cwd",
	     "x [cmd=\"./no-such-command\", cwd=\"/\"]",
	     "127 2 node `x`: command `./no-such-command` not found in `/`");
	says("a folder is not executable", "x [cmd=\"/usr\"]",
	     "126 2 node `x`: command `/usr` is not executable");
	says("a node with its own PATH looks for itself",
	     "x [cmd=\"no-such-command\", env=\"PATH=/x\"]", "");
	says("builtins and compound commands are the shell's",
	     "a [cmd=\"read x\"]\nb [cmd=\"(no-such-command)\"]", "");
	says("another language has other words",
	     "a [cmd=\"no-such-command\", shell=\"perl -e\"]", "");
	says("a shell that is not found", "a [cmd=x, shell=\"no-shell -c\"]",
	     "127 2 node `a`: shell `no-shell` not found");
	says("an empty shell", "a [cmd=x, shell=\" \"]",
	     "65 2 node `a`: shell is empty");
	says("an empty command", "\"  \" -> cat",
	     "65 2 node `  ` has an empty command");
	says("a name without a statement",
	     "graph [names=declared]\nsort\nsort -> srot",
	     "65 4 node `srot` has no statement of its own, and "
	     "names=declared demands one; did you mean `sort`?");
}

static void
check_values(void)
{
	says("an argument that was not given", "f [file=\"$1\"]\nf -> cat",
	     "65 2 node `f`: file: argument `$1` is not given");
	says("a name that is not set", "f [file=\"${NONE}\"]\nf -> cat",
	     "65 2 node `f`: file: `${NONE}` is not set; give it with -D, in "
	     "the environment, or a default as in `${NONE:-default}`");
	says("an empty path", "f [file=\"${NONE:-}\"]\nf -> cat",
	     "65 2 node `f`: file is empty after expansion of ${NONE:-}");
	says("env= that is no assignment", "cat [env=\"A=1 b\"]",
	     "65 2 node `cat`: env: `b` is not NAME=VALUE (a value with "
	     "blanks needs quotes)");
	says("a time that is none", "cat [timeout=\"${NONE:-soon}\"]",
	     "65 2 node `cat`: timeout=`soon` is no duration such as 1.5, "
	     "500ms, 2m or 1h");
	says("a script that is not there", "x [script=\"no/such/script\"]",
	     "66 2 node `x`: script=`no/such/script`: No such file or "
	     "directory");
}

static void
check_usage(void)
{
	static const struct {
		const char *usage;
		unsigned least, most;
	} cases[] = {
		{ "", 0, 0 },		{ "FILE", 1, 1 },
		{ "FILE [TOP]", 1, 2 }, { "FILE...", 1, 4 },
		{ "[FILE...]", 0, 4 },	{ "[FILE]...", 0, 4 },
		{ "FILE ...", 1, 4 },	{ "A B [C [D]]", 2, 4 },
		{ "[A [B]] C", 1, 3 },	{ "A [B]...", 1, 4 },
	};
	static char *args[] = { "1", "2", "3", "4", NULL };
	struct checked checked;
	unsigned given, wrong;
	char *text;
	size_t i;

	for (i = 0; i < COUNT(cases); i++) {
		if (asprintf(&text, "digraph {\ngraph [args=\"%s\"]\ncat\n}\n",
			     cases[i].usage) < 0)
			exit(1);
		for (given = 0, wrong = 0; given <= 4; given++) {
			checked =
				check_text(text, args + 4 - given, NULL, NULL);
			wrong += (flow_messages_status(&checked.messages) ==
				  0) != (given >= cases[i].least &&
					 given <= cases[i].most);
			checked_free(&checked);
		}
		ok_number(wrong, 0, cases[i].usage);
		free(text);
	}
	checked = check_text("digraph {\ngraph [args=\"FILE [TOP]\"]\n"
			     "f [file=\"$1\"]\nf -> cat\n}",
			     NULL, NULL, NULL);
	text = all_messages(&checked.messages);
	ok_text(text, "64 0 usage: prog FILE [TOP]",
		"a missing argument is one error");
	free(text);
	checked_free(&checked);
}

static void
check_command_option(void)
{
	static char *commands[] = {
		"a=tr a b", "bb=x", "=x", "x", "f=x", NULL
	};
	static char *defines[] = { "x=1", NULL };
	struct checked checked = check_text(
		"digraph {\nb [cmd=cat]\na -> b:x\nf [file=\"/tmp/f\"]\n"
		"f -> ab\nab [cmd=cat]\n}",
		NULL, defines, commands);
	char *text = all_messages(&checked.messages);

	ok_text(text,
		"64 0 --cmd=bb=x: the graph has no node `bb`; did you mean "
		"`ab`?\n"
		"64 0 --cmd==x: NAME=COMMAND is wanted\n"
		"64 0 --cmd=x: NAME=COMMAND is wanted\n"
		"64 0 --cmd=f=x: node `f` is no process\n"
		"65 3 port `b:x`: -D sets a variable of that name",
		"--cmd names a process of the graph");
	ok_text(flow_graph_node(checked.graph, "a")->command, "tr a b",
		"--cmd sets the command");
	free(text);
	checked_free(&checked);
}

/* The argv of NODE as "[a][b]"; in a buffer of its own. */
static const char *
argv_of(const struct checked *checked, const char *name)
{
	const struct flow_node *node = flow_graph_node(checked->graph, name);
	static char text[512];
	size_t used = 0, i;

	text[0] = '\0';
	for (i = 0; node->argv != NULL && node->argv[i] != NULL; i++)
		used += (size_t)snprintf(text + used, sizeof text - used,
					 "[%s]", node->argv[i]);
	return text;
}

static void
check_argv(void)
{
	static char *args[] = { "one", "two 2", NULL };
	struct checked checked = check_text(
		"digraph {\n"
		"\"tr a b\" -> many -> own -> line -> echo -> perl\n"
		"many [cmd=\"cat | sort\"]\n"
		"own [cmd=\"cat\", shell=\"bash -o pipefail -c\"]\n"
		"line [cmd=\"cat -u\", buffer=line]\n"
		"echo [cmd=\"echo x\", buffer=line]\n"
		"perl [cmd=\"print 1\", shell=\"perl -e\", env=\"A=1 B=2 "
		"A='3 4'\", timeout=\"1.5\"]\n"
		"}",
		args, NULL, NULL);
	const struct flow_node *node;

	ok_number((intmax_t)checked.messages.count, 0, "nothing to say");
	ok_text(argv_of(&checked, "tr a b"), "[tr][a][b]",
		"a simple command needs no shell");
	node = flow_graph_node(checked.graph, "tr a b");
	ok(!node->shell && node->path[0] == '/' &&
		   access(node->path, X_OK) == 0,
	   "its path is that of the program");
	ok_text(argv_of(&checked, "many"),
		"[sh][-c][cat | sort][many][one][two 2]",
		"others get sh, the node's name and the arguments");
	node = flow_graph_node(checked.graph, "many");
	ok(node->shell && strcmp(node->path, "/bin/sh") == 0,
	   "the usual shell is /bin/sh");
	ok_text(argv_of(&checked, "own"),
		"[bash][-o][pipefail][-c][cat][own][one][two 2]",
		"shell= is always used");
	ok_text(argv_of(&checked, "line"), "[stdbuf][-oL][cat][-u]",
		"buffer=line goes through stdbuf");
	ok_text(argv_of(&checked, "echo"),
		"[stdbuf][-oL][/bin/sh][-c][echo x][echo][one][two 2]",
		"with the shell's file where there is one");
	node = flow_graph_node(checked.graph, "perl");
	ok(strcmp(node->environment[0], "A=3 4") == 0 &&
		   strcmp(node->environment[1], "B=2") == 0 &&
		   node->environment[2] == NULL,
	   "the last value of a variable counts");
	ok_number(node->timeout, 1500000000, "a time-out is in nanoseconds");
	checked_free(&checked);
}

static void
write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "we");

	if (file == NULL || fputs(text, file) < 0 || fclose(file) != 0) {
		printf("Bail out! %s\n", path);
		exit(1);
	}
}

/* execve(2) refuses such a file, and a shell reads it itself. */
static void
check_bare_script(void)
{
	char folder[] = "/tmp/flow-check-XXXXXX";
	char *path, *text, *wanted;
	struct checked checked;

	if (mkdtemp(folder) == NULL || asprintf(&path, "%s/s", folder) < 0 ||
	    asprintf(&text, "digraph {\nx [cmd=\"%s\"]\n}", path) < 0 ||
	    asprintf(&wanted, "[sh][-c][%s][x]", path) < 0)
		exit(1);
	write_file(path, "echo there is no first line with #!\n");
	chmod(path, 0700);
	checked = check_text(text, NULL, NULL, NULL);
	ok_text(argv_of(&checked, "x"), wanted,
		"a program that only a shell can run gets one");
	checked_free(&checked);
	write_file(path, "#!/bin/sh\n");
	checked = check_text(text, NULL, NULL, NULL);
	ok(!flow_graph_node(checked.graph, "x")->shell,
	   "one that begins with #! needs none");
	checked_free(&checked);
	unlink(path);
	rmdir(folder);
	free(wanted);
	free(text);
	free(path);
}

static void
check_scripts(void)
{
	static char *args[] = { "one", NULL };
	char folder[] = "/tmp/flow-check-XXXXXX";
	char *path, *text, *wanted;
	struct checked checked;
	const struct flow_node *node;

	if (mkdtemp(folder) == NULL || asprintf(&path, "%s/s", folder) < 0 ||
	    asprintf(&text, "digraph { x [script=\"%s/s\"] }", folder) < 0 ||
	    asprintf(&wanted, "[/usr/bin/env][perl -w][%s/s][one]", folder) < 0)
		exit(1);
	write_file(path, "cat |\nsort\n");
	checked = check_text(text, args, NULL, NULL);
	ok_text(argv_of(&checked, "x"), "[sh][-c][cat |\nsort\n][x][one]",
		"a script without #! is the shell's");
	checked_free(&checked);
	write_file(path, "#! /usr/bin/env  perl -w \nprint 1;\n");
	checked = check_text(text, args, NULL, NULL);
	ok_text(argv_of(&checked, "x"), wanted,
		"one with #! is its interpreter's");
	node = flow_graph_node(checked.graph, "x");
	ok_text(node->path, "/usr/bin/env", "which is executed");
	checked_free(&checked);
	write_file(path, "#!/no/such/interpreter\n");
	checked = check_text(text, args, NULL, NULL);
	ok_number(flow_messages_status(&checked.messages), 127,
		  "an interpreter that is not there is 127");
	checked_free(&checked);
	unlink(path);
	rmdir(folder);
	free(wanted);
	free(text);
	free(path);
}

/* Every edge as "a:2->b" with + for elastic and * for implicit. */
static char *
edges_of(const struct flow_graph *graph)
{
	const struct flow_edge *edge;
	char *text = NULL, out[32], in[32];
	size_t size, i;
	FILE *stream = open_memstream(&text, &size);

	for (i = 0; i < graph->edge_count; i++) {
		edge = graph->edges[i];
		fprintf(stream, "%s%s:%s->%s:%s%s%s%s", i > 0 ? " " : "",
			edge->tail->name,
			flow_port_name(&edge->out, out, sizeof out),
			edge->head->name,
			flow_port_name(&edge->in, in, sizeof in),
			edge->elastic ? "+" : "", edge->implicit ? "*" : "",
			edge->merge == FLOW_MERGE_CONCAT ? "=concat" : "");
	}
	fclose(stream);
	return text;
}

static void
gives(const char *promise, const char *body, const char *wanted)
{
	struct checked checked;
	char *text, *got;

	if (asprintf(&text, "digraph {\nnode [cmd=cat]\n%s\n}\n", body) < 0)
		exit(1);
	checked = check_text(text, NULL, NULL, NULL);
	got = edges_of(checked.graph);
	if (!ok(strcmp(got, wanted) == 0 && checked.messages.errors == 0, "%s",
		promise)) {
		tap_note("got:    %s", got);
		tap_note("wanted: %s", wanted);
	}
	free(got);
	checked_free(&checked);
	free(text);
}

static void
check_edges(void)
{
	gives("the last of a chain writes to stdout", "a -> b",
	      "a:out->b:in b:out->stdout:in*");
	gives("implicit edges come last, in the order of the file",
	      "b\na\na:2 -> stdout",
	      "a:err->stdout:in b:out->stdout:in* a:out->stdout:in*");
	gives("err= is an edge of its own, not onto its own target",
	      "node [err=log]\na -> log",
	      "a:out->log:in a:err->log:in* log:out->stdout:in*");
	gives("err=stderr", "a [err=stderr]",
	      "a:err->stderr:in* a:out->stdout:in*");
	gives("a diamond is elastic where it forks",
	      "a -> b -> d\na -> c -> d\na -> e",
	      "a:out->b:in+ b:out->d:in a:out->c:in+ c:out->d:in a:out->e:in+ "
	      "d:out->stdout:in* e:out->stdout:in*");
	gives("a fork into files meets nowhere",
	      "f [file=\"/tmp/f\"]\ng [file=\"/tmp/g\"]\n"
	      "a -> b -> f\na -> c -> g",
	      "a:out->b:in b:out->f:in a:out->c:in c:out->g:in");
	gives("readers of one file do not wait for each other",
	      "f [file=\"/tmp/f\"]\nf -> a -> c\nf -> b -> c",
	      "f:out->a:in a:out->c:in f:out->b:in b:out->c:in "
	      "c:out->stdout:in*");
	gives("readers of stdin do", "stdin -> a -> c\nstdin -> b -> c",
	      "stdin:out->a:in+ a:out->c:in stdin:out->b:in+ b:out->c:in "
	      "c:out->stdout:in*");
	gives("writers of stdout meet there", "a -> b\na -> c",
	      "a:out->b:in+ a:out->c:in+ b:out->stdout:in* c:out->stdout:in*");
	gives("two ports fork as one does", "a -> b\na:2 -> b:3",
	      "a:out->b:in+ a:err->b:3+ b:out->stdout:in*");
	gives("a ring alone is not elastic",
	      "a -> b\nb:3 -> a [back=true]\nb -> c",
	      "a:out->b:in b:3->a:in b:out->c:in c:out->stdout:in*");
	gives("an edge takes the merge that another of its port has",
	      "a -> c [merge=concat]\nb -> c",
	      "a:out->c:in=concat b:out->c:in=concat c:out->stdout:in*");
	gives("implicit edges too", "a -> stdout [merge=concat]\nb",
	      "a:out->stdout:in=concat b:out->stdout:in*=concat");
}

static void
check_order(void)
{
	struct checked checked =
		check_text("digraph {\nnode [cmd=cat]\na -> d\nb -> d [nth=2]\n"
			   "c -> d [nth=1]\n}",
			   NULL, NULL, NULL);
	const struct flow_node *node = flow_graph_node(checked.graph, "d");

	ok(strcmp(node->in[0]->tail->name, "c") == 0 &&
		   strcmp(node->in[1]->tail->name, "b") == 0 &&
		   strcmp(node->in[2]->tail->name, "a") == 0,
	   "nth orders what comes in, the others follow");
	checked_free(&checked);
}

static void
check_all_at_once(void)
{
	says("everything that is wrong is told in one go",
	     "cat:0 -> sort\nsort -> tac [back=true]\nx [cmd=\"nonesuch\"]\n"
	     "cat [timeout=\"never\"]",
	     "65 2 node `cat`: timeout=`never` is no duration such as 1.5, "
	     "500ms, 2m or 1h\n"
	     "65 2 `cat:0 -> sort`: descriptor 0 of `cat` is its input\n"
	     "65 3 `sort -> tac` is marked back=true and closes no cycle\n"
	     "127 4 node `x`: command `nonesuch` not found");
}

/* 1,000 nodes and 10,000 edges. */
static void
check_large(void)
{
	struct checked checked;
	char *text = NULL;
	size_t size, i, j;
	FILE *out = open_memstream(&text, &size);
	clock_t start;

	fputs("digraph {\nnode [cmd=cat]\n", out);
	for (i = 0; i < 1000; i++)
		for (j = 1; j <= 10; j++)
			if (i + j < 1000)
				fprintf(out, "n%zu -> n%zu\n", i, i + j);
	fputs("}\n", out);
	fclose(out);
	start = clock();
	checked = check_text(text, NULL, NULL, NULL);
	tap_note("read and checked in %.1f ms",
		 (double)(clock() - start) * 1e3 / CLOCKS_PER_SEC);
	ok(checked.messages.count == 0 && checked.graph->edge_count == 9946 &&
		   checked.graph->edges[0]->elastic,
	   "a graph of 1,000 nodes and 10,000 edges");
	checked_free(&checked);
	free(text);
}

int
main(void)
{
	unsetenv("NONE");
	setenv("PATH", "/usr/local/bin:/usr/bin:/bin", 1);
	check_cycles();
	check_ends();
	check_files();
	check_policies();
	check_splits();
	check_ordered();
	check_replicas();
	check_err();
	check_words();
	check_values();
	check_usage();
	check_command_option();
	check_argv();
	check_bare_script();
	check_scripts();
	check_edges();
	check_order();
	check_all_at_once();
	check_large();
	return tap_done();
}
