/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * plan: text of a graph in, the plan out as text: a line a process, with what
 * each of its descriptors is, then a line a pipe and a line a file.
 *
 *	a/0: 1=w0 0=null 2=err		process a of rank 0; 1 writes pipe 0
 *	copy of a/1: r0 > w1 w2		a relay: inputs, then outputs
 *	| 0 a:out -> b:in		pipe 0
 *	= 0 commit /tmp/x by b		file 0
 */
#include "config.h"

#include <stdlib.h>

#include "check.h"
#include "graph.h"
#include "plan.h"
#include "tap.h"

static char *none[] = { NULL };

struct planned {
	struct flow_graph *graph;
	struct flow_plan *plan;
};

/* The plan of the graph BODY, whose nodes are all "cat" where they are commands. */
static struct planned
plan_body(const char *body, const struct flow_plan_options *options)
{
	struct flow_values values = {
		.defines = none,
		.commands = none,
		.args = none,
		.program = "prog",
	};
	struct flow_messages messages = { .source = "g" };
	struct planned planned;
	FILE *stream;
	char *text;

	if (asprintf(&text, "digraph {\nnode [cmd=cat]\n%s\n}\n", body) < 0)
		exit(1);
	stream = fmemopen(text, strlen(text), "r");
	planned.graph = flow_graph_read(stream, "g", false, &messages);
	fclose(stream);
	free(text);
	if (planned.graph != NULL)
		flow_check(planned.graph, &values, &messages);
	if (planned.graph == NULL || messages.errors > 0) {
		printf("Bail out! %s: %s\n", body, messages.list[0].text);
		exit(1);
	}
	flow_messages_clear(&messages);
	planned.plan = flow_plan_make(planned.graph, options);
	return planned;
}

static void
planned_free(struct planned *planned)
{
	flow_plan_free(planned->plan);
	flow_graph_free(planned->graph);
}

static void
show_place(FILE *out, const struct flow_place *place)
{
	static const char *const standard[] = { "in", "out", "err" };

	putc(' ', out);
	if (place->variable != NULL && place->fd < 0)
		fprintf(out, "%s@path=", place->variable);
	else if (place->variable != NULL)
		fprintf(out, "%s@%d=", place->variable, place->fd);
	else if (place->fd >= 0)
		fprintf(out, "%d=", place->fd);
	switch (place->thing) {
	case FLOW_THING_NULL:
		fputs("null", out);
		break;
	case FLOW_THING_STANDARD:
		fputs(standard[place->index], out);
		break;
	case FLOW_THING_STDIN_AGAIN:
		fputs("again", out);
		break;
	case FLOW_THING_PIPE_READ:
		fprintf(out, "r%u", place->index);
		break;
	case FLOW_THING_PIPE_WRITE:
		fprintf(out, "w%u", place->index);
		break;
	case FLOW_THING_DEALS_READ:
		fprintf(out, "dr%u", place->index);
		break;
	case FLOW_THING_DEALS_WRITE:
		fprintf(out, "dw%u", place->index);
		break;
	case FLOW_THING_FILE:
		fprintf(out, "f%u", place->index);
		break;
	}
}

static void
show_process(FILE *out, const struct flow_process *process)
{
	static const char *const splits[] = { "", " lines", " any", " hash",
					      " key" };
	static const char *const merges[] = { "", " concat", " ordered",
					      " sorted", " zip" };
	const struct flow_branch *branch;
	size_t i;

	fprintf(out, "%s/%d:%s%s", process->name, process->rank,
		splits[process->split], merges[process->merge]);
	for (i = 0; i < process->place_count; i++) {
		if (process->kind == FLOW_PROCESS_COMMAND ||
		    i < process->input_count) {
			show_place(out, &process->places[i]);
			continue;
		}
		if (i == process->input_count)
			fputs(" >", out);
		show_place(out, &process->places[i]);
		if (process->places[i].thing == FLOW_THING_DEALS_READ ||
		    process->places[i].thing == FLOW_THING_DEALS_WRITE ||
		    process->kind == FLOW_PROCESS_KEY)
			continue;
		branch = &process->branches[i - process->input_count];
		if (branch->from > 0)
			fprintf(out, "#%u", branch->from);
		fputs(branch->elastic ? "+" : "", out);
	}
	putc('\n', out);
}

static const char *
process_name(const struct flow_plan *plan, uint32_t index)
{
	return index != FLOW_NONE ? plan->processes[index].name : "nobody";
}

/* Whether the ends of a pipe are where the pipe says they are. */
static bool
ends_agree(const struct flow_plan *plan, uint32_t index)
{
	const struct flow_process *process;
	size_t i, j, reads = 0, writes = 0;
	bool right = true;

	for (i = 0; i < plan->process_count; i++) {
		process = &plan->processes[i];
		for (j = 0; j < process->place_count; j++) {
			if (process->places[j].index != index)
				continue;
			if (flow_place_end(&process->places[j]) == 0) {
				reads++;
				right &= plan->pipes[index].reader == i;
			}
			if (flow_place_end(&process->places[j]) == 1) {
				writes++;
				right &= plan->pipes[index].writer == i;
			}
		}
	}
	return right && reads == 1 && writes == 1;
}

static void
show_pipe(FILE *out, const struct flow_plan *plan, uint32_t index)
{
	const struct flow_pipe *pipe = &plan->pipes[index];

	fprintf(out, "| %u %s -> %s%s%s%s%s%s%s\n", index, pipe->from, pipe->to,
		pipe->kind == FLOW_PIPE_FIFO ? " fifo" : "",
		pipe->path_write ? " path-write" : "",
		pipe->path_read ? " path-read" : "", pipe->hold ? " hold" : "",
		pipe->probe ? " probe" : "",
		ends_agree(plan, index) ? "" : " ENDS DIFFER");
}

/* All of PLAN as text; owned. */
static char *
plan_text(const struct flow_plan *plan)
{
	static const char *const modes[] = { "read", "commit", "append", "live",
					     "live-append" };
	const struct flow_planned_file *file;
	char *text = NULL;
	size_t size, i;
	FILE *out = open_memstream(&text, &size);

	for (i = 0; i < plan->process_count; i++)
		show_process(out, &plan->processes[i]);
	for (i = 0; i < plan->pipe_count; i++)
		show_pipe(out, plan, (uint32_t)i);
	for (i = 0; i < plan->file_count; i++) {
		file = &plan->files[i];
		fprintf(out, "= %zu %s %s by %s\n", i, modes[file->mode],
			file->path, process_name(plan, file->process));
	}
	fclose(out);
	return text;
}

static void
plans_with(const char *promise, const struct flow_plan_options *options,
	   const char *body, const char *wanted)
{
	struct planned planned = plan_body(body, options);
	char *got = plan_text(planned.plan);

	if (!ok(strcmp(got, wanted) == 0, "%s", promise)) {
		tap_note("got:    %s", got);
		tap_note("wanted: %s", wanted);
	}
	free(got);
	planned_free(&planned);
}

static void
plans(const char *promise, const char *body, const char *wanted)
{
	struct flow_plan_options options = { .output = NULL };

	plans_with(promise, &options, body, wanted);
}

/*
 * Who carries the edge from TAIL to HEAD: source, copy, pipe, merge,
 * merged, sink and file, "-" for none. In a buffer of its own.
 */
static const char *
route_of(const struct flow_plan *plan, const char *tail, const char *head)
{
	static char text[256];
	const struct flow_edge *edge;
	size_t i, j, used;

	for (i = 0; i < plan->graph->edge_count; i++) {
		const struct flow_route *r = &plan->routes[i];
		const uint32_t parts[] = { r->source, r->copy,	 r->pipe,
					   r->merge,  r->merged, r->sink,
					   r->file };

		edge = plan->graph->edges[i];
		if (strcmp(edge->tail->name, tail) != 0 ||
		    strcmp(edge->head->name, head) != 0)
			continue;
		for (j = 0, used = 0; j < 7; j++)
			used += (size_t)snprintf(
				text + used, sizeof text - used,
				parts[j] == FLOW_NONE ? "%s-" : "%s%u",
				j > 0 ? " " : "", parts[j]);
		return text;
	}
	return "no such edge";
}

static void
check_lines(void)
{
	plans("a chain has a pipe an edge", "a -> b -> c",
	      "a/0: 1=w0 0=null 2=err\n"
	      "b/4: 0=r0 1=w1 2=err\n"
	      "c/8: 0=r1 1=out 2=err\n"
	      "| 0 a:out -> b:in\n"
	      "| 1 b:out -> c:in\n");
	plans("descriptors by number, and no second error output",
	      "a:2 -> b:3\na -> b",
	      "a/0: 2=w2 1=w3 0=null\n"
	      "copy of a/1: r2 r3 > w0+ w1#1+\n"
	      "b/4: 3=r0 0=r1 1=out 2=err\n"
	      "| 0 a:err -> b:3\n"
	      "| 1 a:out -> b:in\n"
	      "| 2 a:err -> copy of a\n"
	      "| 3 a:out -> copy of a\n");
	plans("a back edge is no reason for a rank",
	      "a -> b\nb:3 -> a [back=true]",
	      "a/0: 0=r1 1=w0 2=err\n"
	      "b/4: 0=r0 3=w1 1=out 2=err\n"
	      "| 0 a:out -> b:in\n"
	      "| 1 b:3 -> a:in\n");
	plans("err= is an edge", "a [err=b]\nb",
	      "a/0: 2=w0 1=w1 0=null\n"
	      "b/4: 0=r0 1=w2 2=err\n"
	      "merge into stdout/7: r1 r2 > out\n"
	      "| 0 a:err -> b:in\n"
	      "| 1 a:out -> stdout:in\n"
	      "| 2 b:out -> stdout:in\n");
}

static void
check_operators(void)
{
	plans("a split by records, and what undoes it",
	      "a -> {b c} [split=lines]\n{c b} -> d [merge=ordered]",
	      "a/0: 1=w4 0=null 2=err\n"
	      "split of a/1: lines r4 > w0+ w1+ dw6\n"
	      "b/4: 0=r0 1=w2 2=err\n"
	      "c/4: 0=r1 1=w3 2=err\n"
	      "merge into d/7: ordered r2 r3 > w5 dr6\n"
	      "d/8: 0=r5 1=out 2=err\n"
	      "| 0 a:out -> b:in\n"
	      "| 1 a:out -> c:in\n"
	      "| 2 b:out -> d:in\n"
	      "| 3 c:out -> d:in\n"
	      "| 4 a:out -> split of a\n"
	      "| 5 merge into d -> d:in\n"
	      "| 6 split of a -> merge into d\n");
	plans("a file of each key",
	      "f [file=\"/tmp/{key}\"]\n"
	      "a -> f [split=key]",
	      "a/0: 1=w0 0=null 2=err\n"
	      "split of a/1: key r0 > f0\n"
	      "| 0 a:out -> split of a\n"
	      "= 0 commit /tmp/{key} by split of a\n");
	plans("a split of a file is read by its relay",
	      "f [file=\"/tmp/f\"]\nf -> {a b} [split=hash]",
	      "split of f/1: hash f0 > w0+ w1+\n"
	      "a/4: 0=r0 1=w2 2=err\n"
	      "b/4: 0=r1 1=w3 2=err\n"
	      "merge into stdout/7: r2 r3 > out\n"
	      "| 0 f:out -> a:in\n"
	      "| 1 f:out -> b:in\n"
	      "| 2 a:out -> stdout:in\n"
	      "| 3 b:out -> stdout:in\n"
	      "= 0 read /tmp/f by split of f\n");
	plans("a copy that may drop is a split",
	      "a -> {b c} [slow=drop]\nb -> stdout\nf [file=\"/tmp/f\"]\n"
	      "c -> f",
	      "a/0: 1=w2 0=null 2=err\n"
	      "split of a/1: r2 > w0 w1\n"
	      "b/4: 0=r0 1=out 2=err\n"
	      "c/4: 0=r1 1=f0 2=err\n"
	      "| 0 a:out -> b:in\n"
	      "| 1 a:out -> c:in\n"
	      "| 2 a:out -> split of a\n"
	      "= 0 commit /tmp/f by c\n");
	plans("replicas are one process that runs them",
	      "a -> b -> c\nb [replicas=4]",
	      "a/0: 1=w0 0=null 2=err\n"
	      "b/4: 0=r0 > 1=w1 2=err\n"
	      "c/8: 0=r1 1=out 2=err\n"
	      "| 0 a:out -> b:in\n"
	      "| 1 b:out -> c:in\n");
}

static void
check_relays(void)
{
	plans("a fan has a copy after its node", "a -> {b c}",
	      "a/0: 1=w4 0=null 2=err\n"
	      "copy of a/1: r4 > w0+ w1+\n"
	      "b/4: 0=r0 1=w2 2=err\n"
	      "c/4: 0=r1 1=w3 2=err\n"
	      "merge into stdout/7: r2 r3 > out\n"
	      "| 0 a:out -> b:in\n"
	      "| 1 a:out -> c:in\n"
	      "| 2 b:out -> stdout:in\n"
	      "| 3 c:out -> stdout:in\n"
	      "| 4 a:out -> copy of a\n");
	plans("a fan-in has a merge before its node",
	      "{a b} -> c:3 [merge=concat]",
	      "a/0: 1=w0 0=null 2=err\n"
	      "b/0: 1=w1 0=null 2=err\n"
	      "merge into c/3: concat r0 r1 > w2\n"
	      "c/4: 3=r2 1=out 0=null 2=err\n"
	      "| 0 a:out -> c:3\n"
	      "| 1 b:out -> c:3\n"
	      "| 2 merge into c -> c:3\n");
	plans("a merge and a copy",
	      "{a b} -> m -> {c d}\nc -> stdout\n"
	      "f [file=\"/tmp/f\"]\nd -> f",
	      "a/0: 1=w0 0=null 2=err\n"
	      "b/0: 1=w1 0=null 2=err\n"
	      "merge into m/3: r0 r1 > w4\n"
	      "m/4: 0=r4 1=w5 2=err\n"
	      "copy of m/5: r5 > w2 w3\n"
	      "c/8: 0=r2 1=out 2=err\n"
	      "d/8: 0=r3 1=f0 2=err\n"
	      "| 0 a:out -> m:in\n"
	      "| 1 b:out -> m:in\n"
	      "| 2 m:out -> c:in\n"
	      "| 3 m:out -> d:in\n"
	      "| 4 merge into m -> m:in\n"
	      "| 5 m:out -> copy of m\n"
	      "= 0 commit /tmp/f by d\n");
	plans("a diamond is elastic", "a -> {b c} -> d",
	      "a/0: 1=w4 0=null 2=err\n"
	      "copy of a/1: r4 > w0+ w1+\n"
	      "b/4: 0=r0 1=w2 2=err\n"
	      "c/4: 0=r1 1=w3 2=err\n"
	      "merge into d/7: r2 r3 > w5\n"
	      "d/8: 0=r5 1=out 2=err\n"
	      "| 0 a:out -> b:in\n"
	      "| 1 a:out -> c:in\n"
	      "| 2 b:out -> d:in\n"
	      "| 3 c:out -> d:in\n"
	      "| 4 a:out -> copy of a\n"
	      "| 5 merge into d -> d:in\n");
	plans("two ports that fork and meet share a relay",
	      "a -> b\na:2 -> b:3",
	      "a/0: 1=w2 2=w3 0=null\n"
	      "copy of a/1: r2 r3 > w0+ w1#1+\n"
	      "b/4: 0=r0 3=r1 1=out 2=err\n"
	      "| 0 a:out -> b:in\n"
	      "| 1 a:err -> b:3\n"
	      "| 2 a:out -> copy of a\n"
	      "| 3 a:err -> copy of a\n");
}

static void
check_objects(void)
{
	plans("files are held by the processes themselves",
	      "i [file=\"/tmp/i\"]\no [file=\"/tmp/o\"]\ni -> a -> o",
	      "a/4: 0=f0 1=f1 2=err\n"
	      "= 0 read /tmp/i by a\n"
	      "= 1 commit /tmp/o by a\n");
	plans("each mode of a file",
	      "a [file=\"/tmp/a\", append=true]\nn [file=\"/tmp/n\", "
	      "commit=no]\n"
	      "l [file=\"/tmp/l\", commit=no, append=true]\n"
	      "x -> a\nx:3 -> n\nx:4 -> l",
	      "x/0: 1=f0 3=f1 4=f2 0=null 2=err\n"
	      "= 0 append /tmp/a by x\n"
	      "= 1 live /tmp/n by x\n"
	      "= 2 live-append /tmp/l by x\n");
	plans("a merge holds the file that it puts out to",
	      "o [file=\"/tmp/o\"]\n{a b} -> o",
	      "merge into o/3: r0 r1 > f0\n"
	      "a/0: 1=w0 0=null 2=err\n"
	      "b/0: 1=w1 0=null 2=err\n"
	      "| 0 a:out -> o:in\n"
	      "| 1 b:out -> o:in\n"
	      "= 0 commit /tmp/o by merge into o\n");
	plans("a copy holds the file that is one of its outputs",
	      "o [file=\"/tmp/o\"]\na -> {o b}",
	      "a/0: 1=w1 0=null 2=err\n"
	      "copy of a/1: r1 > f0 w0\n"
	      "b/4: 0=r0 1=out 2=err\n"
	      "| 0 a:out -> b:in\n"
	      "| 1 a:out -> copy of a\n"
	      "= 0 commit /tmp/o by copy of a\n");
	plans("two readers of a file open it twice",
	      "i [file=\"/tmp/i\"]\ni -> {a b}",
	      "a/4: 0=f0 1=w0 2=err\n"
	      "b/4: 0=f1 1=w1 2=err\n"
	      "merge into stdout/7: r0 r1 > out\n"
	      "| 0 a:out -> stdout:in\n"
	      "| 1 b:out -> stdout:in\n"
	      "= 0 read /tmp/i by a\n"
	      "= 1 read /tmp/i by b\n");
	plans("a merge opens the file that is one of its inputs",
	      "i [file=\"/tmp/i\"]\n{i a} -> b",
	      "a/0: 1=w0 0=null 2=err\n"
	      "merge into b/3: f0 r0 > w1\n"
	      "b/4: 0=r1 1=out 2=err\n"
	      "| 0 a:out -> b:in\n"
	      "| 1 merge into b -> b:in\n"
	      "= 0 read /tmp/i by merge into b\n");
	plans("stderr as an object", "a:3 -> stderr",
	      "a/0: 3=err 1=out 0=null 2=err\n");
}

static void
check_stdin(void)
{
	struct flow_plan_options regular = { .stdin_regular = true };

	plans("one reader of stdin has it", "stdin -> a",
	      "a/4: 0=in 1=out 2=err\n");
	plans("several get a copy", "stdin -> {a b}",
	      "copy of stdin/1: in > w0+ w1+\n"
	      "a/4: 0=r0 1=w2 2=err\n"
	      "b/4: 0=r1 1=w3 2=err\n"
	      "merge into stdout/7: r2 r3 > out\n"
	      "| 0 stdin:out -> a:in\n"
	      "| 1 stdin:out -> b:in\n"
	      "| 2 a:out -> stdout:in\n"
	      "| 3 b:out -> stdout:in\n");
	plans_with("one reader of a regular stdin has it too", &regular,
		   "stdin -> a", "a/4: 0=in 1=out 2=err\n");
	plans_with("several open a regular file each for itself", &regular,
		   "stdin -> {a b}",
		   "a/4: 0=again 1=w0 2=err\n"
		   "b/4: 0=again 1=w1 2=err\n"
		   "merge into stdout/7: r0 r1 > out\n"
		   "| 0 a:out -> stdout:in\n"
		   "| 1 b:out -> stdout:in\n");
	plans_with("even through a merge", &regular,
		   "stdin -> {a b}\nstdin -> m\nc -> m",
		   "a/4: 0=again 1=w1 2=err\n"
		   "b/4: 0=again 1=w2 2=err\n"
		   "merge into m/3: again r0 > w4\n"
		   "m/4: 0=r4 1=w3 2=err\n"
		   "c/0: 1=w0 0=null 2=err\n"
		   "merge into stdout/7: r1 r2 r3 > out\n"
		   "| 0 c:out -> m:in\n"
		   "| 1 a:out -> stdout:in\n"
		   "| 2 b:out -> stdout:in\n"
		   "| 3 m:out -> stdout:in\n"
		   "| 4 merge into m -> m:in\n");
}

static void
check_named_ports(void)
{
	plans("named ports are numbered from 10", "a -> b:x\nc -> b:y",
	      "a/0: 1=w0 0=null 2=err\n"
	      "b/4: x@10=r0 y@11=r1 1=out 0=null 2=err\n"
	      "c/0: 1=w1 0=null 2=err\n"
	      "| 0 a:out -> b:x\n"
	      "| 1 c:out -> b:y\n");
	plans("around the numbers that are taken",
	      "a -> b:x\nc -> b:10\nd -> b:y",
	      "a/0: 1=w0 0=null 2=err\n"
	      "b/4: x@11=r0 10=r1 y@12=r2 1=out 0=null 2=err\n"
	      "c/0: 1=w1 0=null 2=err\n"
	      "d/0: 1=w2 0=null 2=err\n"
	      "| 0 a:out -> b:x\n"
	      "| 1 c:out -> b:10\n"
	      "| 2 d:out -> b:y\n");
	plans("a FIFO has a path at a named end alone", "a -> b:x [via=fifo]",
	      "a/0: 1=w0 0=null 2=err\n"
	      "b/4: x@path=r0 1=out 0=null 2=err\n"
	      "| 0 a:out -> b:x fifo path-read\n");
	plans("and at both where both are named", "a:y -> b:x [via=fifo]",
	      "a/0: y@path=w0 1=w1 0=null 2=err\n"
	      "b/4: x@path=r0 1=w2 0=null 2=err\n"
	      "merge into stdout/7: r1 r2 > out\n"
	      "| 0 a:y -> b:x fifo path-write path-read\n"
	      "| 1 a:out -> stdout:in\n"
	      "| 2 b:out -> stdout:in\n");
	plans("beside a relay the other end is a descriptor",
	      "a:y -> b:x [via=fifo]\na:y -> c [via=fifo]",
	      "a/0: y@path=w5 1=w2 0=null 2=err\n"
	      "copy of a/1: r5 > w0+ w1+\n"
	      "b/4: x@path=r0 1=w3 0=null 2=err\n"
	      "c/4: 0=r1 1=w4 2=err\n"
	      "merge into stdout/7: r2 r3 r4 > out\n"
	      "| 0 a:y -> b:x fifo path-read\n"
	      "| 1 a:y -> c:in\n"
	      "| 2 a:out -> stdout:in\n"
	      "| 3 b:out -> stdout:in\n"
	      "| 4 c:out -> stdout:in\n"
	      "| 5 a:y -> copy of a fifo path-write\n");
	plans("a merge writes into the FIFO of a named port",
	      "a -> c:x [via=fifo]\nb -> c:x [via=fifo]",
	      "a/0: 1=w0 0=null 2=err\n"
	      "merge into c/3: r0 r1 > w2\n"
	      "c/4: x@path=r2 1=out 0=null 2=err\n"
	      "b/0: 1=w1 0=null 2=err\n"
	      "| 0 a:out -> c:x\n"
	      "| 1 b:out -> c:x\n"
	      "| 2 merge into c -> c:x fifo path-read\n");
}

static void
check_options(void)
{
	struct flow_plan_options tag = { .tag = true };
	struct flow_plan_options output = { .output = "/tmp/out" };

	plans_with("--tag takes every error output that no edge has", &tag,
		   "a -> b\nb:2 -> c",
		   "a/0: 1=w0 0=null 2=w4\n"
		   "b/4: 0=r0 2=w1 1=w2\n"
		   "c/8: 0=r1 1=w3 2=w5\n"
		   "merge into stdout/11: r2 r3 > out\n"
		   "tag of stderr/2147483647: r4 r5 > err\n"
		   "| 0 a:out -> b:in\n"
		   "| 1 b:err -> c:in\n"
		   "| 2 b:out -> stdout:in\n"
		   "| 3 c:out -> stdout:in\n"
		   "| 4 a:err -> stderr\n"
		   "| 5 c:err -> stderr\n");
	plans_with("--output is what stdout would be", &output, "a -> b",
		   "a/0: 1=w0 0=null 2=err\n"
		   "b/4: 0=r0 1=f0 2=err\n"
		   "| 0 a:out -> b:in\n"
		   "= 0 commit /tmp/out by b\n");
	plans_with("of several a merge holds it", &output, "a\nb",
		   "a/0: 1=w0 0=null 2=err\n"
		   "b/0: 1=w1 0=null 2=err\n"
		   "merge into stdout/3: r0 r1 > f0\n"
		   "| 0 a:out -> stdout:in\n"
		   "| 1 b:out -> stdout:in\n"
		   "= 0 commit /tmp/out by merge into stdout\n");
	plans_with("nobody may hold it", &output, "f [file=\"/tmp/f\"]\na -> f",
		   "a/0: 1=f0 0=null 2=err\n"
		   "= 0 commit /tmp/f by a\n"
		   "= 1 commit /tmp/out by nobody\n");
}

static void
check_holds(void)
{
	plans("eof=exit holds the pipe of its reader alone",
	      "a -> b [eof=exit]\nb -> c",
	      "a/0: 1=w0 0=null 2=err\n"
	      "b/4: 0=r0 1=w1 2=err\n"
	      "c/8: 0=r1 1=out 2=err\n"
	      "| 0 a:out -> b:in hold\n"
	      "| 1 b:out -> c:in\n");
	plans("behind a merge it is the merged pipe", "{a b} -> c [eof=exit]",
	      "a/0: 1=w0 0=null 2=err\n"
	      "b/0: 1=w1 0=null 2=err\n"
	      "merge into c/3: r0 r1 > w2\n"
	      "c/4: 0=r2 1=out 2=err\n"
	      "| 0 a:out -> c:in\n"
	      "| 1 b:out -> c:in\n"
	      "| 2 merge into c -> c:in hold\n");
	plans("behind a copy that of the edge", "a -> b [eof=exit]\na -> c",
	      "a/0: 1=w4 0=null 2=err\n"
	      "copy of a/1: r4 > w0+ w1+\n"
	      "b/4: 0=r0 1=w2 2=err\n"
	      "c/4: 0=r1 1=w3 2=err\n"
	      "merge into stdout/7: r2 r3 > out\n"
	      "| 0 a:out -> b:in hold\n"
	      "| 1 a:out -> c:in\n"
	      "| 2 b:out -> stdout:in\n"
	      "| 3 c:out -> stdout:in\n"
	      "| 4 a:out -> copy of a\n");
	plans("epipe=ok has its own output probed", "a [epipe=ok]\na -> b -> c",
	      "a/0: 1=w0 0=null 2=err\n"
	      "b/4: 0=r0 1=w1 2=err\n"
	      "c/8: 0=r1 1=out 2=err\n"
	      "| 0 a:out -> b:in probe\n"
	      "| 1 b:out -> c:in\n");
	plans("also where a relay reads it", "a [epipe=ok]\na -> {b c}",
	      "a/0: 1=w4 0=null 2=err\n"
	      "copy of a/1: r4 > w0+ w1+\n"
	      "b/4: 0=r0 1=w2 2=err\n"
	      "c/4: 0=r1 1=w3 2=err\n"
	      "merge into stdout/7: r2 r3 > out\n"
	      "| 0 a:out -> b:in\n"
	      "| 1 a:out -> c:in\n"
	      "| 2 b:out -> stdout:in\n"
	      "| 3 c:out -> stdout:in\n"
	      "| 4 a:out -> copy of a probe\n");
}

static void
check_routes(void)
{
	struct flow_plan_options options = { .output = NULL };
	struct planned planned = plan_body("f [file=\"/tmp/f\"]\n"
					   "i [file=\"/tmp/i\"]\n"
					   "i -> a\na -> {b c} -> d -> f",
					   &options);
	const struct flow_plan *plan = planned.plan;

	/* processes: a, copy of a, b, c, merge into d, d; files: i, f */
	ok_text(route_of(plan, "i", "a"), "- - - - - 0 -",
		"a file that is read is no one's but its reader's");
	ok_text(route_of(plan, "a", "b"), "0 1 0 - - 2 -",
		"an edge through a copy");
	ok_text(route_of(plan, "c", "d"), "3 - 3 4 5 5 -",
		"an edge through a merge");
	ok_text(route_of(plan, "d", "f"), "5 - - - - - 1",
		"an edge to a file has no pipe");
	ok(!plan->cyclic && !plan->fifos && !plan->tag, "nothing special");
	planned_free(&planned);
	planned =
		plan_body("a -> b:x [via=fifo]\nb -> a [back=true]", &options);
	ok(planned.plan->cyclic && planned.plan->fifos,
	   "a cycle and a FIFO are noted");
	planned_free(&planned);
	options.output = "/tmp/out";
	planned = plan_body("a\nb", &options);
	ok_text(route_of(planned.plan, "b", "stdout"), "1 - 1 2 - - 0",
		"an edge to --output ends in its file");
	planned_free(&planned);
}

/* Ranks grow along every pipe that no back edge and no --tag made. */
static void
check_ranks(const char *promise, const char *body)
{
	struct flow_plan_options options = { .output = NULL };
	struct planned planned = plan_body(body, &options);
	const struct flow_plan *plan = planned.plan;
	unsigned wrong = 0;
	size_t i;

	for (i = 0; i < plan->pipe_count; i++) {
		const struct flow_pipe *pipe = &plan->pipes[i];

		if (pipe->edge != NULL && pipe->edge->back)
			continue;
		if (plan->processes[pipe->writer].rank <
		    plan->processes[pipe->reader].rank)
			continue;
		tap_note("%s -> %s: %d, %d", pipe->from, pipe->to,
			 plan->processes[pipe->writer].rank,
			 plan->processes[pipe->reader].rank);
		wrong++;
	}
	ok_number(wrong, 0, promise);
	planned_free(&planned);
}

static void
check_all_ranks(void)
{
	check_ranks("ranks grow along a diamond",
		    "a -> {b c} -> d -> e\na -> e");
	check_ranks("the longest way counts", "a -> e\na -> b -> c -> d -> e");
	check_ranks("ranks grow in a cycle, its back edge aside",
		    "s -> a -> b -> c\nc -> a [back=true]");
	check_ranks("a merge of back edges comes before its node",
		    "a -> {b c}\nb -> a [back=true]\nc -> a [back=true]\n"
		    "a:2 -> stdout");
}

static void
check_capacities(void)
{
	struct flow_plan_options options = {
		.pipe_budget = 2 * FLOW_PLAN_CAPACITY - 1,
	};
	struct planned planned =
		plan_body("a -> b -> c [capacity=\"4K\"]\nc -> d -> e\n"
			  "e -> d:3 [back=true]",
			  &options);
	const struct flow_pipe *pipes = planned.plan->pipes;

	ok(pipes[0].capacity == 4096 && pipes[0].capacity_written,
	   "a capacity that was written is kept, whatever the budget");
	ok(pipes[2].capacity == FLOW_PLAN_CAPACITY &&
		   !pipes[2].capacity_written,
	   "others get more while the budget lasts");
	ok_number((intmax_t)pipes[3].capacity, 0, "and the kernel's after");
	planned_free(&planned);
	options.pipe_budget = UINT64_MAX;
	planned = plan_body("a -> b\nb:3 -> a [back=true]", &options);
	ok_number((intmax_t)planned.plan->pipes[1].capacity, 0,
		  "a back edge never gets more");
	planned_free(&planned);
}

static size_t
descriptors(const char *body)
{
	struct flow_plan_options options = { .output = NULL };
	struct planned planned = plan_body(body, &options);
	size_t most = flow_plan_descriptors(planned.plan);

	planned_free(&planned);
	return most;
}

/* A chain, or a fan out of "n0", of COUNT edges. */
static size_t
descriptors_of(unsigned count, bool fan)
{
	char *text = NULL;
	size_t size, most;
	FILE *out = open_memstream(&text, &size);
	unsigned i;

	for (i = 1; i <= count; i++)
		fprintf(out, "n%u -> n%u\n", fan ? 0 : i - 1, i);
	fclose(out);
	most = descriptors(text);
	free(text);
	return most;
}

static void
check_descriptors(void)
{
	size_t chain = descriptors_of(2, false),
	       fan = descriptors_of(100, true);

	ok_number((intmax_t)descriptors_of(300, false), (intmax_t)chain,
		  "a long chain needs no more descriptors than a short one");
	ok(fan >= 4 * 100 && fan <= 8 * 100,
	   "a fan of 100 needs some for each output: %zu", fan);
	ok((intmax_t)(descriptors_of(200, true) - fan) >= 4 * 100,
	   "and more for a fan of 200");
	ok_number((intmax_t)descriptors("a -> b -> c [eof=exit]"),
		  (intmax_t)chain + 2, "a held end counts");
	ok(descriptors("a -> b:500") > 500,
	   "a high number of a port has to be within the limit");
	ok_number((intmax_t)descriptors("f [file=\"/tmp/f\"]\na -> b -> f"),
		  (intmax_t)descriptors("a -> b") + 1, "a file counts");
}

int
main(void)
{
	setenv("PATH", "/usr/local/bin:/usr/bin:/bin", 1);
	check_lines();
	check_operators();
	check_relays();
	check_objects();
	check_stdin();
	check_named_ports();
	check_options();
	check_holds();
	check_routes();
	check_all_ranks();
	check_capacities();
	check_descriptors();
	return tap_done();
}
