/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * statement: follows the words of DOT just far enough to know, when libcgraph
 * makes an object, where it was written. It is told each word when the next
 * one is handed over: libcgraph's parser makes an object when it has seen one
 * word more than belongs to it.
 */
#ifndef FLOW_STATEMENT_H
#define FLOW_STATEMENT_H

#include <stdbool.h>
#include <stddef.h>

#include "attributes.h"
#include "error.h"
#include "token.h"

/* Deeper or longer, libcgraph's parser would run out of stack. */
enum { FLOW_STATEMENT_DEPTH = 100, FLOW_STATEMENT_ARROWS = 1800 };

/* A node named in the statement. */
struct flow_mention {
	size_t text; /* offset in names; NUL-terminated */
	unsigned line;
	bool declares; /* in a statement of its own, as far as is known */
	bool listed; /* that has an attribute list */
};

/* One attribute of the list in hand. */
struct flow_listed {
	const struct flow_attribute *attribute;
	unsigned line;
};

/* The statement that is open at one depth of braces. */
struct flow_level {
	size_t inside; /* the first mention within these braces */
	size_t first; /* its first mention */
	unsigned on; /* FLOW_ON_NODE or _EDGE, for lists; _GRAPH */
	unsigned arrows;
	unsigned arrow_line; /* of the last one */
	unsigned port_line; /* of a port, 0: none */
	unsigned braces_line; /* of braces in it, 0: none */
	unsigned
		disorder_line; /* of braces that Graphviz orders otherwise, 0: none */
	bool open; /* something of it has been read */
	bool defaults; /* graph [], node [], edge [] */
};

struct flow_statement {
	struct flow_messages *messages;
	/* A node has a statement of its own; the place of a node among all. */
	void (*declared)(void *state, const char *name);
	unsigned long (*place)(void *state, const char *name);
	void *state; /* for these */
	struct flow_level levels[FLOW_STATEMENT_DEPTH + 1];
	unsigned depth; /* 0: before the graph's own brace */
	unsigned arrows; /* of all open statements */
	struct flow_mention *mentions;
	size_t mention_count, mention_room;
	size_t cursor; /* the mention that the last edge led to */
	char *names;
	size_t names_length, names_room;
	struct flow_listed *listed;
	size_t listed_count, listed_room;
	bool in_list;
	int before; /* kind of the word before */
	int role; /* what the last name or string was */
	char *pending
		[2]; /* name and value of an attribute that may go on by + */
	unsigned pending_line;
	bool failed;
};

void flow_statement_init(struct flow_statement *statement,
			 struct flow_messages *messages);
void flow_statement_free(struct flow_statement *statement);

/* The next word of the body, the graph's own braces included. */
void flow_statement_word(struct flow_statement *statement,
			 const struct flow_token *token);

/* The line of the node named last. */
unsigned flow_statement_node_line(const struct flow_statement *statement);
/* The line of the edge to HEAD that is being made. */
unsigned flow_statement_edge_line(struct flow_statement *statement,
				  const char *head);
/*
 * The line of braces in the statement whose members were named before in
 * another order, which is then the one that counts; 0: there are none.
 */
unsigned flow_statement_disorder_line(const struct flow_statement *statement);

#endif
