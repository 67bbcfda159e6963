/* SPDX-License-Identifier: GPL-3.0-or-later */
/* visit: asks graphs that run about themselves. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "door.h"
#include "io.h"
#include "procfs.h"
#include "task.h"
#include "visit.h"

/* So long an answer is waited for: a guardian that is stopped gives none. */
#define PATIENCE FLOW_SECOND

/* A door as it is listed by the kernel. */
struct door {
	struct sockaddr_un name;
	socklen_t length;
	unsigned long owner; /* as the name says */
	char id[32];
	bool gone; /* nobody is there any more */
};

/* "@ipcflow-1000-4711" or "@ipcflow-1000-4711-2". */
static bool
parse_door(const char *text, struct door *door)
{
	size_t length = strlen(text);
	char *end;

	if (strncmp(text, "@" FLOW_DOOR_PREFIX, 1 + strlen(FLOW_DOOR_PREFIX)) ||
	    length >= sizeof(door->name.sun_path))
		return false;
	*door = (struct door){ .name.sun_family = AF_UNIX };
	memcpy(door->name.sun_path + 1, text + 1, length - 1);
	door->length =
		(socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
	text += 1 + strlen(FLOW_DOOR_PREFIX);
	door->owner = strtoul(text, &end, 10);
	if (end == text || *end != '-' ||
	    strspn(end + 1, "0123456789-") != strlen(end + 1) ||
	    strlen(end + 1) >= sizeof(door->id))
		return false;
	strcpy(door->id, end + 1);
	return true;
}

/* All doors that this user may knock at. Returns owned, *COUNT of them; NULL with errno. */
static struct door *
list_doors(size_t *count)
{
	FILE *list = fopen("/proc/net/unix", "re");
	struct door *doors = calloc(1, sizeof(*doors)), door;
	char *line = NULL, *at;
	size_t size = 0, room = 1;

	*count = 0;
	if (!list || !doors) {
		free(doors);
		if (list)
			fclose(list);
		return NULL;
	}
	while (getline(&line, &size, list) > 0) {
		at = strchr(line, '@');
		line[strcspn(line, "\n")] = '\0';
		if (!at || !parse_door(at, &door) ||
		    (geteuid() != 0 && door.owner != geteuid()))
			continue;
		if (*count == room) {
			room *= 2;
			doors = reallocarray(doors, room, sizeof(*doors));
			if (!doors)
				abort();
		}
		doors[(*count)++] = door;
	}
	free(line);
	fclose(list);
	return doors;
}

/* A socket that answers can be sent to, which tells whose they are; or -1. */
static int
open_ear(void)
{
	struct sockaddr_un any = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), on = 1;

	if (fd < 0)
		return -1;
	/* bound to no name, it gets one */
	if (bind(fd, (struct sockaddr *)&any, sizeof(sa_family_t)) == 0 &&
	    setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) == 0)
		return fd;
	close(fd);
	return -1;
}

/* Waits until DEADLINE for FD. */
static bool
await(int fd, short events, int64_t deadline)
{
	struct pollfd one = { .fd = fd, .events = events };
	int64_t left = deadline - flow_now();

	return left > 0 && poll(&one, 1, (int)(left / 1000000) + 1) == 1;
}

/* One answer, and from which of COUNT doors it is; false: it is none, or of an impostor. */
static bool
hear(int fd, const struct door *doors, size_t count, size_t *which,
     json_t **answer)
{
	static char text[FLOW_ANSWER_MOST];
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(struct ucred))];
	} control;
	struct sockaddr_un from = { .sun_family = AF_UNIX };
	struct iovec part = { text, sizeof(text) };
	struct msghdr message = {
		.msg_name = &from,
		.msg_namelen = sizeof(from),
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	ssize_t got = recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	struct cmsghdr *head = got < 0 ? NULL : CMSG_FIRSTHDR(&message);
	struct ucred who;

	if (!head || head->cmsg_level != SOL_SOCKET ||
	    head->cmsg_type != SCM_CREDENTIALS)
		return false;
	memcpy(&who, CMSG_DATA(head), sizeof(who));
	for (size_t i = 0; i < count; i++) {
		if (message.msg_namelen != doors[i].length ||
		    memcmp(&from, &doors[i].name, doors[i].length) != 0)
			continue;
		if (who.uid != doors[i].owner)
			return false;
		*which = i;
		*answer = json_loadb(text, (size_t)got, 0, NULL);
		return *answer != NULL;
	}
	return false;
}

/* Sends REQUEST; false when nobody is there any more, or its queue stays full. */
static bool
knock(int fd, const struct door *door, const struct flow_request *request,
      size_t length, int64_t deadline)
{
	do {
		if (sendto(fd, request, length, MSG_DONTWAIT | MSG_NOSIGNAL,
			   (const struct sockaddr *)&door->name,
			   door->length) >= 0)
			return true;
		if (errno != EAGAIN)
			return false;
		usleep(1000); /* POLLOUT would not tell of that queue */
	} while (flow_now() < deadline);
	return false;
}

/*
 * Asks COUNT doors at once about KIND of TEXT. ANSWERS[i] is what the i-th
 * said, owned, or NULL: nothing in time; doors[i].gone: nobody is there.
 */
static void
ask_all(struct door *doors, size_t count, enum flow_request_kind kind,
	const char *text, int signal, json_t **answers)
{
	struct flow_request request = { .magic = FLOW_REQUEST_MAGIC,
					.kind = kind,
					.signal = signal };
	size_t length = strnlen(text, sizeof(request.text)), left = 0, which;
	int64_t deadline = flow_now() + PATIENCE;
	int fd = open_ear();
	json_t *answer;

	memcpy(request.text, text, length);
	length += offsetof(struct flow_request, text);
	for (size_t i = 0; i < count; i++) {
		answers[i] = NULL;
		if (fd < 0)
			continue;
		if (knock(fd, &doors[i], &request, length, deadline))
			left++;
		else
			doors[i].gone = errno == ECONNREFUSED;
	}
	while (left > 0 && await(fd, POLLIN, deadline)) {
		if (!hear(fd, doors, count, &which, &answer))
			continue;
		if (answers[which])
			json_decref(answer);
		else
			left--;
		if (!answers[which])
			answers[which] = answer;
	}
	if (fd >= 0)
		close(fd);
}

/* What one DOOR says, or NULL. */
static json_t *
ask(struct door *door, enum flow_request_kind kind, const char *text,
    int signal)
{
	json_t *answer;

	ask_all(door, 1, kind, text, signal, &answer);
	return answer;
}

static const char *
get_text(const json_t *answer, const char *key)
{
	const char *text = json_string_value(json_object_get(answer, key));

	return text ? text : "?";
}

/* When a run began that began SECONDS ago. */
static void
format_since(double seconds, char *buffer, size_t size)
{
	time_t since = time(NULL) - (time_t)seconds;
	struct tm local;

	if (!localtime_r(&since, &local) ||
	    !strftime(buffer, size, "%Y-%m-%d %H:%M:%S", &local))
		snprintf(buffer, size, "?");
}

/* Text that a terminal may be given, from a run that may call itself anything. */
static void
print_text(FILE *out, const char *text)
{
	char *copy = strdup(text);

	if (!copy)
		abort();
	flow_error_printable(copy);
	fputs(copy, out);
	free(copy);
}

static void
print_run(FILE *out, const struct door *door, const json_t *answer)
{
	double seconds = json_number_value(json_object_get(answer, "seconds"));
	char since[32] = "?", nodes[48] = "?";

	if (answer) {
		format_since(seconds, since, sizeof(since));
		snprintf(nodes, sizeof(nodes),
			 "%" JSON_INTEGER_FORMAT "/%" JSON_INTEGER_FORMAT,
			 json_integer_value(json_object_get(answer, "running")),
			 json_integer_value(json_object_get(answer, "nodes")));
	}
	fprintf(out, "%-8s %-19s  %-9s %9s  ", door->id, since,
		answer ? get_text(answer, "state") : "silent", nodes);
	print_text(out, answer ? get_text(answer, "graph") : "?");
	putc('\n', out);
}

static json_t *
run_entry(const struct door *door, json_t *answer)
{
	json_t *entry = json_object();

	json_object_set_new(entry, "run", json_string(door->id));
	json_object_set_new(entry, "pid",
			    json_integer(strtol(door->id, NULL, 10)));
	json_object_set_new(entry, "uid",
			    json_integer((json_int_t)door->owner));
	if (answer)
		json_object_update(entry, answer);
	else
		json_object_set_new(entry, "state", json_string("silent"));
	return entry;
}

int
flow_visit_list(bool json, FILE *out, struct flow_error *error)
{
	size_t count;
	struct door *doors = list_doors(&count);
	json_t *list = json_array(), **answers;
	int found = 0;

	if (!doors)
		return flow_error_set(error, EX_OSERR,
				      "cannot read /proc/net/unix: %s",
				      strerror(errno));
	answers = calloc(count + 1, sizeof(json_t *));
	if (!answers)
		abort();
	ask_all(doors, count, FLOW_REQUEST_STATUS, "", 0, answers);
	for (size_t i = 0; i < count; i++) {
		json_t *answer = answers[i];

		if (doors[i].gone)
			continue;
		if (json) {
			json_array_append_new(list,
					      run_entry(&doors[i], answer));
		} else {
			if (!found)
				fprintf(out, "%-8s %-19s  %-9s %9s  %s\n",
					"RUN", "SINCE", "STATE", "NODES",
					"GRAPH");
			print_run(out, &doors[i], answer);
		}
		found++;
		json_decref(answer);
	}
	if (json) {
		json_dumpf(list, out, JSON_INDENT(1) | JSON_REAL_PRECISION(9));
		putc('\n', out);
	}
	json_decref(list);
	free(answers);
	free(doors);
	return found;
}

/* Is RUN what the one that gave ANSWER is called? */
static bool
is_meant(const char *run, const json_t *answer)
{
	const char *graph = get_text(answer, "graph");
	const char *base = strrchr(graph, '/');

	return strcmp(run, graph) == 0 ||
	       strcmp(run, base ? base + 1 : graph) == 0 ||
	       strcmp(run, get_text(answer, "name")) == 0;
}

/* The door of RUN. 0, or -1 with ERROR. */
static int
find_run(const char *run, struct door *found, struct flow_error *error)
{
	size_t count, matches = 0;
	struct door *doors = list_doors(&count);
	char ids[256] = "";
	json_t **answers;

	if (!doors)
		return flow_error_set(error, EX_OSERR,
				      "cannot read /proc/net/unix: %s",
				      strerror(errno));
	for (size_t i = 0; i < count && !matches; i++) {
		if (strcmp(run, doors[i].id) != 0)
			continue;
		*found = doors[i];
		matches = 1;
	}
	answers = calloc(count + 1, sizeof(json_t *));
	if (!answers)
		abort();
	if (!matches)
		ask_all(doors, count, FLOW_REQUEST_STATUS, "", 0, answers);
	for (size_t i = 0; i < count; i++) {
		size_t used = strlen(ids);

		if (answers[i] && is_meant(run, answers[i])) {
			*found = doors[i];
			matches++;
			snprintf(ids + used, sizeof(ids) - used, " %s",
				 doors[i].id);
		}
		json_decref(answers[i]);
	}
	free(answers);
	free(doors);
	if (matches == 0)
		return flow_error_set(
			error, 1,
			"no run `%s` (mkfifo-graph --status lists them)", run);
	if (matches > 1)
		return flow_error_set(error, EX_DATAERR,
				      "several runs are called `%s`:%s", run,
				      ids);
	return 0;
}

/* "what of RUN: reason; it has these: ..." */
static int
refused(const json_t *answer, const char *what, const char *of,
	struct flow_error *error)
{
	const json_t *known = json_object_get(answer, "known");
	int status = (int)json_integer_value(json_object_get(answer, "status"));
	char *names = NULL;
	size_t size, index;
	json_t *name;
	FILE *out = open_memstream(&names, &size);

	if (!out)
		abort();
	json_array_foreach(known, index, name)
		fprintf(out, "%s%s",
			index ? ", " : "; known: ", json_string_value(name));
	fclose(out);
	flow_error_set(error, status > 0 && status < 256 ? status : EX_SOFTWARE,
		       "%s of %s: %s%s", what, of, get_text(answer, "error"),
		       names);
	free(names);
	return -1;
}

/* Cuts *REST off TEXT, at its first colon, or else its last; false: there is none. */
static bool
cut(char *text, bool last, char **rest)
{
	char *colon = last ? strrchr(text, ':') : strchr(text, ':');

	if (!colon)
		return false;
	*colon = '\0';
	*rest = colon + 1;
	return *text && **rest;
}

/* Opens the pipe INODE where PID has it; -1: it does not, or we may not look. */
static int
open_at(int proc, pid_t pid, dev_t device, ino_t inode, bool *busy)
{
	struct flow_numbers fds = { 0 };
	char path[64];
	int found = -1;

	snprintf(path, sizeof(path), "%d/fd", (int)pid);
	if (flow_procfs_list(proc, path, &fds) < 0)
		return -1;
	for (size_t i = 0; i < fds.count && found < 0; i++) {
		struct stat st;

		snprintf(path, sizeof(path), "%d/fd/%d", (int)pid, fds.at[i]);
		if (fstatat(proc, path, &st, 0) < 0 || !S_ISFIFO(st.st_mode) ||
		    st.st_ino != inode || st.st_dev != device)
			continue;
		/* it may have the pipe locked, for as long as it likes */
		*busy = flow_task_splices(proc, pid) != 0;
		if (*busy)
			break;
		found = openat(proc, path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	}
	flow_numbers_free(&fds);
	return found;
}

/* The pipe of ANSWER, opened for reading, through one of those that hold it. */
static int
open_pipe(const json_t *answer, bool *busy)
{
	dev_t device =
		(dev_t)json_integer_value(json_object_get(answer, "device"));
	ino_t inode =
		(ino_t)json_integer_value(json_object_get(answer, "inode"));
	const json_t *pids = json_object_get(answer, "pids");
	int proc = flow_procfs_open(), fd = -1;
	struct flow_numbers below = { 0 };
	json_t *pid;
	size_t index;

	if (proc < 0)
		return -1;
	json_array_foreach(pids, index, pid)
	{
		pid_t root = (pid_t)json_integer_value(pid);

		if (fd < 0 && !*busy)
			fd = open_at(proc, root, device, inode, busy);
		below.count = 0;
		if (fd < 0 && !*busy)
			flow_procfs_descend(proc, root, &below);
		for (size_t i = 0; fd < 0 && !*busy && i < below.count; i++)
			fd = open_at(proc, below.at[i], device, inode, busy);
	}
	flow_numbers_free(&below);
	close(proc);
	return fd;
}

/*
 * Copies what is in pipe FROM (taken) to pipe TO, which refers to the same
 * pages: nothing is read. FROM is closed at once: as long as there is one more
 * reader, the writer would not get SIGPIPE. *WAITING: how much there was.
 */
static ssize_t
copy_pipe(int from, int to, int *waiting)
{
	int size = fcntl(from, F_GETPIPE_SZ);
	ssize_t copied = 0;

	if (ioctl(from, FIONREAD, waiting) < 0)
		*waiting = 0;
	if (size > 0)
		fcntl(to, F_SETPIPE_SZ, size);
	if (*waiting > 0)
		copied = tee(from, to, (size_t)1 << 30, SPLICE_F_NONBLOCK);
	close(from);
	return copied < 0 && errno == EAGAIN ? 0 : copied;
}

static int
print_pipe(int from, const char *what, FILE *out, struct flow_error *error)
{
	int ends[2], waiting = 0;
	ssize_t copied, got;
	char buffer[65536];

	if (pipe2(ends, O_CLOEXEC) < 0) {
		close(from);
		return flow_error_set(error, EX_OSERR, "cannot make a pipe: %s",
				      strerror(errno));
	}
	copied = copy_pipe(from, ends[1], &waiting);
	close(ends[1]);
	if (copied < 0)
		flow_error_set(error, EX_OSERR, "cannot look into %s: %s", what,
			       strerror(errno));
	while (copied > 0 && (got = read(ends[0], buffer, sizeof(buffer))) > 0)
		fwrite(buffer, 1, (size_t)got, out);
	close(ends[0]);
	return copied < 0 ? -1 : 0;
}

int
flow_visit_peek(const char *what, FILE *out, struct flow_error *error)
{
	char *run = strdup(what), *edge;
	json_t *answer = NULL;
	struct door door = { 0 };
	bool busy = false;
	int result = -1, fd;

	if (!run)
		abort();
	if (!cut(run, false, &edge)) {
		flow_error_set(error, EX_USAGE, "--peek=%s: wanted RUN:EDGE",
			       what);
		goto done;
	}
	if (find_run(run, &door, error) < 0)
		goto done;
	answer = ask(&door, FLOW_REQUEST_PEEK, edge, 0);
	if (!answer) {
		flow_error_set(error, EX_TEMPFAIL, "run %s does not answer",
			       run);
		goto done;
	}
	if (json_object_get(answer, "error")) {
		refused(answer, edge, run, error);
		goto done;
	}
	fd = open_pipe(answer, &busy);
	if (fd < 0)
		flow_error_set(error, busy ? EX_TEMPFAIL : EX_UNAVAILABLE,
			       busy ? "%s of %s: a process that moves it by "
				      "splice(2) may have it locked now"
				    : "%s of %s: nobody that can be seen here "
				      "has its pipe open",
			       edge, run);
	else
		result = print_pipe(fd, edge, out, error);
done:
	json_decref(answer);
	free(run);
	return result;
}

/* "TERM", "SIGTERM", "15"; or 0. */
static int
signal_number(const char *text)
{
	char *end;
	long number = strtol(text, &end, 10);

	if (*text >= '0' && *text <= '9')
		return *end || number > SIGRTMAX ? 0 : (int)number;
	if (strncasecmp(text, "SIG", 3) == 0)
		text += 3;
	for (int i = 1; i < SIGRTMIN; i++)
		if (sigabbrev_np(i) && strcasecmp(sigabbrev_np(i), text) == 0)
			return i;
	return 0;
}

int
flow_visit_signal(const char *what, struct flow_error *error)
{
	char *run = strdup(what), *node, *name;
	json_t *answer = NULL;
	struct door door = { 0 };
	int result = -1, signal;

	if (!run)
		abort();
	if (!cut(run, false, &node) || !cut(node, true, &name)) {
		flow_error_set(error, EX_USAGE,
			       "--signal=%s: wanted RUN:NODE:SIGNAL", what);
		goto done;
	}
	signal = signal_number(name);
	if (!signal) {
		flow_error_set(error, EX_USAGE, "--signal: `%s` is no signal",
			       name);
		goto done;
	}
	if (find_run(run, &door, error) < 0)
		goto done;
	answer = ask(&door, FLOW_REQUEST_SIGNAL, node, signal);
	if (!answer)
		flow_error_set(error, EX_TEMPFAIL, "run %s does not answer",
			       run);
	else if (json_object_get(answer, "error"))
		refused(answer, node, run, error);
	else
		result = 0;
done:
	json_decref(answer);
	free(run);
	return result;
}
