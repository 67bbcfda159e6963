/* SPDX-License-Identifier: GPL-3.0-or-later */
/* door: where others ask a run about itself. */
#include "config.h"

#include <errno.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sysexits.h>
#include <unistd.h>

#include "door.h"

enum {
	NAMES_MOST = 20, /* known ones that are listed */
	NAME_TRIES = 8,
	AT_ONCE = 16, /* requests that are answered before other duties */
};

int
flow_door_open(void)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int on = 1;

	if (fd < 0)
		return -1;
	if (setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) < 0)
		goto drop_fd;
	for (int try = 0; try < NAME_TRIES; try++) {
		struct sockaddr_un name = { .sun_family = AF_UNIX };
		char again[16] = "";
		int length;

		if (try > 0)
			snprintf(again, sizeof(again), "-%d", try + 1);
		length = snprintf(name.sun_path + 1, sizeof(name.sun_path) - 1,
				  FLOW_DOOR_PREFIX "%lu-%ld%s",
				  (unsigned long)geteuid(), (long)getppid(),
				  again);
		if (bind(fd, (struct sockaddr *)&name,
			 (socklen_t)(offsetof(struct sockaddr_un, sun_path) +
				     1 + (size_t)length)) == 0)
			return fd;
		if (errno != EADDRINUSE)
			break;
	}
drop_fd:
	close(fd);
	return -1;
}

/* Names come from DOT and may hold any bytes; JSON wants UTF-8. */
static json_t *
text(const char *bytes)
{
	json_t *string = json_string(bytes);

	return string ? string : json_string("?");
}

static json_t *
refusal(int status, const char *what)
{
	json_t *answer = json_object();

	json_object_set_new(answer, "status", json_integer(status));
	json_object_set_new(answer, "error", json_string(what));
	return answer;
}

static const char *
state_word(const struct flow_guard *guard)
{
	if (guard->ending)
		return "ending";
	if (guard->draining)
		return "draining";
	return guard->running ? "running" : "finishing";
}

static json_t *
answer_status(const struct flow_guard *guard)
{
	const struct flow_plan *plan = guard->state.plan;
	json_t *answer = json_object();
	size_t nodes = 0, running = 0;

	for (size_t i = 0; i < plan->process_count; i++) {
		if (!flow_process_is_node(&plan->processes[i]))
			continue;
		nodes++;
		running += guard->state.processes[i].running;
	}
	json_object_set_new(answer, "graph", text(plan->graph->source));
	json_object_set_new(answer, "name", text(plan->graph->name));
	json_object_set_new(
		answer, "seconds",
		json_real((double)(flow_now() - guard->state.started) /
			  FLOW_SECOND));
	json_object_set_new(answer, "state", json_string(state_word(guard)));
	json_object_set_new(answer, "nodes", json_integer((json_int_t)nodes));
	json_object_set_new(answer, "running",
			    json_integer((json_int_t)running));
	return answer;
}

/* The ways to write one end: the name, and with the port by name or number. */
static unsigned
end_forms(const struct flow_node *node, const struct flow_port *port,
	  char **forms)
{
	char buffer[64];
	unsigned count = 0;

	if (asprintf(&forms[count++], "%s", node->name) < 0 ||
	    asprintf(&forms[count++], "%s:%s", node->name,
		     flow_port_name(port, buffer, sizeof(buffer))) < 0 ||
	    asprintf(&forms[count++], "%s:%d", node->name, port->fd) < 0)
		abort();
	return count;
}

/* Is EDGE called TEXT: "a->b", "a:2 -> b:in"? */
static bool
is_called(const struct flow_edge *edge, const char *wanted)
{
	char *tails[3], *heads[3], *form;
	unsigned tail_count = end_forms(edge->tail, &edge->out, tails);
	unsigned head_count = end_forms(edge->head, &edge->in, heads);
	bool same = false;

	for (unsigned i = 0; i < tail_count; i++)
		for (unsigned j = 0; j < head_count; j++)
			for (int spaces = 0; spaces < 2 && !same; spaces++) {
				if (asprintf(&form, "%s%s%s", tails[i],
					     spaces ? " -> " : "->",
					     heads[j]) < 0)
					abort();
				same = strcmp(form, wanted) == 0;
				free(form);
			}
	for (unsigned i = 0; i < tail_count; i++)
		free(tails[i]);
	for (unsigned i = 0; i < head_count; i++)
		free(heads[i]);
	return same;
}

static void
add_name(json_t *known, const char *name)
{
	if (json_array_size(known) < NAMES_MOST)
		json_array_append_new(known, text(name));
	else if (json_array_size(known) == NAMES_MOST)
		json_array_append_new(known, json_string("..."));
}

/* All edges that WANTED may mean, or with NULL those that have a pipe. */
static json_t *
known_edges(const struct flow_plan *plan, const char *wanted)
{
	json_t *known = json_array();

	for (size_t i = 0; i < plan->graph->edge_count; i++) {
		const struct flow_edge *e = plan->graph->edges[i];
		char out[64], in[64], *name;

		if (wanted ? !is_called(e, wanted)
			   : plan->routes[i].pipe == FLOW_NONE)
			continue;
		if (asprintf(&name, "%s:%s->%s:%s", e->tail->name,
			     flow_port_name(&e->out, out, sizeof(out)),
			     e->head->name,
			     flow_port_name(&e->in, in, sizeof(in))) < 0)
			abort();
		add_name(known, name);
		free(name);
	}
	return known;
}

/* The number of a pipe as --dry-run prints it, or FLOW_NONE. */
static uint32_t
pipe_number(const struct flow_plan *plan, const char *wanted)
{
	char *end;
	unsigned long number;

	if (*wanted < '0' || *wanted > '9')
		return FLOW_NONE;
	number = strtoul(wanted, &end, 10);
	return *end || number >= plan->pipe_count ? FLOW_NONE
						  : (uint32_t)number;
}

static void
add_pid(const struct flow_state *state, uint32_t process, json_t *pids)
{
	if (process != FLOW_NONE && state->processes[process].running)
		json_array_append_new(
			pids, json_integer(state->processes[process].pid));
}

static json_t *
answer_peek(const struct flow_guard *guard, const char *wanted)
{
	const struct flow_state *state = &guard->state;
	const struct flow_plan *plan = state->plan;
	uint32_t pipe = pipe_number(plan, wanted);
	size_t found = 0, matches = 0;
	json_t *answer, *pids;

	for (size_t i = 0; pipe == FLOW_NONE && i < plan->graph->edge_count;
	     i++) {
		if (!is_called(plan->graph->edges[i], wanted))
			continue;
		found = i;
		matches++;
	}
	if (matches > 1) {
		answer = refusal(EX_DATAERR, "several edges are called so");
		json_object_set_new(answer, "known", known_edges(plan, wanted));
		return answer;
	}
	if (pipe == FLOW_NONE && matches == 0) {
		answer = refusal(EX_DATAERR, "no such edge");
		json_object_set_new(answer, "known", known_edges(plan, NULL));
		return answer;
	}
	if (matches > 0)
		pipe = plan->routes[found].pipe;
	if (pipe == FLOW_NONE)
		return refusal(EX_UNAVAILABLE,
			       "this edge has no pipe of the run's own");
	if (!state->processes[plan->pipes[pipe].reader].running)
		return refusal(1, "the reader of this edge does not run");
	answer = json_object();
	pids = json_array();
	add_pid(state, plan->pipes[pipe].reader, pids);
	add_pid(state, plan->pipes[pipe].writer, pids);
	json_object_set_new(
		answer, "device",
		json_integer((json_int_t)state->pipes[pipe].inode.device));
	json_object_set_new(
		answer, "inode",
		json_integer((json_int_t)state->pipes[pipe].inode.number));
	json_object_set_new(answer, "pids", pids);
	return answer;
}

/*
 * Replicas get the signal instead of what runs them. That is stopped meanwhile:
 * it cannot reap one whose number then would be another's.
 */
static int
signal_node(const struct flow_process *process, pid_t pid, int signal)
{
	pid_t *pids = NULL;
	ssize_t count;

	if (process->kind != FLOW_PROCESS_FARM)
		return kill(pid, signal);
	kill(pid, SIGSTOP);
	count = flow_proc_descendants(pid, &pids);
	for (ssize_t i = 0; i < count; i++)
		kill(pids[i], signal);
	kill(pid, SIGCONT);
	free(pids);
	return 0;
}

/* What is signalled has not been reaped, so its number is nobody else's. */
static json_t *
answer_signal(struct flow_guard *guard, const char *wanted, int signal)
{
	const struct flow_plan *plan = guard->state.plan;
	json_t *answer, *known = json_array();

	for (size_t i = 0; i < plan->process_count; i++) {
		const struct flow_process *process = &plan->processes[i];
		const struct flow_process_state *p = &guard->state.processes[i];

		if (!flow_process_is_node(process))
			continue;
		add_name(known, process->name);
		if (strcmp(process->name, wanted) != 0)
			continue;
		json_decref(known);
		if (p->again.due)
			return refusal(1, "this node is to be started again");
		if (!p->running)
			return refusal(1, p->pid ? "this node has ended"
						 : "this node is not started");
		if (signal < 1 || signal > SIGRTMAX)
			return refusal(EX_USAGE, "no such signal");
		if (signal_node(process, p->pid, signal) < 0)
			return refusal(errno == EPERM ? EX_NOPERM : EX_OSERR,
				       strerror(errno));
		answer = json_object();
		json_object_set_new(answer, "pid", json_integer(p->pid));
		return answer;
	}
	answer = refusal(EX_DATAERR, "no such node");
	json_object_set_new(answer, "known", known);
	return answer;
}

/* An answer that is too long loses its names. */
static char *
write_down(json_t *answer)
{
	char *json = json_dumps(answer, JSON_COMPACT);

	if (json && strlen(json) > FLOW_ANSWER_MOST) {
		free(json);
		json_object_del(answer, "known");
		json = json_dumps(answer, JSON_COMPACT);
	}
	return json;
}

static json_t *
answer_to(struct flow_guard *guard, const struct flow_request *request,
	  const char *wanted)
{
	switch (request->kind) {
	case FLOW_REQUEST_STATUS:
		return answer_status(guard);
	case FLOW_REQUEST_PEEK:
		return answer_peek(guard, wanted);
	case FLOW_REQUEST_SIGNAL:
		return answer_signal(guard, wanted, request->signal);
	default:
		return refusal(EX_UNAVAILABLE,
			       "this run is of a version that cannot do that");
	}
}

/* Are these the credentials of one who may ask? */
static bool
may_ask(struct msghdr *message)
{
	struct cmsghdr *control = CMSG_FIRSTHDR(message);
	struct ucred who;

	if (!control || control->cmsg_level != SOL_SOCKET ||
	    control->cmsg_type != SCM_CREDENTIALS)
		return false;
	memcpy(&who, CMSG_DATA(control), sizeof(who));
	return who.uid == 0 || who.uid == geteuid();
}

/* Takes one request and answers it; false when there is none. */
static bool
answer_one(struct flow_guard *guard)
{
	struct flow_request request;
	struct sockaddr_un from;
	/* no room for descriptors: what somebody sends is closed by the kernel */
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(struct ucred))];
	} control;
	struct iovec part = { &request, sizeof(request) };
	struct msghdr message = {
		.msg_name = &from,
		.msg_namelen = sizeof(from),
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	size_t head = offsetof(struct flow_request, text);
	char *wanted, *json;
	json_t *answer;
	ssize_t got =
		recvmsg(guard->door, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	if (got < 0)
		return errno != EAGAIN && errno != EINTR && errno != EBADF;
	if (!may_ask(&message) || (size_t)got < head ||
	    (message.msg_flags & MSG_TRUNC) ||
	    request.magic != FLOW_REQUEST_MAGIC)
		return true;
	wanted = strndup(request.text, (size_t)got - head);
	if (!wanted)
		abort();
	answer = answer_to(guard, &request, wanted);
	json = write_down(answer);
	if (json)
		sendto(guard->door, json, strlen(json),
		       MSG_DONTWAIT | MSG_NOSIGNAL, (struct sockaddr *)&from,
		       message.msg_namelen);
	free(json);
	json_decref(answer);
	free(wanted);
	return true;
}

void
flow_door_answer(struct flow_guard *guard)
{
	for (int i = 0; i < AT_ONCE && answer_one(guard); i++)
		;
}
