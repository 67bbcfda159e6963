/* SPDX-License-Identifier: GPL-3.0-or-later */
/* deals: what a split tells the merge=ordered behind it. */
#include "config.h"

#include <stdlib.h>
#include <unistd.h>

#include "deals.h"
#include "io.h"

int
flow_deals_open(struct flow_deals *deals, int fd, unsigned outputs)
{
	deals->fd = fd;
	deals->count = 0;
	deals->headers = 0;
	deals->outputs = outputs;
	deals->begun = calloc(outputs + 1, sizeof(*deals->begun));
	return deals->begun ? 0 : -1;
}

void
flow_deals_flush(struct flow_deals *deals)
{
	if (deals->fd < 0 || deals->count == 0)
		return;
	/* Without its merge the split has nothing to tell, but all to do. */
	if (flow_io_write_all(deals->fd, deals->kept,
			      deals->count * sizeof(deals->kept[0]))) {
		close(deals->fd);
		deals->fd = -1;
	}
	deals->count = 0;
}

void
flow_deals_add(struct flow_deals *deals, unsigned output, uint64_t records)
{
	struct flow_deal *last = &deals->kept[deals->count];

	if (deals->fd < 0)
		return;
	if (deals->count && last[-1].output == output) {
		last[-1].records += records;
		return;
	}
	if (deals->count == sizeof(deals->kept) / sizeof(deals->kept[0])) {
		flow_deals_flush(deals);
		last = deals->kept;
	}
	*last = (struct flow_deal){
		.output = output,
		.headers = deals->begun[output] ? 0 : deals->headers,
		.records = records,
	};
	deals->begun[output] = true;
	deals->count++;
}

void
flow_deals_close(struct flow_deals *deals)
{
	for (unsigned i = 0; deals->headers && i < deals->outputs; i++)
		if (!deals->begun[i])
			flow_deals_add(deals, i, 0);
	flow_deals_flush(deals);
	if (deals->fd >= 0)
		close(deals->fd);
	deals->fd = -1;
	free(deals->begun);
	deals->begun = NULL;
}
