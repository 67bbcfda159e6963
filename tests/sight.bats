#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# sight: what is shown of a run while it lasts, what the report tells of it
# over time, and what others may ask and do.

load helper

# report FILTER: what jq finds in report.json, on one line.
report()
{
	jq -c "$1" report.json
}

# run_aside ARG...: mkfifo-graph with ARGs in the background; its pid is $aside.
run_aside()
{
	timeout -s KILL 30 "$MG" "$@" </dev/null >out 2>err 3>&- &
	wrapper=$!
	await pgrep -P $wrapper >pid
	aside=$(pgrep -P $wrapper)
	await listed "$aside"
}

# listed RUN: --status has it.
listed()
{
	"$MG" --status --json 2>/dev/null 3>&- |
		jq -e --arg run "$1" 'any(.[]; .run == $run)' >/dev/null
}

unlisted()
{
	! listed "$1"
}

teardown()
{
	[ -z "${aside-}" ] || kill "$aside"
}

# finished: what run_aside started has ended; $status.
finished()
{
	status=0
	wait $wrapper || status=$?
	aside=
}

# switches PID: how often it has been put to sleep so far.
switches()
{
	awk '/ctxt_switches/ { n += $2 } END { print n }' "/proc/$1/status"
}

# A node that takes its input in small parts, with pauses.
slow='i=0; while [ $i -lt 6 ]; do head -c 65536; sleep 0.1; i=$((i + 1)); done'

@test "mkfifo-graph: --report names a slow node in the middle as the bottleneck" {
	mg --report=report.json -e 'a -> slow -> c' --cmd=a='yes' \
		--cmd=slow="$slow" --cmd=c='cat >/dev/null'
	with 0
	report '[.bottleneck.node, .bottleneck.reason]'
	[ "$(report .bottleneck.node)" = '"slow"' ]
	report .bottleneck.reason | grep -E \
		'"uses 0\.[0-9] CPU and waits for what is no edge; its input is full, its readers wait"'
	report '[.edges[] | {from, reader_waited_s, writer_waited_s}]'
	jq -e '.edges[0].writer_waited_s > 0.3' report.json
	jq -e '.edges[1].reader_waited_s > 0.3' report.json
	jq -e '.edges[0].reader_waited_s < 0.3' report.json
	jq -e '.nodes[0].waiting_output_s > 0.3' report.json
	jq -e '.nodes[2].waiting_input_s > 0.3' report.json
}

@test "mkfifo-graph: --report names a node that is slow because it works" {
	mg --report=report.json -e 'a -> busy -> c' --cmd=a='seq 250000' \
		--cmd=busy='while read -r x; do :; done; echo done' \
		--cmd=c='cat'
	with 0 done
	report .bottleneck
	[ "$(report .bottleneck.node)" = '"busy"' ]
	report .bottleneck.reason |
		grep -E '"uses [01]\.[0-9] CPU; its input is full, its readers wait"'
	jq -e '.nodes[1] | .running_s > .waiting_input_s' report.json
	jq -e 'all(.nodes[]; .running_s + .waiting_input_s + .waiting_output_s
		<= .wall_s + 0.3)' report.json
}

@test "mkfifo-graph: --report names a slow source, and a slow sink" {
	mg --report=report.json -e 'a -> b -> c' --cmd=a="yes | { $slow; }" \
		--cmd=b='cat' --cmd=c='wc -c'
	with 0 393216
	[ "$(report .bottleneck.node)" = '"a"' ]
	report .bottleneck.reason | grep 'its readers wait"'
	mg --report=report.json -e 'a -> b -> c' --cmd=a='yes' --cmd=b='cat' \
		--cmd=c="{ $slow; } | wc -c"
	with 0 393216
	[ "$(report .bottleneck.node)" = '"c"' ]
	report .bottleneck.reason | grep 'its input is full"'
}

@test "mkfifo-graph: a merge that waits for another input blames that one" {
	mg --report=report.json \
		-e '{late early} -> stdout [merge=concat]' \
		--cmd=late='sleep 0.6; echo late' \
		--cmd=early='yes | head -c 1000000 | tail -c 1000000'
	with 0
	report .bottleneck
	[ "$(report .bottleneck.node)" = '"late"' ]
}

@test "mkfifo-graph: no bottleneck where nobody waits" {
	mg --report=report.json -e 'a; b' --cmd=a='sleep 0.3' --cmd=b='sleep 0.3'
	with 0
	[ "$(report .bottleneck)" = null ]
}

@test "mkfifo-graph: the time line has a sample each tenth of a second" {
	mg --report=report.json -e 'a -> b -> c' --cmd=a="yes | { $slow; }" \
		--cmd=b='cat' --cmd=c='cat >/dev/null'
	with 0
	[ "$(report .timeline.interval_s)" = 0.1 ]
	report '[.timeline.samples[].t_s]'
	jq -e '.wall_s as $wall | .timeline.samples | length >= 5 and
		(map(.t_s) | . == sort and . == unique and last <= $wall + 0.01)' \
		report.json
	jq -e '. as $r | all(.timeline.samples[];
		(.nodes | length) == ($r.nodes | length) and
		(.edges | length) == ($r.edges | length))' report.json
	jq -e '["not started", "running", "reading", "writing", "sleeping",
		"stopped", "ended"] as $words | [.timeline.samples[].nodes[]] |
		all(.[]; (.state | IN($words[])) and .cpu >= 0 and
			.memory_bytes >= 0 and
			((.state | IN("reading", "writing")) ==
				(.edge != null)))' report.json
	jq -e '.timeline.samples[-1].nodes | all(.state == "ended")' report.json
	jq -e '.timeline.samples[2] | .nodes[1].state == "reading" and
		.nodes[1].edge == 0 and .nodes[1].memory_bytes > 100000 and
		.edges[0].waiting_bytes == 0' report.json
}

@test "mkfifo-graph: the time line of the shortest run has its end" {
	mg --report=report.json -e 'true -> cat'
	with 0
	jq -e '.timeline.samples | length >= 1 and
		(last.nodes | map(.state) == ["ended", "ended"])' report.json
	[ "$(report .bottleneck)" = null ]
}

@test "mkfifo-graph: what waits in a pipe is in the time line" {
	mg --report=report.json -e 'a -> b [capacity="64K"]' \
		--cmd=a='head -c 10000 /dev/zero; sleep 0.5' \
		--cmd=b='sleep 0.5; cat >/dev/null'
	with 0
	jq -e '.edges[0].capacity_bytes == 65536' report.json
	jq -e '.timeline.samples[1].edges[0].waiting_bytes == 10000' report.json
	jq -e '.timeline.samples[-1].edges[0].waiting_bytes == 0' report.json
}

@test "mkfifo-graph: bytes of an edge between two programs, or null" {
	head -c 300000 /dev/zero >zeros
	graph <<-'END'
	digraph {
		f [file=zeros]
		o [file=out]
		shell [cmd="cat; true"]
		count [cmd="cat; true"]
		f -> cat -> "head -c 200000" -> o
		"head -c 1000000 /dev/zero" -> "wc -c"
		"head -c 10 zeros" -> shell -> count -> "tail -c 3"
	}
	END
	mg --report=report.json graph.gv
	with 0
	jq -c '.edges[] | [.from, .to, .bytes, .bytes_from]' report.json
	jq -e '.edges | map({"\(.from)>\(.to)": [.bytes, .bytes_from]}) | add |
		.["f>cat"] == [300000, "file"] and
		(.["cat>head -c 200000"][0] >= 200000) and
		.["head -c 200000>o"] == [200000, "file"] and
		.["head -c 1000000 /dev/zero>wc -c"] == [1000000, "writer"] and
		.["head -c 10 zeros>shell"] == [10, "writer"] and
		.["shell>count"] == [null, null] and
		.["count>tail -c 3"][1] == "reader" and
		.["tail -c 3>stdout"] == [3, "relay"]' report.json
}

@test "mkfifo-graph: a node with replicas is a node of the report" {
	graph <<-'END'
	digraph {
		"seq 1000" -> w -> "tail -n 1"
		w [cmd="cat", replicas=2]
	}
	END
	mg --report=report.json graph.gv
	with 0 1000
	[ "$(report '[.nodes[].name]')" = '["seq 1000","w","tail -n 1"]' ]
	[ "$(report .relays)" = '[]' ]
	jq -e '.edges[0].bytes == 3893 and .edges[1].bytes == 3893' report.json
}

@test "mkfifo-graph: -p prints a line a second where there is no terminal" {
	mg -p -e 'a -> slow -> c' --cmd=a='yes' \
		--cmd=slow='sleep 1.3; head -c 100000' --cmd=c='wc -c'
	with 0 100000
	echo "$stderr"
	grep -E '^mkfifo-graph: [01]\.[0-9] s: 3 of 3 nodes run; .*a -> slow [0-9.]+ KiB at [0-9.]+ KiB/s, 100% full; .*; bottleneck: slow: uses 0\.[0-9] CPU and waits for what is no edge; its input is full, its readers wait$' \
		<<<"$stderr"
	[ "$(grep -c '^mkfifo-graph: ' <<<"$stderr")" -le 2 ]
}

@test "mkfifo-graph: -p leaves the sums at the end" {
	mg -p -e 'a -> "wc -c"' --cmd=a='sleep 0.3; exec head -c 2048 /dev/zero'
	with 0 2048
	echo "$stderr"
	grep -E '^over after 0\.[0-9] s: 2 nodes$' <<<"$stderr"
	grep -E '^NODE +CPU +RAN +WAITED: IN +OUT$' <<<"$stderr"
	grep -E '^wc -c +0\.[0-9]+ s +0\.[0-9] s +0\.[0-9] s +0\.0 s$' <<<"$stderr"
	grep -E '^a -> wc -c +~?[0-9.]+ KiB +[0-9.]+ KiB/s +0\.[0-9] s +0\.0 s$' \
		<<<"$stderr"
	[ "$(tail -n 1 <<<"$stderr" | cut -d: -f1)" = bottleneck ]
}

@test "mkfifo-graph: -p with a failure says both, and has its status" {
	mg -p -e 'a -> cat' --cmd=a='sleep 0.2; exit 7'
	with 7
	grep '^mkfifo-graph: a: exit 7 after' <<<"$stderr"
	grep '^NODE' <<<"$stderr"
}

# on_terminal ROWS COLUMNS COMMAND...: what it prints on a terminal of that size.
on_terminal()
{
	local size="stty rows $1 cols $2"
	shift 2
	printf -v command '%q ' "$@"
	TERM=${TERM_HERE-xterm} timeout -s KILL 30 script -qec \
		"$size; $command" /dev/null </dev/null 3>&- | tr -d '\r'
}

@test "mkfifo-graph: -p draws a table on a terminal, apart from other output" {
	local out
	out=$(on_terminal 24 90 "$MG" -p -e 'a -> slow -> c' --cmd=a='yes' \
		--cmd=slow='sleep 1.2; head -c 100000' \
		--cmd=c='echo from c >&2; wc -c')
	echo "$out" | cat -v
	# 10 lines are kept at the bottom, and given back at the end
	[[ $out == *$'\e[1;14r'* ]]
	[[ ${out##*$'\e[1;14r'} == *$'\e[1;24r'* ]]
	[[ ${out%%$'\e[1;24r'*} == *'blocked on output to slow'* ]]
	[[ ${out%%$'\e[1;24r'*} == *'waits for input from slow'* ]]
	[[ ${out%%$'\e[1;24r'*} == *'[##########] 100%'* ]]
	[[ $out == *'from c'* ]]
	[[ ${out##*$'\e[1;24r'} == *'over after 1.'* ]]
	[[ ${out##*$'\e[1;24r'} == *100000* || $out == *100000* ]]
	[[ $out != *'mkfifo-graph: '* ]]
}

@test "mkfifo-graph: -p fits a small terminal and says what is not shown" {
	local out i
	{
		echo 'digraph { node [cmd="sleep 0.9"]'
		for i in {1..30}; do
			echo "\"a long name for a node, and its number $i\" -> b$i"
		done
		echo '}'
	} >many.gv
	out=$(on_terminal 16 60 "$MG" -p many.gv)
	echo "$out" | cat -v
	[[ $out == *$'\e[1;4r'* ]]
	[[ $out == *'60 of 60 nodes run; not shown: 56 nodes, 56 edges'* ]]
	# no line is wider than the terminal
	sed 's/\x1b[^A-Za-z78]*[A-Za-z78]/\n/g' <<<"$out" |
		awk 'length($0) > 60 { print "wide:", $0; exit 1 }'
}

@test "mkfifo-graph: -p prints lines on a terminal that can do no more" {
	local out
	out=$(TERM_HERE=dumb on_terminal 24 80 "$MG" -p -e '"sleep 1.3"')
	echo "$out" | cat -v
	[[ $out == *'mkfifo-graph: 1.0 s: 1 of 1 node run'* ||
		$out == *'mkfifo-graph: 0.'*' s: 1 of 1 node run'* ||
		$out == *'mkfifo-graph: 1.'*' s: 1 of 1 node run'* ]]
	[[ $out != *$'\e'* ]]
	out=$(on_terminal 8 80 "$MG" -p -e '"sleep 0.3"')
	[[ $out != *$'\e'* ]]
}

@test "mkfifo-graph: -p: a standard error that takes nothing holds up nobody" {
	mkfifo full
	exec 8<>full
	dd if=/dev/zero of=full bs=65536 count=1 oflag=nonblock status=none || true
	timeout -s KILL 20 "$MG" --report=report.json -p -e '"sleep 1.2" -> cat' \
		</dev/null >out 2>full 3>&-
	exec 8>&-
	jq -e '.wall_s < 3' report.json
}

@test "mkfifo-graph: -p stops and goes on with its job" {
	set -m
	run_aside -p -e '"sleep 1.2" -> cat'
	kill -TSTP "$aside"
	await grep -q '^State:.T' "/proc/$aside/status"
	kill -CONT "$aside"
	finished
	set +m
	with 0
	grep '^over after' err
}

@test "mkfifo-graph: nothing looks about without -p and --report" {
	local guardian before after try
	mkfifo gate clock
	run_aside -e 'a -> b -> c' --cmd=a='read x <gate' --cmd=b=cat --cmd=c=cat
	guardian=$(pgrep -P "$aside")
	await test "$(pgrep -c -P "$guardian")" -eq 3
	# a look of the sampler's would come each tenth of a second; others may
	# ask for the status of all runs meanwhile, so one quiet time is enough
	for try in 1 2 3 4 5 6; do
		before=$(switches "$guardian")
		read -r -t 0.4 <>clock || true
		after=$(switches "$guardian")
		[ "$after" -ne "$before" ] || break
	done
	echo >gate
	finished
	with 0
	echo "$before, $after"
	[ "$after" -eq "$before" ]
}

@test "mkfifo-graph: --peek shows what waits and takes nothing of it" {
	mkfifo gate
	printf 'one\ntwo\0three\n' >data
	run_aside -e 'a -> b' --cmd=a='cat data; read x <gate' \
		--cmd=b='read x <gate; cat'
	await sh -c "'$MG' --peek='$aside:a->b' | cmp -s - data"
	mg "--peek=$aside:a:out -> b:0"
	with 0
	apart sh -c "'$MG' --peek='$aside:0' | cmp - data"
	with 0
	exec 8>gate
	printf '\n\n' >&8
	exec 8>&-
	finished
	with 0
	cmp out data
}

@test "mkfifo-graph: --peek of a full pipe and of an empty one" {
	mkfifo gate
	run_aside -e 'a -> b -> c' --cmd=a='yes | head -c 1000000' \
		--cmd=b='read x <gate; exec cat' --cmd=c='wc -c'
	await sh -c "test \"\$('$MG' --peek='$aside:a->b' | wc -c)\" -ge 200000"
	[ "$("$MG" --peek="$aside:b->c" | wc -c)" -eq 0 ]
	"$MG" --peek="$aside:a->b" | head -n 2 | cmp - <(yes | head -n 2)
	echo >gate
	finished
	with 0
	[ "$(<out)" = 1000000 ]
}

@test "mkfifo-graph: --peek lets a writer have its SIGPIPE" {
	mkfifo gate
	run_aside -e 'a -> b' --cmd=a='read x <gate; exec yes' --cmd=b='exec sleep 0.4'
	[ "$("$MG" --peek="$aside:0" | wc -c)" -eq 0 ]
	echo >gate
	finished
	with 0
}

@test "mkfifo-graph: --signal reaches a node" {
	run_aside -e 'a' --cmd=a='trap "echo got it; exit 0" USR1
		touch ready; while :; do sleep 0.05; done'
	await test -e ready
	mg "--signal=$aside:a:USR1"
	with 0 ""
	finished
	with 0
	[ "$(<out)" = 'got it' ]
}

@test "mkfifo-graph: --signal reaches every replica" {
	mkfifo gate
	graph <<-'END'
	digraph {
		a [cmd="echo one; echo two; read x <gate"]
		w [cmd="trap 'echo got it; exit 0' USR1; touch ready.$$; while :; do sleep 0.05; done", replicas=2, order=no]
		a -> w
	}
	END
	run_aside graph.gv
	await sh -c 'test "$(ls ready.* | wc -l)" -eq 2'
	mg "--signal=$aside:w:10"
	with 0 ""
	echo >gate
	finished
	with 0
	[ "$(grep -c 'got it' out)" -eq 2 ]
}

@test "mkfifo-graph: a node that --signal kills has failed" {
	run_aside -e 'a -> cat' --cmd=a='exec sleep 20'
	mg "--signal=$aside:a:SIGKILL"
	with 0 ""
	finished
	with 137
	has "$(<err)" 'a: killed by SIGKILL'
}

@test "mkfifo-graph: --status lists a run and forgets it" {
	mkfifo gate
	graph unique-name.gv <<-'END'
	digraph { a [cmd="read x <gate"]; a -> cat -> "wc -c" }
	END
	run_aside unique-name.gv
	mg --status
	with 0
	grep -E "^RUN +SINCE +STATE +NODES +GRAPH$" <<<"$output"
	grep -E "^$aside +20[0-9-]+ [0-9:]+ +running +3/3 +unique-name.gv$" \
		<<<"$output"
	mg --status --json
	with 0
	jq -e --argjson pid "$aside" 'map(select(.pid == $pid)) | length == 1 and
		.[0].graph == "unique-name.gv" and .[0].nodes == 3 and
		.[0].running == 3 and .[0].state == "running" and
		.[0].seconds > 0' <<<"$output"
	# by the name of the graph, which is the only one of it
	mg --peek="unique-name.gv:a->cat"
	with 0 ""
	echo >gate
	run=$aside
	finished
	with 0
	unlisted "$run"
	mg --peek="$run:a->cat"
	refused 1 "no run \`$run\` (mkfifo-graph --status lists them)"
}

@test "mkfifo-graph: --status finds a run with another TMPDIR and process numbers" {
	mkdir elsewhere
	local list
	mkfifo gate
	TMPDIR=$PWD/elsewhere XDG_RUNTIME_DIR=$PWD/elsewhere run_aside \
		-e 'a -> b' --cmd=a='read x <gate' --cmd=b=cat
	mg "--peek=$aside:a->b"
	with 0 ""
	echo >gate
	finished
	with 0
	# in another network one cannot be seen, nor does it see others
	list=$(unshare -rn "$MG" --status --json 2>/dev/null) || true
	[ -z "$list" ] || [ "$(jq length <<<"$list")" -eq 0 ]
}

@test "mkfifo-graph: --peek and --signal name what is wrong" {
	mkfifo gate
	run_aside -e 'a -> b; a:2 -> b:3; a:2 -> b:4' --cmd=a='read x <gate' --cmd=b=cat
	mg "--peek=$aside:a->c"
	refused 65 "a->c of $aside: no such edge; known: a:out->b:in, a:err->b:3, a:err->b:4"
	mg "--peek=$aside:99"
	with 65 ""
	mg "--peek=$aside:b->stdout"
	refused 69 "b->stdout of $aside: this edge has no pipe of the run's own"
	mg "--signal=$aside:c:TERM"
	refused 65 "c of $aside: no such node; known: a, b"
	mg "--signal=$aside:a:NONSENSE"
	refused 64 "--signal: \`NONSENSE' is no signal" ||
		refused 64 "--signal: \`NONSENSE\` is no signal"
	mg "--signal=$aside:a"
	with 64 ""
	mg "--signal=$aside"
	with 64 ""
	mg "--peek=$aside"
	with 64 ""
	mg --peek=nowhere:0
	refused 1 'no run `nowhere` (mkfifo-graph --status lists them)'
	mg --status graph.gv
	with 64 ""
	mg --signal="$aside:b:STOP"
	with 0
	mg --signal="$aside:b:CONT"
	with 0
	echo >gate
	finished
	with 0
}

@test "mkfifo-graph: garbage and strangers at its door do not disturb a run" {
	command -v perl >/dev/null || skip "no perl"
	mkfifo gate
	run_aside -e 'a -> cat' --cmd=a='read x <gate; echo whole'
	cat >knock <<-'END'
	use Socket;
	my ($name, $kind) = @ARGV;
	socket(my $s, AF_UNIX, SOCK_DGRAM, 0) or die;
	my $to = pack_sockaddr_un("\0$name");
	srand(1);
	for my $i (1 .. 2000) {
		my $bytes = join "", map { chr rand 256 } 1 .. rand 300;
		# its own beginning, so that it is looked at further
		$bytes = pack("LLl", 0x66637069, rand 4, rand 80) . $bytes
			if $i % 2;
		$bytes = pack("LLla*", 0x66637069, 2, 9, "a") if $kind eq "kill";
		$bytes = "x" x 100000 if $i % 100 == 0;
		send($s, $bytes, 0x40, $to); # MSG_DONTWAIT
		select(undef, undef, undef, 0.0005) if $i % 10 == 0;
	}
	END
	apart perl knock "ipcflow-$(id -u)-$aside" garbage
	with 0
	if [ "$(id -u)" -eq 0 ]; then
		chmod 755 .
		apart setpriv --reuid=65534 --regid=65534 --clear-groups \
			perl - "ipcflow-0-$aside" kill <knock
		with 0
		apart setpriv --reuid=65534 --regid=65534 --clear-groups \
			"$MG" "--signal=$aside:a:KILL"
		[ "$status" -ne 0 ]
	fi
	listed "$aside"
	echo >gate
	finished
	with 0
	[ "$(<out)" = whole ]
	[ ! -s err ]
}

@test "mkfifo-graph: a door's name that is taken is no matter" {
	command -v perl >/dev/null || skip "no perl"
	# the next processes' names are taken by another before they come
	cat >squat <<-'END'
	use Socket;
	my ($uid) = @ARGV;
	my @held;
	socket(my $s, AF_UNIX, SOCK_DGRAM, 0) or die;
	bind($s, pack_sockaddr_un("\0ipcflow-$uid-$$")) or die;
	open(my $list, ">", "squatted"); print $list $$; close $list;
	exec @ARGV[1 .. $#ARGV] if $^F = 1000;
	END
	# the descriptor stays open over the exec, and the pid is the run's own
	mkfifo gate
	timeout -s KILL 30 perl -e '$^F = 1000; do "./squat" or die' \
		"$(id -u)" "$MG" -e 'a -> cat' --cmd=a='read x <gate' \
		</dev/null >out 2>err 3>&- &
	wrapper=$!
	await test -s squatted
	await listed "$(<squatted)-2"
	echo >gate
	finished
	with 0
}

@test "mkfifo-graph: a node that is started again is counted over all its tries" {
	graph <<-'END'
	digraph {
		a [cmd="head -c 300000 /dev/zero"]
		b [cmd="if mkdir tried; then head -c 100000; exit 3; else exec cat; fi", restart="on-failure", backoff="200ms"]
		a -> b -> "wc -c"
	}
	END
	mg --report=report.json graph.gv
	with 0
	report '[.nodes[] | [.name, .outcome, .restarts]]'
	[ "$(report '.nodes[1].restarts')" = 1 ]
	# between the two it waits to be started again, and has not ended
	jq -e '[.timeline.samples[:-1][].nodes[1].state] |
		index("sleeping") and (index("ended") | not)' report.json
	mg --report=report.json -e '"head -c 300000 /dev/zero" -> b -> "wc -c"
		b [restart="always", backoff="50ms"]' \
		--cmd=b='dd bs=1000 count=100 iflag=fullblock status=none'
	with 0 300000
	report '[.nodes[] | [.name, .outcome, .restarts]], .edges'
	jq -e '.nodes[1].restarts >= 2' report.json
	jq -e '.edges[0] | .bytes == 300000 and .bytes_from == "writer"' \
		report.json
	jq -e '.edges[1] | .bytes == 300000 and .bytes_from == "writer"' \
		report.json
}
