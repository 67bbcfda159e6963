/* SPDX-License-Identifier: GPL-3.0-or-later */
/* relay-inside: what the kinds of relay share; for them alone. */
#ifndef FLOW_RELAY_INSIDE_H
#define FLOW_RELAY_INSIDE_H

#include <stdbool.h>
#include <stdint.h>

#include "relay.h"

/* Which field of a meter says that a relay sleeps. */
enum flow_wait { FLOW_WAIT_READ, FLOW_WAIT_WRITE };

/* A reader that goes, or a file at its limit, must be an error, not our death. */
void flow_relay_begin(void);

/* Tells the guardian; errno is kept, and is the note's error if WITH_ERROR. */
void flow_relay_note(const struct flow_relay *relay, enum flow_note_kind kind,
		     bool with_error, uint32_t pipe, uint64_t number);

/* The same with errno, and as much of TEXT, LENGTH bytes, as there is room for. */
void flow_relay_note_text(const struct flow_relay *relay,
			  enum flow_note_kind kind, uint64_t number,
			  const char *text, size_t length);

/* Does poll(2) say of an output's descriptor that nobody will read any more? */
bool flow_relay_reader_gone(short events);

/* All of them do nothing for a PIPE of UINT32_MAX. */
void flow_relay_put(const struct flow_relay *relay, uint32_t pipe,
		    uint64_t bytes);
void flow_relay_taken(const struct flow_relay *relay, uint32_t pipe,
		      uint64_t bytes);
void flow_relay_spilled(const struct flow_relay *relay, uint32_t pipe,
			uint64_t bytes);
void flow_relay_waits(const struct flow_relay *relay, uint32_t pipe,
		      enum flow_wait side, bool waits);

/* The parts of flow_relay_merge. */
int flow_merge_concat(struct flow_relay *relay);
int flow_merge_any(struct flow_relay *relay);
int flow_merge_ordered(struct flow_relay *relay);
int flow_merge_sorted(struct flow_relay *relay);
int flow_merge_zip(struct flow_relay *relay);

#endif
