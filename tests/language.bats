#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# language: what mkfifo-graph(5) says, sentence by sentence.

load helper

# gives OUTPUT [ARG...] <GRAPH: it runs well, prints that, and no complaint.
gives()
{
	graph
	mg graph.gv "${@:2}"
	with 0 "$1" && same "" "$stderr"
}

# fails STATUS OUTPUT [ARG...] <GRAPH: it runs and ends like that.
fails()
{
	graph
	mg graph.gv "${@:3}"
	with "$1" "$2"
}

# wrong STATUS LINE:MESSAGE... <GRAPH: that is all --check says.
wrong()
{
	graph
	mg --check graph.gv
	local messages=("${@:2}")
	refused "$1" "${messages[@]/#/graph.gv:}"
}

# warned LINE:MESSAGE... <GRAPH: --check warns like that, and takes it.
warned()
{
	graph
	mg --check graph.gv
	with 0 ""
	same "mkfifo-graph: graph.gv:${1/: /: warning: }" "$stderr"
}

# one ATTRIBUTES of an edge, of a node, of the graph: for tables of refusals.
edge()
{
	printf 'digraph {\ncat ->\nsort [%s] }\n' "$1"
}
node()
{
	printf 'digraph {\n\na [cmd=cat %s] }\n' "$1"
}
whole()
{
	printf 'digraph {\ncat\ngraph [%s] }\n' "$1"
}

# --- processes

@test "language: a command is cmd=, or the node's own name" {
	gives '4 x' <<-'END'
	digraph {
	    count [cmd="wc -l | tr -d ' '"]
	    "printf '%s\n' a b c d" -> count -> "sed 's/$/ x/'"
	}
	END
}

@test "language: what runs is sh -c CMD NODE ARG..." {
	gives '<the node><2><one arg><$2>' 'one arg' '$2' <<-'END'
	digraph { "the node" [cmd="printf '<%s>' \"$0\" $# \"$@\""] }
	END
	gives 'zsh-not-used' <<-'END'
	digraph { a [cmd="test -r /proc/$$/exe && echo zsh-not-used"] }
	END
}

@test "language: a simple command runs without a shell, another one with it" {
	graph <<-'END'
	digraph {
	    simple [cmd="seq 1 3"]
	    words [cmd="tr  -d a@%+=:,./_-"]
	    quoted [cmd="seq '1'"]
	    builtin [cmd="echo a"]
	    assigns [cmd="A=1 env"]
	    reserved [cmd="if true; then true; fi"]
	}
	END
	mg -n graph.gv
	with 0
	has "$output" ', simple: seq 1 3'
	has "$output" ', words: tr -d a@%+=:,./_-'
	has "$output" ", quoted: sh -c 'seq '\\''1'\\''' quoted"
	has "$output" ", builtin: sh -c 'echo a' builtin"
	has "$output" ", assigns: sh -c 'A=1 env' assigns"
	has "$output" ", reserved: sh -c"
}

@test "language: a simple command has the arguments of its text only" {
	gives '1' ignored <<-'END'
	digraph { a [cmd="seq 1"] }
	END
}

@test "language: script= without #! is a text for sh, next to the graph" {
	mkdir sub
	printf '# a comment\necho "$0: $1, $A"\ncat <<X\nhere\nX\n' >sub/it.sh
	graph sub/graph.gv <<-'END'
	digraph { a [script="it.sh" env="A=b"] }
	END
	mg sub/graph.gv 'one arg'
	with 0 $'a: one arg, b\nhere'
	cd sub
	mg graph.gv x
	with 0 $'a: x, b\nhere'
	sed -i 's,it.sh,'"$PWD"'/it.sh,; s,env=,cwd="/" env=,' graph.gv
	cd ..
	mg sub/graph.gv y
	with 0 $'a: y, b\nhere'
}

@test "language: script= with #! is run by its interpreter, executable or not" {
	printf '#!/usr/bin/awk -f\nBEGIN { print "awk", ARGV[1], ARGV[2] }\n' >a.awk
	printf '#! /bin/sh\nhead -n 1 "$0"; echo "$*"\n' >b.sh
	mkdir dir
	gives 'awk x y' x y <<-'END'
	digraph { a [script="a.awk"] }
	END
	gives $'#! /bin/sh\nx y' x y <<-'END'
	digraph { a [script="b.sh" cwd="dir"] }
	END
}

@test "language: script= that cannot be used is refused with its line" {
	printf '#!/no/such/interpreter\n' >bad
	printf 'echo\0\n' >binary
	head -c 1100000 /dev/zero | tr '\0' '#' >long
	: >nothing
	mkdir folder
	wrong 66 '2: node `a`: script=`nowhere.sh`: No such file or directory' <<-'END'
	digraph {
	    a [script="nowhere.sh"] }
	END
	wrong 127 '2: node `a`: interpreter `/no/such/interpreter` not found' <<-'END'
	digraph {
	    a [script="bad"] }
	END
	wrong 65 '2: node `a`: script=`binary`: is no text: it holds a NUL byte' <<-'END'
	digraph {
	    a [script="binary"] }
	END
	wrong 65 '2: node `a`: script=`long`: longer than 1 MiB' <<-'END'
	digraph {
	    a [script="long"] }
	END
	wrong 65 '2: node `a` has an empty command' <<-'END'
	digraph {
	    a [script="nothing"] }
	END
	wrong 66 '2: node `a`: script=`folder`: Is a directory' <<-'END'
	digraph {
	    a [script="folder"] }
	END
	chmod 0 long
	apart "${limited[@]}" "$MG" -c - <<-'END'
	digraph { a [script="long"] }
	END
	with 77 ""
	has "$stderr" 'script=`long`: Permission denied'
}

@test "language: shell= on a node or on the graph" {
	gives $'4\n0' <<-'END'
	digraph {
	    graph [shell="bash -o pipefail -c"]
	    edge [merge=concat]
	    bash [cmd="(exit 4) | cat; echo $?"]
	    sh [cmd="(exit 4) | cat; echo $?" shell="sh -c"]
	}
	END
	gives 'awk arg' arg <<-'END'
	digraph { a [cmd="BEGIN { print \"awk\", ARGV[2] }" shell="awk"] }
	END
	fails 4 x <<-'END'
	digraph {
	    node [shell="bash -o pipefail -c"]
	    a [cmd="{ echo x; exit 4; } | cat"]
	}
	END
}

@test "language: shell= that is not there or empty is refused" {
	wrong 127 '2: node `a`: shell `nosuchshell` not found' <<-'END'
	digraph {
	    a [cmd="x | y" shell="nosuchshell -c"] }
	END
	wrong 65 '2: node `a`: shell is empty' <<-'END'
	digraph {
	    a [cmd="cat" shell=" "] }
	END
	wrong 65 '2: node `a`: shell=`sh '\''-c`: a quote '\'' is not closed' <<-'END'
	digraph {
	    a [cmd="cat" shell="sh '-c"] }
	END
}

@test "language: the first word of each command is looked up before anything starts" {
	printf 'x\n' >plain
	graph <<-'END'
	digraph {
	    early [cmd="touch started"]
	    a [cmd="nosuchcommand -x | cat"]
	    b [cmd="A=1 B=2 nosuchtoo"]
	    c [cmd="true"]
	    d [cmd="./plain"]
	    e [cmd="./nowhere"]
	    f [cmd="bin/x" cwd="sub"]
	    "qqqqzzzz -x" -> cat
	}
	END
	mg graph.gv
	refused 127 'graph.gv:3: node `a`: command `nosuchcommand` not found' \
		'graph.gv:4: node `b`: command `nosuchtoo` not found' \
		'graph.gv:6: node `d`: command `./plain` is not executable' \
		'graph.gv:7: node `e`: command `./nowhere` not found' \
		'graph.gv:8: node `f`: command `bin/x` not found in `sub`' \
		'graph.gv:9: `qqqqzzzz -x`, first named at line 9, is no command'
	[ ! -e started ]
	wrong 126 '2: node `d`: command `./plain` is not executable' <<-'END'
	digraph {
	    d [cmd="./plain"] }
	END
}

@test "language: a file of that name without permission is 126, a closed folder no matter" {
	mkdir closed open
	printf 'x\n' >open/own-command
	chmod 0 closed
	PATH=$PWD/closed:$PATH apart "${limited[@]}" "$MG" -c -e '"own-command"' </dev/null
	refused 127 '-e:1: `own-command`, first named at line 1, is no command'
	PATH=$PWD/open:$PATH mg -c -e '"own-command"'
	refused 126 '-e:1: node `own-command`: command `own-command` is not executable'
}

@test "language: what only the shell can tell is not looked up" {
	graph <<-'END'
	digraph {
	    graph [commit=all]
	    a [cmd="$NOSUCH"]
	    b [cmd="{ nosuch; }"]
	    c [cmd="if false; then nosuch; fi"]
	    d [cmd="nosuch() { true; }; nosuch"]
	    e [cmd="'no such' || true"]
	    f [cmd="nosuch" env="PATH=/nowhere"]
	    g [cmd="PATH=/nowhere nosuch"]
	    h [cmd="alias x=y"]
	    i [cmd=">out nosuch"]
	    j [cmd="(nosuch)"]
	}
	END
	mg --check graph.gv
	with 0
	[ -z "$stderr" ]
}

@test "language: a misspelt node is told, with the node that was meant" {
	wrong 127 '4: `srot`, first named at line 4, is no command; did you mean node `sort`?' <<-'END'
	digraph {
	    sort [cmd="sort -u"]
	    "seq 3" ->
	    srot -> stdout
	    sort -> "wc -l"
	}
	END
}

@test "language: a misspelt command is told, with the command that was meant" {
	wrong 127 '3: `gerp x`, first named at line 3, is no command; did you mean `grep`?' <<-'END'
	digraph {
	    a [cmd="grep y"]
	    a -> "gerp x"
	}
	END
}

@test "language: names=declared demands a statement for every node" {
	wrong 65 '4: node `sotr` has no statement of its own, and names=declared demands one; did you mean `sort`?' <<-'END'
	digraph {
	    graph [names=declared]
	    sort; cat; out [file="out"]
	    cat -> sotr -> stdout
	    sort -> out
	}
	END
	gives 2 <<-'END'
	digraph {
	    graph [names=declared]
	    seq [cmd="seq 2"] tail [cmd="tail -n 1"]
	    stdin -> seq -> tail -> stdout
	}
	END
}

@test "language: the same name is the same node, and the message says how to name two" {
	wrong 65 '2: `cat -> sort -> cat` is a cycle; if it is meant, mark the edge that closes it with back=true; for two processes of one command, name the second: `cat2 [cmd=cat]`' <<-'END'
	digraph {
	    cat -> sort -> cat -> stdout
	}
	END
	gives 'a' <<-'END'
	digraph { "echo a" -> cat -> sort -> cat2; cat2 [cmd=cat] }
	END
}

@test "language: cwd= is where the process runs" {
	mkdir -p dir/sub
	gives "$PWD/dir/sub" <<-'END'
	digraph { a [cmd="pwd" cwd="dir/${SUB:-sub}"] }
	END
	gives "/" <<-'END'
	digraph { node [cwd="/"] a [cmd="pwd -P"] }
	END
	for command in pwd ls 'cat <x'; do
		echo "digraph { a [cmd=\"$command\" cwd=\"nowhere\"] }" | graph
		mg graph.gv
		[ "$status" -ne 0 ]
		has "$stderr" 'nowhere'
		has "$stderr" 'No such file or directory'
	done
}

@test "language: env= adds variables, with the quotes of the shell" {
	gives "<1><x y><a'b><\"q\"><><\$HOME><two>" two <<-'END'
	digraph {
	    a [cmd="printf '<%s>' \"$A\" \"$B\" \"$C\" \"$D\" \"$E\" \"$F\" \"$G\""
	       env="A=1 B='x y' C=a\"'\"b D='\"q\"' E= F=\$HOME G=$1"]
	}
	END
	gives 'last inherited' <<-'END'
	digraph { a [cmd="echo $A ${BATS_TEST_NUMBER:+inherited}" env="A=first A=last"] }
	END
}

@test "language: env= that is no list of variables is refused" {
	wrong 65 '2: node `a`: env: `B` is not NAME=VALUE (a value with blanks needs quotes)' <<-'END'
	digraph {
	    a [cmd=cat env="A=x B"] }
	END
	wrong 65 '2: node `a`: env: `1A=x` is not NAME=VALUE (a value with blanks needs quotes)' <<-'END'
	digraph {
	    a [cmd=cat env="1A=x"] }
	END
	wrong 65 "2: node \`a\`: env: a quote ' is not closed" <<-'END'
	digraph {
	    a [cmd=cat env="A='x"] }
	END
}

@test "language: ok= lists the statuses that mean success" {
	gives '' <<-'END'
	digraph { a [cmd="exit 1" ok="0 1"] b [cmd="exit 7" ok="7"] c [cmd="exit 3" ok="0,3"] out [file="out"] a -> out }
	END
	[ -e out ]
	fails 2 '' <<-'END'
	digraph { a [cmd="exit 2" ok="0 1"] }
	END
	graph <<-'END'
	digraph { a [cmd="true" ok="1"] }
	END
	mg graph.gv
	[ "$status" -ne 0 ]
	has "$stderr" 'a: exit 0 after'
	node 'ok="0 256"' | wrong 65 '3: ok=`0 256`: statuses from 0 to 255, such as "0 1" is wanted'
	node 'ok="fine"' | wrong 65 '3: ok=`fine`: statuses from 0 to 255, such as "0 1" is wanted'
}

@test "language: epipe=ok excuses any status when the readers had gone" {
	graph <<-'END'
	digraph {
	    many [cmd="trap '' PIPE; seq 1000000 2>/dev/null" EPIPE]
	    many -> "head -n 1"
	}
	END
	sed 's/EPIPE/epipe=ok/' graph.gv >with.gv
	mg with.gv
	with 0 1
	sed 's/EPIPE//' graph.gv >without.gv
	mg without.gv
	[ "$status" -eq 1 ] || [ "$status" -eq 2 ]
	fails 5 '' <<-'END'
	digraph {
	    a [cmd="echo $$; exit 5" epipe=ok]
	    b [cmd="read p; while kill -0 $p 2>/dev/null; do :; done"]
	    a -> b
	}
	END
}

@test "language: epipe=ok excuses nothing when the reader came to its own end" {
	local i
	for i in 1 2 3 4 5 6 7 8 9 10; do
		fails 5 '' <<-'END'
		digraph { a [cmd="exit 5" epipe=ok] out [file="out"] a -> cat -> out }
		END
		[ ! -e out ]
	done
}

@test "language: timeout= ends the process and its descendants, with 124" {
	fails 124 '' 0.2 <<-'END'
	digraph {
	    slow [cmd="sleep 1000 & echo $! >pid; wait" timeout="$1"]
	    slow -> "wc -l" -> out
	    out [file="out"]
	}
	END
	[[ $stderr =~ ^mkfifo-graph:\ slow:\ timed\ out\ after\ [0-9.]+\ s\ \(line\ 2\)\;\ out\ not\ written$ ]]
	[ ! -e out ]
	await gone "$(cat pid)"
	node 'timeout="soon"' | wrong 65 '3: node `a`: timeout=`soon` is no duration such as 1.5, 500ms, 2m or 1h'
}

gone()
{
	! kill -0 "$1" 2>/dev/null
}

@test "language: nice= is added to the niceness" {
	gives "$(($(nice) + 3))" <<-'END'
	digraph { a [cmd="nice" nice=3] }
	END
	node 'nice=20' | wrong 65 '3: nice=`20`: a whole number from -20 to 19 is wanted'
	node 'nice=low' | wrong 65 '3: nice=`low`: a whole number from -20 to 19 is wanted'
}

@test "language: buffer=line lets a program answer line by line" {
	gives $'heard one\nheard two' <<-'END'
	digraph {
	    talk [cmd="for w in one two; do echo $w; read r; echo $r >&3; done"]
	    echo [cmd="sed 's/^/heard /'" buffer=line]
	    same [cmd="sed s/x/x/" buffer=line]
	    talk -> echo -> same
	    same -> talk [back=true]
	    talk:3 -> stdout
	}
	END
}

@test "language: attributes of processes may be defaults, and undone" {
	export N
	N=$(nice)
	gives $'1 3\n- 0' <<-'END'
	digraph {
	    edge [merge=concat]
	    node [env="A=1" nice=3]
	    a [cmd="echo ${A:--} $(($(nice) - N))"]
	    b [cmd="echo ${A:--} $(($(nice) - N))" env="" nice=0]
	}
	END
}

# --- files

@test "language: a file is read as the descriptor of its reader" {
	printf 'data\n' >data
	gives "$PWD/data" <<-'END'
	digraph { in [file="data"] in -> "readlink /proc/self/fd/0" }
	END
	gives $'data\ndata' <<-'END'
	digraph { in [file="data"] edge [merge=concat] in -> {cat "cat -u"} }
	END
	gives 'data 0' <<-'END'
	digraph { in [file="data"] a [cmd="echo $(cat $x) $(wc -c)"] in -> a:x }
	END
}

@test "language: a file is written by a process as its own descriptor" {
	fails 0 '' <<-'END'
	digraph { out [file="out"] a [cmd="stat -L -c %F /proc/self/fd/1 >&2; echo x"] a -> out }
	END
	same 'regular empty file' "$stderr"
	same x "$(cat out)"
}

@test "language: a written file appears when everything that feeds it has succeeded" {
	mkfifo look
	graph <<-'END'
	digraph {
	    a [cmd="echo new; ls out* >seen; cat look"]
	    out [file="out"]
	    a -> cat -> out
	}
	END
	timeout -s KILL 30 "$MG" graph.gv </dev/null 3>&- &
	local pid=$!
	await test -e seen
	[ ! -e out ]
	echo more >look
	wait $pid
	same $'new\nmore' "$(cat out)"
	same '' "$(cat seen)"
	same '' "$(find . -name '.ipcflow*')"
}

@test "language: nothing that a failed node feeds, however indirectly, is committed" {
	echo old >far
	fails 5 '' <<-'END'
	digraph {
	    bad [cmd="echo x; exit 5"]
	    far [file="far"] near [file="near"] other [file="other"] log [file="log"]
	    bad -> cat -> sort -> far
	    bad:3 -> near
	    "echo fine" -> other
	    sort:err -> log
	}
	END
	has "$stderr" 'mkfifo-graph: bad: exit 5 after'
	has "$stderr" '; near, far, log not written'
	same old "$(cat far)"
	same fine "$(cat other)"
	[ ! -e near ]
	[ ! -e log ]
}

@test "language: commit=all renames nothing until everything has succeeded" {
	graph <<-'END'
	digraph {
	    graph [commit=all]
	    one [file="one"] two [file="two"]
	    "echo 1" -> one
	    b [cmd="echo 2; exit $1"]
	    b -> two
	}
	END
	mg graph.gv 3
	with 3 ""
	has "$stderr" 'one, two not written'
	[ ! -e one ]
	[ ! -e two ]
	mg graph.gv 0
	with 0 ""
	same $'1\n2' "$(cat one two)"
}

@test "language: a committed file keeps its mode, a new one follows the umask" {
	echo old >kept
	chmod 2751 kept
	graph <<-'END'
	digraph { kept [file="kept"] new [file="new"] "echo x" -> kept "echo y" -> new }
	END
	umask 027
	mg graph.gv
	with 0 ""
	same x "$(cat kept)"
	[ "$(stat -c %a kept)" = 2751 ]
	[ "$(stat -c %a new)" = 640 ]
}

@test "language: a committed file keeps its owner" {
	[ "$(id -u)" -eq 0 ] || skip 'only root may give a file away'
	echo old >kept
	chown 65534:65533 kept
	gives '' <<-'END'
	digraph { kept [file="kept"] "echo x" -> kept }
	END
	same x "$(cat kept)"
	[ "$(stat -c %u:%g kept)" = 65534:65533 ]
}

@test "language: symbolic links are followed to the file" {
	mkdir dir
	echo old >dir/real
	ln -s real dir/second
	ln -s dir/second link
	ln -s "$PWD/dir/not yet" fresh
	gives '' <<-'END'
	digraph { a [file="link"] b [file="fresh"] "echo x" -> a "echo y" -> b }
	END
	[ -L link ]
	[ -L fresh ]
	[ -L dir/second ]
	same $'x\ny' "$(cat dir/real 'dir/not yet')"
	same $'not yet\nreal\nsecond' "$(ls -A dir)"
	ln -s loop loop
	fails 73 '' <<-'END'
	digraph { a [file="loop"] "echo x" -> a }
	END
	has "$stderr" 'loop'
}

@test "language: a hard link is left behind with the old content" {
	echo old >file
	ln file other
	gives '' <<-'END'
	digraph { a [file="file"] "echo x" -> a }
	END
	same $'x\nold' "$(cat file other)"
}

@test "language: append=true adds in one go, and only on success" {
	gives '' one 0 <<-'END'
	digraph {
	    log [file="log" append=true]
	    a [cmd="echo $1; exit $2"]
	    a -> log
	}
	END
	mg graph.gv two 0
	with 0 ""
	mg graph.gv three 7
	with 7 ""
	has "$stderr" 'log not written'
	same $'one\ntwo' "$(cat log)"
	mg graph.gv four 0
	same $'one\ntwo\nfour' "$(cat log)"
}

@test "language: at=file: and file+: are file= with and without append" {
	gives '' x <<-'END'
	digraph { a [at="file:$1.txt"] b [at="file+:b.txt"] "seq 2" -> {a b} }
	END
	mg graph.gv x
	with 0 ""
	same $'1\n2' "$(cat x.txt)"
	same "$(seq 2; seq 2)" "$(cat b.txt)"
}

@test "language: commit=no writes in place, at once" {
	mkfifo look
	ln -s . here
	echo old >live
	local inode
	inode=$(stat -c %i live)
	graph <<-'END'
	digraph {
	    a [cmd="echo first; cat look; exit 8"]
	    out [file="live" commit=no]
	    a -> out
	}
	END
	timeout -s KILL 30 "$MG" graph.gv </dev/null 2>said 3>&- &
	local pid=$! ended=0
	await grep -q first live
	echo second >look
	wait $pid || ended=$?
	[ $ended -eq 8 ]
	same $'first\nsecond' "$(cat live)"
	[ "$(stat -c %i live)" = "$inode" ]
	! grep 'not written' said
	gives '' <<-'END'
	digraph { out [file="live" commit=no append=true] "echo third" -> out }
	END
	same $'first\nsecond\nthird' "$(cat live)"
}

@test "language: a folder that takes no new file, and commit=no as the way out" {
	mkdir closed
	echo old >closed/file
	chmod 555 closed
	graph <<-'END'
	digraph {
	    out [file="closed/file"]
	    "echo new" -> out }
	END
	apart "${limited[@]}" "$MG" graph.gv </dev/null
	refused 77 'cannot create file `closed/file` (line 2): Permission denied (its folder takes no new file; commit=no writes in place)'
	same old "$(cat closed/file)"
	sed -i 's/"]/" commit=no]/' graph.gv
	apart "${limited[@]}" "$MG" graph.gv </dev/null
	with 0 ""
	same new "$(cat closed/file)"
	chmod 755 closed
}

@test "language: devices are opened and written directly" {
	gives 'kept' <<-'END'
	digraph {
	    null [file="/dev/null"] zero [file="/dev/zero"]
	    zero -> "head -c 9" -> null
	    a [cmd="echo kept"]
	}
	END
	[ -c /dev/null ]
	graph <<-'END'
	digraph { a [file="/dev/null"] b [file="/dev/null"] a -> cat -> b; null [file="/dev/null"]; "echo x" -> null }
	END
	mg graph.gv
	with 0 ""
}

@test "language: FIFOs are opened and written directly" {
	mkfifo in out
	graph <<-'END'
	digraph { i [file="in"] o [file="out"] i -> "tr a-z A-Z" -> o }
	END
	timeout -s KILL 30 "$MG" graph.gv </dev/null 3>&- &
	local pid=$!
	echo hello >in &
	same HELLO "$(timeout 30 cat out)"
	wait $pid
	[ -p in ]
	[ -p out ]
}

@test "language: a folder is no file" {
	mkdir dir
	fails 73 '' <<-'END'
	digraph { d [file="dir"] cat -> d }
	END
	has "$stderr" 'cannot write file `dir` (line 1): Is a directory'
	fails 66 '' <<-'END'
	digraph { d [file="dir"] d -> cat }
	END
	has "$stderr" 'cannot read file `dir` (line 1): Is a directory'
}

@test "language: a file cannot be both read and written" {
	wrong 65 '3: node `b`: file `x` is both read (line 4) and written (line 4)' <<-'END'
	digraph {
	    a [file="x"]
	    b [file="x"]
	    a -> cat -> b
	}
	END
	wrong 65 '2: node `a`: file `x` is both read (line 3) and written (line 3)' <<-'END'
	digraph {
	    a [file="x"]
	    a -> cat -> a
	}
	END
}

@test "language: two nodes cannot write one path" {
	wrong 65 '3: node `b`: file `x` is written by node `a` (line 2) too; write both to one node' <<-'END'
	digraph {
	    a [file="x"]
	    b [file="x"]
	    cat -> a
	    sort -> b
	}
	END
}

@test "language: only a process moves bytes" {
	wrong 65 '3: `a -> b`: only a process moves bytes; put one between, as in `a -> cat -> b`' \
		'4: `stdin -> stdout`: only a process moves bytes; put one between, as in `stdin -> cat -> stdout`' <<-'END'
	digraph {
	    a [file="x"] b [file="y"]
	    a -> b
	    stdin -> stdout
	}
	END
}

@test "language: objects have one direction and no ports" {
	wrong 65 '3: `stdout -> cat`: `stdout` can only be written' \
		'4: `sort -> stdin`: `stdin` can only be read' \
		'5: `f:3 -> wc`: `f` is no process and has no ports' \
		'6: `tac -> g:x`: `g` is no process and has no ports' <<-'END'
	digraph {
	    f [file=f] g [file=g]
	    stdout -> cat
	    sort -> stdin
	    f:3 -> wc
	    tac -> g:x
	}
	END
}

# --- stdin, stdout, stderr

@test "language: descriptor 0 without an edge is /dev/null" {
	graph <<-'END'
	digraph { "readlink /proc/self/fd/0" "cat" }
	END
	apart "$MG" graph.gv < <(echo unread)
	with 0 /dev/null
	has "$stderr" 'warning: standard input is not read'
}

@test "language: stdin is for each of its readers whole, from pipe and file" {
	graph <<-'END'
	digraph { edge [merge=concat] stdin -> {"wc -l" "tail -n 1" "head -n 1"} -> stdout }
	END
	seq 70000 >data
	apart "$MG" graph.gv <data
	with 0 $'70000\n70000\n1'
	apart "$MG" graph.gv < <(cat data)
	with 0 $'70000\n70000\n1'
	apart "$MG" graph.gv </dev/null
	with 0 0
}

@test "language: a single reader of stdin and writer of stdout have the very same" {
	graph <<-'END'
	digraph { a [cmd="readlink /proc/self/fd/0 /proc/self/fd/1"] stdin -> a }
	END
	: >in
	timeout 30 "$MG" graph.gv <in >out
	same "$PWD/in"$'\n'"$PWD/out" "$(cat out)"
}

@test "language: what has no edge goes to stdout, behind the written edges, in file order" {
	gives $'written\nfirst\nsecond\nthird' <<-'END'
	digraph {
	    edge [merge=concat]
	    first [cmd="echo first"]
	    second [cmd="echo second"]
	    "echo third"
	    "echo written" -> stdout
	}
	END
}

@test "language: stderr is a node too" {
	fails 0 'out' <<-'END'
	digraph { "echo err" -> stderr "echo out" }
	END
	same err "$stderr"
	fails 0 'swapped' <<-'END'
	digraph { a [cmd="echo swapped >&2; echo out"] a:err -> stdout a -> stderr }
	END
	same out "$stderr"
}

@test "language: descriptor 2 is inherited" {
	fails 0 '' <<-'END'
	digraph { a [cmd="echo complaint >&2"] }
	END
	same complaint "$stderr"
}

@test "language: err= sends standard error to a file, a process or stdout" {
	gives $'two: x\none: x' <<-'END'
	digraph {
	    node [err=log]
	    edge [merge=concat]
	    a [cmd="echo file >&2"]
	    b [cmd="echo x >&2" err=one]
	    c [cmd="echo two: x >&2" err=stdout]
	    one [cmd="sed 's/^/one: /'" err=""]
	    log [file="log"]
	}
	END
	same file "$(cat log)"
	gives $'a\nb' <<-'END'
	digraph {
	    node [err=sorted]
	    "echo b >&2" "echo a >&2"
	    sorted [cmd="sort"]
	}
	END
}

@test "language: err= of no node, or beside an edge, is refused" {
	wrong 65 '2: node `a`: err: there is no node `lgo`; did you mean `log`?' <<-'END'
	digraph {
	    a [cmd=cat err=lgo]
	    log [file="log"]
	    sort -> log
	}
	END
	wrong 65 '3: `a:2 -> sort`: descriptor 2 of `a` has err=`stdout` too (line 2); use one of them (err="" undoes a default)' <<-'END'
	digraph {
	    a [cmd=cat err=stdout]
	    a:2 -> sort
	}
	END
}

# --- ports

@test "language: a:2 -> b:3 joins these descriptors" {
	gives 'error 3 4' <<-'END'
	digraph {
	    a [cmd="echo error >&2; echo 4 >&7"]
	    b [cmd="read x <&3; read y <&4; echo $x 3 $y"]
	    a:2 -> b:3
	    a:7 -> b:4
	}
	END
}

@test "language: in, out and err are 0, 1 and 2" {
	gives 'OE' <<-'END'
	digraph {
	    a [cmd="printf O; printf E >&2"]
	    edge [merge=concat]
	    a:out -> cat:in
	    a:err -> cat:in
	}
	END
}

@test "language: a descriptor beyond 9 reaches the command" {
	gives 'hello' <<-'END'
	digraph { a [cmd="cat </dev/fd/57"] "echo hello" -> a:57 }
	END
}

@test "language: a process has its planned descriptors and no other" {
	gives '0 1 2 3 9' <<-'END'
	digraph {
	    list [cmd="bash -c 'cd /proc/$$/fd; for f in *; do [ -e $f ] && echo $f; done' | sort -n | paste -sd ' '"]
	    "true" -> list:9
	    list:3 -> "cat"
	    "true " -> list
	}
	END
}

@test "language: 0 is an input, 1 and 2 are outputs" {
	wrong 65 '2: `cat:0 -> sort`: descriptor 0 of `cat` is its input' \
		'3: `tac -> wc:1`: descriptor 1 of `wc` is an output' \
		'4: `tr -> tee:2`: descriptor 2 of `tee` is an output' <<-'END'
	digraph {
	    cat:in -> sort
	    tac -> wc:out
	    tr -> tee:err
	}
	END
}

@test "language: a port is not an output and an input" {
	wrong 65 '3: port `a:3` is an output (`a:3 -> cat`, line 2) and an input (`sort -> a:3`); give them different numbers' \
		'5: port `a:x` is an output (`a:x -> cat`, line 4) and an input (`sort -> a:x`); give them different names' <<-'END'
	digraph { a [cmd=tac]
	    a:3 -> cat
	    sort -> a:3
	    a:x -> cat
	    sort -> a:x
	}
	END
}

@test "language: a named port is a variable with a path to open" {
	gives $'ant\tx\nbee\tx' <<-'END'
	digraph {
	    join [cmd="paste $left \"$_r2\""]
	    "printf '%s\n' ant bee" -> join:left
	    "printf '%s\n' x x" -> join:_r2
	}
	END
	gives '/dev/fd/N' <<-'END'
	digraph { a [cmd="echo $p | tr 0-9 N | tr -s N"] "true" -> a:p }
	END
	gives $'odd 1 3\neven 2' <<-'END'
	digraph {
	    deal [cmd="awk -v o=$o -v e=$e '{ print > ($1 % 2 ? o : e) }'"]
	    odd [cmd="echo odd $(cat)"] even [cmd="echo even $(cat)"]
	    edge [merge=concat]
	    "seq 3" -> deal
	    deal:o -> odd
	    deal:e -> even
	}
	END
}

@test "language: compass points are ordinary names" {
	gives $'south\nnorth' <<-'END'
	digraph { a [cmd="cat $n; echo south >$s"] "echo north" -> a:n a:s -> stdout [merge=concat] }
	END
}

@test "language: an end has one port" {
	wrong 65 '2: port `b:e:w`: an end has one port, not two' <<-'END'
	digraph { b [cmd=cat]
	    sort -> b:e:w
	}
	END
}

@test "language: capitals, odd names and taken names are refused as ports" {
	wrong 65 '2: port `cat:HOME`: a name with capitals could be a variable that programs know; use small letters' \
		'3: port `cat:a-b`: a port is a descriptor or a name of small letters, digits and _' \
		'4: port `cat:99999999`: there is no such descriptor' <<-'END'
	digraph {
	    sort -> cat:HOME
	    sort -> cat:"a-b"
	    sort -> cat:99999999
	}
	END
	wrong 65 '3: port `cat:left`: env= sets a variable of that name' <<-'END'
	digraph {
	    cat [env="left=1"]
	    sort -> cat:left
	}
	END
	mg --check -D left=1 -e 'sort -> cat:left'
	refused 65 '-e:1: port `cat:left`: -D sets a variable of that name'
}

@test "language: a port without an arrow is refused" {
	wrong 65 '2: a port without an arrow; in braces Graphviz drops ports: write each arrow by itself' <<-'END'
	digraph {
	    {cat:3} -> sort
	}
	END
}

@test "language: via=fifo gives the path of a FIFO, ending at close" {
	gives $'question\nanswered' <<-'END'
	digraph {
	    ask [cmd="echo question >$q; cat"]
	    reply [cmd="cat; echo answered"]
	    ask:q -> reply [via=fifo]
	    reply -> ask [back=true]
	}
	END
	gives 'p' <<-'END'
	digraph { a [cmd="stat -c %A $x | cut -c 1; cat $x"] "true" -> a:x [via=fifo] }
	END
}

@test "language: via=fifo ends when the command never opens its path" {
	gives 'unopened' <<-'END'
	digraph {
	    a [cmd="echo unopened"] b [cmd="cat $y"]
	    "true" -> a:x [via=fifo]
	    "true " -> b:y [via=fifo]
	}
	END
	gives '' <<-'END'
	digraph { a [cmd="true"] a:x -> "cat" [via=fifo] }
	END
}

@test "language: via=fifo reaches a command that closes its descriptors" {
	gives 'through' <<-'END'
	digraph {
	    a [cmd="exec 3<&- 4<&- 5<&- 6<&- 7<&- 8<&- 9<&-; cat $x"]
	    "echo through" -> a:x [via=fifo]
	}
	END
}

# --- several edges

@test "language: split=copy gives all of the stream to each reader" {
	gives $'60000\n60000\n60000' <<-'END'
	digraph {
	    edge [merge=concat split=copy]
	    "seq 60000" -> {"wc -l" "tail -n 1" sum}
	    sum [cmd="sort -n | tail -n 1"]
	}
	END
}

@test "language: a reader that goes is dropped, the writer ends when all have gone" {
	gives $'1\n400000' <<-'END'
	digraph { edge [merge=concat] "seq 400000" -> {"head -n 1" "wc -l"} }
	END
	gives $'y\ny\ny' <<-'END'
	digraph { edge [merge=concat] yes -> {"head -n 1" "head -n 2"} }
	END
}

@test "language: merge=any passes on whole lines" {
	for i in 1 2 3 4; do
		echo "w$i [cmd=\"yes $i$i$i$i$i$i$i | head -n 20000\"] w$i -> all"
	done | { echo 'digraph { all [cmd="sort | uniq -c"]'; cat; echo '}'; } | graph
	mg graph.gv
	with 0
	same '20000 1111111
20000 2222222
20000 3333333
20000 4444444' "${output// /}" || same "$(for i in 1 2 3 4; do echo 20000$i$i$i$i$i$i$i; done)" "${output// /}"
}

@test "language: merge=any gives an unterminated last line its newline unless it is last" {
	gives $'1 a\n1 b' <<-'END'
	digraph { "printf a" -> count "printf b" -> count count [cmd="sort | uniq -c | sed 's/^ *//'"] }
	END
	graph <<-'END'
	digraph { "printf a" -> stdout "true" -> stdout }
	END
	timeout 30 "$MG" graph.gv </dev/null >out
	printf a | cmp - out
	graph <<-'END'
	digraph { edge [record=nul] "printf a" -> cat "printf b" -> cat }
	END
	timeout 30 "$MG" graph.gv </dev/null >out
	[ "$(stat -c %s out)" -eq 3 ]
	[ "$(tr -cd '\0' <out | wc -c)" -eq 1 ]
}

@test "language: a record beyond 1 MiB holds the output until it has ended" {
	head -c 3000000 /dev/zero | tr '\0' x >long
	echo >>long
	seq 100000 | sed 's/$/ short line/' >short
	gives '100001 100001' <<-'END'
	digraph {
	    a [file="long"] b [file="short"]
	    a -> cat -> count b -> "cat -u" -> count
	    count [cmd="tee all | grep -cE '^x+$|^[0-9]+ short line$' | tr '\n' ' '; wc -l <all"]
	}
	END
}

# records KIND WRITER... : prints all that a merge by these records gives.
records()
{
	printf 'digraph {\n'
	printf '\ta [cmd="%s"] b [cmd="%s"] out [file="out"]\n' "$2" "$3"
	printf '\t{a b} -> out [record="%s"]\n}\n' "$1"
}

@test "language: record=line:N keeps N lines together" {
	records line:2 "yes 'n\nv' | head -n 4000" "yes 'N\nV' | head -n 4000" | graph
	# sh's echo aside, yes prints backslashes as they are
	sed -i "s/yes 'n.nv'/printf 'n\\\\nv\\\\n%.0s' \$(seq 4000)/; s/yes 'N.nV'/printf 'N\\\\nV\\\\n%.0s' \$(seq 4000)/; s/ | head -n 4000//g" graph.gv
	mg graph.gv
	with 0 ""
	same $'   4000 N V\n   4000 n v' "$(paste -d ' ' - - <out | sort | uniq -c | sed 's/^ */   /')"
}

@test "language: record=start:STRING keeps what is between two starts together" {
	records 'start:>' "for i in \$(seq 2000); do printf '>a\\\\nx\\\\ny\\\\n'; done" \
		"for i in \$(seq 2000); do printf '>b\\\\nz\\\\n'; done" | sed 's/\\\\n/\\n/g' | graph
	mg graph.gv
	with 0 ""
	same $'2000 a x y\n2000 b z' "$(tr '\n' ' ' <out | tr '>' '\n' | sed '/^$/d; s/ $//' | sort | uniq -c | sed 's/^ *//')"
}

@test "language: record=nul keeps what ends with a NUL byte together" {
	records nul "for i in \$(seq 2000); do printf 'a\\nb\\0'; done" \
		"for i in \$(seq 2000); do printf 'c\\nd\\0'; done" | graph
	mg graph.gv
	with 0 ""
	same $'2000 a b\n2000 c d' "$(tr '\n\0' ' \n' <out | sort | uniq -c | sed 's/^ *//')"
}

@test "language: record=len32 keeps four bytes of length and what they count together" {
	records len32 "for i in \$(seq 2000); do printf '\\0\\0\\0\\3a\\nb'; done" \
		"for i in \$(seq 2000); do printf '\\0\\0\\0\\2c\\n'; done" | graph
	mg graph.gv
	with 0 ""
	same $'   3 a b\n   2 c' "$(LC_ALL=C sed -z 's/\n/ /g' <out | tr -d '\0' |
		sed 's/\x03/\n3 /g; s/\x02/\n2 /g' | sed '/^$/d; s/ $//' | sort -ru | sed 's/^/   /')"
	[ "$(stat -c %s out)" -eq $((2000 * 7 + 2000 * 6)) ]
}

@test "language: record=len32 that ends within a record fails the run" {
	records len32 "printf '\\0\\0\\0\\11abc'" "true" | graph
	mg graph.gv
	[ "$status" -ne 0 ]
	has "$stderr" 'ended inside a record'
	[ ! -e out ]
}

@test "language: record=bytes:N keeps N bytes together" {
	records bytes:3 "for i in \$(seq 3000); do printf abc; done" \
		"for i in \$(seq 3000); do printf 'd\\0f'; done" | graph
	mg graph.gv
	with 0 ""
	same $'3000 abc\n3000 d0f' "$(tr '\0' 0 <out | fold -w 3 | sort | uniq -c | sed 's/^ *//')"
}

@test "language: record= that is no kind is refused" {
	local record
	for record in lines line:0 line:x start: nul:1 bytes:0 bytes len64 'line:-1'; do
		edge "record=\"$record\"" | wrong 65 "3: record=\`$record\`: line, line:N, start:STRING, nul, len32 or bytes:N is wanted"
	done
}

@test "language: merge=concat is one stream after the other, exact to the byte" {
	graph <<-'END'
	digraph { edge [merge=concat] "printf 'a\0'" -> cat "printf b" -> cat "printf 'c\n'" -> cat }
	END
	timeout 30 "$MG" graph.gv </dev/null >out
	printf 'a\0bc\n' | cmp - out
	gives '' <<-'END'
	digraph { "printf 'a '" -> out "printf b" -> out out [file=out merge=concat] }
	END
	same 'a b' "$(cat out)"
}

@test "language: concat reads a later stream although it is full" {
	gives '400002' <<-'END'
	digraph {
	    slow [cmd="seq 400001 | tail -n 1"]
	    "seq 400001" -> all slow -> all [merge=concat nth=0]
	    all [cmd="wc -l"]
	}
	END
}

@test "language: the order of inputs is that of the edges in the file" {
	gives $'c\na\nb' <<-'END'
	digraph {
	    edge [merge=concat]
	    c [cmd="echo c"] a [cmd="echo a"] b [cmd="echo b"]
	    c -> cat
	    a -> cat -> stdout
	    b -> cat
	}
	END
}

@test "language: nth= overrides the order, those without come last" {
	gives $'z\ny\nx\nw' <<-'END'
	digraph {
	    edge [merge=concat]
	    "echo x" -> stdout
	    "echo y" -> stdout [nth=12]
	    "echo z" -> stdout [nth=2]
	    "echo w" -> stdout
	}
	END
	wrong 65 '3: nth=1 is written on two edges into `tac` (lines 2 and 3)' <<-'END'
	digraph {
	    cat -> tac [nth=1]
	    sort -> tac [nth=1]
	}
	END
	edge 'nth=first' | wrong 65 '3: nth=`first`: a whole number such as 1 is wanted'
}

@test "language: braces that Graphviz takes in another order are warned about" {
	warned '3: the members of these braces were named before in another order, and that order counts for merge=concat into `tac`; nth= would say which' <<-'END'
	digraph {
	    sort; cat
	    {cat sort} -> tac [merge=concat]
	}
	END
	graph <<-'END'
	digraph {
	    cat; sort
	    {cat sort} -> tac [merge=concat]
	}
	END
	mg --check graph.gv
	with 0 ""
	[ -z "$stderr" ]
}

@test "language: a policy may stand on the file or on stdout" {
	gives $'a\nb\nc' <<-'END'
	digraph {
	    stdout [merge=concat]
	    "echo a" "echo b" "echo c"
	}
	END
}

@test "language: two policies on one port are refused" {
	wrong 65 '3: two policies on one port: the edges into `tac` at lines 2 and 3 differ in merge' <<-'END'
	digraph {
	    cat -> tac [merge=concat]
	    sort -> tac [merge=any]
	}
	END
	wrong 65 '3: two policies on one port: the edges into `tac:3` at lines 2 and 3 differ in record' <<-'END'
	digraph {
	    cat -> tac:3 [record=nul]
	    sort -> tac:3 [record="line:2"]
	}
	END
	wrong 65 '3: two policies on one port: merge= of `cat -> out` and of node `out` (line 2) differ' <<-'END'
	digraph {
	    out [file="out" merge=any]
	    cat -> out [merge=concat]
	}
	END
	wrong 65 '3: two policies on one port: the edges into `tac:x` at lines 2 and 3 differ in via' <<-'END'
	digraph {
	    cat -> tac:x [via=fifo]
	    sort -> tac:x
	}
	END
}

@test "language: a policy on a port with one edge is harmless" {
	gives '3' <<-'END'
	digraph { "seq 3" -> "tail -n 1" -> stdout [merge=concat split=copy record=nul nth=4 spill="1M"] }
	END
}

# --- cycles and the end of a stream

@test "language: back=true closes a cycle" {
	gives $'9\n16' <<-'END'
	digraph {
	    ask [cmd="for n in 3 4; do echo $n; read s; echo $s >&3; done"]
	    square [cmd="while read n; do echo $((n * n)); done"]
	    ask -> square
	    square -> ask [back=true]
	    ask:3 -> stdout
	}
	END
}

@test "language: a process may be its own partner" {
	gives 'echo' <<-'END'
	digraph { a [cmd="echo echo; read x; echo $x >&3"] a -> a [back=true] a:3 -> stdout }
	END
}

@test "language: a cycle without a mark is refused and named" {
	wrong 65 '4: `x -> y -> z -> x` is a cycle; if it is meant, mark the edge that closes it with back=true' <<-'END'
	digraph { node [cmd=cat]
	    x -> y
	    y -> z
	    z -> x
	}
	END
	wrong 65 '2: `x -> x` is a cycle; if it is meant, mark the edge that closes it with back=true' <<-'END'
	digraph { node [cmd=cat]
	    x -> x
	}
	END
}

@test "language: a mark that closes no cycle is refused" {
	wrong 65 '2: `cat -> sort` is marked back=true and closes no cycle' <<-'END'
	digraph {
	    cat -> sort [back=true]
	}
	END
}

@test "language: eof=exit keeps a false end of file from the reader" {
	fails 6 '' <<-'END'
	digraph {
	    amounts [cmd="echo 10; exit 6"]
	    sum [cmd="awk '{ s += $1 } END { print s; print s >\"total\" }'"]
	    amounts -> cat -> sum [eof=exit]
	}
	END
	[ ! -e total ]
	same 'amounts: exit 6' "$(sed -E 's/^mkfifo-graph: (amounts: exit 6) .*/\1/' <<<"$stderr")"
	fails 6 '10' <<-'END'
	digraph {
	    amounts [cmd="echo 10; exit 6"]
	    sum [cmd="awk '{ s += $1 } END { print s }'"]
	    amounts -> cat -> sum
	}
	END
}

@test "language: eof=exit on the graph covers every edge, and success is success" {
	gives '60' <<-'END'
	digraph {
	    graph [eof=exit]
	    amounts [cmd="echo 10; echo 20"]
	    sum [cmd="awk '{ s += $1 } END { print s }'"]
	    amounts -> {cat sort} -> sum [merge=concat]
	}
	END
}

@test "language: eof=exit ends what the reader has started, and what ignores TERM" {
	fails 6 '' <<-'END'
	digraph {
	    a [cmd="exit 6"]
	    b [cmd="trap '' TERM; exec 3<&0; (cat <&3; echo end >seen) & cat; echo end >seen; wait"]
	    a -> b [eof=exit]
	}
	END
	[ ! -e seen ]
}

@test "language: eof=exit is refused in a cycle and with via=fifo" {
	wrong 65 '2: `a -> b`: eof=exit cannot be kept in a cycle, where each would wait for the other' <<-'END'
	digraph { node [cmd=cat]
	    a -> b [eof=exit]
	    b -> a [back=true]
	}
	END
	wrong 65 '2: `cat -> tac:x`: eof=exit cannot be kept with via=fifo, whose end of file nobody can hold back' <<-'END'
	digraph {
	    cat -> tac:x [eof=exit via=fifo]
	}
	END
}

@test "language: what another port of a writer that SIGPIPE ended wrote is not committed" {
	fails 0 '1' <<-'END'
	digraph {
	    a [cmd="echo half >&3; seq 1000000"]
	    side [file="side"]
	    a -> "head -n 1"
	    a:3 -> side
	}
	END
	[ ! -e side ]
}

# --- sizes

@test "language: capacity= is what the pipe holds" {
	graph <<-'END'
	digraph {
	    "cat" -> sort [capacity="1M"]
	    tac -> wc [capacity=4096]
	    tr -> tee
	    x [cmd=cat] y [cmd=cat]
	    x -> y
	    y -> x [back=true]
	}
	END
	mg -n graph.gv
	with 0
	grep -qE '^pipe [0-9]+, cat:out -> sort:in, 1 MiB$' <<<"$output"
	grep -qE '^pipe [0-9]+, tac:out -> wc:in, 4 KiB$' <<<"$output"
	grep -qE '^pipe [0-9]+, tr:out -> tee:in, 256 KiB$' <<<"$output"
	grep -qE '^pipe [0-9]+, y:out -> x:in$' <<<"$output"
	edge 'capacity=big' | wrong 65 '3: capacity=`big`: a size such as 64K or 1M is wanted'
	edge 'capacity=0' | wrong 65 '3: capacity=`0`: a size such as 64K or 1M is wanted'
	edge 'spill=much' | wrong 65 '3: spill=`much`: a size such as 512M or 4G is wanted'
}

@test "language: branches that meet again do not hang" {
	gives '300001' <<-'END'
	digraph {
	    sum [cmd="awk '{ s += $1 } END { print s }'"]
	    "seq 300000" -> {sum cat} -> "wc -l" [merge=concat]
	}
	END
}

@test "language: spill= is the most a branch may hold" {
	fails 125 '' <<-'END'
	digraph {
	    sum [cmd="awk '{ s += $1 } END { print s }'"]
	    out [file="out"]
	    "seq 600000" -> {sum cat} -> "wc -l" [merge=concat spill="64K"]
	    "wc -l" -> out
	}
	END
	has "$stderr" 'spill='
	[ ! -e out ]
}

# --- arguments and values

@test "language: \$1, \${NAME} and \${NAME:-default} expand in file, at, cwd, env, timeout" {
	mkdir 'a dir'
	echo content >'a dir/in.txt'
	unset UNSET
	EMPTY='' NAME=in gives '<content><v a dir><$1><empty><$1 $x ${>' 'a dir' 60 <<-'END'
	digraph {
	    in [at="file:$1/${NAME}.txt"]
	    a [cmd="printf '<%s>' \"$(cat)\" \"$V\" \"$Q\" \"$E\" '$1 $x ${'" cwd="$1" timeout="$2"
	       env="V=\"v $1\" Q='$1' E=${EMPTY:-${UNSET:-empty}}"]
	    in -> a
	}
	END
	NAME=out mg -D NAME=defined -e 'f [file="${NAME}$1${10}"] "echo x" -> f' 1 2 3 4 5 6 7 8 9 ten
	with 0
	same x "$(cat defined1ten)"
}

@test "language: what is not set is 65 with a way out" {
	unset UNSET
	wrong 65 '2: node `f`: file: `${UNSET}` is not set; give it with -D, in the environment, or a default as in `${UNSET:-default}`' \
		'3: node `a`: cwd: argument `$1` is not given' <<-'END'
	digraph {
	    f [file="${UNSET}"] cat -> f
	    a [cmd=sort cwd="$1"]
	}
	END
	wrong 65 '2: node `f`: file is empty after expansion of ${UNSET:-}' <<-'END'
	digraph {
	    f [file="${UNSET:-}"] cat -> f
	}
	END
}

@test "language: args= answers a wrong number of arguments with the usage and 64" {
	graph <<-'END'
	digraph {
	    graph [args="FILE [TOP]"]
	    in [file="$1"]
	    in -> "true"
	    a [cmd="echo $# ${2:-none}"]
	}
	END
	: >x
	mg graph.gv
	refused 64 'graph.gv: usage: graph.gv FILE [TOP]'
	mg graph.gv x y z
	refused 64 'graph.gv: usage: graph.gv FILE [TOP]'
	mg graph.gv x
	with 0 '1 none'
	mg graph.gv x y
	with 0 '2 y'
}

@test "language: args= knows FILE..., nothing, and nested brackets" {
	for args in 'FILE...' '' 'A [B [C]]'; do
		echo "digraph { graph [args=\"$args\"] \"echo ok\" }" >"g$((i++)).gv"
	done
	mg g0.gv
	with 64
	mg g0.gv a
	with 0 ok
	mg g0.gv a b c d
	with 0 ok
	mg g1.gv
	with 0 ok
	mg g1.gv a
	with 64
	mg g2.gv
	with 64
	mg g2.gv a b c
	with 0 ok
	mg g2.gv a b c d
	with 64
}

# --- defaults, subgraphs

@test "language: defaults hold to the end of their braces" {
	gives $'1\n2\n1' <<-'END'
	digraph {
	    stdout [merge=concat]
	    node [env="A=1"]
	    a [cmd="echo $A"]
	    subgraph x { node [env="A=2"] b [cmd="echo $A"] }
	    c [cmd="echo $A"]
	}
	END
}

@test "language: subgraph and braces only group" {
	gives $'4\n4' <<-'END'
	digraph {
	    stdout [merge=concat]
	    subgraph cluster_a { label="a"; s [cmd="seq 4"] }
	    s -> subgraph { "wc -l"; "tail -n 1" } -> stdout
	}
	END
}

@test "language: node defaults do not fall on files, stdin, stdout and stderr" {
	gives 'x' <<-'END'
	digraph {
	    node [cmd="cat" cwd="/" nice=1]
	    f [file="f"]
	    "echo x" [cmd="echo x"]
	    "echo x" -> a -> {f stdout}
	}
	END
	same x "$(cat f)"
	wrong 65 '2: `append` cannot be a default: node defaults do not fall on files, stdin, stdout and stderr' <<-'END'
	digraph {
	    node [append=true]
	    cat
	}
	END
}

@test "language: stop=drain makes SIGTERM end the sources, and the rest drains" {
	graph <<-'END'
	digraph {
	    graph [stop=drain]
	    source [cmd="echo before; echo >ready; exec sleep 1000"]
	    out [file="out"]
	    source -> "sed 's/$/ drained/'" -> out
	}
	END
	timeout -s KILL 60 "$MG" graph.gv </dev/null 3>&- &
	local pid=$! ended=0
	await test -e ready
	kill -TERM "$(pgrep -P $pid)"
	wait $pid || ended=$?
	[ $ended -eq 0 ]
	same 'before drained' "$(cat out)"
}

# --- what is refused, and hints

@test "language: an unknown attribute is refused with the nearest right one" {
	node 'cmmand="x"' | wrong 65 '3: unknown attribute `cmmand`' || node 'tiemout="1s"' | wrong 65 '3: unknown attribute `tiemout`; did you mean `timeout`?'
	edge 'capacty="1M"' | wrong 65 '3: unknown attribute `capacty`; did you mean `capacity`?'
	whole 'comit=all' | wrong 65 '3: unknown attribute `comit`; did you mean `commit`?'
	node 'clor=red' | wrong 65 '3: unknown attribute `clor`; did you mean `color`?'
	node 'zzzzzz=1' | wrong 65 '3: unknown attribute `zzzzzz`'
}

@test "language: Graphviz's attributes are left to Graphviz" {
	graph <<-'END'
	digraph {
	    graph [rankdir=LR label="x" fontname="Sans"]
	    node [shape=box style="rounded,filled"]
	    cat [label="the cat" color=red URL="http://x/"]
	    cat -> sort [label="x" penwidth=2 style=dashed]
	    rankdir=TB; size="7,5"
	}
	END
	mg --check graph.gv
	with 0 ""
	[ -z "$stderr" ]
}

@test "language: a Graphviz attribute where ours was probably meant warns" {
	edge 'size="1M"' | warned '3: `size` is Graphviz'\''s and does nothing here; did you mean `capacity`?'
	edge 'sep=nul' | warned '3: `sep` is Graphviz'\''s and does nothing here; did you mean `record`?'
	edge 'mode=concat' | warned '3: `mode` is Graphviz'\''s and does nothing here; did you mean `merge`?'
}

@test "language: a value that an attribute does not have is refused" {
	edge 'via=pip' | wrong 65 '3: via=`pip`: did you mean `pipe`?'
	edge 'via=carrier' | wrong 65 '3: via=`carrier`: pipe or fifo is wanted'
	edge 'merge=zebra' | wrong 65 '3: merge=`zebra`: any, concat, ordered, sorted or zip is wanted'
	edge 'eof=never' | wrong 65 '3: eof=`never`: exit is wanted'
	edge 'back=maybe' | wrong 65 '3: back=`maybe`: no, yes, false or true is wanted'
	node 'buffer=block' | wrong 65 '3: buffer=`block`: line is wanted'
	node 'epipe=no' | wrong 65 '3: epipe=`no`: ok is wanted' || node 'epipe=bad' | wrong 65 '3: epipe=`bad`: ok is wanted'
	whole 'commit=none' | wrong 65 '3: commit=`none`: all is wanted'
	whole 'names=declare' | wrong 65 '3: names=`declare`: did you mean `declared`?'
	whole 'stop=now' | wrong 65 '3: stop=`now`: drain is wanted'
}

@test "language: an attribute in the wrong place is refused" {
	edge 'cmd=x' | wrong 65 '3: `cmd` is an attribute of processes, not of edges'
	node 'merge=concat' | wrong 65 '3: `merge` is an attribute of edges, files, stdout and stderr; node `a` is a process (it has no file=)'
	node 'capacity="1M"' | wrong 65 '3: `capacity` is an attribute of edges, not of nodes'
	node 'append=true' | wrong 65 '3: `append` is an attribute of files; node `a` is a process (it has no file=)'
	echo true >f
	whole 'via=fifo' | wrong 65 '3: `via` is an attribute of edges, not of the graph'
	wrong 65 '2: node `f` is both a file (file=) and a process (cmd=); use two nodes' \
		'3: `nice` is an attribute of processes; node `g` is a file' \
		'4: `cwd` is an attribute of processes; `stdout` is mkfifo-graph'\''s own' \
		'5: node `b` has cmd= and script=; use one of them' \
		'6: `commit` on a subgraph means nothing; write it on the graph' <<-'END'
	digraph {
	    f [file="f" cmd="cat"] f -> cat
	    g [file="g" nice=1] g -> cat
	    stdout [cwd="/"]
	    b [cmd="cat" script="f"]
	    subgraph x { graph [commit=all] }
	}
	END
}

@test "language: key= on an edge is refused with the reason" {
	wrong 65 '2: `key` is no attribute: Graphviz takes it for the edge'\''s own name and merges edges of one name' <<-'END'
	digraph {
	    cat -> sort [key=a]
	}
	END
}

@test "language: the kinds graph and strict, --, and HTML strings are refused" {
	wrong 65 '1: `graph` has no directions; write `digraph`' <<-'END'
	graph { cat -- sort }
	END
	wrong 65 '1: `strict` would merge edges; leave it out' <<-'END'
	strict digraph { cat -> sort }
	END
	wrong 65 '2: `--` has no direction; write `->`' <<-'END'
	digraph {
	    cat -- sort }
	END
	wrong 65 '2: HTML strings are not part of the language; write "..." instead of <...>' <<-'END'
	digraph {
	    cat [label=<b>] }
	END
}

@test "language: one file holds one digraph" {
	wrong 65 '2: more text after the end of the graph: `digraph`; one text holds one graph' <<-'END'
	digraph { cat }
	digraph { sort }
	END
	wrong 65 '1: syntax error: a graph begins with `digraph {`, not with `cat`' <<-'END'
	cat -> sort
	END
}

@test "language: values that need quotes are told so" {
	wrong 65 '2: syntax error: `10s` needs quotes: only names (letters, digits, _) and numbers stand without' <<-'END'
	digraph {
	    a [cmd=cat timeout=10s] }
	END
	wrong 65 '2: syntax error: `on-failure` needs quotes: only names (letters, digits, _) and numbers stand without' <<-'END'
	digraph {
	    a [cmd=cat restart=on-failure] }
	END
	wrong 65 '2: syntax error: `mq:/x` needs quotes: only names (letters, digits, _) and numbers stand without' <<-'END'
	digraph {
	    a [at=mq:/x] }
	END
	wrong 65 '3: syntax error: a string without its closing quote' <<-'END'
	digraph {
	    cat
	    a [cmd="cat] }
	END
	wrong 65 '2: a comment, /*, without its */' <<-'END'
	digraph {
	    /* cat }
	END
}

@test "language: a NUL byte in a graph is refused" {
	printf 'digraph {\n cat \0 }' | wrong 65 '2: a NUL byte in the graph'
}

# later ATTRIBUTES TEXT: refused with status 65, and not in silence.
later()
{
	$1 "$2" | wrong 65 "3: $3 is not supported yet"
}

@test "language: what is not supported yet is said, and is no silent no-op" {
	local word
	for word in shm mq socket signal rpc; do
		later edge "via=$word" "via=$word"
	done
	for word in host queue dead idle count until; do
		later node "$word=x" "$word="
	done
}

@test "language: at= of other than a file is not supported yet" {
	local address
	for address in - fd:3 fifo:x shm:/x mq:/x unix:x unix-listen:x tcp:h:1 \
		tcp-listen:1 tls:h:1 tls-listen:1 udp:h:1 exec:cat; do
		wrong 65 "2: at=\`$address\` is not supported yet" <<-END
		digraph {
		    a [at="$address"]
		    cat -> a
		}
		END
	done
	wrong 65 '2: at=`gopher:x`: file:PATH or file+:PATH is wanted' <<-'END'
	digraph {
	    a [at="gopher:x"]
	    cat -> a
	}
	END
}

@test "language: all errors of a file are reported, in the order of lines" {
	wrong 65 '2: unknown attribute `cmdd`; did you mean `cmd`?' \
		'3: merge=`conct`: did you mean `concat`?' \
		'4: host= is not supported yet' \
		'5: `tac -> wc` is marked back=true and closes no cycle' \
		'6: node `f`: file: argument `$1` is not given' \
		'7: port `cat:X`: a name with capitals could be a variable that programs know; use small letters' \
		'8: node `g`: command `nosuchcommand` not found' <<-'END'
	digraph {
	    cat [cmdd=x]
	    cat -> sort [merge=conct]
	    b [cmd=sort host=h]
	    tac -> wc [back=true]
	    f [file="$1"] wc -> f
	    tee -> cat:X
	    g [cmd=nosuchcommand]
	}
	END
}

@test "language: a file far into its lines keeps their numbers" {
	{ echo 'digraph {'; for i in $(seq 1000); do printf '// %s\n"true\n%s";\n' "$i" "$i"; done; echo 'cat [x=y] }'; } | wrong 65 '3002: unknown attribute `x`'
}

# --- quoting

@test "language: only \\\" is an escape, everything else arrives as written" {
	gives $'a"b\\n\\\\c\\"d' <<-'END'
	digraph { a [cmd="printf '%s\n' 'a\"b\n\\c\\\"d'"] }
	END
	gives $'1 2' <<-'END'
	digraph { "seq 2" -> "tr '\n' ' '" -> "sed 's/ $//'" }
	END
	gives $'tab\there' <<-'END'
	digraph { a [cmd="printf 'tab\there\n'"] }
	END
}

@test "language: a backslash at the end of a line joins, + joins, lines go on" {
	gives $'one two\nthree' <<-'END'
	digraph {
	    a [cmd="echo one \
	two;" + "
	echo three"]
	}
	END
}

@test "language: comments are //, /* */ and lines that begin with #" {
	gives 'a # b // c /* d */' <<-'END'
	#!/usr/bin/env mkfifo-graph
	# digraph { nosuch }
	// digraph { nosuch }
	digraph { /* nosuch
	-> nosuch */ a [cmd="echo 'a # b // c /* d */'"] // nosuch
	# nosuch
	   # nosuch
	}
	// the end
	END
}

@test "language: semicolons and commas are as in DOT, keywords in any case" {
	gives '1' <<-'END'
	DiGraph "the name" { NODE [env="A=1", nice=0; cwd="/"]; a [cmd="echo $A"] }
	END
}

@test "language: names with spaces, quotes, \$(id) and newlines are names" {
	cat >graph.gv <<-'END'
	digraph {
	    " a  b " [cmd="printf '<%s>' \"$0\""]
	    "it's \"x\"" [cmd="printf '<%s>' \"$0\""]
	    "$(touch made) `touch made` ; $HOME" [cmd="printf '<%s>' \"$0\""]
	    "-n
	two" [cmd="printf '<%s>' \"$0\""]
	    stdout [merge=concat]
	}
	END
	mg graph.gv
	with 0 "< a  b ><it's \"x\"><\$(touch made) \`touch made\` ; \$HOME><-n
two>"
	[ ! -e made ]
	mg -x graph.gv
	[ ! -e made ]
	[ "$(grep -c "^mkfifo-graph: + .*printf '<%s>'" <<<"$stderr")" -ge 3 ]
}

@test "language: a file may have any name" {
	gives '' "$(printf 'a \\"%s\n$(touch made);*' "'")" <<-'END'
	digraph { f [file="$1"] "echo x" -> f g [file="-n"] "echo y" -> g }
	END
	same x "$(cat "$(printf 'a \\"%s\n$(touch made);*' "'")")"
	same y "$(cat ./-n)"
	[ ! -e made ]
}

@test "language: a failing node of an odd name is one line of message" {
	fails 3 '' <<-'END'
	digraph { "a
	b" [cmd="exit 3"] }
	END
	[ "$(wc -l <<<"$stderr")" -eq 1 ]
	has "$stderr" 'a b: exit 3'
}

@test "language: UTF-8 and other bytes pass as they are" {
	printf 'digraph { "n\303\266de" [cmd="printf \x27\303\266\xff\x27 | od -An -tx1"] }' | graph
	mg graph.gv
	with 0 ' c3 b6 ff'
	printf '\357\273\277digraph { "echo bom" }' | graph
	mg graph.gv
	with 0 bom
}

# --- what would otherwise be silent

@test "language: records that slow=drop has dropped are told, and counted in the report" {
	graph <<-'END'
	digraph {
	    "seq 300000" -> {slow fast} [slow=drop]
	    slow [cmd="read x <go; wc -l"]
	    fast [cmd="wc -l; echo on >go"]
	}
	END
	mkfifo go
	mg --report=report graph.gv
	with 0
	[[ $stderr =~ "warning: "([0-9]+)" records for slow:in were dropped (slow=drop, line 2)" ]]
	local dropped=${BASH_REMATCH[1]}
	jq -e --argjson n "$dropped" '[.edges[] | select(.to == "slow")] |
		.[0].dropped_records == $n and .[0].whole == false' report
	dropped=$((dropped + $(jq '.edges[] | select(.to == "fast") |
		.dropped_records' report)))
	same $((600000 - dropped)) "$(paste -sd+ <<<"$output" | bc)"
}

@test "language: a torn last record is bad data, 65" {
	printf '\0\0\0\5ab' >torn
	fails 65 "" <<-'END'
	digraph { t [file="torn"] t -> cat
	    cat -> {"cat -u" "cat -b"} [split=lines record=len32] }
	END
	has "$stderr" "ended inside a record"
	fails 65 "" <<-'END'
	digraph { t [file="torn"] t -> cat [record="bytes:4"]
	    cat [replicas=2 order=records] }
	END
	has "$stderr" "ended inside a record"
}

@test "language: replicas may put out other records than they get" {
	gives $'a\nb\nc' <<-'END'
	digraph {
	    p [cmd="printf 'a\0b\0c\0'"]
	    r [cmd="tr '\0' '\n'" replicas=2 order=records]
	    p -> r [record=nul]
	    r -> cat [record=line]
	}
	END
}

@test "language: what would do nothing is refused" {
	wrong 65 '2: node `a` cannot be its own err=; name another node' \
		'2: node `a` has order= and no replicas= that it could be for' \
		'4: by=`1,`: numbers of fields such as "2,3" is wanted' <<-'END'
	digraph {
	    a [cmd=cat err=a order=no]
	    b [cmd=cat order=no replicas=2] c [cmd=cat]
	    a -> {b c} [split=hash by="1,"]
	}
	END
}
