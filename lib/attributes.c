/* SPDX-License-Identifier: GPL-3.0-or-later */
/* attributes: the tables, and what is said about a wrong word. */
#include "config.h"

#include "attributes.h"

#include <string.h>

#include "foreign.h"
#include "near.h"
#include "value.h"

#define WORDS(...) ((const char *const[]){ __VA_ARGS__, NULL })
#define TRUTH WORDS("no", "yes", "false", "true")

const struct flow_attribute flow_attributes[FLOW_ATTRIBUTE_COUNT] = {
	[FLOW_ATTRIBUTE_APPEND] = { .name = "append",
				    .on = FLOW_ON_FILE,
				    .words = TRUTH },
	[FLOW_ATTRIBUTE_ARGS] = { .name = "args",
				  .on = FLOW_ON_PROCESS | FLOW_ON_GRAPH },
	[FLOW_ATTRIBUTE_AT] = { .name = "at", .on = FLOW_ON_FILE },
	[FLOW_ATTRIBUTE_BACK] = { .name = "back",
				  .on = FLOW_ON_EDGE,
				  .words = TRUTH },
	[FLOW_ATTRIBUTE_BACKOFF] = { .name = "backoff",
				     .on = FLOW_ON_PROCESS,
				     .fits = flow_value_is_duration,
				     .wanted = "a time such as 100ms or 2s" },
	[FLOW_ATTRIBUTE_BUFFER] = { .name = "buffer",
				    .on = FLOW_ON_PROCESS,
				    .words = WORDS("line") },
	[FLOW_ATTRIBUTE_BY] = { .name = "by",
				.on = FLOW_ON_EDGE,
				.fits = flow_value_is_fields,
				.wanted = "numbers of fields such as \"2,3\"" },
	[FLOW_ATTRIBUTE_CAPACITY] = { .name = "capacity",
				      .on = FLOW_ON_EDGE,
				      .fits = flow_value_is_size,
				      .wanted = "a size such as 64K or 1M" },
	[FLOW_ATTRIBUTE_CMD] = { .name = "cmd", .on = FLOW_ON_PROCESS },
	[FLOW_ATTRIBUTE_COMMIT] = { .name = "commit",
				    .on = FLOW_ON_FILE | FLOW_ON_GRAPH },
	[FLOW_ATTRIBUTE_CWD] = { .name = "cwd", .on = FLOW_ON_PROCESS },
	[FLOW_ATTRIBUTE_DELIM] = { .name = "delim",
				   .on = FLOW_ON_EDGE,
				   .fits = flow_value_is_delimiter,
				   .wanted = "one byte, or \\t" },
	[FLOW_ATTRIBUTE_ENV] = { .name = "env", .on = FLOW_ON_PROCESS },
	[FLOW_ATTRIBUTE_EOF] = { .name = "eof",
				 .on = FLOW_ON_EDGE | FLOW_ON_GRAPH,
				 .words = WORDS("exit") },
	[FLOW_ATTRIBUTE_EPIPE] = { .name = "epipe",
				   .on = FLOW_ON_PROCESS,
				   .words = WORDS("ok") },
	[FLOW_ATTRIBUTE_ERR] = { .name = "err", .on = FLOW_ON_PROCESS },
	[FLOW_ATTRIBUTE_FILE] = { .name = "file", .on = FLOW_ON_FILE },
	[FLOW_ATTRIBUTE_GRAPH] = { .name = "graph", .on = FLOW_ON_PROCESS },
	[FLOW_ATTRIBUTE_HEADER] = { .name = "header",
				    .on = FLOW_ON_EDGE,
				    .fits = flow_value_is_count,
				    .wanted = "a number of records such as 1" },
	[FLOW_ATTRIBUTE_MAX_OPEN] = { .name = "max_open",
				      .on = FLOW_ON_EDGE,
				      .fits = flow_value_is_positive,
				      .wanted =
					      "a number of files such as 256" },
	[FLOW_ATTRIBUTE_MERGE] = { .name = "merge",
				   .on = FLOW_ON_EDGE | FLOW_ON_FILE |
					 FLOW_ON_STANDARD,
				   .words = WORDS("any", "concat", "ordered",
						  "sorted", "zip") },
	[FLOW_ATTRIBUTE_NAMES] = { .name = "names",
				   .on = FLOW_ON_GRAPH,
				   .words = WORDS("declared") },
	[FLOW_ATTRIBUTE_NICE] = { .name = "nice",
				  .on = FLOW_ON_PROCESS,
				  .fits = flow_value_is_nice,
				  .wanted = "a whole number from -20 to 19" },
	[FLOW_ATTRIBUTE_NTH] = { .name = "nth",
				 .on = FLOW_ON_EDGE,
				 .fits = flow_value_is_count,
				 .wanted = "a whole number such as 1" },
	[FLOW_ATTRIBUTE_NUMERIC] = { .name = "numeric",
				     .on = FLOW_ON_EDGE,
				     .words = TRUTH },
	[FLOW_ATTRIBUTE_OK] = { .name = "ok",
				.on = FLOW_ON_PROCESS,
				.fits = flow_value_is_statuses,
				.wanted = "statuses from 0 to 255, such as "
					  "\"0 1\"" },
	[FLOW_ATTRIBUTE_ORDER] = { .name = "order",
				   .on = FLOW_ON_PROCESS,
				   .words = WORDS("blocks", "records", "no") },
	[FLOW_ATTRIBUTE_RECORD] = { .name = "record",
				    .on = FLOW_ON_EDGE,
				    .fits = flow_value_is_record,
				    .wanted = "line, line:N, start:STRING, "
					      "nul, len32 or bytes:N" },
	[FLOW_ATTRIBUTE_REPLICAS] = { .name = "replicas",
				      .on = FLOW_ON_PROCESS },
	[FLOW_ATTRIBUTE_RESTART] = { .name = "restart",
				     .on = FLOW_ON_PROCESS,
				     .words = WORDS("no", "on-failure",
						    "always") },
	[FLOW_ATTRIBUTE_RETRIES] = { .name = "retries",
				     .on = FLOW_ON_PROCESS,
				     .fits = flow_value_is_count,
				     .wanted = "a whole number such as 3" },
	[FLOW_ATTRIBUTE_REVERSE] = { .name = "reverse",
				     .on = FLOW_ON_EDGE,
				     .words = TRUTH },
	[FLOW_ATTRIBUTE_SCRIPT] = { .name = "script", .on = FLOW_ON_PROCESS },
	[FLOW_ATTRIBUTE_SHELL] = { .name = "shell",
				   .on = FLOW_ON_PROCESS | FLOW_ON_GRAPH },
	[FLOW_ATTRIBUTE_SLOW] = { .name = "slow",
				  .on = FLOW_ON_EDGE,
				  .words = WORDS("block", "spill", "drop") },
	[FLOW_ATTRIBUTE_SPILL] = { .name = "spill",
				   .on = FLOW_ON_EDGE,
				   .fits = flow_value_is_size,
				   .wanted = "a size such as 512M or 4G" },
	[FLOW_ATTRIBUTE_SPLIT] = { .name = "split",
				   .on = FLOW_ON_EDGE,
				   .words = WORDS("copy", "lines", "any",
						  "hash", "key") },
	[FLOW_ATTRIBUTE_STOP] = { .name = "stop",
				  .on = FLOW_ON_GRAPH,
				  .words = WORDS("drain") },
	[FLOW_ATTRIBUTE_TIMEOUT] = { .name = "timeout", .on = FLOW_ON_PROCESS },
	[FLOW_ATTRIBUTE_VIA] = { .name = "via",
				 .on = FLOW_ON_EDGE,
				 .words = WORDS("pipe", "fifo"),
				 .later = WORDS("shm", "mq", "socket", "signal",
						"rpc") },
};

/* Whole attributes that a later version brings. */
static const char *const later[] = {
	"count", "dead", "host", "idle", "queue", "until",
};
enum { LATER = sizeof later / sizeof *later };

static bool
is_one_of(const char *word, const char *const *words)
{
	for (; words != NULL && *words != NULL; words++)
		if (strcmp(word, *words) == 0)
			return true;
	return false;
}

static const struct flow_attribute *
find(const char *name)
{
	size_t i;

	for (i = 0; i < FLOW_ATTRIBUTE_COUNT; i++)
		if (strcmp(flow_attributes[i].name, name) == 0)
			return &flow_attributes[i];
	return NULL;
}

const char *
flow_attribute_on(unsigned on)
{
	switch (on) {
	case FLOW_ON_GRAPH:
		return "the graph";
	case FLOW_ON_PROCESS:
		return "processes";
	case FLOW_ON_FILE:
		return "files";
	case FLOW_ON_STANDARD:
		return "stdin, stdout and stderr";
	case FLOW_ON_EDGE:
		return "edges";
	case FLOW_ON_PROCESS | FLOW_ON_GRAPH:
		return "processes and the graph";
	case FLOW_ON_FILE | FLOW_ON_GRAPH:
		return "files and the graph";
	case FLOW_ON_EDGE | FLOW_ON_GRAPH:
		return "edges and the graph";
	case FLOW_ON_NODE:
		return "nodes";
	default:
		return "edges, files, stdout and stderr";
	}
}

/* The right one nearest to NAME: of those for the place first. */
static const char *
nearest(const char *name, unsigned on)
{
	const char *names[FLOW_ATTRIBUTE_COUNT], *near;
	size_t i;

	for (i = 0; i < FLOW_ATTRIBUTE_COUNT; i++)
		names[i] = flow_attributes[i].on & on ? flow_attributes[i].name
						      : NULL;
	near = flow_near(name, names, FLOW_ATTRIBUTE_COUNT);
	if (near != NULL)
		return near;
	for (i = 0; i < FLOW_ATTRIBUTE_COUNT; i++)
		names[i] = flow_attributes[i].name;
	near = flow_near(name, names, FLOW_ATTRIBUTE_COUNT);
	return near != NULL ? near : flow_foreign_near(name);
}

static void
judge_unknown(const char *name, const struct flow_attribute_place *place,
	      struct flow_messages *messages)
{
	const char *meant, *near;
	size_t i;

	for (i = 0; i < LATER; i++) {
		if (strcmp(name, later[i]) == 0) {
			flow_messages_add(messages, 65, place->line,
					  "%s= is not supported yet", name);
			return;
		}
	}
	if (flow_foreign_is(name)) {
		meant = flow_foreign_meant(name, place->on);
		if (meant != NULL)
			flow_messages_add(messages, 0, place->line,
					  "`%s` is Graphviz's and does nothing "
					  "here; did you mean `%s`?",
					  name, meant);
		return;
	}
	near = nearest(name, place->on);
	flow_messages_add(messages, 65, place->line,
			  "unknown attribute `%s`%s%s%s", name,
			  near != NULL ? "; did you mean `" : "",
			  near != NULL ? near : "", near != NULL ? "`?" : "");
}

/* "a, b or c" of what VALUE could have been. */
static void
judge_word(const struct flow_attribute *attribute, const char *const *words,
	   const char *value, unsigned line, struct flow_messages *messages)
{
	const char *const *list[] = { words, attribute->later };
	const char *names[16];
	char text[120] = "";
	size_t count = 0, i, j;
	const char *near;

	if (*value == '\0' || is_one_of(value, words))
		return;
	if (is_one_of(value, attribute->later)) {
		flow_messages_add(messages, 65, line,
				  "%s=%s is not supported yet", attribute->name,
				  value);
		return;
	}
	for (i = 0; i < 2; i++)
		for (j = 0; list[i] != NULL && list[i][j] != NULL; j++)
			names[count++] = list[i][j];
	near = flow_near(value, names, count);
	for (i = 0; words[i] != NULL; i++) {
		if (i > 0)
			strcat(text, words[i + 1] == NULL ? " or " : ", ");
		strcat(text, words[i]);
	}
	if (near != NULL)
		flow_messages_add(messages, 65, line,
				  "%s=`%s`: did you mean `%s`?",
				  attribute->name, value, near);
	else
		flow_messages_add(messages, 65, line, "%s=`%s`: %s is wanted",
				  attribute->name, value, text);
}

static void
judge_address(const char *value, unsigned line, struct flow_messages *messages)
{
	if (flow_value_address(value) != FLOW_ADDRESS_FILE)
		flow_messages_add(
			messages, 65, line,
			flow_value_address(value) == FLOW_ADDRESS_LATER
				? "at=`%s` is not supported yet"
				: "at=`%s`: file:PATH or file+:PATH is "
				  "wanted",
			value);
}

static void
judge_value(const struct flow_attribute *attribute, const char *value,
	    const struct flow_attribute_place *place,
	    struct flow_messages *messages)
{
	static const char *const on_graph[] = { "all", NULL };
	static const char *const on_file[] = { "no", "yes", NULL };
	const char *const *words = attribute->words;

	if (attribute == &flow_attributes[FLOW_ATTRIBUTE_COMMIT])
		words = place->on == FLOW_ON_GRAPH ? on_graph : on_file;
	if (attribute == &flow_attributes[FLOW_ATTRIBUTE_AT])
		judge_address(value, place->line, messages);
	else if (words != NULL)
		judge_word(attribute, words, value, place->line, messages);
	else if (attribute->fits != NULL && *value != '\0' &&
		 !attribute->fits(value))
		flow_messages_add(messages, 65, place->line,
				  "%s=`%s`: %s is wanted", attribute->name,
				  value, attribute->wanted);
}

const struct flow_attribute *
flow_attribute_judge(const char *name, const char *value,
		     const struct flow_attribute_place *place,
		     struct flow_messages *messages)
{
	const struct flow_attribute *attribute = find(name);
	unsigned line = place->line;

	if (place->on == FLOW_ON_EDGE && strcmp(name, "key") == 0) {
		flow_messages_add(messages, 65, line,
				  "`key` is no attribute: Graphviz takes it "
				  "for the edge's own name and merges edges of "
				  "one name");
		return NULL;
	}
	if (attribute == NULL) {
		judge_unknown(name, place, messages);
		return NULL;
	}
	if ((attribute->on & place->on) == 0)
		flow_messages_add(messages, 65, line,
				  "`%s` is an attribute of %s, not of %s", name,
				  flow_attribute_on(attribute->on),
				  flow_attribute_on(place->on));
	else if (place->subgraph)
		flow_messages_add(messages, 65, line,
				  "`%s` on a subgraph means nothing; write it "
				  "on the graph",
				  name);
	else if (place->defaults && place->on == FLOW_ON_NODE &&
		 (attribute->on & FLOW_ON_PROCESS) == 0)
		flow_messages_add(messages, 65, line,
				  "`%s` cannot be a default: node defaults do "
				  "not fall on files, stdin, stdout and stderr",
				  name);
	else
		judge_value(attribute, value, place, messages);
	return attribute;
}

int
flow_attribute_word(enum flow_attribute_id id, const char *value)
{
	const char *const *words = flow_attributes[id].words;
	int i;

	for (i = 0; words[i] != NULL; i++)
		if (strcmp(value, words[i]) == 0)
			return i;
	return -1;
}
