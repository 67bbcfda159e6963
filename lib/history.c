/* SPDX-License-Identifier: GPL-3.0-or-later */
/* history: a report of a run read back, checked, and laid over its graph. */
#include "config.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "history.h"

/* Where in the report we are, and whether something was wrong there. */
struct reading {
	struct flow_history *history;
	struct flow_error *error;
	const char *list; /* "nodes", or NULL: the report itself */
	size_t index; /* in it */
	bool wrong;
};

static void *
zeroed(size_t count, size_t size)
{
	void *memory = calloc(count + 1, size);

	if (!memory)
		flow_error_no_memory();
	return memory;
}

/* The first thing that is wrong is the one that is told. */
static void __attribute__((format(printf, 3, 4)))
refuse(struct reading *reading, const char *key, const char *format, ...)
{
	char place[96], *text = NULL;
	va_list list;

	if (reading->wrong)
		return;
	reading->wrong = true;
	if (reading->list)
		snprintf(place, sizeof(place), "%s[%zu].%s", reading->list,
			 reading->index, key);
	else
		snprintf(place, sizeof(place), "%s", key);
	va_start(list, format);
	if (vasprintf(&text, format, list) < 0)
		text = NULL;
	va_end(list);
	flow_error_set(reading->error, EX_DATAERR, "report %s: %s %s",
		       reading->history->source, place, text ? text : "wrong");
	free(text);
}

/* --- values, each of one type or unknown */

static json_t *
value_of(json_t *object, const char *key)
{
	json_t *value = json_object_get(object, key);

	return json_is_null(value) ? NULL : value;
}

static const char *
text_of(struct reading *reading, json_t *object, const char *key, bool needed)
{
	json_t *value = value_of(object, key);

	if (value ? !json_is_string(value) : needed)
		refuse(reading, key, "is no text");
	return json_string_value(value);
}

static long long
number_of(struct reading *reading, json_t *object, const char *key)
{
	json_t *value = value_of(object, key);

	if (!value)
		return -1;
	if (!json_is_integer(value) || json_integer_value(value) < 0) {
		refuse(reading, key, "is no whole number");
		return -1;
	}
	return json_integer_value(value);
}

static double
seconds_of(struct reading *reading, json_t *object, const char *key)
{
	json_t *value = value_of(object, key);
	double seconds = json_number_value(value);

	if (!value)
		return NAN;
	/* a thousand years, so that microseconds are whole numbers */
	if (!json_is_number(value) || !(seconds >= 0 && seconds < 4e10)) {
		refuse(reading, key, "is no number of seconds");
		return NAN;
	}
	return seconds;
}

static bool
truth_of(struct reading *reading, json_t *object, const char *key, bool unknown)
{
	json_t *value = value_of(object, key);

	if (!value)
		return unknown;
	if (!json_is_boolean(value))
		refuse(reading, key, "is neither true nor false");
	return json_is_true(value);
}

/* The list KEY of OBJECT, of which an element is an object; its length in *COUNT. */
static json_t *
list_of(struct reading *reading, json_t *object, const char *key, bool needed,
	size_t *count)
{
	json_t *value = value_of(object, key), *element;
	size_t i;

	*count = json_array_size(value);
	if (value ? !json_is_array(value) : needed) {
		refuse(reading, key, "is no list");
		return NULL;
	}
	json_array_foreach(value, i, element)
	{
		if (!json_is_object(element)) {
			refuse(reading, key, "holds what is no object");
			*count = 0;
			return NULL;
		}
	}
	return value;
}

static json_t *
object_of(struct reading *reading, json_t *object, const char *key)
{
	json_t *value = value_of(object, key);

	if (value && !json_is_object(value)) {
		refuse(reading, key, "is no object");
		return NULL;
	}
	return value;
}

/* --- the parts of a report */

static void
read_process(struct reading *reading, json_t *json,
	     struct flow_past_process *process)
{
	process->json = json;
	process->name = text_of(reading, json, "name", true);
	process->command = text_of(reading, json, "command", false);
	process->outcome = text_of(reading, json, "outcome", false);
	process->signal = text_of(reading, json, "signal", false);
	process->timed_out = truth_of(reading, json, "timed_out", false);
	process->line = number_of(reading, json, "line");
	process->pid = number_of(reading, json, "pid");
	process->status = number_of(reading, json, "status");
	process->memory = number_of(reading, json, "peak_memory_bytes");
	process->start = seconds_of(reading, json, "start_s");
	process->wall = seconds_of(reading, json, "wall_s");
	process->user = seconds_of(reading, json, "user_s");
	process->system = seconds_of(reading, json, "system_s");
	process->running = seconds_of(reading, json, "running_s");
	process->waiting_input = seconds_of(reading, json, "waiting_input_s");
	process->waiting_output = seconds_of(reading, json, "waiting_output_s");
	process->failed =
		process->outcome && strcmp(process->outcome, "failed") == 0;
	process->ran = process->pid > 0 && !isnan(process->start) &&
		       !isnan(process->wall);
}

static void
read_processes(struct reading *reading, json_t *root)
{
	struct flow_history *history = reading->history;
	size_t nodes, relays;
	json_t *node_list = list_of(reading, root, "nodes", true, &nodes);
	json_t *relay_list = list_of(reading, root, "relays", false, &relays);

	if (reading->wrong)
		return;
	history->processes =
		zeroed(nodes + relays, sizeof(*history->processes));
	history->node_count = nodes;
	history->process_count = nodes + relays;
	for (size_t i = 0; i < nodes + relays; i++) {
		bool relay = i >= nodes;

		reading->list = relay ? "relays" : "nodes";
		reading->index = relay ? i - nodes : i;
		read_process(reading,
			     json_array_get(relay ? relay_list : node_list,
					    reading->index),
			     &history->processes[i]);
	}
	reading->list = NULL;
}

static void
read_edges(struct reading *reading, json_t *root)
{
	struct flow_history *history = reading->history;
	json_t *list =
		list_of(reading, root, "edges", true, &history->edge_count);

	history->edges = zeroed(history->edge_count, sizeof(*history->edges));
	reading->list = "edges";
	for (size_t i = 0; i < history->edge_count; i++) {
		struct flow_past_edge *edge = &history->edges[i];
		json_t *json = json_array_get(list, i);
		const char *via;

		reading->index = i;
		edge->from = text_of(reading, json, "from", true);
		edge->out = text_of(reading, json, "out", true);
		edge->to = text_of(reading, json, "to", true);
		edge->in = text_of(reading, json, "in", true);
		edge->line = number_of(reading, json, "line");
		edge->bytes = number_of(reading, json, "bytes");
		edge->capacity = number_of(reading, json, "capacity_bytes");
		edge->spilled = number_of(reading, json, "spilled_most_bytes");
		edge->writer_waited =
			seconds_of(reading, json, "writer_waited_s");
		edge->reader_waited =
			seconds_of(reading, json, "reader_waited_s");
		edge->whole = truth_of(reading, json, "whole", true);
		via = text_of(reading, json, "via", false);
		edge->dashed = via && strcmp(via, "signal") == 0;
		edge->writer = edge->reader = FLOW_HISTORY_NONE;
	}
	reading->list = NULL;
}

static void
read_files(struct reading *reading, json_t *root)
{
	struct flow_history *history = reading->history;
	json_t *list =
		list_of(reading, root, "files", false, &history->file_count);

	history->files = zeroed(history->file_count, sizeof(*history->files));
	reading->list = "files";
	for (size_t i = 0; i < history->file_count; i++) {
		struct flow_past_file *file = &history->files[i];
		json_t *json = json_array_get(list, i);

		reading->index = i;
		file->path = text_of(reading, json, "path", true);
		file->bytes = number_of(reading, json, "bytes");
		file->written = truth_of(reading, json, "written", false);
	}
	reading->list = NULL;
}

/* --- samples */

static enum flow_doing
doing_of(const char *state)
{
	static const struct {
		const char *word;
		enum flow_doing doing;
	} words[] = {
		{ "running", FLOW_DOING_RUNNING },
		{ "reading", FLOW_DOING_READING },
		{ "writing", FLOW_DOING_WRITING },
		{ "sleeping", FLOW_DOING_SLEEPING },
		{ "stopped", FLOW_DOING_STOPPED },
	};

	for (size_t i = 0; state && i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(state, words[i].word) == 0)
			return words[i].doing;
	return FLOW_DOING_NOTHING;
}

static void
read_sample(struct reading *reading, json_t *json,
	    struct flow_past_sample *sample)
{
	const struct flow_history *history = reading->history;
	size_t nodes, edges;
	json_t *node_list = list_of(reading, json, "nodes", true, &nodes);
	json_t *edge_list = list_of(reading, json, "edges", true, &edges);

	sample->time = seconds_of(reading, json, "t_s");
	if (isnan(sample->time))
		refuse(reading, "t_s", "is missing");
	if (nodes != history->node_count)
		refuse(reading, "nodes", "has %zu entries for %zu nodes", nodes,
		       history->node_count);
	if (edges != history->edge_count)
		refuse(reading, "edges", "has %zu entries for %zu edges", edges,
		       history->edge_count);
	if (reading->wrong)
		return;
	for (size_t i = 0; i < nodes; i++) {
		json_t *node = json_array_get(node_list, i);
		long long at = number_of(reading, node, "edge");

		if (at >= 0 && (size_t)at >= edges)
			refuse(reading, "nodes", "names edge %lld of %zu", at,
			       edges);
		sample->doing[i] =
			doing_of(text_of(reading, node, "state", true));
		sample->at[i] = at < 0 ? FLOW_HISTORY_NONE : (uint32_t)at;
	}
	for (size_t i = 0; i < edges; i++) {
		json_t *edge = json_array_get(edge_list, i);

		sample->bytes[i] = number_of(reading, edge, "bytes");
		sample->waiting[i] = number_of(reading, edge, "waiting_bytes");
	}
}

/* One block for all samples; its parts in falling order of their alignment. */
static void
share_out_arena(struct flow_history *history)
{
	size_t nodes = history->node_count, edges = history->edge_count;
	size_t count = history->sample_count;
	long long *numbers;
	enum flow_doing *doing;
	uint32_t *at;

	/* a sample has at least one byte of text for each of these */
	history->arena = zeroed(count * (2 * edges + nodes), sizeof(*numbers));
	numbers = history->arena;
	at = (uint32_t *)(numbers + count * 2 * edges);
	doing = (enum flow_doing *)(at + count * nodes);
	for (size_t i = 0; i < count; i++) {
		struct flow_past_sample *sample = &history->samples[i];

		sample->bytes = numbers + i * 2 * edges;
		sample->waiting = sample->bytes + edges;
		sample->at = at + i * nodes;
		sample->doing = doing + i * nodes;
	}
}

static void
read_samples(struct reading *reading, json_t *root)
{
	struct flow_history *history = reading->history;
	json_t *line = object_of(reading, root, "timeline"), *list;
	double before = 0;

	if (!line || reading->wrong)
		return;
	history->interval = seconds_of(reading, line, "interval_s");
	list = list_of(reading, line, "samples", true, &history->sample_count);
	/* lest a short text ask for much memory */
	reading->list = "timeline.samples";
	for (size_t i = 0; i < history->sample_count; i++) {
		json_t *json = json_array_get(list, i);

		reading->index = i;
		if (json_array_size(json_object_get(json, "nodes")) !=
			    history->node_count ||
		    json_array_size(json_object_get(json, "edges")) !=
			    history->edge_count)
			refuse(reading, "nodes",
			       "and edges are not those of the report");
	}
	if (reading->wrong)
		history->sample_count = 0;
	history->samples =
		zeroed(history->sample_count, sizeof(*history->samples));
	share_out_arena(history);
	for (size_t i = 0; i < history->sample_count; i++) {
		reading->index = i;
		read_sample(reading, json_array_get(list, i),
			    &history->samples[i]);
		if (history->samples[i].time < before)
			refuse(reading, "t_s", "is before the one before");
		before = history->samples[i].time;
	}
	reading->list = NULL;
}

static void
read_root(struct reading *reading, json_t *root)
{
	struct flow_history *history = reading->history;
	json_t *part;

	history->graph = text_of(reading, root, "graph", false);
	history->ended_by = text_of(reading, root, "ended_by", false);
	history->status = number_of(reading, root, "status");
	history->wall = seconds_of(reading, root, "wall_s");
	part = object_of(reading, root, "failure");
	if (part)
		history->failure = text_of(reading, part, "text", false);
	part = object_of(reading, root, "bottleneck");
	if (part) {
		history->bottleneck = text_of(reading, part, "node", false);
		history->reason = text_of(reading, part, "reason", false);
	}
	read_processes(reading, root);
	read_edges(reading, root);
	read_files(reading, root);
	read_samples(reading, root);
}

int
flow_history_read(struct flow_history *history, const char *text, size_t length,
		  const char *source, struct flow_error *error)
{
	struct reading reading = { .history = history, .error = error };
	json_error_t where;

	*history = (struct flow_history){ .source = source, .wall = NAN };
	history->root =
		json_loadb(text, length, JSON_REJECT_DUPLICATES, &where);
	if (!history->root)
		return flow_error_set(error, EX_DATAERR,
				      "report %s is no JSON: line %d: %s",
				      source, where.line, where.text);
	if (!json_is_object(history->root)) {
		reading.wrong = true;
		flow_error_set(error, EX_DATAERR,
			       "report %s is no report: it is no object",
			       source);
	} else {
		read_root(&reading, history->root);
	}
	if (!reading.wrong)
		return 0;
	flow_history_clear(history);
	return -1;
}

void
flow_history_clear(struct flow_history *history)
{
	json_decref(history->root);
	free(history->processes);
	free(history->edges);
	free(history->files);
	free(history->samples);
	free(history->arena);
	*history = (struct flow_history){ .wall = NAN };
}

/* --- which part of the graph is which part of the report */

/* Do they name the same? The report has a question mark for what is no UTF-8. */
static int
compare_names(const char *in_graph, const char *in_report)
{
	for (; *in_graph && *in_report; in_graph++, in_report++)
		if (*in_graph != *in_report &&
		    !((unsigned char)*in_graph >= 0x80 && *in_report == '?'))
			break;
	return (unsigned char)*in_graph - (unsigned char)*in_report;
}

struct named {
	const char *name;
	uint32_t process;
};

static int
by_name(const void *left, const void *right)
{
	const struct named *a = left, *b = right;
	int order = strcmp(a->name, b->name);

	return order ? order
		     : (a->process > b->process) - (a->process < b->process);
}

/* NAME as the report has it; owned. */
static char *
reported(const char *name)
{
	json_t *plain = json_string(name);
	char *copy = strdup(name);

	if (!copy)
		flow_error_no_memory();
	for (char *c = copy; !plain && *c; c++)
		if ((unsigned char)*c >= 0x80)
			*c = '?';
	json_decref(plain);
	return copy;
}

/* The process called NAME that no other node has taken; or NONE. */
static uint32_t
take_process(struct flow_history *history, const struct named *sorted,
	     const char *name)
{
	size_t low = 0, high = history->process_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(sorted[middle].name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < history->process_count &&
	       strcmp(sorted[low].name, name) == 0;
	     low++)
		if (!history->processes[sorted[low].process].node)
			return sorted[low].process;
	return FLOW_HISTORY_NONE;
}

/* Gives each process its node; WHERE, one a node of the graph, its process. */
static int
match_nodes(struct flow_history *history, const struct flow_graph *graph,
	    uint32_t *where, struct flow_error *error)
{
	struct named *sorted = zeroed(history->process_count, sizeof(*sorted));
	int result = 0;

	for (uint32_t i = 0; i < history->process_count; i++)
		sorted[i] = (struct named){ history->processes[i].name, i };
	qsort(sorted, history->process_count, sizeof(*sorted), by_name);
	for (size_t i = 0; i < graph->node_count && result == 0; i++) {
		const struct flow_node *node = graph->nodes[i];
		char *name;

		where[i] = FLOW_HISTORY_NONE;
		if (node->kind != FLOW_NODE_PROCESS)
			continue;
		name = reported(node->name);
		where[i] = take_process(history, sorted, name);
		free(name);
		if (where[i] == FLOW_HISTORY_NONE)
			result = flow_error_set(
				error, EX_DATAERR,
				"report %s is not of this graph: it has no "
				"node `%s`",
				history->source, node->name);
		else
			history->processes[where[i]].node = node;
	}
	free(sorted);
	for (size_t i = 0; i < history->node_count && result == 0; i++)
		if (!history->processes[i].node)
			result = flow_error_set(
				error, EX_DATAERR,
				"report %s is not of this graph: its node "
				"`%s` is not in %s",
				history->source, history->processes[i].name,
				graph->source);
	return result;
}

static bool
is_same_edge(const struct flow_past_edge *past, const struct flow_edge *edge)
{
	char out[64], in[64];

	return compare_names(edge->tail->name, past->from) == 0 &&
	       compare_names(edge->head->name, past->to) == 0 &&
	       compare_names(flow_port_name(&edge->out, out, sizeof(out)),
			     past->out) == 0 &&
	       compare_names(flow_port_name(&edge->in, in, sizeof(in)),
			     past->in) == 0;
}

static int
match_edges(struct flow_history *history, const struct flow_graph *graph,
	    const uint32_t *where, struct flow_error *error)
{
	if (history->edge_count != graph->edge_count)
		return flow_error_set(
			error, EX_DATAERR,
			"report %s is not of this graph: it has %zu edges, "
			"and %s has %zu",
			history->source, history->edge_count, graph->source,
			graph->edge_count);
	for (size_t i = 0; i < graph->edge_count; i++) {
		struct flow_past_edge *past = &history->edges[i];
		const struct flow_edge *edge = graph->edges[i];

		if (!is_same_edge(past, edge))
			return flow_error_set(
				error, EX_DATAERR,
				"report %s is not of this graph: edge %zu is "
				"%s -> %s there, and %s -> %s in %s",
				history->source, i + 1, past->from, past->to,
				edge->tail->name, edge->head->name,
				graph->source);
		past->edge = edge;
		past->writer = where[edge->tail->id];
		past->reader = where[edge->head->id];
	}
	return 0;
}

int
flow_history_match(struct flow_history *history, const struct flow_graph *graph,
		   struct flow_error *error)
{
	uint32_t *where = zeroed(graph->node_count, sizeof(*where));
	int result = match_nodes(history, graph, where, error);

	if (result == 0)
		result = match_edges(history, graph, where, error);
	free(where);
	return result;
}

/* --- for those who tell of it */

size_t
flow_history_same(const struct flow_history *history, size_t process,
		  size_t from)
{
	const struct flow_past_sample *samples = history->samples;
	size_t to = from + 1;

	while (to < history->sample_count &&
	       samples[to].doing[process] == samples[from].doing[process] &&
	       samples[to].at[process] == samples[from].at[process])
		to++;
	return to;
}

const char *
flow_history_end(const struct flow_past_process *process, char *buffer,
		 size_t size)
{
	const char *outcome = process->outcome ? process->outcome : "";

	if (!process->ran)
		snprintf(buffer, size, "not run");
	else if (process->timed_out)
		snprintf(buffer, size, "timed out");
	else if (strcmp(outcome, "readers gone") == 0)
		snprintf(buffer, size, "its readers had gone");
	else if (strcmp(outcome, "stopped") == 0)
		snprintf(buffer, size, "stopped");
	else if (process->signal)
		snprintf(buffer, size, "killed by %.20s", process->signal);
	else if (process->status >= 0)
		snprintf(buffer, size, "exit %lld", process->status);
	else
		snprintf(buffer, size, "ended");
	return buffer;
}

const char *
flow_history_time(double seconds, char *buffer, size_t size)
{
	if (isnan(seconds))
		snprintf(buffer, size, "?");
	else if (seconds <= 0)
		snprintf(buffer, size, "0 s");
	else if (seconds < 0.00995)
		snprintf(buffer, size, "%.1f ms", seconds * 1e3);
	else if (seconds < 0.995)
		snprintf(buffer, size, "%.0f ms", seconds * 1e3);
	else if (seconds < 99.5)
		snprintf(buffer, size, seconds < 9.95 ? "%.2f s" : "%.1f s",
			 seconds);
	else if (seconds < 7200)
		snprintf(buffer, size, "%d min %02d s", (int)seconds / 60,
			 (int)seconds % 60);
	else
		snprintf(buffer, size, "%lld h %02d min",
			 (long long)seconds / 3600,
			 (int)((long long)seconds / 60 % 60));
	return buffer;
}

double
flow_history_share(const struct flow_history *history, uint32_t process,
		   double waited)
{
	double wall;

	if (process == FLOW_HISTORY_NONE || isnan(waited))
		return 0;
	wall = history->processes[process].wall;
	if (isnan(wall) || wall <= 0)
		return 0;
	return waited < wall ? waited / wall : 1;
}
