#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# What weblog.gv LOG [TOP] must print, by one pass over the log a question.
LC_ALL=C
export LC_ALL
log=$1
top=${2:-10}
good='^[^ ]+ [^ ]+ [^ ]+ \[[^]]+\] "[^ "]+ [^ "]+ [^ "]+" [0-9]+ [-0-9]+ "[^"]*" "[^"]*"$'

requests() {
	grep -E "$good" "$log"
}

paths() {
	awk '{ print $7 }' | sed 's/[?].*//'
}

rank() {
	sort | uniq -c | sort -k 1,1nr -k 2
}

indent() {
	sed 's/^/     /'
}

day() {
	sed 's/.*\[\(..\)\/\(...\)\/\(....\):.*/\3-\2-\1/; s/Mar/03/'
}

echo "Web report, $(requests | sed -n 1p | day) to $(requests | tail -n 1 | day)"
printf '%12d requests\n' "$(requests | wc -l)"
requests | awk '{ n += $10 } END { printf "%12.1f MiB sent\n", n / 1048576 }'
requests | awk '$9 >= 400 { n++ }
	END { printf "%12.2f %% failed\n", NR ? n / NR * 100 : 0 }'
printf '%12d visitors\n' "$(requests | cut -d ' ' -f 1 | sort -u | wc -l)"
printf '%12d malformed lines\n' "$(grep -c -v -E "$good" "$log")"

printf '\nRequests and bytes a day\n'
for d in $(requests | day | uniq); do
	pattern="\\[${d##*-}/Mar/${d%%-*}:"
	requests | grep "$pattern" | awk -v day="$d" '{ n += $10 }
		END { printf "%12d %s %10.1f MiB\n", NR, day, n / 1048576 }'
done

printf '\nRequests by hour of the day\n'
hours() {
	requests | cut -d : -f 2 | sort | uniq -c
}
most=$(hours | sort -n | tail -n 1 | awk '{ print $1 }')
hash='########################################'
hours | while read -r count hour; do
	bar=$(((40 * count + most - 1) / most))
	printf '%12d %s:00 %.*s\n' "$count" "$hour" "$bar" "$hash"
done

printf '\nStatuses\n'
requests | awk '{ print $9 }' | sort | uniq -c | indent

printf '\nMost wanted pages\n'
requests | awk '$9 == 200' | paths | rank | sed "${top}q" | indent

printf '\nHeaviest pages, MiB\n'
requests | awk '{ sub(/[?].*/, "", $7); n[$7] += $10 }
	END { for (page in n) print n[page], page }' |
	sort -k 1,1nr -k 2 | sed "${top}q" |
	awk '{ printf "%12.1f %s\n", $1 / 1048576, $2 }'

printf '\nBusiest visitors\n'
requests | cut -d ' ' -f 1 | rank | sed "${top}q" | indent

printf '\nWhere they came from\n'
requests | cut -d '"' -f 4 | sed '/^-$/d' | rank | sed "${top}q" | indent

printf '\nWhat they came with\n'
requests | cut -d '"' -f 6 | sed -E 's/.*(bot|[Ss]pider|[Cc]rawl).*/robots/
	t
	s/.*(Firefox|Chrome).*/\1/; t
	s/.*Safari.*/Safari/; t
	s/^(curl|Wget).*/command line/; t
	s/.*[Ff]eed.*/feed readers/; t
	s/.*/others/' | rank | indent

printf '\nWhat went wrong\n'
requests | awk '$9 >= 400 { sub(/[?].*/, "", $7); print $9, $7 }' | rank |
	sed "${top}q" | indent
