#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# dataflow: splits, merges and replicas beside GNU parallel, sort -m and cat.
#
# Usage: [ROUNDS=7] [BYTES=250M] [MG=PATH] bench/dataflow.sh [PART...]
#
# PART is replicas, gzip, split, merge, key, sight or idle; all of them unless
# named. See measure.bash for how; the status is 1 when outputs differ, and 0
# when a goal is missed: the table says so.
# shellcheck source=bench/measure.bash
. "$(dirname "$0")/measure.bash"
BYTES=$(bytes "${BYTES:-250M}") || exit

# Each work is a file $work/WORK.TOOL: a script of bash, or a graph for a TOOL
# whose name begins with mkfifo-graph.
work_of()
{
	case $1 in
	mkfifo-graph*) (cd "$work" && "$MG" "$2.$1" </dev/null) ;;
	*) (cd "$work" && bash -o pipefail "$2.$1" </dev/null) ;;
	esac
}

# write WORK TOOL: the work's text is on standard input.
write()
{
	cat >"$work/$1.$2"
}

# Lines of many lengths, as text has them.
make_text()
{
	test -e "$work/text" || awk -v bytes="$BYTES" 'BEGIN {
		seed = 1
		words = split("the of graph stream a process and to pipe record" \
			" that is in which reader every as whole writer it", word)
		while (size < bytes) {
			line = ""
			seed = (seed * 16807) % 2147483647
			for (i = seed % 23; i >= 0; i--) {
				seed = (seed * 16807) % 2147483647
				line = line word[seed % words + 1] " "
			}
			line = line seed
			size += length(line) + 1
			print line
		}
	}' >"$work/text"
}

# best WORK SIZE...: the size of block at which parallel is fastest, as TOOL
# `parallel`.
best()
{
	local name=$1 size fastest=
	shift
	for size; do
		sed "s/SIZE/$size/" "$work/$name.parallel" >"$work/$name.$size"
	done
	ROUNDS=3 measure "$name" 1 "$@"
	for size; do
		if test -z "$fastest" ||
			test "${median[$size]}" -lt "${median[$fastest]}"; then
			fastest=$size
		fi
	done
	cp "$work/$name.$fastest" "$work/$name.parallel"
	echo "parallel is fastest with blocks of $fastest"
}

# write_replicas WORK COMMAND: plain, by parallel, and in both orders.
write_replicas()
{
	write "$1" plain <<<"cat text | $2"
	write "$1" parallel <<<"cat text |
		parallel --will-cite --pipe -k -j2 --block SIZE '$2'"
	write "$1" mkfifo-graph <<-END
	digraph { "cat text" -> w
		w [cmd="$2", replicas=2] }
	END
	write "$1" mkfifo-graph-records <<-END
	digraph { "cat text" -> w
		w [cmd="$2", replicas=2, order=records] }
	END
}

part_replicas()
{
	local command name blocks records
	local tools=(plain parallel mkfifo-graph mkfifo-graph-records)
	make_text
	if test -z "$has_parallel"; then
		return
	fi
	for command in 'tr a-z A-Z' cat; do
		name=${command%% *}
		blocks=2.3 records=2.8
		test "$name" = tr || blocks=2.7 records=4
		write_replicas "$name" "$command"
		heading "$command on 2 replicas, $(numfmt --to=iec "$BYTES")B of text: times as fast as parallel -k"
		best "$name" 1M 3M 10M 30M
		agree "$name" "${tools[@]}"
		measure "$name" 1 "${tools[@]}"
		line "$name" plain parallel x
		line "$name" parallel parallel x
		line "$name" mkfifo-graph parallel x $blocks
		line "$name" mkfifo-graph-records parallel x $records
	done
}

part_gzip()
{
	local tools=(plain mkfifo-graph)
	make_text
	write gzip plain <<<'gzip -1 <text'
	write gzip mkfifo-graph <<-'END'
	digraph { t [file="text"]; z [cmd="gzip -1", replicas=2]; t -> z }
	END
	heading "gzip -1 on 2 replicas: times as fast as gzip -1"
	if test -n "$has_parallel"; then
		tools+=(parallel)
		write gzip parallel <<-'END'
		cat text | parallel --will-cite --pipe -k -j2 --block SIZE gzip -1
		END
		best gzip 1M 10M 30M
	fi
	for tool in "${tools[@]}"; do
		work_of "$tool" gzip | gzip -dc | cmp - "$work/text" ||
			die "gzip: $tool gives another text"
	done
	measure gzip 1 "${tools[@]}"
	line gzip plain plain x
	line gzip mkfifo-graph plain x 1.6
	if test -n "$has_parallel"; then
		line gzip parallel plain x
	fi
}

# The plain relay that splits and merges are held against: as many bytes
# through a cat, with the same readers behind and writers before it.
part_split()
{
	local policy
	make_text
	write split cat <<<'cat text | cat | cat >/dev/null; echo done'
	heading "a split over 4 readers: times as fast as a relay by cat"
	for policy in lines any hash; do
		write split "mkfifo-graph-$policy" <<-END
		digraph {
			node [cmd="cat >/dev/null"]
			a [cmd="cat text"]
			e [cmd="echo done"]
			a -> {r1 r2 r3 r4} [split=$policy]
		}
		END
		write "by-$policy" sorted <<<'sort text | cksum'
		write "by-$policy" mkfifo-graph <<-END
		digraph {
			node [cmd=cat]
			a [cmd="cat text"]
			a -> {r1 r2 r3 r4} [split=$policy]
			sum [cmd="sort | cksum"]
			{r1 r2 r3 r4} -> sum
		}
		END
		agree "by-$policy" sorted mkfifo-graph
	done
	measure split 1 cat mkfifo-graph-lines mkfifo-graph-any mkfifo-graph-hash
	line split cat cat x
	for policy in lines any hash; do
		line split "mkfifo-graph-$policy" cat x 0.8
	done
}

part_merge()
{
	local i
	make_text
	heading "a merge of 4 line streams: times as fast as a relay by cat"
	split -n l/4 -d -a 1 "$work/text" "$work/quarter"
	for i in 0 1 2 3; do
		sort "$work/quarter$i" >"$work/sorted$i"
	done
	write merge cat <<-'END'
	cat quarter0 quarter1 quarter2 quarter3 | cat | cat >/dev/null; echo done
	END
	write merge mkfifo-graph-any <<-'END'
	digraph {
		node [cmd="cat quarter$0"]
		s [cmd="cat >/dev/null"]
		e [cmd="echo done"]
		{0 1 2 3} -> s
	}
	END
	write sorted cat <<-'END'
	cat sorted0 sorted1 sorted2 sorted3 | cat | cat >/dev/null; echo done
	END
	write sorted sort-m <<-'END'
	sort -m <(cat sorted0) <(cat sorted1) <(cat sorted2) <(cat sorted3) |
		cat >/dev/null; echo done
	END
	write sorted mkfifo-graph-sorted <<-'END'
	digraph {
		node [cmd="cat sorted$0"]
		s [cmd="cat >/dev/null"]
		e [cmd="echo done"]
		{0 1 2 3} -> s [merge=sorted]
	}
	END
	write whole sort-m <<<'sort -m sorted0 sorted1 sorted2 sorted3'
	write whole mkfifo-graph <<-'END'
	digraph {
		node [cmd="cat sorted$0"]
		{0 1 2 3} -> stdout [merge=sorted]
	}
	END
	agree whole sort-m mkfifo-graph
	measure merge 1 cat mkfifo-graph-any
	line merge cat cat x
	line merge mkfifo-graph-any cat x 0.8
	measure sorted 1 cat sort-m mkfifo-graph-sorted
	line sorted cat cat x
	line sorted sort-m cat x
	line sorted mkfifo-graph-sorted cat x 0.8
	line sorted mkfifo-graph-sorted sort-m x
}

part_key()
{
	make_text
	mkdir -p "$work/by"
	heading "a file of each key: times as fast as awk"
	write key awk <<-'END'
	awk '{ print >("by/" $1 ".awk") }' text
	cat by/*.awk | wc -c
	END
	write key mkfifo-graph <<-'END'
	digraph {
		a [cmd="cat text"]
		f [file="by/{key}.tsv"]
		a -> f [split=key, by=1, delim=" "]
		n [cmd="wc -c <text"]
	}
	END
	agree key awk mkfifo-graph
	diff <(cat "$work"/by/*.awk) <(cat "$work"/by/*.tsv) ||
		die "key: the files differ"
	measure key 1 awk mkfifo-graph
	line key awk awk x
	line key mkfifo-graph awk x 3
}

# The same data through a chain and a relay, and through pipes alone.
part_sight()
{
	local name
	make_text
	write relays mkfifo-graph <<-'END'
	digraph { "cat text text text text" -> "tr a-z A-Z" -> {"wc -l" "wc -c"} }
	END
	write pipes mkfifo-graph <<-'END'
	digraph { "cat text text text text" -> "tr a-z A-Z" -> "wc -l" }
	END
	for name in relays pipes; do
		write "$name" with-p <<-END
		"$MG" -p $name.mkfifo-graph 2>/dev/null
		END
		write "$name" with-report <<-END
		"$MG" --report=/dev/null $name.mkfifo-graph
		END
		heading "the cost of watching, $name: share of the time without"
		measure "$name" 1 mkfifo-graph with-p with-report
		line "$name" mkfifo-graph mkfifo-graph of
		line "$name" with-p mkfifo-graph of 1.03
		line "$name" with-report mkfifo-graph of 1.03
	done
}

# switches PID...: context switches of all these processes so far.
switches()
{
	local pid
	for pid; do
		cat "/proc/$pid/status"
	done | awk '/ctxt_switches/ { n += $2 } END { print n }'
}

# pause SECONDS, without a process of its own.
pause()
{
	read -r -t "$1" <>"$work/clock"
}

# idle NAME CHILDREN [OPTION]: runs idle.NAME, of which so many processes are
# there when all have been started, and sets `woken` and `relays`.
idle()
{
	local name=$1 children=$2 pid guardian before after
	(cd "$work" && exec "$MG" ${3+"$3"} "idle.$name") \
		</dev/null >"$work/end" 2>/dev/null &
	pid=$!
	exec 9>"$work/hold" # opened once the first node reads there
	until guardian=$(pgrep -P $pid flow-guardian) &&
		test "$(pgrep -c -P "$guardian")" -ge "$children"; do
		pause 0.05
	done
	# the one look for a quiet run comes 5 s after the start: not in between
	pause 0.5
	mapfile -t relays < <(pgrep -P "$guardian" '^flow-')
	before=$(switches $pid "$guardian" "${relays[@]}")
	pause 3
	after=$(switches $pid "$guardian" "${relays[@]}")
	woken=$((after - before))
	echo >&9
	exec 9>&-
	wait $pid || die "idle: failed"
	test "$(cat "$work/end")" = end || die "idle: nothing came through"
}

part_idle()
{
	local i woken relays
	{
		echo 'digraph { node [cmd=cat]'
		echo 'n0 [cmd="read x <hold; echo end"]'
		for ((i = 1; i <= 1000; i++)); do
			echo "n$((i - 1)) -> n$i"
		done
		echo '}'
	} | write idle chain
	{
		echo 'digraph { node [cmd=cat]'
		echo 'n0 [cmd="read x <hold; echo end"]; last [cmd="head -n 1"]'
		echo 'n0 -> {'
		for ((i = 1; i <= 500; i++)); do
			echo "n$i"
		done
		echo '} -> last }'
	} | write idle star
	mkfifo "$work/hold"
	printf '\n1,000 idle edges: wake-ups of front, guardian and relays in 3 s\n'
	for i in 'chain 1001' 'star 504'; do
		# shellcheck disable=SC2086
		idle $i
		printf '%-26s %10d %31s\n' \
			"${i% *}, ${#relays[@]} relays" "$woken" \
			"= 0   $(test "$woken" -eq 0 && echo pass || echo MISS)"
		# shellcheck disable=SC2086
		idle $i -p
		printf '%-26s %10d\n' "${i% *} with -p" "$woken"
	done
}

has_parallel=$(has parallel parallel)
mkfifo "$work/clock"
about
parts_of "replicas gzip split merge key sight idle" "$@"
