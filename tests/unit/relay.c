/* SPDX-License-Identifier: GPL-3.0-or-later */
/* relay: copies reach every reader exactly, whatever the others do. */
#include "config.h"

#include <sys/socket.h>
#include <sys/stat.h>

#include "streams.h"

static const uint64_t MIB = 1 << 20;

static void
copies_are_exact(unsigned outputs, uint64_t total, size_t piece, unsigned slow)
{
	struct streams streams;
	pid_t readers[8], writer;
	bool exact = true;
	uint64_t seed = random_next(UINT32_MAX);

	streams_open(&streams);
	input_pipe(&streams, 4096u << random_next(7));
	for (unsigned i = 0; i < outputs; i++)
		output_pipe(&streams, 4096u << random_next(7));
	streams_start(&streams, flow_relay_copy);
	for (unsigned i = 0; i < outputs; i++)
		readers[i] = drain(&streams, i, seed, total,
				   1 + (size_t)random_next(100000),
				   i % 2 ? slow : 0);
	writer = feed(&streams, 0, seed, total, piece, slow);
	exact &= end_of(writer) == EXACT;
	exact &= streams_end(&streams) == FLOW_RELAY_DONE;
	for (unsigned i = 0; i < outputs; i++) {
		exact &= end_of(readers[i]) == EXACT;
		exact &= output_meter(&streams, i)->put == total;
	}
	exact &= streams.relay.meters[0].taken == total;
	ok(exact, "%u copies of %ju bytes in pieces of up to %zu are exact",
	   outputs, (uintmax_t)total, piece);
	streams_forget(&streams);
}

static void
readers_may_die(unsigned dying, unsigned outputs)
{
	struct streams streams;
	pid_t readers[8], writer;
	bool exact = true;

	streams_open(&streams);
	input_pipe(&streams, 65536);
	for (unsigned i = 0; i < outputs; i++)
		output_pipe(&streams, 16384);
	streams_start(&streams, flow_relay_copy);
	for (unsigned i = 0; i < outputs; i++) {
		int fd = streams.drain[i];
		uint64_t until = random_next(4 * MIB);

		if (i >= dying) {
			readers[i] = drain(&streams, i, 7, 8 * MIB, 9999, 500);
			continue;
		}
		readers[i] = fork_keeping(&fd, 1);
		if (readers[i] == 0) {
			char data[4096];

			for (uint64_t got = 0; got < until; got += 4096)
				if (read(fd, data, sizeof(data)) <= 0)
					_exit(WRONG);
			_exit(EXACT);
		}
		close_end(&streams.drain[i]);
	}
	writer = feed(&streams, 0, 7, 8 * MIB, 70000, 0);
	exact &= streams_end(&streams) ==
		 (dying < outputs ? FLOW_RELAY_DONE : FLOW_RELAY_GONE);
	exact &= end_of(writer) == (dying < outputs ? EXACT : 1000 + SIGPIPE);
	for (unsigned i = 0; i < outputs; i++)
		exact &= end_of(readers[i]) == EXACT;
	ok(exact, "%u of %u readers may die", dying, outputs);
	streams_forget(&streams);
}

static void
gone_without_input(void)
{
	struct streams streams;

	streams_open(&streams);
	input_pipe(&streams, 0);
	output_pipe(&streams, 0);
	output_pipe(&streams, 0);
	streams_start(&streams, flow_relay_copy);
	close_end(&streams.drain[0]);
	close_end(&streams.drain[1]);
	ok_number(end_of(streams.pid), FLOW_RELAY_GONE,
		  "readers that have all gone end it though no input comes");
	streams.pid = -1;
	streams_end(&streams);
	streams_forget(&streams);
}

static void
lines_arrive_at_once(void)
{
	struct streams streams;
	char got[3][8] = { "" };
	bool arrived = true;

	streams_open(&streams);
	input_pipe(&streams, 0);
	for (unsigned i = 0; i < 3; i++)
		output_pipe(&streams, 0);
	streams.outputs[1].elastic = true;
	streams.outputs[1].spill = MIB;
	streams_start(&streams, flow_relay_copy);
	for (unsigned turn = 0; turn < 100; turn++) {
		if (write(streams.feed[0], "line\n", 5) != 5)
			abort();
		for (unsigned i = 0; i < 3; i++)
			arrived &= read(streams.drain[i], got[i], 8) == 5 &&
				   memcmp(got[i], "line\n", 5) == 0;
	}
	ok(arrived,
	   "each line reaches every reader before the next is written");
	close_end(&streams.feed[0]);
	ok(read(streams.drain[0], got[0], 8) == 0, "and then the end of file");
	ok_number(streams_end(&streams), FLOW_RELAY_DONE, "and it is done");
	streams_forget(&streams);
}

static void
ends_are_independent(void)
{
	struct streams streams;
	char *data = calloc(1, 65536);
	char got[4096];
	ssize_t count;
	size_t total = 0;

	streams_open(&streams);
	input_pipe(&streams, 65536);
	output_pipe(&streams, 65536);
	output_pipe(&streams, 4096);
	streams_start(&streams, flow_relay_copy);
	if (flow_io_write_all(streams.feed[0], data, 65536))
		abort();
	close_end(&streams.feed[0]);
	while ((count = read(streams.drain[0], got, sizeof(got))) > 0)
		total += (size_t)count;
	ok(count == 0 && total == 65536,
	   "a reader sees the end although its sibling has read nothing");
	while ((count = read(streams.drain[1], got, sizeof(got))) > 0)
		total += (size_t)count;
	ok_number((intmax_t)total, 2 * 65536, "the sibling gets all of it");
	ok_number(streams_end(&streams), FLOW_RELAY_DONE, "and it is done");
	streams_forget(&streams);
	free(data);
}

/* One process reads all of output 0, then all of output 1. */
static void
reconvergent(uint64_t total, uint64_t spill)
{
	struct streams streams;
	struct flow_meter *meter;
	pid_t writer;

	streams_open(&streams);
	input_pipe(&streams, 256 << 10);
	for (unsigned i = 0; i < 2; i++) {
		output_pipe(&streams, 256 << 10);
		streams.outputs[i].elastic = true;
		streams.outputs[i].spill = spill;
	}
	streams_start(&streams, flow_relay_copy);
	writer = feed(&streams, 0, 3, total, 200000, 0);
	ok(same_stream(streams.drain[0], 3, 0, total, 65536, 0),
	   "%ju bytes of one branch read before the other", (uintmax_t)total);
	meter = output_meter(&streams, 1);
	ok(meter->spilled_most > 0 && meter->spilled_most <= spill,
	   "the other was held, within the limit: %ju bytes",
	   (uintmax_t)meter->spilled_most);
	ok(same_stream(streams.drain[1], 3, 0, total, 65536, 0),
	   "then the other: the same bytes");
	ok_number(end_of(writer), EXACT, "the writer wrote all");
	ok_number(streams_end(&streams), FLOW_RELAY_DONE, "and it is done");
	ok(meter->spilled == 0 && next_note(&streams).kind == UINT32_MAX,
	   "nothing is held at the end, nothing is noted");
	streams_forget(&streams);
}

/* Two inputs, one output each: the ports of one process, read one by one. */
static void
reconvergent_ports(void)
{
	struct streams streams;
	int both[2];
	pid_t writer;

	streams_open(&streams);
	for (unsigned i = 0; i < 2; i++) {
		both[i] = (int)input_pipe(&streams, 65536);
		output_pipe(&streams, 65536);
		streams.outputs[i].from = i;
		streams.outputs[i].elastic = true;
		streams.outputs[i].spill = 64 * MIB;
		both[i] = streams.feed[i];
	}
	streams_start(&streams, flow_relay_copy);
	writer = fork_keeping(both, 2);
	if (writer == 0) {
		char line[1000];

		memset(line, 'x', sizeof(line));
		for (unsigned i = 0; i < 20000; i++)
			for (unsigned port = 0; port < 2; port++)
				if (flow_io_write_all(both[port], line, 1000))
					_exit(WRONG);
		_exit(EXACT);
	}
	close_end(&streams.feed[0]);
	close_end(&streams.feed[1]);
	for (unsigned port = 2; port-- > 0;) {
		char data[5000];
		ssize_t got;
		intmax_t total = 0;

		while ((got = read(streams.drain[port], data, 5000)) > 0)
			total += got;
		ok_number(total, 20000000, "a port of two, read one by one");
	}
	ok_number(end_of(writer), EXACT, "the writer of both wrote all");
	ok_number(streams_end(&streams), FLOW_RELAY_DONE, "and it is done");
	streams_forget(&streams);
}

static void
wait_until(const _Atomic uint32_t *flag, pid_t writer)
{
	while (!*flag && kill(writer, 0) == 0)
		poll(NULL, 0, 1);
}

/* At the limit it blocks, says so once, and goes on when it can. */
static void
spill_limit(void)
{
	struct streams streams;
	struct flow_note note;
	struct pollfd noted;
	pid_t writer, first;

	streams_open(&streams);
	input_pipe(&streams, 65536);
	output_pipe(&streams, 65536);
	output_pipe(&streams, 65536);
	streams.outputs[1].elastic = true;
	streams.outputs[1].spill = 3 * MIB;
	streams_start(&streams, flow_relay_copy);
	first = drain(&streams, 0, 5, 20 * MIB, 65536, 0);
	writer = feed(&streams, 0, 5, 20 * MIB, 65536, 0);
	noted = (struct pollfd){ .fd = streams.notes, .events = POLLIN };
	poll(&noted, 1, BOUND * 1000);
	note = next_note(&streams);
	ok(note.kind == FLOW_NOTE_LIMIT && note.pipe == ENDS_MOST + 1 &&
		   note.number == 3 * MIB,
	   "the limit is noted");
	wait_until(&output_meter(&streams, 1)->waits_write, writer);
	ok(output_meter(&streams, 1)->waits_write &&
		   !output_meter(&streams, 0)->waits_write &&
		   !streams.relay.meters[0].waits_read,
	   "it sleeps on the full pipe and on nothing else");
	ok_number((intmax_t)output_meter(&streams, 1)->spilled_most,
		  (intmax_t)(3 * MIB), "no more than the limit is held");
	ok(same_stream(streams.drain[1], 5, 0, 20 * MIB, 65536, 0),
	   "the reader that comes late gets everything");
	ok_number(end_of(first), EXACT, "so does its sibling");
	ok_number(end_of(writer), EXACT, "the writer wrote all");
	ok_number(streams_end(&streams), FLOW_RELAY_DONE, "and it is done");
	ok(next_note(&streams).kind == UINT32_MAX, "the limit is noted once");
	streams_forget(&streams);
}

static void
spill_fails(void)
{
	struct streams streams;
	struct flow_note note;
	pid_t writer, first;

	streams_open(&streams);
	streams.relay.spill_directory = "/nonexistent";
	input_pipe(&streams, 65536);
	output_pipe(&streams, 65536);
	output_pipe(&streams, 65536);
	streams.outputs[1].elastic = true;
	streams.outputs[1].spill = 1 << 30;
	streams_start(&streams, flow_relay_copy);
	first = drain(&streams, 0, 5, 200 * MIB, 65536, 0);
	writer = feed(&streams, 0, 5, 200 * MIB, 65536, 0);
	ok_number(end_of(streams.pid), FLOW_RELAY_FAILED,
		  "a spill file that cannot be made ends it");
	note = next_note(&streams);
	ok(note.kind == FLOW_NOTE_SPILL && note.error == ENOENT &&
		   note.pipe == ENDS_MOST + 1,
	   "and is noted");
	end_of(first);
	ok_number(end_of(writer), 1000 + SIGPIPE, "its writer is not left");
	streams.pid = -1;
	streams_end(&streams);
	streams_forget(&streams);
}

/* An output of any kind next to a pipe, and an input that is a file. */
static void
any_descriptor(const char *kind, int in, int out, int look, unsigned outputs)
{
	struct streams streams;
	pid_t reader = -1;

	streams_open(&streams);
	input_fd(&streams, in);
	output_fd(&streams, out);
	if (outputs > 1)
		output_pipe(&streams, 0);
	streams_start(&streams, flow_relay_copy);
	if (outputs > 1)
		reader = drain(&streams, 1, 9, 3 * MIB, 65536, 0);
	/* A socket is read while it is written, a file afterwards. */
	if (look >= 0 && lseek(look, 0, SEEK_CUR) < 0)
		ok(same_stream(look, 9, 0, 3 * MIB, 65536, 0),
		   "a file is copied to %s (%u)", kind, outputs);
	ok_number(streams_end(&streams), FLOW_RELAY_DONE, kind);
	if (look >= 0 && lseek(look, 0, SEEK_SET) == 0)
		ok(same_stream(look, 9, 0, 3 * MIB, 65536, 0),
		   "a file is copied to %s (%u)", kind, outputs);
	if (outputs > 1)
		ok_number(end_of(reader), EXACT, "so is it to the pipe");
	if (look >= 0)
		close(look);
	streams_forget(&streams);
}

static int
unnamed_file(int flags)
{
	char path[] = "/tmp/ipcflow-test-XXXXXX";
	int fd = mkostemp(path, O_CLOEXEC | flags);

	unlink(path);
	return fd;
}

static int
stream_file(void)
{
	int fd = unnamed_file(0);
	char data[4096];

	for (uint64_t at = 0; at < 3 * MIB; at += sizeof(data)) {
		for (size_t i = 0; i < sizeof(data); i++)
			data[i] = stream_byte(9, at + i);
		if (flow_io_write_all(fd, data, sizeof(data)))
			abort();
	}
	lseek(fd, 0, SEEK_SET);
	return fd;
}

static void
any_descriptors(void)
{
	for (unsigned outputs = 1; outputs <= 2; outputs++) {
		int ends[2];
		int file = unnamed_file(0), appended = unnamed_file(O_APPEND);

		any_descriptor("a file", stream_file(), dup(file), file,
			       outputs);
		any_descriptor("an O_APPEND file", stream_file(), dup(appended),
			       appended, outputs);
		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
			abort();
		any_descriptor("a socket", stream_file(), ends[0], ends[1],
			       outputs);
		any_descriptor("/dev/null", stream_file(),
			       open("/dev/null", O_WRONLY | O_CLOEXEC), -1,
			       outputs);
	}
}

static void
full_device(void)
{
	struct streams streams;
	struct flow_note note;
	pid_t reader;

	streams_open(&streams);
	input_fd(&streams, stream_file());
	output_pipe(&streams, 0);
	output_fd(&streams, open("/dev/full", O_WRONLY | O_CLOEXEC));
	streams_start(&streams, flow_relay_copy);
	reader = drain(&streams, 0, 9, 3 * MIB, 65536, 0);
	ok_number(end_of(streams.pid), FLOW_RELAY_FAILED,
		  "a full output ends it");
	note = next_note(&streams);
	ok(note.kind == FLOW_NOTE_WRITE && note.error == ENOSPC &&
		   note.pipe == ENDS_MOST + 1,
	   "and is noted");
	end_of(reader);
	streams.pid = -1;
	streams_end(&streams);
	streams_forget(&streams);
}

int
main(void)
{
	alarm(5 * BOUND);
	signal(SIGPIPE, SIG_DFL);
	for (unsigned i = 0; i < 6; i++)
		copies_are_exact(1 + i % 5, random_next(4 * MIB), 100000,
				 i % 2 ? 300 : 0);
	copies_are_exact(3, 0, 1, 0);
	copies_are_exact(3, 30000, 1, 0);
	copies_are_exact(1, 30000, 1, 0);
	for (unsigned turn = 0; turn < 10; turn++) {
		readers_may_die(1, 3);
		readers_may_die(2, 3);
		readers_may_die(3, 3);
	}
	readers_may_die(1, 1);
	gone_without_input();
	lines_arrive_at_once();
	ends_are_independent();
	reconvergent(300 * 1000 * 1000, 1 << 30);
	reconvergent_ports();
	spill_limit();
	spill_fails();
	any_descriptors();
	full_device();
	return tap_done();
}
