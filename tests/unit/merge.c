/* SPDX-License-Identifier: GPL-3.0-or-later */
/* merge: records stay whole, in order, whoever writes them and however. */
#include "config.h"

#include "streams.h"

static const size_t MIB = 1 << 20;

/* A merge of KIND ("concat" too) over INPUTS pipes into one. */
static void
merge_open(struct streams *streams, const char *kind, unsigned inputs)
{
	streams_open(streams);
	if (strcmp(kind, "concat") == 0)
		streams->relay.merge = FLOW_MERGE_CONCAT;
	if (streams->relay.merge != FLOW_MERGE_CONCAT &&
	    flow_record_parse(kind, &streams->relay.record))
		abort();
	for (unsigned i = 0; i < inputs; i++)
		input_pipe(streams, 4096u << random_next(6));
	output_pipe(streams, 65536);
}

/* All of the output; owned, NUL-terminated. */
static char *
slurp_output(struct streams *streams, size_t *length)
{
	char *all = flow_io_slurp(streams->drain[0], 64 * MIB, length);

	if (!all)
		abort();
	return all;
}

static void
send_text(struct streams *streams, unsigned input, const char *text,
	  size_t length)
{
	if (flow_io_write_all(streams->feed[input], text, length))
		abort();
}

static void
concat_is_exact(void)
{
	struct streams streams;
	pid_t writers[5];
	bool exact = true;

	merge_open(&streams, "concat", 5);
	streams_start(&streams, flow_relay_merge);
	for (unsigned i = 0; i < 5; i++)
		writers[i] = feed(&streams, i, i, i * 300001, 50000, 100);
	for (unsigned i = 0; i < 5; i++) {
		for (uint64_t at = 0; at < i * 300001 && exact; at++) {
			char byte;

			exact = read(streams.drain[0], &byte, 1) == 1 &&
				byte == stream_byte(i, at);
		}
		exact &= end_of(writers[i]) == EXACT;
	}
	ok(exact && same_stream(streams.drain[0], 0, 0, 0, 9, 0),
	   "concat: five inputs, one after the other, to the byte");
	ok_number(streams_end(&streams), FLOW_RELAY_DONE, "concat: done");
	streams_forget(&streams);
}

/* A child writes lines "INPUT NUMBER xxx" of random lengths, in random pieces. */
static pid_t
feed_lines(struct streams *streams, unsigned input, unsigned lines)
{
	int fd = streams->feed[input];
	pid_t pid = fork_keeping(&fd, 1);
	char line[400], filling[300];

	if (pid) {
		close_end(&streams->feed[input]);
		return pid;
	}
	random_state += input;
	memset(filling, 'x', sizeof(filling));
	for (unsigned i = 0; i < lines; i++) {
		int size = snprintf(line, sizeof(line), "%u %u %.*s\n", input,
				    i, (int)random_next(300), filling);
		size_t cut = (size_t)random_next((uint64_t)size);

		if (flow_io_write_all(fd, line, cut))
			_exit(WRONG);
		dawdle(50);
		if (flow_io_write_all(fd, line + cut, (size_t)size - cut))
			_exit(WRONG);
	}
	_exit(EXACT);
}

static void
lines_stay_whole(unsigned inputs, unsigned lines)
{
	struct streams streams;
	unsigned next[ENDS_MOST] = { 0 }, input, number, total = 0;
	bool whole = true;
	char text[512];
	FILE *output;

	merge_open(&streams, "line", inputs);
	streams_start(&streams, flow_relay_merge);
	for (unsigned i = 0; i < inputs; i++)
		feed_lines(&streams, i, lines);
	output = fdopen(streams.drain[0], "re");
	while (whole && fgets(text, sizeof(text), output)) {
		whole = sscanf(text, "%u %u", &input, &number) == 2 &&
			input < inputs && number == next[input]++;
		total++;
	}
	ok(whole && total == inputs * lines,
	   "line: %u lines of %u inputs, whole and in the order of each",
	   inputs * lines, inputs);
	fclose(output);
	streams.drain[0] = -1;
	ok_number(streams_end(&streams), FLOW_RELAY_DONE, "line: done");
	while (waitpid(-1, NULL, 0) > 0)
		;
	streams_forget(&streams);
}

/* FIRST is written and ended, and has arrived, before SECOND is. */
static void
unterminated(const char *kind, const char *first, size_t first_size,
	     const char *second, size_t second_size, const char *wanted,
	     size_t wanted_size)
{
	struct streams streams;
	struct pollfd arrived;
	size_t length;
	char *all;

	merge_open(&streams, kind, 2);
	streams_start(&streams, flow_relay_merge);
	send_text(&streams, 0, first, first_size);
	close_end(&streams.feed[0]);
	arrived = (struct pollfd){ .fd = streams.drain[0], .events = POLLIN };
	poll(&arrived, 1, BOUND * 1000);
	send_text(&streams, 1, second, second_size);
	close_end(&streams.feed[1]);
	all = slurp_output(&streams, &length);
	ok(length == wanted_size && memcmp(all, wanted, length) == 0,
	   "%s: an unterminated last record, then %zu bytes", kind,
	   second_size);
	free(all);
	ok_number(streams_end(&streams), FLOW_RELAY_DONE, kind);
	streams_forget(&streams);
}

/* A record of 5 MB from one input, between the lines of another. */
static void
long_record(const char *kind, const char *head, const char *tail)
{
	struct streams streams;
	size_t length, size = 5 * 1000 * 1000, other = 0;
	char *all, *begin, *data = malloc(size);
	pid_t writers[2];

	merge_open(&streams, kind, 2);
	streams_start(&streams, flow_relay_merge);
	memset(data, 'x', size);
	memcpy(data, head, strlen(head));
	memcpy(data + size - strlen(tail), tail, strlen(tail));
	for (unsigned i = 0; i < 2; i++) {
		int fd = streams.feed[i];

		writers[i] = fork_keeping(&fd, 1);
		if (writers[i] == 0 && i == 0)
			_exit(flow_io_write_all(fd, data, size) != 0);
		for (unsigned n = 0; writers[i] == 0 && n < 50000; n++)
			if (flow_io_write_all(fd, ">ab\n", 4))
				_exit(WRONG);
		if (writers[i] == 0)
			_exit(EXACT);
		close_end(&streams.feed[i]);
	}
	all = slurp_output(&streams, &length);
	begin = memmem(all, length, data, 100);
	ok(length == size + 200000 && begin && memcmp(begin, data, size) == 0,
	   "%s: a record of 5 MB stays whole", kind);
	for (char *at = all; begin && at + 4 <= all + length; at += 4) {
		if (at == begin)
			at += size;
		other += at + 4 <= all + length && !memcmp(at, ">ab\n", 4);
	}
	ok_number((intmax_t)other, 50000, "and so do those around it");
	end_of(writers[0]);
	end_of(writers[1]);
	ok_number(streams_end(&streams), FLOW_RELAY_DONE, kind);
	streams_forget(&streams);
	free(all);
	free(data);
}

static void
partial_binary(const char *kind, const char *text, size_t length)
{
	struct streams streams;
	struct flow_note note;

	merge_open(&streams, kind, 2);
	streams_start(&streams, flow_relay_merge);
	send_text(&streams, 1, text, length);
	close_end(&streams.feed[1]);
	ok_number(streams_end(&streams), FLOW_RELAY_DATA, kind);
	note = next_note(&streams);
	ok(note.kind == FLOW_NOTE_RECORD && note.pipe == 1,
	   "%s: a partial last record is noted", kind);
	streams_forget(&streams);
}

static void
gone_without_input(const char *kind)
{
	struct streams streams;

	merge_open(&streams, kind, 2);
	streams_start(&streams, flow_relay_merge);
	close_end(&streams.drain[0]);
	ok(streams_end(&streams) == FLOW_RELAY_GONE,
	   "%s: a reader that goes ends it though no input comes", kind);
	streams_forget(&streams);
}

static void
tagged(void)
{
	static const char wanted[] = "a: one\na: two\na: thr\nb: x\n";
	struct streams streams;
	size_t length;
	char *all;

	merge_open(&streams, "line", 2);
	streams.inputs[0].prefix = "a: ";
	streams.inputs[1].prefix = "b: ";
	streams_start(&streams, flow_relay_merge);
	send_text(&streams, 0, "one\ntwo\nthr", 11);
	close_end(&streams.feed[0]);
	for (size_t got = 0; got < 21;
	     got = streams.relay.meters[ENDS_MOST].put)
		poll(NULL, 0, 1);
	send_text(&streams, 1, "x", 1);
	close_end(&streams.feed[1]);
	all = slurp_output(&streams, &length);
	ok_text(all, wanted, "tags: each line has its prefix, each ends");
	free(all);
	ok_number(streams_end(&streams), FLOW_RELAY_DONE, "tags: done");
	streams_forget(&streams);
}

static void
at_once(const char *kind)
{
	struct streams streams;
	bool arrived = true;
	char got[8];

	merge_open(&streams, kind, 1);
	streams_start(&streams, flow_relay_merge);
	for (unsigned i = 0; i < 100; i++) {
		send_text(&streams, 0, "line\n", 5);
		arrived &= read(streams.drain[0], got, 8) == 5;
	}
	ok(arrived, "%s: a record is forwarded as soon as it is whole", kind);
	close_end(&streams.feed[0]);
	ok_number(streams_end(&streams), FLOW_RELAY_DONE, kind);
	streams_forget(&streams);
}

static void
full_device(const char *kind)
{
	struct streams streams;
	struct flow_note note;

	streams_open(&streams);
	if (strcmp(kind, "concat") == 0)
		streams.relay.merge = FLOW_MERGE_CONCAT;
	input_pipe(&streams, 0);
	output_fd(&streams, open("/dev/full", O_WRONLY | O_CLOEXEC));
	streams_start(&streams, flow_relay_merge);
	send_text(&streams, 0, "line\n", 5);
	ok_number(streams_end(&streams), FLOW_RELAY_FAILED, kind);
	note = next_note(&streams);
	ok(note.kind == FLOW_NOTE_WRITE && note.error == ENOSPC,
	   "%s: a full output is noted", kind);
	streams_forget(&streams);
}

int
main(void)
{
	alarm(3 * BOUND);
	concat_is_exact();
	lines_stay_whole(4, 3000);
	lines_stay_whole(300, 40);
	unterminated("line", "ab", 2, "cd\n", 3, "ab\ncd\n", 6);
	unterminated("line", "ab", 2, "", 0, "ab", 2);
	unterminated("line", "ab\n", 3, "cd", 2, "ab\ncd", 5);
	unterminated("nul", "a\nb", 3, "c\0", 2, "a\nb\0c\0", 6);
	unterminated("start:>", ">a\nx", 4, ">b\n", 3, ">a\nx\n>b\n", 8);
	unterminated("line:2", "a\nb\nc", 5, "d\ne\n", 4, "a\nb\nc\nd\ne\n",
		     10);
	unterminated("concat", "ab", 2, "cd", 2, "abcd", 4);
	unterminated("bytes:2", "abcd", 4, "ef", 2, "abcdef", 6);
	long_record("line", "", "\n");
	long_record("start:>", ">long\n", "\n");
	partial_binary("bytes:4", "abcdef", 6);
	partial_binary("len32", "\0\0\0\5abc", 7);
	gone_without_input("line");
	gone_without_input("concat");
	tagged();
	at_once("line");
	at_once("concat");
	full_device("line");
	full_device("concat");
	return tap_done();
}
