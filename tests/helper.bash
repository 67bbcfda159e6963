# SPDX-License-Identifier: GPL-3.0-or-later
# helper: where things are, and a fresh directory for every test.
TOP=$(cd "$BATS_TEST_DIRNAME" && while test ! -d examples; do cd ..; done && pwd)
BUILD=$(cd "${top_builddir:-$TOP}" && pwd)
MG=$BUILD/mkfifo-graph
PATH=$BUILD:$PATH
exec </dev/null # make -j gives its jobs a broken pipe, which is warned about

setup()
{
	cd "$BATS_TEST_TMPDIR" || return
}

# apart COMMAND...: runs it: $status, $output and $stderr. What hangs is killed
# and has status 137.
apart()
{
	local aside=$BATS_TEST_TMPDIR.stderr
	status=0
	output=$(timeout -s KILL 30 "$@" 2>"$aside" 3>&-) || status=$?
	stderr=$(<"$aside")
}

# mg ARG...: mkfifo-graph, with nothing on standard input.
mg()
{
	apart "$MG" "$@" </dev/null
}

# graph [FILE]: writes a graph, graph.gv, from standard input: `graph <<'END'`.
graph()
{
	cat >"${1-graph.gv}"
}

# same EXPECTED ACTUAL: equal texts, or the difference is printed.
same()
{
	diff -u --label expected --label actual \
		<(printf '%s\n' "$1") <(printf '%s\n' "$2")
}

# has TEXT PART: PART is in TEXT, as it stands.
has()
{
	[[ $1 == *"$2"* ]] && return
	printf 'no: %s\nin: %s\n' "$2" "$1"
	return 1
}

# with STATUS [OUTPUT]: how the last command ended and, if given, what it printed.
with()
{
	if [ "$status" -ne "$1" ]; then
		printf 'status %s instead of %s: %s\n%s\n' \
			"$status" "$1" "$stderr" "$output"
		return 1
	fi
	[ $# -eq 1 ] || same "$2" "$output"
}

# refused STATUS MESSAGE...: not started, so nothing is on standard output, and
# standard error is exactly these lines, each behind "mkfifo-graph: ".
refused()
{
	local lines
	lines=$(printf 'mkfifo-graph: %s\n' "${@:2}")
	with "$1" "" && same "$lines" "$stderr"
}

# `"${limited[@]}" COMMAND`: as one whom the modes of files stop, root or not.
limited=(env)
if [ "$(id -u)" -eq 0 ]; then
	limited=(setpriv "--bounding-set=-dac_override,-dac_read_search")
fi

# await COMMAND...: waits till it succeeds, but not for ever.
await()
{
	local tries=0
	until "$@"; do
		tries=$((tries + 1))
		[ $tries -lt 500 ] || return 1
		sleep 0.02
	done
}
