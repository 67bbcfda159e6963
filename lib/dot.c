/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * dot: hands libcgraph one word at a time, each in a read of its own and with
 * a blank behind, so that its scanner needs nothing of the next.
 */
#include "config.h"

#include "dot.h"

#include <stdlib.h>
#include <string.h>

#include "statement.h"
#include "token.h"

/* An unquoted word longer than this goes in quotes: its scanner's messages cannot take it. */
enum { LONGEST_WORD = 200 };

struct reading {
	struct flow_dot *dot;
	struct flow_messages *messages;
	struct flow_scanner scanner;
	struct flow_statement statement;
	struct flow_token token; /* handed over last */
	bool held; /* token is not yet part of statement */
	const char
		*rest; /* what is left of it, with quotes added where needed */
	size_t rest_length;
	unsigned stage; /* of the token: see hand_over */
	int close; /* "}" of digraph { } left out: 1 to come, 2 handed over */
	unsigned depth; /* of braces */
	bool in_list;
	bool undirected; /* said already */
	bool complete; /* the last brace was handed over */
	bool failed; /* there was a syntax error, and it was said */
	size_t node_room, edge_room, own_room;
};

static void *
grow(void *array, size_t *room, size_t count, size_t size)
{
	if (count < *room)
		return array;
	*room = *room == 0 ? 64 : *room * 2;
	array = reallocarray(array, *room, size);
	if (array == NULL)
		flow_error_no_memory();
	return array;
}

/* What libcgraph says is said better here. */
static int
be_quiet(char *text)
{
	(void)text;
	return 0;
}

/* --- what libcgraph tells us */

static void
node_made(Agraph_t *graph, Agobj_t *object, void *state)
{
	struct reading *reading = state;
	struct flow_dot *dot = reading->dot;

	(void)graph;
	dot->nodes = grow(dot->nodes, &reading->node_room, dot->node_count,
			  sizeof *dot->nodes);
	dot->nodes[dot->node_count++] = (struct flow_dot_node){
		.node = (Agnode_t *)object,
		.line = flow_statement_node_line(&reading->statement),
	};
}

static void
edge_made(Agraph_t *graph, Agobj_t *object, void *state)
{
	struct reading *reading = state;
	struct flow_dot *dot = reading->dot;
	Agedge_t *edge = AGMKOUT((Agedge_t *)object);

	(void)graph;
	dot->edges = grow(dot->edges, &reading->edge_room, dot->edge_count,
			  sizeof *dot->edges);
	dot->edges[dot->edge_count++] = (struct flow_dot_edge){
		.edge = edge,
		.line = flow_statement_edge_line(&reading->statement,
						 agnameof(aghead(edge))),
		.braces = flow_statement_disorder_line(&reading->statement),
	};
}

static void
node_set(Agraph_t *graph, Agobj_t *object, void *state, Agsym_t *symbol)
{
	struct reading *reading = state;
	const struct flow_statement *statement = &reading->statement;
	struct flow_dot *dot = reading->dot;
	const struct flow_listed *listed;
	size_t i;

	(void)graph;
	for (i = 0; i < statement->listed_count; i++) {
		listed = &statement->listed[i];
		if (strcmp(listed->attribute->name, symbol->name) != 0)
			continue;
		dot->owns = grow(dot->owns, &reading->own_room, dot->own_count,
				 sizeof *dot->owns);
		dot->owns[dot->own_count++] = (struct flow_dot_own){
			.node = AGSEQ(object) - 1,
			.attribute = listed->attribute,
			.line = listed->line,
		};
		return;
	}
}

static Agcbdisc_t callbacks = {
	.node = { .ins = node_made, .mod = node_set },
	.edge = { .ins = edge_made },
};

/* --- what statement asks */

static void
node_declared(void *state, const char *name)
{
	struct reading *reading = state;
	Agnode_t *node = agnode(reading->dot->graph, (char *)name, FALSE);

	if (node != NULL)
		reading->dot->nodes[AGSEQ(node) - 1].declared = true;
}

static unsigned long
node_place(void *state, const char *name)
{
	struct reading *reading = state;
	Agnode_t *node = agnode(reading->dot->graph, (char *)name, FALSE);

	return node != NULL ? AGSEQ(node) : 0;
}

/* --- what libcgraph reads */

/* Says where the words make no sense to libcgraph. */
static void
syntax_error(struct reading *reading)
{
	const struct flow_token *token = &reading->token;
	const char *around;
	size_t length;

	if (reading->failed || reading->scanner.failed ||
	    reading->statement.failed)
		return;
	reading->failed = true;
	if (token->kind == FLOW_TOKEN_END) {
		flow_messages_add(reading->messages, 65, token->line,
				  "syntax error: the graph ends without its "
				  "last `%c`",
				  reading->in_list ? ']' : '}');
		return;
	}
	if (reading->close == 2) {
		flow_messages_add(reading->messages, 65, token->line,
				  "syntax error: something is missing at the "
				  "end");
		return;
	}
	around = flow_token_around(&reading->scanner, token, &length);
	if (length > token->length)
		flow_messages_add(reading->messages, 65, token->line,
				  "syntax error: `%.*s` needs quotes: only "
				  "names (letters, digits, _) and numbers "
				  "stand without",
				  length > 60 ? 60 : (int)length, around);
	else if (token->kind >= FLOW_TOKEN_STRICT)
		flow_messages_add(reading->messages, 65, token->line,
				  "syntax error at `%.*s`: a word of DOT needs "
				  "quotes where it is a name",
				  (int)token->length, token->text);
	else
		flow_messages_add(reading->messages, 65, token->line,
				  "syntax error at `%.*s`",
				  token->length > 60 ? 60 : (int)token->length,
				  token->text);
}

/* The last brace, of a graph that came without any. */
static void
close_expression(struct reading *reading)
{
	reading->close = 2;
	reading->token.kind = FLOW_TOKEN_BRACES_CLOSE;
	reading->token.text = "}";
	reading->token.length = 1;
}

/* Changes what is refused into what we can read on with. */
static void
mend(struct reading *reading, struct flow_token *token)
{
	if (token->kind == FLOW_TOKEN_LINE) {
		if (!reading->undirected)
			flow_messages_add(reading->messages, 65, token->line,
					  "`--` has no direction; write `->`");
		token->kind = FLOW_TOKEN_ARROW;
		token->text = "->";
	}
	/* graph="FILE" in a list, for which there is a better message. */
	if (token->kind == FLOW_TOKEN_GRAPH && reading->in_list) {
		token->kind = FLOW_TOKEN_STRING;
		token->text = "\"graph\"";
		token->length = 7;
	}
}

/* Takes the next word from the text; false at its end. */
static bool
take_word(struct reading *reading)
{
	struct flow_token *token = &reading->token;

	if (reading->held)
		flow_statement_word(&reading->statement, token);
	reading->held = false;
	if (reading->complete || reading->statement.failed || reading->failed)
		return false;
	flow_token_next(&reading->scanner, token);
	if (token->kind == FLOW_TOKEN_END) {
		if (reading->scanner.failed || reading->close != 1 ||
		    reading->depth > 1 || reading->in_list)
			return false;
		close_expression(reading);
	}
	mend(reading, token);
	if (token->kind == FLOW_TOKEN_BRACES_CLOSE && reading->depth == 1 &&
	    reading->close == 1) {
		syntax_error(reading);
		return false;
	}
	if (token->kind == FLOW_TOKEN_BRACES_OPEN)
		reading->depth++;
	else if (token->kind == FLOW_TOKEN_BRACES_CLOSE && reading->depth > 0)
		reading->complete = --reading->depth == 0;
	else if (token->kind == FLOW_TOKEN_LIST_OPEN)
		reading->in_list = true;
	else if (token->kind == FLOW_TOKEN_LIST_CLOSE)
		reading->in_list = false;
	reading->held = true;
	return true;
}

/* The next piece of: quote, word, quote, blank (quotes where the word is long). */
static void
next_piece(struct reading *reading)
{
	const struct flow_token *token = &reading->token;
	bool quote =
		token->kind == FLOW_TOKEN_NAME && token->length > LONGEST_WORD;

	reading->stage++;
	if (reading->stage == 2) {
		reading->rest = token->text;
		reading->rest_length = token->length;
	} else if (reading->stage == 4) {
		reading->rest = " ";
		reading->rest_length = 1;
	} else {
		reading->rest = "\"";
		reading->rest_length = quote;
	}
}

/*
 * libcgraph's read. A word and the blank behind it come in as few reads as
 * SIZE allows; a new word is never in the read of an old one.
 */
static int
hand_over(void *channel, char *buffer, int size)
{
	struct reading *reading = channel;
	size_t length, done = 0;

	if (reading->stage == 0 ||
	    (reading->stage == 4 && reading->rest_length == 0)) {
		if (!take_word(reading))
			return 0;
		reading->stage = 0;
		reading->rest_length = 0;
	}
	while (done < (size_t)size) {
		while (reading->rest_length == 0 && reading->stage < 4)
			next_piece(reading);
		length = (size_t)size - done;
		if (length > reading->rest_length)
			length = reading->rest_length;
		if (length == 0)
			break;
		memcpy(buffer + done, reading->rest, length);
		reading->rest += length;
		reading->rest_length -= length;
		done += length;
	}
	return (int)done;
}

/* --- the beginning and the end */

/* What follows `digraph`: a name or none, and a brace, which is not taken. */
static bool
read_name(struct reading *reading)
{
	struct flow_scanner ahead = reading->scanner;
	struct flow_token token;
	char *name;

	flow_token_next(&ahead, &token);
	if (token.kind == FLOW_TOKEN_NAME || token.kind == FLOW_TOKEN_STRING) {
		name = malloc(token.length + 1);
		if (name == NULL)
			flow_error_no_memory();
		name[flow_token_decode(&token, name)] = '\0';
		free(reading->dot->name);
		reading->dot->name = name;
		reading->scanner = ahead;
		flow_token_next(&ahead, &token);
	}
	if (token.kind == FLOW_TOKEN_BRACES_OPEN)
		return true;
	if (!ahead.failed)
		flow_messages_add(reading->messages, 65, token.line,
				  "syntax error: `{` is wanted after `digraph` "
				  "and its name");
	return false;
}

/* The words before the body. False when there can be no body. */
static bool
read_header(struct reading *reading, bool expression)
{
	struct flow_scanner ahead = reading->scanner;
	struct flow_token token, next;

	ahead.quiet = true;
	flow_token_next(&ahead, &token);
	flow_token_next(&ahead, &next);
	if (next.kind == FLOW_TOKEN_NAME || next.kind == FLOW_TOKEN_STRING)
		flow_token_next(&ahead, &next);
	if (expression && token.kind != FLOW_TOKEN_DIGRAPH &&
	    token.kind != FLOW_TOKEN_STRICT &&
	    (token.kind != FLOW_TOKEN_GRAPH ||
	     next.kind != FLOW_TOKEN_BRACES_OPEN)) {
		reading->close = 1;
		return true;
	}
	flow_token_next(&reading->scanner, &token);
	if (token.kind == FLOW_TOKEN_STRICT) {
		flow_messages_add(reading->messages, 65, token.line,
				  "`strict` would merge edges; leave it out");
		flow_token_next(&reading->scanner, &token);
	}
	if (token.kind == FLOW_TOKEN_GRAPH) {
		flow_messages_add(reading->messages, 65, token.line,
				  "`graph` has no directions; write `digraph`");
		reading->undirected = true;
	} else if (token.kind != FLOW_TOKEN_DIGRAPH) {
		if (!reading->scanner.failed)
			flow_messages_add(
				reading->messages, 65, token.line,
				token.kind == FLOW_TOKEN_END
					? "there is no graph here; one begins "
					  "with `digraph {`"
					: "syntax error: a graph begins with "
					  "`digraph {`, not with `%.*s`",
				token.length > 60 ? 60 : (int)token.length,
				token.text);
		return false;
	}
	return read_name(reading);
}

/* Is the word NAME anywhere in the text? */
static bool
is_used(const struct reading *reading, const char *name)
{
	const struct flow_scanner *scanner = &reading->scanner;

	return memmem(scanner->at, (size_t)(scanner->end - scanner->at), name,
		      strlen(name)) != NULL;
}

/*
 * A default of its own tells what nobody has written from what is empty. What
 * is declared costs libcgraph time for each object, so only what is used is.
 */
static void
declare(struct reading *reading)
{
	static const struct {
		unsigned on;
		int kind;
	} kinds[] = {
		{ FLOW_ON_GRAPH, AGRAPH },
		{ FLOW_ON_NODE, AGNODE },
		{ FLOW_ON_EDGE, AGEDGE },
	};
	size_t i, j;

	for (i = 0; i < FLOW_ATTRIBUTE_COUNT; i++) {
		if (!is_used(reading, flow_attributes[i].name))
			continue;
		for (j = 0; j < 3; j++)
			if (flow_attributes[i].on & kinds[j].on)
				agattr(reading->dot->graph, kinds[j].kind,
				       (char *)flow_attributes[i].name,
				       FLOW_DOT_UNSET);
	}
}

/* Also those that libcgraph has declared itself, with "" for what is not written. */
static void
find_symbols(struct flow_dot *dot)
{
	char *name;
	size_t i;

	for (i = 0; i < FLOW_ATTRIBUTE_COUNT; i++) {
		name = (char *)flow_attributes[i].name;
		dot->on_graph[i] = agattr(dot->graph, AGRAPH, name, NULL);
		dot->on_node[i] = agattr(dot->graph, AGNODE, name, NULL);
		dot->on_edge[i] = agattr(dot->graph, AGEDGE, name, NULL);
	}
	dot->tailport = agattr(dot->graph, AGEDGE, TAILPORT_ID, NULL);
	dot->headport = agattr(dot->graph, AGEDGE, HEADPORT_ID, NULL);
}

/* Nothing but one graph may be in the text. */
static void
read_rest(struct reading *reading)
{
	struct flow_token token;

	if (reading->held)
		flow_statement_word(&reading->statement, &reading->token);
	reading->held = false;
	if (reading->close == 2)
		return;
	flow_token_next(&reading->scanner, &token);
	if (token.kind != FLOW_TOKEN_END)
		flow_messages_add(reading->messages, 65, token.line,
				  "more text after the end of the graph: `%.*s`"
				  "; one text holds one graph",
				  token.length > 60 ? 60 : (int)token.length,
				  token.text);
}

/* 0, or -1 when libcgraph did not like the text; it has then closed the graph. */
static int
read_body(struct reading *reading)
{
	static Agiodisc_t io;
	static Agdisc_t discipline;
	struct flow_dot *dot = reading->dot;
	const char *digraph = reading->close == 1 ? "digraph { " : "digraph ";
	agusererrf before;

	io = AgIoDisc;
	io.afread = hand_over;
	discipline = (Agdisc_t){ &AgMemDisc, &AgIdDisc, &io };
	/* libcgraph's word for what we have read, or what was left out. */
	reading->rest = digraph;
	reading->rest_length = strlen(digraph);
	reading->stage = 4;
	if (reading->close == 1) {
		reading->statement.depth = 1;
		reading->statement.levels[1].on = FLOW_ON_NODE;
		reading->depth = 1;
	}
	before = agseterrf(be_quiet);
	agsetfile(NULL);
	dot->graph = agopen(dot->name, Agdirected, NULL);
	if (dot->graph == NULL)
		flow_error_no_memory();
	declare(reading);
	agpushdisc(dot->graph, &callbacks, reading);
	dot->graph = agconcat(dot->graph, reading, &discipline);
	agseterrf(before);
	if (dot->graph == NULL || agerrors() > 0) {
		syntax_error(reading);
	} else {
		read_rest(reading);
		agpopdisc(dot->graph, &callbacks);
		find_symbols(dot);
	}
	agreseterrors();
	return dot->graph != NULL ? 0 : -1;
}

int
flow_dot_read(const char *text, size_t length, bool expression,
	      struct flow_messages *messages, struct flow_dot *dot)
{
	struct reading *reading = calloc(1, sizeof *reading);
	int result = -1;

	*dot = (struct flow_dot){ .name = strdup("") };
	if (reading == NULL || dot->name == NULL)
		flow_error_no_memory();
	/* A mark that Windows editors put before UTF-8. */
	if (length >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) {
		text += 3;
		length -= 3;
	}
	reading->dot = dot;
	reading->messages = messages;
	reading->scanner = (struct flow_scanner){
		.start = text,
		.at = text,
		.end = text + length,
		.line = 1,
		.messages = messages,
	};
	flow_statement_init(&reading->statement, messages);
	reading->statement.declared = node_declared;
	reading->statement.place = node_place;
	reading->statement.state = reading;
	if (read_header(reading, expression))
		result = read_body(reading);
	flow_statement_free(&reading->statement);
	free(reading);
	if (result < 0)
		flow_dot_clear(dot);
	return result;
}

void
flow_dot_clear(struct flow_dot *dot)
{
	free(dot->name);
	free(dot->nodes);
	free(dot->edges);
	free(dot->owns);
	*dot = (struct flow_dot){ 0 };
}
