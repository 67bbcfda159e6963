#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# What eof-safe.gv DUMP.gz TABLE must do, one step after the other.
LC_ALL=C
export LC_ALL
copy=$(mktemp) || exit
trap 'rm -f "$copy"' EXIT
gzip -dc <"$1" >"$copy" 2>/dev/null || exit
grep -q -v '^[0-9][0-9]* ' "$copy" && exit 1
sort -n "$copy" >"$2"
echo "$(wc -l <"$2") lines loaded"
