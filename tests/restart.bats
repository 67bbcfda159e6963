#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# restart: processes that are started again while the rest of the graph waits.
# RESTART_RECORDS scales the kill test, SEED repeats it.

bats_require_minimum_version 1.5.0
load traces

# twice COMMAND: the text of a command that fails with 3 at first, after FIRST.
twice()
{
	echo "test -e tried || { touch tried; ${FIRST:-:}; exit 3; }; $1"
}

# go ARG...: a run in the foreground: $status, $output and $stderr.
go()
{
	local aside=$BATS_TEST_TMPDIR.stderr
	status=0
	output=$(graph "$@" 2>"$aside" </dev/null) || status=$?
	stderr=$(<"$aside")
}

# within SECONDS COMMAND...: it takes no longer.
within()
{
	local begun=${EPOCHREALTIME/./} most=$1
	shift
	"$@" || return
	local took=$(((${EPOCHREALTIME/./} - begun) / 1000))
	echo "took $took ms"
	test "$took" -lt "${most}000"
}

# told TEXT: how often a line of standard error has it.
told()
{
	grep -cF -- "$1" <<<"$stderr" || :
}

# --- what goes on

@test "restart: what waits in the pipe is there for the next one, and is told" {
	go --cmd=seq='seq 100000' \
		--cmd=sort='sort -n' --cmd=work="$(twice cat)" \
		-e 'seq -> work -> sort; work [restart="on-failure" backoff=0]'
	with 0 "$(seq 100000)"
	[[ $stderr =~ ^"mkfifo-graph: work: exit 3 after 0."[0-9]+" s (line 1); started again (1 of 3)"$ ]]
	nothing_left
}

@test "restart: the wait is told" {
	go -e 'work [restart="on-failure" backoff="30ms"]' --cmd=work="$(twice :)"
	with 0
	has "$stderr" "; started again in 0.03 s (1 of 3)"
}

@test "restart: the record that was being read is lost, and no other" {
	go -e 'seq -> work; work [restart="on-failure" backoff=0]' \
		--cmd=seq='seq 5' \
		--cmd=work='while read -r x; do test $x != 3 || kill -9 $$; echo $x; done'
	with 0 $'1\n2\n4\n5'
}

@test "restart: bytes of standard input are not lost either" {
	seq 1000 >numbers
	status=0
	output=$(cat numbers | graph -e 'work [restart="on-failure" backoff=0]
		stdin -> work' --cmd=work="$(FIRST='read x; echo $x' twice cat)") ||
		status=$?
	with 0 "$(seq 1000)"
}

@test "restart: named ports, err= and --tag go on as well" {
	go --tag -e 'work [restart="on-failure" backoff=0 err=e]; e; seq -> work:x
		work:y -> sort; other [cmd="echo o >&2"]' \
		--cmd=seq='seq 1000' --cmd=sort='sort -n' --cmd=e='sed s/^/e/' \
		--cmd=work="$(FIRST='read l <$x; echo $l >$y; echo 1 >&2' \
			twice 'echo 2 >&2; cat $x >$y')"
	with 0
	same "$(seq 1000)"$'\ne1\ne2' "$(grep -v e <<<"$output"
		grep e <<<"$output")"
	has "$stderr" "other: o"
}

@test "restart: a FIFO that the other side opens by name goes on as well" {
	go -e 'seq:n -> work [via=fifo]; work -> sort:m [via=fifo]
		work [restart="on-failure" backoff=0]' \
		--cmd=seq='seq 1000 >$n' --cmd=sort='sort -n $m' \
		--cmd=work="$(FIRST='read l; echo $l' twice cat)"
	with 0 "$(seq 1000)"
	nothing_left
}

@test "restart: -x says each start" {
	go -x -e 'work [restart="on-failure" backoff=0]' --cmd=work="$(twice :)"
	with 0
	test "$(told '+ work: test')" -eq 2
}

# --- what ends

@test "restart: the end of file comes at once when it will not be started again" {
	within 5 go -e 'seq -> work -> wc
		work [cmd=cat restart="on-failure" backoff="20s"]' \
		--cmd=seq='seq 3' --cmd=wc='wc -l'
	with 0 3
	within 5 go -e 'seq -> work -> wc; work [cmd="cat; exit 3" retries=0
		restart="on-failure" backoff="20s"]' \
		--cmd=seq='seq 3' --cmd=wc='wc -l'
	with 3 3
}

@test "restart: SIGPIPE comes at once when it will not be started again" {
	within 5 go -e 'yes -> work; work [cmd="head -n 1" restart=always
		retries=0 backoff="20s"]; work -> one' --cmd=one='head -n 1'
	with 0 y
	within 5 go -e 'yes -> work; work [cmd="read x; echo $x"
		restart="on-failure" backoff="20s"]'
	with 0 y
}

@test "restart: retries= is how often; the status is that of the last time" {
	local work='echo x >>tries; exit $((10 + $(wc -l <tries)))'
	go -e 'work [restart="on-failure" backoff=0]' --cmd=work="$work"
	with 14
	test "$(told 'started again (')" -eq 3
	has "$stderr" "(line 1), started again 3 times before"
	rm tries
	go -e 'work [restart="on-failure" retries=1 backoff=0]' --cmd=work="$work"
	with 12
	has "$stderr" "(line 1), started again 1 time before"
	rm tries
	go -e 'work [restart="on-failure" retries=0]' --cmd=work="$work"
	with 11
	rm tries
	go -e 'work [restart=no]' --cmd=work="$work"
	with 11
}

@test "restart: what cannot be executed is not tried again" {
	printf '#!/nonexistent\n' >bad
	chmod +x bad
	within 5 go -e 'work [cmd="./bad" restart="on-failure" backoff="20s"]'
	with 127
	test "$(told 'started again')" -eq 0
}

@test "restart: who has read all of its input is not started again for nothing" {
	echo old >out
	within 5 go -e 'seq -> work -> out; out [file=out]
		work [restart="on-failure" backoff="20s"]' --cmd=seq='seq 3' \
		--cmd=work='cat >all; exit 3'
	with 3
	has "$stderr" "work: not started again: it has read all of its input"
	test "$(cat out)" = old
	# also when that shows only while it waits to be started again
	within 5 go -e 'seq -> work -> out; out [file=out]
		work [restart="on-failure" backoff="20s"]' \
		--cmd=seq='seq 3; until test -e failed; do sleep 0.01; done
			sleep 0.1' \
		--cmd=work='read x; read x; read x; touch failed; exit 3'
	with 3
	test "$(told 'started again in 20 s')" -eq 1
	has "$stderr" "work: not started again: it has read all of its input"
	test "$(cat out)" = old
}

@test "restart: a time that has run out is final" {
	within 5 go -e 'work [cmd="sleep 1000" timeout="100ms"
		restart=always backoff="20s"]'
	with 124
	has "$stderr" "timed out after 0.1 s"
	nothing_left
}

@test "restart: timeout= counts anew for each" {
	go -e 'work [restart="on-failure" backoff="0" timeout="1s"]' \
		--cmd=work="$(FIRST='sleep 0.6' twice 'sleep 0.6')"
	with 0
}

@test "restart: SIGINT and SIGQUIT are the terminal's and final" {
	go -e 'work [cmd="kill -INT $$" restart="on-failure" backoff="20s"]'
	with 130
}

@test "restart: a wait ends at once with the run, and nothing is left" {
	local begun
	within 5 go -t 300ms -e 'work [cmd="exit 3" restart="on-failure"
		backoff="20s"]'
	with 124
	nothing_left
	for begun in INT TERM; do
		begin -e 'work [cmd="touch up; sleep 1000 >&2 & exit 3"
			restart="on-failure" backoff="20s"]'
		eventually test -e up
		eventually grep -q 'started again in' err
		kill -"$begun" "$pid"
		within 5 ended
		test "$status" -eq $((128 + $(kill -l $begun)))
		nothing_left
		rm up
	done
	begin -e 'work [cmd="exit 3" restart="on-failure" backoff="20s"]'
	eventually grep -q 'started again in' err
	kill -KILL "$pid"
	within 5 eventually no_process
}

@test "restart: a failure that is made good is none to --fail-fast, the last one is" {
	go --fail-fast -e 'work [restart="on-failure" backoff=0]; other' \
		--cmd=work="$(twice 'touch good')" \
		--cmd=other='until test -e good; do sleep 0.01; done; echo fine'
	with 0 fine
	within 5 go --fail-fast -e 'work [cmd="exit 3" restart="on-failure"
		backoff=0]; other [cmd="sleep 1000"]'
	with 3
}

@test "restart: stop=drain lets the work be done, but starts no source again" {
	begin -e 'graph [stop=drain]
		work [cmd="read x; echo $x; kill -9 $$" restart="on-failure"
			backoff="10ms" retries=100]
		source [cmd="echo 1; echo 2; echo 3; touch up; exec sleep 1000"
			restart=always]
		source -> work'
	eventually grep -q 3 out
	kill -TERM "$pid"
	within 5 ended
	test "$status" -eq 137 # it had read all
	same $'1\n2\n3' "$(<out)"
	nothing_left
}

@test "restart: stop=drain ends the wait of a source" {
	begin -e 'graph [stop=drain]; source [cmd="exit 3" restart="on-failure"
		backoff="20s"]'
	eventually grep -q 'started again in' err
	kill -TERM "$pid"
	within 5 ended
	test "$status" -eq 3
}

@test "restart: a reader that waits to be started again has not gone" {
	go -e 'source -> work -> out; source:3 -> head; out [file=out]
		work [restart="on-failure" backoff="500ms"]' \
		--cmd=source='echo 1; until test -e failed; do sleep 0.01; done
			seq 1000000 >&3' \
		--cmd=head='head -n 1' \
		--cmd=work="$(FIRST='touch failed' twice cat)"
	with 0 1
	has "$stderr" "out not written: a reader upstream had seen enough"
	test ! -e out
}

@test "restart: eof=exit ends who waits to be started again" {
	within 5 go -e 'bad -> work -> out [eof=exit]; out [file=out]
		work [cmd="touch up; exit 3" restart="on-failure" backoff="20s"]' \
		--cmd=bad='until test -e up; do sleep 0.01; done; exit 5'
	with 5
	test ! -e out
	nothing_left
}

@test "restart: eof=exit waits for who is started again" {
	go -e 'edge [eof=exit]; seq -> work -> sort -> out; out [file=out]
		work [restart="on-failure" backoff="700ms"]' \
		--cmd=seq='seq 3' --cmd=sort='sort -r' --cmd=work="$(twice cat)"
	with 0
	same $'3\n2\n1' "$(<out)"
}

# --- restart=always

@test "restart: always, one process a record, and none for the end" {
	go -e 'seq -> work; work [restart=always backoff=0]' --cmd=seq='seq 100' \
		--cmd=work='echo . >>starts; read x; echo got $x'
	with 0 "$(seq -f 'got %.0f' 100)"
	test "$(wc -l <starts)" -eq 100
	test -z "$stderr"
}

@test "restart: always, none for the end, however late that comes" {
	go -e 'seq -> work; work [restart=always backoff=0]' \
		--cmd=seq='echo 1; until test -e one; do sleep 0.01; done
			sleep 0.3; exec >&-' \
		--cmd=work='echo . >>starts; read x; echo $x; touch one'
	with 0 1
	test "$(wc -l <starts)" -eq 1
}

@test "restart: always, several inputs, files included" {
	seq 3 >lines
	go -e 'a -> work; l -> work:3; l [file="lines"]; work [restart=always
		backoff=0]' --cmd=a='seq 2' \
		--cmd=work='echo . >>starts; read x; read y <&3; echo $x $y'
	with 0 $'1 1\n2 2\n3'
	test "$(wc -l <starts)" -eq 3
}

@test "restart: always, a file at a named port is read by each and is no input" {
	echo same >lines
	go -e 'seq -> work; l -> work:lines; l [file="lines"]; work [restart=always
		backoff=0]' --cmd=seq='echo 1; until test -e 1; do sleep 0.01; done
			sleep 0.2; echo 2' \
		--cmd=work='echo . >>starts; read x; cat $lines; touch $x'
	with 0 $'same\nsame'
	test "$(wc -l <starts)" -eq 2
}

@test "restart: always ends when its readers have gone" {
	within 5 go -e 'work -> head; work [restart=always backoff=0]' \
		--cmd=work='echo x' --cmd=head='head -n 3'
	with 0 $'x\nx\nx'
}

@test "restart: always, two starts are backoff= apart, and the run can be ended" {
	go -t 1s -e 'work [cmd="echo . >>starts" restart=always backoff="300ms"]'
	with 124
	test "$(wc -l <starts)" -le 4
	test "$(wc -l <starts)" -ge 2
	nothing_left
}

@test "restart: always, failures are counted and successes are not" {
	go -e 'seq -> work; work [restart=always backoff=0 retries=2]' \
		--cmd=seq='seq 100' \
		--cmd=work='read x; echo $x; test $((x % 20)) != 0'
	with 1 "$(seq 60)"
	test "$(told 'started again (')" -eq 2
}

# --- what is left of the one before

@test "restart: what it started is ended before the next begins" {
	within 2 go -e 'seq -> work -> sort
		work [restart="on-failure" backoff="0"]' \
		--cmd=seq='seq 1000' --cmd=sort='sort -n' \
		--cmd=work="$(FIRST='{ sleep 1000 <&0 & }' twice cat)"
	with 0 "$(seq 1000)"
	nothing_left
}

@test "restart: what does not heed TERM is killed, and takes nothing after that" {
	go -e 'seq -> work -> sort; work [restart="on-failure" backoff="0"]' \
		--cmd=seq='until test -e up; do sleep 0.01; done; seq 1000' \
		--cmd=sort='sort -n' \
		--cmd=work="$(FIRST="sh -c 'trap \"\" TERM; touch here; exec 3<&0
			sleep 1000' <&0 & 
			until test -e here; do sleep 0.01; done" \
			twice 'touch up; cat')"
	with 0 "$(seq 1000)"
	nothing_left
}

@test "restart: what a success left at work is waited for, not ended" {
	go -e 'seq -> work; work [restart=always backoff=0]' --cmd=seq='seq 2' \
		--cmd=work='read x; (sleep 0.3; echo late $x) & echo $x'
	with 0 $'1\nlate 1\n2\nlate 2'
}

@test "restart: what others have left running is not touched" {
	go -e 'seq -> work -> sort -> stdout; other -> file; file [file=out]
		work [restart="on-failure" backoff="0"]' \
		--cmd=seq='seq 10' --cmd=sort='sort -n' \
		--cmd=other='{ until test -e tried; do sleep 0.01; done; sleep 0.2
			echo whole; } & ' \
		--cmd=work="$(twice cat)"
	with 0 "$(seq 10)"
	test "$(cat out)" = whole
}

# --- what is committed

@test "restart: files in, files out: a failed try is undone" {
	seq 1000 >in
	cat >both.gv <<-'END'
	digraph { in [file=in]; out [file=out]; more [file=more append=true]
		in -> work -> out; work:3 -> more
		work [restart="on-failure" backoff=0] }
	END
	echo begun >more
	go --report=report --cmd=work="$(FIRST='head -n 500; echo no >&3' \
		twice 'cat; echo yes >&3')" both.gv
	with 0
	cmp in out
	same $'begun\nyes' "$(<more)"
	test "$(grep -c '"whole": true' report)" -eq 3
	rm tried
	go -o new --cmd=work="$(FIRST='echo no' twice 'echo yes')" \
		-e 'work [restart="on-failure" backoff=0]'
	with 0
	test "$(cat new)" = yes
	rm tried
	graph -e 'stdin -> work -> out; out [file=out]; work
		[restart="on-failure" backoff=0]' <in \
		--cmd=work="$(FIRST='head -n 500; cat >/dev/null' twice 'cat')"
	cmp in out
}

@test "restart: what went through a pipe stays, is committed and not called whole" {
	go --report=report -e 'seq -> work -> out; out [file=out]
		work [restart="on-failure" backoff=0]' --cmd=seq='seq 5' \
		--cmd=work="$(FIRST='read x; echo $x' twice cat)"
	with 0
	same "$(seq 5)" "$(<out)"
	test "$(grep -c '"whole": true' report)" -eq 1
	test "$(grep -c '"whole": false' report)" -eq 1
}

@test "restart: a node that fails for good commits nothing" {
	go -e 'seq -> work -> out; out [file=out]
		work [cmd="read x; echo $x; exit 3" restart="on-failure"
		backoff=0]' --cmd=seq='yes'
	with 3
	has "$stderr" "started again 3 times before; out not written"
	test ! -e out
}

@test "restart: the report has the ends of those before" {
	go --report=report -e 'work [restart="on-failure" backoff=0]' \
		--cmd=work='echo >>tries; n=$(wc -l <tries)
			case $n in 1) exit 7;; 2) kill -9 $$;; esac'
	with 0
	run python3 -c 'import json; n = json.load(open("report"))["nodes"][0]
print(n["restarts"], n["status"], [(t["status"], t["signal"]) for t in n["tries"]])
assert all(t["pid"] > 0 and t["wall_s"] >= 0 for t in n["tries"])'
	test "$status" -ne 127 || skip "no python3"
	with 0 "2 0 [(7, None), (137, 'SIGKILL')]"
}

# --- deadlocks

@test "restart: a wait is no deadlock" {
	go -e 'a -> b -> a [back=true]
		a [restart="on-failure" backoff="900ms"]' \
		--cmd=a="$(twice 'echo hi; read x; echo $x >&2')" \
		--cmd=b='read x; echo $x'
	with 0
	rm -f tried
	go -e 'edge [eof=exit]; a -> b -> c; a [restart="on-failure"
		backoff="900ms"]' --cmd=a="$(twice 'echo hi')" \
		--cmd=b=cat --cmd=c=cat
	with 0 hi
}

@test "restart: a deadlock is proven although the guardian holds the ends" {
	within 10 go -e 'node [restart="on-failure"]; a -> b -> a [back=true]
		a [cmd="read x; echo $x"]; b [cmd="read y; echo $y"]'
	with 125
	has "$stderr" "deadlock: each of these waits for the next"
	has "$stderr" "is blocked reading from b"
	has "$stderr" "is blocked reading from a"
}

@test "restart: so is one at an end that its process has closed" {
	within 10 go -e 'edge [spill="64K"]; a -> b; a:3 -> b:3
		b [restart="on-failure"]' \
		--cmd=a='seq 1000000; echo done >&3' \
		--cmd=b='exec <&-; read x <&3; echo $x'
	with 125
	has "$stderr" "deadlock: each of these waits for the next"
}

@test "restart: so is one of a node that waits for input to be started again" {
	within 10 go -e 'a -> b -> a [back=true]; a [restart=always]' \
		--cmd=a='echo 1; read x' --cmd=b='cat'
	with 125
	has "$stderr" "deadlock: each of these waits for the next"
}

# --- what is refused and shown

@test "restart: what cannot be started again is refused" {
	mg -e 'seq -> a; a [cmd=cat replicas=2 restart="on-failure"]' --cmd=seq='seq 3'
	refused 65 '-e:1: node `a` has replicas= and restart=; what replicas have read ahead would be lost, so they cannot be started again'
	mg -e 'seq -> a:x [via=fifo]; a [cmd="cat $x" restart=always]' --cmd=seq='seq 3'
	refused 65 '-e:1: `seq -> a:x`: node `a` has restart=, for which the stream is held open, but with via=fifo it ends when `a` closes it; leave out via=fifo'
	mg -e 'a [cmd=cat retries=3 backoff=1]'
	refused 65 '-e:1: node `a` has retries= and no restart= that it could be for' \
		'-e:1: node `a` has backoff= and no restart= that it could be for'
	echo 'digraph { cat }' >inner.gv
	mg -e 'a [graph="inner.gv" restart=always]'
	refused 65 '-e:1: node `a` is a graph (graph=), which cannot have restart=; write it in `inner.gv`'
}

@test "restart: retries= and backoff= as defaults, or beside restart=no, do nothing" {
	go -e 'node [retries=3 backoff=1]; a [cmd="echo a"]
		b [cmd="echo b" restart=no retries=1]'
	with 0
}

@test "restart: --dry-run shows it" {
	mg -n -e 'a [cmd=cat restart="on-failure"]; b [cmd=cat restart=always
		retries=1 backoff="2m"]'
	with 0
	has "$output" $'cat\n    started again on failure, up to 3 times, at first after 0.1 s\n'
	has "$output" $'cat\n    started again on success, and on failure, up to 1 time, at first after 120 s\n'
}

# --- kills

# killed POLICY: numbered records through a consumer that is killed at random
# moments. Sets $status, $kills, and $missing: how many did not arrive.
killed()
{
	local records=${RESTART_RECORDS:-150000} policy=$1 victim last=none clock
	RANDOM=${SEED:=$((RANDOM))}
	kills=0
	mkfifo clock
	begin -e 'seq -> work -> sink; sink [cmd="cat >got"]
		work [restart="'"$policy"'" retries=100000 backoff=0]' \
		--cmd=seq="seq $records" --cmd=work='echo $$ >pid
			while read -r x; do echo $x; done'
	exec {clock}<>clock
	while kill -0 "$pid" 2>/dev/null; do
		# the moment is what is random here: nothing is waited for
		read -r -t "0.00$((RANDOM % 10))$((RANDOM % 10))" -u "$clock" || :
		{ read -r victim <pid; } 2>/dev/null || continue
		test "$victim" != "$last" || continue
		last=$victim
		read -r -t "0.0$((RANDOM % 3))$((RANDOM % 10))" -u "$clock" || :
		! kill -KILL "$victim" 2>/dev/null || kills=$((kills + 1))
	done
	exec {clock}>&-
	ended
	missing=$(comm -23 <(seq "$records" | sort) <(sort -u got) | wc -l)
	echo "SEED=$SEED status=$status records=$records" \
		"kills=$kills missing=$missing"
}

@test "restart: SIGKILL at random moments costs a record each, and no more" {
	killed on-failure
	# who was killed with nothing left to read is not started again
	((status == 0)) || { ((status == 137)) && grep -q 'read all' err; }
	((kills > 10 && missing <= kills))
	nothing_left
}

@test "restart: without it the first kill is the end" {
	killed no
	((status == 137 && kills >= 1 && missing > kills))
	nothing_left
}
