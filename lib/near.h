/* SPDX-License-Identifier: GPL-3.0-or-later */
/* near: the word that was probably meant, for hints. */
#ifndef FLOW_NEAR_H
#define FLOW_NEAR_H

#include <stddef.h>

/*
 * The one of COUNT CANDIDATES (NULL ones are skipped) that is nearest to WORD
 * by insertions, deletions, substitutions and swaps of neighbours; the first
 * of several. WORD itself is never an answer, nor is a word that differs in
 * more than a third of its characters (at least one change is allowed, and
 * words of one character have no neighbours). Returns one of CANDIDATES, or
 * NULL.
 */
const char *flow_near(const char *word, const char *const *candidates,
		      size_t count);

#endif
