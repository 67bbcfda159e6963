/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * verdict: ends of processes, set by hand over the plan of a graph, in; what
 * is whole, the status and the line out.
 */
#include "config.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include "check.h"
#include "graph.h"
#include "plan.h"
#include "tap.h"
#include "verdict.h"

static char *none[] = { NULL };

static void *
zeroed(size_t count, size_t size)
{
	void *memory = calloc(count + 1, size);

	if (memory == NULL)
		exit(1);
	return memory;
}

static struct flow_graph *
read_body(const char *body)
{
	struct flow_values values = {
		.defines = none,
		.commands = none,
		.args = none,
		.program = "prog",
	};
	struct flow_messages messages = { .source = "g" };
	struct flow_graph *graph;
	FILE *stream;
	char *text;

	if (asprintf(&text, "digraph {\nnode [cmd=cat]\n%s\n}\n", body) < 0)
		exit(1);
	stream = fmemopen(text, strlen(text), "r");
	graph = flow_graph_read(stream, "g", false, &messages);
	fclose(stream);
	free(text);
	if (graph != NULL)
		flow_check(graph, &values, &messages);
	if (graph == NULL || messages.errors > 0) {
		printf("Bail out! %s: %s\n", body, messages.list[0].text);
		exit(1);
	}
	flow_messages_clear(&messages);
	return graph;
}

/* A run of BODY in which every process has ended well. */
static struct flow_state
state_of_body(const char *body)
{
	struct flow_plan_options options = { .output = NULL };
	struct flow_graph *graph = read_body(body);
	struct flow_plan *plan = flow_plan_make(graph, &options);
	struct flow_state state = { .plan = plan, .first_failure = FLOW_NONE };
	size_t i;

	state.processes = zeroed(plan->process_count, sizeof *state.processes);
	state.files = zeroed(plan->file_count, sizeof *state.files);
	state.committed = zeroed(plan->file_count, sizeof(bool));
	state.edge_gone = zeroed(graph->edge_count, sizeof(bool));
	state.tainted = zeroed(graph->edge_count, sizeof(bool));
	for (i = 0; i < plan->process_count; i++)
		state.processes[i].outcome = FLOW_OUTCOME_OK;
	for (i = 0; i < plan->file_count; i++) {
		state.files[i].planned = &plan->files[i];
		state.files[i].commits =
			plan->files[i].mode == FLOW_FILE_COMMIT ||
			plan->files[i].mode == FLOW_FILE_APPEND;
	}
	return state;
}

static void
state_free(struct flow_state *state)
{
	struct flow_graph *graph = state->plan->graph;

	free(state->processes);
	free(state->files);
	free(state->committed);
	free(state->edge_gone);
	free(state->tainted);
	flow_plan_free((struct flow_plan *)state->plan);
	flow_graph_free(graph);
}

static uint32_t
process_of(const struct flow_state *state, const char *name)
{
	uint32_t i;

	for (i = 0; i < state->plan->process_count; i++)
		if (strcmp(state->plan->processes[i].name, name) == 0)
			return i;
	printf("Bail out! no process %s\n", name);
	exit(1);
}

static struct flow_process_state *
end_of(struct flow_state *state, const char *name)
{
	return &state->processes[process_of(state, name)];
}

/* NAME ended with STATUS and, unless another has, failed first. */
static void
fail_process(struct flow_state *state, const char *name, int status)
{
	end_of(state, name)->outcome = FLOW_OUTCOME_FAILED;
	end_of(state, name)->status = status;
	if (state->failures++ == 0)
		state->first_failure = process_of(state, name);
}

static struct flow_edge *
edge_of(const struct flow_state *state, const char *tail, const char *head)
{
	const struct flow_graph *graph = state->plan->graph;
	size_t i;

	for (i = 0; i < graph->edge_count; i++)
		if (strcmp(graph->edges[i]->tail->name, tail) == 0 &&
		    strcmp(graph->edges[i]->head->name, head) == 0)
			return graph->edges[i];
	printf("Bail out! no edge %s -> %s\n", tail, head);
	exit(1);
}

/* The edges that MARKS has, as "a>b b>c"; in a buffer of its own. */
static const char *
marked(const struct flow_state *state, const bool *marks)
{
	static char text[512];
	const struct flow_graph *graph = state->plan->graph;
	size_t used = 0, i;

	text[0] = '\0';
	for (i = 0; i < graph->edge_count; i++)
		if (marks[i])
			used += (size_t)snprintf(text + used,
						 sizeof text - used, "%s%s>%s",
						 used > 0 ? " " : "",
						 graph->edges[i]->tail->name,
						 graph->edges[i]->head->name);
	return text;
}

static const char *
tainted(struct flow_state *state)
{
	flow_verdict_taint(state);
	return marked(state, state->tainted);
}

static void
taints(const char *promise, const char *body, const char *failed,
       enum flow_outcome outcome, const char *wanted)
{
	struct flow_state state = state_of_body(body);

	end_of(&state, failed)->outcome = outcome;
	ok_text(tainted(&state), wanted, promise);
	state_free(&state);
}

#define CHAIN "a -> b -> c -> f\nf [file=\"/tmp/f\"]"
#define FAN "a -> f\na -> b -> g\nf [file=\"/tmp/f\"]\ng [file=\"/tmp/g\"]"
#define MEET "a -> c\nb -> c -> f\nf [file=\"/tmp/f\"]"

static void
check_taint(void)
{
	taints("nothing failed, nothing is tainted", CHAIN, "a",
	       FLOW_OUTCOME_OK, "");
	taints("a failure taints all that follows", CHAIN, "b",
	       FLOW_OUTCOME_FAILED, "b>c c>f");
	taints("so does one that was stopped", CHAIN, "a", FLOW_OUTCOME_STOPPED,
	       "a>b b>c c>f");
	taints("the last taints what it wrote", CHAIN, "c", FLOW_OUTCOME_FAILED,
	       "c>f");
	taints("one branch does not taint its sibling", FAN, "b",
	       FLOW_OUTCOME_FAILED, "b>g");
	taints("a copy that failed taints all its outputs", FAN, "copy of a",
	       FLOW_OUTCOME_FAILED, "a>f a>b b>g");
	taints("a merge that failed taints all its inputs", MEET,
	       "merge into c", FLOW_OUTCOME_FAILED, "a>c b>c c>f");
	taints("one of two inputs is enough", MEET, "b", FLOW_OUTCOME_FAILED,
	       "b>c c>f");
	taints("a cycle is tainted as a whole, what feeds it is not",
	       "s -> a -> b\nb -> a [back=true]\nb:3 -> f\n"
	       "f [file=\"/tmp/f\"]\nb -> g\ng [file=\"/tmp/g\"]",
	       "b", FLOW_OUTCOME_FAILED, "a>b b>a b>f b>g");
}

/* GONE: SIGPIPE ended it, which says nothing of readers that were still there. */
static void
check_gone(void)
{
	struct flow_state state = state_of_body(CHAIN);

	end_of(&state, "a")->outcome = FLOW_OUTCOME_GONE;
	state.edge_gone[edge_of(&state, "a", "b")->id] = true;
	ok_text(tainted(&state), "",
		"a writer whose only reader had gone taints nothing");
	ok(flow_verdict_commits(&state, 0), "and what the reader made commits");
	state_free(&state);

	state = state_of_body("a -> b -> f\na:3 -> c -> g\n"
			      "f [file=\"/tmp/f\"]\ng [file=\"/tmp/g\"]");
	end_of(&state, "a")->outcome = FLOW_OUTCOME_GONE;
	state.edge_gone[edge_of(&state, "a", "b")->id] = true;
	ok_text(tainted(&state), "a>c c>g", "its other readers were cut short");
	ok(flow_verdict_commits(&state, 0) && !flow_verdict_commits(&state, 1),
	   "so that one file commits, the other not");
	ok_number(flow_verdict_status(&state), 0, "though nothing failed");
	ok(flow_verdict_line(&state) == NULL,
	   "and there is no failure to tell");
	state_free(&state);

	state = state_of_body(FAN);
	end_of(&state, "copy of a")->outcome = FLOW_OUTCOME_GONE;
	end_of(&state, "a")->outcome = FLOW_OUTCOME_GONE;
	state.edge_gone[edge_of(&state, "a", "f")->id] = true;
	state.edge_gone[edge_of(&state, "a", "b")->id] = true;
	ok_text(tainted(&state), "",
		"a copy whose readers had gone did not fail");
	state_free(&state);
}

static void
opens(const char *promise, const char *body, const char *running,
      const char *wanted)
{
	struct flow_state state = state_of_body(body);
	bool *open = zeroed(state.plan->graph->edge_count, sizeof(bool));

	end_of(&state, running)->running = true;
	flow_verdict_open(&state, open);
	ok_text(marked(&state, open), wanted, promise);
	free(open);
	state_free(&state);
}

static void
check_open(void)
{
	opens("all is open behind one that runs", CHAIN, "a", "a>b b>c c>f");
	opens("not what is before it", CHAIN, "c", "c>f");
	opens("a copy that runs keeps its outputs open", FAN, "copy of a",
	      "a>f a>b b>g");
	opens("a merge that runs keeps what it carries open", MEET,
	      "merge into c", "a>c b>c c>f");
}

static void
check_commits(void)
{
	struct flow_state state = state_of_body(FAN);

	flow_verdict_taint(&state);
	ok(flow_verdict_commits(&state, 0) && flow_verdict_commits(&state, 1),
	   "what is whole commits");
	fail_process(&state, "b", 1);
	flow_verdict_taint(&state);
	ok(flow_verdict_commits(&state, 0) && !flow_verdict_commits(&state, 1),
	   "a failure elsewhere does not matter");
	state.reason = FLOW_REASON_SIGNAL;
	ok(!flow_verdict_commits(&state, 0),
	   "nothing commits when the run was ended");
	state_free(&state);

	state = state_of_body("graph [commit=all]\n" FAN);
	flow_verdict_taint(&state);
	ok(flow_verdict_commits(&state, 0) && flow_verdict_commits(&state, 1),
	   "commit=all: all is whole, all commits");
	state.stdout_gone = true;
	ok(!flow_verdict_commits(&state, 0),
	   "commit=all: nothing when our reader has gone");
	state.stdout_gone = false;
	fail_process(&state, "b", 1);
	flow_verdict_taint(&state);
	ok(!flow_verdict_commits(&state, 0) && !flow_verdict_commits(&state, 1),
	   "commit=all: nothing when one failed");
	state_free(&state);

	state = state_of_body(FAN);
	state.stdout_gone = true;
	flow_verdict_taint(&state);
	ok(flow_verdict_commits(&state, 0),
	   "without it our reader does not matter");
	state_free(&state);
}

static void
check_status(void)
{
	struct flow_state state = state_of_body(CHAIN);

	ok_number(flow_verdict_status(&state), 0, "all well is 0");
	state.stdout_gone = true;
	ok_number(flow_verdict_status(&state), 128 + SIGPIPE,
		  "our reader has gone: as SIGPIPE");
	fail_process(&state, "b", 7);
	fail_process(&state, "a", 9);
	ok_number(flow_verdict_status(&state), 7,
		  "the first failure's status comes before that");
	end_of(&state, "b")->status = 0;
	ok_number(flow_verdict_status(&state), 1,
		  "a 0 that was not wanted is 1");
	state.reason = FLOW_REASON_FAILURE;
	end_of(&state, "b")->status = 7;
	ok_number(flow_verdict_status(&state), 7,
		  "--fail-fast keeps the status that ended the run");
	state.reason = FLOW_REASON_TIMEOUT;
	ok_number(flow_verdict_status(&state), 124, "time is 124, above all");
	state.reason = FLOW_REASON_DEADLOCK;
	ok_number(flow_verdict_status(&state), 125, "a deadlock is 125");
	state.reason = FLOW_REASON_TROUBLE;
	ok_number(flow_verdict_status(&state), 125, "trouble of ours is 125");
	state.reason = FLOW_REASON_SIGNAL;
	state.signal = SIGTERM;
	ok_number(flow_verdict_status(&state), -SIGTERM,
		  "a signal is one to die of");
	state_free(&state);
}

/* The line about STATE is WANTED. */
static void
tells(const char *promise, const struct flow_state *state, const char *wanted)
{
	char *line = flow_verdict_line(state);

	ok_text(line, wanted, promise);
	free(line);
}

static void
check_line(void)
{
	struct flow_run_options options = { .timeout = 5 * FLOW_SECOND };
	struct flow_state state = state_of_body(FAN);
	struct flow_process_state *end = end_of(&state, "b");

	state.options = &options;
	tells("nothing to tell", &state, NULL);
	fail_process(&state, "b", 2);
	end->started = 10 * FLOW_SECOND;
	end->ended = end->started + 41 * FLOW_SECOND / 10;
	state.committed[0] = true;
	tells("who, how, when, where and what was lost", &state,
	      "b: exit 2 after 4.1 s (line 4); g not written");
	fail_process(&state, "a", 1);
	state.committed[0] = false;
	tells("that others failed too, and all that was lost", &state,
	      "b: exit 2 after 4.1 s (line 4); 1 more failed; f, g not "
	      "written");
	state.failures = 1;
	state.committed[0] = state.committed[1] = true;
	end->signal = SIGSEGV;
	tells("a signal by its name", &state,
	      "b: killed by SIGSEGV after 4.1 s (line 4)");
	end->timed_out = true;
	tells("a time-out before the signal that it sent", &state,
	      "b: timed out after 0 s (line 4)");
	end->noted = true;
	end->note = (struct flow_note){ .kind = FLOW_NOTE_EXEC,
					.error = ENOENT,
					.pipe = UINT32_MAX,
					.text = "/bin/x" };
	tells("a note before all that", &state,
	      "b: cannot run /bin/x: No such file or directory (line 4)");
	state.started = FLOW_SECOND;
	state.ended = 4 * FLOW_SECOND;
	state.reason = FLOW_REASON_TIMEOUT;
	tells("the run's time before a node's end", &state,
	      "time ran out after 5 s; b: cannot run /bin/x: No such file or "
	      "directory (line 4)");
	state.reason = FLOW_REASON_TROUBLE;
	state.trouble = (char *)"no more pipes";
	state.committed[1] = false;
	tells("our own trouble, and what was lost", &state,
	      "no more pipes; b: cannot run /bin/x: No such file or directory "
	      "(line 4); g not written");
	state_free(&state);
}

static void
check_notes(void)
{
	struct flow_state state = state_of_body(FAN);
	struct flow_note *note = &end_of(&state, "copy of a")->note;
	uint32_t copy = process_of(&state, "copy of a");

	fail_process(&state, "copy of a", 125);
	state.committed[0] = state.committed[1] = true;
	end_of(&state, "copy of a")->noted = true;
	*note = (struct flow_note){
		.kind = FLOW_NOTE_WRITE,
		.process = copy,
		.error = ENOSPC,
		.pipe = state.plan->routes[edge_of(&state, "a", "b")->id].pipe,
	};
	tells("a relay that could not write, and where to", &state,
	      "copy of a: cannot write to b:in: No space left on device "
	      "(line 3)");
	note->kind = FLOW_NOTE_SPILL;
	note->number = 4096;
	tells("a relay that could not spill, and how much it held", &state,
	      "copy of a: cannot spill a:out -> b:in, which holds 4096 bytes: "
	      "No space left on device (line 3)");
	note->kind = FLOW_NOTE_RECORD;
	tells("an input that ended inside a record", &state,
	      "copy of a: a:out ended inside a record (line 3)");
	note->kind = FLOW_NOTE_WRITE;
	note->pipe = UINT32_MAX;
	tells("an output that is no pipe", &state,
	      "copy of a: cannot write to its output: No space left on device "
	      "(line 3)");
	state_free(&state);
}

static void
check_warning(void)
{
	struct flow_state state = state_of_body(FAN);
	char *text;

	state.committed[0] = state.committed[1] = true;
	ok(flow_verdict_warning(&state) == NULL,
	   "no warning when all is whole");
	state.committed[1] = false;
	text = flow_verdict_warning(&state);
	ok_text(text,
		"warning: g not written: a reader upstream had seen enough, "
		"so what came there is not whole",
		"a warning says what was not written though nothing failed");
	free(text);
	fail_process(&state, "b", 1);
	ok(flow_verdict_warning(&state) == NULL, "a failure has its own line");
	state.first_failure = FLOW_NONE;
	state.reason = FLOW_REASON_SIGNAL;
	ok(flow_verdict_warning(&state) == NULL, "a signal needs no words");
	state_free(&state);
}

int
main(void)
{
	setenv("PATH", "/usr/local/bin:/usr/bin:/bin", 1);
	check_taint();
	check_gone();
	check_open();
	check_commits();
	check_status();
	check_line();
	check_notes();
	check_warning();
	return tap_done();
}
