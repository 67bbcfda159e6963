/* SPDX-License-Identifier: GPL-3.0-or-later */
/* show: a plan for people, as text and as DOT. */
#include "config.h"

#include <string.h>

#include "restart.h"
#include "show.h"
#include "size.h"

static const char *
file_words(enum flow_file_mode mode)
{
	switch (mode) {
	case FLOW_FILE_READ:
		return "read";
	case FLOW_FILE_COMMIT:
		return "appears when whole";
	case FLOW_FILE_APPEND:
		return "appended to when whole";
	case FLOW_FILE_LIVE:
		return "written in place";
	case FLOW_FILE_LIVE_APPEND:
		return "appended to in place";
	}
	return "";
}

/* WORD as a shell would have to be given it. */
static void
print_word(FILE *out, const char *word)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789_@%+=:,./-";

	if (*word && word[strspn(word, plain)] == '\0') {
		fputs(word, out);
		return;
	}
	putc('\'', out);
	for (; *word; word++) {
		if (*word == '\'')
			fputs("'\\''", out);
		else
			putc(*word, out);
	}
	putc('\'', out);
}

static void
print_place(const struct flow_plan *plan, const struct flow_place *place,
	    FILE *out)
{
	static const char *const standard[] = { "stdin", "stdout", "stderr" };
	const struct flow_pipe *pipe;

	switch (place->thing) {
	case FLOW_THING_NULL:
		fputs("/dev/null", out);
		break;
	case FLOW_THING_STANDARD:
		fputs(standard[place->index], out);
		break;
	case FLOW_THING_STDIN_AGAIN:
		fputs("stdin, opened afresh", out);
		break;
	case FLOW_THING_FILE:
		fprintf(out, "file %s", plan->files[place->index].path);
		break;
	case FLOW_THING_DEALS_READ:
	case FLOW_THING_DEALS_WRITE:
		fputs("the order of records by ", out);
		/* fallthrough */
	case FLOW_THING_PIPE_READ:
	case FLOW_THING_PIPE_WRITE:
		pipe = &plan->pipes[place->index];
		fprintf(out, "%s %u, %s %s",
			pipe->kind == FLOW_PIPE_FIFO ? "FIFO" : "pipe",
			place->index, flow_place_end(place) ? "to" : "from",
			flow_place_end(place) ? pipe->to : pipe->from);
		break;
	}
}

static void
print_restart(const struct flow_node *node, FILE *out)
{
	static const char *const whens[] = {
		[FLOW_RESTART_NO] = "",
		[FLOW_RESTART_ON_FAILURE] = "",
		[FLOW_RESTART_ALWAYS] = "on success, and ",
	};

	fprintf(out,
		"    started again %son failure, up to %ld time%s, at first "
		"after "
		"%.3g s\n",
		whens[node->restart], flow_restart_retries(node),
		flow_restart_retries(node) == 1 ? "" : "s",
		(double)flow_restart_backoff(node) / FLOW_SECOND);
}

static void
print_command(const struct flow_plan *plan, const struct flow_process *process,
	      FILE *out)
{
	const struct flow_node *node = process->node;

	fputs(":", out);
	for (char **arg = node->argv; *arg; arg++) {
		putc(' ', out);
		print_word(out, *arg);
	}
	putc('\n', out);
	for (size_t i = 0; node->environment[i]; i++) {
		fputs("    with ", out);
		print_word(out, node->environment[i]);
		putc('\n', out);
	}
	if (node->cwd)
		fprintf(out, "    in %s\n", node->cwd);
	if (flow_process_restarts(process))
		print_restart(node, out);
	for (size_t i = 0; i < process->place_count; i++) {
		const struct flow_place *place = &process->places[i];

		if (place->variable && place->fd >= 0)
			fprintf(out, "    $%s=/dev/fd/%d  ", place->variable,
				place->fd);
		else if (place->variable)
			fprintf(out, "    $%s  ", place->variable);
		else
			fprintf(out, "    %d  ", place->fd);
		print_place(plan, place, out);
		putc('\n', out);
	}
}

static void
print_replicas(const struct flow_process *process, FILE *out)
{
	static const char *const orders[] = {
		[FLOW_ORDER_BLOCKS] = "a fresh process a block, in order",
		[FLOW_ORDER_RECORDS] = "a record out for a record in, in order",
		[FLOW_ORDER_NO] = "in no order",
	};

	fprintf(out, ", %u replicas, %s", process->node->replicas,
		orders[process->node->order]);
}

/* What a relay does, in words; a copy needs none. */
static const char *
relay_words(const struct flow_process *process)
{
	static const char *const splits[] = {
		[FLOW_SPLIT_COPY] = ", a copy to each",
		[FLOW_SPLIT_LINES] = ", blocks of records in turn",
		[FLOW_SPLIT_ANY] = ", blocks of records to who has room",
		[FLOW_SPLIT_HASH] = ", records by key",
		[FLOW_SPLIT_KEY] = ", records to the files of their keys",
	};
	static const char *const merges[] = {
		[FLOW_MERGE_ANY] = ", whole records",
		[FLOW_MERGE_CONCAT] = ", one after the other",
		[FLOW_MERGE_ORDERED] = ", in the order of the split",
		[FLOW_MERGE_SORTED] = ", sorted",
		[FLOW_MERGE_ZIP] = ", one record of each in turn",
	};

	switch (process->kind) {
	case FLOW_PROCESS_SPLIT:
	case FLOW_PROCESS_KEY:
		return splits[process->split];
	case FLOW_PROCESS_MERGE:
	case FLOW_PROCESS_TAG:
		return merges[process->merge];
	default:
		return "";
	}
}

static void
print_relay(const struct flow_plan *plan, const struct flow_process *process,
	    FILE *out)
{
	fprintf(out, ": relay%s\n", relay_words(process));
	for (size_t i = 0; i < process->place_count; i++) {
		const struct flow_place *place = &process->places[i];
		bool branch = (process->kind == FLOW_PROCESS_COPY ||
			       process->kind == FLOW_PROCESS_SPLIT) &&
			      i >= process->input_count &&
			      flow_place_end(place) == 1 &&
			      place->thing != FLOW_THING_DEALS_WRITE;

		fprintf(out, "    %s  ",
			flow_place_end(place) == 0 || i < process->input_count
				? "in "
				: "out");
		print_place(plan, place, out);
		if (branch &&
		    process->branches[i - process->input_count].elastic)
			fputs(", elastic", out);
		putc('\n', out);
	}
}

void
flow_show_plan(const struct flow_plan *plan, FILE *out)
{
	char size[32];

	for (size_t i = 0; i < plan->process_count; i++) {
		const struct flow_process *process = &plan->processes[i];

		fprintf(out, "process %zu, %s", i, process->name);
		if (process->kind == FLOW_PROCESS_FARM)
			print_replicas(process, out);
		if (flow_process_is_node(process))
			print_command(plan, process, out);
		else
			print_relay(plan, process, out);
	}
	for (size_t i = 0; i < plan->pipe_count; i++) {
		const struct flow_pipe *pipe = &plan->pipes[i];

		fprintf(out, "%s %zu, %s -> %s",
			pipe->kind == FLOW_PIPE_FIFO ? "FIFO" : "pipe", i,
			pipe->from, pipe->to);
		if (pipe->capacity)
			fprintf(out, ", %s",
				flow_size_format(pipe->capacity, size,
						 sizeof(size)));
		fputs(pipe->hold ? ", end of file held back\n" : "\n", out);
	}
	for (size_t i = 0; i < plan->file_count; i++)
		fprintf(out, "file %s, %s\n", plan->files[i].path,
			file_words(plan->files[i].mode));
}

/* TEXT inside a DOT label: nothing in it is an escape, and it stays short. */
static void
print_label(FILE *out, const char *text, size_t most)
{
	for (size_t i = 0; text[i]; i++) {
		if (i >= most) {
			fputs("...", out);
			return;
		}
		if (text[i] == '\n')
			fputs("\\l", out);
		else if (text[i] == '"' || text[i] == '\\')
			fprintf(out, "\\%c", text[i]);
		else if ((unsigned char)text[i] >= ' ')
			putc(text[i], out);
	}
}

const char *
flow_show_name_within(const struct flow_inner *inner, const char *name)
{
	return inner != NULL ? name + strlen(inner->name) + 1 : name;
}

static void
dot_process(const struct flow_process *process, size_t index, FILE *out)
{
	const struct flow_node *node = process->node;
	const char *name;

	fprintf(out, "\tp%zu [", index);
	if (node != NULL && flow_process_is_node(process)) {
		fputs("shape=box, style=rounded, label=\"", out);
		name = flow_show_name_within(node->inner, node->name);
		print_label(out, name, 60);
		if (strcmp(name, node->command) != 0) {
			fputs("\\n", out);
			print_label(out, node->command, 60);
		}
		if (process->kind == FLOW_PROCESS_FARM)
			fprintf(out, "\\n%u replicas", node->replicas);
	} else {
		fputs("shape=oval, style=dashed, label=\"", out);
		print_label(out, process->name, 60);
	}
	fputs("\"];\n", out);
}

/* What a place that is no pipe stands for in the drawing: its identifier. */
static void
dot_object(const struct flow_place *place, FILE *out)
{
	static const char *const standard[] = { "stdin", "stdout", "stderr" };

	if (place->thing == FLOW_THING_FILE)
		fprintf(out, "f%u", place->index);
	else if (place->thing == FLOW_THING_STDIN_AGAIN)
		fputs("stdin", out);
	else
		fputs(standard[place->index], out);
}

/* " [label="2 to x"]", and how the edge is drawn. */
static void
dot_edge_end(const struct flow_plan *plan, const struct flow_place *place,
	     FILE *out)
{
	const struct flow_edge *edge = place->edge;
	const char *before = " [";
	char port[64];

	if (place->thing == FLOW_THING_PIPE_WRITE &&
	    plan->pipes[place->index].edge)
		edge = plan->pipes[place->index].edge;
	if (edge && (edge->out.fd != 1 || edge->in.fd != 0)) {
		fprintf(out, " [taillabel=\"%s\"",
			edge->out.fd == 1 ? ""
					  : flow_port_name(&edge->out, port,
							   sizeof(port)));
		fprintf(out, ", headlabel=\"%s\"",
			edge->in.fd == 0 || edge->in.fd == 1
				? ""
				: flow_port_name(&edge->in, port,
						 sizeof(port)));
		before = ", ";
	}
	if (edge && edge->back) {
		fprintf(out, "%sconstraint=false", before);
		before = ", ";
	}
	if (edge && edge->elastic) {
		fprintf(out, "%sstyle=bold", before);
		before = ", ";
	}
	fputs(strcmp(before, ", ") == 0 ? "];\n" : ";\n", out);
}

static void
dot_places(const struct flow_plan *plan, size_t index, FILE *out)
{
	const struct flow_process *process = &plan->processes[index];

	for (size_t i = 0; i < process->place_count; i++) {
		const struct flow_place *place = &process->places[i];
		bool relay = !flow_process_is_node(process);
		bool reads = relay ? i < process->input_count
				   : place->edge &&
					     place->edge->head == process->node;

		if (place->thing == FLOW_THING_NULL ||
		    flow_place_end(place) == 0 ||
		    (!relay && !place->edge)) /* our own stderr: left out */
			continue;
		putc('\t', out);
		if (place->thing == FLOW_THING_DEALS_WRITE) {
			fprintf(out,
				"p%zu -> p%u [style=dotted, label=order, "
				"constraint=false];\n",
				index, plan->pipes[place->index].reader);
			continue;
		}
		if (place->thing == FLOW_THING_PIPE_WRITE) {
			fprintf(out, "p%zu -> p%u", index,
				plan->pipes[place->index].reader);
		} else if (reads) {
			dot_object(place, out);
			fprintf(out, " -> p%zu", index);
		} else {
			fprintf(out, "p%zu -> ", index);
			dot_object(place, out);
		}
		dot_edge_end(plan, place, out);
	}
}

/* What is in INNER, and the clusters in it; NULL: the graph as a whole. */
static void
dot_parts(const struct flow_plan *plan, const struct flow_inner *inner,
	  FILE *out)
{
	const struct flow_inner *within;

	for (size_t i = 0; i < plan->process_count; i++) {
		const struct flow_node *node = plan->processes[i].node;

		if ((node != NULL ? node->inner : NULL) == inner)
			dot_process(&plan->processes[i], i, out);
	}
	for (size_t i = 0; i < plan->file_count; i++) {
		const struct flow_node *node = plan->files[i].node;

		if ((node != NULL ? node->inner : NULL) != inner)
			continue;
		fprintf(out, "\tf%zu [shape=note, label=\"", i);
		print_label(out, plan->files[i].path, 60);
		fputs("\"];\n", out);
	}
	for (within = plan->graph->inners; within != NULL;
	     within = within->next) {
		if (within->outer != inner)
			continue;
		fputs("\tsubgraph \"cluster ", out);
		print_label(out, within->name, 1000);
		fputs("\" {\n\tlabel=\"", out);
		print_label(out, flow_show_name_within(inner, within->name),
			    60);
		fputs("\";\n", out);
		dot_parts(plan, within, out);
		fputs("\t}\n", out);
	}
}

void
flow_show_dot(const struct flow_plan *plan, FILE *out)
{
	fputs("digraph \"", out);
	print_label(out, plan->graph->name, 200);
	fputs("\" {\n\trankdir=LR;\n\tnode [fontname=\"monospace\"];\n", out);
	dot_parts(plan, NULL, out);
	for (size_t i = 0; i < plan->process_count; i++)
		dot_places(plan, i, out);
	fputs("}\n", out);
}
