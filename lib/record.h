/* SPDX-License-Identifier: GPL-3.0-or-later */
/* record: where one record ends and the next begins (pure; no system calls). */
#ifndef FLOW_RECORD_H
#define FLOW_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum flow_record_kind {
	FLOW_RECORD_LINE, /* ends with a newline */
	FLOW_RECORD_LINES, /* line:N - N lines; FASTQ is line:4 */
	FLOW_RECORD_START, /* start:STRING - begins with STRING at the start of a line; FASTA is start:> */
	FLOW_RECORD_NUL, /* ends with a NUL byte */
	FLOW_RECORD_LEN32, /* u32 length, big-endian, then length bytes */
	FLOW_RECORD_BYTES, /* bytes:N - N bytes */
};

struct flow_record {
	enum flow_record_kind kind;
	uint64_t number; /* N of line:N and bytes:N, else 0 */
	const char *
		string; /* STRING of start:, else NULL; borrowed from the text parsed */
};

/* Reads "line", "line:4", "start:>", "nul", "len32", "bytes:512". 0, or -1 with errno EINVAL. */
int flow_record_parse(const char *text, struct flow_record *record);

/*
 * How many of the LENGTH bytes at DATA, which begin at the start of a record,
 * form whole records (the longest such prefix). For start:STRING a record is
 * whole only when the next one's start has been seen. Scans from *SEEN (bytes
 * already known to hold no end; updated) so that a record arriving in pieces
 * is not scanned again and again. Runs at the speed of memrchr and memchr.
 */
size_t flow_record_whole(const struct flow_record *record, const char *data,
			 size_t length, size_t *seen);

/*
 * The size of the first of the records that the LENGTH bytes at DATA (at least
 * one) are, and how many records they are: whole ones, the last of which may
 * lack its delimiter.
 */
size_t flow_record_first_other(const struct flow_record *record,
			       const char *data, size_t length);
static inline size_t
flow_record_first(const struct flow_record *record, const char *data,
		  size_t length)
{
	const char *newline;

	if (record->kind != FLOW_RECORD_LINE)
		return flow_record_first_other(record, data, length);
	/* lines are many and short: without a call of ours */
	newline = memchr(data, '\n', length);
	return newline ? (size_t)(newline - data) + 1 : length;
}
uint64_t flow_record_count(const struct flow_record *record, const char *data,
			   size_t length);

/*
 * A record too long to be kept whole passes through in pieces: what is known
 * of the place within it that has been reached.
 */
struct flow_record_place {
	uint64_t
		left; /* bytes (len32, bytes:N) or newlines (line:N) to its end */
	bool line_start; /* the last byte passed on was a newline */
};

/* PLACE after the first LENGTH (at least 4) bytes at DATA, which hold no record's end. */
void flow_record_enter(const struct flow_record *record, const char *data,
		       size_t length, struct flow_record_place *place);

/*
 * How many of the next LENGTH bytes at DATA belong to the record entered;
 * *ENDED tells that its end is among them. When it has not ended, bytes beyond
 * the count may be the next one's start: offer them again with more behind.
 */
size_t flow_record_pass(const struct flow_record *record,
			struct flow_record_place *place, const char *data,
			size_t length, bool *ended);

/*
 * What must follow an unterminated last record before more may be written:
 * *BYTES of *DELIMITER ("\n", "\0"); 0 bytes when nothing can be added, as
 * for len32 and bytes:N, where a partial last record is an error.
 */
void flow_record_delimiter(const struct flow_record *record,
			   const char **delimiter, size_t *bytes);

#endif
