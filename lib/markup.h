/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * markup: any bytes as text of XML, of HTML, or of a label of DOT. Bytes that
 * are no UTF-8, and characters that XML does not know, become visible signs.
 */
#ifndef FLOW_MARKUP_H
#define FLOW_MARKUP_H

#include <stddef.h>
#include <stdio.h>

/* TEXT between tags, or within an attribute's double quotes. */
void flow_markup_text(FILE *out, const char *text);

/*
 * TEXT within an HTML-like label of DOT, on one line and in at most MOST
 * characters, the last of which is an ellipsis when some are left out.
 */
void flow_markup_label(FILE *out, const char *text, size_t most);

#endif
