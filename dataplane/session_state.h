/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of a session, shared by session.c (life and time), session_rx.c and session_tx.c.
 */
#ifndef OCKAM_SESSION_STATE_H
#define OCKAM_SESSION_STATE_H

#include "liveness.h"
#include "mtu.h"
#include "outq.h"
#include "session.h"
#include "stream.h"

enum session_state {
	SESSION_OPEN,	 /* carries records */
	SESSION_CLOSING, /* our CLOSE goes out or waits for its answer */
	SESSION_PARTING, /* the peer's CLOSE came: ours answers with the next output */
	SESSION_ENDED,
	SESSION_BROKEN,
};

/* In locked memory as a whole. */
struct session {
	/* of the set-up, constant */
	uint32_t id;
	enum seam_role role;
	uint32_t label_rx, label_tx;
	uint16_t frame_max;
	bool lossy;
	bool refusing;

	enum session_state state;
	bool up; /* a frame of the peer was opened */
	int broken_errno;
	bool close_due;	  /* a CLOSE record waits for its frame */
	uint8_t close_tx; /* code of ours */
	bool close_came;  /* the peer's CLOSE, code in close_rx */
	uint8_t close_rx;
	uint64_t close_sent_ms;
	uint64_t closing_until_ms;

	uint64_t seq_tx; /* the next to use */
	bool pong_due;
	uint64_t pong_timestamp; /* of the latest PING: it alone is answered */
	struct epoch_tx tx;
	struct epoch_rx rx;
	struct replay replay;
	struct secret32 exporter; /* for succession */
	struct liveness live;
	struct mtu mtu;
	struct outq queue;
	struct streams streams;

	uint64_t frames_rx, frames_tx, bytes_rx, bytes_tx;
	uint64_t replays, auth_failures, dropped;
};

/* Ends the path: broken when open, else done with. `err` is negative. Event bits. */
unsigned session_break(struct session *s, int err);
/* Starts closing, or hurries a close under way; drops what waits unless it is CLOSE_DONE. */
void session_shut(struct session *s, uint8_t code, uint64_t now_ms);

#endif
