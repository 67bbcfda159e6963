/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * keyfiles: the files of split=key, one a key. They are collected in one
 * folder beside where they will be, under the names that they will have:
 *
 *	file="by/{key}.tsv"	by/.ipcflow-0123456789abcdef-0/oslo.tsv
 *				-> by/oslo.tsv
 */
#ifndef FLOW_KEYFILES_H
#define FLOW_KEYFILES_H

#include <stdbool.h>
#include <stddef.h>

#include "error.h"
#include "files.h"

/* What stands for the key, in the last part of a path. */
extern const char flow_key_mark[];

/* The last part of PATTERN: borrowed, a part of it. */
const char *flow_keyfiles_last(const char *pattern);

/*
 * The name that LAST, the last part of a pattern, gives to the file of KEY,
 * LENGTH bytes. Owned, or NULL when there is no such name: the key is empty, a
 * dot or two, holds a slash or a NUL byte, or the name is over 255 bytes. Aborts
 * when out of memory.
 */
char *flow_keyfiles_name(const char *last, const char *key, size_t length);

/*
 * As flow_file_prepare and flow_file_publish, of each file that has been
 * collected in the folder FILE->fd.
 */
int flow_keyfiles_prepare(const struct flow_open_file *file,
			  struct flow_error *error);
int flow_keyfiles_publish(const struct flow_open_file *file,
			  struct flow_error *error);

#endif
