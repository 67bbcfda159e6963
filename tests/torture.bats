#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# torture: SIGKILL at random moments leaves nothing behind, and a build without
# the protection shows that the test would see it. TORTURE_RUNS scales it, SEED
# repeats it.

load helper

ISOLATED=$TOP/tests/isolated
NOTHING="leaks: fifo=0 shm=0 mq=0 temporary=0 rundir=0 proc=0"
RUNS=${TORTURE_RUNS:-300}
export MG BATS_TEST_TMPDIR

# torture MODE RUNS: tests/torture in namespaces of its own; prints its figures.
torture()
{
	run timeout -k 5 600 "$ISOLATED" "$TOP/tests/torture" "$@" 3>&-
	echo "$output"
	if ((status == 77)) && [[ $output == *"kernel refuses"* ]]; then
		skip "${output##*$'\n'}"
	fi
	grep '^torture: [a-z]*, SEED=' <<<"$output" | sed 's/^/# /' >&3
	[[ ${output##*$'\n'} == "$NOTHING" ]]
}

@test "mkfifo-graph: whoever is killed, the run ends, tells the truth and leaves nothing" {
	torture kill "$RUNS"
	((status == 0))
}

@test "mkfifo-graph: without the protection the same kills leave something" {
	MG=$BUILD/tests/mkfifo-graph-unguarded
	test -x "$MG"
	torture control $((RUNS / 15 + 10))
	((status == 0))
	[[ $output == *" leftovers="[1-9]* ]]
}

@test "mkfifo-graph: whoever is stopped for a moment, no deadlock is seen and the result is right" {
	torture stop $((RUNS / 8 + 1))
	((status == 0))
}
