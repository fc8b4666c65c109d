// SPDX-License-Identifier: Apache-2.0
/*
 * Wires: what a TCP connection is to two nodes. Bytes keep their order within a wire, not between
 * wires; they come in pieces cut anywhere; a wire takes only so much before its sender has to wait;
 * it can end at any byte, what is under way is lost then, or say nothing for as long as it likes.
 */
#include "sim_world.h"

#include "wire.h"

#include <stdlib.h>

struct sim_end {
	struct wire *wire;
	unsigned side;
	struct sim_dp *dp; /* NULL: nobody reads yet, or any more */
	void *link;
	bool reading;	  /* a read is on its way */
	bool starved;	  /* its owner waits for room */
	bool closed;	  /* by its owner */
	uint64_t arrives; /* when the last byte sent by this end is there: order is kept */
	uint64_t busy_until;
	size_t flying;		       /* bytes sent by this end that the other has not read */
	struct chunk *waiting, **tail; /* arrived and not read */
	uint8_t *cut;		       /* the beginning of a frame that this end sends */
	size_t cut_len;
};

struct wire {
	struct sim *sim;
	struct sim_node *node[2];
	struct sim_end end[2];
	unsigned delay;
	size_t window;
	bool dead, held;
	unsigned index;
};

struct chunk {
	struct chunk *next;
	size_t n; /* 0: end of stream */
	uint8_t p[];
};

static void drop_waiting(struct sim_end *e)
{
	while (e->waiting) {
		struct chunk *c = e->waiting;
		e->waiting = c->next;
		sim_drop(c);
	}
	e->tail = &e->waiting;
}

void sim_wires_free(struct sim *s)
{
	for (unsigned i = 0; i < s->wires_n; i++) {
		for (unsigned k = 0; k < 2; k++) {
			drop_waiting(&s->wires[i]->end[k]);
			sim_drop(s->wires[i]->end[k].cut);
		}
		sim_drop(s->wires[i]);
	}
	sim_drop(s->wires);
}

static size_t pick_window(struct sim *s)
{
	size_t w = s->o.window_min;
	while (w && w < s->o.window_max && sim_roll(&s->dice) % 2)
		w *= 2;
	return w;
}

bool sim_separated(struct sim *s, struct sim_node *a, struct sim_node *b)
{
	return s->side[sim_node_number(a)] != s->side[sim_node_number(b)];
}

struct sim_end *sim_wire_new(struct sim *s, struct sim_node *a, struct sim_node *b)
{
	struct wire *w = sim_alloc(sizeof *w);
	s->wires = sim_grow(s->wires, (s->wires_n + 1) * sizeof *s->wires);
	s->wires[s->wires_n] = w;
	s->wires_alive++;
	w->index = s->wires_n++;
	w->sim = s;
	w->node[0] = a;
	w->node[1] = b;
	unsigned spread = s->o.delay_max_ms - s->o.delay_min_ms;
	w->delay = s->o.delay_min_ms + (spread ? (unsigned)(sim_roll(&s->dice) % (spread + 1)) : 0);
	w->window = pick_window(s);
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

size_t sim_end_flying(const struct sim_end *e)
{
	return e->flying;
}

size_t sim_end_window(const struct sim_end *e)
{
	return e->wire->window;
}

static void has_room(void *a, void *b)
{
	struct sim_end *e = a;
	if (e->dp && e->starved) {
		e->starved = false;
		sim_dp_room(e->dp, e->link);
	}
}

static void was_read(struct sim_end *reader, size_t n)
{
	struct sim_end *from = sim_end_peer(reader);
	from->flying -= n;
	if (from->starved && from->flying <= from->wire->window / 2)
		sim_at(from->wire->sim, from->wire->sim->now, has_room, from, NULL);
}

/* Everything that arrived in one moment is read at once, as from a socket. */
static void read_all(void *a, void *b)
{
	struct sim_end *e = a;
	size_t n = 0;
	struct chunk *c;
	e->reading = false;
	if (!e->dp || e->wire->held)
		return;
	for (c = e->waiting; c && c->n; c = c->next)
		n += c->n;
	if (n) {
		uint8_t *all = sim_alloc(n);
		for (n = 0; (c = e->waiting) && c->n; n += c->n, sim_drop(c)) {
			memcpy(all + n, c->p, c->n);
			e->waiting = c->next;
		}
		if (!e->waiting)
			e->tail = &e->waiting;
		was_read(e, n);
		sim_dp_rx(e->dp, e->link, all, n);
		sim_drop(all);
	}
	if (e->dp && e->waiting &&
		!e->waiting->n) { /* the end of the stream, behind all the bytes */
		drop_waiting(e);
		sim_dp_eof(e->dp, e->link);
	}
}

static void read_soon(struct sim_end *e)
{
	if (e->dp && !e->reading && !e->wire->held && e->waiting) {
		e->reading = true;
		sim_at(e->wire->sim, e->wire->sim->now, read_all, e, NULL);
	}
}

static void deliver(void *a, void *b)
{
	struct sim_end *e = a;
	struct chunk *c = b;
	if (e->closed || (e->wire->dead && c->n)) {
		sim_drop(c);
		return;
	}
	*e->tail = c;
	e->tail = &c->next;
	read_soon(e);
}

void sim_end_attach(struct sim_end *e, struct sim_dp *dp, void *link)
{
	e->dp = dp;
	e->link = link;
	read_soon(e); /* what waited comes a moment later, as from a socket */
}

static void put_on_wire(struct sim_end *e, const uint8_t *p, size_t n)
{
	struct sim *s = e->wire->sim;
	struct sim_end *to = sim_end_peer(e);
	e->flying += n;
	while (n) {
		size_t part = s->o.chop && n > 1 ? 1 + sim_roll(&s->dice) % n : n;
		struct chunk *c = sim_alloc(sizeof *c + part);
		c->n = part;
		memcpy(c->p, p, part);
		if (e->busy_until < s->now)
			e->busy_until = s->now;
		if (s->o.rate)
			e->busy_until += part / s->o.rate;
		uint64_t at = e->busy_until + e->wire->delay;
		if (s->o.jitter_ms)
			at += sim_roll(&s->dice) % s->o.jitter_ms;
		if (at < e->arrives)
			at = e->arrives;
		e->arrives = at;
		sim_at(s, at, deliver, to, c);
		p += part;
		n -= part;
	}
}

static void trace_frame(const struct sim_end *e, const uint8_t *f, size_t len)
{
	static const char *const name[] = {
		"?", "CONTROL", "INIT", "RESP", "FINISH", "DATA", "RESET", "COOKIE", "LINK"};
	unsigned type = f[0] & 15;
	sim_trace(e->wire->sim, "%s -> %s  wire %u  %s sub %02x label %08x seq %llu len %zu",
		sim_node_name(e->wire->node[e->side]), sim_node_name(e->wire->node[!e->side]),
		e->wire->index, name[type < 9 ? type : 0], f[1], get_be32(f + 4),
		(unsigned long long)get_be64(f + 8), len);
}

/* A whole frame leaves. */
static void frame_leaves(struct sim_end *e, const uint8_t *f, size_t len)
{
	struct sim *s = e->wire->sim;
	unsigned type = f[0] & 15;
	s->frames[type]++;
	sim_watch_frame(s, f, len);
	if (s->o.trace)
		trace_frame(e, f, len);
	if (!s->o.lose && !s->o.twice)
		return; /* its bytes are on the wire already */
	bool handshake = type == WIRE_INIT || type == WIRE_RESP || type == WIRE_FINISH;
	if (handshake && s->o.lose && sim_roll(&s->dice) % 1000 < s->o.lose)
		return;
	put_on_wire(e, f, len);
	if (handshake && s->o.twice && sim_roll(&s->dice) % 1000 < s->o.twice)
		put_on_wire(e, f, len);
}

/* A frame in pieces: up to n bytes of it. How many were taken; 0: no frame has such a length. */
static size_t take_piece(struct sim_end *e, const uint8_t *p, size_t n)
{
	size_t len = e->cut_len >= 4 ? get_be16(e->cut + 2) : 4;
	if (len < (e->cut_len >= 4 ? (size_t)WIRE_HEADER : 4))
		return 0;
	if (!e->cut)
		e->cut = sim_grow(NULL, WIRE_FRAME_MAX);
	size_t part = len - e->cut_len < n ? len - e->cut_len : n;
	memcpy(e->cut + e->cut_len, p, part);
	e->cut_len += part;
	if (e->cut_len > 4 && e->cut_len == len) {
		e->cut_len = 0;
		frame_leaves(e, e->cut, len);
	}
	return part;
}

/* Finds the frames in what is sent. */
static void look_at(struct sim_end *e, const uint8_t *p, size_t n)
{
	for (size_t used; n; p += used, n -= used) {
		used = n >= WIRE_HEADER && !e->cut_len ? get_be16(p + 2) : 0;
		if (used >= WIRE_HEADER && used <= n)
			frame_leaves(e, p, used);
		else
			used = take_piece(e, p, n);
		if (!used) {
			sim_fault(e->wire->sim, "what is no frame was sent");
			return;
		}
	}
}

size_t sim_end_send(struct sim_end *e, const uint8_t *p, size_t n)
{
	if (e->wire->dead || e->closed)
		return n;
	size_t window = e->wire->window, room = e->flying < window ? window - e->flying : 0;
	if (window && n > room) {
		n = room;
		e->starved = true;
	}
	look_at(e, p, n);
	if (!e->wire->sim->o.lose && !e->wire->sim->o.twice)
		put_on_wire(e, p, n);
	return n;
}

static void send_eof(struct sim_end *e)
{
	struct sim *s = e->wire->sim;
	struct chunk *c = sim_alloc(sizeof *c);
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
	if (sim_end_peer(e)->closed && !e->wire->dead) {
		e->wire->dead = true;
		e->wire->sim->wires_alive--;
	}
}

static void wire_die(struct wire *w)
{
	if (w->dead)
		return;
	sim_trace(w->sim, "wire %u ends", w->index);
	w->dead = true;
	w->sim->wires_alive--;
	for (unsigned i = 0; i < 2; i++) {
		if (w->held) /* this had not arrived, be it the end that the other side had made */
			drop_waiting(&w->end[i]);
		send_eof(&w->end[i]);
	}
	w->held = false;
}

void sim_cut(struct sim *s, struct sim_node *a, struct sim_node *b)
{
	for (unsigned i = 0; i < s->wires_n; i++) {
		struct wire *w = s->wires[i];
		if ((w->node[0] == a && w->node[1] == b) || (w->node[0] == b && w->node[1] == a))
			wire_die(w);
	}
}

static struct wire *pick(struct sim *s)
{
	unsigned k = s->wires_alive ? (unsigned)(sim_roll(&s->dice) % s->wires_alive) : 0;
	for (unsigned i = 0; i < s->wires_n; i++)
		if (!s->wires[i]->dead && !k--)
			return s->wires[i];
	return NULL;
}

bool sim_cut_any(struct sim *s)
{
	struct wire *w = pick(s);
	if (w)
		wire_die(w);
	return w;
}

void sim_hold_any(struct sim *s)
{
	struct wire *w = pick(s);
	if (!w)
		return;
	sim_trace(s, "wire %u falls silent", w->index);
	w->held = true;
}

void sim_partition(struct sim *s, uint64_t (*side)(const struct sim_node *sn, void *ctx), void *ctx)
{
	for (unsigned i = 0; i < s->nodes_n; i++)
		s->side[i] = side(s->node[i], ctx);
	for (unsigned i = 0; i < s->wires_n; i++) {
		struct wire *w = s->wires[i];
		if (!w->dead && sim_separated(s, w->node[0], w->node[1]))
			w->held = true;
	}
}

void sim_heal(struct sim *s)
{
	memset(s->side, 0, sizeof s->side);
	for (unsigned i = 0; i < s->wires_n; i++) {
		struct wire *w = s->wires[i];
		if (!w->held)
			continue;
		w->held = false;
		read_soon(&w->end[0]);
		read_soon(&w->end[1]);
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

unsigned long sim_frames(const struct sim *s, unsigned type)
{
	return s->frames[type & 15];
}
