// SPDX-License-Identifier: Apache-2.0
#include "sim.h"

#include "wire.h"

#include <sodium.h>
#include <stdlib.h>

struct event {
	uint64_t at, order;
	void (*fn)(void *a, void *b);
	void *a, *b;
};

struct wire;

struct sim_end {
	struct wire *wire;
	unsigned side;
	struct sim_dp *dp; /* NULL: nobody reads yet */
	void *link;
	bool reading;	   /* a read is on its way */
	bool closed;	   /* by its owner */
	uint64_t arrives;  /* when the last byte sent by this end is there: order is kept */
	struct chunk *waiting, **tail; /* arrived before anybody read */
	uint8_t *cut;	   /* an incomplete frame of what this end sends, for the checks */
	size_t cut_len;
};

struct wire {
	struct sim *sim;
	struct sim_node *node[2];
	struct sim_end end[2];
	unsigned delay;
	bool dead;
	unsigned index;
};

struct chunk {
	struct chunk *next;
	size_t n; /* 0: end of stream */
	uint8_t p[];
};

/* DATA that was seen: who sent it under which label and number, and a hash of its bytes. */
struct seen {
	uint64_t key, hash;
};

enum { NODES_MAX = 512, SEEN_SIZE = 1 << 16 };

struct sim {
	struct sim_options o;
	uint64_t now, order, dice;
	struct event *heap;
	size_t n, cap;
	struct wire **wires;
	unsigned wires_n;
	struct sim_node *node[NODES_MAX];
	uint64_t wake[NODES_MAX];
	unsigned nodes_n;
	struct seen seen[SEEN_SIZE];
	unsigned nonce_reuses, plaintexts;
	char marker[64];
};

static uint64_t dice; /* of the program under test: one simulation at a time */

static uint64_t roll(uint64_t *state)
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
	return (uint32_t)roll(&dice);
}

static void random_buf(void *const buf, const size_t size)
{
	uint8_t *p = buf;
	for (size_t i = 0; i < size; i++)
		p[i] = (uint8_t)roll(&dice);
}

static struct randombytes_implementation simulated = {
	.implementation_name = random_name, .random = random_u32, .buf = random_buf};

struct sim *sim_new(const struct sim_options *o)
{
	struct sim *s = calloc(1, sizeof *s);
	s->o = *o;
	s->now = 1000;
	s->dice = o->seed;
	dice = o->seed ^ 0x6f636b616d;
	randombytes_set_implementation(&simulated);
	if (sodium_init() < 0)
		abort();
	return s;
}

static void end_drop(struct sim_end *e)
{
	while (e->waiting) {
		struct chunk *c = e->waiting;
		e->waiting = c->next;
		free(c);
	}
	free(e->cut);
	e->cut = NULL;
}

void sim_free(struct sim *s)
{
	for (unsigned i = 0; i < s->nodes_n; i++)
		sim_node_free(s->node[i]);
	for (size_t i = 0; i < s->n; i++) /* chunks on their way; nothing else owns memory */
		if (s->heap[i].b)
			free(s->heap[i].b);
	for (unsigned i = 0; i < s->wires_n; i++) {
		end_drop(&s->wires[i]->end[0]);
		end_drop(&s->wires[i]->end[1]);
		free(s->wires[i]);
	}
	free(s->wires);
	free(s->heap);
	free(s);
}

uint64_t sim_now(const struct sim *s)
{
	return s->now;
}

uint64_t sim_random(struct sim *s)
{
	return roll(&s->dice);
}

static bool before(const struct event *x, const struct event *y)
{
	return x->at != y->at ? x->at < y->at : x->order < y->order;
}

void sim_at(struct sim *s, uint64_t at_ms, void (*fn)(void *a, void *b), void *a, void *b)
{
	if (s->n == s->cap) {
		s->cap = s->cap ? 2 * s->cap : 256;
		s->heap = realloc(s->heap, s->cap * sizeof *s->heap);
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
		if (at > s->now)
			s->now = at;
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
	if (s->nodes_n == NODES_MAX)
		abort();
	s->node[s->nodes_n] = sn;
	s->wake[s->nodes_n++] = UINT64_MAX;
}

void sim_wake(struct sim *s, struct sim_node *sn, uint64_t at_ms)
{
	for (unsigned i = 0; i < s->nodes_n; i++)
		if (s->node[i] == sn)
			s->wake[i] = at_ms > s->now || at_ms == UINT64_MAX ? at_ms : s->now;
}

unsigned sim_nonce_reuses(const struct sim *s)
{
	return s->nonce_reuses;
}

unsigned sim_plaintexts(const struct sim *s)
{
	return s->plaintexts;
}

void sim_set_marker(struct sim *s, const char *marker)
{
	strncpy(s->marker, marker, sizeof s->marker - 1);
}

struct sim_end *sim_wire_new(struct sim *s, struct sim_node *a, struct sim_node *b)
{
	struct wire *w = calloc(1, sizeof *w);
	s->wires = realloc(s->wires, (s->wires_n + 1) * sizeof *s->wires);
	s->wires[s->wires_n] = w;
	w->index = s->wires_n++;
	w->sim = s;
	w->node[0] = a;
	w->node[1] = b;
	unsigned spread = s->o.delay_max_ms - s->o.delay_min_ms;
	w->delay = s->o.delay_min_ms + (spread ? (unsigned)(roll(&s->dice) % (spread + 1)) : 0);
	for (unsigned i = 0; i < 2; i++) {
		w->end[i].wire = w;
		w->end[i].side = i;
		w->end[i].tail = &w->end[i].waiting;
	}
	return &w->end[0];
}

struct sim_end *sim_end_peer(struct sim_end *e)
{
	return &e->wire->end[!e->side];
}

int sim_end_fd(const struct sim_end *e)
{
	return 1000 + (int)e->wire->index * 2 + (int)e->side;
}

struct sim_end *sim_end_by_fd(struct sim *s, int fd)
{
	unsigned i = (unsigned)(fd - 1000);
	return i / 2 < s->wires_n ? &s->wires[i / 2]->end[i % 2] : NULL;
}

static void give(struct sim_end *e, struct chunk *c)
{
	if (c->n)
		sim_dp_rx(e->dp, e->link, c->p, c->n);
	else
		sim_dp_eof(e->dp, e->link);
	free(c);
}

/* Everything that arrived in one moment is read at once, as from a socket. */
static void read_all(void *a, void *b)
{
	struct sim_end *e = a;
	size_t n = 0;
	struct chunk *c;
	e->reading = false;
	for (c = e->waiting; c && c->n; c = c->next)
		n += c->n;
	struct chunk *all = calloc(1, sizeof *all + n);
	while (e->dp && (c = e->waiting)) {
		e->waiting = c->next;
		if (!c->n) { /* the end of the stream, behind all the bytes */
			e->waiting = c;
			break;
		}
		memcpy(all->p + all->n, c->p, c->n);
		all->n += c->n;
		free(c);
	}
	if (!e->waiting)
		e->tail = &e->waiting;
	if (all->n)
		give(e, all);
	else
		free(all);
	if (e->dp && (c = e->waiting) && !c->n) {
		e->waiting = c->next;
		e->tail = &e->waiting;
		give(e, c);
	}
}

static void deliver(void *a, void *b)
{
	struct sim_end *e = a;
	struct chunk *c = b;
	if (e->closed || (e->wire->dead && c->n)) {
		free(c);
		return;
	}
	*e->tail = c;
	e->tail = &c->next;
	if (e->dp && !e->reading) {
		e->reading = true;
		sim_at(e->wire->sim, e->wire->sim->now, read_all, e, NULL);
	}
}

void sim_end_attach(struct sim_end *e, struct sim_dp *dp, void *link)
{
	e->dp = dp;
	e->link = link;
	/* what waited comes a moment later, as from a socket */
	if (e->waiting && !e->reading) {
		e->reading = true;
		sim_at(e->wire->sim, e->wire->sim->now, read_all, e, NULL);
	}
}

static uint64_t mix(uint64_t h, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		h = (h ^ p[i]) * 0x100000001b3;
	return h;
}

/* The same (sender's wire, label, seq) with other bytes is one nonce used twice. */
static void check_data(struct sim *s, const struct sim_end *e, const uint8_t *f, size_t len)
{
	uint64_t key = mix(0xcbf29ce484222325 + (uint64_t)sim_end_fd(e), f + 4, 12);
	uint64_t hash = mix(0xcbf29ce484222325, f, len);
	struct seen *slot = &s->seen[key % SEEN_SIZE];
	if (slot->key == key && slot->hash != hash)
		s->nonce_reuses++;
	*slot = (struct seen){key, hash};
}

static void check_frame(struct sim *s, const struct sim_end *e, const uint8_t *f, size_t len)
{
	if ((f[0] & 15) == WIRE_DATA)
		check_data(s, e, f, len);
	if (s->marker[0] && memmem(f, len, s->marker, strlen(s->marker)))
		s->plaintexts++;
}

static void put_on_wire(struct sim_end *e, const uint8_t *p, size_t n, unsigned extra)
{
	struct sim *s = e->wire->sim;
	struct sim_end *to = sim_end_peer(e);
	while (n) {
		size_t part = s->o.chop && n > 1 ? 1 + roll(&s->dice) % n : n;
		struct chunk *c = calloc(1, sizeof *c + part);
		c->n = part;
		memcpy(c->p, p, part);
		uint64_t at = s->now + e->wire->delay + extra;
		if (at < e->arrives)
			at = e->arrives;
		e->arrives = at;
		sim_at(s, at, deliver, to, c);
		p += part;
		n -= part;
	}
}

/* Whole frames only, so that one can be lost or doubled. */
static void send_frame(struct sim_end *e, const uint8_t *f, size_t len)
{
	struct sim *s = e->wire->sim;
	unsigned type = f[0] & 15;
	check_frame(s, e, f, len);
	bool handshake = type == WIRE_INIT || type == WIRE_RESP || type == WIRE_FINISH;
	if (handshake && s->o.lose && roll(&s->dice) % 1000 < s->o.lose)
		return;
	put_on_wire(e, f, len, 0);
	if (handshake && s->o.twice && roll(&s->dice) % 1000 < s->o.twice)
		put_on_wire(e, f, len, 0);
}

void sim_end_send(struct sim_end *e, const uint8_t *p, size_t n)
{
	if (e->wire->dead || e->closed || !n)
		return;
	e->cut = realloc(e->cut, e->cut_len + n);
	memcpy(e->cut + e->cut_len, p, n);
	e->cut_len += n;
	size_t at = 0;
	while (e->cut_len - at >= WIRE_HEADER) {
		size_t len = get_be16(e->cut + at + 2);
		if (len < WIRE_HEADER || e->cut_len - at < len)
			break;
		send_frame(e, e->cut + at, len);
		at += len;
	}
	memmove(e->cut, e->cut + at, e->cut_len - at);
	e->cut_len -= at;
}

static void send_eof(struct sim_end *e)
{
	struct sim *s = e->wire->sim;
	struct chunk *c = calloc(1, sizeof *c);
	uint64_t at = s->now + e->wire->delay;
	sim_at(s, at < e->arrives ? e->arrives : at, deliver, sim_end_peer(e), c);
}

void sim_end_close(struct sim_end *e)
{
	if (e->closed)
		return;
	e->closed = true;
	e->dp = NULL;
	send_eof(e);
}

static void wire_die(struct wire *w)
{
	if (w->dead)
		return;
	w->dead = true;
	for (unsigned i = 0; i < 2; i++)
		if (!w->end[i].closed)
			send_eof(&w->end[i]);
}

void sim_cut(struct sim *s, struct sim_node *a, struct sim_node *b)
{
	for (unsigned i = 0; i < s->wires_n; i++) {
		struct wire *w = s->wires[i];
		if ((w->node[0] == a && w->node[1] == b) || (w->node[0] == b && w->node[1] == a))
			wire_die(w);
	}
}

void sim_wires_of_node_die(struct sim *s, struct sim_node *sn)
{
	for (unsigned i = 0; i < s->wires_n; i++) {
		struct wire *w = s->wires[i];
		for (unsigned k = 0; k < 2; k++)
			if (w->node[k] == sn) {
				wire_die(w);
				w->end[k].closed = true;
				w->end[k].dp = NULL;
			}
	}
}

struct sim_node *sim_node_at(struct sim *s, uint16_t port)
{
	for (unsigned i = 0; i < s->nodes_n; i++)
		if (i + 1u == port)
			return s->node[i];
	return NULL;
}
