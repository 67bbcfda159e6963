#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The manual is part of the test suite: each example of each page is typed in
# as it is printed, and must print what the page says. A case is named
# "PAGE: TITLE OF THE EXAMPLE"; the last case sees to it that none is missing.

load helper

manual() {
	awk -f "$TOP/tests/manual.awk" "$@"
}

# A duration in the line about a failure is the only thing that may differ.
steady() {
	sed -E 's/ after [0-9][0-9.e+-]* s/ after 0.0 s/' "$1"
}

# The shell for PAGE: what it puts into /dev/shm is its own.
shell_for() {
	shell=(sh)
	[ "$1" = shmcat.1 ] || return 0
	local apart=(unshare -m)
	[ "$(id -u)" -eq 0 ] || apart=(unshare -Urm)
	# shellcheck disable=SC2016 # expanded by the inner shell
	apart+=(sh -c 'mount -t tmpfs none /dev/shm && exec sh "$@"' -)
	if "${apart[@]}" /dev/null 2>/dev/null; then
		shell=("${apart[@]}")
	fi
}

# Runs the example that the case is named after.
example() {
	local page=${BATS_TEST_DESCRIPTION%%: *}
	local title=${BATS_TEST_DESCRIPTION#*: }
	local aside=$BATS_TEST_TMPDIR/.manual ended=0

	shell_for "$page"
	mkdir -p "$aside" session
	manual -v want=session -v title="$title" "$TOP/man/$page" \
		>"$aside/printed"
	manual -v want=script -v title="$title" "$TOP/man/$page" \
		>"$aside/script"
	if [ ! -s "$aside/printed" ]; then
		echo "$page has no example called \"$title\""
		return 1
	fi
	(
		cd session
		unset IFS MAKEFLAGS
		LC_ALL=C timeout 60 "${shell[@]}" "$aside/script" \
			</dev/null >"$aside/really" 2>&1 3>&-
	) || ended=$?
	steady "$aside/printed" >"$aside/expected"
	steady "$aside/really" >"$aside/actual"
	if ! diff -u "$aside/expected" "$aside/actual" || [ $ended -ne 0 ]; then
		[ $ended -ne 124 ] || echo "it did not end within 60 s"
		echo "$page: the example \"$title\" does not do what it says"
		return 1
	fi
}

pages() {
	local page

	for page in "$TOP"/man/*.[1-9]; do
		echo "$page"
	done
}

@test "mkfifo-graph.1: One stream, two commands" { example; }
@test "mkfifo-graph.1: A graph in a file" { example; }
@test "mkfifo-graph.1: A graph that is a command" { example; }
@test "mkfifo-graph.1: Check before you run" { example; }
@test "mkfifo-graph.1: Commands without quotes inside quotes" { example; }
@test "mkfifo-graph.1: Variables" { example; }
@test "mkfifo-graph.1: A result only when it is whole" { example; }
@test "mkfifo-graph.1: A writer whose reader has seen enough" { example; }
@test "mkfifo-graph.1: A command fails in the middle" { example; }
@test "mkfifo-graph.1: A limit on the time" { example; }
@test "mkfifo-graph.1: Stop at the first failure" { example; }
@test "mkfifo-graph.1: Who said that" { example; }
@test "mkfifo-graph.1: Watch the commands start" { example; }
@test "mkfifo-graph.1: See the plan" { example; }
@test "mkfifo-graph.1: Draw it" { example; }
@test "mkfifo-graph.1: A report for a program" { example; }
@test "mkfifo-graph.1: What holds it up" { example; }
@test "mkfifo-graph.1: Look into a graph that runs" { example; }
@test "mkfifo-graph.1: Plumbing for a script of your own" { example; }
@test "mkfifo-graph.1: See what happened" { example; }

@test "mkfifo-graph.5: Names are commands" { example; }
@test "mkfifo-graph.5: The same command twice" { example; }
@test "mkfifo-graph.5: A long command in a file of its own" { example; }
@test "mkfifo-graph.5: Another shell" { example; }
@test "mkfifo-graph.5: Three files from one pass" { example; }
@test "mkfifo-graph.5: A result that is not whole" { example; }
@test "mkfifo-graph.5: A log that grows" { example; }
@test "mkfifo-graph.5: What was written so far" { example; }
@test "mkfifo-graph.5: Standard input for several" { example; }
@test "mkfifo-graph.5: Standard error to a file" { example; }
@test "mkfifo-graph.5: Standard error to a command" { example; }
@test "mkfifo-graph.5: Descriptors of your own" { example; }
@test "mkfifo-graph.5: Commands that want file names" { example; }
@test "mkfifo-graph.5: Commands that write to file names" { example; }
@test "mkfifo-graph.5: A named port that must end at close" { example; }
@test "mkfifo-graph.5: One after the other" { example; }
@test "mkfifo-graph.5: Records stay whole" { example; }
@test "mkfifo-graph.5: Branches that part and meet" { example; }
@test "mkfifo-graph.5: Two workers, and the old order" { example; }
@test "mkfifo-graph.5: Replicas" { example; }
@test "mkfifo-graph.5: Equal keys to the same reader" { example; }
@test "mkfifo-graph.5: A file for each key" { example; }
@test "mkfifo-graph.5: Sorted streams into one" { example; }
@test "mkfifo-graph.5: In turn" { example; }
@test "mkfifo-graph.5: A command that is started again" { example; }
@test "mkfifo-graph.5: A graph in a graph" { example; }
@test "mkfifo-graph.5: A dialogue" { example; }
@test "mkfifo-graph.5: A program that keeps its answers back" { example; }
@test "mkfifo-graph.5: A program that ignores SIGPIPE" { example; }
@test "mkfifo-graph.5: Never a false end of file" { example; }
@test "mkfifo-graph.5: Statuses that are no failure" { example; }
@test "mkfifo-graph.5: One command takes too long" { example; }
@test "mkfifo-graph.5: Environment and directory" { example; }
@test "mkfifo-graph.5: Defaults for a part of the graph" { example; }
@test "mkfifo-graph.5: A default for an argument" { example; }
@test "mkfifo-graph.5: A word that is not in the language" { example; }

@test "shmcat.1: A stream through memory" { example; }
@test "shmcat.1: Readers that come and go" { example; }
@test "shmcat.1: A large buffer before a slow consumer" { example; }
@test "shmcat.1: A failure reaches the readers" { example; }
@test "shmcat.1: Go on where another reader stopped" { example; }
@test "shmcat.1: The last of what was said" { example; }
@test "shmcat.1: Names with newlines in them" { example; }
@test "shmcat.1: A shared last value" { example; }
@test "shmcat.1: Wait for the next value" { example; }
@test "shmcat.1: Patch a mapped file" { example; }
@test "shmcat.1: A ring in a file" { example; }
@test "shmcat.1: What is there" { example; }

@test "manual: every example of every page has its case above" {
	local page

	for page in $(pages); do
		manual -v want=titles "$page" |
			sed "s|^|${page##*/}: |"
	done | sort >written
	sed -n 's/^@test "\(.*\)" { example; }$/\1/p' "$BATS_TEST_FILENAME" |
		sort >tested
	[ -s written ]
	diff -u written tested
}

@test "manual: mandoc finds nothing to warn about" {
	command -v mandoc >/dev/null || skip "no mandoc"
	local page

	for page in $(pages); do
		mandoc -T lint -W warning "$page"
	done >said 2>&1
	cat said
	[ ! -s said ]
}

@test "manual: groff finds nothing to warn about" {
	command -v groff >/dev/null || skip "no groff"
	local page

	for page in $(pages); do
		groff -mdoc -Tutf8 -z -ww "$page"
	done >said 2>&1
	cat said
	[ ! -s said ]
}
