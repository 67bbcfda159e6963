/* SPDX-License-Identifier: GPL-3.0-or-later */
/* shmcat: streams, last values and bytes in memory that processes share. */
#include "config.h"

#include <argp.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "interrupt.h"
#include "map.h"
#include "shm.h"
#include "size.h"
#include "start.h"

enum mode {
	READ,
	WRITE,
	VALUE_READ,
	VALUE_WRITE,
	EACH,
	CREATE,
	PATCH,
	LIST,
	INFO,
	REMOVE
};

/* Each option has a bit, so that a mode can say which it knows. */
enum given {
	G_WRITE = 1 << 0,
	G_VALUE = 1 << 1,
	G_LIST = 1 << 2,
	G_INFO = 1 << 3,
	G_REMOVE = 1 << 4,
	G_SIZE = 1 << 5,
	G_READERS = 1 << 6,
	G_FULL = 1 << 7,
	G_FROM = 1 << 8,
	G_COUNT = 1 << 9,
	G_PRESENT = 1 << 10,
	G_TIMEOUT = 1 << 11,
	G_FRAMING = 1 << 12,
	G_LOSSY = 1 << 13,
	G_KEEP = 1 << 14,
	G_SYNC = 1 << 15,
	G_MODE = 1 << 16,
	G_AFTER = 1 << 17,
	G_EACH = 1 << 18,
	G_OFFSET = 1 << 19,
	G_LENGTH = 1 << 20,
	G_CREATE = 1 << 21,
	G_SEEK = 1 << 22,
	G_FOREIGN = 1 << 23,
	G_JSON = 1 << 24,
	G_VERBOSE = 1 << 25,
	G_COMMAND = 1 << 26,
};

struct options {
	unsigned given; /* enum given */
	const char *name; /* NAME, or NULL */
	struct flow_shm shm;
};

enum {
	OPTION_VALUE = 256,
	OPTION_LIST,
	OPTION_INFO,
	OPTION_REMOVE,
	OPTION_FULL,
	OPTION_FROM,
	OPTION_PRESENT,
	OPTION_LOSSY,
	OPTION_KEEP,
	OPTION_SYNC,
	OPTION_MODE,
	OPTION_AFTER,
	OPTION_EACH,
	OPTION_OFFSET,
	OPTION_LENGTH,
	OPTION_CREATE,
	OPTION_SEEK,
	OPTION_FOREIGN,
	OPTION_JSON
};

static const struct argp_option option_table[] = {
	{ NULL, 0, NULL, 0, "What to do (without one of these: read):", 1 },
	{ "write", 'w', NULL, 0,
	  "Write standard input, or CMD's output, into a ring", 0 },
	{ "value", OPTION_VALUE, NULL, 0,
	  "A value, read or (-w) replaced as a whole", 0 },
	{ "list", OPTION_LIST, NULL, 0, "List the objects in /dev/shm", 0 },
	{ "info", OPTION_INFO, NULL, 0, "Show what NAME is and who uses it",
	  0 },
	{ "remove", OPTION_REMOVE, NULL, 0, "Remove NAME", 0 },
	{ "create", OPTION_CREATE, "SIZE", 0, "Make NAME an object of zeros",
	  0 },
	{ "seek", OPTION_SEEK, "OFFSET", 0,
	  "With -w: write over the bytes of NAME from there on", 0 },
	{ NULL, 0, NULL, 0, "Rings:", 2 },
	{ "size", 'm', "SIZE", 0, "How much a new ring (1M) or value holds",
	  0 },
	{ "framing", 'F', "HOW", 0,
	  "Records: raw (none; the default), line, nul, len32", 0 },
	{ "readers", 'R', "N", 0, "Wait for N readers before the first byte",
	  0 },
	{ "when-full", OPTION_FULL, "WHAT", 0,
	  "block (the default), drop-oldest or fail", 0 },
	{ "keep", OPTION_KEEP, NULL, 0,
	  "Keep the ring when it has ended and been read", 0 },
	{ "from", OPTION_FROM, "WHERE", 0,
	  "Read from oldest (the default), newest or a position", 0 },
	{ "to-present", OPTION_PRESENT, NULL, 0,
	  "Read what is there, and wait for nothing", 0 },
	{ "lossy", OPTION_LOSSY, NULL, 0,
	  "What was overwritten unread is no failure", 0 },
	{ "count", 'c', "N", 0, "End after N records (or runs of CMD)", 0 },
	{ NULL, 0, NULL, 0, "Values:", 3 },
	{ "after", OPTION_AFTER, "GEN", 0,
	  "Wait for a generation higher than GEN", 0 },
	{ "each", OPTION_EACH, NULL, 0,
	  "Run CMD on every change, with SHM_GENERATION set", 0 },
	{ NULL, 0, NULL, 0, "Bytes of other objects:", 4 },
	{ "offset", OPTION_OFFSET, "N", 0, "Begin at byte N", 0 },
	{ "length", OPTION_LENGTH, "N", 0, "So many bytes, not all", 0 },
	{ NULL, 0, NULL, 0, "All:", 5 },
	{ "timeout", 't', "DURATION", 0,
	  "Wait so long at most (1.5, 500ms, 2m, 1h), also for NAME", 0 },
	{ "mode", OPTION_MODE, "OCTAL", 0, "Who may use a new object (0600)",
	  0 },
	{ "sync", OPTION_SYNC, NULL, 0, "Written means on the disk (file:PATH)",
	  0 },
	{ "foreign", OPTION_FOREIGN, NULL, 0,
	  "Write into another user's object", 0 },
	{ "json", OPTION_JSON, NULL, 0, "--list and --info as JSON", 0 },
	{ "verbose", 'v', NULL, 0, "Say how much was moved", 0 },
	{ 0 }
};

static uint64_t
parse_size(const char *arg, const char *option, struct argp_state *state)
{
	uint64_t bytes = 0;

	if (flow_size_parse(arg, &bytes))
		argp_error(state,
			   "%s %s: no size; wanted such as 4096, 64K, 1M, 2G",
			   option, arg);
	return bytes;
}

static uint64_t
parse_number(const char *arg, const char *option, uint64_t least, uint64_t most,
	     struct argp_state *state)
{
	char *end;
	unsigned long long value;

	errno = 0;
	value = strtoull(arg, &end, 10);
	if (*arg < '0' || *arg > '9' || *end || errno || value < least ||
	    value > most)
		argp_error(state, "%s %s: wanted a number from %llu to %llu",
			   option, arg, (unsigned long long)least,
			   (unsigned long long)most);
	return value;
}

static void
parse_full(const char *arg, struct options *options, struct argp_state *state)
{
	if (!strcmp(arg, "block"))
		options->shm.shape.full = FLOW_RING_BLOCK;
	else if (!strcmp(arg, "drop-oldest"))
		options->shm.shape.full = FLOW_RING_DROP;
	else if (!strcmp(arg, "fail"))
		options->shm.shape.full = FLOW_RING_FAIL;
	else
		argp_error(state,
			   "--when-full %s: wanted block, drop-oldest or fail",
			   arg);
}

static void
parse_from(const char *arg, struct options *options, struct argp_state *state)
{
	if (!strcmp(arg, "oldest")) {
		options->shm.from = FLOW_RING_OLDEST;
	} else if (!strcmp(arg, "newest")) {
		options->shm.from = FLOW_RING_NEWEST;
	} else {
		char *end;

		errno = 0;
		options->shm.at = strtoull(arg, &end, 10);
		if (*arg < '0' || *arg > '9' || *end || errno)
			argp_error(state,
				   "--from %s: wanted oldest, newest or a "
				   "position in bytes",
				   arg);
		options->shm.from = FLOW_RING_AT;
	}
}

static mode_t
parse_mode(const char *arg, struct argp_state *state)
{
	char *end;
	unsigned long mode = strtoul(arg, &end, 8);

	if (*arg < '0' || *arg > '7' || *end || mode > 0777)
		argp_error(state, "--mode %s: wanted such as 0600 or 644", arg);
	return (mode_t)mode;
}

/* The options of one kind of contents alone: rings, values, bytes. */
static error_t
parse_contents(int key, char *arg, struct argp_state *state)
{
	struct options *options = state->input;
	struct flow_shm *shm = &options->shm;

	switch (key) {
	case 'R':
		options->given |= G_READERS;
		shm->shape.wanted =
			(uint32_t)parse_number(arg, "-R", 0, 112, state);
		break;
	case OPTION_FULL:
		options->given |= G_FULL;
		parse_full(arg, options, state);
		break;
	case OPTION_KEEP:
		options->given |= G_KEEP;
		shm->shape.keep = true;
		break;
	case OPTION_FROM:
		options->given |= G_FROM;
		parse_from(arg, options, state);
		break;
	case OPTION_PRESENT:
		options->given |= G_PRESENT;
		shm->to_present = true;
		break;
	case OPTION_LOSSY:
		options->given |= G_LOSSY;
		shm->lossy = true;
		break;
	case OPTION_AFTER:
		options->given |= G_AFTER;
		shm->after = parse_number(arg, "--after", 0, INT64_MAX, state);
		shm->awaits = true;
		break;
	case OPTION_EACH:
		options->given |= G_EACH;
		break;
	case OPTION_CREATE:
		options->given |= G_CREATE;
		shm->length = parse_size(arg, "--create", state);
		break;
	case OPTION_SEEK:
		options->given |= G_SEEK;
		shm->offset = parse_size(arg, "--seek", state);
		break;
	case OPTION_OFFSET:
		options->given |= G_OFFSET;
		shm->offset = parse_size(arg, "--offset", state);
		break;
	case OPTION_LENGTH:
		options->given |= G_LENGTH;
		shm->length = parse_size(arg, "--length", state);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static error_t
parse_option(int key, char *arg, struct argp_state *state)
{
	struct options *options = state->input;
	struct flow_shm *shm = &options->shm;

	switch (key) {
	case 'w':
		options->given |= G_WRITE;
		break;
	case OPTION_VALUE:
		options->given |= G_VALUE;
		break;
	case OPTION_LIST:
		options->given |= G_LIST;
		break;
	case OPTION_INFO:
		options->given |= G_INFO;
		break;
	case OPTION_REMOVE:
		options->given |= G_REMOVE;
		break;
	case 'm':
		options->given |= G_SIZE;
		shm->shape.size = parse_size(arg, "-m", state);
		if (!shm->shape.size)
			argp_error(state, "-m %s: nothing fits into that", arg);
		shm->capacity = shm->shape.size;
		break;
	case 'F':
		options->given |= G_FRAMING;
		shm->framed = true;
		if (flow_framing_parse(arg, &shm->framing))
			argp_error(state,
				   "-F %s: wanted raw, line, nul or len32",
				   arg);
		break;
	case 'c':
		options->given |= G_COUNT;
		shm->count = parse_number(arg, "-c", 1, INT64_MAX, state);
		break;
	case 't':
		options->given |= G_TIMEOUT;
		shm->waits = true;
		if (flow_duration_parse(arg, &shm->timeout) < 0)
			argp_error(state,
				   "-t %s: no duration; wanted such as 1.5, "
				   "500ms, 2m, 1h",
				   arg);
		break;
	case OPTION_MODE:
		options->given |= G_MODE;
		shm->mode = parse_mode(arg, state);
		shm->mode_given = true;
		break;
	case OPTION_SYNC:
		options->given |= G_SYNC;
		shm->sync = true;
		break;
	case OPTION_FOREIGN:
		options->given |= G_FOREIGN;
		shm->foreign = true;
		break;
	case OPTION_JSON:
		options->given |= G_JSON;
		shm->json = true;
		break;
	case 'v':
		options->given |= G_VERBOSE;
		break;
	case ARGP_KEY_ARG:
		if (!options->name) {
			options->name = arg;
			break;
		}
		if (!state->quoted || state->next - 1 < state->quoted)
			argp_error(state, "%s: a command stands behind --",
				   arg);
		options->given |= G_COMMAND;
		shm->command = state->argv + state->next - 1;
		state->next = state->argc;
		break;
	default:
		return parse_contents(key, arg, state);
	}
	return 0;
}

static const struct argp argp = {
	.options = option_table,
	.parser = parse_option,
	.args_doc = "NAME\n-w NAME [-- CMD...]\n--value NAME\n"
		    "--value -w NAME [-- CMD...]\n--value --each NAME -- "
		    "CMD...\n--create=SIZE NAME\n-w --seek=OFFSET NAME [-- "
		    "CMD...]\n--list\n--info NAME\n--remove NAME",
	.doc = "Read and write shared memory and mapped files: NAME is /NAME, "
	       "shm:/NAME, file:PATH or fd:N.",
};

/* The options by their bits. */
static const char *const option_names[] = {
	"-w",		"--value",   "--list",	    "--info",	 "--remove",
	"-m",		"-R",	     "--when-full", "--from",	 "-c",
	"--to-present", "-t",	     "-F",	    "--lossy",	 "--keep",
	"--sync",	"--mode",    "--after",	    "--each",	 "--offset",
	"--length",	"--create",  "--seek",	    "--foreign", "--json",
	"-v",		"a command",
};

/* What each mode is called for by, and what else it knows. */
static const struct {
	enum mode mode;
	const char *name;
	unsigned called_by, knows;
} modes[] = {
	{ LIST, "--list", G_LIST, G_JSON },
	{ INFO, "--info", G_INFO, G_JSON | G_TIMEOUT },
	{ REMOVE, "--remove", G_REMOVE, 0 },
	{ CREATE, "--create", G_CREATE, G_MODE | G_SYNC },
	{ PATCH, "--seek", G_SEEK | G_WRITE,
	  G_LENGTH | G_SYNC | G_FOREIGN | G_VERBOSE | G_COMMAND },
	{ EACH, "--each", G_EACH | G_VALUE | G_COMMAND,
	  G_AFTER | G_TIMEOUT | G_COUNT | G_VERBOSE },
	{ VALUE_WRITE, "--value -w", G_VALUE | G_WRITE,
	  G_SIZE | G_TIMEOUT | G_MODE | G_SYNC | G_FOREIGN | G_VERBOSE |
		  G_COMMAND },
	{ VALUE_READ, "--value", G_VALUE, G_AFTER | G_TIMEOUT | G_VERBOSE },
	{ WRITE, "-w", G_WRITE,
	  G_SIZE | G_FRAMING | G_READERS | G_FULL | G_KEEP | G_COUNT |
		  G_TIMEOUT | G_MODE | G_SYNC | G_FOREIGN | G_VERBOSE |
		  G_COMMAND },
	{ READ, "reading", 0,
	  G_FRAMING | G_FROM | G_PRESENT | G_LOSSY | G_COUNT | G_OFFSET |
		  G_LENGTH | G_TIMEOUT | G_VERBOSE },
};

/* The mode that OPTIONS ask for; ends the command when they do not agree. */
static enum mode
choose_mode(const struct options *options)
{
	/* --each and --seek say what is wanted even without what else they need */
	const unsigned decisive =
		G_LIST | G_INFO | G_REMOVE | G_CREATE | G_SEEK | G_EACH;
	size_t i = 0;

	for (;; i++) {
		unsigned call = modes[i].called_by & decisive;

		if (call ? options->given & call
			 : (options->given & modes[i].called_by) ==
				    modes[i].called_by)
			break;
	}
	if ((options->given & modes[i].called_by) != modes[i].called_by) {
		flow_complain("%s: wanted %s", modes[i].name,
			      modes[i].mode == EACH
				      ? "--value --each NAME -- CMD..."
				      : "-w --seek=OFFSET NAME");
		exit(EX_USAGE);
	}
	if (options->given & ~(modes[i].called_by | modes[i].knows)) {
		flow_complain("%s does not go with %s",
			      option_names[__builtin_ctz(
				      options->given &
				      ~(modes[i].called_by | modes[i].knows))],
			      modes[i].name);
		exit(EX_USAGE);
	}
	if (!options->name != (modes[i].mode == LIST)) {
		flow_complain(options->name ? "--list takes no name"
					    : "no name: wanted /NAME, "
					      "shm:/NAME, file:PATH or fd:N");
		exit(EX_USAGE);
	}
	return modes[i].mode;
}

static int
run(enum mode mode, struct flow_shm *shm, struct flow_error *error)
{
	switch (mode) {
	case READ:
		return flow_shm_read(shm, error);
	case WRITE:
		return flow_shm_write(shm, error);
	case VALUE_READ:
		return flow_shm_value_read(shm, error);
	case VALUE_WRITE:
		return flow_shm_value_write(shm, error);
	case EACH:
		return flow_shm_value_each(shm, error);
	case CREATE:
		return flow_shm_create(shm, error);
	case PATCH:
		return flow_shm_patch(shm, error);
	case LIST:
		return flow_shm_list(shm, stdout, error);
	case INFO:
		return flow_shm_info(shm, stdout, error);
	case REMOVE:
		return flow_shm_remove(shm, error);
	}
	return EX_USAGE;
}

static void
say_what_was_done(enum mode mode, const struct flow_shm *shm)
{
	unsigned long long bytes = shm->done.bytes,
			   position = shm->done.position;

	switch (mode) {
	case READ:
		flow_complain("%s: %llu bytes, up to position %llu",
			      shm->object.text, bytes, position);
		break;
	case VALUE_READ:
	case VALUE_WRITE:
	case EACH:
		flow_complain("%s: %llu bytes, generation %llu",
			      shm->object.text, bytes, position);
		break;
	default:
		flow_complain("%s: %llu bytes", shm->object.text, bytes);
	}
}

int
main(int argc, char **argv)
{
	struct options options = {
		.shm = {
			.object = { .fd = -1 },
			.timeout = INT64_MAX,
			.mode = 0600,
			.shape.size = 1 << 20,
			.length = UINT64_MAX,
		},
	};
	struct flow_shm *shm = &options.shm;
	struct flow_error error = { 0 };
	enum mode mode;
	int status = 0;

	flow_start(argv[0]);
	argv[0] = program_invocation_short_name; /* as in all messages */
	argp_parse(&argp, argc, argv, 0, NULL, &options);
	mode = choose_mode(&options);
	flow_interrupt_note();
	flow_map_guard();
	shm->shape.framing = shm->framing;
	shm->shape.open = flow_shm_is_open(shm->mode);
	if (mode != LIST &&
	    flow_object_name(&shm->object, options.name, &error))
		status = error.status;
	else
		status = run(mode, shm, &error);
	if (options.given & G_VERBOSE)
		say_what_was_done(mode, shm);
	if (flow_interrupted)
		flow_interrupt_die((int)flow_interrupted);
	if (status && error.text)
		flow_complain("%s", error.text);
	return status;
}
