#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# shmcat: rings and values beside mbuffer, pv, tee and pipes.
#
# Usage: [ROUNDS=7] [BYTES=2G] bench/shmcat.sh [PART...]
#
# PART is stream, middle, fan or library; all of them unless named. See
# measure.bash for how; the status is 1 when outputs differ, and 0 when a goal
# is missed: the table says so.
# shellcheck source=bench/measure.bash
. "$(dirname "$0")/measure.bash"
BYTES=$(bytes "${BYTES:-2G}") || exit
SHMCAT=$(realpath "$(dirname "$MG")/shmcat")
test -x "$SHMCAT" || die "$SHMCAT: no such program; build it"
RING=$(realpath "$(dirname "$MG")/bench/ring" 2>/dev/null)
export SHMCAT OBJECT=/ipcflow-bench-$$
trap '"$SHMCAT" --remove "$OBJECT" 2>/dev/null; rm -rf "$work"' EXIT

# Each work is a script $work/WORK.TOOL of bash; its output is compared where
# the last reader is not /dev/null.
work_of()
{
	(cd "$work" && bash -o pipefail "$2.$1" </dev/null)
}

write()
{
	cat >"$work/$1.$2"
}

# In memory where there is room for it, so that no disk is measured.
make_file()
{
	test -e "$work/file" || head -c "$BYTES" /dev/urandom >"$work/file"
	cat "$work/file" >/dev/null
}

size=$(numfmt --to=iec "$BYTES")B
tools=()

# peers WORD...: those of mbuffer and pv that are here.
peers()
{
	local tool
	tools=()
	for tool; do
		case $tool in
		mbuffer) test -z "$has_mbuffer" || tools+=("$tool") ;;
		pv) test -z "$has_pv" || tools+=("$tool") ;;
		*) tools+=("$tool") ;;
		esac
	done
}

# compare WORK BASE: the tools' lines; goal[TOOL] is shmcat's against TOOL.
compare()
{
	local tool
	measure "$1" 1 "${tools[@]}"
	for tool in "${tools[@]}"; do
		line "$1" "$tool" "${tools[0]}" x
	done
	for tool in "${!goal[@]}"; do
		test -z "${median[$tool]-}" ||
			line "$1 beside $tool" shmcat "$tool" x "${goal[$tool]}"
	done
}

part_stream()
{
	local -A goal=([mbuffer]=3 [pv]=2 [cat]=1)
	make_file
	heading "a lossless stream of $size from a file to /dev/null"
	peers cat mbuffer pv shmcat
	write stream cat <<<'cat file | cat >/dev/null'
	write stream mbuffer <<<'mbuffer -q -m 4M <file >/dev/null'
	write stream pv <<<'pv -q <file >/dev/null'
	write stream shmcat <<-'END'
	"$SHMCAT" -w "$OBJECT" <file & writer=$!
	"$SHMCAT" -t 10 "$OBJECT" >/dev/null && wait $writer
	END
	write stream-sum cat <<<'cat file | cksum'
	write stream-sum shmcat <<-'END'
	"$SHMCAT" -w "$OBJECT" <file & writer=$!
	"$SHMCAT" -t 10 "$OBJECT" | cksum && wait $writer
	END
	agree stream-sum cat shmcat
	median=()
	compare stream
}

part_middle()
{
	local -A goal=([mbuffer]=1.5)
	make_file
	heading "in the middle of a pipeline, $size"
	peers cat mbuffer pv shmcat
	write middle cat <<<'cat file | cat | cat >/dev/null'
	write middle mbuffer <<<'cat file | mbuffer -q -m 4M | cat >/dev/null'
	write middle pv <<<'cat file | pv -q | cat >/dev/null'
	write middle shmcat <<-'END'
	cat file | "$SHMCAT" -w "$OBJECT" & writer=$!
	"$SHMCAT" -t 10 "$OBJECT" | cat >/dev/null && wait $writer
	END
	median=()
	compare middle
}

part_fan()
{
	local -A goal=([tee]=3)
	make_file
	heading "$size to four readers"
	tools=(tee shmcat)
	write fan tee <<-'END'
	cat file | tee >(cat >/dev/null) >(cat >/dev/null) >(cat >/dev/null) |
		cat >/dev/null
	END
	write fan shmcat <<-'END'
	"$SHMCAT" -w -R 4 "$OBJECT" <file & all=$!
	for reader in 1 2 3 4; do
		"$SHMCAT" -t 10 "$OBJECT" >/dev/null & all+=" $!"
	done
	for one in $all; do wait $one || exit; done
	END
	median=()
	compare fan
	goal=()
	tools=(tee shmcat)
	write fan-pipe tee <<<"$(<"$work/fan.tee")"
	write fan-pipe shmcat <<-'END'
	"$SHMCAT" -w -R 4 "$OBJECT" <file & all=$!
	for reader in 1 2 3 4; do
		"$SHMCAT" -t 10 "$OBJECT" | cat >/dev/null & all+=" $!"
	done
	for one in $all; do wait $one || exit; done
	END
	compare fan-pipe
}

# figure NAME: the median of what bench/ring said of it in all rounds.
figure()
{
	# shellcheck disable=SC2046
	middle $(awk -v name="$1" '$1 == name { print $2 }' "$work/ring.out")
}

# short NAME LIMIT: nanoseconds, and whether they are below the goal.
short()
{
	local ns
	ns=$(figure "$1")
	test "$ns" -gt 0 || return
	printf '%-26s %-13s %10d ns  %16s %s\n' "$1" lib "$ns" "< $2" \
		"$(test "$ns" -lt "$2" && echo pass || echo MISS)"
}

part_library()
{
	local round who
	if test ! -x "$RING"; then
		echo "bench/ring is not built: skipped (make bench/ring)" >&2
		return
	fi
	heading "lib/ring, $size in blocks of 64 KiB, beside a 64 KiB pipe"
	: >"$work/ring.out"
	for ((round = 0; round < ROUNDS; round++)); do
		"$RING" "$BYTES" >>"$work/ring.out" || die "bench/ring failed"
	done
	for who in process thread; do
		median=([pipe]=$(figure "$who-pipe") [ring]=$(figure "$who-ring"))
		line "$who" pipe pipe x
		line "$who" ring pipe x 5
	done
	short round-trip 1000
	short value-read 1000
}

has_mbuffer=$(has mbuffer mbuffer)
has_pv=$(has pv pv)
about
parts_of "stream middle fan library" "$@"
