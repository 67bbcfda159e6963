/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <errno.h>

#include "frame.h"

#include "tap.h"

/* The message in RECORD is WANTED. */
static void
holds(enum flow_framing framing, const char *record, size_t length,
      const char *wanted, size_t size)
{
	size_t bytes;
	const char *message =
		flow_frame_message(framing, record, length, &bytes);

	ok(bytes == size && !memcmp(message, wanted, size),
	   "a message of %zu bytes out of %s", size,
	   flow_framing_name(framing));
}

static void
frames(enum flow_framing framing, const char *message, size_t size,
       const char *wanted, size_t length)
{
	struct flow_frame frame;
	char made[64];
	size_t at;

	if (!ok(!flow_frame_make(framing, message, size, &frame),
		"%zu bytes can be -F %s", size, flow_framing_name(framing)))
		return;
	memcpy(made, frame.before, frame.before_size);
	at = frame.before_size;
	memcpy(made + at, message, size);
	at += size;
	memcpy(made + at, frame.behind, frame.behind_size);
	at += frame.behind_size;
	ok(at == length && !memcmp(made, wanted, length), "and are right");
}

int
main(void)
{
	enum flow_framing framing = FLOW_FRAMING_RAW;
	struct flow_frame frame;
	const char *delimiter;
	size_t bytes;

	for (int i = 0; i < FLOW_FRAMINGS; i++)
		ok(!flow_framing_parse(flow_framing_name(i), &framing) &&
			   (int)framing == i,
		   "-F %s", flow_framing_name(i));
	errno = 0;
	ok(flow_framing_parse("lines", &framing) < 0 && errno == EINVAL,
	   "-F lines is none");

	holds(FLOW_FRAMING_LINE, "ab\n", 3, "ab", 2);
	holds(FLOW_FRAMING_LINE, "\n", 1, "", 0);
	holds(FLOW_FRAMING_LINE, "ab", 2, "ab", 2);
	holds(FLOW_FRAMING_NUL, "a\n\0", 3, "a\n", 2);
	holds(FLOW_FRAMING_LEN32, "\0\0\0\2a\n", 6, "a\n", 2);
	holds(FLOW_FRAMING_LEN32, "\0\0\0\0", 4, "", 0);
	holds(FLOW_FRAMING_RAW, "a\n", 2, "a\n", 2);

	frames(FLOW_FRAMING_LINE, "ab", 2, "ab\n", 3);
	frames(FLOW_FRAMING_NUL, "a\n", 2, "a\n\0", 3);
	frames(FLOW_FRAMING_NUL, "", 0, "\0", 1);
	frames(FLOW_FRAMING_LEN32, "a\0", 2, "\0\0\0\2a\0", 6);
	frames(FLOW_FRAMING_RAW, "a\0", 2, "a\0", 2);
	ok(flow_frame_make(FLOW_FRAMING_LINE, "a\nb", 3, &frame) < 0 &&
		   errno == EILSEQ,
	   "a newline in a line is refused");
	ok(flow_frame_make(FLOW_FRAMING_NUL, "a\0b", 3, &frame) < 0 &&
		   errno == EILSEQ,
	   "a NUL byte in -F nul is refused");

	ok(!flow_frame_finish(FLOW_FRAMING_LINE, 3, &delimiter, &bytes) &&
		   bytes == 1 && *delimiter == '\n',
	   "an unfinished line wants a newline");
	ok(!flow_frame_finish(FLOW_FRAMING_NUL, 3, &delimiter, &bytes) &&
		   bytes == 1 && *delimiter == '\0',
	   "an unfinished -F nul wants a NUL byte");
	ok(flow_frame_finish(FLOW_FRAMING_LEN32, 3, &delimiter, &bytes) < 0,
	   "an unfinished -F len32 cannot be finished");
	ok(!flow_frame_finish(FLOW_FRAMING_LEN32, 0, &delimiter, &bytes) &&
		   bytes == 0,
	   "nothing need be finished");
	return tap_done();
}
