/* SPDX-License-Identifier: GPL-3.0-or-later */
/* value: what may stand behind `=` where it is more than a word. */
#include "config.h"

#include "value.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "record.h"
#include "size.h"

int
flow_value_number(const char *value, long least, long most, long *number)
{
	size_t sign = *value == '-' || *value == '+';
	char *end;

	if (value[sign] < '0' || value[sign] > '9')
		return -1;
	errno = 0;
	*number = strtol(value, &end, 10);
	if (errno != 0 || *end != '\0' || *number < least || *number > most)
		return -1;
	return 0;
}

int
flow_value_statuses(const char *value, unsigned char set[32])
{
	static const char blanks[] = " \t\n,";
	unsigned status, count = 0;

	memset(set, 0, 32);
	for (;;) {
		value += strspn(value, blanks);
		if (*value == '\0')
			return count > 0 ? 0 : -1;
		if (*value < '0' || *value > '9')
			return -1;
		for (status = 0; *value >= '0' && *value <= '9'; value++) {
			status = status * 10 + (unsigned)(*value - '0');
			if (status > 255)
				return -1;
		}
		if (*value != '\0' && strchr(blanks, *value) == NULL)
			return -1;
		set[status / 8] |= (unsigned char)(1U << status % 8);
		count++;
	}
}

bool
flow_value_is_size(const char *value)
{
	uint64_t bytes;

	return flow_size_parse(value, &bytes) == 0 && bytes > 0;
}

bool
flow_value_is_nice(const char *value)
{
	long number;

	return flow_value_number(value, -20, 19, &number) == 0;
}

bool
flow_value_is_count(const char *value)
{
	long number;

	return flow_value_number(value, 0, LONG_MAX - 1, &number) == 0;
}

bool
flow_value_is_statuses(const char *value)
{
	unsigned char set[32];

	return flow_value_statuses(value, set) == 0;
}

bool
flow_value_is_record(const char *value)
{
	struct flow_record record;

	return flow_record_parse(value, &record) == 0;
}

bool
flow_value_is_positive(const char *value)
{
	long number;

	return flow_value_number(value, 1, INT_MAX, &number) == 0;
}

bool
flow_value_is_fields(const char *value)
{
	unsigned *fields = calloc(strlen(value) + 1, sizeof *fields);
	ssize_t count = fields ? flow_value_fields(value, fields) : -1;

	free(fields);
	return count > 0;
}

bool
flow_value_is_delimiter(const char *value)
{
	return flow_value_delimiter(value) >= 0;
}

bool
flow_value_is_duration(const char *value)
{
	int64_t nanoseconds;

	return flow_duration_parse(value, &nanoseconds) == 0;
}

ssize_t
flow_value_fields(const char *value, unsigned *fields)
{
	ssize_t count = 0;

	for (;;) {
		unsigned number = 0;

		value += strspn(value, " ");
		if (count > 0 && *value == '\0')
			return count;
		if (count > 0 && *value == ',')
			value += 1 + strspn(value + 1, " ");
		for (; *value >= '0' && *value <= '9'; value++) {
			number = number * 10 + (unsigned)(*value - '0');
			if (number > 1000000)
				return -1;
		}
		if (number == 0 || (*value && !strchr(" ,", *value)))
			return -1;
		fields[count++] = number;
	}
}

int
flow_value_delimiter(const char *value)
{
	static const char words[] = "t\t0\0\\\\";

	if (value[0] != '\0' && value[1] == '\0')
		return (unsigned char)value[0];
	if (value[0] != '\\' || value[1] == '\0' || value[2] != '\0')
		return -1;
	for (size_t i = 0; i < sizeof words - 1; i += 2)
		if (words[i] == value[1])
			return (unsigned char)words[i + 1];
	return -1;
}

enum flow_address
flow_value_address(const char *value)
{
	static const char *const later[] = {
		"fd:",	       "fifo:",	 "shm:",	 "mq:",
		"unix:",       "tcp:",	 "unix-listen:", "tls:",
		"tcp-listen:", "udp:",	 "exec:",	 "tls-listen:",
		"amqp:",       "amqps:", "redis:",	 "nats:",
	};
	size_t i;

	if (strncmp(value, "file:", 5) == 0 || strncmp(value, "file+:", 6) == 0)
		return FLOW_ADDRESS_FILE;
	for (i = 0; i < sizeof later / sizeof *later; i++)
		if (strncmp(value, later[i], strlen(later[i])) == 0)
			return FLOW_ADDRESS_LATER;
	return strcmp(value, "-") == 0 ? FLOW_ADDRESS_LATER : FLOW_ADDRESS_NONE;
}
