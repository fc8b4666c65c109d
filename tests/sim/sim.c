// SPDX-License-Identifier: Apache-2.0
/* Clock, dice, events, and the nodes that wait for their time. */
#include "sim_world.h"

#include "log.h"

#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* So many events in one millisecond are no work any more, but a loop. */
enum { SPIN_MAX = 2000000 };

static uint64_t dice; /* of the program under test: one simulation at a time */

uint64_t sim_roll(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static const char *random_name(void)
{
	return "simulated";
}

static uint32_t random_u32(void)
{
	return (uint32_t)sim_roll(&dice);
}

static void random_buf(void *const buf, const size_t size)
{
	uint8_t *p = buf;
	for (size_t at = 0, n; at < size; at += n) {
		uint64_t r = sim_roll(&dice);
		n = size - at < sizeof r ? size - at : sizeof r;
		memcpy(p + at, &r, n);
	}
}

static struct randombytes_implementation simulated = {
	.implementation_name = random_name, .random = random_u32, .buf = random_buf};

uint64_t sim_dice_swap(uint64_t state)
{
	uint64_t before = dice;
	dice = state;
	return before;
}

struct sim *sim_new(const struct sim_options *o)
{
	struct sim *s = sim_alloc(sizeof *s);
	s->o = *o;
	s->now = 1000;
	s->dice = o->seed;
	randombytes_set_implementation(&simulated);
	if (sodium_init() < 0) /* rolls once per process */
		abort();
	dice = o->seed ^ 0x6f636b616d;
	sim_watch_reset(s);
	log_init(STDERR_FILENO, o->trace ? LOG_DEBUG : LOG_ERROR, false, "sim");
	return s;
}

void sim_free(struct sim *s)
{
	for (unsigned i = 0; i < s->nodes_n; i++)
		sim_node_free(s->node[i]);
	for (size_t i = 0; i < s->n; i++) /* what is on its way; nothing else owns memory */
		if (s->heap[i].b)
			sim_drop(s->heap[i].b);
	sim_wires_free(s);
	sim_udps_free(s);
	sim_watch_reset(s);
	sim_drop(s->heap);
	sim_drop(s);
}

uint64_t sim_now(const struct sim *s)
{
	return s->now;
}

uint64_t sim_random(struct sim *s)
{
	return sim_roll(&s->dice);
}

uint64_t sim_below(struct sim *s, uint64_t n)
{
	return sim_roll(&s->dice) % n;
}

uint64_t sim_history(const struct sim *s)
{
	return s->history;
}

unsigned long sim_events(const struct sim *s)
{
	return s->events;
}

void sim_trace(struct sim *s, const char *fmt, ...)
{
	if (!s->o.trace)
		return;
	va_list ap;
	va_start(ap, fmt);
	fprintf(stderr, "%8.3f ", (double)s->now / 1000);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
}

void sim_fault(struct sim *s, const char *fmt, ...)
{
	char text[sizeof s->first_fault];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	sim_trace(s, "FAULT %s", text);
	if (!s->faults++)
		memcpy(s->first_fault, text, sizeof text);
}

unsigned sim_faults(const struct sim *s)
{
	return s->faults;
}

const char *sim_first_fault(const struct sim *s)
{
	return s->first_fault;
}

static bool before(const struct event *x, const struct event *y)
{
	return x->at != y->at ? x->at < y->at : x->order < y->order;
}

void sim_at(struct sim *s, uint64_t at_ms, void (*fn)(void *a, void *b), void *a, void *b)
{
	if (s->n == s->cap) {
		s->cap = s->cap ? 2 * s->cap : 256;
		s->heap = sim_grow(s->heap, s->cap * sizeof *s->heap);
	}
	struct event ev = {at_ms < s->now ? s->now : at_ms, ++s->order, fn, a, b};
	size_t i = s->n++;
	for (; i && before(&ev, &s->heap[(i - 1) / 2]); i = (i - 1) / 2)
		s->heap[i] = s->heap[(i - 1) / 2];
	s->heap[i] = ev;
}

static struct event pop(struct sim *s)
{
	struct event top = s->heap[0], last = s->heap[--s->n];
	size_t i = 0;
	for (;;) {
		size_t c = 2 * i + 1;
		if (c >= s->n)
			break;
		if (c + 1 < s->n && before(&s->heap[c + 1], &s->heap[c]))
			c++;
		if (!before(&s->heap[c], &last))
			break;
		s->heap[i] = s->heap[c];
		i = c;
	}
	if (s->n)
		s->heap[i] = last;
	return top;
}

/* Nodes are not in the heap: each has one next time, which changes with every input. */
static int next_awake(const struct sim *s, uint64_t *at)
{
	int best = -1;
	*at = UINT64_MAX;
	for (unsigned i = 0; i < s->nodes_n; i++)
		if (s->wake[i] < *at) {
			*at = s->wake[i];
			best = (int)i;
		}
	return best;
}

static void count_event(struct sim *s, uint64_t at)
{
	if (at > s->now) {
		s->now = at;
		s->spin = 0;
	}
	s->events++;
	s->history = (s->history ^ s->now) * 0x100000001b3;
	if (++s->spin == SPIN_MAX) {
		fprintf(stderr, "seed %llu: events without end at %llu ms\n",
			(unsigned long long)s->o.seed, (unsigned long long)s->now);
		abort();
	}
}

bool sim_run(struct sim *s, uint64_t max_ms, bool (*done)(void *ctx), void *ctx)
{
	uint64_t end = s->now + max_ms;
	for (;;) {
		if (done && done(ctx))
			return true;
		uint64_t wake;
		int who = next_awake(s, &wake);
		uint64_t at = s->n && s->heap[0].at <= wake ? s->heap[0].at : wake;
		if (at > end) {
			s->now = end;
			return false;
		}
		count_event(s, at);
		if (s->n && s->heap[0].at <= wake) {
			struct event ev = pop(s);
			ev.fn(ev.a, ev.b);
		} else {
			s->wake[who] = UINT64_MAX;
			sim_node_wake(s->node[who]);
		}
	}
}

void sim_add_node(struct sim *s, struct sim_node *sn)
{
	if (s->nodes_n == SIM_NODES_MAX || sim_node_number(sn) != s->nodes_n)
		abort();
	s->node[s->nodes_n] = sn;
	s->wake[s->nodes_n++] = UINT64_MAX;
}

void sim_wake(struct sim *s, struct sim_node *sn, uint64_t at_ms)
{
	s->wake[sim_node_number(sn)] = at_ms > s->now ? at_ms : s->now;
}

struct sim_node *sim_node_at(struct sim *s, uint16_t port)
{
	return port && port <= s->nodes_n ? s->node[port - 1] : NULL;
}
