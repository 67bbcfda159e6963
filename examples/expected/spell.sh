#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# What spell.gv WORDS FILE FILE must print, word by word.
# shellcheck disable=SC2018,SC2019
for file in "$2" "$3"; do
	number=0
	while IFS= read -r line; do
		number=$((number + 1))
		for word in $(printf '%s\n' "$line" | tr -c 'A-Za-z\n' ' ' |
			tr A-Z a-z); do
			if ! grep -q -x -e "$word" "$1"; then
				printf '%s:%d:\t%s\n' "$file" "$number" "$line"
				break
			fi
		done
	done <"$file"
done
