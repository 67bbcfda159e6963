# SPDX-License-Identifier: GPL-3.0-or-later
# traces: runs mkfifo-graph so that whatever it leaves behind can be found.
# Every process of a run has TRACES in its environment, every name that a run
# makes is below run/, tmp/ or the test's own folder.

load helper

setup()
{
	cd "$BATS_TEST_TMPDIR" || return
	mkdir run tmp
	TRACES=$BATS_TEST_TMPDIR
	started=()
}

teardown()
{
	local pid
	for pid in "${started[@]}" $(marked); do
		kill -KILL "$pid" 2>/dev/null || :
	done
}

# traced COMMAND...: runs it with a marked environment.
traced()
{
	env TRACES="$TRACES" TMPDIR="$TRACES/tmp" \
		XDG_RUNTIME_DIR="$TRACES/run" "$@"
}

# graph ARG...: mkfifo-graph in the foreground; 30 s are far too many.
graph()
{
	traced timeout -k 5 "${LIMIT:-30}" "$MG" "$@"
}

# begin ARG...: mkfifo-graph in the background, leader of a session of its own
# as under a terminal; its pid is in $pid, its messages are in the file err.
begin()
{
	begin_by setsid "$MG" "$@"
}

# begin_by COMMAND...: the same with other words before it; all of them have to
# replace themselves with the next, as setsid, nohup and env do.
begin_by()
{
	# under nohup the tests would inherit an ignored SIGHUP
	env --default-signal=HUP TRACES="$TRACES" TMPDIR="$TRACES/tmp" \
		XDG_RUNTIME_DIR="$TRACES/run" "$@" </dev/null >out 2>err 3>&- &
	pid=$!
	started+=("$pid")
}

# eventually COMMAND...: waits until it succeeds, 20 s at most.
eventually()
{
	local until=$((SECONDS + 20))
	while ! "$@"; do
		if ((SECONDS > until)); then
			echo "never came true: $*"
			return 1
		fi
		sleep 0.02
	done
}

gone()
{
	! kill -0 "$1" 2>/dev/null
}

# ended: waits for the run of begin; its status is in $status.
ended()
{
	eventually gone "$pid" || return
	status=0
	wait "$pid" || status=$?
}

# marked: the pids of all processes of runs of this test.
marked()
{
	grep -lzsxF "TRACES=$TRACES" /proc/[0-9]*/environ |
		sed 's|/proc/||; s|/environ||'
}

no_process()
{
	test -z "$(marked)"
}

no_name()
{
	test -z "$(find run tmp -mindepth 1)" &&
		test -z "$(find . -name '.ipcflow*')"
}

# nothing_left: no process, no FIFO, no run folder, no temporary.
nothing_left()
{
	local pids
	pids=$(marked)
	if test -n "$pids"; then
		echo "left running:"
		# shellcheck disable=SC2086
		ps -o pid,ppid,stat,args -p "${pids//$'\n'/ }"
	fi
	find run tmp -mindepth 1
	find . -name '.ipcflow*'
	test -z "$pids" && no_name
}

# guardian: the one child of the front.
guardian()
{
	cat "/proc/$pid/task/$pid/children"
}
