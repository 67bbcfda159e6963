#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# graph: mkfifo-graph beside bash, pipexec and pee in one run.
#
# Usage: [ROUNDS=7] [BYTES=4G] [FAN_BYTES=512M] [MG=PATH] bench/graph.sh [PART...]
#
# PART is chain, fan, memory or start; all of them unless named. Each line is
# the median of ROUNDS rounds, in which the tools take turns; the outputs of
# all tools are compared before anything is timed. Ratios travel to other
# machines, seconds do not. The status is 1 when outputs differ, and 0 when a
# goal is missed: the table says so.
# shellcheck source=bench/measure.bash
. "$(dirname "$0")/measure.bash"
BYTES=$(bytes "${BYTES:-4G}") || exit
FAN_BYTES=$(bytes "${FAN_BYTES:-512M}") || exit

# ---- inputs ----------------------------------------------------------------

# Text that is not all the same, and small enough to stay in the page cache;
# a stream is made of it by naming it many times.
make_part()
{
	seq 1000000000 | head -c "$PART_BYTES" >"$work/part"
}

# parts BYTES: the arguments of a cat that writes so much.
parts()
{
	local n=$((($1 + PART_BYTES - 1) / PART_BYTES)) list=
	while test "$n" -gt 0; do
		list+=" $work/part"
		n=$((n - 1))
	done
	echo "$list"
}

# ---- the same work for each tool: files $work/WORK.gv, .bash, .pipexec, .pee

# write_chain WORK LENGTH FIRST OTHERS: LENGTH commands in a line.
write_chain()
{
	local file=$work/$1 length=$2 first=$3 others=$4 i
	{
		echo "digraph {"
		echo "n1 [cmd=\"$first\"]"
		for ((i = 2; i <= length; i++)); do
			echo "n$i [cmd=\"$others\"]"
			echo "n$((i - 1)) -> n$i"
		done
		echo "}"
	} >"$file.gv"
	{
		printf %s "$first"
		for ((i = 2; i <= length; i++)); do
			printf ' | %s' "$others"
		done
		echo
	} >"$file.bash"
	{
		printf 'exec pipexec -- [ n1 %s ]' "$(full "$first")"
		for ((i = 2; i <= length; i++)); do
			printf ' [ n%d %s ]' "$i" "$(full "$others")"
		done
		for ((i = 2; i <= length; i++)); do
			printf ' "{n%d:1>n%d:0}"' "$((i - 1))" "$i"
		done
		echo
	} >"$file.pipexec"
}

# full "CMD ARG...": the same with the command's path, as pipexec wants it.
full()
{
	echo "$(type -P "${1%% *}")${1#"${1%% *}"}"
}

# write_fan WORK CONSUMERS: standard input to so many `wc -c`.
write_fan()
{
	local file=$work/$1 consumers=$2 i
	{
		echo "digraph {"
		for ((i = 1; i <= consumers; i++)); do
			echo "n$i [cmd=\"wc -c\"]"
			echo "stdin -> n$i -> stdout"
		done
		echo "}"
	} >"$file.gv"
	{
		# the cat waits for what the substitutions still write, and 3
		# keeps that out of the pipe behind tee
		printf '{ tee'
		for ((i = 2; i <= consumers; i++)); do
			printf ' >(wc -c >&3)'
		done
		echo ' | wc -c; } 3>&1 | cat'
	} >"$file.bash"
	{
		printf 'exec pee'
		for ((i = 1; i <= consumers; i++)); do
			printf " 'wc -c'"
		done
		echo
	} >"$file.pee"
}

# run TOOL WORK: does it, with the standard input and output it finds.
run()
{
	case $1 in
	mkfifo-graph) "$MG" "$work/$2.gv" ;;
	bash) bash "$work/$2.bash" ;;
	pipexec | pee) bash "$work/$2.$1" ;;
	esac
}

# The standard input of the work: none, pipe or file.
input=none
work_of()
{
	# shellcheck disable=SC2086
	case $input in
	none) run "$1" "$2" </dev/null ;;
	file) run "$1" "$2" <"$work/input" ;;
	pipe) cat $fan_parts | run "$1" "$2" ;;
	esac
}

# ---- measuring -------------------------------------------------------------

# table WORK SENSE GOAL TOOL...: the lines of one measurement, bash first.
table()
{
	local name=$1 sense=$2 goal=$3 tool
	shift 3
	line "$name" bash bash "$sense"
	for tool; do
		case $tool in
		bash) ;;
		mkfifo-graph) line "$name" "$tool" bash "$sense" "$goal" ;;
		*) line "$name" "$tool" bash "$sense" ;;
		esac
	done
}

# ---- the parts -------------------------------------------------------------

part_chain()
{
	local length tools=(bash mkfifo-graph)
	if test -n "$has_pipexec"; then
		tools+=(pipexec)
	fi
	heading "chains of cat, $(numfmt --to=iec "$BYTES")B: share of bash's time"
	for length in 2 4 8; do
		# what is compared first is a shorter stream
		write_chain "cat$length" $length "cat$(parts $((PART_BYTES * 4)))" cat
		agree "cat$length" "${tools[@]}"
		write_chain "cat$length" $length "cat$(parts "$BYTES")" cat
		measure "cat$length" 1 "${tools[@]}"
		table "$length cat" of 0.95 "${tools[@]}"
	done
}

part_fan()
{
	local consumers goal tools=(bash mkfifo-graph)
	if test -n "$has_pee"; then
		tools+=(pee)
	fi
	fan_parts=$(parts "$FAN_BYTES")
	# shellcheck disable=SC2086
	cat $fan_parts >"$work/input"
	heading "copies to wc -c, $(numfmt --to=iec "$FAN_BYTES")B: times as fast as tee >() in bash"
	for consumers in 2 4; do
		goal=2.5
		test $consumers -eq 2 || goal=3.5
		write_fan "fan$consumers" $consumers
		for input in pipe file; do
			agree "fan$consumers" "${tools[@]}"
			measure "fan$consumers" 1 "${tools[@]}"
			table "$consumers copies of a $input" x $goal "${tools[@]}"
		done
	done
	rm "$work/input"
	input=none
}

# ours PID: PID and its descendants that are still mkfifo-graph.
ours()
{
	local pid=$1 child comm=
	# a child that has not called exec yet has our name, and harms nobody
	read -r comm 2>/dev/null <"/proc/$pid/comm" || return
	test "$comm" = mkfifo-graph || return
	echo "$pid"
	# shellcheck disable=SC2013
	for child in $(cat /proc/"$pid"/task/*/children 2>/dev/null); do
		ours "$child"
	done
}

# peak: the most memory, in KiB, that mkfifo-graph's own processes had, while
# `fan4` ran on standard input. VmHWM only rises, so that a sample is not
# missed but for what comes after the last one.
peak()
{
	local pid most=0 sum now one
	"$MG" "$work/fan4.gv" >/dev/null <&0 &
	pid=$!
	while kill -0 $pid 2>/dev/null; do
		sum=0
		for one in $(ours $pid); do
			now=$(awk '/^VmHWM/ { print $2 }' "/proc/$one/status" 2>/dev/null)
			sum=$((sum + ${now:-0}))
		done
		test $sum -le $most || most=$sum
		read -r -t 0.01 <>"$work/clock"
	done
	wait $pid || die "fan4: mkfifo-graph failed"
	echo $most
}

part_memory()
{
	local small large
	mkfifo "$work/clock"
	write_fan fan4 4
	# shellcheck disable=SC2002,SC2046
	small=$(cat $(parts $((FAN_BYTES / 2))) | peak) || exit
	# shellcheck disable=SC2002,SC2046
	large=$(cat $(parts $((FAN_BYTES * 4))) | peak) || exit
	printf '\npeak memory of mkfifo-graph, 4 copies of a pipe\n'
	printf '%-26s %10d KiB\n' \
		"$(numfmt --to=iec $((FAN_BYTES / 2)))B" "$small"
	awk -v name="$(numfmt --to=iec $((FAN_BYTES * 4)))B" -v small="$small" \
		-v large="$large" 'BEGIN {
		ratio = small ? large / small : 0
		printf "%-26s %10d KiB %24.2f   <= 1.25   %s\n", name, large, ratio,
			small && ratio <= 1.25 ? "pass" : "MISS"
	}'
}

part_start()
{
	local length goal repeats tools
	heading "start to end of chains of /bin/true: share of bash's time"
	for length in 2 10 100 1000; do
		goal=1.2
		test $length -lt 100 || goal=0.95
		repeats=$((length < 100 ? 20 : length < 1000 ? 5 : 1))
		tools=(bash mkfifo-graph)
		# pipexec crashes at 1,000
		if test -n "$has_pipexec" && test $length -le 100; then
			tools+=(pipexec)
		fi
		write_chain "true$length" $length /bin/true /bin/true
		agree "true$length" "${tools[@]}"
		measure "true$length" $repeats "${tools[@]}"
		table "$length true" of $goal "${tools[@]}"
	done
}

has_pipexec=$(has pipexec pipexec)
has_pee=$(has pee moreutils)
about
make_part
parts_of "chain fan memory start" "$@"
