/* SPDX-License-Identifier: GPL-3.0-or-later */
/* near: optimal string alignment distance, over words short enough to be names. */
#include "config.h"

#include "near.h"

#include <string.h>

/* Longer words are not misspelt names, and rows of this size fit the stack. */
enum { LONGEST = 64 };

static unsigned
least(unsigned a, unsigned b, unsigned c)
{
	unsigned d = a < b ? a : b;

	return d < c ? d : c;
}

static unsigned
distance(const char *a, size_t a_length, const char *b, size_t b_length)
{
	unsigned rows[3][LONGEST + 1];
	unsigned *before = rows[0], *above = rows[1], *here = rows[2], *turn;
	size_t i, j;

	for (j = 0; j <= b_length; j++)
		above[j] = (unsigned)j;
	for (i = 1; i <= a_length; i++) {
		here[0] = (unsigned)i;
		for (j = 1; j <= b_length; j++) {
			here[j] = least(above[j] + 1, here[j - 1] + 1,
					above[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
			    a[i - 2] == b[j - 1] && before[j - 2] + 1 < here[j])
				here[j] = before[j - 2] + 1;
		}
		turn = before;
		before = above;
		above = here;
		here = turn;
	}
	return above[b_length];
}

const char *
flow_near(const char *word, const char *const *candidates, size_t count)
{
	size_t word_length = strlen(word), length, longer, i;
	unsigned best = LONGEST, far;
	const char *nearest = NULL;

	if (word_length < 2 || word_length > LONGEST)
		return NULL;
	for (i = 0; i < count; i++) {
		if (candidates[i] == NULL)
			continue;
		length = strlen(candidates[i]);
		if (length < 2 || length > LONGEST)
			continue;
		far = distance(word, word_length, candidates[i], length);
		longer = length > word_length ? length : word_length;
		if (far == 0 || far >= best || (far > 1 && far * 3 > longer))
			continue;
		best = far;
		nearest = candidates[i];
	}
	return nearest;
}
