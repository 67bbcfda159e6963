#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# faults: what the system refuses is said, with a status that is not 0, no half
# file is committed, and nothing is left behind. tests/sweep makes calls fail.

load helper

ISOLATED=$TOP/tests/isolated
NOTHING="leaks: fifo=0 shm=0 mq=0 temporary=0 rundir=0 proc=0"
export MG BATS_TEST_TMPDIR

# isolated [-s OPTIONS] COMMAND...: run of bats in namespaces of its own.
isolated()
{
	run timeout -k 5 180 "$ISOLATED" "$@" 3>&- 9>&-
	echo "$output"
	if ((status == 77)) && [[ $output == *"kernel refuses"* ]]; then
		skip "${output##*$'\n'}"
	fi
}

# nothing_left: does the last line say so?
nothing_left()
{
	[[ ${output##*$'\n'} == "$NOTHING" ]]
}

# sweep ARG...: tests/sweep, which must find nothing wrong.
sweep()
{
	command -v strace >/dev/null || skip "no strace here"
	if [[ $1 == *:* ]] && ! strace -o /dev/null true 2>/dev/null; then
		skip "strace is not allowed here"
	fi
	# a leak sanitizer cannot work under strace
	ASAN_OPTIONS=$ASAN_OPTIONS:detect_leaks=0 \
		isolated "$TOP/tests/sweep" "$@"
	((status == 0))
	nothing_left
}

# sanitized: is the binary built with a sanitizer, which needs memory itself?
sanitized()
{
	grep -q __asan_init "$MG"
}

# can_be_nobody: skips a test of two users where there is only one.
can_be_nobody()
{
	((EUID == 0)) || skip "needs root, to be two users"
	runuser -u nobody -- test -x "$MG" -a -r "$TOP/tests/helper.bash" ||
		skip "nobody cannot read this tree"
}

@test "mkfifo-graph: a process that cannot be started is said, at each of them" {
	sweep vfork:EAGAIN clone:EAGAIN execve:ENOMEM
}

@test "mkfifo-graph: a pipe, socket or FIFO that cannot be made is said, at each of them" {
	sweep pipe2:EMFILE socketpair:EMFILE mknodat:ENOSPC signalfd4:EMFILE \
		inotify_init1:EMFILE inotify_add_watch:ENOSPC dup2:EMFILE
}

@test "mkfifo-graph: a file that cannot be opened is said or not needed, at each of them" {
	sweep openat:EMFILE openat:ENOSPC openat:EACCES
}

@test "mkfifo-graph: no nameless temporary file means a named one, and it goes" {
	sweep openat:EOPNOTSUPP
}

@test "mkfifo-graph: /dev/null that cannot be opened is said" {
	sweep -P /dev/null openat:EMFILE
}

@test "mkfifo-graph: a relay that cannot read, write or splice fails the run" {
	sweep write:EIO write:ENOSPC splice:EIO splice:ENOMEM tee:ENOMEM
}

@test "mkfifo-graph: an interrupted call is made again" {
	sweep write:EINTR poll:EINTR
	! grep -q ', [1-9][0-9]* refused' <<<"$output"
}

@test "mkfifo-graph: a refused poll ends the run with a message" {
	sweep poll:ENOMEM
}

@test "mkfifo-graph: a file that cannot be put in its place is not there in part" {
	sweep linkat:EIO rename:EIO fchmod:EIO
}

@test "mkfifo-graph: memory that is refused is said" {
	sanitized && skip "the sanitizer needs the memory"
	sweep mmap:ENOMEM
	sweep memory
}

@test "mkfifo-graph: too few descriptors are said, from three to enough" {
	sweep descriptors
}

@test "mkfifo-graph: too few processes are said, from one to enough" {
	if ((EUID)); then
		sweep processes
		return
	fi
	can_be_nobody
	local folder # ours is closed to others
	folder=$(mktemp -d /tmp/faults.XXXXXX)
	chmod 777 "$folder"
	run timeout 60 runuser -u nobody -- env MG="$MG" \
		BATS_TEST_TMPDIR="$folder" \
		"$ISOLATED" "$TOP/tests/sweep" processes 3>&-
	rmdir "$folder"
	echo "$output"
	[[ $status != 77 ]] || skip "${output##*$'\n'}"
	((status == 0))
	nothing_left
}

@test "mkfifo-graph: a node that meets ulimit -f has the status of its signal" {
	ulimit -f 64
	run timeout 20 "$MG" -e 'seq [cmd="seq 1 100000"] o [file="o"] seq -> o' \
		</dev/null
	echo "$output"
	((status == 128 + $(kill -l XFSZ)))
	[[ $output == *seq* ]]
	test ! -e o
}

@test "mkfifo-graph: a relay that meets ulimit -f fails the run, and says so" {
	ulimit -f 64
	run timeout 20 "$MG" -e 'seq [cmd="seq 1 100000"] o [file="o"]
		seq -> {o "cat >/dev/null"}' </dev/null
	echo "$output"
	((status == 125))
	[[ $output == *"mkfifo-graph: "*"o not written"* ]]
	test ! -e o
}

@test "mkfifo-graph: a full file system leaves no file, whoever writes it" {
	isolated -s size=64k "$BASH" -c '
		for graph in "a -> o" "a -> {o cat}" "{a b} -> o [merge=concat]"; do
			timeout 20 "$MG" -e "
				a [cmd=\"seq 1 50000\"] b [cmd=\"seq 9\"]
				cat [cmd=\"cat >/dev/null\"] o [file=o] $graph" \
				</dev/null
			echo "status $?"
			ls -A
		done'
	test "$(grep -c '^status [1-9]' <<<"$output")" -eq 3
	test "$(grep -c '^mkfifo-graph: .*o not written' <<<"$output")" -eq 3
	[[ $'\n'$output != *$'\no\n'* ]]
	nothing_left
}

@test "mkfifo-graph: a file system without inodes leaves none of the files that belong together" {
	isolated -s size=64k,nr_inodes=8 "$BASH" -c '
		timeout 20 "$MG" -e "graph [commit=all] a [cmd=\"seq 9\"]
			f1 [file=f1] f2 [file=f2] f3 [file=f3] f4 [file=f4]
			f5 [file=f5] f6 [file=f6] f7 [file=f7] f8 [file=f8]
			a -> {f1 f2 f3 f4 f5 f6 f7 f8}" </dev/null
		echo "status $?"
		echo files: *'
	[[ $output == *"mkfifo-graph: "*"No space left"* ]]
	[[ $output == *"status 73"* ]]
	[[ $output == *"files: *"* || $output == *"files: "$'\n'* ]]
	nothing_left
}

@test "mkfifo-graph: what cannot be appended whole is not appended in part" {
	isolated -s size=800k "$BASH" -c '
		echo old >o
		timeout 20 "$MG" -e "a [cmd=\"seq 1 80000\"]
			o [file=o, append=true] a -> o" </dev/null
		echo "status $?"
		wc -c o
		cat o | head -n 3'
	[[ $output == *"mkfifo-graph: "*"o"*"No space left"* ]]
	[[ $output == *"status 73"* || $output == *"status 125"* ]]
	[[ $output == *"4 o"*old* ]]
	nothing_left
}

# What overflows 64 MiB of memory: the join reads a to its end, then b.
SPILLER='source [cmd="yes | head -c 100000000"]
	a [cmd="cat"] b [cmd="cat"] sum [cmd="cksum"]
	source -> {a b} -> sum [merge=concat]'

@test "mkfifo-graph: a full TMPDIR ends a run that has to spill, and says so" {
	isolated "$BASH" -c 'mount -t tmpfs -o size=64k none "$TMPDIR"
		timeout 60 "$MG" -e "$1" </dev/null
		echo "status $?"' bash "$SPILLER"
	[[ $output == *"mkfifo-graph: "*"No space left"* ]]
	[[ $output == *"status 125"* ]]
	nothing_left
}

@test "mkfifo-graph: a missing TMPDIR ends a run that has to spill, and says so" {
	isolated env TMPDIR=/does/not/exist "$BASH" -c '
		timeout 60 "$MG" -e "$1" </dev/null
		echo "status $?"' bash "$SPILLER"
	[[ $output == *"mkfifo-graph: "*"No such file"* ]]
	[[ $output == *"status 125"* ]]
	nothing_left
}

FIFO_GRAPH='source [cmd="seq 1 1000"] count [cmd="wc -l <\"$words\""]
	source -> count:words [via=fifo]'

@test "mkfifo-graph: a spoilt XDG_RUNTIME_DIR and TMPDIR are passed over for /tmp" {
	touch plain
	local bad
	for bad in /does/not/exist relative "$PWD/plain" ""; do
		XDG_RUNTIME_DIR=$bad TMPDIR=$bad run timeout 20 \
			"$MG" -e "$FIFO_GRAPH" </dev/null
		echo "$bad: $output"
		((status == 0))
		[[ $output == 1000 ]]
	done
}

@test "mkfifo-graph: another user's XDG_RUNTIME_DIR is left alone" {
	can_be_nobody
	local folder left # ours is closed to others
	folder=$(mktemp -d /tmp/faults.XXXXXX)
	chmod 755 "$folder"
	mkdir -m 700 "$folder/run"
	mkdir -m 777 "$folder/tmp"
	run timeout 20 runuser -u nobody -- \
		env XDG_RUNTIME_DIR="$folder/run" TMPDIR="$folder/tmp" \
		"$MG" -e "$FIFO_GRAPH"' count [cmd="echo $words; wc -l <\"$words\""]' \
		</dev/null
	left=$(ls -A "$folder/run" "$folder/tmp" | grep ipcflow) || true
	rm -rf "$folder"
	echo "$output"
	((status == 0))
	[[ ${lines[0]} == "$folder/tmp/ipcflow-"* && ${lines[1]} == 1000 ]]
	[[ ! $left ]]
}

@test "mkfifo-graph: the sweep of old run folders follows no link and removes no stranger's file" {
	mkdir victim tmp
	chmod 1777 tmp
	touch victim/file victim/.ipcflow-1-0
	ln -s "$PWD/victim" tmp/ipcflow-aaaaaa
	# a folder of a run that was killed, with notes that somebody changed
	mkdir -m 700 tmp/ipcflow-bbbbbb
	ln -s "$PWD/victim/file" tmp/ipcflow-bbbbbb/temporary.0
	ln -s "$PWD/victim" tmp/ipcflow-bbbbbb/temporary.1
	mkfifo tmp/ipcflow-bbbbbb/3
	touch .ipcflow-77-0
	ln -s "$PWD/.ipcflow-77-0" tmp/ipcflow-bbbbbb/temporary.2
	mkdir -m 755 tmp/ipcflow-cccccc
	touch tmp/ipcflow-cccccc/kept
	XDG_RUNTIME_DIR='' TMPDIR=$PWD/tmp run timeout 20 \
		"$MG" -e "$FIFO_GRAPH" </dev/null
	echo "$output"
	((status == 0))
	test -e victim/file -a -e victim/.ipcflow-1-0
	test -L tmp/ipcflow-aaaaaa
	test ! -e tmp/ipcflow-bbbbbb -a ! -e .ipcflow-77-0
	test -e tmp/ipcflow-cccccc/kept
}

@test "mkfifo-graph: a run folder that another user planted is neither used nor swept" {
	can_be_nobody
	mkdir victim
	mkdir -m 1777 tmp
	touch victim/.ipcflow-1-0
	mkdir -m 700 tmp/ipcflow-aaaaaa
	ln -s "$PWD/victim/.ipcflow-1-0" tmp/ipcflow-aaaaaa/temporary.0
	touch tmp/ipcflow-aaaaaa/kept
	chown -hR nobody tmp/ipcflow-aaaaaa
	XDG_RUNTIME_DIR='' TMPDIR=$PWD/tmp run timeout 20 \
		"$MG" -e "$FIFO_GRAPH" </dev/null
	echo "$output"
	((status == 0))
	test -e victim/.ipcflow-1-0
	test -e tmp/ipcflow-aaaaaa/kept
	test "$(ls -A tmp)" = ipcflow-aaaaaa
}

@test "mkfifo-graph: descriptors 0, 1 and 2 may be closed in any combination" {
	local closing graph='source [cmd="seq 1 1000; echo said >&2"]
		o [file="o"] p [file="p"] source -> {o p cat} cat -> q
		q [cmd="cat >$into", env="into=q"]'
	seq 1 1000 >good
	for closing in '0<&-' '1>&-' '2>&-' '0<&- 1>&-' '0<&- 2>&-' \
		'1>&- 2>&-' '0<&- 1>&- 2>&-'; do
		rm -f o p q
		echo "$closing"
		eval "timeout 20 \"\$MG\" -e \"\$graph\" $closing" 3>&-
		cmp o good
		cmp p good
		cmp q good
	done
}

@test "mkfifo-graph: what is written to a closed standard output is an error" {
	run eval 'timeout 20 "$MG" -e "\"seq 9\"" </dev/null 2>&1 >&-'
	echo "$output"
	((status != 0 && status < 126))
	[[ $output == *"mkfifo-graph: "* ]]
}

@test "mkfifo-graph: a failed run with descriptors closed still has its status and no file" {
	local closing
	for closing in '0<&-' '1>&-' '2>&-' '0<&- 1>&- 2>&-'; do
		run eval "timeout 20 \"\$MG\" -e 'a [cmd=\"seq 9; exit 3\"]
			o [file=\"o\"] b [cmd=\"cat >/dev/null\"] a -> {o b}' $closing"
		echo "$closing: $output"
		((status == 3))
		test ! -e o
	done
}

@test "mkfifo-graph: a full standard output is noticed, by a node and by a relay" {
	local graph
	for graph in '"seq 9"' '{"seq 9" "seq 8"} -> stdout' \
		'"seq 9" -> {stdout "cat >/dev/null"}'; do
		run sh -c 'timeout 20 "$MG" -e "$1" </dev/null 2>&1 >/dev/full' \
			sh "$graph"
		echo "$graph: $status $output"
		((status != 0 && status < 126))
		[[ $output == *"mkfifo-graph: "* ]]
	done
}

@test "mkfifo-graph: a full disk under the files of split=key is said and leaves nothing" {
	cat >full.sh <<-'END'
		seq 300000 | awk '{ print $1 % 9 "\t" $1 }' >"$TMPDIR/input"
		mkdir by
		"$MG" -D "IN=$TMPDIR/input" -e 'input [file="${IN}"]
		    parts [file="by/{key}"] input -> cat -> parts [split=key by=1]'
		echo "status $?"
		ls -A by
	END
	isolated -s size=1m bash -c "$(<full.sh)"
	[[ $output == *"No space left on device"* ]]
	[[ $output == *$'parts not written\nstatus 125\n'"$NOTHING" ]]
}
