/* SPDX-License-Identifier: GPL-3.0-or-later */
/* farm: the relay that stands for a node with replicas, and runs them. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "farm.h"
#include "io.h"

/* Bytes of the pipes before and behind: both sides work in great steps. */
enum { WIDE = 1 << 20 };

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

static void
die_of_pipe(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGPIPE);
	raise(SIGPIPE);
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
	/* fails where it is no pipe, or so much is not granted: no matter */
	fcntl(farm.input->fd, F_SETPIPE_SZ, WIDE);
	fcntl(farm.output->fd, F_SETPIPE_SZ, WIDE);
	status = relay->order == FLOW_ORDER_BLOCKS ? flow_farm_blocks(&farm)
						   : flow_farm_lasting(&farm);
	if (status == FLOW_RELAY_GONE)
		die_of_pipe();
	return status;
}
