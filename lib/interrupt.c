/* SPDX-License-Identifier: GPL-3.0-or-later */
/* interrupt: ending signals as a word to look at. */
#include "config.h"

#include <errno.h>
#include <signal.h>
#include <sys/time.h>
#include <unistd.h>

#include "interrupt.h"

_Atomic uint32_t flow_interrupted;

static void
take_note(int number)
{
	/* a call that begins after we looked at the note ends too, a bit later */
	const struct itimerval again = {
		.it_interval = { .tv_usec = 10000 },
		.it_value = { .tv_usec = 10000 },
	};
	int saved = errno;

	atomic_store(&flow_interrupted, (uint32_t)number);
	setitimer(ITIMER_REAL, &again, NULL);
	errno = saved;
}

static void
do_nothing(int number)
{
	(void)number;
}

void
flow_interrupt_note(void)
{
	static const int ending[] = { SIGINT, SIGTERM, SIGHUP };
	/* no SA_RESTART: what blocks is to end */
	struct sigaction note = { .sa_handler = take_note }, was;
	struct sigaction nothing = { .sa_handler = do_nothing };
	struct sigaction ignore = { .sa_handler = SIG_IGN };

	sigemptyset(&note.sa_mask);
	sigaction(SIGALRM, &nothing, NULL);
	for (size_t i = 0; i < sizeof(ending) / sizeof(*ending); i++)
		if (!sigaction(ending[i], NULL, &was) &&
		    was.sa_handler != SIG_IGN)
			sigaction(ending[i], &note, NULL);
	sigaction(SIGPIPE, &ignore, NULL);
	sigaction(SIGXFSZ, &ignore, NULL);
}

void
flow_interrupt_die(int signal)
{
	struct sigaction plain = { .sa_handler = SIG_DFL };
	sigset_t one;

	sigaction(signal, &plain, NULL);
	sigemptyset(&one);
	sigaddset(&one, signal);
	sigprocmask(SIG_UNBLOCK, &one, NULL);
	raise(signal);
	_exit(128 + signal); /* somebody blocks or ignores it for us */
}
