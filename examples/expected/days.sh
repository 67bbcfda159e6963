#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# What days.gv LOG DIR must print and write into DIR, one pass a day.
LC_ALL=C
export LC_ALL
tab=$(printf '\t')
day() {
	sed -n 's/^[^[]*\[\(..\)\/\(...\)\/\(....\):[0-9:]* .*/\3-\2-\1/p' |
		sed 's/Mar/03/'
}
# shellcheck disable=SC2094 # what is written is another file
day <"$1" | uniq | while read -r d; do
	echo "day${tab}time${tab}host${tab}status${tab}page" >"$2/$d.tsv"
	grep "\[${d##*-}/Mar/${d%%-*}:" "$1" | awk 'NF > 9' |
		sed -E "s/^([^ ]+) [^[]*\[[^:]*:([0-9:]+) [^\"]*\"[^ ]+ ([^ ]+) [^\"]*\" ([0-9]+).*/$d$tab\2$tab\1$tab\4$tab\3/" >>"$2/$d.tsv"
	printf '%7d %s\n' "$(($(wc -l <"$2/$d.tsv") - 1))" "$d"
done
