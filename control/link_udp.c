// SPDX-License-Identifier: Apache-2.0
#include "seam_client.h"

#include "link_udp.h"

#include "hello.h"
#include "log.h"
#include "udp_sockaddr.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

enum {
	HELLO_AGAIN_MS = 250, /* doubled each time, with a quarter of it random, up to */
	HELLO_AGAIN_MAX_MS = 4000,
	UDP_FRAME_MAX = WIRE_UDP_MAX, /* what really passes the ends of a path find out */
};

static uint64_t random_tag(void)
{
	uint64_t tag;
	do
		randombytes_buf(&tag, sizeof tag);
	while (!tag);
	return tag;
}

static uint16_t frame_max_of(const struct hello *h)
{
	return (uint16_t)(h->max_frame < UDP_FRAME_MAX ? h->max_frame : UDP_FRAME_MAX);
}

/* --- the side that dialled --- */

static void hello_send(struct node *n, struct link *l)
{
	uint8_t frame[HELLO_SIZE_MAX];
	struct link_udp *u = &l->udp;
	struct hello h = {
		.max_frame = WIRE_UDP_MAX,
		.has_tag = true,
		.tag = u->tag_rx,
		.has_cookie = u->has_cookie,
		.has_token = u->has_cookie && u->has_token, /* nobody looks at it before */
	};
	memcpy(h.cookie, u->cookie, sizeof h.cookie);
	memcpy(h.token, u->token, sizeof h.token);
	size_t len = hello_encode(frame, &h, WIRE_UDP_HELLO_MIN);
	uint32_t wait = u->tries < 4 ? (uint32_t)HELLO_AGAIN_MS << u->tries : HELLO_AGAIN_MAX_MS;
	u->tries++;
	u->resend_ms = n->now_ms + wait - wait / 8 + randombytes_uniform(wait / 4);
	links_due(n, u->resend_ms);
	seam_frame(n, l->id, frame, len);
}

int link_udp_dialled(struct node *n, struct link *l, int fd, seam_ack_fn *added)
{
	l->udp.tag_rx = random_tag();
	struct seam_msg m = {
		.cmd = SEAM_LINK_ADD,
		.fd = fd,
		.has = SEAM_HAS(SEAM_A_LINK) | SEAM_HAS(SEAM_A_TAG_RX) | SEAM_HAS(SEAM_A_PEER),
		.link = l->id,
		.peer = l->peer,
		.tag_rx = l->udp.tag_rx,
	};
	if (l->near && links_by_id(n, l->near)) {
		m.has |= SEAM_HAS(SEAM_A_OUT_LINK);
		m.out_link = l->near;
	}
	int rc = seam_request(n, &m, added, l);
	if (rc == 0)
		hello_send(n, l);
	return rc;
}

void link_udp_resend(struct node *n, struct link *l)
{
	hello_send(n, l);
}

/* Where it listens now, the other side does not know this node's address. */
void links_on_silent(struct node *n, uint32_t link)
{
	struct link *l = links_by_id(n, link);
	if (!l || l->kind != LINK_UDP || !l->dialled || l->lost || l->state != LINK_UP)
		return;
	log_debug("link %u to %s is silent: HELLO again", l->id, l->peer);
	l->udp.has_cookie = false;
	l->udp.tries = 0;
	hello_send(n, l);
}

void link_udp_on_cookie(struct node *n, struct link *l, const uint8_t *frame, size_t len)
{
	struct link_udp *u = &l->udp;
	const uint8_t *cookie = frame + WIRE_HEADER;
	if (l->kind != LINK_UDP || !l->dialled || !u->resend_ms || len != WIRE_HEADER + WIRE_COOKIE_LEN ||
		(u->has_cookie && !memcmp(u->cookie, cookie, WIRE_COOKIE_LEN)))
		return; /* one HELLO for each cookie, so that nobody makes us talk */
	memcpy(u->cookie, cookie, WIRE_COOKIE_LEN);
	u->has_cookie = true;
	u->tries = 0;
	hello_send(n, l);
}

static void moved(struct node *n, void *ctx, int error, const struct seam_msg *answer)
{
	struct link *l = ctx;
	if (error)
		log_warn("link %u to %s: %s", l->id, l->peer, strerror(-error));
}

/* The other side has answered a HELLO that was sent because of silence. */
static void on_hello_again(struct node *n, struct link *l, const struct hello *h)
{
	if (!h->moved) {
		struct reason why = reason_make(EXIT_UNREACHABLE, "%s does not know the link any more", l->peer);
		link_fail(n, l, RESET_LINK_LOST, &why);
		return;
	}
	l->udp.tag_tx = h->tag;
	memcpy(l->udp.token, h->token, sizeof l->udp.token);
	log_debug("link %u to %s goes on", l->id, l->peer);
	link_tell(n, l, moved);
}

void link_udp_on_hello(struct node *n, struct link *l, const uint8_t *frame, size_t len)
{
	struct hello h;
	if (!l->dialled || !l->udp.resend_ms || !hello_decode(frame + WIRE_HEADER, len - WIRE_HEADER, true, &h) ||
		!h.common || !h.has_tag || !h.has_token)
		return; /* what does not fit is no answer: another may come */
	l->udp.resend_ms = 0;
	if (l->state == LINK_UP) {
		on_hello_again(n, l, &h);
		return;
	}
	l->hello_seen = true;
	l->udp.tag_tx = h.tag;
	l->udp.has_token = true;
	memcpy(l->udp.token, h.token, sizeof l->udp.token);
	l->frame_max = frame_max_of(&h);
	int rc = link_tell(n, l, link_came_up);
	if (rc < 0)
		link_came_up(n, l, rc, NULL);
}

void link_udp_describe(const struct link *l, struct seam_msg *m)
{
	if (l->kind != LINK_UDP)
		return;
	m->has |= SEAM_HAS(SEAM_A_TAG_TX);
	m->tag_tx = l->udp.tag_tx;
}

/* --- the side that was dialled --- */

/* Without a link: nothing is kept of whom it goes to. */
static void answer_stateless(struct node *n, uint32_t listener, const struct udp_address *to,
	enum wire_type type, uint8_t sub, uint64_t tag, const uint8_t *body, size_t body_len)
{
	uint8_t frame[WIRE_HEADER + WIRE_COOKIE_LEN];
	size_t len = WIRE_HEADER + body_len;
	assert(len <= sizeof frame && sizeof frame <= WIRE_UDP_HELLO_MIN);
	frame_header_encode(frame, type, sub, (uint16_t)len, 0, tag);
	memcpy(frame + WIRE_HEADER, body, body_len);
	struct seam_msg m = {
		.cmd = SEAM_DGRAM,
		.fd = -1,
		.has = SEAM_HAS(SEAM_A_LISTENER) | SEAM_HAS(SEAM_A_ADDRESS) | SEAM_HAS(SEAM_A_FRAME),
		.listener = listener,
		.address = *to,
		.frame = frame,
		.frame_len = (uint32_t)len,
	};
	n->io->seam_send(n->io_ctx, &m);
}

static void answer_hello(struct node *n, struct link *l, bool was_there)
{
	uint8_t frame[HELLO_SIZE_MAX];
	struct hello h = {
		.max_frame = WIRE_UDP_MAX,
		.has_tag = true,
		.tag = l->udp.tag_rx,
		.has_token = true,
		.moved = was_there,
	};
	memcpy(h.token, l->udp.token, sizeof h.token);
	size_t len = hello_encode(frame, &h, 0);
	assert(len < WIRE_UDP_HELLO_MIN);
	seam_frame(n, l->id, frame, len);
}

static struct link *link_at(struct node *n, uint32_t listener, const struct udp_address *at)
{
	struct link *l = links_first(n);
	while (l && (l->kind != LINK_UDP || l->dialled || l->lost || l->udp.listener != listener ||
			    !udp_address_same_remote(&l->udp.at, at)))
		l = l->next;
	return l;
}

/* The token before is good too: the answer with the new one may have been lost. */
static struct link *link_with_token(struct node *n, uint32_t listener, const uint8_t *token)
{
	for (struct link *l = links_first(n); l; l = l->next)
		if (l->kind == LINK_UDP && !l->dialled && !l->lost && l->udp.listener == listener &&
			(!sodium_memcmp(l->udp.token, token, WIRE_TOKEN_LEN) ||
				!sodium_memcmp(l->udp.old_token, token, WIRE_TOKEN_LEN)))
			return l;
	return NULL;
}

static struct link_target target_of(const struct udp_address *at)
{
	struct sockaddr_storage ss;
	struct link_target t = {.kind = LINK_UDP, .port = at->port};
	udp_address_remote(at, &ss);
	link_target_set_addr(&t, &ss);
	return t;
}

static void set_peer(struct link *l, const struct udp_address *at)
{
	l->udp.at = *at;
	l->target = target_of(at);
	link_target_format(&l->target, l->peer, sizeof l->peer);
}

static void new_is_up(struct node *n, void *ctx, int error, const struct seam_msg *answer)
{
	struct link *l = ctx;
	link_came_up(n, l, error, answer);
	if (!error)
		answer_hello(n, l, false);
}

static void add_refused(struct node *n, void *ctx, int error, const struct seam_msg *answer)
{
	struct link *l = ctx;
	if (!error)
		return;
	struct reason why = reason_make(EXIT_INTERNAL, "the data plane did not take the link to %s: %s",
		l->peer, strerror(-error));
	l->lost = true;
	link_fail(n, l, RESET_LINK_LOST, &why);
}

static void accept_link(struct node *n, uint32_t listener, const struct udp_address *at, const struct hello *h)
{
	struct link_target t = target_of(at);
	struct link *l = link_accept(n, 0, &t);
	if (!l)
		return;
	l->hello_seen = true;
	l->lossy = true;
	set_peer(l, at);
	l->udp.listener = listener;
	l->udp.tag_rx = random_tag();
	l->udp.tag_tx = h->tag;
	randombytes_buf(l->udp.token, sizeof l->udp.token);
	randombytes_buf(l->udp.old_token, sizeof l->udp.old_token);
	l->frame_max = frame_max_of(h);
	struct seam_msg add = {
		.cmd = SEAM_LINK_ADD,
		.fd = -1,
		.has = SEAM_HAS(SEAM_A_LINK) | SEAM_HAS(SEAM_A_LISTENER) |
		       SEAM_HAS(SEAM_A_ADDRESS) | SEAM_HAS(SEAM_A_TAG_RX) |
		       SEAM_HAS(SEAM_A_ORIGIN) | SEAM_HAS(SEAM_A_PEER),
		.link = l->id,
		.peer = l->peer,
		.origin = seam_origin(&t.addr),
		.listener = listener,
		.address = *at,
		.tag_rx = l->udp.tag_rx,
	};
	log_debug("link %u accepted from %s on listener %u", l->id, l->peer, listener);
	int rc = seam_request(n, &add, add_refused, l);
	if (rc == 0)
		rc = link_tell(n, l, new_is_up);
	if (rc < 0)
		add_refused(n, l, rc, NULL);
}

static void move_done(struct node *n, void *ctx, int error, const struct seam_msg *answer)
{
	struct link *l = ctx;
	if (error)
		log_warn("link %u cannot move to %s: %s", l->id, l->peer, strerror(-error));
	else
		answer_hello(n, l, true);
}

/* The same link, at this address from now on, with all its paths. */
static void move_link(struct node *n, struct link *l, const struct udp_address *at, const struct hello *h)
{
	bool elsewhere = !udp_address_same_remote(&l->udp.at, at);
	struct link *there = elsewhere ? link_at(n, l->udp.listener, at) : NULL;
	if (there)
		link_close(n, there); /* that address is proved to be this dialler's now */
	if (elsewhere)
		log_debug("link %u from %s moves", l->id, l->peer);
	if (!sodium_memcmp(l->udp.token, h->token, WIRE_TOKEN_LEN)) {
		memcpy(l->udp.old_token, l->udp.token, WIRE_TOKEN_LEN);
		randombytes_buf(l->udp.token, WIRE_TOKEN_LEN);
	}
	l->udp.tag_tx = h->tag;
	set_peer(l, at);
	link_move(n, l, move_done);
}

/* A HELLO that has proved its address. */
static void on_proved(struct node *n, uint32_t listener, const struct udp_address *at, const struct hello *h)
{
	struct link *l = h->has_token ? link_with_token(n, listener, h->token) : NULL;
	if (l) {
		if (l->state == LINK_UP)
			move_link(n, l, at, h);
		return;
	}
	l = link_at(n, listener, at);
	if (l && l->udp.tag_tx == h->tag && !h->has_token) { /* our answer was lost */
		if (l->state == LINK_UP)
			answer_hello(n, l, false);
		return;
	}
	if (l)
		link_close(n, l); /* its dialler has begun anew */
	accept_link(n, listener, at, h);
}

void links_on_datagram(struct node *n, uint32_t listener, const struct udp_address *from,
	const uint8_t *frame, size_t len)
{
	struct hello h;
	struct cookies *c = &n->links->cookies;
	struct frame_header head = len >= WIRE_UDP_HELLO_MIN ? frame_header_decode(frame)
							     : (struct frame_header){0};
	if (head.version != WIRE_VERSION || head.type != WIRE_LINK || head.sub != LINK_HELLO ||
		head.len != len || head.label ||
		!hello_decode(frame + WIRE_HEADER, len - WIRE_HEADER, true, &h) || !h.has_tag)
		return;
	if (!h.common) {
		static const uint8_t versions[] = {0x81, WIRE_VERSION};
		answer_stateless(n, listener, from, WIRE_LINK, LINK_BYE, h.tag, versions, sizeof versions);
	} else if (!h.has_cookie || !cookie_valid(c, n->now_ms, listener, from, h.cookie)) {
		uint8_t cookie[WIRE_COOKIE_LEN];
		cookie_make(c, n->now_ms, listener, from, cookie);
		answer_stateless(n, listener, from, WIRE_COOKIE, 0, h.tag, cookie, sizeof cookie);
	} else if (bucket_take(&n->links->proved, n->now_ms)) {
		on_proved(n, listener, from, &h);
	}
}

static struct link *first_of(struct node *n, uint32_t listener)
{
	struct link *l = links_first(n);
	while (l && (l->kind != LINK_UDP || l->dialled || l->udp.listener != listener))
		l = l->next;
	return l;
}

void links_on_listener_gone(struct node *n, uint32_t listener)
{
	for (struct link *l; (l = first_of(n, listener));)
		link_close(n, l);
}
