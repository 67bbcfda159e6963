#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# promises: what a run promises, with real commands. mkfifo-graph(1) states
# them; the order here is the same.

bats_require_minimum_version 1.5.0
load traces

# hold_begin: a graph with a FIFO, a relay, a file to be committed,
# a grandchild and a process in a session of its own, which all wait; comes back
# when all of it is there.
hold_begin()
{
	begin -e "
		a [cmd=\"echo begun; setsid sleep 1000 & (sleep 1000; :) &
			wait\"]
		b [cmd=\"cat \$x\"]
		c [cmd=\"read line; touch up; cat\"]
		a -> b:x [via=fifo]
		a -> c
		b -> f
		f [file=\"result\"]"
	eventually test -e up
	eventually sleeps_twice
	test -n "$(find run -type p)"
}

sleeps_twice()
{
	local count=0 one
	for one in $(marked); do
		test "$(cat "/proc/$one/comm" 2>/dev/null)" != sleep ||
			count=$((count + 1))
	done
	test "$count" -eq 2
}

# died_of SIGNAL: the run was killed by it and did not merely say so.
died_of()
{
	test "$status" -eq $((128 + $(kill -l "$1")))
}

# signal_of COMMAND...: the number of the signal that killed it, 0 for none.
signal_of()
{
	traced timeout -k 5 20 perl -e 'exit(system(@ARGV) & 127)' "$@"
}

# --- 1. nothing is left behind

@test "mkfifo-graph: nothing is left after success" {
	run graph -e 'a [cmd="seq 1000"]; b [cmd="ls -R run >during; cat $x"]
		a -> b:x [via=fifo]; b -> {wc cat}
		f [file="result"]; cat -> f' </dev/null
	echo "$output"
	test "$status" -eq 0
	grep -q 'ipcflow-' during
	test "$(wc -l <result)" -eq 1000
	nothing_left
}

@test "mkfifo-graph: nothing is left after a failure, grandchildren included" {
	run graph -e 'a [cmd="echo begun; sleep 1000 >&2 & setsid sleep 1000 >&2 & exit 3"]
		b [cmd="cat $x; sleep 1000 >&2 & exit 4"]; a -> b:x [via=fifo]; b -> f
		f [file="result"]' </dev/null
	echo "$output"
	test "$status" -eq 3
	test ! -e result
	nothing_left
}

@test "mkfifo-graph: nothing is left after an interrupt from the terminal" {
	hold_begin
	kill -INT -- "-$pid"
	ended
	died_of INT
	nothing_left
	test ! -e result
}

@test "mkfifo-graph: nothing is left after SIGINT to the front alone" {
	hold_begin
	kill -INT "$pid"
	ended
	died_of INT
	nothing_left
	test ! -e result
}

@test "mkfifo-graph: nothing is left after SIGTERM, SIGHUP and SIGQUIT" {
	local signal
	for signal in TERM HUP QUIT; do
		rm -f up
		hold_begin
		kill "-$signal" "$pid"
		ended
		died_of "$signal"
		nothing_left
		test ! -e result
	done
}

@test "mkfifo-graph: nodes that ignore SIGTERM are killed after the grace" {
	begin -e "a [cmd=\"trap '' TERM; touch up; while :; do sleep 1; done\"]"
	eventually test -e up
	kill -TERM "$pid"
	ended
	died_of TERM
	nothing_left
}

@test "mkfifo-graph: dies of the signal itself, not with its number" {
	cat >front.sh <<-'EOF'
		export FRONT=$$
		exec "$@"
	EOF
	run signal_of sh front.sh "$MG" \
		-e 'a [cmd="kill -TERM $FRONT; sleep 1000"]' </dev/null
	test "$status" -eq 15
	run signal_of sh front.sh "$MG" \
		-e 'a [cmd="kill -INT $FRONT; sleep 1000"]' </dev/null
	test "$status" -eq 2
	nothing_left
}

@test "mkfifo-graph: nothing is left when the front is killed" {
	hold_begin
	kill -KILL "$pid"
	ended
	test "$status" -eq 137
	eventually no_process
	eventually no_name
	test ! -e result
}

@test "mkfifo-graph: nothing is left when the guardian is killed, and it is said" {
	hold_begin
	kill -KILL "$(guardian)"
	ended
	cat err
	test "$status" -eq 125
	grep -q 'guardian was killed by signal 9' err
	nothing_left
	test ! -e result
}

@test "mkfifo-graph: a process that fled from its parents is ended too" {
	begin -e 'a [cmd="(setsid sh -c \"sleep 1000 & sleep 1000\" &) ; touch up; sleep 1000"]'
	eventually test -e up
	kill -KILL "$pid"
	ended
	eventually no_process
}

@test "mkfifo-graph: the next run sweeps what two kills at once have left" {
	local inner folder try
	for try in {1..20}; do
		rm -f up
		hold_begin
		inner=$(guardian)
		folder=$(find run -name 'ipcflow-*')
		test "$(stat -c %a "$folder")" = 700
		kill -KILL "$pid" "$inner"
		ended
		# between the two kills the guardian may have seen the first
		test ! -d "$folder" || break
	done
	test -d "$folder"
	kill -KILL $(marked) || :
	eventually no_process
	run graph -e 'a [cmd=true]; b [cmd="cat $x"]; a -> b:x [via=fifo]' \
		</dev/null
	test "$status" -eq 0
	nothing_left
}

@test "mkfifo-graph: a sweep leaves live runs and foreign folders alone" {
	local folder
	hold_begin
	folder=$(find run -name 'ipcflow-*')
	mkdir -m 0755 run/ipcflow-abcdef
	mkdir -m 0700 run/ipcflow-abcdefg
	run graph -e 'a [cmd=true]; b [cmd="cat $x"]; a -> b:x [via=fifo]' \
		</dev/null
	test "$status" -eq 0
	test -n "$(find "$folder" -type p)"
	test -d run/ipcflow-abcdef
	test -d run/ipcflow-abcdefg
	rmdir run/ipcflow-abcdef run/ipcflow-abcdefg
	kill -TERM "$pid"
	ended
	nothing_left
}

# The guardian has a group of its own, and is not stopped with the others.
states()
{
	local one
	for one in $(marked); do
		grep -qx flow-guardian "/proc/$one/comm" 2>/dev/null && continue
		sed -n 's/^State:\t\(.\).*/\1/p' "/proc/$one/status" 2>/dev/null
	done | sort -u | tr -d '\n'
}

all_stopped()
{
	test "$(states)" = T
}

@test "mkfifo-graph: Ctrl-Z stops the whole job and it goes on where it was" {
	# A group of its own below a shell in the same session: job control.
	# The status is taken from the report: wait(1) may answer with the stop's.
	setsid bash -c 'set -m; "$@" & echo $! >leader; wait -f $!; wait -f $!' - \
		env TRACES="$TRACES" "$MG" --report=report -e 'a [cmd="echo 1; touch up; until
			test -e go; do sleep 0.05; done; echo 2"]
			a -> {cat "wc -l"}' </dev/null >out 2>err 3>&- &
	started+=("$!")
	eventually test -e up
	eventually test -s leader
	kill -TSTP -- "-$(cat leader)"
	eventually all_stopped
	touch go
	all_stopped
	kill -CONT -- "-$(cat leader)"
	eventually test -s report
	cat err
	eventually test "$(jq .status report)" = 0
	test "$(sort out | tr '\n' ' ')" = '1 2 2 '
	eventually no_process
}

@test "mkfifo-graph: what a node left at work is waited for" {
	local i
	for i in 1 2 3; do
		run graph -e "\"seq 200000\" -> a
			a [cmd=\"bash -c 'tee >(gzip >f.gz) >/dev/null'\"]" </dev/null
		test "$status" -eq 0
		test -z "$output"
		test "$(zcat f.gz | wc -l)" -eq 200000
	done
	nothing_left
}

@test "mkfifo-graph: a descendant that holds a file to be written is waited for" {
	begin -e 'a [cmd="(until test -e go; do sleep 0.1; done; echo late) & echo early; touch over"]
		a -> f; f [file="result"]'
	eventually test -e over
	test ! -e result
	touch go
	ended
	cat err
	test "$status" -eq 0
	test "$(cat result)" = $'early\nlate'
	test ! -s err
	nothing_left
}

@test "mkfifo-graph: an idle descendant that holds nothing is ended and named" {
	run --separate-stderr graph -e 'a [cmd="sleep 1000 <&- >&- 2>&- & echo x"]
		a -> cat' </dev/null
	test "$status" -eq 0
	test "$output" = x
	[[ $stderr == *'ended `sleep 1000`'* ]]
	nothing_left
}

# --- 2. no descriptor leaks

# ls is run without a shell here; the folder that it lists is the lowest free.
@test "mkfifo-graph: a node holds its planned descriptors and nothing else" {
	exec 7>kept 8<&0 9>&1
	run graph -e 'node [cmd="ls /proc/self/fd"]; a; b; c; d
		e [cmd="cat >fds.b"]; f [cmd="cat >fds.c"]
		a:5 -> b:4; a -> g; a -> c:6; a:err -> h; h [file="result"]
		g [cmd="cat >fds.a"]; b -> e; c -> f; d' </dev/null
	exec 7>&- 8<&- 9>&-
	echo "$output"
	test "$status" -eq 0
	test "$(tr '\n' ' ' <fds.a)" = '0 1 2 3 5 '
	test "$(tr '\n' ' ' <fds.b)" = '0 1 2 3 4 '
	test "$(tr '\n' ' ' <fds.c)" = '0 1 2 3 6 '
	test "$output" = $'0\n1\n2\n3'
}

@test "mkfifo-graph: a named port is the one descriptor more that a node holds" {
	run graph -e 'a [cmd="echo hello"]; b [cmd="echo $x >path; cat $x"]
		a -> b:x' </dev/null
	test "$status" -eq 0
	test "$output" = hello
	run graph -e 'a [cmd="true"]; b [cmd="ls /proc/self/fd"]; a -> b:x' \
		</dev/null
	test "$(sed 's|/dev/fd/||' path)" -gt 3
	{ printf '0\n1\n2\n3\n'; sed 's|/dev/fd/||' path; } | sort |
		diff - <(sort <<<"$output")
}

@test "mkfifo-graph: what waits in a FIFO outlives its writer" {
	run graph -e 'a [cmd="echo $$ >pid; exec seq 3"]
		b [cmd="until test -s pid; do :; done
			while test -e /proc/$(cat pid); do :; done
			cat $x; cat $x; echo end"]
		a -> b:x [via=fifo]' </dev/null
	test "$status" -eq 0
	test "$output" = $'1\n2\n3\nend'
}

@test "mkfifo-graph: an output closed early is an end of file at once" {
	run graph -e 'a [cmd="echo x; exec 1>&-; until test -e seen; do sleep 0.05; done"]
		b [cmd="cat; touch seen"]; c [cmd="cat; touch seen"]
		d [cmd="until test -e seen; do sleep 0.05; done"]
		a -> b; d -> e; e [cmd=cat]' </dev/null
	test "$status" -eq 0
	test "$output" = x
	rm seen
	# the same through a relay that copies, and through one that merges
	run graph -e 'a [cmd="echo x; exec 1>&-; until test -e seen; do sleep 0.05; done"]
		b [cmd="cat >/dev/null; touch seen"]; c [cmd=cat]
		a -> {b c}' </dev/null
	test "$status" -eq 0
	test "$output" = x
	rm seen
	run graph -e 'a [cmd="echo x; exec 1>&-; until test -e seen; do sleep 0.05; done"]
		b [cmd=true]; c [cmd="cat; touch seen"]
		{a b} -> c' </dev/null
	test "$status" -eq 0
	test "$output" = x
}

@test "mkfifo-graph: an input closed early is felt by its writer at once" {
	run graph -e 'a [cmd="yes"]; b [cmd="exec 0<&-; until test -e felt; do sleep 0.05; done"]
		c [cmd="cat >&2; touch felt"]; a -> b; a:err -> c' </dev/null
	echo "$output"
	test "$status" -eq 0
}

@test "mkfifo-graph: O_NONBLOCK is never set on what others share" {
	mkfifo in.fifo out.fifo
	exec 5<>in.fifo 6<>out.fifo
	seq 10 >&5
	run graph -e 'a [cmd="head -n 10 | cat; cat /proc/$$/fdinfo/0 >in.info"]
		stdin -> a; {a b} -> stdout
		b [cmd="cat /proc/$$/fdinfo/1 >b.info"]' <&5
	test "$status" -ne 99
	grep -h '^flags:' "/proc/$BASHPID/fdinfo/5" "/proc/$BASHPID/fdinfo/6" \
		b.info >flags
	exec 5<&- 6<&-
	cat flags
	test "$(wc -l <flags)" -eq 3
	while read -r _ flags; do
		(((flags & 04000) == 0))
	done <flags
}

@test "mkfifo-graph: nodes start with default dispositions and an empty mask" {
	env --ignore-signal=PIPE --ignore-signal=INT --ignore-signal=CHLD \
		--block-signal=TERM --block-signal=USR1 --block-signal=CHLD true ||
		skip "env(1) cannot ignore and block signals here"
	run traced env --ignore-signal=PIPE --ignore-signal=INT \
		--ignore-signal=CHLD --block-signal=TERM --block-signal=USR1 \
		--block-signal=CHLD timeout -k 5 20 "$MG" \
		-e '"grep ^Sig /proc/self/status"' </dev/null
	echo "$output"
	test "$status" -eq 0
	[[ $output == *$'SigBlk:\t0000000000000000'* ]]
	[[ $output == *$'SigIgn:\t0000000000000000'* ]]
	run traced env --ignore-signal=PIPE timeout -k 5 20 "$MG" \
		-e 'yes -> "head -n 1"' </dev/null
	test "$status" -eq 0
	test "$output" = y
}

@test "mkfifo-graph: SIGTERM and SIGINT end a run that was told to ignore them" {
	begin_by env --ignore-signal=TERM --ignore-signal=INT \
		--block-signal=TERM setsid "$MG" \
		-e 'a [cmd="touch up; sleep 1000"]'
	eventually test -e up
	kill -TERM "$pid"
	ended
	died_of TERM
	nothing_left
}

@test "mkfifo-graph: under nohup a hang-up is ignored, by the nodes too" {
	begin_by setsid nohup "$MG" -e 'a [cmd="grep SigIgn /proc/self/status
		touch up; until test -e go; do sleep 0.05; done; echo end"]'
	eventually test -e up
	kill -HUP -- "-$pid"
	touch go
	ended
	test "$status" -eq 0
	test "$(cat out)" = $'SigIgn:\t0000000000000001\nend'
}

# --- 3. truthful statuses

@test "mkfifo-graph: the status is that of the node that failed first" {
	run --separate-stderr graph -e 'a [cmd="exit 3"]; b [cmd="cat; exit 5"]
		a -> b' </dev/null
	test "$status" -eq 3
	[[ $stderr == *'a: exit 3'*'1 more failed'* ]]
	run --separate-stderr graph --report=report -e 'b [cmd="exit 5"]
		a [cmd="cat >/dev/null; exit 3"]; b:2 -> a' </dev/null
	test "$status" -eq 5
	[[ $stderr == *'b: exit 5'* ]]
	test "$(jq -c '[.nodes[].status] | sort' report)" = '[3,5]'
}

@test "mkfifo-graph: a node killed by signal N makes it 128+N" {
	run --separate-stderr graph -e 'a [cmd="kill -KILL $$"]; a -> cat' </dev/null
	test "$status" -eq 137
	[[ $stderr == *'a: killed by SIGKILL'* ]]
	run graph -e 'a [cmd="kill -USR1 $$"]' </dev/null
	test "$status" -eq 138
}

@test "mkfifo-graph: SIGPIPE is excused when the readers had finished" {
	run graph -e 'yes -> "head -n 1"' </dev/null
	test "$status" -eq 0
	test "$output" = y
	# and the 141 of a shell
	run graph -e 'a [cmd="yes; exit $?"]; a -> "head -n 1"' </dev/null
	test "$status" -eq 0
}

@test "mkfifo-graph: SIGPIPE is no excuse while its readers are there" {
	# The readers outlive it for certain: they wait until it has been reaped.
	run --separate-stderr graph -e 'a [cmd="echo $$ >pid; kill -PIPE $$"]
		b [cmd="cat; while test -e /proc/$(cat pid); do :; done"]
		a -> b' </dev/null
	test "$status" -eq 141
	[[ $stderr == *'a: killed by SIGPIPE'* ]]
	run graph -e "a [cmd=\"echo \$\$ >pid; bash -o pipefail -c 'yes | head -n 1'\"]
		b [cmd=\"cat; while test -e /proc/\$(cat pid); do :; done\"]
		a -> b" </dev/null
	test "$status" -eq 141
	# 141 from a command without a shell is a status like any other
	cat >leave <<-'EOF'
		#!/bin/sh
		echo x
		exit 141
	EOF
	chmod +x leave
	run graph -e '"./leave" -> cat' </dev/null
	test "$status" -eq 141
}

@test "mkfifo-graph: SIGPIPE never hides the consumer that failed" {
	run --separate-stderr graph -e 'yes -> b; b [cmd="head -n 1 >/dev/null; exit 3"]' </dev/null
	test "$status" -eq 3
	[[ $stderr == *'b: exit 3'* ]]
	[[ $stderr != *'more failed'* ]]
}

@test "mkfifo-graph: epipe=ok excuses a status after the readers have gone" {
	local graph="a [cmd=\"trap '' PIPE; yes 2>/dev/null\" OPTION]; a -> \"head -n 1\""
	run graph -e "${graph/OPTION/}" </dev/null
	test "$status" -eq 1
	run graph -e "${graph/OPTION/epipe=ok}" </dev/null
	test "$status" -eq 0
	run graph -e 'a [cmd="exit 3" epipe=ok]; a -> b
		b [cmd="cat; sleep 0.2"]' </dev/null
	test "$status" -eq 3
}

@test "mkfifo-graph: ok= says which statuses are good" {
	run graph -e '"seq 3" -> "grep 9"' </dev/null
	test "$status" -eq 1
	run graph -e 'b [cmd="grep 9" ok="0 1"]; "seq 3" -> b' </dev/null
	test "$status" -eq 0
	run graph -e 'b [cmd="exit 2" ok="0 1"]' </dev/null
	test "$status" -eq 2
}

@test "mkfifo-graph: a consumer that fails takes nothing from its sibling" {
	run --separate-stderr graph -e '"seq 3" -> {"exit 4" "cat"}' </dev/null
	test "$status" -eq 4
	test "$output" = $'1\n2\n3'
	run graph -e '"seq 100000" -> {"head -n 1" "wc -l"}' </dev/null
	test "$status" -eq 0
	test "$(sort -n <<<"$output" | tr '\n' ' ')" = '1 100000 '
	run graph -e 'yes -> {"head -n 1" "head -n 2"}' </dev/null
	test "$status" -eq 0
}

@test "mkfifo-graph: SIGPIPE on its own standard output is 141" {
	statuses=$(set +e; graph -e yes </dev/null | head -n 1 >/dev/null
		echo "${PIPESTATUS[0]}")
	test "$statuses" = 141
	statuses=$(set +e; graph -e '"yes a"; "yes b"' </dev/null |
		head -n 1 >/dev/null; echo "${PIPESTATUS[0]}")
	test "$statuses" = 141
	nothing_left
}

@test "mkfifo-graph: 124 when time runs out, for the run and for a node" {
	run graph -t 0.3 -e 'a [cmd="sleep 1000 & sleep 1000"]; a -> f
		f [file="result"]' </dev/null
	test "$status" -eq 124
	[[ $output == *'time ran out'* ]]
	test ! -e result
	run graph -e 'a [cmd="sleep 1000 & sleep 1000" timeout="300ms"]; a -> cat' </dev/null
	test "$status" -eq 124
	[[ $output == *'a: timed out'* ]]
	nothing_left
}

@test "mkfifo-graph: 126 and 127 come before anything starts" {
	: >plain
	run graph -e 'a [cmd="touch started"]; b [cmd="./plain"]; a -> b' </dev/null
	test "$status" -eq 126
	test ! -e started
	run -127 graph -e 'a [cmd="touch started"]
		a -> "no-such-command-here"' </dev/null
	[[ $output == *:2:*no-such-command-here* ]]
	test ! -e started
	test -z "$(find run tmp -mindepth 1)"
}

@test "mkfifo-graph: 126 and 127 of a node that cannot be executed after all" {
	printf '#!/no/such/interpreter\n' >broken
	chmod +x broken
	run -127 graph -e '"./broken"' </dev/null
	run ! graph -e 'a [cmd=cat cwd="/no/such/folder"]' </dev/null
	nothing_left
}

@test "mkfifo-graph: stop=drain ends the sources and finishes what they wrote" {
	begin -e "graph [stop=drain]
		a [cmd=\"trap 'echo end; exit 0' TERM; echo begin; touch up
			while :; do sleep 0.05; done\"]
		b [cmd=\"cat; exit 5\"]
		a -> b; b -> f; f [file=\"result\"]"
	eventually test -e up
	kill -TERM "$pid"
	ended
	cat err
	test "$status" -eq 5
	test ! -e result
	rm -f up
	begin -e "graph [stop=drain]
		a [cmd=\"trap 'echo end; exit 0' TERM; echo begin; touch up
			while :; do sleep 0.05; done\"]
		b [cmd=\"cat\"]
		a -> b; b -> f; f [file=\"result\"]"
	eventually test -e up
	kill -TERM "$pid"
	ended
	cat err
	test "$status" -eq 0
	test "$(cat result)" = $'begin\nend'
	nothing_left
}

@test "mkfifo-graph: every node's status is in the report, and the first failure" {
	run graph --report=report -e 'a [cmd="exit 3"]; b [cmd=cat]; c [cmd="kill -KILL $$"]
		a -> b; b -> c' </dev/null
	jq -e '.nodes | length == 3' report
	jq -e '.nodes[] | select(.name == "a") | .status == 3' report
	jq -e '.nodes[] | select(.name == "c") | .signal == "SIGKILL"' report
	jq -e '.status != 0' report
	jq -e '.first_failure != null or .failure != null' report
}

# --- 4. no truncated result passes for a whole one

@test "mkfifo-graph: a file fed by a failed node keeps its old content" {
	echo old >result
	run graph -e 'a [cmd="echo half; exit 1"]; a -> f; f [file="result"]' </dev/null
	test "$status" -eq 1
	[[ $output == *'f not written'* ]]
	test "$(cat result)" = old
	nothing_left
}

@test "mkfifo-graph: a failure taints what it feeds through others and relays" {
	run graph -e 'a [cmd="seq 3; exit 1"]; b [cmd=cat]; c [cmd=sort]; d [cmd="seq 5"]
		a -> b; {b d} -> c; c -> {f g}; f [file="one"]
		g [cmd=cat]; g -> h; h [file="two"]; d:3 -> i; i [file="three"]' </dev/null
	echo "$output"
	test "$status" -eq 1
	test ! -e one
	test ! -e two
	test -e three
	nothing_left
}

@test "mkfifo-graph: what SIGPIPE cut short on another port is not written" {
	# Ended while its reader had gone: excused, but side is not whole.
	run graph -e 'a [cmd="while echo x; do echo y >&3; done"]
		a -> "head -n 1"; a:3 -> f; f [file="side"]
		"seq 3" -> g; g [file="whole"]' </dev/null
	echo "$output"
	test ! -e side
	test "$(wc -l <whole)" -eq 3
	nothing_left
}

@test "mkfifo-graph: with commit=all one failure leaves every file as it was" {
	run graph -e 'graph [commit=all]; a [cmd="echo 1"]; b [cmd="exit 2"]
		a -> f; f [file="one"]; b -> g; g [file="two"]' </dev/null
	test "$status" -eq 2
	test ! -e one
	test ! -e two
	nothing_left
}

@test "mkfifo-graph: with eof=exit a true end of file arrives" {
	run graph -e 'a [cmd="seq 3"]; b [cmd="cat; echo end"]; a -> b [eof=exit]' </dev/null
	test "$status" -eq 0
	test "$output" = $'1\n2\n3\nend'
}

@test "mkfifo-graph: with eof=exit a false end of file is never seen" {
	run graph -e 'a [cmd="seq 3; exit 3"]; a -> b [eof=exit]
		b [cmd="cat >/dev/null; echo end >seen"]' </dev/null
	test "$status" -eq 3
	test ! -e seen
	# nor by one that does not care for SIGTERM
	run graph -e "a [cmd=\"seq 3; exit 3\"]; a -> b [eof=exit]
		b [cmd=\"trap '' TERM; cat >/dev/null; echo end >seen\"]" </dev/null
	test "$status" -eq 3
	test ! -e seen
	# nor by a descendant in a session of its own
	run graph -e 'a [cmd="seq 3; exit 3"]; a -> b [eof=exit]
		b [cmd="exec 9<&0; (setsid sh -c \"cat <&9 >/dev/null; echo end >seen\" &); cat >/dev/null"]' </dev/null
	test "$status" -eq 3
	test ! -e seen
	nothing_left
}

@test "mkfifo-graph: eof=exit waits for everything upstream to succeed" {
	# b ends well long before a, whose output it has read, fails.
	run graph -e 'a [cmd="seq 3; exec 1>&-; until test -e over; do sleep 0.05; done; exit 3"]
		b [cmd="cat; touch over"]; c [cmd="cat >/dev/null; echo end >seen"]
		a -> b; b -> c [eof=exit]' </dev/null
	test "$status" -eq 3
	test ! -e seen
	nothing_left
}

# --- 5. no silent hang

MANY=300000000

@test "mkfifo-graph: copy, then concat of 300 MB, passes in both orders" {
	local order
	for order in 'b -> d; c -> d' 'c -> d; b -> d'; do
		run graph --report=report -e "a [cmd=\"head -c $MANY /dev/zero\"]
			b [cmd=cat]; c [cmd=cat]; d [cmd=\"wc -c\"]
			a -> {b c}; edge [merge=concat]; $order" </dev/null
		echo "$output"
		test "$status" -eq 0
		test "$output" -eq $((2 * MANY))
		test "$(jq '[.edges[].spilled_most_bytes // 0] | max' report)" -gt 1000000
	done
	nothing_left
}

@test "mkfifo-graph: two forks that feed two joins in opposite orders pass" {
	run graph -e "a [cmd=\"head -c $MANY /dev/zero\"]
		b [cmd=\"head -c $MANY /dev/zero\"]
		x [cmd=\"wc -c\"]; y [cmd=\"wc -c\"]
		edge [merge=concat]; a -> x; b -> x; b -> y; a -> y" </dev/null
	echo "$output"
	test "$status" -eq 0
	test "$output" = "$((2 * MANY))"$'\n'"$((2 * MANY))"
}

@test "mkfifo-graph: branches that meet at numbered ports of one process pass" {
	run graph -e "a [cmd=\"head -c $MANY /dev/zero\"]; b [cmd=cat]; c [cmd=cat]
		d [cmd=\"cat <&4 | wc -c; cat <&3 | wc -c\"]
		a -> {b c}; b -> d:3; c -> d:4" </dev/null
	echo "$output"
	test "$status" -eq 0
	test "$output" = "$MANY"$'\n'"$MANY"
}

@test "mkfifo-graph: spill= too small for a true deadlock is 125 and the cycle" {
	run graph -e 'a [cmd="head -c 50M /dev/zero"]; b [cmd=cat]; c [cmd=cat]
		d [cmd="cat <&3 >/dev/null; cat <&4 >/dev/null"]
		a -> b [spill="2M"]; a -> c [spill="2M"]
		b -> d:3 [spill="2M"]; c -> d:4 [spill="2M"]
		d -> f; f [file="result"]' </dev/null
	echo "$output"
	test "$status" -eq 125
	[[ $output == *'deadlock'* ]]
	[[ $output == *'d (pid '*'is blocked reading from'*'(b:out -> d:3)'* ]]
	[[ $output == *'c (pid '*'is blocked writing to'*'bytes wait in the pipe (c:out -> d:4)'* ]]
	[[ $output == *'holds all that its spill= allows'* ]]
	test ! -e result
	nothing_left
}

@test "mkfifo-graph: a deadlock in a cycle is proven, printed and ended with 125" {
	run graph -e 'a [cmd=cat]; b [cmd=cat]; a -> b; b -> a [back=true]' </dev/null
	echo "$output"
	test "$status" -eq 125
	[[ $output == *'a (pid '*'is blocked reading from b: the pipe is empty (b:out -> a:in)'* ]]
	[[ $output == *'b (pid '*'is blocked reading from a: the pipe is empty (a:out -> b:in)'* ]]
	nothing_left
	run graph -e 'a [cmd="head -c 10M /dev/zero; cat >/dev/null"]
		b [cmd="head -c 10M /dev/zero; cat >/dev/null"]
		a -> b; b -> a [back=true]' </dev/null
	echo "$output"
	test "$status" -eq 125
	[[ $output == *'is blocked writing to b: '*' bytes wait in the pipe (a:out -> b:in)'* ]]
	[[ $output == *'is blocked writing to a: '*' bytes wait in the pipe (b:out -> a:in)'* ]]
	nothing_left
}

@test "mkfifo-graph: a slow cycle is not called a deadlock" {
	run graph -e 'a [cmd="echo 1; read line; sleep 2; echo 2; read line; echo done >&2"]
		b [cmd="read line; sleep 2; echo \$line; read line; echo \$line"]
		a -> b; b -> a [back=true]' </dev/null
	echo "$output"
	test "$status" -eq 0
	test "$output" = "done"
}

@test "mkfifo-graph: a reader that pauses costs memory at most, never the run" {
	run graph -e 'a [cmd="seq 3000000"]; b [cmd="sleep 2; cat"]; c [cmd=cat]
		d [cmd="cat <&3 | md5sum; cat <&4 | md5sum"]
		a -> {b c}; b -> d:4; c -> d:3' </dev/null
	echo "$output"
	test "$status" -eq 0
	sum=$(seq 3000000 | md5sum)
	test "$output" = "$sum"$'\n'"$sum"
}

# relay_memory BYTES: the peak memory of the copying relay, in bytes.
relay_memory()
{
	graph --report=report -e "a [cmd=\"head -c $1 /dev/zero\"]
		b [cmd=\"cat >/dev/null\"]; c [cmd=\"cat >/dev/null\"]
		a -> {b c}" </dev/null || return
	jq '[.relays[].peak_memory_bytes] | max' report
}

@test "mkfifo-graph: memory of relays does not grow with the stream" {
	local small large
	small=$(relay_memory 1M)
	large=$(relay_memory 500M)
	echo "$small, $large"
	test "$small" -gt 0
	test "$large" -lt $((small + 8000000))
}

# --- 6. visible for free

@test "mkfifo-graph: the report's bytes on relayed edges are exact" {
	run graph --report=report -e 'a [cmd="head -c 1234567 /dev/zero"]
		b [cmd="cat >/dev/null"]; c [cmd="cat >/dev/null"]
		d [cmd="head -c 7654321 /dev/zero"]; e [cmd="cat >/dev/null"]
		edge [merge=concat]; a -> {b c}; d -> e; "printf hello" -> e' </dev/null
	echo "$output"
	test "$status" -eq 0
	jq -e '[.edges[] | select(.from == "a") | .bytes] == [1234567, 1234567]' report
	jq -e '[.edges[] | select(.from == "d") | .bytes] == [7654321]' report
	jq -e '[.edges[] | select(.from == "printf hello") | .bytes] == [5]' report
}

# --- what fresh eyes found

@test "mkfifo-graph: timeout= ends also what a survivor of TERM starts later" {
	run graph -e 'a [timeout="0.3"]' </dev/null --cmd=a='
		sh -c "trap : TERM; sleep 60 & wait; sleep 50" & sleep 70'
	test "$status" -eq 124
	nothing_left
}

@test "mkfifo-graph: a signal that ends a replica is told as one" {
	local order
	for order in blocks records no; do
		run graph -e "a [replicas=2 order=$order]; \"seq 5\" -> a" \
			--cmd=a='kill -KILL $$' </dev/null
		test "$status" -eq 137
		[[ $output == *"a: killed by SIGKILL after "* ]]
	done
}

@test "mkfifo-graph: a report is written also when the guardian is killed" {
	begin --report=report -e 'a [cmd="touch up; sleep 1000"]'
	eventually test -e up
	kill -KILL "$(pgrep -P "$pid" flow-guardian)"
	ended
	test "$status" -eq 125
	jq -e '.status == 125 and .ended_by == "guardian killed"' report
	nothing_left
}

@test "mkfifo-graph: commit=all puts no file in its place when a folder is in the way of one" {
	mkdir d1 d2
	run graph -e 'graph [commit=all] a -> f; b -> g
		f [file="d1/f"] g [file="d2/g"]' \
		--cmd=a='echo new' --cmd=b='mkdir d2/g' </dev/null
	test "$status" -eq 125
	[[ $output == *"cannot commit file \`d2/g\` (line 1): Is a directory"* ]]
	test ! -e d1/f
}
