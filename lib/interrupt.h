/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * interrupt: a signal that asks us to end, for commands that must tidy up
 * before they do. The handler only takes a note, and sees to it that a call
 * that begins to block just then is interrupted too.
 */
#ifndef FLOW_INTERRUPT_H
#define FLOW_INTERRUPT_H

#include <stdatomic.h>
#include <stdint.h>

/* The signal that has come, or 0: a futex word, and EINTR ends what blocks. */
extern _Atomic uint32_t flow_interrupted;

/*
 * From now on SIGINT, SIGTERM and SIGHUP (unless ignored) are noted, and
 * SIGPIPE and SIGXFSZ are ignored, so that a reader's going is EPIPE and a file
 * at its limit EFBIG. Takes SIGALRM.
 */
void flow_interrupt_note(void);

/* Ends the process by SIGNAL, with its default action. */
_Noreturn void flow_interrupt_die(int signal);

#endif
