/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The data plane of one worker without any I/O: its links, label rows and sessions. Received bytes
 * are given in, bytes to send are taken out, commands come as struct seam_msg and news leaves
 * through struct engine_ops. No clock, no system call, no lock: tests/sim runs whole nodes in one
 * process. One thread per engine. The ops are called from inside and must not call back into the
 * engine, except engine_tx_take from link_close.
 */
#ifndef OCKAM_ENGINE_H
#define OCKAM_ENGINE_H

#include "admin.h"
#include "bufpool.h"
#include "seam.h"
#include "serial.h"
#include "stats.h"

#include <sys/uio.h>

struct allowance;
struct allowances;
struct conduit;
struct engine;
struct link;
struct portal;
struct stream;

enum { ENGINE_LOCAL = -1 };

/* What one worker's engine has to tell another's. */
enum engine_mail_kind {
	MAIL_FRAMES, /* `len` bytes of frames of one path, at `at` in `frames`, leave by `link`;
			row (from_link, label) */
	MAIL_FRAMES_DONE, /* `len` bytes of row (link, label) were taken out of the mail */
	MAIL_ROW_PAUSE, /* row (link, label): its queue here (or the hop behind, `next`) is full or
			   not (`on`) */
	MAIL_ROW_LOST,	/* row (link, label): reset it with `code` */
	MAIL_EGRESS_PAUSE, /* the neighbour on `link` asked to hold `label` back; for every other
			      worker */
	MAIL_LINK_GONE,	   /* rows that leave by `link` have no way out any more; for every other
			      worker */
	MAIL_THROUGH,	   /* `len` bytes of frames of row (from_link, label) lie in `conduit`, for
			      `link` */
	MAIL_RELEASE,	   /* what lies in `conduit` for `link` goes to memory */
};

struct engine_mail {
	enum engine_mail_kind kind;
	uint32_t link, label, from_link;
	unsigned from_worker;
	bool on, next;
	uint8_t code;
	struct buf *frames; /* from buf_plain or buf_travel: moves to the receiver */
	uint8_t *at;
	uint32_t len;
	size_t window;		/* that from_link offered last */
	struct allowance *from; /* of from_link, to be left; NULL: it is not counted */
	struct conduit *conduit; /* one reference; it moves to the receiver */
	unsigned through_frames;
	uint32_t biggest; /* frame of them */
};
/* Lets go of what a mail carries, when nobody is there to take it. */
void engine_mail_drop(const struct engine_mail *m);

struct engine_ops {
	/*
	 * A message for control; what it points to is borrowed. For SEAM_MSG and news of streams:
	 * true when it waits on its way, then engine_delivered says when it has gone. Otherwise the
	 * result means nothing.
	 */
	bool (*event)(void *ctx, const struct seam_msg *m);
	/* May be NULL with a single worker. */
	void (*post)(void *ctx, unsigned worker, const struct engine_mail *m);
	/* A socket (m->fd of SEAM_LINK_ADD, now the callee's) became a link: what link_io shall
	 * return. NULL: -ENOMEM. */
	void *(*link_open)(void *ctx, struct link *l, int fd);
	/* The same for a datagram link at the socket of a listener; NULL: *error. May be NULL. */
	void *(*link_open_at)(void *ctx, struct link *l, uint32_t listener,
		const struct udp_address *at, int *error);
	/* Its far end is there from now on. 0, -EADDRINUSE, -EOPNOTSUPP. May be NULL. */
	int (*link_move)(void *ctx, struct link *l, const struct udp_address *at);
	/* The last call for this link. May take and send once what waits (engine_tx_take without
	 * _done). */
	void (*link_close)(void *ctx, struct link *l);
	/*
	 * Rows between datagram links may be served by the kernel (kernel_path.h); all may be NULL,
	 * or none. A datagram link is up, perhaps with other addresses than before; it is gone. The
	 * first frame of a row of it passed; such a row is gone.
	 */
	void (*way_set)(void *ctx, struct link *l, uint16_t frame_max);
	void (*way_gone)(void *ctx, uint32_t link);
	void (*row_used)(void *ctx, uint32_t link, uint32_t label, uint32_t out_link);
	void (*row_gone)(void *ctx, uint32_t link, uint32_t label);
	/* What passed there, not here: of a row, by a link. last_ms: as now_ms. */
	bool (*row_passed)(void *ctx, uint32_t link, uint32_t label, struct passed *out);
	void (*link_passed)(void *ctx, uint32_t link, struct passed *in, struct passed *out);
	/* The kernel serves this row now; false: not, and why. */
	bool (*row_served)(void *ctx, uint32_t link, uint32_t label, char *why, size_t cap);
	/* Bytes that the link's socket, and who reads it, may take in before the engine sees them;
	 * may be NULL. */
	size_t (*rx_window)(void *ctx, struct link *l);
	/* Bytes that the socket took and that were not sent or not acknowledged yet; may be NULL.
	 */
	size_t (*tx_waiting)(void *ctx, struct link *l);
	/* An application's connected socket (of STREAM_ACCEPT, now the callee's) serves stream s:
	 * what stream_app shall return. NULL: no memory. May be NULL, as the next two, without
	 * portals. */
	void *(*app_open)(void *ctx, struct stream *s, int fd);
	/* The same for a stream that a peer has opened, by connecting a socket to where its service
	 * is: engine_stream_dialled comes later. NULL: control is asked. May be NULL. */
	void *(*app_dial)(void *ctx, struct stream *s);
	/* A listening socket (of PORTAL_ADD, now the callee's) belongs to portal p. NULL: no
	 * memory. */
	void *(*portal_open)(void *ctx, struct portal *p, int fd);
	void (*portal_close)(void *ctx, void *io); /* the last call for it */
	int (*portal_socket)(void *io); /* the listening socket; for a dump. May be NULL */
};

/* What only operators are told, about an object of this kind. */
struct engine_news {
	void (*tell)(void *ctx, enum admin_object object, struct admin_msg *row); /* NULL: nobody */
	void *ctx;
};

struct engine_config {
	unsigned worker, workers; /* this one, and how many: 0, 1 for a node without threads */
	uint64_t seed;		  /* random; neighbours must not know it */
	size_t queue_max;	  /* bytes in all queues; 0: WIRE_QUEUE_NODE_MAX / workers */
	size_t held_max;	  /* bytes held for applications that do not read; 0: the same */
	unsigned streams_max;	  /* per session and opener; 0: WIRE_STREAMS_MAX */
	struct allowances *allowances; /* shared by the engines of a node; NULL: no limits */
	bool collects;		       /* records wait for company until engine_hurry */
	struct serials *serials;       /* shared by the engines of a node */
	const struct engine_ops *ops;
	void *ctx;
	struct engine_news news;
};

struct engine *engine_new(const struct engine_config *cfg); /* NULL: no memory */
void engine_free(struct engine *e); /* closes all links, wipes all keys; no events */

/*
 * Executes one command of control: every one but LISTENER_*. 0 or a negative errno for the ACK;
 * answer->cmd is set when an answer goes before it. out_worker: who owns m->out_link of a
 * LABEL_ADD, when that is another worker; else ENGINE_LOCAL. m->fd is -1 afterwards when link_open
 * took it. Wipes the keys in m.
 */
int engine_apply(struct engine *e, struct seam_msg *m, int out_worker, struct seam_msg *answer,
	uint64_t now_ms);
void engine_mail(struct engine *e, const struct engine_mail *m, uint64_t now_ms);
/* So many bytes of a MSG; 0: news of a stream. */
void engine_delivered(struct engine *e, uint32_t session, size_t bytes, uint64_t now_ms);

/*
 * The next n bytes of a link's stream, at p inside b (engine_rx takes references of its own where
 * frames go on from there). They may be decrypted in place. The link may be gone afterwards
 * (link_close).
 */
void engine_rx(
	struct engine *e, struct link *l, struct buf *b, uint8_t *p, size_t n, uint64_t now_ms);
/*
 * The same for large receives: a frame that is incomplete at the end is not copied but stays with
 * the caller, who gives it again, in front of what comes next, to this or to engine_rx. How many
 * bytes it has.
 */
enum { ENGINE_KEEP_MAX = UINT16_MAX }; /* less than a frame */
size_t engine_rx_keep(
	struct engine *e, struct link *l, struct buf *b, uint8_t *p, size_t n, uint64_t now_ms);
/*
 * Datagrams of one link that lie back to back, each of `segment` bytes but the last, which may have
 * fewer. Each is one frame.
 */
void engine_rx_datagrams(struct engine *e, struct link *l, struct buf *b, uint8_t *p, size_t n,
	size_t segment, uint64_t now_ms);
/* End of stream (0) or a socket error (negative errno): the link goes, control is told. */
void engine_link_gone(struct engine *e, struct link *l, int error, uint64_t now_ms);

/*
 * Links that have something to send and are not waiting for room, each once; NULL: no more.
 * engine_tx_take gives what leaves in one sendmsg (number of pieces; 0: nothing, or a conduit:
 * engine_tx_conduit in through.h). Then
 * engine_tx_done with how many bytes went, or a negative errno. When not all went, or -EAGAIN, the
 * link waits for engine_tx_room. The pieces stay valid until engine_tx_done, and are at most
 * ENGINE_IOV_MAX.
 */
enum { ENGINE_IOV_MAX = 64, ENGINE_SEND_MAX = 1 << 20 };
struct link *engine_next_ready(struct engine *e, uint64_t now_ms);
unsigned engine_tx_take(
	struct engine *e, struct link *l, const struct iovec **iov, uint64_t now_ms);
void engine_tx_done(struct engine *e, struct link *l, int64_t sent, uint64_t now_ms);
void engine_tx_room(struct engine *e, struct link *l);

/*
 * Blocked links let go of the receive buffers that their pieces still lie in, by copying. To be
 * called when buffers run short, so that no link's slowness keeps others from being read.
 */
void engine_unpin(struct engine *e, uint64_t now_ms);

/*
 * Streams whose applications there is something to do for, each once, with an app; NULL: no more.
 * To be asked after everything that was given to the engine: news for control leaves by it too.
 * What is to be done (stream.h): write what stream_out_take gives, receive into stream_in_slots,
 * and when the stream has ended close the socket, then stream_free. After any call of stream_* that
 * tells something engine_stream_told lets its session send.
 */
struct stream *engine_next_stream(struct engine *e, uint64_t now_ms);
void engine_stream_told(struct engine *e, struct stream *s, uint64_t now_ms);
/* What app_dial began has come about; or not: then the stream has no app any more. */
void engine_stream_dialled(struct engine *e, struct stream *s, bool connected, uint64_t now_ms);
/* A connection came to a portal: opens a stream for it, served by `app`. Negative errno: it is to
 * be reset. */
int engine_portal_accept(
	struct engine *e, struct portal *p, void *app, struct stream **out, uint64_t now_ms);
uint32_t portal_number(const struct portal *p);
/*
 * With `collects`: whether records wait for others to share a frame with. None does after
 * engine_hurry, which is due when there is nothing else to do, or after some time.
 */
bool engine_waits(const struct engine *e);
void engine_hurry(struct engine *e, uint64_t now_ms);
/* Resets every stream, so that their applications' sides can let go before engine_free. */
void engine_streams_end(struct engine *e, uint64_t now_ms);

uint64_t engine_deadline(const struct engine *e); /* UINT64_MAX: never */
void engine_tick(struct engine *e, uint64_t now_ms);

/* Counts: a datagram that is of no link came; frames that were taken to be sent did not leave. */
void engine_drop_strange(struct engine *e, enum drop_reason why);
void engine_unsent(struct engine *e, struct link *l, enum drop_reason why, unsigned frames);
const struct stats *engine_stats(const struct engine *e);
uint32_t link_id(const struct link *l);
/* Received frames that were handled one by one: all but those that only joined a run. */
uint64_t link_frames_handled(const struct link *l);
uint64_t link_frames_received(const struct link *l);
/* Of those, what was dropped because of what it was: unknown labels and types, more than allowed.
 */
uint64_t link_frames_useless(const struct link *l);
bool link_is_alone(const struct link *l); /* it has shares of its own: no stranger's */
struct allowance *link_allowance(const struct link *l);
void *link_io(const struct link *l);
bool link_is_datagram(const struct link *l);
bool link_is_up(const struct link *l);
struct link *engine_link(const struct engine *e, uint32_t id); /* NULL: not here */

#endif
