#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# What duplicates.gv [DIR] must print, by the checksums of all files.
LC_ALL=C
export LC_ALL
find "${1:-.}" -type f ! -name '*
*' -exec sha256sum -z {} + | tr '\0' '\n' | sort |
	uniq -w 64 --all-repeated=separate | cut -c 67-
