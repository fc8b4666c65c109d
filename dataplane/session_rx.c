/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From sealed frames to records: check, open, commit, then act. Allocates nothing.
 */
#include "session_state.h"

#include "record.h"

#include <errno.h>

struct input {
	struct session *s;
	const struct session_sink *sink;
	uint64_t now_ms;
	unsigned events;
};

static bool receives(const struct session *s)
{
	return s->state == SESSION_OPEN || s->state == SESSION_CLOSING;
}

/* The key that may open the frame, with its epoch; NULL: not worth trying. Changes nothing. */
static struct aead_key *frame_admit(struct session *s, const struct aead_op *op, uint32_t *epoch)
{
	if (op->len < WIRE_DATA_MIN || op->len > WIRE_FRAME_MAX)
		return NULL;
	struct frame_header h = frame_header_decode(op->frame);
	if (h.version != WIRE_VERSION || h.type != WIRE_DATA || h.len != op->len ||
		h.label != s->label_rx)
		return NULL;
	if (!replay_check(&s->replay, h.seq))
		return NULL;
	return epoch_rx_key(&s->rx, h.sub, epoch);
}

static void frame_drop(struct session *s, struct aead_op *op)
{
	op->ok = false;
	if (op->len >= WIRE_HEADER && !replay_check(&s->replay, get_be64(op->frame + 8)))
		s->replays++;
	else
		s->dropped++;
}

static void close_take(struct input *in, const struct record *rec)
{
	struct session *s = in->s;
	uint8_t code;
	if (record_close_decode(rec, &code) != 0) {
		session_shut(s, CLOSE_PROTOCOL, in->now_ms);
		return;
	}
	/* ours that has left already is the answer to theirs */
	bool answered = s->state == SESSION_CLOSING && !s->close_due;
	streams_end(&s->streams);
	s->close_came = true;
	s->close_rx = code;
	s->state = answered ? SESSION_ENDED : SESSION_PARTING;
	s->close_due = !answered;
	if (s->close_due && !s->refusing)
		s->close_tx = CLOSE_DONE;
	outq_clear(&s->queue);
	in->events |= SESSION_EV_CLOSED;
}

static int ping_take(struct input *in, const struct record *rec)
{
	struct record_ping ping;
	struct session *s = in->s;
	if (record_ping_decode(rec, &ping) != 0)
		return -EPROTO;
	if (rec->kind == REC_PING) {
		s->pong_due = true;
		s->pong_timestamp = ping.timestamp;
		return 0;
	}
	if (mtu_pong(&s->mtu, ping.timestamp, in->now_ms))
		in->events |= SESSION_EV_MTU;
	liveness_pong(&s->live, ping.timestamp, in->now_ms);
	return epoch_tx_pong(&s->tx, ping.epoch, in->now_ms);
}

static int msg_take(struct input *in, const struct record *rec)
{
	bool more = rec->flags & REC_F_MORE;
	if (in->s->lossy && more) /* a lost part would go unnoticed */
		return -EPROTO;
	in->sink->msg(in->sink->ctx, in->s, rec->stream, more, rec->body, rec->len);
	return 0;
}

/* One record of an open session. 0, -EPROTO, or -EDQUOT: more than it was allowed. */
static int record_take(struct input *in, const struct record *rec)
{
	switch (rec->kind) {
	case REC_PAD:
		return 0;
	case REC_PING:
	case REC_PONG:
		return ping_take(in, rec);
	case REC_MSG:
		return msg_take(in, rec);
	case REC_FRAME:
		in->sink->frame(in->sink->ctx, in->s, rec->body, rec->len);
		return 0;
	case REC_OPEN:
	case REC_ACCEPT:
	case REC_REFUSE:
	case REC_STREAM:
	case REC_WINDOW:
		return in->s->streams.hub ? streams_take(&in->s->streams, rec, in->sink->buf)
					  : -EPROTO;
	default:
		return rec->kind >= REC_SKIP_FROM ? 0 : -EPROTO;
	}
}

/* Once closing, a session listens for CLOSE alone. */
static void records_take(struct input *in, const uint8_t *body, uint32_t len)
{
	struct session *s = in->s;
	struct rd r = rd_init(body, len);
	struct record rec;
	int n;
	while (receives(s) && (n = record_next(&r, &rec)) != 0) {
		if (n > 0 && rec.kind == REC_CLOSE) {
			close_take(in, &rec);
			continue;
		}
		if (n > 0 && s->state == SESSION_OPEN)
			n = record_take(in, &rec);
		if (n < 0) {
			session_shut(s, n == -EDQUOT ? CLOSE_FLOW : CLOSE_PROTOCOL, in->now_ms);
			return;
		}
	}
}

/* A frame after its opening was tried. */
static void frame_take(struct input *in, const struct aead_op *op, uint32_t epoch)
{
	struct session *s = in->s;
	uint64_t seq = get_be64(op->frame + 8);
	if (!op->ok) {
		if (++s->auth_failures >= WIRE_OPEN_FAILURES_MAX)
			in->events |= session_break(s, -EKEYREJECTED);
		return;
	}
	if (!s->lossy && seq > s->replay.next) {
		in->events |= session_break(s, -EILSEQ);
		return;
	}
	if (!replay_commit(&s->replay, seq)) { /* twice in this batch */
		s->replays++;
		return;
	}
	epoch_rx_commit(&s->rx, epoch, in->now_ms);
	liveness_opened(&s->live);
	s->up = true;
	s->frames_rx++;
	s->bytes_rx += op->len;
	records_take(in, op->frame + WIRE_HEADER, op->len - WIRE_DATA_MIN);
}

/* How many frames from `ops` on may be opened by the key of the first. */
static unsigned run_len(
	struct session *s, const struct aead_op *ops, unsigned n, const struct aead_key *key)
{
	unsigned run = 1;
	uint32_t epoch;
	if (n > AEAD_BATCH)
		n = AEAD_BATCH;
	while (run < n && frame_admit(s, &ops[run], &epoch) == key)
		run++;
	return run;
}

unsigned session_input(struct session *s, struct aead_op *frames, unsigned n, uint64_t now_ms,
	const struct session_sink *sink)
{
	struct input in = {.s = s, .sink = sink, .now_ms = now_ms};
	bool was_up = s->up;
	unsigned i = 0;
	epoch_rx_tick(&s->rx, now_ms);
	while (i < n && receives(s)) {
		uint32_t epoch;
		struct aead_key *key = frame_admit(s, &frames[i], &epoch);
		if (!key) {
			frame_drop(s, &frames[i++]);
			continue;
		}
		unsigned run = run_len(s, frames + i, n - i, key);
		key->backend->open(key, frames + i, run);
		for (unsigned j = 0; j < run && receives(s); j++)
			frame_take(&in, &frames[i + j], epoch);
		i += run;
	}
	if (!was_up && s->up && s->state == SESSION_OPEN)
		mtu_begin(&s->mtu, now_ms);
	/* a session that was refused never came up */
	if (!was_up && s->up && !s->close_came && !s->refusing)
		in.events |= SESSION_EV_UP;
	if (session_wants_output(s))
		in.events |= SESSION_EV_OUTPUT;
	return in.events;
}
