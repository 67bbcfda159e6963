/* SPDX-License-Identifier: GPL-3.0-or-later */
/* report: a run as JSON, through jansson. */
#include "config.h"

#include <errno.h>
#include <jansson.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "io.h"
#include "report.h"
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

static json_t *
process_entry(const struct flow_state *state, size_t index)
{
	const struct flow_process *process = &state->plan->processes[index];
	const struct flow_process_state *p = &state->processes[index];
	bool command = process->kind == FLOW_PROCESS_COMMAND;
	json_t *entry = json_object();

	json_object_set_new(entry, "name", text(process->name));
	if (command) {
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
	if (!command)
		return entry;
	json_object_set_new(entry, "restarts",
			    json_integer((json_int_t)p->again.restarts));
	json_object_set_new(entry, "tries", tries_entry(state, &p->again));
	return entry;
}

/* Bytes are known where a relay or a file of ours stands at one of the ends. */
static json_t *
edge_bytes(const struct flow_state *state, const struct flow_route *route)
{
	if (route->pipe != FLOW_NONE && route->copy != FLOW_NONE)
		return json_integer((json_int_t)atomic_load(
			&state->meters[route->pipe].put));
	if (route->pipe != FLOW_NONE && route->merge != FLOW_NONE)
		return json_integer((json_int_t)atomic_load(
			&state->meters[route->pipe].taken));
	if (route->file != FLOW_NONE && route->merge == FLOW_NONE) {
		long long size = flow_file_size(&state->files[route->file]);

		return size < 0 ? json_null() : json_integer(size);
	}
	return json_null();
}

static json_t *
edge_entry(const struct flow_state *state, const struct flow_edge *edge,
	   const bool *patched)
{
	const struct flow_route *route = &state->plan->routes[edge->id];
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
	json_object_set_new(entry, "bytes", edge_bytes(state, route));
	if (edge->elastic && route->pipe != FLOW_NONE)
		json_object_set_new(
			entry, "spilled_most_bytes",
			json_integer((json_int_t)atomic_load(
				&state->meters[route->pipe].spilled_most)));
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
whole_report(const struct flow_state *state, const char *line)
{
	const struct flow_plan *plan = state->plan;
	json_t *root = json_object(), *nodes = json_array(),
	       *relays = json_array(), *edges = json_array(),
	       *files = json_array();
	const char *reason = reasons[state->reason];
	bool *patched = calloc(plan->graph->edge_count + 1, sizeof(*patched));

	if (!patched)
		abort();
	flow_verdict_patched(state, patched);
	for (size_t i = 0; i < plan->process_count; i++)
		json_array_append_new(plan->processes[i].kind ==
						      FLOW_PROCESS_COMMAND
					      ? nodes
					      : relays,
				      process_entry(state, i));
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
	return root;
}

int
flow_report_write(const struct flow_state *state, const char *line, int fd)
{
	json_t *root = whole_report(state, line);
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
