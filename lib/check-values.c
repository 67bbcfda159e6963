/* SPDX-License-Identifier: GPL-3.0-or-later */
/* check-values: what the command line gives, and where it goes in the graph. */
#include "config.h"

#include "check-private.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "expand.h"
#include "size.h"

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

static void
check_args(struct flow_checking *checking)
{
	const char *usage = checking->graph->args;
	size_t least, most, count = 0;

	if (usage == NULL)
		return;
	read_usage(usage, &least, &most);
	while (checking->values->args[count] != NULL)
		count++;
	if (count >= least && count <= most)
		return;
	checking->args_wrong = true;
	flow_messages_add(checking->messages, 64, 0, "usage: %s%s%s",
			  checking->values->program, *usage ? " " : "", usage);
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
	/* 64: an argument, and the usage line has told about those. */
	if (error->status != 64 || !checking->args_wrong)
		flow_messages_add(checking->messages,
				  error->status == 64 ? 65 : error->status,
				  node->line, "node `%s`: %s: %s", node->name,
				  attribute, error->text);
	flow_error_clear(error);
}

/* TEXT expanded, never empty; NULL when it was said why not. */
static const char *
expand(struct flow_checking *checking, const struct flow_node *node,
       const char *attribute, const char *text)
{
	struct flow_error error = { 0 };
	char *expanded = flow_expand_text(text, checking->values, &error);
	const char *kept = NULL;

	if (expanded == NULL) {
		report(checking, node, attribute, &error);
	} else if (*expanded == '\0') {
		flow_messages_add(checking->messages, 65, node->line,
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
		flow_messages_add(checking->messages, 65, node->line,
				  "node `%s`: timeout=`%s` is no duration "
				  "such as 1.5, 500ms, 2m or 1h",
				  node->name, text);
}

/* Adds WORD, "NAME=VALUE", to the COUNT of node->environment; a name's last value counts. */
static size_t
add_variable(struct flow_checking *checking, struct flow_node *node,
	     size_t count, const char *word)
{
	size_t length = flow_expand_name_length(word), i;

	if (length == 0 || word[length] != '=') {
		flow_messages_add(checking->messages, 65, node->line,
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
	struct flow_error error = { 0 };
	char **words = NULL;
	size_t count = 0, i;

	if (node->written_env != NULL) {
		words = flow_expand_words(node->written_env, checking->values,
					  &error);
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
	struct flow_node *node;
	size_t i;

	check_args(checking);
	for (i = 0; checking->values->commands[i] != NULL; i++)
		set_command(checking, checking->values->commands[i]);
	for (i = 0; i < checking->graph->node_count; i++) {
		node = checking->graph->nodes[i];
		if (node->file != NULL)
			node->file = expand(checking, node, "file", node->file);
		if (node->cwd != NULL)
			node->cwd = expand(checking, node, "cwd", node->cwd);
		check_timeout(checking, node);
		check_environment(checking, node);
	}
}
