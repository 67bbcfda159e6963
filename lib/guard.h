/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * guard: the guardian, which parents every process of a run. One event loop;
 * its parts are launch (starting), judge (ends), again (restart=), watch (is
 * anything stuck?) and linger (descendants that outlive the nodes). Internal to
 * run.
 */
#ifndef FLOW_GUARD_H
#define FLOW_GUARD_H

#include "rundir.h"
#include "state.h"
#include "stuck.h"

#define FLOW_GRACE (2 * FLOW_SECOND) /* between TERM and KILL */

/* What the front sends: a signal that it got. */
struct flow_passed_signal {
	int signal;
	bool everyone; /* the terminal sent it, so the nodes have it too */
};

/* What the guardian sends back when all is over: flow_run's result. */
struct flow_answer {
	int status;
};

struct flow_linger {
	pid_t pid;
	bool seen;
	unsigned long long ticks; /* processor time when it last moved */
	int64_t since; /* when it was first seen */
	int64_t moved; /* when that was */
	int64_t told; /* when it was sent TERM; 0: not */
};

struct flow_guard {
	struct flow_state state;
	struct flow_rundir *rundir;
	struct rlimit descriptors; /* what the children get back */
	bool limit_raised;
	pid_t group; /* the front's process group, and so the nodes' */
	int front; /* socket to the front; -1: it has gone */
	int signals; /* signalfd */
	int notes[2]; /* pipe of struct flow_note */
	int door; /* socket where others ask; -1: none */
	int inotify; /* FIFOs whose opening is waited for; -1: none */
	size_t running; /* processes */
	size_t pending; /* processes that are to be started again */
	bool has_timeouts, has_holds;
	bool hold_pending; /* a held end waits for killed ones to go */
	bool draining; /* stop=drain was asked for */

	/* ending */
	bool ending;
	int64_t term_at; /* when TERM is due to all; 0: sent, or not due */
	int64_t kill_at; /* when KILL is due to all; 0: not yet */

	/* FIFOs one end of which will never be opened */
	int64_t orphans_at, orphans_gap;

	/* watch */
	bool watching; /* a deadlock is possible: sample */
	int64_t sample_at, sample_gap;
	struct flow_stuck_look *look; /* the first of two for a proof */
	int64_t quiet_at;
	struct flow_stuck_look *quiet; /* half a minute ago */
	bool warned;

	/* linger */
	struct flow_linger *lingers;
	size_t linger_count;
	bool lingering_warned;
	struct flow_inode
		output; /* our standard output, where nodes write it; 0: none */
	int64_t linger_at;
};

/* launch: makes pipes, starts every process in order. -1 with guard->state.trouble set. */
int flow_launch(struct flow_guard *guard);
/*
 * Starts process INDEX again; with WAITS it sleeps until there is input and
 * ends when none comes. -1 with guard->state.trouble set.
 */
int flow_launch_again(struct flow_guard *guard, uint32_t index, bool waits);
/* -x: says that NODE's command is started. */
void flow_launch_trace(const struct flow_guard *guard,
		       const struct flow_node *node);
/*
 * The descriptor of a place of process INDEX, which restarts and has not ended
 * for good; borrowed. -1: it is held by nobody here.
 */
int flow_launch_kept(const struct flow_guard *guard, uint32_t index,
		     size_t place);
/*
 * Is that an input whose end shows here? Not what each process opens anew: a
 * FIFO of the file system, and a file at a named port.
 */
bool flow_launch_awaits(const struct flow_guard *guard, uint32_t index,
			size_t place);
/* It has ended for good: closes what was held for it. */
void flow_launch_drop(struct flow_guard *guard, uint32_t index);
/* A process has ended, so its side of its FIFOs will not be opened any more. */
void flow_launch_let_go(struct flow_guard *guard, uint32_t process);
/* Somebody opened a FIFO: the guardian no longer has to keep it open. */
void flow_launch_opened(struct flow_guard *guard);
/* Lets processes go that open a FIFO whose other side has ended; rearms orphans_at. */
void flow_launch_free_orphans(struct flow_guard *guard);

/* guard: the whole life of the guardian after the fork. Returns its exit status. */
int flow_guard_run(struct flow_guard *guard);
/* Ends the run for REASON; the first reason stays. */
void flow_guard_end(struct flow_guard *guard, enum flow_reason reason);

/* Have we children that are no process of the plan, left by one that ended? */
bool flow_has_strays(const struct flow_guard *guard);

/*
 * judge: reaps one child that has ended: any (P_ALL), or PID (P_PID). What can be
 * seen of its readers only until it is reaped is noted. Its pid, 0 when
 * none has ended, or -1 with errno (ECHILD: there is none).
 */
pid_t flow_judge_reap(struct flow_guard *guard, int which, pid_t pid);
/* The running process of the plan whose pid is PID, or FLOW_NONE. */
uint32_t flow_judge_process_of(const struct flow_guard *guard, pid_t pid);
/* Judges all that have ended since; the furthest upstream failed first. */
void flow_judge(struct flow_guard *guard);

/*
 * again: process INDEX has ended with its outcome. Is it to be started again?
 * If so that is arranged, and told.
 */
bool flow_again_wanted(struct flow_guard *guard, uint32_t index);
/* Starts what is due to be started again at NOW, or gives it up and judges it. */
void flow_again(struct flow_guard *guard, int64_t now);
int64_t flow_again_next(const struct flow_guard *guard);
/* P waited for input and none came: how it ended before that stands. */
void flow_again_forget(struct flow_process_state *p);

/* hold: sends SIGNAL to PID and all it started, as if at one instant. */
void flow_hold_signal_tree(pid_t pid, int signal);
/* Ends process INDEX and what it started: TERM, and KILL after the grace. */
void flow_hold_end_process(struct flow_guard *guard, uint32_t index);
/* It has ended: TERM to what it left, if its time had run out; then KILL. */
void flow_hold_end_rest(struct flow_guard *guard, uint32_t index);
void flow_hold_kill_rest(struct flow_guard *guard, uint32_t index);
/*
 * eof=exit: closes each held end, so that its reader sees end of file, once all
 * upstream of it has ended well; else ends the reader and what holds its end
 * first, so that nobody takes the end of file for a true one.
 */
void flow_hold_settle(struct flow_guard *guard);

/* Takes every note that is there. */
void flow_guard_take_notes(struct flow_guard *guard);

/* watch: what is due at NOW; and when the next thing is due (INT64_MAX: nothing). */
void flow_watch(struct flow_guard *guard, int64_t now);
int64_t flow_watch_next(const struct flow_guard *guard);
void flow_watch_free(struct flow_guard *guard);

/* linger: waits for, or ends, what the nodes left behind. */
void flow_linger(struct flow_guard *guard, int64_t now);

#endif
