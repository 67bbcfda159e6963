/* SPDX-License-Identifier: GPL-3.0-or-later */
/* markup: any bytes as text of XML, of HTML, or of a label of DOT. */
#include "config.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>

#include "markup.h"

enum {
	REPLACEMENT = 0xFFFD,
	CONTROL_PICTURES = 0x2400, /* 32 of them, then a blank, then DEL's */
	WORD_JOINER = 0x2060, /* has no width and breaks no line */
	ELLIPSIS = 0x2026,
};

/* Is CODE a character of XML 1.0, given that it is one of UTF-8's form? */
static bool
is_character(uint32_t code)
{
	return code <= 0x10FFFF && (code < 0xD800 || code > 0xDFFF) &&
	       code != 0xFFFE && code != 0xFFFF;
}

/* The character that TEXT begins with; returns what follows it. */
static const char *
take(const char *text, uint32_t *code)
{
	static const uint32_t least[] = { 0, 0x80, 0x800, 0x10000 };
	unsigned char first = (unsigned char)*text;
	int more = first < 0x80 ? 0 : first < 0xE0 ? 1 : first < 0xF0 ? 2 : 3;

	*code = REPLACEMENT;
	if (first >= 0x80 && (first < 0xC2 || first > 0xF4))
		return text + 1;
	*code = more == 0 ? first : first & (0x3Fu >> more);
	for (int i = 1; i <= more; i++) {
		if (((unsigned char)text[i] & 0xC0) != 0x80) {
			*code = REPLACEMENT;
			return text + 1;
		}
		*code = *code << 6 | ((unsigned char)text[i] & 0x3Fu);
	}
	if (*code < least[more] || !is_character(*code)) {
		*code = REPLACEMENT;
		return text + 1;
	}
	return text + 1 + more;
}

static void
put_utf8(FILE *out, uint32_t code)
{
	if (code < 0x80) {
		putc((int)code, out);
	} else if (code < 0x800) {
		putc((int)(0xC0 | code >> 6), out);
		putc((int)(0x80 | (code & 0x3F)), out);
	} else if (code < 0x10000) {
		putc((int)(0xE0 | code >> 12), out);
		putc((int)(0x80 | (code >> 6 & 0x3F)), out);
		putc((int)(0x80 | (code & 0x3F)), out);
	} else {
		putc((int)(0xF0 | code >> 18), out);
		putc((int)(0x80 | (code >> 12 & 0x3F)), out);
		putc((int)(0x80 | (code >> 6 & 0x3F)), out);
		putc((int)(0x80 | (code & 0x3F)), out);
	}
}

static void
put(FILE *out, uint32_t code)
{
	switch (code) {
	case '&':
		fputs("&amp;", out);
		break;
	case '<':
		fputs("&lt;", out);
		break;
	case '>':
		fputs("&gt;", out);
		break;
	case '"':
		fputs("&quot;", out);
		break;
	case '\'':
		fputs("&#39;", out);
		break;
	case '\n':
	case '\t':
		fprintf(out, "&#%u;", code);
		break;
	case 0x7F:
		put_utf8(out, CONTROL_PICTURES + 0x21);
		break;
	default:
		put_utf8(out, code < ' ' ? CONTROL_PICTURES + code : code);
	}
}

void
flow_markup_text(FILE *out, const char *text)
{
	uint32_t code;

	while (*text) {
		text = take(text, &code);
		put(out, code);
	}
}

/* Would TEXT, behind an ampersand, be read as an entity? */
static bool
is_entity(const char *text)
{
	if (*text == '#')
		text++;
	while (isalnum((unsigned char)*text))
		text++;
	return *text == ';';
}

static const char *
skip_blanks(const char *text)
{
	while (*text == ' ' || *text == '\n' || *text == '\t')
		text++;
	return text;
}

void
flow_markup_label(FILE *out, const char *text, size_t most)
{
	uint32_t code;
	size_t count = 0;

	for (text = skip_blanks(text); *text; count++) {
		const char *rest = skip_blanks(text);

		if (rest != text && !*rest)
			return;
		if (count + 1 >= most && *skip_blanks(take(text, &code))) {
			put_utf8(out, ELLIPSIS);
			return;
		}
		if (rest != text) {
			putc(' ', out);
			text = rest;
			continue;
		}
		text = take(text, &code);
		put(out, code);
		if (code == '\\') /* Graphviz would read \N and its like */
			putc('\\', out);
		if (code == '&' && is_entity(text)) /* it decodes twice */
			put_utf8(out, WORD_JOINER);
	}
}
