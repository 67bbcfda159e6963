# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# measure: what the scripts here share. Whoever sources it defines
#
#	work_of TOOL WORK	does WORK by TOOL, to standard output
#
# and has afterwards: MG, the mkfifo-graph to measure; ROUNDS; work, a folder
# that is gone at the end; and the functions below. Each figure is the median
# of ROUNDS rounds, in which the tools take turns; the outputs of all tools are
# compared before anything is timed. Ratios travel to other machines, seconds
# do not.
set -u
export LC_ALL=C

script=$(basename "$0")
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
MG=${MG:-${top_builddir:-$here/..}/mkfifo-graph}
ROUNDS=${ROUNDS:-7}
PART_BYTES=$((16 << 20))

die()
{
	echo "$script: $*" >&2
	exit 1
}

test -x "$MG" || die "$MG: no such program; build it, or set MG"
MG=$(realpath "$MG")
work=$(mktemp -d) || exit
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# bytes SIZE: 512M as a number.
bytes()
{
	numfmt --from=iec "$1" || exit 64
}

# has TOOL PACKAGE: its path, or a line that says that it is left out.
has()
{
	type -P "$1" ||
		echo "$1 is not installed: skipped (apt-get install $2)" >&2
}

# agree WORK TOOL...: all outputs are the same and nothing failed.
agree()
{
	local name=$1 tool want="" got status
	shift
	for tool; do
		got=$(set -o pipefail; work_of "$tool" "$name" | cksum)
		status=$?
		test $status -eq 0 || die "$name: $tool failed with status $status"
		test -n "$want" || want=$got
		test "$got" = "$want" ||
			die "$name: the output of $tool differs from that of $1"
	done
}

# middle NUMBER...: the median.
middle()
{
	printf '%s\n' "$@" | sort -n | awk '{ t[NR] = $1 } END {
		h = int((NR + 1) / 2)
		print NR % 2 ? t[h] : int((t[h] + t[h + 1]) / 2)
	}'
}

# measure WORK REPEATS TOOL...: median[TOOL], in microseconds.
declare -A median
measure()
{
	local name=$1 repeats=$2 round tool i start
	shift 2
	local -A times=()
	for ((round = 0; round < ROUNDS; round++)); do
		for tool; do
			start=${EPOCHREALTIME/./}
			for ((i = 0; i < repeats; i++)); do
				work_of "$tool" "$name" >/dev/null ||
					die "$name: $tool failed"
			done
			times[$tool]+=" $(((${EPOCHREALTIME/./} - start) / repeats))"
		done
		# another one begins the next round
		set -- "${@:2}" "$1"
	done
	for tool; do
		# shellcheck disable=SC2086
		median[$tool]=$(middle ${times[$tool]})
	done
}

heading()
{
	printf '\n%s\n%-26s %-13s %12s  %-7s  %-9s\n' "$1" work tool median \
		ratio goal
}

# line WORK TOOL BASE SENSE [GOAL]: SENSE `of` prints the share of BASE's time,
# and GOAL is its upper bound; `x` prints how many times as fast, with a lower
# one.
line()
{
	awk -v name="$1" -v tool="$2" -v sense="$4" -v goal="${5-}" \
		-v t="${median[$2]}" -v base="${median[$3]}" 'BEGIN {
		ratio = sense == "of" ? t / base : base / t
		good = sense == "of" ? ratio <= goal + 0 : ratio >= goal + 0
		text = sense == "of" ? "<= " goal : ">= " goal "x"
		printf "%-26s %-13s %10.4f s  %6.2f%s  %s\n", name, tool,
			t / 1e6, ratio, sense == "of" ? " " : "x",
			goal == "" ? "" : sprintf("%-9s %s", text,
				good ? "pass" : "MISS")
	}'
}

# about: what is measured, and on what.
about()
{
	echo "$("$MG" --version | head -n 1), $(nproc) processors," \
		"$(uname -r), $ROUNDS rounds"
}

# parts_of PARTS WORD...: runs part_PART for each of WORDs, or of PARTS.
parts_of()
{
	local known=" $1 " one
	shift
	# shellcheck disable=SC2086 # a list of words
	(($#)) || set -- $known
	for one; do
		case $known in
		*" $one "*) "part_$one" ;;
		*) echo "usage: $script [PART]..., of$known" >&2; exit 64 ;;
		esac
	done
}
