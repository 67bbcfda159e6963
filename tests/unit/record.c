/* SPDX-License-Identifier: GPL-3.0-or-later */
/* record: the same records are found however the bytes arrive. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "record.h"
#include "tap.h"

/* How much of TEXT is whole records of KIND, seen in one piece. */
static void
whole(const char *kind, const char *text, size_t length, size_t wanted)
{
	struct flow_record record;
	size_t seen = 0;
	bool parsed = flow_record_parse(kind, &record) == 0;

	ok(parsed && flow_record_whole(&record, text, length, &seen) == wanted,
	   "%s: %zu of %zu bytes are whole records", kind, wanted, length);
}

/* Byte by byte, SEEN kept, the same records come out as from all at once. */
static void
piecewise(const char *kind, const char *text, size_t length, size_t wanted)
{
	struct flow_record record;
	size_t begun = 0, seen = 0;

	flow_record_parse(kind, &record);
	for (size_t end = 1; end <= length; end++) {
		size_t found = flow_record_whole(&record, text + begun,
						 end - begun, &seen);

		begun += found;
		seen = seen > found ? seen - found : 0;
	}
	ok(begun == wanted, "%s: the same byte by byte", kind);
}

static void
both(const char *kind, const char *text, size_t length, size_t wanted)
{
	whole(kind, text, length, wanted);
	piecewise(kind, text, length, wanted);
}

/* A record entered after HEAD bytes is passed on to its end, byte by byte. */
static void
passed(const char *kind, const char *text, size_t length, size_t head,
       size_t wanted)
{
	struct flow_record record;
	struct flow_record_place place;
	size_t done = head, end = head;
	bool ended = false;

	flow_record_parse(kind, &record);
	flow_record_enter(&record, text, head, &place);
	while (!ended && end < length) {
		end++;
		done += flow_record_pass(&record, &place, text + done,
					 end - done, &ended);
	}
	ok(ended && done == wanted, "%s: a long record ends after %zu bytes",
	   kind, wanted);
}

static void
kinds_are_read(void)
{
	static const char *const wrong[] = {
		"",
		"lines",
		"line:",
		"line:0",
		"line:x",
		"line:-1",
		"bytes:0",
		"bytes:1K",
		"bytes",
		"start:",
		"start:\n",
		"len",
		"bytes:99999999999999999999",
	};
	struct flow_record record;

	ok(!flow_record_parse("line:4", &record) &&
		   record.kind == FLOW_RECORD_LINES && record.number == 4,
	   "line:4");
	ok(!flow_record_parse("bytes:512", &record) &&
		   record.kind == FLOW_RECORD_BYTES && record.number == 512,
	   "bytes:512");
	ok(!flow_record_parse("start:>", &record) &&
		   record.kind == FLOW_RECORD_START &&
		   !strcmp(record.string, ">"),
	   "start:>");
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		errno = 0;
		ok(flow_record_parse(wrong[i], &record) == -1 &&
			   errno == EINVAL,
		   "refused, case %zu", i);
	}
}

static void
delimiter(const char *kind, const char *wanted, size_t size)
{
	struct flow_record record;
	const char *text;
	size_t bytes;

	flow_record_parse(kind, &record);
	flow_record_delimiter(&record, &text, &bytes);
	ok(bytes == size && memcmp(text, wanted, size) == 0,
	   "%s: its delimiter", kind);
}

int
main(void)
{
	kinds_are_read();
	both("line", "a\nbc\nde", 7, 5);
	both("line", "abc", 3, 0);
	both("line", "\0\n\0", 3, 2);
	both("line", "", 0, 0);
	both("nul", "a\nb\0c", 5, 4);
	both("line:2", "1\n2\n3\n4\n5\n6", 11, 8);
	both("start:>", ">a\nx\n>b\ny\n>c", 12, 10);
	both("start:>", ">a\nx>b\ny\n", 9, 0);
	both("start:>>", ">>a\n>b\n>>c\n>", 12, 7);
	both("start:>", "\n>", 2, 1);
	both("len32", "\0\0\0\2ab\0\0\0\0\0\0\0\5xy", 16, 10);
	both("len32", "\0\0\0", 3, 0);
	both("len32", "\377\377\377\377", 4, 0);
	both("bytes:3", "abcdefgh", 8, 6);
	passed("line", "abcdefg\nh", 9, 4, 8);
	passed("nul", "abcdefg\0h", 9, 4, 8);
	passed("line:3", "a\nb\ncdef\ngh", 11, 5, 9);
	passed("start:>>", ">>ab\n>c\n>>d", 11, 4, 8);
	passed("start:>", ">ab\n>c", 6, 4, 4);
	passed("len32", "\0\0\0\5abcdefg", 11, 4, 9);
	passed("bytes:7", "abcdefghij", 10, 4, 7);
	delimiter("line", "\n", 1);
	delimiter("line:4", "\n", 1);
	delimiter("start:>", "\n", 1);
	delimiter("nul", "", 1);
	delimiter("len32", "", 0);
	delimiter("bytes:4", "", 0);
	return tap_done();
}
