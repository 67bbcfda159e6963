/* SPDX-License-Identifier: GPL-3.0-or-later */
/* frame: messages in and out of their frames. */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "frame.h"

static const char *const names[FLOW_FRAMINGS] = {
	[FLOW_FRAMING_RAW] = "raw",
	[FLOW_FRAMING_LINE] = "line",
	[FLOW_FRAMING_NUL] = "nul",
	[FLOW_FRAMING_LEN32] = "len32",
};

static const struct flow_record records[FLOW_FRAMINGS] = {
	[FLOW_FRAMING_RAW] = { .kind = FLOW_RECORD_BYTES, .number = 1 },
	[FLOW_FRAMING_LINE] = { .kind = FLOW_RECORD_LINE },
	[FLOW_FRAMING_NUL] = { .kind = FLOW_RECORD_NUL },
	[FLOW_FRAMING_LEN32] = { .kind = FLOW_RECORD_LEN32 },
};

int
flow_framing_parse(const char *text, enum flow_framing *framing)
{
	for (int i = 0; i < FLOW_FRAMINGS; i++)
		if (!strcmp(text, names[i])) {
			*framing = i;
			return 0;
		}
	errno = EINVAL;
	return -1;
}

const char *
flow_framing_name(enum flow_framing framing)
{
	return names[framing];
}

const struct flow_record *
flow_framing_record(enum flow_framing framing)
{
	return &records[framing];
}

const char *
flow_frame_message(enum flow_framing framing, const char *record, size_t length,
		   size_t *size)
{
	size_t before = framing == FLOW_FRAMING_LEN32 && length >= 4 ? 4 : 0;
	size_t behind = (framing == FLOW_FRAMING_LINE && length &&
			 record[length - 1] == '\n') ||
			(framing == FLOW_FRAMING_NUL && length &&
			 record[length - 1] == '\0');

	*size = length - before - behind;
	return record + before;
}

int
flow_frame_make(enum flow_framing framing, const char *message, size_t size,
		struct flow_frame *frame)
{
	*frame = (struct flow_frame){ 0 };
	switch (framing) {
	case FLOW_FRAMING_LINE:
	case FLOW_FRAMING_NUL:
		frame->behind[0] = framing == FLOW_FRAMING_LINE ? '\n' : '\0';
		frame->behind_size = 1;
		if (size && memchr(message, frame->behind[0], size)) {
			errno = EILSEQ;
			return -1;
		}
		return 0;
	case FLOW_FRAMING_LEN32:
		if (size > UINT32_MAX) {
			errno = EMSGSIZE;
			return -1;
		}
		for (int i = 0; i < 4; i++)
			frame->before[i] = (char)(size >> (24 - 8 * i));
		frame->before_size = 4;
		return 0;
	case FLOW_FRAMING_RAW:
	case FLOW_FRAMINGS:
		break;
	}
	return 0;
}

int
flow_frame_finish(enum flow_framing framing, size_t length,
		  const char **delimiter, size_t *bytes)
{
	*delimiter = "";
	*bytes = 0;
	if (!length || framing == FLOW_FRAMING_RAW)
		return 0;
	flow_record_delimiter(&records[framing], delimiter, bytes);
	return *bytes ? 0 : -1;
}
