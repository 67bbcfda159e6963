/* SPDX-License-Identifier: GPL-3.0-or-later */
/* merge-zip: one record of each input in turn. */
#include "config.h"

#include <stdlib.h>

#include "feed.h"

int
flow_merge_zip(struct flow_relay *relay)
{
	size_t count = relay->input_count, open = count;
	struct flow_feed *feeds = calloc(count + 1, sizeof(*feeds));
	struct flow_sink sink;
	int status = flow_sink_open(&sink, relay);

	if (!feeds && status == 0) {
		flow_relay_note(relay, FLOW_NOTE_MEMORY, true, UINT32_MAX, 0);
		status = FLOW_RELAY_FAILED;
	}
	for (size_t i = 0; feeds && i < count; i++)
		flow_feed_open(&feeds[i], relay, &relay->inputs[i]);
	while (status == 0 && open > 0) {
		open = 0;
		for (size_t i = 0; i < count && status == 0; i++) {
			status = flow_feed_pass(&feeds[i], &sink, false);
			open += !flow_feed_over(&feeds[i]);
		}
	}
	for (size_t i = 0; feeds && i < count; i++)
		flow_feed_close(&feeds[i]);
	free(feeds);
	return flow_sink_close(&sink, status);
}
