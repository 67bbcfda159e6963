/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * expand: `$1` and ${NAME} in the values of a graph, and values that are
 * several words.
 *
 *   $1 ... $9   ${1} ${10} ...   ${NAME}   ${NAME:-default}   ${1:-default}
 *
 * A `$` before anything else stays as it is. Names are looked up among the
 * defines (the last one counts), then in the environment. A default is taken
 * when the name is unset or empty, as in sh; it may itself hold references.
 */
#ifndef FLOW_EXPAND_H
#define FLOW_EXPAND_H

#include <stddef.h>

#include "error.h"
#include "graph.h"

/*
 * TEXT with its references replaced: owned, or NULL with ERROR filled: 64 for
 * an argument that was not given, 65 for a name that is not set and for a
 * value that cannot be read, 71 when memory ran out.
 */
char *flow_expand_text(const char *text, const struct flow_values *values,
		       struct flow_error *error);

/*
 * TEXT as words, split and unquoted as sh does it: blanks part words; '...' is
 * literal; in "..." a backslash only quotes " \ ` $ and a newline; elsewhere it
 * quotes any character. References are replaced outside '...' and what they
 * give is never split, so that a value with blanks stays one word. With
 * VALUES NULL a `$` is an ordinary character. The result is NULL-terminated
 * and one block: free() is enough. NULL with ERROR filled as above.
 */
char **flow_expand_words(const char *text, const struct flow_values *values,
			 struct flow_error *error);

/* How many bytes at TEXT are the name of a variable, [A-Za-z_][A-Za-z0-9_]*. */
size_t flow_expand_name_length(const char *text);

/* The value of the last "NAME=VALUE" in LIST, or NULL; NAME has LENGTH bytes. */
const char *flow_expand_find(char *const *list, const char *name,
			     size_t length);

#endif
