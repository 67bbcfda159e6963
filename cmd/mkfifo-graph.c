/* SPDX-License-Identifier: GPL-3.0-or-later */
/* mkfifo-graph: runs a graph of commands that a DOT file describes. */
#include "config.h"

#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "check.h"
#include "graph.h"
#include "history.h"
#include "include.h"
#include "io.h"
#include "pictures.h"
#include "plan.h"
#include "run.h"
#include "show.h"
#include "sight.h"
#include "size.h"
#include "start.h"
#include "visit.h"

enum { LARGEST_REPORT = 1 << 30 }; /* bytes */

enum action { RUN, CHECK, DRY_RUN, DOT, MAKE, UNMAKE, STATUS, PEEK, SIGNAL };

struct options {
	enum action action;
	const char *file; /* the graph's; NULL with expression */
	const char *expression;
	const char *folder; /* of --make and --unmake */
	const char
		*what; /* of --peek and --signal: RUN:EDGE, RUN:NODE:SIGNAL */
	const char *output; /* stands for standard output, or NULL */
	const char
		*report; /* file for the JSON, "-": standard output, or NULL */
	const char *from; /* report of an earlier run to draw, or NULL */
	const char *perfetto; /* file for the trace, or NULL */
	int64_t timeout; /* nanoseconds; 0: none */
	bool fail_fast, tag, trace, progress, json;
	char **defines, **commands, **draw; /* NULL-terminated */
	char *const *args; /* the graph's; NULL-terminated */
};

enum {
	OPTION_CMD = 256,
	OPTION_MAKE,
	OPTION_UNMAKE,
	OPTION_FAIL_FAST,
	OPTION_TAG,
	OPTION_REPORT,
	OPTION_DRAW,
	OPTION_FROM,
	OPTION_PERFETTO,
	OPTION_STATUS,
	OPTION_JSON,
	OPTION_PEEK,
	OPTION_SIGNAL
};

static const struct argp_option option_table[] = {
	{ "expression", 'e', "GRAPH", 0,
	  "The graph itself; `digraph { }' may be left out", 0 },
	{ "cmd", OPTION_CMD, "NAME=COMMAND", 0, "A node's command", 0 },
	{ "check", 'c', NULL, 0,
	  "Parse and check, start nothing; silent when right", 0 },
	{ "dry-run", 'n', NULL, 0,
	  "Print the plan: processes, objects, descriptors", 0 },
	{ "dot", 'd', NULL, 0, "Print the graph as it will run, for dot(1)",
	  0 },
	{ "make", OPTION_MAKE, "DIR", 0,
	  "Make the graph's FIFOs in DIR and print their names", 0 },
	{ "unmake", OPTION_UNMAKE, "DIR", 0, "Remove them again", 0 },
	{ "define", 'D', "NAME=VALUE", 0,
	  "A variable for every command and for ${NAME}", 0 },
	{ "output", 'o', "FILE", 0,
	  "Standard output as a file that appears on success only", 0 },
	{ "timeout", 't', "DURATION", 0,
	  "End the run after so long (1.5, 500ms, 2m, 1h)", 0 },
	{ "fail-fast", OPTION_FAIL_FAST, NULL, 0,
	  "End the run at the first failure", 0 },
	{ "tag", OPTION_TAG, NULL, 0,
	  "Prefix the nodes' standard error with their names", 0 },
	{ "trace-commands", 'x', NULL, 0, "Print each command as it is started",
	  0 },
	{ "progress", 'p', NULL, 0,
	  "Show what each node and edge does while it runs", 0 },
	{ "report", OPTION_REPORT, "FILE", 0, "Write the run to FILE as JSON",
	  0 },
	{ "draw", OPTION_DRAW, "FILE", 0,
	  "Draw what happened: FILE.svg, FILE.png or FILE.html", 0 },
	{ "perfetto", OPTION_PERFETTO, "FILE", 0,
	  "Write the run to FILE in the Trace Event format", 0 },
	{ "from", OPTION_FROM, "REPORT", 0,
	  "Run nothing; draw the run of which this is the report", 0 },
	{ "status", OPTION_STATUS, NULL, 0, "List your graphs that run", 0 },
	{ "json", OPTION_JSON, NULL, 0, "With --status: as JSON", 0 },
	{ "peek", OPTION_PEEK, "RUN:EDGE", 0,
	  "Print what waits in the pipe of an edge, and leave it there", 0 },
	{ "signal", OPTION_SIGNAL, "RUN:NODE:SIG", 0,
	  "Send a signal to a node of a graph that runs", 0 },
	{ 0 }
};

/* Appends WORD to the NULL-terminated LIST. */
static void
append(char ***list, char *word)
{
	size_t count = 0;

	while ((*list)[count])
		count++;
	*list = realloc(*list, (count + 2) * sizeof(**list));
	if (!*list)
		abort();
	(*list)[count] = word;
	(*list)[count + 1] = NULL;
}

/* What --draw and the like can do together. */
static void
check_drawing(const struct options *options, struct argp_state *state)
{
	bool draws = options->draw[0] || options->perfetto;

	if (options->from && !draws)
		argp_error(state, "--from: wanted --draw or --perfetto too");
	if (options->from && options->report)
		argp_error(state, "--report is of a run, and with --from "
				  "there is none");
	if (draws && options->action != RUN)
		argp_error(state,
			   "--draw and --perfetto are of a run, and with "
			   "--check, --dry-run, --dot, --make or --unmake "
			   "there is none");
	if (options->from && options->file && strcmp(options->from, "-") == 0 &&
	    strcmp(options->file, "-") == 0)
		argp_error(state, "the graph and the report cannot both be "
				  "standard input");
}

/* -D NAME=VALUE: NAME must be one that a shell takes. */
static void
check_define(const char *text, struct argp_state *state)
{
	static const char letters[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_";
	static const char more[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQ"
				   "RSTUVWXYZ_0123456789";
	size_t length = strspn(text, letters) ? strspn(text, more) : 0;

	if (!length || text[length] != '=')
		argp_error(state, "-D %s: wanted NAME=VALUE", text);
}

/* The options that show or tell what happens, or that look at other runs. */
static error_t
parse_sight(int key, char *arg, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case 'p':
		options->progress = true;
		break;
	case OPTION_REPORT:
		if (!*arg)
			argp_error(state,
				   "--report: wanted the name of a file, or -");
		options->report = arg;
		break;
	case OPTION_DRAW:
		if (!flow_pictures_known(arg))
			argp_error(state,
				   "--draw=%s: wanted FILE.svg, FILE.png or "
				   "FILE.html",
				   arg);
		append(&options->draw, arg);
		break;
	case OPTION_FROM:
	case OPTION_PERFETTO:
		if (!*arg)
			argp_error(state, "--%s: wanted the name of a file",
				   key == OPTION_FROM ? "from" : "perfetto");
		*(key == OPTION_FROM ? &options->from : &options->perfetto) =
			arg;
		break;
	case OPTION_STATUS:
		options->action = STATUS;
		break;
	case OPTION_JSON:
		options->json = true;
		break;
	case OPTION_PEEK:
	case OPTION_SIGNAL:
		options->action = key == OPTION_PEEK ? PEEK : SIGNAL;
		options->what = arg;
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static error_t
parse_option(int key, char *arg, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case 'e':
		if (options->expression)
			argp_error(state, "-e twice: there is one graph");
		options->expression = arg;
		break;
	case OPTION_CMD:
		append(&options->commands, arg);
		break;
	case 'c':
		options->action = CHECK;
		break;
	case 'n':
		options->action = DRY_RUN;
		break;
	case 'd':
		options->action = DOT;
		break;
	case OPTION_MAKE:
	case OPTION_UNMAKE:
		options->action = key == OPTION_MAKE ? MAKE : UNMAKE;
		options->folder = arg;
		break;
	case 'D':
		check_define(arg, state);
		append(&options->defines, arg);
		break;
	case 'o':
		if (!*arg)
			argp_error(state, "-o: wanted the name of a file");
		options->output = strcmp(arg, "-") == 0 ? NULL : arg;
		break;
	case 't':
		if (flow_duration_parse(arg, &options->timeout) < 0 ||
		    options->timeout == 0)
			argp_error(state,
				   "-t %s: no duration; wanted such as 1.5, "
				   "500ms, 2m, 1h",
				   arg);
		break;
	case OPTION_FAIL_FAST:
		options->fail_fast = true;
		break;
	case OPTION_TAG:
		options->tag = true;
		break;
	case 'x':
		options->trace = true;
		break;
	case ARGP_KEY_ARG:
		if (options->action >= STATUS)
			argp_error(state, "%s: no graph is wanted here", arg);
		/* the graph's own arguments may look like options */
		if (!options->expression)
			options->file = arg;
		options->args = state->argv + state->next -
				(options->expression != NULL);
		state->next = state->argc;
		break;
	case ARGP_KEY_END:
		if (options->action < STATUS && !options->file &&
		    !options->expression)
			argp_error(
				state,
				"no graph: name a file, or give one with -e");
		check_drawing(options, state);
		break;
	default:
		return parse_sight(key, arg, state);
	}
	return 0;
}

static const struct argp argp = {
	.options = option_table,
	.parser = parse_option,
	.args_doc = "FILE [ARG...]\n-e GRAPH [ARG...]",
	.doc = "Run the graph of commands that the DOT file FILE describes; "
	       "- is standard input.\v"
	       "The language is described in mkfifo-graph(5).",
};

static struct flow_graph *
read_graph(const struct options *options, struct flow_messages *messages)
{
	struct flow_graph *graph;
	FILE *stream;

	if (options->expression) {
		messages->source = "-e";
		/* fmemopen refuses an empty buffer */
		stream = *options->expression
				 ? fmemopen((void *)options->expression,
					    strlen(options->expression), "r")
				 : fopen("/dev/null", "re");
	} else if (strcmp(options->file, "-") == 0) {
		messages->source = "standard input";
		stream = stdin;
	} else {
		messages->source = options->file;
		stream = fopen(options->file, "re");
	}
	if (!stream) {
		flow_complain("cannot read %s: %s", messages->source,
			      strerror(errno));
		exit(flow_error_status_read(errno));
	}
	graph = flow_graph_read(stream, messages->source,
				options->expression != NULL, messages);
	if (stream != stdin)
		fclose(stream);
	return graph;
}

/* The graph, checked; ends the command when it is not one that can run. */
static struct flow_graph *
load_graph(const struct options *options)
{
	struct flow_messages messages = { 0 };
	struct flow_graph *graph = read_graph(options, &messages);
	struct flow_values values = {
		.defines = options->defines,
		.commands = options->commands,
		.args = options->args,
		.program = options->file ? options->file
					 : program_invocation_short_name,
		.names_only = options->action == MAKE ||
			      options->action == UNMAKE || options->from,
	};
	int status;

	if (graph && flow_include(graph, &messages) == 0)
		flow_check(graph, &values, &messages);
	flow_messages_sort(&messages);
	flow_complain_all(&messages);
	status = flow_messages_status(&messages);
	flow_messages_clear(&messages);
	if (status || !graph)
		exit(status ? status : EX_DATAERR);
	return graph;
}

/* A quarter of what an ordinary user's pipes may hold together, for one run. */
static uint64_t
pipe_budget(void)
{
	FILE *file = fopen("/proc/sys/fs/pipe-user-pages-soft", "re");
	unsigned long pages = 16384;

	if (file) {
		if (fscanf(file, "%lu", &pages) != 1 || pages == 0)
			pages = 16384; /* 0: no limit */
		fclose(file);
	}
	return (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE) / 4;
}

/* Is standard input a regular file that each reader can open for itself? */
static bool
stdin_reopens(void)
{
	struct stat st;
	int fd;

	if (fstat(STDIN_FILENO, &st) < 0 || !S_ISREG(st.st_mode))
		return false;
	fd = open("/proc/self/fd/0", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	close(fd);
	return true;
}

static void
warn_of_unread_input(const struct flow_graph *graph)
{
	const struct flow_node *node = flow_graph_node(graph, "stdin");
	struct stat st;

	if ((node && node->out_count) || fstat(STDIN_FILENO, &st) < 0)
		return;
	if (S_ISFIFO(st.st_mode) || (S_ISREG(st.st_mode) && st.st_size > 0))
		flow_complain("warning: standard input is not read: no edge "
			      "leaves `stdin'");
}

static int
open_report(const char *path)
{
	int fd;

	if (!path)
		return -1;
	if (strcmp(path, "-") == 0)
		return fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (fd < 0) {
		flow_complain("cannot create report %s: %s", path,
			      strerror(errno));
		exit(flow_error_status_create(errno));
	}
	return fd;
}

static _Noreturn void
die_of(int signal)
{
	sigset_t one;

	sigemptyset(&one);
	sigaddset(&one, signal);
	sigprocmask(SIG_UNBLOCK, &one, NULL);
	raise(signal);
	_exit(128 + signal); /* it was ignored */
}

/* The files of --draw and --perfetto; NULL: none are asked for. */
static struct flow_pictures *
open_pictures(const struct options *options)
{
	struct flow_error error = { 0 };
	struct flow_pictures *pictures;

	if (!options->draw[0] && !options->perfetto)
		return NULL;
	pictures = flow_pictures_open(options->draw, options->perfetto, &error);
	if (!pictures) {
		flow_complain("%s", error.text);
		exit(error.status);
	}
	return pictures;
}

/* Draws the run whose report can be read from FD. Its status. */
static int
draw(struct flow_pictures *pictures, const struct flow_graph *graph, int fd,
     const char *source)
{
	struct flow_error error = { 0 };
	struct flow_history history;
	size_t length;
	char *report = flow_io_slurp(fd, LARGEST_REPORT, &length);

	if (!report)
		flow_error_set(&error, flow_error_status_read(errno),
			       "cannot read report %s: %s", source,
			       strerror(errno));
	else if (flow_history_read(&history, report, length, source, &error) ==
		 0) {
		if (flow_history_match(&history, graph, &error) == 0)
			flow_pictures_write(pictures, graph, &history, &error);
		flow_history_clear(&history);
	}
	free(report);
	if (error.text)
		flow_complain("%s", error.text);
	return error.status;
}

/* --from: nothing is run. */
static int
draw_earlier(const struct options *options, const struct flow_graph *graph)
{
	bool standard = strcmp(options->from, "-") == 0;
	const char *source = standard ? "from standard input" : options->from;
	int fd = standard ? STDIN_FILENO
			  : open(options->from, O_RDONLY | O_CLOEXEC);
	struct flow_pictures *pictures;
	int status;

	if (fd < 0) {
		flow_complain("cannot read report %s: %s", source,
			      strerror(errno));
		return flow_error_status_read(errno);
	}
	pictures = open_pictures(options);
	status = draw(pictures, graph, fd, source);
	flow_pictures_close(pictures);
	return status;
}

/* Memory for the report that is to be drawn. */
static int
open_memory(void)
{
	int fd = memfd_create("report", MFD_CLOEXEC);

	if (fd < 0) {
		flow_complain("cannot keep the report: %s", strerror(errno));
		exit(EX_OSERR);
	}
	return fd;
}

/* After a run, which ended with STATUS: that, unless only the drawing failed. */
static int
draw_run(struct flow_pictures *pictures, const struct flow_graph *graph,
	 int memory, int status)
{
	int drawn;

	if (lseek(memory, 0, SEEK_END) == 0) {
		flow_complain(
			"nothing is drawn: there is no report of the run");
		return status;
	}
	lseek(memory, 0, SEEK_SET);
	drawn = draw(pictures, graph, memory, "of this run");
	return status ? status : drawn;
}

static int
run(const struct options *options, const struct flow_plan *plan)
{
	bool draws = options->draw[0] || options->perfetto;
	struct flow_run_options run_options = {
		.timeout = options->timeout,
		.fail_fast = options->fail_fast,
		.trace = options->trace,
		.report = open_report(options->report),
		.memory = draws ? open_memory() : -1,
		.say = flow_complain,
	};
	struct flow_pictures *pictures = open_pictures(options);
	struct flow_error error = { 0 };
	sigset_t mask;
	int status;

	if (options->progress) {
		run_options.board = flow_board_make(plan);
		if (!run_options.board)
			flow_complain("warning: cannot show the progress: %s",
				      strerror(errno));
	}

	if (!options->file || strcmp(options->file, "-") != 0)
		warn_of_unread_input(plan->graph);
	sigprocmask(SIG_BLOCK, NULL, &mask);
	status = flow_run(plan, &run_options, &error);
	if (error.text)
		flow_complain("%s", error.text);
	if (pictures) {
		sigprocmask(SIG_SETMASK, &mask,
			    NULL); /* Ctrl-C ends this too */
		status = draw_run(pictures, plan->graph, run_options.memory,
				  status);
		flow_pictures_close(pictures);
	}
	if (status < 0)
		die_of(-status);
	return status;
}

static int
name_fifos(const struct options *options, const struct flow_graph *graph)
{
	struct flow_error error = { 0 };
	int bad = options->action == MAKE
			  ? flow_make_fifos(graph, options->folder, stdout,
					    &error)
			  : flow_unmake_fifos(graph, options->folder, &error);

	if (bad)
		flow_complain("%s", error.text);
	return bad ? error.status : 0;
}

/* --status, --peek, --signal: of graphs that run already. */
static int
visit(const struct options *options)
{
	struct flow_error error = { 0 };
	int result;

	if (options->action == STATUS)
		result = flow_visit_list(options->json, stdout, &error);
	else if (options->action == PEEK)
		result = flow_visit_peek(options->what, stdout, &error);
	else
		result = flow_visit_signal(options->what, &error);
	if (result < 0) {
		flow_complain("%s", error.text);
		return error.status;
	}
	return options->action == STATUS && result == 0 ? 1 : 0;
}

int
main(int argc, char **argv)
{
	struct options options = {
		.defines = calloc(1, sizeof(char *)),
		.commands = calloc(1, sizeof(char *)),
		.draw = calloc(1, sizeof(char *)),
		.args = argv + argc,
	};
	struct flow_plan_options plan_options;
	struct flow_graph *graph;
	struct flow_plan *plan;
	int status = 0;

	flow_start(argv[0]);
	argv[0] = program_invocation_short_name; /* as in all messages */
	argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &options);
	if (options.action >= STATUS)
		return visit(&options);
	for (size_t i = 0; options.defines[i]; i++)
		putenv(options.defines[i]);
	graph = load_graph(&options);
	if (options.action == CHECK)
		return 0;
	if (options.action == MAKE || options.action == UNMAKE)
		return name_fifos(&options, graph);
	if (options.from)
		return draw_earlier(&options, graph);
	plan_options = (struct flow_plan_options){
		.output = options.output,
		.tag = options.tag,
		.stdin_regular = stdin_reopens(),
		.pipe_budget = pipe_budget(),
	};
	plan = flow_plan_make(graph, &plan_options);
	if (options.action == DRY_RUN)
		flow_show_plan(plan, stdout);
	else if (options.action == DOT)
		flow_show_dot(plan, stdout);
	else
		status = run(&options, plan);
	flow_plan_free(plan);
	flow_graph_free(graph);
	return status;
}
