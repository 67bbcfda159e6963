#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# What frequency.gv [TOP] must print, by one awk that sees every word.
LC_ALL=C awk '
{
	$0 = tolower($0)
	gsub(/[^a-z]+/, " ")
	for (i = 1; i <= NF; i++)
		count[$i]++
}
END {
	for (word in count)
		print count[word], word
}' | LC_ALL=C sort -k 1,1nr -k 2 | sed "${1:-10}q"
