/* SPDX-License-Identifier: GPL-3.0-or-later */
/* value: what may stand behind `=` where it is more than a word. */
#ifndef FLOW_VALUE_H
#define FLOW_VALUE_H

#include <stdbool.h>
#include <sys/types.h>

/* Does VALUE fit? A size of at least 1 byte; -20..19; 0 or more; "0 1 255"; a record. */
bool flow_value_is_size(const char *value);
bool flow_value_is_nice(const char *value);
bool flow_value_is_count(const char *value);
bool flow_value_is_statuses(const char *value);
bool flow_value_is_record(const char *value);
/* 1 or more; "2,3"; one byte or \t; "100ms". */
bool flow_value_is_positive(const char *value);
bool flow_value_is_fields(const char *value);
bool flow_value_is_delimiter(const char *value);
bool flow_value_is_duration(const char *value);

/* Reads a whole decimal number from LEAST to MOST. 0, or -1 when VALUE is none. */
int flow_value_number(const char *value, long least, long most, long *number);
/* Reads "0 1" or "0,1" as the bits 0 and 1 of SET. 0, or -1 when it is not that. */
int flow_value_statuses(const char *value, unsigned char set[32]);

/*
 * Reads "2,3" or "2 3" into FIELDS, room for as many numbers as VALUE has bytes.
 * How many there are, or -1 when it is not that.
 */
ssize_t flow_value_fields(const char *value, unsigned *fields);
/* The byte that VALUE means: itself, or \t, \0 or \\. -1 when it is not one. */
int flow_value_delimiter(const char *value);

enum flow_address { FLOW_ADDRESS_FILE, FLOW_ADDRESS_LATER, FLOW_ADDRESS_NONE };

/* What kind of address VALUE is. */
enum flow_address flow_value_address(const char *value);

#endif
