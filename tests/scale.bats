#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# scale: graphs of 1,000 nodes and of 10,000 edges start, end cleanly and leave
# nothing, under an ordinary soft limit on descriptors.

bats_require_minimum_version 1.5.0
load traces

LIMIT=60

# need DESCRIPTORS: raises nothing, but says aloud when this cannot run here.
need()
{
	local hard
	hard=$(ulimit -Hn)
	if test "$hard" != unlimited && test "$hard" -lt "$1"; then
		skip "needs a hard limit of $1 descriptors; it is $hard"
	fi
	ulimit -Sn 1024
}

# chain NODES: 1 line, handed on by all of them.
chain()
{
	awk -v n="$1" 'BEGIN {
		print "digraph {"
		print "n0 [cmd=\"echo passed\"]; node [cmd=cat]"
		for (i = 1; i < n; i++)
			printf "n%d -> n%d\n", i - 1, i
		print "}"
	}'
}

# dag EDGES: a random graph without a cycle over 1,000 nodes. Each node counts
# the lines of all its inputs, and adds its own; every node has a way to the
# last one, which is so told of each of them.
dag()
{
	awk -v edges="$1" 'BEGIN {
		srand(20240229)
		print "digraph {"
		print "node [cmd=\"cat >/dev/null; echo $0\"]"
		for (i = 0; i < 999; i++) {
			printf "n%d -> n%d\n", i, i + 1
			seen[i, i + 1] = 1
		}
		for (count = 999; count < edges;) {
			a = int(rand() * 1000)
			b = int(rand() * 1000)
			if (a < b && !seen[a, b]++) {
				printf "n%d -> n%d\n", a, b
				count++
			}
		}
		print "}"
	}'
}

@test "mkfifo-graph: a chain of 1,000 nodes" {
	need 2048
	chain 1000 >graph.gv
	run --separate-stderr graph --report=report graph.gv </dev/null
	echo "$stderr"
	test "$status" -eq 0
	test "$output" = passed
	test -z "$stderr"
	test "$(jq '[.nodes[] | select(.status == 0)] | length' report)" -eq 1000
	nothing_left
}

@test "mkfifo-graph: 1,000 consumers of one node, 1,000 producers for one" {
	need 8192
	awk 'BEGIN {
		print "digraph {"
		print "a [cmd=\"seq 10\"]; z [cmd=\"sort -n | uniq -c\"]"
		print "node [cmd=cat]"
		for (i = 0; i < 1000; i++)
			printf "a -> n%d -> z\n", i
		print "}"
	}' >graph.gv
	run --separate-stderr graph --report=report graph.gv </dev/null
	echo "$stderr"
	test "$status" -eq 0
	test -z "$stderr"
	test "$output" = "$(seq 10 | awk '{ printf "%7d %d\n", 1000, $1 }')"
	test "$(jq '[.edges[] | select(.from == "a" and .bytes == 21)] | length' \
		report)" -eq 1000
	test "$(jq '[.edges[] | select(.to == "z" and .bytes == 21)] | length' \
		report)" -eq 1000
	nothing_left
}

@test "mkfifo-graph: 10,000 edges at random over 1,000 nodes" {
	need 20000
	dag 10000 >graph.gv
	test "$(grep -c -e '->' graph.gv)" -eq 10000
	run --separate-stderr graph --report=report graph.gv </dev/null
	echo "$stderr"
	test "$status" -eq 0
	test "$output" = n999
	test "$(jq '[.edges[] | select(.to != "stdout")] | length' report)" \
		-eq 10000
	test "$(jq '[.nodes[] | select(.status == 0)] | length' report)" -eq 1000
	nothing_left
}

@test "mkfifo-graph: 5,000 edges into one node" {
	need 20000
	awk 'BEGIN {
		print "digraph {"
		print "node [cmd=\"tee /dev/fd/3 /dev/fd/4 /dev/fd/5 /dev/fd/6 <text\"]"
		print "z [cmd=\"wc -l\"]"
		for (i = 0; i < 1000; i++)
			for (port = 2; port < 7; port++)
				printf "n%d:%d -> z\n", i, (port > 2 ? port : 1)
		print "}"
	}' >graph.gv
	seq 3 >text
	run --separate-stderr graph graph.gv </dev/null
	echo "$stderr"
	test "$status" -eq 0
	test "$output" -eq 15000
	nothing_left
}

# Each of these edges may have to spill, and a spill needs descriptors: where
# the hard limit is too low for 5,000 of them, half as many are taken.
@test "mkfifo-graph: 5,000 edges out of one node" {
	local edges=5000 hard
	need 20000
	hard=$(ulimit -Hn)
	if test "$hard" != unlimited && test "$hard" -lt 36000; then
		edges=2500
	fi
	awk -v edges="$edges" 'BEGIN {
		print "digraph {"
		print "a [cmd=\"seq 3\"]; node [cmd=\"test $(wc -l) = 15\"]"
		for (i = 0; i < edges; i++)
			printf "a -> n%d\n", i % (edges / 5)
		print "}"
	}' >graph.gv
	run --separate-stderr graph graph.gv </dev/null
	echo "$edges: $stderr"
	test "$status" -eq 0
	nothing_left
}

@test "mkfifo-graph: a large graph ends as cleanly when it is interrupted" {
	need 8192
	awk 'BEGIN {
		print "digraph {"
		print "a [cmd=\"echo x; exec sleep 1000\"]"
		print "z [cmd=\"read line; touch up; cat\"]; node [cmd=cat]"
		for (i = 0; i < 300; i++)
			printf "a -> n%d -> z\n", i
		print "}"
	}' >graph.gv
	begin graph.gv
	eventually test -e up
	kill -KILL "$pid"
	ended
	eventually no_process
	eventually no_name
}

@test "mkfifo-graph: a node gets back the limit on descriptors that it was given" {
	need 4096
	{ chain 700 | sed '$d'; echo 'n699 -> x; x [cmd="cat; ulimit -Sn"] }'; } \
		>graph.gv
	run graph graph.gv </dev/null
	test "$status" -eq 0
	test "$output" = $'passed\n1024'
}

@test "mkfifo-graph: a hard limit that is too low is 71 and says what is needed" {
	local needed
	awk 'BEGIN {
		print "digraph {"
		print "a [cmd=\"touch started; seq 10\"]; node [cmd=cat]"
		for (i = 0; i < 300; i++)
			printf "a -> n%d -> z\n", i
		print "}"
	}' >graph.gv
	run traced bash -c 'ulimit -n 100; exec "$@"' - \
		timeout -k 5 20 "$MG" graph.gv </dev/null
	echo "$output"
	test "$status" -eq 71
	[[ $output == *'the hard limit is 100 '* ]]
	[[ $output =~ 'needs '([0-9]+)' descriptors' ]]
	needed=${BASH_REMATCH[1]}
	test "$needed" -gt 300
	test ! -e started
	nothing_left
	# and the number it names is enough
	run traced bash -c 'ulimit -n "$1"; shift; exec "$@"' - "$needed" \
		timeout -k 5 "$LIMIT" "$MG" graph.gv </dev/null
	test "$status" -eq 0
	test "$(wc -l <<<"$output")" -eq 3000
	nothing_left
}

# ordinary COMMAND...: as a user to whom the limits on pipes apply.
ordinary()
{
	if test "$(id -u)" -ne 0; then
		traced "$@"
		return
	fi
	traced setpriv --reuid=65534 --regid=65534 --clear-groups \
		--bounding-set=-all --inh-caps=-all "$@"
}

@test "mkfifo-graph: an ordinary user runs as large a graph" {
	local folder
	need 20000
	# somewhere the other user can come to
	folder=$(mktemp -d)
	chmod 755 "$folder"
	cp "$MG" "$folder"
	MG=$folder/mkfifo-graph
	cd "$folder"
	mkdir run tmp
	chmod 777 run tmp
	TRACES=$folder
	chain 1000 >chain.gv
	dag 10000 >dag.gv
	run --separate-stderr ordinary timeout -k 5 "$LIMIT" "$MG" chain.gv \
		</dev/null
	echo "$stderr"
	test "$status" -eq 0
	test "$output" = passed
	run --separate-stderr ordinary timeout -k 5 "$LIMIT" "$MG" dag.gv \
		</dev/null
	echo "$stderr"
	test "$status" -eq 0
	test "$output" = n999
	nothing_left
	cd "$BATS_TEST_TMPDIR"
	rm -r "$folder"
}
