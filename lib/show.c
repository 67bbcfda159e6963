/* SPDX-License-Identifier: GPL-3.0-or-later */
/* show: a plan for people, as text and as DOT. */
#include "config.h"

#include <string.h>

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
	case FLOW_THING_PIPE_READ:
	case FLOW_THING_PIPE_WRITE:
		pipe = &plan->pipes[place->index];
		fprintf(out, "%s %u, %s %s",
			pipe->kind == FLOW_PIPE_FIFO ? "FIFO" : "pipe",
			place->index,
			place->thing == FLOW_THING_PIPE_READ ? "from" : "to",
			place->thing == FLOW_THING_PIPE_READ ? pipe->from
							     : pipe->to);
		break;
	}
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
print_relay(const struct flow_plan *plan, const struct flow_process *process,
	    FILE *out)
{
	fprintf(out, ": relay%s\n",
		process->kind == FLOW_PROCESS_COPY ? ""
		: process->concat		   ? ", one after the other"
						   : ", whole records");
	for (size_t i = 0; i < process->place_count; i++) {
		bool input = i < process->input_count;

		fprintf(out, "    %s  ", input ? "in " : "out");
		print_place(plan, &process->places[i], out);
		if (!input &&
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
		if (process->kind == FLOW_PROCESS_COMMAND)
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

static void
dot_process(const struct flow_process *process, size_t index, FILE *out)
{
	fprintf(out, "\tp%zu [", index);
	if (process->kind == FLOW_PROCESS_COMMAND) {
		fputs("shape=box, style=rounded, label=\"", out);
		print_label(out, process->node->name, 60);
		if (strcmp(process->node->name, process->node->command) != 0) {
			fputs("\\n", out);
			print_label(out, process->node->command, 60);
		}
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
		bool relay = process->kind != FLOW_PROCESS_COMMAND;
		bool reads = relay ? i < process->input_count
				   : place->edge &&
					     place->edge->head == process->node;

		if (place->thing == FLOW_THING_NULL ||
		    place->thing == FLOW_THING_PIPE_READ ||
		    (!relay && !place->edge)) /* our own stderr: left out */
			continue;
		putc('\t', out);
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

void
flow_show_dot(const struct flow_plan *plan, FILE *out)
{
	fputs("digraph \"", out);
	print_label(out, plan->graph->name, 200);
	fputs("\" {\n\trankdir=LR;\n\tnode [fontname=\"monospace\"];\n", out);
	for (size_t i = 0; i < plan->process_count; i++)
		dot_process(&plan->processes[i], i, out);
	for (size_t i = 0; i < plan->file_count; i++) {
		fprintf(out, "\tf%zu [shape=note, label=\"", i);
		print_label(out, plan->files[i].path, 60);
		fputs("\"];\n", out);
	}
	for (size_t i = 0; i < plan->process_count; i++)
		dot_places(plan, i, out);
	fputs("}\n", out);
}
