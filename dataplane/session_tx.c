/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From records to sealed frames. What answers (PONG) or asks (PING) is state, not queued, so it
 * never waits behind data; data waits while the path is paused.
 */
#include "session_state.h"

#include "record.h"

#include <errno.h>

/* The initiator is silent until it has opened a frame: until then the peer may not have its keys.
 */
static bool may_send(const struct session *s)
{
	return (s->up || s->role == SEAM_RESPONDER) && s->seq_tx < UINT64_MAX;
}

static bool queue_ready(const struct session *s)
{
	return s->queue.head && !s->live.paused;
}

bool session_wants_bulk(const struct session *s)
{
	return may_send(s) && !epoch_tx_hard(&s->tx) && s->state == SESSION_OPEN &&
	       !s->live.paused && streams_bulk_ready(&s->streams);
}

bool session_wants_output(const struct session *s)
{
	return session_wants_frame(s) || session_wants_bulk(s);
}

bool session_wants_frame(const struct session *s)
{
	if (!may_send(s))
		return false;
	if (epoch_tx_hard(&s->tx))
		return s->state == SESSION_OPEN && s->live.ping_wanted;
	switch (s->state) {
	case SESSION_OPEN:
		return s->live.ping_wanted || s->pong_due || s->mtu.wanted || queue_ready(s) ||
		       streams_frame_ready(&s->streams, s->live.paused);
	case SESSION_CLOSING:
		return s->queue.head || s->close_due;
	case SESSION_PARTING:
		return s->close_due;
	case SESSION_ENDED:
	case SESSION_BROKEN:
		break;
	}
	return false;
}

static void ping_put(struct session *s, struct wr *w, uint64_t now_ms)
{
	struct record_ping ping = {
		.timestamp = liveness_ping_sent(&s->live, now_ms),
		.epoch = s->rx.epoch,
	};
	record_ping_encode(w, REC_PING, &ping);
}

static void pong_put(struct session *s, struct wr *w)
{
	struct record_ping pong = {.timestamp = s->pong_timestamp, .epoch = s->rx.epoch};
	s->pong_due = false;
	record_ping_encode(w, REC_PONG, &pong);
}

/* The CLOSE that answers ends the session; our own waits for its answer. */
static void close_put(struct session *s, struct wr *w, uint64_t now_ms)
{
	s->close_due = false;
	s->close_sent_ms = now_ms;
	record_close_encode(w, s->close_tx);
	if (s->state == SESSION_PARTING)
		s->state = SESSION_ENDED;
}

/* Fills one frame's records; true when they ask for an answer. Called when there is something to
 * say. */
static bool records_put(struct session *s, struct wr *w, uint64_t now_ms)
{
	bool asks = false;
	if (s->state == SESSION_PARTING || (s->state == SESSION_CLOSING && !s->queue.head)) {
		close_put(s, w, now_ms);
		return false;
	}
	bool hard = epoch_tx_hard(&s->tx);
	if (s->state == SESSION_OPEN && s->live.ping_wanted) {
		ping_put(s, w, now_ms);
		asks = true;
	}
	if (s->state == SESSION_OPEN && s->pong_due && !hard)
		pong_put(s, w);
	if (s->state == SESSION_OPEN && !hard && streams_frame_ready(&s->streams, s->live.paused)) {
		streams_put(&s->streams, w, s->live.paused);
		asks = true;
	}
	if (queue_ready(s) && !hard) {
		outq_fill(&s->queue, w, s->lossy);
		asks = true;
	}
	return asks;
}

/* The header of op's frame, and its account. */
static void frame_head(struct session *s, const struct aead_op *op, bool asks, uint64_t now_ms)
{
	frame_header_encode(op->frame, WIRE_DATA, (uint8_t)s->tx.epoch, (uint16_t)op->len,
		s->label_tx, s->seq_tx++);
	epoch_tx_sealed(&s->tx, 1, now_ms);
	liveness_sent(&s->live, asks, now_ms);
	s->frames_tx++;
	s->bytes_tx += op->len;
}

/* A frame of the size that is tried: PING, and PAD to its end. */
static void probe_put(struct session *s, struct wr *w, uint64_t now_ms)
{
	struct record_ping ping = {
		.timestamp = mtu_probe_sent(&s->mtu, liveness_rtt_ms(&s->live), now_ms),
		.epoch = s->rx.epoch,
	};
	record_ping_encode(w, REC_PING, &ping);
	size_t pad = (size_t)(w->end - w->p) - WIRE_RECORD_HEADER;
	wr_u8(w, REC_PAD);
	wr_u8(w, 0);
	wr_u16(w, (uint16_t)pad);
	wr_u32(w, 0);
	uint8_t *zeros = wr_room(w, pad);
	assert(!w->bad);
	memset(zeros, 0, pad);
}

static void frame_build(struct session *s, struct aead_op *op, uint64_t now_ms)
{
	bool probe = s->state == SESSION_OPEN && s->mtu.wanted && !epoch_tx_hard(&s->tx), asks = true;
	uint16_t max = probe ? s->mtu.trying : s->mtu.now;
	assert(op->len >= max);
	struct wr w = wr_init(op->frame + WIRE_HEADER, max - (size_t)WIRE_DATA_MIN);
	if (probe)
		probe_put(s, &w, now_ms);
	else
		asks = records_put(s, &w, now_ms);
	assert(!w.bad);
	op->len = (uint32_t)wr_len(&w) + WIRE_DATA_MIN;
	mtu_sent(&s->mtu, op->len);
	frame_head(s, op, asks, now_ms);
}

static void look_at_epoch(struct session *s, uint64_t now_ms)
{
	if (s->state == SESSION_OPEN &&
		epoch_tx_ping_due(&s->tx, liveness_rtt_ms(&s->live), now_ms))
		s->live.ping_wanted = true;
}

/* Beside large records the path's own time must be known, to tell it from that of what waits. */
static void look_at_streams(struct session *s, uint64_t now_ms)
{
	s->streams.now_ms = now_ms;
	if (!streams_shared(&s->streams))
		return;
	if (s->state == SESSION_OPEN && now_ms >= s->live.ping_ms + LIVENESS_PING_MS)
		s->live.ping_wanted = true;
	s->streams.beside = s->live.rtt_known
				    ? STREAM_BESIDE + s->live.rtt_least_us / 1000 * STREAM_BESIDE
				    : UINT64_MAX;
}

unsigned session_output(struct session *s, struct aead_op *ops, unsigned n, uint64_t now_ms)
{
	unsigned made = 0;
	look_at_streams(s, now_ms);
	while (made < n && session_wants_frame(s)) {
		look_at_epoch(s, now_ms);
		frame_build(s, &ops[made++], now_ms);
	}
	if (made > 0) /* the key changes by a PONG only, never within a batch */
		s->tx.aead->seal(&s->tx.key, ops, made);
	return made;
}

unsigned session_output_bulk(
	struct session *s, struct aead_op *ops, struct buf **bufs, unsigned n, uint64_t now_ms)
{
	unsigned made = 0;
	s->streams.now_ms = now_ms;
	while (made < n && session_wants_bulk(s)) {
		struct aead_op *op = &ops[made];
		look_at_epoch(s, now_ms);
		bufs[made] = streams_next(&s->streams, &op->len);
		op->frame = bufs[made++]->data;
		frame_head(s, op, true, now_ms);
	}
	if (made > 0)
		s->tx.aead->seal(&s->tx.key, ops, made);
	return made;
}

static bool sends(const struct session *s)
{
	return s->state == SESSION_OPEN;
}

int session_msg(struct session *s, uint32_t message, bool more, const uint8_t *body, uint32_t len)
{
	if (!sends(s))
		return -EPIPE;
	if (s->lossy && (more || len > s->mtu.now - (uint32_t)WIRE_CHANNEL_LINK_OVERHEAD))
		return -EMSGSIZE;
	return outq_push(&s->queue, SESSION_QUEUE_MAX, REC_MSG, message, more, body, len);
}

int session_frame(struct session *s, const uint8_t *frame, uint32_t len)
{
	if (!sends(s))
		return -EPIPE;
	if (len > s->mtu.now - (uint32_t)WIRE_CHANNEL_LINK_OVERHEAD)
		return -EMSGSIZE;
	return outq_push(&s->queue, SESSION_QUEUE_MAX, REC_FRAME, 0, false, frame, len);
}

size_t session_queued(const struct session *s)
{
	return s->queue.bytes;
}
