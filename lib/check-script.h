/* SPDX-License-Identifier: GPL-3.0-or-later */
/* check-script: the file of script=, and who is to run it. */
#ifndef FLOW_CHECK_SCRIPT_H
#define FLOW_CHECK_SCRIPT_H

#include "check-private.h"

/* All text lives as long as the graph. */
struct flow_check_script {
	const char *path; /* of the file, good in the node's cwd too */
	const char *interpreter; /* after #!, or NULL */
	const char *argument; /* all that follows the interpreter, or NULL */
	const char *text; /* without an interpreter: the whole file */
};

/*
 * Reads NODE's script, which is relative to the folder of the graph file.
 * 0, or -1 when it was said why not: 66, 77 or 71 by errno, 65 when it is no
 * text or longer than 1 MiB.
 */
int flow_check_script_read(struct flow_checking *checking,
			   const struct flow_node *node,
			   struct flow_check_script *script);

#endif
