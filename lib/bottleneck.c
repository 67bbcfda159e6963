/* SPDX-License-Identifier: GPL-3.0-or-later */
/* bottleneck: the node that all others wait for. */
#include "config.h"

#include <stdio.h>

#include "bottleneck.h"
#include "plan.h"

/* Who holds up node I, or FLOW_NONE. */
static uint32_t
culprit(const struct flow_waiter *waiters, size_t count, size_t i)
{
	uint32_t at = waiters[i].for_whom;

	/* who has gone round in a circle has made as many steps as there are nodes */
	for (size_t steps = 0; steps < count; steps++) {
		if (!waiters[at].there)
			return FLOW_NONE;
		if (waiters[at].for_whom == FLOW_NONE)
			return at;
		at = waiters[at].for_whom;
	}
	return FLOW_NONE;
}

void
flow_bottleneck_add(const struct flow_waiter *waiters, size_t count,
		    double duration, double *weights, double *time)
{
	for (size_t i = 0; i < count; i++) {
		uint32_t who;

		if (!waiters[i].there || !waiters[i].process)
			continue;
		*time += duration;
		if (waiters[i].for_whom == FLOW_NONE)
			continue;
		who = culprit(waiters, count, i);
		if (who != FLOW_NONE)
			weights[who] += duration;
	}
}

uint32_t
flow_bottleneck_find(const double *weights, size_t count, double time)
{
	double sum = 0;
	size_t most = 0;

	for (size_t i = 0; i < count; i++) {
		sum += weights[i];
		if (weights[i] > weights[most])
			most = i;
	}
	if (sum <= 0 || weights[most] < sum / 2 || weights[most] < time / 10)
		return FLOW_NONE;
	return (uint32_t)most;
}

char *
flow_bottleneck_reason(const struct flow_bottleneck_facts *facts, char *buffer,
		       size_t size)
{
	char own[96] = "it is outside of the run";
	const char *input = facts->input_full ? "its input is full" : "";
	const char *output = facts->output_empty ? "its readers wait" : "";

	if (facts->process) {
		const char *also = "";

		if (facts->stopped >= 0.5)
			also = " and is stopped";
		else if (facts->slept >= 0.5)
			also = " and waits for what is no edge";
		snprintf(own, sizeof(own), "uses %.1f CPU%s", facts->cpu, also);
	}
	snprintf(buffer, size, "%s%s%s%s%s", own, *input || *output ? "; " : "",
		 input, *input && *output ? ", " : "", output);
	return buffer;
}
