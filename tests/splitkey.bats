#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# splitkey: split=key makes a file of each key, whole ones or none.

load helper

# by KEY-ATTRIBUTES [FILE-ATTRIBUTES]: input, split by its first field.
by()
{
	graph <<-END
	digraph {
	    input [file="input"]
	    parts [file="by/{key}.tsv" ${2-}]
	    input -> cat
	    cat -> parts [split=key by=1 $1]
	}
	END
	mkdir -p by
}

# nothing_in FOLDER: not even a temporary.
nothing_in()
{
	[[ ! $(ls -A "$1") ]]
}

@test "split=key: many keys over few open files are what awk makes of them" {
	seq 20000 | awk -v OFS='\t' '{ print $1 * 7919 % 499, $1 }' >input
	by "max_open=3"
	mg graph.gv
	with 0 ""
	mkdir wanted
	awk -F'\t' '{ f = "wanted/" $1 ".tsv"; print >>f; close(f) }' input
	diff -r wanted by
}

@test "split=key: NUL bytes and a last record without its end arrive as they are" {
	printf 'a\t\0\0\nb\t1\na\t\0' >input
	by ""
	mg graph.gv
	with 0 ""
	cmp by/a.tsv <(printf 'a\t\0\0\na\t\0')
	cmp by/b.tsv <(printf 'b\t1\n')
}

@test "split=key: nothing makes no file" {
	: >input
	by "header=1"
	mg graph.gv
	with 0 ""
	nothing_in by
	echo "key of the header" >input
	mg graph.gv
	with 0 ""
	nothing_in by
}

@test "split=key: the header stands at the top of every file, once" {
	printf 'k\tv\na\t1\nb\t2\na\t3\n' >input
	by "header=1"
	mg graph.gv
	with 0 ""
	same $'k\tv\na\t1\na\t3' "$(<by/a.tsv)"
	same $'k\tv\nb\t2' "$(<by/b.tsv)"
}

@test "split=key: append=true adds to what is there, but no second header" {
	printf 'k\tv\na\t1\nb\t2\n' >input
	by "header=1" "append=true"
	mg graph.gv
	with 0 ""
	mg graph.gv
	with 0 ""
	same $'k\tv\na\t1\na\t1' "$(<by/a.tsv)"
	same $'k\tv\nb\t2\nb\t2' "$(<by/b.tsv)"
}

@test "split=key: several fields are joined by commas, other records and bytes too" {
	printf 'x:1:p\0y:2:q\0x:1:r\0' >input
	by 'by="2,1" delim=":" record=nul'
	sed -i 's/ by=1//' graph.gv
	mg graph.gv
	with 0 ""
	cmp by/1,x.tsv <(printf 'x:1:p\0x:1:r\0')
	cmp by/2,y.tsv <(printf 'y:2:q\0')
}

@test "split=key: a record of 3 MiB goes to its file as others do" {
	{
		printf 'a\t1\n'
		printf 'b\t%3145728s\n' x
		printf 'a\t2\n'
		printf 'b\t%3145728s' y
	} >input
	by ""
	mg graph.gv
	with 0 ""
	same $'a\t1\na\t2' "$(<by/a.tsv)"
	grep ^b input | head -c -1 | cmp - by/b.tsv
}

@test "split=key: a key that is no name ends the run with 65 and leaves nothing" {
	local key
	for key in "" . .. a/b ../x "$(printf '%252s' long)"; do
		printf 'good\t1\n%s\t2\n' "$key" >input
		by ""
		mg graph.gv
		with 65 ""
		has "$stderr" "split of cat: record 2: key \`${key:0:90}"
		has "$stderr" "cannot name a file (line 4); parts not written"
		nothing_in by
	done
	printf 'good\t1\n\0\t2\n' >input
	mg graph.gv
	with 65 ""
	nothing_in by
}

@test "split=key: a failure before it commits none of its files" {
	by ""
	sed -i 's/    input -> cat/    cat [cmd="echo a; echo b; exit 3"]/' graph.gv
	echo old >by/a.tsv
	mg graph.gv
	with 3 ""
	has "$stderr" "parts not written"
	same old "$(<by/a.tsv)"
	same a.tsv "$(ls -A by)"
}

@test "split=key: modes and links stay, a folder in the way is said" {
	printf 'a\t1\nb\t2\n' >input
	by ""
	mkdir elsewhere
	echo old >by/a.tsv
	chmod 640 by/a.tsv
	ln -s ../elsewhere/b by/b.tsv
	mg graph.gv
	with 0 ""
	same 640 "$(stat -c %a by/a.tsv)"
	same $'a\t1' "$(<by/a.tsv)"
	same $'b\t2' "$(<elsewhere/b)"
	test -L by/b.tsv
	rm by/a.tsv
	mkdir by/a.tsv
	mg graph.gv
	with 125 ""
	has "$stderr" "cannot commit file \`by/a.tsv\` (line 3): it is there and is no regular file"
}

@test "split=key: commit=no writes in place, and at once when the input pauses" {
	mkfifo go
	by "header=1" "commit=no"
	sed -i 's/    input -> cat/    cat [cmd="printf \\"k\\\\na\\\\nb\\\\na\\\\n\\"; read x <go"]/' \
		graph.gv
	timeout 30 "$MG" graph.gv 3>&- &
	await grep -qs b by/b.tsv
	same $'k\na\na' "$(<by/a.tsv)"
	echo on >go
	wait $!
	same $'k\na\na' "$(<by/a.tsv)"
}

@test "split=key: without its folder it is refused before anything starts" {
	printf 'a\t1\n' >input
	by ""
	rmdir by
	sed -i 's/    input -> cat/    cat [cmd="touch started"]/' graph.gv
	mg graph.gv
	refused 73 "cannot create file \`by/{key}.tsv\` (line 3): No such file or directory"
	test ! -e started
}

@test "split=key: its folder of temporaries goes when everybody is killed, by the next run" {
	local front guardian try
	mkfifo go
	mkdir run
	by ""
	sed -i 's/    input -> cat/    cat [cmd="echo a; read x <go"]/' graph.gv
	for try in {1..20}; do
		XDG_RUNTIME_DIR=$PWD/run timeout 30 setsid "$MG" graph.gv 3>&- &
		await eval 'ls -d by/.ipcflow-*/ >/dev/null 2>&1'
		await eval 'front=$(pgrep -P $!) &&
			guardian=$(pgrep -P "$front" flow-guardian) &&
			nodes=$(pgrep -P "$guardian")'
		kill -KILL "$front" "$guardian"
		kill -KILL $nodes 2>/dev/null || :
		await eval '! kill -0 $! 2>/dev/null'
		# between the two kills the guardian may have seen the first
		[[ ! $(ls -A by) ]] || break
	done
	ls -d by/.ipcflow-*/
	XDG_RUNTIME_DIR=$PWD/run mg -e 'a [cmd="cat $p"] true -> a:p [via=fifo]'
	with 0 ""
	nothing_in by
}

@test "split=key: --dry-run and --dot show the files" {
	by ""
	mg --dry-run graph.gv
	with 0
	has "$output" "split of cat: relay, records to the files of their keys"
	has "$output" "by/{key}.tsv"
	mg --dot graph.gv
	with 0
	dot -Tsvg <<<"$output" >drawn.svg 2>messages
	same "" "$(<messages)"
	grep -q 'by/{key}.tsv' drawn.svg
}

@test "split=key: paths that cannot be are refused" {
	by ""
	sed -i 's|by/{key}.tsv|by/{key}/x|' graph.gv
	mg --check graph.gv
	refused 65 "graph.gv:3: \`parts\`: {key} may stand only in the last part of a path, for no folders are made: \`by/{key}/x\`"
	by ""
	sed -i 's|    input -> cat|    input -> {cat other} all [file="by/all.tsv"] other [cmd=cat] other -> all|' graph.gv
	mg --check graph.gv
	refused 65 "graph.gv:3: \`by/{key}.tsv\`: a key could make \`by/all.tsv\`, which is written by node \`all\` too"
}
