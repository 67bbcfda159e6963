/* SPDX-License-Identifier: GPL-3.0-or-later */
/* event: futexes, several at once, and robust ones as doorbells. */
#include "config.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "event.h"

/* Newer than some C libraries. */
#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif
struct waited {
	uint64_t value;
	uint64_t address;
	uint32_t flags;
	uint32_t reserved;
};
enum {
	WAITED_32 = 2, /* FUTEX_32 */
	WAITED_PRIVATE = 128, /* FUTEX_PRIVATE_FLAG */
};

enum {
	SLEEPS = 1, /* the bit of a word */
};

/* Nobody sleeps longer without looking around. */
static const int64_t longest = FLOW_SECOND;
/* The same where the kernel cannot wait on several words. */
static const int64_t longest_single = FLOW_SECOND / 20;

uint32_t
flow_event_announce(flow_word *word, bool writable)
{
	if (!writable)
		return atomic_load(word);
	return atomic_fetch_or(word, SLEEPS) | SLEEPS;
}

void
flow_event_signal(flow_word *word, bool always)
{
	uint32_t value;

	/* what was done before must be seen by whoever announces from now on */
	atomic_thread_fence(memory_order_seq_cst);
	value = atomic_load(word);
	do {
		if (!always && !(value & SLEEPS))
			return;
	} while (!atomic_compare_exchange_weak(word, &value,
					       (value | SLEEPS) + 1));
	syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

void
flow_wait_add(struct flow_wait *wait, const flow_word *word, uint32_t value,
	      bool private)
{
	if (wait->count == FLOW_WAIT_MOST)
		return;
	wait->words[wait->count].word = word;
	wait->words[wait->count].value = value;
	wait->words[wait->count].private = private;
	wait->count++;
}

static struct timespec
as_timespec(int64_t nanoseconds)
{
	return (struct timespec){ .tv_sec = nanoseconds / FLOW_SECOND,
				  .tv_nsec = nanoseconds % FLOW_SECOND };
}

/* On all words; -1 with ENOSYS where there is no such call. */
static long
sleep_on_all(const struct flow_wait *wait, int64_t until)
{
	struct waited words[FLOW_WAIT_MOST];
	struct timespec end = as_timespec(until);

	for (unsigned i = 0; i < wait->count; i++)
		words[i] = (struct waited){
			.value = wait->words[i].value,
			.address = (uintptr_t)wait->words[i].word,
			.flags = WAITED_32 |
				 (wait->words[i].private ? WAITED_PRIVATE : 0),
		};
	return syscall(SYS_futex_waitv, words, wait->count, 0, &end,
		       CLOCK_MONOTONIC);
}

/* On the first word alone. */
static long
sleep_on_first(const struct flow_wait *wait, int64_t span)
{
	struct timespec end = as_timespec(span);

	return syscall(
		SYS_futex, wait->words[0].word,
		FUTEX_WAIT | (wait->words[0].private ? FUTEX_PRIVATE_FLAG : 0),
		wait->words[0].value, &end, NULL, 0);
}

int
flow_wait_sleep(const struct flow_wait *wait, int64_t deadline)
{
	static _Atomic bool single;
	int64_t now = flow_now(), span;
	long result;

	if (deadline <= now) {
		errno = ETIMEDOUT;
		return -1;
	}
	span = deadline - now;
	if (!atomic_load_explicit(&single, memory_order_relaxed)) {
		result = sleep_on_all(wait,
				      now + (span < longest ? span : longest));
		if (result >= 0 || (errno != ENOSYS && errno != EPERM))
			return 0;
		atomic_store_explicit(&single, true, memory_order_relaxed);
	}
	result = sleep_on_first(wait,
				span < longest_single ? span : longest_single);
	(void)result;
	return 0;
}

/*
 * The kernel walks this list when the thread ends. There is one entry, in our
 * own memory; only the word that it leads to is shared.
 */
static __thread struct {
	struct robust_list_head head;
	struct robust_list entry;
	flow_word *word;
} doorbell;

bool
flow_doorbell_hang(flow_word *word)
{
	uint32_t owner = (uint32_t)gettid() | FUTEX_WAITERS;

	if (doorbell.word)
		return false;
	atomic_store(word, owner);
	doorbell.entry.next = &doorbell.head.list;
	doorbell.head.list.next = &doorbell.entry;
	doorbell.head.futex_offset =
		(long)((uintptr_t)word - (uintptr_t)&doorbell.entry);
	doorbell.head.list_op_pending = NULL;
	if (syscall(SYS_set_robust_list, &doorbell.head,
		    sizeof(doorbell.head))) {
		atomic_store(word, 0);
		return false;
	}
	doorbell.word = word;
	return true;
}

void
flow_doorbell_remove(flow_word *word)
{
	if (doorbell.word != word)
		return;
	doorbell.head.list.next = &doorbell.head.list;
	doorbell.word = NULL;
	atomic_store(word, 0);
	syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}
