#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# What words.gv must print, word by word.
while IFS= read -r word; do
	vowels=$(printf %s "$word" | tr -d -c aeiou)
	same=yes
	rest=$word
	while test ${#rest} -gt 1; do
		last=${rest#"${rest%?}"}
		test "${rest#"$last"}" != "$rest" || same=no
		rest=${rest#?}
		rest=${rest%?}
	done
	printf '%s\t%d\t%d\t%s\n' "$word" "${#word}" "${#vowels}" "$same"
done
