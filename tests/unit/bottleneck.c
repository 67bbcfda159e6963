/* SPDX-License-Identifier: GPL-3.0-or-later */
/* bottleneck: the node that all others wait for is found, and only that. */
#include "config.h"

#include "bottleneck.h"
#include "plan.h"
#include "tap.h"

enum { NODES = 8 };

struct case_of {
	struct flow_waiter waiters[NODES];
	double weights[NODES], time;
	size_t count;
};

static struct case_of
begin(size_t count)
{
	struct case_of c = { .count = count };

	for (size_t i = 0; i < count; i++)
		c.waiters[i] = (struct flow_waiter){ true, true, FLOW_NONE };
	return c;
}

static void
waits(struct case_of *c, uint32_t who, uint32_t for_whom)
{
	c->waiters[who].for_whom = for_whom;
}

/* The same for DURATION; then all run again. */
static void
pass(struct case_of *c, double duration)
{
	flow_bottleneck_add(c->waiters, c->count, duration, c->weights,
			    &c->time);
	for (size_t i = 0; i < c->count; i++)
		c->waiters[i].for_whom = FLOW_NONE;
}

static uint32_t
found(const struct case_of *c)
{
	return flow_bottleneck_find(c->weights, c->count, c->time);
}

static void
check_chain(void)
{
	struct case_of c = begin(4);

	pass(&c, 1);
	ok_number(found(&c), FLOW_NONE, "none where nobody waits");
	/* 0 -full-> 1 -full-> 2 <-empty- 3 */
	waits(&c, 0, 1);
	waits(&c, 1, 2);
	waits(&c, 3, 2);
	pass(&c, 1);
	ok_number(found(&c), 2, "waits are followed to who waits for none");
	ok(c.weights[2] == 3 && c.weights[1] == 0,
	   "who waits itself is not to blame");
	ok(c.time == 8, "the time is that of all nodes");
}

static void
check_ends(void)
{
	struct case_of c = begin(3);

	waits(&c, 1, 0);
	waits(&c, 2, 1);
	pass(&c, 1);
	ok_number(found(&c), 0, "a slow source");
	c = begin(3);
	waits(&c, 0, 1);
	waits(&c, 1, 2);
	pass(&c, 1);
	ok_number(found(&c), 2, "a slow sink");
	c = begin(3);
	c.waiters[0].process = false;
	waits(&c, 1, 0);
	waits(&c, 2, 1);
	pass(&c, 1);
	ok_number(found(&c), 0, "the run's own input");
	ok(c.time == 2, "which has no time of its own");
}

static void
check_nobody(void)
{
	struct case_of c = begin(3);

	waits(&c, 0, 1);
	waits(&c, 1, 2);
	waits(&c, 2, 0);
	pass(&c, 1);
	ok_number(found(&c), FLOW_NONE, "none in a circle");
	c = begin(4);
	waits(&c, 0, 1);
	waits(&c, 1, 2);
	waits(&c, 2, 1);
	pass(&c, 1);
	ok_number(found(&c), FLOW_NONE, "nor before one");
	c = begin(2);
	c.waiters[1].there = false;
	waits(&c, 0, 1);
	pass(&c, 1);
	ok_number(found(&c), FLOW_NONE, "nobody waits for who has ended");
	c = begin(2);
	waits(&c, 0, 0);
	pass(&c, 1);
	ok_number(found(&c), FLOW_NONE, "nor for itself");
}

static void
check_shares(void)
{
	struct case_of c = begin(4);

	waits(&c, 0, 1);
	waits(&c, 2, 3);
	pass(&c, 1);
	waits(&c, 2, 3);
	pass(&c, 0.5);
	ok_number(found(&c), 3, "the one that holds up most");
	c = begin(6);
	waits(&c, 0, 1);
	waits(&c, 2, 3);
	waits(&c, 4, 5);
	pass(&c, 1);
	ok_number(found(&c), FLOW_NONE, "none with less than half of it");
	c = begin(2);
	waits(&c, 0, 1);
	pass(&c, 1);
	pass(&c, 8);
	ok_number(found(&c), FLOW_NONE, "nor when it is hardly any time");
	waits(&c, 0, 1);
	pass(&c, 1);
	ok_number(found(&c), 1, "which begins at a tenth");
}

static void
check_reasons(void)
{
	struct flow_bottleneck_facts facts = { .process = true,
					       .cpu = 0.98,
					       .input_full = true,
					       .output_empty = true };
	char text[192], small[8];

	ok_text(flow_bottleneck_reason(&facts, text, sizeof(text)),
		"uses 1.0 CPU; its input is full, its readers wait",
		"a busy node between two that wait");
	facts = (struct flow_bottleneck_facts){
		.process = true, .cpu = 0.02, .slept = 0.9, .output_empty = true
	};
	ok_text(flow_bottleneck_reason(&facts, text, sizeof(text)),
		"uses 0.0 CPU and waits for what is no edge; its readers wait",
		"a source that sleeps");
	facts = (struct flow_bottleneck_facts){ .process = true,
						.stopped = 1,
						.input_full = true };
	ok_text(flow_bottleneck_reason(&facts, text, sizeof(text)),
		"uses 0.0 CPU and is stopped; its input is full",
		"a sink that is stopped");
	facts = (struct flow_bottleneck_facts){ .input_full = true };
	ok_text(flow_bottleneck_reason(&facts, text, sizeof(text)),
		"it is outside of the run; its input is full",
		"our own output");
	ok_text(flow_bottleneck_reason(&facts, small, sizeof(small)), "it is o",
		"a small buffer is enough for a part");
}

int
main(void)
{
	check_chain();
	check_ends();
	check_nobody();
	check_shares();
	check_reasons();
	return tap_done();
}
