/* SPDX-License-Identifier: GPL-3.0-or-later */
/* statement: which statement, list and attribute a word of DOT belongs to. */
#include "config.h"

#include "statement.h"

#include <stdlib.h>
#include <string.h>

/* What a name or string was. */
enum role {
	ROLE_NONE,
	ROLE_NODE,
	ROLE_PORT,
	ROLE_NAME, /* of an attribute */
	ROLE_VALUE,
	ROLE_SUBGRAPH,
};

void
flow_statement_init(struct flow_statement *statement,
		    struct flow_messages *messages)
{
	memset(statement, 0, sizeof *statement);
	statement->messages = messages;
}

void
flow_statement_free(struct flow_statement *statement)
{
	free(statement->mentions);
	free(statement->names);
	free(statement->listed);
	free(statement->pending[0]);
	free(statement->pending[1]);
}

static struct flow_level *
level(struct flow_statement *statement)
{
	return &statement->levels[statement->depth];
}

/* Room for COUNT items of SIZE bytes at *ITEMS. */
static void
make_room(void *items, size_t *room, size_t count, size_t size)
{
	void **array = items;

	if (count <= *room)
		return;
	*room = count < 16 ? 16 : count * 2;
	*array = reallocarray(*array, *room, size);
	if (*array == NULL)
		flow_error_no_memory();
}

/* BASE, owned or NULL, followed by what TOKEN stands for; owned. */
static char *
join(char *base, const struct flow_token *token)
{
	size_t length = base != NULL ? strlen(base) : 0;
	char *joined = realloc(base, length + token->length + 1);

	if (joined == NULL)
		flow_error_no_memory();
	length += flow_token_decode(token, joined + length);
	joined[length] = '\0';
	return joined;
}

static void
judge_pending(struct flow_statement *statement)
{
	struct flow_level *here = level(statement);
	struct flow_attribute_place place = {
		.on = statement->in_list ? here->on : FLOW_ON_GRAPH,
		.defaults = here->defaults,
		.line = statement->pending_line,
	};
	const struct flow_attribute *attribute;

	if (statement->pending[1] != NULL) {
		place.subgraph =
			place.on == FLOW_ON_GRAPH && statement->depth > 1;
		attribute = flow_attribute_judge(statement->pending[0],
						 statement->pending[1], &place,
						 statement->messages);
		if (attribute != NULL && statement->in_list) {
			make_room(&statement->listed, &statement->listed_room,
				  statement->listed_count + 1,
				  sizeof *statement->listed);
			statement->listed[statement->listed_count++] =
				(struct flow_listed){ attribute, place.line };
		}
	}
	free(statement->pending[0]);
	free(statement->pending[1]);
	statement->pending[0] = statement->pending[1] = NULL;
}

/* At the end of a whole statement of the graph: who was declared by it? */
static void
settle(struct flow_statement *statement)
{
	const struct flow_mention *mention;
	size_t i;

	for (i = 0; i < statement->mention_count; i++) {
		mention = &statement->mentions[i];
		if ((mention->declares || mention->listed) &&
		    statement->declared != NULL)
			statement->declared(statement->state,
					    statement->names + mention->text);
	}
	statement->mention_count = 0;
	statement->names_length = 0;
}

static void
end_statement(struct flow_statement *statement)
{
	struct flow_level *here = level(statement);
	size_t i;

	if (here->arrows > 0) {
		for (i = here->first; i < statement->mention_count; i++)
			statement->mentions[i].declares = false;
	} else if (here->port_line > 0) {
		flow_messages_add(statement->messages, 65, here->port_line,
				  "a port without an arrow; in braces Graphviz "
				  "drops ports: write each arrow by itself");
	}
	statement->arrows -= here->arrows;
	if (statement->depth == 1)
		settle(statement);
	*here = (struct flow_level){
		.inside = here->inside,
		.first = statement->mention_count,
		.on = FLOW_ON_NODE,
	};
	statement->cursor = here->first;
	statement->listed_count = 0;
}

/* Is the statement in hand one that the next operand cannot belong to? */
static bool
is_complete(const struct flow_statement *statement)
{
	return statement->levels[statement->depth].open &&
	       statement->before != FLOW_TOKEN_ARROW &&
	       statement->before != FLOW_TOKEN_LINE &&
	       statement->before != FLOW_TOKEN_COMMA;
}

static void
begin_operand(struct flow_statement *statement)
{
	if (is_complete(statement))
		end_statement(statement);
	level(statement)->open = true;
}

static void
mention(struct flow_statement *statement, const struct flow_token *token)
{
	struct flow_mention *new;

	make_room(&statement->mentions, &statement->mention_room,
		  statement->mention_count + 1, sizeof *statement->mentions);
	make_room(&statement->names, &statement->names_room,
		  statement->names_length + token->length + 1, 1);
	new = &statement->mentions[statement->mention_count++];
	*new = (struct flow_mention){
		.text = statement->names_length,
		.line = token->line,
		.declares = true,
	};
	statement->names_length += flow_token_decode(
		token, statement->names + statement->names_length);
	statement->names[statement->names_length++] = '\0';
}

/* The last mention goes on: "a" + "b". */
static void
mention_more(struct flow_statement *statement, const struct flow_token *token)
{
	if (statement->mention_count == 0)
		return;
	make_room(&statement->names, &statement->names_room,
		  statement->names_length + token->length + 1, 1);
	statement->names_length--;
	statement->names_length += flow_token_decode(
		token, statement->names + statement->names_length);
	statement->names[statement->names_length++] = '\0';
}

/* The name before `=` was no node but an attribute of the graph. */
static void
take_name(struct flow_statement *statement)
{
	const struct flow_mention *last;

	if (statement->mention_count == 0)
		return;
	last = &statement->mentions[--statement->mention_count];
	statement->names_length = last->text;
	free(statement->pending[0]);
	statement->pending[0] = strdup(statement->names + last->text);
	if (statement->pending[0] == NULL)
		flow_error_no_memory();
	statement->pending_line = last->line;
}

static void
more(struct flow_statement *statement, const struct flow_token *token)
{
	if (statement->role == ROLE_NODE)
		mention_more(statement, token);
	else if (statement->role == ROLE_NAME && statement->pending[0] != NULL)
		statement->pending[0] = join(statement->pending[0], token);
	else if (statement->role == ROLE_VALUE && statement->pending[1] != NULL)
		statement->pending[1] = join(statement->pending[1], token);
}

static void
name_word(struct flow_statement *statement, const struct flow_token *token)
{
	if (statement->before == FLOW_TOKEN_PLUS) {
		more(statement, token);
	} else if (statement->before == FLOW_TOKEN_EQUALS) {
		free(statement->pending[1]);
		statement->pending[1] = join(NULL, token);
		statement->role = ROLE_VALUE;
	} else if (statement->in_list) {
		judge_pending(statement);
		statement->pending[0] = join(NULL, token);
		statement->pending_line = token->line;
		statement->role = ROLE_NAME;
	} else if (statement->before == FLOW_TOKEN_COLON) {
		level(statement)->port_line = token->line;
		statement->role = ROLE_PORT;
	} else if (statement->before == FLOW_TOKEN_SUBGRAPH) {
		statement->role = ROLE_SUBGRAPH;
	} else {
		begin_operand(statement);
		mention(statement, token);
		statement->role = ROLE_NODE;
	}
}

static void
open_braces(struct flow_statement *statement, const struct flow_token *token)
{
	if (statement->depth > 0) {
		if (statement->before != FLOW_TOKEN_SUBGRAPH &&
		    statement->role != ROLE_SUBGRAPH)
			begin_operand(statement);
		level(statement)->braces_line = token->line;
	}
	if (statement->depth == FLOW_STATEMENT_DEPTH) {
		flow_messages_add(statement->messages, 65, token->line,
				  "braces within braces more than %d deep",
				  FLOW_STATEMENT_DEPTH);
		statement->failed = true;
		return;
	}
	statement->depth++;
	*level(statement) = (struct flow_level){
		.inside = statement->mention_count,
		.first = statement->mention_count,
		.on = FLOW_ON_NODE,
	};
}

/* Do the mentions from FIRST on stand in another order than their nodes? */
static bool
is_disordered(const struct flow_statement *statement, size_t first)
{
	unsigned long place, before = 0;

	for (; first < statement->mention_count; first++) {
		place = statement->place(
			statement->state,
			statement->names + statement->mentions[first].text);
		if (place < before)
			return true;
		before = place;
	}
	return false;
}

static void
close_braces(struct flow_statement *statement)
{
	struct flow_level *outer;
	size_t inside;

	end_statement(statement);
	if (statement->depth == 0)
		return;
	inside = statement->levels[statement->depth--].inside;
	outer = level(statement);
	statement->cursor = outer->first;
	/* Only a statement with an arrow, before or behind, makes it matter. */
	if (statement->depth > 0 && statement->mention_count - inside < 256 &&
	    is_disordered(statement, inside))
		outer->disorder_line = outer->braces_line;
}

static void
open_list(struct flow_statement *statement, const struct flow_token *token)
{
	struct flow_level *here = level(statement);
	size_t i;

	statement->in_list = true;
	if (here->on != FLOW_ON_NODE || here->defaults)
		return;
	if (here->braces_line > 0)
		flow_messages_add(statement->messages, 65, token->line,
				  "attributes after braces without an arrow "
				  "mean nothing; write node [...] within the "
				  "braces");
	for (i = here->first; i < statement->mention_count; i++)
		statement->mentions[i].listed = true;
}

static void
arrow(struct flow_statement *statement, const struct flow_token *token)
{
	struct flow_level *here = level(statement);

	here->on = FLOW_ON_EDGE;
	here->arrows++;
	here->arrow_line = token->line;
	if (++statement->arrows > FLOW_STATEMENT_ARROWS) {
		flow_messages_add(statement->messages, 65, token->line,
				  "more than %d arrows in one statement; "
				  "write several",
				  FLOW_STATEMENT_ARROWS);
		statement->failed = true;
	}
}

static void
keyword(struct flow_statement *statement, int kind)
{
	struct flow_level *here;

	begin_operand(statement);
	if (kind == FLOW_TOKEN_SUBGRAPH)
		return;
	here = level(statement);
	here->defaults = true;
	here->on = kind == FLOW_TOKEN_NODE   ? FLOW_ON_NODE
		   : kind == FLOW_TOKEN_EDGE ? FLOW_ON_EDGE
					     : FLOW_ON_GRAPH;
}

/* A word outside of lists that is no name. */
static void
sign(struct flow_statement *statement, const struct flow_token *token)
{
	switch (token->kind) {
	case FLOW_TOKEN_BRACES_OPEN:
		open_braces(statement, token);
		break;
	case FLOW_TOKEN_BRACES_CLOSE:
		close_braces(statement);
		break;
	case FLOW_TOKEN_LIST_OPEN:
		open_list(statement, token);
		break;
	case FLOW_TOKEN_SEMICOLON:
		end_statement(statement);
		break;
	case FLOW_TOKEN_ARROW:
	case FLOW_TOKEN_LINE:
		arrow(statement, token);
		break;
	case FLOW_TOKEN_GRAPH:
	case FLOW_TOKEN_NODE:
	case FLOW_TOKEN_EDGE:
	case FLOW_TOKEN_SUBGRAPH:
		keyword(statement, token->kind);
		break;
	default:
		break;
	}
}

void
flow_statement_word(struct flow_statement *statement,
		    const struct flow_token *token)
{
	int kind = token->kind;
	bool name = kind == FLOW_TOKEN_NAME || kind == FLOW_TOKEN_STRING;

	if (name) {
		/* `a = b c`: the value is whole when another name comes. */
		if (!statement->in_list && statement->pending[1] != NULL &&
		    statement->before != FLOW_TOKEN_PLUS)
			judge_pending(statement);
		name_word(statement, token);
	} else if (kind == FLOW_TOKEN_EQUALS) {
		if (!statement->in_list)
			take_name(statement);
	} else if (kind != FLOW_TOKEN_PLUS) {
		judge_pending(statement);
		if (!statement->in_list)
			sign(statement, token);
		else if (kind == FLOW_TOKEN_LIST_CLOSE)
			statement->in_list = false;
	}
	if (!name && kind != FLOW_TOKEN_PLUS && kind != FLOW_TOKEN_EQUALS &&
	    kind != FLOW_TOKEN_COLON)
		statement->role = ROLE_NONE;
	statement->before = kind;
}

unsigned
flow_statement_node_line(const struct flow_statement *statement)
{
	if (statement->mention_count == 0)
		return 0;
	return statement->mentions[statement->mention_count - 1].line;
}

unsigned
flow_statement_disorder_line(const struct flow_statement *statement)
{
	return statement->levels[statement->depth].disorder_line;
}

unsigned
flow_statement_edge_line(struct flow_statement *statement, const char *head)
{
	const struct flow_level *here = &statement->levels[statement->depth];
	size_t first = here->first, count = statement->mention_count;
	size_t left = count - first, at = statement->cursor, i;

	/* Heads come in the order of their mentions, again for each tail. */
	for (i = 0; i < left; i++, at++) {
		if (at < first || at >= count)
			at = first;
		if (strcmp(statement->names + statement->mentions[at].text,
			   head) == 0) {
			statement->cursor = at;
			return statement->mentions[at].line;
		}
	}
	return here->arrow_line;
}
