/* SPDX-License-Identifier: GPL-3.0-or-later */
/* launch: pipes are made when the first of their ends is needed. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "guard.h"
#include "io.h"
#include "sample.h"
#include "spawn.h"

#define ORPHAN_GAP (FLOW_SECOND / 10)
#define ORPHAN_MOST (5 * FLOW_SECOND)

static int
trouble(struct flow_guard *guard, const char *what, const char *name)
{
	int saved = errno;

	free(guard->state.trouble);
	if (asprintf(&guard->state.trouble, "cannot %s %s: %s", what, name,
		     strerror(saved)) < 0)
		abort();
	return -1;
}

/*
 * A FIFO. An end that is not opened by name is opened here, and a third
 * descriptor keeps the FIFO alive until the named end has been opened too.
 */
static int
make_fifo(struct flow_guard *guard, const struct flow_pipe *plan,
	  struct flow_pipe_state *p, uint32_t index)
{
	struct stat st;
	int size;

	if (asprintf(&p->path, "%s/%u", guard->rundir->path, index) < 0)
		abort();
	if (mkfifo(p->path, 0600) < 0 || stat(p->path, &st) < 0)
		return trouble(guard, "make FIFO", p->path);
	p->inode = (struct flow_inode){ st.st_dev, st.st_ino };
	if (plan->path_read && plan->path_write)
		return 0;
	p->keeper = open(p->path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (p->keeper < 0)
		return trouble(guard, "open FIFO", p->path);
	if (plan->capacity)
		fcntl(p->keeper, F_SETPIPE_SZ, (int)plan->capacity);
	size = fcntl(p->keeper, F_GETPIPE_SZ);
	p->capacity = size > 0 ? (uint64_t)size : 0;
	p->ends[plan->path_read] = open(
		p->path, (plan->path_read ? O_WRONLY : O_RDONLY) | O_CLOEXEC);
	if (p->ends[plan->path_read] < 0)
		return trouble(guard, "open FIFO", p->path);
	if (guard->inotify < 0)
		guard->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	p->watch = inotify_add_watch(guard->inotify, p->path, IN_OPEN);
	return p->watch < 0 ? trouble(guard, "watch FIFO", p->path) : 0;
}

static int
make_pipe(struct flow_guard *guard, uint32_t index)
{
	const struct flow_pipe *plan = &guard->state.plan->pipes[index];
	struct flow_pipe_state *p = &guard->state.pipes[index];
	uint64_t granted;
	struct stat st;

	if (p->made)
		return 0;
	p->made = true;
	if (plan->kind == FLOW_PIPE_FIFO)
		return make_fifo(guard, plan, p, index);
	if (flow_io_pipe(p->ends, plan->capacity, &granted) < 0)
		return trouble(guard, "make the pipe of", plan->from);
	if (plan->capacity_written && granted < plan->capacity)
		guard->state.options->say(
			"warning: %s -> %s: a pipe of %llu bytes is not "
			"allowed (fs.pipe-max-size, fs.pipe-user-pages-soft); "
			"it has %llu",
			plan->from, plan->to,
			(unsigned long long)plan->capacity,
			(unsigned long long)granted);
	p->capacity = granted;
	if (fstat(p->ends[0], &st) == 0)
		p->inode = (struct flow_inode){ st.st_dev, st.st_ino };
	if (plan->hold || plan->probe) {
		p->held = fcntl(p->ends[1], F_DUPFD_CLOEXEC, 3);
		if (p->held < 0)
			return trouble(guard, "hold the pipe of", plan->from);
	}
	return 0;
}

static int
null_device(void)
{
	static int fd = -1;

	if (fd < 0)
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	return fd;
}

/* Our standard input again, at the same place, for one more reader. */
static int
reopen_stdin(void)
{
	int fd = open("/proc/self/fd/0", O_RDONLY | O_CLOEXEC);
	off_t at = lseek(STDIN_FILENO, 0, SEEK_CUR);

	if (fd >= 0 && at > 0)
		lseek(fd, at, SEEK_SET);
	return fd;
}

static int
wire_place(struct flow_guard *guard, const struct flow_place *place, int kept,
	   struct flow_wire *wire)
{
	struct flow_state *state = &guard->state;
	struct flow_pipe_state *p;

	*wire = (struct flow_wire){ .from = -1,
				    .to = place->fd,
				    .variable = place->variable };
	switch (place->thing) {
	case FLOW_THING_NULL:
		wire->from = null_device();
		break;
	case FLOW_THING_STANDARD:
		wire->from = kept >= 0 ? kept : (int)place->index;
		break;
	case FLOW_THING_STDIN_AGAIN:
		wire->from = kept >= 0 ? kept : reopen_stdin();
		if (wire->from < 0)
			return trouble(guard, "open", "standard input again");
		break;
	case FLOW_THING_FILE:
		wire->from = state->files[place->index].fd;
		if (state->files[place->index].late) {
			wire->path = state->plan->files[place->index].path;
			wire->flags = state->files[place->index].flags;
		}
		break;
	case FLOW_THING_PIPE_READ:
	case FLOW_THING_PIPE_WRITE:
	case FLOW_THING_DEALS_READ:
	case FLOW_THING_DEALS_WRITE:
		if (make_pipe(guard, place->index) < 0)
			return -1;
		p = &state->pipes[place->index];
		wire->from = p->ends[flow_place_end(place)];
		if (wire->from < 0)
			wire->value = p->path;
		break;
	}
	return 0;
}

/* Closes what PLACE's process has now, and nobody else needs. */
static void
close_place(struct flow_guard *guard, const struct flow_place *place,
	    const struct flow_wire *wire)
{
	int *end;

	if (place->thing == FLOW_THING_STDIN_AGAIN)
		close(wire->from);
	/* the offset of a file that is read tells how far that has come */
	if (place->thing == FLOW_THING_FILE &&
	    !guard->state.files[place->index].commits &&
	    guard->state.files[place->index].fd >= 0 &&
	    !(guard->state.sampler &&
	      flow_file_tells(&guard->state.files[place->index]))) {
		close(guard->state.files[place->index].fd);
		guard->state.files[place->index].fd = -1;
	}
	if (flow_place_end(place) < 0)
		return;
	end = &guard->state.pipes[place->index].ends[flow_place_end(place)];
	if (*end >= 0)
		close(*end);
	*end = -1;
}

/* What a relay of KIND does, and what it is called in lists of processes. */
static flow_relay_run *
relay_run(enum flow_process_kind kind, const char **name)
{
	switch (kind) {
	case FLOW_PROCESS_COPY:
		*name = "flow-copy";
		return flow_relay_copy;
	case FLOW_PROCESS_SPLIT:
		*name = "flow-split";
		return flow_relay_split;
	case FLOW_PROCESS_KEY:
		*name = "flow-key";
		return flow_relay_key;
	case FLOW_PROCESS_FARM:
		*name = "flow-farm";
		return flow_relay_farm;
	case FLOW_PROCESS_COMMAND:
	case FLOW_PROCESS_MERGE:
	case FLOW_PROCESS_TAG:
		break;
	}
	*name = "flow-merge";
	return flow_relay_merge;
}

/* How many of PROCESS's places are outputs; those of other use come after them. */
static unsigned
count_outputs(const struct flow_process *process)
{
	unsigned count = 0;

	if (process->kind == FLOW_PROCESS_FARM)
		return 1;
	if (process->kind == FLOW_PROCESS_KEY)
		return 0;
	for (size_t i = process->input_count; i < process->place_count; i++)
		count += process->places[i].thing != FLOW_THING_DEALS_READ &&
			 process->places[i].thing != FLOW_THING_DEALS_WRITE;
	return count;
}

static void
describe_input(const struct flow_guard *guard,
	       const struct flow_process *process, size_t i,
	       struct flow_relay_input *input)
{
	const struct flow_place *place = &process->places[i];
	char *prefix = NULL;
	uint32_t writer;

	input->pipe = flow_place_end(place) == 0 ? place->index : FLOW_NONE;
	if (process->kind != FLOW_PROCESS_TAG)
		return;
	writer = guard->state.plan->pipes[place->index].writer;
	if (asprintf(&prefix,
		     "%s: ", guard->state.plan->processes[writer].name) < 0)
		abort();
	flow_error_printable(prefix);
	input->prefix = prefix;
}

static void
describe_output(const struct flow_process *process, size_t i,
		struct flow_relay_output *output)
{
	const struct flow_branch *branch = &process->branches[i];
	const struct flow_place *place =
		&process->places[process->input_count + i];

	*output = (struct flow_relay_output){
		.pipe = flow_place_end(place) == 1 ? place->index : FLOW_NONE,
		.from = branch->from,
		.elastic = branch->elastic,
		.spill = branch->spill,
	};
}

static pid_t
start_relay(struct flow_guard *guard, struct flow_spawn *spawn,
	    const struct flow_process *process)
{
	unsigned outputs = count_outputs(process);
	struct flow_relay relay = {
		.process = spawn->process,
		.notes = spawn->notes,
		.meters = guard->state.meters,
		.inputs =
			calloc(process->input_count + 1, sizeof(*relay.inputs)),
		.input_count = (unsigned)process->input_count,
		.outputs = calloc(outputs + 1, sizeof(*relay.outputs)),
		.output_count = outputs,
		.spill_directory = getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp",
		.record = process->record,
		.split = process->split,
		.slow = process->slow,
		.header = process->header,
		.merge = process->merge,
		.keys = process->keys,
		.deals = -1,
		.collected = -1,
		.files_most = process->files_most,
		.group = guard->group,
		.descriptors = spawn->descriptors,
	};
	const char *name;
	flow_relay_run *run = relay_run(process->kind, &name);
	pid_t pid;

	if (!relay.inputs || !relay.outputs)
		abort();
	if (process->kind == FLOW_PROCESS_FARM) {
		relay.node = process->node;
		relay.out_record = process->out_record;
		relay.replicas = process->node->replicas;
		relay.order = process->node->order;
	}
	if (process->kind == FLOW_PROCESS_KEY) {
		const struct flow_place *place =
			&process->places[process->input_count];

		relay.files = &guard->state.plan->files[place->index];
	}
	for (size_t i = 0; i < process->input_count; i++)
		describe_input(guard, process, i, &relay.inputs[i]);
	for (size_t i = 0; i < outputs; i++)
		describe_output(process, i, &relay.outputs[i]);
	pid = flow_spawn_relay(spawn, &relay, run, name);
	for (unsigned i = 0; i < relay.input_count; i++)
		free((char *)relay.inputs[i].prefix);
	free(relay.inputs);
	free(relay.outputs);
	return pid;
}

int
flow_launch_kept(const struct flow_guard *guard, uint32_t index, size_t place)
{
	const struct flow_place *at =
		&guard->state.plan->processes[index].places[place];
	const int *kept = guard->state.processes[index].again.kept;
	int end = flow_place_end(at);

	if (end >= 0)
		return guard->state.pipes[at->index].ends[end];
	if (at->thing == FLOW_THING_FILE)
		return guard->state.files[at->index].fd;
	return kept ? kept[place] : -1;
}

bool
flow_launch_awaits(const struct flow_guard *guard, uint32_t index, size_t place)
{
	const struct flow_place *at =
		&guard->state.plan->processes[index].places[place];
	int fd = flow_launch_kept(guard, index, place);
	struct stat st;

	return flow_place_is_input(guard->state.plan, at) && fd >= 0 &&
	       fstat(fd, &st) == 0 && !(at->variable && S_ISREG(st.st_mode));
}

/* What the next one will need is held, and where its files stand is noted. */
static int
keep_places(struct flow_guard *guard, uint32_t index,
	    const struct flow_wire *wires)
{
	const struct flow_process *process =
		&guard->state.plan->processes[index];
	struct flow_again *again = &guard->state.processes[index].again;

	if (!again->kept) {
		again->kept = malloc((process->place_count + 1) *
				     sizeof(*again->kept));
		again->marks =
			calloc(process->place_count + 1, sizeof(*again->marks));
		if (!again->kept || !again->marks)
			abort();
		for (size_t i = 0; i < process->place_count; i++)
			again->kept[i] = -1;
	}
	for (size_t i = 0; i < process->place_count; i++) {
		const struct flow_place *place = &process->places[i];
		struct stat st;
		int fd;

		if (place->thing == FLOW_THING_STDIN_AGAIN)
			again->kept[i] = wires[i].from;
		if (place->thing == FLOW_THING_STANDARD && place->index == 0 &&
		    again->kept[i] < 0) {
			again->kept[i] =
				fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
			if (again->kept[i] < 0)
				return trouble(guard, "hold the input of",
					       process->name);
		}
		fd = flow_launch_kept(guard, index, i);
		if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
			continue;
		again->marks[i] =
			(struct flow_mark){ .at = lseek(fd, 0, SEEK_CUR),
					    .size = st.st_size };
	}
	return 0;
}

void
flow_launch_trace(const struct flow_guard *guard, const struct flow_node *node)
{
	if (!guard->state.options->trace)
		return;
	if (node->has_command)
		guard->state.options->say("+ %s: %s", node->name,
					  node->command);
	else
		guard->state.options->say("+ %s", node->name);
}

static int
start_process(struct flow_guard *guard, uint32_t index, bool waits)
{
	const struct flow_process *process =
		&guard->state.plan->processes[index];
	struct flow_process_state *p = &guard->state.processes[index];
	struct flow_spawn spawn = {
		.process = index,
		.group = guard->group,
		.notes = guard->notes[1],
		.wires = calloc(process->place_count + 1, sizeof(*spawn.wires)),
		.count = process->place_count,
		.descriptors = guard->limit_raised ? &guard->descriptors : NULL,
		.waits = waits,
	};
	bool restarts = flow_process_restarts(process);
	int bad = 0;

	if (!spawn.wires)
		abort();
	for (size_t i = 0; i < process->place_count && !bad; i++)
		bad = wire_place(guard, &process->places[i],
				 p->again.kept ? p->again.kept[i] : -1,
				 &spawn.wires[i]);
	for (size_t i = 0; i < process->place_count && waits; i++)
		spawn.wires[i].awaited = flow_launch_awaits(guard, index, i);
	if (!bad && restarts)
		bad = keep_places(guard, index, spawn.wires);
	if (!bad) {
		if (flow_process_is_node(process) && !waits)
			flow_launch_trace(guard, process->node);
		p->started = flow_now();
		p->pid = process->kind == FLOW_PROCESS_COMMAND
				 ? flow_spawn_command(&spawn, process->node)
				 : start_relay(guard, &spawn, process);
		if (p->pid < 0) {
			p->pid = 0;
			bad = trouble(guard, "start", process->name);
		} else {
			p->running = true;
			p->noted = spawn.failed;
			p->note = spawn.failure;
			guard->running++;
			flow_sampler_note_start(guard->state.sampler, index);
			if (flow_process_is_node(process) &&
			    process->node->timeout && !waits) {
				p->deadline =
					p->started + process->node->timeout;
				guard->has_timeouts = true;
			}
		}
	}
	for (size_t i = 0; i < process->place_count && !bad && !restarts; i++)
		close_place(guard, &process->places[i], &spawn.wires[i]);
	free(spawn.wires);
	return bad;
}

/*
 * The pipes that the caller gave us get the room that ours have: data would
 * come and go in steps of the narrowest one.
 */
static void
widen(int fd)
{
	struct stat st;

	if (fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode) &&
	    fcntl(fd, F_GETPIPE_SZ) < FLOW_PLAN_CAPACITY)
		fcntl(fd, F_SETPIPE_SZ, FLOW_PLAN_CAPACITY);
}

/* What nodes write straight to our standard output, they may still write late. */
static void
note_output(struct flow_guard *guard)
{
	const struct flow_graph *graph = guard->state.plan->graph;
	struct stat st;

	for (size_t i = 0; i < graph->edge_count; i++) {
		if (graph->edges[i]->head->kind != FLOW_NODE_STDOUT)
			continue;
		if (fstat(STDOUT_FILENO, &st) == 0 && !S_ISCHR(st.st_mode))
			guard->output =
				(struct flow_inode){ st.st_dev, st.st_ino };
		return;
	}
}

int
flow_launch(struct flow_guard *guard)
{
	const struct flow_plan *plan = guard->state.plan;

	for (size_t i = 0; i < plan->pipe_count; i++)
		guard->has_holds |= plan->pipes[i].hold;
	note_output(guard);
	widen(STDIN_FILENO);
	widen(STDOUT_FILENO);
	for (uint32_t i = 0; i < plan->process_count; i++)
		if (start_process(guard, i, false) < 0)
			return -1;
	/* who writes to our standard input must see its readers go */
	dup2(null_device(), STDIN_FILENO);
	return 0;
}

int
flow_launch_again(struct flow_guard *guard, uint32_t index, bool waits)
{
	return start_process(guard, index, waits);
}

void
flow_launch_drop(struct flow_guard *guard, uint32_t index)
{
	const struct flow_process *process =
		&guard->state.plan->processes[index];
	struct flow_again *again = &guard->state.processes[index].again;

	for (size_t i = 0; again->kept && i < process->place_count; i++) {
		struct flow_wire wire = { .from = again->kept[i] };

		close_place(guard, &process->places[i], &wire);
		if (process->places[i].thing == FLOW_THING_STANDARD &&
		    again->kept[i] >= 0)
			close(again->kept[i]);
	}
	free(again->kept);
	free(again->marks);
	again->kept = NULL;
	again->marks = NULL;
}

static void
drop_keeper(struct flow_guard *guard, struct flow_pipe_state *p)
{
	if (p->keeper < 0)
		return;
	inotify_rm_watch(guard->inotify, p->watch);
	close(p->keeper);
	p->keeper = -1;
}

void
flow_launch_opened(struct flow_guard *guard)
{
	char buffer[4096] __attribute__((aligned(8)));
	ssize_t got;

	while ((got = read(guard->inotify, buffer, sizeof(buffer))) > 0) {
		for (char *at = buffer; at < buffer + got;) {
			struct inotify_event *event = (void *)at;

			at += sizeof(*event) + event->len;
			if (!(event->mask & IN_OPEN))
				continue;
			for (size_t i = 0; i < guard->state.plan->pipe_count;
			     i++)
				if (guard->state.pipes[i].watch == event->wd)
					drop_keeper(guard,
						    &guard->state.pipes[i]);
		}
	}
}

void
flow_launch_let_go(struct flow_guard *guard, uint32_t process)
{
	const struct flow_plan *plan = guard->state.plan;

	if (!plan->fifos)
		return;
	for (size_t i = 0; i < plan->pipe_count; i++) {
		const struct flow_pipe *pipe = &plan->pipes[i];

		if (pipe->kind != FLOW_PIPE_FIFO ||
		    (pipe->writer != process && pipe->reader != process))
			continue;
		/* bytes that wait for who opens late live in the keeper alone */
		if (pipe->writer != process || !pipe->path_read)
			drop_keeper(guard, &guard->state.pipes[i]);
		guard->orphans_at = flow_now();
		guard->orphans_gap = 0;
	}
}

bool
flow_has_strays(const struct flow_guard *guard)
{
	FILE *children = fopen("/proc/thread-self/children", "re");
	size_t count = 0;
	int pid;

	while (children && fscanf(children, "%d", &pid) == 1)
		count++;
	if (children)
		fclose(children);
	return count > guard->running;
}

/*
 * A process that opens a FIFO waits in open(2) for the other side. When that
 * has ended, opening it here for a moment lets the process go on, to meet end
 * of file or SIGPIPE as it would with a pipe. Repeated while such a process
 * lives, since it may open late. A reader is not told of an end of file while
 * something that its writer left behind could still open the FIFO.
 */
void
flow_launch_free_orphans(struct flow_guard *guard)
{
	const struct flow_plan *plan = guard->state.plan;
	const struct flow_process_state *processes = guard->state.processes;
	bool again = false, strays = flow_has_strays(guard);

	for (size_t i = 0; i < plan->pipe_count; i++) {
		const struct flow_pipe *pipe = &plan->pipes[i];
		bool writes, reads;
		int fd;

		if (pipe->kind != FLOW_PIPE_FIFO || !guard->state.pipes[i].path)
			continue;
		writes = flow_process_lives(&processes[pipe->writer]);
		reads = flow_process_lives(&processes[pipe->reader]);
		if (writes == reads)
			continue;
		again |= writes ? pipe->path_write : pipe->path_read;
		if (guard->state.pipes[i].keeper >= 0)
			continue; /* nobody waits in open(2) yet */
		if (reads && strays)
			continue;
		fd = open(guard->state.pipes[i].path,
			  (writes ? O_RDONLY : O_WRONLY) | O_NONBLOCK |
				  O_CLOEXEC);
		if (fd >= 0)
			close(fd);
	}
	if (guard->orphans_gap < ORPHAN_MOST)
		guard->orphans_gap = 2 * guard->orphans_gap + ORPHAN_GAP;
	guard->orphans_at = again ? flow_now() + guard->orphans_gap : 0;
}
