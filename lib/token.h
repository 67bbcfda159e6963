/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * token: the words of DOT, with their lines. libcgraph tells no lines and
 * repairs what it should refuse (10s, a second graph), so we cut its input
 * into words ourselves and hand them over one at a time.
 */
#ifndef FLOW_TOKEN_H
#define FLOW_TOKEN_H

#include <stdbool.h>
#include <stddef.h>

#include "error.h"

/* Punctuation is its own character. */
enum flow_token_kind {
	FLOW_TOKEN_END = 0,
	FLOW_TOKEN_BRACES_OPEN = '{',
	FLOW_TOKEN_BRACES_CLOSE = '}',
	FLOW_TOKEN_LIST_OPEN = '[',
	FLOW_TOKEN_LIST_CLOSE = ']',
	FLOW_TOKEN_SEMICOLON = ';',
	FLOW_TOKEN_COMMA = ',',
	FLOW_TOKEN_EQUALS = '=',
	FLOW_TOKEN_COLON = ':',
	FLOW_TOKEN_PLUS = '+',
	FLOW_TOKEN_NAME = 256, /* unquoted: a name or a number */
	FLOW_TOKEN_STRING, /* quoted */
	FLOW_TOKEN_ARROW, /* -> */
	FLOW_TOKEN_LINE, /* -- */
	FLOW_TOKEN_STRICT,
	FLOW_TOKEN_GRAPH,
	FLOW_TOKEN_DIGRAPH,
	FLOW_TOKEN_SUBGRAPH,
	FLOW_TOKEN_NODE,
	FLOW_TOKEN_EDGE,
};

/* One word: LENGTH bytes at TEXT, quotes included, as in the file. */
struct flow_token {
	int kind;
	const char *text;
	size_t length;
	unsigned line; /* where it begins */
};

/* A walk over text that must outlive it; fill start, at, end, line, messages. */
struct flow_scanner {
	const char *start, *at, *end;
	const char *word; /* where the run of glued characters at AT began */
	unsigned line;
	struct flow_messages *messages;
	bool quiet; /* say nothing: a look ahead */
	bool failed; /* the text cannot be cut further; said why */
};

/* The next word; of kind FLOW_TOKEN_END at the end and when it has failed. */
void flow_token_next(struct flow_scanner *scanner, struct flow_token *token);

/*
 * What stands unquoted around TOKEN without a blank, such as `mq:/x` around
 * its colon: *LENGTH bytes; those of TOKEN itself when nothing is glued to it.
 */
const char *flow_token_around(const struct flow_scanner *scanner,
			      const struct flow_token *token, size_t *length);

/*
 * Writes what a name or string stands for to BUFFER (at least token->length
 * bytes), as libcgraph will store it; returns its length.
 */
size_t flow_token_decode(const struct flow_token *token, char *buffer);

#endif
