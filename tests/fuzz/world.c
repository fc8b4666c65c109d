// SPDX-License-Identifier: Apache-2.0
#include "world.h"

#include "fuzz.h"
#include "listener.h"
#include "seam_client.h"
#include "world_udp.h"

#include <errno.h>
#include <netinet/in.h>

enum { NOW_S = 1800000000, FAKE_FD = 1 << 20, REST_STEP = 10000 };

static struct world *world; /* the one there is */

static void push(struct queue *q, const void *msg, size_t len, const struct parcel *like)
{
	if (q->tail - q->head == WORLD_QUEUE)
		return; /* a data plane that is full: the program may drop */
	struct parcel *p = &q->p[q->tail++ % WORLD_QUEUE];
	*p = *like;
	if (!msg)
		return;
	p->msg = malloc(len);
	CHECK(p->msg);
	memcpy(p->msg, msg, len);
	p->len = len;
}

static struct parcel *first(struct queue *q)
{
	return q->head == q->tail ? NULL : &q->p[q->head % WORLD_QUEUE];
}

void world_drop(struct queue *q)
{
	if (q->head == q->tail)
		return;
	free(first(q)->msg);
	q->head++;
}

void world_repeat(struct queue *q)
{
	struct parcel *p = first(q);
	if (p && p->msg)
		push(q, p->msg, p->len, &(struct parcel){.fd = -1});
}

struct parcel *world_next_command(struct world_node *wn)
{
	struct parcel *p = first(&wn->commands);
	return p && p->msg ? p : NULL;
}

struct parcel *world_next_news(struct world_node *wn)
{
	struct parcel *p = first(&wn->news);
	return p && p->msg ? p : NULL;
}

void world_tell(struct world_node *wn, const struct seam_msg *m)
{
	static uint8_t buf[SEAM_MSG_MAX];
	int n = seam_encode(m, buf, sizeof buf);
	if (n > 0)
		push(&wn->news, buf, (size_t)n, &(struct parcel){.fd = -1});
}

/* node_io */

static int io_seam_send(void *ctx, const struct seam_msg *m)
{
	static uint8_t buf[SEAM_MSG_MAX];
	struct world_node *wn = ctx;
	int n = seam_encode(m, buf, sizeof buf);
	CHECK(n > 0); /* control says nothing that the seam cannot carry */
	if (!wn->ending)
		push(&wn->commands, buf, (size_t)n, &(struct parcel){.fd = m->fd});
	return 0;
}

static void io_resolve(void *ctx, uint32_t id, const char *host, uint16_t port)
{
	struct world_node *wn = ctx;
	push(&wn->news, NULL, 0,
		&(struct parcel){.fd = -1, .id = id, .port = port, .resolve = true});
}

static void io_connect(void *ctx, uint32_t id, const struct link_target *t)
{
	struct world_node *wn = ctx;
	push(&wn->news, NULL, 0, &(struct parcel){.fd = -1, .id = id, .port = t->port});
}

static void io_cancel(void *ctx, uint32_t id)
{
	struct world_node *wn = ctx;
	for (unsigned i = wn->news.head; i != wn->news.tail; i++) {
		struct parcel *p = &wn->news.p[i % WORLD_QUEUE];
		if (!p->msg && p->id == id)
			p->id = 0;
	}
}

static bool io_is_own(void *ctx, const struct identifier *id)
{
	return true;
}

static bool io_is_own_listener(void *ctx, const struct link_target *t)
{
	return t->port != 9;
}

static const struct node_io io = {
	.seam_send = io_seam_send,
	.resolve = io_resolve,
	.connect = io_connect,
	.cancel = io_cancel,
	.is_own = io_is_own,
	.is_own_listener = io_is_own_listener,
};

/* The model */

static struct world_link *link_find(struct world_node *wn, uint32_t id)
{
	for (unsigned i = 0; id && i < WORLD_LINKS; i++)
		if (wn->links[i].id == id)
			return &wn->links[i];
	return NULL;
}

static struct world_link *link_add(struct world_node *wn, uint32_t id)
{
	for (unsigned i = 0; i < WORLD_LINKS; i++)
		if (!wn->links[i].id) {
			wn->links[i] = (struct world_link){.id = id};
			return &wn->links[i];
		}
	return NULL;
}

static struct world_session *session_find(struct world_node *wn, uint32_t id)
{
	for (unsigned i = 0; id && i < WORLD_SESSIONS; i++)
		if (wn->sessions[i].id == id)
			return &wn->sessions[i];
	return NULL;
}

/* The session at the other end, by its labels. */
static struct world_session *session_peer(const struct world_session *s, struct world_node **at)
{
	for (unsigned k = 0; k < WORLD_NODES; k++)
		for (unsigned i = 0; i < WORLD_SESSIONS; i++) {
			struct world_session *o = &world->node[k].sessions[i];
			if (o->id && o != s && o->label_rx == s->label_tx &&
				o->label_tx == s->label_rx) {
				*at = &world->node[k];
				return o;
			}
		}
	return NULL;
}

static void tell_session(
	struct world_node *wn, uint16_t cmd, struct world_session *s, uint8_t close)
{
	struct seam_msg m = {.cmd = cmd,
		.fd = -1,
		.session = s->id,
		.close = close,
		.has = SEAM_HAS(SEAM_A_SESSION)};
	if (cmd == SEAM_SESSION_CLOSED) {
		if (s->closed)
			return;
		s->closed = true;
		m.has |= SEAM_HAS(SEAM_A_CLOSE);
	} else if (s->up) {
		return;
	} else {
		s->up = true;
	}
	world_tell(wn, &m);
}

static void lose_link(struct world_node *wn, uint32_t id)
{
	struct world_link *l = link_find(wn, id);
	if (!l)
		return;
	l->id = 0;
	world_tell(wn, &(struct seam_msg){.cmd = SEAM_LINK_LOST,
			       .fd = -1,
			       .link = id,
			       .has = SEAM_HAS(SEAM_A_LINK) | SEAM_HAS(SEAM_A_ERROR)});
}

static void session_gone(struct world_node *wn, struct world_session *s)
{
	for (unsigned i = 0; i < WORLD_LINKS; i++)
		if (wn->links[i].id && wn->links[i].session == s->id)
			lose_link(wn, wn->links[i].id);
	s->id = 0;
}

static int do_link_add(struct world_node *wn, const struct seam_msg *m, int fd)
{
	if (link_find(wn, m->link))
		return -EEXIST;
	struct world_link *l = link_add(wn, m->link);
	if (!l)
		return -EMFILE;
	if (m->has & SEAM_HAS(SEAM_A_SESSION)) {
		l->session = m->session;
		return session_find(wn, m->session) ? 0 : (l->id = 0, -ENOENT);
	}
	if (m->has & SEAM_HAS(SEAM_A_TAG_RX)) {
		int rc = world_udp_add(world, l, m, fd < 0 ? 0 : (unsigned)(fd - FAKE_FD));
		l->id = rc ? 0 : l->id;
		return rc;
	}
	struct world_node *to = &world->node[fd - FAKE_FD];
	struct world_link *other = link_add(to, to->next_accepted);
	if (!other)
		return l->id = 0, -EMFILE;
	to->next_accepted += 2;
	*other = (struct world_link){.id = other->id, .peer = wn->index, .peer_id = l->id};
	*l = (struct world_link){.id = l->id, .peer = to->index, .peer_id = other->id};
	world_tell(to, &(struct seam_msg){.cmd = SEAM_LINK_NEW,
			       .fd = -1,
			       .link = other->id,
			       .listener = 1,
			       .peer = "127.0.0.1:40000",
			       .has = SEAM_HAS(SEAM_A_LINK) | SEAM_HAS(SEAM_A_LISTENER) |
				      SEAM_HAS(SEAM_A_PEER)});
	return 0;
}

static int do_session_add(struct world_node *wn, const struct seam_msg *m)
{
	struct world_session *s = NULL;
	struct world_node *at;
	if (session_find(wn, m->session))
		return -EEXIST;
	for (unsigned i = 0; !s && i < WORLD_SESSIONS; i++)
		if (!wn->sessions[i].id)
			s = &wn->sessions[i];
	if (!s || !link_find(wn, m->link))
		return -ENOENT;
	*s = (struct world_session){
		.id = m->session, .label_rx = m->label, .label_tx = m->label_tx};
	struct world_session *o = session_peer(s, &at);
	if (o && m->has & SEAM_HAS(SEAM_A_CLOSE)) {
		tell_session(at, SEAM_SESSION_CLOSED, o, m->close);
		tell_session(wn, SEAM_SESSION_CLOSED, s, m->close);
	} else if (o) {
		tell_session(at, SEAM_SESSION_UP, o, 0);
		tell_session(wn, SEAM_SESSION_UP, s, 0);
	}
	return 0;
}

static int do_session_del(struct world_node *wn, const struct seam_msg *m)
{
	struct world_session *s = session_find(wn, m->session), *o;
	struct world_node *at;
	if (!s)
		return -ENOENT;
	if (m->has & SEAM_HAS(SEAM_A_CLOSE)) {
		o = session_peer(s, &at);
		if (o)
			tell_session(at, SEAM_SESSION_CLOSED, o, m->close);
		tell_session(wn, SEAM_SESSION_CLOSED, s, m->close);
	}
	session_gone(wn, s);
	return 0;
}

/* To the link's other end: over the wire, or through the session that it stands on. */
static void do_frame(struct world_node *wn, const struct seam_msg *m)
{
	struct world_link *l = link_find(wn, m->link);
	struct seam_msg out = {.cmd = SEAM_FRAME,
		.fd = -1,
		.frame = m->frame,
		.frame_len = m->frame_len,
		.has = SEAM_HAS(SEAM_A_LINK) | SEAM_HAS(SEAM_A_FRAME)};
	struct world_node *at = NULL;
	if (!l)
		return;
	if (l->udp) {
		world_udp_frame(world, wn, l, m);
		return;
	}
	if (!l->session) {
		at = &world->node[l->peer];
		out.link = l->peer_id;
	} else {
		struct world_session *s = session_find(wn, l->session);
		struct world_session *o = s ? session_peer(s, &at) : NULL;
		for (unsigned i = 0; o && i < WORLD_LINKS; i++)
			if (at->links[i].id && at->links[i].session == o->id)
				out.link = at->links[i].id;
	}
	if (at && link_find(at, out.link))
		world_tell(at, &out);
}

static int do_msg(struct world_node *wn, const struct seam_msg *m)
{
	struct world_session *s = session_find(wn, m->session);
	struct world_node *at;
	struct world_session *o = s ? session_peer(s, &at) : NULL;
	if (!o)
		return s ? -EPIPE : -ENOENT;
	struct seam_msg out = *m;
	out.want_ack = false;
	out.seq = 0;
	out.session = o->id;
	world_tell(at, &out);
	return 0;
}

static void answer_label(struct world_node *wn, const struct seam_msg *m)
{
	world_tell(wn, &(struct seam_msg){.cmd = SEAM_LABEL_GET,
			       .fd = -1,
			       .seq = m->seq,
			       .link = m->link,
			       .label = m->label,
			       .idle_ms = world->idle_ms,
			       .has = SEAM_HAS(SEAM_A_LINK) | SEAM_HAS(SEAM_A_LABEL) |
				      SEAM_HAS(SEAM_A_IDLE_MS)});
}

static int execute(struct world_node *wn, const struct seam_msg *m, int fd)
{
	struct world_link *l = link_find(wn, m->link);
	switch (m->cmd) {
	case SEAM_LINK_ADD:
		return do_link_add(wn, m, fd);
	case SEAM_LINK_DEL:
		if (!l)
			return -ENOENT;
		if (!l->session && !l->udp)
			lose_link(&world->node[l->peer], l->peer_id);
		l->id = 0;
		return 0;
	case SEAM_LABEL_GET:
		answer_label(wn, m);
		return 0;
	case SEAM_SESSION_ADD:
		return do_session_add(wn, m);
	case SEAM_SESSION_DEL:
		return do_session_del(wn, m);
	case SEAM_FRAME:
		do_frame(wn, m);
		return 0;
	case SEAM_MSG:
		return do_msg(wn, m);
	case SEAM_DGRAM:
		world_udp_datagram(world, wn, m);
		return 0;
	case SEAM_LINK_SET:
		return l ? world_udp_set(world, wn, l, m) : -ENOENT;
	case SEAM_LABEL_ADD:
		return l ? 0 : -ENOENT;
	default:
		return 0;
	}
}

bool world_command(struct world *w, struct world_node *wn, int error)
{
	struct parcel *p = first(&wn->commands);
	struct seam_msg m;
	if (!p)
		return false;
	struct parcel mine = *p;
	wn->commands.head++;
	/* one that the target has changed may be malformed: the data plane drops it */
	if (!seam_decode(&m, mine.msg, mine.len, false)) {
		int rc = error ? error : execute(wn, &m, mine.fd);
		if (m.want_ack)
			world_tell(
				wn, &(struct seam_msg){
					    .cmd = SEAM_ACK, .fd = -1, .seq = m.seq, .error = rc});
	}
	free(mine.msg);
	return true;
}

/* 127.0.0.1, or whatever else the port says. */
static void finish_dial(struct world_node *wn, const struct parcel *p)
{
	struct sockaddr_storage addr = {0};
	struct sockaddr_in *in = (struct sockaddr_in *)&addr;
	bool there = p->port >= 1 && p->port <= WORLD_NODES && !world->no_connect;
	in->sin_family = AF_INET;
	in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	in->sin_port = htons(p->port);
	if (!p->id)
		return;
	if (p->resolve)
		links_on_resolved(
			wn->n, p->id, &addr, p->port == 8 ? 0 : 1, p->port == 8 ? -3008 : 0);
	else
		links_on_connected(wn->n, p->id, there ? FAKE_FD + p->port - 1 : -1,
			there ? 0 : -ECONNREFUSED);
}

void world_enter(struct world *w, struct world_node *wn)
{
	node_enter(wn->n, w->now, NOW_S + w->now / 1000);
}

bool world_news(struct world *w, struct world_node *wn)
{
	struct parcel *p = first(&wn->news);
	if (!p)
		return false;
	struct parcel mine = *p;
	wn->news.head++;
	world_enter(w, wn);
	if (mine.msg)
		seam_input(wn->n, mine.msg, mine.len);
	else
		finish_dial(wn, &mine);
	free(mine.msg);
	return true;
}

void world_run(struct world *w, unsigned most)
{
	for (bool any = true; any && most;) {
		any = false;
		for (unsigned i = 0; i < WORLD_NODES; i++) {
			if (world_command(w, &w->node[i], 0))
				any = true, most -= most > 0;
			if (world_news(w, &w->node[i]))
				any = true, most -= most > 0;
		}
	}
}

void world_pass(struct world *w, uint64_t ms)
{
	w->now += ms;
	for (unsigned i = 0; i < WORLD_NODES; i++) {
		world_enter(w, &w->node[i]);
		if (node_deadline(w->node[i].n) <= w->now)
			node_tick(w->node[i].n);
	}
}

void world_rest(struct world *w, uint64_t ms)
{
	uint64_t end = w->now + ms, due = 0;
	while (due <= end) {
		world_run(w, 800);
		due = UINT64_MAX;
		for (unsigned i = 0; i < WORLD_NODES; i++) {
			uint64_t next = node_deadline(w->node[i].n);
			due = next < due ? next : due;
		}
		if (due <= end)
			world_pass(w, due > w->now + REST_STEP ? due - w->now : REST_STEP);
	}
}

static void make_keys(struct handshake_keys *k, uint8_t seed)
{
	struct secret32 primary;
	memset(k, 0, sizeof *k);
	memset(k->static_key.b, seed, sizeof k->static_key.b);
	memset(k->static_public, seed, sizeof k->static_public); /* stub_sodium.h */
	int n = identity_create(&primary, k->history, sizeof k->history, NOW_S - 100);
	CHECK(n > 0);
	k->history_len = (size_t)n;
	CHECK(!identity_verify(k->history, k->history_len, NOW_S, &k->identity));
	n = attestation_create(&k->identity, &primary, k->static_public, NOW_S - 100,
		NOW_S + 300000000, k->attestation, sizeof k->attestation);
	CHECK(n > 0);
	k->attestation_len = (size_t)n;
	k->suites[0] = SUITE_CHACHAPOLY;
	k->suites_n = 1;
}

void world_init(struct world *w)
{
	static const char *const names[] = {"a", "r", "b"};
	static struct handshake_keys keys[WORLD_NODES];
	struct trust none = {0};
	struct listener *api;
	world = w;
	memset(w, 0, sizeof *w);
	w->now = 1000;
	for (unsigned i = 0; i < WORLD_NODES; i++) {
		struct world_node *wn = &w->node[i];
		if (!keys[i].history_len)
			make_keys(&keys[i], (uint8_t)(0x21 + i));
		wn->index = i;
		wn->next_accepted = 1;
		wn->n = node_new(names[i], &keys[i], &io, wn);
		CHECK(wn->n);
		world_enter(w, wn);
		CHECK(!listener_add(wn->n, "api", &none, NULL, NULL, &api));
	}
}

void world_fini(struct world *w)
{
	for (unsigned i = 0; i < WORLD_NODES; i++)
		w->node[i].ending = true;
	for (unsigned i = 0; i < WORLD_NODES; i++) {
		struct world_node *wn = &w->node[i];
		world_enter(w, wn);
		node_free(wn->n);
		while (first(&wn->commands))
			world_drop(&wn->commands);
		while (first(&wn->news))
			world_drop(&wn->news);
	}
}
