/* SPDX-License-Identifier: GPL-3.0-or-later */
/* shape: cycles, components and blocks, against counting them the slow way. */
#include "config.h"

#include <stdlib.h>
#include <time.h>

#include "shape.h"
#include "tap.h"

enum { MOST = 64 };

/* "0>1 1>2": an arc is two numbers below 10. Returns how many. */
static size_t
read_arcs(const char *text, struct flow_arc *arcs)
{
	size_t count = 0;

	for (; *text != '\0'; text += text[3] == ' ' ? 4 : 3) {
		arcs[count].from = (size_t)(text[0] - '0');
		arcs[count++].to = (size_t)(text[2] - '0');
	}
	return count;
}

static struct flow_shape
make_shape(const char *text, struct flow_arc *arcs)
{
	return (struct flow_shape){ 10, arcs, read_arcs(text, arcs) };
}

/* Which arcs of TEXT are elastic: WANTED has a + or a - for each. */
static void
check_elastic(const char *text, const char *wanted, const char *name)
{
	struct flow_arc arcs[MOST];
	struct flow_shape shape = make_shape(text, arcs);
	bool elastic[MOST];
	char got[MOST + 1];
	size_t i;

	flow_shape_elastic(&shape, elastic);
	for (i = 0; i < shape.arc_count; i++)
		got[i] = elastic[i] ? '+' : '-';
	got[i] = '\0';
	ok_text(got, wanted, name);
}

static void
check_examples(void)
{
	check_elastic("0>1 1>2 2>3", "---", "a chain has no elastic arc");
	check_elastic("0>1 0>2 1>3", "---", "a tree has no elastic arc");
	check_elastic("0>1 0>2 1>3 2>3", "++--",
		      "a diamond is elastic where it forks");
	check_elastic("0>1 0>1", "++", "two arcs between the same two meet");
	check_elastic("0>1 0>2 1>3 2>3 3>4 3>5 4>6 5>7", "++------",
		      "a tree behind a diamond stays plain");
	check_elastic("0>1 0>2 1>3 2>3 3>4 3>5 4>6 5>6", "++--++--",
		      "two diamonds in a row are elastic each");
	check_elastic("0>1 0>2 0>3 1>4 2>4", "++---",
		      "the branch that meets no other stays plain");
	check_elastic("0>2 0>3 1>2 1>3", "++++",
		      "two sources crossed over two sinks");
	check_elastic("0>1 1>0", "--", "a directed ring has no fork");
	check_elastic("0>1 1>0 0>2 1>2",
		      "+++"
		      "+",
		      "a ring whose members both feed a third");
	check_elastic("0>0 0>1", "--", "an arc to itself meets nothing");
	check_elastic("", "", "no arcs");
}

/* Is TO reachable from FROM without arc WITHOUT and vertex AVOID? */
static bool
reaches(const struct flow_shape *shape, size_t from, size_t to, bool directed,
	size_t avoid, size_t without)
{
	bool seen[MOST] = { false }, grew = true;
	size_t i, a, b;

	seen[from] = true;
	while (grew) {
		grew = false;
		for (i = 0; i < shape->arc_count; i++) {
			a = shape->arcs[i].from;
			b = shape->arcs[i].to;
			if (i == without || a == avoid || b == avoid)
				continue;
			if (seen[a] && !seen[b])
				grew = seen[b] = true;
			if (!directed && seen[b] && !seen[a])
				grew = seen[a] = true;
		}
	}
	return seen[to];
}

/*
 * Two arcs out of v lie on one cycle exactly when their other ends are joined
 * without v (or are the same vertex).
 */
static bool
meets_another(const struct flow_shape *shape, size_t arc)
{
	size_t v = shape->arcs[arc].from, i;

	if (shape->arcs[arc].to == v)
		return false;
	for (i = 0; i < shape->arc_count; i++)
		if (i != arc && shape->arcs[i].from == v &&
		    shape->arcs[i].to != v &&
		    reaches(shape, shape->arcs[arc].to, shape->arcs[i].to,
			    false, v, arc))
			return true;
	return false;
}

static bool
agrees(const struct flow_shape *shape)
{
	size_t component[MOST], cycle[MOST], i, a, b;
	bool elastic[MOST];
	ssize_t length;

	flow_shape_elastic(shape, elastic);
	flow_shape_strong(shape, component);
	for (i = 0; i < shape->arc_count; i++) {
		a = shape->arcs[i].from;
		b = shape->arcs[i].to;
		if (elastic[i] != meets_another(shape, i) ||
		    (component[a] == component[b]) !=
			    reaches(shape, b, a, true, MOST, MOST))
			return false;
	}
	for (a = 0; a < shape->vertex_count; a++) {
		length = flow_shape_cycle(shape, a, cycle);
		for (i = 0; (ssize_t)i < length; i++)
			if (shape->arcs[cycle[i]].to !=
			    shape->arcs[cycle[(i + 1) % (size_t)length]].from)
				return false;
		if (length > 0 && shape->arcs[cycle[0]].from != a)
			return false;
		for (b = i = 0; i < shape->arc_count; i++)
			b |= shape->arcs[i].from == a &&
			     reaches(shape, shape->arcs[i].to, a, true, MOST,
				     MOST);
		if ((length > 0) != (b != 0))
			return false;
	}
	return true;
}

static void
check_random(void)
{
	struct flow_arc arcs[MOST];
	struct flow_shape shape = { 0, arcs, 0 };
	unsigned round, wrong = 0;
	size_t i;

	srandom(1);
	for (round = 0; round < 3000; round++) {
		shape.vertex_count = 1 + (size_t)random() % 8;
		shape.arc_count = (size_t)random() % 14;
		for (i = 0; i < shape.arc_count; i++) {
			arcs[i].from = (size_t)random() % shape.vertex_count;
			arcs[i].to = (size_t)random() % shape.vertex_count;
		}
		wrong += !agrees(&shape);
	}
	ok_number(wrong, 0, "3000 random graphs agree with the slow way");
}

static void
check_cycle(void)
{
	struct flow_arc arcs[MOST];
	struct flow_shape shape = make_shape("0>1 1>2 2>3 3>0 1>3", arcs);
	size_t cycle[MOST];

	ok_number(flow_shape_cycle(&shape, 0, cycle), 3,
		  "the shortest cycle is found");
	ok(cycle[0] == 0 && cycle[1] == 4 && cycle[2] == 3,
	   "a cycle is told arc by arc");
}

/* A ladder: as deep as it has vertices, all in one block. */
static void
check_large(void)
{
	enum { VERTICES = 100000, ARCS = 2 * VERTICES - 3 };
	struct flow_arc *arcs = calloc(ARCS, sizeof *arcs);
	bool *elastic = calloc(ARCS, sizeof *elastic);
	size_t *component = calloc(VERTICES, sizeof *component);
	struct flow_shape shape = { VERTICES, arcs, ARCS };
	size_t i, count = 0, plain = 0;
	clock_t start;

	for (i = 0; i + 1 < VERTICES; i++)
		arcs[count++] = (struct flow_arc){ i, i + 1 };
	for (i = 0; i + 2 < VERTICES; i++)
		arcs[count++] = (struct flow_arc){ i, i + 2 };
	start = clock();
	ok(flow_shape_elastic(&shape, elastic) == 0 &&
		   flow_shape_strong(&shape, component) == 0,
	   "100000 vertices on a small stack");
	tap_note("%.1f ms of processor time",
		 (double)(clock() - start) * 1e3 / CLOCKS_PER_SEC);
	for (i = 0; i < ARCS; i++)
		plain += !elastic[i];
	ok_number((intmax_t)plain, 1, "all but the last arc are elastic");
	free(component);
	free(elastic);
	free(arcs);
}

int
main(void)
{
	check_examples();
	check_random();
	check_cycle();
	check_large();
	return tap_done();
}
