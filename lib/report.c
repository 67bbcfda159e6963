/* SPDX-License-Identifier: GPL-3.0-or-later */
/* report: a run as JSON, through jansson. */
#include "config.h"

#include <errno.h>
#include <jansson.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io.h"
#include "report.h"
#include "sample.h"
#include "verdict.h"

static const char *const outcomes[] = {
	[FLOW_OUTCOME_NONE] = "not run",      [FLOW_OUTCOME_OK] = "ok",
	[FLOW_OUTCOME_GONE] = "readers gone", [FLOW_OUTCOME_FAILED] = "failed",
	[FLOW_OUTCOME_STOPPED] = "stopped",
};

static const char *const reasons[] = {
	[FLOW_REASON_NONE] = NULL,
	[FLOW_REASON_FAILURE] = "first failure",
	[FLOW_REASON_SIGNAL] = "signal",
	[FLOW_REASON_TIMEOUT] = "time-out",
	[FLOW_REASON_DEADLOCK] = "deadlock",
	[FLOW_REASON_TROUBLE] = "own failure",
	[FLOW_REASON_FRONT] = "killed",
};

static double
seconds(int64_t nanoseconds)
{
	return (double)nanoseconds / FLOW_SECOND;
}

static double
timeval_seconds(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

/* Names come from DOT and may hold any bytes; JSON wants UTF-8. */
static json_t *
text(const char *bytes)
{
	json_t *string = json_string(bytes);
	char *plain;

	if (string || !bytes)
		return string ? string : json_null();
	plain = strdup(bytes);
	for (char *c = plain; c && *c; c++)
		if ((unsigned char)*c >= 0x80)
			*c = '?';
	string = json_string(plain ? plain : "?");
	free(plain);
	return string;
}

static json_t *
signal_name(int number)
{
	const char *name = number ? sigabbrev_np(number) : NULL;

	return name ? json_sprintf("SIG%s", name) : json_null();
}

/* What it used and how long it took: both of a process and of a try of one. */
static void
set_usage(json_t *entry, const struct flow_state *state, int64_t started,
	  int64_t ended, const struct rusage *usage)
{
	json_object_set_new(
		entry, "start_s",
		json_real(started ? seconds(started - state->started) : 0));
	json_object_set_new(entry, "wall_s",
			    json_real(started ? seconds(ended - started) : 0));
	json_object_set_new(entry, "user_s",
			    json_real(timeval_seconds(usage->ru_utime)));
	json_object_set_new(entry, "system_s",
			    json_real(timeval_seconds(usage->ru_stime)));
	json_object_set_new(entry, "peak_memory_bytes",
			    json_integer(usage->ru_maxrss * 1024LL));
}

/* How those ended that were started before. */
static json_t *
tries_entry(const struct flow_state *state, const struct flow_again *again)
{
	json_t *tries = json_array();

	for (size_t i = 0; i < again->try_count; i++) {
		const struct flow_try *one = &again->tries[i];
		json_t *entry = json_object();

		json_object_set_new(entry, "pid", json_integer(one->pid));
		json_object_set_new(entry, "status", json_integer(one->status));
		json_object_set_new(entry, "signal", signal_name(one->signal));
		set_usage(entry, state, one->started, one->ended, &one->usage);
		json_array_append_new(tries, entry);
	}
	return tries;
}

static void
add_waits(json_t *entry, const struct flow_node_sight *sight)
{
	json_object_set_new(entry, "running_s",
			    json_real(seconds(sight->running)));
	json_object_set_new(entry, "waiting_input_s",
			    json_real(seconds(sight->waited_in)));
	json_object_set_new(entry, "waiting_output_s",
			    json_real(seconds(sight->waited_out)));
}

/* SIGHT is NULL for a relay. */
static json_t *
process_entry(const struct flow_state *state, size_t index,
	      const struct flow_node_sight *sight)
{
	const struct flow_process *process = &state->plan->processes[index];
	const struct flow_process_state *p = &state->processes[index];
	json_t *entry = json_object();

	json_object_set_new(entry, "name", text(process->name));
	if (flow_process_is_node(process)) {
		json_object_set_new(entry, "line",
				    json_integer(process->node->line));
		if (process->node->inner)
			json_object_set_new(entry, "file",
					    text(process->node->inner->source));
		json_object_set_new(entry, "command",
				    text(process->node->command));
	}
	json_object_set_new(entry, "pid", json_integer(p->pid));
	json_object_set_new(entry, "outcome",
			    json_string(outcomes[p->outcome]));
	json_object_set_new(entry, "status",
			    p->pid ? json_integer(p->status) : json_null());
	json_object_set_new(entry, "signal", signal_name(p->signal));
	json_object_set_new(entry, "timed_out", json_boolean(p->timed_out));
	set_usage(entry, state, p->pid ? p->started : 0, p->ended, &p->usage);
	if (!flow_process_is_node(process))
		return entry;
	json_object_set_new(entry, "restarts",
			    json_integer((json_int_t)p->again.restarts));
	json_object_set_new(entry, "tries", tries_entry(state, &p->again));
	if (sight)
		add_waits(entry, sight);
	return entry;
}

/* What a sight does not know is null. */
static json_t *
known(int64_t number)
{
	return number < 0 ? json_null() : json_integer(number);
}

static json_t *
edge_entry(const struct flow_state *state, const struct flow_edge *edge,
	   const bool *patched)
{
	static const char *const sources[] = {
		[FLOW_BYTES_RELAY] = "relay",
		[FLOW_BYTES_FILE] = "file",
		[FLOW_BYTES_WRITER] = "writer",
		[FLOW_BYTES_READER] = "reader",
	};
	const struct flow_route *route = &state->plan->routes[edge->id];
	const struct flow_edge_sight *sight =
		&flow_sampler_edges(state->sampler)[edge->id];
	json_t *entry = json_object();
	char port[64];

	json_object_set_new(entry, "from", text(edge->tail->name));
	json_object_set_new(
		entry, "out",
		text(flow_port_name(&edge->out, port, sizeof(port))));
	json_object_set_new(entry, "to", text(edge->head->name));
	json_object_set_new(
		entry, "in",
		text(flow_port_name(&edge->in, port, sizeof(port))));
	json_object_set_new(entry, "line", json_integer(edge->line));
	json_object_set_new(entry, "bytes", known(sight->bytes));
	json_object_set_new(entry, "bytes_from",
			    sight->from ? json_string(sources[sight->from])
					: json_null());
	json_object_set_new(
		entry, "capacity_bytes",
		known(sight->capacity ? (int64_t)sight->capacity : -1));
	json_object_set_new(entry, "reader_waited_s",
			    json_real(seconds(sight->reader_waited)));
	json_object_set_new(entry, "writer_waited_s",
			    json_real(seconds(sight->writer_waited)));
	if (edge->elastic && route->pipe != FLOW_NONE)
		json_object_set_new(
			entry, "spilled_most_bytes",
			json_integer((json_int_t)atomic_load(
				&state->meters[route->pipe].spilled_most)));
	if (edge->slow == FLOW_SLOW_DROP)
		json_object_set_new(
			entry, "dropped_records",
			json_integer(
				(json_int_t)flow_verdict_dropped(state, edge)));
	json_object_set_new(
		entry, "whole",
		json_boolean(!state->tainted[edge->id] && !patched[edge->id]));
	return entry;
}

static json_t *
file_entry(const struct flow_state *state, size_t index)
{
	const struct flow_open_file *file = &state->files[index];
	long long size = flow_file_size(file);
	json_t *entry = json_object();

	json_object_set_new(entry, "path", text(file->planned->path));
	json_object_set_new(entry, "bytes",
			    size < 0 ? json_null() : json_integer(size));
	json_object_set_new(entry, "written",
			    json_boolean(state->committed[index]));
	return entry;
}

static json_t *
failure_entry(const struct flow_state *state, const char *line)
{
	uint32_t first = state->first_failure;
	json_t *entry;

	if (!line)
		return json_null();
	entry = json_object();
	json_object_set_new(entry, "text", text(line));
	json_object_set_new(entry, "node",
			    first == FLOW_NONE
				    ? json_null()
				    : text(state->plan->processes[first].name));
	json_object_set_new(entry, "failed_nodes",
			    json_integer(state->failures));
	return entry;
}

static json_t *
bottleneck_entry(const struct flow_state *state)
{
	char reason[192];
	uint32_t id =
		flow_sampler_bottleneck(state->sampler, reason, sizeof(reason));
	json_t *entry;

	if (id == FLOW_NONE)
		return json_null();
	entry = json_object();
	json_object_set_new(entry, "node",
			    text(state->plan->graph->nodes[id]->name));
	json_object_set_new(entry, "reason", json_string(reason));
	return entry;
}

/* What node N did up to MOMENT; BEFORE is the one before it, or NULL. */
static json_t *
node_moment(const struct flow_moment *moment, const struct flow_moment *before,
	    size_t n)
{
	const struct flow_node_sight *node = &moment->nodes[n];
	int64_t used = node->cpu - (before ? before->nodes[n].cpu : 0);
	int64_t passed = moment->at - (before ? before->at : 0);
	json_t *entry = json_object();

	json_object_set_new(entry, "state",
			    json_string(flow_sight_word(node->doing)));
	json_object_set_new(entry, "edge",
			    node->edge == FLOW_NONE ? json_null()
						    : json_integer(node->edge));
	json_object_set_new(
		entry, "cpu",
		json_real(passed > 0 ? (double)used / (double)passed : 0));
	json_object_set_new(entry, "memory_bytes",
			    json_integer((json_int_t)node->memory));
	return entry;
}

/* A count from another source than the last one would not go on from it. */
static json_t *
edge_moment(const struct flow_edge_sight *sight,
	    const struct flow_edge_sight *last)
{
	json_t *entry = json_object();

	json_object_set_new(
		entry, "bytes",
		known(sight->from == last->from ? sight->bytes : -1));
	json_object_set_new(entry, "waiting_bytes", known(sight->waiting));
	return entry;
}

static json_t *
timeline_entry(const struct flow_state *state)
{
	const struct flow_timeline *line = flow_sampler_line(state->sampler);
	const struct flow_edge_sight *last = flow_sampler_edges(state->sampler);
	json_t *entry = json_object(), *samples = json_array();

	for (size_t i = 0; i < line->count; i++) {
		const struct flow_moment *moment = &line->moments[i];
		json_t *sample = json_object(), *nodes = json_array(),
		       *edges = json_array();

		for (size_t n = 0; n < line->node_count; n++)
			json_array_append_new(
				nodes,
				node_moment(moment, i ? moment - 1 : NULL, n));
		for (size_t e = 0; e < line->edge_count; e++)
			json_array_append_new(
				edges,
				edge_moment(&moment->edges[e], &last[e]));
		json_object_set_new(sample, "t_s",
				    json_real(seconds(moment->at)));
		json_object_set_new(sample, "nodes", nodes);
		json_object_set_new(sample, "edges", edges);
		json_array_append_new(samples, sample);
	}
	json_object_set_new(entry, "interval_s",
			    json_real(seconds(line->interval)));
	json_object_set_new(entry, "samples", samples);
	return entry;
}

static json_t *
whole_report(const struct flow_state *state, const char *line)
{
	const struct flow_plan *plan = state->plan;
	json_t *root = json_object(), *nodes = json_array(),
	       *relays = json_array(), *edges = json_array(),
	       *files = json_array();
	const char *reason = reasons[state->reason];
	bool *patched = calloc(plan->graph->edge_count + 1, sizeof(*patched));
	const struct flow_node_sight *sight =
		flow_sampler_nodes(state->sampler);

	if (!patched)
		abort();
	flow_verdict_patched(state, patched);
	for (size_t i = 0; i < plan->process_count; i++) {
		if (flow_process_is_node(&plan->processes[i]))
			json_array_append_new(nodes,
					      process_entry(state, i, sight++));
		else
			json_array_append_new(relays,
					      process_entry(state, i, NULL));
	}
	for (size_t i = 0; i < plan->graph->edge_count; i++)
		json_array_append_new(
			edges,
			edge_entry(state, plan->graph->edges[i], patched));
	free(patched);
	for (size_t i = 0; i < plan->file_count; i++)
		if (state->files[i].commits)
			json_array_append_new(files, file_entry(state, i));
	json_object_set_new(root, "graph", text(plan->graph->source));
	json_object_set_new(root, "status",
			    json_integer(state->status < 0 ? 128 - state->status
							   : state->status));
	json_object_set_new(root, "ended_by",
			    reason ? json_string(reason) : json_null());
	json_object_set_new(root, "failure", failure_entry(state, line));
	json_object_set_new(root, "wall_s",
			    json_real(seconds(state->ended - state->started)));
	json_object_set_new(root, "nodes", nodes);
	json_object_set_new(root, "relays", relays);
	json_object_set_new(root, "edges", edges);
	json_object_set_new(root, "files", files);
	json_object_set_new(root, "bottleneck", bottleneck_entry(state));
	json_object_set_new(root, "timeline", timeline_entry(state));
	return root;
}

static int
write_json(json_t *root, int fd)
{
	char *json = json_dumps(root, JSON_INDENT(1) | JSON_REAL_PRECISION(9));
	int result;

	json_decref(root);
	if (!json) {
		errno = ENOMEM;
		return -1;
	}
	result = flow_io_write_all(fd, json, strlen(json));
	if (result == 0)
		result = flow_io_write_all(fd, "\n", 1);
	free(json);
	return result;
}

int
flow_report_write(const struct flow_state *state, const char *line, int fd)
{
	return write_json(whole_report(state, line), fd);
}

int
flow_report_write_lost(const struct flow_state *state, const char *line, int fd)
{
	static const char *const empty[] = { "nodes", "relays", "edges",
					     "files" };
	json_t *root = json_object(), *failure = json_object();

	json_object_set_new(failure, "text", text(line));
	json_object_set_new(failure, "node", json_null());
	json_object_set_new(failure, "failed_nodes", json_integer(0));
	json_object_set_new(root, "graph", text(state->plan->graph->source));
	json_object_set_new(root, "status", json_integer(125));
	json_object_set_new(root, "ended_by", json_string("guardian killed"));
	json_object_set_new(root, "failure", failure);
	json_object_set_new(root, "wall_s",
			    json_real(seconds(flow_now() - state->started)));
	for (size_t i = 0; i < sizeof(empty) / sizeof(empty[0]); i++)
		json_object_set_new(root, empty[i], json_array());
	/* no file, such as a pipe, keeps what is there already */
	if (ftruncate(fd, 0) == 0)
		lseek(fd, 0, SEEK_SET);
	return write_json(root, fd);
}
