/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * event: sleeping until another process has done something, on words of
 * memory that both map. A word is a counter whose lowest bit says that
 * somebody sleeps:
 *
 *	sleeper: announce; look again whether there is cause to sleep; sleep
 *	waker:   do it; signal: when the bit is set, count on and wake
 *
 * Both go on in one total order (sequentially consistent), so one of them sees
 * what the other did. The word changes once a sleep and not once a byte, so a
 * sleeper can be missed only when 2^31 others slept and were woken between its
 * announcement and its sleep; a 64-bit position is never squeezed into it.
 *
 * A doorbell is a word by which the kernel tells that a thread has died: a
 * robust futex (set_robust_list(2)) of which only the word is shared, and none
 * of the pointers. It is a hint for sleepers, who may ask other proof.
 */
#ifndef FLOW_EVENT_H
#define FLOW_EVENT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

typedef _Atomic uint32_t flow_word;

/* A wait on several words at once. */
enum { FLOW_WAIT_MOST = 128 };

struct flow_wait {
	unsigned count;
	struct {
		const flow_word *word;
		uint32_t value; /* sleep only while the word has it */
		bool private; /* only this process knows the word */
	} words[FLOW_WAIT_MOST];
};

/*
 * Says that we are about to sleep on WORD; returns the value to sleep on. Where
 * WORD cannot be written the waker must signal with ALWAYS.
 */
uint32_t flow_event_announce(flow_word *word, bool writable);
/* Wakes all who sleep on WORD; with ALWAYS also those who could not say so. */
void flow_event_signal(flow_word *word, bool always);

/* Adds a word to WAIT; more than FLOW_WAIT_MOST are not watched. */
void flow_wait_add(struct flow_wait *wait, const flow_word *word,
		   uint32_t value, bool private);
/*
 * Sleeps until one of the words is not what it was, or is woken, or DEADLINE
 * (nanoseconds of CLOCK_MONOTONIC; INT64_MAX: none), or a signal's handler has
 * run, or a second has passed: death may have gone by unheard, so the caller
 * looks again. 0, or -1 with errno ETIMEDOUT when DEADLINE is over.
 */
int flow_wait_sleep(const struct flow_wait *wait, int64_t deadline);

/* A doorbell's states, apart from the thread's number. */
#define FLOW_DOORBELL_RUNG 0x40000000u /* FUTEX_OWNER_DIED */

/*
 * Makes WORD, in shared memory, the doorbell of this thread; it has one at a
 * time. A false return says that the thread has one already or that the kernel
 * has none: only sleeping is then less exact.
 */
bool flow_doorbell_hang(flow_word *word);
void flow_doorbell_remove(flow_word *word);

/* Tells the processor that this is a loop of waiting. */
static inline void
flow_pause(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

#endif
