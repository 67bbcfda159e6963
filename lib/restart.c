/* SPDX-License-Identifier: GPL-3.0-or-later */
/* restart: counts failures, and doubles waits. */
#include "config.h"

#include "restart.h"

long
flow_restart_retries(const struct flow_node *node)
{
	return node->retries < 0 ? FLOW_RESTART_RETRIES : node->retries;
}

int64_t
flow_restart_backoff(const struct flow_node *node)
{
	return node->backoff < 0 ? FLOW_RESTART_BACKOFF : node->backoff;
}

/* The wait after WAIT: twice that, but no more than is sensible or was asked for. */
static int64_t
next_wait(int64_t wait, int64_t first)
{
	int64_t most = first > FLOW_RESTART_MOST ? first : FLOW_RESTART_MOST;

	return wait > most / 2 ? most : 2 * wait;
}

int64_t
flow_restart_failed(const struct flow_node *node,
		    struct flow_restart_count *count, int64_t ran)
{
	int64_t first = flow_restart_backoff(node);

	if (node->restart == FLOW_RESTART_NO ||
	    count->failures >= flow_restart_retries(node))
		return -1;
	count->failures++;
	if (count->waited && ran < FLOW_RESTART_WELL)
		count->wait = next_wait(count->wait, first);
	else
		count->wait = first;
	count->waited = true;
	return count->wait;
}

int64_t
flow_restart_succeeded(const struct flow_node *node,
		       struct flow_restart_count *count, int64_t ran)
{
	int64_t first = flow_restart_backoff(node);

	if (node->restart != FLOW_RESTART_ALWAYS)
		return -1;
	count->waited = false;
	/* not sooner than that after the last start, lest it do nothing else */
	return ran < first ? first - ran : 0;
}
