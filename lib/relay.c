/* SPDX-License-Identifier: GPL-3.0-or-later */
/* relay: what the kinds of relay share: notes, meters, dispositions. */
#include "config.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "relay-inside.h"

void
flow_relay_begin(void)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN };

	sigaction(SIGPIPE, &ignore, NULL);
	sigaction(SIGXFSZ, &ignore, NULL);
}

static void
send_note(const struct flow_relay *relay, const struct flow_note *note)
{
	int error = errno;
	ssize_t wrote;

	do
		wrote = write(relay->notes, note, sizeof(*note));
	while (wrote < 0 && errno == EINTR);
	errno = error;
}

void
flow_relay_note(const struct flow_relay *relay, enum flow_note_kind kind,
		bool with_error, uint32_t pipe, uint64_t number)
{
	struct flow_note note = {
		.process = relay->process,
		.kind = kind,
		.error = with_error ? errno : 0,
		.pipe = pipe,
		.number = number,
	};

	send_note(relay, &note);
}

void
flow_relay_note_text(const struct flow_relay *relay, enum flow_note_kind kind,
		     uint64_t number, const char *text, size_t length)
{
	struct flow_note note = {
		.process = relay->process,
		.kind = kind,
		.error = errno,
		.pipe = UINT32_MAX,
		.number = number,
	};
	size_t most = sizeof(note.text) - 1;

	memcpy(note.text, text, length < most ? length : most);
	send_note(relay, &note);
}

bool
flow_relay_reader_gone(short events)
{
	return events & (POLLERR | POLLHUP | POLLNVAL);
}

static struct flow_meter *
meter_of(const struct flow_relay *relay, uint32_t pipe)
{
	return pipe == UINT32_MAX ? NULL : &relay->meters[pipe];
}

/* Only one process writes each field, so a load and a store are enough. */
static void
add(_Atomic uint64_t *field, uint64_t bytes)
{
	atomic_store_explicit(
		field,
		atomic_load_explicit(field, memory_order_relaxed) + bytes,
		memory_order_relaxed);
}

void
flow_relay_put(const struct flow_relay *relay, uint32_t pipe, uint64_t bytes)
{
	struct flow_meter *meter = meter_of(relay, pipe);

	if (meter)
		add(&meter->put, bytes);
}

void
flow_relay_taken(const struct flow_relay *relay, uint32_t pipe, uint64_t bytes)
{
	struct flow_meter *meter = meter_of(relay, pipe);

	if (meter)
		add(&meter->taken, bytes);
}

void
flow_relay_spilled(const struct flow_relay *relay, uint32_t pipe,
		   uint64_t bytes)
{
	struct flow_meter *meter = meter_of(relay, pipe);

	if (!meter)
		return;
	atomic_store_explicit(&meter->spilled, bytes, memory_order_relaxed);
	if (bytes >
	    atomic_load_explicit(&meter->spilled_most, memory_order_relaxed))
		atomic_store_explicit(&meter->spilled_most, bytes,
				      memory_order_relaxed);
}

void
flow_relay_waits(const struct flow_relay *relay, uint32_t pipe,
		 enum flow_wait side, bool waits)
{
	struct flow_meter *meter = meter_of(relay, pipe);

	if (meter)
		atomic_store_explicit(side == FLOW_WAIT_READ
					      ? &meter->waits_read
					      : &meter->waits_write,
				      waits, memory_order_relaxed);
}

int
flow_relay_merge(struct flow_relay *relay)
{
	flow_relay_begin();
	switch (relay->merge) {
	case FLOW_MERGE_ANY:
		return flow_merge_any(relay);
	case FLOW_MERGE_CONCAT:
		return flow_merge_concat(relay);
	case FLOW_MERGE_ORDERED:
		return flow_merge_ordered(relay);
	case FLOW_MERGE_SORTED:
		return flow_merge_sorted(relay);
	case FLOW_MERGE_ZIP:
		return flow_merge_zip(relay);
	}
	return FLOW_RELAY_FAILED;
}
