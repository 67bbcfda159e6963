#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# examples: every graph in examples/ does what its description says. Each is
# compared with the output that is kept and with its reference, which is a
# plain shell script that does the same work in another way.

load helper

EXAMPLES=$TOP/examples
EXPECTED=$EXAMPLES/expected
DATA=$EXAMPLES/data

# graph NAME ARG...: runs an example; nothing here takes a minute.
graph()
{
	local name=$1
	shift
	timeout 60 "$MG" "$EXAMPLES/$name.gv" "$@"
}

# same FILE FILE: equal, or the difference is printed.
same()
{
	diff "$1" "$2"
}

# made_up NAME: arguments that an example can be checked with.
made_up()
{
	case $1 in
	archive | days | eof-safe) echo one two ;;
	clean | pack | weblog) echo one ;;
	spell | timeline) echo one two three ;;
	esac
}

@test "examples: every graph passes --check and says nothing" {
	local file name
	for file in "$EXAMPLES"/*.gv; do
		name=$(basename "$file" .gv)
		touch one two three
		# shellcheck disable=SC2046
		run timeout 10 "$MG" --check "$file" $(made_up "$name")
		echo "$name: $output"
		test "$status" -eq 0
		test -z "$output"
	done
}

@test "examples: dot draws every graph and says nothing" {
	local file
	for file in "$EXAMPLES"/*.gv; do
		run timeout 30 dot -Tsvg -o picture.svg "$file"
		echo "$file: $output"
		test "$status" -eq 0
		test -z "$output"
		grep -q '</svg>' picture.svg
	done
}

@test "examples: dot draws what --dot prints and says nothing" {
	local file name
	for file in "$EXAMPLES"/*.gv; do
		name=$(basename "$file" .gv)
		touch one two three
		# shellcheck disable=SC2046
		timeout 10 "$MG" --dot "$file" $(made_up "$name") >plan.gv
		run timeout 30 dot -Tsvg -o picture.svg plan.gv
		echo "$name: $output"
		test "$status" -eq 0
		test -z "$output"
	done
}

@test "examples: every graph is a command and has a reference" {
	local file name
	for file in "$EXAMPLES"/*.gv; do
		name=$(basename "$file" .gv)
		test -x "$file"
		test "$(head -n 1 "$file")" = '#!/usr/bin/env mkfifo-graph'
		test -x "$EXPECTED/$name.sh"
	done
}

@test "examples: weblog.gv makes the report of its reference in one pass" {
	"$EXAMPLES/make-weblog.sh" 20000 >log
	graph weblog log >report 2>errors
	same "$EXPECTED/weblog.out" report
	test ! -s errors
	"$EXPECTED/weblog.sh" log 3 >expected
	graph weblog log 3 >report
	same expected report
}

@test "examples: weblog.gv reports on an empty log" {
	: >log
	graph weblog log >report 2>errors
	grep -q '^ *0 requests$' report
	test ! -s errors
}

@test "examples: weblog.gv without a log is a usage error" {
	run graph weblog
	test "$status" -eq 64
	[[ $output == *LOG* ]]
}

@test "examples: spell.gv finds the misspelt lines of two documents" {
	cp -R "$DATA" data
	graph spell data/words.txt data/letter.txt data/notes.txt >found
	same "$EXPECTED/spell.out" found
	"$EXPECTED/spell.sh" data/words.txt data/letter.txt data/notes.txt |
		same - found
}

@test "examples: spell.gv succeeds when nothing is misspelt" {
	echo 'a box is a program' >good
	run graph spell "$DATA/words.txt" good good
	test "$status" -eq 0
	test -z "$output"
}

@test "examples: spell.gv does not hang where its branches meet" {
	awk 'BEGIN { for (i = 0; i < 200000; i++)
		print (i == 150000 ? "a pype" : "a stream is a pipe") }' >long
	echo 'a pipe' >short
	graph spell "$DATA/words.txt" long short >found
	printf 'long:150001:\ta pype\n' | same - found
}

@test "examples: compress.gv agrees with the compressors run one by one" {
	"$EXAMPLES/make-weblog.sh" 5000 >log
	graph compress 3 <log >table
	"$EXPECTED/compress.sh" 3 <log | same - table
}

@test "examples: duplicates.gv finds the files that are the same" {
	"$EXAMPLES/make-tree.sh" tree
	graph duplicates tree >groups
	same "$EXPECTED/duplicates.out" groups
	"$EXPECTED/duplicates.sh" tree | same - groups
}

@test "examples: words.gv pastes four columns" {
	graph words <"$DATA/words.txt" >table
	same "$EXPECTED/words.out" table
	"$EXPECTED/words.sh" <"$DATA/words.txt" | same - table
}

@test "examples: archive.gv writes three files that agree" {
	"$EXAMPLES/make-tree.sh" tree
	mkdir ours theirs
	graph archive tree ours/backup
	"$EXPECTED/archive.sh" tree theirs/backup
	same "$EXPECTED/archive.out" ours/backup.list
	same theirs/backup.list ours/backup.list
	same theirs/backup.sha256 ours/backup.sha256
	cmp theirs/backup.tar.gz ours/backup.tar.gz
	(cd ours && sha256sum -c --quiet backup.sha256)
	test "$(find ours -type f | wc -l)" -eq 3
}

@test "examples: archive.gv that fails leaves the older files alone" {
	echo old >backup.list
	run graph archive no-such-directory backup
	test "$status" -eq 2
	[[ $output == *"tar: exit 2"* ]]
	test "$(cat backup.list)" = old
	test "$(find . -type f | wc -l)" -eq 1
}

@test "examples: calculator.gv holds a dialogue with bc" {
	graph calculator <"$DATA/sums.txt" >answers 2>errors
	same "$EXPECTED/calculator.out" answers
	grep -q -i 'divide by zero' errors
	"$EXPECTED/calculator.sh" <"$DATA/sums.txt" | same - answers
}

@test "examples: eof-safe.gv loads a whole dump" {
	printf '%s\n' '2 two' '1 one' | gzip >dump.gz
	graph eof-safe dump.gz table >said
	same "$EXPECTED/eof-safe.out" said
	"$EXPECTED/eof-safe.sh" dump.gz expected
	same expected table
}

@test "examples: eof-safe.gv never lets the loader take a cut dump for whole" {
	seq 50000 | sed 's/$/ some text/' | gzip >whole.gz
	head -c 40000 whole.gz >cut.gz
	echo '7 old' >table
	run graph eof-safe cut.gz table
	test "$status" -eq 1
	[[ $output == *unpack* ]]
	[[ $output != *loaded* ]]
	test "$(cat table)" = '7 old'
	test ! -e table.new
}

@test "examples: eof-safe.gv never loads lines that check refused" {
	printf '%s\n' '1 one' 'two' | gzip >dump.gz
	run graph eof-safe dump.gz table
	test "$status" -eq 1
	test ! -e table
	test ! -e table.new
}

@test "examples: clean.gv keeps the good lines and collects the rejects" {
	graph clean rejects <"$DATA/orders.csv" >good
	cat good rejects | same "$EXPECTED/clean.out" -
	"$EXPECTED/clean.sh" expected <"$DATA/orders.csv" | same - good
	same expected rejects
}

@test "examples: gitlog.gv reads a history once" {
	command -v git || skip "no git"
	"$EXAMPLES/make-repository.sh" repository
	graph gitlog repository >report
	same "$EXPECTED/gitlog.out" report
	"$EXPECTED/gitlog.sh" repository | same - report
}

@test "examples: frequency.gv counts words on all processors" {
	graph frequency 5 <"$DATA/letter.txt" >top
	same "$EXPECTED/frequency.out" top
	"$EXAMPLES/make-weblog.sh" 30000 >text
	graph frequency 100 <text >top
	"$EXPECTED/frequency.sh" 100 <text >expected
	same expected top
}

@test "examples: frequency.gv finds no words in nothing" {
	graph frequency </dev/null >top
	test ! -s top
}

@test "examples: pack.gv compresses in blocks what gzip can unpack" {
	"$EXAMPLES/make-weblog.sh" 30000 >log
	graph pack log 1 <log
	"$EXPECTED/pack.sh" log >unpacked
	same log unpacked
	head -c 3000000 /dev/urandom >log
	graph pack log <log
	"$EXPECTED/pack.sh" log >unpacked
	cmp log unpacked
}

@test "examples: days.gv makes a file a day, with a header" {
	"$EXAMPLES/make-weblog.sh" 5000 >log
	mkdir got wanted
	graph days log got >counts
	"$EXPECTED/days.sh" log wanted >expected
	same expected counts
	same "$EXPECTED/days.out" counts
	diff -r wanted got
}

@test "examples: days.gv without a log is refused and writes no file" {
	mkdir got
	run graph days missing got
	test "$status" -eq 66
	test -z "$(ls -A got)"
}

@test "examples: fastq.gv sums up reads on all processors" {
	"$EXAMPLES/make-fastq.sh" 4000 >reads
	graph fastq <reads >summary
	same "$EXPECTED/fastq.out" summary
	"$EXPECTED/fastq.sh" <reads >expected
	same expected summary
}

@test "examples: timeline.gv merges three logs by time" {
	graph timeline "$DATA/web.log" "$DATA/app.log" "$DATA/db.log" >line
	same "$EXPECTED/timeline.out" line
	"$EXPECTED/timeline.sh" "$DATA/web.log" "$DATA/app.log" \
		"$DATA/db.log" >expected
	same expected line
}

@test "examples: the log of make-weblog.sh is the same on every machine" {
	"$EXAMPLES/make-weblog.sh" 1000 | sha256sum >sum
	echo "c09868a1d1328b21ce1fa6ba76049286e40633759a63a691afb4420502e0f17f  -" | same - sum
}
