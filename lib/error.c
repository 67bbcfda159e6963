/* SPDX-License-Identifier: GPL-3.0-or-later */
/* error: failures and diagnostics as values. */
#include "config.h"

#include "error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

/* What an error says when there is no memory to say anything else; never freed. */
static char out_of_memory[] = "out of memory";

void
flow_error_clear(struct flow_error *error)
{
	if (error->text != out_of_memory)
		free(error->text);
	error->text = NULL;
	error->status = 0;
}

int
flow_error_set(struct flow_error *error, int status, const char *format, ...)
{
	va_list arguments;
	char *text;

	va_start(arguments, format);
	if (vasprintf(&text, format, arguments) < 0)
		text = NULL;
	va_end(arguments);
	/* Only now: an argument may be the old text. */
	flow_error_clear(error);
	error->status = text ? status : EX_OSERR;
	error->text = text ? text : out_of_memory;
	return -1;
}

int
flow_error_status_read(int errnum)
{
	switch (errnum) {
	case EISDIR:
	case ENOENT:
	case ENOTDIR:
		return EX_NOINPUT;
	case EACCES:
	case EPERM:
		return EX_NOPERM;
	default:
		return EX_OSERR;
	}
}

int
flow_error_status_create(int errnum)
{
	switch (errnum) {
	case EACCES:
	case EPERM:
		return EX_NOPERM;
	default:
		return EX_CANTCREAT;
	}
}

void
flow_error_no_memory(void)
{
	fprintf(stderr, "%s: out of memory\n", program_invocation_short_name);
	_exit(EX_OSERR);
}

/*
 * Names in a graph may hold anything. A message is one line, and what it
 * quotes must not drive the terminal.
 */
void
flow_error_printable(char *text)
{
	for (unsigned char *byte = (unsigned char *)text; *byte; byte++)
		if (*byte == '\n' || *byte == '\t')
			*byte = ' ';
		else if (*byte < ' ' || *byte == 0x7f)
			*byte = '?';
}

void
flow_messages_add(struct flow_messages *messages, int status, unsigned line,
		  const char *format, ...)
{
	struct flow_message *message;
	size_t count = messages->count;
	va_list arguments;

	/*
	 * Grows at each power of two, so that no capacity need be kept: the
	 * room is at least the next power, also after a sort dropped some.
	 */
	if (!(count & (count - 1))) {
		messages->list =
			reallocarray(messages->list, count ? 2 * count : 1,
				     sizeof(*messages->list));
		if (!messages->list)
			flow_error_no_memory();
	}
	message = &messages->list[count];
	message->status = status;
	message->line = line;
	message->order = count;
	message->source = messages->at;
	va_start(arguments, format);
	if (vasprintf(&message->text, format, arguments) < 0)
		flow_error_no_memory();
	va_end(arguments);
	flow_error_printable(message->text);
	messages->count++;
	if (status)
		messages->errors++;
}

static int
compare_numbers(unsigned a, unsigned b)
{
	return (a > b) - (a < b);
}

/* The list's own, which is NULL, comes first. */
static int
compare_places(const struct flow_message *a, const struct flow_message *b)
{
	int source = a->source && b->source ? strcmp(a->source, b->source)
					    : !!a->source - !!b->source;

	return source ? source : compare_numbers(a->line, b->line);
}

static int
by_line_and_order(const void *left, const void *right)
{
	const struct flow_message *a = left, *b = right;
	int line = compare_places(a, b);

	return line ? line : compare_numbers(a->order, b->order);
}

static int
by_content(const void *left, const void *right)
{
	const struct flow_message *a = left, *b = right;
	int line = compare_places(a, b);
	int text = line ? line : strcmp(a->text, b->text);

	return text ? text : (a->status > b->status) - (a->status < b->status);
}

static int
by_content_and_order(const void *left, const void *right)
{
	const struct flow_message *a = left, *b = right;
	int content = by_content(a, b);

	return content ? content : compare_numbers(a->order, b->order);
}

void
flow_messages_sort(struct flow_messages *messages)
{
	struct flow_message *list = messages->list;
	size_t kept = 0;

	if (!messages->count)
		return;
	qsort(list, messages->count, sizeof(*list), by_content_and_order);
	for (size_t i = 0; i < messages->count; i++) {
		if (kept && !by_content(&list[kept - 1], &list[i])) {
			if (list[i].status)
				messages->errors--;
			free(list[i].text);
		} else {
			list[kept++] = list[i];
		}
	}
	qsort(list, kept, sizeof(*list), by_line_and_order);
	messages->count = kept;
}

int
flow_messages_status(const struct flow_messages *messages)
{
	for (size_t i = 0; i < messages->count; i++)
		if (messages->list[i].status)
			return messages->list[i].status;
	return 0;
}

void
flow_messages_clear(struct flow_messages *messages)
{
	for (size_t i = 0; i < messages->count; i++)
		free(messages->list[i].text);
	free(messages->list);
	messages->list = NULL;
	messages->count = 0;
	messages->errors = 0;
}
