/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One secure session of one worker: epochs and keys, sequence numbers, the replay window, inner
 * records, liveness. No I/O: received frames are given in, frames to send are taken out, news comes
 * back as event bits. Owned by one worker; docs/protocol.md "Secure frames", "Inner records".
 */
#ifndef OCKAM_SESSION_H
#define OCKAM_SESSION_H

#include "aead.h"
#include "epoch.h"
#include "replay.h"
#include "seam.h"

struct session;
struct stream_hub;
struct streams;

struct session_config {
	uint32_t id;
	enum seam_role role;
	enum wire_suite suite;
	uint32_t label_rx, label_tx;
	uint16_t frame_max; /* largest frame of the path, at least WIRE_PATH_MIN */
	uint8_t path_flags;
	bool refusing; /* only says CLOSE(close) */
	uint8_t close;
	struct secret32 chain_rx, chain_tx, exporter;
	struct stream_hub *hub; /* NULL: no streams */
	uint64_t seed;		/* for tables whose keys the peer chooses */
};

enum session_event {
	SESSION_EV_UP = 1,     /* first frame of the peer opened, and it was no CLOSE */
	SESSION_EV_BROKEN = 2, /* see session_broken_errno */
	SESSION_EV_CLOSED = 4, /* peer's CLOSE came (answered by the next output), see
				* session_close_code; or our CLOSE was answered or timed out */
	SESSION_EV_OUTPUT = 8, /* session_output has something to give */
	SESSION_EV_MTU = 16,   /* session_mtu has changed */
};

/*
 * Receives opened application records, during session_input only. Bodies borrow. May queue and
 * close, must not free.
 */
struct session_sink {
	void *ctx;
	struct buf *buf; /* where the frames lie; NULL: borrowed */
	void (*msg)(void *ctx, struct session *s, uint32_t message, bool more, const uint8_t *body,
		uint32_t len);
	void (*frame)(
		void *ctx, struct session *s, const uint8_t *frame, uint32_t len); /* REC_FRAME */
};

/* Wipes nothing of cfg (the caller does). NULL: no memory, suite unavailable, frame_max too small.
 */
struct session *session_new(const struct session_config *cfg, uint64_t now_ms);
void session_free(struct session *s); /* wipes keys; NULL allowed */

/*
 * Opens n DATA frames of this session in place, in order of arrival, and handles their records. Bad
 * frames are dropped and counted. Event bits.
 */
unsigned session_input(struct session *s, struct aead_op *frames, unsigned n, uint64_t now_ms,
	const struct session_sink *sink);

/* Queues a part of a MSG body (split into records as the path needs). -ENOBUFS when more than
 * SESSION_QUEUE_MAX bytes wait, -EPIPE when closed or broken, -EMSGSIZE when the path is LOSSY and
 * the message would take more than one frame. */
enum { SESSION_QUEUE_MAX = 4 << 20 };
int session_msg(struct session *s, uint32_t message, bool more, const uint8_t *body, uint32_t len);
/* Queues one whole frame as REC_FRAME; -EMSGSIZE when it exceeds frame_max -
 * WIRE_CHANNEL_LINK_OVERHEAD. */
int session_frame(struct session *s, const uint8_t *frame, uint32_t len);
/* PING with the next output; a refusing session: its CLOSE again. */
void session_ping(struct session *s, uint64_t now_ms);
/* Sends what is queued, then CLOSE; any code but CLOSE_DONE, or a paused path, drops the queue.
 * Reported as SESSION_EV_CLOSED by a later call when answered or after WIRE_CLOSE_WAIT_MS; of a
 * broken session by the next tick. */
void session_close(struct session *s, enum close_code code, uint64_t now_ms);
/* The peer's hop asked to hold back (LINK PAUSE) or go on: MSG and FRAME wait, PING and CLOSE do
 * not. */
void session_pause(struct session *s, bool paused, uint64_t now_ms);
/* Bytes that the link has not sent or not seen acknowledged became fewer: a slow path, not a dead
 * one. */
void session_progress(struct session *s, uint64_t now_ms);
/* Something was sent that asks for an answer, and nothing opened since; and so many PINGs with it. */
bool session_unheard(const struct session *s);
unsigned session_unanswered(const struct session *s);

/*
 * Builds and seals at most `n` frames into ops[i].frame (buffers of at least frame_max bytes given
 * by the caller, cap each in ops[i].len on entry); sets ops[i].len. Returns how many were made.
 */
unsigned session_output(struct session *s, struct aead_op *ops, unsigned n, uint64_t now_ms);
/*
 * Seals at most n frames of one large STREAM record each where they lie, behind what session_output
 * made: ops[i].frame is bufs[i]->data, the references are the caller's. How many.
 */
unsigned session_output_bulk(struct session *s, struct aead_op *ops, struct buf **bufs, unsigned n,
	uint64_t now_ms);
bool session_wants_output(const struct session *s);
bool session_is_shared(const struct session *s); /* streams with small records beside large ones */
bool session_wants_frame(const struct session *s); /* from session_output */
bool session_wants_bulk(const struct session *s);  /* from session_output_bulk */
size_t session_queued(
	const struct session *s); /* bytes waiting to be sealed, with their overhead */

/* Next time session_tick has to run (UINT64_MAX: never), and what is due then. Event bits. */
uint64_t session_deadline(const struct session *s);
unsigned session_tick(struct session *s, uint64_t now_ms);

/* Negative: -ETIMEDOUT (nothing opened), -EILSEQ (a gap), -EKEYEXPIRED (hard limit of an epoch),
 * -EKEYREJECTED (too many forged frames). 0: not broken. */
int session_broken_errno(const struct session *s);
uint8_t session_close_code(const struct session *s);
bool session_is_open(const struct session *s); /* neither broken nor closing */
uint32_t session_id(const struct session *s);
uint32_t session_label_rx(const struct session *s);
uint32_t session_label_tx(const struct session *s);
struct streams *session_streams(struct session *s);
/* The path is gone: its streams end. */
void session_path_gone(struct session *s);
/* The largest frame that session_output may make next: a probe of the path may be the first. */
uint16_t session_frame_max(const struct session *s);
uint16_t session_mtu(const struct session *s);	    /* the largest that carries other records */
uint16_t session_path_max(const struct session *s); /* what it may become */
/* Of the frames it was given; the rest came when it did not listen any more, or behind a gap. */
struct session_counts {
	uint64_t opened, replays, forged, malformed;
};
struct session_counts session_counts(const struct session *s);
/* The epochs that it sends and receives in. */
void session_epochs(const struct session *s, uint32_t *tx, uint32_t *rx);
/* Fills the counters of a SEAM_SESSION_GET answer. */
void session_stats(const struct session *s, struct seam_msg *m);

#endif
