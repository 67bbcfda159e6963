/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * mkfifo-graph-draw: DOT on standard input becomes a picture on standard
 * output. For mkfifo-graph --draw, in a process of its own: libgvc and what it
 * loads take longer to start than a small graph takes to run, and a drawing
 * that goes wrong must not take the verdict on the run with it.
 */
#include "config.h"

#include <errno.h>
#include <graphviz/gvc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sysexits.h>
#include <unistd.h>

#include "picture.h"
#include "start.h"

static int
draw(const char *format)
{
	GVC_t *context = gvContext();
	Agraph_t *graph = agread(stdin, NULL);

	if (!context || !graph) {
		flow_complain("there is no graph on standard input");
		return EX_DATAERR;
	}
	/* gvRender ends with 0 also when it does not know the format */
	if (gvLayout(context, graph, "dot") != 0 ||
	    gvRender(context, graph, format, stdout) != 0) {
		flow_complain("Graphviz cannot draw this graph as %s", format);
		return EX_UNAVAILABLE;
	}
	if (fflush(stdout) != 0) {
		flow_complain("cannot write the picture: %s", strerror(errno));
		return EX_IOERR;
	}
	return 0; /* all is freed by ending */
}

int
main(int argc, char **argv)
{
	flow_start(argv[0]);
	if (argc != 2 ||
	    (strcmp(argv[1], "svg") != 0 && strcmp(argv[1], "png") != 0)) {
		flow_complain("usage: mkfifo-graph-draw svg|png <GRAPH "
			      ">PICTURE; it serves mkfifo-graph --draw");
		return EX_USAGE;
	}
	/* neither without end nor for nobody */
	alarm(FLOW_PICTURE_SECONDS);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	return draw(argv[1]);
}
