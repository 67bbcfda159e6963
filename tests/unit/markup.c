/* SPDX-License-Identifier: GPL-3.0-or-later */
/* markup: any bytes become text that XML, HTML and DOT take for text. */
#include "config.h"

#include <stdlib.h>

#include "markup.h"
#include "tap.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* What flow_markup_text (MOST 0) or flow_markup_label writes; owned. */
static char *
written(const char *text, size_t most)
{
	char *result = NULL;
	size_t length;
	FILE *out = open_memstream(&result, &length);

	if (!out)
		abort();
	if (most)
		flow_markup_label(out, text, most);
	else
		flow_markup_text(out, text);
	fclose(out);
	return result;
}

static void
check(const char *text, size_t most, const char *wanted, const char *name)
{
	char *got = written(text, most);

	ok_text(got, wanted, name);
	free(got);
}

static void
check_bytes(void)
{
	static const struct {
		const char *text, *wanted, *name;
	} cases[] = {
		{ "", "", "nothing" },
		{ "<a href=\"x\">&'", "&lt;a href=&quot;x&quot;&gt;&amp;&#39;",
		  "what markup is made of" },
		{ "a\tb\nc", "a&#9;b&#10;c", "tab and newline are kept" },
		{ "\x01\x1f\x7f\r", "\u2401\u241f\u2421\u240d",
		  "control characters are shown" },
		{ "\u00e9\u20ac\U0001f600", "\u00e9\u20ac\U0001f600",
		  "two, three and four bytes" },
		{ "\xff\xfe", "\ufffd\ufffd", "bytes of no character" },
		{ "\xc3", "\ufffd", "a character cut at the end" },
		{ "\xe2\x82", "\ufffd\ufffd", "and after two of three" },
		{ "\xe2\x82x", "\ufffd\ufffdx", "and before another" },
		{ "\xc0\x80", "\ufffd\ufffd", "an overlong NUL" },
		{ "\xe0\x80\xaf", "\ufffd\ufffd\ufffd", "an overlong slash" },
		{ "\xed\xa0\x80", "\ufffd\ufffd\ufffd", "a surrogate" },
		{ "\xf4\x90\x80\x80", "\ufffd\ufffd\ufffd\ufffd",
		  "more than Unicode has" },
		{ "\xef\xbf\xbf", "\ufffd\ufffd\ufffd",
		  "a code that XML forbids" },
		{ "&lt;", "&amp;lt;", "what looks escaped is escaped" },
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		check(cases[i].text, 0, cases[i].wanted, cases[i].name);
}

static void
check_labels(void)
{
	static const struct {
		const char *text;
		size_t most;
		const char *wanted, *name;
	} cases[] = {
		{ "", 5, "", "label: nothing" },
		{ " a\n\t b  ", 9, "a b", "label: blanks are one, or none" },
		{ "abcde", 5, "abcde", "label: as long as it may be" },
		{ "abcdef", 5, "abcd\u2026", "label: one more is cut" },
		{ "abcd   ", 4, "abcd",
		  "label: blanks at the end do not count" },
		{ "\u00e9\u00e9\u00e9\u00e9", 3, "\u00e9\u00e9\u2026",
		  "label: characters are counted, not bytes" },
		{ "\\N\\", 9, "\\\\N\\\\", "label: no escapes of DOT" },
		{ "&lt; &#60; &x", 30, "&amp;\u2060lt; &amp;\u2060#60; &amp;x",
		  "label: Graphviz finds no entity to decode" },
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		check(cases[i].text, cases[i].most, cases[i].wanted,
		      cases[i].name);
}

int
main(void)
{
	check_bytes();
	check_labels();
	return tap_done();
}
