/* SPDX-License-Identifier: GPL-3.0-or-later */
/* keys: the parts of a record by which it is compared, hashed or named. */
#include "config.h"

#include <stdbool.h>
#include <string.h>

#include "keys.h"

void
flow_keys_content(const struct flow_record *record, const char **data,
		  size_t *size)
{
	const char *delimiter;
	size_t delimiter_size;

	if (record->kind == FLOW_RECORD_LEN32) {
		size_t head = *size < 4 ? *size : 4;

		*data += head;
		*size -= head;
		return;
	}
	flow_record_delimiter(record, &delimiter, &delimiter_size);
	if (delimiter_size && *size && (*data)[*size - 1] == *delimiter)
		--*size;
}

size_t
flow_keys_count(const struct flow_keys *keys)
{
	return keys->count ? keys->count : 1;
}

const char *
flow_keys_field(const struct flow_keys *keys, size_t index, const char *record,
		size_t size, size_t *length)
{
	const char *end = record + size;
	const char *delimiter;

	*length = size;
	if (keys->count == 0)
		return record;
	for (unsigned left = keys->by[index]; left > 1; left--) {
		delimiter = memchr(record, keys->delim, (size_t)(end - record));
		if (!delimiter) {
			*length = 0;
			return end;
		}
		record = delimiter + 1;
	}
	delimiter = memchr(record, keys->delim, (size_t)(end - record));
	*length = (size_t)((delimiter ? delimiter : end) - record);
	return record;
}

/* A number in decimal: the digits before and behind its point. */
struct decimal {
	bool negative;
	const char *whole, *part;
	size_t whole_size, part_size;
};

static size_t
digits(const char *text, const char *end)
{
	const char *at = text;

	while (at < end && *at >= '0' && *at <= '9')
		at++;
	return (size_t)(at - text);
}

static struct decimal
decimal_of(const char *text, size_t size)
{
	const char *end = text + size;
	struct decimal number = { .part = end };

	while (text < end && (*text == ' ' || *text == '\t' || *text == '\n'))
		text++;
	if (text < end && *text == '-') {
		number.negative = true;
		text++;
	}
	while (text < end && *text == '0')
		text++;
	number.whole = text;
	number.whole_size = digits(text, end);
	text += number.whole_size;
	if (text < end && *text == '.') {
		number.part = text + 1;
		number.part_size = digits(text + 1, end);
	}
	while (number.part_size && number.part[number.part_size - 1] == '0')
		number.part_size--;
	/* There is one zero only. */
	if (number.whole_size + number.part_size == 0)
		number.negative = false;
	return number;
}

static int
compare_bytes(const char *a, size_t a_size, const char *b, size_t b_size)
{
	size_t common = a_size < b_size ? a_size : b_size;
	int order = common ? memcmp(a, b, common) : 0;

	return order ? order : (a_size > b_size) - (a_size < b_size);
}

static int
compare_numbers(const char *a, size_t a_size, const char *b, size_t b_size)
{
	struct decimal x = decimal_of(a, a_size);
	struct decimal y = decimal_of(b, b_size);
	int order =
		(x.whole_size > y.whole_size) - (x.whole_size < y.whole_size);

	if (x.negative != y.negative)
		return x.negative ? -1 : 1;
	if (order == 0)
		order = compare_bytes(x.whole, x.whole_size, y.whole,
				      y.whole_size);
	if (order == 0)
		order = compare_bytes(x.part, x.part_size, y.part, y.part_size);
	return x.negative ? -order : order;
}

int
flow_keys_compare(const struct flow_keys *keys, const char *a, size_t a_size,
		  const char *b, size_t b_size)
{
	size_t count = flow_keys_count(keys);
	int order = 0;

	for (size_t i = 0; i < count && order == 0; i++) {
		size_t x_size, y_size;
		const char *x = flow_keys_field(keys, i, a, a_size, &x_size);
		const char *y = flow_keys_field(keys, i, b, b_size, &y_size);

		order = keys->numeric ? compare_numbers(x, x_size, y, y_size)
				      : compare_bytes(x, x_size, y, y_size);
	}
	/* Not -order: memcmp may say INT_MIN. */
	if (keys->reverse)
		return (order < 0) - (order > 0);
	return order;
}

/* The little-endian number in the SIZE (at most 8) bytes at DATA. */
static uint64_t
load(const char *data, size_t size)
{
	uint64_t word = 0;

	memcpy(&word, data, size);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	word = __builtin_bswap64(word);
#endif
	return word;
}

/* Both halves of a product of 128 bits: each bit of A and B reaches all. */
static uint64_t
mix(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t
hash_bytes(uint64_t hash, const char *data, size_t size)
{
	static const uint64_t odd = 0x9e3779b97f4a7c15,
			      other = 0xd6e8feb86659fd93;
	uint64_t first, second;
	size_t left = size;

	for (; left > 16; data += 16, left -= 16)
		hash = mix(load(data, 8) ^ odd, load(data + 8, 8) ^ hash);
	/* The last 16 bytes, some of them twice, cost no look at how many. */
	if (size >= 16) {
		first = load(data + left - 16, 8);
		second = load(data + left - 8, 8);
	} else if (left >= 8) {
		first = load(data, 8);
		second = load(data + left - 8, 8);
	} else if (left >= 4) {
		first = load(data, 4);
		second = load(data + left - 4, 4);
	} else {
		first = 0;
		second = 0;
		for (size_t i = 0; i < left; i++)
			first = first << 8 | (unsigned char)data[i];
	}
	/* The size makes "a", "" and "", "a" two keys. */
	hash = mix(first ^ odd, second ^ hash);
	return mix(hash ^ other, (uint64_t)size ^ odd);
}

uint64_t
flow_keys_hash(const struct flow_keys *keys, const char *record, size_t size)
{
	uint64_t hash = 0xa0761d6478bd642f;

	if (keys->count == 0)
		return hash_bytes(hash, record, size);
	for (size_t i = 0; i < keys->count; i++) {
		size_t length;
		const char *field =
			flow_keys_field(keys, i, record, size, &length);

		hash = hash_bytes(hash, field, length);
	}
	return hash;
}
