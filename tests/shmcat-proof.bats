#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# shmcat-proof: what cannot be seen in one run. Random kills and stops, and a
# build without the protection that shows that the test would see it;
# ThreadSanitizer on the ring, with one fault put in. (Every order of its steps
# is tried by unit/ring-model.) TORTURE_KILLS scales it, SEED repeats it.

load helper

ISOLATED=$TOP/tests/isolated
NOTHING="leaks: fifo=0 shm=0 mq=0 temporary=0 rundir=0 proc=0"
KILLS=${TORTURE_KILLS:-18}
export BATS_TEST_TMPDIR SHMCAT=$BUILD/shmcat

# torture MODE KILLS: tests/shmcat-torture in namespaces of its own.
torture()
{
	run timeout -k 5 "$((600 + $2 * 2))" \
		"$ISOLATED" "$TOP/tests/shmcat-torture" "$@" 3>&-
	echo "$output"
	if ((status == 77)) && [[ $output == *"kernel refuses"* ]]; then
		skip "${output##*$'\n'}"
	fi
	grep '^torture: [a-z]*, SEED=' <<<"$output" | sed 's/^/# /' >&3
	[[ ${output##*$'\n'} == "$NOTHING" ]]
}

@test "shmcat: whoever is killed, nobody hangs, nothing is torn and nothing is left" {
	torture kill "$KILLS"
	((status == 0))
}

@test "shmcat: whoever is stopped for a moment, all comes through" {
	torture stop $((KILLS / 2))
	((status == 0))
}

@test "shmcat: whoever is killed, readers of a value see a whole one" {
	torture value $((KILLS / 3))
	((status == 0))
}

@test "shmcat: without the order of commits the same kills tear records" {
	SHMCAT=$BUILD/tests/shmcat-unguarded
	test -x "$SHMCAT"
	local try
	for try in {1..12}; do
		torture control 9
		[[ $output =~ torn=[1-9] || $output =~ untrue=[1-9] ]] && break
	done
	((status != 0))
	[[ $output =~ torn=[1-9] || $output =~ untrue=[1-9] ]]
}

# race RING.c: tests/unit/ring.c with RING.c for lib/ring.c, under
# ThreadSanitizer: $status and $output.
race()
{
	local sources=("$1") name
	for name in error frame record member event map lock clock; do
		sources+=("$TOP/lib/$name.c")
	done
	# CC may bring other sanitizers, which do not go together
	if ! cc -std=gnu11 -g -O1 -fsanitize=thread -Wno-tsan -pthread \
		-D_GNU_SOURCE -I"$BUILD" -iquote "$TOP/lib" \
		-iquote "$TOP/tests/unit" -o race "$TOP/tests/unit/ring.c" \
		"${sources[@]}" >compiled 2>&1; then
		cat compiled
		skip "no ThreadSanitizer here"
	fi
	# it wants its memory where randomization may not leave it
	run timeout 120 setarch -R env -u LD_PRELOAD ./race 3>&-
}

@test "lib/ring: ThreadSanitizer sees no race between writers and readers" {
	race "$TOP/lib/ring.c"
	grep -v '^ok' <<<"$output" || :
	((status == 0))
	[[ $output != *ThreadSanitizer* ]]
}

@test "lib/ring: ThreadSanitizer sees the race when a commit is no release" {
	sed 's/\(memory->head, ring->head,\) *memory_order_release/\1 memory_order_relaxed/' \
		"$TOP/lib/ring.c" >ring.c
	! cmp -s ring.c "$TOP/lib/ring.c"
	race ring.c
	[[ $output == *"ThreadSanitizer: data race"* ]]
}
