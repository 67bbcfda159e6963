/* SPDX-License-Identifier: GPL-3.0-or-later */
/* farm: what the orders of replicas share. Internal to flow_relay_farm. */
#ifndef FLOW_FARM_H
#define FLOW_FARM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "feed.h"
#include "worker.h"

struct flow_farm {
	struct flow_relay *relay;
	struct flow_relay_input *input;
	struct flow_relay_output *output;
	int signals; /* signalfd of SIGCHLD */
	int signal; /* that ended the worker whose status is ours, or 0 */
};

/* The status to end with because WORKER has failed. */
int flow_farm_failed(struct flow_farm *farm, const struct flow_worker *worker);

/* The orders. 0, or the status to end with (FLOW_RELAY_GONE: of the output). */
int flow_farm_blocks(struct flow_farm *farm);
int flow_farm_lasting(struct flow_farm *farm);

/* Writes to the output. 0, or a status. */
int flow_farm_write(struct flow_farm *farm, const char *data, size_t length);

/* A status after a note on memory or the system. */
int flow_farm_trouble(const struct flow_farm *farm);

#endif
