/* SPDX-License-Identifier: GPL-3.0-or-later */
/* table: what is seen of a run, as text. */
#include "config.h"

#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "clock.h"
#include "memory.h"
#include "size.h"
#include "table.h"

enum {
	BAR = 10, /* columns of a full bar */
	NAME_LEAST = 12, /* columns that a name gets at least */
	LINE_EDGES = 3, /* edges in one line */
	FIXED_LINES =
		4, /* of a table: its state, two headings, the bottleneck */
};

struct flow_table {
	const struct flow_plan *plan;
	struct flow_board *now; /* copies */
	const struct flow_node **node_of; /* of the graph, for each node */
	char **edge_names;
	double *cpu; /* processors that each node used of late */
	double *rates; /* bytes a second; negative: unknown */
	bool *shown; /* rows of the list that is being drawn */
	double *scores;
};

/* "a -> b", with the ports where they are not the usual ones. */
static char *
edge_name(const struct flow_edge *edge)
{
	bool out = edge->out.name || edge->out.fd != 1;
	bool in = edge->in.name || edge->in.fd != 0;
	char tail[64], head[64], *text;

	if (edge->tail->kind != FLOW_NODE_PROCESS)
		out = false;
	if (edge->head->kind != FLOW_NODE_PROCESS)
		in = false;
	flow_port_name(&edge->out, tail, sizeof(tail));
	flow_port_name(&edge->in, head, sizeof(head));
	if (asprintf(&text, "%s%s%s -> %s%s%s", edge->tail->name,
		     out ? ":" : "", out ? tail : "", edge->head->name,
		     in ? ":" : "", in ? head : "") < 0)
		abort();
	return text;
}

struct flow_table *
flow_table_make(const struct flow_plan *plan)
{
	const struct flow_graph *graph = plan->graph;
	struct flow_table *table = flow_memory_zeroed(1, sizeof(*table));
	size_t nodes = flow_sight_nodes(plan), node = 0;
	size_t rows = nodes > graph->edge_count ? nodes : graph->edge_count;

	table->plan = plan;
	table->node_of = flow_memory_zeroed(nodes, sizeof(*table->node_of));
	table->edge_names =
		flow_memory_zeroed(graph->edge_count, sizeof(char *));
	table->cpu = flow_memory_zeroed(nodes, sizeof(double));
	table->rates = flow_memory_zeroed(graph->edge_count, sizeof(double));
	table->shown = flow_memory_zeroed(rows, sizeof(bool));
	table->scores = flow_memory_zeroed(rows, sizeof(double));
	for (size_t i = 0; i < plan->process_count; i++)
		if (flow_process_is_node(&plan->processes[i]))
			table->node_of[node++] = plan->processes[i].node;
	for (size_t i = 0; i < graph->edge_count; i++)
		table->edge_names[i] = edge_name(graph->edges[i]);
	return table;
}

void
flow_table_free(struct flow_table *table)
{
	for (size_t i = 0; i < table->plan->graph->edge_count; i++)
		free(table->edge_names[i]);
	free(table->edge_names);
	free((void *)table->node_of);
	free(table->cpu);
	free(table->rates);
	free(table->shown);
	free(table->scores);
	free(table->now);
	free(table);
}

static void
find_rates(struct flow_table *table, struct flow_board *now,
	   struct flow_board *before)
{
	double passed =
		(double)(now->at - (before ? before->at : 0)) / FLOW_SECOND;

	for (size_t i = 0; i < now->node_count; i++)
		table->cpu[i] =
			(double)(flow_board_nodes(now)[i].cpu -
				 (before ? flow_board_nodes(before)[i].cpu
					 : 0)) /
			FLOW_SECOND / passed;
	for (size_t i = 0; i < now->edge_count; i++) {
		const struct flow_edge_sight *edge = &flow_board_edges(now)[i];
		const struct flow_edge_sight *old =
			before ? &flow_board_edges(before)[i] : NULL;

		table->rates[i] = -1;
		if (edge->bytes >= 0 && (!old || old->from == edge->from))
			table->rates[i] =
				(double)(edge->bytes - (old ? old->bytes : 0)) /
				passed;
	}
}

bool
flow_table_take(struct flow_table *table, const struct flow_board *board)
{
	struct flow_board *copy = flow_memory_zeroed(1, flow_board_size(board));

	copy->node_count = board->node_count;
	copy->edge_count = board->edge_count;
	if (!flow_board_read(board, copy) || copy->at == 0 ||
	    (table->now && copy->at <= table->now->at)) {
		free(copy);
		return false;
	}
	find_rates(table, copy, table->now);
	free(table->now);
	table->now = copy;
	return true;
}

int64_t
flow_table_at(const struct flow_table *table)
{
	return table->now ? table->now->at : 0;
}

unsigned
flow_table_height(const struct flow_table *table)
{
	return (unsigned)(FIXED_LINES + flow_sight_nodes(table->plan) +
			  table->plan->graph->edge_count);
}

/*
 * TEXT in exactly WIDTH columns, cut with ".." where it is too long. What
 * cannot be printed is a question mark: names may hold anything.
 */
static void
put_fit(FILE *out, const char *text, size_t width, bool pad)
{
	size_t length = strlen(text), used = 0, cut = 0, cut_at = 0;
	mbstate_t state = { 0 };
	char *line = flow_memory_zeroed(length, 1);
	size_t at = 0, end = 0;

	while (at < length && used <= width) {
		wchar_t wide;
		size_t bytes = mbrtowc(&wide, text + at, length - at, &state);
		int columns = bytes <= length - at ? wcwidth(wide) : -1;

		if (bytes > length - at) {
			memset(&state, 0, sizeof(state));
			bytes = 1;
		}
		if (columns < 0) {
			columns = 1;
			line[end++] = '?';
		} else {
			memcpy(line + end, text + at, bytes);
			end += bytes;
		}
		at += bytes;
		used += (size_t)columns;
		if (used + 2 <= width) {
			cut = end;
			cut_at = used;
		}
	}
	if (used > width) {
		line[cut] = '\0';
		fprintf(out, "%s%s", line, width >= 2 ? ".." : "");
		used = cut_at + (width >= 2 ? 2 : 0);
	} else {
		line[end] = '\0';
		fputs(line, out);
	}
	for (; pad && used < width; used++)
		putc(' ', out);
	free(line);
}

static void
put_bytes(FILE *out, int64_t bytes, bool about, int width, const char *unit)
{
	char size[32], text[48] = "-";

	if (bytes >= 0)
		snprintf(text, sizeof(text), "%s%s%s", about ? "~" : "",
			 flow_size_format((uint64_t)bytes, size, sizeof(size)),
			 unit);
	fprintf(out, "%*s", width, text);
}

/* What is in the pipe, of what it can hold: "[#####     ]  50%". */
static void
put_bar(FILE *out, const struct flow_edge_sight *edge)
{
	unsigned part, percent;

	if (edge->waiting < 0 || !edge->capacity) {
		fputs("-", out);
		return;
	}
	percent = (unsigned)(100.0 * (double)edge->waiting /
			     (double)edge->capacity);
	if (percent > 100)
		percent = 100;
	part = (percent * BAR + 50) / 100;
	fprintf(out, "[%.*s%*s] %3u%%", (int)part, "##########",
		(int)(BAR - part), "", percent);
}

/* "waits for input from seq", in words. */
static void
put_doing(FILE *out, const struct flow_table *table,
	  const struct flow_node_sight *node, size_t width, bool pad)
{
	const struct flow_graph *graph = table->plan->graph;
	char *text = NULL;

	if (node->doing == FLOW_DOES_READING) {
		if (asprintf(&text, "waits for input from %s",
			     graph->edges[node->edge]->tail->name) < 0)
			abort();
	} else if (node->doing == FLOW_DOES_WRITING) {
		if (asprintf(&text, "blocked on output to %s",
			     graph->edges[node->edge]->head->name) < 0)
			abort();
	}
	put_fit(out, text ? text : flow_sight_word(node->doing), width, pad);
	free(text);
}

/* What is there, of what is to be: "3.2 s: 2 of 3 nodes run". */
static void
put_state(const struct flow_table *table, FILE *out)
{
	struct flow_board *now = table->now;
	size_t there = 0, ended = 0;

	for (size_t i = 0; i < now->node_count; i++) {
		enum flow_does doing = flow_board_nodes(now)[i].doing;

		ended += doing == FLOW_DOES_ENDED;
		there += doing != FLOW_DOES_ENDED &&
			 doing != FLOW_DOES_NOTHING_YET;
	}
	if (now->over)
		fputs("over after ", out);
	fprintf(out, "%.1f s: ", (double)now->at / FLOW_SECOND);
	if (now->over)
		fprintf(out, "%zu node%s", now->node_count,
			now->node_count == 1 ? "" : "s");
	else
		fprintf(out, "%zu of %zu node%s run", there, now->node_count,
			now->node_count == 1 ? "" : "s");
	if (!now->over && ended)
		fprintf(out, ", %zu ended", ended);
}

static void
put_bottleneck(const struct flow_table *table, FILE *out)
{
	const struct flow_board *now = table->now;

	if (now->bottleneck == FLOW_NONE)
		fputs("bottleneck: none", out);
	else
		fprintf(out, "bottleneck: %s: %s",
			table->plan->graph->nodes[now->bottleneck]->name,
			now->reason);
}

/* How much NODE matters to who looks on. */
static double
node_score(const struct flow_table *table, size_t i)
{
	const struct flow_node_sight *node = &flow_board_nodes(table->now)[i];

	if (table->node_of[i]->id == table->now->bottleneck)
		return 1000;
	switch (node->doing) {
	case FLOW_DOES_RUNNING:
		return 100 + table->cpu[i];
	case FLOW_DOES_STOPPED:
		return 100;
	case FLOW_DOES_READING:
	case FLOW_DOES_WRITING:
	case FLOW_DOES_SLEEPING:
		return 10 + table->cpu[i];
	default:
		return (double)node->cpu / FLOW_SECOND / 1e6;
	}
}

/* How much an edge matters: what it moves, and how full it is. */
static double
edge_score(const struct flow_table *table, size_t i)
{
	const struct flow_edge_sight *edge = &flow_board_edges(table->now)[i];
	double score = table->rates[i] > 0 ? table->rates[i] : 0;

	if (edge->waiting > 0)
		score += (double)edge->waiting;
	if (edge->bytes > 0)
		score += (double)edge->bytes / 1e6;
	return score;
}

static int
descending(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;

	return (left < right) - (left > right);
}

/* Marks in table->shown the MOST of COUNT rows that matter most. */
static void
choose(const struct flow_table *table, size_t count, size_t most,
       double (*score)(const struct flow_table *table, size_t i))
{
	double least, *sorted;
	size_t equal;

	for (size_t i = 0; i < count; i++) {
		table->scores[i] = score(table, i);
		table->shown[i] = true;
	}
	if (count <= most)
		return;
	sorted = flow_memory_zeroed(count, sizeof(*sorted));
	memcpy(sorted, table->scores, count * sizeof(*sorted));
	qsort(sorted, count, sizeof(*sorted), descending);
	least = most ? sorted[most - 1] : sorted[0] + 1;
	for (equal = 0; equal < most && sorted[most - 1 - equal] == least;)
		equal++;
	for (size_t i = 0; i < count; i++) {
		table->shown[i] = table->scores[i] > least;
		if (table->scores[i] == least && equal) {
			equal--;
			table->shown[i] = true;
		}
	}
	free(sorted);
}

/* Columns for a name where REST columns are taken: as the longest one needs. */
static size_t
name_width(size_t longest, unsigned width, size_t rest)
{
	size_t room = width > rest + NAME_LEAST ? width - rest : NAME_LEAST;

	return longest < room ? longest : room;
}

/* Columns of TEXT, about. */
static size_t
columns_of(const char *text)
{
	size_t length = mbstowcs(NULL, text, 0);
	wchar_t *wide;
	int columns;

	if (length == (size_t)-1)
		return strlen(text);
	wide = flow_memory_zeroed(length, sizeof(*wide));
	mbstowcs(wide, text, length + 1);
	columns = wcswidth(wide, length);
	free(wide);
	return columns < 0 ? length : (size_t)columns;
}

static size_t
longest_node(const struct flow_table *table)
{
	size_t longest = 4;

	for (size_t i = 0; i < table->now->node_count; i++)
		if (columns_of(table->node_of[i]->name) > longest)
			longest = columns_of(table->node_of[i]->name);
	return longest;
}

static size_t
longest_edge(const struct flow_table *table)
{
	size_t longest = 4;

	for (size_t i = 0; i < table->now->edge_count; i++)
		if (columns_of(table->edge_names[i]) > longest)
			longest = columns_of(table->edge_names[i]);
	return longest;
}

/* A row of text that is built first, and then cut to the width. */
struct row {
	char *text;
	size_t size;
	FILE *out;
};

static FILE *
begin(struct row *row)
{
	*row = (struct row){ 0 };
	row->out = open_memstream(&row->text, &row->size);
	if (!row->out)
		abort();
	return row->out;
}

static void
finish(struct row *row, unsigned width, FILE *out)
{
	fclose(row->out);
	put_fit(out, row->text, width, false);
	putc('\n', out);
	free(row->text);
}

enum { STATE_WIDTH = 32 };

static void
draw_nodes(const struct flow_table *table, unsigned width, FILE *out)
{
	size_t name = name_width(longest_node(table), width / 2, 4);
	/* CPU and memory stay in sight on a narrow terminal */
	size_t state =
		width > name + 19 + NAME_LEAST ? width - name - 19 : NAME_LEAST;
	struct row row;
	FILE *line = begin(&row);

	if (state > STATE_WIDTH)
		state = STATE_WIDTH;
	put_fit(line, "NODE", name, true);
	fprintf(line, "  %5s %10s  STATE", "CPU", "MEMORY");
	finish(&row, width, out);
	for (size_t i = 0; i < table->now->node_count; i++) {
		const struct flow_node_sight *node =
			&flow_board_nodes(table->now)[i];

		if (!table->shown[i])
			continue;
		line = begin(&row);
		put_fit(line, table->node_of[i]->name, name, true);
		fprintf(line, "  %5.2f ", table->cpu[i]);
		put_bytes(line, (int64_t)node->memory, false, 10, "");
		fputs("  ", line);
		put_doing(line, table, node, state, false);
		finish(&row, width, out);
	}
}

/* A row of edge INDEX: its name, NAME columns wide, and what it has moved. */
static FILE *
begin_edge(struct row *row, const struct flow_table *table, size_t index,
	   size_t name)
{
	const struct flow_edge_sight *edge =
		&flow_board_edges(table->now)[index];
	FILE *line = begin(row);

	put_fit(line, table->edge_names[index], name, true);
	fputs("  ", line);
	put_bytes(line, edge->bytes, edge->from == FLOW_BYTES_READER, 11, "");
	putc(' ', line);
	return line;
}

static void
draw_edges(const struct flow_table *table, unsigned width, FILE *out)
{
	size_t name = name_width(longest_edge(table), width, 48);
	struct row row;
	FILE *line = begin(&row);

	put_fit(line, "EDGE", name, true);
	fprintf(line, "  %11s %13s  PIPE", "MOVED", "RATE");
	finish(&row, width, out);
	for (size_t i = 0; i < table->now->edge_count; i++) {
		const struct flow_edge_sight *edge =
			&flow_board_edges(table->now)[i];

		if (!table->shown[i])
			continue;
		line = begin_edge(&row, table, i, name);
		put_bytes(line, (int64_t)table->rates[i], false, 13, "/s");
		fputs("  ", line);
		put_bar(line, edge);
		finish(&row, width, out);
	}
}

static void
draw_node_sums(const struct flow_table *table, unsigned width, FILE *out)
{
	size_t name = name_width(longest_node(table), width, 48);
	struct row row;
	FILE *line = begin(&row);

	put_fit(line, "NODE", name, true);
	fprintf(line, "  %9s %9s %12s %12s", "CPU", "RAN", "WAITED: IN", "OUT");
	finish(&row, width, out);
	for (size_t i = 0; i < table->now->node_count; i++) {
		const struct flow_node_sight *node =
			&flow_board_nodes(table->now)[i];

		if (!table->shown[i])
			continue;
		line = begin(&row);
		put_fit(line, table->node_of[i]->name, name, true);
		fprintf(line, "  %7.2f s %7.1f s %10.1f s %10.1f s",
			(double)node->cpu / FLOW_SECOND,
			(double)node->running / FLOW_SECOND,
			(double)node->waited_in / FLOW_SECOND,
			(double)node->waited_out / FLOW_SECOND);
		finish(&row, width, out);
	}
}

static void
draw_edge_sums(const struct flow_table *table, unsigned width, FILE *out)
{
	size_t name = name_width(longest_edge(table), width, 58);
	double passed = (double)table->now->at / FLOW_SECOND;
	struct row row;
	FILE *line = begin(&row);

	put_fit(line, "EDGE", name, true);
	fprintf(line, "  %11s %13s %14s %12s", "MOVED", "RATE",
		"WAITED: READER", "WRITER");
	finish(&row, width, out);
	for (size_t i = 0; i < table->now->edge_count; i++) {
		const struct flow_edge_sight *edge =
			&flow_board_edges(table->now)[i];

		if (!table->shown[i])
			continue;
		line = begin_edge(&row, table, i, name);
		put_bytes(line,
			  edge->bytes < 0
				  ? -1
				  : (int64_t)((double)edge->bytes / passed),
			  false, 13, "/s");
		fprintf(line, " %12.1f s %10.1f s",
			(double)edge->reader_waited / FLOW_SECOND,
			(double)edge->writer_waited / FLOW_SECOND);
		finish(&row, width, out);
	}
}

static void
draw(const struct flow_table *table, unsigned width, unsigned height, bool sums,
     FILE *out)
{
	size_t nodes = table->now->node_count, edges = table->now->edge_count;
	size_t room = height > FIXED_LINES ? height - FIXED_LINES : 0;
	size_t node_rows = nodes, edge_rows = edges;
	struct row row;
	FILE *line;

	if (nodes + edges > room) {
		/* half for each, and what one does not need for the other */
		node_rows = nodes < room / 2 ? nodes : room / 2;
		edge_rows = edges < room - node_rows ? edges : room - node_rows;
		node_rows = nodes < room - edge_rows ? nodes : room - edge_rows;
	}
	line = begin(&row);
	put_state(table, line);
	if (node_rows < nodes || edge_rows < edges)
		fprintf(line, "; not shown: %zu nodes, %zu edges",
			nodes - node_rows, edges - edge_rows);
	finish(&row, width, out);
	choose(table, nodes, node_rows, node_score);
	(sums ? draw_node_sums : draw_nodes)(table, width, out);
	choose(table, edges, edge_rows, edge_score);
	(sums ? draw_edge_sums : draw_edges)(table, width, out);
	line = begin(&row);
	put_bottleneck(table, line);
	finish(&row, width, out);
}

void
flow_table_draw(const struct flow_table *table, unsigned width, unsigned height,
		FILE *out)
{
	draw(table, width, height, false, out);
}

void
flow_table_sums(const struct flow_table *table, unsigned width, unsigned height,
		FILE *out)
{
	draw(table, width, height, true, out);
}

void
flow_table_line(const struct flow_table *table, FILE *out)
{
	size_t edges = table->now->edge_count;
	struct row row;

	begin(&row);
	put_state(table, row.out);
	choose(table, edges, LINE_EDGES, edge_score);
	for (size_t i = 0; i < edges; i++) {
		const struct flow_edge_sight *edge =
			&flow_board_edges(table->now)[i];

		if (!table->shown[i])
			continue;
		fprintf(row.out, "; %s ", table->edge_names[i]);
		put_bytes(row.out, edge->bytes, edge->from == FLOW_BYTES_READER,
			  0, "");
		if (table->rates[i] >= 0) {
			fputs(" at ", row.out);
			put_bytes(row.out, (int64_t)table->rates[i], false, 0,
				  "/s");
		}
		if (edge->waiting >= 0 && edge->capacity)
			fprintf(row.out, ", %.0f%% full",
				100.0 * (double)edge->waiting /
					(double)edge->capacity);
	}
	if (edges > LINE_EDGES)
		fprintf(row.out, "; %zu more edges", edges - LINE_EDGES);
	if (table->now->bottleneck != FLOW_NONE) {
		fputs("; ", row.out);
		put_bottleneck(table, row.out);
	}
	fclose(row.out);
	put_fit(out, row.text, SIZE_MAX / 2, false);
	free(row.text);
}
