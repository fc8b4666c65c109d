// SPDX-License-Identifier: Apache-2.0
/* Engines with sessions: two ends, a relay between them, channels as links. */
#include "engine_box.h"

#include "aead.h"
#include "engine_private.h"

#include <stdio.h>

static struct serials serials[3];

/* a — r — b: link 2 of a is link 2 of r; link 4 of r is link 4 of b. */
struct net {
	struct box *a, *r, *b;
};

static int set_up(void **state)
{
	struct net *n = calloc(1, sizeof *n);
	for (unsigned i = 0; i < 3; i++)
		serials_init(&serials[i]);
	n->a = box_new(&serials[0], 0, 1, 0);
	n->r = box_new(&serials[1], 0, 1, 0);
	n->b = box_new(&serials[2], 0, 1, 0);
	box_link(n->a, 2);
	box_link(n->r, 2);
	box_link(n->r, 4);
	box_link(n->b, 4);
	*state = n;
	return 0;
}

static int tear_down(void **state)
{
	struct net *n = *state;
	box_free(n->a);
	box_free(n->r);
	box_free(n->b);
	free(n);
	return 0;
}

static bool carry(struct box *from, struct box *to, uint32_t link)
{
	struct box_socket *s = &from->s[link];
	if (!s->out_len)
		return false;
	size_t n = s->out_len;
	uint8_t *p = malloc(n);
	memcpy(p, s->out, n);
	s->out_len = 0;
	box_rx(to, link, p, n);
	free(p);
	return true;
}

/* Until nothing moves. */
static void run(struct net *n)
{
	bool moved;
	do {
		box_flush(n->a);
		box_flush(n->r);
		box_flush(n->b);
		moved = carry(n->a, n->r, 2);
		moved |= carry(n->r, n->a, 2);
		moved |= carry(n->r, n->b, 4);
		moved |= carry(n->b, n->r, 4);
	} while (moved);
}

static void tick(struct net *n, uint64_t ms)
{
	box_tick(n->a, n->a->now + ms);
	box_tick(n->r, n->r->now + ms);
	box_tick(n->b, n->b->now + ms);
	run(n);
}

/* Labels: the initiator receives 100 + k, the responder 200 + k; keys depend on k. */
static struct seam_msg session_msg_of(bool initiator, unsigned k, uint32_t link, uint16_t frame_max)
{
	struct seam_msg m = {.cmd = SEAM_SESSION_ADD,
		.fd = -1,
		.has = H(SESSION) | H(SERIAL) | H(ROLE) | H(SUITE) | H(LINK) | H(LABEL) |
		       H(LABEL_TX) | H(FRAME_MAX) | H(CHAIN_RX) | H(CHAIN_TX) | H(EXPORTER),
		.session = k,
		.serial = k,
		.role = initiator ? SEAM_INITIATOR : SEAM_RESPONDER,
		.suite = SUITE_CHACHAPOLY,
		.link = link,
		.frame_max = frame_max};
	m.label = (initiator ? 100 : 200) + k;
	m.label_tx = (initiator ? 200 : 100) + k;
	memset(initiator ? &m.chain_tx : &m.chain_rx, (int)k, 32);
	memset(initiator ? &m.chain_rx : &m.chain_tx, (int)k + 100, 32);
	return m;
}

/* Session 1 between a and b through r. */
static void connect_ends(struct net *n, uint16_t frame_max)
{
	box_row(n->a, 2, 101, 0);
	box_row(n->r, 4, 101, 2);
	box_row(n->r, 2, 201, 4);
	struct seam_msg m = session_msg_of(true, 1, 2, frame_max);
	struct secret32 zero = {0};
	struct seam_msg answer;
	assert_int_equal(engine_apply(n->a->e, &m, ENGINE_LOCAL, &answer, n->a->now), 0);
	assert_memory_equal(&m.chain_tx, &zero, 32);
	run(n);
	assert_int_equal(box_count(n->a, SEAM_SESSION_UP), 0);
	assert_int_equal(box_apply(n->b, session_msg_of(false, 1, 4, frame_max)), 0);
	run(n);
	assert_int_equal(box_count(n->a, SEAM_SESSION_UP), 1);
	assert_int_equal(box_count(n->b, SEAM_SESSION_UP), 1);
	assert_int_equal(box_count(n->r, SEAM_LABEL_USED), 2);
}

static int say(struct box *b, uint32_t session, uint32_t id, bool more, const void *p, size_t len)
{
	return box_apply(
		b, (struct seam_msg){.cmd = SEAM_MSG,
			   .fd = -1,
			   .session = session,
			   .message = id,
			   .more = more,
			   .frame = p,
			   .frame_len = (uint32_t)len,
			   .has = H(SESSION) | H(MESSAGE) | H(FRAME) | (more ? H(MORE) : 0)});
}

/* What one session's messages with this id add up to. */
static size_t heard(struct box *b, uint32_t id, uint8_t *dst, bool *whole)
{
	size_t n = 0;
	*whole = false;
	for (unsigned i = 0; i < b->evs; i++)
		if (b->ev[i].m.cmd == SEAM_MSG && b->ev[i].m.message == id) {
			assert_false(*whole);
			assert_true(b->ev[i].m.frame_len <= SEAM_BODY_MAX);
			memcpy(dst + n, b->ev[i].frame, b->ev[i].m.frame_len);
			n += b->ev[i].m.frame_len;
			*whole = !b->ev[i].m.more;
		}
	return n;
}

static void messages_pass_a_relay(void **state)
{
	struct net *n = *state;
	static uint8_t body[SEAM_BODY_MAX], got[20 * SEAM_BODY_MAX];
	bool whole;
	for (size_t i = 0; i < sizeof body; i++)
		body[i] = (uint8_t)(i * 31 >> 3);
	connect_ends(n, 65535);
	assert_int_equal(say(n->a, 1, 1, false, "hello", 5), 0);
	run(n);
	assert_int_equal(heard(n->b, 1, got, &whole), 5);
	assert_true(whole);
	assert_memory_equal(got, "hello", 5);
	for (unsigned i = 0; i < 20; i++)
		assert_int_equal(say(n->b, 1, 2, i < 19, body, sizeof body), 0);
	run(n);
	assert_int_equal(heard(n->a, 2, got, &whole), sizeof got);
	assert_true(whole);
	for (unsigned i = 0; i < 20; i++)
		assert_memory_equal(got + i * sizeof body, body, sizeof body);
}

/* The frame that says the peer is there, and its first message, arrive in one piece. */
static void up_is_told_before_the_first_message(void **state)
{
	struct net *n = *state;
	assert_int_equal(box_apply(n->r, session_msg_of(true, 1, 4, 4096)), 0);
	assert_int_equal(box_apply(n->b, session_msg_of(false, 1, 4, 4096)), 0);
	box_flush(n->b);
	n->r->s[4].room = 0; /* both wait, then leave together */
	carry(n->b, n->r, 4);
	assert_int_equal(say(n->r, 1, 1, false, "x", 1), 0);
	box_room(n->r, 4, SIZE_MAX);
	carry(n->r, n->b, 4);
	assert_int_equal(n->b->evs, 2);
	assert_int_equal(n->b->ev[0].m.cmd, SEAM_SESSION_UP);
	assert_int_equal(n->b->ev[1].m.cmd, SEAM_MSG);
}

static void a_session_follows_the_contract(void **state)
{
	struct net *n = *state;
	connect_ends(n, 4096);
	struct seam_msg m = session_msg_of(true, 1, 2, 4096);
	m.session = 2;
	assert_int_equal(box_apply(n->a, m), -EEXIST); /* its label is taken */
	m.label = 500;
	assert_int_equal(box_apply(n->a, m), -ESTALE);
	assert_int_equal(box_apply(n->a, box_label_msg(SEAM_LABEL_GET, 2, 500, 0)), -ENOENT);
	m.link = 8;
	m.serial = 9;
	assert_int_equal(box_apply(n->a, m), -ENOENT);
	m.link = 2;
	m.suite = 99;
	assert_int_equal(box_apply(n->a, m), -EOPNOTSUPP);
	m.suite = SUITE_CHACHAPOLY;
	assert_int_equal(box_apply(n->a, m), 0);
	m.cmd = SEAM_SESSION_GET;
	m.session = 1;
	struct seam_msg answer;
	uint8_t enc[512];
	assert_int_equal(engine_apply(n->a->e, &m, ENGINE_LOCAL, &answer, n->a->now), 0);
	assert_int_equal(answer.cmd, SEAM_SESSION_GET);
	assert_true(answer.up);
	int len = seam_encode(&answer, enc, sizeof enc);
	assert_true(len > 0);
	assert_int_equal(seam_decode(&answer, enc, (size_t)len, true), 0);
	/* FINISH for a session: young, then old */
	uint8_t f[64];
	size_t flen = box_frame(f, WIRE_FINISH, 0, 201, 0, 64);
	unsigned before = box_count(n->b, SEAM_FRAME);
	box_rx(n->b, 4, f, flen);
	assert_int_equal(box_count(n->b, SEAM_FRAME), before + 1);
	n->b->now += WIRE_TOMBSTONE_MS;
	box_rx(n->b, 4, f, flen);
	assert_int_equal(box_count(n->b, SEAM_FRAME), before + 1);
	assert_int_equal(say(n->a, 77, 1, false, "x", 1), -ENOENT);
	/* a lost link breaks it; it stays until it is deleted */
	engine_link_gone(n->a->e, n->a->s[2].l, 0, n->a->now);
	assert_int_equal(box_count(n->a, SEAM_SESSION_BROKEN), 2);
	assert_int_equal(say(n->a, 1, 1, false, "x", 1), -EPIPE);
	m = (struct seam_msg){.cmd = SEAM_SESSION_DEL, .fd = -1, .has = H(SESSION), .session = 1};
	assert_int_equal(box_apply(n->a, m), 0);
	assert_int_equal(box_apply(n->a, m), -ENOENT);
}

static void close_is_answered(void **state)
{
	struct net *n = *state;
	connect_ends(n, 4096);
	assert_int_equal(box_apply(n->a, (struct seam_msg){.cmd = SEAM_SESSION_DEL,
						 .fd = -1,
						 .has = H(SESSION) | H(CLOSE),
						 .session = 1,
						 .close = CLOSE_DONE}),
		0);
	run(n);
	tick(n, 1);
	assert_int_equal(box_count(n->a, SEAM_SESSION_CLOSED), 1);
	assert_int_equal(box_count(n->b, SEAM_SESSION_CLOSED), 1);
	assert_int_equal(box_apply(n->b, box_label_msg(SEAM_LABEL_GET, 4, 201, 0)), -ENOENT);
	assert_int_equal(say(n->a, 1, 1, false, "x", 1), -ENOENT);
	assert_int_equal(say(n->b, 1, 1, false, "x", 1), -ENOENT);
}

/* Nor does what comes behind it in the same receive reach the session. */
static void close_ends_what_follows_it(void **state)
{
	struct net *n = *state;
	enum { COPIES = 3 * AEAD_BATCH };
	connect_ends(n, 4096);
	assert_int_equal(box_apply(n->a, (struct seam_msg){.cmd = SEAM_SESSION_DEL,
						 .fd = -1,
						 .has = H(SESSION) | H(CLOSE),
						 .session = 1,
						 .close = CLOSE_DONE}),
		0);
	box_flush(n->a);
	carry(n->a, n->r, 2);
	struct box_socket *s = &n->r->s[4];
	size_t len = s->out_len;
	uint8_t *all = malloc(COPIES * len);
	assert_true(len > 0 && all);
	for (unsigned i = 0; i < COPIES; i++)
		memcpy(all + i * len, s->out, len);
	s->out_len = 0;
	box_rx(n->b, 4, all, COPIES * len);
	free(all);
	assert_int_equal(box_count(n->b, SEAM_SESSION_CLOSED), 1);
	assert_true(engine_stats(n->b->e)->drops[DROP_LABEL] >= COPIES - AEAD_BATCH);
}

static void close_without_a_peer_times_out(void **state)
{
	struct net *n = *state;
	connect_ends(n, 4096);
	n->a->s[2].room = 0; /* nothing gets out */
	assert_int_equal(box_apply(n->a, (struct seam_msg){.cmd = SEAM_SESSION_DEL,
						 .fd = -1,
						 .has = H(SESSION) | H(CLOSE),
						 .session = 1,
						 .close = CLOSE_DONE}),
		0);
	for (unsigned i = 0; i < 12; i++)
		tick(n, 500);
	assert_int_equal(box_count(n->a, SEAM_SESSION_CLOSED), 1);
}

static void a_paused_sender_holds_back(void **state)
{
	struct net *n = *state;
	static uint8_t body[SEAM_BODY_MAX];
	connect_ends(n, 16384);
	n->r->s[4].room = 0;
	unsigned sent = 0;
	int rc = 0;
	for (; sent < 500 && (rc = say(n->a, 1, 1, true, body, sizeof body)) == 0; sent++)
		run(n);
	assert_int_equal(rc, -ENOBUFS); /* 4 MiB wait at the sender, not at the relay */
	assert_in_range(sent, (4 << 20) / SEAM_BODY_MAX, (6 << 20) / SEAM_BODY_MAX);
	assert_int_equal(box_count(n->r, SEAM_LABEL_LOST), 0);
	box_room(n->r, 4, SIZE_MAX);
	run(n);
	assert_int_equal(say(n->a, 1, 1, false, body, 1), 0);
	run(n);
	size_t total = 0;
	for (unsigned i = 0; i < n->b->evs; i++)
		if (n->b->ev[i].m.cmd == SEAM_MSG)
			total += n->b->ev[i].m.frame_len;
	assert_int_equal(total, (size_t)sent * SEAM_BODY_MAX + 1);
}

static void slow_control_pauses_the_peer(void **state)
{
	struct net *n = *state;
	static uint8_t body[SEAM_BODY_MAX];
	connect_ends(n, 16384);
	n->b->hold_msgs = true;
	int rc = 0;
	unsigned sent = 0;
	for (; sent < 500 && (rc = say(n->a, 1, 1, true, body, sizeof body)) == 0; sent++)
		run(n);
	assert_int_equal(rc, -ENOBUFS);
	assert_int_equal(box_count(n->b, SEAM_SESSION_BROKEN), 0);
	size_t total = 0;
	for (unsigned i = 0; i < n->b->evs; i++)
		if (n->b->ev[i].m.cmd == SEAM_MSG)
			total += n->b->ev[i].m.frame_len;
	assert_in_range(total, 200 << 10, 600 << 10);
	n->b->hold_msgs = false;
	engine_delivered(n->b->e, 1, total, n->b->now);
	run(n);
	total = 0;
	for (unsigned i = 0; i < n->b->evs; i++)
		if (n->b->ev[i].m.cmd == SEAM_MSG)
			total += n->b->ev[i].m.frame_len;
	assert_int_equal(total, (size_t)sent * SEAM_BODY_MAX);
}

static int add_channel(struct box *b, uint32_t link, uint32_t session)
{
	int rc = box_apply(b, (struct seam_msg){.cmd = SEAM_LINK_ADD,
				      .fd = -1,
				      .has = H(LINK) | H(SESSION),
				      .link = link,
				      .session = session});
	if (rc)
		return rc;
	return box_apply(b, (struct seam_msg){.cmd = SEAM_LINK_SET,
				    .fd = -1,
				    .has = H(LINK) | H(UP) | H(FRAME_MAX),
				    .link = link,
				    .up = 1,
				    .frame_max = 8000});
}

static void a_channel_is_a_link(void **state)
{
	struct net *n = *state;
	uint8_t f[1024];
	bool whole;
	connect_ends(n, 16384);
	assert_int_equal(add_channel(n->a, 20, 9), -ENOENT);
	assert_int_equal(add_channel(n->a, 20, 1), 0);
	assert_int_equal(add_channel(n->a, 22, 1), -EEXIST);
	assert_int_equal(add_channel(n->b, 30, 1), 0);
	/* control's frames */
	box_frame(f, WIRE_INIT, 0, 5, 0, 600);
	assert_int_equal(box_apply(n->a, (struct seam_msg){.cmd = SEAM_FRAME,
						 .fd = -1,
						 .has = H(LINK) | H(FRAME),
						 .link = 20,
						 .frame = f,
						 .frame_len = 600}),
		0);
	run(n);
	struct box_event *ev = box_find(n->b, SEAM_FRAME);
	assert_non_null(ev);
	assert_int_equal(ev->m.link, 30);
	assert_int_equal(ev->m.frame_len, 600);
	assert_memory_equal(ev->frame, f, 600);
	/* what is no frame of this version stops there */
	unsigned frames = box_count(n->b, SEAM_FRAME);
	f[0] = (uint8_t)(2 << 4 | WIRE_INIT);
	box_apply(n->a, (struct seam_msg){.cmd = SEAM_FRAME,
				.fd = -1,
				.has = H(LINK) | H(FRAME),
				.link = 20,
				.frame = f,
				.frame_len = 600});
	run(n);
	assert_int_equal(box_count(n->b, SEAM_FRAME), frames);
	/* a session over it */
	assert_int_equal(box_apply(n->a, session_msg_of(true, 2, 20, 8000)), 0);
	assert_int_equal(box_apply(n->b, session_msg_of(false, 2, 30, 8000)), 0);
	run(n);
	assert_int_equal(box_count(n->a, SEAM_SESSION_UP), 2);
	assert_int_equal(box_count(n->b, SEAM_SESSION_UP), 2);
	assert_int_equal(say(n->a, 2, 8, false, "inner", 5), 0);
	run(n);
	assert_int_equal(heard(n->b, 8, f, &whole), 5);
	assert_true(whole);
	/* the outer goes: its link is lost, and the inner session with it */
	assert_int_equal(box_apply(n->a, (struct seam_msg){.cmd = SEAM_SESSION_DEL,
						 .fd = -1,
						 .has = H(SESSION),
						 .session = 1}),
		0);
	assert_int_equal(box_find(n->a, SEAM_LINK_LOST)->m.link, 20);
	assert_int_equal(box_find(n->a, SEAM_SESSION_BROKEN)->m.session, 2);
}

/* Bytes that the peer's session carries as a frame, whatever they are. */
static void forge(struct net *n, const uint8_t *p, uint32_t len)
{
	struct endpoint *ep = endpoint_find(n->a->e, 1);
	assert_int_equal(session_frame(ep->session, p, len), 0);
	endpoint_update(n->a->e, ep);
	run(n);
}

static void what_a_channel_carries_is_judged_like_any_frame(void **state)
{
	struct net *n = *state;
	uint8_t f[64];
	const struct stats *s = engine_stats(n->b->e);
	connect_ends(n, 16384);
	assert_int_equal(add_channel(n->b, 30, 1), 0);
	box_frame(f, WIRE_RESET, 0, 5, 0, 40);
	forge(n, f, 40);
	assert_int_equal(box_count(n->b, SEAM_FRAME), 1);
	for (uint32_t len = 1; len < 40; len++)
		forge(n, f, len); /* it says that it is longer */
	forge(n, f, 41);
	f[0] = (uint8_t)(2 << 4 | WIRE_RESET); /* another version */
	forge(n, f, 40);
	box_frame(f, WIRE_DATA, 0, 5, 0, WIRE_DATA_MIN - 1);
	forge(n, f, WIRE_DATA_MIN - 1);
	assert_int_equal(box_count(n->b, SEAM_FRAME), 1);
	assert_int_equal(s->drops[DROP_SHORT], 39 + 3);
	box_frame(f, WIRE_RESET, 0, 5, 0, 40);
	forge(n, f, 40); /* and none of that has ended it */
	assert_int_equal(box_count(n->b, SEAM_FRAME), 2);
}

/* Its answer to CLOSE waits for the link, but not for ever. */
static void an_answer_that_cannot_leave_is_given_up(void **state)
{
	struct net *n = *state;
	connect_ends(n, 4096);
	assert_int_equal(box_apply(n->a, (struct seam_msg){.cmd = SEAM_SESSION_DEL,
						 .fd = -1,
						 .has = H(SESSION) | H(CLOSE),
						 .session = 1,
						 .close = CLOSE_DONE}),
		0);
	n->b->s[4].room = 0;
	n->b->s[4].blocked = true;
	uint8_t ping[24];
	box_rx(n->b, 4, ping, box_frame(ping, WIRE_LINK, LINK_PING, 0, 1, 24)); /* it blocks */
	run(n);
	assert_int_equal(box_count(n->b, SEAM_SESSION_CLOSED), 1);
	n->b->now += WIRE_CLOSE_WAIT_MS + 1;
	box_tick(n->b, n->b->now);
	n->b->s[4].blocked = true;
	box_room(n->b, 4, SIZE_MAX);
	assert_int_equal(box_sent(n->b, 4, WIRE_DATA, 0, NULL), 0);
}

/* Nor does a peer that does not heed PAUSE fill memory: the session ends, and control hears no more. */
static void who_does_not_pause_is_given_up(void **state)
{
	struct net *n = *state;
	static uint8_t body[SEAM_BODY_MAX];
	connect_ends(n, 16384);
	n->b->hold_msgs = true;
	n->b->s[4].room = 0; /* PAUSE does not leave */
	for (unsigned i = 0; i < 150; i++) {
		say(n->a, 1, 1, true, body, sizeof body);
		run(n);
	}
	assert_int_equal(box_count(n->b, SEAM_SESSION_BROKEN), 1);
	size_t total = 0;
	for (unsigned i = 0; i < n->b->evs; i++)
		if (n->b->ev[i].m.cmd == SEAM_MSG)
			total += n->b->ev[i].m.frame_len;
	assert_in_range(total, 4 << 20, (4 << 20) + (1 << 20));
}

static void channels_nest_four_deep(void **state)
{
	struct net *n = *state;
	uint8_t got[64];
	bool whole;
	connect_ends(n, 1184);
	uint32_t link = 0;
	for (unsigned k = 1; k <= WIRE_NESTING_MAX; k++) {
		link = 20 + 2 * k;
		assert_int_equal(add_channel(n->a, link, k), 0);
		assert_int_equal(add_channel(n->b, link, k), 0);
		uint16_t max = (uint16_t)(1184 - 40 * k);
		assert_int_equal(box_apply(n->a, session_msg_of(true, k + 1, link, max)), 0);
		assert_int_equal(box_apply(n->b, session_msg_of(false, k + 1, link, max)), 0);
		run(n);
		assert_int_equal(box_count(n->a, SEAM_SESSION_UP), k + 1);
	}
	assert_int_equal(add_channel(n->a, 40, WIRE_NESTING_MAX + 1), -ELOOP);
	static uint8_t body[30000], all[30000];
	for (size_t i = 0; i < sizeof body; i++)
		body[i] = (uint8_t)(i ^ i >> 8);
	assert_int_equal(say(n->a, WIRE_NESTING_MAX + 1, 3, false, body, sizeof body), 0);
	assert_int_equal(say(n->b, WIRE_NESTING_MAX + 1, 4, false, "deep", 4), 0);
	run(n);
	assert_int_equal(heard(n->b, 3, all, &whole), sizeof body);
	assert_true(whole);
	assert_memory_equal(all, body, sizeof body);
	assert_int_equal(heard(n->a, 4, got, &whole), 4);
}

/* r forwards between a socket and a channel: a — r = (session r–b) = b. */
static void a_relay_forwards_into_a_channel(void **state)
{
	struct net *n = *state;
	static uint8_t f[8000];
	const uint8_t *p = NULL;
	assert_int_equal(box_apply(n->r, session_msg_of(false, 1, 4, 16384)), 0);
	assert_int_equal(box_apply(n->b, session_msg_of(true, 1, 4, 16384)), 0);
	run(n);
	assert_int_equal(add_channel(n->r, 20, 1), 0);
	assert_int_equal(add_channel(n->b, 30, 1), 0);
	box_row(n->r, 2, 7, 20);
	box_row(n->b, 30, 7, 0);
	for (unsigned i = 0; i < 10; i++) {
		box_rx(n->r, 2, f, box_frame(f, WIRE_FINISH, 0, 7, i, 4000));
		run(n);
	}
	assert_int_equal(box_count(n->b, SEAM_FRAME), 10);
	assert_memory_equal(n->b->ev[n->b->evs - 1].frame, f, 4000);
	/* a stuck channel pauses the path's own sender */
	n->r->s[4].room = 0;
	for (unsigned i = 0; i < 200; i++) {
		box_rx(n->r, 2, f, box_frame(f, WIRE_DATA, 0, 7, i, 4000));
	}
	assert_int_equal(box_sent(n->r, 2, WIRE_LINK, LINK_PAUSE, &p), 1);
	assert_int_equal(get_be32(p + WIRE_HEADER), 7);
	box_room(n->r, 4, SIZE_MAX);
	run(n);
	assert_true(box_count(n->b, SEAM_FRAME) == 10);
	assert_int_equal(engine_stats(n->b->e)->drops[DROP_HALF_OPEN], 200);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	aead_init();
	const struct CMUnitTest tests[] = {
		T(messages_pass_a_relay),
		T(up_is_told_before_the_first_message),
		T(a_session_follows_the_contract),
		T(close_is_answered),
		T(close_ends_what_follows_it),
		T(close_without_a_peer_times_out),
		T(a_paused_sender_holds_back),
		T(slow_control_pauses_the_peer),
		T(a_channel_is_a_link),
		T(what_a_channel_carries_is_judged_like_any_frame),
		T(an_answer_that_cannot_leave_is_given_up),
		T(who_does_not_pause_is_given_up),
		T(channels_nest_four_deep),
		T(a_relay_forwards_into_a_channel),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
