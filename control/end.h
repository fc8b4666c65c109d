/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One end of one path: a handshake under way, then the session that came out of it. Private to
 * channel.c, initiator.c, responder.c. An initiator's channel has up to two: the one in use and the
 * attempt that shall replace it; a responder's end exists before its channel does.
 */
#ifndef OCKAM_END_H
#define OCKAM_END_H

#include "channel.h"
#include "hop_part.h"
#include "pieces.h"
#include "seam_client.h"

enum end_state {
	END_AWAIT_TURN,	   /* responder: others answer first */
	END_AWAIT_LINK,	   /* initiator: the first link is dialled */
	END_AWAIT_RESP,	   /* initiator: INIT is out */
	END_AWAIT_ROW,	   /* responder: LABEL_ADD, then RESP */
	END_AWAIT_FINISH,  /* responder: RESP is out */
	END_AWAIT_SESSION, /* SESSION_ADD */
	END_AWAIT_UP,	   /* installed; nothing of the peer opened yet */
	END_UP,
	END_REFUSED, /* responder: installed only to say CLOSE */
	END_CLOSING, /* SESSION_DEL with CLOSE is out, or the peer's CLOSE came */
};

struct channel_end {
	enum end_state state;
	uint8_t role;
	struct channel *ch; /* NULL: a responder before it accepts, or any end that outlives its channel */
	struct link *link;  /* held; NULL while dialling */
	struct link_wait *wait;
	uint32_t li, lr;
	uint32_t session;
	uint8_t suite; /* from SESSION_ADD on */
	uint64_t serial; /* of its keys, once there are some */
	bool row, installed; /* asked for in the data plane */
	bool claimed_tx;
	struct handshake *hs; /* locked memory, while the handshake runs */
	struct handshake_result *result; /* from the proof until SESSION_ADD is acknowledged; wiped */
	const struct handshake_keys *keys; /* borrowed from channel, listener or node */
	struct handshake_keys *own_keys;   /* responder: copy, when the listener has its own; wiped */
	char listener[WIRE_NAME_MAX + 1];
	struct trust trust;
	uint8_t hash[32]; /* responder: of INIT's end part */
	uint8_t hops_left;
	uint16_t path_max;
	uint8_t path_flags;
	unsigned bad_finishes;	 /* that did not authenticate */
	struct crowd_item place; /* responder: among the half-open ones of link, or the refused */
	struct turn turn;	 /* END_AWAIT_TURN: `frame` is INIT's end part */
	uint8_t *frame; /* what is retransmitted: INIT, or RESP or FINISH in pieces, back to back */
	size_t frame_len;
	struct pieces pieces; /* of RESP or FINISH, that have come */
	unsigned sent;	/* how often */
	uint64_t resend_ms, expire_ms, born_ms;
	uint64_t hint_ms; /* not before: the next PING because of a RESET */
	struct channel_end *next, **link_back;
};

enum {
	HALF_ENDS_MAX = 1024, /* responders that nobody has finished */
	HALF_ENDS_PER_LINK = 512,
	TOMBS_MAX = 1024, /* of those who were refused */
	TOMBS_PER_LINK = 512,
	RESPOND_RATE = 500, /* answers to INIT per second: less than a fifth of a core */
	RESPOND_BURST = 200,
	RESPOND_AT_ONCE = 8,  /* then the loop looks elsewhere */
	BAD_FINISHES_MAX = 8, /* then the half-open end goes */
	PEERS_MAX = 8192,     /* channels that others opened */
	SPARE_HANDSHAKES = 16,
};

struct channels {
	struct channel *first;
	struct channel_end *ends;
	unsigned peers; /* channels that others opened */
	struct crowd half_open, tombs;
	struct turns turns;   /* INITs for this node's own listeners */
	uint64_t turn_due_ms; /* none has a turn before */
	uint64_t due_ms;      /* nothing else of an end or a channel is due before */
	struct handshake *spare[SPARE_HANDSHAKES]; /* wiped; making locked memory is slow */
	unsigned spares;
	uint32_t next_session;
	uint64_t next_serial;
};

struct channel_end *end_new(struct node *n, uint8_t role);
/* Forgets it: keys, rows, session (without a word), secrets. */
void end_free(struct node *n, struct channel_end *e);
uint32_t end_random_label(void);
/* Claims (link, label) in both planes as a local end; 0, -EEXIST. */
int end_claim_rx(struct node *n, struct channel_end *e, uint32_t label, seam_ack_fn *fn);
int end_claim_tx(struct node *n, struct channel_end *e, uint32_t label);
void end_send_frame(struct node *n, struct channel_end *e);
/* The largest frame that surely passes: on a path that is LOSSY nobody tells what is too large. */
uint16_t end_frame_max(const struct channel_end *e);
void end_set_frame(struct channel_end *e, uint8_t *frame, size_t len);
/* Room for a handshake: an INIT that only waits has none. 0 or -ENOMEM. */
int end_begin(struct node *n, struct channel_end *e);
/* Something of an end (resend_ms, expire_ms) or of a channel (retry_ms, give_up_ms) is due then. */
void channels_due(struct node *n, uint64_t at_ms);
/* The handshake is through: takes r, and numbers its keys. Once per handshake: a data plane takes no
 * number twice, so that no key is ever installed again. */
void end_proved(struct node *n, struct channel_end *e, struct handshake_result *r);
/* SESSION_ADD from e->result; close: CLOSE_DONE to carry data, else only that CLOSE. */
int end_install(struct node *n, struct channel_end *e, bool refuse, seam_ack_fn *fn);
/* Asks the data plane for an orderly CLOSE; the end stays until SESSION_CLOSED. */
void end_close(struct node *n, struct channel_end *e, uint8_t code);

struct channel *channel_new(struct node *n, uint8_t role);
/* Takes it out of the table; its ends are closed or dropped. */
void channel_remove(struct node *n, struct channel *ch, bool orderly);
/* The end becomes what the channel stands on; the one before is dropped. */
void channel_stand_on(struct node *n, struct channel *ch, struct channel_end *e);
/*
 * Makes the channel a link too, both ways: the peer's first frame may follow the handshake at once. The
 * command goes right behind SESSION_ADD. No link when the path is nested too deep or too narrow.
 */
void channel_link_open(struct node *n, struct channel *ch);
/* The session under the channel is gone or replaced: its link and messages with it. */
void channel_session_gone(struct node *n, struct channel *ch);

/* responder.c */
void responder_tick(struct node *n);

/* initiator.c */
void initiator_start(struct node *n, struct channel *ch);
void initiator_on_resp(struct node *n, struct channel_end *e, const uint8_t *frame, size_t len);
void initiator_on_reset(struct node *n, struct channel_end *e, uint8_t code, uint8_t hops_left);
void initiator_on_up(struct node *n, struct channel_end *e);
void initiator_on_closed(struct node *n, struct channel_end *e, uint8_t code);
/* The path under an end is gone. */
void initiator_on_broken(struct node *n, struct channel_end *e, const struct reason *why);
void initiator_tick(struct node *n, struct channel *ch);

#endif
