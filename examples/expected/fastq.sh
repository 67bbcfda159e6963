#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# What fastq.gv must print, by one process that sees every read.
LC_ALL=C exec awk '
BEGIN {
	for (i = 33; i < 127; i++)
		codes = codes sprintf("%c", i)
}
{ line = (NR - 1) % 4 }
line == 1 {
	reads++
	for (i = 1; i <= length($0); i++) {
		bases++
		gc += index("GC", substr($0, i, 1)) > 0
	}
}
line == 3 {
	for (i = length($0); i > 0; i--) {
		n = int((i + 9) / 10)
		sum[n] += index(codes, substr($0, i, 1)) - 1
		count[n]++
		if (n > most)
			most = n
	}
}
END {
	printf "reads %d\n", reads
	printf "GC %.2f %%\n", bases ? 100 * gc / bases : 0
	for (n = 1; n <= most; n++)
		printf "%3d-%d %6.2f\n", 10 * n - 9, 10 * n, sum[n] / count[n]
}'
