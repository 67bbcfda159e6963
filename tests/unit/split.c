/* SPDX-License-Identifier: GPL-3.0-or-later */
/* split: every record goes whole to the output that it is meant for. */
#include "config.h"

#include <sys/resource.h>

#include "keys.h"
#include "streams.h"

static const size_t MIB = 1 << 20;

enum { OUTPUTS_MOST = 8 };

struct text {
	char *data;
	size_t length, size;
};

/* One case: what goes in, and what is done to the relay. */
struct trial {
	const char *kind;
	enum flow_split split;
	enum flow_slow slow;
	unsigned outputs;
	uint64_t header;
	size_t bytes; /* of input, about */
	size_t largest; /* bytes of a record */
	bool file; /* the input is a regular file */
	bool binary; /* the input's last record is whole */
	unsigned going; /* so many outputs go early */
	unsigned pace; /* microseconds a reader sleeps now and then */
	bool silent; /* no deals */
	uint64_t spill;
};

struct result {
	struct text got[OUTPUTS_MOST];
	bool gone[OUTPUTS_MOST];
	struct flow_deal *deals;
	size_t deal_count;
	int status;
	struct streams streams;
};

static void
append(struct text *text, const void *data, size_t length)
{
	if (text->size - text->length < length) {
		text->size = (text->length + length) * 2;
		text->data = realloc(text->data, text->size);
		if (!text->data)
			abort();
	}
	if (length)
		memcpy(text->data + text->length, data, length);
	text->length += length;
}

/* The reference: the end of the record at AT, byte by byte. */
static size_t
record_end(const struct flow_record *record, const struct text *text, size_t at)
{
	uint64_t lines = 0, size = 0;
	size_t string = record->string ? strlen(record->string) : 0;

	if (record->kind == FLOW_RECORD_BYTES)
		return at + record->number < text->length ? at + record->number
							  : text->length;
	if (record->kind == FLOW_RECORD_LEN32) {
		for (int i = 0; i < 4; i++)
			size = size << 8 | (unsigned char)text->data[at + i];
		return at + 4 + size;
	}
	for (size_t i = at; i < text->length; i++) {
		char byte = text->data[i];

		if (record->kind == FLOW_RECORD_NUL && byte == '\0')
			return i + 1;
		if (record->kind == FLOW_RECORD_NUL || byte != '\n')
			continue;
		lines++;
		if (record->kind == FLOW_RECORD_LINE ||
		    (record->kind == FLOW_RECORD_LINES &&
		     lines == record->number))
			return i + 1;
		if (record->kind == FLOW_RECORD_START &&
		    i + 1 + string <= text->length &&
		    !memcmp(text->data + i + 1, record->string, string))
			return i + 1;
	}
	return text->length;
}

static void
random_bytes(struct text *text, size_t length, const char *letters,
	     size_t count)
{
	for (size_t i = 0; i < length; i++)
		append(text, &letters[random_next(count)], 1);
}

static struct text
random_input(const struct trial *trial, const struct flow_record *record)
{
	static const char letters[] = "ab\t\0>xyz0123456789\r\nabc";
	struct text text = { 0 };

	while (text.length < trial->bytes) {
		size_t length = (size_t)random_next(80);
		unsigned char head[4];

		if (random_next(10) == 0)
			length = 0;
		if (random_next(1000) == 0)
			length = (size_t)random_next(trial->largest);
		if (record->kind == FLOW_RECORD_BYTES) {
			length = (size_t)record->number;
		} else if (record->kind == FLOW_RECORD_LEN32) {
			for (int i = 0; i < 4; i++)
				head[i] =
					(unsigned char)(length >> (24 - 8 * i));
			append(&text, head, 4);
		}
		if (length > 5000) {
			char *same = malloc(length);

			memset(same, 'q', length);
			append(&text, same, length);
			free(same);
		} else {
			random_bytes(&text, length, letters, 23);
		}
		if (record->kind == FLOW_RECORD_NUL)
			append(&text, "", 1);
		else if (record->kind == FLOW_RECORD_START)
			append(&text, "\n>", random_next(3) ? 1 : 2);
		else if (record->kind <= FLOW_RECORD_START)
			append(&text, "\n", 1);
	}
	if (!trial->binary)
		random_bytes(&text, (size_t)random_next(50), "abc", 3);
	return text;
}

/* The input, written in pieces by a child, or as a file. */
static pid_t
give_input(struct streams *streams, const struct trial *trial,
	   const struct text *text)
{
	pid_t pid;
	int fd;

	if (trial->file) {
		fd = streams->inputs[0].fd;
		if (flow_io_write_all(fd, text->data, text->length) ||
		    lseek(fd, 0, SEEK_SET))
			abort();
		return 0;
	}
	fd = streams->feed[0];
	pid = fork_keeping(&fd, 1);
	if (pid) {
		close_end(&streams->feed[0]);
		return pid;
	}
	signal(SIGPIPE, SIG_DFL);
	for (size_t done = 0; done < text->length;) {
		size_t size =
			1 + (size_t)random_next(random_next(9) ? 200000 : 50);

		if (size > text->length - done)
			size = text->length - done;
		if (flow_io_write_all(fd, text->data + done, size))
			_exit(WRONG);
		done += size;
	}
	_exit(EXACT);
}

/* Reads all outputs and the deals at random paces until each has ended. */
static void
take_outputs(struct result *result, const struct trial *trial, int deals)
{
	struct streams *streams = &result->streams;
	struct text told = { 0 };
	char *data = malloc(MIB);
	size_t until[OUTPUTS_MOST];
	unsigned open = trial->outputs + (deals >= 0);

	for (unsigned i = 0; i < trial->outputs; i++)
		until[i] = i < trial->going
				   ? (size_t)random_next(trial->bytes / 4)
				   : SIZE_MAX;
	while (open) {
		struct pollfd polled[OUTPUTS_MOST + 1];
		unsigned one = (unsigned)random_next(trial->outputs);

		for (unsigned i = 0; i < trial->outputs; i++)
			polled[i] =
				(struct pollfd){ streams->drain[i], POLLIN, 0 };
		polled[trial->outputs] = (struct pollfd){ deals, POLLIN, 0 };
		/* Some look away now and then. */
		if (trial->pace && random_next(2))
			polled[one].fd = -1;
		poll(polled, trial->outputs + 1, trial->pace ? 1 : -1);
		for (unsigned i = 0; i <= trial->outputs; i++) {
			struct text *to =
				i < trial->outputs ? &result->got[i] : &told;
			ssize_t got;

			if (!polled[i].revents)
				continue;
			got = read(polled[i].fd, data,
				   1 + (size_t)random_next(MIB));
			if (got > 0)
				append(to, data, (size_t)got);
			if (i < trial->outputs && to->length >= until[i])
				result->gone[i] = true;
			else if (got > 0)
				continue;
			open--;
			if (i == trial->outputs)
				deals = (close(deals), -1);
			else
				close_end(&streams->drain[i]);
		}
		dawdle(trial->pace);
	}
	result->deals = (struct flow_deal *)told.data;
	result->deal_count = told.length / sizeof(struct flow_deal);
	free(data);
}

static void
run_trial(const struct trial *trial, const struct flow_record *record,
	  const struct flow_keys *keys, const struct text *text,
	  struct result *result)
{
	struct streams *streams = &result->streams;
	int ends[2] = { -1, -1 };
	pid_t writer;

	memset(result, 0, sizeof(*result));
	streams_open(streams);
	streams->relay.record = *record;
	streams->relay.keys = *keys;
	streams->relay.split = trial->split;
	streams->relay.slow = trial->slow;
	streams->relay.header = trial->header;
	streams->relay.deals = -1;
	if (trial->file)
		input_fd(streams, memfd_create("input", MFD_CLOEXEC));
	else
		input_pipe(streams, 4096u << random_next(7));
	for (unsigned i = 0; i < trial->outputs; i++) {
		output_pipe(streams, 4096u << random_next(7));
		streams->outputs[i].spill = trial->spill;
	}
	if (!trial->silent) {
		if (pipe2(ends, O_CLOEXEC))
			abort();
		streams->relay.deals = ends[1];
	}
	writer = give_input(streams, trial, text);
	streams->pid = fork();
	if (streams->pid == 0) {
		alarm(BOUND);
		for (unsigned i = 0; i < trial->outputs; i++)
			close(streams->drain[i]);
		_exit(flow_relay_split(&streams->relay));
	}
	close(streams->inputs[0].fd);
	for (unsigned i = 0; i < trial->outputs; i++)
		close(streams->outputs[i].fd);
	if (ends[1] >= 0)
		close(ends[1]);
	take_outputs(result, trial, ends[0]);
	result->status = streams_end(streams);
	if (writer > 0)
		end_of(writer);
}

/* Where record NUMBER, SIZE bytes at DATA, belongs by its key. */
static unsigned
hashed(const struct trial *trial, const struct flow_record *record,
       const struct flow_keys *keys, const char *data, size_t size)
{
	flow_keys_content(record, &data, &size);
	if (size > MIB - 8)
		size = MIB - 8;
	return (unsigned)((flow_keys_hash(keys, data, size) >> 32) *
				  trial->outputs >>
			  32);
}

/* What each output should have got, by the deals or else by the policy. */
static bool
expect(const struct trial *trial, const struct flow_record *record,
       const struct flow_keys *keys, const struct text *text,
       const struct result *result, struct text *wanted)
{
	uint64_t header = trial->header, headers = 0, left = 0;
	size_t deal = 0, to = 0;
	bool right = true;

	for (size_t at = 0, end; at < text->length; at = end) {
		const char *data = text->data + at;

		end = record_end(record, text, at);
		if (header || trial->split == FLOW_SPLIT_COPY) {
			for (unsigned i = 0; i < trial->outputs; i++)
				append(&wanted[i], data, end - at);
			headers += header > 0;
			header -= header > 0;
			continue;
		}
		if (!trial->silent && left == 0) {
			if (deal == result->deal_count)
				return false;
			to = result->deals[deal].output;
			left = result->deals[deal++].records;
			if (to >= trial->outputs || left == 0)
				return false;
		}
		left--;
		if (trial->split == FLOW_SPLIT_HASH) {
			unsigned key =
				hashed(trial, record, keys, data, end - at);

			right &= trial->silent || key == to;
			to = key;
		}
		append(&wanted[to], data, end - at);
	}
	for (size_t i = 0; i < result->deal_count; i++) {
		const struct flow_deal *one = &result->deals[i];
		bool first = true;

		for (size_t j = 0; j < i; j++)
			first &= j == i ||
				 result->deals[j].output != one->output;
		right &= one->headers == (first ? headers : 0);
		if (i > 64)
			break;
		/* In strict turn. */
		if (trial->split == FLOW_SPLIT_LINES && one->records)
			right &= one->output == i % trial->outputs;
	}
	for (; deal < result->deal_count; deal++)
		right &= result->deals[deal].records == 0;
	return right && (trial->silent || left == 0);
}

static void
forget(struct result *result)
{
	for (unsigned i = 0; i < OUTPUTS_MOST; i++)
		free(result->got[i].data);
	free(result->deals);
	streams_forget(&result->streams);
}

static const char *const policies[] = { "copy", "lines", "any", "hash" };

/* Blocking or spilling: each output gets all that it was dealt. */
static void
exactly(struct trial trial)
{
	static const unsigned second[] = { 2 };
	struct flow_keys keys = { .delim = '\t' };
	struct flow_record record;
	struct text text, wanted[OUTPUTS_MOST] = { 0 };
	struct result result;
	bool right;

	if (random_next(2)) {
		keys.by = second;
		keys.count = 1;
	}
	if (flow_record_parse(trial.kind, &record))
		abort();
	trial.binary |= record.kind >= FLOW_RECORD_LEN32;
	trial.silent |= trial.split == FLOW_SPLIT_COPY;
	text = random_input(&trial, &record);
	run_trial(&trial, &record, &keys, &text, &result);
	right = result.status == FLOW_RELAY_DONE &&
		result.streams.relay.meters[0].taken == text.length;
	if (!right)
		tap_note("status %d, taken %ju of %zu", result.status,
			 (uintmax_t)result.streams.relay.meters[0].taken,
			 text.length);
	right &= expect(&trial, &record, &keys, &text, &result, wanted);
	for (unsigned i = 0; i < trial.outputs; i++) {
		bool same =
			wanted[i].length == result.got[i].length &&
			!memcmp(wanted[i].data ? wanted[i].data : "",
				result.got[i].data ? result.got[i].data : "",
				wanted[i].length) &&
			output_meter(&result.streams, i)->put ==
				wanted[i].length;

		if (!same)
			tap_note("output %u: %zu bytes, wanted %zu, put %ju", i,
				 result.got[i].length, wanted[i].length,
				 (uintmax_t)output_meter(&result.streams, i)
					 ->put);
		right &= same;
		free(wanted[i].data);
	}
	ok(right,
	   "split=%s, slow=%u, %s, header=%ju, %u outputs: %zu bytes with "
	   "records of up to %zu%s",
	   policies[trial.split], trial.slow, trial.kind,
	   (uintmax_t)trial.header, trial.outputs, text.length, trial.largest,
	   trial.file ? ", from a file" : "");
	free(text.data);
	forget(&result);
}

/* Some outputs go: hashed, so that it is known what the others must get. */
static void
some_go(const char *kind, unsigned going, unsigned outputs)
{
	struct trial trial = {
		.kind = kind,
		.split = FLOW_SPLIT_HASH,
		.outputs = outputs,
		.bytes = 3 * MIB,
		.largest = 3 * MIB,
		.going = going,
		.silent = true,
		.binary = true,
	};
	struct flow_keys keys = { .delim = '\t' };
	struct flow_record record;
	struct text text, wanted[OUTPUTS_MOST] = { 0 };
	struct result result;
	bool right, all_gone = true;

	flow_record_parse(kind, &record);
	text = random_input(&trial, &record);
	run_trial(&trial, &record, &keys, &text, &result);
	right = expect(&trial, &record, &keys, &text, &result, wanted);
	for (unsigned i = 0; i < outputs; i++) {
		all_gone &= result.gone[i];
		right &= result.got[i].length <= wanted[i].length &&
			 (result.gone[i] ||
			  result.got[i].length == wanted[i].length) &&
			 !memcmp(result.got[i].data ? result.got[i].data : "",
				 wanted[i].data ? wanted[i].data : "",
				 result.got[i].length);
		free(wanted[i].data);
	}
	right &= result.status == FLOW_RELAY_DONE ||
		 (all_gone && result.status == FLOW_RELAY_GONE);
	ok(right, "%s: %u of %u outputs go", kind, going, outputs);
	free(text.data);
	forget(&result);
}

/* In turn: when one has gone, the others go on getting blocks. */
static void
turn_is_skipped(enum flow_split split)
{
	struct trial trial = {
		.kind = "line",
		.split = split,
		.outputs = 3,
		.bytes = 4 * MIB,
		.largest = 100,
		.going = 1,
		.silent = true,
	};
	struct flow_keys keys = { .delim = '\t' };
	struct flow_record record;
	struct text text;
	struct result result;
	size_t total;

	flow_record_parse("line", &record);
	text = random_input(&trial, &record);
	run_trial(&trial, &record, &keys, &text, &result);
	total = result.got[1].length + result.got[2].length;
	ok(result.status == FLOW_RELAY_DONE && total >= text.length / 4 &&
		   total <= text.length,
	   "split=%s: what has gone has no turn", policies[split]);
	free(text.data);
	forget(&result);
}

/* Is GOT a part of TEXT's records, in their order? How many of them? */
static bool
is_selection(const struct flow_record *record, const struct text *got,
	     const struct text *text, uint64_t *count)
{
	size_t at = 0, end;

	*count = 0;
	for (size_t place = 0, next; place < got->length; place = next) {
		next = record_end(record, got, place);
		for (;; at = end) {
			if (at >= text->length)
				return false;
			end = record_end(record, text, at);
			if (end - at == next - place &&
			    !memcmp(got->data + place, text->data + at,
				    end - at))
				break;
		}
		++*count;
		at = end;
	}
	return true;
}

static uint64_t
count_records(const struct flow_record *record, const struct text *text)
{
	uint64_t count = 0;

	for (size_t at = 0; at < text->length; count++)
		at = record_end(record, text, at);
	return count;
}

static void
dropping(const char *kind, enum flow_split split, size_t largest)
{
	struct trial trial = {
		.kind = kind,
		.split = split,
		.slow = FLOW_SLOW_DROP,
		.outputs = 3,
		.header = 2,
		.bytes = 4 * MIB,
		.largest = largest,
		.pace = 3000,
		.binary = true,
		.silent = split == FLOW_SPLIT_COPY,
	};
	struct flow_keys keys = { .delim = '\t' };
	struct flow_record record;
	struct text text;
	struct result result;
	uint64_t got = 0, dropped = 0, records = 0, all, one;
	bool right;

	flow_record_parse(kind, &record);
	text = random_input(&trial, &record);
	run_trial(&trial, &record, &keys, &text, &result);
	right = result.status == FLOW_RELAY_DONE;
	for (unsigned i = 0; i < trial.outputs; i++) {
		right &= is_selection(&record, &result.got[i], &text, &one);
		got += one;
		dropped += output_meter(&result.streams, i)->dropped;
	}
	all = count_records(&record, &text);
	for (size_t i = 0; i < result.deal_count; i++)
		records += result.deals[i].records;
	if (split == FLOW_SPLIT_COPY)
		right &= got + dropped == all * trial.outputs;
	else
		right &= got + dropped == all + trial.header * 2 &&
			 records == got - trial.header * 3;
	/* Few records may all find room. */
	if (!ok(right && (dropped > 0 || largest > MIB),
		"split=%s, slow=drop, %s: whole records are dropped, and "
		"counted",
		policies[split], kind))
		tap_note("status %d, all %ju, got %ju, dropped %ju, dealt %ju",
			 result.status, (uintmax_t)all, (uintmax_t)got,
			 (uintmax_t)dropped, (uintmax_t)records);
	free(text.data);
	forget(&result);
}

/* A relay of KIND over OUTPUTS pipes. */
static void
split_open(struct streams *streams, const char *kind, enum flow_split split,
	   unsigned outputs)
{
	streams_open(streams);
	streams->relay.split = split;
	streams->relay.deals = -1;
	streams->relay.keys.delim = '\t';
	if (flow_record_parse(kind, &streams->relay.record))
		abort();
	input_pipe(streams, 65536);
	for (unsigned i = 0; i < outputs; i++)
		output_pipe(streams, 65536);
}

static void
at_once(enum flow_split split)
{
	struct streams streams;
	bool arrived = true;
	char got[8];

	split_open(&streams, "line", split, 1);
	streams_start(&streams, flow_relay_split);
	for (unsigned i = 0; i < 100; i++) {
		if (flow_io_write_all(streams.feed[0], "line\nbeg", 8) ||
		    read(streams.drain[0], got, 8) != 5 ||
		    flow_io_write_all(streams.feed[0], "un\n", 3) ||
		    read(streams.drain[0], got, 8) != 6)
			arrived = false;
	}
	ok(arrived, "split=%s: a whole record is dealt at once",
	   policies[split]);
	close_end(&streams.feed[0]);
	ok_number(streams_end(&streams), FLOW_RELAY_DONE, "and then the end");
	streams_forget(&streams);
}

static void
partial_binary(const char *kind, const char *text, size_t length, size_t whole)
{
	struct streams streams;
	struct flow_note note;
	char got[64];

	split_open(&streams, kind, FLOW_SPLIT_LINES, 1);
	streams_start(&streams, flow_relay_split);
	if (flow_io_write_all(streams.feed[0], text, length))
		abort();
	close_end(&streams.feed[0]);
	ok(flow_io_read_full(streams.drain[0], got, sizeof(got)) ==
			   (ssize_t)whole &&
		   !memcmp(got, text, whole),
	   "%s: what is whole arrives", kind);
	ok_number(streams_end(&streams), FLOW_RELAY_DATA, kind);
	note = next_note(&streams);
	ok(note.kind == FLOW_NOTE_RECORD && note.pipe == 0,
	   "%s: a partial last record is noted", kind);
	streams_forget(&streams);
}

/* 100 MB without a newline, and the memory of the relay is bounded. */
static void
huge_record(const char *kind, enum flow_split split)
{
	struct streams streams;
	size_t length = 100 * MIB, got = 0, most = 0;
	char *data = malloc(MIB);
	pid_t writer;
	struct rusage usage;
	int fd, status;

	split_open(&streams, kind, split, 2);
	streams_start(&streams, flow_relay_split);
	fd = streams.feed[0];
	writer = fork_keeping(&fd, 1);
	if (writer == 0) {
		memset(data, 'x', MIB);
		for (size_t i = 0; i < length; i += MIB)
			if (flow_io_write_all(fd, data, MIB))
				_exit(WRONG);
		_exit(flow_io_write_all(fd, "\nlast", 5) ? WRONG : EXACT);
	}
	close_end(&streams.feed[0]);
	for (unsigned open = 2; open;) {
		struct pollfd polled[2] = { { streams.drain[0], POLLIN, 0 },
					    { streams.drain[1], POLLIN, 0 } };

		poll(polled, 2, -1);
		for (unsigned i = 0; i < 2; i++) {
			ssize_t some;

			if (!polled[i].revents)
				continue;
			some = read(polled[i].fd, data, MIB);
			if (some <= 0) {
				close_end(&streams.drain[i]);
				open--;
				continue;
			}
			got += (size_t)some;
			if ((size_t)some > most)
				most = (size_t)some;
		}
	}
	end_of(writer);
	wait4(streams.pid, &status, 0, &usage);
	for (unsigned i = 0; i < 2; i++)
		close_end(&streams.drain[i]);
	close(streams.relay.notes);
	ok(WIFEXITED(status) && WEXITSTATUS(status) == FLOW_RELAY_DONE &&
		   got == length + 5,
	   "split=%s: a record of 100 MiB passes", policies[split]);
#ifndef __SANITIZE_ADDRESS__
	ok(usage.ru_maxrss < 20 << 10, "and little memory is needed for it");
#endif
	streams_forget(&streams);
	free(data);
}

/* Output 1 is not read before output 0 has ended: help comes only if elastic. */
static void
elastic(enum flow_split split)
{
	struct streams streams;
	size_t length = 8 * MIB, first, second;
	char *one, *two;
	pid_t writer;
	int fd;

	split_open(&streams, "line", split, 2);
	for (unsigned i = 0; i < 2; i++) {
		streams.outputs[i].elastic = true;
		streams.outputs[i].spill = 64 * MIB;
	}
	streams_start(&streams, flow_relay_split);
	fd = streams.feed[0];
	writer = fork_keeping(&fd, 1);
	if (writer == 0) {
		char line[17];

		for (size_t i = 0; i < length; i += 16) {
			snprintf(line, sizeof(line), "%015zu\n", i);
			if (flow_io_write_all(fd, line, 16))
				_exit(WRONG);
		}
		_exit(EXACT);
	}
	close_end(&streams.feed[0]);
	one = flow_io_slurp(streams.drain[0], 64 * MIB, &first);
	two = flow_io_slurp(streams.drain[1], 64 * MIB, &second);
	ok(first + second == length && second > MIB,
	   "split=%s: one elastic output read after the other",
	   policies[split]);
	ok(output_meter(&streams, 1)->spilled_most > 0 &&
		   output_meter(&streams, 0)->spilled_most == 0,
	   "and only the second held something");
	free(one);
	free(two);
	end_of(writer);
	ok_number(streams_end(&streams), FLOW_RELAY_DONE, "and then the end");
	streams_forget(&streams);
}

/* A child reads output INDEX to its end. */
static void
discard(struct streams *streams, unsigned index)
{
	int fd = streams->drain[index];
	char data[4096];

	if (fork_keeping(&fd, 1) == 0) {
		while (read(fd, data, sizeof(data)) > 0)
			;
		_exit(EXACT);
	}
	close_end(&streams->drain[index]);
}

/* A slow output at its limit holds the others up, and says so. */
static void
spill_limit(void)
{
	struct streams streams;
	struct flow_note note = { .kind = UINT32_MAX };
	char data[4096];
	pid_t writer;
	int fd;

	split_open(&streams, "bytes:16", FLOW_SPLIT_COPY, 2);
	streams.relay.slow = FLOW_SLOW_SPILL;
	streams.outputs[0].spill = 64 * MIB;
	streams.outputs[1].spill = MIB;
	streams_start(&streams, flow_relay_split);
	fd = streams.feed[0];
	writer = fork_keeping(&fd, 1);
	memset(data, 'x', sizeof(data));
	if (writer == 0) {
		for (size_t i = 0; i < 4 * MIB; i += sizeof(data))
			if (flow_io_write_all(fd, data, sizeof(data)))
				_exit(WRONG);
		_exit(EXACT);
	}
	close_end(&streams.feed[0]);
	discard(&streams, 0);
	while (note.kind == UINT32_MAX) {
		poll(NULL, 0, 1);
		note = next_note(&streams);
	}
	ok(note.kind == FLOW_NOTE_LIMIT && note.pipe == ENDS_MOST + 1 &&
		   note.number == MIB,
	   "slow=spill: the limit is noted");
	ok(output_meter(&streams, 1)->spilled_most <= MIB,
	   "and it is not passed");
	discard(&streams, 1);
	ok_number(end_of(writer), EXACT, "all of the input was taken");
	ok_number(streams_end(&streams), FLOW_RELAY_DONE, "and delivered");
	while (waitpid(-1, NULL, 0) > 0)
		;
	streams_forget(&streams);
}

static void
gone_without_input(void)
{
	struct streams streams;

	split_open(&streams, "line", FLOW_SPLIT_LINES, 2);
	streams_start(&streams, flow_relay_split);
	close_end(&streams.drain[0]);
	close_end(&streams.drain[1]);
	ok(streams_end(&streams) == FLOW_RELAY_GONE,
	   "readers that have all gone end it though no input comes");
	streams_forget(&streams);
}

static void
every_kind_and_policy(void)
{
	static const char *const kinds[] = { "line",	  "line:4",
					     "start:>",	  "nul",
					     "len32",	  "bytes:7",
					     "line:1000", "bytes:300000" };

	for (unsigned k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++)
		for (int split = FLOW_SPLIT_COPY; split <= FLOW_SPLIT_HASH;
		     split++)
			for (unsigned i = 0; i < 3; i++)
				exactly((struct trial){
					.kind = kinds[k],
					.split = (enum flow_split)split,
					.slow = split == FLOW_SPLIT_COPY ||
								i == 2
							? FLOW_SLOW_SPILL
							: FLOW_SLOW_BLOCK,
					.outputs = 1 + (unsigned)random_next(6),
					.header =
						random_next(2) * random_next(5),
					.bytes = i == 0 ? random_next(200)
							: 2 * MIB,
					.largest = i == 1 ? 4 * MIB : 200000,
					.file = random_next(2),
					.pace = i == 2 ? 300 : 0,
					.silent = random_next(4) == 0 &&
						  split == FLOW_SPLIT_HASH,
					.spill = i == 2 ? 64 * MIB : UINT64_MAX,
				});
}

int
main(void)
{
	alarm(12 * BOUND);
	/* First: the relay's memory is measured from this process's on. */
	huge_record("line", FLOW_SPLIT_LINES);
	huge_record("line:2", FLOW_SPLIT_ANY);
	huge_record("line", FLOW_SPLIT_HASH);
	every_kind_and_policy();
	some_go("line", 1, 2);
	some_go("start:>", 2, 4);
	some_go("len32", 3, 3);
	turn_is_skipped(FLOW_SPLIT_LINES);
	turn_is_skipped(FLOW_SPLIT_ANY);
	dropping("line", FLOW_SPLIT_LINES, 5000);
	dropping("line", FLOW_SPLIT_HASH, 5000);
	dropping("start:>", FLOW_SPLIT_COPY, 5000);
	dropping("len32", FLOW_SPLIT_LINES, 3 * MIB);
	dropping("nul", FLOW_SPLIT_COPY, 3 * MIB);
	at_once(FLOW_SPLIT_LINES);
	at_once(FLOW_SPLIT_ANY);
	at_once(FLOW_SPLIT_HASH);
	partial_binary("bytes:4", "abcdef", 6, 4);
	partial_binary("len32", "\0\0\0\1a\0\0\0\5abc", 12, 5);
	elastic(FLOW_SPLIT_LINES);
	elastic(FLOW_SPLIT_HASH);
	spill_limit();
	gone_without_input();
	return tap_done();
}
