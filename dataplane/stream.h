/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Streams of a session: ordered bytes both ways, each way with its own credit and its own end. Pure
 * state: records come in by streams_take, leave by streams_put and streams_next, and what an
 * application's socket has to do is asked for by `news`. Payload is sealed and opened where it
 *lies:
 *
 *	sending    stream_in_slots gives blocks with room in front and behind, the socket is read
 *		   into them, they are sealed and sent as they are
 *	receiving  opened bytes go to the application from the receive buffer; only what it does not
 *		   take at once is copied
 *
 * A stream that has ended (`state`) is out of its session and stays until stream_free. One worker.
 * Source: docs/protocol.md "Streams".
 */
#ifndef OCKAM_STREAM_H
#define OCKAM_STREAM_H

#include "bufpool.h"
#include "credit.h"
#include "label.h"
#include "record.h"
#include "spool.h"

#include <sys/queue.h>

enum {
	STREAM_HEADROOM = WIRE_HEADER + RECORD_STREAM_HEAD,
	STREAM_PAYLOAD_MAX = 60 << 10, /* of one record */
	STREAM_BLOCK = 64 << 10,       /* what one is received into */
	STREAM_SPARE_BLOCKS = 64,
	STREAM_SLOTS = 16,	   /* records a stream has ready */
	STREAM_SPANS = 24,	   /* records on their way to the application, in place */
	STREAM_SMALL = 2048,	   /* so little is copied into a frame with others */
	STREAM_SESSION_SLOTS = 32, /* blocks that one session's senders fill */
	STREAM_REFUSALS_MAX = 256, /* streams that only wait for their REFUSE to leave */
	STREAM_BESIDE_MS =
		250, /* so long after small records of one, large ones of others hold back: */
	STREAM_BESIDE =
		512 << 10, /* to so many bytes that are not consumed, and again for each ms */
};

enum stream_state {
	STREAM_OPENING, /* our OPEN has no answer */
	STREAM_ASKED,	/* the peer's OPEN has no answer */
	STREAM_OPEN,
	STREAM_LEAVING, /* REFUSE or RST has to leave */
	STREAM_ENDED,
};

/*
 * What has to leave of a stream beside its bytes. Where the hub `collects`, what nobody is stopped
 * by waits for company: ACCEPT, and the confirmation of an end. stream_hub_hurry ends that wait.
 */
enum stream_due { DUE_OPEN = 1, DUE_ACCEPT = 2, DUE_WINDOW = 4, DUE_REFUSE = 8, DUE_RST = 16 };

struct stream_slot {
	struct buf *b;
	uint32_t len; /* at b->data + STREAM_HEADROOM */
};

struct stream_span {
	struct buf *b;
	uint8_t *p;
	uint32_t len;
};

struct streams;

struct stream {
	struct label_node node; /* (id, 0) */
	TAILQ_ENTRY(stream) due_at, ready_at, news_at, wait_at;
	struct streams *all; /* NULL: ended */
	struct stream_hub *hub;
	void *app; /* of whoever serves the application's socket */
	uint32_t session, portal;
	enum stream_state state;
	uint8_t due, name_len;
	bool in_due, in_later, in_small, in_bulk, in_news, in_wait;
	bool asked_told, closed_told; /* control knows */
	bool answered, dial_failed;   /* a peer's OPEN; and control is to be asked for it */
	uint8_t code;		      /* ended: enum refuse_code when it was refused */
	bool reset;		      /* ended: not in order */
	char name[WIRE_NAME_MAX + 1];

	uint64_t tx_next, tx_queued; /* offsets: sealed so far; with what is ready */
	uint64_t tx_acked, tx_limit;
	struct stream_slot ready[STREAM_SLOTS];
	unsigned n_ready;
	struct buf *given[STREAM_SLOTS]; /* being received into */
	unsigned n_given;
	size_t deficit;
	uint64_t large_ms; /* when a large record left last; 0: none has */
	bool in_wanted;	   /* news when there is room again */
	bool busy;	   /* its application had more than fitted into the last slots */
	bool fin_wanted, fin_sent;

	struct credit rx;
	uint64_t tuned; /* of rx.window: what it got because its reader keeps up */
	struct stream_span span[STREAM_SPANS];
	unsigned n_spans;
	struct spool held;
	size_t offered; /* bytes given out by stream_out_take */
	bool taken, full;
	bool fin_came, fin_done;
	uint64_t delivered; /* bytes that the application took */
};

TAILQ_HEAD(stream_list, stream);

/* What the streams of one engine share. */
struct stream_hub {
	struct bufpool *pool;
	struct stream_list news;
	LIST_HEAD(, streams) sessions;
	unsigned count;	       /* streams of all sessions */
	uint64_t changes;      /* that came or went */
	size_t held, held_max; /* bytes copied because their applications do not read */
	bool collects;
	TAILQ_HEAD(, streams) later; /* sessions in which something waits for company */
	/* sums of windows beyond WIRE_STREAM_FIRST: from the begin, and tuned */
	uint64_t given, tuned, grown_max;
	unsigned streams_max; /* open per session and opener */
};

struct streams {
	struct stream_hub *hub;
	LIST_ENTRY(streams) of_hub;
	TAILQ_ENTRY(streams) later_at; /* while `later` has some */
	struct label_table table;
	uint32_t session;
	bool initiator, lossy, over; /* over: the session carries nothing any more */
	uint32_t payload_max;
	uint32_t next_id, peer_id; /* the next of ours; the highest of the peer */
	unsigned own, peers;	   /* in the table */
	uint64_t tx_sent, tx_acked, tx_limit;
	struct credit rx;
	uint64_t granted; /* sum over streams of what the peer may still have unconsumed */
	uint64_t given, tuned;
	size_t held;
	unsigned slots;	 /* ready and given */
	unsigned busy;	 /* streams that are */
	uint64_t now_ms; /* of the output that is made */
	uint64_t little_ms,
		large_ms; /* when a small record left of a stream that has no large ones; 0 */
	uint64_t
		beside; /* what a stream with large records may have unconsumed beside such a one */
	struct stream_list due, later, small, bulk, waiting;
};

/* streams.c: life */
void stream_hub_init(
	struct stream_hub *hub, struct bufpool *pool, size_t held_max, uint64_t grown_max);
int streams_init(struct streams *st, struct stream_hub *hub, uint32_t session, bool initiator,
	bool lossy, uint16_t frame_max, uint64_t seed); /* 0 or -ENOMEM */
/* The session is over: every stream ends with a reset, nothing more is sent. */
void streams_end(struct streams *st);
void streams_fini(struct streams *st);
/* Opens a stream to a service. -EPIPE: the session is over; -EOPNOTSUPP: the path is lossy;
 * -EMFILE: too many are open; -EOVERFLOW: numbers are used up; -ENOMEM. */
int stream_open(struct streams *st, const char *name, struct stream **out);
/* In the table, told nothing: tx_limit is what the peer takes from the begin. NULL: no memory. */
struct stream *stream_new(struct streams *st, uint32_t id, uint64_t tx_limit);
struct stream *stream_find(const struct streams *st, uint32_t id);
/* The answer to a peer's OPEN; -EALREADY. */
int stream_accept(struct stream *s);
int stream_refuse(struct stream *s, uint8_t code);
/* Ends it with RST. */
void stream_reset(struct stream *s);
/* The application's side has let go of an ended stream: nothing is taken or given any more. */
void stream_free(struct stream *s);
/* Whoever serves the application shall look. */
void stream_news(struct stream *s);
struct stream *stream_next_news(struct stream_hub *hub);

/* stream_rx.c: from the peer to the application */
/* One record of kind OPEN, ACCEPT, REFUSE, STREAM or WINDOW, whose bytes lie in b (NULL: borrowed,
 * to be copied). 0; -EPROTO, -EDQUOT: the session ends with CLOSE(protocol), CLOSE(flow). */
int streams_take(struct streams *st, const struct record *rec, struct buf *b);
/* Bytes for the application, in place, until stream_out_done. *end: nothing but the end is left,
 * to be confirmed by stream_out_end. */
unsigned stream_out_take(struct stream *s, struct iovec *iov, unsigned max, bool *end);
/* How many bytes the application took; a negative errno resets. When it took not all (or -EAGAIN)
 * nothing is given before stream_out_room. */
void stream_out_done(struct stream *s, int64_t n);
void stream_out_room(struct stream *s);
void stream_out_end(struct stream *s);

/* stream_tx.c: from the application to the peer */
/* How many bytes may be received from the application; 0: not now, news will come. */
uint32_t stream_in_room(struct stream *s);
/* Blocks to receive into, until stream_in_done; 0: not now, news will come. */
unsigned stream_in_slots(struct stream *s, struct iovec *iov, unsigned max);
/* n bytes are in the blocks; -EAGAIN: none; 0: end of stream; another negative errno resets. */
void stream_in_done(struct stream *s, int64_t n);
/* len bytes, no more than stream_in_room, lie at b->data + STREAM_HEADROOM, with WIRE_TAG bytes
 * free behind them; takes over one reference. */
void stream_in_adopt(struct stream *s, struct buf *b, uint32_t len);
/* Something is due or small: streams_put has something to write. */
bool streams_frame_ready(const struct streams *st, bool paused);
/* streams_next has something to give; never while the path is paused. */
bool streams_bulk_ready(const struct streams *st);
/* Streams with small records share it with such as have large ones. */
bool streams_shared(const struct streams *st);
/* Writes what is due and what is small into a frame's records. */
void streams_put(struct streams *st, struct wr *w, bool paused);
/* The next large record, in place: from b->data a frame of *len bytes with everything but its
 * header and tag written; a reference passes. NULL: none may leave now. */
struct buf *streams_next(struct streams *st, uint32_t *len);
/* Puts s where its bytes or its end wait for their turn, if they may leave. */
void stream_make_ready(struct stream *s);
void stream_busy(struct stream *s, bool busy);
/* Blocks were freed: who waits for some may ask again. */
void streams_wake(struct streams *st);
void stream_due(struct stream *s, enum stream_due what);
/* The same for what may wait for company. */
void stream_due_later(struct stream *s, enum stream_due what);
void stream_later_leave(struct stream *s); /* off the list, if it is on it */
/* Nothing waits any more; for each session: what to do, it may send. */
void stream_hub_hurry(
	struct stream_hub *hub, void (*told)(void *ctx, struct streams *st), void *ctx);
/* Ends it when both ways are through. */
void stream_check_end(struct stream *s);
/* Out of the session; `reset`, and the code if it was refused. */
void stream_end(struct stream *s, bool reset, uint8_t code);
/* Its reader keeps up, so the window may be wider, within what session and node have to give. */
void stream_widen(struct stream *s, uint64_t want);
/* More or less is held for its application. */
void stream_held(struct stream *s, size_t more, size_t less);
void stream_tell(struct stream *s, struct record_window *out);
/* The session's own window follows what its streams were granted. */
void streams_session_window(struct streams *st);

#endif
