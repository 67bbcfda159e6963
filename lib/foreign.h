/* SPDX-License-Identifier: GPL-3.0-or-later */
/* foreign: Graphviz's own attributes, which draw and do nothing here. */
#ifndef FLOW_FOREIGN_H
#define FLOW_FOREIGN_H

#include <stdbool.h>

/* Is NAME one of Graphviz's? */
bool flow_foreign_is(const char *name);
/* The one of Graphviz's that is nearest to NAME, or NULL. */
const char *flow_foreign_near(const char *name);
/*
 * What of ours was probably meant by Graphviz's NAME, written ON a graph, a
 * node or an edge (FLOW_ON_...) where Graphviz has no use for it; or NULL.
 */
const char *flow_foreign_meant(const char *name, unsigned on);

#endif
