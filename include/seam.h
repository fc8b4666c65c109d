/* SPDX-License-Identifier: Apache-2.0 */
/* clang-format off */
/*
 * The seam: the one interface between the control plane and the data plane.
 *
 * Messages are netlink-format (nlmsghdr + attributes, libmnl) over the SOCK_SEQPACKET Unix socket
 * run/NAME/seam.sock, at most SEAM_MSG_MAX bytes each; sockets pass beside a message as SCM_RIGHTS.
 * Integers are host order. Control sends commands with NLM_F_REQUEST|NLM_F_ACK and a sequence
 * number; each is answered by exactly one NLMSG_ERROR (0 or a negative errno) with that number,
 * preceded for GET commands by one message of the same command with the answer's attributes.
 * Commands for one object are executed in order. Events come from the data plane with seq 0.
 * Only SEAM_FRAME, SEAM_DGRAM, SEAM_MSG and SEAM_DIAL_ADD are fire-and-forget: no ACK when sent without NLM_F_ACK.
 *
 * Identifiers: control numbers sessions, listeners and the links it adds (links: even numbers); the
 * data plane numbers accepted links (odd numbers). A number is never used twice.
 *
 * command          from     attributes (* required)                     fd      errors
 * SEAM_HELLO       control  version*                                    -       -EPROTO (version)
 *        answer:            version workers suites (bit 1 << enum wire_suite) missing serial session
 *                           link listener (the highest that were seen: control goes on above them)
 * SEAM_END         control  -            the controller is about to close the seam in order, which
 *                           ends the data plane
 * SEAM_SET         control  [busy_poll_us] [max_queue] [max_rate] [max_burst]      what is absent stays -
 *                           busy_poll_us: how long a worker without work looks for some before it
 *                           sleeps, 0: not at all. The rest is what a link may have, or all links
 *                           with the same tenant together (0: no limit): bytes of its frames that
 *                           wait to leave by others; bytes a second, and so many saved up.
 * SEAM_OUTLIVE     control  -            the node is ready: from now on the data plane goes on when
 *                           the seam closes without SEAM_END. It carries what is there, closes what
 *                           comes anew, and waits for another controller. Until then it ends with
 *                           its controller, so that a start that fails leaves nothing.
 * SEAM_DUMP        control  -            what another controller has left; new connections are taken
 *                           from when this is acknowledged
 *        answers, any number, in this order for what belongs to one worker:
 *        SEAM_DUMP_LINK     link* up* frame_max* session (a channel link) note
 *        SEAM_DUMP_LABEL    link* label* out_link label_tx       a row that is no session's
 *        SEAM_DUMP_SESSION  session* label* label_tx* up* link (absent: its path is gone)
 *                           error (broken) close (it only says CLOSE) note
 *        SEAM_DUMP_PORTAL   session* portal*, with a duplicate of its listening socket
 *        SEAM_DUMP_LISTENER listener*, with a duplicate of the socket
 *                           Behind a session come STREAM_ASKED again for streams that nobody has
 *                           answered.
 * SEAM_LISTENER_ADD control listener*                                   socket  -EEXIST -EMFILE
 *                           A listening stream socket, or a bound datagram socket: of its datagrams
 *                           those that are of no link come up as DGRAM, if they may be a HELLO.
 * SEAM_LISTENER_DEL control listener*                                   -       -ENOENT
 * SEAM_LINK_ADD    control  link* session (for a channel link) out_link origin peer
 *                                                                       socket  -EEXIST -ENOENT -EMFILE
 *                           The link starts down: only LINK frames pass either way. out_link: the
 *                           link that it will exchange most frames with; one worker gets both.
 *                           origin: links with the same number share what one may send to control.
 *                           peer: its address or channel, as operators are told.
 *                           A datagram link has tag_rx*, and either a connected socket (this node
 *                           has dialled), or listener* and address*: frames from there are the
 *                           link's.
 * SEAM_LINK_SET    control  link* up* frame_max* note origin (0: not shared) tag_tx address tenant
 *                           A datagram link has tag_tx; `address` moves it there, from a listener's.
 *                                                       -       -ENOENT -EMSGSIZE
 *                                                               -EADDRINUSE (another link's)
 * SEAM_LINK_DEL    control  link*        closes the socket              -       -ENOENT
 * SEAM_LINK_GET    control  link*                                       -       -ENOENT
 *        answer:            link up frames_rx frames_tx bytes_rx bytes_tx dropped limited (how often a
 *                           limit has held it back, or has ended one of its paths)
 *                           bytes_through: of bytes_rx, those that passed without being copied
 * SEAM_LABEL_ADD   control  link* label* out_link label_tx              -       -EEXIST -ENOENT
 *                           Frames that arrive on `link` with `label` leave by out_link; without
 *                           out_link the row is a local half-open end: FINISH goes up, DATA drops.
 *                           -EEXIST when the key is taken by anything else; an equal row is 0.
 *                           label_tx, for the dump: the label of the path's other row, (out_link,
 *                           label_tx).
 * SEAM_LABEL_DEL   control  link* label*                                -       -ENOENT
 * SEAM_LABEL_GET   control  link* label*                                -       -ENOENT
 *        answer:            link label idle_ms      and of a row that the kernel may serve: frames_rx
 *                           bytes_rx (what it has; idle_ms is since then too, as LINK_GET counts it)
 * SEAM_KERNEL_GET  control  -            of rows between datagram links       -       -EOPNOTSUPP
 *        answer:            open (that the kernel serves) wanted (that it should) frames_rx bytes_rx
 *                           (what it has forwarded) why (not all are served, or none can be; or empty)
 * SEAM_SESSION_ADD control  session* serial* role* suite* link* label (rx)* label_tx* frame_max*
 *                           chain_rx* chain_tx* (32 bytes each) exporter* path_flags close note
 *                           peer (its identifier, as operators are told)
 *                           Takes over a half-open row (link, label), or makes one. Role initiator:
 *                           sends nothing before it has opened a frame. Role responder: sends PING
 *                           at once. With `close`: sends CLOSE(code) instead, answers SESSION_PING
 *                           with it again, carries nothing else.
 *                                                       -       -EEXIST -ENOENT -ESTALE (serial seen)
 * SEAM_SESSION_DEL control  session* close (absent: drop without a word) -      -ENOENT
 *                           With close: sends CLOSE, then reports SESSION_CLOSED when the peer has
 *                           answered or after 5 s. Without: the row is gone when this is
 *                           acknowledged.
 * SEAM_SESSION_PING control session*     PING (or the CLOSE of a refused one) now, PAUSE or not
 *                                                                       -       -ENOENT
 * SEAM_SESSION_GET control  session*                                    -       -ENOENT
 *        answer:            session epoch_tx epoch_rx frames_rx frames_tx bytes_rx bytes_tx replays
 *                           auth_failures rtt_us up
 * SEAM_PORTAL_ADD  control  portal* session* service*     socket  -EEXIST -ENOENT -EPIPE -EBADF
 *                                                                 -EOPNOTSUPP (a lossy path)
 *                           An inlet: connections to this listening socket become streams of the
 *                           session, opened to `service`. Several sessions may serve one portal
 *                           number: each connection goes to one of them, whichever accepts it. Gone
 *                           with the session.
 * SEAM_PORTAL_DEL  control  portal* session*                            -       -ENOENT
 *                           Takes no more connections; streams that are open go on.
 * SEAM_PORTAL_GET  control  portal, or service                          -       -EINVAL
 *        answer:            open streams bytes_rx bytes_tx       of an inlet, or of the outlets of
 *                           that name: the connections that are open now; all that there were since
 *                           the data plane began, with what they have moved; bytes_rx went to the
 *                           applications. Of what has not been used for longest it may have forgotten.
 * SEAM_STATS_GET   control  worker* (from 0; behind the last: the main thread)    -       -ENOENT
 *        answer:            worker counters   a line each, "KIND VALUE NAME": what became of the frames of
 *                           this worker (stage, and waiting: now), why some were dropped (drop) or, made
 *                           here, not sent (unsent), and what sends there were (send). Of the main
 *                           thread: connections without HELLO, now (pending), and closed (refused)
 * SEAM_STREAM_ACCEPT control session* stream*                           socket  -ENOENT -EALREADY
 *                           The answer to STREAM_ASKED: a connected socket.
 * SEAM_STREAM_REFUSE control session* stream* code* (enum refuse_code)  -       -ENOENT -EALREADY
 * SEAM_DIAL_ADD    control  service*     socket   -EBADF -ENOBUFS (there are enough)
 *                           A TCP socket whose connect is deferred to its first send, aimed at the
 *                           target of that outlet: for a stream that a peer will open to it. Such a
 *                           stream is connected by the data plane, and STREAM_ASKED comes only when
 *                           that fails, or when no socket is left. All go when control connects anew.
 * SEAM_DIAL_DEL    control  service*     those are closed that were not used           -
 * SEAM_FRAME       both     link* frame* (bytes)   control: send this frame (INIT, RESP, FINISH,
 *                           RESET, CONTROL, LINK) on the link. data plane: such a frame arrived.
 * SEAM_DGRAM       both     listener* address* frame*   a datagram of no link: came, or is to be sent
 * SEAM_MSG         both     session* message* (id u32) more body* (<= SEAM_BODY_MAX)
 *                           A part of a MSG record's body; `more` (flag) when others follow.
 *                           With NLM_F_ACK control learns -ENOBUFS (queue full), -ENOENT, -EPIPE.
 *
 * events           from data plane
 * SEAM_LINK_NEW    link* listener* peer* (text, "127.0.0.1:4000" or "unix")   accepted, still down;
 *                           the header of its HELLO has come, the frame follows
 * SEAM_LINK_LOST   link* error (negative errno; 0 = end of stream)       its rows are gone already
 * SEAM_LINK_SILENT link*                 a datagram link that this node dialled has an unanswered PING:
 *                           perhaps its address is another now. Once per silence.
 * SEAM_LABEL_USED  link* label*          the first DATA passed this row
 * SEAM_SESSION_UP  session*              the first frame of the peer was opened
 * SEAM_SESSION_MTU session* frame_max*   the largest frame that its path carries now, when that changes
 * SEAM_SESSION_BROKEN session* error     the path is broken (nothing opened, gap, hard limit); the
 *                           session stays until SESSION_DEL
 * SEAM_SESSION_CLOSED session* close*    CLOSE came and was answered, or ours was; rows are gone
 * SEAM_LABEL_LOST  link* label* code*    the data plane reset this path on this row's side
 *                           (overrun, link lost): control passes the RESET on and forgets the path
 * SEAM_STREAM_ASKED session* stream* service*     the peer opens a stream to a service: to be
 *                           answered by STREAM_ACCEPT or STREAM_REFUSE
 * SEAM_STREAM_CLOSED session* stream* error* code* portal*   portal: the peer refused a stream of an
 *                           inlet, code says why. 0: a stream of STREAM_ASKED has ended before it was
 *                           answered. Of those that end otherwise only PORTAL_GET tells.
 * SEAM_DIAL_WANTED service*              few sockets of DIAL_ADD are left; once, until one comes
 *
 * A note is what control wants to be told again of a link or session by the dump, at most
 * SEAM_NOTE_MAX bytes; the data plane does not look into it. It holds no keys.
 *
 * Keys (chain_rx, chain_tx, exporter) are never in a dump. They are wiped by control when the ACK
 * has come, and the receive buffer by the data plane when they are installed. Handed up by the data
 * plane: types 1, 2, 3, 6, 7 and 8 except LINK PING, PONG, PAUSE, RESUME, TOOBIG; FINISH for a
 * local row that is half-open or whose session is younger than WIRE_TOMBSTONE_MS.
 */
/* clang-format on */
#ifndef OCKAM_SEAM_H
#define OCKAM_SEAM_H

#include "secret.h"
#include "udp_address.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	SEAM_VERSION = 1,
	SEAM_MSG_MAX = 65535 + 512, /* one SEQPACKET datagram */
	SEAM_BODY_MAX = 32768,
	SEAM_NOTE_MAX = 16384,
	SEAM_CMD_BASE = 0x10, /* NLMSG_MIN_TYPE */
};

enum seam_cmd {
	SEAM_HELLO = SEAM_CMD_BASE,
	SEAM_LISTENER_ADD,
	SEAM_LISTENER_DEL,
	SEAM_LINK_ADD,
	SEAM_LINK_SET,
	SEAM_LINK_DEL,
	SEAM_LINK_GET,
	SEAM_LABEL_ADD,
	SEAM_LABEL_DEL,
	SEAM_LABEL_GET,
	SEAM_SESSION_ADD,
	SEAM_SESSION_DEL,
	SEAM_SESSION_PING,
	SEAM_SESSION_GET,
	SEAM_FRAME,
	SEAM_MSG,
	SEAM_LINK_NEW,
	SEAM_LINK_LOST,
	SEAM_LABEL_USED,
	SEAM_SESSION_UP,
	SEAM_SESSION_BROKEN,
	SEAM_SESSION_CLOSED,
	SEAM_LABEL_LOST,
	SEAM_PORTAL_ADD,
	SEAM_PORTAL_DEL,
	SEAM_STREAM_ACCEPT,
	SEAM_STREAM_REFUSE,
	SEAM_STREAM_ASKED,
	SEAM_STREAM_CLOSED,
	SEAM_END,
	SEAM_SESSION_SET,
	SEAM_DUMP,
	SEAM_DUMP_LISTENER,
	SEAM_DUMP_LINK,
	SEAM_DUMP_LABEL,
	SEAM_DUMP_SESSION,
	SEAM_DUMP_PORTAL,
	SEAM_OUTLIVE,
	SEAM_DGRAM,
	SEAM_LINK_SILENT,
	SEAM_PORTAL_GET,
	SEAM_SESSION_MTU,
	SEAM_STATS_GET,
	SEAM_DIAL_ADD,
	SEAM_DIAL_DEL,
	SEAM_DIAL_WANTED,
	SEAM_SET,
	SEAM_KERNEL_GET,
	SEAM_CMD_END
};

/* Attribute types; 0 is not used. The type of each value is that of the field in struct seam_msg. */
enum seam_attr {
	SEAM_A_VERSION = 1,
	SEAM_A_WORKERS,
	SEAM_A_SUITES,
	SEAM_A_LISTENER,
	SEAM_A_LINK,
	SEAM_A_OUT_LINK,
	SEAM_A_UP,
	SEAM_A_FRAME_MAX,
	SEAM_A_LABEL,
	SEAM_A_LABEL_TX,
	SEAM_A_SESSION,
	SEAM_A_SERIAL,
	SEAM_A_ROLE,
	SEAM_A_SUITE,
	SEAM_A_PATH_FLAGS,
	SEAM_A_CHAIN_RX,
	SEAM_A_CHAIN_TX,
	SEAM_A_EXPORTER,
	SEAM_A_CLOSE,
	SEAM_A_MESSAGE,
	SEAM_A_MORE,
	SEAM_A_FRAME, /* and the body of SEAM_MSG */
	SEAM_A_PEER,
	SEAM_A_ERROR,
	SEAM_A_CODE,
	SEAM_A_IDLE_MS,
	SEAM_A_EPOCH_TX,
	SEAM_A_EPOCH_RX,
	SEAM_A_FRAMES_RX,
	SEAM_A_FRAMES_TX,
	SEAM_A_BYTES_RX,
	SEAM_A_BYTES_TX,
	SEAM_A_DROPPED,
	SEAM_A_REPLAYS,
	SEAM_A_AUTH_FAILURES,
	SEAM_A_RTT_US,
	SEAM_A_PORTAL,
	SEAM_A_STREAM,
	SEAM_A_SERVICE,
	SEAM_A_NOTE,
	SEAM_A_ORIGIN,
	SEAM_A_MISSING,
	SEAM_A_TAG_RX,
	SEAM_A_TAG_TX,
	SEAM_A_ADDRESS,
	SEAM_A_OPEN,
	SEAM_A_WORKER,
	SEAM_A_COUNTERS,
	SEAM_A_STREAMS,
	SEAM_A_BUSY_POLL_US,
	SEAM_A_MAX_QUEUE,
	SEAM_A_MAX_RATE,
	SEAM_A_MAX_BURST,
	SEAM_A_TENANT,
	SEAM_A_LIMITED,
	SEAM_A_BYTES_THROUGH,
	SEAM_A_WANTED,
	SEAM_A_WHY,
	SEAM_A_END
};
#define SEAM_HAS(attr) (1ull << (attr))

/* SEAM_A_MISSING: parts of a sandbox that this kernel does not have, or that could not be entered.
 */
enum seam_missing {
	SEAM_NO_CAPABILITIES = 1, /* they were not dropped */
	SEAM_NO_FILES = 2,	  /* Landlock */
	SEAM_NO_TCP = 4,	  /* Landlock's for bind and connect */
	SEAM_NO_SIGNALS = 8,	  /* Landlock's for signals and abstract sockets */
	SEAM_NO_CALLS = 16,	  /* the filter */
	SEAM_NO_RING = 32,	  /* restrictions of io_uring */
};

enum seam_role { SEAM_INITIATOR = 1, SEAM_RESPONDER = 2 };

/*
 * One message, decoded. `has` says which fields are set: SEAM_HAS(SEAM_A_LINK) | ... The same struct
 * is filled to send. Pointers borrow from the received buffer or the caller.
 */
struct seam_msg {
	uint16_t cmd;	/* enum seam_cmd, or SEAM_ACK */
	bool want_ack;	/* NLM_F_ACK */
	uint32_t seq;
	int32_t error;	/* SEAM_ACK: 0 or negative errno; SEAM_A_ERROR */
	uint64_t has;
	int fd;		/* -1, or a socket that passes; owned by whoever takes it */
	uint32_t version, workers, suites, missing;
	uint32_t listener, link, out_link;
	uint8_t up, role, suite, path_flags, close, more, code;
	uint16_t frame_max;
	uint32_t label, label_tx;
	uint32_t session;
	uint64_t serial;
	struct secret32 chain_rx, chain_tx, exporter;
	uint32_t message;
	const uint8_t *frame;
	uint32_t frame_len;
	const uint8_t *note;
	uint32_t note_len;
	uint64_t tag_rx, tag_tx;
	struct udp_address address;
	const char *peer; /* NUL-terminated */
	uint32_t portal, stream, open, wanted;
	const char *why; /* NUL-terminated */
	const char *service; /* NUL-terminated */
	uint32_t worker;
	const char *counters; /* NUL-terminated */
	uint32_t idle_ms, epoch_tx, epoch_rx, rtt_us;
	uint64_t frames_rx, frames_tx, bytes_rx, bytes_tx, dropped, replays, auth_failures;
	uint64_t origin, streams, tenant, limited;
	uint32_t busy_poll_us;
	uint64_t max_queue, max_rate, max_burst;
	uint64_t bytes_through;
};
enum { SEAM_ACK = 2 }; /* NLMSG_ERROR */

/* Encodes into cap bytes; the length, or -EMSGSIZE, -EINVAL (a required attribute is missing). */
int seam_encode(const struct seam_msg *m, void *buf, size_t cap);
/*
 * Decodes one datagram, by a policy table: unknown attributes are skipped, wrong lengths, a missing
 * required attribute or an unknown command: -EBADMSG. `fd` is set to -1. `answer` tells which table:
 * true for what the data plane sends (answers and events), false for what control sends.
 */
int seam_decode(struct seam_msg *m, const void *buf, size_t len, bool answer);
const char *seam_cmd_name(uint16_t cmd);
/* SEAM_A_ORIGIN of an address: its IPv4 address, or its /64 of IPv6; 0 for all others. */
struct sockaddr_storage;
uint64_t seam_origin(const struct sockaddr_storage *from);

/* Sends or receives one datagram with at most one descriptor. Bytes, or negative errno; 0: the end,
 * and *fd is -1. A descriptor that this process may not have any more is missing, as if none had been
 * sent. */
int seam_send(int sock, const void *buf, size_t len, int fd);
int seam_recv(int sock, void *buf, size_t cap, int *fd);

#endif
