// SPDX-License-Identifier: Apache-2.0
/*
 * One session of the data plane behind its AEAD (stub_aead.c): a program of frames that come in,
 * records that are queued, closing, pauses and time.
 */
#include "session.h"
#include "fuzz.h"
#include "stub_sodium.h"

#include <errno.h>

enum { RX = 0x11111111, TX = 0x22222222, STEPS_MAX = 200, BATCH = 4, CAP = 2048 };

struct box {
	struct session *s;
	uint64_t now, seq; /* of the next frame that comes in */
	uint64_t sent;	   /* frames that left */
	bool closed;
	uint8_t frame[BATCH][CAP];
};

static void on_msg(void *ctx, struct session *s, uint32_t message, bool more, const uint8_t *body,
	uint32_t len)
{
	const struct box *b = ctx;
	const uint8_t *frames = (const uint8_t *)b->frame;
	CHECK(body >= frames && body + len <= frames + sizeof b->frame);
}

static void on_frame(void *ctx, struct session *s, const uint8_t *frame, uint32_t len)
{
	on_msg(ctx, s, 0, false, frame, len);
}

static void events(struct box *b, unsigned ev)
{
	CHECK(!(ev & SESSION_EV_BROKEN) || session_broken_errno(b->s) < 0);
	b->closed |= (ev & SESSION_EV_CLOSED) != 0;
	CHECK(!(ev & SESSION_EV_OUTPUT) == !session_wants_output(b->s));
}

/* Frames in order unless the program says otherwise. */
static void receive(struct box *b, struct rd *r)
{
	const struct session_sink sink = {.ctx = b, .msg = on_msg, .frame = on_frame};
	struct aead_op ops[BATCH];
	unsigned n = 1 + rd_u8(r) % BATCH;
	for (unsigned i = 0; i < n; i++) {
		uint8_t odd = rd_u8(r), sub = odd & 1 ? rd_u8(r) : 0;
		int8_t jump = odd & 2 ? (int8_t)rd_u8(r) : 0;
		uint32_t label = odd & 4 ? rd_u32(r) : RX;
		size_t len = rd_u8(r);
		uint8_t *f = b->frame[i];
		const uint8_t *body = rd_bytes(r, len);
		if (!body)
			len = 0;
		memset(f, 0, CAP);
		if (len)
			memcpy(f + WIRE_HEADER, body, len);
		if (odd & 8)
			f[WIRE_HEADER + len] = 0xff; /* does not open */
		uint64_t seq = b->seq + (uint64_t)(int64_t)jump;
		frame_header_encode(f, odd & 16 ? rd_u8(r) & 15 : WIRE_DATA, sub,
			(uint16_t)(WIRE_DATA_MIN + len), label, seq);
		ops[i] = (struct aead_op){.frame = f, .len = (uint32_t)(WIRE_DATA_MIN + len)};
		if (!(odd & 30))
			b->seq++;
	}
	events(b, session_input(b->s, ops, n, b->now, &sink));
}

static void send(struct box *b)
{
	static uint8_t out[BATCH][WIRE_FRAME_MAX];
	struct aead_op ops[BATCH];
	for (unsigned i = 0; i < BATCH; i++)
		ops[i] = (struct aead_op){.frame = out[i], .len = WIRE_FRAME_MAX};
	const uint16_t max = session_frame_max(b->s); /* a probe may be the first */
	unsigned n = session_output(b->s, ops, BATCH, b->now);
	CHECK(n <= BATCH);
	for (unsigned i = 0; i < n; i++) {
		struct frame_header h = frame_header_decode(out[i]);
		CHECK(h.type == WIRE_DATA && h.len == ops[i].len && h.label == TX);
		CHECK(h.len >= WIRE_DATA_MIN && h.len <= max);
		CHECK(h.seq == b->sent++); /* no number twice, none left out */
	}
}

static void queue(struct box *b, struct rd *r, bool frame)
{
	static uint8_t body[SEAM_BODY_MAX];
	uint16_t len = rd_u16(r) & (SEAM_BODY_MAX - 1);
	int rc = frame ? session_frame(b->s, body, len)
		       : session_msg(b->s, rd_u8(r), rd_u8(r) & 1, body, len);
	CHECK(rc == 0 || rc == -ENOBUFS || rc == -EPIPE || rc == -EMSGSIZE);
	CHECK(!(frame && rc == 0) || len <= session_mtu(b->s) - WIRE_CHANNEL_LINK_OVERHEAD);
}

static void pass(struct box *b, uint64_t ms)
{
	b->now += ms;
	if (session_deadline(b->s) <= b->now)
		events(b, session_tick(b->s, b->now));
}

static void step(struct box *b, struct rd *r)
{
	switch (rd_u8(r) % 11) {
	case 0:
	case 1:
		receive(b, r);
		break;
	case 2:
		send(b);
		break;
	case 3:
		queue(b, r, false);
		break;
	case 4:
		queue(b, r, true);
		break;
	case 5:
		pass(b, rd_u8(r));
		break;
	case 6:
		pass(b, 1000ull * rd_u8(r));
		break;
	case 7:
		session_ping(b->s, b->now);
		break;
	case 8:
		session_close(b->s, rd_u8(r) % 5, b->now);
		break;
	case 9:
		session_pause(b->s, rd_u8(r) & 1, b->now);
		break;
	default:
		session_progress(b->s, b->now);
	}
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	aead_init();
	return 0;
}

/* Left alone, a session that nobody answers ends, and does not ask to be called for ever. */
static void run_out(struct box *b)
{
	session_pause(b->s, false, b->now);
	for (unsigned i = 0; i < 2000; i++) {
		uint64_t at = session_deadline(b->s);
		if (session_wants_output(b->s))
			send(b);
		else if (at == UINT64_MAX)
			return;
		else
			pass(b, at > b->now ? at - b->now : 0);
	}
	CHECK(!"it rests");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct box b;
	struct rd r = rd_init(data, size);
	uint8_t how = rd_u8(&r);
	struct session_config cfg = {
		.id = 1,
		.role = how & 1 ? SEAM_INITIATOR : SEAM_RESPONDER,
		.suite = SUITE_CHACHAPOLY,
		.label_rx = RX,
		.label_tx = TX,
		.frame_max = (uint16_t)(how & 2 ? 65535 : WIRE_PATH_MIN),
		.path_flags = how & 4 ? PATH_LOSSY : 0,
		.refusing = (how & 24) == 24,
		.close = CLOSE_NOT_AUTHORIZED,
	};
	b = (struct box){.now = 1000000};
	b.s = session_new(&cfg, b.now);
	CHECK(b.s);
	for (unsigned i = 0; i < STEPS_MAX && rd_left(&r); i++)
		step(&b, &r);
	run_out(&b);
	session_free(b.s);
	return 0;
}
