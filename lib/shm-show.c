/* SPDX-License-Identifier: GPL-3.0-or-later */
/* shm-show: what objects there are, what is in one, and its removal. */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "cell.h"
#include "clock.h"
#include "lock.h"
#include "shm.h"
#include "size.h"

static const char *const full_names[] = {
	[FLOW_RING_BLOCK] = "block",
	[FLOW_RING_DROP] = "drop-oldest",
	[FLOW_RING_FAIL] = "fail",
};

static double
age_of(int64_t since)
{
	struct timespec now;
	int64_t age;

	clock_gettime(CLOCK_REALTIME, &now);
	age = now.tv_sec * FLOW_SECOND + now.tv_nsec - since;
	return age < 0 ? 0 : (double)age / FLOW_SECOND;
}

static json_t *
number(uint64_t value)
{
	return json_integer((json_int_t)value);
}

/* Names may hold any bytes; JSON wants UTF-8. */
static json_t *
text(const char *bytes)
{
	json_t *string = json_string(bytes);
	char *plain;

	if (string)
		return string;
	plain = strdup(bytes);
	for (char *c = plain; c && *c; c++)
		if ((unsigned char)*c >= 0x80)
			*c = '?';
	string = json_string(plain ? plain : "?");
	free(plain);
	return string;
}

/* --- a ring as JSON */

static const char *
state_of(const struct flow_ring_info *info)
{
	if (info->ended)
		return info->torn ? "broken" : "ended";
	for (unsigned i = 0; i < info->writer_count; i++)
		if (info->writers[i].alive)
			return "open";
	return info->writer_count || info->deaths ? "broken" : "new";
}

/* How far the slowest reader that lives is behind; before the first, all. */
static uint64_t
fill_of(const struct flow_ring_info *info)
{
	uint64_t least = info->joined ? info->head : info->oldest;

	for (unsigned i = 0; i < info->reader_count; i++)
		if (info->readers[i].alive && info->readers[i].position < least)
			least = info->readers[i].position;
	return info->head - (least < info->oldest ? info->oldest : least);
}

static uint64_t
lag_of(const struct flow_ring_info *info, const struct flow_ring_user *user)
{
	return user->position < info->head ? info->head - user->position : 0;
}

static json_t *
users_json(const struct flow_ring_info *info, bool writers)
{
	unsigned count = writers ? info->writer_count : info->reader_count;
	json_t *list = json_array();

	for (unsigned i = 0; i < count; i++) {
		const struct flow_ring_user *user =
			writers ? &info->writers[i] : &info->readers[i];
		json_t *entry = json_object();

		json_object_set_new(entry, "pid", number(user->pid));
		json_object_set_new(entry, "alive", json_boolean(user->alive));
		json_object_set_new(entry, "age_s",
				    json_real(age_of(user->since)));
		if (!writers) {
			json_object_set_new(entry, "position",
					    number(user->position));
			json_object_set_new(entry, "lag_bytes",
					    number(lag_of(info, user)));
			json_object_set_new(entry, "lost_bytes",
					    number(user->lost));
		}
		json_array_append_new(list, entry);
	}
	return list;
}

static void
set_birth(json_t *root, int64_t created, uint64_t identity)
{
	json_object_set_new(root, "age_s", json_real(age_of(created)));
	json_object_set_new(
		root, "identity",
		json_sprintf("%016llx", (unsigned long long)identity));
}

static json_t *
ring_json(const struct flow_ring_shape *shape,
	  const struct flow_ring_info *info)
{
	json_t *root = json_object();

	json_object_set_new(root, "kind", json_string("ring"));
	json_object_set_new(root, "state", json_string(state_of(info)));
	json_object_set_new(root, "status",
			    info->ended ? json_integer(info->status)
					: json_null());
	json_object_set_new(root, "size_bytes", number(shape->size));
	json_object_set_new(root, "fill_bytes", number(fill_of(info)));
	json_object_set_new(root, "framing",
			    json_string(flow_framing_name(shape->framing)));
	json_object_set_new(root, "when_full",
			    json_string(full_names[shape->full]));
	json_object_set_new(root, "keep", json_boolean(shape->keep));
	json_object_set_new(root, "oldest", number(info->oldest));
	json_object_set_new(root, "newest", number(info->head));
	json_object_set_new(root, "dropped_bytes", number(info->dropped));
	json_object_set_new(root, "readers_so_far", number(info->joined));
	json_object_set_new(root, "readers_wanted", number(shape->wanted));
	set_birth(root, info->created, info->identity);
	json_object_set_new(root, "writers", users_json(info, true));
	json_object_set_new(root, "readers", users_json(info, false));
	return root;
}

static json_t *
cell_json(const struct flow_cell_info *info)
{
	json_t *root = json_object();

	json_object_set_new(root, "kind", json_string("value"));
	json_object_set_new(root, "generation", number(info->generation));
	json_object_set_new(root, "length_bytes", number(info->length));
	json_object_set_new(root, "capacity_bytes", number(info->capacity));
	json_object_set_new(root, "copies", number(info->areas));
	set_birth(root, info->created, info->identity);
	return root;
}

/* --- what an object is */

/* All about the open object as JSON: owned, or NULL with ERROR. */
static json_t *
describe(struct flow_shm *shm, struct flow_error *error)
{
	int fd = shm->object.fd, kind = flow_ring_kind(fd);
	struct flow_ring_info *info = NULL;
	struct flow_cell_info value;
	struct flow_ring *ring = NULL;
	struct flow_cell *cell = NULL;
	json_t *root = NULL;
	struct stat st;

	if (kind < 0 || fstat(fd, &st)) {
		flow_error_set(error, EX_IOERR, "cannot read %s: %s",
			       shm->object.text, strerror(errno));
		return NULL;
	}
	if (kind == 1) {
		ring = flow_ring_open(fd, false, shm->object.text, error);
		info = malloc(sizeof(*info));
		if (!info)
			flow_error_no_memory();
		if (ring && flow_ring_look(ring, info))
			flow_shm_fail(shm, errno, error);
		else if (ring)
			root = ring_json(flow_ring_shape(ring), info);
	} else if (kind == 2) {
		cell = flow_cell_open(fd, false, shm->object.text, error);
		if (cell && flow_cell_look(cell, &value))
			flow_shm_fail(shm, errno, error);
		else if (cell)
			root = cell_json(&value);
	} else {
		root = json_pack("{s:s}", "kind", "bytes");
	}
	flow_ring_close(ring);
	flow_cell_close(cell);
	free(info);
	if (!root)
		return NULL;
	json_object_set_new(root, "name", text(shm->object.text));
	json_object_set_new(root, "object_bytes", number((uint64_t)st.st_size));
	json_object_set_new(
		root, "mode",
		json_sprintf("%04o", (unsigned)(st.st_mode & 07777)));
	json_object_set_new(root, "uid", json_integer(st.st_uid));
	return root;
}

static uint64_t
get(const json_t *root, const char *key)
{
	return (uint64_t)json_integer_value(json_object_get(root, key));
}

static const char *
word(const json_t *root, const char *key)
{
	const char *value = json_string_value(json_object_get(root, key));

	return value ? value : "-";
}

/* NAME, which may hold any bytes, as one line of a terminal; owned. */
static char *
printable(const char *name)
{
	char *line = strdup(name);

	if (!line)
		flow_error_no_memory();
	flow_error_printable(line);
	return line;
}

/* How many of the users in LIST live. */
static unsigned
living(const json_t *list)
{
	const json_t *user;
	unsigned count = 0;
	size_t i;

	json_array_foreach(list, i, user)
	{
		if (json_is_true(json_object_get(user, "alive")))
			count++;
	}
	return count;
}

static char *
size_text(const json_t *root, const char *key, char *buffer)
{
	return flow_size_format(get(root, key), buffer, 16);
}

static void
show_users(const json_t *list, const char *name, FILE *out)
{
	const json_t *user;
	char buffer[16];
	size_t i;

	json_array_foreach(list, i, user)
	{
		fprintf(out, "%-10s pid %llu", name,
			(unsigned long long)get(user, "pid"));
		if (json_object_get(user, "position")) {
			fprintf(out, ", at %llu, lag %s",
				(unsigned long long)get(user, "position"),
				size_text(user, "lag_bytes", buffer));
			if (get(user, "lost_bytes"))
				fprintf(out, ", lost %s",
					size_text(user, "lost_bytes", buffer));
		}
		fputs(json_is_true(json_object_get(user, "alive")) ? "\n"
								   : ", dead\n",
		      out);
	}
}

static void
show_ring(const json_t *root, FILE *out)
{
	char size[16], fill[16];

	fprintf(out, "%-10s %s", "state", word(root, "state"));
	if (!json_is_null(json_object_get(root, "status")))
		fprintf(out, ", status %llu",
			(unsigned long long)get(root, "status"));
	fprintf(out, "\n%-10s %s, %s of it unread\n", "size",
		size_text(root, "size_bytes", size),
		size_text(root, "fill_bytes", fill));
	fprintf(out, "%-10s %s\n", "framing", word(root, "framing"));
	fprintf(out, "%-10s %s\n", "when full", word(root, "when_full"));
	fprintf(out, "%-10s %llu to %llu\n", "stream",
		(unsigned long long)get(root, "oldest"),
		(unsigned long long)get(root, "newest"));
	if (get(root, "dropped_bytes"))
		fprintf(out, "%-10s %s\n", "dropped",
			size_text(root, "dropped_bytes", size));
	show_users(json_object_get(root, "writers"), "writer", out);
	show_users(json_object_get(root, "readers"), "reader", out);
}

static void
show_value(const json_t *root, FILE *out)
{
	char length[16], capacity[16];

	fprintf(out, "%-10s %llu\n", "generation",
		(unsigned long long)get(root, "generation"));
	fprintf(out, "%-10s %s of at most %s\n", "length",
		size_text(root, "length_bytes", length),
		size_text(root, "capacity_bytes", capacity));
}

static int
put_json(json_t *root, FILE *out, struct flow_error *error)
{
	int bad = json_dumpf(root, out,
			     JSON_INDENT(1) | JSON_REAL_PRECISION(6)) ||
		  fputc('\n', out) == EOF;

	json_decref(root);
	/* a full disk is said at exit */
	(void)error;
	return bad ? EX_IOERR : 0;
}

int
flow_shm_info(struct flow_shm *shm, FILE *out, struct flow_error *error)
{
	int status = flow_shm_open(shm, false, error);
	char size[16], *name;
	json_t *root;

	if (status)
		return status;
	root = describe(shm, error);
	if (!root)
		return error->status;
	if (shm->json)
		return put_json(root, out, error);
	name = printable(shm->object.text);
	fprintf(out, "%-10s %s\n", "name", name);
	free(name);
	fprintf(out, "%-10s %s\n", "kind", word(root, "kind"));
	if (!strcmp(word(root, "kind"), "ring"))
		show_ring(root, out);
	else if (!strcmp(word(root, "kind"), "value"))
		show_value(root, out);
	else
		fprintf(out, "%-10s %s\n", "size",
			size_text(root, "object_bytes", size));
	json_decref(root);
	return 0;
}

/* --- all objects */

/* The entry for /dev/shm/NAME; NULL when it is none of ours to show. */
static json_t *
list_entry(const char *name)
{
	struct flow_error error = { 0 };
	struct flow_shm shm = { 0 };
	char *address = NULL;
	json_t *root = NULL;
	struct stat st;

	if (asprintf(&address, "/%s", name) < 0)
		flow_error_no_memory();
	if (flow_object_name(&shm.object, address, &error))
		goto drop_address;
	if (lstat(shm.object.path, &st) || !S_ISREG(st.st_mode))
		goto drop_object;
	if (!flow_object_open(&shm.object, false, &error))
		root = describe(&shm, &error);
	if (!root)
		root = json_pack("{s:s, s:o, s:o, s:o}", "kind",
				 error.status == EX_DATAERR ? "damaged"
							    : "closed",
				 "name", text(address), "object_bytes",
				 number((uint64_t)st.st_size), "error",
				 text(error.text ? error.text : ""));

drop_object:
	flow_object_clear(&shm.object);
drop_address:
	flow_error_clear(&error);
	free(address);
	return root;
}

static int
no_dots(const struct dirent *entry)
{
	return strcmp(entry->d_name, ".") != 0 &&
	       strcmp(entry->d_name, "..") != 0;
}

static void
show_entry(const json_t *root, FILE *out)
{
	const char *kind = word(root, "kind");
	char size[16], fill[16], *name = printable(word(root, "name"));

	fprintf(out, "%-24s %-8s %10s", name, kind,
		size_text(root, "object_bytes", size));
	free(name);
	if (!strcmp(kind, "ring"))
		fprintf(out, "  %s, %s unread, %u writing, %u reading",
			word(root, "state"),
			size_text(root, "fill_bytes", fill),
			living(json_object_get(root, "writers")),
			living(json_object_get(root, "readers")));
	else if (!strcmp(kind, "value"))
		fprintf(out, "  generation %llu, %s",
			(unsigned long long)get(root, "generation"),
			size_text(root, "length_bytes", size));
	fputc('\n', out);
}

int
flow_shm_list(struct flow_shm *shm, FILE *out, struct flow_error *error)
{
	struct dirent **entries;
	int count = scandir(FLOW_OBJECT_SHM, &entries, no_dots, alphasort);
	json_t *list = json_array();
	int status = 0;

	if (count < 0) {
		json_decref(list);
		flow_error_set(error, flow_error_status_read(errno),
			       "cannot list %s: %s", FLOW_OBJECT_SHM,
			       strerror(errno));
		return error->status;
	}
	for (int i = 0; i < count; i++) {
		json_t *entry = list_entry(entries[i]->d_name);

		if (entry && !shm->json)
			show_entry(entry, out);
		if (entry)
			json_array_append_new(list, entry);
		free(entries[i]);
	}
	free(entries);
	if (shm->json)
		status = put_json(list, out, error);
	else
		json_decref(list);
	return status;
}

int
flow_shm_remove(struct flow_shm *shm, struct flow_error *error)
{
	struct flow_error ignored = { 0 };
	struct flow_cell *cell = NULL;
	bool gone, stale;
	char *aside;
	struct stat st;
	int saved;

	if (!shm->object.path) {
		flow_error_set(error, EX_USAGE,
			       "--remove %s: a descriptor has no name",
			       shm->object.text);
		return error->status;
	}
	/* a damaged one, or one that we may not read, is removed all the same */
	if (!lstat(shm->object.path, &st) && S_ISREG(st.st_mode) &&
	    !flow_object_open(&shm->object, false, &ignored) &&
	    shm->object.writable && flow_ring_kind(shm->object.fd) == 2)
		cell = flow_cell_open(shm->object.fd, true, shm->object.text,
				      &ignored);
	flow_error_clear(&ignored);
	gone = unlink(shm->object.path) == 0;
	saved = errno;
	/* what one left who was killed while it replaced the object */
	aside = flow_object_aside(&shm->object);
	stale = unlink(aside) == 0;
	free(aside);
	/* who waits for its next value looks for the name again */
	if (gone && cell)
		flow_cell_retire(cell);
	flow_cell_close(cell);
	if (!gone && !(saved == ENOENT && stale)) {
		flow_error_set(error, flow_error_status_read(saved),
			       "cannot remove %s: %s", shm->object.text,
			       strerror(saved));
		return error->status;
	}
	return 0;
}
