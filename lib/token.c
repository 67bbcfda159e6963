/* SPDX-License-Identifier: GPL-3.0-or-later */
/* token: cuts DOT into words. */
#include "config.h"

#include "token.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* libcgraph needs time in the square of this, and execve(2) takes 128 KiB. */
enum { LONGEST_STRING = 1 << 20 };

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
	       (unsigned char)c >= 0x80;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Can C not be within a value that lacks its quotes? */
static bool
is_boundary(char c)
{
	return is_blank(c) || strchr(";,[]{}=\"", c) != NULL;
}

static void __attribute__((format(printf, 3, 4)))
fail(struct flow_scanner *scanner, unsigned line, const char *format, ...)
{
	va_list arguments;
	char text[300];

	if (!scanner->quiet && !scanner->failed) {
		va_start(arguments, format);
		vsnprintf(text, sizeof text, format, arguments);
		va_end(arguments);
		flow_messages_add(scanner->messages, 65, line, "%s", text);
	}
	scanner->failed = true;
}

/* Counts the newlines up to TO and goes there. */
static void
advance(struct flow_scanner *scanner, const char *to)
{
	const char *newline;

	for (newline = scanner->at;
	     (newline = memchr(newline, '\n', (size_t)(to - newline))) != NULL;
	     newline++)
		scanner->line++;
	scanner->at = to;
}

static void
skip_line(struct flow_scanner *scanner)
{
	const char *newline =
		memchr(scanner->at, '\n', (size_t)(scanner->end - scanner->at));

	scanner->at = newline != NULL ? newline : scanner->end;
}

static void
skip_comment(struct flow_scanner *scanner)
{
	const char *close =
		memmem(scanner->at + 2,
		       (size_t)(scanner->end - scanner->at - 2), "*/", 2);

	if (close == NULL)
		fail(scanner, scanner->line, "a comment, /*, without its */");
	advance(scanner, close != NULL ? close + 2 : scanner->end);
}

/* Is nothing but blanks between the line's beginning and AT? */
static bool
begins_line(const struct flow_scanner *scanner)
{
	const char *at = scanner->at;

	while (at > scanner->start && (at[-1] == ' ' || at[-1] == '\t'))
		at--;
	return at == scanner->start || at[-1] == '\n';
}

/* Skips blanks and comments; true when there were any. */
static bool
skip(struct flow_scanner *scanner)
{
	const char *before = scanner->at;
	char c, next;

	while (scanner->at < scanner->end && !scanner->failed) {
		c = *scanner->at;
		next = scanner->at + 1 < scanner->end ? scanner->at[1] : '\0';
		if (is_blank(c))
			advance(scanner, scanner->at + 1);
		else if (c == '/' && next == '*')
			skip_comment(scanner);
		else if ((c == '/' && next == '/') ||
			 (c == '#' && begins_line(scanner)))
			skip_line(scanner);
		else
			break;
	}
	return scanner->at > before;
}

/* Where the run of glued characters from AT on ends. */
static const char *
run_end(const struct flow_scanner *scanner, const char *at)
{
	while (at < scanner->end && !is_boundary(*at) &&
	       !(*at == '-' && at + 1 < scanner->end && at[1] == '>'))
		at++;
	return at;
}

/* The word from scanner->word on cannot stand without quotes. */
static void
want_quotes(struct flow_scanner *scanner)
{
	const char *word = scanner->word;
	const char *end = run_end(scanner, scanner->at + 1);

	fail(scanner, scanner->line,
	     "syntax error: `%.*s` needs quotes: only names (letters, digits, "
	     "_) and numbers stand without",
	     (int)(end - word > 60 ? 60 : end - word), word);
}

static void
cut_string(struct flow_scanner *scanner, struct flow_token *token)
{
	const char *at = scanner->at + 1;

	while (at < scanner->end && *at != '"')
		at += *at == '\\' && at + 1 < scanner->end ? 2 : 1;
	if (at >= scanner->end) {
		fail(scanner, scanner->line,
		     "syntax error: a string without its closing quote");
		return;
	}
	at++;
	if (at - scanner->at > LONGEST_STRING) {
		fail(scanner, scanner->line,
		     "a string of more than 1 MiB; put it into a file "
		     "(script=)");
		return;
	}
	token->kind = FLOW_TOKEN_STRING;
	token->length = (size_t)(at - scanner->at);
	advance(scanner, at);
}

/* An HTML string is refused, and read as an empty string so that we can go on. */
static void
cut_html(struct flow_scanner *scanner, struct flow_token *token)
{
	const char *at = scanner->at;
	unsigned depth = 0;

	do {
		if (*at == '<')
			depth++;
		else if (*at == '>')
			depth--;
		at++;
	} while (depth > 0 && at < scanner->end);
	if (depth > 0) {
		fail(scanner, scanner->line,
		     "syntax error: `<` begins an HTML string that has no "
		     "end; a value with `<` needs quotes");
		return;
	}
	if (!scanner->quiet)
		flow_messages_add(scanner->messages, 65, scanner->line,
				  "HTML strings are not part of the language; "
				  "write \"...\" instead of <...>");
	token->kind = FLOW_TOKEN_STRING;
	token->text = "\"\"";
	token->length = 2;
	advance(scanner, at);
}

static void
cut_number(struct flow_scanner *scanner, struct flow_token *token)
{
	const char *at = scanner->at + (*scanner->at == '-');
	bool point = false;

	for (; at < scanner->end && (is_digit(*at) || *at == '.'); at++) {
		if (*at == '.' && point)
			break;
		point |= *at == '.';
	}
	if (at < scanner->end && (is_letter(*at) || *at == '.')) {
		want_quotes(scanner);
		return;
	}
	token->kind = FLOW_TOKEN_NAME;
	token->length = (size_t)(at - scanner->at);
	scanner->at = at;
}

static void
cut_name(struct flow_scanner *scanner, struct flow_token *token)
{
	static const struct {
		const char *text;
		int kind;
	} words[] = {
		{ "strict", FLOW_TOKEN_STRICT },
		{ "graph", FLOW_TOKEN_GRAPH },
		{ "digraph", FLOW_TOKEN_DIGRAPH },
		{ "subgraph", FLOW_TOKEN_SUBGRAPH },
		{ "node", FLOW_TOKEN_NODE },
		{ "edge", FLOW_TOKEN_EDGE },
	};
	const char *at = scanner->at;
	size_t i;

	while (at < scanner->end && (is_letter(*at) || is_digit(*at)))
		at++;
	token->kind = FLOW_TOKEN_NAME;
	token->length = (size_t)(at - scanner->at);
	for (i = 0; i < sizeof words / sizeof *words; i++)
		if (strlen(words[i].text) == token->length &&
		    strncasecmp(token->text, words[i].text, token->length) == 0)
			token->kind = words[i].kind;
	scanner->at = at;
}

static void
cut_punctuation(struct flow_scanner *scanner, struct flow_token *token)
{
	char c = *scanner->at;
	char next = scanner->at + 1 < scanner->end ? scanner->at[1] : '\0';

	if (c == '-' && (next == '>' || next == '-')) {
		token->kind = next == '>' ? FLOW_TOKEN_ARROW : FLOW_TOKEN_LINE;
		token->length = 2;
	} else if (c != '\0' && strchr("{}[];,=:+", c) != NULL) {
		token->kind = c;
		token->length = 1;
	} else if (c == '\0') {
		fail(scanner, scanner->line, "a NUL byte in the graph");
	} else {
		want_quotes(scanner);
	}
	scanner->at += token->length;
}

void
flow_token_next(struct flow_scanner *scanner, struct flow_token *token)
{
	const char *before = scanner->at;
	char c, next;

	*token = (struct flow_token){ .kind = FLOW_TOKEN_END };
	if (skip(scanner) || scanner->word == NULL ||
	    before == scanner->start || is_boundary(before[-1]) ||
	    before[-1] == '>')
		scanner->word = scanner->at;
	token->text = scanner->at;
	token->line = scanner->line;
	if (scanner->at >= scanner->end || scanner->failed)
		return;
	c = *scanner->at;
	next = scanner->at + 1 < scanner->end ? scanner->at[1] : '\0';
	if (c == '"')
		cut_string(scanner, token);
	else if (c == '<')
		cut_html(scanner, token);
	else if (is_letter(c))
		cut_name(scanner, token);
	else if (is_digit(c) || ((c == '-' || c == '.') && is_digit(next)) ||
		 (c == '-' && next == '.' && scanner->at + 2 < scanner->end &&
		  is_digit(scanner->at[2])))
		cut_number(scanner, token);
	else
		cut_punctuation(scanner, token);
	if (scanner->failed)
		token->kind = FLOW_TOKEN_END;
}

const char *
flow_token_around(const struct flow_scanner *scanner,
		  const struct flow_token *token, size_t *length)
{
	const char *start = token->text, *end;

	if (token->kind != FLOW_TOKEN_STRING && !is_boundary(*token->text)) {
		while (start > scanner->start && !is_boundary(start[-1]) &&
		       start[-1] != '>')
			start--;
		end = run_end(scanner, token->text + token->length);
	} else {
		end = token->text + token->length;
	}
	*length = (size_t)(end - start);
	return start;
}

size_t
flow_token_decode(const struct flow_token *token, char *buffer)
{
	const char *at = token->text, *end = at + token->length;
	size_t length = 0;

	if (token->kind != FLOW_TOKEN_STRING) {
		memcpy(buffer, at, token->length);
		return token->length;
	}
	for (at++, end--; at < end; at++) {
		if (*at != '\\') {
			buffer[length++] = *at;
		} else if (at[1] == '\\') {
			buffer[length++] = *at++;
			buffer[length++] = *at;
		} else if (at[1] == '"') {
			buffer[length++] = *++at;
		} else if (at[1] == '\n') {
			at++;
		} else {
			buffer[length++] = *at;
		}
	}
	return length;
}
