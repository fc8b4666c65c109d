/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the engine share: engine.c (links, timers), command.c (the seam's commands),
 * row.c (label rows), rx.c (received frames), tx.c (what leaves), endpoint.c (sessions and channel
 * links), portal.c (streams and their applications).
 */
#ifndef OCKAM_ENGINE_PRIVATE_H
#define OCKAM_ENGINE_PRIVATE_H

#include "allowance.h"
#include "engine.h"
#include "link.h"
#include "session.h"
#include "stream.h"

enum {
	CTL_NODE_MAX = 64 << 20,     /* bytes that wait on all links for control, by far */
	PARTIAL_NODE_MAX = 64 << 20, /* bytes of frames that are not whole yet */
	PARTIALS_MAX = 16384,	     /* links in the middle of one, per worker */
	HELD_LINK_MAX = 16384,	     /* labels of one link that are paused */
	HELD_NODE_MAX = 65536,	     /* of all */
};

/* What frames go on to, found by the (link, label) they leave with: for PAUSE from behind. */
struct reverse {
	struct label_node node;
	struct row *row;	   /* either */
	struct endpoint *endpoint; /* or */
};

/* One label of one link: frames that come with it leave by `out`, or belong to an end here. */
struct row {
	struct label_node node;
	struct row *in_next, **in_back;	  /* of the same link */
	struct row *out_next, **out_back; /* of the same way out */
	struct egress *egress;
	struct reverse rev;
	uint32_t out_id;  /* 0: local */
	int out_worker;	  /* ENGINE_LOCAL, or who owns the way out */
	struct link *out; /* NULL: local end, other worker, or gone */
	struct endpoint *endpoint;
	uint32_t other; /* for the dump: the path's other row is (out_id, other); 0: not told */
	bool used;
	bool kernel; /* it was said that the kernel may serve it */
	size_t in_mail;				    /* bytes on their way to the other worker */
	bool paused_here, paused_next, paused_mail; /* why its sender was told to pause */
	uint64_t last_ms;
	uint64_t through_ms; /* when frames of it last passed uncopied (through.h); 0: never */
};

/* The rows that leave by one link, which may be another worker's. Lives as long as it has some. */
struct egress {
	struct label_node node; /* (link id, 0) */
	struct row *rows;
};

/* A session and its place: the link it sends by, its row, the channel link on top of it. */
struct endpoint {
	struct label_node node; /* (session id, 0) */
	struct reverse rev;
	struct flow flow;
	struct session *session;
	struct link *link; /* NULL: the path is gone */
	struct row *row;
	struct link *channel;
	struct timer timer;
	struct note note; /* control's, for the dump */
	char *peer;	  /* who it is, for the operator; heap, may be NULL */
	uint32_t epoch_tx, epoch_rx; /* that the operator was told of */
	uint64_t added_ms;
	uint64_t tx_end;  /* where its last frame ends in the bytes of its link */
	uint64_t tx_ping; /* the same of the first PING since it was heard; 0: none has left */
	uint64_t tx_seen; /* how far the link's bytes were acknowledged when its clock last ran */
	size_t undelivered;
	unsigned untold; /* news of streams that control has not taken */
	struct portal *portals;
	bool up_told, sender_paused, broken,
		leaving; /* leaving: only its last output is waited for */
};

struct engine {
	struct engine_config cfg;
	struct bufpool pool;
	struct bufpool ctl_pool; /* of LINK and control frames that wait */
	size_t pinned; /* bytes of other workers' receive buffers that wait on links of ours */
	struct bufpool partial_pool; /* of frames that are not whole yet */
	struct label_table links, rows, reverse, egresses, held, endpoints, backlogs, origins;
	struct link *partials, **partials_tail; /* links with such a frame, oldest first */
	struct crowd partials_of; /* the same by origin */
	struct bufpool app_pool; /* what streams receive into, or hold */
	struct stream_hub hub;
	struct timers timers;
	struct link *ready, **ready_tail;
	struct buf *work;   /* frames that came out of sessions, to be handled next: [link id
			       u32][frame] ... */
	size_t mail_window; /* of the mail being handled */
	struct allowance *mail_from;
	const struct limits *limits; /* NULL: none */
	uint64_t changes;   /* of rows: a remembered row is only good while this stands */
	uint64_t portal_changes; /* that came or went */
	uint64_t now_ms;
	struct guard guard; /* of busy links, together */
	struct stats stats;
	char counters[4096]; /* as text, for control */
};

/* engine.c */
struct seam_msg event_of(uint16_t cmd, uint64_t has);
void event_link(struct engine *e, uint16_t cmd, uint32_t link, int error);
void event_session(struct engine *e, uint16_t cmd, uint32_t session, int error, uint8_t close);
void event_label(struct engine *e, uint16_t cmd, uint32_t link, uint32_t label, uint8_t code);
void event_frame(struct engine *e, struct link *l, const uint8_t *frame, uint32_t len);
/* Frames that came and go no further; l may be NULL. */
void drop(struct engine *e, struct link *l, enum drop_reason why);
void drops(struct engine *e, struct link *l, enum drop_reason why, uint64_t frames);
struct link *link_create(struct engine *e, uint32_t id, uint8_t nesting); /* not in the table yet */
/* A copy of what control calls the far end, for the operator; NULL: it did not say, or no memory.
 */
char *peer_copy(const struct seam_msg *m);
/* Removes a link with all that hangs on it; `told`: LINK_LOST with error goes to control. */
void link_destroy(struct engine *e, struct link *l, int error, bool told);
void link_timer_fire(struct engine *e, struct link *l);
/* Whose allowance it shares, 0: it has its own; or it has none any more. */
void link_tenant_set(struct engine *e, struct link *l, uint64_t tenant);
void link_tenant_leave(struct engine *e, struct link *l);
/* The frame at the end of what came is incomplete, or is no more: *l->partial was set, or is taken.
 */
void link_partial_begin(struct engine *e, struct link *l, struct buf *b);
struct buf *link_partial_take(struct engine *e, struct link *l);
void mail_all(struct engine *e, const struct engine_mail *m);

/* origin.c: the link takes part in what is few of its origin (without, when there is no memory), or
 * is alone again. */
void origin_join(struct engine *e, struct link *l, uint64_t origin);
void origin_leave(struct engine *e, struct link *l);

/* dump.c: one answer of SEAM_DUMP for each link, row and session. */
void engine_dump(struct engine *e, uint32_t seq);

/* counters.c: what stats.h counts, for SEAM_STATS_GET. The text is the engine's. */
void engine_counters(struct engine *e, const struct seam_msg *m, struct seam_msg *answer);

/* portal.c: the same for the portals of a session; and what its peer has asked is asked again. */
void portals_dump(struct engine *e, struct endpoint *ep, uint32_t seq);

/* through.c */
void mail_through(struct engine *e, const struct engine_mail *m);
void mail_release(struct engine *e, const struct engine_mail *m);

/* row.c */
struct row *row_find(const struct engine *e, uint32_t link, uint32_t label);
struct row *row_create(struct engine *e, struct link *l, uint32_t label);
/* 0 or -ENOMEM. */
int row_forward_to(
	struct engine *e, struct row *r, uint32_t out_id, struct link *out, int out_worker);
void row_destroy(struct engine *e, struct row *r);
/* The path of row (link, label) of `worker` is reset: RESET to the side it comes from, LABEL_LOST.
 */
void row_reset(struct engine *e, unsigned worker, uint32_t link, uint32_t label, uint8_t code);
/* Its queue here, or the hop behind, is full or has room again: tells the sender when that changes.
 */
void row_pause(
	struct engine *e, unsigned worker, uint32_t link, uint32_t label, bool next, bool on);
/* Bytes went into the mail to another worker, or came out there. May end the path. */
void row_mailed(struct engine *e, struct row *r, size_t len);
void row_mail_done(struct engine *e, uint32_t link, uint32_t label, size_t len);
/* The neighbour on `link` holds frames with `label` back. Rows and sessions of this worker. */
void egress_pause(struct engine *e, uint32_t link, uint32_t label, bool on);
void rows_link_gone(struct engine *e, uint32_t link);

/*
 * held.c: the neighbour on l asks to hold `label` back, or no more. Acts only when that is a
 * change, so that each PAUSE that was taken is undone by its RESUME, whatever else was too much.
 * False: it did nothing.
 */
bool held_set(struct engine *e, struct link *l, uint32_t label, bool on);
void held_link_gone(struct engine *e, struct link *l);

/* How many of the link's bytes have left and were acknowledged; UINT64_MAX: cannot be told. */
uint64_t link_acked(struct engine *e, struct link *l);
/* Looks again how much may be under way on a link whose sender was told to pause. */
void link_look_at_window(struct engine *e, struct link *l);
/* What may wait of one path, when so much may be under way on its sender's link. */
size_t path_limit(size_t window);

/* datagram.c: of datagram links. Something was sent that asks for an answer; the link was heard. */
void datagram_asked(struct engine *e, struct link *l);
void datagram_heard(struct engine *e, struct link *l);
/* Nothing else tells the other end that a datagram link ends. */
void datagram_bye(struct engine *e, struct link *l);
void datagram_timer_fire(struct engine *e, struct link *l);
/* Frames of this type carry the receiver's tag. */
bool datagram_tagged(uint8_t type);

/* rx.c */
void rx_work(struct engine *e); /* handles e->work until nothing is left */

/* tx.c */
void link_ready(struct engine *e, struct link *l);
void link_unready(struct engine *e, struct link *l);
void tx_ctl(struct engine *e, struct link *l, const uint8_t *frame, uint32_t len);
/* Into a queue of the link, with its tag when it has one. 0 or -ENOMEM. */
int tx_push(struct link *l, struct queue *q, struct bufpool *pool, const uint8_t *frame, uint32_t len);
/* A frame of control behind what waits of its path. */
int backlog_push_own(
	struct engine *e, struct link *l, struct backlog *b, const uint8_t *frame, uint32_t len);
void tx_link_u32(struct engine *e, struct link *l, uint8_t sub, uint32_t label);
void tx_reset(struct engine *e, struct link *l, uint32_t label, uint8_t sub);
/* A run of whole frames that came by in_link: straight from b when the way is clear, else copied.
 */
void tx_run(struct engine *e, struct link *l, unsigned in_worker, uint32_t in_link, struct buf *b,
	uint8_t *p, uint32_t len, unsigned frames);
void tx_link_gone(struct engine *e, struct link *l); /* frees what waits */

/* endpoint.c */
struct endpoint *endpoint_find(const struct engine *e, uint32_t session);
int endpoint_add(struct engine *e, const struct seam_msg *m);
int endpoint_del(struct engine *e, struct endpoint *ep, bool say, uint8_t close);
void endpoint_destroy(struct engine *e, struct endpoint *ep);
/* b: where the frames lie, or NULL. */
void endpoint_input(
	struct engine *e, struct endpoint *ep, struct aead_op *ops, unsigned n, struct buf *b);
void endpoint_update(
	struct engine *e, struct endpoint *ep);		   /* after any call that may want output */
void endpoint_sent(struct engine *e, struct endpoint *ep); /* after session_output; may free it */
void endpoint_path_gone(struct engine *e, struct endpoint *ep, int error);
void endpoint_timer_fire(struct engine *e, struct endpoint *ep);
void endpoint_delivered(struct engine *e, struct endpoint *ep, size_t bytes);
int channel_add(struct engine *e, const struct seam_msg *m);
void channel_pump(struct engine *e, struct link *l);

/* portal.c */
const struct portal *portal_next(const struct portal *p); /* of its session */
const char *portal_service(const struct portal *p);
int portal_add(struct engine *e, struct seam_msg *m);
int portal_del(struct engine *e, const struct seam_msg *m);
int portal_stream_answer(struct engine *e, struct seam_msg *m); /* STREAM_ACCEPT, STREAM_REFUSE */
void portals_end(struct engine *e, struct endpoint *ep);

#endif
