/* SPDX-License-Identifier: GPL-3.0-or-later */
/* cycle: a set of processes that wait for each other, in words. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cycle.h"

enum {
	NAME_ROOM = 128,
	COMMAND_ROOM = 48,
};

static bool
of_run(const struct flow_stuck_look *look, int pipe)
{
	return pipe >= 0 && (size_t)pipe < look->run_pipes;
}

/* "a:1" is an end at node "a". */
static void
node_of_end(const char *end, char *name, size_t size)
{
	const char *colon = strrchr(end, ':');

	snprintf(name, size, "%.*s",
		 (int)(colon ? (size_t)(colon - end) : strlen(end)), end);
}

/*
 * The node that PROCESS works for: the one at its end of the pipe it waits
 * for, or else of any pipe of the run that it holds. False when it holds none.
 */
static bool
node_of(const struct flow_stuck *stuck, const struct flow_stuck_look *look,
	const struct flow_look_process *process, const struct flow_block *wait,
	char *name, size_t size)
{
	char node[NAME_ROOM - sizeof("relay before ")];
	int pipe = FLOW_NO_PIPE;
	bool reads = false;
	const char *end;
	pid_t relay;

	if (wait != NULL && wait->kind != FLOW_BLOCK_CHILDREN &&
	    of_run(look, wait->pipe)) {
		pipe = wait->pipe;
		reads = wait->kind == FLOW_BLOCK_READ;
	}
	for (size_t i = 0; i < process->holds && pipe == FLOW_NO_PIPE; i++)
		if (of_run(look, look->holds[process->hold + i].pipe)) {
			pipe = look->holds[process->hold + i].pipe;
			reads = look->holds[process->hold + i].reads;
		}
	if (pipe == FLOW_NO_PIPE)
		return false;
	end = reads ? stuck->pipes[pipe].to : stuck->pipes[pipe].from;
	relay = reads ? stuck->pipes[pipe].relay_to
		      : stuck->pipes[pipe].relay_from;
	node_of_end(end, node, sizeof(node));
	/* a relay works at the node's port, and is not the node */
	snprintf(name, size, "%s%s",
		 relay != process->pid || strstr(node, " of ") ||
				 strstr(node, " into ")
			 ? ""
		 : reads ? "relay before "
			 : "relay after ",
		 node);
	return true;
}

/* The first wait of member INDEX: for a pipe, if there is one. */
static const struct flow_block *
first_wait(const struct flow_blocks *waits, size_t index)
{
	const struct flow_blocks_process *of = &waits->of[index];
	const struct flow_block *found = NULL;

	for (size_t i = 0; i < of->waits; i++) {
		const struct flow_block *wait = &waits->waits[of->wait + i];

		if (wait->kind != FLOW_BLOCK_CHILDREN)
			return wait;
		found = wait;
	}
	return found;
}

/*
 * Of all whom INDEX waits for, those that wait for a pipe themselves say more
 * than the shell above them, and others more than INDEX itself.
 */
static int
merit(const struct flow_blocks *waits, size_t index, size_t candidate)
{
	const struct flow_block *wait = first_wait(waits, candidate);

	if (candidate == index)
		return 1;
	return wait && wait->kind != FLOW_BLOCK_CHILDREN ? 3 : 2;
}

static size_t
next_holder(const struct flow_blocks *waits, size_t index,
	    const struct flow_block *wait)
{
	bool writers = wait->kind == FLOW_BLOCK_READ;
	size_t next = index;
	int most = 0;

	for (size_t i = waits->first[wait->pipe];
	     i < waits->first[wait->pipe + 1]; i++) {
		const struct flow_holder *holder = &waits->holders[i];
		int here = merit(waits, index, holder->process);

		if ((writers ? holder->writes : holder->reads) && here > most) {
			most = here;
			next = holder->process;
		}
	}
	if (most == 0 && of_run(waits->look, wait->pipe)) {
		/* The guardian alone holds it, for these. */
		const struct flow_stuck_pipe *run =
			&waits->stuck->pipes[wait->pipe];
		pid_t pid = writers && run->held_count > 0 ? run->held_for[0]
			    : writers			   ? 0
							   : run->read_held_for;
		const struct flow_look_process *process =
			flow_look_find(waits->look, pid);

		if (process != NULL)
			next = (size_t)(process - waits->look->processes);
	}
	return next;
}

/* One of those that member INDEX waits for; a member too. */
static size_t
next_member(const struct flow_blocks *waits, size_t index)
{
	const struct flow_stuck_look *look = waits->look;
	const struct flow_block *wait = first_wait(waits, index);
	size_t next = index;
	int most = 0;

	if (wait->kind != FLOW_BLOCK_CHILDREN)
		return next_holder(waits, index, wait);
	for (size_t i = 0; i < look->process_count; i++) {
		int here = merit(waits, index, i);

		if (look->processes[i].parent == look->processes[index].pid &&
		    here > most) {
			most = here;
			next = i;
		}
	}
	return next;
}

/* "a (pid 12, sort -u)", or "sort -u (pid 12)" where no node is known. */
static void
print_name(FILE *out, const struct flow_blocks *waits, size_t index)
{
	const struct flow_look_process *process =
		&waits->look->processes[index];
	char node[NAME_ROOM], command[COMMAND_ROOM];
	bool known = node_of(waits->stuck, waits->look, process,
			     first_wait(waits, index), node, sizeof(node));

	/* A relay's command line would be the guardian's. */
	if (known && flow_block_polls(waits->stuck, waits->look, process)) {
		fprintf(out, "%s (pid %d)", node, (int)process->pid);
		return;
	}
	flow_proc_command(process->pid, command, sizeof(command));
	if (known)
		fprintf(out, "%s (pid %d, %s)", node, (int)process->pid,
			command);
	else
		fprintf(out, "%s (pid %d)", command, (int)process->pid);
}

static void
print_fill(FILE *out, const struct flow_blocks *waits, size_t index,
	   const struct flow_block *wait)
{
	long bytes = flow_blocks_fill(waits, index, wait->pipe, wait->fd);

	if (wait->kind == FLOW_BLOCK_READ)
		fputs("the pipe is empty", out);
	else if (bytes < 0)
		fputs("the pipe is full", out);
	else
		fprintf(out, "%ld bytes wait in the pipe", bytes);
}

static void
print_member(FILE *out, const struct flow_blocks *waits, size_t index,
	     size_t next)
{
	const struct flow_block *wait = first_wait(waits, index);
	bool reads = wait->kind == FLOW_BLOCK_READ;
	char other[NAME_ROOM];

	fputs("  ", out);
	print_name(out, waits, index);
	if (wait->kind == FLOW_BLOCK_CHILDREN) {
		fputs(" waits for its child ", out);
		print_name(out, waits, next);
		fputc('\n', out);
		return;
	}
	fputs(reads ? " is blocked reading from " : " is blocked writing to ",
	      out);
	if (of_run(waits->look, wait->pipe)) {
		const struct flow_stuck_pipe *run =
			&waits->stuck->pipes[wait->pipe];

		node_of_end(reads ? run->from : run->to, other, sizeof(other));
		fprintf(out, "%s: ", other);
		print_fill(out, waits, index, wait);
		fprintf(out, " (%s -> %s)\n", run->from, run->to);
		return;
	}
	print_name(out, waits, next);
	fputs(": ", out);
	print_fill(out, waits, index, wait);
	fprintf(out, " (its descriptor %d)\n", wait->fd);
}

char *
flow_cycle_text(const struct flow_blocks *waits)
{
	bool *seen = calloc(waits->look->process_count + 1, sizeof(*seen));
	char *text = NULL;
	size_t length, start = 0, at;
	FILE *out;

	if (seen == NULL)
		return NULL;
	while (!waits->of[start].member)
		start++;
	/* Every member waits for one: whoever is met twice is on a cycle. */
	for (; !seen[start]; start = next_member(waits, start))
		seen[start] = true;
	free(seen);
	out = open_memstream(&text, &length);
	if (out == NULL)
		return NULL;
	at = start;
	do {
		size_t next = next_member(waits, at);

		print_member(out, waits, at, next);
		at = next;
	} while (at != start);
	if (fclose(out) != 0) {
		free(text);
		return NULL;
	}
	return text;
}

/* For the warning: what a wait for PIPE is called. */
static void
describe_wait(const struct flow_stuck *stuck,
	      const struct flow_stuck_look *look, const struct flow_block *wait,
	      char *buffer, size_t size)
{
	bool reads = wait->kind == FLOW_BLOCK_READ;
	char node[NAME_ROOM - sizeof("relay before ")];

	if (wait->kind == FLOW_BLOCK_CHILDREN) {
		snprintf(buffer, size, "waits for its children");
	} else if (wait->kind == FLOW_BLOCK_EITHER) {
		snprintf(buffer, size, "waits for input or room");
	} else if (of_run(look, wait->pipe)) {
		node_of_end(reads ? stuck->pipes[wait->pipe].from
				  : stuck->pipes[wait->pipe].to,
			    node, sizeof(node));
		snprintf(buffer, size,
			 reads ? "waits for input from %s"
			       : "waits for room to %s",
			 node);
	} else {
		snprintf(buffer, size,
			 reads ? "waits for input at descriptor %d"
			       : "waits for room at descriptor %d",
			 wait->fd);
	}
}

/* A relay in poll: the first pipe that it says it waits for. */
static bool
relay_wait(const struct flow_stuck *stuck, const struct flow_stuck_look *look,
	   const struct flow_look_process *process, struct flow_block *wait)
{
	if (!flow_block_polls(stuck, look, process))
		return false;
	for (size_t i = 0; i < process->holds; i++) {
		const struct flow_look_hold *hold =
			&look->holds[process->hold + i];
		unsigned said;

		if (!of_run(look, hold->pipe))
			continue;
		said = look->waits[hold->pipe];
		wait->pipe = hold->pipe;
		wait->fd = hold->fd;
		wait->kind = FLOW_BLOCK_OTHER;
		if (hold->reads && (said & FLOW_WAITS_READ))
			wait->kind = FLOW_BLOCK_READ;
		else if (hold->writes && (said & FLOW_WAITS_WRITE))
			wait->kind = FLOW_BLOCK_WRITE;
		if (wait->kind != FLOW_BLOCK_OTHER)
			return true;
	}
	return false;
}

char *
flow_stuck_describe(const struct flow_stuck *stuck,
		    const struct flow_stuck_look *look, pid_t pid, char *buffer,
		    size_t size)
{
	const struct flow_look_process *process = flow_look_find(look, pid);
	struct flow_block wait;

	snprintf(buffer, size, "%s", process ? "sleeps" : "has ended");
	if (process == NULL)
		return buffer;
	if (relay_wait(stuck, look, process, &wait)) {
		describe_wait(stuck, look, &wait, buffer, size);
		return buffer;
	}
	for (size_t i = 0; i < process->threads; i++) {
		const struct flow_look_thread *thread =
			&look->threads[process->thread + i];

		wait = flow_block_of(look, process, thread);
		if (wait.kind > FLOW_BLOCK_NEUTRAL) {
			describe_wait(stuck, look, &wait, buffer, size);
			return buffer;
		}
		if (thread->state == 'R' || thread->state == 'D')
			snprintf(buffer, size, "%s",
				 thread->state == 'R' ? "runs"
						      : "waits for a disk");
		else if (thread->state == 'T' || thread->state == 't')
			snprintf(buffer, size, "is stopped");
	}
	return buffer;
}
