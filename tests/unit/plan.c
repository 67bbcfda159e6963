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
	case FLOW_THING_FILE:
		fprintf(out, "f%u", place->index);
		break;
	}
}

static void
show_process(FILE *out, const struct flow_process *process)
{
	const struct flow_branch *branch;
	size_t i;

	fprintf(out, "%s/%u:%s", process->name, process->rank,
		process->concat ? " concat" : "");
	for (i = 0; i < process->place_count; i++) {
		if (process->kind == FLOW_PROCESS_COMMAND ||
		    i < process->input_count) {
			show_place(out, &process->places[i]);
			continue;
		}
		if (i == process->input_count)
			fputs(" >", out);
		branch = &process->branches[i - process->input_count];
		show_place(out, &process->places[i]);
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
			if (process->places[j].thing == FLOW_THING_PIPE_READ) {
				reads++;
				right &= plan->pipes[index].reader == i;
			}
			if (process->places[j].thing == FLOW_THING_PIPE_WRITE) {
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
 * Who carries edge NAME ("a>b", the first such): source, copy, pipe, merge,
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
		const uint32_t parts[] = { r->source, r->copy, r->pipe,
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
