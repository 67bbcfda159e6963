/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * ring-model: the protocol of lib/ring.c, lib/member.c and lib/event.c (commit,
 * wait, wake, join, leave, turn, death) as a model of small steps, of which
 * every interleaving is tried, with a kill at every point of each. A step is
 * one access to shared memory; memory is sequentially consistent, as it is
 * where the code says seq_cst (that it says so where it must is what
 * ThreadSanitizer and the review of the code are for). The data are numbers:
 * cell i of the ring must hold i when a reader reads position i.
 *
 * To be believed the model must see what is wrong: each of the faults below is
 * a protocol with one thing left out, and must be found out.
 */
#include "config.h"

#include <stdlib.h>

#include "tap.h"

enum {
	SIZE = 2, /* cells of the ring */
	WRITERS = 2,
	READERS = 2,
	PROCESSES = WRITERS + READERS,
	TORN = 0xfe, /* a cell being written */
	FREE = 0xff, /* the turn is nobody's */
	STACK = 1 << 22,
};

/*
 * The words. A counter is as good as what each process knows of it: whether it
 * has changed since. (That it could come round is not modelled.)
 */
enum { NOTHING, NEWS, SPACE, TURNS };

enum fault {
	NONE,
	NO_RECHECK_READER, /* sleeps on what it saw before it announced that */
	NO_RECHECK_WRITER,
	COMMIT_FIRST, /* head before the data */
	NO_RESCAN, /* does not look at readers again after `oldest' is stored */
	NO_REJOIN, /* does not look at `oldest' again after its position is stored */
	SILENT_DEATH, /* nobody hears a doorbell */
	TURN_OF_DEAD, /* the turn is never taken from the dead */
	TURN_FIRST, /* gives the turn back before the place */
	NO_SHOW, /* counts itself before writers know its doorbell */
	NO_SIGNAL_LEAVE, /* a reader leaves without a word */
	DATA_AFTER_TURN, /* gives the turn back before the record is committed */
	FAULTS
};

static const char *const fault_names[] = {
	"nothing left out",
	"a reader that does not look again before it sleeps",
	"a writer that does not look again before it sleeps",
	"a head that is stored before the data",
	"a writer that does not look at readers again after it stored oldest",
	"a reader that does not look at oldest again after it joined",
	"deaths that nobody hears of",
	"a turn that stays with the dead",
	"a turn that is given back before the place",
	"a reader that counts itself before writers know its doorbell",
	"a reader that leaves without a signal",
	"a turn that is given back before the commit",
};

/* A process's own memory. */
struct process {
	uint8_t pc; /* where it is; the enums below */
	uint8_t watches; /* the word it will sleep on, or NOTHING */
	uint8_t changed; /* the word has changed since it announced itself */
	uint8_t bells; /* whose doorbells it listens to: bits of processes */
	uint8_t at; /* a loop's counter */
	uint8_t least; /* writer: the lowest position seen */
	uint8_t head; /* reader: the head seen; writer: its own */
	uint8_t free_until; /* writer */
	uint8_t left; /* writer: records to be written */
	uint8_t seen; /* reader: ended; writer: others are there */
	uint8_t back; /* pc after a subroutine */
	uint8_t end; /* reader: 1 end, 2 writer died */
	uint8_t start; /* reader: where it began */
};

struct state {
	/* shared */
	uint8_t head, oldest, ended, joined, turn, deaths;
	uint8_t sleepy; /* words with their lowest bit set: bits of words */
	uint8_t cells[SIZE];
	uint8_t used; /* bits of processes */
	uint8_t position[READERS];
	/* the kernel's */
	uint8_t dead; /* bits */
	uint8_t asleep; /* bits */
	uint8_t kills; /* that may still happen */
	struct process p[PROCESSES];
};

enum {
	W_TURN, /* take the turn */
	W_TURN_ANNOUNCE,
	W_TURN_LOOK,
	W_TURN_SLEEP,
	W_LOAD, /* has the turn: read head */
	W_ROOM, /* is there room? */
	W_SCAN, /* look at the readers */
	W_LET_GO,
	W_RESCAN,
	W_ANNOUNCE,
	W_RELOOK,
	W_SLEEP,
	W_FILL,
	W_FILLED,
	W_COMMIT,
	W_SIGNAL,
	W_GIVE,
	W_GIVE_SIGNAL,
	W_END_SCAN,
	W_END,
	W_UNUSE,
	W_END_GIVE,
	W_END_GIVE_SIGNAL,
	W_END_SIGNAL,
	W_DONE,
	R_JOIN,
	R_JOIN_STORE,
	R_JOIN_LOOK,
	R_JOIN_SHOW,
	R_JOIN_COUNT,
	R_JOIN_SIGNAL,
	R_ENDED,
	R_HEAD,
	R_READ,
	R_STORE,
	R_SIGNAL,
	R_ANNOUNCE,
	R_WRITERS,
	R_RELOOK,
	R_SLEEP,
	R_LEAVE,
	R_LEAVE_SIGNAL,
	R_DONE,
};

static enum fault fault;
static unsigned readers, writers; /* that take part; the others are done */
static const char *wrong; /* what was found, or NULL */

static bool
has(uint8_t bits, unsigned i)
{
	return bits >> i & 1;
}

/* Processes are writers first. */
static bool
lives(const struct state *s, unsigned i)
{
	return has(s->used, i) && !has(s->dead, i);
}

/* I sleeps no more, if it did, and looks from the beginning. */
static void
rouse(struct state *s, unsigned i)
{
	static const uint8_t begin[] = {
		[NEWS] = R_ENDED, [SPACE] = W_ROOM, [TURNS] = W_TURN
	};
	struct process *p = &s->p[i];

	s->asleep &= (uint8_t) ~(1u << i);
	p->pc = begin[p->watches];
	p->watches = p->changed = p->bells = 0;
}

/* flow_event_signal: one access in effect, for the exchange repeats the load. */
static void
signal_word(struct state *s, uint8_t word)
{
	if (!has(s->sleepy, word))
		return;
	s->sleepy &= (uint8_t) ~(1u << word);
	for (unsigned i = 0; i < PROCESSES; i++)
		if (s->p[i].watches == word) {
			s->p[i].changed = 1;
			if (has(s->asleep, i))
				rouse(s, i);
		}
}

static void
announce(struct state *s, struct process *p, uint8_t word)
{
	s->sleepy |= (uint8_t)(1u << word);
	p->watches = word;
	p->changed = 0;
	p->bells = 0;
}

/* I has died, or takes its doorbell down: who listens to it looks again. */
static void
ring(struct state *s, unsigned i)
{
	for (unsigned j = 0; j < PROCESSES; j++)
		if (has(s->p[j].bells, i)) {
			s->p[j].changed = 1;
			if (has(s->asleep, j))
				rouse(s, j);
		}
}

/* FUTEX_WAIT: sleeps unless a word has changed. */
static void
go_to_sleep(struct state *s, unsigned i)
{
	s->asleep |= (uint8_t)(1u << i);
	if (s->p[i].changed)
		rouse(s, i);
}

/* Looks again without having slept. */
static void
look_again(struct state *s, unsigned i)
{
	rouse(s, i);
}

/* The lowest position of a reader, all looked at in one step. */
static uint8_t
slowest(const struct state *s)
{
	uint8_t least = s->head;

	if (!s->joined)
		return 0;
	for (unsigned i = 0; i < READERS; i++)
		if (has(s->used, WRITERS + i) && s->position[i] < least)
			least = s->position[i];
	return least;
}

static uint8_t
needed(const struct state *s, const struct process *p)
{
	uint8_t need = (uint8_t)(p->head + 1 - SIZE);

	return need < s->oldest ? s->oldest : need;
}

static void
step_writer(struct state *s, unsigned me)
{
	struct process *p = &s->p[me];
	uint8_t need, holder;
	unsigned i;

	switch (p->pc) {
	case W_TURN:
		holder = s->turn;
		if (holder == FREE ||
		    (!lives(s, holder) && fault != TURN_OF_DEAD)) {
			s->turn = (uint8_t)me;
			p->pc = W_LOAD;
		} else {
			p->pc = W_TURN_ANNOUNCE;
		}
		break;
	case W_TURN_ANNOUNCE:
		announce(s, p, TURNS);
		p->pc = W_TURN_LOOK;
		break;
	case W_TURN_LOOK:
		holder = s->turn;
		if (holder == FREE ||
		    (!lives(s, holder) && fault != TURN_OF_DEAD)) {
			look_again(s, me);
		} else {
			p->bells = (uint8_t)(1u << holder);
			p->pc = W_TURN_SLEEP;
		}
		break;
	case W_TURN_SLEEP:
		go_to_sleep(s, me);
		break;
	case W_LOAD:
		p->head = s->head;
		p->pc = p->left ? W_ROOM : W_END_SCAN;
		p->seen = 0;
		p->at = 0;
		break;
	case W_ROOM:
		p->pc = p->head - p->free_until < SIZE ? W_FILL : W_SCAN;
		break;
	case W_SCAN:
		p->least = slowest(s);
		p->pc = p->least > p->free_until ? W_LET_GO : W_ANNOUNCE;
		break;
	case W_LET_GO:
		if (p->least > s->oldest)
			s->oldest = p->least;
		p->least = s->oldest;
		p->pc = W_RESCAN;
		break;
	case W_RESCAN:
		if (slowest(s) >= p->least || fault == NO_RESCAN)
			p->free_until = p->least;
		p->least = 0;
		p->pc = p->head - p->free_until < SIZE ? W_FILL : W_ANNOUNCE;
		break;
	case W_ANNOUNCE:
		announce(s, p, SPACE);
		p->least = p->at = 0;
		p->pc = W_RELOOK;
		if (fault != NO_RECHECK_WRITER)
			break;
		for (i = WRITERS; i < PROCESSES; i++)
			if (has(s->used, i))
				p->bells |= (uint8_t)(1u << i);
		p->pc = W_SLEEP;
		break;
	case W_RELOOK: /* one reader a step */
		need = needed(s, p);
		i = WRITERS + p->at;
		if (has(s->used, i) && s->position[p->at] < need) {
			if (has(s->dead, i)) {
				s->used &= (uint8_t) ~(1u << i);
				look_again(s, me);
				p->at = 0;
				break;
			}
			p->bells |= (uint8_t)(1u << i);
		}
		if (++p->at < readers)
			break;
		p->at = 0;
		if (p->bells || !s->joined)
			p->pc = W_SLEEP;
		else
			look_again(s, me);
		break;
	case W_SLEEP:
		go_to_sleep(s, me);
		break;
	case W_FILL:
		if (fault == COMMIT_FIRST)
			s->head = (uint8_t)(p->head + 1);
		if (fault == DATA_AFTER_TURN)
			s->turn = FREE;
		s->cells[p->head % SIZE] = TORN;
		p->pc = W_FILLED;
		break;
	case W_FILLED:
		s->cells[p->head % SIZE] = p->head;
		p->pc = W_COMMIT;
		break;
	case W_COMMIT:
		s->head = ++p->head;
		p->left--;
		p->pc = W_SIGNAL;
		break;
	case W_SIGNAL:
		signal_word(s, NEWS);
		p->pc = W_GIVE;
		break;
	case W_GIVE:
		if (s->turn == me)
			s->turn = FREE;
		p->pc = W_GIVE_SIGNAL;
		break;
	case W_GIVE_SIGNAL:
		signal_word(s, TURNS);
		p->pc = W_TURN;
		break;
	case W_END_SCAN: /* one writer a step */
		if (p->at != me && p->at < WRITERS) {
			if (lives(s, p->at)) {
				p->seen = 1;
			} else if (has(s->used, p->at)) {
				s->used &= ~(1u << p->at);
				s->deaths = 1;
			}
		}
		if (++p->at >= WRITERS)
			p->pc = p->seen ? W_UNUSE : W_END;
		break;
	case W_END:
		s->ended = 1;
		p->pc = W_UNUSE;
		break;
	case W_UNUSE:
		if (fault == TURN_FIRST && s->turn == me) {
			s->turn = FREE;
			signal_word(s, TURNS);
			break;
		}
		s->used &= ~(1u << me);
		ring(s, me);
		p->pc = W_END_GIVE;
		break;
	case W_END_GIVE:
		if (s->turn == me)
			s->turn = FREE;
		p->pc = W_END_GIVE_SIGNAL;
		break;
	case W_END_GIVE_SIGNAL:
		signal_word(s, TURNS);
		p->pc = W_END_SIGNAL;
		break;
	case W_END_SIGNAL:
		signal_word(s, NEWS);
		p->pc = W_DONE;
		break;
	default:
		break;
	}
}

static void
step_reader(struct state *s, unsigned me)
{
	struct process *p = &s->p[me];
	uint8_t *position = &s->position[me - WRITERS];

	switch (p->pc) {
	case R_JOIN:
		p->start = s->oldest;
		p->pc = R_JOIN_STORE;
		break;
	case R_JOIN_STORE:
		*position = p->start;
		s->used |= 1u << me;
		p->pc = fault == NO_REJOIN ? R_JOIN_SHOW : R_JOIN_LOOK;
		break;
	case R_JOIN_LOOK:
		if (*position < s->oldest)
			*position = p->start = s->oldest;
		else
			p->pc = R_JOIN_SHOW;
		break;
	case R_JOIN_SHOW:
		if (fault != NO_SHOW)
			signal_word(s, SPACE);
		p->pc = R_JOIN_COUNT;
		break;
	case R_JOIN_COUNT:
		s->joined = 1;
		p->pc = R_JOIN_SIGNAL;
		break;
	case R_JOIN_SIGNAL:
		signal_word(s, SPACE);
		p->pc = R_ENDED;
		break;
	case R_ENDED:
		p->seen = s->ended;
		p->pc = R_HEAD;
		break;
	case R_HEAD:
		p->head = s->head;
		if (p->head > *position) {
			p->pc = R_READ;
		} else if (p->seen) {
			p->end = 1;
			p->pc = R_LEAVE;
		} else {
			p->pc = R_ANNOUNCE;
		}
		break;
	case R_READ:
		if (s->cells[*position % SIZE] != *position)
			wrong = "a reader read what was not there";
		p->pc = R_STORE;
		break;
	case R_STORE:
		++*position;
		p->pc = R_SIGNAL;
		break;
	case R_SIGNAL:
		signal_word(s, SPACE);
		/* the second of two readers leaves after its first record */
		p->pc = me == PROCESSES - 1 ? R_LEAVE : R_ENDED;
		break;
	case R_ANNOUNCE:
		announce(s, p, NEWS);
		p->at = 0;
		p->pc = R_WRITERS;
		break;
	case R_WRITERS: /* one a step */
		if (lives(s, p->at))
			p->bells |= (uint8_t)(1u << p->at);
		if (++p->at < writers)
			break;
		p->at = 0;
		p->pc = R_RELOOK;
		break;
	case R_RELOOK:
		if (fault != NO_RECHECK_READER &&
		    (s->head != p->head || s->ended)) {
			look_again(s, me);
		} else if (!p->bells) {
			p->end = 2;
			p->watches = p->changed = 0;
			p->pc = R_LEAVE;
		} else {
			p->pc = R_SLEEP;
		}
		break;
	case R_SLEEP:
		go_to_sleep(s, me);
		break;
	case R_LEAVE:
		s->used &= ~(1u << me);
		p->pc = fault == NO_SIGNAL_LEAVE ? R_DONE : R_LEAVE_SIGNAL;
		break;
	case R_LEAVE_SIGNAL:
		signal_word(s, SPACE);
		p->pc = R_DONE;
		break;
	default:
		break;
	}
}

static bool
is_done(const struct state *s, unsigned i)
{
	return has(s->dead, i) || s->p[i].pc == W_DONE || s->p[i].pc == R_DONE;
}

/*
 * What a process will not look at again is made 0, so that states that differ
 * in nothing else are one.
 */
static void
forget(struct process *p)
{
	if (p->pc == W_DONE || p->pc == R_DONE)
		*p = (struct process){ .pc = p->pc, .end = p->end };
	else if (p->pc == R_ENDED || p->pc == R_READ)
		p->head = p->seen = p->start = 0;
}

static void
step(struct state *s, unsigned i)
{
	if (i < WRITERS)
		step_writer(s, i);
	else
		step_reader(s, i);
	forget(&s->p[i]);
}

/* SIGKILL: the kernel rings, and drops the locks, which is one for others. */
static void
kill_one(struct state *s, unsigned i)
{
	s->dead |= (uint8_t)(1u << i);
	s->asleep &= (uint8_t) ~(1u << i);
	s->kills--;
	s->p[i] = (struct process){ .pc = i < WRITERS ? W_DONE : R_DONE };
	if (fault != SILENT_DEATH)
		ring(s, i);
}

/* When nothing can move any more: have all that live come to their end? */
static void
judge(const struct state *s)
{
	bool writer_died = s->dead & ((1u << WRITERS) - 1);

	for (unsigned i = 0; i < PROCESSES; i++) {
		/* for the first reader it waits, and none may have come */
		if (is_done(s, i) || (s->p[i].watches == SPACE && !s->joined))
			continue;
		/* and others wait for that writer */
		if (s->p[i].watches == TURNS && !s->joined)
			continue;
		wrong = i < WRITERS ? "a writer sleeps for ever"
				    : "a reader sleeps for ever";
		return;
	}
	for (unsigned i = WRITERS; i < PROCESSES; i++) {
		const struct process *p = &s->p[i];

		if (has(s->dead, i) || p->end == 0)
			continue;
		if (s->position[i - WRITERS] != s->head)
			wrong = "a reader ended before the stream did";
		if (p->end == 2 && !writer_died)
			wrong = "a reader was told of a death that was none";
		if (p->end == 1 && writer_died && !s->deaths && !s->ended)
			wrong = "a reader was told of an end that was none";
	}
}

/* --- every state once */

static struct state *stack, *table;
static uint32_t *index_of; /* of a state in the table, plus 1 */
static size_t states, depth;
enum { BUCKETS = 1 << 23, MOST = 1 << 22 };

static uint64_t
hash(const struct state *s)
{
	const uint8_t *byte = (const uint8_t *)s;
	uint64_t sum = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < sizeof(*s); i++)
		sum = (sum ^ byte[i]) * UINT64_C(0x100000001b3);
	return sum ^ sum >> 29;
}

/* Puts S on the stack unless it was met before. */
static void
meet(const struct state *s)
{
	uint64_t at = hash(s) % BUCKETS;

	for (; index_of[at]; at = (at + 1) % BUCKETS)
		if (!memcmp(&table[index_of[at] - 1], s, sizeof(*s)))
			return;
	if (states == MOST || depth == STACK) {
		wrong = "the model is too large for its tables";
		return;
	}
	table[states] = *s;
	index_of[at] = (uint32_t)++states;
	stack[depth++] = *s;
}

static void
expand(const struct state *s)
{
	bool moved = false;

	for (unsigned i = 0; i < PROCESSES && !wrong; i++) {
		struct state next = *s;

		if (is_done(s, i))
			continue;
		if (s->kills) {
			kill_one(&next, i);
			meet(&next);
			next = *s;
		}
		if (has(s->asleep, i))
			continue;
		step(&next, i);
		moved = true;
		meet(&next);
	}
	if (!moved && !wrong)
		judge(s);
}

static struct state
beginning(unsigned records, unsigned kills)
{
	struct state s = { .turn = FREE, .kills = (uint8_t)kills };

	for (unsigned i = 0; i < WRITERS; i++) {
		s.p[i].pc = i < writers ? W_TURN : W_DONE;
		s.p[i].left = (uint8_t)records;
		if (i < writers)
			s.used |= 1u
				  << i; /* a writer joins before it is seen */
	}
	for (unsigned i = 0; i < READERS; i++)
		s.p[WRITERS + i].pc = i < readers ? R_JOIN : R_DONE;
	return s;
}

/* Tries everything; what went wrong, or NULL. */
static const char *
explore(enum fault left_out, unsigned w, unsigned r, unsigned records,
	unsigned kills)
{
	struct state first;

	fault = left_out;
	writers = w;
	readers = r;
	wrong = NULL;
	states = depth = 0;
	memset(index_of, 0, BUCKETS * sizeof(*index_of));
	first = beginning(records, kills);
	meet(&first);
	while (depth && !wrong) {
		struct state s = stack[--depth];

		expand(&s);
	}
	return wrong;
}

static const struct {
	unsigned writers, readers, records, kills;
} shapes[] = {
	{ 1, 1, 4, 1 },
	{ 1, 2, 3, 1 },
	{ 2, 1, 2, 1 },
	{ 2, 1, 1, 2 },
};

int
main(void)
{
	size_t count = sizeof(shapes) / sizeof(*shapes);

	stack = malloc(STACK * sizeof(*stack));
	table = malloc(MOST * sizeof(*table));
	index_of = malloc(BUCKETS * sizeof(*index_of));
	if (!stack || !table || !index_of)
		abort();
	for (size_t i = 0; i < count; i++) {
		const char *found =
			explore(NONE, shapes[i].writers, shapes[i].readers,
				shapes[i].records, shapes[i].kills);

		ok(!found,
		   "%u writers, %u readers, %u records each, %u kills: nothing "
		   "goes wrong in any order",
		   shapes[i].writers, shapes[i].readers, shapes[i].records,
		   shapes[i].kills);
		if (found)
			tap_note("%s", found);
		tap_note("%zu states", states);
	}
	for (int left_out = NONE + 1; left_out < FAULTS; left_out++) {
		const char *found = NULL;

		for (size_t i = 0; i < count && !found; i++)
			found = explore(left_out, shapes[i].writers,
					shapes[i].readers, shapes[i].records,
					shapes[i].kills);
		ok(found, "%s is found out", fault_names[left_out]);
		if (found)
			tap_note("%s, after %zu states", found, states);
	}
	free(stack);
	free(table);
	free(index_of);
	return tap_done();
}
