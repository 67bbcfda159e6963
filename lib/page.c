/* SPDX-License-Identifier: GPL-3.0-or-later */
/* page: a run as one file of HTML. */
#include "config.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "draw.h"
#include "markup.h"
#include "page.h"
#include "picture.h"
#include "size.h"

/* @name@ in it stands for what the part of that name writes. */
static const char frame[] =
#include "page.html.inc"
	;
static const char style[] =
#include "page.css.inc"
#include "picture.css.inc"
	;
static const char script[] =
#include "page.js.inc"
	;
/* Of the script, in base64: the browser runs this one and no other. */
static const char script_hash[] =
#include "page.js.hash.inc"
	;

/*
 * So many samples are in the page for the slider, or so few that what they say
 * of all nodes and edges stays a file that a browser opens at once.
 */
enum { SAMPLES_MOST = 500, SAMPLES_LEAST = 20, SAYINGS_MOST = 100000 };

struct page {
	const struct flow_graph *graph;
	const struct flow_history *history;
	const char *picture;
	FILE *out;
};

static void
text(const struct page *page, const char *words)
{
	flow_markup_text(page->out, words);
}

/* --- the head of the page */

static void
put_hash(const struct page *page)
{
	fputs(script_hash, page->out);
}

static void
put_style(const struct page *page)
{
	fputs(style, page->out);
}

static void
put_script(const struct page *page)
{
	fputs(script, page->out);
}

static void
put_picture(const struct page *page)
{
	fputs(page->picture, page->out);
}

static void
put_title(const struct page *page)
{
	text(page,
	     *page->graph->name ? page->graph->name : page->graph->source);
}

static void
put_verdict(const struct page *page)
{
	if (page->history->status > 0)
		fprintf(page->out,
			"<span class=\"verdict bad\">status %lld</span>",
			page->history->status);
	else
		fputs("<span class=\"verdict\">done</span>", page->out);
}

static void
figure(const struct page *page, const char *name, const char *value)
{
	fprintf(page->out, "<div><dt>%s</dt><dd>%s</dd></div>\n", name, value);
}

static void
put_summary(const struct page *page)
{
	const struct flow_history *history = page->history;
	long long bytes = 0;
	double cpu = 0;
	char words[64];

	for (size_t i = 0; i < history->process_count; i++) {
		const struct flow_past_process *process =
			&history->processes[i];

		if (!isnan(process->user) && !isnan(process->system))
			cpu += process->user + process->system;
	}
	for (size_t i = 0; i < history->edge_count; i++)
		if (history->edges[i].bytes > 0)
			bytes += flow_smaller(history->edges[i].bytes,
					      0x1p62 - bytes);
	fputs("<dl class=\"figures\">\n", page->out);
	if (!isnan(history->wall))
		figure(page, "took",
		       flow_history_time(history->wall, words, sizeof(words)));
	figure(page, "CPU", flow_history_time(cpu, words, sizeof(words)));
	snprintf(words, sizeof(words), "%zu", history->node_count);
	figure(page, "nodes", words);
	snprintf(words, sizeof(words), "%zu", history->edge_count);
	figure(page, "edges", words);
	figure(page, "bytes over all edges",
	       flow_size_format((uint64_t)bytes, words, sizeof(words)));
	fputs("</dl>\n", page->out);
	if (history->failure) {
		fputs("<p class=\"said\">", page->out);
		text(page, history->failure);
		fputs("</p>\n", page->out);
	}
	if (history->ended_by) {
		fputs("<p class=\"said\">The run was ended before its end: ",
		      page->out);
		text(page, history->ended_by);
		fputs(".</p>\n", page->out);
	}
	if (history->bottleneck) {
		fputs("<p class=\"said slow\">The bottleneck: <b>", page->out);
		text(page, history->bottleneck);
		fputs("</b>", page->out);
		if (history->reason) {
			fputs(", ", page->out);
			text(page, history->reason);
		}
		fputs("</p>\n", page->out);
	}
}

/* --- under the picture */

static void
put_legend(const struct page *page)
{
	long long most = flow_draw_most(page->history), bytes = most;
	char size[32];

	for (int step = 0; step < 3 && bytes > 0; step++, bytes /= 10) {
		double width = flow_draw_width(bytes, most);

		fprintf(page->out,
			"<li data-when=\"whole\"><svg viewBox=\"0 0 24 10\">"
			"<rect y=\"%.2f\" width=\"24\" height=\"%.2f\" "
			"fill=\"" FLOW_DRAW_LINE "\"/></svg> %s</li>\n",
			5 - width / 2, width,
			flow_size_format((uint64_t)bytes, size, sizeof(size)));
	}
	if (!flow_draw_knows_waits(page->history))
		return;
	fputs("<li data-when=\"whole\"><i class=\"half full\"></i> the writer "
	      "waited: the pipe was full</li>\n"
	      "<li data-when=\"whole\"><i class=\"half empty\"></i> the reader "
	      "waited: the pipe was empty</li>\n",
	      page->out);
}

/* --- the time line: a bar a process, 1000 units long */

static double
whole_length(const struct flow_history *history)
{
	double length = isnan(history->wall) ? 0 : history->wall;

	for (size_t i = 0; i < history->process_count; i++)
		if (history->processes[i].ran)
			length = flow_larger(
				length, history->processes[i].start +
						history->processes[i].wall);
	for (size_t i = 0; i < history->sample_count; i++)
		length = flow_larger(length, history->samples[i].time);
	return length;
}

static void
segment(const struct page *page, const char *what, double from, double to,
	double scale)
{
	if (to > from)
		fprintf(page->out,
			"<rect class=\"%s\" x=\"%.2f\" width=\"%.2f\" "
			"height=\"10\"/>",
			what, from * scale,
			flow_larger((to - from) * scale, 1));
}

static void
segments(const struct page *page, size_t index, double scale)
{
	static const char *const classes[] = {
		[FLOW_DOING_NOTHING] = "other",
		[FLOW_DOING_RUNNING] = "running",
		[FLOW_DOING_READING] = "reading",
		[FLOW_DOING_WRITING] = "writing",
		[FLOW_DOING_SLEEPING] = "other",
		[FLOW_DOING_STOPPED] = "other",
	};
	const struct flow_history *history = page->history;
	const struct flow_past_process *process = &history->processes[index];
	const struct flow_past_sample *samples = history->samples;
	double start = process->start, end = start + process->wall;
	size_t from = 0, to;

	if (index >= history->node_count)
		from = history->sample_count; /* relays are not in samples */
	segment(page, "other", start, end, scale);
	for (; from < history->sample_count; from = to) {
		double begin = from > 0 ? samples[from - 1].time : 0;

		to = flow_history_same(history, index, from);
		if (samples[from].doing[index] != FLOW_DOING_NOTHING)
			segment(page, classes[samples[from].doing[index]],
				flow_larger(begin, start),
				flow_smaller(samples[to - 1].time, end), scale);
	}
	if (process->failed)
		segment(page, "failed", flow_larger(end - 5 / scale, start),
			end, scale);
}

static void
axis(const struct page *page, double length)
{
	char time[32];

	fputs("<p class=\"axis\"><b></b><span>", page->out);
	for (int i = 0; i <= 4; i++)
		fprintf(page->out, "<span>%s</span>",
			i == 0 ? "0"
			       : flow_history_time(length * i / 4, time,
						   sizeof(time)));
	fputs("</span><small></small></p>\n", page->out);
}

static void
put_rows(const struct page *page)
{
	const struct flow_history *history = page->history;
	double length = whole_length(history);
	double scale = length > 0 ? 1000 / length : 0;
	char words[64], time[32];

	for (size_t i = 0; i < history->process_count; i++) {
		const struct flow_past_process *process =
			&history->processes[i];

		fprintf(page->out, "<p data-id=\"p%zu\"%s><b title=\"", i,
			i < history->node_count ? "" : " class=\"relay\"");
		text(page, process->name);
		fputs("\">", page->out);
		text(page, process->name);
		fputs("</b><svg viewBox=\"0 0 1000 10\" "
		      "preserveAspectRatio=\"none\" aria-hidden=\"true\">",
		      page->out);
		if (process->ran && scale > 0)
			segments(page, i, scale);
		fprintf(page->out, "</svg><small%s>",
			process->failed ? " class=\"bad\"" : "");
		text(page,
		     process->failed || !process->ran
			     ? flow_history_end(process, words, sizeof(words))
			     : flow_history_time(process->wall, time,
						 sizeof(time)));
		fputs("</small></p>\n", page->out);
	}
	axis(page, length);
}

/* --- tables */

static void
begin_table(const struct page *page, const char *const *heads)
{
	fputs("<div class=\"table\"><table>\n<thead><tr>", page->out);
	for (; *heads; heads++) {
		bool number = **heads == '#';

		fprintf(page->out, "<th scope=\"col\"%s>%s</th>",
			number ? " class=\"n\"" : "", *heads + number);
	}
	fputs("</tr></thead>\n<tbody>\n", page->out);
}

static void
end_table(const struct page *page)
{
	fputs("</tbody>\n</table></div>\n", page->out);
}

static void
cell(const struct page *page, const char *words)
{
	fputs("<td>", page->out);
	text(page, words);
	fputs("</td>", page->out);
}

static void
number_cell(const struct page *page, long long number)
{
	if (number < 0)
		fputs("<td class=\"n\" data-value=\"-1\"></td>", page->out);
	else
		fprintf(page->out,
			"<td class=\"n\" data-value=\"%lld\">%lld</td>", number,
			number);
}

static void
size_cell(const struct page *page, long long bytes)
{
	char size[32];

	if (bytes < 0)
		fputs("<td class=\"n\" data-value=\"-1\"></td>", page->out);
	else
		fprintf(page->out,
			"<td class=\"n\" data-value=\"%lld\">%s</td>", bytes,
			flow_size_format((uint64_t)bytes, size, sizeof(size)));
}

static void
time_cell(const struct page *page, double seconds)
{
	char time[32];

	if (isnan(seconds))
		fputs("<td class=\"n\" data-value=\"-1\"></td>", page->out);
	else
		fprintf(page->out,
			"<td class=\"n\" data-value=\"%.6f\">%s</td>", seconds,
			flow_history_time(seconds, time, sizeof(time)));
}

/* A command of several lines is shown by its first one until it is opened. */
static void
command_cell(const struct page *page, const char *command)
{
	const char *whole = command ? command : "";
	const char *start = whole + strspn(whole, " \t\n");
	size_t length = strcspn(start, "\n");
	char *first;

	fputs("<td>", page->out);
	if (start[length] == '\0') {
		fputs("<code>", page->out);
		text(page, start);
		fputs("</code></td>", page->out);
		return;
	}
	first = strndup(start, length);
	if (!first)
		flow_error_no_memory();
	fputs("<details><summary><code>", page->out);
	text(page, first);
	fputs(" \xE2\x80\xA6</code></summary><pre>", page->out);
	text(page, whole + strspn(whole, "\n"));
	fputs("</pre></details></td>", page->out);
	free(first);
}

static void
put_nodes(const struct page *page)
{
	static const char *const heads[] = { "node",	    "end",
					     "#started",    "#took",
					     "#CPU",	    "#waited for input",
					     "#for output", "#memory",
					     "#pid",	    "#line",
					     "command",	    NULL };
	const struct flow_history *history = page->history;
	char end[64];

	begin_table(page, heads);
	for (size_t i = 0; i < history->process_count; i++) {
		const struct flow_past_process *process =
			&history->processes[i];

		fprintf(page->out, "<tr data-id=\"p%zu\"><th scope=\"row\">",
			i);
		text(page, process->name);
		fprintf(page->out, "</th><td%s>",
			process->failed ? " class=\"bad\"" : "");
		text(page, flow_history_end(process, end, sizeof(end)));
		fputs("</td>", page->out);
		time_cell(page, process->ran ? process->start : NAN);
		time_cell(page, process->ran ? process->wall : NAN);
		time_cell(page, process->user + process->system);
		time_cell(page, process->waiting_input);
		time_cell(page, process->waiting_output);
		size_cell(page, process->memory);
		number_cell(page, process->pid > 0 ? process->pid : -1);
		number_cell(page, process->line);
		command_cell(page, process->command);
		fputs("</tr>\n", page->out);
	}
	end_table(page);
}

static void
put_edges(const struct page *page)
{
	static const char *const heads[] = { "from",
					     "port",
					     "to",
					     "port",
					     "#bytes",
					     "#a second",
					     "#writer waited",
					     "#reader waited",
					     "#pipe",
					     "#held back",
					     "whole",
					     "#line",
					     NULL };
	const struct flow_history *history = page->history;

	begin_table(page, heads);
	for (size_t i = 0; i < history->edge_count; i++) {
		const struct flow_past_edge *edge = &history->edges[i];

		fprintf(page->out, "<tr data-id=\"e%zu\"><th scope=\"row\">",
			i);
		text(page, edge->from);
		fputs("</th>", page->out);
		cell(page, edge->out);
		fputs("<th scope=\"row\">", page->out);
		text(page, edge->to);
		fputs("</th>", page->out);
		cell(page, edge->in);
		size_cell(page, edge->bytes);
		size_cell(page,
			  edge->bytes >= 0 && history->wall > 0
				  ? (long long)flow_smaller(
					    (double)edge->bytes / history->wall,
					    0x1p62)
				  : -1);
		time_cell(page, edge->writer_waited);
		time_cell(page, edge->reader_waited);
		size_cell(page, edge->capacity);
		size_cell(page, edge->spilled);
		fputs(edge->whole ? "<td>yes</td>"
				  : "<td class=\"bad\">no</td>",
		      page->out);
		number_cell(page, edge->line > 0 ? edge->line : -1);
		fputs("</tr>\n", page->out);
	}
	end_table(page);
}

static void
put_files(const struct page *page)
{
	static const char *const heads[] = { "file", "#bytes", "written",
					     NULL };
	const struct flow_history *history = page->history;

	if (history->file_count == 0)
		return;
	fputs("<section aria-labelledby=\"h-files\">\n"
	      "<h2 id=\"h-files\">Files</h2>\n",
	      page->out);
	begin_table(page, heads);
	for (size_t i = 0; i < history->file_count; i++) {
		fputs("<tr><th scope=\"row\">", page->out);
		text(page, history->files[i].path);
		fputs("</th>", page->out);
		size_cell(page, history->files[i].bytes);
		fputs(history->files[i].written
			      ? "<td>yes</td></tr>\n"
			      : "<td class=\"bad\">no</td></tr>\n",
		      page->out);
	}
	end_table(page);
	fputs("</section>\n", page->out);
}

/* --- for the script */

/* The report with no more samples than a page can show; owned. */
static json_t *
thinned(const struct flow_history *history)
{
	size_t sayings = history->node_count + history->edge_count + 1;
	size_t most = SAYINGS_MOST / sayings, stride;
	json_t *report, *line, *all, *few, *sample;
	size_t i;

	most = most > SAMPLES_MOST    ? SAMPLES_MOST
	       : most < SAMPLES_LEAST ? SAMPLES_LEAST
				      : most;
	stride = (history->sample_count + most - 1) / most;
	if (stride <= 1)
		return json_incref(history->root);
	report = json_copy(history->root);
	line = json_copy(json_object_get(report, "timeline"));
	all = json_object_get(line, "samples");
	few = json_array();
	json_array_foreach(all, i, sample) if ((i + 1) % stride == 0 ||
					       i + 1 == history->sample_count)
		json_array_append(few, sample);
	json_object_set_new(line, "samples", few);
	json_object_set_new(report, "timeline", line);
	return report;
}

static json_t *
process_number(uint32_t process)
{
	return process == FLOW_HISTORY_NONE ? json_null()
					    : json_integer(process);
}

/* JSON that HTML takes for nothing else: no text in it closes the element. */
static void
put_data(const struct page *page)
{
	const struct flow_history *history = page->history;
	json_t *links = json_array(), *data;
	char *json;

	for (size_t i = 0; i < history->edge_count; i++)
		json_array_append_new(
			links,
			json_pack("[o o]",
				  process_number(history->edges[i].writer),
				  process_number(history->edges[i].reader)));
	data = json_pack("{so so}", "report", thinned(history), "links", links);
	json = json_dumps(data, JSON_COMPACT | JSON_REAL_PRECISION(9));
	json_decref(data);
	if (!json)
		flow_error_no_memory();
	for (const char *c = json; *c; c++) {
		if (*c == '<')
			fputs("\\u003c", page->out);
		else
			putc(*c, page->out);
	}
	free(json);
}

/* --- the whole */

static const struct {
	const char *name;
	void (*put)(const struct page *page);
} parts[] = {
	{ "data", put_data },	    { "edges", put_edges },
	{ "files", put_files },	    { "hash", put_hash },
	{ "legend", put_legend },   { "nodes", put_nodes },
	{ "picture", put_picture }, { "rows", put_rows },
	{ "script", put_script },   { "style", put_style },
	{ "summary", put_summary }, { "title", put_title },
	{ "verdict", put_verdict },
};

/* The part that TEXT, which follows an @, names; NULL: it is no part. */
static void (*part_at(const char *at, size_t *length))(const struct page *)
{
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		*length = strlen(parts[i].name);
		if (strncmp(at, parts[i].name, *length) == 0 &&
		    at[*length] == '@')
			return parts[i].put;
	}
	return NULL;
}

char *
flow_page(const struct flow_graph *graph, const struct flow_history *history,
	  struct flow_error *error)
{
	char *picture = flow_picture_svg(graph, history, false, error);
	struct page page = { graph, history, picture, NULL };
	size_t size, length;
	char *whole = NULL;

	if (!picture)
		return NULL;
	page.out = open_memstream(&whole, &size);
	if (!page.out)
		flow_error_no_memory();
	for (const char *c = frame; *c; c++) {
		void (*put)(const struct page *) =
			*c == '@' ? part_at(c + 1, &length) : NULL;

		if (put) {
			c += length + 1;
			put(&page);
		} else {
			putc(*c, page.out);
		}
	}
	if (fclose(page.out) != 0)
		flow_error_no_memory();
	free(picture);
	return whole;
}
