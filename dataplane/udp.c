// SPDX-License-Identifier: Apache-2.0
#include "udp.h"

#include "datagram.h"
#include "log.h"
#include "udp_socket.h"
#include "wire.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	SLOTS = 1024, /* of the table of one socket's links */
	RECV_BATCH = 32, /* receives, then others have their turn */
	RECV_SIZE = 64 << 10,
	HELLO_MAX = 2048, /* of a HELLO; no true one comes near */
	HELLO_RATE = 2000, /* per second and worker, to control */
	HELLO_BURST = 500,
};

enum op_kind { OP_READABLE, OP_WRITABLE, OP_CANCEL };

struct op {
	struct port *port;
	enum op_kind kind;
};

/* The far end of a link. */
struct peer {
	struct port *port;
	struct link *l;
	struct udp_address at; /* not of a connected socket */
	struct peer *next, **back; /* of the port */
	struct peer *next_slot;
};

/* A socket. */
struct port {
	struct udps *all;
	struct port *next;
	uint32_t listener; /* 0: of one link */
	bool open;	   /* a listener that takes newcomers */
	bool ending, gro, no_gso;
	bool polled, waiting; /* for bytes, for room */
	int fd;
	unsigned ops;
	struct op readable, writable, cancel_r, cancel_w;
	struct peer *peers;
	struct peer **slots; /* of a listener, by address */
};

struct udps {
	struct ring *ring;
	struct engine *engine;
	uint64_t seed;
	unsigned tag;
	void (*event)(void *ctx, const struct seam_msg *m);
	void *ctx;
	struct port *ports;
	struct buf *rx;
	uint64_t hello_paid_us; /* GCRA */
};

struct udps *udps_new(struct ring *ring, struct engine *engine, uint64_t seed, unsigned tag,
	void (*event)(void *ctx, const struct seam_msg *m), void *ctx)
{
	struct udps *u = calloc(1, sizeof *u);
	if (!u)
		return NULL;
	*u = (struct udps){.ring = ring, .engine = engine, .seed = seed, .tag = tag, .event = event, .ctx = ctx};
	return u;
}

bool udps_idle(const struct udps *u)
{
	return !u->ports;
}

void udps_free(struct udps *u)
{
	if (!u)
		return;
	buf_put(u->rx);
	free(u);
}

/* --- which link an address belongs to --- */

static struct peer **slot(const struct port *p, const struct udp_address *a)
{
	uint64_t h = p->all->seed ^ ((uint64_t)a->family << 48 | (uint64_t)a->port << 32 | a->scope);
	for (unsigned i = 0; i < 2; i++) {
		uint64_t w;
		memcpy(&w, a->remote + 8 * i, sizeof w);
		h = (h ^ h >> 32) * 0x9e3779b97f4a7c15;
		h = (h ^ w ^ h >> 29) * 0xbf58476d1ce4e5b9;
	}
	return &p->slots[(h ^ h >> 31) % SLOTS];
}

static struct peer *peer_find(const struct port *p, const struct udp_address *a)
{
	struct peer *i = *slot(p, a);
	while (i && !udp_address_same_remote(&i->at, a))
		i = i->next_slot;
	return i;
}

static void slot_leave(struct peer *i)
{
	struct peer **pp = slot(i->port, &i->at);
	while (*pp != i)
		pp = &(*pp)->next_slot;
	*pp = i->next_slot;
}

static void slot_enter(struct peer *i, const struct udp_address *at)
{
	struct peer **pp = slot(i->port, at);
	i->at = *at;
	i->next_slot = *pp;
	*pp = i;
}

static struct peer *peer_new(struct port *p, struct link *l)
{
	struct peer *i = calloc(1, sizeof *i);
	if (!i)
		return NULL;
	*i = (struct peer){.port = p, .l = l, .next = p->peers, .back = &p->peers};
	if (i->next)
		i->next->back = &i->next;
	p->peers = i;
	return i;
}

/* --- sockets --- */

static void start(struct port *p, struct io_uring_sqe *sqe, struct op *op)
{
	io_uring_sqe_set_data64(sqe, (uintptr_t)op | p->all->tag);
	p->ops++;
}

static void arm(struct port *p)
{
	if (p->polled || p->ending)
		return;
	struct io_uring_sqe *sqe = ring_sqe(p->all->ring);
	io_uring_prep_poll_add(sqe, p->fd, POLLIN);
	start(p, sqe, &p->readable);
	p->polled = true;
}

static void wait_for_room(struct port *p)
{
	if (p->waiting || p->ending)
		return;
	struct io_uring_sqe *sqe = ring_sqe(p->all->ring);
	io_uring_prep_poll_add(sqe, p->fd, POLLOUT);
	start(p, sqe, &p->writable);
	p->waiting = true;
}

static struct port *port_new(struct udps *u, uint32_t listener, int fd)
{
	struct port *p = calloc(1, sizeof *p);
	struct peer **slots = listener ? calloc(SLOTS, sizeof *slots) : NULL;
	if (!p || (listener && !slots)) {
		free(p);
		free(slots);
		return NULL;
	}
	*p = (struct port){
		.all = u,
		.next = u->ports,
		.listener = listener,
		.open = listener,
		.fd = fd,
		.slots = slots,
	};
	p->readable = (struct op){p, OP_READABLE};
	p->writable = (struct op){p, OP_WRITABLE};
	p->cancel_r = p->cancel_w = (struct op){p, OP_CANCEL};
	udp_socket_prepare(fd, &p->gro);
	u->ports = p;
	arm(p);
	return p;
}

static void port_free(struct port *p)
{
	struct port **pp = &p->all->ports;
	if (!p->ending || p->ops)
		return;
	while (*pp != p)
		pp = &(*pp)->next;
	*pp = p->next;
	close(p->fd);
	free(p->slots);
	free(p);
}

static void cancel(struct port *p, const struct op *what, struct op *op)
{
	struct io_uring_sqe *sqe = ring_sqe(p->all->ring);
	io_uring_prep_cancel64(sqe, (uintptr_t)what | p->all->tag, 0);
	start(p, sqe, op);
}

/* When nothing needs it any more. */
static void port_end(struct port *p)
{
	if (p->open || p->peers || p->ending)
		return;
	p->ending = true;
	if (p->polled)
		cancel(p, &p->readable, &p->cancel_r);
	if (p->waiting)
		cancel(p, &p->writable, &p->cancel_w);
	port_free(p);
}

void udps_end(struct udps *u)
{
	for (struct port *p = u->ports, *next; p; p = next) {
		next = p->next;
		p->open = false;
		port_end(p);
	}
}

static struct port *port_find(const struct udps *u, uint32_t listener)
{
	struct port *p = u->ports;
	while (p && (p->listener != listener || !p->open))
		p = p->next;
	return p;
}

int udps_listen(struct udps *u, uint32_t listener, int fd)
{
	if (!listener || fd < 0)
		return -EBADF;
	return port_find(u, listener) ? -EEXIST : port_new(u, listener, fd) ? 0 : -ENOMEM;
}

int udps_unlisten(struct udps *u, uint32_t listener)
{
	struct port *p = port_find(u, listener);
	if (!p)
		return -ENOENT;
	p->open = false;
	port_end(p);
	return 0;
}

/* --- links --- */

void *udps_open(struct udps *u, struct link *l, int fd)
{
	struct port *p = port_new(u, 0, fd);
	struct peer *i = p ? peer_new(p, l) : NULL;
	if (!i && p)
		port_end(p);
	else if (!i)
		close(fd);
	return i;
}

void *udps_open_at(struct udps *u, struct link *l, uint32_t listener, const struct udp_address *at, int *error)
{
	struct port *p = port_find(u, listener);
	struct peer *i = NULL;
	*error = !p ? -ENOENT : peer_find(p, at) ? -EADDRINUSE : -ENOMEM;
	if (*error == -ENOMEM)
		i = peer_new(p, l);
	if (i)
		slot_enter(i, at);
	return i;
}

int udps_move(void *io, const struct udp_address *at)
{
	struct peer *i = io, *there = i->port->slots ? peer_find(i->port, at) : NULL;
	if (!i->port->slots)
		return -EOPNOTSUPP;
	if (there && there != i)
		return -EADDRINUSE;
	slot_leave(i);
	slot_enter(i, at);
	return 0;
}

int udps_where(const void *io, struct udp_address *at, uint16_t *local_port)
{
	const struct peer *i = io;
	return udp_socket_where(i->port->fd, i->port->slots ? &i->at : NULL, at, local_port);
}

/* A run as one send, or its frames one by one where the kernel does not take it. */
static int send_run(struct port *p, const struct peer *i, const struct datagram_run *run)
{
	const struct udp_address *to = p->slots ? &i->at : NULL;
	int rc = udp_socket_send(p->fd, to, run);
	if (rc == -ECONNREFUSED) /* an ICMP error of an earlier one */
		rc = udp_socket_send(p->fd, to, run);
	if (run->frames == 1 || rc == 0 || rc == -EAGAIN)
		return rc;
	if (rc == -EOPNOTSUPP || rc == -EIO)
		p->no_gso = true;
	struct datagrams d = {run->iov, run->pieces, 0};
	struct datagram_run one;
	while (datagrams_next(&d, 1, &one)) {
		rc = udp_socket_send(p->fd, to, &one);
		if (rc == -EMSGSIZE)
			engine_unsent(p->all->engine, i->l, DROP_TOO_BIG, one.frames);
	}
	return 0;
}

/* How many bytes have left, or are lost. */
static size_t send_all(const struct peer *i, const struct iovec *iov, unsigned n)
{
	struct port *p = i->port;
	struct datagrams d = {iov, n, 0};
	struct datagram_run run;
	size_t sent = 0;
	while (datagrams_next(&d, p->no_gso ? 1 : DATAGRAM_RUN_MAX, &run)) {
		int rc = send_run(p, i, &run);
		if (rc == -EAGAIN)
			break;
		if (rc == -EMSGSIZE)
			engine_unsent(p->all->engine, i->l, DROP_TOO_BIG, run.frames);
		else if (rc < 0)
			engine_unsent(p->all->engine, i->l, DROP_EGRESS, run.frames);
		sent += run.bytes;
	}
	return sent;
}

void udps_send(struct link *l, uint64_t now_ms)
{
	struct peer *i = link_io(l);
	struct port *p = i->port;
	const struct iovec *iov;
	unsigned n = engine_tx_take(p->all->engine, l, &iov, now_ms);
	if (!n)
		return;
	size_t bytes = 0, sent;
	for (unsigned k = 0; k < n; k++)
		bytes += iov[k].iov_len;
	sent = send_all(i, iov, n);
	engine_tx_done(p->all->engine, l, sent ? (int64_t)sent : -EAGAIN, now_ms);
	if (sent < bytes)
		wait_for_room(p);
}

void udps_close(void *io, uint64_t now_ms)
{
	struct peer *i = io;
	struct port *p = i->port;
	const struct iovec *iov;
	unsigned n = engine_tx_take(p->all->engine, i->l, &iov, now_ms);
	send_all(i, iov, n);
	if (p->slots)
		slot_leave(i);
	*i->back = i->next;
	if (i->next)
		i->next->back = i->back;
	free(i);
	port_end(p);
}

int udps_datagram(struct udps *u, const struct seam_msg *m)
{
	struct port *p = port_find(u, m->listener);
	struct datagram_run run = {.pieces = 1, .frames = 1};
	if (!p)
		return -ENOENT;
	run.iov[0] = (struct iovec){(void *)(uintptr_t)m->frame, m->frame_len};
	return udp_socket_send(p->fd, &m->address, &run);
}

/* --- what comes --- */

static bool hello_admitted(struct udps *u, uint64_t now_ms)
{
	const uint64_t step = 1000000 / HELLO_RATE, now = now_ms * 1000;
	uint64_t paid = u->hello_paid_us > now ? u->hello_paid_us : now;
	if (paid - now > HELLO_BURST * step)
		return false;
	u->hello_paid_us = paid + step;
	return true;
}

/* Nobody's datagram: the beginning of a link, or nothing. */
static void stranger(struct port *p, const struct udp_address *from, const uint8_t *f, size_t len, uint64_t now_ms)
{
	struct udps *u = p->all;
	struct frame_header h = {0};
	if (len >= WIRE_UDP_HELLO_MIN)
		h = frame_header_decode(f);
	if (h.version != WIRE_VERSION || h.type != WIRE_LINK || h.sub != LINK_HELLO || h.label ||
		h.len != len || len > HELLO_MAX || !p->open) {
		engine_drop_strange(u->engine, DROP_STRANGER);
		return;
	}
	if (!hello_admitted(u, now_ms)) {
		engine_drop_strange(u->engine, DROP_RATE);
		return;
	}
	struct seam_msg m;
	memset(&m, 0, sizeof m);
	m.cmd = SEAM_DGRAM;
	m.fd = -1;
	m.has = SEAM_HAS(SEAM_A_LISTENER) | SEAM_HAS(SEAM_A_ADDRESS) | SEAM_HAS(SEAM_A_FRAME);
	m.listener = p->listener;
	m.address = *from;
	m.frame = f;
	m.frame_len = (uint32_t)len;
	u->event(u->ctx, &m);
}

/* HELLO again from where a link is: its dialler has not heard the answer, or was started again. */
static bool is_hello(const uint8_t *f, size_t len)
{
	return len >= WIRE_UDP_HELLO_MIN && (f[0] & 15) == WIRE_LINK && f[1] == LINK_HELLO;
}

static void received(struct port *p, struct buf *b, const struct udp_received *r, uint64_t now_ms)
{
	struct peer *i = p->slots ? peer_find(p, &r->from) : p->peers;
	if (i && !(p->slots && is_hello(b->data, r->len))) {
		engine_rx_datagrams(p->all->engine, i->l, b, b->data, r->len, r->segment, now_ms);
		return;
	}
	for (size_t off = 0; off < r->len && p->slots; off += r->segment) {
		size_t len = r->len - off < r->segment ? r->len - off : r->segment;
		stranger(p, &r->from, b->data + off, len, now_ms);
	}
}

/* A buffer that nothing else refers to. */
static struct buf *rx_buf(struct udps *u)
{
	if (u->rx && u->rx->refs > 1) {
		buf_put(u->rx);
		u->rx = NULL;
	}
	if (!u->rx)
		u->rx = buf_plain(RECV_SIZE);
	return u->rx;
}

/* An ICMP error says that nobody is there; once the link is up it has to be believed no more. */
static void failed(struct port *p, int error, uint64_t now_ms)
{
	struct peer *i = p->slots ? NULL : p->peers;
	if (i && !link_is_up(i->l) && (error == -ECONNREFUSED || error == -EHOSTUNREACH))
		engine_link_gone(p->all->engine, i->l, error, now_ms);
}

static void drain(struct port *p, uint64_t now_ms)
{
	for (unsigned n = 0; n < RECV_BATCH && !p->ending; n++) {
		struct udp_received r;
		struct buf *b = rx_buf(p->all);
		int rc = b ? udp_socket_recv(p->fd, b->data, b->cap, &r) : -ENOMEM;
		if (rc == -EAGAIN || rc == -ENOMEM)
			break;
		if (rc < 0)
			failed(p, rc, now_ms);
		else if (r.len)
			received(p, b, &r, now_ms);
	}
	arm(p);
}

static void room(struct port *p)
{
	for (struct peer *i = p->peers; i; i = i->next)
		engine_tx_room(p->all->engine, i->l);
}

void udps_completion(struct udps *u, void *op_of, const struct io_uring_cqe *cqe, uint64_t now_ms)
{
	const struct op *op = op_of;
	struct port *p = op->port;
	(void)u;
	if (op->kind == OP_READABLE)
		p->polled = false;
	else if (op->kind == OP_WRITABLE)
		p->waiting = false;
	if (!p->ending && op->kind == OP_READABLE)
		drain(p, now_ms);
	else if (!p->ending && op->kind == OP_WRITABLE && cqe->res >= 0)
		room(p);
	p->ops--; /* only now may it go */
	port_free(p);
}
