/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * outlet: one output of a split: a branch, and the bytes dealt to it that the
 * branch could not take yet.
 *
 *	dealt --write--> stage --splice--> output
 *	      \-> scratch -> spill -> stage, where it may hold something
 */
#ifndef FLOW_OUTLET_H
#define FLOW_OUTLET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "branch.h"

/* Bytes. */
enum {
	FLOW_OUTLET_SHORT = 256, /* a record copied without memcpy */
	FLOW_OUTLET_SLACK = 32, /* copied at once */
};

struct flow_outlet {
	struct flow_branch branch;
	const char *dealt; /* what it is dealt now, whole */
	const char *next; /* the part that it has still to take; */
	size_t left; /*   so many bytes */
	char *own; /* what is gathered for it, or the end of a record begun */
	size_t own_length, own_size; /* bytes */
	bool finishing; /* NEXT ends a record begun: no reason to wait for it */
	bool passed_over; /* slow=drop: gets nothing of the long record */
	int *scratch; /* a pipe that all outlets share; made when needed */
};

/* As flow_branch_open; SCRATCH: two descriptors, -1 at first. */
int flow_outlet_open(struct flow_outlet *outlet, const struct flow_relay *relay,
		     struct flow_relay_output *output, uint64_t capacity,
		     int scratch[2]);

static inline bool
flow_outlet_is_open(const struct flow_outlet *outlet)
{
	return outlet->branch.state == FLOW_BRANCH_OPEN;
}

/* Must others wait until this one has taken what it was dealt? */
static inline bool
flow_outlet_holds_up(const struct flow_outlet *outlet)
{
	return outlet->left && !outlet->finishing;
}

/* LENGTH bytes at DATA, which stay there until they are taken. */
void flow_outlet_deal(struct flow_outlet *outlet, const char *data,
		      size_t length);

/* Makes room to gather LENGTH bytes more. 0, or -1 with ENOMEM. */
int flow_outlet_reserve(struct flow_outlet *outlet, size_t length);

/*
 * Copies LENGTH bytes at DATA behind what is gathered; room for them has been
 * reserved. Up to FLOW_OUTLET_SLACK bytes behind DATA's may be read.
 */
static inline void
flow_outlet_gather(struct flow_outlet *outlet, const char *data, size_t length)
{
	char *to = outlet->own + outlet->own_length;

	outlet->own_length += length;
	/* Most records are short, and then calling memcpy costs most of it. */
	if (length > FLOW_OUTLET_SHORT) {
		memcpy(to, data, length);
		return;
	}
	for (size_t done = 0; done < length; done += FLOW_OUTLET_SLACK)
		memcpy(to + done, data + done, FLOW_OUTLET_SLACK);
}

/* Deals what has been gathered. */
void flow_outlet_deal_gathered(struct flow_outlet *outlet);

/* Moves on as far as there is room. The bytes moved, or -1 after a note. */
ssize_t flow_outlet_advance(struct flow_outlet *outlet);

/*
 * What it was dealt, whole records, and cannot take is dropped, save the end of
 * a record begun, which it keeps. *RECORDS: how many were. 0, or -1 with ENOMEM.
 */
int flow_outlet_drop(struct flow_outlet *outlet,
		     const struct flow_record *record, uint64_t *records);

/* Adds to its meter. */
void flow_outlet_dropped(const struct flow_outlet *outlet, uint64_t records);

#endif
