#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# What clean.gv REJECTS must print and write, line by line.
seen=' '
: >"$1.unsorted"
while IFS= read -r line; do
	commas=$(printf %s "$line" | tr -d -c ,)
	order=${line%%,*}
	if test ${#commas} -ne 3; then
		echo "$line: $((${#commas} + 1)) fields" >>"$1.unsorted"
	elif test "$order" != order && ! printf '%s\n' "$line" |
		grep -q -E '^[^,]*,[^,]*,[0-9]+,[0-9]+[.][0-9]{2}$'; then
		echo "$line: not a number" >>"$1.unsorted"
	elif test "$seen" != "${seen#* "$order" }"; then
		echo "$line: number seen before" >>"$1.unsorted"
	else
		printf '%s\n' "$line"
		seen="$seen$order "
	fi
done
LC_ALL=C sort -u "$1.unsorted" >"$1"
rm "$1.unsorted"
