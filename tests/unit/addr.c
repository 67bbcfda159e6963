/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "addr.h"

#include "tap.h"

static struct flow_error error;
static struct flow_addr addr;

/* TEXT is an address of KIND. */
static void
is(const char *text, enum flow_addr_kind kind, const char *rest,
   const char *host, const char *port)
{
	int result = flow_addr_parse(text, FLOW_ADDR_SHM, &addr, &error);

	ok(result == 0 && addr.kind == kind, "%s is an address of %s", text,
	   flow_addr_scheme(kind));
	if (result)
		tap_note("%s", error.text);
	if (rest)
		ok_text(addr.rest, rest, "what follows the scheme");
	if (port) {
		ok_text(addr.host, host, "its host");
		ok_text(addr.port, port, "its port");
	}
	flow_addr_clear(&addr);
}

static void
is_not(const char *text, enum flow_addr_kind bare, const char *why)
{
	int result = flow_addr_parse(text, bare, &addr, &error);

	ok(result < 0 && error.status == 64, "`%s' is refused with 64", text);
	if (result < 0)
		ok_text(error.text, why, "and it is said why");
}

int
main(void)
{
	char name[300];

	is("-", FLOW_ADDR_STDIO, NULL, NULL, NULL);
	is("fd:17", FLOW_ADDR_FD, "17", NULL, NULL);
	is("file:a b", FLOW_ADDR_FILE, "a b", NULL, NULL);
	is("file:/x:y", FLOW_ADDR_FILE, "/x:y", NULL, NULL);
	is("file+:log", FLOW_ADDR_APPEND, "log", NULL, NULL);
	is("fifo:p", FLOW_ADDR_FIFO, "p", NULL, NULL);
	is("shm:/r", FLOW_ADDR_SHM, "/r", NULL, NULL);
	is("/r", FLOW_ADDR_SHM, "/r", NULL, NULL);
	is("/r:1", FLOW_ADDR_SHM, "/r:1", NULL, NULL);
	is("mq:/q", FLOW_ADDR_MQ, "/q", NULL, NULL);
	is("unix:@x", FLOW_ADDR_UNIX, "@x", NULL, NULL);
	is("unix-listen:s", FLOW_ADDR_UNIX_LISTEN, "s", NULL, NULL);
	is("tcp:example.org:80", FLOW_ADDR_TCP, NULL, "example.org", "80");
	is("tcp:[::1]:http", FLOW_ADDR_TCP, NULL, "::1", "http");
	is("tcp-listen:0", FLOW_ADDR_TCP_LISTEN, NULL, NULL, "0");
	is("tcp-listen:localhost:65535", FLOW_ADDR_TCP_LISTEN, NULL,
	   "localhost", "65535");
	is("tls:h:1", FLOW_ADDR_TLS, NULL, "h", "1");
	is("tls-listen:[::]:1", FLOW_ADDR_TLS_LISTEN, NULL, "::", "1");
	is("udp:h:1", FLOW_ADDR_UDP, NULL, "h", "1");
	is("exec:a:b c", FLOW_ADDR_EXEC, "a:b c", NULL, NULL);
	is("redis://h/0", FLOW_ADDR_URL, "redis://h/0", NULL, NULL);
	ok(!flow_addr_parse("a:b/c", FLOW_ADDR_FILE, &addr, &error) &&
		   addr.kind == FLOW_ADDR_FILE,
	   "where a bare path is taken a colon may stand in it");

	is_not("", FLOW_ADDR_SHM, "address : wanted shm:/NAME");
	is_not("r", FLOW_ADDR_SHM, "address r: wanted shm:/NAME");
	is_not("/", FLOW_ADDR_SHM, "address /: wanted shm:/NAME");
	is_not("/a/b", FLOW_ADDR_SHM,
	       "address /a/b: a name has one slash, at its beginning");
	is_not("shm:/..", FLOW_ADDR_SHM,
	       "address shm:/..: a name has one slash, at its beginning");
	is_not("fd:", FLOW_ADDR_SHM,
	       "address fd:: wanted fd:N, the number of a descriptor");
	is_not("fd:-1", FLOW_ADDR_SHM,
	       "address fd:-1: wanted fd:N, the number of a descriptor");
	is_not("fd:99999999999999999999", FLOW_ADDR_SHM,
	       "address fd:99999999999999999999: wanted fd:N, the number of a "
	       "descriptor");
	is_not("file:", FLOW_ADDR_SHM, "address file:: wanted a path");
	is_not("exec:", FLOW_ADDR_SHM, "address exec:: wanted exec:COMMAND");
	is_not("redis://", FLOW_ADDR_SHM,
	       "address redis://: wanted a whole URL");
	is_not("sjm:/r", FLOW_ADDR_SHM,
	       "address sjm:/r: there is no `sjm:'; did you mean `shm:'?");
	is_not("nonsense:/r", FLOW_ADDR_SHM,
	       "address nonsense:/r: there is no `nonsense:'");
	is_not("plain", FLOW_ADDR_KINDS,
	       "address plain: wanted a scheme before it, such as file:");
	is_not("tcp:host", FLOW_ADDR_SHM,
	       "address tcp:host: wanted tcp:HOST:PORT, an IPv6 address in "
	       "brackets");
	is_not("tcp::80", FLOW_ADDR_SHM,
	       "address tcp::80: wanted tcp:HOST:PORT, an IPv6 address in "
	       "brackets");
	is_not("tcp:::1:80", FLOW_ADDR_SHM,
	       "address tcp:::1:80: wanted tcp:HOST:PORT, an IPv6 address in "
	       "brackets");
	is_not("tcp:[::1]80", FLOW_ADDR_SHM,
	       "address tcp:[::1]80: wanted tcp:HOST:PORT, an IPv6 address in "
	       "brackets");
	is_not("tcp-listen:70000", FLOW_ADDR_SHM,
	       "address tcp-listen:70000: wanted tcp-listen:[HOST:]PORT, an "
	       "IPv6 address in brackets");
	memset(name, 'n', sizeof(name));
	name[0] = '/';
	name[256] = '\0';
	ok(!flow_addr_parse(name, FLOW_ADDR_SHM, &addr, &error),
	   "a name may have 255 bytes");
	name[256] = 'n';
	name[257] = '\0';
	ok(flow_addr_parse(name, FLOW_ADDR_SHM, &addr, &error) < 0,
	   "but no more");
	flow_error_clear(&error);
	return tap_done();
}
