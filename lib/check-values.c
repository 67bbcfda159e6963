/* SPDX-License-Identifier: GPL-3.0-or-later */
/* check-values: what the command line gives, and where it goes in the graph. */
#include "config.h"

#include "check-private.h"

#include <limits.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "expand.h"
#include "size.h"
#include "value.h"

/* More processes of one node would only wait for each other. */
enum { REPLICAS_MOST = 1024 };

/* How many arguments USAGE allows: "FILE [TOP]" one or two, "FILE..." any but none. */
static void
read_usage(const char *usage, size_t *least, size_t *most)
{
	unsigned depth = 0;
	size_t length;

	*least = *most = 0;
	for (;;) {
		usage += strspn(usage, " \t\n");
		length = strcspn(usage, " \t\n");
		if (length == 0)
			return;
		for (; *usage == '['; usage++, length--)
			depth++;
		if (memmem(usage, length, "...", 3) != NULL)
			*most = SIZE_MAX;
		if (length > 0 && *usage != '.' && *usage != ']') {
			*least += depth == 0;
			*most += *most < SIZE_MAX;
		}
		for (; length > 0; usage++, length--)
			if (*usage == ']' && depth > 0)
				depth--;
	}
}

/* Are ARGS as many as USAGE, which may be NULL, allows? Sets their COUNT. */
static bool
fits(const char *usage, char *const *args, size_t *count)
{
	size_t least = 0, most = SIZE_MAX;

	if (usage != NULL)
		read_usage(usage, &least, &most);
	for (*count = 0; args[*count] != NULL;)
		++*count;
	return *count >= least && *count <= most;
}

static void
check_args(struct flow_checking *checking)
{
	const char *usage = checking->graph->args;
	size_t count;

	if (fits(usage, checking->values->args, &count))
		return;
	checking->args_wrong = true;
	flow_messages_add(checking->messages, 64, 0, "usage: %s%s%s",
			  checking->values->program, *usage ? " " : "", usage);
}

static struct flow_values
values_for(const struct flow_checking *checking, const struct flow_inner *inner)
{
	struct flow_values values = *checking->values;

	values.args = flow_check_args(checking, inner);
	return values;
}

/* The words of TEXT, args= of the node INNER, which are expanded as in its file. */
static char **
expand_args(struct flow_checking *checking, const struct flow_inner *inner,
	    const char *text)
{
	const struct flow_inner *outer = inner->outer;
	struct flow_values values = values_for(checking, outer);
	struct flow_error error = { 0 };
	char **words = flow_expand_words(text, &values, &error), **args;
	size_t count = 0;

	/* 64: an argument, and the usage line has told about those. */
	if (words == NULL &&
	    (error.status != 64 ||
	     !(outer != NULL ? outer->args_wrong : checking->args_wrong)))
		flow_messages_add(checking->messages,
				  error.status == 64 ? 65 : error.status,
				  inner->line, "node `%s`: args: %s",
				  inner->name, error.text);
	flow_error_clear(&error);
	while (words != NULL && words[count] != NULL)
		count++;
	args = flow_graph_alloc(checking->graph, (count + 1) * sizeof *args);
	args[count] = NULL;
	for (size_t i = 0; i < count; i++)
		args[i] = flow_graph_strdup(checking->graph, words[i]);
	if (words == NULL)
		args = NULL;
	free(words);
	return args;
}

/* $1... of the graph that is node INNER. */
static void
check_inner_args(struct flow_checking *checking, struct flow_inner *inner)
{
	const char *text = inner->written_args;
	static char *none[] = { NULL };
	size_t count;

	checking->messages->at =
		inner->outer != NULL ? inner->outer->source : NULL;
	inner->args = none;
	if (text != NULL) {
		inner->args = expand_args(checking, inner, text);
		if (inner->args == NULL) {
			inner->args = none;
			inner->args_wrong = true;
			return;
		}
	}
	if (fits(inner->usage, inner->args, &count))
		return;
	inner->args_wrong = true;
	flow_messages_add(checking->messages, 65, inner->line,
			  "node `%s`: `%s` wants args=\"%s\", and %zu %s given",
			  inner->name, inner->source, inner->usage, count,
			  count == 1 ? "is" : "are");
}

/* One --cmd. */
static void
set_command(struct flow_checking *checking, const char *text)
{
	struct flow_graph *graph = checking->graph;
	const char *equals = strchr(text, '='), *name;
	struct flow_node *node;

	if (equals == NULL || equals == text) {
		flow_messages_add(checking->messages, 64, 0,
				  "--cmd=%s: NAME=COMMAND is wanted", text);
		return;
	}
	name = flow_graph_printf(graph, "%.*s", (int)(equals - text), text);
	node = flow_graph_node(graph, name);
	if (node == NULL) {
		flow_messages_add(
			checking->messages, 64, 0,
			"--cmd=%s: the graph has no node `%s`%s", text, name,
			flow_check_hint(graph, flow_check_near_node(graph, name,
								    true)));
		return;
	}
	if (node->kind != FLOW_NODE_PROCESS) {
		flow_messages_add(checking->messages, 64, 0,
				  "--cmd=%s: node `%s` is no process", text,
				  name);
		return;
	}
	node->command = flow_graph_strdup(graph, equals + 1);
	node->script = NULL;
	node->has_command = node->declared = true;
}

/* Says what ERROR holds about an attribute, and clears it. */
static void
report(struct flow_checking *checking, const struct flow_node *node,
       const char *attribute, struct flow_error *error)
{
	bool told = node->inner != NULL ? node->inner->args_wrong
					: checking->args_wrong;

	/* 64: an argument, and the usage line has told about those. */
	if (error->status != 64 || !told)
		flow_messages_add(checking->messages,
				  error->status == 64 ? 65 : error->status,
				  flow_check_at_node(checking, node),
				  "node `%s`: %s: %s", node->name, attribute,
				  error->text);
	flow_error_clear(error);
}

/* TEXT expanded, never empty; NULL when it was said why not. */
static const char *
expand(struct flow_checking *checking, const struct flow_node *node,
       const char *attribute, const char *text)
{
	struct flow_values values = values_for(checking, node->inner);
	struct flow_error error = { 0 };
	char *expanded = flow_expand_text(text, &values, &error);
	const char *kept = NULL;

	if (expanded == NULL) {
		report(checking, node, attribute, &error);
	} else if (*expanded == '\0') {
		flow_messages_add(checking->messages, 65,
				  flow_check_at_node(checking, node),
				  "node `%s`: %s is empty%s%s", node->name,
				  attribute,
				  *text ? " after expansion of " : "", text);
	} else {
		kept = flow_graph_strdup(checking->graph, expanded);
	}
	free(expanded);
	return kept;
}

static void
check_timeout(struct flow_checking *checking, struct flow_node *node)
{
	const char *text;

	if (node->written_timeout == NULL)
		return;
	text = expand(checking, node, "timeout", node->written_timeout);
	if (text != NULL && flow_duration_parse(text, &node->timeout) < 0)
		flow_messages_add(checking->messages, 65,
				  flow_check_at_node(checking, node),
				  "node `%s`: timeout=`%s` is no duration "
				  "such as 1.5, 500ms, 2m or 1h",
				  node->name, text);
}

static void
check_replicas(struct flow_checking *checking, struct flow_node *node)
{
	const char *text;
	long number;

	if (node->written_replicas == NULL)
		return;
	text = expand(checking, node, "replicas", node->written_replicas);
	if (text == NULL)
		return;
	if (strcmp(text, "cpus") == 0) {
		cpu_set_t set;

		number = sched_getaffinity(0, sizeof set, &set) == 0
				 ? CPU_COUNT(&set)
				 : sysconf(_SC_NPROCESSORS_ONLN);
	} else if (flow_value_number(text, 1, REPLICAS_MOST, &number) < 0) {
		flow_messages_add(checking->messages, 65,
				  flow_check_at_node(checking, node),
				  "node `%s`: replicas=`%s`: a number from 1 "
				  "to %d, or cpus, is wanted",
				  node->name, text, REPLICAS_MOST);
		return;
	}
	node->replicas = number > 0 ? (unsigned)number : 1;
}

/* Adds WORD, "NAME=VALUE", to the COUNT of node->environment; a name's last value counts. */
static size_t
add_variable(struct flow_checking *checking, struct flow_node *node,
	     size_t count, const char *word)
{
	size_t length = flow_expand_name_length(word), i;

	if (length == 0 || word[length] != '=') {
		flow_messages_add(checking->messages, 65,
				  flow_check_at_node(checking, node),
				  "node `%s`: env: `%s` is not NAME=VALUE "
				  "(a value with blanks needs quotes)",
				  node->name, word);
		return count;
	}
	for (i = 0; i < count; i++)
		if (strncmp(node->environment[i], word, length + 1) == 0)
			break;
	node->environment[i] = flow_graph_strdup(checking->graph, word);
	return i == count ? count + 1 : count;
}

static void
check_environment(struct flow_checking *checking, struct flow_node *node)
{
	struct flow_values values = values_for(checking, node->inner);
	struct flow_error error = { 0 };
	char **words = NULL;
	size_t count = 0, i;

	if (node->written_env != NULL) {
		words = flow_expand_words(node->written_env, &values, &error);
		if (words == NULL)
			report(checking, node, "env", &error);
	}
	while (words != NULL && words[count] != NULL)
		count++;
	node->environment = flow_graph_alloc(
		checking->graph, (count + 1) * sizeof *node->environment);
	count = 0;
	for (i = 0; words != NULL && words[i] != NULL; i++)
		count = add_variable(checking, node, count, words[i]);
	node->environment[count] = NULL;
	free(words);
}

void
flow_check_values(struct flow_checking *checking)
{
	struct flow_inner *inner;
	struct flow_node *node;
	size_t i;

	check_args(checking);
	for (inner = checking->graph->inners; inner != NULL;
	     inner = inner->next)
		check_inner_args(checking, inner);
	checking->messages->at = NULL;
	for (i = 0; checking->values->commands[i] != NULL; i++)
		set_command(checking, checking->values->commands[i]);
	for (i = 0; i < checking->graph->node_count; i++) {
		node = checking->graph->nodes[i];
		if (node->file != NULL)
			node->file = expand(checking, node, "file", node->file);
		if (node->cwd != NULL)
			node->cwd = expand(checking, node, "cwd", node->cwd);
		check_timeout(checking, node);
		check_replicas(checking, node);
		check_environment(checking, node);
	}
}
