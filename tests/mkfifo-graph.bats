#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# mkfifo-graph: every option, and the duties of every command. What a graph
# means is in language.bats.

load helper

# empty FOLDER: nothing is in it.
empty()
{
	local left
	left=$(find "$1" -mindepth 1)
	[ -z "$left" ] || { printf 'left: %s\n' "$left"; return 1; }
}

# report FILTER: what jq finds in report.json, on one line.
report()
{
	jq -c "$1" report.json
}

@test "mkfifo-graph: --help names every option on standard output" {
	local option
	mg --help
	with 0
	[ -z "$stderr" ]
	for option in --expression=GRAPH --cmd=NAME=COMMAND --check --dry-run \
		--dot --make=DIR --unmake=DIR --define=NAME=VALUE \
		--output=FILE --timeout=DURATION --fail-fast --tag \
		--trace-commands --report=FILE --draw=FILE --perfetto=FILE \
		--from=REPORT --progress --status --json \
		--peek=RUN:EDGE --signal=RUN:NODE:SIG --version \
		-c -n -d -e -D -o -t -x -p; do
		has "$output" "$option"
	done
	has "$output" 'mkfifo-graph [OPTION...] FILE [ARG...]'
	has "$output" '-e GRAPH [ARG...]'
}

@test "mkfifo-graph: --usage is on standard output" {
	mg --usage
	with 0
	has "$output" 'Usage: mkfifo-graph'
}

@test "mkfifo-graph: --version and -V name the package and its version" {
	mg --version
	with 0
	[[ $output =~ ^mkfifo-graph\ \(ipcflow\)\ [0-9]+\.[0-9]+ ]]
	local long=$output
	mg -V
	with 0 "$long"
}

@test "mkfifo-graph: a wrong command line is 64 and prints nothing" {
	local wrong
	graph <<-'END'
	digraph { a [cmd="echo started"] }
	END
	for wrong in '' --nonsense -Z --check --timeout -D --cmd --make \
		'-t soon graph.gv' '-t 0 graph.gv' '-t -1 graph.gv' \
		'-t 10parsecs graph.gv' '-D NAME graph.gv' '-D =x graph.gv' \
		'-D 1A=x graph.gv' '-D A-B=x graph.gv' \
		'--cmd=a graph.gv' '--cmd==true graph.gv' \
		'--check=yes graph.gv' '--fail-fast=1 graph.gv'; do
		# shellcheck disable=SC2086
		mg $wrong
		echo "mkfifo-graph $wrong"
		with 64 ""
		has "$stderr" "mkfifo-graph: "
	done
}

@test "mkfifo-graph: a wrong option is named, and where help is" {
	mg --nonsense
	with 64
	has "$stderr" "unrecognized option '--nonsense'"
	has "$stderr" "mkfifo-graph --help"
	mg -t soon -e true
	with 64
	has "$stderr" '-t soon: no duration'
	mg -D 1A=x -e true
	with 64
	has "$stderr" '-D 1A=x: wanted NAME=VALUE'
}

@test "mkfifo-graph: a graph that is not there is 66 and named" {
	mg nowhere.gv
	refused 66 'cannot read nowhere.gv: No such file or directory'
}

@test "mkfifo-graph: a graph that may not be read is 77 and named" {
	graph <<<'digraph { true }'
	chmod 0 graph.gv
	apart "${limited[@]}" "$MG" graph.gv </dev/null
	refused 77 'cannot read graph.gv: Permission denied'
}

@test "mkfifo-graph: a folder is no graph" {
	mkdir folder
	mg folder
	[ "$status" -ge 64 ]
	[ "$status" -le 77 ]
	has "$stderr" 'Is a directory'
}

@test "mkfifo-graph: an empty file is no graph" {
	: >graph.gv
	mg graph.gv
	refused 65 'graph.gv:1: there is no graph here; one begins with `digraph {`'
}

@test "mkfifo-graph: a graph without nodes is done at once" {
	mg -e ''
	with 0 ""
	mg -e 'digraph { }'
	with 0 ""
	graph <<<'digraph { out [file="out"] }'
	mg graph.gv
	with 0 ""
	[ ! -e out ]
}

@test "mkfifo-graph: - is a graph on standard input" {
	apart "$MG" - <<-'END'
	digraph { "echo from standard input" }
	END
	with 0 'from standard input'
	[ -z "$stderr" ]
	apart "$MG" - one <<-'END'
	digraph {
	    a [cmd="echo $1"
	}
	END
	with 65 ""
	has "$stderr" 'mkfifo-graph: standard input:3: syntax error'
}

@test "mkfifo-graph: a file is a command when its first line says so" {
	graph command <<-'END'
	#!/usr/bin/env mkfifo-graph
	digraph {
	    a [cmd="echo $1, $2"]
	}
	END
	chmod +x command
	apart ./command 'a b' --check </dev/null
	with 0 'a b, --check'
}

@test "mkfifo-graph: -e takes a graph with and without digraph { }" {
	local graph
	for graph in '"seq 3" -> "wc -l"' 'digraph { "seq 3" -> "wc -l" }' \
		'digraph g { "seq 3" -> "wc -l" }' \
		'"seq 3" -> "wc -l";' '{ "seq 3" } -> { "wc -l" }' \
		'node [env="A=1"] "seq 3" -> "wc -l"' \
		'graph [rankdir=LR]; "seq 3" -> "wc -l"' \
		'rankdir=LR "seq 3" -> "wc -l"' \
		'subgraph x { "seq 3" -> "wc -l" }' \
		'/* digraph { */ "seq 3" -> "wc -l" // }'; do
		echo "$graph"
		mg -e "$graph"
		with 0 3
		[ -z "$stderr" ]
		mg --expression="$graph"
		with 0 3
	done
}

@test "mkfifo-graph: -e refuses what a file would refuse, as -e:LINE" {
	mg -e 'true
	-> nosuchcommand'
	refused 127 '-e:2: `nosuchcommand`, first named at line 2, is no command'
	mg -e '"echo a" }'
	with 65 ""
	has "$stderr" '-e:1: syntax error'
	mg -e 'graph { a -- b }'
	with 65 ""
	has "$stderr" '-e:1: `graph` has no directions'
}

@test "mkfifo-graph: options stop at the file, the rest is for the graph" {
	graph <<-'END'
	digraph { a [cmd="printf '<%s>' \"$@\""] }
	END
	mg graph.gv --check -n '' 'two  words' -- -e x
	with 0 '<--check><-n><><two  words><--><-e><x>'
	mg -- graph.gv -x
	with 0 '<-x>'
	mg -e 'a [cmd="printf '"'<%s>'"' $#: $*"]' one --help
	with 0 '<2:><one><--help>'
	mg -e 'a [cmd="echo $1"]' -- --help
	with 0 '--help'
}

@test "mkfifo-graph: --cmd gives a node of -e its command" {
	mg -e 'a -> b -> c' --cmd=a='printf "%s\n" "x  y"' --cmd b='tr x "\""' \
		--cmd=c="sed 's/\$/ = \$HOME/'"
	with 0 '"  y = $HOME'
}

@test "mkfifo-graph: --cmd goes before cmd= and script= of a file" {
	graph <<-'END'
	digraph {
	    a [cmd="exit 9"]
	    b [script="nowhere"]
	    a -> b
	}
	END
	mg --cmd=a='echo =x=' --cmd=b=cat graph.gv
	with 0 '=x='
}

@test "mkfifo-graph: --cmd of no node, or of no process, is 64 with a hint" {
	graph <<-'END'
	digraph {
	    sorting [cmd="sort"]
	    list [file="list"]
	    sorting -> list
	}
	END
	mg --cmd=sortin=cat graph.gv
	refused 64 'graph.gv: --cmd=sortin=cat: the graph has no node `sortin`; did you mean `sorting`?'
	mg --cmd=list=cat graph.gv
	refused 64 'graph.gv: --cmd=list=cat: node `list` is no process'
	[ ! -e list ]
}

@test "mkfifo-graph: --check is silent when all is right, and starts nothing" {
	graph <<-'END'
	digraph {
	    in [file="not there"]
	    out [file="out"]
	    a [cmd="touch started; cat"]
	    in -> a -> out
	}
	END
	mkdir tmp
	for option in -c --check; do
		TMPDIR=$PWD/tmp XDG_RUNTIME_DIR=$PWD/tmp mg $option graph.gv
		with 0 ""
		[ -z "$stderr" ]
	done
	[ ! -e out ]
	[ ! -e started ]
	empty tmp
}

@test "mkfifo-graph: --check takes no input, so there is no warning of it" {
	apart "$MG" -c -e true < <(echo x)
	with 0 ""
	[ -z "$stderr" ]
}

@test "mkfifo-graph: --check reports everything that is wrong" {
	graph <<-'END'
	digraph {
	    a [cmdd="true"]
	    b [cmd="nosuchcommand -x"]
	    "echo x" -> c [merge=conct]
	}
	END
	mg --check graph.gv
	refused 65 \
		'graph.gv:2: unknown attribute `cmdd`; did you mean `cmd`?' \
		'graph.gv:2: `a`, first named at line 2, is no command' \
		'graph.gv:3: node `b`: command `nosuchcommand` not found' \
		'graph.gv:4: merge=`conct`: did you mean `concat`?' \
		'graph.gv:4: `c`, first named at line 4, is no command'
}

@test "mkfifo-graph: the status is that of what stands first" {
	graph <<-'END'
	digraph {
	    b [cmd="nosuchcommand -x"]
	    a [cmdd="true"]
	}
	END
	mg --check graph.gv
	with 127
}

@test "mkfifo-graph: --dry-run prints the plan and starts nothing" {
	graph <<-'END'
	digraph {
	    in  [file="not there"]
	    out [file="out"]
	    odd [cmd="touch started; exec cat <&3" env="A='x y'" cwd="/"]
	    pick [cmd="cat $left $right"]
	    in -> cat -> odd:3 [capacity="64K"]
	    cat -> pick:left
	    "seq 3" -> pick:right [via=fifo]
	    {odd pick} -> out
	}
	END
	mkdir tmp
	for option in -n --dry-run; do
		TMPDIR=$PWD/tmp XDG_RUNTIME_DIR=$PWD/tmp mg $option graph.gv
		with 0
		[ -z "$stderr" ]
		has "$output" ', odd: sh -c '\''touch started; exec cat <&3'\'' odd'
		has "$output" "with 'A=x y'"
		has "$output" 'in /'
		has "$output" '0  file not there'
		has "$output" '3  pipe '
		has "$output" '$left=/dev/fd/'
		has "$output" '$right'
		has "$output" 'file out, appears when whole'
		has "$output" 'file not there, read'
		has "$output" 'relay, whole records'
		has "$output" 'FIFO '
		has "$output" '2  stderr'
		has "$output" '64 KiB'
	done
	[ ! -e out ]
	[ ! -e started ]
	empty tmp
}

# drawn NAME: dot draws what --dot printed, and says nothing.
drawn()
{
	with 0
	[ -z "$stderr" ]
	printf '%s\n' "$output" >drawn.gv
	apart dot -Tsvg -o drawn.svg drawn.gv
	with 0 ""
	[ -z "$stderr" ]
	grep -q '</svg>' drawn.svg
}

@test "mkfifo-graph: --dot prints what dot draws without a warning" {
	graph <<-'END'
	digraph "a graph" {
	    graph [args="X"]
	    node [err=log]
	    in  [file="in"]
	    out [file="out of \"it\"" append=true]
	    log [file="log" commit=no]
	    pick [cmd="cat $left $n; touch started"]
	    in -> cat -> pick:left
	    cat -> pick:n
	    cat -> "sort -u" -> pick:3 [via=fifo]
	    a [cmd="cat"]
	    pick -> a
	    a -> pick [back=true]
	    {"tr a '\n'" "sed 's/\\/\\\"/'" a:3} -> out
	    subgraph cluster_x { label="x"; "echo $(id) `id`" -> "wc  -l" }
	}
	END
	mg --dot graph.gv x
	with 65
	graph <<-'END'
	digraph "a graph" {
	    graph [args="X"]
	    node [err=log]
	    in  [file="in"]
	    out [file="out of \"it\"" append=true]
	    log [file="log" commit=no]
	    pick [cmd="cat $left $n; touch started"]
	    in -> cat -> pick:left
	    cat -> pick:n
	    cat -> "sort -u" -> pick:3
	    a [cmd="cat"]
	    pick -> a
	    a -> pick [back=true]
	    {"tr a '\n'" "sed 's/a/\\\"/'"} -> out
	    a:3 -> out
	    subgraph cluster_x { label="x"; "echo $(id) `id`" -> "wc  -l" }
	    "cat
	# two" -> "cat <x> |{y}"
	}
	END
	for option in -d --dot; do
		mg $option graph.gv x
		drawn
	done
	[ ! -e started ]
	[ ! -e log ]
	[ ! -e "out of \"it\"" ]
}

@test "mkfifo-graph: --dot labels nodes with name and command, and shows relays" {
	mg --dot -e 'numbers -> {a b} -> stdout' --cmd=numbers='seq 3' \
		--cmd=a='wc -l' --cmd=b='sort -rn | tee $X'
	drawn
	for part in numbers 'seq 3' 'wc -l' 'sort -rn' 'tee $X' stdout; do
		grep -qF -- "$part" drawn.svg || has "$(cat drawn.gv)" "$part"
	done
	has "$(cat drawn.gv)" 'copy'
	has "$(cat drawn.gv)" 'merge'
}

@test "mkfifo-graph: --dot draws 2,000 nodes" {
	for i in $(seq 1000); do
		echo "a$i [cmd=cat] b$i [cmd=cat] a$i -> b$i"
	done >many
	{ echo 'digraph {'; cat many; echo '}'; } | graph
	mg --dot graph.gv
	with 0
	[ "$(printf '%s\n' "$output" | grep -c -- '->')" -ge 1000 ]
}

@test "mkfifo-graph: --make makes the FIFOs a script needs, --unmake removes them" {
	graph <<-'END'
	digraph {
	    words  [cmd="none of these is looked up"]
	    "no-such" [script="nor this"]
	    words -> upper -> join:left
	    words:err -> join:3
	    upper -> "no-such"
	}
	END
	cat >script <<-'END'
	set -eu
	eval "$("$1" --make="it's here" graph.gv)"
	{ echo b; echo a; echo complaint >&2; } >"$words_out" 2>"$words_err" &
	tr a-z A-Z <"$upper_in" | tee "$upper_out_1" >"$upper_out_2" &
	sort "$no_such_in" >"sorted" &
	cat "$join_left" - <"$join_3"
	wait
	"$1" --unmake="it's here" graph.gv
	END
	apart sh script "$MG" </dev/null
	with 0 $'B\nA\ncomplaint'
	[ -z "$stderr" ]
	same $'A\nB' "$(cat sorted)"
	[ ! -e "it's here" ]
}

@test "mkfifo-graph: --make prints one assignment an end, in words of the shell" {
	graph <<-'END'
	digraph {
	    "1st \"$(touch made)\"; x" -> b:named
	    b:5 -> c:in
	    c -> d
	    b:5 -> d
	    in [file="in"]
	    in -> c
	    d -> stdout
	}
	END
	mg --make=fifos graph.gv
	with 0
	[ -z "$stderr" ]
	same "$(printf '%s\n' _1st____touch_made____x_out b_named b_5_1 c_in \
		c_out d_in_1 b_5_2 d_in_2 | sort)" \
		"$(sed 's/=.*//' <<<"$output" | sort)"
	eval "$output"
	[ -p "$b_named" ]
	[ "$b_named" = "$_1st____touch_made____x_out" ]
	[ "$c_out" = "$d_in_1" ]
	[ "$b_5_2" = "$d_in_2" ]
	[ "$c_in" = "$b_5_1" ]
	[ ! -e made ]
	[ "$(find fifos -type p | wc -l)" -eq 4 ]
	[ "$(stat -c %a fifos)" = 700 ]
	[ "$(find fifos -type p -printf '%m\n' | sort -u)" = 600 ]
	mg --unmake=fifos graph.gv
	with 0 ""
	[ ! -e fifos ]
}

@test "mkfifo-graph: --make leaves what it did not make, and says so with 73" {
	graph <<<'digraph { a -> b }'
	mkdir fifos
	echo mine >fifos/other
	mg --make=fifos graph.gv
	with 0
	local first=$output
	mg --make=fifos graph.gv
	with 73 ""
	has "$stderr" 'mkfifo-graph: cannot make FIFO fifos/'
	has "$stderr" 'File exists'
	eval "$first"
	# shellcheck disable=SC2154
	[ -p "$a_out" ]
	mg --unmake=fifos graph.gv
	with 0 ""
	[ ! -e "$a_out" ]
	[ "$(cat fifos/other)" = mine ]
	echo precious >"$a_out"
	mg --unmake=fifos graph.gv
	with 73 ""
	has "$stderr" 'is no FIFO, so it was left there'
	[ "$(cat "$a_out")" = precious ]
	rm -r fifos
	mg --unmake=fifos graph.gv
	with 0 ""
}

@test "mkfifo-graph: --make where no folder can be is 73, and 77 without permission" {
	graph <<<'digraph { a -> b }'
	echo >file
	mg --make=file/fifos graph.gv
	refused 73 'cannot make folder file/fifos: Not a directory'
	mkdir closed
	chmod 500 closed
	apart "${limited[@]}" "$MG" --make=closed/fifos graph.gv
	refused 77 'cannot make folder closed/fifos: Permission denied'
}

@test "mkfifo-graph: the last of -c -n -d --make --unmake counts" {
	mg -n -d -c -e 'touch [cmd="touch started"]'
	with 0 ""
	mg -c --make=fifos -n -e 'touch [cmd="touch started"]'
	with 0
	has "$output" 'process 0'
	[ ! -e fifos ]
	[ ! -e started ]
}

@test "mkfifo-graph: -D is a variable of every command and of \${NAME}" {
	graph <<-'END'
	digraph {
	    a [cmd="echo \"$A\"" env="B='${B}'" cwd="${C}"]
	    b [cmd="cat; printf '%s\n' \"$A\" \"$D\""]
	    out [file="${A}.txt"]
	    a -> b -> out
	}
	END
	mkdir dir
	A=never B=never mg -D A=one --define='A=a b' -D B='x  y' -DC=dir \
		--define=D= graph.gv
	with 0 ""
	printf 'a b\na b\n\n' | cmp - 'a b.txt'
}

@test "mkfifo-graph: -D of PATH is where commands are looked for" {
	mkdir bin
	printf '#!/bin/sh\necho mine\n' >bin/own-command
	chmod +x bin/own-command
	mg -D PATH="$PWD/bin:$PATH" -e '"own-command"'
	with 0 mine
	mg -e '"own-command"'
	with 127
}

@test "mkfifo-graph: without -D the environment passes as it is" {
	A='1  2' mg -e 'a [cmd="echo \"$A\"; cat <${F}"]' -D F=/dev/null
	with 0 '1  2'
}

@test "mkfifo-graph: -o makes standard output a file when the run has succeeded" {
	mg -o out -e '"seq 3" -> {"wc -l" "sort -rn"} -> stdout [merge=concat]'
	with 0 ""
	[ -z "$stderr" ]
	same $'3\n3\n2\n1' "$(cat out)"
	mg --output=out -e '"echo again"'
	with 0 ""
	same again "$(cat out)"
	empty_but out
}

# empty_but NAME...: nothing else is in this folder, hidden or not.
empty_but()
{
	same "$(printf '%s\n' "$@" | sort)" "$(find . -mindepth 1 -printf '%P\n' | sort)"
}

@test "mkfifo-graph: -o leaves the old file when the run fails" {
	echo old >out
	mg -o out -e 'a -> cat' --cmd=a='echo new; exit 3'
	with 3 ""
	has "$stderr" 'mkfifo-graph: a: exit 3 after '
	has "$stderr" ' s (line 1); out not written'
	same old "$(cat out)"
	empty_but out
	rm out
	mg -o out -e 'a -> cat' --cmd=a='echo new; exit 3'
	with 3
	[ ! -e out ]
	empty .
}

@test "mkfifo-graph: -o may name a file that the graph reads" {
	seq 5 >data
	mg -o data -e 'in [file=data] in -> "sort -rn"'
	with 0 ""
	same '5 4 3 2 1' "$(paste -sd ' ' data)"
}

@test "mkfifo-graph: -o keeps mode and link, and fails where nothing can be made" {
	echo old >real
	chmod 640 real
	ln -s real out
	mg -o out -e '"echo new"'
	with 0 ""
	[ -L out ]
	same new "$(cat real)"
	[ "$(stat -c %a real)" = 640 ]
	mg -o nowhere/out -e 'a [cmd="touch started"]'
	with 73 ""
	has "$stderr" 'cannot create file `nowhere/out`: No such file or directory'
	[ ! -e started ]
}

@test "mkfifo-graph: -t ends the run and what it started, with 124" {
	mg -t 0.2 -e 'a -> cat' \
		--cmd=a='sleep 1000 & echo $! >pid; echo new; wait'
	with 124
	[[ $stderr =~ ^mkfifo-graph:\ time\ ran\ out\ after\ 0\.[0-9]+\ s$ ]]
	await gone "$(cat pid)"
	mg -o out --timeout=200ms -e '"sleep 1000"'
	with 124 ""
	has "$stderr" 'out not written'
	[ ! -e out ]
}

gone()
{
	! kill -0 "$1" 2>/dev/null
}

@test "mkfifo-graph: -t ends what ignores SIGTERM too" {
	mg -t 0.2 -e 'a' --cmd=a='trap "" TERM; while :; do sleep 1000; done'
	with 124
}

@test "mkfifo-graph: -t is no matter for a run that ends before" {
	mg -t 1h -e '"echo done"'
	with 0 done
	[ -z "$stderr" ]
	mg -t 60 -e 'a' --cmd=a='exit 4'
	with 4
}

@test "mkfifo-graph: --fail-fast ends the others at the first failure" {
	mg --fail-fast -e 'a; b' --cmd=a='exit 9' --cmd=b='sleep 1000 & wait'
	with 9 ""
	[[ $stderr =~ ^mkfifo-graph:\ a:\ exit\ 9\ after\ [0-9.e-]+\ s\ \(line\ 1\)$ ]]
}

@test "mkfifo-graph: without --fail-fast the others come to their own end" {
	mkfifo hold
	mg -e 'a; b' --cmd=a='exec 3>hold; exit 9' --cmd=b='cat hold; echo drained'
	with 9 drained
}

@test "mkfifo-graph: the failures behind the first are counted" {
	mkfifo hold
	mg -e 'a; b; c' --cmd=a='exec 3>hold; exit 9' --cmd=b='cat hold; exit 2' \
		--cmd=c=true
	with 9 ""
	has "$stderr" '; 1 more failed'
	[ "$(wc -l <<<"$stderr")" -eq 1 ]
}

@test "mkfifo-graph: --tag prefixes the lines of standard error with the node" {
	mg --tag -e 'a -> b; "c d"; e' --cmd=a='echo one >&2; echo two >&2; echo x' \
		--cmd=b='cat; printf unfinished >&2' --cmd='c d=echo three >&2' \
		--cmd=e='echo elsewhere >&2 2>/dev/null'
	with 0 $'x\nelsewhere' || with 0 $'elsewhere\nx' || with 0 'x'
	same $'a: one\na: two\nb: unfinished\nc d: three' \
		"$(sort <<<"$stderr" | grep -v elsewhere)"
}

@test "mkfifo-graph: --tag keeps long lines of many nodes whole" {
	for i in 1 2 3 4; do
		echo "n$i [cmd=\"seq 1000 | sed 's/^/$i$i$i$i$i$i$i$i$i /' >&2\"]"
	done | { echo 'digraph {'; cat; echo '}'; } | graph
	mg --tag graph.gv
	with 0 ""
	[ "$(wc -l <<<"$stderr")" -eq 4000 ]
	! grep -Ev '^n(.): \1{9} [0-9]+$' <<<"$stderr"
}

@test "mkfifo-graph: --tag leaves what err= sends elsewhere" {
	mg --tag -e 'a [err=log] log [file=log]' --cmd=a='echo oops >&2'
	with 0 ""
	[ -z "$stderr" ]
	same oops "$(cat log)"
}

@test "mkfifo-graph: -x prints each command when it starts" {
	graph <<-'END'
	digraph {
	    "echo hello" -> shout
	    shout [cmd="tr a-z A-Z"]
	}
	END
	for option in -x --trace-commands; do
		mg $option graph.gv
		with 0 HELLO
		same 'mkfifo-graph: + echo hello
mkfifo-graph: + shout: tr a-z A-Z' "$(sort <<<"$stderr")"
	done
}

@test "mkfifo-graph: --report of a run that succeeded" {
	graph <<-'END'
	digraph {
	    numbers [cmd="seq 3"]
	    out [file="out"]
	    numbers -> {"wc -l" "sort -rn"} -> out [merge=concat]
	}
	END
	mg --report=report.json graph.gv
	with 0 ""
	[ "$(report '[.graph, .status, .failure, .ended_by]')" = '["graph.gv",0,null,null]' ]
	[ "$(report '[.nodes[].name]')" = '["numbers","wc -l","sort -rn"]' ]
	[ "$(report '[.nodes[].command]')" = '["seq 3","wc -l","sort -rn"]' ]
	[ "$(report '[.nodes[].line]')" = '[2,4,4]' ]
	[ "$(report '[.nodes[] | .outcome, .status, .signal, .timed_out] | unique')" = '[null,false,0,"ok"]' ]
	[ "$(report '[.nodes[], .relays[] | .pid > 1] | all')" = true ]
	[ "$(report '[.nodes[], .relays[] | .start_s, .wall_s, .user_s, .system_s | type == "number" and . >= 0] | all')" = true ]
	[ "$(report '[.nodes[] | .peak_memory_bytes > 100000] | all')" = true ]
	[ "$(report '.wall_s > 0')" = true ]
	[ "$(report '[.relays[].name] | length')" = 2 ]
	[ "$(report '[.edges[] | .from + ">" + .to]')" = \
		'["numbers>wc -l","numbers>sort -rn","wc -l>out","sort -rn>out"]' ]
	[ "$(report '[.edges[].bytes]')" = '[6,6,2,6]' ]
	[ "$(report '[.edges[].whole] | all')" = true ]
	[ "$(report '.files')" = '[{"path":"out","bytes":8,"written":true}]' ]
}

@test "mkfifo-graph: --report of a run that failed says what failed first" {
	mg --report=report.json -o out -e 'a -> b:3; b -> c; d' --cmd=a='cat; exit 7' \
		--cmd=b='cat <&3' --cmd=c='cat' --cmd=d='kill -KILL $$'
	[ "$status" -eq 7 ] || [ "$status" -eq 137 ]
	[ "$(report .status)" -eq "$status" ]
	[ "$(report .failure.failed_nodes)" = 2 ]
	same "mkfifo-graph: $(jq -r .failure.text report.json)" "$stderr"
	[ "$(report '[.nodes[] | .outcome]')" = '["failed","ok","ok","failed"]' ]
	[ "$(report '[.nodes[] | .status]')" = '[7,0,0,137]' ]
	[ "$(report '.nodes[3].signal')" = '"SIGKILL"' ]
	[ "$(report '.edges[0] | [.out, .in, .whole]')" = '["out","3",false]' ]
	[ "$(report '.files[0] | [.path, .written]')" = '["out",false]' ]
}

@test "mkfifo-graph: --report says why the run was ended" {
	mg --report=report.json -t 0.1 -e '"sleep 1000" -> cat'
	with 124
	[ "$(report '[.status, .ended_by]')" = '[124,"time-out"]' ]
	mg --report=report.json --fail-fast -e 'a; "sleep 1000"' --cmd=a='exit 2'
	with 2
	[ "$(report '[.status, .ended_by, .nodes[1].outcome]')" = '[2,"first failure","stopped"]' ]
}

@test "mkfifo-graph: --report is JSON whatever the names are" {
	printf 'digraph { "echo \\" \x01 \xff $(id)\nx" [cmd="echo y"] }\n' | graph
	mg --report=report.json graph.gv
	with 0 y
	jq -e '.nodes[0].name | test("^echo \"")' report.json
}

@test "mkfifo-graph: --report=- is standard output, behind what the graph wrote" {
	mg --report=- -e '"echo first"'
	with 0
	same first "$(head -n 1 <<<"$output")"
	tail -n +2 <<<"$output" | jq -e '.status == 0'
}

@test "mkfifo-graph: --report that cannot be made is 73 before anything starts" {
	mg --report=nowhere/report -e 'a [cmd="touch started"]'
	refused 73 'cannot create report nowhere/report: No such file or directory'
	[ ! -e started ]
}

@test "mkfifo-graph: a report that was lost is no success" {
	mg --report=/dev/full -e 'true'
	[ "$status" -ne 0 ]
	has "$stderr" 'report: No space left on device'
}

@test "mkfifo-graph: every byte passes, through pipes, copies and merges" {
	head -c 3000000 /dev/urandom >data
	: >nothing
	for data in data nothing; do
		mg -o out -e 'in [file="$1"] in -> cat' $data
		with 0
		cmp $data out
		mg -e 'in [file="$1"] a [file=a] b [file=b]
			in -> "cat -" -> {"cat" "cat -u"}
			cat -> a "cat -u" -> b' $data
		with 0
		cmp $data a
		cmp $data b
		mg -o out -e 'in [file="$1"] in -> {cat "cat -u"} -> stdout [merge=concat]' $data
		with 0
		cat $data $data | cmp - out
		timeout 30 "$MG" -e 'stdin -> {cat "cat -u"} -> stdout [merge=concat]' \
			<$data >out
		cat $data $data | cmp - out
		timeout 30 "$MG" -e 'stdin -> cat -> "cat -u"' < <(cat $data) >out
		cmp $data out
	done
}

@test "mkfifo-graph: NUL bytes are bytes in lines and records" {
	printf 'a\0b\n' >data
	mg -o out -e 'a [file=data] b [file=data] a -> cat b -> "cat -u" {cat "cat -u"} -> stdout'
	with 0
	cat data data | cmp - out
	printf 'x\ny\0' >data
	mg -o out -e 'a [file=data] b [file=data] a -> cat b -> "cat -u" {cat "cat -u"} -> stdout [record=nul]'
	with 0
	cat data data | cmp - out
}

@test "mkfifo-graph: empty inputs merge into nothing" {
	mg -e '{true "true "} -> {cat "wc -c"} -> stdout [merge=concat]'
	with 0 0
}

@test "mkfifo-graph: a missing input is 66, named, and costs nothing else" {
	graph <<-'END'
	digraph {
	    out [file="out" commit=no]
	    a [cmd="touch started; cat"]
	    a -> out
	    in [file="not/there"]
	    in -> a
	}
	END
	echo kept >out
	mg graph.gv
	refused 66 'cannot read file `not/there` (line 5): No such file or directory'
	same kept "$(cat out)"
	[ ! -e started ]
}

@test "mkfifo-graph: an input without permission is 77 and named" {
	echo x >in
	chmod 0 in
	apart "${limited[@]}" "$MG" -e 'in [file=in] in -> cat' </dev/null
	refused 77 'cannot read file `in` (line 1): Permission denied'
}

@test "mkfifo-graph: an output without permission is 77 and named" {
	echo x >out
	chmod 400 out
	apart "${limited[@]}" "$MG" -e 'out [file=out] "echo y" -> out' </dev/null
	refused 77 'cannot write file `out` (line 1): Permission denied'
	mkdir closed
	chmod 500 closed
	apart "${limited[@]}" "$MG" -e 'out [file="closed/out"] "echo y" -> out' </dev/null
	refused 77 'cannot create file `closed/out` (line 1): Permission denied'
	same x "$(cat out)"
}

@test "mkfifo-graph: too few descriptors is 71 and says how many are needed" {
	cat >chain.gv <<-'END'
	digraph {
	    node [cmd="cat"]
	    a -> b -> c -> d -> e -> f -> g -> h -> i -> j -> k -> l
	}
	END
	apart bash -c 'ulimit -n 12; exec "$0" chain.gv' "$MG" </dev/null
	with 71 ""
	[[ $stderr =~ ^mkfifo-graph:\ this\ graph\ needs\ [0-9]+\ descriptors ]]
	has "$stderr" 'the hard limit is 12'
}

@test "mkfifo-graph: the soft limit of descriptors is raised for itself alone" {
	for i in $(seq 200); do
		echo "n$i -> n$((i + 1))"
	done | { echo 'digraph { node [cmd="cat; ulimit -Sn >&2"]'; cat; echo '}'; } | graph
	apart bash -c 'ulimit -Sn 64; exec "$0" graph.gv' "$MG" </dev/null
	with 0 ""
	same 64 "$(sort -u <<<"$stderr")"
}

@test "mkfifo-graph: a full output is noticed, whatever prints" {
	local command
	for command in --help --version '-n -e cat' '-d -e cat' \
		'--make=fifos -e cat->sort' "-e cat->sort->tac" \
		'-e {pwd;ls}' '-o /dev/full -e pwd' '-o /dev/full -e {pwd;ls}' \
		'-e pwd->{cat;sort}' '--report=- -e pwd'; do
		rm -rf fifos
		echo "mkfifo-graph $command"
		# shellcheck disable=SC2086
		apart bash -c 'exec "$0" "$@" </dev/null >/dev/full' \
			"$MG" $command
		case $command in
		*cat-\>sort-\>tac) [ "$status" -eq 0 ] ;; # writes nothing
		*) [ "$status" -ne 0 ] && [ "$status" -ne 137 ] ;;
		esac
	done
}

@test "mkfifo-graph: a full file is noticed, and named" {
	mg -e 'full [file="/dev/full"] {"seq 9" "seq 8"} -> full'
	with 125 ""
	has "$stderr" 'No space left on device'
	mg -e 'full [file="/dev/full"] "seq 9" -> full'
	[ "$status" -ne 0 ]
	has "$stderr" 'mkfifo-graph: seq 9: exit '
}

@test "mkfifo-graph: a closed standard output is an error, not a success" {
	run bash -c 'timeout -s KILL 30 "$0" -n -e cat >&-' "$MG"
	[ "$status" -ne 0 ]
	run bash -c 'timeout -s KILL 30 "$0" -e "{pwd;ls}" >&- </dev/null' "$MG"
	[ "$status" -ne 0 ]
}

@test "mkfifo-graph: the status is that of the command that failed" {
	for n in 1 2 9 63 77 126 200 255; do
		mg -e 'a -> cat' --cmd=a="exit $n"
		with $n ""
		[[ $stderr =~ ^mkfifo-graph:\ a:\ exit\ $n\ after ]]
	done
}

@test "mkfifo-graph: a command that a signal ended is 128 and the signal" {
	mg -e 'a -> cat' --cmd=a='kill -KILL $$'
	with 137 ""
	has "$stderr" 'a: killed by SIGKILL after '
	mg -e 'a' --cmd=a='kill -SEGV $$'
	with 139
	has "$stderr" 'a: killed by SIGSEGV after '
}

@test "mkfifo-graph: SIGPIPE is success when the reader had enough" {
	mg -e '"yes x" -> "head -n 1"'
	with 0 x
	[ -z "$stderr" ]
	mg -e 'a -> "head -n 1"' --cmd=a='while :; do echo y; done'
	with 0 y
	mg -e 'a -> "head -n 1"' --cmd=a='yes | cat; exit 141'
	with 0 y
}

@test "mkfifo-graph: SIGPIPE is a failure when all readers are still there" {
	mg -e 'a -> b' --cmd=a='echo $$; kill -PIPE $$' \
		--cmd=b='read p; while kill -0 $p 2>/dev/null; do :; done'
	with 141
	has "$stderr" 'a: killed by SIGPIPE'
}

@test "mkfifo-graph: standard output that nobody reads is 141" {
	run bash -c 'set -o pipefail
		timeout -s KILL 30 "$0" -e "\"yes x\" -> cat" </dev/null | head -n 1' "$MG"
	[ "$status" -eq 141 ]
	run bash -c 'set -o pipefail
		timeout -s KILL 30 "$0" -e "{\"yes x\" \"yes x \"} -> stdout" </dev/null | head -n 1' "$MG"
	[ "$status" -eq 141 ]
}

@test "mkfifo-graph: dies of the SIGINT or SIGTERM that ended it" {
	local signal number
	for signal in INT TERM; do
		rm -f ready
		mkdir -p tmp
		# bash without job control would leave SIGINT ignored
		TMPDIR=$PWD/tmp XDG_RUNTIME_DIR=$PWD/tmp \
			env --default-signal=INT "$MG" -o out -e 'a -> b:x [via=fifo]' \
			--cmd=a='echo $$ >ready; exec sleep 1000' \
			--cmd=b='cat $x' </dev/null 3>&- &
		local pid=$!
		await test -s ready
		kill -$signal $pid
		number=0
		wait $pid || number=$?
		[ "$number" -eq $((128 + $(kill -l $signal))) ]
		await gone "$(cat ready)"
		[ ! -e out ]
		empty tmp
	done
}

@test "mkfifo-graph: unread standard input is warned about, once" {
	apart "$MG" -e 'true' < <(echo x)
	with 0 ""
	same "mkfifo-graph: warning: standard input is not read: no edge leaves \`stdin'" "$stderr"
	echo x >file
	apart "$MG" -e 'true' <file
	with 0 ""
	has "$stderr" 'warning: standard input is not read'
	apart "$MG" -e 'stdin -> cat' < <(echo x)
	with 0 x
	[ -z "$stderr" ]
	mg -e true
	[ -z "$stderr" ]
}

@test "mkfifo-graph: a run leaves no run directory and no file" {
	mkdir tmp work
	cd work
	TMPDIR=$PWD/../tmp XDG_RUNTIME_DIR=$PWD/../tmp mg -o out -e \
		'"seq 9" -> a:x [via=fifo]' --cmd=a='cat $x'
	with 0 ""
	empty ../tmp
	TMPDIR=$PWD/../tmp XDG_RUNTIME_DIR=$PWD/../tmp mg -o out -e \
		'"seq 9" -> a:x [via=fifo]' --cmd=a='cat $x; exit 5'
	with 5 ""
	empty ../tmp
	cd ..
	same out "$(ls -A work)"
}

@test "mkfifo-graph: -o appears only when the whole run has succeeded" {
	mg -o out -e 'a; b -> f; f [file="f"]' --cmd=a='echo hi' --cmd=b='exit 3'
	with 3 ""
	has "$stderr" "; out, f not written"
	test ! -e out
	mg -o - -e 'echo'
	with 0 ""
	test ! -e ./-
}

@test "mkfifo-graph: --make refuses two ends of one variable" {
	mg --make=fifos -e '"a b" -> x; a_b -> y' --cmd=a_b=cat --cmd=x=cat
	refused 65 'the nodes `a b` and `a_b` would share the variable a_b_out; name one otherwise'
	test ! -e fifos
}

@test "mkfifo-graph: --dot of merge=ordered and of replicas draws without a warning" {
	mg --dot -e '"seq 3" -> {a b} [split=lines]; {a b} -> stdout [merge=ordered]
		a [cmd=cat replicas=2] b [cmd=cat]'
	with 0
	has "$output" '2 replicas'
	dot -Tsvg <<<"$output" >/dev/null 2>messages
	same "" "$(<messages)"
}
