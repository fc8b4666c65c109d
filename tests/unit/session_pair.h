/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two ends of a session and a hand-driven wire between them, for the session tests. Includes
 * cmocka.
 */
#ifndef OCKAM_SESSION_PAIR_H
#define OCKAM_SESSION_PAIR_H

#include "record.h"
#include "session_state.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
/* cmocka.h needs the three above */
#include <cmocka.h>

#include "../vectors/data_frames.h"

enum { PAIR_FRAME_MAX = 1400, PAIR_FRAMES = 64 };

/* What one session_output call gave. */
struct frames {
	unsigned n;
	struct aead_op ops[PAIR_FRAMES];
	uint8_t bytes[PAIR_FRAMES][PAIR_FRAME_MAX];
};

/* What a sink received: every body behind the other. */
struct heard {
	unsigned msgs, ended, frames;
	uint32_t message;
	size_t len;
	uint8_t bytes[1 << 20];
};

static uint64_t now = 1000000;
static struct heard heard;

static inline void heard_body(const uint8_t *body, uint32_t len)
{
	assert_true(heard.len + len <= sizeof heard.bytes);
	memcpy(heard.bytes + heard.len, body, len);
	heard.len += len;
}

static inline void heard_msg(void *ctx, struct session *s, uint32_t message, bool more,
	const uint8_t *body, uint32_t len)
{
	heard.msgs++;
	heard.ended += !more;
	heard.message = message;
	heard_body(body, len);
}

static inline void heard_frame(void *ctx, struct session *s, const uint8_t *frame, uint32_t len)
{
	heard.frames++;
	heard_body(frame, len);
}

static const struct session_sink pair_sink = {.msg = heard_msg, .frame = heard_frame};

static inline void heard_reset(void)
{
	heard.msgs = heard.ended = heard.frames = 0;
	heard.len = 0;
}

static inline struct session_config pair_config(enum seam_role role, uint8_t path_flags)
{
	bool i = role == SEAM_INITIATOR;
	struct session_config cfg = {
		.id = i ? 1 : 2,
		.role = role,
		.suite = SUITE_CHACHAPOLY,
		.label_rx = i ? 0x11111111 : VECTOR_LABEL,
		.label_tx = i ? VECTOR_LABEL : 0x11111111,
		.frame_max = PAIR_FRAME_MAX,
		.path_flags = path_flags,
	};
	memcpy(cfg.chain_tx.b, i ? vector_chain_i2r : vector_chain_r2i, 32);
	memcpy(cfg.chain_rx.b, i ? vector_chain_r2i : vector_chain_i2r, 32);
	memcpy(cfg.exporter.b, vector_exporter, 32);
	return cfg;
}

static inline struct session *end_new(enum seam_role role, uint8_t path_flags)
{
	struct session_config cfg = pair_config(role, path_flags);
	struct session *s = session_new(&cfg, now);
	assert_non_null(s);
	return s;
}

static inline unsigned output(struct session *s, struct frames *f)
{
	for (unsigned i = 0; i < PAIR_FRAMES; i++)
		f->ops[i] = (struct aead_op){.frame = f->bytes[i], .len = PAIR_FRAME_MAX};
	f->n = session_output(s, f->ops, PAIR_FRAMES, now);
	return f->n;
}

static inline unsigned input(struct session *s, struct frames *f)
{
	return session_input(s, f->ops, f->n, now, &pair_sink);
}

/* Gives one frame by itself, as a copy. */
static inline unsigned input_copy(struct session *s, const uint8_t *frame, uint32_t len)
{
	uint8_t *copy = malloc(len ? len : 1);
	assert_non_null(copy);
	memcpy(copy, frame, len);
	struct aead_op op = {.frame = copy, .len = len};
	unsigned events = session_input(s, &op, 1, now, &pair_sink);
	free(copy);
	return events;
}

/* Moves frames both ways until both ends are silent; events of both. */
static inline unsigned settle(struct session *a, struct session *b)
{
	static struct frames f;
	unsigned events = 0;
	while (session_wants_output(a) || session_wants_output(b)) {
		if (output(a, &f))
			events |= input(b, &f);
		if (output(b, &f))
			events |= input(a, &f);
	}
	return events;
}

struct pair {
	struct session *i, *r;
};

static inline struct pair pair_new(uint8_t path_flags)
{
	struct pair p = {end_new(SEAM_INITIATOR, path_flags), end_new(SEAM_RESPONDER, path_flags)};
	settle(p.i, p.r);
	assert_true(p.i->up && p.r->up);
	heard_reset();
	return p;
}

static inline void pair_free(struct pair *p)
{
	session_free(p->i);
	session_free(p->r);
}

/* An end that says what it likes: the initiator's keys without its manners. */
struct forger {
	struct epoch_tx tx;
	uint8_t frame[PAIR_FRAME_MAX];
	uint32_t len;
};

/* Seals `body` as the initiator's frame `seq` in f->tx's epoch. */
static inline void forge(struct forger *f, uint64_t seq, const void *body, uint32_t len)
{
	f->len = WIRE_DATA_MIN + len;
	frame_header_encode(
		f->frame, WIRE_DATA, (uint8_t)f->tx.epoch, (uint16_t)f->len, VECTOR_LABEL, seq);
	if (len)
		memcpy(f->frame + WIRE_HEADER, body, len);
	struct aead_op op = {.frame = f->frame, .len = f->len};
	f->tx.aead->seal(&f->tx.key, &op, 1);
}

static inline void forger_init(struct forger *f)
{
	struct secret32 chain;
	memcpy(chain.b, vector_chain_i2r, sizeof chain.b);
	assert_int_equal(epoch_tx_init(&f->tx, aead_best(SUITE_CHACHAPOLY), &chain, now), 0);
}

static inline void forger_epoch(struct forger *f, uint32_t epoch)
{
	while (f->tx.epoch < epoch) {
		f->tx.due = true;
		assert_int_equal(epoch_tx_pong(&f->tx, f->tx.epoch, now), 0);
	}
}

#endif
