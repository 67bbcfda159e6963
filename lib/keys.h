/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * keys: the parts of a record by which it is compared, hashed or named (pure;
 * no system calls). Records are passed as flow_keys_content leaves them, that
 * is without their last delimiter.
 */
#ifndef FLOW_KEYS_H
#define FLOW_KEYS_H

#include <stddef.h>
#include <stdint.h>

#include "policy.h"
#include "record.h"

/*
 * What a reader of the record at *DATA, *SIZE bytes with its delimiter if it
 * has one, thinks of as the record: takes off the last delimiter of a line, a
 * start: or a nul record and the length of a len32 one.
 */
void flow_keys_content(const struct flow_record *record, const char **data,
		       size_t *size);

/* How many fields a key has: at least 1. */
size_t flow_keys_count(const struct flow_keys *keys);

/*
 * The bytes of the key's field INDEX (from 0, in the order of by=) in RECORD
 * of SIZE bytes; an empty one, which still points into RECORD, when missing.
 */
const char *flow_keys_field(const struct flow_keys *keys, size_t index,
			    const char *record, size_t size, size_t *length);

/*
 * Less than, equal to or greater than 0 as record A belongs before, with or
 * behind B: field by field as memcmp(3) has it, the shorter of two first where
 * one begins the other; by the numbers that they begin with where numeric (as
 * sort -n in the C locale: blanks, a minus, digits, a point, digits; no number
 * is 0). Reverse turns it round. Fields beyond the key do not count.
 */
int flow_keys_compare(const struct flow_keys *keys, const char *a,
		      size_t a_size, const char *b, size_t b_size);

/*
 * Equal for records whose fields are equal byte for byte, and the same in all
 * processes and builds. All of its bits are good to choose by.
 */
uint64_t flow_keys_hash(const struct flow_keys *keys, const char *record,
			size_t size);

#endif
