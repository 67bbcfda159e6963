/* SPDX-License-Identifier: GPL-3.0-or-later */
/* pictures: the files of --draw and --perfetto. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "files.h"
#include "io.h"
#include "page.h"
#include "picture.h"
#include "pictures.h"
#include "trace.h"

enum kind { SVG, PNG, HTML, TRACE };

struct flow_pictures {
	struct flow_plan plan; /* of nothing but files */
	enum kind *kinds; /* one a file */
	struct flow_open_file *files;
	struct flow_rundir rundir;
};

static const struct {
	const char *suffix;
	enum kind kind;
} suffixes[] = { { ".svg", SVG }, { ".png", PNG }, { ".html", HTML } };

static int
kind_of(const char *path)
{
	size_t length = strlen(path);

	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		size_t suffix = strlen(suffixes[i].suffix);

		if (length > suffix &&
		    strcmp(path + length - suffix, suffixes[i].suffix) == 0)
			return suffixes[i].kind;
	}
	return -1;
}

bool
flow_pictures_known(const char *path)
{
	return kind_of(path) >= 0;
}

static void
add(struct flow_pictures *pictures, const char *path, enum kind kind)
{
	size_t index = pictures->plan.file_count++;

	pictures->plan.files[index] = (struct flow_planned_file){
		.mode = FLOW_FILE_COMMIT,
		.path = path,
	};
	pictures->kinds[index] = kind;
}

struct flow_pictures *
flow_pictures_open(char *const *draw, const char *trace,
		   struct flow_error *error)
{
	struct flow_pictures *pictures = calloc(1, sizeof(*pictures));
	size_t count = 0;

	while (draw[count])
		count++;
	if (!pictures)
		flow_error_no_memory();
	pictures->rundir.fd = -1;
	pictures->plan.files = calloc(count + 1, sizeof(*pictures->plan.files));
	pictures->kinds = calloc(count + 1, sizeof(*pictures->kinds));
	if (!pictures->plan.files || !pictures->kinds)
		flow_error_no_memory();
	for (size_t i = 0; i < count; i++)
		add(pictures, draw[i], (enum kind)kind_of(draw[i]));
	if (trace)
		add(pictures, trace, TRACE);
	if (count == 0 || flow_picture_possible(error) == 0)
		pictures->files = flow_files_open(&pictures->plan,
						  &pictures->rundir, error);
	if (pictures->files)
		return pictures;
	flow_pictures_close(pictures);
	return NULL;
}

/* A trace as text; owned. */
static char *
trace(const struct flow_history *history, size_t *length)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, length);

	if (!out)
		flow_error_no_memory();
	flow_trace_write(history, out);
	if (fclose(out) != 0)
		flow_error_no_memory();
	return text;
}

/* What is to be in a file of KIND; owned, or NULL with ERROR. */
static char *
make(enum kind kind, const struct flow_graph *graph,
     const struct flow_history *history, size_t *length,
     struct flow_error *error)
{
	char *text = NULL;

	switch (kind) {
	case PNG:
		return flow_picture_png(graph, history, length, error);
	case TRACE:
		return trace(history, length);
	case SVG:
		text = flow_picture_svg(graph, history, true, error);
		break;
	case HTML:
		text = flow_page(graph, history, error);
		break;
	}
	*length = text ? strlen(text) : 0;
	return text;
}

static int
fill(struct flow_open_file *file, const char *data, size_t length,
     struct flow_error *error)
{
	const char *path = file->planned->path;

	/* a FIFO: who reads it has come by now, or is waited for */
	if (file->late)
		file->fd = open(path, file->flags | O_CLOEXEC);
	if (file->fd < 0 || flow_io_write_all(file->fd, data, length) < 0)
		return flow_error_set(error, EX_IOERR,
				      "cannot write file `%s`: %s", path,
				      strerror(errno));
	if (!file->commits)
		return 0;
	if (flow_file_prepare(file, error) < 0)
		return -1;
	return flow_file_publish(file, error);
}

int
flow_pictures_write(struct flow_pictures *pictures,
		    const struct flow_graph *graph,
		    const struct flow_history *history,
		    struct flow_error *error)
{
	int result = 0;

	for (size_t i = 0; i < pictures->plan.file_count; i++) {
		struct flow_error one = { 0 };
		size_t length;
		char *data =
			make(pictures->kinds[i], graph, history, &length, &one);

		if (!data ||
		    fill(&pictures->files[i], data, length, &one) < 0) {
			if (result == 0)
				flow_error_set(error, one.status, "%s",
					       one.text);
			result = -1;
		}
		flow_error_clear(&one);
		free(data);
	}
	return result;
}

void
flow_pictures_close(struct flow_pictures *pictures)
{
	flow_files_close(pictures->files, pictures->plan.file_count);
	flow_rundir_remove(&pictures->rundir);
	free(pictures->plan.files);
	free(pictures->kinds);
	free(pictures);
}
