/* SPDX-License-Identifier: GPL-3.0-or-later */
/* size: durations and sizes as people write them, in exact arithmetic. */
#include "config.h"

#include "size.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* 128 bits hold every number of 64 times every unit, and the remainder. */
typedef unsigned __int128 wide;

static const char prefixes[] = "KMGTPE";

/* The number "12.5" is whole 12, fraction 5, scale 10. */
struct decimal {
	uint64_t whole;
	uint64_t fraction;
	uint64_t scale; /* a power of ten, 1 without a fraction */
	bool point;
	bool huge; /* whole does not fit */
};

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Reads digits[.digits] or .digits; returns what follows, or NULL. */
static const char *
read_decimal(const char *text, struct decimal *number)
{
	const char *start = text;

	*number = (struct decimal){ .scale = 1 };
	for (; is_digit(*text); text++)
		if (__builtin_mul_overflow(number->whole, 10, &number->whole) ||
		    __builtin_add_overflow(number->whole, *text - '0',
					   &number->whole))
			number->huge = true;
	if (*text != '.')
		return text == start ? NULL : text;

	number->point = true;
	start = ++text;
	for (; is_digit(*text); text++) {
		/* What comes after 18 places is below every unit's grain. */
		if (text - start >= 18)
			continue;
		number->fraction = number->fraction * 10 + (*text - '0');
		number->scale *= 10;
	}
	return text == start ? NULL : text;
}

/* NUMBER times UNIT, rounded up; -1 with ERANGE when over MOST. */
static int
multiply(const struct decimal *number, uint64_t unit, uint64_t most,
	 uint64_t *product)
{
	wide whole = (wide)number->whole * unit;
	wide part = (wide)number->fraction * unit;
	wide sum = whole + (part + number->scale - 1) / number->scale;

	if (number->huge || sum > most) {
		errno = ERANGE;
		return -1;
	}
	*product = sum;
	return 0;
}

int
flow_duration_parse(const char *text, int64_t *nanoseconds)
{
	static const struct {
		const char *name;
		uint64_t nanoseconds;
	} units[] = {
		{ "", 1000000000 },
		{ "ns", 1 },
		{ "us", 1000 },
		{ "ms", 1000000 },
		{ "s", 1000000000 },
		{ "m", 60 * UINT64_C(1000000000) },
		{ "h", 3600 * UINT64_C(1000000000) },
		{ "d", 86400 * UINT64_C(1000000000) },
	};
	struct decimal number;
	const char *unit = read_decimal(text, &number);
	uint64_t product;

	for (size_t i = 0; unit && i < sizeof(units) / sizeof(*units); i++) {
		if (strcmp(unit, units[i].name))
			continue;
		if (multiply(&number, units[i].nanoseconds, INT64_MAX,
			     &product))
			return -1;
		*nanoseconds = product;
		return 0;
	}
	errno = EINVAL;
	return -1;
}

/* The bytes of "", "B", "K", "KiB", "kB"...; 0 when it is no unit. */
static uint64_t
size_unit(const char *text)
{
	char letter = *text == 'k' ? 'K' : *text;
	const char *prefix;
	uint64_t base, unit = 1;

	if (!*text || !strcmp(text, "B"))
		return 1;
	prefix = strchr(prefixes, letter);
	if (!prefix)
		return 0;
	if (!text[1] || !strcmp(text + 1, "iB"))
		base = 1024;
	else if (!strcmp(text + 1, "B"))
		base = 1000;
	else
		return 0;
	for (const char *step = prefixes; step <= prefix; step++)
		unit *= base;
	return unit;
}

int
flow_size_parse(const char *text, uint64_t *bytes)
{
	struct decimal number;
	const char *rest = read_decimal(text, &number);
	uint64_t unit = rest ? size_unit(rest) : 0;

	/* There is no half byte. */
	if (!unit || (unit == 1 && number.point)) {
		errno = EINVAL;
		return -1;
	}
	return multiply(&number, unit, UINT64_MAX, bytes);
}

char *
flow_size_format(uint64_t bytes, char *buffer, unsigned long size)
{
	uint64_t unit = 1024, tenths;
	const char *prefix = prefixes;

	if (bytes < 1024) {
		snprintf(buffer, size, "%u B", (unsigned)bytes);
		return buffer;
	}
	/* 1023.96 KiB is not "1024.0 KiB" but 1 MiB, hence tenths. */
	for (;; prefix++, unit *= 1024) {
		tenths = ((wide)bytes * 10 + unit / 2) / unit;
		if (tenths < 10240 || !prefix[1])
			break;
	}
	if (tenths % 10)
		snprintf(buffer, size, "%u.%u %ciB", (unsigned)(tenths / 10),
			 (unsigned)(tenths % 10), *prefix);
	else
		snprintf(buffer, size, "%u %ciB", (unsigned)(tenths / 10),
			 *prefix);
	return buffer;
}
