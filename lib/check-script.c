/* SPDX-License-Identifier: GPL-3.0-or-later */
/* check-script: reads a script as execve(2) would, without needing its x bit. */
#include "config.h"

#include "check-script.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io.h"

enum { LONGEST_SCRIPT = 1 << 20 };

/*
 * Always with a slash, so that no interpreter searches PATH for it or takes it
 * for an option; absolute where the node runs in another folder.
 */
static const char *
find_path(struct flow_graph *graph, const struct flow_node *node)
{
	const char *source =
		node->inner != NULL ? node->inner->source : graph->source;
	const char *slash = strrchr(source, '/');
	char *here;
	const char *path;

	if (node->script[0] == '/')
		return node->script;
	path = flow_graph_printf(graph, "%.*s/%s",
				 slash != NULL ? (int)(slash - source) : 1,
				 slash != NULL ? source : ".", node->script);
	if (*path == '/' || node->cwd == NULL)
		return path;
	here = getcwd(NULL, 0);
	if (here != NULL)
		path = flow_graph_printf(graph, "%s/%s", here, path);
	free(here);
	return path;
}

/* Owned contents, or NULL with errno. A FIFO must not stop us, so no file is waited for. */
static char *
read_whole(const char *path, size_t *length)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat status;
	char *text = NULL;
	int saved;

	if (fd < 0)
		return NULL;
	if (fstat(fd, &status) == 0) {
		if (S_ISREG(status.st_mode))
			text = flow_io_slurp(fd, LONGEST_SCRIPT, length);
		else
			errno = S_ISDIR(status.st_mode) ? EISDIR : EINVAL;
	}
	saved = errno;
	close(fd);
	errno = saved;
	return text;
}

/* Splits the line after #! as the kernel does: one word, and all the rest. */
static void
read_interpreter(struct flow_graph *graph, const char *text,
		 struct flow_check_script *script)
{
	const char *end = text + strcspn(text, "\n");
	size_t length;

	text += strspn(text, " \t");
	while (end > text && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	length = strcspn(text, " \t\n");
	if (length == 0)
		return;
	script->interpreter =
		flow_graph_printf(graph, "%.*s", (int)length, text);
	text += length;
	text += strspn(text, " \t");
	if (text < end)
		script->argument = flow_graph_printf(graph, "%.*s",
						     (int)(end - text), text);
}

static int
refuse(struct flow_checking *checking, const struct flow_node *node, int status,
       const char *reason)
{
	flow_messages_add(
		checking->messages, status, flow_check_at_node(checking, node),
		"node `%s`: script=`%s`: %s", node->name, node->script, reason);
	return -1;
}

int
flow_check_script_read(struct flow_checking *checking,
		       const struct flow_node *node,
		       struct flow_check_script *script)
{
	size_t length = 0;
	char *text;

	memset(script, 0, sizeof *script);
	script->path = find_path(checking->graph, node);
	text = read_whole(script->path, &length);
	if (text == NULL && errno == EFBIG)
		return refuse(checking, node, 65, "longer than 1 MiB");
	if (text == NULL)
		return refuse(checking, node, flow_error_status_read(errno),
			      strerror(errno));
	if (strncmp(text, "#!", 2) == 0)
		read_interpreter(checking->graph, text + 2, script);
	if (script->interpreter == NULL) {
		if (strlen(text) < length) {
			free(text);
			return refuse(checking, node, 65,
				      "is no text: it holds a NUL byte");
		}
		script->text = flow_graph_strdup(checking->graph, text);
	}
	free(text);
	return 0;
}
