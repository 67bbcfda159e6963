/* SPDX-License-Identifier: GPL-3.0-or-later */
/* addr: the one notation for what a stream, a queue or a memory object is. */
#ifndef FLOW_ADDR_H
#define FLOW_ADDR_H

#include <stddef.h>

#include "error.h"

enum flow_addr_kind {
	FLOW_ADDR_STDIO, /* - */
	FLOW_ADDR_FD, /* fd:N */
	FLOW_ADDR_FILE, /* file:PATH */
	FLOW_ADDR_APPEND, /* file+:PATH */
	FLOW_ADDR_FIFO, /* fifo:PATH */
	FLOW_ADDR_SHM, /* shm:/NAME */
	FLOW_ADDR_MQ, /* mq:/NAME */
	FLOW_ADDR_UNIX, /* unix:PATH */
	FLOW_ADDR_UNIX_LISTEN, /* unix-listen:PATH */
	FLOW_ADDR_TCP, /* tcp:HOST:PORT */
	FLOW_ADDR_TCP_LISTEN, /* tcp-listen:[HOST:]PORT */
	FLOW_ADDR_TLS, /* tls:HOST:PORT */
	FLOW_ADDR_TLS_LISTEN, /* tls-listen:[HOST:]PORT */
	FLOW_ADDR_UDP, /* udp:HOST:PORT */
	FLOW_ADDR_EXEC, /* exec:COMMAND */
	FLOW_ADDR_URL, /* SCHEME://REST */
	FLOW_ADDR_KINDS
};

/* One address, taken apart. What does not belong to its kind is NULL or -1. */
struct flow_addr {
	enum flow_addr_kind kind;
	int fd; /* FD: the number, from 0 */
	const char *
		rest; /* what follows the scheme: a path, a name with its slash, a
	command; the whole of a URL; borrowed from the text parsed */
	char *host; /* owned; without the brackets of [::1]; NULL: any (listen) */
	char *port; /* owned; a number from 0 to 65535 or a service's name */
};

/*
 * Takes TEXT, which must outlive ADDR, apart. A bare `/name` is of kind BARE
 * (FLOW_ADDR_SHM, FLOW_ADDR_MQ; FLOW_ADDR_FILE takes any bare path);
 * FLOW_ADDR_KINDS: a scheme is wanted. 0, or -1 with ERROR filled (64).
 */
int flow_addr_parse(const char *text, enum flow_addr_kind bare,
		    struct flow_addr *addr, struct flow_error *error);
void flow_addr_clear(struct flow_addr *addr);

/* "shm", "tcp-listen"; "-" and "URL" for the two without a scheme. */
const char *flow_addr_scheme(enum flow_addr_kind kind);

#endif
