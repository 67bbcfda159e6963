/* SPDX-License-Identifier: GPL-3.0-or-later */
/* make: a graph's FIFOs under names, for a script that starts the processes. */
#include "config.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "memory.h"
#include "show.h"

/* Does EDGE run between two processes, so that it needs a FIFO? */
static bool
is_internal(const struct flow_edge *edge)
{
	return !edge->implicit && edge->tail->kind == FLOW_NODE_PROCESS &&
	       edge->head->kind == FLOW_NODE_PROCESS;
}

/* How many internal edges share EDGE's port at that end, and its place among them. */
static size_t
sharing(const struct flow_edge *edge, bool out, size_t *place)
{
	const struct flow_node *node = out ? edge->tail : edge->head;
	struct flow_edge *const *edges = out ? node->out : node->in;
	size_t count = out ? node->out_count : node->in_count, same = 0;

	for (size_t i = 0; i < count; i++) {
		if (!is_internal(edges[i]) ||
		    !flow_port_same(out ? &edges[i]->out : &edges[i]->in,
				    out ? &edge->out : &edge->in))
			continue;
		same++;
		if (edges[i] == edge)
			*place = same;
	}
	return same;
}

/* "node_port", or "node_port_2" where several edges share the port: a shell's name. */
static void
print_variable(const struct flow_edge *edge, bool out, FILE *to)
{
	const char *name = out ? edge->tail->name : edge->head->name;
	size_t place = 1;
	char port[64];

	if (!isalpha((unsigned char)*name) && *name != '_')
		putc('_', to);
	for (; *name; name++)
		putc(isalnum((unsigned char)*name) ? *name : '_', to);
	fprintf(to, "_%s",
		flow_port_name(out ? &edge->out : &edge->in, port,
			       sizeof(port)));
	if (sharing(edge, out, &place) > 1)
		fprintf(to, "_%zu", place);
}

/* One end's variable, and whose it is. */
struct variable {
	char *text;
	const char *node;
};

static int
compare_variables(const void *one, const void *two)
{
	return strcmp(((const struct variable *)one)->text,
		      ((const struct variable *)two)->text);
}

/* A shell has one variable where two ends would be: refused. */
static int
check_variables(const struct flow_graph *graph, struct flow_error *error)
{
	struct variable *all =
		flow_memory_zeroed(2 * graph->edge_count, sizeof(*all));
	size_t count = 0;
	int result = 0;

	for (size_t i = 0; i < 2 * graph->edge_count; i++) {
		const struct flow_edge *edge = graph->edges[i / 2];
		size_t size;
		FILE *to;

		if (!is_internal(edge))
			continue;
		to = open_memstream(&all[count].text, &size);
		if (!to)
			abort();
		print_variable(edge, i % 2 == 0, to);
		fclose(to);
		all[count++].node = i % 2 ? edge->head->name : edge->tail->name;
	}
	qsort(all, count, sizeof(*all), compare_variables);
	for (size_t i = 1; i < count && result == 0; i++)
		if (strcmp(all[i - 1].text, all[i].text) == 0)
			result = flow_error_set(
				error, 65,
				"the nodes `%s` and `%s` would share the "
				"variable %s; name one otherwise",
				all[i - 1].node, all[i].node, all[i].text);
	for (size_t i = 0; i < count; i++)
		free(all[i].text);
	free(all);
	return result;
}

static char *
fifo_path(const struct flow_edge *edge, const char *folder)
{
	char *path;

	if (asprintf(&path, "%s/edge%u", folder, edge->id) < 0)
		abort();
	return path;
}

static void
print_assignment(const struct flow_edge *edge, bool out, const char *path,
		 FILE *to)
{
	print_variable(edge, out, to);
	fputs("='", to);
	for (; *path; path++) {
		if (*path == '\'')
			fputs("'\\''", to);
		else
			putc(*path, to);
	}
	fputs("'\n", to);
}

/* Removes the FIFOs of the edges before BEFORE; nothing that is no FIFO. */
static int
remove_fifos(const struct flow_graph *graph, const char *folder, size_t before,
	     struct flow_error *error)
{
	int result = 0;

	for (size_t i = 0; i < before; i++) {
		char *path;
		struct stat st;

		if (!is_internal(graph->edges[i]))
			continue;
		path = fifo_path(graph->edges[i], folder);
		if (lstat(path, &st) < 0) {
			if (errno != ENOENT)
				result = flow_error_set(
					error, flow_error_status_create(errno),
					"cannot look at %s: %s", path,
					strerror(errno));
		} else if (!S_ISFIFO(st.st_mode)) {
			result = flow_error_set(
				error, flow_error_status_create(EEXIST),
				"%s is no FIFO, so it was left there", path);
		} else if (unlink(path) < 0) {
			result = flow_error_set(
				error, flow_error_status_create(errno),
				"cannot remove %s: %s", path, strerror(errno));
		}
		free(path);
	}
	return result;
}

int
flow_make_fifos(const struct flow_graph *graph, const char *folder, FILE *out,
		struct flow_error *error)
{
	struct flow_error ignored = { 0 };
	bool made;

	if (check_variables(graph, error))
		return -1;
	made = mkdir(folder, 0700) == 0;
	if (!made && errno != EEXIST)
		return flow_error_set(error, flow_error_status_create(errno),
				      "cannot make folder %s: %s", folder,
				      strerror(errno));
	for (size_t i = 0; i < graph->edge_count; i++) {
		char *path;

		if (!is_internal(graph->edges[i]))
			continue;
		path = fifo_path(graph->edges[i], folder);
		if (mkfifo(path, 0600) < 0) {
			flow_error_set(error, flow_error_status_create(errno),
				       "cannot make FIFO %s: %s", path,
				       strerror(errno));
			free(path);
			remove_fifos(graph, folder, i, &ignored);
			flow_error_clear(&ignored);
			if (made)
				rmdir(folder);
			return -1;
		}
		free(path);
	}
	for (size_t i = 0; i < graph->edge_count; i++) {
		char *path;

		if (!is_internal(graph->edges[i]))
			continue;
		path = fifo_path(graph->edges[i], folder);
		print_assignment(graph->edges[i], true, path, out);
		print_assignment(graph->edges[i], false, path, out);
		free(path);
	}
	return 0;
}

int
flow_unmake_fifos(const struct flow_graph *graph, const char *folder,
		  struct flow_error *error)
{
	int result = remove_fifos(graph, folder, graph->edge_count, error);

	if (result == 0 && rmdir(folder) < 0 && errno != ENOTEMPTY &&
	    errno != EEXIST && errno != ENOENT)
		result = flow_error_set(error, flow_error_status_create(errno),
					"cannot remove folder %s: %s", folder,
					strerror(errno));
	return result;
}
