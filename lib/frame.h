/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * frame: -F, how messages stand in a stream of bytes (pure; no system calls).
 *
 *	raw	bytes, without beginning or end
 *	line	the message, then a newline
 *	nul	the message, then a NUL byte
 *	len32	u32 length, big-endian, then so many bytes
 *
 * Where records begin and end is record.h's; here is what a message is without
 * its frame, and how it gets another.
 */
#ifndef FLOW_FRAME_H
#define FLOW_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "record.h"

enum flow_framing {
	FLOW_FRAMING_RAW,
	FLOW_FRAMING_LINE,
	FLOW_FRAMING_NUL,
	FLOW_FRAMING_LEN32,
	FLOW_FRAMINGS
};

/* Reads "raw", "line", "nul", "len32". 0, or -1 with errno EINVAL. */
int flow_framing_parse(const char *text, enum flow_framing *framing);
const char *flow_framing_name(enum flow_framing framing);
/* How its records end; meaningless for FLOW_FRAMING_RAW. */
const struct flow_record *flow_framing_record(enum flow_framing framing);

/*
 * The message in a whole RECORD of LENGTH bytes, without its frame: *SIZE
 * bytes within RECORD.
 */
const char *flow_frame_message(enum flow_framing framing, const char *record,
			       size_t length, size_t *size);

/* What stands before and behind a message of SIZE bytes; each 0 to 4 bytes. */
struct flow_frame {
	char before[4], behind[1];
	unsigned before_size, behind_size;
};

/*
 * The frame for a MESSAGE. 0, or -1 with errno EILSEQ when the delimiter
 * stands in the message itself, EMSGSIZE when it is too long for a u32.
 */
int flow_frame_make(enum flow_framing framing, const char *message, size_t size,
		    struct flow_frame *frame);

/*
 * Whether input that ended with LENGTH bytes of an unfinished record can be
 * finished: *DELIMITER (0 or 1 byte) is what is missing. -1: it cannot (len32).
 */
int flow_frame_finish(enum flow_framing framing, size_t length,
		      const char **delimiter, size_t *bytes);

#endif
