/* SPDX-License-Identifier: GPL-3.0-or-later */
/* check-commands: from the text of a command to what execve(2) gets. */
#include "config.h"

#include "check-private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "check-script.h"
#include "command.h"
#include "expand.h"
#include "near.h"

/* What execve(2) takes as one argument (MAX_ARG_STRLEN), with its NUL. */
enum { LONGEST_ARGUMENT = 131072 };

/* The answer to one look-up; graphs name few commands many times. */
struct found {
	const char *word, *directory; /* borrowed; DIRECTORY may be NULL */
	int error; /* errno, or 0 */
	const char *path;
	bool native;
};

struct commands {
	struct flow_checking *checking;
	struct flow_graph *graph;
	struct found *found;
	size_t found_count;
	bool sets_path; /* -D PATH=..., for all nodes */
	const char *
		*missing; /* per node: the word that is no command, or NULL */
};

static const char *
keep(struct commands *commands, char *text)
{
	const char *kept = flow_graph_strdup(commands->graph, text);

	free(text);
	return kept;
}

static bool
same_text(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* Looks WORD up once per folder. Never NULL; WORD and DIRECTORY are kept. */
static const struct found *
look_up(struct commands *commands, const char *word, const char *directory)
{
	struct flow_command_file file;
	struct found *found;
	size_t i;

	for (i = 0; i < commands->found_count; i++) {
		found = &commands->found[i];
		if (strcmp(found->word, word) == 0 &&
		    same_text(found->directory, directory))
			return found;
	}
	/* At most four look-ups a node, and so many places there are. */
	found = &commands->found[commands->found_count++];
	found->word = word;
	found->directory = directory;
	if (flow_command_find(word, directory, &file) < 0) {
		found->error = errno;
		return found;
	}
	found->path = keep(commands, file.path);
	found->native = file.native;
	return found;
}

/* "node `x`: WHAT `word` not found in `dir`", with the status that calls for. */
static void
refuse_word(struct commands *commands, const struct flow_node *node,
	    const char *what, const struct found *found)
{
	bool inside = found->directory != NULL && found->word[0] != '/' &&
		      strchr(found->word, '/') != NULL;

	if (found->error == ENOMEM) {
		flow_check_out_of_memory(commands->checking);
		return;
	}
	flow_messages_add(
		commands->checking->messages,
		found->error == EACCES ? 126 : 127,
		flow_check_at_node(commands->checking, node),
		"node `%s`: %s `%s` %s%s%s%s", node->name, what, found->word,
		found->error == EACCES ? "is not executable" : "not found",
		inside ? " in `" : "", inside ? found->directory : "",
		inside ? "`" : "");
}

/* Words of a node's shell; NULL when it was said what is wrong with them. */
static char **
shell_words(struct commands *commands, const struct flow_node *node,
	    const char *shell)
{
	struct flow_error error = { 0 };
	char **words = flow_expand_words(shell, NULL, &error);

	if (words == NULL) {
		flow_messages_add(commands->checking->messages, error.status,
				  flow_check_at_node(commands->checking, node),
				  "node `%s`: shell=`%s`: %s", node->name,
				  shell, error.text);
		flow_error_clear(&error);
	} else if (words[0] == NULL) {
		flow_messages_add(commands->checking->messages, 65,
				  flow_check_at_node(commands->checking, node),
				  "node `%s`: shell is empty", node->name);
		free(words);
		words = NULL;
	}
	return words;
}

/* Sets NODE's argv to LISTS one after the other, and PATH, behind stdbuf if so wanted. */
static void
set_argv(struct commands *commands, struct flow_node *node, const char *path,
	 const char *const *const *lists, size_t count)
{
	static const char *const stdbuf[] = { "stdbuf", "-oL", NULL };
	const char *const *all[4] = { NULL };
	const struct found *found;
	char **joined;
	size_t i;

	node->path = path;
	if (node->buffer_line) {
		found = look_up(commands, stdbuf[0], NULL);
		if (found->error != 0) {
			refuse_word(commands, node, "buffer=line needs", found);
			return;
		}
		node->path = found->path;
		all[0] = stdbuf;
	}
	for (i = 0; i < count; i++)
		all[i + 1] = lists[i];
	joined = flow_command_join(all, count + 1);
	if (joined == NULL) {
		flow_check_out_of_memory(commands->checking);
		return;
	}
	for (i = 0; joined[i] != NULL; i++)
		;
	node->argv =
		flow_graph_alloc(commands->graph, (i + 1) * sizeof *node->argv);
	node->argv[i] = NULL;
	while (i-- > 0)
		node->argv[i] = flow_graph_strdup(commands->graph, joined[i]);
	free(joined);
	/* stdbuf looks it up again, perhaps on another PATH, so name the file. */
	if (node->buffer_line && node->shell)
		node->argv[2] = flow_graph_strdup(commands->graph, path);
}

/* WORDS are the shell's, FILE where it is, or a name to look up. */
static void
use_shell(struct commands *commands, struct flow_node *node, char *const *words,
	  const char *file)
{
	const char *const text[] = { node->command, node->name, NULL };
	const char *kept = flow_graph_strdup(commands->graph, file);
	const struct found *found = look_up(commands, kept, node->cwd);
	const char *const *lists[3];

	if (found->error != 0) {
		refuse_word(commands, node, "shell", found);
		return;
	}
	lists[0] = (const char *const *)words;
	lists[1] = text;
	lists[2] = (const char *const *)flow_check_args(commands->checking,
							node->inner);
	node->shell = true;
	set_argv(commands, node, found->path, lists, 3);
}

static void
use_words(struct commands *commands, struct flow_node *node, const char *path)
{
	char **words = flow_command_split(node->command);
	const char *const *list = (const char *const *)words;

	if (words == NULL)
		flow_check_out_of_memory(commands->checking);
	else
		set_argv(commands, node, path, &list, 1);
	free(words);
}

/* With #!: the interpreter, its one argument, FILE, and the graph's arguments. */
static void
use_interpreter(struct commands *commands, struct flow_node *node,
		const struct flow_check_script *script)
{
	const char *const words[] = {
		script->interpreter,
		script->argument != NULL ? script->argument : script->path,
		script->argument != NULL ? script->path : NULL,
		NULL,
	};
	const struct found *found;
	const char *const *lists[2];

	found = look_up(commands, script->interpreter, node->cwd);
	if (found->error != 0) {
		refuse_word(commands, node, "interpreter", found);
		return;
	}
	lists[0] = words;
	lists[1] = (const char *const *)flow_check_args(commands->checking,
							node->inner);
	node->shell = flow_command_is_sh(script->argument != NULL
						 ? script->argument
						 : script->interpreter) ||
		      flow_command_is_sh(script->interpreter);
	set_argv(commands, node, found->path, lists, 2);
}

/* The first program of NODE's command, or NULL when that is for the shell to tell. */
static const struct found *
find_program(struct commands *commands, const struct flow_node *node)
{
	char *word;

	if (commands->sets_path ||
	    flow_expand_find(node->environment, "PATH", 4) != NULL ||
	    getenv("PATH") == NULL)
		return NULL;
	word = flow_command_word(node->command);
	return word == NULL
		       ? NULL
		       : look_up(commands, keep(commands, word), node->cwd);
}

static bool
check_text(struct commands *commands, const struct flow_node *node)
{
	const char *command = node->command;

	if (command == NULL || command[strspn(command, " \t\n")] == '\0') {
		flow_messages_add(commands->checking->messages, 65,
				  flow_check_at_node(commands->checking, node),
				  "node `%s` has an empty command", node->name);
		return false;
	}
	if (strlen(command) < LONGEST_ARGUMENT)
		return true;
	flow_messages_add(commands->checking->messages, 65,
			  flow_check_at_node(commands->checking, node),
			  "node `%s`: its command is longer than the %d bytes "
			  "that a shell can be given; use script= with a file "
			  "that begins with #!",
			  node->name, LONGEST_ARGUMENT - 1);
	return false;
}

static void
check_command(struct commands *commands, struct flow_node *node)
{
	static char *const usual[] = { "sh", "-c", NULL };
	const char *shell = node->written_shell;
	const struct found *program = NULL;
	char **words = NULL;

	if (!check_text(commands, node))
		return;
	if (shell == NULL)
		shell = node->inner != NULL ? node->inner->default_shell
					    : commands->graph->default_shell;
	if (shell != NULL) {
		words = shell_words(commands, node, shell);
		if (words == NULL)
			return;
	}
	if (words == NULL || flow_command_is_sh(words[0]))
		program = find_program(commands, node);
	if (program != NULL && program->error != 0) {
		commands->missing[node->id] = program->word;
		if (program->error != ENOENT || node->has_command)
			refuse_word(commands, node, "command", program);
	} else if (words == NULL && program != NULL && program->native &&
		   flow_command_simple(node->command)) {
		use_words(commands, node, program->path);
	} else {
		use_shell(commands, node, words != NULL ? words : usual,
			  words != NULL ? words[0] : "/bin/sh");
	}
	free(words);
}

static void
check_process(struct commands *commands, struct flow_node *node)
{
	bool names_declared = node->inner != NULL
				      ? node->inner->names_declared
				      : commands->graph->names_declared;
	struct flow_check_script script;

	if (names_declared && !node->declared && !node->has_command) {
		flow_messages_add(commands->checking->messages, 65,
				  flow_check_at_node(commands->checking, node),
				  "node `%s` has no statement of its own, and "
				  "names=declared demands one%s",
				  node->name,
				  flow_check_hint(commands->graph,
						  flow_check_near_node(
							  commands->graph,
							  node->name, true)));
		return;
	}
	if (node->script == NULL) {
		check_command(commands, node);
	} else if (flow_check_script_read(commands->checking, node, &script) ==
		   0) {
		if (script.interpreter != NULL) {
			use_interpreter(commands, node, &script);
			return;
		}
		node->command = script.text;
		check_command(commands, node);
	}
}

/* A right node with a name near NODE's, or a right command near WORD; as a hint. */
static const char *
nearest(struct commands *commands, const struct flow_node *node,
	const char *word)
{
	struct flow_graph *graph = commands->graph;
	const char **names = calloc(graph->node_count + commands->found_count,
				    sizeof *names);
	const char *near, *hint = "";
	size_t count = 0, i;

	if (names == NULL)
		return "";
	for (i = 0; i < graph->node_count; i++)
		if (commands->missing[i] == NULL)
			names[count++] = graph->nodes[i]->name;
	near = flow_near(node->name, names, count);
	if (near != NULL) {
		hint = flow_graph_printf(graph, "; did you mean node `%s`?",
					 near);
	} else {
		count = 0;
		for (i = 0; i < commands->found_count; i++)
			if (commands->found[i].error == 0)
				names[count++] = commands->found[i].word;
		hint = flow_check_hint(graph, flow_near(word, names, count));
	}
	free(names);
	return hint;
}

/* A misspelt name makes a new node, so the message is about the name. */
static void
refuse_names(struct commands *commands)
{
	const struct flow_node *node;
	const char *word;
	size_t i;

	for (i = 0; i < commands->graph->node_count; i++) {
		node = commands->graph->nodes[i];
		word = commands->missing[i];
		if (word == NULL || node->has_command ||
		    look_up(commands, word, node->cwd)->error != ENOENT)
			continue;
		flow_messages_add(commands->checking->messages, 127,
				  flow_check_at_node(commands->checking, node),
				  "`%s`, first named at line %u, is no "
				  "command%s",
				  node->name, node->line,
				  nearest(commands, node, word));
	}
}

void
flow_check_commands(struct flow_checking *checking)
{
	struct flow_graph *graph = checking->graph;
	struct commands commands = { .checking = checking, .graph = graph };
	size_t i;

	commands.found =
		calloc(4 * graph->node_count + 4, sizeof *commands.found);
	commands.missing =
		calloc(graph->node_count + 1, sizeof *commands.missing);
	commands.sets_path =
		flow_expand_find(checking->values->defines, "PATH", 4) != NULL;
	if (commands.found == NULL || commands.missing == NULL) {
		flow_check_out_of_memory(checking);
	} else {
		for (i = 0; i < graph->node_count; i++)
			if (graph->nodes[i]->kind == FLOW_NODE_PROCESS)
				check_process(&commands, graph->nodes[i]);
		refuse_names(&commands);
	}
	free(commands.missing);
	free(commands.found);
}
