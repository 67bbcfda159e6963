/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * split-key: the relay of split=key. Each record goes to the file of its key.
 * What is for a file is gathered, so that a record costs a look-up and a copy,
 * and a file is opened and written a block at a time.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "feed.h"
#include "io.h"
#include "keyfiles.h"
#include "keys.h"
#include "plan.h"

/* Bytes. */
enum {
	BLOCK = 64 << 10, /* of one file, written at once */
	FIRST = 512, /* a file's buffer at first */
	GATHERED_MOST = 64 << 20, /* of all files */
	RECORD_MOST = 1 << 20, /* a longer record goes straight to its file */
};

struct keyed_file {
	uint64_t hash;
	char *key;
	size_t length; /* of key */
	char *name;
	char *data; /* gathered */
	size_t used, size; /* bytes of data */
	int fd; /* -1: not open now */
	bool made;
	struct keyed_file *older, *newer; /* of those that are open */
	struct keyed_file *next; /* of those that have gathered something */
	bool listed;
};

struct keyer {
	const struct flow_relay *relay;
	struct flow_feed feed;
	struct flow_sink sink; /* a long record's way to its file */
	struct flow_relay_output output; /* of sink */
	const char *last; /* the last part of the files' path */
	int folder; /* where the files are made; AT_FDCWD: at their path */
	bool live, append; /* how they are written */
	char *header;
	size_t header_length;
	uint64_t records; /* that have come, headers included */
	struct keyed_file **table; /* open addressing; a power of two */
	size_t table_size, count;
	struct keyed_file *latest, *oldest; /* open files, by their last use */
	unsigned open;
	struct keyed_file *dirty; /* have gathered something */
	size_t gathered; /* bytes, of all files */
	char *joined; /* a key of several fields */
	size_t joined_size;
};

static int
fail(const struct keyer *keyer, enum flow_note_kind kind, const char *text,
     size_t length)
{
	flow_relay_note_text(keyer->relay, kind, keyer->records, text, length);
	return kind == FLOW_NOTE_KEY ? FLOW_RELAY_DATA : FLOW_RELAY_FAILED;
}

static int
no_memory(const struct keyer *keyer)
{
	flow_relay_note(keyer->relay, FLOW_NOTE_MEMORY, true, UINT32_MAX, 0);
	return FLOW_RELAY_FAILED;
}

/* --- open files, the one used last first */

static void
unlink_open(struct keyer *keyer, struct keyed_file *file)
{
	*(file->newer ? &file->newer->older : &keyer->latest) = file->older;
	*(file->older ? &file->older->newer : &keyer->oldest) = file->newer;
}

static void
link_latest(struct keyer *keyer, struct keyed_file *file)
{
	file->newer = NULL;
	file->older = keyer->latest;
	*(keyer->latest ? &keyer->latest->newer : &keyer->oldest) = file;
	keyer->latest = file;
}

static int
close_file(struct keyer *keyer, struct keyed_file *file)
{
	int fd = file->fd;

	unlink_open(keyer, file);
	keyer->open--;
	file->fd = -1;
	return close(fd) < 0 ? fail(keyer, FLOW_NOTE_FILE, file->name,
				    strlen(file->name))
			     : 0;
}

/* Where FILE will be, when it is not collected aside; owned. */
static char *
place_of(const struct keyer *keyer, const struct keyed_file *file)
{
	const char *pattern = keyer->relay->files->path;
	size_t folder = (size_t)(keyer->last - pattern);
	char *path = malloc(folder + strlen(file->name) + 1);

	if (path)
		strcpy(mempcpy(path, pattern, folder), file->name);
	return path;
}

/* To a file that has something already the header is not added again. */
static bool
begins(const struct keyer *keyer, const char *path)
{
	struct stat st;

	return !keyer->append || stat(path, &st) < 0 || st.st_size == 0;
}

static int
open_file(struct keyer *keyer, struct keyed_file *file)
{
	int flags = O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY;
	char *path = place_of(keyer, file);
	bool header = false;

	if (!path)
		return no_memory(keyer);
	if (!file->made)
		header = begins(keyer, path);
	if (!keyer->live)
		flags |= O_APPEND | (file->made ? 0 : O_EXCL);
	else
		flags |= file->made || keyer->append ? O_APPEND : O_TRUNC;
	file->fd = openat(keyer->folder, keyer->live ? path : file->name, flags,
			  keyer->live ? 0666 : 0600);
	free(path);
	if (file->fd < 0)
		return fail(keyer, FLOW_NOTE_FILE, file->name,
			    strlen(file->name));
	file->made = true;
	keyer->open++;
	link_latest(keyer, file);
	if (header && flow_io_write_all(file->fd, keyer->header,
					keyer->header_length) < 0)
		return fail(keyer, FLOW_NOTE_FILE, file->name,
			    strlen(file->name));
	return 0;
}

/* Has FILE open, and as the one used last. */
static int
need_open(struct keyer *keyer, struct keyed_file *file)
{
	int status = 0;

	if (file->fd >= 0) {
		unlink_open(keyer, file);
		link_latest(keyer, file);
		return 0;
	}
	while (status == 0 && keyer->open >= keyer->relay->files_most)
		status = close_file(keyer, keyer->oldest);
	return status ? status : open_file(keyer, file);
}

/* --- what is gathered */

static int
write_gathered(struct keyer *keyer, struct keyed_file *file)
{
	size_t used = file->used;
	int status = need_open(keyer, file);

	keyer->gathered -= used;
	file->used = 0;
	if (status == 0 && flow_io_write_all(file->fd, file->data, used) < 0)
		status = fail(keyer, FLOW_NOTE_FILE, file->name,
			      strlen(file->name));
	return status;
}

static int
write_all_gathered(struct keyer *keyer)
{
	int status = 0;

	while (keyer->dirty && status == 0) {
		struct keyed_file *file = keyer->dirty;

		keyer->dirty = file->next;
		file->listed = false;
		if (file->used || !file->made)
			status = write_gathered(keyer, file);
	}
	return status;
}

/* Room for LENGTH bytes more in FILE's buffer, which may have to be written. */
static int
make_room(struct keyer *keyer, struct keyed_file *file, size_t length)
{
	size_t size = file->size ? file->size : FIRST;
	char *data;

	while (size < file->used + length && size < BLOCK)
		size *= 2;
	if (size < file->used + length) {
		int status = write_gathered(keyer, file);

		if (status)
			return status;
		while (size < length)
			size *= 2;
	}
	if (size == file->size && file->data)
		return 0;
	data = realloc(file->data, size);
	if (!data)
		return no_memory(keyer);
	file->data = data;
	file->size = size;
	return 0;
}

static int
gather(struct keyer *keyer, struct keyed_file *file, const char *data,
       size_t length)
{
	int status = file->used + length > file->size
			     ? make_room(keyer, file, length)
			     : 0;

	if (status || !file->data)
		return status;
	memcpy(file->data + file->used, data, length);
	file->used += length;
	keyer->gathered += length;
	if (!file->listed) {
		file->listed = true;
		file->next = keyer->dirty;
		keyer->dirty = file;
	}
	return keyer->gathered > GATHERED_MOST ? write_all_gathered(keyer) : 0;
}

/* --- which file */

static int
grow_table(struct keyer *keyer)
{
	size_t size = keyer->table_size ? 2 * keyer->table_size : 256;
	struct keyed_file **table = calloc(size, sizeof(*table));

	if (!table)
		return no_memory(keyer);
	for (size_t i = 0; i < keyer->table_size; i++) {
		struct keyed_file *file = keyer->table[i];
		size_t at;

		if (!file)
			continue;
		for (at = file->hash & (size - 1); table[at];
		     at = (at + 1) & (size - 1))
			;
		table[at] = file;
	}
	free(keyer->table);
	keyer->table = table;
	keyer->table_size = size;
	return 0;
}

static int
add_file(struct keyer *keyer, const char *key, size_t length, uint64_t hash,
	 struct keyed_file **place)
{
	char *name = flow_keyfiles_name(keyer->last, key, length);
	struct keyed_file *file;

	if (!name)
		return fail(keyer, FLOW_NOTE_KEY, key, length);
	file = calloc(1, sizeof(*file));
	if (file)
		file->key = malloc(length + 1);
	if (!file || !file->key)
		return no_memory(keyer);
	memcpy(file->key, key, length);
	file->length = length;
	file->name = name;
	file->hash = hash;
	file->fd = -1;
	*place = file;
	keyer->count++;
	return 0;
}

/* The key of RECORD, which is without its delimiter; several fields are joined. */
static int
find_key(struct keyer *keyer, const char *record, size_t size, const char **key,
	 size_t *length)
{
	const struct flow_keys *keys = &keyer->relay->keys;
	size_t count = flow_keys_count(keys);
	char *to;

	if (count == 1) {
		*key = flow_keys_field(keys, 0, record, size, length);
		return 0;
	}
	if (keyer->joined_size < size * count + count) {
		free(keyer->joined);
		keyer->joined_size = 2 * (size + 1) * count;
		keyer->joined = malloc(keyer->joined_size);
		if (!keyer->joined)
			return no_memory(keyer);
	}
	to = keyer->joined;
	for (size_t i = 0; i < count; i++) {
		size_t part;
		const char *field =
			flow_keys_field(keys, i, record, size, &part);

		if (i > 0)
			*to++ = ',';
		to = mempcpy(to, field, part);
	}
	*key = keyer->joined;
	*length = (size_t)(to - keyer->joined);
	return 0;
}

/* The file of the record of SIZE bytes at DATA. */
static int
find_file(struct keyer *keyer, const char *data, size_t size,
	  struct keyed_file **found)
{
	static const struct flow_keys whole = { 0 };
	const char *key = NULL;
	size_t length = 0, at;
	uint64_t hash;
	int status;

	flow_keys_content(&keyer->relay->record, &data, &size);
	status = find_key(keyer, data, size, &key, &length);
	if (status)
		return status;
	/* most often the next record is of the same key */
	if (*found && (*found)->length == length &&
	    memcmp((*found)->key, key, length) == 0)
		return 0;
	if (2 * keyer->count >= keyer->table_size && grow_table(keyer))
		return FLOW_RELAY_FAILED;
	hash = flow_keys_hash(&whole, key, length);
	for (at = hash & (keyer->table_size - 1); keyer->table[at];
	     at = (at + 1) & (keyer->table_size - 1)) {
		*found = keyer->table[at];
		if ((*found)->hash == hash && (*found)->length == length &&
		    memcmp((*found)->key, key, length) == 0)
			return 0;
	}
	status = add_file(keyer, key, length, hash, &keyer->table[at]);
	*found = keyer->table[at];
	return status;
}

/* --- what comes */

static int
take_header(struct keyer *keyer)
{
	struct flow_feed *feed = &keyer->feed;

	for (uint64_t i = 0; i < keyer->relay->header; i++) {
		int status = flow_feed_fill(feed, &keyer->sink);
		size_t length;
		char *header;

		if (status || flow_feed_over(feed))
			return status;
		length = flow_record_first(&keyer->relay->record,
					   feed->data + feed->begin,
					   feed->whole);
		header = realloc(keyer->header, keyer->header_length + length);
		if (!header)
			return no_memory(keyer);
		memcpy(header + keyer->header_length, feed->data + feed->begin,
		       length);
		keyer->header = header;
		keyer->header_length += length;
		keyer->records++;
		flow_feed_take(feed, length);
	}
	return 0;
}

static int
deal_whole(struct keyer *keyer, struct keyed_file **file)
{
	struct flow_feed *feed = &keyer->feed;
	const char *at = feed->data + feed->begin, *end = at + feed->whole;

	while (at < end) {
		size_t size = flow_record_first(&keyer->relay->record, at,
						(size_t)(end - at));
		int status;

		keyer->records++;
		status = find_file(keyer, at, size, file);
		if (status == 0)
			status = gather(keyer, *file, at, size);
		if (status)
			return status;
		at += size;
	}
	flow_feed_take(feed, feed->whole);
	return 0;
}

/* A record too long to be kept: its key must stand in what has come. */
static int
deal_long(struct keyer *keyer, struct keyed_file **file)
{
	struct flow_feed *feed = &keyer->feed;
	int status;

	keyer->records++;
	status = find_file(keyer, feed->data + feed->begin,
			   feed->end - feed->begin, file);
	if (status == 0)
		status = write_gathered(keyer, *file);
	if (status)
		return status;
	keyer->output.fd = (*file)->fd;
	status = flow_feed_pass(feed, &keyer->sink, false);
	if (status == 0)
		status = flow_sink_flush(&keyer->sink);
	keyer->sink.owed = false; /* it is the file's last */
	keyer->output.fd = -1;
	return status;
}

/* What is written in place is written when the input pauses. */
static int
await_more(struct keyer *keyer)
{
	struct pollfd input = { .fd = keyer->feed.input->fd, .events = POLLIN };

	if (keyer->live && keyer->dirty && poll(&input, 1, 0) == 0) {
		int status = write_all_gathered(keyer);

		if (status)
			return status;
	}
	return flow_feed_wait(&keyer->feed, 1, 0, &keyer->sink, -1, NULL);
}

static int
deal_all(struct keyer *keyer)
{
	struct flow_feed *feed = &keyer->feed;
	struct keyed_file *file = NULL;
	int status = take_header(keyer);

	while (status == 0 && !flow_feed_over(feed)) {
		if (feed->whole)
			status = deal_whole(keyer, &file);
		else if (feed->end - feed->begin >= RECORD_MOST)
			status = deal_long(keyer, &file);
		else
			status = await_more(keyer);
	}
	if (status == 0)
		status = write_all_gathered(keyer);
	while (status == 0 && keyer->oldest)
		status = close_file(keyer, keyer->oldest);
	return status;
}

int
flow_relay_key(struct flow_relay *relay)
{
	enum flow_file_mode mode = relay->files->mode;
	struct keyer keyer = {
		.relay = relay,
		.output = { .fd = -1, .pipe = UINT32_MAX },
		.last = flow_keyfiles_last(relay->files->path),
		.folder = relay->collected < 0 ? AT_FDCWD : relay->collected,
		.live = relay->collected < 0,
		.append = mode == FLOW_FILE_APPEND ||
			  mode == FLOW_FILE_LIVE_APPEND,
	};
	int status;

	flow_relay_begin();
	status = flow_sink_open(&keyer.sink, relay);
	if (status)
		return status;
	keyer.sink.output = &keyer.output;
	flow_feed_open(&keyer.feed, relay, &relay->inputs[0]);
	return deal_all(&keyer);
}
