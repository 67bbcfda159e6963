/* SPDX-License-Identifier: GPL-3.0-or-later */
/* draw: a graph with what happened in its run, as DOT. */
#include "config.h"

#include <cgraph.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dot.h"
#include "draw.h"
#include "markup.h"
#include "show.h"
#include "size.h"

enum {
	BAR = 132, /* points: as long as the run */
	NAME_MOST = 40,
	COMMAND_MOST = 44, /* characters */
};

struct drawing {
	const struct flow_graph *graph;
	const struct flow_history *history;
	uint32_t *where; /* the process of each node of the graph, or NONE */
	long long most; /* bytes that one edge carried */
	unsigned clusters; /* of the author, so far */
	FILE *out;
};

/* --- width and colour of edges */

long long
flow_draw_most(const struct flow_history *history)
{
	long long most = 1;

	for (size_t i = 0; i < history->edge_count; i++)
		if (history->edges[i].bytes > most)
			most = history->edges[i].bytes;
	return most;
}

/* The cube root of X, 0 to 1, to far below what can be drawn. */
static double
cube_root(double x)
{
	double root = 1;

	for (int i = 0; i < 60 && root * root * root - x > 1e-12; i++)
		root -= (root - x / (root * root)) / 3;
	return root;
}

double
flow_draw_width(long long bytes, long long most)
{
	if (bytes <= 0)
		return 0.8;
	return 0.8 + 7.2 * cube_root((double)bytes / (double)most);
}

/* FROM to TO by SHARE, in tenths so that a picture has few colours; "#rrggbb". */
static void
mix(const char *from, const char *to, double share, char color[8])
{
	unsigned a = (unsigned)strtoul(from + 1, NULL, 16);
	unsigned b = (unsigned)strtoul(to + 1, NULL, 16), sum = 0;

	/* a little waiting shows: what is there at all is a third */
	share = share > 0.005 ? 0.3 + 0.07 * (int)(share * 10 + 0.5) : 0;
	for (int shift = 0; shift <= 16; shift += 8) {
		double x = a >> shift & 0xFF, y = b >> shift & 0xFF;

		sum |= (unsigned)(x + (y - x) * share + 0.5) << shift;
	}
	snprintf(color, 8, "#%06x", sum);
}

static void
edge_colors(const struct flow_history *history,
	    const struct flow_past_edge *edge, char tail[8], char head[8])
{
	mix(FLOW_DRAW_LINE, FLOW_DRAW_FULL,
	    flow_history_share(history, edge->writer, edge->writer_waited),
	    tail);
	mix(FLOW_DRAW_LINE, FLOW_DRAW_EMPTY,
	    flow_history_share(history, edge->reader, edge->reader_waited),
	    head);
}

/* --- labels */

static void
row(FILE *out, const char *font, const char *text, size_t most)
{
	fprintf(out, "<TR><TD ALIGN=\"LEFT\"><FONT %s>", font);
	flow_markup_label(out, text, most);
	fputs("</FONT></TD></TR>", out);
}

static void
stripe(FILE *out, double width, const char *color)
{
	if (width >= 0.5)
		fprintf(out,
			"<TD FIXEDSIZE=\"TRUE\" WIDTH=\"%.0f\" HEIGHT=\"5\" "
			"BGCOLOR=\"%s\"></TD>",
			width, color);
}

/* TIME as a share of PROCESS's life that is LENGTH long, with LEFT of it free. */
static double
part_of(const struct flow_past_process *process, double time, double length,
	double *left)
{
	double part =
		isnan(time) || process->wall <= 0
			? 0
			: flow_smaller(length * time / process->wall, *left);

	*left -= part;
	return part;
}

/*
 * When it ran within the whole run, and how it spent that time: what is not
 * known to be anything else is gray.
 */
static void
time_bar(const struct flow_history *history,
	 const struct flow_past_process *process, FILE *out)
{
	double whole =
		flow_larger(history->wall, process->start + process->wall);
	double scale = BAR / whole, before = process->start * scale;
	double length = flow_larger(process->wall * scale, 1), left = length;
	double in = part_of(process, process->waiting_input, length, &left);
	double to = part_of(process, process->waiting_output, length, &left);
	double work = part_of(process, process->running, length, &left);

	if (!(whole > 0))
		return;
	before = flow_smaller(before, BAR - length);
	fprintf(out,
		"<TR><TD ALIGN=\"LEFT\"><TABLE BORDER=\"0\" "
		"CELLBORDER=\"0\" CELLSPACING=\"0\" CELLPADDING=\"0\" "
		"ALIGN=\"LEFT\" FIXEDSIZE=\"TRUE\" WIDTH=\"%d\" "
		"HEIGHT=\"5\"><TR>",
		BAR);
	stripe(out, before, FLOW_DRAW_TRACK);
	stripe(out, work, FLOW_DRAW_WORK);
	stripe(out, in, FLOW_DRAW_EMPTY);
	stripe(out, to, FLOW_DRAW_FULL);
	stripe(out, left, FLOW_DRAW_LINE);
	stripe(out, BAR - before - length, FLOW_DRAW_TRACK);
	fputs("</TR></TABLE></TD></TR>", out);
}

static bool
is_bottleneck(const struct flow_history *history,
	      const struct flow_past_process *process)
{
	return history->bottleneck &&
	       strcmp(history->bottleneck, process->name) == 0;
}

static void
draw_process(const struct flow_history *history, size_t index, FILE *out)
{
	const struct flow_past_process *process = &history->processes[index];
	const struct flow_node *node = process->node;
	const char *command =
		process->command ? process->command : node->command;
	const char *name = flow_show_name_within(node->inner, node->name);
	bool slow = is_bottleneck(history, process);
	char end[64], wall[32], cpu[32], text[160];

	fprintf(out,
		"\tp%zu [id=\"p%zu\", class=\"process%s%s\", shape=box, "
		"style=\"rounded,filled%s\", fillcolor=\"%s\", color=\"%s\", "
		"penwidth=%s, label=<<TABLE BORDER=\"0\" CELLBORDER=\"0\" "
		"CELLSPACING=\"0\" CELLPADDING=\"1\">",
		index, index, process->failed ? " failed" : "",
		slow ? " bottleneck" : "", process->ran ? "" : ",dashed",
		process->failed ? FLOW_DRAW_BAD_PAPER : FLOW_DRAW_PAPER,
		process->failed ? FLOW_DRAW_BAD
		: slow		? FLOW_DRAW_SLOW
				: FLOW_DRAW_LINE,
		process->failed || slow ? "2.4" : "1.1");
	fputs("<TR><TD ALIGN=\"LEFT\"><B>", out);
	flow_markup_label(out, name, NAME_MOST);
	fputs("</B></TD></TR>", out);
	if (command && strcmp(name, command) != 0)
		row(out,
		    "FACE=\"monospace\" POINT-SIZE=\"8\" "
		    "COLOR=\"" FLOW_DRAW_FAINT "\"",
		    command, COMMAND_MOST);
	flow_history_end(process, end, sizeof(end));
	flow_history_time(process->wall, wall, sizeof(wall));
	flow_history_time(process->user + process->system, cpu, sizeof(cpu));
	if (!process->ran)
		snprintf(text, sizeof(text), "%s", end);
	else if (isnan(process->user + process->system))
		snprintf(text, sizeof(text), "%s  ·  %s", end, wall);
	else
		snprintf(text, sizeof(text), "%s  ·  %s  ·  CPU %s", end, wall,
			 cpu);
	row(out,
	    process->failed ? "POINT-SIZE=\"10\" COLOR=\"" FLOW_DRAW_BAD "\""
			    : "POINT-SIZE=\"10\" COLOR=\"" FLOW_DRAW_INK "\"",
	    text, sizeof(text));
	if (slow)
		row(out, "POINT-SIZE=\"10\" COLOR=\"" FLOW_DRAW_SLOW "\"",
		    "the bottleneck", 20);
	if (process->ran)
		time_bar(history, process, out);
	fputs("</TABLE>>];\n", out);
}

/* The file of the report with PATH, or NULL. */
static const struct flow_past_file *
file_of(const struct flow_history *history, const char *path)
{
	for (size_t i = 0; i < history->file_count; i++)
		if (strcmp(history->files[i].path, path) == 0)
			return &history->files[i];
	return NULL;
}

static void
draw_object(const struct flow_history *history, const struct flow_node *node,
	    FILE *out)
{
	bool is_file = node->kind == FLOW_NODE_FILE;
	const struct flow_past_file *file =
		is_file && node->file ? file_of(history, node->file) : NULL;
	bool lost = file && !file->written;

	fprintf(out,
		"\to%u [id=\"o%u\", class=\"object%s\", shape=%s, "
		"style=filled, fillcolor=\"%s\", color=\"%s\", label=<",
		node->id, node->id, lost ? " failed" : "",
		is_file ? "note" : "oval",
		lost ? FLOW_DRAW_BAD_PAPER : FLOW_DRAW_PAPER,
		lost ? FLOW_DRAW_BAD : FLOW_DRAW_LINE);
	flow_markup_label(
		out,
		is_file && node->file
			? node->file
			: flow_show_name_within(node->inner, node->name),
		NAME_MOST);
	if (lost)
		fputs("<BR/><FONT POINT-SIZE=\"10\" COLOR=\"" FLOW_DRAW_BAD
		      "\">not written</FONT>",
		      out);
	fputs(">];\n", out);
}

/* The ports, where they are not the usual ones, and the bytes. */
static void
edge_label(const struct flow_past_edge *past, double width, FILE *out)
{
	const struct flow_edge *edge = past->edge;
	bool from = edge->out.fd != 1,
	     to = edge->in.fd != 0 && edge->in.fd != 1;
	char size[32];

	if (!from && !to && past->bytes < 0)
		return;
	/* a margin keeps it off a thick edge */
	fprintf(out,
		", label=<<TABLE BORDER=\"0\" CELLBORDER=\"0\" "
		"CELLSPACING=\"0\" CELLPADDING=\"%.0f\"><TR><TD>",
		width / 2 + 0.5);
	if (from)
		flow_markup_label(out, past->out, NAME_MOST);
	if (to)
		fputs(from ? " \xE2\x86\x92 " : "\xE2\x86\x92 ", out);
	if (to)
		flow_markup_label(out, past->in, NAME_MOST);
	if ((from || to) && past->bytes >= 0)
		fputs("<BR/>", out);
	if (past->bytes >= 0)
		fputs(flow_size_format((uint64_t)past->bytes, size,
				       sizeof(size)),
		      out);
	fputs("</TD></TR></TABLE>>", out);
}

static void
draw_edge(const struct drawing *drawing, size_t index)
{
	const struct flow_past_edge *past = &drawing->history->edges[index];
	const struct flow_edge *edge = past->edge;
	double width = flow_draw_width(past->bytes, drawing->most);
	char tail[8], head[8];
	FILE *out = drawing->out;

	edge_colors(drawing->history, past, tail, head);
	fprintf(out, "\t%c%u -> %c%u",
		past->writer != FLOW_HISTORY_NONE ? 'p' : 'o',
		past->writer != FLOW_HISTORY_NONE ? past->writer
						  : edge->tail->id,
		past->reader != FLOW_HISTORY_NONE ? 'p' : 'o',
		past->reader != FLOW_HISTORY_NONE ? past->reader
						  : edge->head->id);
	fprintf(out,
		" [id=\"e%zu\", class=\"%s\", color=\"%s;0.5:%s\", "
		"penwidth=%.2f, arrowsize=%.2f",
		index, past->whole ? "whole" : "cut", tail, head, width,
		0.5 + width * 0.06);
	if (past->dashed)
		fputs(", style=dashed", out);
	else if (past->bytes < 0)
		fputs(", style=dotted", out);
	if (edge->back)
		fputs(", constraint=false", out);
	edge_label(past, width, out);
	if (!past->whole)
		fputs(", fontcolor=\"" FLOW_DRAW_BAD "\"", out);
	fputs("];\n", out);
}

/* --- clusters: graphs that are nodes, and those that the author drew */

static void
begin_cluster(const char *id, const char *label, FILE *out)
{
	fprintf(out,
		"\tsubgraph \"cluster_%s\" {\n\tid=\"c%s\"; class=\"part\"; "
		"style=\"rounded\"; color=\"" FLOW_DRAW_TRACK
		"\"; fontcolor=\"" FLOW_DRAW_FAINT
		"\"; fontsize=11; peripheries=1; labelloc=t; labeljust=l; "
		"label=<",
		id, id);
	flow_markup_label(out, label, NAME_MOST);
	fputs(">;\n", out);
}

static void
mention(const struct drawing *drawing, const struct flow_node *node)
{
	if (drawing->where[node->id] != FLOW_HISTORY_NONE)
		fprintf(drawing->out, "\tp%u;\n", drawing->where[node->id]);
	else if (node->in_count + node->out_count > 0)
		fprintf(drawing->out, "\to%u;\n", node->id);
}

static void
draw_inners(const struct drawing *drawing, const struct flow_inner *outer)
{
	const struct flow_graph *graph = drawing->graph;
	unsigned number = 0;
	char id[32];

	for (const struct flow_inner *inner = graph->inners; inner;
	     inner = inner->next, number++) {
		if (inner->outer != outer)
			continue;
		snprintf(id, sizeof(id), "g%u", number);
		begin_cluster(id, flow_show_name_within(outer, inner->name),
			      drawing->out);
		for (size_t i = 0; i < graph->node_count; i++)
			if (graph->nodes[i]->inner == inner)
				mention(drawing, graph->nodes[i]);
		draw_inners(drawing, inner);
		fputs("\t}\n", drawing->out);
	}
}

/* What OBJECT itself says of NAME; "" when it says nothing. */
static const char *
written(void *object, char *name)
{
	const char *value = agget(object, name);

	return value && strcmp(value, FLOW_DOT_UNSET) != 0 ? value : "";
}

/* The author's clusters in PART of the graph file. */
static void
draw_clusters(struct drawing *drawing, Agraph_t *part)
{
	static char label[] = "label";
	char id[32];

	for (Agraph_t *sub = agfstsubg(part); sub; sub = agnxtsubg(sub)) {
		if (strncmp(agnameof(sub), "cluster", 7) != 0) {
			draw_clusters(drawing, sub);
			continue;
		}
		snprintf(id, sizeof(id), "u%u", drawing->clusters++);
		begin_cluster(id, written(sub, label), drawing->out);
		for (Agnode_t *n = agfstnode(sub); n; n = agnxtnode(sub, n)) {
			const struct flow_node *node =
				flow_graph_node(drawing->graph, agnameof(n));

			if (node && !node->inner)
				mention(drawing, node);
		}
		draw_clusters(drawing, sub);
		fputs("\t}\n", drawing->out);
	}
}

/* --- heading and legend */

static const char *
name_of(const struct flow_graph *graph)
{
	return *graph->name ? graph->name : graph->source;
}

static void
draw_heading(const struct flow_graph *graph, const struct flow_history *history,
	     FILE *out)
{
	bool bad = history->status > 0;
	char wall[32], text[64];

	flow_history_time(history->wall, wall, sizeof(wall));
	if (bad)
		snprintf(text, sizeof(text), "status %lld after %s",
			 history->status, wall);
	else
		snprintf(text, sizeof(text), "done in %s", wall);
	fputs("\tlabelloc=t; labeljust=l; label=<<TABLE BORDER=\"0\" "
	      "CELLBORDER=\"0\" CELLSPACING=\"0\" CELLPADDING=\"2\">"
	      "<TR><TD ALIGN=\"LEFT\"><FONT POINT-SIZE=\"18\"><B>",
	      out);
	flow_markup_label(out, name_of(graph), 80);
	fprintf(out,
		"</B></FONT>  <FONT POINT-SIZE=\"13\" COLOR=\"%s\">%s</FONT>"
		"</TD></TR>",
		bad ? FLOW_DRAW_BAD : FLOW_DRAW_FAINT, text);
	if (history->failure)
		row(out, "POINT-SIZE=\"12\" COLOR=\"" FLOW_DRAW_BAD "\"",
		    history->failure, 120);
	if (history->bottleneck) {
		fputs("<TR><TD ALIGN=\"LEFT\"><FONT POINT-SIZE=\"12\" "
		      "COLOR=\"" FLOW_DRAW_SLOW "\">bottleneck: ",
		      out);
		flow_markup_label(out, history->bottleneck, NAME_MOST);
		if (history->reason) {
			fputs(": ", out);
			flow_markup_label(out, history->reason, 80);
		}
		fputs("</FONT></TD></TR>", out);
	}
	fputs("</TABLE>>;\n", out);
}

static void
sample_line(FILE *out, double height, const char *color, const char *text)
{
	fprintf(out,
		"<TD><TABLE BORDER=\"0\" CELLBORDER=\"0\" CELLSPACING=\"0\" "
		"CELLPADDING=\"0\"><TR><TD FIXEDSIZE=\"TRUE\" WIDTH=\"26\" "
		"HEIGHT=\"%.1f\" BGCOLOR=\"%s\"></TD></TR></TABLE></TD>"
		"<TD ALIGN=\"LEFT\">%s</TD>",
		height, color, text);
}

bool
flow_draw_knows_waits(const struct flow_history *history)
{
	for (size_t i = 0; i < history->edge_count; i++)
		if (!isnan(history->edges[i].writer_waited) ||
		    !isnan(history->edges[i].reader_waited))
			return true;
	return false;
}

/* The legend is a cluster's label, as the graph's own one is the heading. */
static void
begin_frame(const struct drawing *drawing)
{
	FILE *out = drawing->out;
	long long bytes = drawing->most;
	char size[32];

	draw_heading(drawing->graph, drawing->history, out);
	fputs("\tsubgraph \"cluster_legend\" {\n\tid=\"legend\"; "
	      "peripheries=0; "
	      "fontsize=11; labelloc=b; labeljust=l; label=<<TABLE "
	      "BORDER=\"0\" "
	      "CELLBORDER=\"0\" CELLSPACING=\"0\" CELLPADDING=\"3\"><TR>",
	      out);
	for (int step = 0; step < 3 && bytes > 0; step++, bytes /= 10)
		sample_line(
			out, flow_draw_width(bytes, drawing->most),
			FLOW_DRAW_LINE,
			flow_size_format((uint64_t)bytes, size, sizeof(size)));
	if (flow_draw_knows_waits(drawing->history)) {
		sample_line(out, 5, FLOW_DRAW_FULL,
			    "writer waited: the pipe was full");
		sample_line(out, 5, FLOW_DRAW_EMPTY,
			    "reader waited: the pipe was empty");
	} else {
		fputs("<TD>(who waited for whom is not known)</TD>", out);
	}
	fputs("</TR></TABLE>>;\n", out);
}

/* --- the whole */

static uint32_t *
processes_by_node(const struct flow_graph *graph,
		  const struct flow_history *history)
{
	uint32_t *where = calloc(graph->node_count + 1, sizeof(*where));

	if (!where)
		flow_error_no_memory();
	for (size_t i = 0; i < graph->node_count; i++)
		where[i] = FLOW_HISTORY_NONE;
	for (uint32_t i = 0; i < history->process_count; i++)
		if (history->processes[i].node)
			where[history->processes[i].node->id] = i;
	return where;
}

static void
draw_nodes(const struct drawing *drawing)
{
	const struct flow_graph *graph = drawing->graph;

	for (size_t i = 0; i < drawing->history->process_count; i++)
		if (drawing->history->processes[i].node)
			draw_process(drawing->history, i, drawing->out);
	for (size_t i = 0; i < graph->node_count; i++)
		if (drawing->where[i] == FLOW_HISTORY_NONE &&
		    graph->nodes[i]->in_count + graph->nodes[i]->out_count > 0)
			draw_object(drawing->history, graph->nodes[i],
				    drawing->out);
}

void
flow_draw_dot(const struct flow_graph *graph,
	      const struct flow_history *history, bool frame, FILE *out)
{
	struct drawing drawing = { .graph = graph,
				   .history = history,
				   .most = flow_draw_most(history),
				   .out = out };

	drawing.where = processes_by_node(graph, history);
	fputs("digraph {\n\trankdir=LR; pad=0.2; nodesep=0.22; ranksep=0.5; "
	      "fontname=\"Helvetica,Arial,sans-serif\"; "
	      "fontcolor=\"" FLOW_DRAW_INK "\";\n"
	      "\tnode [fontname=\"Helvetica,Arial,sans-serif\", fontsize=12, "
	      "fontcolor=\"" FLOW_DRAW_INK "\", margin=\"0.1,0.06\"];\n"
	      "\tedge [fontname=\"Helvetica,Arial,sans-serif\", fontsize=9, "
	      "fontcolor=\"" FLOW_DRAW_FAINT "\"];\n",
	      out);
	fprintf(out, "\tbgcolor=\"%s\";\n",
		frame ? FLOW_DRAW_PAPER : "transparent");
	if (frame)
		begin_frame(&drawing);
	draw_nodes(&drawing);
	draw_inners(&drawing, NULL);
	if (graph->agraph)
		draw_clusters(&drawing, graph->agraph);
	if (frame)
		fputs("\t}\n", out);
	for (size_t i = 0; i < history->edge_count; i++)
		draw_edge(&drawing, i);
	fputs("}\n", out);
	free(drawing.where);
}

/* --- in words */

static void
describe_process(const struct flow_past_process *process, FILE *out)
{
	char end[64], time[32], size[32];

	fprintf(out, "%s: %s", process->name,
		flow_history_end(process, end, sizeof(end)));
	if (process->ran)
		fprintf(out, " after %s",
			flow_history_time(process->wall, time, sizeof(time)));
	if (process->ran && process->memory >= 0)
		fprintf(out, ", at most %s",
			flow_size_format((uint64_t)process->memory, size,
					 sizeof(size)));
	if (!isnan(process->waiting_input))
		fprintf(out, ", waited %s for input",
			flow_history_time(process->waiting_input, time,
					  sizeof(time)));
	if (!isnan(process->waiting_output))
		fprintf(out, ", %s for output",
			flow_history_time(process->waiting_output, time,
					  sizeof(time)));
}

static void
describe_edge(const struct flow_past_edge *edge, FILE *out)
{
	char time[32], size[32];

	fprintf(out, "%s:%s -> %s:%s", edge->from, edge->out, edge->to,
		edge->in);
	if (edge->bytes >= 0)
		fprintf(out, ": %s",
			flow_size_format((uint64_t)edge->bytes, size,
					 sizeof(size)));
	if (!edge->whole)
		fputs(", not whole", out);
	if (!isnan(edge->writer_waited))
		fprintf(out, ", the writer waited %s",
			flow_history_time(edge->writer_waited, time,
					  sizeof(time)));
	if (!isnan(edge->reader_waited))
		fprintf(out, ", the reader waited %s",
			flow_history_time(edge->reader_waited, time,
					  sizeof(time)));
}

char *
flow_draw_describe(const struct flow_graph *graph,
		   const struct flow_history *history, const char *id)
{
	unsigned long number = strtoul(id + (*id != '\0'), NULL, 10);
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	if (!out)
		flow_error_no_memory();
	if (*id == 'p' && number < history->process_count)
		describe_process(&history->processes[number], out);
	else if (*id == 'e' && number < history->edge_count)
		describe_edge(&history->edges[number], out);
	else if (*id == 'o' && number < graph->node_count)
		fputs(graph->nodes[number]->file ? graph->nodes[number]->file
						 : graph->nodes[number]->name,
		      out);
	else if (strncmp(id, "graph", 5) == 0)
		fputs(name_of(graph), out);
	fclose(out);
	if (text && *text)
		return text;
	free(text);
	return NULL;
}
