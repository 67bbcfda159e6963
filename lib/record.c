/* SPDX-License-Identifier: GPL-3.0-or-later */
/* record: where one record ends and the next begins. */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "record.h"

/* Reads a decimal number of at least 1; 0 when TEXT is none. */
static uint64_t
parse_count(const char *text)
{
	uint64_t number = 0;

	if (!*text)
		return 0;
	for (; *text; text++) {
		unsigned digit = (unsigned)(unsigned char)*text - '0';

		if (digit > 9 || number > (UINT64_MAX - digit) / 10)
			return 0;
		number = number * 10 + digit;
	}
	return number;
}

int
flow_record_parse(const char *text, struct flow_record *record)
{
	static const struct {
		const char *word;
		enum flow_record_kind kind;
	} plain[] = {
		{ "line", FLOW_RECORD_LINE },
		{ "nul", FLOW_RECORD_NUL },
		{ "len32", FLOW_RECORD_LEN32 },
	};
	struct flow_record result = { 0 };

	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
		if (strcmp(text, plain[i].word) == 0) {
			result.kind = plain[i].kind;
			*record = result;
			return 0;
		}
	}
	if (strncmp(text, "line:", 5) == 0) {
		result.kind = FLOW_RECORD_LINES;
		result.number = parse_count(text + 5);
	} else if (strncmp(text, "bytes:", 6) == 0) {
		result.kind = FLOW_RECORD_BYTES;
		result.number = parse_count(text + 6);
	} else if (strncmp(text, "start:", 6) == 0) {
		result.kind = FLOW_RECORD_START;
		result.string = text + 6;
	}
	/* A newline in STRING could never stand at the start of one line. */
	if (result.kind == FLOW_RECORD_START
		    ? !*result.string || strchr(result.string, '\n')
		    : result.number == 0) {
		errno = EINVAL;
		return -1;
	}
	*record = result;
	return 0;
}

/* The last DELIMITER at or after *SEEN ends the prefix. */
static size_t
whole_delimited(char delimiter, const char *data, size_t length, size_t *seen)
{
	const char *last = memrchr(data + *seen, delimiter, length - *seen);

	*seen = length;
	return last ? (size_t)(last - data) + 1 : 0;
}

/* How often BYTE stands in the LENGTH bytes at DATA: a vector at a time. */
static uint64_t
count_byte(char byte, const char *data, size_t length)
{
	typedef int8_t lanes __attribute__((vector_size(16), aligned(1)));
	const lanes pattern = (lanes){ 0 } + (int8_t)byte;
	uint64_t count = 0;

	while (length >= sizeof(lanes)) {
		/* A lane counts to 127 at most. */
		size_t steps = length / sizeof(lanes) < 127
				       ? length / sizeof(lanes)
				       : 127;
		lanes found = { 0 };

		for (size_t i = 0; i < steps; i++)
			found -= ((const lanes *)data)[i] == pattern;
		for (size_t i = 0; i < sizeof(lanes); i++)
			count += (uint64_t)found[i];
		data += steps * sizeof(lanes);
		length -= steps * sizeof(lanes);
	}
	for (; length; length--)
		count += *data++ == byte;
	return count;
}

/*
 * Every NUMBERth newline ends a record. What was counted before cannot be kept
 * in *SEEN, so *SEEN stays where the unfinished record's counting begins: at 0.
 */
static size_t
whole_lines(uint64_t number, const char *data, size_t length)
{
	uint64_t count = count_byte('\n', data, length);
	uint64_t beyond = count % number;
	const char *end = data + length;

	if (count < number)
		return 0;
	for (; beyond; beyond--)
		end = memrchr(data, '\n', (size_t)(end - data));
	end = memrchr(data, '\n', (size_t)(end - data));
	return (size_t)(end - data) + 1;
}

/* The last start of STRING at a line's start, but not the one at DATA itself. */
static size_t
whole_start(const char *string, const char *data, size_t length, size_t *seen)
{
	size_t size = strlen(string);
	size_t end = length;
	/* A newline from here on may yet be followed by STRING. */
	size_t open = length > size ? length - size : 0;

	while (end > *seen) {
		const char *newline = memrchr(data + *seen, '\n', end - *seen);
		size_t start;

		if (!newline)
			break;
		start = (size_t)(newline - data) + 1;
		if (length - start >= size &&
		    memcmp(data + start, string, size) == 0) {
			*seen = open > start ? open : start;
			return start;
		}
		end = start - 1;
	}
	if (open > *seen)
		*seen = open;
	return 0;
}

static uint64_t
len32_size(const char *data)
{
	const unsigned char *byte = (const unsigned char *)data;

	return 4 + ((uint64_t)byte[0] << 24 | (uint64_t)byte[1] << 16 |
		    (uint64_t)byte[2] << 8 | byte[3]);
}

static size_t
whole_len32(const char *data, size_t length)
{
	size_t whole = 0;

	while (length - whole >= 4) {
		uint64_t size = len32_size(data + whole);

		if (size > length - whole)
			break;
		whole += size;
	}
	return whole;
}

/* The end of the first line that STRING follows, or LENGTH. */
static size_t
first_start(const char *string, const char *data, size_t length)
{
	size_t size = strlen(string);
	const char *at = data, *end = data + length;

	while (at < end) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));

		if (!newline)
			break;
		at = newline + 1;
		if ((size_t)(end - at) >= size && memcmp(at, string, size) == 0)
			return (size_t)(at - data);
	}
	return length;
}

static size_t
first_delimited(char delimiter, uint64_t number, const char *data,
		size_t length)
{
	const char *at = data, *end = data + length;

	for (; number; number--) {
		const char *found = memchr(at, delimiter, (size_t)(end - at));

		if (!found)
			return length;
		at = found + 1;
	}
	return (size_t)(at - data);
}

size_t
flow_record_first_other(const struct flow_record *record, const char *data,
			size_t length)
{
	uint64_t size = length;

	switch (record->kind) {
	case FLOW_RECORD_LINE:
		return first_delimited('\n', 1, data, length);
	case FLOW_RECORD_NUL:
		return first_delimited('\0', 1, data, length);
	case FLOW_RECORD_LINES:
		return first_delimited('\n', record->number, data, length);
	case FLOW_RECORD_START:
		return first_start(record->string, data, length);
	case FLOW_RECORD_LEN32:
		if (length >= 4)
			size = len32_size(data);
		break;
	case FLOW_RECORD_BYTES:
		size = record->number;
		break;
	}
	return size < length ? (size_t)size : length;
}

static uint64_t
count_one_by_one(const struct flow_record *record, const char *data,
		 size_t length)
{
	uint64_t count = 0;

	for (size_t at = 0; at < length; count++)
		at += flow_record_first(record, data + at, length - at);
	return count;
}

uint64_t
flow_record_count(const struct flow_record *record, const char *data,
		  size_t length)
{
	uint64_t ends;

	if (length == 0)
		return 0;
	switch (record->kind) {
	case FLOW_RECORD_LINE:
		ends = count_byte('\n', data, length);
		return ends + (data[length - 1] != '\n');
	case FLOW_RECORD_NUL:
		ends = count_byte('\0', data, length);
		return ends + (data[length - 1] != '\0');
	case FLOW_RECORD_LINES:
		ends = count_byte('\n', data, length);
		return ends / record->number +
		       (ends % record->number || data[length - 1] != '\n');
	case FLOW_RECORD_BYTES:
		return length / record->number + (length % record->number != 0);
	case FLOW_RECORD_START:
	case FLOW_RECORD_LEN32:
		break;
	}
	return count_one_by_one(record, data, length);
}

size_t
flow_record_whole(const struct flow_record *record, const char *data,
		  size_t length, size_t *seen)
{
	switch (record->kind) {
	case FLOW_RECORD_LINE:
		return whole_delimited('\n', data, length, seen);
	case FLOW_RECORD_NUL:
		return whole_delimited('\0', data, length, seen);
	case FLOW_RECORD_LINES:
		return whole_lines(record->number, data, length);
	case FLOW_RECORD_START:
		return whole_start(record->string, data, length, seen);
	case FLOW_RECORD_LEN32:
		return whole_len32(data, length);
	case FLOW_RECORD_BYTES:
		return length - length % record->number;
	}
	return 0;
}

void
flow_record_enter(const struct flow_record *record, const char *data,
		  size_t length, struct flow_record_place *place)
{
	bool ended;

	place->line_start = false;
	place->left = record->number;
	if (record->kind == FLOW_RECORD_LEN32)
		place->left = len32_size(data);
	if (record->kind == FLOW_RECORD_START)
		place->line_start = data[length - 1] == '\n';
	else
		flow_record_pass(record, place, data, length, &ended);
}

static size_t
pass_delimited(char delimiter, uint64_t *left, const char *data, size_t length,
	       bool *ended)
{
	size_t passed = 0;

	while (passed < length) {
		const char *at =
			memchr(data + passed, delimiter, length - passed);

		if (!at)
			return length;
		passed = (size_t)(at - data) + 1;
		if (--*left == 0) {
			*ended = true;
			return passed;
		}
	}
	return passed;
}

static size_t
pass_start(const char *string, bool *line_start, const char *data,
	   size_t length, bool *ended)
{
	size_t size = strlen(string);
	size_t passed = 0;

	while (passed < length) {
		const char *newline;
		size_t rest = length - passed;

		if (*line_start && memcmp(data + passed, string,
					  rest < size ? rest : size) == 0) {
			*ended = rest >= size;
			return passed;
		}
		newline = memchr(data + passed, '\n', rest);
		*line_start = newline != NULL;
		if (!newline)
			return length;
		passed = (size_t)(newline - data) + 1;
	}
	return passed;
}

size_t
flow_record_pass(const struct flow_record *record,
		 struct flow_record_place *place, const char *data,
		 size_t length, bool *ended)
{
	uint64_t one = 1;
	size_t passed;

	*ended = false;
	switch (record->kind) {
	case FLOW_RECORD_LINE:
		return pass_delimited('\n', &one, data, length, ended);
	case FLOW_RECORD_NUL:
		return pass_delimited('\0', &one, data, length, ended);
	case FLOW_RECORD_LINES:
		return pass_delimited('\n', &place->left, data, length, ended);
	case FLOW_RECORD_START:
		return pass_start(record->string, &place->line_start, data,
				  length, ended);
	case FLOW_RECORD_LEN32:
	case FLOW_RECORD_BYTES:
		break;
	}
	passed = length < place->left ? length : (size_t)place->left;
	place->left -= passed;
	*ended = place->left == 0;
	return passed;
}

void
flow_record_delimiter(const struct flow_record *record, const char **delimiter,
		      size_t *bytes)
{
	switch (record->kind) {
	case FLOW_RECORD_LINE:
	case FLOW_RECORD_LINES:
	case FLOW_RECORD_START:
		*delimiter = "\n";
		*bytes = 1;
		return;
	case FLOW_RECORD_NUL:
		*delimiter = "";
		*bytes = 1;
		return;
	case FLOW_RECORD_LEN32:
	case FLOW_RECORD_BYTES:
		break;
	}
	*delimiter = "";
	*bytes = 0;
}
