/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * trace: a run in the Trace Event format. One event a line:
 *
 *	M	names of the one process, the graph, and of a thread a node
 *	X	the life of a node, and within it what it was at, by the samples
 *	C	bytes a second over an edge, and bytes that waited in it
 *	i	failures: of a node (scope "t") and of the run ("g")
 */
#include "config.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "trace.h"

#define PID 1 /* a trace wants one; the nodes' own are in their arguments */

struct tracing {
	const struct flow_history *history;
	FILE *out;
	bool begun; /* something stands before the next event */
};

/* Takes over EVENT and ARGS, which may be NULL, and writes them. */
static void
put(struct tracing *tracing, json_t *event, json_t *args)
{
	char *text;

	json_object_set_new(event, "pid", json_integer(PID));
	if (args)
		json_object_set_new(event, "args", args);
	text = json_dumps(event, JSON_COMPACT | JSON_REAL_PRECISION(15));
	if (!text)
		flow_error_no_memory();
	fprintf(tracing->out, "%s\n%s", tracing->begun ? "," : "", text);
	tracing->begun = true;
	free(text);
	json_decref(event);
}

static json_t *
event(const char *phase, const char *name, size_t thread)
{
	return json_pack("{ss ss sI}", "ph", phase, "name", name, "tid",
			 (json_int_t)thread);
}

static json_t *
microseconds(double seconds)
{
	return json_integer(flow_microseconds(seconds));
}

static void
name_thread(struct tracing *tracing, const char *name, size_t thread)
{
	put(tracing, event("M", "thread_name", thread),
	    json_pack("{ss}", "name", name));
	put(tracing, event("M", "thread_sort_index", thread),
	    json_pack("{sI}", "sort_index", (json_int_t)thread));
}

/* "reading a" is worth more than "reading". */
static void
name_doing(const struct flow_history *history,
	   const struct flow_past_sample *sample, size_t node, char *text,
	   size_t size)
{
	static const char *const words[] = {
		[FLOW_DOING_NOTHING] = NULL,
		[FLOW_DOING_RUNNING] = "running",
		[FLOW_DOING_READING] = "waits for input",
		[FLOW_DOING_WRITING] = "waits for output",
		[FLOW_DOING_SLEEPING] = "sleeps",
		[FLOW_DOING_STOPPED] = "stopped",
	};
	enum flow_doing doing = sample->doing[node];
	const struct flow_past_edge *edge;

	if (sample->at[node] == FLOW_HISTORY_NONE) {
		snprintf(text, size, "%s", words[doing]);
		return;
	}
	edge = &history->edges[sample->at[node]];
	if (doing == FLOW_DOING_WRITING)
		snprintf(text, size, "waits for output to %s", edge->to);
	else if (doing == FLOW_DOING_READING)
		snprintf(text, size, "waits for input from %s", edge->from);
	else
		snprintf(text, size, "%s", words[doing]);
}

/* What node INDEX was at, within its life from START to END. */
static void
put_doings(struct tracing *tracing, size_t index, double start, double end)
{
	const struct flow_history *history = tracing->history;
	size_t from = 0, to;
	size_t size = 0;
	char *text;

	for (size_t i = 0; i < history->edge_count; i++) {
		const struct flow_past_edge *edge = &history->edges[i];
		size_t length = strlen(edge->from) + strlen(edge->to);

		size = length > size ? length : size;
	}
	size += 40;
	text = malloc(size);
	if (!text)
		flow_error_no_memory();
	for (; from < history->sample_count; from = to) {
		const struct flow_past_sample *samples = history->samples;
		double begin = from > 0 ? samples[from - 1].time : 0, stop;
		json_t *doing;

		to = flow_history_same(history, index, from);
		begin = flow_larger(begin, start);
		stop = flow_smaller(samples[to - 1].time, end);
		if (samples[from].doing[index] == FLOW_DOING_NOTHING ||
		    begin >= stop)
			continue;
		name_doing(history, &samples[from], index, text, size);
		doing = event("X", text, index + 1);
		json_object_set_new(doing, "cat", json_string("state"));
		json_object_set_new(doing, "ts", microseconds(begin));
		json_object_set_new(doing, "dur",
				    json_integer(flow_microseconds(stop) -
						 flow_microseconds(begin)));
		put(tracing, doing, NULL);
	}
	free(text);
}

static void
put_process(struct tracing *tracing, size_t index)
{
	const struct flow_history *history = tracing->history;
	const struct flow_past_process *process = &history->processes[index];
	double end = process->start + process->wall;
	json_t *life;
	char words[64];

	name_thread(tracing, process->name, index + 1);
	if (!process->ran)
		return;
	life = event("X", process->name, index + 1);
	json_object_set_new(
		life, "cat",
		json_string(index < history->node_count ? "node" : "relay"));
	json_object_set_new(life, "ts", microseconds(process->start));
	json_object_set_new(life, "dur",
			    json_integer(flow_microseconds(end) -
					 flow_microseconds(process->start)));
	put(tracing, life, json_incref(process->json));
	if (index < history->node_count)
		put_doings(tracing, index, process->start, end);
	if (!process->failed)
		return;
	life = event("i", flow_history_end(process, words, sizeof(words)),
		     index + 1);
	json_object_set_new(life, "cat", json_string("failure"));
	json_object_set_new(life, "ts", microseconds(end));
	json_object_set_new(life, "s", json_string("t"));
	put(tracing, life, NULL);
}

/* Bytes a second; a count that falls back was a wrong one. */
static json_int_t
rate(long long bytes, double seconds)
{
	return bytes > 0 ? (json_int_t)flow_smaller((double)bytes / seconds,
						    0x1p62)
			 : 0;
}

static void
put_counter(struct tracing *tracing, size_t edge, size_t sample)
{
	const struct flow_history *history = tracing->history;
	const struct flow_past_edge *past = &history->edges[edge];
	const struct flow_past_sample *now = &history->samples[sample];
	long long before = sample > 0 ? now[-1].bytes[edge] : 0;
	double span = now->time - (sample > 0 ? now[-1].time : 0);
	json_t *args = json_object(), *counter;

	if (now->bytes[edge] >= 0 && before >= 0 && span > 0)
		json_object_set_new(
			args, "bytes/s",
			json_integer(rate(now->bytes[edge] - before, span)));
	if (now->waiting[edge] >= 0)
		json_object_set_new(args, "waiting bytes",
				    json_integer(now->waiting[edge]));
	if (json_object_size(args) == 0) {
		json_decref(args);
		return;
	}
	counter = json_pack("{ss sI s{}}", "ph", "C", "tid", (json_int_t)0,
			    "args");
	json_object_set_new(counter, "name",
			    json_sprintf("%s:%s -> %s:%s", past->from,
					 past->out, past->to, past->in));
	json_object_set_new(counter, "ts", microseconds(now->time));
	put(tracing, counter, args);
}

void
flow_trace_write(const struct flow_history *history, FILE *out)
{
	struct tracing tracing = { .history = history, .out = out };
	json_t *failure;

	fputs("{\"displayTimeUnit\": \"ms\", \"traceEvents\": [", out);
	put(&tracing, event("M", "process_name", 0),
	    json_pack("{ss}", "name",
		      history->graph ? history->graph : "graph"));
	for (size_t i = 0; i < history->process_count; i++)
		put_process(&tracing, i);
	for (size_t edge = 0; edge < history->edge_count; edge++)
		for (size_t i = 0; i < history->sample_count; i++)
			put_counter(&tracing, edge, i);
	if (history->failure) {
		failure = event("i", history->failure, 0);
		json_object_set_new(failure, "cat", json_string("failure"));
		json_object_set_new(
			failure, "ts",
			microseconds(isnan(history->wall) ? 0 : history->wall));
		json_object_set_new(failure, "s", json_string("g"));
		put(&tracing, failure, NULL);
	}
	fputs("\n]}\n", out);
}
