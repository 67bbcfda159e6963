/* SPDX-License-Identifier: GPL-3.0-or-later */
/* addr: addresses taken apart (pure; nothing is opened). */
#include "config.h"

#include <ctype.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "addr.h"
#include "near.h"

static const char *const schemes[FLOW_ADDR_KINDS] = {
	[FLOW_ADDR_STDIO] = "-",
	[FLOW_ADDR_FD] = "fd",
	[FLOW_ADDR_FILE] = "file",
	[FLOW_ADDR_APPEND] = "file+",
	[FLOW_ADDR_FIFO] = "fifo",
	[FLOW_ADDR_SHM] = "shm",
	[FLOW_ADDR_MQ] = "mq",
	[FLOW_ADDR_UNIX] = "unix",
	[FLOW_ADDR_UNIX_LISTEN] = "unix-listen",
	[FLOW_ADDR_TCP] = "tcp",
	[FLOW_ADDR_TCP_LISTEN] = "tcp-listen",
	[FLOW_ADDR_TLS] = "tls",
	[FLOW_ADDR_TLS_LISTEN] = "tls-listen",
	[FLOW_ADDR_UDP] = "udp",
	[FLOW_ADDR_EXEC] = "exec",
	[FLOW_ADDR_URL] = "URL",
};

const char *
flow_addr_scheme(enum flow_addr_kind kind)
{
	return schemes[kind];
}

void
flow_addr_clear(struct flow_addr *addr)
{
	free(addr->host);
	free(addr->port);
	*addr = (struct flow_addr){ .fd = -1 };
}

static int
refuse(struct flow_error *error, const char *text, const char *wanted)
{
	return flow_error_set(error, EX_USAGE, "address %s: wanted %s", text,
			      wanted);
}

/* Reads a decimal number up to MOST; -1 when TEXT is none. */
static long
number(const char *text, long most)
{
	long value = 0;

	if (!*text)
		return -1;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return -1;
		value = value * 10 + (*text - '0');
		if (value > most)
			return -1;
	}
	return value;
}

/* The kernel's names: a slash, then no other, and neither "." nor "..". */
static int
check_name(const char *text, const char *name, const char *scheme,
	   struct flow_error *error)
{
	if (name[0] != '/' || !name[1])
		return flow_error_set(error, EX_USAGE,
				      "address %s: wanted %s:/NAME", text,
				      scheme);
	if (strchr(name + 1, '/') || !strcmp(name, "/.") ||
	    !strcmp(name, "/.."))
		return flow_error_set(
			error, EX_USAGE,
			"address %s: a name has one slash, at its beginning",
			text);
	if (strlen(name + 1) > NAME_MAX)
		return flow_error_set(error, EX_USAGE,
				      "address %s: a name has at most %d bytes",
				      text, NAME_MAX);
	return 0;
}

/* A number, or the name of a service, as in services(5). */
static bool
is_port(const char *text)
{
	bool letter = false;

	if (*text >= '0' && *text <= '9' && number(text, 65535) >= 0)
		return true;
	for (const char *c = text; *c; c++) {
		if (isalpha((unsigned char)*c))
			letter = true;
		else if (!isdigit((unsigned char)*c) && *c != '-')
			return false;
	}
	return letter;
}

/* HOST:PORT, [HOST]:PORT, and for those who listen [HOST:]PORT. */
static int
split_host(const char *text, struct flow_addr *addr, bool listens,
	   struct flow_error *error)
{
	const char *rest = addr->rest, *end = strrchr(rest, ':'), *port;
	const char *wanted = listens ? "[HOST:]PORT" : "HOST:PORT";
	size_t host = 0;

	if (*rest == '[') {
		end = strchr(rest, ']');
		rest++;
		if (!end || end == rest || end[1] != ':')
			goto wrong;
		host = (size_t)(end - rest);
		port = end + 2;
	} else if (end) {
		host = (size_t)(end - rest);
		port = end + 1;
		/* ::1:80 may be read in two ways */
		if (!host || memchr(rest, ':', host))
			goto wrong;
	} else {
		if (!listens)
			goto wrong;
		port = rest;
	}
	if (!is_port(port))
		goto wrong;
	addr->port = strdup(port);
	addr->host = host ? strndup(rest, host) : NULL;
	if (!addr->port || (host && !addr->host))
		flow_error_no_memory();
	return 0;

wrong:
	return flow_error_set(
		error, EX_USAGE,
		"address %s: wanted %s:%s, an IPv6 address in brackets", text,
		schemes[addr->kind], wanted);
}

static int
check_rest(const char *text, struct flow_addr *addr, struct flow_error *error)
{
	switch (addr->kind) {
	case FLOW_ADDR_FD:
		addr->fd = (int)number(addr->rest, INT_MAX);
		if (addr->fd < 0)
			return refuse(error, text,
				      "fd:N, the number of a descriptor");
		return 0;
	case FLOW_ADDR_SHM:
	case FLOW_ADDR_MQ:
		return check_name(text, addr->rest, schemes[addr->kind], error);
	case FLOW_ADDR_TCP:
	case FLOW_ADDR_TLS:
	case FLOW_ADDR_UDP:
		return split_host(text, addr, false, error);
	case FLOW_ADDR_TCP_LISTEN:
	case FLOW_ADDR_TLS_LISTEN:
		return split_host(text, addr, true, error);
	case FLOW_ADDR_FILE:
	case FLOW_ADDR_APPEND:
	case FLOW_ADDR_FIFO:
	case FLOW_ADDR_UNIX:
	case FLOW_ADDR_UNIX_LISTEN:
		if (!*addr->rest)
			return refuse(error, text, "a path");
		return 0;
	case FLOW_ADDR_EXEC:
		if (!*addr->rest)
			return refuse(error, text, "exec:COMMAND");
		return 0;
	case FLOW_ADDR_STDIO:
	case FLOW_ADDR_URL:
	case FLOW_ADDR_KINDS:
		break;
	}
	return 0;
}

/* The bytes of "[a-z][a-z0-9+-]*" before a colon; 0 when there is no scheme. */
static size_t
scheme_length(const char *text)
{
	size_t length = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789+-");

	return text[length] == ':' && islower((unsigned char)*text) ? length
								    : 0;
}

static int
no_such_scheme(const char *text, size_t length, struct flow_error *error)
{
	char word[32];
	const char *meant;

	if (length >= sizeof(word))
		length = sizeof(word) - 1;
	memcpy(word, text, length);
	word[length] = '\0';
	meant = flow_near(word, schemes, FLOW_ADDR_URL);
	if (meant)
		return flow_error_set(
			error, EX_USAGE,
			"address %s: there is no `%s:'; did you mean `%s:'?",
			text, word, meant);
	return flow_error_set(error, EX_USAGE, "address %s: there is no `%s:'",
			      text, word);
}

int
flow_addr_parse(const char *text, enum flow_addr_kind bare,
		struct flow_addr *addr, struct flow_error *error)
{
	size_t length = scheme_length(text);

	*addr = (struct flow_addr){ .fd = -1, .rest = text };
	if (!strcmp(text, "-")) {
		addr->kind = FLOW_ADDR_STDIO;
		return 0;
	}
	if (length && !strncmp(text + length, "://", 3)) {
		addr->kind = FLOW_ADDR_URL;
		return text[length + 3] ? 0
					: refuse(error, text, "a whole URL");
	}
	for (int kind = FLOW_ADDR_FD; length && kind < FLOW_ADDR_URL; kind++)
		if (strlen(schemes[kind]) == length &&
		    !strncmp(schemes[kind], text, length)) {
			addr->kind = kind;
			addr->rest = text + length + 1;
			if (!check_rest(text, addr, error))
				return 0;
			flow_addr_clear(addr);
			return -1;
		}
	if (bare == FLOW_ADDR_FILE || (bare != FLOW_ADDR_KINDS && !length)) {
		addr->kind = bare;
		return check_rest(text, addr, error);
	}
	if (length)
		return no_such_scheme(text, length, error);
	return refuse(error, text, "a scheme before it, such as file:");
}
