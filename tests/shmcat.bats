#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# shmcat: every option, and what the page promises. Each case has an empty
# /dev/shm of its own, and must leave it empty.

load helper

# session: runs the bash script on standard input in namespaces of its own:
# $status, $output, $stderr. What the script leaves in /dev/shm is a failure.
session()
{
	local script=$BATS_TEST_TMPDIR.script inside=(unshare -imp --fork --kill-child)
	[ "$(id -u)" -eq 0 ] || inside=(unshare -Ur -imp --fork --kill-child)
	{
		declare -f await
		echo 'mount -t tmpfs ${TMPFS+-o "$TMPFS"} none /dev/shm || exit 77'
		echo 'mount -t proc proc /proc || exit 77'
		cat
		echo 'wait; for left in /dev/shm/* /dev/shm/.[!.]*; do'
		echo '[ ! -e "$left" ] || { echo "left: $left"; exit 99; }; done'
	} >"$script"
	if ! "${inside[@]}" true 2>/dev/null; then
		skip "the kernel refuses namespaces"
	fi
	apart "${inside[@]}" bash -eu "$script" </dev/null
	[ "$status" -ne 77 ] || skip "the kernel refuses to mount"
}

# --- the duties of every command

@test "shmcat: --help names every option on standard output" {
	local option
	apart shmcat --help
	with 0
	[ -z "$stderr" ]
	for option in --write --value --list --info --remove --create=SIZE \
		--seek=OFFSET --size=SIZE --framing=HOW --readers=N \
		--when-full=WHAT --keep --from=WHERE --to-present --lossy \
		--count=N --after=GEN --each --offset=N --length=N \
		--timeout=DURATION --mode=OCTAL --sync --foreign --json \
		--verbose --version -w -m -F -R -c -t -v; do
		has "$output" "$option"
	done
}

@test "shmcat: a wrong command line is 64 and prints nothing" {
	local wrong
	for wrong in '' '--nonsense /r' '-w' '/r cmd' '-w /r cmd' '-w relative' \
		'/a/b' 'tcp:h:1' 'fd:x /r' '--list /r' '--info' '--remove' \
		'-m 0 -w /r' '-m much -w /r' '-R 113 -w /r' '-R -1 -w /r' \
		'-c 0 /r' '-c x /r' '-F lines /r' '--from=never /r' \
		'--from=-1 /r' '--when-full=wait -w /r' '-t soon /r' \
		'--mode=999 -w /r' '--mode= -w /r' '--after=x --value /r' \
		'--lossy -w /r' '--keep /r' '-w --after=1 /r' '--each /r -- x' \
		'--value --each /r' '--seek=1 /r' '--json /r' \
		'--create=1K --info /r' '--offset=1 --value /r' \
		'--value -w -F line /r' '/r -- cat'; do
		# shellcheck disable=SC2086
		apart shmcat $wrong </dev/null
		echo "shmcat $wrong"
		with 64 ""
		has "$stderr" "shmcat: "
	done
	apart shmcat --lossy -w /r
	same "shmcat: --lossy does not go with -w" "$stderr"
	apart shmcat -w /r cmd
	has "$stderr" "cmd: a command stands behind --"
}

@test "shmcat: every byte comes through, NUL bytes and an empty input too" {
	session <<-'END'
	head -c 300000 /dev/urandom >random
	printf 'a\0b\0\0' >nul
	: >empty
	for file in random nul empty; do
		shmcat -w /r <"$file"
		shmcat /r | cmp - "$file"
		shmcat -w -m 4K /r <"$file" &
		shmcat -t 10 /r | cmp - "$file"
		wait $!
		shmcat --value -w /v <"$file"
		shmcat --value /v | cmp - "$file"
		shmcat /v | cmp - "$file"
	done
	shmcat --remove /v
	END
	with 0 ""
}

@test "shmcat: what is not there is 66 and named" {
	session <<-'END'
	for how in '' --value --info --remove '-w --seek=0'; do
		status=0
		shmcat $how /nowhere || status=$?
		[ $status -eq 66 ]
	done
	shmcat file:folder/none || [ $? -eq 66 ]
	shmcat fd:77 || [ $? -eq 66 ]
	END
	with 0 ""
	has "$stderr" "shmcat: cannot read /nowhere: No such file or directory"
	has "$stderr" "shmcat: cannot remove /nowhere: No such file or directory"
	has "$stderr" "shmcat: cannot read fd:77: Bad file descriptor"
}

@test "shmcat: a full output is 74" {
	session <<-'END'
	seq 100000 >text
	shmcat -w /r <text
	shmcat /r >/dev/full || echo $?
	shmcat --value -w /v <text
	shmcat --value /v >/dev/full || echo $?
	shmcat --info /v >/dev/full || echo $?
	shmcat --list --json >/dev/full || echo $?
	shmcat --remove /v
	END
	with 0 $'74\n74\n74\n74'
	has "$stderr" "standard output: No space left on device"
}

@test "shmcat: an input that cannot be read is 74, for its readers too" {
	session <<-'END'
	shmcat -w /r </ || echo "writer $?"
	shmcat /r || echo "reader $?"
	shmcat --value -w /v </ || echo "value $?"
	END
	with 0 $'writer 74\nreader 74\nvalue 74'
	has "$stderr" "shmcat: read standard input: Is a directory"
}

@test "shmcat: a full /dev/shm is 73, and never a signal" {
	TMPFS=size=256k
	export TMPFS
	session <<-'END'
	echo | shmcat -w -m 1M /r || echo "ring $?"
	head -c 1M /dev/zero | shmcat --value -w /v || echo "value $?"
	shmcat --create=1M /b || echo "bytes $?"
	echo | shmcat -w -m 1000000T /r || echo "ring $?"
	END
	with 0 $'ring 73\nvalue 73\nbytes 73\nring 73'
	has "$stderr" "shmcat: cannot create /r of"
	has "$stderr" "No space left on device"
}

@test "shmcat: an object that may not be used is 77" {
	session <<-'END'
	limited=()
	[ "$(id -u)" -ne 0 ] || limited=(setpriv
		--bounding-set=-dac_override,-dac_read_search
		--inh-caps=-dac_override,-dac_read_search)
	seq 3 | shmcat -w --mode=0 /r
	"${limited[@]}" shmcat /r || echo $?
	"${limited[@]}" shmcat -w /r </dev/null || echo $?
	shmcat --remove /r
	END
	with 0 $'77\n77'
	has "$stderr" "shmcat: cannot read /r: Permission denied"
	has "$stderr" "shmcat: cannot write /r: Permission denied"
}

# --- streams

@test "shmcat: a ring is gone when it has ended and been read, and stays with --keep" {
	session <<-'END'
	seq 3 | shmcat -w /r
	[ -e /dev/shm/r ]
	shmcat /r
	[ ! -e /dev/shm/r ]
	seq 3 | shmcat -w --keep /r
	shmcat /r
	shmcat /r
	shmcat --remove /r
	END
	with 0 $'1\n2\n3\n1\n2\n3\n1\n2\n3'
}

@test "shmcat: the last reader to leave removes it, whoever ends first" {
	session <<-'END'
	for i in 1 2 3 4 5 6 7 8; do
		shmcat -t 10 /r >/dev/null &
		shmcat -t 10 /r >/dev/null &
		seq 10000 | shmcat -w -R 2 -m 4K /r
		wait
		[ ! -e /dev/shm/r ]
	done
	END
	with 0 ""
}

@test "shmcat: -R waits for that many readers, within -t" {
	session <<-'END'
	echo one | shmcat -w -t 100ms -R 1 /r || echo "writer $?"
	shmcat -t 10 /r || echo "reader $?"
	echo two | shmcat -w -R 2 /s &
	shmcat -t 10 /s >a &
	await eval '[ $(shmcat --info /s 2>/dev/null | grep -c ^reader) -eq 1 ]'
	[ ! -s a ]
	shmcat -t 10 /s >b
	wait
	cat a b
	END
	with 0 $'writer 124\nreader 124\ntwo\ntwo'
	has "$stderr" "shmcat: /r: time ran out"
	has "$stderr" "shmcat: /r: its writer ended with status 124"
}

@test "shmcat: every reader gets all of it, at its own pace" {
	session <<-'END'
	seq 200000 >text
	shmcat -w -m 16K -R 4 /r <text &
	for i in 1 2 3; do
		shmcat -t 10 /r >copy$i &
	done
	shmcat -t 10 /r | while read -r line; do echo "$line"; done >copy4
	wait
	cmp copy1 text; cmp copy2 text; cmp copy3 text; cmp copy4 text
	END
	with 0 ""
}

@test "shmcat: the writer's status is the readers' status" {
	session <<-'END'
	shmcat -w /r -- sh -c 'echo some; exit 7' || echo "writer $?"
	shmcat /r || echo "reader $?"
	shmcat -w /r -- sh -c 'kill -9 $$' || echo "writer $?"
	shmcat /r || echo "reader $?"
	shmcat -w /r -- nosuchcommand || echo "writer $?"
	shmcat /r || echo "reader $?"
	shmcat -w /r -- /dev/null || echo "writer $?"
	shmcat /r || echo "reader $?"
	END
	with 0 $'writer 7\nsome\nreader 7\nwriter 137\nreader 137\nwriter 127\nreader 127\nwriter 126\nreader 126'
	has "$stderr" "shmcat: /r: its writer ended with status 7"
	has "$stderr" "shmcat: cannot run nosuchcommand: No such file or directory"
}

@test "shmcat: a killed writer's readers are told, and end with 76" {
	session <<-'END'
	mkfifo hold
	{ echo some; cat hold; } | shmcat -w /r &
	writer=$!
	shmcat -t 10 /r >copy &
	reader=$!
	await test -s copy
	kill -9 $writer
	status=0
	wait $reader || status=$?
	cat copy
	echo $status
	: >hold
	shmcat --info /r | grep state
	shmcat --remove /r
	END
	with 0 $'some\n76\nstate      broken'
	has "$stderr" "shmcat: /r: the writer died without ending the stream"
}

@test "shmcat: a reader that dies never blocks the writer" {
	session <<-'END'
	mkfifo hold
	shmcat -t 10 /r >hold &
	dead=$!
	exec 3<hold
	shmcat -t 10 /r | tail -n 1 &
	seq 300000 | shmcat -w -m 64K -R 2 /r &
	writer=$!
	await eval 'shmcat --info /r | grep -q "64 KiB of it unread"'
	kill -9 $dead
	wait $writer
	END
	with 0 300000
}

@test "shmcat: a reader whose output goes away ends as by SIGPIPE, and leaves" {
	session <<-'END'
	seq 300000 | shmcat -w -m 64K /r &
	set +e
	shmcat -t 10 /r | head -n 1
	echo ${PIPESTATUS[0]}
	END
	with 0 $'1\n141'
}

@test "shmcat: a signal ends the stream with its number, and is died of" {
	session <<-'END'
	for signal in INT TERM HUP; do
		mkfifo hold.$signal
		env --default-signal=$signal shmcat -w -R 1 /r <hold.$signal &
		writer=$!
		exec 3>hold.$signal
		shmcat -t 10 /r >copy.$signal 3>&- &
		reader=$!
		echo x >&3
		await test -s copy.$signal
		kill -$signal $writer
		status=0; wait $writer || status=$?
		echo "writer $status"
		status=0; wait $reader || status=$?
		echo "reader $status"
	done
	END
	with 0 $'writer 130\nreader 130\nwriter 143\nreader 143\nwriter 129\nreader 129'
}

@test "shmcat: records are whole: two writers, two readers" {
	session <<-'END'
	mkfifo a b
	shmcat -w -F line -R 2 -m 4K /r <a &
	exec 3>a
	await test -e /dev/shm/r
	shmcat -w -F line /r <b 3>&- &
	exec 4>b
	await eval '[ $(shmcat --info /r | grep -c writer) -eq 2 ]'
	shmcat -t 10 /r >one 3>&- 4>&- &
	shmcat -t 10 /r >two 3>&- 4>&- &
	{ seq -f 'first %g of many' 20000 >&3; } 4>&- &
	{ seq -f 'second %g' 20000 >&4; } 3>&- &
	exec 3>&- 4>&-
	wait
	for copy in one two; do
		grep first $copy | cmp - <(seq -f 'first %g of many' 20000)
		grep second $copy | cmp - <(seq -f 'second %g' 20000)
		[ $(wc -l <$copy) -eq 40000 ]
	done
	END
	with 0 ""
}

@test "shmcat: a raw ring has one writer at a time" {
	session <<-'END'
	mkfifo hold
	shmcat -w /r <hold &
	exec 3>hold
	await test -e /dev/shm/r
	echo x | shmcat -w /r || echo $?
	exec 3>&-
	wait
	shmcat /r
	END
	with 0 75
	has "$stderr" "shmcat: /r: has a writer, and no records to take turns with; -F makes them"
}

@test "shmcat: framings come out as others, and a delimiter within is 65" {
	session <<-'END'
	printf 'a\nb c\n\n' | shmcat -w --keep -F line /r
	for how in raw line nul len32; do
		shmcat -F $how /r | od -An -c
	done
	shmcat --remove /r
	printf 'a\nb\0' | shmcat -w -F nul /r
	shmcat -F line /r || echo $?
	printf '\0\0\0\2hi\0\0\0\0' | shmcat -w -F len32 /r
	shmcat -F line /r
	printf '\0\0\0\2h' | shmcat -w -F len32 /r || echo $?
	shmcat /r || echo $?
	printf 'no newline' | shmcat -w -F line /r
	shmcat /r
	seq 3 | shmcat -w --keep /r
	shmcat -F line /r || echo $?
	shmcat -c 1 /r || echo $?
	shmcat --remove /r
	END
	with 0 '   a   b       c
   a  \n   b       c  \n  \n
   a  \0   b       c  \0  \0
  \0  \0  \0 001   a  \0  \0  \0 003   b       c  \0  \0  \0  \0
65
hi

65
65
no newline
65
65'
	has "$stderr" "shmcat: /r: a record cannot be -F line: the delimiter stands in it"
	has "$stderr" "shmcat: /r: the input ends within a record"
}

@test "shmcat: a record larger than the ring is 65" {
	session <<-'END'
	head -c 10000 /dev/zero | tr '\0' x | shmcat -w -m 4K -F line /r || echo $?
	shmcat /r || echo $?
	END
	with 0 $'65\n65'
	has "$stderr" "is larger than the ring; see -m"
}

@test "shmcat: -c, --from and --to-present begin and end where they say" {
	session <<-'END'
	seq 10 | shmcat -w --keep -F line -c 7 /r
	shmcat -c 2 /r | paste -sd ' '
	shmcat --from=4 -c 1 /r
	shmcat --from=5 -c 1 /r
	shmcat --from=14 /r; echo end
	shmcat --from=newest /r; echo end
	shmcat --from=15 /r || echo $?
	shmcat --to-present /r | tail -n 1
	shmcat --remove /r
	mkfifo hold
	shmcat -w /r <hold &
	exec 3>hold
	echo present >&3
	await eval 'shmcat --info /r | grep -q "stream.*to 8"'
	shmcat --to-present /r
	shmcat -t 50ms /r || echo $?
	exec 3>&-
	wait
	END
	with 0 $'1 2\n3\n4\nend\nend\n65\n7\npresent\npresent\n124'
	has "$stderr" "shmcat: /r: position 15 is beyond the end"
}

@test "shmcat: drop-oldest never waits; what was lost is counted, and 76 or 0" {
	session <<-'END'
	seq 100000 >text
	shmcat -w --keep -m 8K -F line --when-full=drop-oldest /r <text
	shmcat /r >copy
	tail -n "$(wc -l <copy)" text | cmp - copy
	shmcat --from=0 /r 2>said >copy || echo $?
	tail -n "$(wc -l <copy)" text | cmp - copy
	[ "$(cat said)" = "shmcat: /r: lost $(($(wc -c <text) - $(wc -c <copy))) bytes, which were overwritten before they were read" ]
	shmcat --lossy --from=0 /r | cmp - copy
	shmcat --remove /r
	shmcat -w --keep -m 8K --when-full=drop-oldest /r <text
	shmcat /r | cmp - <(tail -c 8192 text)
	shmcat --remove /r
	END
	with 0 76
}

@test "shmcat: a slow reader of a drop-oldest ring goes on with whole records" {
	session <<-'END'
	mkfifo hold
	shmcat -t 10 /r >hold &
	reader=$!
	seq -w 300000 | shmcat -w -m 64K -F line -R 1 --when-full=drop-oldest /r &
	writer=$!
	exec 3<hold
	wait $writer
	cat <&3 >copy
	status=0; wait $reader || status=$?
	echo $status $(grep -vcE '^[0-9]{6}$' copy)
	sort -c copy
	tail -n 1 copy
	END
	with 0 $'76 0\n300000'
}

@test "shmcat: --when-full=fail is 75, for the readers too" {
	session <<-'END'
	head -c 4096 /dev/zero | shmcat -w -m 4K --when-full=fail /r
	shmcat /r | wc -c
	head -c 5000 /dev/zero | shmcat -w -m 4K --when-full=fail /r || echo $?
	shmcat /r >copy || echo $?
	wc -c <copy
	END
	with 0 $'4096\n75\n75\n4096'
	has "$stderr" "shmcat: /r: full"
}

@test "shmcat: what just fits ends without a reader, and one byte more waits" {
	session <<-'END'
	head -c 4096 /dev/zero | shmcat -w -t 10 -m 4K /r
	shmcat /r | wc -c
	head -c 4097 /dev/zero | shmcat -w -t 50ms -m 4K /r || echo $?
	shmcat --remove /r
	END
	with 0 $'4096\n124'
}

@test "shmcat: -w on a ring that is over makes a new one, on a living one takes part" {
	session <<-'END'
	seq 3 | shmcat -w /r
	seq 4 6 | shmcat -w /r
	shmcat /r | paste -sd ' '
	mkfifo hold
	shmcat -w /r <hold &
	writer=$!
	exec 3>hold
	await test -e /dev/shm/r
	kill -9 $writer
	wait $writer || :
	exec 3>&-
	seq 7 9 | shmcat -w /r
	shmcat /r | paste -sd ' '
	END
	with 0 $'4 5 6\n7 8 9'
}

@test "shmcat: a reader waits within -t for a ring that is not there yet" {
	session <<-'END'
	shmcat -t 50ms /r || echo $?
	shmcat -t 10 /r >copy &
	shmcat -t 10 shm:/r >copy2 &
	seq 3 | shmcat -w -R 2 /r
	wait
	paste copy copy2
	END
	with 0 $'124\n1\t1\n2\t2\n3\t3'
}

@test "shmcat: fd:N is a descriptor's object, alone for each that uses it" {
	session <<-'END'
	: >object
	exec 3<>object
	seq 3 | shmcat -w fd:3
	shmcat fd:3 | paste -sd ' '
	seq 3 | shmcat -w fd:3 || echo $?
	: >value
	exec 4<>value
	echo five | shmcat --value -w fd:4
	echo six | shmcat --value -w fd:4
	shmcat --value fd:4
	shmcat fd:0 </dev/null || echo $?
	END
	with 0 $'1 2 3\n65\nsix\n65'
}

@test "shmcat: a ring in a file, on the disk when it is said to be written" {
	session <<-'END'
	seq 3 | strace -f -o trace -e trace=msync shmcat -w --sync file:ring
	[ $(grep -c MS_SYNC trace) -ge 2 ]
	shmcat file:ring | paste -sd ' '
	[ ! -e ring ]
	echo v | strace -o trace -e trace=msync shmcat --value -w --sync file:value
	[ $(grep -c MS_SYNC trace) -ge 2 ]
	shmcat --value file:value
	END
	with 0 $'1 2 3\nv'
}

# --- values

@test "shmcat: a value is replaced as a whole, by a command only if it succeeds" {
	session <<-'END'
	shmcat --value -w /v -- echo one
	shmcat --value -v /v
	shmcat --value -w /v -- sh -c 'echo two; exit 9' || echo $?
	shmcat --value -w /v -- sh -c 'echo two; kill -9 $$' || echo $?
	shmcat --value -w /v -- nosuchcommand || echo $?
	shmcat --value /v
	seq 100000 | shmcat --value -w /v
	shmcat --value /v | cmp - <(seq 100000)
	: | shmcat --value -w /v
	shmcat --value /v | wc -c
	shmcat --info /v | grep generation
	shmcat --remove /v
	echo | shmcat --value -w --mode=0640 /v
	seq 100000 | shmcat --value -w /v
	stat -c %a /dev/shm/v
	shmcat --remove /v
	END
	with 0 $'one\n9\n137\n127\none\n0\ngeneration 3\n640'
	has "$stderr" "shmcat: /v: 4 bytes, generation 1"
}

@test "shmcat: readers of a value that changes all the time never see a part" {
	session <<-'END'
	for i in 1 2 3 4 5 6 7 8 9; do
		head -c $((i * 7777)) /dev/zero | tr '\0' $i >value$i
	done
	shmcat --value -w /v <value1
	for i in $(seq 60); do
		shmcat --value -w /v <value$((i % 9 + 1))
	done &
	writer=$!
	while kill -0 $writer 2>/dev/null; do
		shmcat --value /v >copy
		cmp copy value$(head -c 1 copy)
	done
	shmcat --remove /v
	END
	with 0 ""
}

@test "shmcat: --after and -t wait for a value, and --each runs on every change" {
	session <<-'END'
	shmcat --value -t 50ms /v || echo $?
	shmcat --value -t 10 /v >first &
	shmcat --value --each -c 2 -t 10 /v -- sh -c 'echo "$SHM_GENERATION $(cat)"' >each &
	each=$!
	echo one | shmcat --value -w /v
	await grep -q one each
	await grep -q one first
	shmcat --value --after=1 -t 50ms /v || echo $?
	head -c 200000 /dev/zero | tr '\0' x | shmcat --value -w /v
	wait $each
	head -c 12 each; echo; wc -c <each
	shmcat --value --each /v -- sh -c 'exit 5' || echo $?
	shmcat --remove /v
	END
	with 0 $'124\n124\n1 one\n2 xxxx\n200009\n5'
}

@test "shmcat: a value that is removed ends who waits for the next" {
	session <<-'END'
	echo | shmcat --value -w /v
	shmcat --value --after=1 /v &
	await eval 'grep -q futex /proc/$!/wchan /proc/$!/syscall || grep -q ^449 /proc/$!/syscall'
	shmcat --remove /v
	wait $! || echo $?
	END
	with 0 66
}

@test "shmcat: a value's waiting reader outlives a writer or remover killed half way" {
	command -v strace >/dev/null || skip "there is no strace"
	session <<-'END'
	sleeps() { grep -q futex /proc/$1/wchan /proc/$1/syscall || grep -q ^449 /proc/$1/syscall; }
	# held CALL ARG...: shmcat ARG, held as it leaves that call
	held() {
		strace -qq -o trace -e trace=$1 -e inject=$1:delay_exit=60000000 shmcat "${@:2}" <big &
		tracer=$!
	}
	head -c 100000 /dev/zero >big
	for call in rename unlink; do
		echo 1 | shmcat --value -w -m 4K /v
		timeout 10 shmcat --value --after=1 -t 9 /v >got &
		reader=$!
		await eval "pgrep -P $reader >child"
		await sleeps $(cat child)
		old=$(stat -c %i /dev/shm/v)
		if [ $call = rename ]; then
			held rename --value -w /v
		else
			held unlink --remove /v
		fi
		await eval '[ "$(stat -c %i /dev/shm/v 2>/dev/null)" != $old ]'
		kill -9 $(pgrep -P $tracer) $tracer
		wait $tracer || :
		[ $call = rename ] || head -c 50000 big | shmcat --value -w /v
		status=0
		wait $reader || status=$?
		echo $call $status $(wc -c <got)
		shmcat --remove /v
	done
	END
	with 0 $'rename 0 100000\nunlink 0 50000'
}

@test "shmcat: a value that is removed and made again is news, whatever its generation" {
	session <<-'END'
	echo one | shmcat --value -w /v
	mkfifo go
	shmcat --value --each -c 3 -t 10 /v -- sh -c 'echo "$SHM_GENERATION $(cat)" >>each; cat go' &
	each=$!
	await grep -qs one each
	shmcat --remove /v
	echo two | shmcat --value -w /v
	: >go
	await grep -q two each
	# one that outgrows its object is the same value
	identity=$(shmcat --info --json /v | jq .identity)
	head -c 100000 /dev/zero | tr '\0' x | shmcat --value -w /v
	[ "$(shmcat --info --json /v | jq .identity)" = "$identity" ]
	shmcat --value --after=2 -t 50ms /v || echo $?
	: >go
	await grep -q '2 xx' each
	: >go
	wait $each
	cut -c 1-6 each
	shmcat --remove /v
	END
	with 0 $'124\n1 one\n1 two\n2 xxxx'
}

# --- bytes

@test "shmcat: bytes of files and objects are read and patched in place" {
	session <<-'END'
	shmcat --create=10 /b
	shmcat --create=10 /b || echo $?
	printf abc | shmcat -w --seek=2 /b
	shmcat /b | od -An -c
	printf xyz | shmcat -w --seek=8 /b || echo $?
	printf '12345' | shmcat -w --seek=0 --length=2 /b || echo $?
	shmcat -w --seek=4 /b -- printf Q
	shmcat --offset=1 --length=5 /b; echo
	shmcat --offset=11 /b || echo $?
	shmcat --offset=1 --length=10 /b || echo $?
	shmcat --offset=10 /b
	shmcat --remove /b
	head -c 3000000 /dev/urandom >file
	cp file want
	inode=$(stat -c %i file)
	printf hello | dd of=want bs=1 seek=1999999 conv=notrunc 2>/dev/null
	printf hello | shmcat -w --sync --seek=1999999 file:file
	cmp file want
	[ "$(stat -c %i file)" = "$inode" ]
	shmcat file:file | cmp - want
	shmcat --offset=1234567 file:file | cmp - <(tail -c +1234568 want)
	END
	with 0 $'73\n  \\0  \\0   a   b   c  \\0  \\0  \\0  \\0  \\0\n65\n65\n2abQ\n65\n65'
	has "$stderr" "shmcat: /b: there is more input than room: 2 bytes from 8 on were written"
	has "$stderr" "shmcat: cannot create /b: File exists"
}

@test "shmcat: an object of another kind is 65, and is not touched" {
	session <<-'END'
	seq 1000 >text
	echo v | shmcat --value -w /v
	seq 3 | shmcat -w /r
	shmcat --create=4K /b
	echo | shmcat -w /v || echo $?
	echo | shmcat -w /b || echo $?
	echo | shmcat -w file:text || echo $?
	echo | shmcat --value -w /r || echo $?
	echo | shmcat --value -w file:text || echo $?
	echo | shmcat -w --seek=0 /r || echo $?
	shmcat --offset=1 /r || echo $?
	shmcat --value /b || echo $?
	cmp text <(seq 1000)
	shmcat --value /v
	shmcat /r | wc -l
	mkfifo fifo
	shmcat file:fifo || echo $?
	shmcat --remove /v; shmcat --remove /b
	END
	with 0 $'65\n65\n65\n65\n65\n65\n65\n65\nv\n3\n65'
}

# --- what goes wrong

@test "shmcat: a damaged or cut off object is 65, never a crash or a hang" {
	session <<-'END'
	seq 1000 | shmcat -w --keep /r
	for at in 0 8 16 24 40 60 80 134 142; do
		cp /dev/shm/r /dev/shm/x
		printf '\377' | dd of=/dev/shm/x bs=1 seek=$at conv=notrunc 2>/dev/null
		timeout 5 shmcat --value /x >/dev/null || [ $? -eq 65 ]
		status=0
		timeout 5 shmcat -t 1 /x >/dev/null || status=$?
		echo "$at $status"
		timeout 5 shmcat --info /x >/dev/null || [ $? -eq 65 ]
	done
	for size in 8 100 4096 13000; do
		head -c $size /dev/shm/r >/dev/shm/x
		timeout 5 shmcat /x >/dev/null || echo "$size $?"
		timeout 5 shmcat -w /x </dev/null || echo "$size $?"
	done
	shmcat --list | grep -c damaged
	shmcat --remove /x
	shmcat --remove /r
	END
	with 0 $'0 0\n8 65\n16 65\n24 65\n40 65\n60 65\n80 65\n134 65\n142 65\n8 65\n8 65\n100 65\n100 65\n4096 65\n4096 65\n13000 65\n13000 65\n1'
}

@test "shmcat: a ring cut off under its users is 65 for both" {
	session <<-'END'
	mkfifo hold
	shmcat -w -m 64K /r <hold &
	writer=$!
	exec 3>hold
	echo x >&3
	shmcat -t 10 /r >copy 3>&- &
	reader=$!
	await test -s copy
	: >/dev/shm/r
	status=0; wait $reader || status=$?
	echo "reader $status"
	echo y >&3 || :
	exec 3>&-
	status=0; wait $writer || status=$?
	echo "writer $status"
	shmcat --remove /r
	END
	with 0 $'reader 65\nwriter 65'
}

@test "shmcat: 112 readers have a place, one more is 75" {
	session <<-'END'
	mkfifo hold
	shmcat -w /r <hold &
	exec 3>hold
	await test -e /dev/shm/r
	for i in $(seq 112); do
		shmcat /r >/dev/null 3>&- &
	done
	await eval '[ $(shmcat --info /r | grep -c ^reader) -eq 112 ]'
	shmcat /r || echo $?
	exec 3>&-
	wait
	END
	with 0 75
	has "$stderr" "shmcat: /r: no place for one more at a time"
}

@test "shmcat: another user reads with --mode=0644, and does not write" {
	[ "$(id -u)" -eq 0 ] || skip "only root has two users"
	session <<-'END'
	chmod 1777 /dev/shm
	mkfifo hold
	shmcat -w --mode=0644 /r <hold &
	exec 3>hold
	await test -e /dev/shm/r
	setpriv --reuid=65534 --clear-groups shmcat -t 10 /r >copy 3>&- &
	reader=$!
	echo seen >&3
	await grep -q seen copy
	shmcat --info /r | grep -c ^reader || :
	echo x | setpriv --reuid=65534 --clear-groups shmcat -w /r || echo $?
	exec 3>&-
	wait $reader
	shmcat /r
	seq 3 | shmcat -w --keep /r
	setpriv --reuid=65534 --clear-groups shmcat /r || echo $?
	chmod 644 /dev/shm/r
	setpriv --reuid=65534 --clear-groups shmcat /r || echo $?
	shmcat --remove /r
	# nobody's object, in which root's words do not belong
	seq 3 | setpriv --reuid=65534 --clear-groups shmcat -w --keep --mode=666 /r
	echo secret | setpriv --reuid=65533 --clear-groups shmcat -w /r || echo $?
	ln -s r /dev/shm/link
	shmcat /link || echo $?
	rm /dev/shm/link
	shmcat --remove /r
	END
	with 0 $'0\n77\nseen\n77\n77\n77\n77'
	has "$stderr" "it belongs to another user; --foreign permits that"
	has "$stderr" "it is a symbolic link"
}

# --- looking

@test "shmcat: --info and --list say who uses a ring, as text and as JSON" {
	session <<-'END'
	mkfifo hold out
	shmcat -w -m 64K -F line /r <hold &
	exec 3>hold
	seq 100 >&3
	await test -e /dev/shm/r
	shmcat /r >out 3>&- &
	exec 4<out
	await eval '[ $(shmcat --info --json /r | jq ".readers | length") -eq 1 ]'
	await eval '[ $(shmcat --info --json /r | jq .newest) -eq 292 ]'
	await eval '[ $(shmcat --info --json /r | jq .fill_bytes) -eq 0 ]'
	shmcat --info --json /r | jq -c '[.kind, .state, .status, .size_bytes,
		.framing, .when_full, .oldest, .dropped_bytes, .mode,
		.writers[0].alive, .readers[0].alive, .readers[0].lag_bytes,
		.readers[0].lost_bytes]'
	shmcat --list --json | jq -c '[.[] | [.name, .kind]]'
	shmcat --info /r | grep -cE '^(writer +pid [0-9]+|reader +pid [0-9]+, at 292, lag 0 B)$'
	shmcat --list | grep -c '^/r .*open, 0 B unread, 1 writing, 1 reading$'
	exec 3>&-
	cat <&4 >/dev/null
	END
	with 0 '["ring","open",null,65536,"line","block",0,0,"0600",true,true,0,0]
[["/r","ring"]]
2
1'
}

# --- what fresh eyes found

@test "shmcat: records that begin with their length keep their bounds from the first byte on" {
	session <<-'END'
	perl -e 'for (1..30000) { print pack("N", 100), "x" x 100 }' >in
	shmcat -w -F len32 -R 1 /r <in &
	shmcat -t 20 /r | {
		await eval '[ $(shmcat --info --json /r | jq .newest) -gt 1000000 ]'
		cat
	} | wc -c
	wait $!
	perl -e 'for (1..5) { print pack("N", 2), "ab" }' |
		shmcat -w --keep -F len32 /l
	shmcat --from=6 /l | wc -c
	shmcat --from=1 /l | wc -c
	shmcat --remove /l
	perl -e 'for (1..17) { print pack("N", 4092), "x" x 4092 }' |
		shmcat -w -m 64K -F len32 --when-full=drop-oldest --keep /d
	shmcat -F raw /d | wc -c
	shmcat --remove /d
	END
	with 0 $'3120000\n24\n24\n65472'
}

@test "shmcat: -R is for the first byte: a second writer waits for nobody" {
	session <<-'END'
	mkfifo hold
	shmcat -w -R 1 -F line /r <hold &
	exec 3>hold
	echo a >&3
	shmcat -t 20 -c 1 /r
	echo b | timeout 10 shmcat -w -F line /r
	exec 3>&-
	END
	with 0 a
}

@test "shmcat: a signal ends it also where nothing ever blocks" {
	session <<-'END'
	truncate -s 1T sparse
	for how in '--when-full=drop-oldest /a' '--value /a' '--seek=0 file:sparse'; do
		shmcat -w $how </dev/zero &
		await grep -q '^State:.R' /proc/$!/status
		await eval 'grep -q "^SigCgt:.*4" /proc/$!/status'
		kill -TERM $!
		wait $! || echo $?
	done
	shmcat --remove /a 2>/dev/null || :
	END
	with 0 $'143\n143\n143'
}

@test "shmcat: what cannot be a ring is said, and no ring is made" {
	session <<-'END'
	mkdir folder
	ln -s nowhere link
	for how in '-c 1 /a' 'file:folder' 'file:link'; do
		echo x | shmcat -w $how 2>&1 || echo $?
	done
	timeout 10 shmcat -t 0.1 file:link 2>&1 || echo $?
	(ulimit -f 10; echo x | shmcat -w file:large 2>&1 || echo $?)
	END
	with 0 "shmcat: /a: -c counts records, and -F raw has none
64
shmcat: file:folder: neither shared memory nor a regular file
65
shmcat: cannot create file:link: No such file or directory
73
shmcat: file:link: time ran out
124
shmcat: cannot create file:large of 1060864 bytes: File too large
73"
}

@test "shmcat: a ring that is cut off is no success of its writer, -c is one of its command" {
	session <<-'END'
	mkfifo hold
	shmcat -w file:ring <hold 2>&1 &
	exec 3>hold
	await test -s ring
	await eval 'shmcat --info file:ring >/dev/null 2>&1'
	truncate -s 0 ring
	exec 3>&-
	wait $! || echo $?
	shmcat -w -c 3 -F line /r -- yes
	shmcat /r | wc -l
	END
	with 0 'shmcat: file:ring: damaged, or cut off while in use
65
3'
}

@test "shmcat: --list has a line for each object, whatever its name and state" {
	session <<-'END'
	printf 'ipcflow\0garbage' >/dev/shm/$'bad\xff'
	shmcat --create=4K $'/two\nlines \e[1m'
	mkfifo hold
	shmcat -w /dead <hold &
	exec 3>hold
	await test -e /dev/shm/dead
	shmcat --list | grep '^/dead.* 1 writing, 0 reading$' | wc -l
	kill -9 $!
	wait $! || :
	shmcat --list >text
	cat -v text | tr -s ' '
	shmcat --list --json | jq -c '.[] | [.name, .kind]'
	shmcat --info $'/two\nlines \e[1m' | head -n 1
	rm /dev/shm/*
	END
	with 0 $'1
/bad? damaged 15 B
/dead ring 1 MiB broken, 0 B unread, 0 writing, 0 reading
/two lines ?[1m bytes 4 KiB
["/bad?","damaged"]
["/dead","ring"]
["/two\\nlines \\u001b[1m","bytes"]
name       /two lines ?[1m'
}

@test "shmcat: --remove takes what a killed replacer left, and nobody else's object" {
	session <<-'END'
	shmcat --create=4K /.a.next
	echo 1 | shmcat --value -w /a
	head -c 9000 /dev/zero | shmcat --value -w /a
	shmcat --remove /a
	shmcat --list
	shmcat --remove /.a.next
	touch /dev/shm/.b.next.ipcflow
	shmcat --remove /b
	shmcat --remove /b 2>&1 || echo $?
	shmcat --create=4K /.b.next.ipcflow 2>&1 || echo $?
	END
	with 0 "/.a.next                 bytes         4 KiB
shmcat: cannot remove /b: No such file or directory
66
shmcat: cannot create /.b.next.ipcflow: names that begin with a point and end in .ipcflow are those of objects under way
64"
}
