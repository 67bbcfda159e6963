/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * deals: what a split tells the merge=ordered behind it: which output got how
 * many records, in the order in which they were dealt. Neighbours that went to
 * one output are told as one.
 */
#ifndef FLOW_DEALS_H
#define FLOW_DEALS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy.h"

struct flow_deals {
	int fd; /* write end; -1: nobody wants to know */
	struct flow_deal kept[128]; /* not told yet */
	size_t count; /* of kept */
	uint32_t headers; /* records of header= that each output has got */
	bool *begun; /* outputs that have had their first deal */
	unsigned outputs;
};

/* Takes FD. 0, or -1 with ENOMEM. */
int flow_deals_open(struct flow_deals *deals, int fd, unsigned outputs);

static inline bool
flow_deals_wanted(const struct flow_deals *deals)
{
	return deals->fd >= 0;
}

/* RECORDS more went to OUTPUT. */
void flow_deals_add(struct flow_deals *deals, unsigned output,
		    uint64_t records);

/* Tells what is kept; to be called before sleeping. A reader that has gone is none. */
void flow_deals_flush(struct flow_deals *deals);

/* Tells the rest, outputs that got but the header too, and the end. */
void flow_deals_close(struct flow_deals *deals);

#endif
