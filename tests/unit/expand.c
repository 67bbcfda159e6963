/* SPDX-License-Identifier: GPL-3.0-or-later */
/* expand: what is a reference, what is not, and where words end. */
#include "config.h"

#include <stdlib.h>

#include "expand.h"
#include "near.h"
#include "tap.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static char *defines[] = { "A=one", "B=two words", "A=last", "EMPTY=", NULL };
static char *args[] = { "a1", "a 2", "a3", "a4", "a5", "a6",
			"a7", "a8",  "a9", "aX", NULL };
static char *none[] = { NULL };

static const struct flow_values values = {
	.defines = defines,
	.commands = none,
	.args = args,
	.program = "test",
};

static void
check_text(void)
{
	static const struct {
		const char *text, *wanted;
	} cases[] = {
		{ "", "" },
		{ "plain", "plain" },
		{ "$1/$3", "a1/a3" },
		{ "$10", "a10" },
		{ "${10}", "aX" },
		{ "${1}0", "a10" },
		{ "${A}", "last" },
		{ "${FROM_ENVIRONMENT}", "here" },
		{ "${EMPTY}", "" },
		{ "${EMPTY:-x}", "x" },
		{ "${NONE:-x}", "x" },
		{ "${NONE:-}", "" },
		{ "${99:-x y}", "x y" },
		{ "${NONE:-${A}-$1}", "last-a1" },
		{ "${NONE:-${NONE:-${B}}}!", "two words!" },
		{ "${A:-${NONE}}", "last" },
		{ "$", "$" },
		{ "$$", "$$" },
		{ "$A $0 $@ $(x) ${} ${0} ${A-x} ${A", "$A $0 $@ $(x) ${} "
						       "${0} ${A-x} ${A" },
		{ "${A:-", "${A:-" },
		{ "${A:-${B}", "${A:-two words" },
		{ "'$1'", "'a1'" },
	};
	struct flow_error error = { 0 };
	char *got;
	size_t i;

	for (i = 0; i < COUNT(cases); i++) {
		char name[32];

		got = flow_expand_text(cases[i].text, &values, &error);
		snprintf(name, sizeof name, "text, case %zu", i);
		if (!ok_text(got, cases[i].wanted, name))
			tap_note("%s", cases[i].text);
		free(got);
	}
}

static void
check_refusals(void)
{
	static const struct {
		const char *text;
		int status;
		const char *says;
	} cases[] = {
		{ "${NONE}", 65, "`${NONE}` is not set" },
		{ "${11}", 64, "argument `$11` is not given" },
		{ "${99999999999999999999999}", 64, "is not given" },
		{ "${NONE:-${NONE}}", 65, "`${NONE}` is not set" },
		{ "${N:-${N:-${N:-${N:-${N:-${N:-${N:-${N:-${N:-${N:-x}}}}}}}"
		  "}}}",
		  65, "nested" },
	};
	struct flow_error error = { 0 };
	size_t i;

	for (i = 0; i < COUNT(cases); i++) {
		ok(flow_expand_text(cases[i].text, &values, &error) == NULL &&
			   error.status == cases[i].status &&
			   strstr(error.text, cases[i].says) != NULL,
		   "refused: case %zu", i);
		flow_error_clear(&error);
	}
}

static void
check_words(void)
{
	/* Words are shown in brackets. */
	static const struct {
		const char *text, *wanted;
		bool literal;
	} cases[] = {
		{ "", "", false },
		{ "  \t\n ", "", false },
		{ "A=1 B='x y'", "[A=1][B=x y]", false },
		{ "bash -o pipefail -c", "[bash][-o][pipefail][-c]", true },
		{ "'' \"\"", "[][]", false },
		{ "a\"b c\"d'e f'", "[ab cde f]", false },
		{ "\\ x \\\"", "[ x][\"]", false },
		{ "\"\\$1 \\x \\\\ \\\"\"", "[$1 \\x \\ \"]", false },
		{ "X=${B}", "[X=two words]", false },
		{ "X=\"$2 ${B}\"", "[X=a 2 two words]", false },
		{ "X='$1'", "[X=$1]", false },
		{ "X=\\$1", "[X=$1]", false },
		{ "X=${NONE:-p q} r", "[X=p q][r]", false },
		{ "$1 ${A}", "[$1][${A}]", true },
	};
	struct flow_error error = { 0 };
	char got[256], name[32], **words;
	size_t i, j, used;

	for (i = 0; i < COUNT(cases); i++) {
		words = flow_expand_words(cases[i].text,
					  cases[i].literal ? NULL : &values,
					  &error);
		got[0] = '\0';
		for (j = used = 0; words != NULL && words[j] != NULL; j++)
			used += (size_t)snprintf(got + used, sizeof got - used,
						 "[%s]", words[j]);
		snprintf(name, sizeof name, "words, case %zu", i);
		ok_text(got, cases[i].wanted, name);
		free(words);
	}
	words = flow_expand_words("A='x", &values, &error);
	ok(words == NULL && error.status == 65, "a quote that is not closed");
	words = flow_expand_words("A=\\", &values, &error);
	ok(words == NULL && error.status == 65, "a backslash at the end");
	flow_error_clear(&error);
}

static void
check_near(void)
{
	static const char *const words[] = { "sort", "uniq",  NULL,
					     "x",    "merge", "record" };

	ok_text(flow_near("srot", words, COUNT(words)), "sort", "two swapped");
	ok_text(flow_near("unik", words, COUNT(words)), "uniq", "one other");
	ok_text(flow_near("mergee", words, COUNT(words)), "merge", "one more");
	ok_text(flow_near("recrd", words, COUNT(words)), "record", "one less");
	ok_text(flow_near("sort", words, COUNT(words)), NULL, "not itself");
	ok_text(flow_near("y", words, COUNT(words)), NULL, "too short");
	ok_text(flow_near("something", words, COUNT(words)), NULL, "too far");
	ok_text(flow_near("", words, COUNT(words)), NULL, "no word");
}

int
main(void)
{
	setenv("FROM_ENVIRONMENT", "here", 1);
	setenv("A", "hidden by -D", 1);
	unsetenv("NONE");
	unsetenv("N");
	check_text();
	check_refusals();
	check_words();
	check_near();
	return tap_done();
}
