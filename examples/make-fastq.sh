#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Usage: make-fastq.sh [READS]
#
# Prints sequencing reads of 100 bases in FASTQ: 20,000 unless told otherwise,
# always the same ones. Quality falls towards the end of a read, as it does in
# life. Random numbers are the generator of Lehmer (16807, 2^31 - 1).
LC_ALL=C
export LC_ALL
exec awk -v reads="${1:-20000}" '
function uniform() {
	seed = (seed * 16807) % 2147483647
	return seed / 2147483647
}

BEGIN {
	seed = 20250303
	for (i = 33; i < 127; i++)
		letter[i - 33] = sprintf("%c", i)
	for (n = 1; n <= reads; n++) {
		bases = quality = ""
		for (i = 0; i < 100; i++) {
			u = uniform()
			bases = bases substr("ACGT", int(4 * u) + 1, 1)
			q = 38 - i / 8 - int(8 * uniform())
			quality = quality letter[int(q)]
		}
		print "@read" n
		print bases
		print "+"
		print quality
	}
}'
