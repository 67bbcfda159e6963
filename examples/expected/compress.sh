#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# What compress.gv [LEVEL] must print, from a copy of its input. There is no
# compress.out: other versions of the compressors make other sizes.
LC_ALL=C
export LC_ALL
copy=$(mktemp) || exit
trap 'rm -f "$copy"' EXIT
cat >"$copy"
plain=$(wc -c <"$copy")
for tool in cat gzip bzip2 xz; do
	if test $tool = cat; then
		name=plain
		bytes=$plain
	else
		name=$tool
		bytes=$("$tool" "-${1:-6}" <"$copy" | wc -c)
	fi
	echo "$name $bytes $plain" | awk '{ printf "%-6s %12.0f %7.2f %%\n", $1,
		$2, $3 ? $2 * 100 / $3 : 100 }'
done
