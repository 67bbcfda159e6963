#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# operators: random graphs of splits, merges and replicas on random records do
# what a simple evaluation says, and end. OPERATORS_RUNS scales it, SEED
# repeats it.

load helper
export MG

# The real thing, or a wrapper of it that WRONG spoils.
operators()
{
	type python3 >/dev/null || skip "no python3"
	run timeout -k 5 900 "$TOP/tests/operators" "$1"
	echo "$output"
	grep '^operators: SEED=' <<<"$output" | sed 's/^/# /' >&3
}

@test "operators: random graphs put out what a simple evaluation does" {
	operators "${OPERATORS_RUNS:-250}"
	((status == 0))
	[[ $output == *" wrong=0" ]]
}

@test "operators: a header of 30 MB through branches that keep their order" {
	{ head -c 30000000 /dev/zero | tr '\0' h; echo; seq 1000; } >input
	mg -e 'node [cmd=cat]; in [file="input"]; in -> p
		p -> {a b c} [split=lines header=1]
		{a b c} -> sum [merge=ordered]; sum [cmd=cksum]'
	with 0 "$(cksum <input)"
}

@test "operators: a lost byte would be seen" {
	cat >lossy <<-END
	#!/bin/sh
	"$MG" "\$@" | sed '1s/.//'
	END
	chmod +x lossy
	MG=$PWD/lossy operators 20
	((status == 1))
	[[ $output =~ " runs=20 wrong="[1-9] ]]
}
