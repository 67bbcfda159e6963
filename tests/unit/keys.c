/* SPDX-License-Identifier: GPL-3.0-or-later */
/* keys: fields are found, compared and hashed by their bytes. */
#include "config.h"

#include <stdlib.h>

#include "bytes.h"
#include "keys.h"
#include "tap.h"

static const unsigned third_first[] = { 3, 1 };
static const struct flow_keys whole = { .delim = '\t' };
static const struct flow_keys fields = { .by = third_first,
					 .count = 2,
					 .delim = ',' };

static void
field(const char *record, size_t size, size_t index, const char *wanted)
{
	size_t length;
	const char *got =
		flow_keys_field(&fields, index, record, size, &length);

	ok(length == strlen(wanted) && !memcmp(got, wanted, length) &&
		   got >= record && got + length <= record + size,
	   "field %zu of `%s` is `%s`", index, record, wanted);
}

static void
content(const char *kind, const char *data, size_t size, size_t from,
	size_t wanted)
{
	struct flow_record record;
	const char *begin = data;

	flow_record_parse(kind, &record);
	flow_keys_content(&record, &begin, &size);
	ok(begin == data + from && size == wanted, "%s: %zu bytes of content",
	   kind, wanted);
}

static int
sign(int order)
{
	return (order > 0) - (order < 0);
}

static void
order(const struct flow_keys *keys, const char *a, const char *b, int wanted)
{
	size_t a_size = strlen(a), b_size = strlen(b);
	struct flow_keys turned = *keys;

	turned.reverse = true;
	ok(sign(flow_keys_compare(keys, a, a_size, b, b_size)) == wanted &&
		   sign(flow_keys_compare(keys, b, b_size, a, a_size)) ==
			   -wanted &&
		   sign(flow_keys_compare(&turned, a, a_size, b, b_size)) ==
			   -wanted,
	   "%s`%s` and `%s`: %d", keys->numeric ? "numeric: " : "", a, b,
	   wanted);
}

/* Numbers as text, with zeros and blanks about, in the order of their values. */
static void
numbers_are_ordered(void)
{
	struct flow_keys keys = { .delim = '\t', .numeric = true };
	bool right = true;

	for (unsigned i = 0; i < 20000; i++) {
		int x = (int)random_next(4000) - 2000;
		int y = (int)random_next(4000) - 2000;
		char a[40], b[40];
		int wanted = (x > y) - (x < y);

		snprintf(a, sizeof(a), "%*s%s%0*d.%02d%s", (int)random_next(3),
			 "", x < 0 ? "-" : "", (int)random_next(5),
			 abs(x) / 100, abs(x) % 100,
			 random_next(2) ? "00" : " k");
		snprintf(b, sizeof(b), "%s%d.%02d", y < 0 ? "-" : "",
			 abs(y) / 100, abs(y) % 100);
		right &= sign(flow_keys_compare(&keys, a, strlen(a), b,
						strlen(b))) == wanted;
	}
	ok(right, "20,000 pairs of numbers are ordered by their values");
}

/* Keys one byte apart, and their spread over few outputs. */
static void
hash_is_even(unsigned outputs)
{
	enum { KEYS = 100000 };
	unsigned count[64] = { 0 };
	bool even = true;

	for (unsigned i = 0; i < KEYS; i++) {
		char key[24];
		int size = snprintf(key, sizeof(key), "user%u", i);
		uint64_t hash = flow_keys_hash(&whole, key, (size_t)size);

		count[(hash >> 32) * outputs >> 32]++;
	}
	for (unsigned i = 0; i < outputs; i++)
		even &= count[i] > KEYS / outputs * 9 / 10 &&
			count[i] < KEYS / outputs * 11 / 10;
	ok(even, "keys are spread evenly over %u outputs", outputs);
}

/* Equal bytes at any place hash equal; one changed byte or size does not. */
static void
hash_is_exact(void)
{
	bool equal = true, differs = true;

	for (size_t size = 0; size < 200; size++) {
		char *a = malloc(size + 1), *b = malloc(size + 8);
		char *moved = b + random_next(7);
		uint64_t hash;

		for (size_t i = 0; i <= size; i++)
			a[i] = (char)random_next(256);
		memcpy(moved, a, size);
		hash = flow_keys_hash(&whole, a, size);
		equal &= hash == flow_keys_hash(&whole, moved, size);
		for (size_t i = 0; i < size; i++) {
			moved[i] ^= (char)(1 << random_next(8));
			differs &= hash != flow_keys_hash(&whole, moved, size);
			moved[i] = a[i];
		}
		differs &= size == 0 ||
			   hash != flow_keys_hash(&whole, a, size - 1);
		free(a);
		free(b);
	}
	ok(equal, "a hash depends on nothing but the bytes");
	ok(differs, "and on each of them, and on their number");
}

static void
hash_of_fields(void)
{
	uint64_t hash = flow_keys_hash(&fields, "a,b,c", 5);

	ok(hash == flow_keys_hash(&fields, "a,other,c,d", 11),
	   "fields outside the key do not count");
	ok(hash != flow_keys_hash(&fields, "ca,b,", 5) &&
		   hash != flow_keys_hash(&fields, "c,b,a", 5),
	   "where a field ends counts, and which is first");
	ok(hash == UINT64_C(0xea665e2fb857a8b7), "the same in every build");
}

int
main(void)
{
	struct flow_keys numeric = { .delim = '\t', .numeric = true };

	field("a,b,c,d", 7, 0, "c");
	field("a,b,c,d", 7, 1, "a");
	field("a,b,c", 5, 0, "c");
	field("a,b", 3, 0, "");
	field("", 0, 0, "");
	field("", 0, 1, "");
	field(",,", 2, 0, "");
	content("line", "ab\n", 3, 0, 2);
	content("line", "ab", 2, 0, 2);
	content("line:2", "a\nb\n", 4, 0, 3);
	content("start:>", ">a\nb\n", 5, 0, 4);
	content("nul", "a\n\0", 3, 0, 2);
	content("nul", "", 0, 0, 0);
	content("len32", "\0\0\0\2ab", 6, 4, 2);
	content("bytes:2", "a\n", 2, 0, 2);
	order(&whole, "a", "b", -1);
	order(&whole, "a", "ab", -1);
	order(&whole, "", "a", -1);
	order(&whole, "a", "a", 0);
	order(&whole, "\377", "a", 1);
	order(&fields, "z,1,a", "a,1,b", -1);
	order(&fields, "z,1,a", "a,1,a", 1);
	order(&fields, "a,1,a,9", "a,2,a", 0);
	order(&fields, "a,1", "a,1,", 0);
	order(&numeric, "9", "10", -1);
	order(&numeric, "-9", "-10", 1);
	order(&numeric, "-1", "1", -1);
	order(&numeric, "-0", "0", 0);
	order(&numeric, "", "0", 0);
	order(&numeric, "x", "0.0", 0);
	order(&numeric, "1.5", "1.50", 0);
	order(&numeric, "1.5", "1.49", 1);
	order(&numeric, ".5", "0.4", 1);
	order(&numeric, " 007", "7", 0);
	order(&numeric, "123456789012345678901234567890",
	      "123456789012345678901234567891", -1);
	numbers_are_ordered();
	for (unsigned outputs = 2; outputs <= 64; outputs *= 2)
		hash_is_even(outputs);
	hash_is_even(3);
	hash_is_exact();
	hash_of_fields();
	return tap_done();
}
