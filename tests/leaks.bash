# SPDX-License-Identifier: GPL-3.0-or-later
# leaks: what a run has left behind, for scripts that tests/isolated runs. It
# forks nothing, so that what it counts does not depend on it.

# living: the processes of our PID namespace that are neither we nor above us.
living()
{
	local path pid stat above=" " up=$BASHPID
	while ((up > 0)); do
		above+="$up "
		read -r stat 2>/dev/null <"/proc/$up/stat" || break
		stat=${stat##*) }
		read -r _ up _ <<<"$stat"
	done
	alive=()
	for path in /proc/[0-9]*; do
		pid=${path#/proc/}
		[[ $above == *" $pid "* ]] && continue
		{ read -r stat <"$path/stat"; } 2>/dev/null || continue
		stat=${stat##*) }
		[[ $stat == [ZX]* ]] || alive+=("$pid")
	done
}

# count_leaks: sets leaks to what is left now, such as
# "fifo=0 shm=0 mq=0 temporary=0 rundir=0 proc=0".
count_leaks()
{
	local path fifo=0 temporary=0 rundir=0
	local shm=(/dev/shm/*) mq=()
	[[ ! $ISOLATED_QUEUES ]] || mq=("$ISOLATED_QUEUES"/*)
	for path in "$ISOLATED"/*/* "$ISOLATED"/*/*/*; do
		[[ ! -p $path ]] || fifo=$((fifo + 1))
		case ${path##*/} in
		.ipcflow-*) temporary=$((temporary + 1)) ;;
		ipcflow-??????) rundir=$((rundir + 1)) ;;
		esac
	done
	living
	leaks="fifo=$fifo shm=${#shm[@]} mq=${#mq[@]}"
	leaks+=" temporary=$temporary rundir=$rundir proc=${#alive[@]}"
}

# leaked: does leaks say that anything is left?
leaked()
{
	[[ $leaks =~ =[1-9] ]]
}

# rest [SECONDS]: lets so long (0.01) pass, for a bounded poll. Descriptor 9 is
# a FIFO's that nobody writes to.
# shellcheck disable=SC2120 # scripts that have this file give a time
rest()
{
	read -r -t "${1:-0.01}" <&9
	return 0
}

# has_ended PID SECONDS: waits until our child PID has ended, no longer than that.
has_ended()
{
	local end=$((SECONDS + $2 + 1))
	while [[ -e /proc/$1 ]]; do
		((SECONDS < end)) || return 1
		rest 0.01
	done
}

# end_living: ends, by process ID, all that lives in the namespace beside us.
end_living()
{
	living
	while ((${#alive[@]})); do
		kill -KILL "${alive[@]}" 2>/dev/null
		rest 0.01
		living
	done
}
