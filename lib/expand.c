/* SPDX-License-Identifier: GPL-3.0-or-later */
/* expand: references replaced and words split in one pass over the text. */
#include "config.h"

#include "expand.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Defaults within defaults; recursion has to end somewhere. */
enum { DEEPEST = 8 };

struct expansion {
	FILE *out;
	const struct flow_values *values; /* NULL: no references */
	struct flow_error *error;
};

/* A `$` and what follows, when that is a reference. */
struct reference {
	const char *name; /* or the digits of an argument */
	size_t name_length;
	const char *otherwise; /* the default, or NULL */
	size_t otherwise_length;
	const char *end; /* the first byte behind it */
};

static int expand_range(struct expansion *expansion, const char *text,
			const char *end, unsigned depth);

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

size_t
flow_expand_name_length(const char *text)
{
	size_t n = 0;

	while (text[n] == '_' || (text[n] >= 'a' && text[n] <= 'z') ||
	       (text[n] >= 'A' && text[n] <= 'Z') ||
	       (n > 0 && is_digit(text[n])))
		n++;
	return n;
}

const char *
flow_expand_find(char *const *list, const char *name, size_t length)
{
	const char *found = NULL;

	for (; *list != NULL; list++) {
		if (strncmp(*list, name, length) == 0 && (*list)[length] == '=')
			found = *list + length + 1;
	}
	return found;
}

/* The `}` that ends what begins at TEXT, "${" nesting; or NULL. */
static const char *
closing_brace(const char *text, const char *end)
{
	unsigned depth = 0;

	for (; text < end; text++) {
		if (text[0] == '$' && text + 1 < end && text[1] == '{')
			depth++;
		else if (text[0] == '}' && depth-- == 0)
			return text;
	}
	return NULL;
}

/* Is there a reference at TEXT, which is at a `$`? */
static bool
reference_read(const char *text, const char *end, struct reference *reference)
{
	const char *p = text + 1;

	memset(reference, 0, sizeof *reference);
	reference->name = p;
	reference->name_length = 1;
	reference->end = p + 1;
	if (p < end && is_digit(*p) && *p != '0')
		return true;
	if (p >= end || *p++ != '{')
		return false;
	reference->name = p;
	reference->name_length = flow_expand_name_length(p);
	if (reference->name_length == 0 && *p != '0')
		while (is_digit(p[reference->name_length]))
			reference->name_length++;
	p += reference->name_length;
	if (reference->name_length == 0 || p >= end)
		return false;
	if (*p == ':' && p + 1 < end && p[1] == '-') {
		reference->otherwise = p + 2;
		p = closing_brace(p + 2, end);
		if (p == NULL)
			return false;
		reference->otherwise_length =
			(size_t)(p - reference->otherwise);
	}
	reference->end = p + 1;
	return *p == '}';
}

static const char *
argument(const struct flow_values *values, const char *digits, size_t length)
{
	size_t wanted = 0, i;

	for (i = 0; i < length; i++) {
		if (wanted > INT_MAX)
			return NULL;
		wanted = wanted * 10 + (size_t)(digits[i] - '0');
	}
	for (i = 0; i < wanted; i++) {
		if (values->args[i] == NULL)
			return NULL;
	}
	return values->args[wanted - 1];
}

static const char *
variable(const struct flow_values *values, const char *name, size_t length)
{
	const char *value = flow_expand_find(values->defines, name, length);

	return value != NULL ? value : flow_expand_find(environ, name, length);
}

static int
refuse_unset(struct expansion *expansion, const struct reference *reference)
{
	int length = (int)reference->name_length;

	if (is_digit(reference->name[0]))
		return flow_error_set(expansion->error, 64,
				      "argument `$%.*s` is not given", length,
				      reference->name);
	return flow_error_set(expansion->error, 65,
			      "`${%.*s}` is not set; give it with -D, in the "
			      "environment, or a default as in "
			      "`${%.*s:-default}`",
			      length, reference->name, length, reference->name);
}

static int
expand_reference(struct expansion *expansion, const struct reference *reference,
		 unsigned depth)
{
	const char *value;

	if (is_digit(reference->name[0]))
		value = argument(expansion->values, reference->name,
				 reference->name_length);
	else
		value = variable(expansion->values, reference->name,
				 reference->name_length);
	if (value != NULL && (*value != '\0' || reference->otherwise == NULL)) {
		fputs(value, expansion->out);
		return 0;
	}
	if (reference->otherwise == NULL)
		return refuse_unset(expansion, reference);
	if (depth == DEEPEST)
		return flow_error_set(expansion->error, 65,
				      "defaults are nested more than %d deep",
				      DEEPEST);
	return expand_range(expansion, reference->otherwise,
			    reference->otherwise + reference->otherwise_length,
			    depth + 1);
}

/* Writes what stands at *TEXT, a reference or one byte, and steps over it. */
static int
expand_next(struct expansion *expansion, const char **text, const char *end,
	    unsigned depth)
{
	struct reference reference;

	if (**text != '$' || expansion->values == NULL ||
	    !reference_read(*text, end, &reference)) {
		putc(*(*text)++, expansion->out);
		return 0;
	}
	*text = reference.end;
	return expand_reference(expansion, &reference, depth);
}

static int
expand_range(struct expansion *expansion, const char *text, const char *end,
	     unsigned depth)
{
	while (text < end) {
		if (expand_next(expansion, &text, end, depth) < 0)
			return -1;
	}
	return 0;
}

static int
out_of_memory(struct flow_error *error)
{
	return flow_error_set(error, 71, "out of memory");
}

char *
flow_expand_text(const char *text, const struct flow_values *values,
		 struct flow_error *error)
{
	struct expansion expansion = { .values = values, .error = error };
	char *result = NULL;
	size_t size = 0;
	int failed;

	expansion.out = open_memstream(&result, &size);
	if (expansion.out == NULL) {
		out_of_memory(error);
		return NULL;
	}
	failed = expand_range(&expansion, text, text + strlen(text), 0);
	if ((ferror(expansion.out) | fclose(expansion.out)) != 0 && !failed)
		failed = out_of_memory(error);
	if (failed) {
		free(result);
		return NULL;
	}
	return result;
}

/* Writes the quoted part that begins at *TEXT and steps over it. */
static int
unquote(struct expansion *expansion, const char **text, const char *end)
{
	const char *p = *text;
	char quote = *p++;

	if (quote == '\\' && p < end) {
		putc(*p++, expansion->out);
		*text = p;
		return 0;
	}
	while (p < end && *p != quote) {
		if (quote == '"' && *p == '\\' && p + 1 < end &&
		    strchr("\"\\`$\n", p[1]) != NULL) {
			putc(p[1], expansion->out);
			p += 2;
		} else if (quote == '\'') {
			putc(*p++, expansion->out);
		} else if (expand_next(expansion, &p, end, 0) < 0) {
			return -1;
		}
	}
	if (p >= end)
		return flow_error_set(expansion->error, 65,
				      quote == '\\'
					      ? "a backslash ends it"
					      : "a quote %c is not closed",
				      quote);
	*text = p + 1;
	return 0;
}

/* Writes all words, each ended by a NUL; how many, or -1. */
static ssize_t
write_words(struct expansion *expansion, const char *text)
{
	static const char blanks[] = " \t\n";
	const char *end = text + strlen(text);
	ssize_t count = 0;
	int failed;

	for (;;) {
		text += strspn(text, blanks);
		if (text == end)
			return count;
		while (text < end && strchr(blanks, *text) == NULL) {
			if (strchr("'\"\\", *text) != NULL)
				failed = unquote(expansion, &text, end);
			else
				failed = expand_next(expansion, &text, end, 0);
			if (failed)
				return -1;
		}
		putc('\0', expansion->out);
		count++;
	}
}

/* COUNT words, SIZE bytes at TEXT, behind pointers to them. */
static char **
pack_words(const char *text, size_t size, size_t count)
{
	size_t head = (count + 1) * sizeof(char *), i;
	char **words = malloc(head + size);
	char *word;

	if (words == NULL)
		return NULL;
	word = (char *)words + head;
	memcpy(word, text, size);
	for (i = 0; i < count; i++) {
		words[i] = word;
		word += strlen(word) + 1;
	}
	words[count] = NULL;
	return words;
}

char **
flow_expand_words(const char *text, const struct flow_values *values,
		  struct flow_error *error)
{
	struct expansion expansion = { .values = values, .error = error };
	char *packed = NULL, **words = NULL;
	size_t size = 0;
	ssize_t count;

	expansion.out = open_memstream(&packed, &size);
	if (expansion.out == NULL) {
		out_of_memory(error);
		return NULL;
	}
	count = write_words(&expansion, text);
	if ((ferror(expansion.out) | fclose(expansion.out)) != 0 &&
	    count >= 0) {
		out_of_memory(error);
	} else if (count >= 0) {
		words = pack_words(packed, size, (size_t)count);
		if (words == NULL)
			out_of_memory(error);
	}
	free(packed);
	return words;
}
