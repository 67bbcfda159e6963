/* SPDX-License-Identifier: GPL-3.0-or-later */
/* farm: the relay that stands for a node with replicas, and runs them. */
#include "config.h"

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "farm.h"
#include "io.h"

int
flow_farm_trouble(const struct flow_farm *farm)
{
	flow_relay_note(farm->relay, FLOW_NOTE_MEMORY, true, UINT32_MAX, 0);
	return FLOW_RELAY_FAILED;
}

int
flow_farm_write(struct flow_farm *farm, const char *data, size_t length)
{
	uint32_t pipe = farm->output->pipe;
	int failed;

	flow_relay_waits(farm->relay, pipe, FLOW_WAIT_WRITE, true);
	failed = flow_io_write_all(farm->output->fd, data, length);
	flow_relay_waits(farm->relay, pipe, FLOW_WAIT_WRITE, false);
	if (!failed) {
		flow_relay_put(farm->relay, pipe, length);
		return 0;
	}
	if (errno == EPIPE || errno == ECONNRESET)
		return FLOW_RELAY_GONE;
	flow_relay_note(farm->relay, FLOW_NOTE_WRITE, true, pipe, 0);
	return FLOW_RELAY_FAILED;
}

/* Signals are blocked, not ignored: the workers would inherit that. */
static int
open_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGPIPE);
	sigaddset(&set, SIGXFSZ);
	sigprocmask(SIG_BLOCK, &set, NULL);
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

int
flow_farm_failed(struct flow_farm *farm, const struct flow_worker *worker)
{
	farm->signal = worker->signal;
	return worker->status ?: 1;
}

/* Ends as the worker did, or as a writer whose reader has gone does. */
static void
die_of(int signal)
{
	const struct rlimit no_core = { 0, 0 }; /* the worker's own is enough */
	struct sigaction usual = { .sa_handler = SIG_DFL };
	sigset_t set;

	setrlimit(RLIMIT_CORE, &no_core);
	sigaction(signal, &usual, NULL);
	sigemptyset(&set);
	sigaddset(&set, signal);
	raise(signal);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

int
flow_relay_farm(struct flow_relay *relay)
{
	struct flow_farm farm = {
		.relay = relay,
		.input = relay->inputs,
		.output = relay->outputs,
		.signals = open_signals(),
	};
	int status;

	if (farm.signals < 0)
		return flow_farm_trouble(&farm);
	status = relay->order == FLOW_ORDER_BLOCKS ? flow_farm_blocks(&farm)
						   : flow_farm_lasting(&farm);
	if (farm.signal)
		die_of(farm.signal);
	if (status == FLOW_RELAY_GONE)
		die_of(SIGPIPE);
	return status;
}
