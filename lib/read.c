/* SPDX-License-Identifier: GPL-3.0-or-later */
/* read: from what libcgraph holds to nodes and edges. */
#include "config.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "dot.h"
#include "graph.h"
#include "record.h"
#include "size.h"
#include "store.h"
#include "value.h"

/* A graph is written by hand or by a small program; more is a wrong file. */
enum { LONGEST_TEXT = 64 << 20, LARGEST_DESCRIPTOR = 65535 };

struct reader {
	struct flow_graph *graph;
	struct flow_messages *messages;
	const struct flow_dot *dot;
	uint64_t *
		owned; /* by node: bit set of attributes in its own statement */
};

/* Reads all of STREAM; owned, or NULL with errno. */
static char *
slurp(FILE *stream, size_t *length)
{
	size_t room = 0, got;
	char *text = NULL, *larger;

	for (*length = 0;; *length += got) {
		if (*length + 1 >= room) {
			room = room == 0 ? 16384 : room * 2;
			larger = realloc(text, room);
			if (larger == NULL)
				break;
			text = larger;
		}
		errno = 0;
		got = fread(text + *length, 1, room - 1 - *length, stream);
		if (got == 0 && !ferror(stream)) {
			text[*length] = '\0';
			return text;
		}
		if (got == 0)
			break;
		if (*length + got > LONGEST_TEXT) {
			errno = EFBIG;
			break;
		}
	}
	free(text);
	return NULL;
}

/* TEXT as DOT stores it, where a backslash before a quote is written twice. */
static const char *
plain(struct flow_graph *graph, const char *text)
{
	char *copy = flow_graph_strdup(graph, text), *to = copy;
	const char *from = copy;

	while (*from != '\0') {
		if (from[0] == '\\' && from[1] == '\\' && from[2] == '"')
			from++;
		*to++ = *from++;
	}
	*to = '\0';
	return copy;
}

/* What OBJECT has for SYMBOL, or NULL when nobody has written it. */
static const char *
raw(void *object, Agsym_t *symbol)
{
	const char *value = symbol != NULL ? agxget(object, symbol) : NULL;

	return value == NULL || strcmp(value, FLOW_DOT_UNSET) == 0 ? NULL
								   : value;
}

/* As raw, but an empty value, which undoes a default, is NULL too. */
static const char *
set(void *object, Agsym_t *symbol)
{
	const char *value = raw(object, symbol);

	return value != NULL && *value != '\0' ? value : NULL;
}

static const char *
text_of(struct reader *reader, void *object, Agsym_t *symbol)
{
	const char *value = raw(object, symbol);

	return value != NULL ? plain(reader->graph, value) : NULL;
}

static bool
is_true(const char *value)
{
	return value != NULL &&
	       (strcmp(value, "true") == 0 || strcmp(value, "yes") == 0);
}

/* --- the graph */

static void
read_graph(struct reader *reader)
{
	const struct flow_dot *dot = reader->dot;
	struct flow_graph *graph = reader->graph;
	Agsym_t *const *on = dot->on_graph;
	const Agsym_t *merge = dot->on_edge[FLOW_ATTRIBUTE_MERGE];
	const char *value;

	graph->agraph = dot->graph;
	graph->name = plain(graph, dot->name);
	value = set(dot->graph, on[FLOW_ATTRIBUTE_COMMIT]);
	graph->commit_all = value != NULL && strcmp(value, "all") == 0;
	graph->stop_drain = set(dot->graph, on[FLOW_ATTRIBUTE_STOP]) != NULL;
	graph->names_declared =
		set(dot->graph, on[FLOW_ATTRIBUTE_NAMES]) != NULL;
	graph->args = text_of(reader, dot->graph, on[FLOW_ATTRIBUTE_ARGS]);
	if (set(dot->graph, on[FLOW_ATTRIBUTE_SHELL]) != NULL)
		graph->default_shell =
			text_of(reader, dot->graph, on[FLOW_ATTRIBUTE_SHELL]);
	if (merge != NULL)
		graph->default_merge = flow_attribute_word(FLOW_ATTRIBUTE_MERGE,
							   merge->defval);
	if (set(dot->graph, on[FLOW_ATTRIBUTE_EOF]) != NULL)
		flow_store_eof_exit(graph);
}

/* --- nodes */

static bool
owns(const struct reader *reader, size_t node, enum flow_attribute_id id)
{
	return (reader->owned[node] >> id & 1) != 0;
}

/* The path of a file node, from file= or at=; NULL when it is none. */
static const char *
read_path(struct reader *reader, Agnode_t *object, bool *append)
{
	Agsym_t *const *on = reader->dot->on_node;
	const char *path = text_of(reader, object, on[FLOW_ATTRIBUTE_FILE]);
	const char *address = text_of(reader, object, on[FLOW_ATTRIBUTE_AT]);

	*append = is_true(set(object, on[FLOW_ATTRIBUTE_APPEND]));
	if (path != NULL || address == NULL)
		return path;
	if (strncmp(address, "file+:", 6) == 0) {
		*append = true;
		return address + 6;
	}
	return strncmp(address, "file:", 5) == 0 ? address + 5 : address;
}

static void
read_command(struct reader *reader, struct flow_node *node, Agnode_t *object)
{
	Agsym_t *const *on = reader->dot->on_node;
	const char *script = text_of(reader, object, on[FLOW_ATTRIBUTE_SCRIPT]);
	const char *command = text_of(reader, object, on[FLOW_ATTRIBUTE_CMD]);

	/* Of two, the one in the node's own statement, not the default. */
	if (script != NULL && command != NULL) {
		if (owns(reader, node->id, FLOW_ATTRIBUTE_SCRIPT))
			command = NULL;
		else
			script = NULL;
	}
	node->script = script;
	node->command = command != NULL ? command : node->name;
	node->has_command = command != NULL || script != NULL;
}

/* How many of a node there are, at a time or one after the other. */
static void
read_repetition(struct reader *reader, struct flow_node *node, Agnode_t *object)
{
	Agsym_t *const *on = reader->dot->on_node;
	const char *value;
	int word;

	node->written_replicas =
		text_of(reader, object, on[FLOW_ATTRIBUTE_REPLICAS]);
	value = set(object, on[FLOW_ATTRIBUTE_ORDER]);
	word = value != NULL ? flow_attribute_word(FLOW_ATTRIBUTE_ORDER, value)
			     : -1;
	if (word >= 0)
		node->order = (enum flow_order)word;
	value = set(object, on[FLOW_ATTRIBUTE_RESTART]);
	word = value != NULL
		       ? flow_attribute_word(FLOW_ATTRIBUTE_RESTART, value)
		       : -1;
	if (word >= 0)
		node->restart = (enum flow_restart)word;
	value = set(object, on[FLOW_ATTRIBUTE_RETRIES]);
	node->retries = -1;
	node->backoff = -1;
	if (value != NULL)
		flow_value_number(value, 0, LONG_MAX - 1, &node->retries);
	value = set(object, on[FLOW_ATTRIBUTE_BACKOFF]);
	if (value != NULL)
		flow_duration_parse(value, &node->backoff);
}

static void
read_process(struct reader *reader, struct flow_node *node, Agnode_t *object)
{
	Agsym_t *const *on = reader->dot->on_node;
	const char *value;
	long number;

	read_command(reader, node, object);
	node->written_env = text_of(reader, object, on[FLOW_ATTRIBUTE_ENV]);
	node->written_timeout =
		text_of(reader, object, on[FLOW_ATTRIBUTE_TIMEOUT]);
	node->cwd = text_of(reader, object, on[FLOW_ATTRIBUTE_CWD]);
	node->err = text_of(reader, object, on[FLOW_ATTRIBUTE_ERR]);
	if (set(object, on[FLOW_ATTRIBUTE_SHELL]) != NULL)
		node->written_shell =
			text_of(reader, object, on[FLOW_ATTRIBUTE_SHELL]);
	node->buffer_line = set(object, on[FLOW_ATTRIBUTE_BUFFER]) != NULL;
	node->epipe_ok = set(object, on[FLOW_ATTRIBUTE_EPIPE]) != NULL;
	value = set(object, on[FLOW_ATTRIBUTE_NICE]);
	if (value != NULL && flow_value_number(value, -20, 19, &number) == 0)
		node->nice = (int)number;
	value = set(object, on[FLOW_ATTRIBUTE_OK]);
	if (value != NULL)
		flow_value_statuses(value, node->ok);
	/* a default graph= does not fall on a node with a command of its own */
	if (owns(reader, node->id, FLOW_ATTRIBUTE_GRAPH) ||
	    !(owns(reader, node->id, FLOW_ATTRIBUTE_CMD) ||
	      owns(reader, node->id, FLOW_ATTRIBUTE_SCRIPT)))
		node->graph_file =
			text_of(reader, object, on[FLOW_ATTRIBUTE_GRAPH]);
	node->graph_args = text_of(reader, object, on[FLOW_ATTRIBUTE_ARGS]);
	read_repetition(reader, node, object);
}

static void
read_node(struct reader *reader, const struct flow_dot_node *written)
{
	struct flow_graph *graph = reader->graph;
	Agsym_t *const *on = reader->dot->on_node;
	Agnode_t *object = written->node;
	struct flow_node *node =
		flow_store_add_node(graph, plain(graph, agnameof(object)));
	const char *value;

	node->line = written->line;
	node->declared = written->declared;
	if (node->kind == FLOW_NODE_PROCESS) {
		node->file = read_path(reader, object, &node->append);
		if (node->file != NULL)
			node->kind = FLOW_NODE_FILE;
	}
	if (node->kind == FLOW_NODE_PROCESS) {
		read_process(reader, node, object);
		return;
	}
	value = set(object, on[FLOW_ATTRIBUTE_MERGE]);
	if (value != NULL)
		node->merge = flow_attribute_word(FLOW_ATTRIBUTE_MERGE, value);
	value = set(object, on[FLOW_ATTRIBUTE_COMMIT]);
	if (value != NULL && strcmp(value, "no") == 0)
		node->commit = FLOW_COMMIT_NO;
}

/* OWN is on a node of a kind that it does not belong to. */
static void
refuse_own(struct reader *reader, const struct flow_dot_own *own)
{
	const struct flow_node *node = reader->graph->nodes[own->node];
	const char *name = own->attribute->name;

	if (node->kind == FLOW_NODE_PROCESS)
		flow_messages_add(reader->messages, 65, own->line,
				  "`%s` is an attribute of %s; node `%s` is a "
				  "process (it has no file=)",
				  name, flow_attribute_on(own->attribute->on),
				  node->name);
	else if (node->kind != FLOW_NODE_FILE)
		flow_messages_add(reader->messages, 65, own->line,
				  "`%s` is an attribute of %s; `%s` is "
				  "mkfifo-graph's own",
				  name, flow_attribute_on(own->attribute->on),
				  node->name);
	else if (own->attribute == &flow_attributes[FLOW_ATTRIBUTE_CMD] ||
		 own->attribute == &flow_attributes[FLOW_ATTRIBUTE_SCRIPT])
		flow_messages_add(reader->messages, 65, own->line,
				  "node `%s` is both a file (file=) and a "
				  "process (%s=); use two nodes",
				  node->name, name);
	else
		flow_messages_add(reader->messages, 65, own->line,
				  "`%s` is an attribute of %s; node `%s` is a "
				  "file",
				  name, flow_attribute_on(own->attribute->on),
				  node->name);
}

/* Two ways to say one thing on one node. */
static void
refuse_pair(struct reader *reader, const struct flow_dot_own *own,
	    enum flow_attribute_id one, enum flow_attribute_id two)
{
	const struct flow_attribute *here = own->attribute;

	if (here == &flow_attributes[two] && owns(reader, own->node, one) &&
	    owns(reader, own->node, two))
		flow_messages_add(reader->messages, 65, own->line,
				  "node `%s` has %s= and %s=; use one of them",
				  reader->graph->nodes[own->node]->name,
				  flow_attributes[one].name, here->name);
}

/* A graph is no process of its own: its file says what its nodes are. */
static void
check_graph(struct reader *reader, const struct flow_dot_own *own)
{
	const struct flow_node *node = reader->graph->nodes[own->node];
	const struct flow_attribute *attribute = own->attribute;
	bool graph = node->graph_file != NULL && *node->graph_file != '\0';

	if (node->kind != FLOW_NODE_PROCESS)
		return;
	if (!graph && attribute == &flow_attributes[FLOW_ATTRIBUTE_ARGS])
		flow_messages_add(reader->messages, 65, own->line,
				  "node `%s` has args= and no graph= that they "
				  "could be for",
				  node->name);
	else if (graph && (attribute->on & FLOW_ON_PROCESS) != 0 &&
		 attribute != &flow_attributes[FLOW_ATTRIBUTE_ARGS] &&
		 attribute != &flow_attributes[FLOW_ATTRIBUTE_GRAPH] &&
		 attribute != &flow_attributes[FLOW_ATTRIBUTE_ERR])
		flow_messages_add(reader->messages, 65, own->line,
				  "node `%s` is a graph (graph=), which cannot "
				  "have %s=; write it in `%s`",
				  node->name, attribute->name,
				  node->graph_file);
}

/* OWN says something of a node that does nothing there. */
static void
check_idle(struct reader *reader, const struct flow_dot_own *own)
{
	const struct flow_node *node = reader->graph->nodes[own->node];
	const struct flow_attribute *attribute = own->attribute;

	if (node->kind == FLOW_NODE_PROCESS &&
	    attribute == &flow_attributes[FLOW_ATTRIBUTE_ORDER] &&
	    node->written_replicas == NULL)
		flow_messages_add(reader->messages, 65, own->line,
				  "node `%s` has order= and no replicas= that "
				  "it could be for",
				  node->name);
	if (node->kind == FLOW_NODE_PROCESS &&
	    attribute == &flow_attributes[FLOW_ATTRIBUTE_ERR] &&
	    node->err != NULL && strcmp(node->err, node->name) == 0)
		flow_messages_add(reader->messages, 65, own->line,
				  "node `%s` cannot be its own err=; name "
				  "another node",
				  node->name);
	if (node->kind != FLOW_NODE_PROCESS || node->graph_file != NULL ||
	    node->restart != FLOW_RESTART_NO ||
	    owns(reader, own->node, FLOW_ATTRIBUTE_RESTART))
		return;
	/* a wrong value was refused, and not taken */
	if ((attribute == &flow_attributes[FLOW_ATTRIBUTE_RETRIES] &&
	     node->retries >= 0) ||
	    (attribute == &flow_attributes[FLOW_ATTRIBUTE_BACKOFF] &&
	     node->backoff >= 0))
		flow_messages_add(reader->messages, 65, own->line,
				  "node `%s` has %s= and no restart= that it "
				  "could be for",
				  node->name, attribute->name);
}

static void
check_owns(struct reader *reader)
{
	static const unsigned on[] = {
		[FLOW_NODE_PROCESS] = FLOW_ON_PROCESS,
		[FLOW_NODE_FILE] = FLOW_ON_FILE,
		[FLOW_NODE_STDIN] = FLOW_ON_STANDARD,
		[FLOW_NODE_STDOUT] = FLOW_ON_STANDARD,
		[FLOW_NODE_STDERR] = FLOW_ON_STANDARD,
	};
	const struct flow_dot_own *own;
	unsigned may;
	size_t i;

	for (i = 0; i < reader->dot->own_count; i++) {
		own = &reader->dot->owns[i];
		may = own->attribute->on;
		if ((may & FLOW_ON_NODE) != 0 &&
		    (may & on[reader->graph->nodes[own->node]->kind]) == 0)
			refuse_own(reader, own);
		check_graph(reader, own);
		check_idle(reader, own);
		refuse_pair(reader, own, FLOW_ATTRIBUTE_CMD,
			    FLOW_ATTRIBUTE_SCRIPT);
		refuse_pair(reader, own, FLOW_ATTRIBUTE_FILE,
			    FLOW_ATTRIBUTE_AT);
	}
}

/* --- edges */

/* What is wrong with the name of a port, or NULL. */
static const char *
port_fault(const char *text)
{
	static const char capitals[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
	static const char first[] = "abcdefghijklmnopqrstuvwxyz_";
	static const char other[] = "abcdefghijklmnopqrstuvwxyz_0123456789";

	if (strchr(text, ':') != NULL)
		return "an end has one port, not two";
	if (text[strcspn(text, capitals)] != '\0')
		return "a name with capitals could be a variable that programs "
		       "know; use small letters";
	if (*text != '\0' && text[strspn(text, "0123456789")] == '\0')
		return "there is no such descriptor";
	if (*text == '\0' || strchr(first, *text) == NULL ||
	    text[strspn(text, other)] != '\0')
		return "a port is a descriptor or a name of small letters, "
		       "digits and _";
	return NULL;
}

/* PORT stays what it is when nothing, or nothing right, was written. */
static void
read_port(struct reader *reader, Agedge_t *object, Agsym_t *symbol,
	  unsigned line, struct flow_port *port)
{
	static const char *const known[] = { "in", "out", "err" };
	const char *text = set(object, symbol), *fault;
	long number;
	int i;

	if (text == NULL)
		return;
	for (i = 0; i < 3; i++) {
		if (strcmp(text, known[i]) == 0) {
			port->fd = i;
			return;
		}
	}
	if (flow_value_number(text, 0, LARGEST_DESCRIPTOR, &number) == 0 &&
	    *text != '+') {
		port->fd = (int)number;
		return;
	}
	fault = port_fault(text);
	if (fault != NULL) {
		flow_messages_add(reader->messages, 65, line,
				  "port `%s:%s`: %s",
				  agnameof(symbol == reader->dot->tailport
						   ? agtail(object)
						   : aghead(object)),
				  text, fault);
		return;
	}
	port->fd = -1;
	port->name = flow_graph_strdup(reader->graph, text);
}

static void
read_policies(struct reader *reader, struct flow_edge *edge, Agedge_t *object)
{
	Agsym_t *const *on = reader->dot->on_edge;
	const char *value = set(object, on[FLOW_ATTRIBUTE_MERGE]);
	int word;

	word = value != NULL ? flow_attribute_word(FLOW_ATTRIBUTE_MERGE, value)
			     : -1;
	if (word >= 0) {
		edge->merge = (enum flow_merge)word;
		edge->merge_written = true;
	}
	value = set(object, on[FLOW_ATTRIBUTE_SPLIT]);
	word = value != NULL ? flow_attribute_word(FLOW_ATTRIBUTE_SPLIT, value)
			     : -1;
	if (word >= 0) {
		edge->split = (enum flow_split)word;
		edge->split_written = true;
	}
	value = set(object, on[FLOW_ATTRIBUTE_RECORD]);
	if (value != NULL && flow_record_parse(plain(reader->graph, value),
					       &edge->written_record) == 0)
		edge->record_written = true;
	value = set(object, on[FLOW_ATTRIBUTE_SLOW]);
	word = value != NULL ? flow_attribute_word(FLOW_ATTRIBUTE_SLOW, value)
			     : -1;
	if (word >= 0) {
		edge->slow = (enum flow_slow)word;
		edge->slow_written = true;
	}
	value = set(object, on[FLOW_ATTRIBUTE_VIA]);
	if (value != NULL &&
	    flow_attribute_word(FLOW_ATTRIBUTE_VIA, value) == 1)
		edge->via = FLOW_VIA_FIFO;
}

/* Which part of a record decides, for split=hash, split=key and merge=sorted. */
static void
read_keys(struct reader *reader, struct flow_edge *edge, Agedge_t *object)
{
	Agsym_t *const *on = reader->dot->on_edge;
	const char *value = set(object, on[FLOW_ATTRIBUTE_BY]);
	unsigned *by;
	ssize_t count;
	int delim;

	edge->written_keys.delim = '\t';
	if (value != NULL) {
		by = flow_graph_alloc(reader->graph,
				      (strlen(value) + 1) * sizeof *by);
		count = flow_value_fields(value, by);
		edge->by_written = count > 0;
		edge->written_keys.by = by;
		edge->written_keys.count = count > 0 ? (size_t)count : 0;
	}
	value = set(object, on[FLOW_ATTRIBUTE_DELIM]);
	delim = value != NULL ? flow_value_delimiter(value) : -1;
	if (delim >= 0) {
		edge->written_keys.delim = (char)delim;
		edge->delim_written = true;
	}
	value = set(object, on[FLOW_ATTRIBUTE_NUMERIC]);
	edge->numeric_written = value != NULL;
	edge->written_keys.numeric = is_true(value);
	value = set(object, on[FLOW_ATTRIBUTE_REVERSE]);
	edge->reverse_written = value != NULL;
	edge->written_keys.reverse = is_true(value);
}

static void
read_edge(struct reader *reader, const struct flow_dot_edge *written)
{
	struct flow_node **nodes = reader->graph->nodes;
	Agsym_t *const *on = reader->dot->on_edge;
	Agedge_t *object = written->edge;
	const char *value;
	long number;
	struct flow_edge *edge = flow_graph_add_edge(
		reader->graph, nodes[AGSEQ(agtail(object)) - 1], 1,
		nodes[AGSEQ(aghead(object)) - 1], 0);

	edge->line = written->line;
	edge->implicit = false;
	read_port(reader, object, reader->dot->tailport, edge->line,
		  &edge->out);
	read_port(reader, object, reader->dot->headport, edge->line, &edge->in);
	read_policies(reader, edge, object);
	read_keys(reader, edge, object);
	value = set(object, on[FLOW_ATTRIBUTE_HEADER]);
	if (value != NULL &&
	    flow_value_number(value, 0, LONG_MAX - 1, &number) == 0) {
		edge->header = (uint64_t)number;
		edge->header_written = true;
	}
	value = set(object, on[FLOW_ATTRIBUTE_MAX_OPEN]);
	if (value != NULL && flow_value_number(value, 1, INT_MAX, &number) == 0)
		edge->max_open = (unsigned)number;
	value = set(object, on[FLOW_ATTRIBUTE_CAPACITY]);
	if (value != NULL)
		flow_size_parse(value, &edge->capacity);
	value = set(object, on[FLOW_ATTRIBUTE_SPILL]);
	if (value != NULL)
		flow_size_parse(value, &edge->spill);
	value = set(object, on[FLOW_ATTRIBUTE_NTH]);
	if (value != NULL)
		flow_value_number(value, 0, LONG_MAX - 1, &edge->nth);
	edge->back = is_true(set(object, on[FLOW_ATTRIBUTE_BACK]));
	value = raw(object, on[FLOW_ATTRIBUTE_EOF]);
	if (value != NULL)
		edge->eof_exit = *value != '\0';
}

/* Braces into a concat whose members Graphviz takes in another order. */
static void
warn_of_order(struct reader *reader)
{
	const struct flow_dot_edge *written = reader->dot->edges;
	const struct flow_edge *edge, *other;
	unsigned line;
	size_t i, j;

	for (i = 0; i < reader->dot->edge_count; i++) {
		line = written[i].braces;
		edge = reader->graph->edges[i];
		if (line == 0 || edge->merge != FLOW_MERGE_CONCAT ||
		    edge->nth != LONG_MAX)
			continue;
		for (j = i; j-- > 0 && written[j].braces == line;) {
			other = reader->graph->edges[j];
			if (other->head != edge->head ||
			    !flow_port_same(&other->in, &edge->in))
				continue;
			flow_messages_add(
				reader->messages, 0, line,
				"the members of these braces were named "
				"before in another order, and that order "
				"counts for merge=concat into `%s`; "
				"nth= would say which",
				edge->head->name);
			break;
		}
	}
}

static struct flow_graph *
build(const struct flow_dot *dot, const char *source,
      struct flow_messages *messages)
{
	struct reader reader = {
		.graph = flow_store_new(),
		.messages = messages,
		.dot = dot,
	};
	const struct flow_dot_own *own;
	size_t i;

	reader.owned = calloc(dot->node_count + 1, sizeof *reader.owned);
	if (reader.owned == NULL)
		flow_error_no_memory();
	for (i = 0; i < dot->own_count; i++) {
		own = &dot->owns[i];
		reader.owned[own->node] |=
			UINT64_C(1) << (own->attribute - flow_attributes);
	}
	reader.graph->source = flow_graph_strdup(reader.graph, source);
	read_graph(&reader);
	for (i = 0; i < dot->node_count; i++)
		read_node(&reader, &dot->nodes[i]);
	for (i = 0; i < dot->edge_count; i++)
		read_edge(&reader, &dot->edges[i]);
	check_owns(&reader);
	warn_of_order(&reader);
	free(reader.owned);
	return reader.graph;
}

struct flow_graph *
flow_graph_read(FILE *stream, const char *source, bool expression,
		struct flow_messages *messages)
{
	struct flow_graph *graph = NULL;
	struct flow_dot dot;
	size_t length;
	char *text = slurp(stream, &length);
	const char *nul;
	unsigned line = 1;

	if (text == NULL) {
		flow_messages_add(messages,
				  errno == EFBIG ? 65
				  : errno != 0	 ? flow_error_status_read(errno)
						 : 74,
				  0, "cannot read the graph: %s",
				  errno == EFBIG ? "it is larger than 64 MiB"
						 : strerror(errno));
		return NULL;
	}
	nul = memchr(text, '\0', length);
	if (nul != NULL) {
		/* it would end a string, and with it a command, too early */
		for (const char *c = text; c < nul; c++)
			line += *c == '\n';
		flow_messages_add(messages, 65, line,
				  "a NUL byte in the graph");
		free(text);
		return NULL;
	}
	if (flow_dot_read(text, length, expression, messages, &dot) == 0) {
		graph = build(&dot, source, messages);
		flow_dot_clear(&dot);
	}
	free(text);
	return graph;
}
